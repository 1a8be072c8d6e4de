"""The events of an association, and the binding of handlers to them.

A *notification* event tells that something happened: any number of handlers may be bound to it,
and what they return is ignored. An *intervention* event asks for a decision or for the answer
to a request: exactly one handler is bound to it, and what it returns is used.
:mod:`pynetdicom._handlers` describes the handler of each event.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from copy import copy
from io import BytesIO
from typing import TYPE_CHECKING, Any, NamedTuple, overload

import pynetdicom._config as _config
import pynetdicom._handlers as _handlers
import pynetdicom._lazy as lazy
from pynetdicom._spool import Spool
from pynetdicom._version import IMPLEMENTATION_UID, PYNETDICOM_IMPLEMENTATION_VERSION
from pynetdicom.dsutils import create_file_meta, decode, encoding_of, file_head
from pynetdicom.limits import Limits

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.tag import BaseTag
    from pydicom.uid import UID

    from pynetdicom.association import Association
    from pynetdicom.dimse_messages import DIMSEMessage
    from pynetdicom.pdu import PDU
    from pynetdicom.pdu_primitives import (
        A_ABORT,
        A_ASSOCIATE,
        A_P_ABORT,
        A_RELEASE,
        SOPClassCommonExtendedNegotiation,
    )
    from pynetdicom.presentation import PresentationContextTuple

LOGGER = logging.getLogger(__name__)


class EventType(NamedTuple):
    """An event: what :class:`NotificationEvent` and :class:`InterventionEvent` have in common."""

    name: str
    description: str
    is_intervention: bool
    is_notification: bool

    def __str__(self) -> str:
        return self.name


class NotificationEvent(EventType):
    """An event that handlers are told of."""

    __slots__ = ()

    def __new__(
        cls,
        name: str,
        description: str,
        is_intervention: bool = False,
        is_notification: bool = True,
    ) -> NotificationEvent:
        """Create the event."""
        return super().__new__(cls, name, description, is_intervention, is_notification)


class InterventionEvent(EventType):
    """An event whose one handler decides or answers."""

    __slots__ = ()

    def __new__(
        cls,
        name: str,
        description: str,
        is_intervention: bool = True,
        is_notification: bool = False,
    ) -> InterventionEvent:
        """Create the event."""
        return super().__new__(cls, name, description, is_intervention, is_notification)


Handler = Callable[..., Any]
#: An event and its handler, and maybe the arguments to call it with after the :class:`Event`
EventHandlerType = tuple[EventType, Handler] | tuple[EventType, Handler, Sequence[Any] | None]
#: A handler, and the arguments to call it with after the :class:`Event`
HandlerArgType = tuple[Handler, Sequence[Any] | None]

EVT_ABORTED = NotificationEvent("EVT_ABORTED", "Association aborted")
EVT_ACCEPTED = NotificationEvent("EVT_ACCEPTED", "Association accepted")
EVT_ACSE_RECV = NotificationEvent("EVT_ACSE_RECV", "ACSE primitive received from the DUL")
EVT_ACSE_SENT = NotificationEvent("EVT_ACSE_SENT", "ACSE primitive handed to the DUL")
EVT_CONN_CLOSE = NotificationEvent("EVT_CONN_CLOSE", "Connection closed")
EVT_CONN_OPEN = NotificationEvent("EVT_CONN_OPEN", "Connection opened")
EVT_DATA_RECV = NotificationEvent("EVT_DATA_RECV", "Encoded PDU received from the peer")
EVT_DATA_SENT = NotificationEvent("EVT_DATA_SENT", "Encoded PDU sent to the peer")
EVT_DIMSE_RECV = NotificationEvent("EVT_DIMSE_RECV", "DIMSE message received and decoded")
EVT_DIMSE_SENT = NotificationEvent("EVT_DIMSE_SENT", "DIMSE message encoded and sent")
EVT_ESTABLISHED = NotificationEvent("EVT_ESTABLISHED", "Association established")
EVT_FSM_TRANSITION = NotificationEvent("EVT_FSM_TRANSITION", "State machine about to change state")
EVT_PDU_RECV = NotificationEvent("EVT_PDU_RECV", "PDU received and decoded")
EVT_PDU_SENT = NotificationEvent("EVT_PDU_SENT", "PDU encoded and sent")
EVT_REJECTED = NotificationEvent("EVT_REJECTED", "Association rejected")
EVT_RELEASED = NotificationEvent("EVT_RELEASED", "Association released")
EVT_REQUESTED = NotificationEvent("EVT_REQUESTED", "Association requested")

EVT_ASYNC_OPS = InterventionEvent("EVT_ASYNC_OPS", "Asynchronous operations window proposed")
EVT_SOP_COMMON = InterventionEvent("EVT_SOP_COMMON", "SOP class common extended negotiation")
EVT_SOP_EXTENDED = InterventionEvent("EVT_SOP_EXTENDED", "SOP class extended negotiation")
EVT_USER_ID = InterventionEvent("EVT_USER_ID", "User identity presented")
EVT_C_ECHO = InterventionEvent("EVT_C_ECHO", "C-ECHO request received")
EVT_C_FIND = InterventionEvent("EVT_C_FIND", "C-FIND request received")
EVT_C_GET = InterventionEvent("EVT_C_GET", "C-GET request received")
EVT_C_MOVE = InterventionEvent("EVT_C_MOVE", "C-MOVE request received")
EVT_C_STORE = InterventionEvent("EVT_C_STORE", "C-STORE request received")
EVT_N_ACTION = InterventionEvent("EVT_N_ACTION", "N-ACTION request received")
EVT_N_CREATE = InterventionEvent("EVT_N_CREATE", "N-CREATE request received")
EVT_N_DELETE = InterventionEvent("EVT_N_DELETE", "N-DELETE request received")
EVT_N_EVENT_REPORT = InterventionEvent("EVT_N_EVENT_REPORT", "N-EVENT-REPORT request received")
EVT_N_GET = InterventionEvent("EVT_N_GET", "N-GET request received")
EVT_N_SET = InterventionEvent("EVT_N_SET", "N-SET request received")

_INTERVENTION_EVENTS = tuple(
    value for value in list(vars().values()) if isinstance(value, InterventionEvent)
)


class _Bound(NamedTuple):
    """The handlers of one event.

    `level` is None, or where there are logging handlers only, the level below which their logger
    must be set for them to do anything.
    """

    handlers: tuple[HandlerArgType, ...]
    level: int | None


_LOG_HANDLERS: dict[EventType, _Bound] = {
    EVT_DIMSE_RECV: _Bound(((_handlers.standard_dimse_recv_handler, None),), logging.INFO),
    EVT_DIMSE_SENT: _Bound(((_handlers.standard_dimse_sent_handler, None),), logging.INFO),
    EVT_PDU_RECV: _Bound(((_handlers.standard_pdu_recv_handler, None),), logging.DEBUG),
    EVT_PDU_SENT: _Bound(((_handlers.standard_pdu_sent_handler, None),), logging.DEBUG),
}

# Bindings are made rarely and by any thread, so that all objects share one lock
_BIND_LOCK = threading.Lock()


class EventHandlers:
    """What :class:`Association` and the servers have in common: handlers bound to events.

    The table of handlers is never changed in place but replaced by a changed copy. Whoever reads
    it needs no lock, an event being triggered goes on with the handlers it began with, and
    objects with the same bindings share one table.
    """

    _handlers: dict[EventType, _Bound]

    def _init_handlers(self, evt_handlers: Iterable[EventHandlerType] | None = None) -> None:
        """Bind the default logging handlers and then the user's `evt_handlers`."""
        self._handlers = _LOG_HANDLERS if _config.LOG_HANDLER_LEVEL == "standard" else {}
        for binding in evt_handlers or ():
            self.bind(*binding)

    def _copy_handlers_to(self, other: EventHandlers) -> None:
        """Give `other` the bindings of this object in place of its own.

        A server does so for a new association, after adding it to those that
        :meth:`_bind_also` returns: then no binding made meanwhile gets lost.
        """
        other._handlers = self._handlers

    def _bind_also(self) -> Iterable[EventHandlers]:
        """Return the objects to which bind() and unbind() apply as well."""
        return ()

    def _is_bound(self, event: EventType) -> bool:
        """Return whether triggering `event` would do anything but run a default.

        That is not so for an intervention event without a handler of the user, nor for a
        notification event with no handler but a default logging one that would log nothing.
        """
        bound = self._handlers.get(event)
        if bound is None:
            return False
        return bound.level is None or _handlers.LOGGER.isEnabledFor(bound.level)

    def bind(self, event: EventType, handler: Handler, args: Sequence[Any] | None = None) -> None:
        """Bind `handler` to `event`.

        Parameters
        ----------
        event : events.NotificationEvent or events.InterventionEvent
            One of the ``EVT_*`` constants of :mod:`pynetdicom.events`. Anything else is ignored
            with a warning in the log.
        handler : callable
            Called as ``handler(event, *args)`` with an :class:`~pynetdicom.events.Event`. A
            notification event keeps its earlier handlers; the one handler of an intervention
            event is replaced.
        args : sequence, optional
            Further arguments for `handler`.
        """
        if not isinstance(event, EventType):
            LOGGER.warning("Unable to bind a handler to %r: it is no event", event)
            return
        entry = (handler, args or None)
        with _BIND_LOCK:
            handlers = self._bound_to(event)
            if event.is_intervention:
                self._rebind(event, (entry,))
            elif entry not in handlers:
                self._rebind(event, (*handlers, entry))
        for other in self._bind_also():
            other.bind(event, handler, args)

    def unbind(self, event: EventType, handler: Handler) -> None:
        """Undo every binding of `handler` to `event`, with whatever arguments.

        An intervention event falls back to its default handler. Nothing happens if `handler` is
        not bound to `event`.

        Parameters
        ----------
        event : events.NotificationEvent or events.InterventionEvent
            One of the ``EVT_*`` constants of :mod:`pynetdicom.events`.
        handler : callable
            The handler.
        """
        with _BIND_LOCK:
            handlers = self._bound_to(event)
            remaining = tuple(entry for entry in handlers if entry[0] != handler)
            if remaining != handlers:
                self._rebind(event, remaining)
        for other in self._bind_also():
            other.unbind(event, handler)

    def get_events(self) -> list[EventType]:
        """Return the events that have a handler, default ones included, by name."""
        return sorted({*_INTERVENTION_EVENTS, *self._handlers}, key=str)

    @overload
    def get_handlers(self, event: InterventionEvent) -> HandlerArgType: ...

    @overload
    def get_handlers(self, event: NotificationEvent) -> list[HandlerArgType]: ...

    def get_handlers(self, event: EventType) -> HandlerArgType | list[HandlerArgType]:
        """Return what is bound to `event`.

        Parameters
        ----------
        event : events.NotificationEvent or events.InterventionEvent
            One of the ``EVT_*`` constants of :mod:`pynetdicom.events`.

        Returns
        -------
        list of tuple, or tuple
            The ``(handler, args)`` of a notification event in the order in which they are
            called, or the one ``(handler, args)`` of an intervention event. `args` is None if
            there are none.
        """
        if isinstance(event, InterventionEvent):
            return self._sole_handler(event)
        return list(self._bound_to(event))

    def _sole_handler(self, event: InterventionEvent) -> HandlerArgType:
        """Return the handler bound to an intervention event, or its default."""
        handlers = self._bound_to(event)
        return handlers[0] if handlers else (get_default_handler(event), None)

    def _bound_to(self, event: EventType) -> tuple[HandlerArgType, ...]:
        """Return the handlers bound to `event`, without a default."""
        bound = self._handlers.get(event)
        return bound.handlers if bound else ()

    def _rebind(self, event: EventType, handlers: tuple[HandlerArgType, ...]) -> None:
        """Replace the table by one in which `event` has `handlers`."""
        table = dict(self._handlers)
        standard = _LOG_HANDLERS.get(event)
        if not handlers:
            table.pop(event, None)
        elif standard is not None and standard.handlers == handlers:
            table[event] = standard
        else:
            table[event] = _Bound(handlers, None)
        self._handlers = table


class Event:
    """What happened, as a handler is told.

    Besides the members below an event has the attributes that
    :mod:`pynetdicom._handlers` lists for it. Where a member does not belong to the event, reading
    it raises AttributeError.

    An event may be kept after its handler has returned, also for another thread. What it was
    made from stays readable then, except the file of :attr:`dataset_path`.

    Parameters
    ----------
    assoc : association.Association
        The association in which it happened.
    event : events.NotificationEvent or events.InterventionEvent
        Which event it is.
    attrs : dict, optional
        The attributes of this event.

    Attributes
    ----------
    assoc : association.Association
        The association in which it happened.
    timestamp : datetime.datetime
        When it happened, local time.
    """

    # All requests of DIMSE services
    request: Any
    context: PresentationContextTuple
    # C-STORE: answers the request now, for handlers that take longer than the peer would wait
    respond: Callable[[int | Dataset], None]
    # Association negotiation
    user_id_type: int
    primary_field: bytes
    secondary_field: bytes
    app_info: dict[UID, bytes]
    items: dict[UID, SOPClassCommonExtendedNegotiation]
    nr_invoked: int
    nr_performed: int
    # Notification events
    address: tuple[str, int] | tuple[str, int, int, int]
    data: bytes
    pdu: PDU
    primitive: A_ASSOCIATE | A_RELEASE | A_ABORT | A_P_ABORT
    message: DIMSEMessage
    current_state: str
    fsm_event: str
    action: str
    next_state: str

    def __init__(
        self, assoc: Association, event: EventType, attrs: Mapping[str, Any] | None = None
    ) -> None:
        self.assoc = assoc
        self.timestamp = lazy.datetime.datetime.now()
        self._event = event
        # The data set last decoded and what it was decoded from, likewise the spool around
        # a BytesIO: either is valid until the request's data set is replaced
        self._decoded: tuple[object, Dataset] | None = None
        self._adopted: tuple[BytesIO | None, Spool] | None = None
        self.__dict__.update(attrs or {})

    @property
    def event(self) -> EventType:
        """Which event it is: one of the ``EVT_*`` constants."""
        return self._event

    # ---------------------------------------------------------------- requests

    @property
    def message_id(self) -> int:
        """The Message ID of a request (PS3.7 E.1)."""
        if "request" not in self.__dict__:
            raise self._has_no("message_id")
        message_id: int = self.request.MessageID
        return message_id

    @property
    def is_cancelled(self) -> bool:
        """Whether the peer asked to cancel this C-FIND, C-GET or C-MOVE (PS3.7 9.3.2.3).

        Reading it uses the request up: it is True once for each C-CANCEL. The handler should
        then yield the status 0xFE00 and end. False for all other events.
        """
        # Given by the service class. It looks for the C-CANCEL among what came from the peer.
        take_cancel: Callable[[int], bool] | None = self.__dict__.get("_is_cancelled")
        return take_cancel is not None and take_cancel(self.message_id)

    @property
    def identifier(self) -> Dataset:
        """The *Identifier* of a C-FIND, C-GET or C-MOVE request."""
        return self._data_set("identifier", "Identifier", EVT_C_FIND, EVT_C_GET, EVT_C_MOVE)

    @property
    def move_destination(self) -> str | None:
        """The *Move Destination* of a C-MOVE request, an AE title without padding."""
        aet: str | None = self._element("move_destination", "MoveDestination", EVT_C_MOVE)
        return None if aet is None else aet.strip(" ")

    @property
    def action_information(self) -> Dataset:
        """The *Action Information* of an N-ACTION request."""
        return self._data_set("action_information", "ActionInformation", EVT_N_ACTION)

    @property
    def action_type(self) -> int | None:
        """The *Action Type ID* of an N-ACTION request."""
        value: int | None = self._element("action_type", "ActionTypeID", EVT_N_ACTION)
        return value

    @property
    def event_information(self) -> Dataset:
        """The *Event Information* of an N-EVENT-REPORT request."""
        return self._data_set("event_information", "EventInformation", EVT_N_EVENT_REPORT)

    @property
    def event_type(self) -> int | None:
        """The *Event Type ID* of an N-EVENT-REPORT request."""
        value: int | None = self._element("event_type", "EventTypeID", EVT_N_EVENT_REPORT)
        return value

    @property
    def attribute_list(self) -> Dataset:
        """The *Attribute List* of an N-CREATE request; empty for N-GET and N-SET."""
        return self._data_set("attribute_list", "AttributeList", EVT_N_CREATE, EVT_N_GET, EVT_N_SET)

    @property
    def modification_list(self) -> Dataset:
        """The *Modification List* of an N-SET request."""
        return self._data_set("modification_list", "ModificationList", EVT_N_SET)

    @property
    def attribute_identifiers(self) -> list[BaseTag]:
        """The *Attribute Identifier List* of an N-GET request; empty if it asks for all."""
        value = self._element(
            "attribute_identifiers", "AttributeIdentifierList", EVT_N_GET, EVT_N_SET
        )
        if value is None:
            return []
        return [lazy.pydicom.tag.Tag(tag) for tag in ([value] if isinstance(value, int) else value)]

    # ----------------------------------------------------------------- C-STORE

    @property
    def dataset(self) -> Dataset:
        """The data set of a C-STORE request, without file meta information.

        It is decoded when it is first asked for, and its elements when they are used: only then
        errors in the encoding show. With :data:`pynetdicom._config.STORE_RECV_CHUNKED_DATASET`
        nothing of it is kept: each access reads the file at :attr:`dataset_path` anew, with file
        meta information.
        """
        spool = self._spool("dataset")
        if spool.threshold > 0:
            return self._decode_once(spool, spool.stream())
        data_set = self._decode(spool.stream())
        data_set.file_meta = self.file_meta
        return data_set

    @property
    def dataset_path(self) -> Path:
        """Path of a file in the DICOM File Format with the data set of a C-STORE request.

        It is a temporary file. One is made if the data set was received in memory, and it is
        removed when the handler returns; the handler may move it away.

        Raises
        ------
        OSError
            The file cannot be made.
        """
        return lazy.pathlib.Path(self._spool("dataset_path").materialise())

    @property
    def file_meta(self) -> FileMetaDataset:
        """File meta information that suits the data set of a C-STORE request (PS3.10 7.1)."""
        self._require("file_meta", EVT_C_STORE)
        return create_file_meta(
            sop_class_uid=self.request.AffectedSOPClassUID,
            sop_instance_uid=self.request.AffectedSOPInstanceUID,
            transfer_syntax=self.context.transfer_syntax,
            implementation_uid=IMPLEMENTATION_UID,
            implementation_version=PYNETDICOM_IMPLEMENTATION_VERSION,
        )

    def encoded_dataset(self, include_meta: bool = True) -> bytes:
        """Return the data set of a C-STORE request as it was received.

        Parameters
        ----------
        include_meta : bool, optional
            True (default) to put the preamble, the prefix and the file meta information before
            it, so that it makes a file in the DICOM File Format (PS3.10 7.1).
        """
        spool = self._spool("encoded_dataset")
        data = spool.getbuffer()
        return b"".join((spool.head(), data)) if include_meta else bytes(data)

    def save_as(self, path: str | os.PathLike[str]) -> None:
        """Write the data set of a C-STORE request to a file, bit for bit as it was received.

        The file is in the DICOM File Format (PS3.10 7.1). It appears at once with all of its
        content and takes the place of an earlier one, or does not appear at all. A large data
        set, which was received into a temporary file, is moved into place if it can be: choose
        :attr:`~pynetdicom.limits.Limits.spool_directory` on the same file system.
        :attr:`dataset_path` is the path of the new file then.

        Parameters
        ----------
        path : str or os.PathLike
            Path of the file, in a folder that exists. Do not make it from what the peer sent,
            UIDs included, without checking it.

        Raises
        ------
        OSError
            The file cannot be made or written.
        """
        self._spool("save_as").save(path)

    # ----------------------------------------------------------------- helpers

    def _has_no(self, name: str) -> AttributeError:
        return AttributeError(f"{self._event} has no attribute '{name}'")

    def _require(self, name: str, *events: EventType) -> None:
        """Raise AttributeError for attribute `name` unless this is one of `events`."""
        if self._event not in events:
            raise self._has_no(name)

    def _element(self, name: str, keyword: str, *events: EventType) -> Any:
        """Return the request's element `keyword`, the attribute `name` of `events`."""
        self._require(name, *events)
        return getattr(self.request, keyword)

    def _data_set(self, name: str, keyword: str, *events: EventType) -> Dataset:
        """Return the request's data set `keyword`, the attribute `name` of `events`."""
        stream: BytesIO | None = self._element(name, keyword, *events)
        return self._decode_once(stream, stream or BytesIO())

    def _decode_once(self, source: object, stream: BytesIO) -> Dataset:
        """Return the decoded `stream`, the same Dataset while `source` is the same object."""
        if self._decoded is None or self._decoded[0] is not source:
            self._decoded = (source, self._decode(stream))
        return self._decoded[1]

    def _decode(self, stream: BytesIO) -> Dataset:
        """Return the decoded `stream`."""
        encoding = encoding_of(self.context.transfer_syntax)
        # There need not be an association in tests of handlers
        ae = getattr(self.assoc, "ae", None)
        limits = getattr(ae, "limits", None) or Limits()
        if self._event is EVT_C_STORE and self.context.transfer_syntax.is_compressed:
            limits = copy(limits)
            limits.sequence_items = None  # frames of pixel data are items, too
        return decode(stream, *encoding, limits=limits)

    def _spool(self, name: str) -> Spool:
        """Return the data set of a C-STORE request, for the attribute `name`."""
        self._require(name, EVT_C_STORE)
        source = self.request.data_source
        if isinstance(source, Spool):
            return source
        stream = self.request.DataSet
        if self._adopted is None or self._adopted[0] is not stream:
            self._adopted = (stream, Spool.adopt(stream or BytesIO(), self._head))
        return self._adopted[1]

    def _head(self) -> bytes:
        """Return what a file has before the data set of a C-STORE request."""
        return file_head(
            self.request.AffectedSOPClassUID,
            self.request.AffectedSOPInstanceUID,
            self.context.transfer_syntax,
            IMPLEMENTATION_UID,
            PYNETDICOM_IMPLEMENTATION_VERSION,
        )

    def _discard_file(self) -> None:
        """Remove the temporary file of a C-STORE request, if there is one."""
        if self._event is EVT_C_STORE:
            received = getattr(self.__dict__.get("request"), "data_source", None)
            for spool in (received, self._adopted and self._adopted[1]):
                if isinstance(spool, Spool):
                    spool.discard()


def trigger(assoc: Association, event: EventType, attrs: Mapping[str, Any] | None = None) -> Any:
    """Call the handlers bound to `event`.

    Parameters
    ----------
    assoc : association.Association
        The association in which `event` happens, whose handlers are called.
    event : events.NotificationEvent or events.InterventionEvent
        The event.
    attrs : dict, optional
        The attributes that the :class:`Event` shall have.

    Returns
    -------
    object
        What the handler of an intervention event returns; None for a notification event.

    Raises
    ------
    Exception
        What the handler of an intervention event raises. Exceptions of the handlers of
        a notification event are logged, and the other handlers called nevertheless.
    """
    if isinstance(event, InterventionEvent):
        handler, args = assoc._sole_handler(event)
        evt = Event(assoc, event, attrs)
        try:
            return handler(evt, *(args or ()))
        finally:
            evt._discard_file()
    bound = assoc._handlers.get(event)
    if bound is not None:
        evt = Event(assoc, event, attrs)
        for handler, args in bound.handlers:
            try:
                handler(evt, *(args or ()))
            except Exception:
                LOGGER.exception("Exception in the handler %s of %s", _name(handler), event)
    return None


def _name(handler: Handler) -> str:
    """Return a name of `handler`, which may be any callable object."""
    return str(getattr(handler, "__qualname__", type(handler).__qualname__))


def get_default_handler(event: InterventionEvent) -> Callable[[Event], Any]:
    """Return the handler that `event` has while no other is bound to it.

    Parameters
    ----------
    event : events.InterventionEvent
        The event.
    """
    return _DEFAULT_HANDLERS.get(event, _default_handler)


def _default_handler(event: Event) -> Any:
    """Decline: the association answers as the standard has it for what is not supported."""
    raise NotImplementedError(f"No handler is bound to {event.event}")


def _default_c_echo_handler(event: Event) -> int:
    """Answer a C-ECHO with success."""
    return 0x0000


def _default_sop_handler(event: Event) -> dict[UID, Any]:
    """Answer none of the SOP classes' extended negotiation items."""
    return {}


_DEFAULT_HANDLERS: dict[EventType, Callable[[Event], Any]] = {
    EVT_C_ECHO: _default_c_echo_handler,
    EVT_SOP_COMMON: _default_sop_handler,
    EVT_SOP_EXTENDED: _default_sop_handler,
}
