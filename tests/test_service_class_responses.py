"""What operations with several responses have in common.

The tests of C-FIND, C-GET and C-MOVE are about the same in use.
"""

from __future__ import annotations

import pytest

import pynetdicom.service_class.responses as responses
from pynetdicom.service_class.responses import Pace


class TestPace:
    """Which responses may wait for the next one."""

    def test_quick_and_slow(self, monkeypatch: pytest.MonkeyPatch) -> None:
        times = iter([10.0, 10.0005, 10.001, 10.5, 10.5005])
        monkeypatch.setattr(responses, "monotonic", lambda: next(times))
        pace = Pace()
        assert [pace.may_wait() for _ in range(5)] == [False, True, True, False, True]

    def test_some_at_a_time(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(responses, "monotonic", lambda: 10.0)
        pace = Pace()
        found = [pace.may_wait() for _ in range(129)]
        assert [number for number, may in enumerate(found, 1) if not may] == [1, 64, 128]
