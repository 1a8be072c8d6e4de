"""storescu and storescp from disk to disk, side by side with DCMTK's, as whole processes.

``python -m tests.benchmarks.apps`` makes 2,000 CT images of 38 kB and sends them in turns with
our pair, as it is and with ``--window 8``, and with DCMTK's (``storescu`` and ``storescp +B``,
with ``TCP_NODELAY=1``), which has to be installed. The time is that of the SCU's process, from its
start to its end; then all files have to be there. In the end our storescp gets an instance of 1
GB, and how long that takes and its peak memory are shown. With ``--tls`` all of them use TLS.
"""

from __future__ import annotations

import argparse
import re
import shutil
import statistics
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

import pydicom.data
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian

import pynetdicom.__main__  # noqa: F401  makes pynetdicom.apps known in a bare checkout
from pynetdicom.dsutils import encode, file_head
from tests.support.apps import command, environment
from tests.support.archives import image
from tests.support.certificates import write_certificates
from tests.support.peers import HOST, Server, find_program, reserve_port, serving

SAMPLE = Path(pydicom.data.__file__).parent / "test_files" / "CT_small.dcm"
SAMPLE_UID = b"1.3.6.1.4.1.5962.1.1.1.1.1.20040119072730.12322"
OURS, AHEAD, DCMTK = "ours", "ours --window 8", "DCMTK"
PAIRS = ((OURS, OURS), (AHEAD, OURS), (DCMTK, DCMTK), (OURS, DCMTK), (DCMTK, OURS))
ENVIRONMENT = environment(TCP_NODELAY="1")  # which DCMTK looks at
MB = 1_000_000


def make_instances(folder: Path, number: int) -> None:
    """Make CT images, each with a SOP Instance UID of its own."""
    folder.mkdir()
    sample = SAMPLE.read_bytes()
    for each in range(10_000, 10_000 + number):
        uid = SAMPLE_UID[:-5] + str(each).encode()
        (folder / f"{each}.dcm").write_bytes(sample.replace(SAMPLE_UID, uid))


def make_large_instance(path: Path, length: int) -> None:
    """Make an instance with so many bytes of pixel data, which take no room on the disk."""
    data_set = image()
    encoded = encode(data_set, False, True)
    assert encoded is not None
    uid = str(data_set.SOPInstanceUID)
    with path.open("wb") as file:
        file.write(file_head(CTImageStorage, uid, ExplicitVRLittleEndian, "1.2.3", None))
        file.write(encoded + b"\xe0\x7f\x10\x00OW\0\0" + length.to_bytes(4, "little"))
        file.truncate(file.tell() + length)


def tls_options(whose: str, name: str, folder: Path) -> list[str | Path]:
    """Return the options to use TLS with as "server" or "client", none without certificates."""
    files = [folder / f"{name}.key", folder / f"{name}.pem", folder / "ca.pem"]
    if not files[0].exists():
        return []
    key, certificate, authority = files
    if whose == DCMTK:
        return ["+tls", key, certificate, "+cf", authority]
    return ["--tls", "--tls-key", key, "--tls-cert", certificate, "--tls-ca", authority]


@contextmanager
def storescp(whose: str, folder: Path) -> Iterator[Server]:
    """Run a storage SCP that saves into a new folder; with TLS if there are certificates by it."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    with reserve_port() as port:
        program = [find_program("storescp"), "+B"] if whose == DCMTK else command("storescp")
        args = [*program, *tls_options(whose, "server", folder.parent), "-od", folder, str(port)]
        with serving(args, port, folder.with_suffix(".log"), ENVIRONMENT) as server:
            yield server


def storescu(whose: str, port: int, path: Path) -> float:
    """Send a file or those in a folder; return how many seconds the process took."""
    program = [find_program("storescu"), "+sd"]
    if whose != DCMTK:
        program = command("storescu", *whose.split()[1:])
    args = [*program, *tls_options(whose, "client", path.parent), HOST, str(port), path]
    began = perf_counter()
    subprocess.run(args, check=True, env=ENVIRONMENT)
    return perf_counter() - began


def measure(scu: str, scp: str, folder: Path, number: int) -> float:
    """Send all instances; return the seconds."""
    received = folder / "received"
    with storescp(scp, received) as server:
        seconds = storescu(scu, server.port, folder / "instances")
        files = [path for path in received.iterdir() if not path.name.startswith(".")]
    if len(files) != number:
        raise SystemExit(f"{scu} to {scp}: {len(files)} of {number} files are there")
    return seconds


def large_instance(whose: str, folder: Path, length: int) -> tuple[float, int]:
    """Send a large instance; return the seconds, and the most memory of the storescp in kB."""
    large = folder / "large.dcm"
    make_large_instance(large, length)
    with storescp(whose, folder / "received") as server:
        seconds = storescu(whose, server.port, large)
        status = Path(f"/proc/{server.process.pid}/status").read_text("ascii")
        (file,) = (path for path in (folder / "received").iterdir() if path.is_file())
        if file.stat().st_size < length:
            raise SystemExit("The large instance was not received as a whole")
    peak = re.search(r"VmHWM:\s+(\d+) kB", status)
    assert peak is not None
    return seconds, int(peak[1])


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, and print medians and ratios."""
    parser = argparse.ArgumentParser("apps", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--instances", type=int, default=2000, help="how many are sent")
    parser.add_argument("--rounds", type=int, default=5, help="of each pair, in turns")
    parser.add_argument("--large", type=int, default=1000, metavar="MB", help="the large instance")
    parser.add_argument("--tls", action="store_true", help="use TLS")
    parser.add_argument("--folder", help="where to make the files (default: that of the system)")
    options = parser.parse_args(arguments)
    times: dict[tuple[str, str], list[float]] = {pair: [] for pair in PAIRS}
    with TemporaryDirectory(prefix="pynetdicom-benchmark-", dir=options.folder) as name:
        folder = Path(name)
        make_instances(folder / "instances", options.instances)
        if options.tls:
            write_certificates(folder)
        for _ in range(options.rounds):
            for scu, scp in PAIRS:
                times[scu, scp].append(measure(scu, scp, folder, options.instances))
        print(f"{options.instances} instances, {options.rounds} rounds, medians (range)")
        for (scu, scp), some in times.items():
            print(
                f"{scu + ' to ' + scp:<24} {statistics.median(some):7.3f} s "
                f"({min(some):.3f} to {max(some):.3f})"
            )
        for ours in (OURS, AHEAD):
            rounds = zip(times[DCMTK, DCMTK], times[ours, OURS], strict=True)
            ratio = statistics.median(theirs / our for theirs, our in rounds)
            print(f"DCMTK's pair takes {ratio:.2f} times as long as {ours}")
        for whose in (OURS, DCMTK):
            seconds, kilobytes = large_instance(whose, folder, options.large * MB)
            print(
                f"{options.large} MB, {whose}: {seconds:.3f} s, "
                f"peak memory of storescp {kilobytes / 1024:.1f} MiB"
            )


if __name__ == "__main__":
    main()
