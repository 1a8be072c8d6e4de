"""The DIMSE-N services between AEs of ours: what the service classes are there for."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as Items

from pynetdicom import AE, build_role, evt
from pynetdicom.sop_class import (
    BasicFilmBox,
    BasicFilmSession,
    BasicGrayscaleImageBox,
    BasicGrayscalePrintManagementMeta,
    DisplaySystem,
    DisplaySystemInstance,
    InstanceAvailabilityNotification,
    InventoryCreation,
    MediaCreationManagement,
    ModalityPerformedProcedureStep,
    Printer,
    PrinterInstance,
    ProceduralEventLogging,
    ProceduralEventLoggingInstance,
    RTConventionalMachineVerification,
    StorageCommitmentPushModel,
    StorageCommitmentPushModelInstance,
    StorageManagementInstance,
    UnifiedProcedureStepEvent,
    UnifiedProcedureStepPull,
    UnifiedProcedureStepPush,
    UnifiedProcedureStepQuery,
    UnifiedProcedureStepWatch,
    UPSGlobalSubscriptionInstance,
)
from tests.support.associations import CT, EventLog, association, join, port_of
from tests.support.sockets import HOST, PATIENCE
from tests.support.watch import complaints

StartSCP = Callable[..., Any]

ONE, TWO = "1.2.826.0.1.3680043.9.3811.1", "1.2.826.0.1.3680043.9.3811.2"


def data_set(**elements: Any) -> Dataset:
    found = Dataset()
    for keyword, value in elements.items():
        setattr(found, keyword, value)
    return found


def reference(uid: str) -> Dataset:
    return data_set(ReferencedSOPClassUID=CT, ReferencedSOPInstanceUID=uid)


class Registry:
    """Keeps instances as an SCP of any service does: creates, changes, shows and deletes them.

    Attributes
    ----------
    instances : dict
        The attributes of each instance by its UID.
    actions : list of tuple
        The UIDs and types of the actions that were asked for, and their information.
    """

    def __init__(self) -> None:
        self.instances: dict[str, Dataset] = {}
        self.actions: list[tuple[str, int, Dataset]] = []
        self.bindings: list[Any] = [
            (evt.EVT_N_CREATE, self.create),
            (evt.EVT_N_SET, self.set),
            (evt.EVT_N_GET, self.get),
            (evt.EVT_N_DELETE, self.delete),
            (evt.EVT_N_ACTION, self.act),
        ]

    def create(self, event: Any) -> tuple[int, Dataset | None]:
        uid = event.request.AffectedSOPInstanceUID or ONE
        if uid in self.instances:
            return 0x0111, None
        self.instances[uid] = event.attribute_list
        created = Dataset()
        created.update(event.attribute_list)
        created.AffectedSOPInstanceUID = uid
        return 0x0000, created

    def set(self, event: Any) -> tuple[int, Dataset | None]:
        found = self.instances.get(event.request.RequestedSOPInstanceUID)
        if found is None:
            return 0x0112, None
        found.update(event.modification_list)
        return 0x0000, found

    def get(self, event: Any) -> tuple[int, Dataset | None]:
        found = self.instances.get(event.request.RequestedSOPInstanceUID)
        if found is None:
            return 0x0112, None
        wanted = event.attribute_identifiers or list(found.keys())
        shown = Dataset()
        shown.update({tag: found[tag] for tag in wanted if tag in found})
        return (0x0000 if len(shown) == len(wanted) else 0x0107), shown

    def delete(self, event: Any) -> int:
        found = self.instances.pop(event.request.RequestedSOPInstanceUID, None)
        return 0x0112 if found is None else 0x0000

    def act(self, event: Any) -> tuple[int, Dataset | None]:
        information = event.action_information
        self.actions.append((event.request.RequestedSOPInstanceUID, event.action_type, information))
        return 0x0000, information


@pytest.fixture
def registry() -> Registry:
    return Registry()


def test_procedure_step(start_scp: StartSCP, registry: Registry) -> None:
    sop_class = ModalityPerformedProcedureStep
    server = start_scp([sop_class], registry.bindings)
    with association(port_of(server), [sop_class]) as assoc:
        step = data_set(PerformedProcedureStepStatus="IN PROGRESS", PatientID="12")
        assert assoc.send_n_create(step, sop_class, TWO)[0].Status == 0x0000
        assert assoc.send_n_create(step, sop_class, TWO)[0].Status == 0x0111
        change = data_set(PerformedProcedureStepStatus="COMPLETED")
        status, step = assoc.send_n_set(change, sop_class, TWO)
        assert (status.Status, step.PerformedProcedureStepStatus) == (0x0000, "COMPLETED")
        status, nothing = assoc.send_n_set(change, sop_class, ONE)
        assert (status.Status, nothing) == (0x0112, None)
    assert registry.instances == {TWO: data_set(PatientID="12", **change_of(change))}


def change_of(change: Dataset) -> dict[str, Any]:
    return {element.keyword: element.value for element in change}


@pytest.mark.parametrize(
    ("identifiers", "code", "found"),
    [
        (["PatientID"], 0x0000, {"PatientID": "12"}),
        ([0x00100020, (0x0010, 0x0040)], 0x0000, {"PatientID": "12", "PatientSex": "O"}),
        (["PatientID", "StudyID"], 0x0107, {"PatientID": "12"}),
        (["StudyID"], 0x0107, {}),
        ([], 0x0000, {"PatientID": "12", "PatientSex": "O"}),
        (None, 0x0000, {"PatientID": "12", "PatientSex": "O"}),
    ],
)
def test_attributes_asked_for(
    start_scp: StartSCP, registry: Registry, identifiers: Any, code: int, found: dict[str, str]
) -> None:
    registry.instances[DisplaySystemInstance] = data_set(PatientID="12", PatientSex="O")
    server = start_scp([DisplaySystem], registry.bindings)
    with association(port_of(server), [DisplaySystem]) as assoc:
        answer = assoc.send_n_get(identifiers, DisplaySystem, DisplaySystemInstance)
    assert answer[0].Status == code
    assert answer[1] == data_set(**found)


def test_instance_without_uid(start_scp: StartSCP, registry: Registry) -> None:
    sop_class = InstanceAvailabilityNotification
    log = EventLog("DIMSE_SENT")
    server = start_scp([sop_class], [*registry.bindings, *log.bindings])
    with association(port_of(server), [sop_class]) as assoc:
        status, created = assoc.send_n_create(data_set(StudyID="7"), sop_class)
    assert (status.Status, created) == (0x0000, data_set(StudyID="7"))
    assert log.events[0].message.command_set.AffectedSOPInstanceUID == ONE
    assert list(registry.instances) == [ONE]


@pytest.mark.parametrize(
    ("sop_class", "instance"),
    [
        (ProceduralEventLogging, ProceduralEventLoggingInstance),
        (MediaCreationManagement, ONE),
        (InventoryCreation, StorageManagementInstance),
        (RTConventionalMachineVerification, ONE),
    ],
    ids=["logging", "media", "inventory", "machine"],
)
def test_action(start_scp: StartSCP, registry: Registry, sop_class: str, instance: str) -> None:
    server = start_scp([sop_class], registry.bindings)
    information = data_set(PatientID="12")
    with association(port_of(server), [sop_class]) as assoc:
        status, reply = assoc.send_n_action(information, 1, sop_class, instance)
        assert (status.Status, reply) == (0x0000, information)
        status, reply = assoc.send_n_action(None, 2, sop_class, instance)
        assert (status.Status, reply) == (0x0000, Dataset())
    assert registry.actions == [(instance, 1, information), (instance, 2, Dataset())]


def test_print(start_scp: StartSCP, registry: Registry) -> None:
    """The requests of print management come in the context of a meta SOP class (PS3.4 H.2.2)."""
    meta = BasicGrayscalePrintManagementMeta
    registry.instances[PrinterInstance] = data_set(PrinterStatus="NORMAL")
    contexts = []

    def note(event: Any) -> None:
        contexts.append(event.message.context_id)

    server = start_scp([Printer, meta], [*registry.bindings, (evt.EVT_DIMSE_RECV, note)])
    with association(port_of(server), [Printer, meta]) as assoc:
        status, printer = assoc.send_n_get(
            ["PrinterStatus"], Printer, PrinterInstance, meta_uid=meta
        )
        assert (status.Status, printer.PrinterStatus) == (0x0000, "NORMAL")
        copies = data_set(NumberOfCopies=1)
        assert assoc.send_n_create(copies, BasicFilmSession, ONE, meta_uid=meta)[0].Status == 0
        box = data_set(FilmOrientation="PORTRAIT")
        assert assoc.send_n_create(box, BasicFilmBox, TWO, meta_uid=meta)[0].Status == 0x0000
        image = data_set(ImageBoxPosition=1)
        status, _ = assoc.send_n_set(image, BasicGrayscaleImageBox, "1.2.3", meta_uid=meta)
        assert status.Status == 0x0112
        assert assoc.send_n_action(None, 1, BasicFilmBox, TWO, meta_uid=meta)[0].Status == 0
        for uid, kind in ((TWO, BasicFilmBox), (ONE, BasicFilmSession)):
            assert assoc.send_n_delete(kind, uid, meta_uid=meta).Status == 0x0000
        assert assoc.send_n_delete(BasicFilmSession, ONE, meta_uid=meta).Status == 0x0112
        assert assoc.send_n_get([], Printer, PrinterInstance)[0].Status == 0x0000
    assert contexts == [3] * 8 + [1]
    assert registry.actions == [(TWO, 1, Dataset())]


class TestStorageCommitment:
    """N-ACTION asks for the commitment, N-EVENT-REPORT tells of it (PS3.4 J)."""

    request = data_set(
        TransactionUID=TWO, ReferencedSOPSequence=Items([reference(ONE), reference(TWO)])
    )
    names = (StorageCommitmentPushModel, StorageCommitmentPushModelInstance)

    class Reports:
        """A handler of EVT_N_EVENT_REPORT."""

        def __init__(self) -> None:
            self.served: list[tuple[int, Dataset]] = []
            self.threads: list[bool] = []
            self.bindings = [(evt.EVT_N_EVENT_REPORT, self)]

        def __call__(self, event: Any) -> tuple[int, None]:
            self.served.append((event.event_type, event.event_information))
            self.threads.append(threading.current_thread() is event.assoc)
            return 0x0000, None

    def test_reported_within_the_action(self, start_scp: StartSCP) -> None:
        order: list[Any] = []

        def commit(event: Any) -> tuple[int, None]:
            for event_type in (1, 2):
                status, reply = event.assoc.send_n_event_report(
                    event.action_information, event_type, *self.names, msg_id=event_type
                )
                order.append((status.Status, status.EventTypeID, reply, len(reports.served)))
            return 0x0000, None

        reports = self.Reports()
        server = start_scp([StorageCommitmentPushModel], [(evt.EVT_N_ACTION, commit)])
        with association(
            port_of(server), [StorageCommitmentPushModel], evt_handlers=reports.bindings
        ) as assoc:
            for _ in range(2):
                status, reply = assoc.send_n_action(self.request, 1, *self.names)
                assert (status.Status, reply) == (0x0000, Dataset())
        assert reports.served == [(1, self.request), (2, self.request)] * 2
        assert reports.threads == [True] * 4
        expected = [(0x0000, 1, Dataset(), 1), (0x0000, 2, Dataset(), 2)]
        assert order == [*expected, *((*row[:3], row[3] + 2) for row in expected)]

    def test_reported_later(self, start_scp: StartSCP) -> None:
        acceptances: list[Any] = []

        def commit(event: Any) -> tuple[int, None]:
            acceptances.append(event.assoc)
            return 0x0000, None

        reports = self.Reports()
        server = start_scp([StorageCommitmentPushModel], [(evt.EVT_N_ACTION, commit)])
        with association(
            port_of(server), [StorageCommitmentPushModel], evt_handlers=reports.bindings
        ) as assoc:
            assert assoc.send_n_action(self.request, 1, *self.names)[0].Status == 0x0000
            status, _ = acceptances[0].send_n_event_report(self.request, 1, *self.names)
            assert status.Status == 0x0000
        assert reports.served == [(1, self.request)]
        assert reports.threads == [True]

    def test_reported_on_an_association_of_its_own(self, start_scp: StartSCP) -> None:
        reports = self.Reports()
        user = AE("USER")
        user.add_supported_context(StorageCommitmentPushModel, scu_role=False, scp_role=True)
        listener = user.start_server((HOST, 0), block=False, evt_handlers=reports.bindings)

        def commit(event: Any) -> tuple[int, None]:
            role = build_role(StorageCommitmentPushModel, scp_role=True)
            with association(
                port_of(listener), [StorageCommitmentPushModel], ext_neg=[role]
            ) as other:
                assert other.accepted_contexts[0].as_scp
                status, _ = other.send_n_event_report(event.action_information, 1, *self.names)
                assert status.Status == 0x0000
            return 0x0000, None

        try:
            server = start_scp([StorageCommitmentPushModel], [(evt.EVT_N_ACTION, commit)])
            with association(port_of(server), [StorageCommitmentPushModel]) as assoc:
                assert assoc.send_n_action(self.request, 1, *self.names)[0].Status == 0x0000
        finally:
            user.shutdown()
        assert reports.served == [(1, self.request)]

    def test_nobody_hears_the_report(self, start_scp: StartSCP) -> None:
        found: list[Any] = []

        def commit(event: Any) -> tuple[int, None]:
            found.append(event.assoc.send_n_event_report(self.request, 1, *self.names))
            return 0x0000, None

        server = start_scp([StorageCommitmentPushModel], [(evt.EVT_N_ACTION, commit)])
        with association(port_of(server), [StorageCommitmentPushModel]) as assoc:
            assert assoc.send_n_action(self.request, 1, *self.names)[0].Status == 0x0000
        ((status, reply),) = found
        assert (status.Status, reply) == (0x0110, None)

    def test_hearer_aborts(self, start_scp: StartSCP, caplog: pytest.LogCaptureFixture) -> None:
        found: list[Any] = []
        served = threading.Event()

        def commit(event: Any) -> tuple[int, None]:
            found.append(event.assoc.send_n_event_report(self.request, 1, *self.names))
            served.set()
            return 0x0000, None

        server = start_scp([StorageCommitmentPushModel], [(evt.EVT_N_ACTION, commit)])
        handlers = [(evt.EVT_N_EVENT_REPORT, lambda event: event.assoc.abort())]
        with association(
            port_of(server), [StorageCommitmentPushModel], evt_handlers=handlers
        ) as assoc:
            assert assoc.send_n_action(self.request, 1, *self.names) == (Dataset(), None)
            assert assoc.is_aborted
        assert served.wait(PATIENCE)
        assert found == [(Dataset(), None)]
        join(*server.active_associations)
        assert "Traceback" not in caplog.text


class TestUnifiedProcedureStep:
    CONTEXTS = (
        UnifiedProcedureStepPush,
        UnifiedProcedureStepWatch,
        UnifiedProcedureStepPull,
        UnifiedProcedureStepEvent,
        UnifiedProcedureStepQuery,
    )

    @pytest.fixture
    def worklist(self, start_scp: StartSCP, registry: Registry) -> Callable[[Sequence[Any]], Any]:
        def find(event: Any) -> Iterator[tuple[int, Dataset]]:
            for uid, step in registry.instances.items():
                if step.ProcedureStepState == event.identifier.ProcedureStepState:
                    yield 0xFF00, data_set(SOPInstanceUID=uid)

        server = start_scp(self.CONTEXTS, [*registry.bindings, (evt.EVT_C_FIND, find)])
        return lambda handlers=(): association(
            port_of(server), self.CONTEXTS, evt_handlers=list(handlers)
        )

    def test_life(self, worklist: Any, registry: Registry) -> None:
        with worklist() as assoc:
            step = data_set(ProcedureStepState="SCHEDULED")
            assert assoc.send_n_create(step, UnifiedProcedureStepPush, ONE)[0].Status == 0x0000
            identifier = data_set(ProcedureStepState="SCHEDULED", SOPInstanceUID="")
            for model in (UnifiedProcedureStepPull, UnifiedProcedureStepQuery):
                (_, match), (last, _) = assoc.send_c_find(identifier, model)
                assert match.SOPInstanceUID == ONE
                assert last.Status == 0x0000
            change = data_set(ProcedureStepState="IN PROGRESS", TransactionUID=TWO)
            status, _ = assoc.send_n_action(change, 1, UnifiedProcedureStepPush, ONE)
            assert status.Status == 0x0000
            label = data_set(ProcedureStepLabel="first")
            assert assoc.send_n_set(label, UnifiedProcedureStepPush, ONE)[0].Status == 0x0000
            status, found = assoc.send_n_get([], UnifiedProcedureStepPush, ONE)
            assert (status.Status, found.ProcedureStepLabel) == (0x0000, "first")
        assert registry.actions == [(ONE, 1, change)]

    def test_query_in_any_context(self, worklist: Any) -> None:
        """There is no operation that belongs to one of its SOP classes only."""
        with worklist() as assoc:
            identifier = data_set(ProcedureStepState="SCHEDULED")
            for model in self.CONTEXTS:
                ((status, match),) = assoc.send_c_find(identifier, model)
                assert (status.Status, match) == (0x0000, None)

    def test_subscription(self, start_scp: StartSCP) -> None:
        heard: list[Any] = []

        def subscribe(event: Any) -> tuple[int, None]:
            state = data_set(ProcedureStepState="SCHEDULED")
            event.assoc.send_n_event_report(state, 1, UnifiedProcedureStepEvent, ONE)
            return 0xB301, None

        def hear(event: Any) -> tuple[int, None]:
            heard.append((event.event_type, event.event_information.ProcedureStepState))
            return 0x0000, None

        server = start_scp(self.CONTEXTS, [(evt.EVT_N_ACTION, subscribe)])
        handlers = [(evt.EVT_N_EVENT_REPORT, hear)]
        with association(port_of(server), self.CONTEXTS, evt_handlers=handlers) as assoc:
            subscription = data_set(ReceivingAE="TEST_SCU", DeletionLock="TRUE")
            status, _ = assoc.send_n_action(
                subscription, 3, UnifiedProcedureStepWatch, UPSGlobalSubscriptionInstance
            )
            assert status.Status == 0xB301
        assert heard == [(1, "SCHEDULED")]

    def test_unbound_query(self, start_scp: StartSCP, caplog: pytest.LogCaptureFixture) -> None:
        server = start_scp(self.CONTEXTS)
        with association(port_of(server), self.CONTEXTS) as assoc:
            identifier = data_set(ProcedureStepState="SCHEDULED")
            ((status, _),) = assoc.send_c_find(identifier, UnifiedProcedureStepPull)
        assert status.Status == 0xC311
        assert complaints(caplog.records) == [
            "C-FIND request refused: no handler is bound to EVT_C_FIND"
        ]
