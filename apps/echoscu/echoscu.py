"""Verification SCU: send C-ECHO requests to a peer."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from time import perf_counter

from pynetdicom import ALL_TRANSFER_SYNTAXES, build_context
from pynetdicom._globals import VERIFICATION

from ..common.exits import Exit, overall
from ..common.options import PROPOSALS, add_choice, count, scu_parser
from ..common.output import Console, status_text
from ..common.program import run
from ..common.scu import Requestor, lost, requested_syntaxes

_LAST_MESSAGE_ID = 65535


def _parser(args: Sequence[str]) -> ArgumentParser:
    parser = scu_parser(
        "echoscu", "Send C-ECHO requests to a peer, to see whether DICOM works with it.", args
    )
    add_choice(parser, "transfer syntax options", PROPOSALS)
    group = parser.add_argument_group("echo options")
    group.add_argument("--repeat", metavar="N", type=count, default=1, help="echoes to send")
    group.add_argument("--abort", action="store_true", help="abort instead of releasing")
    group.add_argument(
        "-pts",
        "--propose-ts",
        metavar="N",
        type=count,
        help="propose the first N transfer syntaxes",
    )
    group.add_argument(
        "-ppc", "--propose-pc", metavar="N", type=count, default=1, help="contexts to propose"
    )
    return parser


def _echo(options: Namespace, console: Console) -> Exit:
    syntaxes: Sequence[str] = requested_syntaxes(options)
    if options.propose_ts:
        syntaxes = ALL_TRANSFER_SYNTAXES[: options.propose_ts]
    contexts = [build_context(VERIFICATION, list(syntaxes)) for _ in range(options.propose_pc)]
    succeeded, failures = 0, set()
    with Requestor(options) as requestor:
        assoc = requestor.associate(contexts)
        with console.progress("echo", options.repeat) as advance:
            for number in range(1, options.repeat + 1):
                began = perf_counter()
                # Not send_c_echo(), whose data set would have pydicom loaded for one number
                response = assoc._echo((number - 1) % _LAST_MESSAGE_ID + 1)
                milliseconds = round(1000 * (perf_counter() - began), 3)
                status = None if response is None else response.Status
                console.record(
                    "echo", number=number, status=status_text(status), milliseconds=milliseconds
                )
                advance()
                if status is None:
                    raise lost(assoc)
                if status:
                    console.complain(f"echo {number} was answered with {status_text(status)}")
                    failures.add(Exit.ALL_FAILED)
                else:
                    succeeded += 1
        if options.abort:
            assoc.abort()
        else:
            assoc.release()
    return overall(succeeded, failures)


def main(args: Sequence[str] | None = None) -> int:
    """Run the application with these arguments, or those of the process; return the exit code."""
    return run("echoscu", _parser, _echo, args)


if __name__ == "__main__":
    sys.exit(main())
