"""What a user's type checker makes of the package: ``mypy --strict`` over what users write."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.blocks import read_blocks
from tests.test_layers import ROOT

# Not a user's whose time matters; one mypy run takes some ten seconds
pytestmark = pytest.mark.slow

# The pages of the documentation leave types out of handlers, and are one session each: names come
# again, and what was just made is known to be there
SESSION = [
    *("--allow-untyped-defs", "--allow-incomplete-defs", "--allow-untyped-calls"),
    *(f"--disable-error-code={code}" for code in ("no-redef", "union-attr", "var-annotated")),
]


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


def check(cache: Path, *arguments: object) -> None:
    """Run ``mypy --strict``; fail with what it says."""
    command = [sys.executable, "-m", "mypy", "--config-file=", "--strict"]
    command += ["--follow-imports=silent", "--cache-dir", str(cache), *map(str, arguments)]
    environment = {**os.environ, "MYPYPATH": str(ROOT)}
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, env=environment, cwd=cache
    )
    assert done.returncode == 0, done.stdout + done.stderr


def write_session(page: Path, folder: Path) -> Path:
    """Write the Python blocks of a page to a file, each on the lines that it has there."""
    text = ""
    for block in read_blocks(page, "python"):
        text += "\n" * (block.line - 1 - text.count("\n")) + block.code
    path = folder / f"{page.parent.name}_{page.stem}.py"
    path.write_text(text, encoding="utf-8")
    return path


def test_user_code(cache: Path) -> None:
    check(cache, ROOT / "tests" / "typing" / "user_code.py")


def test_readme(cache: Path, tmp_path: Path) -> None:
    check(cache, write_session(ROOT / "README.rst", tmp_path))


def test_documentation(cache: Path, tmp_path: Path) -> None:
    pages = [page for page in sorted((ROOT / "docs").rglob("*.rst")) if read_blocks(page, "python")]
    assert len(pages) > 10
    check(cache, *SESSION, *(write_session(page, tmp_path) for page in pages))


@pytest.mark.parametrize(
    ("code", "complaint"),
    [
        ("AE(port=104)", 'Unexpected keyword argument "port"'),
        ("AE().add_requested_context(1)", "add_requested_context"),
        ("from pynetdicom.sop_class import VerificationSOPClass", "has no attribute"),
        ("AE().start_server(('', 104)).shutdown()", "None"),
    ],
)
def test_mistakes_are_found(cache: Path, tmp_path: Path, code: str, complaint: str) -> None:
    path = tmp_path / "mistake.py"
    path.write_text(f"from pynetdicom import AE\n{code}\n", encoding="utf-8")
    with pytest.raises(AssertionError) as told:
        check(cache, path)
    assert complaint in str(told.value)
