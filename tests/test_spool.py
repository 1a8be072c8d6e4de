"""Received data sets in memory and in temporary files."""

from __future__ import annotations

import errno
import gc
import logging
import os
import stat
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from pynetdicom import _spool
from pynetdicom._spool import Spool
from pynetdicom.errors import DataSetLengthError, DIMSEDecodeError

HEAD = b"\0" * 128 + b"DICM" + b"head"


def filled(spool: Spool, *views: bytes) -> Spool:
    """Return `spool` with a complete data set."""
    for view in views:
        spool.write([memoryview(view)])
    spool.close()
    return spool


def names(folder: Path) -> list[str]:
    """Return the names of the files in `folder`."""
    return sorted(path.name for path in folder.iterdir())


def no_space(descriptor: int, buffers: object) -> int:
    """Write nothing to a full file system."""
    raise OSError(errno.ENOSPC, "No space left on device")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder for temporary files."""
    path = tmp_path / "spool"
    path.mkdir()
    return path


class TestMemory:
    def test_up_to_the_threshold(self, folder: Path) -> None:
        spool = Spool(6, str(folder), HEAD)
        spool.write([b"ab", memoryview(b"xcdx")[1:3]])
        spool.write([b"ef"])
        spool.close()
        assert bytes(spool.getbuffer()) == b"abcdef"
        assert spool.stream().getvalue() == b"abcdef"
        assert (spool.length, spool.path, spool.offset) == (6, None, len(HEAD))
        assert names(folder) == []

    def test_nothing_written(self, folder: Path) -> None:
        spool = filled(Spool(1, str(folder), HEAD))
        assert (spool.length, bytes(spool.getbuffer())) == (0, b"")
        spool.discard()
        assert names(folder) == []

    def test_adopt(self) -> None:
        data = BytesIO(b"abc")
        spool = Spool.adopt(data, HEAD)
        assert spool.stream() is data
        assert (spool.length, spool.threshold) == (3, 3)
        # A threshold of 0 would say that it must be in a file
        assert Spool.adopt(BytesIO(), HEAD).threshold == 1

    def test_materialise(self) -> None:
        spool = filled(Spool(10, None, HEAD), b"abc")
        path = Path(spool.materialise())
        assert path.read_bytes() == HEAD + b"abc"
        assert spool.materialise() == spool.path == str(path)
        assert bytes(spool.getbuffer()) == b"abc"
        spool.discard()
        assert not path.exists()

    def test_cannot_be_materialised(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        spool = filled(Spool(10, str(folder), HEAD), b"abc")
        with monkeypatch.context() as patch:
            patch.setattr(_spool, "_writev", no_space)
            with pytest.raises(OSError, match="No space left"):
                spool.materialise()
        gc.collect()
        assert names(folder) == []
        # With space again the file is complete
        assert Path(spool.materialise()).read_bytes() == HEAD + b"abc"


class TestFile:
    def test_beyond_the_threshold(self, folder: Path) -> None:
        spool = Spool(4, str(folder), HEAD)
        spool.write([b"ab", b"cd"])
        assert spool.path is None
        spool.write([b"e"])
        spool.write([b"f", b"", b"g"])
        spool.close()
        path = Path(str(spool.path))
        assert path.parent == folder
        assert path.suffix == ".dcm"
        assert path.read_bytes() == HEAD + b"abcdefg"
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert spool.getbuffer() == b"abcdefg"
        assert spool.stream().read() == b"abcdefg"
        assert (spool.length, spool.offset) == (7, len(HEAD))
        assert spool.materialise() == str(path)

    @pytest.mark.parametrize("views", [(), (b"abc",)])
    def test_threshold_zero(self, folder: Path, views: tuple[bytes, ...]) -> None:
        spool = filled(Spool(0, str(folder), HEAD), *views)
        assert Path(str(spool.path)).read_bytes() == HEAD + b"".join(views)
        assert spool.getbuffer() == b"".join(views)

    def test_system_folder(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("tempfile.tempdir", str(folder))
        spool = filled(Spool(0), b"abc")
        assert Path(str(spool.path)).parent == folder

    def test_head_is_made_when_needed(self, folder: Path) -> None:
        calls = []

        def head() -> bytes:
            calls.append(1)
            return HEAD

        spool = filled(Spool(3, str(folder), head), b"abc")
        assert not calls
        spool.write([b"d"])
        spool.close()
        assert Path(str(spool.path)).read_bytes() == HEAD + b"abcd"
        assert spool.getbuffer() == b"abcd"
        assert len(calls) == 1

    def test_many_views_in_one_write(self, folder: Path) -> None:
        views = [bytes((n % 251,)) * 3 for n in range(2 * _spool._IOV_MAX + 5)]
        spool = Spool(0, str(folder))
        spool.write(views)
        spool.close()
        assert spool.getbuffer() == b"".join(views)

    def test_system_takes_a_part(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        writev = _spool._writev

        def take_five(descriptor: int, buffers: Any) -> int:
            return int(writev(descriptor, [b"".join(buffers)[:5]]))

        monkeypatch.setattr(_spool, "_writev", take_five)
        spool = Spool(0, str(folder))
        spool.write([b"abc", b"", b"defghi", b"jk", b"", b"lmnop"])
        spool.close()
        assert spool.getbuffer() == b"abcdefghijklmnop"

    def test_larger_than_a_read(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(_spool, "_READ_LENGTH", 3)
        spool = filled(Spool(0, str(folder), HEAD), b"abcdefgh")
        assert spool.getbuffer() == b"abcdefgh"

    def test_no_folder(self, folder: Path) -> None:
        spool = Spool(0, str(folder / "none"))
        with pytest.raises(FileNotFoundError):
            spool.write([b"a"])
        spool.discard()

    def test_error_while_writing(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        spool = filled(Spool(2, str(folder)), b"ab")
        monkeypatch.setattr(_spool, "_writev", no_space)
        with pytest.raises(OSError, match="No space left"):
            spool.write([b"c"])
        assert len(names(folder)) == 1
        spool.discard()
        assert names(folder) == []


class TestLimit:
    @pytest.mark.parametrize("threshold", [0, 3, 100])
    def test_exceeded(self, folder: Path, threshold: int) -> None:
        spool = Spool(threshold, str(folder), HEAD, limit=5)
        spool.write([b"abc", b"de"])
        with pytest.raises(DataSetLengthError, match="longer than the limit of 5 bytes") as info:
            spool.write([b"f"])
        assert isinstance(info.value, DIMSEDecodeError)
        assert spool.length == 5
        spool.discard()
        assert names(folder) == []

    def test_none(self) -> None:
        spool = Spool(100, limit=None)
        spool.write([bytes(100)])
        assert spool.length == 100


class TestDiscard:
    def test_keeps_the_data(self, folder: Path) -> None:
        spool = filled(Spool(0, str(folder), HEAD), b"abc")
        spool.discard()
        assert names(folder) == []
        assert spool.getbuffer() == b"abc"
        spool.discard()

    def test_unfinished(self, folder: Path) -> None:
        spool = Spool(0, str(folder))
        spool.write([b"abc"])
        spool.discard()
        assert names(folder) == []

    def test_file_was_moved(self, folder: Path) -> None:
        spool = filled(Spool(0, str(folder)), b"abc")
        target = folder / "moved"
        Path(str(spool.path)).rename(target)
        spool.discard()
        assert target.read_bytes() == b"abc"
        assert spool.getbuffer() == b"abc"

    def test_goes_with_the_object(self, folder: Path) -> None:
        spool = filled(Spool(0, str(folder)), b"abc")
        assert len(names(folder)) == 1
        del spool
        gc.collect()
        assert names(folder) == []

    def test_cannot_be_removed(
        self, folder: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def refuse(self: Path, missing_ok: bool = False) -> None:
            raise PermissionError(errno.EACCES, "Permission denied")

        spool = filled(Spool(0, str(folder)), b"abc")
        with monkeypatch.context() as patch, caplog.at_level(logging.WARNING, "pynetdicom"):
            patch.setattr(Path, "unlink", refuse)
            spool.discard()
        assert "Unable to remove the temporary file" in caplog.text
        assert "Permission denied" in caplog.text

    def test_no_descriptor_left(self, folder: Path) -> None:
        def descriptors() -> set[Path]:
            return set(Path("/dev/fd").iterdir())

        before = descriptors()
        spools = [filled(Spool(0, str(folder)), b"abc") for _ in range(3)]
        spools.append(Spool(0, str(folder)))
        spools[-1].write([b"abc"])
        assert len(descriptors()) > len(before)
        spools.clear()
        gc.collect()
        assert descriptors() == before


class TestSave:
    @pytest.fixture(params=["memory", "file"])
    def spool(self, request: pytest.FixtureRequest, folder: Path) -> Spool:
        """Return a data set, in memory or in a file."""
        threshold = 100 if request.param == "memory" else 0
        return filled(Spool(threshold, str(folder), HEAD), b"abc")

    def test_content(self, spool: Spool, tmp_path: Path) -> None:
        spool.save(tmp_path / "saved.dcm")
        assert (tmp_path / "saved.dcm").read_bytes() == HEAD + b"abc"
        assert names(tmp_path) == ["saved.dcm", "spool"]
        assert spool.getbuffer() == b"abc"
        spool.discard()
        assert (tmp_path / "saved.dcm").exists()

    def test_relative_path(
        self, spool: Spool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(tmp_path)
        spool.save("saved.dcm")
        assert (tmp_path / "saved.dcm").read_bytes() == HEAD + b"abc"

    def test_replaces(self, spool: Spool, tmp_path: Path) -> None:
        path = tmp_path / "saved.dcm"
        path.write_bytes(b"something longer than what comes now" * 10)
        spool.save(str(path))
        assert path.read_bytes() == HEAD + b"abc"

    def test_long_name(self, spool: Spool, tmp_path: Path) -> None:
        path = tmp_path / ("x" * 255)
        spool.save(path)
        assert path.read_bytes() == HEAD + b"abc"

    def test_permissions(self, spool: Spool, tmp_path: Path) -> None:
        (tmp_path / "usual").touch()
        spool.save(tmp_path / "saved.dcm")
        usual, saved = (tmp_path / "usual").stat(), (tmp_path / "saved.dcm").stat()
        assert saved.st_mode == usual.st_mode
        assert saved.st_gid == usual.st_gid
        assert saved.st_nlink == 1

    def test_twice(self, spool: Spool, tmp_path: Path, folder: Path) -> None:
        spool.save(tmp_path / "one.dcm")
        spool.save(tmp_path / "two.dcm")
        # Each is a file of its own: what the user does to one is not done to the other
        assert (tmp_path / "one.dcm").stat().st_ino != (tmp_path / "two.dcm").stat().st_ino
        assert (tmp_path / "one.dcm").read_bytes() == HEAD + b"abc"
        assert (tmp_path / "two.dcm").read_bytes() == HEAD + b"abc"
        assert names(folder) == []

    def test_after_discard(self, spool: Spool, tmp_path: Path) -> None:
        spool.discard()
        spool.save(tmp_path / "saved.dcm")
        assert (tmp_path / "saved.dcm").read_bytes() == HEAD + b"abc"

    def test_no_folder(self, spool: Spool, tmp_path: Path, folder: Path) -> None:
        before = names(folder)
        with pytest.raises(FileNotFoundError):
            spool.save(tmp_path / "none" / "saved.dcm")
        assert names(tmp_path) == ["spool"]
        assert names(folder) == before

    def test_target_is_a_folder(self, spool: Spool, tmp_path: Path, folder: Path) -> None:
        target = tmp_path / "target"
        target.mkdir()
        with pytest.raises(OSError, match="director"):
            spool.save(target)
        assert names(tmp_path) == ["spool", "target"]
        # The data set is still there for another attempt
        spool.save(tmp_path / "saved.dcm")
        assert (tmp_path / "saved.dcm").read_bytes() == HEAD + b"abc"

    def test_no_space(self, spool: Spool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        (tmp_path / "saved.dcm").write_bytes(b"earlier")
        spool.discard()  # so that it must be copied
        monkeypatch.setattr(_spool, "_writev", no_space)
        with pytest.raises(OSError, match="No space left"):
            spool.save(tmp_path / "saved.dcm")
        assert (tmp_path / "saved.dcm").read_bytes() == b"earlier"
        assert names(tmp_path) == ["saved.dcm", "spool"]

    def test_file_is_moved(self, tmp_path: Path, folder: Path) -> None:
        spool = filled(Spool(0, str(folder), HEAD), b"abc")
        inode = Path(str(spool.path)).stat().st_ino
        spool.save(tmp_path / "saved.dcm")
        assert (tmp_path / "saved.dcm").stat().st_ino == inode
        assert spool.path == str(tmp_path / "saved.dcm")
        assert names(folder) == []
        del spool
        gc.collect()
        assert (tmp_path / "saved.dcm").exists()

    def test_other_file_system(
        self, tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        spool = filled(Spool(0, str(folder), HEAD), b"abc" * 10)
        inode = Path(str(spool.path)).stat().st_ino
        monkeypatch.setattr(_spool, "_COPY_LENGTH", 100)
        monkeypatch.setattr(_spool, "_permissions", lambda path, status: None)
        spool.save(tmp_path / "saved.dcm")
        assert (tmp_path / "saved.dcm").read_bytes() == HEAD + b"abc" * 10
        assert (tmp_path / "saved.dcm").stat().st_ino != inode
        assert len(names(folder)) == 1

    def test_file_cannot_be_moved(
        self, tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def refuse(self: Path, target: str) -> Path:
            raise OSError(errno.EXDEV, "Invalid cross-device link")

        spool = filled(Spool(0, str(folder), HEAD), b"abc")
        monkeypatch.setattr(Path, "replace", refuse)
        spool.save(tmp_path / "saved.dcm")
        assert (tmp_path / "saved.dcm").read_bytes() == HEAD + b"abc"
        assert stat.S_IMODE(Path(str(spool.path)).stat().st_mode) == 0o600

    @pytest.mark.parametrize("attribute", ["st_dev", "st_gid"])
    def test_status_that_cannot_be_had(self, tmp_path: Path, attribute: str) -> None:
        class Status:
            st_dev = tmp_path.stat().st_dev
            st_gid = tmp_path.stat().st_gid

        path = str(tmp_path / "saved.dcm")
        assert _spool._permissions(path, Status()) is not None  # type: ignore[arg-type]
        setattr(Status, attribute, getattr(Status, attribute) + 1)
        assert _spool._permissions(path, Status()) is None  # type: ignore[arg-type]
        assert names(tmp_path) == []

    def test_access_control_list(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(os, "listxattr", lambda descriptor: ["system.posix_acl_access"])
        path = str(tmp_path / "saved.dcm")
        assert _spool._permissions(path, tmp_path.stat()) is None
        monkeypatch.delattr(os, "listxattr")
        assert _spool._permissions(path, tmp_path.stat()) is not None
        assert names(tmp_path) == []


class TestSystemWithLess:
    """Systems without gathered writes, on which open files can be neither moved nor removed."""

    @pytest.fixture(autouse=True)
    def lesser_system(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(_spool, "_KEEPS_OPEN", False)
        monkeypatch.setattr(_spool, "_writev", _spool._write_one)

    def test_read(self, folder: Path) -> None:
        spool = filled(Spool(0, str(folder), HEAD), b"abc", b"def")
        assert spool.getbuffer() == b"abcdef"

    def test_save(self, folder: Path, tmp_path: Path) -> None:
        spool = filled(Spool(0, str(folder), HEAD), b"abc", b"def")
        spool.save(tmp_path / "saved.dcm")
        assert (tmp_path / "saved.dcm").read_bytes() == HEAD + b"abcdef"
        assert len(names(folder)) == 1

    def test_file_is_closed_before_it_is_removed(self, folder: Path) -> None:
        spool = Spool(0, str(folder))
        spool.write([b"abc"])
        spool.discard()
        assert names(folder) == []
        with pytest.raises(FileNotFoundError):
            spool.getbuffer()


class TestFail:
    """When the data set can't be kept."""

    def fail(self, spool: Spool) -> OSError:
        """Give a data set up that is being received."""
        error = OSError(errno.ENOSPC, "No space left on device")
        try:
            raise error
        except OSError as exc:
            spool.fail(exc)
        return error

    @pytest.mark.parametrize("threshold", [0, 3, 100])
    @pytest.mark.parametrize("is_complete", [False, True])
    def test_everybody_is_told(self, folder: Path, threshold: int, is_complete: bool) -> None:
        spool = Spool(threshold, str(folder), HEAD)
        spool.write([b"abcd"])
        if is_complete:
            spool.close()
        error = self.fail(spool)
        assert spool.error is error
        assert error.__traceback__ is None  # it would keep what was being received
        assert names(folder) == []
        assert spool.path is None
        for look in (
            spool.getbuffer,
            spool.stream,
            spool.materialise,
            lambda: spool.save(folder / "saved.dcm"),
        ):
            with pytest.raises(OSError, match="No space left"):
                look()
        assert names(folder) == []
        spool.discard()

    def test_the_rest_is_dropped_and_counted(self, folder: Path) -> None:
        spool = Spool(3, str(folder), HEAD, limit=10)
        spool.write([b"abcd"])
        self.fail(spool)
        spool.write([b"efgh", b"ij"])
        assert spool.length == 10
        with pytest.raises(DataSetLengthError):
            spool.write([b"k"])
        spool.close()
        assert names(folder) == []

    def test_without_one(self) -> None:
        assert filled(Spool(3), b"abc").error is None
