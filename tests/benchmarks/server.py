"""The servers of the benchmarks: ``python server.py ROLE [--tls CERT KEY CA] [--folder F]``.

Uses nothing but what versions 3 and 4 have in common, so that both can be measured. Prints the
port and serves until its standard input ends; a line on it is answered with a line of JSON: the
processor seconds used, the resident memory and the number of threads. Ends with how many seconds
it took to shut down.
"""

from __future__ import annotations

import argparse
import itertools
import json
import logging
import ssl
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian, generate_uid

from pynetdicom import AE, AllStoragePresentationContexts, _config, build_context, evt
from pynetdicom.sop_class import (
    CTImageStorage,
    StudyRootQueryRetrieveInformationModelFind,
    StudyRootQueryRetrieveInformationModelGet,
    StudyRootQueryRetrieveInformationModelMove,
    Verification,
)

HOST = "127.0.0.1"
SYNTAXES = [ExplicitVRLittleEndian, ImplicitVRLittleEndian]


def status() -> dict[str, float]:
    """Return what this process uses: memory in bytes, its peak, threads and seconds of CPU."""
    fields = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return {
        "cpu": process_time(),
        "rss": int(fields["VmRSS"].split()[0]) * 1024,
        "peak": int(fields["VmHWM"].split()[0]) * 1024,
        "threads": threading.active_count(),
    }


def matches(number: int) -> list[Dataset]:
    """Return the answers to a query, of ten elements each."""
    found = []
    for n in range(number):
        answer = Dataset()
        answer.QueryRetrieveLevel = "STUDY"
        answer.PatientName = f"Benchmark^{n:05}"
        answer.PatientID = f"P{n:05}"
        answer.PatientBirthDate = "19700101"
        answer.StudyDate = "20260101"
        answer.StudyTime = "120000"
        answer.AccessionNumber = f"A{n:05}"
        answer.StudyID = str(n)
        answer.StudyDescription = "Of something"
        answer.StudyInstanceUID = f"1.2.826.0.1.3680043.9.3811.7.3.{n}"
        found.append(answer)
    return found


class Role:
    """What a server does: a handler for each kind of request."""

    def __init__(self, sample: Dataset, folder: Path, move_to: int) -> None:
        self._sample = sample
        self._folder = folder
        self._move_to = move_to
        self._numbers = itertools.count()
        self._matches = matches(2000)

    def drop(self, event: evt.Event) -> int:
        """Take an instance and do nothing with it."""
        return 0x0000

    def decode(self, event: evt.Event) -> int:
        """Look at two elements of an instance."""
        return 0x0000 if event.dataset.PatientName and event.dataset.SOPInstanceUID else 0xC000

    def encoded(self, event: evt.Event) -> int:
        """Write an instance as it came."""
        path = self._folder / f"{next(self._numbers)}"
        path.write_bytes(event.encoded_dataset())
        return 0x0000

    def chunked(self, event: evt.Event) -> int:
        """Keep the file that an instance was received into."""
        event.dataset_path.rename(self._folder / f"{next(self._numbers)}")
        return 0x0000

    def find(self, event: evt.Event) -> Iterator[Any]:
        """Answer a query."""
        for answer in self._matches:
            if event.is_cancelled:
                yield 0xFE00, None
                return
            yield 0xFF00, answer

    def get(self, event: evt.Event) -> Iterator[Any]:
        """Send 200 instances."""
        yield 200
        for _ in range(200):
            self._sample.SOPInstanceUID = generate_uid()
            yield 0xFF00, self._sample

    def move(self, event: evt.Event) -> Iterator[Any]:
        """Send 200 instances to somebody else."""
        yield HOST, self._move_to
        yield from self.get(event)


def main() -> None:
    """Serve."""
    parser = argparse.ArgumentParser()
    parser.add_argument("store", choices=["drop", "decode", "encoded", "chunked"])
    parser.add_argument("--sample", type=Path)
    parser.add_argument("--folder", type=Path, default=Path())
    parser.add_argument("--move-to", type=int, default=0)
    parser.add_argument("--tls", nargs=3, metavar=("CERTIFICATE", "KEY", "CA"))
    options = parser.parse_args()
    logging.getLogger("pynetdicom").setLevel(logging.ERROR)
    _config.STORE_RECV_CHUNKED_DATASET = options.store == "chunked"
    context = None
    if options.tls:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=options.tls[2])
        context.load_cert_chain(*options.tls[:2])

    sample = dcmread(options.sample) if options.sample else Dataset()
    role = Role(sample, options.folder, options.move_to)
    ae = AE("BENCHMARK")
    ae.maximum_associations = 2000
    ae.network_timeout = None
    for supported in AllStoragePresentationContexts[:126]:
        ae.add_supported_context(supported.abstract_syntax, SYNTAXES)
    ae.add_supported_context(CTImageStorage, SYNTAXES, scu_role=True, scp_role=True)
    for uid in (
        Verification,
        StudyRootQueryRetrieveInformationModelFind,
        StudyRootQueryRetrieveInformationModelGet,
        StudyRootQueryRetrieveInformationModelMove,
    ):
        ae.add_supported_context(uid, SYNTAXES)
    ae.requested_contexts = [build_context(CTImageStorage, ExplicitVRLittleEndian)]
    handlers = [
        (evt.EVT_C_ECHO, lambda event: 0x0000),
        (evt.EVT_C_STORE, getattr(role, options.store)),
        (evt.EVT_C_FIND, role.find),
        (evt.EVT_C_GET, role.get),
        (evt.EVT_C_MOVE, role.move),
    ]
    server = ae.start_server((HOST, 0), block=False, ssl_context=context, evt_handlers=handlers)
    print(server.server_address[1], flush=True)
    for _ in sys.stdin:
        print(json.dumps(status()), flush=True)
    began = perf_counter()
    ae.shutdown()
    print(json.dumps({"shutdown": perf_counter() - began}), flush=True)


if __name__ == "__main__":
    main()
