"""What a C-STORE request sends: a data set or a file."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import (
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEGBaseline8Bit,
)

from pynetdicom.association.instances import (
    file_pieces,
    missing_in,
    read_start,
    required_uid,
    transfer_syntax_of,
)
from pynetdicom.dsutils import FileHead, opened


@pytest.mark.parametrize(
    ("head", "missing"),
    [
        (FileHead("1.2", "1.3", "1.4", 300), None),
        (FileHead(None, "1.3", None, 300), "MediaStorageSOPClassUID"),
        (FileHead("1.2", None, None, 300), "MediaStorageSOPInstanceUID"),
        (FileHead("1.2", "1.3", None, 300), "TransferSyntaxUID"),
    ],
)
def test_missing_in(head: FileHead, missing: str | None) -> None:
    assert missing_in(head) == missing


def test_required_uid() -> None:
    dataset = Dataset()
    with pytest.raises(AttributeError, match="no SOPClassUID"):
        required_uid(dataset, "SOPClassUID")
    dataset.SOPClassUID = "1.2.3"
    assert required_uid(dataset, "SOPClassUID") == "1.2.3"


def dataset_of(stated: str | None, encoding: tuple[bool, bool] | None = None) -> Dataset:
    """Return a data set that says its transfer syntax, and perhaps was read."""
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    if stated:
        dataset.file_meta.TransferSyntaxUID = stated
    if encoding:
        dataset.set_original_encoding(*encoding)
    return dataset


def test_transfer_syntax_as_stated() -> None:
    for stated in (ImplicitVRLittleEndian, ExplicitVRLittleEndian, JPEGBaseline8Bit):
        assert transfer_syntax_of(dataset_of(stated)) == stated
        assert transfer_syntax_of(dataset_of(stated, (stated.is_implicit_VR, True))) == stated


@pytest.mark.parametrize("dataset", [Dataset(), dataset_of(None)])
def test_no_transfer_syntax(dataset: Dataset) -> None:
    with pytest.raises(AttributeError, match=r"no file_meta\.TransferSyntaxUID"):
        transfer_syntax_of(dataset)


def test_transfer_syntax_that_is_another(caplog: pytest.LogCaptureFixture) -> None:
    for actual, encoding in (
        (ImplicitVRLittleEndian, (True, True)),
        (ExplicitVRBigEndian, (False, False)),
    ):
        caplog.clear()
        assert transfer_syntax_of(dataset_of(ExplicitVRLittleEndian, encoding)) == actual
        assert "sent as the former" in caplog.text
    with pytest.raises(AttributeError, match="is encoded in explicit VR little endian"):
        transfer_syntax_of(dataset_of(ImplicitVRLittleEndian, (False, True)))


@pytest.mark.parametrize("length", [0, 10, 11, 65535, 65536, 65537, 200_001])
@pytest.mark.parametrize("offset", [0, 3, 10])
@pytest.mark.parametrize("size", [4096, 1 << 20])
def test_file_pieces(tmp_path: Path, length: int, offset: int, size: int) -> None:
    """A small file is read at once, another one in pieces; the whole is of even length."""
    path = tmp_path / "file"
    content = bytes(offset) + os.urandom(length)
    path.write_bytes(content)
    with opened(str(path)) as fd:
        data = read_start(fd)
        assert data in (None, content)
        assert (data is None) == (len(content) > 65536)
        pieces = list(file_pieces(fd, offset, size, data))
    expected = content[offset:] + b"\0" * (length % 2)
    assert b"".join(piece for piece, _ in pieces) == expected
    assert [last for _, last in pieces] == [False] * (len(pieces) - 1) + [True]
    assert all(len(piece) <= size + 1 for piece, _ in pieces)


def test_file_system_that_gives_less_at_a_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = os.read
    path = tmp_path / "file"
    path.write_bytes(bytes(range(200)))
    with opened(str(path)) as fd:
        monkeypatch.setattr(os, "read", lambda fd, length: read(fd, min(length, 150)))
        data = read_start(fd)
        assert data is None
        pieces = [piece for piece, _ in file_pieces(fd, 0, 4096, data)]
    assert b"".join(pieces) == bytes(range(200))


def test_file_that_becomes_shorter(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(bytes(100_000))
    with opened(str(path)) as fd:
        pieces = file_pieces(fd, 0, 4096, read_start(fd))
        next(pieces)
        os.truncate(path, 10)
        with pytest.raises(OSError, match="became shorter"):
            list(pieces)
