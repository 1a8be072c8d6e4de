"""Storage commitment by qrscp: what is safe, and who hears of it when."""

from __future__ import annotations

import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any

import pytest
from pydicom.dataset import Dataset
from pydicom.uid import (
    CTImageStorage,
    MRImageStorage,
    generate_uid,
)

from pynetdicom import evt
from pynetdicom.apps.qrscp.archive import path_of
from pynetdicom.apps.qrscp.settings import Destination
from pynetdicom.sop_class import (
    StorageCommitmentPushModel,
    StorageCommitmentPushModelInstance,
    Verification,
)
from tests.support.archives import (
    LiveArchive,
    image,
    image_uid,
    put,
)

PATIENCE = 30.0
StartArchive = Callable[..., LiveArchive]


def references(*wanted: tuple[str, str]) -> Dataset:
    """Return a request for storage commitment."""
    request = Dataset()
    request.TransactionUID = generate_uid()
    request.ReferencedSOPSequence = []
    for sop_class, uid in wanted:
        item = Dataset()
        item.ReferencedSOPClassUID = sop_class
        item.ReferencedSOPInstanceUID = uid
        request.ReferencedSOPSequence.append(item)
    return request


class Reports:
    """A handler of EVT_N_EVENT_REPORT that keeps what it is told."""

    def __init__(self, status: int = 0x0000) -> None:
        self.status = status
        self.reports: SimpleQueue[tuple[int | None, Dataset]] = SimpleQueue()
        self.handlers = [(evt.EVT_N_EVENT_REPORT, self.handle)]

    def handle(self, event: evt.Event) -> tuple[int, None]:
        """Keep a report."""
        self.reports.put((event.event_type, event.event_information))
        return self.status, None

    def next(self) -> tuple[int | None, Dataset]:
        """Return the next report."""
        return self.reports.get(timeout=PATIENCE)


def request_commitment(assoc: Any, request: Dataset, action_type: int = 1) -> int:
    """Request storage commitment and return the status."""
    status, _ = assoc.send_n_action(
        request, action_type, StorageCommitmentPushModel, StorageCommitmentPushModelInstance
    )
    code: int = status.Status
    return code


class TestCommitment:
    def test_safe(self, start: StartArchive) -> None:
        live, reports = start(*(image(1, *at) for at in ((1, 1), (1, 2), (2, 1)))), Reports()
        wanted = [(CTImageStorage, image_uid(1, 1, n)) for n in (1, 2)]
        request = references(*wanted)
        with live.associated(StorageCommitmentPushModel, evt_handlers=reports.handlers) as assoc:
            assert request_commitment(assoc, request) == 0x0000
            kind, report = reports.next()
        assert kind == 1
        assert report.TransactionUID == request.TransactionUID
        assert report.RetrieveAETitle == "QRSCP"
        assert "FailedSOPSequence" not in report
        safe = [
            (item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID)
            for item in report.ReferencedSOPSequence
        ]
        assert safe == wanted

    def test_not_safe(self, start: StartArchive) -> None:
        live, reports = start(*(image(1, *at) for at in ((1, 1), (1, 2), (2, 1)))), Reports()
        (live.archive.folder / path_of(image_uid(1, 1, 2))).unlink()
        request = references(
            (CTImageStorage, image_uid(1, 1, 1)),
            (CTImageStorage, image_uid(1, 1, 2)),
            (MRImageStorage, image_uid(1, 2, 1)),
            (CTImageStorage, "1.2.3"),
        )
        with live.associated(StorageCommitmentPushModel, evt_handlers=reports.handlers) as assoc:
            assert request_commitment(assoc, request) == 0x0000
            kind, report = reports.next()
        assert kind == 2
        assert len(report.ReferencedSOPSequence) == 1
        assert [
            (item.ReferencedSOPInstanceUID, item.FailureReason) for item in report.FailedSOPSequence
        ] == [(image_uid(1, 1, 2), 0x0112), (image_uid(1, 2, 1), 0x0119), ("1.2.3", 0x0112)]

    @pytest.mark.parametrize("how", ["refuses", "aborts"])
    def test_on_a_new_association(
        self, start: StartArchive, start_scp: Callable[..., Any], how: str
    ) -> None:
        """If the requestor does not take the report on the association of the request."""
        reports = Reports()
        server = start_scp([Verification], reports.handlers)
        server.ae.add_supported_context(StorageCommitmentPushModel, scu_role=False, scp_role=True)
        server.contexts = server.ae.supported_contexts
        live = start(image(), TEST_SCU=Destination("127.0.0.1", server.server_address[1]))
        request = references((CTImageStorage, image_uid(1, 1, 1)))

        def refuse(event: evt.Event) -> tuple[int, None]:
            if how == "aborts":
                event.assoc.abort()
            return 0x0110, None

        handlers = [(evt.EVT_N_EVENT_REPORT, refuse)]
        with live.associated(StorageCommitmentPushModel, evt_handlers=handlers) as assoc:
            assert request_commitment(assoc, request) == 0x0000
            kind, report = reports.next()
        assert (kind, report.TransactionUID) == (1, request.TransactionUID)

    def test_refused(self, start: StartArchive) -> None:
        live = start(image())
        with live.associated(StorageCommitmentPushModel) as assoc:
            request = references((CTImageStorage, image_uid(1, 1, 1)))
            assert request_commitment(assoc, request, action_type=2) == 0x0123
            assert request_commitment(assoc, references()) == 0x0115
            del request.TransactionUID
            assert request_commitment(assoc, request) == 0x0115

    def test_nobody_to_report_to(
        self, start: StartArchive, caplog: pytest.LogCaptureFixture
    ) -> None:
        live = start(image())
        request = references((CTImageStorage, image_uid(1, 1, 1)))
        refusing = Reports(0x0110)
        with live.associated(StorageCommitmentPushModel, evt_handlers=refusing.handlers) as assoc:
            assert request_commitment(assoc, request) == 0x0000
            refusing.next()
            threads = [each for each in threading.enumerate() if each.name == "StorageCommitment"]
        for thread in threads:
            thread.join(PATIENCE)
        assert "TEST_SCU waits for a storage commitment report" in caplog.text

    def test_silent_requestors(self, start: StartArchive) -> None:
        """They hold up neither others nor what is refused for want of room."""
        live, reports, going_on = start(image()), Reports(), threading.Event()
        committer = live.scp._committer
        committer.most_reports, committer.most_references = 3, 5
        one = [(CTImageStorage, image_uid(1, 1, 1))]
        asked: SimpleQueue[None] = SimpleQueue()

        def keep_silent(event: evt.Event) -> tuple[int, None]:
            asked.put(None)
            going_on.wait(PATIENCE)
            return 0x0000, None

        silent = [(evt.EVT_N_EVENT_REPORT, keep_silent)]
        try:
            with (
                live.associated(StorageCommitmentPushModel, evt_handlers=silent) as first,
                live.associated(StorageCommitmentPushModel, evt_handlers=silent) as second,
                live.associated(
                    StorageCommitmentPushModel, evt_handlers=reports.handlers
                ) as honest,
            ):
                for assoc in (first, second):
                    assert request_commitment(assoc, references(*one * 2)) == 0x0000
                    asked.get(timeout=PATIENCE)
                assert request_commitment(honest, references(*one * 2)) == 0x0213
                assert request_commitment(honest, references(*one)) == 0x0000
                assert reports.next()[0] == 1
                committer.most_reports, committer.most_references = 2, 100
                assert request_commitment(honest, references(*one)) == 0x0213
                going_on.set()
        finally:
            going_on.set()

    def test_room_again(self, start: StartArchive) -> None:
        live, reports = start(image()), Reports()
        live.scp._committer.most_references = 1
        request = references((CTImageStorage, image_uid(1, 1, 1)))
        with live.associated(StorageCommitmentPushModel, evt_handlers=reports.handlers) as assoc:
            for _ in range(2):
                assert request_commitment(assoc, request) == 0x0000
                reports.next()
                for thread in threading.enumerate():
                    if thread.name == "StorageCommitment":
                        thread.join(PATIENCE)

    def test_no_more_threads(
        self,
        start: StartArchive,
        monkeypatch: pytest.MonkeyPatch,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        """What can't be reported takes no room, and the next report is sent."""
        live, reports, refused = start(image()), Reports(), threading.Event()
        live.scp._committer.most_reports = 1
        request = references((CTImageStorage, image_uid(1, 1, 1)))
        begin = threading.Thread.start

        def start_thread(thread: threading.Thread) -> None:
            if thread.name == "StorageCommitment" and not refused.is_set():
                refused.set()
                raise RuntimeError("can't start new thread")
            begin(thread)

        monkeypatch.setattr(threading.Thread, "start", start_thread)
        with live.associated(StorageCommitmentPushModel, evt_handlers=reports.handlers) as assoc:
            assert request_commitment(assoc, request) == 0x0000
            # The response leaves before the thread is to begin, this one after that
            assert assoc.send_c_store(image()).Status == 0x0000
            assert refused.is_set()
            assert "reports can't be sent: can't start new thread" in caplog.text
            assert request_commitment(assoc, request) == 0x0000
            assert reports.next()[0] == 1

    def test_too_long_a_uid(self, start: StartArchive) -> None:
        live = start()
        request = references((CTImageStorage, "1.2.3"))
        put(request.ReferencedSOPSequence[0], ReferencedSOPInstanceUID="1" * 65)
        with live.associated(StorageCommitmentPushModel) as assoc:
            assert request_commitment(assoc, request) == 0x0115
