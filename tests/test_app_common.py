"""What the applications have in common: exit codes, TLS, identities, peers, log and output."""

from __future__ import annotations

import _thread
import json
import logging
import os
import pty
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
)

from pynetdicom import QueryRetrievePresentationContexts, evt
from pynetdicom.__main__ import main
from pynetdicom.apps.common.exits import AppError, Exit, overall
from pynetdicom.apps.common.options import PROFILES
from pynetdicom.apps.common.output import one_line
from pynetdicom.apps.common.tls import CIPHERS
from pynetdicom.sop_class import CTImageStorage, Verification
from tests.support.apps import (
    TIMEOUT,
    call_app,
    command,
    environment,
    interrupt_when_served,
    run_app,
    running_app,
)
from tests.support.certificates import write_certificates
from tests.support.peers import HOST, reserve_port
from tests.support.samples import CT
from tests.support.sockets import listening, unresponsive
from tests.test_layers import ROOT

StartSCP = Callable[..., Any]
Capture = pytest.CaptureFixture[str]
QUERIES = {"findscu": "C_FIND", "getscu": "C_GET", "movescu": "C_MOVE"}
SCUS = ("echoscu", "storescu", *QUERIES)
ALL = (*SCUS, "echoscp", "storescp")


def port_of(server: Any) -> int:
    """Return the port of a server."""
    number: int = server.server_address[1]
    return number


def arguments(app: str) -> list[str]:
    """Return what an SCU needs behind address and port."""
    if app in QUERIES:
        return ["-k", "PatientID=1", "-ll", "critical"]  # without it they show the log
    return [str(CT.path)] if app == "storescu" else []


@pytest.mark.parametrize("reason", ["it failed", "it failed."])
def test_reason_and_advice_are_one_sentence(reason: str) -> None:
    assert str(AppError(Exit.TLS, reason, "try again")) == "it failed; try again"


class TestExitCodes:
    """Each is provoked, by each SCU, and explained in one sentence on stderr."""

    @pytest.mark.parametrize("app", SCUS)
    def test_no_connection(self, app: str, capsys: Capture) -> None:
        with reserve_port() as port:
            done = call_app(capsys, app, HOST, port, *arguments(app))
        assert done.code == Exit.NO_CONNECTION
        assert f"no connection to {HOST}:{port}" in done.err
        assert "was refused" in done.err
        assert "Errno" not in done.err

    def test_unknown_host(self, capsys: Capture) -> None:
        done = call_app(capsys, "echoscu", "host.invalid", 104)
        assert done.code == Exit.NO_CONNECTION
        assert done.err == ("echoscu: no address is known for 'host.invalid'; check the name\n")

    def test_connection_times_out(self, capsys: Capture) -> None:
        with unresponsive() as (host, port):
            done = call_app(capsys, "echoscu", host, port, "-to", "0.2")
        assert done.code == Exit.NO_CONNECTION
        assert done.err.count("\n") == 1

    @pytest.mark.parametrize("app", SCUS)
    def test_rejected(self, app: str, start_scp: StartSCP, capsys: Capture) -> None:
        server = start_scp(require_called_aet=True)
        done = call_app(capsys, app, HOST, port_of(server), *arguments(app))
        assert done.code == Exit.REJECTED
        assert "give the AE title of the peer with -aec" in done.err

    def test_calling_title_rejected(self, start_scp: StartSCP, capsys: Capture) -> None:
        server = start_scp(require_calling_aet=["SOMEBODY"])
        done = call_app(capsys, "echoscu", HOST, port_of(server))
        assert done.code == Exit.REJECTED
        assert "-aet" in done.err
        done = call_app(capsys, "echoscu", HOST, port_of(server), "-aet", "SOMEBODY")
        assert done.code == Exit.SUCCESS

    @pytest.mark.parametrize("app", SCUS)
    def test_aborted(self, app: str, start_scp: StartSCP, capsys: Capture) -> None:
        server = start_scp(handlers=[(evt.EVT_REQUESTED, lambda event: event.assoc.abort())])
        done = call_app(capsys, app, HOST, port_of(server), *arguments(app))
        assert done.code == Exit.ABORTED
        assert len(done.err.splitlines()) == (2 if app == "storescu" else 1)

    def test_aborted_in_the_middle(self, start_scp: StartSCP, capsys: Capture) -> None:
        server = start_scp(handlers=[(evt.EVT_C_ECHO, lambda event: event.assoc.abort())])
        done = call_app(capsys, "echoscu", HOST, port_of(server))
        assert done.code == Exit.ABORTED

    def test_no_answer(self, capsys: Capture) -> None:
        with listening() as listener:
            port = listener.getsockname()[1]
            done = call_app(capsys, "echoscu", HOST, port, "-ta", "0.2")
        assert done.code == Exit.ABORTED
        assert "has not answered" in done.err

    @pytest.mark.parametrize("app", SCUS)
    def test_no_context(self, app: str, start_scp: StartSCP, capsys: Capture) -> None:
        server = start_scp([CTImageStorage if app == "echoscu" else Verification])
        done = call_app(capsys, app, HOST, port_of(server), *arguments(app))
        assert done.code == Exit.NO_CONTEXT
        assert "No accepted presentation contexts" in done.err

    @pytest.mark.parametrize("app", SCUS)
    def test_all_failed(self, app: str, start_scp: StartSCP, capsys: Capture) -> None:
        def refuse(event: evt.Event) -> Iterator[Any]:
            if app == "getscu":
                yield 1
            yield 0xC123, None

        handlers = [
            (evt.EVT_C_ECHO, lambda event: 0x0122),
            (evt.EVT_C_STORE, lambda event: 0xC123),
            (evt.EVT_C_FIND, refuse),
            (evt.EVT_C_GET, refuse),
            (evt.EVT_C_MOVE, lambda event: iter([(None, None)])),
        ]
        models = [context.abstract_syntax for context in QueryRetrievePresentationContexts]
        server = start_scp([Verification, CTImageStorage, *models], handlers)
        done = call_app(capsys, app, HOST, port_of(server), *arguments(app))
        assert done.code == Exit.ALL_FAILED
        assert {"echoscu": "0x0122", "movescu": "0xA801"}.get(app, "0xC123") in done.err

    def test_some_failed(self, start_scp: StartSCP, capsys: Capture) -> None:
        answers = iter([0x0000, 0x0122, 0x0000])
        server = start_scp(handlers=[(evt.EVT_C_ECHO, lambda event: next(answers))])
        done = call_app(capsys, "echoscu", HOST, port_of(server), "--repeat", 3, "--json")
        assert done.code == Exit.SOME_FAILED
        assert [r["status"] for r in done.of("echo")] == ["0x0000", "0x0122", "0x0000"]
        assert done.records[-1] == {"event": "end", "exit": 8, "meaning": "some_failed"}

    @pytest.mark.parametrize("app", ["echoscp", "storescp"])
    def test_local(self, app: str, tmp_path: Path, capsys: Capture) -> None:
        with listening() as taken:
            port = taken.getsockname()[1]
            folder = ["-od", tmp_path] if app == "storescp" else []
            done = call_app(capsys, app, port, "-ba", HOST, *folder)
        assert done.code == Exit.LOCAL
        assert f"cannot listen on {HOST}:{port}" in done.err

    @pytest.mark.parametrize(
        "options",
        [
            [],
            ["--nonesuch"],
            ["-aet", ""],
            ["-aet", "A" * 17],
            ["-ta", "-1"],
            ["-ta", "inf"],
            ["-td", "soon"],
            ["-pdu", "-1"],
            ["-xe", "-xb"],
            ["-q", "-d"],
            ["--repeat", "0"],
            ["--repeat", "many"],
            ["-ll", "loud"],
            ["--password", "secret"],
            ["--user", ""],
            ["--user", "me", "--password", ""],
            ["--pos-response"],
            ["--jwt", "/no/such/file"],
            ["--tls", "--tls-key", "key.pem"],
            ["--tls-ca", "ca.pem"],
            ["--tls-verify", "required"],
            ["--tls-any-name"],
        ],
        ids=str,
    )
    def test_usage(self, options: list[str], capsys: Capture) -> None:
        where = [HOST, "104"] if options else []
        done = call_app(capsys, "echoscu", *where, *options)
        assert done.code == Exit.USAGE
        assert done.out == ""
        assert "echoscu: " in done.err

    def test_port_out_of_range(self, capsys: Capture) -> None:
        done = call_app(capsys, "echoscu", HOST, 65536)
        assert done.code == Exit.USAGE
        assert "65535" in done.err

    @pytest.mark.parametrize(
        ("succeeded", "failures", "code"),
        [
            (0, set(), Exit.SUCCESS),
            (2, {Exit.ABORTED}, Exit.SOME_FAILED),
            (0, {Exit.ABORTED}, Exit.ABORTED),
            (0, {Exit.ALL_FAILED}, Exit.ALL_FAILED),
            (0, {Exit.ABORTED, Exit.NO_CONTEXT}, Exit.ALL_FAILED),
        ],
        ids=str,
    )
    def test_overall(self, succeeded: int, failures: set[Exit], code: Exit) -> None:
        assert overall(succeeded, failures) is code

    def test_quiet(self, capsys: Capture) -> None:
        with reserve_port() as port:
            done = call_app(capsys, "echoscu", HOST, port, "-q")
        assert (done.code, done.out, done.err) == (Exit.NO_CONNECTION, "", "")

    def test_documented(self) -> None:
        page = (Path(__file__).parents[1] / "docs" / "apps" / "exit_codes.rst").read_text("utf-8")
        rows = {int(line.split()[0]) for line in page.splitlines() if line[:1].isdigit()}
        assert rows == set(map(int, Exit))


class TestTLS:
    def test_both_verify(self, tmp_path: Path) -> None:
        write_certificates(tmp_path)
        server = ["--tls", "--tls-key", "server.key", "--tls-cert", "server.pem"]
        client = ["--tls", "--tls-ca", "ca.pem"]
        own = ["--tls-key", "client.key", "--tls-cert", "client.pem"]
        with running_app("echoscp", *server, "--tls-ca", "ca.pem", cwd=tmp_path) as scp:
            where = ["echoscu", HOST, scp.port]
            assert run_app(*where, *client, *own, cwd=tmp_path).code == Exit.SUCCESS
            done = run_app(*where, *client, cwd=tmp_path)
            assert done.code == Exit.TLS
            assert "--tls-cert" in done.err
            assert run_app(*where, cwd=tmp_path).code == Exit.ABORTED

    @pytest.mark.parametrize(
        ("options", "code"),
        [
            (["--tls-ca", "ca.pem"], Exit.SUCCESS),
            (["--tls-ca", "ca.pem", "--tls-min-version", "1.3"], Exit.SUCCESS),
            (["--tls-ca", "ca.pem", "--tls-profile", "bcp195-modified"], Exit.SUCCESS),
            (["--tls-ca", "ca.pem", "--tls-server-name", "localhost"], Exit.SUCCESS),
            (["--tls-ca", "ca.pem", "--tls-server-name", "pacs.example"], Exit.TLS),
            (
                ["--tls-ca", "ca.pem", "--tls-server-name", "pacs.example", "--tls-any-name"],
                Exit.SUCCESS,
            ),
            ([], Exit.TLS),
            (["--tls-verify", "none"], Exit.SUCCESS),
            (["--tls-ca", "no.pem"], Exit.TLS),
            (["--tls-ca", "server.key"], Exit.TLS),
            (["--tls-key", "client.key", "--tls-cert", "server.pem"], Exit.TLS),
        ],
        ids=str,
    )
    def test_server_is_verified(
        self,
        options: list[str],
        code: Exit,
        start_scp: StartSCP,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        capsys: Capture,
    ) -> None:
        import ssl

        write_certificates(tmp_path)
        monkeypatch.chdir(tmp_path)
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain("server.pem", "server.key")
        server = start_scp(ssl_context=context)
        done = call_app(capsys, "echoscu", HOST, port_of(server), "--tls", *options)
        assert done.code == code, done.err
        assert bool(done.err) == bool(code)

    def test_older_version_is_refused(
        self, start_scp: StartSCP, tmp_path: Path, capsys: Capture
    ) -> None:
        import ssl

        write_certificates(tmp_path)
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(tmp_path / "server.pem", tmp_path / "server.key")
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        where = ["echoscu", HOST, port_of(start_scp(ssl_context=context)), "--tls"]
        trust = ["--tls-ca", tmp_path / "ca.pem"]
        assert call_app(capsys, *where, *trust).code == Exit.SUCCESS
        done = call_app(capsys, *where, *trust, "--tls-min-version", "1.3")
        assert done.code == Exit.TLS

    def test_peer_without_tls(self, start_scp: StartSCP, capsys: Capture) -> None:
        where = ["echoscu", HOST, port_of(start_scp())]
        done = call_app(capsys, *where, "--tls", "--tls-verify", "none")
        assert done.code == Exit.TLS

    @pytest.mark.parametrize(
        "options",
        [[], ["--tls-key", "k"], ["--tls-key", "k", "--tls-cert", "c", "--tls-verify", "required"]],
        ids=str,
    )
    def test_server_lacks_something(self, options: list[str], capsys: Capture) -> None:
        done = call_app(capsys, "echoscp", 0, "--tls", *options)
        assert done.code == Exit.USAGE

    @pytest.mark.parametrize(("app", "where"), [("echoscu", [HOST, 104]), ("echoscp", [0])])
    def test_options_without_tls(self, app: str, where: list[object], capsys: Capture) -> None:
        done = call_app(capsys, app, *where, "--tls-key", "k.pem", "--tls-cert", "c.pem")
        assert done.code == Exit.USAGE
        assert (
            done.err == f"{app}: --tls-key is given, but not --tls; give --tls, or leave it out\n"
        )

    def test_key_without_its_password(self, tmp_path: Path, capsys: Capture) -> None:
        key = generate_private_key(65537, 2048).private_bytes(
            Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret")
        )
        (tmp_path / "locked.key").write_bytes(key)
        write_certificates(tmp_path)
        files = ["--tls-key", tmp_path / "locked.key", "--tls-cert", tmp_path / "client.pem"]
        done = call_app(capsys, "echoscu", HOST, 104, "--tls", *files)
        assert done.code == Exit.TLS
        assert "password of the key is wrong or missing; give --tls-password-file" in done.err

    def test_profiles(self) -> None:
        import ssl

        assert set(PROFILES) == set(CIPHERS)
        names = {}
        for profile, ciphers in CIPHERS.items():
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.set_ciphers(ciphers)
            found = context.get_ciphers()
            names[profile] = {c["name"] for c in found if c["protocol"] == "TLSv1.2"}
        assert all(name.startswith("ECDHE") for name in names["bcp195"])
        assert {"ECDHE-RSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384"} <= names["bcp195"]
        assert names["bcp195-modified"] < names["bcp195"]
        assert not any("AES128" in name for name in names["bcp195-modified"])


class TestUserIdentity:
    @pytest.mark.parametrize(
        ("options", "kind", "primary", "secondary"),
        [
            (["--user", "jos\u00e9"], 1, "jos\u00e9".encode(), b""),
            (["--user", "me", "--password", "secret"], 2, b"me", b"secret"),
            (["--user", "me", "--password-file", "file"], 2, b"me", b"content"),
            (["--kerberos", "file"], 3, b"content\n", b""),
            (["--saml", "file"], 4, b"content\n", b""),
            (["--jwt", "file"], 5, b"content\n", b""),
        ],
        ids=lambda value: value[0] if isinstance(value, list) else "",
    )
    def test_types(
        self,
        options: list[str],
        kind: int,
        primary: bytes,
        secondary: bytes,
        start_scp: StartSCP,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        capsys: Capture,
    ) -> None:
        seen = []

        def check(event: evt.Event) -> tuple[bool, bytes]:
            seen.append((event.user_id_type, event.primary_field, event.secondary_field))
            return True, b"answer"

        monkeypatch.chdir(tmp_path)
        Path("file").write_bytes(b"content\n")
        where = ["echoscu", HOST, port_of(start_scp(handlers=[(evt.EVT_USER_ID, check)]))]
        assert call_app(capsys, *where, *options).code == Exit.SUCCESS
        assert seen == [(kind, primary, secondary)]
        # Only tickets, assertions and tokens are answered by our SCP
        done = call_app(capsys, *where, *options, "--pos-response")
        assert done.code == (Exit.SUCCESS if kind > 2 else Exit.REJECTED)

    def test_refused(self, start_scp: StartSCP, capsys: Capture) -> None:
        server = start_scp(handlers=[(evt.EVT_USER_ID, lambda event: (False, None))])
        done = call_app(
            capsys, "echoscu", HOST, port_of(server), "--user", "me", "--password", "pass", "-d"
        )
        assert done.code == Exit.REJECTED
        assert "b'pass'" not in done.err


class TestPeers:
    @pytest.fixture
    def peers(self, start_scp: StartSCP, tmp_path: Path) -> Path:
        """Return a peers file with an SCP that wants to be called by its name."""
        server = start_scp(require_called_aet=True, require_calling_aet=["WORKSTATION"])
        path = tmp_path / "pynetdicom" / "peers.toml"
        path.parent.mkdir()
        path.write_text(
            f'[pacs]\naddress = "{HOST}"\nport = {port_of(server)}\ncalled_aet = "TEST_SCP"\n'
            'calling_aet = "WORKSTATION"\nacse_timeout = 5.5\n\n[bare]\naddress = "x"\n\n'
            '[odd]\naddress = "x"\nport = 104\ntls_verfy = "none"\n\n'
            '[wrong]\naddress = "x"\nport = 104\ntls = "yes"\n\n'
            '[long]\naddress = "x"\nport = 104\ncalled_aet = "12345678901234567"\n\n'
            '[choice]\naddress = "x"\nport = 104\ntls_verify = "maybe"\n\n'
            '[list]\naddress = "x"\nport = 104\ncalled_aet = ["A"]\n'
        )
        return path

    def test_by_option(self, peers: Path, capsys: Capture) -> None:
        done = call_app(capsys, "echoscu", "--peer", "pacs", f"--peers-file={peers}")
        assert done.code == Exit.SUCCESS, done.err

    def test_by_variable(
        self, peers: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("PYNETDICOM_PEERS", str(peers))
        assert call_app(capsys, "echoscu", "--peer=pacs").code == Exit.SUCCESS

    def test_by_default(
        self, peers: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.delenv("PYNETDICOM_PEERS", raising=False)
        monkeypatch.setenv("XDG_CONFIG_HOME", str(peers.parents[1]))
        assert call_app(capsys, "echoscu", "--peer", "pacs").code == Exit.SUCCESS

    def test_command_line_wins(self, peers: Path, capsys: Capture) -> None:
        options = ["--peer", "pacs", "--peers-file", peers, "-aec", "OTHER"]
        assert call_app(capsys, "echoscu", *options).code == Exit.REJECTED

    def test_positional_arguments_are_paths(self, peers: Path, capsys: Capture) -> None:
        done = call_app(capsys, "storescu", "--peer", "pacs", "--peers-file", peers, CT.path)
        assert done.code == Exit.NO_CONTEXT

    @pytest.mark.parametrize(
        ("name", "problem"),
        [
            ("nobody", "there is no peer 'nobody'"),
            ("bare", "no address or no port"),
            ("odd", "unknown key 'tls_verfy'"),
            ("wrong", "'tls' of peer"),
            ("long", "'called_aet' of peer"),
            ("choice", "it is one of required, none"),
            ("list", "it is a text or a number"),
        ],
    )
    def test_unusable(self, name: str, problem: str, peers: Path, capsys: Capture) -> None:
        done = call_app(capsys, "echoscu", "--peer", name, "--peers-file", peers)
        assert done.code == Exit.USAGE
        assert problem in done.err

    def test_no_file(self, tmp_path: Path, capsys: Capture) -> None:
        done = call_app(capsys, "echoscu", "--peer", "a", "--peers-file", tmp_path / "no.toml")
        assert done.code == Exit.USAGE
        assert "there is no peers file" in done.err
        (tmp_path / "no.toml").write_text("[")
        done = call_app(capsys, "echoscu", "--peer", "a", "--peers-file", tmp_path / "no.toml")
        assert "no valid TOML" in done.err

    def test_paths_begin_at_the_file(self, tmp_path: Path, capsys: Capture) -> None:
        path = tmp_path / "peers.toml"
        path.write_text('[p]\naddress = "x"\nport = 104\ntls = true\ntls_ca = "ca.pem"\n')
        done = call_app(capsys, "echoscu", "--peer", "p", "--peers-file", path)
        assert done.code == Exit.TLS
        assert str(tmp_path / "ca.pem") in done.err


class TestLog:
    LEVELS = ("critical", "fatal", "error", "warn", "warning", "info", "debug", "trace")

    @pytest.mark.parametrize("level", LEVELS)
    @pytest.mark.parametrize("app", ["echoscu", "storescu"])
    def test_every_level(self, app: str, level: str, start_scp: StartSCP, capsys: Capture) -> None:
        server = start_scp([Verification, CTImageStorage], [(evt.EVT_C_STORE, lambda e: 0)])
        done = call_app(capsys, app, HOST, port_of(server), *arguments(app), "-ll", level)
        assert done.code == Exit.SUCCESS
        shown = level in ("info", "debug", "trace")
        assert ("I: " in done.err) == shown
        assert ("D: " in done.err) == (level in ("debug", "trace"))

    @pytest.mark.parametrize(("option", "shown"), [("-v", "I: "), ("-d", "D: ")])
    def test_verbose(self, option: str, shown: str, start_scp: StartSCP, capsys: Capture) -> None:
        done = call_app(capsys, "echoscu", HOST, port_of(start_scp()), option)
        assert shown in done.err

    def test_left_as_it_was(self, start_scp: StartSCP, capsys: Capture) -> None:
        logger = logging.getLogger("pynetdicom")
        before = logger.level, list(logger.handlers)
        call_app(capsys, "echoscu", HOST, port_of(start_scp()), "-d")
        assert (logger.level, list(logger.handlers)) == before


class TestOutput:
    @pytest.mark.parametrize("app", ALL)
    @pytest.mark.parametrize("option", ["--help", "--version"])
    def test_help_and_version(self, app: str, option: str, capsys: Capture) -> None:
        done = call_app(capsys, app, option)
        assert done.code == 0
        assert app in done.out

    def test_silence_is_success(self, start_scp: StartSCP, capsys: Capture) -> None:
        done = call_app(capsys, "echoscu", HOST, port_of(start_scp()))
        assert (done.code, done.out, done.err) == (0, "", "")

    def test_one_line(self) -> None:
        assert one_line("a\nb\x1b[2J\u00e9") == "a\\x0ab\\x1b[2J\u00e9"

    def test_closed_stdout(self, start_scp: StartSCP) -> None:
        reader, writer = os.pipe()
        os.close(reader)
        with os.fdopen(writer, "wb") as nobody:
            done = subprocess.run(
                command("echoscu", HOST, port_of(start_scp()), "--json", "--repeat", 20),
                stdout=nobody,
                stderr=subprocess.PIPE,
                text=True,
                env=environment(),
                timeout=TIMEOUT,
                check=False,
            )
        assert (done.returncode, done.stderr) == (0, "")

    @pytest.mark.parametrize("with_rich", [True, False])
    def test_progress_on_a_terminal(
        self, with_rich: bool, start_scp: StartSCP, tmp_path: Path
    ) -> None:
        variables = {}
        if not with_rich:
            (tmp_path / "rich.py").write_text("raise ImportError\n")
            variables = {"PYTHONPATH": os.pathsep.join([str(tmp_path), str(ROOT)])}
        terminal, theirs = pty.openpty()
        with os.fdopen(theirs, "wb") as stderr:
            done = subprocess.run(
                command("echoscu", HOST, port_of(start_scp()), "--repeat", 20),
                stdout=subprocess.PIPE,
                stderr=stderr,
                env={**environment(), "TERM": "xterm", **variables},
                timeout=TIMEOUT,
                check=False,
            )
        shown = os.read(terminal, 65536).decode()
        os.close(terminal)
        assert done.returncode == 0
        assert "echo" in shown
        assert ("20 of 20" in shown) == (not with_rich)

    def test_imports_what_is_used_only(self, start_scp: StartSCP) -> None:
        script = (
            "import sys, pydicom.dataset; before = set(sys.modules); "
            "from pynetdicom.__main__ import main; "
            f"code = main(['echoscu', '{HOST}', '{port_of(start_scp())}']); "
            "unwanted = {'rich', 'sqlalchemy', 'tomllib', 'subprocess', 'glob', "
            "'pynetdicom.apps.common.tls', 'pynetdicom.apps.common.storing'}; "
            "sys.exit(code or sorted(unwanted & set(sys.modules) - before) or 0)"
        )
        done = subprocess.run(
            [sys.executable, "-c", script], env=environment(), capture_output=True, check=False
        )
        assert (done.returncode, done.stderr) == (0, b"")


class TestAddresses:
    def test_ipv6(self, start_scp: StartSCP, capsys: Capture) -> None:
        with running_app("echoscp") as scp:
            where = ["echoscu", "localhost", scp.port]
            assert call_app(capsys, *where, "-i4").code == Exit.SUCCESS
        server = start_scp()
        six = server.ae.start_server(("::1", 0), block=False)
        port = port_of(six)
        for host, option in (("::1", "-i6"), ("[::1]", "-i0"), ("::1", "--ipv6")):
            assert call_app(capsys, "echoscu", host, port, option).code == Exit.SUCCESS
        done = call_app(capsys, "echoscu", "::1", port, "--ipv4")
        assert done.code == Exit.NO_CONNECTION
        assert "no IPv4 address" in done.err

    def test_server_family_and_address_disagree(self, capsys: Capture) -> None:
        done = call_app(capsys, "echoscp", 0, "-ba", HOST, "-i6")
        assert done.code == Exit.USAGE

    def test_server_on_ipv6(self) -> None:
        with subprocess.Popen(
            command("echoscp", 0, "--json", "-i6", "-ba", "::1"),
            stdout=subprocess.PIPE,
            text=True,
            env=environment(),
        ) as process:
            try:
                assert process.stdout is not None
                record = json.loads(process.stdout.readline())
                socket.create_connection(("::1", record["port"]), TIMEOUT).close()
                process.send_signal(signal.SIGINT)
                assert process.wait(TIMEOUT) == 0
            finally:
                process.kill()


class TestSignals:
    @pytest.mark.parametrize(
        ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=["INT", "TERM"]
    )
    @pytest.mark.parametrize("jobs", [1, 2])
    def test_scu_is_interrupted(
        self, number: int, code: int, jobs: int, start_scp: StartSCP, tmp_path: Path
    ) -> None:
        serving, aborted, over = threading.Event(), threading.Event(), threading.Event()

        def wait(event: evt.Event) -> int:
            serving.set()
            over.wait(TIMEOUT)
            return 0x0000

        handlers = [
            (evt.EVT_C_STORE, wait),
            (evt.EVT_ABORTED, lambda event: aborted.set()),
        ]
        server = start_scp([CTImageStorage], handlers)
        for name in ("a", "b", "c"):
            (tmp_path / name).write_bytes(CT.path.read_bytes())
        with subprocess.Popen(
            command("storescu", HOST, port_of(server), tmp_path, "--jobs", jobs),
            stderr=subprocess.PIPE,
            text=True,
            env=environment(),
        ) as process:
            assert serving.wait(TIMEOUT)
            process.send_signal(number)
            _, err = process.communicate(timeout=TIMEOUT)
        over.set()
        assert process.returncode == code
        assert err in ("storescu: interrupted\n", "storescu: terminated\n")
        assert aborted.wait(TIMEOUT)

    def test_signal_that_ends_no_wait(
        self, start_scp: StartSCP, tmp_path: Path, capsys: Capture
    ) -> None:
        """As one that comes in the moment before the main thread waits for the others."""
        over, once = threading.Event(), threading.Lock()

        def wait(event: evt.Event) -> int:
            if once.acquire(blocking=False):
                _thread.interrupt_main(signal.SIGTERM)
            over.wait(TIMEOUT)
            return 0x0000

        server = start_scp([CTImageStorage], [(evt.EVT_C_STORE, wait)])
        for name in ("a", "b", "c"):
            (tmp_path / name).write_bytes(CT.path.read_bytes())
        done = call_app(capsys, "storescu", HOST, port_of(server), tmp_path, "--jobs", 2)
        over.set()
        assert (done.code, done.err) == (143, "storescu: terminated\n")

    @pytest.mark.parametrize("app", SCUS)
    def test_is_interrupted_within_a_second(
        self, app: str, start_scp: StartSCP, tmp_path: Path
    ) -> None:
        """Whatever the peer does not do. The limit is for a machine with more to do."""
        serving, over = threading.Event(), threading.Event()

        def wait(event: evt.Event) -> Any:
            serving.set()
            over.wait(TIMEOUT)
            return 0x0000

        def wait_and_end(event: evt.Event) -> Iterator[Any]:
            wait(event)
            yield 1
            yield 0xFE00, None

        handlers = [(evt.EVT_C_ECHO, wait), (evt.EVT_C_STORE, wait), (evt.EVT_C_MOVE, wait_and_end)]
        handlers += [(evt.EVT_C_FIND, wait_and_end), (evt.EVT_C_GET, wait_and_end)]
        models = [context.abstract_syntax for context in QueryRetrievePresentationContexts]
        server = start_scp([Verification, CTImageStorage, *models], handlers)
        with subprocess.Popen(
            command(app, HOST, port_of(server), *arguments(app)),
            stderr=subprocess.PIPE,
            text=True,
            cwd=tmp_path,
            env=environment(),
        ) as process:
            assert serving.wait(TIMEOUT)
            process.send_signal(signal.SIGINT)
            try:
                # That it is not one of the time-outs, which are of 15 seconds and more
                _, err = process.communicate(timeout=10)
            finally:
                over.set()
        assert (process.returncode, err) == (130, f"{app}: interrupted\n")

    @pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["INT", "TERM"])
    def test_idle_scp_ends(self, number: int) -> None:
        with running_app("echoscp") as scp:
            done = scp.stop(number)
        assert (done.code, done.err) == (0, "")
        assert done.records == [{"event": "end", "exit": 0, "meaning": "success"}]

    def test_in_this_process(self, capsys: Capture) -> None:
        with reserve_port() as port:
            thread = threading.Thread(target=interrupt_when_served, args=[port])
            thread.start()
            done = call_app(capsys, "echoscp", port, "-ba", HOST)
            thread.join(TIMEOUT)
        assert done.code == 0


def test_unexpected_error(monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    from pynetdicom.apps.echoscu import echoscu

    def fail(*args: object) -> None:
        raise ZeroDivisionError("of all things")

    monkeypatch.setattr(echoscu, "Requestor", fail)
    assert main(["echoscu", HOST, "104"]) == Exit.LOCAL
    assert "ZeroDivisionError" in capsys.readouterr().err
