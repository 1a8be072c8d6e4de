"""What is to be sent: files, folders, patterns, DICOMDIRs, and the contexts that they need."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pynetdicom._lazy as lazy
from pynetdicom import DEFAULT_TRANSFER_SYNTAXES, build_context
from pynetdicom._globals import MAXIMUM_CONTEXTS
from pynetdicom.dsutils import FileHead, opened, read_file_head
from pynetdicom.presentation import PresentationContext

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

#: Between these a data set can be converted without loss and without decoding pixels
_IMPLICIT, _EXPLICIT, _DEFLATED, _ = DEFAULT_TRANSFER_SYNTAXES
_CONVERTIBLE = (_EXPLICIT, _IMPLICIT, _DEFLATED)
_UIDS = ("SOPClassUID", "SOPInstanceUID")
# The SOP class of a DICOMDIR: Media Storage Directory Storage
_DICOMDIR = "1.2.840.10008.1.3.10"


class Instance(NamedTuple):
    """A file, and what its beginning says of it."""

    path: str
    sop_class: str
    sop_instance: str
    transfer_syntax: str


class Problem(NamedTuple):
    """A file that can't be sent."""

    path: str
    reason: str


class Inputs:
    """All that is to be sent, in order and each file once."""

    def __init__(self) -> None:
        self.instances: list[Instance] = []
        self.problems: list[Problem] = []
        #: Files in folders that are no DICOM files
        self.ignored: list[Problem] = []


class Batch:
    """What goes over associations that all propose the same contexts."""

    def __init__(self) -> None:
        self.contexts: list[PresentationContext] = []
        self.instances: list[Instance] = []


def find(paths: Sequence[str], recurse: bool) -> Inputs:
    """Return what there is to send.

    Parameters
    ----------
    paths : sequence of str
        Files, folders, patterns and ``-`` for a list of them on stdin, one a line.
    recurse : bool
        Take the folders in folders, too.
    """
    inputs = Inputs()
    seen: set[str] = set()
    for path in _named(paths):
        if path.is_dir():
            files = _files_in(str(path), recurse, inputs.problems)
            for file in sorted(files, key=_parts):
                _add(inputs, seen, file, inputs.ignored)
        else:
            _add(inputs, seen, str(path), inputs.problems)
    return inputs


def _files_in(folder: str, recurse: bool, problems: list[Problem]) -> list[str]:
    """Return the paths of the files in a folder; texts, as there may be very many of them."""
    files = []
    within = "" if folder == "." else folder.rstrip(os.sep) + os.sep
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.is_file():
                    files.append(within + entry.name)
                elif recurse and entry.is_dir(follow_symlinks=False):
                    files += _files_in(within + entry.name, recurse, problems)
    except OSError as exc:
        problems.append(Problem(folder, exc.strerror or str(exc)))
    return files


def _named(paths: Iterable[str]) -> Iterator[Path]:
    """Yield what is named, with patterns and the list on stdin replaced by what they stand for."""
    for name in paths:
        if name == "-":
            yield from _named(line.rstrip("\r\n") for line in sys.stdin if line.strip())
        elif lazy.glob.has_magic(name) and not Path(name).exists():
            found = sorted(lazy.glob.glob(name, recursive=True))
            yield from map(Path, found or [name])
        else:
            yield Path(name)


def _parts(path: str) -> list[str]:
    return path.split(os.sep)  # noqa: PTH206 - Path takes as long as reading the file


def _add(inputs: Inputs, seen: set[str], path: str, problems: list[Problem]) -> None:
    """Add a file, or what a DICOMDIR refers to; what is no DICOM file is a problem."""
    key = os.path.join(os.getcwd(), path)  # noqa: PTH109, PTH118 - as above
    if key in seen:
        return
    seen.add(key)
    try:
        instance = _examine(path)
    except OSError as exc:
        inputs.problems.append(Problem(path, exc.strerror or str(exc)))
    except lazy.pydicom.errors.InvalidDicomError:
        problems.append(Problem(path, "not a DICOM file"))
    except ValueError as exc:
        inputs.problems.append(Problem(path, str(exc)))
    else:
        if instance.sop_class != _DICOMDIR:
            inputs.instances.append(instance)
            return
        for file in _directory(Path(path), inputs):
            _add(inputs, seen, str(file), inputs.problems)


def _examine(path: str) -> Instance:
    """Return what the beginning of a file says, without reading more of it if that will do."""
    with opened(path) as descriptor:
        head = read_file_head(descriptor)
    if not head.transfer_syntax:
        raise ValueError("its file meta information has no TransferSyntaxUID")
    sop_class, sop_instance = head.sop_class_uid, head.sop_instance_uid
    if not sop_class or not sop_instance:
        sop_class, sop_instance = _uids_within(path, head)
    return Instance(path, sop_class, sop_instance, head.transfer_syntax)


def _uids_within(path: str, head: FileHead) -> tuple[str, str]:
    """Return the UIDs that a file's meta information lacks, from the data set itself."""
    elements = lazy.pydicom.dcmread(path, stop_before_pixels=True, specific_tags=list(_UIDS))
    stated = (head.sop_class_uid, head.sop_instance_uid)
    found = [uid or elements.get(name) for uid, name in zip(stated, _UIDS, strict=True)]
    for uid, name in zip(found, _UIDS, strict=True):
        if not uid:
            raise ValueError(f"it has no {name}")
    return str(found[0]).strip(" \0"), str(found[1]).strip(" \0")


def _directory(path: Path, inputs: Inputs) -> Iterator[Path]:
    """Yield the files that a DICOMDIR refers to."""
    try:
        records = lazy.pydicom.dcmread(path).get("DirectoryRecordSequence") or []
    except Exception as exc:  # pydicom raises almost anything for broken files
        inputs.problems.append(Problem(str(path), f"the DICOMDIR can't be read: {exc}"))
        return
    for record in records:
        file = _referenced(path.parent, record)
        if file is not None:
            yield file


def _referenced(folder: Path, record: Dataset) -> Path | None:
    """Return the file of a directory record, if it has one and it is within the folder."""
    parts = record.get("ReferencedFileID")
    if not parts:
        return None
    parts = [parts] if isinstance(parts, str) else [str(part) for part in parts]
    if any(part in ("", ".", "..") or set(part) & set("/\\:") for part in parts):
        return None  # no File ID (PS3.10 8.2), and maybe not what the user wants to send
    file = folder.joinpath(*parts)
    # Some systems show the names of media in lower case
    return file if file.exists() else _or(folder.joinpath(*(p.lower() for p in parts)), file)


def _or(path: Path, otherwise: Path) -> Path:
    return path if path.exists() else otherwise


def plan(instances: Sequence[Instance], only: Sequence[str] | None, exact: bool) -> list[Batch]:
    """Return the instances in batches, each with the contexts that it needs.

    Parameters
    ----------
    instances : sequence of Instance
        What is to be sent.
    only : sequence of str or None
        The transfer syntaxes to propose, whatever the instances have; None for those that they
        have.
    exact : bool
        Propose nothing to which an instance would have to be converted.
    """
    by_class: dict[str, list[Instance]] = {}
    for instance in instances:
        by_class.setdefault(instance.sop_class, []).append(instance)
    batches: list[Batch] = []
    for sop_class, members in by_class.items():
        syntaxes = list(dict.fromkeys(instance.transfer_syntax for instance in members))
        # More transfer syntaxes of one class than fit into an association are taken in turns
        for start in range(0, len(syntaxes), MAXIMUM_CONTEXTS - 1):
            some = syntaxes[start : start + MAXIMUM_CONTEXTS - 1]
            contexts = _contexts(sop_class, some, only, exact)
            if not batches or len(batches[-1].contexts) + len(contexts) > MAXIMUM_CONTEXTS:
                batches.append(Batch())
            batches[-1].contexts += contexts
            batches[-1].instances += [i for i in members if i.transfer_syntax in some]
    return batches


def _contexts(
    sop_class: str, syntaxes: Sequence[str], only: Sequence[str] | None, exact: bool
) -> list[PresentationContext]:
    """Return the contexts for the instances of one SOP class."""
    if only is not None:
        return [build_context(sop_class, list(only))]
    contexts = [build_context(sop_class, [syntax]) for syntax in syntaxes]
    others = [uid for uid in _CONVERTIBLE if uid not in syntaxes]
    if not exact and others and any(uid in _CONVERTIBLE for uid in syntaxes):
        contexts.append(build_context(sop_class, list(others)))
    return contexts
