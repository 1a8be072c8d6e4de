"""Requests under way, and who gets which response, without an association or messages.

What DIMSE messages make of them is in `test_dimse.py`, what associations do in
`test_async_operations.py`.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from pynetdicom import exchanges as module
from pynetdicom.dimse_primitives import C_ECHO, C_FIND, C_GET, C_MOVE
from pynetdicom.errors import DIMSEDecodeError, UpperLayerError
from pynetdicom.exchanges import PENDING, Exchange, Exchanges
from pynetdicom.limits import Limits
from tests.support.sockets import PATIENCE, Background

ECHO_RSP, FIND_RSP, GET_RSP, MOVE_RSP = 0x8030, 0x8020, 0x8010, 0x8021
KINDS = {ECHO_RSP: C_ECHO, FIND_RSP: C_FIND, GET_RSP: C_GET, MOVE_RSP: C_MOVE}


class Waiting:
    """What stands in for the upper layer: who waits gets one thing after the other to happen."""

    def __init__(self) -> None:
        self.happens: Iterator[Callable[[], object]] = iter(())
        self.until: list[float | None] = []
        self.told: list[str] = []

    def wait_until(self, done: Callable[[], object], until: float | None) -> bool:
        self.until.append(until)
        while not done():
            happening = next(self.happens, None)
            if happening is None:
                return False
            happening()
        return True

    def tell_callers(self) -> None:
        self.told.append("callers")

    def tell_watcher(self) -> None:
        self.told.append("watcher")

    def wake(self) -> None:
        self.told.append("reader")


class Association:
    """What stands in for the association; it keeps the C-CANCELs that are sent."""

    def __init__(self, **limits: Any) -> None:
        self.ae = SimpleNamespace(limits=Limits(**limits))
        self.dul = Waiting()
        self.dimse_timeout: float | None = 30.0
        self.dimse = self
        self.cancelled: list[tuple[int, int]] = []
        self.discarded: list[Any] = []  # responses whose data sets were
        self.error: Exception | None = None
        self.exchanges = Exchanges(self)  # type: ignore[arg-type]

    def send_cancel(self, message_id: int, context_id: int) -> None:
        if self.error is not None:
            raise self.error
        self.cancelled.append((message_id, context_id))

    def begin(self, message_id: int = 1, field: int = ECHO_RSP, context_id: int = 1) -> Exchange:
        """Begin an exchange in this thread."""
        exchange = Exchange(self.exchanges, message_id, context_id, field)
        self.exchanges.enter(exchange)
        return exchange

    def begin_elsewhere(self, *args: int) -> Exchange:
        """Begin an exchange in another thread."""
        return Background(self.begin, *args).result()

    def respond(
        self,
        message_id: int | None = 1,
        status: int = 0x0000,
        field: int = ECHO_RSP,
        context_id: int = 1,
    ) -> Any:
        """Deliver a response, and return it."""
        response = KINDS[field]()
        response.MessageIDBeingRespondedTo = message_id
        response.Status = status
        response._discard_data_set = lambda: self.discarded.append(response)
        self.exchanges.deliver(response, field, context_id)
        return response


@pytest.fixture
def assoc(monkeypatch: pytest.MonkeyPatch) -> Association:
    monkeypatch.setattr(module, "monotonic", lambda: 100.0)
    return Association()


def others_own(assoc: Association, number: int = 1) -> list[Exchange]:
    """Fill the window with exchanges of other threads, which are alive."""
    assoc.exchanges.window = number
    return [assoc.begin_elsewhere(index + 1) for index in range(number)]


class TestRaces:
    """What happens when two threads are at it."""

    def test_failed_request_whose_id_is_in_use_again(self, assoc: Association) -> None:
        """The peer answered before sending had failed."""
        first = assoc.begin(1)
        assoc.respond(1)
        second = assoc.begin(1)
        assoc.exchanges.leave(first)
        assoc.respond(1, 0xA700)
        assert second.next(5.0).Status == 0xA700  # type: ignore[union-attr]

    def test_reader_that_waits_for_room_is_told_of_it(self, assoc: Association) -> None:
        assoc.exchanges.window = 2
        exchange = assoc.begin(1, FIND_RSP)
        for _ in range(exchange.room):
            assoc.respond(1, 0xFF00, FIND_RSP)
        assoc.dul.told.clear()
        assoc.begin(2)
        assert assoc.exchanges.has_room()
        assert "callers" in assoc.dul.told

    def test_abandoned_while_a_response_is_delivered(self, assoc: Association) -> None:
        exchange = assoc.begin(1, FIND_RSP)
        exchange.room = 1
        assoc.respond(1, 0xFF00, FIND_RSP)
        exchange.is_abandoned = True  # and what has come is not yet thrown away
        assert assoc.exchanges.has_room()
        assoc.respond(1, 0xFF00, FIND_RSP)
        assert not exchange.responses


class TestExchange:
    @pytest.mark.parametrize("field", KINDS)
    def test_new(self, assoc: Association, field: int) -> None:
        exchange = Exchange(assoc.exchanges, 5, 3, field)
        assert (exchange.message_id, exchange.context_id) == (5, 3)
        assert exchange.pending == (PENDING if field != ECHO_RSP else frozenset())
        assert exchange.owner == threading.get_ident()
        assert exchange.room == assoc.ae.limits.unread_responses
        assert not exchange.responses
        assert not exchange.is_over
        assert not exchange.is_abandoned

    def test_response_that_is_there(self, assoc: Association) -> None:
        exchange = assoc.begin()
        response = assoc.respond()
        assert exchange.next(5.0) is response
        assert assoc.dul.until == []
        assert exchange.next(5.0) is None
        assert assoc.dul.until == []

    @pytest.mark.parametrize(("timeout", "until"), [(5.0, 105.0), (0, 100.0), (None, None)])
    def test_response_that_is_waited_for(
        self, assoc: Association, timeout: float | None, until: float | None
    ) -> None:
        exchange = assoc.begin()
        assoc.dul.happens = iter([assoc.respond])
        assert exchange.next(timeout) is not None
        assert assoc.dul.until == [until]
        assert exchange.is_over

    def test_response_that_does_not_come(self, assoc: Association) -> None:
        exchange = assoc.begin()
        assert exchange.next(5.0) is None
        assert not exchange.is_over

    @pytest.mark.parametrize(
        ("field", "limit", "timeout", "until"),
        [
            (FIND_RSP, 10.0, 5.0, 105.0),
            (FIND_RSP, 10.0, 30.0, 110.0),
            (GET_RSP, 10.0, None, 110.0),
            (MOVE_RSP, None, None, None),
            (MOVE_RSP, None, 5.0, 105.0),
            (ECHO_RSP, 10.0, None, None),
        ],
    )
    def test_wait_ends_when_the_operation_has_to(
        self,
        assoc: Association,
        field: int,
        limit: float | None,
        timeout: float | None,
        until: float | None,
    ) -> None:
        assoc.ae.limits.operation_time = limit
        assert assoc.begin(1, field).next(timeout) is None
        assert assoc.dul.until == [until]

    def test_overdue(self, assoc: Association, monkeypatch: pytest.MonkeyPatch) -> None:
        """What waits is not handed out any more, unless the last one is there."""
        assoc.ae.limits.operation_time = 10.0
        exchange = assoc.begin(1, MOVE_RSP)
        for _ in range(2):
            assoc.respond(1, 0xFF00, MOVE_RSP)
        monkeypatch.setattr(module, "monotonic", lambda: 109.0)
        assert exchange.next(5.0) is not None
        monkeypatch.setattr(module, "monotonic", lambda: 110.0)
        assert exchange.is_overdue
        assert exchange.next(5.0) is None
        assoc.respond(1, 0x0000, MOVE_RSP)
        assert not exchange.is_overdue
        assert [exchange.next(5.0).Status for _ in range(2)] == [0xFF00, 0x0000]  # type: ignore[union-attr]

    @pytest.mark.parametrize("field", [FIND_RSP, GET_RSP, MOVE_RSP])
    def test_cancel(self, assoc: Association, field: int) -> None:
        exchange = assoc.begin(7, field, 3)
        exchange.cancel()
        exchange.cancel()
        assert assoc.cancelled == [(7, 3)]
        assert not exchange.is_over

    def test_nothing_to_cancel(self, assoc: Association) -> None:
        assoc.exchanges.window = 2
        assoc.begin(1).cancel()
        exchange = assoc.begin(2, FIND_RSP)
        assoc.respond(2, 0x0000, FIND_RSP)
        exchange.cancel()
        assert assoc.cancelled == []

    def test_cancel_fails(self, assoc: Association) -> None:
        assoc.error = UpperLayerError("no connection")
        with pytest.raises(UpperLayerError):
            assoc.begin(1, FIND_RSP).cancel()

    @pytest.mark.parametrize(("room", "tells_at"), [(1, 0), (2, 1), (5, 2), (100, 50)])
    def test_tells_of_room(self, room: int, tells_at: int) -> None:
        """Not each time: who reads would be woken for each response."""
        assoc = Association(unread_responses=room)
        exchange = assoc.begin(1, FIND_RSP)
        for _ in range(room):
            assert assoc.exchanges.has_room()
            assoc.respond(1, 0xFF00, FIND_RSP)
        assert not assoc.exchanges.has_room()
        told = []
        while exchange.responses:
            assoc.dul.told.clear()
            exchange.next(None)
            if assoc.dul.told:
                told.append(len(exchange.responses))
        assert told == [tells_at]
        assert assoc.exchanges.has_room()


class TestMessageID:
    def test_next_that_is_free(self, assoc: Association) -> None:
        assoc.exchanges.window = 9
        asked_for = (65534, 65534, 65534, 65535, 2, 0, 0)
        numbers = [assoc.begin(number).message_id for number in asked_for]
        assert numbers == [65534, 65535, 1, 2, 3, 0, 4]

    def test_free_again(self, assoc: Association) -> None:
        for _ in range(2):
            assert assoc.begin(5).message_id == 5
            assoc.respond(5)

    def test_one_that_the_peer_may_go_on_with(self, assoc: Association) -> None:
        """A C-FIND that ended with a warning."""
        assoc.begin(5, FIND_RSP)
        assoc.respond(5, 0xB000, FIND_RSP)
        assert assoc.begin(5).message_id == 6


class TestWindow:
    def test_others_are_waited_for(self, assoc: Association) -> None:
        """However long it takes: they see to it themselves that it ends."""
        others_own(assoc, 2)
        entered = []

        def note() -> None:
            entered.append(len(assoc.exchanges._outstanding))

        assoc.dul.happens = iter([note, lambda: assoc.respond(2)])
        assert assoc.begin(3).message_id == 3
        assert entered == [2]
        assert assoc.dul.until == [None]

    def test_a_sign_of_life_is_no_turn(self, assoc: Association) -> None:
        assoc.begin_elsewhere(1, FIND_RSP)
        assoc.dul.happens = iter(
            [
                lambda: assoc.respond(1, 0xFF00, FIND_RSP),
                lambda: assoc.respond(1, 0x0000, FIND_RSP),
            ]
        )
        assoc.begin(2)
        assert len(assoc.dul.until) == 2

    def test_one_that_leaves(self, assoc: Association) -> None:
        """Its request could not be sent."""
        (first,) = others_own(assoc)
        assoc.dul.happens = iter([lambda: assoc.exchanges.leave(first)])
        assoc.begin(2)
        assert first.is_over
        assert "callers" in assoc.dul.told
        assoc.exchanges.leave(first)

    @pytest.mark.parametrize("window", [1, 3])
    def test_thread_does_not_wait_for_itself(self, assoc: Association, window: int) -> None:
        assoc.exchanges.window = window
        mine = [assoc.begin(number + 1) for number in range(window)]
        with pytest.raises(RuntimeError, match="while one of this thread is under way"):
            assoc.begin(9)
        assoc.respond(window)
        assoc.begin(9)
        assert [exchange.is_over for exchange in mine] == [False] * (window - 1) + [True]

    def test_own_and_others(self, assoc: Association) -> None:
        assoc.exchanges.window = 2
        assoc.begin(1)
        assoc.begin_elsewhere(2)
        assoc.dul.happens = iter([lambda: assoc.respond(2)])
        assoc.begin(3)
        assert assoc.dul.until == [None]

    @pytest.mark.parametrize(("timeout", "until"), [(30.0, 130.0), (None, None)])
    @pytest.mark.parametrize("own", [0, 1])
    def test_peer_that_does_not_end_what_was_abandoned(
        self, assoc: Association, timeout: float | None, until: float | None, own: int
    ) -> None:
        """That of this thread does not end meanwhile, and so makes no difference."""
        assoc.dimse_timeout = timeout
        assoc.exchanges.window = 2
        for number in range(own):
            assoc.begin(number + 1, FIND_RSP)
        for number in range(own, 2):
            assoc.begin_elsewhere(number + 1, FIND_RSP).abandon()
        with pytest.raises(UpperLayerError, match="not ended a cancelled operation in time"):
            assoc.begin(3)
        assert assoc.dul.until == [until]
        assert assoc.cancelled == [(number + 1, 1) for number in range(own, 2)]

    def test_abandoned_operation_that_goes_on_for_ever(
        self, assoc: Association, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        assoc.ae.limits.operation_time = 10.0
        assoc.begin(1, MOVE_RSP).abandon()

        def go_on() -> None:
            assoc.respond(1, 0xFF00, MOVE_RSP)
            monkeypatch.setattr(module, "monotonic", lambda: 110.0)

        assoc.dul.happens = iter([go_on])
        with pytest.raises(UpperLayerError, match="not ended an operation in time"):
            assoc.begin(2)

    def test_who_asks_for_more_takes_no_responses(self) -> None:
        """So that those to its other requests must not stop the reader; those of others may."""
        assoc = Association(unread_responses=1)
        assoc.exchanges.window = 3
        mine, theirs = assoc.begin(1, FIND_RSP), assoc.begin_elsewhere(2, FIND_RSP)
        assoc.respond(1, 0xFF00, FIND_RSP)
        assert not assoc.exchanges.has_room()
        assoc.begin(3)
        assert (mine.room, theirs.room) == (sys.maxsize, 1)
        assert assoc.exchanges.has_room()

    def test_entered_while_others_leave(self, assoc: Association) -> None:
        """The reader takes exchanges out without waiting for who comes in."""
        total = 3000
        assoc.exchanges.window = 64
        room, outstanding = threading.Semaphore(64), threading.Semaphore(0)

        def read() -> None:
            for _ in range(total):
                assert outstanding.acquire(timeout=PATIENCE)
                assoc.respond(next(iter(assoc.exchanges._outstanding.copy())))
                room.release()

        interval = sys.getswitchinterval()
        sys.setswitchinterval(1e-6)
        try:
            reader = Background(read)
            for _ in range(total):
                assert room.acquire(timeout=PATIENCE)
                assoc.begin()
                outstanding.release()
            reader.result()
        finally:
            sys.setswitchinterval(interval)


class TestEnd:
    def test_who_waits_is_told(self, assoc: Association) -> None:
        assoc.exchanges.window = 2
        first, second = assoc.begin(1), assoc.begin(2, FIND_RSP)
        response = assoc.respond(2, 0xFF00, FIND_RSP)
        assoc.dul.told.clear()
        assoc.dul.happens = iter([assoc.exchanges.end])
        assert first.next(None) is None
        assert first.is_over
        assert assoc.dul.told == ["reader", "callers"]
        assert second.next(None) is response
        assert second.next(None) is None
        assert second.next(None) is None
        assert len(assoc.dul.until) == 1

    def test_nobody_waits(self, assoc: Association) -> None:
        assoc.exchanges.end()
        assert assoc.dul.told == ["callers"]

    def test_nothing_more_can_be_asked(self, assoc: Association) -> None:
        assoc.exchanges.end()
        assoc.exchanges.end()
        with pytest.raises(UpperLayerError, match="over, or the peer asks for its release"):
            assoc.begin()
        assert assoc.exchanges.is_ended

    def test_who_waits_for_a_turn_is_told(self, assoc: Association) -> None:
        others_own(assoc)
        assoc.dul.happens = iter([assoc.exchanges.end])
        with pytest.raises(UpperLayerError, match="is over"):
            assoc.begin(2)


class TestDeliver:
    @pytest.mark.parametrize(
        "answer",
        [{"message_id": 2}, {"message_id": None}, {"field": FIND_RSP}, {"context_id": 3}],
        ids=["message ID", "no message ID", "kind", "context"],
    )
    def test_nobody_waits_for_it(self, assoc: Association, answer: dict[str, Any]) -> None:
        exchange = assoc.begin()
        with pytest.raises(DIMSEDecodeError, match="response to no request of ours"):
            assoc.respond(**answer)
        assert not exchange.responses
        assert not exchange.is_over

    @pytest.mark.parametrize("status", [0xFF00, 0xFF01])
    @pytest.mark.parametrize("field", [FIND_RSP, GET_RSP, MOVE_RSP])
    def test_more_follow(self, assoc: Association, status: int, field: int) -> None:
        exchange = assoc.begin(1, field)
        assoc.respond(1, status, field)
        assert not exchange.is_over
        assoc.respond(1, 0x0000, field)
        assert exchange.is_over
        assert len(exchange.responses) == 2

    def test_pending_is_the_last_of_an_echo(self, assoc: Association) -> None:
        exchange = assoc.begin()
        assoc.respond(1, 0xFF00)
        assert exchange.is_over

    @pytest.mark.parametrize("field", [FIND_RSP, GET_RSP])
    def test_after_a_warning(self, assoc: Association, field: int) -> None:
        """Some peers go on with a C-FIND; it is thrown away."""
        assoc.begin(1, field)
        assoc.respond(1, 0xB000, field)
        if field == FIND_RSP:
            late = [assoc.respond(1, status, field) for status in (0xFF00, 0x0000)]
            assert assoc.discarded == late
        else:
            with pytest.raises(DIMSEDecodeError):
                assoc.respond(1, 0xFF00, field)
        with pytest.raises(DIMSEDecodeError):
            assoc.respond(1)

    def test_the_latest_few_warnings(self, assoc: Association) -> None:
        for number in range(17):
            assoc.begin(number, FIND_RSP)
            assoc.respond(number, 0xB000, FIND_RSP)
        assoc.respond(1, 0x0000, FIND_RSP)
        with pytest.raises(DIMSEDecodeError):
            assoc.respond(0, 0x0000, FIND_RSP)


class TestAbandon:
    def test_what_is_under_way(self, assoc: Association) -> None:
        exchange = assoc.begin(1, FIND_RSP, 3)
        taken = assoc.respond(1, 0xFF00, FIND_RSP, 3)
        assoc.dul.told.clear()
        exchange.abandon()
        exchange.abandon()
        assert assoc.discarded == [taken]
        assert not exchange.responses
        assert set(assoc.dul.told) == {"reader", "watcher", "callers"}
        assert assoc.exchanges.to_cancel
        assert assoc.cancelled == []
        assoc.exchanges.send_cancels()
        assert assoc.cancelled == [(1, 3)]
        assert not assoc.exchanges.to_cancel
        late = assoc.respond(1, 0xFF00, FIND_RSP, 3)
        assert assoc.discarded == [taken, late]
        assert not exchange.responses
        assert not exchange.is_over
        assoc.respond(1, 0xFE00, FIND_RSP, 3)
        assert exchange.is_over

    @pytest.mark.parametrize("end", ["response", "association"])
    def test_what_is_over(self, assoc: Association, end: str) -> None:
        exchange = assoc.begin(1, FIND_RSP)
        taken = assoc.respond(1, 0xFF00, FIND_RSP)
        if end == "response":
            assoc.respond(1, 0x0000, FIND_RSP)
        else:
            assoc.exchanges.end()
        exchange.abandon()
        assert assoc.discarded[0] is taken
        assert not assoc.exchanges.to_cancel
        assert not exchange.responses

    def test_there_is_room_again(self) -> None:
        assoc = Association(unread_responses=1)
        exchange = assoc.begin(1, FIND_RSP)
        assoc.respond(1, 0xFF00, FIND_RSP)
        assert not assoc.exchanges.has_room()
        exchange.abandon()
        assert assoc.exchanges.has_room()

    def test_cancelled_by_who_waits_for_a_turn(self, assoc: Association) -> None:
        assoc.begin(1, FIND_RSP).abandon()
        assoc.dul.happens = iter([lambda: assoc.respond(1, 0xFE00, FIND_RSP)])
        assoc.begin(2)
        assert assoc.cancelled == [(1, 1)]

    def test_one_failure_keeps_no_other_from_being_cancelled(self, assoc: Association) -> None:
        assoc.exchanges.window = 2
        for number in (1, 2):
            assoc.begin(number, FIND_RSP).abandon()
        assoc.error = UpperLayerError("no connection")
        assoc.exchanges.send_cancels()
        assert not assoc.exchanges.to_cancel

    def test_another_thread_was_faster(self, assoc: Association) -> None:
        class Fleeting:
            """It is taken by another thread between the look and the taking."""

            looks = 0

            def __bool__(self) -> bool:
                self.looks += 1
                return self.looks == 1

            def popleft(self) -> None:
                raise IndexError

        assoc.exchanges._to_cancel = Fleeting()  # type: ignore[assignment]
        assoc.exchanges.send_cancels()
        assert assoc.cancelled == []

    def test_many_threads_cancel(self, assoc: Association) -> None:
        assoc.exchanges.window = 200
        for number in range(200):
            assoc.begin(number, FIND_RSP).abandon()
        barrier = threading.Barrier(4)

        def cancel() -> None:
            barrier.wait(PATIENCE)
            assoc.exchanges.send_cancels()

        for call in [Background(cancel) for _ in range(4)]:
            call.result()
        assert sorted(assoc.cancelled) == [(number, 1) for number in range(200)]
