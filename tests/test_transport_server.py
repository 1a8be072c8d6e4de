"""Tests of the servers that accept connections, on real sockets."""

import errno
import logging
import os
import queue
import select
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from types import SimpleNamespace
from typing import Any

import pytest

from pynetdicom import events as evt
from pynetdicom.events import EventHandlers
from pynetdicom.limits import Limits
from pynetdicom.transport import (
    AssociationServer,
    AssociationSocket,
    RequestHandler,
    ThreadedAssociationServer,
    server,
)
from tests.support import tls
from tests.support.peers import run_program
from tests.support.sockets import HOST, PATIENCE, Background

READABLE = (True, False, False)
NOTHING = (False, False, False)
CLOSED = (True, False, True)


def run_python(script: str) -> str:
    """Run a script in an interpreter of its own; return what it prints."""
    done = run_program([sys.executable, "-c", script])
    assert done.status == 0, done.output
    return done.output


class FakeAssociation(EventHandlers):
    """What a server knows of an association."""

    def __init__(self, accepting: AssociationServer, client_socket: socket.socket) -> None:
        self._init_handlers()
        self.dul = SimpleNamespace(is_silent=True)
        self.connection = AssociationSocket(self, client_socket)  # type: ignore[arg-type]
        accepting.register(self, self.connection)  # type: ignore[arg-type]

    @property
    def is_open(self) -> bool:
        return self.connection.wait(True, False, 0) == NOTHING


class FakeAE:
    """What a server knows of an AE; the associations it starts are put in a queue."""

    def __init__(self) -> None:
        self.limits = Limits()
        self.require_called_aet = False
        self.require_calling_aet: list[str] = []
        self.started: queue.Queue[FakeAssociation] = queue.Queue()

    def _handle_connection(
        self, accepting: AssociationServer, client_socket: socket.socket, address: Any
    ) -> FakeAssociation:
        association = FakeAssociation(accepting, client_socket)
        assert address[:2] == association.connection.getpeername()[:2]
        self.started.put(association)
        return association

    def next_association(self) -> FakeAssociation:
        return self.started.get(timeout=PATIENCE)


class Servers:
    """Makes servers of an AE, connects to them, and cleans up."""

    def __init__(self, stack: ExitStack) -> None:
        self.ae = FakeAE()
        self._stack = stack

    def make(
        self,
        address: tuple[Any, ...] = (HOST, 0),
        kind: type[AssociationServer] = ThreadedAssociationServer,
        **kwargs: Any,
    ) -> Any:
        ae: Any = self.ae
        made = kind(ae, address, "SCP", [], **kwargs)
        self._stack.callback(made.shutdown)
        return made

    def start(self, *args: Any, **kwargs: Any) -> Any:
        made = self.make(*args, **kwargs)
        made.start()
        return made

    def connect(self, to: Any, host: str = HOST) -> tuple[socket.socket, FakeAssociation]:
        client = socket.create_connection((host, to.server_address[1]), timeout=PATIENCE)
        self._stack.enter_context(client)
        association = self.ae.next_association()
        self._stack.callback(association.connection.close)
        return client, association


@pytest.fixture
def servers() -> Iterator[Servers]:
    with ExitStack() as stack:
        yield Servers(stack)


class TestServer:
    def test_attributes(self, servers: Servers) -> None:
        contexts: list[Any] = []
        context = tls.server_context()
        ae: Any = servers.ae
        with AssociationServer(ae, (HOST, 0), "SCP", contexts, context) as made:
            assert made.ae is ae
            assert made.ae_title == "SCP"
            assert made.contexts is contexts
            assert made.ssl_context is context
            assert made.active_associations == []
            assert made.server_address == made.socket.getsockname()
            assert made.server_address[1] != 0
            assert made.fileno() == made.socket.fileno()

    def test_ssl_context_can_be_replaced(self, servers: Servers) -> None:
        made = servers.make()
        context = tls.server_context()
        made.ssl_context = context
        assert made.ssl_context is context
        made.ssl_context = None
        assert made.ssl_context is None
        with pytest.raises(TypeError, match=r"must be an ssl\.SSLContext or None"):
            made.ssl_context = "context"

    def test_accepts(self, servers: Servers) -> None:
        started = servers.start()
        for _ in range(3):
            client, association = servers.connect(started)
            assert association.connection.getpeername() == client.getsockname()
            client.sendall(b"x")
            assert association.connection.wait(True, False, PATIENCE) == READABLE
            assert association.connection.recv(1) == b"x"

    def test_in_this_thread(self, servers: Servers) -> None:
        made = servers.make(kind=AssociationServer)
        serving = Background(made.serve_forever)
        servers.connect(made)
        made.shutdown()
        serving.result()

    def test_without_poll(self, servers: Servers, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delattr(select, "poll")
        monkeypatch.delattr(os, "eventfd", raising=False)
        started = servers.start()
        servers.connect(started)
        started.shutdown()
        assert started.socket.fileno() == -1

    def test_ipv6(self, servers: Servers) -> None:
        started = servers.start(("::1", 0))
        assert started.server_address[0] == "::1"
        assert len(started.server_address) == 4
        servers.connect(started, "::1")

    def test_ipv6_with_scope(self, servers: Servers) -> None:
        servers.connect(servers.start(("::1", 0, 0, 0)), "::1")

    def test_dual_stack(self, servers: Servers) -> None:
        started = servers.start(("::", 0))
        _, association = servers.connect(started, HOST)
        assert association.connection.getpeername()[0] == f"::ffff:{HOST}"
        servers.connect(started, "::1")

    def test_all_ipv4_addresses(self, servers: Servers) -> None:
        started = servers.start(("", 0))
        assert started.server_address[0] == "0.0.0.0"
        servers.connect(started, "127.0.0.1")
        servers.connect(started, "127.0.0.2")

    def test_name(self, servers: Servers) -> None:
        assert servers.make(("localhost", 0)).server_address[0] == HOST

    def test_address_in_use(self, servers: Servers) -> None:
        address = servers.make().server_address
        with pytest.raises(OSError, match=f"cannot listen on {HOST}:{address[1]}: ") as info:
            servers.make(address)
        assert info.value.errno == errno.EADDRINUSE

    def test_address_can_be_used_again(self, servers: Servers) -> None:
        started = servers.start()
        client, association = servers.connect(started)
        started.shutdown()
        association.connection.close()  # ours goes into TIME-WAIT
        assert client.recv(1) == b""
        client.close()
        servers.connect(servers.start(started.server_address))

    def test_another_hosts_address(self, servers: Servers) -> None:
        with pytest.raises(OSError, match=r"cannot listen on 192\.0\.2\.1:") as info:
            servers.make(("192.0.2.1", 0))
        assert info.value.errno == errno.EADDRNOTAVAIL

    def test_no_address(self, servers: Servers) -> None:
        with pytest.raises(TypeError, match="the address must be"):
            servers.make((HOST,))

    def test_system_without_dual_stack(
        self, servers: Servers, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        setsockopt = socket.socket.setsockopt

        def refuse(sock: socket.socket, level: int, option: int, value: int) -> None:
            if (level, option) == (socket.IPPROTO_IPV6, socket.IPV6_V6ONLY):
                raise OSError(errno.EINVAL, "Invalid argument")
            setsockopt(sock, level, option, value)

        monkeypatch.setattr(socket.socket, "setsockopt", refuse)
        servers.connect(servers.start(("::1", 0)), "::1")

    def test_backlog(self, servers: Servers, monkeypatch: pytest.MonkeyPatch) -> None:
        given = []
        monkeypatch.setattr(socket.socket, "listen", lambda sock, backlog: given.append(backlog))
        servers.ae.limits.backlog = 77
        servers.make()
        assert given == [77]

    def test_handle_request(self, servers: Servers) -> None:
        made = servers.make(kind=AssociationServer)
        call = Background(made.handle_request)
        servers.connect(made)
        call.result()


class TestRequests:
    def test_handler(self, servers: Servers) -> None:
        seen: list[tuple[object, ...]] = []

        class Handler(RequestHandler):
            def handle(self) -> None:
                seen.append((self.ae, self.server, self.local.as_tuple, self.remote.as_tuple))
                super().handle()

        started = servers.start(("", 0), request_handler=Handler)
        client, _ = servers.connect(started, "127.0.0.5")
        assert seen == [(servers.ae, started, client.getpeername(), client.getsockname())]

    def test_connection_not_wanted(self, servers: Servers) -> None:
        class Choosy(ThreadedAssociationServer):
            def verify_request(self, request: Any, client_address: Any) -> bool:
                return bool(client_address[0] != "127.0.0.2")

        started = servers.start(kind=Choosy)
        unwanted = socket.create_connection(
            started.server_address, timeout=PATIENCE, source_address=("127.0.0.2", 0)
        )
        with unwanted:
            assert unwanted.recv(1) == b""
        servers.connect(started)

    def test_handler_fails(self, servers: Servers, caplog: pytest.LogCaptureFixture) -> None:
        class Failing(RequestHandler):
            def handle(self) -> None:
                if self.remote.address == "127.0.0.2":
                    raise ValueError("no such thing")
                super().handle()

        started = servers.start(request_handler=Failing)
        with socket.create_connection(
            started.server_address, timeout=PATIENCE, source_address=("127.0.0.2", 0)
        ) as client:
            assert client.recv(1) == b""
            port = client.getsockname()[1]
        servers.connect(started)
        (record,) = caplog.records
        assert record.name == "pynetdicom.transport"
        assert record.getMessage() == f"No association for 127.0.0.2:{port}"
        assert record.exc_info is not None
        assert "no such thing" in str(record.exc_info[1])

    def test_service_actions(self, servers: Servers, monkeypatch: pytest.MonkeyPatch) -> None:
        called = threading.Event()

        class Busy(AssociationServer):
            def service_actions(self) -> None:
                called.set()

        made = servers.make(kind=Busy)
        serving = Background(made.serve_forever)
        servers.connect(made)
        assert called.wait(PATIENCE)
        made.shutdown()
        serving.result()

    def test_main_thread_looks_for_signals(
        self, servers: Servers, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """One that comes right before it begins to wait would not end that."""
        monkeypatch.setattr(threading, "main_thread", threading.current_thread)
        called = threading.Semaphore(0)

        class Busy(AssociationServer):
            def service_actions(self) -> None:
                called.release()

        made = servers.make(kind=Busy)
        serving = Background(made.serve_forever, 0.001)
        for _ in range(3):
            assert called.acquire(timeout=PATIENCE)
        made.shutdown()
        serving.result()


class TestAssociations:
    def test_registry(self, servers: Servers) -> None:
        started = servers.start()
        first = servers.connect(started)[1]
        second = servers.connect(started)[1]
        assert started.active_associations == [first, second]
        started.negotiated(first)
        assert started.active_associations == [first, second]
        started.forget(first)
        started.forget(second)
        assert started.active_associations == []
        started.negotiated(first)
        started.forget(first)

    def test_handlers(self, servers: Servers) -> None:
        def handler(event: object) -> None:
            raise AssertionError

        started = servers.start(evt_handlers=[(evt.EVT_CONN_OPEN, handler)])
        live = servers.connect(started)[1]
        over = servers.connect(started)[1]
        started.forget(over)
        assert live.get_handlers(evt.EVT_CONN_OPEN) == [(handler, None)]
        started.bind(evt.EVT_CONN_CLOSE, handler, [1])
        later = servers.connect(started)[1]
        bound = [(handler, [1])]
        for each in (started, live, later):
            assert each.get_handlers(evt.EVT_CONN_CLOSE) == bound
        assert over.get_handlers(evt.EVT_CONN_CLOSE) == []
        started.unbind(evt.EVT_CONN_CLOSE, handler)
        for each in (started, live, later):
            assert each.get_handlers(evt.EVT_CONN_CLOSE) == []

    def test_too_many_from_one_address(
        self, servers: Servers, caplog: pytest.LogCaptureFixture
    ) -> None:
        servers.ae.limits.pending_per_address = 3
        started = servers.start(("", 0))
        other = servers.connect(started, HOST)[1]
        with caplog.at_level(logging.WARNING, "pynetdicom.transport"):
            made = [self.connect_from(servers, started, "127.0.0.2") for _ in range(3)]
            assert all(association.is_open for association in made)
            assert "Too many" not in caplog.text
            made.append(self.connect_from(servers, started, "127.0.0.2"))
            peer = made[0].connection.getpeername()
            assert "Too many connections without an association" in caplog.text
            assert f"127.0.0.2:{peer[1]}" in caplog.text
        assert [association.is_open for association in made] == [False, True, True, True]
        assert other.is_open

    @staticmethod
    def connect_from(servers: Servers, started: Any, host: str) -> FakeAssociation:
        client = socket.create_connection(
            (HOST, started.server_address[1]), timeout=PATIENCE, source_address=(host, 0)
        )
        servers._stack.enter_context(client)
        association = servers.ae.next_association()
        servers._stack.callback(association.connection.close)
        return association

    def test_too_many_that_have_become_silent(self, servers: Servers) -> None:
        servers.ae.limits.pending_per_address = 3
        started = servers.start()
        made = []
        for _ in range(6):  # each has sent a part of a request
            made.append(servers.connect(started)[1])
            made[-1].dul.is_silent = False
        assert all(association.is_open for association in made)
        for association in made[1:]:  # and the others no more of it
            association.dul.is_silent = True
        made.append(servers.connect(started)[1])
        assert [association.is_open for association in made] == [True] + [False] * 3 + [True] * 3

    def test_too_many_in_all(self, servers: Servers) -> None:
        servers.ae.limits.pending_connections = 4
        started = servers.start()
        made = [self.connect_from(servers, started, f"127.0.0.{n}") for n in range(1, 9)]
        assert [association.is_open for association in made] == [False] * 4 + [True] * 4

    def test_negotiated_associations_do_not_count(self, servers: Servers) -> None:
        servers.ae.limits.pending_connections = servers.ae.limits.pending_per_address = 2
        started = servers.start()
        made = []
        for _ in range(6):
            made.append(servers.connect(started)[1])
            started.negotiated(made[-1])
        pending = [servers.connect(started)[1] for _ in range(3)]
        assert all(association.is_open for association in made)
        assert [association.is_open for association in pending] == [False, True, True]

    def test_those_that_are_over_do_not_count(self, servers: Servers) -> None:
        servers.ae.limits.pending_connections = 2
        started = servers.start()
        first = servers.connect(started)[1]
        for _ in range(4):
            started.forget(servers.connect(started)[1])
        assert first.is_open

    def test_evicted_association_is_active_until_it_is_over(self, servers: Servers) -> None:
        servers.ae.limits.pending_connections = 1
        started = servers.start()
        first = servers.connect(started)[1]
        second = servers.connect(started)[1]
        assert started.active_associations == [first, second]
        started.forget(first)
        assert started.active_associations == [second]

    def test_no_limit_is_zero(self, servers: Servers) -> None:
        servers.ae.limits.pending_connections = servers.ae.limits.pending_per_address = 0
        assert servers.connect(servers.start())[1].is_open

    def test_one_warning_a_second(
        self, servers: Servers, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        now = 100.0
        monkeypatch.setattr(server, "monotonic", lambda: now)
        made = servers.make()
        made._warn("one")
        made._warn("two")
        now = 101.0
        made._warn("three")
        assert caplog.messages == ["one", "three"]


class TestAcceptFails:
    @staticmethod
    def fail(monkeypatch: pytest.MonkeyPatch, *errors: int) -> tuple[list[int], threading.Event]:
        """Let accept() fail; return how often it was called, and what tells that it failed."""
        left = list(errors)
        calls: list[int] = []
        failed = threading.Event()
        accept = socket.socket.accept

        def failing(sock: socket.socket) -> Any:
            calls.append(1)
            if not left:
                return accept(sock)
            error = left.pop(0)
            if not left:
                failed.set()
            raise OSError(error, os.strerror(error))

        monkeypatch.setattr(socket.socket, "accept", failing)
        return calls, failed

    @pytest.mark.parametrize("error", [errno.ECONNABORTED, errno.EAGAIN])
    def test_connection_has_gone(
        self,
        servers: Servers,
        monkeypatch: pytest.MonkeyPatch,
        error: int,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        started = servers.start()
        pending = servers.connect(started)[1]
        calls, _ = self.fail(monkeypatch, error, error)
        servers.connect(started)
        assert len(calls) == 3
        assert pending.is_open
        assert not caplog.records

    @pytest.mark.parametrize("error", [errno.EMFILE, errno.ENFILE, errno.ENOBUFS])
    def test_oldest_pending_connection_makes_room(
        self,
        servers: Servers,
        monkeypatch: pytest.MonkeyPatch,
        error: int,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        monkeypatch.setattr(server, "_ACCEPT_RETRY", PATIENCE)
        started = servers.start()
        negotiated = servers.connect(started)[1]
        started.negotiated(negotiated)
        pending = servers.connect(started)[1]
        calls, failed = self.fail(monkeypatch, error)
        with socket.create_connection(started.server_address, timeout=PATIENCE):
            assert failed.wait(PATIENCE)
            assert pending.connection.wait(True, False, PATIENCE) == CLOSED
            assert len(calls) == 1
            started.forget(pending)
            servers.ae.next_association().connection.close()
        assert len(calls) == 2
        assert negotiated.is_open
        assert f"Cannot accept connections at present: {os.strerror(error)}" in caplog.messages

    def test_tries_again_after_a_while(
        self, servers: Servers, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(server, "_ACCEPT_RETRY", 0.001)
        started = servers.start()
        calls, _ = self.fail(monkeypatch, errno.EMFILE, errno.EMFILE, errno.ENOMEM)
        servers.connect(started)
        assert len(calls) == 4

    def test_shutdown_meanwhile(self, servers: Servers, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(server, "_ACCEPT_RETRY", PATIENCE)
        started = servers.start()
        _, failed = self.fail(monkeypatch, errno.EMFILE)
        with socket.create_connection(started.server_address, timeout=PATIENCE):
            assert failed.wait(PATIENCE)
            started.shutdown()

    def test_no_descriptors(self) -> None:
        assert run_python(NO_DESCRIPTORS).split() == ["full", "accepted"]


NO_DESCRIPTORS = """
import logging, os, resource, socket, threading
from pynetdicom.limits import Limits
from pynetdicom.transport import ThreadedAssociationServer

class AE:
    limits, require_called_aet, require_calling_aet = Limits(), False, []
    accepted = threading.Event()

    def _handle_connection(self, server, sock, address):
        sock.close()
        self.accepted.set()

class Full(logging.Handler):
    def emit(self, record):
        assert "Too many open files" in record.getMessage()
        full.set()

full = threading.Event()
logging.getLogger("pynetdicom").addHandler(Full())
server = ThreadedAssociationServer(AE(), ("127.0.0.1", 0), "SCP", [])
server.start()
with socket.socket() as first:
    first.connect(server.server_address)
    assert AE.accepted.wait(20)
    AE.accepted.clear()
client = socket.socket()
resource.setrlimit(resource.RLIMIT_NOFILE, (64, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
taken = []
try:
    while True:
        taken.append(os.dup(0))
except OSError:
    pass
client.connect(server.server_address)
assert full.wait(20)
print("full")
for descriptor in taken:
    os.close(descriptor)
assert AE.accepted.wait(20)
print("accepted")
client.close()
server.shutdown()
"""


class TestOpenToEverybody:
    WARNING = "for everybody: neither TLS nor a check of AE titles is set up"

    @staticmethod
    def serve(servers: Servers, *args: Any, **kwargs: Any) -> None:
        started = servers.start(*args, **kwargs)
        servers.connect(started)
        started.shutdown()

    def test_warning(self, servers: Servers, caplog: pytest.LogCaptureFixture) -> None:
        self.serve(servers, ("", 0))
        assert self.WARNING in caplog.text
        assert "Listening on 0.0.0.0:" in caplog.text

    @pytest.mark.parametrize("setting", ["require_called_aet", "require_calling_aet"])
    def test_titles_are_checked(
        self, servers: Servers, caplog: pytest.LogCaptureFixture, setting: str
    ) -> None:
        setattr(servers.ae, setting, ["SCU"])
        self.serve(servers, ("", 0))
        assert not caplog.records

    def test_tls(self, servers: Servers, caplog: pytest.LogCaptureFixture) -> None:
        self.serve(servers, ("", 0), ssl_context=tls.server_context())
        assert not caplog.records

    def test_loopback(self, servers: Servers, caplog: pytest.LogCaptureFixture) -> None:
        self.serve(servers)
        assert not caplog.records


class TestStopping:
    def test_twice(self, servers: Servers) -> None:
        started = servers.start()
        started.shutdown()
        started.shutdown()
        started.server_close()
        assert started.socket.fileno() == -1

    def test_never_served(self, servers: Servers) -> None:
        made = servers.make()
        made.shutdown()
        made.shutdown()
        assert made.socket.fileno() == -1

    def test_serve_after_shutdown(self, servers: Servers) -> None:
        made = servers.make()
        made.shutdown()
        made.serve_forever()
        made.start()
        made.shutdown()

    def test_port_is_closed(self, servers: Servers) -> None:
        started = servers.start()
        started.shutdown()
        with socket.socket() as client:
            assert client.connect_ex(started.server_address) == errno.ECONNREFUSED

    def test_associations_go_on(self, servers: Servers) -> None:
        started = servers.start()
        client, association = servers.connect(started)
        started.shutdown()
        client.sendall(b"x")
        assert association.connection.wait(True, False, PATIENCE) == READABLE
        assert started.active_associations == [association]
        started.forget(association)
        assert started.active_associations == []

    def test_context_manager(self, servers: Servers) -> None:
        with servers.make() as made:
            made.start()
            servers.connect(made)
        assert made.socket.fileno() == -1
        assert not made._runner.is_alive()

    def test_served_already(self, servers: Servers) -> None:
        started = servers.start()
        servers.connect(started)
        with pytest.raises(RuntimeError, match="served already"):
            started.serve_forever()
        servers.connect(started)

    def test_by_the_thread_that_serves(self, servers: Servers) -> None:
        class Once(RequestHandler):
            def handle(self) -> None:
                super().handle()
                self.server.shutdown()

        started = servers.start(request_handler=Once)
        servers.connect(started)
        started.shutdown()
        assert started.socket.fileno() == -1

    def test_by_a_handler(self, servers: Servers) -> None:
        """The thread of an association stops the server while that accepts others."""
        started = servers.start()
        servers.connect(started)
        Background(started.shutdown).result()
        assert started.socket.fileno() == -1

    def test_by_many_threads(self, servers: Servers) -> None:
        for _ in range(20):
            started = servers.start()
            for call in [Background(started.shutdown) for _ in range(4)]:
                call.result()
            assert started.socket.fileno() == -1

    def test_close_while_serving(self, servers: Servers) -> None:
        made = servers.make(kind=AssociationServer)
        serving = Background(made.serve_forever)
        servers.connect(made)
        made.server_close()
        serving.result()
        assert made.socket.fileno() == -1

    def test_failing_action_ends_serving(self, servers: Servers) -> None:
        class Failing(AssociationServer):
            def service_actions(self) -> None:
                raise KeyboardInterrupt

        made = servers.make(kind=Failing)
        serving = Background(made.serve_forever)
        servers.connect(made)
        with pytest.raises(KeyboardInterrupt):
            serving.result()
        assert made.socket.fileno() >= 0
        made.shutdown()
        assert made.socket.fileno() == -1

    def test_by_a_signal_handler(self) -> None:
        assert run_python(SIGNAL) == "stopped\n"

    def test_thread(self, servers: Servers) -> None:
        started = servers.start()
        assert started._runner.name.startswith("AcceptorServer@")
        assert started._runner.daemon
        started.shutdown()
        assert not started._runner.is_alive()


SIGNAL = """
import os, signal, threading
from pynetdicom.limits import Limits
from pynetdicom.transport import AssociationServer

class AE:
    limits, require_called_aet, require_calling_aet = Limits(), False, []

server = AssociationServer(AE(), ("127.0.0.1", 0), "SCP", [])
signal.signal(signal.SIGTERM, lambda *args: server.shutdown())
threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGTERM)).start()
server.serve_forever()
print("stopped")
"""
