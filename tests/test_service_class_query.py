"""C-FIND as SCP: what becomes of what handlers yield, and how operations end early."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from enum import IntEnum
from io import BytesIO
from typing import Any, NamedTuple

import pytest
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

import pynetdicom.service_class.responses as responses
from pynetdicom import DEFAULT_TRANSFER_SYNTAXES, _config, evt, register_uid, sop_class
from pynetdicom.dimse_primitives import C_FIND
from pynetdicom.dsutils import decode, encode
from pynetdicom.errors import DataSetLimitError
from pynetdicom.service_class import (
    BasicWorklistManagementServiceClass,
    QueryRetrieveServiceClass,
    RelevantPatientInformationQueryServiceClass,
    SubstanceAdministrationQueryServiceClass,
)
from pynetdicom.sop_class import (
    BreastImagingRelevantPatientInformationQuery,
    CardiacRelevantPatientInformationQuery,
    ColorPaletteInformationModelFind,
    DefinedProcedureProtocolInformationModelFind,
    GeneralRelevantPatientInformationQuery,
    GenericImplantTemplateInformationModelFind,
    HangingProtocolInformationModelFind,
    ImplantAssemblyTemplateInformationModelFind,
    ImplantTemplateGroupInformationModelFind,
    InventoryFind,
    ModalityWorklistInformationFind,
    PatientRootQueryRetrieveInformationModelFind,
    PatientStudyOnlyQueryRetrieveInformationModelFind,
    ProductCharacteristicsQuery,
    ProtocolApprovalInformationModelFind,
    RepositoryQuery,
    StudyRootQueryRetrieveInformationModelFind,
    SubstanceApprovalQuery,
    uid_to_service_class,
)
from pynetdicom.status import QR_FIND_SERVICE_CLASS_STATUS, Status
from tests.support import raw
from tests.support.associations import ECHO, EventLog, join, port_of
from tests.support.raw import PATIENCE
from tests.support.watch import complaints, note_waiting

StartSCP = Callable[..., Any]

WORKLIST = ModalityWorklistInformationFind
ONE_PATIENT = GeneralRelevantPatientInformationQuery
# SOP classes whose queries may have many matches, and those with one at most
MANY = [
    WORKLIST,
    ProductCharacteristicsQuery,
    SubstanceApprovalQuery,
    PatientRootQueryRetrieveInformationModelFind,
    StudyRootQueryRetrieveInformationModelFind,
    PatientStudyOnlyQueryRetrieveInformationModelFind,
    RepositoryQuery,
    HangingProtocolInformationModelFind,
    ColorPaletteInformationModelFind,
    GenericImplantTemplateInformationModelFind,
    ImplantAssemblyTemplateInformationModelFind,
    ImplantTemplateGroupInformationModelFind,
    DefinedProcedureProtocolInformationModelFind,
    ProtocolApprovalInformationModelFind,
    InventoryFind,
]
ONE = [
    ONE_PATIENT,
    BreastImagingRelevantPatientInformationQuery,
    CardiacRelevantPatientInformationQuery,
]

# Error Comment and Offending Element in command sets
COMMENT, OFFENDING = 0x0902, 0x0901
DEFLATED = DeflatedExplicitVRLittleEndian


class Code(IntEnum):
    PENDING = 0xFF00
    FAILURE = 0xA700


def data_set(name: str = "Doe^John", number: int = 1) -> Dataset:
    """Return an identifier with some elements, a sequence among them."""
    step = Dataset()
    step.Modality = "CT"
    step.ScheduledStationAETitle = "SCANNER"
    found = Dataset()
    found.PatientName = name
    found.InstanceNumber = number
    found.ScheduledProcedureStepSequence = [step]
    return found


MATCH = data_set()


def status(code: Any = 0x0000, **elements: Any) -> Dataset:
    """Return a status as data set."""
    found = Dataset()
    if code is not None:
        found.Status = code
    for keyword, value in elements.items():
        setattr(found, keyword, value)
    return found


def unencodable() -> Dataset:
    """Return a data set that fails within a sequence, when some of it has been encoded."""
    found = data_set()
    number = DataElement(0x00280010, "US", "many", already_converted=True)
    found.ScheduledProcedureStepSequence[0].add(number)
    return found


def syntax_arguments(syntax: UID) -> tuple[bool, bool, bool]:
    return (syntax.is_implicit_VR, syntax.is_little_endian, syntax.is_deflated)


def find_rq(message_id: int = 1, model: str = WORKLIST) -> dict[int, bytes]:
    """Return the command set of a C-FIND request (PS3.7 9.3.2.1)."""
    return {
        raw.SOP_CLASS: raw.ui(model.encode()),
        raw.COMMAND_FIELD: raw.us(0x0020),
        raw.MESSAGE_ID: raw.us(message_id),
        raw.PRIORITY: raw.us(0),
        raw.DATA_SET_TYPE: raw.us(raw.HAS_DATA_SET),
    }


class Response(NamedTuple):
    """A response, as far as tests look at it."""

    status: int
    data: bytes | None


class SCP:
    """An SCP with one handler of EVT_C_FIND, and the raw peer that asks it.

    Parameters
    ----------
    start_scp : callable
        The fixture that starts SCPs.
    handler : callable, optional
        The handler; none is bound by default.
    model : str, optional
        The SOP class that is asked for in context 1; Verification is in context 3.
    syntax : pydicom.uid.UID, optional
        The transfer syntax of that context.
    """

    def __init__(
        self,
        start_scp: StartSCP,
        handler: Any = None,
        model: str = WORKLIST,
        syntax: UID = ImplicitVRLittleEndian,
    ) -> None:
        self.model = model
        self.syntax = syntax
        self.log = EventLog("ABORTED RELEASED DIMSE_SENT")
        handlers = [*self.log.bindings]
        if handler is not None:
            handlers.append((evt.EVT_C_FIND, handler))
        self.port = port_of(start_scp([(model, list(DEFAULT_TRANSFER_SYNTAXES)), ECHO], handlers))

    def connect(self) -> raw.Peer:
        """Return a peer that is associated."""
        return raw.associated(
            self.port,
            raw.proposal(1, self.model.encode(), self.syntax.encode()),
            raw.proposal(3, ECHO.encode(), raw.IMPLICIT),
        )

    def request(self, message_id: int = 1, identifier: Dataset | None = None) -> bytes:
        """Return a request."""
        data = encode(identifier or data_set(), *syntax_arguments(self.syntax))
        return raw.message(find_rq(message_id, self.model), 1, data)

    def ask(self, count: int = 1) -> list[Response]:
        """Return the responses to a request: so many, and no more."""
        with self.connect() as peer:
            peer.send(self.request())
            found = [read(peer, self.model) for _ in range(count)]
            assert peer.echo(2, 3) == 0x0000  # what else would come would come before it
            peer.release()
        self.log.wait_for("RELEASED")
        return found

    def statuses(self, count: int = 1) -> list[int]:
        """Return the statuses of the responses, of which only the Pending have an identifier."""
        found = self.ask(count)
        for response in found:
            assert (response.data is not None) is (response.status in (0xFF00, 0xFF01))
        return [response.status for response in found]

    def is_aborted(self, count: int = 0) -> bool:
        """Return whether a request gets so many responses and then an abort as by a user."""
        with self.connect() as peer:
            peer.send(self.request())
            for _ in range(count):
                read(peer, self.model)
            reason = peer.expect_abort()
        join(self.log.wait_for("ABORTED").assoc)
        return reason == (0, 0)

    def decode(self, response: Response) -> Dataset:
        """Return the identifier of a response."""
        assert response.data is not None
        return decode(BytesIO(response.data), *syntax_arguments(self.syntax))


def read(peer: raw.Peer, model: str = WORKLIST, message_id: int = 1) -> Response:
    """Return the next response, with what all of them have."""
    message = peer.read_message()
    assert message.context_id == 1
    assert message.number(raw.COMMAND_FIELD) == 0x8020
    assert message.number(raw.RESPONDED_TO) == message_id
    assert message.elements[raw.SOP_CLASS] == raw.ui(model.encode())
    assert raw.MESSAGE_ID not in message.elements
    return Response(message.status, message.data)


class Handler:
    """A handler of EVT_C_FIND that yields some things, and notes how far it came.

    Parameters
    ----------
    *items : object
        What to yield; exceptions are raised, and functions called with the event.

    Attributes
    ----------
    steps : list of str
        ``"yielded"`` each time it went on after that, ``"ended"``, and ``"closed"`` last of all.
    """

    def __init__(self, *items: Any) -> None:
        self._items = items
        self.steps: list[str] = []
        self.event: Any = None

    def __call__(self, event: Any) -> Iterator[Any]:
        self.event = event
        try:
            for item in self._items:
                if isinstance(item, Exception):
                    raise item
                if callable(item):
                    item(event)
                    continue
                yield item
                self.steps.append("yielded")
            self.steps.append("ended")
        finally:
            self.steps.append("closed")


class Signal:
    """Lets the handler say that it has come to a point, and wait for what the peer then sends."""

    def __init__(self) -> None:
        self._reached = threading.Event()

    def __call__(self, event: Any) -> None:
        self._reached.set()
        readable, _, _ = event.assoc.dul.socket.wait(True, False, PATIENCE)
        assert readable

    def wait(self) -> None:
        assert self._reached.wait(PATIENCE), "the handler has not come there"


def wait_for_end(event: Any) -> None:
    """Wait until the association has ended; a step of a handler."""
    event.assoc.dul.wait_until(lambda: not event.assoc.is_established, None)


class TestPace:
    """Which responses may wait for the next one."""

    @pytest.mark.parametrize("model", [WORKLIST, StudyRootQueryRetrieveInformationModelFind])
    def test_matches(
        self, start_scp: StartSCP, model: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Not the first, after which the handler may take its time, and not the last."""
        monkeypatch.setattr(responses, "monotonic", lambda: 10.0)
        waiting: list[list[bool]] = []

        def handler(event: Any) -> Iterator[Any]:
            waiting.append(note_waiting(event.assoc))
            for _ in range(4):
                yield 0xFF00, MATCH

        assert SCP(start_scp, handler, model).statuses(5) == [0xFF00] * 4 + [0x0000]
        assert waiting[0][:5] == [False, True, True, True, False]


class TestStatuses:
    """The statuses of each service, one by one."""

    @pytest.mark.parametrize("model", [*MANY, *ONE], ids=lambda model: model.keyword)
    def test_every_status(self, start_scp: StartSCP, model: Any) -> None:
        """What is not Pending goes without identifier; after warnings the handler goes on."""
        service = uid_to_service_class(model)
        is_retrieve_too = issubclass(service, QueryRetrieveServiceClass)
        table = QR_FIND_SERVICE_CLASS_STATUS if is_retrieve_too else service.statuses
        codes = [code for code in table if not 0xC001 <= code < 0xCFFF]
        answers = iter(codes)
        scp = SCP(start_scp, lambda event: iter([(next(answers), MATCH)]), model)
        with scp.connect() as peer:
            for code in codes:
                peer.send(scp.request())
                found = read(peer, model)
                category, _ = table[code]
                assert found.status == code
                assert (found.data is not None) is (category == "Pending")
                if category == "Pending" or (category == "Warning" and model in MANY):
                    assert read(peer, model) == Response(0x0000, None)
            assert peer.echo(2, 3) == 0x0000
            peer.release()

    def test_tables(self) -> None:
        pending = {0xFF00, 0xFF01}
        for service, some, others in [
            (BasicWorklistManagementServiceClass, {0xA700, 0xA710, 0xA900, 0xB001}, pending),
            (SubstanceAdministrationQueryServiceClass, {0xA700, 0xA900, 0xCFFF}, pending),
            (RelevantPatientInformationQueryServiceClass, {0xC000, 0xC100, 0xC200}, {0xFF00}),
        ]:
            assert service.statuses.keys() >= some
            assert service.statuses.keys() & pending == others
            assert list(service.operations) == [C_FIND]

    @pytest.mark.parametrize("model", [WORKLIST, ONE_PATIENT], ids=["many", "one"])
    @pytest.mark.parametrize("code", [0x0FFF, 0xB123, 0xFE01, 0xFF02, 0xFFFF])
    def test_unknown_status(
        self, start_scp: StartSCP, model: Any, code: int, caplog: pytest.LogCaptureFixture
    ) -> None:
        handler = Handler((code, MATCH), (0xFF00, MATCH))
        assert SCP(start_scp, handler, model).statuses() == [code]
        assert handler.steps == ["closed"]
        (line,) = complaints(caplog.records)
        assert line.startswith(f"0x{code:04X} is no status of ")

    @pytest.mark.parametrize("model", [WORKLIST, ONE_PATIENT], ids=["many", "one"])
    @pytest.mark.parametrize(
        ("answer", "expected"),
        [
            (Code.FAILURE, [0xA700]),
            (Code.PENDING, [0xFF00, 0x0000]),
            (Status.PENDING, [0xFF00, 0x0000]),
            (Status.CANCEL, [0xFE00]),
            (True, [0x0001]),
            (status(0xA700), [0xA700]),
            (status(0xFF00), [0xFF00, 0x0000]),
            (status(None), [0xC001]),
            (status(None, ErrorComment="no status"), [0xC001]),
            (None, [0xC002]),
            ("0xFF00", [0xC002]),
            (0.0, [0xC002]),
            ([0xFF00], [0xC002]),
        ],
        ids=repr,
    )
    def test_forms_of_a_status(
        self, start_scp: StartSCP, model: Any, answer: Any, expected: list[int]
    ) -> None:
        scp = SCP(start_scp, Handler((answer, MATCH)), model)
        assert scp.statuses(len(expected)) == expected

    @pytest.mark.parametrize("model", [WORKLIST, ONE_PATIENT], ids=["many", "one"])
    @pytest.mark.parametrize(
        "answer",
        [-1, 70000, status([0xFF00, 0x0000]), status(0xFF00, Priority=5)],
        ids=repr,
    )
    def test_status_that_cannot_be_sent(self, start_scp: StartSCP, model: Any, answer: Any) -> None:
        handler = Handler((answer, MATCH))
        assert SCP(start_scp, handler, model).is_aborted()
        assert handler.steps == ["closed"]

    def test_other_elements_are_those_of_one_response(
        self, start_scp: StartSCP, caplog: pytest.LogCaptureFixture
    ) -> None:
        told = status(
            0xFF01, ErrorComment="no such key", OffendingElement=0x00100020, PatientName="Nobody"
        )
        scp = SCP(start_scp, Handler((0xFF00, MATCH), (told, MATCH), (0xFF00, MATCH)))
        with scp.connect() as peer:
            peer.send(scp.request())
            found = [peer.read_message() for _ in range(4)]
            peer.release()
        assert [message.status for message in found] == [0xFF00, 0xFF01, 0xFF00, 0x0000]
        assert [COMMENT in message.elements for message in found] == [False, True, False, False]
        assert found[1].elements[COMMENT].strip() == b"no such key"
        assert found[1].elements[OFFENDING] == raw.us(0x0010, 0x0020)
        assert OFFENDING not in found[2].elements
        assert "'PatientName' of a handler's status has no place there" in caplog.text

    def test_status_that_is_changed_and_yielded_again(self, start_scp: StartSCP) -> None:
        def handle(event: Any) -> Iterator[Any]:
            answer = status(0xFF00)
            yield answer, MATCH
            answer.Status = 0xA700
            yield answer, None

        assert SCP(start_scp, handle).statuses(2) == [0xFF00, 0xA700]


class TestMatches:
    """What a handler may return and yield."""

    @pytest.mark.parametrize(
        "syntax", [UID(uid) for uid in DEFAULT_TRANSFER_SYNTAXES], ids=lambda uid: uid.name
    )
    @pytest.mark.parametrize("model", [WORKLIST, ONE_PATIENT], ids=["many", "one"])
    def test_transfer_syntaxes(self, start_scp: StartSCP, syntax: UID, model: Any) -> None:
        seen = []
        handler = Handler(lambda event: seen.append(event.identifier), (0xFF00, MATCH))
        scp = SCP(start_scp, handler, model, syntax)
        found, final = scp.ask(2)
        assert scp.decode(found) == MATCH
        assert final == Response(0x0000, None)
        assert seen == [data_set()]
        assert handler.event.context == (1, model, syntax)

    def test_bytes(self, start_scp: StartSCP) -> None:
        """What is encoded is what the standard says, not only what we decode ourselves."""
        name = Dataset()
        name.PatientName = "Doe^John"
        expected = {
            ImplicitVRLittleEndian: b"\x10\0\x10\0\x08\0\0\0Doe^John",
            ExplicitVRLittleEndian: b"\x10\0\x10\0PN\x08\0Doe^John",
            ExplicitVRBigEndian: b"\0\x10\0\x10PN\0\x08Doe^John",
        }
        for syntax, data in expected.items():
            found, _ = SCP(start_scp, Handler((0xFF00, name)), WORKLIST, syntax).ask(2)
            assert found == Response(0xFF00, data)

    @pytest.mark.parametrize(
        "form",
        [
            list,
            tuple,
            iter,
            lambda pairs: (pair for pair in pairs),
            lambda pairs: map(tuple, pairs),
            lambda pairs: dict(enumerate(pairs)).values(),
        ],
        ids=["list", "tuple", "iterator", "generator", "map", "view"],
    )
    def test_any_iterable(self, start_scp: StartSCP, form: Callable[[Any], Any]) -> None:
        matches = [(0xFF00, data_set(number=1)), [0xFF01, data_set(number=2)]]
        scp = SCP(start_scp, lambda event: form(matches))
        *found, final = scp.ask(3)
        assert [(rsp.status, scp.decode(rsp).InstanceNumber) for rsp in found] == [
            (0xFF00, 1),
            (0xFF01, 2),
        ]
        assert final == Response(0x0000, None)

    @pytest.mark.parametrize("model", [WORKLIST, ONE_PATIENT], ids=["many", "one"])
    @pytest.mark.parametrize("found", [None, [], iter(())], ids=["None", "list", "iterator"])
    def test_nothing(
        self, start_scp: StartSCP, model: Any, found: Any, caplog: pytest.LogCaptureFixture
    ) -> None:
        assert SCP(start_scp, lambda event: found, model).statuses() == [0x0000]
        assert complaints(caplog.records) == []

    @pytest.mark.parametrize(
        "found", [0xFF00, 0, False, object()], ids=lambda found: type(found).__name__
    )
    def test_nothing_to_iterate(
        self, start_scp: StartSCP, found: Any, caplog: pytest.LogCaptureFixture
    ) -> None:
        assert SCP(start_scp, lambda event: found).statuses() == [0xC311]
        assert complaints(caplog.records) == ["Exception in the handler of EVT_C_FIND"]
        assert "object is not iterable" in caplog.text

    @pytest.mark.parametrize(
        "item", [0xFF00, None, (), (0xFF00,), (0xFF00, MATCH, 1), MATCH, "F"], ids=repr
    )
    @pytest.mark.parametrize("count", [0, 2])
    def test_no_pair(
        self, start_scp: StartSCP, item: Any, count: int, caplog: pytest.LogCaptureFixture
    ) -> None:
        handler = Handler(*[(0xFF00, MATCH)] * count, item)
        assert SCP(start_scp, handler).is_aborted(count)
        assert handler.steps == [*["yielded"] * count, "closed"]
        assert (
            f"must yield two things, a status and a data set or None; it yielded '{type(item)}'"
            in (caplog.text.replace(type(item).__name__ + "'", f"{type(item)}'"))
        )

    @pytest.mark.parametrize(
        ("identifier", "reason"),
        [
            (None, "not 'NoneType'"),
            (Dataset(), "not 'empty'"),
            ({"PatientName": "x"}, "not 'dict'"),
            (b"\x10\0\x10\0\x02\0\0\0AB", "not 'bytes'"),
            (unencodable(), "The data set cannot be encoded: "),
        ],
        ids=["None", "empty", "dict", "bytes", "unencodable"],
    )
    @pytest.mark.parametrize(
        "syntax", [ImplicitVRLittleEndian, DEFLATED], ids=["plain", "deflated"]
    )
    @pytest.mark.parametrize("model", [WORKLIST, ONE_PATIENT], ids=["many", "one"])
    def test_match_that_cannot_be_sent(
        self,
        start_scp: StartSCP,
        model: Any,
        syntax: UID,
        identifier: Any,
        reason: str,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        handler = Handler(
            (status(0xFF00, ErrorComment="not for 0xC312"), identifier), (0xFF00, MATCH)
        )
        scp = SCP(start_scp, handler, model, syntax)
        with scp.connect() as peer:
            peer.send(scp.request())
            found = peer.read_message()
            assert peer.echo(2, 3) == 0x0000
            peer.release()
        assert (found.status, found.data) == (0xC312, None)
        assert COMMENT not in found.elements
        assert handler.steps == ["closed"]
        assert reason in caplog.text

    def test_after_matches_were_sent(self, start_scp: StartSCP) -> None:
        handler = Handler((0xFF00, MATCH), (0xFF01, unencodable()), (0xFF00, MATCH))
        assert SCP(start_scp, handler).statuses(2) == [0xFF00, 0xC312]
        assert handler.steps == ["yielded", "closed"]

    @pytest.mark.parametrize("code", [0x0000, 0xA700, 0xA900, 0xC001, 0xFE00, 0x0122])
    def test_final_status(self, start_scp: StartSCP, code: int) -> None:
        handler = Handler((0xFF00, MATCH), (code, MATCH), (0xFF00, MATCH))
        assert SCP(start_scp, handler).statuses(2) == [0xFF00, code]
        assert handler.steps == ["yielded", "closed"]

    @pytest.mark.parametrize("code", [0xB001, 0x0107, 0x0116])
    def test_warning(self, start_scp: StartSCP, code: int) -> None:
        handler = Handler((code, MATCH), (0xFF00, MATCH), (code, None))
        assert SCP(start_scp, handler).statuses(4) == [code, 0xFF00, code, 0x0000]
        assert handler.steps == ["yielded"] * 3 + ["ended", "closed"]

    def test_many(self, start_scp: StartSCP) -> None:
        scp = SCP(start_scp, lambda event: ((0xFF00, data_set(number=n)) for n in range(2000)))
        *found, final = scp.ask(2001)
        assert [scp.decode(response).InstanceNumber for response in found] == list(range(2000))
        assert final == Response(0x0000, None)

    def test_several_requests(self, start_scp: StartSCP) -> None:
        """Requests that wait are served in turn, each with its own message ID."""
        scp = SCP(start_scp, lambda event: [(0xFF00, data_set(number=event.message_id))])
        with scp.connect() as peer:
            peer.send(*(scp.request(number) for number in (7, 8, 65535)))
            for number in (7, 8, 65535):
                match = read(peer, message_id=number)
                assert scp.decode(match).InstanceNumber == number
                assert read(peer, message_id=number) == Response(0x0000, None)
            peer.release()

    @pytest.mark.parametrize("missing", [raw.MESSAGE_ID, raw.PRIORITY])
    def test_request_without_an_element(self, start_scp: StartSCP, missing: int) -> None:
        """Some peers leave them out, and get an answer nevertheless."""
        scp = SCP(start_scp, lambda event: [(0xFF00, MATCH)])
        data = encode(MATCH, True, True)
        with scp.connect() as peer:
            peer.send(raw.message(raw.without(find_rq(), missing), 1, data))
            message_id = 0 if missing == raw.MESSAGE_ID else 1
            assert read(peer, message_id=message_id).status == 0xFF00
            assert read(peer, message_id=message_id).status == 0x0000
            peer.release()

    def test_empty_identifier(self, start_scp: StartSCP) -> None:
        handler = Handler(lambda event: seen.append(event.identifier))
        seen: list[Dataset] = []
        scp = SCP(start_scp, handler)
        with scp.connect() as peer:
            peer.send(raw.message(find_rq(), 1, b""))
            assert read(peer) == Response(0x0000, None)
            peer.release()
        assert seen == [Dataset()]


class TestOneMatch:
    """Relevant Patient Information Query: only the first thing counts (PS3.4 Q)."""

    @pytest.mark.parametrize("model", ONE, ids=lambda model: model.keyword)
    def test_match(self, start_scp: StartSCP, model: Any) -> None:
        handler = Handler((0xFF00, MATCH), (0xFF00, data_set("Other")))
        scp = SCP(start_scp, handler, model)
        found, final = scp.ask(2)
        assert scp.decode(found) == MATCH
        assert final == Response(0x0000, None)
        assert handler.steps == ["closed"]

    def test_list(self, start_scp: StartSCP) -> None:
        scp = SCP(start_scp, lambda event: [(0xFF00, MATCH)], ONE_PATIENT)
        assert scp.statuses(2) == [0xFF00, 0x0000]

    def test_other_pending(self, start_scp: StartSCP, caplog: pytest.LogCaptureFixture) -> None:
        """It is none of the service's, but whoever gets it waits for another response."""
        scp = SCP(start_scp, Handler((0xFF01, MATCH)), ONE_PATIENT)
        assert scp.statuses(2) == [0xFF01, 0x0000]
        assert "0xFF01 is no status of RelevantPatientInformation" in caplog.text

    @pytest.mark.parametrize("code", [0x0107, 0x0116, 0xFE00, 0x0000, 0xA900, 0xC100, 0xC200])
    def test_other_status(self, start_scp: StartSCP, code: int) -> None:
        handler = Handler((code, MATCH), (0xFF00, MATCH))
        assert SCP(start_scp, handler, ONE_PATIENT).statuses() == [code]
        assert handler.steps == ["closed"]

    @pytest.mark.parametrize("item", [0xFF00, None, (0xFF00,), (0xFF00, MATCH, 1), "F"], ids=repr)
    def test_no_pair(
        self, start_scp: StartSCP, item: Any, caplog: pytest.LogCaptureFixture
    ) -> None:
        assert SCP(start_scp, Handler(item), ONE_PATIENT).statuses() == [0x0000]
        (line,) = complaints(caplog.records)
        assert line.startswith("The handler of EVT_C_FIND must yield two things")

    @pytest.mark.parametrize("found", [0xFF00, object()], ids=lambda found: type(found).__name__)
    def test_nothing_to_iterate(
        self, start_scp: StartSCP, found: Any, caplog: pytest.LogCaptureFixture
    ) -> None:
        assert SCP(start_scp, lambda event: found, ONE_PATIENT).statuses() == [0x0000]
        assert "object is not iterable" in caplog.text


def fail_at_once(error: Exception) -> Callable[[Any], Any]:
    def handle(event: Any) -> Any:
        raise error

    return handle


class TestFailures:
    """Handlers that raise, or that are not there."""

    @pytest.mark.parametrize("model", [WORKLIST, ONE_PATIENT], ids=["many", "one"])
    def test_unbound(
        self, start_scp: StartSCP, model: Any, caplog: pytest.LogCaptureFixture
    ) -> None:
        assert SCP(start_scp, None, model).statuses() == [0xC311]
        assert "C-FIND request refused: no handler is bound to EVT_C_FIND" in caplog.text
        assert "Traceback" not in caplog.text

    @pytest.mark.parametrize("model", [WORKLIST, ONE_PATIENT], ids=["many", "one"])
    @pytest.mark.parametrize("error", [ValueError, TypeError, NotImplementedError, StopIteration])
    @pytest.mark.parametrize("form", [fail_at_once, Handler], ids=["function", "generator"])
    def test_raises(
        self,
        start_scp: StartSCP,
        model: Any,
        error: type[Exception],
        form: Callable[[Exception], Any],
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        """A TypeError of a query for one patient counts as: there is none."""
        expected = 0x0000 if (model, error) == (ONE_PATIENT, TypeError) else 0xC311
        assert SCP(start_scp, form(error("it is broken")), model).statuses() == [expected]
        assert complaints(caplog.records)[0] == "Exception in the handler of EVT_C_FIND"
        assert caplog.text.count(f"{error.__name__}: it is broken") == 1

    @pytest.mark.parametrize("model", [WORKLIST, ONE_PATIENT], ids=["many", "one"])
    def test_limit_exceeded(
        self, start_scp: StartSCP, model: Any, caplog: pytest.LogCaptureFixture
    ) -> None:
        scp = SCP(start_scp, Handler(DataSetLimitError("too deep")), model)
        assert scp.statuses() == [0xC000]
        assert complaints(caplog.records) == ["C-FIND request refused: too deep"]

    def test_raises_after_matches(self, start_scp: StartSCP) -> None:
        handler = Handler((0xFF00, MATCH), (0xFF01, MATCH), LookupError("no more"))
        assert SCP(start_scp, handler).statuses(3) == [0xFF00, 0xFF01, 0xC311]

    def test_raises_after_the_end(
        self, start_scp: StartSCP, caplog: pytest.LogCaptureFixture
    ) -> None:
        """What comes after the final response is not asked for."""
        handler = Handler((0xFE00, None), LookupError("never"))
        assert SCP(start_scp, handler).statuses() == [0xFE00]
        assert "never" not in caplog.text

    @pytest.mark.parametrize("model", [WORKLIST, ONE_PATIENT], ids=["many", "one"])
    def test_cannot_be_closed(
        self, start_scp: StartSCP, model: Any, caplog: pytest.LogCaptureFixture
    ) -> None:
        """A generator that raises when it is closed, and one that goes on: both are logged."""

        def clean_up_badly(event: Any) -> Iterator[Any]:
            try:
                yield 0xA700, None
            finally:
                raise OSError("cannot clean up")

        def go_on(event: Any) -> Iterator[Any]:
            try:
                yield 0xA700, None
            finally:
                yield 0xFF00, MATCH

        for handler, text in [
            (clean_up_badly, "OSError: cannot clean up"),
            (go_on, "RuntimeError: generator ignored GeneratorExit"),
        ]:
            assert SCP(start_scp, handler, model).statuses() == [0xA700]
            assert caplog.text.count(text) == 1

    def test_iterator_without_close(self, start_scp: StartSCP) -> None:
        assert SCP(start_scp, lambda event: iter([(0xA700, None)] * 2)).statuses() == [0xA700]


class TestCancel:
    """The library tells of a C-CANCEL; what to do about it is up to the handler."""

    @pytest.mark.parametrize("before", [0, 1, 3])
    def test_cancelled(self, start_scp: StartSCP, before: int) -> None:
        signal, seen = Signal(), []

        def handle(event: Any) -> Iterator[Any]:
            seen.append(event.is_cancelled)
            yield from [(0xFF00, MATCH)] * before
            signal(event)
            seen.extend([event.is_cancelled, event.is_cancelled])
            yield 0xFE00, None

        scp = SCP(start_scp, handle)
        with scp.connect() as peer:
            peer.send(scp.request(5))
            signal.wait()
            peer.send(raw.message(raw.cancel_rq(5)))
            codes = [read(peer, message_id=5).status for _ in range(before + 1)]
            assert peer.echo(2, 3) == 0x0000
            peer.release()
        assert codes == [0xFF00] * before + [0xFE00]
        assert seen == [False, True, False]

    def test_seen_though_the_handler_only_yields(self, start_scp: StartSCP) -> None:
        """Each response is preceded by a look at what the peer has sent."""
        signal = Signal()

        def handle(event: Any) -> Iterator[Any]:
            signal(event)
            yield 0xFF00, MATCH
            cancelled.append(event.message_id in event.assoc.dimse.cancelled)

        cancelled: list[bool] = []
        scp = SCP(start_scp, handle)
        with scp.connect() as peer:
            peer.send(scp.request(5))
            signal.wait()
            peer.send(raw.message(raw.cancel_rq(5)))
            assert [read(peer, message_id=5).status for _ in range(2)] == [0xFF00, 0x0000]
            peer.release()
        assert cancelled == [True]

    def test_ignored_by_the_handler(self, start_scp: StartSCP) -> None:
        signal = Signal()
        scp = SCP(start_scp, Handler((0xFF00, MATCH), signal, (0xFF00, MATCH)))
        with scp.connect() as peer:
            peer.send(scp.request())
            signal.wait()
            peer.send(raw.message(raw.cancel_rq(1)))
            assert [read(peer).status for _ in range(3)] == [0xFF00, 0xFF00, 0x0000]
            peer.release()

    def test_too_late(self, start_scp: StartSCP) -> None:
        """A C-CANCEL after the final response has no effect, not even on a later request."""
        seen: list[bool] = []
        scp = SCP(start_scp, Handler(lambda event: seen.append(event.is_cancelled)))
        with scp.connect() as peer:
            for _ in range(2):
                peer.send(scp.request(9))
                assert read(peer, message_id=9).status == 0x0000
                peer.send(raw.message(raw.cancel_rq(9)))
                assert peer.echo(2, 3) == 0x0000
            peer.release()
        assert seen == [False, False]

    def test_of_another_request(self, start_scp: StartSCP) -> None:
        signal, seen = Signal(), []
        scp = SCP(
            start_scp, Handler(signal, lambda event: seen.append(event.is_cancelled), (0, None))
        )
        with scp.connect() as peer:
            peer.send(scp.request(1))
            signal.wait()
            peer.send(raw.message(raw.cancel_rq(2)))
            assert read(peer).status == 0x0000
            peer.release()
        assert seen == [False]


class TestEarlyEnd:
    """Associations that end while matches are sent: nothing more is, and the handler is closed."""

    @pytest.mark.parametrize("model", [WORKLIST, ONE_PATIENT], ids=["many", "one"])
    @pytest.mark.parametrize("end", ["abort", "close", "reset"])
    def test_by_the_peer(self, start_scp: StartSCP, model: Any, end: str) -> None:
        signal = Signal()
        matches = [(0xFF00, MATCH)] if model in MANY else []
        handler = Handler(*matches, signal, (0xFF00, MATCH), (0xFF00, MATCH))
        scp = SCP(start_scp, handler, model)
        with scp.connect() as peer:
            peer.send(scp.request())
            for _ in matches:
                read(peer)
            signal.wait()
            if end == "abort":
                peer.send(raw.abort())
            else:
                getattr(peer, end)()
        join(scp.log.wait_for("ABORTED").assoc)
        assert handler.steps == [*["yielded"] * len(matches), "closed"]
        assert len(scp.log.all("DIMSE_SENT")) == len(matches)

    @pytest.mark.parametrize("model", [WORKLIST, ONE_PATIENT], ids=["many", "one"])
    @pytest.mark.parametrize("rest", [[(0xFF00, MATCH)], [ValueError("too late")], []], ids=repr)
    def test_release_by_the_peer(self, start_scp: StartSCP, model: Any, rest: list[Any]) -> None:
        """It has no use for more; the release is answered as soon as the handler yields."""
        signal = Signal()
        handler = Handler(signal, *rest)
        scp = SCP(start_scp, handler, model)
        with scp.connect() as peer:
            peer.send(scp.request())
            signal.wait()
            peer.release()
        join(scp.log.wait_for("RELEASED").assoc)
        assert handler.steps[-1] == "closed"
        assert "yielded" not in handler.steps
        assert scp.log.all("DIMSE_SENT") == []

    @pytest.mark.parametrize("model", [WORKLIST, ONE_PATIENT], ids=["many", "one"])
    @pytest.mark.parametrize("rest", [[(0xFF00, MATCH)], [(0, None)], [KeyError()], []], ids=repr)
    def test_abort_by_the_handler(self, start_scp: StartSCP, model: Any, rest: list[Any]) -> None:
        handler = Handler(lambda event: event.assoc.abort(), *rest)
        scp = SCP(start_scp, handler, model)
        assert scp.is_aborted()
        assert handler.steps[-1] == "closed"
        assert "yielded" not in handler.steps
        assert scp.log.all("DIMSE_SENT") == []

    def test_abort_by_the_handler_after_a_match(self, start_scp: StartSCP) -> None:
        handler = Handler((0xFF00, MATCH), lambda event: event.assoc.abort(), (0xFF00, MATCH))
        scp = SCP(start_scp, handler)
        assert scp.is_aborted(1)
        assert handler.steps == ["yielded", "closed"]
        assert len(scp.log.all("DIMSE_SENT")) == 1

    @pytest.mark.parametrize("count", [0, 1])
    def test_release_by_the_handler(self, start_scp: StartSCP, count: int) -> None:
        handler = Handler(
            *[(0xFF00, MATCH)] * count, lambda event: event.assoc.release(), (0xFF00, MATCH)
        )
        scp = SCP(start_scp, handler)
        with scp.connect() as peer:
            peer.send(scp.request())
            for _ in range(count):
                read(peer)
            peer.agree_to_release()
        join(scp.log.wait_for("RELEASED").assoc)
        assert handler.steps == [*["yielded"] * count, "closed"]
        assert len(scp.log.all("DIMSE_SENT")) == count

    def test_abort_by_another_thread(self, start_scp: StartSCP) -> None:
        handler = Handler((0xFF00, MATCH), wait_for_end, (0xFF00, MATCH))
        scp = SCP(start_scp, handler)
        with scp.connect() as peer:
            peer.send(scp.request())
            read(peer)
            handler.event.assoc.abort()
            assert peer.expect_abort() == (0, 0)
        join(handler.event.assoc)
        assert handler.steps == ["yielded", "closed"]

    def test_peer_that_hangs_up_while_more_is_sent(self, start_scp: StartSCP) -> None:
        """The response that can't be sent ends the operation."""
        large = Dataset()
        large.TextValue = "x" * 60000
        handler = Handler(*[(0xFF00, large)] * 1000)
        scp = SCP(start_scp, handler)
        with raw.connect(scp.port, receive_buffer=4096) as peer:
            peer.request(raw.proposal(1, WORKLIST.encode(), raw.IMPLICIT))
            peer.send(scp.request())
            read(peer)
        join(scp.log.wait_for("ABORTED").assoc)
        assert handler.steps[-1] == "closed"
        assert len(handler.steps) < 1000


class TestContexts:
    """Which requests the service classes serve."""

    def test_context_of_another_operation(
        self, start_scp: StartSCP, caplog: pytest.LogCaptureFixture
    ) -> None:
        handler = Handler((0xFF00, MATCH))
        scp = SCP(start_scp, handler)
        with scp.connect() as peer:
            peer.send(raw.message(find_rq(), 3, encode(MATCH, True, True)))
            assert peer.expect_abort() == (0, 0)
        join(scp.log.wait_for("ABORTED").assoc)
        assert "C-FIND is not the operation of Verification SOP Class" in caplog.text
        assert handler.event is None

    def test_operation_that_is_none(
        self, start_scp: StartSCP, caplog: pytest.LogCaptureFixture
    ) -> None:
        scp = SCP(start_scp, Handler(), ONE_PATIENT)
        with scp.connect() as peer:
            peer.send(raw.message(raw.store_rq(1, sop_class=ONE_PATIENT.encode()), 1, b"\0" * 8))
            assert peer.expect_abort() == (0, 0)
        join(scp.log.wait_for("ABORTED").assoc)
        assert "does not serve C-STORE requests" in caplog.text

    @pytest.mark.parametrize(
        ("service", "operation"),
        [
            (QueryRetrieveServiceClass, "C-FIND"),
            (BasicWorklistManagementServiceClass, ""),
            (SubstanceAdministrationQueryServiceClass, ""),
            (RelevantPatientInformationQueryServiceClass, ""),
        ],
    )
    def test_private_sop_class(
        self, start_scp: StartSCP, service: Any, operation: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(sop_class, "_SOP_CLASSES", {**sop_class._SOP_CLASSES})
        monkeypatch.setattr(sop_class, "PrivateQuery", None, raising=False)
        del sop_class.PrivateQuery
        register_uid("1.2.246.1", "PrivateQuery", service, operation)
        scp = SCP(start_scp, Handler((0xFF00, MATCH)), sop_class.PrivateQuery)
        assert scp.statuses(2) == [0xFF00, 0x0000]


class TestLogs:
    """Identifiers in the log, if they are wanted there."""

    @pytest.fixture(autouse=True)
    def _level(self, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.DEBUG, "pynetdicom")

    @pytest.mark.parametrize("requests", [True, False])
    @pytest.mark.parametrize("responses", [True, False])
    def test_identifiers(
        self,
        start_scp: StartSCP,
        requests: bool,
        responses: bool,
        caplog: pytest.LogCaptureFixture,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr(_config, "LOG_REQUEST_IDENTIFIERS", requests)
        monkeypatch.setattr(_config, "LOG_RESPONSE_IDENTIFIERS", responses)
        scp = SCP(start_scp, Handler((0xFF00, data_set("Found^One"))))
        assert scp.statuses(2) == [0xFF00, 0x0000]
        records = {record.getMessage(): record.levelname for record in caplog.records}
        levels = {
            text.partition(":")[0]: level
            for text, level in records.items()
            if "identifier:" in text
        }
        assert levels == {
            **({"C-FIND request identifier": "INFO"} if requests else {}),
            **({"C-FIND response identifier": "DEBUG"} if responses else {}),
        }
        assert ("[Doe^John]" in caplog.text) is requests
        assert ("[Found^One]" in caplog.text) is responses

    def test_identifier_that_is_corrupt(
        self, start_scp: StartSCP, caplog: pytest.LogCaptureFixture
    ) -> None:
        scp = SCP(start_scp, lambda event: None, syntax=DEFLATED)
        with scp.connect() as peer:
            peer.send(raw.message(find_rq(), 1, b"\xff" * 16))
            assert read(peer) == Response(0x0000, None)
            peer.release()
        assert "C-FIND request identifier can't be decoded: " in caplog.text

    def test_what_cannot_be_logged(
        self,
        start_scp: StartSCP,
        caplog: pytest.LogCaptureFixture,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        def fail(*args: Any) -> Any:
            raise RecursionError

        monkeypatch.setattr("pynetdicom.dsutils.pretty_dataset", fail)
        assert SCP(start_scp, Handler((0xFF00, MATCH))).statuses(2) == [0xFF00, 0x0000]
        assert caplog.text.count("(can't be shown)") == 2
        assert complaints(caplog.records) == []
