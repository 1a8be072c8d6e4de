"""The commands of the applications' documentation, run as they stand."""

from __future__ import annotations

import json
import shlex
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pynetdicom.__main__ import main
from tests.interop.library import VARIOUS, Library
from tests.support.apps import interrupt_when_served
from tests.support.associations import port_of
from tests.support.blocks import PORT, read_blocks
from tests.support.peers import reserve_port
from tests.test_layers import ROOT

PAGES = ROOT / "docs" / "apps"

ECHOSCU = """
python -m pynetdicom echoscu 127.0.0.1 11112
python -m pynetdicom echoscu 127.0.0.1 11112 -aet MY_SCU -aec ARCHIVE --repeat 3 --json
"""
STORESCU = """
python -m pynetdicom storescu 127.0.0.1 11112 ct.dcm images
python -m pynetdicom storescu 127.0.0.1 11112 images --recurse --jobs 4 --report report.jsonl
python -m pynetdicom storescu 127.0.0.1 11112 images --resume report.jsonl --report report.jsonl
"""
FINDSCU = """
python -m pynetdicom findscu 127.0.0.1 11112 -k PatientName=Doe^* -k PatientID
python -m pynetdicom findscu 127.0.0.1 11112 -S -k StudyDate=20040101- -k StudyInstanceUID --csv
python -m pynetdicom findscu 127.0.0.1 11112 -k PatientName=* --limit 10 --table
"""
GETSCU = """
python -m pynetdicom getscu 127.0.0.1 11112 -k PatientID=1CT1 -od received
python -m pynetdicom getscu 127.0.0.1 11112 -S -k PatientName=CompressedSamples^CT* -od received
"""
MOVESCU = """
python -m pynetdicom movescu 127.0.0.1 11112 -k PatientID=1CT1 --store -od received
python -m pynetdicom movescu 127.0.0.1 11112 -k PatientID=1CT1 -aem ARCHIVE
"""
PEERS = """
python -m pynetdicom echoscu --peer archive
python -m pynetdicom storescu --peer archive ct.dcm
"""
SCPS = """
python -m pynetdicom echoscp 11112 --bind-address 127.0.0.1
python -m pynetdicom storescp 11112 --bind-address 127.0.0.1 --output-directory received
"""


def arguments(command: str, port: int) -> list[str]:
    """Return the arguments behind ``python -m pynetdicom``."""
    return shlex.split(command.replace(PORT, str(port)))[3:]


@pytest.mark.parametrize("commands", [ECHOSCU, STORESCU, PEERS], ids=["echo", "store", "peers"])
def test_scu(
    commands: str, archive_port: int, sample_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(sample_folder)
    (peers,) = read_blocks(PAGES / "peers.rst", "text")
    Path("peers.toml").write_text(peers.code.replace(PORT, str(archive_port)))
    monkeypatch.setenv("PYNETDICOM_PEERS", "peers.toml")
    for command in commands.split("\n"):
        if command:
            assert main(arguments(command, archive_port)) == 0


@pytest.mark.parametrize("commands", [FINDSCU, GETSCU, MOVESCU], ids=["find", "get", "move"])
def test_query(
    commands: str,
    archive_port: int,
    start_scp: Callable[..., Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    with reserve_port() as ours:
        library = Library(VARIOUS, destinations={"STORESCP": ours, "ARCHIVE": archive_port})
        port = port_of(start_scp(library.contexts(), library.handlers()))
        for command in commands.split("\n")[1:-1]:
            more = ["--store-port", str(ours)] if "--store " in command else []
            assert main([*arguments(command, port), *more]) == 0
    if "-od" in commands:
        assert [path.name[:3] for path in (tmp_path / "received").iterdir()] == ["CT."]


@pytest.mark.parametrize("command", SCPS.split("\n")[1:-1], ids=["echo", "store"])
def test_scp(command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with reserve_port() as port:
        thread = threading.Thread(target=interrupt_when_served, args=[port])
        thread.start()
        assert main(arguments(command, port)) == 0
        thread.join()


@pytest.mark.parametrize("name", ["echoscu", "echoscp", "storescp", "findscu", "getscu"])
def test_records(name: str) -> None:
    """The records on the pages are JSON."""
    for block in read_blocks(PAGES / f"{name}.rst", "text"):
        if '"event"' in block.code:
            records: list[Any] = []
            for text in block.code.replace("\n ", " ").splitlines():
                records.append(json.loads(text))
            assert all("event" in record for record in records)
