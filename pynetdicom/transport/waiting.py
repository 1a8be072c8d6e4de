"""What waiting for sockets takes: a poll object, a wake-up and a deadline."""

from __future__ import annotations

import errno
import math
import os
import select
import socket
import threading
from collections.abc import Callable
from functools import partial
from time import monotonic
from typing import Any, Final

# The events of poll(); Windows has no poll() and does not name them
POLLIN: int = getattr(select, "POLLIN", 1)
POLLOUT: int = getattr(select, "POLLOUT", 4)
POLLERR: int = getattr(select, "POLLERR", 8)
# Error, hang-up, and closed: reported whatever was asked for
FAILED = POLLERR | getattr(select, "POLLHUP", 16) | getattr(select, "POLLNVAL", 32)
_LONGEST = 2e6  # seconds that poll() can wait; who wanted to wait for longer looks at the clock
# Seconds for which to look again and again before going to sleep, which is about what going to
# sleep and being woken costs: at worst that is paid twice, at best not at all
LINGER: Final = 150e-6
# A wait that was shorter, with going to sleep and being woken, may be done without the next time
_SHORT_SLEEP: Final = 300e-6
# Handlers of signals run in the main thread, between its steps. A signal that came in the moment
# before it began to wait does not end that wait, so it waits for so many seconds at a time
SIGNAL_INTERVAL: Final = 0.5
# For how many times as long as it has cost not to look again and again
_PRICE: Final = 20
_yield_cpu: Callable[[], None] = getattr(os, "sched_yield", lambda: None)
_lingering = threading.Lock()  # one thread at a time: the others have better use for the CPUs


class WakeUp:
    """Ends another thread's wait: a descriptor that is readable from set() to clear().

    It exists from the first call of fileno() on. Any thread may call any method at any time.
    """

    def __init__(self) -> None:
        self._lock = threading.RLock()  # re-entrant because signal handlers, too, stop servers
        self._fd = -1
        self._is_set = self._is_closed = False
        self._signal: Callable[[], object]
        self._drain: Callable[[], object]
        self._close: Callable[[], object]

    def _open(self) -> None:
        """Make the descriptor."""
        if hasattr(os, "eventfd"):
            fd = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
            self._signal = partial(os.eventfd_write, fd, 1)
            self._drain = partial(os.eventfd_read, fd)
            self._close = partial(os.close, fd)
        else:
            reader, writer = socket.socketpair()
            fd = reader.fileno()
            self._signal = partial(writer.send, b"\0")
            self._drain = partial(reader.recv, 1)

            def close() -> None:
                reader.close()
                writer.close()

            self._close = close
        self._fd = fd
        if self._is_set:
            self._signal()

    def fileno(self) -> int:
        """Return the descriptor to wait for, -1 when it has been closed."""
        if self._fd < 0:
            with self._lock:
                if self._fd < 0 and not self._is_closed:
                    self._open()
        return self._fd

    def set(self) -> None:
        """Make the descriptor readable."""
        with self._lock:
            if not self._is_set:
                self._is_set = True
                if self._fd >= 0:
                    self._signal()

    def clear(self) -> None:
        """Make the descriptor unreadable."""
        with self._lock:
            if self._is_set:
                if self._fd >= 0:
                    self._drain()
                self._is_set = False

    def close(self) -> None:
        """Give the descriptor back."""
        with self._lock:
            self._is_closed = True
            if self._fd >= 0:
                self._fd = -1
                self._close()

    def __del__(self) -> None:
        self.close()


class SelectPoll:
    """What is needed of ``select.poll()``, made with ``select.select()``, for Windows."""

    def __init__(self) -> None:
        self._masks: dict[int, int] = {}

    def register(self, fd: int, eventmask: int) -> None:
        """Wait for the events of a descriptor from now on."""
        self._masks[fd] = eventmask

    modify = register

    def poll(self, timeout: float | None = None) -> list[tuple[int, int]]:
        """Wait for so many milliseconds at most; return descriptors with their events."""
        readers = [fd for fd, mask in self._masks.items() if mask & POLLIN]
        writers = [fd for fd, mask in self._masks.items() if mask & POLLOUT]
        # A connection that could not be made is exceptional on Windows, and not writable
        seconds = None if timeout is None else timeout / 1000
        ready = select.select(readers, writers, writers, seconds)
        events: dict[int, int] = {}
        for flag, fds in zip((POLLIN, POLLOUT, POLLERR), ready, strict=True):
            for fd in fds:
                events[fd] = events.get(fd, 0) | flag
        return list(events.items())


def new_poll() -> Any:
    """Return a ``select.poll`` object or its replacement."""
    return select.poll() if hasattr(select, "poll") else SelectPoll()


def milliseconds(seconds: float | None) -> float | None:
    """Return a timeout as poll() takes it."""
    if seconds is None:
        return None
    if seconds <= 0:
        return 0  # with less than nothing it would wait for ever
    return (seconds if seconds < _LONGEST else _LONGEST) * 1000


class Patience:
    """Waits with poll() objects, for a peer that answers quickly without going to sleep.

    Between two programs that take turns, most of the time can go into waking them up. So who
    was not kept waiting the last time looks again and again for a moment first. Who was goes to
    sleep at once; waiting for a slow or silent peer costs nothing. Nor does who lost the processor
    to other programs meanwhile try that again soon: they wake up sooner who sleeps.

    Parameters
    ----------
    is_brisk : bool, optional
        Whether to take it that the peer answers quickly, before there has been a wait.
    """

    __slots__ = ("_is_brisk", "_not_before")

    def __init__(self, is_brisk: bool = False) -> None:
        self._is_brisk = is_brisk  # whether the last wait was short
        # When it may look again and again once more; never without a way to yield the processor
        self._not_before = 0.0 if hasattr(os, "sched_yield") else math.inf

    def wait(self, poll: Any, timeout: float | None) -> list[tuple[int, int]]:
        """Wait for so many seconds at most; return descriptors with their events."""
        ready: list[tuple[int, int]]
        if timeout is not None and timeout <= 0:
            ready = poll.poll(0)
            return ready  # which is no waiting, and tells nothing about the peer
        began = monotonic()
        if self._is_brisk and began >= self._not_before and _lingering.acquire(blocking=False):
            try:
                while not (ready := poll.poll(0)) and monotonic() - began < LINGER:
                    _yield_cpu()
            finally:
                _lingering.release()
            now = monotonic()
            if now - began > 2 * LINGER:
                self._not_before = now + _PRICE * (now - began)
            if ready:
                return ready
            began = now
        ready = _sleep(poll, timeout)
        self._is_brisk = bool(ready) and monotonic() - began < _SHORT_SLEEP
        return ready


def _sleep(poll: Any, timeout: float | None) -> list[tuple[int, int]]:
    """Wait for so many seconds at most, but have the main thread look for signals at times."""
    ready: list[tuple[int, int]]
    if threading.current_thread() is not threading.main_thread():
        ready = poll.poll(milliseconds(timeout))
        return ready
    until = None if timeout is None else monotonic() + timeout
    while True:
        left = None if until is None else until - monotonic()
        is_last = left is not None and left <= SIGNAL_INTERVAL
        ready = poll.poll(milliseconds(left if is_last else SIGNAL_INTERVAL))
        if ready or is_last:
            return ready


class Deadline:
    """When something has to be done, and how to say that it was not."""

    def __init__(self, timeout: float | None) -> None:
        self._timeout = timeout
        self._at = None if timeout is None else monotonic() + timeout

    def remaining(self, what: str) -> float | None:
        """Return the seconds left for `what`, None without a limit; TimeoutError if none are."""
        if self._at is None:
            return None
        left = self._at - monotonic()
        if left <= 0:
            message = f"{what} timed out after {self._timeout:g} s"
            raise TimeoutError(errno.ETIMEDOUT, message)
        return left
