"""Requests of ours that are under way, and the responses to them.

How many may be outstanding at a time is negotiated (PS3.7 D.3.3.3), and one without that. A
response finds who waits for it by the Message ID Being Responded To, in whatever order they come.
"""

from __future__ import annotations

import sys
import threading
from collections import deque
from contextlib import suppress
from time import monotonic
from typing import TYPE_CHECKING

from pynetdicom._globals import STATUS_WARNING
from pynetdicom.dimse_primitives import C_FIND, DimseServiceType
from pynetdicom.errors import DIMSEDecodeError, UpperLayerError
from pynetdicom.status import code_to_category

if TYPE_CHECKING:
    from pynetdicom.association import Association

# The statuses of responses that others follow (PS3.7 C.3)
PENDING = frozenset({0xFF00, 0xFF01})
# The command fields of the responses to C-GET, C-FIND and C-MOVE, of which there are several until
# the request is cancelled (PS3.7 9.3)
MANY_RESPONSES = frozenset({0x8010, 0x8020, 0x8021})
_LAST_MESSAGE_ID = 0xFFFF


class Exchange:
    """A request of ours that is under way (PS3.7 6.1); made by DIMSEServiceProvider.begin().

    Attributes
    ----------
    message_id : int
        The Message ID of the request.
    context_id : int
        Its presentation context.
    response_field : int
        The command field of the message that answers it.
    pending : frozenset of int
        The statuses of its responses that are not the last one.
    owner : int
        The thread that sent it.
    room : int
        How many responses may wait to be taken; while there are more nothing is read.
    responses : collections.deque of dimse_primitives.DIMSEPrimitive or None
        What has come and is not yet taken; None says that no more will come.
    deadline : float or None
        When it must be over, as ``time.monotonic()`` counts; None for any time.
    is_over : bool
        True once the last response has come, taken or not, or none will come any more.
    is_abandoned : bool
        True if nobody wants the responses that still come.
    """

    __slots__ = (
        "_exchanges",
        "_is_cancelled",
        "context_id",
        "deadline",
        "is_abandoned",
        "is_over",
        "message_id",
        "owner",
        "pending",
        "response_field",
        "responses",
        "room",
    )

    def __init__(
        self,
        exchanges: Exchanges,
        message_id: int,
        context_id: int,
        response_field: int,
    ) -> None:
        self._exchanges = exchanges
        self._is_cancelled = False
        self.message_id = message_id
        self.context_id = context_id
        self.response_field = response_field
        self.pending = PENDING if response_field in MANY_RESPONSES else frozenset()
        self.owner = threading.get_ident()
        self.room = exchanges.assoc.ae.limits.unread_responses
        self.responses: deque[DimseServiceType | None] = deque()
        self.deadline: float | None = None
        self.is_over = self.is_abandoned = False

    @property
    def is_overdue(self) -> bool:
        """True when its time is over and its last response has not come."""
        return self.deadline is not None and not self.is_over and monotonic() >= self.deadline

    def until(self, timeout: float | None) -> float | None:
        """Return until when to wait for a response; None for ever.

        Parameters
        ----------
        timeout : float or None
            Seconds to wait for it; None for as long as the operation may take.
        """
        if timeout is None:
            return self.deadline
        until = monotonic() + timeout
        return until if self.deadline is None else min(until, self.deadline)

    def next(self, timeout: float | None) -> DimseServiceType | None:
        """Return the next response.

        Parameters
        ----------
        timeout : float or None
            Seconds to wait for the whole of it; None for ever.

        Returns
        -------
        dimse_primitives.DIMSEPrimitive or None
            The response; None if none came in time, none will come any more, the last one
            has been taken, or the operation takes too long.
        """
        if self.is_overdue:
            return None
        responses, dul = self.responses, self._exchanges.assoc.dul
        if not responses:
            if self.is_over:
                return None
            if not dul.wait_until(responses.__len__, self.until(timeout)):
                return None
        response = responses.popleft()
        if len(responses) == self.room // 2:
            dul.tell_callers()  # there is room again
        return response

    def drop_responses(self) -> None:
        """Throw away what nobody is going to take."""
        with suppress(IndexError):  # when there are no more, or another thread throws away too
            while (response := self.responses.popleft()) is not None:
                response._discard_data_set()

    def cancel(self) -> None:
        """Ask the peer to stop (C-CANCEL), once; responses come until the peer does.

        Nothing happens if it is over, or no C-FIND, C-GET or C-MOVE.

        Raises
        ------
        errors.UpperLayerError
            If the association is over.
        """
        if self._is_cancelled or self.is_over or self.response_field not in MANY_RESPONSES:
            return
        self._is_cancelled = True
        self._exchanges.assoc.dimse.send_cancel(self.message_id, self.context_id)

    def abandon(self) -> None:
        """Be no longer interested: cancel, and drop what still comes. Never waits.

        Until the last response has come the operation counts as outstanding.
        """
        if not self.is_abandoned:
            self.is_abandoned = True
            self._exchanges.abandon(self)


class Exchanges:
    """The requests of one association that are outstanding.

    Parameters
    ----------
    assoc : association.Association
        The association.

    Attributes
    ----------
    window : int
        How many may be outstanding at a time.
    is_ended : bool
        True when the peer will answer no more: the association is over, or it asks for its release.
    """

    def __init__(self, assoc: Association) -> None:
        self.assoc = assoc
        self.window = 1
        self.is_ended = False
        self._lock = threading.RLock()  # re-entrant for signal handlers
        self._outstanding: dict[int, Exchange] = {}
        self._to_cancel: deque[Exchange] = deque()
        # Responses received, by which who waits for a turn sees that the peer is at work
        self._received = 0
        # Message IDs of C-FIND requests that the peer may not have done with; the latest few
        self._after_warning: deque[int] = deque(maxlen=16)

    # -- the window --------------------------------------------------------------------------

    def enter(self, exchange: Exchange) -> None:
        """Count an exchange as outstanding; wait for its turn if as many are as may be.

        If its Message ID is in use it gets the next that is free.

        Parameters
        ----------
        exchange : Exchange
            The exchange.

        Raises
        ------
        errors.UpperLayerError
            If the peer answers no more, or does not end what was abandoned.
        RuntimeError
            If this thread would wait for itself, not having taken all the responses to its
            request before.
        """
        while not self._try_to_enter(exchange):
            self._wait_for_turn()

    def _try_to_enter(self, exchange: Exchange) -> bool:
        """Count an exchange as outstanding if there is room; return whether there was."""
        with self._lock:
            if self.is_ended:
                raise UpperLayerError("the association is over, or the peer asks for its release")
            outstanding = self._outstanding
            if len(outstanding) >= self.window:
                return False
            while exchange.message_id in outstanding or exchange.message_id in self._after_warning:
                exchange.message_id = exchange.message_id % _LAST_MESSAGE_ID + 1
            mine = [other for other in outstanding.values() if other.owner == exchange.owner]
            if exchange.response_field in MANY_RESPONSES:
                limit = self.assoc.ae.limits.operation_time
                exchange.deadline = None if limit is None else monotonic() + limit
            outstanding[exchange.message_id] = exchange
        for other in mine:  # whose responses this thread is not going to take for a while
            other.room = sys.maxsize
        if mine:
            self.assoc.dul.tell_callers()  # the reader may wait for room
        return True

    def _all(self) -> list[Exchange]:
        """Return those outstanding now, of which another thread may take some out meanwhile."""
        with self._lock:
            return list(self._outstanding.values())

    def _wait_for_turn(self) -> None:
        """Wait until one of those outstanding has ended, or given a sign of life."""
        outstanding = self._all()
        me = threading.get_ident()
        if outstanding and all(e.owner == me and not e.is_abandoned for e in outstanding):
            raise RuntimeError(
                "no request can be sent while one of this thread is under way: take its responses "
                "to the last one, or close() them, or negotiate asynchronous operations"
            )
        if any(exchange.is_overdue for exchange in outstanding):
            raise UpperLayerError("the peer has not ended an operation in time")
        self.send_cancels()
        received, until, timeout = self._received, None, self.assoc.dimse_timeout
        # Other threads see to it themselves that what they wait for ends
        if timeout is not None and all(e.is_abandoned or e.owner == me for e in outstanding):
            until = min((e.until(timeout) or 0.0 for e in outstanding), default=None)

        def is_worth_a_try() -> bool:
            return len(self._outstanding) < self.window or self._received != received

        if not self.assoc.dul.wait_until(is_worth_a_try, until):
            raise UpperLayerError("the peer has not ended a cancelled operation in time")

    def leave(self, exchange: Exchange) -> None:
        """Count an exchange that could not be begun as outstanding no longer.

        Parameters
        ----------
        exchange : Exchange
            The exchange.
        """
        exchange.is_over = True
        with self._lock:
            if self._outstanding.get(exchange.message_id) is exchange:
                del self._outstanding[exchange.message_id]
        self.assoc.dul.tell_callers()  # it may be the turn of one of them

    def end(self) -> None:
        """Let nobody wait any longer for a response: the peer will answer no more."""
        with self._lock:
            self.is_ended = True
            outstanding = list(self._outstanding.values())
            self._outstanding.clear()
        for exchange in outstanding:
            exchange.is_over = True
            exchange.responses.append(None)
        if outstanding:
            self.assoc.dul.wake()
        self.assoc.dul.tell_callers()

    # -- responses ---------------------------------------------------------------------------

    def has_room(self) -> bool:
        """Return False while so many responses wait to be taken that no more are read."""
        if self._outstanding:
            for exchange in self._all():
                if len(exchange.responses) >= exchange.room and not exchange.is_abandoned:
                    return False
        return True

    def deliver(self, response: DimseServiceType, field: int, context_id: int) -> None:
        """Give a response to who waits for it.

        Parameters
        ----------
        response : dimse_primitives.DIMSEPrimitive
            The response.
        field : int
            Its command field.
        context_id : int
            The presentation context that it came in.

        Raises
        ------
        errors.DIMSEDecodeError
            If nobody does.
        """
        message_id = response.MessageIDBeingRespondedTo
        exchange = self._outstanding.get(-1 if message_id is None else message_id)
        if (
            exchange is None
            or exchange.response_field != field
            or exchange.context_id != context_id
        ):
            if isinstance(response, C_FIND) and message_id in self._after_warning:
                # Some go on after a warning, though it is the end of a C-FIND (PS3.4 C.4.1.1.4)
                response._discard_data_set()
                return
            raise DIMSEDecodeError(
                f"a {response.msg_type} response to no request of ours, Message ID Being "
                f"Responded To {message_id}"
            )
        self._received += 1
        status = response.Status
        if status not in exchange.pending:
            exchange.is_over = True
            with self._lock:
                self._outstanding.pop(exchange.message_id, None)
            if isinstance(response, C_FIND) and code_to_category(status or 0) == STATUS_WARNING:
                self._after_warning.append(exchange.message_id)
        exchange.responses.append(response)
        if exchange.is_abandoned:  # or is just now, by another thread
            exchange.drop_responses()
        self.assoc.dul.tell_callers()

    # -- what nobody wants any more ----------------------------------------------------------

    def abandon(self, exchange: Exchange) -> None:
        """Let somebody cancel an exchange soon: the garbage collector, for one, can't do it here.

        Parameters
        ----------
        exchange : Exchange
            The exchange.
        """
        exchange.drop_responses()
        if not exchange.is_over:
            if self.assoc.dimse_timeout is not None:  # the peer has that long for the end of it
                exchange.deadline = exchange.until(self.assoc.dimse_timeout)
            self._to_cancel.append(exchange)
            self.assoc.dul.wake()
            self.assoc.dul.tell_watcher()
        self.assoc.dul.tell_callers()

    @property
    def to_cancel(self) -> bool:
        """True if something was abandoned that is yet to be cancelled."""
        return bool(self._to_cancel)

    def send_cancels(self) -> None:
        """Cancel what was abandoned."""
        while self._to_cancel:
            with suppress(IndexError, UpperLayerError):  # another thread has, or it is all over
                self._to_cancel.popleft().cancel()
