"""The benchmarks can be run; what they measure is for people to judge."""

from __future__ import annotations

import re

import pytest

from tests.benchmarks import window


def test_window(capsys: pytest.CaptureFixture[str]) -> None:
    window.main(["--instances", "12", "--window", "3", "--delay", "1"])
    title, *lines = capsys.readouterr().out.splitlines()
    assert title == "12 instances, 1 ms of delay, 3 threads"
    figures = [re.fullmatch(r"(.+): +(\d+\.\d{3})( s)?", line) for line in lines]
    assert [found and found[1] for found in figures] == ["one at a time", "with a window", "ratio"]
