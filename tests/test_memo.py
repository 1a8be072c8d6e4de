"""What is remembered, for how long, and by which key."""

from __future__ import annotations

import weakref

from pynetdicom._memo import Memo, Same
from pynetdicom._wire import Structure


class TestMemo:
    def test_the_latest_few(self) -> None:
        memo: Memo[int] = Memo(3)
        for number in range(5):
            memo.put(number, number * number)
        assert [memo.get(number) for number in range(5)] == [None, None, 4, 9, 16]
        memo.clear()
        assert memo.get(4) is None

    def test_same(self) -> None:
        first, second = Structure(), Structure()
        assert first == second
        assert Same(first) == Same(first)
        assert hash(Same(first)) == hash(Same(first))
        assert Same(first) != Same(second)
        assert Same(first) != first

    def test_same_as_what_is_gone(self) -> None:
        """A key keeps nothing alive, and is equal to none that was made of another object."""
        thing = Structure()
        keys, gone = [Same(thing), Same(thing)], weakref.ref(thing)
        del thing
        assert gone() is None
        assert keys[0] != keys[1]
        assert Same(Structure()) not in keys
