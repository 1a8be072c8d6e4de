"""The archive: files in a folder, and the index of what is in them."""

from __future__ import annotations

import filecmp
import hashlib
import logging
import os
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from io import BytesIO
from itertools import count
from pathlib import Path
from typing import Any, Final

from pydicom.dataset import Dataset
from sqlalchemy import Select, select
from sqlalchemy.exc import SQLAlchemyError

from pynetdicom.dsutils import decode, read_file_head, split_dataset
from pynetdicom.errors import DataSetLimitError
from pynetdicom.service_class.storage import NonPatientObjectStorageServiceClass
from pynetdicom.sop_class import uid_to_service_class
from pynetdicom.utils import safe_text

from ..common.heads import LongUIDError, encoding_in, head_of, read_head
from .attributes import IMAGE, SERIES, STUDY, TAGS, UNIQUE_KEYS, read_rows
from .index import FILED, Filed, Index, Record, first_line

LOGGER = logging.getLogger("pynetdicom.apps.qrscp")

# Where files are until they are complete, on the same file system as the others
INCOMING: Final = ".incoming"
# A file name that can't be a path or mean anything special to the system
_SAFE_UID = re.compile(r"[0-9][0-9.]{0,63}")
# Stores of the same instance wait for each other
_LOCKS: Final = 64


class InstanceError(Exception):
    """An instance can't be stored.

    Parameters
    ----------
    status : int
        The status for the peer (PS3.4 B.2.3).
    reason : str
        Why, in at most 64 characters.
    """

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


class Archive:
    """Keeps instances as files, and finds them by the index.

    A file has the name of the SOP Instance UID, in one of 256 folders.

    Parameters
    ----------
    folder : pathlib.Path
        Where the files are; it is made if there is none. It belongs to one archive in one
        process: what a process that was killed has left unfinished is removed.
    index : Index
        The index.

    Raises
    ------
    OSError
        The folder can't be used.
    """

    def __init__(self, folder: Path, index: Index) -> None:
        self.folder = folder.absolute()
        self.incoming = self.folder / INCOMING
        self.index = index
        self._locks = [threading.Lock() for _ in range(_LOCKS)]
        self._count = count()
        self.incoming.mkdir(parents=True, exist_ok=True)
        for path in self.incoming.iterdir():
            path.unlink()
        for number in range(256):
            (self.folder / f"{number:02x}").mkdir(exist_ok=True)
        _sync_folder(self.folder)

    def close(self) -> None:
        """Close the index."""
        self.index.close()

    # -- storing -----------------------------------------------------------------------------

    def store(
        self,
        save: Callable[[Path], None],
        sop_class: str,
        sop_instance: str,
        transfer_syntax: str,
        inflated: Callable[[], Dataset] | None = None,
    ) -> None:
        """Store an instance; on return it is on the disk and in the index.

        The same instance may come again. Then the file is left alone if it is the same,
        otherwise it is replaced, at once.

        Parameters
        ----------
        save : callable
            Writes the instance to a path.
        sop_class, sop_instance, transfer_syntax : str
            What it is said to be.
        inflated : callable, optional
            Returns the data set, where reading the file has to inflate it and that has limits.

        Raises
        ------
        InstanceError
            It is not what it is said to be, or can't be kept.
        """
        temporary = self.incoming / f"{next(self._count)}.dcm"
        path = path_of(sop_instance)
        try:
            save(temporary)
            data_set = _decoded(inflated or partial(_read_head, temporary))
            record = _record(data_set, path, transfer_syntax)
            _check(record, sop_class, sop_instance)
            _sync_file(temporary)
            with self._locks[hash(path) % _LOCKS]:
                self._file(temporary, record)
        except (OSError, SQLAlchemyError) as exc:
            what = "file" if isinstance(exc, OSError) else "index"
            LOGGER.error("The %s can't be written: %s", what, first_line(exc))
            raise InstanceError(0xA700, f"The {what} can't be written") from exc
        finally:
            temporary.unlink(missing_ok=True)

    def _file(self, temporary: Path, record: Record) -> None:
        """Give a complete file its place, and then the index its record."""
        target = self.folder / record.path
        is_new = not target.exists()
        if is_new or not filecmp.cmp(temporary, target, shallow=False):
            temporary.replace(target)
            _sync_folder(target.parent)
        try:
            earlier = self.index.add(record)
        except SQLAlchemyError:
            if is_new:
                target.unlink()
            raise
        if earlier not in (None, record.path):
            (self.folder / str(earlier)).unlink(missing_ok=True)

    # -- finding -----------------------------------------------------------------------------

    def instances(self, statement: Select[Any]) -> Iterator[Filed]:
        """Yield the instances that a statement of :func:`query.parse_retrieve` selects.

        Raises
        ------
        sqlalchemy.exc.SQLAlchemyError
            The index can't be read.
        """
        for row in self.index.rows(statement):
            yield Filed(*row)

    def path(self, filed: Filed) -> Path:
        """Return where the file of an instance is."""
        return self.folder / filed.path

    # -- care --------------------------------------------------------------------------------

    def lacks_index(self) -> bool:
        """Return whether there are files, but nothing at all is in the index.

        Raises
        ------
        OSError, sqlalchemy.exc.SQLAlchemyError
            The files or the index can't be read.
        """
        return not any(self.instances(select(*FILED).limit(1))) and any(self._files())

    def rebuild(self) -> tuple[int, int]:
        """Make the index anew from the files; return how many are in it and how many are not.

        Files may be anywhere in the folder, under any name. Of several with the same instance
        the one that was written last counts.

        Raises
        ------
        OSError, sqlalchemy.exc.SQLAlchemyError
            The files or the index can't be used; the index is as it was.
        """
        refused = count()
        files = [path for path in self._files() if path.is_file()]
        files.sort(key=lambda path: (path.stat().st_mtime_ns, path))

        def records() -> Iterator[Record]:
            for path in files:
                relative = path.relative_to(self.folder).as_posix()
                try:
                    yield record_of(path, relative)
                except (InstanceError, OSError, DataSetLimitError) as exc:
                    LOGGER.warning("%s is left out: %s", relative, exc)
                    next(refused)

        return self.index.rebuild(records()), next(refused)

    def clean(self) -> int:
        """Remove all instances that the index has, and their files; return how many.

        Files that the index does not know stay.

        Raises
        ------
        OSError, sqlalchemy.exc.SQLAlchemyError
            Something could not be removed.
        """
        paths = [filed.path for filed in self.instances(select(*FILED))]
        self.index.rebuild(())
        for path in paths:
            (self.folder / path).unlink(missing_ok=True)
        return len(paths)

    def _files(self) -> Iterator[Path]:
        """Yield the files in the folder that may be instances."""
        for folder, folders, names in os.walk(self.folder):
            folders[:] = [name for name in folders if not name.startswith(".")]
            for name in names:
                if not name.startswith("."):
                    yield Path(folder, name)


def path_of(sop_instance: str) -> str:
    """Return the path of an instance's file in the folder of an archive.

    Parameters
    ----------
    sop_instance : str
        The SOP Instance UID, which may be anything that a peer has sent.
    """
    digest = hashlib.sha256(sop_instance.encode("utf-8", "replace")).hexdigest()
    name = sop_instance if _SAFE_UID.fullmatch(sop_instance) else digest
    return f"{digest[:2]}/{name}.dcm"


def record_of(path: Path, relative: str) -> Record:
    """Return what the index holds about a file.

    Parameters
    ----------
    path : pathlib.Path
        The file.
    relative : str
        The path that the index has.

    Raises
    ------
    InstanceError
        It is no instance that can be kept.
    OSError
        It can't be read.
    """
    try:
        meta, _ = split_dataset(path)
    except OSError:
        raise
    except Exception as exc:
        raise InstanceError(0xC000, "The file is not in the DICOM File Format") from exc
    record = _record(
        _decoded(partial(_read_head, path)), relative, str(meta.get("TransferSyntaxUID", ""))
    )
    _check(record, record.sop_class, record.sop_instance)
    return record


def _read_head(path: Path) -> Dataset:
    """Return what the index needs of the data set in a file."""
    with path.open("rb") as file:
        head = read_file_head(file)
        is_implicit_vr, is_little_endian, is_deflated = encoding_in(head.transfer_syntax or "")
        file.seek(head.offset)
        if is_deflated:
            return decode(BytesIO(file.read()), False, True, True)
        return read_head(file, is_implicit_vr, is_little_endian, TAGS).data_set()


def _decoded(decoder: Callable[[], Dataset]) -> Dataset:
    """Return what the index needs of a data set; InstanceError if it can't be decoded."""
    try:
        return head_of(decoder(), TAGS)
    except (OSError, DataSetLimitError):
        raise
    except LongUIDError as exc:
        raise InstanceError(0xA900, str(exc)) from None
    except Exception as exc:
        LOGGER.error("A data set can't be decoded: %s", safe_text(str(exc), 256))
        raise InstanceError(0xC000, "The data set can't be decoded") from exc


def _record(data_set: Dataset, path: str, transfer_syntax: str) -> Record:
    """Return what the index holds about an instance."""
    rows = read_rows(data_set, transfer_syntax)
    service = uid_to_service_class(str(rows[IMAGE]["sop_class_uid"]))
    return Record(path, rows, not issubclass(service, NonPatientObjectStorageServiceClass))


def _check(record: Record, sop_class: str, sop_instance: str) -> None:
    """Raise InstanceError if an instance is not what it is said to be, or lacks a UID."""
    said = {"SOPClassUID": sop_class, "SOPInstanceUID": sop_instance}
    found = {"SOPClassUID": record.sop_class, "SOPInstanceUID": record.sop_instance}
    for keyword, value in said.items():
        if not value or found[keyword] != value:
            raise InstanceError(0xA900, f"{keyword} of the data set is another, or missing")
    levels = (STUDY, SERIES, IMAGE) if record.is_composite else (IMAGE,)
    for level in levels:
        if not record.key(level):
            raise InstanceError(0xA900, f"{UNIQUE_KEYS[level]} is missing")


def _sync_file(path: Path) -> None:
    """Return when a file is on the disk."""
    descriptor = os.open(path, os.O_RDWR | getattr(os, "O_BINARY", 0))
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _sync_folder(path: Path) -> None:
    """Return when the names of the files in a folder are on the disk, where that can be asked."""
    with suppress(PermissionError):  # Windows opens no folder
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
