"""The peers file: what is known of the peers that one has, by name."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pynetdicom._lazy as lazy

from .exits import AppError, Exit

if TYPE_CHECKING:
    from pathlib import Path

#: Names the peers file, unless an option does
VARIABLE = "PYNETDICOM_PEERS"
# Options whose values are paths, which begin where the peers file is
PATHS = {"tls_key", "tls_cert", "tls_ca", "tls_password_file", "password_file"}
PATHS |= {"kerberos", "saml", "jwt"}
# Options that have no place in the file
COMMAND_LINE_ONLY = {"help", "version", "peer", "peers_file"}


def default_path() -> Path:
    """Return where the peers file is if nothing says otherwise."""
    named = os.environ.get(VARIABLE)
    if named:
        return lazy.pathlib.Path(named)
    if sys.platform == "win32":
        base = os.environ.get("APPDATA") or lazy.pathlib.Path.home() / "AppData" / "Roaming"
    else:
        base = os.environ.get("XDG_CONFIG_HOME") or lazy.pathlib.Path.home() / ".config"
    return lazy.pathlib.Path(base) / "pynetdicom" / "peers.toml"


def value_of(option: str, args: Sequence[str]) -> str | None:
    """Return the value of a long option on a command line, None if it is not there.

    It has to be known before there is a parser: the parser depends on it.
    """
    value = None
    for number, arg in enumerate(args):
        if arg == "--":
            break
        if arg == option and number + 1 < len(args):
            value = args[number + 1]
        elif arg.startswith(f"{option}="):
            value = arg.partition("=")[2]
    return value


def _read(path: Path) -> dict[str, Any]:
    """Return what is in a peers file; AppError if it can't be read."""
    if sys.version_info >= (3, 11):
        import tomllib  # noqa: PLC0415 - not needed without --peer
    else:
        try:
            import tomli as tomllib  # noqa: PLC0415
        except ImportError:
            raise AppError(
                Exit.USAGE,
                "the peers file can't be read without tomli",
                "install pynetdicom[apps]",
            ) from None
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as exc:
        raise AppError(
            Exit.USAGE, f"there is no peers file {path} ({exc.strerror})", "give --peers-file"
        ) from None
    except ValueError as exc:
        raise AppError(Exit.USAGE, f"the peers file {path} is no valid TOML: {exc}") from None


def peer_names(path: str) -> list[str]:
    """Return the names of the peers in a peers file; AppError if it can't be read."""
    return [name for name, peer in _read(lazy.pathlib.Path(path)).items() if isinstance(peer, dict)]


def read_peer(name: str, args: Sequence[str]) -> tuple[Path, Mapping[str, Any]]:
    """Return the peers file and what it says of a peer.

    Raises
    ------
    AppError
        If there is no such file or peer, or the file can't be read.
    """
    path = lazy.pathlib.Path(value_of("--peers-file", args) or default_path())
    peers = _read(path)
    peer = peers.get(name)
    if not isinstance(peer, dict):
        known = ", ".join(sorted(peers)) or "none"
        raise AppError(Exit.USAGE, f"there is no peer '{name}' in {path}", f"it has: {known}")
    return path, peer


def use_peer(parser: argparse.ArgumentParser, args: Sequence[str]) -> None:
    """Make what the peers file says of the peer that is named the defaults of a parser.

    Parameters
    ----------
    parser : argparse.ArgumentParser
        A parser that has the options that a peer may set, and no others yet.
    args : sequence of str
        The command line.

    Raises
    ------
    AppError
        If the file, or what it says, can't be used.
    """
    name = value_of("--peer", args)
    if name is None:
        return
    path, peer = read_peer(name, args)
    actions = {a.dest: a for a in parser._actions if a.dest not in COMMAND_LINE_ONLY}
    defaults: dict[str, Any] = {"addr": None, "port": None}
    for key, value in peer.items():
        dest = {"address": "addr"}.get(key, key)
        if dest not in defaults and dest not in actions:
            known = ", ".join(["address", "port", *sorted(actions)])
            raise AppError(
                Exit.USAGE, f"peer '{name}' in {path} has an unknown key '{key}'", f"keys: {known}"
            )
        where = f"'{key}' of peer '{name}' in {path}"
        given = str(path.parent / str(value)) if key in PATHS else value
        defaults[dest] = _checked(where, dest, given, actions)
    if not isinstance(defaults["addr"], str) or type(defaults["port"]) is not int:
        raise AppError(
            Exit.USAGE,
            f"peer '{name}' in {path} has no address or no port",
            'it needs address = "host" and port = 104',
        )
    parser.set_defaults(**defaults)


def _checked(what: str, dest: str, value: Any, actions: Mapping[str, argparse.Action]) -> Any:
    """Return the value of an option, converted as on the command line."""
    action = actions.get(dest)
    if action is None:  # address and port, which are looked at by the caller
        return value
    try:
        if action.nargs == 0:
            if not isinstance(value, bool):
                raise ValueError("it is true or false")
            return value
        if isinstance(value, bool | list | dict):
            raise ValueError("it is a text or a number")
        convert: Any = action.type or str
        value = convert(str(value))
        if action.choices is not None and value not in action.choices:
            raise ValueError(f"it is one of {', '.join(map(str, action.choices))}")
    except (ValueError, argparse.ArgumentTypeError) as exc:
        raise AppError(Exit.USAGE, f"{what} can't be used: {exc}") from None
    return value
