"""The code blocks of the README and of the documentation, and somebody who tries them out.

The conventions, which the contributing page repeats:

- Every block is a ``code-block``, of Python, of shell commands, or of text that is shown only.
- The Python blocks of a page are one session, run in order. A block that starts a server gets a
  free port in the place of 11112; so does what follows on the page. Before that, 11112 is an SCP
  that the tests provide, which takes everything.
- A server that blocks stays up until the end of the page, in a thread of its own, as it would in
  a terminal of its own.
- A comment ``.. checked by <file>`` before a block of shell commands says where they are run.

``python -m tests.support.blocks FILE N`` prints the Nth block of shell commands of a file.
"""

from __future__ import annotations

import re
import sys
import textwrap
import threading
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

DIRECTIVE = re.compile(r"^(?P<indent> *)\.\. code-block:: *(?P<language>\S*)$")
NOTE = re.compile(r"^ *\.\. checked by (?P<file>\S+)$")
LANGUAGES = ("python", "shell", "text")
PORT = "11112"


@dataclass(frozen=True)
class Block:
    """A block of code in a page.

    Attributes
    ----------
    page : Path
        The file it stands in.
    line : int
        The line of the page that the code begins on, counted from 1.
    language, code : str
        What it is written in, and the text without its indentation.
    checked_by : str
        The file named by the comment before the block, empty without one.
    """

    page: Path
    line: int
    language: str
    code: str
    checked_by: str


def read_blocks(page: Path, language: str | None = None) -> list[Block]:
    """Return the code blocks of a page, all of them or those in one language."""
    lines = page.read_text(encoding="utf-8").splitlines()
    blocks = []
    checked_by = ""
    for number, line in enumerate(lines):
        if directive := DIRECTIVE.match(line):
            start, code = _body(lines, number + 1, len(directive["indent"]))
            found = directive["language"]
            assert found in LANGUAGES, f"{page.name}:{number + 1} block in {found or 'nothing'}"
            if language in (None, found):
                blocks.append(Block(page, start + 1, found, code, checked_by))
        if line.strip():
            note = NOTE.match(line)
            checked_by = note["file"] if note else ""
    return blocks


def _body(lines: list[str], start: int, indent: int) -> tuple[int, str]:
    """Return where the body of a directive begins and its text."""
    end = start
    while end < len(lines) and (not lines[end].strip() or lines[end][: indent + 1].isspace()):
        end += 1
    while not lines[start].strip():
        start += 1
    return start, textwrap.dedent("\n".join(lines[start:end])).strip() + "\n"


class Reader:
    """Tries out the Python blocks of one page, in order; leave it as a context manager.

    Parameters
    ----------
    port : int
        The port of the SCP that stands for somebody else's.
    """

    def __init__(self, port: int) -> None:
        self.port = port
        self.namespace: dict[str, Any] = {"__name__": "__main__"}
        self._servers: list[Any] = []
        self._cleanup = ExitStack()

    def __enter__(self) -> Reader:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._cleanup.close()

    def run(self, block: Block) -> None:
        """Run a block; what it raises comes out, with the page and the line in the traceback."""
        from tests.support.peers import reserve_port, wait_for_port

        if "start_server(" in block.code:
            self.port = self._cleanup.enter_context(reserve_port())
        source = "\n" * (block.line - 1) + block.code.replace(PORT, str(self.port))
        code = compile(source, block.page, "exec")
        if "block=True" in block.code:
            server = _Terminal(code, self.namespace)
            self._cleanup.callback(server.join)
            server.start()
            wait_for_port(self.port, server.ended)
        else:
            exec(code, self.namespace)
        self._note_servers()

    def _note_servers(self) -> None:
        """Take down each AE that the session made, to shut it down at the end."""
        from pynetdicom import AE

        for value in list(self.namespace.values()):
            if isinstance(value, AE) and value not in self._servers:
                self._servers.append(value)
                self._cleanup.callback(value.shutdown)


class _Terminal(threading.Thread):
    """Runs a block that blocks; `join` raises what the block raised."""

    def __init__(self, code: Any, namespace: dict[str, Any]) -> None:
        super().__init__(name="a terminal of its own")
        self._code, self._namespace = code, namespace
        self._error: BaseException | None = None

    def run(self) -> None:
        try:
            exec(self._code, self._namespace)
        except BaseException as error:
            self._error = error

    def ended(self, seconds: float) -> bool:
        """Wait for the block's end for so many seconds; return whether it has come."""
        super().join(seconds)
        return not self.is_alive()

    def join(self, timeout: float | None = 10.0) -> None:
        super().join(timeout)
        assert not self.is_alive(), "the server did not end with shutdown()"
        if self._error is not None:
            raise self._error


if __name__ == "__main__":
    print(read_blocks(Path(sys.argv[1]), "shell")[int(sys.argv[2]) - 1].code, end="")
