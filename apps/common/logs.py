"""The log of an application: shown on stderr if it is asked for; errors of servers always."""

from __future__ import annotations

import logging
import threading
from argparse import Namespace
from collections.abc import Iterator
from contextlib import contextmanager

LOGGER = logging.getLogger("pynetdicom")

LEVELS = {
    "critical": logging.CRITICAL,
    "fatal": logging.CRITICAL,
    "error": logging.ERROR,
    "warn": logging.WARNING,
    "info": logging.INFO,
    "debug": logging.DEBUG,
    "trace": logging.DEBUG,
}
# What is meant by the names that the one or the other tool does not list
SYNONYMS = {"fatal": "critical", "critical": "fatal", "trace": "debug", "warning": "warn"}
LEVEL_OF_TYPE = {"q": None, "v": logging.INFO, "d": logging.DEBUG, None: None}


class Reasons(logging.Handler):
    """Keeps the last error that the library logged in each thread."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self._last = threading.local()

    def emit(self, record: logging.LogRecord) -> None:
        """Keep the message of a record."""
        self._last.message = record.getMessage()

    def take(self) -> str:
        """Return, and forget, the last message of this thread; empty if there is none."""
        message: str = getattr(self._last, "message", "")
        self._last.message = ""
        return message


REASONS = Reasons()


def level_of(options: Namespace) -> int | None:
    """Return the level from which on the log is shown, None for no log."""
    if options.log_level is not None:
        return LEVELS[options.log_level]
    return LEVEL_OF_TYPE[options.log_type]


@contextmanager
def logging_as(options: Namespace) -> Iterator[None]:
    """Show the log as the options say, and collect the reasons of failures."""
    level = level_of(options)
    before = LOGGER.level
    LOGGER.addHandler(REASONS)
    try:
        if level is None:
            yield
            return
        LOGGER.setLevel(min(level, logging.ERROR))
        with _shown_from(level):
            yield
    finally:
        LOGGER.removeHandler(REASONS)
        LOGGER.setLevel(before)


@contextmanager
def showing_errors(options: Namespace) -> Iterator[None]:
    """Show errors at least, unless the options say what to show: for those who look later."""
    if options.log_type is not None or options.log_level is not None:
        yield
        return
    with _shown_from(logging.ERROR):
        yield


@contextmanager
def _shown_from(level: int) -> Iterator[None]:
    """Show the log on stderr from a level on."""
    shown = logging.StreamHandler()
    shown.setLevel(level)
    shown.setFormatter(logging.Formatter("%(levelname).1s: %(message)s"))
    LOGGER.addHandler(shown)
    try:
        yield
    finally:
        LOGGER.removeHandler(shown)
