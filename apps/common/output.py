"""What an application tells: results on stdout, problems and progress on stderr."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TextIO

import pynetdicom._lazy as lazy

#: Tells that one more of the operations has been done
Advance = Callable[[], None]


class Console:
    """The output of one application; any thread may use it.

    A stream that nobody reads any more, as behind ``| head``, is written to no longer and
    otherwise makes no difference.

    Parameters
    ----------
    app : str
        The name of the application.
    as_json : bool
        Write records to stdout, one JSON object a line, in the place of text.
    quiet : bool
        Write nothing to stderr.
    shows_log : bool
        The log goes to stderr, so that progress would be in the way.
    """

    def __init__(self, app: str, as_json: bool, quiet: bool, shows_log: bool) -> None:
        self._app = app
        #: Whether records are written
        self.as_json = as_json
        self._quiet = quiet
        self._shows_log = shows_log
        self._lock = threading.Lock()

    def record(self, event: str, **fields: Any) -> None:
        """Write a record to stdout if records are wanted."""
        if self.as_json:
            self._write(sys.stdout, to_json(event, **fields))

    def say(self, text: str) -> None:
        """Write a line of text to stdout, unless records are written."""
        if not self.as_json:
            self._write(sys.stdout, text)

    def complain(self, problem: str) -> None:
        """Write one sentence on what went wrong to stderr."""
        if not self._quiet:
            self._write(sys.stderr, f"{self._app}: {one_line(problem)}")

    @contextmanager
    def progress(self, what: str, total: int) -> Iterator[Advance]:
        """Show how far the work is while stderr is a terminal; gives what counts."""
        if self._quiet or self._shows_log or total < 2 or not sys.stderr.isatty():
            yield lambda: None
            return
        try:
            from rich.console import Console as Terminal  # noqa: PLC0415 - an extra, and slow
            from rich.progress import Progress  # noqa: PLC0415
        except ImportError:
            with self._plain_progress(what, total) as advance:
                yield advance
            return
        with Progress(console=Terminal(stderr=True), transient=True) as progress:
            task = progress.add_task(what, total=total)
            yield lambda: progress.advance(task)

    @contextmanager
    def _plain_progress(self, what: str, total: int) -> Iterator[Advance]:
        """Show progress as a line that is written over and over."""
        done = 0

        def advance() -> None:
            nonlocal done
            done += 1
            self._write(sys.stderr, f"\r{what} {done} of {total} ", end="")

        yield advance
        self._write(sys.stderr, "")

    def _write(self, stream: TextIO, line: str, end: str = "\n") -> None:
        with self._lock:
            try:
                stream.write(line + end)
                stream.flush()
            except BrokenPipeError:
                # What is still in the stream's buffer goes there as well, at the latest when
                # the interpreter ends
                sink = os.open(os.devnull, os.O_WRONLY)
                os.dup2(sink, stream.fileno())
                os.close(sink)


def to_json(event: str, **fields: Any) -> str:
    """Return a record as a line of JSON."""
    return lazy.json.dumps({"event": event, **fields})


def one_line(text: str) -> str:
    """Return text without what could make more than one line of it, or move the cursor."""
    return "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in text)


def status_text(status: int | None) -> str | None:
    """Return the status of a response as records have it."""
    return None if status is None else f"0x{status:04X}"
