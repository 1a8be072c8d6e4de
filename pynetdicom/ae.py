"""The application entity: what it proposes and supports, its associations and its servers."""

from __future__ import annotations

import atexit
import logging
import threading
import warnings
from collections.abc import Iterable, Sequence
from copy import copy
from time import monotonic
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeAlias, overload
from weakref import WeakSet

import pynetdicom._config as _config
import pynetdicom._lazy as lazy
import pynetdicom.events as evt
import pynetdicom.transport as transport
from pynetdicom._ae_settings import Settings, check_contexts, copies_of
from pynetdicom._globals import DEFAULT_MAX_LENGTH, MODE_ACCEPTOR, MODE_REQUESTOR
from pynetdicom._negotiation import propose
from pynetdicom.association import Association
from pynetdicom.association.late_start import end_idle_threads
from pynetdicom.pdu_primitives import A_ASSOCIATE, REJECTED_TRANSIENT
from pynetdicom.presentation import PresentationContext
from pynetdicom.utils import RateLimit, as_ae_title

if TYPE_CHECKING:
    import socket
    import ssl

    from typing_extensions import Self

    from pynetdicom._memo import Deferred
    from pynetdicom.association.service_user import NegotiationItem
    from pynetdicom.transport import (
        AddressInformation,
        AssociationServer,
        ThreadedAssociationServer,
    )

LOGGER = logging.getLogger("pynetdicom.ae")

# Seconds that shutdown() waits in all for handlers that are running to return
SHUTDOWN_PATIENCE = 1.0
# Seconds before the first new try after a transient rejection, and before any at the most
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 8.0

TLSArguments: TypeAlias = "tuple[ssl.SSLContext, str | None]"
Address = str | tuple[str, int, int]


class _Call(NamedTuple):
    """The arguments of associate(), for as many requests as it takes."""

    address: AddressInformation
    contexts: Sequence[PresentationContext] | None
    ae_title: str
    max_pdu: int
    ext_neg: list[NegotiationItem]
    bind_address: tuple[str, int] | tuple[str, int, int, int] | None
    tls_args: TLSArguments | None
    evt_handlers: list[evt.EventHandlerType]


class ApplicationEntity(Settings):
    """A DICOM application entity (AE): requests associations and accepts them.

    As a context manager it ends with :meth:`shutdown`.

    Parameters
    ----------
    ae_title : str, optional
        Its title, 1 to 16 characters.

    Attributes
    ----------
    limits : limits.Limits
        What it accepts from peers before it refuses.
    require_application_context : bool
        Whether an association is rejected that names another application context than DICOM's
        (PS3.7 A.2.1); True by default.

    Examples
    --------
    >>> from pynetdicom import AE
    >>> ae = AE(ae_title="MY_SCU")
    >>> ae.add_requested_context("1.2.840.10008.1.1")
    >>> assoc = ae.associate("127.0.0.1", port)
    >>> assoc.send_c_echo().Status
    0
    >>> assoc.release()
    """

    def __init__(self, ae_title: str = "PYNETDICOM") -> None:
        super().__init__(ae_title)
        self._lock = threading.RLock()  # re-entrant for signal handlers
        self._shut_down = threading.Condition(self._lock)  # tells of each shutdown()
        self._shutdowns = 0
        self._associations: set[Association] = set()  # those whose thread runs
        self._places: set[Association] = set()  # acceptors being negotiated or established
        self._servers: list[AssociationServer] = []
        self._bindings: list[evt.EventHandlerType] = []
        self._fault_lines = RateLimit(lambda: self.limits.error_lines)

    def register_event_handler(
        self, event: evt.EventType, handler: evt.Handler, args: Sequence[Any] | None = None
    ) -> None:
        """Bind a handler to an event of whatever this AE does from now on.

        It is bound to all associations and servers that are made later, before their own
        `evt_handlers`, and to the servers that run.

        Parameters
        ----------
        event : events.NotificationEvent or events.InterventionEvent
            One of the ``EVT_*`` constants of :mod:`pynetdicom.events`.
        handler : callable
            Called as ``handler(event, *args)`` with an :class:`~pynetdicom.events.Event`.
        args : sequence, optional
            Further arguments for `handler`.
        """
        with self._lock:
            self._bindings.append((event, handler, args))
            servers = list(self._servers)
        for server in servers:
            server.bind(event, handler, args)

    # -- as requestor ------------------------------------------------------------------------

    def associate(
        self,
        addr: Address,
        port: int,
        contexts: Sequence[PresentationContext] | None = None,
        ae_title: str = "ANY-SCP",
        max_pdu: int = DEFAULT_MAX_LENGTH,
        ext_neg: Sequence[NegotiationItem] | None = None,
        bind_address: tuple[str, int] | tuple[str, int, int, int] | None = None,
        tls_args: TLSArguments | None = None,
        evt_handlers: Iterable[evt.EventHandlerType] | None = None,
    ) -> Association:
        """Request an association with a peer (PS3.8 7.1) and return how that went.

        If the peer rejects it transiently another one is requested after a pause, as many times
        as :attr:`transient_retries` says, and the last one is returned.

        Parameters
        ----------
        addr : str or tuple of (str, int, int)
            Host name or IP address of the peer, or IPv6 address, flow info and scope ID; empty
            for this host.
        port : int
            Its TCP port.
        contexts : list of presentation.PresentationContext, optional
            What to propose, by default :attr:`requested_contexts`. If there are none of those
            either, :attr:`supported_contexts` are proposed, with a warning in the log.
        ae_title : str, optional
            The peer's AE title.
        max_pdu : int, optional
            The longest P-DATA-TF variable field to announce, in bytes; 0 for any length.
        ext_neg : list of pdu_primitives.ServiceParameter, optional
            Items of extended negotiation (PS3.7 D.3.3).
        bind_address : tuple, optional
            The local address to connect from: host and port, with IPv6 flow info and scope ID.
        tls_args : tuple of (ssl.SSLContext, str or None), optional
            Connect with TLS: the context, and the server's name to verify.
        evt_handlers : list of tuple, optional
            ``(event, handler)`` or ``(event, handler, args)`` to bind.

        Returns
        -------
        association.Association
            Established if its ``is_established`` is True. Else it was rejected
            (``is_rejected``; the reason is in ``acceptor.primitive``) or aborted
            (``is_aborted``), which includes that there is no connection.

        Raises
        ------
        RuntimeError
            If there is nothing to propose.
        TypeError, ValueError
            If a parameter is unusable.
        socket.gaierror
            If the host's name is not known.
        OSError
            If `bind_address` is in use, or not one of this host.
        """
        call = _Call(
            address=transport.AddressInformation.from_addr_port(addr, port),
            contexts=contexts,
            ae_title=ae_title,
            max_pdu=max_pdu,
            ext_neg=list(ext_neg or ()),
            bind_address=bind_address,
            tls_args=tls_args,
            evt_handlers=list(evt_handlers or ()),
        )
        shutdowns = self._shutdowns
        assoc, pause = self._request(call), FIRST_PAUSE
        for _ in range(self.transient_retries):
            if not assoc.is_rejected or not _is_transient(assoc.acceptor.primitive):
                break
            LOGGER.info("%s is busy, trying again in %s s", assoc._peer_text(), pause)
            if self._wait_for_shutdown(shutdowns, pause):
                break
            assoc, pause = self._request(call), min(2 * pause, LONGEST_PAUSE)
        return assoc

    def _wait_for_shutdown(self, before: int, timeout: float) -> bool:
        """Return True, and at once, if there are more calls of shutdown() than before."""
        with self._shut_down:
            return self._shut_down.wait_for(lambda: self._shutdowns > before, timeout)

    def _request(self, call: _Call) -> Association:
        """Request one association."""
        assoc = Association(self, MODE_REQUESTOR)
        user = assoc.requestor
        user._introduce(self, self.ae_title)
        user.maximum_length = call.max_pdu
        for item in call.ext_neg:
            user.add_negotiation_item(item)
        user._contexts = self._contexts_to_propose(call.contexts)
        assoc.acceptor.ae_title = call.ae_title
        assoc.acceptor.address_info = call.address
        if call.bind_address is not None:
            assoc._bind_address = transport.AddressInformation.from_tuple(call.bind_address)
        tls_args = call.tls_args
        if tls_args is not None and not (
            isinstance(tls_args, tuple)
            and len(tls_args) == 2
            and isinstance(tls_args[0], lazy.ssl.SSLContext)
        ):
            raise TypeError("tls_args must be (ssl.SSLContext, name of the server or None)")
        assoc._tls_args = tls_args
        for binding in (*self._bindings, *call.evt_handlers):
            assoc.bind(*binding)
        assoc.request()
        return assoc

    def _contexts_to_propose(
        self, contexts: Sequence[PresentationContext] | None
    ) -> Deferred[list[PresentationContext]]:
        """Return what makes copies of the contexts to propose, with their IDs."""
        wanted = check_contexts(contexts or self._requested_contexts)
        if not wanted and self._supported_contexts:
            LOGGER.warning(
                "No requested presentation contexts: proposing the supported ones; use "
                "add_requested_context() to say what this AE requests"
            )
            wanted = [
                _without_roles(context) for context in check_contexts(self.supported_contexts)
            ]
        if not wanted:
            raise RuntimeError(
                "At least one presentation context has to be proposed: use add_requested_context()"
            )
        return propose(wanted, _numbered).deferred()

    # -- as acceptor -------------------------------------------------------------------------

    def make_server(
        self,
        address: tuple[str, int] | tuple[str, int, int, int],
        ae_title: str | None = None,
        contexts: Sequence[PresentationContext] | None = None,
        ssl_context: ssl.SSLContext | None = None,
        evt_handlers: Iterable[evt.EventHandlerType] | None = None,
        server_class: type[Any] | None = None,
        **kwargs: Any,
    ) -> Any:
        """Return a server that is bound to its address but not yet running.

        Parameters
        ----------
        address : tuple of (str, int)
            Where to listen: host (empty for all of IPv4, ``"::"`` for all of both) and port (0
            for any free one).
        ae_title : str, optional
            The server's AE title, by default the AE's.
        contexts : list of presentation.PresentationContext, optional
            What is accepted, by default :attr:`supported_contexts`.
        ssl_context : ssl.SSLContext, optional
            Accept TLS only, with this context.
        evt_handlers : list of tuple, optional
            ``(event, handler)`` or ``(event, handler, args)`` to bind.
        server_class : type, optional
            The class to use, by default :class:`~pynetdicom.transport.AssociationServer`.
        **kwargs
            Further arguments for it.

        Returns
        -------
        transport.AssociationServer
            The server; its ``serve_forever()`` runs it.

        Raises
        ------
        ValueError
            If there are no contexts, or only one role of a context is set.
        OSError
            If the address is in use or not one of this host.
        """
        contexts = list(contexts) if contexts else self.supported_contexts
        if not contexts and not _config.UNRESTRICTED_STORAGE_SERVICE:
            raise ValueError(
                "No supported presentation contexts: use add_supported_context() first"
            )
        for context in contexts:
            if (context.scu_role is None) != (context.scp_role is None):
                raise ValueError(
                    f"Set both roles or none of the supported context {context.abstract_syntax}"
                )
        _ = lazy.sop_class  # which the first request needs: better now than then
        return (server_class or transport.AssociationServer)(
            self,
            address,
            ae_title or self.ae_title,
            contexts,
            ssl_context,
            evt_handlers=[*self._bindings, *(evt_handlers or ())],
            **kwargs,
        )

    @overload
    def start_server(
        self,
        address: tuple[str, int] | tuple[str, int, int, int],
        block: Literal[True] = True,
        ssl_context: ssl.SSLContext | None = None,
        evt_handlers: Iterable[evt.EventHandlerType] | None = None,
        ae_title: str | None = None,
        contexts: Sequence[PresentationContext] | None = None,
    ) -> None: ...

    @overload
    def start_server(
        self,
        address: tuple[str, int] | tuple[str, int, int, int],
        block: Literal[False],
        ssl_context: ssl.SSLContext | None = None,
        evt_handlers: Iterable[evt.EventHandlerType] | None = None,
        ae_title: str | None = None,
        contexts: Sequence[PresentationContext] | None = None,
    ) -> ThreadedAssociationServer: ...

    def start_server(
        self,
        address: tuple[str, int] | tuple[str, int, int, int],
        block: bool = True,
        ssl_context: ssl.SSLContext | None = None,
        evt_handlers: Iterable[evt.EventHandlerType] | None = None,
        ae_title: str | None = None,
        contexts: Sequence[PresentationContext] | None = None,
    ) -> ThreadedAssociationServer | None:
        """Start a server that accepts associations.

        Parameters
        ----------
        address : tuple of (str, int)
            Where to listen, as for :meth:`make_server`.
        block : bool, optional
            Whether to serve in this thread until Ctrl-C or :meth:`shutdown`, or in one of its
            own.
        ssl_context, evt_handlers, ae_title, contexts
            As for :meth:`make_server`.

        Returns
        -------
        transport.ThreadedAssociationServer or None
            The running server if `block` is False.

        Raises
        ------
        ValueError, OSError
            As :meth:`make_server`.
        """
        server: ThreadedAssociationServer = self.make_server(
            address,
            ae_title,
            contexts,
            ssl_context,
            evt_handlers,
            transport.ThreadedAssociationServer,
        )
        with self._lock:
            # Those that were stopped by themselves are of no interest any more
            self._servers = [each for each in self._servers if not each.is_closed]
            self._servers.append(server)
        _serving.add(self)
        try:
            if block:
                self._serve_here(server)
                return None
            server.start()
        except BaseException:
            server.server_close()
            raise
        return server

    def _serve_here(self, server: AssociationServer) -> None:
        """Run a server in this thread until it is interrupted or shut down."""
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            self.shutdown()
        finally:
            server.server_close()

    def _handle_connection(
        self, server: AssociationServer, client_socket: socket.socket, address: Any
    ) -> Association:
        """Serve a new connection in a thread of its own; called by a server."""
        assoc = Association(self, MODE_ACCEPTOR)
        user = assoc.acceptor
        user._introduce(self, as_ae_title(server.ae_title, "ae_title", allow_empty=False))
        user.maximum_length = self.maximum_pdu_size
        # Copies if somebody looks at them: what a handler changes is for this association alone
        user._contexts = propose(server.contexts, copies_of).deferred()
        connection = transport.AssociationSocket(assoc, client_socket=client_socket)
        user.address_info = transport.AddressInformation.from_tuple(connection.getsockname())
        assoc.requestor.address_info = transport.AddressInformation.from_tuple(address)
        assoc._server = server
        assoc._ssl_context = server.ssl_context
        assoc.set_socket(connection)
        server.register(assoc, connection)
        try:
            assoc.start()
        except RuntimeError:  # the system has no more threads
            connection.close()
            server.forget(assoc)
            self._finished(assoc)
            raise
        return assoc

    # -- associations ------------------------------------------------------------------------

    @property
    def active_associations(self) -> list[Association]:
        """The associations, of either kind, that have neither ended nor failed."""
        with self._lock:
            associations = list(self._associations)
        return [assoc for assoc in associations if assoc._is_active]

    def _started(self, assoc: Association) -> None:
        """Keep an association whose thread is about to start."""
        with self._lock:
            self._associations.add(assoc)

    def _finished(self, assoc: Association) -> None:
        """Forget an association whose thread is about to end."""
        with self._lock:
            self._associations.discard(assoc)
            self._places.discard(assoc)

    def _reserve_place(self, assoc: Association) -> bool:
        """Count an acceptor against the maximum, if there is a place for it."""
        with self._lock:
            if len(self._places) >= self._maximum_associations:
                return False
            self._places.add(assoc)
            return True

    def _release_place(self, assoc: Association) -> None:
        """Count an acceptor no longer."""
        with self._lock:
            self._places.discard(assoc)

    def shutdown(self) -> None:
        """Stop all servers and abort all associations; harmless if there are none.

        Returns when their threads have ended, or after a second if a handler is still running. What
        waits in :meth:`associate` to try again returns what it has.
        """
        with self._shut_down:
            servers, self._servers = self._servers, []
            self._shutdowns += 1
            self._shut_down.notify_all()
        for server in servers:
            server.shutdown()
            server.server_close()
        with self._lock:
            associations = list(self._associations)
        for assoc in associations:
            assoc.abort(block=False)
        for assoc in associations:
            assoc.dul.kill_dul()  # whether or not the peer closes the connection, too
        until = monotonic() + SHUTDOWN_PATIENCE
        for assoc in associations:
            # One that has not been started yet finds its connection closed when it is
            if assoc.is_alive() and assoc is not threading.current_thread():
                assoc.join(max(0.0, until - monotonic()))
                if assoc.is_alive():
                    LOGGER.warning("A handler of %s is still running", assoc._peer_text())
        end_idle_threads()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.shutdown()

    def __str__(self) -> str:
        """Return the settings, contexts and associations as text, a line each."""
        lines = [
            f"Application Entity {self.ae_title}",
            "",
            f"  Requested Presentation Contexts: {len(self._requested_contexts)}",
            *_indented(self._requested_contexts),
            f"  Supported Presentation Contexts: {len(self._supported_contexts)}",
            *_indented(self.supported_contexts),
            f"  ACSE timeout: {self.acse_timeout} s",
            f"  DIMSE timeout: {self.dimse_timeout} s",
            f"  Network timeout: {self.network_timeout} s",
            f"  Connection timeout: {self.connection_timeout} s",
            f"  Associations: {len(self.active_associations)}",
            f"  Maximum associations: {self.maximum_associations}",
        ]
        if self._require_calling_aet:
            lines.append(f"  Required calling AE titles: {', '.join(self._require_calling_aet)}")
        lines.append(f"  Called AE title required: {self._require_called_aet}")
        lines += [f"    {assoc._peer_text()}" for assoc in self.active_associations]
        return "\n".join(lines)


def _without_roles(context: PresentationContext) -> PresentationContext:
    """Return a copy of a supported context to be proposed: an acceptor's roles are no proposal."""
    proposed = copy(context)
    proposed.scu_role = proposed.scp_role = None
    return proposed


def _numbered(contexts: Sequence[PresentationContext]) -> list[PresentationContext]:
    """Return copies of contexts, with IDs; ValueError for one without a transfer syntax."""
    copies = copies_of(contexts)
    for index, context in enumerate(copies):
        if not context._transfer_syntax:
            raise ValueError(f"The context for {context!r} has no transfer syntax to propose")
        context._context_id = 2 * index + 1
    return copies


def _is_transient(answer: A_ASSOCIATE | None) -> bool:
    """Return whether an answer is a rejection that may be none the next time."""
    return answer is not None and answer.result == REJECTED_TRANSIENT


def _indented(contexts: Iterable[PresentationContext]) -> list[str]:
    """Return the contexts as text, indented for the listing of an AE."""
    return [f"    {line}" for context in contexts for line in str(context).splitlines()]


# The AEs that have started servers, those nobody else knows any more included: their servers go on
_serving: WeakSet[ApplicationEntity] = WeakSet()


@atexit.register
def _warn_of_servers() -> None:
    """Warn of servers that run when the interpreter ends: their associations end in mid-message."""
    titles = [ae.ae_title for ae in _serving if any(not s.is_closed for s in ae._servers)]
    if titles:
        warnings.warn(
            f"The program ends while {', '.join(sorted(titles))} is still serving; use "
            "ae.shutdown(), or the AE as a context manager",
            RuntimeWarning,
            stacklevel=2,
        )
