"""PostgreSQL: a private cluster of this host, with a new database for each who wants one."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from pathlib import Path

from sqlalchemy import create_engine

from tests.support.peers import reserve_port

_NUMBER = count()


def find_tool(name: str) -> str:
    """Return the path of a program of PostgreSQL; its absence is an error."""
    found = [shutil.which(name), *map(str, Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))]
    paths = [path for path in found if path]
    if not paths:
        raise FileNotFoundError(f"{name} is not installed, and the interop tests need it")
    return paths[-1]


def run_tool(folder: Path, name: str, *args: str) -> None:
    """Run a program of PostgreSQL, which refuses to be run by root."""
    command: Sequence[str] = [find_tool(name), "-D", str(folder / "data"), *args]
    user = "postgres" if os.geteuid() == 0 else None
    with (folder / f"{name}.log").open("ab") as log:
        subprocess.run(
            command,
            cwd=folder,
            user=user,
            stdout=log,
            stderr=log,
            stdin=subprocess.DEVNULL,
            check=True,
            timeout=60,
        )


@contextmanager
def postgresql() -> Iterator[str]:
    """Start a cluster on a free port of this host; give the URL of its databases."""
    with tempfile.TemporaryDirectory(prefix="pynetdicom-pg-") as name, reserve_port() as port:
        folder = Path(name)
        if os.geteuid() == 0:
            shutil.chown(folder, "postgres")
        options = f"-p {port} -h 127.0.0.1 -k {folder} -c fsync=off"
        run_tool(
            folder, "initdb", "-A", "trust", "-U", "postgres", "-E", "UTF8", "--locale=C.UTF-8"
        )
        run_tool(folder, "pg_ctl", "-w", "-o", options, "-l", str(folder / "server.log"), "start")
        try:
            yield f"postgresql+psycopg2://postgres@127.0.0.1:{port}"
        finally:
            run_tool(folder, "pg_ctl", "-w", "-m", "immediate", "stop")


def new_database(cluster: str) -> str:
    """Make a database in a cluster; return its URL."""
    name = f"archive{next(_NUMBER)}"
    engine = create_engine(f"{cluster}/postgres", isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name}")
    engine.dispose()
    return f"{cluster}/{name}"
