"""What was worked out before and may be wanted again, and what may never be wanted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar
from weakref import ref

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

_T = TypeVar("_T")


class Memo(Generic[_T]):
    """Remembers the latest few values that took some work, by keys that hold all they depend on.

    Parameters
    ----------
    size : int
        How many values.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._values: dict[Hashable, _T] = {}

    def get(self, key: Hashable) -> _T | None:
        """Return the value for a key, None if there is none."""
        return self._values.get(key)

    def put(self, key: Hashable, value: _T) -> None:
        """Remember a value, and forget the oldest if it is one too many."""
        self._values[key] = value
        for oldest in list(self._values)[: -self._size]:  # other threads may do the same
            self._values.pop(oldest, None)

    def clear(self) -> None:
        """Forget everything."""
        self._values.clear()


class Same:
    """A key that is equal for the same object only, while that exists.

    It does not keep the object: there may be a password in it, and keys may stay for long.
    """

    __slots__ = ("_hash", "_reference")

    def __init__(self, thing: object) -> None:
        self._reference = ref(thing)
        self._hash = id(thing)

    def __eq__(self, other: object) -> bool:
        thing = self._reference()
        return thing is not None and isinstance(other, Same) and thing is other._reference()

    def __hash__(self) -> int:
        return self._hash


class Deferred(Generic[_T]):
    """The value of a field that is made when somebody reads it.

    Parameters
    ----------
    make : callable
        Makes it.
    key : hashable
        Equal for equal values, for what is remembered of them.
    """

    __slots__ = ("key", "make")

    def __init__(self, make: Callable[[], _T], key: Hashable) -> None:
        self.make = make
        self.key = key
