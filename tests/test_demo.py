"""The demonstration, and the module that starts applications by their names."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from pynetdicom import AE, __version__, evt
from pynetdicom.__main__ import APPS, main
from pynetdicom.apps import demo
from tests.support.peers import reserve_port
from tests.test_layers import ROOT


class TestMain:
    def test_version(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["--version"]) == 0
        assert capsys.readouterr().out == f"{__version__}\n"

    @pytest.mark.parametrize("option", ["-h", "--help"])
    def test_help(self, option: str, capsys: pytest.CaptureFixture[str]) -> None:
        assert main([option]) == 0
        out = capsys.readouterr().out
        assert out.startswith("usage: python -m pynetdicom")
        assert all(app in out for app in APPS)

    def test_unknown(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["nonesuch", "-x"]) == 2
        captured = capsys.readouterr()
        assert captured.out == ""
        assert captured.err.splitlines()[0].startswith("usage:")
        assert captured.err.splitlines()[-1] == "python -m pynetdicom: no app named 'nonesuch'"

    def test_nothing(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert main([]) == 2
        assert "which app?" in capsys.readouterr().err

    def test_arguments_of_the_process(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(sys, "argv", ["pynetdicom", "nonesuch"])
        assert main() == 2

    def test_arguments_go_to_the_app(self, capsys: pytest.CaptureFixture[str]) -> None:
        with pytest.raises(SystemExit) as ended:
            main(["demo", "--nonesuch"])
        assert ended.value.code == 2
        assert "--nonesuch" in capsys.readouterr().err

    def test_as_a_program(self) -> None:
        command = [sys.executable, "-m", "pynetdicom", "demo"]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        assert done.stderr == ""
        assert "C-ECHO to 127.0.0.1:" in done.stdout


class TestDemo:
    def test_every_file_is_sent_or_named(self) -> None:
        samples, left_out = demo.find_samples()
        names = [sample.path.name for sample in samples]
        names += [name for group in left_out.values() for name in group]
        files = [
            path.name
            for folder in ("test_files", "charset_files")
            for path in (demo.SAMPLES / folder).rglob("*")
            if path.is_file() and "__pycache__" not in path.parts and path.suffix != ".py"
        ]
        assert sorted(names) == sorted(files)
        assert len(samples) > 150
        assert len({sample.transfer_syntax for sample in samples}) >= 12
        assert len({sample.sop_class for sample in samples}) >= 13

    def test_passes(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert demo.main([]) == 0
        lines = capsys.readouterr().out.splitlines()
        samples, left_out = demo.find_samples()
        assert sum(line.endswith("  identical") for line in lines) == len(samples)
        assert f"{len(samples)} of {len(samples)} data sets came back bit for bit." in lines
        assert sum(line.startswith("Not sent, ") for line in lines) == len(left_out)

    def test_a_difference_fails(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        def handle_store(event: evt.Event, folder: Path) -> int:
            path = folder / f"{event.message_id}.dcm"
            event.save_as(path)
            if event.message_id == 3:
                path.write_bytes(path.read_bytes()[:-2])
            return 0xA700 if event.message_id == 5 else 0x0000

        monkeypatch.setattr(demo, "handle_store", handle_store)
        assert demo.main([]) == 1
        out = capsys.readouterr().out
        assert out.count("DIFFERENT") == 1
        assert out.count("status 0xA700") == 1

    def test_an_abort_fails(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        def handle_store(event: evt.Event, folder: Path) -> int:
            event.assoc.abort()
            return 0x0000

        monkeypatch.setattr(demo, "handle_store", handle_store)
        assert demo.main([]) == 1
        out = capsys.readouterr().out
        assert out.count("no response") == 1
        assert "The association has ended." in out
        assert "0 of " in out

    def test_no_association_fails(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        associate = AE.associate
        with reserve_port() as unused:
            monkeypatch.setattr(AE, "associate", lambda ae, host, port: associate(ae, host, unused))
            assert demo.main([]) == 1
        assert "No association with 127.0.0.1:" in capsys.readouterr().out
