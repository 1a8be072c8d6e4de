"""Queries and retrievals: from an identifier to a statement for the index, and to the answers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from pydicom.config import IGNORE
from pydicom.datadict import keyword_for_tag
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.tag import BaseTag
from sqlalchemy import ColumnElement, Select, and_, or_, select

from pynetdicom.sop_class import (
    CompositeInstanceRetrieveWithoutBulkDataGet,
    CompositeInstanceRootRetrieveGet,
    CompositeInstanceRootRetrieveMove,
    PatientRootQueryRetrieveInformationModelFind,
    PatientRootQueryRetrieveInformationModelGet,
    PatientRootQueryRetrieveInformationModelMove,
    PatientStudyOnlyQueryRetrieveInformationModelFind,
    PatientStudyOnlyQueryRetrieveInformationModelGet,
    PatientStudyOnlyQueryRetrieveInformationModelMove,
    StudyRootQueryRetrieveInformationModelFind,
    StudyRootQueryRetrieveInformationModelGet,
    StudyRootQueryRetrieveInformationModelMove,
)
from pynetdicom.utils import safe_text

from ..common.heads import known_encodings
from .attributes import (
    ATTRIBUTES,
    IMAGE,
    LEVELS,
    MOMENTS,
    SERIES,
    STUDY,
    TABLES,
    UNIQUE_KEYS,
    Attribute,
    text_reader,
    zone_of,
)
from .index import FILED
from .matching import (
    Criterion,
    Equal,
    MatchingError,
    Range,
    Value,
    Wildcard,
    criteria,
    split_values,
)

# The levels that can be asked for, by SOP class (PS3.4 C.3, C.6 and Y.3, Z.3). Without patients
# the attributes of these are found at the level of the studies.
MODELS: Final[Mapping[str, Sequence[str]]] = {
    PatientRootQueryRetrieveInformationModelFind: LEVELS,
    PatientRootQueryRetrieveInformationModelMove: LEVELS,
    PatientRootQueryRetrieveInformationModelGet: LEVELS,
    StudyRootQueryRetrieveInformationModelFind: LEVELS[1:],
    StudyRootQueryRetrieveInformationModelMove: LEVELS[1:],
    StudyRootQueryRetrieveInformationModelGet: LEVELS[1:],
    PatientStudyOnlyQueryRetrieveInformationModelFind: LEVELS[:2],
    PatientStudyOnlyQueryRetrieveInformationModelMove: LEVELS[:2],
    PatientStudyOnlyQueryRetrieveInformationModelGet: LEVELS[:2],
    CompositeInstanceRootRetrieveMove: (IMAGE,),
    CompositeInstanceRootRetrieveGet: (IMAGE,),
    CompositeInstanceRetrieveWithoutBulkDataGet: (IMAGE,),
}

_LEVEL = BaseTag(0x00080052)
_CHARACTER_SET = BaseTag(0x00080005)
_TIMEZONE = BaseTag(0x00080201)
_RETRIEVE_AE_TITLE = BaseTag(0x00080054)
_INSTANCE_AVAILABILITY = BaseTag(0x00080056)
# What says how a query is meant, and is no key
_NO_KEYS = frozenset((_LEVEL, _CHARACTER_SET, _TIMEZONE))
_BY_TAG: Final[Mapping[BaseTag, Attribute]] = {a.tag: a for a in ATTRIBUTES.values()}
# Attributes of a study that have values of the levels below, and the attributes there
_BELOW = {"ModalitiesInStudy": "Modality", "SOPClassesInStudy": "SOPClassUID"}
_UTF_8 = "ISO_IR 192"
_LIKE_ESCAPE = "/"

# What a query may ask for. SQLite takes no more than 32766 values in a statement, and a thousand
# alternatives in an expression, of which each person name makes three.
_MOST_KEYS: Final = 1000
_MOST_UIDS: Final = 10_000
_MOST_VALUES: Final = 250
# Bytes that a value has on the average, at most (PS3.5 6.2)
_LONGEST_VALUE: Final = 64


class QueryError(ValueError):
    """An identifier does not match the SOP class; the message is short enough for a peer."""


@dataclass(frozen=True, slots=True)
class _Key:
    """A key to be returned: `attribute` is None if the archive does not know its value."""

    tag: BaseTag
    vr: str
    attribute: Attribute | None


@dataclass(frozen=True, slots=True)
class Query:
    """A C-FIND that can be carried out.

    Attributes
    ----------
    level : str
        The Query/Retrieve Level.
    statement : sqlalchemy.Select
        Selects the matches; its rows are for :meth:`answer`.
    is_partial : bool
        Whether there are keys with values that were not used.
    """

    level: str
    statement: Select[Any]
    is_partial: bool
    _keys: Sequence[_Key]
    _asked_sets: Sequence[str]

    def answer(self, row: Sequence[Any], ae_title: str) -> Dataset:
        """Return the identifier of a response, with every key that was asked for.

        Parameters
        ----------
        row : sqlalchemy.Row
            What matches.
        ae_title : str
            The *Retrieve AE Title*.
        """
        identifier = Dataset()
        values = iter(row)
        texts = []
        for key in self._keys:
            value = None if key.attribute is None else next(values)
            if isinstance(value, str):
                texts.append(value)
                if "\\" in value:
                    value = split_values(key.vr, value)
                    value = value[0] if len(value) == 1 else value
            identifier[key.tag] = _element(key.tag, key.vr, value)
        if _INSTANCE_AVAILABILITY in identifier:
            identifier[_INSTANCE_AVAILABILITY] = _element(_INSTANCE_AVAILABILITY, "CS", "ONLINE")
        identifier[_LEVEL] = _element(_LEVEL, "CS", self.level)
        identifier[_RETRIEVE_AE_TITLE] = _element(_RETRIEVE_AE_TITLE, "AE", ae_title)
        character_sets = _character_sets(texts, self._asked_sets)
        if character_sets:
            value = character_sets if len(character_sets) > 1 else character_sets[0]
            identifier[_CHARACTER_SET] = _element(_CHARACTER_SET, "CS", value)
        return identifier


def _element(tag: BaseTag, vr: str, value: Any) -> DataElement:
    """Return an element, whatever its value is."""
    empty: Any = [] if vr == "SQ" else None
    return DataElement(tag, vr, empty if value is None else value, validation_mode=IGNORE)


def _character_sets(texts: Iterable[str], asked: Sequence[str]) -> Sequence[str]:
    """Return the *Specific Character Set* for some texts: that of the query if it will do."""
    special = [text for text in texts if not text.isascii()]
    if not special:
        return []
    encodings = ["ascii" if name == "iso8859" else name for name in known_encodings(asked)]
    if all(any(_fits(text, encoding) for encoding in encodings) for text in special):
        return asked
    return [_UTF_8]


def _fits(text: str, encoding: str) -> bool:
    try:
        text.encode(encoding)
    except UnicodeError:
        return False
    return True


# -- reading identifiers ---------------------------------------------------------------------


def parse_find(
    identifier: Dataset, model: str, is_relational: bool = False, joins_times: bool = False
) -> Query:
    """Return the query that an identifier stands for (PS3.4 C.4.1).

    Parameters
    ----------
    identifier : pydicom.dataset.Dataset
        The identifier.
    model : str
        The SOP class: one of `MODELS`.
    is_relational : bool, optional
        Whether the unique keys of the levels above may be missing.
    joins_times : bool, optional
        Whether the range of a date and that of its time are one range.

    Raises
    ------
    QueryError
        The identifier does not match the SOP class.
    """
    read = _reader(identifier)
    level, zone = _level(read, model), zone_of(read)
    if not is_relational:
        for above in _levels_above(level, model):
            _single_value(read, above)
    in_scope = LEVELS[: LEVELS.index(level) + 1]
    keys, wanted, is_partial = [], {}, False
    for tag in identifier.keys():  # noqa: SIM118 - iterating itself converts the elements
        if tag in _NO_KEYS or tag.element == 0:
            continue
        attribute = _BY_TAG.get(tag)
        if attribute is None or attribute.level not in in_scope:
            attribute = None
            is_partial = is_partial or _asks_for_something(identifier, tag, read)
        elif found := _criteria(attribute, read, zone):
            wanted[attribute.keyword] = found
        keys.append(_Key(tag, attribute.vr if attribute else _vr(identifier, tag), attribute))
    if sum(map(len, wanted.values())) > _MOST_UIDS:
        raise QueryError(f"All keys together have more than {_MOST_UIDS} values")
    returned = [key.attribute for key in keys if key.attribute is not None]
    levels = {*(a.level for a in returned), *(ATTRIBUTES[name].level for name in wanted)}
    if level == IMAGE:
        levels.add(SERIES)  # what belongs to no patient is in none of the models
    columns = [attribute.column for attribute in returned] or [TABLES[level].c.id]
    statement = _select(level, columns, levels, _conditions(wanted, joins_times))
    asked = split_values("CS", read(_CHARACTER_SET, "CS"))
    return Query(level, statement, is_partial, keys, asked)


def parse_retrieve(identifier: Dataset, model: str, is_relational: bool = False) -> Select[Any]:
    """Return the statement for the instances of a C-GET or C-MOVE (PS3.4 C.4.2, C.4.3).

    Only the unique keys count. Its rows are for :class:`pynetdicom.apps.qrscp.index.Filed`.

    Parameters
    ----------
    identifier, model, is_relational
        As for :func:`parse_find`.

    Raises
    ------
    QueryError
        The identifier does not match the SOP class.
    """
    read = _reader(identifier)
    level = _level(read, model)
    conditions = []
    levels = {SERIES} if len(MODELS[model]) > 1 else {IMAGE}
    for each in (*_levels_above(level, model), level):
        attribute = ATTRIBUTES[UNIQUE_KEYS[each]]
        text = read(attribute.tag, attribute.vr)
        if is_relational and each != level and not text:
            continue
        values = split_values("UI", text) if each == level else [_single_value(read, each)]
        if any(_is_no_single_value(value) for value in values):
            raise QueryError(f"{attribute.keyword} has to name what is wanted")
        conditions.append(attribute.column.in_(values))
        levels.add(each)
    image = TABLES[IMAGE]
    statement = _select(IMAGE, FILED, levels, conditions)
    return statement.order_by(image.c.parent, image.c.instance_number, image.c.id)


def _reader(identifier: Dataset) -> Callable[[BaseTag, str], str]:
    """Return a function like that of text_reader(), which looks first how much there is."""
    if len(identifier) > _MOST_KEYS:
        raise QueryError(f"The identifier has more than {_MOST_KEYS} keys")
    text_of = text_reader(identifier)

    def read(tag: BaseTag, vr: str) -> str:
        value = identifier.get_item(tag).value if tag in identifier else None
        most = _MOST_UIDS if vr == "UI" else _MOST_VALUES
        if isinstance(value, bytes):
            name = keyword_for_tag(tag) or str(tag)
            if value.count(b"\\") >= most:
                raise QueryError(f"{name[:32]} has more than {most} values")
            if len(value) > most * _LONGEST_VALUE:
                raise QueryError(f"{name[:32]} has more than {most * _LONGEST_VALUE} bytes")
        return text_of(tag, vr)

    return read


def _level(read: Callable[[BaseTag, str], str], model: str) -> str:
    level = read(_LEVEL, "CS")
    if not level:
        raise QueryError("Query/Retrieve Level is missing")
    if level not in MODELS[model]:
        raise QueryError(f"Query/Retrieve Level {safe_text(level, 16)} is not of this SOP class")
    return level


def _levels_above(level: str, model: str) -> Sequence[str]:
    """Return the levels of a model above one."""
    levels = MODELS[model]
    return levels[: levels.index(level)]


def _single_value(read: Callable[[BaseTag, str], str], level: str) -> str:
    """Return the unique key of a level above the one of the query."""
    attribute = ATTRIBUTES[UNIQUE_KEYS[level]]
    value = read(attribute.tag, attribute.vr)
    if _is_no_single_value(value) or "\\" in value:
        raise QueryError(f"{attribute.keyword} has to be there, with a single value")
    return value


def _is_no_single_value(value: str) -> bool:
    return not value or "*" in value or "?" in value


def _criteria(
    attribute: Attribute, read: Callable[[BaseTag, str], str], zone: str
) -> list[Criterion]:
    try:
        return criteria(attribute.vr, read(attribute.tag, attribute.vr), zone)
    except MatchingError as exc:
        raise QueryError(f"{attribute.keyword} is {exc}") from None


def _vr(identifier: Dataset, tag: BaseTag) -> str:
    """Return the value representation of a key that is not in the index."""
    element = identifier.get_item(tag)
    known: str | None = element.VR
    if known in (None, "UN"):
        try:
            known = Dataset({tag: element})[tag].VR
        except Exception:
            known = "UN"
    return known or "UN"


def _asks_for_something(
    identifier: Dataset, tag: BaseTag, read: Callable[[BaseTag, str], str]
) -> bool:
    """Return whether a key that is not in the index has a value, sequences included."""
    if _vr(identifier, tag) != "SQ":
        return bool(read(tag, "LO").strip("*"))
    try:
        items = list(identifier[tag].value)
    except Exception:
        return True
    return any(
        _asks_for_something(item, each, text_reader(item))
        for item in items
        for each in list(item.keys())
    )


# -- statements ------------------------------------------------------------------------------


def _select(
    level: str,
    columns: Sequence[ColumnElement[Any]],
    levels: Iterable[str],
    conditions: Iterable[ColumnElement[bool]],
) -> Select[Any]:
    """Return a statement that selects rows of a level, joined as far up as `levels` go."""
    table = TABLES[level]
    source: Any = table
    top = min(LEVELS.index(each) for each in (*levels, level))
    for above in reversed(LEVELS[top : LEVELS.index(level)]):
        parent = TABLES[above]
        source = source.join(parent, table.c.parent == parent.c.id)
        table = parent
    return select(*columns).select_from(source).where(*conditions)


def _conditions(
    wanted: Mapping[str, Sequence[Criterion]], joins_times: bool
) -> list[ColumnElement[bool]]:
    """Return the conditions for the criteria of some attributes."""
    wanted = dict(wanted)
    conditions = []
    if joins_times:
        for date, time in MOMENTS.items():
            days, hours = wanted.get(date, ()), wanted.get(time, ())
            if len(days) == len(hours) == 1:
                conditions.append(_moments(date, days[0], time, hours[0]))
                del wanted[date], wanted[time]
    for keyword, found in wanted.items():
        conditions.append(_any_of(keyword, found))
    return conditions


def _any_of(keyword: str, found: Sequence[Criterion]) -> ColumnElement[bool]:
    """Return the condition that one of the criteria of an attribute is met."""
    values = [criterion.value for criterion in found if isinstance(criterion, Equal)]
    others = [criterion for criterion in found if not isinstance(criterion, Equal)]
    conditions = [_condition(keyword, criterion) for criterion in others]
    if values:
        conditions.append(_is_in(keyword, values))
    return or_(*conditions)


def _is_in(keyword: str, values: Sequence[Value]) -> ColumnElement[bool]:
    """Return the condition that an attribute has one of some values."""
    if keyword in _BELOW:
        return _exists_below(_is_in(_BELOW[keyword], values), _BELOW[keyword])
    return ATTRIBUTES[keyword].keys[0].in_(values)


def _condition(keyword: str, criterion: Criterion) -> ColumnElement[bool]:
    """Return the condition for one criterion of an attribute."""
    if keyword in _BELOW:
        return _exists_below(_condition(_BELOW[keyword], criterion), _BELOW[keyword])
    keys = ATTRIBUTES[keyword].keys
    if isinstance(criterion, Range):
        return _within(keys[0], criterion)
    if isinstance(criterion, Wildcard):
        return _compare(keys[0], criterion)
    if isinstance(criterion, Equal):
        return _is_in(keyword, [criterion.value])
    return and_(
        *(or_(*(_compare(keys[n], part) for n in groups)) for groups, part in criterion.parts)
    )


def _exists_below(condition: ColumnElement[bool], keyword: str) -> ColumnElement[bool]:
    """Return that a study has something with a condition on an attribute of a level below."""
    study, series, image = TABLES[STUDY], TABLES[SERIES], TABLES[IMAGE]
    statement = select(series.c.id).where(series.c.parent == study.c.id, condition)
    if ATTRIBUTES[keyword].level == IMAGE:
        statement = statement.join(image, image.c.parent == series.c.id)
    return statement.correlate(study).exists()


def _compare(column: ColumnElement[Value], criterion: Equal | Wildcard) -> ColumnElement[bool]:
    if isinstance(criterion, Equal):
        return column == criterion.value
    pattern = criterion.pattern
    for char in (_LIKE_ESCAPE, "%", "_"):
        pattern = pattern.replace(char, f"{_LIKE_ESCAPE}{char}")
    pattern = pattern.replace("*", "%").replace("?", "_")
    return column.like(pattern, escape=_LIKE_ESCAPE)


def _within(column: ColumnElement[Value], bounds: Range) -> ColumnElement[bool]:
    if bounds.low == bounds.high:
        return column == bounds.low
    conditions = []
    if bounds.low is not None:
        conditions.append(column >= bounds.low)
    if bounds.high is not None:
        conditions.append(column <= bounds.high)
    return and_(*conditions)


def _moments(date: str, days: Criterion, time: str, hours: Criterion) -> ColumnElement[bool]:
    """Return that a date and time lie in the range from one moment to another."""
    assert isinstance(days, Range)
    assert isinstance(hours, Range)
    day, hour = ATTRIBUTES[date].keys[0], ATTRIBUTES[time].keys[0]
    conditions = []
    if days.low is not None:
        later = day >= days.low if hours.low is None else hour >= hours.low
        conditions.append(or_(day > days.low, and_(day == days.low, later)))
    if days.high is not None:
        earlier = day <= days.high if hours.high is None else hour <= hours.high
        conditions.append(or_(day < days.high, and_(day == days.high, earlier)))
    return and_(*conditions)
