"""Associations: what they are, the events of their lives, and the requests that they serve."""

from __future__ import annotations

import functools
import logging
import re
import threading
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest

from pynetdicom import AE, Association, _config, build_role, evt
from pynetdicom.dimse_messages import C_ECHO_RQ, C_ECHO_RSP
from pynetdicom.pdu import (
    A_ABORT_RQ,
    A_ASSOCIATE_AC,
    A_ASSOCIATE_RQ,
    A_RELEASE_RP,
    A_RELEASE_RQ,
    P_DATA_TF,
)
from pynetdicom.pdu_primitives import A_ABORT, A_ASSOCIATE, A_RELEASE
from pynetdicom.transport import AddressInformation, AssociationSocket
from tests.support import raw, sockets
from tests.support.associations import (
    CT,
    ECHO,
    EventLog,
    association,
    join,
    port_of,
    proposal,
)
from tests.support.peers import reserve_port
from tests.support.raw import HOST
from tests.support.watch import complaints

StartSCP = Callable[..., Any]

INTERVENTION = [event for event in vars(evt).values() if isinstance(event, evt.InterventionEvent)]
LOGGED = [evt.EVT_DIMSE_RECV, evt.EVT_DIMSE_SENT, evt.EVT_PDU_RECV, evt.EVT_PDU_SENT]
# Those that tell of bytes and of states, which the standard's state table gives
FINE = ("FSM_TRANSITION", "DATA_SENT", "DATA_RECV")


class TestBeforeItBegins:
    @pytest.mark.parametrize("mode", ["requestor", "Requestor", "acceptor", "ACCEPTOR"])
    def test_what_it_is(self, mode: str) -> None:
        ae = AE()
        assoc = Association(ae, mode)
        is_requestor = mode.lower() == "requestor"
        assert assoc.mode == mode.lower()
        assert assoc.is_requestor is is_requestor
        assert assoc.is_acceptor is not is_requestor
        assert assoc.ae is ae
        assert isinstance(assoc, threading.Thread)
        assert assoc.daemon
        assert not assoc.is_alive()
        assert re.fullmatch(rf"{mode.capitalize()}Thread@\d{{14}}", assoc.name)
        flags = ("established", "released", "rejected", "aborted")
        assert not any(getattr(assoc, f"is_{flag}") for flag in flags)
        assert assoc.accepted_contexts == assoc.rejected_contexts == []
        assert assoc.requestor.is_requestor
        assert assoc.acceptor.is_acceptor
        assert assoc.local["mode"] == mode.lower()
        assert assoc.remote["mode"] != mode.lower()
        for provider in (assoc.acse, assoc.dimse, assoc.dul):
            assert provider.assoc is assoc
        assert assoc.acse.requestor is assoc.requestor
        assert assoc.acse.acceptor is assoc.acceptor
        assert assoc.acse.dul is assoc.dul
        assert assoc.acse.socket is None
        assert assoc.network_timeout_response == "A-ABORT"
        with assoc.lock:
            pass

    @pytest.mark.parametrize("mode", ["", "both"])
    def test_no_such_mode(self, mode: str) -> None:
        with pytest.raises(ValueError, match="'requestor' or 'acceptor'"):
            Association(AE(), mode)

    def test_timeouts_are_those_of_the_ae(self) -> None:
        ae = AE()
        ae.acse_timeout, ae.dimse_timeout = 1, 2
        ae.network_timeout, ae.connection_timeout = 3, 4
        assoc = Association(ae, "requestor")
        assert (assoc.acse_timeout, assoc.dimse_timeout) == (1, 2)
        assert (assoc.network_timeout, assoc.connection_timeout) == (3, 4)
        assert assoc.acse.acse_timeout == 1
        assert assoc.dimse.dimse_timeout == 2
        assoc.acse_timeout = assoc.dimse_timeout = assoc.network_timeout = None
        assert assoc.acse.acse_timeout is assoc.dimse.dimse_timeout is None
        assert (ae.acse_timeout, ae.dimse_timeout, ae.network_timeout) == (1, 2, 3)

    def test_events(self, monkeypatch: pytest.MonkeyPatch) -> None:
        expected = sorted([*INTERVENTION, *LOGGED], key=str)
        assert Association(AE(), "requestor").get_events() == expected
        monkeypatch.setattr(_config, "LOG_HANDLER_LEVEL", "none")
        assert Association(AE(), "requestor").get_events() == sorted(INTERVENTION, key=str)

    def test_no_address(self) -> None:
        with pytest.raises(RuntimeError, match="address of the acceptor"):
            Association(AE(), "requestor").request()

    def test_one_connection_only(self) -> None:
        with sockets.tcp_pair() as (ours, _):
            assoc = Association(AE(), "acceptor")
            assoc.set_socket(AssociationSocket(assoc, client_socket=ours))
            with pytest.raises(RuntimeError, match="has a connection already"):
                assoc.set_socket(AssociationSocket(assoc, client_socket=ours))
            assoc.abort()
        assert assoc.is_aborted

    def test_acceptor_without_a_connection(self, caplog: pytest.LogCaptureFixture) -> None:
        assoc = Association(AE(), "acceptor")
        assoc.run_reactor()
        assert assoc.is_aborted
        assert "set_socket()" in caplog.text

    def test_nothing_to_accept(self) -> None:
        with pytest.raises(RuntimeError, match="no A-ASSOCIATE request"):
            Association(AE(), "acceptor").acse.send_accept()

    def test_built_by_hand(self, start_scp: StartSCP) -> None:
        """What `AE.associate()` does can be done step by step."""
        server = start_scp()
        assoc = Association(AE(), "requestor")
        assoc.requestor.ae_title = "BY_HAND"
        assoc.requestor.requested_contexts = proposal([ECHO])
        assoc.requestor.requested_contexts[0].context_id = 7
        assoc.acceptor.ae_title = "SCP"
        assoc.acceptor.address_info = AddressInformation(HOST, port_of(server))
        assoc.requestor.address_info = AddressInformation(HOST, 0)
        assoc.request()
        assert assoc.is_established
        assert assoc.accepted_contexts[0].context_id == 7
        assert assoc.send_c_echo().Status == 0x0000
        assoc.release()
        join(assoc)


class TestOrderOfEvents:
    """The order is part of what users rely on."""

    @pytest.fixture
    def logs(self, start_scp: StartSCP) -> tuple[EventLog, EventLog]:
        """Return what a requestor and an acceptor see of an association with one echo."""
        there, here = EventLog(), EventLog()
        port = port_of(start_scp(handlers=there.bindings))
        with association(port, evt_handlers=here.bindings) as assoc:
            assert assoc.send_c_echo().Status == 0x0000
        join(there.wait_for("RELEASED").assoc)
        return here, there

    def test_requestor(self, logs: tuple[EventLog, EventLog]) -> None:
        assert logs[0].names(*FINE) == [
            "ACSE_SENT",
            "REQUESTED",
            "CONN_OPEN",
            "PDU_SENT",
            "PDU_RECV",
            "ACSE_RECV",
            "ACCEPTED",
            "ESTABLISHED",
            "DIMSE_SENT",
            "PDU_SENT",
            "PDU_RECV",
            "DIMSE_RECV",
            "ACSE_SENT",
            "PDU_SENT",
            "PDU_RECV",
            "CONN_CLOSE",
            "ACSE_RECV",
            "RELEASED",
        ]

    def test_acceptor(self, logs: tuple[EventLog, EventLog]) -> None:
        names = logs[1].names(*FINE)
        assert names == [
            "CONN_OPEN",
            "PDU_RECV",
            "ACSE_RECV",
            "REQUESTED",
            "ACSE_SENT",
            "PDU_SENT",
            "ACCEPTED",
            "ESTABLISHED",
            "PDU_RECV",
            "DIMSE_RECV",
            "DIMSE_SENT",
            "PDU_SENT",
            "PDU_RECV",
            "ACSE_RECV",
            "ACSE_SENT",
            "PDU_SENT",
            "RELEASED",
            "CONN_CLOSE",
        ]

    def test_states(self, logs: tuple[EventLog, EventLog]) -> None:
        transitions = [
            [
                (event.current_state, event.fsm_event, event.action, event.next_state)
                for event in log.all("FSM_TRANSITION")
            ]
            for log in logs
        ]
        data_sent = ("Sta6", "Evt9", "DT-1", "Sta6")
        data_received = ("Sta6", "Evt10", "DT-2", "Sta6")
        assert transitions[0] == [
            ("Sta1", "Evt1", "AE-1", "Sta4"),
            ("Sta4", "Evt2", "AE-2", "Sta5"),
            ("Sta5", "Evt3", "AE-3", "Sta6"),
            data_sent,
            data_received,
            ("Sta6", "Evt11", "AR-1", "Sta7"),
            ("Sta7", "Evt13", "AR-3", "Sta1"),
        ]
        assert transitions[1] == [
            ("Sta1", "Evt5", "AE-5", "Sta2"),
            ("Sta2", "Evt6", "AE-6", "Sta3"),
            ("Sta3", "Evt7", "AE-7", "Sta6"),
            data_received,
            data_sent,
            ("Sta6", "Evt12", "AR-2", "Sta8"),
            ("Sta8", "Evt14", "AR-4", "Sta13"),
            ("Sta13", "Evt17", "AR-5", "Sta1"),
        ]

    def test_attributes(self, logs: tuple[EventLog, EventLog]) -> None:
        for log, sent, received in (
            (
                logs[0],
                [A_ASSOCIATE_RQ, P_DATA_TF, A_RELEASE_RQ],
                [A_ASSOCIATE_AC, P_DATA_TF, A_RELEASE_RP],
            ),
            (
                logs[1],
                [A_ASSOCIATE_AC, P_DATA_TF, A_RELEASE_RP],
                [A_ASSOCIATE_RQ, P_DATA_TF, A_RELEASE_RQ],
            ),
        ):
            (assoc,) = {event.assoc for event in log.events}
            assert isinstance(assoc, Association)
            assert all(isinstance(event.timestamp, datetime) for event in log.events)
            assert [type(event.pdu) for event in log.all("PDU_SENT")] == sent
            assert [type(event.pdu) for event in log.all("PDU_RECV")] == received
            for name, kinds in (("DATA_SENT", sent), ("DATA_RECV", received)):
                data = [event.data for event in log.all(name)]
                assert all(isinstance(pdu, bytes) for pdu in data)
                assert [pdu[0] for pdu in data] == [kind().pdu_type for kind in kinds]
                assert [len(pdu) for pdu in data] == [
                    6 + int.from_bytes(pdu[2:6], "big") for pdu in data
                ]
            for name in ("ACSE_SENT", "ACSE_RECV"):
                primitives = [event.primitive for event in log.all(name)]
                assert [type(primitive) for primitive in primitives] == [A_ASSOCIATE, A_RELEASE]
            peer = assoc.remote_user.address_info.as_tuple
            assert [event.address for event in log.all("CONN_OPEN")] == [peer]
            assert [event.address for event in log.all("CONN_CLOSE")] == [peer]

    def test_messages(self, logs: tuple[EventLog, EventLog]) -> None:
        for name, kind, log in (
            ("DIMSE_SENT", C_ECHO_RQ, logs[0]),
            ("DIMSE_RECV", C_ECHO_RQ, logs[1]),
            ("DIMSE_SENT", C_ECHO_RSP, logs[1]),
            ("DIMSE_RECV", C_ECHO_RSP, logs[0]),
        ):
            (event,) = log.all(name)
            assert type(event.message) is kind
            assert event.message.context_id == 1
            assert event.message.command_set.AffectedSOPClassUID == ECHO
            assert event.message.data_set.getvalue() == b""

    def test_nobody_listens(self) -> None:
        log = EventLog()
        with reserve_port() as port, association(port, evt_handlers=log.bindings) as assoc:
            assert assoc.is_aborted
            assert assoc.ident is None
        assert log.names("FSM_TRANSITION") == ["ACSE_SENT", "REQUESTED", "CONN_CLOSE", "ABORTED"]

    def test_local_abort(self, start_scp: StartSCP) -> None:
        there, here = EventLog(), EventLog()
        port = port_of(start_scp(handlers=there.bindings))
        with association(port, evt_handlers=here.bindings) as assoc:
            there.wait_for("ESTABLISHED")
            assoc.abort()
        join(there.wait_for("ABORTED").assoc)
        assert here.names(*FINE)[8:] == ["ACSE_SENT", "PDU_SENT", "ABORTED", "CONN_CLOSE"]
        assert there.names(*FINE)[8:] == ["PDU_RECV", "CONN_CLOSE", "ACSE_RECV", "ABORTED"]
        assert isinstance(there.events[-2].primitive, A_ABORT)
        assert isinstance(there.all("PDU_RECV")[-1].pdu, A_ABORT_RQ)


class TestHandlers:
    def test_arguments(self, start_scp: StartSCP) -> None:
        seen: list[tuple[Any, ...]] = []

        def handle(event: Any, *args: Any) -> int:
            seen.append(args)
            return 0x0000

        logger = logging.getLogger("pynetdicom")
        for binding in (
            (evt.EVT_C_ECHO, handle),
            (evt.EVT_C_ECHO, handle, None),
            (evt.EVT_C_ECHO, handle, []),
            (evt.EVT_C_ECHO, handle, [logger, 2]),
        ):
            with association(port_of(start_scp(handlers=[binding]))) as assoc:
                assert assoc.send_c_echo().Status == 0x0000
        assert seen == [(), (), (), (logger, 2)]

    def test_bound_to_a_live_association(self, start_scp: StartSCP) -> None:
        """Also those that are told of bytes, which nobody has looked at until then."""
        log = EventLog()
        with association(port_of(start_scp())) as assoc:
            assert assoc.send_c_echo().Status == 0x0000
            for event, handler in log.bindings:
                assoc.bind(event, handler)
            assert assoc.send_c_echo().Status == 0x0000
            assert log.names(*FINE) == ["DIMSE_SENT", "PDU_SENT", "PDU_RECV", "DIMSE_RECV"]
            assert sorted(set(log.names()) & {*FINE}) == sorted(FINE)
            seen = len(log.events)
            for event, handler in log.bindings:
                assoc.unbind(event, handler)
            assert assoc.send_c_echo().Status == 0x0000
            assert len(log.events) == seen

    def test_bound_by_the_acceptor_during_negotiation(self, start_scp: StartSCP) -> None:
        log = EventLog("DIMSE_RECV")

        def bind(event: Any) -> None:
            for binding in log.bindings:
                event.assoc.bind(*binding)
            event.assoc.bind(evt.EVT_C_ECHO, lambda event, status: status, [0x0122])

        port = port_of(start_scp(handlers=[(evt.EVT_REQUESTED, bind)]))
        with association(port) as assoc:
            assert assoc.send_c_echo().Status == 0x0122
        assert len(log.events) == 1

    def test_intervention_handler_is_replaced_and_restored(self, start_scp: StartSCP) -> None:
        def first(event: Any) -> int:
            return 0x0122

        def second(event: Any) -> int:
            return 0x0211

        log = EventLog("ESTABLISHED")
        server = start_scp(handlers=[*log.bindings, (evt.EVT_C_ECHO, first)])
        with association(port_of(server)) as assoc:
            acceptance = log.wait_for("ESTABLISHED").assoc
            acceptance.bind(evt.EVT_C_ECHO, second)
            assert assoc.send_c_echo().Status == 0x0211
            acceptance.unbind(evt.EVT_C_ECHO, first)  # which is not bound any more
            assert assoc.send_c_echo().Status == 0x0211
            acceptance.unbind(evt.EVT_C_ECHO, second)
            assert assoc.send_c_echo().Status == 0x0000
            assert server.get_handlers(evt.EVT_C_ECHO) == (first, None)

    @pytest.mark.parametrize("nameless", [False, True])
    def test_exceptions_change_nothing(
        self, start_scp: StartSCP, nameless: bool, caplog: pytest.LogCaptureFixture
    ) -> None:
        def fail(event: Any) -> None:
            raise LookupError(f"wrong: {event.event}")

        handler = functools.partial(fail) if nameless else fail
        log = EventLog()
        failing = [(event, handler) for event, _ in log.bindings]
        port = port_of(start_scp(handlers=failing + log.bindings))
        with association(port, evt_handlers=failing) as assoc:
            assert assoc.send_c_echo().Status == 0x0000
        join(log.wait_for("RELEASED").assoc)
        happened = {event.event.name for event in log.events}
        assert happened >= {f"EVT_{name}" for name in ("ACSE_SENT", "DIMSE_RECV", "CONN_CLOSE")}
        for name in happened:
            assert f"wrong: {name}" in caplog.text

    def test_associations_do_not_share_handlers(self, start_scp: StartSCP) -> None:
        first, second = EventLog("DIMSE_RECV"), EventLog("DIMSE_RECV")
        port = port_of(start_scp())
        with (
            association(port, evt_handlers=first.bindings) as one,
            association(port, evt_handlers=second.bindings) as two,
        ):
            one.send_c_echo()
            one.send_c_echo()
            two.send_c_echo()
        assert (len(first.events), len(second.events)) == (2, 1)

    def test_thread_of_service_handlers(self, start_scp: StartSCP) -> None:
        threads: list[threading.Thread] = []

        def handle(event: Any) -> int:
            threads.append(threading.current_thread())
            assert event.assoc is threading.current_thread()
            return 0x0000

        with association(port_of(start_scp(handlers=[(evt.EVT_C_ECHO, handle)]))) as assoc:
            assert assoc.send_c_echo().Status == 0x0000
        assert isinstance(threads[0], Association)


class TestRequests:
    """What is served, and how."""

    def test_of_the_acceptor(self, start_scp: StartSCP) -> None:
        """Both sides may ask if the roles were agreed on, and even at the same time."""
        log = EventLog("ESTABLISHED")
        port = port_of(start_scp([(ECHO, "1.2.840.10008.1.2", True, True)], log.bindings))
        echoed: list[str] = []
        handlers = [(evt.EVT_C_ECHO, lambda event: echoed.append("here") or 0x0122)]
        roles = [build_role(ECHO, True, True)]
        with association(port, ext_neg=roles, evt_handlers=handlers) as assoc:
            acceptance = log.wait_for("ESTABLISHED").assoc
            assert acceptance.send_c_echo().Status == 0x0122
            theirs = sockets.Background(
                lambda: [acceptance.send_c_echo(number).Status for number in range(50)]
            )
            ours = [assoc.send_c_echo(number).Status for number in range(50)]
            assert ours == [0x0000] * 50
            assert theirs.result() == [0x0122] * 50
        assert echoed == ["here"] * 51

    def test_role_that_was_not_agreed(self, start_scp: StartSCP) -> None:
        log = EventLog("ESTABLISHED")
        port = port_of(start_scp(handlers=log.bindings))
        with association(port) as assoc:
            acceptance = log.wait_for("ESTABLISHED").assoc
            with pytest.raises(ValueError, match="role of SCU was not agreed"):
                acceptance.send_c_echo()
            assert assoc.send_c_echo().Status == 0x0000

    def test_roles_are_not_checked_when_serving(self, start_scp: StartSCP) -> None:
        port = port_of(start_scp([(ECHO, "1.2.840.10008.1.2", True, True)]))
        user = raw.user_information(raw.roles(raw.VERIFICATION, 0, 1))
        with raw.associated(port, raw.ECHO_CONTEXT, user=user) as peer:
            assert peer.echo() == 0x0000
            peer.release()

    def test_of_several_threads(self, start_scp: StartSCP) -> None:
        """Each gets the response to its own request."""
        handlers = [(evt.EVT_C_ECHO, lambda event: event.message_id)]
        with association(port_of(start_scp(handlers=handlers))) as assoc:

            def ask(start: int) -> bool:
                numbers = range(start, start + 50)
                return all(assoc.send_c_echo(number).Status == number for number in numbers)

            callers = [sockets.Background(ask, 1000 * caller) for caller in range(1, 5)]
            assert all(caller.result() for caller in callers)

    def test_of_a_class_without_a_service(
        self, start_scp: StartSCP, caplog: pytest.LogCaptureFixture
    ) -> None:
        private = b"1.2.826.0.1.3680043.9.3811.99.2"
        log = EventLog("ABORTED")
        port = port_of(start_scp([private.decode()], log.bindings))
        with raw.associated(port, raw.proposal(3, private, raw.IMPLICIT)) as peer:
            peer.send(raw.message(raw.store_rq(sop_class=private), 3, raw.data_set()))
            assert peer.expect_abort() == (0, 0)
        join(log.wait_for("ABORTED").assoc)
        assert private.decode() in caplog.text

    @pytest.mark.parametrize("uid", [raw.VERIFICATION, raw.CT_IMAGE])
    def test_operation_that_a_service_does_not_have(
        self, start_scp: StartSCP, uid: bytes, caplog: pytest.LogCaptureFixture
    ) -> None:
        log = EventLog("ABORTED")
        port = port_of(start_scp([ECHO, CT], log.bindings))
        with raw.associated(port) as peer:
            if uid == raw.VERIFICATION:
                peer.send(raw.message(raw.store_rq(sop_class=uid), 1, raw.data_set()))
            else:
                request = {**raw.echo_rq(), raw.SOP_CLASS: raw.ui(uid)}
                peer.send(raw.message(request, 3))
            assert peer.expect_abort() == (0, 0)
        join(log.wait_for("ABORTED").assoc)
        assert "can't be served" in caplog.text

    def test_that_came_before_the_release(self, start_scp: StartSCP) -> None:
        """Requests that the peer did not wait for are answered before its release."""
        with raw.associated(port_of(start_scp())) as peer:
            requests = [raw.message(raw.echo_rq(number)) for number in (1, 2, 3)]
            peer.send(*requests, raw.release_rq())
            answered = [peer.read_message().number(raw.RESPONDED_TO) for _ in requests]
            assert answered == [1, 2, 3]
            peer.expect(raw.RELEASE_RP)

    def test_of_a_peer_that_does_not_wait(self, start_scp: StartSCP) -> None:
        """A request, a release or an abort may come with the acceptance (in one segment)."""

        def accept(peer: raw.Peer, *after: bytes) -> None:
            answers = raw.acceptances(peer.expect(raw.ASSOCIATE_RQ))
            peer.send(raw.associate_ac(*answers), *after)

        def ask(peer: raw.Peer) -> None:
            accept(peer, raw.message(raw.echo_rq(7)))
            assert peer.read_message().number(raw.RESPONDED_TO) == 7
            peer.agree_to_release()

        def release(peer: raw.Peer) -> None:
            accept(peer, raw.release_rq())
            peer.expect(raw.RELEASE_RP)

        def abort(peer: raw.Peer) -> None:
            accept(peer, raw.abort())
            peer.expect_closed()

        log = EventLog("ESTABLISHED DIMSE_SENT RELEASED ABORTED")
        with raw.serving(ask, release, abort) as server:
            with association(server.port, evt_handlers=log.bindings):
                log.wait_for("DIMSE_SENT")
            for end in ("RELEASED", "ABORTED"):
                log = EventLog("ESTABLISHED RELEASED ABORTED")
                assoc = AE().associate(
                    HOST, server.port, proposal([ECHO]), evt_handlers=log.bindings
                )
                join(assoc)
                assert not assoc.is_established
                assert log.names() == ["ESTABLISHED", end]

    def test_without_a_mandatory_element(
        self, start_scp: StartSCP, caplog: pytest.LogCaptureFixture
    ) -> None:
        log = EventLog("ABORTED")
        port = port_of(start_scp([CT], log.bindings))
        with raw.associated(port, raw.STORE_CONTEXT) as peer:
            request = raw.without(raw.store_rq(), raw.SOP_INSTANCE)
            peer.send(raw.message(request, 3, raw.data_set()))
            assert peer.expect_abort() == (2, 0)
        join(log.wait_for("ABORTED").assoc)
        assert "without a mandatory element: C-STORE" in caplog.text

    def test_of_a_peer_that_takes_no_response(
        self, start_scp: StartSCP, caplog: pytest.LogCaptureFixture
    ) -> None:
        log = EventLog("ABORTED")
        port = port_of(start_scp(handlers=log.bindings))
        user = raw.user_information(maximum_length=7)
        with raw.associated(port, raw.ECHO_CONTEXT, user=user) as peer:
            peer.send(raw.message(raw.echo_rq()))
            assert peer.expect_abort() == (0, 0)
        join(log.wait_for("ABORTED").assoc)
        assert "leaves no room for data" in caplog.text

    def test_store_in_the_context_of_another_class(self, start_scp: StartSCP) -> None:
        """Some peers send the instances of a C-GET in its own context."""
        seen: list[Any] = []
        handlers = [(evt.EVT_C_STORE, lambda event: seen.append(event.context) or 0x0000)]
        port = port_of(start_scp([ECHO, CT], handlers))
        explicit = raw.proposal(3, raw.CT_IMAGE, raw.EXPLICIT)
        with raw.associated(port, raw.ECHO_CONTEXT, explicit) as peer:
            peer.send(raw.message(raw.store_rq(), 1, raw.data_set()))
            response = peer.read_message()
            assert (response.status, response.context_id) == (0x0000, 1)
            peer.release()
        assert tuple(seen[0]) == (1, CT, raw.EXPLICIT.decode())

    def test_store_of_a_class_that_has_no_context(self, start_scp: StartSCP) -> None:
        """A service is not particular about the class."""
        seen: list[Any] = []
        handlers = [(evt.EVT_C_STORE, lambda event: seen.append(event.context) or 0x0000)]
        with raw.associated(port_of(start_scp([CT], handlers)), raw.STORE_CONTEXT) as peer:
            peer.send(raw.message(raw.store_rq(sop_class=raw.MR_IMAGE), 3, raw.data_set()))
            assert peer.read_message().status == 0x0000
            peer.release()
        assert tuple(seen[0]) == (3, CT, raw.IMPLICIT.decode())

    def test_exception_while_nothing_else_can_be_done(self) -> None:
        def fail(*args: Any, **kwargs: Any) -> bool:
            raise LookupError("wrong")

        ae = AE()
        ae.add_supported_context(ECHO)
        log = EventLog("ABORTED CONN_CLOSE")
        with sockets.tcp_pair() as (ours, theirs):
            assoc = Association(ae, "acceptor")
            assoc.acceptor.supported_contexts = ae.supported_contexts
            for binding in log.bindings:
                assoc.bind(*binding)
            assoc.set_socket(AssociationSocket(assoc, client_socket=ours))
            assoc.dul.watch = fail  # type: ignore[method-assign]
            theirs.sendall(raw.associate_rq(raw.ECHO_CONTEXT))
            with pytest.raises(LookupError, match="wrong"):
                assoc.run_reactor()
        assert assoc.is_aborted
        assert assoc.dul.is_closed
        assert sorted(log.names()) == ["ABORTED", "CONN_CLOSE"]

    def test_exception_in_the_reactor(
        self, start_scp: StartSCP, caplog: pytest.LogCaptureFixture
    ) -> None:
        def fail() -> None:
            raise LookupError("wrong")

        log = EventLog("ESTABLISHED ABORTED")

        def spoil(event: Any) -> None:
            event.assoc._serve_next = fail

        port = port_of(start_scp(handlers=[*log.bindings, (evt.EVT_ESTABLISHED, spoil)]))
        with raw.associated(port) as peer:
            assert peer.expect_abort() == (0, 0)
        join(log.wait_for("ABORTED").assoc)
        assert "LookupError: wrong" in caplog.text


def test_life_of_an_association_in_the_log(
    start_scp: StartSCP, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "pynetdicom")
    log = EventLog("RELEASED")
    port = port_of(start_scp(handlers=log.bindings))
    with association(port) as assoc:
        pass
    join(log.wait_for("RELEASED").assoc)
    assert complaints(caplog.records) == []
    lines = [record.getMessage() for record in caplog.records]
    peer = f"ANY-SCP at {HOST}:{port} (as TEST_SCU, association {assoc.number})"
    for line in (
        f"Requesting Association with {peer}",
        f"Association with {peer} established, 1 of 1 presentation contexts accepted",
        f"Releasing Association with {peer}",
        f"Association with {peer} released",
    ):
        assert line in lines
    assert any("TEST_SCU at" in line and line.endswith("released") for line in lines)


def test_connection_without_a_request_is_no_fault(
    start_scp: StartSCP, caplog: pytest.LogCaptureFixture
) -> None:
    """Health checks connect and close every few seconds."""
    log = EventLog("CONN_CLOSE ABORTED")
    port = port_of(start_scp(handlers=log.bindings))
    raw.connect(port).close()
    join(log.wait_for("ABORTED").assoc)
    assert log.names() == ["CONN_CLOSE", "ABORTED"]
    assert complaints(caplog.records) == []
