"""How instances are retrieved: what is asked for, what comes, and what does not."""

from __future__ import annotations

import threading
from argparse import Namespace
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path

from pydicom import Dataset
from pydicom.uid import UID

from pynetdicom import Association, build_context, evt
from pynetdicom._globals import STATUS_CANCEL, STATUS_WARNING
from pynetdicom.association.requests import Responses
from pynetdicom.pdu_primitives import SOPClassExtendedNegotiation
from pynetdicom.status import code_to_category
from pynetdicom.utils import safe_text

from .exits import AppError, Exit, overall
from .keys import add_keys, identifier_of
from .options import PROPOSALS, Parser, add_choice, scu_parser
from .output import Advance, Console, status_text
from .querying import (
    RETRIEVAL_MODELS,
    UNIQUE_KEYS,
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
from .receiving import add_output, receive
from .scu import Requestor, requested_syntaxes
from .storing import SUCCESS, Store

# What can be asked for by extended negotiation, by option and in order (PS3.4 C.5.2, C.5.3)
_EXTENSIONS = {
    "relational-retrieval": "relational retrieval",
    "enhanced-conversion": "enhanced multi-frame image conversion",
}

Send = Callable[[Dataset], Responses]


def retrieval_parser(app: str, description: str, args: Sequence[str]) -> Parser:
    """Return a parser with the options that getscu and movescu have in common."""
    parser = scu_parser(app, description, args, log_type="v")
    add_models(parser, RETRIEVAL_MODELS)
    add_keys(parser)
    group = parser.add_argument_group("retrieval options")
    group.add_argument(
        "--query-first",
        action="store_true",
        help="query, and retrieve each match; done anyway unless the keys name what to retrieve",
    )
    for name, what in _EXTENSIONS.items():
        group.add_argument(f"--{name}", action="store_true", help=f"ask for {what}")
    add_choice(parser, "transfer syntax options", PROPOSALS)
    add_output(parser)
    return parser


def negotiation(options: Namespace, sop_class: UID) -> list[SOPClassExtendedNegotiation]:
    """Return what to negotiate for a retrieval."""
    return extended([sop_class], list(asked(options, _EXTENSIONS).values()))


def negotiated(options: Namespace, console: Console, assoc: Association, sop_class: UID) -> None:
    """See to it that there is a context for a retrieval, and tell what the peer has declined."""
    accepted(assoc, [sop_class])
    tell_declined(console, assoc, sop_class, asked(options, _EXTENSIONS))


class Receptions:
    """Takes the instances that come; any thread may use it.

    Parameters
    ----------
    store : Store or None
        Where to save them, None for nowhere.
    console : Console
        Where to tell about them.
    """

    def __init__(self, store: Store | None, console: Console) -> None:
        self._store = store
        self._console = console
        self._changed = threading.Condition()
        #: How many have come and are saved
        self.saved = 0
        #: The SOP Instance UIDs of those that are not
        self.refused: set[str] = set()

    def handle(self, event: evt.Event) -> int | Dataset:
        """Answer a C-STORE request."""
        reception = receive(event, self._console, self._save)
        with self._changed:
            if reception.status == SUCCESS:
                self.saved += 1
            else:
                self.refused.add(safe_text(event.request.AffectedSOPInstanceUID))
            self._changed.notify_all()
        return reception.answer()

    def _save(self, event: evt.Event) -> Path | None:
        if self._store is None:
            return None
        return self._store.save(event, self._store.examine(event))

    def wait(self, number: int, patience: float) -> None:
        """Wait until so many are saved, or nothing has come for some seconds."""
        with self._changed:
            while self.saved < number:
                before = self.saved, len(self.refused)
                if not self._changed.wait_for(
                    lambda: before != (self.saved, len(self.refused)),  # noqa: B023
                    patience,
                ):
                    return


class Wanted:
    """What to retrieve: one identifier for each request.

    Parameters
    ----------
    options : argparse.Namespace
        The options of :func:`retrieval_parser`.

    Raises
    ------
    AppError
        If the keys can't be used.
    """

    def __init__(self, options: Namespace) -> None:
        self._options = options
        self.model: Model = model_of(options)
        self._keys = identifier_of(options)
        self._level = complete(self._keys, self.model)
        self.identifiers = [self._keys]
        #: The SOP classes of what is to come, empty if they are not known
        self.sop_classes: list[UID] = []

    def find(self, requestor: Requestor, console: Console) -> None:
        """Query if the keys do not name what to retrieve, and want each match.

        Raises
        ------
        AppError
            If the query fails.
        """
        unique = str(self._keys.get(UNIQUE_KEYS[self._level]) or "")
        if unique and not self._options.query_first and not set(unique) & set("*?"):
            return
        self._query(requestor, console)
        if not self.identifiers:
            console.complain("nothing matches the keys; check them with findscu")
            console.record("summary", completed=0, failed=0, saved=0)

    def _query(self, requestor: Requestor, console: Console) -> None:
        self.identifiers = []
        sop_classes: list[UID | None] = []
        keys, levels = self._query_keys()
        context = build_context(self.model.find[0], list(requested_syntaxes(self._options)))
        wanted = [self._options.relational_retrieval, False, False, False, False]
        assoc = requestor.associate([context], items=extended(self.model.find, wanted))
        sop_class = accepted(assoc, self.model.find)
        with asking(assoc, lambda: assoc.send_c_find(keys, sop_class)) as responses:
            final = Dataset()
            for final, match in replies(assoc, responses):  # noqa: B007
                if match is not None:
                    self.identifiers.append(_identifier(match, keys, levels))
                    sop_classes += _sop_classes(match)
        assoc.release()
        if final.Status != SUCCESS:
            raise AppError(Exit.ALL_FAILED, explained("the query", final))
        console.record("query", matches=len(self.identifiers), status=status_text(final.Status))
        known = [uid for uid in sop_classes if uid]
        if len(known) == len(sop_classes):
            self.sop_classes = list(dict.fromkeys(known))

    def _query_keys(self) -> tuple[Dataset, Sequence[str]]:
        """Return the identifier of the query, and the levels down to its own."""
        levels = self.model.levels[: self.model.levels.index(self._level) + 1]
        keys = Dataset()
        keys.update(self._keys)
        for level in levels:
            if UNIQUE_KEYS[level] not in keys:
                setattr(keys, UNIQUE_KEYS[level], "")
        for level, keyword in (("STUDY", "SOPClassesInStudy"), ("IMAGE", "SOPClassUID")):
            if level == self._level and keyword not in keys:
                setattr(keys, keyword, "")
        return keys, levels


def _identifier(match: Dataset, keys: Dataset, levels: Sequence[str]) -> Dataset:
    """Return the identifier that retrieves a match: the unique keys of its levels."""
    identifier = Dataset()
    identifier.QueryRetrieveLevel = levels[-1]
    if "SpecificCharacterSet" in match:
        identifier.SpecificCharacterSet = match.SpecificCharacterSet
    for level in levels:
        asked_for = keys.get(UNIQUE_KEYS[level])
        value = match.get(UNIQUE_KEYS[level]) or asked_for
        if value and not (value is asked_for and set(str(value)) & set("*?")):
            setattr(identifier, UNIQUE_KEYS[level], value)
    if not identifier.get(UNIQUE_KEYS[levels[-1]]):
        raise AppError(
            Exit.ALL_FAILED,
            f"a match of the query has no {UNIQUE_KEYS[levels[-1]]}",
            "see what the peer answers with findscu, and retrieve at another level",
        )
    return identifier


def _sop_classes(match: Dataset) -> list[UID | None]:
    """Return the SOP classes of a match, None if they are not known."""
    value = match.get("SOPClassUID") or match.get("SOPClassesInStudy")
    if not value:
        return [None]
    return [UID(value)] if isinstance(value, str) else [UID(uid) for uid in value]


class Retrieval:
    """Sends requests one after the other, and counts what comes of them.

    Parameters
    ----------
    assoc : Association
        The association.
    send : callable
        Sends a request for an identifier.
    receptions : Receptions or None
        Takes what comes here, None if it goes elsewhere.
    console : Console
        Where to tell.
    """

    def __init__(
        self, assoc: Association, send: Send, receptions: Receptions | None, console: Console
    ) -> None:
        self._assoc = assoc
        self._send = send
        self._receptions = receptions
        self._console = console
        #: What the peer says
        self.completed = self.failed = 0
        self._has_failed = False

    def retrieve(self, identifiers: Sequence[Dataset]) -> None:
        """Retrieve what some identifiers are about."""
        for number, identifier in enumerate(identifiers, 1):
            many = f" {number} of {len(identifiers)}" if len(identifiers) > 1 else ""
            before = self._receptions.saved if self._receptions else 0
            with asking(self._assoc, lambda: self._send(identifier)) as responses:  # noqa: B023
                status, found = self._follow(responses, f"retrieving{many}")
            self._count(status, found, before, f"retrieval{many}")

    def _follow(self, responses: Responses, what: str) -> tuple[Dataset, Dataset | None]:
        """Show the progress of a request; return its final response."""
        status, found = Dataset(), None
        with ExitStack() as stack:
            advance: Advance | None = None
            done = 0
            for status, found in replies(self._assoc, responses):  # noqa: B007
                now = _number(status, "Completed", "Failed", "Warning") or 0
                total = now + (_number(status, "Remaining") or 0)
                if advance is None and total:
                    advance = stack.enter_context(self._console.progress(what, total))
                if advance is not None:
                    for _ in range(now - done):
                        advance()
                done = max(now, done)
        return status, found

    def _count(self, status: Dataset, found: Dataset | None, before: int, what: str) -> None:
        """Count and tell what a request came to."""
        saved = self._receptions.saved - before if self._receptions else None
        completed = _number(status, "Completed", "Warning")
        if completed is None:
            completed = saved or 0
        failed = _number(status, "Failed") or 0
        uids = [safe_text(str(uid)) for uid in _failed_uids(found)]
        self.completed += completed
        self.failed += max(failed, len(uids))
        self._console.record(
            "retrieval",
            status=status_text(status.Status),
            completed=completed,
            failed=failed,
            remaining=_number(status, "Remaining") or 0,
            failed_sop_instance_uids=uids,
        )
        refused = self._receptions.refused if self._receptions else set()
        for uid in uids:
            if uid not in refused:  # and told of
                self._console.complain(f"{uid} was not sent, says the peer")
        category = code_to_category(status.Status)
        if is_failure(status.Status) or category == STATUS_CANCEL or failed or uids:
            self._has_failed = True
            told = explained(f"the {what}", status)
            self._console.complain(f"{told} ({completed} sent, {failed} not)")
        elif category != STATUS_WARNING and not completed:
            self._console.complain(f"the {what} found nothing; check the keys with findscu")

    def result(self) -> Exit:
        """Return the exit code, and tell how much there was of what."""
        saved = self._receptions.saved if self._receptions else None
        failures = {Exit.ALL_FAILED} if self._has_failed else set()
        if saved is not None and saved < self.completed:
            self._console.complain(
                f"the peer says that it sent {self.completed} instances, but {saved} were saved"
            )
            failures = {Exit.ALL_FAILED}
        succeeded = self.completed if saved is None else saved
        self._console.record("summary", completed=self.completed, failed=self.failed, saved=saved)
        self._console.say(f"instances retrieved: {succeeded}, not retrieved: {self.failed}")
        return overall(succeeded, failures)


def _number(status: Dataset, *kinds: str) -> int | None:
    """Return the sum of some numbers of sub-operations, None if there is none."""
    values = [status.get(f"NumberOf{kind}Suboperations") for kind in kinds]
    known = [int(value) for value in values if value is not None]
    return sum(known) if known else None


def _failed_uids(found: Dataset | None) -> Sequence[str]:
    """Return the Failed SOP Instance UID List of a final response."""
    value = found.get("FailedSOPInstanceUIDList") if found is not None else None
    if not value:
        return ()
    return [value] if isinstance(value, str) else list(value)
