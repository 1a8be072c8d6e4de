"""All services with pynetdicom 3.0.4, in both directions.

What either version is asked, and how it answers, is the same: the script that does it runs in
this process with the one and in another with the other.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from pydicom import Dataset
from pydicom.uid import DeflatedExplicitVRLittleEndian

from tests.interop.jobs import CLASSES, JOBS, NEGOTIATIONS, STORAGE, UIDS, Call, Job
from tests.interop.library import VARIOUS
from tests.interop.scripts.services import perform, start
from tests.support.associations import port_of
from tests.support.peers import Server, older_services, older_services_scu, reserve_port

pytestmark = pytest.mark.interop

# Version 3.0.4 loses a response now and then: it goes on without it, or aborts when it has waited
# in vain
ATTEMPTS = 3
SENT = dict(zip(UIDS, VARIOUS, strict=True))


class Ends:
    """An SCP of ours and one of the older version, each for all jobs.

    Parameters
    ----------
    older : Server
        The one of the older version; its output says what it received.
    port : int
        The port of ours.
    received : list of dict
        What ours has received.
    folders : dict
        Where either keeps what is stored, ``"OURS"`` and ``"OLDER"``.
    """

    def __init__(
        self,
        older: Server,
        port: int,
        received: list[dict[str, Any]],
        folders: dict[str, Path],
    ) -> None:
        self.older = older
        self.port = port
        self.folders = folders
        self._received = received
        self._known = 0

    def forget(self) -> None:
        """Forget what either has received."""
        for folder in self.folders.values():
            take(folder)
        self._received.clear()
        self._known += len(self.received("OLDER"))

    def received(self, name: str) -> list[dict[str, Any]]:
        """Return what has been received since."""
        if name == "OURS":
            found: list[dict[str, Any]] = json.loads(json.dumps(self._received))
            return found
        lines = [line for line in self.older.output().splitlines() if line.startswith("{")]
        return [json.loads(line) for line in lines[self._known :]]


def take(folder: Path) -> dict[str, bytes]:
    """Take the files of a folder by name."""
    found = {path.name: path.read_bytes() for path in folder.iterdir()}
    for path in folder.iterdir():
        path.unlink()
    return found


@pytest.fixture(scope="module")
def ends(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ends]:
    """Start both."""
    folder = tmp_path_factory.mktemp("services")
    syntaxes: dict[str, list[str]] = {}
    for job in JOBS.values():
        for sop_class, offered in job.contexts:
            known = syntaxes.setdefault(sop_class, [])
            known.extend(uid for uid in offered if uid not in known)
    spec: dict[str, Any] = {
        "contexts": [
            [uid, found, *([False, True] if uid in CLASSES else [])]
            for uid, found in syntaxes.items()
        ],
        "storage": [[sop_class, [syntax]] for sop_class, syntax in STORAGE],
        "answers": {},
    }
    for job in JOBS.values():
        spec["answers"].update({str(call.id): call.answer for call in job.calls})
    received: list[dict[str, Any]] = []
    (folder / "ours").mkdir()
    ae, server = start(0, spec, received.append, folder / "ours")
    with ExitStack() as stack:
        stack.callback(ae.shutdown)
        port = stack.enter_context(reserve_port())
        spec["destinations"] = {"OURS": port_of(server), "OLDER": port}
        path = folder / "spec.json"
        path.write_text(json.dumps(spec), "utf-8")
        older = stack.enter_context(older_services(port, path))
        folders = {"OURS": folder / "ours", "OLDER": folder / "scp-stored"}
        yield Ends(older, port_of(server), received, folders)


def normalised(responses: Sequence[Any]) -> list[list[Any]]:
    """Return responses without what the older version has at the wrong place, or has not.

    It tells in final responses too how many sub-operations remain, and does not tell the SOP
    Instance UID that the peer gave to what it created.
    """
    found = json.loads(json.dumps(responses))
    for status, _ in found:
        status.pop("00001000", None)
    found[-1][0].pop("00001020", None)
    return found


def expected(call: Call) -> list[list[Any]]:
    """Return the responses that a call is to have."""
    found = []
    for elements, data_set in call.responses:
        status = Dataset()
        for keyword, value in elements.items():
            setattr(status, keyword, value)
        found.append([status.to_json_dict(), None if data_set is None else data_set.to_json_dict()])
    return json.loads(json.dumps(found))


@dataclass
class Outcome:
    """What either end says of a job: the SCU's report and notes, and the SCP's notes."""

    report: dict[str, Any]
    scu: Sequence[dict[str, Any]]
    scp: Sequence[dict[str, Any]]


def check(job: Job, found: Outcome) -> None:
    """Compare what became of a job with what was to become of it, at both ends."""
    assert found.report["established"]
    assert found.report["released"]
    for call in job.calls:
        responses = found.report["responses"][str(call.id)]
        assert normalised(responses) == expected(call), call
        assert json.loads(json.dumps(call.received())) in found.scp, call
    for number, answer in job.more_answers.items():
        (call,) = [call for call in job.calls if call.id == number - 1000]
        (heard,) = [note for note in found.scu if note.get("id") == number]
        assert heard["AffectedSOPClassUID"] == call.arguments["class_uid"]
        assert heard["AffectedSOPInstanceUID"] == call.arguments["instance_uid"]
        assert heard["EventTypeID"] == call.answer["report"]["event_type"]
        assert heard["data_set"] == call.answer["report"]["data_set"]
        status, reply = [note for note in found.scp if note.get("reported") == call.id][-1]["reply"]
        assert status["00000900"]["Value"] == [answer["status"]]
        assert reply == (None if answer["status"] else {})


def check_stored(
    job: Job, notes: Sequence[dict[str, Any]], stored: dict[str, bytes], is_moved: bool
) -> None:
    """Compare what arrived with what was to be sent."""
    arrived = [note for note in notes if note.get("service") == "C_STORE"]
    sent = [(uid, call.id) for call in job.calls for uid in call.stored]
    assert [note["instance"] for note in arrived] == [uid for uid, _ in sent]
    assert [note["syntax"] for note in arrived] == [SENT[uid].transfer_syntax for uid, _ in sent]
    assert [(note["originator"], note["originator_id"]) for note in arrived] == [
        ("SCP", number) if is_moved else (None, None) for _, number in sent
    ]
    assert {uid: inflated(uid, data) for uid, data in stored.items()} == {
        uid: inflated(uid, SENT[uid].data_set()) for uid, _ in sent
    }


def inflated(uid: str, data: bytes) -> bytes:
    """Return an encoded data set; both versions deflate it anew if it is decoded to be sent."""
    if SENT[uid].transfer_syntax == DeflatedExplicitVRLittleEndian:
        return zlib.decompressobj(-zlib.MAX_WBITS).decompress(data)
    return data


def is_complete(job: Job, report: dict[str, Any]) -> bool:
    """Return whether the SCU has been answered as often as it was to be."""
    if "rejected" in report:
        return True
    responses = report["responses"]
    return report["released"] and all(
        len(responses.get(str(call.id), ())) == len(call.responses) for call in job.calls
    )


def with_our_scu(ends: Ends, job: Job, folder: Path) -> Outcome:
    """Let our SCU do a job with the older SCP."""
    for _ in range(ATTEMPTS):
        ends.forget()
        take(folder)
        notes: list[dict[str, Any]] = []
        report = perform(ends.older.port, job.to_json(), notes.append, folder)
        if is_complete(job, report):
            break
    return Outcome(json.loads(json.dumps(report)), notes, ends.received("OLDER"))


def with_our_scp(ends: Ends, job: Job, folder: Path) -> Outcome:
    """Let the older SCU do a job with our SCP."""
    spec = folder.parent / "job.json"
    spec.write_text(json.dumps(job.to_json()), "utf-8")
    for _ in range(ATTEMPTS):
        ends.forget()
        take(folder)
        *notes, report = older_services_scu(ends.port, spec)
        if is_complete(job, report):
            break
    return Outcome(report, notes, ends.received("OURS"))


Perform = Callable[[Ends, Job, Path], Outcome]
DIRECTIONS = pytest.mark.parametrize("perform_job", [with_our_scu, with_our_scp])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return where an SCU stores what it is sent."""
    path = tmp_path / "scu-stored"
    path.mkdir()
    return path


@DIRECTIONS
@pytest.mark.parametrize("name", JOBS)
def test_services(ends: Ends, folder: Path, name: str, perform_job: Perform) -> None:
    job = JOBS[name]
    found = perform_job(ends, job, folder)
    check(job, found)
    if name.startswith("get"):
        check_stored(job, found.scu, take(folder), False)
    elif name.startswith("move"):
        destination = name.rpartition("-")[2].upper()
        stored = take(ends.folders[destination])
        check_stored(job, ends.received(destination), stored, True)


@DIRECTIONS
@pytest.mark.parametrize("name", NEGOTIATIONS)
def test_negotiation(ends: Ends, folder: Path, name: str, perform_job: Perform) -> None:
    job = NEGOTIATIONS[name]
    found = perform_job(ends, job, folder)
    if name == "refused":
        assert found.report["rejected"] == job.agreed["rejected"]
    else:
        assert found.report["released"]
        agreed = found.report["negotiated"]
        assert {item: agreed[item] for item in job.agreed} == job.agreed
    for note in job.noted:
        assert note in found.scp
