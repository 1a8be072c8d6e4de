"""The upper layer of one association without I/O: PS3.8 as bytes in, bytes out and primitives.

Nothing here knows a socket, a thread or a clock: bytes are handed over and fetched, and the time
(seconds of any clock that only goes forward) is an argument. Whatever a peer sends, the memory
held is bounded by the limits and grows only with bytes that really came.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, NamedTuple

from pynetdicom._memo import Memo
from pynetdicom.errors import PDUDecodeError
from pynetdicom.fsm import StateMachine
from pynetdicom.limits import KIB, MIB
from pynetdicom.pdu import (
    A_ABORT_RQ,
    P_DATA_HEADER,
    P_DATA_TF,
    PDU,
    PDU_HEADER,
    decode_pdu,
    split_pdvs,
)
from pynetdicom.pdu_primitives import (
    A_ABORT,
    A_ASSOCIATE,
    A_P_ABORT,
    A_RELEASE,
    P_DATA,
    UserIdentityNegotiation,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import TypeAlias

    from pynetdicom.fsm import ServicePrimitive
    from pynetdicom.limits import Limits

    Buffer: TypeAlias = bytes | memoryview

LOGGER = logging.getLogger("pynetdicom.dul")

HEADER_LENGTH = PDU_HEADER.size

# The receive buffer starts small, for the many associations that carry little, and doubles while
# reads fill it. Beyond the bulk size a read gains nothing; only a larger PDU makes it grow on.
SMALL_BUFFER = 16 * KIB
BULK_BUFFER = MIB

# A-ASSOCIATE-RJ, -RELEASE and -ABORT PDUs have 4 bytes; a few more are tolerated and ignored
SHORT_PDU_LENGTH = 4
LONGEST_SHORT_PDU = 64

# The fixed fields of A-ASSOCIATE-RQ and -AC (PS3.8 Tables 9-11 and 9-17)
ASSOCIATE_FIELDS_LENGTH = 68

P_DATA_TYPE = 0x04

# Length, context ID and message control header: a P-DATA-TF of one PDV without data has no more
PDV_HEADER_LENGTH = 6


class _Kind(NamedTuple):
    """What is known of a PDU by its type alone."""

    name: str
    event: str
    shortest: int  # the least that its length field can be


_KINDS = {
    0x01: _Kind("A-ASSOCIATE-RQ", "Evt6", ASSOCIATE_FIELDS_LENGTH),
    0x02: _Kind("A-ASSOCIATE-AC", "Evt3", ASSOCIATE_FIELDS_LENGTH),
    0x03: _Kind("A-ASSOCIATE-RJ", "Evt4", SHORT_PDU_LENGTH),
    P_DATA_TYPE: _Kind("P-DATA-TF", "Evt10", 0),
    0x05: _Kind("A-RELEASE-RQ", "Evt12", SHORT_PDU_LENGTH),
    0x06: _Kind("A-RELEASE-RP", "Evt13", SHORT_PDU_LENGTH),
    0x07: _Kind("A-ABORT", "Evt16", SHORT_PDU_LENGTH),
}

# The actions that answer a PDU which has no business in the present state
_REFUSALS = frozenset({"AA-1", "AA-7", "AA-8"})

# In these states P-DATA is indicated and the state stays as it is (DT-2, AR-6)
_RECEIVING_STATES = frozenset({"Sta6", "Sta7"})

# What was decoded is remembered for PDUs up to this length, which does for 128 contexts, and not if
# there may be a password in it
_REMEMBERED_LENGTH = 32 * KIB
_KNOWN: Memo[PDU] = Memo(16)


def _event_of(primitive: ServicePrimitive) -> str:
    """Return the event that a primitive of the service user is."""
    if isinstance(primitive, A_ASSOCIATE):
        if primitive.result is None:
            return "Evt1"
        return "Evt8" if primitive.result else "Evt7"
    if isinstance(primitive, A_RELEASE):
        return "Evt11" if primitive.result is None else "Evt14"
    if isinstance(primitive, (A_ABORT, A_P_ABORT)):
        return "Evt15"
    if isinstance(primitive, P_DATA):
        return "Evt9"
    raise TypeError(f"{type(primitive).__name__} is no primitive of the upper layer service")


class UpperLayer:
    """One association's upper layer protocol machine (PS3.8 7 and 9).

    Its owner moves bytes and passes the time. After each call it looks at what there is to send
    (:meth:`data_to_send`), to dispatch (:meth:`primitives_received`), to do for the transport
    (`connect_requested`, `close_requested`), and at the next `deadline`. Not thread-safe.

    Parameters
    ----------
    maximum_length : int
        The maximum length of P-DATA-TF that this side announces, in bytes, 0 for unlimited.
    limits : limits.Limits
        What is accepted from the peer.
    artim_timeout : float or None
        Seconds that an acceptor waits for the whole A-ASSOCIATE-RQ; None for ever.
    close_timeout : float or None
        Seconds that the peer has for closing the connection, once that is due; None for ever.
    stall_timeout : float or None
        Seconds in which a PDU that has begun must be complete, more if it is so long that
        `limits.stall_rate` allows more; None for no such limit.

    Attributes
    ----------
    state_machine : fsm.StateMachine
        The state machine (PS3.8 9.2).
    connect_requested : bool
        True while the transport shall connect to the peer.
    close_requested : bool
        True when the transport connection shall be closed, at once: whatever is still unsent
        then, here or with the owner, nobody will read.
    is_requestor : bool
        True once the service user has asked for the association.
    primitive, pdu
        For the state machine: the latest primitive of the service user, None before; and the PDU
        that has come, None but while it is dealt with.
    error : PDUDecodeError or None
        What was wrong with what the peer sent, None while nothing was. It has been answered by
        an A-ABORT with its reason; whatever follows from the peer is not looked at.
    on_data_received, on_data_sent : callable or None
        Called with each whole PDU as bytes: before it is decoded, when it is fetched for sending.
    on_pdu_received, on_pdu_sent : callable or None
        Called with each PDU as an object: when it is decoded, when it is fetched for sending.
    on_transition : callable or None
        Called after each transition with the state before, the event, the action and the state.

    Notes
    -----
    The callables cost nothing while they are None. They may be set at any time, and must neither
    read nor raise.
    """

    def __init__(
        self,
        *,
        maximum_length: int,
        limits: Limits,
        artim_timeout: float | None,
        close_timeout: float | None,
        stall_timeout: float | None,
    ) -> None:
        self.artim_timeout = artim_timeout
        self.close_timeout = close_timeout
        self.stall_timeout = stall_timeout
        self.state_machine = StateMachine(self)
        self.connect_requested = False
        self.close_requested = False
        self.is_requestor = False
        self.primitive: ServicePrimitive | None = None
        self.pdu: PDU | None = None
        self.error: PDUDecodeError | None = None
        self.on_data_received: Callable[[bytes], object] | None = None
        self.on_data_sent: Callable[[bytes], object] | None = None
        self.on_pdu_received: Callable[[PDU], object] | None = None
        self.on_pdu_sent: Callable[[PDU], object] | None = None
        self.on_transition: Callable[[str, str, str, str], object] | None = None

        self._limits = limits
        self._longest = dict.fromkeys(_KINDS, LONGEST_SHORT_PDU)
        self._longest[0x01] = self._longest[0x02] = limits.associate_length
        self._longest[P_DATA_TYPE] = limits.p_data_limit(maximum_length)
        # P-DATA-TF up to this length goes without a remark
        cap = self._longest[P_DATA_TYPE]
        self._agreed_length = min(maximum_length or cap, cap)
        self._empty_pdvs = 0  # in a row

        self._now = 0.0
        self._artim: float | None = None  # when the ARTIM timer expires
        self._pdu_begun = 0.0  # when the first byte of the PDU at the front came

        self._new_buffer(SMALL_BUFFER)
        self._start = self._end = 0  # what is received and not yet worked through
        self._filled = False  # whether the latest read filled all the space it had
        self._received: Any = None  # the primitive that `pdu` stands for
        self._primitives: list[ServicePrimitive] = []
        # Whole PDUs; with the class of the one they are, unless it is P-DATA that came encoded
        self._output: list[tuple[type[PDU] | None, Sequence[Buffer]]] = []

    # -- what the owner asks ---------------------------------------------------------------------

    @property
    def state(self) -> str:
        """The present state, ``"Sta1"`` to ``"Sta13"``."""
        return self.state_machine.current_state

    @property
    def in_pdu(self) -> bool:
        """True while a PDU has been received in part."""
        return self._end > self._start

    @property
    def has_data_to_send(self) -> bool:
        """True if :meth:`data_to_send` has something."""
        return bool(self._output)

    @property
    def has_large_buffer(self) -> bool:
        """True if :meth:`release_buffer` has something to give back."""
        return len(self._buffer) > SMALL_BUFFER and self._end == self._start

    @property
    def deadline(self) -> float | None:
        """When to call :meth:`handle_timeout`: the ARTIM timer or a stalled PDU; None for never."""
        if self._end == self._start:
            return self._artim
        stall = self._stall_deadline()
        if self._artim is None or stall is None:
            return stall if self._artim is None else self._artim
        return min(self._artim, stall)

    def _stall_deadline(self) -> float | None:
        """Return when the PDU that has begun must be complete, None if there is none."""
        if self.stall_timeout is None or not self.in_pdu:
            return None
        allowed = self.stall_timeout
        if self._end - self._start >= HEADER_LENGTH:
            length = PDU_HEADER.unpack_from(self._buffer, self._start)[2]
            allowed = max(allowed, length / self._limits.stall_rate)
        return self._pdu_begun + allowed

    # -- from the service user -------------------------------------------------------------------

    def send(self, primitive: ServicePrimitive, now: float) -> None:
        """Take a primitive from the service user.

        Parameters
        ----------
        primitive : A_ASSOCIATE, A_RELEASE, A_ABORT, A_P_ABORT or P_DATA
            A request, or a response if its `result` is set. An A-P-ABORT is sent as an abort by
            the provider. P-DATA becomes one PDU.
        now : float
            The time.

        Raises
        ------
        TypeError
            If it is nothing of the kind.
        ValueError
            If it cannot be encoded. Of an A-ASSOCIATE request that shows in :meth:`connected`.
        UpperLayerError
            If the present state does not allow it (PS3.8 9.2). Nothing has changed then.
        """
        event = _event_of(primitive)
        self.state_machine.action(event)  # raises before anything is touched
        self.primitive = primitive
        self._now = now
        self.state_machine.do_action(event)

    def send_p_data(self, buffers: Sequence[Buffer]) -> None:
        """Take P-DATA from the service user as PDUs that are encoded already.

        Parameters
        ----------
        buffers : list of bytes-like
            Whole P-DATA-TF PDUs, in pieces of any size.

        Raises
        ------
        UpperLayerError
            If the present state does not allow it (PS3.8 9.2).
        """
        # Not through the state machine, since neither DT-1 nor AR-7 changes the state
        state = self.state_machine.current_state
        action = self.state_machine.action("Evt9")
        self._output.append((None, buffers))
        if self.on_transition is not None:
            self.on_transition(state, "Evt9", action, state)

    def data_to_send(self) -> list[Buffer]:
        """Return whole PDUs for the transport, in pieces, and forget them."""
        output, self._output = self._output, []
        if self.on_data_sent is not None or self.on_pdu_sent is not None:
            for _, buffers in output:
                self._report_sent(buffers)
        if len(output) == 1:
            return list(output[0][1])
        return [buffer for _, buffers in output for buffer in buffers]

    def _report_sent(self, buffers: Sequence[Buffer]) -> None:
        """Tell the observers of PDUs that are sent."""
        rest = memoryview(b"".join(buffers))
        while rest:
            length = HEADER_LENGTH + PDU_HEADER.unpack_from(rest)[2]
            data, rest = bytes(rest[:length]), rest[length:]
            if self.on_data_sent is not None:
                self.on_data_sent(data)
            if self.on_pdu_sent is not None:
                self.on_pdu_sent(_decode(data))

    # -- from the transport ----------------------------------------------------------------------

    def connected(self, now: float) -> None:
        """Go on with a transport connection: the one asked for, or else one from a peer.

        Parameters
        ----------
        now : float
            The time.

        Raises
        ------
        ValueError
            If the A-ASSOCIATE request cannot be encoded; the state is Sta4 still.
        """
        self._now = now
        if self.is_requestor and not self.connect_requested:
            return  # given up while the transport connected
        self.state_machine.do_action("Evt2" if self.connect_requested else "Evt5")
        self.connect_requested = False

    def receive_buffer(self) -> memoryview:
        """Return the space for the next read, never empty.

        Views that were handed out with P-DATA are not valid any longer.
        """
        kept, size = self._end - self._start, len(self._buffer)
        if self._filled and size < BULK_BUFFER:
            size *= 2
        if kept == size:  # one PDU that is larger than the buffer
            length = PDU_HEADER.unpack_from(self._buffer, self._start)[2]
            size = min(2 * size, HEADER_LENGTH + length)
        if size > len(self._buffer) or self._primitives:
            # A new one: there may be views of the old one, in P-DATA not yet fetched for certain
            front = self._view[self._start : self._end]
            self._new_buffer(size)
            self._view[:kept] = front
        elif self._start:
            self._view[:kept] = self._view[self._start : self._end]
        self._filled = False
        self._start, self._end = 0, kept
        return self._view[kept:]

    def release_buffer(self) -> None:
        """Give back the memory of a large receive buffer, for an association that is idle.

        Nothing happens while a PDU is received in part. Views that were handed out stay valid.
        """
        if self.has_large_buffer:
            self._new_buffer(SMALL_BUFFER)
            self._discard()

    def _new_buffer(self, size: int) -> None:
        """Receive into a new buffer from now on."""
        self._buffer = bytearray(size)
        self._view = memoryview(self._buffer)

    def receive_data(self, data: bytes, now: float) -> None:
        """Take bytes from the transport, any number, by way of the receive buffer.

        Parameters
        ----------
        data : bytes
            What was received.
        now : float
            The time.
        """
        rest = memoryview(data)
        while rest:
            space = self.receive_buffer()
            count = min(len(space), len(rest))
            space[:count] = rest[:count]
            rest = rest[count:]
            self.bytes_received(count, now)

    def postpone(self, seconds: float) -> None:
        """Give a PDU that has begun more time: that in which nobody looked for the rest of it.

        Parameters
        ----------
        seconds : float
            How long.
        """
        self._pdu_begun += seconds

    def receive_eof(self, now: float) -> None:
        """Take note that the transport connection is closed, or could not be opened.

        Parameters
        ----------
        now : float
            The time.
        """
        self._now = now
        self.connect_requested = False
        self._output.clear()
        self._discard()
        if self.state != "Sta1":
            self.state_machine.do_action("Evt17")

    def handle_timeout(self, now: float) -> None:
        """Act on the deadline that has passed, if one has.

        Parameters
        ----------
        now : float
            The time.
        """
        self._now = now
        stall = self._stall_deadline()
        if self._artim is not None and now >= self._artim:
            self.state_machine.do_action("Evt18")
        elif stall is not None and now >= stall:
            seconds = round(now - self._pdu_begun, 1)
            self._refuse(PDUDecodeError(f"PDU not complete after {seconds} s", 0), "Evt19")

    # -- bytes to primitives ---------------------------------------------------------------------

    def bytes_received(self, count: int, now: float) -> None:
        """Work through what has been read into the receive buffer.

        Parameters
        ----------
        count : int
            The number of bytes read.
        now : float
            The time.
        """
        self._now = now
        before, was_empty = self._start, self._end == self._start
        self._end += count
        self._filled = self._end == len(self._buffer)
        try:
            while self._end - self._start >= HEADER_LENGTH and self._is_listening():
                if not (self._take_p_data() or self._take_pdu()):
                    break
        except PDUDecodeError as error:
            self._refuse(error, "Evt19")
        if self._end == self._start:
            return
        if not self._is_listening():
            self._discard()
        elif was_empty or self._start > before:
            self._pdu_begun = now

    def _is_listening(self) -> bool:
        """Return True while the peer's bytes mean anything."""
        state = self.state_machine.current_state
        return self.error is None and state not in ("Sta1", "Sta4")

    def _discard(self) -> None:
        """Forget what is received and not worked through."""
        self._start = self._end = 0
        self._filled = False

    def _take_p_data(self) -> bool:
        """Work through the P-DATA-TF PDUs at the front; return whether there were any.

        This is the loop that large data sets go through. It neither builds PDUs nor asks the
        state machine, because neither DT-2 nor AR-6 changes the state. What is observed, or is
        not plain P-DATA at its time, is left to :meth:`_take_pdu`.
        """
        if (
            self.state_machine.current_state not in _RECEIVING_STATES
            or self.on_data_received is not None
            or self.on_pdu_received is not None
            or self.on_transition is not None
        ):
            return False
        pdvs: list[tuple[int, int, Buffer]] = []
        view, start, end, longest = self._view, self._start, self._end, self._agreed_length
        unpack, shortest = P_DATA_HEADER.unpack_from, P_DATA_HEADER.size
        try:
            while end - start >= shortest:
                pdu_type, _, length, pdv_length, context_id, control = unpack(view, start)
                stop = start + HEADER_LENGTH + length
                if pdu_type != P_DATA_TYPE or length > longest or stop > end:
                    break
                if length > PDV_HEADER_LENGTH and pdv_length == length - 4:  # the only one
                    pdvs.append((context_id, control, view[start + shortest : stop]))
                    self._empty_pdvs = 0
                else:
                    found = split_pdvs(view[start + HEADER_LENGTH : stop])
                    self._count_empty(found)
                    pdvs += found
                start = stop
        finally:
            any_taken = start > self._start
            self._start = start
            if pdvs:  # also those before a PDU that is not valid
                p_data = P_DATA()
                p_data.pdvs = pdvs
                self.indicate(p_data)
        return any_taken

    def _take_pdu(self) -> bool:
        """Deal with the PDU at the front; return False if it must wait for more bytes."""
        pdu_type, _, length = PDU_HEADER.unpack_from(self._buffer, self._start)
        kind = _KINDS.get(pdu_type)
        if kind is None:
            raise PDUDecodeError(f"Unrecognised PDU type 0x{pdu_type:02X}", 1)
        action = self.state_machine.action(kind.event)
        if action in _REFUSALS:
            error = PDUDecodeError(f"{kind.name} PDU is not expected in {self.state}", 2)
            self._refuse(error, kind.event)
            return False
        self._check_length(pdu_type, length)
        stop = self._start + HEADER_LENGTH + length
        if stop > self._end:
            return False
        data = bytes(self._view[self._start : stop])
        self._start = stop
        if action != "AA-6":  # what is going to be ignored need not be right
            self._read_pdu(data)
        self.state_machine.do_action(kind.event)
        self.pdu = self._received = None
        return True

    def _check_length(self, pdu_type: int, length: int) -> None:
        """Raise PDUDecodeError if a PDU of this type cannot have this length."""
        kind, longest = _KINDS[pdu_type], self._longest[pdu_type]
        if not kind.shortest <= length <= longest:
            raise PDUDecodeError(
                f"{kind.name} PDU with a length of {length}, "
                f"accepted are {kind.shortest} to {longest} bytes"
            )
        if pdu_type == P_DATA_TYPE and length > self._agreed_length:
            LOGGER.warning(
                "The peer sends P-DATA-TF PDUs of %d bytes, the maximum length agreed is %d",
                *(length, self._agreed_length),
            )
            self._agreed_length = longest  # once is enough

    def _read_pdu(self, data: bytes) -> None:
        """Decode a PDU and show it to the observers."""
        if self.on_data_received is not None:
            self.on_data_received(data)
        if self.on_pdu_received is not None:
            self.pdu = _decode(data)
            self.on_pdu_received(self.pdu)
        elif len(data) > _REMEMBERED_LENGTH or data[0] == P_DATA_TYPE:
            self.pdu = _decode(data)
        else:
            self.pdu = _decode_known(data)
        self._received = self.pdu.to_primitive()
        if isinstance(self._received, P_DATA):
            self._count_empty(self._received.pdvs)

    def _count_empty(self, pdvs: Sequence[tuple[int, int, Buffer]]) -> None:
        """Raise PDUDecodeError if these PDVs of one PDU make too many without data in a row."""
        for length in [len(fragment) for _, _, fragment in pdvs] or [0]:
            self._empty_pdvs = 0 if length else self._empty_pdvs + 1
            if self._empty_pdvs > self._limits.empty_pdvs:
                raise PDUDecodeError(f"{self._empty_pdvs} PDVs without data in a row", 0)

    def _refuse(self, error: PDUDecodeError, event: str) -> None:
        """Answer what the peer must not send; nothing that follows is looked at."""
        self.error = error
        self._discard()
        self.state_machine.do_action(event)

    def primitives_received(self) -> list[ServicePrimitive]:
        """Return the primitives for the service user, in order, and forget them.

        P-DATA-TF PDUs that come one after the other are one P-DATA. Its fragments may be views
        of the receive buffer, valid until :meth:`receive_buffer` is called.
        """
        primitives, self._primitives = self._primitives, []
        return primitives

    # -- the verbs of the state machine's actions (fsm.Provider), not for the owner --------------

    def send_pdu(self, pdu_class: type[PDU], primitive: ServicePrimitive | None = None) -> None:
        """Queue the PDU made from a primitive: the service user's, unless another is given."""
        data = pdu_class._encode_primitive(self.primitive if primitive is None else primitive)
        if pdu_class is A_ABORT_RQ:
            # P-DATA would only keep the abort from leaving, and the peer throws it away
            self._output = [
                (queued, buffers)
                for queued, buffers in self._output
                if queued is not None and queued is not P_DATA_TF
            ]
        self._output.append((pdu_class, [data]))

    def indicate(self, primitive: ServicePrimitive | None = None) -> None:
        """Give the service user a primitive: the received PDU's, unless another is given."""
        if primitive is None:
            primitive = self._received
        last = self._primitives[-1] if self._primitives else None
        if isinstance(last, P_DATA) and isinstance(primitive, P_DATA):
            last.pdvs.extend(primitive.pdvs)
        else:
            self._primitives.append(primitive)

    def open(self) -> None:
        """Ask for a transport connection to the peer."""
        self.is_requestor = True
        self.connect_requested = True

    def close(self) -> None:
        """Ask for the transport connection to be closed."""
        self.connect_requested = False
        self.close_requested = True
        self._output.clear()  # of no use any longer, and the peer may not be reading
        self._discard()

    def start_artim(self, timeout: float | None) -> None:
        """Start the ARTIM timer, anew if it runs; without a timeout it never expires."""
        self._artim = None if timeout is None else self._now + timeout

    def stop_artim(self) -> None:
        """Stop the ARTIM timer, if it runs."""
        self._artim = None


def _decode(data: bytes) -> PDU:
    """Return the PDU that whole bytes are."""
    return decode_pdu(data[0], memoryview(data)[HEADER_LENGTH:])


def _decode_known(data: bytes) -> PDU:
    """Return a PDU that nobody is going to change; most peers send the same ones all the time."""
    pdu = _KNOWN.get(data)
    if pdu is None:
        pdu = _decode(data)
        if not _has_user_identity(pdu):
            _KNOWN.put(data, pdu)
    return pdu


def _has_user_identity(pdu: PDU) -> bool:
    """Return True if there is a user identity, and so perhaps a password, in a PDU."""
    primitive = pdu.to_primitive()
    return isinstance(primitive, A_ASSOCIATE) and any(
        isinstance(item, UserIdentityNegotiation) for item in primitive.user_information
    )
