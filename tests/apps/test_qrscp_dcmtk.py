"""The archive of qrscp with DCMTK's programs: store, find, get and move."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from pydicom import dcmread

from pynetdicom.apps.qrscp.archive import path_of
from pynetdicom.apps.qrscp.settings import Destination
from tests.support.archives import LiveArchive
from tests.support.peers import dcmtk_scu, dcmtk_storescp
from tests.support.samples import SAMPLES, Sample, data_set, instance_uid, store

pytestmark = pytest.mark.interop

CT, MR = (
    next(sample for sample in SAMPLES if sample.path.name == name)
    for name in ("CT_small.dcm", "MR_small.dcm")
)
PENDING = "0xff00: Pending"
CT_STUDY = "1.3.6.1.4.1.5962.1.2.1.20040119072730.12322"


@pytest.fixture
def live(tmp_path: Path) -> Iterator[LiveArchive]:
    """An archive with a CT and an MR image."""
    live = LiveArchive(tmp_path / "files", f"sqlite:///{tmp_path}/index.sqlite")
    assert store(live.port, [CT, MR]) == [0x0000, 0x0000]
    yield live
    live.close()


def query(live: LiveArchive, *keys: str) -> str:
    """Return what findscu says about a query of the study root."""
    options = [option for key in keys for option in ("-k", key)]
    outcome = dcmtk_scu("findscu", live.port, ["-S", "-aec", "QRSCP", *options])
    assert outcome.status == 0, outcome.output
    return outcome.output


def received(folder: Path) -> dict[str, bytes]:
    """Return the data sets of the files in a folder by SOP Instance UID."""
    return {instance_uid(path): data_set(path) for path in folder.iterdir()}


def is_all(found: dict[str, bytes], sample: Sample) -> bool:
    """Return whether nothing but a sample was received, bit for bit."""
    return found == {instance_uid(sample.path): sample.data_set()}


def test_store(live: LiveArchive) -> None:
    """It changes what it sends, so that the file is another one then."""
    path = live.archive.folder / path_of(instance_uid(CT.path))
    before = path.read_bytes()
    assert dcmtk_scu("storescu", live.port, ["-aec", "QRSCP"], [CT.path]).status == 0
    assert path.read_bytes() != before
    assert dcmread(path).PixelData == dcmread(CT.path).PixelData
    assert query(live, "QueryRetrieveLevel=STUDY", "StudyInstanceUID").count(PENDING) == 2


def test_find(live: LiveArchive) -> None:
    everything = query(live, "QueryRetrieveLevel=STUDY", "StudyInstanceUID", "PatientName")
    assert everything.count(PENDING) == 2
    by_name = query(
        live, "QueryRetrieveLevel=STUDY", "PatientName=compressedsamples^ct*", "StudyInstanceUID"
    )
    assert by_name.count(PENDING) == 1
    assert CT_STUDY in by_name


def test_get(live: LiveArchive, tmp_path: Path) -> None:
    folder = tmp_path / "got"
    folder.mkdir()
    keys = ["-k", "QueryRetrieveLevel=STUDY", "-k", f"StudyInstanceUID={CT_STUDY}"]
    options = ["-S", "-aec", "QRSCP", "+B", "-od", folder, *keys]
    outcome = dcmtk_scu("getscu", live.port, options)
    assert outcome.status == 0, outcome.output
    assert is_all(received(folder), CT)


def test_move(live: LiveArchive, tmp_path: Path) -> None:
    keys = ["-k", "QueryRetrieveLevel=STUDY", "-k", f"StudyInstanceUID={CT_STUDY}"]
    with dcmtk_storescp(tmp_path / "peer") as peer:
        live.destinations["PEER"] = Destination("127.0.0.1", peer.port)
        options = ["-S", "-aec", "QRSCP", "-aem", "PEER", *keys]
        outcome = dcmtk_scu("movescu", live.port, options)
        assert outcome.status == 0, outcome.output
        assert is_all(received(tmp_path / "peer" / "received"), CT)
