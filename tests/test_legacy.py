"""The call forms of versions 0 and 1, against live peers where there is one."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from pydicom.dataset import Dataset

from pynetdicom import AE, evt, sop_class
from pynetdicom.sop_class import Verification
from tests.support.associations import CT, association, join, port_of
from tests.support.peers import reserve_port, wait_for_port
from tests.support.raw import HOST, PATIENCE
from tests.support.requests import FIND, GET, MOVE, patient
from tests.support.retrievals import instance
from tests.test_layers import ROOT

PREFIX = "1.2.840.10008."
StartSCP = Callable[..., Any]

# The names of version 1.5 that are others now
OLD_NAMES = """
    BasicAnnotationBoxSOPClass 5.1.1.15
    BasicColorImageBoxSOPClass 5.1.1.4.1
    BasicColorPrintManagementMetaSOPClass 5.1.1.18
    BasicFilmBoxSOPClass 5.1.1.2
    BasicFilmSessionSOPClass 5.1.1.1
    BasicGrayscaleImageBoxSOPClass 5.1.1.4
    BasicGrayscalePrintManagementMetaSOPClass 5.1.1.9
    BreastProjectionXRayImagePresentationStorage 5.1.4.1.1.13.1.4
    BreastProjectionXRayImageProcessingStorage 5.1.4.1.1.13.1.5
    DigitalIntraOralXRayImagePresentationStorage 5.1.4.1.1.1.3
    DigitalIntraOralXRayImageProcessingStorage 5.1.4.1.1.1.3.1
    DigitalMammographyXRayImagePresentationStorage 5.1.4.1.1.1.2
    DigitalMammographyXRayImageProcessingStorage 5.1.4.1.1.1.2.1
    DigitalXRayImagePresentationStorage 5.1.4.1.1.1.1
    DigitalXRayImageProcessingStorage 5.1.4.1.1.1.1.1
    DisplaySystemSOPClass 5.1.1.40
    DisplaySystemSOPInstance 5.1.1.40.1
    InstanceAvailabilityNotificationSOPClass 5.1.4.33
    IntravascularOpticalCoherenceTomographyImagePresentationStorage 5.1.4.1.1.14.1
    IntravascularOpticalCoherenceTomographyImageProcessingStorage 5.1.4.1.1.14.2
    KeyObjectSelectionStorage 5.1.4.1.1.88.59
    MacularGridThicknessAndVolumeReport 5.1.4.1.1.79.1
    MediaCreationManagementSOPClass 5.1.1.33
    ModalityPerformedProcedureStepNotificationSOPClass 3.1.2.3.5
    ModalityPerformedProcedureStepRetrieveSOPClass 3.1.2.3.4
    ModalityPerformedProcedureStepSOPClass 3.1.2.3.3
    MultiframeGrayscaleByteSecondaryCaptureImageStorage 5.1.4.1.1.7.2
    MultiframeGrayscaleWordSecondaryCaptureImageStorage 5.1.4.1.1.7.3
    MultiframeSingleBitSecondaryCaptureImageStorage 5.1.4.1.1.7.1
    MultiframeTrueColorSecondaryCaptureImageStorage 5.1.4.1.1.7.4
    OphthlamicOpticalCoherenceTomographyBScanVolumeAnalysisStorage 5.1.4.1.1.77.1.5.8
    PerformedImagingAgestAdministrationSRStorage 5.1.4.1.1.88.75
    PresentationLUTSOPClass 5.1.1.23
    PrintJobSOPClass 5.1.1.14
    PrinterConfigurationRetrievalSOPClass 5.1.1.16.376
    PrinterConfigurationRetrievalSOPInstance 5.1.1.17.376
    PrinterSOPClass 5.1.1.16
    PrinterSOPInstance 5.1.1.17
    ProceduralEventLoggingSOPClass 1.40
    ProceduralEventLoggingSOPInstance 1.40.1
    ProcedureSRStorage 5.1.4.1.1.88.40
    ProductCharacteristicsQueryInformationModelFind 5.1.4.41
    PseudocolorSoftcopyPresentationStageStorage 5.1.4.1.1.11.3
    StorageCommitmentPushModelSOPClass 1.20.1
    StorageCommitmentPushModelSOPInstance 1.20.1.1
    SubstanceAdministrationLoggingSOPClass 1.42
    SubstanceAdministrationLoggingSOPInstance 1.42.1
    SubstanceApprovalQueryInformationModelFind 5.1.4.42
    UPSFilteredGlobalSubscriptionSOPInstance 5.1.4.34.5.1
    UPSGlobalSubscriptionSOPInstance 5.1.4.34.5
    UltrasoundMultiframeImageStorage 5.1.4.1.1.3.1
    UnifiedProcedureStepEventSOPClass 5.1.4.34.6.4
    UnifiedProcedureStepPullSOPClass 5.1.4.34.6.3
    UnifiedProcedureStepPushSOPClass 5.1.4.34.6.1
    UnifiedProcedureStepQuerySOPClass 5.1.4.34.6.5
    UnifiedProcedureStepWatchSOPClass 5.1.4.34.6.2
    VerificationSOPClass 1.1
"""


class TestNames:
    @pytest.mark.parametrize(
        ("name", "suffix"), [row.split() for row in OLD_NAMES.strip().splitlines()]
    )
    def test_old_name(self, name: str, suffix: str) -> None:
        with pytest.warns(DeprecationWarning, match=f"'{name}' is now called '") as caught:
            value = getattr(sop_class, name)
        assert value == PREFIX + suffix
        assert value is getattr(sop_class, str(caught[0].message).split("'")[3])
        assert caught[0].filename == __file__

    def test_import(self) -> None:
        with pytest.warns(DeprecationWarning, match="now called 'Verification'"):
            from pynetdicom.sop_class import VerificationSOPClass  # type: ignore[attr-defined]
        assert VerificationSOPClass is sop_class.Verification

    @pytest.mark.parametrize("name", ["NoSuchStorage", "NoSuchSOPClass", "warningsSOPClass"])
    def test_no_such_name(self, name: str) -> None:
        with pytest.raises(AttributeError, match=f"has no attribute '{name}'"):
            getattr(sop_class, name)


class TestAE:
    """Row 22 of the list of call forms."""

    def test_scu(self, start_scp: StartSCP) -> None:
        with pytest.warns(DeprecationWarning, match=r"use ae\.add_requested_context") as told:
            ae = AE(scu_sop_class=["1.2.840.10008.1.1"])  # type: ignore[call-arg]
        assert [each.filename for each in told] == [__file__]
        assoc = ae.associate(HOST, port_of(start_scp()))
        assert assoc.send_c_echo().Status == 0x0000
        assoc.release()
        join(assoc)

    def test_scp(self) -> None:
        told: list[str] = []

        def serve() -> None:
            with pytest.warns(DeprecationWarning, match=r"start\(\)") as caught:
                ae.start()
            told.extend(str(each.message) for each in caught)

        with reserve_port() as port:
            with pytest.warns(DeprecationWarning, match=r"use ae\.add_supported_context") as caught:
                ae: Any = AE(port=port, scp_sop_class=[Verification])  # type: ignore[call-arg]
            assert [each.filename for each in caught] == [__file__]
            thread = threading.Thread(target=serve)
            thread.start()

            def ended(seconds: float) -> bool:
                thread.join(seconds)
                return not thread.is_alive()

            wait_for_port(port, ended)
            with association(port) as assoc:
                assert assoc.send_c_echo().Status == 0x0000
            with pytest.warns(DeprecationWarning, match=r"ae\.stop\(\) .* use ae\.shutdown\(\)"):
                ae.stop()
            thread.join(PATIENCE)
        assert not thread.is_alive()
        assert told == ["ae.start() is deprecated, use ae.start_server((host, port))"]

    @pytest.mark.filterwarnings("ignore:AE:DeprecationWarning")
    def test_positional(self) -> None:
        ae = AE("TITLE", 104, [FIND], [Verification])  # type: ignore[call-arg]
        assert ae.ae_title == "TITLE"
        assert [context.abstract_syntax for context in ae.requested_contexts] == [FIND]
        assert [context.abstract_syntax for context in ae.supported_contexts] == [Verification]

    def test_unknown_argument(self) -> None:
        with pytest.raises(TypeError, match="unexpected keyword argument 'host'"):
            AE(host="")  # type: ignore[call-arg]


# How many arguments a callback may take
MOST = {"on_c_echo": 2, "on_c_store": 3, "on_c_find": 3, "on_c_get": 3, "on_c_move": 4}
# What an AE that has all contexts answers
STATUSES = {"on_c_echo": 0x0110, "on_c_store": 0xA700, "on_c_find": 0xA700}
STATUSES |= {"on_c_get": 0xA701, "on_c_move": 0xA801}


def results_of(name: str) -> Any:
    """Return what a callback returns to have its peer told the status of `STATUSES`."""
    if name == "on_c_find":
        return iter([(0xA700, None)])
    if name == "on_c_get":
        return iter([1, (0xA701, None)])
    return iter([(None, None)]) if name == "on_c_move" else STATUSES[name]


def ask(port: int, name: str) -> int:
    """Send the request that a callback is for, and return the status that is answered."""
    with association(port, [Verification, CT, FIND, GET, MOVE]) as assoc:
        answer: Any = {
            "on_c_echo": assoc.send_c_echo,
            "on_c_store": lambda: assoc.send_c_store(instance(1), originator_aet="MOVER"),
            "on_c_find": lambda: next(assoc.send_c_find(patient(), FIND)),
            "on_c_get": lambda: next(assoc.send_c_get(patient(), GET)),
            "on_c_move": lambda: next(assoc.send_c_move(patient(), "STORE_SCP", MOVE)),
        }[name]()
    status: Dataset = answer[0] if isinstance(answer, tuple) else answer
    code: int = status.Status
    return code


@pytest.fixture
def serving() -> Iterator[Callable[..., tuple[AE, Any]]]:
    """Return a function that makes an AE of a class, and a server for everything."""
    made: list[AE] = []

    def serve(kind: type[AE] = AE, *handlers: Any) -> tuple[AE, Any]:
        ae = kind()
        made.append(ae)
        for uid in (Verification, CT, FIND, GET, MOVE):
            ae.add_supported_context(uid)
        return ae, ae.start_server((HOST, 0), block=False, evt_handlers=list(handlers))

    yield serve
    for ae in made:
        ae.shutdown()


def callback_of(name: str, count: int, seen: list[Any]) -> Callable[..., Any]:
    """Return a callback that takes so many arguments and notes them."""
    names = ", ".join("abcd"[:count])
    source = f"lambda {names}: seen.append(({names},)) or results_of(name)"
    if not count:
        source = "lambda: seen.append(()) or results_of(name)"
    found: Callable[..., Any] = eval(source, {**globals(), "seen": seen, "name": name})
    return found


class TestCallbacks:
    """Row 23."""

    @pytest.mark.parametrize(
        ("name", "count"),
        [(name, count) for name, most in MOST.items() for count in range(most + 1)],
    )
    def test_set_on_an_ae(self, serving: Any, name: str, count: int) -> None:
        seen: list[Any] = []
        ae, server = serving()
        assert not hasattr(ae, name)
        with pytest.warns(
            DeprecationWarning, match=rf"{name}\(\) .*evt\.EVT_{name[3:].upper()}"
        ) as told:
            setattr(ae, name, callback_of(name, count, seen))
        assert [each.filename for each in told] == [__file__]
        later = ae.start_server((HOST, 0), block=False)
        for each in (server, later):
            assert ask(port_of(each), name) == STATUSES[name]
        assert len(seen) == 2
        arguments = list(seen[0])
        if name != "on_c_echo" and arguments:
            data_set = arguments.pop(0)
            assert data_set == (instance(1) if name == "on_c_store" else patient())
        if name == "on_c_move" and arguments:
            assert arguments.pop(0) == "STORE_SCP"
        if arguments:
            assert arguments.pop(0).context_id in (1, 3, 5, 7, 9)
        if arguments:
            info = arguments.pop(0)
            assert info["requestor"]["ae_title"] == "TEST_SCU"
            assert info["acceptor"]["ae_title"] == "PYNETDICOM"
            assert info["parameters"]["message_id"] == 1
            if name == "on_c_store":
                assert info["parameters"]["originator_aet"] == "MOVER"
        assert arguments == []

    def test_defined_by_a_subclass(self, serving: Any) -> None:
        seen: list[Any] = []

        class Archive(AE):
            def on_c_store(self, dataset: Dataset) -> int:
                seen.append(dataset)
                return 0x0000

        with pytest.warns(DeprecationWarning, match=r"on_c_store\(\)") as told:
            _, server = serving(Archive)
        assert len(told) == 1
        assert ask(port_of(server), "on_c_store") == 0x0000
        assert seen == [instance(1)]

    @pytest.mark.filterwarnings("ignore:on_c_move:DeprecationWarning")
    def test_arguments_by_name(self, serving: Any) -> None:
        seen: list[Any] = []

        def on_c_move(dataset: Dataset, info: Any, move_aet: str) -> Any:
            seen.append((dataset, info["parameters"]["message_id"], move_aet))
            return results_of("on_c_move")

        ae, server = serving()
        ae.on_c_move = on_c_move
        assert ask(port_of(server), "on_c_move") == 0xA801
        assert seen == [(patient(), 1, "STORE_SCP")]

    @pytest.mark.filterwarnings("ignore:on_c_store:DeprecationWarning")
    def test_any_number_of_arguments(self, serving: Any) -> None:
        seen: list[int] = []
        ae, server = serving()
        ae.on_c_store = lambda *args: seen.append(len(args)) or 0x0000
        assert ask(port_of(server), "on_c_store") == 0x0000
        assert seen == [3]

    @pytest.mark.filterwarnings("ignore:on_c_echo:DeprecationWarning")
    def test_echo_without_a_status(self, serving: Any, caplog: pytest.LogCaptureFixture) -> None:
        ae, server = serving()
        ae.on_c_echo = lambda: None
        assert ask(port_of(server), "on_c_echo") == 0x0000
        assert not [record for record in caplog.records if record.levelname == "ERROR"]

    @pytest.mark.filterwarnings("ignore:on_c_store:DeprecationWarning")
    def test_handlers_come_first(self, serving: Any) -> None:
        ae, server = serving(AE, (evt.EVT_C_STORE, lambda event: 0xB000))
        ae.register_event_handler(evt.EVT_C_STORE, lambda event: 0xB006)
        bound = ae.start_server((HOST, 0), block=False)
        ae.on_c_store = lambda dataset: 0x0000
        assert ask(port_of(bound), "on_c_store") == 0xB006
        assert ask(port_of(server), "on_c_store") == 0xB006

    @pytest.mark.filterwarnings("ignore:on_c_store:DeprecationWarning")
    def test_failing(self, serving: Any) -> None:
        def on_c_store(dataset: Dataset) -> int:
            raise ValueError

        ae, server = serving()
        ae.on_c_store = on_c_store
        assert ask(port_of(server), "on_c_store") == 0xC211


STUDY_ROOT = "1.2.840.10008.5.1.4.1.2.2."
WORKLIST = "1.2.840.10008.5.1.4.31"


class TestNoModel:
    """Row 24."""

    @pytest.mark.parametrize(
        ("name", "proposed", "expected"),
        [
            ("find", [WORKLIST, STUDY_ROOT + "1", FIND], FIND),
            ("find", [MOVE, WORKLIST, STUDY_ROOT + "1"], WORKLIST),
            ("get", [STUDY_ROOT + "3", GET], GET),
            ("get", [MOVE, STUDY_ROOT + "3"], STUDY_ROOT + "3"),
            ("move", [STUDY_ROOT + "2", MOVE], MOVE),
            ("move", [GET, STUDY_ROOT + "2"], STUDY_ROOT + "2"),
        ],
    )
    def test_first_model(
        self, start_scp: StartSCP, name: str, proposed: list[str], expected: str
    ) -> None:
        seen: list[str] = []

        def handle(event: Any) -> Iterator[Any]:
            seen.append(event.request.AffectedSOPClassUID)
            yield from {"find": [], "get": [0], "move": [(HOST, 1), 0]}[name]

        server = start_scp(proposed, [(getattr(evt, f"EVT_C_{name.upper()}"), handle)])
        with association(port_of(server), proposed) as assoc:
            arguments = ["DEST"] if name == "move" else []
            with pytest.warns(DeprecationWarning, match=f"send_c_{name}.*, query_model") as told:
                responses = getattr(assoc, f"send_c_{name}")(patient(), *arguments, msg_id=7)
            assert [each.filename for each in told] == [__file__]
            assert [status.Status for status, _ in responses] == [0x0000]
        assert seen == [expected]

    @pytest.mark.filterwarnings("ignore:send_c_find:DeprecationWarning")
    def test_none_accepted(self, start_scp: StartSCP) -> None:
        with (
            association(port_of(start_scp())) as assoc,
            pytest.raises(ValueError, match=r"Patient Root.*FIND.*none was proposed"),
        ):
            assoc.send_c_find(patient())  # type: ignore[call-arg]
        with pytest.raises(RuntimeError, match="must be established"):
            assoc.send_c_find(patient())  # type: ignore[call-arg]


PRESENT_FORMS = f"""
from pynetdicom import AE, VerificationPresentationContexts, evt
from pynetdicom.sop_class import PatientRootQueryRetrieveInformationModelFind as Find
from pydicom.dataset import Dataset

ae = AE(ae_title="MY_SCU")
ae.supported_contexts = VerificationPresentationContexts
ae.add_supported_context(Find)
ae.requested_contexts = ae.supported_contexts
ae.register_event_handler(evt.EVT_C_FIND, lambda event: [])
with ae:
    server = ae.start_server(("{HOST}", 0), block=False)
    with ae.associate("{HOST}", server.server_address[1], ae_title="PEER") as assoc:
        assoc.send_c_echo()
        query = Dataset()
        query.PatientID = "12"
        assert [status.Status for status, _ in assoc.send_c_find(query, Find)] == [0]
"""


def test_present_forms_give_no_warning() -> None:
    subprocess.run(
        [sys.executable, "-W", "error", "-c", PRESENT_FORMS], check=True, timeout=PATIENCE, cwd=ROOT
    )
