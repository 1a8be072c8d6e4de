"""What C-GET and C-MOVE share in tests: instances, handlers from lists, replies as tuples."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

from tests.support import raw
from tests.support.associations import CT
from tests.support.raw import PATIENCE

GET = "1.2.840.10008.5.1.4.1.2.1.3"
MOVE = "1.2.840.10008.5.1.4.1.2.1.2"
FIND = "1.2.840.10008.5.1.4.1.2.1.1"

UNCOMPRESSED = [ExplicitVRLittleEndian, ImplicitVRLittleEndian]
PENDING, CANCEL = 0xFF00, 0xFE00


def uid(number: int) -> str:
    """Return the SOP Instance UID of the instance with a number."""
    return f"1.2.826.0.1.3680043.9.3811.9.{number}"


def instance(
    number: int, sop_class: str = CT, syntax: str = ExplicitVRLittleEndian, **elements: Any
) -> Dataset:
    """Return a small instance."""
    data_set = Dataset()
    data_set.SOPClassUID = sop_class
    data_set.SOPInstanceUID = uid(number)
    data_set.PatientName = f"Number^{number}"
    for keyword, value in elements.items():
        setattr(data_set, keyword, value)
    data_set.file_meta = FileMetaDataset()
    data_set.file_meta.TransferSyntaxUID = syntax
    return data_set


def save(data_set: Dataset, folder: Path) -> Path:
    """Write an instance to a file of a folder."""
    path = folder / f"{data_set.SOPInstanceUID}.dcm"
    data_set.save_as(path, enforce_file_format=True)
    return path


def ok(number: int) -> tuple[int, Dataset]:
    """Return what a handler yields for an instance."""
    return PENDING, instance(number)


def failed_list(*uids: str) -> Dataset:
    """Return a data set with the Failed SOP Instance UID List, as a handler may yield it."""
    data_set = Dataset()
    data_set.FailedSOPInstanceUIDList = list(uids)
    data_set.PatientID = "own"
    return data_set


class Yields:
    """A handler that yields what it is given: raises exceptions, and calls what can be called.

    Attributes
    ----------
    closed : threading.Event
        Set when the generator has come to its end or was closed.
    """

    def __init__(self, *items: Any) -> None:
        self._items = items
        self.closed = threading.Event()

    def __call__(self, event: Any) -> Iterator[Any]:
        try:
            for item in self._items:
                if isinstance(item, Exception):
                    raise item
                yield item(event) if callable(item) else item
        finally:
            self.closed.set()

    def wait(self) -> None:
        """Wait until it is closed."""
        assert self.closed.wait(PATIENCE), "the handler has not been closed"


class Reply(NamedTuple):
    """A response to a C-GET or C-MOVE request."""

    status: int | None
    remaining: int | None = None
    completed: int | None = None
    failed: int | None = None
    warned: int | None = None
    uids: list[str] | None = None


def reply_of(status: Dataset, identifier: Dataset | None) -> Reply:
    """Return what ``send_c_get()`` and ``send_c_move()`` yield as a tuple."""
    names = ("Remaining", "Completed", "Failed", "Warning")
    uids = None
    if identifier is not None:
        value = identifier.get("FailedSOPInstanceUIDList") or []
        uids = [value] if isinstance(value, str) else list(value)
    return Reply(
        status.get("Status"),
        *(status.get(f"NumberOf{name}Suboperations") for name in names),
        uids,
    )


def query() -> Dataset:
    """Return an identifier."""
    data_set = Dataset()
    data_set.QueryRetrieveLevel = "PATIENT"
    data_set.PatientID = "1"
    return data_set


def retrieve_rq(
    field: int, model: str, message_id: int = 1, destination: bytes | None = None
) -> dict[int, bytes]:
    """Return the command set of a C-GET (0x0010) or C-MOVE (0x0021) request."""
    elements = {
        raw.SOP_CLASS: raw.ui(model.encode()),
        raw.COMMAND_FIELD: raw.us(field),
        raw.MESSAGE_ID: raw.us(message_id),
        raw.PRIORITY: raw.us(2),
        raw.DATA_SET_TYPE: raw.us(raw.HAS_DATA_SET),
    }
    if destination is not None:
        elements[0x0600] = destination
    return elements


# The data set of such a request, in Implicit VR Little Endian
IDENTIFIER = raw.data_element(0x0008, 0x0052, b"PATIENT ")


class Refusals(NamedTuple):
    """The statuses of the refusals that differ between C-GET and C-MOVE."""

    handler_failed: int
    nothing_yielded: int
    no_number: int
    too_many: int


GET_REFUSALS = Refusals(0xC411, 0xC413, 0xC413, 0xC416)
MOVE_REFUSALS = Refusals(0xC511, 0xC514, 0xC513, 0xC516)

# What is yielded where the number of sub-operations is due, and which refusal follows
BAD_NUMBERS = [
    pytest.param((), "no_number", id="nothing"),
    pytest.param((KeyError("x"),), "no_number", id="exception"),
    pytest.param((None,), "no_number", id="None"),
    pytest.param(("many",), "no_number", id="text"),
    pytest.param((float("inf"),), "no_number", id="infinity"),
    pytest.param(((1, 2),), "no_number", id="pair"),
    pytest.param((65536,), "too_many", id="too-many"),
]

# What a handler returns that is no generator
NO_ITERATORS = [None, 5, [1, ok(1)], (), "text", 0x0000]


class Case(NamedTuple):
    """A retrieval: what is yielded, how the peer answers which instance, and what follows.

    A status None stands for the one of a handler that fails.
    """

    items: tuple[Any, ...]
    answers: dict[int, int]
    pending: list[tuple[int, int, int, int]]
    final: Reply


def status(code: int | None, **elements: Any) -> Dataset:
    """Return a status as handlers yield it."""
    data_set = Dataset()
    if code is not None:
        data_set.Status = code
    for keyword, value in elements.items():
        setattr(data_set, keyword, value)
    return data_set


def nameless() -> Dataset:
    """Return an instance without a SOP Instance UID."""
    data_set = instance(9)
    del data_set.SOPInstanceUID
    return data_set


def without_meta(number: int) -> Dataset:
    """Return an instance whose transfer syntax is not known."""
    data_set = instance(number)
    del data_set.file_meta
    return data_set


def unencodable() -> Dataset:
    """Return an instance, with a Failed SOP Instance UID List, that can't be encoded."""
    data_set = instance(1, FailedSOPInstanceUIDList=[uid(7)])
    data_set.add(DataElement(0x00280010, "US", "many", already_converted=True))
    return data_set


CASES: dict[str, Case] = {
    "stored": Case(
        (2, ok(1), ok(2)), {}, [(1, 1, 0, 0), (0, 2, 0, 0)], Reply(0x0000, None, 2, 0, 0)
    ),
    "number as text": Case(("1", ok(1)), {}, [(0, 1, 0, 0)], Reply(0x0000, None, 1, 0, 0)),
    "none": Case((0,), {}, [], Reply(0x0000, None, 0, 0, 0)),
    "less than none": Case((-2, ok(1)), {}, [], Reply(0x0000, None, 0, 0, 0)),
    "fewer than announced": Case((3, ok(1)), {}, [(2, 1, 0, 0)], Reply(0x0000, None, 1, 0, 0)),
    "none of those announced": Case((3,), {}, [], Reply(0x0000, None, 0, 0, 0)),
    "more than announced": Case(
        (1, ok(1), ok(2)), {}, [(0, 1, 0, 0)], Reply(0x0000, None, 1, 0, 0)
    ),
    "one fails": Case(
        (2, ok(1), ok(2)),
        {1: 0xA700},
        [(1, 0, 1, 0), (0, 1, 1, 0)],
        Reply(0xB000, None, 1, 1, 0, [uid(1)]),
    ),
    "all fail": Case(
        (2, ok(1), ok(2)),
        {1: 0xA700, 2: 0xC211},
        [(1, 0, 1, 0), (0, 0, 2, 0)],
        Reply(0xA702, None, 0, 2, 0, [uid(1), uid(2)]),
    ),
    "those that came fail": Case(
        (2, ok(1)), {1: 0x0122}, [(1, 0, 1, 0)], Reply(0xB000, None, 0, 1, 0, [uid(1)])
    ),
    "unknown status": Case(
        (1, ok(1)), {1: 0x0FFF}, [(0, 0, 1, 0)], Reply(0xA702, None, 0, 1, 0, [uid(1)])
    ),
    "unknown warning": Case(
        (1, ok(1)), {1: 0xB001}, [(0, 0, 1, 0)], Reply(0xA702, None, 0, 1, 0, [uid(1)])
    ),
    **{
        f"warning {code:04X}": Case(
            (1, ok(1)), {1: code}, [(0, 0, 0, 1)], Reply(0xB000, None, 0, 0, 1, [])
        )
        for code in (0xB000, 0xB006, 0xB007, 0x0107, 0x0116)
    },
    "nothing to send": Case(
        (2, (PENDING, None), ok(2)),
        {},
        [(1, 0, 1, 0), (0, 1, 1, 0)],
        Reply(0xB000, None, 1, 1, 0, []),
    ),
    "empty data set": Case(
        (1, (PENDING, Dataset())), {}, [(0, 0, 1, 0)], Reply(0xA702, None, 0, 1, 0, [])
    ),
    "no data set": Case(
        (2, (PENDING, 42), ok(2)),
        {},
        [(1, 0, 1, 0), (0, 1, 1, 0)],
        Reply(0xB000, None, 1, 1, 0, []),
    ),
    "no instance UID": Case(
        (1, (PENDING, nameless())), {}, [(0, 0, 1, 0)], Reply(0xA702, None, 0, 1, 0, [])
    ),
    "no transfer syntax": Case(
        (1, (PENDING, without_meta(1))),
        {},
        [(0, 0, 1, 0)],
        Reply(0xA702, None, 0, 1, 0, [uid(1)]),
    ),
    "no such file": Case(
        (2, (PENDING, "/does/not/exist.dcm"), ok(2)),
        {},
        [(1, 0, 1, 0), (0, 1, 1, 0)],
        Reply(0xB000, None, 1, 1, 0, []),
    ),
    "no DICOM file": Case(
        (1, (PENDING, __file__)), {}, [(0, 0, 1, 0)], Reply(0xA702, None, 0, 1, 0, [])
    ),
    "cannot be encoded": Case(
        (1, (PENDING, unencodable())),
        {},
        [(0, 0, 1, 0)],
        Reply(0xA702, None, 0, 1, 0, [uid(1)]),
    ),
    "success": Case((2, ok(1), (0x0000, None)), {}, [(1, 1, 0, 0)], Reply(0x0000, None, 1, 0, 0)),
    "success at once": Case((2, (0x0000, None)), {}, [], Reply(0x0000, None, 0, 0, 0)),
    "success after a failure": Case(
        (2, ok(1), (0x0000, failed_list(uid(7)))),
        {1: 0xA700},
        [(1, 0, 1, 0)],
        Reply(0xB000, None, 0, 1, 0, [uid(1)]),
    ),
    "success after a warning": Case(
        (2, ok(1), (0x0000, None)), {1: 0xB000}, [(1, 0, 0, 1)], Reply(0xB000, None, 0, 0, 1, [])
    ),
    "cancel at once": Case((2, (CANCEL, None)), {}, [], Reply(CANCEL, 2, 0, 0, 0, [])),
    "cancel": Case(
        (3, ok(1), ok(2), (CANCEL, None)),
        {2: 0xA700},
        [(2, 1, 0, 0), (1, 1, 1, 0)],
        Reply(CANCEL, 1, 1, 1, 0, [uid(2)]),
    ),
    "cancel with a list": Case(
        (3, ok(1), (CANCEL, failed_list(uid(7), uid(8)))),
        {},
        [(2, 1, 0, 0)],
        Reply(CANCEL, 2, 1, 0, 0, [uid(7), uid(8)]),
    ),
    "other data set": Case(
        (3, ok(1), (CANCEL, instance(5))), {}, [(2, 1, 0, 0)], Reply(CANCEL, 2, 1, 0, 0, [])
    ),
    "list that cannot be encoded": Case(
        (1, (CANCEL, unencodable())),
        {},
        [],
        Reply(CANCEL, 1, 0, 0, 0, []),
    ),
    "warning": Case(
        (3, ok(1), (0xB000, None)), {}, [(2, 1, 0, 0)], Reply(0xB000, None, 1, 2, 0, [])
    ),
    "warning with a list": Case(
        (3, ok(1), (0xB000, failed_list(uid(2), uid(3)))),
        {},
        [(2, 1, 0, 0)],
        Reply(0xB000, None, 1, 2, 0, [uid(2), uid(3)]),
    ),
    "general warning": Case((3, (0x0107, None)), {}, [], Reply(0x0107, None, 0, 3, 0, [])),
    "failure": Case(
        (3, ok(1), (0xC000, None)),
        {1: 0xA700},
        [(2, 0, 1, 0)],
        Reply(0xC000, None, 0, 3, 0, [uid(1)]),
    ),
    "failure with a list": Case(
        (2, (0xA701, failed_list(uid(1), uid(2)))),
        {},
        [],
        Reply(0xA701, None, 0, 2, 0, [uid(1), uid(2)]),
    ),
    "failure after the last": Case(
        (1, ok(1), (0xC000, None)), {}, [(0, 1, 0, 0)], Reply(0x0000, None, 1, 0, 0)
    ),
    "unknown code": Case((2, (0x0FFF, None)), {}, [], Reply(0x0FFF, uids=[])),
    "unknown code after one": Case(
        (2, ok(1), (0x0FFF, None)), {}, [(1, 1, 0, 0)], Reply(0x0FFF, None, 1, 0, 0, [])
    ),
    "status as data set": Case(
        (1, (status(PENDING), instance(1))), {}, [(0, 1, 0, 0)], Reply(0x0000, None, 1, 0, 0)
    ),
    "data set without status": Case(
        (2, (status(None), None)), {}, [], Reply(0xC001, None, 0, 2, 0, [])
    ),
    "no status": Case((2, (None, None)), {}, [], Reply(0xC002, None, 0, 2, 0, [])),
    "exception at once": Case((2, KeyError("x")), {}, [], Reply(None, None, 0, 2, 0, [])),
    "exception": Case(
        (3, ok(1), KeyError("x")),
        {1: 0xA700},
        [(2, 0, 1, 0)],
        Reply(None, None, 0, 3, 0, [uid(1)]),
    ),
    "exception after the last": Case(
        (1, ok(1), KeyError("x")), {}, [(0, 1, 0, 0)], Reply(0x0000, None, 1, 0, 0)
    ),
}

# Items that end the association
BAD_ITEMS = [
    pytest.param(PENDING, id="status alone"),
    pytest.param((PENDING, instance(1), 3), id="three things"),
    pytest.param(None, id="None"),
    pytest.param((70000, None), id="no status of 16 bits"),
    pytest.param((-1, None), id="negative status"),
]


class Stored:
    """A handler of EVT_C_STORE that notes what comes.

    Parameters
    ----------
    answers : dict
        What to answer for which instance: a status, or a function of the event that returns it;
        Success for all others.

    Attributes
    ----------
    events : list of tuple
        Number of the instance, Message ID, originator's AE title and Message ID.
    """

    def __init__(self, answers: dict[int, Any] | None = None) -> None:
        self._answers = answers or {}
        self.events: list[tuple[int, int, str | None, int | None]] = []
        self.syntaxes: list[str] = []
        self.data_sets: list[Dataset] = []

    def __call__(self, event: Any) -> Any:
        request = event.request
        number = int(request.AffectedSOPInstanceUID.rpartition(".")[2])
        self.syntaxes.append(str(event.context.transfer_syntax))
        self.data_sets.append(event.dataset)
        self.events.append(
            (
                number,
                request.MessageID,
                request.MoveOriginatorApplicationEntityTitle,
                request.MoveOriginatorMessageID,
            )
        )
        answer: Callable[[Any], Any] | int = self._answers.get(number, 0x0000)
        return answer(event) if callable(answer) else answer

    @property
    def numbers(self) -> list[int]:
        """The numbers of the instances that came, in order."""
        return [number for number, *_ in self.events]
