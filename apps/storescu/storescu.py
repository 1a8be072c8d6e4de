"""Storage SCU: send files with C-STORE requests."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import IO

from ..common.exits import AppError, Exit, overall
from ..common.options import (
    PROPOSALS,
    add_choice,
    count,
    number,
    scu_parser,
    seconds,
    window,
)
from ..common.output import Console
from ..common.program import run
from ..common.scu import Requestor, requested_syntaxes
from .inputs import find, plan
from .sending import FAILED, IGNORED, Report, Sender, stored_before


def _parser(args: Sequence[str]) -> ArgumentParser:
    parser = scu_parser("storescu", "Send DICOM files to a peer.", args)
    parser.add_argument(
        "path", nargs="+", help="file, folder, pattern or DICOMDIR; - for a list of them on stdin"
    )
    parser.add_argument("-r", "--recurse", action="store_true", help="take folders in folders, too")
    add_choice(parser, "transfer syntax options", PROPOSALS)
    group = parser.add_argument_group("storage options")
    group.add_argument(
        "-cx",
        "--required-contexts",
        action="store_true",
        help="propose only what the files have, nothing that they would be converted to",
    )
    group.add_argument(
        "--jobs", metavar="N", type=count, default=1, help="associations at the same time"
    )
    group.add_argument(
        "--window",
        metavar="N",
        type=window,
        default=1,
        help="ask to send so many requests before the first of them is answered",
    )
    group.add_argument(
        "--retry", metavar="N", type=number, default=0, help="more attempts if the peer is busy"
    )
    group.add_argument(
        "--retry-delay",
        metavar="S",
        type=seconds,
        default=1,
        help="seconds before the second attempt; twice as many before each that follows",
    )
    group.add_argument("--report", metavar="FILE", help="write a line of JSON for each instance")
    group.add_argument("--resume", metavar="FILE", help="leave out what this report says is stored")
    return parser


def _send(options: Namespace, console: Console) -> Exit:
    before = stored_before(Path(options.resume)) if options.resume else set()
    inputs = find(options.path, options.recurse)
    if not inputs.instances and not inputs.problems:
        raise AppError(Exit.LOCAL, "no DICOM files were found", "for folders in folders give -r")
    pending = [i for i in inputs.instances if (i.path, i.sop_instance) not in before]
    chosen = options.request_little or options.request_big or options.request_implicit
    only = requested_syntaxes(options) if chosen else None
    with ExitStack() as stack:
        file: IO[str] | None = None
        if options.report:
            mode = "a" if options.report == options.resume else "w"
            file = stack.enter_context(Path(options.report).open(mode, encoding="utf-8"))
        report = Report(console, file)
        for problem in inputs.problems:
            report.add_problem(problem, FAILED)
        for problem in inputs.ignored:
            report.add_problem(problem, IGNORED)
        requestor = stack.enter_context(Requestor(options))
        advance = stack.enter_context(console.progress("storing", len(pending)))
        sender = Sender(requestor, options, report, advance)
        for batch in plan(pending, only, options.required_contexts):
            sender.send(batch)
    done = report.stored + len(inputs.instances) - len(pending)
    console.record("summary", stored=done, of=len(inputs.instances) + len(inputs.problems))
    if report.failures:
        console.complain(
            f"{done} of {len(inputs.instances) + len(inputs.problems)} instances are stored"
        )
    return overall(done, report.failures)


def main(args: Sequence[str] | None = None) -> int:
    """Run the application with these arguments, or those of the process; return the exit code."""
    return run("storescu", _parser, _send, args)


if __name__ == "__main__":
    sys.exit(main())
