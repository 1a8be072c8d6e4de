"""Servers: set up as the options say, and stopped by Ctrl-C and SIGTERM."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterable, Sequence
from time import monotonic
from typing import TYPE_CHECKING

from pynetdicom import AE, ALL_TRANSFER_SYNTAXES, DEFAULT_TRANSFER_SYNTAXES, evt

from .exits import AppError, Exit
from .logs import showing_errors
from .output import Console
from .program import Terminated
from .scu import set_timeouts, wants_tls

if TYPE_CHECKING:
    import ssl

    from pynetdicom.transport import AssociationServer

#: Seconds that associations may go on after SIGTERM. AE.shutdown() may take one more.
GRACE = 4.5


def new_ae(options: Namespace) -> AE:
    """Return an AE as the options of an SCP say."""
    ae = AE(options.ae_title)
    set_timeouts(ae, options)
    set_acceptance(ae, options)
    return ae


def set_acceptance(ae: AE, options: Namespace) -> None:
    """Set whom an AE accepts, as the options of ``add_acceptance()`` say."""
    ae.maximum_associations = options.max_associations
    ae.require_calling_aet = options.accept_from or []
    ae.require_called_aet = options.check_called_aet


def accepted_syntaxes(options: Namespace) -> list[str]:
    """Return the transfer syntaxes to accept, the preferred one first."""
    implicit, explicit, deflated, big = DEFAULT_TRANSFER_SYNTAXES
    first: Sequence[str] = ()
    if options.implicit:
        return [implicit]
    if options.prefer_uncompr:
        first = (explicit, big, implicit, deflated)
    elif options.prefer_little:
        first = (explicit,)
    elif options.prefer_big:
        first = (big,)
    rest = [uid for uid in ALL_TRANSFER_SYNTAXES if uid not in first]
    return [*first, *rest]


def _address(options: Namespace) -> tuple[str, int]:
    """Return the address to listen on."""
    host = options.bind_address.removeprefix("[").removesuffix("]")
    if not host and options.ip == "ipv6":
        host = "::"
    if host and options.ip and (":" in host) != (options.ip == "ipv6"):
        raise AppError(
            Exit.USAGE, f"{host} is no address of {options.ip}", "give another --bind-address"
        )
    return host, options.port


def serve(
    ae: AE,
    options: Namespace,
    console: Console,
    handlers: Iterable[evt.EventHandlerType] = (),
) -> Exit:
    """Accept associations until Ctrl-C or SIGTERM.

    After SIGTERM nobody new is accepted, and what goes on has a few seconds to end before it is
    aborted; after Ctrl-C it is aborted at once. Errors are logged on stderr unless the options
    say what is.

    Parameters
    ----------
    ae : AE
        The AE, with its supported contexts.
    options : argparse.Namespace
        The options of :func:`~pynetdicom.apps.common.options.scp_parser`.
    console : Console
        Where to tell the port.
    handlers : iterable of tuple, optional
        The handlers to bind.

    Raises
    ------
    AppError
        If the address can't be listened on.
    """
    with showing_errors(options):
        return _serve(ae, options, console, handlers)


def _serve(
    ae: AE,
    options: Namespace,
    console: Console,
    handlers: Iterable[evt.EventHandlerType],
) -> Exit:
    """Do what serve() says."""
    server: AssociationServer | None = None
    try:
        server = listening(ae, options, handlers)
        host, port = server.server_address[:2]
        console.record("listening", address=host, port=port, ae_title=ae.ae_title)
        server.serve_forever()
    except KeyboardInterrupt:
        pass
    except Terminated:
        if server is not None:
            server.shutdown()
            _wait_for_the_end(server)
    finally:
        if server is not None:
            server.shutdown()
        ae.shutdown()
    return Exit.SUCCESS


def listening(
    ae: AE, options: Namespace, handlers: Iterable[evt.EventHandlerType]
) -> AssociationServer:
    """Return a server that listens where the options say.

    Raises
    ------
    AppError
        If the address can't be listened on, or a key or a certificate can't be used.
    """
    context: ssl.SSLContext | None = None
    if wants_tls(options):
        from .tls import server_context  # noqa: PLC0415

        context = server_context(options)
    try:
        server: AssociationServer = ae.make_server(
            _address(options), ssl_context=context, evt_handlers=list(handlers)
        )
    except OSError as exc:
        raise AppError(
            Exit.LOCAL,
            exc.strerror or str(exc),
            "choose another port or address, or end what uses it",
        ) from None
    return server


def _wait_for_the_end(server: AssociationServer) -> None:
    """Wait until the associations have ended, or the grace is over, or somebody gets impatient."""
    until = monotonic() + GRACE
    try:
        for assoc in server.active_associations:
            assoc.join(max(0.0, until - monotonic()))
    except (KeyboardInterrupt, Terminated):
        pass
