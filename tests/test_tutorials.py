"""What readers of a tutorial try out at its end."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest
from pydicom import dcmread

from tests.support.apps import Ended, call_app
from tests.support.blocks import PORT, Reader, read_blocks
from tests.support.samples import CT
from tests.test_layers import ROOT

ARCHIVE = ROOT / "docs" / "tutorials" / "archive.rst"
COMMANDS = """
python -m pynetdicom storescu 127.0.0.1 11112 ct.dcm
python -m pynetdicom findscu 127.0.0.1 11112 -S -k PatientID=1CT* -k PatientName -k StudyInstanceUID
python -m pynetdicom getscu 127.0.0.1 11112 -S -k PatientID=1CT1 -od received
"""


def test_archive(
    sample_folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def run(command: str) -> Ended:
        return call_app(capsys, *shlex.split(command.replace(PORT, str(reader.port)))[3:])

    monkeypatch.chdir(sample_folder)
    store, find, get = COMMANDS.strip().splitlines()
    with Reader(0) as reader:
        for block in read_blocks(ARCHIVE, "python"):
            reader.run(block)
            if "start_server(" in block.code:
                assert run(find).out == "# matches: 0\n"
                assert run(store).code == 0
        found = run(find)
        assert run(get).code == 0
    assert found.code == 0
    assert found.out.count("CompressedSamples^CT1") == 1
    (received,) = Path("received").iterdir()
    assert dcmread(received) == dcmread(CT.path)  # in another transfer syntax
