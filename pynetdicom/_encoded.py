"""Encoded data sets, as they are sent."""

from __future__ import annotations

import errno
from collections.abc import Iterator, Sequence
from io import BufferedIOBase

import pynetdicom._lazy as lazy

# Part of an encoded data set: bytes, or a file whose rest it is
Piece = bytes | BufferedIOBase


class EncodedDataSet:
    """An encoded data set in pieces: each large value, and what is between them.

    A large value is the object that the data set holds, so that nothing is copied. Bytes can't
    change, whatever becomes of the data set meanwhile. A file, which pydicom takes as the value of
    some elements, has to stay open, and where it stands, until its rest has been read.

    Parameters
    ----------
    pieces : sequence of bytes or io.BufferedIOBase
        The pieces. A file stands for the rest of it, which is of even length.
    """

    __slots__ = ("_pieces",)

    def __init__(self, pieces: Sequence[Piece]) -> None:
        self._pieces = pieces

    def getbuffer(self) -> bytes:
        """Return the whole of it."""
        if len(self._pieces) == 1 and isinstance(self._pieces[0], bytes):
            return self._pieces[0]
        return b"".join([p if isinstance(p, bytes) else rest_of(p) for p in self._pieces])

    def cut(self, size: int) -> Iterator[tuple[bytes | memoryview, bool]]:
        """Yield it in pieces of at most `size` bytes, each with whether it is the last.

        Raises
        ------
        OSError
            If a file can't be read, or became shorter.
        """
        for number, piece in enumerate(self._pieces, 1):
            cuts = _cut_bytes(piece, size) if isinstance(piece, bytes) else _cut_file(piece, size)
            for part, is_end in cuts:
                yield part, is_end and number == len(self._pieces)


def _cut_bytes(data: bytes, size: int) -> Iterator[tuple[memoryview, bool]]:
    """Yield bytes in pieces, at least one, each with whether it is the last."""
    view, total = memoryview(data), len(data)
    for start in range(0, total or 1, size):
        yield view[start : start + size], start + size >= total


def _cut_file(file: BufferedIOBase, size: int) -> Iterator[tuple[bytes, bool]]:
    """Yield the rest of a file in pieces, each with whether it is the last."""
    remaining = lazy.pydicom.fileutil.buffer_remaining(file)
    with lazy.pydicom.fileutil.reset_buffer_position(file):
        while True:
            piece = file.read(min(size, remaining))
            remaining -= len(piece)
            if remaining and not piece:
                raise OSError(errno.EIO, "the file became shorter while it was sent")
            yield piece, not remaining
            if not remaining:
                break


def rest_of(file: BufferedIOBase) -> bytes:
    """Return what a file has from where it stands, and leave it there."""
    with lazy.pydicom.fileutil.reset_buffer_position(file):
        return file.read()
