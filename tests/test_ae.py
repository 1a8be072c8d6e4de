"""The application entity: what it asks of `associate()`, and itself as text."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable
from typing import Any

import pytest
from pydicom.uid import (
    ExplicitVRLittleEndian,
)

from pynetdicom import (
    AE,
    build_context,
    build_role,
    evt,
)
from pynetdicom.pdu_primitives import SOPClassExtendedNegotiation
from tests.support import raw, sockets
from tests.support.associations import CT, ECHO, EventLog, association, port_of, proposal
from tests.support.raw import HOST, PATIENCE
from tests.support.sockets import Background


@pytest.fixture
def ae() -> AE:
    return AE()


class TestAssociateArguments:
    """What is wrong with them is told at once, and nothing is left of the attempt."""

    @pytest.fixture
    def port(self) -> int:
        """Return a port on which nobody listens."""
        with sockets.listening() as listener:
            port: int = listener.getsockname()[1]
        return port

    @pytest.fixture
    def ae(self) -> AE:
        ae = AE()
        ae.add_requested_context(ECHO)
        return ae

    def test_nothing_to_propose(self, port: int) -> None:
        for contexts in (None, []):
            with pytest.raises(RuntimeError, match="add_requested_context"):
                AE().associate(HOST, port, contexts)

    def test_no_transfer_syntax_to_propose(self, ae: AE, port: int) -> None:
        ae.add_requested_context(CT, [])
        with pytest.raises(ValueError, match="CT Image Storage has no transfer syntax"):
            ae.associate(HOST, port)

    @pytest.mark.parametrize(
        ("contexts", "words"),
        [
            ([build_context(ECHO)] * 129, "128"),
            ([ECHO], "PresentationContext"),
            (build_context(ECHO), "list"),
        ],
    )
    def test_contexts(self, ae: AE, port: int, contexts: Any, words: str) -> None:
        with pytest.raises(ValueError, match=words):
            ae.associate(HOST, port, contexts)

    @pytest.mark.parametrize("addr", [None, 5, b"localhost", ("::1",), ("::1", 0), ["::1", 0, 0]])
    def test_address(self, ae: AE, port: int, addr: Any) -> None:
        with pytest.raises(TypeError, match="address"):
            ae.associate(addr, port)

    def test_unknown_host(self, ae: AE, port: int) -> None:
        with pytest.raises(socket.gaierror):
            ae.associate("no-such-host.invalid", port)

    @pytest.mark.parametrize(
        ("port", "error"),
        [
            ("104", TypeError),
            (None, TypeError),
            (1.5, TypeError),
            (-1, ValueError),
            (65536, ValueError),
        ],
    )
    def test_port(self, ae: AE, port: Any, error: type[Exception]) -> None:
        with pytest.raises(error, match="port"):
            ae.associate(HOST, port)

    @pytest.mark.parametrize(
        ("title", "error"), [("", ValueError), ("A" * 17, ValueError), (None, TypeError)]
    )
    def test_ae_title(self, ae: AE, port: int, title: Any, error: type[Exception]) -> None:
        with pytest.raises(error, match="ae_title"):
            ae.associate(HOST, port, ae_title=title)

    @pytest.mark.parametrize(
        ("length", "error"),
        [(-1, ValueError), (1 << 32, ValueError), ("1", TypeError), (1.0, TypeError)],
    )
    def test_max_pdu(self, ae: AE, port: int, length: Any, error: type[Exception]) -> None:
        with pytest.raises(error, match="maximum_length"):
            ae.associate(HOST, port, max_pdu=length)

    @pytest.mark.parametrize("item", ["role", None, build_context(CT)])
    def test_ext_neg_of_wrong_type(self, ae: AE, port: int, item: Any) -> None:
        with pytest.raises(TypeError, match="extended negotiation"):
            ae.associate(HOST, port, ext_neg=[item])

    @pytest.mark.parametrize("item", [build_role(CT), SOPClassExtendedNegotiation()])
    def test_ext_neg_that_cannot_be_encoded(self, ae: AE, item: Any) -> None:
        log = EventLog("CONN_OPEN CONN_CLOSE ABORTED")
        with sockets.listening() as listener:
            port = listener.getsockname()[1]
            with pytest.raises(ValueError, match=type(item).__name__):
                ae.associate(HOST, port, ext_neg=[item], evt_handlers=log.bindings)
        assert log.names() == ["CONN_OPEN", "CONN_CLOSE", "ABORTED"]

    @pytest.mark.parametrize("address", ["127.0.0.1", ("127.0.0.1",), ("::1", 0, 0), 5])
    def test_bind_address(self, ae: AE, port: int, address: Any) -> None:
        with pytest.raises(TypeError, match="address"):
            ae.associate(HOST, port, bind_address=address)

    @pytest.mark.parametrize(
        "tls_args", [ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), ("context", None), (None,), "context"]
    )
    def test_tls_args(self, ae: AE, port: int, tls_args: Any) -> None:
        with pytest.raises(TypeError, match="tls_args must be"):
            ae.associate(HOST, port, tls_args=tls_args)

    def test_handlers(self, ae: AE, port: int) -> None:
        with pytest.raises(TypeError):
            ae.associate(HOST, port, evt_handlers=[("EVT_C_ECHO",)])  # type: ignore[list-item]


class TestTransientRetries:
    """A peer that rejects an association for now is asked again."""

    BUSY = (2, 3, 2)

    @pytest.fixture
    def pauses(self, monkeypatch: pytest.MonkeyPatch) -> list[float]:
        """Return the pauses that are made, which take no time."""
        pauses: list[float] = []

        def wait(ae: AE, shutdowns: int, timeout: float) -> bool:
            pauses.append(timeout)
            return False

        monkeypatch.setattr(AE, "_wait_for_shutdown", wait)
        return pauses

    @staticmethod
    def rejecting(*reason: int) -> raw.Script:
        """Return a script that rejects an association."""

        def script(peer: raw.Peer) -> None:
            peer.expect(raw.ASSOCIATE_RQ)
            peer.send(raw.associate_rj(*reason))
            peer.expect_closed()

        return script

    @staticmethod
    def accepting(peer: raw.Peer) -> None:
        """Accept an association, until it is released."""
        peer.accept()
        peer.expect(raw.RELEASE_RQ)
        peer.send(raw.release_rp())

    def test_until_it_is_accepted(self, ae: AE, pauses: list[float]) -> None:
        ae.transient_retries = 5
        log = EventLog("REJECTED ACCEPTED RELEASED")
        handlers = (binding for binding in log.bindings)  # can be used up once only
        items = (item for item in [build_role(CT, scp_role=True)])
        scripts = [self.rejecting(*self.BUSY)] * 3 + [self.accepting]
        with (
            raw.serving(*scripts) as server,
            association(
                server.port,
                [CT],
                ae,
                evt_handlers=handlers,
                ext_neg=items,
            ) as assoc,
        ):
            assert assoc.is_established
            assert list(assoc.requestor.role_selection) == [CT]
        assert log.names() == ["REJECTED"] * 3 + ["ACCEPTED", "RELEASED"]
        assert len({event.assoc for event in log.events}) == 4
        assert pauses == [0.5, 1.0, 2.0]

    def test_so_many_times(self, ae: AE, pauses: list[float]) -> None:
        ae.transient_retries = 6
        log = EventLog("REJECTED")
        with (
            raw.serving(*[self.rejecting(*self.BUSY)] * 7) as server,
            association(server.port, [CT], ae, evt_handlers=log.bindings) as assoc,
        ):
            assert assoc.is_rejected
        assert [event.assoc for event in log.events].index(assoc) == 6
        assert pauses == [0.5, 1.0, 2.0, 4.0, 8.0, 8.0]
        assert ae.active_associations == []

    @pytest.mark.parametrize(
        ("retries", "reason"), [(0, BUSY), (3, (1, 1, 7)), (3, (1, 2, 1))], ids=repr
    )
    def test_not_at_all(
        self, ae: AE, pauses: list[float], retries: int, reason: tuple[int, int, int]
    ) -> None:
        ae.transient_retries = retries
        with (
            raw.serving(self.rejecting(*reason)) as server,
            association(server.port, [CT], ae) as assoc,
        ):
            assert assoc.is_rejected
        assert pauses == []

    def test_no_connection_is_no_rejection(self, ae: AE, pauses: list[float]) -> None:
        ae.transient_retries = 3
        with sockets.listening() as listener:
            port = listener.getsockname()[1]
        with association(port, [CT], ae) as assoc:
            assert assoc.is_aborted
        assert pauses == []

    def test_a_pause_that_ends(self, ae: AE, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("pynetdicom.ae.FIRST_PAUSE", 0)
        ae.transient_retries = 1
        with (
            raw.serving(self.rejecting(*self.BUSY), self.accepting) as server,
            association(server.port, [CT], ae) as assoc,
        ):
            assert assoc.is_established

    @pytest.mark.parametrize("is_waiting", [True, False], ids=["in the pause", "before the pause"])
    def test_shutdown_ends_them(
        self, ae: AE, monkeypatch: pytest.MonkeyPatch, is_waiting: bool
    ) -> None:
        monkeypatch.setattr("pynetdicom.ae.FIRST_PAUSE", 3600)
        ae.transient_retries = 1
        waits, wait = threading.Event(), threading.Condition.wait

        def note(condition: threading.Condition, timeout: float | None = None) -> bool:
            if condition is ae._shut_down:
                waits.set()  # and nobody gets the lock before it really does
            return wait(condition, timeout)

        def stop(event: Any) -> None:
            if not is_waiting:
                ae.shutdown()

        monkeypatch.setattr(threading.Condition, "wait", note)
        with raw.serving(self.rejecting(*self.BUSY)) as server:
            call = Background(
                lambda: ae.associate(
                    HOST, server.port, proposal([CT]), evt_handlers=[(evt.EVT_REJECTED, stop)]
                )
            )
            if is_waiting:
                assert waits.wait(PATIENCE)
                ae.shutdown()
            assert call.result().is_rejected


class TestText:
    def test_nothing_set(self, ae: AE) -> None:
        assert str(ae).splitlines() == [
            "Application Entity PYNETDICOM",
            "",
            "  Requested Presentation Contexts: 0",
            "  Supported Presentation Contexts: 0",
            "  ACSE timeout: 30 s",
            "  DIMSE timeout: 30 s",
            "  Network timeout: 60 s",
            "  Connection timeout: None s",
            "  Associations: 0",
            "  Maximum associations: 10",
            "  Called AE title required: False",
        ]

    def test_everything_set(self, start_scp: Callable[..., Any]) -> None:
        log = EventLog("ESTABLISHED")
        server = start_scp(handlers=log.bindings)
        ae = server.ae
        ae.require_calling_aet = ["ONE", "TWO", "TEST_SCU"]
        ae.require_called_aet = True
        ae.add_requested_context(CT, ExplicitVRLittleEndian)
        ae.dimse_timeout = None
        ae.acse_timeout = 7.5
        with association(port_of(server), ae_title="TEST_SCP") as assoc:
            accepted = log.wait_for("ESTABLISHED").assoc
            text = str(ae)
            assert assoc.is_established
        lines = text.splitlines()
        for line in (
            "Application Entity TEST_SCP",
            "  Requested Presentation Contexts: 1",
            "    Abstract Syntax: CT Image Storage",
            "        =Explicit VR Little Endian",
            "  Supported Presentation Contexts: 1",
            "    Abstract Syntax: Verification SOP Class",
            "  ACSE timeout: 7.5 s",
            "  DIMSE timeout: None s",
            "  Associations: 1",
            "  Required calling AE titles: ONE, TWO, TEST_SCU",
            "  Called AE title required: True",
            f"    TEST_SCU at {HOST}:{accepted.requestor.port} "
            f"(as TEST_SCP, association {accepted.number})",
        ):
            assert line in lines
