"""Query keys: identifiers made of options, files and JSON, and data sets shown in the same way."""

from __future__ import annotations

import json
import re
import sys
import warnings
from argparse import Namespace
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from pydicom import Dataset, dcmread
from pydicom.charset import convert_encodings, encode_string
from pydicom.config import IGNORE
from pydicom.datadict import dictionary_VR, keyword_for_tag, tag_for_keyword
from pydicom.dataelem import DataElement
from pydicom.tag import BaseTag, Tag

from .exits import AppError, Exit
from .options import Parser
from .output import one_line

#: Where an element is: its tag, after the tag and the number of each item that it is in
Location = tuple[int, ...]

SPECIFIC_CHARACTER_SET = 0x00080005
_UTF_8 = "ISO_IR 192"

_TAG = re.compile(r"\(?([0-9A-Fa-f]{4}),?([0-9A-Fa-f]{4})\)?")
_PART = re.compile(
    r"(?P<name>\([0-9A-Fa-f]{4},[0-9A-Fa-f]{4}\)|[0-9A-Fa-f]{4},[0-9A-Fa-f]{4}|[A-Za-z0-9]+)"
    r"(?:\[(?P<item>[0-9]{1,3})\])?"
)
# Groups of command sets, file meta information, and the delimiters of items
_FOREIGN_GROUPS = {0x0000, 0x0002, 0x0004, 0xFFFE}

_TEXT = {"LO", "LT", "PN", "SH", "ST", "UC", "UT"}
_BINARY = {"OB", "OD", "OF", "OL", "OV", "OW", "UN"}
_UNDIVIDED = {"LT", "ST", "UT", "UR"}
_SYNTAX = "write it as Keyword=value, gggg,eeee=value or Sequence[0].Keyword=value"


def add_keys(parser: Parser) -> None:
    """Add the options that give query keys."""
    group = parser.add_argument_group("query keys")
    group.add_argument(
        "-k",
        "--keyword",
        metavar="KEY",
        action="append",
        help="Keyword=value, gggg,eeee=value or Sequence[0].Keyword=value; can be given several "
        "times",
    )
    group.add_argument("-f", "--file", metavar="FILE", help="take keys from a DICOM file")
    group.add_argument(
        "--query-json",
        metavar="FILE",
        help="take keys from a file in the DICOM JSON model; - for stdin",
    )


def identifier_of(options: Namespace) -> Dataset:
    """Return the identifier that the options give; the keys of -k replace those of files.

    Raises
    ------
    AppError
        If they can't be used, or there are none.
    """
    identifier = Dataset()
    if options.file is not None:
        _add(identifier, _from_file(options.file))
    if options.query_json is not None:
        _add(identifier, _from_json(options.query_json))
    for text in options.keyword or ():
        try:
            set_key(identifier, text)
        except (ValueError, TypeError, OverflowError) as exc:
            raise AppError(Exit.USAGE, f"the key {text!r} can't be used: {exc}", _SYNTAX) from None
    if not identifier:
        raise AppError(
            Exit.USAGE, "it is not said what to look for", "give keys with -k, -f or --query-json"
        )
    _choose_character_set(identifier, options.keyword or ())
    return identifier


def _from_file(name: str) -> Dataset:
    """Return the data set of a file."""
    try:
        data_set = dcmread(name, stop_before_pixels=True, force=True)
        data_set.decode()
        return data_set
    except OSError as exc:
        raise AppError(Exit.USAGE, f"{name} can't be read: {exc.strerror or exc}") from None
    except Exception as exc:  # there is little that pydicom does not raise
        raise AppError(
            Exit.USAGE, f"{name} can't be decoded: {exc}", "it has to be a DICOM file"
        ) from None


def _from_json(name: str) -> Dataset:
    """Return the data set of a file in the DICOM JSON model, or of stdin."""
    try:
        text = sys.stdin.read() if name == "-" else Path(name).read_text(encoding="utf-8")
    except OSError as exc:
        raise AppError(Exit.USAGE, f"{name} can't be read: {exc.strerror or exc}") from None
    except ValueError as exc:
        raise AppError(Exit.USAGE, f"{name} is not in UTF-8: {exc}") from None
    try:
        content = json.loads(text)
        if isinstance(content, list) and len(content) == 1:
            (content,) = content
        if not isinstance(content, dict):
            raise TypeError("there is not one object in it")
        return Dataset.from_json(content)
    except Exception as exc:  # as above
        raise AppError(
            Exit.USAGE,
            f"{name} is not in the DICOM JSON model: {exc}",
            'an example: {"00100020": {"vr": "LO", "Value": ["P1"]}}',
        ) from None


def _add(identifier: Dataset, source: Dataset) -> None:
    """Add copies of the elements that may be in an identifier."""
    for element in source:
        if element.tag.group in _FOREIGN_GROUPS or element.tag.element == 0:
            continue
        value = element.value
        if element.VR == "SQ":
            value = []
            for item in element.value:
                value.append(Dataset())
                _add(value[-1], item)
                value[-1].pop(SPECIFIC_CHARACTER_SET, None)  # the texts are decoded
        identifier[element.tag] = DataElement(
            element.tag, element.VR, value, validation_mode=IGNORE
        )


def set_key(identifier: Dataset, text: str) -> None:
    """Set an element as a key says, in items that are made if they are not there.

    Parameters
    ----------
    identifier : pydicom.dataset.Dataset
        Where to set it.
    text : str
        The key: where the element is, and after an equals sign its value, if it has one.

    Raises
    ------
    ValueError, TypeError, OverflowError
        If it can't be used.
    """
    path, _, value = text.partition("=")
    path = path.strip()
    position = 0
    while True:
        part = _PART.match(path, position)
        if part is None:
            raise ValueError(f"{path[position:]!r} names no element")
        tag, item, position = _tag_of(part["name"]), part["item"], part.end()
        if item is None:
            break
        identifier = _item(identifier, tag, int(item))
        if position == len(path):
            if value:
                raise ValueError("an item of a sequence has no value")
            return
        position = _after_dot(path, position)
    if position != len(path):
        raise ValueError(f"{path[position:]!r} is too much")
    vr = vr_of(tag)
    identifier[tag] = DataElement(tag, vr, _value(vr, value), validation_mode=IGNORE)


def _after_dot(path: str, position: int) -> int:
    if path[position] != ".":
        raise ValueError(f"there is no dot before {path[position:]!r}")
    return position + 1


def _tag_of(name: str) -> BaseTag:
    """Return the tag that a keyword or a tag in hexadecimal digits means."""
    if match := _TAG.fullmatch(name):
        tag = Tag(int(match[1], 16), int(match[2], 16))
    else:
        number = tag_for_keyword(name)
        if number is None:
            raise ValueError(f"{name!r} is no keyword of DICOM")
        tag = Tag(number)
    if tag.group in _FOREIGN_GROUPS or tag.element == 0:
        raise ValueError(f"{tag} can't be in an identifier")
    return tag


def vr_of(tag: BaseTag) -> str:
    """Return the VR of an element, the first one if there are several."""
    if tag.is_private_creator:
        return "LO"
    try:
        return dictionary_VR(tag).split(" or ")[0]
    except KeyError:
        raise ValueError(f"the VR of {tag} is not known; give it with --query-json") from None


def _item(data_set: Dataset, tag: BaseTag, number: int) -> Dataset:
    """Return an item of a sequence, both made if they are not there."""
    if vr_of(tag) != "SQ":
        raise ValueError(f"{keyword_for_tag(tag) or tag} is no sequence")
    if tag not in data_set:
        data_set[tag] = DataElement(tag, "SQ", [])
    items = data_set[tag].value
    while len(items) <= number:
        items.append(Dataset())
    item: Dataset = items[number]
    return item


_NUMBERS: dict[str, Callable[[str], Any]] = {
    **dict.fromkeys(("US", "SS", "UL", "SL", "UV", "SV"), int),
    **dict.fromkeys(("FL", "FD"), float),
    "AT": _tag_of,
}


def _value(vr: str, text: str) -> Any:
    """Return a value from its text; a backslash separates several."""
    if vr == "SQ":
        if text:
            raise ValueError("a sequence has no value, but items")
        return []
    if not text:
        return None
    if vr in _BINARY:
        return bytes.fromhex(text)
    if vr in _UNDIVIDED:
        return text
    values = [_NUMBERS[vr](one.strip()) if vr in _NUMBERS else one for one in text.split("\\")]
    return values if len(values) > 1 else values[0]


# -- character sets ---------------------------------------------------------------------------


def _choose_character_set(identifier: Dataset, keys: list[str] | tuple[()]) -> None:
    """Set the *Specific Character Set* to one that has all characters, unless -k gave one."""
    texts = [text for text in _texts(identifier) if not text.isascii()]
    if not texts:
        return
    given = identifier.get("SpecificCharacterSet")
    if given and _can_encode(texts, given):
        return
    tags = (key.partition("=")[0].strip("() ").replace(",", "") for key in keys)
    if {"SpecificCharacterSet", "00080005"} & set(tags) and given:
        raise AppError(
            Exit.USAGE,
            f"the character set {given} does not have all characters of the keys",
            f"leave it out, and {_UTF_8} is used",
        )
    identifier.SpecificCharacterSet = _UTF_8


def _texts(data_set: Dataset) -> Iterator[str]:
    """Yield the values that depend on the character set."""
    for element in data_set:
        if element.VR == "SQ":
            for item in element.value:
                yield from _texts(item)
        elif element.VR in _TEXT and not element.is_empty:
            value = element.value
            yield from map(str, value) if element.VM > 1 else [str(value)]


def _can_encode(texts: list[str], character_set: Any) -> bool:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            encodings = convert_encodings(character_set)
            for text in texts:
                encode_string(text, encodings)
        except (UserWarning, ValueError, LookupError):
            return False
    return True


# -- showing ----------------------------------------------------------------------------------


def locations(data_set: Dataset, within: Location = ()) -> Iterator[Location]:
    """Yield where the elements of a data set are, those in items in place of their sequence."""
    for element in data_set:
        location = (*within, int(element.tag))
        if element.VR == "SQ" and element.value:
            for number, item in enumerate(element.value):
                yield from locations(item, (*location, number))
        else:
            yield location


def key_text(location: Location) -> str:
    """Return where an element is, written as in a key."""
    names = []
    for tag, number in zip(location[::2], (*location[1::2], None), strict=True):
        name = keyword_for_tag(tag) or f"{tag >> 16:04x},{tag & 0xFFFF:04x}"
        names.append(name if number is None else f"{name}[{number}]")
    return ".".join(names)


def value_text(data_set: Dataset, location: Location) -> str:
    """Return a value as text in one line, empty if there is none."""
    for tag, number in zip(location[:-1:2], location[1::2], strict=True):
        items = data_set[tag].value if tag in data_set and data_set[tag].VR == "SQ" else []
        if len(items) <= number:
            return ""
        data_set = items[number]
    if location[-1] not in data_set:
        return ""
    element = data_set[location[-1]]
    if element.VR == "SQ":
        return json.dumps([to_json_model(item) for item in element.value]) if element.value else ""
    value = element.value
    if value is None:
        return ""
    if isinstance(value, bytes):
        return value.hex()
    return one_line("\\".join(map(str, value)) if element.VM > 1 else str(value))


def to_json_model(data_set: Dataset) -> dict[str, Any]:
    """Return a data set in the DICOM JSON model (PS3.18 F); what does not fit is left out."""
    model: dict[str, Any] = data_set.to_json_dict(suppress_invalid_tags=True)
    return model
