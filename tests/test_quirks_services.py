"""What real peers do in C-FIND, C-GET, C-MOVE and DIMSE-N: each from a hand-written byte script.

Sub-operations in the context of the C-GET, or without a role that was agreed, and counters of two
values are in test_scu_retrieve.py.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from pydicom.dataset import Dataset

from pynetdicom import AE, Association, evt
from tests.support import normalized, raw
from tests.support.associations import CT, SOON, EventLog, association, port_of
from tests.support.normalized import FILM_SESSION, SERVICES
from tests.support.requests import FIND, GET, MOVE, PATIENT_12, answer, asking, end, patient
from tests.support.retrievals import Yields, instance, reply_of, retrieve_rq

StartSCP = Callable[..., Any]
Script = Callable[[raw.Peer, raw.Message], object]

CONTEXTS = [FIND, GET, MOVE, FILM_SESSION]
PADDINGS = [b"", b"\0", b" ", b"\0\0\0", b"  "]
INSTANCE = normalized.INSTANCE
Outcome = list[tuple[int | None, Dataset | None]]


def codes(*responses: tuple[Dataset, Dataset | None]) -> Outcome:
    """Return what was answered, with the code of each status, None for an empty one."""
    return [(status.get("Status"), data) for status, data in responses]


# Each kind of request of ours, and what it returns
REQUESTS: dict[str, Callable[[Association], Outcome]] = {
    "find": lambda assoc: codes(*assoc.send_c_find(patient(), FIND)),
    "get": lambda assoc: codes(*assoc.send_c_get(patient(), GET)),
    "move": lambda assoc: codes(*assoc.send_c_move(patient(), "STORE", MOVE)),
    "n-event-report": lambda assoc: codes(
        assoc.send_n_event_report(patient(), 1, FILM_SESSION, INSTANCE)
    ),
    "n-get": lambda assoc: codes(assoc.send_n_get([0x00100020], FILM_SESSION, INSTANCE)),
    "n-set": lambda assoc: codes(assoc.send_n_set(patient(), FILM_SESSION, INSTANCE)),
    "n-action": lambda assoc: codes(assoc.send_n_action(patient(), 1, FILM_SESSION, INSTANCE)),
    "n-create": lambda assoc: codes(assoc.send_n_create(patient(), FILM_SESSION, INSTANCE)),
    "n-delete": lambda assoc: codes((assoc.send_n_delete(FILM_SESSION, INSTANCE), None)),
}
QUERIES = ["find", "get", "move"]
EVERY_REQUEST = pytest.mark.parametrize("name", REQUESTS)
EVERY_QUERY = pytest.mark.parametrize("name", QUERIES)


def asked(name: str, script: Script, **settings: Any) -> Outcome:
    """Return what a request of ours returns when a script answers it."""
    ae = AE("TEST_SCU")
    for setting, value in settings.items():
        setattr(ae, setting, value)
    with asking(lambda peer: script(peer, peer.read_message()), CONTEXTS, ae) as assoc:
        return REQUESTS[name](assoc)


def succeeded(name: str) -> Outcome:
    """Return what a request of ours returns when all is well and there is no data set."""
    is_empty = name.startswith("n-") and name != "n-delete"
    return [(0x0000, Dataset() if is_empty else None)]


# -- responses -------------------------------------------------------------------------------


@EVERY_REQUEST
def test_responses_may_lack_all_that_is_optional(name: str) -> None:
    found = asked(name, lambda peer, request: peer.send(answer(request)))
    assert found == succeeded(name)


@EVERY_REQUEST
@pytest.mark.parametrize("padding", PADDINGS, ids=repr)
def test_uids_of_responses_may_be_padded_or_wrong(name: str, padding: bytes) -> None:
    uids = {raw.SOP_CLASS: b"1.2.003" + padding, raw.SOP_INSTANCE: b"not.a.uid" + padding}
    found = asked(name, lambda peer, request: peer.send(answer(request, more=uids)))
    assert found == succeeded(name)


@EVERY_REQUEST
def test_elements_of_another_response_mean_nothing(name: str) -> None:
    more = {
        raw.MESSAGE_ID: raw.us(7),
        raw.PRIORITY: raw.us(0),
        0x1000: b"1.2.3\0",
        0x1020: raw.us(0),
        0x1030: b"SOMEBODY",
        0x5010: b"ab",  # a retired one
    }
    found = asked(name, lambda peer, request: peer.send(answer(request, more=more)))
    assert found == succeeded(name)


@EVERY_QUERY
def test_identifier_of_a_final_success_is_ignored(name: str) -> None:
    found = asked(name, lambda peer, request: peer.send(answer(request, 0, PATIENT_12)))
    assert found == [(0x0000, None)]


def test_data_set_of_an_n_delete_response_is_ignored() -> None:
    found = asked("n-delete", lambda peer, request: peer.send(answer(request, 0, PATIENT_12)))
    assert found == [(0x0000, None)]


def test_message_may_announce_its_data_set_with_any_number() -> None:
    """All but 0101H say that there is one (PS3.7 9.3)."""
    numbers = (0x0000, 0x0001, 0x0100, 0x0102, 0xFFFF)

    def script(peer: raw.Peer, request: raw.Message) -> None:
        for number in numbers:
            more = {raw.DATA_SET_TYPE: raw.us(number)}
            peer.send(answer(request, 0xFF00, PATIENT_12, more))
        peer.send(answer(request))

    assert asked("find", script) == [(0xFF00, patient())] * 5 + [(0x0000, None)]


def in_one_pdu(*messages: bytes) -> bytes:
    """Return the PDVs of some PDUs in a single one."""
    data, pdvs = b"".join(messages), b""
    while data:
        length = 6 + int.from_bytes(data[2:6], "big")
        pdvs += data[6:length]
        data = data[length:]
    return raw.p_data(pdvs)


@EVERY_REQUEST
def test_command_and_data_may_share_a_pdu(name: str) -> None:
    """Also with those of the next response."""

    def script(peer: raw.Peer, request: raw.Message) -> None:
        data = None if name == "n-delete" else PATIENT_12
        pending = [answer(request, 0xFF00, data)] * 2 if name in QUERIES else []
        final = answer(request, 0x0000, None if name in QUERIES else data)
        peer.send(in_one_pdu(*pending, final))

    found = asked(name, script)
    expected = {"find": [(0xFF00, patient())] * 2, "get": [(0xFF00, None)] * 2}
    if name in QUERIES:
        assert found == [*expected.get(name, expected["get"]), (0x0000, None)]
    else:
        assert found == [(0x0000, None if name == "n-delete" else patient())]


@EVERY_REQUEST
def test_fragments_may_be_odd_and_pdus_empty(name: str) -> None:
    def script(peer: raw.Peer, request: raw.Message) -> None:
        command = {
            raw.COMMAND_FIELD: raw.us(request.number(raw.COMMAND_FIELD) | 0x8000),
            raw.RESPONDED_TO: request.elements[raw.MESSAGE_ID],
            raw.DATA_SET_TYPE: raw.us(raw.HAS_DATA_SET),
            raw.STATUS: raw.us(0xFF00 if name in QUERIES else 0x0000),
        }
        if name in QUERIES:
            whole = raw.message(command, request.context_id, PATIENT_12, size=3)
            peer.send(raw.p_data(), whole, raw.p_data(), answer(request))
        else:
            peer.send(raw.p_data(), raw.message(command, request.context_id, PATIENT_12, size=5))

    found = asked(name, script)
    if name in QUERIES:
        match = patient() if name == "find" else None
        assert found == [(0xFF00, match), (0x0000, None)]
    else:
        assert found == [(0x0000, None if name == "n-delete" else patient())]


def test_identifier_of_odd_length() -> None:
    odd = raw.data_element(0x0010, 0x0020, b"123")

    def script(peer: raw.Peer, request: raw.Message) -> None:
        peer.send(answer(request, 0xFF00, odd), answer(request))

    assert asked("find", script) == [(0xFF00, patient("123")), (0x0000, None)]


def test_responses_cut_anywhere() -> None:
    def script(peer: raw.Peer, request: raw.Message) -> None:
        peer.trickle(answer(request, 0xFF00, PATIENT_12) + answer(request))

    assert asked("find", script) == [(0xFF00, patient()), (0x0000, None)]


@EVERY_QUERY
def test_pending_for_ever_can_be_left(name: str) -> None:
    """Who closes the responses gets away, though the peer goes on and ignores the C-CANCEL."""

    def serve(peer: raw.Peer) -> None:
        peer.accept()
        pending = answer(peer.read_message(), 0xFF00, PATIENT_12)
        while True:  # until the connection is closed
            peer.send(pending * 10)

    send = {
        "find": lambda assoc: assoc.send_c_find(patient(), FIND),
        "get": lambda assoc: assoc.send_c_get(patient(), GET),
        "move": lambda assoc: assoc.send_c_move(patient(), "STORE", MOVE),
    }[name]
    ae = AE("TEST_SCU")
    ae.acse_timeout = SOON
    with raw.serving(serve) as server, association(server.port, CONTEXTS, ae) as assoc:
        responses = send(assoc)
        assert [next(responses)[0].Status for _ in range(100)] == [0xFF00] * 100
        responses.close()
        assert list(responses) == []
        assoc.release()
        assert not assoc.is_established


def test_images_after_the_final_response(start_scp: StartSCP) -> None:
    """Some say that a C-MOVE is done when it has not begun."""
    stored = EventLog("DIMSE_RECV RELEASED")
    destination = start_scp([CT], [(evt.EVT_C_STORE, lambda event: 0x0000), *stored.bindings])

    def script(peer: raw.Peer) -> None:
        request = peer.read_message()
        peer.send(answer(request, 0x0000))
        with raw.associated(port_of(destination), raw.STORE_CONTEXT) as other:
            for number in range(1, 4):
                assert other.store(raw.data_set(), number) == 0x0000
            other.release()

    with asking(script, [MOVE]) as assoc:
        assert codes(*assoc.send_c_move(patient(), "STORE", MOVE)) == [(0x0000, None)]
        stored.wait_for("RELEASED")
    assert len(stored.all("DIMSE_RECV")) == 3


def test_destination_of_one_association_at_a_time(start_scp: StartSCP) -> None:
    """Some have the next wait until the first is released: it is, if another is needed."""
    numbers = []

    def script(peer: raw.Peer) -> None:
        peer.accept()
        while (found := peer.read_pdu()).pdu_type == raw.P_DATA_TF:
            if found.body[5] == raw.LAST_COMMAND:
                request = raw.Message(found.body[4], raw.elements_of(found.body[6:]), None)
                numbers.append(request.number(raw.MESSAGE_ID))
            else:
                peer.send(answer(request))
        assert found.pdu_type == raw.RELEASE_RQ
        peer.send(raw.release_rp())
        peer.expect_closed()

    instances = [instance(1), instance(2, raw.MR_IMAGE.decode()), instance(3)]
    with raw.serving(script, script) as destination:
        handler = Yields((raw.HOST, destination.port), 3, *((0xFF00, one) for one in instances))
        server = start_scp([MOVE], [(evt.EVT_C_MOVE, handler)])
        with association(port_of(server), [MOVE]) as assoc:
            *_, final = assoc.send_c_move(patient(), "TARGET", MOVE)
    assert reply_of(*final) == (0x0000, None, 3, 0, 0, None)
    assert numbers == [2, 3, 4]


# -- requests to us --------------------------------------------------------------------------


def find_rq(message_id: int = 1) -> dict[int, bytes]:
    """Return the command set of a C-FIND request."""
    return retrieve_rq(0x0020, FIND, message_id)


RETRIEVALS = {
    "find": find_rq(),
    "get": retrieve_rq(0x0010, GET),
    "move": retrieve_rq(0x0021, MOVE, destination=b"STORE "),
}
CONTEXT_IDS = {"find": 1, "get": 3, "move": 5}


class SCP:
    """An SCP of C-FIND, C-GET and C-MOVE that finds some matches and nothing to send.

    Attributes
    ----------
    events : list of Event
        What its handlers were given.
    """

    def __init__(self, start_scp: StartSCP, *found: Any) -> None:
        self.events: list[Any] = []
        self._found = found
        handlers = [
            (evt.EVT_C_FIND, self._find),
            (evt.EVT_C_GET, self._get),
            (evt.EVT_C_MOVE, self._move),
        ]
        self.port = port_of(start_scp([FIND, GET, MOVE], handlers))

    def _find(self, event: Any) -> Iterator[Any]:
        self.events.append(event)
        yield from self._found

    def _get(self, event: Any) -> Iterator[Any]:
        self.events.append(event)
        yield 0

    def _move(self, event: Any) -> Iterator[Any]:
        yield raw.HOST, 1
        yield from self._get(event)

    def peer(self) -> raw.Peer:
        """Return a peer that is associated."""
        models = enumerate((FIND, GET, MOVE))
        return raw.associated(
            self.port,
            *(raw.proposal(2 * n + 1, model.encode(), raw.IMPLICIT) for n, model in models),
        )

    def ask(self, name: str, command: dict[int, bytes], data: bytes = PATIENT_12) -> raw.Message:
        """Return the first response to a request, and see the last."""
        with self.peer() as peer:
            peer.send(raw.message(command, CONTEXT_IDS[name], data))
            first = response = peer.read_message()
            while response.status == 0xFF00:
                response = peer.read_message()
            peer.release()
        return first


@EVERY_QUERY
@pytest.mark.parametrize("missing", [raw.MESSAGE_ID, raw.PRIORITY])
def test_request_without(start_scp: StartSCP, name: str, missing: int) -> None:
    scp = SCP(start_scp)
    response = scp.ask(name, raw.without(RETRIEVALS[name], missing))
    assert response.status == 0x0000
    assert response.number(raw.RESPONDED_TO) == (0 if missing == raw.MESSAGE_ID else 1)
    assert scp.events[0].identifier == patient()


@EVERY_QUERY
@pytest.mark.parametrize("padding", PADDINGS, ids=repr)
def test_padded_uid(start_scp: StartSCP, name: str, padding: bytes) -> None:
    scp = SCP(start_scp)
    model = {"find": FIND, "get": GET, "move": MOVE}[name]
    response = scp.ask(name, RETRIEVALS[name] | {raw.SOP_CLASS: model.encode() + padding})
    assert response.status == 0x0000
    assert response.elements[raw.SOP_CLASS] == raw.ui(model.encode())
    assert scp.events[0].request.AffectedSOPClassUID == model


@pytest.mark.parametrize("title", [b"STORE", b"STORE\0", b" STORE  ", b"STORE\0\0\0"], ids=repr)
def test_padded_destination(start_scp: StartSCP, title: bytes) -> None:
    scp = SCP(start_scp)
    assert scp.ask("move", RETRIEVALS["move"] | {0x0600: title}).status == 0x0000
    assert scp.events[0].move_destination == "STORE"


@EVERY_QUERY
def test_request_in_one_pdu_and_in_odd_pieces(start_scp: StartSCP, name: str) -> None:
    scp = SCP(start_scp)
    command, context_id = RETRIEVALS[name], CONTEXT_IDS[name]
    with scp.peer() as peer:
        peer.send(in_one_pdu(raw.message(command, context_id, PATIENT_12)))
        assert peer.read_message().status == 0x0000
        peer.send(in_one_pdu(raw.message(command, context_id, PATIENT_12, size=3)))
        assert peer.read_message().status == 0x0000
        peer.send(raw.p_data(), raw.message(command, context_id, PATIENT_12, size=5))
        assert peer.read_message().status == 0x0000
        peer.release()
    assert [event.identifier for event in scp.events] == [patient()] * 3


def test_identifier_of_a_request_of_odd_length(start_scp: StartSCP) -> None:
    scp = SCP(start_scp)
    odd = raw.data_element(0x0010, 0x0020, b"123")
    assert scp.ask("find", RETRIEVALS["find"], odd).status == 0x0000
    assert scp.events[0].identifier == patient("123")


def test_every_requested_key_is_returned(start_scp: StartSCP) -> None:
    """Some display nothing if one lacks; so what a handler knows nothing of goes out empty."""
    match = patient()
    match.PatientName = ""
    match.AccessionNumber = None
    match.ScheduledProcedureStepSequence = [Dataset(), Dataset()]
    match.ScheduledProcedureStepSequence[0].Modality = ""
    scp = SCP(start_scp, (0xFF00, match))
    response = scp.ask("find", RETRIEVALS["find"])
    empty = [(0x0008, 0x0050, b""), (0x0010, 0x0010, b"")]
    assert response.data is not None
    for element in empty:
        assert raw.data_element(*element) in response.data
    assert raw.data_element(0x0008, 0x0060, b"") in response.data


def test_final_success_has_no_identifier(start_scp: StartSCP) -> None:
    """There are peers that abort if it has one."""
    scp = SCP(start_scp, (0x0000, patient()))
    response = scp.ask("find", RETRIEVALS["find"])
    assert response.status == 0x0000
    assert response.number(raw.DATA_SET_TYPE) == raw.NO_DATA_SET
    assert response.data is None


def test_responses_in_pdus_that_suit_everybody(start_scp: StartSCP) -> None:
    """Command and data set go in PDUs of their own, in even fragments."""
    scp = SCP(start_scp, *[(0xFF00, patient("1" * 63))] * 3)
    headers = []
    with raw.associated(
        scp.port,
        raw.proposal(1, FIND.encode(), raw.IMPLICIT),
        user=raw.user_information(maximum_length=101),
    ) as peer:
        peer.send(raw.message(RETRIEVALS["find"], 1, PATIENT_12))
        while len([header for header in headers if header == raw.LAST_COMMAND]) < 4:
            body = peer.expect(raw.P_DATA_TF)
            assert len(body) <= 101
            assert len(body) % 2 == 0
            assert int.from_bytes(body[:4], "big") + 4 == len(body), "one PDV in a PDU"
            headers.append(body[5])
        peer.release()
    assert headers.count(raw.LAST) == 3


@pytest.mark.parametrize("name", ["find", "get", "move", "n-set", "n-create"])
def test_our_requests_suit_everybody(name: str) -> None:
    bodies: list[bytes] = []

    def serve(peer: raw.Peer) -> None:
        peer.accept()
        while not bodies or bodies[-1][5] != raw.LAST:
            bodies.append(peer.expect(raw.P_DATA_TF))
        command = raw.elements_of(bodies[0][6:])
        assert (command.get(raw.PRIORITY) == raw.us(2)) is (name in QUERIES)
        peer.send(answer(raw.Message(bodies[0][4], command, None)))
        end(peer)

    with raw.serving(serve) as server, association(server.port, CONTEXTS) as assoc:
        assert REQUESTS[name](assoc)[-1][0] == 0x0000
    assert [body[5] for body in bodies] == [raw.LAST_COMMAND, raw.LAST]
    assert all(len(body) % 2 == 0 for body in bodies)


@pytest.mark.parametrize("message_id", [0, 2, 1000])
def test_cancel_of_what_is_not_under_way(start_scp: StartSCP, message_id: int) -> None:
    scp = SCP(start_scp, (0xFF00, patient()))
    cancel = raw.message(raw.cancel_rq(message_id), 1)
    with scp.peer() as peer:
        peer.send(cancel, raw.message(find_rq(), 1, PATIENT_12), cancel)
        assert peer.read_message().status == 0xFF00
        assert peer.read_message().status == 0x0000
        peer.send(cancel)
        peer.release()


# -- DIMSE-N requests to us ------------------------------------------------------------------


@pytest.fixture(params=SERVICES)
def provider(request: Any, start_scp: StartSCP) -> normalized.Provider:
    """Start an SCP of a DIMSE-N service, which answers with Success."""
    name = request.param
    answers = 0x0000 if name == "N_DELETE" else (0x0000, None)
    return normalized.Provider(start_scp, name, lambda event: answers)


@pytest.mark.parametrize("padding", PADDINGS, ids=repr)
def test_padded_uids_of_a_normalized_request(provider: normalized.Provider, padding: bytes) -> None:
    service = SERVICES[provider.name]
    more = {
        f"e{service.sop_class:04x}": FILM_SESSION.encode() + padding,
        f"e{service.instance:04x}": INSTANCE.encode() + padding,
    }
    response = provider.ask(**more)
    assert response.status == 0x0000
    assert response.elements[raw.SOP_CLASS] == raw.ui(FILM_SESSION.encode())
    assert response.elements[raw.SOP_INSTANCE] == raw.ui(INSTANCE.encode())


def test_data_set_where_none_is_due(provider: normalized.Provider) -> None:
    assert provider.ask(normalized.PATIENT_ID).status == 0x0000


def test_normalized_request_in_one_pdu_and_in_odd_pieces(provider: normalized.Provider) -> None:
    has_data_set = provider.name == "N_SET"
    command = normalized.request(provider.name, has_data_set=has_data_set)
    data = normalized.PATIENT_ID if has_data_set else None
    with provider.peer() as peer:
        peer.send(in_one_pdu(raw.message(command, 1, data)))
        assert peer.read_message().status == 0x0000
        peer.send(in_one_pdu(raw.message(command, 1, data, size=3)))
        assert peer.read_message().status == 0x0000
        peer.send(raw.p_data(), raw.message(command, 1, data, size=5))
        assert peer.read_message().status == 0x0000
        peer.release()


def test_normalized_request_without_message_id(provider: normalized.Provider) -> None:
    has_data_set = provider.name == "N_SET"
    command = normalized.request(provider.name, has_data_set=has_data_set)
    data = normalized.PATIENT_ID if has_data_set else None
    with provider.peer() as peer:
        peer.send(raw.message(raw.without(command, raw.MESSAGE_ID), 1, data))
        response = peer.read_message()
        assert response.status == 0x0000
        assert response.number(raw.RESPONDED_TO) == 0
        peer.release()
