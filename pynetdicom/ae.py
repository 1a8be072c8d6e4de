"""The application entity: what it proposes and supports, its associations and its servers."""

from __future__ import annotations

import logging
import ssl
import threading
from collections.abc import Iterable, Sequence
from time import monotonic
from typing import TYPE_CHECKING, Any, Literal, overload

from pydicom.uid import UID

import pynetdicom._config as _config
import pynetdicom.events as evt
from pynetdicom._globals import (
    DEFAULT_MAX_LENGTH,
    DEFAULT_TRANSFER_SYNTAXES,
    MODE_ACCEPTOR,
    MODE_REQUESTOR,
)
from pynetdicom._version import PYNETDICOM_IMPLEMENTATION_UID, PYNETDICOM_IMPLEMENTATION_VERSION
from pynetdicom.association import Association
from pynetdicom.limits import Limits
from pynetdicom.presentation import PresentationContext
from pynetdicom.transport import (
    AddressInformation,
    AssociationServer,
    AssociationSocket,
    ThreadedAssociationServer,
)
from pynetdicom.utils import RateLimit, as_ae_title, as_uid, make_uid, set_ae

if TYPE_CHECKING:
    import socket

    from pynetdicom.association.service_user import NegotiationItem

LOGGER = logging.getLogger("pynetdicom.ae")

# Presentation context IDs are the odd numbers of one byte (PS3.8 9.3.2.2)
MAXIMUM_CONTEXTS = 128
# Seconds that shutdown() waits in all for handlers that are running to return
SHUTDOWN_PATIENCE = 1.0

TLSArguments = tuple[ssl.SSLContext, str | None]
Address = str | tuple[str, int, int]


class ApplicationEntity:
    """A DICOM application entity (AE): requests associations and accepts them.

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
        self.ae_title = ae_title
        self.limits = Limits()
        self.require_application_context = True
        self._implementation_uid = PYNETDICOM_IMPLEMENTATION_UID
        self._implementation_version: str | None = PYNETDICOM_IMPLEMENTATION_VERSION
        self._acse_timeout: float | None = 30
        self._dimse_timeout: float | None = 30
        self._network_timeout: float | None = 60
        self._connection_timeout: float | None = None
        self._maximum_associations = 10
        self._concurrent_operations = 1
        self._maximum_pdu_size = DEFAULT_MAX_LENGTH
        self._require_calling_aet: list[str] = []
        self._require_called_aet = False
        self._requested_contexts: list[PresentationContext] = []
        self._supported_contexts: dict[UID, PresentationContext] = {}
        self._lock = threading.RLock()  # re-entrant for signal handlers
        self._associations: set[Association] = set()  # those whose thread runs
        self._places: set[Association] = set()  # acceptors being negotiated or established
        self._servers: list[AssociationServer] = []
        self._fault_lines = RateLimit(lambda: self.limits.error_lines)

    # -- who it is ---------------------------------------------------------------------------

    @property
    def ae_title(self) -> str:
        """The AE title: 1 to 16 characters of ASCII, not only spaces."""
        return self._ae_title

    @ae_title.setter
    def ae_title(self, value: str) -> None:
        self._ae_title = as_ae_title(value, "ae_title", allow_empty=False)

    @property
    def implementation_class_uid(self) -> UID:
        """The implementation class UID that is sent to peers (PS3.7 D.3.3.2)."""
        return self._implementation_uid

    @implementation_class_uid.setter
    def implementation_class_uid(self, value: str | bytes | UID) -> None:
        uid = as_uid(value, "implementation_class_uid", validate=False)
        if not uid.is_valid:
            raise ValueError(f"implementation_class_uid {value!r} is no valid UID")
        self._implementation_uid = uid

    @property
    def implementation_version_name(self) -> str | None:
        """The implementation version name that is sent to peers, None for none."""
        return self._implementation_version

    @implementation_version_name.setter
    def implementation_version_name(self, value: str | None) -> None:
        if value is not None and not isinstance(value, str):
            raise TypeError("implementation_version_name must be str or None")
        self._implementation_version = set_ae(
            value, "implementation_version_name", allow_empty=False
        )

    # -- time-outs and limits ----------------------------------------------------------------

    def _set_timeout(
        self, name: str, value: float | None, default: float | None, or_zero: bool = True
    ) -> None:
        """Set a time-out of the AE and of its associations; `default` if it is unusable."""
        if value is not None and not (
            isinstance(value, (int, float)) and (value > 0 or (or_zero and value == 0))
        ):
            LOGGER.warning("%s can't be %r; it is set to %s", name, value, default)
            value = default
        setattr(self, f"_{name}", value)
        for assoc in self.active_associations:
            setattr(assoc, name, value)

    @property
    def acse_timeout(self) -> float | None:
        """Seconds to wait for a peer's part in beginning or ending an association; None: ever."""
        return self._acse_timeout

    @acse_timeout.setter
    def acse_timeout(self, value: float | None) -> None:
        self._set_timeout("acse_timeout", value, 30)

    @property
    def dimse_timeout(self) -> float | None:
        """Seconds to wait for each response to a request; None: for ever."""
        return self._dimse_timeout

    @dimse_timeout.setter
    def dimse_timeout(self, value: float | None) -> None:
        self._set_timeout("dimse_timeout", value, 30)

    @property
    def network_timeout(self) -> float | None:
        """Seconds of silence after which an idle association is ended; None: never."""
        return self._network_timeout

    @network_timeout.setter
    def network_timeout(self, value: float | None) -> None:
        self._set_timeout("network_timeout", value, 60)

    @property
    def connection_timeout(self) -> float | None:
        """Seconds to connect in, the TLS handshake included; None leaves it to the system."""
        return self._connection_timeout

    @connection_timeout.setter
    def connection_timeout(self, value: float | None) -> None:
        # Not to connect at all is no time-out
        self._set_timeout("connection_timeout", value, None, or_zero=False)

    @property
    def maximum_associations(self) -> int:
        """How many associations may be accepted at a time, at least 1."""
        return self._maximum_associations

    @maximum_associations.setter
    def maximum_associations(self, value: int) -> None:
        if not isinstance(value, int) or value < 1:
            LOGGER.warning("maximum_associations can't be %r; it is set to 1", value)
            value = 1
        self._maximum_associations = value

    @property
    def concurrent_operations(self) -> int:
        """How many requests of one association its handlers may serve at the same time.

        One, in the order in which they come, is the default. More are served by so many threads
        if the peer has negotiated asynchronous operations (PS3.7 D.3.3.3). ValueError for less
        than 1.
        """
        return self._concurrent_operations

    @concurrent_operations.setter
    def concurrent_operations(self, value: int) -> None:
        if not isinstance(value, int) or value < 1:
            raise ValueError(f"concurrent_operations must be an int of at least 1, not {value!r}")
        self._concurrent_operations = value

    @property
    def maximum_pdu_size(self) -> int:
        """The longest P-DATA-TF variable field that is announced as acceptor, in bytes; 0: any."""
        return self._maximum_pdu_size

    @maximum_pdu_size.setter
    def maximum_pdu_size(self, value: int) -> None:
        if not isinstance(value, int):
            raise TypeError("maximum_pdu_size must be an int, in bytes")
        if value > 0xFFFFFFFF:
            raise ValueError("maximum_pdu_size must be 0 (no limit) to 4294967295 bytes")
        if value >= 0:
            self._maximum_pdu_size = value
        else:
            LOGGER.warning("maximum_pdu_size can't be negative; it stays %d", self.maximum_pdu_size)

    # -- whom it accepts ---------------------------------------------------------------------

    @property
    def require_calling_aet(self) -> list[str]:
        """The AE titles that may associate with this AE; anybody if empty."""
        return self._require_calling_aet

    @require_calling_aet.setter
    def require_calling_aet(self, titles: Iterable[str]) -> None:
        self._require_calling_aet = [
            as_ae_title(title, "require_calling_aet", allow_empty=False) for title in titles
        ]

    @property
    def require_called_aet(self) -> bool:
        """Whether a peer has to call this AE, or its server, by its AE title."""
        return self._require_called_aet

    @require_called_aet.setter
    def require_called_aet(self, value: bool) -> None:
        self._require_called_aet = bool(value)

    # -- presentation contexts ---------------------------------------------------------------

    @property
    def requested_contexts(self) -> list[PresentationContext]:
        """The presentation contexts that are proposed by default, at most 128."""
        return self._requested_contexts

    @requested_contexts.setter
    def requested_contexts(self, contexts: Sequence[PresentationContext] | None) -> None:
        self._requested_contexts = _checked_contexts(contexts or [])

    def add_requested_context(
        self,
        abstract_syntax: str | UID | PresentationContext,
        transfer_syntax: str | UID | Sequence[str | UID] | None = None,
    ) -> None:
        """Add a presentation context to those that are proposed by default.

        Parameters
        ----------
        abstract_syntax : str, pydicom.uid.UID
            Its abstract syntax: the SOP class.
        transfer_syntax : str, pydicom.uid.UID or list of them, optional
            Its transfer syntaxes; by default ``DEFAULT_TRANSFER_SYNTAXES``.

        Raises
        ------
        ValueError
            If there are 128 already, or a UID is unusable.
        """
        if len(self._requested_contexts) >= MAXIMUM_CONTEXTS:
            raise ValueError(
                f"An association can propose {MAXIMUM_CONTEXTS} presentation contexts at the most"
            )
        self._requested_contexts.append(_new_context(abstract_syntax, transfer_syntax))

    def remove_requested_context(
        self, abstract_syntax: str | UID, transfer_syntax: str | Sequence[str] | None = None
    ) -> None:
        """Remove presentation contexts from those that are proposed by default.

        Parameters
        ----------
        abstract_syntax : str or pydicom.uid.UID
            The abstract syntax of the contexts.
        transfer_syntax : str or list of str, optional
            The transfer syntaxes to remove from them; all of them by default.
        """
        self._requested_contexts = [
            context
            for context in self._requested_contexts
            if context.abstract_syntax != abstract_syntax or _left_over(context, transfer_syntax)
        ]

    @property
    def supported_contexts(self) -> list[PresentationContext]:
        """The presentation contexts that are accepted by default, by abstract syntax."""
        return [self._supported_contexts[uid] for uid in sorted(self._supported_contexts)]

    @supported_contexts.setter
    def supported_contexts(self, contexts: Iterable[PresentationContext]) -> None:
        contexts = list(contexts)
        for context in contexts:
            if not isinstance(context, PresentationContext):
                raise ValueError("supported_contexts must be a list of PresentationContext")
        self._supported_contexts = {}
        for context in contexts:
            self._support(_copy_of(context))

    def add_supported_context(
        self,
        abstract_syntax: str | UID | PresentationContext,
        transfer_syntax: str | UID | Sequence[str | UID] | None = None,
        scu_role: bool | None = None,
        scp_role: bool | None = None,
    ) -> None:
        """Add a presentation context to those that are accepted by default.

        There is one for each abstract syntax: a second call adds transfer syntaxes to it and
        sets its roles.

        Parameters
        ----------
        abstract_syntax : str or pydicom.uid.UID
            Its abstract syntax: the SOP class.
        transfer_syntax : str, pydicom.uid.UID or list of them, optional
            Its transfer syntaxes, the preferred one first; by default
            ``DEFAULT_TRANSFER_SYNTAXES``.
        scu_role, scp_role : bool or None, optional
            Whether a requestor that asks for the role of SCU, or SCP, gets it. None for both
            leaves role selection unanswered, so that the requestor is SCU.

        Raises
        ------
        ValueError
            If a UID is unusable.
        TypeError
            If a role is not bool or None.
        """
        for role in (scu_role, scp_role):
            if role is not None and not isinstance(role, bool):
                raise TypeError("scu_role and scp_role must be bool or None")
        context = _new_context(abstract_syntax, transfer_syntax)
        context.scu_role, context.scp_role = scu_role, scp_role
        self._support(context)

    def _support(self, context: PresentationContext) -> None:
        """Add a supported context, or what is new in it to the one that is there."""
        uid = context.abstract_syntax or UID("")
        known = self._supported_contexts.setdefault(uid, context)
        if known is not context:
            for syntax in context.transfer_syntax:
                known.add_transfer_syntax(syntax)
            known.scu_role, known.scp_role = context.scu_role, context.scp_role

    def remove_supported_context(
        self, abstract_syntax: str | UID, transfer_syntax: str | Sequence[str] | None = None
    ) -> None:
        """Remove a presentation context from those that are accepted by default.

        Parameters
        ----------
        abstract_syntax : str or pydicom.uid.UID
            Its abstract syntax.
        transfer_syntax : str or list of str, optional
            The transfer syntaxes to remove from it; all of them by default.
        """
        uid = make_uid(abstract_syntax)
        context = self._supported_contexts.get(uid)
        if context is not None and not _left_over(context, transfer_syntax):
            del self._supported_contexts[uid]

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

        Parameters
        ----------
        addr : str or tuple of (str, int, int)
            Host name or IP address of the peer, or IPv6 address, flow info and scope ID; empty
            for this host.
        port : int
            Its TCP port.
        contexts : list of presentation.PresentationContext, optional
            What to propose, by default :attr:`requested_contexts`.
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
        """
        assoc = Association(self, MODE_REQUESTOR)
        user = assoc.requestor
        user.ae_title = self.ae_title
        user.maximum_length = max_pdu
        user.implementation_class_uid = self.implementation_class_uid
        user.implementation_version_name = self.implementation_version_name
        for item in ext_neg or ():
            user.add_negotiation_item(item)
        user.requested_contexts = self._contexts_to_propose(contexts)
        assoc.acceptor.ae_title = ae_title
        assoc.acceptor.address_info = AddressInformation.from_addr_port(addr, port)
        if bind_address is not None:
            assoc._bind_address = AddressInformation.from_tuple(bind_address)
        if tls_args is not None and not (
            isinstance(tls_args, tuple)
            and len(tls_args) == 2
            and isinstance(tls_args[0], ssl.SSLContext)
        ):
            raise TypeError("tls_args must be (ssl.SSLContext, name of the server or None)")
        assoc._tls_args = tls_args
        for binding in evt_handlers or ():
            assoc.bind(*binding)
        assoc.request()
        return assoc

    def _contexts_to_propose(
        self, contexts: Sequence[PresentationContext] | None
    ) -> list[PresentationContext]:
        """Return copies of the contexts to propose, with their IDs."""
        proposed = _checked_contexts(contexts or self._requested_contexts)
        if not proposed:
            raise RuntimeError(
                "At least one presentation context has to be proposed: use add_requested_context()"
            )
        for index, context in enumerate(proposed):
            if not context.transfer_syntax:
                raise ValueError(f"The context for {context!r} has no transfer syntax to propose")
            context._context_id = 2 * index + 1
        return proposed

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
        return (server_class or AssociationServer)(
            self,
            address,
            ae_title or self.ae_title,
            contexts,
            ssl_context,
            evt_handlers=evt_handlers or [],
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
            address, ae_title, contexts, ssl_context, evt_handlers, ThreadedAssociationServer
        )
        with self._lock:
            # Those that were stopped by themselves are of no interest any more
            self._servers = [each for each in self._servers if not each.is_closed]
            self._servers.append(server)
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
        user.ae_title = server.ae_title
        user.maximum_length = self.maximum_pdu_size
        user.implementation_class_uid = self.implementation_class_uid
        user.implementation_version_name = self.implementation_version_name
        user.supported_contexts = server.contexts
        user.address_info = AddressInformation.from_tuple(client_socket.getsockname())
        assoc.requestor.address_info = AddressInformation.from_tuple(address)
        assoc._server = server
        assoc._ssl_context = server.ssl_context
        connection = AssociationSocket(assoc, client_socket=client_socket)
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

        Returns when their threads have ended, or after a second if a handler is still running.
        """
        with self._lock:
            servers, self._servers = self._servers, []
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


def _indented(contexts: Iterable[PresentationContext]) -> list[str]:
    """Return the contexts as text, indented for the listing of an AE."""
    return [f"    {line}" for context in contexts for line in str(context).splitlines()]


def _new_context(
    abstract_syntax: str | UID | PresentationContext,
    transfer_syntax: str | UID | Sequence[str | UID] | None,
) -> PresentationContext:
    """Return a context made of an abstract syntax and transfer syntaxes."""
    if not isinstance(abstract_syntax, str):
        raise TypeError(f"abstract_syntax must be a UID as str, not {abstract_syntax!r}")
    context = PresentationContext()
    context.abstract_syntax = make_uid(abstract_syntax)
    if transfer_syntax is None:
        transfer_syntax = DEFAULT_TRANSFER_SYNTAXES
    elif isinstance(transfer_syntax, str):
        transfer_syntax = [transfer_syntax]
    context.transfer_syntax = list(transfer_syntax)
    return context


def _copy_of(context: PresentationContext) -> PresentationContext:
    """Return a context with the same syntaxes and roles and no ID."""
    copy = PresentationContext._from_wire(
        None, context.abstract_syntax, list(context.transfer_syntax)
    )
    copy.scu_role, copy.scp_role = context.scu_role, context.scp_role
    return copy


def _checked_contexts(contexts: Sequence[PresentationContext]) -> list[PresentationContext]:
    """Return copies of contexts that are to be proposed; ValueError for anything else."""
    if not isinstance(contexts, (list, tuple)):
        raise ValueError("the contexts must be a list of PresentationContext")
    if len(contexts) > MAXIMUM_CONTEXTS:
        raise ValueError(
            f"An association can propose {MAXIMUM_CONTEXTS} presentation contexts at the most, "
            f"not {len(contexts)}"
        )
    for context in contexts:
        if not isinstance(context, PresentationContext):
            raise ValueError(f"{context!r} is no PresentationContext")
    return [_copy_of(context) for context in contexts]


def _left_over(context: PresentationContext, transfer_syntax: str | Sequence[str] | None) -> bool:
    """Remove transfer syntaxes from a context, all if None; return whether any is left."""
    if transfer_syntax is None:
        return False
    unwanted = [transfer_syntax] if isinstance(transfer_syntax, str) else transfer_syntax
    context.transfer_syntax = [ts for ts in context.transfer_syntax if ts not in unwanted]
    return bool(context.transfer_syntax)
