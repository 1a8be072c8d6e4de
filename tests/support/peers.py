"""Other DICOM implementations as processes: start, wait until they listen, talk to, stop."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import Any

HOST = "127.0.0.1"
START_TIMEOUT = 30.0
RUN_TIMEOUT = 120.0
STOP_TIMEOUT = 10.0
PAUSE = 0.02

PEER_PYTHON = "PYNETDICOM_PEER_PYTHON"
SCRIPTS = Path(__file__).parents[1] / "interop" / "scripts"


@contextmanager
def reserve_port() -> Iterator[int]:
    """Give a port that nobody else gets, for somebody who binds it with SO_REUSEADDR.

    The reservation is a socket that is bound and never listens.
    """
    with socket.socket() as holder:
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        holder.bind((HOST, 0))
        yield holder.getsockname()[1]


def wait_for_port(
    port: int, ended: Callable[[float], bool], timeout: float = START_TIMEOUT
) -> None:
    """Return once connections to a port of this host are accepted.

    Parameters
    ----------
    port : int
        The port to try.
    ended : callable
        Waits for the end of who is going to listen, for the seconds given, and returns whether
        it has come.
    timeout : float, optional
        Seconds to go on trying.
    """
    deadline = monotonic() + timeout
    while not ended(PAUSE):
        try:
            socket.create_connection((HOST, port), timeout=1.0).close()
        except OSError:
            if monotonic() > deadline:
                raise TimeoutError(f"nobody listens on port {port}") from None
        else:
            return
    raise ChildProcessError(f"who was to listen on port {port} has ended")


def find_program(name: str) -> str:
    """Return the path of a program; its absence is an error, never a reason to skip."""
    # Not our own application of the same name, in the environment that runs the tests
    own = str(Path(sys.executable).parent)
    folders = [folder for folder in os.environ["PATH"].split(os.pathsep) if folder != own]
    path = shutil.which(name, path=os.pathsep.join([*folders, "/usr/sbin"]))
    if path is None:
        raise FileNotFoundError(f"{name} is not installed, and the interop tests need it")
    return path


def peer_command(script: str) -> list[str]:
    """Return the command that runs a script with the interpreter of the older pynetdicom."""
    python = os.environ.get(PEER_PYTHON)
    if not python:
        raise LookupError(f"{PEER_PYTHON} does not name the interpreter that has pynetdicom 3.0.4")
    # Isolated: neither this checkout nor the environment's own settings come before its packages.
    return [python, "-I", str(SCRIPTS / script)]


@dataclass
class Outcome:
    """How a program that was run to its end ended."""

    status: int
    output: str


def run_program(command: Sequence[str | Path], timeout: float = RUN_TIMEOUT) -> Outcome:
    """Run a program to its end; standard output and error come as one text."""
    done = subprocess.run(
        [str(part) for part in command],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        timeout=timeout,
        check=False,
    )
    return Outcome(done.returncode, done.stdout.decode("utf-8", "replace"))


@dataclass
class Server:
    """A program that listens, and the file that its output goes to."""

    process: subprocess.Popen[bytes]
    port: int
    log: Path

    def ended(self, seconds: float) -> bool:
        """Wait for its end for so many seconds; return whether it has come."""
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            return False
        return True

    def output(self) -> str:
        """Return what it has said so far."""
        return self.log.read_text("utf-8", "replace")

    def wait_for_output(self, text: str, timeout: float = START_TIMEOUT) -> str:
        """Return its output as soon as it contains a text."""
        deadline = monotonic() + timeout
        while text not in (output := self.output()):
            assert monotonic() < deadline, f"no {text!r} in:\n{output}"
            assert not self.ended(PAUSE), f"ended without {text!r}:\n{output}"
        return output

    def stop(self) -> None:
        """End the process, and see to it that it has ended."""
        if self.process.poll() is None:
            self.process.terminate()
            if not self.ended(STOP_TIMEOUT):
                self.process.kill()
                self.process.wait()


@contextmanager
def serving(
    command: Sequence[str | Path],
    port: int,
    log: Path,
    environment: Mapping[str, str] | None = None,
) -> Iterator[Server]:
    """Start a program, wait until it listens on a port, and end it afterwards."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            [str(part) for part in command],
            stdout=output,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            cwd=log.parent,
            env=environment,
        )
    server = Server(process, port, log)
    try:
        try:
            wait_for_port(port, server.ended)
        except (TimeoutError, ChildProcessError) as error:
            error.add_note(server.output()) if hasattr(error, "add_note") else None
            raise
        yield server
    finally:
        server.stop()


@contextmanager
def dcmtk_storescp(folder: Path, *options: str | Path) -> Iterator[Server]:
    """Run DCMTK's storage SCP, which keeps data sets bit for bit in a folder."""
    received = folder / "received"
    received.mkdir(parents=True)
    with reserve_port() as port:
        command = [find_program("storescp"), "-d", "+B", "+xa", "-od", received, *options]
        with serving([*command, str(port)], port, folder / "storescp.log") as server:
            yield server


@contextmanager
def dcmtk_qrscp(
    folder: Path, destinations: dict[str, int] | None = None, *options: str | Path
) -> Iterator[Server]:
    """Run DCMTK's archive with an empty store, AE title ARCHIVE.

    `destinations` are the ports that it may send to, on this host and by AE title.
    """
    store = folder / "store"
    store.mkdir(parents=True)
    hosts = [
        f"host{number} = ({title}, localhost, {port})"
        for number, (title, port) in enumerate((destinations or {}).items())
    ]
    config = folder / "dcmqrscp.cfg"
    with reserve_port() as port:
        lines = [
            f"NetworkTCPPort = {port}",
            "MaxPDUSize = 16384",
            "MaxAssociations = 16",
            *("HostTable BEGIN", *hosts, "HostTable END"),
            *("VendorTable BEGIN", "VendorTable END"),
            *("AETable BEGIN", f"ARCHIVE {store} RW (200, 1024mb) ANY", "AETable END"),
        ]
        config.write_text("\n".join([*lines, ""]), "ascii")
        command = [find_program("dcmqrscp"), "-d", "-c", config, *options]
        with serving(command, port, folder / "dcmqrscp.log") as server:
            yield server


@contextmanager
def dcmtk_worklist_scp(folder: Path, *options: str | Path) -> Iterator[Server]:
    """Run DCMTK's worklist SCP on the files in `folder`, AE title WORKLIST."""
    (folder / "WORKLIST").mkdir(parents=True, exist_ok=True)
    (folder / "WORKLIST" / "lockfile").touch()
    with reserve_port() as port:
        command = [find_program("wlmscpfs"), "-d", "-s", "-dfp", folder, *options, str(port)]
        with serving(command, port, folder / "wlmscpfs.log") as server:
            yield server


def dcmtk_scu(program: str, port: int, options: Sequence[Any] = (), files: Any = ()) -> Outcome:
    """Run one of DCMTK's SCUs, `echoscu` for example, against a port of this host."""
    return run_program([find_program(program), "-d", *options, HOST, port, *files])


@contextmanager
def older_scp(folder: Path, *options: str) -> Iterator[Server]:
    """Run the older pynetdicom as SCP, which keeps data sets by message ID in a folder."""
    received = folder / "received"
    received.mkdir(parents=True)
    with reserve_port() as port:
        command = [*peer_command("scp.py"), str(port), received, *options]
        with serving(command, port, folder / "scp.log") as server:
            yield server


class OlderLostError(Exception):
    """The older pynetdicom lost what it was sent: what it took part in has to be done again.

    On busy processors its two threads now and then take each other's messages. It then took 43 of
    300 rejections for lost connections, and of 1,200 responses one never came; this library as the
    requestor lost none of 3,000 rejections.
    """


def older_scu(port: int, *arguments: str | Path) -> dict[str, Any]:
    """Run the older pynetdicom as SCU and return what it reports.

    Raises
    ------
    OlderLostError
        If it has no response to its first request, or no answer to its request for an association.
    """
    done = run_program([*peer_command("scu.py"), str(port), *arguments])
    assert done.status == 0, done.output
    report: dict[str, Any] = json.loads(done.output.splitlines()[-1])
    if report["echo"] is None and report["rejected"] is None:
        raise OlderLostError(done.output)
    return report


@contextmanager
def older_services(port: int, spec: Path) -> Iterator[Server]:
    """Run the older pynetdicom as SCP of all services, on a port that was reserved for it."""
    command = [*peer_command("services.py"), "scp", str(port), spec]
    with serving(command, port, spec.with_suffix(".log")) as server:
        yield server


def older_services_scu(port: int, spec: Path) -> list[dict[str, Any]]:
    """Run the older pynetdicom as SCU of all services and return what it says, in order."""
    done = run_program([*peer_command("services.py"), "scu", str(port), spec])
    assert done.status == 0, done.output
    return [json.loads(line) for line in done.output.splitlines() if line.startswith("{")]


@dataclass
class Orthanc:
    """A running Orthanc: its DICOM port and its REST interface."""

    server: Server
    http_port: int
    _opener: urllib.request.OpenerDirector = field(
        default_factory=lambda: urllib.request.build_opener(urllib.request.ProxyHandler({}))
    )

    @property
    def port(self) -> int:
        """The port it takes associations on."""
        return self.server.port

    def request(self, path: str, data: Any = None, method: str | None = None) -> bytes:
        """Send a request to the REST interface and return the body of the answer."""
        request = urllib.request.Request(
            f"http://{HOST}:{self.http_port}{path}",
            data=None if data is None else json.dumps(data).encode(),
            method=method,
        )
        with self._opener.open(request, timeout=RUN_TIMEOUT) as response:
            body: bytes = response.read()
        return body

    def instances(self) -> list[str]:
        """Return its identifiers of the instances it has."""
        identifiers: list[str] = json.loads(self.request("/instances"))
        return identifiers


@contextmanager
def orthanc(
    folder: Path, modalities: dict[str, tuple[str, int]], **settings: Any
) -> Iterator[Orthanc]:
    """Run Orthanc with an empty store; `modalities` are the AE titles and ports it may send to.

    Other settings are those of its configuration file.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with reserve_port() as port, reserve_port() as http_port:
        settings = {
            "Name": "interop",
            "StorageDirectory": str(folder / "storage"),
            "IndexDirectory": str(folder / "storage"),
            "DicomPort": port,
            "DicomAet": "ORTHANC",
            "DicomCheckCalledAet": False,
            "DicomAlwaysAllowEcho": True,
            "DicomAlwaysAllowStore": True,
            "UnknownSopClassAccepted": True,
            "OverwriteInstances": True,
            "HttpPort": http_port,
            "RemoteAccessAllowed": False,
            "AuthenticationEnabled": False,
            "Plugins": [],
            "DicomModalities": {
                name: {"AET": title, "Host": HOST, "Port": port, "AllowStorageCommitment": True}
                for name, (title, port) in modalities.items()
            },
            **settings,
        }
        config = folder / "orthanc.json"
        config.write_text(json.dumps(settings), "utf-8")
        command = [find_program("Orthanc"), "--verbose", config]
        with serving(command, port, folder / "orthanc.log") as server:
            wait_for_port(http_port, server.ended)
            yield Orthanc(server, http_port)
