"""Small helpers for text, UIDs, AE titles and threads."""

from __future__ import annotations

import logging
import sys
import warnings
from contextlib import contextmanager
from functools import lru_cache
from io import BytesIO
from typing import TYPE_CHECKING, ParamSpec, TypeVar

import pynetdicom._config as _config
import pynetdicom._lazy as lazy
from pynetdicom._validators import is_conformant_uid

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pydicom.uid import UID

LOGGER = logging.getLogger(__name__)

# What is around UIDs
_PADDING = " \0"

_P = ParamSpec("_P")
_T = TypeVar("_T")


def safe_text(value: str | bytes, limit: int = 64) -> str:
    r"""Return `value` in a form that is safe to log: printable ASCII of bounded length.

    Control characters, backslashes and everything outside ASCII are written as Python escapes
    (``\n``, ``\x1b``, ``\u2028``). Never raises.

    Parameters
    ----------
    value : str or bytes
        What a peer sent.
    limit : int, optional
        Most characters to return; a longer text ends with ``...``.
    """
    try:
        # Cut before escaping, so that a large value costs no more than a small one
        if isinstance(value, (bytes, bytearray, memoryview)):
            text = bytes(value[: limit + 1]).decode("latin-1")
        else:
            text = str(value)[: limit + 1]
        text = text.encode("unicode_escape").decode("ascii")
        return text if len(text) <= limit else f"{text[: max(limit - 3, 0)]}..."
    except Exception:
        return f"<{type(value).__name__}>"


def decode_bytes(encoded_value: bytes) -> str:
    """Return text received in an association item as ASCII str, padding included.

    Parameters
    ----------
    encoded_value : bytes
        The text, tried as ASCII first and then with :data:`pynetdicom._config.CODECS`.

    Raises
    ------
    ValueError
        None of the codecs fits.
    """
    for codec in ("ascii", *_config.CODECS):
        try:
            text = str(encoded_value, codec)
        except (UnicodeError, LookupError):
            continue
        return text if text.isascii() else text.encode("ascii", "ignore").decode("ascii")
    raise ValueError(
        f"Unable to decode '{safe_text(encoded_value)}' with the codec(s) "
        f"{', '.join(_config.CODECS)}; more may be named in _config.CODECS"
    )


def make_target(target_fn: Callable[_P, _T]) -> Callable[_P, _T]:
    """Return what a new thread shall run to run `target_fn`.

    That is `target_fn` itself, or with :data:`pynetdicom._config.PASS_CONTEXTVARS` a function
    that runs it in a copy of the calling thread's context variables.
    """
    if not _config.PASS_CONTEXTVARS:
        return target_fn
    context = lazy.contextvars.copy_context()

    def run_in_context(*args: _P.args, **kwargs: _P.kwargs) -> _T:
        return context.run(target_fn, *args, **kwargs)

    return run_in_context


def pretty_bytes(
    bytestream: bytes | BytesIO,
    prefix: str = "  ",
    delimiter: str = "  ",
    items_per_line: int = 16,
    max_size: int | None = 512,
    suffix: str = "",
) -> list[str]:
    """Return a hexadecimal dump, one str a line.

    Parameters
    ----------
    bytestream : bytes or io.BytesIO
        What to dump.
    prefix, suffix : str, optional
        Put before and after every line.
    delimiter : str, optional
        Put between the bytes.
    items_per_line : int, optional
        Bytes a line.
    max_size : int or None, optional
        Dump no more than so many bytes, and say so in a first line; None for all.
    """
    data = bytestream.getvalue() if isinstance(bytestream, BytesIO) else bytestream
    lines = []
    if max_size is not None and len(data) > max_size:
        lines.append(f"{prefix}First {max_size} of {len(data)} bytes:")
        data = data[:max_size]
    for start in range(0, len(data), items_per_line):
        items = delimiter.join(f"{byte:02x}" for byte in data[start : start + items_per_line])
        lines.append(f"{prefix}{items}{suffix}")
    return lines


def set_ae(
    value: str | bytes | None, name: str, allow_empty: bool = True, allow_none: bool = True
) -> str | None:
    """Return `value` if it may be used as AE title (PS3.5 6.2).

    Parameters
    ----------
    value : str, bytes or None
        The AE title. It is kept as it is, with leading and trailing spaces. Bytes are decoded,
        with a DeprecationWarning.
    name : str
        What the value is for, as error messages shall name it.
    allow_empty : bool, optional
        Accept an empty str and one of spaces only.
    allow_none : bool, optional
        Accept None.

    Raises
    ------
    TypeError
        `value` has another type.
    ValueError
        `value` is no acceptable AE title.
    """
    if value is None and allow_none:
        return None
    return _check_ae_title(value, name, allow_empty)


def as_ae_title(value: str | bytes | None, name: str, allow_empty: bool = True) -> str:
    """Return `value` if it may be used as AE title: :func:`set_ae` without None."""
    return _check_ae_title(value, name, allow_empty)


def _check_ae_title(value: str | bytes | None, name: str, allow_empty: bool) -> str:
    """Return `value` as str, TypeError or ValueError if it may not be used as AE title."""
    if isinstance(value, bytes):
        # Blame the caller of the property that called one of the two functions above
        warnings.warn(f"Pass '{name}' as str; bytes are deprecated", DeprecationWarning, 4)
        value = decode_bytes(value)
    if not isinstance(value, str):
        raise TypeError(f"'{name}' must be str, not '{type(value).__name__}'")

    if not allow_empty:
        if not value:
            raise ValueError(f"Invalid '{name}' value - must not be an empty str")
        if not value.strip(" "):
            raise ValueError(f"Invalid '{name}' value - must not consist entirely of spaces")
    is_valid, reason = _config.VALIDATORS["AE"](value)
    if not is_valid:
        raise ValueError(f"Invalid '{name}' value '{safe_text(value)}' - {reason}")
    return value


def set_uid(
    value: str | bytes | None,
    name: str,
    allow_empty: bool = True,
    allow_none: bool = True,
    validate: bool = True,
) -> UID | None:
    """Return `value` as UID, without padding, if it may be used as one (PS3.5 9.1).

    Parameters
    ----------
    value : str, bytes, pydicom.uid.UID or None
        The UID. One that does not conform to the standard is accepted and logged, unless
        :data:`pynetdicom._config.ENFORCE_UID_CONFORMANCE` is set.
    name : str
        What the value is for, as error messages shall name it.
    allow_empty : bool, optional
        Accept an empty UID.
    allow_none : bool, optional
        Accept None.
    validate : bool, optional
        False to convert only.

    Raises
    ------
    TypeError
        `value` has another type.
    ValueError
        `value` is no acceptable UID.
    """
    if value is None and allow_none:
        return None
    return as_uid(value, name, allow_empty, validate)


def as_uid(
    value: str | bytes | None, name: str, allow_empty: bool = True, validate: bool = True
) -> UID:
    """Return `value` as UID, without padding, if it may be used: :func:`set_uid` without None."""
    return shown_uid(check_uid(value, name, allow_empty, validate))


def check_uid(
    value: str | bytes | None, name: str, allow_empty: bool = True, validate: bool = True
) -> str:
    """Return `value` if it may be used as UID: as text without padding, unless it is a UID.

    So are UIDs kept inside: :func:`shown_uid` makes them UIDs when somebody asks for them.
    """
    if isinstance(value, bytes):
        value = decode_bytes(value)
    if not isinstance(value, str):
        raise TypeError(f"'{name}' must be str, bytes or UID, not '{type(value).__name__}'")

    # Who has a UID has loaded pydicom
    is_uid = type(value) is not str and isinstance(value, lazy.uids.UID)
    uid = value if is_uid else value.strip(_PADDING)
    if not uid:
        if not allow_empty:
            raise ValueError(f"Invalid '{name}' value - must not be an empty str")
    elif validate:
        _check_conformance(uid, name)
    return uid


def make_uid(value: str) -> UID:
    """Return `value` without padding as UID, whatever it is: no validation and no warning."""
    return str.__new__(lazy.uids.UID, value.strip(_PADDING))


def shown_uid(value: str) -> UID:
    """Return what is kept as UID as one, and a UID as it is; pydicom is loaded for that."""
    is_text = type(value) is str
    return str.__new__(lazy.uids.UID, value) if is_text else value  # type: ignore[return-value]


def shown_uids(values: list[str]) -> list[UID]:
    """Return a list of what is kept as UID, the same one, with UIDs."""
    if str in map(type, values):
        values[:] = map(shown_uid, values)
    return values  # type: ignore[return-value]


# Those of SOP classes, for example, are checked again and again
_conforms = lru_cache(maxsize=256)(is_conformant_uid)


def _check_conformance(uid: str, name: str) -> None:
    """Raise ValueError if `uid` may not be used, log it if it merely does not conform."""
    is_valid, reason = _config.VALIDATORS["UI"](uid)
    if is_valid and not _conforms(uid):
        if not _config.ENFORCE_UID_CONFORMANCE:
            LOGGER.warning("Non-conformant '%s' value '%s'", name, safe_text(uid))
            return
        is_valid, reason = False, "UID is non-conformant"
    if not is_valid:
        raise ValueError(f"Invalid '{name}' value '{safe_text(uid)}' - {reason}")


def validate_uid(uid: str) -> bool:
    """Return whether `uid` may be used (PS3.5 9.1), by the rules of :func:`set_uid`.

    That is: 1 to 64 characters of printable ASCII, or with
    :data:`pynetdicom._config.ENFORCE_UID_CONFORMANCE` a UID that conforms to the standard.
    """
    is_valid, _ = _config.VALIDATORS["UI"](uid)
    return is_valid and (not _config.ENFORCE_UID_CONFORMANCE or is_conformant_uid(uid))


@contextmanager
def set_timer_resolution(resolution: int | None) -> Iterator[None]:
    """Raise the timer resolution of Windows within a ``with`` block; do nothing elsewhere.

    Parameters
    ----------
    resolution : int or None
        Wanted resolution in milliseconds; None to leave it as it is.
    """
    if sys.platform == "win32" and resolution is not None:
        from ctypes import windll  # noqa: PLC0415 - exists on Windows only

        windll.winmm.timeBeginPeriod(resolution)
        try:
            yield
        finally:
            windll.winmm.timeEndPeriod(resolution)
    else:
        yield


class RateLimit:
    """Allows things of one kind a number of times a second.

    Parameters
    ----------
    per_second : callable
        Tells how many times.
    """

    def __init__(self, per_second: Callable[[], int]) -> None:
        self._per_second = per_second
        self._second = 0
        self._counts: dict[str, int] = {}

    def allows(self, kind: str, now: float) -> bool:
        """Count one of a kind; return whether it is within the limit.

        Parameters
        ----------
        kind : str
            Of which kind it is.
        now : float
            The time, in seconds of any clock that only goes forward.
        """
        if int(now) != self._second:
            self._second, self._counts = int(now), {}
        count = self._counts[kind] = self._counts.get(kind, 0) + 1
        return count <= self._per_second()
