"""The DIMSE service provider: messages in and out of P-DATA, and who waits for which response.

A message is a command set and perhaps a data set, cut into PDVs (PS3.7 6.3, PS3.8 Annex E).
What comes in is put together here, checked against the limits of the AE, and handed out:

* a response to the :class:`Exchange` that waits for it, by the Message ID Being Responded To;
* a C-CANCEL to the request that it names, if that is being served or is waiting to be;
* any other request to the queue that the association's own thread serves, or one that stands in
  for it while it waits for the responses to a C-GET.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from time import monotonic
from typing import TYPE_CHECKING, Any

import pynetdicom._config as _config
import pynetdicom.events as evt
from pynetdicom._encoded import EncodedDataSet
from pynetdicom._spool import Spool
from pynetdicom._version import IMPLEMENTATION_UID, PYNETDICOM_IMPLEMENTATION_VERSION
from pynetdicom.dimse_messages import (
    C_STORE_RQ,
    NO_DATA_SET,
    RESPONSE,
    DIMSEMessage,
    MessageType,
    decode_command,
    encode_command,
    encode_unrecognised,
    message_type,
)
from pynetdicom.dimse_primitives import (
    C_CANCEL,
    DIMSEPrimitive,
    DimsePrimitiveType,
    DimseServiceType,
)
from pynetdicom.dsutils import file_head
from pynetdicom.errors import DIMSEDecodeError, UpperLayerError
from pynetdicom.exchanges import Exchange, Exchanges
from pynetdicom.pdu import p_data_buffers

if TYPE_CHECKING:
    from pynetdicom.association import Association
    from pynetdicom.dul import DULServiceProvider

LOGGER = logging.getLogger("pynetdicom.dimse")

Buffer = bytes | bytearray | memoryview

# The shortest P-DATA-TF variable field that can carry a byte pair: PDV header and 2 bytes
SHORTEST_P_DATA = 8
# Of what a message's data set is made: one buffer, or several, or pieces to be sent one after the
# other, each with whether it is the last
DataSource = Buffer | EncodedDataSet | Iterable[tuple[Buffer, bool]]


class _UnknownRequest(DIMSEPrimitive):
    """A request with a command field that DICOM does not have; in its turn it is refused."""

    def __init__(self, values: dict[str, Any]) -> None:
        super().__init__()
        self.command = values


class _OwnedLock:
    """A lock that complains instead of waiting for ever when the thread that has it comes back."""

    __slots__ = ("_complaint", "_lock")

    def __init__(self, complaint: str) -> None:
        self._complaint = complaint
        self._lock = threading.RLock()

    def __enter__(self) -> None:
        if self._lock._is_owned():  # type: ignore[attr-defined]
            raise RuntimeError(self._complaint)
        self._lock.acquire()

    def __exit__(self, *exc_info: object) -> None:
        self._lock.release()


class _Incoming:
    """The message that is being received."""

    __slots__ = ("command", "context_id", "has_data_set", "spool", "type", "values")

    def __init__(self, context_id: int) -> None:
        self.context_id = context_id
        self.command = bytearray()
        self.type: MessageType | None = None
        self.values: dict[str, Any] = {}
        self.has_data_set = False  # the command set is complete and announces a data set
        self.spool: Spool | None = None


class DIMSEServiceProvider:
    """Sends and receives the DIMSE messages of one association (PS3.7 7 to 10).

    Parameters
    ----------
    assoc : association.Association
        The association.

    Attributes
    ----------
    requests : collections.deque
        Requests received and not yet served: (context ID, primitive).
    cancelled : set of int
        Message IDs of requests, served or waiting, that the peer has cancelled.
    serving : set of int
        Message IDs of the requests that are being served.
    stand_ins : list of int
        The threads that serve requests in place of the association's own, each while it waits
        for the responses to a C-GET.
    busy_stand_ins : list of int
        Those of them that serve a request right now.
    exchanges : exchanges.Exchanges
        The requests of ours that are under way.
    """

    def __init__(self, assoc: Association) -> None:
        self._assoc = assoc
        self._incoming: _Incoming | None = None
        self.requests: deque[tuple[int, DimseServiceType | _UnknownRequest]] = deque()
        self.cancelled: set[int] = set()
        self.serving: set[int] = set()
        self.stand_ins: list[int] = []
        self.busy_stand_ins: list[int] = []
        self._taking = threading.RLock()
        self.exchanges = Exchanges(assoc)
        # A message's PDUs follow each other
        self._sending = _OwnedLock("no message can be sent in the middle of another")

    @property
    def assoc(self) -> Association:
        """The association."""
        return self._assoc

    @property
    def dul(self) -> DULServiceProvider:
        """The upper layer that carries the messages."""
        return self._assoc.dul

    @property
    def dimse_timeout(self) -> float | None:
        """Seconds to wait for a response."""
        return self._assoc.dimse_timeout

    @property
    def maximum_pdu_size(self) -> int:
        """The longest P-DATA-TF variable field that the peer takes, in bytes; 0 for no limit."""
        return self._assoc.remote_user.maximum_length

    # -- sending -----------------------------------------------------------------------------

    def send_msg(
        self,
        primitive: DimsePrimitiveType,
        context_id: int,
        data_set: DataSource | None = None,
        command: bytes | None = None,
        more: bool = False,
    ) -> None:
        """Send a DIMSE message; returns when the system has taken all of it.

        Parameters
        ----------
        primitive : dimse_primitives.DIMSEPrimitive
            The request, or the response if it has a Message ID Being Responded To.
        context_id : int
            The presentation context.
        data_set : bytes-like, EncodedDataSet or iterable of (bytes-like, bool), optional
            The encoded data set, if it is not in the primitive: whole, or in pieces, each with
            whether it is the last, of which each is sent before the next is asked for.
        command : bytes, optional
            The encoded command set, if it is known from a message before.
        more : bool, optional
            Another message will follow at once: this one may go out with it.

        Raises
        ------
        errors.UpperLayerError
            If the connection is gone, or the peer takes no data at all.
        """
        kind = message_type(primitive)
        if data_set is None and kind.data_set is not None:
            data_set = primitive._encoded_data_set()
        if self._assoc._is_bound(evt.EVT_DIMSE_SENT):
            message = DIMSEMessage._from_parts(kind, primitive, context_id, data_set)
            evt.trigger(self._assoc, evt.EVT_DIMSE_SENT, {"message": message})
        if command is None:
            command = encode_command(kind, primitive, data_set is not None)
        self._send(context_id, command, data_set, more)

    def _send(
        self,
        context_id: int,
        command: bytes,
        data_set: DataSource | None = None,
        more: bool = False,
    ) -> None:
        """Send a command set and the data set that belongs to it."""
        limit, send = self._assoc.peer_maximum_length, self.dul.send_p_data
        if 0 < limit < SHORTEST_P_DATA:
            raise UpperLayerError(
                f"the peer's maximum PDU length of {limit} bytes leaves no room for data"
            )
        pdus = p_data_buffers(context_id, True, command, limit)
        with self._sending:
            if data_set is None:
                send(pdus, more)
                return
            begun = False
            try:
                # The command and the first of the data leave in one write: a peer that delays
                # its acknowledgements does not keep us waiting for one
                for piece, last in _pieces(data_set, self._assoc.ae.limits.output_length, limit):
                    pdus += p_data_buffers(context_id, False, piece, limit, last)
                    begun = True
                    send(pdus, more)
                    pdus = []
            except UpperLayerError:
                raise
            except BaseException:  # of what gives the pieces, for one
                if begun:  # the peer would take whatever follows for the rest
                    self._assoc.abort(block=False)
                raise

    def begin(
        self,
        primitive: DimseServiceType,
        context_id: int,
        data_set: DataSource | None = None,
        also_pending: frozenset[int] = frozenset(),
    ) -> Exchange:
        """Send a request whose responses are going to be taken.

        If as many operations are outstanding as the peer has agreed to, one unless more were
        negotiated (PS3.7 D.3.3.3), it waits for its turn, however long other threads take. So does
        a handler: should the peer wait for its answer before it answers the other thread, both
        wait until that one's DIMSE timeout ends the association. Who has such a peer negotiates
        asynchronous operations, or sends the request when the handler has returned.

        Parameters
        ----------
        primitive : dimse_primitives.DIMSEPrimitive
            The request. If its Message ID is that of another one outstanding it gets the next
            that is free.
        context_id : int
            The presentation context.
        data_set : bytes-like, EncodedDataSet or iterable of (bytes-like, bool), optional
            As for :meth:`send_msg`.
        also_pending : frozenset of int, optional
            Further statuses, besides Pending, of responses that others follow.

        Returns
        -------
        Exchange
            Gives the responses.

        Raises
        ------
        errors.UpperLayerError
            As by :meth:`send_msg`, or if the peer asks for the release of the association, or
            does not end what was abandoned.
        RuntimeError
            If this thread would wait for itself: because it has not taken all the responses to
            its request before, or is a handler of a notification event.
        """
        self.dul.check_may_wait()
        message_id, field = primitive.MessageID or 0, message_type(primitive).command_field
        exchange = Exchange(self.exchanges, message_id, context_id, field | RESPONSE)
        if also_pending:
            exchange.pending |= also_pending
        self.exchanges.enter(exchange)
        if exchange.message_id != message_id:
            primitive.MessageID = exchange.message_id
        try:
            self.send_msg(primitive, context_id, data_set)
        except BaseException:
            self.exchanges.leave(exchange)
            raise
        return exchange

    def send_cancel(self, message_id: int, context_id: int) -> None:
        """Send a C-CANCEL request (PS3.7 9.3.2.3).

        Parameters
        ----------
        message_id : int
            The Message ID of the request to be cancelled.
        context_id : int
            Its presentation context.

        Raises
        ------
        errors.UpperLayerError
            As by :meth:`send_msg`.
        """
        primitive = C_CANCEL()
        primitive.MessageIDBeingRespondedTo = message_id
        self.send_msg(primitive, context_id)

    # -- receiving ---------------------------------------------------------------------------

    @property
    def in_message(self) -> bool:
        """True while part of a message has been received."""
        return self._incoming is not None

    def has_room(self) -> bool:
        """Return False while so many requests or responses wait that no more are read."""
        limits = self._assoc.ae.limits
        if (
            len(self.requests) >= limits.unserved_requests
            or len(self.cancelled) >= limits.cancel_requests
        ):
            return False
        return self.exchanges.has_room()

    def receive_primitive(self, primitive: Any) -> None:
        """Take a P-DATA primitive, whatever the queues hold.

        Parameters
        ----------
        primitive : pdu_primitives.P_DATA
            The primitive.
        """
        start, pdvs = 0, primitive.pdvs
        while start < len(pdvs):
            start = self._receive_message(pdvs, start)

    def receive_pdvs(self, pdvs: Sequence[tuple[int, int, Buffer]], start: int) -> int:
        """Take presentation data values until they are used up or a queue is full.

        A message that breaks the rules ends the association with an A-ABORT.

        Parameters
        ----------
        pdvs : sequence of (int, int, bytes-like)
            Context ID, message control header and fragment of each (PS3.8 Annex E).
        start : int
            The first to take.

        Returns
        -------
        int
            The first that was not taken.
        """
        start, total = self._receive_message(pdvs, start), len(pdvs)
        while start < total and self.has_room():
            start = self._receive_message(pdvs, start)
        return start

    def _receive_message(self, pdvs: Sequence[tuple[int, int, Buffer]], start: int) -> int:
        """Take PDVs up to the end of a message or of the list; return where that is."""
        try:
            return self._take(pdvs, start)
        except BaseException as exc:  # whatever it is, the peer's messages make no sense any more
            self.discard()
            self._assoc._abort_as_provider()
            if isinstance(exc, DIMSEDecodeError):
                self._assoc._log_fault("Invalid DIMSE message received from %s: %s", exc)
            else:
                raise
        return len(pdvs)

    def _take(self, pdvs: Sequence[tuple[int, int, Buffer]], start: int) -> int:
        incoming = self._incoming
        total = len(pdvs)
        while start < total:
            context_id, control, fragment = pdvs[start]
            if incoming is None:
                if context_id not in self._assoc.context_by_id:
                    raise DIMSEDecodeError(f"context {context_id} has not been accepted")
                incoming = self._incoming = _Incoming(context_id)
            elif incoming.context_id != context_id:
                raise DIMSEDecodeError(
                    f"a message on context {incoming.context_id} goes on in context {context_id}"
                )
            if control & 1:
                start += 1
                ended = self._add_command(incoming, fragment, control & 2)
            else:
                end = _end_of_data(pdvs, start, context_id)
                self._add_data(incoming, [pdv[2] for pdv in pdvs[start:end]])
                start = end
                ended = bool(pdvs[end - 1][1] & 2)
            if ended:
                self._complete(incoming)
                self._incoming = None
                break
        return start

    def _add_command(self, incoming: _Incoming, fragment: Buffer, is_last: int) -> bool:
        """Take part of a command set; return whether the message is complete."""
        if incoming.has_data_set:
            raise DIMSEDecodeError("a command fragment within the data set")
        limit = self._assoc.ae.limits.command_set_length
        if len(incoming.command) + len(fragment) > limit:
            raise DIMSEDecodeError(f"the command set is longer than {limit} bytes")
        incoming.command += fragment
        if not is_last:
            return False
        incoming.type, incoming.values = decode_command(incoming.command)
        incoming.has_data_set = incoming.values["CommandDataSetType"] != NO_DATA_SET
        return not incoming.has_data_set

    def _add_data(self, incoming: _Incoming, fragments: list[Buffer]) -> None:
        if not incoming.has_data_set:
            raise DIMSEDecodeError("a data set without a complete command set before it")
        if incoming.spool is None:
            incoming.spool = self._open_spool(incoming)
        try:
            incoming.spool.write(fragments)
        except OSError as exc:
            self._lose(incoming.spool, exc)

    def _lose(self, spool: Spool, error: OSError) -> None:
        """Give up a data set for which there is no room; whoever serves the message sees it."""
        where = (
            spool.path or self._assoc.ae.limits.spool_directory or "the system's temporary folder"
        )
        self._assoc._log_fault(
            "Data set received from %s can't be written to a temporary file: %s: %s", where, error
        )
        spool.fail(error)

    def _open_spool(self, incoming: _Incoming) -> Spool:
        """Return what takes a data set: memory, and beyond the threshold a file."""
        limits = self._assoc.ae.limits
        is_store = incoming.type is C_STORE_RQ.message_type
        threshold, limit = limits.spool_threshold, limits.data_set_length
        if is_store:
            limit = limits.store_data_length
            if _config.STORE_RECV_CHUNKED_DATASET:
                threshold = 0
        values, context = incoming.values, self._assoc.context_by_id[incoming.context_id]

        def head() -> bytes:
            return file_head(
                values.get("AffectedSOPClassUID") or "",
                values.get("AffectedSOPInstanceUID") or "",
                context._transfer_syntax[0],
                IMPLEMENTATION_UID,
                PYNETDICOM_IMPLEMENTATION_VERSION,
            )

        return Spool(threshold, limits.spool_directory, head, limit)

    def _complete(self, incoming: _Incoming) -> None:
        """Hand out a message that is complete."""
        kind, spool = incoming.type, incoming.spool
        if spool is not None:
            try:
                spool.close()
            except OSError as exc:
                self._lose(spool, exc)
        if kind is None:
            self._queue_unknown(incoming)
            return
        primitive = kind.primitive._from_values(incoming.values, spool)
        if self._assoc._is_bound(evt.EVT_DIMSE_RECV):
            message = DIMSEMessage._from_parts(kind, primitive, incoming.context_id, spool)
            evt.trigger(self._assoc, evt.EVT_DIMSE_RECV, {"message": message})
        if isinstance(primitive, C_CANCEL):
            self._cancel(primitive)
        elif not kind.is_request:
            self.exchanges.deliver(primitive, kind.command_field, incoming.context_id)
        else:
            self._queue(incoming.context_id, primitive)

    def _queue(self, context_id: int, request: DimseServiceType | _UnknownRequest) -> None:
        """Let a request wait for being served."""
        self.requests.append((context_id, request))
        if not self.stand_ins:
            self.dul.tell_watcher()
        self.dul.tell_callers()

    def _queue_unknown(self, incoming: _Incoming) -> None:
        """Take a request of no known kind; like any other, it is answered when it is its turn.

        Who reads can't answer: the message before may wait for the peer, and that for us to read.
        """
        if incoming.spool is not None:
            incoming.spool.discard()
        field = incoming.values["CommandField"]
        if field & 0x8000:
            raise DIMSEDecodeError(f"the command field 0x{field:04X} is no response of DICOM's")
        self._assoc._log_fault("Request from %s with the unknown command field 0x%04X", field)
        self._queue(incoming.context_id, _UnknownRequest(incoming.values))

    def _refuse(self, context_id: int, request: _UnknownRequest) -> None:
        """Answer a request of no known kind with Unrecognised Operation (PS3.7 C.5.23)."""
        try:
            self._send(context_id, encode_unrecognised(request.command))
        except UpperLayerError as exc:
            LOGGER.info("No answer to the unknown request: %s", exc)

    def _cancel(self, primitive: C_CANCEL) -> None:
        """Note a C-CANCEL, if the request that it names is there to be cancelled."""
        primitive._discard_data_set()  # which it should not have
        message_id = primitive.MessageIDBeingRespondedTo or 0
        # Of a copy, since the association's thread may take one meanwhile
        waiting = [request.MessageID for _, request in self.requests.copy()]
        if message_id in self.serving or message_id in waiting:
            self.cancelled.add(message_id)
        else:
            LOGGER.debug("C-CANCEL for message %s, which is not being served", message_id)

    def next_request(self) -> tuple[int, DimseServiceType] | None:
        """Take the next request to be served, or return None; unknown ones are refused here."""
        while self.requests:
            was_full = not self.has_room()
            with self._taking:
                if self.stand_ins and threading.get_ident() not in self.stand_ins:
                    break
                try:
                    context_id, request = self.requests[0]
                    is_known = not isinstance(request, _UnknownRequest)
                    if is_known:  # while a C-CANCEL still finds it waiting
                        self.serving.add(request.MessageID or 0)
                    self.requests.popleft()
                except IndexError:  # discarded by another thread
                    break
            if was_full:
                self.dul.tell_callers()
            if not isinstance(request, _UnknownRequest):
                return context_id, request
            self._refuse(context_id, request)
        return None

    @contextmanager
    def standing_in(self) -> Iterator[None]:
        """Let this thread, and not the association's own, serve requests for a while."""
        me = threading.get_ident()
        with self._taking:
            self.stand_ins.append(me)
        try:
            yield
        finally:
            with self._taking:
                self.stand_ins.remove(me)
            if self.requests:
                self.dul.wake()
                self.dul.tell_watcher()

    def take_cancel(self, message_id: int) -> bool:
        """Return whether the peer has cancelled a request, and forget that it has.

        Parameters
        ----------
        message_id : int
            The Message ID of the request.
        """
        if message_id not in self.cancelled:
            return False
        self.cancelled.discard(message_id)
        self.dul.tell_callers()  # there is room again
        return True

    def served(self, message_id: int) -> None:
        """Note that a request has been served; whoever cancels it now is too late.

        Parameters
        ----------
        message_id : int
            The Message ID of the request.
        """
        self.serving.discard(message_id)
        self.take_cancel(message_id)
        if self.stand_ins:
            self.dul.tell_callers()  # one may serve the next request now

    def discard(self) -> None:
        """Forget the message that is being received and the requests that wait."""
        incoming, self._incoming = self._incoming, None
        if incoming is not None and incoming.spool is not None:
            incoming.spool.discard()
        with suppress(IndexError):  # also when another thread takes some
            while True:
                _, request = self.requests.popleft()
                request._discard_data_set()

    def get_msg(self, block: bool = False) -> tuple[int | None, DimseServiceType | None]:
        """Return the next request received.

        Parameters
        ----------
        block : bool, optional
            Whether to wait for one, for the DIMSE timeout at the most.

        Returns
        -------
        tuple
            The presentation context ID and the primitive, or (None, None).
        """
        if block:
            timeout = self.dimse_timeout
            until = None if timeout is None else monotonic() + timeout
            self.dul.wait_until(self.requests.__len__, until)
        return self.next_request() or (None, None)

    def peek_msg(self) -> tuple[int | None, DimseServiceType | None]:
        """Return the next request received and leave it where it is, or (None, None)."""
        for context_id, request in self.requests.copy():  # as in _cancel()
            if not isinstance(request, _UnknownRequest):
                return context_id, request
        return None, None


def _end_of_data(pdvs: Sequence[tuple[int, int, Buffer]], start: int, context_id: int) -> int:
    """Return the end of the run of data fragments of one message that begins at `start`."""
    end, total = start, len(pdvs)
    while end < total:
        pdv = pdvs[end]
        if pdv[0] != context_id or pdv[1] & 1:
            break
        end += 1
        if pdv[1] & 2:
            break
    return end


def _pieces(data_set: DataSource, size: int, limit: int) -> Iterator[tuple[Buffer, bool]]:
    """Cut a data set into pieces to be sent at a time, each with whether it is the last."""
    if not isinstance(data_set, (bytes, bytearray, memoryview, EncodedDataSet)):
        yield from data_set
        return
    # Whole fragments, so that only the last PDU is short; they are even, as some peers need it
    fragment = (limit - 6) & ~1 if limit else 2
    size = max(1, size // fragment) * fragment
    if isinstance(data_set, EncodedDataSet):
        yield from data_set.cut(size)
        return
    view, total = memoryview(data_set), len(data_set)
    for start in range(0, total or 1, size):
        yield view[start : start + size], start + size >= total
