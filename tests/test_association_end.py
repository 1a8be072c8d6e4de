"""How associations end: release, abort and time-outs, from any thread and any handler."""

from __future__ import annotations

import threading
from collections.abc import Callable
from time import monotonic
from typing import Any

import pytest
from pydicom.dataset import Dataset

from pynetdicom import AE, Association, build_role, evt
from pynetdicom.pdu_primitives import A_ABORT, A_ASSOCIATE, A_P_ABORT, A_RELEASE
from tests.support import raw, sockets
from tests.support.associations import (
    ECHO,
    SOON,
    EventLog,
    association,
    join,
    once,
    port_of,
    proposal,
)
from tests.support.raw import HOST, PATIENCE
from tests.support.watch import complaints

StartSCP = Callable[..., Any]

# All that an association has happen to it, from its beginning to its end
BEGINNING = [
    "ACSE_SENT",
    "REQUESTED",
    "CONN_OPEN",
    "DATA_SENT",
    "PDU_SENT",
    "FSM_TRANSITION",
    "DATA_RECV",
    "PDU_RECV",
    "ACSE_RECV",
    "ACCEPTED",
]
REQUESTOR_EVENTS = [*BEGINNING, "ESTABLISHED", "DIMSE_SENT", "DIMSE_RECV"]
ACCEPTOR_EVENTS = [*REQUESTOR_EVENTS, "C_ECHO"]


def ends(assoc: Association) -> list[str]:
    """Return how an association ended."""
    return [name for name in ("released", "aborted", "rejected") if getattr(assoc, f"is_{name}")]


class TestRelease:
    def test_by_the_requestor(self, start_scp: StartSCP) -> None:
        log = EventLog("RELEASED")
        with association(port_of(start_scp(handlers=log.bindings))) as assoc:
            assoc.release()
            assert ends(assoc) == ["released"]
            assert not assoc.is_established
            assoc.release()
            assoc.abort()
            assert ends(assoc) == ["released"]
        acceptance = log.wait_for("RELEASED").assoc
        join(acceptance)
        assert ends(acceptance) == ["released"]
        assert len(log.events) == 1

    def test_by_the_acceptor(self, start_scp: StartSCP) -> None:
        theirs, ours = EventLog("ESTABLISHED"), EventLog("RELEASED")
        port = port_of(start_scp(handlers=theirs.bindings))
        with association(port, evt_handlers=ours.bindings) as assoc:
            acceptance = theirs.wait_for("ESTABLISHED").assoc
            acceptance.release()
            assert ends(acceptance) == ["released"]
            ours.wait_for("RELEASED")
            assert ends(assoc) == ["released"]

    def test_by_both_at_once(self, start_scp: StartSCP) -> None:
        log = EventLog("ESTABLISHED")
        port = port_of(start_scp(handlers=log.bindings))
        for number in range(1, 11):
            with association(port) as assoc:
                acceptance = log.wait_for("ESTABLISHED", number).assoc
                barrier = threading.Barrier(2)

                def release(which: Association, barrier: threading.Barrier = barrier) -> None:
                    barrier.wait(PATIENCE)
                    which.release()

                calls = [sockets.Background(release, which) for which in (assoc, acceptance)]
                for call in calls:
                    call.result()
                join(assoc, acceptance)
                assert ends(assoc) == ends(acceptance) == ["released"]

    def test_of_what_never_was(self) -> None:
        assoc = Association(AE(), "requestor")
        assoc.release()
        assert ends(assoc) == []

    def test_while_a_thread_waits_for_a_response(self, start_scp: StartSCP) -> None:
        begun, go_on = threading.Event(), threading.Event()

        def handle(event: Any) -> int:
            begun.set()
            go_on.wait(PATIENCE)
            return 0x0000

        port = port_of(start_scp(handlers=[(evt.EVT_C_ECHO, handle)]))
        here = EventLog("ACSE_SENT")
        with association(port, evt_handlers=here.bindings) as assoc:
            echo = sockets.Background(assoc.send_c_echo)
            assert begun.wait(PATIENCE)
            release = sockets.Background(assoc.release)
            here.wait_for("ACSE_SENT", 2)
            go_on.set()
            release.result()
            assert echo.result() in (Dataset(), _success())
            assert ends(assoc) == ["released"]

    def test_messages_meanwhile_are_ignored(self) -> None:
        def talk(peer: raw.Peer) -> None:
            peer.accept()
            peer.expect(raw.RELEASE_RQ)
            peer.send(*[raw.message(raw.echo_rq(number)) for number in range(20)])
            peer.send(raw.release_rp())
            peer.expect_closed()

        ae = AE()
        ae.limits.unserved_requests = 1
        with raw.serving(talk) as server, association(server.port, ae=ae) as assoc:
            assoc.release()
            assert ends(assoc) == ["released"]

    @pytest.mark.parametrize("by", ["abort", "close"])
    def test_answered_by_the_end(self, by: str) -> None:
        def end(peer: raw.Peer) -> None:
            peer.accept()
            peer.expect(raw.RELEASE_RQ)
            if by == "abort":
                peer.send(raw.abort())

        log = EventLog()
        with (
            raw.serving(end) as server,
            association(server.port, evt_handlers=log.bindings) as assoc,
        ):
            assoc.release()
            assert ends(assoc) == ["aborted"]
        kind = A_ABORT if by == "abort" else A_P_ABORT
        assert isinstance(log.all("ACSE_RECV")[-1].primitive, kind)
        assert len(log.all("ABORTED")) == 1

    def test_not_answered(self, caplog: pytest.LogCaptureFixture) -> None:
        def ignore(peer: raw.Peer) -> None:
            peer.accept()
            peer.expect(raw.RELEASE_RQ)
            assert peer.expect_abort() == (2, 0)

        ae = AE()
        with raw.serving(ignore) as server, association(server.port, ae=ae) as assoc:
            assoc.acse_timeout = SOON
            assoc.release()
            assert ends(assoc) == ["aborted"]
        assert f"has not answered the release in {SOON} s" in caplog.text

    def test_interrupted(self) -> None:
        """Ctrl-C while it waits: the peer is told that it is over."""

        def ignore(peer: raw.Peer) -> None:
            peer.accept()
            peer.expect(raw.RELEASE_RQ)
            assert peer.expect_abort() == (0, 0)

        def interrupt(*args: Any) -> None:
            raise KeyboardInterrupt

        with raw.serving(ignore) as server, association(server.port) as assoc:
            assoc.acse._receive = interrupt  # type: ignore[method-assign]
            with pytest.raises(KeyboardInterrupt):
                assoc.release()
            assert ends(assoc) == ["aborted"]

    def test_peer_closes_before_the_answer(self, start_scp: StartSCP) -> None:
        log = EventLog("CONN_CLOSE")
        with raw.associated(port_of(start_scp(handlers=log.bindings))) as peer:
            peer.send(raw.release_rq())
            peer.reset()
        acceptance = log.wait_for("CONN_CLOSE").assoc
        join(acceptance)
        assert len(ends(acceptance)) == 1


def _success() -> Dataset:
    status = Dataset()
    status.Status = 0x0000
    return status


class TestReleaseCollision:
    """Both ask before they have heard of the other's request (PS3.8 7.2.2.5)."""

    def test_as_requestor(self) -> None:
        def collide(peer: raw.Peer) -> None:
            peer.accept()
            peer.expect(raw.RELEASE_RQ)
            peer.send(raw.release_rq())
            peer.expect(raw.RELEASE_RP)  # the requestor answers first
            peer.send(raw.release_rp())
            peer.expect_closed()

        with raw.serving(collide) as server, association(server.port) as assoc:
            assoc.release()
            assert ends(assoc) == ["released"]

    def test_as_acceptor(self, start_scp: StartSCP) -> None:
        log = EventLog("ESTABLISHED")
        with raw.associated(port_of(start_scp(handlers=log.bindings))) as peer:
            acceptance = log.wait_for("ESTABLISHED").assoc
            release = sockets.Background(acceptance.release)
            peer.expect(raw.RELEASE_RQ)
            peer.send(raw.release_rq())
            peer.send(raw.release_rp())  # the requestor answers first
            peer.expect(raw.RELEASE_RP)
        release.result()
        assert ends(acceptance) == ["released"]

    @pytest.mark.parametrize("by", ["abort", "close", "silence"])
    @pytest.mark.parametrize("mode", ["requestor", "acceptor"])
    def test_not_answered(self, start_scp: StartSCP, mode: str, by: str) -> None:
        def collide(peer: raw.Peer) -> None:
            peer.expect(raw.RELEASE_RQ)
            peer.send(raw.release_rq())
            if mode == "requestor":
                peer.expect(raw.RELEASE_RP)
            if by == "abort":
                peer.send(raw.abort())
            elif by == "silence":
                assert peer.expect_abort() == (2, 0)

        def accept_and_collide(peer: raw.Peer) -> None:
            peer.accept()
            collide(peer)

        if mode == "requestor":
            ae = AE()
            with (
                raw.serving(accept_and_collide) as server,
                association(server.port, ae=ae) as assoc,
            ):
                assoc.acse_timeout = 1 if by == "silence" else PATIENCE
                assoc.release()
        else:
            log = EventLog("ESTABLISHED")
            with raw.associated(port_of(start_scp(handlers=log.bindings))) as peer:
                assoc = log.wait_for("ESTABLISHED").assoc
                assoc.acse_timeout = 1 if by == "silence" else PATIENCE
                release = sockets.Background(assoc.release)
                collide(peer)
            release.result()
            join(assoc)
        assert ends(assoc) == ["aborted"]

    def test_peer_was_first(self, start_scp: StartSCP) -> None:
        """A release that follows the peer's is the answer to it."""

        def release(event: Any) -> int:
            dul = event.assoc.dul
            assert dul.wait_until(lambda: dul.to_user_queue, monotonic() + PATIENCE)
            event.assoc.release()
            return 0x0000

        log = EventLog("RELEASED ABORTED")
        handlers = [(evt.EVT_C_ECHO, release), *log.bindings]
        with raw.associated(port_of(start_scp(handlers=handlers))) as peer:
            peer.send(raw.message(raw.echo_rq()), raw.release_rq())
            peer.expect(raw.RELEASE_RP)
        join(log.wait_for("RELEASED").assoc)
        assert log.names() == ["RELEASED"]

    def test_aborted_by_a_handler(self) -> None:
        def collide(peer: raw.Peer) -> None:
            peer.accept()
            peer.expect(raw.RELEASE_RQ)
            peer.send(raw.release_rq())
            assert peer.expect_abort() == (0, 0)

        def abort(event: Any) -> None:
            if isinstance(event.primitive, A_RELEASE):
                event.assoc.abort()

        handlers = [(evt.EVT_ACSE_RECV, abort)]
        with (
            raw.serving(collide) as server,
            association(server.port, evt_handlers=handlers) as assoc,
        ):
            assoc.release()
            assert ends(assoc) == ["aborted"]


class TestReleaseByHandlers:
    def test_of_a_request(self, start_scp: StartSCP) -> None:
        """The request gets no response."""

        def release(event: Any) -> int:
            event.assoc.release()
            return 0x0000

        there, here = EventLog(), EventLog("RELEASED")
        handlers = [(evt.EVT_C_ECHO, release), *there.bindings]
        port = port_of(start_scp(handlers=handlers))
        with association(port, evt_handlers=here.bindings) as assoc:
            assert assoc.send_c_echo() == Dataset()
            here.wait_for("RELEASED")
            assert ends(assoc) == ["released"]
        acceptance = there.wait_for("RELEASED").assoc
        join(acceptance)
        assert ends(acceptance) == ["released"]
        assert there.all("DIMSE_SENT") == []

    @pytest.mark.parametrize("name", ["DATA_RECV", "PDU_RECV", "DIMSE_RECV", "ESTABLISHED"])
    @pytest.mark.parametrize("side", ["here", "there"])
    def test_of_a_notification(self, start_scp: StartSCP, side: str, name: str) -> None:
        """Where it can't be done at once it is done when the handler has returned."""
        there, here = EventLog("RELEASED"), EventLog("RELEASED")

        def release(event: Any) -> None:
            if event.assoc.is_established:
                event.assoc.release()

        handlers = {"there": there.bindings, "here": here.bindings}
        handlers[side] = [(getattr(evt, f"EVT_{name}"), release), *handlers[side]]
        port = port_of(start_scp(handlers=handlers["there"]))
        with association(port, evt_handlers=handlers["here"]) as assoc:
            if name != "ESTABLISHED":
                assert assoc.send_c_echo() in (Dataset(), _success())
            here.wait_for("RELEASED")
            assert ends(assoc) == ["released"]
        acceptance = there.wait_for("RELEASED").assoc
        join(acceptance)
        assert ends(acceptance) == ["released"]

    def test_too_early(self, start_scp: StartSCP) -> None:
        """What has not been established yet is not released, neither now nor later."""
        release = once(lambda event: event.assoc.release())
        handlers = [(evt.EVT_PDU_RECV, release)]
        with association(port_of(start_scp()), evt_handlers=handlers) as assoc:
            assert assoc.send_c_echo().Status == 0x0000
            assert ends(assoc) == []

    def test_requests_of_such_handlers(self, start_scp: StartSCP) -> None:
        """They can't wait for a response, and are told so."""
        errors: list[BaseException] = []

        def ask(event: Any) -> None:
            try:
                event.assoc.send_c_echo(msg_id=2)
            except RuntimeError as error:
                errors.append(error)

        log = EventLog("ABORTED RELEASED")
        handlers = [(evt.EVT_DIMSE_RECV, once(ask)), *log.bindings]
        port = port_of(start_scp([(ECHO, "1.2.840.10008.1.2", True, True)], handlers))
        with association(port, ext_neg=[build_role(ECHO, True, True)]) as assoc:
            assoc.send_c_echo()
        assert "another thread" in str(errors[0])


class TestAbort:
    @pytest.mark.parametrize("block", [True, False])
    def test_by_either_side(self, start_scp: StartSCP, block: bool) -> None:
        for side in ("requestor", "acceptor"):
            there, here = EventLog("ESTABLISHED ABORTED"), EventLog("ABORTED")
            port = port_of(start_scp(handlers=there.bindings))
            with association(port, evt_handlers=here.bindings) as assoc:
                acceptance = there.wait_for("ESTABLISHED").assoc
                which = assoc if side == "requestor" else acceptance
                which.abort(block=block)
                assert which.is_aborted
                if block:
                    assert which.dul.is_closed
                which.abort()
                which.release()
                join(assoc, acceptance)
                assert ends(assoc) == ends(acceptance) == ["aborted"]
                assert not assoc.is_established
                assert not acceptance.is_established
            assert len(there.all("ABORTED")) == len(here.all("ABORTED")) == 1

    def test_by_many_threads(self, start_scp: StartSCP) -> None:
        log = EventLog("ABORTED ACSE_SENT")
        with association(port_of(start_scp()), evt_handlers=log.bindings) as assoc:
            for call in [sockets.Background(assoc.abort) for _ in range(8)]:
                call.result()
        assert len(log.all("ABORTED")) == 1

    def test_of_what_never_was(self) -> None:
        for mode in ("requestor", "acceptor"):
            assoc = Association(AE(), mode)
            assoc.abort()
            assert ends(assoc) == ["aborted"]

    def test_of_an_acceptor_without_a_request(self, start_scp: StartSCP) -> None:
        log = EventLog("CONN_OPEN CONN_CLOSE ABORTED")
        with raw.connect(port_of(start_scp(handlers=log.bindings))) as peer:
            acceptance = log.wait_for("CONN_OPEN").assoc
            acceptance.abort()
            peer.expect_closed()
        join(acceptance)
        assert sorted(log.names()) == ["ABORTED", "CONN_CLOSE", "CONN_OPEN"]

    def test_while_a_thread_waits_for_a_response(self, start_scp: StartSCP) -> None:
        begun, go_on = threading.Event(), threading.Event()

        def handle(event: Any) -> int:
            begun.set()
            go_on.wait(PATIENCE)
            return 0x0000

        log = EventLog("ABORTED")
        port = port_of(start_scp(handlers=[(evt.EVT_C_ECHO, handle), *log.bindings]))
        with association(port) as assoc:
            echo = sockets.Background(assoc.send_c_echo)
            assert begun.wait(PATIENCE)
            assoc.abort(block=False)
            assert echo.result() == Dataset()
            go_on.set()
            join(log.wait_for("ABORTED").assoc)

    def test_peer_does_not_close(self) -> None:
        """Then it is closed after the close timeout at the latest."""

        def stay(peer: raw.Peer) -> None:
            peer.accept()
            assert peer.expect_abort() == (0, 0)
            peer.expect_closed()

        ae = AE()
        ae.limits.close_timeout = SOON
        with raw.serving(stay) as server, association(server.port, ae=ae) as assoc:
            assoc.abort()
            assert assoc.dul.is_closed

    @pytest.mark.parametrize("end", ["abort", "provider", "close", "reset", "garbage"])
    def test_by_the_peer(self, end: str, caplog: pytest.LogCaptureFixture) -> None:
        go_on = threading.Event()

        def leave(peer: raw.Peer) -> None:
            peer.accept()
            assert go_on.wait(PATIENCE)
            if end in ("abort", "provider"):
                peer.send(raw.abort(2 if end == "provider" else 0, 1))
                peer.expect_closed()
            elif end == "reset":
                peer.reset()
            elif end == "garbage":
                peer.send(b"\x44" * 10)
                assert peer.expect_abort() == (2, 1)

        log = EventLog("ACSE_RECV ABORTED")
        with (
            raw.serving(leave) as server,
            association(server.port, evt_handlers=log.bindings) as assoc,
        ):
            go_on.set()
            log.wait_for("ABORTED")
            join(assoc)
            assert ends(assoc) == ["aborted"]
        assert log.names() == ["ACSE_RECV", "ACSE_RECV", "ABORTED"]
        kinds = [type(event.primitive) for event in log.all("ACSE_RECV")]
        assert kinds == [A_ASSOCIATE, A_ABORT if end == "abort" else A_P_ABORT]
        (line,) = complaints(caplog.records)
        assert ("service provider of" in line) is (end == "provider")
        assert ("Unrecognised PDU" in line) is (end in ("provider", "garbage"))
        assert ("lost" in line) is (end in ("close", "reset"))

    @pytest.mark.parametrize("source", [1, 3, None])
    def test_no_such_source(self, source: Any) -> None:
        with pytest.raises(ValueError, match="source of an abort"):
            Association(AE(), "requestor").acse.send_abort(source)

    @pytest.mark.parametrize("reason", [3, 7, None])
    def test_no_such_reason(self, reason: Any) -> None:
        with pytest.raises(ValueError, match="reason of a provider's abort"):
            Association(AE(), "requestor").acse.send_ap_abort(reason)

    @pytest.mark.parametrize("source", [0, 2])
    def test_sent_by_the_acse(self, start_scp: StartSCP, source: int) -> None:
        log = EventLog("ACSE_RECV")
        with association(port_of(start_scp(handlers=log.bindings))) as assoc:
            assoc.acse.send_abort(source)
            received = log.wait_for("ACSE_RECV", 2).primitive
            assert isinstance(received, A_ABORT if source == 0 else A_P_ABORT)

    @pytest.mark.parametrize("reason", [0, 1, 2, 4, 5, 6])
    def test_sent_by_the_acse_with_a_reason(self, start_scp: StartSCP, reason: int) -> None:
        log = EventLog("ACSE_RECV")
        with association(port_of(start_scp(handlers=log.bindings))) as assoc:
            assoc.acse.send_ap_abort(reason)
            received = log.wait_for("ACSE_RECV", 2).primitive
            assert isinstance(received, A_P_ABORT)
            assert received.provider_reason == reason

    def test_received_and_not_yet_taken(self) -> None:
        acse = Association(AE(), "requestor").acse
        queue = acse.dul.to_user_queue
        for kinds, primitive in (
            (["a-abort", "both"], A_ABORT()),
            (["a-p-abort", "both"], A_P_ABORT()),
            ([], A_RELEASE()),
            ([], None),
        ):
            queue.clear()
            if primitive is not None:
                queue.append(primitive)
            for kind in ("a-abort", "a-p-abort", "both"):
                assert acse.is_aborted(kind) is (kind in kinds)
            assert acse.is_aborted() is ("both" in kinds)


class TestAbortByHandlers:
    @pytest.mark.parametrize("block", [True, False])
    @pytest.mark.parametrize("name", REQUESTOR_EVENTS)
    def test_of_the_requestor(self, start_scp: StartSCP, name: str, block: bool) -> None:
        log = EventLog("ABORTED ESTABLISHED")
        abort = once(lambda event: event.assoc.abort(block))
        handlers = [(getattr(evt, f"EVT_{name}"), abort), *log.bindings]
        with association(port_of(start_scp()), evt_handlers=handlers) as assoc:
            if name.startswith("DIMSE"):
                assert assoc.send_c_echo() == Dataset()
            join(assoc)
            assert ends(assoc) == ["aborted"]
            assert not assoc.is_established
            assert assoc.dul.is_closed
        assert len(log.all("ABORTED")) == 1
        assert bool(log.all("ESTABLISHED")) is (name not in BEGINNING)

    @pytest.mark.parametrize("block", [True, False])
    @pytest.mark.parametrize("name", ACCEPTOR_EVENTS)
    def test_of_the_acceptor(self, start_scp: StartSCP, name: str, block: bool) -> None:
        there, here = EventLog("ABORTED CONN_CLOSE DIMSE_SENT"), EventLog("ABORTED")
        abort = once(lambda event: event.assoc.abort(block))
        handlers = [(getattr(evt, f"EVT_{name}"), abort), *there.bindings]
        port = port_of(start_scp(handlers=handlers))
        with association(port, evt_handlers=here.bindings) as assoc:
            if assoc.is_established and name in ("C_ECHO", "DIMSE_RECV", "DIMSE_SENT"):
                assert assoc.send_c_echo() == Dataset()
            here.wait_for("ABORTED")
            join(assoc)
            assert ends(assoc) == ["aborted"]
        acceptance = there.wait_for("ABORTED").assoc
        join(acceptance)
        assert ends(acceptance) == ["aborted"]
        assert len(there.all("ABORTED")) == len(there.all("CONN_CLOSE")) == 1
        assert bool(there.all("DIMSE_SENT")) is (name == "DIMSE_SENT")

    def test_of_a_release(self, start_scp: StartSCP) -> None:
        def abort(event: Any) -> None:
            if isinstance(event.primitive, A_RELEASE):
                event.assoc.abort()

        log = EventLog("ABORTED RELEASED CONN_CLOSE")
        handlers = [(evt.EVT_ACSE_SENT, abort), *log.bindings]
        with association(port_of(start_scp(handlers=handlers))) as assoc:
            assoc.release()
            assert ends(assoc) == ["aborted"]
        acceptance = log.wait_for("CONN_CLOSE").assoc
        join(acceptance)
        assert ends(acceptance) == ["aborted"]
        assert log.all("RELEASED") == []

    def test_of_a_rejection(self, start_scp: StartSCP) -> None:
        log = EventLog("ABORTED REJECTED")
        abort = once(lambda event: event.assoc.abort())
        handlers = [(evt.EVT_ACSE_RECV, abort), *log.bindings]
        port = port_of(start_scp(require_called_aet=True))
        with association(port, evt_handlers=handlers) as assoc:
            assert ends(assoc) == ["aborted"]
        assert log.names() == ["ABORTED"]


class TestKill:
    def test_no_word_to_anybody(self, start_scp: StartSCP) -> None:
        there, here = EventLog("ABORTED"), EventLog("ABORTED RELEASED ACSE_SENT CONN_CLOSE")
        ae = AE()
        port = port_of(start_scp(handlers=there.bindings))
        with association(port, ae=ae, evt_handlers=here.bindings) as assoc:
            assoc.kill()
            join(assoc)
            assert ends(assoc) == []
            assert not assoc.is_established
            assert ae.active_associations == []
        assert here.names() == ["ACSE_SENT", "CONN_CLOSE"]
        join(there.wait_for("ABORTED").assoc)

    def test_place_is_free(self, start_scp: StartSCP) -> None:
        log = EventLog("ESTABLISHED")
        server = start_scp(handlers=log.bindings, maximum_associations=1)
        with association(port_of(server)) as first:
            log.wait_for("ESTABLISHED").assoc.kill()
            join(first)
        with association(port_of(server)) as second:
            assert second.is_established


class TestTimeouts:
    def test_peer_does_not_answer_the_request(self, caplog: pytest.LogCaptureFixture) -> None:
        def ignore(peer: raw.Peer) -> None:
            peer.expect(raw.ASSOCIATE_RQ)
            assert peer.expect_abort() == (2, 0)

        ae = AE()
        ae.acse_timeout = SOON
        with raw.serving(ignore) as server, association(server.port, ae=ae) as assoc:
            assert ends(assoc) == ["aborted"]
        assert f"has not answered the request for an association in {SOON} s" in caplog.text

    @pytest.mark.parametrize("end", ["close", "abort", "garbage"])
    def test_peer_ends_instead(self, end: str, caplog: pytest.LogCaptureFixture) -> None:
        def leave(peer: raw.Peer) -> None:
            peer.expect(raw.ASSOCIATE_RQ)
            if end == "abort":
                peer.send(raw.abort())
                peer.expect_closed()
            elif end == "garbage":
                peer.send(b"\x44" * 10)
                assert peer.expect_abort() == (2, 1)

        with raw.serving(leave) as server, association(server.port) as assoc:
            assert ends(assoc) == ["aborted"]
        (line,) = complaints(caplog.records)
        assert ("AE title" in line) is (end == "abort")

    @pytest.mark.parametrize("name", ["acse", "dimse", "network"])
    def test_of_no_seconds(self, start_scp: StartSCP, name: str) -> None:
        """It passes at once."""
        ae = AE()
        setattr(ae, f"{name}_timeout", 0)
        with association(port_of(start_scp()), ae=ae) as assoc:
            if name == "dimse":
                assert assoc.send_c_echo() == Dataset()
            join(assoc)
            assert ends(assoc) == ["aborted"]

    def test_none(self, start_scp: StartSCP) -> None:
        timeouts = dict.fromkeys(["acse_timeout", "dimse_timeout", "network_timeout"])
        server = start_scp(**timeouts)
        ae = AE()
        for name in timeouts:
            setattr(ae, name, None)
        with association(port_of(server), ae=ae) as assoc:
            assert assoc.send_c_echo().Status == 0x0000
        assert ends(assoc) == ["released"]

    def test_nothing_is_requested(self, start_scp: StartSCP) -> None:
        log = EventLog("REQUESTED CONN_CLOSE ABORTED")
        with raw.connect(port_of(start_scp(handlers=log.bindings, acse_timeout=SOON))) as peer:
            peer.expect_closed()
        join(log.wait_for("ABORTED").assoc)
        assert log.names() == ["CONN_CLOSE", "ABORTED"]

    @pytest.mark.parametrize("answer", ["A-ABORT", "A-RELEASE"])
    @pytest.mark.parametrize("side", ["requestor", "acceptor"])
    def test_nothing_is_received(
        self, start_scp: StartSCP, side: str, answer: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        """The network timeout counts also if it is changed while the association waits."""
        end = "ABORTED" if answer == "A-ABORT" else "RELEASED"
        there, here = EventLog(f"ESTABLISHED {end}"), EventLog(end)
        port = port_of(start_scp(handlers=there.bindings, network_timeout=None))
        with association(port, evt_handlers=here.bindings) as assoc:
            acceptance = there.wait_for("ESTABLISHED").assoc
            which = assoc if side == "requestor" else acceptance
            which.network_timeout_response = answer
            which.network_timeout = SOON
            for log in (here, there):
                join(log.wait_for(end).assoc)
            assert ends(assoc) == ends(acceptance) == [end.lower()]
        assert f"for {SOON} s (network timeout)" in caplog.text

    def test_network_timeout_of_the_ae_is_that_of_its_associations(
        self, start_scp: StartSCP
    ) -> None:
        log = EventLog("ESTABLISHED ABORTED")
        server = start_scp(handlers=log.bindings, network_timeout=None)
        with association(port_of(server)) as assoc:
            log.wait_for("ESTABLISHED")
            server.ae.network_timeout = SOON
            log.wait_for("ABORTED")
            join(assoc)
            assert ends(assoc) == ["aborted"]

    def test_network_timeout_starts_anew_with_what_is_received(self, start_scp: StartSCP) -> None:
        with association(port_of(start_scp())) as assoc:
            assoc.network_timeout = None
            assert not assoc.dul.idle_timer_expired()
            assoc.network_timeout = 1000
            assert not assoc.dul.idle_timer_expired()
            assert assoc.send_c_echo().Status == 0x0000
            assert not assoc.dul.idle_timer_expired()

    def test_release_for_idleness_that_is_not_answered(self) -> None:
        def ignore(peer: raw.Peer) -> None:
            peer.accept()
            peer.expect(raw.RELEASE_RQ)
            assert peer.expect_abort() == (2, 0)

        ae = AE()
        log = EventLog("ABORTED")
        with raw.serving(ignore) as server:
            assoc = ae.associate(HOST, server.port, proposal([ECHO]), evt_handlers=log.bindings)
            assoc.acse_timeout = SOON
            assoc.network_timeout_response = "A-RELEASE"
            assoc.network_timeout = SOON
            log.wait_for("ABORTED")
            join(assoc)
            assert ends(assoc) == ["aborted"]
