"""What follows a reception: commands, and the end of studies."""

from __future__ import annotations

import os
import queue
import shlex
import subprocess
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

from ..common.exits import AppError, Exit
from ..common.output import Console


class Command:
    """A program to run, with arguments that name what it is run for; there is no shell.

    Parameters
    ----------
    text : str
        Program and arguments as a shell would split them, with names in braces.
    names : set of str
        The names that there are.

    Raises
    ------
    AppError
        If it can't be used.
    """

    def __init__(self, text: str, names: set[str]) -> None:
        self._names = names
        try:
            self._parts = shlex.split(text)
            self.filled(dict.fromkeys(names, ""))
        except (ValueError, KeyError, IndexError) as exc:
            raise AppError(
                Exit.USAGE,
                f"the command {text!r} can't be used: {exc}",
                "it may have " + ", ".join(f"{{{name}}}" for name in sorted(names)),
            ) from None
        if not self._parts:
            raise AppError(Exit.USAGE, "a command is empty", "name a program")

    def filled(self, values: Mapping[str, str]) -> list[str]:
        """Return program and arguments with the values put in."""
        return [part.format_map(values) for part in self._parts]


class Commands:
    """Runs commands one after the other, in a thread of its own."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._queue: queue.SimpleQueue[list[str] | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None

    def run(self, command: list[str]) -> None:
        """Run a command when those before it have ended."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="commands", daemon=True)
            self._thread.start()
        self._queue.put(command)

    def _work(self) -> None:
        while (command := self._queue.get()) is not None:
            try:
                # Nobody's words but those of who started this program, and safe names
                status = subprocess.run(command, stdin=subprocess.DEVNULL, check=False).returncode  # noqa: S603
            except OSError as exc:
                self._console.complain(f"{command[0]} can't be run: {exc.strerror}")
            else:
                if status:
                    self._console.complain(f"{command[0]} ended with exit code {status}")

    def close(self, patience: float) -> None:
        """Wait for the commands to end, for so many seconds."""
        if self._thread is not None:
            self._queue.put(None)
            self._thread.join(patience)


@dataclass
class _Study:
    """What has been received of a study."""

    folder: str
    instances: int = 0
    until: float = 0.0


class Studies:
    """Tells when nothing more has come of a study for some time.

    Parameters
    ----------
    timeout : float
        Seconds without an instance after which a study has ended.
    ended : callable
        Called with the Study Instance UID as a safe name, the folder that all of its instances
        are in, and their number.
    """

    def __init__(self, timeout: float, ended: Callable[[str, str, int], None]) -> None:
        self._timeout = timeout
        self._ended = ended
        self._changed = threading.Condition()
        self._studies: dict[str, _Study] = {}  # the one that is due first is the first
        self._is_closed = False
        self._thread = threading.Thread(target=self._watch, name="studies", daemon=True)
        self._thread.start()

    def received(self, study: str, path: Path) -> None:
        """Note an instance of a study, and where it was saved."""
        folder = str(path.parent)
        with self._changed:
            entry = self._studies.pop(study, None) or _Study(folder)
            entry.folder = os.path.commonpath([entry.folder, folder])
            entry.instances += 1
            entry.until = monotonic() + self._timeout
            self._studies[study] = entry
            self._changed.notify()

    def _watch(self) -> None:
        with self._changed:
            while not self._is_closed:
                name = next(iter(self._studies), None)
                if name is None:
                    self._changed.wait()
                    continue
                left = self._studies[name].until - monotonic()
                if left > 0:
                    self._changed.wait(left)
                    continue
                study = self._studies.pop(name)
                self._ended(name, study.folder, study.instances)

    def close(self) -> None:
        """Stop; studies that have not ended by now are not told of."""
        with self._changed:
            self._is_closed = True
            self._changed.notify()
        self._thread.join()
