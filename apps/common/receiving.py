"""How instances are received and saved: by SCPs, and by who asks for them."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, NamedTuple

import pynetdicom._lazy as lazy
from pynetdicom import (
    AE,
    ALL_TRANSFER_SYNTAXES,
    DEFAULT_TRANSFER_SYNTAXES,
    AllStoragePresentationContexts,
    evt,
)
from pynetdicom.sop_class import Verification
from pynetdicom.utils import safe_text

from .options import Parser
from .output import Console, status_text
from .storing import (
    DUPLICATES,
    OUT_OF_RESOURCES,
    SUCCESS,
    RefusedError,
    Store,
    Template,
)

if TYPE_CHECKING:
    from pydicom import Dataset

_IMPLICIT, _EXPLICIT, _DEFLATED, _BIG = DEFAULT_TRANSFER_SYNTAXES
_FIRST, _LAST = [_EXPLICIT, _IMPLICIT], [_DEFLATED, _BIG]
#: What is retrieved in, the preferred one first
SYNTAXES = [
    *_FIRST,
    *(uid for uid in ALL_TRANSFER_SYNTAXES if uid not in (*_FIRST, *_LAST)),
    *_LAST,
]


def add_output(parser: Parser) -> None:
    """Add the options on where to save."""
    group = parser.add_argument_group("output options")
    group.add_argument(
        "-od", "--output-directory", metavar="FOLDER", help="where to save (default: here)"
    )
    group.add_argument("--ignore", action="store_true", help="receive, but do not save")
    group.add_argument(
        "--output-template",
        metavar="TEMPLATE",
        help="path of each file in the folder, with keywords of elements in braces, such as "
        "{PatientID}/{StudyInstanceUID}/{SOPInstanceUID}.dcm (default: the modality and the SOP "
        "Instance UID)",
    )
    group.add_argument(
        "--duplicates",
        choices=DUPLICATES,
        default=DUPLICATES[0],
        help="what to do with an instance that is there already",
    )


def store_of(options: Namespace, tags: Sequence[int] = ()) -> Store | None:
    """Return where to save as the options of ``add_output()`` say, None for nowhere.

    Raises
    ------
    AppError
        If the template can't be used.
    OSError
        If the folder can't be made.
    """
    template = None if options.output_template is None else Template(options.output_template)
    if options.ignore:
        return None
    return Store(Path(options.output_directory or "."), template, options.duplicates, tags)


@contextmanager
def spooling(ae: AE, store: Store | None, app: str) -> Iterator[None]:
    """Have an AE receive into a hidden folder in that of the store, which is removed again.

    That is on the same file system, so that what has been received is moved into place.
    """
    if store is None:
        yield
        return
    before = ae.limits.spool_directory
    with TemporaryDirectory(prefix=f".{app}-", dir=store.root) as folder:
        ae.limits.spool_directory = folder
        try:
            yield
        finally:
            ae.limits.spool_directory = before


def support_storage(ae: AE, syntaxes: Sequence[str], echo: bool = True) -> None:
    """Have an AE support all storage SOP classes, and Verification unless that is not wanted."""
    for context in AllStoragePresentationContexts:
        ae.add_supported_context(context.abstract_syntax or "", list(syntaxes))
    if echo:
        ae.add_supported_context(Verification, list(syntaxes))


class Reception(NamedTuple):
    """What became of an instance: its file, if there is one, and what to answer."""

    path: Path | None
    status: int
    problem: str

    def answer(self) -> int | Dataset:
        """Return the status with what is wrong as its Error Comment, which has 64 characters."""
        if not self.problem:
            return self.status
        answer = lazy.pydicom.dataset.Dataset()
        answer.Status = self.status
        answer.ErrorComment = safe_text(self.problem)
        return answer


def receive(
    event: evt.Event, console: Console, save: Callable[[evt.Event], Path | None]
) -> Reception:
    """Save what a C-STORE request brings, and tell about it.

    Parameters
    ----------
    event : Event
        The request.
    console : Console
        Where to tell.
    save : callable
        Saves it and returns its file, if there is one; it may raise RefusedError and OSError.
    """
    path, status, problem = None, SUCCESS, ""
    try:
        path = save(event)
    except RefusedError as exc:
        status, problem = exc.status, str(exc)
    except OSError as exc:
        status, problem = OUT_OF_RESOURCES, exc.strerror or str(exc)
    reception = Reception(path, status, problem)
    if console.as_json or problem:
        _tell(event, console, reception)
    return reception


def _tell(event: evt.Event, console: Console, reception: Reception) -> None:
    """Write a record of a reception, and what is wrong with it."""
    request, path, problem = event.request, reception.path, reception.problem
    uid, status = safe_text(request.AffectedSOPInstanceUID), status_text(reception.status)
    console.record(
        "instance",
        sop_class_uid=safe_text(request.AffectedSOPClassUID),
        sop_instance_uid=uid,
        transfer_syntax_uid=safe_text(event.context.transfer_syntax),
        calling_aet=safe_text(event.assoc.requestor.ae_title),
        status=status,
        file=None if path is None else str(path),
        reason=problem,
    )
    if problem:
        console.complain(f"{uid} not saved, status {status}: {problem}")
