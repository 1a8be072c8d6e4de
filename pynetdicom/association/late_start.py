"""Starts the threads of associations, those that last for longer than a moment.

Who asks for an association most often asks for something else at once, and reads the answers
itself. The association's own thread is needed from when nobody has read for a while; an
association that is over by then does without one, which saves half of what it costs.
"""

from __future__ import annotations

import logging
import os
import threading
from time import monotonic
from typing import TYPE_CHECKING

from pynetdicom.association.threads import dismiss_idle
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
        self._changed = threading.Condition(threading.RLock())  # re-entrant for signal handlers
        self._due: dict[Association, float] = {}  # the earliest first
        self._is_running = False

    def add(self, assoc: Association) -> None:
        """Start the thread of an association later, unless it is discarded before."""
        with self._changed:
            if not self._is_running:
                threading.Thread(target=self._run, name="LateStart", daemon=True).start()
                self._is_running = True
            self._due[assoc] = monotonic() + WATCH_DELAY

    def discard(self, assoc: Association) -> None:
        """Forget an association, which needs no thread any longer."""
        self._due.pop(assoc, None)

    def end_if_idle(self) -> None:
        """Let the thread end now if there is nothing for it to start."""
        with self._changed:
            self._changed.notify_all()

    def _run(self) -> None:
        while (due := self._wait()) is not None:
            for assoc in due:
                try:
                    assoc._ensure_thread()
                except RuntimeError as exc:
                    LOGGER.error("The thread of %s can't be started: %s", assoc.name, exc)

    def _wait(self) -> list[Association] | None:
        """Wait; return what to start now, or None, and that this is the end, for nothing at all."""
        with self._changed:
            due = self._due.copy()
            if due:
                self._changed.wait(max(0.0, min(due.values()) - monotonic()))
            now = monotonic()
            ready = [assoc for assoc, at in self._due.copy().items() if at <= now]
            for assoc in ready:
                self.discard(assoc)
            if not self._due and not ready:
                self._is_running = False
                return None
            return ready


late_start = LateStart()


def end_idle_threads() -> None:
    """Let the threads end that are kept for associations to come."""
    late_start.end_if_idle()
    dismiss_idle()
