"""How long a thread looks again and again before it goes to sleep."""

from __future__ import annotations

import os
import threading
from typing import Any

import pytest

from pynetdicom.transport import waiting
from pynetdicom.transport.waiting import LINGER, Patience
from tests.support.sockets import Background

READY = [(5, 1)]


class Clock:
    """A clock that goes on only when told to."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Poll:
    """What stands in for a poll object.

    It says for each look what it returns and how many seconds that took; after the last there is
    nothing, for `else_` seconds.
    """

    def __init__(self, clock: Clock, *looks: tuple[list[Any], float], else_: float = 0.0) -> None:
        self._clock = clock
        self._looks = list(looks)
        self._else = else_
        self.timeouts: list[float | None] = []

    def poll(self, timeout: float | None) -> list[Any]:
        self.timeouts.append(timeout)
        ready, seconds = self._looks.pop(0) if self._looks else ([], self._else)
        self._clock.now += seconds
        return ready


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(waiting, "monotonic", clock)
    monkeypatch.setattr(waiting, "SIGNAL_INTERVAL", 3600.0)  # no test waits for that long
    monkeypatch.setattr(waiting, "_lingering", threading.Lock())  # no thread of other tests has it
    return clock


@pytest.fixture
def brisk(clock: Clock) -> Patience:
    """Return one that was not kept waiting the last time."""
    patience = Patience()
    assert patience.wait(Poll(clock, (READY, LINGER)), 5.0) == READY
    return patience


def test_at_first_it_sleeps(clock: Clock) -> None:
    poll = Poll(clock, (READY, 1.0))
    assert Patience().wait(poll, 5.0) == READY
    assert poll.timeouts == [5000.0]


@pytest.mark.parametrize("timeout", [None, 5.0])
def test_no_sleep_after_a_short_wait(clock: Clock, brisk: Patience, timeout: float | None) -> None:
    for _ in range(3):
        poll = Poll(clock, ([], LINGER / 4), ([], LINGER / 4), (READY, LINGER / 4))
        assert brisk.wait(poll, timeout) == READY
        assert poll.timeouts == [0, 0, 0]


def test_not_for_long(clock: Clock, brisk: Patience) -> None:
    """It goes to sleep, and having been kept waiting sleeps at once the next time."""
    poll = Poll(clock, ([], LINGER / 2), ([], LINGER), (READY, 1.0))
    assert brisk.wait(poll, 5.0) == READY
    assert poll.timeouts == [0, 0, 5000.0]
    poll = Poll(clock, (READY, 1.0))
    assert Background(brisk.wait, poll, None).result() == READY
    assert poll.timeouts == [None]


def test_time_out_makes_it_sleep_at_once(clock: Clock, brisk: Patience) -> None:
    assert brisk.wait(Poll(clock, else_=LINGER), 5.0) == []
    poll = Poll(clock, (READY, 0.0))
    brisk.wait(poll, 5.0)
    assert poll.timeouts == [5000.0]


@pytest.mark.parametrize("timeout", [0, -1.0])
@pytest.mark.parametrize("ready", [READY, []])
def test_a_mere_look(clock: Clock, brisk: Patience, timeout: float, ready: list[Any]) -> None:
    """Who does not want to wait does not, and it changes nothing for who does."""
    poll = Poll(clock, (ready, 0.0))
    assert brisk.wait(poll, timeout) == ready
    assert poll.timeouts == [0]
    poll = Poll(clock, (READY, 0.0))
    brisk.wait(poll, 5.0)
    assert poll.timeouts == [0]
    slow = Patience()
    slow.wait(Poll(clock, (ready, 0.0)), timeout)
    poll = Poll(clock, (READY, 0.0))
    slow.wait(poll, 5.0)
    assert poll.timeouts == [5000.0]


def test_one_at_a_time(clock: Clock, brisk: Patience) -> None:
    """While another thread lingers this one sleeps; it is brisk all the same."""
    with waiting._lingering:
        poll = Poll(clock, (READY, 0.0))
        assert Background(brisk.wait, poll, 5.0).result() == READY
    assert poll.timeouts == [5000.0]
    poll = Poll(clock, (READY, 0.0))
    brisk.wait(poll, 5.0)
    assert poll.timeouts == [0]


def test_an_error_lets_others_linger(clock: Clock, brisk: Patience) -> None:
    class Broken:
        def poll(self, timeout: float | None) -> list[Any]:
            raise OSError("no memory")

    with pytest.raises(OSError, match="no memory"):
        brisk.wait(Broken(), 5.0)
    assert not waiting._lingering.locked()


def test_system_that_can_not_yield(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "sched_yield", raising=False)
    patience = Patience()
    for _ in range(2):
        poll = Poll(clock, (READY, 0.0))
        assert patience.wait(poll, 5.0) == READY
        assert poll.timeouts == [5000.0]


def test_who_loses_the_processor_sleeps_for_a_while(clock: Clock, brisk: Patience) -> None:
    """Other programs wake up sooner who sleeps than who yields."""
    assert brisk.wait(Poll(clock, (READY, 0.005)), 5.0) == READY
    for _ in range(99):
        poll = Poll(clock, (READY, 0.001))
        brisk.wait(poll, 5.0)
        assert poll.timeouts == [5000.0]
    clock.now += 0.002
    brisk.wait(Poll(clock, (READY, LINGER)), 5.0)  # a short one, after a tenth of a second
    poll = Poll(clock, (READY, LINGER))
    brisk.wait(poll, 5.0)
    assert poll.timeouts == [0]


@pytest.mark.parametrize(
    ("timeout", "timeouts"), [(None, [500.0] * 4), (1.75, [500.0] * 3 + [250.0])]
)
def test_main_thread_looks_for_signals(
    clock: Clock, timeout: float | None, timeouts: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What came in the moment before it began to wait would have to wait as long."""
    monkeypatch.setattr(waiting, "SIGNAL_INTERVAL", 0.5)
    poll = Poll(clock, ([], 0.5), ([], 0.5), ([], 0.5), (READY, 0.0))
    assert Patience().wait(poll, timeout) == READY
    assert poll.timeouts == timeouts


def test_main_thread_times_out(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "SIGNAL_INTERVAL", 0.5)
    poll = Poll(clock, else_=0.5)
    assert Patience().wait(poll, 1.25) == []
    assert poll.timeouts == [500.0, 500.0, 250.0]


def test_other_threads_need_not_look(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "SIGNAL_INTERVAL", 0.5)
    poll = Poll(clock, (READY, 0.0))
    assert Background(Patience().wait, poll, 5.0).result() == READY
    assert poll.timeouts == [5000.0]
