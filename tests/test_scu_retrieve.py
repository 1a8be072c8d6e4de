"""What an association asks of its peer: C-GET and C-MOVE."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from struct import pack
from typing import Any

import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRLittleEndian

from pynetdicom import AE, build_role, evt
from pynetdicom.association import Responses
from tests.support import raw
from tests.support.associations import CT, ECHO, SOON, association, join, port_of, proposal
from tests.support.requests import (
    COMMENT,
    FIND,
    GET,
    MOVE,
    OFFENDING,
    PATIENT_12,
    USELESS,
    answer,
    answering,
    asking,
    end,
    patient,
    uselessly,
)
from tests.support.watch import complaints

StartSCP = Callable[..., Any]
REMAINING, COMPLETED, FAILED, WARNING = 0x1020, 0x1021, 0x1022, 0x1023

# How to be sent instances on the association itself
STORAGE_ROLE = build_role(CT, scp_role=True)
ROLE_ANSWER = {"user": raw.user_information(raw.roles(raw.CT_IMAGE, 0, 1))}


def retrieve(assoc: Any, operation: str, *arguments: Any) -> Responses:
    """Send a C-GET or C-MOVE request."""
    if operation == "get":
        return assoc.send_c_get(patient(), GET, *arguments)
    return assoc.send_c_move(patient(), "STORE_SCP", MOVE, *arguments)


def codes(responses: Any) -> list[tuple[int | None, Any]]:
    """Return what has been yielded, with the code of each status, None for an empty one."""
    return [(status.get("Status"), identifier) for status, identifier in responses]


@pytest.fixture(params=["get", "move"])
def operation(request: Any) -> str:
    return str(request.param)


class TestRequest:
    def test_as_it_is_sent(self, operation: str) -> None:
        model, field = {"get": (GET, 0x0010), "move": (MOVE, 0x0021)}[operation]
        requests: list[raw.Message] = []

        def script(peer: raw.Peer) -> None:
            for _ in range(2):
                requests.append(peer.read_message())
                peer.send(answer(requests[-1]))

        with asking(script, [ECHO, model]) as assoc:
            assert codes(retrieve(assoc, operation)) == [(0x0000, None)]
            assert codes(retrieve(assoc, operation, 5, 0)) == [(0x0000, None)]
        expected = {
            raw.SOP_CLASS: raw.ui(model.encode()),
            raw.COMMAND_FIELD: raw.us(field),
            raw.DATA_SET_TYPE: raw.us(raw.HAS_DATA_SET),
        }
        if operation == "move":
            expected[0x0600] = b"STORE_SCP "
        for request, number, priority in zip(requests, (1, 5), (2, 0), strict=True):
            assert raw.without(request.elements, 0x0000) == {
                **expected,
                raw.MESSAGE_ID: raw.us(number),
                raw.PRIORITY: raw.us(priority),
            }
            assert (request.context_id, request.data) == (3, PATIENT_12)

    def test_is_sent_by_the_call(self, operation: str) -> None:
        received = threading.Event()

        def script(peer: raw.Peer) -> None:
            request = peer.read_message()
            received.set()
            peer.send(answer(request))

        with asking(script, [GET, MOVE]) as assoc:
            responses = retrieve(assoc, operation)
            assert received.wait(raw.PATIENCE)
            assert codes(responses) == [(0x0000, None)]

    @pytest.mark.parametrize(
        ("title", "error"),
        [("", ValueError), ("A" * 17, ValueError), ("A\\B", ValueError), (5, TypeError)],
    )
    def test_destination(self, title: Any, error: type[Exception]) -> None:
        with asking(lambda peer: None, [MOVE]) as assoc, pytest.raises(error):
            assoc.send_c_move(patient(), title, MOVE)

    def test_no_destination(self) -> None:
        def script(peer: raw.Peer) -> None:
            request = peer.read_message()
            assert 0x0600 not in request.elements
            peer.send(answer(request, 0xA801))

        with asking(script, [MOVE]) as assoc:
            found = codes(assoc.send_c_move(patient(), None, MOVE))  # type: ignore[arg-type]
        assert found == [(0xA801, Dataset())]

    @pytest.mark.parametrize(
        ("arguments", "error"),
        [
            ((None, "{}"), ValueError),
            ((Dataset(), "{}"), ValueError),
            ((patient(), None), TypeError),
            ((patient(), FIND), ValueError),
            ((patient(), "{}", None), TypeError),
            ((patient(), "{}", 65536), ValueError),
            ((patient(), "{}", 1, 7), ValueError),
        ],
    )
    def test_that_cannot_be_sent(
        self, operation: str, arguments: Any, error: type[Exception]
    ) -> None:
        dataset, model, *others = arguments
        right = {"get": GET, "move": MOVE}[operation]
        model = right if model == "{}" else model
        before = ["STORE_SCP"] if operation == "move" else []
        with asking(answering((0x0000,)), [GET, MOVE]) as assoc:
            send = getattr(assoc, f"send_c_{operation}")
            with pytest.raises(error):
                send(dataset, *before, model, *others)
            assert codes(retrieve(assoc, operation)) == [(0x0000, None)]
        with pytest.raises(RuntimeError, match="must be established"):
            send(patient(), *before, right)


class TestResponses:
    @pytest.mark.parametrize("data", [None, b"", PATIENT_12])
    @pytest.mark.parametrize(
        "status", [0xFE00, 0xB000, 0x0001, 0xA701, 0xA702, 0xA801, 0xA900, 0xC000, 0x0122, 0x9999]
    )
    def test_end_with_an_identifier(self, operation: str, status: int, data: bytes | None) -> None:
        script = answering((0xFF00,), (0xFF01, PATIENT_12), (status, data))
        with asking(script, [GET, MOVE]) as assoc:
            responses = retrieve(assoc, operation)
            identifier = patient() if data else Dataset()
            assert codes(responses) == [(0xFF00, None), (0xFF01, None), (status, identifier)]
            assert list(responses) == []
            assert assoc.is_established

    @pytest.mark.parametrize("data", [None, PATIENT_12])
    def test_success_has_none(self, operation: str, data: bytes | None) -> None:
        with asking(answering((0xFF00,), (0x0000, data)), [GET, MOVE]) as assoc:
            assert codes(retrieve(assoc, operation)) == [(0xFF00, None), (0x0000, None)]

    def test_status_elements(self, operation: str) -> None:
        counters = {REMAINING: raw.us(4), COMPLETED: raw.us(3), FAILED: raw.us(2)}
        last = {
            WARNING: raw.us(1),
            COMMENT: b"half of it",
            OFFENDING: pack("<HH", 0x0010, 0x0020),
        }
        script = answering((0xFF00, None, counters), (0xB000, None, last))
        with asking(script, [GET, MOVE]) as assoc:
            (pending, _), (final, _) = retrieve(assoc, operation)
        assert pending.NumberOfRemainingSuboperations == 4
        assert pending.NumberOfCompletedSuboperations == 3
        assert pending.NumberOfFailedSuboperations == 2
        assert len(pending) == 4
        assert final.NumberOfWarningSuboperations == 1
        assert final.ErrorComment == "half of it"
        assert final.OffendingElement == 0x00100020
        assert len(final) == 4

    def test_counters_with_two_values(self, operation: str) -> None:
        """The first of them counts: some peers send two."""
        counters = {
            number: raw.us(value, 7)
            for value, number in enumerate((REMAINING, COMPLETED, FAILED, WARNING), start=1)
        }
        with asking(answering((0xFF00, None, counters), (0x0000,)), [GET, MOVE]) as assoc:
            (pending, _), _ = retrieve(assoc, operation)
        assert pending.NumberOfRemainingSuboperations == 1
        assert pending.NumberOfCompletedSuboperations == 2
        assert pending.NumberOfFailedSuboperations == 3
        assert pending.NumberOfWarningSuboperations == 4

    def test_identifier_that_cannot_be_decoded(self, operation: str) -> None:
        script = answering((0xA702, b"\xff" * 8))
        contexts = [(model, DeflatedExplicitVRLittleEndian) for model in (GET, MOVE)]
        with asking(script, contexts) as assoc:
            assert codes(retrieve(assoc, operation)) == [(0xA702, None)]
            assert assoc.is_established

    @pytest.mark.parametrize("kind", USELESS)
    def test_no_valid_response(self, operation: str, kind: str) -> None:
        ae = AE()
        if kind == "silence":
            ae.dimse_timeout = SOON
        with (
            raw.serving(uselessly(kind)) as server,
            association(server.port, [GET, MOVE], ae) as assoc,
        ):
            assert codes(retrieve(assoc, operation)) == [(None, None)]
            join(assoc)
            assert assoc.is_aborted

    @pytest.mark.parametrize("abandon", [True, False])
    def test_cancelled(self, operation: str, abandon: bool) -> None:
        def script(peer: raw.Peer) -> None:
            request = peer.read_message()
            peer.send(answer(request, 0xFF00))
            cancel = peer.read_message()
            assert cancel.number(raw.COMMAND_FIELD) == 0x0FFF
            assert cancel.number(raw.RESPONDED_TO) == request.number(raw.MESSAGE_ID)
            peer.send(answer(request, 0xFF00), answer(request, 0xFE00, PATIENT_12))
            answering((0x0000,))(peer)

        with asking(script, [GET, MOVE]) as assoc:
            responses = retrieve(assoc, operation, 7)
            assert codes([next(responses)]) == [(0xFF00, None)]
            if abandon:
                responses.close()
            else:
                responses.cancel()
                assert codes(responses) == [(0xFF00, None), (0xFE00, patient())]
            assert codes(retrieve(assoc, operation)) == [(0x0000, None)]


class TestSubOperations:
    """The instances that a C-GET asks for come on the same association."""

    @pytest.mark.parametrize("context_id", [1, 3])
    @pytest.mark.parametrize("answers", [ROLE_ANSWER, None])
    def test_in_their_context_or_that_of_the_request(
        self, context_id: int, answers: dict[str, Any] | None
    ) -> None:
        """Some peers use the latter, and some do not say that they accept the role."""
        received: list[tuple[str, int]] = []

        def script(peer: raw.Peer) -> None:
            request = peer.read_message()
            for number in range(3):
                instance = b"1.2.3.%d" % number
                store = raw.store_rq(number + 2, instance)
                peer.send(raw.message(store, context_id, raw.data_set(instance)))
                response = peer.read_message()
                assert response.status == 0x0000
                assert response.context_id == context_id
                assert response.number(raw.RESPONDED_TO) == number + 2
                peer.send(answer(request, 0xFF00, None, {COMPLETED: raw.us(number + 1)}))
            peer.send(answer(request))

        def store(event: Any) -> int:
            received.append((event.dataset.SOPInstanceUID, event.message_id))
            return 0x0000

        with asking(
            script,
            [GET, CT],
            answers=answers,
            ext_neg=[STORAGE_ROLE],
            evt_handlers=[(evt.EVT_C_STORE, store)],
        ) as assoc:
            found = list(assoc.send_c_get(patient(), GET))
        assert [status.Status for status, _ in found] == [0xFF00] * 3 + [0x0000]
        counts = [status.NumberOfCompletedSuboperations for status, _ in found[:-1]]
        assert counts == [1, 2, 3]
        assert received == [("1.2.3.0", 2), ("1.2.3.1", 3), ("1.2.3.2", 4)]

    def test_storing_takes_longer_than_the_timeout(self) -> None:
        """Responses in between are optional; while we store what came nobody is late."""
        threads = []

        def script(peer: raw.Peer) -> None:
            request = peer.read_message()
            peer.send(raw.message(raw.store_rq(2), 3, raw.data_set()))
            assert peer.read_message().status == 0x0000
            peer.send(answer(request))

        def store(event: Any) -> int:
            threads.append(threading.current_thread())
            never = threading.Event()
            assert not never.wait(2 * SOON)  # the time-out passes meanwhile
            return 0x0000

        ae = AE()
        ae.dimse_timeout = SOON
        with asking(
            script,
            [GET, CT],
            ae,
            ROLE_ANSWER,
            ext_neg=[STORAGE_ROLE],
            evt_handlers=[(evt.EVT_C_STORE, store)],
        ) as assoc:
            assert codes(assoc.send_c_get(patient(), GET)) == [(0x0000, None)]
        assert threads == [threading.current_thread()]  # no hand-over to another

    @pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
    def test_interrupted(self, error: type[BaseException]) -> None:
        """Ctrl-C in a handler reaches who waits, and the peer is told that it is over."""

        def script(peer: raw.Peer) -> None:
            peer.read_message()
            peer.send(raw.message(raw.store_rq(2), 3, raw.data_set()))
            assert peer.expect_abort() == (0, 0)

        def store(event: Any) -> int:
            raise error

        handlers = [(evt.EVT_C_STORE, store)]
        with asking(
            script, [GET, CT], AE(), ROLE_ANSWER, ext_neg=[STORAGE_ROLE], evt_handlers=handlers
        ) as assoc:
            with pytest.raises(error):
                next(assoc.send_c_get(patient(), GET))
            assert assoc.is_aborted

    def test_are_served_while_nobody_takes_responses(self) -> None:
        """The association's own thread does it then."""
        served = threading.Event()

        def script(peer: raw.Peer) -> None:
            request = peer.read_message()
            peer.send(raw.message(raw.store_rq(2), 3, raw.data_set()))
            assert peer.read_message().status == 0x0000
            peer.send(answer(request))

        def store(event: Any) -> int:
            assert threading.current_thread() is event.assoc
            served.set()
            return 0x0000

        handlers = [(evt.EVT_C_STORE, store)]
        with asking(
            script, [GET, CT], AE(), ROLE_ANSWER, ext_neg=[STORAGE_ROLE], evt_handlers=handlers
        ) as assoc:
            responses = assoc.send_c_get(patient(), GET)
            assert served.wait(raw.PATIENCE)
            assert codes(responses) == [(0x0000, None)]

    def test_silence_after_them(self) -> None:
        def script(peer: raw.Peer) -> None:
            peer.read_message()
            peer.send(raw.message(raw.store_rq(2), 3, raw.data_set()))
            assert peer.read_message().status == 0x0000

        ae = AE()
        ae.dimse_timeout = SOON
        handlers = [(evt.EVT_C_STORE, lambda event: 0x0000)]
        with asking(
            script, [GET, CT], ae, ROLE_ANSWER, ext_neg=[STORAGE_ROLE], evt_handlers=handlers
        ) as assoc:
            assert codes(assoc.send_c_get(patient(), GET)) == [(None, None)]
            assert assoc.is_aborted

    def test_asked_for_by_who_is_to_serve_them(self, start_scp: StartSCP) -> None:
        """The association's own thread can't store what it waits for: it gives up in time."""
        found: list[Any] = []
        returned = threading.Event()

        def get(event: Any) -> int:
            found.extend(codes(event.assoc.send_c_get(patient(), GET)))
            returned.set()
            return 0x0000

        contexts = [ECHO, (GET, "1.2.840.10008.1.2", True, True), CT]
        port = port_of(start_scp(contexts, [(evt.EVT_C_ECHO, get)], dimse_timeout=SOON))
        items = [raw.ECHO_CONTEXT, raw.proposal(5, GET.encode(), raw.IMPLICIT), raw.STORE_CONTEXT]
        user = raw.user_information(raw.roles(GET.encode(), 1, 1))
        with raw.associated(port, *items, user=user) as peer:
            peer.send(raw.message(raw.echo_rq()))
            assert peer.read_message().number(raw.COMMAND_FIELD) == 0x0010
            peer.send(raw.message(raw.store_rq(2), 3, raw.data_set()))
            end(peer)
        assert returned.wait(raw.PATIENCE)
        assert found == [(None, None)]


def instance(number: int) -> Dataset:
    """Return a small CT image."""
    dataset = Dataset()
    dataset.SOPClassUID = CT
    dataset.SOPInstanceUID = f"1.2.3.{number}"
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    return dataset


class TestAgainstOurselves:
    @pytest.mark.parametrize("failing", [False, True])
    def test_get(self, start_scp: StartSCP, failing: bool) -> None:
        def get(event: Any) -> Iterator[Any]:
            yield 3
            for number in range(3):
                yield 0xFF00, instance(number)

        received: list[str] = []

        def store(event: Any) -> int:
            received.append(event.dataset.SOPInstanceUID)
            return 0xA700 if failing and len(received) == 2 else 0x0000

        contexts = [GET, (CT, ExplicitVRLittleEndian, True, True)]
        port = port_of(start_scp(contexts, [(evt.EVT_C_GET, get)]))
        with association(
            port,
            [GET, CT],
            ext_neg=[STORAGE_ROLE],
            evt_handlers=[(evt.EVT_C_STORE, store)],
        ) as assoc:
            *pending, (final, identifier) = assoc.send_c_get(patient(), GET)
        assert received == ["1.2.3.0", "1.2.3.1", "1.2.3.2"]
        assert [(status.Status, none) for status, none in pending] == [(0xFF00, None)] * 3
        assert [status.NumberOfRemainingSuboperations for status, _ in pending] == [2, 1, 0]
        if failing:
            assert final.Status == 0xB000
            assert identifier is not None
            assert identifier.FailedSOPInstanceUIDList == "1.2.3.1"
        else:
            assert (final.Status, identifier) == (0x0000, None)
        assert final.NumberOfCompletedSuboperations == 3 - failing
        assert final.NumberOfFailedSuboperations == failing

    def test_move(self, start_scp: StartSCP) -> None:
        received: list[Any] = []

        def store(event: Any) -> int:
            request = event.request
            received.append(
                (
                    event.dataset.SOPInstanceUID,
                    request.MoveOriginatorApplicationEntityTitle,
                    request.MoveOriginatorMessageID,
                )
            )
            return 0x0000

        destination = port_of(start_scp([CT], [(evt.EVT_C_STORE, store)]))

        def move(event: Any) -> Iterator[Any]:
            assert event.move_destination == "STORE_SCP"
            yield raw.HOST, destination, {"contexts": proposal([CT])}
            yield 2
            for number in range(2):
                yield 0xFF00, instance(number)

        port = port_of(start_scp([MOVE], [(evt.EVT_C_MOVE, move)]))
        with association(port, [MOVE]) as assoc:
            found = codes(assoc.send_c_move(patient(), "STORE_SCP", MOVE, 9))
        assert found == [(0xFF00, None), (0xFF00, None), (0x0000, None)]
        assert received == [("1.2.3.0", "TEST_SCP", 9), ("1.2.3.1", "TEST_SCP", 9)]


class TestOperationTime:
    """The whole of an operation has an end, whatever the peer sends meanwhile."""

    @staticmethod
    def for_ever(peer: raw.Peer) -> None:
        """Send Pending responses, or instances for a C-GET, until the association ends."""
        request = peer.read_message()
        is_get = request.number(raw.COMMAND_FIELD) == 0x0010
        store = raw.message(raw.store_rq(2), 3, raw.data_set())
        with suppress(raw.Closed, AssertionError, ConnectionError):  # the A-ABORT is no message
            while True:
                peer.send(answer(request, 0xFF00))
                if is_get:
                    peer.send(store)
                    peer.read_message()

    @pytest.mark.parametrize("dimse_timeout", [30.0, None])
    def test_pending_for_ever(
        self, operation: str, dimse_timeout: float | None, caplog: pytest.LogCaptureFixture
    ) -> None:
        ae = AE()
        ae.dimse_timeout = dimse_timeout
        ae.limits.operation_time = ae.limits.close_timeout = SOON
        model = GET if operation == "get" else MOVE
        handlers = [(evt.EVT_C_STORE, lambda event: 0x0000)]
        with asking(
            self.for_ever,
            [model, CT],
            ae,
            ROLE_ANSWER,
            ext_neg=[STORAGE_ROLE],
            evt_handlers=handlers,
        ) as assoc:
            found = codes(retrieve(assoc, operation))
            assert found[-1] == (None, None)
            assert set(found[:-1]) <= {(0xFF00, None)}
            assert assoc.is_aborted
        (line,) = complaints(caplog.records)
        assert line.startswith(f"The C-{operation.upper()} operation of ANY-SCP at 127.0.0.1")
        assert line.endswith(
            f"is not over after {SOON} s, aborting; if it may take longer set "
            "ae.limits.operation_time"
        )

    def test_silence(self, operation: str) -> None:
        ae = AE()
        ae.dimse_timeout = None
        ae.limits.operation_time = ae.limits.close_timeout = SOON
        with asking(lambda peer: peer.read_message(), [GET, MOVE], ae) as assoc:
            assert codes(retrieve(assoc, operation)) == [(None, None)]
            assert assoc.is_aborted

    def test_of_a_find(self) -> None:
        ae = AE()
        ae.limits.operation_time = ae.limits.close_timeout = SOON
        with asking(self.for_ever, [FIND], ae) as assoc:
            assert codes(assoc.send_c_find(patient(), FIND))[-1] == (None, None)
            assert assoc.is_aborted

    def test_responses_that_are_complete_may_be_taken_later(self, operation: str) -> None:
        """It is the peer's time, not that of who takes them."""
        ae = AE()
        ae.limits.operation_time = 0.0
        with asking(answering((0xFF00,), (0x0000,)), [GET, MOVE], ae) as assoc:
            responses = retrieve(assoc, operation)
            exchange = responses._exchange
            assert exchange is not None
            assoc.dul.wait_until(lambda: exchange.is_over, None)
            assert codes(responses) == [(0xFF00, None), (0x0000, None)]
