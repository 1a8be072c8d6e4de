"""The threads of requestors, which start late or never."""

from __future__ import annotations

import os
import threading
from typing import Any

import pytest

from pynetdicom import AE, Association, evt
from pynetdicom.association import association as association_module
from pynetdicom.association import late_start
from pynetdicom.association.late_start import LateStart
from pynetdicom.association.threads import ReusingThread, dismiss_idle
from tests.support import raw
from tests.support.associations import ECHO, EventLog, association, join, port_of, proposal
from tests.support.raw import PATIENCE
from tests.support.requests import answer, asking
from tests.support.sockets import Background

StartSCP = Any


class Starting:
    """What stands in for an association; its thread is started only when allowed."""

    def __init__(self, name: str, error: Exception | None = None) -> None:
        self.name = name
        self.is_started = threading.Event()
        self.starter = threading.current_thread()
        self._error = error

    def _ensure_thread(self) -> None:
        self.starter = threading.current_thread()
        self.is_started.set()
        if self._error is not None:
            raise self._error


class TestLateStart:
    @pytest.fixture
    def delays(self, monkeypatch: pytest.MonkeyPatch) -> list[float]:
        """Return how long was waited each time, by a clock that only waiting moves on."""
        delays: list[float] = []

        class Condition:
            def __init__(self, lock: Any) -> None:
                self._lock = lock

            def __enter__(self) -> None:
                self._lock.acquire()

            def __exit__(self, *exc_info: object) -> None:
                self._lock.release()

            def wait(self, seconds: float) -> None:
                delays.append(seconds)

        names = {"Condition": Condition, "Thread": threading.Thread, "RLock": threading.RLock}
        monkeypatch.setattr(late_start, "threading", type("", (), names))
        monkeypatch.setattr(late_start, "monotonic", lambda: 100.0 + sum(delays))
        monkeypatch.setattr(late_start, "WATCH_DELAY", 7.0)
        return delays

    def test_after_the_delay(self, delays: list[float]) -> None:
        late, one = LateStart(), Starting("one")
        late.add(one)  # type: ignore[arg-type]
        assert one.is_started.wait(PATIENCE)
        assert delays == [7.0]

    def test_thread_comes_and_goes(self, delays: list[float]) -> None:
        late = LateStart()
        for number in range(3):
            one = Starting(str(number))
            late.add(one)  # type: ignore[arg-type]
            assert one.is_started.wait(PATIENCE)
            one.starter.join(PATIENCE)
            assert not one.starter.is_alive()
            assert one.starter.daemon

    def test_many(self, delays: list[float]) -> None:
        late, many = LateStart(), [Starting(str(number)) for number in range(20)]
        for one in many:
            late.add(one)  # type: ignore[arg-type]
        assert all(one.is_started.wait(PATIENCE) for one in many)

    def test_not_what_was_discarded(self, delays: list[float]) -> None:
        late, one, other = LateStart(), Starting("one"), Starting("other")
        with late._changed:  # the thread does not look before
            late.add(one)  # type: ignore[arg-type]
            late.add(other)  # type: ignore[arg-type]
            late.discard(one)  # type: ignore[arg-type]
            late.discard(one)  # type: ignore[arg-type]  # twice is once
        assert other.is_started.wait(PATIENCE)
        other.starter.join(PATIENCE)
        assert not one.is_started.is_set()

    def test_ends_at_once_when_idle(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(late_start, "WATCH_DELAY", 3600.0)
        started: list[threading.Thread] = []
        start = threading.Thread.start

        def note(thread: threading.Thread) -> None:
            started.append(thread)
            start(thread)

        monkeypatch.setattr(threading.Thread, "start", note)
        late, one = LateStart(), Starting("one")
        late.add(one)  # type: ignore[arg-type]
        late.discard(one)  # type: ignore[arg-type]
        late.end_if_idle()
        started[0].join(PATIENCE)
        assert not started[0].is_alive()
        assert not one.is_started.is_set()

    def test_goes_on_after_a_failure(
        self, delays: list[float], caplog: pytest.LogCaptureFixture
    ) -> None:
        late = LateStart()
        bad, good = Starting("bad", RuntimeError("can't start new thread")), Starting("good")
        late.add(bad)  # type: ignore[arg-type]
        late.add(good)  # type: ignore[arg-type]
        assert good.is_started.wait(PATIENCE)
        assert "The thread of bad can't be started: can't start new thread" in caplog.text

    def test_it_has_no_room_itself(
        self, delays: list[float], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def start(_: threading.Thread) -> None:
            raise RuntimeError("can't start new thread")

        late, one, other = LateStart(), Starting("one"), Starting("other")
        with monkeypatch.context() as patch:
            patch.setattr(threading.Thread, "start", start)
            with pytest.raises(RuntimeError, match="can't start"):
                late.add(one)  # type: ignore[arg-type]
        late.add(other)  # type: ignore[arg-type]
        assert other.is_started.wait(PATIENCE)
        assert not one.is_started.is_set()

    def test_forgets_all_in_a_child_process(self, monkeypatch: pytest.MonkeyPatch) -> None:
        calls: list[Any] = []

        def register(after_in_child: Any) -> None:
            calls.append(after_in_child)

        monkeypatch.setattr(os, "register_at_fork", register, raising=False)
        late = LateStart()
        late._is_running = True
        late._due[None] = 0.0  # type: ignore[index]
        calls[0]()
        assert not late._is_running
        assert not late._due

    def test_system_without_fork(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delattr(os, "register_at_fork", raising=False)
        assert not LateStart()._due


class Held:
    """Takes the place of what starts threads late: it starts none."""

    def __init__(self) -> None:
        self.waiting: list[Association] = []

    def add(self, assoc: Association) -> None:
        self.waiting.append(assoc)

    def discard(self, assoc: Association) -> None:
        """Keep it, for the tests to look at."""


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> Held:
    """Let no thread of a requestor start because it is time to."""
    held = Held()
    monkeypatch.setattr(association_module, "_late_start", held)
    return held


class TestThreadOfRequestor:
    def test_none_for_a_short_association(self, start_scp: StartSCP, held: Held) -> None:
        ended = EventLog("RELEASED CONN_CLOSE")
        ae = AE()
        assoc = ae.associate(
            raw.HOST, port_of(start_scp()), proposal([ECHO]), evt_handlers=ended.bindings
        )
        assert assoc.is_alive()
        assert assoc.send_c_echo().Status == 0x0000
        assoc.release()
        assert assoc.ident is None
        assert not assoc.is_alive()
        assert sorted(ended.names()) == ["CONN_CLOSE", "RELEASED"]
        assert ae.active_associations == []
        assoc.join()
        held.waiting[0]._ensure_thread()  # its time has come: too late
        assert assoc.ident is None

    def test_starts_in_time(self, start_scp: StartSCP, monkeypatch: pytest.MonkeyPatch) -> None:
        started, run = threading.Event(), Association.run_reactor

        def note(assoc: Association) -> None:
            if assoc.is_requestor:
                started.set()
            run(assoc)

        monkeypatch.setattr(Association, "run_reactor", note)
        with association(port_of(start_scp())) as assoc:
            assert started.wait(PATIENCE)
            assert assoc.is_alive()
        assert not assoc.is_alive()

    def test_at_once_for_a_request(self, held: Held) -> None:
        """The peer asks for something."""
        is_served = threading.Event()

        def script(peer: raw.Peer) -> None:
            peer.send(raw.message(raw.echo_rq(3)))
            peer.send(answer(peer.read_message()))
            assert peer.read_message().number(raw.COMMAND_FIELD) == 0x8030
            is_served.set()

        with asking(script, [ECHO]) as assoc:
            assert assoc.ident is None
            assert assoc.send_c_echo().Status == 0x0000
            assert is_served.wait(PATIENCE)
            assert assoc.ident is not None

    def test_at_once_for_a_release(self, held: Held) -> None:
        def script(peer: raw.Peer) -> None:
            peer.accept()
            peer.read_message()
            peer.release()

        with raw.serving(script) as server, association(server.port) as assoc:
            assoc.dimse_timeout = None
            assert len(assoc.send_c_echo()) == 0
            join(assoc)
            assert assoc.is_released

    @pytest.mark.parametrize("end", ["abort", "kill", "join"])
    def test_at_once_for_the_end(self, held: Held, end: str) -> None:
        def script(peer: raw.Peer) -> None:
            peer.accept()
            if end == "join":
                peer.send(raw.abort())
            peer.drain()

        ae = AE()
        ae.limits.close_timeout = 0.1
        with raw.serving(script) as server:
            assoc = ae.associate(raw.HOST, server.port, proposal([ECHO]))
            getattr(assoc, end)()
            assert assoc.ident is not None
            join(assoc)
            assert not assoc.is_alive()

    def test_release_by_a_handler(self, held: Held) -> None:
        """It has to wait until the handler has returned; the thread sees to it."""

        def script(peer: raw.Peer) -> None:
            peer.accept()
            peer.send(answer(peer.read_message()))
            peer.expect(raw.RELEASE_RQ)
            peer.send(raw.release_rp())

        handlers = [(evt.EVT_DIMSE_RECV, lambda event: event.assoc.release())]
        with (
            raw.serving(script) as server,
            association(server.port, evt_handlers=handlers) as assoc,
        ):
            assert assoc.send_c_echo().Status == 0x0000
            join(assoc)
            assert assoc.is_released

    def test_released_when_established(self, start_scp: StartSCP, held: Held) -> None:
        handlers = [(evt.EVT_ESTABLISHED, lambda event: event.assoc.release())]
        ae = AE()
        assoc = ae.associate(
            raw.HOST, port_of(start_scp()), proposal([ECHO]), evt_handlers=handlers
        )
        assert assoc.is_released
        assert not assoc.is_alive()
        assert not held.waiting
        assert ae.active_associations == []

    def test_rejected_closes_down(self, held: Held) -> None:
        """What is not established may have a connection that is yet to be closed."""

        def script(peer: raw.Peer) -> None:
            peer.expect(raw.ASSOCIATE_RQ)
            peer.send(raw.associate_ac(raw.answer(1, 3)))
            assert peer.expect_abort() == (2, 0)

        with raw.serving(script) as server, association(server.port) as assoc:
            assert assoc.is_aborted
            join(assoc)
            assert not assoc.is_alive()
            assert not held.waiting

    def test_started_by_many(self, start_scp: StartSCP, held: Held) -> None:
        assoc = AE().associate(raw.HOST, port_of(start_scp()), proposal([ECHO]))
        calls = [Background(assoc._ensure_thread) for _ in range(8)]
        for call in calls:
            call.result()
        assert assoc.ident is not None
        assert assoc.is_alive()
        assoc.release()
        join(assoc)

    def test_join_while_it_is_started(
        self, start_scp: StartSCP, held: Held, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Whoever joins, or asks whether it is alive, waits until it has been."""
        is_starting, go_on = threading.Event(), threading.Event()
        start = ReusingThread.start

        def slowly(thread: ReusingThread) -> None:
            is_starting.set()
            assert go_on.wait(PATIENCE)
            start(thread)

        assoc = AE().associate(raw.HOST, port_of(start_scp()), proposal([ECHO]))
        with monkeypatch.context() as patch:
            patch.setattr(ReusingThread, "start", slowly)
            starting = Background(assoc._ensure_thread)
            assert is_starting.wait(PATIENCE)
            joining, asking_ = Background(assoc.join, 0), Background(assoc.is_alive)
            go_on.set()
            for call in (starting, joining):
                call.result()
            assert asking_.result()
        assoc.release()
        join(assoc)

    def test_no_room_for_it(
        self, start_scp: StartSCP, held: Held, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """It is as if nothing had been tried; who needs it next tries again."""

        def start(_: threading.Thread) -> None:
            raise RuntimeError("can't start new thread")

        assoc = AE().associate(raw.HOST, port_of(start_scp()), proposal([ECHO]))
        dismiss_idle()
        with monkeypatch.context() as patch:
            patch.setattr(threading.Thread, "start", start)
            with pytest.raises(RuntimeError, match="can't start"):
                assoc._ensure_thread()
        assert assoc.is_alive()
        assert assoc.send_c_echo().Status == 0x0000
        assoc._ensure_thread()
        assert assoc.ident is not None
        assoc.release()
        join(assoc)

    def test_nobody_to_start_it(self, start_scp: StartSCP, monkeypatch: pytest.MonkeyPatch) -> None:
        """The request fails, and nothing is left behind."""

        class Full:
            def add(self, assoc: Association) -> None:
                raise RuntimeError("can't start new thread")

            def discard(self, assoc: Association) -> None:
                raise AssertionError("it was never added")

        made: list[Association] = []
        monkeypatch.setattr(association_module, "_late_start", Full())
        handlers = [(evt.EVT_ESTABLISHED, lambda event: made.append(event.assoc))]
        ae = AE()
        with pytest.raises(RuntimeError, match="can't start"):
            ae.associate(raw.HOST, port_of(start_scp()), proposal([ECHO]), evt_handlers=handlers)
        assert ae.active_associations == []
        assert made[0].is_aborted
        assert not made[0].is_alive()

    def test_join_of_what_never_was(self) -> None:
        with pytest.raises(RuntimeError, match="before it is started"):
            Association(AE(), "requestor").join()
