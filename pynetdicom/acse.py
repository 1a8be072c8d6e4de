"""The association control service element: how associations begin and end (PS3.7 D, PS3.8 7)."""

from __future__ import annotations

import logging
from time import monotonic
from typing import TYPE_CHECKING, Any

import pynetdicom._config as _config
import pynetdicom.events as evt
from pynetdicom._globals import APPLICATION_CONTEXT_NAME
from pynetdicom._memo import Deferred
from pynetdicom._negotiation import answer, conclude
from pynetdicom.errors import UpperLayerError
from pynetdicom.pdu_primitives import (
    A_ABORT,
    A_ASSOCIATE,
    A_P_ABORT,
    A_RELEASE,
    AsynchronousOperationsWindowNegotiation,
    SOPClassCommonExtendedNegotiation,
    SOPClassExtendedNegotiation,
    UserIdentityNegotiation,
)
from pynetdicom.presentation import negotiate_as_acceptor, negotiate_unrestricted
from pynetdicom.utils import safe_text

if TYPE_CHECKING:
    from pynetdicom.association import Association, ServiceUser
    from pynetdicom.dul import DULServiceProvider
    from pynetdicom.transport import AssociationSocket

LOGGER = logging.getLogger("pynetdicom.acse")

# (result, source, diagnostic) of PS3.8 9.3.4 by why an association is rejected here
REJECTIONS = {
    "local limit": (2, 3, 2),
    "application context": (1, 1, 2),
    "calling AE title": (1, 1, 3),
    "called AE title": (1, 1, 7),
    "user identity": (2, 2, 1),
}
_DIAGNOSTICS = {1: (1, 2, 3, 7), 2: (1, 2), 3: (1, 2)}
_ABORT_REASONS = (0, 1, 2, 4, 5, 6)
# User identity types to which a server may respond: Kerberos, SAML, JWT (PS3.7 D.3.3.7)
_ANSWERED_IDENTITIES = (3, 4, 5)


class ACSE:
    """Negotiates, releases and aborts one association.

    Parameters
    ----------
    assoc : association.Association
        The association.
    """

    def __init__(self, assoc: Association) -> None:
        self._assoc = assoc

    @property
    def assoc(self) -> Association:
        """The association."""
        return self._assoc

    @property
    def requestor(self) -> ServiceUser:
        """Who requests the association."""
        return self._assoc.requestor

    @property
    def acceptor(self) -> ServiceUser:
        """Who accepts it."""
        return self._assoc.acceptor

    @property
    def acse_timeout(self) -> float | None:
        """Seconds to wait for the peer's part in beginning or ending the association."""
        return self._assoc.acse_timeout

    @property
    def dul(self) -> DULServiceProvider:
        """The upper layer."""
        return self._assoc.dul

    @property
    def socket(self) -> AssociationSocket | None:
        """The connection, if there is one."""
        return self._assoc.dul.socket

    # -- primitives out and in ---------------------------------------------------------------

    def _send(self, primitive: Any) -> None:
        """Give a primitive to the upper layer, telling who wants to know."""
        evt.trigger(self._assoc, evt.EVT_ACSE_SENT, {"primitive": primitive})
        self.dul.send_pdu(primitive)

    def _receive(self, until: float | None) -> Any:
        """Return the peer's next primitive, or None if none comes in time."""
        left = None if until is None else max(0.0, until - monotonic())
        primitive = self.dul.receive_pdu(wait=True, timeout=left)
        if primitive is not None:
            evt.trigger(self._assoc, evt.EVT_ACSE_RECV, {"primitive": primitive})
        return primitive

    def _until(self) -> float | None:
        return None if self.acse_timeout is None else monotonic() + self.acse_timeout

    def send_request(self) -> None:
        """Send the A-ASSOCIATE request (PS3.8 7.1.1) of the requestor."""
        user = self.requestor
        roles = _roles(user)
        if roles:
            for context in user.requested_contexts:  # what the answer will be compared with
                uid = context._abstract_syntax
                if uid is not None and uid in roles:
                    context.scu_role, context.scp_role = roles[uid]
        primitive = A_ASSOCIATE()
        primitive.application_context_name = APPLICATION_CONTEXT_NAME
        primitive.calling_ae_title = user.ae_title
        primitive.called_ae_title = self.acceptor.ae_title
        if user.address_info:
            primitive.calling_presentation_address = (user.address, user.port)
        primitive.called_presentation_address = (self.acceptor.address, self.acceptor.port)
        contexts = user._proposed()
        if isinstance(contexts, Deferred):  # and when they are made, they are made but once
            contexts = Deferred(lambda: list(user.requested_contexts), contexts.key)
            primitive._defer("presentation_context_definition_list", contexts)
        else:
            primitive.presentation_context_definition_list = contexts
        primitive.user_information = user.user_information
        user.primitive = primitive
        self._send(primitive)

    def send_accept(self) -> None:
        """Send the A-ASSOCIATE response that accepts, from what has been negotiated."""
        request, user = self.requestor.primitive, self.acceptor
        if request is None:
            raise RuntimeError("there is no A-ASSOCIATE request to accept")
        primitive = request.response(
            application_context_name=APPLICATION_CONTEXT_NAME,
            result=0,
            result_source=1,
            user_information=user.user_information,
        )
        assoc = self._assoc
        contexts = Deferred(
            lambda: assoc.accepted_contexts + assoc.rejected_contexts, assoc.outcome
        )
        primitive._defer("presentation_context_definition_results_list", contexts)
        user.primitive = primitive
        self._send(primitive)

    def send_reject(self, result: int, source: int, diagnostic: int) -> None:
        """Send the A-ASSOCIATE response that rejects (PS3.8 9.3.4).

        Parameters
        ----------
        result : int
            1 rejected permanent, 2 rejected transient.
        source : int
            1 service user, 2 service provider (ACSE), 3 service provider (presentation).
        diagnostic : int
            For source 1: 1 no reason given, 2 application context not supported, 3 calling AE
            title not recognised, 7 called AE title not recognised. For source 2: 1 no reason
            given, 2 protocol version not supported. For source 3: 1 temporary congestion,
            2 local limit exceeded.

        Raises
        ------
        ValueError
            If the standard has no such combination.
        """
        if result not in (1, 2):
            raise ValueError(f"the result of a rejection is 1 or 2, not {result!r}")
        if diagnostic not in _DIAGNOSTICS.get(source, ()):
            raise ValueError(
                f"a rejection from source {source!r} has no diagnostic {diagnostic!r}; "
                f"there are {_DIAGNOSTICS}"
            )
        primitive = A_ASSOCIATE()
        primitive.result = result
        primitive.result_source = source
        primitive.diagnostic = diagnostic
        self.acceptor.primitive = primitive
        self._assoc._release_place()  # the peer may come again as soon as it has the answer
        self._send(primitive)
        self._assoc._rejected()

    def send_release(self, is_response: bool = False) -> None:
        """Send the A-RELEASE request or response (PS3.8 7.2).

        Parameters
        ----------
        is_response : bool, optional
            Whether the peer asked for the release.
        """
        primitive = A_RELEASE()
        if is_response:
            primitive.result = "affirmative"
        self._send(primitive)

    def send_abort(self, source: int) -> None:
        """Send an A-ABORT (PS3.8 7.3).

        Parameters
        ----------
        source : int
            0 service user, 2 service provider; ValueError for others.
        """
        if source not in (0, 2):
            raise ValueError(f"the source of an abort is 0 (user) or 2 (provider), not {source!r}")
        primitive = A_ABORT()
        primitive.abort_source = source
        self._send_abort(primitive)

    def send_ap_abort(self, reason: int) -> None:
        """Send an A-ABORT of the service provider (PS3.8 7.4, 9.3.8).

        Parameters
        ----------
        reason : int
            0 not specified, 1 unrecognised PDU, 2 unexpected PDU, 4 unrecognised PDU parameter,
            5 unexpected PDU parameter, 6 invalid PDU parameter value; ValueError for others.
        """
        if reason not in _ABORT_REASONS:
            raise ValueError(f"the reason of a provider's abort is one of {_ABORT_REASONS}")
        primitive = A_P_ABORT()
        primitive.provider_reason = reason
        self._send_abort(primitive)

    def _send_abort(self, primitive: Any) -> None:
        self._assoc._release_place()
        try:
            self._send(primitive)
        except UpperLayerError:
            state = self.dul.upper_layer.state
            LOGGER.debug("Nothing to abort in state %s", state)
            if state != "Sta13":  # there is no association yet: nobody is waiting to be told
                self.dul.kill_dul()

    def is_aborted(self, abort_type: str = "both") -> bool:
        """Return True if the peer's, or the provider's, abort has been received.

        Parameters
        ----------
        abort_type : str, optional
            ``"a-abort"`` (the peer's user), ``"a-p-abort"`` (the provider) or ``"both"``.
        """
        kinds = {"a-abort": (A_ABORT,), "a-p-abort": (A_P_ABORT,), "both": (A_ABORT, A_P_ABORT)}
        return isinstance(self.dul.peek_next_pdu(), kinds[abort_type])

    def is_release_requested(self) -> bool:
        """Return True if the peer asks for release."""
        primitive = self.dul.peek_next_pdu()
        return isinstance(primitive, A_RELEASE) and primitive.result is None

    def take_release_request(self) -> None:
        """Take the peer's request for release, which is there."""
        primitive = self.dul.receive_pdu()
        evt.trigger(self._assoc, evt.EVT_ACSE_RECV, {"primitive": primitive})

    # -- release -----------------------------------------------------------------------------

    def negotiate_release(self) -> bool:
        """Release the association as the one who asks; abort it if the peer does not answer.

        Both sides may ask at once: the collision is resolved as PS3.8 7.2.2 says.

        Returns
        -------
        bool
            True if it was released, False if it was aborted by either side.
        """
        until = self._until()
        try:
            self.send_release()
        except UpperLayerError:  # the peer was first, or it has been aborted
            return self._receive_release(until) is not None and self._agree_to_release()
        primitive = self._receive_release(until)
        if primitive is None or primitive.result is not None:
            return primitive is not None
        # A collision: the requestor answers at once, the acceptor after the requestor has
        # (PS3.8 7.2.2.5)
        if self._assoc.is_acceptor:
            return self._receive_release(until) is not None and self._agree_to_release()
        return self._agree_to_release() and self._receive_release(until) is not None

    def _receive_release(self, until: float | None) -> A_RELEASE | None:
        """Return the peer's release request or response; None if aborted, also for want of it."""
        primitive = self._receive(until)
        if isinstance(primitive, A_RELEASE):
            return primitive
        if primitive is None and not self.dul.is_closed:
            self._log_silence("release")
            self.send_abort(0x02)
        return None

    def _log_silence(self, what: str) -> None:
        peer = self._assoc._peer_text()
        LOGGER.error("%s has not answered the %s in %s s", peer, what, self.acse_timeout)

    def _agree_to_release(self) -> bool:
        """Send the release response; return False if it has been aborted meanwhile."""
        try:
            self.send_release(is_response=True)
        except UpperLayerError:
            return False
        return True

    # -- negotiation as requestor ------------------------------------------------------------

    def negotiate_association(self) -> None:
        """Negotiate the association, from whichever side this is."""
        if self._assoc.is_requestor:
            self._negotiate_as_requestor()
        else:
            self._negotiate_as_acceptor()

    def _negotiate_as_requestor(self) -> None:
        """Take the peer's answer to the request that has been sent."""
        assoc = self._assoc
        primitive = self._receive(self._until())
        if primitive is None:
            if not self.dul.is_closed:
                self._log_silence("request for an association")
                self.send_abort(0x02)
            assoc._aborted()
        elif not isinstance(primitive, A_ASSOCIATE):
            if isinstance(primitive, A_ABORT):
                LOGGER.error(
                    "%s aborted the request for an association; our AE title '%s' is probably "
                    "not configured there, or '%s' is not its own",
                    assoc._peer_text(),
                    self.requestor.ae_title,
                    self.acceptor.ae_title,
                )
            elif self.dul.upper_layer.error is None:  # else that has been logged
                LOGGER.error(
                    "%s closed the connection instead of answering the request; it may expect TLS, "
                    "or a certificate, or speak no DICOM",
                    assoc._peer_text(),
                )
            assoc._aborted()
        elif primitive.result == 0:
            self.acceptor.primitive = primitive
            self._take_acceptance(primitive)
        else:
            self.acceptor.primitive = primitive
            LOGGER.error(
                "Association rejected by %s: %s, %s: %s",
                assoc._peer_text(),
                primitive.result_str,
                primitive.source_str,
                primitive.reason_str,
            )
            assoc._rejected()

    def _take_acceptance(self, primitive: A_ASSOCIATE) -> None:
        assoc = self._assoc
        name = "presentation_context_definition_results_list"
        outcome = conclude(
            self.requestor._proposed(),
            primitive._deferred(name) or getattr(primitive, name),
            _roles(self.acceptor),
        )
        assoc._negotiated(outcome)
        self._warn_of_missing_roles()
        evt.trigger(assoc, evt.EVT_ACCEPTED)
        if not outcome.accepted:
            LOGGER.error(
                "No accepted presentation contexts: %s supports none of %s",
                assoc._peer_text(),
                ", ".join(f"'{context!r}'" for context in assoc.rejected_contexts),
            )
            self.send_abort(0x02)
            assoc._aborted()
        else:
            assoc._established()

    def _warn_of_missing_roles(self) -> None:
        """Say that a peer left role selection unanswered; what it sends is served anyhow."""
        unanswered = set(self.requestor.role_selection) - set(self.acceptor.role_selection)
        if not unanswered:
            return
        # Of what it refused nothing will be sent
        missing = unanswered & {cx.abstract_syntax for cx in self._assoc.accepted_contexts}
        if missing:
            LOGGER.warning(
                "Peer did not answer the role selection proposed for %d SOP classes; "
                "it may not send instances back over this association",
                len(missing),
            )

    # -- negotiation as acceptor -------------------------------------------------------------

    def _negotiate_as_acceptor(self) -> None:
        """Wait for the peer's request and answer it. The ARTIM timer limits the wait."""
        assoc = self._assoc
        primitive = self._receive(None)
        if not isinstance(primitive, A_ASSOCIATE):
            assoc._never_requested()
            return
        self.requestor.primitive = primitive
        self.requestor._ae_title = primitive.calling_ae_title.strip()
        evt.trigger(assoc, evt.EVT_REQUESTED)
        if assoc.is_aborted or assoc.is_rejected:  # by a handler
            return
        why = self._objection(primitive)
        if why is not None:
            assoc._log_fault(
                "Association from %s refused: %s", self._explain(why), level=logging.WARNING
            )
        try:
            if why is not None:
                self.send_reject(*REJECTIONS[why])
            else:
                self._accept()
        except UpperLayerError:  # the peer has sent something else meanwhile, or is gone
            LOGGER.debug("No answer sent in state %s", self.dul.upper_layer.state)
            assoc._aborted()

    def _explain(self, why: str) -> str:
        """Say why an association is refused, and what would change that."""
        request = self.requestor.primitive
        assert request is not None
        return {
            "local limit": f"all {self._assoc.ae.maximum_associations} associations are in use "
            "(AE.maximum_associations)",
            "application context": "the application context "
            f"{safe_text(str(request.application_context_name))} is not DICOM's",
            "calling AE title": f"the calling AE title {safe_text(request.calling_ae_title)} is "
            "not in AE.require_calling_aet",
            "called AE title": f"the called AE title {safe_text(request.called_ae_title)} is not "
            f"{self.acceptor.ae_title}",
            "user identity": "the user identity was refused by the handler of EVT_USER_ID",
        }[why]

    def _objection(self, request: A_ASSOCIATE) -> str | None:
        """Return why a request is rejected, a key of REJECTIONS, or None if it is not.

        The cheap checks come first, and nobody's identity is looked at who is refused anyway.
        """
        ae = self._assoc.ae
        if not self._assoc._reserve_place():
            return "local limit"
        is_dicom = request._kept("application_context_name") == APPLICATION_CONTEXT_NAME
        if ae.require_application_context and not is_dicom:
            return "application context"
        calling = request.calling_ae_title.strip()
        if ae.require_calling_aet and calling not in [t.strip() for t in ae.require_calling_aet]:
            return "calling AE title"
        called = request.called_ae_title.strip()
        if ae.require_called_aet and called != self.acceptor.ae_title.strip():
            return "called AE title"
        if self.requestor.user_identity is not None and not self._identity_accepted():
            return "user identity"
        return None

    def _identity_accepted(self) -> bool:
        """Ask the handler of EVT_USER_ID; note a response that is due."""
        identity = self.requestor.user_identity
        assert identity is not None
        attributes = {
            "user_id_type": identity.user_identity_type,
            "primary_field": identity.primary_field,
            "secondary_field": identity.secondary_field or b"",
        }
        try:
            is_verified, response = evt.trigger(self._assoc, evt.EVT_USER_ID, attributes)
        except NotImplementedError:  # nobody checks
            return True
        except Exception:
            LOGGER.exception("Exception in the handler of EVT_USER_ID; the identity is refused")
            return False
        if not is_verified:
            return False
        asked = identity.positive_response_requested and response is not None
        if asked and identity.user_identity_type in _ANSWERED_IDENTITIES:
            item = UserIdentityNegotiation()
            try:
                item.server_response = response
            except (TypeError, ValueError):
                LOGGER.exception("The handler of EVT_USER_ID gave no bytes as response; no reply")
            else:
                self.acceptor.add_negotiation_item(item)
        return True

    def _accept(self) -> None:
        """Negotiate what is proposed and accept the association."""
        assoc = self._assoc
        self._answer_extended()
        self._answer_common_extended()
        self._answer_asynchronous()
        negotiate = (
            negotiate_unrestricted
            if _config.UNRESTRICTED_STORAGE_SERVICE
            else negotiate_as_acceptor
        )
        outcome, replies = answer(
            negotiate,
            self.requestor._proposed(),
            self.acceptor._contexts,
            _roles(self.requestor),
        )
        for reply in replies:
            self.acceptor.add_negotiation_item(reply)
        assoc._negotiated(outcome)
        self.send_accept()
        evt.trigger(assoc, evt.EVT_ACCEPTED)
        assoc._established()

    def _answer_extended(self) -> None:
        """Ask the handler of EVT_SOP_EXTENDED what to reply (PS3.7 D.3.3.5)."""
        if not self._assoc._is_bound(evt.EVT_SOP_EXTENDED):
            return
        replies = self._ask(evt.EVT_SOP_EXTENDED, {"app_info": self.requestor.sop_class_extended})
        for uid, information in replies.items():
            item = SOPClassExtendedNegotiation()
            try:
                item.sop_class_uid = uid
                item.service_class_application_information = information
            except (TypeError, ValueError):
                LOGGER.exception("Unusable reply of the handler of EVT_SOP_EXTENDED left out")
            else:
                self.acceptor.add_negotiation_item(item)

    def _answer_common_extended(self) -> None:
        """Ask the handler of EVT_SOP_COMMON what to accept (PS3.7 D.3.3.6)."""
        if not self._assoc._is_bound(evt.EVT_SOP_COMMON):
            return
        items = self.requestor.sop_class_common_extended
        for uid, item in self._ask(evt.EVT_SOP_COMMON, {"items": items}).items():
            if isinstance(item, SOPClassCommonExtendedNegotiation) and item.service_class_uid:
                self.acceptor._common_extended[uid] = (
                    item.service_class_uid,
                    item.related_general_sop_class_identification,
                )

    def _ask(self, event: evt.InterventionEvent, attributes: dict[str, Any]) -> dict[Any, Any]:
        """Return the dict that a handler answers with, empty if it does not."""
        try:
            answer = evt.trigger(self._assoc, event, attributes)
        except Exception:
            LOGGER.exception("Exception in the handler of %s; nothing is replied", event)
            return {}
        if isinstance(answer, dict):
            return answer
        if answer is not None:
            LOGGER.error("The handler of %s has to return a dict; nothing is replied", event)
        return {}

    def _answer_asynchronous(self) -> None:
        """Reply to a proposed window: the smaller of it and what we agree to (PS3.7 D.3.3.3)."""
        invoked, performed = self.requestor.asynchronous_operations
        if (invoked, performed) == (1, 1):
            return
        attributes = {"nr_invoked": invoked, "nr_performed": performed}
        item = AsynchronousOperationsWindowNegotiation()
        agreed = (1, 1)
        try:
            agreed = evt.trigger(self._assoc, evt.EVT_ASYNC_OPS, attributes)
        except NotImplementedError:  # nobody is interested
            several = self._assoc.ae.concurrent_operations
            if several == 1:
                return
            agreed = (several, several)
        except Exception:
            LOGGER.exception("Exception in the handler of EVT_ASYNC_OPS; one at a time is replied")
        try:
            item.maximum_number_operations_invoked = fewer(invoked, agreed[0])
            item.maximum_number_operations_performed = fewer(performed, agreed[1])
        except (TypeError, ValueError, IndexError):
            LOGGER.exception("The handler of EVT_ASYNC_OPS gave no two numbers; (1, 1) is replied")
            item = AsynchronousOperationsWindowNegotiation()
        self.acceptor.add_negotiation_item(item)


def fewer(first: int, second: int) -> int:
    """Return the smaller of two numbers of operations, of which 0 is no limit (PS3.7 D.3.3.3)."""
    return min(first, second) if first and second else first or second


def _roles(user: ServiceUser) -> dict[str, tuple[bool, bool]]:
    """Return the roles that a service user proposes or agrees to, (SCU, SCP) by SOP class."""
    return {
        uid: (bool(item.scu_role), bool(item.scp_role)) for uid, item in user.role_selection.items()
    }
