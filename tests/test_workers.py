"""Threads that serve requests at the same time."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest

from pynetdicom.association.workers import Workers
from tests.support.sockets import PATIENCE, Background


class Serving:
    """Workers whose requests are served until they are let go.

    Attributes
    ----------
    began : list of tuple
        The requests that are or were being served, each with its thread.
    told : threading.Semaphore
        Released each time that the workers say that one is free.
    """

    def __init__(self, number: int) -> None:
        self.workers = Workers(number, self._serve, self._free)
        self.began: list[tuple[tuple[Any, ...], threading.Thread]] = []
        self.here: list[bool] = []
        self.told = threading.Semaphore(0)
        self._begin = threading.Semaphore(0)
        self._go_on = threading.Semaphore(0)

    def _serve(self, *request: Any) -> None:
        self.began.append((request, threading.current_thread()))
        self.here.append(self.workers.is_here)
        self._begin.release()
        assert self._go_on.acquire(timeout=PATIENCE)

    def _free(self) -> None:
        self.told.release()

    def give(self, *request: Any) -> None:
        """Give a request, and wait until it is being served."""
        assert self.workers.is_free
        self.workers.give(*request)
        assert self._begin.acquire(timeout=PATIENCE)

    def finish(self, number: int = 1) -> None:
        """Let some requests have been served."""
        for _ in range(number):
            self._go_on.release()
            assert self.told.acquire(timeout=PATIENCE)

    def threads(self) -> set[threading.Thread]:
        return {thread for _, thread in self.began}

    def requests(self) -> list[tuple[Any, ...]]:
        return [request for request, _ in self.began]


@pytest.fixture
def serving() -> Iterator[Serving]:
    serving = Serving(3)
    yield serving
    serving.workers.stop()
    assert not any(thread.is_alive() for thread in serving.threads())


def test_so_many_at_the_same_time(serving: Serving) -> None:
    workers = serving.workers
    assert workers.is_idle
    for number in range(3):
        assert workers.is_free
        serving.give(number, "request")
        assert not workers.is_idle
    assert not workers.is_free
    assert serving.requests() == [(number, "request") for number in range(3)]
    assert len(serving.threads()) == 3
    serving.finish()
    assert workers.is_free
    assert not workers.is_idle
    serving.finish(2)
    assert workers.is_idle


def test_threads_are_used_again(serving: Serving) -> None:
    """There are no more than there ever were requests at the same time."""
    for number in range(5):
        serving.give(number)
        serving.finish()
    assert len(serving.threads()) == 1
    serving.give(5)
    serving.give(6)
    assert len(serving.threads()) == 2
    serving.finish(2)


def test_names(serving: Serving) -> None:
    serving.give(1)
    serving.give(2)
    name = threading.current_thread().name
    assert {thread.name for thread in serving.threads()} == {f"{name}-1", f"{name}-2"}
    assert all(thread.daemon for thread in serving.threads())
    serving.finish(2)


def test_news(serving: Serving) -> None:
    assert not serving.workers.has_news
    serving.give(1)
    assert not serving.workers.has_news
    serving.finish()
    assert serving.workers.has_news


def test_here(serving: Serving) -> None:
    serving.give(1)
    serving.finish()
    assert serving.here == [True]
    assert not serving.workers.is_here
    assert not Background(lambda: serving.workers.is_here).result()


def test_stop_waits(serving: Serving) -> None:
    serving.give(1)
    serving.give(2)
    stop = Background(serving.workers.stop)
    assert all(thread.is_alive() for thread in serving.threads())
    serving.finish(2)
    stop.result()
    assert not any(thread.is_alive() for thread in serving.threads())


def test_nothing_to_stop() -> None:
    Workers(2, lambda: None, lambda: None).stop()


def test_no_room_for_a_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who gives is told, and what there is can be stopped."""
    serving = Serving(2)
    serving.give(1)

    def start(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", start)
        with pytest.raises(RuntimeError, match="can't start"):
            serving.workers.give(2)
    serving.finish()
    serving.workers.stop()
    assert serving.requests() == [(1,)]
