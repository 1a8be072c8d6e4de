"""Signal handlers interrupt the main thread anywhere, also where it has a lock."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from pynetdicom import AE, evt
from pynetdicom.association import Association
from pynetdicom.sop_class import Verification

WAIT = 10.0


@pytest.fixture
def on_signal() -> Iterator[Callable[[Callable[[], object]], None]]:
    """Return a function that says what SIGUSR1 shall do."""
    before = signal.getsignal(signal.SIGUSR1)
    yield lambda action: signal.signal(signal.SIGUSR1, lambda *_: action()) and None
    signal.signal(signal.SIGUSR1, before)


@pytest.fixture
def aborted() -> threading.Event:
    """Return what is set when the SCP sees an abort."""
    return threading.Event()


@pytest.fixture
def assoc(start_scp: Callable[..., Any], aborted: threading.Event) -> Association:
    server = start_scp(handlers=[(evt.EVT_ABORTED, lambda event: aborted.set())])
    ae = AE()
    ae.add_requested_context(Verification)
    assoc = ae.associate("127.0.0.1", server.server_address[1])
    assert assoc.is_established
    return assoc


def test_abort_in_the_middle_of_sending(
    assoc: Association,
    aborted: threading.Event,
    on_signal: Callable[[Callable[[], object]], None],
) -> None:
    """The abort waits until what was interrupted is done, and is sent then."""
    on_signal(lambda: assoc.abort(block=False))
    assoc.dul.upper_layer.on_data_sent = lambda data: signal.raise_signal(signal.SIGUSR1)
    assert not assoc.send_c_echo()
    assert assoc.is_aborted
    assert aborted.wait(WAIT)
    assoc.join(WAIT)
    assert not assoc.is_alive()


@pytest.mark.parametrize("lock", ["_io", "_turn"])
def test_shutdown_with_a_lock_held(
    assoc: Association,
    aborted: threading.Event,
    on_signal: Callable[[Callable[[], object]], None],
    lock: str,
) -> None:
    on_signal(assoc.ae.shutdown)
    with getattr(assoc.dul, lock):
        signal.raise_signal(signal.SIGUSR1)
        assert assoc.is_aborted
    assert aborted.wait(WAIT)
    assoc.join(WAIT)
    assert not assoc.is_alive()


@pytest.mark.parametrize("lock", ["ae", "assoc"])
def test_shutdown_with_a_lock_of_the_state_held(
    assoc: Association, on_signal: Callable[[Callable[[], object]], None], lock: str
) -> None:
    on_signal(assoc.ae.shutdown)
    with {"ae": assoc.ae._lock, "assoc": assoc.lock}[lock]:
        signal.raise_signal(signal.SIGUSR1)
        assert assoc.is_aborted
    assoc.join(WAIT)
    assert not assoc.is_alive()
