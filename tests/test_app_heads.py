"""The beginning of a data set: found whatever is before it, and refused what is too much."""

from __future__ import annotations

from io import BytesIO
from struct import pack

import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.uid import UID

from pynetdicom.apps.common.heads import HeadError, LongUIDError, head_of, read_head
from pynetdicom.apps.demo import Sample
from pynetdicom.dsutils import encode, encoding_of
from tests.support.raw import data_element, data_element_header
from tests.support.samples import SAMPLES

UNDEFINED = 0xFFFFFFFF
TAGS = (0x00080016, 0x00080018, 0x00100010, 0x0020000D, 0x00280010)
ITEM_END = data_element_header(0xFFFE, 0xE00D, 0)
SEQUENCE_END = data_element_header(0xFFFE, 0xE0DD, 0)
UID_ELEMENT = data_element(0x0020, 0x000D, b"1.2.3\0")
NOT_DEFLATED = [sample for sample in SAMPLES if not UID(sample.transfer_syntax).is_deflated]


def head(data: bytes, headers: int = 100) -> Dataset:
    """Return the elements of an encoded data set in Implicit VR Little Endian."""
    return read_head(BytesIO(data), True, True, TAGS, headers).data_set()


def sequence(*items: bytes) -> bytes:
    """Return an element of undefined length with items of undefined length."""
    start = data_element_header(0xFFFE, 0xE000, UNDEFINED)
    body = b"".join(start + item + ITEM_END for item in items)
    return data_element_header(0x0008, 0x1110, UNDEFINED) + body + SEQUENCE_END


@pytest.mark.filterwarnings("ignore:Expected explicit VR")
@pytest.mark.parametrize("sample", NOT_DEFLATED, ids=lambda sample: sample.path.name)
def test_samples(sample: Sample) -> None:
    whole = dcmread(sample.path)
    is_implicit_vr, is_little_endian, _ = encoding_of(UID(sample.transfer_syntax))
    head = read_head(BytesIO(sample.data_set()), is_implicit_vr, is_little_endian, TAGS)
    found = head.data_set()
    assert set(found.keys()) - {0x00080005} == set(whole.keys()) & set(TAGS)
    for tag in found.keys():  # noqa: SIM118 - the tags, not the elements
        assert found[tag].value == whole[tag].value
    texts = head.texts()
    assert texts.keys() == head.elements.keys()
    for tag in texts.keys() & set(TAGS):
        assert texts[tag] == str(whole[tag].value)


class TestSequences:
    def test_skipped(self) -> None:
        inner = sequence(UID_ELEMENT.replace(b"3", b"4"), b"")
        assert head(sequence(inner, inner) + UID_ELEMENT).StudyInstanceUID == "1.2.3"

    def test_of_unknown_vr(self) -> None:
        """Its items are in Implicit VR (PS3.5 6.2.2)."""
        items = sequence(UID_ELEMENT)[8:]
        data = pack("<HH2s2xL", 0x0009, 0x1001, b"UN", UNDEFINED) + items
        data += pack("<HH2sH", 0x0020, 0x000D, b"UI", 6) + b"1.2.3\0"
        found = read_head(BytesIO(data), False, True, TAGS).data_set()
        assert found.StudyInstanceUID == "1.2.3"

    def test_too_deep(self) -> None:
        data = b""
        for _ in range(65):
            data = sequence(data)
        with pytest.raises(HeadError, match="nested deeper than 64"):
            head(data + UID_ELEMENT, 1000)

    def test_broken(self) -> None:
        with pytest.raises(HeadError, match="ends within a sequence"):
            head(sequence(b"")[:-8])
        with pytest.raises(HeadError, match="something else than items"):
            head(data_element_header(0x0008, 0x1110, UNDEFINED) + UID_ELEMENT)


class TestLimits:
    @pytest.mark.parametrize("number", [50, 51])
    def test_headers(self, number: int) -> None:
        """Of items and elements, all together."""
        data = sequence(*[b""] * 10) + data_element(0x0009, 0x0010, b"") * (number - 23)
        if number <= 50:
            assert head(data + UID_ELEMENT, 50).StudyInstanceUID == "1.2.3"
        else:
            with pytest.raises(HeadError, match="more than 50 elements"):
                head(data + UID_ELEMENT, 50)

    def test_no_further_than_needed(self) -> None:
        data = UID_ELEMENT + data_element(0x0040, 0x0001, b"") * 1000
        assert head(data, 3).StudyInstanceUID == "1.2.3"

    @pytest.mark.parametrize("value", [b"1" * 66, b"1\\" * 40, b"1\\" * 100_000])
    def test_uids(self, value: bytes) -> None:
        with pytest.raises(LongUIDError, match="StudyInstanceUID has more than 64"):
            head(data_element(0x0020, 0x000D, value))

    def test_padding_does_not_count(self) -> None:
        assert head(data_element(0x0020, 0x000D, b"1" * 64 + bytes(36))).StudyInstanceUID
        assert head(data_element(0x0020, 0x000D, b"1" * 64 + b" " * 36)).StudyInstanceUID

    def test_long_values_are_cut(self) -> None:
        found = head(data_element(0x0010, 0x0010, b"a" * 100_000) + UID_ELEMENT)
        assert found.get_item(0x00100010).value == b"a" * 16384
        assert found.StudyInstanceUID == "1.2.3"

    def test_of_a_decoded_data_set(self) -> None:
        whole = Dataset()
        whole.PatientName = "a" * 10
        whole.StudyInstanceUID = "1.2.3"
        whole.StudyDescription = "more"
        data = encode(whole, True, True)
        assert data is not None
        decoded = head(data)
        assert set(head_of(decoded, TAGS).keys()) == {0x00100010, 0x0020000D}
        raw = head(UID_ELEMENT).get_item(0x0020000D)
        long = Dataset({raw.tag: raw._replace(value=b"1\\" * 1000)})
        with pytest.raises(LongUIDError):
            head_of(long, TAGS)
