"""Data sets and files: encoding, decoding within limits, file meta information, printing."""

from __future__ import annotations

import logging
import os
import struct
from contextlib import contextmanager
from io import BytesIO
from itertools import count
from struct import Struct
from typing import TYPE_CHECKING, BinaryIO, NamedTuple, TypeAlias

import pynetdicom._config as _config
import pynetdicom._lazy as lazy
from pynetdicom._encoded import EncodedDataSet
from pynetdicom._globals import ALL_TRANSFER_SYNTAXES
from pynetdicom._version import IMPLEMENTATION_UID, PYNETDICOM_IMPLEMENTATION_VERSION
from pynetdicom.errors import DataSetLimitError
from pynetdicom.limits import MIB, Limits
from pynetdicom.utils import make_uid, shown_uid

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from pydicom.dataelem import DataElement, RawDataElement
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.tag import BaseTag

LOGGER = logging.getLogger(__name__)

# Implicit VR, little endian, deflated: what encode() and decode() take
Encoding: TypeAlias = tuple[bool, bool, bool]

# How the transfer syntaxes of the standard encode that can be negotiated (PS3.5 Annex A)
_ENCODINGS: dict[str, Encoding] = {
    **dict.fromkeys(ALL_TRANSFER_SYNTAXES, (False, True, False)),
    "1.2.840.10008.1.2": (True, True, False),
    "1.2.840.10008.1.2.1.99": (False, True, True),
    "1.2.840.10008.1.2.2": (False, False, False),
}

# Up to this size a deflated data set may grow by whatever ratio
_FREE_INFLATE = 16 * MIB

# VRs of elements, None in Implicit VR, that may turn out to be sequences when they are decoded
_MAYBE_SEQUENCE = ("SQ", "UN", None)

# The tag of an item by byte order, True for little endian, and the length of the shortest item
_ITEM = {True: b"\xfe\xff\x00\xe0", False: b"\xff\xfe\xe0\x00"}
_SHORTEST_ITEM = 8

# A file begins with 128 bytes of anything and the prefix (PS3.10 7.1)
_PREAMBLE = b"\0" * 128 + b"DICM"
# What is read of a file at first, and at most; file meta information is a few hundred bytes
_HEAD_LENGTH = 4096
_LONGEST_HEAD = MIB

# Headers of elements in Explicit VR Little Endian: group, element, VR, and the length, which
# some VRs have behind two reserved bytes (PS3.5 7.1.2)
_SHORT = Struct("<HH2sH")
_LONG = Struct("<HH2s2xL")
_LENGTH = Struct("<L")
#: The VRs whose elements have a length of four bytes in Explicit VR (PS3.5 7.1.2)
LONG_VRS = frozenset(b"OB OD OF OL OV OW SQ SV UC UN UR UT UV".split())
_META_VERSION = _LONG.pack(0x0002, 0x0001, b"OB", 2) + b"\0\1"


def encoding_of(transfer_syntax: str) -> Encoding:
    """Return how data sets are encoded in a transfer syntax, as encode() and decode() take it.

    Parameters
    ----------
    transfer_syntax : str
        The transfer syntax; ValueError if it is none that pydicom knows.
    """
    known = _ENCODINGS.get(transfer_syntax)
    if known is not None:
        return known
    uid = shown_uid(transfer_syntax)
    return uid.is_implicit_VR, uid.is_little_endian, uid.is_deflated


def encode(
    ds: Dataset,
    is_implicit_vr: bool,
    is_little_endian: bool,
    deflated: bool = False,
    *,
    log_patient_data: bool | None = None,
) -> bytes | None:
    """Return `ds` as it is encoded in a DIMSE message.

    Parameters
    ----------
    ds : pydicom.dataset.Dataset
        The data set.
    is_implicit_vr, is_little_endian : bool
        How the transfer syntax encodes (PS3.5 7.1 and 7.3).
    deflated : bool, optional
        Whether the transfer syntax compresses the whole data set as well (PS3.5 A.5).
    log_patient_data : bool, optional
        Whether the log may cite the data set, by default what ``_config.LOG_PATIENT_DATA`` says.

    Returns
    -------
    bytes or None
        The encoded data set, or None if it cannot be encoded; the reason is logged.
    """
    data = encode_pieces(
        ds, is_implicit_vr, is_little_endian, deflated, log_patient_data=log_patient_data
    )
    return None if data is None else data.getbuffer()


def encode_pieces(
    ds: Dataset,
    is_implicit_vr: bool,
    is_little_endian: bool,
    deflated: bool = False,
    *,
    log_patient_data: bool | None = None,
) -> EncodedDataSet | None:
    """Return `ds` as :func:`encode` does, but without a copy of its large values."""
    try:
        data = _encoded(ds, is_implicit_vr, is_little_endian)
    except Exception as exc:
        is_open = _config.LOG_PATIENT_DATA if log_patient_data is None else log_patient_data
        why = _printable(str(exc).partition("\n")[0], 256) if is_open else type(exc).__name__
        LOGGER.error("The data set cannot be encoded: %s", why)
        LOGGER.debug("Encoding failed", exc_info=exc if is_open else None)
        return None
    if not deflated:
        return data
    compressor = lazy.zlib.compressobj(wbits=-lazy.zlib.MAX_WBITS)
    deflated_data = compressor.compress(data.getbuffer()) + compressor.flush()
    return EncodedDataSet([deflated_data + b"\0" if len(deflated_data) % 2 else deflated_data])


def _encoded(ds: Dataset, is_implicit_vr: bool, is_little_endian: bool) -> EncodedDataSet:
    """Return an encoded data set."""
    if is_little_endian:
        return lazy.dataset_writer.encode_little_endian(ds, is_implicit_vr)
    stream = lazy.pydicom.filebase.DicomBytesIO()
    stream.is_implicit_VR = is_implicit_vr
    stream.is_little_endian = is_little_endian
    lazy.pydicom.filewriter.write_dataset(stream, ds)
    return EncodedDataSet([stream.getvalue()])


def decode(
    bytestring: BytesIO,
    is_implicit_vr: bool,
    is_little_endian: bool,
    deflated: bool = False,
    *,
    limits: Limits | None = None,
) -> Dataset:
    """Return a decoded data set. Its elements are decoded when they are accessed.

    Parameters
    ----------
    bytestring : io.BytesIO
        The encoded data set, read from its start.
    is_implicit_vr, is_little_endian : bool
        How the transfer syntax encodes (PS3.5 7.1 and 7.3).
    deflated : bool, optional
        Whether the data set is compressed as well. What is compressed is always in Explicit VR
        Little Endian (PS3.5 A.5), whatever the arguments before say.
    limits : limits.Limits, optional
        Bounds on the inflated size and on the items and the nesting of sequences; the default
        ones if not given.

    Raises
    ------
    errors.DataSetLimitError
        A limit would be exceeded; the message names it. It is a ValueError.
    zlib.error
        The deflated data is corrupt or cut short.
    """
    limits = limits or Limits()
    bytestring.seek(0)
    if deflated:
        is_implicit_vr, is_little_endian = False, True
        bytestring = BytesIO(_inflate(bytestring.read(), limits))
    data = bytestring.getvalue()
    has_items = _has_items(data, is_little_endian, limits)
    stop_when = _counter(data, limits)
    dataset = None
    if is_little_endian and stop_when is None:
        dataset = lazy.dataset_reader.decode_little_endian(data, is_implicit_vr)
    try:
        if dataset is None:
            dataset = lazy.pydicom.filereader.read_dataset(
                bytestring, is_implicit_vr, is_little_endian, stop_when=stop_when
            )
    except Exception as exc:
        # pydicom decodes sequences of undefined length at once, by calling itself
        if _stems_from_recursion(exc):
            raise _too_deep(limits) from None
        raise
    if has_items:
        _check_depth(dataset, limits)
    return dataset


def _inflate(data: bytes, limits: Limits) -> bytes:
    """Return inflated `data`, or raise before it has become larger than allowed."""
    by_ratio = max(_FREE_INFLATE, limits.inflate_ratio * len(data))
    longest = min(limits.inflated_length, by_ratio)
    decompressor = lazy.zlib.decompressobj(-lazy.zlib.MAX_WBITS)
    inflated = decompressor.decompress(data, longest + 1)
    if len(inflated) > longest:
        name = "inflated_length" if longest < by_ratio else "inflate_ratio"
        raise DataSetLimitError(
            f"{len(data)} bytes of deflated data set inflate to more than {longest}, which is "
            f"the limit by '{name}'"
        )
    if not decompressor.eof:
        raise lazy.zlib.error("the deflated data set is incomplete")
    return inflated


def _counter(data: bytes, limits: Limits) -> Callable[[BaseTag, str | None, int], bool] | None:
    """Return what counts elements as they are read and raises if they are too many.

    None if they can't be, in so few bytes: an element has 8 at least.
    """
    limit = limits.data_set_elements
    if limit is None or len(data) <= 8 * limit:
        return None
    numbers = count(1)

    def stop_when(tag: BaseTag, vr: str | None, length: int) -> bool:
        if next(numbers) > limit:
            raise DataSetLimitError(
                f"The data set has more elements than the limit 'data_set_elements' of {limit}"
            )
        return False

    return stop_when


def _has_items(data: bytes, is_little_endian: bool, limits: Limits) -> bool:
    """Return whether there may be items of sequences; raise if there are too many.

    Each is made a hundred times as large by pydicom. What looks like an item in other values counts
    as well: to tell would be to parse them all.
    """
    limit, item = limits.sequence_items, _ITEM[is_little_endian]
    if limit is None or len(data) // _SHORTEST_ITEM <= limit:
        return item in data
    number = data.count(item)
    if number > limit:
        raise DataSetLimitError(
            f"The data set has more items of sequences than the limit 'sequence_items' of {limit}"
        )
    return number > 0


def _too_deep(limits: Limits) -> DataSetLimitError:
    return DataSetLimitError(
        f"Sequences are nested deeper than the limit 'sequence_depth' of {limits.sequence_depth}"
    )


def _stems_from_recursion(error: BaseException | None) -> bool:
    """Return whether `error` is a RecursionError, or was raised in handling one."""
    while error is not None and not isinstance(error, RecursionError):
        error = error.__context__
    return error is not None


def _check_depth(dataset: Dataset, limits: Limits) -> None:
    """Raise if sequences are nested too deep, be they decoded already or not."""
    pending = [(dataset, limits.sequence_depth)]
    while pending:
        parent, depth = pending.pop()
        for elem in parent.values():
            items = _items(elem, depth, limits)
            if items and not depth:
                raise _too_deep(limits)
            pending.extend((item, depth - 1) for item in items)


def _items(elem: DataElement | RawDataElement, depth: int, limits: Limits) -> Iterable[Dataset]:
    """Return the items of `elem` if it may have more than `depth` levels of sequences."""
    if isinstance(elem, lazy.pydicom.dataelem.RawDataElement):
        if elem.VR not in _MAYBE_SEQUENCE or not elem.value:
            return ()
        item = _ITEM[elem.is_little_endian]
        if elem.value[:4] != item or elem.value.count(item) <= depth:
            return ()  # each level takes an item
        try:
            # For this look only: in the data set it stays as it was received
            elem = lazy.pydicom.dataelem.convert_raw_data_element(elem)
        except Exception as exc:
            if _stems_from_recursion(exc):
                raise _too_deep(limits) from None
            return ()  # corrupt, which is told when somebody accesses it
    return elem.value or () if elem.VR == "SQ" else ()


def create_file_meta(
    *,
    sop_class_uid: str | None,
    sop_instance_uid: str | None,
    transfer_syntax: str | None,
    implementation_uid: str = IMPLEMENTATION_UID,
    implementation_version: str | None = PYNETDICOM_IMPLEMENTATION_VERSION,
) -> FileMetaDataset:
    """Return file meta information (PS3.10 7.1). Its group length is 0 until it is encoded.

    Parameters
    ----------
    sop_class_uid, sop_instance_uid : str
        *Media Storage SOP Class UID* and *Media Storage SOP Instance UID*. They are taken as
        they are, as a peer may have sent anything; None counts as empty.
    transfer_syntax : str
        The *Transfer Syntax UID* of the data set.
    implementation_uid : str, optional
        The *Implementation Class UID*, that of the package if not given.
    implementation_version : str or None, optional
        The *Implementation Version Name*, that of the package if not given; None for none.
    """
    elements: list[tuple[int, str, object]] = [
        (0x0000, "UL", 0),
        (0x0001, "OB", b"\0\1"),
        (0x0002, "UI", make_uid(sop_class_uid or "")),
        (0x0003, "UI", make_uid(sop_instance_uid or "")),
        (0x0010, "UI", make_uid(transfer_syntax or "")),
        (0x0012, "UI", make_uid(implementation_uid)),
    ]
    if implementation_version is not None:
        elements.append((0x0013, "SH", implementation_version))
    file_meta = lazy.pydicom.dataset.FileMetaDataset()
    for number, vr, value in elements:
        tag = lazy.pydicom.tag.BaseTag(0x00020000 | number)
        file_meta[tag] = lazy.pydicom.dataelem.DataElement(tag, vr, value, already_converted=True)
    return file_meta


def encode_file_meta(file_meta: FileMetaDataset) -> bytes:
    """Return encoded file meta information, without what a file has before it.

    Parameters
    ----------
    file_meta : pydicom.dataset.FileMetaDataset
        What to encode. Its group length is set.

    Raises
    ------
    ValueError
        There are elements outside group 2.
    """
    file_meta.FileMetaInformationGroupLength = 0
    stream = lazy.pydicom.filebase.DicomBytesIO()
    lazy.pydicom.filewriter.write_file_meta_info(stream, file_meta, enforce_standard=False)
    data: bytes = stream.getvalue()
    return data


def file_head(
    sop_class_uid: str | None,
    sop_instance_uid: str | None,
    transfer_syntax: str | None,
    implementation_uid: str,
    implementation_version: str | None,
) -> bytes:
    """Return what a file has before its data set: preamble, prefix and file meta information.

    The latter is what :func:`create_file_meta` and :func:`encode_file_meta` make of the same
    arguments.
    """
    elements = [
        _META_VERSION,
        _meta_element(0x0002, b"UI", sop_class_uid),
        _meta_element(0x0003, b"UI", sop_instance_uid),
        _meta_element(0x0010, b"UI", transfer_syntax),
        _meta_element(0x0012, b"UI", implementation_uid),
    ]
    if implementation_version is not None:
        elements.append(_meta_element(0x0013, b"SH", implementation_version))
    data = b"".join(elements)
    group_length = _SHORT.pack(0x0002, 0x0000, b"UL", 4) + _LENGTH.pack(len(data))
    return _PREAMBLE + group_length + data


def _meta_element(number: int, vr: bytes, value: str | None) -> bytes:
    """Return an encoded element of file meta information that is text."""
    data = (value or "").strip(" \0").encode("latin-1", "replace")
    if len(data) % 2:
        data += b"\0" if vr == b"UI" else b" "
    return _SHORT.pack(0x0002, number, vr, len(data)) + data


@contextmanager
def opened(path: str) -> Iterator[int]:
    """Open a file for reading; gives its descriptor. What is wrong with it names the file."""
    fd = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
    try:
        yield fd
    except OSError as exc:
        if exc.errno is not None and exc.filename is None:
            exc.filename = path
        raise
    except lazy.pydicom.errors.InvalidDicomError as exc:
        raise lazy.pydicom.errors.InvalidDicomError(f"'{path}': {exc}") from exc
    finally:
        os.close(fd)


class FileHead(NamedTuple):
    """What the beginning of a file tells that is in the DICOM File Format.

    Attributes
    ----------
    sop_class_uid, sop_instance_uid, transfer_syntax : str or None
        The UIDs of its file meta information, None if it has none.
    offset : int
        Where the data set begins, in bytes from the start of the file.
    """

    sop_class_uid: str | None
    sop_instance_uid: str | None
    transfer_syntax: str | None
    offset: int


def read_file_head(file: int | bytes | BinaryIO) -> FileHead:
    """Return what the beginning of a file tells (PS3.10 7.1).

    Parameters
    ----------
    file : int, bytes or binary file
        A file descriptor or an object with ``seek()`` and ``read()``, left standing anywhere;
        or what the file begins with.

    Raises
    ------
    pydicom.errors.InvalidDicomError
        The prefix is missing, or the file meta information is cut short or not in Explicit VR
        Little Endian.
    """
    data = _read_start(file, _HEAD_LENGTH)
    if data[128:132] != b"DICM":
        raise lazy.pydicom.errors.InvalidDicomError(
            "Not a file in the DICOM File Format: there is no 'DICM' behind 128 bytes of preamble"
        )
    try:
        return _parse_head(data)
    except lazy.pydicom.errors.InvalidDicomError:
        if len(data) < _HEAD_LENGTH:
            raise
    return _parse_head(_read_start(file, _LONGEST_HEAD))


def _read_start(file: int | bytes | BinaryIO, length: int) -> bytes:
    """Return up to `length` bytes from the start of a file."""
    if isinstance(file, bytes):
        return file[:length]
    if isinstance(file, int):
        os.lseek(file, 0, os.SEEK_SET)
        return os.read(file, length)
    file.seek(0)
    return file.read(length)


def _parse_head(data: bytes) -> FileHead:
    """Return what preamble, prefix and file meta information in `data` tell."""
    values: dict[int, bytes] = {}
    offset, end = len(_PREAMBLE), None
    try:
        # By the group length, as what follows may be compressed and look like anything; and
        # where that is wrong, by the group number
        while offset != end and data[offset : offset + 2] == b"\2\0":
            _, number, vr, length = _SHORT.unpack_from(data, offset)
            start = offset + 8
            if vr in LONG_VRS:
                (length,) = _LENGTH.unpack_from(data, start)
                start += 4
            offset = start + length
            if offset > len(data) or not vr.isupper():
                raise lazy.pydicom.errors.InvalidDicomError(
                    f"Element (0002,{number:04X}) of the file meta information is cut short or "
                    "not in Explicit VR"
                )
            values[number] = data[start:offset]
            if number == 0:
                end = offset + int.from_bytes(values[0], "little")
    except struct.error as exc:
        raise lazy.pydicom.errors.InvalidDicomError(
            "The file meta information is cut short"
        ) from exc
    sop_class, sop_instance, syntax = (
        str(values.get(number, b""), "latin-1").strip(" \0") or None for number in (2, 3, 0x10)
    )
    return FileHead(sop_class, sop_instance, syntax, offset)


def split_dataset(path: str | os.PathLike[str]) -> tuple[FileMetaDataset, int]:
    """Return the file meta information of a file, and where its data set begins (PS3.10 7.1).

    Parameters
    ----------
    path : path-like
        The file.

    Returns
    -------
    tuple[pydicom.dataset.FileMetaDataset, int]
        The file meta information, and the offset of the data set in bytes.

    Raises
    ------
    pydicom.errors.InvalidDicomError
        The file is not in the DICOM File Format.
    OSError
        The file cannot be read.
    """
    with lazy.pathlib.Path(path).open("rb") as file:
        offset = read_file_head(file).offset
        meta = _read_start(file, offset)[len(_PREAMBLE) :]
    elements = lazy.pydicom.filereader.read_dataset(BytesIO(meta), False, True)
    return lazy.pydicom.dataset.FileMetaDataset(elements), offset


def pretty_dataset(ds: Dataset, indent: int = 0, indent_char: str = "  ") -> list[str]:
    """Return a data set as text, one str for each element.

    Parameters
    ----------
    ds : pydicom.dataset.Dataset
        The data set.
    indent : int, optional
        Put `indent_char` so many times before each line; the items of sequences are indented
        twice more.
    indent_char : str, optional
        What to indent with.
    """
    lines = []
    for tag in sorted(ds.keys()):
        try:
            elem = ds[tag]
        except Exception:
            lines.append(f"{indent_char * indent}{tag} (the value cannot be decoded)")
            continue
        lines.append(f"{indent_char * indent}{pretty_element(elem)}")
        if elem.VR == "SQ":
            for number, item in enumerate(elem.value or (), 1):
                lines.append(f"{indent_char * (indent + 1)}(Sequence item #{number})")
                lines += pretty_dataset(item, indent + 2, indent_char)
    return lines


def log_identifier(logger: logging.Logger, level: int, title: str, identifier: Dataset) -> None:
    """Log a data set, if anybody wants to see it; whatever is wrong with it, nothing is raised.

    Parameters
    ----------
    logger : logging.Logger
        Where to.
    level : int
        The level, for example ``logging.INFO``.
    title : str
        What it is, for example ``"C-FIND request identifier"``.
    identifier : pydicom.dataset.Dataset
        The data set.
    """
    if not logger.isEnabledFor(level):
        return
    try:
        text = "\n".join(pretty_dataset(identifier, 1))
    except Exception:  # to be seen when somebody uses it
        text = "  (can't be shown)"
    logger.log(level, "%s:\n%s", title, text)


def pretty_element(elem: DataElement) -> str:
    r"""Return an element as text: tag, VR, value, multiplicity and keyword.

    Parameters
    ----------
    elem : pydicom.dataelem.DataElement
        The element. Of a long text the beginning is shown; what cannot be printed, is escaped.
    """
    value = elem.value
    if elem.VR == "SQ":
        count = len(value or ())
        shown = f"(Sequence with {count} item{'' if count == 1 else 's'})"
    elif elem.is_empty:
        shown = "(no value available)"
    elif isinstance(value, bytes):
        is_short = len(value) <= 13
        shown = f"[{value.hex(' ')}]" if is_short else f"({len(value)} bytes of binary data)"
    else:
        values = value if elem.VM > 1 else [value]
        shown = f"[{_printable(chr(92).join(map(str, values)))}]"
    return f"{elem.tag} {elem.VR} {shown:<40} # {elem.VM} {elem.keyword}"


def _printable(text: str, limit: int = 64) -> str:
    """Return `text`, which may come from a peer, in a form that is safe to show."""
    shown = "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode()
        for char in text[:limit]
    )
    return shown if len(text) <= limit else f"{shown}..."
