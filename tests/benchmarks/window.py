"""What asynchronous operations are worth on a slow link: stores with and without a window.

On a link with a delay, who waits for each response before the next request mostly waits for the
link. With an asynchronous operations window (PS3.7 D.3.3.3) several threads store over the same
association at the same time. Run it with ``python -m tests.benchmarks.window``; it needs nothing
but this host, where a proxy delays what passes.
"""

from __future__ import annotations

import argparse
import socket
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from queue import SimpleQueue
from time import monotonic, perf_counter

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

from pynetdicom import AE, evt
from pynetdicom.pdu_primitives import AsynchronousOperationsWindowNegotiation
from pynetdicom.sop_class import CTImageStorage

HOST = "127.0.0.1"


def _forward(source: socket.socket, target: socket.socket, delay: float) -> None:
    """Write to one socket what is read from another, so many seconds later."""
    pieces: SimpleQueue[tuple[float, bytes]] = SimpleQueue()

    def deliver() -> None:
        pause = threading.Event()  # never set
        with suppress(OSError):  # nobody listens any more
            while (entry := pieces.get())[1]:
                due, data = entry
                pause.wait(max(0.0, due - monotonic()))
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)

    delivery = threading.Thread(target=deliver)
    delivery.start()
    data = b"-"
    while data:
        try:
            data = source.recv(65536)
        except OSError:
            data = b""
        pieces.put((monotonic() + delay, data))
    delivery.join()


def _connect(near: socket.socket, port: int, delay: float) -> None:
    """Pass a connection on to a port of this host until both sides have closed it."""
    with near, socket.create_connection((HOST, port)) as far:
        for end in (near, far):
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        back = threading.Thread(target=_forward, args=(far, near, delay))
        back.start()
        _forward(near, far, delay)
        back.join()


@contextmanager
def delaying_proxy(target: int, delay: float) -> Iterator[int]:
    """Give a port that leads to another, with a delay of so many seconds in each direction."""
    connections: list[threading.Thread] = []

    def serve() -> None:
        with suppress(OSError):  # no more connections
            while True:
                near, _ = listener.accept()
                connections.append(threading.Thread(target=_connect, args=(near, target, delay)))
                connections[-1].start()

    with socket.create_server((HOST, 0)) as listener:
        server = threading.Thread(target=serve)
        server.start()
        try:
            yield listener.getsockname()[1]
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            for thread in (server, *connections):
                thread.join()


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
        with delaying_proxy(server.server_address[1], options.delay / 2000) as port:
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
