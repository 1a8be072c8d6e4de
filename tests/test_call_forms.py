"""Forms of calls that users know, each against a live peer; the numbers are those of the list."""

from __future__ import annotations

import inspect
import logging
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydicom import dcmread
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

from pynetdicom import AE, Association, VerificationPresentationContexts, debug_logger, evt
from pynetdicom.sop_class import CTImageStorage, MRImageStorage, Verification
from tests.support import raw
from tests.support.associations import SOON, join, port_of
from tests.support.raw import HOST

StartSCP = Callable[..., Any]

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


def test_13_nothing_to_propose() -> None:
    with pytest.raises(RuntimeError):
        AE().associate(HOST, 104)


def test_17_shutdown_in_finally() -> None:
    ae = AE()
    try:
        assert ae.active_associations == []
    finally:
        ae.shutdown()


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


def test_26_arguments_as_dict_and_this_host(start_scp: StartSCP) -> None:
    port = port_of(start_scp())
    ae = AE()
    ae.add_requested_context(Verification)
    peer: dict[str, Any] = {"addr": HOST, "port": port, "ae_title": "TEST_SCP"}
    for assoc in (ae.associate(**peer), ae.associate("", port)):
        assert assoc.is_established
        assoc.release()
        join(assoc)
