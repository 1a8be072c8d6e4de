"""The index of the archive: a database that SQLAlchemy can talk to."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, Final, NamedTuple

from sqlalchemy import (
    Connection,
    Engine,
    Select,
    create_engine,
    delete,
    event,
    func,
    insert,
    make_url,
    select,
    update,
)
from sqlalchemy.exc import IntegrityError, OperationalError

from .attributes import (
    ATTRIBUTES,
    IMAGE,
    LEVELS,
    PATIENT,
    SERIES,
    STUDY,
    TABLES,
    UNIQUE_KEYS,
    Row,
    metadata,
)

LOGGER = logging.getLogger("pynetdicom.apps.qrscp")

_PATIENT, _STUDY, _SERIES, _IMAGE = (TABLES[level] for level in LEVELS)

# Seconds that a writer waits for another process that writes to an SQLite database
_BUSY_TIMEOUT = 30
# How often a transaction is tried that gets in the way of another process
_ATTEMPTS: Final = 5
# Rows that are fetched, and values that are looked up, at a time
_FETCHED = 500
# Instances of one transaction when the index is rebuilt
_BATCH = 1000


@dataclass(frozen=True, slots=True)
class Record:
    """What the index holds about one instance.

    Attributes
    ----------
    path : str
        Its file, relative to the folder of the archive.
    rows : dict
        The columns of its levels.
    is_composite : bool
        False for an instance that belongs to no patient: only its own level is kept.
    """

    path: str
    rows: Mapping[str, Row]
    is_composite: bool = True

    @property
    def sop_class(self) -> str:
        """Its SOP Class UID, empty if there is none."""
        return str(self.rows[IMAGE]["sop_class_uid"] or "")

    @property
    def sop_instance(self) -> str:
        """Its SOP Instance UID, empty if there is none."""
        return self.key(IMAGE)

    def key(self, level: str) -> str:
        """Return what tells its row of a level from others.

        A patient is known by the ID, as far as it goes, and otherwise only within one study.
        """
        if level != PATIENT:
            return str(self.rows[level][ATTRIBUTES[UNIQUE_KEYS[level]].column.name] or "")
        row = self.rows[PATIENT]
        if row["patient_id"]:
            return f"{row['patient_id']}\\{row['issuer_of_patient_id'] or ''}"
        return f"\\\\{self.key(STUDY)}"


class Filed(NamedTuple):
    """An instance of the archive: its file, and what it is."""

    path: str
    sop_class: str
    sop_instance: str
    transfer_syntax: str


@dataclass(slots=True)
class _Pending:
    """A record that waits to be written."""

    record: Record
    is_done: bool = False
    earlier_path: str | None = None
    error: Exception | None = None


@dataclass(slots=True)
class _Touched:
    """The rows whose children have changed."""

    series: set[int] = field(default_factory=set)
    studies: set[int] = field(default_factory=set)
    patients: set[int] = field(default_factory=set)

    def parent(self, level: str) -> set[int]:
        """Return those that are parents of a level."""
        return {STUDY: self.patients, SERIES: self.studies, IMAGE: self.series}[level]


class Index:
    """The index.

    Any number of threads may use it. Those that write share transactions: while one is being
    committed the records of others gather, and the next commit takes all of them.

    Parameters
    ----------
    url : str
        The database, as SQLAlchemy has it: ``sqlite:////folder/file`` or
        ``postgresql+psycopg2://user@host/name``. Missing tables are made.

    Raises
    ------
    sqlalchemy.exc.SQLAlchemyError
        It can't be used.
    """

    def __init__(self, url: str) -> None:
        is_sqlite = make_url(url).get_backend_name() == "sqlite"
        arguments: dict[str, Any] = {"timeout": _BUSY_TIMEOUT} if is_sqlite else {}
        # Each association has one connection while it queries, and there is no use in waiting
        # What patients are called has no place in messages about errors
        self._engine = create_engine(
            url, connect_args=arguments, max_overflow=-1, hide_parameters=True
        )
        if is_sqlite:
            _tune_sqlite(self._engine)
        self._writer = self._engine.execution_options(writes=True)
        self._pending: list[_Pending] = []
        self._queueing, self._writing = threading.Lock(), threading.Lock()
        with self._writer.begin() as connection:
            metadata.create_all(connection)

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()

    # -- writing -----------------------------------------------------------------------------

    def add(self, record: Record) -> str | None:
        """Add an instance, or replace what is known about it; on return it is committed.

        Parameters
        ----------
        record : Record
            The instance.

        Returns
        -------
        str or None
            The path of the file that it had before.

        Raises
        ------
        sqlalchemy.exc.SQLAlchemyError
            It can't be written.
        """
        mine = _Pending(record)
        with self._queueing:
            self._pending.append(mine)
        with self._writing:
            if not mine.is_done:
                with self._queueing:
                    batch, self._pending = self._pending, []
                self._commit(batch)
        if mine.error is not None:
            raise mine.error
        return mine.earlier_path

    def _commit(self, batch: Sequence[_Pending]) -> None:
        """Write a batch in one transaction, or if that fails each record in its own."""
        try:
            earlier = self._attempt([pending.record for pending in batch])
        except Exception as exc:
            if len(batch) == 1:
                batch[0].error = exc
            else:
                for pending in batch:
                    self._commit([pending])
        else:
            for pending in batch:
                pending.earlier_path = earlier.get(pending.record.sop_instance)
        for pending in batch:
            pending.is_done = True

    def _attempt(self, records: Sequence[Record]) -> dict[str, str]:
        """Write records in one transaction; return the paths they had before."""
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                with self._writer.begin() as connection:
                    return _write(connection, records)
            except (IntegrityError, OperationalError) as exc:
                if attempt == _ATTEMPTS:
                    raise
                LOGGER.debug("The index is written to by others: %s", first_line(exc))
        raise AssertionError

    def rebuild(self, records: Iterable[Record]) -> int:
        """Replace all that is known by `records`, at once; return how many they are.

        Raises
        ------
        sqlalchemy.exc.SQLAlchemyError
            The index is as it was.
        """
        number = 0
        remaining = iter(records)
        with self._writer.begin() as connection:
            for level in reversed(LEVELS):
                connection.execute(delete(TABLES[level]))
            while batch := list(islice(remaining, _BATCH)):
                _write(connection, batch)
                number += len(batch)
        return number

    # -- reading -----------------------------------------------------------------------------

    def rows(self, statement: Select[Any]) -> Iterator[Any]:
        """Yield the rows that a statement selects; they are fetched as they are taken.

        Parameters
        ----------
        statement : sqlalchemy.Select
            The statement.

        Raises
        ------
        sqlalchemy.exc.SQLAlchemyError
            The database can't be read.
        """
        with self._engine.connect() as connection:
            yield from connection.execute(statement, execution_options={"yield_per": _FETCHED})

    def instances(self, uids: Iterable[str]) -> dict[str, Filed]:
        """Return those of some instances that there are.

        Parameters
        ----------
        uids : iterable of str
            SOP Instance UIDs.
        """
        found = {}
        remaining = iter(uids)
        while some := list(islice(remaining, _FETCHED)):
            for row in self.rows(select(*FILED).where(_IMAGE.c.key.in_(some))):
                found[row[2]] = Filed(*row)
        return found


# The columns of what Filed has
FILED: Final = (
    _IMAGE.c.path,
    _IMAGE.c.sop_class_uid,
    _IMAGE.c.sop_instance_uid,
    _IMAGE.c.available_transfer_syntax_uid,
)


def _tune_sqlite(engine: Engine) -> None:
    """Let SQLite serve readers while one writes, and lose nothing that was committed."""

    @event.listens_for(engine, "connect")
    def connect(connection: Any, _: object) -> None:
        connection.isolation_level = None  # transactions begin where begin() below says so
        for pragma in (
            "journal_mode = WAL",
            "synchronous = FULL",
            "foreign_keys = ON",
            "case_sensitive_like = ON",  # as DICOM and other databases have it
        ):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        # A transaction that begins to read can't always go on to write
        writes = connection.get_execution_options().get("writes")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def first_line(error: Exception) -> str:
    """Return what an error of SQLAlchemy says before it shows the statement."""
    return str(error).partition("\n")[0]


def prepare(url: str) -> None:
    """Make the folder of a database, if it is a file of SQLite.

    Parameters
    ----------
    url : str
        The database.

    Raises
    ------
    OSError
        It can't be made.
    """
    parts = make_url(url)
    if parts.get_backend_name() == "sqlite" and parts.database:
        Path(parts.database).parent.mkdir(parents=True, exist_ok=True)


# -- transactions ----------------------------------------------------------------------------


def _write(connection: Connection, records: Sequence[Record]) -> dict[str, str]:
    """Write records within a transaction; return the paths of the files they had before."""
    # The last of several with the same UID counts. In order, so that writers that wait for each
    # other's patients wait for them in the same order.
    latest = {record.sop_instance: record for record in records}
    ordered = sorted(latest.values(), key=lambda record: record.key(PATIENT))
    touched = _Touched()
    known: dict[tuple[str, str], Any] = {}
    rows: list[dict[str, Any]] = [
        {
            **record.rows[IMAGE],
            "key": record.sop_instance,
            "path": record.path,
            "parent": _place(connection, record, known, touched),
        }
        for record in ordered
    ]
    earlier = _replace_images(connection, rows, touched)
    _recount(connection, touched)
    return earlier


def _place(
    connection: Connection, record: Record, known: dict[tuple[str, str], Any], touched: _Touched
) -> int | None:
    """See to the rows above an instance; return the number of its series."""
    if not record.is_composite:
        return None
    parent = None
    for level in (PATIENT, STUDY, SERIES):
        values = dict(record.rows[level])
        if parent is not None:
            values["parent"] = parent
        parent = _merge(connection, level, record.key(level), values, known, touched)
    return parent


def _merge(
    connection: Connection,
    level: str,
    key: str,
    values: Row,
    known: dict[tuple[str, str], Any],
    touched: _Touched,
) -> int:
    """See to one row of a level, and return its number.

    What an instance says replaces what others said before; what it does not say stays.
    """
    table = TABLES[level]
    row = known.get((level, key))
    if row is None:
        # Others that write below it, from another process, wait here
        statement = select(table).where(table.c.key == key).with_for_update()
        found = connection.execute(statement).mappings().first()
        row = known[level, key] = dict(found or {})
    said: dict[str, Any] = {name: value for name, value in values.items() if value is not None}
    changed: dict[str, Any] = {
        name: value for name, value in said.items() if row.get(name) != value
    }
    if not row:
        done = connection.execute(insert(table).values(key=key, **said))
        row["id"] = done.inserted_primary_key[0]  # type: ignore[index]
    elif changed:
        connection.execute(update(table).where(table.c.id == row["id"]).values(changed))
    if "parent" in changed:
        parents = touched.parent(level)
        parents.update(number for number in (row.get("parent"), changed["parent"]) if number)
    row.update(said)
    number: int = row["id"]
    return number


def _replace_images(
    connection: Connection, rows: Sequence[Mapping[str, Any]], touched: _Touched
) -> dict[str, str]:
    """Write the rows of instances; return the paths that were known before."""
    existing: dict[Any, Any] = {}
    for first in range(0, len(rows), _FETCHED):
        keys: list[Any] = [row["key"] for row in rows[first : first + _FETCHED]]
        columns = _IMAGE.c.key, _IMAGE.c.id, _IMAGE.c.parent, _IMAGE.c.path
        for found in connection.execute(select(*columns).where(_IMAGE.c.key.in_(keys))):
            existing[found.key] = found
    new = [row for row in rows if row["key"] not in existing]
    if new:
        connection.execute(insert(_IMAGE), new)
    for row in rows:
        if (known := existing.get(row["key"])) is not None:
            connection.execute(update(_IMAGE).where(_IMAGE.c.id == known.id).values(row))
            touched.series.add(known.parent)
        touched.series.add(row["parent"])
    touched.series.discard(None)
    return {key: found.path for key, found in existing.items()}


def _recount(connection: Connection, touched: _Touched) -> None:
    """Bring what is counted up to date; rows without children go."""
    for number in touched.series:
        _recount_series(connection, number, touched.studies)
    for number in touched.studies:
        _recount_study(connection, number, touched.patients)
    for number in touched.patients:
        _recount_patient(connection, number)


def _recount_series(connection: Connection, number: int, studies: set[int]) -> None:
    count = connection.scalar(
        select(func.count()).select_from(_IMAGE).where(_IMAGE.c.parent == number)
    )
    study = connection.scalar(select(_SERIES.c.parent).where(_SERIES.c.id == number))
    if study is not None:
        studies.add(study)
    if not count:
        connection.execute(delete(_SERIES).where(_SERIES.c.id == number))
        return
    values = {"number_of_series_related_instances": count}
    connection.execute(update(_SERIES).where(_SERIES.c.id == number).values(values))


def _recount_study(connection: Connection, number: int, patients: set[int]) -> None:
    series = connection.execute(
        select(_SERIES.c.modality, _SERIES.c.number_of_series_related_instances).where(
            _SERIES.c.parent == number
        )
    ).all()
    patient = connection.scalar(select(_STUDY.c.parent).where(_STUDY.c.id == number))
    if patient is not None:
        patients.add(patient)
    if not series:
        connection.execute(delete(_STUDY).where(_STUDY.c.id == number))
        return
    classes = connection.scalars(
        select(_IMAGE.c.sop_class_uid)
        .distinct()
        .join(_SERIES, _IMAGE.c.parent == _SERIES.c.id)
        .where(_SERIES.c.parent == number)
    )
    values = {
        "number_of_study_related_series": len(series),
        "number_of_study_related_instances": sum(each[1] or 0 for each in series),
        "modalities_in_study": _joined(each[0] for each in series),
        "sop_classes_in_study": _joined(classes),
    }
    connection.execute(update(_STUDY).where(_STUDY.c.id == number).values(values))


def _recount_patient(connection: Connection, number: int) -> None:
    columns = _STUDY.c.number_of_study_related_series, _STUDY.c.number_of_study_related_instances
    studies = connection.execute(select(*columns).where(_STUDY.c.parent == number)).all()
    if not studies:
        connection.execute(delete(_PATIENT).where(_PATIENT.c.id == number))
        return
    values = {
        "number_of_patient_related_studies": len(studies),
        "number_of_patient_related_series": sum(each[0] or 0 for each in studies),
        "number_of_patient_related_instances": sum(each[1] or 0 for each in studies),
    }
    connection.execute(update(_PATIENT).where(_PATIENT.c.id == number).values(values))


def _joined(values: Iterable[str | None]) -> str | None:
    """Return the different values, as an element has several."""
    return "\\".join(sorted({value for value in values if value})) or None
