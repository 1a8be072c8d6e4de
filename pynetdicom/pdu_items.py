"""The items and sub-items of PDUs (PS3.8 9.3, PS3.8 Annex D, PS3.7 Annex D.3.3).

Each class declares its fields in the order of the table that its docstring names; the declaration
is encoder and decoder in one, see :mod:`pynetdicom._wire`. Type and length, which every item
begins with, are the base class's matter.
"""

from __future__ import annotations

from functools import lru_cache
from struct import Struct
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from pynetdicom._globals import APPLICATION_CONTEXT_NAME
from pynetdicom._wire import (  # noqa: F401 - some are here because they are public by this name
    ANY_NUMBER,
    AT_MOST_ONCE,
    PACK_UCHAR,
    PACK_UINT2,
    PACK_UINT4,
    PDU_ITEM_TYPES,
    UCHAR,
    UINT2,
    UINT4,
    UNPACK_UCHAR,
    UNPACK_UINT2,
    UNPACK_UINT4,
    Bytes,
    BytesBlock,
    Field,
    Flag,
    ItemList,
    Number,
    PDUItem,
    Reader,
    ReservedRest,
    Text,
    UIDBlock,
    UIDListBlock,
    UIDText,
    WireField,
    Writer,
    alias,
    copy_values,
    decode_uid,
    encode_text,
    integer,
    length_of,
    optional,
    version_name,
)
from pynetdicom.errors import PDUDecodeError
from pynetdicom.pdu_primitives import (
    NO_VALUE,
    USER_IDENTITY_TYPES,
    AsynchronousOperationsWindowNegotiation,
    ImplementationClassUIDNotification,
    ImplementationVersionNameNotification,
    MaximumLengthNotification,
    SCP_SCU_RoleSelectionNegotiation,
    ServiceParameter,
    SOPClassCommonExtendedNegotiation,
    SOPClassExtendedNegotiation,
    UserIdentityNegotiation,
    describe_pdv,
    describe_uid,
    meaning,
)
from pynetdicom.presentation import PresentationContext
from pynetdicom.utils import shown_uid

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pydicom.uid import UID

_ItemT = TypeVar("_ItemT", bound=PDUItem)


class ApplicationContextItem(PDUItem, item_type=0x10):
    """The application context (PS3.8 Table 9-12).

    Attributes
    ----------
    application_context_name : pydicom.uid.UID or None
        Its name.
    """

    application_context_name = UIDText(APPLICATION_CONTEXT_NAME)

    def from_primitive(self, primitive: UID) -> None:
        """Take the name from a primitive."""
        self.__dict__["application_context_name"] = primitive

    def __str__(self) -> str:
        return f"Application context: {describe_uid(self.application_context_name)}"


# Presentation contexts ----------------------------------------------------------------------


class AbstractSyntaxSubItem(PDUItem, item_type=0x30):
    """The abstract syntax of a presentation context (PS3.8 Table 9-14).

    Attributes
    ----------
    abstract_syntax_name : pydicom.uid.UID or None
        Its UID.
    """

    abstract_syntax_name = UIDText()
    abstract_syntax = alias("abstract_syntax_name")

    def __str__(self) -> str:
        return f"Abstract syntax: {describe_uid(self.abstract_syntax_name)}"


class TransferSyntaxSubItem(PDUItem, item_type=0x40):
    """A transfer syntax of a presentation context (PS3.8 Tables 9-15 and 9-19).

    Attributes
    ----------
    transfer_syntax_name : pydicom.uid.UID or None
        Its UID.
    """

    transfer_syntax_name = UIDText()
    transfer_syntax = alias("transfer_syntax_name")

    def __str__(self) -> str:
        return f"Transfer syntax: {describe_uid(self.transfer_syntax_name)}"


# A request may hold 128 contexts with many sub-items each, and an AE meets the same few
# combinations of syntaxes in association after association. A context therefore keeps the UIDs
# alone, as (abstract syntaxes, transfer syntaxes), and combinations once converted are remembered;
# except very long ones, so that no peer can make the memory of them large.
_Syntaxes = tuple[tuple[str, ...], tuple[str, ...]]
_MEMO_SIZE = 512
_MEMO_LENGTH = 1024


def _encode_syntaxes(syntaxes: _Syntaxes) -> bytes:
    """Return the sub-items for the syntaxes of a presentation context."""
    writer = Writer()
    for uid in syntaxes[0]:
        writer.item(AbstractSyntaxSubItem._item_type, 0, encode_text(uid))
    for uid in syntaxes[1]:
        writer.item(TransferSyntaxSubItem._item_type, 0, encode_text(uid))
    return writer.getvalue()


def _decode_syntaxes(sub_items: bytes) -> _Syntaxes:
    """Return the syntaxes that the sub-items of a presentation context name."""
    items = list(Reader(sub_items, "Presentation context").items())
    return (
        tuple(decode_uid(v) for t, _, v in items if t == AbstractSyntaxSubItem._item_type),
        tuple(decode_uid(v) for t, _, v in items if t == TransferSyntaxSubItem._item_type),
    )


_SYNTAX_ITEMS = ItemList({AbstractSyntaxSubItem: ANY_NUMBER, TransferSyntaxSubItem: ANY_NUMBER})
_encode_syntaxes_memo = lru_cache(_MEMO_SIZE)(_encode_syntaxes)
_decode_syntaxes_memo = lru_cache(_MEMO_SIZE)(_decode_syntaxes)


class PresentationContextItem(PDUItem):
    """Base of the presentation context items of requests and responses."""

    # What stands in front of the sub-items
    _layout: ClassVar[Struct]

    presentation_context_id = Field(None, optional(integer(1, 255)))
    context_id = alias("presentation_context_id")

    def __init__(self) -> None:
        super().__init__()
        self._syntaxes: _Syntaxes = ((), ())

    @classmethod
    def _of(cls, primitive: PresentationContext) -> PresentationContextItem:
        """Return the item for a presentation context."""
        # No __init__(), because the method below sets all there is
        item = cls.__new__(cls)
        item.from_primitive(primitive)
        return item

    def from_primitive(self, primitive: PresentationContext) -> None:
        """Take all values from a :class:`~pynetdicom.presentation.PresentationContext`."""
        raise NotImplementedError

    def to_primitive(self) -> PresentationContext:
        """Return the :class:`~pynetdicom.presentation.PresentationContext`."""
        raise NotImplementedError

    def _encode_sub_items(self) -> bytes:
        """Return the sub-items."""
        abstract, transfer = self._syntaxes
        is_long = sum(map(len, abstract + transfer)) > _MEMO_LENGTH
        return (_encode_syntaxes if is_long else _encode_syntaxes_memo)(self._syntaxes)

    def _decode_sub_items(self, value: bytes) -> tuple[int, ...]:
        """Take the syntaxes from the value of the item, return the numbers it begins with."""
        length = self._layout.size
        if len(value) < length:
            raise PDUDecodeError(f"{type(self).__name__}: {len(value)} bytes are too few")
        sub_items = value[length:]
        is_long = len(sub_items) > _MEMO_LENGTH
        self._syntaxes = (_decode_syntaxes if is_long else _decode_syntaxes_memo)(sub_items)
        return self._layout.unpack_from(value)


class PresentationContextItemRQ(PresentationContextItem, item_type=0x20):
    """A proposed presentation context (PS3.8 Table 9-13).

    Attributes
    ----------
    presentation_context_id : int or None
        Its ID, 1 to 255.
    """

    # ID, three reserved bytes, abstract syntax sub-item, transfer syntax sub-items
    _layout = Struct(">B3x")

    def _encode_value(self) -> bytes:
        return self._layout.pack(self.presentation_context_id or 0) + self._encode_sub_items()

    def _decode_value(self, value: bytes) -> None:
        (self.__dict__["presentation_context_id"],) = self._decode_sub_items(value)
        abstract, transfer = self._syntaxes
        if not abstract or not transfer:
            raise PDUDecodeError(f"Presentation context {self.context_id} lacks a syntax")
        if len(abstract) > 1:
            raise PDUDecodeError(
                f"Presentation context {self.context_id} has several abstract syntaxes", 5
            )

    @property
    def abstract_syntax(self) -> UID | None:
        """Return the abstract syntax."""
        return next(map(shown_uid, self._syntaxes[0]), None)

    @property
    def transfer_syntax(self) -> list[UID]:
        """Return the transfer syntaxes."""
        return [shown_uid(uid) for uid in self._syntaxes[1]]

    @property
    def abstract_transfer_syntax_sub_items(self) -> list[PDUItem]:
        """Get a copy of the sub-items, or set them."""
        return _syntax_items(self._syntaxes)

    @abstract_transfer_syntax_sub_items.setter
    def abstract_transfer_syntax_sub_items(self, items: Iterable[PDUItem]) -> None:
        self._syntaxes = _item_syntaxes(items)

    def from_primitive(self, primitive: PresentationContext) -> None:
        """Take all values from a :class:`~pynetdicom.presentation.PresentationContext`."""
        abstract = primitive._abstract_syntax
        self.__dict__["presentation_context_id"] = primitive.context_id
        self._syntaxes = (
            () if abstract is None else (abstract,),
            tuple(primitive._transfer_syntax),
        )

    def to_primitive(self) -> PresentationContext:
        """Return the :class:`~pynetdicom.presentation.PresentationContext`."""
        return PresentationContext._from_wire(
            self.presentation_context_id, next(iter(self._syntaxes[0]), None), self._syntaxes[1]
        )

    def __str__(self) -> str:
        lines = [f"Presentation context {self.context_id}: {describe_uid(self.abstract_syntax)}"]
        lines += (f"  {describe_uid(uid)}" for uid in self.transfer_syntax)
        return "\n".join(lines)


class PresentationContextItemAC(PresentationContextItem, item_type=0x21):
    """The answer to a proposed presentation context (PS3.8 Table 9-18).

    Attributes
    ----------
    presentation_context_id : int or None
        Its ID, 1 to 255.
    result_reason : int or None
        0 acceptance, 1 user rejection, 2 no reason (provider rejection), 3 abstract syntax not
        supported, 4 transfer syntaxes not supported.
    """

    # ID, reserved, result, reserved, transfer syntax sub-item
    _layout = Struct(">BxBx")

    result_reason = Field(None, optional(integer(0, 255)))
    result = alias("result_reason")

    def _encode_value(self) -> bytes:
        numbers = self._layout.pack(self.presentation_context_id or 0, self.result_reason or 0)
        return numbers + self._encode_sub_items()

    def _decode_value(self, value: bytes) -> None:
        context_id, result = self._decode_sub_items(value)
        self.__dict__.update(presentation_context_id=context_id, result_reason=result)
        transfer = self._syntaxes[1]
        if result == 0 and not transfer:
            raise PDUDecodeError(f"Accepted presentation context {context_id} lacks a syntax")
        if result == 0 and len(transfer) > 1:
            raise PDUDecodeError(
                f"Accepted presentation context {context_id} has several transfer syntaxes", 5
            )
        # Of a rejected context the syntax has no meaning, and need not be there
        self._syntaxes = ((), transfer[:1])

    @property
    def transfer_syntax(self) -> UID | None:
        """Return the transfer syntax."""
        return next(map(shown_uid, self._syntaxes[1]), None)

    @property
    def transfer_syntax_sub_item(self) -> list[PDUItem]:
        """Get a copy of the sub-items, or set them."""
        return _syntax_items(self._syntaxes)

    @transfer_syntax_sub_item.setter
    def transfer_syntax_sub_item(self, items: Iterable[PDUItem]) -> None:
        self._syntaxes = _item_syntaxes(items)

    @property
    def result_str(self) -> str:
        """Return the result in words."""
        return NO_VALUE if self.result is None else self.to_primitive().status

    def from_primitive(self, primitive: PresentationContext) -> None:
        """Take all values from a :class:`~pynetdicom.presentation.PresentationContext`."""
        self.__dict__.update(
            presentation_context_id=primitive.context_id, result_reason=primitive.result
        )
        self._syntaxes = ((), tuple(primitive._transfer_syntax[:1]))

    def to_primitive(self) -> PresentationContext:
        """Return the :class:`~pynetdicom.presentation.PresentationContext`."""
        return PresentationContext._from_wire(
            self.presentation_context_id, None, self._syntaxes[1], self.result_reason
        )

    def __str__(self) -> str:
        text = f"Presentation context {self.context_id}: {self.result_str}"
        return text if self.result else f"{text}, {describe_uid(self.transfer_syntax)}"


def _syntax_items(syntaxes: _Syntaxes) -> list[PDUItem]:
    """Return the sub-item objects for the syntaxes of a context."""
    return _SYNTAX_ITEMS.read(Reader(_encode_syntaxes(syntaxes), "Presentation context"))


def _item_syntaxes(items: Iterable[PDUItem]) -> _Syntaxes:
    """Return the syntaxes for the sub-item objects of a context."""
    return _decode_syntaxes(b"".join(item.encode() for item in items))


# User information ---------------------------------------------------------------------------


class _NegotiationItem(PDUItem):
    """Base of the sub-items of the user information, whose attributes are their primitives'."""

    _primitive_class: ClassVar[type[ServiceParameter]]

    # The fields that the primitive has by the same name
    _shared: ClassVar[list[WireField[Any]]]
    _shared_names: ClassVar[list[str]]

    def __init_subclass__(cls, primitive: type[ServiceParameter], **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls._primitive_class = primitive
        primitive._item_classes += (cls,)
        cls._shared = [part for part in cls._parts if isinstance(part, WireField)]
        cls._shared_names = [field.name for field in cls._shared]

    def from_primitive(self, primitive: Any) -> None:
        """Take all values from the primitive.

        Raises
        ------
        ValueError
            A mandatory value is missing.
        """
        values = {}
        for field in self._shared:
            value = primitive._kept(field.name)
            values[field.name] = field.unset if value is None else value
            if values[field.name] is None:
                raise ValueError(f"{type(primitive).__name__} needs a '{field.name}'")
        self.__dict__.update(copy_values(values))

    def to_primitive(self) -> Any:
        """Return the primitive, see :mod:`pynetdicom.pdu_primitives`."""
        primitive = self._primitive_class()
        for name in self._shared_names:
            value = self.__dict__[name]
            primitive.__dict__[name] = list(value) if isinstance(value, list) else value
        return primitive

    def __str__(self) -> str:
        return str(self.to_primitive())


class MaximumLengthSubItem(_NegotiationItem, item_type=0x51, primitive=MaximumLengthNotification):
    """The largest P-DATA-TF PDU that the sender wants to receive (PS3.8 Tables D.1-1, D.1-2)."""

    maximum_length_received = Number(UINT4)


class ImplementationClassUIDSubItem(
    _NegotiationItem, item_type=0x52, primitive=ImplementationClassUIDNotification
):
    """What identifies the sender's implementation (PS3.7 Tables D.3-1, D.3-2)."""

    implementation_class_uid = UIDText()


class AsynchronousOperationsWindowSubItem(
    _NegotiationItem, item_type=0x53, primitive=AsynchronousOperationsWindowNegotiation
):
    """How many operations may be outstanding (PS3.7 Tables D.3-7, D.3-8)."""

    maximum_number_operations_invoked = Number(UINT2)
    maximum_number_operations_performed = Number(UINT2)

    max_operations_invoked = alias("maximum_number_operations_invoked")
    max_operations_performed = alias("maximum_number_operations_performed")


class SCP_SCU_RoleSelectionSubItem(
    _NegotiationItem, item_type=0x54, primitive=SCP_SCU_RoleSelectionNegotiation
):
    """The roles of the requestor for a SOP class (PS3.7 Tables D.3-9, D.3-10)."""

    sop_class_uid = UIDBlock()
    scu_role = Flag()
    scp_role = Flag()

    uid = alias("sop_class_uid")
    uid_length = length_of("sop_class_uid")
    scu = alias("scu_role")
    scp = alias("scp_role")

    def from_primitive(self, primitive: SCP_SCU_RoleSelectionNegotiation) -> None:
        """Take all values from the primitive.

        Raises
        ------
        ValueError
            The SOP class is missing, or neither role is True.
        """
        if not (primitive.scu_role or primitive.scp_role):
            raise ValueError(f"{type(primitive).__name__} needs 'scu_role' or 'scp_role' True")
        super().from_primitive(primitive)


class ImplementationVersionNameSubItem(
    _NegotiationItem, item_type=0x55, primitive=ImplementationVersionNameNotification
):
    """The name of the version of the sender's implementation (PS3.7 Tables D.3-3, D.3-4)."""

    implementation_version_name = Text(optional(version_name))


class SOPClassExtendedNegotiationSubItem(
    _NegotiationItem, item_type=0x56, primitive=SOPClassExtendedNegotiation
):
    """What a service class wants to have negotiated for a SOP class (PS3.7 Table D.3-11)."""

    sop_class_uid = UIDBlock()
    service_class_application_information = Bytes()

    uid = alias("sop_class_uid")
    sop_class_uid_length = length_of("sop_class_uid")
    app_info = alias("service_class_application_information")


class SOPClassCommonExtendedNegotiationSubItem(
    _NegotiationItem, item_type=0x57, primitive=SOPClassCommonExtendedNegotiation
):
    """Which service class a SOP class belongs to, and what it resembles (PS3.7 Table D.3-12)."""

    sub_item_version = Field(0, integer(0, 255))

    sop_class_uid = UIDBlock()
    service_class_uid = UIDBlock()
    related_general_sop_class_identification = UIDListBlock()
    # Not there in version 0, and to be ignored in others
    _further_versions = ReservedRest()

    sop_class_uid_length = length_of("sop_class_uid")
    service_class_uid_length = length_of("service_class_uid")

    @property
    def related_general_sop_class_identification_length(self) -> int:
        """Return the number of bytes that the related SOP classes and their lengths take."""
        return sum(2 + len(uid) for uid in self.related_general_sop_class_identification)

    # The one item with a meaning for the byte that is reserved in others
    @property
    def _reserved(self) -> int:
        return self.sub_item_version

    def _decode_item(self, reserved: int, value: bytes) -> None:
        self.sub_item_version = reserved
        super()._decode_item(reserved, value)


class UserIdentitySubItemRQ(_NegotiationItem, item_type=0x58, primitive=UserIdentityNegotiation):
    """Who the user is (PS3.7 Table D.3-14)."""

    user_identity_type = Number(UCHAR)
    positive_response_requested = Flag()
    primary_field = BytesBlock()
    secondary_field = BytesBlock(b"")

    id_type = alias("user_identity_type")
    primary = alias("primary_field")
    primary_field_length = length_of("primary_field")
    response_requested = alias("positive_response_requested")
    secondary = alias("secondary_field")
    secondary_field_length = length_of("secondary_field")

    @property
    def id_type_str(self) -> str:
        """Return the type in words."""
        return meaning(USER_IDENTITY_TYPES, self.user_identity_type)

    def from_primitive(self, primitive: UserIdentityNegotiation) -> None:
        """Take all values from the primitive.

        Raises
        ------
        ValueError
            The type, the primary field, or the secondary field for type 2, is missing.
        """
        if primitive.user_identity_type == 2 and not primitive.secondary_field:
            raise ValueError(
                f"{type(primitive).__name__} needs a 'secondary_field' for user identity type 2"
            )
        super().from_primitive(primitive)


class UserIdentitySubItemAC(_NegotiationItem, item_type=0x59, primitive=UserIdentityNegotiation):
    """The acceptor's response to who the user is (PS3.7 Table D.3-15)."""

    server_response = BytesBlock()

    response = alias("server_response")
    server_response_length = length_of("server_response")


class UserInformationItem(PDUItem, item_type=0x50):
    """The user information (PS3.8 Tables 9-16, 9-20), which holds the sub-items of PS3.7 Annex D.

    Attributes
    ----------
    user_data : list of PDUItem
        The sub-items.
    """

    # None is asked for: peers forget even the maximum length, and can be served without
    user_data = ItemList(
        {
            MaximumLengthSubItem: AT_MOST_ONCE,
            ImplementationClassUIDSubItem: AT_MOST_ONCE,
            AsynchronousOperationsWindowSubItem: AT_MOST_ONCE,
            SCP_SCU_RoleSelectionSubItem: ANY_NUMBER,
            ImplementationVersionNameSubItem: AT_MOST_ONCE,
            SOPClassExtendedNegotiationSubItem: ANY_NUMBER,
            SOPClassCommonExtendedNegotiationSubItem: ANY_NUMBER,
            UserIdentitySubItemRQ: AT_MOST_ONCE,
            UserIdentitySubItemAC: AT_MOST_ONCE,
        }
    )

    def from_primitive(self, primitive: Iterable[ServiceParameter]) -> None:
        """Take the sub-items from negotiation items.

        Raises
        ------
        ValueError
            A mandatory value is missing in one of them.
        """
        self.user_data = [item.from_primitive() for item in primitive]

    def to_primitive(self) -> list[ServiceParameter]:
        """Return the negotiation items."""
        return [item.to_primitive() for item in self._all(_NegotiationItem)]

    def _all(self, item_class: type[_ItemT]) -> list[_ItemT]:
        """Return the sub-items of a class."""
        return [item for item in self.user_data if isinstance(item, item_class)]

    def _first(self, item_class: type[_ItemT]) -> _ItemT | None:
        """Return the first sub-item of a class, None if there is none."""
        return next(iter(self._all(item_class)), None)

    @property
    def maximum_length(self) -> int | None:
        """Return the maximum length, None if there is none."""
        item = self._first(MaximumLengthSubItem)
        return None if item is None else item.maximum_length_received

    @property
    def implementation_class_uid(self) -> UID | None:
        """Return the implementation class UID, None if there is none."""
        item = self._first(ImplementationClassUIDSubItem)
        return None if item is None else item.implementation_class_uid

    @property
    def implementation_version_name(self) -> str | None:
        """Return the implementation version name, None if there is none."""
        item = self._first(ImplementationVersionNameSubItem)
        return None if item is None else item.implementation_version_name

    @property
    def async_ops_window(self) -> AsynchronousOperationsWindowSubItem | None:
        """Return the asynchronous operations window sub-item, None if there is none."""
        return self._first(AsynchronousOperationsWindowSubItem)

    @property
    def role_selection(self) -> dict[UID | None, SCP_SCU_RoleSelectionSubItem]:
        """Return the role selection sub-items by SOP class."""
        return {item.sop_class_uid: item for item in self._all(SCP_SCU_RoleSelectionSubItem)}

    @property
    def ext_neg(self) -> list[SOPClassExtendedNegotiationSubItem]:
        """Return the SOP class extended negotiation sub-items."""
        return self._all(SOPClassExtendedNegotiationSubItem)

    @property
    def common_ext_neg(self) -> list[SOPClassCommonExtendedNegotiationSubItem]:
        """Return the SOP class common extended negotiation sub-items."""
        return self._all(SOPClassCommonExtendedNegotiationSubItem)

    @property
    def user_identity(self) -> UserIdentitySubItemRQ | UserIdentitySubItemAC | None:
        """Return the user identity sub-item, None if there is none."""
        return self._first(UserIdentitySubItemRQ) or self._first(UserIdentitySubItemAC)

    def __str__(self) -> str:
        return "\n".join(["User information", *(f"  {item}" for item in self.user_data)])


# Presentation data values -------------------------------------------------------------------


class PresentationDataValueItem(PDUItem):
    """A presentation data value (PS3.8 Table 9-23), which has no type and a longer length.

    Attributes
    ----------
    presentation_context_id : int or None
        The ID of the presentation context.
    presentation_data_value : bytes or None
        The message control header and a fragment of a message (PS3.8 Annex E.2).
    """

    presentation_context_id = Number(UCHAR)
    presentation_data_value = Bytes()

    context_id = alias("presentation_context_id")
    data = alias("presentation_data_value")

    @property
    def item_type(self) -> int:
        """Raise NotImplementedError: these items have no type."""
        raise NotImplementedError("Presentation data value items have no type")

    def encode(self) -> bytes:
        """Return the item as bytes."""
        value = self._encode_value()
        return PACK_UINT4(len(value)) + value

    def decode(self, bytestream: bytes) -> None:
        """Take all values from a whole encoded item.

        Raises
        ------
        PDUDecodeError
            `bytestream` is not exactly one item, or has no message control header.
        """
        with Reader(bytes(bytestream), type(self).__name__) as reader:
            value = reader.raw(reader.number(UINT4))
        self._decode_value(value)

    def _decode_value(self, value: bytes) -> None:
        if len(value) < 2:
            raise PDUDecodeError(f"{type(self).__name__}: {len(value)} bytes are too few")
        super()._decode_value(value)

    @property
    def message_control_header_byte(self) -> str:
        """Return the message control header as eight digits, bit 7 first.

        Raises
        ------
        ValueError
            There is no value yet.
        """
        if not self.presentation_data_value:
            raise ValueError("The item has no message control header yet")
        return f"{self.presentation_data_value[0]:08b}"

    def __str__(self) -> str:
        data = self.presentation_data_value or bytes(1)
        return describe_pdv(self.context_id, data[0], data[1:])
