"""Whether qrscp loses anything: many clients at the same time, and its end at any moment.

``python -m tests.benchmarks.qrscp_safety`` starts qrscp as a program with SQLite, with
``--postgresql`` in a private cluster of this host. 20 clients store 200 instances each while 5
query; then it is killed 50 times while clients store, and started again. Each time everything
that was acknowledged has to be there, in the index and as a file. Ends with 1 if it is not.
"""

from __future__ import annotations

import argparse
import random
import signal
import statistics
import sys
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

import pynetdicom.__main__  # noqa: F401  makes pynetdicom.apps known in a bare checkout
from pynetdicom import AE, build_context
from pynetdicom.apps.qrscp.archive import Archive
from pynetdicom.apps.qrscp.index import Index
from tests.apps.test_qrscp_kill import CLIENTS, check, kill_while_storing, start
from tests.support.archives import STUDY_FIND, identifier, image
from tests.support.postgresql import new_database, postgresql

HOST = "127.0.0.1"
LONGEST_LIFE = 0.4


def store_many(port: int, study: int, instances: int) -> list[str]:
    """Store the instances of a study; return the UIDs of those that were acknowledged."""
    images = [image(study, number % 4 + 1, number) for number in range(1, instances + 1)]
    context = build_context(images[0].SOPClassUID, images[0].file_meta.TransferSyntaxUID)
    assoc = AE("BENCHMARK").associate(HOST, port, [context])
    if not assoc.is_established:
        return []
    answers = [(each, assoc.send_c_store(each, number)) for number, each in enumerate(images, 1)]
    assoc.release()
    return [str(each.SOPInstanceUID) for each, answer in answers if answer.get("Status") == 0]


def query(port: int, stored: threading.Event) -> tuple[int, list[float]]:
    """Query for all studies until everything is stored; return how many, and the times in s."""
    assoc = AE("BENCHMARK").associate(HOST, port, [build_context(STUDY_FIND)])
    wanted = identifier("STUDY", StudyInstanceUID="", PatientName="Doe*")
    times: list[float] = []
    while True:
        is_last = stored.is_set()
        began = perf_counter()
        *matches, (final, _) = assoc.send_c_find(wanted, STUDY_FIND)
        times.append(perf_counter() - began)
        if final.Status != 0x0000:
            raise SystemExit(f"A query ended with status 0x{final.Status:04X}")
        if is_last:
            assoc.release()
            return len(matches), times


def at_once(folder: Path, url: str, clients: int, instances: int, askers: int) -> int:
    """Store and query at the same time; return how much is lost."""
    process, port = start(folder, url)
    stored = threading.Event()
    with ThreadPoolExecutor(clients + askers) as pool:
        asking = [pool.submit(query, port, stored) for _ in range(askers)]
        began = perf_counter()
        storing = [pool.submit(store_many, port, n, instances) for n in range(1, clients + 1)]
        acknowledged = [uid for future in storing for uid in future.result()]
        seconds = perf_counter() - began
        stored.set()
        asked = [future.result() for future in asking]
    process.send_signal(signal.SIGTERM)
    process.communicate()
    archive = Archive(folder / "files", Index(url))
    filed = archive.index.instances(acknowledged)
    there = sum(uid in filed and archive.path(filed[uid]).is_file() for uid in acknowledged)
    archive.close()
    times = [1000 * each for _, some in asked for each in some]
    lost = len(acknowledged) - there
    print(f"{clients} clients: {len(acknowledged)} of {clients * instances} instances stored in")
    print(f"  {seconds:.1f} s, {len(acknowledged) / seconds:.0f}/s; lost: {lost}")
    print(f"{askers} askers: {len(times)} queries, median {statistics.median(times):.1f} ms;")
    print(f"  studies found in the end: {sorted({found for found, _ in asked})}")
    refused = clients * instances - len(acknowledged)
    return lost + refused + sum(found != clients for found, _ in asked)


def killed(folder: Path, url: str, times: int, seed: int) -> int:
    """Kill it time and again; return how much is lost."""
    dice = random.Random(seed)
    everything: dict[str, str] = {}
    lost = 0
    for each in range(times):
        first = 1 + CLIENTS * each
        acknowledged = kill_while_storing(folder, url, dice.uniform(0, LONGEST_LIFE), first)
        everything |= acknowledged
        archive = Archive(folder / "files", Index(url))  # as a restart does
        lost += len(set(acknowledged) - set(archive.index.instances(acknowledged)))
        check(archive, acknowledged)
        archive.close()
    archive = Archive(folder / "files", Index(url))
    check(archive, everything)
    archive.rebuild()
    check(archive, everything)
    archive.close()
    print(f"killed {times} times: {len(everything)} instances acknowledged; lost: {lost}")
    return lost


@contextmanager
def databases(is_postgresql: bool, folder: Path) -> Iterator[tuple[str, str]]:
    """Give the URLs of two empty databases."""
    if is_postgresql:
        with postgresql() as cluster:
            yield new_database(cluster), new_database(cluster)
    else:
        yield f"sqlite:///{folder}/many.sqlite", f"sqlite:///{folder}/killed.sqlite"


def main(arguments: Sequence[str] | None = None) -> int:
    """Do both, and print what came of it; return the exit code."""
    parser = argparse.ArgumentParser("qrscp_safety", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--postgresql", action="store_true", help="in the place of SQLite")
    parser.add_argument("--clients", type=int, default=20, help="that store at the same time")
    parser.add_argument("--instances", type=int, default=200, help="of each client")
    parser.add_argument("--askers", type=int, default=5, help="clients that query meanwhile")
    parser.add_argument("--kills", type=int, default=50, help="how often it is killed")
    parser.add_argument("--seed", type=int, default=1, help="of the moments")
    options = parser.parse_args(arguments)
    with TemporaryDirectory(prefix="pynetdicom-benchmark-") as name:
        folder = Path(name)
        with databases(options.postgresql, folder) as (many, other):
            lost = at_once(
                folder / "many", many, options.clients, options.instances, options.askers
            )
            lost += killed(folder / "killed", other, options.kills, options.seed)
    return 1 if lost else 0


if __name__ == "__main__":
    sys.exit(main())
