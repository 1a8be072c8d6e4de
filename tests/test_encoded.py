"""Encoded data sets in pieces, of which some are files that others may use as well."""

from __future__ import annotations

import os
from io import BytesIO
from pathlib import Path

import pytest

from pynetdicom._encoded import EncodedDataSet, FileRest, whole

DATA = bytes(range(256)) * 40


def file(before: int = 6) -> BytesIO:
    """Return a file that stands behind its first bytes."""
    stream = BytesIO(b"x" * before + DATA)
    stream.seek(before)
    return stream


@pytest.mark.parametrize("size", [1000, len(DATA) // 2, len(DATA), 4 * len(DATA)])
def test_cut(size: int) -> None:
    data_set = EncodedDataSet([b"head", FileRest(file()), b"tail"])
    parts = list(data_set.cut(size))
    assert b"".join(part for part, _ in parts) == b"head" + DATA + b"tail"
    assert [is_last for _, is_last in parts] == [False] * (len(parts) - 1) + [True]
    assert all(len(part) <= size for part, _ in parts)
    assert data_set.getbuffer() == b"head" + DATA + b"tail"


@pytest.mark.parametrize("piece", [b"", FileRest(BytesIO())], ids=["bytes", "file"])
def test_nothing(piece: bytes | FileRest) -> None:
    assert [(bytes(part), last) for part, last in EncodedDataSet([piece]).cut(10)] == [(b"", True)]


def test_several_send_the_same_file() -> None:
    stream = file()
    both = [EncodedDataSet([FileRest(stream)]).cut(1000) for _ in range(2)]
    received = [b"", b""]
    for parts in zip(*both, strict=True):
        for number, (part, _) in enumerate(parts):
            received[number] += part
        assert stream.tell() == 6
    assert received == [DATA, DATA]


def test_file_is_moved_between_two_reads() -> None:
    stream = file()
    cuts = EncodedDataSet([FileRest(stream)]).cut(1000)
    received = b""
    for part, _ in cuts:
        received += part
        stream.seek(len(received) // 3)
    assert received == DATA


def test_file_is_sent_by_a_signal_handler_within_a_read() -> None:
    """It runs in the thread that it interrupts."""

    class Interrupted(BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            if not taken:
                taken.append(b"")
                taken[0] = rest.read(7, 5)
            return super().read(size)

    taken: list[bytes] = []
    rest = FileRest(Interrupted(DATA))
    assert rest.read(100, 50) == DATA[100:150]
    assert taken == [DATA[7:12]]


def test_file_is_moved_within_a_read() -> None:
    class Moved(BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            self.seek(1)
            return super().read(size)

    rest = FileRest(Moved(DATA))
    with pytest.raises(OSError, match="was moved"):
        rest.read(100, 50)


def test_file_becomes_shorter(tmp_path: Path) -> None:
    path = tmp_path / "value"
    path.write_bytes(DATA)
    with path.open("rb") as stream:
        rest = FileRest(stream)
        os.truncate(path, 5000)
        assert rest.read(0, 4096) == DATA[:4096]
        with pytest.raises(OSError, match="became shorter"):
            rest.read(4096, 4096)
        with pytest.raises(OSError, match="became shorter"):
            whole(rest)
