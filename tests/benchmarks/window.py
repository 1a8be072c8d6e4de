"""What asynchronous operations are worth on a slow link: stores with and without a window.

On a link with a delay, who waits for each response before the next request mostly waits for the
link. With an asynchronous operations window (PS3.7 D.3.3.3) several threads store over the same
association at the same time. Run it with ``python -m tests.benchmarks.window``; it needs nothing
but this host, where a proxy delays what passes.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from time import perf_counter

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

from pynetdicom import AE, evt
from pynetdicom.pdu_primitives import AsynchronousOperationsWindowNegotiation
from pynetdicom.sop_class import CTImageStorage
from tests.benchmarks.link import HOST, Link


def make_instances(number: int) -> list[Dataset]:
    """Return small CT images."""
    instances = []
    for _ in range(number):
        instance = Dataset()
        instance.file_meta = FileMetaDataset()
        instance.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        instance.SOPClassUID = CTImageStorage
        instance.SOPInstanceUID = generate_uid()
        instance.PatientName = "Benchmark^Window"
        instance.PixelData = bytes(1024)
        instance["PixelData"].VR = "OW"
        instances.append(instance)
    return instances


def measure(port: int, instances: Sequence[Dataset], window: int, threads: int) -> float:
    """Return how many seconds it takes to store the instances."""
    ae = AE("BENCHMARK")
    ae.add_requested_context(CTImageStorage, ExplicitVRLittleEndian)
    item = AsynchronousOperationsWindowNegotiation()
    item.maximum_number_operations_invoked = window
    assoc = ae.associate(HOST, port, ext_neg=[item] if window > 1 else None)
    if not assoc.is_established:
        raise SystemExit("The association was not established")
    try:
        with ThreadPoolExecutor(threads) as pool:
            began = perf_counter()
            statuses = [status.get("Status") for status in pool.map(assoc.send_c_store, instances)]
            seconds = perf_counter() - began
    finally:
        assoc.release()
    if statuses != [0x0000] * len(instances):
        raise SystemExit("Not everything was stored")
    return seconds


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print both times and their ratio."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--instances", type=int, default=200, help="how many are stored")
    parser.add_argument("--window", type=int, default=8, help="operations at a time, and threads")
    parser.add_argument(
        "--delay", type=float, default=20.0, help="of the link, both ways together, in ms"
    )
    options = parser.parse_args(arguments)
    instances = make_instances(options.instances)

    scp = AE("ARCHIVE")
    scp.add_supported_context(CTImageStorage, ExplicitVRLittleEndian)
    scp.concurrent_operations = options.window
    handlers = [(evt.EVT_C_STORE, lambda event: 0x0000)]
    server = scp.start_server((HOST, 0), block=False, evt_handlers=handlers)
    try:
        with Link(options.delay / 2000).to(server.server_address[1]) as port:
            without = measure(port, instances, 1, options.window)
            within = measure(port, instances, options.window, options.window)
    finally:
        scp.shutdown()
    print(f"{len(instances)} instances, {options.delay:g} ms of delay, {options.window} threads")
    print(f"one at a time: {without:8.3f} s")
    print(f"with a window: {within:8.3f} s")
    print(f"ratio:         {within / without:8.3f}")


if __name__ == "__main__":
    main()
