"""Plain sockets to test against, on loopback and on ports that the system chooses."""

from __future__ import annotations

import errno
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, Generic, TypeVar

HOST = "127.0.0.1"
# Seconds after which a test that still waits has failed; none waits for so long if all is well
PATIENCE = 20.0

T = TypeVar("T")


@contextmanager
def listening(host: str = HOST, backlog: int = 5) -> Iterator[socket.socket]:
    """Give a socket that listens; its accept() does not wait for ever."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.create_server((host, 0), family=family, backlog=backlog) as listener:
        listener.settimeout(PATIENCE)
        yield listener


@contextmanager
def tcp_pair(host: str = HOST) -> Iterator[tuple[socket.socket, socket.socket]]:
    """Give the two ends of a connection: of who accepted it and of who made it."""
    with listening(host) as listener:
        client = socket.create_connection(listener.getsockname()[:2], timeout=PATIENCE)
        server, _ = listener.accept()
        server.settimeout(PATIENCE)
    with server, client:
        yield server, client


@contextmanager
def unresponsive() -> Iterator[tuple[str, int]]:
    """Give the address of a server whose backlog is full: who connects to it gets no answer."""
    with listening(backlog=0) as listener, ExitStack() as clients:
        address = listener.getsockname()
        for _ in range(16):
            client = clients.enter_context(socket.socket())
            client.setblocking(False)
            assert client.connect_ex(address) == errno.EINPROGRESS
        yield address


def reset(sock: socket.socket) -> None:
    """Close a connection in such a way that the peer gets an RST and no FIN."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


def receive(sock: socket.socket, length: int) -> bytes:
    """Read so many bytes; fewer if the connection ends before."""
    data = bytearray()
    while len(data) < length and (part := sock.recv(length - len(data))):
        data += part
    return bytes(data)


class Background(Generic[T]):
    """A call in a thread of its own; `result` returns or raises what the call does."""

    def __init__(self, function: Callable[..., T], *args: Any, **kwargs: Any) -> None:
        self._result: list[T] = []
        self._error: BaseException | None = None

        def call() -> None:
            try:
                self._result.append(function(*args, **kwargs))
            except BaseException as error:
                self._error = error

        self._thread = threading.Thread(target=call, daemon=True)
        self._thread.start()

    def result(self) -> T:
        """Wait for the end of the call."""
        self._thread.join(PATIENCE)
        assert not self._thread.is_alive(), "the call has not returned"
        if self._error is not None:
            raise self._error
        return self._result[0]
