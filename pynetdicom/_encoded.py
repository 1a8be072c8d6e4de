"""Encoded data sets, as they are sent."""

from __future__ import annotations

import errno
from collections.abc import Iterator, Sequence
from io import BufferedIOBase
from threading import RLock

import pynetdicom._lazy as lazy

# Held from moving a file's position to moving it back: several threads may send the same file.
# Re-entrant for signal handlers
moving = RLock()


class FileRest:
    """What a file has from where it stands; the file stands there again after each call.

    Parameters
    ----------
    file : io.BufferedIOBase
        The file, which has to stay open.

    Attributes
    ----------
    length : int
        How many bytes there are.
    """

    __slots__ = ("_file", "_start", "length")

    def __init__(self, file: BufferedIOBase) -> None:
        self._file = file
        with moving:
            self._start = file.tell()
            self.length: int = lazy.pydicom.fileutil.buffer_remaining(file)

    def read(self, offset: int, size: int) -> bytes:
        """Return so many bytes from an offset on, fewer at the end.

        Raises
        ------
        OSError
            If the file can't be read, became shorter or is moved by others.
        """
        end = min(offset + size, self.length)
        with moving, lazy.pydicom.fileutil.reset_buffer_position(self._file):
            self._file.seek(self._start + offset)
            data = self._file.read(end - offset)
            if self._file.tell() != self._start + end:
                raise OSError(errno.EIO, "the file became shorter or was moved while it was sent")
        return data


# Part of an encoded data set
Piece = bytes | FileRest


class EncodedDataSet:
    """An encoded data set in pieces: each large value, and what is between them.

    A large value is the object that the data set holds, so that nothing is copied. Bytes can't
    change, whatever becomes of the data set meanwhile. A file, which pydicom takes as the value of
    some elements, has to stay open until it has been read.

    Parameters
    ----------
    pieces : sequence of bytes or FileRest
        The pieces. What a file has is of even length.
    """

    __slots__ = ("_pieces",)

    def __init__(self, pieces: Sequence[Piece]) -> None:
        self._pieces = pieces

    def getbuffer(self) -> bytes:
        """Return the whole of it."""
        if len(self._pieces) == 1 and isinstance(self._pieces[0], bytes):
            return self._pieces[0]
        return b"".join(map(whole, self._pieces))

    def cut(self, size: int) -> Iterator[tuple[bytes | memoryview, bool]]:
        """Yield it in pieces of at most `size` bytes, each with whether it is the last.

        Raises
        ------
        OSError
            If a file can't be read, became shorter or is moved by others.
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


def _cut_file(rest: FileRest, size: int) -> Iterator[tuple[bytes, bool]]:
    """Yield the rest of a file in pieces, at least one, each with whether it is the last."""
    for start in range(0, rest.length or 1, size):
        yield rest.read(start, size), start + size >= rest.length


def whole(piece: Piece) -> bytes:
    """Return all of a piece."""
    return piece if isinstance(piece, bytes) else piece.read(0, piece.length)
