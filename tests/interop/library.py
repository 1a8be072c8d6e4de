"""A Query/Retrieve and worklist SCP of ours that has some samples, and what it has to answer."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

from pydicom import Dataset, dcmread
from pydicom import Sequence as Items

from pynetdicom import evt
from pynetdicom.apps.demo import Sample
from tests.support.peers import HOST
from tests.support.samples import SAMPLES, instance_uid
from tests.support.sockets import PATIENCE

PATIENT_ROOT = {
    "find": "1.2.840.10008.5.1.4.1.2.1.1",
    "move": "1.2.840.10008.5.1.4.1.2.1.2",
    "get": "1.2.840.10008.5.1.4.1.2.1.3",
}
STUDY_ROOT = {
    "find": "1.2.840.10008.5.1.4.1.2.2.1",
    "move": "1.2.840.10008.5.1.4.1.2.2.2",
    "get": "1.2.840.10008.5.1.4.1.2.2.3",
}
WORKLIST = "1.2.840.10008.5.1.4.31"

# The unique key of each level (PS3.4 C.6.1.1)
UNIQUE = {
    "PATIENT": "PatientID",
    "STUDY": "StudyInstanceUID",
    "SERIES": "SeriesInstanceUID",
    "IMAGE": "SOPInstanceUID",
}
# Two patients with several studies and series
HISTORY: Sequence[Sample] = [
    sample for sample in SAMPLES if {"77654033", "98892001", "98892003"} & {*sample.path.parts}
]

# Of several SOP classes and transfer syntaxes, and no SOP instance twice
_NAMES = (
    "CT_small.dcm",
    "JPEG-lossy.dcm",
    "SC_rgb_dcmtk_+eb+cr.dcm",
    "SC_rgb_jpeg_gdcm.dcm",
    "chrFren.dcm",
    "chrX1.dcm",
    "reportsi.dcm",
    "MR_small_RLE.dcm",
    "JPEG2000.dcm",
    "image_dfl.dcm",
)
VARIOUS: Sequence[Sample] = [sample for sample in SAMPLES if sample.path.name in _NAMES]


def keys(level: str, **values: Any) -> Dataset:
    """Return an identifier."""
    query = Dataset()
    query.QueryRetrieveLevel = level
    for keyword, value in values.items():
        setattr(query, keyword, value)
    return query


def matches(query: Dataset, data: Dataset) -> bool:
    """Return whether a data set has what is asked for (PS3.4 C.2.2.2)."""
    for element in query:
        if element.keyword in ("QueryRetrieveLevel", "SpecificCharacterSet") or element.is_empty:
            continue
        value = data.get(element.keyword)
        if element.VR == "SQ":
            if not any(matches(element.value[0], item) for item in value or ()):
                return False
        elif not any(fnmatchcase(str(value), str(one)) for one in _values(element.value)):
            return False
    return True


def _values(value: Any) -> Sequence[Any]:
    return [value] if isinstance(value, str) or not isinstance(value, Sequence) else value


def answer(query: Dataset, data: Dataset) -> Dataset:
    """Return a match: each attribute that was asked for, empty if it is unknown."""
    match = Dataset()
    for element in query:
        value = data.get(element.keyword)
        if element.keyword == "QueryRetrieveLevel":
            value = element.value
        elif element.VR == "SQ":
            asked = element.value[0] if element.value else Dataset()
            value = Items([answer(asked, item) for item in value or ()])
        match.add_new(element.tag, element.VR, value)
    if "SpecificCharacterSet" in data:
        match.SpecificCharacterSet = data.SpecificCharacterSet
    return match


class Library:
    """Answers C-FIND, C-GET and C-MOVE requests.

    Parameters
    ----------
    samples : sequence of Sample
        What it has.
    worklist : sequence of Dataset, optional
        What it has as a worklist.
    destinations : dict, optional
        The ports of the move destinations by AE title.
    cancelled_after : int, optional
        After so many matches or instances it waits for the C-CANCEL that must come.
    """

    def __init__(
        self,
        samples: Sequence[Sample],
        worklist: Sequence[Dataset] = (),
        destinations: Mapping[str, int] | None = None,
        cancelled_after: int | None = None,
    ) -> None:
        self._data = [(sample, dcmread(sample.path, stop_before_pixels=True)) for sample in samples]
        self._worklist = worklist
        self._destinations = destinations or {}
        self._cancelled_after = cancelled_after

    def handlers(self) -> list[tuple[Any, ...]]:
        """Return what to bind."""
        return [
            (evt.EVT_C_FIND, self._find),
            (evt.EVT_C_GET, self._get),
            (evt.EVT_C_MOVE, self._move),
        ]

    def contexts(self) -> list[tuple[Any, ...]]:
        """Return what to support, for C-GET with the roles that it takes."""
        models = [*PATIENT_ROOT.values(), *STUDY_ROOT.values(), WORKLIST]
        syntaxes = ["1.2.840.10008.1.2.1.99", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2"]
        storage: dict[str, list[str]] = {}
        for sample, _ in self._data:
            storage.setdefault(sample.sop_class, []).append(sample.transfer_syntax)
        return [
            *((model, syntaxes) for model in models),
            *((uid, [*found, *syntaxes[1:]], False, True) for uid, found in storage.items()),
        ]

    def found(self, query: Dataset) -> list[Dataset]:
        """Return what matches a query, answered as asked for."""
        if "QueryRetrieveLevel" not in query:
            return [answer(query, item) for item in self._worklist if matches(query, item)]
        unique = UNIQUE[query.QueryRetrieveLevel]
        entities = {data[unique].value: data for _, data in self._data if matches(query, data)}
        return [answer(query, data) for data in entities.values()]

    def selected(self, query: Dataset) -> list[Sample]:
        """Return what a retrieval is to send."""
        return [sample for sample, data in self._data if matches(query, data)]

    def expected(self, query: Dataset) -> dict[str, bytes]:
        """Return the data sets that a retrieval is to send, by SOP Instance UID."""
        return {instance_uid(s.path): s.data_set() for s in self.selected(query)}

    def _find(self, event: Any) -> Iterator[Any]:
        if event.identifier.get("PatientName") == "Nobody":
            refusal = Dataset()
            refusal.Status = 0xA900
            refusal.ErrorComment = "Nobody is nobody"
            yield refusal, None
        else:
            yield from self._until_cancelled(event, self.found(event.identifier))

    def _get(self, event: Any) -> Iterator[Any]:
        samples = self.selected(event.identifier)
        yield len(samples)
        yield from self._until_cancelled(event, [sample.path for sample in samples])

    def _move(self, event: Any) -> Iterator[Any]:
        port = self._destinations.get(event.move_destination)
        if port is None:
            yield None, None
        else:
            yield HOST, port
            yield from self._get(event)

    def _until_cancelled(self, event: Any, items: Sequence[Any]) -> Iterator[Any]:
        for number, item in enumerate(items):
            if number == self._cancelled_after:
                pause = threading.Event()  # never set
                for _ in range(int(PATIENCE / 0.01)):
                    if event.is_cancelled:
                        yield 0xFE00, None
                        return
                    pause.wait(0.01)
                raise TimeoutError("no C-CANCEL has come")
            yield 0xFF00, item
