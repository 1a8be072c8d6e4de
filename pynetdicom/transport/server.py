"""Servers: they accept connections and hand them to their AE."""

from __future__ import annotations

import errno
import logging
import os
import socket
import socketserver
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from time import monotonic, strftime
from typing import TYPE_CHECKING, Any

import pynetdicom._lazy as lazy
from pynetdicom._address import SocketAddress, address_text, is_loopback
from pynetdicom.events import EventHandlers, EventHandlerType
from pynetdicom.transport.address import AddressInformation
from pynetdicom.transport.waiting import (
    POLLIN,
    SIGNAL_INTERVAL,
    WakeUp,
    milliseconds,
    new_poll,
)
from pynetdicom.utils import make_target

if TYPE_CHECKING:
    import ssl

    from pynetdicom.ae import ApplicationEntity
    from pynetdicom.association import Association
    from pynetdicom.presentation import PresentationContext
    from pynetdicom.transport.connection import AssociationSocket

LOGGER = logging.getLogger("pynetdicom.transport")

# Failures of accept() that concern the one connection, which is gone
_CONNECTION_GONE = (errno.EAGAIN, errno.EWOULDBLOCK, errno.ECONNABORTED, errno.EPROTO)
# Seconds to wait for others to close files before accept() is tried again
_ACCEPT_RETRY = 1.0


class RequestHandler(socketserver.BaseRequestHandler):
    """What a server does with a connection it has accepted: hand it to the AE.

    A class derived from it can be given to :class:`AssociationServer`. Its :meth:`handle` runs in
    the thread that accepts connections, and the next one is not accepted before it returns.
    """

    request: socket.socket
    client_address: SocketAddress
    server: AssociationServer

    @property
    def ae(self) -> ApplicationEntity:
        """The server's AE."""
        return self.server.ae

    @property
    def local(self) -> AddressInformation:
        """The address that the peer connected to."""
        return AddressInformation.from_tuple(self.request.getsockname())

    @property
    def remote(self) -> AddressInformation:
        """The peer's address."""
        return AddressInformation.from_tuple(self.client_address)

    def handle(self) -> None:
        """Let the AE start an association on the connection."""
        self.ae._handle_connection(self.server, self.request, self.client_address)


class AssociationServer(EventHandlers, socketserver.TCPServer):
    """Accepts connections for an AE.

    It is a server of :mod:`socketserver`: ``verify_request()``, ``process_request()``,
    ``service_actions()`` and the like can be overridden as described there. It is bound to its
    address when it is made, listens from then on, and accepts while :meth:`serve_forever` runs.

    Parameters
    ----------
    ae : ae.ApplicationEntity
        The AE. Its limits give the backlog and how many connections may be pending.
    address : tuple of (str, int) or (str, int, int, int)
        The host and port to listen on, for IPv6 with flow information and scope. The host ``""``
        is all IPv4 addresses, ``"::"`` all addresses; port 0 lets the system choose.
    ae_title : str
        The AE title of the server.
    contexts : list of presentation.PresentationContext
        The presentation contexts it supports.
    ssl_context : ssl.SSLContext, optional
        A context for servers to use TLS with.
    evt_handlers : list of tuple, optional
        The handlers to bind, also to those of the associations.
    request_handler : type, optional
        A class to use in the place of :class:`RequestHandler`.

    Attributes
    ----------
    ae, ae_title, contexts
        As given.
    server_address : tuple
        The address it listens on, with the port that the system chose.
    socket : socket.socket
        The socket that listens.

    Raises
    ------
    OSError
        If the address is in use, not one of this host, or forbidden.
    """

    server_address: SocketAddress
    # Elsewhere than on POSIX systems it lets others take over a port in use
    allow_reuse_address = os.name == "posix"

    def __init__(
        self,
        ae: ApplicationEntity,
        address: SocketAddress,
        ae_title: str,
        contexts: list[PresentationContext],
        ssl_context: ssl.SSLContext | None = None,
        evt_handlers: Iterable[EventHandlerType] | None = None,
        request_handler: Callable[..., socketserver.BaseRequestHandler] | None = None,
    ) -> None:
        self.ae = ae
        self.ae_title = ae_title
        self.contexts = contexts
        self.ssl_context = ssl_context
        # Guards all below. Re-entrant because signal handlers, too, stop servers
        self._lock = threading.RLock()
        self._associations: dict[Association, None] = {}
        # Those that have not been negotiated yet, the oldest first
        self._pending: dict[Association, AssociationSocket] = {}
        self._is_closed = False
        self._wake_up: WakeUp | None = None  # there is one while serving
        self._thread: threading.Thread | None = None  # that serves or has served
        self._has_stopped = threading.Event()
        self._has_stopped.set()
        self._is_starved = False  # accept() failed for want of descriptors or memory
        self._last_warning = float("-inf")
        self._init_handlers(evt_handlers)
        local = AddressInformation.from_tuple(address)
        self.address_family = local.address_family
        self.request_queue_size = ae.limits.backlog
        super().__init__(local.as_tuple, request_handler or RequestHandler)

    @property
    def ssl_context(self) -> ssl.SSLContext | None:
        """The :class:`ssl.SSLContext` of connections accepted from now on, None for no TLS."""
        return self._ssl_context

    @ssl_context.setter
    def ssl_context(self, context: ssl.SSLContext | None) -> None:
        if context is not None and not isinstance(context, lazy.ssl.SSLContext):
            raise TypeError(f"'ssl_context' must be an ssl.SSLContext or None, not {context!r}")
        self._ssl_context = context

    # -- its associations --------------------------------------------------------------------

    @property
    def active_associations(self) -> list[Association]:
        """The associations on the server's connections, oldest first."""
        with self._lock:
            return list(self._associations)

    def _bind_also(self) -> list[Association]:
        return self.active_associations

    def register(self, association: Association, connection: AssociationSocket) -> None:
        """Count an association that is about to be started as one of the server's.

        It gets the server's event handlers and is pending until :meth:`negotiated` is called.

        Parameters
        ----------
        association : association.Association
            The association.
        connection : AssociationSocket
            Its connection, which is closed if there are too many that are pending.
        """
        with self._lock:
            self._associations[association] = None
            self._pending[association] = connection
        self._copy_handlers_to(association)

    def negotiated(self, association: Association) -> None:
        """Take note that an association has been negotiated, and is not pending any more."""
        with self._lock:
            self._pending.pop(association, None)

    def forget(self, association: Association) -> None:
        """Take note that an association is over and its connection closed."""
        with self._lock:
            self._associations.pop(association, None)
            self._pending.pop(association, None)
            if self._is_starved and self._wake_up is not None:
                self._wake_up.set()

    def _make_room(self, host: str) -> None:
        """Close the oldest pending connection if one more from `host` would be too many."""
        limits = self.ae.limits
        with self._lock:
            is_many = len(self._pending) >= limits.pending_per_address
            silent = self._silent_of(host) if is_many else []
            if silent and len(silent) >= limits.pending_per_address:
                # All that are too many: some of a burst may have become silent since they came
                for association in silent[: len(silent) - limits.pending_per_address + 1]:
                    self._evict(association)
            elif len(self._pending) >= limits.pending_connections:
                self._evict_oldest()

    def _silent_of(self, host: str) -> list[Association]:
        """Return those pending of a host that have sent no request, nor what may be one."""
        return [
            association
            for association, connection in self._pending.items()
            if connection.getpeername()[0] == host
            and not connection.ready  # requests of a burst come faster than they are looked at
            and association.dul.is_silent  # which is asked after that: it may be read meanwhile
        ]

    def _evict_oldest(self) -> None:
        """Close the oldest pending connection, if there is any."""
        with self._lock:
            if self._pending:
                self._evict(next(iter(self._pending)))

    def _evict(self, association: Association) -> None:
        """Close a pending connection; its association finds out and ends."""
        connection = self._pending.pop(association)
        peer = address_text(connection.getpeername())
        self._warn(f"Too many connections without an association, closing that of {peer}")
        connection.close()

    def _warn(self, message: str) -> None:
        """Log a warning, at most one a second."""
        now = monotonic()
        if now - self._last_warning >= 1:
            self._last_warning = now
            LOGGER.warning(message)

    # -- serving -----------------------------------------------------------------------------

    def server_bind(self) -> None:
        """Bind the socket to its address."""
        if self.address_family == socket.AF_INET6:
            with suppress(OSError):  # some systems cannot do both with one socket
                self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        try:
            super().server_bind()
        except OSError as exc:
            where = address_text(self.server_address)
            raise OSError(exc.errno, f"cannot listen on {where}: {exc.strerror}") from exc

    def serve_forever(self, poll_interval: float = SIGNAL_INTERVAL) -> None:
        """Accept connections until :meth:`shutdown` or :meth:`server_close` is called.

        Parameters
        ----------
        poll_interval : float, optional
            Within so many seconds the main thread notices a signal that came in the moment before
            it began to wait, and on Windows any. Other threads have no need to look.
        """
        with self._lock:
            if self._is_closed:
                return
            if self._wake_up is not None:
                raise RuntimeError("the server is served already")
            self._wake_up = wake_up = WakeUp()
            self._thread = threading.current_thread()
            self._has_stopped.clear()
        try:
            self._log_service("Listening on %s as %s" + (" with TLS" if self.ssl_context else ""))
            self._warn_if_open()
            may_block = threading.current_thread() is not threading.main_thread()
            self._serve(wake_up, None if may_block else poll_interval)
        finally:
            with self._lock:
                self._wake_up = None
                if self._is_closed:
                    self.server_close()
            wake_up.close()
            self._log_service("No longer listening on %s as %s")
            self._has_stopped.set()

    def _serve(self, wake_up: WakeUp, interval: float | None) -> None:
        """Accept connections."""
        listener = self.socket.fileno()
        self.socket.setblocking(False)  # the peer may have gone again before it is accepted
        poll = new_poll()
        poll.register(listener, POLLIN)
        poll.register(wake_up.fileno(), POLLIN)
        while True:
            ready = dict(poll.poll(milliseconds(interval)))
            wake_up.clear()
            if self._is_closed:
                break
            if listener in ready:
                self._handle_request_noblock()  # type: ignore[attr-defined]  # BaseServer's
            self.service_actions()
            if self._is_starved:
                poll.modify(listener, 0)
                poll.poll(milliseconds(_ACCEPT_RETRY))
                poll.modify(listener, POLLIN)
                self._is_starved = False

    def get_request(self) -> tuple[socket.socket, SocketAddress]:
        """Accept a connection; return it and the peer's address."""
        try:
            return self.socket.accept()
        except OSError as exc:
            # Or else accept() would be called again at once, and fail again
            self._is_starved = exc.errno not in _CONNECTION_GONE
            if self._is_starved:
                self._warn(f"Cannot accept connections at present: {exc.strerror}")
                self._evict_oldest()
            raise

    def process_request(self, request: Any, client_address: Any) -> None:
        """Have a connection handled; it is not closed afterwards."""
        self._make_room(client_address[0])
        self.finish_request(request, client_address)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Log that a connection could not be handled."""
        LOGGER.exception("No association for %s", address_text(client_address))

    def _log_service(self, message: str) -> None:
        """Log that the server listens, or no longer does."""
        with suppress(Exception):  # a log handler that fails stops no server
            LOGGER.info(message, address_text(self.server_address), self.ae_title)

    def _warn_if_open(self) -> None:
        """Tell whoever serves everybody."""
        checked = self.ae.require_called_aet or self.ae.require_calling_aet
        if self.ssl_context or checked or is_loopback(self.server_address[0]):
            return
        with suppress(Exception):  # as above
            LOGGER.warning(
                "Listening on %s for everybody: neither TLS nor a check of AE titles is set up",
                address_text(self.server_address),
            )

    @property
    def is_closed(self) -> bool:
        """True if the server has been stopped, or told to stop."""
        return self._is_closed

    def server_close(self) -> None:
        """Stop listening; associations go on. Does not wait, and may be called at any time."""
        with self._lock:
            self._is_closed = True
            if self._wake_up is not None:
                self._wake_up.set()  # the thread that serves closes the socket it waits for
            else:
                super().server_close()

    def shutdown(self) -> None:
        """Stop listening and wait until :meth:`serve_forever` has returned; associations go on.

        May be called at any time, any number of times and by any thread; the one that serves
        does not wait.
        """
        self.server_close()
        if threading.current_thread() is not self._thread:
            self._has_stopped.wait()

    def __exit__(self, *exc_info: object) -> None:
        self.shutdown()


class ThreadedAssociationServer(AssociationServer):
    """An :class:`AssociationServer` that serves in a thread of its own."""

    _runner: threading.Thread | None = None

    def start(self) -> None:
        """Start the thread."""
        runner = threading.Thread(
            target=make_target(self.serve_forever),
            name=f"AcceptorServer@{strftime('%Y%m%d%H%M%S')}",
            daemon=True,
        )
        runner.start()
        self._runner = runner

    def shutdown(self) -> None:
        """Stop listening and wait until the thread has ended; associations go on."""
        super().shutdown()
        if self._runner is not None and self._runner is not threading.current_thread():
            self._runner.join()
