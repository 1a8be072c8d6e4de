"""Verification SCP: answer C-ECHO requests."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence

from pynetdicom import evt
from pynetdicom.sop_class import Verification
from pynetdicom.utils import safe_text

from ..common.exits import Exit
from ..common.options import PREFERENCES, add_choice, scp_parser
from ..common.output import Console
from ..common.program import run
from ..common.scp import accepted_syntaxes, new_ae, serve


def _parser(args: Sequence[str]) -> ArgumentParser:
    parser = scp_parser("echoscp", "Accept associations and answer C-ECHO requests.")
    add_choice(parser, "transfer syntax options", PREFERENCES)
    return parser


def _answer(event: evt.Event, console: Console) -> int:
    """Answer an echo."""
    peer = event.assoc.requestor
    console.record("echo", calling_aet=safe_text(peer.ae_title), address=peer.address)
    return 0x0000


def _serve(options: Namespace, console: Console) -> Exit:
    ae = new_ae(options)
    ae.add_supported_context(Verification, accepted_syntaxes(options))
    return serve(ae, options, console, [(evt.EVT_C_ECHO, _answer, [console])])


def main(args: Sequence[str] | None = None) -> int:
    """Run the application with these arguments, or those of the process; return the exit code."""
    return run("echoscp", _parser, _serve, args)


if __name__ == "__main__":
    sys.exit(main())
