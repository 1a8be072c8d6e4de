"""The upper layer protocol: every flow of PS3.8 in memory, and what its owner sees of it."""

from __future__ import annotations

from typing import Any

import pytest

from pynetdicom.dul.protocol import SMALL_BUFFER, UpperLayer
from pynetdicom.errors import UpperLayerError
from pynetdicom.pdu import A_ABORT_RQ, A_ASSOCIATE_RQ, P_DATA_TF, p_data_buffers
from tests.support.upper_layers import (
    AC,
    ARTIM,
    ASSOCIATED,
    CLOSE,
    CONNECTED,
    DATA,
    PDUS,
    RELEASE_RP,
    RELEASE_RQ,
    RJ,
    RQ,
    STATES,
    USER_ABORT,
    Wires,
    abort,
    acceptance,
    associate_rq,
    layer_in,
    merged,
    new_layer,
    p_abort,
    p_data,
    p_data_tf,
    pdu,
    provider_abort,
    received_by,
    rejection,
    release,
    request,
    sent_by,
)

# Whether the wires carry everything at once or byte by byte
CUTS = pytest.mark.parametrize("cut", [None, 1], ids=["whole", "bytewise"])


class TestEstablishment:
    """PS3.8 7.1."""

    @CUTS
    def test_accept(self, cut: int | None) -> None:
        wires = Wires(cut)
        requestor, acceptor = wires.requestor, wires.acceptor
        assert wires.states == ("Sta1", "Sta1")
        requestor.send(request(), 0.0)
        assert wires.states == ("Sta4", "Sta1")
        assert requestor.connect_requested
        assert not requestor.has_data_to_send
        wires.settle()
        assert wires.states == ("Sta5", "Sta3")
        assert not requestor.connect_requested
        assert wires.received(acceptor) == [request()]
        wires.send(acceptor, acceptance())
        assert wires.states == ("Sta6", "Sta6")
        assert wires.received(requestor) == [acceptance()]
        assert wires.is_open
        assert (requestor.is_requestor, acceptor.is_requestor) == (True, False)
        assert requestor.deadline is acceptor.deadline is None

    @CUTS
    def test_reject(self, cut: int | None) -> None:
        wires = Wires(cut)
        wires.send(wires.requestor, request())
        wires.send(wires.acceptor, rejection())
        assert wires.states == ("Sta1", "Sta1")
        assert wires.received(wires.requestor) == [rejection()]
        assert wires.received(wires.acceptor) == [request()]
        assert not wires.is_open

    def test_reject_waits_for_the_peer_to_close(self) -> None:
        acceptor = layer_in("Sta3")
        acceptor.send(rejection(), 10.0)
        assert acceptor.state == "Sta13"
        assert sent_by(acceptor) == RJ
        assert acceptor.deadline == 10.0 + CLOSE
        assert not acceptor.close_requested
        acceptor.receive_eof(11.0)
        assert (acceptor.state, acceptor.deadline) == ("Sta1", None)
        assert received_by(acceptor) == []

    def test_protocol_version(self) -> None:
        acceptor = layer_in("Sta2")
        acceptor.receive_data(associate_rq(version=2), 1.0)
        assert acceptor.state == "Sta13"
        assert sent_by(acceptor) == pdu(0x03, b"\0\x01\x02\x02")
        assert received_by(acceptor) == []
        assert acceptor.deadline == 1.0 + CLOSE

    @pytest.mark.parametrize("version", [0x0001, 0x0003, 0xFFFF])
    def test_one_bit_of_the_protocol_version_counts(self, version: int) -> None:
        acceptor = layer_in("Sta2")
        acceptor.receive_data(associate_rq(version=version), 1.0)
        assert acceptor.state == "Sta3"

    def test_acceptor_user_may_abort_instead(self) -> None:
        acceptor = layer_in("Sta3")
        acceptor.send(abort(), 0.0)
        assert acceptor.state == "Sta13"
        assert sent_by(acceptor) == USER_ABORT

    def test_connection_refused(self) -> None:
        requestor = layer_in("Sta4")
        assert requestor.connect_requested
        requestor.receive_eof(1.0)
        assert requestor.state == "Sta1"
        assert received_by(requestor) == [p_abort(0)]
        assert not requestor.connect_requested
        requestor.connected(2.0)  # too late
        assert requestor.state == "Sta1"

    def test_abort_while_connecting(self) -> None:
        requestor = layer_in("Sta4")
        requestor.send(abort(), 1.0)
        assert requestor.state == "Sta1"
        assert requestor.close_requested
        assert not requestor.connect_requested
        requestor.connected(2.0)  # the connection came none the less
        assert requestor.state == "Sta1"
        assert not requestor.has_data_to_send

    def test_nothing_is_sent_before_the_connection(self) -> None:
        requestor = layer_in("Sta4")
        requestor.connected(0.0)
        assert sent_by(requestor) == RQ

    def test_p_data_right_behind_the_ac(self) -> None:
        requestor = layer_in("Sta5")
        requestor.receive_data(AC + DATA + DATA + RELEASE_RQ, 0.0)
        command = (1, 3, b"command")
        assert received_by(requestor) == [acceptance(), p_data(command, command), release()]
        assert requestor.state == "Sta8"

    def test_late_ac_after_abort_is_ignored(self) -> None:
        wires = Wires()
        wires.send(wires.requestor, request())
        wires.requestor.send(abort(), 0.0)
        wires.acceptor.send(acceptance(), 0.0)
        wires.settle()
        assert wires.states == ("Sta1", "Sta1")
        assert wires.received(wires.requestor) == []
        assert wires.received(wires.acceptor) == [request(), abort()]


class TestDataTransfer:
    """PS3.8 7.6."""

    @CUTS
    def test_both_ways(self, cut: int | None) -> None:
        wires = Wires.established(cut)
        ping, pong = p_data((1, 3, b"ping"), (1, 2, b"data")), p_data((1, 3, b"pong"))
        wires.send(wires.requestor, ping)
        wires.send(wires.acceptor, pong)
        assert wires.received(wires.acceptor) == [ping]
        assert wires.received(wires.requestor) == [pong]
        assert wires.states == ("Sta6", "Sta6")

    @CUTS
    def test_encoded_pdus(self, cut: int | None) -> None:
        wires = Wires.established(cut)
        data = bytes(range(256)) * 1000
        wires.requestor.send_p_data(p_data_buffers(1, False, data, 16382))
        assert wires.requestor.has_data_to_send
        wires.settle()
        (primitive,) = wires.received(wires.acceptor)
        assert b"".join(fragment for _, _, fragment in primitive.pdvs) == data
        assert {(context, header & 1) for context, header, _ in primitive.pdvs} == {(1, 0)}
        assert [header >> 1 for _, header, _ in primitive.pdvs] == [0] * 15 + [1]

    def test_encoded_pdus_are_not_copied(self) -> None:
        layer = layer_in("Sta6")
        buffers = p_data_buffers(1, False, bytes(100_000), 16382)
        layer.send_p_data(buffers)
        assert all(a is b for a, b in zip(layer.data_to_send(), buffers, strict=True))
        assert layer.data_to_send() == []
        assert not layer.has_data_to_send

    def test_order_of_everything_sent(self) -> None:
        acceptor = layer_in("Sta3")
        acceptor.send(acceptance(), 0.0)
        acceptor.send_p_data([DATA])
        acceptor.send(p_data((1, 3, b"command")), 0.0)
        acceptor.send(release(), 0.0)
        assert sent_by(acceptor) == AC + DATA + DATA + RELEASE_RQ

    def test_one_p_data_per_read(self) -> None:
        layer = layer_in("Sta6")
        pdvs = [(1, 0, bytes([number]) * number) for number in range(1, 50)]
        layer.receive_data(p_data_tf(*pdvs[:7]) + b"".join(map(p_data_tf, pdvs[7:])), 0.0)
        assert received_by(layer) == [p_data(*pdvs)]

    def test_views_of_the_receive_buffer(self) -> None:
        layer = layer_in("Sta6")
        space = layer.receive_buffer()
        space[: len(DATA)] = DATA
        layer.bytes_received(len(DATA), 0.0)
        (primitive,) = layer.primitives_received()
        space[12:19] = b"COMMAND"
        assert primitive == p_data((1, 3, b"COMMAND"))

    def test_p_data_not_yet_fetched_is_kept(self) -> None:
        layer = layer_in("Sta6")
        expected = []
        for number in range(10):
            fragment = bytes([number]) * 5000
            expected.append((1, 0, fragment))
            layer.receive_data(p_data_tf((1, 0, fragment)), 0.0)
        assert received_by(layer) == [p_data(*expected)]

    def test_p_data_while_awaiting_the_release_response(self) -> None:
        layer = layer_in("Sta7")
        layer.receive_data(DATA + DATA + RELEASE_RP, 0.0)
        command = (1, 3, b"command")
        assert received_by(layer) == [p_data(command, command), release("affirmative")]

    @pytest.mark.parametrize("observed", [False, True])
    def test_p_data_before_answering_the_release(self, observed: bool) -> None:
        layer = layer_in("Sta8")
        transitions: list[tuple[str, ...]] = []
        if observed:
            layer.on_transition = lambda *values: transitions.append(values)
        layer.send(p_data((1, 3, b"command")), 0.0)
        layer.send_p_data([DATA])
        assert sent_by(layer) == DATA + DATA
        assert layer.state == "Sta8"
        assert transitions == [("Sta8", "Evt9", "AR-7", "Sta8")] * 2 * observed

    @pytest.mark.parametrize("state", [s for s in STATES if s not in ("Sta6", "Sta8")])
    def test_p_data_when_not_allowed(self, state: str) -> None:
        layer = layer_in(state)
        with pytest.raises(UpperLayerError, match=rf"Evt9 .* not allowed in {state} "):
            layer.send_p_data([DATA])
        with pytest.raises(UpperLayerError, match=rf"Evt9 .* not allowed in {state} "):
            layer.send(p_data((1, 3, b"command")), 0.0)
        assert layer.state == state
        assert not layer.has_data_to_send

    def test_pdu_without_pdv(self) -> None:
        layer = layer_in("Sta6")
        layer.receive_data(p_data_tf() + DATA, 0.0)
        assert received_by(layer) == [p_data((1, 3, b"command"))]

    def test_pdvs_before_an_invalid_one_arrive(self) -> None:
        layer = layer_in("Sta6")
        layer.receive_data(DATA + pdu(0x04, b"\0\0\0\x09\x01\x00too short") + DATA, 0.0)
        assert received_by(layer) == [p_data((1, 3, b"command")), p_abort(0)]
        assert layer.state == "Sta13"


class TestRelease:
    """PS3.8 7.2."""

    @CUTS
    @pytest.mark.parametrize("by_requestor", [True, False])
    def test_release(self, cut: int | None, by_requestor: bool) -> None:
        wires = Wires.established(cut)
        one, other = wires.requestor, wires.acceptor
        if not by_requestor:
            one, other = other, one
        wires.send(one, release())
        assert (one.state, other.state) == ("Sta7", "Sta8")
        assert wires.received(other) == [release()]
        other.send(release("affirmative"), 3.0)
        assert other.state == "Sta13"
        assert other.deadline == 3.0 + CLOSE
        wires.settle()
        assert wires.states == ("Sta1", "Sta1")
        assert wires.received(one) == [release("affirmative")]
        assert one.close_requested
        assert not other.close_requested  # the other end closed
        assert other.deadline is None
        assert not wires.is_open

    @CUTS
    def test_collision(self, cut: int | None) -> None:
        wires = Wires.established(cut)
        requestor, acceptor = wires.requestor, wires.acceptor
        requestor.send(release(), 0.0)
        acceptor.send(release(), 0.0)
        wires.settle()
        assert wires.states == ("Sta9", "Sta10")
        assert wires.received(requestor) == wires.received(acceptor) == [release()]
        wires.send(requestor, release("affirmative"))
        assert wires.states == ("Sta11", "Sta12")
        assert wires.received(acceptor) == [release("affirmative")]
        wires.send(acceptor, release("affirmative"))
        assert wires.states == ("Sta1", "Sta1")
        assert wires.received(requestor) == [release("affirmative")]
        assert requestor.close_requested

    def test_in_a_collision_the_acceptor_waits(self) -> None:
        layer = layer_in("Sta10")
        with pytest.raises(UpperLayerError, match="Evt14"):
            layer.send(release("affirmative"), 0.0)
        assert layer.state == "Sta10"

    def test_response_before_data_is_flushed(self) -> None:
        layer = layer_in("Sta8")
        layer.send_p_data([DATA])
        layer.send(release("affirmative"), 0.0)
        assert sent_by(layer) == DATA + RELEASE_RP

    @pytest.mark.parametrize("name", ["AC", "RJ", "DATA", "RELEASE-RQ", "RELEASE-RP"])
    def test_what_comes_after_it_is_ignored(self, name: str) -> None:
        layer = layer_in("Sta13")
        layer.receive_data(PDUS[name] * 3, 1.0)
        assert layer.state == "Sta13"
        assert not layer.has_data_to_send
        assert received_by(layer) == []
        assert layer.error is None

    def test_what_is_ignored_need_not_be_right(self) -> None:
        layer = layer_in("Sta13")
        layer.receive_data(pdu(0x04, b"\xff" * 50) + pdu(0x02, bytes(68)) + USER_ABORT, 1.0)
        assert (layer.state, layer.close_requested) == ("Sta1", True)


class TestAbort:
    """PS3.8 7.3 and 7.4."""

    @CUTS
    @pytest.mark.parametrize("by_requestor", [True, False])
    def test_by_the_user(self, cut: int | None, by_requestor: bool) -> None:
        wires = Wires.established(cut)
        one, other = wires.requestor, wires.acceptor
        if not by_requestor:
            one, other = other, one
        one.send(abort(), 2.0)
        assert one.state == "Sta13"
        assert one.deadline == 2.0 + CLOSE
        wires.settle()
        assert wires.states == ("Sta1", "Sta1")
        assert wires.received(one) == []
        assert wires.received(other) == [abort()]
        assert other.close_requested

    @pytest.mark.parametrize("state", ASSOCIATED)
    def test_by_the_user_in_every_state(self, state: str) -> None:
        layer = layer_in(state)
        layer.send(abort(), 7.0)
        assert layer.state == "Sta13"
        assert sent_by(layer) == USER_ABORT
        assert received_by(layer) == []
        assert layer.deadline == 7.0 + CLOSE
        assert layer.error is None

    @pytest.mark.parametrize("state", ["Sta1", "Sta2", "Sta13"])
    def test_by_the_user_without_an_association(self, state: str) -> None:
        layer = layer_in(state)
        with pytest.raises(UpperLayerError, match=rf"Evt15 .* not allowed in {state}"):
            layer.send(abort(), 0.0)
        assert not layer.has_data_to_send

    def test_on_behalf_of_the_provider(self) -> None:
        layer = layer_in("Sta6")
        layer.send(p_abort(0), 0.0)
        assert sent_by(layer) == provider_abort(0)
        assert received_by(layer) == []

    @pytest.mark.parametrize("state", CONNECTED)
    @pytest.mark.parametrize(
        ("data", "primitive"),
        [(USER_ABORT, abort()), (provider_abort(2), p_abort(2))],
        ids=["user", "provider"],
    )
    def test_by_the_peer_in_every_state(self, state: str, data: bytes, primitive: Any) -> None:
        layer = layer_in(state)
        layer.receive_data(data + DATA, 0.0)
        assert (layer.state, layer.close_requested) == ("Sta1", True)
        assert received_by(layer) == ([primitive] if state in ASSOCIATED else [])
        assert not layer.has_data_to_send
        assert layer.deadline is None

    def test_both_at_once(self) -> None:
        wires = Wires.established()
        wires.requestor.send(abort(), 0.0)
        wires.acceptor.send(abort(), 0.0)
        wires.settle()
        assert wires.states == ("Sta1", "Sta1")
        assert wires.received(wires.requestor) == wires.received(wires.acceptor) == []

    def test_unsent_data_is_dropped(self) -> None:
        acceptor = layer_in("Sta3")
        acceptor.send(acceptance(), 0.0)
        acceptor.send_p_data(p_data_buffers(1, False, bytes(100_000), 16382))
        acceptor.send(p_data((1, 3, b"command")), 0.0)
        acceptor.send(abort(), 0.0)
        assert sent_by(acceptor) == AC + USER_ABORT

    def test_what_was_fetched_is_the_owners(self) -> None:
        layer = layer_in("Sta6")
        layer.send_p_data([DATA])
        assert layer.data_to_send() == [DATA]
        layer.send(abort(), 0.0)
        assert layer.data_to_send() == [USER_ABORT]

    def test_by_the_peer_drops_unsent_data(self) -> None:
        layer = layer_in("Sta6")
        layer.send_p_data([DATA])
        layer.receive_data(USER_ABORT, 0.0)
        assert layer.close_requested
        assert not layer.has_data_to_send


class TestTransport:
    """The connection goes away: Evt17."""

    @pytest.mark.parametrize("partial", [b"", DATA[:3], DATA[:10]])
    @pytest.mark.parametrize("state", CONNECTED)
    def test_lost_in_every_state(self, state: str, partial: bytes) -> None:
        layer = layer_in(state)
        layer.receive_data(partial, 0.0)
        refused = layer.error is not None  # the header alone may have been too much
        received_by(layer)
        layer.receive_eof(1.0)
        assert layer.state == "Sta1"
        assert received_by(layer) == ([p_abort(0)] if state in ASSOCIATED and not refused else [])
        assert layer.deadline is None
        assert not layer.in_pdu
        assert not layer.has_data_to_send
        assert not layer.close_requested

    def test_lost_with_data_unsent(self) -> None:
        layer = layer_in("Sta6")
        layer.send_p_data([DATA])
        layer.receive_eof(0.0)
        assert not layer.has_data_to_send

    def test_lost_in_sta1(self) -> None:
        layer = layer_in("Sta1")
        layer.receive_eof(0.0)
        assert layer.state == "Sta1"
        assert received_by(layer) == []

    def test_both_ends(self) -> None:
        wires = Wires.established()
        wires.lose()
        assert wires.states == ("Sta1", "Sta1")
        assert wires.received(wires.requestor) == wires.received(wires.acceptor) == [p_abort(0)]

    @pytest.mark.parametrize("state", ["Sta1", "Sta4"])
    def test_bytes_without_a_connection_are_ignored(self, state: str) -> None:
        layer = layer_in(state)
        layer.receive_data(RQ + AC + b"\xff" * 100_000, 0.0)
        assert layer.state == state
        assert not layer.in_pdu
        assert received_by(layer) == []
        assert len(layer.receive_buffer()) == SMALL_BUFFER

    def test_bytes_after_the_end_are_ignored(self) -> None:
        layer = layer_in("Sta7")
        layer.receive_data(RELEASE_RP + DATA + b"\xff" * 100, 0.0)
        layer.receive_data(RQ, 0.0)
        assert layer.state == "Sta1"
        assert received_by(layer) == [release("affirmative")]
        assert not layer.in_pdu
        assert not layer.has_data_to_send


class TestARTIM:
    """The association request, reject and release timer (PS3.8 9.1.5)."""

    def test_no_request(self) -> None:
        acceptor = new_layer()
        acceptor.connected(100.0)
        assert acceptor.state == "Sta2"
        assert acceptor.deadline == 100.0 + ARTIM
        acceptor.handle_timeout(99.0 + ARTIM)  # too early: nothing
        assert acceptor.state == "Sta2"
        acceptor.handle_timeout(100.0 + ARTIM)
        assert (acceptor.state, acceptor.close_requested) == ("Sta1", True)
        assert acceptor.deadline is None
        assert not acceptor.has_data_to_send
        assert received_by(acceptor) == []

    def test_half_a_request(self) -> None:
        acceptor = layer_in("Sta2")
        for position in range(len(RQ) - 1):
            acceptor.receive_data(RQ[position : position + 1], position / 10)
            assert acceptor.deadline == ARTIM
        acceptor.handle_timeout(ARTIM)
        assert acceptor.state == "Sta1"
        assert acceptor.deadline is None
        assert not acceptor.in_pdu

    def test_request_in_time(self) -> None:
        acceptor = layer_in("Sta2")
        acceptor.receive_data(RQ, ARTIM - 1)
        assert acceptor.deadline is None
        acceptor.handle_timeout(ARTIM)
        assert acceptor.state == "Sta3"

    def test_never(self) -> None:
        acceptor = layer_in("Sta2", artim_timeout=None, close_timeout=None)
        assert acceptor.deadline is None
        acceptor.handle_timeout(1e9)
        assert acceptor.state == "Sta2"
        acceptor.receive_data(b"GET / HTTP/1.1\r\n", 0.0)
        assert acceptor.state == "Sta13"
        assert acceptor.deadline is None

    @pytest.mark.parametrize("by_rejecting", [True, False])
    def test_peer_does_not_close(self, by_rejecting: bool) -> None:
        layer = layer_in("Sta3" if by_rejecting else "Sta8")
        layer.send(rejection() if by_rejecting else release("affirmative"), 50.0)
        assert layer.deadline == 50.0 + CLOSE
        layer.receive_data(DATA, 51.0)  # does not prolong it
        layer.handle_timeout(50.0 + CLOSE)
        assert (layer.state, layer.close_requested) == ("Sta1", True)
        assert not layer.has_data_to_send  # nobody reads it

    def test_peer_does_not_read(self) -> None:
        wires = Wires.established()
        wires.requestor.send(abort(), 0.0)
        assert wires.requestor.has_data_to_send
        wires.requestor.handle_timeout(CLOSE)
        assert wires.requestor.close_requested
        assert not wires.requestor.has_data_to_send

    def test_both_ends(self) -> None:
        wires = Wires()
        wires.send(wires.requestor, request())
        wires.acceptor.receive_data(b"\xff" * 6, 0.0)
        wires.acceptor.data_to_send()  # lost on the way
        wires.wait(wires.acceptor)
        assert wires.states == ("Sta1", "Sta1")
        assert wires.now == CLOSE
        assert wires.received(wires.requestor) == [p_abort(0)]

    def test_timeouts_may_change(self) -> None:
        layer = layer_in("Sta6")
        layer.close_timeout = 1.0
        layer.send(abort(), 10.0)
        assert layer.deadline == 11.0


class TestUser:
    """What the service user hands over."""

    @pytest.mark.parametrize("value", [None, b"", "A_ASSOCIATE", object()])
    def test_no_primitive(self, value: Any) -> None:
        layer = layer_in("Sta6")
        with pytest.raises(TypeError, match="is no primitive of the upper layer service"):
            layer.send(value, 0.0)

    @pytest.mark.parametrize("state", STATES)
    def test_not_allowed(self, state: str) -> None:
        allowed = {
            "Sta1": {"Evt1"},
            "Sta3": {"Evt7", "Evt8", "Evt15"},
            "Sta4": {"Evt15"},
            "Sta5": {"Evt15"},
            "Sta6": {"Evt9", "Evt11", "Evt15"},
            "Sta7": {"Evt15"},
            "Sta8": {"Evt9", "Evt14", "Evt15"},
            "Sta9": {"Evt14", "Evt15"},
            "Sta10": {"Evt15"},
            "Sta11": {"Evt15"},
            "Sta12": {"Evt14", "Evt15"},
        }
        primitives = {
            "Evt1": request(),
            "Evt7": acceptance(),
            "Evt8": rejection(),
            "Evt9": p_data((1, 3, b"command")),
            "Evt11": release(),
            "Evt14": release("affirmative"),
            "Evt15": abort(),
        }
        for event, primitive in primitives.items():
            if event in allowed.get(state, ()):
                layer_in(state).send(primitive, 0.0)
                continue
            layer = layer_in(state)
            before = layer.primitive
            message = rf"^{event} \(.+\) is not allowed in {state} "
            with pytest.raises(UpperLayerError, match=message):
                layer.send(primitive, 0.0)
            assert layer.state == state
            assert layer.primitive is before
            assert not layer.has_data_to_send

    def test_refused_primitive_is_forgotten(self) -> None:
        requestor = layer_in("Sta4")
        with pytest.raises(UpperLayerError):
            requestor.send(p_data((1, 3, b"command")), 0.0)
        requestor.connected(0.0)
        assert sent_by(requestor) == RQ


class TestObservers:
    """The callables see everything, in order, and only when they are wanted."""

    @staticmethod
    def watch(layer: UpperLayer) -> list[tuple[Any, ...]]:
        seen: list[tuple[Any, ...]] = []
        layer.on_data_received = lambda data: seen.append(("data received", data))
        layer.on_pdu_received = lambda pdu: seen.append(("PDU received", type(pdu).__name__))
        layer.on_data_sent = lambda data: seen.append(("data sent", data))
        layer.on_pdu_sent = lambda pdu: seen.append(("PDU sent", type(pdu).__name__))
        layer.on_transition = lambda *values: seen.append(values)
        return seen

    def test_requestor(self) -> None:
        layer = new_layer()
        seen = self.watch(layer)
        layer.send(request(), 0.0)
        layer.connected(0.0)
        layer.data_to_send()
        layer.receive_data(AC + DATA, 0.0)
        layer.send(p_data((1, 3, b"command")), 0.0)
        layer.send_p_data([DATA[:10], DATA[10:] + DATA])
        layer.data_to_send()
        layer.send(release(), 0.0)
        layer.data_to_send()
        layer.receive_data(RELEASE_RP, 0.0)
        assert seen == [
            ("Sta1", "Evt1", "AE-1", "Sta4"),
            ("Sta4", "Evt2", "AE-2", "Sta5"),
            ("data sent", RQ),
            ("PDU sent", "A_ASSOCIATE_RQ"),
            ("data received", AC),
            ("PDU received", "A_ASSOCIATE_AC"),
            ("Sta5", "Evt3", "AE-3", "Sta6"),
            ("data received", DATA),
            ("PDU received", "P_DATA_TF"),
            ("Sta6", "Evt10", "DT-2", "Sta6"),
            ("Sta6", "Evt9", "DT-1", "Sta6"),
            ("Sta6", "Evt9", "DT-1", "Sta6"),
            *[("data sent", DATA), ("PDU sent", "P_DATA_TF")] * 3,
            ("Sta6", "Evt11", "AR-1", "Sta7"),
            ("data sent", RELEASE_RQ),
            ("PDU sent", "A_RELEASE_RQ"),
            ("data received", RELEASE_RP),
            ("PDU received", "A_RELEASE_RP"),
            ("Sta7", "Evt13", "AR-3", "Sta1"),
        ]

    def test_acceptor(self) -> None:
        layer = new_layer()
        seen = self.watch(layer)
        layer.connected(0.0)
        layer.receive_data(RQ, 0.0)
        layer.send(acceptance(), 0.0)
        layer.receive_data(RELEASE_RQ, 0.0)
        layer.send(release("affirmative"), 0.0)
        layer.data_to_send()
        layer.receive_data(DATA, 0.0)
        layer.receive_eof(0.0)
        assert seen == [
            ("Sta1", "Evt5", "AE-5", "Sta2"),
            ("data received", RQ),
            ("PDU received", "A_ASSOCIATE_RQ"),
            ("Sta2", "Evt6", "AE-6", "Sta3"),
            ("Sta3", "Evt7", "AE-7", "Sta6"),
            ("data received", RELEASE_RQ),
            ("PDU received", "A_RELEASE_RQ"),
            ("Sta6", "Evt12", "AR-2", "Sta8"),
            ("Sta8", "Evt14", "AR-4", "Sta13"),
            ("data sent", AC),
            ("PDU sent", "A_ASSOCIATE_AC"),
            ("data sent", RELEASE_RP),
            ("PDU sent", "A_RELEASE_RP"),
            ("Sta13", "Evt10", "AA-6", "Sta13"),
            ("Sta13", "Evt17", "AR-5", "Sta1"),
        ]

    @pytest.mark.parametrize(
        ("data", "seen_as"),
        [
            (b"\xff" * 6, [("Sta6", "Evt19", "AA-8", "Sta13")]),
            (AC, [("Sta6", "Evt3", "AA-8", "Sta13")]),
            (
                pdu(0x04, b"\0\0\0"),
                [
                    ("data received", pdu(0x04, b"\0\0\0")),
                    ("Sta6", "Evt19", "AA-8", "Sta13"),
                ],
            ),
        ],
    )
    def test_what_is_refused(self, data: bytes, seen_as: list[tuple[Any, ...]]) -> None:
        layer = layer_in("Sta6")
        seen = self.watch(layer)
        layer.receive_data(data, 0.0)
        assert seen == seen_as
        layer.data_to_send()
        assert seen[-1] == ("PDU sent", "A_ABORT_RQ")

    def test_timeout(self) -> None:
        layer = layer_in("Sta2")
        seen = self.watch(layer)
        layer.handle_timeout(ARTIM)
        assert seen == [("Sta2", "Evt18", "AA-2", "Sta1")]

    def test_dropped_p_data_was_not_sent(self) -> None:
        layer = layer_in("Sta6")
        layer.send_p_data([DATA])
        layer.send(abort(), 0.0)
        seen = self.watch(layer)
        layer.data_to_send()
        assert seen == [("data sent", USER_ABORT), ("PDU sent", "A_ABORT_RQ")]

    @pytest.mark.parametrize("name", ["on_data_received", "on_pdu_received", "on_transition"])
    def test_any_one_sees_p_data(self, name: str) -> None:
        layer = layer_in("Sta6")
        seen: list[Any] = []
        setattr(layer, name, lambda *values: seen.append(values))
        layer.receive_data(DATA * 3, 0.0)
        assert len(seen) == 3
        setattr(layer, name, None)
        layer.receive_data(DATA * 3, 0.0)
        assert len(seen) == 3
        assert len(merged(received_by(layer))[0].pdvs) == 6

    @pytest.mark.parametrize("name", ["on_data_sent", "on_pdu_sent"])
    def test_any_one_sees_what_is_sent(self, name: str) -> None:
        layer = layer_in("Sta6")
        seen: list[Any] = []
        setattr(layer, name, seen.append)
        layer.send_p_data([DATA, DATA])
        assert sent_by(layer) == DATA + DATA
        assert len(seen) == 2

    def test_objects_are_complete(self) -> None:
        layer = new_layer()
        seen: list[Any] = []
        layer.on_pdu_received = layer.on_pdu_sent = seen.append
        layer.connected(0.0)
        layer.receive_data(RQ, 0.0)
        layer.send(acceptance(), 0.0)
        layer.send_p_data([DATA])
        layer.data_to_send()
        layer.receive_data(DATA, 0.0)
        layer.receive_data(USER_ABORT, 0.0)
        assert [pdu.encode() for pdu in seen] == [RQ, AC, DATA, DATA, USER_ABORT]
        assert isinstance(seen[0], A_ASSOCIATE_RQ)
        assert isinstance(seen[3], P_DATA_TF)
        assert isinstance(seen[4], A_ABORT_RQ)

    def test_nothing_is_kept(self) -> None:
        layer = layer_in("Sta2")
        layer.on_pdu_received = lambda pdu: None
        layer.receive_data(RQ, 0.0)
        assert layer.pdu is None

    def test_may_abort(self) -> None:
        layer = layer_in("Sta6")
        layer.on_pdu_received = lambda pdu: layer.send(abort(), 0.0)
        layer.receive_data(RELEASE_RQ + DATA, 0.0)
        assert layer.state == "Sta13"
        assert sent_by(layer) == USER_ABORT
        assert received_by(layer) == []

    def test_transition_may_abort(self) -> None:
        layer = layer_in("Sta5")

        def stop(before: str, event: str, action: str, after: str) -> None:
            if after == "Sta6":
                layer.send(abort(), 0.0)

        layer.on_transition = stop
        layer.receive_data(AC, 0.0)
        assert layer.state == "Sta13"
        assert sent_by(layer) == USER_ABORT
