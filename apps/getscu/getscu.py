"""Retrieve SCU: have instances sent with C-GET requests."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Sequence
from contextlib import ExitStack

from pydicom.config import IGNORE
from pydicom.uid import UID

import pynetdicom.sop_class as sop_classes
from pynetdicom import build_context, build_role, evt

from ..common.exits import AppError, Exit
from ..common.output import Console
from ..common.program import run
from ..common.receiving import spooling, store_of
from ..common.retrieving import (
    Receptions,
    Retrieval,
    Wanted,
    negotiated,
    negotiation,
    retrieval_parser,
)
from ..common.scu import Requestor, requested_syntaxes
from .contexts import MOST, storage_contexts


def _sop_class(text: str) -> UID:
    """Return the SOP class that a UID or a keyword means."""
    uid = getattr(sop_classes, text, text)
    if isinstance(uid, str) and (found := UID(uid, IGNORE)).is_valid:
        return found
    raise ArgumentTypeError(f"'{text}' is neither the UID nor the keyword of a SOP class")


def _parser(args: Sequence[str]) -> ArgumentParser:
    parser = retrieval_parser("getscu", "Retrieve instances with C-GET requests.", args)
    parser.add_argument(
        "--sop-class",
        metavar="UID",
        type=_sop_class,
        action="append",
        help="be ready for this SOP class, by UID or keyword, and not for the usual ones; can be "
        "given several times",
    )
    return parser


def _get(options: Namespace, console: Console) -> Exit:
    wanted = Wanted(options)
    if options.sop_class and len(options.sop_class) > MOST:
        raise AppError(Exit.USAGE, f"there are more than {MOST} SOP classes", "give fewer")
    with ExitStack() as stack:
        store = store_of(options)
        receptions = Receptions(store, console)
        requestor = stack.enter_context(Requestor(options))
        stack.enter_context(spooling(requestor.ae, store, "getscu"))
        wanted.find(requestor, console)
        if not wanted.identifiers:
            return Exit.SUCCESS
        storage = storage_contexts(options.sop_class or wanted.sop_classes)
        model = wanted.model.get
        roles = [
            build_role(uid, scp_role=True)
            for uid in dict.fromkeys(context.abstract_syntax or "" for context in storage)
        ]
        assoc = requestor.associate(
            [build_context(model, list(requested_syntaxes(options))), *storage],
            [(evt.EVT_C_STORE, receptions.handle)],
            [*roles, *negotiation(options, model)],
        )
        negotiated(options, console, assoc, model)
        retrieval = Retrieval(
            assoc, lambda identifier: assoc.send_c_get(identifier, model), receptions, console
        )
        retrieval.retrieve(wanted.identifiers)
        assoc.release()
        return retrieval.result()


def main(args: Sequence[str] | None = None) -> int:
    """Run the application with these arguments, or those of the process; return the exit code."""
    return run("getscu", _parser, _get, args)


if __name__ == "__main__":
    sys.exit(main())
