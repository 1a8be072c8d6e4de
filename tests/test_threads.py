"""Threads that are used again for one association after the other."""

from __future__ import annotations

import contextvars
import queue
import re
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from textwrap import dedent
from typing import Any

import pytest

import pynetdicom._config as _config
from pynetdicom.association import threads
from pynetdicom.association.threads import ReusingThread, dismiss_idle
from tests.support.sockets import PATIENCE, Background

COLOUR: contextvars.ContextVar[str] = contextvars.ContextVar("COLOUR", default="none")


class Task(ReusingThread):
    """Runs a function until it is let go.

    Attributes
    ----------
    result : object
        What the function returned.
    """

    def __init__(self, function: Callable[[], Any] = lambda: None, holds: bool = False) -> None:
        super().__init__("Task")
        self._function = function
        self.runs, self.go_on = threading.Event(), threading.Event()
        self.result: Any = None
        if not holds:
            self.go_on.set()

    def run(self) -> None:
        self.runs.set()
        assert self.go_on.wait(PATIENCE)
        self.result = self._function()


def finished(task: Task) -> Task:
    """Run a task to its end."""
    task.start()
    task.join(PATIENCE)
    assert not task.is_alive()
    return task


@pytest.fixture(autouse=True)
def none_idle() -> Iterator[None]:
    """Begin and end without threads to reuse."""
    dismiss_idle()
    yield
    dismiss_idle()


class TestReusingThread:
    def test_life(self) -> None:
        task = Task(holds=True)
        assert not task.is_alive()
        assert re.fullmatch(r"Task@\d{14}", task.name)
        assert task.ident is task.native_id is None
        assert repr(task) == f"<Task({task.name}, initial daemon)>"
        with pytest.raises(RuntimeError, match="before it is started"):
            task.join()
        task.start()
        assert task.is_alive()
        assert isinstance(task.ident, int)
        assert isinstance(task.native_id, int)
        assert repr(task) == f"<Task({task.name}, started daemon {task.ident})>"
        assert task.runs.wait(PATIENCE)
        task.join(0)
        task.join(-1)
        assert task.is_alive()
        task.go_on.set()
        task.join()
        assert not task.is_alive()
        assert repr(task) == f"<Task({task.name}, stopped daemon {task.ident})>"
        with pytest.raises(RuntimeError, match="once"):
            task.start()

    def test_is_a_thread_while_it_runs(self) -> None:
        def look() -> tuple[Any, ...]:
            return threading.current_thread(), threading.enumerate(), threading.get_ident()

        before = threading.active_count()
        task = finished(Task(look))
        current, everybody, ident = task.result
        assert current is task
        assert everybody.count(task) == 1
        assert len(everybody) == before + 1
        assert ident == task.ident
        assert task not in threading.enumerate()

    def test_python_without_a_register(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(threads, "_ACTIVE", {})
        assert finished(Task(threading.get_ident)).result is not None

    def test_joined_by_itself(self) -> None:
        def join() -> None:
            with pytest.raises(RuntimeError, match="current thread"):
                task.join()

        task = Task(join)
        finished(task)

    def test_joined_by_many(self) -> None:
        task = Task(holds=True)
        task.start()
        joining = [Background(task.join) for _ in range(5)]
        task.go_on.set()
        for call in joining:
            call.result()
        assert not task.is_alive()

    def test_context_variables(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """As in a new thread, none is set, nor is what was set in the one before."""
        token = COLOUR.set("red")
        try:
            first = finished(Task(lambda: (COLOUR.get(), COLOUR.set("blue"))))
            second = finished(Task(COLOUR.get))
            assert (first.result[0], second.result) == ("none", "none")
            assert first.ident == second.ident
            monkeypatch.setattr(_config, "PASS_CONTEXTVARS", True)
            third = Task(COLOUR.get)
            COLOUR.set("green")
            assert finished(third).result == "red"  # as it was when the task was made
        finally:
            COLOUR.reset(token)

    def test_exception(self, monkeypatch: pytest.MonkeyPatch) -> None:
        hooked: list[Any] = []
        monkeypatch.setattr(threading, "excepthook", hooked.append)
        bad = finished(Task(lambda: 1 // 0))
        assert hooked[0].exc_type is ZeroDivisionError
        assert hooked[0].thread is bad
        assert finished(Task()).ident == bad.ident

    @pytest.mark.parametrize("raises", [ValueError, SystemExit])
    def test_exception_in_the_hook(
        self, raises: type[BaseException], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fail(*args: Any) -> None:
            raise raises

        told: list[Any] = []
        monkeypatch.setattr(threading, "excepthook", fail)
        monkeypatch.setattr(sys, "excepthook", lambda *args: told.append(args[0]))
        bad = finished(Task(lambda: 1 // 0))
        assert told == [raises]
        monkeypatch.setattr(sys, "excepthook", fail)
        assert finished(Task(lambda: 1 // 0)).ident == bad.ident


class TestRunners:
    def test_reused(self) -> None:
        before = threading.active_count()
        assert len({finished(Task()).ident for _ in range(10)}) == 1
        assert threading.active_count() == before + 1
        dismiss_idle()
        assert threading.active_count() == before

    def test_as_many_as_run(self) -> None:
        before = threading.active_count()
        tasks = [Task(holds=True) for _ in range(5)]
        for task in tasks:
            task.start()
        assert threading.active_count() == before + 5
        dismiss_idle()  # none is
        for task in tasks:
            task.go_on.set()
            task.join()
        assert len({task.ident for task in tasks}) == 5
        dismiss_idle()
        assert threading.active_count() == before

    def test_idle_for_too_long(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(threads, "IDLE_TIME", 0)
        task = Task(threading.current_thread, holds=True)
        task.start()
        ident = task.ident
        thread = threads._runners.busy[ident or 0][0].thread if task.runs.wait(PATIENCE) else None
        task.go_on.set()
        assert thread is not None
        thread.join(PATIENCE)
        assert not thread.is_alive()
        assert not threads._runners._idle

    def test_chosen_when_its_time_is_up(self) -> None:
        runner, task = threads.Runner(), Task()

        class Late:
            """Has nothing within the time, and then what has just been given."""

            calls = 0

            def get(self, timeout: float | None = None) -> Any:
                self.calls += 1
                if timeout is not None:
                    raise queue.Empty
                return task

        runner.next = Late()  # type: ignore[assignment]
        assert threads._runners.wait_for_task(runner) is task

    def test_no_room_for_one_more(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def start(_: threading.Thread) -> None:
            raise RuntimeError("can't start new thread")

        task = Task()
        with monkeypatch.context() as patch:
            patch.setattr(threading.Thread, "start", start)
            with pytest.raises(RuntimeError, match="can't start"):
                task.start()
        assert not task.is_alive()
        assert finished(task).runs.is_set()

    def test_fork(self) -> None:
        """In a child process the one that forked goes on; the others have ended."""
        command = [sys.executable, "-W", "ignore", "-c", dedent(FORKING)]
        result = subprocess.run(
            command, capture_output=True, text=True, timeout=PATIENCE, check=False
        )
        assert (result.stdout, result.stderr) == ("child parent\n", "")


# In an interpreter of its own, since a child process has but one of the threads of a test runner
FORKING = """
    import os, threading
    from pynetdicom.association.threads import ReusingThread

    class Task(ReusingThread):
        def __init__(self, function):
            super().__init__("Task")
            self.run = function

    def fork():
        pid = os.fork()
        if pid:
            os.waitpid(pid, 0)
            assert threading.current_thread() is task
            print("parent")
            return
        try:
            other.join()
            assert not other.is_alive()
            assert threading.enumerate() == [threading.current_thread()]
            new = Task(lambda: print("child", end=" ", flush=True))
            new.start()
            new.join()
        finally:
            os._exit(0)

    go_on = threading.Event()
    other, task = Task(go_on.wait), Task(fork)
    other.start()
    task.start()
    task.join()
    assert other.is_alive()
    go_on.set()
    other.join()
"""
