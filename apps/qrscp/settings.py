"""The settings of the archive: from the command line, else a file, else the defaults."""

from __future__ import annotations

import argparse
import configparser
import os
import sys
from argparse import Namespace
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from ..common import options as kinds
from ..common.exits import AppError, Exit
from ..common.peers import peer_names

if TYPE_CHECKING:
    import ssl


class Destination(NamedTuple):
    """Where a move destination is.

    Attributes
    ----------
    address : str
        Its host.
    port : int
        Its TCP port.
    tls : tuple of (ssl.SSLContext, str) or None
        The context and the name of the host, if it is connected with TLS.
    """

    address: str
    port: int
    tls: tuple[ssl.SSLContext, str] | None = None


@dataclass(frozen=True, slots=True)
class Settings:
    """What the archive needs to know besides the options of the network.

    Attributes
    ----------
    instance_location : pathlib.Path
        The folder of the files.
    database : str
        The URL of the database.
    log_identifier : bool
        Whether identifiers are logged.
    destinations : dict
        The move destinations by AE title.
    """

    instance_location: Path
    database: str
    log_identifier: bool
    destinations: Mapping[str, Destination]


def _bind_address(text: str) -> str:
    return text.strip()


def _boolean(text: str) -> bool:
    try:
        return configparser.ConfigParser.BOOLEAN_STATES[text.strip().lower()]
    except KeyError:
        raise argparse.ArgumentTypeError(f"'{text}' is neither true nor false") from None


# The keys of the section DEFAULT, with what reads their values, and the default values
_KEYS: Final[Mapping[str, tuple[Callable[[str], Any], Any]]] = {
    "ae_title": (kinds.ae_title, "QRSCP"),
    "port": (kinds.port, 11112),
    "max_pdu": (kinds.pdu_length, 16382),
    "acse_timeout": (kinds.seconds, 30.0),
    "dimse_timeout": (kinds.seconds, 30.0),
    "network_timeout": (kinds.seconds, 30.0),
    "bind_address": (_bind_address, ""),
    "instance_location": (str, "instances"),
    "database_location": (str, "instances.sqlite"),
    "log_identifier": (_boolean, True),
}
#: Move destinations without a file
DEFAULT_DESTINATIONS: Final = {"STORESCP": Destination("127.0.0.1", 11113)}


def data_folder() -> Path:
    """Return where the archive keeps its data if nothing says otherwise: the user's folder."""
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local"
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Application Support"
    else:
        base = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    return Path(base) / "pynetdicom" / "qrscp"


def destination(text: str) -> tuple[str, Destination]:
    """Return a move destination that is given as TITLE=HOST:PORT."""
    title, equals, address = text.rpartition("=")
    host, colon, port = address.rpartition(":")
    if not (equals and colon and host):
        raise argparse.ArgumentTypeError(f"'{text}' is not TITLE=HOST:PORT")
    host = host.removeprefix("[").removesuffix("]")
    return kinds.ae_title(title).strip(), Destination(host, kinds.port(port))


def settle(options: Namespace) -> Settings:
    """Return the settings, and give `options` those of the network that it lacks.

    Relative paths begin where they are given: those of the command line in the working
    directory, those of the file where this is, the default ones in :func:`data_folder`.

    Parameters
    ----------
    options : argparse.Namespace
        The options of the command line; None for what is not there.

    Raises
    ------
    AppError
        If the file, or something in it, can't be used.
    """
    parser = _read(options.config)
    values, folders = {}, {}
    for key, (read, default) in _KEYS.items():
        given = getattr(options, key, None)
        if given is not None:
            values[key], folders[key] = given, Path.cwd()
        elif parser is not None and key in parser.defaults():
            text = parser.defaults()[key]
            values[key] = _value(options.config, "DEFAULT", key, read, text)
            folders[key] = Path(options.config).absolute().parent
        else:
            values[key], folders[key] = default, data_folder()
        setattr(options, key, values[key])
    named = DEFAULT_DESTINATIONS if parser is None else _destinations(parser, options.config)
    peers = _peers(options.peers_file) if options.peers_file else {}
    return Settings(
        folders["instance_location"] / values["instance_location"],
        _url(values["database_location"], folders["database_location"]),
        values["log_identifier"],
        {**named, **peers, **dict(options.destination or ())},
    )


def _peers(path: str) -> dict[str, Destination]:
    """Return the peers of a peers file by the AE titles that they are called by."""
    found = {}
    for name in peer_names(path):
        args = ["--peer", name, "--peers-file", path]
        peer = kinds.scu_parser("qrscp", "", args).parse_args(args)
        tls = None
        if peer.tls:
            from ..common.tls import client_context  # noqa: PLC0415 - only if it is used

            tls = client_context(peer), peer.tls_server_name or peer.addr.strip("[]")
        found[peer.called_aet.strip()] = Destination(peer.addr.strip("[]"), peer.port, tls)
    return found


def _url(location: str, folder: Path) -> str:
    """Return the URL of a database; a path is one of SQLite."""
    return location if "://" in location else f"sqlite:///{folder / location}"


def _read(path: str | None) -> configparser.ConfigParser | None:
    """Return what is in a configuration file, if one is given."""
    if path is None:
        return None
    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read_string(Path(path).read_text(encoding="utf-8"), source=path)
    except OSError as exc:
        raise AppError(Exit.USAGE, f"{path} can't be read: {exc.strerror}") from None
    except (configparser.Error, UnicodeError) as exc:
        raise AppError(Exit.USAGE, f"{path} is no configuration file: {exc}") from None
    unknown = sorted(set(parser.defaults()) - set(_KEYS))
    if unknown:
        raise AppError(
            Exit.USAGE, f"{path} has an unknown key '{unknown[0]}'", f"keys: {', '.join(_KEYS)}"
        )
    return parser


def _destinations(parser: configparser.ConfigParser, path: str) -> dict[str, Destination]:
    """Return the move destinations of a configuration file: a section for each."""
    found = {}
    for name in parser.sections():
        title = _value(path, name, "title", kinds.ae_title, name).strip()
        address = parser[name].get("address", "").strip()
        if not address:
            raise AppError(Exit.USAGE, f"[{name}] of {path} has no address")
        port = parser[name].get("port", "")  # DEFAULT has one as well
        found[title] = Destination(address, _value(path, name, "port", kinds.port, port))
    return found


def _value(path: str, section: str, key: str, read: Callable[[str], Any], text: str) -> Any:
    """Return the value of a key; AppError if it makes no sense."""
    try:
        return read(text)
    except (argparse.ArgumentTypeError, ValueError) as exc:
        raise AppError(Exit.USAGE, f"'{key}' in [{section}] of {path}: {exc}") from None
