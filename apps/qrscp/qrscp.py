"""The application: its options, and its course."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pynetdicom._config as _config

from ..common import options as kinds
from ..common.exits import AppError, Exit
from ..common.output import Console
from ..common.program import run
from ..common.scp import new_ae, serve
from .settings import Settings, destination, settle

if TYPE_CHECKING:
    from .archive import Archive

# An archive has more clients at a time than other servers
_MOST_ASSOCIATIONS = 100
# Seconds to connect to a move destination in
_CONNECTION_TIMEOUT = 15


def make_parser(args: Sequence[str] = ()) -> ArgumentParser:
    """Return the parser of the command line."""
    parser = kinds.new_parser("qrscp", "Archive: store, query, retrieve and commit instances.")
    group = parser.add_argument_group("network options")
    group.add_argument(
        "--port", type=kinds.port, help="TCP port to listen on; 0 for any free one (11112)"
    )
    group.add_argument(
        "-aet", "--ae-title", metavar="AETITLE", type=kinds.ae_title, help="our AE title (QRSCP)"
    )
    kinds.add_acceptance(group)
    kinds.add_network(group)
    group.add_argument(
        "-ba", "--bind-address", metavar="ADDRESS", help="address to listen on (all of IPv4)"
    )
    kinds.add_family(group, "on IPv4", "on IPv6", "on what the address says")
    kinds.add_tls(parser, "client")
    # What is not given here may be in the configuration file
    parser.set_defaults(
        acse_timeout=None,
        dimse_timeout=None,
        network_timeout=None,
        max_pdu=None,
        max_associations=_MOST_ASSOCIATIONS,
    )
    group = parser.add_argument_group("archive options")
    group.add_argument("-c", "--config", metavar="FILE", help="configuration file")
    group.add_argument(
        "--database-location",
        metavar="FILE",
        help="SQLite file of the index, or URL of another database",
    )
    group.add_argument(
        "--instance-location", metavar="FOLDER", help="folder of the stored instances"
    )
    group.add_argument(
        "--destination",
        metavar="TITLE=HOST:PORT",
        type=destination,
        action="append",
        help="move destination, in addition to those of the file; can be given several times",
    )
    group.add_argument(
        "--peers-file",
        metavar="FILE",
        help="the peers file of the other applications: its peers are move destinations, by the "
        "AE titles that they are called by",
    )
    work = group.add_mutually_exclusive_group()
    work.add_argument(
        "--clean", action="store_true", help="ask, remove all stored instances, and end"
    )
    work.add_argument(
        "--rebuild", action="store_true", help="make the index anew from the files, and end"
    )
    return parser


def main(args: Sequence[str] | None = None) -> int:
    """Run the archive; return its exit code.

    Parameters
    ----------
    args : sequence of str, optional
        The arguments, those of the process by default.
    """
    return run("qrscp", make_parser, _work, args)


def _work(options: Namespace, console: Console) -> Exit:
    settings = settle(options)
    with open_archive(settings) as archive:
        if options.clean:
            return _clean(archive, console)
        if options.rebuild:
            kept, left_out = archive.rebuild()
            console.record("rebuilt", instances=kept, left_out=left_out)
            console.say(f"{kept} instances are in the index; {left_out} files are no instances")
            return Exit.SUCCESS
        return _serve(archive, settings, options, console)


@contextmanager
def open_archive(settings: Settings) -> Iterator[Archive]:
    """Give the archive, which is closed at the end.

    Parameters
    ----------
    settings : Settings
        Where its files and its index are.

    Raises
    ------
    AppError
        It lacks something that has to be installed, or its database fails.
    """
    try:
        from sqlalchemy.exc import SQLAlchemyError  # noqa: PLC0415 - an extra

        from .archive import Archive  # noqa: PLC0415
        from .index import Index, first_line, prepare  # noqa: PLC0415
    except ModuleNotFoundError as exc:
        if str(exc.name).partition(".")[0] != "sqlalchemy":
            raise
        raise _missing("SQLAlchemy", "install pynetdicom[apps]") from None
    try:
        settings.instance_location.mkdir(parents=True, exist_ok=True)
        prepare(settings.database)
        index = Index(settings.database)
    except ModuleNotFoundError as exc:  # the driver of a database
        what = "install the driver of the database, such as psycopg2-binary for PostgreSQL"
        raise _missing(str(exc.name), what) from None
    except SQLAlchemyError as exc:
        raise AppError(Exit.LOCAL, f"the index can't be opened: {first_line(exc)}") from None
    try:
        yield Archive(settings.instance_location, index)
    except SQLAlchemyError as exc:
        raise AppError(Exit.LOCAL, f"the index can't be used: {first_line(exc)}") from None
    finally:
        index.close()


def _missing(name: str, what: str) -> AppError:
    return AppError(Exit.LOCAL, f"{name} is not installed", what)


def _clean(archive: Archive, console: Console) -> Exit:
    """Remove all instances, if whoever sits there says so."""
    print(
        f"All instances in {archive.folder} will be removed. Type 'yes' to go on: ",
        end="",
        file=sys.stderr,
        flush=True,
    )
    if sys.stdin.readline().strip() != "yes":
        console.say("Nothing has been removed")
        return Exit.SUCCESS
    number = archive.clean()
    console.record("cleaned", instances=number)
    console.say(f"{number} instances have been removed")
    return Exit.SUCCESS


def _serve(archive: Archive, settings: Settings, options: Namespace, console: Console) -> Exit:
    from .scp import ArchiveSCP  # noqa: PLC0415 - needs SQLAlchemy

    _config.LOG_REQUEST_IDENTIFIERS = settings.log_identifier
    _config.LOG_RESPONSE_IDENTIFIERS = settings.log_identifier
    if archive.lacks_index():
        console.complain(
            f"the index is empty, but there are files in {archive.folder}; "
            "check --database-location, or make it anew with --rebuild"
        )
    ae = new_ae(options)
    ae.connection_timeout = _CONNECTION_TIMEOUT
    scp = ArchiveSCP(ae, archive, settings.destinations)
    try:
        return serve(ae, options, console, scp.handlers())
    finally:
        scp.close()


if __name__ == "__main__":
    sys.exit(main())
