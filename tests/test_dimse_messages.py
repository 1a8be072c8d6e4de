"""The table of DIMSE messages, the codec of command sets, and the message objects."""

import struct
from collections.abc import Iterable
from io import BytesIO
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.datadict import dictionary_VR, tag_for_keyword
from pydicom.dataset import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filereader import read_dataset
from pydicom.filewriter import write_dataset
from pydicom.uid import UID

from pynetdicom import _config, dimse_messages
from pynetdicom.dimse_messages import (
    COMMAND_FIELDS,
    DIMSEMessage,
    MessageType,
    decode_command,
    encode_command,
    encode_unrecognised,
    message_type,
)
from pynetdicom.dimse_primitives import C_CANCEL, C_ECHO, C_GET, C_MOVE, C_STORE, N_GET
from pynetdicom.errors import DIMSEDecodeError
from pynetdicom.pdu_primitives import P_DATA
from tests.support.command_sets import VECTORS, Vector
from tests.support.laws import QUIET

# Command field, name, data set (* if there must be one) and, behind the colon, the elements of
# the tables of PS3.7 9.3 and 10.3 by element number; mandatory ones have a *. Those that tell
# more about a status follow the semicolon (PS3.7 Annex C).
MESSAGES = """
0001 C-STORE-RQ DataSet*: 0002* 0100* 0110* 0700* 0800* 1000* 1030 1031
8001 C-STORE-RSP -: 0002 0100* 0120* 0800* 0900* 1000; 0901 0902
0020 C-FIND-RQ Identifier*: 0002* 0100* 0110* 0700* 0800*
8020 C-FIND-RSP Identifier: 0002 0100* 0120* 0800* 0900*; 0901 0902
0FFF C-CANCEL-RQ -: 0100* 0120* 0800*
0010 C-GET-RQ Identifier*: 0002* 0100* 0110* 0700* 0800*
8010 C-GET-RSP Identifier: 0002 0100* 0120* 0800* 0900* 1020 1021 1022 1023; 0901 0902
0021 C-MOVE-RQ Identifier*: 0002* 0100* 0110* 0600* 0700* 0800*
8021 C-MOVE-RSP Identifier: 0002 0100* 0120* 0800* 0900* 1020 1021 1022 1023; 0901 0902
0030 C-ECHO-RQ -: 0002* 0100* 0110* 0800*
8030 C-ECHO-RSP -: 0002 0100* 0120* 0800* 0900*; 0902
0100 N-EVENT-REPORT-RQ EventInformation: 0002* 0100* 0110* 0800* 1000* 1002*
8100 N-EVENT-REPORT-RSP EventReply: 0002 0100* 0120* 0800* 0900* 1000 1002; 0902 0903
0110 N-GET-RQ -: 0003* 0100* 0110* 0800* 1001* 1005
8110 N-GET-RSP AttributeList: 0002 0100* 0120* 0800* 0900* 1000; 0902 0903 1005
0120 N-SET-RQ ModificationList*: 0003* 0100* 0110* 0800* 1001*
8120 N-SET-RSP AttributeList: 0002 0100* 0120* 0800* 0900* 1000; 0902 0903 1005
0130 N-ACTION-RQ ActionInformation: 0003* 0100* 0110* 0800* 1001* 1008*
8130 N-ACTION-RSP ActionReply: 0002 0100* 0120* 0800* 0900* 1000 1008; 0902 0903 1005
0140 N-CREATE-RQ AttributeList: 0002* 0100* 0110* 0800* 1000
8140 N-CREATE-RSP AttributeList: 0002 0100* 0120* 0800* 0900* 1000; 0902 0903 1005
0150 N-DELETE-RQ -: 0003* 0100* 0110* 0800* 1001*
8150 N-DELETE-RSP -: 0002 0100* 0120* 0800* 0900* 1000; 0902 0903
"""
ROWS = [line.split(":") for line in MESSAGES.strip().splitlines()]

each_vector = pytest.mark.parametrize("vector", VECTORS, ids=[vector.name for vector in VECTORS])
BY_NAME = {kind.name: kind for kind in COMMAND_FIELDS.values()}
ECHO = next(vector.data for vector in VECTORS if vector.name == "C-ECHO-RQ")
STORE = next(vector.data for vector in VECTORS if vector.name == "C-STORE-RQ")

# Where its elements end, but for the last one
ENDS = [12, 46, 56, 66, 76, 86, 122, 136]


def element(number: int, value: bytes) -> bytes:
    """Return an element of a command set."""
    return struct.pack("<HHL", 0, number, len(value)) + value


def ushort(number: int, value: int) -> bytes:
    return element(number, struct.pack("<H", value))


def command(*elements: bytes) -> bytes:
    """Return a command set with a right group length."""
    data = b"".join(elements)
    return element(0, struct.pack("<L", len(data))) + data


FIND = [ushort(0x0100, 0x0020), ushort(0x0800, 1)]


def primitive_of(vector: Vector) -> Any:
    """Return the primitive with the values of `vector`, assigned one by one."""
    primitive = BY_NAME[vector.name].primitive()
    for keyword, value in vector.values.items():
        setattr(primitive, keyword, value)
    return primitive


def messages(data: bytes, data_set: bytes | None, cuts: Iterable[int] = ()) -> list[P_DATA]:
    """Return P-DATA with one PDV for each part of a message between `cuts`."""
    parts = []
    for bit, content in ((1, data), (0, data_set)):
        if content is not None:
            ends = [*sorted({cut for cut in cuts if cut < len(content)}), len(content)]
            starts = [0, *ends[:-1]]
            parts += [
                (1, bit | (2 if end == len(content) else 0), content[start:end])
                for start, end in zip(starts, ends, strict=True)
            ]
    primitives = []
    for part in parts:
        primitives.append(P_DATA())
        primitives[-1].pdvs = [part]
    return primitives


def decoded(*primitives: P_DATA) -> DIMSEMessage:
    """Return the message that is complete with the last of `primitives` and not before."""
    message = DIMSEMessage()
    results = [message.decode_msg(primitive) for primitive in primitives]
    assert results == [False] * (len(results) - 1) + [True]
    return message


class TestTable:
    def test_has_the_messages_of_the_standard_and_no_others(self):
        expected = {int(row[0].split()[0], 16): row[0].split()[1] for row in ROWS}
        assert {field: kind.name for field, kind in COMMAND_FIELDS.items()} == expected
        assert len(expected) == 23

    @pytest.mark.parametrize("row", ROWS, ids=[row[0].split()[1] for row in ROWS])
    def test_row(self, row):
        field, name, data_set = row[0].split()
        kind = COMMAND_FIELDS[int(field, 16)]
        numbers = sorted(row[1].replace(";", " ").split())
        expected = {
            int(number.rstrip("*"), 16): "M" if "*" in number else "U" for number in numbers
        }
        found = {tag_for_keyword(keyword): use for keyword, use in kind.elements.items()}
        assert found == expected
        assert list(found) == sorted(found)
        assert kind.command_field == int(field, 16)
        assert kind.data_set == (None if data_set == "-" else data_set.rstrip("*"))
        if kind.data_set:
            parameter = kind.primitive._FIELDS[kind.data_set]
            usage = parameter.request if kind.is_request else parameter.response
            assert usage == ("M" if "*" in data_set else "U")
        assert kind.is_request is (not int(field, 16) & 0x8000)
        assert kind.primitive.__name__ == name.rpartition("-")[0].replace("-", "_")
        assert kind.message is getattr(dimse_messages, name.replace("-", "_"))
        assert kind.message.message_type is kind

    def test_elements_are_those_of_the_dictionary(self):
        for keyword, (number, vr) in dimse_messages._ELEMENTS.items():
            assert tag_for_keyword(keyword) == number
            assert dictionary_VR(number) == vr[:2]

    @each_vector
    def test_type_of_a_primitive(self, vector):
        assert message_type(primitive_of(vector)) is BY_NAME[vector.name]

    def test_cancel_is_a_request_in_any_case(self):
        assert message_type(C_CANCEL()).name == "C-CANCEL-RQ"

    def test_what_is_no_primitive_has_no_type(self):
        with pytest.raises(TypeError, match="A DIMSE primitive is needed, not 'Dataset'"):
            message_type(Dataset())

    def test_classes_of_users_are_no_rows(self):
        class Mine(dimse_messages.C_ECHO_RQ):
            pass

        assert Mine.message_type is BY_NAME["C-ECHO-RQ"]
        assert len(COMMAND_FIELDS) == 23

    def test_type_is_readable(self):
        assert "name='C-ECHO-RQ'" in repr(BY_NAME["C-ECHO-RQ"])
        assert isinstance(BY_NAME["C-ECHO-RQ"], MessageType)


class TestVectors:
    @each_vector
    def test_encode(self, vector):
        primitive = primitive_of(vector)
        data = encode_command(message_type(primitive), primitive, vector.has_data_set)
        assert data == vector.data

    @each_vector
    @pytest.mark.parametrize("buffer", [bytes, bytearray, memoryview])
    def test_decode(self, vector, buffer):
        kind, values = decode_command(buffer(vector.data))
        assert kind is BY_NAME[vector.name]
        assert values == {
            **vector.values,
            "CommandGroupLength": len(vector.data) - 12,
            "CommandField": kind.command_field,
            "CommandDataSetType": 0x0001 if vector.has_data_set else 0x0101,
        }

    @each_vector
    def test_decoded_primitive_is_encoded_alike(self, vector):
        kind, values = decode_command(vector.data)
        primitive = kind.primitive._from_values(values)
        assert message_type(primitive) is kind
        assert encode_command(kind, primitive, vector.has_data_set) == vector.data

    @each_vector
    def test_pydicom_reads_the_same(self, vector):
        dataset = read_dataset(BytesIO(vector.data), True, True)
        message = decoded(*messages(vector.data, b"\0\0" if vector.has_data_set else None))
        assert message.command_set == dataset
        for keyword, value in vector.values.items():
            assert dataset[keyword].value == (
                value[0] if isinstance(value, list) and len(value) == 1 else value
            )

    @each_vector
    def test_pydicom_writes_the_same(self, vector):
        message = decoded(*messages(vector.data, b"\0\0" if vector.has_data_set else None))
        stream = DicomBytesIO()
        stream.is_implicit_VR, stream.is_little_endian = True, True
        write_dataset(stream, message.command_set)
        assert stream.getvalue() == vector.data


def tags(minimum: int = 1) -> st.SearchStrategy[list[int]]:
    return st.lists(st.integers(0, 0xFFFFFFFF), min_size=minimum, max_size=5)


_TEXT = st.text(st.characters(min_codepoint=0x21, max_codepoint=0xFF), min_size=1, max_size=80)
_ASCII = st.text(
    st.characters(min_codepoint=0x21, max_codepoint=0x7E, exclude_characters="\\"),
    min_size=1,
    max_size=64,
)
_VALUES = {
    "US": st.integers(0, 0xFFFF),
    "US+": st.integers(0, 0xFFFF),
    "UI": _TEXT,
    "AE": _TEXT,
    "LO": _ASCII,
    "AT": tags(),
}


@st.composite
def any_message(draw: st.DrawFn) -> tuple[MessageType, dict[str, Any]]:
    """Draw a kind of message, and values for some of its elements."""
    kind = draw(st.sampled_from(list(COMMAND_FIELDS.values())))
    values = {}
    for keyword, usage in kind.elements.items():
        if keyword.startswith("Command"):
            continue
        if usage == "M" or draw(st.booleans()):
            values[keyword] = draw(_VALUES[dimse_messages._ELEMENTS[keyword][1]])
    return kind, values


class TestLaws:
    @QUIET
    @given(any_message(), st.booleans())
    def test_what_is_encoded_is_decoded(self, drawn, has_data_set):
        kind, values = drawn
        data = encode_command(kind, kind.primitive._from_values(values), has_data_set)
        assert len(data) % 2 == 0
        found, result = decode_command(data)
        assert found is kind
        assert result.pop("CommandGroupLength") == len(data) - 12
        assert result.pop("CommandField") == kind.command_field
        assert result.pop("CommandDataSetType") == (0x0001 if has_data_set else 0x0101)
        assert result == values

    @QUIET
    @given(st.binary(max_size=200))
    def test_any_bytes_give_a_result_or_one_exception(self, data):
        try:
            kind, values = decode_command(data)
        except DIMSEDecodeError:
            return
        assert kind is COMMAND_FIELDS.get(values["CommandField"])

    @settings(QUIET, max_examples=300)
    @given(st.sampled_from(VECTORS), st.data())
    def test_damaged_command_sets_give_a_result_or_one_exception(self, vector, data):
        damaged = bytearray(vector.data)
        for _ in range(data.draw(st.integers(1, 4))):
            damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
        del damaged[data.draw(st.integers(1, len(damaged))) :]
        try:
            kind, values = decode_command(damaged)
        except DIMSEDecodeError:
            return
        if kind is not None:
            primitive = kind.primitive._from_values(values)
            if kind.is_request or values.get("MessageIDBeingRespondedTo") is not None:
                assert message_type(primitive) is kind
            again = encode_command(kind, primitive, values["CommandDataSetType"] != 0x0101)
            assert decode_command(again)[0] is kind
            assert str(decoded_message(damaged))

    @settings(QUIET, max_examples=50)
    @given(
        st.sampled_from(VECTORS),
        st.binary(min_size=1, max_size=300),
        st.lists(st.integers(1, 299), max_size=12),
        st.data(),
    )
    def test_message_is_put_together_from_any_mix_of_fragments(self, vector, content, cuts, data):
        data_set = content if vector.has_data_set else None
        pdvs = [pdv for part in messages(vector.data, data_set, cuts) for pdv in part.pdvs]
        primitives = []
        while pdvs:
            number = data.draw(st.integers(1, len(pdvs)))
            primitives.append(P_DATA())
            primitives[-1].pdvs, pdvs = pdvs[:number], pdvs[number:]
        message = decoded(*primitives)
        assert type(message) is BY_NAME[vector.name].message
        assert message.encoded_command_set.getvalue() == vector.data
        assert message.data_set.getvalue() == (data_set or b"")

    @QUIET
    @given(st.sampled_from(VECTORS), st.binary(max_size=300), st.integers(8, 400) | st.just(0))
    def test_message_is_cut_into_fragments_that_fit(self, vector, content, limit):
        message = decoded(*messages(vector.data, content if vector.has_data_set else None))
        primitives = list(message.encode_msg(5, limit))
        fragments = [pdv for primitive in primitives for pdv in primitive.pdvs]
        assert all(len(primitive.pdvs) == 1 for primitive in primitives)
        assert {context_id for context_id, _, _ in fragments} == {5}
        for bit, expected in ((1, vector.data), (0, content if vector.has_data_set else b"")):
            own = [(control, data) for _, control, data in fragments if control & 1 == bit]
            assert b"".join(data for _, data in own) == expected
            assert [control & 2 for control, _ in own] == [0] * (len(own) - 1) + [2][: len(own)]
            for _, data in own[:-1]:
                assert len(data) == (limit - 6) & ~1
        assert [control & 1 for _, control, _ in fragments] == sorted(
            (control & 1 for _, control, _ in fragments), reverse=True
        )
        assert not limit or all(len(data) + 6 <= limit for _, _, data in fragments)


def decoded_message(data: bytes) -> DIMSEMessage:
    """Return the message with the command set `data`, whatever follows."""
    message = DIMSEMessage()
    message.decode_msg(messages(bytes(data), None)[0])
    return message


class TestEncode:
    def test_text_is_padded_to_an_even_length(self):
        request = C_MOVE()
        request.MessageID = 1
        request.MoveDestination = "ODD"
        request.AffectedSOPClassUID = "1.2"
        data = encode_command(message_type(request), request, True)
        assert element(0x0600, b"ODD ") in data
        assert element(0x0002, b"1.2\0") in data

    @pytest.mark.parametrize(
        ("is_short", "value"), [(True, b"AE"), (False, b"AE".ljust(16))], ids=["short", "long"]
    )
    def test_length_of_ae_titles(self, monkeypatch, is_short, value):
        monkeypatch.setattr(_config, "USE_SHORT_DIMSE_AET", is_short)
        request = C_MOVE()
        request.MoveDestination = "AE"
        data = encode_command(message_type(request), request, True)
        assert element(0x0600, value) in data
        request = C_MOVE._from_values({"MoveDestination": "LONGER_THAN_ALLOWED"})
        data = encode_command(message_type(request), request, True)
        assert element(0x0600, b"LONGER_THAN_ALLOWED ") in data

    def test_error_comment_is_cut_and_made_ascii(self):
        response = C_ECHO().response()
        response.ErrorComment = "\u00c4rger " + "x" * 100
        data = encode_command(BY_NAME["C-ECHO-RSP"], response, False)
        assert element(0x0902, b"?rger " + b"x" * 58) in data
        response.ErrorComment = "C:\\temp\r\nfull\x1b"
        data = encode_command(BY_NAME["C-ECHO-RSP"], response, False)
        assert element(0x0902, b"C:/temp  full ") in data

    def test_elements_of_other_messages_are_left_out(self):
        request = C_STORE()
        request.MessageID = 1
        request.Status = 0
        request.ErrorComment = "no"
        _, values = decode_command(encode_command(message_type(request), request, False))
        assert set(values) == {
            "CommandGroupLength",
            "CommandField",
            "MessageID",
            "Priority",
            "CommandDataSetType",
        }

    @pytest.mark.parametrize("status", [-1, 70000])
    def test_value_that_does_not_fit(self, status):
        response = C_ECHO()
        response.MessageIDBeingRespondedTo = 1
        response.Status = status
        with pytest.raises(ValueError, match=f"The value {status} of Status cannot be encoded"):
            encode_command(message_type(response), response, False)

    @pytest.mark.parametrize(
        ("keyword", "value"),
        [
            ("AffectedSOPClassUID", 1),
            ("AffectedSOPClassUID", "1.2.\u4e00"),
            ("MoveDestination", b"BYTES"),
            ("MoveDestination", "\u4e00"),
            ("ErrorComment", 3),
            ("OffendingElement", [2**32]),
            ("OffendingElement", 1.5),
            ("OffendingElement", ["x"]),
            ("NumberOfFailedSuboperations", "1"),
        ],
    )
    def test_value_of_a_wrong_kind(self, keyword, value):
        values = {keyword: value}
        if keyword != "MoveDestination":
            values["MessageIDBeingRespondedTo"] = 1
        primitive = C_MOVE._from_values(values)
        with pytest.raises(ValueError, match=f"of {keyword} cannot be encoded"):
            encode_command(message_type(primitive), primitive, False)

    def test_answer_to_an_unknown_request(self):
        request = command(
            element(0x0002, b"1.2.840.10008.1.1\0"),
            ushort(0x0100, 0x0160),
            ushort(0x0110, 9),
            ushort(0x0800, 0x0101),
        )
        kind, values = decode_command(request)
        assert kind is None
        assert encode_unrecognised(values) == command(
            element(0x0002, b"1.2.840.10008.1.1\0"),
            ushort(0x0100, 0x8160),
            ushort(0x0120, 9),
            ushort(0x0800, 0x0101),
            ushort(0x0900, 0x0211),
        )

    def test_answer_to_an_unknown_request_that_says_nothing(self):
        _, values = decode_command(command(ushort(0x0100, 0x0160), ushort(0x0800, 0x0101)))
        assert encode_unrecognised(values) == command(
            ushort(0x0100, 0x8160),
            ushort(0x0120, 0),
            ushort(0x0800, 0x0101),
            ushort(0x0900, 0x0211),
        )


class TestDecode:
    @pytest.mark.parametrize("cut", [cut for cut in range(86) if cut not in {0, *ENDS}])
    def test_cut_within_an_element(self, cut):
        with pytest.raises(DIMSEDecodeError, match=r"no whole element|of which there are \d+$"):
            decode_command(STORE[:cut])

    @pytest.mark.parametrize("cut", [0, *ENDS[:5]])
    def test_cut_before_the_data_set_type(self, cut):
        with pytest.raises(DIMSEDecodeError, match="A command set has no Command"):
            decode_command(STORE[:cut])

    @pytest.mark.parametrize("cut", ENDS[5:])
    def test_cut_behind_the_data_set_type(self, cut):
        kind, values = decode_command(STORE[:cut])
        assert kind is BY_NAME["C-STORE-RQ"]
        assert "MoveOriginatorMessageID" not in values

    @pytest.mark.parametrize("number", [0x0100, 0x0800])
    def test_field_and_data_set_type_are_needed(self, number):
        missing = {0x0100: "CommandField", 0x0800: "CommandDataSetType"}[number]
        both = {0x0100: ushort(0x0100, 0x0030), 0x0800: ushort(0x0800, 0x0101)}
        both.pop(number)
        with pytest.raises(DIMSEDecodeError, match=f"A command set has no {missing}"):
            decode_command(command(*both.values()))
        with pytest.raises(DIMSEDecodeError, match=f"A command set has no {missing}"):
            decode_command(command(*both.values(), element(number, b"")))

    @pytest.mark.parametrize(
        ("number", "value"),
        [
            (0x0000, b"\1\0"),
            (0x0000, b"\1\0\0\0\0\0\0\0"),
            (0x0110, b"\1"),
            (0x0110, b"\1\0\0"),
            (0x0110, b"\1\0\2\0"),
            (0x0900, b"\0\0\0\0"),
            (0x0901, b"\0\0"),
            (0x0901, b"\0\0\0\0\0\0"),
            (0x1005, b"\0\0\0"),
            (0x1020, b"\0\0\0"),
        ],
    )
    def test_wrong_lengths(self, number, value):
        tag = f"\\(0000,{number:04X}\\)"
        with pytest.raises(DIMSEDecodeError, match=f"{tag} .* cannot be {len(value)} bytes long"):
            decode_command(b"".join(FIND) + element(number, value))

    @pytest.mark.parametrize("length", [3, 0x10000, 0xFFFFFFFF])
    def test_length_beyond_the_end(self, length):
        data = b"".join(FIND) + struct.pack("<HHL", 0, 0x0002, length) + b"1."
        expected = f"\\(0000,0002\\) .* is {length} bytes long, of which there are 2"
        with pytest.raises(DIMSEDecodeError, match=expected):
            decode_command(data)

    def test_element_that_is_there_twice(self):
        with pytest.raises(DIMSEDecodeError, match="A command set has MessageID twice"):
            decode_command(b"".join([*FIND, ushort(0x0110, 1), ushort(0x0110, 1)]))

    def test_unknown_elements_are_ignored(self):
        others = [
            element(0x0010, b"ACR-NEMA"),
            element(0x5010, b"x"),
            struct.pack("<HHL", 8, 5, 10) + b"ISO_IR 100",
            struct.pack("<HHL", 9, 0, 2) + b"ab",
        ]
        kind, values = decode_command(command(*FIND, *others))
        assert kind is BY_NAME["C-FIND-RQ"]
        assert set(values) == {
            "CommandGroupLength",
            "CommandField",
            "CommandDataSetType",
            "MessageID",
        }

    def test_order_and_group_length_do_not_matter(self):
        _, values = decode_command(b"".join([*reversed(FIND), element(0, b"\xff" * 4)]))
        assert values["CommandGroupLength"] == 0xFFFFFFFF
        assert values["CommandField"] == 0x0020

    def test_unknown_command_field(self):
        kind, values = decode_command(command(ushort(0x0100, 0x1234), ushort(0x0800, 0)))
        assert kind is None
        assert values == {
            "CommandGroupLength": 20,
            "CommandField": 0x1234,
            "CommandDataSetType": 0,
        }

    def test_request_that_claims_to_be_a_response(self):
        kind, values = decode_command(command(*FIND, ushort(0x0110, 1), ushort(0x0120, 1)))
        assert "MessageIDBeingRespondedTo" not in values
        assert message_type(kind.primitive._from_values(values)) is kind


class TestQuirksOfPeers:
    def test_request_without_message_id_is_served_as_number_0(self):
        kind, values = decode_command(command(*FIND, element(0x0002, b"1.2 ")))
        assert kind.primitive._from_values(values).response().MessageIDBeingRespondedTo == 0
        _, values = decode_command(command(*FIND, element(0x0110, b"")))
        assert values["MessageID"] == 0

    def test_request_without_priority(self):
        kind, values = decode_command(command(*FIND, ushort(0x0110, 1)))
        assert kind.primitive._from_values(values).Priority == 2

    @pytest.mark.parametrize("number", [0x1020, 0x1021, 0x1022, 0x1023])
    def test_counters_with_two_values(self, number):
        data = command(
            ushort(0x0100, 0x8021),
            ushort(0x0800, 0x0101),
            element(number, struct.pack("<HH", 258, 7)),
        )
        _, values = decode_command(data)
        assert 258 in values.values()
        assert 7 not in values.values()

    def test_responses_without_uids(self):
        data = command(
            ushort(0x0100, 0x8001),
            ushort(0x0120, 1),
            ushort(0x0800, 0x0101),
            ushort(0x0900, 0),
        )
        kind, values = decode_command(data)
        primitive = kind.primitive._from_values(values)
        assert primitive.is_valid_response
        assert primitive.AffectedSOPClassUID is None

    @pytest.mark.parametrize("padded", [b"1.2\0", b"1.2 ", b" 1.2\0\0", b"1.2\0 "])
    def test_padded_uids(self, padded):
        kind, values = decode_command(command(*FIND, element(0x0002, padded)))
        primitive = kind.primitive._from_values(values)
        assert primitive.AffectedSOPClassUID == "1.2"
        assert isinstance(primitive.AffectedSOPClassUID, UID)
        sent = encode_command(BY_NAME["C-FIND-RSP"], primitive.response(), False)
        assert element(0x0002, b"1.2\0") in sent

    def test_padding_alone_is_no_value(self):
        _, values = decode_command(command(*FIND, element(0x0002, b"\0\0")))
        assert values["AffectedSOPClassUID"] is None

    @pytest.mark.parametrize("padded", [b"AE", b"AE" + b" " * 14, b" AE ", b"AE\0\0"])
    def test_padded_ae_titles(self, padded):
        data = command(ushort(0x0100, 0x0021), ushort(0x0800, 1), element(0x0600, padded))
        assert decode_command(data)[1]["MoveDestination"] == "AE"

    @pytest.mark.parametrize(
        "uid", [b"1.2." + b"0123456789" * 8, b"01.002.3.", b"1.2.\xe4\xff", b"a\\b|\nc\x1b[0m"]
    )
    def test_odd_uids_go_back_as_they_came(self, uid):
        uid += b"\0" * (len(uid) % 2)
        data = command(
            ushort(0x0100, 0x0001), ushort(0x0110, 1), ushort(0x0800, 1), element(0x1000, uid)
        )
        kind, values = decode_command(data)
        response = kind.primitive._from_values(values).response()
        assert element(0x1000, uid) in encode_command(BY_NAME["C-STORE-RSP"], response, False)

    def test_text_of_odd_length_and_long_text(self):
        data = command(ushort(0x0100, 0x8030), ushort(0x0800, 0x0101), element(0x0902, b"x" * 999))
        assert decode_command(data)[1]["ErrorComment"] == "x" * 999


class TestMessage:
    def test_new_messages(self):
        message = DIMSEMessage()
        assert message.message_type is None
        assert message.context_id is None
        assert message.encoded_command_set.getvalue() == b""
        assert message.command_set == Dataset()
        assert message.data_set.getvalue() == b""
        for kind in COMMAND_FIELDS.values():
            message = kind.message()
            assert message.command_set.CommandField == kind.command_field
            assert message.command_set.CommandDataSetType == 0x0101

    @each_vector
    def test_from_a_primitive_and_back(self, vector):
        kind = BY_NAME[vector.name]
        for message in (kind.message(), DIMSEMessage()):
            primitive = primitive_of(vector)
            if vector.has_data_set and kind.data_set:
                setattr(primitive, kind.data_set, BytesIO(b"data"))
            message.primitive_to_message(primitive)
            assert type(message) is kind.message
            assert message.encoded_command_set.getvalue() == vector.data
            assert message.data_set.getvalue() == (b"data" if vector.has_data_set else b"")
            again = message.message_to_primitive()
            assert type(again) is type(primitive)
            for keyword in primitive._FIELDS:
                value = getattr(again, keyword)
                expected = getattr(primitive, keyword)
                if isinstance(expected, BytesIO):
                    assert value.getvalue() == expected.getvalue()
                else:
                    assert value == expected

    def test_of_another_kind(self):
        with pytest.raises(ValueError, match="The primitive is a C-ECHO-RQ, not a C-STORE-RQ"):
            dimse_messages.C_STORE_RQ().primitive_to_message(C_ECHO())

    def test_of_no_known_kind(self):
        data = command(ushort(0x0100, 0x0160), ushort(0x0800, 0x0101))
        message = decoded(*messages(data, None))
        assert type(message) is DIMSEMessage
        with pytest.raises(ValueError, match="No message has the command field 0x0160"):
            message.message_to_primitive()
        assert "unknown" in str(message)

    def test_changes_of_the_command_set_are_encoded(self):
        message = decoded(*messages(ECHO, None))
        message.command_set.MessageID = 500
        message.command_set.add_new(0x00000010, "SH", "retired")
        assert message.message_to_primitive().MessageID == 500
        assert decode_command(message.encoded_command_set.getvalue())[1]["MessageID"] == 500
        (primitive,) = message.encode_msg(1, 0)
        assert ushort(0x0110, 500) in primitive.pdvs[0][2]

    def test_command_set_and_data_set_can_be_assigned(self):
        message = dimse_messages.C_GET_RSP()
        dataset = Dataset()
        dataset.CommandField = 0x8010
        dataset.CommandDataSetType = 1
        dataset.MessageIDBeingRespondedTo = 4
        dataset.OffendingElement = ["PatientID", "PatientName"]
        dataset.ErrorComment = "a\\b"
        message.command_set = dataset
        message.data_set = BytesIO(b"data")
        primitive = message.message_to_primitive()
        assert isinstance(primitive, C_GET)
        assert primitive.OffendingElement == [0x00100020, 0x00100010]
        assert primitive.ErrorComment == "a/b"
        assert primitive.Identifier.getvalue() == b"data"
        dataset.OffendingElement = "PatientID"
        assert message.message_to_primitive().OffendingElement == 0x00100020

    def test_command_set_keeps_what_pydicom_would_warn_of(self):
        uid = "1.2.x" * 20
        request = C_STORE._from_values({"AffectedSOPInstanceUID": uid, "AffectedSOPClassUID": None})
        message = DIMSEMessage()
        message.primitive_to_message(request)
        assert message.command_set.AffectedSOPInstanceUID == uid
        padding = command(*FIND, element(0x0002, b"\0\0"))
        message = decoded(*messages(padding, b""))
        assert message.command_set.AffectedSOPClassUID == ""

    @pytest.mark.parametrize("limit", [1, 6, 7])
    def test_no_room_for_data(self, limit):
        with pytest.raises(ValueError, match=f"No data fits in PDUs of at most {limit} bytes"):
            next(decoded(*messages(ECHO, None)).encode_msg(1, limit))

    def test_older_form_of_p_data(self):
        message = decoded(*messages(ECHO, None))
        (primitive,) = message.encode_msg(3, 16382)
        assert primitive.presentation_data_value_list == [[3, b"\x03" + ECHO]]
        assert message.context_id == 3
        received = P_DATA()
        received.presentation_data_value_list = [[3, b"\x01" + ECHO[:9]], [3, b"\x03" + ECHO[9:]]]
        assert decoded(received).context_id == 3

    def test_views_are_copied(self):
        command_set, data_set = bytearray(STORE), bytearray(b"data")
        received = P_DATA()
        received.pdvs = [(1, 3, memoryview(command_set)), (1, 2, memoryview(data_set))]
        message = decoded(received)
        command_set[:] = bytes(len(command_set))
        data_set[:] = b"\0\0\0\0"
        assert message.data_set.read() == b"data"
        assert message.message_to_primitive().MessageID == 7


class TestFragments:
    @pytest.mark.parametrize(
        ("pdvs", "problem"),
        [
            ([(1, 0, b"data")], "data set comes without a command set"),
            ([(1, 1, STORE), (1, 2, b"data")], "data set comes without a command set"),
            ([(1, 3, STORE), (1, 3, STORE)], "command set follows the last one"),
            ([(1, 3, STORE), (1, 0, b""), (1, 1, b"")], "command set follows the last one"),
            ([(1, 1, STORE[:20]), (3, 3, STORE[20:])], "in context 1 goes on in context 3"),
            ([(1, 3, STORE), (3, 2, b"data")], "in context 1 goes on in context 3"),
            ([(1, 3, ECHO), (1, 3, ECHO)], "Fragments follow a complete message"),
            ([(1, 3, ECHO), (1, 2, b"data")], "Fragments follow a complete message"),
            ([(1, 3, b"")], "no CommandField"),
        ],
    )
    def test_that_make_no_message(self, pdvs, problem):
        primitive = P_DATA()
        primitive.pdvs = pdvs
        with pytest.raises(DIMSEDecodeError, match=problem):
            DIMSEMessage().decode_msg(primitive)

    def test_empty_ones(self):
        primitive = P_DATA()
        primitive.pdvs = [(1, 1, b""), (1, 3, STORE), (1, 0, b""), (1, 2, b"")]
        message = decoded(P_DATA(), primitive)
        assert message.data_set.getvalue() == b""
        assert message.message_to_primitive().DataSet.getvalue() == b""


class TestFromParts:
    """What handlers of EVT_DIMSE_RECV and EVT_DIMSE_SENT are given."""

    class Pieces:
        def getbuffer(self) -> memoryview:
            return memoryview(b"data")

    @pytest.mark.parametrize(
        ("data_set", "expected"),
        [
            (None, b""),
            (b"data", b"data"),
            (bytearray(b"data"), b"data"),
            (memoryview(b"data"), b"data"),
            (BytesIO(b"data"), b"data"),
            (Pieces(), b"data"),
            (iter([(b"da", False), (b"ta", True)]), b""),
        ],
        ids=["none", "bytes", "bytearray", "memoryview", "BytesIO", "source", "pieces"],
    )
    def test_data_sets(self, data_set, expected):
        request = primitive_of(VECTORS[0])
        message = DIMSEMessage._from_parts(message_type(request), request, 5, data_set)
        assert type(message) is dimse_messages.C_STORE_RQ
        assert message.context_id == 5
        assert message.data_set.getvalue() == expected
        assert message.data_set is message.data_set
        assert message.command_set.CommandDataSetType == (0x0101 if data_set is None else 1)

    def test_pieces_are_left_for_who_sends_them(self):
        pieces = iter([(b"data", True)])
        request = primitive_of(VECTORS[0])
        message = DIMSEMessage._from_parts(message_type(request), request, 5, pieces)
        assert message.data_set.getvalue() == b""
        assert list(pieces) == [(b"data", True)]


class TestLogForm:
    def test_request(self):
        message = decoded(*messages(STORE, b"data"))
        assert str(message).splitlines() == [
            "MessageType                          : C-STORE-RQ",
            "PresentationContextID                : 1",
            "AffectedSOPClassUID                  : 1.2.840.10008.5.1.4.1.1.2 (CT Image Storage)",
            "CommandField                         : 0x0001",
            "MessageID                            : 7",
            "Priority                             : 2",
            "AffectedSOPInstanceUID               : 1.2.826.0.1.3680043.8.498.7",
            "MoveOriginatorApplicationEntityTitle : MOVER",
            "MoveOriginatorMessageID              : 3",
            "DataSet                              : present",
        ]

    def test_response(self):
        request = N_GET._from_values({"MessageID": 1})
        response = request.response()
        response.Status = 0x0107
        response.AttributeIdentifierList = list(range(1, 12))
        message = DIMSEMessage._from_parts(message_type(response), response, 1, None)
        lines = str(message).splitlines()
        assert "Status                    : 0x0107" in lines
        assert "DataSet                   : none" in lines
        shown = ", ".join(f"(0000,{number:04X})" for number in range(1, 9))
        assert f"AttributeIdentifierList   : {shown}, ..." in lines

    def test_what_peers_send_is_escaped_and_cut(self):
        data = command(
            element(0x0002, b"1\n\x1b[31m.2 "),
            ushort(0x0100, 0x8030),
            ushort(0x0800, 0x0101),
            element(0x0902, b"\r" + b"x" * 500),
            element(0x1000, b"1" * 200),
            element(0x1001, b"\0\0"),
        )
        text = str(decoded(*messages(data, None)))
        assert text.isascii()
        assert "1\\n\\x1b[31m.2" in text
        assert "(no value)" in text
        assert len(text.splitlines()) == 9 - 1
        assert max(map(len, text.splitlines())) < 130
