"""The beginning of a data set: a few short elements, whatever else a peer has put there."""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from struct import Struct
from typing import TYPE_CHECKING, BinaryIO, Final

import pynetdicom._lazy as lazy
from pynetdicom.dsutils import LONG_VRS, Encoding, encoding_of

if TYPE_CHECKING:
    from pydicom.dataelem import RawDataElement
    from pydicom.dataset import Dataset
    from pydicom.tag import BaseTag

#: Most headers of elements and items to look at; what has a length is skipped as a whole
MOST_HEADERS: Final = 1_000_000
#: Longest value in bytes: of others the beginning is taken, except of a UID
LONGEST_VALUE: Final = 16384
#: In characters (PS3.5 9.1)
LONGEST_UID: Final = 64

_SPECIFIC_CHARACTER_SET: Final = 0x00080005
# What sequences of undefined length are made of (PS3.5 7.5)
_ITEM, _ITEM_END, _SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
_UNDEFINED: Final = 0xFFFFFFFF
_DEEPEST: Final = 64

_VRS: Final = LONG_VRS | frozenset(
    b"AE AS AT CS DA DS DT FD FL IS LO LT PN SH SL SS ST TM UI UL US".split()
)
# The VRs of what is looked at most often; to have those of others pydicom is loaded
_KNOWN_VRS: Final = {
    _SPECIFIC_CHARACTER_SET: "CS",
    0x00080016: "UI",
    0x00080018: "UI",
    0x0020000D: "UI",
}


class HeadError(ValueError):
    """The beginning of a data set can't be read."""


class LongUIDError(HeadError):
    """A UID is longer than one may be."""


@dataclass(slots=True)
class Head:
    """Some elements of a data set, as they were received: nothing of them is decoded yet."""

    is_implicit_vr: bool
    is_little_endian: bool
    #: VR, if it was there, and value by tag
    elements: dict[int, tuple[str | None, bytes]] = field(default_factory=dict)

    def data_set(self) -> Dataset:
        """Return a data set with the elements."""
        raw = {
            (key := lazy.pydicom.tag.BaseTag(tag)): lazy.pydicom.dataelem.RawDataElement(
                key, vr, len(value), value, 0, vr is None, self.is_little_endian
            )
            for tag, (vr, value) in self.elements.items()
        }
        return _data_set(raw, self.is_implicit_vr, self.is_little_endian)

    def texts(self) -> dict[int, str]:
        """Return the values as text by tag; UIDs, which most are, without the help of pydicom."""
        texts = {
            tag: value.decode("latin-1").strip(" \0")
            for tag, (_, value) in self.elements.items()
            if tag == _SPECIFIC_CHARACTER_SET or _vr(tag) == "UI"
        }
        if len(texts) < len(self.elements):
            for element in self.data_set():
                value = element.value
                texts.setdefault(int(element.tag), "" if value is None else str(value))
        return texts


def read_head(
    stream: BinaryIO,
    is_implicit_vr: bool,
    is_little_endian: bool,
    tags: Collection[int],
    headers: int = MOST_HEADERS,
) -> Head:
    """Return some elements of a data set, reading no further than the last of them can be.

    All else is skipped without being decoded: what it takes does not depend on the peer.

    Parameters
    ----------
    stream : binary file
        The encoded data set, from where it stands.
    is_implicit_vr, is_little_endian : bool
        How the transfer syntax encodes (PS3.5 7.1 and 7.3).
    tags : collection of int
        The elements; *Specific Character Set* comes in addition.
    headers : int, optional
        Look at so many headers of elements and items at most.

    Raises
    ------
    LongUIDError
        A UID among the elements is too long.
    HeadError
        The limit is exceeded, or a sequence is broken or nested too deep.
    """
    scanner = _Scanner(stream, is_little_endian, headers)
    is_implicit = is_implicit_vr and not scanner.is_explicit()
    wanted, last = {_SPECIFIC_CHARACTER_SET, *tags}, max(tags)
    head = Head(is_implicit, is_little_endian)
    while (found := scanner.header(is_implicit)) is not None:
        tag, vr, length = found
        if tag > last:
            break
        if length == _UNDEFINED:
            scanner.skip_sequence(is_implicit or vr == "UN")
        elif tag not in wanted or vr == "SQ":
            scanner.skip(length)
        else:
            head.elements[tag] = vr, scanner.value(tag, length)
    return head


def head_of(data_set: Dataset, tags: Collection[int]) -> Dataset:
    """Return what :func:`read_head` returns, of a data set that has been decoded already.

    Raises
    ------
    LongUIDError
        A UID among the elements is too long.
    """
    elements: dict[BaseTag, RawDataElement] = {}
    for tag in {_SPECIFIC_CHARACTER_SET, *tags}:
        element = data_set.get_item(tag) if tag in data_set else None
        if isinstance(element, lazy.pydicom.dataelem.RawDataElement) and element.VR != "SQ":
            value = element.value or b""
            _check_uid(tag, len(value), value[:LONGEST_VALUE])
            elements[element.tag] = element._replace(value=value[:LONGEST_VALUE])
    return _data_set(elements, False, True)


def encoding_in(transfer_syntax: str) -> Encoding:
    """Return how data sets are encoded in a transfer syntax, which may be an unknown one.

    All but a few old ones are in Explicit VR Little Endian (PS3.5 10).
    """
    try:
        return encoding_of(transfer_syntax)
    except ValueError:
        return False, True, False


def known_encodings(names: Sequence[str]) -> list[str]:
    """Return Python's names of the values of *Specific Character Set* (PS3.3 C.12.1.1.2).

    An unknown one counts as the default one.
    """
    try:
        return lazy.pydicom.charset.convert_encodings(list(names))
    except (LookupError, Warning):
        return ["iso8859"]


def _data_set(
    elements: dict[BaseTag, RawDataElement], is_implicit: bool, is_little_endian: bool
) -> Dataset:
    """Return a data set of elements as they were received."""
    data_set = lazy.pydicom.dataset.Dataset(elements)  # type: ignore[arg-type]
    raw = elements.get(lazy.pydicom.tag.BaseTag(_SPECIFIC_CHARACTER_SET))
    text = "" if raw is None else (raw.value or b"").decode("latin-1")
    encodings = known_encodings([name.strip(" \0") for name in text.split("\\")])
    data_set.set_original_encoding(is_implicit, is_little_endian, encodings)
    return data_set


def _vr(tag: int) -> str:
    """Return the VR of an element in the data dictionary."""
    return _KNOWN_VRS.get(tag) or lazy.pydicom.datadict.dictionary_VR(tag)


def _check_uid(tag: int, length: int, value: bytes) -> None:
    """Raise LongUIDError if an element has a UID that is too long."""
    if _vr(tag) == "UI" and (length > LONGEST_VALUE or len(value.strip(b" \0")) > LONGEST_UID):
        raise LongUIDError(
            f"{lazy.pydicom.datadict.keyword_for_tag(tag)} has more than {LONGEST_UID} characters"
        )


class _Scanner:
    """Goes through an encoded data set, from header to header."""

    def __init__(self, stream: BinaryIO, is_little_endian: bool, headers: int) -> None:
        order = "<" if is_little_endian else ">"
        self._stream = stream
        self._implicit = Struct(f"{order}HHL")
        self._short = Struct(f"{order}HH2sH")
        self._long = Struct(f"{order}L")
        self._most = self._left = headers

    def is_explicit(self) -> bool:
        """Return whether the next element is in Explicit VR, whatever it should be in."""
        start = self._stream.tell()
        data = self._stream.read(6)
        self._stream.seek(start)
        return data[4:] in _VRS

    def header(self, is_implicit: bool) -> tuple[int, str | None, int] | None:
        """Return tag, VR if it is there, and length of what comes next; None at the end."""
        data = self._stream.read(8)
        if len(data) < 8:
            return None
        self._left -= 1
        if self._left < 0:
            raise HeadError(f"it begins with more than {self._most} elements and items")
        group, number, length = self._implicit.unpack(data)
        tag, vr = group << 16 | number, data[4:6]
        # Within a data set in Explicit VR some peers write sequences in Implicit VR
        if is_implicit or group == 0xFFFE or vr not in _VRS:
            return tag, None, length
        if vr not in LONG_VRS:
            return tag, vr.decode(), self._short.unpack(data)[3]
        data = self._stream.read(4)
        return (tag, vr.decode(), self._long.unpack(data)[0]) if len(data) == 4 else None

    def skip(self, length: int) -> None:
        """Skip a value."""
        self._stream.seek(length, os.SEEK_CUR)

    def value(self, tag: int, length: int) -> bytes:
        """Return a value, or the beginning of a long one."""
        value = self._stream.read(min(length, LONGEST_VALUE))
        _check_uid(tag, length, value)
        self.skip(length - min(length, LONGEST_VALUE))
        return value

    def skip_sequence(self, is_implicit: bool) -> None:
        """Skip the items of a sequence of undefined length, and its delimiter."""
        # Of what is open: whether it is an item, and whether its elements are in Implicit VR
        levels = [(False, is_implicit)]
        while levels:
            is_item, is_implicit = levels[-1]
            found = self.header(is_implicit)
            if found is None:
                raise HeadError("it ends within a sequence")
            tag, vr, length = found
            if tag == (_ITEM_END if is_item else _SEQUENCE_END):
                levels.pop()
            elif not is_item and tag != _ITEM:
                raise HeadError("a sequence has something else than items")
            elif length != _UNDEFINED:
                self.skip(length)
            elif len(levels) >= 2 * _DEEPEST:
                raise HeadError(f"sequences are nested deeper than {_DEEPEST}")
            else:
                levels.append((not is_item, is_implicit or vr == "UN"))
