"""Encoding and decoding of data sets, file meta information, and printing."""

import logging
import os
import struct
import zlib
from contextlib import nullcontext, suppress
from io import BytesIO
from pathlib import Path
from struct import pack

import pydicom.data
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom import dcmread
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.errors import InvalidDicomError
from pydicom.sequence import Sequence
from pydicom.uid import UID

from pynetdicom import dsutils
from pynetdicom._version import PYNETDICOM_IMPLEMENTATION_UID, PYNETDICOM_IMPLEMENTATION_VERSION
from pynetdicom.dsutils import (
    FileHead,
    create_file_meta,
    decode,
    encode,
    encode_file_meta,
    encoding_of,
    file_head,
    log_identifier,
    opened,
    pretty_dataset,
    pretty_element,
    read_file_head,
    split_dataset,
)
from pynetdicom.errors import DataSetLimitError, DICOMNetworkError
from pynetdicom.limits import MIB, Limits
from tests.support.laws import QUIET

FILES = Path(pydicom.data.__file__).parent / "test_files"
CT = FILES / "CT_small.dcm"

# is_implicit_vr, is_little_endian
ENCODINGS = {
    "implicit": (True, True),
    "explicit": (False, True),
    "big endian": (False, False),
}
each_encoding = pytest.mark.parametrize("encoding", ENCODINGS.values(), ids=ENCODINGS)


def sample() -> Dataset:
    """Return a small data set."""
    item = Dataset()
    item.BeamNumber = 3
    dataset = Dataset()
    dataset.PatientName = "Citizen^Jan"
    dataset.PatientID = "1"
    dataset.Rows = 5
    dataset.BeamSequence = [item, Dataset()]
    return dataset


def deflated(data: bytes) -> bytes:
    compressor = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return compressor.compress(data) + compressor.flush()


def nested(levels: int, is_implicit: bool, is_little: bool, undefined: bool) -> bytes:
    """Return an encoded data set with sequences within sequences."""
    order = "<" if is_little else ">"
    layout = f"{order}HHL" if is_implicit else f"{order}HH2s2xL"
    vr = () if is_implicit else (b"SQ",)
    data = b""
    for _ in range(levels):
        # The open end of an item of undefined length is where the data ends
        length = 0xFFFFFFFF if undefined else len(data)
        data = struct.pack(f"{order}HHL", 0xFFFE, 0xE000, length) + data
        length = 0xFFFFFFFF if undefined else len(data)
        data = struct.pack(layout, 0x300A, 0x00B0, *vr, length) + data
        if undefined:
            data += struct.pack(f"{order}HHL", 0xFFFE, 0xE00D, 0)
            data += struct.pack(f"{order}HHL", 0xFFFE, 0xE0DD, 0)
    return data


@pytest.mark.parametrize(
    ("transfer_syntax", "encoding"),
    [
        ("1.2.840.10008.1.2", (True, True, False)),
        ("1.2.840.10008.1.2.1", (False, True, False)),
        ("1.2.840.10008.1.2.1.99", (False, True, True)),
        ("1.2.840.10008.1.2.2", (False, False, False)),
        ("1.2.840.10008.1.2.4.50", (False, True, False)),
    ],
)
def test_encoding_of(transfer_syntax, encoding):
    assert encoding_of(UID(transfer_syntax)) == encoding


class TestEncode:
    @each_encoding
    def test_what_is_encoded_is_decoded(self, encoding):
        data = encode(sample(), *encoding)
        assert len(data) % 2 == 0
        assert decode(BytesIO(data), *encoding) == sample()

    def test_bytes(self):
        dataset = Dataset()
        dataset.PatientID = "1"
        assert encode(dataset, True, True) == b"\x10\0\x20\0\x02\0\0\x001 "
        assert encode(dataset, False, True) == b"\x10\0\x20\0LO\x02\x001 "
        assert encode(dataset, False, False) == b"\0\x10\0\x20LO\0\x021 "

    @each_encoding
    def test_empty_data_set(self, encoding):
        assert encode(Dataset(), *encoding) == b""

    def test_deflated(self):
        for length in range(1, 8):
            dataset = sample()
            dataset.PatientComments = "x" * length
            data = encode(dataset, False, True, deflated=True)
            assert len(data) % 2 == 0
            assert zlib.decompress(data, -zlib.MAX_WBITS) == encode(dataset, False, True)
            assert decode(BytesIO(data), False, True, True) == dataset

    def test_file_meta_is_not_added(self):
        dataset = dcmread(CT)
        data = encode(dataset, False, True)
        assert data[:4] == b"\x08\0\x05\0"
        assert decode(BytesIO(data), False, True) == dataset

    def test_failure_is_logged(self, caplog):
        dataset = Dataset()
        dataset.add(DataElement(0x00280010, "US", "no\nnumber", already_converted=True))
        with caplog.at_level(logging.ERROR, "pynetdicom.dsutils"):
            assert encode(dataset, True, True) is None
        (record,) = caplog.records
        assert record.getMessage().startswith("The data set cannot be encoded: ")
        assert "\n" not in record.getMessage()


class TestDecode:
    def test_remembers_its_encoding(self):
        dataset = decode(BytesIO(encode(sample(), False, True)), False, True)
        assert dataset.original_encoding == (False, True)
        assert not hasattr(dataset, "file_meta")

    def test_elements_are_decoded_when_they_are_accessed(self):
        dataset = decode(BytesIO(encode(sample(), True, True)), True, True)
        assert all(isinstance(elem, RawDataElement) for elem in dataset.values())
        bad = decode(BytesIO(b"\x28\0\x10\0US\x03\0abc"), False, True)
        with pytest.raises(Exception, match=r"[Ll]ength|bytes"):
            bad.Rows  # noqa: B018

    def test_begins_at_the_start(self):
        stream = BytesIO(encode(sample(), True, True))
        stream.seek(10)
        assert decode(stream, True, True) == sample()

    def test_empty(self):
        assert decode(BytesIO(), True, True) == Dataset()

    def test_needs_a_stream(self):
        with pytest.raises(AttributeError):
            decode(b"", True, True)

    def test_deflated_is_explicit_little_endian(self):
        data = deflated(encode(sample(), False, True))
        for encoding in ENCODINGS.values():
            assert decode(BytesIO(data + b"\0"), *encoding, deflated=True) == sample()

    @pytest.mark.parametrize(
        "data", [b"", b"\xff\xff\xff", deflated(b"x" * 9)[:-1], zlib.compress(b"data")]
    )
    def test_bad_deflate(self, data):
        with pytest.raises(zlib.error):
            decode(BytesIO(data), False, True, True)

    @given(st.binary(max_size=60))
    @QUIET
    def test_any_deflated_bytes(self, data):
        with suppress(zlib.error):
            assert dsutils._inflate(data, Limits()) == zlib.decompress(data, -zlib.MAX_WBITS)


class TestInflateLimits:
    def test_absolute_size(self):
        limits = Limits(inflated_length=1000)
        assert len(dsutils._inflate(deflated(bytes(1000)), limits)) == 1000
        expected = "inflate to more than 1000, which is the limit by 'inflated_length'"
        with pytest.raises(DataSetLimitError, match=expected):
            decode(BytesIO(deflated(bytes(1001))), False, True, True, limits=limits)

    def test_ratio_counts_beyond_16_mib(self):
        data = deflated(bytes(16 * MIB))
        assert len(data) * 200 < 16 * MIB
        assert len(dsutils._inflate(data, Limits())) == 16 * MIB
        data = deflated(bytes(16 * MIB + 1))
        expected = f"more than {16 * MIB}, which is the limit by 'inflate_ratio'"
        with pytest.raises(DataSetLimitError, match=expected):
            decode(BytesIO(data), False, True, True)
        limits = Limits(inflate_ratio=2000)
        assert len(dsutils._inflate(data, limits)) == 16 * MIB + 1

    def test_kind_of_error(self):
        assert issubclass(DataSetLimitError, ValueError)
        assert issubclass(DataSetLimitError, DICOMNetworkError)


@each_encoding
@pytest.mark.parametrize("undefined", [True, False], ids=["undefined", "defined"])
class TestDepthLimit:
    @pytest.mark.parametrize("levels", [1, 5, 64])
    def test_within(self, encoding, undefined, levels):
        dataset = decode(BytesIO(nested(levels, *encoding, undefined)), *encoding)
        for _ in range(levels - 1):
            dataset = dataset.BeamSequence[0]
        assert dataset.BeamSequence[0] == Dataset()

    @pytest.mark.parametrize("levels", [65, 150, 2000])
    def test_beyond(self, encoding, undefined, levels):
        data = nested(levels, *encoding, undefined)
        with pytest.raises(DataSetLimitError, match="the limit 'sequence_depth' of 64"):
            decode(BytesIO(data), *encoding)

    def test_other_limit(self, encoding, undefined):
        limits = Limits(sequence_depth=2)
        data = nested(3, *encoding, undefined)
        with pytest.raises(DataSetLimitError, match="the limit 'sequence_depth' of 2"):
            decode(BytesIO(data), *encoding, limits=limits)
        decode(BytesIO(nested(2, *encoding, undefined)), *encoding, limits=limits)


def with_items(count, is_implicit, is_little, undefined):
    """Return an encoded data set with a sequence of so many empty items."""
    order = "<" if is_little else ">"
    items = struct.pack(f"{order}HHL", 0xFFFE, 0xE000, 0) * count
    layout = f"{order}HHL" if is_implicit else f"{order}HH2s2xL"
    vr = () if is_implicit else (b"SQ",)
    length = 0xFFFFFFFF if undefined else len(items)
    data = struct.pack(layout, 0x300A, 0x00B0, *vr, length) + items
    return data + struct.pack(f"{order}HHL", 0xFFFE, 0xE0DD, 0) if undefined else data


class TestManyElements:
    """Each takes some hundred bytes of memory, however short it is."""

    @staticmethod
    def data(number: int) -> bytes:
        """Return empty elements in Implicit VR Little Endian."""
        return b"".join(
            pack("<HHL", 0x0011 + 2 * (index // 0xF000), 0x1000 + index % 0xF000 - 0x1000 + 1, 0)
            for index in range(number)
        )

    def test_as_many_as_may_be(self) -> None:
        limits = Limits(data_set_elements=100)
        assert len(decode(BytesIO(self.data(100)), True, True, limits=limits)) == 100
        assert len(decode(BytesIO(self.data(101)), True, True, limits=Limits())) == 101
        endless = Limits(data_set_elements=None)
        assert len(decode(BytesIO(self.data(101)), True, True, limits=endless)) == 101

    def test_too_many(self) -> None:
        with pytest.raises(DataSetLimitError, match="the limit 'data_set_elements' of 100"):
            decode(BytesIO(self.data(101)), True, True, limits=Limits(data_set_elements=100))


@each_encoding
@pytest.mark.parametrize("undefined", [True, False], ids=["undefined", "defined"])
class TestItemsLimit:
    def test_within(self, encoding, undefined):
        data = with_items(100, *encoding, undefined)
        dataset = decode(BytesIO(data), *encoding, limits=Limits(sequence_items=100))
        assert len(dataset.BeamSequence) == 100

    def test_beyond(self, encoding, undefined, monkeypatch):
        monkeypatch.setattr("pydicom.filereader.read_dataset", None)  # it does not come so far
        data = with_items(101, *encoding, undefined)
        with pytest.raises(DataSetLimitError, match="the limit 'sequence_items' of 100"):
            decode(BytesIO(data), *encoding, limits=Limits(sequence_items=100))

    def test_default(self, encoding, undefined):
        with pytest.raises(DataSetLimitError, match="the limit 'sequence_items' of 100000"):
            decode(BytesIO(with_items(100_001, *encoding, undefined)), *encoding)

    def test_no_limit(self, encoding, undefined):
        data = with_items(101, *encoding, undefined)
        dataset = decode(BytesIO(data), *encoding, limits=Limits(sequence_items=None))
        assert len(dataset.BeamSequence) == 101


def test_items_of_deflated_data_are_counted():
    data = with_items(101, False, True, False)
    for limit, is_fine in ((100, False), (101, True)):
        with nullcontext() if is_fine else pytest.raises(DataSetLimitError, match="items"):
            limits = Limits(sequence_items=limit)
            decode(BytesIO(deflated(data)), True, True, True, limits=limits)


def test_items_of_all_levels_are_counted():
    with pytest.raises(DataSetLimitError, match="items"):
        decode(BytesIO(nested(3, True, True, False)), True, True, limits=Limits(sequence_items=2))


class TestDepthOfOddData:
    def test_within_unknown_vr(self):
        inner = nested(70, True, True, False)
        item = struct.pack("<HHL", 0xFFFE, 0xE000, len(inner)) + inner
        data = struct.pack("<HH2s2xL", 0x300A, 0x00B0, b"UN", len(item)) + item
        with pytest.raises(DataSetLimitError):
            decode(BytesIO(data), False, True)

    def test_eager_within_lazy(self):
        inner = nested(600, False, True, True)
        item = struct.pack("<HHL", 0xFFFE, 0xE000, len(inner)) + inner
        data = struct.pack("<HH2s2xL", 0x300A, 0x00B0, b"SQ", len(item)) + item
        with pytest.raises(DataSetLimitError):
            decode(BytesIO(data), False, True)

    def test_wide_sequences_are_fine_and_stay_undecoded(self):
        dataset = Dataset()
        dataset.BeamSequence = [sample() for _ in range(100)]
        data = encode(dataset, False, True)
        decoded = decode(BytesIO(data), False, True)
        assert isinstance(decoded.get_item("BeamSequence"), RawDataElement)
        assert decoded == dataset

    def test_corrupt_sequences_are_told_when_accessed(self):
        value = b"\xfe\xff\x00\xe0\0\0\0\0" * 100 + b"abc"
        data = struct.pack("<HH2s2xL", 0x300A, 0x00B0, b"SQ", len(value)) + value
        decoded = decode(BytesIO(data), False, True)
        assert isinstance(decoded.get_item("BeamSequence"), RawDataElement)
        with pytest.raises(OSError, match="No tag to read"):
            decoded.BeamSequence  # noqa: B018

    def test_binary_data_that_looks_like_items(self):
        value = b"\xfe\xff\x00\xe0\0\0\0\0" * 100
        dataset = Dataset()
        dataset.add_new(0x00420011, "OB", value)
        dataset.add_new(0x00091001, "UN", value)
        for encoding in ENCODINGS.values():
            data = encode(dataset, *encoding)
            assert decode(BytesIO(data), *encoding)[0x00420011].value == value

    def test_sequence_without_value(self):
        dataset = Dataset()
        dataset.BeamSequence = Sequence()
        data = encode(dataset, False, True)
        assert decode(BytesIO(data), False, True) == dataset


_UID_TEXT = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), max_size=80)


class TestFileMeta:
    def test_content(self):
        meta = create_file_meta(
            sop_class_uid="1.2.840.10008.5.1.4.1.1.2",
            sop_instance_uid="1.2.3",
            transfer_syntax="1.2.840.10008.1.2",
        )
        assert isinstance(meta, FileMetaDataset)
        assert len(meta) == 7
        assert meta.FileMetaInformationGroupLength == 0
        assert meta.FileMetaInformationVersion == b"\0\1"
        assert meta.MediaStorageSOPClassUID == "1.2.840.10008.5.1.4.1.1.2"
        assert meta.MediaStorageSOPInstanceUID == "1.2.3"
        assert meta.TransferSyntaxUID == "1.2.840.10008.1.2"
        assert meta.TransferSyntaxUID.is_implicit_VR
        assert meta.ImplementationClassUID == PYNETDICOM_IMPLEMENTATION_UID
        assert meta.ImplementationVersionName == PYNETDICOM_IMPLEMENTATION_VERSION

    def test_any_value_without_a_warning(self):
        meta = create_file_meta(
            sop_class_uid=None,
            sop_instance_uid="1.02.x" * 20,
            transfer_syntax=UID("1.2.840.10008.1.2.1"),
            implementation_uid="1.2",
            implementation_version=None,
        )
        assert meta.MediaStorageSOPClassUID == ""
        assert meta.MediaStorageSOPInstanceUID == "1.02.x" * 20
        assert meta.ImplementationClassUID == "1.2"
        assert "ImplementationVersionName" not in meta

    def test_keyword_arguments_only(self):
        with pytest.raises(TypeError):
            create_file_meta("1.2", "1.2.3", "1.2.840.10008.1.2")

    def test_encoded(self):
        meta = create_file_meta(
            sop_class_uid="1.2",
            sop_instance_uid="1.2.3",
            transfer_syntax="1.2.840.10008.1.2",
            implementation_uid="1.2.4",
            implementation_version="ODD",
        )
        data = (
            b"\2\0\1\0OB\0\0\2\0\0\0\0\1"
            b"\2\0\2\0UI\4\x001.2\0"
            b"\2\0\3\0UI\6\x001.2.3\0"
            b"\2\0\x10\0UI\x12\x001.2.840.10008.1.2\0"
            b"\2\0\x12\0UI\6\x001.2.4\0"
            b"\2\0\x13\0SH\4\0ODD "
        )
        expected = b"\2\0\0\0UL\4\0" + struct.pack("<L", len(data)) + data
        assert encode_file_meta(meta) == expected
        assert meta.FileMetaInformationGroupLength == len(data)
        del meta.FileMetaInformationGroupLength
        assert encode_file_meta(meta) == expected

    def test_elements_of_other_groups(self):
        meta = FileMetaDataset()
        meta._dict[0x00100010] = DataElement(0x00100010, "PN", "x")
        with pytest.raises(ValueError, match="group"):
            encode_file_meta(meta)

    @QUIET
    @given(st.tuples(*[st.none() | _UID_TEXT] * 3, _UID_TEXT, st.none() | _UID_TEXT))
    def test_head_of_a_file_is_the_same_by_struct_and_by_pydicom(self, values):
        meta = create_file_meta(
            sop_class_uid=values[0],
            sop_instance_uid=values[1],
            transfer_syntax=values[2],
            implementation_uid=values[3],
            implementation_version=values[4],
        )
        head = file_head(*values)
        assert head == b"\0" * 128 + b"DICM" + encode_file_meta(meta)
        uids = [value or None for value in values[:3]]
        assert read_file_head(head) == FileHead(*uids, len(head))

    def test_head_of_a_file_is_read_by_pydicom(self, tmp_path):
        path = tmp_path / "file.dcm"
        syntax = "1.2.840.10008.1.2.1"
        head = file_head("1.2.840.10008.5.1.4.1.1.2", "1.2.3", syntax, "1.2.4", "NAME")
        path.write_bytes(head + encode(sample(), False, True))
        dataset = dcmread(path)
        assert dataset == sample()
        assert dataset.file_meta.TransferSyntaxUID == syntax
        assert dataset.file_meta.ImplementationVersionName == "NAME"


def meta_element(number: int, value: bytes, vr: bytes = b"UI") -> bytes:
    if vr in (b"OB", b"UN"):
        return struct.pack("<HH2s2xL", 2, number, vr, len(value)) + value
    return struct.pack("<HH2sH", 2, number, vr, len(value)) + value


def group_length(length: int) -> bytes:
    return meta_element(0, struct.pack("<L", length), b"UL")


START = b"\xff" * 128 + b"DICM"
UIDS = meta_element(2, b"1.2\0") + meta_element(3, b"1.3 ") + meta_element(0x10, b"1.4\0")
DATA = b"\x08\0\x16\0UI\4\x001.2\0"


class TestReadFileHead:
    @pytest.mark.parametrize(
        "name",
        [
            "CT_small.dcm",
            "MR_small_RLE.dcm",
            "MR_small_bigendian.dcm",
            "MR_small_implicit.dcm",
            "image_dfl.dcm",
            "JPEG2000.dcm",
            "reportsi.dcm",
            "meta_missing_tsyntax.dcm",
            "no_meta_group_length.dcm",
        ],
    )
    def test_files_of_pydicom(self, name):
        path = FILES / name
        dataset = dcmread(path)
        meta = dataset.file_meta
        with path.open("rb") as file:
            head = read_file_head(file)
            assert read_file_head(file.fileno()) == head
            file.seek(0)
            assert read_file_head(file.read()) == head
        assert head.sop_class_uid == (meta.get("MediaStorageSOPClassUID") or None)
        assert head.sop_instance_uid == (meta.get("MediaStorageSOPInstanceUID") or None)
        assert head.transfer_syntax == meta.get("TransferSyntaxUID")
        length = meta.get("FileMetaInformationGroupLength")
        if length is None:
            with path.open("rb") as file:
                assert file.read(head.offset + 2)[-2:] == b"\x08\0"
        else:
            assert head.offset == 144 + length

    def test_missing_elements_are_none(self):
        assert read_file_head(START) == FileHead(None, None, None, 132)
        assert read_file_head(START + DATA) == FileHead(None, None, None, 132)
        data = START + meta_element(3, b"1.3\0") + meta_element(0x10, b"") + DATA
        assert read_file_head(data) == FileHead(None, "1.3", None, 132 + 12 + 8)

    def test_group_length(self):
        right = START + group_length(len(UIDS)) + UIDS
        assert read_file_head(right + DATA) == FileHead("1.2", "1.3", "1.4", len(right))
        # Where it is right it counts: what follows may be deflated, and look like anything
        assert read_file_head(right + UIDS).offset == len(right)
        for wrong in (0, 5, len(UIDS) + 8, 0xFFFFFFFF):
            data = START + group_length(wrong) + UIDS
            expected = 144 if wrong == 0 else len(data)
            assert read_file_head(data + DATA).offset == expected

    @pytest.mark.parametrize("data", [b"", b"x" * 5000, b"\0" * 128 + b"DICO", START[:-1]])
    def test_no_dicom_file(self, data):
        with pytest.raises(InvalidDicomError, match="there is no 'DICM'"):
            read_file_head(BytesIO(data))

    def test_cut_short(self):
        complete = START + meta_element(1, b"\0\1", b"OB") + UIDS
        ends = [132, 146, 158, 170, 182]
        for cut in range(132, len(complete)):
            if cut in ends or cut - 1 in ends:  # one byte may be the first of any group
                assert read_file_head(complete[:cut]).offset in ends
            else:
                with pytest.raises(InvalidDicomError, match="cut short"):
                    read_file_head(complete[:cut])

    @pytest.mark.parametrize(
        "data",
        [
            struct.pack("<HHL", 2, 2, 4) + b"1.2\0",
            struct.pack("<HH2sH", 2, 2, b"UI", 0xFFFF),
            struct.pack("<HH2s2xL", 2, 1, b"OB", 0xFFFFFFFF) + b"\0\1",
            struct.pack("<HH2sH", 2, 2, b"u\0", 0),
        ],
    )
    def test_broken(self, data):
        with pytest.raises(InvalidDicomError, match="cut short or not in Explicit VR"):
            read_file_head(START + data)

    def test_long_file_meta_information(self, tmp_path):
        private = meta_element(0x0102, b"x" * 70000, b"OB")
        data = START + group_length(len(UIDS) + len(private)) + UIDS + private
        path = tmp_path / "file.dcm"
        path.write_bytes(data + DATA)
        expected = FileHead("1.2", "1.3", "1.4", len(data))
        with path.open("rb") as file:
            assert read_file_head(file) == expected
            assert read_file_head(file.fileno()) == expected
        with pytest.raises(InvalidDicomError):
            read_file_head(START + meta_element(0x0102, b"x" * MIB, b"OB"))

    @QUIET
    @given(st.binary(max_size=100))
    def test_any_bytes_give_a_result_or_one_exception(self, data):
        for begin in (START, START + group_length(len(data))):
            try:
                head = read_file_head(begin + data)
            except InvalidDicomError:
                continue
            assert 132 <= head.offset <= len(begin + data)


class TestSplitDataset:
    def test_file(self):
        meta, offset = split_dataset(CT)
        assert isinstance(meta, FileMetaDataset)
        assert meta == dcmread(CT).file_meta
        with CT.open("rb") as file:
            file.seek(offset)
            assert decode(BytesIO(file.read()), False, True) == dcmread(CT)
        assert split_dataset(os.fspath(CT)) == (meta, offset)

    def test_no_file(self, tmp_path):
        with pytest.raises(FileNotFoundError):
            split_dataset(tmp_path / "nothing.dcm")
        (tmp_path / "text").write_text("x" * 200)
        with pytest.raises(InvalidDicomError):
            split_dataset(tmp_path / "text")


class TestPretty:
    def test_data_set(self):
        dataset = Dataset()
        dataset.ImageType = ["A", "B"]
        dataset.SOPInstanceUID = ""
        dataset.PatientName = "Citizen^Jan"
        dataset.OtherPatientIDsSequence = []
        dataset.Rows = 5
        inner = Dataset()
        inner.ReferencedBeamSequence = [Dataset()]
        inner.ReferencedBeamSequence[0].BeamNumber = 3
        dataset.BeamSequence = [Dataset(), inner]
        assert pretty_dataset(dataset) == [
            "(0008,0008) CS [A\\B]                                    # 2 ImageType",
            "(0008,0018) UI (no value available)                     # 0 SOPInstanceUID",
            "(0010,0010) PN [Citizen^Jan]                            # 1 PatientName",
            "(0010,1002) SQ (Sequence with 0 items)                  # 1 OtherPatientIDsSequence",
            "(0028,0010) US [5]                                      # 1 Rows",
            "(300A,00B0) SQ (Sequence with 2 items)                  # 1 BeamSequence",
            "  (Sequence item #1)",
            "  (Sequence item #2)",
            "    (300C,0004) SQ (Sequence with 1 item)                   "
            "# 1 ReferencedBeamSequence",
            "      (Sequence item #1)",
            "        (300A,00C0) IS [3]                                      # 1 BeamNumber",
        ]

    def test_indent(self):
        dataset = Dataset()
        dataset.BeamSequence = [Dataset()]
        assert pretty_dataset(dataset, 2, "-") == [
            "--(300A,00B0) SQ (Sequence with 1 item)                   # 1 BeamSequence",
            "---(Sequence item #1)",
        ]

    @pytest.mark.parametrize(
        ("vr", "value", "shown"),
        [
            ("OB", b"", "(no value available)"),
            ("OB", None, "(no value available)"),
            ("OB", bytes(range(13)), f"[{bytes(range(13)).hex(' ')}]"),
            ("OB", bytes(14), "(14 bytes of binary data)"),
            ("UN", b"\x01\xff", "[01 ff]"),
            ("FL", [1.5, 2.5], "[1.5\\2.5]"),
            ("AT", [0x00100010, 0x00100020], "[(0010,0010)\\(0010,0020)]"),
            ("LT", "a\r\nb\x1b[0m\u2028", "[a\\r\\nb\\x1b[0m\\u2028]"),
            ("LO", "\u5c71\u7530", "[\u5c71\u7530]"),
            ("LO", "x" * 64, f"[{'x' * 64}]"),
            ("UT", "x" * 65, f"[{'x' * 64}...]"),
            ("SQ", None, "(Sequence with 0 items)"),
        ],
    )
    def test_values(self, vr, value, shown):
        elem = DataElement(0x00091001, vr, value)
        line = pretty_element(elem)
        assert line == f"(0009,1001) {vr} {shown:<40} # {elem.VM} "

    def test_value_that_cannot_be_decoded(self):
        data = b"\x28\0\x10\0US\x03\0abc\x28\0\x11\0US\x02\0\x05\0"
        lines = pretty_dataset(decode(BytesIO(data), False, True))
        assert lines == [
            "(0028,0010) (the value cannot be decoded)",
            "(0028,0011) US [5]                                      # 1 Columns",
        ]


class TestLogIdentifier:
    LOGGER = logging.getLogger("pynetdicom.test")

    def test_shown(self, caplog):
        caplog.set_level(logging.DEBUG, self.LOGGER.name)
        log_identifier(self.LOGGER, logging.DEBUG, "C-FIND request identifier", sample())
        (record,) = caplog.records
        assert (record.name, record.levelno) == (self.LOGGER.name, logging.DEBUG)
        title, *lines = record.getMessage().split("\n")
        assert title == "C-FIND request identifier:"
        assert lines == pretty_dataset(sample(), 1)

    def test_nobody_wants_it(self, caplog, monkeypatch):
        monkeypatch.setattr(dsutils, "pretty_dataset", None)
        caplog.set_level(logging.INFO, self.LOGGER.name)
        log_identifier(self.LOGGER, logging.DEBUG, "C-FIND request identifier", sample())
        assert caplog.records == []

    def test_what_cannot_be_shown(self, caplog, monkeypatch):
        monkeypatch.setattr(dsutils, "pretty_dataset", None)
        caplog.set_level(logging.INFO, self.LOGGER.name)
        log_identifier(self.LOGGER, logging.INFO, "C-FIND request identifier", sample())
        assert caplog.messages == ["C-FIND request identifier:\n  (can't be shown)"]


def test_error_names_the_file_if_it_has_a_number(tmp_path: Path) -> None:
    path = str(tmp_path / "image.dcm")
    Path(path).touch()
    for error, name in ((OSError(5, "broken"), path), (OSError("broken"), None)):
        with pytest.raises(OSError, match="broken") as told, opened(path):
            raise error
        assert told.value.filename == name
