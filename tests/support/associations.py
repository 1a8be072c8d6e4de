"""Associations of our own AEs: opened for the time of a test, and their events in order."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from pynetdicom import AE, Association, build_context, evt
from pynetdicom.association.late_start import end_idle_threads
from tests.support.raw import CT_IMAGE, HOST, PATIENCE, VERIFICATION

ECHO, CT = VERIFICATION.decode(), CT_IMAGE.decode()
# Seconds of time-outs that are meant to pass
SOON = 0.2


class EventLog:
    """Notes events as they happen, in whatever thread.

    Parameters
    ----------
    names : str, optional
        The names of the events without ``EVT_``; all notification events by default.

    Attributes
    ----------
    events : list of Event
        What has happened, in order.
    bindings : list of tuple
        To be given to an AE as `evt_handlers`.
    """

    def __init__(self, names: str = "") -> None:
        self.events: list[Any] = []
        self._news = threading.Condition()
        wanted = [getattr(evt, f"EVT_{name}") for name in names.split()] or [
            event for event in vars(evt).values() if isinstance(event, evt.NotificationEvent)
        ]
        self.bindings: list[Any] = [(event, self._note) for event in wanted]

    def _note(self, event: Any) -> None:
        with self._news:
            self.events.append(event)
            self._news.notify_all()

    def names(self, *left_out: str) -> list[str]:
        """Return the names of what has happened, without ``EVT_`` and without some of them."""
        names = [event.event.name.removeprefix("EVT_") for event in self.events]
        return [name for name in names if name not in left_out]

    def all(self, name: str) -> list[Any]:
        """Return the events of one name that have happened."""
        return [event for event in self.events if event.event.name == f"EVT_{name}"]

    def wait_for(self, name: str, count: int = 1) -> Any:
        """Return the first event of this name, or the one that makes it so many."""
        with self._news:
            assert self._news.wait_for(lambda: len(self.all(name)) >= count, PATIENCE), (
                f"{name} has not happened: {self.names()}"
            )
            return self.all(name)[count - 1]


def proposal(contexts: Sequence[Any]) -> list[Any]:
    """Return presentation contexts: of SOP classes, or pairs of one and its transfer syntaxes."""
    return [
        build_context(*(context if isinstance(context, tuple) else (context,)))
        for context in contexts
    ]


@contextmanager
def association(
    port: int, contexts: Sequence[Any] = (ECHO,), ae: AE | None = None, **arguments: Any
) -> Iterator[Association]:
    """Associate with a port of this host; release what is established, and see it end.

    `contexts` are as for :func:`proposal`; other arguments are those of ``AE.associate()``.
    """
    assoc = (ae or AE("TEST_SCU")).associate(HOST, port, proposal(contexts), **arguments)
    try:
        yield assoc
    except BaseException:
        assoc.abort()
        raise
    finally:
        assoc.release()
        join(assoc)


def join(*associations: Association) -> None:
    """Wait for the end of the threads of associations, those that have begun."""
    for assoc in associations:
        if assoc.is_alive():
            assoc.join(PATIENCE)
            assert not assoc.is_alive(), f"{assoc.name} has not come to its end"


def join_late_start() -> None:
    """Wait for the end of the threads that come and go: for later starts, and idle ones."""
    end_idle_threads()
    for thread in threading.enumerate():
        if thread.name == "LateStart":
            thread.join(PATIENCE)
            assert not thread.is_alive()


def port_of(server: Any) -> int:
    """Return the port of a server."""
    port: int = server.server_address[1]
    return port


def once(function: Callable[[Any], object]) -> Callable[[Any], None]:
    """Return a handler that calls a function the first time only."""
    called = threading.Event()

    def handler(event: Any) -> None:
        if not called.is_set():
            called.set()
            function(event)

    return handler
