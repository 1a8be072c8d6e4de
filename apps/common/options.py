"""The command-line options that the applications have in common."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress

from pynetdicom import __version__
from pynetdicom.utils import as_ae_title

from .logs import SYNONYMS
from .peers import use_peer

Parser = argparse.ArgumentParser

LOG_LEVELS = ("critical", "error", "warn", "info", "debug")
# Of a terminal that is none
_COLUMNS = 80
#: Profiles of PS3.15, by the name of the option's value
PROFILES = ("bcp195", "bcp195-modified")


def ae_title(text: str) -> str:
    """Return an AE title."""
    try:
        return as_ae_title(text, "AE title", allow_empty=False)
    except ValueError as exc:
        raise argparse.ArgumentTypeError(str(exc)) from None


def port(text: str) -> int:
    """Return a TCP port."""
    return _integer(text, 0, 65535)


def count(text: str) -> int:
    """Return a number of things, at least one."""
    return _integer(text, 1, None)


def number(text: str) -> int:
    """Return a number of things, perhaps none."""
    return _integer(text, 0, None)


def window(text: str) -> int:
    """Return a number of asynchronous operations."""
    return _integer(text, 1, 0xFFFF)


def _integer(text: str, least: int, most: int | None) -> int:
    try:
        value = int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"'{text}' is not a whole number") from None
    if value < least or (most is not None and value > most):
        bounds = f"at least {least}" if most is None else f"from {least} to {most}"
        raise argparse.ArgumentTypeError(f"{value} is not {bounds}")
    return value


def seconds(text: str) -> float:
    """Return a number of seconds."""
    try:
        value = float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"'{text}' is not a number of seconds") from None
    if not 0 <= value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} is not a number of seconds")
    return value


def pdu_length(text: str) -> int:
    """Return a maximum length of PDUs."""
    return _integer(text, 0, 0xFFFFFFFF)


def _level(choices: Sequence[str]) -> Callable[[str], str]:
    """Return what makes a log level of an option's value: one of `choices` if it means one."""

    def level(text: str) -> str:
        return text if text in choices else SYNONYMS.get(text, text)

    return level


def new_parser(
    app: str, description: str, levels: Sequence[str] = LOG_LEVELS, log_type: str | None = None
) -> Parser:
    """Return a parser with the general options, which every application has.

    Parameters
    ----------
    app : str
        The name of the application.
    description : str
        What it does.
    levels : sequence of str, optional
        The log levels that its help lists.
    log_type : str or None, optional
        What is logged by default: ``"q"`` nothing, ``"v"`` information, ``"d"`` everything.
    """
    parser = Parser(prog=app, description=description, formatter_class=_Help)
    group = parser.add_argument_group("general options")
    group.add_argument("--version", action="version", version=f"{app} (pynetdicom {__version__})")
    group.add_argument(
        "--json", action="store_true", help="write results to stdout as JSON, one object a line"
    )
    output = group.add_mutually_exclusive_group()
    for letter, name, text in (
        ("q", "quiet", "write nothing to stderr"),
        ("v", "verbose", "log what happens"),
        ("d", "debug", "log everything, with the contents of PDUs and messages"),
    ):
        output.add_argument(
            f"-{letter}",
            f"--{name}",
            help=text,
            action="store_const",
            dest="log_type",
            const=letter,
            default=log_type,
        )
    group.add_argument(
        "-ll",
        "--log-level",
        metavar="LEVEL",
        type=_level(levels),
        choices=levels,
        help=f"log from this level on: {', '.join(levels)}",
    )
    return parser


def _columns() -> int:
    """Return the width of the terminal, as argparse would with the help of shutil.

    It asks with each option that is added, and shutil takes long to load.
    """
    try:
        return int(os.environ["COLUMNS"]) or _COLUMNS
    except (KeyError, ValueError):
        with suppress(AttributeError, ValueError, OSError):  # it is no terminal
            return os.get_terminal_size(sys.__stdout__.fileno()).columns or _COLUMNS  # type: ignore[union-attr]
    return _COLUMNS


class _Help(argparse.HelpFormatter):
    """Prints the defaults of options that have one that says something."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, width=_columns() - 2)

    def _get_help_string(self, action: argparse.Action) -> str | None:
        text = action.help
        if text and action.nargs != 0 and action.default not in (None, "", argparse.SUPPRESS):
            text += f" (default: {action.default})".replace("%", "%%")
        return text


def scu_parser(
    app: str,
    description: str,
    args: Sequence[str],
    levels: Sequence[str] = LOG_LEVELS,
    log_type: str | None = None,
) -> Parser:
    """Return a parser with the options of an application that requests associations.

    With ``--peer`` among the `args` there are no positional arguments for address and port.

    Raises
    ------
    AppError
        If the peers file can't be used.
    """
    parser = new_parser(app, description, levels, log_type)
    if not any(arg == "--peer" or arg.startswith("--peer=") for arg in args):
        parser.add_argument("addr", help="address or name of the peer")
        parser.add_argument("port", type=port, help="TCP port of the peer")
    group = parser.add_argument_group("peers")
    group.add_argument(
        "--peer", metavar="NAME", help="take address, port and more of the peer from the peers file"
    )
    group.add_argument("--peers-file", metavar="FILE", help="the peers file")

    group = parser.add_argument_group("network options")
    group.add_argument(
        "-aet",
        "--calling-aet",
        metavar="AETITLE",
        type=ae_title,
        default=app.upper(),
        help="our AE title",
    )
    group.add_argument(
        "-aec",
        "--called-aet",
        metavar="AETITLE",
        type=ae_title,
        default="ANY-SCP",
        help="AE title of the peer",
    )
    group.add_argument(
        "-to",
        "--connection-timeout",
        metavar="S",
        type=seconds,
        default=15,
        help="seconds to connect in",
    )
    add_network(group)
    add_family(group, "with IPv4", "with IPv6", "with either, IPv4 preferred")
    add_tls(parser, "server")
    _add_identity(parser)
    use_peer(parser, args)
    return parser


def scp_parser(app: str, description: str, title: str | None = None) -> Parser:
    """Return a parser with the options of an application that accepts associations."""
    parser = new_parser(app, description)
    parser.add_argument("port", type=port, help="TCP port to listen on; 0 for any free one")
    group = parser.add_argument_group("network options")
    group.add_argument(
        "-aet",
        "--ae-title",
        metavar="AETITLE",
        type=ae_title,
        default=title or app.upper(),
        help="our AE title",
    )
    add_acceptance(group)
    add_network(group)
    group.add_argument(
        "-ba",
        "--bind-address",
        metavar="ADDRESS",
        default="",
        help="address to listen on; all of IPv4 if not given, all there are with --ipv6",
    )
    add_family(group, "on IPv4", "on IPv6", "on what the address says")
    add_tls(parser, "client")
    return parser


def add_acceptance(group: argparse._ArgumentGroup) -> None:
    """Add options on whom to accept."""
    group.add_argument(
        "--max-associations", metavar="N", type=count, default=10, help="associations at a time"
    )
    group.add_argument(
        "--accept-from",
        metavar="AETITLE",
        type=ae_title,
        action="append",
        help="accept this calling AE title; can be given several times (default: any)",
    )
    group.add_argument(
        "--check-called-aet",
        action="store_true",
        help="reject who calls us by another AE title than ours",
    )


def add_network(group: argparse._ArgumentGroup) -> None:
    """Add the options of both sides of an association."""
    for short, name, what in (
        ("-ta", "acse", "to wait for answers that begin or end an association"),
        ("-td", "dimse", "to wait for each response"),
        ("-tn", "network", "of silence after which an association is ended"),
    ):
        group.add_argument(
            short,
            f"--{name}-timeout",
            metavar="S",
            type=seconds,
            default=30,
            help=f"seconds {what}; 0 for no limit",
        )
    group.add_argument(
        "-pdu",
        "--max-pdu",
        metavar="N",
        type=pdu_length,
        default=16382,
        help="longest PDU to receive, in bytes; 0 for no limit",
    )


def add_family(group: argparse._ArgumentGroup, only_four: str, only_six: str, either: str) -> None:
    """Add options on the version of IP, with what each says."""
    family = group.add_mutually_exclusive_group()
    family.add_argument(
        "-i4", "--ipv4", dest="ip", action="store_const", const="ipv4", help=only_four
    )
    family.add_argument(
        "-i6", "--ipv6", dest="ip", action="store_const", const="ipv6", help=only_six
    )
    family.add_argument(
        "-i0", "--ip-auto", dest="ip", action="store_const", const=None, help=either
    )


def add_tls(parser: Parser, peer: str) -> None:
    """Add the options of TLS; `peer` is what the other side is."""
    group = parser.add_argument_group("TLS options")
    needed = "with TLS; needs --tls-key and --tls-cert" if peer == "client" else "with TLS"
    group.add_argument("--tls", action="store_true", help=f"connect {needed}")
    group.add_argument("--tls-key", metavar="FILE", help="our private key (PEM)")
    group.add_argument(
        "--tls-cert", metavar="FILE", help="our certificate and those between it and a CA (PEM)"
    )
    group.add_argument(
        "--tls-password-file", metavar="FILE", help="file with the password of the private key"
    )
    authorities = "those of the system" if peer == "server" else "none"
    group.add_argument(
        "--tls-ca",
        metavar="PATH",
        help=f"certificates of authorities to trust: a PEM file or a folder (default: "
        f"{authorities})",
    )
    if peer == "server":
        verification = ["required", "none"]
        text = "the certificate of the server (default: required)"
    else:
        verification = ["required", "optional", "none"]
        text = "certificates of clients (default: required with --tls-ca, otherwise none)"
    group.add_argument("--tls-verify", choices=verification, help=f"verify {text}")
    if peer == "server":
        group.add_argument(
            "--tls-server-name",
            metavar="NAME",
            help="name that the certificate of the server must have (default: the address)",
        )
        group.add_argument(
            "--tls-any-name",
            action="store_true",
            help="take the certificate of the server whatever its name",
        )
    group.add_argument(
        "--tls-profile",
        choices=PROFILES,
        default=PROFILES[0],
        help="the profile of PS3.15: B.12 or B.13",
    )
    group.add_argument(
        "--tls-min-version", choices=["1.2", "1.3"], default="1.2", help="oldest version of TLS"
    )


def _add_identity(parser: Parser) -> None:
    """Add the options of user identity negotiation (PS3.7 D.3.3.7)."""
    group = parser.add_argument_group("user identity options")
    kinds = group.add_mutually_exclusive_group()
    kinds.add_argument("-usr", "--user", metavar="NAME", help="name of the user")
    for flag, what in (
        ("-kt --kerberos", "Kerberos ticket"),
        ("--saml", "SAML assertion"),
        ("--jwt", "JSON web token"),
    ):
        kinds.add_argument(*flag.split(), metavar="FILE", help=f"file with a {what}")
    passwords = group.add_mutually_exclusive_group()
    passwords.add_argument(
        "-pwd",
        "--password",
        metavar="TEXT",
        help="password of the user, which others on this host can see",
    )
    passwords.add_argument("--password-file", metavar="FILE", help="file with the password")
    group.add_argument(
        "-rsp",
        "--pos-response",
        action="store_true",
        help="fail unless the peer confirms the identity",
    )


def add_choice(parser: Parser, title: str, choices: Sequence[tuple[str, str, str]]) -> None:
    """Add a group of flags that exclude each other: rows of short flag, long flag and help."""
    group = parser.add_argument_group(title).add_mutually_exclusive_group()
    for short, long, text in choices:
        group.add_argument(short, long, action="store_true", help=text)


#: Flags of an SCU: which transfer syntax to propose
PROPOSALS = (
    ("-xe", "--request-little", "propose Explicit VR Little Endian only"),
    ("-xb", "--request-big", "propose Explicit VR Big Endian only"),
    ("-xi", "--request-implicit", "propose Implicit VR Little Endian only"),
)
#: Flags of an SCP: which transfer syntax to accept
PREFERENCES = (
    ("-x=", "--prefer-uncompr", "prefer Explicit VR"),
    ("-xe", "--prefer-little", "prefer Explicit VR Little Endian"),
    ("-xb", "--prefer-big", "prefer Explicit VR Big Endian"),
    ("-xi", "--implicit", "accept Implicit VR Little Endian only"),
)
