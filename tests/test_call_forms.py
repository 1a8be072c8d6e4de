"""Forms of calls that users know, each against a live peer; the numbers are those of the list.

Those of versions 0 and 1 are in `test_legacy.py`.
"""

from __future__ import annotations

import inspect
import logging
import re
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydicom import dcmread
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

from pynetdicom import (
    AE,
    DEFAULT_TRANSFER_SYNTAXES,
    Association,
    VerificationPresentationContexts,
    build_context,
    build_role,
    debug_logger,
    evt,
)
from pynetdicom._version import __version__
from pynetdicom.errors import AssociationError
from pynetdicom.sop_class import BasicFilmSession, CTImageStorage, MRImageStorage, Verification
from tests.support import raw
from tests.support.apps import environment, run_app
from tests.support.associations import SOON, association, join, port_of
from tests.support.peers import reserve_port
from tests.support.raw import HOST
from tests.support.requests import FIND, GET, MOVE
from tests.test_layers import ROOT

StartSCP = Callable[..., Any]

APPS = ["echoscp", "echoscu", "findscu", "getscu", "movescu", "qrscp", "storescp", "storescu"]

CT_FILE = Path(get_testdata_file("CT_small.dcm", download=False))
MR_FILE = Path(get_testdata_file("MR_small.dcm", download=False))


def test_01_echo(start_scp: StartSCP) -> None:
    addr, port = HOST, port_of(start_scp())
    ae = AE(ae_title="MY_ECHO_SCU")
    ae.add_requested_context("1.2.840.10008.1.1")
    assoc = ae.associate(addr, port)
    assert assoc.is_established
    status = assoc.send_c_echo()
    assert "0x{0:04x}".format(status.Status) == "0x0000"  # noqa: UP030, UP032
    assoc.release()
    join(assoc)


def test_02_association_is_a_thread(start_scp: StartSCP) -> None:
    ae = AE()
    ae.add_requested_context(Verification)
    assoc = ae.associate(HOST, port_of(start_scp()))
    assert isinstance(assoc, Association)
    assert isinstance(assoc, threading.Thread)
    assoc.release()
    join(assoc)


def test_03_blocking_server() -> None:
    ae = AE()
    ae.supported_contexts = VerificationPresentationContexts
    server = ae.make_server((HOST, 0))
    ae.make_server = lambda *args: server  # type: ignore[method-assign]  # to know its port
    thread = threading.Thread(target=ae.start_server, args=[(HOST, 0)], kwargs={"block": True})
    thread.start()
    with raw.associated(port_of(server), raw.ECHO_CONTEXT) as peer:
        assert peer.echo() == 0x0000
        peer.release()
    ae.shutdown()
    thread.join(raw.PATIENCE)
    assert not thread.is_alive()


@pytest.mark.parametrize("as_dataset", [False, True])
def test_04_ae_that_talks_to_itself(as_dataset: bool) -> None:
    seen: list[Any] = []

    def handle_echo(event: Any, logger: logging.Logger) -> Any:
        requestor = event.assoc.requestor
        timestamp = event.timestamp.strftime("%Y-%m-%d %H:%M:%S")
        logger.info(f"Echo from {requestor.address}:{requestor.port} at {timestamp}")
        seen.append((logger, requestor.address, requestor.port))
        status = Dataset()
        status.Status = 0x0000
        return status if as_dataset else 0x0000

    logger = logging.getLogger("pynetdicom")
    ae = AE()
    ae.supported_contexts = VerificationPresentationContexts
    ae.add_requested_context(Verification)
    handlers = [(evt.EVT_C_ECHO, handle_echo, [logger])]
    scp = ae.start_server((HOST, 0), block=False, evt_handlers=handlers)  # type: ignore[arg-type]
    assoc = ae.associate(HOST, port_of(scp))
    assert assoc.send_c_echo().Status == 0x0000
    assoc.release()
    join(assoc, *scp.active_associations)
    scp.shutdown()
    ((found, address, port),) = seen
    assert found is logger
    assert address == HOST
    assert port > 0


def test_05_imports() -> None:
    assert callable(debug_logger)
    assert str(CTImageStorage) == "1.2.840.10008.5.1.4.1.1.2"
    assert str(MRImageStorage) == "1.2.840.10008.5.1.4.1.1.4"


def test_06_stores(start_scp: StartSCP) -> None:
    received: list[tuple[Any, Dataset]] = []

    def store(event: Any) -> int:
        event.dataset.decode()
        received.append((event.context, event.dataset))
        return 0x0000

    server = start_scp([CTImageStorage, MRImageStorage], [(evt.EVT_C_STORE, store)])
    ae = AE()
    ae.requested_contexts = VerificationPresentationContexts
    ae.add_requested_context(CTImageStorage, transfer_syntax=ImplicitVRLittleEndian)
    ae.add_requested_context(
        MRImageStorage, transfer_syntax=[ImplicitVRLittleEndian, "1.2.840.10008.1.2.1"]
    )
    assoc = ae.associate(HOST, port_of(server))
    for file in (CT_FILE, MR_FILE):
        assert dcmread(file).file_meta.TransferSyntaxUID == ExplicitVRLittleEndian
        assert assoc.send_c_store(dcmread(file)).Status == 0x0000
    assoc.release()
    join(assoc)
    assert [context.transfer_syntax for context, _ in received] == [ImplicitVRLittleEndian] * 2
    assert [dataset for _, dataset in received] == [dcmread(CT_FILE), dcmread(MR_FILE)]


@pytest.mark.parametrize("valid", [True, False])
def test_07_status_of_no_response(valid: bool) -> None:
    def answer(peer: raw.Peer) -> None:
        peer.accept()
        peer.read_message()
        if not valid:
            peer.send(raw.message(raw.without(raw.echo_rsp(), raw.STATUS)))
        peer.expect(raw.ABORT)

    ae = AE()
    ae.dimse_timeout = SOON if valid else 30
    ae.add_requested_context(Verification)
    with raw.serving(answer) as server:
        assoc = ae.associate(HOST, server.port)
        status = assoc.send_c_echo()
        assert isinstance(status, Dataset)
        assert not status
        assert "Status" not in status
        join(assoc)


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("send_c_echo", ["msg_id"]),
        ("send_c_store", ["dataset", "msg_id", "priority", "originator_aet", "originator_id"]),
        ("send_c_find", ["dataset", "query_model", "msg_id", "priority"]),
        ("send_c_get", ["dataset", "query_model", "msg_id", "priority"]),
        ("send_c_move", ["dataset", "move_aet", "query_model", "msg_id", "priority"]),
        ("send_c_cancel", ["msg_id", "context_id", "query_model"]),
        (
            "send_n_action",
            ["dataset", "action_type", "class_uid", "instance_uid", "msg_id", "meta_uid"],
        ),
        ("send_n_create", ["dataset", "class_uid", "instance_uid", "msg_id", "meta_uid"]),
        ("send_n_delete", ["class_uid", "instance_uid", "msg_id", "meta_uid"]),
        (
            "send_n_event_report",
            ["dataset", "event_type", "class_uid", "instance_uid", "msg_id", "meta_uid"],
        ),
        ("send_n_get", ["identifier_list", "class_uid", "instance_uid", "msg_id", "meta_uid"]),
        ("send_n_set", ["dataset", "class_uid", "instance_uid", "msg_id", "meta_uid"]),
    ],
)
def test_08_order_of_arguments(name: str, arguments: list[str]) -> None:
    assert list(inspect.signature(getattr(Association, name)).parameters) == ["self", *arguments]


# What is answered while nothing is bound: C-ECHO says Success, everything else refuses
UNBOUND = {"C_ECHO": 0x0000, "C_STORE": 0xC211, "C_FIND": 0xC311, "C_GET": 0xC411, "C_MOVE": 0xC511}
SERVICES_N = ["N_ACTION", "N_CREATE", "N_DELETE", "N_EVENT_REPORT", "N_GET", "N_SET"]


def send(assoc: Association, name: str) -> Any:
    """Send a request of a service and return the status that is answered."""
    query = Dataset()
    query.PatientID = "12"
    film = BasicFilmSession, "1.2.3"
    answer: Any = {
        "C_ECHO": assoc.send_c_echo,
        "C_STORE": lambda: assoc.send_c_store(CT_FILE),
        "C_FIND": lambda: next(assoc.send_c_find(query, FIND)),
        "C_GET": lambda: next(assoc.send_c_get(query, GET)),
        "C_MOVE": lambda: next(assoc.send_c_move(query, "STORE_SCP", MOVE)),
        "N_ACTION": lambda: assoc.send_n_action(query, 1, *film),
        "N_CREATE": lambda: assoc.send_n_create(query, *film),
        "N_DELETE": lambda: assoc.send_n_delete(*film),
        "N_EVENT_REPORT": lambda: assoc.send_n_event_report(query, 1, *film),
        "N_GET": lambda: assoc.send_n_get([(0x0010, 0x0020)], *film),
        "N_SET": lambda: assoc.send_n_set(query, *film),
    }[name]()
    status: Dataset = answer[0] if isinstance(answer, tuple) else answer
    return status.Status


EVERYTHING = [Verification, CTImageStorage, FIND, GET, MOVE, BasicFilmSession]


@pytest.mark.parametrize("name", [*UNBOUND, *SERVICES_N])
def test_09_nothing_bound(start_scp: StartSCP, name: str) -> None:
    with association(port_of(start_scp(EVERYTHING)), EVERYTHING) as assoc:
        assert send(assoc, name) == UNBOUND.get(name, 0x0110)


@pytest.mark.parametrize("name", [*UNBOUND, *SERVICES_N])
def test_09_bound_by_start_server(start_scp: StartSCP, name: str) -> None:
    pair = 0x0110, None
    answers: dict[str, Any] = dict.fromkeys(["C_ECHO", "C_STORE", "N_DELETE"], 0x0110)
    answers |= {"C_FIND": [(0xA700, None)], "C_GET": iter([1, (0xA701, None)])}
    answers["C_MOVE"] = iter([(None, None)])
    final = {"C_FIND": 0xA700, "C_GET": 0xA701, "C_MOVE": 0xA801}
    seen: list[Any] = []

    def handle(event: Any, number: int) -> Any:
        seen.append((event.event, number))
        return answers.get(name, pair)

    binding = (getattr(evt, f"EVT_{name}"), handle, [5])
    with association(port_of(start_scp(EVERYTHING, [binding])), EVERYTHING) as assoc:
        assert send(assoc, name) == final.get(name, 0x0110)
    assert seen == [(binding[0], 5)]


def test_09_bound_by_associate(start_scp: StartSCP) -> None:
    def ask_back(event: Any) -> int:
        asked.append(send(event.assoc, "N_EVENT_REPORT"))
        return 0x0000

    asked: list[int] = []
    report = (evt.EVT_N_EVENT_REPORT, lambda event: (0x0107, None))
    port = port_of(start_scp(EVERYTHING, [(evt.EVT_C_ECHO, ask_back)]))
    with association(port, EVERYTHING, evt_handlers=[report]) as assoc:
        assert assoc.send_c_echo().Status == 0x0000
    assert asked == [0x0107]


@pytest.mark.parametrize("app", APPS)
def test_10_apps(app: str) -> None:
    versions, helps = run_app(app, "--version"), run_app(app, "--help")
    assert (versions.code, versions.out, versions.err) == (
        0,
        f"{app} (pynetdicom {__version__})\n",
        "",
    )
    assert (helps.code, helps.err) == (0, "")
    assert helps.out.startswith(f"usage: {app} ")


def test_10_console_scripts() -> None:
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    section = text.partition("[project.scripts]\n")[2].partition("\n\n[")[0]
    assert section.splitlines() == [f'{app} = "pynetdicom.apps.{app}.{app}:main"' for app in APPS]


def test_10_qrscp_without_sqlalchemy(tmp_path: Path) -> None:
    program = "import sys; sys.modules['sqlalchemy'] = None; "
    program += "from pynetdicom.__main__ import main; sys.exit(main())"
    done = subprocess.run(
        [sys.executable, "-c", program, "qrscp", "--instance-location", tmp_path],
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    told = "qrscp: SQLAlchemy is not installed; install pynetdicom[apps]\n"
    assert (done.returncode, done.stdout, done.stderr) == (1, "", told)


def test_11_ae_titles_as_bytes(start_scp: StartSCP) -> None:
    server = start_scp(ae_title="ANY_SCP_AE", require_called_aet=True)
    with pytest.warns(DeprecationWarning, match="as str"):
        ae = AE(ae_title=b"MY_AE_TITLE")  # type: ignore[arg-type]
    assert ae.ae_title == "MY_AE_TITLE"
    ae.add_requested_context(Verification)
    with pytest.warns(DeprecationWarning, match="as str"):
        assoc = ae.associate(HOST, port_of(server), ae_title=b"ANY_SCP_AE")  # type: ignore[arg-type]
    assert assoc.is_established
    assert assoc.acceptor.ae_title == "ANY_SCP_AE"
    assert [each.requestor.ae_title for each in server.active_associations] == ["MY_AE_TITLE"]
    assoc.release()
    join(assoc)


def test_12_contexts_as_objects() -> None:
    ae = AE()
    context = build_context(CTImageStorage, [ImplicitVRLittleEndian])
    context.scu_role, context.scp_role = False, True
    ae.add_supported_context(VerificationPresentationContexts[0])
    ae.add_supported_context(context)
    ae.add_requested_context(VerificationPresentationContexts[0])
    ae.add_requested_context(context)
    ae.add_requested_context(context, ExplicitVRLittleEndian)
    assert [
        (each.abstract_syntax, each.transfer_syntax, each.scu_role, each.scp_role)
        for each in ae.supported_contexts
    ] == [
        (Verification, DEFAULT_TRANSFER_SYNTAXES, None, None),
        (CTImageStorage, [ImplicitVRLittleEndian], False, True),
    ]
    assert [(each.abstract_syntax, each.transfer_syntax) for each in ae.requested_contexts] == [
        (Verification, DEFAULT_TRANSFER_SYNTAXES),
        (CTImageStorage, [ImplicitVRLittleEndian]),
        (CTImageStorage, [ExplicitVRLittleEndian]),
    ]
    assert context.transfer_syntax == [ImplicitVRLittleEndian]
    server = ae.start_server((HOST, 0), block=False)
    ae.remove_requested_context(CTImageStorage)
    ae.add_requested_context(context)
    assoc = ae.associate(HOST, port_of(server), ext_neg=[build_role(CTImageStorage, scp_role=True)])
    accepted = [(each.abstract_syntax, each.as_scp) for each in assoc.accepted_contexts]
    assert accepted == [(Verification, False), (CTImageStorage, True)]
    assoc.release()
    join(assoc)
    ae.shutdown()


def test_13_supported_contexts_alone(start_scp: StartSCP, caplog: pytest.LogCaptureFixture) -> None:
    ae = AE()
    ae.add_supported_context(Verification)
    ae.add_supported_context(CTImageStorage, scu_role=False, scp_role=True)
    assoc = ae.associate(HOST, port_of(start_scp()))
    assert assoc.send_c_echo().Status == 0x0000
    proposed = {context.abstract_syntax for context in assoc.requestor.requested_contexts}
    assert proposed == {Verification, CTImageStorage}
    assert assoc.requestor.role_selection == {}
    warnings = [record for record in caplog.records if record.levelname == "WARNING"]
    assert [record.name for record in warnings] == ["pynetdicom.ae"]
    assert "add_requested_context()" in warnings[0].getMessage()
    assoc.release()
    join(assoc)


def test_13_nothing_to_propose() -> None:
    with pytest.raises(RuntimeError, match="add_requested_context"):
        AE().associate(HOST, 104)


def test_14_lists_of_contexts() -> None:
    from pynetdicom import presentation

    assert presentation.VerificationPresentationContexts == VerificationPresentationContexts
    assert len(presentation.StoragePresentationContexts) == 120


@pytest.mark.parametrize("args", [None, ["an argument"]])
def test_15_register_event_handler(args: list[str] | None) -> None:
    seen: list[Any] = []

    def handle(event: Any, *extra: str) -> int:
        seen.append((event.assoc.is_requestor, list(extra)))
        return 0x0000

    ae = AE()
    ae.supported_contexts = [build_context(uid) for uid in (Verification, CTImageStorage)]
    ae.requested_contexts = ae.supported_contexts
    running = ae.start_server((HOST, 0), block=False)
    if args is None:
        ae.register_event_handler(evt.EVT_C_STORE, handle)
        ae.register_event_handler(evt.EVT_ESTABLISHED, handle)
    else:
        ae.register_event_handler(evt.EVT_C_STORE, handle, args)
        ae.register_event_handler(evt.EVT_ESTABLISHED, handle, args)
    later = ae.start_server((HOST, 0), block=False)
    for server in (running, later):
        seen.clear()
        assoc = ae.associate(HOST, port_of(server))
        assert assoc.send_c_store(CT_FILE).Status == 0x0000
        assoc.release()
        join(assoc)
        # Established at either end, and stored
        assert sorted(seen) == [(False, args or [])] * 2 + [(True, args or [])]
    ae.shutdown()


def test_15_own_handlers_come_first() -> None:
    ae = AE()
    ae.supported_contexts = ae.requested_contexts = VerificationPresentationContexts
    ae.register_event_handler(evt.EVT_C_ECHO, lambda event: 0x0110)
    handlers = [(evt.EVT_C_ECHO, lambda event: 0x0122)]
    server = ae.start_server((HOST, 0), block=False, evt_handlers=handlers)
    assoc = ae.associate(HOST, port_of(server))
    assert assoc.send_c_echo().Status == 0x0122
    assoc.release()
    join(assoc)
    ae.shutdown()


@pytest.mark.parametrize("name", ["scu", "scp", "tls", "apps"])
def test_16_extras(name: str) -> None:
    # That they install is in test_packaging.py
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    section = text.partition("[project.optional-dependencies]")[2].partition("\n\n[")[0]
    assert re.search(rf"^{name} = \[", section, re.MULTILINE)


def test_17_shutdown_in_finally() -> None:
    ae = AE()
    try:
        assert ae.active_associations == []
    finally:
        ae.shutdown()


@pytest.mark.parametrize("keeps", [True, False])
def test_18_servers_running_at_the_end(keeps: bool) -> None:
    program = f"""
import gc
from pynetdicom import AE, VerificationPresentationContexts

def serve(title):
    ae = AE(title)
    ae.supported_contexts = ae.requested_contexts = VerificationPresentationContexts
    return ae, ae.start_server(("{HOST}", 0), block=False)

kept = [serve("FIRST"), serve("SECOND")]
port = kept[0][1].server_address[1]
stopped, _ = serve("STOPPED")
stopped.shutdown()
kept = kept if {keeps} else None
gc.collect()
assoc = stopped.associate("{HOST}", port)  # for it is still there
print(assoc.send_c_echo().Status)
"""
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        timeout=raw.PATIENCE,
        check=True,
        cwd=ROOT,
    )
    assert done.stdout == "0\n"
    (warning,) = [line for line in done.stderr.splitlines() if "Warning" in line]
    assert "RuntimeWarning" in warning
    assert "FIRST, SECOND" in warning
    assert "ae.shutdown()" in warning


def test_19_no_accepted_context(start_scp: StartSCP) -> None:
    ae = AE()
    ae.add_requested_context(Verification)
    ae.add_requested_context(MRImageStorage)
    assoc = ae.associate(HOST, port_of(start_scp()))
    with pytest.raises(ValueError) as told:
        assoc.send_c_store(dcmread(CT_FILE))
    text = f"'CT Image Storage' ({CTImageStorage})"
    assert text in str(told.value)
    assert f"none was proposed; use AE.add_requested_context('{CTImageStorage}')" in str(told.value)
    with pytest.raises(ValueError, match=r"'MR Image Storage'.*Abstract Syntax Not Supported"):
        assoc.send_c_store(dcmread(MR_FILE))
    assoc.release()
    join(assoc)


def test_20_life_of_an_association_in_the_log(start_scp: StartSCP) -> None:
    port = port_of(start_scp())
    program = f"""
import logging
from pynetdicom import AE
from pynetdicom.sop_class import Verification

logging.basicConfig(level=logging.INFO)
ae = AE("MY_SCU")
ae.add_requested_context(Verification)
assoc = ae.associate("{HOST}", {port})
assoc.send_c_echo()
assoc.release()
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT
    )
    peer = f"ANY-SCP at {HOST}:{port} (as MY_SCU, association 1)"
    assert done.stderr.splitlines() == [
        f"INFO:pynetdicom.association:Requesting Association with {peer}",
        f"INFO:pynetdicom.association:Association with {peer} established, 1 of 1 presentation "
        "contexts accepted",
        f"INFO:pynetdicom._handlers:Sent to {peer}: C-ECHO-RQ (message 1, context 1, Verification "
        "SOP Class)",
        f"INFO:pynetdicom._handlers:Received from {peer}: C-ECHO-RSP (message 1, context 1, "
        "Verification SOP Class, status 0x0000 (Success))",
        f"INFO:pynetdicom.association:Releasing Association with {peer}",
        f"INFO:pynetdicom.association:Association with {peer} released",
    ]


def test_21_apps_is_a_package() -> None:
    import pynetdicom.apps

    assert pynetdicom.apps.__path__


def test_26_arguments_as_dict_and_this_host(start_scp: StartSCP) -> None:
    port = port_of(start_scp())
    ae = AE()
    ae.add_requested_context(Verification)
    peer: dict[str, Any] = {"addr": HOST, "port": port, "ae_title": "TEST_SCP"}
    for assoc in (ae.associate(**peer), ae.associate("", port)):
        assert assoc.is_established
        assoc.release()
        join(assoc)


class TestContextManagers:
    """Row 27."""

    @pytest.fixture
    def ae(self) -> AE:
        ae = AE()
        ae.add_requested_context(Verification)
        return ae

    def test_released(self, start_scp: StartSCP, ae: AE) -> None:
        with ae.associate(HOST, port_of(start_scp())) as assoc:
            assert assoc.send_c_echo().Status == 0x0000
        assert assoc.is_released
        join(assoc)

    def test_ended_within(self, start_scp: StartSCP, ae: AE) -> None:
        with ae.associate(HOST, port_of(start_scp())) as assoc:
            assoc.abort()
        assert assoc.is_aborted
        assert not assoc.is_released
        join(assoc)

    def test_aborted_by_an_exception(self, start_scp: StartSCP, ae: AE) -> None:
        with (
            pytest.raises(KeyError, match="of the user"),
            ae.associate(HOST, port_of(start_scp())) as assoc,
        ):
            raise KeyError("of the user")
        assert assoc.is_aborted
        join(assoc)

    def test_rejected(self, start_scp: StartSCP, ae: AE) -> None:
        server = start_scp(require_calling_aet=["SOMEBODY"])
        assoc = ae.associate(HOST, port_of(server))
        with pytest.raises(AssociationError, match=r"rejected: .*Calling AE title") as told, assoc:
            pytest.fail("entered")
        assert (told.value.result, told.value.source, told.value.reason) == (1, 1, 3)
        assert isinstance(told.value, ConnectionError)

    def test_no_connection(self, ae: AE) -> None:
        with reserve_port() as port:
            assoc = ae.associate(HOST, port)
        with pytest.raises(AssociationError, match="there is no connection") as told, assoc:
            pytest.fail("entered")
        assert (told.value.result, told.value.source, told.value.reason) == (None, None, None)

    def test_over(self, start_scp: StartSCP, ae: AE) -> None:
        assoc = ae.associate(HOST, port_of(start_scp()))
        assoc.release()
        with pytest.raises(AssociationError, match="is over"), assoc:
            pytest.fail("entered")
        join(assoc)

    def test_ae(self) -> None:
        with AE() as ae:
            ae.supported_contexts = ae.requested_contexts = VerificationPresentationContexts
            server = ae.start_server((HOST, 0), block=False)
            assoc = ae.associate(HOST, port_of(server))
            assert assoc.is_established
        assert assoc.is_aborted
        assert server.is_closed
        assert ae.active_associations == []
        join(assoc)

    def test_ae_with_an_exception(self) -> None:
        ae = AE()
        ae.add_supported_context(Verification)
        server = ae.start_server((HOST, 0), block=False)
        with pytest.raises(KeyError), ae:
            raise KeyError
        assert server.is_closed


def test_28_release_of_what_never_was(start_scp: StartSCP) -> None:
    ae = AE()
    ae.add_requested_context(Verification)
    with reserve_port() as port:
        refused = ae.associate(HOST, port)
    rejected = ae.associate(HOST, port_of(start_scp(require_called_aet=True)))
    for assoc in (refused, rejected):
        assert not assoc.is_established
        assoc.release()
        assert not assoc.is_released
    assoc = ae.associate(HOST, port_of(start_scp()))
    resp = assoc.send_c_echo()
    assert resp.Status == 0x0000
    assoc.release()
    assoc.release()
    join(assoc)
