"""What an SCP of ours does with each kind of bad input: PDUs and messages (rows 1 to 15).

The numbers in the names of the tests are those of the table of required behaviours. The later
rows are in `test_limits_waiting.py` and `test_limits_failing.py`; the other direction, what a
requestor stands, is in `test_client_faults.py`.
"""

from __future__ import annotations

import errno
import os
import tempfile
import zlib
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from struct import pack
from typing import Any

import pytest

from pynetdicom import _spool, evt
from pynetdicom.limits import MIB, Limits
from tests.support import raw
from tests.support.associations import SOON
from tests.support.raw import CT_IMAGE, DEFLATED, ECHO_CONTEXT, IMPLICIT, INSTANCE, VERIFICATION
from tests.support.requests import FIND
from tests.support.watch import (
    Spooled,
    StartSCP,
    complaints,
    names_in,
    peak_memory,
)

CT, ECHO = CT_IMAGE.decode(), VERIFICATION.decode()


# -- row 1: the header decides ---------------------------------------------------------------


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"GET / HTTP/1.1\r\nHost: example\r\n\r\n", id="http"),
        pytest.param(b"SSH-2.0-client\r\n", id="ssh"),
        pytest.param(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", id="tls"),
        pytest.param(raw.header(0x00, 4), id="type-00"),
        pytest.param(raw.header(0x08, 0xFFFFFFFF), id="type-08"),
        pytest.param(raw.header(0xFF, 0), id="type-ff"),
        pytest.param(raw.header(raw.ASSOCIATE_AC, 200), id="accept"),
        pytest.param(raw.header(raw.ASSOCIATE_RJ, 4), id="reject"),
        pytest.param(raw.header(raw.P_DATA_TF, 0xFFFFFFF0), id="p-data"),
        pytest.param(raw.header(raw.RELEASE_RQ, 4), id="release-rq"),
        pytest.param(raw.header(raw.RELEASE_RP, 4), id="release-rp"),
        pytest.param(raw.header(raw.ASSOCIATE_RQ, 0), id="request-0"),
        pytest.param(raw.header(raw.ASSOCIATE_RQ, 67), id="request-67"),
        pytest.param(raw.header(raw.ASSOCIATE_RQ, MIB + 1), id="request-1-mib-and-1"),
        pytest.param(raw.header(raw.ASSOCIATE_RQ, 0xFFFFFFF0), id="request-4-gib"),
    ],
)
def test_row01_before_an_association_a_bad_header_is_answered_at_once(
    scp: StartSCP, data: bytes
) -> None:
    watched = scp()
    with raw.connect(watched.port) as peer:
        peer.send(data)
        assert peer.expect_abort() == (0, 0)
    watched.wait_for(evt.EVT_ABORTED)
    watched.join()
    assert watched.serves()


def test_row01_before_an_association_an_abort_closes_the_connection(scp: StartSCP) -> None:
    watched = scp()
    with raw.connect(watched.port) as peer:
        peer.send(raw.abort())
        peer.expect_closed()
    watched.join()


@pytest.mark.parametrize("pdu_type", [0x00, 0x08, 0x47, 0xFF])
def test_row01_unrecognised_pdu_in_an_association(scp: StartSCP, pdu_type: int) -> None:
    assert scp().refusal(raw.header(pdu_type, 0xFFFFFFFF)) == (2, 1)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(raw.associate_rq(), id="request"),
        pytest.param(raw.header(raw.ASSOCIATE_RQ, 0xFFFFFFFF), id="request-header"),
        pytest.param(raw.associate_ac(), id="accept"),
        pytest.param(raw.associate_rj(1, 1, 1), id="reject"),
        pytest.param(raw.release_rp(), id="release-rp"),
    ],
)
def test_row01_unexpected_pdu_in_an_association(scp: StartSCP, data: bytes) -> None:
    assert scp().refusal(data) == (2, 2)


@pytest.mark.parametrize(
    ("pdu_type", "length"),
    [
        (raw.RELEASE_RQ, 0),
        (raw.RELEASE_RQ, 3),
        (raw.RELEASE_RQ, 0xFFFFFFFF),
        (raw.ABORT, 0),
        (raw.ABORT, 0xFFFFFFFF),
        (raw.P_DATA_TF, 0xFFFFFFFF),
    ],
)
def test_row01_bad_length_in_an_association(scp: StartSCP, pdu_type: int, length: int) -> None:
    assert scp().refusal(raw.header(pdu_type, length)) == (2, 6)


# -- rows 2 to 6: lengths --------------------------------------------------------------------


def test_row02_request_of_almost_a_mebibyte_is_negotiated(scp: StartSCP) -> None:
    watched = scp()
    syntaxes = [b"1.2.%d." % number for number in range(128)]
    syntaxes = [uid.ljust(64, b"1") for uid in syntaxes]
    large = [raw.proposal(cx, CT_IMAGE, *syntaxes) for cx in range(3, 239, 2)]
    request = raw.associate_rq(ECHO_CONTEXT, *large)
    assert 0.97 * MIB < len(request) <= MIB
    with raw.connect(watched.port) as peer:
        peer.send(request)
        results = raw.results_of(peer.expect(raw.ASSOCIATE_AC))
        assert results.pop(1) == 0
        assert set(results.values()) == {4}
        assert peer.echo() == 0x0000
        peer.release()


def test_row02_the_limit_can_be_set(scp: StartSCP) -> None:
    request = raw.associate_rq()
    length = len(request) - 6
    watched = scp(limits=Limits(associate_length=length))
    assert watched.serves()
    watched.ae.limits = Limits(associate_length=length - 1)
    with raw.connect(watched.port) as peer:
        peer.send(request[:6])
        assert peer.expect_abort() == (0, 0)


@pytest.mark.parametrize("length", [4, 5, 64])
def test_row03_release_request_with_surplus_bytes_is_answered(scp: StartSCP, length: int) -> None:
    watched = scp()
    with raw.associated(watched.port) as peer:
        peer.send(raw.pdu(raw.RELEASE_RQ, b"\xff" * length))
        peer.expect(raw.RELEASE_RP)
    watched.wait_for(evt.EVT_RELEASED)
    watched.join()


@pytest.mark.parametrize("length", [4, 64])
def test_row03_abort_with_surplus_bytes_is_an_abort(scp: StartSCP, length: int) -> None:
    watched = scp()
    with raw.associated(watched.port) as peer:
        peer.send(raw.pdu(raw.ABORT, bytes(length)))
        peer.expect_closed()
    watched.wait_for(evt.EVT_ABORTED)
    watched.join()


@pytest.mark.parametrize("pdu_type", [raw.RELEASE_RQ, raw.ABORT])
def test_row03_more_than_64_bytes_are_not_read(scp: StartSCP, pdu_type: int) -> None:
    assert scp().refusal(raw.header(pdu_type, 65)) == (2, 6)


def test_row04_longer_pdus_than_announced_are_taken_with_one_warning(
    store_scp: StartSCP, caplog: pytest.LogCaptureFixture
) -> None:
    received = []
    watched = store_scp(lambda event: received.append(event.encoded_dataset(False)) or 0x0000)
    data = raw.data_set(length=100_000)
    with raw.associated(watched.port) as peer:
        for message_id in (1, 2):
            peer.send(raw.message(raw.store_rq(message_id), 3, data, size=60_000))
            assert peer.read_message().status == 0x0000
        peer.release()
    assert received == [data, data]
    assert len([line for line in complaints(caplog.records) if "16382" in line]) == 1


@pytest.mark.parametrize(("announced", "cap"), [(16382, MIB), (0, 16 * MIB), (MIB, 2 * MIB)])
def test_row04_pdus_up_to_the_cap_are_taken_and_not_one_byte_more(
    store_scp: StartSCP, announced: int, cap: int
) -> None:
    watched = store_scp(maximum_pdu_size=announced)
    with raw.associated(watched.port) as peer:
        data = raw.data_set(length=min(cap, 2 * MIB) - 200)
        peer.send(raw.message(raw.store_rq(), 3, data, size=len(data)))
        assert peer.read_message().status == 0x0000
        peer.send(raw.header(raw.P_DATA_TF, cap + 1))
        assert peer.expect_abort() == (2, 6)


def test_row04_the_cap_can_be_set(scp: StartSCP) -> None:
    watched = scp(limits=Limits(p_data_length=40_000))
    assert watched.refusal(raw.header(raw.P_DATA_TF, 40_001)) == (2, 6)


@pytest.mark.parametrize(
    ("first", "begun"),
    [
        pytest.param(b"", raw.header(raw.ASSOCIATE_RQ, MIB), id="request"),
        pytest.param(raw.associate_rq(), raw.header(raw.P_DATA_TF, 16 * MIB), id="p-data"),
    ],
)
def test_row05_buffers_grow_with_the_bytes_that_came(
    scp: StartSCP, first: bytes, begun: bytes
) -> None:
    connections = 10
    watched = scp(maximum_pdu_size=0, maximum_associations=connections)
    assert watched.serves()  # what is made but once has been made
    with peak_memory() as peak, ExitStack() as stack:
        for _ in range(connections):
            peer = stack.enter_context(raw.connect(watched.port))
            if first:
                peer.send(first)
                peer.expect(raw.ASSOCIATE_AC)
            peer.send(begun, bytes(1000))
            peer.finish_sending()
            peer.drain()
        watched.join()
    assert peak.size / connections < 128 * 1024


FIXED = b"\0\x01\0\0" + b"ACCEPTOR".ljust(16) + b"REQUESTOR".ljust(16) + bytes(32)
APPLICATION = raw.item(0x10, raw.APPLICATION_CONTEXT)
USER = raw.user_information()


def request(*items: bytes) -> bytes:
    """Return an A-ASSOCIATE-RQ of whatever items."""
    return raw.pdu(raw.ASSOCIATE_RQ, FIXED + b"".join(items))


def with_user_item(item: bytes) -> bytes:
    """Return an A-ASSOCIATE-RQ with an item in its user information."""
    return request(APPLICATION, ECHO_CONTEXT, raw.user_information(item))


def context_item(*sub_items: bytes) -> bytes:
    """Return a presentation context item, ID 5, of whatever sub-items."""
    return raw.item(0x20, b"\x05\0\0\0" + b"".join(sub_items))


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(request(), id="no-items"),
        pytest.param(request(APPLICATION, ECHO_CONTEXT, USER, b"\x10"), id="header-cut"),
        pytest.param(request(ECHO_CONTEXT, USER, APPLICATION[:-3]), id="item-cut"),
        pytest.param(request(APPLICATION, ECHO_CONTEXT, USER, raw.item(0x50)), id="two-users"),
        pytest.param(
            request(raw.item(0x10, b"1.2", length=0xFFFF), ECHO_CONTEXT, USER), id="item-too-long"
        ),
        pytest.param(request(APPLICATION, raw.item(0x20, b"\x01"), USER), id="context-too-short"),
        pytest.param(
            request(APPLICATION, context_item(raw.item(0x30, b"1", length=99)), ECHO_CONTEXT, USER),
            id="syntax-runs-into-the-next-item",
        ),
        pytest.param(
            request(APPLICATION, ECHO_CONTEXT, raw.item(0x50, raw.item(0x51, bytes(4), length=60))),
            id="user-item-too-long",
        ),
        pytest.param(
            request(APPLICATION, ECHO_CONTEXT, raw.item(0x50, raw.item(0x51, b"abc"))),
            id="maximum-length-of-3-bytes",
        ),
        pytest.param(with_user_item(raw.item(0x53, b"abc")), id="window-of-3-bytes"),
        pytest.param(with_user_item(raw.item(0x54, b"\xff\xff1.2\x01\x01")), id="role-too-long"),
        pytest.param(with_user_item(raw.item(0x54, b"\0\x031.2\x01")), id="role-cut"),
        pytest.param(with_user_item(raw.item(0x56, b"\xff\xff1.2abc")), id="extended-uid-too-long"),
        pytest.param(
            with_user_item(raw.item(0x57, b"\0\x031.2\xff\xff1.3")), id="common-uid-too-long"
        ),
        pytest.param(with_user_item(raw.item(0x58, b"\x02\0\xff\xffuser")), id="identity-too-long"),
        pytest.param(with_user_item(raw.item(0x58, b"\x02")), id="identity-cut"),
    ],
)
def test_row06_malformed_request_is_refused(
    scp: StartSCP, data: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    watched = scp()
    with raw.connect(watched.port) as peer:
        peer.send(data)
        assert peer.expect_abort() == (0, 0)
    watched.wait_for(evt.EVT_ABORTED)
    watched.join()
    assert "Traceback" not in caplog.text
    assert watched.serves()


def test_row06_request_cut_off_anywhere_gets_an_answer(
    scp: StartSCP, caplog: pytest.LogCaptureFixture
) -> None:
    watched = scp()
    identity = raw.user_identity(2, b"user", b"secret")
    whole = raw.associate_rq(user=raw.user_information(raw.roles(CT_IMAGE, 1, 1), identity))
    body = whole[6:]
    for end in range(len(body)):
        with raw.connect(watched.port) as peer:
            peer.send(raw.pdu(raw.ASSOCIATE_RQ, body[:end]))
            found = peer.read_pdu()
            assert found.pdu_type == raw.ABORT, f"cut off after {end} bytes"
            assert found.body == bytes(4)
    assert "Traceback" not in caplog.text
    assert watched.serves()


# -- rows 7 and 8: what is proposed ----------------------------------------------------------


def test_row07_128_contexts_are_negotiated(scp: StartSCP) -> None:
    watched = scp()
    with raw.connect(watched.port) as peer:
        body = peer.request(*[raw.proposal(cx, VERIFICATION, IMPLICIT) for cx in range(1, 256, 2)])
        assert raw.results_of(body) == dict.fromkeys(range(1, 256, 2), 0)
        assert peer.echo(context_id=255) == 0x0000


@pytest.mark.parametrize("ids", [(1, 1), (2,), (0,), (1, 254), (3, 1, 3)], ids=str)
def test_row07_doubled_or_even_context_ids_are_refused(scp: StartSCP, ids: tuple[int, ...]) -> None:
    watched = scp()
    with raw.connect(watched.port) as peer:
        peer.send(raw.associate_rq(*[raw.proposal(cx, VERIFICATION, IMPLICIT) for cx in ids]))
        assert peer.expect_abort() == (0, 0)
    watched.join()


LONG_UID = b"1.2." + b"3" * 61
ABSTRACT, TRANSFER = raw.item(0x30, VERIFICATION), raw.item(0x40, IMPLICIT)


@pytest.mark.parametrize(
    "bad",
    [
        pytest.param(context_item(), id="nothing"),
        pytest.param(context_item(TRANSFER), id="no-abstract-syntax"),
        pytest.param(context_item(ABSTRACT), id="no-transfer-syntax"),
        pytest.param(context_item(ABSTRACT, ABSTRACT, TRANSFER), id="two-abstract-syntaxes"),
        pytest.param(context_item(raw.item(0x30, b""), TRANSFER), id="empty-abstract-syntax"),
        pytest.param(context_item(ABSTRACT, raw.item(0x40, b"")), id="empty-transfer-syntax"),
        pytest.param(context_item(raw.item(0x30, LONG_UID), TRANSFER), id="long-abstract-syntax"),
        pytest.param(context_item(ABSTRACT, raw.item(0x40, LONG_UID)), id="long-transfer-syntax"),
        pytest.param(context_item(raw.item(0x30, b"../etc"), TRANSFER), id="letters"),
        pytest.param(
            context_item(ABSTRACT, *[raw.item(0x40, b"1.2.%d" % n) for n in range(128)], TRANSFER),
            id="129-transfer-syntaxes",
        ),
    ],
)
def test_row07_bad_context_is_not_accepted(scp: StartSCP, bad: bytes) -> None:
    watched = scp()
    with raw.connect(watched.port) as peer:
        peer.send(raw.associate_rq(ECHO_CONTEXT, bad))
        found = peer.read_pdu()
        if found.pdu_type == raw.ABORT:
            assert found.body == bytes(4)
            return
        results = raw.results_of(found.body)
        assert results[1] == 0
        assert results[5] in (3, 4)
        assert peer.echo() == 0x0000


@pytest.mark.parametrize("called", [b"OURS", b"  OURS  ", b"OURS\0\0", b" OURS"])
def test_row07_padding_of_ae_titles_is_ignored(scp: StartSCP, called: bytes) -> None:
    watched = scp(ae_title="OURS", require_called_aet=True, require_calling_aet=["THEIRS"])
    with raw.connect(watched.port) as peer:
        peer.request(called=called, calling=b" THEIRS")


@pytest.mark.parametrize("called", [b"", b"\0" * 16, b"\n", b"OTHER", b"ours"])
def test_row07_blank_or_other_called_title_is_rejected(scp: StartSCP, called: bytes) -> None:
    watched = scp(ae_title="OURS", require_called_aet=True)
    with raw.connect(watched.port) as peer:
        peer.send(raw.associate_rq(called=called))
        assert peer.expect_rejection() == (1, 1, 7)
    watched.wait_for(evt.EVT_REJECTED)
    watched.join()


@pytest.mark.parametrize("version", [0, 2, 0xFFFE])
def test_row08_version_without_bit_0_is_rejected(scp: StartSCP, version: int) -> None:
    watched = scp()
    with raw.connect(watched.port) as peer:
        peer.send(raw.associate_rq(version=version))
        assert peer.expect_rejection() == (1, 2, 2)
    watched.join()


@pytest.mark.parametrize("version", [1, 3, 0xFFFF])
def test_row08_version_with_bit_0_is_accepted(scp: StartSCP, version: int) -> None:
    watched = scp()
    with raw.connect(watched.port) as peer:
        peer.request(version=version)
        assert peer.echo() == 0x0000


def test_row08_other_application_context_is_rejected_unless_that_is_allowed(
    scp: StartSCP,
) -> None:
    watched = scp()
    for application in (b"1.2.840.10008.3.1.1.2", b"", b"x"):
        with raw.connect(watched.port) as peer:
            peer.send(raw.associate_rq(application=application))
            assert peer.expect_rejection() == (1, 1, 2)
    watched.ae.require_application_context = False
    with raw.connect(watched.port) as peer:
        peer.request(application=b"1.2.840.10008.3.1.1.2")


# -- rows 9 to 13, 15: messages --------------------------------------------------------------


ECHO_COMMAND = raw.command_set(raw.echo_rq())
STORE_COMMAND = raw.command_set(raw.store_rq())


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"\0\0\0\0", id="length-0"),
        pytest.param(b"\0\0\0\x01\x01", id="length-1"),
        pytest.param(b"\0\0\0", id="length-cut"),
        pytest.param(raw.pdv(1, 3, ECHO_COMMAND, length=0xFFFFFFFF), id="length-ffffffff"),
        pytest.param(raw.pdv(1, 3, b"1234", length=7), id="length-plus-1"),
        pytest.param(raw.pdv(1, 3, b"1234", length=5), id="length-minus-1"),
    ],
)
def test_row09_pdv_that_does_not_fit_is_refused(scp: StartSCP, body: bytes) -> None:
    assert scp().refusal(raw.pdu(raw.P_DATA_TF, body)) == (2, 0)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(raw.p_data_of((5, 3, ECHO_COMMAND)), id="context-not-proposed"),
        pytest.param(raw.p_data_of((2, 3, ECHO_COMMAND)), id="even-context"),
        pytest.param(raw.p_data_of((1, 2, b"data")), id="data-without-command"),
        pytest.param(
            raw.p_data_of((1, 1, ECHO_COMMAND[:10]), (1, 2, b"data")), id="data-within-command"
        ),
        pytest.param(
            raw.p_data_of((3, 3, STORE_COMMAND), (3, 0, b"data"), (3, 3, ECHO_COMMAND)),
            id="command-within-data",
        ),
        pytest.param(
            raw.p_data_of((3, 3, STORE_COMMAND), (1, 2, b"data")), id="data-in-another-context"
        ),
        pytest.param(
            raw.p_data_of((1, 1, ECHO_COMMAND[:10]), (3, 3, ECHO_COMMAND[10:])),
            id="command-in-two-contexts",
        ),
    ],
)
def test_row09_fragments_out_of_place_are_refused(scp: StartSCP, data: bytes) -> None:
    assert scp().refusal(data) == (2, 0)


def test_row09_rejected_context_is_refused(scp: StartSCP) -> None:
    watched = scp(contexts=[ECHO])
    with raw.associated(watched.port) as peer:
        peer.send(raw.message(raw.store_rq(), 3, raw.data_set()))
        assert peer.expect_abort() == (2, 0)


EMPTY = raw.p_data_of((1, raw.COMMAND, b""))


@pytest.mark.parametrize(
    "empty", [pytest.param(EMPTY, id="empty-pdv"), pytest.param(raw.p_data(), id="no-pdv")]
)
def test_row10_64_empty_pdvs_are_taken(scp: StartSCP, empty: bytes) -> None:
    watched = scp()
    with raw.associated(watched.port) as peer:
        peer.send(empty * 64, raw.p_data_of((1, raw.COMMAND, ECHO_COMMAND[:10])))
        peer.send(empty * 64, raw.p_data_of((1, raw.LAST_COMMAND, ECHO_COMMAND[10:])))
        assert peer.read_message().status == 0x0000


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(EMPTY * 65, id="empty-pdvs"),
        pytest.param(raw.p_data_of(*[(1, raw.COMMAND, b"")] * 65), id="empty-pdvs-in-one-pdu"),
        pytest.param(raw.p_data() * 65, id="no-pdvs"),
        pytest.param((raw.p_data() + EMPTY) * 33, id="both"),
    ],
)
def test_row10_65_empty_pdvs_are_refused(scp: StartSCP, data: bytes) -> None:
    assert scp().refusal(data) == (2, 0)


def test_row11_command_set_is_refused_as_soon_as_it_is_too_long(scp: StartSCP) -> None:
    fragment = raw.p_data_of((1, raw.COMMAND, bytes(16 * 1024)))
    assert scp().refusal(fragment * 4, raw.p_data_of((1, raw.COMMAND, b"\0\0"))) == (2, 0)


def test_row11_command_set_up_to_the_limit_is_taken(scp: StartSCP) -> None:
    watched = scp()
    private = raw.echo_rq() | {0x5555: bytes(64 * 1024 - 8 - len(ECHO_COMMAND))}
    assert len(raw.command_set(private)) == 64 * 1024
    with raw.associated(watched.port) as peer:
        peer.send(raw.message(private))
        assert peer.read_message().status == 0x0000


@pytest.mark.parametrize("fails", [False, True], ids=["success", "handler-raises"])
def test_row12_large_data_set_goes_through_a_private_file_that_is_removed(
    store_scp: StartSCP, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, fails: bool
) -> None:
    spooled = Spooled(monkeypatch)
    seen = []

    def handle(event: Any) -> int:
        seen.append((event.encoded_dataset(False), names_in(tmp_path)))
        if fails:
            raise RuntimeError("no")
        return 0x0000

    watched = store_scp(handle, limits=Limits(spool_threshold=1000, spool_directory=str(tmp_path)))
    data = raw.data_set(length=50_000)
    with raw.associated(watched.port) as peer:
        assert peer.store(data) == (0xC211 if fails else 0x0000)
        assert names_in(tmp_path) == []
        peer.release()
    assert seen == [(data, [Path(path).name for path in spooled.paths])]
    assert spooled.modes == [0o600]


def test_row12_small_data_set_stays_in_memory(
    store_scp: StartSCP, monkeypatch: pytest.MonkeyPatch
) -> None:
    spooled = Spooled(monkeypatch)
    watched = store_scp(limits=Limits(spool_threshold=60_000))
    with raw.associated(watched.port) as peer:
        assert peer.store(raw.data_set(length=50_000)) == 0x0000
    assert spooled.paths == []


@pytest.mark.parametrize(
    "end",
    [
        pytest.param(lambda peer: peer.send(raw.abort()), id="abort"),
        pytest.param(lambda peer: peer.send(raw.release_rq()), id="release"),
        pytest.param(lambda peer: peer.send(b"\xff" * 6), id="garbage"),
        pytest.param(lambda peer: peer.send(raw.p_data_of((3, 0, bytes(60_000)))), id="too-long"),
        pytest.param(lambda peer: peer.finish_sending(), id="fin"),
        pytest.param(lambda peer: peer.reset(), id="reset"),
        pytest.param(lambda peer: peer.drain(), id="stall"),
    ],
)
def test_row12_file_of_an_unfinished_data_set_is_removed(
    store_scp: StartSCP,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    end: Callable[[raw.Peer], object],
) -> None:
    spooled = Spooled(monkeypatch)
    handled = []
    watched = store_scp(
        lambda event: handled.append(event) or 0x0000,
        network_timeout=SOON,
        limits=Limits(
            spool_threshold=1000,
            spool_directory=str(tmp_path),
            store_data_length=100_000,
            close_timeout=SOON,
        ),
    )
    with raw.associated(watched.port) as peer:
        peer.send(raw.message(raw.store_rq(), 3), raw.p_data_of((3, 0, bytes(50_000))))
        end(peer)
        watched.wait_for(evt.EVT_CONN_OPEN)
    watched.join()
    assert handled == []
    assert len(spooled.paths) <= 1  # none if a reset overtook the data
    assert names_in(tmp_path) == []


def full(*args: Any, **kwargs: Any) -> Any:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def after(count: int, function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function that fails from some call on."""
    left = [count]

    def wrapped(*args: Any, **kwargs: Any) -> Any:
        left[0] -= 1
        return function(*args, **kwargs) if left[0] >= 0 else full()

    return wrapped


LACKS = {
    "no-file": (tempfile, "mkstemp", full),
    "first-write": (_spool, "_writev", full),
    "later-write": (_spool, "_writev", after(2, _spool._writev)),
    "close": (_spool._TemporaryFile, "finish", full),
}


@pytest.mark.parametrize("lack", LACKS)
def test_row33_no_room_for_the_file_is_out_of_resources(
    store_scp: StartSCP,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    lack: str,
) -> None:
    handled = []
    watched = store_scp(
        lambda event: handled.append(event.message_id) or 0x0000,
        limits=Limits(spool_threshold=1000, spool_directory=str(tmp_path)),
    )
    with raw.associated(watched.port) as peer:
        with monkeypatch.context() as patch:
            patch.setattr(*LACKS[lack])
            # One after the other: the request before gets its answer first
            peer.send(raw.message(raw.echo_rq(1)))
            peer.send(raw.message(raw.store_rq(2), 3, raw.data_set(length=100_000)))
            assert peer.read_message().number(raw.RESPONDED_TO) == 1
            response = peer.read_message()
            assert (response.number(raw.RESPONDED_TO), response.status) == (2, 0xA700)
        assert names_in(tmp_path) == []
        assert peer.store(raw.data_set(length=5000), 3) == 0x0000
        peer.release()
    assert handled == [3]
    (line,) = complaints(caplog.records)
    assert str(tmp_path) in line
    assert "No space left on device" in line


def test_row33_no_room_is_told_with_the_systems_folder(
    store_scp: StartSCP, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    watched = store_scp(limits=Limits(spool_threshold=1000))
    monkeypatch.setattr(tempfile, "mkstemp", full)
    with raw.associated(watched.port) as peer:
        assert peer.store(raw.data_set(length=5000)) == 0xA700
        peer.release()
    (line,) = complaints(caplog.records)
    assert "the system's temporary folder" in line


def test_row33_what_is_dropped_counts_against_the_limit(
    store_scp: StartSCP, monkeypatch: pytest.MonkeyPatch
) -> None:
    watched = store_scp(limits=Limits(spool_threshold=1000, store_data_length=50_000))
    monkeypatch.setattr(_spool, "_writev", full)
    with raw.associated(watched.port) as peer:
        peer.send(raw.message(raw.store_rq(), 3), raw.p_data_of((3, 0, bytes(30_000))))
        peer.send(raw.p_data_of((3, 0, bytes(20_002))))
        assert peer.expect_abort() == (2, 0)


def test_row33_handler_of_another_request_gets_the_error(
    scp: StartSCP, monkeypatch: pytest.MonkeyPatch
) -> None:
    caught = []

    def find(event: Any) -> Any:
        try:
            yield 0xFF00, event.identifier
        except OSError as exc:
            caught.append(exc.errno)
            yield 0xA700, None

    watched = scp(
        contexts=[FIND],
        handlers=[(evt.EVT_C_FIND, find)],
        limits=Limits(spool_threshold=1000),
    )
    monkeypatch.setattr(tempfile, "mkstemp", full)
    request = raw.store_rq() | {
        raw.SOP_CLASS: raw.ui(FIND.encode()),
        raw.COMMAND_FIELD: raw.us(0x0020),
    }
    with raw.associated(watched.port, raw.proposal(1, FIND.encode(), IMPLICIT)) as peer:
        identifier = raw.data_element(0x0010, 0x0020, b"x" * 5000)
        peer.send(raw.message(raw.without(request, raw.SOP_INSTANCE), 1, identifier))
        assert peer.read_message().status == 0xA700
        peer.release()
    assert caught == [errno.ENOSPC]


def test_row13_longest_data_set_of_a_store(store_scp: StartSCP) -> None:
    data = raw.data_set(length=30_000)
    watched = store_scp(limits=Limits(store_data_length=len(data), data_set_length=10))
    with raw.associated(watched.port) as peer:
        assert peer.store(data) == 0x0000
        peer.send(raw.message(raw.store_rq(), 3, data + b"\0\0"))
        assert peer.expect_abort() == (2, 0)
    watched.ae.limits = Limits(store_data_length=None)
    with raw.associated(watched.port) as peer:
        assert peer.store(data + data) == 0x0000


def test_row13_longest_data_set_of_other_messages(scp: StartSCP) -> None:
    watched = scp(limits=Limits(data_set_length=1000, store_data_length=10))
    with_data = raw.echo_rq() | {raw.DATA_SET_TYPE: raw.us(raw.HAS_DATA_SET)}
    with raw.associated(watched.port) as peer:
        peer.send(raw.message(with_data, 1, bytes(1000)))
        assert peer.read_message().status == 0x0000
        peer.send(raw.message(with_data, 1, bytes(1002)))
        assert peer.expect_abort() == (2, 0)


def deflated(data: bytes) -> bytes:
    """Return a data set as the Deflated transfer syntax has it (PS3.5 A.5)."""
    deflater = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    result = deflater.compress(data) + deflater.flush()
    return result + b"\0" * (len(result) % 2)


def explicit_data_set(length: int) -> bytes:
    """Return a data set of one element of VR OB, in Explicit VR Little Endian."""
    return pack("<HH2s2xL", 0x7FE0, 0x0010, b"OB", length) + bytes(length)


@pytest.mark.parametrize(
    ("length", "limits", "status"),
    [
        pytest.param(90_000, Limits(inflated_length=100_000), 0x0000, id="within"),
        pytest.param(110_000, Limits(inflated_length=100_000), 0xC000, id="too-large"),
        pytest.param(17 * MIB, Limits(), 0xC000, id="ratio"),
    ],
)
def test_row14_inflated_data_set_is_limited(
    store_scp: StartSCP, length: int, limits: Limits, status: int
) -> None:
    watched = store_scp(
        lambda event: 0x0000 if event.dataset.PixelData else 0x0001,
        contexts=[(CT, DEFLATED.decode())],
        limits=limits,
    )
    data = deflated(explicit_data_set(length))
    with raw.associated(watched.port, raw.proposal(3, CT_IMAGE, DEFLATED)) as peer:
        with peak_memory() as peak:
            assert peer.store(data) == status
        assert peer.store(deflated(explicit_data_set(100))) == 0x0000
    assert peak.size < 40 * MIB


def nested(depth: int) -> bytes:
    """Return a data set with sequences in sequences."""
    data = raw.data_element(0x0008, 0x0018, raw.ui(INSTANCE))
    for _ in range(depth):
        item = pack("<HHL", 0xFFFE, 0xE000, len(data)) + data
        data = raw.data_element(0x0008, 0x1115, item)
    return data


@pytest.mark.parametrize(("depth", "status"), [(64, 0x0000), (65, 0xC000), (2000, 0xC000)])
def test_row14_depth_of_sequences_is_limited(store_scp: StartSCP, depth: int, status: int) -> None:
    watched = store_scp(lambda event: 0x0000 if len(event.dataset) else 0x0001)
    with raw.associated(watched.port) as peer:
        assert peer.store(nested(depth)) == status
        assert peer.store(raw.data_set()) == 0x0000


def with_items(count: int, undefined: bool) -> bytes:
    """Return a data set of one sequence with so many empty items."""
    items = pack("<HHL", 0xFFFE, 0xE000, 0) * count
    if not undefined:
        return raw.data_element(0x0008, 0x1115, items)
    end = pack("<HHL", 0xFFFE, 0xE0DD, 0)
    return raw.data_element_header(0x0008, 0x1115, 0xFFFFFFFF) + items + end


@pytest.mark.parametrize("undefined", [False, True], ids=["defined", "undefined"])
def test_row14_number_of_items_is_limited(store_scp: StartSCP, undefined: bool) -> None:
    watched = store_scp(lambda event: 0x0000 if len(event.dataset[0x00081115].value) else 0x0001)
    with raw.associated(watched.port) as peer:
        with peak_memory() as peak:
            assert peer.store(with_items(125_000, undefined)) == 0xC000
        assert peer.store(with_items(100, undefined)) == 0x0000
    assert peak.size < 10 * MIB


def bad_command(*elements: bytes) -> bytes:
    """Return a C-ECHO request with other bytes as its command set, in context 1."""
    return raw.p_data_of((1, raw.LAST_COMMAND, b"".join(elements)))


ECHO_ELEMENTS = raw.echo_rq()


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(bad_command(b""), id="empty"),
        pytest.param(bad_command(b"\xff" * 50), id="garbage"),
        pytest.param(bad_command(ECHO_COMMAND[:-1]), id="last-element-cut"),
        pytest.param(bad_command(ECHO_COMMAND[:-6]), id="last-header-cut"),
        pytest.param(
            bad_command(raw.element(raw.COMMAND_FIELD, raw.us(0x30), length=0xFFFFFFFF)),
            id="element-too-long",
        ),
        pytest.param(
            raw.message(raw.without(ECHO_ELEMENTS, raw.COMMAND_FIELD)), id="no-command-field"
        ),
        pytest.param(
            raw.message(raw.without(ECHO_ELEMENTS, raw.DATA_SET_TYPE)), id="no-data-set-type"
        ),
        pytest.param(
            raw.message(ECHO_ELEMENTS | {raw.COMMAND_FIELD: b"\x30"}), id="command-field-of-1-byte"
        ),
        pytest.param(
            raw.message(ECHO_ELEMENTS | {raw.DATA_SET_TYPE: b""}), id="data-set-type-empty"
        ),
        pytest.param(
            raw.message(ECHO_ELEMENTS | {raw.MESSAGE_ID: b"abc"}), id="message-id-of-3-bytes"
        ),
        pytest.param(raw.message(raw.without(raw.echo_rq(), raw.SOP_CLASS)), id="no-sop-class"),
        pytest.param(
            raw.message(raw.without(raw.store_rq(), raw.SOP_INSTANCE), 3, raw.data_set()),
            id="no-sop-instance",
        ),
        pytest.param(
            raw.message(ECHO_ELEMENTS | {raw.COMMAND_FIELD: raw.us(0x8ABC)}), id="unknown-response"
        ),
    ],
)
def test_row15_command_set_that_cannot_be_served_is_refused(scp: StartSCP, data: bytes) -> None:
    assert scp().refusal(data) == (2, 0)


@pytest.mark.parametrize("field", [0x0000, 0x0031, 0x7FFF])
def test_row15_unknown_command_gets_status_0211(scp: StartSCP, field: int) -> None:
    watched = scp()
    with raw.associated(watched.port) as peer:
        peer.send(raw.message(raw.echo_rq(7) | {raw.COMMAND_FIELD: raw.us(field)}))
        response = peer.read_message()
        assert response.status == 0x0211
        assert response.context_id == 1
        assert response.number(raw.RESPONDED_TO) == 7
        assert response.number(raw.COMMAND_FIELD) == field | 0x8000
        assert peer.echo(8) == 0x0000


def test_row15_unknown_elements_are_ignored(scp: StartSCP) -> None:
    watched = scp()
    with raw.associated(watched.port) as peer:
        peer.send(raw.message(raw.echo_rq() | {0x0001: b"ab", 0x4321: b"", 0x5010: b"\xff" * 9}))
        assert peer.read_message().status == 0x0000
