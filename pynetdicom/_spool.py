"""Received data sets: the small ones in memory, the large ones in temporary files."""

from __future__ import annotations

import itertools
import logging
import os
import stat
import weakref
from contextlib import contextmanager, suppress
from io import BytesIO
from typing import TYPE_CHECKING

import pynetdicom._lazy as lazy
from pynetdicom.errors import DataSetLengthError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    Buffer = bytes | bytearray | memoryview

LOGGER = logging.getLogger(__name__)

# Buffers that the system takes in one gathered write (POSIX <limits.h>)
_IOV_MAX = 1024
# Bytes to hold while a file is copied, and to ask for at a time when it is read as a whole:
# Linux moves a little less than 2 GiB a call
_COPY_LENGTH = 1 << 20
_READ_LENGTH = 1 << 30
# Whether an open file may be renamed and removed, and is readable then: not so on Windows
_KEEPS_OPEN = hasattr(os, "pread")
_NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)

# They make the names of temporary files unique: the one in this process, the other among hosts
# that share a folder
_COUNTER = itertools.count()
_TOKEN = os.urandom(4).hex()


class Spool:
    """The data set of a message, while it arrives and afterwards.

    It grows in memory up to `threshold`, and beyond that in a temporary file in the DICOM File
    Format (PS3.10 7.1). :meth:`discard` removes the file; at the latest it goes together with
    the object. The data set stays readable as long as the object lives, even if its file was
    renamed or removed (but not on Windows).

    After :meth:`fail` it takes the rest without keeping it, and whoever asks for the data set gets
    the exception.

    Parameters
    ----------
    threshold : int
        Bytes of data set to hold in memory; 0 for a file whatever the length.
    directory : str or None, optional
        Where to make the file; None for the system's folder for temporary files.
    head : bytes or callable, optional
        What the file has before the data set: preamble, prefix and file meta information. A
        callable without parameters returns it when it is needed.
    limit : int or None, optional
        Bytes of data set to accept; None for no limit.
    """

    def __init__(
        self,
        threshold: int,
        directory: str | None = None,
        head: bytes | Callable[[], bytes] = b"",
        limit: int | None = None,
    ) -> None:
        self.threshold = threshold
        self.limit = limit
        #: Bytes of data set received so far
        self.length = 0
        #: Why the data set is lost, if it is
        self.error: OSError | None = None
        self._head = head
        # The data set while it is in memory, else None. It may be in a file as well.
        self._memory: BytesIO | None = BytesIO()
        self._directory = directory
        self._file: _TemporaryFile | None = None

    @classmethod
    def adopt(cls, data: BytesIO, head: bytes | Callable[[], bytes]) -> Spool:
        """Return a spool of a complete data set that is in memory, without copying it."""
        length = data.getbuffer().nbytes
        spool = cls(max(length, 1), head=head)
        spool.length = length
        spool._memory = data
        return spool

    def write(self, views: Sequence[Buffer]) -> None:
        """Append `views` to the data set.

        Raises
        ------
        DataSetLengthError
            The data set would become longer than the limit.
        OSError
            The file cannot be made or written.
        """
        length = self.length + sum(map(len, views))
        if self.limit is not None and length > self.limit:
            raise DataSetLengthError(f"The data set is longer than the limit of {self.limit} bytes")
        self.length = length
        if self.error is not None:
            return
        if self._memory is None:
            self._made_file().write(views)
        elif length <= self.threshold:
            self._memory.writelines(views)
        else:
            self._move_to_file(self._memory, views)

    def close(self) -> None:
        """Finish writing.

        Raises
        ------
        OSError
            The file cannot be written: some file systems tell only now.
        """
        if self._memory is not None:
            if self.threshold > 0:
                return
            self._move_to_file(self._memory, ())
        self._made_file().finish()

    def fail(self, error: OSError) -> None:
        """Give the data set up, which can't be kept because of `error`, and its file."""
        # Without the traceback, which refers to what was being received
        self.error = error.with_traceback(None)
        self.discard()
        self._memory = self._file = None

    def discard(self) -> None:
        """Remove the file, if there is one and it is still where it was made."""
        if self._file is not None:
            self._file.remove()

    def head(self) -> bytes:
        """Return what the file has before the data set."""
        if callable(self._head):
            self._head = self._head()
        return self._head

    @property
    def offset(self) -> int:
        """Bytes before the data set in the file."""
        return len(self.head())

    @property
    def path(self) -> str | None:
        """Path of the file in which the data set is or was, or None."""
        return None if self._file is None else self._file.path

    def materialise(self) -> str:
        """Return the path of a file with the data set, which is made if there has been none.

        Raises
        ------
        OSError
            The file cannot be made or written.
        """
        self._check()
        if self.path is None and self._memory is not None:
            file = _TemporaryFile(self._directory)
            file.write((self.head(), self._memory.getbuffer()))
            file.finish()
            self._file = file
        return str(self.path)

    def getbuffer(self) -> Buffer:
        """Return the data set. If it is in a file, each call reads it into memory.

        Raises
        ------
        OSError
            The file cannot be read, or could not be written.
        """
        self._check()
        if self._memory is not None:
            return self._memory.getbuffer()
        return b"".join(self._made_file().pieces(self.offset, _READ_LENGTH))

    def stream(self) -> BytesIO:
        """Return the data set as a stream to read from; like :meth:`getbuffer`."""
        return BytesIO(self.getbuffer()) if self._memory is None else self._memory

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the data set to `path` in the DICOM File Format, bit for bit as it was received.

        The file has the permissions of any new one, and appears with all of its content or not
        at all. The temporary file of a large data set is moved, or if that is not possible,
        copied in constant memory.

        Raises
        ------
        OSError
            The file cannot be made or written. A file that was there before is as it was.
        """
        self._check()
        target = os.fspath(path)
        if self._memory is not None:
            with _replacing(target) as descriptor:
                _write_all(descriptor, (self.head(), self._memory.getbuffer()))
        elif not (file := self._made_file()).move(target):
            with _replacing(target) as descriptor:
                for piece in file.pieces(0, _COPY_LENGTH):
                    _write_all(descriptor, (piece,))

    def _check(self) -> None:
        if self.error is not None:
            raise self.error

    def _made_file(self) -> _TemporaryFile:
        """Return the file, which is made when it is first written to."""
        if self._file is None:
            self._file = _TemporaryFile(self._directory)
        return self._file

    def _move_to_file(self, memory: BytesIO, views: Sequence[Buffer]) -> None:
        """Go on in a file that begins with what is in `memory` and `views`."""
        self._made_file().write((self.head(), memory.getbuffer(), *views))
        self._memory = None


class _TemporaryFile:
    """A file that is made when it is first written to, and removed with the object."""

    __slots__ = ("__weakref__", "_descriptor", "_directory", "_finalizer", "path")

    def __init__(self, directory: str | None) -> None:
        self.path: str | None = None
        self._directory = directory
        self._descriptor: int | None = None
        self._finalizer: weakref.finalize[[str], _TemporaryFile] | None = None

    def write(self, buffers: Sequence[Buffer]) -> None:
        """Append `buffers`."""
        if self._descriptor is None:
            self._descriptor, self.path = lazy.tempfile.mkstemp(
                prefix="pynetdicom-", suffix=".dcm", dir=self._directory
            )
            self._finalizer = weakref.finalize(self, _remove, self.path)
        _write_all(self._descriptor, buffers)

    def finish(self) -> None:
        """Close the file for writing, which tells of errors that were held back so far."""
        self._close()
        if _KEEPS_OPEN and self.path is not None:
            self._descriptor = os.open(self.path, os.O_RDONLY)

    def pieces(self, start: int, length: int) -> Iterator[bytes]:
        """Return the content from `start` on in pieces of at most `length` bytes."""
        while piece := self._read(start, length):
            yield piece
            start += len(piece)

    def _read(self, start: int, length: int) -> bytes:
        if self._descriptor is not None:
            return os.pread(self._descriptor, length, start)
        with lazy.pathlib.Path(str(self.path)).open("rb") as file:
            file.seek(start)
            return file.read(length)

    def move(self, target: str) -> bool:
        """Make the file the user's at `target`, and return whether that was possible."""
        if not _KEEPS_OPEN or self._finalizer is None or self._descriptor is None:
            return False
        mode = _permissions(target, os.fstat(self._descriptor))
        if mode is None:
            return False
        os.fchmod(self._descriptor, mode)
        try:
            lazy.pathlib.Path(str(self.path)).replace(target)
        except OSError:  # copying it will succeed, or tell what is wrong
            os.fchmod(self._descriptor, 0o600)
            return False
        self._finalizer.detach()
        self._finalizer = None
        self.path = target
        return True

    def remove(self) -> None:
        """Remove the file unless it is the user's; on Windows an open one must be closed."""
        if not _KEEPS_OPEN:
            self._close()
        if self._finalizer is not None:
            self._finalizer()
            self._finalizer = None

    def _close(self) -> None:
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)

    def __del__(self) -> None:
        with suppress(OSError):
            self._close()


def _remove(path: str) -> None:
    """Remove a temporary file that may have been moved."""
    try:
        lazy.pathlib.Path(path).unlink(missing_ok=True)
    except OSError as exc:
        LOGGER.warning("Unable to remove the temporary file %s: %s", path, exc)


def _temporary_name(path: str) -> str:
    """Return a name in the folder of `path` that no other file has."""
    folder = path[: len(path) - len(os.path.split(path)[1])]
    return f"{folder}.{os.getpid()}-{next(_COUNTER)}-{_TOKEN}.part"


def _permissions(path: str, status: os.stat_result) -> int | None:
    """Return the permissions that a new file at `path` has.

    None if a file of this `status` cannot become like it: that of another file system or group,
    or one without the access control list that the folder of `path` gives.
    """
    name = _temporary_name(path)
    descriptor = os.open(name, _NEW_FILE, 0o666)
    try:
        new = os.fstat(descriptor)
        with suppress(AttributeError, OSError):  # there are no lists here
            if "system.posix_acl_access" in os.listxattr(descriptor):
                return None
    finally:
        os.close(descriptor)
        _remove(name)
    same = (new.st_dev, new.st_gid) == (status.st_dev, status.st_gid)
    return stat.S_IMODE(new.st_mode) if same else None


@contextmanager
def _replacing(path: str) -> Iterator[int]:
    """Give the descriptor of a new file.

    It takes the place of `path` at the end of the block, or is removed after an exception.
    """
    name = _temporary_name(path)
    descriptor = os.open(name, _NEW_FILE, 0o666)
    try:
        try:
            yield descriptor
        finally:
            os.close(descriptor)
        os.replace(name, path)  # noqa: PTH105 - two Path objects cost as much as writing the file
    except BaseException:
        _remove(name)
        raise


def _write_all(descriptor: int, buffers: Sequence[Buffer]) -> None:
    """Write `buffers`, many of them in a call."""
    pending = list(buffers)
    first = 0
    while first < len(pending):
        written = _writev(descriptor, pending[first : first + _IOV_MAX])
        while first < len(pending) and written >= len(pending[first]):
            written -= len(pending[first])
            first += 1
        if written:  # the system took a part only, as it does near the end of its space
            pending[first] = memoryview(pending[first])[written:]


def _write_one(descriptor: int, buffers: Sequence[Buffer]) -> int:
    """Write the first of `buffers` where there is no gathered write."""
    return os.write(descriptor, buffers[0])


_writev = getattr(os, "writev", _write_one)
