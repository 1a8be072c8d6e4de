"""The command line of qrscp and its configuration file."""

from __future__ import annotations

import io
import json
import logging
import signal
import subprocess
import sys
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from pynetdicom import AE, _config
from pynetdicom.apps.common.exits import AppError, Exit
from pynetdicom.apps.qrscp import qrscp, settings
from pynetdicom.apps.qrscp.archive import Archive
from pynetdicom.apps.qrscp.index import Index
from pynetdicom.apps.qrscp.settings import Destination, Settings
from pynetdicom.sop_class import Verification
from tests.apps.test_qrscp_kill import PROGRAM, start
from tests.support.apps import run_app, running_app
from tests.support.archives import image, path_of, write
from tests.support.blocks import read_blocks
from tests.support.certificates import write_certificates
from tests.support.samples import CT, expected, take
from tests.test_layers import ROOT


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a folder of the test the user's, and another one the working directory."""
    for name in ("home", "here"):
        (tmp_path / name).mkdir()
    monkeypatch.setattr(settings, "data_folder", lambda: tmp_path / "home")
    monkeypatch.chdir(tmp_path / "here")
    return tmp_path / "home"


def settled(*args: str) -> tuple[Namespace, Settings]:
    """Return the options and settings for a command line."""
    options = qrscp.make_parser().parse_args(args)
    return options, settings.settle(options)


def config(tmp_path: Path, text: str) -> str:
    """Return the path of a configuration file."""
    path = tmp_path / "files" / "qrscp.ini"
    path.parent.mkdir()
    path.write_text(text, encoding="utf-8")
    return str(path)


FILE = """\
[DEFAULT]
ae_title: FILE
port: 11
max_pdu: 0
acse_timeout: 1.5
dimse_timeout: 2
network_timeout: 3
bind_address: 127.0.0.1
instance_location: data/%files
database_location: index.sqlite
log_identifier: off

[STORE_1]
    address: 192.0.2.1
    port: 104

[Other]
    address = ::1
"""


class TestSettings:
    def test_defaults(self, home: Path) -> None:
        options, chosen = settled()
        assert chosen == Settings(
            home / "instances",
            f"sqlite:///{home}/instances.sqlite",
            True,
            {"STORESCP": Destination("127.0.0.1", 11113)},
        )
        network = (options.ae_title, options.port, options.bind_address, options.max_pdu)
        assert network == ("QRSCP", 11112, "", 16382)
        timeouts = (options.acse_timeout, options.dimse_timeout, options.network_timeout)
        assert timeouts == (30, 30, 30)
        assert options.max_associations == 100

    def test_file(self, tmp_path: Path) -> None:
        options, chosen = settled("-c", config(tmp_path, FILE))
        assert chosen == Settings(
            tmp_path / "files" / "data" / "%files",
            f"sqlite:///{tmp_path}/files/index.sqlite",
            False,
            {"STORE_1": Destination("192.0.2.1", 104), "Other": Destination("::1", 11)},
        )
        network = (options.ae_title, options.port, options.bind_address, options.max_pdu)
        assert network == ("FILE", 11, "127.0.0.1", 0)
        timeouts = (options.acse_timeout, options.dimse_timeout, options.network_timeout)
        assert timeouts == (1.5, 2, 3)

    def test_command_line(self, tmp_path: Path) -> None:
        """It comes before the file, and paths begin in the working directory."""
        args = "--port 12 -aet LINE -ta 4 -td 5 -tn 6 -pdu 7 -ba ::1 --instance-location more"
        url = "postgresql+psycopg2://user@host/name"
        options, chosen = settled(
            "-c",
            config(tmp_path, FILE),
            *args.split(),
            "--database-location",
            url,
            "--destination",
            "STORE_1=[::1]:105",
            "--destination",
            "NEW=host:106",
        )
        assert chosen.instance_location == tmp_path / "here" / "more"
        assert chosen.database == url
        assert chosen.destinations == {
            "STORE_1": Destination("::1", 105),
            "Other": Destination("::1", 11),
            "NEW": Destination("host", 106),
        }
        network = (options.ae_title, options.port, options.bind_address, options.max_pdu)
        assert network == ("LINE", 12, "::1", 7)
        timeouts = (options.acse_timeout, options.dimse_timeout, options.network_timeout)
        assert timeouts == (4, 5, 6)

    @pytest.mark.parametrize(
        ("text", "reason"),
        [
            ("[DEFAULT]\nport: many\n", "'port' in [DEFAULT] of"),
            ("[DEFAULT]\nlog_identifier: perhaps\n", "'perhaps' is neither true nor false"),
            ("[DEFAULT]\ndatabase: x\n", "has an unknown key 'database'; keys: ae_title, port"),
            ("[A]\nport: 104\n", "[A] of"),
            ("[A]\naddress: x\n", "'port' in [A] of"),
            ("[A]\naddress: x\nport: 99999\n", "99999 is not from 0 to 65535"),
            ("[This is a title that is too long]\naddress: x\nport: 1\n", "'title' in [This"),
            ("port: 104\n", "is no configuration file"),
        ],
    )
    def test_unusable_file(self, tmp_path: Path, text: str, reason: str) -> None:
        with pytest.raises(AppError) as raised:
            settled("-c", config(tmp_path, text))
        assert reason in str(raised.value)
        assert raised.value.code == 2

    def test_documented_file(self, home: Path, tmp_path: Path) -> None:
        """It says what is so without a file."""
        (text,) = [
            block.code
            for block in read_blocks(ROOT / "docs" / "apps" / "qrscp.rst")
            if block.code.startswith("[DEFAULT]")
        ]
        path = config(tmp_path, text)
        options, chosen = settled("-c", path)
        options.config = None
        default_options, default = settled()
        assert options == default_options
        folder = Path(path).parent
        assert chosen == Settings(
            folder / default.instance_location.relative_to(home),
            default.database.replace(str(home), str(folder)),
            default.log_identifier,
            default.destinations,
        )

    def test_no_file(self) -> None:
        with pytest.raises(AppError, match=r"none\.ini can't be read: No such file") as raised:
            settled("-c", "none.ini")
        assert raised.value.code == 2

    @pytest.mark.parametrize("text", ["A", "A=b", "A=:1", "=b:1", "A=b:x", "A" * 17 + "=b:1"])
    def test_no_destination(self, text: str, capsys: pytest.CaptureFixture[str]) -> None:
        assert qrscp.main(["--destination", text]) == 2
        assert "--destination" in capsys.readouterr().err

    @pytest.mark.parametrize(
        ("platform", "variables", "expected"),
        [
            ("linux", {"XDG_DATA_HOME": "/data"}, "/data/pynetdicom/qrscp"),
            ("linux", {}, "/home/me/.local/share/pynetdicom/qrscp"),
            ("darwin", {}, "/home/me/Library/Application Support/pynetdicom/qrscp"),
            ("win32", {"LOCALAPPDATA": "/local"}, "/local/pynetdicom/qrscp"),
            ("win32", {}, "/home/me/AppData/Local/pynetdicom/qrscp"),
        ],
    )
    def test_data_folder(
        self,
        monkeypatch: pytest.MonkeyPatch,
        platform: str,
        variables: dict[str, str],
        expected: str,
    ) -> None:
        monkeypatch.undo()
        monkeypatch.setattr(sys, "platform", platform)
        for name in ("XDG_DATA_HOME", "LOCALAPPDATA"):
            monkeypatch.delenv(name, raising=False)
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr(Path, "home", lambda: Path("/home/me"))
        assert settings.data_folder() == Path(expected)


@pytest.fixture
def filled(home: Path) -> Path:
    """Return the folder of an archive with an instance that its index does not know."""
    folder = home / "instances"
    path = folder / path_of(image().SOPInstanceUID)
    path.parent.mkdir(parents=True)
    write(image(), path)
    return path


class TestWork:
    def test_files_without_an_index(self, filled: Path, tmp_path: Path) -> None:
        places = ["--instance-location", filled.parent.parent, "--database-location", "new.sqlite"]
        with running_app("qrscp", *places, cwd=tmp_path) as archive:
            done = archive.stop()
        assert "the index is empty, but there are files in" in done.err
        assert done.code == 0
        assert run_app("qrscp", *places, "--rebuild", cwd=tmp_path).code == 0
        with running_app("qrscp", *places, cwd=tmp_path) as archive:
            assert archive.stop().err == ""

    def test_rebuild(self, filled: Path, home: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert qrscp.main(["--rebuild"]) == 0
        assert "1 instances are in the index; 0 files are no instances" in capsys.readouterr().out
        index = Index(f"sqlite:///{home}/instances.sqlite")
        assert list(index.instances([image().SOPInstanceUID]))
        index.close()

    @pytest.mark.parametrize(
        ("typed", "removed"), [("yes\n", True), ("y\n", False), ("", False), ("no\n", False)]
    )
    def test_clean(
        self,
        filled: Path,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
        typed: str,
        removed: bool,
    ) -> None:
        assert qrscp.main(["--rebuild"]) == 0
        monkeypatch.setattr(sys, "stdin", io.StringIO(typed))
        assert qrscp.main(["--clean"]) == 0
        assert filled.exists() != removed
        captured = capsys.readouterr()
        assert str(filled.parents[1]) in captured.err
        told = "1 instances have been removed" if removed else "Nothing has been removed"
        assert told in captured.out

    def test_version(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert qrscp.main(["--version"]) == 0
        assert capsys.readouterr().out.startswith("qrscp ")

    @pytest.mark.parametrize(
        ("args", "reason"),
        [
            (["--database-location", "nonsense://x"], "the index can't be opened"),
            (["--database-location", "."], "the index can't be opened"),
            (["--instance-location", "/dev/null/x"], "Not a directory"),
        ],
    )
    def test_unusable(
        self, args: Sequence[str], reason: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert qrscp.main([*args, "--port", "0"]) == 1
        error = capsys.readouterr().err
        assert reason in error
        assert error.count("\n") == 1

    @pytest.mark.parametrize(
        ("blocked", "args", "problem"),
        [
            (
                "sqlalchemy",
                [],
                "SQLAlchemy is not installed; install pynetdicom[apps]",
            ),
            (
                "psycopg2",
                ["--database-location", "postgresql+psycopg2://x/y"],
                "psycopg2 is not installed; install the driver of the database, such as "
                "psycopg2-binary for PostgreSQL",
            ),
        ],
    )
    def test_something_is_not_installed(
        self, tmp_path: Path, blocked: str, args: Sequence[str], problem: str
    ) -> None:
        program = f"import sys; sys.modules['{blocked}'] = None; {PROGRAM}"
        done = subprocess.run(
            [sys.executable, "-c", program, "qrscp", "--instance-location", tmp_path, *args],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 1
        assert done.stderr == f"qrscp: {problem}\n"

    def test_identifiers_are_logged_as_wanted(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for name in ("LOG_REQUEST_IDENTIFIERS", "LOG_RESPONSE_IDENTIFIERS"):
            monkeypatch.setattr(_config, name, True)
        served: list[AE] = []

        def serve(ae: AE, *others: Any) -> Exit:
            served.append(ae)
            return Exit.SUCCESS

        monkeypatch.setattr(qrscp, "serve", serve)
        assert qrscp.main(["-c", config(tmp_path, FILE)]) == 0
        assert not _config.LOG_REQUEST_IDENTIFIERS
        assert not _config.LOG_RESPONSE_IDENTIFIERS
        (ae,) = served
        assert (ae.ae_title, ae.connection_timeout, ae.maximum_pdu_size) == ("FILE", 15, 0)

    @pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
    def test_signals(self, tmp_path: Path, name: str) -> None:
        process, port = start(tmp_path, f"sqlite:///{tmp_path / 'index.sqlite'}")
        ae = AE("TEST_SCU")
        ae.add_requested_context(Verification)
        assoc = ae.associate("127.0.0.1", port)
        assert assoc.send_c_echo().Status == 0x0000
        assoc.release()
        process.send_signal(getattr(signal, name))
        output, errors = process.communicate(timeout=30)
        assert (process.returncode, errors) == (0, "")
        assert json.loads(output.splitlines()[-1])["exit"] == 0


def test_log_says_what_is_left_out(filled: Path, caplog: pytest.LogCaptureFixture) -> None:
    (filled.parents[1] / "notes.txt").write_text("no instance")
    index = Index(f"sqlite:///{filled.parents[2]}/x.sqlite")
    with caplog.at_level(logging.WARNING):
        assert Archive(filled.parents[1], index).rebuild() == (1, 1)
    assert "notes.txt is left out: The file is not in the DICOM File Format" in caplog.text
    index.close()


def test_peers_are_destinations(tmp_path: Path) -> None:
    """Here one that wants TLS, and a certificate."""
    write_certificates(tmp_path)
    server = ["--tls", "--tls-key", "server.key", "--tls-cert", "server.pem", "--tls-ca", "ca.pem"]
    places = ["--instance-location", "files", "--database-location", "index.sqlite"]
    with running_app("storescp", "-od", "in", *server, cwd=tmp_path) as workstation:
        peers = tmp_path / "peers.toml"
        peers.write_text(
            f'[workstation]\naddress = "127.0.0.1"\nport = {workstation.port}\n'
            'called_aet = "STATION"\ntls = true\ntls_ca = "ca.pem"\n'
            'tls_key = "client.key"\ntls_cert = "client.pem"\n',
            "utf-8",
        )
        with running_app("qrscp", "--peers-file", peers, *places, cwd=tmp_path) as archive:
            where = ["127.0.0.1", archive.port]
            assert run_app("storescu", *where, CT.path).code == Exit.SUCCESS
            done = run_app("movescu", *where, "-aem", "STATION", "-k", "PatientID=1CT1")
            assert done.code == Exit.SUCCESS, done.err
            assert archive.stop().code == Exit.SUCCESS
        assert workstation.stop().code == Exit.SUCCESS
    assert take(tmp_path / "in") == expected([CT])


@pytest.mark.parametrize("text", ["[", "[here]\nport = 104\n"])
def test_unusable_peers_file(text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "peers.toml").write_text(text, "utf-8")
    assert qrscp.main(["--peers-file", str(tmp_path / "peers.toml")]) == Exit.USAGE
    assert str(tmp_path / "peers.toml") in capsys.readouterr().err
