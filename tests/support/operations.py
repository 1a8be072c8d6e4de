"""Asynchronous operations (PS3.7 D.3.3.3): how they are negotiated, and threads that use them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from struct import pack
from typing import Any

from pynetdicom.pdu_primitives import AsynchronousOperationsWindowNegotiation
from tests.support import raw
from tests.support.sockets import Background


def window(invoked: int, performed: int = 1) -> AsynchronousOperationsWindowNegotiation:
    """Return a window as an item for `ext_neg`."""
    item = AsynchronousOperationsWindowNegotiation()
    item.maximum_number_operations_invoked = invoked
    item.maximum_number_operations_performed = performed
    return item


def raw_window(invoked: int, performed: int = 1) -> bytes:
    """Return the user information item of a raw peer with a window."""
    return raw.user_information(raw.item(0x53, pack(">HH", invoked, performed)))


def in_threads(function: Callable[[Any], Any], values: Iterable[Any]) -> list[Any]:
    """Call a function with each value, each time in a thread of its own; return the results."""
    calls = [Background(function, value) for value in values]
    return [call.result() for call in calls]
