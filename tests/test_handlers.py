"""The logging handlers."""

from __future__ import annotations

import inspect
import io
import logging
import sys
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from pynetdicom import _handlers
from pynetdicom import events as evt
from pynetdicom._handlers import debug_data, debug_fsm, debug_logger
from pynetdicom.dimse_messages import C_ECHO_RQ, C_STORE_RSP, N_GET_RQ, DIMSEMessage
from pynetdicom.dimse_primitives import N_GET
from pynetdicom.events import Event
from pynetdicom.pdu import PDU_TYPES
from pynetdicom.pdu_primitives import (
    A_ASSOCIATE,
    ImplementationClassUIDNotification,
    MaximumLengthNotification,
    UserIdentityNegotiation,
)
from pynetdicom.presentation import build_context

SECRET = b"open sesame"
Lines = Callable[[], list[str]]


class Association:
    """As much of an association as the handlers ask for."""

    is_requestor = True
    ae = SimpleNamespace(log_patient_data=True)

    def _peer_text(self) -> str:
        return "PEER at 10.0.0.1:104"


class Broken:
    """Something that cannot be logged."""

    pdu_type = 0x01

    def __str__(self) -> str:
        raise ValueError("cannot be shown")


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture) -> Lines:
    """Return a function that returns what was logged, as level and message."""
    caplog.set_level(logging.DEBUG, "pynetdicom")

    def logged() -> list[str]:
        assert {record.name for record in caplog.records} <= {"pynetdicom._handlers"}
        return [f"{record.levelname}: {record.getMessage()}" for record in caplog.records]

    return logged


def happened(event: evt.EventType, **attrs: Any) -> Event:
    """Return an event."""
    assoc: Any = Association()
    return Event(assoc, event, attrs)


def associate_rq() -> Any:
    """Return an A-ASSOCIATE-RQ with a user identity item."""
    primitive = A_ASSOCIATE()
    primitive.application_context_name = "1.2.840.10008.3.1.1.1"
    primitive.calling_ae_title = "CALLING"
    primitive.called_ae_title = "CALLED"
    context = build_context("1.2.840.10008.1.1")
    context.context_id = 1
    primitive.presentation_context_definition_list = [context]
    length = MaximumLengthNotification()
    length.maximum_length_received = 16382
    implementation = ImplementationClassUIDNotification()
    implementation.implementation_class_uid = "1.2.3.4"
    identity = UserIdentityNegotiation()
    identity.user_identity_type = 2
    identity.primary_field = b"the user"
    identity.secondary_field = SECRET
    primitive.user_information = [length, implementation, identity]
    return PDU_TYPES[0x01](primitive)


def abort() -> Any:
    """Return an A-ABORT."""
    pdu = PDU_TYPES[0x07]()
    pdu.decode(bytes.fromhex("07 00 00000004 00 00 02 01"))
    return pdu


def message(kind: type[DIMSEMessage], **values: Any) -> DIMSEMessage:
    """Return a DIMSE message in context 3."""
    found = kind()
    found.context_id = 3
    for keyword, value in values.items():
        setattr(found.command_set, keyword, value)
    return found


class TestPDU:
    @pytest.mark.parametrize(
        ("event", "handler", "direction"),
        [
            (evt.EVT_PDU_RECV, _handlers.standard_pdu_recv_handler, "Received from"),
            (evt.EVT_PDU_SENT, _handlers.standard_pdu_sent_handler, "Sent to"),
        ],
    )
    def test_direction(
        self, event: Any, handler: Callable[[Event], None], direction: str, lines: Lines
    ) -> None:
        handler(happened(event, pdu=abort()))
        (line,) = lines()
        assert line.startswith(f"DEBUG: {direction} PEER at 10.0.0.1:104:\nA-ABORT")

    def test_all_lines(self, lines: Lines) -> None:
        pdu = associate_rq()
        _handlers.standard_pdu_sent_handler(happened(evt.EVT_PDU_SENT, pdu=pdu))
        assert lines() == [f"DEBUG: Sent to PEER at 10.0.0.1:104:\n{pdu}"]
        assert "Verification" in str(pdu)

    def test_no_secrets(self, lines: Lines) -> None:
        _handlers.standard_pdu_sent_handler(happened(evt.EVT_PDU_SENT, pdu=associate_rq()))
        assert SECRET.decode() not in "".join(lines())
        assert SECRET.hex() not in "".join(lines()).replace(" ", "")

    def test_p_data_is_left_to_messages(self, lines: Lines) -> None:
        pdu = PDU_TYPES[0x04]()
        _handlers.standard_pdu_recv_handler(happened(evt.EVT_PDU_RECV, pdu=pdu))
        assert lines() == []

    def test_not_above_debug(self, lines: Lines, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.INFO, "pynetdicom")
        _handlers.standard_pdu_recv_handler(happened(evt.EVT_PDU_RECV, pdu=Broken()))
        assert lines() == []

    def test_control_characters(self, lines: Lines) -> None:
        class Hostile:
            pdu_type = 0x01

            def __str__(self) -> str:
                return "first\x1b[2J\n  second \u202e\r\n  third"

        _handlers.standard_pdu_recv_handler(happened(evt.EVT_PDU_RECV, pdu=Hostile()))
        assert lines() == [
            "DEBUG: Received from PEER at 10.0.0.1:104:\n"
            "first\\x1b[2J\n  second \\u202e\\r\n  third"
        ]

    def test_percent_signs(self, lines: Lines) -> None:
        class Percent:
            pdu_type = 0x01

            def __str__(self) -> str:
                return "100 %s\n100 %s"

        _handlers.standard_pdu_recv_handler(happened(evt.EVT_PDU_RECV, pdu=Percent()))
        assert lines() == ["DEBUG: Received from PEER at 10.0.0.1:104:\n100 %s\n100 %s"]


class TestMessage:
    def test_request(self, lines: Lines) -> None:
        item = message(C_ECHO_RQ, MessageID=7, AffectedSOPClassUID="1.2.840.10008.1.1")
        _handlers.standard_dimse_recv_handler(happened(evt.EVT_DIMSE_RECV, message=item))
        assert lines() == [
            "INFO: Received from PEER at 10.0.0.1:104: "
            "C-ECHO-RQ (message 7, context 3, Verification SOP Class)",
            f"DEBUG: Received from PEER at 10.0.0.1:104:\n{item}",
        ]

    def test_response(self, lines: Lines, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.INFO, "pynetdicom")
        item = message(C_STORE_RSP, MessageIDBeingRespondedTo=8, Status=0xA700)
        _handlers.standard_dimse_sent_handler(happened(evt.EVT_DIMSE_SENT, message=item))
        assert lines() == [
            "INFO: Sent to PEER at 10.0.0.1:104: "
            "C-STORE-RSP (message 8, context 3, status 0xA700 (Failure))"
        ]

    def test_requested_class(self, lines: Lines) -> None:
        values = {"MessageID": 1, "RequestedSOPClassUID": "1.2.3\n4"}
        item = message(N_GET_RQ)
        item.primitive_to_message(N_GET._from_values(values))
        _handlers.standard_dimse_recv_handler(happened(evt.EVT_DIMSE_RECV, message=item))
        assert lines()[0].endswith("N-GET-RQ (message 1, context 3, 1.2.3\\n4)")

    def test_instance_and_comment(self, lines: Lines, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.INFO, "pynetdicom")
        values = {"AffectedSOPInstanceUID": "1.2.3", "ErrorComment": "Disk full"}
        item = message(C_STORE_RSP, MessageIDBeingRespondedTo=8, Status=0xA700, **values)
        _handlers.standard_dimse_sent_handler(happened(evt.EVT_DIMSE_SENT, message=item))
        assert lines()[0].endswith("instance 1.2.3, status 0xA700 (Failure), 'Disk full')")

    def test_patient_data_withheld(self, lines: Lines, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(Association.ae, "log_patient_data", False)
        values = {"AffectedSOPInstanceUID": "1.2.3", "ErrorComment": "Doe is unknown"}
        item = message(C_STORE_RSP, MessageIDBeingRespondedTo=8, Status=0xA700, **values)
        _handlers.standard_dimse_sent_handler(happened(evt.EVT_DIMSE_SENT, message=item))
        line, dump = lines()
        assert line.endswith("C-STORE-RSP (message 8, context 3, status 0xA700 (Failure))")
        assert dump.count(" : (withheld)") == 2
        assert "0xA700" in dump
        assert "1.2.3" not in dump
        assert "Doe" not in dump

    def test_not_above_info(self, lines: Lines, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.WARNING, "pynetdicom")
        _handlers.standard_dimse_recv_handler(happened(evt.EVT_DIMSE_RECV, message=Broken()))
        assert lines() == []


@pytest.mark.parametrize(
    ("handler", "attrs"),
    [
        (_handlers.standard_pdu_recv_handler, {"pdu": Broken()}),
        (_handlers.standard_pdu_sent_handler, {"pdu": Broken()}),
        (_handlers.standard_dimse_recv_handler, {"message": Broken()}),
        (_handlers.standard_dimse_sent_handler, {"message": Broken()}),
        (debug_fsm, {}),
        (debug_data, {}),
    ],
)
def test_never_raises(
    handler: Callable[[Event], None], attrs: dict[str, Any], lines: Lines
) -> None:
    handler(happened(evt.EVT_PDU_RECV, **attrs))
    assert lines() == [f"ERROR: Unable to log an event in {handler.__name__}"]


class TestDebugFSM:
    @pytest.mark.parametrize(("is_requestor", "letter"), [(True, "R"), (False, "A")])
    def test_line(
        self,
        is_requestor: bool,
        letter: str,
        lines: Lines,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr(Association, "is_requestor", is_requestor)
        debug_fsm(
            happened(
                evt.EVT_FSM_TRANSITION,
                current_state="Sta1",
                fsm_event="Evt1",
                action="AE-1",
                next_state="Sta4",
            )
        )
        assert lines() == [f"DEBUG: {letter}: Sta1 + Evt1 -> AE-1 -> Sta4"]


class TestDebugData:
    ABORT = bytes.fromhex("0700000000040000 0201")

    def test_raw(self, lines: Lines) -> None:
        debug_data(happened(evt.EVT_DATA_RECV, data=self.ABORT))
        assert lines() == ["DEBUG:   07 00 00 00 00 04 00 00 02 01"]

    @pytest.mark.parametrize(
        ("event", "direction"), [(evt.EVT_DATA_RECV, "Received"), (evt.EVT_DATA_SENT, "Sent")]
    )
    def test_summary(self, event: Any, direction: str, lines: Lines) -> None:
        debug_data(happened(event, data=self.ABORT), None, False, True)
        assert lines() == [f"DEBUG: {direction} 0x07 - A-ABORT (10 bytes)"]

    def test_unknown_type(self, lines: Lines) -> None:
        data = b"\x42" + self.ABORT[1:]
        debug_data(happened(evt.EVT_DATA_RECV, data=data), print_raw=False, print_summary=True)
        assert lines() == ["DEBUG: Received 0x42 - unknown type of PDU (10 bytes)"]

    @pytest.mark.parametrize(("pdu_type", "count"), [(7, 1), (1, 0), (None, 1)])
    def test_type(self, pdu_type: int | None, count: int, lines: Lines) -> None:
        debug_data(happened(evt.EVT_DATA_RECV, data=self.ABORT), pdu_type)
        assert len(lines()) == count

    def test_patient_data_withheld(self, lines: Lines, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(Association.ae, "log_patient_data", False)
        debug_data(happened(evt.EVT_DATA_RECV, data=bytes.fromhex("0400 00000006 00000002 0102")))
        debug_data(happened(evt.EVT_DATA_RECV, data=self.ABORT))
        withheld, shown = lines()
        assert "withheld: log_patient_data is False" in withheld
        assert shown == "DEBUG:   07 00 00 00 00 04 00 00 02 01"

    def test_no_data(self, lines: Lines) -> None:
        debug_data(happened(evt.EVT_DATA_RECV, data=b""))
        assert lines() == []

    def test_user_identity_is_masked(self, lines: Lines) -> None:
        data = associate_rq().encode()
        assert SECRET in data
        debug_data(happened(evt.EVT_DATA_SENT, data=data))
        (line,) = lines()
        logged = bytes.fromhex(line.removeprefix("DEBUG:"))
        start = data.index(bytes.fromhex("58 00"))
        end = start + 4 + int.from_bytes(data[start + 2 : start + 4], "big")
        assert logged[: start + 4] == data[: start + 4]
        assert logged[start + 4 : end] == b"*" * (end - start - 4)
        assert logged[end:] == data[end:]

    def test_server_response_is_masked(self) -> None:
        body = bytes(68) + bytes.fromhex("50 00 0008 59 00 0004") + b"SAML"
        data = b"\x02\0" + len(body).to_bytes(4, "big") + body
        assert _handlers._mask_identity(data) == data.replace(b"SAML", b"****")

    @pytest.mark.parametrize("item", ["10 00 FFFF", "50 00 0010 51 00 0400", "20 00 000E 20"])
    def test_rest_is_masked_after_a_wrong_length(self, item: str) -> None:
        data = b"\x01\0" + bytes(72) + bytes.fromhex(item) + SECRET
        masked = _handlers._mask_identity(data)
        assert len(masked) == len(data)
        assert SECRET not in masked

    @pytest.mark.parametrize("length", range(74, 90))
    def test_cut_short(self, length: int) -> None:
        data = (b"\x01\0" + bytes(72) + bytes.fromhex("50 00 000C 58 00 0008") + SECRET)[:length]
        assert len(_handlers._mask_identity(data)) == length


class TestDebugLogger:
    @pytest.fixture(autouse=True)
    def logger(self) -> Iterator[logging.Logger]:
        """Return the package's logger, and restore it afterwards."""
        logger = logging.getLogger("pynetdicom")
        handlers, level = list(logger.handlers), logger.level
        yield logger
        logger.handlers[:] = handlers
        logger.setLevel(level)

    def test_repeatable(self, logger: logging.Logger, monkeypatch: pytest.MonkeyPatch) -> None:
        stream = io.StringIO()
        monkeypatch.setattr(sys, "stderr", stream)
        logger.addHandler(logging.NullHandler())
        debug_logger()
        debug_logger()
        assert len(logger.handlers) == 1
        assert logger.level == logging.DEBUG
        logging.getLogger("pynetdicom.events").debug("a %s", "line")
        logging.getLogger("pynetdicom").warning("another")
        assert stream.getvalue() == "D: a line\nW: another\n"


DOCUMENTED = [name for name in vars(_handlers) if name.startswith("doc_handle_")]


class TestDocumentation:
    def test_one_for_each_kind_of_event(self) -> None:
        names = """acse action assoc async c_get create data delete dimse echo event_report find
        fsm move n_get pdu set sop_common sop_extended store transport userid"""
        assert sorted(DOCUMENTED) == [f"doc_handle_{name}" for name in names.split()]

    @pytest.mark.parametrize("name", DOCUMENTED)
    def test_function(self, name: str) -> None:
        function = getattr(_handlers, name)
        assert list(inspect.signature(function).parameters) == ["event"]
        result = function(happened(evt.EVT_SOP_COMMON, items={}, app_info={}))
        if inspect.isgenerator(result):
            assert list(result)
        else:
            documented = "Returns" in (function.__doc__ or "")
            assert documented == (result is not None)

    def test_every_event_is_documented(self) -> None:
        text = "".join(getattr(_handlers, name).__doc__ for name in DOCUMENTED)
        missing = [name for name in vars(evt) if name.startswith("EVT_") and name not in text]
        assert missing == []
