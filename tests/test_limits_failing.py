"""What an SCP of ours does when something fails, and what it says about it (rows 31 to 40).

As `test_limits.py`, which has the rows before.
"""

from __future__ import annotations

import errno
import logging
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from time import monotonic
from typing import Any

import pytest
from pydicom import dcmread

from pynetdicom import evt
from pynetdicom.dul.protocol import _KNOWN
from pynetdicom.limits import MIB, Limits
from tests.support import raw
from tests.support.raw import CT_IMAGE, ECHO_CONTEXT, IMPLICIT, INSTANCE, VERIFICATION
from tests.support.watch import (
    StartSCP,
    complaints,
    names_in,
    scu,
)

CT, ECHO = CT_IMAGE.decode(), VERIFICATION.decode()


# -- row 31: exceptions ----------------------------------------------------------------------


def raises(event: Any) -> Any:
    """Be a bad handler."""
    raise RuntimeError("a bad handler")


@pytest.mark.parametrize(
    "event",
    [value for value in vars(evt).values() if isinstance(value, evt.NotificationEvent)],
    ids=str,
)
def test_row31_bad_notification_handler_is_logged_and_changes_nothing(
    start_scp: Callable[..., Any], event: Any, caplog: pytest.LogCaptureFixture
) -> None:
    after = []
    handlers = [(event, raises), (event, after.append)]
    server = start_scp(handlers=handlers, require_calling_aet=["GOOD"])
    port = server.server_address[1]
    with raw.associated(port, calling=b"GOOD") as peer:
        assert peer.echo() == 0x0000
        peer.release()
    with raw.connect(port) as peer:
        peer.send(raw.associate_rq(calling=b"BAD"))
        assert peer.expect_rejection() == (1, 1, 3)
    with raw.associated(port, calling=b"GOOD") as peer:
        peer.send(raw.header(0xFF, 0))
        assert peer.expect_abort() == (2, 1)
    for assoc in server.active_associations:
        assoc.join(raw.PATIENCE)
    errors = [r for r in caplog.records if r.exc_info and "a bad handler" in str(r.exc_info[1])]
    assert len(errors) == len(after) > 0


def test_row31_bad_store_handler_answers_c211(
    store_scp: StartSCP, caplog: pytest.LogCaptureFixture
) -> None:
    watched = store_scp(raises)
    with raw.associated(watched.port) as peer:
        assert peer.store(raw.data_set()) == 0xC211
        assert peer.store(raw.data_set()) == 0xC211
    assert [r.levelname for r in caplog.records if r.exc_info] == ["ERROR", "ERROR"]


def test_row31_bad_echo_handler_answers_success(scp: StartSCP) -> None:
    watched = scp(handlers=[(evt.EVT_C_ECHO, raises)])
    with raw.associated(watched.port) as peer:
        assert peer.echo() == 0x0000


@pytest.mark.parametrize("answer", [raises, lambda event: None, lambda event: (1, 2, 3)])
def test_row31_bad_identity_handler_rejects(scp: StartSCP, answer: Callable[..., Any]) -> None:
    watched = scp(handlers=[(evt.EVT_USER_ID, answer)])
    with raw.connect(watched.port) as peer:
        user = raw.user_information(raw.user_identity(1, b"user"))
        peer.send(raw.associate_rq(user=user))
        assert peer.expect_rejection() == (2, 2, 1)


@pytest.mark.parametrize(
    "status", [-1, 70_000, object(), "0000", None, [], 1.5], ids=lambda value: type(value).__name__
)
def test_row31_unusable_status_is_never_silence(store_scp: StartSCP, status: Any) -> None:
    watched = store_scp(lambda event: status)
    with raw.associated(watched.port) as peer:
        peer.send(raw.message(raw.store_rq(), 3, raw.data_set()))
        found = peer.read_pdu()
        if isinstance(status, int):
            assert found.pdu_type == raw.ABORT
        else:
            assert raw.us(0xC002) in found.body


@pytest.mark.parametrize("exception", [SystemExit, KeyboardInterrupt, GeneratorExit])
@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_row31_handler_that_ends_its_thread_is_never_silence(
    store_scp: StartSCP, exception: type[BaseException]
) -> None:
    def leave(event: Any) -> int:
        raise exception

    watched = store_scp(leave)
    with raw.associated(watched.port) as peer:
        peer.send(raw.message(raw.store_rq(), 3, raw.data_set()))
        found = peer.read_pdu()
        assert found.pdu_type == raw.ABORT or raw.us(0xC211) in found.body
        peer.send(raw.abort())
    watched.join()
    assert watched.serves()


def test_row31_exception_in_a_decoder_is_never_silence(
    scp: StartSCP, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*args: Any) -> Any:
        raise ZeroDivisionError("a bad decoder")

    watched = scp()
    with raw.associated(watched.port) as peer:
        monkeypatch.setattr("pynetdicom.dul.protocol.decode_pdu", broken)
        _KNOWN.clear()  # of what was right before
        peer.send(raw.release_rq())
        peer.expect_abort()
    with raw.connect(watched.port) as other:
        other.send(raw.associate_rq())
        assert other.drain()[:1] in (b"", bytes((raw.ABORT,)))
    watched.join()
    assert len([r for r in caplog.records if r.exc_info]) == 2
    monkeypatch.undo()
    assert watched.serves()


def test_row31_exception_in_the_command_decoder_is_never_silence(
    scp: StartSCP, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*args: Any) -> Any:
        raise ZeroDivisionError("a bad decoder")

    watched = scp()
    with raw.associated(watched.port) as peer:
        monkeypatch.setattr("pynetdicom.dimse.decode_command", broken)
        peer.send(raw.message(raw.echo_rq()))
        peer.expect_abort()
    watched.join()


class BadLogHandler(logging.Handler):
    """A log handler that raises."""

    def emit(self, record: logging.LogRecord) -> None:
        raise RuntimeError("a bad log handler")


@pytest.fixture
def bad_log() -> Iterator[logging.Logger]:
    """Attach a log handler that raises, at level DEBUG."""
    logger, handler = logging.getLogger("pynetdicom"), BadLogHandler()
    level = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    yield logger
    logger.removeHandler(handler)
    logger.setLevel(level)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
@pytest.mark.parametrize(
    "data",
    [raw.associate_rq() + raw.message(raw.echo_rq()), raw.header(0xFF, 0), b""],
    ids=["echo", "garbage", "nothing"],
)
def test_row31_bad_log_handler_is_never_silence(
    scp: StartSCP, bad_log: logging.Logger, data: bytes
) -> None:
    watched = scp()
    with raw.connect(watched.port) as peer:
        peer.send(data)
        peer.finish_sending()
        peer.drain()  # whatever comes, it comes to an end
    for handler in list(bad_log.handlers):
        if isinstance(handler, BadLogHandler):
            bad_log.removeHandler(handler)
    watched.join()
    assert watched.serves()


# -- rows 33 and 34: files -------------------------------------------------------------------


@pytest.mark.parametrize("threshold", [0, 1000, MIB], ids=["file", "large", "memory"])
def test_row33_saved_file_is_complete_and_alone(
    store_scp: StartSCP, tmp_path: Path, threshold: int
) -> None:
    target = tmp_path / "image.dcm"
    watched = store_scp(
        lambda event: event.save_as(target) or 0x0000,
        limits=Limits(spool_threshold=threshold, spool_directory=str(tmp_path)),
    )
    data = raw.data_set(length=50_000)
    with raw.associated(watched.port) as peer:
        assert peer.store(data) == 0x0000
        assert names_in(tmp_path) == ["image.dcm"]
    saved = target.read_bytes()
    assert saved[128:132] == b"DICM"
    assert saved.endswith(data)
    read = dcmread(target)
    assert read.file_meta.MediaStorageSOPInstanceUID == INSTANCE.decode()
    assert read.file_meta.TransferSyntaxUID == IMPLICIT.decode()
    assert read.PatientName == "Test^Raw"
    assert target.stat().st_mode & 0o777 == 0o666 & ~current_umask()


def current_umask() -> int:
    """Return the umask of this process."""
    value = os.umask(0o022)
    os.umask(value)
    return value


@pytest.mark.parametrize("threshold", [1000, MIB], ids=["large", "memory"])
@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO], ids=["ENOSPC", "EIO"])
@pytest.mark.parametrize("step", ["write", "replace"])
def test_row34_failure_to_write_is_no_success_and_leaves_nothing(
    store_scp: StartSCP,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    threshold: int,
    code: int,
    step: str,
) -> None:
    spool, folder = tmp_path / "spool", tmp_path / "folder"
    spool.mkdir()
    folder.mkdir()
    target = folder / "image.dcm"
    target.write_bytes(b"before")

    def fail(*args: Any, **kwargs: Any) -> Any:
        raise OSError(code, os.strerror(code))

    def handle(event: Any) -> int:
        with monkeypatch.context() as patch:
            # Renaming fails in any case, so that a large file is copied and written, too
            patch.setattr(os, "replace", fail)
            patch.setattr(Path, "replace", fail)
            if step == "write":
                patch.setattr("pynetdicom._spool._write_all", fail)
            try:
                event.save_as(target)
            except OSError as error:
                return 0xA700 if error.errno == code else 0xC000
        return 0x0000

    watched = store_scp(
        handle, limits=Limits(spool_threshold=threshold, spool_directory=str(spool))
    )
    with raw.associated(watched.port) as peer:
        assert peer.store(raw.data_set(length=50_000)) == 0xA700
    assert names_in(spool) == []
    assert names_in(folder) == ["image.dcm"]
    assert target.read_bytes() == b"before"


def test_row34_error_that_nobody_catches_is_no_success(store_scp: StartSCP, tmp_path: Path) -> None:
    watched = store_scp(lambda event: event.save_as(tmp_path / "missing" / "image.dcm") or 0x0000)
    with raw.associated(watched.port) as peer:
        assert peer.store(raw.data_set()) == 0xC211


# -- rows 35 and 37 to 40 --------------------------------------------------------------------


@pytest.mark.parametrize(
    "response", [raw.echo_rsp(), raw.store_rsp(), raw.echo_rsp(9999)], ids=["echo", "store", "id"]
)
def test_row35_response_to_no_request_is_refused(scp: StartSCP, response: dict[int, bytes]) -> None:
    assert scp().refusal(raw.message(response)) == (2, 0)


def test_row37_shutdown_ends_everything_whatever_the_peers_do(
    store_scp: StartSCP, tmp_path: Path
) -> None:
    watched = store_scp(limits=Limits(spool_threshold=1000, spool_directory=str(tmp_path)))
    with ExitStack() as stack:
        silent = stack.enter_context(raw.connect(watched.port))
        half = stack.enter_context(raw.connect(watched.port))
        half.send(raw.associate_rq()[:50])
        idle, stalled, storing = (
            stack.enter_context(raw.associated(watched.port)) for _ in range(3)
        )
        stalled.send(raw.header(raw.P_DATA_TF, 5000))
        storing.send(raw.message(raw.store_rq(), 3), raw.p_data_of((3, 0, bytes(50_000))))
        watched.ae.shutdown()
        for peer in (idle, stalled, storing):
            assert peer.expect_abort() == (0, 0)
        for peer in (silent, half):
            peer.drain()
        watched.join()
        with pytest.raises(ConnectionRefusedError):
            raw.connect(watched.port)
    assert names_in(tmp_path) == []
    watched.ae.shutdown()  # once more does no harm


def test_row37_shutdown_does_not_wait_for_a_handler_for_ever(store_scp: StartSCP) -> None:
    entered, leave = threading.Event(), threading.Event()

    def handle(event: Any) -> int:
        entered.set()
        leave.wait(raw.PATIENCE)
        return 0x0000

    watched = store_scp(handle)
    with raw.associated(watched.port) as peer:
        peer.send(raw.message(raw.store_rq(), 3, raw.data_set()))
        assert entered.wait(raw.PATIENCE)
        watched.ae.shutdown()
        assert peer.expect_abort() == (0, 0)
        peer.expect_closed()
        assert not leave.is_set()
        leave.set()
    watched.join()


OPEN = "Listening"


@pytest.mark.parametrize(
    ("host", "settings", "warns"),
    [
        pytest.param("", {}, True, id="all"),
        pytest.param("127.0.0.1", {}, False, id="loopback"),
        pytest.param("localhost", {}, False, id="localhost"),
        pytest.param("", {"require_called_aet": True}, False, id="called"),
        pytest.param("", {"require_calling_aet": ["A"]}, False, id="calling"),
    ],
)
def test_row38_listening_for_everybody_is_warned_of(
    caplog: pytest.LogCaptureFixture, host: str, settings: dict[str, Any], warns: bool
) -> None:
    ae = scu(**settings)
    ae.add_supported_context(ECHO)
    server = ae.start_server((host, 0), block=False)
    assert server is not None
    with raw.connect(server.server_address[1]):
        pass
    ae.shutdown()
    assert any(OPEN in line for line in complaints(caplog.records)) == warns


def test_row39_checks_come_in_order_and_identity_last(scp: StartSCP) -> None:
    asked = []
    watched = scp(
        handlers=[(evt.EVT_USER_ID, lambda event: asked.append(event) or (False, None))],
        maximum_associations=1,
        ae_title="OURS",
        require_called_aet=True,
        require_calling_aet=["THEIRS"],
    )
    identity = raw.user_information(raw.user_identity(1, b"user"))

    def answer(**titles: bytes) -> tuple[int, int, int]:
        with raw.connect(watched.port) as peer:
            peer.send(raw.associate_rq(user=identity, **titles))
            return peer.expect_rejection()

    assert answer(called=b"OTHER", calling=b"OTHER") == (1, 1, 3)
    assert answer(called=b"OTHER", calling=b"THEIRS") == (1, 1, 7)
    assert asked == []
    assert answer(called=b"OURS", calling=b"THEIRS") == (2, 2, 1)
    assert len(asked) == 1
    with raw.associated(watched.port, called=b"OURS", calling=b"THEIRS"):
        assert answer(called=b"OTHER", calling=b"OTHER") == (2, 3, 2)
        assert answer(called=b"OURS", calling=b"THEIRS") == (2, 3, 2)
    assert len(asked) == 1


EVIL = b"A\n\x1b[31m\r\xe9B"


def test_row40_values_from_peers_are_escaped(
    store_scp: StartSCP, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "pynetdicom")
    watched = store_scp(raises, require_calling_aet=["GOOD"])
    with raw.connect(watched.port) as peer:
        peer.send(raw.associate_rq(calling=EVIL, called=EVIL, application=b"\n\x1b" * 5000))
        peer.expect_rejection()
    watched.ae.require_calling_aet = []
    uid = b"1.2\n\x1b" * 20
    contexts = [ECHO_CONTEXT, raw.STORE_CONTEXT, raw.proposal(5, uid, uid)]
    with raw.associated(watched.port, *contexts, calling=EVIL, called=EVIL) as peer:
        peer.send(raw.message(raw.store_rq(1, uid), 3, raw.data_set()))
        assert peer.read_message().status == 0xC211
        peer.send(raw.message(raw.store_rq(1, uid, uid), 3, raw.data_set()))
        peer.expect_abort()
    watched.join()
    text = "\n".join(record.getMessage() for record in caplog.records)
    assert "1.2\\n" in text
    assert "1.2\n" not in text
    assert "A\n" not in text
    for line in text.splitlines():
        assert line.isascii()
        assert line.isprintable()
        assert len(line) < 500


def test_row40_secrets_are_not_logged(scp: StartSCP, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "pynetdicom")
    watched = scp(handlers=[(evt.EVT_USER_ID, raises)])
    for kind in range(1, 6):
        identity = raw.user_identity(kind, b"TOKEN%d" % kind, b"PASSCODE")
        with raw.connect(watched.port) as peer:
            peer.send(raw.associate_rq(user=raw.user_information(identity)))
            peer.read_pdu()
    watched.join()
    assert "PASSCODE" not in caplog.text
    for kind in (3, 4, 5):
        assert f"TOKEN{kind}" not in caplog.text


@pytest.mark.parametrize(
    ("request_pdu", "rest"),
    [
        pytest.param(b"", raw.header(0xFF, 0), id="garbage"),
        pytest.param(b"", raw.associate_rq(calling=b"BAD"), id="rejection"),
        pytest.param(raw.associate_rq(), raw.header(0xFF, 0), id="garbage-in-an-association"),
        pytest.param(raw.associate_rq(), raw.p_data_of((9, 3, b"")), id="bad-context"),
        pytest.param(raw.associate_rq(), raw.message(raw.echo_rsp()), id="bad-response"),
        pytest.param(
            raw.associate_rq(),
            raw.message(raw.without(raw.echo_rq(), raw.SOP_CLASS)),
            id="bad-request",
        ),
        pytest.param(raw.associate_rq(), raw.abort(), id="abort"),
        pytest.param(raw.associate_rq(), b"", id="closed"),
    ],
)
def test_row40_broken_peers_cannot_flood_the_log(
    scp: StartSCP, caplog: pytest.LogCaptureFixture, request_pdu: bytes, rest: bytes
) -> None:
    limits = Limits(error_lines=10)
    watched = scp(limits=limits, require_calling_aet=["REQUESTOR"], maximum_associations=100)
    begin = monotonic()
    for _ in range(60):
        with raw.connect(watched.port) as peer:
            if request_pdu:
                peer.send(request_pdu)
                peer.expect(raw.ASSOCIATE_AC)
            peer.send(rest)
            peer.finish_sending()
            peer.drain()
    watched.join()
    seconds = monotonic() - begin
    assert 0 < len(complaints(caplog.records)) <= limits.error_lines * (int(seconds) + 2)
