"""The applications as processes: run to their end, or as servers that are stopped."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from pynetdicom import AE
from pynetdicom.sop_class import Verification
from tests.support.peers import wait_for_port
from tests.support.sockets import HOST
from tests.test_layers import ROOT

TIMEOUT = 60.0


@dataclass
class Ended:
    """How an application ended."""

    code: int
    out: str
    err: str

    @property
    def records(self) -> list[dict[str, Any]]:
        """What it wrote with --json."""
        return [json.loads(line) for line in self.out.splitlines()]

    def of(self, event: str) -> list[dict[str, Any]]:
        """Return the records of one kind."""
        return [record for record in self.records if record["event"] == event]


def command(*args: object) -> list[str]:
    """Return the command that runs an application."""
    return [sys.executable, "-m", "pynetdicom", *map(str, args)]


def environment(**variables: str) -> Mapping[str, str]:
    """Return the environment for an application, which may run in any folder."""
    return {**os.environ, "PYTHONPATH": str(ROOT), **variables}


def run_app(*args: object, cwd: Path | None = None, stdin: str = "", **variables: str) -> Ended:
    """Run an application as a process to its end."""
    done = subprocess.run(
        command(*args),
        input=stdin,
        capture_output=True,
        text=True,
        cwd=cwd,
        env=environment(**variables),
        timeout=TIMEOUT,
        check=False,
    )
    return Ended(done.returncode, done.stdout, done.stderr)


def call_app(capsys: pytest.CaptureFixture[str], *args: object) -> Ended:
    """Run an application in this process."""
    from pynetdicom.__main__ import main

    capsys.readouterr()
    code = main([str(arg) for arg in args])
    return Ended(code, *capsys.readouterr())


class RunningApp:
    """A server application that runs as a process and writes records."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.port: int = self.next("listening")["port"]

    def next(self, event: str) -> dict[str, Any]:
        """Wait for the next record, which has to be of this kind."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, f"no {event!r}, it has ended"
        record: dict[str, Any] = json.loads(line)
        assert record["event"] == event, record
        return record

    def stop(self, number: int = signal.SIGTERM) -> Ended:
        """Send a signal, and wait for the end."""
        self.process.send_signal(number)
        out, err = self.process.communicate(timeout=TIMEOUT)
        return Ended(self.process.returncode, out, err)


def interrupt_when_served(port: int) -> None:
    """Send SIGINT to this process as soon as a server on a port serves associations."""
    wait_for_port(port, threading.Event().wait)
    ae = AE()
    ae.add_requested_context(Verification)
    assoc = ae.associate(HOST, port)
    assert assoc.send_c_echo().Status == 0x0000
    assoc.release()
    os.kill(os.getpid(), signal.SIGINT)


@contextmanager
def running_app(app: str, *args: object, cwd: Path | None = None) -> Iterator[RunningApp]:
    """Run a server application on a free port; it is stopped at the end."""
    port = ["--port", 0] if app == "qrscp" else [0]
    process = subprocess.Popen(
        command(app, *port, "--json", "--bind-address", HOST, *args),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=cwd,
        env=environment(),
    )
    with process:
        try:
            yield RunningApp(process)
        finally:
            if process.poll() is None:
                process.kill()
