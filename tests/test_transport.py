"""Tests of connections, on real sockets; :mod:`tests.test_transport_server` has the servers."""

import array
import errno
import fcntl
import gc
import os
import queue
import select
import socket
import ssl
import sys
import termios
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from pynetdicom.transport import (
    AddressInformation,
    AssociationSocket,
    connection,
    looks_like_tls,
)
from pynetdicom.transport.waiting import (
    POLLIN,
    POLLOUT,
    Deadline,
    SelectPoll,
    WakeUp,
    milliseconds,
)
from tests.support import tls
from tests.support.peers import reserve_port, run_program
from tests.support.sockets import (
    HOST,
    PATIENCE,
    Background,
    listening,
    receive,
    reset,
    tcp_pair,
    unresponsive,
)

READABLE = (True, False, False)
WRITABLE = (False, True, False)
WOKEN = (False, False, True)
NOTHING = (False, False, False)
CLOSED = (True, False, True)

A_ABORT = bytes.fromhex("07000000000400000201")
A_ASSOCIATE_RQ = bytes.fromhex("0100000000440001")  # the first bytes of one
CLIENT_HELLO = bytes.fromhex("16030100fa010000f6")  # the first bytes of one


@pytest.fixture(params=["native", "portable"])
def system(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run a test with what Linux has, and with nothing that Windows does not have."""
    if request.param == "portable":
        monkeypatch.delattr(select, "poll", raising=False)
        monkeypatch.delattr(os, "eventfd", raising=False)
        monkeypatch.setattr(connection, "_HAS_SENDMSG", False)
        monkeypatch.setattr(connection, "_QUICK_ACK", None)


@pytest.fixture
def sockets() -> Iterator[Callable[..., AssociationSocket]]:
    """Make AssociationSockets that are closed at the end."""
    made = []

    def make(client_socket: socket.socket | None = None, **kwargs: Any) -> AssociationSocket:
        made.append(AssociationSocket(None, client_socket, **kwargs))  # type: ignore[arg-type]
        return made[-1]

    yield make
    for sock in made:
        sock.close()


@pytest.fixture
def ends(
    sockets: Callable[..., AssociationSocket],
) -> Iterator[tuple[AssociationSocket, socket.socket]]:
    """Give a connection: our end and the peer's."""
    with tcp_pair() as (ours, theirs):
        yield sockets(ours), theirs


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> "queue.Queue[None]":
    """Get an item for each wait that begins; it is about to be, or is, in the system call."""
    begun: queue.Queue[None] = queue.Queue()

    class Poll:
        def __init__(self) -> None:
            self._poll = select.poll()
            self.register, self.modify = self._poll.register, self._poll.modify

        def poll(self, timeout: float | None) -> list[tuple[int, int]]:
            begun.put(None)
            return self._poll.poll(timeout)

    monkeypatch.setattr(connection, "new_poll", Poll)
    return begun


def information(address: tuple[Any, ...]) -> AddressInformation:
    return AddressInformation.from_tuple(address)


def waiting_bytes(conn: AssociationSocket) -> int:
    """Return how many bytes, as they were sent, wait to be read."""
    assert conn.socket is not None
    count = array.array("i", [0])
    fcntl.ioctl(conn.socket.fileno(), termios.FIONREAD, count)
    return count[0]


def send_all(conn: AssociationSocket, data: bytes) -> None:
    """Send everything, waiting where it has to be."""
    view = memoryview(data)
    while view:
        view = view[conn.send([view]) :]
        if view:
            assert conn.wait(False, True, PATIENCE) != NOTHING


def receive_all(conn: AssociationSocket, length: int) -> bytes:
    """Receive so many bytes, or less if the connection ends before."""
    data = bytearray(length)
    view = memoryview(data)
    while view:
        received = conn.recv_into(view)
        if received == 0:
            break
        if received is None:
            assert conn.wait(True, False, PATIENCE) != NOTHING
        else:
            view = view[received:]
    return bytes(data[: length - len(view)])


class TestWakeUp:
    pytestmark = pytest.mark.usefixtures("system")

    @pytest.fixture
    def wake_up(self) -> Iterator[WakeUp]:
        wake_up = WakeUp()
        yield wake_up
        wake_up.close()

    @staticmethod
    def is_set(wake_up: WakeUp) -> bool:
        return bool(select.select([wake_up.fileno()], [], [], 0)[0])

    def test_set_and_clear(self, wake_up: WakeUp) -> None:
        assert not self.is_set(wake_up)
        wake_up.set()
        assert self.is_set(wake_up)
        wake_up.set()
        wake_up.clear()
        assert not self.is_set(wake_up)
        wake_up.clear()
        wake_up.set()
        assert self.is_set(wake_up)

    def test_set_before_there_is_a_descriptor(self, wake_up: WakeUp) -> None:
        wake_up.set()
        assert self.is_set(wake_up)

    def test_set_and_clear_before_there_is_a_descriptor(self, wake_up: WakeUp) -> None:
        wake_up.set()
        wake_up.clear()
        assert not self.is_set(wake_up)

    def test_nothing_happens_after_close(self, wake_up: WakeUp) -> None:
        descriptor = wake_up.fileno()
        wake_up.close()
        wake_up.set()
        wake_up.clear()
        wake_up.close()
        assert wake_up.fileno() == -1
        with pytest.raises(OSError, match="Bad file descriptor"):
            os.fstat(descriptor)

    def test_close_without_a_descriptor(self, wake_up: WakeUp) -> None:
        wake_up.close()
        assert wake_up.fileno() == -1

    def test_is_closed_with_its_owner(self) -> None:
        wake_up = WakeUp()
        descriptor = wake_up.fileno()
        del wake_up
        gc.collect()
        with pytest.raises(OSError, match="Bad file descriptor"):
            os.fstat(descriptor)


class TestSelectPoll:
    def test_readable_and_writable(self) -> None:
        with tcp_pair() as (ours, theirs):
            poll = SelectPoll()
            poll.register(ours.fileno(), POLLIN | POLLOUT)
            assert poll.poll(0) == [(ours.fileno(), POLLOUT)]
            theirs.sendall(b"x")
            poll.modify(ours.fileno(), POLLIN)
            assert poll.poll() == [(ours.fileno(), POLLIN)]
            poll.modify(ours.fileno(), POLLIN | POLLOUT)
            assert poll.poll() == [(ours.fileno(), POLLIN | POLLOUT)]

    def test_timeout(self) -> None:
        with tcp_pair() as (ours, _):
            poll = SelectPoll()
            poll.register(ours.fileno(), POLLIN)
            assert poll.poll(1) == []


class TestTime:
    def test_milliseconds(self) -> None:
        assert milliseconds(None) is None
        assert milliseconds(1.5) == 1500
        assert milliseconds(0) == milliseconds(-1) == 0

    def test_no_timeout_is_too_long(self) -> None:
        poll = select.poll()
        poll.register(1, 0)
        with tcp_pair() as (ours, theirs):
            theirs.sendall(b"x")
            poll.register(ours.fileno(), POLLIN)
            assert poll.poll(milliseconds(1e12)) == [(ours.fileno(), POLLIN)]

    def test_deadline(self) -> None:
        left = Deadline(1000).remaining("this")
        assert left is not None
        assert 0 < left <= 1000

    def test_no_deadline(self) -> None:
        assert Deadline(None).remaining("this") is None

    def test_deadline_missed(self) -> None:
        with pytest.raises(TimeoutError, match=r"this timed out after 0 s") as info:
            Deadline(0).remaining("this")
        assert info.value.errno == errno.ETIMEDOUT


class TestLooksLikeTLS:
    @pytest.mark.parametrize("data", [CLIENT_HELLO, b"\x16", b"\x15\x03\x03", b"\x14\x03"])
    def test_tls(self, data: bytes) -> None:
        assert looks_like_tls(data)
        assert looks_like_tls(memoryview(data))

    @pytest.mark.parametrize("data", [A_ABORT, A_ASSOCIATE_RQ, b"GET /", b"\x16\x00", b"\x18\x03"])
    def test_not_tls(self, data: bytes) -> None:
        assert not looks_like_tls(data)


@pytest.mark.usefixtures("system")
class TestConnect:
    def test_connects(self, sockets: Callable[..., AssociationSocket]) -> None:
        with listening() as listener:
            conn = sockets()
            assert conn.socket is None
            assert str(conn) == "not connected"
            conn.connect(information(listener.getsockname()), PATIENCE)
            accepted, address = listener.accept()
            with accepted:
                assert conn.getsockname() == address
                assert conn.getpeername() == listener.getsockname()
                assert str(conn) == f"{HOST}:{address[1]} to {HOST}:{listener.getsockname()[1]}"
                conn.send([b"a", b"bc"])
                assert receive(accepted, 3) == b"abc"

    def test_options(self, sockets: Callable[..., AssociationSocket]) -> None:
        with listening() as listener:
            conn = sockets()
            conn.connect(information(listener.getsockname()))
            with listener.accept()[0] as accepted:
                for sock in (conn.socket, sockets(accepted).socket):
                    assert sock is not None
                    assert sock.gettimeout() == 0
                    assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)

    def test_ipv6(self, sockets: Callable[..., AssociationSocket]) -> None:
        with listening("::1") as listener:
            conn = sockets()
            conn.connect(information(listener.getsockname()), PATIENCE)
            with listener.accept()[0]:
                assert conn.getpeername() == listener.getsockname()

    @pytest.mark.parametrize(("host", "listens"), [("", HOST), ("::", "::1")])
    def test_this_host(
        self, sockets: Callable[..., AssociationSocket], host: str, listens: str
    ) -> None:
        with listening(listens) as listener:
            sockets().connect(AddressInformation(host, listener.getsockname()[1]), PATIENCE)
            listener.accept()[0].close()

    def test_from_address(self, sockets: Callable[..., AssociationSocket]) -> None:
        with listening() as listener:
            target = information(listener.getsockname())
            sockets().connect(target, bind_address=AddressInformation("127.0.0.2", 0))
            sockets(address=AddressInformation("127.0.0.3", 0)).connect(target)
            for host in ("127.0.0.2", "127.0.0.3"):
                accepted, address = listener.accept()
                accepted.close()
                assert address[0] == host

    def test_from_any_address(self, sockets: Callable[..., AssociationSocket]) -> None:
        with listening("::1") as listener:
            target = information(listener.getsockname())
            sockets().connect(target, bind_address=AddressInformation("", 0))
            listener.accept()[0].close()

    def test_from_port(self, sockets: Callable[..., AssociationSocket]) -> None:
        with listening() as listener, reserve_port() as port:
            target = information(listener.getsockname())
            sockets().connect(target, bind_address=AddressInformation("", port))
            accepted, address = listener.accept()
            accepted.close()
            assert address == (HOST, port)

    def test_from_another_hosts_address(self, sockets: Callable[..., AssociationSocket]) -> None:
        with listening() as listener:
            target = information(listener.getsockname())
            other = AddressInformation("192.0.2.1", 0)
            with pytest.raises(OSError, match=r"cannot connect from 192\.0\.2\.1:0: ") as info:
                sockets().connect(target, bind_address=other)
        assert info.value.errno == errno.EADDRNOTAVAIL

    def test_refused(self, sockets: Callable[..., AssociationSocket]) -> None:
        with reserve_port() as port:
            conn = sockets()
            with pytest.raises(ConnectionRefusedError, match=f"{HOST}:{port} was refused"):
                conn.connect(AddressInformation(HOST, port), PATIENCE)
            assert conn.getpeername() == (HOST, port)
            assert conn.socket is not None
            assert conn.socket.fileno() == -1

    @pytest.mark.parametrize(
        ("error", "words"),
        [
            (errno.EHOSTUNREACH, "failed: the host is unreachable"),
            (errno.ENETUNREACH, "failed: the network is unreachable"),
            (errno.ETIMEDOUT, "timed out: the system gave up"),
            (errno.EACCES, "failed: Permission denied"),
        ],
    )
    def test_failure_in_words(
        self,
        sockets: Callable[..., AssociationSocket],
        monkeypatch: pytest.MonkeyPatch,
        error: int,
        words: str,
    ) -> None:
        monkeypatch.setattr(socket.socket, "connect_ex", lambda sock, address: error)
        with pytest.raises(OSError, match=f"192.0.2.1:104 {words}") as info:
            sockets().connect(AddressInformation("192.0.2.1", 104))
        assert info.value.errno == error

    def test_timeout(self, sockets: Callable[..., AssociationSocket]) -> None:
        with unresponsive() as address, pytest.raises(TimeoutError, match=r"after 0\.05 s") as info:
            sockets().connect(information(address), 0.05)
        assert f"the connection to {HOST}:{address[1]} timed out" in str(info.value)

    def test_once_only(self, sockets: Callable[..., AssociationSocket]) -> None:
        with listening() as listener:
            conn = sockets()
            conn.connect(information(listener.getsockname()))
            with pytest.raises(RuntimeError, match="one connection only"):
                conn.connect(information(listener.getsockname()))
            listener.accept()[0].close()

    def test_closed_before(self, sockets: Callable[..., AssociationSocket]) -> None:
        with listening() as listener:
            conn = sockets()
            conn.close()
            with pytest.raises(ConnectionAbortedError, match="closed by this side"):
                conn.connect(information(listener.getsockname()))


class TestConnectInterrupted:
    def test_closed_meanwhile(
        self, sockets: Callable[..., AssociationSocket], waits: "queue.Queue[None]"
    ) -> None:
        with unresponsive() as address:
            conn = sockets()
            call = Background(conn.connect, information(address), PATIENCE)
            waits.get(timeout=PATIENCE)
            conn.close()
            with pytest.raises(ConnectionAbortedError, match="closed by this side"):
                call.result()
            assert conn.socket is not None
            assert conn.socket.fileno() == -1

    def test_closed_when_just_connected(
        self, sockets: Callable[..., AssociationSocket], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with unresponsive() as address:
            conn = sockets()

            def wait(*args: object) -> tuple[bool, bool, bool]:
                conn.close()
                return WRITABLE

            monkeypatch.setattr(conn, "wait", wait)
            with pytest.raises(ConnectionAbortedError, match="closed by this side"):
                conn.connect(information(address), PATIENCE)

    def test_wake_up_is_not_lost(
        self, sockets: Callable[..., AssociationSocket], waits: "queue.Queue[None]"
    ) -> None:
        with listening(backlog=0) as listener, ExitStack() as others:
            full = [others.enter_context(socket.socket()) for _ in range(16)]
            for sock in full:
                sock.setblocking(False)
                sock.connect_ex(listener.getsockname())
            conn = sockets()
            call = Background(conn.connect, information(listener.getsockname()), PATIENCE)
            waits.get(timeout=PATIENCE)
            conn.wake()
            waits.get(timeout=PATIENCE)  # woken, and waits again
            addresses = [sock.getsockname() for sock in full]
            for sock in full:
                reset(sock)
            address = addresses[0]
            while address in addresses:
                accepted, address = listener.accept()
                others.enter_context(accepted)
            call.result()
            assert conn.wait(True, False, 0)[2]


@pytest.mark.usefixtures("system")
class TestReadAndWrite:
    def test_nothing_to_read(self, ends: tuple[AssociationSocket, socket.socket]) -> None:
        conn, _ = ends
        assert conn.recv_into(memoryview(bytearray(10))) is None
        with pytest.raises(BlockingIOError):
            conn.recv(10)

    def test_read(self, ends: tuple[AssociationSocket, socket.socket]) -> None:
        conn, theirs = ends
        theirs.sendall(b"abcdef")
        assert conn.wait(True, False, PATIENCE) == READABLE
        buffer = bytearray(10)
        assert conn.recv_into(memoryview(buffer)[2:6]) == 4
        assert buffer == b"\0\0abcd\0\0\0\0"
        assert conn.recv(10) == b"ef"

    def test_end(self, ends: tuple[AssociationSocket, socket.socket]) -> None:
        conn, theirs = ends
        theirs.close()
        assert conn.wait(True, False, PATIENCE) == READABLE
        assert conn.recv_into(memoryview(bytearray(10))) == 0
        assert conn.recv(10) == b""

    def test_reset(self, ends: tuple[AssociationSocket, socket.socket]) -> None:
        conn, theirs = ends
        reset(theirs)
        assert conn.wait(True, False, PATIENCE)[0]
        with pytest.raises(ConnectionResetError):
            conn.recv_into(memoryview(bytearray(10)))

    def test_write_after_reset(self, ends: tuple[AssociationSocket, socket.socket]) -> None:
        conn, theirs = ends
        reset(theirs)
        assert conn.wait(True, False, PATIENCE)[0]
        with pytest.raises(ConnectionError):
            conn.send([b"x"])

    def test_gathered_write(self, ends: tuple[AssociationSocket, socket.socket]) -> None:
        conn, theirs = ends
        data = bytes(range(200))
        assert conn.send([data[:6], memoryview(data)[6:150], bytearray(data[150:])]) == 200
        assert receive(theirs, 200) == data

    def test_more_to_follow(self, ends: tuple[AssociationSocket, socket.socket]) -> None:
        conn, theirs = ends
        flags = []

        class Recorder:
            def sendmsg(self, buffers: Any, ancillary: Any, flag: int) -> int:
                flags.append(flag)
                return real.sendmsg(buffers, ancillary, flag)

            def send(self, data: bytes) -> int:
                flags.append(None)  # without gathered writes the system is not told
                return real.send(data)

        real, conn.socket = conn.socket, Recorder()
        conn.send([b"first "], True)
        conn.send([b"last"])
        conn.socket = real
        assert flags in ([getattr(socket, "MSG_MORE", 0), 0], [None, None])
        assert receive(theirs, 10) == b"first last"

    def test_nothing_to_write(self, ends: tuple[AssociationSocket, socket.socket]) -> None:
        conn, _ = ends
        assert conn.send([]) == 0
        assert conn.send([b"", b""]) == 0

    def test_more_buffers_than_a_call_takes(
        self, ends: tuple[AssociationSocket, socket.socket]
    ) -> None:
        conn, theirs = ends
        buffers = [bytes([n % 251]) * 3 for n in range(2500)]
        data = b"".join(buffers)
        sent = conn.send(buffers)
        assert sent >= 3 * 1024
        send_all(conn, data[sent:])
        assert receive(theirs, len(data)) == data

    def test_partial_write(self, ends: tuple[AssociationSocket, socket.socket]) -> None:
        conn, theirs = ends
        data = os.urandom(1 << 20) * 16
        sent = 0
        while taken := conn.send([memoryview(data)[sent : sent + (1 << 20)]]):
            sent += taken
        assert sent < len(data)
        assert conn.wait(False, True, 0) == NOTHING
        reader = Background(receive, theirs, len(data))
        send_all(conn, data[sent:])
        assert reader.result() == data

    def test_much_in_both_directions(self, ends: tuple[AssociationSocket, socket.socket]) -> None:
        conn, theirs = ends
        data = os.urandom(1 << 18) * 8
        sender, reader = Background(theirs.sendall, data), Background(receive, theirs, len(data))
        view, received = memoryview(data), bytearray()
        buffer = memoryview(bytearray(1 << 16))
        while view or len(received) < len(data):
            readable, writable, _ = conn.wait(True, bool(view), PATIENCE)
            assert readable or writable
            if readable:
                received += buffer[: conn.recv_into(buffer) or 0]
            if writable:
                view = view[conn.send([view]) :]
        sender.result()
        assert received == reader.result() == data

    def test_closed(self, ends: tuple[AssociationSocket, socket.socket]) -> None:
        conn, theirs = ends
        theirs.sendall(b"x")
        conn.close()
        assert conn.recv_into(memoryview(bytearray(10))) == 0
        with pytest.raises(ConnectionAbortedError, match="closed by this side"):
            conn.send([b"x"])
        conn.quick_ack()
        conn.shutdown_write()

    def test_not_connected(self, sockets: Callable[..., AssociationSocket]) -> None:
        conn = sockets()
        assert conn.recv_into(memoryview(bytearray(10))) == 0
        with pytest.raises(ConnectionAbortedError):
            conn.send([b"x"])
        assert conn.wait(True, False, PATIENCE) == CLOSED
        conn.quick_ack()
        conn.shutdown_write()

    def test_shutdown_write(self, ends: tuple[AssociationSocket, socket.socket]) -> None:
        conn, theirs = ends
        conn.send([b"last"])
        conn.shutdown_write()
        assert receive(theirs, 10) == b"last"
        theirs.sendall(b"answer")
        assert receive_all(conn, 6) == b"answer"
        with pytest.raises(OSError, match="pipe"):
            conn.send([b"more"])

    def test_shutdown_write_after_reset(
        self, ends: tuple[AssociationSocket, socket.socket]
    ) -> None:
        conn, theirs = ends
        reset(theirs)
        assert conn.wait(True, False, PATIENCE)[0]
        conn.shutdown_write()
        conn.shutdown_write()

    def test_quick_ack(self, ends: tuple[AssociationSocket, socket.socket]) -> None:
        conn, theirs = ends
        theirs.sendall(b"x")
        conn.quick_ack()
        assert receive_all(conn, 1) == b"x"


@pytest.mark.usefixtures("system")
class TestWait:
    def test_time_is_up(self, ends: tuple[AssociationSocket, socket.socket]) -> None:
        conn, _ = ends
        assert conn.wait(True, False, 0.001) == NOTHING
        assert conn.wait(True, False, 0) == NOTHING
        assert conn.wait(True, False, -1) == NOTHING

    def test_writable(self, ends: tuple[AssociationSocket, socket.socket]) -> None:
        conn, _ = ends
        assert conn.wait(False, True) == WRITABLE
        assert conn.wait(True, True) == WRITABLE

    def test_only_what_is_asked_for(self, ends: tuple[AssociationSocket, socket.socket]) -> None:
        conn, theirs = ends
        theirs.sendall(b"x")
        assert conn.wait(True, False, PATIENCE) == READABLE
        assert conn.wait(True, True) == (True, True, False)
        assert conn.wait(False, True) == WRITABLE
        assert conn.wait(False, False, 0) == NOTHING
        assert conn.wait() == READABLE

    def test_woken_before(self, ends: tuple[AssociationSocket, socket.socket]) -> None:
        conn, _ = ends
        conn.wake()
        conn.wake()
        assert conn.wait() == WOKEN
        assert conn.wait(True, False, 0) == NOTHING

    def test_woken_again(self, ends: tuple[AssociationSocket, socket.socket]) -> None:
        conn, _ = ends
        for _ in range(3):
            conn.wake()
            assert conn.wait() == WOKEN

    def test_woken_and_readable(self, ends: tuple[AssociationSocket, socket.socket]) -> None:
        conn, theirs = ends
        theirs.sendall(b"x")
        conn.wait()
        conn.wake()
        assert conn.wait() == (True, False, True)

    def test_woken_by_another_thread(self, ends: tuple[AssociationSocket, socket.socket]) -> None:
        conn, _ = ends
        call = Background(conn.wait, True, False, PATIENCE)
        conn.wake()
        assert call.result() == WOKEN

    def test_closed_before(self, ends: tuple[AssociationSocket, socket.socket]) -> None:
        conn, _ = ends
        conn.close()
        assert conn.wait() == CLOSED
        conn.wake()
        assert conn.wait() == CLOSED

    def test_ready(self, ends: tuple[AssociationSocket, socket.socket]) -> None:
        conn, theirs = ends
        assert not conn.ready
        theirs.sendall(b"x")
        conn.wait()
        assert conn.ready

    def test_quiet(self, ends: tuple[AssociationSocket, socket.socket]) -> None:
        """It is said only where it is certain: not before anybody waited, and not with TLS."""
        conn, theirs = ends
        is_plain = not isinstance(conn.socket, ssl.SSLSocket)
        assert not conn.ready
        assert conn.is_quiet() == is_plain
        conn.wake()
        assert not conn.is_quiet()
        assert conn.wait() == WOKEN
        assert conn.is_quiet() == is_plain
        theirs.sendall(b"x")
        conn.wait()
        assert not conn.is_quiet()
        conn.close()
        assert not conn.is_quiet()

    def test_ready_leaves_wake_ups_alone(
        self, ends: tuple[AssociationSocket, socket.socket]
    ) -> None:
        conn, _ = ends
        conn.wake()
        assert not conn.ready
        assert conn.wait() == WOKEN


class TestWaitInThreads:
    def test_not_quiet_while_others_wait(
        self, ends: tuple[AssociationSocket, socket.socket], waits: "queue.Queue[None]"
    ) -> None:
        conn, _ = ends
        assert not conn.ready
        waits.get(timeout=PATIENCE)
        waiting = Background(conn.wait, True, False, None)
        waits.get(timeout=PATIENCE)
        assert not conn.is_quiet()
        conn.wake()
        assert waiting.result() == WOKEN

    def test_closed_while_waiting(
        self, ends: tuple[AssociationSocket, socket.socket], waits: "queue.Queue[None]"
    ) -> None:
        conn, theirs = ends
        call = Background(conn.wait, True, False, None)
        waits.get(timeout=PATIENCE)
        assert conn.socket is not None
        descriptor = conn.socket.fileno()
        assert descriptor >= 0
        conn.close()
        readable, _, woken = call.result()
        assert readable or woken
        assert conn.recv_into(memoryview(bytearray(1))) == 0
        assert conn.socket.fileno() == -1
        assert theirs.recv(1) == b""

    def test_descriptor_is_kept_while_somebody_waits(
        self, ends: tuple[AssociationSocket, socket.socket], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        conn, _ = ends
        assert conn.socket is not None
        in_poll, go_on = threading.Event(), threading.Event()

        class Poll(SelectPoll):
            def poll(self, timeout: float | None = None) -> list[tuple[int, int]]:
                in_poll.set()
                go_on.wait(PATIENCE)
                return super().poll(timeout)

        monkeypatch.setattr(connection, "new_poll", Poll)
        call = Background(conn.wait, True, False, PATIENCE)
        assert in_poll.wait(PATIENCE)
        conn.close()
        assert conn.socket.fileno() >= 0
        go_on.set()
        call.result()
        assert conn.socket.fileno() == -1

    def test_closed_between_poll_and_return(
        self, ends: tuple[AssociationSocket, socket.socket], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        conn, _ = ends

        class Poll(SelectPoll):
            def poll(self, timeout: float | None = None) -> list[tuple[int, int]]:
                ready = super().poll(timeout)
                conn.close()
                return ready

        monkeypatch.setattr(connection, "new_poll", Poll)
        assert conn.wait(False, True, PATIENCE) == (True, True, False)  # its end can be read
        assert conn.socket is not None
        assert conn.socket.fileno() == -1

    def test_all_are_woken(
        self, ends: tuple[AssociationSocket, socket.socket], waits: "queue.Queue[None]"
    ) -> None:
        conn, _ = ends
        calls = [Background(conn.wait, True, False, PATIENCE) for _ in range(3)]
        for _ in calls:
            waits.get(timeout=PATIENCE)
        conn.wake()
        assert [call.result() for call in calls] == [WOKEN] * 3
        assert conn.wait(True, False, 0) == NOTHING

    def test_wait_for_different_things(
        self, ends: tuple[AssociationSocket, socket.socket], waits: "queue.Queue[None]"
    ) -> None:
        conn, theirs = ends
        reader = Background(conn.wait, True, False, PATIENCE)
        waits.get(timeout=PATIENCE)
        assert conn.wait(False, True, PATIENCE) == WRITABLE
        theirs.sendall(b"x")
        assert reader.result() == READABLE

    def test_reset_is_seen_by_who_waits_to_write(
        self, ends: tuple[AssociationSocket, socket.socket], waits: "queue.Queue[None]"
    ) -> None:
        conn, theirs = ends
        while conn.send([bytes(1 << 20)]):
            pass
        writer = Background(conn.wait, False, True, PATIENCE)
        waits.get(timeout=PATIENCE)
        reset(theirs)
        assert writer.result()[0]

    def test_one_poll_object_for_all_waits(
        self, ends: tuple[AssociationSocket, socket.socket], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        conn, theirs = ends
        made = []

        def new_poll() -> Any:
            made.append(select.poll())
            return made[-1]

        monkeypatch.setattr(connection, "new_poll", new_poll)
        for write in (False, True, False):
            conn.wait(True, write, 0)
        theirs.sendall(b"x")
        conn.wait()
        assert len(made) == 1


class TestClose:
    def test_twice(self, ends: tuple[AssociationSocket, socket.socket]) -> None:
        conn, theirs = ends
        peer, own = conn.getpeername(), conn.getsockname()
        conn.close()
        conn.close()
        assert theirs.recv(1) == b""
        assert conn.getpeername() == peer == theirs.getsockname()
        assert conn.getsockname() == own == theirs.getpeername()

    def test_without_connection(self) -> None:
        conn = AssociationSocket(None)  # type: ignore[arg-type]
        conn.close()
        conn.close()

    def test_nothing_is_left_open(self, ends: tuple[AssociationSocket, socket.socket]) -> None:
        conn, _ = ends
        conn.wake()
        conn.wait()
        folder = Path("/proc/self/fd") if Path("/proc/self/fd").exists() else Path("/dev/fd")
        before = len(list(folder.iterdir()))
        conn.close()
        assert len(list(folder.iterdir())) == before - 2  # the socket and the wake-up

    def test_in_many_threads(self) -> None:
        for _ in range(50):
            with tcp_pair() as (ours, _):
                conn = AssociationSocket(None, ours)  # type: ignore[arg-type]
                waiting = [Background(conn.wait, True, True, PATIENCE) for _ in range(2)]
                closing = [Background(conn.close) for _ in range(2)]
                for reader, closer in zip(waiting, closing, strict=True):
                    reader.result()
                    closer.result()
                assert ours.fileno() == -1


class TestAddresses:
    def test_peer_has_gone(self, sockets: Callable[..., AssociationSocket]) -> None:
        with tcp_pair() as (ours, theirs):
            reset(theirs)
            select.select([ours], [], [], PATIENCE)
            conn = sockets(ours)
            assert conn.getpeername() == ("", 0)
            with pytest.raises(ConnectionResetError):
                conn.recv_into(memoryview(bytearray(1)))

    def test_option_is_refused(
        self, sockets: Callable[..., AssociationSocket], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """As some systems do when the peer has gone."""

        def setsockopt(*args: object) -> None:
            raise OSError(errno.EINVAL, "Invalid argument")

        with tcp_pair() as (ours, theirs):
            with monkeypatch.context() as patch:
                patch.setattr(socket.socket, "setsockopt", setsockopt)
                conn = sockets(ours)
            theirs.sendall(b"x")
            assert receive_all(conn, 1) == b"x"

    def test_local_address(self, sockets: Callable[..., AssociationSocket]) -> None:
        assert sockets().get_local_addr(("127.0.0.9", 1)) == HOST

    def test_no_local_address(
        self, sockets: Callable[..., AssociationSocket], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def connect(sock: socket.socket, address: object) -> None:
            raise OSError(errno.ENETUNREACH, "Network is unreachable")

        monkeypatch.setattr(socket.socket, "connect", connect)
        assert sockets().get_local_addr() == HOST

    def test_association(self) -> None:
        association: Any = object()
        conn = AssociationSocket(association)
        assert conn.assoc is association
        conn.close()


MANY_DESCRIPTORS = """
import os, resource, select, socket
from pynetdicom.transport import AddressInformation, AssociationSocket
resource.setrlimit(resource.RLIMIT_NOFILE, (1400, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
null = os.open(os.devnull, os.O_RDONLY)
while os.dup(null) < 1100:
    pass
listener = socket.create_server(("127.0.0.1", 0))
ours = AssociationSocket(None)
ours.connect(AddressInformation.from_tuple(listener.getsockname()), 20)
theirs = AssociationSocket(None, listener.accept()[0])
assert ours.socket.fileno() > 1024
for a, b in ((ours, theirs), (theirs, ours)):
    assert a.send([b"x"]) == 1
    assert b.wait(True, False, 20) == (True, False, False)
    assert b.recv(1) == b"x"
    a.wake()
    assert a.wait() == (False, False, True)
print("fine")
"""


def test_more_than_1024_descriptors() -> None:
    done = run_program([sys.executable, "-c", MANY_DESCRIPTORS])
    assert (done.status, done.output) == (0, "fine\n")


TLSEnds = tuple[AssociationSocket, AssociationSocket]


@pytest.fixture(params=[ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=["1.2", "1.3"])
def tls_ends(
    request: pytest.FixtureRequest, sockets: Callable[..., AssociationSocket]
) -> Iterator[TLSEnds]:
    """Give the two ends of a TLS connection: the requestor's and the acceptor's."""
    with listening() as listener:
        requestor = sockets()
        call = Background(
            requestor.connect,
            AddressInformation("localhost", listener.getsockname()[1]),
            PATIENCE,
            None,
            (tls.client_context(), "localhost"),
        )
        acceptor = sockets(listener.accept()[0])
        acceptor.handshake(tls.server_context(version=request.param), PATIENCE)
        call.result()
        yield requestor, acceptor


@pytest.mark.usefixtures("system")
class TestTLS:
    def test_both_directions(self, tls_ends: TLSEnds) -> None:
        for sender, receiver in (tls_ends, reversed(tls_ends)):
            assert sender.send([b"a" * 12, memoryview(b"b" * 20000), b"c"]) == 20013
            assert receive_all(receiver, 20013) == b"a" * 12 + b"b" * 20000 + b"c"

    def test_text(self, tls_ends: TLSEnds) -> None:
        requestor, acceptor = tls_ends
        assert isinstance(requestor.socket, ssl.SSLSocket)
        assert str(requestor).endswith(f", {requestor.socket.version()}")
        assert "TLSv1." in str(acceptor)

    def test_nothing_to_read(self, tls_ends: TLSEnds) -> None:
        requestor, acceptor = tls_ends
        requestor.send([b"x"])
        assert receive_all(acceptor, 1) == b"x"
        assert acceptor.recv_into(memoryview(bytearray(1))) is None
        assert acceptor.wait(True, False, 0) == NOTHING

    def test_decrypted_data_is_readable(self, tls_ends: TLSEnds) -> None:
        requestor, acceptor = tls_ends
        requestor.send([b"abcdef"])
        assert receive_all(acceptor, 2) == b"ab"
        assert acceptor.wait(True, False, None) == READABLE
        assert acceptor.wait(False, True, None) == WRITABLE
        assert receive_all(acceptor, 4) == b"cdef"
        assert acceptor.wait(True, False, 0) == NOTHING

    def test_partial_write(self, tls_ends: TLSEnds) -> None:
        requestor, acceptor = tls_ends
        data = os.urandom(1 << 20) * 16
        sent = 0
        while taken := requestor.send([memoryview(data)[sent : sent + 100_000]]):
            sent += taken
        assert sent < len(data)
        assert requestor.wait(False, True, 0) == NOTHING
        reader = Background(receive_all, acceptor, len(data))
        send_all(requestor, data[sent:])
        assert reader.result() == data

    def test_several_records_at_once(self, tls_ends: TLSEnds) -> None:
        requestor, acceptor = tls_ends
        data = os.urandom(3 * 16384)
        send_all(requestor, data)
        reads = []
        space = memoryview(bytearray(2 * len(data)))
        while sum(reads) < len(data):
            assert acceptor.wait(True, False, PATIENCE) == READABLE
            has_all = waiting_bytes(acceptor) > len(data) - sum(reads)
            received = acceptor.recv_into(space[sum(reads) :])
            reads.append(received or 0)
            assert not has_all or sum(reads) == len(data)
        assert space[: len(data)] == data
        assert acceptor.wait(True, False, 0) == NOTHING

    def test_many_small_records(self, tls_ends: TLSEnds) -> None:
        """However many there are, a read comes to an end soon."""
        requestor, acceptor = tls_ends
        data = bytes(range(150))
        for number in data:
            requestor.send([bytes([number])])
        space, received = memoryview(bytearray(200)), 0
        while received < len(data):
            assert acceptor.wait(True, False, PATIENCE) == READABLE
            taken = acceptor.recv_into(space[received:]) or 0
            assert taken <= 64
            received += taken
        assert space[:150] == data
        assert acceptor.wait(True, False, 0) == NOTHING

    def test_no_room_for_a_whole_record(self, tls_ends: TLSEnds) -> None:
        requestor, acceptor = tls_ends
        data = os.urandom(2 * 16384)
        send_all(requestor, data)
        assert receive_all(acceptor, 20000) == data[:20000]
        assert receive_all(acceptor, len(data) - 20000) == data[20000:]

    def test_what_comes_before_an_error_is_read(self, tls_ends: TLSEnds) -> None:
        requestor, acceptor = tls_ends
        requestor.send([b"last words"])
        assert requestor.socket is not None
        os.write(requestor.socket.fileno(), b"\x17\x03\x03\x00\x20" + bytes(32))
        while waiting_bytes(acceptor) < 10 + 37:
            assert acceptor.wait(True, False, PATIENCE) == READABLE
        space = memoryview(bytearray(100))
        assert acceptor.recv_into(space) == 10
        assert space[:10] == b"last words"
        for _ in range(2):  # whoever reads again is told again
            assert acceptor.wait(True, False, PATIENCE) == READABLE
            with pytest.raises(ssl.SSLError, match=r"TLS failed: .*(mac|length)"):
                acceptor.recv_into(memoryview(bytearray(10)))

    def test_nothing_to_write(self, tls_ends: TLSEnds) -> None:
        assert tls_ends[0].send([]) == 0
        assert tls_ends[0].send([b"", b""]) == 0

    def test_wake(self, tls_ends: TLSEnds) -> None:
        requestor, acceptor = tls_ends
        call = Background(requestor.wait, True, False, PATIENCE)
        requestor.wake()
        readable, _, woken = call.result()
        assert woken or readable  # TLS 1.3 sends session tickets
        acceptor.wake()
        assert acceptor.wait()[2]

    def test_close_is_no_cut(self, tls_ends: TLSEnds) -> None:
        requestor, acceptor = tls_ends
        sock: Any = acceptor.socket
        sock.suppress_ragged_eofs = False
        requestor.send([b"last"])
        requestor.close()
        assert receive_all(acceptor, 10) == b"last"
        acceptor.close()

    def test_cut(self, tls_ends: TLSEnds) -> None:
        requestor, acceptor = tls_ends
        sock: Any = acceptor.socket
        sock.suppress_ragged_eofs = False
        requestor.shutdown_write()
        assert acceptor.wait(True, False, PATIENCE) == READABLE
        with pytest.raises(ssl.SSLEOFError, match="closed the connection in the middle of TLS"):
            acceptor.recv_into(memoryview(bytearray(1)))

    def test_shutdown_write(self, tls_ends: TLSEnds) -> None:
        requestor, acceptor = tls_ends
        acceptor.send([b"answer"])
        requestor.shutdown_write()
        assert receive_all(requestor, 6) == b"answer"
        assert receive_all(acceptor, 1) == b""
        with pytest.raises(OSError):  # of which kind depends on the version of Python
            requestor.send([b"x"])

    def test_garbage(self, tls_ends: TLSEnds) -> None:
        requestor, acceptor = tls_ends
        assert requestor.socket is not None
        socket.socket.send(requestor.socket, A_ASSOCIATE_RQ)
        assert acceptor.wait(True, False, PATIENCE) == READABLE
        with pytest.raises(ssl.SSLError, match=r"^the peer does not speak TLS$"):
            acceptor.recv_into(memoryview(bytearray(1)))

    def test_reading_has_to_write(self, tls_ends: TLSEnds, monkeypatch: pytest.MonkeyPatch) -> None:
        """As while TLS 1.2 negotiates anew."""
        _, acceptor = tls_ends

        def recv_into(*args: object) -> int:
            raise ssl.SSLWantWriteError

        with monkeypatch.context() as patch:
            patch.setattr(ssl.SSLSocket, "recv_into", recv_into)
            assert acceptor.recv_into(memoryview(bytearray(1))) is None
        assert acceptor.wait(True, False, None) == READABLE
        assert acceptor.recv_into(memoryview(bytearray(1))) is None
        assert acceptor.wait(True, False, 0) == NOTHING

    def test_writing_has_to_read(self, tls_ends: TLSEnds, monkeypatch: pytest.MonkeyPatch) -> None:
        requestor, acceptor = tls_ends

        def send(*args: object) -> int:
            raise ssl.SSLWantReadError

        with monkeypatch.context() as patch:
            patch.setattr(ssl.SSLSocket, "send", send)
            assert acceptor.send([b"x"]) == 0
        assert acceptor.wait(False, True, 0) == NOTHING
        requestor.send([b"y"])
        assert acceptor.wait(False, True, PATIENCE) == WRITABLE
        assert acceptor.send([b"x"]) == 1
        assert receive_all(acceptor, 1) == b"y"
        assert receive_all(requestor, 1) == b"x"

    def test_failing_write(self, tls_ends: TLSEnds, monkeypatch: pytest.MonkeyPatch) -> None:
        def send(*args: object) -> int:
            error = ssl.SSLError(1, "[SSL: BAD_LENGTH] bad length (_ssl.c:2406)")
            error.reason = "BAD_LENGTH"
            raise error

        monkeypatch.setattr(ssl.SSLSocket, "send", send)
        with pytest.raises(ssl.SSLError, match=r"^TLS failed: bad length$"):
            tls_ends[0].send([b"x"])

    def test_interrupted_record(self, tls_ends: TLSEnds, monkeypatch: pytest.MonkeyPatch) -> None:
        requestor, acceptor = tls_ends
        send = ssl.SSLSocket.send
        calls = []

        def send_some(sock: ssl.SSLSocket, data: bytes) -> int:
            calls.append(len(data))
            return send(sock, data[:1000])

        monkeypatch.setattr(ssl.SSLSocket, "send", send_some)
        assert requestor.send([bytes(30000)]) == 1000
        assert calls == [16384]
        assert receive_all(acceptor, 1000) == bytes(1000)


def test_pieces_are_of_the_size_of_tls_records() -> None:
    buffers = [b"h" * 12, b"d" * 16370, b"h" * 12, b"", b"e" * 50000]
    pieces = list(connection._pieces(buffers))
    assert [len(piece) for piece in pieces] == [16384, 16384, 16384, 16384, 66394 - 4 * 16384]
    assert b"".join(pieces) == b"".join(buffers)


class TestTLSFailures:
    """What each side says when the other does not do what it should."""

    @staticmethod
    def connect_to(
        sockets: Callable[..., AssociationSocket],
        listener: socket.socket,
        context: ssl.SSLContext,
        name: str | None = "localhost",
        timeout: float | None = PATIENCE,
    ) -> Background[None]:
        conn = sockets()
        address = information(listener.getsockname())
        return Background(conn.connect, address, timeout, None, (context, name))

    def both(
        self,
        sockets: Callable[..., AssociationSocket],
        server_context: ssl.SSLContext,
        client_context: ssl.SSLContext,
        name: str | None = "localhost",
    ) -> tuple[Exception | None, Exception | None]:
        """Connect; return what the requestor and what the acceptor raise."""
        errors: list[Exception | None] = []
        with listening() as listener:
            requestor = self.connect_to(sockets, listener, client_context, name)
            acceptor = sockets(listener.accept()[0])
            accepting = Background(acceptor.handshake, server_context, PATIENCE)
            for call in (requestor, accepting):
                try:
                    call.result()
                except (OSError, ValueError) as error:
                    errors.append(error)
                else:
                    errors.append(None)
        return errors[0], errors[1]

    def test_untrusted(self, sockets: Callable[..., AssociationSocket]) -> None:
        ours, theirs = self.both(sockets, tls.server_context(trusted=False), tls.client_context())
        assert isinstance(ours, ssl.SSLCertVerificationError)
        assert str(ours).startswith("certificate verify failed: ")
        assert "issuer" in str(ours)
        assert isinstance(theirs, ssl.SSLError)
        assert str(theirs) == "the peer ended TLS, its reason: unknown ca"

    def test_other_host_name(self, sockets: Callable[..., AssociationSocket]) -> None:
        ours, _ = self.both(sockets, tls.server_context(), tls.client_context(), "pacs.example")
        assert isinstance(ours, ssl.SSLCertVerificationError)
        assert "certificate verify failed: Hostname mismatch" in str(ours)
        assert "pacs.example" in str(ours)

    def test_host_name_is_missing(self, sockets: Callable[..., AssociationSocket]) -> None:
        with listening() as listener:
            call = self.connect_to(sockets, listener, tls.client_context(), None)
            with pytest.raises(ssl.SSLError, match="server_hostname, see 'tls_args'"):
                call.result()

    def test_client_certificate(self, sockets: Callable[..., AssociationSocket]) -> None:
        context = tls.server_context(verify_clients=True)
        client = tls.client_context(certificate=True)
        assert self.both(sockets, context, client) == (None, None)

    def test_client_certificate_is_missing(self, sockets: Callable[..., AssociationSocket]) -> None:
        context = tls.server_context(verify_clients=True, version=ssl.TLSVersion.TLSv1_2)
        ours, theirs = self.both(sockets, context, tls.client_context())
        assert str(ours).startswith("the peer ended TLS, its reason: ")
        assert str(theirs) == "TLS failed: peer did not return a certificate"

    def test_client_certificate_is_missing_in_tls_1_3(
        self, sockets: Callable[..., AssociationSocket]
    ) -> None:
        """The requestor learns of it from what it reads first."""
        with listening() as listener:
            conn = sockets()
            conn.tls_args = (tls.client_context(), "localhost")
            call = Background(conn.connect, information(listener.getsockname()), PATIENCE)
            acceptor = sockets(listener.accept()[0])
            with pytest.raises(ssl.SSLError, match="did not return a certificate"):
                acceptor.handshake(tls.server_context(verify_clients=True), PATIENCE)
            call.result()
            with pytest.raises(ssl.SSLError, match="its reason: certificate required"):
                receive_all(conn, 1)

    def test_no_common_version(self, sockets: Callable[..., AssociationSocket]) -> None:
        client = tls.client_context()
        client.minimum_version = ssl.TLSVersion.TLSv1_3
        context = tls.server_context(version=ssl.TLSVersion.TLSv1_2)
        ours, theirs = self.both(sockets, context, client)
        assert str(ours) == "the peer ended TLS, its reason: protocol version"
        assert str(theirs) == "TLS failed: unsupported protocol"

    @pytest.mark.parametrize("answer", [A_ABORT, b"HTTP/1.0 400 Bad Request"])
    def test_peer_is_plain_acceptor(
        self, sockets: Callable[..., AssociationSocket], answer: bytes
    ) -> None:
        with listening() as listener:
            call = self.connect_to(sockets, listener, tls.client_context())
            with listener.accept()[0] as accepted:
                accepted.sendall(answer)
                with pytest.raises(ssl.SSLError, match=r"^the peer does not speak TLS$"):
                    call.result()

    def test_acceptor_hangs_up(self, sockets: Callable[..., AssociationSocket]) -> None:
        with listening() as listener:
            call = self.connect_to(sockets, listener, tls.client_context())
            with listener.accept()[0] as accepted:
                assert looks_like_tls(accepted.recv(4096))
            with pytest.raises(ssl.SSLEOFError, match="in the middle of TLS"):
                call.result()

    def test_acceptor_is_silent(self, sockets: Callable[..., AssociationSocket]) -> None:
        with listening() as listener:
            call = self.connect_to(sockets, listener, tls.client_context(), timeout=0.1)
            with pytest.raises(TimeoutError, match=r"the TLS handshake timed out after 0\.1 s"):
                call.result()

    def test_acceptor_stalls(self, sockets: Callable[..., AssociationSocket]) -> None:
        with listening() as listener:
            call = self.connect_to(sockets, listener, tls.client_context(), timeout=0.1)
            with listener.accept()[0] as accepted:
                accepted.sendall(b"\x16\x03\x03\x01\x00")
                with pytest.raises(TimeoutError, match="the TLS handshake timed out"):
                    call.result()

    def test_peer_is_plain_requestor(self, ends: tuple[AssociationSocket, socket.socket]) -> None:
        conn, theirs = ends
        theirs.sendall(A_ASSOCIATE_RQ)
        with pytest.raises(ssl.SSLError, match=r"^the peer does not speak TLS$"):
            conn.handshake(tls.server_context(), PATIENCE)
        assert conn.recv_into(memoryview(bytearray(1))) == 0

    def test_requestor_hangs_up(self, ends: tuple[AssociationSocket, socket.socket]) -> None:
        conn, theirs = ends
        theirs.close()
        with pytest.raises(ConnectionResetError, match="instead of a TLS handshake"):
            conn.handshake(tls.server_context(), PATIENCE)

    def test_requestor_hangs_up_later(self, ends: tuple[AssociationSocket, socket.socket]) -> None:
        conn, theirs = ends
        theirs.sendall(CLIENT_HELLO)
        theirs.close()
        with pytest.raises(ssl.SSLEOFError, match="in the middle of TLS"):
            conn.handshake(tls.server_context(), PATIENCE)

    def test_requestor_resets(self, ends: tuple[AssociationSocket, socket.socket]) -> None:
        conn, theirs = ends
        reset(theirs)
        with pytest.raises(ConnectionResetError):
            conn.handshake(tls.server_context(), PATIENCE)

    @pytest.mark.parametrize("sent", [b"", CLIENT_HELLO])
    def test_requestor_stalls(
        self, ends: tuple[AssociationSocket, socket.socket], sent: bytes
    ) -> None:
        conn, theirs = ends
        theirs.sendall(sent)
        with pytest.raises(TimeoutError, match=r"the TLS handshake timed out after 0\.1 s"):
            conn.handshake(tls.server_context(), 0.1)
        assert theirs.recv(1) == b""

    def test_closed_meanwhile(
        self, ends: tuple[AssociationSocket, socket.socket], waits: "queue.Queue[None]"
    ) -> None:
        conn, theirs = ends
        theirs.sendall(CLIENT_HELLO)
        call = Background(conn.handshake, tls.server_context(), None)
        for _ in range(2):  # for the first bytes, and for the rest
            waits.get(timeout=PATIENCE)
        conn.close()
        with pytest.raises(ConnectionAbortedError, match="closed by this side"):
            call.result()

    def test_handshake_that_has_to_write(
        self, ends: tuple[AssociationSocket, socket.socket], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        conn, theirs = ends
        theirs.sendall(CLIENT_HELLO)
        errors: Iterator[Exception] = iter([ssl.SSLWantWriteError(), ssl.SSLError(1, "over")])

        def do_handshake(*args: object) -> None:
            raise next(errors)

        monkeypatch.setattr(ssl.SSLSocket, "do_handshake", do_handshake)
        with pytest.raises(ssl.SSLError, match=r"^over$"):
            conn.handshake(tls.server_context(), None)

    def test_context_for_clients(self, ends: tuple[AssociationSocket, socket.socket]) -> None:
        conn, theirs = ends
        theirs.sendall(CLIENT_HELLO)
        with pytest.raises(ssl.SSLError, match="server"):
            conn.handshake(tls.client_context(), PATIENCE)

    def test_without_connection(self, sockets: Callable[..., AssociationSocket]) -> None:
        with pytest.raises(ConnectionAbortedError):
            sockets().handshake(tls.server_context(), PATIENCE)
