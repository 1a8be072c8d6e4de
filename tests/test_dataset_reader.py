"""Our decoder of data sets against pydicom's: what it takes on has the same elements."""

from __future__ import annotations

import warnings
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom import Dataset, dcmread
from pydicom.charset import python_encoding
from pydicom.filereader import read_dataset

from pynetdicom._dataset_reader import decode_little_endian
from pynetdicom._dataset_writer import encode_little_endian
from tests.support.laws import QUIET
from tests.test_dataset_writer import datasets, samples


def state(dataset: Dataset) -> dict[str, Any]:
    """Return all that a data set has, its elements in their order."""
    attributes = dict(vars(dataset))
    attributes["_dict"] = list(attributes["_dict"].items())
    return attributes


def check(data: bytes, is_implicit: bool) -> bool:
    """Return whether we take a data set on; if so it must be what pydicom makes of it."""
    found = decode_little_endian(data, is_implicit)
    if found is None:
        return False
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        expected = read_dataset(BytesIO(data), is_implicit, True)
    assert state(found) == state(expected)
    for element, other in zip(found._dict.values(), expected._dict.values(), strict=True):
        assert type(element) is type(other)
        assert type(element.tag) is type(other.tag)
    return True


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("path", samples(), ids=lambda path: path.name)
def test_sample_files(path: Path) -> None:
    for is_implicit in (False, True):
        try:
            data = encode_little_endian(dcmread(path), is_implicit).getbuffer()
        except Exception:  # some samples are beyond encoding
            continue
        check(data, is_implicit)
        check(data[: len(data) // 2], is_implicit)
        check(data, not is_implicit)


@pytest.mark.filterwarnings("ignore")
@given(dataset=datasets(), is_implicit=st.booleans())
@QUIET
def test_any_data_set(dataset: Dataset, is_implicit: bool) -> None:
    check(encode_little_endian(dataset, is_implicit).getbuffer(), is_implicit)


@given(data=st.binary(max_size=60), is_implicit=st.booleans())
@QUIET
def test_any_bytes(data: bytes, is_implicit: bool) -> None:
    check(data, is_implicit)


@pytest.mark.filterwarnings("ignore:Failed to encode")  # some can't be for names by themselves
@pytest.mark.parametrize("is_implicit", [False, True])
@pytest.mark.parametrize("character_set", [None, *sorted(python_encoding)])
def test_what_is_usual_is_taken_on(is_implicit: bool, character_set: str | None) -> None:
    dataset = Dataset()
    if character_set:
        dataset.SpecificCharacterSet = character_set
    dataset.PatientName = "A^B"
    dataset.StudyDescription = ""
    dataset.Rows = None
    dataset.PixelData = b"\0\1" * 100
    dataset["PixelData"].VR = "OW"
    dataset.RequestAttributesSequence = [Dataset()]
    data = encode_little_endian(dataset, is_implicit).getbuffer()
    assert check(data, is_implicit)
    assert check(b"", is_implicit)


EXPLICIT = {
    "cut header": b"\x10\0\x10\0PN",
    "cut long header": b"\x09\0\x10\x10OB\0\0\0",
    "cut value": b"\x10\0\x10\0PN\4\0A^",
    "unknown VR": b"\x10\0\x10\0XX\2\0AB",
    "implicit": b"\x10\0\x10\0\2\0\0\0AB",
    "undefined length": b"\x09\0\x10\x10SQ\0\0\xff\xff\xff\xff\xfe\xff\xdd\xe0\0\0\0\0",
    "item": b"\xfe\xff\0\xe0\0\0\0\0",
    "no character set": b"\x08\0\x05\0CS\0\0",
    "unknown character set": b"\x08\0\x05\0CS\2\0AB",
    "character set after a space": b"\x08\0\x05\0CS\x0c\0 ISO_IR 192 ",
    "character set after NUL": b"\x08\0\x05\0CS\x0c\0\0ISO_IR 192 ",
    "character set that is no text": b"\x08\0\x05\0AT\x08\0ISO_IR 6",
    "several character sets": b"\x08\0\x05\0CS\x0a\0\\ISO_IR 87",
}


@pytest.mark.parametrize("name", EXPLICIT)
def test_what_is_unusual_is_left_to_pydicom(name: str) -> None:
    assert decode_little_endian(EXPLICIT[name], False) is None


def test_explicit_where_implicit_is_due() -> None:
    assert decode_little_endian(b"\x10\0\x10\0PN\2\0AB", True) is None
