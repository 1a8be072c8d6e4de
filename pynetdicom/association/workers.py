"""Threads that serve requests of one association at the same time."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pynetdicom._lazy as lazy

if TYPE_CHECKING:
    from queue import SimpleQueue


class Workers:
    """Serves several requests at a time, if that was negotiated (PS3.7 D.3.3.3).

    The threads are started when they are needed, and end with the association.

    Parameters
    ----------
    number : int
        How many requests at the most.
    serve : callable
        Serves one request; is called with what :meth:`give` is given.
    when_free : callable
        Called whenever a request has been served.

    Attributes
    ----------
    has_news : bool
        True since a request has been served, until somebody sets it back.
    """

    def __init__(
        self, number: int, serve: Callable[..., None], when_free: Callable[[], None]
    ) -> None:
        self._number = number
        self._serve = serve
        self._when_free = when_free
        self._queue: SimpleQueue[tuple[Any, ...] | None] = lazy.queue.SimpleQueue()
        self._lock = threading.Lock()
        self._threads: list[threading.Thread] = []
        self._busy = 0
        self.has_news = False

    @property
    def is_free(self) -> bool:
        """True if another request can be served now."""
        return self._busy < self._number

    @property
    def is_idle(self) -> bool:
        """True if no request is being served."""
        return not self._busy

    @property
    def is_here(self) -> bool:
        """True in one of the threads."""
        return threading.current_thread() in self._threads

    def give(self, *request: Any) -> None:
        """Have a request served; called by one thread only, when `is_free`."""
        with self._lock:
            self._busy += 1
        if self._busy > len(self._threads):
            name = f"{threading.current_thread().name}-{len(self._threads) + 1}"
            thread = threading.Thread(target=self._work, name=name, daemon=True)
            thread.start()
            self._threads.append(thread)
        self._queue.put(request)

    def stop(self) -> None:
        """Let the threads end when they have done what they are at, and wait for that."""
        for _ in self._threads:
            self._queue.put(None)
        for thread in self._threads:
            thread.join()

    def _work(self) -> None:
        while (request := self._queue.get()) is not None:
            self._serve(*request)  # which raises nothing
            with self._lock:
                self._busy -= 1
            self.has_news = True
            self._when_free()
