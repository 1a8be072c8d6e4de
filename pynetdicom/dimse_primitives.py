"""The DIMSE service primitives: the parameters of each DIMSE service (PS3.7 9.1 and 10.1).

A primitive serves as request and as response of its service. Its parameters are declared below
as in the tables of PS3.7: with their usage in the request and in the response, ``"M"``
(mandatory), ``"U"`` (may be left out) or ``""`` (not there).
"""

from __future__ import annotations

from collections.abc import MutableSequence, Sequence
from io import BytesIO
from typing import (
    TYPE_CHECKING,
    Any,
    ClassVar,
    Generic,
    Protocol,
    TypeAlias,
    TypeVar,
    overload,
    runtime_checkable,
)

import pynetdicom._lazy as lazy
from pynetdicom.utils import check_uid, set_ae, shown_uid

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydicom.tag import BaseTag, TagType
    from pydicom.uid import UID
    from typing_extensions import Self

_Get = TypeVar("_Get")
_Set = TypeVar("_Set")
_MAX_USHORT = 0xFFFF

# What responses repeat; the UIDs of some requests are called Requested... instead
_ECHOES = ("AffectedSOPClassUID", "AffectedSOPInstanceUID", "EventTypeID", "ActionTypeID")


@runtime_checkable
class DataSource(Protocol):
    """Where an encoded data set lies, be that memory or a file (``io.BytesIO`` is one).

    It may have the attributes `path`, a file that holds the data set, and `error`, None unless
    the data set is lost, and the method ``discard()``, by which it is told that nobody needs the
    data set any more.
    """

    def getbuffer(self) -> bytes | bytearray | memoryview:
        """Return the encoded data set."""
        ...


class _Field(Generic[_Get, _Set]):
    """A parameter of a primitive, with its usage in the request and in the response."""

    # What the parameter is in a new primitive
    default: ClassVar[object] = None

    def __init__(self, request: str, response: str) -> None:
        self.request = request
        self.response = response

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    @overload
    def __get__(self, instance: None, owner: type) -> Self: ...

    @overload
    def __get__(self, instance: _Primitive, owner: type) -> _Get | None: ...

    def __get__(self, instance: _Primitive | None, owner: type) -> Self | _Get | None:
        if instance is None:
            return self
        value = instance._values.get(self.name)
        return None if value is None else self._show(value, instance)

    def __set__(self, instance: _Primitive, value: _Set | None) -> None:
        instance._values[self.name] = None if value is None else self._check(value)

    def _show(self, value: Any, instance: _Primitive) -> _Get:
        """Return the plain `value` of `instance` in the form that users see."""
        shown: _Get = value
        return shown

    def _check(self, value: _Set) -> object:
        """Return what a user assigned as plain value, or raise TypeError or ValueError."""
        raise NotImplementedError

    def _expect(self, expected: str, value: object) -> TypeError:
        """Return the error for a value of the wrong type."""
        return TypeError(f"'{self.name}' must be {expected} or None, not '{type(value).__name__}'")


class _UIDField(_Field["UID", "str | bytes"]):
    """A UID; one received is kept as it came, without padding."""

    def _show(self, value: Any, instance: _Primitive) -> UID:
        return shown_uid(value)

    def _check(self, value: str | bytes) -> object:
        return check_uid(value, self.name) or None


class _AEField(_Field[str, str | bytes]):
    """An AE title."""

    def _check(self, value: str | bytes) -> object:
        return set_ae(value, self.name, allow_empty=False)


class _IntField(_Field[int, int]):
    """An integer. Whether it fits its 16 bits is seen when it is encoded."""

    def _check(self, value: int) -> object:
        if not isinstance(value, int):
            raise self._expect("int", value)
        return value


class _UShortField(_IntField):
    """An unsigned integer of 16 bits."""

    def _check(self, value: int) -> object:
        super()._check(value)
        if not 0 <= value <= _MAX_USHORT:
            raise ValueError(f"'{self.name}' must be between 0 and {_MAX_USHORT}, not {value}")
        return value


class _PriorityField(_Field[int, int]):
    """The priority of an operation: 0 medium, 1 high or 2 low."""

    default = 2

    def __set__(self, instance: _Primitive, value: int | None) -> None:
        if value not in (0, 1, 2):
            raise ValueError(
                f"'{self.name}' must be 0 (medium), 1 (high) or 2 (low), not {value!r}"
            )
        instance._values[self.name] = value


class _TextField(_Field[str, "str | Sequence[str]"]):
    """A comment of at most 64 characters; more are not sent."""

    def _check(self, value: str | Sequence[str]) -> object:
        if isinstance(value, str):
            return value
        # Several values, as pydicom gives them for a text that contains a backslash
        if isinstance(value, Sequence) and all(isinstance(text, str) for text in value):
            return "\\".join(value)
        raise self._expect("str", value)


class _TagField(_Field["BaseTag | list[BaseTag]", "TagType | MutableSequence[TagType]"]):
    """One tag, or a list of tags. A tag may be an int, a keyword or a (group, element) tuple."""

    def _show(self, value: Any, instance: _Primitive) -> BaseTag | list[BaseTag]:
        tags = [lazy.pydicom.tag.BaseTag(tag) for tag in value]
        return tags[0] if len(tags) == 1 else tags

    def _check(self, value: TagType | MutableSequence[TagType]) -> object:
        # A list is always several tags: Tag() would take one of two for group and element
        tags = value if isinstance(value, MutableSequence) else [value]
        try:
            return [int(lazy.pydicom.tag.Tag(tag)) for tag in tags] or None
        except (ValueError, TypeError, OverflowError) as exc:
            raise ValueError(f"'{self.name}' must be a tag or a list of tags: {exc}") from exc


class _DataSetField(_Field[BytesIO, BytesIO]):
    """An encoded data set. One received may be kept elsewhere until somebody asks for it."""

    def _show(self, value: Any, instance: _Primitive) -> BytesIO:
        if isinstance(value, BytesIO):
            return value
        stream = instance._values[self.name] = BytesIO(value.getbuffer())
        return stream

    def __set__(self, instance: _Primitive, value: BytesIO | None) -> None:
        if value is not None and not isinstance(value, BytesIO):
            raise self._expect("BytesIO", value)
        instance._values[self.name] = value
        instance.data_source = None


class _Primitive:
    """What the service primitives have in common.

    Attributes
    ----------
    data_source : DataSource or None
        The data set that was received, until another is assigned to the primitive's field.
    """

    _FIELDS: ClassVar[Mapping[str, _Field[Any, Any]]] = {}
    _DEFAULTS: ClassVar[Mapping[str, object]] = {}
    # Keywords of the data set of the request and of that of the response
    _DATA_SETS: ClassVar[tuple[str | None, str | None]] = (None, None)

    data_source: DataSource | None = None

    def __init_subclass__(cls) -> None:
        declared = {name: field for name, field in vars(cls).items() if isinstance(field, _Field)}
        fields = cls._FIELDS = {**cls._FIELDS, **declared}
        cls._DEFAULTS = {name: fields[name].default for name in fields if fields[name].default}
        data_sets = [name for name in fields if isinstance(fields[name], _DataSetField)]
        cls._DATA_SETS = (
            next((name for name in data_sets if fields[name].request), None),
            next((name for name in data_sets if fields[name].response), None),
        )

    def __init__(self) -> None:
        # Plain values by keyword: str, int, list of int for tags, and for a data set its source
        self._values: dict[str, Any] = dict(self._DEFAULTS)

    @classmethod
    def _from_values(cls, values: Mapping[str, Any], source: DataSource | None = None) -> Self:
        """Return a primitive with plain `values`, which are not validated, and a data set."""
        primitive = cls.__new__(cls)
        primitive._values = {**cls._DEFAULTS, **values}
        if source is not None:
            primitive.data_source = source
            keyword = primitive._data_set
            if keyword is not None:
                primitive._values[keyword] = source
        return primitive

    @property
    def _is_response(self) -> bool:
        """Whether this is the response of its service and not the request."""
        return self._values.get("MessageIDBeingRespondedTo") is not None

    @property
    def _data_set(self) -> str | None:
        """The keyword of the data set that the message may have."""
        return self._DATA_SETS[self._is_response]

    def _encoded_data_set(self) -> bytes | bytearray | memoryview | None:
        """Return the data set to send, None for none.

        An empty one is sent only where the message must have one.
        """
        keyword = self._data_set
        source = None if keyword is None else self._values.get(keyword)
        if keyword is None or source is None:
            return None
        # Not the buffer of a BytesIO: its owner could not write to it while we hold that
        data = source.getvalue() if isinstance(source, BytesIO) else source.getbuffer()
        field = self._FIELDS[keyword]
        is_mandatory = (field.response if self._is_response else field.request) == "M"
        return data if is_mandatory or len(data) else None

    def _discard_data_set(self) -> None:
        """Tell the source of a received data set that nobody needs it any more."""
        discard = getattr(self.data_source, "discard", None)
        if discard is not None:
            discard()

    @property
    def msg_type(self) -> str:
        """The service, for example ``"C-FIND"``."""
        return type(self).__name__.replace("_", "-")


class C_CANCEL(_Primitive):
    """C-CANCEL: end a C-FIND, C-GET or C-MOVE operation early (PS3.7 9.3.2.3)."""

    MessageIDBeingRespondedTo = _UShortField("M", "")


class DIMSEPrimitive(_Primitive):
    """Base class of the primitives of services that have a request and a response.

    Assigning to a parameter validates the value and raises ``TypeError`` or ``ValueError``;
    None, except for `Priority`, says that the parameter is not there.
    """

    REQUEST_KEYWORDS: ClassVar[tuple[str, ...]] = ()
    """The mandatory parameters of the request."""
    RESPONSE_KEYWORDS: ClassVar[tuple[str, ...]] = ("MessageIDBeingRespondedTo", "Status")
    """The mandatory parameters of the response."""
    STATUS_OPTIONAL_KEYWORDS: ClassVar[tuple[str, ...]] = ()
    """The parameters that may tell more about the response's status (PS3.7 Annex C)."""

    # Parameter of the response, and the one of the request that it repeats
    _ECHOED: ClassVar[Sequence[tuple[str, str]]] = ()

    MessageID = _UShortField("M", "")
    MessageIDBeingRespondedTo = _UShortField("", "M")
    AffectedSOPClassUID = _UIDField("", "U")
    Status = _IntField("", "M")

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        fields = cls._FIELDS
        cls.REQUEST_KEYWORDS = tuple(name for name in fields if fields[name].request == "M")
        cls.RESPONSE_KEYWORDS = tuple(name for name in fields if fields[name].response == "M")
        cls._ECHOED = [
            (echo, name)
            for echo in _ECHOES
            for name in (echo, echo.replace("Affected", "Requested"))
            if echo in fields and name in fields and fields[name].request
        ]

    @property
    def is_valid_request(self) -> bool:
        """Whether every mandatory parameter of the request is there."""
        return self._has_all(self.REQUEST_KEYWORDS)

    @property
    def is_valid_response(self) -> bool:
        """Whether every mandatory parameter of the response is there."""
        return self._has_all(self.RESPONSE_KEYWORDS)

    def _has_all(self, keywords: Sequence[str]) -> bool:
        """Return whether some parameters are there."""
        return None not in map(self._values.get, keywords)

    def response(self) -> Self:
        """Return the response to this request, as yet without status.

        It repeats the request's message ID, UIDs and event or action type as they came, even
        where they are nothing that one could assign.
        """
        values = self._values
        echoes = {echo: values.get(name) for echo, name in self._ECHOED}
        echoes["MessageIDBeingRespondedTo"] = values.get("MessageID")
        return self._from_values(echoes)


class C_STORE(DIMSEPrimitive):
    """C-STORE: have a composite SOP instance stored (PS3.7 9.1.1)."""

    STATUS_OPTIONAL_KEYWORDS = ("OffendingElement", "ErrorComment")

    AffectedSOPClassUID = _UIDField("M", "U")
    AffectedSOPInstanceUID = _UIDField("M", "U")
    Priority = _PriorityField("M", "")
    MoveOriginatorApplicationEntityTitle = _AEField("U", "")
    MoveOriginatorMessageID = _UShortField("U", "")
    DataSet = _DataSetField("M", "")
    OffendingElement = _TagField("", "U")
    ErrorComment = _TextField("", "U")


class C_FIND(DIMSEPrimitive):
    """C-FIND: query for composite SOP instances (PS3.7 9.1.2)."""

    STATUS_OPTIONAL_KEYWORDS = ("OffendingElement", "ErrorComment")

    AffectedSOPClassUID = _UIDField("M", "U")
    Priority = _PriorityField("M", "")
    Identifier = _DataSetField("M", "U")
    OffendingElement = _TagField("", "U")
    ErrorComment = _TextField("", "U")


class _Retrieve(DIMSEPrimitive):
    """The parameters that C-GET and C-MOVE share."""

    STATUS_OPTIONAL_KEYWORDS = (
        "ErrorComment",
        "OffendingElement",
        "NumberOfRemainingSuboperations",
        "NumberOfCompletedSuboperations",
        "NumberOfFailedSuboperations",
        "NumberOfWarningSuboperations",
    )

    AffectedSOPClassUID = _UIDField("M", "U")
    Priority = _PriorityField("M", "")
    Identifier = _DataSetField("M", "U")
    NumberOfRemainingSuboperations = _UShortField("", "U")
    NumberOfCompletedSuboperations = _UShortField("", "U")
    NumberOfFailedSuboperations = _UShortField("", "U")
    NumberOfWarningSuboperations = _UShortField("", "U")
    OffendingElement = _TagField("", "U")
    ErrorComment = _TextField("", "U")


class C_GET(_Retrieve):
    """C-GET: have composite SOP instances sent on this association (PS3.7 9.1.3)."""


class C_MOVE(_Retrieve):
    """C-MOVE: have composite SOP instances sent to another AE (PS3.7 9.1.4)."""

    MoveDestination = _AEField("M", "")


class C_ECHO(DIMSEPrimitive):
    """C-ECHO: verify that the peer answers (PS3.7 9.1.5)."""

    STATUS_OPTIONAL_KEYWORDS = ("ErrorComment",)

    AffectedSOPClassUID = _UIDField("M", "U")
    ErrorComment = _TextField("", "U")


class N_EVENT_REPORT(DIMSEPrimitive):
    """N-EVENT-REPORT: report an event about a SOP instance (PS3.7 10.1.1)."""

    STATUS_OPTIONAL_KEYWORDS = (
        "AffectedSOPClassUID",
        "AffectedSOPInstanceUID",
        "EventTypeID",
        "ErrorComment",
        "ErrorID",
    )

    AffectedSOPClassUID = _UIDField("M", "U")
    EventTypeID = _UShortField("M", "U")
    AffectedSOPInstanceUID = _UIDField("M", "U")
    EventInformation = _DataSetField("U", "")
    EventReply = _DataSetField("", "U")
    ErrorComment = _TextField("", "U")
    ErrorID = _UShortField("", "U")


class N_GET(DIMSEPrimitive):
    """N-GET: retrieve attributes of a SOP instance (PS3.7 10.1.2)."""

    STATUS_OPTIONAL_KEYWORDS = ("AttributeIdentifierList", "ErrorComment", "ErrorID")

    RequestedSOPClassUID = _UIDField("M", "")
    RequestedSOPInstanceUID = _UIDField("M", "")
    AttributeIdentifierList = _TagField("U", "U")
    AffectedSOPInstanceUID = _UIDField("", "U")
    AttributeList = _DataSetField("", "U")
    ErrorComment = _TextField("", "U")
    ErrorID = _UShortField("", "U")


class N_SET(DIMSEPrimitive):
    """N-SET: modify attributes of a SOP instance (PS3.7 10.1.3)."""

    STATUS_OPTIONAL_KEYWORDS = ("ErrorComment", "ErrorID", "AttributeIdentifierList")

    RequestedSOPClassUID = _UIDField("M", "")
    RequestedSOPInstanceUID = _UIDField("M", "")
    ModificationList = _DataSetField("M", "")
    AffectedSOPInstanceUID = _UIDField("", "U")
    AttributeIdentifierList = _TagField("", "U")
    AttributeList = _DataSetField("", "U")
    ErrorComment = _TextField("", "U")
    ErrorID = _UShortField("", "U")


class N_ACTION(DIMSEPrimitive):
    """N-ACTION: have an action performed on a SOP instance (PS3.7 10.1.4)."""

    STATUS_OPTIONAL_KEYWORDS = ("ErrorComment", "ErrorID", "AttributeIdentifierList")

    RequestedSOPClassUID = _UIDField("M", "")
    RequestedSOPInstanceUID = _UIDField("M", "")
    ActionTypeID = _UShortField("M", "U")
    ActionInformation = _DataSetField("U", "")
    AffectedSOPInstanceUID = _UIDField("", "U")
    AttributeIdentifierList = _TagField("", "U")
    ActionReply = _DataSetField("", "U")
    ErrorComment = _TextField("", "U")
    ErrorID = _UShortField("", "U")


class N_CREATE(DIMSEPrimitive):
    """N-CREATE: have a SOP instance created (PS3.7 10.1.5)."""

    STATUS_OPTIONAL_KEYWORDS = ("ErrorComment", "ErrorID")

    AffectedSOPClassUID = _UIDField("M", "U")
    AffectedSOPInstanceUID = _UIDField("U", "U")
    AttributeList = _DataSetField("U", "U")
    AttributeIdentifierList = _TagField("", "U")
    ErrorComment = _TextField("", "U")
    ErrorID = _UShortField("", "U")


class N_DELETE(DIMSEPrimitive):
    """N-DELETE: have a SOP instance deleted (PS3.7 10.1.6)."""

    STATUS_OPTIONAL_KEYWORDS = ("ErrorComment", "ErrorID")

    RequestedSOPClassUID = _UIDField("M", "")
    RequestedSOPInstanceUID = _UIDField("M", "")
    AffectedSOPInstanceUID = _UIDField("", "U")
    ErrorComment = _TextField("", "U")
    ErrorID = _UShortField("", "U")


DimseServiceType: TypeAlias = (
    C_ECHO
    | C_FIND
    | C_GET
    | C_MOVE
    | C_STORE
    | N_ACTION
    | N_CREATE
    | N_DELETE
    | N_EVENT_REPORT
    | N_GET
    | N_SET
)
DimsePrimitiveType: TypeAlias = C_CANCEL | DimseServiceType
