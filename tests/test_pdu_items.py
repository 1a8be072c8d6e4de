"""Tests for the items and sub-items of PDUs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.uid import UID

from pynetdicom import pdu_items, pdu_primitives
from pynetdicom.errors import PDUDecodeError
from pynetdicom.pdu_items import (
    PDU_ITEM_TYPES,
    AbstractSyntaxSubItem,
    ApplicationContextItem,
    AsynchronousOperationsWindowSubItem,
    ImplementationClassUIDSubItem,
    ImplementationVersionNameSubItem,
    MaximumLengthSubItem,
    PDUItem,
    PresentationContextItem,
    PresentationContextItemAC,
    PresentationContextItemRQ,
    PresentationDataValueItem,
    SCP_SCU_RoleSelectionSubItem,
    SOPClassCommonExtendedNegotiationSubItem,
    SOPClassExtendedNegotiationSubItem,
    TransferSyntaxSubItem,
    UserIdentitySubItemAC,
    UserIdentitySubItemRQ,
    UserInformationItem,
)
from pynetdicom.presentation import PresentationContext
from pynetdicom.utils import make_uid
from tests.support.laws import QUIET
from tests.support.raw import item as raw_item

IMPLICIT = UID("1.2.840.10008.1.2")
EXPLICIT = UID("1.2.840.10008.1.2.1")
VERIFICATION = UID("1.2.840.10008.1.1")


def build(kind: type, **values: Any) -> Any:
    """Return an item with values that a user set."""
    item = kind()
    for name, value in values.items():
        setattr(item, name, value)
    return item


def syntaxes(abstract: str | None, *transfer: str) -> list[PDUItem]:
    """Return the sub-items of a presentation context."""
    items = [build(AbstractSyntaxSubItem, abstract_syntax_name=abstract)] if abstract else []
    return items + [build(TransferSyntaxSubItem, transfer_syntax_name=uid) for uid in transfer]


# Items, their bytes and their log form
VECTORS: list[tuple[PDUItem, bytes, str]] = [
    (
        ApplicationContextItem(),
        b"\x10\x00\x00\x151.2.840.10008.3.1.1.1",
        "Application context: DICOM Application Context Name",
    ),
    (
        build(AbstractSyntaxSubItem, abstract_syntax_name=VERIFICATION),
        b"\x30\x00\x00\x111.2.840.10008.1.1",
        "Abstract syntax: Verification SOP Class",
    ),
    (
        build(TransferSyntaxSubItem, transfer_syntax_name=IMPLICIT),
        b"\x40\x00\x00\x111.2.840.10008.1.2",
        "Transfer syntax: Implicit VR Little Endian",
    ),
    (
        build(
            PresentationContextItemRQ,
            presentation_context_id=5,
            abstract_transfer_syntax_sub_items=syntaxes(VERIFICATION, IMPLICIT, EXPLICIT),
        ),
        b"\x20\x00\x00\x45\x05\x00\x00\x00"
        b"\x30\x00\x00\x111.2.840.10008.1.1"
        b"\x40\x00\x00\x111.2.840.10008.1.2"
        b"\x40\x00\x00\x131.2.840.10008.1.2.1",
        "Presentation context 5: Verification SOP Class\n"
        "  Implicit VR Little Endian\n"
        "  Explicit VR Little Endian",
    ),
    (
        build(
            PresentationContextItemAC,
            presentation_context_id=255,
            result_reason=0,
            transfer_syntax_sub_item=syntaxes(None, IMPLICIT),
        ),
        b"\x21\x00\x00\x19\xff\x00\x00\x00\x40\x00\x00\x111.2.840.10008.1.2",
        "Presentation context 255: Accepted, Implicit VR Little Endian",
    ),
    (
        build(PresentationContextItemAC, presentation_context_id=3, result_reason=4),
        b"\x21\x00\x00\x04\x03\x00\x04\x00",
        "Presentation context 3: Transfer Syntax(es) Not Supported",
    ),
    (
        build(MaximumLengthSubItem, maximum_length_received=16382),
        b"\x51\x00\x00\x04\x00\x00\x3f\xfe",
        "Maximum length: 16382",
    ),
    (
        build(ImplementationClassUIDSubItem, implementation_class_uid="1.2.3"),
        b"\x52\x00\x00\x051.2.3",
        "Implementation class UID: 1.2.3",
    ),
    (
        build(
            AsynchronousOperationsWindowSubItem,
            maximum_number_operations_invoked=1,
            maximum_number_operations_performed=258,
        ),
        b"\x53\x00\x00\x04\x00\x01\x01\x02",
        "Asynchronous operations window: 1 invoked, 258 performed",
    ),
    (
        build(SCP_SCU_RoleSelectionSubItem, sop_class_uid="1.2.3", scu_role=False, scp_role=True),
        b"\x54\x00\x00\x09\x00\x051.2.3\x00\x01",
        "Role selection: 1.2.3, requestor is SCP",
    ),
    (
        build(ImplementationVersionNameSubItem, implementation_version_name="NAME_1"),
        b"\x55\x00\x00\x06NAME_1",
        "Implementation version name: NAME_1",
    ),
    (
        build(
            SOPClassExtendedNegotiationSubItem,
            sop_class_uid="1.2.3",
            service_class_application_information=b"\x01\x00\x01",
        ),
        b"\x56\x00\x00\x0a\x00\x051.2.3\x01\x00\x01",
        "SOP class extended negotiation: 1.2.3, 01 00 01",
    ),
    (
        build(
            SOPClassExtendedNegotiationSubItem,
            sop_class_uid="1.2.3",
            service_class_application_information=b"",
        ),
        b"\x56\x00\x00\x07\x00\x051.2.3",
        "SOP class extended negotiation: 1.2.3, no information",
    ),
    (
        build(
            SOPClassCommonExtendedNegotiationSubItem,
            sop_class_uid="1.2.3",
            service_class_uid="1.2.4",
            related_general_sop_class_identification=["1.2.5", "1.2.66"],
        ),
        b"\x57\x00\x00\x1f\x00\x051.2.3\x00\x051.2.4\x00\x0f\x00\x051.2.5\x00\x061.2.66",
        "SOP class common extended negotiation: 1.2.3, service class 1.2.4, "
        "related general SOP classes: 1.2.5, 1.2.66",
    ),
    (
        build(
            SOPClassCommonExtendedNegotiationSubItem,
            sub_item_version=1,
            sop_class_uid="1.2.3",
            service_class_uid="1.2.4",
        ),
        b"\x57\x01\x00\x10\x00\x051.2.3\x00\x051.2.4\x00\x00",
        "SOP class common extended negotiation: 1.2.3, service class 1.2.4, "
        "related general SOP classes: (none)",
    ),
    (
        build(
            UserIdentitySubItemRQ,
            user_identity_type=2,
            positive_response_requested=True,
            primary_field=b"me",
            secondary_field=b"SECRET",
        ),
        b"\x58\x00\x00\x0e\x02\x01\x00\x02me\x00\x06SECRET",
        "User identity: Username and passcode ('me'), positive response requested",
    ),
    *(
        (
            build(
                UserIdentitySubItemRQ,
                user_identity_type=kind,
                positive_response_requested=False,
                primary_field=b"SECRET",
            ),
            bytes((0x58, 0, 0, 0x0C, kind, 0, 0, 6)) + b"SECRET\x00\x00",
            f"User identity: {name}, positive response not requested",
        )
        for kind, name in [
            (1, "Username ('SECRET')"),
            (3, "Kerberos service ticket (not shown)"),
            (4, "SAML assertion (not shown)"),
            (5, "JSON web token (not shown)"),
            (6, "Unknown (6) (not shown)"),
        ]
    ),
    (
        build(UserIdentitySubItemAC, server_response=b"SECRET"),
        b"\x59\x00\x00\x08\x00\x06SECRET",
        "User identity: response of the server (not shown)",
    ),
    (
        build(UserIdentitySubItemAC, server_response=b""),
        b"\x59\x00\x00\x02\x00\x00",
        "User identity: response of the server (not shown)",
    ),
    (
        build(
            UserInformationItem,
            user_data=[
                build(MaximumLengthSubItem, maximum_length_received=0),
                build(ImplementationClassUIDSubItem, implementation_class_uid="1.2"),
            ],
        ),
        b"\x50\x00\x00\x0f\x51\x00\x00\x04\x00\x00\x00\x00\x52\x00\x00\x031.2",
        "User information\n  Maximum length: unlimited\n  Implementation class UID: 1.2",
    ),
    (UserInformationItem(), b"\x50\x00\x00\x00", "User information"),
    (
        build(
            PresentationDataValueItem,
            presentation_context_id=1,
            presentation_data_value=b"\x03DATA",
        ),
        b"\x00\x00\x00\x06\x01\x03DATA",
        "Presentation data value: context 1, command, last fragment, 4 bytes",
    ),
]
ITEM_CLASSES = [*PDU_ITEM_TYPES.values(), PresentationDataValueItem]


class TestVectors:
    @pytest.mark.parametrize(("item", "data", "text"), VECTORS)
    def test_encode(self, item: PDUItem, data: bytes, text: str) -> None:
        assert item.encode() == data
        assert len(item) == len(data)
        assert item.item_length == len(data) - 4

    @pytest.mark.parametrize(("item", "data", "text"), VECTORS)
    def test_decode(self, item: PDUItem, data: bytes, text: str) -> None:
        other = type(item)()
        other.decode(data)
        assert other == item

    @pytest.mark.parametrize(("item", "data", "text"), VECTORS)
    def test_log_form(self, item: PDUItem, data: bytes, text: str) -> None:
        assert str(item) == text

    @pytest.mark.parametrize(("item", "data", "text"), VECTORS)
    def test_type(self, item: PDUItem, data: bytes, text: str) -> None:
        if isinstance(item, PresentationDataValueItem):
            with pytest.raises(NotImplementedError):
                _ = item.item_type
        else:
            assert item.item_type == data[0]
            assert PDU_ITEM_TYPES[data[0]] is type(item)

    @pytest.mark.parametrize(("item", "data", "text"), VECTORS)
    def test_truncated_anywhere(self, item: PDUItem, data: bytes, text: str) -> None:
        for end in range(len(data)):
            with pytest.raises(PDUDecodeError):
                type(item)().decode(data[:end])

    @pytest.mark.parametrize(("item", "data", "text"), VECTORS)
    def test_one_byte_more(self, item: PDUItem, data: bytes, text: str) -> None:
        with pytest.raises(PDUDecodeError):
            type(item)().decode(data + b"\0")

    @pytest.mark.parametrize("kind", ITEM_CLASSES)
    def test_equality(self, kind: type[PDUItem]) -> None:
        assert kind() == kind()
        assert kind() != 1
        with pytest.raises(TypeError):
            hash(kind())

    @pytest.mark.parametrize("kind", ITEM_CLASSES)
    def test_empty_ones_can_be_shown(self, kind: type[PDUItem]) -> None:
        assert str(kind())
        assert kind().encode()

    def test_item_types(self) -> None:
        assert sorted(PDU_ITEM_TYPES) == [0x10, 0x20, 0x21, 0x30, 0x40, *range(0x50, 0x5A)]

    def test_every_class_has_a_vector(self) -> None:
        assert {type(item) for item, _, _ in VECTORS} == set(ITEM_CLASSES)


class TestLeniency:
    @pytest.mark.parametrize("data", [data for item, data, _ in VECTORS if data[0] >= 0x10])
    def test_reserved_byte_of_the_header(self, data: bytes) -> None:
        kind = PDU_ITEM_TYPES[data[0]]
        item, other = kind(), kind()
        item.decode(data)
        other.decode(data[:1] + b"\x7f" + data[2:])
        if kind is SOPClassCommonExtendedNegotiationSubItem:
            assert other.sub_item_version == 0x7F
        else:
            assert other == item

    @pytest.mark.parametrize(
        ("kind", "name"),
        [
            (ApplicationContextItem, "application_context_name"),
            (AbstractSyntaxSubItem, "abstract_syntax_name"),
            (TransferSyntaxSubItem, "transfer_syntax_name"),
            (ImplementationClassUIDSubItem, "implementation_class_uid"),
        ],
    )
    @pytest.mark.parametrize(
        ("sent", "received"),
        [
            (b"1.2.3\0", "1.2.3"),
            (b"1.2.3 ", "1.2.3"),
            (b"", ""),
            (b"unknown", "unknown"),
            (b"1.002.3", "1.002.3"),
            (b"1." * 100, "1." * 100),
            (b"1.2\xff", "1.2\xff"),
        ],
    )
    def test_uids(self, kind: type[PDUItem], name: str, sent: bytes, received: str) -> None:
        item = kind()
        item.decode(raw_item(PDUItem.item_type.fget(item), sent))
        assert type(getattr(item, name)) is UID
        assert getattr(item, name) == received
        assert str(item).isascii()

    def test_uids_behind_a_length(self) -> None:
        item = SCP_SCU_RoleSelectionSubItem()
        item.decode(raw_item(0x54, b"\x00\x061.2.3\x00\x01\x02"))
        assert (item.sop_class_uid, item.scu_role, item.scp_role) == ("1.2.3", True, True)

    @pytest.mark.parametrize(
        ("sent", "received"),
        [(b"NAME ", "NAME"), (b"NAME\0", "NAME"), (b"N\xc4ME", "N\xc4ME"), (b"", "")],
    )
    def test_version_name(self, sent: bytes, received: str) -> None:
        item = ImplementationVersionNameSubItem()
        item.decode(raw_item(0x55, sent))
        assert item.implementation_version_name == received
        assert item.to_primitive().implementation_version_name == received
        assert str(item).isascii()

    def test_reserved_bytes_of_contexts(self) -> None:
        one, other = PresentationContextItemRQ(), PresentationContextItemRQ()
        subs = b"".join(item.encode() for item in syntaxes("1.2", "1.3"))
        one.decode(raw_item(0x20, b"\x01\x00\x00\x00" + subs))
        other.decode(raw_item(0x20, b"\x01abc" + subs))
        assert one == other
        assert other.encode() == raw_item(0x20, b"\x01\x00\x00\x00" + subs)

    @pytest.mark.parametrize("subs", [b"", raw_item(0x40), raw_item(0x40, b"1.2") * 2])
    def test_syntax_of_a_rejected_context(self, subs: bytes) -> None:
        item = PresentationContextItemAC()
        item.decode(raw_item(0x21, b"\x01\x00\x03\x00" + subs))
        assert (item.context_id, item.result) == (1, 3)
        assert item.to_primitive().transfer_syntax == syntax_list(item)

    def test_unknown_sub_items_are_skipped(self) -> None:
        item = PresentationContextItemRQ()
        subs = raw_item(0xEE, b"?").join(sub.encode() for sub in syntaxes("1.2", "1.3"))
        item.decode(raw_item(0x20, b"\x01\x00\x00\x00" + subs))
        assert (item.abstract_syntax, item.transfer_syntax) == ("1.2", ["1.3"])
        user = UserInformationItem()
        user.decode(raw_item(0x50, raw_item(0xEE, b"?") + raw_item(0x51, bytes(4))))
        assert user.user_data == [build(MaximumLengthSubItem, maximum_length_received=0)]

    def test_further_fields_of_common_extended_negotiation(self) -> None:
        item = SOPClassCommonExtendedNegotiationSubItem()
        item.decode(b"\x57\x01\x00\x14\x00\x051.2.3\x00\x051.2.4\x00\x00more")
        assert (item.sop_class_uid, item.service_class_uid) == ("1.2.3", "1.2.4")
        assert item.related_general_sop_class_identification == []


def syntax_list(item: PresentationContextItemAC) -> list[UID]:
    """Return the transfer syntax of a context as a list."""
    return [] if item.transfer_syntax is None else [item.transfer_syntax]


RQ_HEAD, AC_HEAD = b"\x01\x00\x00\x00", b"\x01\x00\x00\x00"
ABSTRACT, TRANSFER = raw_item(0x30, b"1.2"), raw_item(0x40, b"1.3")


class TestMalformed:
    @pytest.mark.parametrize(
        ("kind", "value", "message", "reason"),
        [
            (PresentationContextItemRQ, b"\x01\x00\x00", "3 bytes are too few", 6),
            (PresentationContextItemRQ, RQ_HEAD, "context 1 lacks a syntax", 6),
            (PresentationContextItemRQ, RQ_HEAD + ABSTRACT, "lacks a syntax", 6),
            (PresentationContextItemRQ, RQ_HEAD + TRANSFER, "lacks a syntax", 6),
            (
                PresentationContextItemRQ,
                RQ_HEAD + ABSTRACT * 2 + TRANSFER,
                "several abstract syntaxes",
                5,
            ),
            (PresentationContextItemRQ, RQ_HEAD + ABSTRACT + TRANSFER[:-1], "are left", 6),
            (PresentationContextItemRQ, RQ_HEAD + ABSTRACT + TRANSFER + b"\0", "header", 6),
            (PresentationContextItemAC, b"", "0 bytes are too few", 6),
            (PresentationContextItemAC, AC_HEAD, "Accepted presentation context 1 lacks", 6),
            (PresentationContextItemAC, AC_HEAD + ABSTRACT, "lacks a syntax", 6),
            (PresentationContextItemAC, AC_HEAD + TRANSFER * 2, "several transfer syntaxes", 5),
            (PresentationContextItemAC, AC_HEAD + raw_item(0x40, b"1", 2), "are left", 6),
            (PresentationContextItemAC, b"\x01\0\3\0" + raw_item(0x40, b"1", 2), "are left", 6),
            (MaximumLengthSubItem, bytes(3), "4 bytes expected", 6),
            (MaximumLengthSubItem, bytes(5), "1 bytes too many", 6),
            (AsynchronousOperationsWindowSubItem, bytes(3), "2 bytes expected", 6),
            (SCP_SCU_RoleSelectionSubItem, b"\x00\x031.2\x00", "1 bytes expected", 6),
            (SCP_SCU_RoleSelectionSubItem, b"\x00\x051.2\x00\x01", "1 bytes expected", 6),
            (SCP_SCU_RoleSelectionSubItem, b"\x00\x021.2\x00\x01", "1 bytes too many", 6),
            (SOPClassExtendedNegotiationSubItem, b"\x00", "2 bytes expected", 6),
            (SOPClassExtendedNegotiationSubItem, b"\x00\x041.2", "4 bytes expected", 6),
            (SOPClassCommonExtendedNegotiationSubItem, b"\0\0\0\0\0\3\0\1", "3 bytes exp", 6),
            (SOPClassCommonExtendedNegotiationSubItem, b"\0\0\0\0\0\3\0\5a", "5 bytes exp", 6),
            (UserIdentitySubItemRQ, b"\x01", "1 bytes expected", 6),
            (UserIdentitySubItemRQ, b"\x01\x00\x00\x02a", "2 bytes expected", 6),
            (UserIdentitySubItemRQ, b"\x01\x00\x00\x01a", "2 bytes expected", 6),
            (UserIdentitySubItemRQ, b"\x01\x00\x00\x01a\x00\x00?", "1 bytes too many", 6),
            (UserIdentitySubItemAC, b"\x00\x02a", "2 bytes expected", 6),
            (UserIdentitySubItemAC, b"\x00\x00a", "1 bytes too many", 6),
            *(
                (UserInformationItem, raw_item(kind, value) * 2, "more than 1", 5)
                for kind, value in [
                    (0x51, bytes(4)),
                    (0x52, b"1.2"),
                    (0x53, bytes(4)),
                    (0x55, b"A"),
                    (0x58, b"\x01\x00\x00\x01a\x00\x00"),
                    (0x59, b"\x00\x00"),
                ]
            ),
            (UserInformationItem, raw_item(0x51, bytes(4), 5), "are left", 6),
            (UserInformationItem, raw_item(0x51, b""), "4 bytes expected", 6),
        ],
    )
    def test_value(self, kind: type[PDUItem], value: bytes, message: str, reason: int) -> None:
        with pytest.raises(PDUDecodeError, match=message) as caught:
            kind().decode(raw_item(PDUItem.item_type.fget(kind()), value))
        assert caught.value.reason == reason

    @pytest.mark.parametrize("data", [b"\0\0\0\0", b"\0\0\0\1\1", b"\0\0\0\2\1", b"\0\0\0\2\1\0\0"])
    def test_presentation_data_value(self, data: bytes) -> None:
        with pytest.raises(PDUDecodeError):
            PresentationDataValueItem().decode(data)

    def test_messages_name_the_item_but_not_its_value(self) -> None:
        with pytest.raises(PDUDecodeError, match=r"^UserIdentitySubItemRQ: ") as caught:
            UserIdentitySubItemRQ().decode(raw_item(0x58, b"\x02\x00\x00\x01a\x00\x09SECRET"))
        assert "SECRET" not in str(caught.value)


class TestPresentationContexts:
    def test_request(self) -> None:
        context = PresentationContext()
        context.context_id = 3
        context.abstract_syntax = VERIFICATION
        context.transfer_syntax = [IMPLICIT, EXPLICIT]
        item = PresentationContextItemRQ()
        item.from_primitive(context)
        assert item.context_id == item.presentation_context_id == 3
        assert item.abstract_syntax == VERIFICATION
        assert item.transfer_syntax == [IMPLICIT, EXPLICIT]
        assert item.abstract_transfer_syntax_sub_items == syntaxes(VERIFICATION, IMPLICIT, EXPLICIT)
        assert item.to_primitive() == context

    def test_context_without_syntaxes(self) -> None:
        item = PresentationContextItemRQ()
        item.from_primitive(PresentationContext())
        assert item == PresentationContextItemRQ()
        assert item.to_primitive() == PresentationContext()

    @pytest.mark.parametrize("result", [0, 1, 2, 3, 4])
    def test_response(self, result: int) -> None:
        context = PresentationContext()
        context.context_id = 3
        context.transfer_syntax = [IMPLICIT]
        context.result = result
        item = PresentationContextItemAC()
        item.from_primitive(context)
        assert (item.context_id, item.result, item.result_reason) == (3, result, result)
        assert item.transfer_syntax == IMPLICIT
        assert item.transfer_syntax_sub_item == syntaxes(None, IMPLICIT)
        assert item.result_str == context.status
        assert item.to_primitive() == context

    def test_response_has_one_syntax(self) -> None:
        context = PresentationContext()
        context.context_id = 3
        context.transfer_syntax = [IMPLICIT, EXPLICIT]
        context.result = 3
        item = PresentationContextItemAC()
        item.from_primitive(context)
        assert item.transfer_syntax_sub_item == syntaxes(None, IMPLICIT)

    def test_defaults(self) -> None:
        request, response = PresentationContextItemRQ(), PresentationContextItemAC()
        assert (request.abstract_syntax, request.transfer_syntax) == (None, [])
        assert (response.transfer_syntax, response.result_str) == (None, "(no value available)")

    def test_unknown_result(self) -> None:
        item = PresentationContextItemAC()
        item.decode(raw_item(0x21, b"\x01\x00\xee\x00"))
        assert item.result_str == "Unknown"
        assert item.to_primitive().result == 0xEE

    @pytest.mark.parametrize("value", [0, 256])
    def test_context_id_must_fit(self, value: int) -> None:
        with pytest.raises(ValueError):
            PresentationContextItemRQ().presentation_context_id = value

    def test_sub_item_lists_are_copies(self) -> None:
        item = build(
            PresentationContextItemRQ,
            abstract_transfer_syntax_sub_items=syntaxes(VERIFICATION, IMPLICIT),
        )
        item.abstract_transfer_syntax_sub_items[1].transfer_syntax_name = EXPLICIT
        item.transfer_syntax.append(EXPLICIT)
        assert item.transfer_syntax == [IMPLICIT]

    def test_many_long_syntaxes(self) -> None:
        uids = [f"1.2.{'3' * 50}.{n}" for n in range(100, 228)]
        item = build(
            PresentationContextItemRQ,
            presentation_context_id=1,
            abstract_transfer_syntax_sub_items=syntaxes("1.2", *uids),
        )
        data = item.encode()
        before = pdu_items._decode_syntaxes_memo.cache_info().currsize
        other = PresentationContextItemRQ()
        other.decode(data)
        assert other == item
        assert other.transfer_syntax == uids
        # What is that long is not kept
        assert pdu_items._decode_syntaxes_memo.cache_info().currsize == before

    def test_too_many_syntaxes_to_encode(self) -> None:
        context = PresentationContext()
        context.abstract_syntax = VERIFICATION
        context.transfer_syntax = [f"1.2.{'3' * 55}.{n}" for n in range(1000, 2100)]
        item = PresentationContextItemRQ()
        item.from_primitive(context)
        with pytest.raises(ValueError, match="too long"):
            item.encode()

    def test_base_class(self) -> None:
        with pytest.raises(NotImplementedError):
            PresentationContextItem().from_primitive(PresentationContext())


class TestAliases:
    def test_read_only_names(self) -> None:
        item: Any = build(AbstractSyntaxSubItem, abstract_syntax_name="1.2")
        assert item.abstract_syntax == "1.2"
        item = build(TransferSyntaxSubItem, transfer_syntax_name="1.2")
        assert item.transfer_syntax == "1.2"
        item = build(
            AsynchronousOperationsWindowSubItem,
            maximum_number_operations_invoked=1,
            maximum_number_operations_performed=2,
        )
        assert (item.max_operations_invoked, item.max_operations_performed) == (1, 2)
        item = build(SCP_SCU_RoleSelectionSubItem, sop_class_uid="1.2", scu_role=1, scp_role=0)
        assert (item.uid, item.uid_length, item.scu, item.scp) == ("1.2", 3, 1, 0)
        item = build(
            SOPClassExtendedNegotiationSubItem,
            sop_class_uid="1.2",
            service_class_application_information=b"a",
        )
        assert (item.uid, item.sop_class_uid_length, item.app_info) == ("1.2", 3, b"a")
        item = build(
            SOPClassCommonExtendedNegotiationSubItem,
            sop_class_uid="1.2",
            service_class_uid="1.23",
            related_general_sop_class_identification=["1.2"],
        )
        assert (item.sop_class_uid_length, item.service_class_uid_length) == (3, 4)
        assert item.related_general_sop_class_identification_length == 5
        item = build(
            UserIdentitySubItemRQ,
            user_identity_type=2,
            positive_response_requested=True,
            primary_field=b"a",
            secondary_field=b"bc",
        )
        assert (item.id_type, item.id_type_str) == (2, "Username and passcode")
        assert (item.primary, item.primary_field_length) == (b"a", 1)
        assert (item.secondary, item.secondary_field_length) == (b"bc", 2)
        assert item.response_requested is True
        item = build(UserIdentitySubItemAC, server_response=b"abc")
        assert (item.response, item.server_response_length) == (b"abc", 3)
        with pytest.raises(AttributeError):
            item.response = b""

    def test_presentation_data_value(self) -> None:
        item = PresentationDataValueItem()
        with pytest.raises(ValueError, match="no message control header"):
            _ = item.message_control_header_byte
        item.presentation_context_id = 1
        item.presentation_data_value = b"\x02abc"
        assert (item.context_id, item.data) == (1, b"\x02abc")
        assert item.message_control_header_byte == "00000010"


class TestUserInformation:
    def test_empty(self) -> None:
        item = UserInformationItem()
        assert item.maximum_length is None
        assert item.implementation_class_uid is None
        assert item.implementation_version_name is None
        assert item.async_ops_window is None
        assert item.user_identity is None
        assert item.role_selection == {}
        assert item.ext_neg == []
        assert item.common_ext_neg == []
        assert item.to_primitive() == []

    def test_full(self) -> None:
        role = build(SCP_SCU_RoleSelectionSubItem, sop_class_uid="1.4", scu_role=1, scp_role=0)
        window = build(
            AsynchronousOperationsWindowSubItem,
            maximum_number_operations_invoked=1,
            maximum_number_operations_performed=1,
        )
        extended = build(
            SOPClassExtendedNegotiationSubItem,
            sop_class_uid="1.5",
            service_class_application_information=b"a",
        )
        common = build(
            SOPClassCommonExtendedNegotiationSubItem, sop_class_uid="1.6", service_class_uid="1.7"
        )
        identity = build(UserIdentitySubItemAC, server_response=b"")
        item = UserInformationItem()
        item.user_data = [
            build(MaximumLengthSubItem, maximum_length_received=1),
            build(ImplementationClassUIDSubItem, implementation_class_uid="1.2"),
            build(ImplementationVersionNameSubItem, implementation_version_name="NAME"),
            window,
            role,
            extended,
            common,
            identity,
        ]
        assert item.maximum_length == 1
        assert item.implementation_class_uid == "1.2"
        assert item.implementation_version_name == "NAME"
        assert item.async_ops_window is window
        assert item.role_selection == {"1.4": role}
        assert item.ext_neg == [extended]
        assert item.common_ext_neg == [common]
        assert item.user_identity is identity

        other = UserInformationItem()
        other.from_primitive(item.to_primitive())
        assert other == item
        again = UserInformationItem()
        again.decode(item.encode())
        assert again == item

    def test_identity_of_a_request(self) -> None:
        item = UserInformationItem()
        identity = build(UserIdentitySubItemRQ, user_identity_type=1, primary_field=b"me")
        item.user_data = [identity]
        assert item.user_identity is identity

    def test_incomplete_primitive(self) -> None:
        with pytest.raises(ValueError, match="needs a 'implementation_class_uid'"):
            UserInformationItem().from_primitive(
                [pdu_primitives.ImplementationClassUIDNotification()]
            )


# Laws ---------------------------------------------------------------------------------------

uids = st.text("0123456789.", min_size=1, max_size=64).map(make_uid)
short_bytes = st.binary(max_size=40)
printable = st.characters(min_codepoint=0x21, max_codepoint=0x7E, exclude_characters="\\")


def items_of(kind: type[PDUItem], **values: st.SearchStrategy[Any]) -> st.SearchStrategy[PDUItem]:
    """Return a strategy for the items of a class; nothing is checked, as when received."""

    def make(drawn: dict[str, Any]) -> PDUItem:
        item = kind()
        vars(item).update(drawn)
        return item

    return st.fixed_dictionaries(values).map(make)


byte = st.integers(0, 0xFF)
context_ids = st.integers(0, 127).map(lambda n: 2 * n + 1)
transfer_syntaxes = st.lists(uids, min_size=1, max_size=5).map(tuple)
request_contexts = items_of(
    PresentationContextItemRQ,
    presentation_context_id=context_ids,
    _syntaxes=st.tuples(st.tuples(uids), transfer_syntaxes),
)
response_contexts = items_of(
    PresentationContextItemAC,
    presentation_context_id=context_ids,
    result_reason=byte,
    _syntaxes=st.tuples(st.just(()), st.tuples(uids)),
)
single_items = [
    items_of(MaximumLengthSubItem, maximum_length_received=st.integers(0, 2**32 - 1)),
    items_of(ImplementationClassUIDSubItem, implementation_class_uid=uids),
    items_of(
        AsynchronousOperationsWindowSubItem,
        maximum_number_operations_invoked=st.integers(0, 65535),
        maximum_number_operations_performed=st.integers(0, 65535),
    ),
    items_of(
        ImplementationVersionNameSubItem,
        implementation_version_name=st.text(printable, min_size=1, max_size=16),
    ),
    items_of(
        UserIdentitySubItemRQ,
        user_identity_type=byte,
        positive_response_requested=st.booleans(),
        primary_field=short_bytes,
        secondary_field=short_bytes,
    ),
    items_of(UserIdentitySubItemAC, server_response=short_bytes),
]
repeated_items = [
    items_of(
        SCP_SCU_RoleSelectionSubItem,
        sop_class_uid=uids,
        scu_role=st.booleans(),
        scp_role=st.booleans(),
    ),
    items_of(
        SOPClassExtendedNegotiationSubItem,
        sop_class_uid=uids,
        service_class_application_information=short_bytes,
    ),
    items_of(
        SOPClassCommonExtendedNegotiationSubItem,
        sub_item_version=byte,
        sop_class_uid=uids,
        service_class_uid=uids,
        related_general_sop_class_identification=st.lists(uids, max_size=4),
    ),
]
user_informations = items_of(
    UserInformationItem,
    user_data=st.tuples(
        st.tuples(*(st.lists(items, max_size=1) for items in single_items)),
        st.lists(st.one_of(repeated_items), max_size=4),
    ).map(lambda drawn: [item for items in (*drawn[0], drawn[1]) for item in items]),
)
application_contexts = items_of(ApplicationContextItem, application_context_name=uids)
presentation_data_values = items_of(
    PresentationDataValueItem,
    presentation_context_id=byte,
    presentation_data_value=st.binary(min_size=1, max_size=40),
)
all_items = st.one_of(
    application_contexts,
    items_of(AbstractSyntaxSubItem, abstract_syntax_name=uids),
    items_of(TransferSyntaxSubItem, transfer_syntax_name=uids),
    request_contexts,
    response_contexts,
    *single_items,
    *repeated_items,
    user_informations,
    presentation_data_values,
)


class TestLaws:
    @QUIET
    @given(all_items)
    def test_decode_reverses_encode(self, item: PDUItem) -> None:
        data = item.encode()
        other = type(item)()
        other.decode(data)
        assert other == item
        assert other.encode() == data
        assert len(item) == len(data)

    @QUIET
    @given(st.one_of(*single_items[:5], *repeated_items[1:]))
    def test_from_primitive_reverses_to_primitive(self, item: Any) -> None:
        primitive = item.to_primitive()
        other = type(item)()
        try:
            other.from_primitive(primitive)
        except ValueError:
            assert (item.user_identity_type, item.secondary_field) == (2, b"")
        else:
            vars(other).update(sub_item_version(item))
            assert other == item

    @QUIET
    @given(st.one_of(request_contexts, response_contexts))
    def test_contexts_from_primitive(
        self, item: PresentationContextItemRQ | PresentationContextItemAC
    ) -> None:
        other = type(item)()
        other.from_primitive(item.to_primitive())
        assert other == item

    @pytest.mark.parametrize("kind", ITEM_CLASSES)
    @QUIET
    @given(st.data())
    def test_any_bytes(self, kind: type[PDUItem], data: st.DataObject) -> None:
        value = data.draw(st.binary(max_size=80) | nested_items)
        self.check_decoder(kind, lambda item: item._decode_value(value))

    @QUIET
    @given(all_items, st.data())
    def test_damaged_items(self, item: PDUItem, data: st.DataObject) -> None:
        damaged = bytearray(item.encode())
        for _ in range(data.draw(st.integers(1, 3))):
            damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(byte)
        cut = data.draw(st.integers(0, len(damaged)))
        self.check_decoder(type(item), lambda other: other.decode(bytes(damaged)))
        self.check_decoder(type(item), lambda other: other.decode(bytes(damaged[:cut])))

    def check_decoder(self, kind: type[PDUItem], decode: Callable[[PDUItem], None]) -> None:
        """What can be decoded can be used; if not, it is PDUDecodeError and nothing else."""
        item: Any = kind()
        if decoded(lambda: decode(item) or item) is not None:
            assert str(item).isascii()
            if hasattr(item, "to_primitive"):
                item.to_primitive()
            again = kind()
            again.decode(item.encode())
            assert again == item


def decoded(decode: Callable[[], Any]) -> Any:
    """Return what `decode` returns, None if it says that the bytes are malformed."""
    try:
        return decode()
    except PDUDecodeError as exc:
        if exc.reason not in {0, 5, 6}:
            raise
        return None


nested_items = st.lists(
    st.builds(raw_item, st.sampled_from([*PDU_ITEM_TYPES, 0xEE]), st.binary(max_size=20)),
    max_size=4,
).map(b"".join)


def sub_item_version(item: PDUItem) -> dict[str, int]:
    """Return what primitives do not carry."""
    return {name: v for name, v in vars(item).items() if name == "sub_item_version"}
