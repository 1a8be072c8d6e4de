"""The countdown."""

import pytest

from pynetdicom import timer
from pynetdicom.timer import Timer


class Clock:
    """A clock that is set by hand."""

    now = 1000.0

    def monotonic(self):
        return self.now


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(timer, "time", clock)
    return clock


def test_new(clock):
    countdown = Timer(10)
    clock.now += 20
    assert (countdown.timeout, countdown.remaining, countdown.expired) == (10, 10, False)


def test_start(clock):
    countdown = Timer(10)
    countdown.start()
    assert countdown.remaining == 10
    clock.now += 4
    assert (countdown.remaining, countdown.expired) == (6, False)
    clock.now += 6
    assert (countdown.remaining, countdown.expired) == (0, False)
    clock.now += 1
    assert (countdown.remaining, countdown.expired) == (-1, True)


@pytest.mark.parametrize("again", ["start", "restart"])
def test_start_again(clock, again):
    countdown = Timer(10)
    countdown.start()
    clock.now += 11
    getattr(countdown, again)()
    assert (countdown.remaining, countdown.expired) == (10, False)
    countdown.stop()
    clock.now += 11
    getattr(countdown, again)()
    clock.now += 1
    assert (countdown.remaining, countdown.expired) == (9, False)


def test_stop(clock):
    countdown = Timer(10)
    countdown.stop()
    assert countdown.remaining == 10
    countdown.start()
    clock.now += 4
    countdown.stop()
    clock.now += 4
    countdown.stop()
    assert (countdown.remaining, countdown.expired) == (6, False)


def test_stop_after_expiry(clock):
    countdown = Timer(10)
    countdown.start()
    clock.now += 12
    countdown.stop()
    assert (countdown.remaining, countdown.expired) == (-2, True)


def test_no_timeout(clock):
    countdown = Timer(None)
    assert (countdown.timeout, countdown.remaining, countdown.expired) == (None, 1, False)
    countdown.start()
    clock.now += 1e9
    assert (countdown.remaining, countdown.expired) == (1, False)


def test_timeout_of_zero(clock):
    countdown = Timer(0)
    assert not countdown.expired
    countdown.start()
    clock.now += 1e-9
    assert countdown.expired


def test_change_of_timeout(clock):
    countdown = Timer(10)
    countdown.start()
    clock.now += 11
    countdown.timeout = None
    assert not countdown.expired
    countdown.timeout = 20
    assert (countdown.timeout, countdown.remaining, countdown.expired) == (20, 9, False)


def test_real_clock():
    countdown = Timer(60)
    countdown.start()
    assert 0 < countdown.remaining <= 60
