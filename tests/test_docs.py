"""Every code block of the documentation is checked."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.blocks import LANGUAGES, Block, Reader, read_blocks
from tests.test_layers import ROOT

DOCS = ROOT / "docs"
PAGES = {str(page.relative_to(DOCS)): page for page in sorted(DOCS.rglob("*.rst"))}
PYTHON_PAGES = [name for name, page in PAGES.items() if read_blocks(page, "python")]
COMMANDS = {block: block.code for page in PAGES.values() for block in read_blocks(page, "shell")}


@pytest.fixture
def logging_as_it_was() -> Iterator[None]:
    """Take back what an example does to the logging of the process."""
    loggers = [logging.getLogger(), logging.getLogger("pynetdicom")]
    before = [(logger, logger.level, list(logger.handlers)) for logger in loggers]
    yield
    for logger, level, handlers in before:
        logger.setLevel(level)
        logger.handlers[:] = handlers


@pytest.mark.usefixtures("logging_as_it_was")
@pytest.mark.parametrize("name", PYTHON_PAGES)
def test_python_blocks(
    name: str, archive_port: int, sample_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(sample_folder)
    with Reader(archive_port) as reader:
        for block in read_blocks(PAGES[name], "python"):
            reader.run(block)


def test_user_guide_has_examples() -> None:
    pages = {name for name in PAGES if name.startswith("user_guide")}
    assert pages - set(PYTHON_PAGES) == {"user_guide/installation.rst"}


@pytest.mark.parametrize("block", COMMANDS, ids=lambda block: f"{block.page.stem}:{block.line}")
def test_shell_blocks(block: Block) -> None:
    """Each command stands in the file that is said to check it."""
    checker = ROOT / block.checked_by
    assert checker.is_file(), "say who checks it: .. checked by <file>"
    known = " ".join(checker.read_text(encoding="utf-8").split())
    for line in block.code.splitlines():
        command = line.removesuffix("docs docs/_build").strip()
        assert command in known


@pytest.mark.parametrize("name", PAGES)
def test_no_other_code(name: str) -> None:
    """Nothing that looks like code escapes the tests above."""
    text = PAGES[name].read_text(encoding="utf-8")
    assert not any(
        line.rstrip().endswith("::") and line.lstrip()[:2] != ".." for line in text.splitlines()
    )
    assert ">>>" not in text
    assert {block.language for block in read_blocks(PAGES[name])} <= set(LANGUAGES)
