"""Fixtures that every test module may use."""

from __future__ import annotations

import shutil
import signal
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pydicom.data
import pytest

import pynetdicom.__main__  # noqa: F401  makes pynetdicom.apps known in a bare checkout
from tests.support.certificates import write_certificates

JOIN_TIMEOUT = 10.0

# What a shell runs in the background ignores SIGINT, and so does what that runs in turn; the tests
# of signals need programs that do not
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def _our_threads() -> set[threading.Thread]:
    """Return the live threads that the library started."""
    return {
        thread
        for thread in threading.enumerate()
        if type(thread).__module__.startswith("pynetdicom") or "Server@" in thread.name
    }


@pytest.fixture(autouse=True)
def no_thread_left() -> Iterator[None]:
    """Fail a test that leaves an association or a server running."""
    before = _our_threads()
    yield
    for thread in _our_threads() - before:
        thread.join(JOIN_TIMEOUT)
        assert not thread.is_alive(), f"{thread.name} is still running"


@pytest.fixture
def start_scp() -> Iterator[Callable[..., Any]]:
    """Start SCPs on free ports of this host and shut them down at the end.

    ``start_scp(contexts, handlers, **settings)`` returns the server; `contexts` are SOP classes,
    or pairs of a SOP class and its transfer syntaxes (Verification by default), and `settings`
    are attributes of its AE. The server's `server_address` has the port, its `ae` the AE.
    """
    from pynetdicom import AE
    from pynetdicom.sop_class import Verification

    started = []

    def start(
        contexts: Iterable[Any] = (Verification,),
        handlers: Sequence[Any] = (),
        ssl_context: Any = None,
        **settings: Any,
    ) -> Any:
        ae = AE(settings.pop("ae_title", "TEST_SCP"))
        for name, value in settings.items():
            setattr(ae, name, value)
        for context in contexts:
            ae.add_supported_context(*(context if isinstance(context, tuple) else (context,)))
        started.append(ae)
        return ae.start_server(
            ("127.0.0.1", 0), block=False, ssl_context=ssl_context, evt_handlers=list(handlers)
        )

    yield start
    for ae in started:
        ae.shutdown()


@pytest.fixture
def scp(start_scp: Callable[..., Any]) -> Callable[..., Any]:
    """Start SCPs for echoes and CT images and watch them: `tests.support.watch.WatchedSCP`."""
    from tests.support.watch import WatchedSCP

    return partial(WatchedSCP, start_scp)


@pytest.fixture
def store_scp(scp: Callable[..., Any]) -> Callable[..., Any]:
    """Start them with a handler for C-STORE, by default one that says Success."""
    from pynetdicom import evt

    def start(handler: Callable[..., Any] = lambda event: 0x0000, **settings: Any) -> Any:
        return scp(handlers=[(evt.EVT_C_STORE, handler)], **settings)

    return start


@pytest.fixture
def archive_port(start_scp: Callable[..., Any]) -> int:
    """Return the port of an SCP that takes every echo and every data set."""
    from pynetdicom import ALL_TRANSFER_SYNTAXES, AllStoragePresentationContexts, evt
    from pynetdicom.sop_class import Verification

    contexts = [
        (cx.abstract_syntax, ALL_TRANSFER_SYNTAXES) for cx in AllStoragePresentationContexts
    ]
    handlers = [(evt.EVT_C_STORE, lambda event: 0x0000)]
    server = start_scp([Verification, *contexts], handlers, ae_title="ARCHIVE")
    port: int = server.server_address[1]
    return port


@pytest.fixture
def sample_folder(tmp_path: Path) -> Path:
    """Return a folder with the files that the examples of the documentation speak of."""
    folder = tmp_path / "page"
    (folder / "images").mkdir(parents=True)
    files = Path(pydicom.data.__file__).parent / "test_files"
    shutil.copy(files / "CT_small.dcm", folder / "ct.dcm")
    shutil.copy(files / "MR_small.dcm", folder / "mr.dcm")
    for name in ("CT_small", "JPEG2000", "MR_small_RLE", "MR_small_implicit", "reportsi"):
        shutil.copy(files / f"{name}.dcm", folder / "images")
    write_certificates(folder)
    return folder
