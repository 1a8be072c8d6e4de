"""Programs as users write them, each run with this library and unchanged with version 3.0.4.

Both have to say the same and to do the same, with a peer that is neither of the two wherever one
exists for its role, and else 3.0.4.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from pydicom import Dataset, dcmread
from pydicom.data import get_testdata_file

from tests.interop.conftest import AGAIN_IF_OLDER_LOST
from tests.support.archives import image, image_uid, study_uid, write
from tests.support.peers import (
    HOST,
    OlderLostError,
    Server,
    dcmtk_qrscp,
    dcmtk_scu,
    dcmtk_storescp,
    peer_command,
    reserve_port,
    run_program,
    serving,
)
from tests.test_layers import ROOT

pytestmark = [pytest.mark.interop, AGAIN_IF_OLDER_LOST]

PROGRAMS = ROOT / "tests" / "programs"
CT_FILE, MR_FILE = (
    Path(get_testdata_file(name, download=False)) for name in ("CT_small.dcm", "MR_small.dcm")
)
CT, MR = dcmread(CT_FILE), dcmread(MR_FILE)
for instance in (CT, MR):
    del instance["DataSetTrailingPadding"]  # storescu does not send it
FILM = "1.2.826.0.1.3680043.9.3811.9.3"
SESSION = "1.2.826.0.1.3680043.9.3811.9.2"


@pytest.fixture(params=["ours", pytest.param("3.0.4", marks=pytest.mark.flaky(reruns=3))])
def python(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Sequence[str]:
    """Return what runs a program with one of the versions; all that is expected is the same.

    When it is 3.0.4 this library has no part in the test, and whatever that loses is its own loss.
    """
    if request.param == "3.0.4":
        return [*peer_command("")[:2], "-u"]
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    return [sys.executable, "-u"]


def find(port: int, folder: Path, *options: str) -> list[Dataset]:
    """Let findscu ask; return the matches."""
    folder.mkdir()
    done = dcmtk_scu("findscu", port, [*options, "-X", "-od", folder])
    assert done.status == 0, done.output
    assert "Success: Matching is complete" in done.output
    return [dcmread(path, force=True) for path in sorted(folder.glob("rsp*.dcm"))]


def arrived(folder: Path) -> dict[str, Dataset]:
    """Return the instances in a folder by UID."""
    found = [dcmread(path) for path in folder.iterdir()]
    return {data.SOPInstanceUID: data for data in found}


def test_echo_monitor(python: Sequence[str], tmp_path: Path) -> None:
    with (
        dcmtk_storescp(tmp_path / "up") as up,
        dcmtk_storescp(tmp_path / "refusing", "--refuse") as refusing,
        dcmtk_qrscp(tmp_path / "archive") as archive,
        reserve_port() as nobody,
    ):
        ports = {
            "UP": up.port,
            "ARCHIVE": archive.port,
            "WRONG": archive.port,
            "REFUSING": refusing.port,
            "NOBODY": nobody,
        }
        peers = [f"{title}@{HOST}:{port}" for title, port in ports.items()]
        done = run_program([*python, PROGRAMS / "echo_monitor.py", "2", *peers])
        echoed = up.output().count("Received Echo Request")
    lines = [
        "{} UP up (0x0000)",
        "{} ARCHIVE up (0x0000)",
        "{} WRONG down (Rejected Permanent, Service User, Called AE title not recognised)",
        "{} REFUSING down (Rejected Permanent, Service User, No reason given)",
        "{} NOBODY down (no association)",
    ]
    told = [line.format(number) for number in (1, 2) for line in lines]
    assert done.output.splitlines() == [*told, "4 associations, 6 failures"]
    assert done.status == 1
    assert echoed == 2


def test_router(python: Sequence[str], tmp_path: Path) -> None:
    images = [image(1, 1, 1), image(1, 1, 2), image(2, 1, 1)]
    paths = [tmp_path / f"{number}.dcm" for number in range(len(images))]
    for data, path in zip(images, paths, strict=True):
        write(data, path)
    with reserve_port() as port, dcmtk_qrscp(tmp_path / "up", {"ROUTER": port}) as archive:
        assert dcmtk_scu("storescu", archive.port, ["-aec", "ARCHIVE"], paths).status == 0
        with dcmtk_storescp(tmp_path / "to") as to:
            router = [*python, PROGRAMS / "router.py", str(port), "DEST", str(to.port)]
            with serving(
                [*router, "ARCHIVE", str(archive.port)], port, tmp_path / "router.log"
            ) as server:
                use_router(server, tmp_path)
                assert_routed(tmp_path / "to" / "received")
                to.stop()
                assert "0xa700" in dcmtk_scu("storescu", port, [], [CT_FILE]).output
                told = server.wait_for_output("0xa700\n")
    assert told.splitlines() == [
        f"C-STORE {CT.SOPInstanceUID} 0x0000",
        f"C-STORE {MR.SOPInstanceUID} 0x0000",
        "C-FIND STUDY 2 matches",
        "C-FIND IMAGE 0 matches",
        "C-MOVE STUDY 2 instances",
        "C-MOVE STUDY to unknown NOBODY",
        "C-MOVE STUDY 0 instances",
        f"C-STORE {CT.SOPInstanceUID} 0xa700",
    ]


def use_router(server: Server, folder: Path) -> None:
    """Store, query and retrieve by way of the router."""
    port = server.port
    assert dcmtk_scu("echoscu", port).status == 0
    done = dcmtk_scu("storescu", port, [], [CT_FILE, MR_FILE])
    assert done.status == 0, done.output
    studies = ["-k", "QueryRetrieveLevel=STUDY", "-k", "StudyInstanceUID", "-k", "PatientName"]
    found = find(port, folder / "studies", "-S", *studies)
    assert sorted((data.StudyInstanceUID, data.PatientName) for data in found) == [
        (study_uid(number), f"Doe^John{number}") for number in (1, 2)
    ]
    server.wait_for_output("2 matches\n")
    none = ["-k", "QueryRetrieveLevel=IMAGE", "-k", "PatientID=P9", "-k", "StudyInstanceUID=1.9"]
    none += ["-k", "SeriesInstanceUID=1.9.9", "-k", "SOPInstanceUID"]
    assert find(port, folder / "images", "-P", *none) == []
    server.wait_for_output("0 matches\n")
    study = ["-S", "-k", "QueryRetrieveLevel=STUDY"]
    for destination, uid, outcome, said in (
        ("DEST", study_uid(1), "Success", "2 instances\n"),
        ("NOBODY", study_uid(1), "0xa801", "unknown NOBODY\n"),
        ("DEST", "1.9", "Success", "0 instances\n"),
    ):
        options = ["-aem", destination, *study, "-k", f"StudyInstanceUID={uid}"]
        assert outcome in dcmtk_scu("movescu", port, options).output
        server.wait_for_output(said)


def assert_routed(folder: Path) -> None:
    """Assert that the destination got what was stored and what was retrieved."""
    assert arrived(folder) == {
        CT.SOPInstanceUID: CT,
        MR.SOPInstanceUID: MR,
        image_uid(1, 1, 1): image(1, 1, 1),
        image_uid(1, 1, 2): image(1, 1, 2),
    }


def item_of(number: int) -> Dataset:
    """Return an item of a worklist."""
    step = Dataset()
    step.Modality = "MR" if number % 2 else "CT"
    step.ScheduledStationAETitle = f"STATION{number}"
    step.ScheduledProcedureStepStartDate = f"2026010{number}"
    item = Dataset()
    item.SpecificCharacterSet = "ISO_IR 100"
    item.PatientName = f"M\xfcller^{number}"
    item.PatientID = f"P{number}"
    item.AccessionNumber = f"A{number}"
    item.ScheduledProcedureStepSequence = [step]
    return item


def test_worklist_server(python: Sequence[str], tmp_path: Path) -> None:
    items = [item_of(number) for number in range(1, 5)]
    path = tmp_path / "items.json"
    path.write_text(json.dumps([item.to_json_dict() for item in items]), "utf-8")
    step = "ScheduledProcedureStepSequence[0]"
    queries = {
        "MODALITY": ([f"{step}.Modality=MR", f"{step}.ScheduledStationAETitle"], [1, 3]),
        "DATES": ([f"{step}.ScheduledProcedureStepStartDate=20260102-20260103"], [2, 3]),
        "OPEN": ([f"{step}.ScheduledProcedureStepStartDate=20260104-"], [4]),
        "PATIENT": (["PatientID=P2", f"{step}.Modality"], [2]),
        "WILD": (["AccessionNumber=A*", f"{step}.Modality"], [1, 2, 3, 4]),
        "NONE": (["PatientID=P9", f"{step}.Modality"], []),
    }
    with reserve_port() as port:
        command = [*python, PROGRAMS / "worklist_server.py", str(port), path]
        with serving(command, port, tmp_path / "server.log") as server:
            for title, (keys, numbers) in queries.items():
                options = ["-W", "-aet", title, "-aec", "WORKLIST", "-k", "PatientName"]
                options += [part for key in keys for part in ("-k", key)]
                found = find(port, tmp_path / title, *options)
                assert [match.PatientName for match in found] == [
                    items[number - 1].PatientName for number in numbers
                ]
                for match, number in zip(found, numbers, strict=True):
                    (asked,) = match.ScheduledProcedureStepSequence
                    (known,) = items[number - 1].ScheduledProcedureStepSequence
                    assert asked
                    assert all(element == known[element.tag] for element in asked)
                server.wait_for_output(f"{title}: {len(numbers)} of 4 items\n")
            refused = dcmtk_scu("echoscu", port, ["-aec", "OTHER"])
            assert "Called AE Title Not Recognized" in refused.output
            told = server.output()
    assert told.splitlines() == [
        f"{title}: {len(numbers)} of 4 items" for title, (_, numbers) in queries.items()
    ]


@pytest.mark.parametrize("lost", [[], [MR.SOPInstanceUID]], ids=["safe", "lost"])
def test_commitment_client(python: Sequence[str], tmp_path: Path, lost: list[str]) -> None:
    with reserve_port() as own_port, reserve_port() as port:
        archive = [*peer_command("commitment.py"), str(port), str(own_port), *lost]
        with serving(archive, port, tmp_path / "archive.log") as server:
            client = [*python, PROGRAMS / "commitment_client.py", str(own_port), "COMMITTER"]
            done = run_program([*client, str(port), CT_FILE, MR_FILE])
            told = server.wait_for_output("reported")
    if "not reported" in told:
        raise OlderLostError(told)
    assert "reported 0x0000\n" in told
    stored = [f"stored {data.SOPInstanceUID} 0x0000" for data in (CT, MR)]
    safe = [f"safe {data.SOPInstanceUID}" for data in (CT, MR) if data.SOPInstanceUID not in lost]
    assert done.output.splitlines() == [
        *stored,
        "requested 0x0000",
        f"report of type {2 if lost else 1}",
        *safe,
        *(f"lost {uid} 0x0112" for uid in lost),
    ]
    assert done.status == (1 if lost else 0)


def test_print_scp(python: Sequence[str], tmp_path: Path) -> None:
    films = tmp_path / "films"
    films.mkdir()
    with reserve_port() as port:
        command = [*python, PROGRAMS / "print_scp.py", str(port), films]
        with serving(command, port, tmp_path / "printer.log") as server:
            done = run_program([*peer_command("print_scu.py"), str(port)])
            told = server.output()
    if "no response to" in done.output:
        raise OlderLostError(done.output)
    assert done.status == 0, done.output
    answers = [json.loads(line) for line in done.output.splitlines()]
    assert [(name, status) for name, status, _ in answers] == [
        ("printer", "0x0000"),
        ("session", "0x0000"),
        ("film", "0x0000"),
        ("film", "0x0106"),
        ("empty", "0xb603"),
        ("image", "0x0000"),
        ("image", "0x0000"),
        ("image", "0x0112"),
        ("print", "0x0000"),
        ("film", "0x0000"),
        ("session", "0x0000"),
    ]
    printer, _, film = (Dataset.from_json(found) for _, _, found in answers[:3])
    assert (printer.PrinterStatus, printer.PrinterName) == ("NORMAL", "FILES")
    boxes = [item.ReferencedSOPInstanceUID for item in film.ReferencedImageBoxSequence]
    assert boxes == [f"{FILM}.1", f"{FILM}.2"]
    assert told.splitlines() == [
        "N_GET 2 attributes of Printer SOP Class",
        f"N_CREATE {SESSION} Basic Film Session SOP Class",
        f"N_CREATE {FILM} Basic Film Box SOP Class",
        f"N_SET {FILM}.1 2 x 3",
        f"N_SET {FILM}.2 2 x 3",
        f"N_ACTION {FILM} 2 images",
        f"N_DELETE {FILM}",
        f"N_DELETE {SESSION}",
    ]
    pages = {path.name: path.read_bytes() for path in films.iterdir()}
    assert pages == {f"{FILM}.{number}.raw": bytes([number] * 6) for number in (1, 2)}
