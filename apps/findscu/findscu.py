"""Query SCU: send C-FIND requests."""

from __future__ import annotations

import math
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence

from pydicom import Dataset

from pynetdicom import Association, build_context
from pynetdicom.association.requests import Responses

from ..common.exits import Exit, overall
from ..common.keys import add_keys, identifier_of
from ..common.options import PROPOSALS, add_choice, count, scu_parser
from ..common.output import Console, status_text
from ..common.program import run
from ..common.querying import (
    CANCELLED,
    MODELS,
    Model,
    accepted,
    add_models,
    asked,
    asking,
    complete,
    explained,
    extended,
    is_failure,
    model_of,
    replies,
    tell_declined,
)
from ..common.scu import Requestor, requested_syntaxes
from .matches import FORMATS, Matches

# What can be asked for by extended negotiation, by option and in order (PS3.4 C.5.1, K.5.1)
_EXTENSIONS = {
    "relational-query": "relational queries",
    "dt-matching": "matching of date and time together",
    "fuzzy-names": "fuzzy matching of names",
    "timezone-adj": "adjustment of time zones",
    "enhanced-conversion": "enhanced multi-frame image conversion",
}
LOG_LEVELS = ("fatal", "error", "warn", "info", "debug", "trace")


def _parser(args: Sequence[str]) -> ArgumentParser:
    parser = scu_parser(
        "findscu", "Query a peer with a C-FIND request.", args, LOG_LEVELS, log_type="v"
    )
    add_models(parser, list(MODELS))
    add_keys(parser)
    group = parser.add_argument_group("extended negotiation options")
    for name, what in _EXTENSIONS.items():
        group.add_argument(f"--{name}", action="store_true", help=f"ask for {what}")
    add_choice(parser, "transfer syntax options", PROPOSALS)
    group = parser.add_argument_group("query options")
    group.add_argument(
        "--cancel", metavar="N", type=count, help="cancel after N matches; shows what still comes"
    )
    group.add_argument(
        "--limit", metavar="N", type=count, help="show N matches at most, and cancel after them"
    )
    group = parser.add_argument_group("output options")
    shape = group.add_mutually_exclusive_group()
    shape.add_argument(
        "--csv", action="store_true", help="write matches to stdout as CSV, a column for each key"
    )
    shape.add_argument("--table", action="store_true", help="write matches to stdout as a table")
    for short, long in (("-w", "--write"), ("-X", "--extract")):
        group.add_argument(
            short, long, dest="write", action="store_true", help="write matches to files"
        )
    group.add_argument(
        "-od", "--output-directory", metavar="FOLDER", default=".", help="where to write files"
    )
    return parser


def _negotiated(options: Namespace, model: Model) -> list[bool]:
    """Return what to ask for by extended negotiation (PS3.4 C.5.1, K.5.1, CC.3.1)."""
    wanted = list(asked(options, _EXTENSIONS).values())
    if model.levels or not any(wanted):
        return wanted
    # Worklists and procedure steps have the first two anyway
    return [True, True, options.fuzzy_names, options.timezone_adj]


def _find(options: Namespace, console: Console) -> Exit:
    model = model_of(options)
    identifier = identifier_of(options)
    complete(identifier, model)
    syntaxes = requested_syntaxes(options)
    contexts = [build_context(uid, list(syntaxes)) for uid in model.find]
    with Requestor(options) as requestor:
        if options.log_type != "d":
            requestor.ae.log_patient_data = False  # matches go to stdout, and not to stderr, too
        items = extended(model.find, _negotiated(options, model))
        assoc = requestor.associate(contexts, items=items)
        sop_class = accepted(assoc, model.find)
        tell_declined(console, assoc, sop_class, asked(options, _EXTENSIONS))
        shape = next((name for name in FORMATS if vars(options).get(name)), "text")
        folder = options.output_directory if options.write else None
        matches = Matches(console, FORMATS[shape](console, identifier), sop_class, folder)
        with asking(assoc, lambda: assoc.send_c_find(identifier, sop_class)) as responses:
            final = _take(assoc, responses, matches, options)
        matches.end()
        assoc.release()
    return _result(final, matches, console, _last(options))


def _take(
    assoc: Association, responses: Responses, matches: Matches, options: Namespace
) -> Dataset:
    """Take the matches, and return the final status."""
    status = Dataset()
    for number, (status, match) in enumerate(replies(assoc, responses), 1):
        if not _is_match(status):
            break
        if not options.limit or number <= options.limit:
            matches.add(int(status.Status), match)
        if number == _last(options):
            responses.cancel()
    return status


def _last(options: Namespace) -> float:
    """Return the number of the match after which to cancel."""
    return min(options.cancel or math.inf, options.limit or math.inf)


def _is_match(status: Dataset) -> bool:
    """Return True if a response is a match; 0xB001 is that of a repository query."""
    return status.Status in (0xFF00, 0xFF01, 0xB001)


def _result(final: Dataset, matches: Matches, console: Console, last: float) -> Exit:
    """Tell how a query ended, and return the exit code."""
    status = int(final.Status)
    console.record("result", matches=matches.number, status=status_text(status))
    failures = {Exit.ALL_FAILED} if matches.unreadable else set()
    if is_failure(status) or (status == CANCELLED and matches.number + matches.unreadable < last):
        console.complain(explained("the query", final))
        failures = {Exit.ALL_FAILED}
    return overall(matches.number, failures)


def main(args: Sequence[str] | None = None) -> int:
    """Run the application with these arguments, or those of the process; return the exit code."""
    return run("findscu", _parser, _find, args)


if __name__ == "__main__":
    sys.exit(main())
