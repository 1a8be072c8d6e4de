"""Retrieve SCU: have instances sent with C-MOVE requests, to us or to somebody else."""

from __future__ import annotations

import sys
import threading
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from time import monotonic
from typing import TYPE_CHECKING

from pynetdicom import AE, build_context, evt

from ..common import options as kinds
from ..common.exits import Exit
from ..common.output import Console
from ..common.program import run
from ..common.receiving import SYNTAXES, spooling, store_of, support_storage
from ..common.retrieving import (
    Receptions,
    Retrieval,
    Wanted,
    negotiated,
    negotiation,
    retrieval_parser,
)
from ..common.scp import listening
from ..common.scu import Requestor, requested_syntaxes, set_timeouts

if TYPE_CHECKING:
    from pynetdicom.transport import AssociationServer

_TITLE = "STORESCP"
# Seconds that associations have to end in which everything has come
_PATIENCE = 1.0


def _parser(args: Sequence[str]) -> ArgumentParser:
    parser = retrieval_parser(
        "movescu", "Have instances sent with C-MOVE requests, to us or to somebody else.", args
    )
    group = parser.add_argument_group("destination options")
    group.add_argument(
        "-aem",
        "--move-aet",
        metavar="AETITLE",
        type=kinds.ae_title,
        default=_TITLE,
        help="AE title of the destination, which the peer has to know; with --store that of "
        "--store-aet unless it is given",
    )
    group.add_argument(
        "--store", action="store_true", help="run a storage SCP while it takes, and save there"
    )
    group.add_argument(
        "--store-port", metavar="PORT", type=kinds.port, default=11113, help="its TCP port"
    )
    group.add_argument(
        "--port",
        metavar="PORT",
        dest="receive_port",
        type=kinds.port,
        help="short for --store and --store-port",
    )
    group.add_argument(
        "--store-aet",
        metavar="AETITLE",
        type=kinds.ae_title,
        default=_TITLE,
        help="its AE title",
    )
    group.add_argument(
        "-ba", "--bind-address", metavar="ADDRESS", default="", help="its address (default: all)"
    )
    group.add_argument(
        "--grace",
        metavar="S",
        type=kinds.seconds,
        default=5,
        help="seconds without an instance that it waits for those which come after the response",
    )
    return parser


def _move(options: Namespace, console: Console) -> Exit:
    wanted = Wanted(options)
    if options.receive_port is not None:
        options.store, options.store_port = True, options.receive_port
    destination = options.move_aet
    if options.store and destination == _TITLE:
        destination = options.store_aet
    model = wanted.model.move
    with ExitStack() as stack:
        requestor = stack.enter_context(Requestor(options))
        receptions = None
        if options.store:
            receptions = stack.enter_context(_receiving(options, console))
        wanted.find(requestor, console)
        if not wanted.identifiers:
            return Exit.SUCCESS
        context = build_context(model, list(requested_syntaxes(options)))
        assoc = requestor.associate([context], items=negotiation(options, model))
        negotiated(options, console, assoc, model)
        retrieval = Retrieval(
            assoc,
            lambda identifier: assoc.send_c_move(identifier, destination, model),
            receptions,
            console,
        )
        retrieval.retrieve(wanted.identifiers)
        assoc.release()
        if receptions is not None:
            receptions.wait(retrieval.completed, options.grace)
        return retrieval.result()


@contextmanager
def _receiving(options: Namespace, console: Console) -> Iterator[Receptions]:
    """Run a storage SCP."""
    settings = Namespace(**{**vars(options), "port": options.store_port})
    store = store_of(options)
    receptions = Receptions(store, console)
    ae = AE(options.store_aet)
    set_timeouts(ae, options)
    support_storage(ae, SYNTAXES)
    with spooling(ae, store, "movescu"):
        server = listening(ae, settings, [(evt.EVT_C_STORE, receptions.handle)])
        thread = threading.Thread(target=server.serve_forever, name="storage SCP", daemon=True)
        thread.start()
        try:
            host, port = server.server_address[:2]
            console.record("listening", address=host, port=port, ae_title=ae.ae_title)
            yield receptions
            _let_end(server)
        finally:
            server.shutdown()
            ae.shutdown()
            thread.join()


def _let_end(server: AssociationServer) -> None:
    """Give the peer a moment to release its associations, in which everything has come."""
    until = monotonic() + _PATIENCE
    for assoc in server.active_associations:
        assoc.join(max(0.0, until - monotonic()))


def main(args: Sequence[str] | None = None) -> int:
    """Run the application with these arguments, or those of the process; return the exit code."""
    return run("movescu", _parser, _move, args)


if __name__ == "__main__":
    sys.exit(main())
