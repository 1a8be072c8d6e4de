"""An association: its life from the request to the release, in a thread of its own."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import cached_property
from itertools import count
from time import monotonic
from types import TracebackType
from typing import TYPE_CHECKING, Any

import pynetdicom._config as _config
import pynetdicom._lazy as lazy
import pynetdicom.events as evt
import pynetdicom.service_class as service_class
import pynetdicom.transport as transport
from pynetdicom._globals import MODE_ACCEPTOR, MODE_REQUESTOR
from pynetdicom._negotiation import Contexts, FrozenContexts
from pynetdicom.acse import ACSE, fewer
from pynetdicom.association.late_start import late_start as _late_start
from pynetdicom.association.scu import ServiceClassUser
from pynetdicom.association.service_user import ServiceUser
from pynetdicom.association.threads import ReusingThread
from pynetdicom.association.workers import Workers
from pynetdicom.dimse import DIMSEServiceProvider
from pynetdicom.dimse_primitives import C_STORE, DimseServiceType
from pynetdicom.dul import DULServiceProvider
from pynetdicom.errors import AssociationError, UpperLayerError
from pynetdicom.pdu_primitives import A_ABORT, A_P_ABORT, ABORT_REASONS
from pynetdicom.presentation import PresentationContext, PresentationContextTuple
from pynetdicom.service_class.base import ServiceClass, sop_class_of
from pynetdicom.utils import safe_text, shown_uid

if TYPE_CHECKING:
    import ssl

    from typing_extensions import Self

    from pynetdicom.ae import ApplicationEntity
    from pynetdicom.transport import AddressInformation, AssociationServer, AssociationSocket

LOGGER = logging.getLogger("pynetdicom.association")

_numbers = count(1)


class Association(ServiceClassUser, evt.EventHandlers, ReusingThread):
    """An association with a peer: a thread that serves it while it lasts.

    Associations are made by :meth:`AE.associate()<pynetdicom.ae.ApplicationEntity.associate>`
    and by the servers of an AE.

    As a context manager it ends with :meth:`release`, or :meth:`abort` if there is an exception.
    One that was not established raises :exc:`~pynetdicom.errors.AssociationError` when entered.

    Parameters
    ----------
    ae : ae.ApplicationEntity
        The local application entity.
    mode : str
        ``"requestor"`` or ``"acceptor"``, what the local AE is.

    Attributes
    ----------
    number : int
        Its number in this process, counted from 1. The log has it.
    requestor, acceptor : ServiceUser
        The two users of the association.
    acse : acse.ACSE
        Begins and ends it.
    dimse : dimse.DIMSEServiceProvider
        Sends and receives its messages.
    dul : dul.DULServiceProvider
        Its connection.
    is_established, is_released, is_rejected, is_aborted : bool
        How far it has come.
    connection_timeout : float or None
        Seconds to connect in; None leaves it to the system.
    network_timeout_response : str
        What follows when the peer has been silent for the network timeout: ``"A-ABORT"`` or
        ``"A-RELEASE"``.
    """

    def __init__(self, ae: ApplicationEntity, mode: str) -> None:
        self.mode = mode
        title = "Requestor" if self.is_requestor else "Acceptor"
        ReusingThread.__init__(self, f"{title}Thread")
        self.number = next(_numbers)
        self._ae = ae
        self._acse_timeout = ae.acse_timeout
        self._dimse_timeout = ae.dimse_timeout
        self._network_timeout = ae.network_timeout
        self.connection_timeout = ae.connection_timeout
        self.network_timeout_response = "A-ABORT"

        self.requestor = ServiceUser(self, MODE_REQUESTOR)
        self.acceptor = ServiceUser(self, MODE_ACCEPTOR)
        requests = self.is_requestor
        self.local_user = self.requestor if requests else self.acceptor
        self.remote_user = self.acceptor if requests else self.requestor

        self.is_established = False
        self.is_released = False
        self.is_rejected = False
        self.is_aborted = False
        self._state_lock = threading.RLock()  # re-entrant for signal handlers
        self._is_ending = False  # by release() or kill(), which tell how it ended
        self._needs_thread = False  # it is to be started, but not yet
        self._is_spared = False  # it was never started, and is not going to be
        self._server: AssociationServer | None = None
        self._ssl_context: ssl.SSLContext | None = None
        self._bind_address: AddressInformation | None = None
        self._tls_args: tuple[ssl.SSLContext, str | None] | None = None
        # What handlers asked for that has to wait until they have returned
        self._deferred: list[Callable[[], None]] = []
        self._workers: Workers | None = None  # when requests may be served at the same time

        # What serves requests, by context ID, kind of request and SOP class
        self._services: dict[
            tuple[int, type, str], tuple[ServiceClass, PresentationContextTuple]
        ] = {}
        self.outcome = FrozenContexts(())  # of the negotiation
        self.peer_maximum_length = 0

        self._peer = _Peer(self)
        self._init_handlers()
        self.acse = ACSE(self)
        self.dimse = DIMSEServiceProvider(self)
        self.dul = DULServiceProvider(self)

    # -- what it is --------------------------------------------------------------------------

    @property
    def ae(self) -> ApplicationEntity:
        """The local application entity."""
        return self._ae

    @property
    def mode(self) -> str:
        """What the local AE is: ``"requestor"`` or ``"acceptor"``."""
        return self._mode

    @mode.setter
    def mode(self, mode: str) -> None:
        mode = mode.lower()
        if mode not in (MODE_REQUESTOR, MODE_ACCEPTOR):
            raise ValueError(f"mode is {mode!r}, it must be 'requestor' or 'acceptor'")
        self._mode = mode

    @property
    def is_requestor(self) -> bool:
        """True if the local AE requested the association."""
        return self._mode == MODE_REQUESTOR

    @property
    def is_acceptor(self) -> bool:
        """True if the peer requested the association."""
        return self._mode == MODE_ACCEPTOR

    @property
    def local(self) -> dict[str, Any]:
        """The AE title, address, port and mode of the local AE."""
        return self.local_user.info

    @property
    def remote(self) -> dict[str, Any]:
        """The AE title, address, port and mode of the peer."""
        return self.remote_user.info

    def _peer_text(self) -> str:
        """Name the peer, us and the association for people who read the log."""
        where = self.remote_user.address_info
        place = f"{where.address}:{where.port}" if where else "an unknown address"
        title = safe_text(self.remote_user.ae_title)
        peer = f"{title} at {place}" if title else place
        return f"{peer} (as {self.local_user.ae_title}, association {self.number})"

    def _log_fault(self, message: str, *values: object, level: int = logging.ERROR) -> None:
        """Log what is wrong with the peer; one that goes on and on can't flood the log."""
        address = self.remote_user.address_info
        if self._ae._fault_lines.allows(address.address if address else "", monotonic()):
            LOGGER.log(level, message, self._peer_text(), *values)

    @property
    def lock(self) -> threading.RLock:
        """Guards how far the association has come."""
        return self._state_lock

    @property
    def accepted_contexts(self) -> list[PresentationContext]:
        """The accepted presentation contexts, each with its one transfer syntax, by ID."""
        return list(self._contexts.accepted)

    @property
    def rejected_contexts(self) -> list[PresentationContext]:
        """The rejected presentation contexts, by ID."""
        return list(self._contexts.rejected)

    # -- time-outs ---------------------------------------------------------------------------

    @property
    def acse_timeout(self) -> float | None:
        """Seconds to wait for the peer's part in beginning and ending the association."""
        return self._acse_timeout

    @acse_timeout.setter
    def acse_timeout(self, value: float | None) -> None:
        self._acse_timeout = value

    @property
    def dimse_timeout(self) -> float | None:
        """Seconds to wait for each response to a request."""
        return self._dimse_timeout

    @dimse_timeout.setter
    def dimse_timeout(self, value: float | None) -> None:
        self._dimse_timeout = value

    @property
    def network_timeout(self) -> float | None:
        """Seconds of silence after which an idle association is ended."""
        return self._network_timeout

    @network_timeout.setter
    def network_timeout(self, value: float | None) -> None:
        self._network_timeout = value
        self.dul.wake()

    # -- events ------------------------------------------------------------------------------

    def bind(self, event: Any, handler: Any, args: Sequence[Any] | None = None) -> None:
        """Bind a handler to an event.

        Parameters
        ----------
        event : events.NotificationEvent or events.InterventionEvent
            The event.
        handler : callable
            Called with the :class:`~pynetdicom.events.Event` and `args`.
        args : list, optional
            Further arguments of the handler.
        """
        evt.EventHandlers.bind(self, event, handler, args)
        self.dul.update_observers()

    def unbind(self, event: Any, handler: Any) -> None:
        """Unbind a handler from an event.

        Parameters
        ----------
        event : events.NotificationEvent or events.InterventionEvent
            The event.
        handler : callable
            The handler; nothing happens if it is not bound.
        """
        evt.EventHandlers.unbind(self, event, handler)
        self.dul.update_observers()

    # -- beginning ---------------------------------------------------------------------------

    def request(self) -> None:
        """Connect to the acceptor and negotiate, in the caller's thread (PS3.8 7.1).

        How it went is told by the flags; the thread runs if the association is established.
        """
        address = self.acceptor.address_info
        if address is None:
            raise RuntimeError("the address of the acceptor has not been set")
        self._ae._started(self)
        try:
            self._request_association(address)
        except BaseException:  # Ctrl-C, for one
            self._needs_thread = False
            self.dul.kill_dul()
            self._aborted()
            raise
        finally:
            if not self.is_alive():
                self._ae._finished(self)

    def _request_association(self, address: AddressInformation) -> None:
        LOGGER.info("Requesting Association with %s", self._peer)
        self.dul._prepare()
        self.acse.send_request()
        evt.trigger(self, evt.EVT_REQUESTED)
        if self.is_aborted:  # by a handler
            return
        try:
            self.dul.connect(address, self._bind_address, self._tls_args)
        except OSError as exc:
            LOGGER.error("No connection to %s: %s", self._peer_text(), exc)
            self._aborted()
            if isinstance(exc, transport.BindError):  # the peer has nothing to do with it
                raise
            return
        self.acse.negotiate_association()
        if self.is_established or not self.dul.is_closed:
            self._needs_thread = True
            if self.is_established:
                _late_start.add(self)
            else:
                self._ensure_thread()

    def __enter__(self) -> Self:
        if self.is_established:
            return self
        if not self.is_rejected:
            how = "was aborted, or there is no connection" if self.is_aborted else "is over"
            raise AssociationError(f"The association with {self._peer} {how}; the log says why")
        answer = self.acceptor.primitive
        assert answer is not None
        raise AssociationError(
            f"The association with {self._peer} was rejected: {answer.result_str}, "
            f"{answer.source_str}: {answer.reason_str}",
            answer.result,
            answer.result_source,
            answer.diagnostic,
        )

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if exc is None:
            self.release()
        else:
            self.abort()

    # -- its thread --------------------------------------------------------------------------

    def start(self) -> None:
        """Start the thread that serves the association."""
        self._ae._started(self)
        super().start()

    def _ensure_thread(self) -> None:
        """Start the thread of a requestor, unless it runs or is no longer needed."""
        if not self._needs_thread:
            return
        with self._state_lock:
            if self._needs_thread:
                self._needs_thread = False
                try:
                    super().start()
                except RuntimeError:  # there is no room for it; who needs it next tries again
                    self._needs_thread = True
                    raise

    def is_alive(self) -> bool:
        """Return True from the start of the association until its thread has ended."""
        with self._state_lock:  # it is not between the two
            return self._needs_thread or super().is_alive()

    def join(self, timeout: float | None = None) -> None:
        """Wait until the association is over and its thread has ended.

        Parameters
        ----------
        timeout : float or None, optional
            For how many seconds; None for ever.

        Raises
        ------
        RuntimeError
            If the association has never been established, or by a thread that serves it.
        """
        if self._workers is not None and self._workers.is_here:
            raise RuntimeError("a handler can't wait for the end of its association")
        with self._state_lock:  # whoever starts it has done so then
            self._ensure_thread()
        if not self._is_spared:
            super().join(timeout)

    def set_socket(self, socket: AssociationSocket) -> None:
        """Give an acceptor the connection that it is to serve.

        Parameters
        ----------
        socket : transport.AssociationSocket
            The connection.

        Raises
        ------
        RuntimeError
            If it has one.
        """
        if self.dul.socket is not None:
            raise RuntimeError("the association has a connection already")
        self.dul.socket = socket

    def _accept_connection(self) -> bool:
        """Be an acceptor: set up the connection, negotiate; return whether that went well."""
        socket = self.dul.socket
        if socket is None:
            raise RuntimeError("an acceptor needs a connection: set_socket()")
        peer = self.requestor.address_info
        evt.trigger(self, evt.EVT_CONN_OPEN, {"address": peer.as_tuple if peer else None})
        try:
            self.dul.accepted(socket, self._ssl_context)
        except OSError as exc:
            self._log_fault("TLS handshake with %s failed: %s", exc)
            return False
        self.acse.negotiate_association()
        return self.is_established

    def _reserve_place(self) -> bool:
        """Count against the AE's maximum number of associations, if there is a place."""
        return self._ae._reserve_place(self)

    def _release_place(self) -> None:
        """Count against the maximum no longer."""
        self._ae._release_place(self)

    def _negotiated(self, outcome: FrozenContexts) -> None:
        """Keep the outcome of the negotiation."""
        self.outcome = outcome
        self.__dict__.pop("_contexts", None)
        self.peer_maximum_length = self.remote_user.maximum_length

    @cached_property
    def _contexts(self) -> Contexts:
        """The negotiated contexts, made when they are first asked for."""
        return Contexts(self.outcome.make())

    @property
    def context_by_id(self) -> dict[int, PresentationContext]:
        """The accepted presentation contexts by ID."""
        return self._contexts.by_id

    def _established(self) -> None:
        """Both sides have agreed (EVT_ESTABLISHED)."""
        with self._state_lock:
            if self.is_aborted:
                return
            self.is_established = True
        self._open_windows()
        if self._server is not None:
            self._server.negotiated(self)
        LOGGER.info(
            "Association with %s established, %d of %d presentation contexts accepted",
            self._peer,
            self.outcome.accepted,
            len(self.outcome),
        )
        evt.trigger(self, evt.EVT_ESTABLISHED)

    def _open_windows(self) -> None:
        """Let as many operations go on at a time as were negotiated (PS3.7 D.3.3.3)."""
        agreed = self.acceptor.asynchronous_operations
        if agreed == (1, 1):
            return
        proposed = self.requestor.asynchronous_operations
        by_requestor, by_acceptor = map(fewer, proposed, agreed)
        by_us, by_peer = by_requestor, by_acceptor
        if self.is_acceptor:
            by_us, by_peer = by_peer, by_us
        self.dimse.exchanges.window = by_us or 0xFFFF
        several = fewer(by_peer, self._ae.concurrent_operations)
        if several > 1:
            self._workers = Workers(several, self._serve_aside, self._look_anew)

    # -- ending ------------------------------------------------------------------------------

    @property
    def _is_active(self) -> bool:
        """True until the association has ended in one way or another."""
        return not (self.is_aborted or self.is_released or self.is_rejected)

    def _end(self, flag: str) -> bool:
        """Note how the association ended; return False if it had ended before."""
        with self._state_lock:
            if not self._is_active:
                return False
            self.is_established = False
            setattr(self, flag, True)
        self._release_place()
        self.dimse.exchanges.end()
        return True

    def _rejected(self) -> None:
        """Note that the association has been rejected, by either side."""
        if self._end("is_rejected"):
            evt.trigger(self, evt.EVT_REJECTED)

    def _released(self) -> None:
        """Note that the association has been released."""
        if self._end("is_released"):
            LOGGER.info("Association with %s released", self._peer)
            evt.trigger(self, evt.EVT_RELEASED)

    def _aborted(self) -> None:
        """Note that the association has been aborted, or its connection is lost."""
        if self._end("is_aborted"):
            evt.trigger(self, evt.EVT_ABORTED)
        self._ensure_thread()  # which sees the connection closed

    def _connection_aborted(self, primitive: A_ABORT | A_P_ABORT) -> None:
        """Note the peer's abort, or the loss of the connection; called by who reads."""
        if not self.is_established:
            return  # negotiation and release see to it themselves
        if isinstance(primitive, A_ABORT):
            self._log_fault("Association aborted by %s")
        elif self.dul.upper_layer.error is not None:
            pass  # by us, which has been logged
        elif primitive.provider_reason:
            reason = ABORT_REASONS[primitive.provider_reason]
            self._log_fault("Association aborted by the service provider of %s: %s", reason)
        else:
            self._log_fault("Connection to %s lost, or aborted by its service provider")
        evt.trigger(self, evt.EVT_ACSE_RECV, {"primitive": primitive})
        self._aborted()

    def _never_requested(self) -> None:
        """Note that the peer closed, sent no A-ASSOCIATE-RQ, or nothing in time."""
        LOGGER.debug("No association was requested by %s", self._peer)
        self._aborted()

    def _abort_as_provider(self) -> None:
        """Answer what breaks the rules with an A-ABORT of the provider, reason not specified."""
        self.acse.send_ap_abort(0x00)
        self._aborted()

    def abort(self, block: bool = True) -> None:
        """Abort the association (PS3.8 7.3); may be called by any thread and any handler.

        Parameters
        ----------
        block : bool, optional
            Whether to wait until the peer has closed the connection, for at most
            ``AE.limits.close_timeout`` seconds. Neither threads of the association
            nor handlers of what is received wait.
        """
        if self.is_aborted or self.is_released:
            return
        if self.is_rejected:  # there is nothing to abort; what 3.0 shows of it is kept
            self.is_aborted = True
            evt.trigger(self, evt.EVT_ABORTED)
            return
        LOGGER.info("Aborting Association with %s", self._peer)
        self.acse.send_abort(0x00)
        self._aborted()
        self.dul.tell_watcher()
        if block and not self.dul.in_dispatch and not self._is_serving_here():
            self.dul.wait_until(lambda: self.dul.is_closed, None)

    def release(self) -> None:
        """Release the association (PS3.8 7.2) and wait for the peer to agree.

        Nothing happens unless it is established. If the peer does not answer within the ACSE
        timeout it is aborted. Called by a handler that runs while something is being received,
        the release follows when the handler has returned.
        """
        if self.dul.in_dispatch:
            if self.is_established:
                self._deferred.append(self.release)
                self.dul.tell_watcher()
                self.dul.wake()
            return
        with self._state_lock:
            if not self.is_established:
                return
            self.is_established = False  # so that nobody sends any more
            self._is_ending = True
        LOGGER.info("Releasing Association with %s", self._peer)
        self.dul.tell_callers()
        try:
            is_released = self.acse.negotiate_release()
        except BaseException:  # Ctrl-C, for one
            self.acse.send_abort(0x00)
            self._aborted()
            self.dul.tell_watcher()
            raise
        if is_released:
            self._released()
        else:
            self._aborted()
        with self._state_lock:
            self._is_spared = self._needs_thread and self.dul.is_closed
            self._needs_thread = self._needs_thread and not self._is_spared
        if self._is_spared:
            _late_start.discard(self)
            self._close_down()
        else:
            self.dul.tell_watcher()

    def kill(self) -> None:
        """End the association without a word to the peer; nothing is told to handlers."""
        self.is_established = False
        self._is_ending = True
        self._release_place()
        self.dul.kill_dul()
        self._ensure_thread()

    # -- serving -----------------------------------------------------------------------------

    def run(self) -> None:
        """Be the association's thread."""
        self.run_reactor()

    def run_reactor(self) -> None:
        """Serve the association until it ends: what its thread does."""
        try:
            if self.is_acceptor and not self._accept_connection():
                return
            while self.is_established and self._serve_next():
                pass
        except BaseException:
            self._abort_for_exception()
        finally:
            self._close_down()

    def _abort_for_exception(self) -> None:
        """Abort for what was raised, whatever it is: the peer shall not be left waiting."""
        self.abort(block=False)
        LOGGER.exception("Exception in the association with %s, aborted", self._peer_text())

    def _has_work(self) -> bool:
        """Return True if there is something for the thread to do."""
        workers = self._workers
        return bool(
            (self.dimse.requests and self._may_serve(workers))
            or self._deferred
            or self.dimse.exchanges.to_cancel
            or (workers is not None and workers.has_news)
            or (self.dul.to_user_queue and (workers is None or workers.is_idle))
            or not self.is_established
        )

    def _may_serve(self, workers: Workers | None) -> bool:
        """Return True unless requests are served by another thread, or by enough threads."""
        return not self.dimse.stand_ins and (workers is None or workers.is_free)

    def _serve_next(self) -> bool:
        """Wait for the next thing to do and do it; return False when nothing will come."""
        workers, may_idle = self._workers, False
        if workers is not None:
            workers.has_news = False
            may_idle = not workers.is_idle  # the peer may have nothing to send until it is answered
        if not self.dul.watch(self._has_work, may_idle):
            self._network_timed_out()
            return False
        if not self.is_established:
            return False
        if self.dimse.exchanges.to_cancel:
            self.dimse.exchanges.send_cancels()
        if self._deferred:
            self._deferred.pop(0)()
        elif workers is not None:
            self._let_serve(workers)
        elif (request := self.dimse.next_request()) is not None:
            self._serve(*request)
        else:
            self._answer_release()
        return not self.dul.is_closed or bool(self.dimse.requests)

    def _let_serve(self, workers: Workers) -> None:
        """Have the next request served, or answer a release when all have been."""
        if workers.is_free and (request := self.dimse.next_request()) is not None:
            workers.give(*request)
        elif workers.is_idle:
            self._answer_release()

    def _serve_aside(self, context_id: int, request: DimseServiceType) -> None:
        """Serve a request in one of several threads."""
        try:
            self._serve(context_id, request)
        except BaseException:  # sys.exit() in a handler, for one
            self._abort_for_exception()

    def _look_anew(self) -> None:
        """Let the association's own thread look what there is to do, wherever it waits."""
        self.dul.wake()
        self.dul.tell_watcher()

    def _is_serving_here(self) -> bool:
        """Return True in a thread that serves the peer's requests."""
        me = threading.get_ident()
        if me == self.ident or me in self.dimse.busy_stand_ins:
            return True
        return self._workers is not None and self._workers.is_here

    def _answer_release(self) -> None:
        """Release, if the peer asks for it and no other thread is about to."""
        with self._state_lock:
            if not self.is_established or not self.acse.is_release_requested():
                return
            self.is_established = False  # so that nobody else ends it
        self.acse.take_release_request()
        self._release_place()  # the peer may come again as soon as it has the answer
        with suppress(UpperLayerError):
            self.acse.send_release(is_response=True)
        self._released()

    def _network_timed_out(self) -> None:
        LOGGER.error(
            "Nothing received from %s for %s s (network timeout)",
            self._peer_text(),
            self.network_timeout,
        )
        if self.network_timeout_response == "A-RELEASE":
            self.release()
        else:
            self.abort(block=False)

    def _close_down(self) -> None:
        """See the connection closed, by the peer or when it takes too long."""
        dul = self.dul
        try:
            if self._is_ending or dul.upper_layer.state == "Sta13":
                dul.watch(lambda: dul.is_closed, may_idle=True)
        finally:
            try:
                if not dul.is_closed:  # there has been an exception
                    dul.kill_dul()
                if not self._is_ending:
                    self._aborted()  # unless it has ended in another way
            finally:
                self.dimse.discard()
                if self._workers is not None:
                    self._workers.stop()  # shutdown() waits for handlers
                self._ae._finished(self)
                if self._server is not None:
                    self._server.forget(self)

    def _serve(self, context_id: int, request: DimseServiceType) -> None:
        """Let the service class of a request serve it (PS3.7 7)."""
        if not request.is_valid_request:
            self._log_fault("Request from %s without a mandatory element: %s", request.msg_type)
            request._discard_data_set()
            self._abort_as_provider()
            return
        try:
            service, context = self._service_for(context_id, request)
            service.SCP(request, context)
        except UpperLayerError as exc:
            if self.is_established:
                LOGGER.error("No response sent, aborting: %s", exc)
                self.abort(block=False)
            else:  # it ended meanwhile
                LOGGER.info("No response sent: association with %s is over", self._peer)
        except NotImplementedError as exc:
            self._log_fault("Request from %s can't be served, aborting: %s", exc)
            self.abort(block=False)
        except Exception:
            LOGGER.exception("The %s request can't be served, aborting", request.msg_type)
            self.abort(block=False)
        finally:
            self.dimse.served(request.MessageID or 0)
            request._discard_data_set()

    def _service_for(
        self, context_id: int, request: DimseServiceType
    ) -> tuple[ServiceClass, PresentationContextTuple]:
        """Return what serves a request, and its context with the syntaxes that it really has."""
        uid = sop_class_of(request)
        key = context_id, type(request), uid
        found = self._services.get(key)
        if found is not None:
            return found
        service = self._new_service_for(uid, request)
        context = self.context_by_id[context_id]
        if uid == context._abstract_syntax:
            found = self._services[key] = service, context.as_tuple
            return found
        if isinstance(request, C_STORE):
            # Some peers send the instances of a C-GET in the context of that (PS3.4 C.4.3.1.2 has
            # them in one for their SOP class)
            for other in self._contexts.accepted:
                if other._abstract_syntax == uid:
                    return service, other.as_tuple._replace(context_id=context_id)
        return service, context.as_tuple

    def _new_service_for(self, uid: str, request: DimseServiceType) -> ServiceClass:
        """Return what serves requests for a SOP class."""
        if _config.UNRESTRICTED_STORAGE_SERVICE and isinstance(request, C_STORE):
            return service_class.StorageServiceClass(self)
        common = self.acceptor.accepted_common_extended.get(shown_uid(uid))
        service_uid = common[0] if common else uid
        service: ServiceClass = lazy.sop_class.uid_to_service_class(service_uid)(self)
        return service


class _Peer:
    """Names the peer of an association, if a line of the log is really printed."""

    __slots__ = ("_assoc",)

    def __init__(self, assoc: Association) -> None:
        self._assoc = assoc

    def __str__(self) -> str:
        return self._assoc._peer_text()
