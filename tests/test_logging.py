"""What is in the log, and what never is, of whole associations."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset

from pynetdicom import AE, Association, _config, _handlers, evt
from pynetdicom.dimse_messages import DIMSEMessage
from pynetdicom.pdu import PDU
from pynetdicom.pdu_primitives import UserIdentityNegotiation
from tests.support.associations import CT, ECHO, association, join, port_of
from tests.support.raw import HOST
from tests.support.requests import FIND, GET, MOVE
from tests.support.retrievals import instance, uid

StartSCP = Callable[..., Any]

NAME = "Number^1"  # the patient of instance 1
COMMENT = "no room for Doe"
DEBUGGING = [
    (evt.EVT_DATA_RECV, _handlers.debug_data),
    (evt.EVT_DATA_SENT, _handlers.debug_data),
    (evt.EVT_FSM_TRANSITION, _handlers.debug_fsm),
]


def query(level: str = "PATIENT") -> Dataset:
    """Return an identifier that names the patient."""
    found = Dataset()
    found.QueryRetrieveLevel = level
    found.PatientName = NAME
    return found


def refuse(event: Any) -> Dataset:
    """Refuse an instance, with a comment."""
    status = Dataset()
    status.Status = 0xA700
    status.ErrorComment = COMMENT
    return status


def find(event: Any) -> Iterator[tuple[int, Dataset]]:
    """Find the patient."""
    yield 0xFF00, query()


def retrieve(event: Any) -> Iterator[Any]:
    """Send instance 1 to this host, where it is refused."""
    if event.event is evt.EVT_C_MOVE:
        yield HOST, event.assoc.acceptor.port
    yield 1
    yield 0xFF00, instance(1)


HANDLERS = [
    *DEBUGGING,
    (evt.EVT_C_STORE, refuse),
    (evt.EVT_C_FIND, find),
    (evt.EVT_C_GET, retrieve),
    (evt.EVT_C_MOVE, retrieve),
]


def use_everything(start_scp: StartSCP, **settings: Any) -> None:
    """Store, query and retrieve about one patient; `settings` are those of both AEs."""
    ae = AE("TEST_SCU")
    for name, value in settings.items():
        setattr(ae, name, value)
    server = start_scp([ECHO, CT, FIND, GET, MOVE], HANDLERS, **settings)
    contexts = [ECHO, CT, FIND, GET, MOVE]
    with association(port_of(server), contexts, ae, evt_handlers=HANDLERS) as assoc:
        assoc.send_c_echo()
        assert assoc.send_c_store(instance(1)).ErrorComment == COMMENT
        list(assoc.send_c_find(query(), FIND))
        list(assoc.send_c_get(query(), GET))
        list(assoc.send_c_move(query(), "TEST_SCP", MOVE))
        broken = instance(1)
        broken.add(DataElement("BitsAllocated", "US", NAME, already_converted=True))  # no number
        with pytest.raises(ValueError, match="Failed to encode"):
            assoc.send_c_store(broken)
    join(*server.active_associations)


def shown(text: str, *values: str) -> list[str]:
    """Return those of some values that can be read in a log, as they are or in hexadecimal."""
    dense = "".join(text.split()).lower()
    return [value for value in values if value in text or value.encode().hex() in dense]


class TestPatientData:
    """What identifies patients can be withheld."""

    ALL = (NAME, COMMENT, uid(1))

    @pytest.fixture(autouse=True)
    def everything_logged(self, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.DEBUG, "pynetdicom")

    def test_shown(self, start_scp: StartSCP, caplog: pytest.LogCaptureFixture) -> None:
        use_everything(start_scp)
        assert shown(caplog.text, *self.ALL) == list(self.ALL)
        assert f"instance {uid(1)}, status 0xA700 (Failure), '{COMMENT}'" in caplog.text

    def test_withheld_by_the_setting(
        self,
        start_scp: StartSCP,
        caplog: pytest.LogCaptureFixture,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr(_config, "LOG_PATIENT_DATA", False)
        use_everything(start_scp)
        assert shown(caplog.text, *self.ALL) == []
        assert "status 0xA700 (Failure)" in caplog.text
        assert "sub-operation for an instance failed" in caplog.text

    def test_shown_by_one_ae(
        self,
        start_scp: StartSCP,
        caplog: pytest.LogCaptureFixture,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr(_config, "LOG_PATIENT_DATA", False)
        use_everything(start_scp, log_patient_data=True)
        assert shown(caplog.text, *self.ALL) == list(self.ALL)

    def test_withheld_by_one_ae(
        self, start_scp: StartSCP, caplog: pytest.LogCaptureFixture
    ) -> None:
        use_everything(start_scp, log_patient_data=False)
        # What pydicom says when it fails to encode follows the setting for all
        messages = [
            record.getMessage() for record in caplog.records if record.name != "pynetdicom.dsutils"
        ]
        assert shown("\n".join(messages), *self.ALL) == []

    def test_attribute(self, monkeypatch: pytest.MonkeyPatch) -> None:
        ae = AE()
        assert ae.log_patient_data
        monkeypatch.setattr(_config, "LOG_PATIENT_DATA", False)
        assert not ae.log_patient_data
        ae.log_patient_data = True
        assert ae.log_patient_data
        ae.log_patient_data = None
        assert not ae.log_patient_data
        with pytest.raises(TypeError, match="must be a bool or None"):
            ae.log_patient_data = 1  # type: ignore[assignment]


@pytest.mark.parametrize("kind", [2, 3, 4, 5])
def test_no_secrets(kind: int, start_scp: StartSCP, caplog: pytest.LogCaptureFixture) -> None:
    """Passcodes, Kerberos tickets, SAML assertions and JSON web tokens, and what answers them."""
    caplog.set_level(logging.DEBUG, "pynetdicom")
    seen: list[bytes] = []

    def check(event: Any) -> tuple[bool, bytes]:
        seen.append(event.secondary_field if kind == 2 else event.primary_field)
        return True, b"the answer to it"

    identity = UserIdentityNegotiation()
    identity.user_identity_type = kind
    identity.primary_field = b"somebody" if kind == 2 else b"open sesame"
    if kind == 2:
        identity.secondary_field = b"open sesame"
    identity.positive_response_requested = True
    server = start_scp(handlers=[*DEBUGGING, (evt.EVT_USER_ID, check)])
    arguments: Any = {"ext_neg": [identity], "evt_handlers": DEBUGGING}
    with association(port_of(server), **arguments) as assoc:
        answer = assoc.acceptor.user_identity
        assert answer is None if kind == 2 else answer
        logging.getLogger("pynetdicom").debug("%s %s", assoc.requestor.primitive, identity)
    assert seen == [b"open sesame"]
    assert "2a 2a 2a" in caplog.text  # asterisks in the bytes
    assert shown(caplog.text, "open sesame", "the answer to it") == []


class TestQuiet:
    """Nothing is formatted that is not printed."""

    @pytest.fixture
    def formatted(self, monkeypatch: pytest.MonkeyPatch) -> list[str]:
        """Return a list that gets the names of what is called to format."""
        called: list[str] = []
        for owner, name in (
            (Association, "_peer_text"),
            (_handlers, "_summary"),
            (DIMSEMessage, "__str__"),
            (PDU, "__str__"),
        ):

            def note(*args: Any, name: str = name) -> str:
                called.append(name)
                return ""

            monkeypatch.setattr(owner, name, note)
        return called

    def test_at_warning(
        self, start_scp: StartSCP, caplog: pytest.LogCaptureFixture, formatted: list[str]
    ) -> None:
        caplog.set_level(logging.WARNING, "pynetdicom")
        handlers = [(evt.EVT_C_FIND, find), (evt.EVT_C_STORE, lambda event: 0x0000)]
        with association(port_of(start_scp([ECHO, CT, FIND], handlers)), [ECHO, CT, FIND]) as assoc:
            assoc.send_c_echo()
            assoc.send_c_store(instance(1))
            assert len(list(assoc.send_c_find(query(), FIND))) == 2
        assert formatted == []

    def test_at_info(
        self, start_scp: StartSCP, caplog: pytest.LogCaptureFixture, formatted: list[str]
    ) -> None:
        caplog.set_level(logging.INFO, "pynetdicom")
        with association(port_of(start_scp())) as assoc:
            assoc.send_c_echo()
        assert set(formatted) == {"_peer_text", "_summary"}


class TestLines:
    """One line tells of one event, with the association, the address and both AE titles."""

    def test_server(self, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.INFO, "pynetdicom")
        ae = AE()
        ae.add_supported_context(ECHO)
        server = ae.start_server((HOST, 0), block=False, ae_title="STORE")
        server.shutdown()
        where = f"{HOST}:{port_of(server)} as STORE"
        assert [(record.name, record.getMessage()) for record in caplog.records] == [
            ("pynetdicom.transport", f"Listening on {where}"),
            ("pynetdicom.transport", f"No longer listening on {where}"),
        ]

    def test_refused_request(self, start_scp: StartSCP, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.INFO, "pynetdicom")
        server = start_scp([CT])
        with association(port_of(server), [CT]) as assoc:
            accepted = server.active_associations[0]
            port = accepted.requestor.port
            assert assoc.send_c_store(instance(1)).Status == 0xC211
        join(accepted)
        origin = f"TEST_SCU at {HOST}:{port} (as TEST_SCP, association {accepted.number})"
        assert [
            record.getMessage() for record in caplog.records if record.levelname == "ERROR"
        ] == [
            "C-STORE request refused: no handler is bound to EVT_C_STORE; the request came from "
            f"{origin}"
        ]
        answers = [
            record.getMessage()
            for record in caplog.records
            if record.getMessage().startswith(f"Sent to {origin}: C-STORE-RSP")
        ]
        assert len(answers) == 1
        assert "status 0xC211 (Failure)" in answers[0]

    def test_dumps_begin_on_their_own_line(
        self, start_scp: StartSCP, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.DEBUG, "pynetdicom")
        with association(port_of(start_scp())) as assoc:
            assoc.send_c_echo()
        dumps = [r.getMessage().split("\n") for r in caplog.records if "\n" in r.getMessage()]
        assert {lines[0].partition(" ")[0] for lines in dumps} == {"Sent", "Received"}
        assert all(lines[0].endswith(":") for lines in dumps)
        firsts = {lines[1].split()[0] for lines in dumps}
        assert {"A-ASSOCIATE-RQ", "A-ASSOCIATE-AC", "A-RELEASE-RQ", "MessageType"} <= firsts

    def test_numbers_differ(self, start_scp: StartSCP) -> None:
        server = start_scp()
        with association(port_of(server)) as one, association(port_of(server)) as other:
            here = [one, other, *server.active_associations]
            assert len({assoc.number for assoc in here}) == 4
