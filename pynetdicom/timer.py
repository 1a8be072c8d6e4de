"""A restartable countdown."""

from __future__ import annotations

import time


class Timer:
    """A countdown that is started, stopped and asked; nothing happens when it expires.

    Parameters
    ----------
    timeout : float or None
        Seconds until expiry; None never to expire.
    """

    def __init__(self, timeout: float | None) -> None:
        self._timeout = timeout
        self._started: float | None = None
        self._stopped: float | None = None

    @property
    def timeout(self) -> float | None:
        """Seconds from start to expiry (float or None); settable also while running."""
        return self._timeout

    @timeout.setter
    def timeout(self, value: float | None) -> None:
        self._timeout = value

    @property
    def remaining(self) -> float:
        """Seconds left (float): negative after expiry, always 1 if there is no timeout."""
        if self._timeout is None:
            return 1
        if self._started is None:
            return self._timeout
        now = time.monotonic() if self._stopped is None else self._stopped
        return self._timeout - (now - self._started)

    @property
    def expired(self) -> bool:
        """Whether the time was over while the timer ran (bool)."""
        return self._started is not None and self.remaining < 0

    def start(self) -> None:
        """Start to count down from the full timeout."""
        self._stopped = None
        self._started = time.monotonic()

    def stop(self) -> None:
        """Stop the countdown where it is."""
        if self._started is not None and self._stopped is None:
            self._stopped = time.monotonic()

    def restart(self) -> None:
        """Start again; the same as :meth:`start`."""
        self.start()
