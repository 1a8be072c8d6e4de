"""Starts the threads of associations, those that last for longer than a moment.

Who asks for an association most often asks for something else at once, and reads the answers
itself. The association's own thread is needed from when nobody has read for a while; an
association that is over by then does without one, which saves half of what it costs.
"""

from __future__ import annotations

import logging
import os
import threading
from collections import deque
from time import monotonic
from typing import TYPE_CHECKING

from pynetdicom.dul.provider import WATCH_DELAY

if TYPE_CHECKING:
    from pynetdicom.association.association import Association

LOGGER = logging.getLogger("pynetdicom.association")


class LateStart:
    """Starts threads `WATCH_DELAY` after they were asked for, with a thread that comes and goes."""

    def __init__(self) -> None:
        self._reset()
        if hasattr(os, "register_at_fork"):  # the thread and its associations are the parent's
            os.register_at_fork(after_in_child=self._reset)

    def _reset(self) -> None:
        self._lock = threading.RLock()  # re-entrant for signal handlers
        self._due: deque[tuple[float, Association]] = deque()
        self._is_running = False

    def add(self, assoc: Association) -> None:
        """Start the thread of an association later, if it is still needed then."""
        with self._lock:
            if not self._is_running:
                threading.Thread(target=self._run, name="LateStart", daemon=True).start()
                self._is_running = True
            self._due.append((monotonic() + WATCH_DELAY, assoc))

    def _run(self) -> None:
        pause = threading.Event()  # never set
        while (entry := self._next()) is not None:
            at, assoc = entry
            pause.wait(max(0.0, at - monotonic()))
            try:
                assoc._ensure_thread()
            except RuntimeError as exc:
                LOGGER.error("The thread of %s can't be started: %s", assoc.name, exc)

    def _next(self) -> tuple[float, Association] | None:
        """Return what to start next and when; None, and that this is the end, for nothing."""
        with self._lock:
            if self._due:
                return self._due.popleft()
            self._is_running = False
            return None
