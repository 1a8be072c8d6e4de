"""The benchmarks can be run; what they measure is for people to judge."""

from __future__ import annotations

import re

import pytest

from tests.benchmarks import __main__ as benchmarks
from tests.benchmarks import apps, qrscp_safety, window


def test_window(capsys: pytest.CaptureFixture[str]) -> None:
    window.main(["--instances", "12", "--window", "3", "--delay", "1"])
    title, *lines = capsys.readouterr().out.splitlines()
    assert title == "12 instances, 1 ms of delay, 3 threads"
    figures = [re.fullmatch(r"(.+): +(\d+\.\d{3})( s)?", line) for line in lines]
    assert [found and found[1] for found in figures] == ["one at a time", "with a window", "ratio"]


@pytest.mark.slow
def test_all(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--rounds", "1", "--seconds", "0.01", "--idle", "0.01", "--large", "1"]
    benchmarks.main(arguments)
    rows = capsys.readouterr().out.splitlines()
    names = [case.name for case in benchmarks.CASES]
    assert [row[: len(name)] for row, name in zip(rows, names, strict=False)] == names
    assert [row for row in rows if " lost" in row and " 0 lost" not in row] == []
    idle = r"this: \d+ opened in .+ s; server: .+ kB and .+ threads each; idle: .+; shutdown .+ ms"
    assert all(re.fullmatch(idle, row) for row in rows[len(names) : -1])
    assert re.fullmatch(r"this: import \d+ ms, echoscu \d+ ms, storescu \d+ ms", rows[-1])
    assert len(rows) == len(names) + 3


def test_qrscp_safety(capsys: pytest.CaptureFixture[str]) -> None:
    sizes = ["--clients", "3", "--instances", "4", "--askers", "2", "--kills", "2"]
    assert qrscp_safety.main(sizes) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "3 clients: 12 of 12 instances stored in"
    assert lines[3] == "  studies found in the end: [3]"
    assert re.fullmatch(r"killed 2 times: \d+ instances acknowledged; lost: 0", lines[4])


@pytest.mark.interop
@pytest.mark.parametrize("options", [[], ["--tls"]], ids=["plain", "tls"])
def test_apps(options: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    apps.main(["--instances", "5", "--rounds", "1", "--large", "3", *options])
    title, *lines = capsys.readouterr().out.splitlines()
    assert title == "5 instances, 1 rounds, medians (range)"
    assert len(lines) == 9
    assert re.fullmatch(r"DCMTK's pair takes \d+\.\d\d times as long as ours", lines[5])
    assert re.fullmatch(r"DCMTK's pair .+ times as long as ours --window 8", lines[6])
    for whose, line in zip(("ours", "DCMTK"), lines[7:], strict=True):
        assert re.fullmatch(rf"3 MB, {whose}: .+ s, peak memory of storescp \d+\.\d MiB", line)
