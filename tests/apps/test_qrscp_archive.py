"""The archive of qrscp without a network: files, their names, and the index made from them."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from pydicom.dataset import Dataset
from pydicom.uid import ColorPaletteStorage, ExplicitVRLittleEndian
from sqlalchemy import select

from pynetdicom.apps.qrscp import archive as archive_module
from pynetdicom.apps.qrscp.archive import Archive, InstanceError, path_of, record_of
from pynetdicom.apps.qrscp.index import FILED, Filed, Index
from tests.support.archives import image, image_uid, put, search, write
from tests.support.samples import CT


@pytest.fixture
def archive(tmp_path: Path) -> Any:
    archive = Archive(tmp_path / "files", Index(f"sqlite:///{tmp_path}/index.sqlite"))
    yield archive
    archive.close()


def store(archive: Archive, data_set: Dataset, **said: str) -> None:
    """Store an instance that is said to be what it is, or something else."""
    archive.store(
        lambda path: write(data_set, path),
        said.get("sop_class", str(data_set.get("SOPClassUID"))),
        said.get("sop_instance", str(data_set.get("SOPInstanceUID"))),
        ExplicitVRLittleEndian,
    )


def filed(archive: Archive) -> list[Filed]:
    """Return all that is in the index."""
    return list(archive.instances(select(*FILED)))


def files(archive: Archive) -> list[str]:
    """Return the paths of all files, those that are being received included."""
    found = (path for path in archive.folder.rglob("*") if path.is_file())
    return sorted(path.relative_to(archive.folder).as_posix() for path in found)


class TestNames:
    def test_uid(self) -> None:
        assert re.fullmatch(r"[0-9a-f]{2}/1\.2\.3\.dcm", path_of("1.2.3"))

    @pytest.mark.parametrize(
        "uid",
        [
            "",
            "..",
            "../../escaped",
            "/etc/passwd",
            "1.2/3",
            "1.2\\3",
            ".1.2",
            "CON",
            "1.2\n",
            "1" * 65,
            "1.2.\u0663",
            "1.2\0",
            "\ud800",
        ],
    )
    def test_anything_else(self, uid: str) -> None:
        assert re.fullmatch(r"[0-9a-f]{2}/[0-9a-f]{64}\.dcm", path_of(uid))

    def test_no_two_are_the_same(self) -> None:
        uids = ["..", ".", "", "/", "a", "A", "1.2", "1.2 ", "1.2.dcm", "1" * 64, "1" * 65]
        assert len({path_of(uid).lower() for uid in uids}) == len(uids)


class TestStore:
    def test_file_and_index(self, archive: Archive) -> None:
        store(archive, image())
        uid = image_uid(1, 1, 1)
        assert files(archive) == [path_of(uid)]
        assert filed(archive) == [
            Filed(path_of(uid), str(image().SOPClassUID), uid, ExplicitVRLittleEndian)
        ]
        assert archive.path(filed(archive)[0]).read_bytes()[128:132] == b"DICM"

    def test_the_same_again(self, archive: Archive) -> None:
        """The file is left as it is."""
        store(archive, image())
        path = archive.folder / path_of(image_uid(1, 1, 1))
        before = path.stat()
        store(archive, image())
        assert path.stat().st_ino == before.st_ino
        assert len(filed(archive)) == 1

    def test_another_with_the_same_uid(self, archive: Archive) -> None:
        store(archive, image())
        store(archive, image(PatientComments="corrected"))
        path = archive.folder / path_of(image_uid(1, 1, 1))
        assert b"corrected" in path.read_bytes()
        assert files(archive) == [path_of(image_uid(1, 1, 1))]
        assert [
            each.PatientComments for each in search(archive.index, "PATIENT", PatientComments="")
        ] == ["corrected"]

    def test_hostile_uid(self, archive: Archive) -> None:
        uid = "../../escaped"
        store(archive, image(SOPInstanceUID=uid))
        assert files(archive) == [path_of(uid)]
        assert [each.sop_instance for each in filed(archive)] == [uid]

    @pytest.mark.parametrize(
        ("elements", "said", "status", "comment"),
        [
            ({}, {"sop_instance": "1.2"}, 0xA900, "SOPInstanceUID of the data set is another"),
            ({}, {"sop_class": "1.2"}, 0xA900, "SOPClassUID of the data set is another"),
            ({"StudyInstanceUID": None}, {}, 0xA900, "StudyInstanceUID is missing"),
            ({"SeriesInstanceUID": ""}, {}, 0xA900, "SeriesInstanceUID is missing"),
            ({"StudyInstanceUID": "1" * 65}, {}, 0xA900, "StudyInstanceUID has more than 64"),
            ({"SOPInstanceUID": ["1"] * 40}, {}, 0xA900, "SOPInstanceUID has more than 64"),
        ],
    )
    def test_refused(
        self,
        archive: Archive,
        elements: dict[str, Any],
        said: dict[str, str],
        status: int,
        comment: str,
    ) -> None:
        with pytest.raises(InstanceError) as raised:
            store(archive, image(**elements), **said)
        assert raised.value.status == status
        assert str(raised.value).startswith(comment)
        assert len(str(raised.value)) <= 64
        assert (files(archive), filed(archive)) == ([], [])

    def test_no_data_set(self, archive: Archive) -> None:
        with pytest.raises(InstanceError) as raised:
            archive.store(lambda path: shutil.copy(__file__, path), "1.2", "1.3", "1.4")
        assert raised.value.status == 0xC000
        assert files(archive) == []

    def test_an_instance_of_no_patient(self, archive: Archive) -> None:
        palette = put(Dataset(), SOPClassUID=ColorPaletteStorage, SOPInstanceUID="1.2.3")
        store(archive, palette)
        assert [each.sop_instance for each in filed(archive)] == ["1.2.3"]

    @pytest.mark.parametrize("call", ["fsync", "replace"])
    def test_the_disk_fails(
        self, archive: Archive, call: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Nothing is left, and what was there before stays."""
        store(archive, image(1, 1, 1))

        def fail(*args: Any) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(*((os, call) if call == "fsync" else (Path, call)), fail)
        for number in (1, 2):
            with pytest.raises(InstanceError, match="The file can't be written") as raised:
                store(archive, image(1, 1, number, PatientComments="other"))
            assert raised.value.status == 0xA700
        assert files(archive) == [path_of(image_uid(1, 1, 1))]
        assert b"other" not in (archive.folder / files(archive)[0]).read_bytes()
        assert len(filed(archive)) == 1

    def test_the_index_fails(self, archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
        def fail(record: Any) -> None:
            raise archive_module.SQLAlchemyError("no space")

        monkeypatch.setattr(archive.index, "add", fail)
        with pytest.raises(InstanceError, match="The index can't be written") as raised:
            store(archive, image())
        assert raised.value.status == 0xA700
        assert files(archive) == []

    def test_what_was_unfinished_goes(self, archive: Archive) -> None:
        (archive.incoming / "0.dcm").write_bytes(b"half")
        store_again = Archive(archive.folder, archive.index)
        assert list(store_again.incoming.iterdir()) == []


class TestRebuild:
    def test_from_files(self, archive: Archive) -> None:
        """Wherever they are, and whatever their names are."""
        for number in (1, 2, 3):
            store(archive, image(1, 1, number))
        before = search(archive.index, "STUDY", NumberOfStudyRelatedInstances="", PatientName="")
        moved = archive.folder / "elsewhere" / "some.name"
        moved.parent.mkdir()
        (archive.folder / path_of(image_uid(1, 1, 2))).rename(moved)
        (archive.folder / "notes.txt").write_text("no instance")
        archive.index.rebuild(())
        assert filed(archive) == []
        assert archive.rebuild() == (3, 1)
        after = search(archive.index, "STUDY", NumberOfStudyRelatedInstances="", PatientName="")
        assert after == before
        assert "elsewhere/some.name" in {each.path for each in filed(archive)}

    def test_a_file_elsewhere_is_replaced(self, archive: Archive) -> None:
        write(image(), archive.folder / "old.dcm")
        assert archive.rebuild() == (1, 0)
        store(archive, image())
        assert files(archive) == [path_of(image_uid(1, 1, 1))]
        assert [each.path for each in filed(archive)] == files(archive)

    def test_the_newest_of_several_counts(self, archive: Archive) -> None:
        for name, time, comment in (("b", 1, "old"), ("a", 2, "new")):
            path = archive.folder / name
            write(image(PatientComments=comment), path)
            os.utime(path, (time, time))
        archive.rebuild()
        assert [each.path for each in filed(archive)] == ["a"]
        (patient,) = search(archive.index, "PATIENT", PatientComments="")
        assert patient.PatientComments == "new"

    def test_record_of_a_sample(self) -> None:
        record = record_of(CT.path, "some/path")
        assert record.rows["PATIENT"]["patient_name"] == "CompressedSamples^CT1"
        assert record.rows["SERIES"]["modality"] == "CT"
        assert record.rows["IMAGE"]["rows"] == 128
        assert record.path == "some/path"

    def test_missing_file(self, tmp_path: Path) -> None:
        with pytest.raises(FileNotFoundError):
            record_of(tmp_path / "none", "none")

    def test_truncated_file(self, tmp_path: Path) -> None:
        path = tmp_path / "short.dcm"
        path.write_bytes(CT.path.read_bytes()[:200])
        with pytest.raises(InstanceError, match="not in the DICOM File Format"):
            record_of(path, "short.dcm")


class TestClean:
    def test_clean(self, archive: Archive) -> None:
        """What the archive does not know is not its own."""
        store(archive, image())
        (archive.folder / "notes.txt").write_text("keep me")
        assert archive.clean() == 1
        assert (files(archive), filed(archive)) == (["notes.txt"], [])

    def test_a_file_that_is_gone(self, archive: Archive) -> None:
        store(archive, image())
        shutil.rmtree(archive.folder)
        assert archive.clean() == 1
