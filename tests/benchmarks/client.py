"""The clients of the benchmarks: ``python client.py CASE PORT``.

Uses nothing but what versions 3 and 4 have in common, so that both can be measured. Prints a line
of JSON: how many operations, in how many seconds, and whatever else the case is about.
"""

from __future__ import annotations

import argparse
import json
import logging
import ssl
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median
from time import perf_counter, process_time
from typing import Any

from pydicom import dcmread
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import (
    CTImageStorage,
    ExplicitVRLittleEndian,
    MultiFrameGrayscaleByteSecondaryCaptureImageStorage,
    generate_uid,
)

from pynetdicom import (
    AE,
    AllStoragePresentationContexts,
    Association,
    _config,
    build_context,
    build_role,
    evt,
)
from pynetdicom.sop_class import (
    StudyRootQueryRetrieveInformationModelFind,
    StudyRootQueryRetrieveInformationModelGet,
    StudyRootQueryRetrieveInformationModelMove,
    Verification,
)

HOST = "127.0.0.1"
WARM_UP = 20
Result = dict[str, float]


class Client:
    """One side of every case; a method for each, named as on the command line."""

    def __init__(self, options: argparse.Namespace) -> None:
        self._port: int = options.port
        self._seconds: float = options.seconds
        self._path: Path = options.sample
        self._number: int = options.number
        self._tls: tuple[ssl.SSLContext, str] | None = None
        if options.tls:
            context = ssl.create_default_context(cafile=options.tls[2])
            context.load_cert_chain(*options.tls[:2])
            self._tls = context, "localhost"
        self._ae = AE("CLIENT")
        self._ae.add_requested_context(Verification)

    def _associate(self, *uids: str, **kwargs: Any) -> Association:
        contexts = [build_context(uid, ExplicitVRLittleEndian) for uid in uids or (Verification,)]
        assoc = self._ae.associate(HOST, self._port, contexts, tls_args=self._tls, **kwargs)
        if not assoc.is_established:
            raise SystemExit("no association was established")
        return assoc

    def _repeat(self, operation: Callable[[], Any], warm_up: int = WARM_UP) -> Result:
        """Do it again and again for some time."""
        for _ in range(warm_up):
            operation()
        times = []
        cpu = process_time()
        began = last = perf_counter()
        while last - began < self._seconds:
            operation()
            times.append(-last + (last := perf_counter()))
        times.sort()
        return {
            "count": len(times),
            "seconds": last - began,
            "cpu": process_time() - cpu,
            "p50": median(times),
            "p99": times[int(len(times) * 0.99)],
        }

    def echo(self) -> Result:
        """Send C-ECHO requests over one association."""
        assoc = self._associate()
        result = self._repeat(lambda: check(assoc.send_c_echo()))
        assoc.release()
        return result

    def associate(self) -> Result:
        """Make and release associations."""
        return self._repeat(lambda: self._associate().release(), 3)

    def associate_127(self) -> Result:
        """Make and release associations with 127 contexts."""
        uids = [str(cx.abstract_syntax) for cx in AllStoragePresentationContexts[:126]]
        return self._repeat(lambda: self._associate(Verification, *uids).release(), 3)

    def store_dataset(self) -> Result:
        """Store a Dataset."""
        assoc, instance = self._associate(CTImageStorage), dcmread(self._path)
        instance.file_meta.MediaStorageSOPInstanceUID = instance.SOPInstanceUID
        result = self._repeat(lambda: check(assoc.send_c_store(instance)), 3)
        assoc.release()
        return result

    def store_path(self) -> Result:
        """Store a file."""
        assoc = self._associate(CTImageStorage)
        result = self._repeat(lambda: check(assoc.send_c_store(self._path)), 3)
        assoc.release()
        return result

    def _store_large(self, instance: Dataset | Path) -> Result:
        assoc = self._associate(MultiFrameGrayscaleByteSecondaryCaptureImageStorage)
        before = peak_memory()
        began, cpu = perf_counter(), process_time()
        check(assoc.send_c_store(instance))
        seconds = perf_counter() - began
        growth = peak_memory() - before
        assoc.release()
        return {
            "count": self._number,
            "seconds": seconds,
            "cpu": process_time() - cpu,
            "growth": growth,
        }

    def large_dataset(self) -> Result:
        """Store a Dataset of so many megabytes."""
        instance = large_instance(self._number)
        return self._store_large(instance)

    def large_file(self) -> Result:
        """Store a file of so many megabytes."""
        _config.STORE_SEND_CHUNKED_DATASET = True
        return self._store_large(self._path)

    def find(self) -> Result:
        """Count the answers to queries."""
        assoc = self._associate(StudyRootQueryRetrieveInformationModelFind)
        query = Dataset()
        query.QueryRetrieveLevel = "STUDY"

        def ask() -> int:
            answers = assoc.send_c_find(query, StudyRootQueryRetrieveInformationModelFind)
            return sum(1 for _, identifier in answers if identifier is not None)

        result = self._repeat(ask, 1)
        result["count"] *= ask()
        assoc.release()
        return result

    def get(self) -> Result:
        """Retrieve instances over the same association."""
        model = StudyRootQueryRetrieveInformationModelGet
        assoc = self._associate(
            model,
            CTImageStorage,
            ext_neg=[build_role(CTImageStorage, scp_role=True)],
            evt_handlers=[(evt.EVT_C_STORE, lambda event: 0x0000)],
        )
        return self._retrieve(assoc, assoc.send_c_get, model)

    def move(self) -> Result:
        """Have instances sent to another server."""
        model = StudyRootQueryRetrieveInformationModelMove
        assoc = self._associate(model)
        return self._retrieve(
            assoc, lambda query, model: assoc.send_c_move(query, "ELSEWHERE", model), model
        )

    def _retrieve(self, assoc: Association, send: Callable[..., Any], model: str) -> Result:
        query = Dataset()
        query.QueryRetrieveLevel = "STUDY"
        query.StudyInstanceUID = "1.2.3"
        done = 0
        began, cpu = perf_counter(), process_time()
        while perf_counter() - began < self._seconds:
            for status, _ in send(query, model):
                last = status
            done += check(last).NumberOfCompletedSuboperations
        result = {"count": done, "seconds": perf_counter() - began, "cpu": process_time() - cpu}
        assoc.release()
        return result

    def concurrent(self) -> Result:
        """Store 10 instances over each of so many associations at the same time."""
        instance = self._path

        def store(_: int) -> int:
            try:
                assoc = self._associate(CTImageStorage)
                stored = sum(
                    assoc.send_c_store(instance).get("Status") == 0x0000 for _ in range(10)
                )
                assoc.release()
            except (SystemExit, RuntimeError):
                return 0
            return stored

        began, cpu = perf_counter(), process_time()
        with ThreadPoolExecutor(self._number) as pool:
            stored = sum(pool.map(store, range(self._number)))
        seconds = perf_counter() - began
        failed = 10 * self._number - stored
        return {
            "count": stored,
            "seconds": seconds,
            "cpu": process_time() - cpu,
            "failed": failed,
        }

    def hold(self) -> Result:
        """Keep so many associations open and idle; standard input has a line for each step."""
        began = perf_counter()
        open_ones = [self._associate() for _ in range(self._number)]
        seconds = perf_counter() - began
        print("open", flush=True)
        sys.stdin.readline()
        cpu = process_time()
        threading.Event().wait(self._seconds)
        cpu = process_time() - cpu
        alive = sum(assoc.is_established for assoc in open_ones)
        print("was idle", flush=True)
        sys.stdin.readline()
        self._ae.shutdown()
        return {"count": alive, "seconds": seconds, "cpu": cpu}


def check(status: Dataset) -> Dataset:
    """Return a status; end the benchmark if it is not success."""
    if status.get("Status") != 0x0000:
        raise SystemExit(f"an operation failed:\n{status}")
    return status


def large_instance(megabytes: int) -> Dataset:
    """Return an instance of so many megabytes."""
    instance = Dataset()
    instance.file_meta = FileMetaDataset()
    instance.SOPClassUID = MultiFrameGrayscaleByteSecondaryCaptureImageStorage
    instance.SOPInstanceUID = generate_uid()
    instance.file_meta.MediaStorageSOPClassUID = instance.SOPClassUID
    instance.file_meta.MediaStorageSOPInstanceUID = instance.SOPInstanceUID
    instance.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    instance.PatientName = "Benchmark^Large"
    instance.PixelData = bytes(1_000_000 * megabytes)
    instance["PixelData"].VR = "OB"
    return instance


def peak_memory() -> int:
    """Return the most memory that this process has had, in bytes."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    raise SystemExit("this system does not tell how much memory a process uses")


def main() -> None:
    """Run a case."""
    parser = argparse.ArgumentParser()
    parser.add_argument("case")
    parser.add_argument("port", type=int)
    parser.add_argument("--seconds", type=float, default=0.5)
    parser.add_argument("--number", type=int, default=1)
    parser.add_argument("--sample", type=Path)
    parser.add_argument("--tls", nargs=3, metavar=("CERTIFICATE", "KEY", "CA"))
    options = parser.parse_args()
    logging.getLogger("pynetdicom").setLevel(logging.CRITICAL)
    print(json.dumps(getattr(Client(options), options.case)()), flush=True)


if __name__ == "__main__":
    main()
