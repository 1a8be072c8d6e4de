"""AEs of ours under observation: their associations, what happens to them, and their memory."""

from __future__ import annotations

import gc
import logging
import os
import stat
import tempfile
import tracemalloc
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import pytest

from pynetdicom import AE, evt
from pynetdicom.dsutils import file_head
from tests.support.raw import (
    CT_IMAGE,
    IMPLICIT,
    INSTANCE,
    PATIENCE,
    VERIFICATION,
    associated,
    data_element_header,
    data_set,
)


class WatchedSCP:
    """An SCP for echoes and CT images on a free port.

    Parameters
    ----------
    start_scp : callable
        The fixture that starts SCPs.
    contexts : sequence
        What it supports: SOP classes, or pairs of a SOP class and its transfer syntaxes.
    handlers : sequence of tuple
        Handlers to bind besides those that watch.
    ssl_context : ssl.SSLContext, optional
        For TLS.
    settings
        Attributes of its AE.

    Attributes
    ----------
    server, ae
        The server and its AE.
    port : int
        The server's port.
    associations : list of Association
        The associations on its connections, in the order in which their threads began.
    """

    def __init__(
        self,
        start_scp: Callable[..., Any],
        contexts: Sequence[Any] = (VERIFICATION.decode(), CT_IMAGE.decode()),
        handlers: Sequence[Any] = (),
        ssl_context: Any = None,
        **settings: Any,
    ) -> None:
        events = (
            evt.EVT_CONN_OPEN,
            evt.EVT_CONN_CLOSE,
            evt.EVT_ESTABLISHED,
            evt.EVT_REJECTED,
            evt.EVT_RELEASED,
            evt.EVT_ABORTED,
        )
        self._happened: dict[Any, SimpleQueue[Any]] = {event: SimpleQueue() for event in events}
        self.associations: list[Any] = []
        watching = [(event, self._note) for event in events]
        self.server = start_scp(
            contexts, [*watching, *handlers], ssl_context=ssl_context, **settings
        )
        self.ae = self.server.ae
        self.port: int = self.server.server_address[1]

    def _note(self, event: Any) -> None:
        if event.event.name == "EVT_CONN_OPEN":
            self.associations.append(event.assoc)
        self._happened[event.event].put(event.assoc)

    def wait_for(self, event: Any) -> Any:
        """Return the association to which an event happens next, or happened before."""
        return self._happened[event].get(timeout=PATIENCE)

    def serves(self) -> bool:
        """Return whether a peer that does everything right is served."""
        with associated(self.port) as peer:
            status = peer.echo()
            peer.release()
        return status == 0x0000

    def refusal(self, *data: bytes) -> tuple[int, int]:
        """Return source and reason of the abort with which an association answers, and ends."""
        with associated(self.port) as peer:
            peer.send(*data)
            answer = peer.expect_abort()
        self.wait_for(evt.EVT_ABORTED)
        self.join()
        return answer

    def forget(self) -> None:
        """Forget the associations and what happened to them."""
        self.associations.clear()
        for queue in self._happened.values():
            while not queue.empty():
                queue.get()

    def join(self) -> None:
        """Wait for the end of the threads of all associations."""
        for assoc in list(self.associations):
            assoc.join(PATIENCE)
            assert not assoc.is_alive(), f"{assoc.name} has not come to its end"


# What the fixture `scp` is: takes the parameters of WatchedSCP but the first
StartSCP = Callable[..., WatchedSCP]


def scu(**settings: Any) -> AE:
    """Return an AE that requests associations for echoes and CT images.

    Its `settings` are attributes of the AE. Contexts 1 and 3 are the raw peer's.
    """
    ae = AE("TEST_SCU")
    ae.add_requested_context(VERIFICATION.decode(), IMPLICIT.decode())
    ae.add_requested_context(CT_IMAGE.decode(), IMPLICIT.decode())
    for name, value in settings.items():
        setattr(ae, name, value)
    return ae


def note_waiting(assoc: Any) -> list[bool]:
    """Note of each message that an association sends whether it may wait for the next."""
    found: list[bool] = []
    send = assoc.dul.send_p_data

    def note(buffers: Any, more: bool) -> None:
        found.append(more)
        send(buffers, more)

    assoc.dul.send_p_data = note
    return found


def make_file(path: Path, length: int) -> Path:
    """Make a CT image with so many bytes of pixel data, which take no room on the disk."""
    with path.open("wb") as file:
        uids = (uid.decode() for uid in (CT_IMAGE, INSTANCE, IMPLICIT))
        file.write(file_head(*uids, "1.2.3", "TEST"))
        file.write(data_set() + data_element_header(0x7FE0, 0x0010, length))
        file.truncate(file.tell() + length)
    return path


class Peak:
    """The most memory that Python objects took while something was done, in bytes."""

    size = 0


@contextmanager
def peak_memory() -> Iterator[Peak]:
    """Measure by how much memory grows at the most within the context."""
    peak = Peak()
    gc.collect()
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        tracemalloc.reset_peak()
        yield peak
        peak.size = tracemalloc.get_traced_memory()[1] - before
    finally:
        tracemalloc.stop()


def complaints(records: Sequence[logging.LogRecord]) -> list[str]:
    """Return what the library has logged at level WARNING and above.

    Without the last words about a request, which say where it came from.
    """
    return [
        record.getMessage().partition("; the request came from ")[0]
        for record in records
        if record.name.startswith("pynetdicom") and record.levelno >= logging.WARNING
    ]


class Spooled:
    """The temporary files that were made."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.paths: list[str] = []
        self.modes: list[int] = []
        self._make = tempfile.mkstemp
        monkeypatch.setattr(tempfile, "mkstemp", self._note)

    def _note(self, *args: Any, **kwargs: Any) -> tuple[int, str]:
        descriptor, path = self._make(*args, **kwargs)
        self.paths.append(path)
        self.modes.append(stat.S_IMODE(os.fstat(descriptor).st_mode))
        return descriptor, path


def names_in(folder: Path) -> list[str]:
    """Return the names of the files in a folder, in order."""
    return sorted(path.name for path in folder.iterdir())
