"""Tests for the PDUs."""

from __future__ import annotations

from itertools import pairwise
from struct import pack
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.uid import UID

from pynetdicom import pdu as pdu_module
from pynetdicom.errors import PDUDecodeError
from pynetdicom.pdu import (
    A_ABORT_RQ,
    A_ASSOCIATE_AC,
    A_ASSOCIATE_RJ,
    A_ASSOCIATE_RQ,
    A_RELEASE_RP,
    A_RELEASE_RQ,
    P_DATA_TF,
    PDU,
    PDU_HEADER,
    PDU_TYPES,
    decode_pdu,
    p_data_buffers,
    split_pdvs,
)
from pynetdicom.pdu_items import (
    ApplicationContextItem,
    PresentationContextItemAC,
    PresentationContextItemRQ,
    PresentationDataValueItem,
    UserInformationItem,
)
from pynetdicom.pdu_primitives import (
    A_ABORT,
    A_ASSOCIATE,
    A_P_ABORT,
    A_RELEASE,
    P_DATA,
    UserIdentityNegotiation,
)
from pynetdicom.presentation import PresentationContext
from tests.support import raw
from tests.support.laws import QUIET
from tests.test_pdu_items import (
    application_contexts,
    decoded,
    presentation_data_values,
    request_contexts,
    response_contexts,
    user_informations,
)

IMPLICIT = UID("1.2.840.10008.1.2")
VERIFICATION = UID("1.2.840.10008.1.1")


def context(
    context_id: int, abstract: str | None, *transfer: str, result: int | None = None
) -> PresentationContext:
    """Return a presentation context."""
    made = PresentationContext()
    made.context_id = context_id
    if abstract is not None:
        made.abstract_syntax = abstract
    made.transfer_syntax = list(transfer)
    made.result = result
    return made


def request() -> A_ASSOCIATE:
    """Return a request primitive as a user makes it."""
    primitive = A_ASSOCIATE()
    primitive.application_context_name = "1.2.840.10008.3.1.1.1"
    primitive.calling_ae_title = "CALLING"
    primitive.called_ae_title = "CALLED"
    primitive.presentation_context_definition_list = [context(1, VERIFICATION, IMPLICIT)]
    primitive.maximum_length_received = 16382
    primitive.implementation_class_uid = "1.2.3"
    return primitive


def acceptance() -> A_ASSOCIATE:
    """Return a response primitive that accepts."""
    primitive = request()
    primitive.presentation_context_definition_list = []
    primitive.presentation_context_definition_results_list = [
        context(1, None, IMPLICIT, result=0),
        context(3, None, IMPLICIT, result=3),
    ]
    primitive.result, primitive.result_source = 0, 1
    return primitive


def rejection(result: int = 1, source: int = 1, diagnostic: int = 7) -> A_ASSOCIATE:
    """Return a response primitive that rejects."""
    primitive = A_ASSOCIATE()
    primitive.result, primitive.result_source, primitive.diagnostic = result, source, diagnostic
    return primitive


def affirmative() -> A_RELEASE:
    """Return a release response."""
    primitive = A_RELEASE()
    primitive.result = "affirmative"
    return primitive


def user_abort() -> A_ABORT:
    """Return an abort by the service user."""
    primitive = A_ABORT()
    primitive.abort_source = 0
    return primitive


def provider_abort(reason: int) -> A_P_ABORT:
    """Return an abort by the service provider."""
    primitive = A_P_ABORT()
    primitive.provider_reason = reason
    return primitive


def p_data(*pdvs: tuple[int, int, bytes]) -> P_DATA:
    """Return a P-DATA primitive."""
    primitive = P_DATA()
    primitive.pdvs = list(pdvs)
    return primitive


# Primitives, the PDU for each, its bytes and its log form
VECTORS: list[tuple[Any, type[PDU], bytes, str]] = [
    (
        request(),
        A_ASSOCIATE_RQ,
        b"\x01\x00\x00\x00\x00\xa4"
        b"\x00\x01\x00\x00"
        b"CALLED          CALLING         " + bytes(32) + b"\x10\x00\x00\x151.2.840.10008.3.1.1.1"
        b"\x20\x00\x00\x2e\x01\x00\x00\x00"
        b"\x30\x00\x00\x111.2.840.10008.1.1"
        b"\x40\x00\x00\x111.2.840.10008.1.2"
        b"\x50\x00\x00\x11\x51\x00\x00\x04\x00\x00\x3f\xfe\x52\x00\x00\x051.2.3",
        "A-ASSOCIATE-RQ from 'CALLING' to 'CALLED'\n"
        "  Protocol version: 1\n"
        "  Application context: DICOM Application Context Name\n"
        "  Presentation context 1: Verification SOP Class\n"
        "    Implicit VR Little Endian\n"
        "  User information\n"
        "    Maximum length: 16382\n"
        "    Implementation class UID: 1.2.3",
    ),
    (
        acceptance(),
        A_ASSOCIATE_AC,
        b"\x02\x00\x00\x00\x00\xac"
        b"\x00\x01\x00\x00"
        b"CALLED          CALLING         " + bytes(32) + b"\x10\x00\x00\x151.2.840.10008.3.1.1.1"
        b"\x21\x00\x00\x19\x01\x00\x00\x00\x40\x00\x00\x111.2.840.10008.1.2"
        b"\x21\x00\x00\x19\x03\x00\x03\x00\x40\x00\x00\x111.2.840.10008.1.2"
        b"\x50\x00\x00\x11\x51\x00\x00\x04\x00\x00\x3f\xfe\x52\x00\x00\x051.2.3",
        "A-ASSOCIATE-AC\n"
        "  Protocol version: 1\n"
        "  Application context: DICOM Application Context Name\n"
        "  Presentation context 1: Accepted, Implicit VR Little Endian\n"
        "  Presentation context 3: Abstract Syntax Not Supported\n"
        "  User information\n"
        "    Maximum length: 16382\n"
        "    Implementation class UID: 1.2.3",
    ),
    (
        rejection(),
        A_ASSOCIATE_RJ,
        b"\x03\x00\x00\x00\x00\x04\x00\x01\x01\x07",
        "A-ASSOCIATE-RJ: Rejected Permanent, Service User, Called AE title not recognised",
    ),
    (
        rejection(2, 3, 2),
        A_ASSOCIATE_RJ,
        b"\x03\x00\x00\x00\x00\x04\x00\x02\x03\x02",
        "A-ASSOCIATE-RJ: Rejected Transient, Service Provider (Presentation), Local limit exceeded",
    ),
    (
        p_data((1, 3, b"DATA"), (3, 0, b"")),
        P_DATA_TF,
        b"\x04\x00\x00\x00\x00\x10\x00\x00\x00\x06\x01\x03DATA\x00\x00\x00\x02\x03\x00",
        "P-DATA-TF\n"
        "  Presentation data value: context 1, command, last fragment, 4 bytes\n"
        "  Presentation data value: context 3, data set, not the last fragment, 0 bytes",
    ),
    (p_data(), P_DATA_TF, b"\x04\x00\x00\x00\x00\x00", "P-DATA-TF"),
    (A_RELEASE(), A_RELEASE_RQ, b"\x05\x00\x00\x00\x00\x04\x00\x00\x00\x00", "A-RELEASE-RQ"),
    (affirmative(), A_RELEASE_RP, b"\x06\x00\x00\x00\x00\x04\x00\x00\x00\x00", "A-RELEASE-RP"),
    (
        user_abort(),
        A_ABORT_RQ,
        b"\x07\x00\x00\x00\x00\x04\x00\x00\x00\x00",
        "A-ABORT: Service user",
    ),
    (
        provider_abort(6),
        A_ABORT_RQ,
        b"\x07\x00\x00\x00\x00\x04\x00\x00\x02\x06",
        "A-ABORT: Service provider, Invalid PDU parameter value",
    ),
]
PDU_CLASSES = list(PDU_TYPES.values())


class TestVectors:
    @pytest.mark.parametrize(("primitive", "kind", "data", "text"), VECTORS)
    def test_encode(self, primitive: Any, kind: type[PDU], data: bytes, text: str) -> None:
        pdu = kind(primitive)
        assert pdu.encode() == data
        assert len(pdu) == len(data)
        assert pdu.pdu_length == len(data) - 6
        assert pdu.pdu_type == data[0]

    @pytest.mark.parametrize(("primitive", "kind", "data", "text"), VECTORS)
    def test_decode(self, primitive: Any, kind: type[PDU], data: bytes, text: str) -> None:
        pdu = kind()
        pdu.decode(data)
        assert pdu == kind(primitive)
        for buffer in (data, bytearray(data), memoryview(data)):
            assert decode_pdu(data[0], buffer[6:]) == pdu

    @pytest.mark.parametrize(("primitive", "kind", "data", "text"), VECTORS)
    def test_primitive(self, primitive: Any, kind: type[PDU], data: bytes, text: str) -> None:
        made = decode_pdu(data[0], data[6:]).to_primitive()
        assert type(made) is type(primitive)
        assert made == primitive

    @pytest.mark.parametrize(("primitive", "kind", "data", "text"), VECTORS)
    def test_log_form(self, primitive: Any, kind: type[PDU], data: bytes, text: str) -> None:
        assert str(decode_pdu(data[0], data[6:])) == text

    @pytest.mark.parametrize(("primitive", "kind", "data", "text"), VECTORS)
    def test_decode_wants_one_whole_pdu(
        self, primitive: Any, kind: type[PDU], data: bytes, text: str
    ) -> None:
        for end in range(len(data)):
            with pytest.raises(PDUDecodeError):
                kind().decode(data[:end])
        with pytest.raises(PDUDecodeError):
            kind().decode(data + b"\0")

    @pytest.mark.parametrize("kind", PDU_CLASSES)
    def test_decode_wants_the_right_type(self, kind: type[PDU]) -> None:
        for other in PDU_CLASSES:
            if other is not kind:
                with pytest.raises(PDUDecodeError, match=f"^{kind.__name__}: ") as caught:
                    kind().decode(other().encode())
                assert caught.value.reason == 2

    @pytest.mark.parametrize("kind", PDU_CLASSES)
    def test_equality(self, kind: type[PDU]) -> None:
        assert kind() == kind()
        assert kind() != 1
        with pytest.raises(TypeError):
            hash(kind())

    @pytest.mark.parametrize("kind", PDU_CLASSES)
    def test_empty_ones_can_be_shown(self, kind: type[PDU]) -> None:
        assert str(kind())

    def test_types(self) -> None:
        assert PDU_TYPES == {
            1: A_ASSOCIATE_RQ,
            2: A_ASSOCIATE_AC,
            3: A_ASSOCIATE_RJ,
            4: P_DATA_TF,
            5: A_RELEASE_RQ,
            6: A_RELEASE_RP,
            7: A_ABORT_RQ,
        }
        assert PDU_HEADER.unpack(b"\x01\x00\x00\x00\x00\x02") == (1, 0, 2)

    @pytest.mark.parametrize("pdu_type", [0, 8, 0xFF])
    def test_unknown_type(self, pdu_type: int) -> None:
        with pytest.raises(PDUDecodeError, match="unrecognised PDU type") as caught:
            decode_pdu(pdu_type, b"")
        assert caught.value.reason == 1

    def test_base_class(self) -> None:
        with pytest.raises(NotImplementedError):
            PDU().from_primitive(None)
        with pytest.raises(NotImplementedError):
            PDU().to_primitive()

    @pytest.mark.parametrize("name", ["UCHAR", "UINT2", "UINT4"])
    def test_names_of_3_0(self, name: str) -> None:
        layout = getattr(pdu_module, name)
        pack_number, unpack_number = (
            getattr(pdu_module, f"{verb}_{name}") for verb in ("PACK", "UNPACK")
        )
        assert unpack_number(pack_number(7)) == layout.unpack(layout.pack(7)) == (7,)


class TestAssociate:
    def test_request_fields(self) -> None:
        pdu = A_ASSOCIATE_RQ(request())
        assert pdu.protocol_version == 1
        assert (pdu.calling_ae_title, pdu.called_ae_title) == ("CALLING", "CALLED")
        assert pdu.application_context_name == "1.2.840.10008.3.1.1.1"
        assert [item.context_id for item in pdu.presentation_context] == [1]
        assert pdu.user_information.maximum_length == 16382
        assert [type(item) for item in pdu.variable_items] == [
            ApplicationContextItem,
            PresentationContextItemRQ,
            UserInformationItem,
        ]

    def test_acceptance_fields(self) -> None:
        pdu = A_ASSOCIATE_AC(acceptance())
        assert pdu.protocol_version == 1
        assert pdu.reserved_aec == pdu.called_ae_title == "CALLED"
        assert pdu.reserved_aet == pdu.calling_ae_title == "CALLING"
        assert pdu.application_context_name == "1.2.840.10008.3.1.1.1"
        assert [item.result for item in pdu.presentation_context] == [0, 3]
        assert pdu.user_information.implementation_class_uid == "1.2.3"
        assert [type(item) for item in pdu.variable_items] == [
            ApplicationContextItem,
            PresentationContextItemAC,
            PresentationContextItemAC,
            UserInformationItem,
        ]

    @pytest.mark.parametrize("kind", [A_ASSOCIATE_RQ, A_ASSOCIATE_AC])
    def test_empty(self, kind: type[A_ASSOCIATE_RQ | A_ASSOCIATE_AC]) -> None:
        pdu = kind()
        assert pdu.application_context_name is None
        assert pdu.user_information is None
        assert pdu.presentation_context == []
        assert pdu.to_primitive().user_information == []

    def test_default_application_context(self) -> None:
        primitive = request()
        primitive.application_context_name = None
        assert A_ASSOCIATE_RQ(primitive).application_context_name == "1.2.840.10008.3.1.1.1"

    def test_titles_are_checked_when_set(self) -> None:
        pdu = A_ASSOCIATE_RQ()
        for value in ("", "A" * 17, "A\n"):
            with pytest.raises(ValueError):
                pdu.called_ae_title = value
        answer = A_ASSOCIATE_AC()
        answer.reserved_aet = ""
        with pytest.raises(ValueError):
            answer.reserved_aec = "A" * 17

    @pytest.mark.parametrize(
        ("field", "title"),
        [
            (b"TITLE           ", "TITLE"),
            (b"           TITLE", "TITLE"),
            (b"TITLE\0\0\0\0\0\0\0\0\0\0\0", "TITLE"),
            (b"TITLE\n\0\0\0\0\0\0\0\0\0\0", "TITLE"),
            (b"                ", ""),
            (bytes(16), ""),
            (b"A B             ", "A B"),
            (b"\xc4\xd6\xdc             ", "\xc4\xd6\xdc"),
            (b"A\x1b[31m\nB        ", "A\x1b[31m\nB"),
        ],
    )
    def test_titles_of_peers(self, field: bytes, title: str) -> None:
        pdu = decode_pdu(1, raw.associate_rq(called=field, calling=field)[6:])
        assert isinstance(pdu, A_ASSOCIATE_RQ)
        assert (pdu.called_ae_title, pdu.calling_ae_title) == (title, title)
        primitive = pdu.to_primitive()
        assert (primitive.called_ae_title, primitive.calling_ae_title) == (title, title)
        assert str(pdu).isascii()
        assert "\x1b" not in str(pdu)
        # The response repeats them as they are
        answer = A_ASSOCIATE_AC(primitive.response())
        assert answer.encode()[10:26].strip(b" \0\r\n") == field.strip(b" \0\r\n")

    @pytest.mark.parametrize("data", [raw.associate_rq(), raw.associate_ac()])
    def test_reserved_fields(self, data: bytes) -> None:
        other = bytearray(data)
        other[8:10] = b"??"
        other[42:74] = b"?" * 32
        assert decode_pdu(data[0], bytes(other[6:])) == decode_pdu(data[0], data[6:])

    def test_reserved_titles_of_a_response_may_be_garbage(self) -> None:
        data = raw.associate_ac(called=b"\xff\x00\n" * 5 + b"\\", calling=bytes(16))
        primitive = decode_pdu(2, data[6:]).to_primitive()
        assert (primitive.result, primitive.result_source) == (0, 1)
        assert len(primitive.presentation_context_definition_results_list) == 2

    @pytest.mark.parametrize("version", [0, 1, 2, 3, 0xFFFF])
    def test_version_is_for_others_to_test(self, version: int) -> None:
        pdu = decode_pdu(1, raw.associate_rq(version=version)[6:])
        assert pdu.protocol_version == version

    def test_items_in_any_order_and_unknown_ones(self) -> None:
        body = raw.associate_rq()[6:]
        fixed, items = body[:68], body[68:]
        assert items[0] == 0x10
        moved = items[25:] + raw.item(0xEE, b"?") + items[:25] + raw.item(0x21, b"")
        pdu, other = decode_pdu(1, body), decode_pdu(1, fixed + moved)
        assert other.to_primitive() == pdu.to_primitive()

    def test_most_contexts(self) -> None:
        contexts = [raw.proposal(n, b"1.2", b"1.3") for n in range(1, 256, 2)]
        pdu = decode_pdu(1, raw.associate_rq(*contexts)[6:])
        assert len(pdu.to_primitive().presentation_context_definition_list) == 128

    def test_response_without_contexts(self) -> None:
        data = raw.associate(raw.ASSOCIATE_AC)
        primitive = decode_pdu(2, data[6:]).to_primitive()
        assert primitive.presentation_context_definition_results_list == []

    def test_odd_uids_are_kept(self) -> None:
        long = b"1." * 40 + b"0"
        data = raw.associate_rq(raw.proposal(1, long, b"unknown", b"1.02 ", b"1.3\0"))
        (proposed,) = decode_pdu(1, data[6:]).to_primitive().presentation_context_definition_list
        assert proposed.abstract_syntax == long.decode()
        assert proposed.transfer_syntax == ["unknown", "1.02", "1.3"]

    def test_unusable_transfer_syntax_of_one_context(self) -> None:
        data = raw.associate_ac(raw.answer(1, 0, b"unknown"), raw.answer(3))
        primitive = decode_pdu(2, data[6:]).to_primitive()
        first, second = primitive.presentation_context_definition_results_list
        assert (first.result, first.transfer_syntax) == (0, ["unknown"])
        assert (second.result, second.transfer_syntax) == (0, [IMPLICIT])

    def test_rejected_contexts(self) -> None:
        data = raw.associate_ac(
            raw.answer(1, 1, None), raw.answer(3, 2, b""), raw.answer(5, 4, b"1.2")
        )
        primitive = decode_pdu(2, data[6:]).to_primitive()
        results = primitive.presentation_context_definition_results_list
        assert [(cx.result, cx.transfer_syntax) for cx in results] == [
            (1, []),
            (2, [""]),
            (4, ["1.2"]),
        ]

    def test_incomplete_negotiation_item(self) -> None:
        primitive = request()
        primitive.user_information = [UserIdentityNegotiation()]
        with pytest.raises(ValueError, match="user_identity_type"):
            A_ASSOCIATE_RQ(primitive)

    def test_log_form_without_secrets(self) -> None:
        identity = raw.user_identity(2, b"me", b"SECRET")
        data = raw.associate_rq(user=raw.user_information(identity))
        pdu = decode_pdu(1, data[6:])
        assert "'me'" in str(pdu)
        assert "SECRET" not in f"{pdu} {pdu!r} {pdu.to_primitive()!r}"

    def test_log_form_cuts_what_is_long(self) -> None:
        data = raw.associate_rq(raw.proposal(1, b"1.2", b"A" * 1000))
        assert max(map(len, str(decode_pdu(1, data[6:])).splitlines())) < 100


def items_but(data: bytes, *changes: tuple[bytes, bytes]) -> bytes:
    """Return the body of a PDU with parts replaced."""
    body = data[6:]
    for old, new in changes:
        assert old in body
        body = body.replace(old, new)
    return body


APPLICATION = raw.item(0x10, raw.APPLICATION_CONTEXT)
USER = raw.user_information()
RQ, AC = raw.associate_rq(), raw.associate_ac()


class TestMalformed:
    @pytest.mark.parametrize(
        ("pdu_type", "body", "message", "reason"),
        [
            (1, b"", "2 bytes expected at offset 0, but 0 are left", 6),
            (1, RQ[6:73], "32 bytes expected", 6),
            (1, RQ[6:74], "ApplicationContextItem is missing", 6),
            (1, items_but(RQ, (APPLICATION, b"")), "ApplicationContextItem is missing", 6),
            (1, items_but(RQ, (APPLICATION, APPLICATION * 2)), "more than 1 Application", 5),
            (1, items_but(RQ, (USER, b"")), "UserInformationItem is missing", 6),
            (1, items_but(RQ, (USER, USER * 2)), "more than 1 UserInformationItem", 5),
            (1, raw.associate(1)[6:], "PresentationContextItemRQ is missing", 6),
            (1, raw.associate(1, raw.answer(1))[6:], "PresentationContextItemRQ is missing", 6),
            (1, RQ[6:-1], "are left", 6),
            (1, RQ[6:] + b"\0", "ends within the header of an item", 6),
            (1, RQ[6:] + b"\0\0\0\1", "are left", 6),
            (
                1,
                raw.associate_rq(*(raw.ECHO_CONTEXT for _ in range(129)))[6:],
                "more than 128 PresentationContextItemRQ",
                5,
            ),
            (1, raw.associate_rq(raw.ECHO_CONTEXT, raw.ECHO_CONTEXT)[6:], "used twice", 6),
            (1, raw.associate_rq(raw.proposal(2, b"1.2", b"1.3"))[6:], "ID 2 is not odd", 6),
            (1, raw.associate_rq(raw.proposal(0, b"1.2", b"1.3"))[6:], "ID 0 is not odd", 6),
            (1, raw.associate_rq(raw.proposal(1, b"1.2"))[6:], "lacks a syntax", 6),
            (2, items_but(AC, (APPLICATION, b"")), "ApplicationContextItem is missing", 6),
            (2, items_but(AC, (USER, b"")), "UserInformationItem is missing", 6),
            (2, raw.associate_ac(raw.answer(1), raw.answer(1))[6:], "used twice", 6),
            (2, raw.associate_ac(raw.answer(1), raw.answer(4))[6:], "ID 4 is not odd", 6),
            (2, raw.associate_ac(raw.answer(1, 0, None))[6:], "lacks a syntax", 6),
            *((kind, bytes(n), "expected", 6) for kind in (3, 5, 6, 7) for n in range(4)),
            (4, b"\0", "ends within the header", 0),
            (4, raw.pdv(1, 0, b"")[:5], "ends within the header", 0),
            (4, raw.pdv(1, 0, b"") + b"\0", "ends within the header", 0),
            (4, raw.pdv(1, 0, b"ab", 0), "has 0 bytes, between 2 and 4 are possible", 0),
            (4, raw.pdv(1, 0, b"ab", 1), "has 1 bytes", 0),
            (4, raw.pdv(1, 0, b"ab", 3), "ends within the header", 0),
            (4, raw.pdv(1, 0, b"ab", 5), "has 5 bytes", 0),
            (4, raw.pdv(1, 0, b"ab", 0xFFFFFFFF), "has 4294967295 bytes", 0),
        ],
    )
    def test_body(self, pdu_type: int, body: bytes, message: str, reason: int) -> None:
        with pytest.raises(PDUDecodeError, match=message) as caught:
            decode_pdu(pdu_type, body)
        assert caught.value.reason == reason

    @pytest.mark.parametrize("kind", PDU_CLASSES)
    def test_length_field(self, kind: type[PDU]) -> None:
        data = kind().encode()
        for length in (len(data) - 7, len(data) - 5, 0xFFFFFFFF):
            wrong = data[:2] + pack(">L", length & 0xFFFFFFFF) + data[6:]
            with pytest.raises(PDUDecodeError, match="length"):
                kind().decode(wrong)


class TestShortPDUs:
    @pytest.mark.parametrize("pdu_type", [3, 5, 6, 7])
    @pytest.mark.parametrize("surplus", [1, 4, 60])
    def test_surplus_is_ignored(self, pdu_type: int, surplus: int) -> None:
        body = b"\0\1\2\6"
        assert decode_pdu(pdu_type, body + b"?" * surplus) == decode_pdu(pdu_type, body)

    @pytest.mark.parametrize("pdu_type", [5, 6])
    def test_reserved_fields_of_release(self, pdu_type: int) -> None:
        assert decode_pdu(pdu_type, b"????") == decode_pdu(pdu_type, bytes(4))

    def test_release_takes_no_values(self) -> None:
        assert A_RELEASE_RQ(A_RELEASE()) == A_RELEASE_RQ()
        assert A_RELEASE_RP(affirmative()) == A_RELEASE_RP()

    @pytest.mark.parametrize(
        ("values", "result"), [((0, 0, 0), 1), ((9, 8, 7), 9), ((2, 1, 1), 2), ((1, 9, 9), 1)]
    )
    def test_odd_rejections_are_rejections(self, values: tuple[int, int, int], result: int) -> None:
        pdu = decode_pdu(3, b"\0" + bytes(values))
        assert isinstance(pdu, A_ASSOCIATE_RJ)
        assert (pdu.result, pdu.source, pdu.reason_diagnostic) == values
        primitive = pdu.to_primitive()
        assert primitive.result == result
        assert (primitive.result_source, primitive.diagnostic) == values[1:]
        assert primitive.reason_str
        assert str(pdu)

    def test_rejection_in_words(self) -> None:
        pdu = A_ASSOCIATE_RJ()
        assert (pdu.result_str, pdu.source_str, pdu.reason_str) == ("(no value available)",) * 3
        pdu.result, pdu.source, pdu.reason_diagnostic = 2, 2, 2
        assert pdu.result_str == "Rejected Transient"
        assert pdu.source_str == "Service Provider (ACSE)"
        assert pdu.reason_str == "Protocol version not supported"

    @pytest.mark.parametrize(
        "values", [(None, 1, 1), (0, 1, 1), (1, None, 1), (1, 1, None)], ids=str
    )
    def test_incomplete_rejection(self, values: tuple[Any, Any, Any]) -> None:
        with pytest.raises(ValueError, match="A rejection needs"):
            A_ASSOCIATE_RJ(rejection(*values))

    @pytest.mark.parametrize(
        ("source", "reason", "expected"),
        [
            (0, 0, user_abort()),
            (0, 5, user_abort()),
            (1, 5, user_abort()),
            (0xEE, 0xEE, user_abort()),
            (2, 0, provider_abort(0)),
            (2, 5, provider_abort(5)),
            (2, 3, provider_abort(0)),
            (2, 0xEE, provider_abort(0)),
        ],
    )
    def test_abort(self, source: int, reason: int, expected: A_ABORT | A_P_ABORT) -> None:
        pdu = decode_pdu(7, bytes((0, 0, source, reason)))
        assert isinstance(pdu, A_ABORT_RQ)
        assert (pdu.source, pdu.reason_diagnostic) == (source, reason)
        assert type(pdu.to_primitive()) is type(expected)
        assert pdu.to_primitive() == expected
        assert str(pdu)

    def test_abort_in_words(self) -> None:
        pdu = A_ABORT_RQ()
        assert (pdu.source_str, pdu.reason_str) == ("(no value available)",) * 2
        pdu.source, pdu.reason_diagnostic = 2, 2
        assert (pdu.source_str, pdu.reason_str) == ("Service provider", "Unexpected PDU")
        pdu.reason_diagnostic = 3
        assert pdu.reason_str == "Unknown (3)"
        pdu.source = 0
        assert (pdu.source_str, pdu.reason_str) == ("Service user", "(no value available)")
        pdu.source = 1
        assert pdu.source_str == "Unknown (1)"

    def test_abort_by_the_user_in_the_name_of_the_provider(self) -> None:
        primitive = A_ABORT()
        primitive.abort_source = 2
        assert A_ABORT_RQ(primitive).encode()[6:] == b"\0\0\2\0"

    @pytest.mark.parametrize("primitive", [A_ABORT(), A_P_ABORT()])
    def test_incomplete_abort(self, primitive: A_ABORT | A_P_ABORT) -> None:
        with pytest.raises(ValueError, match="No value has been set"):
            A_ABORT_RQ(primitive)


class TestPData:
    def test_items_are_copies(self) -> None:
        buffer = bytearray(raw.pdv(1, 3, b"DATA"))
        pdu = decode_pdu(4, memoryview(buffer))
        buffer[6:] = b"????"
        assert isinstance(pdu, P_DATA_TF)
        (item,) = pdu.presentation_data_value_items
        assert isinstance(item, PresentationDataValueItem)
        assert (item.context_id, item.data) == (1, b"\x03DATA")

    def test_only_items_can_be_set(self) -> None:
        with pytest.raises(TypeError):
            P_DATA_TF().presentation_data_value_items = [b""]


class TestSplitPdvs:
    def test_views(self) -> None:
        body = bytearray(raw.pdv(1, 3, b"COMMAND") + raw.pdv(255, 0, b"") + raw.pdv(3, 2, b"DATA"))
        pdvs = split_pdvs(memoryview(body))
        assert [(cid, header, bytes(data)) for cid, header, data in pdvs] == [
            (1, 3, b"COMMAND"),
            (255, 0, b""),
            (3, 2, b"DATA"),
        ]
        body[6:13] = b"changed"
        assert bytes(pdvs[0][2]) == b"changed"

    def test_none(self) -> None:
        assert split_pdvs(memoryview(b"")) == []

    @QUIET
    @given(st.binary(max_size=60))
    def test_any_bytes(self, body: bytes) -> None:
        pdvs = decoded(lambda: split_pdvs(memoryview(body)))
        if pdvs is not None:
            assert b"".join(raw.pdv(*pdv) for pdv in pdvs) == body


def sizes(buffers: list[bytes | memoryview]) -> list[int]:
    """Return the lengths of the fragments."""
    return [len(data) for data in buffers[1::2]]


def headers(buffers: list[bytes | memoryview]) -> list[int]:
    """Return the message control headers."""
    return [header[11] for header in buffers[::2]]


class TestPDataBuffers:
    def test_one_pdu(self) -> None:
        buffers = p_data_buffers(1, True, b"DATA", 16382)
        assert b"".join(buffers) == raw.p_data(raw.pdv(1, 3, b"DATA"))
        assert len(buffers) == 2

    def test_no_copy(self) -> None:
        data = bytearray(b"0123456789")
        buffers = p_data_buffers(1, False, data, 10)
        data[:] = b"abcdefghij"
        assert b"".join(buffers[1::2]) == b"abcdefghij"

    def test_full_fragments_share_a_header(self) -> None:
        buffers = p_data_buffers(1, False, bytes(100), 26)
        assert sizes(buffers) == [20] * 5
        assert headers(buffers) == [0, 0, 0, 0, 2]
        assert len({id(header) for header in buffers[:8:2]}) == 1
        part = p_data_buffers(1, False, bytes(100), 26, last=False)
        assert headers(part) == [0] * 5
        assert len({id(header) for header in part[::2]}) == 1

    @pytest.mark.parametrize(
        ("length", "max_length", "last", "expected"),
        [
            (0, 26, True, [0]),
            (0, 26, False, []),
            (1, 26, True, [1]),
            (19, 26, True, [19]),
            (20, 26, True, [20]),
            (21, 26, True, [20, 1]),
            (40, 26, True, [20, 20]),
            (41, 26, False, [20, 20, 1]),
            # Fragments are even where there is more than one
            (21, 27, True, [21]),
            (22, 27, True, [20, 2]),
            (21, 27, False, [21]),
            (43, 27, False, [20, 20, 3]),
            (5, 8, True, [2, 2, 1]),
            (1000, 0, True, [1000]),
            (1000, 0xFFFFFFFF, True, [1000]),
        ],
    )
    def test_sizes(self, length: int, max_length: int, last: bool, expected: list[int]) -> None:
        data = bytes(n % 251 for n in range(length))
        buffers = p_data_buffers(3, False, data, max_length, last)
        assert sizes(buffers) == expected
        assert b"".join(buffers[1::2]) == data
        flags = [0] * len(expected)
        if last:
            flags[-1] = 2
        assert headers(buffers) == flags

    @pytest.mark.parametrize(
        ("is_command", "last", "header"),
        [(True, True, 3), (True, False, 1), (False, True, 2), (False, False, 0)],
    )
    def test_message_control_header(self, is_command: bool, last: bool, header: int) -> None:
        assert headers(p_data_buffers(1, is_command, b"ab", 0, last)) == [header]

    @pytest.mark.parametrize("max_length", [1, 6, 7])
    def test_no_room(self, max_length: int) -> None:
        with pytest.raises(ValueError, match=f"maximum length of {max_length} bytes"):
            p_data_buffers(1, True, b"DATA", max_length)

    def test_views_of_other_types(self) -> None:
        wide = memoryview(bytes(8)).cast("I")
        assert sizes(p_data_buffers(1, False, wide, 0)) == [8]

    @QUIET
    @given(st.binary(max_size=200), st.integers(8, 60) | st.just(0), st.booleans(), st.booleans())
    def test_law(self, data: bytes, max_length: int, is_command: bool, last: bool) -> None:
        buffers = p_data_buffers(5, is_command, data, max_length, last)
        fragments = []
        for header, fragment in list(pairwise(buffers))[::2]:
            whole = bytes(header) + bytes(fragment)
            assert max_length == 0 or len(whole) - 6 <= max_length
            pdu = P_DATA_TF()
            pdu.decode(whole)
            ((context_id, control, part),) = pdu.to_primitive().pdvs
            assert (context_id, control & 1) == (5, is_command)
            fragments.append((part, control & 2))
        assert b"".join(part for part, _ in fragments) == data
        assert all(len(part) % 2 == 0 for part, _ in fragments[:-1])
        assert [bool(flag) for _, flag in fragments] == [False] * (len(fragments) - last) + (
            [True] * last
        )


# Laws ---------------------------------------------------------------------------------------

titles = st.text(
    st.characters(min_codepoint=0x21, max_codepoint=0x7E, exclude_characters="\\"), max_size=16
)
byte = st.integers(0, 0xFF)


def with_ids(contexts: list[Any]) -> list[Any]:
    """Give presentation context items different IDs."""
    for number, item in enumerate(contexts):
        vars(item)["presentation_context_id"] = 2 * number + 1
    return contexts


def pdus_of(kind: type[PDU], **values: st.SearchStrategy[Any]) -> st.SearchStrategy[PDU]:
    """Return a strategy for the PDUs of a class; nothing is checked, as when received."""

    def make(drawn: dict[str, Any]) -> PDU:
        pdu = kind()
        vars(pdu).update(drawn)
        return pdu

    return st.fixed_dictionaries(values).map(make)


def variable_items(contexts: st.SearchStrategy[Any], least: int) -> st.SearchStrategy[list[Any]]:
    """Return a strategy for the items of an A-ASSOCIATE PDU."""
    return st.tuples(
        application_contexts,
        st.lists(contexts, min_size=least, max_size=4).map(with_ids),
        user_informations,
    ).map(lambda drawn: [drawn[0], *drawn[1], drawn[2]])


version = st.integers(0, 0xFFFF)
all_pdus = st.one_of(
    pdus_of(
        A_ASSOCIATE_RQ,
        protocol_version=version,
        called_ae_title=titles,
        calling_ae_title=titles,
        variable_items=variable_items(request_contexts, 1),
    ),
    pdus_of(
        A_ASSOCIATE_AC,
        protocol_version=version,
        reserved_aec=titles,
        reserved_aet=titles,
        variable_items=variable_items(response_contexts, 0),
    ),
    pdus_of(A_ASSOCIATE_RJ, result=byte, source=byte, reason_diagnostic=byte),
    pdus_of(
        P_DATA_TF, presentation_data_value_items=st.lists(presentation_data_values, max_size=4)
    ),
    st.just(A_RELEASE_RQ()),
    st.just(A_RELEASE_RP()),
    pdus_of(A_ABORT_RQ, source=byte, reason_diagnostic=byte),
)


class TestLaws:
    @QUIET
    @given(all_pdus)
    def test_decode_reverses_encode(self, pdu: PDU) -> None:
        data = pdu.encode()
        other = decode_pdu(data[0], memoryview(data)[6:])
        assert other == pdu
        assert other.encode() == data
        assert len(pdu) == len(data)

    @QUIET
    @given(all_pdus)
    def test_primitives_are_encoded_as_their_pdus(self, pdu: PDU) -> None:
        """Whether their contexts have been looked at or not, the first time and later."""
        primitive, read = pdu.to_primitive(), pdu.to_primitive()
        try:
            expected = type(pdu)(read).encode()  # which reads the contexts
        except ValueError:  # what was received need not be fit to be sent
            with pytest.raises(ValueError):
                type(pdu)._encode_primitive(primitive)
            return
        for each in (primitive, read, primitive, read):
            assert type(pdu)._encode_primitive(each) == expected

    @pytest.mark.parametrize("pdu_type", PDU_TYPES)
    @QUIET
    @given(st.binary(max_size=150))
    def test_any_bytes(self, pdu_type: int, body: bytes) -> None:
        self.check_decoder(pdu_type, body)

    @QUIET
    @given(all_pdus, st.data())
    def test_damaged_pdus(self, pdu: PDU, data: st.DataObject) -> None:
        encoded = pdu.encode()
        body = bytearray(encoded[6:])
        for _ in range(data.draw(st.integers(0, 3)) if body else 0):
            body[data.draw(st.integers(0, len(body) - 1))] = data.draw(byte)
        self.check_decoder(encoded[0], bytes(body))
        self.check_decoder(encoded[0], bytes(body[: data.draw(st.integers(0, len(body)))]))

    def check_decoder(self, pdu_type: int, body: bytes) -> None:
        """What can be decoded can be used; if not, it is PDUDecodeError and nothing else."""
        pdu = decoded(lambda: decode_pdu(pdu_type, body))
        if pdu is not None:
            assert str(pdu).isascii()
            assert pdu.to_primitive() == pdu.to_primitive()
            assert decode_pdu(pdu_type, pdu.encode()[6:]) == pdu


def test_passwords_are_not_remembered() -> None:
    primitive = request()
    identity = UserIdentityNegotiation()
    identity.user_identity_type, identity.primary_field = 2, b"name"
    identity.secondary_field = b"password"
    primitive.user_information = [*primitive.user_information, identity]
    pdu_module._ENCODED_ITEMS.clear()
    assert b"password" in A_ASSOCIATE_RQ._encode_primitive(primitive)
    assert not pdu_module._ENCODED_ITEMS._values


def test_split_pdvs_bounds_their_number() -> None:
    one = b"\x00\x00\x00\x03\x01\x00\xff"
    assert len(split_pdvs(memoryview(one * 1024))) == 1024
    with pytest.raises(PDUDecodeError, match="more than 1024") as caught:
        split_pdvs(memoryview(one * 1025))
    assert caught.value.reason == 0
