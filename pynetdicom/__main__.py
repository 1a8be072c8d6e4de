"""Run an application of the package: ``python -m pynetdicom <app> ...``."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from importlib.util import find_spec

import pynetdicom
from pynetdicom._version import __version__

# Each with its module in pynetdicom.apps and what it does
APPS = {
    "demo": ("demo", "put the sample files of pydicom through our archive and compare"),
    "echoscp": ("echoscp.echoscp", "answer C-ECHO requests"),
    "echoscu": ("echoscu.echoscu", "send C-ECHO requests"),
    "findscu": ("findscu.findscu", "query with C-FIND requests"),
    "getscu": ("getscu.getscu", "retrieve instances with C-GET requests"),
    "movescu": ("movescu.movescu", "have instances sent with C-MOVE requests"),
    "qrscp": ("qrscp.qrscp", "archive: store, query, retrieve and commit instances"),
    "storescp": ("storescp.storescp", "receive files with C-STORE requests"),
    "storescu": ("storescu.storescu", "send files with C-STORE requests"),
}

if find_spec("pynetdicom.apps") is None:
    # A checkout that is not installed: there the apps lie next to the package, not in it.
    pynetdicom.__path__.append(f"{pynetdicom.__path__[0]}{os.sep}..")


def usage() -> str:
    """Return the help text."""
    lines = ["usage: python -m pynetdicom [--help | --version | <app> ...]", "", "apps:"]
    lines += [f"  {name:<10} {purpose}" for name, (_, purpose) in APPS.items()]
    return "\n".join(lines)


def main(args: Sequence[str] | None = None) -> int:
    """Run the application that the first argument names, with the other arguments.

    Parameters
    ----------
    args : sequence of str, optional
        The arguments, without the name of the program; those of the process by default.

    Returns
    -------
    int
        The exit status: the application's own, or 2 if there is no such application.
    """
    name, *rest = (sys.argv[1:] if args is None else args) or [""]
    if name in ("-h", "--help"):
        print(usage())
        return 0
    if name == "--version":
        print(__version__)
        return 0
    if name not in APPS:
        problem = f"no app named {name!r}" if name else "which app?"
        print(f"{usage()}\n\npython -m pynetdicom: {problem}", file=sys.stderr)
        return 2
    module = import_module(f"pynetdicom.apps.{APPS[name][0]}")
    run: Callable[[Sequence[str]], int] = module.main
    return run(rest)


if __name__ == "__main__":
    sys.exit(main())
