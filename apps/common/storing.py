"""Where received instances are saved: under names that no peer has a say in."""

from __future__ import annotations

import hashlib
import os
import re
import string
import threading
import zlib
from collections.abc import Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

import pynetdicom._lazy as lazy
from pynetdicom import evt

from .exits import AppError, Exit
from .heads import LONGEST_UID, Head, LongUIDError, encoding_in, read_head

SUCCESS = 0x0000
DUPLICATE = 0x0111
OUT_OF_RESOURCES = 0xA700
MISMATCH = 0xA900
CANNOT_UNDERSTAND = 0xC000

#: What to do with an instance that is there already
DUPLICATES = ("replace", "keep", "reject", "rename")

_STORAGE = "1.2.840.10008.5.1.4.1.1."
# What the name of a file begins with, by the SOP class without the prefix above
_MODALITIES = {
    "1": "CR",
    "2": "CT",
    "2.1": "CTE",
    "4": "MR",
    "4.1": "MRE",
    "6.1": "US",
    "6.2": "USE",
    "7": "SC",
    "12.1": "XA",
    "12.1.1": "XAE",
    "20": "NM",
    "128": "PT",
    "130": "PTE",
    "481.1": "RI",
    "481.2": "RD",
    "481.3": "RS",
    "481.5": "RP",
}

_UID = re.compile(r"[0-9.]*[0-9][0-9.]*")
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]")
_LONGEST_NAME = 80
# Names that Windows gives to devices, whatever the suffix
_DEVICES = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])(\..*)?", re.IGNORECASE)
# Of a deflated data set only so much is inflated to look at its beginning
_INFLATED_HEAD = 1 << 20

SOP_CLASS_UID = 0x00080016
SOP_INSTANCE_UID = 0x00080018
STUDY_INSTANCE_UID = 0x0020000D


def uid_name(uid: str) -> str:
    """Return a UID if it may be part of a file name, otherwise a hash of it."""
    if len(uid) <= LONGEST_UID and _UID.fullmatch(uid):
        return uid
    return hashlib.sha256(uid.encode("utf-8", "surrogatepass")).hexdigest()


def safe_name(value: str) -> str:
    """Return a value as part of a file name; different values never become the same."""
    name = _UNSAFE.sub("_", value.strip())[:_LONGEST_NAME].strip(".")
    if not name or _DEVICES.fullmatch(name):
        name = f"_{name}"
    if name == value:
        return name
    digest = hashlib.sha256(value.encode("utf-8", "surrogatepass")).hexdigest()
    return f"{name}~{digest[:8]}"


class Template:
    """A template for the path of a file, with the keywords of elements in braces.

    Parameters
    ----------
    text : str
        The template, such as ``{PatientID}/{StudyInstanceUID}/{SOPInstanceUID}.dcm``; its parts
        are separated by slashes.

    Raises
    ------
    AppError
        If it can't be used.
    """

    def __init__(self, text: str) -> None:
        self._parts = text.strip("/").split("/")
        try:
            fields = [field for part in self._parts for field in _fields(part)]
        except ValueError as exc:
            raise AppError(Exit.USAGE, f"the output template can't be used: {exc}") from None
        if text.startswith("/") or any(part in ("", ".", "..") for part in self._parts):
            raise AppError(
                Exit.USAGE,
                "the output template has an empty part, '.' or '..', or begins with '/'",
                "say with --output-directory where it begins",
            )
        if "SOPInstanceUID" not in _fields(self._parts[-1]):
            raise AppError(
                Exit.USAGE,
                "the last part of the output template does not name the instance",
                "let it be {SOPInstanceUID}.dcm",
            )
        #: The elements that it names, by keyword
        self.tags = {keyword: _tag(keyword) for keyword in fields}

    def path(self, texts: Mapping[int, str], sop_instance_uid: str) -> Path:
        """Return the path for an instance, relative and safe whatever its elements say."""
        values = {"SOPInstanceUID": uid_name(sop_instance_uid)}
        for keyword, tag in self.tags.items():
            values.setdefault(keyword, safe_name(texts.get(tag) or "unknown"))
        return Path(*(part.format_map(values) for part in self._parts))


def _fields(part: str) -> list[str]:
    """Return the keywords in a part of a template."""
    found = []
    for _, keyword, spec, conversion in string.Formatter().parse(part):
        if keyword is not None:
            if spec or conversion:
                raise ValueError(f"'{{{keyword}}}' has a format")
            _tag(keyword)
            found.append(keyword)
    return found


def _tag(keyword: str) -> int:
    tag = lazy.pydicom.datadict.tag_for_keyword(keyword)
    if tag is None:
        raise ValueError(f"'{keyword}' is no keyword of DICOM")
    return tag


class RefusedError(Exception):
    """An instance is not saved; has the status to answer with."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


class Store:
    """A folder that instances are saved in; any thread may use it.

    Parameters
    ----------
    root : Path
        The folder. It is made if it is not there.
    template : Template, optional
        Where in the folder; by default ``<modality>.<SOP Instance UID>``.
    duplicates : str
        What to do with an instance that is there already, one of `DUPLICATES`.
    tags : sequence of int
        Further elements that are needed of each instance.

    Raises
    ------
    OSError
        The folder can't be made.
    """

    def __init__(
        self,
        root: Path,
        template: Template | None = None,
        duplicates: str = "replace",
        tags: Sequence[int] = (),
    ) -> None:
        root.mkdir(parents=True, exist_ok=True)
        self.root = root.resolve()
        self._template = template
        self._duplicates = duplicates
        named = template.tags.values() if template else ()
        self._tags = {SOP_CLASS_UID, SOP_INSTANCE_UID, *named, *tags}
        self._lock = threading.Lock()
        self._claimed: set[Path] = set()  # being written

    def examine(self, event: evt.Event) -> Mapping[int, str]:
        """Return the elements of a C-STORE request's data set that are needed, as text by tag.

        Raises
        ------
        RefusedError
            If it can't be decoded, or is not the instance that the request says.
        """
        try:
            texts = _read_beginning(event, self._tags).texts()
        except OSError:
            raise
        except LongUIDError as exc:
            raise RefusedError(MISMATCH, str(exc)) from None
        except Exception as exc:
            raise RefusedError(CANNOT_UNDERSTAND, f"the data set can't be decoded: {exc}") from exc
        for tag, uid in (
            (SOP_CLASS_UID, event.request.AffectedSOPClassUID),
            (SOP_INSTANCE_UID, event.request.AffectedSOPInstanceUID),
        ):
            if texts.get(tag, "") not in ("", str(uid)):
                raise RefusedError(MISMATCH, "the data set is of another SOP class or instance")
        return texts

    def save(self, event: evt.Event, texts: Mapping[int, str]) -> Path | None:
        """Save the data set of a C-STORE request, bit for bit and all or nothing.

        Returns
        -------
        Path or None
            Its file, None if it is there already and the earlier one is kept.

        Raises
        ------
        RefusedError
            If it is there already and that is not allowed.
        OSError
            If it can't be written.
        """
        path = self._path(event, texts)
        if self._template is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            if not path.parent.resolve().is_relative_to(self.root):
                raise RefusedError(OUT_OF_RESOURCES, f"{path} leads out of {self.root}")
        if self._duplicates == "replace":
            event.save_as(path)
            return path
        claimed = self._claim(path)
        if claimed is None:
            return None
        try:
            event.save_as(claimed)
        finally:
            with self._lock:
                self._claimed.discard(claimed)
        return claimed

    def _path(self, event: evt.Event, texts: Mapping[int, str]) -> Path:
        """Return where to save an instance if nothing is there yet."""
        request = event.request
        uid = str(request.AffectedSOPInstanceUID)
        if self._template is not None:
            return self.root / self._template.path(texts, uid)
        sop_class = str(request.AffectedSOPClassUID)
        prefix = _MODALITIES.get(sop_class.removeprefix(_STORAGE), "UN")
        if not sop_class.startswith(_STORAGE):
            prefix = "UN"
        return self.root / f"{prefix}.{uid_name(uid)}"

    def _claim(self, path: Path) -> Path | None:
        """Return the path to write to, which is nobody else's meanwhile; None not to write."""
        with self._lock:
            if self._is_taken(path):
                if self._duplicates == "keep":
                    return None
                if self._duplicates == "reject":
                    raise RefusedError(DUPLICATE, f"there already: {path.name}")
                path = self._renamed(path)
            self._claimed.add(path)
        return path

    def _is_taken(self, path: Path) -> bool:
        return path in self._claimed or path.exists()

    def _renamed(self, path: Path) -> Path:
        """Return a path like another one that is free."""
        suffix = ".dcm" if path.name.endswith(".dcm") else ""
        stem = path.name.removesuffix(suffix)
        number = 1
        while self._is_taken(renamed := path.with_name(f"{stem}~{number}{suffix}")):
            number += 1
        return renamed


def _read_beginning(event: evt.Event, tags: set[int]) -> Head:
    """Return some elements of a C-STORE request's data set, reading no further than needed."""
    spool = event.request.data_source
    if spool.path is None:
        return _read_head(event, BytesIO(spool.getbuffer()), tags)
    with Path(spool.path).open("rb") as stream:
        stream.seek(spool.offset, os.SEEK_SET)
        return _read_head(event, stream, tags)


def _read_head(event: evt.Event, stream: BinaryIO, tags: set[int]) -> Head:
    """Return some elements of a data set that is in a stream from where it stands."""
    is_implicit_vr, is_little_endian, is_deflated = encoding_in(event.context.transfer_syntax)
    if is_deflated:
        inflate = zlib.decompressobj(-zlib.MAX_WBITS)
        stream = BytesIO(inflate.decompress(stream.read(_INFLATED_HEAD), _INFLATED_HEAD))
    return read_head(stream, is_implicit_vr, is_little_endian, tags)
