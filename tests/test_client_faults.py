"""What our requestor makes of broken servers: a scripted raw server for each fault.

Every script ends by seeing the connection closed by us, so that a test that passes has shown
that the call returned, with which result, and that nothing was left open. That no thread is left
is looked after for all tests in `conftest.py`.
"""

from __future__ import annotations

import logging
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID

from pynetdicom import Association, evt
from pynetdicom.limits import MIB, Limits
from tests.support import raw
from tests.support.associations import SOON
from tests.support.raw import CT_IMAGE, INSTANCE, Peer
from tests.support.sockets import unresponsive
from tests.support.tls import client_context, server_context
from tests.support.watch import complaints, make_file, peak_memory, scu

CLOSE_SOON = Limits(close_timeout=SOON)


def associate(server: raw.Server, handlers: Any = (), **settings: Any) -> Association:
    """Request an association with a scripted server."""
    settings = {"limits": CLOSE_SOON} | settings
    return scu(**settings).associate(raw.HOST, server.port, evt_handlers=list(handlers))


def has_ended(assoc: Association) -> bool:
    """Return whether an association is over, its thread included."""
    if assoc.is_alive():
        assoc.join(raw.PATIENCE)
    return not (assoc.is_alive() or assoc.is_established)


def image(length: int = 1000) -> Dataset:
    """Return a CT image."""
    dataset = Dataset()
    dataset.SOPClassUID = UID(CT_IMAGE.decode())
    dataset.SOPInstanceUID = UID(INSTANCE.decode())
    dataset.PatientName = "Test^Raw"
    dataset.add_new(0x7FE00010, "OB", bytes(length))
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = UID(raw.IMPLICIT.decode())
    return dataset


# -- connecting ------------------------------------------------------------------------------


def test_refused_connection_is_an_aborted_association() -> None:
    with socket.socket() as holder:
        holder.bind((raw.HOST, 0))
        assoc = scu().associate(raw.HOST, holder.getsockname()[1])
    assert assoc.is_aborted
    assert has_ended(assoc)


def test_full_backlog() -> None:
    with unresponsive() as (host, port):
        assoc = scu(connection_timeout=SOON, acse_timeout=SOON).associate(host, port)
        assert assoc.is_aborted
        assert has_ended(assoc)


@pytest.mark.parametrize(
    "script",
    [
        pytest.param(Peer.drain, id="silence"),
        pytest.param(lambda peer: (peer.send(b"HTTP/1.1 400\r\n\r\n"), peer.drain()), id="garbage"),
        pytest.param(lambda peer: None, id="fin"),
        pytest.param(Peer.reset, id="reset"),
    ],
)
def test_server_without_tls_where_tls_is_expected(script: raw.Script) -> None:
    with raw.serving(script) as server:
        assoc = scu(connection_timeout=SOON).associate(
            raw.HOST, server.port, tls_args=(client_context(), "localhost")
        )
        assert assoc.is_aborted
        assert has_ended(assoc)


# -- negotiation -----------------------------------------------------------------------------


AC = raw.associate_ac()


def answering(data: bytes, then: Callable[[Peer], object] = Peer.drain) -> raw.Script:
    """Return a script: read the request, answer with bytes, then go on."""

    def script(peer: Peer) -> None:
        peer.expect(raw.ASSOCIATE_RQ)
        peer.send(data)
        then(peer)

    return script


@pytest.mark.parametrize(
    "script",
    [
        pytest.param(Peer.drain, id="nothing-read-nothing-said"),
        pytest.param(answering(b""), id="silence"),
        pytest.param(answering(AC[:1]), id="1-byte"),
        pytest.param(answering(AC[:6]), id="header"),
        pytest.param(answering(AC[: len(AC) // 2]), id="half"),
        pytest.param(answering(AC[:-1]), id="all-but-one-byte"),
    ],
)
def test_no_whole_answer_in_time(script: raw.Script) -> None:
    with raw.serving(script) as server:
        assoc = associate(server, acse_timeout=SOON)
        assert assoc.is_aborted
        assert has_ended(assoc)


def test_answer_that_trickles_in_too_slowly() -> None:
    def script(peer: Peer) -> None:
        peer.expect(raw.ASSOCIATE_RQ)
        assert peer.trickle_until_closed(AC * 10, pause=0.02)[:1] == bytes((raw.ABORT,))

    with raw.serving(script) as server:
        assoc = associate(server, acse_timeout=SOON)
        assert assoc.is_aborted
        assert has_ended(assoc)


def test_answer_byte_by_byte_is_slow_but_valid() -> None:
    def script(peer: Peer) -> None:
        peer.expect(raw.ASSOCIATE_RQ)
        peer.trickle(AC)
        peer.agree_to_release()

    with raw.serving(script) as server:
        assoc = associate(server)
        assert assoc.is_established
        assoc.release()
        assert assoc.is_released
        assert has_ended(assoc)


@pytest.mark.parametrize("data", [b"", AC[:1], AC[:6], AC[:-1]], ids=len)
@pytest.mark.parametrize("close", [Peer.close, Peer.reset, Peer.finish_sending])
def test_connection_closed_within_the_answer(data: bytes, close: Callable[[Peer], object]) -> None:
    def finish(peer: Peer) -> None:
        close(peer)
        if close is Peer.finish_sending:
            peer.drain()

    with raw.serving(answering(data, finish)) as server:
        assoc = associate(server)
        assert assoc.is_aborted
        assert has_ended(assoc)


def fixed(length: int = 68) -> bytes:
    """Return the fixed fields of an A-ASSOCIATE-AC, or a part of them."""
    return AC[6 : 6 + length]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        pytest.param(b"HTTP/1.1 400 Bad Request\r\n\r\n", 1, id="http"),
        pytest.param(b"\0" * 100, 1, id="zeros"),
        pytest.param(raw.pdu(raw.ASSOCIATE_AC, length=0xFFFFFFFF), 6, id="length-ffffffff"),
        pytest.param(raw.pdu(raw.ASSOCIATE_AC, length=MIB + 1), 6, id="length-1-mib-and-1"),
        pytest.param(raw.pdu(raw.ASSOCIATE_AC, fixed(67)), 6, id="too-short"),
        pytest.param(raw.pdu(raw.ASSOCIATE_AC, fixed() + b"\xff" * 200), None, id="garbage"),
        pytest.param(raw.pdu(raw.ASSOCIATE_RJ, bytes(3)), 6, id="short-rejection"),
        pytest.param(raw.pdu(raw.ASSOCIATE_RJ, bytes(65)), 6, id="long-rejection"),
        pytest.param(raw.associate_rq(), 2, id="request"),
        pytest.param(raw.release_rq(), 2, id="release-request"),
        pytest.param(raw.release_rp(), 2, id="release-response"),
        pytest.param(raw.message(raw.echo_rsp()), 2, id="p-data"),
    ],
)
def test_answer_that_is_none_is_refused(data: bytes, reason: int | None) -> None:
    found = []

    def refused(peer: Peer) -> None:
        found.append(peer.expect_abort())
        peer.drain()

    with raw.serving(answering(data, refused)) as server:
        assoc = associate(server)
        assert assoc.is_aborted
        assert has_ended(assoc)
    assert found[0][0] == 2
    assert reason in (None, found[0][1])


@pytest.mark.parametrize("source", [0, 1, 2, 255])
def test_abort_as_answer(source: int) -> None:
    with raw.serving(answering(raw.abort(source, source), Peer.expect_closed)) as server:
        assoc = associate(server)
        assert assoc.is_aborted
        assert has_ended(assoc)


@pytest.mark.parametrize(
    "values", [(1, 1, 1), (2, 3, 1), (1, 1, 3), (0, 0, 0), (255, 255, 255), (1, 9, 77)], ids=str
)
def test_rejection_with_whatever_values(
    values: tuple[int, int, int], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "pynetdicom")
    with raw.serving(answering(raw.associate_rj(*values), Peer.expect_closed)) as server:
        assoc = associate(server)
        assert assoc.is_rejected
        assert not assoc.is_aborted
        assert has_ended(assoc)
    answer = assoc.acceptor.primitive
    assert answer is not None
    assert answer.result == (values[0] or 1)  # it is a rejection, whatever it says
    assert (answer.result_source, answer.diagnostic) == values[1:]
    assert answer.result_str
    assert answer.source_str
    assert answer.reason_str
    assert len(complaints(caplog.records)) == 1


@pytest.mark.parametrize(
    "answers",
    [
        pytest.param([raw.answer(1), raw.answer(3, 0, raw.EXPLICIT)], id="not-proposed"),
        pytest.param([raw.answer(1), raw.answer(3, 0, b"unknown")], id="text"),
        pytest.param([raw.answer(1), raw.answer(3, 4, None)], id="rejected-without-syntax"),
        pytest.param([raw.answer(1), raw.answer(3, 255, b"")], id="rejected-for-no-known-reason"),
        pytest.param([raw.answer(1)], id="not-answered"),
        pytest.param([raw.answer(1), raw.answer(7)], id="one-that-was-not-proposed"),
    ],
)
def test_only_what_was_proposed_is_taken_for_accepted(answers: list[bytes]) -> None:
    def script(peer: Peer) -> None:
        peer.accept(*answers)
        peer.agree_to_release()

    with raw.serving(script) as server:
        assoc = associate(server)
        assert [context.context_id for context in assoc.accepted_contexts] == [1]
        with pytest.raises(ValueError, match="CT Image Storage"):
            assoc.send_c_store(image())
        assoc.release()
        assert assoc.is_released
        assert has_ended(assoc)


@pytest.mark.parametrize(
    "answers",
    [
        pytest.param([raw.answer(1, 3), raw.answer(3, 4)], id="rejected"),
        pytest.param([raw.answer(1, 0, raw.EXPLICIT)], id="syntax-not-proposed"),
        pytest.param([raw.answer(9)], id="context-not-proposed"),
    ],
)
def test_nothing_accepted_ends_in_an_abort(answers: list[bytes]) -> None:
    def script(peer: Peer) -> None:
        peer.accept(*answers)
        peer.expect_abort()
        peer.expect_closed()

    with raw.serving(script) as server:
        assoc = associate(server)
        assert assoc.is_aborted
        assert has_ended(assoc)


@pytest.mark.parametrize("maximum_length", [1, 2, 6, 7])
def test_no_room_in_the_peers_pdus_for_any_request(maximum_length: int) -> None:
    def script(peer: Peer) -> None:
        peer.accept(user=raw.user_information(maximum_length=maximum_length))
        peer.expect_abort()
        peer.expect_closed()

    with raw.serving(script) as server:
        assoc = associate(server)
        if assoc.is_established:
            assert len(assoc.send_c_echo()) == 0
        assert assoc.is_aborted
        assert has_ended(assoc)


# -- responses -------------------------------------------------------------------------------


Request = Callable[[Association], Dataset]


def echo(assoc: Association) -> Dataset:
    """Send a C-ECHO request."""
    return assoc.send_c_echo(msg_id=5)


def store(assoc: Association) -> Dataset:
    """Send a C-STORE request."""
    return assoc.send_c_store(image(), msg_id=5)


CALLS = {"echo": (echo, 1, raw.echo_rsp(5)), "store": (store, 3, raw.store_rsp(5))}


@pytest.fixture(params=CALLS)
def call(request: pytest.FixtureRequest) -> Any:
    """Give each request, its context ID, and the command set of the response it is due."""
    return CALLS[request.param]


def responding(respond: Callable[[Peer], object]) -> raw.Script:
    """Return a script: accept the association, read a request, then go on."""

    def script(peer: Peer) -> None:
        peer.accept()
        peer.read_message()
        respond(peer)

    return script


def outcome(script: raw.Script, request: Request, **settings: Any) -> Dataset:
    """Return the status of a request after which the association is over."""
    with raw.serving(script) as server:
        assoc = associate(server, **settings)
        assert assoc.is_established
        status = request(assoc)
        assert assoc.is_aborted
        assert has_ended(assoc)
    return status


def test_response_byte_by_byte_is_slow_but_valid(call: Any) -> None:
    request, context_id, response = call

    def script(peer: Peer) -> None:
        peer.accept()
        peer.read_message()
        peer.trickle(raw.message(response, context_id))
        peer.agree_to_release()

    with raw.serving(script) as server:
        assoc = associate(server)
        assert request(assoc).Status == 0x0000
        assoc.release()
        assert has_ended(assoc)


def test_response_that_trickles_in_too_slowly(call: Any) -> None:
    request, context_id, response = call

    def trickle(peer: Peer) -> None:
        rest = peer.trickle_until_closed(raw.message(response, context_id), pause=SOON / 2)
        assert rest[:1] == bytes((raw.ABORT,))

    assert len(outcome(responding(trickle), request, dimse_timeout=SOON)) == 0


@pytest.mark.parametrize(
    "respond",
    [
        pytest.param(Peer.drain, id="nothing"),
        pytest.param(lambda peer: (peer.send(b"\x04"), peer.drain()), id="1-byte"),
        pytest.param(
            lambda peer: (peer.send(raw.message(raw.echo_rsp(5))[:-1]), peer.drain()),
            id="all-but-one-byte",
        ),
        pytest.param(
            lambda peer: (peer.send(raw.p_data(raw.pdv(1, 1, b"\0\0"))), peer.drain()),
            id="part-of-a-command",
        ),
        pytest.param(
            lambda peer: (
                peer.send(raw.message(raw.echo_rsp(5) | {raw.DATA_SET_TYPE: raw.us(1)})),
                peer.drain(),
            ),
            id="announced-data-set-never-comes",
        ),
    ],
)
@pytest.mark.parametrize("request_", [echo, store])
def test_no_whole_response_in_time(respond: Callable[[Peer], object], request_: Request) -> None:
    assert len(outcome(responding(respond), request_, dimse_timeout=SOON)) == 0


@pytest.mark.parametrize("count", [0, 1, 6, 20])
@pytest.mark.parametrize("close", [Peer.close, Peer.reset])
def test_connection_closed_instead_of_a_response(
    call: Any, close: Callable[[Peer], object], count: int
) -> None:
    request, context_id, response = call

    def respond(peer: Peer) -> None:
        peer.send(raw.message(response, context_id)[:count])
        close(peer)

    assert len(outcome(responding(respond), request)) == 0


@pytest.mark.parametrize("source", [0, 2, 77])
def test_abort_instead_of_a_response(call: Any, source: int) -> None:
    def respond(peer: Peer) -> None:
        peer.send(raw.abort(source))
        peer.expect_closed()

    assert len(outcome(responding(respond), call[0])) == 0


def test_release_request_instead_of_a_response(call: Any) -> None:
    def respond(peer: Peer) -> None:
        peer.send(raw.release_rq())
        peer.drain()

    with raw.serving(responding(respond)) as server:
        assoc = associate(server, dimse_timeout=SOON)
        assert len(call[0](assoc)) == 0
        assert has_ended(assoc)


WRONG = {
    "message-id": lambda cx, rsp: raw.message(rsp | {raw.RESPONDED_TO: raw.us(6)}, cx),
    "no-message-id": lambda cx, rsp: raw.message(raw.without(rsp, raw.RESPONDED_TO), cx),
    "command": lambda cx, rsp: raw.message(rsp | {raw.COMMAND_FIELD: raw.us(0x8020)}, cx),
    "unknown-command": lambda cx, rsp: raw.message(rsp | {raw.COMMAND_FIELD: raw.us(0x8ABC)}, cx),
    "no-command": lambda cx, rsp: raw.message(raw.without(rsp, raw.COMMAND_FIELD), cx),
    "context": lambda cx, rsp: raw.message(rsp, 4 - cx),
    "context-not-accepted": lambda cx, rsp: raw.message(rsp, 99),
    "no-status": lambda cx, rsp: raw.message(raw.without(rsp, raw.STATUS), cx),
    "empty-status": lambda cx, rsp: raw.message(rsp | {raw.STATUS: b""}, cx),
    "long-status": lambda cx, rsp: raw.message(rsp | {raw.STATUS: bytes(4)}, cx),
    "no-data-set-type": lambda cx, rsp: raw.message(raw.without(rsp, raw.DATA_SET_TYPE), cx),
    "garbage": lambda cx, rsp: raw.p_data(raw.pdv(cx, 3, b"\xff" * 100)),
    "cut-command": lambda cx, rsp: raw.p_data(raw.pdv(cx, 3, raw.command_set(rsp)[:-1])),
    "data-first": lambda cx, rsp: raw.p_data(raw.pdv(cx, 2, b"data")),
    "unknown-pdu": lambda cx, rsp: raw.pdu(0x55, b"1234"),
    "acceptance": lambda cx, rsp: AC,
    "long-pdu": lambda cx, rsp: raw.pdu(raw.P_DATA_TF, length=0xFFFFFFFF),
}


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG)
def test_wrong_response_is_refused(call: Any, wrong: Callable[[int, Any], bytes]) -> None:
    request, context_id, response = call

    def respond(peer: Peer) -> None:
        peer.send(wrong(context_id, response))
        peer.expect_abort()
        peer.drain()

    assert len(outcome(responding(respond), request)) == 0


def test_second_response_is_not_taken_for_that_of_the_next_request(call: Any) -> None:
    request, context_id, response = call

    def script(peer: Peer) -> None:
        peer.accept()
        peer.read_message()
        peer.send(raw.message(response, context_id) * 2)
        with suppress(AssertionError, raw.Closed):  # if it has not been aborted
            peer.read_message()
            peer.send(raw.message(raw.echo_rsp(6, 0xA700)))
        peer.drain()

    with raw.serving(script) as server:
        assoc = associate(server)
        status = request(assoc)
        assert len(status) == 0 or status.Status == 0x0000
        with suppress(RuntimeError):
            status = assoc.send_c_echo(msg_id=6)
            assert len(status) == 0 or status.Status == 0xA700
        assoc.abort()
        assert has_ended(assoc)


@pytest.mark.parametrize("status", [0x0001, 0x0122, 0xA700, 0xB000, 0xC123, 0xFF00, 0xFFFF, 0x9999])
def test_status_is_given_as_it_came(call: Any, status: int) -> None:
    request, context_id, response = call

    def script(peer: Peer) -> None:
        peer.accept()
        for _ in range(2):
            peer.read_message()
            peer.send(raw.message(response | {raw.STATUS: raw.us(status)}, context_id))
        peer.agree_to_release()

    with raw.serving(script) as server:
        assoc = associate(server)
        assert request(assoc).Status == status
        assert request(assoc).Status == status
        assoc.release()
        assert assoc.is_released
        assert has_ended(assoc)


def flood(peer: Peer, data: bytes, total: int) -> None:
    """Send the same again and again, until so many bytes are sent or the peer has had enough."""
    with suppress(ConnectionError, TimeoutError):
        for _ in range(total // len(data)):
            peer.send(data)
    peer.drain()


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(raw.p_data(raw.pdv(1, raw.COMMAND, bytes(16_000))), id="command"),
        pytest.param(raw.p_data(raw.pdv(1, raw.COMMAND, b"")) * 100, id="empty-pdvs"),
        pytest.param(raw.p_data() * 1000, id="empty-pdus"),
    ],
)
def test_endless_response_takes_no_memory(data: bytes) -> None:
    script = responding(partial(flood, data=data, total=64 * MIB))
    with peak_memory() as peak:
        assert len(outcome(script, echo)) == 0
    assert peak.size < 4 * MIB


def test_endless_data_set_of_a_response_takes_no_memory() -> None:
    def respond(peer: Peer) -> None:
        peer.send(raw.message(raw.echo_rsp(5) | {raw.DATA_SET_TYPE: raw.us(1)}))
        flood(peer, raw.p_data(raw.pdv(1, raw.DATA, bytes(16_000))), 64 * MIB)

    limits = Limits(close_timeout=SOON, data_set_length=2 * MIB)
    with peak_memory() as peak:
        assert len(outcome(responding(respond), echo, limits=limits)) == 0
    assert peak.size < 6 * MIB


# -- storing ---------------------------------------------------------------------------------


@pytest.fixture
def large_file(tmp_path: Path) -> Path:
    """Make a file of 8 MiB."""
    return make_file(tmp_path / "large.dcm", 8 * MIB)


def read_some(peer: Peer, count: int = 10) -> None:
    """Accept an association and read the first PDUs of a C-STORE request."""
    peer.accept()
    for _ in range(count):
        peer.expect(raw.P_DATA_TF)


@pytest.mark.parametrize(
    "end",
    [
        pytest.param(lambda peer: (peer.send(raw.abort()), peer.drain()), id="abort"),
        pytest.param(Peer.reset, id="reset"),
        pytest.param(Peer.close, id="close"),
        pytest.param(lambda peer: (peer.finish_sending(), peer.drain()), id="fin"),
        pytest.param(lambda peer: (peer.send(b"\xff" * 6), peer.drain()), id="garbage"),
    ],
)
def test_association_ends_within_a_store(large_file: Path, end: Callable[[Peer], object]) -> None:
    def script(peer: Peer) -> None:
        read_some(peer)
        end(peer)

    with peak_memory() as peak:
        assert len(outcome(script, lambda assoc: assoc.send_c_store(large_file))) == 0
    assert peak.size < 5 * MIB


@pytest.mark.parametrize("count", [1, 10])
@pytest.mark.parametrize("secure", [False, True], ids=["tcp", "tls"])
def test_peer_stops_reading_within_a_store(large_file: Path, count: int, secure: bool) -> None:
    ours: list[Association] = []
    given_up = threading.Event()

    def script(peer: Peer) -> None:
        read_some(peer, count)
        ours[0].network_timeout = SOON  # no sooner, or it might be idle for too long before
        assert given_up.wait(raw.PATIENCE)

    context = server_context() if secure else None
    with raw.serving(script, receive_buffer=4096, tls=context) as server:
        tls_args = (client_context(), "localhost") if secure else None
        assoc = scu(limits=CLOSE_SOON).associate(raw.HOST, server.port, tls_args=tls_args)
        ours.append(assoc)
        with peak_memory() as peak:
            assert len(assoc.send_c_store(large_file)) == 0
        assert assoc.is_aborted
        assert has_ended(assoc)
        given_up.set()
    assert peak.size < 5 * MIB


def test_peer_that_reads_slowly_is_no_fault(large_file: Path) -> None:
    def script(peer: Peer) -> None:
        peer.accept()
        message = peer.read_message()
        assert message.data is not None
        assert len(message.data) > 8 * MIB
        peer.send(raw.message(raw.store_rsp(), 3))
        peer.agree_to_release()

    with raw.serving(script, receive_buffer=4096) as server:
        assoc = associate(server)
        assert assoc.send_c_store(large_file).Status == 0x0000
        assoc.release()
        assert has_ended(assoc)


@pytest.mark.parametrize("then", ["reads-on", "closes"])
def test_early_failure_within_a_store(large_file: Path, then: str) -> None:
    def script(peer: Peer) -> None:
        read_some(peer)
        peer.send(raw.message(raw.store_rsp(1, 0xA700), 3))
        if then == "reads-on":
            while peer.expect(raw.P_DATA_TF)[5] != raw.LAST:
                pass
            peer.agree_to_release()
        else:
            peer.finish_sending()
            peer.drain()

    with raw.serving(script) as server:
        assoc = associate(server)
        status = assoc.send_c_store(large_file)
        if then == "reads-on":
            assert status.Status == 0xA700
            assoc.release()
            assert assoc.is_released
        else:
            assert len(status) == 0 or status.Status == 0xA700
        assert has_ended(assoc)


def test_file_that_shrinks_while_it_is_sent(tmp_path: Path) -> None:
    path = make_file(tmp_path / "shrinks.dcm", 8 * MIB)

    def script(peer: Peer) -> None:
        read_some(peer)
        with path.open("r+b") as file:
            file.truncate(1000)
        peer.drain()

    with raw.serving(script, receive_buffer=4096) as server:
        assoc = associate(server)
        with pytest.raises(OSError, match="shorter"):
            assoc.send_c_store(path)
        assert has_ended(assoc)
        assert assoc.is_aborted


# -- release and abort -----------------------------------------------------------------------


def releasing(answer: Callable[[Peer], object]) -> raw.Script:
    """Return a script: accept the association, read a release request, then go on."""

    def script(peer: Peer) -> None:
        peer.accept()
        peer.expect(raw.RELEASE_RQ)
        answer(peer)

    return script


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(Peer.drain, id="nothing"),
        pytest.param(lambda peer: (peer.send(raw.release_rp()[:-1]), peer.drain()), id="part"),
        pytest.param(
            lambda peer: (peer.send(raw.message(raw.echo_rq()) * 100), peer.drain()), id="data"
        ),
    ],
)
def test_release_that_is_not_answered_ends_in_an_abort(answer: Callable[[Peer], object]) -> None:
    with raw.serving(releasing(answer)) as server:
        assoc = associate(server)
        assoc.acse_timeout = SOON
        assoc.release()
        assert assoc.is_aborted
        assert not assoc.is_released
        assert has_ended(assoc)


@pytest.mark.parametrize(
    "end",
    [
        pytest.param(Peer.close, id="fin"),
        pytest.param(Peer.reset, id="reset"),
        pytest.param(lambda peer: (peer.send(raw.abort()), peer.drain()), id="abort"),
        pytest.param(lambda peer: (peer.send(b"\xff" * 6), peer.drain()), id="garbage"),
    ],
)
def test_association_ends_otherwise_while_it_is_released(end: Callable[[Peer], object]) -> None:
    with raw.serving(releasing(end)) as server:
        assoc = associate(server)
        assoc.release()
        assert assoc.is_aborted
        assert not assoc.is_released
        assert has_ended(assoc)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(raw.message(raw.echo_rq()) + raw.release_rp(), id="request-before"),
        pytest.param(raw.message(raw.echo_rsp()) + raw.release_rp(), id="response-before"),
        pytest.param(raw.release_rp() + raw.message(raw.echo_rq()), id="request-after"),
        pytest.param(raw.release_rp() + b"\xff" * 1000, id="garbage-after"),
        pytest.param(raw.pdu(raw.RELEASE_RP, bytes(64)), id="surplus-bytes"),
    ],
)
def test_release_with_extra_data_is_a_release(data: bytes) -> None:
    with raw.serving(releasing(lambda peer: (peer.send(data), peer.drain()))) as server:
        assoc = associate(server)
        assoc.release()
        assert assoc.is_released
        assert not assoc.is_aborted
        assert has_ended(assoc)


def test_release_requests_that_cross_each_other() -> None:
    def cross(peer: Peer) -> None:
        peer.send(raw.release_rq())
        peer.expect(raw.RELEASE_RP)  # the requestor answers first
        peer.send(raw.release_rp())
        peer.expect_closed()

    with raw.serving(releasing(cross)) as server:
        assoc = associate(server)
        assoc.release()
        assert assoc.is_released
        assert has_ended(assoc)


def test_release_requests_that_cross_each_other_and_no_more() -> None:
    def cross(peer: Peer) -> None:
        peer.send(raw.release_rq())
        peer.drain()

    with raw.serving(releasing(cross)) as server:
        assoc = associate(server)
        assoc.acse_timeout = SOON
        assoc.release()
        assert assoc.is_aborted
        assert has_ended(assoc)


@pytest.mark.parametrize(
    "goes_on",
    [
        pytest.param(Peer.drain, id="never-closes"),
        pytest.param(lambda peer: flood(peer, raw.message(raw.echo_rq()), 8 * MIB), id="sends-on"),
        pytest.param(Peer.reset, id="reset"),
    ],
)
def test_abort_ends_whatever_the_peer_does(goes_on: Callable[[Peer], object]) -> None:
    def script(peer: Peer) -> None:
        peer.accept()
        goes_on(peer)

    with raw.serving(script) as server:
        assoc = associate(server)
        assoc.abort()
        assert assoc.is_aborted
        assert has_ended(assoc)


def test_abort_ends_though_the_peer_does_not_read(large_file: Path) -> None:
    closed = threading.Event()

    def script(peer: Peer) -> None:
        peer.accept()
        assert closed.wait(raw.PATIENCE)

    with raw.serving(script, receive_buffer=4096) as server:
        assoc = associate(server)
        blocked = threading.Event()
        send = assoc.dul.socket.send

        def sending(buffers: Any, more: bool) -> int:
            sent: int = send(buffers, more)
            if not sent:
                blocked.set()
            return sent

        assoc.dul.socket.send = sending
        statuses = []
        caller = threading.Thread(
            target=lambda: statuses.append(assoc.send_c_store(large_file)), daemon=True
        )
        caller.start()
        assert blocked.wait(raw.PATIENCE)
        assoc.abort()
        caller.join(raw.PATIENCE)
        assert not caller.is_alive()
        assert assoc.is_aborted
        assert has_ended(assoc)
        closed.set()
    assert [len(status) for status in statuses] == [0]


def test_idle_association_that_the_peer_abandons_is_noticed() -> None:
    aborted = threading.Event()

    def script(peer: Peer) -> None:
        peer.accept()
        peer.reset()

    with raw.serving(script) as server:
        assoc = associate(server, [(evt.EVT_ABORTED, lambda event: aborted.set())])
        assert aborted.wait(raw.PATIENCE)
        assert assoc.is_aborted
        assert has_ended(assoc)
        with pytest.raises(RuntimeError):
            assoc.send_c_echo()
        assoc.release()
        assoc.abort()


def test_association_that_was_aborted_cannot_be_used_again() -> None:
    def respond(peer: Peer) -> None:
        peer.send(raw.message(raw.echo_rsp(9)))
        peer.drain()

    with raw.serving(responding(respond)) as server:
        assoc = associate(server)
        assert len(assoc.send_c_echo(msg_id=5)) == 0
        with pytest.raises(RuntimeError):
            assoc.send_c_echo()
        assert has_ended(assoc)


# -- with TLS --------------------------------------------------------------------------------


def plaintext(peer: Peer) -> None:
    """Send what is not encrypted."""
    socket.socket.sendall(peer.socket, raw.message(raw.echo_rsp(5)))
    with suppress(OSError):  # it may be told what is wrong with that
        peer.drain()


@pytest.mark.parametrize(
    "respond",
    [
        pytest.param(Peer.drain, id="nothing"),
        pytest.param(lambda peer: (peer.send(b"\x04\0"), peer.drain()), id="part"),
        pytest.param(Peer.close, id="close"),
        pytest.param(Peer.reset, id="reset"),
        pytest.param(lambda peer: (peer.send(raw.abort()), peer.drain()), id="abort"),
        pytest.param(plaintext, id="plaintext"),
    ],
)
@pytest.mark.parametrize("request_", [echo, store])
def test_faults_with_tls(respond: Callable[[Peer], object], request_: Request) -> None:
    with raw.serving(responding(respond), tls=server_context()) as server:
        ae = scu(limits=CLOSE_SOON, dimse_timeout=SOON)
        arguments: Any = {"tls_args": (client_context(), "localhost")}
        assoc = ae.associate(raw.HOST, server.port, **arguments)
        assert assoc.is_established
        assert len(request_(assoc)) == 0
        assert assoc.is_aborted
        assert has_ended(assoc)


def test_slow_reader_with_tls_is_no_fault(large_file: Path) -> None:
    def script(peer: Peer) -> None:
        peer.accept()
        peer.read_message()
        peer.send(raw.message(raw.store_rsp(), 3))
        peer.agree_to_release()

    with raw.serving(script, receive_buffer=4096, tls=server_context()) as server:
        tls_args = (client_context(), "localhost")
        assoc = scu().associate(raw.HOST, server.port, tls_args=tls_args)
        assert assoc.send_c_store(large_file).Status == 0x0000
        assoc.release()
        assert assoc.is_released
        assert has_ended(assoc)
