"""The archive of qrscp is killed while instances are stored: what it acknowledged is there."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from pynetdicom import AE, build_context
from pynetdicom.apps.qrscp.archive import Archive, path_of, record_of
from pynetdicom.apps.qrscp.index import FILED, Index
from tests.support.archives import image, search
from tests.test_layers import ROOT

PATIENCE = 30.0
CLIENTS = 3
PROGRAM = "import sys; from pynetdicom.__main__ import main; sys.exit(main(sys.argv[1:]))"


def start(folder: Path, url: str) -> tuple[subprocess.Popen[str], int]:
    """Start the archive as a program; return the process and its port."""
    command = [sys.executable, "-c", PROGRAM, "qrscp", "--json", "--port", "0", "-ba", "127.0.0.1"]
    command += ["--instance-location", str(folder / "files")]
    command += ["--database-location", url]
    process = subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line:
        _, errors = process.communicate()
        raise AssertionError(f"it has ended: {errors}")
    return process, json.loads(line)["port"]


class Client:
    """Stores images until the archive is gone, and notes which were acknowledged.

    Every third one takes the place of the one before.
    """

    def __init__(self, number: int, port: int, began: threading.Event) -> None:
        self._number = number
        self._port = port
        self._began = began
        self.acknowledged: dict[str, str] = {}
        self.thread = threading.Thread(target=self._store)
        self.thread.start()

    def _store(self) -> None:
        context = build_context(image().SOPClassUID, image().file_meta.TransferSyntaxUID)
        assoc = AE("TEST_SCU").associate("127.0.0.1", self._port, [context])
        count = 0
        while assoc.is_established:
            count += 1
            number = count - 1 if count % 3 == 0 else count
            comment = f"{self._number}-{count}"
            data_set = image(self._number, count % 4 + 1, number, PatientComments=comment)
            try:
                status = assoc.send_c_store(data_set)
            except RuntimeError:  # there is no association any more
                break
            if not status:
                break
            assert status.Status == 0x0000
            self.acknowledged[str(data_set.SOPInstanceUID)] = comment
            self._began.set()
        if count:
            assoc.join(PATIENCE)


def kill_while_storing(folder: Path, url: str, moment: float, first: int = 1) -> dict[str, str]:
    """Start the archive, have clients store, and kill it; return what was acknowledged.

    Parameters
    ----------
    folder : Path
        Where the files are.
    url : str
        The database.
    moment : float
        Seconds from the first acknowledgement to the end.
    first : int, optional
        The number of the first client.
    """
    process, port = start(folder, url)
    try:
        began = threading.Event()
        clients = [Client(number, port, began) for number in range(first, first + CLIENTS)]
        assert began.wait(PATIENCE)
        # Not known to anybody, and nothing depends on it
        threading.Event().wait(moment)
    finally:
        process.kill()
        process.communicate()
    for client in clients:
        client.thread.join(PATIENCE)
        assert not client.thread.is_alive()
    return {uid: text for client in clients for uid, text in client.acknowledged.items()}


@pytest.mark.parametrize("moment", range(12))
def test_kill(moment: int, tmp_path: Path, url: str) -> None:
    seconds = random.Random(moment).uniform(0, 0.4)
    acknowledged = kill_while_storing(tmp_path, url, seconds)
    assert acknowledged
    archive = Archive(tmp_path / "files", Index(url))
    check(archive, acknowledged)
    archive.rebuild()
    check(archive, acknowledged)
    archive.close()


def check(archive: Archive, acknowledged: dict[str, str]) -> None:
    """See that what was acknowledged is there, whole and findable."""
    filed = archive.index.instances(acknowledged)
    assert sorted(filed) == sorted(acknowledged)
    for uid, each in filed.items():
        assert each.path == path_of(uid)
        comment: Any = record_of(archive.path(each), each.path).rows["PATIENT"]["patient_comments"]
        # What came next with the same UID may be there already, though not acknowledged
        client, count = acknowledged[uid].split("-")
        assert comment in (acknowledged[uid], f"{client}-{int(count) + 1}")
    everything = list(archive.instances(select(*FILED)))
    assert all(archive.path(each).is_file() for each in everything)
    studies = search(archive.index, "STUDY", NumberOfStudyRelatedInstances="")
    assert sum(int(each.NumberOfStudyRelatedInstances) for each in studies) == len(everything)
    assert list(archive.incoming.iterdir()) == []
