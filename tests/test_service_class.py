"""Verification and Storage as SCP: what handlers are given, and what becomes of their answers."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable
from enum import IntEnum
from pathlib import Path
from typing import Any

import pytest
from pydicom import dcmread
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset
from pydicom.uid import UID, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from pynetdicom import (
    AE,
    PYNETDICOM_IMPLEMENTATION_UID,
    PYNETDICOM_IMPLEMENTATION_VERSION,
    AllStoragePresentationContexts,
    Association,
    _config,
    evt,
)
from pynetdicom.dimse_primitives import C_ECHO, C_FIND, C_STORE
from pynetdicom.dsutils import split_dataset
from pynetdicom.errors import DataSetLimitError, UpperLayerError
from pynetdicom.presentation import PresentationContextTuple
from pynetdicom.service_class import (
    NonPatientObjectStorageServiceClass,
    ServiceClass,
    StorageServiceClass,
    VerificationServiceClass,
)
from pynetdicom.sop_class import uid_to_service_class
from tests.support import raw
from tests.support.associations import CT, ECHO, EventLog, association, join, port_of
from tests.support.raw import PATIENCE
from tests.support.watch import complaints, names_in

StartSCP = Callable[..., Any]
HANGING_PROTOCOL = "1.2.840.10008.5.1.4.38.1"

CT_FILE = Path(get_testdata_file("CT_small.dcm", download=False))
CT_DATA = CT_FILE.read_bytes()[split_dataset(CT_FILE)[1] :]


class Code(IntEnum):
    WARNING = 0xB000


def status(code: Any = 0x0000, **elements: Any) -> Dataset:
    """Return a status as handlers return it and requests get it."""
    found = Dataset()
    if code is not None:
        found.Status = code
    for keyword, value in elements.items():
        setattr(found, keyword, value)
    return found


def empty_status() -> Dataset:
    found = Dataset()
    found.Status = None
    return found


def private_status() -> Dataset:
    found = status(0xB000)
    block = found.private_block(0x0009, "SOMEBODY", create=True)
    block.add_new(0x01, "LO", "something")
    return found


class Peer:
    """A requestor that asks an SCP with one handler.

    Attributes
    ----------
    log : EventLog
        What happens to the SCP's associations.
    """

    def __init__(self, start_scp: StartSCP, name: str, handler: Any = None) -> None:
        self.log = EventLog("ABORTED RELEASED DIMSE_SENT")
        handlers = [*self.log.bindings]
        if handler is not None:
            handlers.append((getattr(evt, f"EVT_{name}"), handler))
        self._is_echo = name == "C_ECHO"
        self.server = start_scp([ECHO, CT], handlers)

    def ask(self) -> Dataset | None:
        """Return the status of the response, None if the association was aborted instead."""
        with association(port_of(self.server), [ECHO, (CT, ExplicitVRLittleEndian)]) as assoc:
            found = assoc.send_c_echo() if self._is_echo else assoc.send_c_store(CT_FILE)
            if not found:
                join(assoc)
                assert assoc.is_aborted
        self.log.wait_for("RELEASED" if found else "ABORTED")
        return found or None

    @property
    def response(self) -> Any:
        """The response that was sent."""
        (event,) = self.log.all("DIMSE_SENT")
        return event.message.command_set


class TestStatus:
    """What becomes of what a handler returns."""

    @pytest.mark.parametrize(
        ("answer", "echo", "store"),
        [
            (0x0000, 0x0000, 0x0000),
            (0x0122, 0x0122, 0x0122),
            (0xFFFF, 0xFFFF, 0xFFFF),
            (True, 0x0001, 0x0001),
            (Code.WARNING, 0xB000, 0xB000),
            (status(0xA700), 0xA700, 0xA700),
            (status(0xC001), 0xC001, 0xC001),
            (status(0xC002), 0xC002, 0xC002),
            (0xC002, 0xC002, 0xC002),
            (status(None), 0x0000, 0xC001),
            (status(None, ErrorComment="no status"), 0x0000, 0xC001),
            (None, 0x0000, 0xC002),
            ("0x0000", 0x0000, 0xC002),
            ([0x0000], 0x0000, 0xC002),
            (0.0, 0x0000, 0xC002),
            ((0x0000, None), 0x0000, 0xC002),
            (-1, None, None),
            (70000, None, None),
            (status([0x0000, 0x0122]), 0x0000, None),
            (empty_status(), 0x0000, 0xC001),
        ],
        ids=repr,
    )
    @pytest.mark.parametrize("name", ["C_ECHO", "C_STORE"])
    def test_returned(
        self, start_scp: StartSCP, name: str, answer: Any, echo: int | None, store: int | None
    ) -> None:
        expected = echo if name == "C_ECHO" else store
        found = Peer(start_scp, name, lambda event: answer).ask()
        if expected is None:
            assert found is None
        else:
            assert found is not None
            assert found.Status == expected

    @pytest.mark.parametrize("error", [ValueError, KeyError, NotImplementedError, RuntimeError])
    @pytest.mark.parametrize(("name", "code"), [("C_ECHO", 0x0000), ("C_STORE", 0xC211)])
    def test_raised(
        self,
        start_scp: StartSCP,
        name: str,
        code: int,
        error: type[Exception],
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        def fail(event: Any) -> int:
            raise error("it is broken")

        found = Peer(start_scp, name, fail).ask()
        assert found == status(code)
        assert f"Exception in the handler of EVT_{name}" in caplog.text
        assert f"{error.__name__}: " in caplog.text  # the traceback

    @pytest.mark.parametrize(("name", "code"), [("C_ECHO", 0x0000), ("C_STORE", 0xC000)])
    def test_limit_exceeded(
        self, start_scp: StartSCP, name: str, code: int, caplog: pytest.LogCaptureFixture
    ) -> None:
        def fail(event: Any) -> int:
            raise DataSetLimitError("too deep")

        assert Peer(start_scp, name, fail).ask() == status(code)
        text = f"{name.replace('_', '-')} request refused: too deep"
        assert complaints(caplog.records) == [text]

    @pytest.mark.parametrize(("name", "code"), [("C_ECHO", 0x0000), ("C_STORE", 0xC211)])
    def test_unbound(
        self, start_scp: StartSCP, name: str, code: int, caplog: pytest.LogCaptureFixture
    ) -> None:
        assert Peer(start_scp, name).ask() == status(code)
        assert "Traceback" not in caplog.text
        assert ("no handler is bound to EVT_C_STORE" in caplog.text) is (name == "C_STORE")

    @pytest.mark.parametrize("end", ["abort", "release"])
    @pytest.mark.parametrize("name", ["C_ECHO", "C_STORE"])
    def test_association_ended_by_the_handler(
        self, start_scp: StartSCP, name: str, end: str
    ) -> None:
        peer = Peer(start_scp, name, lambda event: getattr(event.assoc, end)() or 0x0000)
        with association(port_of(peer.server), [ECHO, (CT, ExplicitVRLittleEndian)]) as assoc:
            found = assoc.send_c_echo() if name == "C_ECHO" else assoc.send_c_store(CT_FILE)
            assert found == Dataset()
        acceptance = peer.log.wait_for("ABORTED" if end == "abort" else "RELEASED").assoc
        join(acceptance)
        assert peer.log.all("DIMSE_SENT") == []

    @pytest.mark.parametrize("name", ["C_ECHO", "C_STORE"])
    def test_association_ended_by_a_handler_that_raises(
        self, start_scp: StartSCP, name: str
    ) -> None:
        def fail(event: Any) -> int:
            event.assoc.abort()
            raise LookupError

        peer = Peer(start_scp, name, fail)
        assert peer.ask() is None
        join(peer.log.wait_for("ABORTED").assoc)

    def test_other_elements(self, start_scp: StartSCP) -> None:
        answer = status(
            0xA900, ErrorComment="of another class", OffendingElement=[0x00080016, 0x00080018]
        )
        assert Peer(start_scp, "C_STORE", lambda event: answer).ask() == answer
        comment = status(0x0122, ErrorComment="not today")
        assert Peer(start_scp, "C_ECHO", lambda event: comment).ask() == comment

    @pytest.mark.parametrize(
        ("answer", "name"),
        [(status(0xB000, PatientName="Nobody"), "PatientName"), (private_status(), "(0009,1001)")],
    )
    def test_elements_without_a_place(
        self, start_scp: StartSCP, answer: Dataset, name: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        assert Peer(start_scp, "C_STORE", lambda event: answer).ask() == status(0xB000)
        assert all("has no place there" in line for line in complaints(caplog.records))
        assert name in caplog.text

    @pytest.mark.parametrize(
        ("name", "code", "known"),
        [
            ("C_ECHO", 0x0122, True),
            ("C_ECHO", 0xA700, False),
            ("C_STORE", 0xA7FF, True),
            ("C_STORE", 0xCFFF, True),
            ("C_STORE", 0xB006, True),
            ("C_STORE", 0x0FFF, False),
        ],
    )
    def test_unknown_codes_are_sent_with_a_warning(
        self,
        start_scp: StartSCP,
        name: str,
        code: int,
        known: bool,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        assert Peer(start_scp, name, lambda event: code).ask() == status(code)
        lines = complaints(caplog.records)
        assert bool(lines) is not known
        assert all(f"0x{code:04X} is no status of" in line for line in lines)

    def test_what_a_response_repeats(self, start_scp: StartSCP) -> None:
        peer = Peer(start_scp, "C_STORE", lambda event: 0x0000)
        with association(port_of(peer.server), [ECHO, (CT, ExplicitVRLittleEndian)]) as assoc:
            assoc.send_c_store(CT_FILE, msg_id=77)
            response = peer.response
            assert response.MessageIDBeingRespondedTo == 77
            assert response.AffectedSOPClassUID == CT
            assert response.AffectedSOPInstanceUID == dcmread(CT_FILE).SOPInstanceUID
            assoc.send_c_echo(msg_id=78)
            response = peer.log.wait_for("DIMSE_SENT", 2).message.command_set
            assert response.MessageIDBeingRespondedTo == 78
            assert response.AffectedSOPClassUID == ECHO
            assert "AffectedSOPInstanceUID" not in response


class TestEvents:
    def test_echo(self, start_scp: StartSCP) -> None:
        seen: list[Any] = []
        peer = Peer(start_scp, "C_ECHO", lambda event: seen.append(event) or 0x0000)
        peer.ask()
        (event,) = seen
        assert event.event is evt.EVT_C_ECHO
        assert isinstance(event.assoc, Association)
        assert isinstance(event.request, C_ECHO)
        assert event.message_id == event.request.MessageID == 1
        assert event.context == PresentationContextTuple(1, UID(ECHO), ImplicitVRLittleEndian)
        assert event.is_cancelled is False
        for name in ("dataset", "file_meta", "dataset_path", "identifier"):
            with pytest.raises(AttributeError, match=f"EVT_C_ECHO has no attribute '{name}'"):
                getattr(event, name)

    def test_cancel(self, start_scp: StartSCP) -> None:
        """It is seen while the handler runs, once; the library itself does nothing about it."""
        seen: list[bool] = []
        begun = threading.Event()

        def handle(event: Any) -> int:
            seen.append(event.is_cancelled)
            begun.set()
            readable, _, _ = event.assoc.dul.socket.wait(True, False, PATIENCE)
            assert readable
            seen.extend([event.is_cancelled, event.is_cancelled])
            return 0x0000

        peer = Peer(start_scp, "C_ECHO", handle)
        with raw.associated(port_of(peer.server)) as other:
            other.send(raw.message(raw.echo_rq(7)))
            assert begun.wait(PATIENCE)
            other.send(raw.message(raw.cancel_rq(7)))
            assert other.read_message().status == 0x0000
            other.release()
        assert seen == [False, True, False]

    def test_cancel_of_what_waits_and_of_what_is_not_there(self, start_scp: StartSCP) -> None:
        seen: dict[int, bool] = {}

        def handle(event: Any) -> int:
            seen[event.message_id] = event.is_cancelled
            return 0x0000

        peer = Peer(start_scp, "C_ECHO", handle)
        with raw.associated(port_of(peer.server)) as other:
            cancels = [raw.message(raw.cancel_rq(number)) for number in (2, 99)]
            requests = [raw.message(raw.echo_rq(number)) for number in (1, 2, 3)]
            other.send(*requests, *cancels)
            for _ in requests:
                assert other.read_message().status == 0x0000
            other.send(raw.message(raw.echo_rq(99)), raw.message(raw.echo_rq(2)))
            for _ in range(2):
                assert other.read_message().status == 0x0000
            other.release()
        assert seen[1] is seen[3] is seen[99] is seen[2] is False


class Stored:
    """What the handler of a C-STORE finds.

    Parameters
    ----------
    look : callable
        What to find out, given the event; the answer becomes `found`.
    """

    def __init__(self, look: Callable[[Any], Any]) -> None:
        self._look = look
        self.found: Any = None

    def __call__(self, event: Any) -> int:
        self.found = self._look(event)
        return 0x0000


# Whether data sets go to memory or to a file, and at whose demand
KEPT = ["memory", "file", "chunked"]


class TestStorage:
    @pytest.fixture(params=KEPT)
    def kept(self, request: pytest.FixtureRequest) -> str:
        kept: str = request.param
        return kept

    @pytest.fixture
    def look(
        self, start_scp: StartSCP, kept: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> Callable[..., Any]:
        """Return a function that stores an instance and returns what its handler finds."""
        monkeypatch.setattr(_config, "STORE_RECV_CHUNKED_DATASET", kept == "chunked")
        spool = tmp_path / "spool"
        spool.mkdir()

        def store(find: Callable[[Any], Any], file: Any = CT_FILE, code: int = 0x0000) -> Any:
            handler = Stored(find)
            server = start_scp([CT], [(evt.EVT_C_STORE, handler)])
            server.ae.limits.spool_directory = str(spool)
            if kept == "file":
                server.ae.limits.spool_threshold = 1024
            with association(port_of(server), [(CT, ExplicitVRLittleEndian)]) as assoc:
                assert assoc.send_c_store(file).Status == code
            assert names_in(spool) == []
            return handler.found

        return store

    def test_dataset(self, look: Callable[..., Any], kept: str) -> None:
        def find(event: Any) -> tuple[Any, ...]:
            first, second = event.dataset, event.dataset
            return first == dcmread(CT_FILE), first is second, hasattr(first, "file_meta")

        assert look(find) == (True, kept != "chunked", kept == "chunked")

    def test_dataset_is_kept_as_changed(self, look: Callable[..., Any], kept: str) -> None:
        def find(event: Any) -> str:
            event.dataset.PatientName = "Changed"
            return str(event.dataset.PatientName)

        assert look(find) == ("Changed" if kept != "chunked" else "CompressedSamples^CT1")

    def test_encoding(self, look: Callable[..., Any]) -> None:
        assert look(lambda event: event.dataset.original_encoding) == (False, True)

    def test_after_the_handler(self, look: Callable[..., Any], kept: str) -> None:
        """What was made from the data stays readable."""
        event = look(lambda event: event)
        if kept == "memory":
            assert event.dataset == dcmread(CT_FILE)
        assert event.file_meta.MediaStorageSOPClassUID == CT
        assert event.message_id == 1

    def test_encoded_dataset(self, look: Callable[..., Any]) -> None:
        assert look(lambda event: event.encoded_dataset(include_meta=False)) == CT_DATA
        whole = look(lambda event: event.encoded_dataset())
        assert whole[:132] == bytes(128) + b"DICM"
        assert whole.endswith(CT_DATA)

    def test_file_meta(self, look: Callable[..., Any]) -> None:
        first, second = look(lambda event: (event.file_meta, event.file_meta))
        assert first is not second
        assert first == second
        assert first.FileMetaInformationVersion == b"\x00\x01"
        assert first.MediaStorageSOPClassUID == CT
        assert first.MediaStorageSOPInstanceUID == dcmread(CT_FILE).SOPInstanceUID
        assert first.TransferSyntaxUID == ExplicitVRLittleEndian
        assert first.ImplementationClassUID == PYNETDICOM_IMPLEMENTATION_UID
        assert first.ImplementationVersionName == PYNETDICOM_IMPLEMENTATION_VERSION

    def test_save_as(self, look: Callable[..., Any], tmp_path: Path) -> None:
        path = tmp_path / "saved.dcm"
        encoded = look(lambda event: (event.encoded_dataset(), event.save_as(path))[0])
        assert path.read_bytes() == encoded
        assert encoded.endswith(CT_DATA)
        assert dcmread(path) == dcmread(CT_FILE)
        assert names_in(tmp_path) == ["saved.dcm", "spool"]

    def test_save_as_twice(self, look: Callable[..., Any], tmp_path: Path) -> None:
        paths = [tmp_path / "first.dcm", tmp_path / "second.dcm"]
        look(lambda event: [event.save_as(path) for path in paths])
        assert paths[0].read_bytes() == paths[1].read_bytes()

    def test_dataset_path(self, look: Callable[..., Any], tmp_path: Path) -> None:
        kept = tmp_path / "kept.dcm"

        def find(event: Any) -> tuple[Path, bytes]:
            shutil.copy(event.dataset_path, kept)
            return event.dataset_path, event.encoded_dataset()

        path, encoded = look(find)
        assert isinstance(path, Path)
        assert kept.read_bytes() == encoded
        assert not path.exists()

    def test_file_that_is_moved_away(self, look: Callable[..., Any], tmp_path: Path) -> None:
        kept = tmp_path / "kept.dcm"
        look(lambda event: event.dataset_path.rename(kept))
        assert dcmread(kept) == dcmread(CT_FILE)

    def test_nothing_is_left_of_a_handler_that_raises(self, look: Callable[..., Any]) -> None:
        def fail(event: Any) -> None:
            assert event.dataset_path.exists()
            raise LookupError

        look(fail, code=0xC211)

    def test_request(self, look: Callable[..., Any]) -> None:
        def find(event: Any) -> tuple[Any, ...]:
            assert isinstance(event.request, C_STORE)
            return event.request.Priority, event.context, event.message_id

        context = PresentationContextTuple(1, UID(CT), ExplicitVRLittleEndian)
        assert look(find) == (2, context, 1)

    def test_data_set_of_the_request(self, look: Callable[..., Any]) -> None:
        assert look(lambda event: event.request.DataSet.getvalue()) == CT_DATA

    def test_no_data_set(self, start_scp: StartSCP) -> None:
        handler = Stored(lambda event: (event.dataset, event.encoded_dataset(False)))
        server = start_scp([CT], [(evt.EVT_C_STORE, handler)])
        with raw.associated(port_of(server)) as peer:
            assert peer.store(b"") == 0x0000
            peer.release()
        assert handler.found == (Dataset(), b"")


class TestSeveral:
    def test_stores_on_one_association(self, start_scp: StartSCP, tmp_path: Path) -> None:
        numbers: list[int] = []

        def store(event: Any) -> int:
            numbers.append(event.message_id)
            event.save_as(tmp_path / f"{event.message_id}.dcm")
            return 0x0000

        port = port_of(start_scp([CT], [(evt.EVT_C_STORE, store)]))
        with association(port, [(CT, ExplicitVRLittleEndian)]) as assoc:
            for number in range(1, 11):
                assert assoc.send_c_store(CT_FILE, msg_id=number).Status == 0x0000
        assert numbers == list(range(1, 11))
        assert len({path.read_bytes() for path in tmp_path.iterdir()}) == 1

    def test_non_patient_objects(self, start_scp: StartSCP) -> None:
        log = EventLog("DIMSE_RECV")
        handlers = [(evt.EVT_C_STORE, lambda event: 0xA700), *log.bindings]
        port = port_of(start_scp([HANGING_PROTOCOL], handlers))
        instance = Dataset()
        instance.SOPClassUID = HANGING_PROTOCOL
        instance.SOPInstanceUID = "1.2.3"
        instance.ensure_file_meta()
        instance.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
        with association(port, [HANGING_PROTOCOL]) as assoc:
            assert assoc.send_c_store(instance) == status(0xA700)


class TestRespond:
    """Handlers of EVT_C_STORE that answer before they return."""

    @pytest.fixture
    def ask(self, start_scp: StartSCP) -> Callable[..., Any]:
        """Return a function that stores an instance and returns the one status it gets."""

        def ask(handler: Callable[[Any], Any]) -> Dataset | None:
            self.peer = Peer(start_scp, "C_STORE", handler)
            return self.peer.ask()

        return ask

    def test_handler_goes_on(self, start_scp: StartSCP) -> None:
        """The next request has its answer when the handler has ended, and not before."""
        go_on = threading.Event()
        done: list[str] = []

        def handle(event: Any) -> int:
            if event.message_id == 1:
                event.respond(0x0000)
                assert go_on.wait(PATIENCE)
                done.append("first")
            else:
                done.append("second")
            return 0x0000

        log = EventLog("DIMSE_SENT")
        server = start_scp([CT], [(evt.EVT_C_STORE, handle), *log.bindings])
        with raw.associated(port_of(server), raw.proposal(3, CT.encode(), raw.IMPLICIT)) as peer:
            assert peer.store(raw.data_set(), 1) == 0x0000
            assert done == []
            peer.send(raw.message(raw.store_rq(2), 3, raw.data_set()))
            assert len(log.events) == 1
            go_on.set()
            assert peer.read_message().number(raw.RESPONDED_TO) == 2
            peer.release()
        assert done == ["first", "second"]
        assert len(log.events) == 2

    @pytest.mark.parametrize("returned", [0xA700, None, "nothing", status(0xC000)], ids=repr)
    def test_what_is_returned_is_not_sent(self, ask: Callable[..., Any], returned: Any) -> None:
        def handle(event: Any) -> Any:
            event.respond(0xB000)
            return returned

        assert ask(handle) == status(0xB000)
        assert self.peer.response.Status == 0xB000

    def test_what_is_raised_is_logged(
        self, ask: Callable[..., Any], caplog: pytest.LogCaptureFixture
    ) -> None:
        def handle(event: Any) -> Any:
            event.respond(0x0000)
            raise LookupError("later")

        assert ask(handle) == status(0x0000)
        assert self.peer.response.Status == 0x0000
        assert complaints(caplog.records) == ["Exception in the handler of EVT_C_STORE"]
        assert "LookupError: later" in caplog.text

    def test_second_call(self, ask: Callable[..., Any]) -> None:
        def handle(event: Any) -> Any:
            event.respond(0x0000)
            with pytest.raises(RuntimeError, match="answered already"):
                event.respond(0xA700)

        assert ask(handle) == status(0x0000)
        assert self.peer.response.Status == 0x0000

    def test_after_the_handler(self, ask: Callable[..., Any]) -> None:
        events: list[Any] = []
        assert ask(lambda event: events.append(event) or 0x0000) == status(0x0000)
        with pytest.raises(RuntimeError, match="answered already"):
            events[0].respond(0x0000)

    def test_after_the_end_of_the_association(self, ask: Callable[..., Any]) -> None:
        raised: list[BaseException] = []

        def handle(event: Any) -> Any:
            event.assoc.abort()
            try:
                event.respond(0x0000)
            except UpperLayerError as exc:
                raised.append(exc)

        assert ask(handle) is None
        join(self.peer.log.wait_for("ABORTED").assoc)
        assert len(raised) == 1

    def test_status_as_data_set(self, ask: Callable[..., Any]) -> None:
        answer = status(0xA900, ErrorComment="of another class", OffendingElement=[0x00080016])
        assert ask(lambda event: event.respond(answer)) == status(
            0xA900, ErrorComment="of another class", OffendingElement=0x00080016
        )

    def test_unusable_status(self, ask: Callable[..., Any]) -> None:
        assert ask(lambda event: event.respond("no")) == status(0xC002)

    def test_other_events_have_none(self, start_scp: StartSCP) -> None:
        seen: list[bool] = []
        handler = lambda event: seen.append(hasattr(event, "respond")) or 0x0000  # noqa: E731
        assert Peer(start_scp, "C_ECHO", handler).ask() == status(0x0000)
        assert seen == [False]


class TestClasses:
    @pytest.fixture
    def assoc(self) -> Association:
        return Association(AE(), "acceptor")

    @pytest.mark.parametrize("kind", [ServiceClass, VerificationServiceClass, StorageServiceClass])
    def test_what_they_have(self, assoc: Association, kind: type[ServiceClass]) -> None:
        service = kind(assoc)
        assert service.assoc is assoc
        assert service.ae is assoc.ae
        assert service.dimse is assoc.dimse
        assert service.is_valid_status(0x0000)
        assert not service.is_valid_status(0x0FFF)

    @pytest.mark.parametrize(
        "kind",
        [
            ServiceClass,
            VerificationServiceClass,
            StorageServiceClass,
            NonPatientObjectStorageServiceClass,
        ],
    )
    def test_operation_that_they_do_not_have(
        self, assoc: Association, kind: type[ServiceClass]
    ) -> None:
        request = C_FIND()
        request.AffectedSOPClassUID = UID(CT)
        context = PresentationContextTuple(1, UID(CT), ImplicitVRLittleEndian)
        with pytest.raises(NotImplementedError, match=f"C-FIND requests, here for {CT}"):
            kind(assoc).SCP(request, context)

    @pytest.mark.parametrize(
        ("returned", "expected"), [(0x0000, 0x0000), (status(None), 0xC001), ("no", 0xC002)]
    )
    def test_validate_status(self, assoc: Association, returned: Any, expected: int) -> None:
        response = C_STORE()
        service = StorageServiceClass(assoc)
        assert service.validate_status(returned, response) is response
        assert response.Status == expected
        VerificationServiceClass(assoc).validate_status(returned, response)
        assert response.Status == 0x0000

    def test_cancel(self, assoc: Association) -> None:
        service = ServiceClass(assoc)
        assert not service.is_cancelled(5)
        assoc.dimse.cancelled.add(5)
        assert [service.is_cancelled(5), service.is_cancelled(5)] == [True, False]


def test_storage_serves_the_whole_list() -> None:
    for context in AllStoragePresentationContexts:
        service = uid_to_service_class(str(context.abstract_syntax))
        assert issubclass(service, StorageServiceClass)
