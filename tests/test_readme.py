"""The README does what it says."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydicom import dcmread

from tests.support.blocks import Reader, read_blocks
from tests.test_layers import ROOT

README = ROOT / "README.rst"


def test_commands() -> None:
    # The gate runs them as they stand, each in a fresh clone.
    demo, tests = read_blocks(README, "shell")
    assert "-m venv" in demo.code
    assert '".[apps]"' in demo.code
    assert demo.code.rstrip().endswith("-m pynetdicom demo")
    assert "-m venv" in tests.code
    assert '".[tests]"' in tests.code
    assert tests.code.rstrip().endswith("-m pytest")
    assert demo.checked_by == tests.checked_by == ".ci/run"
    assert tests.line < 40
    gate = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert "'readme_command 1'" in gate
    assert "'readme_command 2'" in gate


def test_python_blocks(
    archive_port: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    sample_folder: Path,
) -> None:
    monkeypatch.chdir(sample_folder)
    echo, store, scp = read_blocks(README, "python")
    with Reader(archive_port) as reader:
        reader.run(echo)
        reader.run(store)
        assert capsys.readouterr().out == "0x0000\n0x0000\n"
        reader.run(scp)
        reader.run(echo)
        reader.run(store)
        assert capsys.readouterr().out == "0x0000\n0x0000\n"
    (received,) = (sample_folder / "received").iterdir()
    # The peer chose another transfer syntax: the data set was converted
    assert dcmread(received) == dcmread(sample_folder / "ct.dcm")


def test_echo_and_store_are_short() -> None:
    echo, store, _ = read_blocks(README, "python")
    for block in (echo, store):
        assert len([line for line in block.code.splitlines() if line]) <= 10
