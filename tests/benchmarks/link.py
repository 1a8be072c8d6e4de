"""Links that are worse than this host's own: with a delay, or with few bytes a second."""

from __future__ import annotations

import math
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from queue import Queue
from time import monotonic

HOST = "127.0.0.1"
_PIECE = 65536
# Bytes under way: more are not read before some have been delivered, as on a real link
_UNDER_WAY = 64 * _PIECE


@dataclass(frozen=True)
class Link:
    """A link.

    Attributes
    ----------
    delay : float
        In seconds, in each direction.
    rate : float
        In bytes a second, in each direction.
    """

    delay: float = 0.0
    rate: float = math.inf

    @contextmanager
    def to(self, target: int) -> Iterator[int]:
        """Give a port that leads over this link to another port of this host."""
        connections: list[threading.Thread] = []

        def serve() -> None:
            with suppress(OSError):  # no more connections
                while True:
                    near, _ = listener.accept()
                    connections.append(threading.Thread(target=self._connect, args=(near, target)))
                    connections[-1].start()

        with socket.create_server((HOST, 0)) as listener:
            server = threading.Thread(target=serve)
            server.start()
            try:
                yield listener.getsockname()[1]
            finally:
                listener.shutdown(socket.SHUT_RDWR)
                for thread in (server, *connections):
                    thread.join()

    def _connect(self, near: socket.socket, target: int) -> None:
        """Pass a connection on until both sides have closed it."""
        with near, socket.create_connection((HOST, target)) as far:
            for end in (near, far):
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            back = threading.Thread(target=self._forward, args=(far, near))
            back.start()
            self._forward(near, far)
            back.join()

    def _forward(self, source: socket.socket, target: socket.socket) -> None:
        """Write to one socket what is read from another, later."""
        pieces: Queue[tuple[float, bytes]] = Queue(_UNDER_WAY // _PIECE)
        delivery = threading.Thread(target=self._deliver, args=(pieces, target))
        delivery.start()
        free = monotonic()  # when what was read before will have passed
        data = b"-"
        while data:
            try:
                data = source.recv(_PIECE)
            except OSError:
                data = b""
            free = max(free, monotonic()) + len(data) / self.rate
            pieces.put((free + self.delay, data))
        delivery.join()

    def _deliver(self, pieces: Queue[tuple[float, bytes]], target: socket.socket) -> None:
        """Write each piece when it is due; the last one is empty."""
        pause = threading.Event()  # never set
        is_open = True
        while (entry := pieces.get())[1]:
            due, data = entry
            pause.wait(max(0.0, due - monotonic()))
            try:
                if is_open:
                    target.sendall(data)
            except OSError:  # nobody listens any more
                is_open = False
        with suppress(OSError):
            target.shutdown(socket.SHUT_WR)
