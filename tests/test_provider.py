"""The upper layer on a connection: who reads, who sends, who is told, and how it ends."""

from __future__ import annotations

import errno
import math
import socket
import threading
from collections import Counter, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from queue import SimpleQueue
from time import monotonic
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pynetdicom import evt
from pynetdicom.dul import DULServiceProvider, provider
from pynetdicom.errors import UpperLayerError
from pynetdicom.limits import KIB, MIB, Limits
from pynetdicom.pdu import p_data_buffers
from pynetdicom.pdu_primitives import A_ABORT, A_ASSOCIATE, A_P_ABORT, A_RELEASE
from pynetdicom.transport import AddressInformation, AssociationSocket
from tests.support import raw
from tests.support.laws import QUIET
from tests.support.sockets import PATIENCE, Background, listening, tcp_pair
from tests.support.tls import Contexts
from tests.support.upper_layers import (
    RELEASE_RP,
    RELEASE_RQ,
    RQ,
    USER_ABORT,
    abort,
    acceptance,
    p_data,
    p_data_tf,
    release,
    request,
)

# Seconds for what has to happen when a time is up; nothing else may depend on them
SOON = 0.02
LARGE = MIB


class DIMSE:
    """What stands in for the DIMSE provider: keeps what it is given, and who gave it.

    There is room for `room` PDVs.
    """

    def __init__(self, association: Association) -> None:
        self._association = association
        self.room: float = math.inf
        self.taken: list[tuple[int, bytes]] = []
        self.threads: list[int] = []
        self.in_message = False
        self.error: Exception | None = None
        self.exchanges = SimpleNamespace(end=lambda: None)

    def has_room(self) -> bool:
        return self.room > 0

    def receive_pdvs(self, pdvs: list[Any], start: int) -> int:
        if self.error is not None:
            raise self.error
        while start < len(pdvs):
            context_id, _, fragment = pdvs[start]
            self.taken.append((context_id, bytes(fragment)))
            self.threads.append(threading.get_ident())
            start += 1
            self.room -= 1
            self._association.dul.tell_callers()
            if not self.has_room():
                break
        return start

    def count(self, context_id: int) -> int:
        """Return how many PDVs there were of a context."""
        return sum(1 for taken, _ in self.taken if taken == context_id)

    def length(self) -> int:
        """Return how many bytes came."""
        return sum(len(fragment) for _, fragment in self.taken)


class Association(evt.EventHandlers):
    """What stands in for the association around the provider; nothing has a time-out."""

    def __init__(self, close_timeout: float = PATIENCE, **settings: Any) -> None:
        self._init_handlers()
        self.ae = SimpleNamespace(limits=Limits(close_timeout=close_timeout))
        self.acse_timeout: float | None = None
        self.network_timeout: float | None = None
        self.connection_timeout: float | None = None
        for name, value in settings.items():
            setattr(self, name, value)
        self.local_user = SimpleNamespace(maximum_length=16382)
        self.remote_user = SimpleNamespace(address_info=None)
        self.ident: int | None = None
        self.is_established = False
        self.aborted_by: list[Any] = []
        self.faults: list[str] = []
        self.events: list[Any] = []
        self.dimse = DIMSE(self)
        self.dul = DULServiceProvider(self)  # type: ignore[arg-type]

    def _ensure_thread(self) -> None:
        """Its thread, if there is one, has been started by the test."""

    def bind(self, event: Any, handler: Any, args: Any = None) -> None:
        super().bind(event, handler, args)
        self.dul.update_observers()

    def unbind(self, event: Any, handler: Any) -> None:
        super().unbind(event, handler)
        self.dul.update_observers()

    def note(self, *events: Any) -> None:
        """Keep the events of some kinds in `events`, in order."""
        for event in events:
            self.bind(event, self.events.append)

    @property
    def event_names(self) -> list[str]:
        return [event.event.name for event in self.events]

    def _log_fault(self, message: str, *values: object) -> None:
        self.faults.append(message % ("PEER", *values))

    def _connection_aborted(self, primitive: Any) -> None:
        self.is_established = False
        self.aborted_by.append(primitive)

    def wait_for(self, condition: Callable[[], object]) -> None:
        """Read until something is so, which must be soon."""
        assert self.dul.wait_until(condition, monotonic() + PATIENCE)

    def next_primitive(self) -> Any:
        """Return the association primitive that is received next."""
        return self.dul.receive_pdu(wait=True, timeout=PATIENCE)

    def primitives(self) -> list[Any]:
        """Take the association primitives that have been received; return their classes."""
        taken = iter(self.dul.receive_pdu, None)
        return [type(primitive) for primitive in taken]


def address_of(sock: socket.socket) -> AddressInformation:
    return AddressInformation(*sock.getsockname()[:2])


def narrow(sock: Any) -> None:
    """Give a socket small buffers, if not so small that an acknowledgement is ever waited for."""
    for option in (socket.SO_RCVBUF, socket.SO_SNDBUF):
        sock.setsockopt(socket.SOL_SOCKET, option, 64 * KIB)


@contextmanager
def requesting(is_narrow: bool = False, **settings: Any) -> Iterator[tuple[Association, raw.Peer]]:
    """Give an association in Sta5 and its peer, if wanted with small buffers between them."""
    with listening() as listener:
        if is_narrow:
            narrow(listener)
        assoc = Association(**settings)
        assoc.dul._prepare()
        assoc.dul.send_pdu(request())
        assoc.dul.connect(address_of(listener), None, None)
        try:
            if is_narrow:
                narrow(assoc.dul.socket.socket)
            with raw.Peer(listener.accept()[0]) as peer:
                yield assoc, peer
        finally:
            assoc.dul.kill_dul()


@contextmanager
def established(is_narrow: bool = False, **settings: Any) -> Iterator[tuple[Association, raw.Peer]]:
    """Give an association in Sta6, that of the requestor, and its peer."""
    with requesting(is_narrow, **settings) as (assoc, peer):
        peer.accept()
        assert isinstance(assoc.next_primitive(), A_ASSOCIATE)
        assoc.is_established = True
        yield assoc, peer


@contextmanager
def accepted(**settings: Any) -> Iterator[tuple[Association, raw.Peer]]:
    """Give an association in Sta2 and its peer."""
    with tcp_pair() as (server, client):
        assoc = Association(**settings)
        assoc.dul.accepted(AssociationSocket(assoc, server), None)  # type: ignore[arg-type]
        try:
            yield assoc, raw.Peer(client)
        finally:
            assoc.dul.kill_dul()


def data(context_id: int = 1, content: bytes = b"command", count: int = 1) -> bytes:
    """Return some P-DATA-TF PDUs."""
    return p_data_tf((context_id, raw.LAST_COMMAND, content)) * count


def large(content: bytes = b"x") -> list[Any]:
    """Return P-DATA-TF PDUs that no system takes as long as the peer does not read."""
    return p_data_buffers(1, False, content * LARGE, 16382)


LARGE_LENGTH = sum(map(len, large()))


class Condition:
    """Something to wait for, which tells how often it was looked at.

    Who looks at it for the second time goes to wait for the peer or for who reads then.
    """

    def __init__(self, condition: Callable[[], object] = lambda: False) -> None:
        self._conditions = [condition]
        self._looked = threading.Semaphore(0)

    def __call__(self) -> bool:
        self._looked.release()
        return any(condition() for condition in self._conditions)

    def add(self, condition: Callable[[], object]) -> None:
        """Wait for something else, too."""
        self._conditions.append(condition)

    def wait_for_looks(self, count: int = 2) -> None:
        for _ in range(count):
            assert self._looked.acquire(timeout=PATIENCE)


class Waiter(Background[bool]):
    """A thread that waits for something, as soon as the constructor returns."""

    def __init__(self, assoc: Association, condition: Callable[[], object] = lambda: False) -> None:
        noted = Condition(condition)
        super().__init__(self._wait, assoc, noted)
        noted.wait_for_looks()

    def _wait(self, assoc: Association, condition: Condition) -> bool:
        self.ident = threading.get_ident()
        return assoc.dul.wait_until(condition, None)


class Watcher(Background[bool]):
    """The association's own thread, which watches until it is stopped."""

    def __init__(self, assoc: Association, may_idle: bool = False) -> None:
        self._assoc = assoc
        self._stop = threading.Event()
        self.done = Condition(self._stop.is_set)
        super().__init__(self._watch, may_idle)

    def _watch(self, may_idle: bool) -> bool:
        self._assoc.ident = threading.get_ident()
        return self._assoc.dul.watch(self.done, may_idle)

    def stop(self) -> bool:
        """Give it something to do, so that it returns; return what it returned."""
        self._stop.set()
        self._assoc.dul.wake()
        self._assoc.dul.tell_watcher()
        return self.result()


class Waits:
    """Notes what the threads of an association wait for at its socket, from now on."""

    def __init__(self, assoc: Association) -> None:
        self._queue: SimpleQueue[tuple[bool, bool]] = SimpleQueue()
        conn = assoc.dul.socket
        assert conn is not None
        self._wait = conn.wait
        conn.wait = self._note_and_wait  # type: ignore[method-assign]

    def _note_and_wait(self, read: bool, write: bool, timeout: float | None) -> Any:
        self._queue.put((read, write))
        return self._wait(read, write, timeout)

    def wait_for(self, read: bool, write: bool) -> None:
        """Return when a thread goes to wait for this, or went."""
        while self._queue.get(timeout=PATIENCE) != (read, write):
            pass


def waits_for_news(assoc: Association) -> threading.Event:
    """Return what is set when a thread goes to wait for something else than its socket."""
    event, news = threading.Event(), assoc.dul._news
    wait = news.wait

    def note_and_wait(timeout: float | None = None) -> bool:
        event.set()
        return wait(timeout)

    news.wait = note_and_wait  # type: ignore[method-assign]
    return event


def close_count(assoc: Association) -> int:
    return assoc.event_names.count("EVT_CONN_CLOSE")


class TestTime:
    def test_earliest(self) -> None:
        assert provider.earliest() is None
        assert provider.earliest(None, None) is None
        assert provider.earliest(None, 2.0, 1.0) == 1.0

    def test_time_left(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(provider, "monotonic", lambda: 100.0)
        assert provider.time_left(None) is None
        assert provider.time_left(103.0) == 3.0
        assert provider.time_left(100.0) == provider.time_left(99.0) == 0.0


@QUIET
@given(st.lists(st.binary(max_size=4), max_size=6), st.integers(0, 30))
def test_drop_front(buffers: list[bytes], count: int) -> None:
    whole = b"".join(buffers)
    count = min(count, len(whole))
    rest: list[Any] = list(buffers)
    provider._drop_front(rest, count)
    assert b"".join(rest) == whole[count:]


class TestConnecting:
    def test_connects_and_asks_for_the_association(self) -> None:
        with listening() as listener:
            assoc = Association()
            assoc.note(evt.EVT_CONN_OPEN, evt.EVT_CONN_CLOSE)
            assoc.dul._prepare()
            assoc.dul.send_pdu(request())
            assert assoc.dul.state_machine.current_state == "Sta4"
            assoc.dul.connect(address_of(listener), None, None)
            assert assoc.dul.state_machine.current_state == "Sta5"
            with raw.Peer(listener.accept()[0]) as peer:
                peer.expect(raw.ASSOCIATE_RQ)
                assert assoc.event_names == ["EVT_CONN_OPEN"]
                assert assoc.local_user.address_info.as_tuple == peer.socket.getpeername()
                assert assoc.events[0].address == listener.getsockname()
                assoc.dul.kill_dul()
                peer.expect_closed()
        assert assoc.event_names == ["EVT_CONN_OPEN", "EVT_CONN_CLOSE"]

    def test_nobody_listens(self) -> None:
        with listening() as listener:
            address = address_of(listener)
        assoc = Association()
        assoc.remote_user.address_info = address
        assoc.note(evt.EVT_CONN_OPEN, evt.EVT_CONN_CLOSE)
        assoc.dul._prepare()
        assoc.dul.send_pdu(request())
        with pytest.raises(ConnectionRefusedError):
            assoc.dul.connect(address, None, None)
        assert assoc.dul.state_machine.current_state == "Sta1"
        assert assoc.dul.is_closed
        assert assoc.event_names == ["EVT_CONN_CLOSE"]
        assert assoc.events[0].address == address.as_tuple
        assert assoc.primitives() == [A_P_ABORT]

    def test_aborted_before(self) -> None:
        with listening() as listener:
            assoc = Association()
            assoc.dul._prepare()
            assoc.dul.send_pdu(request())
            assoc.dul.send_pdu(abort())
            assert assoc.dul.is_closed
            with pytest.raises(ConnectionAbortedError, match="aborted before it was connected"):
                assoc.dul.connect(address_of(listener), None, None)
            assert assoc.dul.socket is None

    def test_aborted_by_a_handler(self) -> None:
        with listening() as listener:
            assoc = Association()
            assoc.note(evt.EVT_CONN_CLOSE)
            assoc.bind(evt.EVT_CONN_OPEN, lambda event: assoc.dul.send_pdu(abort()))
            assoc.dul._prepare()
            assoc.dul.send_pdu(request())
            assoc.dul.connect(address_of(listener), None, None)
            with raw.Peer(listener.accept()[0]) as peer:
                peer.expect_closed()
        assert assoc.dul.is_closed
        assert close_count(assoc) == 1

    def test_request_that_can_not_be_encoded(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def fail(now: float) -> None:
            raise ValueError("too long")

        with listening() as listener:
            assoc = Association()
            assoc.note(evt.EVT_CONN_CLOSE)
            assoc.dul._prepare()
            assoc.dul.send_pdu(request())
            monkeypatch.setattr(assoc.dul.upper_layer, "connected", fail)
            with pytest.raises(ValueError, match="too long"):
                assoc.dul.connect(address_of(listener), None, None)
            with raw.Peer(listener.accept()[0]) as peer:
                peer.expect_closed()
        assert assoc.dul.state_machine.current_state == "Sta1"
        assert close_count(assoc) == 1


class TestAccepting:
    def test_waits_for_the_request(self) -> None:
        with accepted() as (assoc, peer):
            assert assoc.dul.assoc is assoc
            assert assoc.dul.state_machine.current_state == "Sta2"
            peer.send(RQ)
            assert isinstance(assoc.next_primitive(), A_ASSOCIATE)
            assoc.dul.send_pdu(acceptance())
            peer.expect(raw.ASSOCIATE_AC)

    def test_silent_until_its_first_bytes_are_about_to_be_taken(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Once taken they can't be seen in the socket, where a server looks first."""
        with accepted() as (assoc, peer):
            conn = assoc.dul.socket
            assert conn is not None
            receive, found = conn.recv_into, []

            def receiving(view: memoryview) -> int | None:
                received = receive(view)
                found.append((received, assoc.dul.is_silent))
                return received

            monkeypatch.setattr(conn, "recv_into", receiving)
            assert not assoc.dul.wait_until(lambda: False, monotonic() + SOON)
            assert assoc.dul.is_silent  # after the first look, which found nothing
            peer.send(RQ)
            assert isinstance(assoc.next_primitive(), A_ASSOCIATE)
            assert found[-1] == (len(RQ), False)

    def test_tls(self) -> None:
        contexts = Contexts()
        with tcp_pair() as (server, client):
            shaking = Background(contexts.client.wrap_socket, client, server_hostname="localhost")
            assoc = Association()
            assoc.dul.accepted(AssociationSocket(assoc, server), contexts.server)  # type: ignore[arg-type]
            with raw.Peer(shaking.result()) as peer:
                peer.send(RQ)
                assert isinstance(assoc.next_primitive(), A_ASSOCIATE)
                assoc.dul.kill_dul()

    def test_no_tls(self) -> None:
        with tcp_pair() as (server, client):
            assoc = Association()
            assoc.note(evt.EVT_CONN_CLOSE)
            raw.Peer(client).send(RQ)
            with pytest.raises(OSError, match="does not speak TLS"):
                assoc.dul.accepted(AssociationSocket(assoc, server), Contexts().server)  # type: ignore[arg-type]
            assert assoc.dul.is_closed
            assoc.dul.kill_dul()
        assert close_count(assoc) == 1


class TestClosing:
    def test_without_a_connection(self) -> None:
        assoc = Association()
        assoc.note(evt.EVT_CONN_CLOSE)
        assert assoc.dul.stop_dul()
        assert assoc.dul.is_closed
        assoc.dul.kill_dul()
        assoc.dul.wake()
        assert assoc.event_names == []

    def test_stop_is_for_sta1_only(self) -> None:
        with established() as (assoc, peer):
            assert not assoc.dul.stop_dul()
            assert not assoc.dul.is_closed
            assoc.dul.kill_dul()
            assert assoc.dul.stop_dul()
            peer.expect_closed()

    def test_kill_says_nothing_to_the_peer(self) -> None:
        with established() as (assoc, peer):
            assoc.note(evt.EVT_CONN_CLOSE)
            assoc.dul.kill_dul()
            peer.expect_closed()
            assoc.dul.kill_dul()
            assert assoc.primitives() == [A_P_ABORT]
            assert len(assoc.aborted_by) == close_count(assoc) == 1

    def test_by_many_threads_at_once(self) -> None:
        with established() as (assoc, _):
            assoc.note(evt.EVT_CONN_CLOSE)
            reader, other = Waiter(assoc), Waiter(assoc)
            barrier = threading.Barrier(4)

            def close() -> None:
                barrier.wait(PATIENCE)
                assoc.dul.lose_connection()

            for thread in [Background(close) for _ in range(4)]:
                thread.result()
            assert not reader.result()
            assert not other.result()
            assert assoc.primitives() == [A_P_ABORT]
            assert len(assoc.aborted_by) == close_count(assoc) == 1

    def test_ends_every_wait(self) -> None:
        with established() as (assoc, _):
            watcher, waiter = Watcher(assoc), Waiter(assoc)
            assoc.dul.lose_connection()
            assert not waiter.result()
            assert watcher.result()


def request_came(assoc: Association, peer: raw.Peer) -> None:
    peer.send(RQ)
    assert isinstance(assoc.next_primitive(), A_ASSOCIATE)


def release_asked_for(assoc: Association, peer: raw.Peer) -> None:
    assoc.dul.send_pdu(release())
    peer.expect(raw.RELEASE_RQ)


def release_came(assoc: Association, peer: raw.Peer) -> None:
    peer.send(RELEASE_RQ)
    assert isinstance(assoc.next_primitive(), A_RELEASE)


def aborted(assoc: Association, peer: raw.Peer) -> None:
    assoc.dul.send_pdu(abort())
    assert peer.expect_abort() == (0, 0)


def nothing(assoc: Association, peer: raw.Peer) -> None:
    """The state that the connection begins with is the one."""


# How to get to some states, and whether there is somebody then who is told of an abort
SITUATIONS = {
    "Sta2": (accepted, nothing, False),
    "Sta3": (accepted, request_came, True),
    "Sta5": (requesting, nothing, True),
    "Sta6": (established, nothing, True),
    "Sta7": (established, release_asked_for, True),
    "Sta8": (established, release_came, True),
    "Sta13": (established, aborted, False),
}


class TestLoss:
    """However a connection is lost, that is told once."""

    @pytest.mark.parametrize("state", SITUATIONS)
    @pytest.mark.parametrize("part", [b"", data()[:3]], ids=["between PDUs", "within a PDU"])
    @pytest.mark.parametrize("end", [raw.Peer.finish_sending, raw.Peer.close, raw.Peer.reset])
    def test_at_any_moment(self, state: str, part: bytes, end: Callable[[raw.Peer], None]) -> None:
        begin, go_on, is_told = SITUATIONS[state]
        with begin() as (assoc, peer):
            assoc.note(evt.EVT_CONN_CLOSE)
            go_on(assoc, peer)
            assert assoc.dul.state_machine.current_state == state
            peer.send(part)
            end(peer)
            assoc.wait_for(lambda: assoc.dul.is_closed)
            assoc.dul.lose_connection()
            assert assoc.primitives() == [A_P_ABORT] * is_told
            assert close_count(assoc) == 1
            assert assoc.dul.state_machine.current_state == "Sta1"

    @pytest.mark.parametrize("length", range(0, len(data(count=2)) + 1, 3))
    def test_after_any_byte(self, length: int) -> None:
        with established() as (assoc, peer):
            assoc.note(evt.EVT_CONN_CLOSE)
            peer.send(data(count=2)[:length])
            peer.close()
            assoc.wait_for(lambda: assoc.dul.is_closed)
            assert len(assoc.dimse.taken) == length // len(data())
            assert assoc.primitives() == [A_P_ABORT]
            assert close_count(assoc) == 1

    def test_abort_that_came_before_is_what_is_told(self) -> None:
        with established() as (assoc, peer):
            peer.send(data(), USER_ABORT)
            peer.close()
            assoc.wait_for(lambda: assoc.dul.is_closed)
            assert len(assoc.dimse.taken) == 1
            assert assoc.primitives() == [A_ABORT]

    def test_peer_that_is_gone_is_found_by_reading(self) -> None:
        with established() as (assoc, peer):
            assoc.note(evt.EVT_CONN_CLOSE)
            peer.reset()
            assoc.dul.send_p_data(large())
            assoc.dul.send_p_data(large())
            assert not assoc.dul.is_closed
            assoc.wait_for(lambda: assoc.dul.is_closed)
            assert assoc.primitives() == [A_P_ABORT]
            assert close_count(assoc) == 1

    def test_last_words_are_read_though_nothing_can_be_sent(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fail(buffers: Any, more: bool) -> int:
            raise BrokenPipeError

        with established() as (assoc, peer):
            monkeypatch.setattr(assoc.dul.socket, "send", fail)
            peer.send(data(), USER_ABORT)
            assoc.dul.send_p_data([data()])
            peer.expect_closed()
            assert isinstance(assoc.next_primitive(), A_ABORT)
            assert len(assoc.dimse.taken) == 1

    def test_system_that_can_not_wait(
        self, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        """Say, no descriptor is left for a thread to be woken by."""

        def fail(*args: Any) -> Any:
            raise OSError(errno.EMFILE, "Too many open files")

        with established() as (assoc, peer):
            monkeypatch.setattr(assoc.dul.socket, "wait", fail)
            assert isinstance(assoc.next_primitive(), A_P_ABORT)
            assert "Too many open files" in caplog.text
            peer.expect_closed()


class TestReading:
    def test_association_primitives(self) -> None:
        with established() as (assoc, peer):
            assert assoc.dul.receive_pdu() is None
            assert assoc.dul.peek_next_pdu() is None
            assert assoc.dul.receive_pdu(wait=True, timeout=SOON) is None
            peer.send(RELEASE_RQ)
            assoc.wait_for(assoc.dul.peek_next_pdu)
            assert isinstance(assoc.dul.receive_pdu(wait=True), A_RELEASE)
            assert assoc.dul.receive_pdu() is None

    def test_primitive_that_another_thread_takes_meanwhile(self) -> None:
        class Emptied(deque[Any]):
            def __bool__(self) -> bool:
                return True

        assoc = Association()
        assoc.dul.to_user_queue = Emptied()
        assert assoc.dul.receive_pdu() is None
        assert assoc.dul.peek_next_pdu() is None

    def test_order(self) -> None:
        with established() as (assoc, peer):
            peer.send(data(1, b"one"), data(3, b"two"), RELEASE_RQ)
            assert isinstance(assoc.next_primitive(), A_RELEASE)
            assert assoc.dimse.taken == [(1, b"one"), (3, b"two")]

    def test_p_data_that_follows_the_acceptance_at_once(self) -> None:
        with requesting() as (assoc, peer):
            request_body = peer.expect(raw.ASSOCIATE_RQ)
            peer.send(raw.associate_ac(*raw.acceptances(request_body)), data(), RELEASE_RQ)
            assert isinstance(assoc.next_primitive(), A_ASSOCIATE)
            assert assoc.dimse.taken == []
            assoc.is_established = True
            assert isinstance(assoc.next_primitive(), A_RELEASE)
            assert len(assoc.dimse.taken) == 1

    def test_p_data_comes_too_late_in_a_release(self) -> None:
        with established() as (assoc, peer):
            assoc.is_established = False
            release_asked_for(assoc, peer)
            peer.send(data(), RELEASE_RP)
            assert isinstance(assoc.next_primitive(), A_RELEASE)
            assert assoc.dimse.taken == []
            assert assoc.dul.is_closed

    def test_acknowledges_what_a_message_begins_with(self) -> None:
        with established() as (assoc, peer):
            asked: list[bool] = []
            assoc.dul.socket.quick_ack = lambda: asked.append(True)  # type: ignore[union-attr]
            peer.send(data())
            assoc.wait_for(lambda: assoc.dimse.taken)
            assert not asked
            assoc.dimse.in_message = True
            peer.send(data())
            assoc.wait_for(lambda: len(assoc.dimse.taken) == 2)
            assert asked

    @pytest.mark.parametrize(
        ("garbage", "speaks_tls"),
        [(b"GET / HTTP/1.1\r\n\r\n", False), (b"\x16\x03\x01\0\xa5\1", True)],
    )
    def test_garbage_is_reported_once(self, garbage: bytes, speaks_tls: bool) -> None:
        with accepted() as (assoc, peer):
            peer.send(garbage)
            peer_reads = Background(peer.expect_abort)
            assoc.wait_for(lambda: assoc.dul.state_machine.current_state == "Sta13")
            assert peer_reads.result() == (0, 0)
            peer.send(garbage)
            peer.finish_sending()
            assoc.wait_for(lambda: assoc.dul.is_closed)
            (fault,) = assoc.faults
            assert fault.startswith("Invalid data received from PEER: ")
            assert ("it speaks TLS" in fault) == speaks_tls

    def test_failure_to_hand_out_is_not_repeated(self) -> None:
        with established() as (assoc, peer):
            assoc.dimse.error = ZeroDivisionError()
            peer.send(data(), RELEASE_RQ)
            with pytest.raises(ZeroDivisionError):
                assoc.next_primitive()
            assoc.dimse.error = None
            assert isinstance(assoc.next_primitive(), A_RELEASE)
            assert assoc.dimse.taken == []


class TestTurns:
    """One thread at a time reads, preferably one that waits for something."""

    def test_who_waits_reads(self) -> None:
        with established() as (assoc, peer):
            peer.send(data())
            assoc.wait_for(lambda: assoc.dimse.taken)
            assert assoc.dimse.threads == [threading.get_ident()]

    def test_two_at_once_get_what_is_theirs(self) -> None:
        with established() as (assoc, peer):
            first = Waiter(assoc, lambda: assoc.dimse.count(1))
            second = Waiter(assoc, lambda: assoc.dimse.count(3))
            peer.send(data(3))
            assert second.result()
            assert assoc.dimse.threads == [first.ident]
            peer.send(data(1))
            assert first.result()

    def test_who_leaves_hands_over(self) -> None:
        with established() as (assoc, peer):
            assert assoc.dul.socket is not None
            happened = threading.Event()
            first = Waiter(assoc, happened.is_set)
            second = Waiter(assoc, lambda: assoc.dimse.taken)
            happened.set()
            assoc.dul.socket.wake()
            assert first.result()
            peer.send(data())
            assert second.result()
            assert assoc.dimse.threads == [second.ident]

    def test_primitives_are_news(self) -> None:
        with established() as (assoc, peer):
            reader = Waiter(assoc, lambda: assoc.dul.is_closed)
            other = Waiter(assoc, assoc.dul.peek_next_pdu)
            peer.send(RELEASE_RQ)
            assert other.result()
            peer.close()
            assert reader.result()

    def test_many_threads_with_many_answers(self) -> None:
        contexts = range(1, 9, 2)
        rounds = 25

        def ask(assoc: Association, context_id: int) -> None:
            for number in range(rounds):
                answers = assoc.dimse.count(context_id)
                assert answers == number
                assoc.dul.send_p_data([data(context_id)])
                assoc.wait_for(lambda: assoc.dimse.count(context_id) != answers)  # noqa: B023

        def answer(peer: raw.Peer) -> None:
            for _ in range(rounds * len(contexts)):
                peer.send(raw.pdu(raw.P_DATA_TF, peer.expect(raw.P_DATA_TF)))

        with established() as (assoc, peer):
            answering = Background(answer, peer)
            for asking in [Background(ask, assoc, context_id) for context_id in contexts]:
                asking.result()
            answering.result()
            assert Counter(context_id for context_id, _ in assoc.dimse.taken) == dict.fromkeys(
                contexts, rounds
            )

    def test_time_is_up(self) -> None:
        with established() as (assoc, peer):
            reader = Waiter(assoc, lambda: assoc.dimse.taken)
            assert not assoc.dul.wait_until(lambda: False, monotonic() + SOON)
            peer.send(data())
            assert reader.result()
            assert not assoc.dul.wait_until(lambda: False, monotonic() + SOON)

    def test_time_was_up_before(self) -> None:
        with established() as (assoc, peer):
            peer.send(data())
            assert not assoc.dul.wait_until(lambda: assoc.dimse.taken, monotonic())
            assert assoc.dul.wait_until(lambda: True, monotonic())
            assert assoc.dimse.taken == []

    def test_nothing_to_wait_for_without_a_connection(self) -> None:
        assoc = Association()
        assert not assoc.dul.wait_until(lambda: False, None)
        assert assoc.dul.watch(lambda: False)
        assoc.dul.pump()

    def test_what_another_thread_brings_about(self) -> None:
        with established() as (assoc, _):
            happened = threading.Event()
            reader, other = Waiter(assoc, happened.is_set), Waiter(assoc, happened.is_set)
            happened.set()
            assoc.dul.wake()
            assert reader.result()
            assert other.result()

    def test_what_happens_before_one_begins_to_wait(self) -> None:
        with established() as (assoc, _):
            reader = Waiter(assoc)
            looks = iter([False, True])
            assert assoc.dul.wait_until(lambda: next(looks, True), None)
            looks = iter([False, True])
            assert assoc.dul.watch(lambda: next(looks, True))
            assoc.dul.kill_dul()
            assert not reader.result()

    def test_socket_that_has_nothing_after_all(self, monkeypatch: pytest.MonkeyPatch) -> None:
        with established() as (assoc, peer):
            conn = assoc.dul.socket
            assert conn is not None
            recv_into = conn.recv_into

            def receive_nothing(view: memoryview) -> None:
                conn.recv_into = recv_into  # type: ignore[method-assign]

            monkeypatch.setattr(conn, "recv_into", receive_nothing)
            peer.send(data())
            assoc.wait_for(lambda: assoc.dimse.taken)
            assert conn.recv_into == recv_into

    def test_who_dispatches_can_not_wait(self) -> None:
        with established() as (assoc, peer):
            errors = []

            def handle(event: evt.Event) -> None:
                assert assoc.dul.in_dispatch
                with pytest.raises(RuntimeError, match="can't wait for the peer") as caught:
                    assoc.dul.wait_until(lambda: True, None)
                errors.append(caught.value)

            assoc.bind(evt.EVT_PDU_RECV, handle)
            peer.send(data())
            assoc.wait_for(lambda: assoc.dimse.taken)
            assert len(errors) == 1
            assert not assoc.dul.in_dispatch
            assoc.dul.check_may_wait()


class TestPump:
    def test_dispatches_what_is_there(self) -> None:
        with established() as (assoc, peer):
            assoc.dul.pump()
            assert assoc.dimse.taken == []
            peer.send(data())
            assert assoc.dul.socket is not None
            assert assoc.dul.socket.wait(True, False, PATIENCE)[0]
            assoc.dul.pump()
            assert len(assoc.dimse.taken) == 1

    def test_leaves_it_to_who_reads(self) -> None:
        with established() as (assoc, peer):
            reader = Waiter(assoc, lambda: assoc.dimse.taken)
            assoc.dul.pump()
            peer.send(data())
            assert reader.result()
            assert assoc.dimse.threads == [reader.ident]


class TestWatch:
    """The association's own thread reads when nobody else does."""

    @pytest.fixture(autouse=True)
    def _no_delay(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(provider, "WATCH_DELAY", 0.001)

    def test_reads(self) -> None:
        with established() as (assoc, peer):
            watcher = Watcher(assoc)
            came = Condition(lambda: assoc.dimse.taken)
            peer.send(data())
            # Wait without taking part in the reading
            while not came():
                watcher.done.wait_for_looks(1)
            assert watcher.stop()
            assert assoc.dimse.threads == [assoc.ident]

    def test_something_to_do_before(self) -> None:
        with established() as (assoc, _):
            assert assoc.dul.watch(lambda: True)

    def test_leaves_the_turn_to_who_waits(self, monkeypatch: pytest.MonkeyPatch) -> None:
        with established() as (assoc, peer):
            waits = Waits(assoc)
            watcher = Watcher(assoc)
            waits.wait_for(True, False)
            with monkeypatch.context() as patch:
                patch.setattr(provider, "WATCH_DELAY", PATIENCE)
                waiter = Waiter(assoc, lambda: len(assoc.dimse.taken) == 2)
                peer.send(data())
                waits.wait_for(True, False)
                peer.send(data())
                assert waiter.result()
                assert assoc.dimse.threads == [assoc.ident, waiter.ident]
            assoc.dul.tell_watcher()
            waits.wait_for(True, False)
            peer.send(data())
            while len(assoc.dimse.taken) < 3:
                watcher.done.wait_for_looks(1)
            assert assoc.dimse.threads[2] == assoc.ident
            assert watcher.stop()

    @pytest.fixture
    def waiting(self, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Any, raw.Peer, Watcher]]:
        """Give an association, its peer and a watcher that waits while somebody else reads."""
        monkeypatch.setattr(provider, "WATCH_DELAY", 10 * PATIENCE)
        with established() as (assoc, peer):
            assert assoc.dul._last_turn > 0
            watcher = Watcher(assoc)
            watcher.done.wait_for_looks(2)
            yield assoc, peer, watcher

    def test_waits_while_others_read(self, waiting: tuple[Any, raw.Peer, Watcher]) -> None:
        assoc, peer, watcher = waiting
        peer.send(data())
        assoc.wait_for(lambda: assoc.dimse.taken)
        assert assoc.dimse.threads == [threading.get_ident()]
        assert watcher.stop()

    def test_end_while_others_read(self, waiting: tuple[Any, raw.Peer, Watcher]) -> None:
        assoc, peer, watcher = waiting
        aborted(assoc, peer)
        assoc.dul.kill_dul()
        assert watcher.result()

    def test_is_told_of_what_others_read(self, waiting: tuple[Any, raw.Peer, Watcher]) -> None:
        assoc, peer, watcher = waiting
        watcher.done.add(assoc.dul.peek_next_pdu)
        peer.send(RELEASE_RQ)
        assoc.wait_for(assoc.dul.peek_next_pdu)
        assert watcher.result()

    def test_peer_ends_it(self) -> None:
        with established() as (assoc, peer):
            watcher = Watcher(assoc)
            peer.send(USER_ABORT)
            assert watcher.result()
            assert assoc.primitives() == [A_ABORT]

    def test_release_is_something_to_do(self) -> None:
        with established() as (assoc, peer):
            peer.send(RELEASE_RQ)
            assert assoc.dul.watch(assoc.dul.peek_next_pdu)
            assert assoc.primitives() == [A_RELEASE]

    def test_silence(self) -> None:
        with established(network_timeout=SOON) as (assoc, _):
            assert not Watcher(assoc).result()
            assert assoc.dul.idle_timer_expired()

    def test_silence_that_does_not_matter(self) -> None:
        with established(network_timeout=SOON) as (assoc, peer):
            watcher = Watcher(assoc, may_idle=True)
            watcher.done.wait_for_looks(2)
            assert not assoc.dul.wait_until(lambda: False, monotonic() + 2 * SOON)
            peer.close()
            assert watcher.result()

    def test_large_buffer_is_given_back(self) -> None:
        with established() as (assoc, peer):
            sending = Background(peer.send, *large())
            assoc.wait_for(lambda: assoc.dimse.length() == LARGE)
            sending.result()
            layer = assoc.dul.upper_layer
            assert layer.has_large_buffer
            watcher = Watcher(assoc)
            while layer.has_large_buffer:
                watcher.done.wait_for_looks(1)
            assert watcher.stop()
            peer.send(data())
            assoc.wait_for(lambda: assoc.dimse.length() > LARGE)

    def test_idle_is_who_neither_sends_nor_receives_nor_asks(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        now = 1000.0
        monkeypatch.setattr(provider, "monotonic", lambda: now)
        with established() as (assoc, peer):
            assert not assoc.dul.idle_timer_expired()
            assoc.network_timeout = 60.0
            assert not assoc.dul.idle_timer_expired()
            now = 1060.0
            assert assoc.dul.idle_timer_expired()
            assoc.dul.send_p_data([data()])
            assert not assoc.dul.idle_timer_expired()
            now = 1120.0
            assert assoc.dul.idle_timer_expired()
            looks = iter([False])
            assert assoc.dul.wait_until(lambda: next(looks, True), None)
            assert not assoc.dul.idle_timer_expired()
            now = 1180.0
            assert assoc.dul.idle_timer_expired()
            assoc.ident = threading.get_ident()  # who has not asked for anything
            peer.send(data())
            assert assoc.dul.wait_until(lambda: assoc.dimse.taken, None)
            assert not assoc.dul.idle_timer_expired()


class TestDeadlines:
    def test_no_request_in_time(self) -> None:
        with accepted(acse_timeout=SOON) as (assoc, peer):
            assoc.wait_for(lambda: assoc.dul.is_closed)
            peer.expect_closed()

    def test_pdu_not_complete_in_time(self) -> None:
        with established(network_timeout=SOON, close_timeout=SOON) as (assoc, peer):
            peer.send(data()[:-1])
            assoc.wait_for(lambda: assoc.dul.is_closed)
            assert peer.expect_abort() == (2, 0)
            peer.expect_closed()
            assert assoc.primitives() == [A_P_ABORT]
            assert "PDU not complete" in assoc.faults[0]

    def test_time_in_which_nobody_reads_does_not_count(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        now = 1000.0
        monkeypatch.setattr(provider, "monotonic", lambda: now)
        with established(network_timeout=60.0) as (assoc, peer):
            peer.send(data()[:-1])
            assert assoc.dul.wait_until(lambda: assoc.dul.upper_layer.in_pdu, None)
            now = 1070.0  # by a handler, for example
            assoc.dul.pump()
            assert assoc.dul.state_machine.current_state == "Sta6"
            peer.send(data()[-1:])
            assert assoc.dul.wait_until(lambda: assoc.dimse.taken, None)

    @pytest.mark.parametrize("acse_timeout", [SOON, PATIENCE])
    def test_peer_does_not_close(self, acse_timeout: float) -> None:
        times = {"acse_timeout": acse_timeout, "close_timeout": PATIENCE + SOON - acse_timeout}
        with established(**times) as (assoc, peer):
            aborted(assoc, peer)
            assoc.wait_for(lambda: assoc.dul.is_closed)

    def test_deadline_that_comes_up_while_another_thread_reads(self) -> None:
        with established(close_timeout=SOON) as (assoc, peer):
            reader = Waiter(assoc, lambda: assoc.dul.is_closed)
            aborted(assoc, peer)
            assert reader.result()

    def test_network_timeout_that_is_changed(self) -> None:
        with established(close_timeout=SOON) as (assoc, peer):
            peer.send(data()[:-1])
            reader = Waiter(assoc, lambda: assoc.dul.is_closed)
            assoc.network_timeout = SOON
            assoc.dul.wake()
            assert reader.result()
            assert peer.expect_abort() == (2, 0)


class TestSending:
    def test_state_must_allow_it(self) -> None:
        with requesting() as (assoc, _):
            with pytest.raises(UpperLayerError):
                assoc.dul.send_p_data([data()])
            with pytest.raises(UpperLayerError):
                assoc.dul.send_pdu(release())

    def test_nothing_is_sent_without_a_connection(self) -> None:
        assoc = Association()
        assoc.dul.send_pdu(request())
        assert assoc.dul.state_machine.current_state == "Sta4"

    def test_peer_that_does_not_read(self, caplog: pytest.LogCaptureFixture) -> None:
        with established(is_narrow=True, network_timeout=SOON) as (assoc, _):
            assoc.note(evt.EVT_CONN_CLOSE)
            assoc.dul.send_p_data(large())
            assert assoc.dul.is_closed
            assert "has not read" in caplog.text
            assert assoc.primitives() == [A_P_ABORT]
            assert close_count(assoc) == 1
            with pytest.raises(UpperLayerError):
                assoc.dul.send_p_data(large())

    def test_peer_that_reads_later(self) -> None:
        with established(is_narrow=True) as (assoc, peer):
            waits = Waits(assoc)
            sending = Background(assoc.dul.send_p_data, large())
            waits.wait_for(True, True)
            assert len(peer._read(LARGE_LENGTH)) == LARGE_LENGTH
            sending.result()
            assert not assoc.dul.is_closed

    def test_signal_handler_that_interrupts_sending(self) -> None:
        with established() as (assoc, peer):
            with assoc.dul._io:  # of this thread, which a signal handler of Python runs in
                assoc.dul.send_pdu(release())
                assoc.dul.send_pdu(abort())
                assoc.dul.send_pdu(abort())
            assoc.dul.send_p_data([data()])
            peer.expect(raw.P_DATA_TF)
            peer.expect(raw.RELEASE_RQ)
            assert peer.expect_abort() == (0, 0)

    def test_both_send_at_once(self) -> None:
        """Neither reads before it has sent everything, except for who sends here."""

        def send_and_read(peer: raw.Peer) -> bytes:
            peer.send(*large(b"p"))
            return peer._read(LARGE_LENGTH)

        with established(is_narrow=True) as (assoc, peer):
            other = Background(send_and_read, peer)
            assoc.dul.send_p_data(large(b"a"))
            assert other.result() == b"".join(large(b"a"))
            assoc.wait_for(lambda: assoc.dimse.length() == LARGE)

    def test_while_another_thread_reads(self) -> None:
        with established(is_narrow=True) as (assoc, peer):
            reader = Waiter(assoc, lambda: assoc.dimse.taken)
            waits = Waits(assoc)
            sending = Background(assoc.dul.send_p_data, large())
            waits.wait_for(False, True)
            assert len(peer._read(LARGE_LENGTH)) == LARGE_LENGTH
            sending.result()
            peer.send(data())
            assert reader.result()

    def test_who_sends_reads_when_the_reader_has_left(self) -> None:
        with established(is_narrow=True) as (assoc, peer):
            reader = Waiter(assoc, lambda: assoc.dimse.count(3))
            waits = Waits(assoc)
            sending = Background(assoc.dul.send_p_data, large())
            waits.wait_for(False, True)
            peer.send(data(3))
            assert reader.result()
            peer.send(*large())
            assert len(peer._read(LARGE_LENGTH)) == LARGE_LENGTH
            sending.result()

    def test_abort_while_it_does_not_go_on(self) -> None:
        with established(is_narrow=True, close_timeout=SOON) as (assoc, _):
            waits = Waits(assoc)
            sending = Background(assoc.dul.send_p_data, large())
            waits.wait_for(True, True)
            assoc.dul.send_pdu(abort())
            sending.result()
            assert assoc.dul.is_closed

    def test_pdus_of_many_threads_stay_whole(self) -> None:
        rounds, size = 40, 3000

        def send_encoded(assoc: Association, number: int) -> None:
            content = bytes((number,)) * size
            for _ in range(rounds):
                assoc.dul.send_p_data(p_data_buffers(number, False, content, 1000))

        def send_primitives(assoc: Association, number: int) -> None:
            for _ in range(rounds):
                assoc.dul.send_pdu(p_data((number, raw.LAST, bytes((number,)) * size)))

        def read(peer: raw.Peer) -> list[tuple[int, bytes]]:
            messages = []
            whole = b""
            while len(messages) < 4 * rounds:
                body = peer.expect(raw.P_DATA_TF)
                assert body[:4] == (len(body) - 4).to_bytes(4, "big")
                whole += body[6:]
                if body[5] & raw.LAST:
                    messages.append((body[4], whole))
                    whole = b""
            return messages

        with established(is_narrow=True) as (assoc, peer):
            reading = Background(read, peer)
            calls = [
                partial(send_encoded, assoc, 1),
                partial(send_encoded, assoc, 3),
                partial(send_primitives, assoc, 5),
                partial(send_primitives, assoc, 7),
            ]
            for thread in [Background(call) for call in calls]:
                thread.result()
            # PDUs of send_pdu() wait for room with who reads
            watcher = Watcher(assoc)
            expected = {(number, bytes((number,)) * size): rounds for number in (1, 3, 5, 7)}
            assert Counter(reading.result()) == expected
            assert watcher.stop()


class TestRoom:
    """Back-pressure: P-DATA waits where it is as long as there is no room for it."""

    def test_waits(self) -> None:
        with established() as (assoc, peer):
            assoc.dimse.room = 2
            peer.send(data(count=5), RELEASE_RQ)
            assoc.wait_for(lambda: len(assoc.dimse.taken) == 2)
            assert not assoc.dul.wait_until(lambda: False, monotonic() + SOON)
            assert len(assoc.dimse.taken) == 2
            assert assoc.dul.peek_next_pdu() is None
            assoc.dimse.room = 1
            assoc.wait_for(lambda: len(assoc.dimse.taken) == 3)
            assoc.dimse.room = 2
            assert isinstance(assoc.next_primitive(), A_RELEASE)
            assert len(assoc.dimse.taken) == 5

    def test_who_waits_for_room_is_told(self) -> None:
        with established() as (assoc, peer):
            assoc.dimse.room = 1
            waits = waits_for_news(assoc)
            waiter = Waiter(assoc, lambda: len(assoc.dimse.taken) == 3)
            peer.send(data(count=3))
            assert waits.wait(PATIENCE)
            assoc.dimse.room = 2
            assoc.dul.tell_callers()
            assert waiter.result()

    def test_room_that_comes_before_one_begins_to_wait(self) -> None:
        with established() as (assoc, peer):
            answers = iter([False, False])
            assoc.dimse.has_room = lambda: next(answers, True)  # type: ignore[method-assign]
            peer.send(data())
            assert assoc.dul.wait_until(lambda: assoc.dimse.taken, None)

    def test_nothing_more_is_read(self) -> None:
        with established() as (assoc, peer):
            waits = Waits(assoc)
            assoc.dimse.room = 0
            peer.send(data())
            assert not assoc.dul.wait_until(lambda: False, monotonic() + SOON)
            peer.send(data())
            assert not assoc.dul.wait_until(lambda: False, monotonic() + SOON)
            assert waits._queue.qsize() == 1

    def test_abort_does_not_wait(self) -> None:
        with established(close_timeout=SOON) as (assoc, peer):
            assoc.dimse.room = 1
            waits = waits_for_news(assoc)
            waiter = Waiter(assoc, lambda: assoc.dul.is_closed)
            peer.send(data(count=3))
            assert waits.wait(PATIENCE)
            aborted(assoc, peer)
            assert waiter.result()

    def test_lost_connection_does_not_wait(self) -> None:
        with established() as (assoc, peer):
            assoc.dimse.room = 1
            waits = waits_for_news(assoc)
            waiter = Waiter(assoc)
            peer.send(data(count=3))
            assert waits.wait(PATIENCE)
            assoc.dul.lose_connection()
            assert not waiter.result()
            assert len(assoc.dimse.taken) == 3
            assert assoc.primitives() == [A_P_ABORT]

    def test_sending_goes_on(self) -> None:
        with established(is_narrow=True) as (assoc, peer):
            assoc.dimse.room = 1
            peer.send(data(count=3))
            assoc.wait_for(lambda: assoc.dimse.taken)
            waits = Waits(assoc)
            sending = Background(assoc.dul.send_p_data, large())
            waits.wait_for(False, True)
            assert len(peer._read(LARGE_LENGTH)) == LARGE_LENGTH
            sending.result()
            assert len(assoc.dimse.taken) == 1


RECEIVED = [evt.EVT_DATA_RECV, evt.EVT_PDU_RECV, evt.EVT_FSM_TRANSITION]
SENT = [evt.EVT_DATA_SENT, evt.EVT_PDU_SENT, evt.EVT_FSM_TRANSITION]


class TestEvents:
    def test_order_and_content(self) -> None:
        assoc = Association()
        assoc.note(*RECEIVED, *SENT[:2], evt.EVT_CONN_OPEN, evt.EVT_CONN_CLOSE)
        with listening() as listener:
            assoc.dul._prepare()
            assoc.dul.send_pdu(request())
            assoc.dul.connect(address_of(listener), None, None)
            with raw.Peer(listener.accept()[0]) as peer:
                peer.accept()
                assoc.next_primitive()
                assoc.is_established = True
                assoc.dul.send_p_data([data()])
                peer.send(data())
                assoc.wait_for(lambda: assoc.dimse.taken)
                assoc.dul.send_pdu(release())
                peer.expect(raw.P_DATA_TF)
                peer.expect(raw.RELEASE_RQ)
                peer.send(RELEASE_RP)
                assoc.next_primitive()
        sent, received = ["DATA_SENT", "PDU_SENT"], ["DATA_RECV", "PDU_RECV"]
        expected = [
            *["AE-1", "CONN_OPEN", "AE-2", *sent, *received, "AE-3"],
            *["DT-1", *sent, *received, "DT-2"],
            *["AR-1", *sent, *received, "AR-3", "CONN_CLOSE"],
        ]
        assert [
            getattr(event, "action", event.event.name.removeprefix("EVT_"))
            for event in assoc.events
        ] == expected
        first = assoc.events[0]
        assert (first.current_state, first.fsm_event, first.next_state) == ("Sta1", "Evt1", "Sta4")
        encoded = [event.data for event in assoc.events if hasattr(event, "data")]
        assert [event.pdu.encode() for event in assoc.events if hasattr(event, "pdu")] == encoded

    @pytest.mark.parametrize("event", RECEIVED, ids=str)
    def test_handler_may_abort_when_something_is_received(self, event: Any) -> None:
        def handle(event: evt.Event) -> None:
            assoc.unbind(event.event, handle)
            assoc.dul.send_pdu(abort())

        with established() as (assoc, peer):
            assoc.bind(event, handle)
            peer.send(data())
            assoc.wait_for(lambda: assoc.dul.state_machine.current_state == "Sta13")
            assert peer.expect_abort() == (0, 0)

    @pytest.mark.parametrize("event", SENT, ids=str)
    def test_handler_may_abort_when_something_is_sent(self, event: Any) -> None:
        def handle(event: evt.Event) -> None:
            assoc.unbind(event.event, handle)
            assoc.dul.send_pdu(abort())

        with established() as (assoc, peer):
            assoc.bind(event, handle)
            assoc.dul.send_p_data([data()])
            peer.expect(raw.P_DATA_TF)
            assert peer.expect_abort() == (0, 0)

    def test_handler_may_close_the_connection(self) -> None:
        with established() as (assoc, peer):
            assoc.note(evt.EVT_CONN_CLOSE)
            assoc.bind(evt.EVT_PDU_RECV, lambda event: assoc.dul.kill_dul())
            peer.send(data())
            assoc.wait_for(lambda: assoc.dul.is_closed)
            assert assoc.primitives() == [A_P_ABORT]
            assert close_count(assoc) == 1

    def test_observers_are_those_that_are_bound(self) -> None:
        callables = {
            evt.EVT_DATA_RECV: "on_data_received",
            evt.EVT_DATA_SENT: "on_data_sent",
            evt.EVT_PDU_RECV: "on_pdu_received",
            evt.EVT_PDU_SENT: "on_pdu_sent",
            evt.EVT_FSM_TRANSITION: "on_transition",
        }
        assoc = Association()
        for event, name in callables.items():
            assert getattr(assoc.dul.upper_layer, name) is None
            assoc.bind(event, print)
            assoc.dul._prepare()  # which begins anew
            assert getattr(assoc.dul.upper_layer, name) is not None
            assoc.unbind(event, print)
            assert getattr(assoc.dul.upper_layer, name) is None

    def test_observers_do_not_change_while_they_are_called(self) -> None:
        assoc = Association()
        assoc.dul._prepare()
        was_locked = []

        def is_bound(event: Any) -> bool:
            was_locked.append(assoc.dul._has_interrupted_io())
            return True

        assoc._is_bound = is_bound  # type: ignore[method-assign]
        assoc.dul.update_observers()
        assert was_locked == [True] * 5

    def test_notice_that_another_thread_takes_meanwhile(self) -> None:
        class Emptied(deque[Any]):
            def __bool__(self) -> bool:
                return True

        assoc = Association()
        assoc.dul._notices = Emptied()
        assoc.dul.send_pdu(request())
        assert assoc.dul.state_machine.current_state == "Sta4"
