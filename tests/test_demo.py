"""The demonstration, and the module that starts applications by their names."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pynetdicom import AE, Association, __version__, evt
from pynetdicom.__main__ import APPS, main
from pynetdicom.apps import demo
from pynetdicom.apps.qrscp.archive import Archive
from pynetdicom.apps.qrscp.scp import ArchiveSCP
from tests.support.apps import TIMEOUT, Ended, call_app, command, environment, run_app
from tests.support.peers import reserve_port


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
        assert main(["demo", "--nonesuch"]) == 2
        assert "--nonesuch" in capsys.readouterr().err


FEW = ("CT_small.dcm", "MR_small.dcm", "rtplan.dcm", "CT_small.dcm")


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make it four samples: one comes again, one has to be refused."""
    samples = {sample.path.name: sample for sample in demo.find_samples()[0]}
    monkeypatch.setattr(demo, "find_samples", lambda: ([samples[name] for name in FEW], {}))


def change(path: Path) -> None:
    """Change the end of a file."""
    path.write_bytes(path.read_bytes()[:-2] + b"??")


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

    def test_passes(self) -> None:
        samples, left_out = demo.find_samples()
        done = run_app("demo")
        assert (done.code, done.err) == (0, "")
        lines = done.out.splitlines()
        assert lines[0].startswith("C-ECHO to 127.0.0.1:")
        kept = sum(line.endswith("  identical") for line in lines)
        refused = sum(line.endswith("  refused") for line in lines)
        assert kept + refused == len(samples)
        assert kept > 140
        assert sum(line.startswith("C-") and line.endswith(": complete") for line in lines) == 6
        explained = [line for line in lines if line.startswith("Refused with 0xA900, ")]
        assert sum(line.count(".dcm") for line in explained) == refused
        assert sum(line.startswith("Not sent, ") for line in lines) == len(left_out)

    @pytest.mark.usefixtures("few")
    def test_records(self, capsys: pytest.CaptureFixture[str]) -> None:
        done = call_app(capsys, "demo", "--json")
        assert done.code == 0
        assert [record["status"] for record in done.of("echoed")] == ["0x0000"]
        results = [record["result"] for record in done.of("stored")]
        assert results == ["identical", "identical", "refused", "identical"]
        found = [(record["level"], record["matches"]) for record in done.of("found")]
        assert found == [("PATIENT", 2), ("STUDY", 2), ("SERIES", 2), ("IMAGE", 2)]
        assert all(record["complete"] for record in done.of("found"))
        assert [record["identical"] for record in done.of("retrieved")] == [2, 2]

    def test_without_sqlalchemy(self) -> None:
        program = "import sys; sys.modules['sqlalchemy'] = None; "
        program += "from pynetdicom.__main__ import main; sys.exit(main(['demo']))"
        done = subprocess.run(
            [sys.executable, "-c", program],
            env=environment(),
            capture_output=True,
            text=True,
            check=False,
        )
        told = "demo: SQLAlchemy is not installed; install pynetdicom[apps]\n"
        assert (done.returncode, done.stdout, done.stderr) == (1, "", told)

    def test_closed_stdout(self) -> None:
        reader, writer = os.pipe()
        os.close(reader)
        with os.fdopen(writer, "wb") as nobody:
            done = subprocess.run(
                command("demo"),
                env=environment(),
                stdout=nobody,
                stderr=subprocess.PIPE,
                timeout=TIMEOUT,
                check=False,
            )
        assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.usefixtures("few")
class TestFailures:
    """What is not as it should be is told, and makes it fail."""

    @pytest.fixture
    def run(self, capsys: pytest.CaptureFixture[str]) -> Callable[[], Ended]:
        return lambda: call_app(capsys, "demo")

    def test_a_difference_in_the_archive(
        self, run: Callable[[], Ended], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        store = Archive.store

        def spoil(archive: Archive, save: Any, sop_class: str, *others: Any) -> None:
            def spoiling(path: Path) -> None:
                save(path)
                change(path)

            store(
                archive, spoiling if "MR" in demo.UID(sop_class).name else save, sop_class, *others
            )

        monkeypatch.setattr(Archive, "store", spoil)
        done = run()
        assert done.code == 1
        assert done.out.count("DIFFERENT") == 1

    @pytest.mark.parametrize(("folder", "verb"), [("got", "C-GET"), ("moved", "C-MOVE")])
    def test_a_difference_in_what_comes_back(
        self, run: Callable[[], Ended], monkeypatch: pytest.MonkeyPatch, folder: str, verb: str
    ) -> None:
        handle_store = demo.handle_store

        def handle(event: evt.Event, where: Path) -> int:
            status = handle_store(event, where)
            if where.name == folder and event.request.AffectedSOPClassUID.name.startswith("MR"):
                for path in where.iterdir():
                    change(path)
            return status

        monkeypatch.setattr(demo, "handle_store", handle)
        done = run()
        assert done.code == 1
        (told,) = (line for line in done.out.splitlines() if line.endswith("INCOMPLETE"))
        assert told.startswith(verb)
        assert " 2 instances, " in told

    @pytest.mark.parametrize(
        ("status", "told"), [(0xA700, "  status 0xA700"), (0xA900, "  status 0xA900")]
    )
    def test_a_refusal_without_a_reason(
        self, run: Callable[[], Ended], monkeypatch: pytest.MonkeyPatch, status: int, told: str
    ) -> None:
        monkeypatch.setattr(ArchiveSCP, "handle_store", lambda scp, event: status)
        done = run()
        assert done.code == 1
        refused = 1 if status == 0xA900 else 0
        assert done.out.count(told) == len(FEW) - refused
        assert done.out.count("  refused\n") == refused

    def test_queries_that_fail(
        self, run: Callable[[], Ended], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(ArchiveSCP, "handle_find", lambda scp, event: iter([(0xA700, None)]))
        done = run()
        assert done.code == 1
        assert done.out.count("0 of 2 instances") == 4
        assert done.out.count("INCOMPLETE") == 6

    def test_an_echo_that_fails(
        self, run: Callable[[], Ended], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(
            ArchiveSCP, "handlers", lambda scp: [(evt.EVT_C_ECHO, lambda _: 0x0122)]
        )
        done = run()
        assert done.code == 1
        assert done.out.rstrip().endswith(": 0x0122")

    def test_an_abort(self, run: Callable[[], Ended], monkeypatch: pytest.MonkeyPatch) -> None:
        def abort(scp: ArchiveSCP, event: evt.Event) -> int:
            event.assoc.abort()
            return 0x0000

        monkeypatch.setattr(ArchiveSCP, "handle_store", abort)
        done = run()
        assert done.code == 1
        assert done.out.count("no response") == 1
        assert "The association has ended." in done.out
        assert "\n0 of 4 data sets" in done.out

    def test_no_association(
        self, run: Callable[[], Ended], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        associate = AE.associate

        def elsewhere(ae: AE, host: str, port: int, **others: Any) -> Association:
            return associate(ae, host, unused, **others)

        with reserve_port() as unused:
            monkeypatch.setattr(AE, "associate", elsewhere)
            done = run()
        assert done.code == 1
        assert done.err.startswith("demo: no association with 127.0.0.1:")
