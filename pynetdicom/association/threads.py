"""Threads that outlive what they run, so that most associations need not wait for a new one.

Starting a thread costs more than all else that an acceptor does to begin a short association. An
association is a :class:`threading.Thread` nevertheless, for its name, for who joins it, and as
what ``threading.current_thread()`` returns in its handlers. What runs it is a thread that has run
others before, or a new one if none is free.
"""

from __future__ import annotations

import os
import sys
import threading
from contextlib import suppress
from contextvars import Context, copy_context
from functools import lru_cache
from threading import get_ident
from time import localtime, strftime, time
from typing import TYPE_CHECKING

import pynetdicom._config as _config
import pynetdicom._lazy as lazy

if TYPE_CHECKING:
    from queue import SimpleQueue

# Seconds after which a thread ends that nobody has had use for
IDLE_TIME = 5.0

# What threading.current_thread() and enumerate() look threads up in. There is no public way to
# say who a thread is. Should a Python do without this, they find the runner where they now find
# the association; nothing else depends on it
_ACTIVE: dict[int, threading.Thread] = getattr(threading, "_active", {})


@lru_cache(1)
def _time_of_day(second: int) -> str:
    """Return a second of the epoch as in the names of threads."""
    return strftime("%Y%m%d%H%M%S", localtime(second))


class ReusingThread(threading.Thread):
    """A thread whose ``run()`` is called by a :class:`Runner`; otherwise like any other.

    Parameters
    ----------
    kind : str
        What its name begins with; it goes on with the time of day.
    """

    def __init__(self, kind: str) -> None:
        super().__init__(name=f"{kind}@{_time_of_day(int(time()))}", daemon=True)
        self._thread_id: int | None = None
        self._native_thread_id: int | None = None
        # Held from start() until run() has returned
        self._running_lock: threading.Lock | None = None
        self._has_run = False
        # As in a new thread: what was set for another that the same one has run does not count
        self._thread_context = copy_context() if _config.PASS_CONTEXTVARS else Context()

    def start(self) -> None:
        """Have ``run()`` called by another thread.

        Raises
        ------
        RuntimeError
            If that was done before, or the system has no more threads.
        """
        if self._running_lock is not None:
            raise RuntimeError("threads can only be started once")
        self._running_lock = threading.Lock()
        self._running_lock.acquire()
        try:
            _runners.give(self)
        except BaseException:
            self._running_lock = None
            raise

    @property
    def ident(self) -> int | None:
        """The identifier of the thread that runs it or has run it; None before that."""
        return self._thread_id

    @property
    def native_id(self) -> int | None:
        """The identifier that the system gave to that thread."""
        return self._native_thread_id

    def is_alive(self) -> bool:
        """Return True from :meth:`start` until ``run()`` has returned."""
        return self._running_lock is not None and not self._has_run

    def join(self, timeout: float | None = None) -> None:
        """Wait until ``run()`` has returned.

        Parameters
        ----------
        timeout : float or None, optional
            For how many seconds; None for ever.

        Raises
        ------
        RuntimeError
            If it was not started, or by itself.
        """
        if self._running_lock is None:
            raise RuntimeError("cannot join thread before it is started")
        if self._has_run:
            return
        if self._thread_id == get_ident():
            raise RuntimeError("cannot join current thread")
        if self._running_lock.acquire(timeout=-1 if timeout is None else max(0.0, timeout)):
            self._running_lock.release()

    def _thread_ends(self) -> None:
        """Take note that it has run; those who wait for that go on."""
        self._has_run = True
        if self._running_lock is not None:
            self._running_lock.release()

    def __repr__(self) -> str:
        state = "started" if self.is_alive() else "stopped" if self._has_run else "initial"
        ident = "" if self.ident is None else f" {self.ident}"
        return f"<{type(self).__name__}({self.name}, {state} daemon{ident})>"


class Runner:
    """A real thread, and what it is to run next."""

    __slots__ = ("next", "thread")

    def __init__(self) -> None:
        self.next: SimpleQueue[ReusingThread | None] = lazy.queue.SimpleQueue()
        self.thread = threading.Thread(target=self._run_all, name="Runner", daemon=True)

    def _run_all(self) -> None:
        """Run one after the other."""
        while (task := _runners.wait_for_task(self)) is not None:
            self._run(task)
            _runners.add(self)  # before anybody sees that it has run
            task._thread_ends()
            task = None  # which may be the last that refers to it

    def _run(self, task: ReusingThread) -> None:
        """Be the thread that the task is."""
        me = get_ident()
        _ACTIVE[me] = task
        try:
            task._thread_context.run(task.run)
        except BaseException:
            _tell(task)
        finally:
            _ACTIVE[me] = self.thread
            del _runners.busy[me]


def _tell(task: ReusingThread) -> None:
    """Tell what a task has raised, as threading does for other threads."""
    try:
        threading.excepthook(threading.ExceptHookArgs((*sys.exc_info(), task)))
    except BaseException:  # those who wait for the task shall not wait for ever
        with suppress(BaseException):
            sys.excepthook(*sys.exc_info())


class Runners:
    """The threads there are; those that are idle end after a while."""

    def __init__(self) -> None:
        self._reset()
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(
                before=self._swap, after_in_parent=self._swap, after_in_child=self._forget
            )

    def _reset(self) -> None:
        self._lock = threading.RLock()  # re-entrant for signal handlers
        self._idle: list[Runner] = []
        self.busy: dict[int, tuple[Runner, ReusingThread]] = {}

    def give(self, task: ReusingThread) -> None:
        """Have a task run; RuntimeError if that takes a new thread and there can't be one."""
        with self._lock:
            runner = self._idle.pop() if self._idle else None
        if runner is None:
            runner = Runner()
            runner.thread.start()
        thread = runner.thread
        task._thread_id, task._native_thread_id = thread.ident, thread.native_id
        if thread.ident is not None:
            self.busy[thread.ident] = (runner, task)
        runner.next.put(task)

    def add(self, runner: Runner) -> None:
        """Let a runner be given something."""
        with self._lock:
            self._idle.append(runner)

    def wait_for_task(self, runner: Runner) -> ReusingThread | None:
        """Return what a runner is to run next, None if it is to end."""
        try:
            return runner.next.get(timeout=IDLE_TIME)
        except lazy.queue.Empty:
            pass
        with self._lock:
            if runner in self._idle:
                self._idle.remove(runner)
                return None
        return runner.next.get()  # it has just been chosen

    def dismiss(self) -> None:
        """Let those that are idle end, and wait for that."""
        with self._lock:
            idle, self._idle = self._idle, []
        for runner in idle:
            runner.next.put(None)
        for runner in idle:
            runner.thread.join()

    # A child process has one thread, the one that forked; the others have ended there. What
    # threading does about that is for threads that it has started itself.

    def _swap(self) -> None:
        """Be no task for the time of a fork, and one again after it."""
        me = get_ident()
        if me in self.busy:
            runner, task = self.busy[me]
            _ACTIVE[me] = runner.thread if _ACTIVE.get(me) is task else task

    def _forget(self) -> None:
        """Be a child process."""
        others = [task for ident, (_, task) in self.busy.items() if ident != get_ident()]
        mine = self.busy.get(get_ident())
        self._reset()
        if mine is not None:
            self.busy[get_ident()] = mine
        for task in others:
            task._running_lock = threading.Lock()
            task._has_run = True


_runners = Runners()


def dismiss_idle() -> None:
    """Let the threads end that have nothing to run, and wait for that."""
    _runners.dismiss()
