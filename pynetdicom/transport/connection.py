"""The connection of an association."""

from __future__ import annotations

import errno
import os
import socket
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pynetdicom._lazy as lazy
from pynetdicom._address import SocketAddress, address_text, destination, is_any
from pynetdicom.transport.waiting import (
    FAILED,
    POLLIN,
    POLLOUT,
    Deadline,
    Patience,
    WakeUp,
    new_poll,
)

if TYPE_CHECKING:
    import ssl

    from pynetdicom.association import Association
    from pynetdicom.transport.address import AddressInformation

Buffer = bytes | bytearray | memoryview

_HAS_SENDMSG = hasattr(socket.socket, "sendmsg")
_IOV_MAX = 1024  # buffers a call that every system with sendmsg() takes (POSIX allows for 16)
_RECORD_SIZE = 16384  # most bytes of a TLS record (RFC 8446 5.1)
# TLS records to read at once: a peer may send them with a byte each, and others wait for the guard
_MOST_RECORDS = 64
# Keeps a segment that is not full for what follows, a fraction of a second at most
_MORE: int = getattr(socket, "MSG_MORE", 0)
_QUICK_ACK: int | None = getattr(socket, "TCP_QUICKACK", None)

_NO_TLS = "the peer does not speak TLS"
_IN_PROGRESS = (errno.EINPROGRESS, errno.EWOULDBLOCK)
_CONNECT_ERRORS = {
    errno.ECONNREFUSED: "was refused: nothing listens there, or a firewall is in the way",
    errno.ECONNRESET: "was reset by the peer",
    errno.ETIMEDOUT: "timed out: the system gave up, the host does not answer",
    errno.EHOSTUNREACH: "failed: the host is unreachable",
    errno.ENETUNREACH: "failed: the network is unreachable",
}


def looks_like_tls(first_bytes: Buffer) -> bool:
    """Return True if a peer's first bytes are those of a TLS record (RFC 8446 5.1).

    No PDU begins like one, so that a peer with TLS where none is expected can be told from others.

    Parameters
    ----------
    first_bytes : bytes-like
        At least one byte.
    """
    return 20 <= first_bytes[0] <= 23 and first_bytes[1:2] in (b"", b"\x03")


class BindError(OSError):
    """The local address to connect from is in use, or not one of this host."""


class AssociationSocket:
    """The connection of one association: a non-blocking TCP socket, with TLS or without.

    Any thread may call any method at any time. Only :meth:`connect`, :meth:`handshake` and
    :meth:`wait` wait, and :meth:`close` ends that.

    Parameters
    ----------
    assoc : association.Association
        The association.
    client_socket : socket.socket, optional
        A connection that a server accepted; without one :meth:`connect` makes one.
    address : AddressInformation, optional
        The local address to connect from, if none is given to :meth:`connect`.

    Attributes
    ----------
    socket : socket.socket, ssl.SSLSocket or None
        The socket itself, for options and certificates. None before there is one.
    tls_args : tuple of (ssl.SSLContext, str or None), or None
        What to use TLS with as requestor, if it is not given to :meth:`connect`: the context and
        the name that the peer's certificate must be for.
    """

    tls_args: tuple[ssl.SSLContext, str | None] | None = None

    def __init__(
        self,
        assoc: Association,
        client_socket: socket.socket | None = None,
        address: AddressInformation | None = None,
    ) -> None:
        self._assoc = assoc
        self._bind_address = address
        self.socket: socket.socket | None = None
        self._tls: ssl.SSLSocket | None = None
        self._read_error: OSError | None = None  # that ended TLS, for who reads on
        self._peer: SocketAddress = ("", 0)
        self._own: SocketAddress = ("", 0)
        # Guards the socket and all below; nothing blocks while it is held. A TLS socket must not
        # be read and written at the same time, and nobody may wait for, or read from, a
        # descriptor that was closed and is somebody else's now. Re-entrant for signal handlers.
        self._guard = threading.RLock()
        self._is_closed = False
        self._waiting = 0  # threads in wait()
        self._wake_up = WakeUp()
        self._poll: Any = None  # with what the first of them waits, and for what
        self._mask = -1
        self._fd = -1
        self._patience = Patience(client_socket is not None)  # who connects has something to say
        # What reading and writing wait for: crosswise while TLS negotiates anew
        self._read_event, self._write_event = POLLIN, POLLOUT
        if client_socket is not None:
            self._adopt(client_socket)
            with suppress(OSError):  # the peer has gone already
                self._peer = client_socket.getpeername()
                self._own = client_socket.getsockname()

    @property
    def assoc(self) -> Association:
        """The association."""
        return self._assoc

    @property
    def ready(self) -> bool:
        """True if there is something to read: data, the end of the connection or an error."""
        readable, _, woken = self.wait(True, False, 0)
        if woken:
            self.wake()  # that was for somebody else
        return readable

    def getpeername(self) -> SocketAddress:
        """Return the peer's address, also when the connection was closed or never came about."""
        return self._peer

    def getsockname(self) -> SocketAddress:
        """Return the local address, also when the connection was closed."""
        return self._own

    def get_local_addr(self, host: tuple[str, int] = ("10.255.255.255", 1)) -> str:
        """Return the IP address that this host has in the network that leads to another.

        Parameters
        ----------
        host : tuple of (str, int), optional
            Any address in that network and any port; nothing is sent there.

        Returns
        -------
        str
            The address, 127.0.0.1 if there is no such network.
        """
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            try:
                probe.connect(host)
            except OSError:
                return "127.0.0.1"
            address: str = probe.getsockname()[0]
            return address

    def __str__(self) -> str:
        if self.socket is None:
            return "not connected"
        tls = f", {self._tls.version() or 'TLS'}" if self._tls is not None else ""
        return f"{address_text(self._own)} to {address_text(self._peer)}{tls}"

    # -- making a connection -----------------------------------------------------------------

    def connect(
        self,
        address: AddressInformation,
        timeout: float | None = None,
        bind_address: AddressInformation | None = None,
        tls_args: tuple[ssl.SSLContext, str | None] | None = None,
    ) -> None:
        """Connect to a peer and, if asked for, do the TLS handshake (PS3.8 9.1.1, PS3.15 B).

        Parameters
        ----------
        address : AddressInformation
            The peer's address.
        timeout : float or None, optional
            Seconds for all of it; None leaves it to the system when to give up.
        bind_address : AddressInformation, optional
            The local address to connect from.
        tls_args : tuple of (ssl.SSLContext, str or None), optional
            The context, and the name that the peer's certificate must be for if the context
            checks it.

        Raises
        ------
        BindError
            If `bind_address` can't be used; the socket is closed then.
        ConnectionError, TimeoutError, ssl.SSLError, OSError
            If something else fails, with the reason in words; likewise.
        """
        if self.socket is not None:
            raise RuntimeError("an AssociationSocket makes one connection only")
        deadline = Deadline(timeout)
        tls_args = tls_args or self.tls_args
        self._peer = address.as_tuple
        try:
            sock = socket.socket(address.address_family, socket.SOCK_STREAM)
            self._adopt(sock)
            self._bind(sock, bind_address or self._bind_address)
            self._connect(sock, deadline)
            if tls_args is not None:
                self._start_tls(tls_args[0], tls_args[1], deadline, server_side=False)
        except BaseException:
            self.close()
            raise

    def handshake(self, ssl_context: ssl.SSLContext, timeout: float | None) -> None:
        """Do the TLS handshake with a peer that has connected (PS3.15 B).

        Parameters
        ----------
        ssl_context : ssl.SSLContext
            A context for servers.
        timeout : float or None
            Seconds for it, None for no limit.

        Raises
        ------
        ConnectionError, TimeoutError, ssl.SSLError, OSError
            If that fails, with the reason in words; the socket is closed then.
        """
        deadline = Deadline(timeout)
        try:
            self._expect_tls(deadline)
            self._start_tls(ssl_context, None, deadline, server_side=True)
        except BaseException:
            self.close()
            raise

    def _adopt(self, sock: socket.socket) -> None:
        """Make a socket the one of this connection."""
        with self._guard:
            self.socket = sock
            if self._is_closed:
                self._release()
            self._live_socket()
        sock.setblocking(False)
        # Else a PDU may wait until the peer has acknowledged the one before, up to 200 ms.
        # Some systems refuse it when the peer has gone already
        with suppress(OSError):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def _bind(self, sock: socket.socket, local: AddressInformation | None) -> None:
        """Bind a socket that is to connect to its local address."""
        if local is None or (is_any(local.address) and not local.port):
            return  # the system chooses better
        if local.port and os.name == "posix":  # usable again soon after the last connection
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        # Any address of this host is one of the peer's family
        address = ("", local.port) if is_any(local.address) else local.as_tuple
        try:
            sock.bind(address)
        except OSError as exc:
            raise BindError(exc.errno, f"cannot connect from {local}: {exc.strerror}") from exc

    def _connect(self, sock: socket.socket, deadline: Deadline) -> None:
        """Connect a socket."""
        what = f"the connection to {address_text(self._peer)}"
        error = sock.connect_ex(destination(self._peer))
        if error in _IN_PROGRESS:
            self._wait_for(POLLOUT, deadline, what)
            with self._guard:
                self._live_socket()
                error = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if error:
            words = _CONNECT_ERRORS.get(error, f"failed: {os.strerror(error)}")
            raise OSError(error, f"{what} {words}")
        self._own = sock.getsockname()

    def _wait_for(self, event: int, deadline: Deadline, what: str) -> None:
        """Wait until the socket can be read or written; leave wake-ups to later waits."""
        readable = writable = was_woken = False
        while not readable and not writable:
            self._live_socket()
            left = deadline.remaining(what)
            readable, writable, woken = self.wait(event == POLLIN, event == POLLOUT, left)
            was_woken = was_woken or woken
        if was_woken:
            self.wake()

    def _live_socket(self) -> socket.socket:
        """Return the socket, or raise if it was closed, perhaps by another thread."""
        if self._is_closed or self.socket is None:
            message = f"the connection to {address_text(self._peer)} was closed by this side"
            raise ConnectionAbortedError(errno.ECONNABORTED, message)
        return self.socket

    # -- TLS ---------------------------------------------------------------------------------

    def _expect_tls(self, deadline: Deadline) -> None:
        """Look, without taking them, whether the peer's first bytes are those of TLS."""
        self._wait_for(POLLIN, deadline, "the TLS handshake")
        with self._guard:
            # Of the class, since SSLSocket does not let its raw bytes be looked at
            first = socket.socket.recv(self._live_socket(), 2, socket.MSG_PEEK)
        if not first:
            message = "the peer closed the connection instead of a TLS handshake"
            raise ConnectionResetError(errno.ECONNRESET, message)
        if not looks_like_tls(first):
            raise lazy.ssl.SSLError(lazy.ssl.SSL_ERROR_SSL, _NO_TLS)

    def _start_tls(
        self,
        context: ssl.SSLContext,
        server_hostname: str | None,
        deadline: Deadline,
        server_side: bool,
    ) -> None:
        """Do the TLS handshake."""
        try:
            with self._guard:
                self.socket = self._tls = tls = context.wrap_socket(
                    self._live_socket(),
                    server_side=server_side,
                    do_handshake_on_connect=False,
                    server_hostname=server_hostname,
                )
            while event := self._shake_hands(tls):
                self._wait_for(event, deadline, "the TLS handshake")
        except lazy.ssl.SSLError as exc:
            _put_in_words(exc)
            raise
        except ValueError as exc:  # the context wants the name of the peer
            raise lazy.ssl.SSLError(lazy.ssl.SSL_ERROR_SSL, f"{exc}, see 'tls_args'") from exc

    def _shake_hands(self, tls: ssl.SSLSocket) -> int:
        """Go on with the TLS handshake; return the event it waits for, 0 when it is done."""
        with self._guard:
            self._live_socket()
            try:
                tls.do_handshake()
            except lazy.ssl.SSLWantReadError:
                return POLLIN
            except lazy.ssl.SSLWantWriteError:
                return POLLOUT
        return 0

    def _end_tls(self) -> None:
        """Tell the peer that this is the end and not a cut (close_notify)."""
        if self._tls is not None:
            # One attempt: it fails if the peer takes nothing, or has not said the same
            with suppress(OSError, ValueError):
                self._tls.unwrap()

    # -- reading and writing -----------------------------------------------------------------

    def recv(self, nr_bytes: int) -> bytes:
        """Return what has been received, ``nr_bytes`` at most and nothing at the end.

        Raises
        ------
        BlockingIOError
            If nothing has been received, see :meth:`wait`.
        OSError
            If the connection failed.
        """
        buffer = bytearray(nr_bytes)
        received = self.recv_into(memoryview(buffer))
        if received is None:
            raise BlockingIOError(errno.EWOULDBLOCK, "nothing has been received")
        return bytes(buffer[:received])

    def recv_into(self, view: memoryview) -> int | None:
        """Read what has been received.

        Parameters
        ----------
        view : memoryview
            Where to put it: at least one byte of room.

        Returns
        -------
        int or None
            The number of bytes put there, 0 at the end of the connection (also if it was this
            side that closed it); None if there is nothing yet.

        Raises
        ------
        OSError
            If the connection failed.
        """
        with self._guard:
            if self._is_closed or self.socket is None:
                return 0
            event, received = POLLIN, None
            try:
                if self._tls is None:
                    received = self.socket.recv_into(view)
                else:
                    received = self._receive_records(self._tls, view)
            except BlockingIOError:
                pass
            except lazy.ssl.SSLWantReadError:
                pass
            except lazy.ssl.SSLWantWriteError:
                event = POLLOUT
            except lazy.ssl.SSLError as exc:
                _put_in_words(exc)
                raise
            self._read_event = event
            return received

    def _receive_records(self, tls: ssl.SSLSocket, view: memoryview) -> int:
        """Read the TLS records that are there and for which there is room; each read gives one."""
        if self._read_error is not None:
            raise self._read_error
        total = 0
        for _ in range(_MOST_RECORDS):
            if total == len(view):
                break
            try:
                received = tls.recv_into(view[total:])
            except (lazy.ssl.SSLWantReadError, lazy.ssl.SSLWantWriteError):
                if not total:
                    raise
                break
            except OSError as exc:
                self._read_error = exc
                if not total:
                    raise
                break
            if not received:
                break
            total += received
        return total

    def send(self, buffers: Sequence[Buffer], more: bool = False) -> int:
        """Write as much as the system takes.

        Parameters
        ----------
        buffers : sequence of bytes-like
            What to send, gathered in one system call without TLS. What was not taken has to come
            first in the next call: part of it may be encrypted already.
        more : bool, optional
            More will follow at once: the system may keep this back to send both together. If
            nothing does, it is late by 0.2 s at most.

        Returns
        -------
        int
            The number of bytes taken, 0 if it is none at present, see :meth:`wait`.

        Raises
        ------
        OSError
            If the connection failed or was closed.
        """
        with self._guard:
            sock = self._live_socket()
            event, sent = POLLOUT, 0
            try:
                if self._tls is not None or not _HAS_SENDMSG:
                    sent = _send_joined(sock, buffers)
                elif len(buffers) <= _IOV_MAX:
                    sent = sock.sendmsg(buffers, (), _MORE if more else 0)
                else:
                    sent = sock.sendmsg(buffers[:_IOV_MAX])
            except BlockingIOError:
                pass
            except lazy.ssl.SSLWantWriteError:
                pass
            except lazy.ssl.SSLWantReadError:
                event = POLLIN
            except lazy.ssl.SSLError as exc:
                _put_in_words(exc)
                raise
            self._write_event = event
            return sent

    def quick_ack(self) -> None:
        """Acknowledge what was received at once, if the system lets one ask for that.

        Peers that use Nagle's algorithm send no more before, which can take 40 ms. It has to be
        asked for again and again.
        """
        with self._guard:
            if self.socket is not None and _QUICK_ACK is not None:
                with suppress(OSError):
                    self.socket.setsockopt(socket.IPPROTO_TCP, _QUICK_ACK, 1)

    # -- waiting and closing -----------------------------------------------------------------

    def wait(
        self, read: bool = True, write: bool = False, timeout: float | None = None
    ) -> tuple[bool, bool, bool]:
        """Wait until the socket can be read or written, or wake() or close() is called.

        Several threads may wait at the same time. They all are woken.

        Parameters
        ----------
        read, write : bool, optional
            What to wait for.
        timeout : float or None, optional
            For how many seconds; None for ever.

        Returns
        -------
        tuple of (bool, bool, bool)
            Whether the socket can be read, whether it can be written, and whether the thread was
            woken; all False when the time is up. An error or the end of the connection can be
            read, asked for or not.
        """
        read_event = write_event = events = 0
        woken = False
        with self._guard:
            if self._is_closed or self.socket is None:
                return True, False, True
            if read:
                if self._tls is not None and (self._tls.pending() or self._read_error):
                    return True, False, False  # was read already, poll() does not know of it
                read_event = self._read_event
            if write:
                write_event = self._write_event
            mask = read_event | write_event
            is_same = mask == self._mask and not self._waiting
            poll = self._poll if is_same else self._poll_for(mask)
            self._waiting += 1
        try:
            for fd, event in self._patience.wait(poll, timeout):
                if fd == self._fd:
                    events = event
                else:
                    woken = True
        finally:
            with self._guard:
                self._waiting -= 1
                if (woken or self._is_closed) and not self._waiting:
                    self._tidy_up()
        readable = self._is_closed or bool(events & (read_event | FAILED))
        return readable, bool(events & write_event), woken

    def is_quiet(self) -> bool:
        """Return True if nothing can be read and nobody was woken; for who looks often.

        It may be False without a reason: who wants to know has to :meth:`wait`.
        """
        with self._guard:
            if self._is_closed or self._waiting or self._mask != POLLIN or self._tls is not None:
                return False
            return not self._poll.poll(0)

    def _poll_for(self, mask: int) -> Any:
        """Return what a thread waits with."""
        if self._poll is not None and not self._waiting:
            self._poll.modify(self._fd, mask)
            self._mask = mask
            return self._poll
        # For the first thread that waits, and each that does so while others do
        assert self.socket is not None
        self._fd = self.socket.fileno()
        poll = new_poll()
        poll.register(self._fd, mask)
        poll.register(self._wake_up.fileno(), POLLIN)
        if self._poll is None:
            self._poll, self._mask = poll, mask
        return poll

    def _tidy_up(self) -> None:
        """Be the last of the threads that waited when there is something to tidy up."""
        if self._is_closed:
            self._release()
        else:
            self._wake_up.clear()

    def wake(self) -> None:
        """Wake the threads that wait, or else the next one that is going to."""
        self._wake_up.set()

    def shutdown_write(self) -> None:
        """Tell the peer that nothing more will be sent; reading goes on. Never fails."""
        with self._guard:
            if self.socket is not None and not self._is_closed:
                # Of the class, since SSLSocket's would read on without TLS. There is no
                # close_notify: OpenSSL throws away what it then finds to be read
                with suppress(OSError):
                    socket.socket.shutdown(self.socket, socket.SHUT_WR)

    def close(self) -> None:
        """Close the connection. Never fails, and does nothing the second time.

        Threads that wait are woken, and the last of them gives the descriptor back.
        """
        with self._guard:
            if self._is_closed:
                return
            self._is_closed = True
            self._end_tls()
            if self._waiting:
                self._wake_up.set()
            else:
                self._release()

    def _release(self) -> None:
        """Give the descriptors back."""
        if self.socket is not None:
            self.socket.close()
        self._wake_up.close()


def _send_joined(sock: socket.socket, buffers: Sequence[Buffer]) -> int:
    """Send buffers in pieces of the size of TLS records; return the number of bytes taken."""
    total = 0
    for piece in _pieces(buffers):
        try:
            sent = sock.send(piece)
        except (BlockingIOError, lazy.ssl.SSLWantReadError, lazy.ssl.SSLWantWriteError):
            if not total:
                raise
            break
        total += sent
        if sent < len(piece):
            break
    return total


def _pieces(buffers: Iterable[Buffer]) -> Iterator[bytearray]:
    """Yield what is in some buffers, in pieces of the size of TLS records."""
    piece = bytearray()
    for buffer in buffers:
        view = memoryview(buffer)
        while view:
            room = _RECORD_SIZE - len(piece)
            piece += view[:room]
            view = view[room:]
            if len(piece) == _RECORD_SIZE:
                yield piece
                piece = bytearray()
    if piece:
        yield piece


def _put_in_words(error: ssl.SSLError) -> None:
    """Replace what OpenSSL says about an error by what users can make something of."""
    reason = getattr(error, "reason", None) or ""  # errors that are not OpenSSL's have none
    if isinstance(error, lazy.ssl.SSLCertVerificationError):
        error.strerror = f"certificate verify failed: {error.verify_message}"
    elif isinstance(error, lazy.ssl.SSLEOFError):
        error.strerror = "the peer closed the connection in the middle of TLS"
    elif reason == "WRONG_VERSION_NUMBER":
        error.strerror = _NO_TLS
    elif "ALERT_" in reason:
        alert = reason.partition("ALERT_")[2].replace("_", " ").lower()
        error.strerror = f"the peer ended TLS, its reason: {alert}"
    elif reason:
        error.strerror = f"TLS failed: {reason.replace('_', ' ').lower()}"
