"""Query, retrieval and worklists with DCMTK, in both directions."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from pydicom import Dataset, dcmread
from pydicom.tag import BaseTag

from pynetdicom import build_role, evt
from pynetdicom.association import Responses
from tests.interop.conftest import Archive
from tests.interop.library import (
    HISTORY,
    PATIENT_ROOT,
    STUDY_ROOT,
    VARIOUS,
    WORKLIST,
    Library,
    answer,
    keys,
)
from tests.support.associations import association, port_of
from tests.support.peers import (
    Outcome,
    Server,
    dcmtk_qrscp,
    dcmtk_scu,
    dcmtk_storescp,
    dcmtk_worklist_scp,
    reserve_port,
)
from tests.support.retrievals import UNCOMPRESSED, reply_of, status
from tests.support.samples import contexts, store, take
from tests.support.sockets import PATIENCE

pytestmark = pytest.mark.interop

StartSCP = Callable[..., Any]
StartArchive = Callable[..., Archive]

MODELS = {"-P": PATIENT_ROOT, "-S": STUDY_ROOT}
# What getscu is to prefer, and samples that it can have then
PREFER = {
    "+xe": ["CT_small.dcm", "chrFren.dcm", "chrX1.dcm", "reportsi.dcm"],
    "+xi": ["CT_small.dcm", "reportsi.dcm"],
    "+xd": ["image_dfl.dcm", "CT_small.dcm"],
    "+xs": ["SC_rgb_jpeg_gdcm.dcm", "CT_small.dcm"],
    "+xy": ["SC_rgb_dcmtk_+eb+cr.dcm"],
    "+xx": ["JPEG-lossy.dcm"],
    "+xw": ["JPEG2000.dcm"],
    "+xr": ["MR_small_RLE.dcm"],
}
QUERIES = {
    "patients": ("-P", keys("PATIENT", PatientID="", PatientName="", PatientSex="")),
    "studies": (
        "-P",
        keys("STUDY", PatientID="98890234", StudyInstanceUID="", StudyDate="", PatientName=""),
    ),
    "studies-by-name": ("-S", keys("STUDY", PatientName="Doe^P*", StudyInstanceUID="")),
    "series": (
        "-S",
        keys(
            "SERIES",
            StudyInstanceUID="1.3.6.1.4.1.5962.1.1.0.0.0.1196533885.18148.0.133",
            SeriesInstanceUID="",
            Modality="",
        ),
    ),
    "none": ("-S", keys("STUDY", PatientName="Smith", StudyInstanceUID="")),
}


def worklist_item(number: int, **values: Any) -> Dataset:
    """Return an item of a worklist."""
    step = Dataset()
    step.ScheduledStationAETitle = f"STATION{number}"
    step.ScheduledProcedureStepStartDate = "20260102"
    step.ScheduledProcedureStepStartTime = f"1{number}3000"
    step.Modality = "MR" if number % 2 else "CT"
    step.ScheduledPerformingPhysicianName = "Doc^Tor"
    step.ScheduledProcedureStepDescription = f"Step {number}"
    step.ScheduledProcedureStepID = f"S{number}"
    item = Dataset()
    item.SpecificCharacterSet = "ISO_IR 100"
    item.AccessionNumber = f"A{number}"
    item.PatientName = f"M\xfcller^{number}"
    item.PatientID = f"P{number}"
    item.PatientBirthDate = "19700101"
    item.PatientSex = "O"
    item.StudyInstanceUID = f"1.2.826.0.1.3680043.9.3811.8.{number}"
    item.RequestedProcedureID = f"R{number}"
    item.RequestedProcedureDescription = "Everything"
    item.ScheduledProcedureStepSequence = [step]
    return item


ITEMS = [worklist_item(number) for number in range(1, 5)]


def worklist_query(modality: str) -> Dataset:
    """Return a query for a worklist."""
    step = Dataset()
    step.Modality = modality
    step.ScheduledStationAETitle = ""
    step.ScheduledProcedureStepStartDate = ""
    step.ScheduledProcedureStepStartTime = ""
    step.ScheduledProcedureStepDescription = ""
    step.ScheduledProcedureStepID = ""
    query = Dataset()
    query.PatientName = ""
    query.PatientID = ""
    query.AccessionNumber = ""
    query.StudyInstanceUID = ""
    query.RequestedProcedureID = ""
    query.ScheduledProcedureStepSequence = [step]
    return query


def query_file(query: Dataset, folder: Path) -> Path:
    """Write a query for an SCU of DCMTK to a file."""
    path = folder / "query.dcm"
    query.save_as(path, implicit_vr=False, little_endian=True)
    return path


@contextmanager
def archive(folder: Path, destinations: dict[str, int] | None = None) -> Iterator[Server]:
    """Run an archive of DCMTK's, with the instances that we store there."""
    with dcmtk_qrscp(folder / "peer", destinations) as server:
        assert store(server.port, HISTORY, ae_title="ARCHIVE") == [0x0000] * len(HISTORY)
        yield server


def start_library(
    start_scp: StartSCP, samples: Sequence[Any], **settings: Any
) -> tuple[Library, int]:
    """Start a library of ours; return it and its port."""
    library = Library(samples, **settings)
    return library, port_of(start_scp(library.contexts(), library.handlers()))


class Target(NamedTuple):
    """A move destination: its port, where it saves, and what movescu has to know of it."""

    port: int
    folder: Path
    options: Sequence[Any] = ()


@contextmanager
def destination_of(kind: str, start_archive: StartArchive, folder: Path) -> Iterator[Target]:
    """Give a move destination."""
    if kind == "itself":
        (folder / "moved").mkdir()
        with reserve_port() as port:
            # Without +B: with it the files go to the working directory
            options = ["+P", str(port), "-od", folder / "moved"]
            yield Target(port, folder / "moved", options)
    elif kind == "storescp":
        with dcmtk_storescp(folder / "target") as target:
            yield Target(target.port, folder / "target" / "received")
    else:
        archive = start_archive()
        yield Target(archive.port, archive.folder)


def content(data_sets: Sequence[Dataset]) -> list[dict[BaseTag, Any]]:
    """Return the values of data sets, but for those whose VR only explicit VR tells."""
    found = [
        {element.tag: element.value for element in data if not element.tag.is_private}
        for data in data_sets
    ]
    return sorted(found, key=str)


class TestOurSCP:
    def find(self, port: int, query: Dataset, folder: Path, *options: str) -> Outcome:
        """Let findscu ask; it writes the matches to a folder."""
        folder.mkdir()
        given = [*options, "-X", "-od", folder]
        return dcmtk_scu("findscu", port, given, [query_file(query, folder)])

    def found(self, folder: Path) -> list[Dataset]:
        """Return the matches that findscu has written, in order."""
        return [dcmread(path, force=True) for path in sorted(folder.glob("rsp*.dcm"))]

    @pytest.mark.parametrize("syntax", ["-xi", "-xe", "-xd"])
    @pytest.mark.parametrize("name", QUERIES)
    def test_find(self, start_scp: StartSCP, tmp_path: Path, name: str, syntax: str) -> None:
        library, port = start_library(start_scp, HISTORY)
        model, query = QUERIES[name]
        done = self.find(port, query, tmp_path / "out", model, syntax)
        assert done.status == 0, done.output
        assert "Success" in done.output
        assert self.found(tmp_path / "out") == library.found(query)

    def test_worklist(self, start_scp: StartSCP, tmp_path: Path) -> None:
        library, port = start_library(start_scp, [], worklist=ITEMS)
        done = self.find(port, worklist_query("MR"), tmp_path / "out", "-W")
        assert done.status == 0, done.output
        found = self.found(tmp_path / "out")
        assert found == library.found(worklist_query("MR"))
        assert [match.PatientName for match in found] == ["M\xfcller^1", "M\xfcller^3"]

    def test_find_is_cancelled(self, start_scp: StartSCP, tmp_path: Path) -> None:
        _, port = start_library(start_scp, HISTORY, cancelled_after=3)
        query = keys("STUDY", StudyInstanceUID="")
        done = self.find(port, query, tmp_path / "out", "-S", "--cancel", "3")
        assert done.status == 0, done.output
        assert "Cancel" in done.output
        assert len(self.found(tmp_path / "out")) == 3

    def test_find_fails(self, start_scp: StartSCP, tmp_path: Path) -> None:
        _, port = start_library(start_scp, HISTORY)
        query = keys("PATIENT", PatientName="Nobody")
        done = self.find(port, query, tmp_path / "out", "-P")
        assert "0xa900" in done.output
        assert "Nobody is nobody" in done.output
        assert self.found(tmp_path / "out") == []

    @pytest.mark.parametrize("model", MODELS)
    @pytest.mark.parametrize("destination", ["itself", "storescp", "ours"])
    def test_move(
        self,
        start_scp: StartSCP,
        start_archive: StartArchive,
        tmp_path: Path,
        model: str,
        destination: str,
    ) -> None:
        query = keys("PATIENT" if model == "-P" else "STUDY", PatientID="77654033")
        with destination_of(destination, start_archive, tmp_path) as target:
            library, port = start_library(start_scp, HISTORY, destinations={"TARGET": target.port})
            given = [model, "-aem", "TARGET", *target.options]
            done = dcmtk_scu("movescu", port, given, [query_file(query, tmp_path)])
            assert done.status == 0, done.output
            assert "Success" in done.output
            assert take(target.folder) == library.expected(query)

    def test_move_to_nowhere(self, start_scp: StartSCP, tmp_path: Path) -> None:
        _, port = start_library(start_scp, HISTORY)
        path = query_file(keys("PATIENT", PatientID="77654033"), tmp_path)
        done = dcmtk_scu("movescu", port, ["-P", "-aem", "NOWHERE"], [path])
        assert "0xa801" in done.output

    def test_move_is_cancelled(
        self, start_scp: StartSCP, start_archive: StartArchive, tmp_path: Path
    ) -> None:
        archive = start_archive()
        _, port = start_library(
            start_scp, HISTORY, destinations={"TARGET": archive.port}, cancelled_after=2
        )
        path = query_file(keys("PATIENT", PatientID="77654033"), tmp_path)
        done = dcmtk_scu("movescu", port, ["-P", "-aem", "TARGET", "--cancel", "2"], [path])
        assert "Cancel" in done.output
        assert len(archive.take()) == 2

    @pytest.mark.parametrize("syntax", PREFER)
    def test_get(self, start_scp: StartSCP, tmp_path: Path, syntax: str) -> None:
        samples = [sample for sample in VARIOUS if sample.path.name in PREFER[syntax]]
        library, port = start_library(start_scp, samples)
        (tmp_path / "out").mkdir()
        path = query_file(keys("PATIENT", PatientID=""), tmp_path)
        given = ["-P", "+B", syntax, "-od", tmp_path / "out"]
        done = dcmtk_scu("getscu", port, given, [path])
        assert done.status == 0, done.output
        assert f"Number of Completed Suboperations : {len(samples)}" in done.output
        arrived = [dcmread(path) for path in (tmp_path / "out").iterdir()]
        assert len(arrived) == len(PREFER[syntax])
        if syntax == "+xi":
            originals = [dcmread(sample.path) for sample in samples]
            assert content(arrived) == content(originals)
        else:
            assert take(tmp_path / "out") == library.expected(keys("PATIENT"))


class TestOurSCU:
    """Against an archive of DCMTK's, and its worklist."""

    QUERY = keys("PATIENT", PatientID="98890234")

    def test_find(self, tmp_path: Path) -> None:
        library = Library(HISTORY)
        with archive(tmp_path) as peer:
            for model, query in QUERIES.values():
                uid = MODELS[model]["find"]
                with association(peer.port, [uid], ae_title="ARCHIVE") as assoc:
                    *pending, final = assoc.send_c_find(query, uid)
                assert final == (status(0x0000), None)
                found = [match for _, match in pending]
                for match in found:
                    assert match.RetrieveAETitle == "ARCHIVE"
                    del match.RetrieveAETitle
                assert plain(found) == plain(library.found(query))

    @pytest.mark.parametrize("syntax", UNCOMPRESSED)
    def test_get(self, tmp_path: Path, syntax: str) -> None:
        (tmp_path / "got").mkdir()
        got = Archive(tmp_path / "got")
        classes = sorted({str(sample.sop_class) for sample in HISTORY})
        model = PATIENT_ROOT["get"]
        with (
            archive(tmp_path) as peer,
            association(
                peer.port,
                [model, *((uid, syntax) for uid in classes)],
                ae_title="ARCHIVE",
                ext_neg=[build_role(uid, scp_role=True) for uid in classes],
                evt_handlers=got.handlers(),
            ) as assoc,
        ):
            *pending, final = assoc.send_c_get(self.QUERY, model)
        samples = Library(HISTORY).selected(self.QUERY)
        assert reply_of(*final)[:3] == (0x0000, None, len(samples))
        assert [found.Status for found, _ in pending] == [0xFF00] * len(samples)
        paths = list(got.folder.iterdir())
        assert {str(dcmread(path).file_meta.TransferSyntaxUID) for path in paths} == {syntax}
        # It writes anew what it sends
        arrived = [dcmread(path) for path in paths]
        assert content(arrived) == content([dcmread(sample.path) for sample in samples])

    @pytest.mark.parametrize("destination", ["storescp", "ours"])
    def test_move(self, start_archive: StartArchive, tmp_path: Path, destination: str) -> None:
        model = STUDY_ROOT["move"]
        study = "1.3.6.1.4.1.5962.1.1.0.0.0.1196533885.18148.0.1"
        query = keys("STUDY", StudyInstanceUID=study)
        with (
            destination_of(destination, start_archive, tmp_path) as target,
            archive(tmp_path, {"TARGET": target.port}) as peer,
            association(peer.port, [model], ae_title="ARCHIVE") as assoc,
        ):
            *pending, final = assoc.send_c_move(query, "TARGET", model)
            samples = Library(HISTORY).selected(query)
            assert reply_of(*final)[:3] == (0x0000, None, len(samples))
            assert {found.Status for found, _ in pending} == {0xFF00}
            arrived = [dcmread(path) for path in target.folder.iterdir()]
            assert content(arrived) == content([dcmread(sample.path) for sample in samples])

    def test_move_to_nowhere(self, tmp_path: Path) -> None:
        model = PATIENT_ROOT["move"]
        with (
            archive(tmp_path) as peer,
            association(peer.port, [model], ae_title="ARCHIVE") as assoc,
        ):
            ((found, identifier),) = assoc.send_c_move(self.QUERY, "NOWHERE", model)
        assert found.Status == 0xA801
        assert not identifier

    def test_move_is_cancelled(self, start_scp: StartSCP, tmp_path: Path) -> None:
        model = PATIENT_ROOT["move"]
        moves: list[Responses] = []
        begun = threading.Event()

        def handle_store(event: evt.Event) -> int:
            assert begun.wait(PATIENCE)
            moves[0].cancel()
            return 0x0000

        destination = start_scp(contexts(HISTORY), [(evt.EVT_C_STORE, handle_store)])
        with (
            archive(tmp_path, {"TARGET": port_of(destination)}) as peer,
            association(peer.port, [model], ae_title="ARCHIVE") as assoc,
        ):
            moves.append(assoc.send_c_move(self.QUERY, "TARGET", model))
            begun.set()
            *pending, final = moves[0]
        assert reply_of(*final).status == 0xFE00
        assert len(pending) < len(HISTORY)

    def test_worklist(self, tmp_path: Path) -> None:
        query = worklist_query("MR")
        with (
            worklist(tmp_path) as peer,
            association(peer.port, [WORKLIST], ae_title="WORKLIST") as assoc,
        ):
            *pending, final = assoc.send_c_find(query, WORKLIST)
        assert final == (status(0x0000), None)
        assert plain([match for _, match in pending]) == plain(
            [answer(query, item) for item in (ITEMS[0], ITEMS[2])]
        )

    def test_worklist_is_cancelled(self, tmp_path: Path) -> None:
        with (
            worklist(tmp_path, "--sleep-during", "1") as peer,
            association(peer.port, [WORKLIST], ae_title="WORKLIST") as assoc,
        ):
            responses = assoc.send_c_find(worklist_query("MR"), WORKLIST)
            responses.cancel()
            *_, (found, identifier) = responses
        assert (found.Status, identifier) == (0xFE00, None)


@contextmanager
def worklist(folder: Path, *options: str) -> Iterator[Server]:
    """Run a worklist of DCMTK's."""
    (folder / "WORKLIST").mkdir()
    for number, item in enumerate(ITEMS):
        path = folder / "WORKLIST" / f"{number}.wl"
        item.save_as(path, implicit_vr=False, little_endian=True)
    with dcmtk_worklist_scp(folder, "-csk", *options) as server:
        yield server


def plain(data_sets: Sequence[Dataset]) -> list[str]:
    """Return data sets without their character set, which some give where it is of no matter."""
    for data in data_sets:
        data.pop("SpecificCharacterSet", None)
    return sorted(map(str, data_sets))
