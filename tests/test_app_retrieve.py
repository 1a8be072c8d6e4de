"""getscu and movescu: what they ask for, what they save, and what they say did not come."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pydicom import Dataset, dcmread
from pydicom.uid import UID, CTImageStorage, MRImageStorage

from pynetdicom import ALL_TRANSFER_SYNTAXES, StoragePresentationContexts, evt
from pynetdicom.apps.common.exits import Exit
from pynetdicom.apps.getscu.contexts import MOST, storage_contexts
from pynetdicom.apps.qrscp.settings import Destination
from pynetdicom.sop_class import (
    PatientRootQueryRetrieveInformationModelFind,
    PatientRootQueryRetrieveInformationModelGet,
)
from tests.interop.library import HISTORY, PATIENT_ROOT, STUDY_ROOT, VARIOUS, Library, keys
from tests.support.apps import Ended, call_app, command, environment
from tests.support.archives import LiveArchive, image, store, study_uid
from tests.support.peers import reserve_port
from tests.support.samples import contexts, instance_uid, requesting_ae, take
from tests.support.sockets import HOST, PATIENCE

StartSCP = Callable[..., Any]
Capture = pytest.CaptureFixture[str]

PATIENT = keys("PATIENT", PatientID="77654033")
EXPECTED = Library(HISTORY).expected(PATIENT)


def serve(start_scp: StartSCP, library: Library, *handlers: Any, **settings: Any) -> int:
    """Start an SCP that is a library, and return its port."""
    bound = [*library.handlers(), *handlers]
    port: int = start_scp(library.contexts(), bound, **settings).server_address[1]
    return port


class Peer:
    """A library, and an application that retrieves from it into a folder."""

    def __init__(self, app: str, port: int, folder: Path, capsys: Capture, *args: object) -> None:
        self.folder = folder
        self._command = [app, HOST, port, "-ll", "critical", "-od", folder, "--json", *args]
        self._capsys = capsys

    def run(self, *args: object) -> Ended:
        """Run the application."""
        return call_app(self._capsys, *self._command, *args)

    def take(self) -> dict[str, bytes]:
        """Return what has been saved."""
        return take(self.folder)


@pytest.fixture(params=["getscu", "movescu"])
def peer(
    request: pytest.FixtureRequest, start_scp: StartSCP, tmp_path: Path, capsys: Capture
) -> Iterator[Peer]:
    with reserve_port() as port:
        library = Library(HISTORY, destinations={"STORESCP": port})
        args = ["--port", port] if request.param == "movescu" else []
        where = serve(start_scp, library)
        yield Peer(request.param, where, tmp_path / "got", capsys, *args)


class TestBoth:
    def test_by_unique_key(self, peer: Peer) -> None:
        done = peer.run("-k", "PatientID=77654033")
        assert done.code == Exit.SUCCESS, done.err
        assert not done.of("query")
        assert done.of("summary") == [
            {"event": "summary", "completed": len(EXPECTED), "failed": 0, "saved": len(EXPECTED)}
        ]
        assert {record["sop_instance_uid"] for record in done.of("instance")} == set(EXPECTED)
        assert peer.take() == EXPECTED

    @pytest.mark.parametrize("model", ["-P", "-S"])
    def test_matches_of_a_query(self, model: str, peer: Peer) -> None:
        done = peer.run(model, "-k", "QueryRetrieveLevel=STUDY", "-k", "PatientName=Doe^A*")
        assert done.code == Exit.SUCCESS, done.err
        studies = {dcmread(s.path).StudyInstanceUID for s in HISTORY if "77654033" in s.path.parts}
        assert done.of("query") == [{"event": "query", "matches": len(studies), "status": "0x0000"}]
        assert len(done.of("retrieval")) == len(studies)
        assert peer.take() == EXPECTED

    @pytest.mark.parametrize("level", ["PATIENT", "STUDY", "SERIES", "IMAGE"])
    def test_query_first(self, level: str, peer: Peer) -> None:
        done = peer.run(
            *("--query-first", "-k", f"QueryRetrieveLevel={level}", "-k", "PatientID=77654033")
        )
        assert done.code == Exit.SUCCESS, done.err
        assert peer.take() == EXPECTED

    def test_wildcard_is_queried(self, peer: Peer) -> None:
        done = peer.run("-k", "PatientID=7765*")
        assert len(done.of("query")) == 1
        assert peer.take() == EXPECTED

    def test_match_without_its_key(self, start_scp: StartSCP, capsys: Capture) -> None:
        def find(event: evt.Event) -> Iterator[tuple[int, Dataset]]:
            match = Dataset()
            match.QueryRetrieveLevel = "PATIENT"
            match.PatientID = ""
            yield 0xFF00, match

        asked_for = []

        def get(event: evt.Event) -> Iterator[int]:
            asked_for.append(event.identifier)
            yield 0

        models = [
            PatientRootQueryRetrieveInformationModelFind,
            PatientRootQueryRetrieveInformationModelGet,
        ]
        handlers = [(evt.EVT_C_FIND, find), (evt.EVT_C_GET, get)]
        port = start_scp(models, handlers).server_address[1]
        done = call_app(capsys, "getscu", HOST, port, "-k", "PatientID=*", "-ll", "error")
        assert done.code == Exit.ALL_FAILED
        assert "a match of the query has no PatientID" in done.err
        assert asked_for == []  # a wildcard might stand for the whole archive there

    def test_nothing_matches(self, peer: Peer) -> None:
        done = peer.run("-k", "PatientName=Smith")
        assert done.code == Exit.SUCCESS
        assert "nothing matches the keys" in done.err
        assert peer.take() == {}

    def test_nothing_found(self, peer: Peer) -> None:
        done = peer.run("-k", "PatientID=nobody")
        assert done.code == Exit.SUCCESS
        assert "found nothing" in done.err

    def test_query_fails(self, peer: Peer) -> None:
        done = peer.run("-k", "PatientName=Nobody")
        assert done.code == Exit.ALL_FAILED
        assert "the query ended with status 0xA900: Nobody is nobody" in done.err

    def test_model_not_offered(self, peer: Peer) -> None:
        done = peer.run("-O", "-k", "PatientID=1")
        assert done.code == Exit.NO_CONTEXT

    def test_no_keys(self, peer: Peer) -> None:
        assert peer.run().code == Exit.USAGE

    def test_ignored(self, peer: Peer) -> None:
        done = peer.run("-k", "PatientID=77654033", "--ignore")
        assert done.code == Exit.SUCCESS
        assert done.of("summary")[0]["saved"] == len(EXPECTED)
        assert not peer.folder.exists()

    def test_some_can_not_be_saved(self, peer: Peer) -> None:
        first = peer.run("-k", "PatientID=77654033")
        kept = Path(first.of("instance")[0]["file"])
        for path in peer.folder.iterdir():
            if path != kept:
                path.unlink()
        done = peer.run("-k", "PatientID=77654033", "--duplicates", "reject")
        assert done.code == Exit.SOME_FAILED
        uid = first.of("instance")[0]["sop_instance_uid"]
        assert done.of("retrieval")[0]["failed_sop_instance_uids"] == [uid]
        assert done.of("summary")[0]["saved"] == len(EXPECTED) - 1
        assert f"{uid} not saved, status 0x0111" in done.err
        assert f"{uid} was not sent" not in done.err
        assert peer.take() == EXPECTED

    def test_template(self, peer: Peer) -> None:
        peer.run("-k", "PatientID=77654033", "--output-template", "{PatientID}/{SOPInstanceUID}")
        assert [path.name for path in peer.folder.iterdir()] == ["77654033"]
        assert take(peer.folder / "77654033") == EXPECTED

    def test_progress(self, peer: Peer, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
        monkeypatch.setitem(sys.modules, "rich.console", None)
        done = peer.run("-k", "PatientID=77654033")
        number = len(EXPECTED)
        assert f"\rretrieving {number} of {number} \n" in done.err

    def test_text(self, peer: Peer) -> None:
        peer._command.remove("--json")
        done = peer.run("-k", "PatientID=77654033")
        assert done.out == f"instances retrieved: {len(EXPECTED)}, not retrieved: 0\n"


@pytest.mark.parametrize("kind", ["get", "move"])
class TestAnswers:
    """What a peer answers, and what is told of it."""

    def run(self, kind: str, start_scp: StartSCP, capsys: Capture, handler: Any) -> Ended:
        event = evt.EVT_C_GET if kind == "get" else evt.EVT_C_MOVE
        port = start_scp(list(PATIENT_ROOT.values()), [(event, handler)]).server_address[1]
        where = [f"{kind}scu", HOST, port, "-ll", "critical", "--ignore", "--json"]
        return call_app(capsys, *where, "-k", "PatientID=1")

    def test_refused(self, kind: str, start_scp: StartSCP, capsys: Capture) -> None:
        def handle(event: evt.Event) -> Any:
            if kind == "move":
                yield HOST, event.assoc.acceptor.port
            yield 1
            refusal = Dataset()
            refusal.Status = 0xA900
            refusal.ErrorComment = "Not this"
            yield refusal, None

        done = self.run(kind, start_scp, capsys, handle)
        assert done.code == Exit.ALL_FAILED
        assert "the retrieval ended with status 0xA900: Not this; check the level" in done.err

    def test_lost(self, kind: str, start_scp: StartSCP, capsys: Capture) -> None:
        def handle(event: evt.Event) -> Any:
            event.assoc.abort()
            yield 1

        assert self.run(kind, start_scp, capsys, handle).code == Exit.ABORTED


class TestGet:
    def test_every_kind(self, start_scp: StartSCP, tmp_path: Path, capsys: Capture) -> None:
        """Many SOP classes and transfer syntaxes, which need a context each."""
        port = serve(start_scp, Library(VARIOUS))
        peer = Peer("getscu", port, tmp_path / "got", capsys, "-k", "QueryRetrieveLevel=IMAGE")
        done = peer.run("--query-first", "-k", "PatientID")
        assert done.code == Exit.SUCCESS, done.err
        assert peer.take() == Library(VARIOUS).expected(Dataset())

    def test_sop_class(self, start_scp: StartSCP, tmp_path: Path, capsys: Capture) -> None:
        port = serve(start_scp, Library(HISTORY))
        peer = Peer("getscu", port, tmp_path / "got", capsys, "-k", "PatientID=98890234")
        wanted = Library(HISTORY).expected(keys("PATIENT", PatientID="98890234"))
        classes = {str(s.sop_class): s for s in HISTORY if instance_uid(s.path) in wanted}
        assert peer.run(*(a for uid in classes for a in ("--sop-class", uid))).code == Exit.SUCCESS
        assert peer.take() == wanted
        done = peer.run("--sop-class", "EncapsulatedPDFStorage")
        assert done.code == Exit.ALL_FAILED
        assert set(done.of("retrieval")[0]["failed_sop_instance_uids"]) == set(wanted)
        assert all(f"{uid} was not sent, says the peer" in done.err for uid in wanted)
        assert done.of("summary")[0]["failed"] == len(wanted)

    @pytest.mark.parametrize("text", ["Nonsense", "1.2.x", "AE"])
    def test_no_sop_class(self, text: str, capsys: Capture) -> None:
        done = call_app(capsys, "getscu", HOST, 1, "-k", "PatientID=1", "--sop-class", text)
        assert done.code == Exit.USAGE
        assert "neither the UID nor the keyword" in done.err

    def test_sop_classes_of_the_study(self, start_scp: StartSCP, capsys: Capture) -> None:
        proposed: list[set[str]] = []

        def note(event: evt.Event) -> None:
            wanted = event.assoc.requestor.primitive.presentation_context_definition_list
            proposed.append({str(context.abstract_syntax) for context in wanted})

        def find(event: evt.Event) -> Any:
            match = keys("STUDY", StudyInstanceUID="1.2")
            match.SOPClassesInStudy = [CTImageStorage, MRImageStorage]
            assert "SOPClassesInStudy" in event.identifier
            yield 0xFF00, match

        def get(event: evt.Event) -> Any:
            yield 0

        handlers = [(evt.EVT_REQUESTED, note), (evt.EVT_C_FIND, find), (evt.EVT_C_GET, get)]
        port = start_scp(list(STUDY_ROOT.values()), handlers).server_address[1]
        done = call_app(capsys, "getscu", HOST, port, "-S", "-k", "PatientID=1", "--ignore")
        assert done.code == Exit.SUCCESS, done.err
        assert proposed[1] == {STUDY_ROOT["get"], CTImageStorage, MRImageStorage}


class TestContexts:
    @pytest.mark.parametrize("number", [1, 2, 3, 10, 63, 64, 127])
    def test_all_syntaxes_of_each_class(self, number: int) -> None:
        classes = [UID(f"1.2.{n}") for n in range(number)]
        planned = storage_contexts([*classes, classes[0]])
        assert len(planned) <= MOST
        for uid in classes:
            mine = [cx.transfer_syntax for cx in planned if cx.abstract_syntax == uid]
            assert sorted(s for some in mine for s in some) == sorted(ALL_TRANSFER_SYNTAXES)
        if number == 1:
            assert {len(context.transfer_syntax) for context in planned} == {1}

    def test_too_many(self) -> None:
        assert len(storage_contexts([f"1.2.{n}" for n in range(200)])) == MOST

    def test_default(self) -> None:
        planned = [context.abstract_syntax for context in storage_contexts([])]
        assert planned == [context.abstract_syntax for context in StoragePresentationContexts]


class TestMove:
    def test_to_somebody_else(self, start_scp: StartSCP, tmp_path: Path, capsys: Capture) -> None:
        received: list[str] = []

        def handle(event: evt.Event) -> int:
            received.append(event.request.AffectedSOPInstanceUID)
            return 0x0000

        target = start_scp(contexts(HISTORY), [(evt.EVT_C_STORE, handle)]).server_address[1]
        port = serve(start_scp, Library(HISTORY, destinations={"THERE": target}))
        peer = Peer("movescu", port, tmp_path, capsys, "-aem", "THERE", "-k", "PatientID=77654033")
        done = peer.run()
        assert done.code == Exit.SUCCESS
        assert sorted(received) == sorted(EXPECTED)
        assert done.of("summary")[0] == {
            "event": "summary",
            "completed": len(EXPECTED),
            "failed": 0,
            "saved": None,
        }

    def test_unknown_destination(
        self, start_scp: StartSCP, tmp_path: Path, capsys: Capture
    ) -> None:
        peer = Peer("movescu", serve(start_scp, Library(HISTORY)), tmp_path, capsys)
        done = peer.run("-k", "PatientID=77654033")
        assert done.code == Exit.ALL_FAILED
        assert "0xA801; have the peer configured to know this move destination" in done.err

    def test_title(self, start_scp: StartSCP, tmp_path: Path, capsys: Capture) -> None:
        with reserve_port() as port:
            library = Library(HISTORY, destinations={"MINE": port, "STORESCP": 1})
            peer = Peer("movescu", serve(start_scp, library), tmp_path, capsys)
            args = ["--store", "--store-aet", "MINE", "--store-port", port]
            done = peer.run("-k", "PatientID=77654033", *args)
        assert done.code == Exit.SUCCESS
        assert done.of("listening")[0]["ae_title"] == "MINE"
        assert peer.take() == EXPECTED

    def test_port_in_use(self, start_scp: StartSCP, tmp_path: Path, capsys: Capture) -> None:
        port = serve(start_scp, Library(HISTORY))
        peer = Peer("movescu", port, tmp_path, capsys)
        done = peer.run("-k", "PatientID=1", "--port", port, "-ba", HOST)
        assert done.code == Exit.LOCAL
        assert "choose another port or address" in done.err

    def test_tls_needs_a_certificate(
        self, start_scp: StartSCP, tmp_path: Path, capsys: Capture
    ) -> None:
        peer = Peer("movescu", serve(start_scp, Library(HISTORY)), tmp_path, capsys, "--tls")
        done = peer.run("-k", "PatientID=1", "--store")
        assert done.code == Exit.USAGE
        assert "give --tls-key and --tls-cert" in done.err

    @pytest.mark.parametrize("comes", [True, False])
    def test_after_the_response(
        self, comes: bool, start_scp: StartSCP, tmp_path: Path, capsys: Capture
    ) -> None:
        """Somebody between the archive and us, who sends on what it has got when all is over."""
        held: list[Path] = []
        (tmp_path / "held").mkdir()

        def hold(event: evt.Event) -> int:
            held.append(tmp_path / "held" / str(len(held)))
            event.save_as(held[-1])
            return 0x0000

        def send_on(event: evt.Event) -> None:
            assoc = requesting_ae(HISTORY).associate(HOST, ours)
            for path in held:
                assoc.send_c_store(path)
            assoc.release()

        between = start_scp(contexts(HISTORY), [(evt.EVT_C_STORE, hold)]).server_address[1]
        library = Library(HISTORY, destinations={"STORESCP": between})
        late = [(evt.EVT_RELEASED, send_on)] if comes else []
        with reserve_port() as ours:
            port = serve(start_scp, library, *late)
            peer = Peer("movescu", port, tmp_path / "got", capsys, "--port", ours)
            grace = PATIENCE if comes else 0
            done = peer.run("-k", "PatientID=77654033", "--grace", grace)
        if comes:
            assert done.code == Exit.SUCCESS, done.err
            assert peer.take() == EXPECTED
        else:
            assert done.code == Exit.ALL_FAILED
            assert f"sent {len(EXPECTED)} instances, but 0 were saved" in done.err


class TestCtrlC:
    @pytest.mark.parametrize("app", ["getscu", "movescu"])
    def test_cancels_and_releases(self, app: str, start_scp: StartSCP, tmp_path: Path) -> None:
        """What had come by then is there."""
        released = threading.Event()

        def note(event: evt.Event) -> None:
            if event.assoc.requestor.ae_title == app.upper():
                released.set()

        with reserve_port() as ours:
            library = Library(HISTORY, destinations={"STORESCP": ours}, cancelled_after=1)
            port = serve(start_scp, library, (evt.EVT_RELEASED, note))
            args: list[object] = ["-od", tmp_path, "--json", "-ll", "critical"]
            args += ["--port", ours] if app == "movescu" else []
            process = subprocess.Popen(
                command(app, HOST, port, "-k", "PatientID=77654033", *args),
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                env=environment(),
            )
            with process:
                assert process.stdout is not None
                record = {"event": "listening"}
                while record["event"] == "listening":
                    record = json.loads(process.stdout.readline())
                assert record["event"] == "instance"
                process.send_signal(signal.SIGINT)
                _, err = process.communicate(timeout=PATIENCE)
        assert (process.returncode, err) == (Exit.INTERRUPTED, f"{app}: interrupted\n")
        assert released.wait(PATIENCE)
        uid = str(record["sop_instance_uid"])
        assert take(tmp_path) == {uid: EXPECTED[uid]}


class TestArchive:
    """With qrscp, which checks identifiers."""

    def test_download(self, tmp_path: Path, capsys: Capture) -> None:
        with reserve_port() as ours:
            url = f"sqlite:///{tmp_path / 'index.sqlite'}"
            known = {"STORESCP": Destination(HOST, ours)}
            archive = LiveArchive(tmp_path / "archive", url, known)
            try:
                with archive.associated() as assoc:
                    images = [image(s, 1, n) for s in (1, 2) for n in (1, 2)]
                    assert store(assoc, *images) == [(0x0000, "")] * 4
                got: list[set[str]] = []
                for app, more in (("getscu", []), ("movescu", ["--port", ours])):
                    peer = Peer(app, archive.port, tmp_path / app, capsys, "-S", *more)
                    done = peer.run("-k", "PatientName=Doe^*")
                    assert done.code == Exit.SUCCESS, done.err
                    got.append(set(peer.take()))
                    done = peer.run("-k", f"StudyInstanceUID={study_uid(2)}")
                    assert done.code == Exit.SUCCESS, done.err
                    assert len(peer.take()) == 2
                assert got == [{str(each.SOPInstanceUID) for each in images}] * 2
            finally:
                archive.close()
