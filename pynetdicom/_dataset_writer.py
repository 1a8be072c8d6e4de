"""Encodes data sets as pydicom does, to the same bytes, in a tenth of the time.

What most elements are is encoded here: values that were received and never looked at, text,
numbers, bytes and sequences. Whatever is out of the ordinary is left to pydicom, element by
element, which also raises what there is to raise.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from operator import itemgetter
from struct import Struct, pack
from typing import Any

from pydicom.charset import convert_encodings, default_encoding, encode_string
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import correct_ambiguous_vr, write_data_element
from pydicom.multival import MultiValue
from pydicom.tag import tag_in_exception
from pydicom.uid import UID
from pydicom.valuerep import AMBIGUOUS_VR, EXPLICIT_VR_LENGTH_32, STANDARD_VR, PersonName

from pynetdicom._encoded import EncodedDataSet, FileRest, Piece, moving, whole

# Tag, VR and length of an element (PS3.5 7.1.2); tag and length with implicit VR (PS3.5 7.1.3)
_SHORT = Struct("<HH2sH").pack
_LONG = Struct("<HH2sHL").pack
_IMPLICIT = Struct("<HHL").pack
_ITEM = b"\xfe\xff\x00\xe0"
_ITEM_END = b"\xfe\xff\x0d\xe0\0\0\0\0"
_SEQUENCE_END = b"\xfe\xff\xdd\xe0\0\0\0\0"
_UNDEFINED = 0xFFFFFFFF
_CHARACTER_SET = 0x00080005
_SHORT_VRS = {vr.value: vr.encode("ascii") for vr in STANDARD_VR - EXPLICIT_VR_LENGTH_32}
_LONG_VRS = {vr.value: vr.encode("ascii") for vr in EXPLICIT_VR_LENGTH_32}
# What has to be resolved before it is encoded, or may have that within
_TO_RESOLVE = frozenset((*AMBIGUOUS_VR, "SQ"))
# Bytes from which on a value is not copied but sent from where it is. The length of one that is not
# large has 16 bits, which is all that there are for most VRs (PS3.5 7.1.2)
_LARGE = 0x10000
# Headers by tag, VR and length, None before what `_add_unusual` has to deal with: to pack them anew
# each time takes a tenth longer. By whether with implicit VR; so many are kept.
_HEADERS: Sequence[dict[tuple[int, str | None, int], bytes | None]] = ({}, {})
_MOST_HEADERS = 4096


class _Level:
    """A data set, or an item of a sequence, that is being encoded."""

    __slots__ = ("_converted", "dataset", "encodings", "is_implicit", "is_kept", "large")

    def __init__(self, dataset: Dataset, is_implicit: bool, parent: Any) -> None:
        self.dataset = dataset
        self.is_implicit = is_implicit
        # If values stay as they were received, they need not be decoded
        self.is_kept = (
            dataset.original_encoding == (is_implicit, True)
            and dataset.original_character_set == dataset._character_set
        )
        elements = dataset._dict
        if not (
            self.is_kept or _TO_RESOLVE.isdisjoint([element.VR for element in elements.values()])
        ):
            correct_ambiguous_vr(dataset, True)
        # The Specific Character Set, or that of the parent
        self.encodings = dataset.SpecificCharacterSet if _CHARACTER_SET in elements else parent
        self.large: list[int] = []  # which of the parts that were added are not to be copied
        self._converted: list[str] | None = None

    def converted(self) -> list[str]:
        """Return the names of its codecs."""
        if self._converted is None:
            if not self.encodings or self.encodings == default_encoding:
                self._converted = [default_encoding]
            else:
                self._converted = convert_encodings(self.encodings)
        return self._converted


def encode_little_endian(dataset: Dataset, is_implicit: bool) -> EncodedDataSet:
    """Return an encoded data set.

    Parameters
    ----------
    dataset : pydicom.dataset.Dataset
        The data set.
    is_implicit : bool
        Whether in Implicit VR Little Endian, else in Explicit VR Little Endian.

    Raises
    ------
    Exception
        What ``pydicom.filewriter.write_dataset`` raises for it.
    """
    out: list[Any] = []
    pieces: list[Piece] = []
    start = 0
    for number in _add_dataset(dataset, is_implicit, default_encoding, out):
        pieces += (b"".join(out[start:number]), out[number])
        start = number + 1
    if start < len(out) or not pieces:
        pieces.append(b"".join(out[start:]))
    data_set = EncodedDataSet(pieces)
    if len(pieces) > 1 and any(isinstance(piece, bytes) and len(piece) % 2 for piece in pieces):
        # What was received with a value of odd length: fragments are even (PS3.8 E.1)
        data_set = EncodedDataSet([data_set.getbuffer()])
    return data_set


def _add_dataset(dataset: Dataset, is_implicit: bool, parent: Any, out: list[Any]) -> list[int]:
    """Add the elements of a data set, in the order of their tags; return which parts are large."""
    level = _Level(dataset, is_implicit, parent)
    is_kept = level.is_kept
    headers = _HEADERS[is_implicit]
    add = out.append
    for tag, element in _in_order(dataset._dict):
        if not tag & 0xFFFF and tag > 0x0006FFFF:
            continue  # group lengths are retired (PS3.5 7.2)
        if not (is_kept and type(element) is RawDataElement):
            _add_element(tag, element, level, out)
            continue
        # Most are as they were received, and not large: here, as each call more counts
        vr, length, value = element[1:4]
        if value is None:
            _add_element(tag, element, level, out)
            continue
        try:
            header = headers[tag, vr, length]
        except KeyError:
            header = _remember_header(tag, vr, length, is_implicit)
        if header is not None and len(value) == length:
            add(header)
            add(value)
        else:
            _add_unusual(tag, element, value, length == _UNDEFINED, level, out)
    return level.large


def _in_order(elements: Mapping[Any, Any]) -> Iterable[tuple[int, Any]]:
    """Return tags and elements in the order of the tags."""
    tags = [tag + 0 for tag in elements]  # plain numbers, which are compared more quickly
    pairs = zip(tags, elements.values(), strict=True)
    return pairs if tags == sorted(tags) else sorted(pairs, key=itemgetter(0))


def _remember_header(tag: int, vr: str | None, length: int, is_implicit: bool) -> bytes | None:
    """Return what comes before a value as `_HEADERS` has it, and put it there."""
    headers = _HEADERS[is_implicit]
    if len(headers) >= _MOST_HEADERS:
        headers.clear()
    header = _header(tag, vr, length, is_implicit) if length < _LARGE else None
    headers[tag, vr, length] = header
    return header


def _header(tag: int, vr: str | None, length: int, is_implicit: bool) -> bytes | None:
    """Return what comes before a value, None if pydicom has to deal with the element."""
    if is_implicit:
        return _IMPLICIT(tag >> 16, tag & 0xFFFF, length)
    if vr in _SHORT_VRS and length < _LARGE:
        return _SHORT(tag >> 16, tag & 0xFFFF, _SHORT_VRS[vr], length)
    if vr in _LONG_VRS:
        return _LONG(tag >> 16, tag & 0xFFFF, _LONG_VRS[vr], 0, length)
    return None


def _add_element(tag: int, element: Any, level: _Level, out: list[Any]) -> None:
    """Add an element that has to be encoded."""
    if type(element) is RawDataElement:
        with tag_in_exception(element.tag):
            element = level.dataset[element.tag]
    vr = element.VR
    value: bytes | None = None
    try:
        encode, padding = _ENCODERS[vr]
        value = encode(element.value, level)
        if value is not None and len(value) % 2:
            value += padding
    except Exception:  # pydicom finds a way, or the words for it
        value = None
    header = None
    if value is not None and len(value) < _LARGE and not element.is_undefined_length:
        header = _header(tag, vr, len(value), level.is_implicit)
    if header is None:
        _add_unusual(tag, element, value, element.is_undefined_length, level, out)
    else:
        out += (header, value)


def _add_unusual(
    tag: int, element: Any, value: bytes | None, is_open: bool, level: _Level, out: list[Any]
) -> None:
    """Add an element that is large, without length, cut short or left to pydicom."""
    piece: Piece | None = value
    length = 0 if value is None else len(value)
    if element.is_buffered and not is_open and (rest := FileRest(element.value)).length % 2 == 0:
        piece, length = rest, rest.length
    if is_open and value is not None:
        # Anything else than items is an error, or that of the caller (PS3.5 A.4)
        piece, length = (value, _UNDEFINED) if value.startswith(_ITEM) else (None, 0)
    header = None if piece is None else _header(tag, element.VR, length, level.is_implicit)
    if header is None:
        out.append(_by_pydicom(element, level))
        return
    if (length >= _LARGE and type(piece) is bytes) or piece is not value:
        level.large.append(len(out) + 1)
    out += (header, piece)
    if is_open:
        out.append(_SEQUENCE_END)


def _by_pydicom(element: Any, level: _Level) -> bytes:
    """Return an element as pydicom encodes it."""
    stream = DicomBytesIO()
    stream.is_implicit_VR = level.is_implicit
    stream.is_little_endian = True
    with moving, tag_in_exception(element.tag):  # there may be files in it
        write_data_element(stream, element, level.encodings)
    data: bytes = stream.getvalue()
    return data


# Values by VR: each returns the encoded value, not yet padded, or None if it is none of the kinds
# that it knows


def _string(value: Any, level: _Level) -> bytes | None:
    if type(value) is str or type(value) is UID:
        return value.encode(default_encoding)
    if type(value) is MultiValue:
        return "\\".join(value).encode(default_encoding)
    return b"" if value is None else None


def _number_string(value: Any, level: _Level) -> bytes | None:
    if value is None:
        return b""
    if type(value) is MultiValue:
        return "\\".join(map(_digits, value)).encode(default_encoding)
    return _digits(value).encode(default_encoding)


def _digits(value: Any) -> str:
    """Return a number as text: as it was read, or else as it is written."""
    text: str = value.original_string if hasattr(value, "original_string") else str(value)
    return text


def _text(value: Any, level: _Level) -> bytes | None:
    if type(value) is str:
        if value.isascii():
            return value.encode("ascii")
        return encode_string(value, level.converted())
    if value is None:
        return b""
    if type(value) is MultiValue and all(type(text) is str for text in value):
        encodings = level.converted()
        return b"\\".join([encode_string(text, encodings) for text in value])
    return None


def _person_name(value: Any, level: _Level) -> bytes | None:
    if type(value) is PersonName:
        groups = value.components
        if len(groups) == 1 and groups[0].isascii():
            name = groups[0].encode("ascii")
            if value.original_string in (None, name):  # else an escape sequence or "=" stays in it
                return name
        return value.encode(level.converted())
    return b"" if value is None else None


def _bytes(value: Any, level: _Level) -> bytes | None:
    if type(value) is bytes:
        return value
    return b"" if value is None else None


def _numbers(layout: str) -> Callable[[Any, _Level], bytes | None]:
    """Return the encoder of numbers with a layout of the struct module."""
    pack_one = Struct(f"<{layout}").pack

    def encode(value: Any, level: _Level) -> bytes | None:
        if type(value) in (int, float):
            return pack_one(value)
        # Of a look-up table's descriptor not all values are signed even if its VR is
        if type(value) is MultiValue and layout != "h":
            return pack(f"<{len(value)}{layout}", *value)
        return b"" if value is None or value == "" else None

    return encode


def _sequence(value: Sequence[Dataset], level: _Level) -> bytes:
    out: list[bytes] = []
    for item in value:
        content: list[Any] = []
        _add_dataset(item, level.is_implicit, level.converted(), content)
        data = b"".join(map(whole, content))
        if getattr(item, "is_undefined_length_sequence_item", False):
            out += (_ITEM, b"\xff\xff\xff\xff", data, _ITEM_END)
        else:
            out += (_ITEM, pack("<L", len(data)), data)
    return b"".join(out)


# By VR, with what pads a value of odd length
_ENCODERS: dict[str, tuple[Callable[[Any, _Level], bytes | None], bytes]] = {
    **dict.fromkeys(("AE", "AS", "CS", "DA", "DT", "TM", "UR"), (_string, b" ")),
    **dict.fromkeys(("DS", "IS"), (_number_string, b" ")),
    **dict.fromkeys(("LO", "LT", "SH", "ST", "UC", "UT"), (_text, b" ")),
    **dict.fromkeys(("OB", "OD", "OF", "OL", "OV", "OW"), (_bytes, b"\0")),
    "FD": (_numbers("d"), b""),
    "FL": (_numbers("f"), b""),
    "PN": (_person_name, b" "),
    "SL": (_numbers("l"), b""),
    "SQ": (_sequence, b""),
    "SS": (_numbers("h"), b""),
    "SV": (_numbers("q"), b""),
    "UI": (_string, b"\0"),
    "UL": (_numbers("L"), b""),
    "UN": (_bytes, b""),
    "US": (_numbers("H"), b""),
    "UV": (_numbers("Q"), b""),
}
