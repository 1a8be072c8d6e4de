"""How an application runs: from the arguments to the exit code, whatever happens."""

from __future__ import annotations

import argparse
import logging
import signal
import sys
import threading
import warnings
from argparse import Namespace
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from .exits import AppError, Exit
from .logs import LOGGER, level_of, logging_as
from .output import Console

MakeParser = Callable[[Sequence[str]], argparse.ArgumentParser]
Work = Callable[[Namespace, Console], Exit]


class Terminated(BaseException):
    """SIGTERM was received; like KeyboardInterrupt it comes up in the main thread."""


def run(app: str, make_parser: MakeParser, work: Work, args: Sequence[str] | None) -> int:
    """Run an application and return its exit code.

    Parameters
    ----------
    app : str
        Its name.
    make_parser : callable
        Returns its parser, given the arguments.
    work : callable
        Does the work, given the options and the console, and returns the exit code. It may
        raise AppError. What it holds it has to let go of when anything is raised: Ctrl-C raises
        KeyboardInterrupt and SIGTERM raises `Terminated`.
    args : sequence of str or None
        The arguments, those of the process if None.
    """
    arguments = list(sys.argv[1:] if args is None else args)
    console = Console(app, False, False, False)
    try:
        options = make_parser(arguments).parse_args(arguments)
    except SystemExit as ended:  # after --help and --version, and after a wrong argument
        return int(ended.code or 0)
    except AppError as error:
        console.complain(str(error))
        return error.code
    is_quiet = options.log_type == "q"
    level = level_of(options)
    shows_log = level is not None and level <= logging.INFO
    console = Console(app, options.json, is_quiet, shows_log)
    with logging_as(options), _sigterm_raises(), warnings.catch_warnings():
        # Of pydicom on values that it finds odd, among them those of peers
        warnings.simplefilter("ignore", UserWarning)
        code = _guarded(work, options, console)
    console.record("end", exit=int(code), meaning=code.name.lower())
    return code


def _guarded(work: Work, options: Namespace, console: Console) -> Exit:
    """Do the work; whatever it raises becomes a sentence and an exit code."""
    try:
        return work(options, console)
    except AppError as error:
        console.complain(str(error))
        return error.code
    except KeyboardInterrupt:
        console.complain("interrupted")
        return Exit.INTERRUPTED
    except Terminated:
        console.complain("terminated")
        return Exit.TERMINATED
    except OSError as error:
        console.complain(f"{error.filename or 'system error'}: {error.strerror or error}")
        return Exit.LOCAL
    except Exception as error:
        LOGGER.debug("Unexpected error", exc_info=error)
        console.complain(f"unexpected error: {error!r}; run it with -d for more")
        return Exit.LOCAL


@contextmanager
def _sigterm_raises() -> Iterator[None]:
    """Have SIGTERM raise `Terminated` in the main thread, if this is it."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def handle(number: int, frame: Any) -> None:
        raise Terminated

    before = signal.signal(signal.SIGTERM, handle)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
