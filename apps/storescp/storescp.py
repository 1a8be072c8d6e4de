"""Storage SCP: receive files with C-STORE requests."""

from __future__ import annotations

import sys
import threading
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING
from weakref import WeakSet

import pynetdicom._config as _config
from pynetdicom import Association, evt
from pynetdicom.limits import MIB

from ..common.exits import AppError, Exit
from ..common.options import (
    PREFERENCES,
    add_choice,
    count,
    scp_parser,
    seconds,
)
from ..common.output import Console
from ..common.program import run
from ..common.receiving import add_output, receive, spooling, store_of, support_storage
from ..common.scp import accepted_syntaxes, new_ae, serve
from ..common.storing import (
    STUDY_INSTANCE_UID,
    uid_name,
)
from .studies import Command, Commands, Studies

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

# Requests that a peer may send before the first is answered
_WINDOW = 16
# In a P-DATA-TF PDU the header of the first PDV says whether it is of a data set (PS3.8 E.2)
_P_DATA_TF = 0x04
_FIRST_HEADER = 11
_IS_COMMAND = 0x01
# Seconds that commands have to end when the SCP ends
_PATIENCE = 0.4


def _parser(args: Sequence[str]) -> ArgumentParser:
    parser = scp_parser("storescp", "Accept associations and save what is sent by C-STORE.")
    add_choice(parser, "transfer syntax options", PREFERENCES)
    add_output(parser)
    group = parser.add_argument_group("service options")
    group.add_argument("--no-echo", action="store_true", help="do not support Verification")
    group.add_argument(
        "--accept-all",
        action="store_true",
        help="accept unknown and private SOP classes and transfer syntaxes, too",
    )
    group.add_argument(
        "--max-size", metavar="MIB", type=count, default=4096, help="largest data set"
    )
    group = parser.add_argument_group("commands")
    group.add_argument(
        "--exec-on-reception", metavar="COMMAND", help="run for each file; {file} is its path"
    )
    group.add_argument(
        "--eostudy-timeout",
        metavar="S",
        type=seconds,
        help="a study has ended when nothing of it came for so many seconds",
    )
    group.add_argument(
        "--exec-on-eostudy",
        metavar="COMMAND",
        help="run when a study has ended; {study} is its UID, {folder} where its files are",
    )
    group = parser.add_argument_group("options for testing")
    for name, what in (
        ("--sleep-during", "wait so long while a data set comes in"),
        ("--sleep-after", "wait so long before the response"),
    ):
        group.add_argument(name, metavar="S", type=seconds, default=0, help=what)
    group.add_argument("--abort-during", action="store_true", help="abort while data comes in")
    group.add_argument("--abort-after", action="store_true", help="abort instead of responding")
    return parser


class _Receiver:
    """Handles C-STORE requests as the options say."""

    def __init__(self, options: Namespace, console: Console, commands: Commands) -> None:
        self._options = options
        self._console = console
        self._commands = commands
        self._stopped = threading.Event()
        self._receiving: WeakSet[Association] = WeakSet()
        on_reception, on_end = options.exec_on_reception, options.exec_on_eostudy
        self._on_reception = None if on_reception is None else Command(on_reception, {"file"})
        self._on_end = None if on_end is None else Command(on_end, {"study", "folder"})
        timeout = options.eostudy_timeout
        if self._on_end and timeout is None:
            raise AppError(
                Exit.USAGE, "it is not said when a study has ended", "give --eostudy-timeout"
            )
        self.store = store_of(options, [] if timeout is None else [STUDY_INSTANCE_UID])
        self._studies = None if timeout is None else Studies(timeout, self._study_ended)

    def close(self) -> None:
        """End what waits."""
        self._stopped.set()
        if self._studies is not None:
            self._studies.close()

    def handlers(self) -> list[evt.EventHandlerType]:
        """Return what to bind."""
        bound: list[evt.EventHandlerType] = [
            (evt.EVT_C_STORE, self.receive),
            # One is served after the other, but the next may be on its way
            (evt.EVT_ASYNC_OPS, lambda event: (_WINDOW, 1)),
        ]
        if self._options.sleep_during or self._options.abort_during:
            bound.append((evt.EVT_DATA_RECV, self._disturb))
        return bound

    def receive(self, event: evt.Event) -> int | Dataset:
        """Save a data set; return the status."""
        self._receiving.discard(event.assoc)
        reception = receive(event, self._console, self._save)
        if reception.path is not None and self._on_reception:
            self._commands.run(self._on_reception.filled({"file": str(reception.path)}))
        if self._options.sleep_after:
            self._stopped.wait(self._options.sleep_after)
        if self._options.abort_after:
            event.assoc.abort()
        return reception.answer()

    def _save(self, event: evt.Event) -> Path | None:
        """Save a data set if that is wanted; return its file."""
        if self.store is None:
            return None
        texts = self.store.examine(event)
        path = self.store.save(event, texts)
        if self._studies is not None and path is not None:
            self._studies.received(uid_name(texts.get(STUDY_INSTANCE_UID, "")), path)
        return path

    def _study_ended(self, study: str, folder: str, instances: int) -> None:
        self._console.record("study", study=study, folder=folder, instances=instances)
        if self._on_end:
            self._commands.run(self._on_end.filled({"study": study, "folder": folder}))

    def _disturb(self, event: evt.Event) -> None:
        """Wait or abort when the first piece of a data set comes in."""
        data = event.data
        if data[0] != _P_DATA_TF or data[_FIRST_HEADER] & _IS_COMMAND:
            return
        if event.assoc not in self._receiving:
            self._receiving.add(event.assoc)
            if self._options.sleep_during:
                self._stopped.wait(self._options.sleep_during)
            if self._options.abort_during:
                event.assoc.abort()


def _serve(options: Namespace, console: Console) -> Exit:
    ae = new_ae(options)
    support_storage(ae, accepted_syntaxes(options), not options.no_echo)
    ae.limits.store_data_length = options.max_size * MIB
    commands = Commands(console)
    receiver = _Receiver(options, console, commands)
    before = _config.UNRESTRICTED_STORAGE_SERVICE
    with ExitStack() as cleanup:
        cleanup.callback(commands.close, _PATIENCE)
        cleanup.callback(receiver.close)
        cleanup.enter_context(spooling(ae, receiver.store, "storescp"))
        _config.UNRESTRICTED_STORAGE_SERVICE = options.accept_all
        try:
            return serve(ae, options, console, receiver.handlers())
        finally:
            _config.UNRESTRICTED_STORAGE_SERVICE = before


def main(args: Sequence[str] | None = None) -> int:
    """Run the application with these arguments, or those of the process; return the exit code."""
    return run("storescp", _parser, _serve, args)


if __name__ == "__main__":
    sys.exit(main())
