"""Our encoder of data sets against pydicom's: the bytes, and the errors, are the same."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from threading import Thread
from typing import Any

import pydicom.data
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom import Dataset, dcmread
from pydicom.charset import convert_encodings, python_encoding
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.encaps import encapsulate
from pydicom.errors import InvalidDicomError
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset
from pydicom.sequence import Sequence
from pydicom.tag import Tag
from pydicom.valuerep import PersonName

from pynetdicom._dataset_writer import encode_little_endian
from pynetdicom._encoded import moving
from tests.support.laws import QUIET

SAMPLES = Path(pydicom.data.__file__).parent


def encoded(dataset: Dataset, is_implicit: bool) -> bytes:
    """Return a data set as we encode it."""
    return encode_little_endian(dataset, is_implicit).getbuffer()


def by_pydicom(dataset: Dataset, is_implicit: bool) -> bytes:
    """Return a data set as pydicom encodes it."""
    stream = DicomBytesIO()
    stream.is_implicit_VR, stream.is_little_endian = is_implicit, True
    write_dataset(stream, dataset)
    data: bytes = stream.getvalue()
    return data


def outcome(encode: Any, dataset: Dataset, is_implicit: bool) -> Any:
    """Return the bytes, or the kind and the text of the exception, without its traceback."""
    try:
        return encode(dataset, is_implicit)
    except Exception as exc:
        return type(exc), str(exc).partition("\nTraceback")[0]


def samples() -> list[Path]:
    """Return the sample files of pydicom that can be read."""
    found = []
    for path in sorted(path for path in SAMPLES.rglob("*") if path.is_file()):
        with warnings.catch_warnings(), suppress(InvalidDicomError, OSError, EOFError, ValueError):
            warnings.simplefilter("ignore")
            dcmread(path, stop_before_pixels=True)
            found.append(path)
    return found


@pytest.mark.filterwarnings("ignore")  # pydicom has some to say about several of its samples
@pytest.mark.parametrize("path", samples(), ids=lambda path: path.name)
def test_sample_files(path: Path) -> None:
    """As they were read, and with every element decoded."""
    for is_decoded in (False, True):
        for is_implicit in (False, True):
            expected, found = dcmread(path), dcmread(path)
            if is_decoded:
                str(expected), str(found)
            assert outcome(encoded, found, is_implicit) == outcome(
                by_pydicom, expected, is_implicit
            )


TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\\\0"), max_size=12)
DIGITS = st.integers(-999, 999).map(str)
# Values by VR, of which a data set gets one or several
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "AE": st.sampled_from(["", "A", "TITLE"]),
    "AS": st.sampled_from(["", "018Y"]),
    "AT": st.integers(0, 0xFFFFFFFF).map(Tag),
    "CS": st.sampled_from(["", "CT", "MR "]),
    "DA": st.sampled_from(["", "20240229"]),
    "DS": DIGITS,
    "DT": st.sampled_from(["", "20240229112233"]),
    "FD": st.floats(allow_nan=False),
    "FL": st.floats(width=32, allow_nan=False),
    "IS": DIGITS,
    "LO": TEXT,
    "PN": TEXT,
    "SH": TEXT,
    "SL": st.integers(-(2**31), 2**31 - 1),
    "SS": st.integers(-(2**15), 2**15 - 1),
    "SV": st.integers(-(2**63), 2**63 - 1),
    "TM": st.sampled_from(["", "112233"]),
    "UC": TEXT,
    "UI": st.sampled_from(["", "1.2.3", "1.2.34"]),
    "UL": st.integers(0, 2**32 - 1),
    "US": st.integers(0, 2**16 - 1),
    "UV": st.integers(0, 2**64 - 1),
}
SINGLE: dict[str, st.SearchStrategy[Any]] = {
    "LT": TEXT,
    "ST": TEXT,
    "UT": TEXT,
    "UR": st.just("urn:x"),
    **{vr: st.binary(max_size=9) for vr in ("OB", "OD", "OF", "OL", "OV", "OW", "UN")},
}


@st.composite
def elements(draw: st.DrawFn) -> DataElement:
    """Return a data element of some VR, empty, with one value or with several."""
    vr = draw(st.sampled_from([*VALUES, *SINGLE]))
    tag = Tag(draw(st.integers(0x0009, 0x7FE1)), draw(st.integers(0, 0xFFFF)))
    if vr in SINGLE:
        value = draw(st.none() | SINGLE[vr])
    else:
        value = draw(st.none() | VALUES[vr] | st.lists(VALUES[vr], max_size=3))
    return DataElement(tag, vr, value)


@st.composite
def datasets(draw: st.DrawFn, depth: int = 0) -> Dataset:
    """Return a data set; its elements are not in order, and some are sequences."""
    dataset = Dataset()
    if draw(st.booleans()):
        dataset.SpecificCharacterSet = draw(
            st.sampled_from(["", "ISO_IR 100", "ISO_IR 192", ["", "ISO 2022 IR 87"], "GB18030"])
        )
    for element in draw(st.lists(elements(), max_size=6)):
        dataset[element.tag] = element
    if depth < 2 and draw(st.booleans()):
        items = draw(st.lists(datasets(depth + 1), max_size=2))
        for item in items:
            item.is_undefined_length_sequence_item = draw(st.booleans())
        dataset.add_new(0x00081140, "SQ", Sequence(items))
        dataset[0x00081140].is_undefined_length = draw(st.booleans())
    return dataset


@pytest.mark.filterwarnings("ignore")
@given(dataset=datasets(), is_implicit=st.booleans())
@QUIET
def test_any_data_set(dataset: Dataset, is_implicit: bool) -> None:
    assert outcome(encoded, dataset, is_implicit) == outcome(by_pydicom, dataset, is_implicit)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("codec", sorted(python_encoding))
def test_plain_text_in_any_character_set(codec: str) -> None:
    dataset = Dataset()
    dataset.SpecificCharacterSet = codec
    dataset.PatientName = "Doe^John=~"
    dataset.StudyDescription = "a~b|c[d]{e}"
    dataset.OtherPatientNames = ["A^B", "C^D"]
    assert encoded(dataset, False) == by_pydicom(dataset, False)


@pytest.mark.parametrize("name", [b"Doe=", b"\x1b(BDoe", b"Doe ", b"=", b"Doe"])
@pytest.mark.parametrize("charset", ["", "ISO 2022 IR 6\\ISO 2022 IR 87"])
def test_person_name_that_was_received_and_looked_at(name: bytes, charset: str) -> None:
    """What means nothing stays in it."""

    def make() -> Dataset:
        dataset = Dataset()
        dataset.SpecificCharacterSet = charset.split("\\")
        codecs = convert_encodings(dataset.SpecificCharacterSet)
        dataset.add(DataElement(0x00100010, "PN", PersonName(name, codecs)))
        return dataset

    assert encoded(make(), False) == by_pydicom(make(), False)


UNUSUAL: dict[str, Callable[[], DataElement | RawDataElement]] = {
    "number that is too large": lambda: DataElement(0x00280010, "US", 70000),
    "wrong type": lambda: DataElement(0x00280010, "US", "many"),
    "look-up table": lambda: DataElement(0x00283002, "SS", [256, -1, 16]),
    "ambiguous VR": lambda: DataElement(0x00280106, "US or SS", b"\1\0"),
    "unknown VR": lambda: RawDataElement(Tag(0x00091001), "XX", 2, b"ab", 0, False, True),
    "long text": lambda: DataElement(0x00100010, "LO", "a" * 70000),
    "undefined length": lambda: RawDataElement(
        Tag(0x00081140), "SQ", 0xFFFFFFFF, b"", 0, False, True
    ),
    "no VR": lambda: RawDataElement(Tag(0x00100020), None, 2, b"ab", 0, True, True),
    "pixels not encapsulated": lambda: DataElement(0x7FE00010, "OB", b"abcd"),
    "group length": lambda: DataElement(0x00100000, "UL", 4),
    "command group length": lambda: DataElement(0x00000000, "UL", 4),
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("is_implicit", [False, True])
@pytest.mark.parametrize("name", UNUSUAL)
def test_what_is_unusual(name: str, is_implicit: bool) -> None:
    def make() -> Dataset:
        dataset = Dataset()
        dataset.PatientID = "before"
        element = UNUSUAL[name]()
        dataset._dict[element.tag] = element
        if name == "pixels not encapsulated":
            dataset["PixelData"].is_undefined_length = True
        return dataset

    expected = outcome(by_pydicom, make(), is_implicit)
    assert outcome(encoded, make(), is_implicit) == expected


def test_long_text_is_warned_of() -> None:
    """Explicit VR has two bytes for the length of text; pydicom changes the VR to UN."""
    dataset = Dataset()
    dataset.add_new(0x00101000, "LO", ["a" * 60] * 1200)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        data = encoded(dataset, False)
    assert data[4:6] == b"UN"
    assert any("64 kByte" in str(warning.message) for warning in caught)


# -- large values --------------------------------------------------------------------------------

LARGE = bytes(range(256)) * 1024


def with_pixels(value: Any = LARGE, vr: str = "OW") -> Dataset:
    """Return a data set with pixel data and something before and behind it."""
    dataset = Dataset()
    dataset.PatientID = "before"
    dataset.add_new(0x7FE00010, vr, value)
    dataset.add_new(0xFFFCFFFC, "OB", b"\0\0")
    return dataset


def objects(dataset: Dataset, is_implicit: bool = False) -> list[Any]:
    """Return what the pieces of an encoded data set are views of."""
    cuts = encode_little_endian(dataset, is_implicit).cut(10_000)
    return [cut.obj for cut, _ in cuts if isinstance(cut, memoryview)]


@pytest.mark.parametrize("is_implicit", [False, True])
def test_large_value_is_not_copied(is_implicit: bool) -> None:
    dataset = with_pixels()
    assert any(piece is LARGE for piece in objects(dataset, is_implicit))
    assert encoded(dataset, is_implicit) == by_pydicom(dataset, is_implicit)


def test_large_value_that_was_read_is_not_copied() -> None:
    dataset = with_pixels()
    stream = BytesIO(encoded(dataset, False))
    read = dcmread(stream, force=True)
    read.set_original_encoding(False, True, read._character_set)
    value = read.get_item(0x7FE00010).value
    assert any(piece is value for piece in objects(read))
    assert encoded(read, False) == stream.getvalue()


def test_encapsulated_value_is_not_copied() -> None:
    value = encapsulate([LARGE])
    dataset = with_pixels(value, "OB")
    dataset["PixelData"].is_undefined_length = True
    assert any(piece is value for piece in objects(dataset))
    assert encoded(dataset, False) == by_pydicom(dataset, False)


def test_pieces_of_a_changed_data_set_stay_as_they_were() -> None:
    dataset = with_pixels()
    expected = by_pydicom(dataset, False)
    cuts = encode_little_endian(dataset, False).cut(10_000)
    first = bytes(next(cuts)[0])
    dataset.PixelData = b"\0\0"
    del dataset.PatientID
    assert first + b"".join(cut for cut, _ in cuts) == expected


@pytest.mark.parametrize("size", [9, 100, 70_001, 10**7])
@pytest.mark.parametrize("last", [b"", b"\0\0"])
def test_cut(size: int, last: bytes) -> None:
    """No piece is longer than asked for, and the last one alone is said to be the last."""
    dataset = with_pixels()
    if not last:
        del dataset[0xFFFCFFFC]
    cuts = list(encode_little_endian(dataset, False).cut(size))
    assert b"".join(cut for cut, _ in cuts) == by_pydicom(dataset, False)
    assert [is_last for _, is_last in cuts] == [False] * (len(cuts) - 1) + [True]
    assert max(len(cut) for cut, _ in cuts) <= size


def test_nothing_is_cut_into_one_empty_piece() -> None:
    assert [(bytes(cut), last) for cut, last in encode_little_endian(Dataset(), False).cut(8)] == [
        (b"", True)
    ]


@pytest.mark.parametrize("is_implicit", [False, True])
@pytest.mark.parametrize("vr", ["LO", "UN"])
def test_value_that_was_received_cut_short(vr: str, is_implicit: bool) -> None:
    dataset, tag = Dataset(), Tag(0x00100020)
    dataset._dict[tag] = RawDataElement(tag, vr, 10, b"four", 0, is_implicit, True)
    dataset.set_original_encoding(is_implicit, True, dataset._character_set)
    assert encoded(dataset, is_implicit) == by_pydicom(dataset, is_implicit)


def test_odd_value_as_received_leaves_even_pieces() -> None:
    """Pieces become fragments, which are even but for the last."""
    dataset = with_pixels()
    tag = Tag(0x00091001)
    dataset._dict[tag] = RawDataElement(tag, "LO", 3, b"odd", 0, False, True)
    dataset.set_original_encoding(False, True, dataset._character_set)
    expected = by_pydicom(dataset, False)
    cuts = list(encode_little_endian(dataset, False).cut(1000))
    assert b"".join(cut for cut, _ in cuts) == expected
    assert all(len(cut) % 2 == 0 for cut, is_last in cuts if not is_last)


@pytest.mark.parametrize("is_implicit", [False, True])
@pytest.mark.parametrize("length", [0, 2, len(LARGE)])
def test_file_as_value(tmp_path: Path, is_implicit: bool, length: int) -> None:
    """It is read when it is due, from where it stands, and left there."""
    path = tmp_path / "pixels"
    path.write_bytes(b"..." + LARGE[:length])
    with path.open("rb") as file:
        file.seek(3)
        dataset = with_pixels(file)
        expected = by_pydicom(dataset, is_implicit)
        data_set = encode_little_endian(dataset, is_implicit)
        assert b"".join(cut for cut, _ in data_set.cut(1000)) == expected
        assert data_set.getbuffer() == expected
        assert file.tell() == 3


def test_file_of_odd_length_as_value(tmp_path: Path) -> None:
    path = tmp_path / "pixels"
    path.write_bytes(LARGE + b"!")
    with path.open("rb") as file:
        dataset = with_pixels(file)
        assert encoded(dataset, False) == by_pydicom(dataset, False)


@pytest.mark.parametrize("length", [10, 11])
def test_file_is_read_by_one_thread_at_a_time(length: int) -> None:
    """Also what is left to pydicom, as files of odd length are."""
    others: list[bool] = []

    class Watched(BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            other = Thread(target=lambda: others.append(moving.acquire(blocking=False)))
            other.start()
            other.join()
            return super().read(size)

    dataset = with_pixels(Watched(LARGE[:length]))
    assert encoded(dataset, False) == by_pydicom(with_pixels(BytesIO(LARGE[:length])), False)
    assert others
    assert not any(others)


def test_file_that_becomes_shorter(tmp_path: Path) -> None:
    path = tmp_path / "pixels"
    path.write_bytes(LARGE)
    with path.open("rb") as file:
        dataset = with_pixels(file)
        cuts = encode_little_endian(dataset, False).cut(10_000)
        next(cuts)
        next(cuts)
        os.truncate(path, 20)
        with pytest.raises(OSError, match="shorter"):
            list(cuts)


def test_file_within_a_sequence(tmp_path: Path) -> None:
    path = tmp_path / "pixels"
    path.write_bytes(LARGE)
    with path.open("rb") as file:
        dataset = Dataset()
        dataset.WaveformSequence = [with_pixels(file)]
        assert encoded(dataset, False) == by_pydicom(dataset, False)
