"""What an SCP of ours does with peers that are slow, silent or many (rows 16 to 30).

As `test_limits.py`, which has the rows before.
"""

from __future__ import annotations

import select
import socket
import threading
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from pynetdicom import AE, evt
from pynetdicom.dul import provider
from pynetdicom.limits import MIB, Limits
from pynetdicom.transport import AssociationSocket
from tests.support import raw
from tests.support.associations import SOON
from tests.support.raw import CT_IMAGE, VERIFICATION
from tests.support.tls import server_context
from tests.support.watch import (
    StartSCP,
    WatchedSCP,
    complaints,
    make_file,
    peak_memory,
    scu,
)

# -- rows 16 to 20: queues and waits ---------------------------------------------------------


def test_row16_requests_wait_in_the_socket_and_not_in_memory(scp: StartSCP) -> None:
    count = 300
    all_sent = threading.Event()
    queued = []

    def handle(event: Any) -> int:
        assert all_sent.wait(raw.PATIENCE)
        for _ in range(20):
            event.assoc.dul.pump()
        queued.append(len(event.assoc.dimse.requests))
        return 0x0000

    watched = scp(handlers=[(evt.EVT_C_ECHO, handle)])
    with raw.associated(watched.port) as peer:
        for message_id in range(count):
            peer.send(raw.message(raw.echo_rq(message_id)))
        all_sent.set()
        ids = [peer.read_message().number(raw.RESPONDED_TO) for _ in range(count)]
        peer.release()
    assert ids == list(range(count))
    assert max(queued) <= Limits().unserved_requests


def test_row16_cancels_are_not_hoarded(scp: StartSCP) -> None:
    all_sent = threading.Event()
    kept = []

    def handle(event: Any) -> int:
        assert all_sent.wait(raw.PATIENCE)
        for _ in range(20):
            event.assoc.dul.pump()
        kept.append(len(event.assoc.dimse.cancelled))
        return 0x0000

    watched = scp(handlers=[(evt.EVT_C_ECHO, handle)])
    with raw.associated(watched.port) as peer:
        peer.send(raw.message(raw.echo_rq(5)))
        for message_id in range(1000):
            peer.send(raw.message(raw.cancel_rq(message_id)))
        all_sent.set()
        assert peer.read_message().number(raw.RESPONDED_TO) == 5
        assert peer.echo(6) == 0x0000
    assert max(kept) <= Limits().cancel_requests


@pytest.fixture
def large_file(tmp_path: Path) -> Path:
    """Make a file of 32 MiB."""
    return make_file(tmp_path / "large.dcm", 32 * MIB)


def test_row17_output_waits_for_the_peer_in_constant_memory(large_file: Path) -> None:
    def take_slowly(peer: raw.Peer) -> None:
        peer.accept()
        begun.wait(raw.PATIENCE)
        message = peer.read_message()
        assert message.data is not None
        sizes.append(len(message.data))
        peer.send(raw.message(raw.store_rsp(), 3))
        peer.agree_to_release()

    begun, sizes = threading.Event(), []
    with raw.serving(take_slowly, receive_buffer=65536) as server:
        assoc = scu().associate(raw.HOST, server.port)
        blocked = threading.Event()
        send = assoc.dul.socket.send

        def sending(buffers: Any, more: bool) -> int:
            sent: int = send(buffers, more)
            if not sent:
                blocked.set()
            return sent

        assoc.dul.socket.send = sending
        pieces = []
        source = assoc.dul.send_p_data
        assoc.dul.send_p_data = lambda buffers, more: (
            pieces.append(sum(map(len, buffers))),
            source(buffers, more),
        )
        caller = threading.Thread(target=assoc.send_c_store, args=[large_file])
        caller.start()
        assert blocked.wait(raw.PATIENCE)
        begun.set()
        caller.join(raw.PATIENCE)
        assert not caller.is_alive()
        assoc.release()
    assert sizes[0] > 32 * MIB
    assert max(pieces) < 2 * Limits().output_length


@pytest.mark.parametrize("maximum_length", range(1, 8))
def test_row18_no_room_for_any_data_ends_the_association(
    scp: StartSCP, maximum_length: int, caplog: pytest.LogCaptureFixture
) -> None:
    watched = scp()
    user = raw.user_information(maximum_length=maximum_length)
    with raw.connect(watched.port) as peer:
        peer.request(user=user)
        peer.send(raw.message(raw.echo_rq()))
        peer.expect_abort()
    watched.wait_for(evt.EVT_ABORTED)
    watched.join()
    assert any("maximum" in line for line in complaints(caplog.records))


@pytest.mark.parametrize("maximum_length", [8, 9, 127, 128, 0])
def test_row18_small_pdus_are_made_to_measure(scp: StartSCP, maximum_length: int) -> None:
    watched = scp()
    with raw.connect(watched.port) as peer:
        peer.request(user=raw.user_information(maximum_length=maximum_length))
        peer.send(raw.message(raw.echo_rq()))
        found, total = peer.read_pdu(), 0
        while not found.body[5] & raw.LAST:
            assert found.pdu_type == raw.P_DATA_TF
            assert 6 < len(found.body) <= maximum_length
            total += len(found.body) - 6
            found = peer.read_pdu()
        assert total + len(found.body) - 6 == len(raw.command_set(raw.echo_rsp()))


def test_row19_nobody_uses_select(scp: StartSCP, monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden(*args: Any) -> Any:
        raise AssertionError("select() has a limit of 1024 descriptors")

    monkeypatch.setattr(select, "select", forbidden)
    watched = scp()
    assoc = scu().associate(raw.HOST, watched.port)
    assert assoc.send_c_echo().Status == 0x0000
    assoc.release()
    assert assoc.is_released


def test_row20_library_leaves_the_time_to_connect_to_the_system() -> None:
    assert AE().connection_timeout is None


# -- rows 21 to 26: time-outs ----------------------------------------------------------------


def test_row21_stalled_tls_handshake_is_ended(scp: StartSCP) -> None:
    watched = scp(ssl_context=server_context(), limits=Limits(tls_timeout=SOON))
    with raw.connect(watched.port) as silent, raw.connect(watched.port) as half:
        half.send(b"\x16\x03\x01\x02\x00\x01")
        assert half.drain() is not None
        silent.expect_closed()
    watched.join()


@pytest.mark.parametrize("sent", [b"", b"\x01", raw.associate_rq()[:-1]], ids=len)
def test_row22_request_has_to_be_complete_in_time(scp: StartSCP, sent: bytes) -> None:
    watched = scp(acse_timeout=SOON)
    with raw.connect(watched.port) as peer:
        peer.send(sent)
        peer.expect_closed()
    watched.wait_for(evt.EVT_ABORTED)
    watched.join()


def test_row22_trickling_bytes_do_not_extend_the_time_for_the_request(scp: StartSCP) -> None:
    watched = scp(acse_timeout=SOON)
    with raw.connect(watched.port) as peer:
        assert peer.trickle_until_closed(raw.associate_rq(), pause=0.02) == b""
    watched.join()


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        pytest.param(raw.associate_rq(version=2), raw.ASSOCIATE_RJ, id="rejection"),
        pytest.param(raw.header(0xFF, 0), raw.ABORT, id="abort"),
    ],
)
def test_row22_connection_is_closed_even_if_the_peer_does_not(
    scp: StartSCP, data: bytes, expected: int
) -> None:
    watched = scp(limits=Limits(close_timeout=SOON))
    with raw.connect(watched.port) as peer:
        peer.send(data)
        peer.expect(expected)
        peer.expect_closed()
        watched.join()


def test_row22_connection_is_closed_after_a_release_even_if_the_peer_does_not(
    scp: StartSCP,
) -> None:
    watched = scp(limits=Limits(close_timeout=SOON))
    with raw.associated(watched.port) as peer:
        peer.release()
        peer.expect_closed()
        watched.join()


def lose_patience(event: Any) -> int:
    """Let the network time-out pass soon from now on: from a message on, not from its absence."""
    event.assoc.network_timeout = SOON
    return 0x0000


IMPATIENT: dict[str, Any] = {
    "handlers": [(evt.EVT_C_ECHO, lose_patience)],
    "limits": Limits(close_timeout=SOON),
}


@pytest.mark.parametrize(
    "part",
    [
        pytest.param(b"\x04", id="1-byte"),
        pytest.param(raw.message(raw.echo_rq())[:-1], id="all-but-one-byte"),
        pytest.param(raw.header(raw.RELEASE_RQ, 4), id="header"),
    ],
)
def test_row23_pdu_once_begun_has_to_be_completed(scp: StartSCP, part: bytes) -> None:
    watched = scp(**IMPATIENT)
    with raw.associated(watched.port) as peer:
        peer.send(raw.message(raw.echo_rq()), part)
        assert peer.read_message().status == 0x0000
        assert peer.expect_abort() == (2, 0)
        peer.expect_closed()
    watched.join()


def test_row23_trickling_bytes_do_not_extend_the_time_for_a_pdu(scp: StartSCP) -> None:
    watched = scp(**IMPATIENT)
    with raw.associated(watched.port) as peer:
        peer.send(raw.message(raw.echo_rq()), raw.header(raw.P_DATA_TF, 4000))
        assert peer.read_message().status == 0x0000
        answer = peer.trickle_until_closed(bytes(4000), pause=0.02)
    assert answer == raw.abort(2, 0)
    watched.join()


def test_row23_time_in_which_we_do_not_read_does_not_count(scp: StartSCP) -> None:
    leave, timeout = threading.Event(), 0.5

    def handle(event: Any) -> int:
        event.assoc.network_timeout = timeout
        leave.wait(raw.PATIENCE)
        return 0x0000

    handlers = [(evt.EVT_C_ECHO, handle), (evt.EVT_C_STORE, lambda event: 0x0000)]
    watched = scp(handlers=handlers, limits=Limits(stall_rate=10**9))
    large = raw.message(raw.store_rq(2), 3, raw.data_set(length=400_000), size=450_000)
    with raw.associated(watched.port) as peer:
        peer.send(raw.message(raw.echo_rq(1)), large)
        assert not peer.is_closed_within(2 * timeout)
        leave.set()
        assert peer.read_message().number(raw.RESPONDED_TO) == 1
        assert peer.read_message().number(raw.RESPONDED_TO) == 2


def user_with_roles() -> bytes:
    """Return user information that proposes both roles for the requestor."""
    return raw.user_information(raw.roles(VERIFICATION, 1, 1), raw.roles(CT_IMAGE, 1, 1))


def allow_roles(watched: WatchedSCP) -> None:
    """Let requestors be SCU and SCP, so that the acceptor may be both, too."""
    for context in watched.server.contexts:
        context.scu_role = context.scp_role = True


def test_row24_peer_that_does_not_read_is_given_up(
    start_scp: Callable[..., Any], large_file: Path
) -> None:
    statuses = []

    def send_back(event: Any) -> int:
        event.assoc.network_timeout = SOON
        statuses.append(event.assoc.send_c_store(large_file))
        return 0x0000

    watched = WatchedSCP(start_scp, handlers=[(evt.EVT_C_ECHO, send_back)])
    allow_roles(watched)
    with raw.connect(watched.port, receive_buffer=4096) as peer:
        peer.request(raw.ECHO_CONTEXT, raw.STORE_CONTEXT, user=user_with_roles())
        peer.send(raw.message(raw.echo_rq()))
        watched.wait_for(evt.EVT_ABORTED)
        watched.join()
    assert [len(status) for status in statuses] == [0]


def test_row25_time_for_a_response_is_absolute(start_scp: Callable[..., Any]) -> None:
    statuses = []

    def ask_back(event: Any) -> int:
        statuses.append(event.assoc.send_c_echo())
        return 0x0000

    watched = WatchedSCP(
        start_scp,
        handlers=[(evt.EVT_C_ECHO, ask_back)],
        dimse_timeout=SOON,
        limits=Limits(close_timeout=SOON),
    )
    allow_roles(watched)
    with raw.connect(watched.port) as peer:
        peer.request(raw.ECHO_CONTEXT, user=user_with_roles())
        peer.send(raw.message(raw.echo_rq()))
        peer.read_message()
        rest = peer.trickle_until_closed(raw.message(raw.echo_rsp()), pause=0.02)
    assert rest[:1] == bytes((raw.ABORT,))
    watched.join()
    assert [len(status) for status in statuses] == [0]


def test_row26_idle_association_is_aborted_and_closed(scp: StartSCP) -> None:
    watched = scp(network_timeout=SOON, limits=Limits(close_timeout=SOON))
    with raw.associated(watched.port) as peer:
        peer.expect_abort()
        peer.expect_closed()
    watched.wait_for(evt.EVT_ABORTED)
    watched.join()


# -- rows 27 to 30: many connections ---------------------------------------------------------


@pytest.mark.parametrize(("limits", "backlog"), [(Limits(), 1024), (Limits(backlog=5), 5)])
def test_row27_backlog(
    scp: StartSCP, monkeypatch: pytest.MonkeyPatch, limits: Limits, backlog: int
) -> None:
    asked, listen = [], socket.socket.listen
    monkeypatch.setattr(
        socket.socket, "listen", lambda sock, *args: (asked.append(args), listen(sock, *args))
    )
    scp(limits=limits)
    assert asked == [(backlog,)]


def test_row28_only_negotiated_associations_count(scp: StartSCP) -> None:
    watched = scp(maximum_associations=2, ae_title="OURS", require_called_aet=True)
    with ExitStack() as stack:
        for _ in range(5):
            stack.enter_context(raw.connect(watched.port))  # says nothing
        for _ in range(5):
            peer = stack.enter_context(raw.connect(watched.port))
            peer.send(raw.associate_rq(called=b"OTHER"))
            assert peer.expect_rejection() == (1, 1, 7)
        first, second = (
            stack.enter_context(raw.associated(watched.port, called=b"OURS")) for _ in range(2)
        )
        third = stack.enter_context(raw.connect(watched.port))
        third.send(raw.associate_rq(called=b"OURS"))
        assert third.expect_rejection() == (2, 3, 2)
        assert first.echo() == second.echo() == 0x0000
        first.release()
        stack.enter_context(raw.associated(watched.port, called=b"OURS"))


@pytest.mark.parametrize(
    "limits", [Limits(pending_connections=3), Limits(pending_per_address=3)], ids=["all", "of-one"]
)
def test_row29_oldest_silent_connection_makes_room(scp: StartSCP, limits: Limits) -> None:
    watched = scp(limits=limits)
    with ExitStack() as stack:
        peers = [stack.enter_context(raw.connect(watched.port)) for _ in range(5)]
        for peer in peers[:2]:
            peer.expect_closed()
        for peer in peers[2:]:
            peer.request()
            assert peer.echo() == 0x0000
        # Those that have been negotiated are not pending any longer
        stack.enter_context(raw.associated(watched.port))
        assert peers[2].echo() == 0x0000


def test_row29_part_of_a_request_is_none(scp: StartSCP, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who sends a byte and no more is as silent as who sends nothing."""
    reads, receive = threading.Semaphore(0), AssociationSocket.recv_into

    def reading(socket: AssociationSocket, view: memoryview) -> int | None:
        received = receive(socket, view)
        if received:
            reads.release()
        return received

    monkeypatch.setattr(AssociationSocket, "recv_into", reading)
    monkeypatch.setattr(provider, "_JUST_NOW", 0.0)
    watched = scp(limits=Limits(pending_per_address=3))
    with ExitStack() as stack:
        peers = [stack.enter_context(raw.connect(watched.port)) for _ in range(3)]
        for peer in peers:
            peer.send(raw.associate_rq()[:1])
        for _ in peers:
            assert reads.acquire(timeout=raw.PATIENCE)
        stack.enter_context(raw.associated(watched.port))
        peers[0].expect_closed()


@pytest.mark.parametrize("is_read", [True, False], ids=["being served", "not looked at"])
def test_row29_a_burst_of_requests_is_not_silent(scp: StartSCP, is_read: bool) -> None:
    """Many at once from one address, faster than they are negotiated: none is lost."""
    go_on = threading.Event()
    event = evt.EVT_REQUESTED if is_read else evt.EVT_CONN_OPEN
    handlers = [(event, lambda _: go_on.wait(raw.PATIENCE))]
    watched = scp(limits=Limits(pending_per_address=3), handlers=handlers)
    with ExitStack() as stack:
        stack.callback(go_on.set)
        peers = []
        for _ in range(8):
            peers.append(stack.enter_context(raw.connect(watched.port)))
            peers[-1].send(raw.associate_rq())
        go_on.set()
        for peer in peers:
            peer.expect(raw.ASSOCIATE_AC)
            assert peer.echo() == 0x0000


def test_row29_silent_connections_cost_little(scp: StartSCP) -> None:
    count = 50
    watched = scp(limits=Limits(pending_per_address=count + 1))
    assert watched.serves()
    threads = threading.active_count()
    with ExitStack() as stack:
        with peak_memory() as peak:
            for _ in range(count):
                stack.enter_context(raw.connect(watched.port))
            for _ in range(count + 1):
                watched.wait_for(evt.EVT_CONN_OPEN)
        assert peak.size / count < 64 * 1024
        assert threading.active_count() <= threads + count


@pytest.mark.parametrize(
    "end",
    [
        pytest.param(raw.Peer.reset, id="reset"),
        pytest.param(raw.Peer.close, id="fin"),
        pytest.param(lambda peer: peer.send(raw.abort()), id="abort"),
        pytest.param(raw.Peer.release, id="release"),
    ],
)
def test_row30_place_is_free_as_soon_as_an_association_is_dead(
    scp: StartSCP, end: Callable[[raw.Peer], object]
) -> None:
    watched = scp(maximum_associations=1)
    for _ in range(3):
        with raw.associated(watched.port) as peer:
            end(peer)
            # The peer's part is done; ours is when its end has been seen, not when it was told
            watched.wait_for(evt.EVT_CONN_OPEN)
            watched.wait_for(evt.EVT_RELEASED if end is raw.Peer.release else evt.EVT_ABORTED)
    assert watched.serves()


def test_row30_place_is_free_when_the_peer_has_our_answer(scp: StartSCP) -> None:
    watched = scp(maximum_associations=1, require_calling_aet=["REQUESTOR"])
    for _ in range(50):
        with raw.associated(watched.port) as peer:
            peer.release()
        with raw.connect(watched.port) as peer:
            peer.send(raw.associate_rq(calling=b"OTHER"))
            assert peer.expect_rejection() == (1, 1, 3)


def test_row30_idle_association_takes_little_memory(scp: StartSCP) -> None:
    count = 20
    watched = scp(maximum_associations=count + 1)
    assert watched.serves()
    with ExitStack() as stack, peak_memory() as peak:
        for _ in range(count):
            peer = stack.enter_context(raw.associated(watched.port))
            assert peer.echo() == 0x0000
    assert peak.size / count < 200 * 1024


def test_row30_idle_association_does_not_poll(
    scp: StartSCP, monkeypatch: pytest.MonkeyPatch
) -> None:

    patient: set[Any] = set()
    both_wait = threading.Event()
    wait = AssociationSocket.wait

    def waiting(self: Any, read: bool = True, write: bool = False, timeout: Any = None) -> Any:
        if timeout is None or timeout > 50:
            patient.add(self)
            if len(patient) == 2:
                both_wait.set()
        return wait(self, read, write, timeout)

    watched = scp()
    monkeypatch.setattr(AssociationSocket, "wait", waiting)
    assoc = scu().associate(raw.HOST, watched.port)
    assert assoc.send_c_echo().Status == 0x0000
    patient.clear()
    assert both_wait.wait(raw.PATIENCE)
    assoc.release()
