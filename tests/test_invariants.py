"""What holds whatever happens: the invariants that the field has taught, one by one.

I7, the names of files, belongs to the applications.
"""

from __future__ import annotations

import gc
import logging
import os
import socket
import subprocess
import sys
import threading
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from functools import partial
from pathlib import Path
from struct import pack
from typing import Any

import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID

from pynetdicom import AE, Association, evt
from pynetdicom._handlers import debug_data, debug_fsm
from pynetdicom.dul.protocol import _KNOWN
from pynetdicom.limits import MIB, Limits
from pynetdicom.pdu_primitives import UserIdentityNegotiation
from pynetdicom.transport import AssociationSocket
from tests.support import raw
from tests.support.associations import SOON, join_late_start
from tests.support.raw import CT_IMAGE, INSTANCE, Peer
from tests.support.tls import Contexts
from tests.support.watch import StartSCP, WatchedSCP, make_file, peak_memory, scu

CLOSE_SOON = Limits(close_timeout=SOON)

TLS = Contexts()


def run_threads(targets: list[Callable[[], object]]) -> None:
    """Run functions in threads of their own; raise what one of them raised."""
    errors: list[BaseException] = []

    def guarded(target: Callable[[], object]) -> None:
        try:
            target()
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=guarded, args=[t], daemon=True) for t in targets]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(raw.PATIENCE)
        assert not thread.is_alive(), "a thread hangs"
    if errors:
        raise errors[0]


# -- I1: every call returns ------------------------------------------------------------------


STALLS = {
    "silent": lambda peer: peer.drain(),
    "half-a-header": lambda peer: (peer.send(b"\x04\0\0"), peer.drain()),
    "half-a-pdu": lambda peer: (peer.send(raw.message(raw.echo_rq())[:-1]), peer.drain()),
    "half-a-message": lambda peer: (peer.send(raw.message(raw.store_rq(), 3)), peer.drain()),
    "half-a-data-set": lambda peer: (
        peer.send(raw.message(raw.store_rq(), 3), raw.p_data(raw.pdv(3, 0, b"data"))),
        peer.drain(),
    ),
}


@pytest.mark.parametrize("stall", STALLS.values(), ids=STALLS)
@pytest.mark.parametrize("end", ["shutdown", "abort", "release", "kill"])
def test_i01_associations_end_when_we_say_so(stall: raw.Script, end: str) -> None:
    def script(peer: Peer) -> None:
        peer.accept()
        stall(peer)

    with raw.serving(script) as server:
        ae = scu(limits=CLOSE_SOON)
        assoc = ae.associate(raw.HOST, server.port)
        ae.acse_timeout = SOON
        getattr(ae if end == "shutdown" else assoc, end)()
        assoc.join(raw.PATIENCE)
        assert not assoc.is_alive()
        assert not assoc.is_established


def test_i01_zero_as_time_out_expires_at_once() -> None:
    def silent(peer: Peer) -> None:
        peer.accept()
        peer.drain()

    with raw.serving(silent, Peer.drain) as server:
        ae = scu(limits=CLOSE_SOON)
        assoc = ae.associate(raw.HOST, server.port)
        assoc.dimse_timeout = 0
        assert len(assoc.send_c_echo()) == 0
        assoc.join(raw.PATIENCE)
        ae.acse_timeout = 0
        assert ae.associate(raw.HOST, server.port).is_aborted


# -- I2: responses go where they belong ------------------------------------------------------


def test_i02_no_response_is_lost(scp: StartSCP) -> None:
    watched = scp(handlers=[(evt.EVT_C_ECHO, lambda event: event.request.MessageID)])
    assoc = scu().associate(raw.HOST, watched.port)
    for message_id in range(2000):
        assert assoc.send_c_echo(message_id).Status == message_id
    assoc.release()


def test_i02_threads_on_one_association_do_not_mix(scp: StartSCP) -> None:
    watched = scp(handlers=[(evt.EVT_C_ECHO, lambda event: event.request.MessageID)])
    assoc = scu().associate(raw.HOST, watched.port)

    def ask(begin: int) -> None:
        for message_id in range(begin, begin + 100):
            assert assoc.send_c_echo(message_id).Status == message_id

    run_threads([partial(ask, 100 * thread) for thread in range(8)])
    assoc.release()
    assert assoc.is_released


def test_i02_same_message_id_in_many_threads(scp: StartSCP) -> None:
    watched = scp()
    assoc = scu().associate(raw.HOST, watched.port)

    def ask() -> None:
        for _ in range(50):
            assert assoc.send_c_echo().Status == 0x0000

    run_threads([ask] * 6)
    assoc.release()


def test_i02_every_thread_hears_of_the_end() -> None:
    def script(peer: Peer) -> None:
        peer.accept()
        peer.read_message()
        peer.reset()

    with raw.serving(script) as server:
        assoc = scu().associate(raw.HOST, server.port)

        def ask() -> None:
            with suppress(RuntimeError):  # it had ended before this thread began
                assert len(assoc.send_c_echo()) == 0

        run_threads([ask] * 6)
        assert assoc.is_aborted


def test_i02_both_sides_may_ask_at_the_same_time(scp: StartSCP) -> None:
    def ask_back(event: Any) -> int:
        assert event.assoc.send_c_echo(7).Status == 0x0000
        return event.request.MessageID

    watched = scp(handlers=[(evt.EVT_C_ECHO, ask_back)])
    for context in watched.server.contexts:
        context.scu_role = context.scp_role = True
    from pynetdicom import build_role

    both = [build_role(raw.VERIFICATION.decode(), scu_role=True, scp_role=True)]
    assoc = scu().associate(raw.HOST, watched.port, ext_neg=both)
    for message_id in range(100):
        assert assoc.send_c_echo(message_id).Status == message_id
    assoc.release()
    assert assoc.is_released


# -- I3 and I4: nobody is held up by others --------------------------------------------------


def test_i03_stalled_tls_clients_delay_nobody(scp: StartSCP) -> None:
    watched = scp(ssl_context=TLS.server)
    with ExitStack() as stack:
        for sent in (b"", b"\x16", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"):
            stack.enter_context(raw.connect(watched.port)).send(sent)
        for _ in range(3):
            watched.wait_for(evt.EVT_CONN_OPEN)
        assoc = scu().associate(raw.HOST, watched.port, tls_args=(TLS.client, "localhost"))
        assert assoc.send_c_echo().Status == 0x0000
        assoc.release()
        assert assoc.is_released


def test_i04_idle_connections_do_not_deny_service(scp: StartSCP) -> None:
    watched = scp(maximum_associations=2)
    with ExitStack() as stack:
        for _ in range(40):
            stack.enter_context(raw.connect(watched.port))
        for _ in range(3):
            with raw.associated(watched.port) as first, raw.associated(watched.port) as second:
                assert first.echo() == second.echo() == 0x0000
                first.release()
                second.release()
            watched.wait_for(evt.EVT_RELEASED)
            watched.wait_for(evt.EVT_RELEASED)


# -- I5: memory ------------------------------------------------------------------------------


HUGE = 0xFFFFFFF0
LIES = {
    "request": (b"", raw.pdu(raw.ASSOCIATE_RQ, length=HUGE)),
    "request-of-1-mib": (b"", raw.pdu(raw.ASSOCIATE_RQ, length=MIB)),
    "p-data-unasked": (b"", raw.pdu(raw.P_DATA_TF, length=HUGE)),
    "p-data": (raw.associate_rq(), raw.pdu(raw.P_DATA_TF, length=HUGE)),
    "p-data-of-1-mib": (raw.associate_rq(), raw.pdu(raw.P_DATA_TF, length=MIB)),
    "release": (raw.associate_rq(), raw.pdu(raw.RELEASE_RQ, length=HUGE)),
    "pdv": (raw.associate_rq(), raw.p_data(raw.pdv(1, 3, b"abc", length=HUGE))),
    "element": (
        raw.associate_rq(),
        raw.p_data(raw.pdv(1, 3, raw.element(raw.COMMAND_FIELD, b"ab", length=HUGE))),
    ),
    "group-length": (
        raw.associate_rq(),
        raw.p_data(raw.pdv(1, 3, raw.element(0, pack("<L", HUGE)))),
    ),
}


@pytest.mark.parametrize(("first", "lie"), LIES.values(), ids=LIES)
def test_i05_a_length_allocates_nothing(scp: StartSCP, first: bytes, lie: bytes) -> None:
    watched = scp()
    with raw.associated(watched.port) as peer:
        assert peer.echo() == 0x0000
        peer.release()
    with peak_memory() as peak, ExitStack() as stack:
        for _ in range(5):
            peer = stack.enter_context(raw.connect(watched.port))
            if first:
                peer.send(first)
                peer.expect(raw.ASSOCIATE_AC)
            peer.send(lie)
            peer.finish_sending()
            peer.drain()
        watched.join()
    assert peak.size < MIB


@pytest.mark.parametrize("length", [100, 20_000, 3 * MIB], ids=["small", "medium", "large"])
def test_i05_a_data_set_takes_memory_up_to_the_threshold_only(
    scp: StartSCP, tmp_path: Path, length: int
) -> None:
    watched = scp(
        handlers=[(evt.EVT_C_STORE, lambda event: event.save_as(tmp_path / "image") or 0x0000)],
        limits=Limits(spool_threshold=64 * 1024, spool_directory=str(tmp_path)),
    )
    data = raw.data_set(length=length)
    message = raw.message(raw.store_rq(), 3, data)
    with raw.associated(watched.port) as peer, peak_memory() as peak:
        peer.send(message)
        assert peer.read_message().status == 0x0000
    # The receive buffer may be as large as a read that fills it, the data set adds nothing
    assert peak.size < len(message) + 2.5 * MIB  # of which the message is the raw peer's copy
    assert (tmp_path / "image").read_bytes().endswith(data)


# -- I6: many descriptors --------------------------------------------------------------------


MANY_DESCRIPTORS = """
import os, resource, sys
_, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 4096), hard))
taken = [os.open(os.devnull, os.O_RDONLY) for _ in range(1100)]
from pynetdicom import AE
from pynetdicom.sop_class import Verification
from tests.support.tls import Contexts
contexts = Contexts()
for server_tls, client_tls in ((None, None), (contexts.server, (contexts.client, "localhost"))):
    ae = AE()
    ae.add_supported_context(Verification)
    ae.add_requested_context(Verification)
    server = ae.start_server(("127.0.0.1", 0), block=False, ssl_context=server_tls)
    assert server.socket.fileno() > 1024
    assoc = ae.associate("127.0.0.1", server.server_address[1], tls_args=client_tls)
    assert assoc.dul.socket.socket.fileno() > 1024
    assert assoc.send_c_echo().Status == 0x0000
    assoc.release()
    assert assoc.is_released
    ae.shutdown()
print("served")
"""


def test_i06_more_than_1024_descriptors() -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", MANY_DESCRIPTORS],
        cwd=Path(__file__).parents[1],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "served\n", "")


# -- I8: ends from anywhere ------------------------------------------------------------------


NOTIFICATIONS = [value for value in vars(evt).values() if isinstance(value, evt.NotificationEvent)]
INTERVENTIONS = [
    evt.EVT_C_ECHO,
    evt.EVT_C_STORE,
    evt.EVT_USER_ID,
    evt.EVT_SOP_EXTENDED,
    evt.EVT_SOP_COMMON,
    evt.EVT_ASYNC_OPS,
]
ENDS: dict[str, Callable[[Association], object]] = {
    "abort": lambda assoc: assoc.abort(),
    "release": lambda assoc: assoc.release(),
    "shutdown": lambda assoc: assoc.ae.shutdown(),
    "kill": lambda assoc: assoc.kill(),
}
ANSWERS = {evt.EVT_USER_ID: (True, None), evt.EVT_ASYNC_OPS: (1, 1)}


def image() -> Dataset:
    """Return a CT image."""
    dataset = Dataset()
    dataset.SOPClassUID = UID(CT_IMAGE.decode())
    dataset.SOPInstanceUID = UID(INSTANCE.decode())
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = UID(raw.IMPLICIT.decode())
    return dataset


def ending(event: Any, end: Callable[[Association], object]) -> tuple[Any, Callable[..., Any]]:
    """Return a binding whose handler ends its association, the first time it is called."""
    once: list[Any] = []

    def handle(happened: Any) -> Any:
        if not once:
            once.append(happened)
            end(happened.assoc)
        return ANSWERS.get(event, 0x0000 if event.name.startswith("EVT_C_") else {})

    return event, handle


def live(ae: AE, port: int, **arguments: Any) -> Association:
    """Live through an association as far as it goes; see its thread end."""
    identity = UserIdentityNegotiation()
    identity.user_identity_type = 1
    identity.primary_field = b"user"
    assoc = ae.associate(raw.HOST, port, ext_neg=[identity], **arguments)
    with suppress(RuntimeError, ValueError):  # it is over already
        assoc.send_c_echo()
        assoc.send_c_store(image())
    assoc.release()
    if assoc.ident is not None:
        assoc.join(raw.PATIENCE)
    assert not assoc.is_alive()
    assert not assoc.is_established
    return assoc


@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS)
@pytest.mark.parametrize("event", [*NOTIFICATIONS, *INTERVENTIONS], ids=str)
def test_i08_acceptor_may_end_in_any_handler(
    scp: StartSCP, event: Any, end: Callable[[Association], object]
) -> None:
    watched = scp(handlers=[ending(event, end)])
    live(scu(), watched.port)
    watched.join()
    assert watched.server.active_associations == []


@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS)
@pytest.mark.parametrize("event", NOTIFICATIONS, ids=str)
def test_i08_requestor_may_end_in_any_handler(
    scp: StartSCP, event: Any, end: Callable[[Association], object]
) -> None:
    watched = scp(handlers=[(evt.EVT_C_STORE, lambda event: 0x0000)])
    ae = scu()
    live(ae, watched.port, evt_handlers=[ending(event, end)])
    assert ae.active_associations == []
    watched.join()


@pytest.mark.parametrize("first", ENDS.values(), ids=ENDS)
@pytest.mark.parametrize("second", ENDS.values(), ids=ENDS)
def test_i08_many_threads_may_end_one_association(
    scp: StartSCP,
    first: Callable[[Association], object],
    second: Callable[[Association], object],
) -> None:
    watched = scp()
    assoc = scu().associate(raw.HOST, watched.port)
    acceptor = watched.wait_for(evt.EVT_ESTABLISHED)
    ways = [partial(first, assoc), partial(second, assoc), partial(second, acceptor)]
    run_threads([*ways, *ways, assoc.release, acceptor.abort])
    assoc.join(raw.PATIENCE)
    assert not assoc.is_alive()
    assert not assoc.is_established
    watched.join()


@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS)
def test_i08_association_may_be_ended_while_others_wait_for_responses(
    end: Callable[[Association], object],
) -> None:
    asked = threading.Event()

    def script(peer: Peer) -> None:
        peer.accept()
        peer.read_message()
        asked.set()
        found = peer.read_pdu() if end is not ENDS["kill"] else None
        if found is not None and found.pdu_type == raw.RELEASE_RQ:
            peer.send(raw.release_rp())
        peer.drain()

    with raw.serving(script) as server:
        assoc = scu(limits=CLOSE_SOON).associate(raw.HOST, server.port)

        def ask() -> None:
            with suppress(RuntimeError):
                assert len(assoc.send_c_echo()) == 0

        def finish() -> None:
            assert asked.wait(raw.PATIENCE)
            end(assoc)

        run_threads([ask, ask, ask, finish])
        assoc.join(raw.PATIENCE)
        assert not assoc.is_alive()


def test_i08_server_may_be_shut_down_by_many_threads(scp: StartSCP) -> None:
    watched = scp()
    with raw.associated(watched.port) as peer:
        run_threads([watched.ae.shutdown, watched.server.shutdown, watched.ae.shutdown])
        peer.expect_abort()
    watched.join()


# -- I9: logs --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    [
        "pynetdicom.pdu.A_ASSOCIATE_RQ",
        "pynetdicom.pdu.A_ASSOCIATE_AC",
        "pynetdicom.pdu.A_RELEASE_RQ",
        "pynetdicom.dimse_messages.C_ECHO_RQ",
        "pynetdicom.dimse_messages.C_ECHO_RSP",
    ],
)
def test_i09_a_formatter_that_raises_changes_nothing(
    scp: StartSCP, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    def broken(self: Any) -> str:
        raise ZeroDivisionError("a bad formatter")

    caplog.set_level(logging.DEBUG, "pynetdicom")
    monkeypatch.setattr(f"{name}.__str__", broken)
    watched = scp()
    assoc = scu().associate(raw.HOST, watched.port)
    assert assoc.send_c_echo().Status == 0x0000
    assoc.release()
    assert assoc.is_released


@pytest.mark.parametrize("kind", [2, 3, 4, 5])
def test_i09_our_own_secrets_are_not_logged(
    scp: StartSCP, caplog: pytest.LogCaptureFixture, kind: int
) -> None:
    caplog.set_level(logging.DEBUG, "pynetdicom")
    debug = [
        *((event, debug_data) for event in (evt.EVT_DATA_RECV, evt.EVT_DATA_SENT)),
        (evt.EVT_FSM_TRANSITION, debug_fsm),
    ]
    watched = scp(handlers=[*debug, (evt.EVT_USER_ID, lambda event: (True, b"RESPONSE"))])
    identity = UserIdentityNegotiation()
    identity.user_identity_type = kind
    identity.primary_field = b"PRIMARY"
    identity.secondary_field = b"SECONDARY" if kind == 2 else b""
    identity.positive_response_requested = True
    assoc = scu().associate(raw.HOST, watched.port, ext_neg=[identity], evt_handlers=debug)
    assert assoc.is_established
    assoc.release()
    watched.join()
    secrets = ["SECONDARY"] if kind == 2 else ["PRIMARY", "RESPONSE"]
    for secret in secrets:
        assert secret not in caplog.text
        assert secret.encode().hex(" ") not in caplog.text
        assert repr(secret.encode().hex()) not in caplog.text


# -- I10: nothing is left --------------------------------------------------------------------


def descriptors() -> int:
    """Return the number of this process's open descriptors."""
    return len(os.listdir("/dev/fd"))  # noqa: PTH208 - it is no directory everywhere


def cycle(number: int, ae: AE, watched: WatchedSCP) -> None:
    """Connect and close in one of the ways there are."""
    if number % 4 == 0:
        with raw.connect(watched.port):
            pass
    elif number % 4 == 1:
        with raw.associated(watched.port) as peer:
            peer.echo()
    else:
        assoc = ae.associate(raw.HOST, watched.port)
        assert assoc.send_c_echo().Status == 0x0000
        if number % 4 == 2:
            assoc.release()
        else:
            assoc.abort()
        assoc.join(raw.PATIENCE)
        assert not assoc.is_alive()
    watched.wait_for(evt.EVT_CONN_CLOSE)
    watched.join()
    watched.forget()


@pytest.fixture
def no_log() -> Iterator[None]:
    """Log nothing: pytest keeps all records, which would count as memory of ours."""
    logging.disable()
    yield
    logging.disable(logging.NOTSET)


@pytest.mark.usefixtures("no_log")
@pytest.mark.parametrize(
    "count", [200, pytest.param(10_000, marks=pytest.mark.slow)], ids=["200", "10000"]
)
def test_i10_connections_leave_nothing_behind(start_scp: Callable[..., Any], count: int) -> None:
    watched = WatchedSCP(start_scp, handlers=[], maximum_associations=50)
    ae = scu()
    for number in range(100):  # what is made but once is made
        cycle(number, ae, watched)
    gc.collect()
    join_late_start()
    threads, open_before = threading.active_count(), descriptors()
    _KNOWN.clear()
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    for number in range(count):
        cycle(number, ae, watched)
    join_late_start()  # which knows those of the last 50 ms
    gc.collect()
    _KNOWN.clear()  # which has a bound of its own
    after, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert threading.active_count() == threads
    assert descriptors() == open_before
    assert watched.server.active_associations == ae.active_associations == []
    assert after - before < 256 * 1024


# -- I11: small packets ----------------------------------------------------------------------


def test_i11_both_sides_send_without_delay(scp: StartSCP) -> None:
    watched = scp()
    assoc = scu().associate(raw.HOST, watched.port)
    acceptor = watched.wait_for(evt.EVT_ESTABLISHED)
    for side in (assoc, acceptor):
        assert side.dul.socket.socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
    assoc.release()


@pytest.mark.parametrize("secure", [False, True], ids=["tcp", "tls"])
@pytest.mark.parametrize("source", ["data-set", "file"])
def test_i11_command_and_data_leave_in_one_write(
    scp: StartSCP,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    secure: bool,
    source: str,
) -> None:
    watched = scp(
        handlers=[(evt.EVT_C_STORE, lambda event: 0x0000)],
        ssl_context=TLS.server if secure else None,
    )
    assoc = scu().associate(
        raw.HOST, watched.port, tls_args=(TLS.client, "localhost") if secure else None
    )
    writes, send = [], AssociationSocket.send

    def recording(self: Any, buffers: Any, more: bool) -> int:
        if self is assoc.dul.socket:
            writes.append(b"".join(buffers))
        return send(self, buffers, more)

    monkeypatch.setattr(AssociationSocket, "send", recording)
    what = image() if source == "data-set" else make_file(tmp_path / "small.dcm", 10_000)
    assert assoc.send_c_store(what).Status == 0x0000
    monkeypatch.undo()
    assoc.release()
    (data,) = writes
    command = 6 + int.from_bytes(data[2:6], "big")
    assert data[6 + 5] == raw.LAST_COMMAND
    assert data[command] == raw.P_DATA_TF
    assert data[command + 6 + 5] == raw.LAST
    assert len(data) == command + 6 + int.from_bytes(data[command + 2 : command + 6], "big")


# -- I12: idle associations ------------------------------------------------------------------


@pytest.mark.parametrize("response", ["A-ABORT", "A-RELEASE"])
def test_i12_idle_time_out_closes_though_the_peer_does_not(response: str) -> None:
    def script(peer: Peer) -> None:
        peer.accept()
        peer.drain()

    with raw.serving(script) as server:
        assoc = scu(limits=CLOSE_SOON, network_timeout=None).associate(raw.HOST, server.port)
        assoc.acse_timeout = SOON
        assoc.network_timeout_response = response
        assoc.network_timeout = SOON
        assoc.join(raw.PATIENCE)
        assert not assoc.is_alive()
        assert assoc.is_aborted


def test_i12_idle_time_out_may_release() -> None:
    def script(peer: Peer) -> None:
        peer.accept()
        peer.agree_to_release()

    with raw.serving(script) as server:
        assoc = scu(network_timeout=None).associate(raw.HOST, server.port)
        assoc.network_timeout_response = "A-RELEASE"
        assoc.network_timeout = SOON
        assoc.join(raw.PATIENCE)
        assert not assoc.is_alive()
        assert assoc.is_released
