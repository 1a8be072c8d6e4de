"""Attribute matching: what the values of a query ask for (PS3.4 C.2.2.2).

Nothing here knows of a database. :func:`criteria` reads the value of a key in a query,
:func:`search_keys` makes of the value of an instance what the criteria compare with.
"""

from __future__ import annotations

import re
import unicodedata
from calendar import monthrange
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, TypeAlias

Value: TypeAlias = str | int | float


class MatchingError(ValueError):
    """The value of a key can't be understood."""


@dataclass(frozen=True, slots=True)
class Equal:
    """Single value matching (C.2.2.2.1)."""

    value: Value


@dataclass(frozen=True, slots=True)
class Wildcard:
    """Wild card matching: ``*`` is any text, ``?`` any one character (C.2.2.2.4)."""

    pattern: str


@dataclass(frozen=True, slots=True)
class Range:
    """Range matching, bounds included; None is no bound (C.2.2.2.5)."""

    low: str | None
    high: str | None


@dataclass(frozen=True, slots=True)
class Name:
    """Matching of person names: in each part one of the component groups has to match.

    Attributes
    ----------
    parts : tuple
        Pairs of the numbers of component groups (0 to 2: alphabetic, ideographic, phonetic) and
        the criterion that one of them has to meet.
    """

    parts: tuple[tuple[tuple[int, ...], Equal | Wildcard], ...]


Criterion: TypeAlias = Equal | Wildcard | Range | Name

# Value representations by how they are matched
WILDCARD_VRS: Final = frozenset(("AE", "CS", "LO", "LT", "PN", "SH", "ST", "UC", "UR", "UT"))
# In these a backslash does not separate values (PS3.5 6.2)
SINGLE_VALUE_VRS: Final = frozenset(("LT", "ST", "UR", "UT"))
INTEGER_VRS: Final = frozenset(("IS", "SL", "SS", "UL", "US"))
# In a person name (PS3.5 6.2.1)
NAME_GROUPS: Final = 3

_ALL_GROUPS = tuple(range(NAME_GROUPS))

_DATE = re.compile(r"\d{4}(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])")
_TIME = re.compile(r"([01]\d|2[0-3])([0-5]\d(([0-5]\d|60)(\.\d{1,6})?)?)?")
_DATE_TIME = re.compile(
    r"(?P<moment>\d{4}((0[1-9]|1[0-2])((0[1-9]|[12]\d|3[01])"
    r"(([01]\d|2[0-3])([0-5]\d(([0-5]\d|60)(\.\d{1,6})?)?)?)?)?)?)(?P<zone>[+-](0\d|1[0-4])[0-5]\d)?"
)
_ZONE = re.compile(r"([+-])(0\d|1[0-4])([0-5]\d)")
_FIRST_MOMENT, _LAST_MOMENT = "00000101000000.000000", "99991231235959.999999"


def split_values(vr: str, text: str) -> list[str]:
    """Return the values of an element without padding (PS3.5 6.2).

    Parameters
    ----------
    vr : str
        Its value representation.
    text : str
        All its values, separated by backslashes.
    """
    values = [text] if vr in SINGLE_VALUE_VRS else text.split("\\")
    return [value.strip(" \0") for value in values]


def criteria(vr: str, text: str, zone: str = "") -> list[Criterion]:
    """Return what the value of a key in a query asks for.

    Parameters
    ----------
    vr : str
        The value representation.
    text : str
        The value; several, as in a list of UIDs, are separated by backslashes.
    zone : str, optional
        Offset from UTC, as in *Timezone Offset From UTC*, of date-times that have none.

    Returns
    -------
    list
        The criteria of which an instance has to meet one. None at all: everything matches.

    Raises
    ------
    MatchingError
        The value can't be understood.
    """
    values = split_values(vr, text)
    if any(not value.strip("*") for value in values):
        return []
    if vr in ("DA", "TM", "DT"):
        ranges = [_range(vr, value, zone) for value in values]
        return [] if Range(None, None) in ranges else list(ranges)
    if vr == "PN":
        names = [_name(value) for value in values]
        return [] if Name(()) in names else list(names)
    return [_text(value) if vr in WILDCARD_VRS else Equal(number(vr, value)) for value in values]


def search_keys(vr: str, text: str, zone: str = "") -> list[Value | None]:
    """Return what :func:`criteria` are compared with, of the value of an instance.

    Of several values the first counts, except for text, which is compared as a whole.

    Parameters
    ----------
    vr : str
        The value representation.
    text : str
        The value.
    zone : str, optional
        As for :func:`criteria`.

    Returns
    -------
    list
        Three folded component groups for a person name; the beginning of what a date or time
        stands for, in one form and time zone; otherwise the value. None is no value.

    Raises
    ------
    MatchingError
        It is no value of that kind.
    """
    first = split_values(vr, text)[0]
    if vr == "PN":
        groups = [fold_name(group) or None for group in first.split("=")[:NAME_GROUPS]]
        return [*groups, *[None] * (NAME_GROUPS - len(groups))]
    if not text.strip(" \0"):
        return [None]
    if vr in _MOMENTS:
        return [_MOMENTS[vr](first, zone)[0]] if first else [None]
    if vr in INTEGER_VRS or vr == "DS":
        return [number(vr, first)] if first else [None]
    return ["\\".join(split_values(vr, text))]


def number(vr: str, value: str) -> Value:
    """Return a value of an element, a number if the value representation is for numbers."""
    try:
        if vr not in INTEGER_VRS:
            return float(value) if vr == "DS" else value
        integer = int(value)
    except ValueError:
        raise MatchingError("not a number") from None
    if abs(integer) >= 2**63:
        raise MatchingError("too large a number")
    return integer


def fold_name(group: str) -> str:
    """Return a component group of a person name in a form to compare.

    Case, padding and empty components at the end make no difference.
    """
    components = unicodedata.normalize("NFC", group).casefold().split("^")
    return "^".join(component.strip() for component in components).rstrip("^")


def _text(value: str) -> Equal | Wildcard:
    return Wildcard(value) if "*" in value or "?" in value else Equal(value)


def _name(value: str) -> Name:
    """Return what a person name asks for: in any group if it has but one."""
    groups = [fold_name(group) for group in value.split("=")[:NAME_GROUPS]]
    if len(groups) == 1:
        return Name(((_ALL_GROUPS, _text(groups[0])),) if groups[0] else ())
    return Name(tuple(((n,), _text(group)) for n, group in enumerate(groups) if group.strip("*")))


# -- dates and times -------------------------------------------------------------------------


def _date(text: str, zone: str) -> tuple[str, str]:
    """Return a date, maybe in the form 2020.01.31 of ACR-NEMA, as first and last day."""
    digits = text.replace(".", "")
    if not _DATE.fullmatch(digits):
        raise MatchingError("not a date")
    return digits, digits


def _time(text: str, zone: str) -> tuple[str, str]:
    """Return the first and the last microsecond of what a time stands for."""
    digits = text.replace(":", "")
    if not _TIME.fullmatch(digits):
        raise MatchingError("not a time")
    return _fill(digits, _FIRST_MOMENT[8:]), _fill(digits, _LAST_MOMENT[8:])


def _date_time(text: str, zone: str) -> tuple[str, str]:
    """Return the first and the last microsecond of what a date-time stands for, in UTC."""
    found = _DATE_TIME.fullmatch(text)
    if found is None:
        raise MatchingError("not a date-time")
    moment, own_zone = found["moment"], found["zone"] or zone
    low, high = _fill(moment, _FIRST_MOMENT), _fill(moment, _LAST_MOMENT)
    last_day = monthrange(int(high[:4]) or 1, int(high[4:6]))[1]
    if int(high[6:8]) > last_day:
        high = f"{high[:6]}{last_day}{high[8:]}"
    return _to_utc(low, own_zone), _to_utc(high, own_zone)


# By value representation, what returns the beginning and the end of a value
_MOMENTS: Final[dict[str, Callable[[str, str], tuple[str, str]]]] = {
    "DA": _date,
    "TM": _time,
    "DT": _date_time,
}


def _fill(text: str, pattern: str) -> str:
    return text + pattern[len(text) :]


def _to_utc(moment: str, zone: str) -> str:
    """Return a moment in UTC; one without offset stays as it is."""
    offset = _ZONE.fullmatch(zone.strip(" \0"))
    if offset is None:
        return moment
    minutes = int(offset[2]) * 60 + int(offset[3])
    # A leap second is told as the second before it, which datetime knows
    digits = moment.replace("60.", "59.") if moment[12:14] == "60" else moment
    try:
        local = datetime.strptime(digits, "%Y%m%d%H%M%S.%f")
        utc = local - timedelta(minutes=minutes if offset[1] == "+" else -minutes)
    except (ValueError, OverflowError):
        raise MatchingError("not a date-time") from None
    return f"{utc:%Y%m%d%H%M%S.%f}".rjust(len(moment), "0")


def _range(vr: str, value: str, zone: str) -> Range:
    """Return what a date or time asks for; one without its last digits is a range, too."""
    bounds = _MOMENTS[vr]
    if not value.strip("-"):
        return Range(None, None)
    hyphens = [index for index, char in enumerate(value) if char == "-"]
    # The offset from UTC of a date-time begins with a hyphen as well
    for at in (None, *hyphens):
        first, last = (value, value) if at is None else (value[:at], value[at + 1 :])
        try:
            return Range(
                bounds(first.strip(), zone)[0] if first else None,
                bounds(last.strip(), zone)[1] if last else None,
            )
        except MatchingError:
            continue
    raise MatchingError(
        {"DA": "not a date", "TM": "not a time", "DT": "not a date-time"}[vr] + " nor a range"
    )
