"""findscu, getscu and movescu with the archives of DCMTK and Orthanc."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from pydicom import Dataset, dcmread
from pydicom.uid import RLELossless

from pynetdicom.apps.common.exits import Exit
from tests.interop.library import HISTORY, VARIOUS, Library, keys
from tests.interop.test_dcmtk_query import ITEMS
from tests.support.apps import Ended, run_app
from tests.support.peers import (
    HOST,
    dcmtk_qrscp,
    dcmtk_worklist_scp,
    orthanc,
    reserve_port,
)
from tests.support.samples import instance_uid, store, take

pytestmark = pytest.mark.interop

EXPECTED = Library(HISTORY).expected(keys("PATIENT", PatientID="77654033"))


class Archive(NamedTuple):
    """An archive of somebody else's, and where it sends what is moved to MOVESCU."""

    title: str
    port: int
    ours: int

    def run(self, app: str, *args: object) -> Ended:
        """Run an application of ours."""
        return run_app(app, HOST, self.port, "-aec", self.title, "--json", "-ll", "critical", *args)

    def retrieve(self, app: str, folder: Path, *args: object) -> Ended:
        """Retrieve something into a folder."""
        mine = ["--port", self.ours, "--store-aet", "MOVESCU"] if app == "movescu" else []
        return self.run(app, "-od", folder, *mine, *args)


@contextmanager
def dcmtk_archive(folder: Path) -> Iterator[Archive]:
    """Run DCMTK's archive."""
    with reserve_port() as ours, dcmtk_qrscp(folder, {"MOVESCU": ours}, "+x=") as server:
        yield Archive("ARCHIVE", server.port, ours)


@contextmanager
def orthanc_archive(folder: Path) -> Iterator[Archive]:
    """Run Orthanc."""
    with reserve_port() as ours:
        known = {"GETSCU": ("GETSCU", 1), "FINDSCU": ("FINDSCU", 1), "MOVESCU": ("MOVESCU", ours)}
        with orthanc(folder, known) as server:
            yield Archive("ORTHANC", server.port, ours)


@pytest.fixture(scope="module", params=[dcmtk_archive, orthanc_archive], ids=["dcmtk", "orthanc"])
def archive(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Archive]:
    with request.param(tmp_path_factory.mktemp("archive")) as running:
        assert store(running.port, HISTORY, ae_title=running.title) == [0x0000] * len(HISTORY)
        yield running


def matches(done: Ended) -> list[Any]:
    """Return what was found."""
    assert done.code == Exit.SUCCESS, done.err
    return [Dataset.from_json(record["dataset"]) for record in done.of("match")]


class TestFind:
    @pytest.mark.parametrize("model", ["-P", "-S"])
    def test_studies(self, model: str, archive: Archive) -> None:
        asked = ["-k", "StudyInstanceUID", "-k", "PatientID=77654033", "-k", "StudyDate"]
        found = matches(archive.run("findscu", model, *asked))
        query = keys("STUDY", StudyInstanceUID="", PatientID="77654033", StudyDate="")
        expected = Library(HISTORY).found(query)
        assert {(m.StudyInstanceUID, m.StudyDate) for m in found} == {
            (m.StudyInstanceUID, m.StudyDate) for m in expected
        }

    def test_limit(self, archive: Archive) -> None:
        asked = ["-k", "PatientID", "-k", "PatientName=*", "--limit", 1]
        assert len(matches(archive.run("findscu", *asked))) == 1

    def test_none(self, archive: Archive) -> None:
        assert matches(archive.run("findscu", "-k", "PatientID=nobody")) == []


@pytest.mark.parametrize("app", ["getscu", "movescu"])
class TestRetrieve:
    def test_patient(self, app: str, archive: Archive, tmp_path: Path) -> None:
        done = archive.retrieve(app, tmp_path, "-k", "PatientID=77654033")
        assert done.code == Exit.SUCCESS, done.err
        assert done.of("summary")[0]["saved"] == len(EXPECTED)
        assert take(tmp_path) == EXPECTED

    def test_download(self, app: str, archive: Archive, tmp_path: Path) -> None:
        asked = ["-S", "-k", "QueryRetrieveLevel=STUDY", "-k", "PatientID=77654033"]
        done = archive.retrieve(app, tmp_path, *asked)
        assert done.code == Exit.SUCCESS, done.err
        assert len(done.of("retrieval")) == done.of("query")[0]["matches"] > 1
        assert take(tmp_path) == EXPECTED


def test_unknown_destination(archive: Archive) -> None:
    done = archive.run("movescu", "-k", "PatientID=77654033", "-aem", "NOBODY")
    assert done.code == Exit.ALL_FAILED
    assert done.err.startswith("movescu: the retrieval ended with status 0x")


def test_compressed(tmp_path: Path) -> None:
    """Orthanc sends instances as they are if there is a context for it, but for RLE."""
    various = [sample for sample in VARIOUS if sample.transfer_syntax != RLELossless]
    syntaxes = {instance_uid(sample.path): sample.transfer_syntax for sample in various}
    with orthanc_archive(tmp_path / "orthanc") as archive:
        assert store(archive.port, various) == [0x0000] * len(various)
        for app in ("movescu", "getscu"):
            asked = ["-S", "-k", "StudyInstanceUID", "-k", "PatientName=*"]
            done = archive.retrieve(app, tmp_path / app, *asked)
            assert done.code == Exit.SUCCESS, done.err
            files = [dcmread(path) for path in (tmp_path / app).iterdir()]
            assert {f.SOPInstanceUID: f.file_meta.TransferSyntaxUID for f in files} == syntaxes


def test_worklist(tmp_path: Path) -> None:
    folder = tmp_path / "worklist"
    (folder / "WORKLIST").mkdir(parents=True)
    for number, item in enumerate(ITEMS):
        path = folder / "WORKLIST" / f"{number}.wl"
        item.save_as(path, implicit_vr=False, little_endian=True)
    with dcmtk_worklist_scp(folder, "-csk") as server:
        archive = Archive("WORKLIST", server.port, 0)
        step = "ScheduledProcedureStepSequence[0]"
        asked = ["-k", "PatientName", "-k", f"{step}.Modality=MR", "-k", f"{step}.0040,0001"]
        found = matches(archive.run("findscu", "-W", *asked))
    assert sorted(str(match.PatientName) for match in found) == ["Müller^1", "Müller^3"]
    steps = [match.ScheduledProcedureStepSequence[0] for match in found]
    assert {step.ScheduledStationAETitle for step in steps} == {"STATION1", "STATION3"}
