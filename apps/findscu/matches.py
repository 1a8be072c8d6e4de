"""What was found: on stdout in one of several formats, and in files."""

from __future__ import annotations

import csv
import io
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import NamedTemporaryFile

from pydicom import Dataset, dcmwrite
from pydicom.dataset import FileMetaDataset
from pydicom.uid import UID, ExplicitVRLittleEndian, generate_uid

from pynetdicom import PYNETDICOM_IMPLEMENTATION_UID

from ..common.exits import AppError, Exit
from ..common.keys import Location, key_text, locations, to_json_model, value_text
from ..common.output import Console, status_text

# Columns of a plain table are no wider
_WIDEST = 40
# Columns of a table that does not go to a terminal
_WITHOUT_END = 100_000


class Text:
    """Matches as text, each element as the key that asks for it."""

    def __init__(self, console: Console, identifier: Dataset) -> None:
        self._console = console

    def add(self, number: int, match: Dataset) -> None:
        """Write a match."""
        self._console.say(f"# {number}")
        for location in locations(match):
            self._console.say(f"{key_text(location)}={value_text(match, location)}")

    def end(self, number: int) -> None:
        """Write how many there were."""
        self._console.say(f"# matches: {number}")


class _Columns:
    """Matches in rows, with a column for each key of the query."""

    def __init__(self, console: Console, identifier: Dataset) -> None:
        self._console = console
        self._columns: list[Location] = [
            location
            for location in locations(identifier)
            if key_text(location) != "SpecificCharacterSet"
        ]
        self._names = [key_text(location) for location in self._columns]

    def _row(self, match: Dataset) -> list[str]:
        return [value_text(match, location) for location in self._columns]


class Csv(_Columns):
    """Matches as CSV (RFC 4180), as they come."""

    def __init__(self, console: Console, identifier: Dataset) -> None:
        super().__init__(console, identifier)
        self._write(self._names)

    def add(self, number: int, match: Dataset) -> None:
        """Write a match."""
        self._write(self._row(match))

    def end(self, number: int) -> None:
        """Write nothing more."""

    def _write(self, row: Sequence[str]) -> None:
        line = io.StringIO()
        csv.writer(line, lineterminator="").writerow(row)
        self._console.say(line.getvalue())


class Table(_Columns):
    """Matches as a table, when all have come."""

    def __init__(self, console: Console, identifier: Dataset) -> None:
        super().__init__(console, identifier)
        self._rows: list[list[str]] = []

    def add(self, number: int, match: Dataset) -> None:
        """Keep a match."""
        self._rows.append(self._row(match))

    def end(self, number: int) -> None:
        """Write the table."""
        try:
            from rich.console import Console as Terminal  # noqa: PLC0415 - an extra, and slow
            from rich.table import Table as RichTable  # noqa: PLC0415
            from rich.text import Text as RichText  # noqa: PLC0415
        except ImportError:
            self._write_plain()
            return
        table = RichTable()
        for name in self._names:
            table.add_column(name, overflow="fold")
        for row in self._rows:
            table.add_row(*map(RichText, row))
        terminal = Terminal(width=None if sys.stdout.isatty() else _WITHOUT_END)
        with terminal.capture() as capture:
            terminal.print(table)
        self._console.say(capture.get().rstrip("\n"))

    def _write_plain(self) -> None:
        """Write the table with spaces between the columns."""
        rows = [self._names, *self._rows]
        widths = [min(_WIDEST, max(map(len, column))) for column in zip(*rows, strict=True)]
        for row in rows:
            cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=True)]
            self._console.say("  ".join(cells).rstrip())


FORMATS: dict[str, type[Text | Csv | Table]] = {"text": Text, "csv": Csv, "table": Table}


class Matches:
    """Takes the matches of a query.

    Parameters
    ----------
    console : Console
        For records, and for what went wrong.
    shown : Text, Csv or Table
        How they are written to stdout.
    sop_class : UID
        The SOP class of the query.
    folder : str or None
        Where to write files, None for none.
    """

    def __init__(
        self, console: Console, shown: Text | Csv | Table, sop_class: UID, folder: str | None
    ) -> None:
        self._console = console
        self._shown = shown
        self._sop_class = sop_class
        self._folder = None if folder is None else Path(folder)
        if self._folder is not None:
            self._folder.mkdir(parents=True, exist_ok=True)
        #: How many could be decoded
        self.number = 0
        #: How many could not
        self.unreadable = 0

    def add(self, status: int, match: Dataset | None) -> None:
        """Take a match; None is one that can't be decoded."""
        if match is None:
            self.unreadable += 1
            self._console.complain("a match can't be decoded; run it with -d for more")
            return
        self.number += 1
        path = None
        if self._folder is not None:
            path = self._folder / f"rsp{self.number:06}.dcm"
            self._write(match, path)
        self._shown.add(self.number, match)
        self._console.record(
            "match",
            number=self.number,
            status=status_text(status),
            file=None if path is None else str(path),
            dataset=to_json_model(match),
        )

    def end(self) -> None:
        """Note that no more will come."""
        self._shown.end(self.number)

    def _write(self, match: Dataset, path: Path) -> None:
        """Write a match to a file, which is complete or not there at all."""
        meta = FileMetaDataset()
        meta.MediaStorageSOPClassUID = self._sop_class
        meta.MediaStorageSOPInstanceUID = generate_uid()
        meta.TransferSyntaxUID = ExplicitVRLittleEndian
        meta.ImplementationClassUID = PYNETDICOM_IMPLEMENTATION_UID
        content = io.BytesIO()
        match.file_meta = meta
        try:
            dcmwrite(content, match, enforce_file_format=True)
        except Exception as exc:  # there is little that pydicom does not raise
            raise AppError(
                Exit.LOCAL, f"match {self.number} can't be written: {exc}", "leave out --write"
            ) from None
        finally:
            del match.file_meta
        with NamedTemporaryFile(dir=path.parent, prefix=".rsp", delete=False) as file:
            file.write(content.getbuffer())
        Path(file.name).replace(path)
