"""The DIMSE messages and the encoding of their command sets (PS3.7 6.3, 9.3, 10.3, Annex E).

The classes at the end are the table of messages: each names a command field, and the primitive
that carries the parameters and so tells which elements the command set has.
"""

from __future__ import annotations

import struct
from functools import lru_cache
from io import BytesIO
from struct import Struct
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import pynetdicom._config as _config
import pynetdicom._lazy as lazy
from pynetdicom.dimse_primitives import (
    C_CANCEL,
    C_ECHO,
    C_FIND,
    C_GET,
    C_MOVE,
    C_STORE,
    N_ACTION,
    N_CREATE,
    N_DELETE,
    N_EVENT_REPORT,
    N_GET,
    N_SET,
    DataSource,
    DIMSEPrimitive,
)
from pynetdicom.errors import DIMSEDecodeError
from pynetdicom.pdu_primitives import P_DATA
from pynetdicom.utils import make_uid, safe_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from pydicom.dataset import Dataset
    from pydicom.tag import BaseTag

    from pynetdicom.association import Association
    from pynetdicom.dimse_primitives import DimsePrimitiveType

    AnyPrimitive = C_CANCEL | DIMSEPrimitive
    Buffer = bytes | bytearray | memoryview
    # Keyword, tag as it is packed, and encoder of the elements of a command set, in order
    _Plan = Sequence[tuple[str, int, int, Callable[[int, int, Any], bytes]]]

# Values of (0000,0800) Command Data Set Type (PS3.7 E.1): any but the first means a data set
NO_DATA_SET = 0x0101
HAS_DATA_SET = 0x0001
# The bit of (0000,0100) Command Field that makes a request's the response's (PS3.7 E.1)
RESPONSE = 0x8000
# Bits of the message control header of a PDV (PS3.8 E.2)
COMMAND = 0x01
LAST = 0x02

_UNRECOGNISED_OPERATION = 0x0211  # PS3.7 C.5.23
_NO_LIMIT = 0xFFFFFFFF
# Bytes of a command set up to which what it says is remembered
_REMEMBERED_LENGTH = 512

# Tag, length and perhaps a value; little endian, as all command sets are (PS3.7 6.3.1). With
# group number 0, the tag as one number is the element number in its upper half.
_HEADER = Struct("<LL")
_USHORT = Struct("<LLH")
_ULONG = Struct("<LLL")


def _encode_at(tag: int, _: int, value: int | Iterable[int]) -> bytes:
    tags = [value] if isinstance(value, int) else value
    data = b"".join(struct.pack("<HH", *divmod(number, 0x10000)) for number in tags)
    return _HEADER.pack(tag, len(data)) + data


def _encode_ui(tag: int, _: int, value: str) -> bytes:
    # Latin-1 is what UIDs are decoded with, so that any goes back as it came
    data = value.encode("latin-1")
    if len(data) % 2:
        data += b"\0"
    return _HEADER.pack(tag, len(data)) + data


def _encode_ae(tag: int, _: int, value: str) -> bytes:
    data = value.encode("latin-1")
    length = len(data) + len(data) % 2
    if not _config.USE_SHORT_DIMSE_AET:
        length = max(length, 16)
    return _HEADER.pack(tag, length) + data.ljust(length)


def _encode_lo(tag: int, _: int, value: str | Sequence[str]) -> bytes:
    # Several values are what pydicom makes of a text with a backslash
    text = value if isinstance(value, str) else "\\".join(value)
    # Often the text of an exception: LO has neither control characters nor backslashes
    text = "".join(char if char.isprintable() else " " for char in text[:64])
    data = text.replace("\\", "/").encode("ascii", "replace")
    if len(data) % 2:
        data += b" "
    return _HEADER.pack(tag, len(data)) + data


def _decode_first(data: bytes) -> int:
    return int.from_bytes(data[:2], "little")


def _decode_at(data: bytes) -> list[int]:
    return [group << 16 | number for group, number in struct.iter_unpack("<HH", data)]


def _decode_text(data: bytes) -> str | None:
    return data.decode("latin-1").strip(" \0") or None


class _VR(NamedTuple):
    """How the values of a value representation are encoded (PS3.5 6.2)."""

    unit: int  # the length is a multiple of this
    longest: int
    encode: Callable[[int, int, Any], bytes]  # tag, length if that is fixed, value
    decode: Callable[[bytes], Any] | None  # None for a number


_VRS = {
    "AE": _VR(1, _NO_LIMIT, _encode_ae, _decode_text),
    "AT": _VR(4, _NO_LIMIT, _encode_at, _decode_at),
    "LO": _VR(1, _NO_LIMIT, _encode_lo, _decode_text),
    "UI": _VR(1, _NO_LIMIT, _encode_ui, _decode_text),
    "UL": _VR(4, 4, _ULONG.pack, None),
    "US": _VR(2, 2, _USHORT.pack, None),
    # A number that some peers send with two values: the first is taken
    "US+": _VR(2, _NO_LIMIT, _USHORT.pack, _decode_first),
}

# The elements that are not retired, in their order (PS3.7 Table E.1-1)
_ELEMENTS = {
    "CommandGroupLength": (0x0000, "UL"),
    "AffectedSOPClassUID": (0x0002, "UI"),
    "RequestedSOPClassUID": (0x0003, "UI"),
    "CommandField": (0x0100, "US"),
    "MessageID": (0x0110, "US"),
    "MessageIDBeingRespondedTo": (0x0120, "US"),
    "MoveDestination": (0x0600, "AE"),
    "Priority": (0x0700, "US"),
    "CommandDataSetType": (0x0800, "US"),
    "Status": (0x0900, "US"),
    "OffendingElement": (0x0901, "AT"),
    "ErrorComment": (0x0902, "LO"),
    "ErrorID": (0x0903, "US"),
    "AffectedSOPInstanceUID": (0x1000, "UI"),
    "RequestedSOPInstanceUID": (0x1001, "UI"),
    "EventTypeID": (0x1002, "US"),
    "AttributeIdentifierList": (0x1005, "AT"),
    "ActionTypeID": (0x1008, "US"),
    "NumberOfRemainingSuboperations": (0x1020, "US+"),
    "NumberOfCompletedSuboperations": (0x1021, "US+"),
    "NumberOfFailedSuboperations": (0x1022, "US+"),
    "NumberOfWarningSuboperations": (0x1023, "US+"),
    "MoveOriginatorApplicationEntityTitle": (0x1030, "AE"),
    "MoveOriginatorMessageID": (0x1031, "US"),
}


def _plan(keywords: Iterable[str]) -> _Plan:
    """Return the plan of a command set with some of the elements `keywords`."""
    wanted = set(keywords)
    return [
        (keyword, number << 16, _VRS[vr].unit, _VRS[vr].encode)
        for keyword, (number, vr) in _ELEMENTS.items()
        if keyword in wanted
    ]


_PLAN_OF_ALL = _plan(keyword for keyword in _ELEMENTS if keyword != "CommandGroupLength")
_DECODERS = {number << 16: (keyword, *_VRS[vr]) for keyword, (number, vr) in _ELEMENTS.items()}


def _encode(plan: _Plan, values: Mapping[str, Any]) -> bytes:
    """Return the command set with those of the elements in `plan` that have a value."""
    parts = []
    keyword = ""
    try:
        for keyword, tag, length, encode in plan:
            value = values.get(keyword)
            if value is not None:
                parts.append(encode(tag, length, value))
    except (struct.error, AttributeError, TypeError, ValueError) as exc:
        shown = safe_text(repr(values[keyword]))
        raise ValueError(f"The value {shown} of {keyword} cannot be encoded: {exc}") from exc
    data = b"".join(parts)
    return _ULONG.pack(0, 4, len(data)) + data


def _decode(data: bytes) -> dict[str, Any]:
    """Return the values of the known elements of a command set by keyword.

    An element of no length counts as absent.
    """
    values: dict[str, Any] = {}
    offset, end = 0, len(data)
    try:
        while offset < end:
            tag, length = _HEADER.unpack_from(data, offset)
            start = offset + 8
            offset = start + length
            if offset > end:
                raise DIMSEDecodeError(
                    f"Element {_show_tag(tag)} of a command set is {length} bytes long, of which "
                    f"there are {end - start}"
                )
            if length and tag in _DECODERS:
                keyword, unit, longest, _, decode = _DECODERS[tag]
                if length % unit or length > longest:
                    raise DIMSEDecodeError(
                        f"Element {_show_tag(tag)} {keyword} of a command set cannot be {length} "
                        "bytes long"
                    )
                if keyword in values:
                    raise DIMSEDecodeError(f"A command set has {keyword} twice")
                value = data[start:offset]
                values[keyword] = decode(value) if decode else int.from_bytes(value, "little")
    except struct.error as exc:
        raise DIMSEDecodeError(
            f"A command set ends with {end - offset} bytes that are no whole element"
        ) from exc
    return values


@lru_cache(maxsize=64)
def _decode_known(data: bytes) -> dict[str, Any]:
    """Return what :func:`_decode` does, not to be changed.

    The command sets of a C-FIND's responses, for example, are all the same.
    """
    return _decode(data)


def _show_tag(tag: int) -> str:
    """Return the tag of an element as the standard writes it."""
    return f"({tag & 0xFFFF:04X},{tag >> 16:04X})"


class MessageType:
    """What is fixed for a kind of DIMSE message.

    Attributes
    ----------
    command_field : int
        The value of (0000,0100) Command Field.
    name : str
        Its name in PS3.7, for example ``"C-STORE-RQ"``.
    primitive : type
        The class of the primitive that carries its parameters.
    message : type
        The subclass of :class:`DIMSEMessage`.
    elements : dict of str to str
        The elements of its command set in their order, keyword and ``"M"`` (mandatory) or
        ``"U"`` (may be left out). The group length, which every command set begins with, is
        not among them.
    data_set : str or None
        The field of the primitive that has the data set; None if the message has no data set.
    """

    __slots__ = (
        "_plan",
        "command_field",
        "data_set",
        "elements",
        "message",
        "name",
        "primitive",
    )

    def __init__(
        self,
        command_field: int,
        name: str,
        primitive: type[DimsePrimitiveType],
        message: type[DIMSEMessage],
        elements: Mapping[str, str],
        data_set: str | None,
        _plan: _Plan,
    ) -> None:
        self.command_field = command_field
        self.name = name
        self.primitive = primitive
        self.message = message
        self.elements = elements
        self.data_set = data_set
        self._plan = _plan

    def __repr__(self) -> str:
        return f"MessageType(command_field=0x{self.command_field:04X}, name={self.name!r})"

    @property
    def is_request(self) -> bool:
        """Whether this is a request, as C-CANCEL is too."""
        return not self.command_field & RESPONSE


COMMAND_FIELDS: dict[int, MessageType] = {}
"""The kinds of message by their command field."""

# Those of a primitive: the request, and behind it the response if there is one
_KINDS: dict[type, list[MessageType]] = {}


def message_type(primitive: AnyPrimitive) -> MessageType:
    """Return the kind of message that `primitive` is sent as.

    That is the response if it has a value for *Message ID Being Responded To*. C-CANCEL is a
    request anyway.

    Raises
    ------
    TypeError
        `primitive` is no DIMSE primitive.
    """
    try:
        kinds = _KINDS[type(primitive)]
    except KeyError:
        raise TypeError(f"A DIMSE primitive is needed, not '{type(primitive).__name__}'") from None
    return kinds[-1] if primitive._is_response else kinds[0]


def encode_command(message_type: MessageType, primitive: AnyPrimitive, has_data_set: bool) -> bytes:
    """Return the encoded command set of a message (PS3.7 6.3.1).

    Parameters
    ----------
    message_type : MessageType
        The kind of message.
    primitive : C_CANCEL or DIMSEPrimitive
        Has the values. Those that are None are left out, also mandatory ones.
    has_data_set : bool
        Whether a data set follows.

    Raises
    ------
    ValueError
        A value does not fit its element; the message tells which.
    """
    values = {
        **primitive._values,
        "CommandField": message_type.command_field,
        "CommandDataSetType": HAS_DATA_SET if has_data_set else NO_DATA_SET,
    }
    return _encode(message_type._plan, values)


def encode_unrecognised(values: Mapping[str, Any]) -> bytes:
    """Return the command set that answers a request with an unknown command field.

    Parameters
    ----------
    values : dict
        What :func:`decode_command` returned for the request.
    """
    return _encode(
        _PLAN_OF_ALL,
        {
            "AffectedSOPClassUID": values.get("AffectedSOPClassUID"),
            "CommandField": values["CommandField"] | RESPONSE,
            "MessageIDBeingRespondedTo": values.get("MessageID", 0),
            "CommandDataSetType": NO_DATA_SET,
            "Status": _UNRECOGNISED_OPERATION,
        },
    )


def decode_command(data: Buffer) -> tuple[MessageType | None, dict[str, Any]]:
    """Return the kind of a message and what its command set says.

    Accepted are unknown elements, which are ignored, elements without value, which count as
    absent, elements in any order, a wrong group length, and text of any length and content. A
    request without Message ID gets 0.

    Parameters
    ----------
    data : bytes-like
        The command set, in Implicit VR Little Endian (PS3.7 6.3.1).

    Returns
    -------
    tuple[MessageType or None, dict]
        None for an unknown command field, and the plain values by keyword: int, str without
        padding, and lists of int for tags.

    Raises
    ------
    errors.DIMSEDecodeError
        The command set is cut short, an element is there twice or has a wrong length, or
        Command Field or Command Data Set Type is missing.
    """
    encoded = bytes(data)
    values = _decode_known(encoded) if len(encoded) <= _REMEMBERED_LENGTH else _decode(encoded)
    values = values.copy()
    for keyword in ("CommandField", "CommandDataSetType"):
        if keyword not in values:
            raise DIMSEDecodeError(f"A command set has no {keyword}")
    kind = COMMAND_FIELDS.get(values["CommandField"])
    if kind is not None and "MessageID" in kind.elements:
        values.setdefault("MessageID", 0)
        # By this one the primitive would be taken for a response
        values.pop("MessageIDBeingRespondedTo", None)
    return kind, values


class DIMSEMessage:
    """A DIMSE message: a command set, and perhaps a data set (PS3.7 6.3).

    Handlers of EVT_DIMSE_RECV and EVT_DIMSE_SENT find one in ``event.message``; its class tells
    the kind of message. ``str(message)`` is its form in logs.

    Attributes
    ----------
    message_type : MessageType or None
        What is fixed for this kind of message; None in the base class, which stands for
        messages of unknown kind and for those that are yet to be decoded.
    context_id : int or None
        The ID of the presentation context that carries the message.
    """

    message_type: ClassVar[MessageType | None] = None

    def __init_subclass__(
        cls,
        command_field: int | None = None,
        primitive: type[DimsePrimitiveType] | None = None,
    ) -> None:
        if command_field is None or primitive is None:
            return
        is_response = bool(command_field & RESPONSE)
        usage = {"CommandField": "M", "CommandDataSetType": "M"}
        for name, parameter in primitive._FIELDS.items():
            usage[name] = parameter.response if is_response else parameter.request
        plan = _plan(name for name in usage if usage[name])
        cls.message_type = MessageType(
            command_field=command_field,
            name=cls.__name__.replace("_", "-"),
            primitive=primitive,
            message=cls,
            elements={keyword: usage[keyword] for keyword, *_ in plan},
            data_set=primitive._DATA_SETS[is_response],
            _plan=plan,
        )
        COMMAND_FIELDS[command_field] = cls.message_type
        _KINDS.setdefault(primitive, []).append(cls.message_type)

    def __init__(self) -> None:
        self.context_id: int | None = None
        self._encoded = b""
        self._command_set: Dataset | None = None
        self._data: Buffer | DataSource = BytesIO()
        if self.message_type is not None:
            values = {
                "CommandField": self.message_type.command_field,
                "CommandDataSetType": NO_DATA_SET,
            }
            self._encoded = _encode(_PLAN_OF_ALL, values)
        # Where decode_msg() is
        self._command = bytearray()
        self._expects_data = False

    @classmethod
    def _from_parts(
        cls,
        kind: MessageType,
        primitive: AnyPrimitive,
        context_id: int,
        data_set: Buffer | DataSource | Iterable[Any] | None,
    ) -> DIMSEMessage:
        """Return the message of `primitive`; a data set that comes in pieces is left out."""
        message = kind.message()
        message.context_id = context_id
        message._encoded = encode_command(kind, primitive, data_set is not None)
        if isinstance(data_set, (bytes, bytearray, memoryview, DataSource)):
            message._data = data_set
        return message

    @property
    def command_set(self) -> Dataset:
        """The command set; :meth:`encode_msg` encodes it with the changes made to it."""
        if self._command_set is None:
            self._command_set = command_elements(_decode(self._encoded))
        return self._command_set

    @command_set.setter
    def command_set(self, value: Dataset) -> None:
        self._command_set = value

    @property
    def encoded_command_set(self) -> BytesIO:
        """The encoded command set, as a new stream."""
        return BytesIO(self._encode())

    @property
    def data_set(self) -> BytesIO:
        """The encoded data set, empty if there is none."""
        data = self._data
        if isinstance(data, BytesIO):
            return data
        stream = self._data = BytesIO(data.getbuffer() if isinstance(data, DataSource) else data)
        return stream

    @data_set.setter
    def data_set(self, value: BytesIO) -> None:
        self._data = value

    def _encode(self) -> bytes:
        """Return the encoded command set, with the changes that a user made to it."""
        if self._command_set is None:
            return self._encoded
        return _encode(_PLAN_OF_ALL, {elem.keyword: elem.value for elem in self._command_set})

    def __str__(self) -> str:
        values = _decode(self._encode())
        kind = self.message_type
        rows = {
            "MessageType": kind.name if kind else "unknown",
            "PresentationContextID": self.context_id,
            **{keyword: _show(keyword, value) for keyword, value in values.items()},
            "DataSet": "none" if values.get("CommandDataSetType") == NO_DATA_SET else "present",
        }
        for keyword in ("CommandGroupLength", "CommandDataSetType"):
            rows.pop(keyword, None)
        width = max(map(len, rows))
        return "\n".join(f"{keyword:<{width}} : {value}" for keyword, value in rows.items())

    def encode_msg(self, context_id: int, max_pdu_length: int) -> Iterator[P_DATA]:
        """Yield the P-DATA primitives that carry the message, with one fragment each.

        Parameters
        ----------
        context_id : int
            The ID of the presentation context.
        max_pdu_length : int
            The largest P-DATA-TF PDU that the peer accepts, in bytes without the PDU header; 0
            for no limit (PS3.8 D.1).

        Raises
        ------
        ValueError
            `max_pdu_length` leaves no room for data, or a value of the command set does not fit
            its element.
        """
        if 0 < max_pdu_length < 8:
            raise ValueError(f"No data fits in PDUs of at most {max_pdu_length} bytes")
        self.context_id = context_id
        parts = [(COMMAND, self._encode())]
        data = self.data_set.getvalue()
        if data:
            parts.append((0, data))
        for part, content in parts:
            # Each PDV has a header of 6 bytes; fragments are even (PS3.8 E.1)
            size = (max_pdu_length - 6) & ~1 if max_pdu_length else len(content)
            for start in range(0, len(content), size):
                last = LAST if start + size >= len(content) else 0
                primitive = P_DATA()
                primitive.pdvs = [(context_id, part | last, content[start : start + size])]
                yield primitive

    def decode_msg(self, primitive: P_DATA, assoc: Association | None = None) -> bool:
        """Add the fragments that a P-DATA primitive carries.

        With the whole command set there, the object becomes one of the class for its kind.

        Parameters
        ----------
        primitive : pdu_primitives.P_DATA
            Carries fragments of this message and of no other.
        assoc : association.Association, optional
            Not used.

        Returns
        -------
        bool
            Whether the message is complete.

        Raises
        ------
        errors.DIMSEDecodeError
            The fragments make no message, or the command set is malformed.
        """
        is_complete = False
        for context_id, control, fragment in primitive.pdvs:
            if is_complete:
                raise DIMSEDecodeError("Fragments follow a complete message")
            if self.context_id is None:
                self.context_id = context_id
            elif self.context_id != context_id:
                raise DIMSEDecodeError(
                    f"A message in context {self.context_id} goes on in context {context_id}"
                )
            if control & COMMAND:
                is_complete = self._add_command(fragment, bool(control & LAST))
            else:
                is_complete = self._add_data(fragment, bool(control & LAST))
        return is_complete

    def _add_command(self, fragment: Buffer, is_last: bool) -> bool:
        """Add a fragment of the command set; return whether the message is complete."""
        if self._expects_data:
            raise DIMSEDecodeError("A fragment of a command set follows the last one")
        self._command += fragment
        if not is_last:
            return False
        self._encoded = bytes(self._command)
        self._command_set = None
        kind, values = decode_command(self._encoded)
        if kind is not None:
            self.__class__ = kind.message
        self._expects_data = values["CommandDataSetType"] != NO_DATA_SET
        return not self._expects_data

    def _add_data(self, fragment: Buffer, is_last: bool) -> bool:
        """Add a fragment of the data set; return whether the message is complete."""
        if not self._expects_data:
            raise DIMSEDecodeError("A fragment of a data set comes without a command set before")
        self.data_set.write(fragment)
        if is_last:
            self.data_set.seek(0)
        return is_last

    def primitive_to_message(self, primitive: AnyPrimitive) -> None:
        """Take the content of `primitive`.

        Raises
        ------
        ValueError
            `primitive` is another kind of message, or one of its values does not fit its
            element.
        """
        kind = message_type(primitive)
        if self.message_type not in (kind, None):
            raise ValueError(f"The primitive is a {kind.name}, not a {self.message_type.name}")
        data = primitive._encoded_data_set()
        self.__class__ = kind.message
        self._encoded = encode_command(kind, primitive, data is not None)
        self._command_set = None
        self._data = b"" if data is None else data

    def message_to_primitive(self) -> DimsePrimitiveType:
        """Return the primitive with the content of the message.

        Raises
        ------
        ValueError
            The kind of message is unknown, or its command set is malformed.
        """
        kind, values = decode_command(self._encode())
        if kind is None:
            raise ValueError(f"No message has the command field 0x{values['CommandField']:04X}")
        has_data_set = values["CommandDataSetType"] != NO_DATA_SET
        return kind.primitive._from_values(values, self.data_set if has_data_set else None)


def command_elements(values: Mapping[str, Any]) -> Dataset:
    """Return elements of a command set as data set, which pydicom does not get to validate.

    Parameters
    ----------
    values : dict
        Plain values by keyword, as :func:`decode_command` returns them.
    """
    elements: dict[BaseTag, Any] = {}
    BaseTag, DataElement = lazy.pydicom.tag.BaseTag, lazy.pydicom.dataelem.DataElement
    for keyword, value in values.items():
        number, vr = _ELEMENTS[keyword]
        if vr == "UI":
            shown: Any = make_uid(value or "")
        elif vr == "AT":
            tags = lazy.pydicom.multival.MultiValue(BaseTag, value)
            shown = tags[0] if len(tags) == 1 else tags
        else:
            shown = value
        tag = BaseTag(number)
        elements[tag] = DataElement(tag, vr[:2], shown, already_converted=True)
    return lazy.dataset_reader.new_dataset(elements)


def _show(keyword: str, value: Any) -> str:
    """Return a plain value in its form in logs."""
    vr = _ELEMENTS[keyword][1]
    if value is None:
        return "(no value)"
    if vr == "AT":
        tags = ", ".join(str(lazy.pydicom.tag.BaseTag(tag)) for tag in value[:8])
        return f"{tags}, ..." if value[8:] else tags
    if keyword in ("CommandField", "Status"):
        return f"0x{value:04X}"
    if vr != "UI":
        return safe_text(str(value))
    name = make_uid(value).name
    return safe_text(value, 80) if name == value else f"{value} ({name})"


class C_STORE_RQ(DIMSEMessage, command_field=0x0001, primitive=C_STORE):
    """C-STORE-RQ (PS3.7 9.3.1.1)."""


class C_STORE_RSP(DIMSEMessage, command_field=0x8001, primitive=C_STORE):
    """C-STORE-RSP (PS3.7 9.3.1.2)."""


class C_FIND_RQ(DIMSEMessage, command_field=0x0020, primitive=C_FIND):
    """C-FIND-RQ (PS3.7 9.3.2.1)."""


class C_FIND_RSP(DIMSEMessage, command_field=0x8020, primitive=C_FIND):
    """C-FIND-RSP (PS3.7 9.3.2.2)."""


class C_CANCEL_RQ(DIMSEMessage, command_field=0x0FFF, primitive=C_CANCEL):
    """C-CANCEL-RQ, for C-FIND, C-GET and C-MOVE (PS3.7 9.3.2.3)."""


class C_GET_RQ(DIMSEMessage, command_field=0x0010, primitive=C_GET):
    """C-GET-RQ (PS3.7 9.3.3.1)."""


class C_GET_RSP(DIMSEMessage, command_field=0x8010, primitive=C_GET):
    """C-GET-RSP (PS3.7 9.3.3.2)."""


class C_MOVE_RQ(DIMSEMessage, command_field=0x0021, primitive=C_MOVE):
    """C-MOVE-RQ (PS3.7 9.3.4.1)."""


class C_MOVE_RSP(DIMSEMessage, command_field=0x8021, primitive=C_MOVE):
    """C-MOVE-RSP (PS3.7 9.3.4.2)."""


class C_ECHO_RQ(DIMSEMessage, command_field=0x0030, primitive=C_ECHO):
    """C-ECHO-RQ (PS3.7 9.3.5.1)."""


class C_ECHO_RSP(DIMSEMessage, command_field=0x8030, primitive=C_ECHO):
    """C-ECHO-RSP (PS3.7 9.3.5.2)."""


class N_EVENT_REPORT_RQ(DIMSEMessage, command_field=0x0100, primitive=N_EVENT_REPORT):
    """N-EVENT-REPORT-RQ (PS3.7 10.3.1.1)."""


class N_EVENT_REPORT_RSP(DIMSEMessage, command_field=0x8100, primitive=N_EVENT_REPORT):
    """N-EVENT-REPORT-RSP (PS3.7 10.3.1.2)."""


class N_GET_RQ(DIMSEMessage, command_field=0x0110, primitive=N_GET):
    """N-GET-RQ (PS3.7 10.3.2.1)."""


class N_GET_RSP(DIMSEMessage, command_field=0x8110, primitive=N_GET):
    """N-GET-RSP (PS3.7 10.3.2.2)."""


class N_SET_RQ(DIMSEMessage, command_field=0x0120, primitive=N_SET):
    """N-SET-RQ (PS3.7 10.3.3.1)."""


class N_SET_RSP(DIMSEMessage, command_field=0x8120, primitive=N_SET):
    """N-SET-RSP (PS3.7 10.3.3.2)."""


class N_ACTION_RQ(DIMSEMessage, command_field=0x0130, primitive=N_ACTION):
    """N-ACTION-RQ (PS3.7 10.3.4.1)."""


class N_ACTION_RSP(DIMSEMessage, command_field=0x8130, primitive=N_ACTION):
    """N-ACTION-RSP (PS3.7 10.3.4.2)."""


class N_CREATE_RQ(DIMSEMessage, command_field=0x0140, primitive=N_CREATE):
    """N-CREATE-RQ (PS3.7 10.3.5.1)."""


class N_CREATE_RSP(DIMSEMessage, command_field=0x8140, primitive=N_CREATE):
    """N-CREATE-RSP (PS3.7 10.3.5.2)."""


class N_DELETE_RQ(DIMSEMessage, command_field=0x0150, primitive=N_DELETE):
    """N-DELETE-RQ (PS3.7 10.3.6.1)."""


class N_DELETE_RSP(DIMSEMessage, command_field=0x8150, primitive=N_DELETE):
    """N-DELETE-RSP (PS3.7 10.3.6.2)."""
