"""How fast it is: ``python -m tests.benchmarks``, beside another version if there is one.

Every case has a client and a server, each a process of its own, on this host only. With ``--peer``
the same is measured with the pynetdicom of another interpreter, in turns, and compared.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

from pydicom.data import get_testdata_file

from tests.benchmarks.client import large_instance
from tests.benchmarks.link import Link
from tests.support.certificates import write_certificates

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
SMALL = Path(str(get_testdata_file("CT_small.dcm")))
MEGA = 1_000_000


@dataclass(frozen=True)
class Case:
    """What is measured.

    Attributes
    ----------
    name : str
        What it is called.
    client : str
        The method of ``client.Client``.
    store : str
        What the server does with an instance.
    unit : str
        What is counted, a second.
    number : int
        How many associations; of a large instance, how many megabytes.
    link : Link, optional
        Stands between client and server.
    tls : bool
        Over TLS.
    clients : int
        How many processes.
    """

    name: str
    client: str
    store: str = "drop"
    unit: str = "/s"
    number: int = 1
    link: Link | None = None
    tls: bool = False
    clients: int = 1


CASES = [
    Case("C-ECHO", "echo"),
    Case("C-ECHO over TLS", "echo", tls=True),
    Case("associate and release", "associate"),
    Case("the same over TLS", "associate", tls=True),
    Case("the same with 127 contexts", "associate_127"),
    Case("C-STORE of 38 kB, Dataset", "store_dataset"),
    Case("C-STORE of 38 kB, file", "store_path"),
    Case("C-STORE of 38 kB, file, over TLS", "store_path", tls=True),
    Case("C-STORE of 38 kB, file to written file", "store_path", "encoded"),
    Case("C-STORE of 38 kB, file to received file", "store_path", "chunked"),
    Case("4 clients, the server decodes", "store_path", "decode", clients=4),
    Case("large C-STORE, Dataset to memory", "large_dataset", unit="MB/s"),
    Case("large C-STORE, file to file", "large_file", "chunked", "MB/s"),
    Case("large C-STORE, file to file, over TLS", "large_file", "chunked", "MB/s", tls=True),
    Case("C-ECHO with 20 ms of delay", "echo", link=Link(delay=0.01)),
    Case("large C-STORE, 50 MB/s link", "large_file", "chunked", "MB/s", link=Link(rate=50e6)),
    Case("C-FIND, matches", "find"),
    Case("C-GET, instances", "get"),
    Case("C-MOVE, instances", "move"),
    Case("10 associations at once, instances", "concurrent", number=10),
    Case("50 associations at once, instances", "concurrent", number=50),
    Case("200 associations at once, instances", "concurrent", number=200),
]


@dataclass
class Figures:
    """What the rounds of a case gave, by implementation."""

    rates: dict[str, list[float]] = field(default_factory=dict)
    notes: dict[str, str] = field(default_factory=dict)

    def row(self, case: Case) -> str:
        """Return the row of the table."""
        cells = [f"{case.name:<42}"]
        for name, rates in self.rates.items():
            cells.append(f"{name} {median(rates):>9,.0f} {case.unit:<5}")
        if len(self.rates) == 2:
            ours, theirs = self.rates.values()
            ratios = sorted(a / b for a, b in zip(ours, theirs, strict=True) if b)
            if ratios:
                cells.append(f"{median(ratios):.1f}x ({ratios[0]:.1f} to {ratios[-1]:.1f})")
        cells += [f"{name}: {note}" for name, note in self.notes.items() if note]
        return "  ".join(cells)


class Bench:
    """Runs cases.

    Parameters
    ----------
    options : argparse.Namespace
        The options of :func:`main`.
    folder : pathlib.Path
        For files that are sent and received.
    """

    def __init__(self, options: argparse.Namespace, folder: Path) -> None:
        self._options = options
        self._folder = folder
        self.pythons = {"this": sys.executable}
        if options.peer:
            self.pythons["peer"] = options.peer

    def _start(self, name: str, script: str, *arguments: Any) -> subprocess.Popen[str]:
        # In the folder of the scripts nothing is found but they; so `import pynetdicom` gives
        # what the interpreter has installed, and this checkout only to `this`
        environment = {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT) if name == "this" else ""}
        return subprocess.Popen(
            [self.pythons[name], str(HERE / script), *map(str, arguments)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
        )

    @contextmanager
    def server(self, name: str, case: Case, *extra: Any) -> Iterator[Server]:
        """Give a server."""
        with TemporaryDirectory(dir=self._folder) as folder:
            arguments = [case.store, "--sample", SMALL, "--folder", folder, *extra]
            process = self._start(
                name, "server.py", *arguments, *(self.certificate("server") if case.tls else ())
            )
            with Server(process) as server:
                yield server

    def certificate(self, whose: str) -> list[Any]:
        """Return the option that says which certificates are used."""
        if not (self._folder / "ca.pem").exists():
            write_certificates(self._folder)
        return [
            "--tls",
            *(self._folder / name for name in (f"{whose}.pem", f"{whose}.key", "ca.pem")),
        ]

    def sample(self, case: Case) -> Path:
        """Return the file that is sent."""
        if case.client != "large_file":
            return SMALL
        path = self._folder / f"{case.number}"
        if not path.exists():
            large_instance(case.number).save_as(path, enforce_file_format=True)
        return path

    def measure(self, name: str, case: Case) -> tuple[float, str]:
        """Return the rate of one round, and what else there is to say."""
        seconds = self._options.seconds
        with ExitStack() as stack:
            extra: list[Any] = []
            if case.client == "move":
                extra = ["--move-to", stack.enter_context(self.server(name, case)).port]
            server = stack.enter_context(self.server(name, case, *extra))
            port = stack.enter_context(case.link.to(server.port)) if case.link else server.port
            before = server.status()
            arguments = [case.client, port, "--seconds", seconds, "--number", case.number]
            arguments += ["--sample", self.sample(case)]
            arguments += self.certificate("client") if case.tls else []
            clients = [self._start(name, "client.py", *arguments) for _ in range(case.clients)]
            results = [json.loads(client.communicate()[0]) for client in clients]
            after = server.status()
        rate = sum(result["count"] / result["seconds"] for result in results)
        notes = []
        if "growth" in results[0]:
            grown = (results[0]["growth"] / MEGA, (after["peak"] - before["peak"]) / MEGA)
            notes.append("+{:.0f} MB, server +{:.0f} MB".format(*grown))
        if "failed" in results[0]:
            notes.append(f"{results[0]['failed']} lost")
        if "p99" in results[0]:
            notes.append(f"p50 {1e6 * results[0]['p50']:.0f}, p99 {1e6 * results[0]['p99']:.0f} us")
        return rate, ", ".join(notes)

    def run(self, case: Case) -> str:
        """Measure all implementations in turns; return a row of the table."""
        figures = Figures({name: [] for name in self.pythons})
        for turn in range(self._options.rounds):
            for name in list(self.pythons)[:: 1 if turn % 2 == 0 else -1]:
                rate, figures.notes[name] = self.measure(name, case)
                figures.rates[name].append(rate)
        return figures.row(case)

    def hold(self, name: str, number: int) -> str:
        """Return what so many idle associations take, and how long shutdown takes then."""
        case = Case("", "hold", number=number)
        with self.server(name, case) as server:
            before = server.status()
            arguments = ["hold", server.port, "--number", number, "--seconds", self._options.idle]
            client = self._start(name, "client.py", *arguments)
            assert client.stdin is not None
            assert client.stdout is not None
            client.stdout.readline()
            opened = server.status()
            client.stdin.write("\n")
            client.stdin.flush()
            client.stdout.readline()  # when it has been idle for that long
            idle = server.status()
            shutdown = server.stop()
            out, _ = client.communicate("\n")
            result = json.loads(out)
        memory = (opened["rss"] - before["rss"]) / number / 1000
        return (
            f"{name}: {number} opened in {result['seconds']:.2f} s; server: {memory:.0f} kB and "
            f"{(opened['threads'] - before['threads']) / number:.2f} threads each; idle: server "
            f"{100 * (idle['cpu'] - opened['cpu']) / self._options.idle:.2f} %, client "
            f"{100 * result['cpu'] / self._options.idle:.2f} % of a processor; shutdown "
            f"{1000 * shutdown:.1f} ms"
        )

    def start_up(self, name: str) -> str:
        """Return how long it takes to start."""
        with self.server(name, Case("", "echo")) as server:
            commands: dict[str, list[str]] = {
                "import": ["-c", "import pynetdicom"],
                "echoscu": ["-m", "pynetdicom", "echoscu", "127.0.0.1", str(server.port)],
                "storescu": [
                    "-m",
                    "pynetdicom",
                    "storescu",
                    "127.0.0.1",
                    str(server.port),
                    str(SMALL),
                ],
            }
            cells = []
            for what, command in commands.items():
                times = []
                for _ in range(self._options.rounds):
                    began = perf_counter()
                    subprocess.run(
                        [self.pythons[name], *command],
                        check=True,
                        cwd=self._folder,
                        env={"PYTHONPATH": str(ROOT) if name == "this" else ""},
                        stderr=subprocess.DEVNULL,
                    )
                    times.append(perf_counter() - began)
                cells.append(f"{what} {1000 * median(times):.0f} ms")
        return f"{name}: " + ", ".join(cells)


class Server:
    """A server process."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        assert process.stdin is not None
        assert process.stdout is not None
        self._in = process.stdin
        self._out = process.stdout
        self.port = int(self._out.readline())

    def __enter__(self) -> Server:
        return self

    def __exit__(self, *_: object) -> None:
        if self._process.poll() is None:
            self.stop()

    def status(self) -> dict[str, float]:
        """Return what it uses."""
        self._in.write("\n")
        self._in.flush()
        used: dict[str, float] = json.loads(self._out.readline())
        return used

    def stop(self) -> float:
        """End it; return how many seconds its shutdown took."""
        seconds: float = json.loads(self._process.communicate()[0])["shutdown"]
        return seconds


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser("tests.benchmarks", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--peer", metavar="PYTHON", help="an interpreter with another version")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=0.5, help="of one measurement")
    parser.add_argument("--idle", type=float, default=5.0, help="seconds of being idle")
    parser.add_argument("--large", type=int, default=256, help="megabytes of a large instance")
    parser.add_argument("--only", metavar="REGEX", default="", help="cases, by their names")
    options = parser.parse_args(arguments)
    with TemporaryDirectory(prefix="pynetdicom-benchmark-") as folder:
        bench = Bench(options, Path(folder))
        for case in CASES:
            if re.search(options.only, case.name):
                is_large = case.client.startswith("large")
                size = options.large if is_large else case.number
                print(bench.run(replace(case, number=size)), flush=True)
        if re.search(options.only, "200 idle"):
            for name in bench.pythons:
                print(bench.hold(name, 200), flush=True)
        if re.search(options.only, "1000 idle"):  # for which 3.0.4 takes minutes
            print(bench.hold("this", 1000), flush=True)
        if re.search(options.only, "start"):
            for name in bench.pythons:
                print(bench.start_up(name), flush=True)


if __name__ == "__main__":
    main()
