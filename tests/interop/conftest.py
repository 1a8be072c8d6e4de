"""Fixtures of the interoperability tests."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from pynetdicom import evt
from tests.support.peers import OlderLostError
from tests.support.samples import SAMPLES, contexts, take

TIMEOUT = 10.0
# For tests in which the older version is a requestor; whatever else fails does so at once
AGAIN_IF_OLDER_LOST = pytest.mark.flaky(reruns=3, only_rerun=OlderLostError.__name__)


class Archive:
    """An SCP of ours that saves what it gets, and remembers the turns its associations take.

    The files are called 1.dcm, 2.dcm, and so on.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = 0
        self._turns: list[str] = []
        self._changed = threading.Condition()
        self._count = count(1)

    def handlers(self) -> list[tuple[Any, ...]]:
        """Return what to bind."""
        turns = (evt.EVT_ESTABLISHED, evt.EVT_RELEASED, evt.EVT_ABORTED, evt.EVT_REJECTED)
        return [(evt.EVT_C_STORE, self._store), *((turn, self._note) for turn in turns)]

    def expect(self, *turns: str) -> None:
        """Wait until as many turns have been taken, and compare them."""
        with self._changed:
            self._changed.wait_for(lambda: len(self._turns) >= len(turns), TIMEOUT)
            assert self._turns == [f"EVT_{turn}" for turn in turns]

    def _note(self, event: evt.Event) -> None:
        with self._changed:
            self._turns.append(event.event.name)
            self._changed.notify_all()

    def _store(self, event: evt.Event) -> int:
        event.save_as(self.folder / f"{next(self._count)}.dcm")
        return 0x0000

    def take(self) -> dict[str, bytes]:
        """Take what has been saved: the data sets by SOP Instance UID."""
        return take(self.folder)


@pytest.fixture
def start_archive(start_scp: Callable[..., Any], tmp_path: Path) -> Callable[..., Archive]:
    """Start an `Archive`; the settings are those of `start_scp`, `handlers` come in addition."""

    numbers = count(1)

    def start(handlers: Iterable[Any] = (), **settings: Any) -> Archive:
        archive = Archive(tmp_path / f"archive{next(numbers)}")
        archive.folder.mkdir()
        bound = [*archive.handlers(), *handlers]
        server = start_scp(contexts(SAMPLES), bound, **settings)
        archive.port = server.server_address[1]
        return archive

    return start
