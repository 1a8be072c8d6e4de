"""The protocol data units of the upper layer (PS3.8 9.3).

As in :mod:`pynetdicom.pdu_items` each class declares its fields in the order of the table that
its docstring names. P-DATA-TF, which is most of the traffic, has functions besides that work on
buffers without copying data or making objects.
"""

from __future__ import annotations

from struct import Struct
from textwrap import indent
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from pynetdicom._globals import MAXIMUM_CONTEXTS
from pynetdicom._memo import Deferred, Memo, Same
from pynetdicom._wire import (  # noqa: F401 - some are here because they are public by this name
    ONCE,
    PACK_UCHAR,
    PACK_UINT2,
    PACK_UINT4,
    UCHAR,
    UINT2,
    UINT4,
    UNPACK_UCHAR,
    UNPACK_UINT2,
    UNPACK_UINT4,
    ItemList,
    Number,
    PDUItem,
    Reader,
    Reserved,
    ReservedRest,
    Text,
    WireField,
    WireStructure,
    Writer,
    ae_title,
    alias,
    encode_text,
    instance_of,
    list_of,
)
from pynetdicom.errors import PDUDecodeError
from pynetdicom.pdu_items import (
    ApplicationContextItem,
    PresentationContextItem,
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
    ABORT_REASONS,
    ABORT_SOURCES,
    DIAGNOSTICS,
    P_DATA,
    RESULT_SOURCES,
    RESULTS,
    ServiceParameter,
    UserIdentityNegotiation,
    meaning,
)
from pynetdicom.utils import as_ae_title, safe_text

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pydicom.uid import UID

    from pynetdicom.presentation import PresentationContext

_ItemT = TypeVar("_ItemT", bound=PDUItem)

# Type, reserved, length of what follows: every PDU begins so (PS3.8 9.3.1)
PDU_HEADER = Struct(">BBL")

# Length, context ID and message control header of a presentation data value (PS3.8 9.3.5.1)
_PDV_HEADER = Struct(">LBB")

# Below 8 there is no room for a fragment of even length
_LEAST_MAXIMUM_LENGTH = _PDV_HEADER.size + 2

# Both headers in one, for a P-DATA-TF with a single presentation data value
P_DATA_HEADER = Struct(">BBLLBB")

PDU_TYPES: dict[int, type[PDU]] = {}
"""The class for each type of PDU."""


class PDU(WireStructure):
    """Base of the PDUs: type, a reserved byte, length and variable field (PS3.8 9.3.1).

    Parameters
    ----------
    primitive : optional
        The service primitive to take the values from, as for :meth:`from_primitive`.
    """

    _pdu_type: ClassVar[int]

    def __init_subclass__(cls, pdu_type: int | None = None, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if pdu_type is not None:
            cls._pdu_type = pdu_type
            PDU_TYPES[pdu_type] = cls

    def __init__(self, primitive: Any = None) -> None:
        super().__init__()
        if primitive is not None:
            self.from_primitive(primitive)

    @property
    def pdu_type(self) -> int:
        """Return the type of the PDU."""
        return self._pdu_type

    @property
    def pdu_length(self) -> int:
        """Return the number of bytes after the header of six."""
        return len(self._encode_body())

    def __len__(self) -> int:
        return PDU_HEADER.size + self.pdu_length

    def encode(self) -> bytes:
        """Return the PDU as bytes.

        Raises
        ------
        ValueError
            A value is too long for the PDU.
        """
        body = self._encode_body()
        return PDU_HEADER.pack(self.pdu_type, 0, len(body)) + body

    def decode(self, bytestream: bytes) -> None:
        """Take all values from a whole encoded PDU.

        Raises
        ------
        PDUDecodeError
            `bytestream` is not exactly one PDU of this type, or it is malformed.
        """
        if len(bytestream) < PDU_HEADER.size:
            raise PDUDecodeError(f"{type(self).__name__}: the header is incomplete")
        pdu_type, _, length = PDU_HEADER.unpack_from(bytestream)
        if pdu_type != self.pdu_type:
            raise PDUDecodeError(f"{type(self).__name__}: PDU is of type 0x{pdu_type:02X}", 2)
        if length != len(bytestream) - PDU_HEADER.size:
            raise PDUDecodeError(f"{type(self).__name__}: length is {length}, not that of the PDU")
        self._decode_body(bytestream[PDU_HEADER.size :])

    def _encode_body(self) -> bytes:
        """Return what follows the header."""
        writer = Writer()
        self._write_parts(writer)
        return writer.getvalue()

    def _decode_body(self, body: bytes | memoryview) -> None:
        """Take all values from what follows the header."""
        self._read_parts(Reader(bytes(body), type(self).__name__))

    @classmethod
    def _encode_primitive(cls, primitive: Any) -> bytes:
        """Return what the PDU made from a primitive is encoded as."""
        return cls(primitive).encode()

    def from_primitive(self, primitive: Any) -> None:
        """Take all values from a primitive."""
        raise NotImplementedError

    def to_primitive(self) -> Any:
        """Return the primitive that the PDU is for the service user."""
        raise NotImplementedError


def decode_pdu(pdu_type: int, body: bytes | memoryview) -> PDU:
    """Return a received PDU.

    Parameters
    ----------
    pdu_type : int
        The type that its header tells.
    body : bytes or memoryview
        What follows the header of six bytes. It is copied.

    Raises
    ------
    PDUDecodeError
        The type is unknown, or the body is malformed.
    """
    pdu_class = PDU_TYPES.get(pdu_type)
    if pdu_class is None:
        raise PDUDecodeError(f"unrecognised PDU type 0x{pdu_type:02X}", 1)
    pdu = pdu_class()
    pdu._decode_body(body)
    return pdu


# A-ASSOCIATE --------------------------------------------------------------------------------


# Header, protocol version, and the AE titles between reserved bytes (PS3.8 Tables 9-11 and 9-17)
_ASSOCIATE_FIELDS = Struct(">BBLH2x16s16s32x")

# The variable items of requests and acceptances that were sent
_ENCODED_ITEMS: Memo[bytes] = Memo(16)


class _AssociatePDU(PDU):
    """What A-ASSOCIATE-RQ and A-ASSOCIATE-AC have in common, which is nearly all."""

    protocol_version = Number(UINT2, 1)
    _reserved_1 = Reserved(2)

    # Declared by the subclasses, because of their place in the order of fields
    variable_items: ItemList

    # The field of primitives that has the contexts
    _contexts: ClassVar[str]

    @classmethod
    def _encode_primitive(cls, primitive: A_ASSOCIATE) -> bytes:
        """Return the encoded PDU; its items are remembered, as most are sent again and again."""
        deferred = primitive._deferred(cls._contexts)
        contexts = cls._context_keys(primitive) if deferred is None else [(deferred.key,)]
        parts: list[Any] = [cls, primitive._kept("application_context_name"), *contexts]
        for item in primitive.user_information:
            if item._lists or isinstance(item, UserIdentityNegotiation):
                return super()._encode_primitive(primitive)  # no key, or a password in it
            parts.append((type(item), *item.__dict__.values()))
        key = tuple(parts)
        items = _ENCODED_ITEMS.get(key)
        if items is None:
            data = super()._encode_primitive(primitive)
            _ENCODED_ITEMS.put(key, data[_ASSOCIATE_FIELDS.size :])
            return data
        length = _ASSOCIATE_FIELDS.size - PDU_HEADER.size + len(items)
        called = encode_text(primitive.called_ae_title).ljust(16)
        calling = encode_text(primitive.calling_ae_title).ljust(16)
        return _ASSOCIATE_FIELDS.pack(cls._pdu_type, 0, length, 1, called, calling) + items

    @staticmethod
    def _context_keys(primitive: A_ASSOCIATE) -> list[tuple[object, ...]]:
        """Return all that is sent of the presentation contexts."""
        raise NotImplementedError

    def _decode_body(self, body: bytes | memoryview) -> None:
        super()._decode_body(body)
        ids = [item.presentation_context_id or 0 for item in self._all(PresentationContextItem)]
        if len(set(ids)) < len(ids):
            raise PDUDecodeError(f"{type(self).__name__}: a presentation context ID is used twice")
        even = [context_id for context_id in ids if not context_id & 1]
        if even:
            raise PDUDecodeError(f"{type(self).__name__}: context ID {even[0]} is not odd")

    def _set_items(self, primitive: A_ASSOCIATE, contexts: Iterable[PDUItem]) -> None:
        """Take application context and user information from a primitive."""
        application_context = ApplicationContextItem()
        name = primitive._kept("application_context_name")
        if name is not None:
            application_context.from_primitive(name)
        user_information = UserInformationItem()
        user_information.from_primitive(primitive.user_information)
        self.__dict__["variable_items"] = [application_context, *contexts, user_information]

    def _all(self, item_class: type[_ItemT]) -> list[_ItemT]:
        """Return the variable items of a class."""
        return [item for item in self.variable_items if isinstance(item, item_class)]

    @staticmethod
    def _first(item_class: type[_ItemT], items: Iterable[PDUItem]) -> _ItemT | None:
        """Return the first item of a class, None if there is none."""
        for item in items:
            if isinstance(item, item_class):
                return item
        return None

    @property
    def application_context_name(self) -> UID | None:
        """Return the application context name, None if there is none."""
        item = self._first(ApplicationContextItem, self.variable_items)
        return None if item is None else item.application_context_name

    def _context_name(self) -> str | None:
        """Return the application context name as it is kept."""
        item = self._first(ApplicationContextItem, self.variable_items)
        return None if item is None else item._kept("application_context_name")

    @property
    def user_information(self) -> UserInformationItem | None:
        """Return the user information item, None if there is none."""
        return self._first(UserInformationItem, reversed(self.variable_items))

    def _deferred_contexts(self) -> Deferred[list[PresentationContext]]:
        """Return the contexts as a primitive has them: most often nobody looks at them."""
        items = list(self.variable_items)

        def make() -> list[PresentationContext]:
            kind = PresentationContextItem
            return [item.to_primitive() for item in items if isinstance(item, kind)]

        return Deferred(make, Same(self))

    def _negotiation_items(self) -> list[ServiceParameter]:
        """Return the user information as a primitive has it."""
        item = self.user_information
        return [] if item is None else item.to_primitive()

    def __str__(self) -> str:
        lines = [f"  Protocol version: {self.protocol_version}"]
        lines += (indent(str(item), "  ") for item in self.variable_items)
        return "\n".join(lines)


class A_ASSOCIATE_RQ(_AssociatePDU, pdu_type=0x01):
    """The request of an association (PS3.8 Table 9-11).

    Attributes
    ----------
    protocol_version : int or None
        Bit 0 stands for version 1, the only one there is.
    called_ae_title, calling_ae_title : str or None
        The AE titles of acceptor and requestor, without padding if they were received.
    variable_items : list of PDUItem
        The application context, presentation context and user information items.
    """

    called_ae_title = Text(ae_title, "Default", 16)
    calling_ae_title = Text(ae_title, "Default", 16)
    _reserved_2 = Reserved(32)
    variable_items = ItemList(
        {
            ApplicationContextItem: ONCE,
            PresentationContextItemRQ: (1, MAXIMUM_CONTEXTS),
            UserInformationItem: ONCE,
        }
    )

    _contexts = "presentation_context_definition_list"

    @property
    def presentation_context(self) -> list[PresentationContextItemRQ]:
        """Return the presentation context items."""
        return self._all(PresentationContextItemRQ)

    @staticmethod
    def _context_keys(primitive: A_ASSOCIATE) -> list[tuple[object, ...]]:
        """Return ID, abstract and transfer syntaxes of each context."""
        return [
            (context._context_id, context._abstract_syntax, *context._transfer_syntax)
            for context in primitive.presentation_context_definition_list
        ]

    def from_primitive(self, primitive: A_ASSOCIATE) -> None:
        """Take all values from a request primitive.

        Raises
        ------
        ValueError
            A negotiation item lacks a mandatory value.
        """
        self.__dict__.update(
            called_ae_title=primitive.called_ae_title, calling_ae_title=primitive.calling_ae_title
        )
        contexts = primitive.presentation_context_definition_list
        self._set_items(primitive, map(PresentationContextItemRQ._of, contexts))

    def to_primitive(self) -> A_ASSOCIATE:
        """Return the indication primitive."""
        primitive = A_ASSOCIATE()
        primitive.__dict__.update(
            application_context_name=self._context_name(),
            called_ae_title=self.called_ae_title,
            calling_ae_title=self.calling_ae_title,
            presentation_context_definition_list=self._deferred_contexts(),
            user_information=self._negotiation_items(),
        )
        return primitive

    def __str__(self) -> str:
        calling = safe_text(self.calling_ae_title or "")
        called = safe_text(self.called_ae_title or "")
        return f"A-ASSOCIATE-RQ from '{calling}' to '{called}'\n{super().__str__()}"


class A_ASSOCIATE_AC(_AssociatePDU, pdu_type=0x02):
    """The acceptance of an association (PS3.8 Table 9-17).

    Attributes
    ----------
    protocol_version : int or None
        Bit 0 stands for version 1, the only one there is.
    reserved_aec, reserved_aet : str or None
        What the request has as called and as calling AE title; of no meaning when received.
    variable_items : list of PDUItem
        The application context, presentation context and user information items.
    """

    reserved_aec = Text(as_ae_title, "", 16)
    reserved_aet = Text(as_ae_title, "", 16)
    _reserved_2 = Reserved(32)
    # A context that is missing counts as rejected, so there need not be one
    variable_items = ItemList(
        {
            ApplicationContextItem: ONCE,
            PresentationContextItemAC: (0, MAXIMUM_CONTEXTS),
            UserInformationItem: ONCE,
        }
    )

    called_ae_title = alias("reserved_aec")
    calling_ae_title = alias("reserved_aet")

    _contexts = "presentation_context_definition_results_list"

    @property
    def presentation_context(self) -> list[PresentationContextItemAC]:
        """Return the presentation context items."""
        return self._all(PresentationContextItemAC)

    @staticmethod
    def _context_keys(primitive: A_ASSOCIATE) -> list[tuple[object, ...]]:
        """Return ID, result and the one transfer syntax of each context."""
        return [
            (context._context_id, context.result, *context._transfer_syntax[:1])
            for context in primitive.presentation_context_definition_results_list
        ]

    def from_primitive(self, primitive: A_ASSOCIATE) -> None:
        """Take all values from a response primitive.

        Raises
        ------
        ValueError
            A negotiation item lacks a mandatory value.
        """
        self.__dict__.update(
            reserved_aec=primitive.called_ae_title, reserved_aet=primitive.calling_ae_title
        )
        contexts = primitive.presentation_context_definition_results_list
        self._set_items(primitive, map(PresentationContextItemAC._of, contexts))

    def to_primitive(self) -> A_ASSOCIATE:
        """Return the confirmation primitive."""
        primitive = A_ASSOCIATE()
        primitive.__dict__.update(
            application_context_name=self._context_name(),
            called_ae_title=self.reserved_aec,
            calling_ae_title=self.reserved_aet,
            presentation_context_definition_results_list=self._deferred_contexts(),
            user_information=self._negotiation_items(),
            result=0,
            result_source=1,
        )
        return primitive

    def __str__(self) -> str:
        return f"A-ASSOCIATE-AC\n{super().__str__()}"


class A_ASSOCIATE_RJ(PDU, pdu_type=0x03):
    """The rejection of an association (PS3.8 Table 9-21).

    Attributes
    ----------
    result : int or None
        1 rejected permanent, 2 rejected transient.
    source : int or None
        1 service user, 2 service provider (ACSE), 3 service provider (presentation).
    reason_diagnostic : int or None
        The reason, whose meaning depends on the source.
    """

    _reserved = Reserved(1)
    result = Number(UCHAR)
    source = Number(UCHAR)
    reason_diagnostic = Number(UCHAR)
    _surplus = ReservedRest()

    @property
    def result_str(self) -> str:
        """Return the result in words."""
        return meaning(RESULTS, self.result)

    @property
    def source_str(self) -> str:
        """Return the source in words."""
        return meaning(RESULT_SOURCES, self.source)

    @property
    def reason_str(self) -> str:
        """Return the reason in words."""
        return meaning(DIAGNOSTICS, self.reason_diagnostic, (self.source, self.reason_diagnostic))

    def from_primitive(self, primitive: A_ASSOCIATE) -> None:
        """Take all values from a response primitive.

        Raises
        ------
        ValueError
            Its result is not a rejection, or source or diagnostic are missing.
        """
        values = (primitive.result, primitive.result_source, primitive.diagnostic)
        if not all(values):
            raise ValueError(
                "A rejection needs 'result' 1 or 2, a 'result_source' and a 'diagnostic', "
                f"but has {values}"
            )
        self.result, self.source, self.reason_diagnostic = values

    def to_primitive(self) -> A_ASSOCIATE:
        """Return the confirmation primitive."""
        primitive = A_ASSOCIATE()
        primitive.__dict__.update(
            # A rejection remains one even if the result says 0, accepted
            result=self.result or 1,
            result_source=self.source,
            diagnostic=self.reason_diagnostic,
        )
        return primitive

    def __str__(self) -> str:
        return f"A-ASSOCIATE-RJ: {self.result_str}, {self.source_str}, {self.reason_str}"


# P-DATA -------------------------------------------------------------------------------------


# Peers put a command and a data set together into one PDU, some a handful of fragments. A PDU
# full of the shortest ones would take 40 times its size in memory.
_MOST_PDVS = 1024


def split_pdvs(body: memoryview) -> list[tuple[int, int, memoryview]]:
    """Return the presentation data values of a P-DATA-TF (PS3.8 Table 9-22), without a copy.

    Parameters
    ----------
    body : memoryview
        The PDU without its header of six bytes.

    Returns
    -------
    list of (int, int, memoryview)
        For each its context ID, message control header and data, which are parts of `body`.

    Raises
    ------
    PDUDecodeError
        One of them is shorter than 2 bytes or longer than what is left of the PDU, or there are
        more than 1024.
    """
    pdvs = []
    position, end = 0, len(body)
    while position < end:
        start = position + _PDV_HEADER.size
        if start > end:
            raise PDUDecodeError(
                "P_DATA_TF: ends within the header of a presentation data value", reason=0
            )
        length, context_id, header = _PDV_HEADER.unpack_from(body, position)
        position += 4 + length
        if length < 2 or position > end:
            raise PDUDecodeError(
                f"P_DATA_TF: a presentation data value has {length} bytes, between 2 and "
                f"{end - start + 2} are possible",
                reason=0,
            )
        pdvs.append((context_id, header, body[start:position]))
        if len(pdvs) > _MOST_PDVS:
            raise PDUDecodeError(
                f"P_DATA_TF: more than {_MOST_PDVS} presentation data values", reason=0
            )
    return pdvs


def p_data_buffers(
    context_id: int,
    is_command: bool,
    data: bytes | bytearray | memoryview,
    max_length: int,
    last: bool = True,
) -> list[bytes | memoryview]:
    """Return P-DATA-TF PDUs with one presentation data value each, without copying `data`.

    Parameters
    ----------
    context_id : int
        The ID of the presentation context.
    is_command : bool
        Whether `data` belongs to the command set of a message, not to its data set.
    data : bytes-like
        The command set or data set, or a part of it.
    max_length : int
        The maximum length that the peer announced, in bytes; 0 for no limit.
    last : bool, optional
        Whether the command set or data set ends with `data`. If so, there is a PDU even for
        no data.

    Returns
    -------
    list of bytes or memoryview
        Header, part of `data`, header, part of `data` and so on.

    Raises
    ------
    ValueError
        `max_length` leaves no room for data.
    """
    if 0 < max_length < _LEAST_MAXIMUM_LENGTH:
        raise ValueError(f"The peer's maximum length of {max_length} bytes leaves no room for data")
    size = (max_length or 0xFFFFFFFF) - _PDV_HEADER.size
    flags = 1 if is_command else 0
    if last and type(data) is bytes and len(data) <= size:  # as nearly all command sets
        return [_p_data_header(len(data), context_id, flags | 2), data]
    view = memoryview(data).cast("B")
    total = len(view)
    if total > size:
        size &= ~1  # some peers fail on odd fragments
    elif last:
        return [_p_data_header(total, context_id, flags | 2), view]
    more = max(total - 1 if last else total, 0) // size  # full fragments before the last
    header = _p_data_header(size, context_id, flags)
    buffers: list[bytes | memoryview] = []
    for start in range(0, more * size, size):
        buffers += (header, view[start : start + size])
    rest = view[more * size :]
    if last or rest:
        buffers += (_p_data_header(len(rest), context_id, flags | 2 if last else flags), rest)
    return buffers


def _p_data_header(size: int, context_id: int, flags: int) -> bytes:
    """Return all of a P-DATA-TF with one presentation data value before its `size` data bytes."""
    return P_DATA_HEADER.pack(P_DATA_TF._pdu_type, 0, size + 6, size + 2, context_id, flags)


class _PDVList(WireField["list[PresentationDataValueItem]"]):
    """All the presentation data values of a P-DATA-TF."""

    def __init__(self) -> None:
        super().__init__([], list_of(instance_of(PresentationDataValueItem)))

    def write(self, value: Any, writer: Writer) -> None:
        """Add the items."""
        for item in value:
            writer.raw(item.encode())

    def read(self, reader: Reader) -> list[PresentationDataValueItem]:
        """Return the items."""
        return [_pdv_item(*pdv) for pdv in split_pdvs(memoryview(reader.rest()))]


def _pdv_item(context_id: int, header: int, data: bytes | memoryview) -> PresentationDataValueItem:
    """Return the item for a presentation data value."""
    item = PresentationDataValueItem()
    item.presentation_context_id = context_id
    item.presentation_data_value = PACK_UCHAR(header) + data
    return item


class P_DATA_TF(PDU, pdu_type=0x04):
    """Presentation data values (PS3.8 Table 9-22).

    Attributes
    ----------
    presentation_data_value_items : list of PresentationDataValueItem
        The presentation data values, each with a copy of its data.
    """

    presentation_data_value_items = _PDVList()

    def from_primitive(self, primitive: P_DATA) -> None:
        """Take all values from a request primitive."""
        self.presentation_data_value_items = [_pdv_item(*pdv) for pdv in primitive.pdvs]

    def to_primitive(self) -> P_DATA:
        """Return the indication primitive."""
        primitive = P_DATA()
        primitive.presentation_data_value_list = [
            [item.presentation_context_id, item.presentation_data_value]
            for item in self.presentation_data_value_items
        ]
        return primitive

    def __str__(self) -> str:
        return "\n".join(["P-DATA-TF", *(f"  {i}" for i in self.presentation_data_value_items)])


# A-RELEASE and A-ABORT ----------------------------------------------------------------------


class _ReleasePDU(PDU):
    """What A-RELEASE-RQ and A-RELEASE-RP consist of: nothing."""

    _reserved = Reserved(4)
    _surplus = ReservedRest()

    @classmethod
    def _encode_primitive(cls, primitive: A_RELEASE) -> bytes:
        """Return the encoded PDU."""
        return PDU_HEADER.pack(cls._pdu_type, 0, 4) + bytes(4)

    @staticmethod
    def from_primitive(primitive: A_RELEASE) -> None:
        """Do nothing: there is no value to take."""


class A_RELEASE_RQ(_ReleasePDU, pdu_type=0x05):
    """The request of a release (PS3.8 Table 9-24)."""

    @staticmethod
    def to_primitive() -> A_RELEASE:
        """Return the indication primitive."""
        return A_RELEASE()

    def __str__(self) -> str:
        return "A-RELEASE-RQ"


class A_RELEASE_RP(_ReleasePDU, pdu_type=0x06):
    """The response to the request of a release (PS3.8 Table 9-25)."""

    @staticmethod
    def to_primitive() -> A_RELEASE:
        """Return the confirmation primitive."""
        primitive = A_RELEASE()
        primitive.result = "affirmative"
        return primitive

    def __str__(self) -> str:
        return "A-RELEASE-RP"


class A_ABORT_RQ(PDU, pdu_type=0x07):
    """The abort of an association (PS3.8 Table 9-26).

    Attributes
    ----------
    source : int or None
        0 service user, 2 service provider.
    reason_diagnostic : int or None
        The reason if the source is the service provider, 0 if not.
    """

    _reserved = Reserved(2)
    source = Number(UCHAR)
    reason_diagnostic = Number(UCHAR)
    _surplus = ReservedRest()

    @property
    def source_str(self) -> str:
        """Return the source in words."""
        return meaning(ABORT_SOURCES, self.source)

    @property
    def reason_str(self) -> str:
        """Return the reason in words; a service user gives none."""
        return meaning(ABORT_REASONS, self.reason_diagnostic if self.source == 2 else None)

    def from_primitive(self, primitive: A_ABORT | A_P_ABORT) -> None:
        """Take all values from a request primitive.

        Raises
        ------
        ValueError
            The abort source or provider reason has not been set.
        """
        if isinstance(primitive, A_P_ABORT):
            self.source, self.reason_diagnostic = 2, primitive.provider_reason
        else:
            self.source, self.reason_diagnostic = primitive.abort_source, 0

    def to_primitive(self) -> A_ABORT | A_P_ABORT:
        """Return the indication primitive.

        A source that the standard does not know counts as the service user, such a reason as not
        specified.
        """
        if self.source == 2:
            provider_abort = A_P_ABORT()
            reason = self.reason_diagnostic
            provider_abort.provider_reason = reason if reason in ABORT_REASONS else 0
            return provider_abort
        abort = A_ABORT()
        abort.abort_source = 0
        return abort

    def __str__(self) -> str:
        reason = f", {self.reason_str}" if self.source == 2 else ""
        return f"A-ABORT: {self.source_str}{reason}"
