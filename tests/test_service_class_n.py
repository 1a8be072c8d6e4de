"""The service classes of DIMSE-N: their SOP classes, operations and statuses, over the network."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import pytest

import pynetdicom.service_class_n
from pynetdicom import evt, sop_class
from pynetdicom.service_class import ServiceClass
from pynetdicom.sop_class import uid_to_service_class
from tests.support import normalized, raw
from tests.support.associations import EventLog, port_of
from tests.support.normalized import PATIENT_ID, SERVICES, patient
from tests.support.watch import complaints

StartSCP = Callable[..., Any]


class Row(NamedTuple):
    """A service class as PS3.4 has it.

    Attributes
    ----------
    name : str
        The class, without ``ServiceClass``.
    sop_classes : str
        The names of its SOP classes.
    services : str
        What it can be asked for.
    warnings, failures : str
        The statuses that it has besides those of PS3.7 Annex C; a range is its two ends.
    """

    name: str
    sop_classes: str
    services: str
    warnings: str = ""
    failures: str = ""


TABLE = (
    Row(
        "ApplicationEventLogging",
        "ProceduralEventLogging SubstanceAdministrationLogging",
        "N_ACTION",
        "B101 B102 B104",
        "C101 C102 C103 C104 C10E C110 C111",
    ),
    Row("DisplaySystemManagement", "DisplaySystem", "N_GET"),
    Row("InstanceAvailabilityNotification", "InstanceAvailabilityNotification", "N_CREATE"),
    Row(
        "MediaCreationManagement",
        "MediaCreationManagement",
        "N_CREATE N_ACTION N_GET",
        "0001",
        "A510 C201 C202 C203",
    ),
    Row(
        "PrintManagement",
        "BasicFilmSession BasicFilmBox BasicGrayscaleImageBox BasicColorImageBox PrintJob "
        "BasicAnnotationBox Printer PrinterConfigurationRetrieval PresentationLUT "
        "BasicGrayscalePrintManagementMeta BasicColorPrintManagementMeta "
        # retired ones
        "ReferencedImageBox ReferencedGrayscalePrintManagementMeta "
        "ReferencedColorPrintManagementMeta VOILUTBox ImageOverlayBox BasicPrintImageOverlayBox "
        "PrintQueueManagement PullPrintRequest PullStoredPrintManagementMeta",
        "N_CREATE N_SET N_GET N_DELETE N_ACTION N_EVENT_REPORT",
        "B600 B601 B602 B603 B604 B605 B609 B60A",
        "C600 C601 C602 C603 C605 C613 C616",
    ),
    Row(
        "ProcedureStep",
        "ModalityPerformedProcedureStep ModalityPerformedProcedureStepRetrieve "
        "ModalityPerformedProcedureStepNotification",
        "N_CREATE N_SET N_GET N_EVENT_REPORT",
        "0001",
    ),
    Row(
        "RTMachineVerification",
        "RTConventionalMachineVerification RTIonMachineVerification "
        "RTConventionalMachineVerificationTrial RTIonMachineVerificationTrial",
        "N_CREATE N_SET N_GET N_DELETE N_ACTION N_EVENT_REPORT",
        "",
        "C112 C221 C222 C223 C224 C225 C226 C227",
    ),
    Row(
        "StorageCommitment",
        "StorageCommitmentPushModel StorageCommitmentPullModel",
        "N_ACTION N_EVENT_REPORT",
    ),
    Row("StorageManagement", "InventoryCreation", "N_ACTION N_EVENT_REPORT", "B010"),
    Row(
        "UnifiedProcedureStep",
        "UnifiedProcedureStepPush UnifiedProcedureStepWatch UnifiedProcedureStepPull "
        "UnifiedProcedureStepEvent UnifiedProcedureStepQuery UnifiedProcedureStepPushTrial "
        "UnifiedProcedureStepWatchTrial UnifiedProcedureStepPullTrial "
        "UnifiedProcedureStepEventTrial",
        "N_CREATE N_SET N_GET N_ACTION N_EVENT_REPORT",
        "0001 B300 B301 B304 B305 B306",
        "A700 A900 C000 C300 C301 C302 C303 C304 C307 C308 C309 C310 C311 C312 C313 C314 C315 CFFF",
    ),
)
BY_SOP_CLASS = {name: row for row in TABLE for name in row.sop_classes.split()}

# The general statuses (PS3.7 Annex C), which all of them have
GENERAL_WARNINGS = "0107 0116"
GENERAL_FAILURES = (
    "0105 0106 0110 0111 0112 0113 0114 0115 0117 0118 0119 0120 0121 0122 0123 0124 "
    "0210 0211 0212 0213"
)


def codes(text: str) -> list[int]:
    return [int(code, 16) for code in text.split()]


def service_class_of(row: Row) -> type[ServiceClass]:
    found: type[ServiceClass] = getattr(pynetdicom.service_class_n, f"{row.name}ServiceClass")
    return found


def uid_of(name: str) -> str:
    return str(getattr(sop_class, name))


class Answers:
    """A handler of all six events, which returns what it is told to.

    Attributes
    ----------
    code : int
        The status of the next answer.
    events : list of Event
        What it was called with.
    """

    def __init__(self) -> None:
        self.code = 0x0000
        self.events: list[Any] = []
        self.bindings = [(getattr(evt, f"EVT_{name}"), self) for name in SERVICES]

    def __call__(self, event: Any) -> Any:
        self.events.append(event)
        if event.event is evt.EVT_N_DELETE:
            return self.code
        return self.code, patient()


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.name)
class TestTable:
    def test_documented_names(self, row: Row) -> None:
        name = f"{row.name}ServiceClass"
        assert name in pynetdicom.service_class_n.__all__
        assert issubclass(service_class_of(row), ServiceClass)

    def test_sop_classes(self, row: Row) -> None:
        """Those above and no others are served by it."""
        own = service_class_of(row)
        known = {
            str(value)
            for value in vars(sop_class).values()
            if isinstance(value, sop_class.SOPClass)
        }
        served = {uid for uid in known if uid_to_service_class(uid) is own}
        assert served == {uid_of(name) for name in row.sop_classes.split()}

    def test_statuses(self, row: Row) -> None:
        expected = {0x0000: "Success", 0xFE00: "Cancel"}
        expected |= dict.fromkeys(codes(f"{GENERAL_WARNINGS} {row.warnings}"), "Warning")
        expected |= dict.fromkeys(codes(f"{GENERAL_FAILURES} {row.failures}"), "Failure")
        if row.name == "UnifiedProcedureStep":
            expected |= {0xFF00: "Pending", 0xFF01: "Pending"}
            expected |= dict.fromkeys(range(0xC000, 0xD000), "Failure")
        found = service_class_of(row).statuses
        assert {code: category for code, (category, _) in found.items()} == expected

    def test_every_status(
        self, start_scp: StartSCP, row: Row, caplog: pytest.LogCaptureFixture
    ) -> None:
        """Each of them is sent for each operation; success and warnings with a data set."""
        answers = Answers()
        uid = uid_of(row.sop_classes.split()[0])
        port = port_of(start_scp([uid], answers.bindings))
        carrying = codes(f"0000 {GENERAL_WARNINGS} {row.warnings}")
        others = codes(f"{GENERAL_FAILURES} {row.failures} FE00")
        with normalized.associated(port, uid) as peer:
            for name in row.services.split():
                for answers.code in (*carrying, *others):
                    response = normalized.ask(peer, name, sop_class=uid)
                    assert response.status == answers.code
                    has_data = answers.code in carrying and name != "N_DELETE"
                    assert response.data == (PATIENT_ID if has_data else None)
            peer.release()
        assert complaints(caplog.records) == []

    def test_unknown_status(
        self, start_scp: StartSCP, row: Row, caplog: pytest.LogCaptureFixture
    ) -> None:
        answers = Answers()
        answers.code = 0xB0FF
        uid = uid_of(row.sop_classes.split()[0])
        port = port_of(start_scp([uid], answers.bindings))
        with normalized.associated(port, uid) as peer:
            for name in row.services.split():
                response = normalized.ask(peer, name, sop_class=uid)
                assert (response.status, response.data) == (0xB0FF, None)
            peer.release()
        warning = f"0xB0FF is no status of {row.name}ServiceClass"
        assert complaints(caplog.records) == [warning] * len(row.services.split())


@pytest.mark.parametrize("name", BY_SOP_CLASS)
class TestOperations:
    def test_those_it_has(self, start_scp: StartSCP, name: str) -> None:
        """Any operation of a service is there for any of its SOP classes."""
        answers, uid = Answers(), uid_of(name)
        port = port_of(start_scp([uid], answers.bindings))
        services = BY_SOP_CLASS[name].services.split()
        with normalized.associated(port, uid) as peer:
            for number, service in enumerate(services):
                data = None if service in ("N_GET", "N_DELETE") else PATIENT_ID
                response = normalized.ask(peer, service, data, sop_class=uid, message_id=number)
                assert response.status == 0x0000
                assert response.elements[raw.SOP_CLASS] == raw.ui(uid.encode())
            peer.release()
        assert [event.event.name for event in answers.events] == [f"EVT_{it}" for it in services]

    def test_those_it_has_not(
        self, start_scp: StartSCP, name: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        answers, uid = Answers(), uid_of(name)
        log = EventLog("ABORTED DIMSE_SENT")
        port = port_of(start_scp([uid], [*answers.bindings, *log.bindings]))
        row = BY_SOP_CLASS[name]
        others = [service for service in SERVICES if service not in row.services.split()]
        for count, service in enumerate(others, start=1):
            with normalized.associated(port, uid) as peer:
                normalized.send(peer, service, sop_class=uid)
                assert peer.expect_abort() == (0, 0)
            log.wait_for("ABORTED", count).assoc.join(raw.PATIENCE)
            kind = service.replace("_", "-")
            assert f"{row.name}ServiceClass does not serve {kind} requests" in caplog.text
        assert answers.events == log.all("DIMSE_SENT") == []

    def test_composite_operations(self, start_scp: StartSCP, name: str) -> None:
        uid = uid_of(name)
        log = EventLog("ABORTED DIMSE_SENT")
        port = port_of(start_scp([uid], log.bindings))
        elements = {**raw.echo_rq(), raw.SOP_CLASS: raw.ui(uid.encode())}
        with normalized.associated(port, uid) as peer:
            peer.send(raw.message(elements))
            assert peer.expect_abort() == (0, 0)
        log.wait_for("ABORTED").assoc.join(raw.PATIENCE)
        with normalized.associated(port, uid) as peer:
            peer.send(raw.message(raw.store_rq(sop_class=uid.encode()), 1, raw.data_set()))
            assert peer.expect_abort() == (0, 0)
        log.wait_for("ABORTED", 2).assoc.join(raw.PATIENCE)
        assert log.all("DIMSE_SENT") == []
