"""Storage commitment, push model, as SCP (PS3.4 J.3)."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final, NamedTuple

from pydicom.dataset import Dataset
from pydicom.tag import BaseTag
from sqlalchemy.exc import SQLAlchemyError

from pynetdicom import AE, build_context, build_role, evt
from pynetdicom.sop_class import StorageCommitmentPushModel, StorageCommitmentPushModelInstance
from pynetdicom.utils import safe_text

from ..common.heads import LONGEST_UID
from .archive import Archive
from .attributes import text_reader
from .index import first_line
from .settings import Destination

if TYPE_CHECKING:
    from pynetdicom.association import Association

LOGGER = logging.getLogger("pynetdicom.apps.qrscp")

_REQUEST_STORAGE_COMMITMENT: Final = 1
_SUCCESSFUL, _FAILURES_EXIST = 1, 2
# Statuses (PS3.7 C.5)
_SUCCESS: Final = 0x0000
_NO_SUCH_ACTION: Final = 0x0123
_INVALID_ARGUMENT: Final = 0x0115
_RESOURCE_LIMITATION: Final = 0x0213
_PROCESSING_FAILURE: Final = 0x0110
# Failure Reason (PS3.3 C.14.1.1)
_NO_SUCH_INSTANCE: Final = 0x0112
_CLASS_CONFLICT: Final = 0x0119
# Reports that are not done, and the references in all of them
_MOST_REPORTS: Final = 1000
_MOST_REFERENCES: Final = 100_000

_TRANSACTION_UID = BaseTag(0x00081195)
_SOP_CLASS_UID, _SOP_INSTANCE_UID = BaseTag(0x00081150), BaseTag(0x00081155)


class _Reference(NamedTuple):
    """An instance that was asked about; `failure` is None if it is safe."""

    sop_class: str
    sop_instance: str
    failure: int | None


class _Report(NamedTuple):
    """A report that is to be sent; as little as possible, as many may have to wait."""

    assoc: Association
    calling_title: str
    transaction: str
    references: list[_Reference]

    @property
    def event_type(self) -> int:
        """What the report says on the whole."""
        has_failed = any(each.failure is not None for each in self.references)
        return _FAILURES_EXIST if has_failed else _SUCCESSFUL

    def information(self, ae_title: str) -> Dataset:
        """Return the report as it is sent."""
        safe: list[Dataset] = []
        failed: list[Dataset] = []
        for sop_class, sop_instance, failure in self.references:
            item = Dataset()
            item.ReferencedSOPClassUID = sop_class
            item.ReferencedSOPInstanceUID = sop_instance
            if failure is not None:
                item.FailureReason = failure
            (safe if failure is None else failed).append(item)
        information = Dataset()
        information.TransactionUID = self.transaction
        information.RetrieveAETitle = ae_title
        if safe:
            information.ReferencedSOPSequence = safe
        if failed:
            information.FailedSOPSequence = failed
        return information


class Committer:
    """Answers requests for storage commitment, and reports on them.

    The report follows the response to the request: on the same association if that is still
    there, otherwise on a new one with the move destination of the requestor's AE title. On each
    association of a requestor, and to each destination, one report is under way at a time, and a
    thread sends them: who does not answer holds up nobody else.

    Parameters
    ----------
    ae : AE
        Requests the associations.
    archive : Archive
        Has the instances, or not.
    destinations : dict
        Where requestors are, by AE title.
    most_reports, most_references : int, optional
        Reports that may wait, and references in all of them; further requests are refused.
    """

    def __init__(
        self,
        ae: AE,
        archive: Archive,
        destinations: Mapping[str, Destination],
        most_reports: int = _MOST_REPORTS,
        most_references: int = _MOST_REFERENCES,
    ) -> None:
        self._ae = ae
        self._archive = archive
        self._destinations = destinations
        self.most_reports, self.most_references = most_reports, most_references
        self._lock = threading.Lock()
        self._reports = self._references = 0  # that are not done
        # What waits for each association, and for each title; a thread is at work on each line
        self._lines: dict[Association | str, deque[_Report]] = {}
        self._is_closed = False

    def close(self) -> None:
        """Give up the reports that have not been sent."""
        with self._lock:
            self._is_closed = True
            for line in self._lines.values():
                line.clear()

    def handle_action(self, event: evt.Event) -> tuple[int | Dataset, None]:
        """Answer an N-ACTION."""
        if event.action_type != _REQUEST_STORAGE_COMMITMENT:
            return _NO_SUCH_ACTION, None
        try:
            report = self._check(event)
        except SQLAlchemyError as exc:
            LOGGER.error("The index can't be read: %s", first_line(exc))
            return _PROCESSING_FAILURE, None
        except Exception as exc:
            LOGGER.error("Storage commitment refused: %s", safe_text(str(exc), 256))
            return _INVALID_ARGUMENT, None
        if not self._reserve(report):
            LOGGER.error("Storage commitment refused: too many reports wait to be sent")
            return _RESOURCE_LIMITATION, None
        self._report_after_response(report)
        return _SUCCESS, None

    def _check(self, event: evt.Event) -> _Report:
        """Return the report on the instances of a request."""
        request = event.action_information
        transaction = _uid(request, _TRANSACTION_UID)
        classes: dict[str, str] = {}  # so that each is kept but once
        wanted = []
        for item in request.ReferencedSOPSequence:
            sop_class = _uid(item, _SOP_CLASS_UID)
            sop_class = classes.setdefault(sop_class, sop_class)
            wanted.append((sop_class, _uid(item, _SOP_INSTANCE_UID)))
        if not wanted:
            raise ValueError("there is no instance")
        filed = self._archive.index.instances(uid for _, uid in wanted)
        references = []
        for sop_class, uid in wanted:
            found, failure = filed.get(uid), None
            if found is None or not self._archive.path(found).is_file():
                failure = _NO_SUCH_INSTANCE
            elif found.sop_class != sop_class:
                failure = _CLASS_CONFLICT
            references.append(_Reference(sop_class, uid, failure))
        title = event.assoc.requestor.ae_title.strip()
        return _Report(event.assoc, title, transaction, references)

    def _reserve(self, report: _Report) -> bool:
        """Count a report that is to be sent; return whether there is room for it."""
        with self._lock:
            references = self._references + len(report.references)
            if self._reports >= self.most_reports or references > self.most_references:
                return False
            self._reports += 1
            self._references = references
        return True

    def _done(self, report: _Report) -> None:
        """Count a report no longer."""
        with self._lock:
            self._reports -= 1
            self._references -= len(report.references)

    # -- reporting ---------------------------------------------------------------------------

    def _report_after_response(self, report: _Report) -> None:
        """Have a report sent when the response to its request has been."""

        def on_sent(event: evt.Event) -> None:
            event.assoc.unbind(evt.EVT_PDU_SENT, on_sent)
            event.assoc.unbind(evt.EVT_CONN_CLOSE, on_sent)
            self._enqueue(report.assoc, report)

        # What this association sends next is the response, unless it ends before
        report.assoc.bind(evt.EVT_PDU_SENT, on_sent)
        report.assoc.bind(evt.EVT_CONN_CLOSE, on_sent)

    def _enqueue(self, key: Association | str, report: _Report) -> None:
        """Put a report into a line, which gets a thread if there was none."""
        with self._lock:
            if self._is_closed:
                return
            line = self._lines.get(key)
            if line is not None:
                line.append(report)
                return
            self._lines[key] = deque([report])
        thread = threading.Thread(
            target=self._work, args=(key,), name="StorageCommitment", daemon=True
        )
        try:
            thread.start()
        except RuntimeError as exc:  # the system has no more of them
            LOGGER.error("Storage commitment reports can't be sent: %s", exc)
            with self._lock:
                given_up = self._lines.pop(key)
            for each in given_up:
                self._done(each)

    def _work(self, key: Association | str) -> None:
        """Send the reports of a line until there are no more."""
        while True:
            with self._lock:
                line = self._lines[key]
                if not line:
                    del self._lines[key]
                    return
                report = line.popleft()
            try:
                is_done = self._send_to(key, report) if isinstance(key, str) else self._send(report)
            except Exception:
                LOGGER.exception("A storage commitment report can't be sent")
                is_done = True
            if is_done:
                self._done(report)

    def _send(self, report: _Report) -> bool:
        """Send a report on the association of its request; return whether that is all."""
        if report.assoc.is_established and self._send_on(report.assoc, report):
            return True
        title = report.calling_title
        if title not in self._destinations:
            LOGGER.error(
                "%s waits for a storage commitment report, but is no known destination",
                safe_text(title),
            )
            return True
        self._enqueue(title, report)
        return False

    def _send_to(self, title: str, report: _Report) -> bool:
        """Send a report on a new association; return that there is no more to do."""
        address, port, tls = self._destinations[title]
        assoc = self._ae.associate(
            address,
            port,
            [build_context(StorageCommitmentPushModel)],
            title,
            ext_neg=[build_role(StorageCommitmentPushModel, scp_role=True)],
            tls_args=tls,
        )
        try:
            if not assoc.is_established or not self._send_on(assoc, report):
                LOGGER.error("%s takes no storage commitment report", safe_text(title))
        finally:
            assoc.release()
        return True

    def _send_on(self, assoc: Association, report: _Report) -> bool:
        """Send a report on an association; return whether the peer has taken it."""
        try:
            status, _ = assoc.send_n_event_report(
                report.information(self._ae.ae_title),
                report.event_type,
                StorageCommitmentPushModel,
                StorageCommitmentPushModelInstance,
            )
        except (RuntimeError, ValueError) as exc:
            LOGGER.debug("Not reported: %s", exc)
            return False
        return bool(status.get("Status") == _SUCCESS)


def _uid(data_set: Dataset, tag: BaseTag) -> str:
    """Return a UID; ValueError if it is missing or too long. Nothing is made of long values."""
    value = text_reader(data_set)(tag, "UI")
    if not 0 < len(value) <= LONGEST_UID:
        raise ValueError(f"{tag} is missing or too long")
    return value
