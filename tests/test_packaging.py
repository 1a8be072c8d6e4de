"""What the built distributions hold, and that the wheel works where there is no checkout."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tarfile
from email.message import Message
from email.parser import HeaderParser
from pathlib import Path
from zipfile import ZipFile

import pytest

from pynetdicom._version import __version__
from tests.test_layers import MODULES, ROOT

pytestmark = pytest.mark.slow

EXTRAS = {"scu", "scp", "tls", "apps", "tests", "docs", "dev"}


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build both distributions, from a copy of the sources, and return the folder they are in."""
    folder = tmp_path_factory.mktemp("dist")
    sources = tmp_path_factory.mktemp("sources")
    for name in ("apps", "docs", "pynetdicom", "tests"):
        shutil.copytree(ROOT / name, sources / name)
    for name in ("LICENSE", "README.rst", "pyproject.toml"):
        shutil.copy(ROOT / name, sources)
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", folder, sources]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


@pytest.fixture(scope="module")
def wheel(dist: Path) -> ZipFile:
    (path,) = dist.glob("*.whl")
    return ZipFile(path)


@pytest.fixture(scope="module")
def metadata(wheel: ZipFile) -> Message:
    return HeaderParser().parsestr(
        wheel.read(f"pynetdicom-{__version__}.dist-info/METADATA").decode()
    )


def test_wheel_holds_the_package_and_nothing_else(wheel: ZipFile) -> None:
    expected = {"pynetdicom/py.typed"}
    for path in MODULES.values():
        name = path.relative_to(ROOT).as_posix()
        expected.add(name if name.startswith("pynetdicom/") else f"pynetdicom/{name}")
    info = f"pynetdicom-{__version__}.dist-info/"
    assert {name for name in wheel.namelist() if not name.startswith(info)} == expected
    assert any(name.startswith(info) and name.endswith("LICENSE") for name in wheel.namelist())


def test_metadata(metadata: Message) -> None:
    assert metadata["Name"] == "pynetdicom"
    assert metadata["Version"] == __version__
    assert metadata["Requires-Python"] == ">=3.10"
    assert set(metadata.get_all("Provides-Extra", [])) == EXTRAS
    needed = [line for line in metadata.get_all("Requires-Dist", []) if "extra ==" not in line]
    assert [line.partition("<")[0].partition(">")[0] for line in needed] == ["pydicom"]
    assert "Try it" in metadata.get_payload()


def test_source_distribution(dist: Path) -> None:
    (path,) = dist.glob("*.tar.gz")
    with tarfile.open(path) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    modules = {path.relative_to(ROOT).as_posix() for path in MODULES.values()}
    assert modules | {"pyproject.toml", "README.rst", "LICENSE", "pynetdicom/py.typed"} <= names


def test_wheel_runs(dist: Path, tmp_path: Path) -> None:
    # From a folder of its own, so that no checkout is in the way.
    (path,) = dist.glob("*.whl")
    target = tmp_path / "site"
    with ZipFile(path) as wheel:
        wheel.extractall(target)
    script = "import sys; sys.path.insert(0, sys.argv.pop(1)); import runpy; "
    script += "runpy.run_module('pynetdicom', run_name='__main__', alter_sys=True)"
    command = [sys.executable, "-I", "-c", script, str(target), "demo"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "data sets went into the archive bit for bit" in done.stdout
