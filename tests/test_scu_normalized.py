"""What an association asks of its peer: the services of DIMSE-N."""

from __future__ import annotations

import threading
from collections.abc import Callable
from struct import pack
from typing import Any, NamedTuple

import pytest
from pydicom.dataset import Dataset
from pydicom.uid import DeflatedExplicitVRLittleEndian

from pynetdicom import AE, Association, build_role, evt
from pynetdicom.sop_class import (
    BasicFilmSession,
    BasicGrayscalePrintManagementMeta,
    StorageCommitmentPushModel,
    UnifiedProcedureStepPull,
    UnifiedProcedureStepPush,
    UnifiedProcedureStepWatch,
)
from tests.support import raw
from tests.support.associations import ECHO, SOON, association, join, port_of
from tests.support.requests import (
    COMMENT,
    ERROR_ID,
    PATIENT_12,
    USELESS,
    answer,
    answering,
    asking,
    patient,
    uselessly,
)
from tests.support.watch import complaints

StartSCP = Callable[..., Any]

INSTANCE = "1.2.3.4"
REQUESTED_CLASS, REQUESTED_INSTANCE = 0x0003, 0x1001
EVENT_TYPE, IDENTIFIERS, ACTION_TYPE = 0x1002, 0x1005, 0x1008


class Service(NamedTuple):
    """A DIMSE-N service as an SCU sees it.

    Attributes
    ----------
    name : str
        The last part of the name of its method.
    field : int
        The command field of its request.
    before : list
        The arguments before the UIDs.
    elements : dict
        The elements that these arguments are in the request.
    data : bytes or None
        The data set of the request.
    sop_class, instance : int
        The elements of the request with the UIDs.
    """

    name: str
    field: int
    before: list[Any]
    elements: dict[int, bytes]
    data: bytes | None
    sop_class: int = REQUESTED_CLASS
    instance: int = REQUESTED_INSTANCE

    def send(self, assoc: Any, *more: Any, sop_class: Any = BasicFilmSession, **named: Any) -> Any:
        """Send a request; return what it returns, that of N-DELETE with None."""
        method = getattr(assoc, f"send_n_{self.name}")
        result = method(*self.before, sop_class, INSTANCE, *more, **named)
        return (result, None) if self.name == "delete" else result


SERVICES = [
    Service(
        "event_report",
        0x0100,
        [patient(), 3],
        {EVENT_TYPE: raw.us(3)},
        PATIENT_12,
        raw.SOP_CLASS,
        raw.SOP_INSTANCE,
    ),
    Service("get", 0x0110, ["PatientID"], {IDENTIFIERS: pack("<HH", 0x0010, 0x0020)}, None),
    Service("set", 0x0120, [patient()], {}, PATIENT_12),
    Service("action", 0x0130, [patient(), 4], {ACTION_TYPE: raw.us(4)}, PATIENT_12),
    Service("create", 0x0140, [patient()], {}, PATIENT_12, raw.SOP_CLASS, raw.SOP_INSTANCE),
    Service("delete", 0x0150, [], {}, None),
]
WITH_REPLY = [service for service in SERVICES if service.name != "delete"]
CONTEXTS = [ECHO, BasicFilmSession]


def name_of(service: Service) -> str:
    return service.name


@pytest.fixture(params=SERVICES, ids=name_of)
def service(request: Any) -> Any:
    return request.param


def send_one(service: Service, *values: Any, contexts: Any = CONTEXTS) -> tuple[Any, Any]:
    """Send a request that is answered with a status, a data set and more elements."""
    with asking(answering(values), contexts) as assoc:
        result = service.send(assoc)
        assert assoc.is_established
    return result


class TestRequest:
    def test_as_it_is_sent(self, service: Service) -> None:
        requests: list[raw.Message] = []

        def script(peer: raw.Peer) -> None:
            for _ in range(2):
                requests.append(peer.read_message())
                peer.send(answer(requests[-1]))

        with asking(script, CONTEXTS) as assoc:
            service.send(assoc)
            service.send(assoc, 65535)
        kind = raw.NO_DATA_SET if service.data is None else raw.HAS_DATA_SET
        for request, number in zip(requests, (1, 65535), strict=True):
            assert raw.without(request.elements, 0x0000) == {
                **service.elements,
                service.sop_class: raw.ui(BasicFilmSession.encode()),
                service.instance: raw.ui(INSTANCE.encode()),
                raw.COMMAND_FIELD: raw.us(service.field),
                raw.MESSAGE_ID: raw.us(number),
                raw.DATA_SET_TYPE: raw.us(kind),
            }
            assert (request.context_id, request.data) == (3, service.data)

    @pytest.mark.parametrize("empty", [None, Dataset()])
    @pytest.mark.parametrize("name", ["event_report", "action", "create"])
    def test_without_data_set(self, name: str, empty: Dataset | None) -> None:
        (service,) = (service for service in SERVICES if service.name == name)
        requests: list[raw.Message] = []

        def script(peer: raw.Peer) -> None:
            requests.append(peer.read_message())
            peer.send(answer(requests[0]))

        with asking(script, CONTEXTS) as assoc:
            service._replace(before=[empty, *service.before[1:]]).send(assoc)
        assert requests[0].number(raw.DATA_SET_TYPE) == raw.NO_DATA_SET
        assert requests[0].data is None

    @pytest.mark.parametrize("empty", [None, Dataset()])
    def test_set_needs_one(self, empty: Any) -> None:
        with (
            asking(lambda peer: None, CONTEXTS) as assoc,
            pytest.raises(ValueError, match="Modification List of an N-SET request must not be"),
        ):
            assoc.send_n_set(empty, BasicFilmSession, INSTANCE)

    @pytest.mark.parametrize(
        ("identifiers", "expected"),
        [
            (None, None),
            ([], None),
            (0x00100020, (0x0010, 0x0020)),
            ((0x0010, 0x0020), (0x0010, 0x0020)),
            ("PatientID", (0x0010, 0x0020)),
            (["PatientID", 0x00100010], (0x0010, 0x0020, 0x0010, 0x0010)),
            ([(0x0008, 0x0018)], (0x0008, 0x0018)),
        ],
    )
    def test_identifiers_to_get(self, identifiers: Any, expected: tuple[int, ...] | None) -> None:
        def script(peer: raw.Peer) -> None:
            request = peer.read_message()
            value = expected and pack(f"<{len(expected)}H", *expected)
            assert request.elements.get(IDENTIFIERS) == value
            peer.send(answer(request))

        with asking(script, CONTEXTS) as assoc:
            status, _ = assoc.send_n_get(identifiers, BasicFilmSession, INSTANCE)
            assert status.Status == 0x0000

    def test_in_the_context_of_a_meta_class(self, service: Service) -> None:
        def script(peer: raw.Peer) -> None:
            request = peer.read_message()
            assert request.context_id == 3
            assert request.elements[service.sop_class] == raw.ui(BasicFilmSession.encode())
            peer.send(answer(request))

        with asking(script, [ECHO, BasicGrayscalePrintManagementMeta]) as assoc:
            with pytest.raises(ValueError, match="none was proposed"):
                service.send(assoc)
            status, _ = service.send(assoc, meta_uid=BasicGrayscalePrintManagementMeta)
            assert status.Status == 0x0000

    def test_unified_procedure_step(self, service: Service) -> None:
        def script(peer: raw.Peer) -> None:
            request = peer.read_message()
            assert request.context_id == 3
            pushed = raw.ui(UnifiedProcedureStepPush.encode())
            assert request.elements[service.sop_class] == pushed
            peer.send(answer(request))

        contexts = [ECHO, UnifiedProcedureStepWatch, UnifiedProcedureStepPull]
        with asking(script, contexts) as assoc:
            status, _ = service.send(assoc, sop_class=UnifiedProcedureStepPush)
            assert status.Status == 0x0000

    def test_role(self, service: Service) -> None:
        """Events are reported by an SCP, mostly; all else needs the role of SCU."""
        answers = {"user": raw.user_information(raw.roles(BasicFilmSession.encode(), 0, 1))}
        is_report = service.name == "event_report"
        with asking(
            answering((0x0000,)) if is_report else lambda peer: None,
            CONTEXTS,
            answers=answers,
            ext_neg=[build_role(BasicFilmSession, scp_role=True)],
        ) as assoc:
            if is_report:
                assert service.send(assoc)[0].Status == 0x0000
            else:
                with pytest.raises(ValueError, match="role of SCU was not agreed"):
                    service.send(assoc)

    @pytest.mark.parametrize(
        ("more", "error"),
        [
            ({"msg_id": None}, TypeError),
            ({"msg_id": "1"}, TypeError),
            ({"msg_id": 65536}, ValueError),
            ({"sop_class": None}, TypeError),
            ({"sop_class": 7}, TypeError),
            ({"sop_class": ""}, ValueError),
            ({"sop_class": "1.2.3"}, ValueError),
            ({"meta_uid": "1.2.3"}, ValueError),
        ],
    )
    def test_that_cannot_be_sent(
        self, service: Service, more: dict[str, Any], error: type[Exception]
    ) -> None:
        with asking(answering((0x0000,)), CONTEXTS) as assoc:
            with pytest.raises(error):
                service.send(assoc, **more)
            assert assoc.send_c_echo().Status == 0x0000

    @pytest.mark.parametrize(
        ("name", "before", "error"),
        [
            ("get", ["NoSuchKeyword"], ValueError),
            ("get", [[None]], ValueError),
            ("action", [None, "1"], TypeError),
            ("action", [None, None], TypeError),
            ("action", [None, 65536], ValueError),
            ("action", ["PatientID", 1], ValueError),
            ("event_report", [None, 1.5], TypeError),
            ("event_report", [None, -1], ValueError),
            ("create", [{"PatientID": 1}], ValueError),
            ("set", [7], ValueError),
        ],
    )
    def test_arguments(self, name: str, before: list[Any], error: type[Exception]) -> None:
        with asking(lambda peer: None, CONTEXTS) as assoc, pytest.raises(error):
            getattr(assoc, f"send_n_{name}")(*before, BasicFilmSession, INSTANCE)

    @pytest.mark.parametrize("name", [s.name for s in SERVICES if s.name != "create"])
    def test_instance_is_needed(self, name: str) -> None:
        (service,) = (service for service in SERVICES if service.name == name)
        with asking(lambda peer: None, CONTEXTS) as assoc:
            send = getattr(assoc, f"send_n_{name}")
            with pytest.raises(TypeError, match=r"SOPInstanceUID.*must not be None"):
                send(*service.before, BasicFilmSession, None)
            with pytest.raises(ValueError, match=r"SOPInstanceUID.*must not be empty"):
                send(*service.before, BasicFilmSession, "")

    def test_not_established(self, service: Service) -> None:
        with pytest.raises(RuntimeError, match="must be established"):
            service.send(Association(AE(), "requestor"))


class TestResponse:
    @pytest.mark.parametrize("status", [0x0000, 0x0001, 0x0107, 0x0116, 0xB600])
    @pytest.mark.parametrize("data", [None, b"", PATIENT_12])
    def test_success_or_warning(self, service: Service, status: int, data: bytes | None) -> None:
        if service.name == "delete":  # whose response has no data set
            data = None
        found, reply = send_one(service, status, data)
        assert found.Status == status
        if service.name != "delete":
            assert reply == (patient() if data else Dataset())

    @pytest.mark.parametrize("status", [0x0110, 0x0122, 0xA700, 0xC112, 0xFE00, 0xFF00, 0x9999])
    def test_other_status(self, service: Service, status: int) -> None:
        data = None if service.name == "delete" else PATIENT_12
        found, reply = send_one(service, status, data)
        assert (found.Status, reply) == (status, None)

    def test_another_request_may_follow_any_status(self, service: Service) -> None:
        def script(peer: raw.Peer) -> None:
            for _ in range(2):
                answering((0xFF00,))(peer)

        with asking(script, CONTEXTS) as assoc:
            for _ in range(2):
                assert service.send(assoc)[0].Status == 0xFF00

    @pytest.mark.parametrize("service", WITH_REPLY, ids=name_of)
    def test_reply_that_cannot_be_decoded(
        self, service: Service, caplog: pytest.LogCaptureFixture
    ) -> None:
        contexts = [ECHO, (BasicFilmSession, DeflatedExplicitVRLittleEndian)]
        found, reply = send_one(service, 0x0000, b"\xff" * 8, contexts=contexts)
        assert (found.Status, reply) == (0x0110, None)
        (line,) = complaints(caplog.records)
        assert f"N-{service.name.upper().replace('_', '-')}:" in line

    def test_status_elements(self, service: Service) -> None:
        more = {
            COMMENT: b"why",
            ERROR_ID: raw.us(77),
            raw.SOP_CLASS: raw.ui(b"1.2.3"),
            raw.SOP_INSTANCE: raw.ui(b"1.2.3.5"),
            EVENT_TYPE: raw.us(3),
            ACTION_TYPE: raw.us(4),
            IDENTIFIERS: pack("<4H", 0x0010, 0x0010, 0x0010, 0x0020),
        }
        found, _ = send_one(service, 0x0110, None, more)
        expected = {"Status": 0x0110, "ErrorComment": "why", "ErrorID": 77}
        if service.name == "event_report":
            expected["AffectedSOPClassUID"] = "1.2.3"
            expected["AffectedSOPInstanceUID"] = "1.2.3.5"
            expected["EventTypeID"] = 3
        if service.name in ("get", "set", "action"):
            expected["AttributeIdentifierList"] = [0x00100010, 0x00100020]
        assert {element.keyword: element.value for element in found} == expected

    @pytest.mark.parametrize("given", [INSTANCE, None])
    @pytest.mark.parametrize("assigned", [b"1.2.3.99", b"not a uid", None])
    def test_instance_that_the_peer_created(
        self, given: str | None, assigned: bytes | None
    ) -> None:
        def script(peer: raw.Peer) -> None:
            request = peer.read_message()
            assert request.elements.get(raw.SOP_INSTANCE) == (
                raw.ui(given.encode()) if given else None
            )
            more = {raw.SOP_INSTANCE: assigned and raw.ui(assigned)}
            peer.send(answer(request, 0x0000, PATIENT_12, more))

        with asking(script, CONTEXTS) as assoc:
            status, attributes = assoc.send_n_create(None, BasicFilmSession, given)
        assert (status.Status, attributes) == (0x0000, patient())
        if assigned and not given:
            assert status.AffectedSOPInstanceUID == assigned.decode()
        else:
            assert "AffectedSOPInstanceUID" not in status

    @pytest.mark.parametrize("kind", USELESS)
    def test_no_valid_response(self, service: Service, kind: str) -> None:
        ae = AE()
        if kind == "silence":
            ae.dimse_timeout = SOON
        with (
            raw.serving(uselessly(kind)) as server,
            association(server.port, CONTEXTS, ae) as assoc,
        ):
            assert service.send(assoc) == (Dataset(), None)
            join(assoc)
            assert assoc.is_aborted

    def test_peer_that_takes_no_data(self, service: Service) -> None:
        def script(peer: raw.Peer) -> None:
            peer.accept(user=raw.user_information(maximum_length=7))
            peer.expect(raw.ABORT)

        with raw.serving(script) as server, association(server.port, CONTEXTS) as assoc:
            assert service.send(assoc) == (Dataset(), None)
            assert assoc.is_aborted

    def test_waiting_can_be_interrupted(
        self, service: Service, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The response that comes later is dropped; nothing is cancelled."""
        interrupted = threading.Event()

        def interrupt(*args: object) -> None:
            raise KeyboardInterrupt

        def script(peer: raw.Peer) -> None:
            request = peer.read_message()
            assert interrupted.wait(raw.PATIENCE)
            peer.send(answer(request))
            answering((0x0001,))(peer)

        with asking(script, CONTEXTS) as assoc:
            monkeypatch.setattr("pynetdicom.exchanges.Exchange.next", interrupt)
            with pytest.raises(KeyboardInterrupt):
                service.send(assoc)
            monkeypatch.undo()
            interrupted.set()
            assert service.send(assoc)[0].Status == 0x0001


class TestAgainstOurselves:
    def test_all(self, start_scp: StartSCP, service: Service) -> None:
        def handle(event: Any) -> Any:
            return 0x0000 if service.name == "delete" else (0x0000, patient("34"))

        event = getattr(evt, f"EVT_N_{service.name.upper()}")
        port = port_of(start_scp([BasicFilmSession], [(event, handle)]))
        with association(port, [BasicFilmSession]) as assoc:
            status, reply = service.send(assoc)
        assert status.Status == 0x0000
        assert reply == (None if service.name == "delete" else patient("34"))

    def test_event_report_within_a_handler(self, start_scp: StartSCP) -> None:
        """Storage commitment: the SCP may report on the association of the request."""
        reports: list[Any] = []
        replies: list[Any] = []

        def commit(event: Any) -> tuple[int, None]:
            report = event.assoc.send_n_event_report(
                event.action_information, 1, StorageCommitmentPushModel, INSTANCE
            )
            replies.append(report)
            return 0x0000, None

        def note(event: Any) -> tuple[int, None]:
            reports.append((event.event_type, event.event_information))
            return 0x0000, None

        port = port_of(start_scp([StorageCommitmentPushModel], [(evt.EVT_N_ACTION, commit)]))
        handlers = [(evt.EVT_N_EVENT_REPORT, note)]
        with association(port, [StorageCommitmentPushModel], evt_handlers=handlers) as assoc:
            status, _ = assoc.send_n_action(patient(), 1, StorageCommitmentPushModel, INSTANCE)
        assert status.Status == 0x0000
        assert reports == [(1, patient())]
        ((report, _),) = replies
        assert report.Status == 0x0000
        assert report.EventTypeID == 1
