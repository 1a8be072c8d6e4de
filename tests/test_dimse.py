"""Messages in and out of P-DATA, without an association or a socket."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from io import BytesIO
from itertools import pairwise
from pathlib import Path
from struct import pack
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pynetdicom import _config, dimse, evt, exchanges
from pynetdicom._spool import Spool
from pynetdicom.dimse import DIMSEServiceProvider
from pynetdicom.dimse_primitives import C_CANCEL, C_ECHO, C_FIND, C_STORE, N_GET
from pynetdicom.errors import UpperLayerError
from pynetdicom.limits import Limits
from pynetdicom.presentation import build_context
from tests.support import raw
from tests.support.laws import QUIET
from tests.support.sockets import Background
from tests.support.upper_layers import p_data
from tests.support.watch import names_in

ECHO, STORE = 1, 3
DATA_SET = raw.data_set()
Pdv = tuple[int, int, bytes]


class DUL:
    """What stands in for the upper layer.

    It keeps what is sent: for each call the PDUs, in one piece. Who waits gets one thing after
    the other to happen, until that is what was waited for.
    """

    def __init__(self) -> None:
        self.sent: list[bytes] = []
        self.error: BaseException | None = None
        self.happens: Iterator[Callable[[], object]] = iter(())
        self.until: float | None = None
        self.is_dispatching = False
        self.callers_told = self.watcher_told = self.wakes = 0

    def send_p_data(self, buffers: list[Any], more: bool) -> None:
        if self.error is not None:
            raise self.error
        self.sent.append(b"".join(buffers))

    def check_may_wait(self) -> None:
        if self.is_dispatching:
            raise RuntimeError("can't wait")

    def wait_until(self, done: Callable[[], object], until: float | None) -> bool:
        self.until = until
        while not done():
            happening = next(self.happens, None)
            if happening is None:
                return False
            happening()
        return True

    def tell_callers(self) -> None:
        self.callers_told += 1

    def wake(self) -> None:
        self.wakes += 1
        self.tell_callers()

    def tell_watcher(self) -> None:
        self.watcher_told += 1


class Association(evt.EventHandlers):
    """What stands in for the association, with two contexts, for echoes and for CT images."""

    def __init__(self, **limits: Any) -> None:
        self._init_handlers()
        self.ae = SimpleNamespace(limits=Limits(**limits))
        self.dul = DUL()
        self.dimse_timeout: float | None = 30.0
        self.remote_user = SimpleNamespace(maximum_length=16382)
        self.peer_maximum_length = 16382
        self.context_by_id = {
            ECHO: build_context(raw.VERIFICATION.decode(), raw.IMPLICIT.decode()),
            STORE: build_context(raw.CT_IMAGE.decode(), raw.EXPLICIT.decode()),
        }
        self.aborts: list[str] = []
        self.faults: list[str] = []
        self.dimse = DIMSEServiceProvider(self)  # type: ignore[arg-type]

    def abort(self, block: bool = True) -> None:
        assert not block
        self.aborts.append("user")

    def _abort_as_provider(self) -> None:
        self.aborts.append("provider")

    def _log_fault(self, message: str, *values: object) -> None:
        self.faults.append(message % ("PEER", *values))


@pytest.fixture
def assoc() -> Association:
    return Association()


@pytest.fixture
def spooling(tmp_path: Path) -> Association:
    """Return an association whose data sets go to files, whatever their length."""
    return Association(spool_threshold=0, spool_directory=str(tmp_path))


def echo(message_id: int = 7) -> C_ECHO:
    primitive = C_ECHO()
    primitive.MessageID = message_id
    primitive.AffectedSOPClassUID = raw.VERIFICATION.decode()
    return primitive


def store(data: bytes | None = DATA_SET, message_id: int = 7) -> C_STORE:
    primitive = C_STORE()
    primitive.MessageID = message_id
    primitive.AffectedSOPClassUID = raw.CT_IMAGE.decode()
    primitive.AffectedSOPInstanceUID = raw.INSTANCE.decode()
    if data is not None:
        primitive.DataSet = BytesIO(data)
    return primitive


def pdus_of(data: bytes) -> list[list[Pdv]]:
    """Return the P-DATA-TF PDUs in some bytes, each as its PDVs."""
    pdus = []
    while data:
        assert data[:2] == b"\x04\0"
        length = int.from_bytes(data[2:6], "big")
        body, data = data[6 : 6 + length], data[6 + length :]
        assert len(body) == length
        pdvs = []
        while body:
            end = 4 + int.from_bytes(body[:4], "big")
            pdvs.append((body[4], body[5], body[6:end]))
            body = body[end:]
        pdus.append(pdvs)
    return pdus


def pdvs_of(data: bytes) -> list[Pdv]:
    return [pdv for pdu in pdus_of(data) for pdv in pdu]


def sent_message(assoc: Association) -> raw.Message:
    """Return the one message that was sent, in however many calls."""
    pdvs = pdvs_of(b"".join(assoc.dul.sent))
    assert {pdv[0] for pdv in pdvs} == {pdvs[0][0]}
    kinds = [pdv[1] & raw.COMMAND for pdv in pdvs]
    assert kinds == sorted(kinds, reverse=True)
    parts: dict[int, bytes] = {}
    for is_command in set(kinds):
        run = [pdv for pdv in pdvs if pdv[1] & raw.COMMAND == is_command]
        assert [bool(pdv[1] & raw.LAST) for pdv in run] == [False] * (len(run) - 1) + [True]
        parts[is_command] = b"".join(pdv[2] for pdv in run)
    elements = raw.elements_of(parts[raw.COMMAND])
    assert elements.pop(0) == pack("<L", len(parts[raw.COMMAND]) - 12)  # the group length
    return raw.Message(pdvs[0][0], elements, parts.get(raw.DATA))


def command(elements: raw.Elements, context_id: int = ECHO) -> list[Pdv]:
    """Return the PDVs of a command set."""
    return [(context_id, raw.LAST_COMMAND, raw.command_set(elements))]


def data(content: bytes = DATA_SET, context_id: int = STORE) -> list[Pdv]:
    """Return the PDVs of a data set."""
    return [(context_id, raw.LAST, content)]


STORED = [*command(raw.store_rq(), STORE), *data()]


def receive(assoc: Association, *pdvs: Pdv) -> None:
    """Let the provider take PDVs, one by one; the buffer of each is used again."""
    for context_id, control, fragment in pdvs:
        buffer = bytearray(fragment)
        assert assoc.dimse.receive_pdvs([(context_id, control, memoryview(buffer))], 0) == 1
        buffer[:] = b"\xff" * len(buffer)


def the_fault(assoc: Association) -> str:
    """Return what was wrong with what was received; that must have led to one abort."""
    assert assoc.aborts == ["provider"]
    assert not assoc.dimse.in_message
    assert not assoc.dimse.requests
    (fault,) = assoc.faults
    return fault


class TestProperties:
    def test_are_those_of_the_association(self, assoc: Association) -> None:
        assert assoc.dimse.assoc is assoc
        assert assoc.dimse.dul is assoc.dul
        assert assoc.dimse.dimse_timeout == 30.0
        assert assoc.dimse.maximum_pdu_size == 16382


class TestSending:
    def test_without_data_set(self, assoc: Association) -> None:
        assoc.dimse.send_msg(echo(), ECHO)
        assert len(assoc.dul.sent) == 1
        assert sent_message(assoc) == (ECHO, raw.echo_rq(7), None)

    def test_response(self, assoc: Association) -> None:
        response = echo().response()
        response.Status = 0x0000
        assoc.dimse.send_msg(response, ECHO)
        assert sent_message(assoc) == (ECHO, raw.echo_rsp(7), None)

    def test_command_and_data_leave_together_in_pdus_of_their_own(self, assoc: Association) -> None:
        assoc.dimse.send_msg(store(), STORE)
        (sent,) = assoc.dul.sent
        assert [len(pdu) for pdu in pdus_of(sent)] == [1, 1]
        assert sent_message(assoc) == (STORE, raw.store_rq(7), DATA_SET)

    @pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
    def test_data_set_that_is_given(self, assoc: Association, kind: Any) -> None:
        assoc.dimse.send_msg(store(None), STORE, kind(DATA_SET))
        assert len(assoc.dul.sent) == 1
        assert sent_message(assoc) == (STORE, raw.store_rq(7), DATA_SET)

    def test_empty_data_set_where_there_must_be_one(self, assoc: Association) -> None:
        assoc.dimse.send_msg(store(b""), STORE)
        assert sent_message(assoc) == (STORE, raw.store_rq(7), b"")

    @pytest.mark.parametrize("length", [0, 1, 2, 99, 100, 101, 4096, 5001])
    @pytest.mark.parametrize("maximum", [0, 8, 9, 10, 11, 127, 128, 16382])
    def test_fragments_obey_the_peer_and_are_even(self, maximum: int, length: int) -> None:
        assoc = Association(output_length=1000)
        assoc.peer_maximum_length = maximum
        content = bytes(number % 251 for number in range(length))
        assoc.dimse.send_msg(store(None), STORE, content)
        assert sent_message(assoc) == (STORE, raw.store_rq(7), content)
        pdus = [pdu for sent in assoc.dul.sent for pdu in pdus_of(sent)]
        assert all(len(pdu) == 1 for pdu in pdus)
        sizes = [len(fragment) for ((_, _, fragment),) in pdus]
        assert all(size % 2 == 0 for size in sizes[:-1])
        if maximum:
            assert max(sizes) <= maximum - 6
            whole = (maximum - 6) & ~1
            # Only the last fragment of the command and that of the data set are short
            assert sum(size < whole for size in sizes) <= 2

    @pytest.mark.parametrize("maximum", [0, 127, 1000])
    @pytest.mark.parametrize("size", [1, 999, 1000])
    def test_long_data_set_leaves_piece_by_piece(self, maximum: int, size: int) -> None:
        assoc = Association(output_length=size)
        assoc.peer_maximum_length = maximum
        content = bytes(range(250)) * 17
        assoc.dimse.send_msg(store(None), STORE, content)
        assert sent_message(assoc).data == content
        amounts = [
            sum(len(pdv[2]) for pdv in pdvs_of(sent) if not pdv[1] & raw.COMMAND)
            for sent in assoc.dul.sent
        ]
        assert len(amounts) > 1
        assert max(amounts) <= max(size, (maximum - 6) & ~1, 2)

    @pytest.mark.parametrize("maximum", [1, 7])
    def test_peer_without_room_for_data(self, assoc: Association, maximum: int) -> None:
        assoc.peer_maximum_length = maximum
        with pytest.raises(UpperLayerError, match=f"maximum PDU length of {maximum} bytes"):
            assoc.dimse.send_msg(echo(), ECHO)
        assert not assoc.dul.sent

    def test_value_that_does_not_fit(self, assoc: Association) -> None:
        response = echo().response()
        response.Status = 0x10000
        with pytest.raises(ValueError, match="Status"):
            assoc.dimse.send_msg(response, ECHO)
        assert not assoc.dul.sent
        assert not assoc.aborts


class TestSendingPieces:
    def test_each_is_sent_before_the_next_is_asked_for(self, assoc: Association) -> None:
        sent_before = []

        def pieces() -> Iterator[tuple[bytes, bool]]:
            for piece in (b"one.", b"two.", b"last"):
                sent_before.append(len(assoc.dul.sent))
                yield piece, piece == b"last"

        assoc.dimse.send_msg(store(None), STORE, pieces())
        assert sent_before == [0, 1, 2]
        assert [len(pdus_of(sent)) for sent in assoc.dul.sent] == [2, 1, 1]
        assert sent_message(assoc) == (STORE, raw.store_rq(7), b"one.two.last")

    def test_failure_of_the_first_changes_nothing(self, assoc: Association) -> None:
        def pieces() -> Iterator[tuple[bytes, bool]]:
            raise OSError("unreadable")
            yield b"", True

        with pytest.raises(OSError, match="unreadable"):
            assoc.dimse.send_msg(store(None), STORE, pieces())
        assert not assoc.dul.sent
        assert not assoc.aborts
        assoc.dimse.send_msg(echo(), ECHO)
        assert sent_message(assoc).context_id == ECHO

    def test_failure_in_the_middle_aborts(self, assoc: Association) -> None:
        """The peer has part of a message, and would take the next one for the rest of it."""

        def pieces() -> Iterator[tuple[bytes, bool]]:
            yield b"part", False
            raise OSError("the file became shorter")

        with pytest.raises(OSError, match="shorter"):
            assoc.dimse.send_msg(store(None), STORE, pieces())
        assert len(assoc.dul.sent) == 1
        assert assoc.aborts == ["user"]

    def test_connection_that_is_gone_is_left_to_the_caller(self, assoc: Association) -> None:
        def pieces() -> Iterator[tuple[bytes, bool]]:
            yield b"part", False
            assoc.dul.error = UpperLayerError("no connection")
            yield b"last", True

        with pytest.raises(UpperLayerError, match="no connection"):
            assoc.dimse.send_msg(store(None), STORE, pieces())
        assert not assoc.aborts


class TestOneMessageAtATime:
    def test_messages_of_two_threads_do_not_mix(self, assoc: Association) -> None:
        second: list[Background[None]] = []

        def pieces() -> Iterator[tuple[bytes, bool]]:
            yield b"part", False
            second.append(Background(assoc.dimse.send_msg, echo(), ECHO))
            yield b"last", True

        assoc.dimse.send_msg(store(None), STORE, pieces())
        second[0].result()
        contexts = [pdv[0] for sent in assoc.dul.sent for pdv in pdvs_of(sent)]
        assert contexts == [STORE, STORE, STORE, ECHO]

    def test_no_message_in_the_middle_of_another(self, assoc: Association) -> None:
        def pieces() -> Iterator[tuple[bytes, bool]]:
            with pytest.raises(RuntimeError, match="in the middle of another"):
                assoc.dimse.send_msg(echo(), ECHO)
            yield b"all", True

        assoc.dimse.send_msg(store(None), STORE, pieces())
        assert sent_message(assoc).data == b"all"


class TestEvents:
    def test_sent(self, assoc: Association) -> None:
        messages = []

        def handle(event: evt.Event) -> None:
            messages.append(event.message)
            assert not assoc.dul.sent

        assoc.bind(evt.EVT_DIMSE_SENT, handle)
        assoc.dimse.send_msg(store(), STORE)
        (message,) = messages
        assert type(message).__name__ == "C_STORE_RQ"
        assert message.context_id == STORE
        assert message.command_set.MessageID == 7
        assert message.data_set.getvalue() == DATA_SET

    def test_sent_in_pieces(self, assoc: Association) -> None:
        messages = []
        assoc.bind(evt.EVT_DIMSE_SENT, lambda event: messages.append(event.message))
        assoc.dimse.send_msg(store(None), STORE, [(b"all", True)])
        assert messages[0].command_set.CommandDataSetType != raw.NO_DATA_SET
        assert messages[0].data_set.getvalue() == b""

    def test_received(self, assoc: Association) -> None:
        messages = []

        def handle(event: evt.Event) -> None:
            messages.append(event.message)
            assert not assoc.dimse.requests

        assoc.bind(evt.EVT_DIMSE_RECV, handle)
        receive(assoc, *STORED)
        (message,) = messages
        assert type(message).__name__ == "C_STORE_RQ"
        assert message.context_id == STORE
        assert message.data_set.getvalue() == DATA_SET
        assert assoc.dimse.requests

    def test_received_c_cancel(self, assoc: Association) -> None:
        messages = []
        assoc.bind(evt.EVT_DIMSE_RECV, lambda event: messages.append(event.message))
        receive(assoc, *command(raw.cancel_rq(5)))
        assert type(messages[0]).__name__ == "C_CANCEL_RQ"

    def test_nothing_is_made_for_nobody(
        self, assoc: Association, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def refuse(*args: Any) -> Any:
            raise AssertionError("nobody asked for a message")

        monkeypatch.setattr(dimse.DIMSEMessage, "_from_parts", refuse)
        assoc.dimse.send_msg(echo(), ECHO)
        receive(assoc, *command(raw.echo_rq()))
        assert assoc.dimse.requests
        assert not assoc.aborts

    def test_handler_that_sends_while_a_request_is_under_way(
        self, assoc: Association, caplog: pytest.LogCaptureFixture
    ) -> None:
        def handle(event: evt.Event) -> None:
            assoc.dimse.begin(echo(8), ECHO)

        assoc.bind(evt.EVT_DIMSE_SENT, handle)
        assoc.dimse.begin(echo(), ECHO)
        assert "no request can be sent while one of this thread is under way" in caplog.text
        assert sent_message(assoc) == (ECHO, raw.echo_rq(7), None)


def segmented(draw: st.DrawFn, context_id: int, control: int, content: bytes) -> list[Pdv]:
    """Return some way to cut a command or data set; there may be empty fragments."""
    cuts = draw(st.lists(st.integers(0, len(content)), max_size=6).map(sorted))
    bounds = [0, *cuts, len(content)]
    last = len(bounds) - 2
    return [
        (context_id, control | (raw.LAST if number == last else 0), content[start:end])
        for number, (start, end) in enumerate(pairwise(bounds))
    ]


@st.composite
def conversations(draw: st.DrawFn) -> tuple[list[bytes | None], list[list[Pdv]]]:
    """Return the data sets of some requests, and their PDVs in some number of P-DATA-TFs."""
    contents = draw(st.lists(st.none() | st.binary(max_size=300), min_size=1, max_size=5))
    pdvs: list[Pdv] = []
    for number, content in enumerate(contents):
        if content is None:
            command_set = raw.command_set(raw.echo_rq(number))
            pdvs += segmented(draw, ECHO, raw.COMMAND, command_set)
        else:
            command_set = raw.command_set(raw.store_rq(number))
            pdvs += segmented(draw, STORE, raw.COMMAND, command_set)
            pdvs += segmented(draw, STORE, raw.DATA, content)
    cuts = [0, *draw(st.lists(st.integers(0, len(pdvs)), max_size=8).map(sorted)), len(pdvs)]
    return contents, [pdvs[a:b] for a, b in pairwise(cuts)]


class TestReceiving:
    def test_request(self, assoc: Association) -> None:
        receive(assoc, *command(raw.echo_rq(9)))
        assert assoc.dul.watcher_told == 1
        context_id, request = assoc.dimse.requests[0]
        assert context_id == ECHO
        assert isinstance(request, C_ECHO)
        assert (request.MessageID, request.AffectedSOPClassUID) == (9, raw.VERIFICATION.decode())

    def test_request_with_data_set(self, assoc: Association) -> None:
        receive(assoc, STORED[0])
        assert assoc.dimse.in_message
        assert not assoc.dimse.requests
        receive(assoc, STORED[1])
        assert not assoc.dimse.in_message
        context_id, request = assoc.dimse.requests[0]
        assert context_id == STORE
        assert isinstance(request, C_STORE)
        assert request.DataSet is not None
        assert request.DataSet.getvalue() == DATA_SET

    @QUIET
    @given(conversations())
    def test_any_segmentation(
        self, conversation: tuple[list[bytes | None], list[list[Pdv]]]
    ) -> None:
        contents, batches = conversation
        assoc = Association()
        for batch in batches:
            assoc.dimse.receive_primitive(p_data(*batch))
        assert not assoc.aborts
        assert not assoc.dimse.in_message
        received: list[bytes | None] = []
        while (entry := assoc.dimse.next_request()) is not None:
            assert entry[1].MessageID == len(received)
            stream = getattr(entry[1], "DataSet", None)
            assert entry[0] == (ECHO if stream is None else STORE)
            received.append(None if stream is None else stream.getvalue())
        assert received == contents

    def test_reserved_bits_of_the_control_header_mean_nothing(self, assoc: Association) -> None:
        receive(assoc, *[(cx, control | 0xFC, content) for cx, control, content in STORED])
        assert len(assoc.dimse.requests) == 1

    def test_context_of_the_other_message(self, assoc: Association) -> None:
        receive(assoc, *STORED, *command(raw.echo_rq()), *STORED)
        assert [context_id for context_id, _ in assoc.dimse.requests] == [STORE, ECHO, STORE]

    def test_file_head_is_that_of_the_message(self, spooling: Association, tmp_path: Path) -> None:
        receive(spooling, *STORED)
        (path,) = tmp_path.iterdir()
        content = path.read_bytes()
        assert content[128:132] == b"DICM"
        assert content.endswith(DATA_SET)
        for uid in (raw.CT_IMAGE, raw.INSTANCE, raw.EXPLICIT):
            assert uid in content[: -len(DATA_SET)]
        spooling.dimse.discard()

    def test_file_head_without_the_uids(self, spooling: Association, tmp_path: Path) -> None:
        elements = raw.without(raw.store_rq(), raw.SOP_CLASS, raw.SOP_INSTANCE)
        receive(spooling, *command(elements, STORE), *data())
        (path,) = tmp_path.iterdir()
        assert path.read_bytes().endswith(DATA_SET)
        spooling.dimse.discard()
        assert names_in(tmp_path) == []

    def test_chunked_data_sets_of_stores_only(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(_config, "STORE_RECV_CHUNKED_DATASET", True)
        assoc = Association(spool_directory=str(tmp_path))
        receive(assoc, *command(find_rq(), STORE), *data(b"identifier"))
        assert names_in(tmp_path) == []
        receive(assoc, *STORED)
        assert len(names_in(tmp_path)) == 1
        assoc.dimse.discard()


def find_rq(message_id: int = 1) -> dict[int, bytes]:
    """Return the command set of a C-FIND request."""
    return raw.without(raw.store_rq(message_id), raw.SOP_INSTANCE) | {
        raw.COMMAND_FIELD: raw.us(0x0020)
    }


def kept_spools(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Return the spools made from now on; so none is discarded only because it is forgotten."""
    spools: list[Any] = []

    def make(*args: Any) -> Any:
        spools.append(Spool(*args))
        return spools[-1]

    monkeypatch.setattr(dimse, "Spool", make)
    return spools


class TestRefused:
    """What breaks the rules ends the association, once and whatever follows it."""

    @pytest.mark.parametrize(
        ("pdvs", "reason"),
        [
            (data(context_id=ECHO), "without a complete command set"),
            ([(STORE, raw.COMMAND, b"\0\0"), *data()], "without a complete command set"),
            ([STORED[0], (STORE, raw.DATA, b"a"), STORED[0]], "command fragment within the data"),
            ([STORED[0], *data(context_id=ECHO)], "context 3 goes on in context 1"),
            (
                [STORED[0], (STORE, raw.DATA, b"a"), *data(context_id=ECHO)],
                "context 3 goes on in context 1",
            ),
            ([*STORED, *data()], "without a complete command set"),
            ([(STORE, raw.COMMAND, b""), *command(raw.echo_rq())], "goes on in context 1"),
            (command(raw.echo_rq(), 5), "context 5 has not been accepted"),
            ([(ECHO, raw.LAST_COMMAND, b"")], "no CommandField"),
            ([(ECHO, raw.LAST_COMMAND, b"\0\0\0")], "no whole element"),
            (command(raw.echo_rsp(7)), "C-ECHO response to no request of ours"),
            (command(raw.without(raw.echo_rsp(7), raw.RESPONDED_TO)), "To None"),
            (command(raw.echo_rsp() | {raw.COMMAND_FIELD: raw.us(0x8ABC)}), "0x8ABC"),
        ],
        ids=lambda value: value if isinstance(value, str) else "",
    )
    @pytest.mark.parametrize("at_once", [True, False])
    def test_messages(
        self, assoc: Association, pdvs: list[Pdv], reason: str, at_once: bool
    ) -> None:
        receive(assoc, *command(raw.echo_rq()))
        if at_once:
            assoc.dimse.receive_primitive(p_data(*pdvs, *command(raw.echo_rq(2))))
        else:
            receive(assoc, *pdvs)
        assert reason in the_fault(assoc)

    @pytest.mark.parametrize("sizes", [(65536,), (65535, 1), (1,) * 65536])
    def test_longest_command_set(self, sizes: tuple[int, ...]) -> None:
        assoc = Association()
        for size in sizes:
            receive(assoc, (ECHO, raw.COMMAND, bytes(size)))
        assert not assoc.aborts
        receive(assoc, (ECHO, raw.COMMAND, b"\0"))
        assert "longer than 65536 bytes" in the_fault(assoc)

    @pytest.mark.parametrize(
        ("elements", "limits"),
        [(raw.store_rq(), {"store_data_length": 10}), (find_rq(), {"data_set_length": 10})],
        ids=["C-STORE", "others"],
    )
    def test_longest_data_set(self, elements: dict[int, bytes], limits: dict[str, int]) -> None:
        assoc = Association(**limits)
        receive(assoc, *command(elements, STORE), *data(b"0123456789"))
        assert len(assoc.dimse.requests) == 1
        receive(assoc, *command(elements, STORE), (STORE, raw.DATA, b"01234567"))
        assert not assoc.aborts
        receive(assoc, *data(b"8901"))
        assert "longer than the limit of 10 bytes" in the_fault(assoc)

    def test_limits_of_others_do_not_matter(self) -> None:
        assoc = Association(store_data_length=None, data_set_length=4)
        receive(assoc, *STORED)
        assert len(assoc.dimse.requests) == 1

    @pytest.mark.parametrize(
        "end",
        [
            pytest.param([(STORE, raw.DATA, b"more"), STORED[0]], id="fault in the data set"),
            pytest.param([*data(context_id=ECHO)], id="another context"),
        ],
    )
    def test_files_are_removed(
        self,
        spooling: Association,
        tmp_path: Path,
        end: list[Pdv],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        spools = kept_spools(monkeypatch)
        receive(spooling, *STORED, STORED[0], (STORE, raw.DATA, b"begin"))
        assert len(names_in(tmp_path)) == 2
        receive(spooling, *end)
        assert spooling.aborts == ["provider"]
        assert len(spools) == 2
        assert names_in(tmp_path) == []

    def test_file_of_a_response_to_no_request_is_removed(
        self, spooling: Association, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        spools = kept_spools(monkeypatch)
        elements = find_rq() | {raw.COMMAND_FIELD: raw.us(0x8020), raw.RESPONDED_TO: raw.us(1)}
        receive(spooling, *command(elements, STORE), *data())
        assert "C-FIND response to no request" in the_fault(spooling)
        assert len(spools) == 1
        assert names_in(tmp_path) == []

    def test_no_room_for_a_file(self, tmp_path: Path) -> None:
        """The message is handed out, and whoever asks for the data set is told."""
        folder = tmp_path / "missing"
        assoc = Association(spool_threshold=0, spool_directory=str(folder))
        receive(assoc, *STORED)
        assert not assoc.aborts
        (fault,) = assoc.faults
        assert fault.startswith(
            f"Data set received from PEER can't be written to a temporary file: {folder}: "
        )
        ((_, request),) = assoc.dimse.requests
        assert isinstance(request, C_STORE)
        with pytest.raises(FileNotFoundError):
            request.DataSet  # noqa: B018

    def test_file_that_can_not_be_closed(
        self, spooling: Association, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fail(self: Any) -> None:
            raise OSError("quota exceeded")

        spools = kept_spools(monkeypatch)
        monkeypatch.setattr(Spool, "close", fail)
        receive(spooling, *STORED)
        assert not spooling.aborts
        assert "quota exceeded" in spooling.faults[0]
        (spool,) = spools
        assert str(spool.error) == "quota exceeded"
        assert names_in(tmp_path) == []
        assert len(spooling.dimse.requests) == 1

    @pytest.mark.parametrize("error", [ZeroDivisionError, KeyboardInterrupt])
    def test_exception_of_any_kind(
        self, assoc: Association, error: type[BaseException], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fail(command: Any) -> Any:
            raise error

        monkeypatch.setattr(dimse, "decode_command", fail)
        with pytest.raises(error):
            receive(assoc, *command(raw.echo_rq()))
        assert assoc.aborts == ["provider"]
        assert not assoc.dimse.in_message


class TestUnknownRequests:
    """PS3.7 C.5.23."""

    UNKNOWN = raw.echo_rq(9) | {raw.COMMAND_FIELD: raw.us(0x0ABC)}

    def test_is_answered_in_its_turn(self, assoc: Association) -> None:
        receive(assoc, *command(raw.echo_rq(1)), *command(self.UNKNOWN), *command(raw.echo_rq(2)))
        assert not assoc.dul.sent
        assert assoc.faults == ["Request from PEER with the unknown command field 0x0ABC"]
        first = assoc.dimse.next_request()
        assert first is not None
        assert first[1].MessageID == 1
        assert not assoc.dul.sent
        second = assoc.dimse.next_request()
        assert second is not None
        assert second[1].MessageID == 2
        context_id, elements, content = sent_message(assoc)
        assert (context_id, content) == (ECHO, None)
        assert elements == {
            raw.SOP_CLASS: raw.ui(raw.VERIFICATION),
            raw.COMMAND_FIELD: raw.us(0x8ABC),
            raw.RESPONDED_TO: raw.us(9),
            raw.DATA_SET_TYPE: raw.us(raw.NO_DATA_SET),
            raw.STATUS: raw.us(0x0211),
        }
        assert not assoc.aborts

    def test_its_data_set_is_thrown_away(
        self, spooling: Association, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        elements = self.UNKNOWN | {raw.DATA_SET_TYPE: raw.us(raw.HAS_DATA_SET)}
        spools = kept_spools(monkeypatch)
        receive(spooling, *command(elements, STORE), *data())
        assert len(spools) == 1
        assert names_in(tmp_path) == []
        assert spooling.dimse.next_request() is None
        assert sent_message(spooling).status == 0x0211

    def test_sending_does_not_depend_on_who_reads(self, assoc: Association) -> None:
        """Who sends may read meanwhile, and what comes then can't be answered at once."""

        def pieces() -> Iterator[tuple[bytes, bool]]:
            yield b"part", False
            receive(assoc, *command(self.UNKNOWN))
            yield b"last", True

        assoc.dimse.send_msg(store(None), STORE, pieces())
        assert sent_message(assoc).data == b"partlast"
        assoc.dul.sent.clear()
        assert assoc.dimse.next_request() is None
        assert sent_message(assoc).status == 0x0211

    def test_they_count_as_requests_that_wait(self) -> None:
        assoc = Association(unserved_requests=2)
        pdvs = command(self.UNKNOWN) * 3
        assert assoc.dimse.receive_pdvs(pdvs, 0) == 2
        assert not assoc.dimse.has_room()
        assert assoc.dimse.next_request() is None
        assert len(pdvs_of(b"".join(assoc.dul.sent))) == 2

    @pytest.mark.parametrize("maximum", [7, 16382])
    def test_answer_that_can_not_be_sent(
        self, assoc: Association, maximum: int, caplog: pytest.LogCaptureFixture
    ) -> None:
        assoc.peer_maximum_length = maximum
        assoc.dul.error = UpperLayerError("no connection")
        receive(assoc, *command(self.UNKNOWN))
        with caplog.at_level(logging.INFO):
            assert assoc.dimse.next_request() is None
        assert "No answer to the unknown request" in caplog.text

    def test_nobody_else_sees_them(self, assoc: Association) -> None:
        receive(assoc, *command(self.UNKNOWN))
        assert assoc.dimse.peek_msg() == (None, None)
        receive(assoc, *command(raw.echo_rq(3)))
        context_id, request = assoc.dimse.peek_msg()
        assert context_id == ECHO
        assert request is not None
        assert request.MessageID == 3
        assert len(assoc.dimse.requests) == 2


def find(message_id: int = 2) -> C_FIND:
    """Return a C-FIND request."""
    request = C_FIND()
    request.MessageID = message_id
    request.AffectedSOPClassUID = raw.CT_IMAGE.decode()
    return request


def find_rsp(message_id: int = 2, status: int = 0xFF00) -> dict[int, bytes]:
    """Return the command set of a response to it."""
    return find_rq() | {
        raw.COMMAND_FIELD: raw.us(0x8020),
        raw.RESPONDED_TO: raw.us(message_id),
        raw.STATUS: raw.us(status),
    }


def match(message_id: int = 2, status: int = 0xFF00) -> list[Pdv]:
    """Return a C-FIND response with an identifier."""
    return [*command(find_rsp(message_id, status), STORE), *data(b"match")]


def final(message_id: int = 2, status: int = 0x0000) -> list[Pdv]:
    """Return a C-FIND response without one."""
    return [*command(raw.without(find_rsp(message_id, status), raw.DATA_SET_TYPE) | NO_DATA, STORE)]


NO_DATA = {raw.DATA_SET_TYPE: raw.us(0x0101)}


class TestExchange:
    def test_request_and_response(self, assoc: Association) -> None:
        exchange = assoc.dimse.begin(echo(7), ECHO)
        assert sent_message(assoc) == (ECHO, raw.echo_rq(7), None)
        assert (exchange.message_id, exchange.context_id) == (7, ECHO)
        assert exchange.response_field == 0x8030
        assert not exchange.is_over
        receive(assoc, *command(raw.echo_rsp(7, 0xA700)))
        assert assoc.dul.callers_told == 1
        assert exchange.is_over
        response = exchange.next(None)
        assert isinstance(response, C_ECHO)
        assert response.Status == 0xA700
        assert exchange.next(None) is None
        assert not assoc.dimse.requests
        assert not assoc.aborts

    def test_response_with_data_set(self, assoc: Association) -> None:
        exchange = assoc.dimse.begin(find(), STORE, b"identifier")
        assert sent_message(assoc).data == b"identifier"
        receive(assoc, *match())
        response = exchange.next(None)
        assert isinstance(response, C_FIND)
        assert response.Identifier is not None
        assert response.Identifier.getvalue() == b"match"
        assert not exchange.is_over

    def test_responses_until_one_is_not_pending(self, assoc: Association) -> None:
        exchange = assoc.dimse.begin(find(), STORE, b"identifier")
        receive(assoc, *match(status=0xFF00), *match(status=0xFF01), *final())
        assert exchange.is_over
        statuses = [response.Status for response in iter(lambda: exchange.next(None), None)]
        assert statuses == [0xFF00, 0xFF01, 0x0000]
        receive(assoc, *match())
        assert "response to no request of ours" in the_fault(assoc)

    def test_further_status_that_is_not_the_last(self, assoc: Association) -> None:
        exchange = assoc.dimse.begin(find(), STORE, b"identifier", frozenset({0xB001}))
        receive(assoc, *match(), *final(status=0xB001))
        assert not exchange.is_over
        receive(assoc, *final())
        assert exchange.is_over

    @pytest.mark.parametrize(("timeout", "until"), [(None, None), (5.0, 105.0)])
    def test_waiting(
        self,
        assoc: Association,
        timeout: float | None,
        until: float | None,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr(exchanges, "monotonic", lambda: 100.0)
        exchange = assoc.dimse.begin(echo(7), ECHO)
        assoc.dul.happens = iter(
            [
                lambda: receive(assoc, *command(raw.echo_rq(1))),
                lambda: receive(assoc, *command(raw.echo_rsp(7))),
            ]
        )
        response = exchange.next(timeout)
        assert response is not None
        assert response.Status == 0x0000
        assert assoc.dul.until == until
        assert len(assoc.dimse.requests) == 1

    def test_nothing_comes(self, assoc: Association) -> None:
        assert assoc.dimse.begin(echo(7), ECHO).next(1.0) is None

    def test_association_ends(self, assoc: Association) -> None:
        exchange = assoc.dimse.begin(echo(7), ECHO)
        assoc.dul.happens = iter([assoc.dimse.exchanges.end, lambda: pytest.fail("more")])
        assert exchange.next(None) is None
        assert exchange.is_over
        assert assoc.dul.callers_told
        with pytest.raises(UpperLayerError, match="is over"):
            assoc.dimse.begin(echo(8), ECHO)

    @pytest.mark.parametrize(
        ("elements", "context_id"),
        [
            (raw.echo_rsp(8), ECHO),
            (raw.store_rsp(7), ECHO),
            (raw.echo_rsp(7), STORE),
            (raw.without(raw.echo_rsp(7), raw.RESPONDED_TO), ECHO),
        ],
        ids=["message ID", "command field", "context", "no message ID"],
    )
    def test_response_that_does_not_match(
        self, assoc: Association, elements: dict[int, bytes], context_id: int
    ) -> None:
        exchange = assoc.dimse.begin(echo(7), ECHO)
        receive(assoc, *command(elements, context_id))
        assert not exchange.responses
        assert "response to no request of ours" in the_fault(assoc)

    def test_message_id_that_is_missing_is_0(self, assoc: Association) -> None:
        exchange = assoc.dimse.begin(C_ECHO(), ECHO)
        receive(assoc, *command(raw.echo_rsp(0)))
        assert exchange.next(None)

    def test_request_that_can_not_be_sent(self, assoc: Association) -> None:
        assoc.dul.error = UpperLayerError("no connection")
        with pytest.raises(UpperLayerError):
            assoc.dimse.begin(echo(), ECHO)
        assoc.dul.error = None
        assoc.dimse.begin(echo(), ECHO)

    def test_not_by_who_reads(self, assoc: Association) -> None:
        assoc.dul.is_dispatching = True
        with pytest.raises(RuntimeError, match="can't wait"):
            assoc.dimse.begin(echo(), ECHO)
        assert not assoc.dul.sent


class TestWindow:
    """PS3.7 D.3.3.3: without a negotiated window there is one outstanding operation."""

    def test_one_at_a_time(self, assoc: Association) -> None:
        first = Background(lambda: assoc.dimse.begin(echo(7), ECHO)).result()
        sent = []

        def answer() -> None:
            sent.append(len(assoc.dul.sent))
            receive(assoc, *command(raw.echo_rsp(7)))

        assoc.dul.happens = iter([answer])
        second = assoc.dimse.begin(echo(8), ECHO)
        assert assoc.dul.until is None  # the other thread sees to it that it ends
        assert sent == [1]
        assert len(assoc.dul.sent) == 2
        assert first.is_over
        assert not second.is_over

    def test_not_twice_by_one_thread(self, assoc: Association) -> None:
        assoc.dimse.begin(echo(7), ECHO)
        with pytest.raises(RuntimeError, match="while one of this thread is under way"):
            assoc.dimse.begin(echo(8), ECHO)
        assert sent_message(assoc).elements == raw.echo_rq(7)

    def test_of_several(self, assoc: Association) -> None:
        assoc.dimse.exchanges.window = 3
        exchanges = [assoc.dimse.begin(echo(number), ECHO) for number in (5, 6, 7)]
        with pytest.raises(RuntimeError, match="under way"):
            assoc.dimse.begin(echo(8), ECHO)
        receive(assoc, *command(raw.echo_rsp(6, 0xA700)))
        assert [exchange.is_over for exchange in exchanges] == [False, True, False]
        assoc.dimse.begin(echo(8), ECHO)
        assert exchanges[1].next(None).Status == 0xA700  # type: ignore[union-attr]

    def test_message_id_that_is_in_use(self, assoc: Association) -> None:
        """It gets the next that is free; after 65535 comes 1."""
        assoc.dimse.exchanges.window = 10
        numbers = []
        for number in (65534, 65534, 65534, 1, 0):
            request = echo(number)
            assert assoc.dimse.begin(request, ECHO).message_id == request.MessageID
            numbers.append(request.MessageID)
        assert numbers == [65534, 65535, 1, 2, 0]

    def test_response_that_is_not_taken(self, assoc: Association) -> None:
        """It is the peer's turn that counts, not that of who takes the responses."""
        first = assoc.dimse.begin(find(2), STORE, b"identifier")
        receive(assoc, *match(2), *final(2))
        second = assoc.dimse.begin(echo(7), ECHO)
        receive(assoc, *command(raw.echo_rsp(7)))
        assert second.next(None)
        assert len(first.responses) == 2

    def test_queue_of_responses_is_bounded(self) -> None:
        assoc = Association(unread_responses=2)
        exchange = assoc.dimse.begin(find(2), STORE, b"identifier")
        pdvs = match(2) * 3
        assert assoc.dimse.receive_pdvs(pdvs, 0) == 4
        assert not assoc.dimse.has_room()
        told = assoc.dul.callers_told
        assert exchange.next(None)
        assert assoc.dul.callers_told == told + 1
        assert assoc.dimse.has_room()

    def test_queue_of_who_asks_for_more_is_not(self) -> None:
        """Who waits for something else would not take what holds that up."""
        assoc = Association(unread_responses=2)
        assoc.dimse.exchanges.window = 2
        assoc.dimse.begin(find(2), STORE, b"identifier")
        receive(assoc, *match(2), *match(2))
        assert not assoc.dimse.has_room()
        assoc.dimse.begin(echo(7), ECHO)
        assert assoc.dimse.has_room()


class TestAbandon:
    def test_is_cancelled_by_the_next_who_can(self, assoc: Association) -> None:
        exchange = assoc.dimse.begin(find(2), STORE, b"identifier")
        receive(assoc, *match(2))
        exchange.abandon()
        exchange.abandon()
        assert len(assoc.dul.sent) == 1  # for it must not wait
        assert assoc.dimse.exchanges.to_cancel
        assert assoc.dul.wakes
        assoc.dul.sent.clear()
        assoc.dimse.exchanges.send_cancels()
        assert sent_message(assoc) == (STORE, raw.cancel_rq(2), None)
        assert not assoc.dimse.exchanges.to_cancel
        assoc.dul.sent.clear()
        assoc.dimse.exchanges.send_cancels()
        exchange.cancel()
        assert not assoc.dul.sent

    def test_what_still_comes_is_dropped(self, spooling: Association, tmp_path: Path) -> None:
        exchange = spooling.dimse.begin(find(2), STORE, b"identifier")
        receive(spooling, *match(2))
        assert len(names_in(tmp_path)) == 1
        exchange.abandon()
        receive(spooling, *match(2), *match(2))
        assert names_in(tmp_path) == []
        assert not exchange.responses
        assert not exchange.is_over
        receive(spooling, *final(2, 0xFE00))
        assert exchange.is_over
        assert not spooling.aborts

    def test_what_is_over(self, assoc: Association) -> None:
        exchange = assoc.dimse.begin(find(2), STORE, b"identifier")
        receive(assoc, *match(2), *final(2))
        exchange.abandon()
        assert not assoc.dimse.exchanges.to_cancel
        assert not exchange.responses
        exchange.cancel()
        assert len(assoc.dul.sent) == 1

    def test_what_can_not_be_cancelled(self, assoc: Association) -> None:
        exchange = assoc.dimse.begin(echo(7), ECHO)
        exchange.abandon()
        assoc.dimse.exchanges.send_cancels()
        assert len(assoc.dul.sent) == 1
        receive(assoc, *command(raw.echo_rsp(7)))
        assert exchange.is_over

    def test_the_next_request_waits_for_its_end(self, assoc: Association) -> None:
        assoc.dimse.begin(find(2), STORE, b"identifier").abandon()
        assoc.dul.happens = iter(
            [lambda: receive(assoc, *match(2)), lambda: receive(assoc, *final(2, 0xFE00))]
        )
        assoc.dul.sent.clear()
        exchange = assoc.dimse.begin(echo(7), ECHO)
        assert len(assoc.dul.sent) == 2  # the C-CANCEL and the C-ECHO
        assert not exchange.is_over

    def test_peer_that_does_not_end_it(
        self, assoc: Association, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(exchanges, "monotonic", lambda: 100.0)
        assoc.dimse.begin(find(2), STORE, b"identifier").abandon()
        with pytest.raises(UpperLayerError, match="not ended a cancelled operation"):
            assoc.dimse.begin(echo(7), ECHO)
        assert assoc.dul.until == 130.0

    def test_association_that_is_over(self, assoc: Association) -> None:
        exchange = assoc.dimse.begin(find(2), STORE, b"identifier")
        exchange.abandon()
        assoc.dul.error = UpperLayerError("no connection")
        assoc.dimse.exchanges.send_cancels()
        assert not assoc.dimse.exchanges.to_cancel


class TestStandIns:
    """Threads that serve requests while they wait for the responses to a C-GET."""

    def test_others_get_no_request(self, assoc: Association) -> None:
        receive(assoc, *command(raw.echo_rq(1)), *command(raw.echo_rq(2)))
        with assoc.dimse.standing_in():
            assert Background(assoc.dimse.next_request).result() is None
            assert assoc.dimse.next_request() is not None
        assert Background(assoc.dimse.next_request).result() is not None

    def test_own_thread_is_not_called_meanwhile(self, assoc: Association) -> None:
        with assoc.dimse.standing_in():
            receive(assoc, *command(raw.echo_rq(1)))
            assert assoc.dul.watcher_told == 0
        assert assoc.dul.watcher_told == 1  # for what is left
        assert assoc.dul.wakes == 1

    def test_several(self, assoc: Association) -> None:
        """The first may leave before the second does."""
        first, second = assoc.dimse.standing_in(), assoc.dimse.standing_in()
        first.__enter__()
        Background(second.__enter__).result()
        other = assoc.dimse.stand_ins[1]
        first.__exit__(None, None, None)
        assert assoc.dimse.stand_ins == [other]

    def test_unknown_request_is_not_served(self, assoc: Association) -> None:
        """And so it does not count as the one with Message ID 0."""
        assoc.dimse.serving.add(0)
        receive(assoc, *command(TestUnknownRequests.UNKNOWN))
        assert assoc.dimse.next_request() is None
        assert assoc.dimse.serving == {0}


class TestCancel:
    """PS3.7 9.3.2.3."""

    def test_of_the_request_that_is_served(self, assoc: Association) -> None:
        assoc.dimse.serving.add(5)
        receive(assoc, *command(raw.cancel_rq(5)))
        assert assoc.dimse.cancelled == {5}
        assert not assoc.dimse.requests

    def test_of_a_request_that_waits(self, assoc: Association) -> None:
        receive(assoc, *command(raw.echo_rq(4)), *command(raw.echo_rq(5)))
        receive(assoc, *command(raw.cancel_rq(5)))
        assert assoc.dimse.cancelled == {5}
        assert len(assoc.dimse.requests) == 2

    def test_of_a_request_that_is_taken(self, assoc: Association) -> None:
        receive(assoc, *command(raw.echo_rq(4)))
        assert assoc.dimse.next_request() is not None
        assert assoc.dimse.serving == {4}
        receive(assoc, *command(raw.cancel_rq(4)))
        assert assoc.dimse.cancelled == {4}

    @pytest.mark.parametrize(
        "elements",
        [raw.cancel_rq(6), raw.without(raw.cancel_rq(6), raw.RESPONDED_TO)],
        ids=["other", "none"],
    )
    def test_of_nothing(self, assoc: Association, elements: dict[int, bytes]) -> None:
        assoc.dimse.serving.add(5)
        receive(assoc, *command(raw.echo_rq(4)), *command(elements))
        assert assoc.dimse.cancelled == set()
        assert not assoc.aborts

    def test_its_data_set_is_thrown_away(self, spooling: Association, tmp_path: Path) -> None:
        kept = []
        spooling.bind(evt.EVT_DIMSE_RECV, kept.append)
        elements = raw.cancel_rq(5) | {raw.DATA_SET_TYPE: raw.us(raw.HAS_DATA_SET)}
        receive(spooling, *command(elements, STORE), *data())
        assert names_in(tmp_path) == []
        assert not spooling.aborts

    def test_is_sent(self, assoc: Association) -> None:
        primitive = C_CANCEL()
        primitive.MessageIDBeingRespondedTo = 5
        assoc.dimse.send_msg(primitive, STORE)
        assert sent_message(assoc) == (STORE, raw.cancel_rq(5), None)


class TestQueue:
    def test_stops_when_it_is_full(self) -> None:
        assoc = Association(unserved_requests=2)
        pdvs = [pdv for number in range(5) for pdv in command(raw.echo_rq(number))]
        assert assoc.dimse.receive_pdvs(pdvs, 0) == 2
        assert not assoc.dimse.has_room()
        assert assoc.dimse.receive_pdvs(pdvs, 2) == 3  # who calls looks for room before
        assert assoc.dimse.next_request() is not None
        assert assoc.dimse.next_request() is not None
        assert assoc.dimse.has_room()
        assert assoc.dimse.receive_pdvs(pdvs, 3) == 4

    def test_is_full_of_cancels_that_nobody_has_looked_at(self) -> None:
        assoc = Association(cancel_requests=1)
        receive(assoc, *command(raw.echo_rq(4)))
        assert assoc.dimse.has_room()
        receive(assoc, *command(raw.cancel_rq(4)))
        assert not assoc.dimse.has_room()
        assert assoc.dimse.take_cancel(4)
        assert not assoc.dimse.take_cancel(4)
        assert assoc.dimse.has_room()

    def test_full_queue_takes_what_is_no_request(self) -> None:
        assoc = Association(unserved_requests=1)
        exchange = assoc.dimse.begin(find(2), STORE, b"identifier")
        pdvs = [*match(2), *command(raw.echo_rq()), *match(2)]
        assert assoc.dimse.receive_pdvs(pdvs, 0) == 3
        assert len(exchange.responses) == 1

    def test_primitive_is_taken_whatever_the_queue_holds(self) -> None:
        assoc = Association(unserved_requests=1)
        assoc.dimse.receive_primitive(p_data(*command(raw.echo_rq()) * 3))
        assert len(assoc.dimse.requests) == 3

    def test_who_waits_for_room_is_told(self) -> None:
        assoc = Association(unserved_requests=2)
        receive(assoc, *command(raw.echo_rq()) * 2)
        told = assoc.dul.callers_told
        assert assoc.dimse.next_request() is not None
        assert assoc.dul.callers_told == told + 1
        assert assoc.dimse.next_request() is not None
        assert assoc.dul.callers_told == told + 1

    def test_nothing(self, assoc: Association) -> None:
        assert assoc.dimse.next_request() is None
        assert assoc.dimse.get_msg() == (None, None)
        assert assoc.dimse.peek_msg() == (None, None)

    def test_get_and_peek(self, assoc: Association) -> None:
        receive(assoc, *command(raw.echo_rq(4)))
        context_id, request = assoc.dimse.peek_msg()
        assert (context_id, request) == assoc.dimse.get_msg()
        assert isinstance(request, C_ECHO)
        assert not assoc.dimse.requests

    @pytest.mark.parametrize(("timeout", "until"), [(None, None), (5.0, 105.0)])
    def test_get_may_wait(
        self,
        assoc: Association,
        timeout: float | None,
        until: float | None,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr(dimse, "monotonic", lambda: 100.0)
        assoc.dimse_timeout = timeout
        assoc.dul.happens = iter([lambda: receive(assoc, *command(raw.echo_rq(4)))])
        context_id, request = assoc.dimse.get_msg(block=True)
        assert context_id == ECHO
        assert request is not None
        assert assoc.dul.until == until
        assert assoc.dul.callers_told == 1
        assert assoc.dimse.get_msg(block=True) == (None, None)

    def test_taken_by_another_thread_meanwhile(self, assoc: Association) -> None:
        class Emptied(type(assoc.dimse.requests)):  # type: ignore[misc]
            def __bool__(self) -> bool:
                return True

        assoc.dimse.requests = Emptied()
        assert assoc.dimse.next_request() is None

    def test_discard(self, spooling: Association, tmp_path: Path) -> None:
        receive(spooling, *STORED, *STORED, STORED[0], (STORE, raw.DATA, b"begin"))
        assert len(names_in(tmp_path)) == 3
        spooling.dimse.discard()
        assert names_in(tmp_path) == []
        assert not spooling.dimse.requests
        assert not spooling.dimse.in_message
        spooling.dimse.discard()

    def test_discard_within_a_command_set(self, assoc: Association) -> None:
        receive(assoc, (ECHO, raw.COMMAND, b"\0\0"))
        assoc.dimse.discard()
        assert not assoc.dimse.in_message
        receive(assoc, *command(raw.echo_rq()))
        assert len(assoc.dimse.requests) == 1


def test_requests_of_all_kinds_are_queued(assoc: Association) -> None:
    request = N_GET()
    request.MessageID = 1
    request.RequestedSOPClassUID = raw.CT_IMAGE.decode()
    request.RequestedSOPInstanceUID = raw.INSTANCE.decode()
    assoc.dimse.send_msg(request, STORE)
    receive(assoc, *pdvs_of(assoc.dul.sent[0]))
    assert isinstance(assoc.dimse.requests[0][1], N_GET)
