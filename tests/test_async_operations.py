"""Several operations at a time on one association, as requestor and as acceptor (PS3.7 D.3.3.3)."""

from __future__ import annotations

import gc
import random
import select
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from pydicom.dataset import Dataset
from pydicom.uid import UID

from pynetdicom import AE, Association, build_context, build_role, evt
from tests.support import raw
from tests.support.associations import CT, ECHO, SOON, EventLog, association, join, port_of
from tests.support.normalized import FILM_SESSION
from tests.support.normalized import INSTANCE as FILM
from tests.support.operations import in_threads, raw_window, window
from tests.support.raw import PATIENCE
from tests.support.requests import FIND, GET, PATIENT_12, answer, asking, patient
from tests.support.sockets import Background
from tests.support.watch import complaints

StartSCP = Callable[..., Any]
PENDING = 0xFF00, PATIENT_12
BOTH = [build_role(ECHO, scu_role=True, scp_role=True)]


def instance(number: int) -> Dataset:
    """Return a CT image that can be told from others."""
    image = Dataset()
    image.SOPClassUID = UID(CT)
    image.SOPInstanceUID = UID(f"1.2.3.{number}")
    image.file_meta = Dataset()  # type: ignore[assignment]
    image.file_meta.TransferSyntaxUID = UID(raw.IMPLICIT.decode())
    return image


def both(sop_class: str) -> tuple[str, str, bool, bool]:
    """Return a context for `start_scp` in which the acceptor may ask as well."""
    return sop_class, raw.IMPLICIT.decode(), True, True


def number_of(event: Any) -> int:
    """Return which image an SCP is asked to store."""
    return int(event.request.AffectedSOPInstanceUID.rpartition(".")[2])


def status_for(number: int) -> int:
    """Return a status that tells which image it is for."""
    return 0xC000 + number


def find(event: Any) -> Iterator[tuple[int, Dataset]]:
    """Find, with a query for "a:3", patients a.0 to a.2."""
    name, _, number = event.identifier.PatientID.partition(":")
    for index in range(int(number)):
        yield 0xFF00, patient(f"{name}.{index}")


def found(assoc: Association, name: str, number: int) -> list[tuple[int, str | None]]:
    """Return statuses and Patient IDs of the responses to a query."""
    responses = assoc.send_c_find(patient(f"{name}:{number}"), FIND)
    return [(status.Status, data and data.PatientID) for status, data in responses]


def expected(name: str, number: int) -> list[tuple[int, str | None]]:
    """Return what :func:`found` should."""
    return [*((0xFF00, f"{name}.{index}") for index in range(number)), (0x0000, None)]


def echo_rq(message_id: int) -> bytes:
    return raw.message(raw.echo_rq(message_id))


def store_rq(number: int) -> bytes:
    """Return a request to store an image, whose number is the Message ID as well."""
    uid = f"1.2.3.{number}".encode()
    return raw.message(raw.store_rq(number, uid), 3, raw.data_set(uid))


class Gate:
    """A handler of EVT_C_STORE that keeps requests waiting until it is opened."""

    def __init__(self) -> None:
        self.is_open = threading.Event()
        self.began: list[int] = []
        self._news = threading.Condition()

    def __call__(self, event: Any) -> int:
        with self._news:
            self.began.append(number_of(event))
            self._news.notify_all()
        assert self.is_open.wait(PATIENCE)
        return status_for(number_of(event))

    def wait_for(self, number: int) -> None:
        """Wait until so many requests are being served."""
        with self._news:
            assert self._news.wait_for(lambda: len(self.began) >= number, PATIENCE)


class TestWithoutWindow:
    """Threads share an association; their requests go out one after the other."""

    @pytest.mark.parametrize(
        ("rounds", "matches"),
        [
            (3, 200),
            pytest.param(100, 200, marks=[pytest.mark.slow]),
            pytest.param(3, 5000, marks=[pytest.mark.slow]),
        ],
        ids=["few", "many rounds", "many matches"],
    )
    def test_finds_in_two_threads(self, start_scp: StartSCP, rounds: int, matches: int) -> None:
        port = port_of(start_scp([FIND], [(evt.EVT_C_FIND, find)]))
        with association(port, [FIND]) as assoc:
            for _ in range(rounds):
                results = in_threads(lambda name: found(assoc, name, matches), "ab")
                assert results == [expected(name, matches) for name in "ab"]

    def test_everything_in_many_threads(self, start_scp: StartSCP) -> None:
        handlers = [
            (evt.EVT_C_FIND, find),
            (evt.EVT_C_STORE, lambda event: status_for(number_of(event))),
            (evt.EVT_C_ECHO, lambda event: 0x0122),
        ]
        port = port_of(start_scp([ECHO, FIND, CT], handlers))
        with association(port, [ECHO, FIND, CT]) as assoc:

            def ask(number: int) -> None:
                for _ in range(10):
                    assert found(assoc, str(number), 5) == expected(str(number), 5)
                    assert assoc.send_c_store(instance(number)).Status == status_for(number)
                    assert assoc.send_c_echo().Status == 0x0122

            in_threads(ask, range(6))

    def test_concurrent_operations_have_no_effect(self, start_scp: StartSCP) -> None:
        """Without a window requests are served one at a time, in order."""
        served: list[tuple[str, int]] = []

        def store(event: Any) -> int:
            served.append(("begin", number_of(event)))
            event.assoc.dul.pump()
            served.append(("end", number_of(event)))
            return 0x0000

        server = start_scp([ECHO, CT], [(evt.EVT_C_STORE, store)], concurrent_operations=4)
        with raw.associated(port_of(server)) as peer:
            peer.send(*map(store_rq, range(1, 6)))
            answered = [peer.read_message().number(raw.RESPONDED_TO) for _ in range(5)]
            peer.release()
        assert answered == [1, 2, 3, 4, 5]
        assert served == [(what, number) for number in answered for what in ("begin", "end")]


class TestWindowOfRequestor:
    def test_eight_at_a_time(self, start_scp: StartSCP) -> None:
        """They all are under way at once, and though all ask for Message ID 1 none is mixed up."""
        barrier = threading.Barrier(8)
        message_ids = []

        def store(event: Any) -> int:
            message_ids.append(event.request.MessageID)
            barrier.wait(PATIENCE)
            return status_for(number_of(event))

        server = start_scp([CT], [(evt.EVT_C_STORE, store)], concurrent_operations=8)
        with association(port_of(server), [CT], ext_neg=[window(8)]) as assoc:
            assert assoc.dimse.exchanges.window == 8
            for _ in range(3):

                def ask(number: int) -> int:
                    return assoc.send_c_store(instance(number)).Status

                assert in_threads(ask, range(8)) == [status_for(number) for number in range(8)]
                assert len(set(message_ids)) == 8
                message_ids.clear()

    def test_order_of_responses(self) -> None:
        """Whatever it is, each goes to who waits for it."""
        seed = random.Random(5)

        def script(peer: raw.Peer) -> None:
            for _ in range(5):
                requests = [peer.read_message() for _ in range(8)]
                seed.shuffle(requests)
                for request in requests:
                    uid = request.elements[raw.SOP_INSTANCE].rstrip(b"\0")
                    peer.send(answer(request, status_for(int(uid.rpartition(b".")[2]))))

        with asking(script, [CT], answers={"user": raw_window(8)}, ext_neg=[window(8)]) as assoc:
            for _ in range(5):
                statuses = in_threads(lambda n: assoc.send_c_store(instance(n)).Status, range(8))
                assert statuses == [status_for(number) for number in range(8)]

    @pytest.mark.parametrize("size", [1, 3])
    def test_is_never_exceeded(self, size: int) -> None:
        total = 72
        left_over = iter(range(total))

        def script(peer: raw.Peer) -> None:
            requests: list[raw.Message] = []
            for left in range(total, 0, -1):
                while len(requests) < min(size, left):
                    requests.append(peer.read_message())
                # All that may be under way are known; nothing more may have been sent
                assert not select.select([peer.socket], [], [], 0)[0]
                peer.send(answer(requests.pop(left % len(requests))))

        log = EventLog("DIMSE_SENT")
        with asking(
            script,
            [ECHO],
            answers={"user": raw_window(size)},
            ext_neg=[window(8)],
            evt_handlers=log.bindings,
        ) as assoc:

            def ask(_: int) -> None:
                for _ in left_over:
                    assert assoc.send_c_echo().Status == 0x0000

            in_threads(ask, range(9))
        assert len(log.events) == total

    def test_no_limit(self) -> None:
        number = 30

        def script(peer: raw.Peer) -> None:
            requests = [peer.read_message() for _ in range(number)]
            assert len({request.number(raw.MESSAGE_ID) for request in requests}) == number
            peer.send(*map(answer, reversed(requests)))

        with asking(
            script, [ECHO], answers={"user": raw_window(0, 0)}, ext_neg=[window(0, 0)]
        ) as assoc:
            statuses = in_threads(lambda _: assoc.send_c_echo().Status, range(number))
        assert statuses == [0x0000] * number

    def test_requests_within_an_iteration(self, start_scp: StartSCP) -> None:
        handlers = [
            (evt.EVT_C_FIND, find),
            (evt.EVT_C_STORE, lambda event: status_for(number_of(event))),
        ]
        server = start_scp([ECHO, FIND, CT], handlers, concurrent_operations=8)
        with association(port_of(server), [ECHO, FIND, CT], ext_neg=[window(8)]) as assoc:

            def ask(name: str) -> None:
                seen = []
                for status, data in assoc.send_c_find(patient(f"{name}:20"), FIND):
                    seen.append((status.Status, data and data.PatientID))
                    assert assoc.send_c_echo().Status == 0x0000
                    assert assoc.send_c_store(instance(len(seen))).Status == status_for(len(seen))
                assert seen == expected(name, 20)

            in_threads(ask, "abcd")

    @pytest.mark.parametrize("end", ["abort", "reset", "close", "ours"])
    def test_association_ends_with_all_under_way(self, end: str) -> None:
        are_here, log = threading.Event(), EventLog("ABORTED")

        def script(peer: raw.Peer) -> None:
            peer.accept(user=raw_window(4))
            for _ in range(4):
                peer.read_message()
            are_here.set()
            if end == "abort":
                peer.send(raw.abort())
            elif end == "ours":
                peer.expect_abort()
            else:
                getattr(peer, end)()

        with (
            raw.serving(script) as server,
            association(
                server.port, [ECHO], ext_neg=[window(4)], evt_handlers=log.bindings
            ) as assoc,
        ):
            assoc.dimse_timeout = None
            calls = [Background(assoc.send_c_echo) for _ in range(6)]  # two wait for their turn
            assert are_here.wait(PATIENCE)
            if end == "ours":
                assoc.abort()
            for call in calls:
                try:
                    assert call.result() == Dataset()
                except RuntimeError as exc:  # it had ended before this one began
                    assert "must be established" in str(exc)  # noqa: PT017
            log.wait_for("ABORTED")
            assert assoc.is_aborted


class TestWindowOfAcceptor:
    def associate(self, server: Any, size: int) -> raw.Peer:
        return raw.associated(port_of(server), user=raw_window(size))

    def test_release_waits_for_handlers(self, start_scp: StartSCP) -> None:
        gate, log = Gate(), EventLog("PDU_RECV")
        handlers = [(evt.EVT_C_STORE, gate), *log.bindings]
        server = start_scp([CT, ECHO], handlers, concurrent_operations=2)
        with self.associate(server, 2) as peer:
            peer.send(store_rq(1), store_rq(2))
            gate.wait_for(2)
            before = len(log.events)
            peer.send(raw.release_rq())
            log.wait_for("PDU_RECV", before + 1)
            gate.is_open.set()
            answers = {
                response.number(raw.RESPONDED_TO): response.status
                for response in (peer.read_message(), peer.read_message())
            }
            assert answers == {1: status_for(1), 2: status_for(2)}
            peer.expect(raw.RELEASE_RP)

    def test_released_at_once_when_all_is_answered(self, start_scp: StartSCP) -> None:
        server = start_scp(concurrent_operations=2)
        for _ in range(30):
            with raw.associated(port_of(server), raw.ECHO_CONTEXT, user=raw_window(2)) as peer:
                peer.send(echo_rq(1), echo_rq(2))
                assert {peer.read_message().number(raw.RESPONDED_TO) for _ in "12"} == {1, 2}
                peer.release()

    def test_more_requests_than_are_served(self, start_scp: StartSCP) -> None:
        """The rest waits until one of the handlers has returned."""
        gate, log = Gate(), EventLog("DIMSE_RECV")
        handlers = [
            (evt.EVT_C_STORE, gate),
            (evt.EVT_ASYNC_OPS, lambda event: (9, 9)),
            *log.bindings,
        ]
        server = start_scp([CT, ECHO], handlers, concurrent_operations=2)
        with self.associate(server, 5) as peer:
            peer.send(*map(store_rq, range(1, 6)))
            log.wait_for("DIMSE_RECV", 5)
            gate.wait_for(2)
            assert gate.began in ([1, 2], [2, 1])
            gate.is_open.set()
            answered = sorted(peer.read_message().number(raw.RESPONDED_TO) for _ in range(5))
            assert answered == [1, 2, 3, 4, 5]
            peer.release()

    def test_more_requests_than_may_wait(self, start_scp: StartSCP) -> None:
        """So many that no more are read until one has been served."""
        gate = Gate()
        handlers = [(evt.EVT_C_STORE, gate), (evt.EVT_ASYNC_OPS, lambda event: (0, 0))]
        server = start_scp([CT, ECHO], handlers, concurrent_operations=2)
        server.ae.limits.unserved_requests = 3
        with self.associate(server, 0) as peer:
            peer.send(*map(store_rq, range(1, 31)))
            gate.wait_for(2)
            gate.is_open.set()
            answered = sorted(peer.read_message().number(raw.RESPONDED_TO) for _ in range(30))
            assert answered == list(range(1, 31))
            peer.release()

    def test_cancel_of_one(self, start_scp: StartSCP) -> None:
        served = threading.Barrier(4)
        others = threading.Event()

        def search(event: Any) -> Iterator[tuple[int, Dataset | None]]:
            served.wait(PATIENCE)
            while not event.is_cancelled and not others.wait(0.01):
                pass
            yield (0x0000 if others.is_set() else 0xFE00), None

        server = start_scp([FIND, ECHO], [(evt.EVT_C_FIND, search)], concurrent_operations=3)
        context = raw.proposal(1, FIND.encode(), raw.IMPLICIT)
        with raw.associated(port_of(server), context, user=raw_window(3)) as peer:
            for number in (1, 2, 3):
                elements = {
                    raw.SOP_CLASS: raw.ui(FIND.encode()),
                    raw.COMMAND_FIELD: raw.us(0x0020),
                    raw.MESSAGE_ID: raw.us(number),
                    raw.PRIORITY: raw.us(2),
                    raw.DATA_SET_TYPE: raw.us(raw.HAS_DATA_SET),
                }
                peer.send(raw.message(elements, 1, PATIENT_12))
            served.wait(PATIENCE)
            peer.send(raw.message(raw.cancel_rq(2)))
            response = peer.read_message()
            assert (response.number(raw.RESPONDED_TO), response.status) == (2, 0xFE00)
            others.set()
            rest = [peer.read_message() for _ in range(2)]
            assert sorted(message.number(raw.RESPONDED_TO) for message in rest) == [1, 3]
            assert [message.status for message in rest] == [0x0000] * 2
            peer.release()

    def test_handlers_that_ask_back(self, start_scp: StartSCP) -> None:
        def ask_back(event: Any) -> int:
            assert event.assoc.send_c_echo().Status == 0x0000
            return status_for(number_of(event))

        handlers = [(evt.EVT_C_STORE, ask_back)]
        server = start_scp([CT, both(ECHO)], handlers, concurrent_operations=4)
        with association(port_of(server), [CT, ECHO], ext_neg=[window(4, 2), *BOTH]) as assoc:

            def ask(number: int) -> None:
                for _ in range(10):
                    assert assoc.send_c_store(instance(number)).Status == status_for(number)

            in_threads(ask, range(4))

    def test_silent_peer_of_a_handler_that_gets(self, start_scp: StartSCP) -> None:
        """Who serves a request itself waits for no other who does, and ends in time."""
        replies: list[Any] = []

        def ask_back(event: Any) -> int:
            replies.extend(event.assoc.send_c_get(patient(), GET))
            return 0x0000

        handlers = [(evt.EVT_C_ECHO, ask_back)]
        server = start_scp([ECHO, both(GET)], handlers, concurrent_operations=2, dimse_timeout=SOON)
        user = raw.user_information(
            raw.item(0x53, bytes((0, 2, 0, 2))), raw.roles(GET.encode(), 1, 1)
        )
        contexts = raw.ECHO_CONTEXT, raw.proposal(3, GET.encode(), raw.IMPLICIT)
        with raw.associated(port_of(server), *contexts, user=user) as peer:
            peer.send(echo_rq(1), echo_rq(2))
            peer.read_message()
            peer.read_message()
            assert peer.expect_abort() == (0, 0)
        server.ae.shutdown()
        assert replies == [(Dataset(), None)] * 2

    def test_network_timeout_begins_when_all_is_answered(self, start_scp: StartSCP) -> None:
        gate = Gate()
        server = start_scp(
            [CT, ECHO],
            [(evt.EVT_C_STORE, gate)],
            concurrent_operations=2,
            network_timeout=SOON / 2,
        )
        with self.associate(server, 2) as peer:
            peer.send(store_rq(1))
            gate.wait_for(1)
            assert not peer.is_closed_within(SOON * 2)
            gate.is_open.set()
            assert peer.read_message().status == status_for(1)
            assert peer.expect_abort() == (0, 0)

    @pytest.mark.parametrize("error", [SystemExit, KeyboardInterrupt])
    def test_handler_that_wants_to_end_everything(
        self, start_scp: StartSCP, error: type[BaseException], caplog: pytest.LogCaptureFixture
    ) -> None:
        def fail(event: Any) -> int:
            raise error("enough")

        log = EventLog("ABORTED")
        handlers = [(evt.EVT_C_STORE, fail), *log.bindings]
        server = start_scp([CT, ECHO], handlers, concurrent_operations=2)
        with self.associate(server, 2) as peer:
            peer.send(store_rq(1))
            assert peer.expect_abort() == (0, 0)
        join(log.wait_for("ABORTED").assoc)
        assert "enough" in caplog.text

    @pytest.mark.parametrize("end", ["abort", "reset", "ours"])
    def test_end_waits_for_handlers(
        self, start_scp: StartSCP, end: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        gate, log = Gate(), EventLog("ABORTED")
        handlers = [(evt.EVT_C_STORE, gate), *log.bindings]
        server = start_scp([CT, ECHO], handlers, concurrent_operations=2)
        with self.associate(server, 2) as peer:
            peer.send(store_rq(1), store_rq(2))
            gate.wait_for(2)
            if end == "abort":
                peer.send(raw.abort())
            elif end == "reset":
                peer.reset()
            else:
                server.ae.active_associations[0].abort(block=False)
        assoc = log.wait_for("ABORTED").assoc
        assoc.join(0)
        assert assoc.is_alive()
        gate.is_open.set()
        join(assoc)
        assert not any("Exception" in line for line in complaints(caplog.records))

    def test_abort_by_a_handler_does_not_wait(self, start_scp: StartSCP) -> None:
        joined: list[Exception] = []

        def leave(event: Any) -> int:
            event.assoc.abort()
            try:
                event.assoc.join()
            except RuntimeError as exc:
                joined.append(exc)
            return 0x0000

        log = EventLog("ABORTED")
        handlers = [(evt.EVT_C_STORE, leave), *log.bindings]
        server = start_scp([CT, ECHO], handlers, concurrent_operations=2, acse_timeout=None)
        server.ae.limits.close_timeout = PATIENCE * 10
        with self.associate(server, 2) as peer:
            peer.send(store_rq(1))
            assert peer.expect_abort() == (0, 0)
            log.wait_for("ABORTED")
            assoc = server.ae.active_associations or [log.events[0].assoc]
        join(*assoc)
        assert "can't wait for the end" in str(joined[0])


class TestAbandoned:
    def test_drained_while_the_caller_does_nothing(self) -> None:
        many = 300

        def script(peer: raw.Peer) -> None:
            request = peer.read_message()
            peer.send(answer(request, *PENDING))
            assert peer.read_message().number(raw.RESPONDED_TO) == request.number(raw.MESSAGE_ID)
            peer.send(*[answer(request, *PENDING)] * many, answer(request, 0xFE00))
            peer.send(answer(peer.read_message()))

        log = EventLog("DIMSE_RECV")
        with asking(script, [ECHO, FIND], evt_handlers=log.bindings) as assoc:
            responses = assoc.send_c_find(patient(), FIND)
            next(responses)
            responses.close()
            log.wait_for("DIMSE_RECV", many + 2)
            assert not assoc.dimse.exchanges.to_cancel
            assert assoc.send_c_echo().Status == 0x0000

    def test_by_the_garbage_collector_in_another_thread(self) -> None:
        def script(peer: raw.Peer) -> None:
            request = peer.read_message()
            peer.send(answer(request, *PENDING))
            assert peer.read_message().number(raw.COMMAND_FIELD) == 0x0FFF
            peer.send(answer(request, 0xFE00))
            peer.send(answer(peer.read_message()))

        def lose(assoc: Association) -> None:
            responses = assoc.send_c_find(patient(), FIND)
            next(responses)
            ring: list[Any] = [responses]
            ring.append(ring)

        with asking(script, [ECHO, FIND]) as assoc:
            lose(assoc)
            Background(gc.collect).result()
            assert assoc.send_c_echo().Status == 0x0000

    @pytest.mark.parametrize("size", [1, 2])
    def test_in_the_handler_of_an_acceptor(self, start_scp: StartSCP, size: int) -> None:
        def ask_back(event: Any) -> int:
            for _ in event.assoc.send_c_find(patient(), FIND):
                break
            return 0x0000

        handlers = [(evt.EVT_C_ECHO, ask_back)]
        server = start_scp([ECHO, both(FIND)], handlers, concurrent_operations=size)
        user = raw.user_information(
            raw.item(0x53, bytes((0, size, 0, 1))), raw.roles(FIND.encode(), 1, 1)
        )
        contexts = raw.ECHO_CONTEXT, raw.proposal(3, FIND.encode(), raw.IMPLICIT)
        with raw.associated(port_of(server), *contexts, user=user) as peer:
            for number in (1, 2):
                peer.send(echo_rq(number))
                request = peer.read_message()
                peer.send(answer(request, *PENDING))
                came = [peer.read_message().number(raw.COMMAND_FIELD) for _ in range(2)]
                assert sorted(came) == [0x0FFF, 0x8030]
                peer.send(answer(request, *PENDING), answer(request, 0xFE00))
            peer.release()


class TestBothWays:
    """A handler of the requestor asks the peer while another thread waits for a response."""

    CONTEXTS = (ECHO, FILM_SESSION)

    def associate(
        self, script: Callable[[raw.Peer], object], statuses: list[Dataset], **arguments: Any
    ) -> Any:
        def ask(event: Any) -> tuple[int, None]:
            statuses.append(event.assoc.send_c_echo())
            return 0x0000, None

        handlers = [(evt.EVT_N_EVENT_REPORT, ask)]
        return asking(script, self.CONTEXTS, evt_handlers=handlers, **arguments)

    @staticmethod
    def report() -> bytes:
        elements = {
            raw.SOP_CLASS: raw.ui(FILM_SESSION.encode()),
            raw.COMMAND_FIELD: raw.us(0x0100),
            raw.MESSAGE_ID: raw.us(7),
            raw.DATA_SET_TYPE: raw.us(raw.NO_DATA_SET),
            raw.SOP_INSTANCE: raw.ui(FILM.encode()),
            0x1002: raw.us(1),
        }
        return raw.message(elements, 3)

    def test_it_waits_for_its_turn(self) -> None:
        """One operation at a time is all that the peer has agreed to."""
        order, is_done = [], threading.Event()

        def script(peer: raw.Peer) -> None:
            action = peer.read_message()
            peer.send(self.report(), answer(action))
            for _ in range(2):
                message = peer.read_message()
                order.append(message.number(raw.COMMAND_FIELD))
                if order[-1] == 0x0030:
                    peer.send(answer(message))
            is_done.set()

        statuses: list[Dataset] = []
        with self.associate(script, statuses) as assoc:
            status, _ = assoc.send_n_action(None, 1, FILM_SESSION, FILM)
            assert status.Status == 0x0000
            assert is_done.wait(PATIENCE)
        assert order == [0x0030, 0x8100]
        assert statuses[0].Status == 0x0000

    def test_peer_that_waits_for_the_handler(self) -> None:
        """Each waits for the other, until who has sent the first request gives up."""

        def script(peer: raw.Peer) -> None:
            peer.read_message()
            peer.send(self.report())
            peer.expect(raw.ABORT)

        statuses: list[Dataset] = []
        ae = AE()
        ae.dimse_timeout = ae.limits.close_timeout = SOON
        with self.associate(script, statuses, ae=ae) as assoc:
            assert assoc.send_n_action(None, 1, FILM_SESSION, FILM) == (Dataset(), None)
            join(assoc)
            assert assoc.is_aborted
        assert statuses == [Dataset()]

    def test_with_a_window_nobody_waits(self) -> None:
        def script(peer: raw.Peer) -> None:
            action = peer.read_message()
            peer.send(self.report())
            peer.send(answer(peer.read_message()))
            assert peer.read_message().number(raw.COMMAND_FIELD) == 0x8100
            peer.send(answer(action))

        statuses: list[Dataset] = []
        with self.associate(
            script, statuses, answers={"user": raw_window(2)}, ext_neg=[window(2)]
        ) as assoc:
            status, _ = assoc.send_n_action(None, 1, FILM_SESSION, FILM)
            assert status.Status == 0x0000
        assert statuses[0].Status == 0x0000


class TestPeerReleases:
    """It asks for the release while it should answer: nobody waits for the time-out."""

    @pytest.mark.parametrize("size", [1, 3])
    def test_instead_of_responses(self, size: int) -> None:
        def script(peer: raw.Peer) -> None:
            peer.accept(user=raw_window(size))
            for _ in range(size):
                peer.read_message()
            peer.release()

        log = EventLog("RELEASED")
        with (
            raw.serving(script) as server,
            association(
                server.port, [ECHO], ext_neg=[window(3)], evt_handlers=log.bindings
            ) as assoc,
        ):
            assoc.dimse_timeout = None
            begun = [Background(assoc.send_c_echo) for _ in range(4)]  # one at least waits
            for call in begun:
                try:
                    assert call.result() == Dataset()
                except RuntimeError as exc:  # it had ended before this one began
                    assert "must be established" in str(exc)  # noqa: PT017
            log.wait_for("RELEASED")
            assert assoc.is_released

    @pytest.mark.parametrize("kind", [FIND, GET])
    def test_within_an_iteration(self, kind: str) -> None:
        """What came before is given, and an empty status is the last."""

        def script(peer: raw.Peer) -> None:
            peer.accept()
            request = peer.read_message()
            peer.send(*[answer(request, *PENDING)] * 3)
            peer.release()

        log = EventLog("RELEASED")
        with (
            raw.serving(script) as server,
            association(server.port, [kind], evt_handlers=log.bindings) as assoc,
        ):
            assoc.dimse_timeout = None
            send = assoc.send_c_find if kind == FIND else assoc.send_c_get
            statuses = [status.get("Status") for status, _ in send(patient(), kind)]
            assert statuses == [0xFF00] * 3 + [None]
            log.wait_for("RELEASED")

    @pytest.mark.parametrize("size", [1, 2])
    def test_while_a_handler_waits(self, start_scp: StartSCP, size: int) -> None:
        """It gets no response, not to the next request either; then the release is answered."""
        statuses: list[Dataset] = []

        def ask_back(event: Any) -> int:
            statuses.extend(event.assoc.send_c_echo() for _ in range(2))
            return 0x0000

        log = EventLog("RELEASED ABORTED")
        handlers = [(evt.EVT_C_ECHO, ask_back), *log.bindings]
        server = start_scp([both(ECHO)], handlers, concurrent_operations=size, dimse_timeout=None)
        user = raw.user_information(
            raw.item(0x53, bytes((0, size, 0, 1))), raw.roles(ECHO.encode(), 1, 1)
        )
        with raw.associated(port_of(server), raw.ECHO_CONTEXT, user=user) as peer:
            peer.send(echo_rq(1))
            assert peer.read_message().number(raw.COMMAND_FIELD) == 0x0030
            peer.send(raw.release_rq())
            assert peer.read_message().number(raw.COMMAND_FIELD) == 0x8030
            peer.expect(raw.RELEASE_RP)
        log.wait_for("RELEASED")
        assert log.names() == ["RELEASED"]
        assert statuses == [Dataset()] * 2

    def test_who_is_told_may_release(self) -> None:
        def script(peer: raw.Peer) -> None:
            peer.accept()
            peer.read_message()
            peer.release()

        with raw.serving(script) as server:
            assoc = AE().associate(raw.HOST, server.port, [build_context(ECHO)])
            assoc.dimse_timeout = None
            assert assoc.send_c_echo() == Dataset()
            assoc.release()
            join(assoc)
            assert assoc.is_released
