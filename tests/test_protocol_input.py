"""What a peer sends, right or wrong: refusals, stalls, the receive buffer, any segmentation."""

from __future__ import annotations

import logging
from itertools import pairwise
from struct import pack
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pynetdicom.dul.protocol import _KNOWN, BULK_BUFFER, SMALL_BUFFER, UpperLayer
from pynetdicom.limits import KIB, MIB, Limits
from pynetdicom.pdu_primitives import A_ABORT, A_P_ABORT, P_DATA
from tests.support.upper_layers import (
    AC,
    ASSOCIATED,
    CLOSE,
    CONNECTED,
    DATA,
    HUGE,
    PDUS,
    RELEASE_RP,
    RELEASE_RQ,
    RJ,
    RQ,
    STALL,
    USER_ABORT,
    abort,
    layer_in,
    merged,
    new_layer,
    p_abort,
    p_data,
    p_data_tf,
    pdu,
    primitive_of,
    provider_abort,
    received_by,
    rejection,
    release,
    sent_by,
)

# What may come in each state, A-ABORT always
EXPECTED = {
    "Sta2": {"RQ"},
    "Sta3": set(),
    "Sta5": {"AC", "RJ"},
    "Sta6": {"DATA", "RELEASE-RQ"},
    "Sta7": {"DATA", "RELEASE-RQ", "RELEASE-RP"},
    "Sta8": set(),
    "Sta9": set(),
    "Sta10": {"RELEASE-RP"},
    "Sta11": {"RELEASE-RP"},
    "Sta12": set(),
    "Sta13": {"AC", "RJ", "DATA", "RELEASE-RQ", "RELEASE-RP"},
}
UNEXPECTED = [
    (state, name)
    for state in CONNECTED
    for name in PDUS
    if name != "ABORT" and name not in EXPECTED[state]
]


def assert_refused(layer: UpperLayer, state: str, reason: int) -> None:
    """Assert the answer to something wrong that came in a state, and that it was all."""
    assert layer.state == "Sta13"
    assert layer.error is not None
    assert layer.error.reason == reason
    assert not layer.close_requested
    answer = USER_ABORT if state == "Sta2" else provider_abort(reason)
    assert sent_by(layer) == answer
    assert received_by(layer) == ([p_abort(reason)] if state in ASSOCIATED else [])
    # The peer has its time to close; what else it sends is of no interest
    assert layer.deadline == CLOSE
    layer.receive_data(RQ + USER_ABORT + b"\xff" * 1000, 1.0)
    assert not layer.has_data_to_send
    assert received_by(layer) == []
    assert not layer.in_pdu
    layer.handle_timeout(CLOSE)
    assert (layer.state, layer.close_requested) == ("Sta1", True)


class TestStall:
    """A PDU once begun must be complete."""

    @pytest.mark.parametrize("state", ASSOCIATED)
    @pytest.mark.parametrize("size", [1, 5, 6, 9])
    def test_in_every_state(self, state: str, size: int) -> None:
        layer = layer_in(state)
        layer.receive_data(USER_ABORT[:size], 100.0)
        assert layer.in_pdu
        assert layer.deadline == 100.0 + STALL
        layer.handle_timeout(99.0 + STALL)
        assert layer.state == state
        layer.handle_timeout(100.0 + STALL)
        assert layer.state == "Sta13"
        assert sent_by(layer) == provider_abort(0)
        assert received_by(layer) == [p_abort(0)]
        assert str(layer.error) == "PDU not complete after 60.0 s"
        assert layer.deadline == 100.0 + STALL + CLOSE

    def test_before_the_request(self) -> None:
        acceptor = layer_in("Sta2", artim_timeout=None)
        acceptor.receive_data(RQ[:-1], 5.0)
        assert acceptor.deadline == 5.0 + STALL
        acceptor.handle_timeout(5.0 + STALL)
        assert sent_by(acceptor) == USER_ABORT
        assert acceptor.state == "Sta13"

    def test_while_awaiting_the_close(self) -> None:
        layer = layer_in("Sta13", stall_timeout=1.0)
        layer.receive_data(DATA[:10], 2.0)
        assert layer.deadline == 3.0
        layer.handle_timeout(3.0)
        assert sent_by(layer) == provider_abort(0)
        assert layer.deadline == CLOSE

    def test_counts_from_the_first_byte(self) -> None:
        layer = layer_in("Sta6")
        for position in range(len(DATA) - 1):
            layer.receive_data(DATA[position : position + 1], 10.0 + position)
        assert layer.deadline == 10.0 + STALL
        layer.receive_data(DATA[-1:] + DATA[:1], 50.0)
        assert layer.deadline == 50.0 + STALL
        layer.receive_data(DATA[1:], 51.0)
        assert layer.deadline is None
        layer.receive_data(DATA[:1], 52.0)
        assert layer.deadline == 52.0 + STALL

    def test_long_pdus_have_longer(self) -> None:
        layer = layer_in("Sta6", limits=Limits(stall_rate=1000))
        layer.receive_data(pack(">BBL", 4, 0, 500_000), 0.0)
        assert layer.deadline == 500.0

    def test_switched_off(self) -> None:
        layer = layer_in("Sta6", stall_timeout=None)
        layer.receive_data(DATA[:10], 0.0)
        assert layer.deadline is None
        layer.handle_timeout(1e9)
        assert layer.state == "Sta6"


class TestRefusals:
    """What a peer must not send is answered from its header, and nothing more is read."""

    @pytest.mark.parametrize(("state", "name"), UNEXPECTED)
    def test_unexpected(self, state: str, name: str) -> None:
        layer = layer_in(state)
        layer.receive_data(PDUS[name][:6], 0.0)
        assert_refused(layer, state, 2)

    @pytest.mark.parametrize("pdu_type", [0x00, 0x08, 0x47, 0xFF])
    @pytest.mark.parametrize("state", CONNECTED)
    def test_unrecognised(self, state: str, pdu_type: int) -> None:
        layer = layer_in(state)
        layer.receive_data(pdu(pdu_type, b""), 0.0)
        assert_refused(layer, state, 1)

    @pytest.mark.parametrize("name", PDUS)
    @pytest.mark.parametrize("state", CONNECTED)
    def test_huge(self, state: str, name: str) -> None:
        layer = layer_in(state)
        layer.receive_data(pdu(PDUS[name][0], b"", HUGE), 0.0)
        assert len(layer.receive_buffer()) == SMALL_BUFFER
        expected = name == "ABORT" or name in EXPECTED[state]
        assert_refused(layer, state, 6 if expected else 2)
        assert len(layer.receive_buffer()) == SMALL_BUFFER

    def test_a_flood_behind_it_costs_nothing(self) -> None:
        layer = layer_in("Sta6")
        layer.receive_data(pdu(0x04, b"", HUGE), 0.0)
        for _ in range(100):
            space = layer.receive_buffer()
            assert len(space) == SMALL_BUFFER
            layer.bytes_received(len(space), 0.0)
        assert sent_by(layer) == provider_abort(6)

    @pytest.mark.parametrize(
        ("state", "pdu_type", "length", "accepted"),
        [
            ("Sta2", 0x01, 67, False),
            ("Sta2", 0x01, 68, True),
            ("Sta2", 0x01, MIB, True),
            ("Sta2", 0x01, MIB + 1, False),
            ("Sta5", 0x02, 67, False),
            ("Sta5", 0x02, 68, True),
            ("Sta5", 0x02, MIB, True),
            ("Sta5", 0x02, MIB + 1, False),
            ("Sta5", 0x03, 3, False),
            ("Sta5", 0x03, 64, True),
            ("Sta5", 0x03, 65, False),
            ("Sta6", 0x04, MIB, True),
            ("Sta6", 0x04, MIB + 1, False),
            ("Sta6", 0x05, 3, False),
            ("Sta6", 0x05, 64, True),
            ("Sta6", 0x05, 65, False),
            ("Sta7", 0x06, 3, False),
            ("Sta7", 0x06, 64, True),
            ("Sta7", 0x06, 65, False),
            ("Sta6", 0x07, 3, False),
            ("Sta6", 0x07, 64, True),
            ("Sta6", 0x07, 65, False),
        ],
    )
    def test_length(self, state: str, pdu_type: int, length: int, accepted: bool) -> None:
        layer = layer_in(state)
        layer.receive_data(pdu(pdu_type, b"", length), 0.0)
        if accepted:
            assert layer.state == state
            assert layer.in_pdu
        else:
            assert_refused(layer, state, 6)

    @pytest.mark.parametrize(
        ("maximum_length", "p_data_length", "cap"),
        [
            (16382, None, MIB),
            (4 * MIB, None, 8 * MIB),
            (0, None, 16 * MIB),
            (16382, 20_000, 20_000),
        ],
    )
    def test_p_data_cap(self, maximum_length: int, p_data_length: int | None, cap: int) -> None:
        limits = Limits(p_data_length=p_data_length)
        for length, state in ((cap, "Sta6"), (cap + 1, "Sta13")):
            layer = layer_in("Sta6", maximum_length=maximum_length, limits=limits)
            layer.receive_data(pdu(0x04, b"", length), 0.0)
            assert layer.state == state

    def test_p_data_cap_below_the_announced_length(self) -> None:
        layer = layer_in("Sta6", limits=Limits(p_data_length=1000))
        layer.receive_data(p_data_tf((1, 0, bytes(994))), 0.0)
        assert len(received_by(layer)) == 1
        layer.receive_data(p_data_tf((1, 0, bytes(995))), 0.0)
        assert_refused(layer, "Sta6", 6)

    def test_associate_limit(self) -> None:
        acceptor = layer_in("Sta2", limits=Limits(associate_length=100))
        acceptor.receive_data(RQ, 0.0)
        assert_refused(acceptor, "Sta2", 6)

    @pytest.mark.parametrize("length", [4, 5, 64])
    @pytest.mark.parametrize(
        ("state", "data", "primitive"),
        [
            ("Sta5", RJ, rejection()),
            ("Sta6", RELEASE_RQ, release()),
            ("Sta7", RELEASE_RP, release("affirmative")),
            ("Sta6", USER_ABORT, abort()),
        ],
        ids=["RJ", "RELEASE-RQ", "RELEASE-RP", "ABORT"],
    )
    def test_surplus_of_short_pdus(
        self, state: str, data: bytes, primitive: Any, length: int
    ) -> None:
        layer = layer_in(state)
        layer.receive_data(pdu(data[0], data[6:].ljust(length, b"\xff")), 0.0)
        assert received_by(layer) == [primitive]
        assert layer.error is None

    @pytest.mark.parametrize(
        ("state", "data", "reason"),
        [
            ("Sta2", pdu(0x01, bytes(68) + b"\x20\0\xff\xff"), 6),
            ("Sta5", pdu(0x02, bytes(68) + b"\x21\0\xff\xff"), 6),
            ("Sta6", pdu(0x04, b"\0\0\0\xff\x01\x03"), 0),
            ("Sta6", pdu(0x04, b"\0\0\0\x01\x01\x03"), 0),
            ("Sta6", pdu(0x04, b"\0\0\0"), 0),
            ("Sta7", pdu(0x04, b"\0\0\0"), 0),
        ],
    )
    @pytest.mark.parametrize("observed", [False, True])
    def test_invalid_body(self, state: str, data: bytes, reason: int, observed: bool) -> None:
        layer = layer_in(state)
        if observed:
            layer.on_pdu_received = lambda pdu: None
        layer.receive_data(data, 0.0)
        assert_refused(layer, state, reason)

    def test_second_request_while_awaiting_the_close(self) -> None:
        layer = layer_in("Sta13")
        layer.receive_data(RQ * 1000, 0.0)
        assert_refused(layer, "Sta13", 2)

    def test_text_names_what_was_wrong(self) -> None:
        def error_of(state: str, data: bytes) -> str:
            layer = layer_in(state)
            layer.receive_data(data, 0.0)
            return str(layer.error)

        assert error_of("Sta2", b"GET / HTTP/1.1") == "Unrecognised PDU type 0x47"
        assert error_of("Sta6", AC) == "A-ASSOCIATE-AC PDU is not expected in Sta6"
        assert error_of("Sta6", pdu(0x05, b"", HUGE)) == (
            "A-RELEASE-RQ PDU with a length of 4294967280, accepted are 4 to 64 bytes"
        )

    def test_longer_than_announced(self, caplog: pytest.LogCaptureFixture) -> None:
        layer = layer_in("Sta6", maximum_length=100)
        long = p_data_tf((1, 0, bytes(1000)))
        with caplog.at_level(logging.WARNING, "pynetdicom.dul"):
            layer.receive_data(p_data_tf((1, 0, bytes(94))), 0.0)
            assert caplog.messages == []
            layer.receive_data(long * 2, 0.0)
            layer.receive_data(long, 0.0)
        assert caplog.messages == [
            "The peer sends P-DATA-TF PDUs of 1006 bytes, the maximum length agreed is 100"
        ]
        assert len(received_by(layer)[0].pdvs) == 4


class TestProgress:
    """P-DATA without data does not go on for ever."""

    EMPTY = (1, 0, b"")
    FULL = (1, 0, b"x")

    @pytest.mark.parametrize("observed", [False, True])
    @pytest.mark.parametrize("state", ["Sta6", "Sta7"])
    @pytest.mark.parametrize(
        ("data", "count"),
        [
            (p_data_tf(EMPTY), 1),
            (p_data_tf(), 1),
            (p_data_tf(EMPTY, EMPTY), 2),
            (p_data_tf(*[EMPTY] * 64), 64),
        ],
        ids=["one", "none", "two", "64"],
    )
    def test_limit(self, data: bytes, count: int, state: str, observed: bool) -> None:
        layer = layer_in(state)
        if observed:
            layer.on_data_received = lambda data: None
        layer.receive_data(data * (64 // count), 0.0)
        assert layer.state == state
        received_by(layer)
        layer.receive_data(data, 0.0)
        assert_refused(layer, state, 0)

    @pytest.mark.parametrize("observed", [False, True])
    def test_data_in_between(self, observed: bool) -> None:
        layer = layer_in("Sta6")
        if observed:
            layer.on_pdu_received = lambda pdu: None
        for last in (p_data_tf(self.FULL), p_data_tf(self.EMPTY, self.FULL)):
            for _ in range(3):
                layer.receive_data(p_data_tf(self.EMPTY) * 60 + last, 0.0)
        assert layer.state == "Sta6"

    def test_setting(self) -> None:
        layer = layer_in("Sta6", limits=Limits(empty_pdvs=0))
        layer.receive_data(p_data_tf(self.EMPTY), 0.0)
        assert_refused(layer, "Sta6", 0)


class TestRemembered:
    """What was decoded once is not decoded again for the next association."""

    @staticmethod
    def received(data: bytes) -> Any:
        layer = layer_in("Sta2")
        layer.receive_data(data, 0.0)
        (primitive,) = received_by(layer)
        return primitive

    def test_primitives_share_nothing(self) -> None:
        first = self.received(RQ)
        expected = self.received(RQ)
        first.calling_ae_title = "CHANGED"
        for context in first.presentation_context_definition_list:
            context.add_transfer_syntax("1.2.3")
        first.presentation_context_definition_list.clear()
        for item in first.user_information:
            vars(item).clear()
        first.user_information.clear()
        again = self.received(RQ)
        assert again == expected
        assert again.presentation_context_definition_list
        assert again.user_information

    def test_observers_get_pdus_of_their_own(self) -> None:
        pdus: list[Any] = []
        for _ in range(2):
            layer = layer_in("Sta2")
            layer.on_pdu_received = pdus.append
            layer.receive_data(RQ, 0.0)
        assert pdus[0] is not pdus[1]
        assert pdus[0] == pdus[1]

    @pytest.mark.parametrize("reserved", [0, 1])  # which shall not be tested (PS3.7 D.3.3.7.1)
    def test_passwords_are_not(self, reserved: int) -> None:
        secret = bytes((0x58, reserved, 0, 12, 2, 0, 0, 4)) + b"user" + bytes((0, 2)) + b"pw"
        user = RQ.index(b"\x50\0\0")
        length = int.from_bytes(RQ[user + 2 : user + 4], "big") + len(secret)
        body = RQ[6 : user + 2] + pack(">H", length) + RQ[user + 4 :] + secret
        data = pack(">BBL", 1, 0, len(body)) + body
        primitive = self.received(data)
        assert primitive.user_information[-1].secondary_field == b"pw"
        assert _KNOWN.get(data) is None
        self.received(RQ)
        assert _KNOWN.get(RQ) is not None


class TestBuffer:
    """The receive buffer is as large as what comes, not as what is announced."""

    def test_starts_small(self) -> None:
        assert len(new_layer().receive_buffer()) == SMALL_BUFFER == 16 * KIB
        assert not new_layer().has_large_buffer

    def test_doubles_while_reads_fill_it(self) -> None:
        layer = layer_in("Sta6")
        sizes = []
        for _ in range(9):
            space = layer.receive_buffer()
            sizes.append(len(space))
            space[:] = _p_data_of_size(len(space))
            layer.bytes_received(len(space), 0.0)
            layer.primitives_received()
        assert sizes == [16 * KIB << n for n in range(7)] + [MIB, MIB]

    def test_stays_small_for_small_reads(self) -> None:
        layer = layer_in("Sta6")
        for _ in range(2000):
            layer.receive_data(DATA, 0.0)
            layer.primitives_received()
        assert len(layer.receive_buffer()) == SMALL_BUFFER

    @pytest.mark.parametrize("length", [MIB, 16 * MIB])
    def test_follows_the_bytes_of_a_large_pdu(self, length: int) -> None:
        layer = layer_in("Sta6", maximum_length=0)
        body = pack(">LBB", length - 4, 1, 2) + bytes(length - 6)
        rest, received = memoryview(pdu(0x04, body)), 0
        largest = 0
        while rest:
            space = layer.receive_buffer()
            assert len(space) > 0
            largest = max(largest, len(space) + received)
            assert largest <= max(SMALL_BUFFER, 2 * received)
            count = min(len(space), len(rest), 64 * KIB)
            space[:count], rest = rest[:count], rest[count:]
            received += count
            layer.bytes_received(count, 0.0)
        assert largest <= max(length + 6, 2 * MIB)
        (primitive,) = layer.primitives_received()
        assert [(cx, header, len(data)) for cx, header, data in primitive.pdvs] == [
            (1, 2, length - 6)
        ]

    def test_largest_request(self) -> None:
        acceptor = layer_in("Sta2")
        padding = MIB - (len(RQ) - 6) - 4
        # Items of 64 KiB that nobody knows
        items = b""
        while padding > 0:
            size = min(padding, 60_000)
            items += pack(">BBH", 0x99, 0, size) + bytes(size)
            padding -= size + 4
        acceptor.receive_data(pdu(0x01, RQ[6:] + items), 0.0)
        assert acceptor.state in ("Sta3", "Sta13")
        assert not acceptor.in_pdu

    def test_partial_pdu_moves_to_the_front(self) -> None:
        layer = layer_in("Sta6")
        layer.receive_data(DATA + DATA[:10], 0.0)
        layer.primitives_received()
        assert len(layer.receive_buffer()) == SMALL_BUFFER - 10
        layer.receive_data(DATA[10:], 0.0)
        assert received_by(layer) == [p_data((1, 3, b"command"))]

    def test_asking_twice(self) -> None:
        layer = layer_in("Sta6")
        layer.receive_data(DATA[:10], 0.0)
        assert len(layer.receive_buffer()) == len(layer.receive_buffer()) == SMALL_BUFFER - 10

    def test_views_outlive_growth(self) -> None:
        layer = layer_in("Sta6")
        space = layer.receive_buffer()
        data = _p_data_of_size(len(space))
        space[:] = data
        layer.bytes_received(len(space), 0.0)
        (primitive,) = layer.primitives_received()
        assert len(layer.receive_buffer()) == 2 * SMALL_BUFFER
        assert primitive == primitive_of(data)

    def test_release(self) -> None:
        layer = layer_in("Sta6")
        for _ in range(8):
            space = layer.receive_buffer()
            space[:] = _p_data_of_size(len(space))
            layer.bytes_received(len(space), 0.0)
            (primitive,) = layer.primitives_received()
        assert layer.has_large_buffer
        layer.release_buffer()
        assert not layer.has_large_buffer
        assert len(primitive.pdvs[0][2]) == BULK_BUFFER - 12  # still there
        assert len(layer.receive_buffer()) == SMALL_BUFFER
        layer.receive_data(DATA, 0.0)
        assert received_by(layer) == [p_data((1, 3, b"command"))]

    def test_release_within_a_pdu(self) -> None:
        layer = layer_in("Sta6")
        data = _p_data_of_size(100_000)
        layer.receive_data(data[:90_000], 0.0)
        assert not layer.has_large_buffer
        layer.release_buffer()
        layer.receive_data(data[90_000:], 0.0)
        assert received_by(layer) == [primitive_of(data)]

    def test_release_of_a_small_one(self) -> None:
        layer = layer_in("Sta6")
        space = layer.receive_buffer()
        layer.release_buffer()
        space[: len(DATA)] = DATA
        layer.bytes_received(len(DATA), 0.0)
        assert received_by(layer) == [p_data((1, 3, b"command"))]


def _p_data_of_size(size: int) -> bytes:
    """Return one P-DATA-TF PDU of so many bytes in all."""
    return p_data_tf((1, 0, bytes(size - 12)))


UNTIMED = settings(deadline=None)

# Scripts of what a peer sends, as bytes: whole PDUs, and sometimes something wrong in the end
pdvs = st.tuples(st.sampled_from([1, 3]), st.integers(0, 3), st.binary(min_size=1, max_size=40))
data_pdus = st.lists(pdvs, min_size=1, max_size=3).map(lambda found: p_data_tf(*found))
broken = pdu(0x04, b"\0\0\0")
endings = st.sampled_from(
    [b"", RELEASE_RP, USER_ABORT, provider_abort(1), AC, broken, b"\xff" * 9, DATA[:9]]
)
scripts = st.builds(
    lambda data, ending: AC + b"".join(data) + ending,
    st.lists(data_pdus, max_size=8),
    endings,
)


def play(script: bytes, cuts: list[int], observed: bool) -> tuple[list[Any], bytes, str, bool]:
    """Receive a script in pieces; return what came of it."""
    layer = layer_in("Sta5")
    if observed:
        layer.on_pdu_received = lambda pdu: None
    received: list[Any] = []
    borders = [0, *sorted(cuts), len(script)]
    for start, stop in pairwise(borders):
        layer.receive_data(script[start:stop], 0.0)
        received += received_by(layer)
    return merged(received), sent_by(layer), layer.state, layer.close_requested


class TestSegmentation:
    """Where the transport cuts the bytes makes no difference, nor does being observed."""

    @UNTIMED
    @given(script=scripts, data=st.data(), observed=st.booleans())
    def test_any_cut(self, script: bytes, data: st.DataObject, observed: bool) -> None:
        cuts = data.draw(st.lists(st.integers(0, len(script)), max_size=12))
        assert play(script, cuts, observed) == play(script, [], False)

    @UNTIMED
    @given(script=scripts)
    def test_byte_by_byte(self, script: bytes) -> None:
        assert play(script, list(range(len(script))), False) == play(script, [], False)

    @UNTIMED
    @given(st.sampled_from(CONNECTED), st.binary(max_size=200))
    def test_garbage(self, state: str, garbage: bytes) -> None:
        layer = layer_in(state)
        layer.receive_data(garbage, 0.0)
        layer.receive_eof(1.0)
        assert layer.state == "Sta1"
        assert all(
            isinstance(primitive, (A_ABORT, A_P_ABORT, P_DATA)) for primitive in received_by(layer)
        )

    @UNTIMED
    @given(
        st.sampled_from(CONNECTED),
        st.sampled_from(list(PDUS.values())),
        st.integers(0, 300),
        st.integers(0, 255),
    )
    def test_broken_pdus(self, state: str, data: bytes, position: int, value: int) -> None:
        changed = bytearray(data)
        changed[position % len(data)] = value
        layer = layer_in(state)
        layer.receive_data(bytes(changed), 0.0)
        assert len(layer.receive_buffer()) <= SMALL_BUFFER
        layer.receive_eof(1.0)
        assert layer.state == "Sta1"
