"""Associations as requestor: made as the options say, with a reason in words if they fail."""

from __future__ import annotations

import re
import socket
from argparse import Namespace
from collections.abc import Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any

import pynetdicom._lazy as lazy
from pynetdicom import AE, DEFAULT_TRANSFER_SYNTAXES, Association, evt
from pynetdicom.pdu_primitives import A_ABORT, UserIdentityNegotiation
from pynetdicom.presentation import PresentationContext
from pynetdicom.utils import safe_text

from .exits import AppError, Exit
from .logs import REASONS

if TYPE_CHECKING:
    import ssl

# The types of user identity by option (PS3.7 D.3.3.7)
_USER, _USER_AND_PASSWORD = 1, 2
_TOKENS = {"kerberos": 3, "saml": 4, "jwt": 5}

# What to try after a rejection, by its source and diagnostic (PS3.8 9.3.4)
_ADVICE = {
    (1, 3): "have our AE title configured there, or give another one with -aet",
    (1, 7): "give the AE title of the peer with -aec",
    (3, 1): "try again later",
    (3, 2): "try again later, the peer has too many associations",
}
_TRANSIENT = 2
_ERRNO = r"^\[Errno \d+\] "


class _Course:
    """How far an association came, from its events."""

    def __init__(self) -> None:
        self.is_connected = False
        self.is_accepted = False
        self.was_aborted_by_user = False

    def handlers(self) -> list[evt.EventHandlerType]:
        """Return what to bind."""
        return [
            (evt.EVT_CONN_OPEN, self._note, ["is_connected"]),
            (evt.EVT_ACCEPTED, self._note, ["is_accepted"]),
            (evt.EVT_ACSE_RECV, self._look),
        ]

    def _note(self, event: evt.Event, attribute: str) -> None:
        setattr(self, attribute, True)

    def _look(self, event: evt.Event) -> None:
        self.was_aborted_by_user = isinstance(event.primitive, A_ABORT)


class Requestor:
    """Requests associations with one peer; on leaving the ``with`` block none is left.

    Parameters
    ----------
    options : argparse.Namespace
        The options of :func:`~pynetdicom.apps.common.options.scu_parser`.

    Attributes
    ----------
    ae : AE
        The AE.
    """

    def __init__(self, options: Namespace) -> None:
        self._options = options
        self.ae = AE(options.calling_aet)
        set_timeouts(self.ae, options)
        self.ae.connection_timeout = options.connection_timeout or None
        self._tls_args: tuple[ssl.SSLContext, str | None] | None = None
        if wants_tls(options):
            from .tls import client_context  # noqa: PLC0415

            name = options.tls_server_name or options.addr.strip("[]")
            self._tls_args = client_context(options), name
        identity = user_identity(options)
        self._items = [identity] if identity else []

    def __enter__(self) -> Requestor:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.ae.shutdown()

    def associate(
        self,
        contexts: Sequence[PresentationContext],
        handlers: Sequence[evt.EventHandlerType] = (),
        items: Sequence[Any] = (),
    ) -> Association:
        """Return an established association.

        Parameters
        ----------
        contexts : list of presentation.PresentationContext
            What to propose.
        handlers : list of tuple, optional
            Handlers to bind.
        items : list of pdu_primitives.ServiceParameter, optional
            Further items of extended negotiation.

        Raises
        ------
        AppError
            If there is none: why, and what to try.
        """
        options, course = self._options, _Course()
        address = _resolved(options.addr, options.ip)
        REASONS.take()
        assoc = self.ae.associate(
            address,
            options.port,
            list(contexts),
            options.called_aet,
            options.max_pdu,
            [*self._items, *items],
            tls_args=self._tls_args,
            evt_handlers=[*course.handlers(), *handlers],
        )
        if not assoc.is_established:
            raise self._failure(assoc, course)
        if self._items and self._items[0].positive_response_requested:
            self._check_identity(assoc)
        return assoc

    def _failure(self, assoc: Association, course: _Course) -> AppError:
        """Return why an association was not established."""
        reason = REASONS.take() or "no association was established"
        where = f"{self._options.addr}:{self._options.port}"
        if assoc.is_rejected:
            return _rejection(assoc, reason)
        if not course.is_connected:
            # What the system said, without its number and the address
            reason = re.sub(_ERRNO, "", reason.partition(": ")[2] or reason)
            connection = assoc.dul.socket
            if self._tls_args and connection is not None and connection.getsockname()[1]:
                return AppError(
                    Exit.TLS,
                    f"TLS with {where} failed: {reason}",
                    "check --tls-ca, --tls-server-name and whether the peer speaks TLS",
                )
            return AppError(
                Exit.NO_CONNECTION,
                f"no connection to {where}: {reason}",
                "check address, port and whether the peer runs",
            )
        if course.is_accepted:
            return AppError(Exit.NO_CONTEXT, reason, "the peer does not offer this service")
        if self._tls_args and assoc.dul.is_closed and not course.was_aborted_by_user:
            # A server that speaks TLS 1.3 refuses a certificate after the handshake only
            return AppError(
                Exit.TLS,
                f"{where} closed the connection right after the TLS handshake",
                "it may want another certificate: --tls-cert and --tls-key",
            )
        return AppError(Exit.ABORTED, reason, "check AE titles, and whether the peer wants TLS")

    def _check_identity(self, assoc: Association) -> None:
        """Raise AppError if the peer has not confirmed the user's identity."""
        if assoc.acceptor.user_identity is None:
            assoc.release()
            raise AppError(
                Exit.REJECTED,
                "the peer accepted the association without confirming the identity of the user",
                "leave out --pos-response if that is not needed",
            )


def lost(assoc: Association) -> AppError:
    """Return why an association ended before its time, or got no answer."""
    peer = safe_text(assoc.acceptor.ae_title)
    reason = REASONS.take() or f"the association with {peer} was aborted, or its connection lost"
    return AppError(
        Exit.ABORTED, reason, "see the log of the peer, or give --dimse-timeout more seconds"
    )


def _rejection(assoc: Association, reason: str) -> AppError:
    """Return what a rejection means."""
    answer = assoc.acceptor.primitive
    source, diagnostic, result = None, None, None
    if answer is not None:
        source, diagnostic, result = answer.result_source, answer.diagnostic, answer.result
    advice = _ADVICE.get((source or 0, diagnostic or 0), "see the log of the peer")
    return AppError(Exit.REJECTED, reason, advice, is_transient=result == _TRANSIENT)


def _resolved(host: str, ip: str | None) -> str | tuple[str, int, int]:
    """Return the address of a host in the family that is wanted."""
    host = host.removeprefix("[").removesuffix("]")
    families = {"ipv4": socket.AF_INET, "ipv6": socket.AF_INET6}
    family = families.get(ip or "", socket.AF_UNSPEC)
    try:
        # As bytes there is nothing to encode in IDNA, for which Python loads much
        name = host.encode() if host.isascii() else host
        found = socket.getaddrinfo(name or None, None, family, socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        kind = {"ipv4": "IPv4 ", "ipv6": "IPv6 "}.get(ip or "", "")
        raise AppError(
            Exit.NO_CONNECTION, f"no {kind}address is known for '{host}'", "check the name"
        ) from None
    if ip == "ipv6":
        address, _, flow, scope = found[0][4]  # type: ignore[misc]  # four items with IPv6
        return str(address), int(flow), int(scope)
    return str(found[0][4][0]) if ip else host


def set_timeouts(ae: AE, options: Namespace) -> None:
    """Set the time-outs and the maximum PDU length of an AE."""
    ae.acse_timeout = options.acse_timeout or None
    ae.dimse_timeout = options.dimse_timeout or None
    ae.network_timeout = options.network_timeout or None
    ae.maximum_pdu_size = options.max_pdu


def wants_tls(options: Namespace) -> bool:
    """Return whether to use TLS.

    Raises
    ------
    AppError
        If options say how, but not that: whoever gives them does not expect plain text.
    """
    if not options.tls:
        names = ("key", "cert", "password_file", "ca", "verify", "server_name", "any_name")
        for name in (f"tls_{name}" for name in names):
            if getattr(options, name, None):
                option = "--" + name.replace("_", "-")
                raise AppError(
                    Exit.USAGE,
                    f"{option} is given, but not --tls",
                    "give --tls, or leave it out",
                )
    return bool(options.tls)


def user_identity(options: Namespace) -> UserIdentityNegotiation | None:
    """Return the user identity item that the options ask for, None if they ask for none.

    Raises
    ------
    AppError
        If a file can't be read, or the options don't fit together.
    """
    item = UserIdentityNegotiation()
    item.positive_response_requested = options.pos_response
    for name, kind in _TOKENS.items():
        path = getattr(options, name)
        if path is not None:
            item.user_identity_type = kind
            item.primary_field = _content(path)
    has_password = options.password is not None or options.password_file is not None
    if options.user is None:
        if has_password or (options.pos_response and item.user_identity_type is None):
            raise AppError(Exit.USAGE, "there is nobody to identify", "give --user NAME")
        return item if item.user_identity_type else None
    item.user_identity_type = _USER_AND_PASSWORD if has_password else _USER
    item.primary_field = options.user.encode()
    if options.password_file:
        item.secondary_field = _content(options.password_file).rstrip(b"\r\n")
    else:
        item.secondary_field = (options.password or "").encode()
    if not options.user or (has_password and not item.secondary_field):
        raise AppError(Exit.USAGE, "the name or the password of the user is empty")
    return item


def _content(path: str) -> bytes:
    """Return what is in a file that an option names."""
    try:
        return lazy.pathlib.Path(path).read_bytes()
    except OSError as exc:
        raise AppError(Exit.USAGE, f"{path} can't be read: {exc.strerror}") from None


def requested_syntaxes(options: Namespace) -> list[str]:
    """Return the one transfer syntax that the options ask for, or the usual ones."""
    implicit, explicit, deflated, big = DEFAULT_TRANSFER_SYNTAXES
    if options.request_little:
        return [explicit]
    if options.request_big:
        return [big]
    if options.request_implicit:
        return [implicit]
    return [explicit, implicit, deflated, big]
