"""The DUL service provider: an association's upper layer on its connection.

Who does what, and under which lock:

* Any thread may send. It hands its primitive to the upper layer and what that makes of it to the
  socket, under `_io`; it never waits there.
* One thread at a time reads: who has *the turn*. It waits for the socket without a lock, reads
  and parses under `_io`, and dispatches everything that came, whoever it is for.
* A thread that waits for an answer takes the turn if it is free, so that no other thread stands
  between the socket and it. The association's own thread (*the watcher*) takes it only when
  nobody has waited for an answer for `WATCH_DELAY`: then the peer's requests, releases and
  aborts, and the deadlines of an idle association, are seen without anybody waiting.
"""

from __future__ import annotations

import logging
import math
import threading
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import cached_property
from threading import get_ident
from time import monotonic
from typing import TYPE_CHECKING, Any

import pynetdicom.events as evt
import pynetdicom.transport as transport
from pynetdicom.dul.protocol import UpperLayer
from pynetdicom.errors import PDUDecodeError, UpperLayerError
from pynetdicom.pdu_primitives import A_ABORT, A_ASSOCIATE, A_P_ABORT, A_RELEASE, P_DATA

if TYPE_CHECKING:
    import ssl

    from pynetdicom.association import Association
    from pynetdicom.fsm import StateMachine
    from pynetdicom.transport import AddressInformation, AssociationSocket

LOGGER = logging.getLogger("pynetdicom.dul")

# Seconds without a caller reading after which the association's own thread watches the socket.
# Long enough that the callers of a busy association never have to hand the turn over (each
# hand-over costs some 25 microseconds), short enough that a peer's abort is seen soon.
WATCH_DELAY = 0.05

# The observers of an upper layer, the events that they are, and the attributes of these
_OBSERVED = (
    ("on_data_received", evt.EVT_DATA_RECV, ("data",)),
    ("on_data_sent", evt.EVT_DATA_SENT, ("data",)),
    ("on_pdu_received", evt.EVT_PDU_RECV, ("pdu",)),
    ("on_pdu_sent", evt.EVT_PDU_SENT, ("pdu",)),
    (
        "on_transition",
        evt.EVT_FSM_TRANSITION,
        ("current_state", "fsm_event", "action", "next_state"),
    ),
)

# Before the request for an association has come (PS3.8 9.2.1)
_BEFORE_REQUEST = ("Sta1", "Sta2")
# Seconds in which a request comes as a whole and is decoded, if that is what has begun to come
_JUST_NOW = 1.0

Buffer = bytes | bytearray | memoryview


def earliest(*times: float | None) -> float | None:
    """Return the earliest of some points in time, None being never."""
    return min((t for t in times if t is not None), default=None)


def time_left(until: float | None) -> float | None:
    """Return the seconds until a point in time, 0 if it has passed, None if it is never."""
    return None if until is None else max(0.0, until - monotonic())


class DULServiceProvider:
    """Runs the upper layer of one association over its connection (PS3.8 7 to 9).

    Parameters
    ----------
    assoc : association.Association
        The association.

    Attributes
    ----------
    socket : transport.AssociationSocket or None
        The connection, None before there is one.
    to_user_queue : collections.deque
        Association primitives received and not yet taken by :meth:`receive_pdu`.
    """

    def __init__(self, assoc: Association) -> None:
        self._assoc = assoc
        self.socket: AssociationSocket | None = None
        self.to_user_queue: deque[Any] = deque()
        self.is_closed = False
        # The locks are re-entrant for signal handlers: they interrupt the main thread anywhere
        self._io = threading.RLock()
        self._late: deque[Any] = deque()  # what such a handler wants to be sent
        self._unsent: list[Buffer] = []
        self._inbox: deque[Any] = deque()  # received, not yet dispatched
        self._taken = 0  # PDVs dispatched of the first P_DATA in the inbox
        self._turn = threading.RLock()  # guards who reads, and is the lock of both conditions
        self._news = threading.Condition(self._turn)  # for the callers who wait
        self._watch_news = threading.Condition(self._turn)  # for the watcher
        self._reader: int | None = None  # the thread that has the turn
        self._callers = 0  # threads that wait for news
        self._caller_came = False  # somebody waited while the watcher had the turn
        self._last_turn = float("-inf")  # when a caller last had the turn
        self._last_received = self._last_sent = self._idle_since = monotonic()
        self._last_look = self._last_received  # when the socket was last looked at
        self._is_accepted = False  # whether a server accepted it, and it has not been read yet
        self._first_read = math.inf  # when something was read for the first time
        self._close_told = False  # whether EVT_CONN_CLOSE has been triggered
        self._reported: PDUDecodeError | None = None
        self._first_bytes = b""  # that the peer sent
        # Notification events that happened under `_io`; their handlers may abort and so on, and
        # run without it
        self._notices: deque[tuple[evt.NotificationEvent, dict[str, Any]]] = deque()

    @cached_property
    def upper_layer(self) -> UpperLayer:
        """The protocol itself, made with the settings that the association has at first use."""
        return self._new_upper_layer()

    def _new_upper_layer(self) -> UpperLayer:
        assoc = self._assoc
        limits, acse_timeout = assoc.ae.limits, assoc.acse_timeout
        close_timeout = limits.close_timeout
        if acse_timeout is not None and acse_timeout < close_timeout:
            close_timeout = acse_timeout
        layer = UpperLayer(
            maximum_length=assoc.local_user.maximum_length,
            limits=limits,
            artim_timeout=acse_timeout,
            close_timeout=close_timeout,
            stall_timeout=assoc.network_timeout,
        )
        self._observe(layer)
        return layer

    # -- the connection ----------------------------------------------------------------------

    @property
    def assoc(self) -> Association:
        """The association."""
        return self._assoc

    @property
    def state_machine(self) -> StateMachine:
        """The state machine of the upper layer (PS3.8 9.2)."""
        return self.upper_layer.state_machine

    @property
    def is_silent(self) -> bool:
        """True while the requestor has sent no A-ASSOCIATE-RQ, nor begun with it just now."""
        if self.state_machine.current_state not in _BEFORE_REQUEST:
            return False
        return not 0 <= monotonic() - self._first_read <= _JUST_NOW

    @property
    def network_timeout(self) -> float | None:
        """Seconds without a PDU, or without progress in sending, after which a peer is dead."""
        return self._assoc.network_timeout

    def _prepare(self) -> None:
        """Begin with a fresh upper layer, with the settings that the association has now."""
        with self._io:
            self.__dict__["upper_layer"] = self._new_upper_layer()
        self._last_received = self._last_look = monotonic()

    def update_observers(self) -> None:
        """Let the upper layer report what some handler is bound to, and nothing else."""
        with self._io:  # so that nobody is about to call one that goes away
            layer = self.__dict__.get("upper_layer")
            if layer is not None:  # else that is done when there is one
                self._observe(layer)

    def _observe(self, layer: UpperLayer) -> None:
        """Set the observers of an upper layer."""
        is_bound = self._assoc._is_bound
        for observer, event, names in _OBSERVED:
            if is_bound(event):
                setattr(layer, observer, self._reporter(event, names))
            elif getattr(layer, observer) is not None:
                setattr(layer, observer, None)

    def _reporter(
        self, event: evt.NotificationEvent, names: tuple[str, ...]
    ) -> Callable[..., None]:
        """Return what the upper layer calls to have the handlers of an event told."""

        def report(*values: Any) -> None:
            self._notices.append((event, dict(zip(names, values, strict=True))))

        return report

    def accepted(self, socket: AssociationSocket, context: ssl.SSLContext | None) -> None:
        """Take over a connection that a server accepted (Evt5, transport connection indication).

        Raises
        ------
        OSError
            If a TLS handshake is due and fails; the connection is closed then.
        """
        self.socket = socket
        if context is not None:
            try:
                socket.handshake(context, self._assoc.ae.limits.tls_timeout)
            except OSError:
                self._close()
                raise
        self._prepare()
        with self._io:
            self.upper_layer.connected(monotonic())
        self._settle()
        self._is_accepted = True

    def connect(
        self,
        address: AddressInformation,
        bind_address: AddressInformation | None,
        tls_args: tuple[ssl.SSLContext, str | None] | None,
    ) -> None:
        """Open the connection that AE-1 asked for, and go on with Evt2 or Evt17.

        Raises
        ------
        OSError
            If there is no connection; the state machine is back in Sta1 then.
        ValueError
            If the A-ASSOCIATE request can't be encoded; likewise.
        """
        with self._io:
            if self.is_closed:
                raise ConnectionAbortedError("the association was aborted before it was connected")
            socket = self.socket = transport.AssociationSocket(self._assoc)
        try:
            socket.connect(address, self._assoc.connection_timeout, bind_address, tls_args)
            self._assoc.local_user.address_info = transport.AddressInformation.from_tuple(
                socket.getsockname()
            )
            evt.trigger(self._assoc, evt.EVT_CONN_OPEN, {"address": address.as_tuple})
            with self._io:
                if self.upper_layer.connect_requested:  # else it was aborted meanwhile
                    self.upper_layer.connected(monotonic())
                self._flush()
        except BaseException:
            self.lose_connection()
            raise
        self._settle()

    def lose_connection(self) -> None:
        """Go on as if the peer had closed the connection (Evt17)."""
        with self._io:
            self._unsent.clear()
            self.upper_layer.receive_eof(monotonic())
            self._inbox.extend(self.upper_layer.primitives_received())
        self._close()
        if self._try_turn():  # else who has the turn finds it in the inbox
            try:
                self._dispatch()
            finally:
                self._leave_turn()

    def _close(self) -> None:
        """Close the socket, once, and tell everybody."""
        with self._io:
            self.is_closed = True
            self._unsent.clear()
            socket, told = self.socket, self._close_told
            self._close_told = True
        if socket is not None:
            socket.close()
        with self._news:
            self._news.notify_all()
            self._watch_news.notify_all()
        if socket is not None and not told:
            peer = self._assoc.remote_user.address_info
            address = peer.as_tuple if peer else None
            evt.trigger(self._assoc, evt.EVT_CONN_CLOSE, {"address": address})

    def kill_dul(self) -> None:
        """Close the connection without a word to the peer."""
        self.lose_connection()

    def stop_dul(self) -> bool:
        """Return True, having closed the connection, if no association is under way (Sta1)."""
        if self.upper_layer.state != "Sta1":
            return False
        self._close()
        return True

    # -- sending -----------------------------------------------------------------------------

    def send_pdu(self, primitive: Any) -> None:
        """Give the upper layer a primitive of the association's user and send what it makes of it.

        Parameters
        ----------
        primitive : pdu_primitives.A_ASSOCIATE, A_RELEASE, A_ABORT, A_P_ABORT or P_DATA
            The primitive.

        Raises
        ------
        errors.UpperLayerError
            If the present state does not allow it.
        """
        if self._has_interrupted_io():
            self._late.append(primitive)
            self.wake()
            return
        with self._io:
            self.upper_layer.send(primitive, monotonic())
            self._flush()
        if self._reader is not None:  # who is to send the rest, and to look after new deadlines
            self.wake()
        self._settle()

    def _has_interrupted_io(self) -> bool:
        """Return True in a signal handler that has interrupted this very thread within `_io`."""
        is_owned: bool = self._io._is_owned()  # type: ignore[attr-defined]
        return is_owned

    def send_p_data(self, buffers: Sequence[bytes | memoryview], more: bool = False) -> None:
        """Send whole P-DATA-TF PDUs; returns when the system has taken all of them.

        If the connection is lost, or the peer has not read for the network timeout, it returns,
        too: who waits for an answer finds that out.

        Parameters
        ----------
        buffers : list of bytes-like
            The PDUs in pieces, for a gathered write. They may be reused on return.
        more : bool, optional
            More will follow at once: see :meth:`AssociationSocket.send`.

        Raises
        ------
        errors.UpperLayerError
            If the present state does not allow it.
        """
        with self._io:
            self.upper_layer.send_p_data(buffers)
            self._flush(more)
            blocked = bool(self._unsent)
        if blocked:
            self._wait_for_sending()
        self._settle()

    def _flush(self, more: bool = False) -> None:
        """Send what the socket takes. Needs `_io`."""
        unsent, socket = self._unsent, self.socket
        unsent += self.upper_layer.data_to_send()
        if socket is None:
            return
        try:
            while unsent and (sent := socket.send(unsent, more)):
                if sent == sum(map(len, unsent)):
                    unsent.clear()
                else:
                    _drop_front(unsent, sent)
                self._last_sent = monotonic()
        except OSError:
            # What the peer sent before it closed, perhaps the reason, can still be read
            unsent.clear()
            socket.shutdown_write()

    def _wait_for_sending(self) -> None:
        """Wait until the peer has taken what is unsent, reading meanwhile if nobody else does."""
        self._last_sent = monotonic()
        while self._unsent and not self.is_closed:
            timeout = self.network_timeout
            until = None if timeout is None else self._last_sent + timeout
            if time_left(until) == 0:
                LOGGER.error("Peer has not read for %s s (network timeout)", timeout)
                self.lose_connection()
            elif self._try_turn():
                try:
                    self._read(until)
                finally:
                    self._leave_turn()
            else:
                self._send_rest(until)

    def _send_rest(self, until: float | None) -> None:
        """Wait, without reading, until the socket takes some of what is unsent.

        Not for long, since the reader may leave, or there may be room to read.
        """
        self._wait(False, True, earliest(until, monotonic() + WATCH_DELAY))
        self._receive(False)
        self._settle()

    def _wait(self, read: bool, write: bool, until: float | None) -> bool:
        """Wait until the socket can be read or written; return whether it can be read."""
        assert self.socket is not None
        try:
            return self.socket.wait(read, write, time_left(until))[0]
        except OSError as exc:
            LOGGER.error("Connection closed, the system can't wait for it: %s", exc)
            self.lose_connection()
            return False

    def _settle(self) -> None:
        """Tell what happened; close the connection if the state machine asks for it."""
        if not (self._notices or self._late or self.upper_layer.close_requested):
            return
        while (notice := _take_first(self._notices)) is not None:
            evt.trigger(self._assoc, *notice)
        while not self._has_interrupted_io() and (late := _take_first(self._late)) is not None:
            with suppress(UpperLayerError):
                self.send_pdu(late)
        if self.upper_layer.close_requested and not self.is_closed:
            self._close()

    # -- whose turn it is to read ------------------------------------------------------------

    def wait_until(self, done: Callable[[], object], until: float | None) -> bool:
        """Read, or wait for who reads, until something is so.

        Parameters
        ----------
        done : callable
            Tells whether it is so.
        until : float or None
            When to give up, as ``time.monotonic()``.

        Returns
        -------
        bool
            What `done` says in the end: False when the time is up or the connection is closed.
        """
        self.check_may_wait()
        while not done() and self._is_live() and (until is None or monotonic() < until):
            if not self._take_turn(done, until):
                continue
            try:
                while not done() and self._is_live() and self._read(until):
                    pass
            finally:
                self._leave_turn()
        return bool(done())

    def check_may_wait(self) -> None:
        """Raise RuntimeError in a thread that can't wait for the peer, being who reads."""
        if self._reader == get_ident() or self._has_interrupted_io():
            raise RuntimeError(
                "the handler of a notification event runs while the peer's data is handed out "
                "and can't wait for the peer; do it in another thread"
            )

    @property
    def in_dispatch(self) -> bool:
        """True in a thread that is handing out what was received, and so can't wait for more."""
        return self._reader == get_ident() or self._has_interrupted_io()

    def pump(self) -> None:
        """Dispatch what has come in, without waiting."""
        socket, layer = self.socket, self.upper_layer
        has_news = self._inbox or self._unsent or layer.deadline is not None
        if not has_news and socket is not None and socket.is_quiet():
            return  # as most times, when a handler has many responses
        if self._try_turn():
            try:
                self._read(monotonic())
            finally:
                self._leave_turn()

    def watch(self, done: Callable[[], object], may_idle: bool = False) -> bool:
        """Be the association's own thread: wait until it has something to do.

        Parameters
        ----------
        done : callable
            Tells whether there is something to do.
        may_idle : bool, optional
            Whether to wait on when the network timeout has passed.

        Returns
        -------
        bool
            False when the network timeout has passed without a PDU.
        """
        self._idle_since = monotonic()
        while not done() and self._is_live():
            if not self._take_watch(done):
                continue
            try:
                while not done() and not self._caller_came and self._is_live():
                    until = None if may_idle else self._idle_until()
                    if self.upper_layer.has_large_buffer:
                        until = earliest(until, monotonic() + WATCH_DELAY)
                    if not self._read(until):
                        self.upper_layer.release_buffer()
                        if not may_idle and not self._callers and self.idle_timer_expired():
                            return False
            finally:
                self._leave_turn()
        return True

    def _idle_until(self) -> float | None:
        """Return when the association will have been idle for too long."""
        timeout = self.network_timeout
        if timeout is None or self._inbox:  # what waits for room has been received
            return None
        last = max(self._last_received, self._last_sent, self._last_turn, self._idle_since)
        return last + timeout

    def idle_timer_expired(self) -> bool:
        """Return True if nothing was received, sent or asked for as long as the network timeout."""
        return time_left(self._idle_until()) == 0

    def _is_live(self) -> bool:
        """Return True while there is, or may be, something to dispatch."""
        return (not self.is_closed and self.socket is not None) or bool(self._inbox)

    def _try_turn(self) -> bool:
        """Take the turn if it is free."""
        with self._turn:
            if self._reader is not None or not self._is_live():
                return False
            self._reader = get_ident()
            return True

    def _take_turn(self, done: Callable[[], object], until: float | None) -> bool:
        """Take the turn, or else wait for news; return whether it was taken."""
        with self._turn:
            if self._reader is None:
                self._reader = get_ident()
                return True
            # First say that one waits, then look: who dispatches does it the other way round
            self._callers += 1
            self._caller_came = True
            try:
                if not done() and self._is_live():
                    self._news.wait(time_left(until))
            finally:
                self._callers -= 1
            return False

    def _take_watch(self, done: Callable[[], object]) -> bool:
        """Take the turn if no caller had it of late, or else wait; return whether it was taken."""
        with self._turn:
            quiet = monotonic() - self._last_turn
            if self._reader is None and quiet >= WATCH_DELAY:
                self._reader = get_ident()
                self._caller_came = False
                return True
            if not done() and self._is_live():
                # Nobody tells when a caller is through, for each echo would pay for that; so
                # this looks again now and then, while there are callers
                self._watch_news.wait(WATCH_DELAY)
            return False

    def _leave_turn(self) -> None:
        """Leave the turn to whoever waits for it."""
        with self._turn:
            if get_ident() != self._assoc.ident or self._caller_came:
                self._last_turn = monotonic()
            self._reader = None
            if self._callers:
                self._news.notify_all()

    def tell_callers(self) -> None:
        """Something has come for those who wait."""
        if self._callers:
            with self._news:
                self._news.notify_all()

    def tell_watcher(self) -> None:
        """There is something to do for the association's own thread."""
        self._assoc._ensure_thread()
        if get_ident() != self._assoc.ident:
            with self._watch_news:
                self._watch_news.notify_all()

    def wake(self) -> None:
        """Let whoever waits look anew at the time-outs and at what there is to do."""
        self.upper_layer.stall_timeout = self.network_timeout
        if self.socket is not None and not self.is_closed:
            self.socket.wake()
        self.tell_callers()

    # -- reading -----------------------------------------------------------------------------

    def _read(self, until: float | None) -> bool:
        """Dispatch what is there, or wait for the peer until `until` and dispatch what came.

        Returns False when the time is up. Needs the turn.
        """
        if self._inbox:
            return self._dispatch() or self._wait_for_room(until)
        layer, socket = self.upper_layer, self.socket
        assert socket is not None
        if layer.in_pdu or self._assoc.dimse.in_message:
            socket.quick_ack()  # a sender that uses Nagle's algorithm waits for it
            layer.postpone(monotonic() - self._last_look)  # while a handler ran, for example
        at = layer.deadline
        if at is None or (until is not None and until < at):
            at = until
        # A request is there, nearly always, when an acceptor begins to read
        is_there, self._is_accepted = self._is_accepted, False
        readable = is_there or self._wait(True, bool(self._unsent), at)
        now = self._receive(readable)
        if layer.error is not None:
            self._report(layer.error)
        self._settle()
        self._dispatch()
        return until is None or now < until

    def _report(self, error: PDUDecodeError) -> None:
        """Log, once, what the peer sent that is no valid PDU."""
        if error is self._reported:
            return
        self._reported = error
        hint = ""
        if self._first_bytes and transport.looks_like_tls(self._first_bytes):
            hint = "; it speaks TLS, which this server does not: give start_server() an ssl_context"
        self._assoc._log_fault("Invalid data received from %s: %s%s", error, hint)

    def _receive(self, readable: bool) -> float:
        """Read from the socket if there is something; look after deadlines; return the time."""
        layer, socket = self.upper_layer, self.socket
        assert socket is not None
        now = self._last_look = monotonic()
        received: int | None = None
        with self._io:
            if readable:
                if not self._first_bytes:  # said before it is taken: a server looks if it is there
                    self._first_read = now
                try:
                    space = layer.receive_buffer()
                    received = socket.recv_into(space)
                except OSError:  # reset by the peer
                    received = 0
                if received:
                    self._last_received = now
                    self._first_bytes = self._first_bytes or bytes(space[: min(received, 2)])
                    layer.bytes_received(received, now)
                elif received == 0:
                    self._unsent.clear()
                    layer.receive_eof(now)
                elif not self._first_bytes:
                    self._first_read = math.inf
            deadline = layer.deadline
            if deadline is not None and deadline <= now:
                layer.handle_timeout(now)
            if self._unsent or layer.has_data_to_send:
                self._flush()
            self._inbox.extend(layer.primitives_received())
        if received == 0:
            self._close()
        return now

    def _dispatch(self) -> bool:
        """Hand out what is in the inbox, as far as there is room; return whether anything went."""
        inbox, dispatched = self._inbox, False
        while inbox:
            primitive = inbox[0]
            if type(primitive) is P_DATA and self._assoc.is_established:
                if not self._assoc.dimse.has_room() and self._is_full():
                    break
                pdvs, start = primitive.pdvs, self._taken
                self._taken = len(pdvs)  # should that fail, nobody meets the same again
                self._taken = self._assoc.dimse.receive_pdvs(pdvs, start)
                dispatched = True
                if self._taken < len(pdvs):
                    continue
            inbox.popleft()
            self._taken = 0
            if type(primitive) is not P_DATA:  # which comes too late in a release or an abort
                dispatched = True
                self._indicate(primitive)
            if type(primitive) is A_ASSOCIATE:
                break  # P-DATA may follow at once, and is understood when this has been
        return dispatched

    def _is_full(self) -> bool:
        """Return True while P-DATA has to wait until some of the requests are served."""
        return (
            not self._assoc.dimse.has_room()
            and self._assoc.is_established
            and self.upper_layer.state not in ("Sta1", "Sta13")
        )

    def _indicate(self, primitive: Any) -> None:
        """Give the association a primitive that is not P-DATA."""
        self.to_user_queue.append(primitive)
        if isinstance(primitive, (A_ABORT, A_P_ABORT)):
            self._assoc._connection_aborted(primitive)
        self.tell_callers()
        # Of the release that it asks for itself the association takes the answer at once
        is_for_watcher = isinstance(primitive, A_RELEASE) and self._assoc.is_established
        if is_for_watcher:  # after which the peer sends nothing (PS3.8 7.2)
            self._assoc.dimse.exchanges.end()
        if is_for_watcher or isinstance(primitive, (A_ABORT, A_P_ABORT)):
            self.tell_watcher()

    def _wait_for_room(self, until: float | None) -> bool:
        """Wait, without reading, until a queue is no longer full; False when the time is up."""
        if self._unsent:
            self._send_rest(until)
        else:
            with self._news:
                self._callers += 1
                try:
                    if self._is_full():
                        self._news.wait(time_left(until))
                finally:
                    self._callers -= 1
        self._idle_since = monotonic()
        return time_left(until) != 0

    # -- association primitives --------------------------------------------------------------

    def receive_pdu(self, wait: bool = False, timeout: float | None = None) -> Any:
        """Return the next association primitive received, or None.

        Parameters
        ----------
        wait : bool, optional
            Whether to wait for one.
        timeout : float or None, optional
            For how many seconds; None for ever.

        Returns
        -------
        pdu_primitives.A_ASSOCIATE, A_RELEASE, A_ABORT, A_P_ABORT or None
            The primitive; None when none came or the connection is closed.
        """
        if wait:
            until = None if timeout is None else monotonic() + timeout
            self.wait_until(self.to_user_queue.__len__, until)
        return _take_first(self.to_user_queue)

    def peek_next_pdu(self) -> Any:
        """Return the next association primitive received and leave it where it is, or None."""
        try:
            return self.to_user_queue[0] if self.to_user_queue else None
        except IndexError:  # taken by another thread
            return None


def _take_first(queue: deque[Any]) -> Any:
    """Take the first out of a queue that other threads take from, too; None if there is none."""
    try:
        return queue.popleft() if queue else None
    except IndexError:
        return None


def _drop_front(buffers: list[Buffer], count: int) -> None:
    """Take the first `count` bytes out of a list of buffers."""
    done = 0
    for buffer in buffers:
        if count < len(buffer):
            break
        count -= len(buffer)
        done += 1
    del buffers[:done]
    if count and buffers:
        buffers[0] = memoryview(buffers[0])[count:]
