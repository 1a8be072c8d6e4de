"""Information models, and C-FIND, C-GET and C-MOVE requests that a user may interrupt."""

from __future__ import annotations

import signal
import threading
from argparse import Namespace
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from pydicom import Dataset
from pydicom.uid import UID

from pynetdicom import Association
from pynetdicom._globals import STATUS_FAILURE
from pynetdicom.association.requests import Responses
from pynetdicom.pdu_primitives import SOPClassExtendedNegotiation
from pynetdicom.presentation import PresentationContext
from pynetdicom.sop_class import (
    ModalityWorklistInformationFind,
    PatientRootQueryRetrieveInformationModelFind,
    PatientRootQueryRetrieveInformationModelGet,
    PatientRootQueryRetrieveInformationModelMove,
    PatientStudyOnlyQueryRetrieveInformationModelFind,
    PatientStudyOnlyQueryRetrieveInformationModelGet,
    PatientStudyOnlyQueryRetrieveInformationModelMove,
    StudyRootQueryRetrieveInformationModelFind,
    StudyRootQueryRetrieveInformationModelGet,
    StudyRootQueryRetrieveInformationModelMove,
    UnifiedProcedureStepPull,
    UnifiedProcedureStepQuery,
    UnifiedProcedureStepWatch,
)
from pynetdicom.status import code_to_category
from pynetdicom.utils import safe_text

from .exits import AppError, Exit
from .options import Parser
from .output import Console, status_text
from .program import Terminated
from .scu import lost

CANCELLED = 0xFE00

#: The unique key of each level, from the top (PS3.4 C.6.1.1)
UNIQUE_KEYS = {
    "PATIENT": "PatientID",
    "STUDY": "StudyInstanceUID",
    "SERIES": "SeriesInstanceUID",
    "IMAGE": "SOPInstanceUID",
}
_LEVELS = tuple(UNIQUE_KEYS)

# Seconds after Ctrl-C for the answer to C-CANCEL and the release
_PATIENCE = 0.6

# What to try after a final status (PS3.4 C.4, PS3.7 C)
_ADVICE = {
    0x0122: "the peer does not offer this model, give another one",
    0x0124: "have our AE title permitted there",
    0xA700: "ask for less, or try again later",
    0xA701: "ask for less, or try again later",
    0xA702: "see why instances were not taken (getscu takes compressed ones with --sop-class), or "
    "try again later",
    0xA801: "have the peer configured to know this move destination, with its address and port, "
    "and see that something listens there",
    0xA900: "check the level and give the unique keys of the levels above it, or try another model",
    CANCELLED: "somebody cancelled it at the peer",
}


_NONE = UID("")


@dataclass(frozen=True)
class Model:
    """An information model: its SOP classes, and the levels that it has, if it has any."""

    find: Sequence[UID]
    get: UID = _NONE
    move: UID = _NONE
    levels: Sequence[str] = ()


MODELS = {
    "patient": Model(
        [PatientRootQueryRetrieveInformationModelFind],
        PatientRootQueryRetrieveInformationModelGet,
        PatientRootQueryRetrieveInformationModelMove,
        _LEVELS,
    ),
    "study": Model(
        [StudyRootQueryRetrieveInformationModelFind],
        StudyRootQueryRetrieveInformationModelGet,
        StudyRootQueryRetrieveInformationModelMove,
        _LEVELS[1:],
    ),
    "psonly": Model(
        [PatientStudyOnlyQueryRetrieveInformationModelFind],
        PatientStudyOnlyQueryRetrieveInformationModelGet,
        PatientStudyOnlyQueryRetrieveInformationModelMove,
        _LEVELS[:2],
    ),
    "worklist": Model([ModalityWorklistInformationFind]),
    # Three SOP classes with the same C-FIND (PS3.4 CC.2.8); one that is accepted will do
    "ups": Model([UnifiedProcedureStepPull, UnifiedProcedureStepWatch, UnifiedProcedureStepQuery]),
}

_FLAGS = {
    "patient": ("-P", "patient root, which is the default"),
    "study": ("-S", "study root"),
    "psonly": ("-O", "patient/study only, which is retired"),
    "worklist": ("-W", "modality worklist"),
    "ups": ("-U", "unified procedure steps"),
}
RETRIEVAL_MODELS = ("patient", "study", "psonly")


def add_models(parser: Parser, names: Sequence[str]) -> None:
    """Add the options that choose one of some models."""
    group = parser.add_argument_group("information models").add_mutually_exclusive_group()
    for name in names:
        short, text = _FLAGS[name]
        group.add_argument(short, f"--{name}", action="store_true", help=text)


def model_of(options: Namespace) -> Model:
    """Return the model that the options choose."""
    return next((m for name, m in MODELS.items() if vars(options).get(name)), MODELS["patient"])


def complete(identifier: Dataset, model: Model) -> str:
    """Return the level of an identifier, which gets that of its lowest unique key if it has none.

    It is empty if the model has no levels.
    """
    if not model.levels:
        return ""
    if not identifier.get("QueryRetrieveLevel"):
        given = [level for level in model.levels if UNIQUE_KEYS[level] in identifier]
        identifier.QueryRetrieveLevel = (given or model.levels)[-1 if given else 0]
    level = str(identifier.QueryRetrieveLevel)
    if level not in model.levels:
        raise AppError(
            Exit.USAGE,
            f"the model has no level {level}",
            f"give QueryRetrieveLevel as one of {', '.join(model.levels)}, or another model",
        )
    return level


def asked(options: Namespace, extensions: Mapping[str, str]) -> dict[str, bool]:
    """Return whether each extension is asked for, by what it is called.

    `extensions` has that by the name of the option, in the order of the standard.
    """
    return {what: vars(options)[name.replace("-", "_")] for name, what in extensions.items()}


def extended(
    sop_classes: Sequence[UID], wanted: Sequence[bool]
) -> list[SOPClassExtendedNegotiation]:
    """Return items that ask for options of SOP classes, none if none is wanted (PS3.4 C.5)."""
    items = []
    for uid in sop_classes if any(wanted) else ():
        item = SOPClassExtendedNegotiation()
        item.sop_class_uid = uid
        item.service_class_application_information = bytes(wanted)
        items.append(item)
    return items


def tell_declined(
    console: Console, assoc: Association, sop_class: UID, wanted: Mapping[str, bool]
) -> None:
    """Tell what was asked for by extended negotiation and has not been agreed upon.

    Parameters
    ----------
    console : Console
        Where to tell.
    assoc : Association
        The association.
    sop_class : UID
        The SOP class of the request.
    wanted : dict
        Whether each is wanted, by what it is called; in the order in which it was asked for.
    """
    agreed = assoc.acceptor.sop_class_extended.get(sop_class, b"")
    declined = [
        name
        for number, (name, is_wanted) in enumerate(wanted.items())
        if is_wanted and agreed[number : number + 1] != b"\1"
    ]
    if declined:
        console.complain(
            f"the peer has not agreed to {', '.join(declined)}; it may refuse, or answer without"
        )


def accepted(assoc: Association, sop_classes: Sequence[UID]) -> UID:
    """Return the first of some SOP classes that the peer has accepted."""
    contexts: list[PresentationContext] = assoc.accepted_contexts
    offered = {context.abstract_syntax for context in contexts}
    for uid in sop_classes:
        if uid in offered:
            return uid
    raise AppError(
        Exit.NO_CONTEXT,
        f"the peer does not offer {' or '.join(uid.name for uid in sop_classes)}",
        "choose another information model",
    )


@contextmanager
def asking(assoc: Association, send: Callable[[], Responses]) -> Iterator[Responses]:
    """Send a request, and give its responses; Ctrl-C and SIGTERM cancel it.

    Raises
    ------
    AppError
        If it can't be sent.
    """
    try:
        responses = send()
    except RuntimeError:  # it has ended
        raise lost(assoc) from None
    except ValueError as exc:
        raise AppError(Exit.USAGE, str(exc)) from None
    with responses, _interruptible(assoc, responses):
        yield responses


class _Interruption:
    """What Ctrl-C and SIGTERM do while an operation goes on: it is cancelled, or aborted.

    Nothing is raised in the midst of it, where an instance may be being saved that the peer waits
    to have answered; but a second signal is raised at once.
    """

    def __init__(self, assoc: Association, responses: Responses) -> None:
        self._assoc = assoc
        self._responses = responses
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._cancel, name="cancel", daemon=True)
        #: What to raise when the operation is over
        self.error: KeyboardInterrupt | Terminated | None = None

    def handle(self, number: int, frame: object) -> None:
        """Handle a signal."""
        if self.error is not None:
            raise self.error
        self.error = KeyboardInterrupt() if number == signal.SIGINT else Terminated()
        self._thread.start()  # locks that are needed may be held by who is interrupted

    def _cancel(self) -> None:
        self._responses.cancel()
        if not self._is_over.wait(_PATIENCE):
            self._assoc.abort(block=False)

    def end(self) -> None:
        """Release the association and raise what is to be raised, if there was a signal."""
        if self.error is None:
            return
        try:
            if self._assoc.is_established:
                self._assoc.release()
        finally:
            self._is_over.set()
            self._thread.join()
        raise self.error


@contextmanager
def _interruptible(assoc: Association, responses: Responses) -> Iterator[None]:
    """Have signals cancel an operation; what they mean is raised when it has ended."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    interruption = _Interruption(assoc, responses)
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(number, interruption.handle) for number in numbers]
    try:
        try:
            yield
        finally:
            interruption.end()
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)


def replies(assoc: Association, responses: Responses) -> Iterator[tuple[Dataset, Dataset | None]]:
    """Yield the responses of a request.

    Raises
    ------
    AppError
        If they end without a final one.
    """
    for status, identifier in responses:
        if "Status" not in status:
            raise lost(assoc)
        yield status, identifier


def is_failure(status: int) -> bool:
    """Return True if a final status says that not everything was done."""
    return code_to_category(status) == STATUS_FAILURE


def explained(what: str, answer: Dataset) -> str:
    """Return what a final status means, and what to try."""
    status = int(answer.Status)
    comment = safe_text(str(answer.get("ErrorComment") or ""))
    text = f"{what} ended with status {status_text(status)}" + (f": {comment}" if comment else "")
    advice = _ADVICE.get(status, "see the log of the peer")
    return f"{text}; {advice}"
