"""What an association asks of its peer: C-FIND, and what all requests with many responses share."""

from __future__ import annotations

import gc
import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import count
from typing import Any

import pytest
from pydicom.dataset import Dataset
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from pynetdicom import AE, Association, _config, evt
from pynetdicom.association import Responses
from pynetdicom.dsutils import encode
from pynetdicom.sop_class import (
    RepositoryQuery,
    UnifiedProcedureStepPull,
    UnifiedProcedureStepPush,
    UnifiedProcedureStepQuery,
    UnifiedProcedureStepWatch,
)
from tests.support import raw
from tests.support.associations import CT, ECHO, SOON, EventLog, association, join, port_of
from tests.support.requests import (
    COMMENT,
    FIND,
    GET,
    OFFENDING,
    PATIENT_12,
    USELESS,
    answer,
    answering,
    asking,
    patient,
    uselessly,
)
from tests.support.watch import complaints

StartSCP = Callable[..., Any]
PENDING = (0xFF00, PATIENT_12)


def codes(responses: Any) -> list[tuple[int | None, Any]]:
    """Return what has been yielded, with the code of each status, None for an empty one."""
    return [(status.get("Status"), identifier) for status, identifier in responses]


def expect_cancel(peer: raw.Peer, request: raw.Message) -> None:
    """Require a C-CANCEL for a request as the next message."""
    cancel = peer.read_message()
    assert cancel.number(raw.COMMAND_FIELD) == 0x0FFF
    assert cancel.elements[raw.RESPONDED_TO] == request.elements[raw.MESSAGE_ID]
    assert cancel.context_id == request.context_id
    assert cancel.data is None


def answer_echo(peer: raw.Peer) -> None:
    """Answer the C-ECHO request that must come next."""
    request = peer.read_message()
    assert request.number(raw.COMMAND_FIELD) == 0x0030
    peer.send(answer(request))


class TestRequest:
    @pytest.mark.parametrize(
        "syntax",
        [
            ImplicitVRLittleEndian,
            ExplicitVRLittleEndian,
            ExplicitVRBigEndian,
            DeflatedExplicitVRLittleEndian,
        ],
    )
    def test_as_it_is_sent(self, syntax: Any) -> None:
        requests: list[raw.Message] = []

        def script(peer: raw.Peer) -> None:
            requests.append(peer.read_message())
            peer.send(answer(requests[0]))

        with asking(script, [ECHO, (FIND, syntax)]) as assoc:
            assert codes(assoc.send_c_find(patient(), FIND, 65535, 1)) == [(0x0000, None)]
        (request,) = requests
        encoding = (syntax.is_implicit_VR, syntax.is_little_endian, syntax.is_deflated)
        assert request.data == encode(patient(), *encoding)
        assert request.context_id == 3
        assert raw.without(request.elements, 0x0000) == {
            raw.SOP_CLASS: raw.ui(FIND.encode()),
            raw.COMMAND_FIELD: raw.us(0x0020),
            raw.MESSAGE_ID: raw.us(65535),
            raw.PRIORITY: raw.us(1),
            raw.DATA_SET_TYPE: raw.us(raw.HAS_DATA_SET),
        }

    def test_defaults(self) -> None:
        def script(peer: raw.Peer) -> None:
            request = peer.read_message()
            assert request.number(raw.MESSAGE_ID) == 1
            assert request.number(raw.PRIORITY) == 2
            peer.send(answer(request))

        with asking(script, [FIND]) as assoc:
            responses = assoc.send_c_find(patient(), FIND)
            assert responses.message_id == 1
            assert codes(responses) == [(0x0000, None)]

    def test_is_sent_by_the_call(self) -> None:
        received = threading.Event()

        def script(peer: raw.Peer) -> None:
            request = peer.read_message()
            received.set()
            peer.send(answer(request))

        with asking(script, [FIND]) as assoc:
            responses = assoc.send_c_find(patient(), FIND)
            assert received.wait(raw.PATIENCE)
            assert codes(responses) == [(0x0000, None)]

    @pytest.mark.parametrize(
        ("arguments", "error"),
        [
            ((None, FIND), ValueError),
            ((Dataset(), FIND), ValueError),
            (("PatientID", FIND), ValueError),
            ((patient(), None), TypeError),
            ((patient(), 5), TypeError),
            ((patient(), ""), ValueError),
            ((patient(), GET), ValueError),
            ((patient(), FIND, None), TypeError),
            ((patient(), FIND, "1"), TypeError),
            ((patient(), FIND, -1), ValueError),
            ((patient(), FIND, 65536), ValueError),
            ((patient(), FIND, 1, 3), ValueError),
            ((patient(), FIND, 1, None), ValueError),
        ],
    )
    def test_that_cannot_be_sent(self, arguments: Any, error: type[Exception]) -> None:
        with asking(answer_echo, [ECHO, FIND]) as assoc:
            with pytest.raises(error):
                assoc.send_c_find(*arguments)
            assert assoc.send_c_echo().Status == 0x0000

    def test_errors_tell_what_to_do(self) -> None:
        with asking(lambda peer: None, [FIND]) as assoc:
            with pytest.raises(ValueError, match="identifier of a C-FIND request must not be em"):
                assoc.send_c_find(Dataset(), FIND)
            with pytest.raises(ValueError, match=r"GET.*none was proposed; use AE\.add_requested"):
                assoc.send_c_find(patient(), GET)
            identifier = patient()
            identifier["PatientID"]._value = 5
            with pytest.raises(ValueError, match="Failed to encode the identifier of the C-FIND"):
                assoc.send_c_find(identifier, FIND)

    def test_not_established(self) -> None:
        with asking(lambda peer: None, [FIND]) as released:
            released.release()
        for assoc in (Association(AE(), "requestor"), released):
            with pytest.raises(RuntimeError, match="must be established"):
                assoc.send_c_find(patient(), FIND)
            with pytest.raises(RuntimeError, match="must be established"):
                assoc.send_c_cancel(1, 1)

    @pytest.mark.parametrize("is_closed", [True, False])
    def test_to_a_peer_that_takes_no_data(self, is_closed: bool) -> None:
        def script(peer: raw.Peer) -> None:
            peer.accept(user=raw.user_information(maximum_length=7))
            peer.expect(raw.ABORT)

        with raw.serving(script) as server, association(server.port, [FIND]) as assoc:
            responses = assoc.send_c_find(patient(), FIND)
            assert assoc.is_aborted
            responses.cancel()
            if is_closed:
                responses.close()
            assert codes(responses) == ([] if is_closed else [(None, None)])

    def test_association_ends_meanwhile(
        self, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        """Behind the check that it is established."""
        with asking(lambda peer: None, [ECHO, FIND]) as assoc:
            monkeypatch.setattr(assoc, "_check_established", assoc.abort)
            assert codes(assoc.send_c_find(patient(), FIND)) == [(None, None)]
            assert assoc.send_c_echo() == Dataset()
        lines = complaints(caplog.records)
        assert len(lines) == 2
        assert all(line.endswith(": the association is over") for line in lines)


class TestUnifiedProcedureStep:
    """Any accepted class of the service will do for requests to the push class."""

    @pytest.mark.parametrize(
        ("contexts", "context_id"),
        [
            ([UnifiedProcedureStepQuery, UnifiedProcedureStepPull], 1),
            ([ECHO, UnifiedProcedureStepWatch, UnifiedProcedureStepPull], 3),
            ([UnifiedProcedureStepPull, UnifiedProcedureStepPush], 3),
        ],
    )
    def test_context(self, contexts: list[str], context_id: int) -> None:
        def script(peer: raw.Peer) -> None:
            request = peer.read_message()
            assert request.context_id == context_id
            assert request.elements[raw.SOP_CLASS] == raw.ui(UnifiedProcedureStepPush.encode())
            peer.send(answer(request, *PENDING))
            expect_cancel(peer, request)
            peer.send(answer(request, 0xFE00))

        with asking(script, contexts) as assoc:
            responses = assoc.send_c_find(patient(), UnifiedProcedureStepPush)
            assert codes([next(responses)]) == [(0xFF00, patient())]
            assoc.send_c_cancel(1, query_model=UnifiedProcedureStepPush)
            assert codes(responses) == [(0xFE00, None)]

    def test_no_context(self) -> None:
        with (
            asking(lambda peer: None, [ECHO]) as assoc,
            pytest.raises(ValueError, match=r"Push.*none was proposed"),
        ):
            assoc.send_c_find(patient(), UnifiedProcedureStepPush)

    def test_only_the_push_class(self) -> None:
        with (
            asking(lambda peer: None, [UnifiedProcedureStepPush]) as assoc,
            pytest.raises(ValueError, match=r"Pull.*none was proposed"),
        ):
            assoc.send_c_find(patient(), UnifiedProcedureStepPull)


class TestResponses:
    @pytest.mark.parametrize(
        "status", [0x0000, 0xA700, 0xA900, 0xC000, 0x0122, 0xFE00, 0xB000, 0x0001, 0x9999, 0xFF02]
    )
    @pytest.mark.parametrize("data", [None, PATIENT_12])
    def test_end(self, status: int, data: bytes | None) -> None:
        script = answering(PENDING, (0xFF01, b""), (status, data))
        with asking(script, [FIND]) as assoc:
            responses = assoc.send_c_find(patient(), FIND)
            assert codes(responses) == [(0xFF00, patient()), (0xFF01, Dataset()), (status, None)]
            assert list(responses) == []
            assert assoc.is_established

    def test_is_an_iterator(self) -> None:
        with asking(answering(PENDING, (0x0000,)), [FIND]) as assoc:
            responses = assoc.send_c_find(patient(), FIND)
            assert isinstance(responses, Iterator)
            assert isinstance(responses, Responses)
            assert iter(responses) is responses
            assert codes([next(responses), next(responses)]) == [
                (0xFF00, patient()),
                (0x0000, None),
            ]
            with pytest.raises(StopIteration):
                next(responses)

    def test_status_elements(self) -> None:
        more = {OFFENDING: bytes.fromhex("10001000 10002000"), COMMENT: b"not so"}
        with asking(answering((0xA900, None, more)), [FIND]) as assoc:
            ((status, _),) = assoc.send_c_find(patient(), FIND)
        assert status.OffendingElement == [0x00100010, 0x00100020]
        assert status.ErrorComment == "not so"
        assert len(status) == 3

    def test_identifier_that_cannot_be_decoded(self, caplog: pytest.LogCaptureFixture) -> None:
        """It is told once, and the rest still comes; `deflate` makes it easy to break one."""
        good = encode(patient(), False, True, True)
        script = answering((0xFF00, b"\xff" * 8), (0xFF00, good), (0x0000,))
        with asking(script, [(FIND, DeflatedExplicitVRLittleEndian)]) as assoc:
            found = codes(assoc.send_c_find(patient(), FIND))
        assert found == [(0xFF00, None), (0xFF00, patient()), (0x0000, None)]
        (line,) = complaints(caplog.records)
        assert "can't be decoded: C-FIND" in line

    def test_pending_without_identifier(self) -> None:
        with asking(answering((0xFF00,), (0x0000,)), [FIND]) as assoc:
            found = codes(assoc.send_c_find(patient(), FIND))
        assert found == [(0xFF00, None), (0x0000, None)]

    def test_repository_query(self) -> None:
        script = answering((0xB001,), (0xB001, PATIENT_12), PENDING, (0x0000,))
        with asking(script, [RepositoryQuery]) as assoc:
            found = codes(assoc.send_c_find(patient(), RepositoryQuery))
        expected = [(0xB001, None), (0xB001, patient()), (0xFF00, patient()), (0x0000, None)]
        assert found == expected

    def test_warning_is_the_end_of_others(self) -> None:
        with asking(answering((0xB001,)), [FIND]) as assoc:
            assert codes(assoc.send_c_find(patient(), FIND)) == [(0xB001, None)]

    @pytest.mark.parametrize("wanted", [True, False])
    def test_log(
        self, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, wanted: bool
    ) -> None:
        monkeypatch.setattr(_config, "LOG_REQUEST_IDENTIFIERS", wanted)
        monkeypatch.setattr(_config, "LOG_RESPONSE_IDENTIFIERS", wanted)
        caplog.set_level(logging.INFO, "pynetdicom.association")
        with asking(answering(PENDING, (0x0000,)), [FIND]) as assoc:
            assert len(list(assoc.send_c_find(patient("34"), FIND))) == 2
        for what, number in (("request", "34"), ("response", "12")):
            texts = [text for text in caplog.messages if f"C-FIND {what} identifier" in text]
            assert len(texts) == wanted
            assert not wanted or f"[{number}]" in texts[0]

    def test_log_of_what_cannot_be_shown(
        self, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("pynetdicom.dsutils.pretty_dataset", _unshowable)
        caplog.set_level(logging.INFO, "pynetdicom.association")
        with asking(answering(PENDING, (0x0000,)), [FIND]) as assoc:
            assert len(list(assoc.send_c_find(patient(), FIND))) == 2
        assert caplog.text.count("(can't be shown)") == 2


class TestNoValidResponse:
    @pytest.mark.parametrize("kind", USELESS)
    @pytest.mark.parametrize("before", [0, 2])
    def test_empty_status(self, kind: str, before: int) -> None:
        ae = AE()
        if kind == "silence":
            ae.dimse_timeout = SOON
        with (
            raw.serving(uselessly(kind, before)) as server,
            association(server.port, [FIND], ae) as assoc,
        ):
            responses = assoc.send_c_find(patient(), FIND)
            found = codes(responses)
            # A reset takes along what was not read yet
            assert found[-1] == (None, None)
            assert kind == "reset" or found[:-1] == [(0xFF00, patient())] * before
            assert list(responses) == []
            responses.cancel()
            responses.close()
            join(assoc)
            assert assoc.is_aborted

    def test_complaint(self, caplog: pytest.LogCaptureFixture) -> None:
        ae = AE()
        ae.dimse_timeout = SOON
        with (
            raw.serving(uselessly("silence")) as server,
            association(server.port, [FIND], ae) as assoc,
        ):
            assert codes(assoc.send_c_find(patient(), FIND)) == [(None, None)]
        (line,) = complaints(caplog.records)
        assert line.startswith("No C-FIND response from ANY-SCP at 127.0.0.1:")

    @pytest.mark.parametrize("way", ["abort", "release"])
    def test_we_end_it_in_the_middle(self, way: str) -> None:
        with asking(answering(PENDING), [FIND]) as assoc:
            responses = assoc.send_c_find(patient(), FIND)
            assert codes([next(responses)]) == [(0xFF00, patient())]
            getattr(assoc, way)()
            assert codes(responses) == [(None, None)]
            assert assoc.is_aborted if way == "abort" else assoc.is_released

    def test_waiting_can_be_interrupted(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """It is as if nobody had waited."""
        with asking(answering(PENDING, (0x0000,)), [FIND]) as assoc:
            responses = assoc.send_c_find(patient(), FIND)
            monkeypatch.setattr("pynetdicom.exchanges.Exchange.next", _interrupted)
            with pytest.raises(KeyboardInterrupt):
                next(responses)
            monkeypatch.undo()
            assert codes(responses) == [(0xFF00, patient()), (0x0000, None)]


def _unshowable(*args: object) -> None:
    raise ValueError("no text")


def _interrupted(*args: object) -> None:
    raise KeyboardInterrupt


class TestCancel:
    @pytest.mark.parametrize("before", [0, 1])
    @pytest.mark.parametrize("way", ["responses", "query model", "context", "both"])
    def test_responses_go_on_to_the_last(self, before: int, way: str) -> None:
        def script(peer: raw.Peer) -> None:
            request = peer.read_message()
            peer.send(*[answer(request, *PENDING)] * before)
            expect_cancel(peer, request)
            peer.send(*[answer(request, *PENDING)] * 2, answer(request, 0xFE00))
            answer_echo(peer)

        with asking(script, [ECHO, FIND]) as assoc:
            responses = assoc.send_c_find(patient(), FIND, 7)
            found = [next(responses) for _ in range(before)]
            if way == "responses":
                responses.cancel()
                responses.cancel()
            elif way == "context":
                assoc.send_c_cancel(7, 3)
            else:
                assoc.send_c_cancel(7, 1 if way == "both" else None, FIND)
            found += responses
            assert codes(found) == [(0xFF00, patient())] * (before + 2) + [(0xFE00, None)]
            assert assoc.send_c_echo().Status == 0x0000

    def test_after_the_end(self) -> None:
        def script(peer: raw.Peer) -> None:
            answering((0x0000,))(peer)
            answer_echo(peer)

        with asking(script, [ECHO, FIND]) as assoc:
            responses = assoc.send_c_find(patient(), FIND)
            assert codes(responses) == [(0x0000, None)]
            responses.cancel()
            responses.close()
            assert assoc.send_c_echo().Status == 0x0000

    @pytest.mark.parametrize(
        ("arguments", "error"),
        [
            ((1,), ValueError),
            ((1, 0), ValueError),
            ((1, 999), ValueError),
            ((1, "1"), ValueError),
            ((None, 1), TypeError),
            (("1", 1), TypeError),
            ((-1, 1), ValueError),
            ((65536, 1), ValueError),
            ((1, None, GET), ValueError),
        ],
    )
    def test_that_cannot_be_sent(self, arguments: Any, error: type[Exception]) -> None:
        with asking(answer_echo, [ECHO, FIND]) as assoc:
            with pytest.raises(error):
                assoc.send_c_cancel(*arguments)
            assert assoc.send_c_echo().Status == 0x0000

    def test_connection_lost_meanwhile(self, monkeypatch: pytest.MonkeyPatch) -> None:
        with asking(lambda peer: None, [FIND]) as assoc:
            assoc.abort()
            monkeypatch.setattr(assoc, "is_established", True)  # as far as we know
            assert assoc.send_c_cancel(1, 1) is None
            monkeypatch.undo()


class _Enough(Exception):
    pass


def _leave_by_break(responses: Callable[[], Responses]) -> None:
    for _ in responses():
        break


def _leave_by_exception(responses: Callable[[], Responses]) -> None:
    with suppress(_Enough):
        for _ in responses():
            raise _Enough


def _leave_block(responses: Callable[[], Responses]) -> None:
    with responses() as found:
        next(found)
    assert list(found) == []


def _leave_block_by_exception(responses: Callable[[], Responses]) -> None:
    with suppress(_Enough), responses() as found:
        for _ in found:
            raise _Enough


def _close(responses: Callable[[], Responses]) -> None:
    found = responses()
    next(found)
    found.close()
    found.close()
    found.cancel()
    assert list(found) == []


def _forget(responses: Callable[[], Responses]) -> None:
    next(responses())


def _leave_to_the_garbage_collector(responses: Callable[[], Responses]) -> None:
    found = responses()
    next(found)
    circle: list[Any] = [found]
    circle.append(circle)
    del found, circle
    gc.collect()


class TestAbandoned:
    @pytest.mark.parametrize(
        "leave",
        [
            _leave_by_break,
            _leave_by_exception,
            _leave_block,
            _leave_block_by_exception,
            _close,
            _forget,
            _leave_to_the_garbage_collector,
        ],
    )
    def test_is_cancelled_and_drained(self, leave: Callable[[Any], None]) -> None:
        def script(peer: raw.Peer) -> None:
            request = peer.read_message()
            peer.send(*[answer(request, *PENDING)] * 3)
            expect_cancel(peer, request)
            peer.send(*[answer(request, *PENDING)] * 100, answer(request, 0xFE00))
            answer_echo(peer)
            answering((0x0000,))(peer)

        with asking(script, [ECHO, FIND]) as assoc:
            leave(lambda: assoc.send_c_find(patient(), FIND))
            assert assoc.send_c_echo().Status == 0x0000
            assert codes(assoc.send_c_find(patient(), FIND)) == [(0x0000, None)]

    def test_unread_end_needs_no_cancel(self) -> None:
        def script(peer: raw.Peer) -> None:
            answering(PENDING, (0x0000,))(peer)
            answer_echo(peer)

        log = EventLog("DIMSE_RECV")
        with asking(script, [ECHO, FIND], evt_handlers=log.bindings) as assoc:
            responses = assoc.send_c_find(patient(), FIND)
            next(responses)
            log.wait_for("DIMSE_RECV", 2)
            responses.close()
            assert assoc.send_c_echo().Status == 0x0000

    def test_released_with_responses_to_come(self) -> None:
        with asking(answering(PENDING), [FIND]) as assoc:
            with assoc.send_c_find(patient(), FIND) as responses:
                next(responses)
            assoc.release()
            assert assoc.is_released

    def test_peer_that_goes_on(self) -> None:
        """It does not end what was cancelled; nothing more can be asked of it."""

        def script(peer: raw.Peer) -> None:
            peer.accept()
            request = peer.read_message()
            peer.send(answer(request, *PENDING))
            expect_cancel(peer, request)
            peer.expect(raw.ABORT)

        ae = AE()
        ae.dimse_timeout = SOON
        with raw.serving(script) as server, association(server.port, [ECHO, FIND], ae) as assoc:
            with assoc.send_c_find(patient(), FIND) as responses:
                next(responses)
            assert assoc.send_c_echo() == Dataset()
            assert assoc.is_aborted


class TestManyAtATime:
    def test_slow_consumer_stops_the_reader(self) -> None:
        total, room, lengths = 40, 4, []

        def script(peer: raw.Peer) -> None:
            request = peer.read_message()
            for number in range(total):
                element = raw.data_element(0x0010, 0x0020, b"%02d" % number)
                peer.send(answer(request, 0xFF00, element))
            peer.send(answer(request))

        def note(event: Any) -> None:
            lengths.append(len(exchange.responses))

        ae = AE()
        ae.limits.unread_responses = room
        log = EventLog("DIMSE_RECV")
        with asking(script, [FIND], ae, evt_handlers=log.bindings) as assoc:
            responses = assoc.send_c_find(patient(), FIND)
            exchange: Any = responses._exchange
            assoc.bind(evt.EVT_DIMSE_RECV, note)
            log.wait_for("DIMSE_RECV", room)  # nobody takes any
            found = [identifier.PatientID for _, identifier in responses if identifier]
        assert found == [f"{number:02}" for number in range(total)]
        assert max(lengths) < room  # when one more came

    def test_thread_that_would_wait_for_itself(self) -> None:
        refused = threading.Event()

        def script(peer: raw.Peer) -> None:
            request = peer.read_message()
            peer.send(answer(request, *PENDING))
            assert refused.wait(raw.PATIENCE)
            peer.send(answer(request))
            answer_echo(peer)

        with asking(script, [ECHO, FIND]) as assoc:
            responses = assoc.send_c_find(patient(), FIND)
            next(responses)
            with pytest.raises(RuntimeError, match="while one of this thread is under way"):
                assoc.send_c_echo()
            refused.set()
            assert codes(responses) == [(0x0000, None)]
            assert assoc.send_c_echo().Status == 0x0000

    @pytest.mark.parametrize("window", [1, 2])
    def test_threads_have_their_own(self, start_scp: StartSCP, window: int) -> None:
        """Each has what it asked for, whether they take turns or not."""
        rounds, matches = 5, 7

        def find(event: Any) -> Iterator[tuple[int, Dataset]]:
            for number in range(matches):
                yield 0xFF00, patient(f"{event.identifier.PatientID}.{number}")

        results: dict[str, list[Any]] = {"a": [], "b": []}

        def ask(assoc: Association, name: str) -> None:
            for _ in range(rounds):
                results[name].append(codes(assoc.send_c_find(patient(name), FIND)))

        server = start_scp([FIND], [(evt.EVT_C_FIND, find)])
        with association(port_of(server), [FIND]) as assoc:
            assoc.dimse.exchanges.window = window
            threads = [threading.Thread(target=ask, args=(assoc, name)) for name in results]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join(raw.PATIENCE)
                assert not thread.is_alive()
        for name, found in results.items():
            pending = [(0xFF00, patient(f"{name}.{number}")) for number in range(matches)]
            assert found == [[*pending, (0x0000, None)]] * rounds

    def test_message_id_in_use(self) -> None:
        def script(peer: raw.Peer) -> None:
            first, second = peer.read_message(), peer.read_message()
            peer.send(answer(second, 0xA900), answer(first, 0xA700))

        with asking(script, [FIND]) as assoc:
            assoc.dimse.exchanges.window = 2
            first = assoc.send_c_find(patient(), FIND, 65535)
            second = assoc.send_c_find(patient(), FIND, 65535)
            assert first.message_id == 65535
            assert second.message_id != 65535
            assert codes(first) == [(0xA700, None)]
            assert codes(second) == [(0xA900, None)]


class TestAgainstOurselves:
    def test_matches(self, start_scp: StartSCP) -> None:
        def find(event: Any) -> Iterator[tuple[int, Dataset | None]]:
            for number in range(3):
                yield 0xFF00, patient(f"{event.identifier.PatientID}{number}")

        port = port_of(start_scp([FIND, CT], [(evt.EVT_C_FIND, find)]))
        with association(port, [CT, FIND]) as assoc:
            for _ in range(2):
                found = codes(assoc.send_c_find(patient("1"), FIND))
                pending = [(0xFF00, patient(number)) for number in ("10", "11", "12")]
                assert found == [*pending, (0x0000, None)]

    @pytest.mark.parametrize("abandon", [True, False])
    def test_cancelled(self, start_scp: StartSCP, abandon: bool) -> None:
        cancelled = threading.Event()

        def find(event: Any) -> Iterator[tuple[int, Dataset | None]]:
            for number in count():
                if event.is_cancelled:
                    cancelled.set()
                    yield 0xFE00, None
                    return
                yield 0xFF00, patient(str(number))

        port = port_of(start_scp([FIND, ECHO], [(evt.EVT_C_FIND, find)]))
        with association(port, [ECHO, FIND]) as assoc:
            responses = assoc.send_c_find(patient("1"), FIND)
            assert next(responses)[1] == patient("0")
            if abandon:
                responses.close()
            else:
                responses.cancel()
                assert codes(responses)[-1] == (0xFE00, None)
            assert assoc.send_c_echo().Status == 0x0000
        assert cancelled.wait(raw.PATIENCE)

    def test_peer_aborts_in_the_middle(self, start_scp: StartSCP) -> None:
        def find(event: Any) -> Iterator[tuple[int, Dataset | None]]:
            yield 0xFF00, patient()
            event.assoc.abort()

        port = port_of(start_scp([FIND], [(evt.EVT_C_FIND, find)]))
        with association(port, [FIND]) as assoc:
            found = codes(assoc.send_c_find(patient(), FIND))
            assert found == [(0xFF00, patient()), (None, None)]
            join(assoc)
            assert assoc.is_aborted
