"""What real peers do besides what the standard says: each from a hand-written byte script."""

from __future__ import annotations

import logging
from functools import partial
from struct import pack
from typing import Any

import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID

from pynetdicom import Association, build_role, evt
from pynetdicom.limits import Limits
from tests.support import raw
from tests.support.associations import SOON
from tests.support.raw import CT_IMAGE, ECHO_CONTEXT, IMPLICIT, INSTANCE, VERIFICATION, Peer
from tests.support.watch import StartSCP, WatchedSCP, complaints, scu

CT = CT_IMAGE.decode()
CLOSE_SOON = Limits(close_timeout=SOON)


@pytest.fixture
def stored() -> list[Any]:
    """Give the list of what `storing` has received: (instance UID, data set)."""
    return []


@pytest.fixture
def storing(scp: StartSCP, stored: list[Any]) -> WatchedSCP:
    """Start an SCP that stores."""
    return scp(handlers=[(evt.EVT_C_STORE, partial(store_in, stored))])


def store_in(stored: list[Any], event: Any) -> int:
    """Note what has been received."""
    stored.append((event.request.AffectedSOPInstanceUID, event.encoded_dataset(False)))
    return 0x0000


def image(length: int = 0) -> Dataset:
    """Return a CT image."""
    dataset = Dataset()
    dataset.SOPClassUID = UID(CT)
    dataset.SOPInstanceUID = UID(INSTANCE.decode())
    dataset.PatientName = "Test^Raw"
    dataset.add_new(0x7FE00010, "OB", bytes(length))
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = UID(IMPLICIT.decode())
    return dataset


def requesting(server: raw.Server, **arguments: Any) -> Association:
    """Request an association with a scripted server; it must be accepted."""
    assoc = scu(limits=CLOSE_SOON).associate(raw.HOST, server.port, **arguments)
    assert assoc.is_established
    return assoc


def simple(*answers: bytes, **fields: Any) -> raw.Script:
    """Return a script: accept as given, answer one echo, agree to release."""

    def script(peer: Peer) -> None:
        peer.accept(*answers, **fields)
        request = peer.read_message()
        peer.send(raw.message(raw.echo_rsp(request.number(raw.MESSAGE_ID))))
        peer.agree_to_release()

    return script


def echoes(server: raw.Server) -> bool:
    """Return whether an association with a simple script works."""
    assoc = requesting(server)
    status = assoc.send_c_echo().Status
    assoc.release()
    return status == 0x0000 and assoc.is_released


# -- negotiation, what we receive as requestor -----------------------------------------------


@pytest.mark.parametrize("reserved", [b" ", b"\0", b"\xff", b"\n", b"\x1b"], ids=repr)
def test_reserved_fields_of_an_acceptance_mean_nothing(reserved: bytes) -> None:
    script = simple(called=reserved * 16, calling=reserved * 16, reserved=reserved * 32)
    with raw.serving(script) as server:
        assert echoes(server)


@pytest.mark.parametrize("padding", [b"\0", b" ", b"\0\0\0", b"   "], ids=repr)
def test_uids_of_an_acceptance_may_be_padded(padding: bytes) -> None:
    script = simple(
        raw.answer(1, 0, IMPLICIT + padding),
        raw.answer(3, 0, IMPLICIT + padding),
        application=raw.APPLICATION_CONTEXT + padding,
    )
    with raw.serving(script) as server:
        assoc = requesting(server)
        assert [cx.transfer_syntax for cx in assoc.accepted_contexts] == [[IMPLICIT.decode()]] * 2
        assert assoc.send_c_echo().Status == 0x0000
        assoc.release()


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(raw.answer(3, 0, b"unknown"), id="syntax-unknown"),
        pytest.param(raw.answer(3, 4, b""), id="rejected-with-empty-syntax"),
        pytest.param(raw.answer(3, 3, None), id="rejected-without-syntax"),
        pytest.param(raw.answer(3, 1, b"garbage"), id="rejected-with-garbage"),
    ],
)
def test_odd_answer_costs_only_its_own_context(other: bytes) -> None:
    with raw.serving(simple(raw.answer(1), other)) as server:
        assert echoes(server)


def test_version_name_may_be_anything() -> None:
    name = raw.item(0x55, b"\xc4rger \xff\x00")
    with raw.serving(simple(user=raw.user_information(name))) as server:
        assert echoes(server)


@pytest.mark.parametrize("maximum_length", [0, 0xFFFFFFFF, 16384 + 6])
def test_maximum_length_of_an_acceptance(maximum_length: int) -> None:
    script = simple(user=raw.user_information(maximum_length=maximum_length))
    with raw.serving(script) as server:
        assert echoes(server)


def test_unlimited_asynchronous_operations_in_an_acceptance() -> None:
    window = raw.item(0x53, pack(">HH", 0, 0))
    with raw.serving(simple(user=raw.user_information(window))) as server:
        assert echoes(server)


def test_unknown_user_items_in_an_acceptance() -> None:
    unknown = raw.item(0x5F, b"\xff" * 30) + raw.item(0x01)
    with raw.serving(simple(user=raw.user_information(unknown))) as server:
        assert echoes(server)


def test_abort_as_answer_is_explained(caplog: pytest.LogCaptureFixture) -> None:
    def script(peer: Peer) -> None:
        peer.expect(raw.ASSOCIATE_RQ)
        peer.send(raw.abort())
        peer.drain()

    with raw.serving(script) as server:
        assert scu().associate(raw.HOST, server.port).is_aborted
    (line,) = complaints(caplog.records)
    assert "AE title" in line
    assert "TEST_SCU" in line


def test_nothing_is_proposed_that_was_not_asked_for() -> None:
    kinds = []

    def script(peer: Peer) -> None:
        (user,) = raw.variable_items(peer.accept(), 0x50)
        kinds.extend(kind for kind, _ in raw.items_of(user))
        peer.agree_to_release()

    with raw.serving(script) as server:
        requesting(server).release()
    assert kinds == [0x51, 0x52, 0x55]


def test_uids_are_sent_without_padding() -> None:
    requests = []

    def script(peer: Peer) -> None:
        requests.append(peer.accept())
        peer.agree_to_release()

    with raw.serving(script) as server:
        requesting(server).release()
    first, second = raw.variable_items(requests[0], 0x20)
    assert raw.items_of(first[4:]) == [(0x30, VERIFICATION), (0x40, IMPLICIT)]
    assert raw.items_of(second[4:]) == [(0x30, CT_IMAGE), (0x40, IMPLICIT)]
    assert raw.variable_items(requests[0], 0x10) == [raw.APPLICATION_CONTEXT]


# -- negotiation, what we receive as acceptor ------------------------------------------------


@pytest.mark.parametrize("padding", [b"\0", b" ", b"\0\0\0", b"   "], ids=repr)
def test_uids_of_a_request_may_be_padded(scp: StartSCP, padding: bytes) -> None:
    watched = scp()
    contexts = [
        raw.proposal(1, VERIFICATION + padding, IMPLICIT + padding),
        raw.proposal(3, CT_IMAGE + padding, raw.EXPLICIT + padding, IMPLICIT + padding),
    ]
    with raw.connect(watched.port) as peer:
        body = peer.request(*contexts, application=raw.APPLICATION_CONTEXT + padding)
        assert raw.results_of(body) == {1: 0, 3: 0}
        assert peer.echo() == 0x0000


@pytest.mark.parametrize(
    ("title", "normalised"),
    [
        (b"", ""),
        (b"\0" * 16, ""),
        (b"US\0\0\0", "US"),
        (b"US\n", "US"),
        (b"  US  ", "US"),
        (b"\xc4RZTE", None),
        (b"A\\B", "A\\B"),
    ],
    ids=repr,
)
def test_ae_titles_of_a_request_are_normalised(
    scp: StartSCP, title: bytes, normalised: str | None
) -> None:
    watched = scp()
    with raw.associated(watched.port, calling=title, called=title) as peer:
        assoc = watched.wait_for(evt.EVT_ESTABLISHED)
        if normalised is not None:
            assert assoc.requestor.ae_title == normalised
        assert peer.echo() == 0x0000


def test_ae_titles_of_a_request_are_sent_back_as_they_are(scp: StartSCP) -> None:
    watched = scp()
    with raw.connect(watched.port) as peer:
        body = peer.request(called=b"CALLED", calling=b"CALLING", reserved=b"anything")
        assert body[4:36] == b"CALLED".ljust(16) + b"CALLING".ljust(16)


@pytest.mark.parametrize(
    "user",
    [
        pytest.param(raw.user_information(raw.item(0x55, b"\xc4rger\xff")), id="version-name"),
        pytest.param(raw.user_information(raw.item(0x55, b"x" * 200)), id="long-version-name"),
        pytest.param(raw.user_information(raw.item(0x55)), id="empty-version-name"),
        pytest.param(raw.user_information(raw.item(0x5F, b"abc")), id="unknown-item"),
        pytest.param(raw.user_information(raw.item(0x53, bytes(4))), id="no-limit-of-operations"),
        pytest.param(
            raw.item(0x50, raw.item(0x51, bytes(4)) + raw.item(0x52, b"not.a.uid")), id="class-uid"
        ),
        pytest.param(raw.item(0x50, raw.item(0x51, bytes(4))), id="no-class-uid"),
        pytest.param(raw.item(0x50, raw.item(0x52, b"1.2.3")), id="no-maximum-length"),
    ],
)
def test_user_information_of_a_request_may_be_odd(scp: StartSCP, user: bytes) -> None:
    watched = scp()
    with raw.connect(watched.port) as peer:
        peer.request(user=user)
        assert peer.echo() == 0x0000
        peer.release()


# -- messages in PDUs ------------------------------------------------------------------------


ECHO = raw.command_set(raw.echo_rq())
STORE = raw.command_set(raw.store_rq())
IMAGE = raw.data_set(length=64)


def pdus(*groups: list[tuple[int, bytes]], context_id: int = 3) -> bytes:
    """Return a P-DATA-TF PDU for each group of (message control header, fragment)."""
    return b"".join(raw.p_data_of(*((context_id, *value) for value in group)) for group in groups)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(pdus([(3, STORE), (2, IMAGE)]), id="command-and-data-in-one-pdu"),
        pytest.param(
            pdus([(1, STORE[:9]), (1, STORE[9:]), (3, b""), (0, IMAGE[:7]), (2, IMAGE[7:])]),
            id="all-in-pieces-in-one-pdu",
        ),
        pytest.param(
            pdus([(1, STORE[:9])], [(3, STORE[9:]), (0, IMAGE[:7])], [(2, IMAGE[7:])]),
            id="command-and-data-share-a-pdu",
        ),
        pytest.param(
            pdus([], [(3, STORE)], [], [(0, IMAGE[:8])], [], [(2, IMAGE[8:])]), id="empty-pdus"
        ),
        pytest.param(pdus([(3, STORE)], [(0, IMAGE)], [(2, b"")]), id="empty-last-fragment"),
        pytest.param(
            pdus([(1, STORE)], [(3, b"")], [(0, b"")], [(2, IMAGE)]), id="empty-last-command"
        ),
        pytest.param(
            pdus(*[[(1, STORE[i : i + 1])] for i in range(len(STORE) - 1)], [(3, STORE[-1:])])
            + pdus(*[[(0, IMAGE[i : i + 1])] for i in range(len(IMAGE) - 1)], [(2, IMAGE[-1:])]),
            id="a-byte-a-pdu",
        ),
    ],
)
def test_fragments_may_come_in_any_mix(storing: WatchedSCP, stored: list[Any], data: bytes) -> None:
    with raw.associated(storing.port) as peer:
        for _ in range(2):
            peer.send(data)
            assert peer.read_message().status == 0x0000
        peer.release()
    assert stored == [(INSTANCE.decode(), IMAGE)] * 2


def test_messages_may_share_a_pdu(storing: WatchedSCP, stored: list[Any]) -> None:
    store = raw.pdv(3, 3, STORE) + raw.pdv(3, 2, IMAGE)
    with raw.associated(storing.port) as peer:
        peer.send(raw.p_data(raw.pdv(1, 3, ECHO), store, raw.pdv(1, 3, ECHO), store))
        fields = [peer.read_message().number(raw.COMMAND_FIELD) for _ in range(4)]
    assert fields == [0x8030, 0x8001, 0x8030, 0x8001]
    assert stored == [(INSTANCE.decode(), IMAGE)] * 2


def test_segments_may_end_anywhere(scp: StartSCP) -> None:
    watched = scp()
    request, message = raw.associate_rq(), raw.message(raw.echo_rq())
    for cut in range(1, len(request), 7):
        with raw.connect(watched.port) as peer:
            peer.send(request[:cut])
            peer.send(request[cut:])
            peer.expect(raw.ASSOCIATE_AC)
            other = 1 + cut % (len(message) - 1)
            peer.send(message[:other])
            peer.send(message[other:], message[:other])
            peer.send(message[other:], raw.release_rq()[: cut % 10])
            peer.send(raw.release_rq()[cut % 10 :])
            assert peer.read_message().status == 0x0000
            assert peer.read_message().status == 0x0000
            peer.expect(raw.RELEASE_RP)


@pytest.mark.parametrize("cut", [0, 1, 6, 40])
def test_request_right_behind_the_acceptance_is_served(cut: int) -> None:
    def script(peer: Peer) -> None:
        peer.expect(raw.ASSOCIATE_RQ)
        behind = raw.message(raw.echo_rq(77))
        peer.send(raw.associate_ac(), behind[: len(behind) - cut])
        peer.send(behind[len(behind) - cut :])
        response = peer.read_message()
        assert response.number(raw.RESPONDED_TO) == 77
        assert response.status == 0x0000
        peer.release()

    with raw.serving(script) as server:
        assoc = requesting(server)
        assoc.join(raw.PATIENCE)
        assert assoc.is_released


@pytest.mark.parametrize(
    "behind", [raw.release_rq(), raw.abort(), b""], ids=["release", "abort", "close"]
)
def test_end_right_behind_the_acceptance(behind: bytes) -> None:
    def script(peer: Peer) -> None:
        peer.expect(raw.ASSOCIATE_RQ)
        peer.send(raw.associate_ac(), behind)
        if behind:
            peer.drain()

    with raw.serving(script) as server:
        assoc = scu(limits=CLOSE_SOON).associate(raw.HOST, server.port)
        if assoc.is_alive():
            assoc.join(raw.PATIENCE)
        assert not assoc.is_established
        assert assoc.is_released or assoc.is_aborted


def sent_pdus(maximum_length: int, length: int) -> list[bytes]:
    """Return the bodies of the P-DATA-TF PDUs of a C-STORE request of ours."""
    bodies = []

    def script(peer: Peer) -> None:
        peer.accept(user=raw.user_information(maximum_length=maximum_length))
        last = 0
        while last != raw.LAST:
            bodies.append(peer.expect(raw.P_DATA_TF))
            last = bodies[-1][5]
        peer.send(raw.message(raw.store_rsp(), 3))
        peer.agree_to_release()

    with raw.serving(script) as server:
        assoc = requesting(server)
        assert assoc.send_c_store(image(length)).Status == 0x0000
        assoc.release()
    return bodies


@pytest.mark.parametrize("maximum_length", [0, 16382, 4096, 101, 100, 9, 8])
def test_our_pdus_suit_everybody(maximum_length: int) -> None:
    bodies = sent_pdus(maximum_length, 3000)
    headers = []
    for body in bodies:
        assert not maximum_length or len(body) <= maximum_length
        assert int.from_bytes(body[:4], "big") + 4 == len(body), "one PDV in a PDU"
        assert len(body) % 2 == 0, "even fragments"
        headers.append(body[5])
    commands = headers.index(raw.LAST_COMMAND) + 1
    assert headers[: commands - 1] == [raw.COMMAND] * (commands - 1)
    assert headers[commands:-1] == [raw.DATA] * (len(headers) - commands - 1)
    assert headers[-1] == raw.LAST


def test_odd_fragments_are_taken(storing: WatchedSCP, stored: list[Any]) -> None:
    with raw.associated(storing.port) as peer:
        peer.send(raw.message(raw.store_rq(), 3, IMAGE, size=7))
        assert peer.read_message().status == 0x0000
    assert stored == [(INSTANCE.decode(), IMAGE)]


# -- messages --------------------------------------------------------------------------------


def test_store_request_has_a_priority_and_one_without_is_served(
    storing: WatchedSCP, stored: list[Any]
) -> None:
    with raw.associated(storing.port) as peer:
        peer.send(raw.message(raw.without(raw.store_rq(), raw.PRIORITY), 3, IMAGE))
        assert peer.read_message().status == 0x0000
    assert stored == [(INSTANCE.decode(), IMAGE)]
    commands = []

    def script(peer: Peer) -> None:
        peer.accept()
        commands.append(peer.read_message().elements)
        peer.send(raw.message(raw.store_rsp(), 3))
        peer.agree_to_release()

    with raw.serving(script) as server:
        assoc = requesting(server)
        assert assoc.send_c_store(image()).Status == 0x0000
        assoc.release()
    assert commands[0][raw.PRIORITY] == raw.us(2)


def test_request_without_message_id_is_answered(scp: StartSCP) -> None:
    watched = scp()
    with raw.associated(watched.port) as peer:
        peer.send(raw.message(raw.without(raw.echo_rq(), raw.MESSAGE_ID)))
        assert peer.read_message().status == 0x0000
        assert peer.echo(2) == 0x0000


@pytest.mark.parametrize(
    "uid",
    [
        b"1.2.003.4",
        b"1.2.ABC",
        b"1.2." + b"3" * 66,
        b"../../etc/passwd",
        b"1.2\n\x1b[31m3",
        b"\xc4\xd6",
        b".1..2.",
    ],
    ids=repr,
)
def test_odd_instance_uids_are_taken_and_sent_back_verbatim(
    storing: WatchedSCP, stored: list[Any], uid: bytes
) -> None:
    with raw.associated(storing.port) as peer:
        peer.send(raw.message(raw.store_rq(1, uid), 3, IMAGE))
        response = peer.read_message()
        assert response.status == 0x0000
        assert response.elements[raw.SOP_INSTANCE] == raw.ui(uid)
    assert stored == [(uid.decode("latin-1"), IMAGE)]


@pytest.mark.parametrize("padding", [b"", b"\0", b" ", b"\0\0\0", b"  "], ids=repr)
def test_uids_of_a_request_are_taken_without_padding(
    storing: WatchedSCP, stored: list[Any], padding: bytes
) -> None:
    command = raw.store_rq() | {
        raw.SOP_CLASS: CT_IMAGE + padding,
        raw.SOP_INSTANCE: INSTANCE + padding,
    }
    with raw.associated(storing.port) as peer:
        peer.send(raw.message(command, 3, IMAGE))
        assert peer.read_message().status == 0x0000
    assert stored == [(INSTANCE.decode(), IMAGE)]


def test_group_length_may_be_wrong_or_missing(scp: StartSCP) -> None:
    watched = scp()
    elements = raw.command_set(raw.echo_rq())[12:]
    with raw.associated(watched.port) as peer:
        for group_length in (b"", raw.element(0, pack("<L", 9999))):
            peer.send(pdus([(3, group_length + elements)], context_id=1))
            assert peer.read_message().status == 0x0000


@pytest.mark.parametrize("number", [raw.SOP_CLASS, raw.SOP_INSTANCE, None])
def test_responses_may_lack_uids(number: int | None) -> None:
    missing = (raw.SOP_CLASS, raw.SOP_INSTANCE) if number is None else (number,)

    def script(peer: Peer) -> None:
        peer.accept()
        peer.read_message()
        peer.send(raw.message(raw.without(raw.echo_rsp(), *missing)))
        peer.read_message()
        peer.send(raw.message(raw.without(raw.store_rsp(), *missing), 3))
        peer.agree_to_release()

    with raw.serving(script) as server:
        assoc = requesting(server)
        assert assoc.send_c_echo().Status == 0x0000
        assert assoc.send_c_store(image()).Status == 0x0000
        assoc.release()


def test_data_set_where_none_is_due_is_taken() -> None:
    def script(peer: Peer) -> None:
        peer.accept()
        peer.read_message()
        command = raw.echo_rsp() | {raw.DATA_SET_TYPE: raw.us(raw.HAS_DATA_SET)}
        peer.send(raw.message(command, 1, IMAGE))
        peer.agree_to_release()

    with raw.serving(script) as server:
        assoc = requesting(server)
        assert assoc.send_c_echo().Status == 0x0000
        assoc.release()


# -- instances for us as SCU -----------------------------------------------------------------


@pytest.mark.parametrize("context_id", [3, 1], ids=["own-context", "other-context"])
def test_instances_come_though_no_role_was_agreed_or_in_another_context(
    caplog: pytest.LogCaptureFixture, context_id: int
) -> None:
    def script(peer: Peer) -> None:
        peer.accept()
        peer.send(raw.message(raw.store_rq(9), context_id, IMAGE))
        response = peer.read_message()
        assert response.status == 0x0000
        assert response.context_id == context_id
        assert response.number(raw.RESPONDED_TO) == 9
        peer.send(raw.release_rq())
        peer.expect(raw.RELEASE_RP)

    contexts, stored = [], []

    def handle(event: Any) -> int:
        contexts.append(event.context.abstract_syntax)
        return store_in(stored, event)

    with raw.serving(script) as server:
        role, handlers = build_role(CT, scp_role=True), [(evt.EVT_C_STORE, handle)]
        assoc = requesting(server, ext_neg=[role], evt_handlers=handlers)
        assoc.join(raw.PATIENCE)
        assert assoc.is_released
    assert stored == [(INSTANCE.decode(), IMAGE)]
    assert contexts == [CT]
    assert any("role" in line for line in complaints(caplog.records))


# -- health checks and other visitors --------------------------------------------------------


def test_health_checks_are_not_worth_a_line(
    scp: StartSCP, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "pynetdicom")
    watched = scp()
    for end in (Peer.close, Peer.reset, Peer.finish_sending):
        with raw.connect(watched.port) as peer:
            end(peer)
            watched.wait_for(evt.EVT_CONN_CLOSE)
    watched.join()
    about_them = [record for record in caplog.records if "istening on" not in record.getMessage()]
    assert {record.levelno for record in about_them} <= {logging.DEBUG}


@pytest.mark.parametrize(
    "data",
    [
        b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.0\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(500),
    ],
    ids=["http", "ssh", "tls"],
)
def test_other_protocols_get_one_abort_and_one_line(
    scp: StartSCP, caplog: pytest.LogCaptureFixture, data: bytes
) -> None:
    watched = scp()
    with raw.connect(watched.port) as peer:
        peer.send(data)
        assert peer.expect_abort() == (0, 0)
        peer.finish_sending()
        peer.expect_closed()
    watched.join()
    assert len(complaints(caplog.records)) == 1


def test_peer_that_never_closes_after_our_abort(scp: StartSCP) -> None:
    watched = scp(limits=CLOSE_SOON)
    with raw.associated(watched.port) as peer:
        watched.wait_for(evt.EVT_ESTABLISHED).abort()
        assert peer.expect_abort() == (0, 0)
        peer.expect_closed()
    watched.join()


def test_echo_context_alone_is_enough(scp: StartSCP) -> None:
    watched = scp()
    with raw.associated(watched.port, ECHO_CONTEXT) as peer:
        assert peer.echo() == 0x0000
        peer.release()
