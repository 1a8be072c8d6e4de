"""What network addresses mean and how they are written; nothing here does any I/O."""

from __future__ import annotations

from collections.abc import Sequence

#: An address as sockets take and give it: (host, port), IPv6 with flow information and scope
SocketAddress = tuple[str, int] | tuple[str, int, int, int]

#: Names of hosts that no name service knows. Nothing stands for this host: all its IPv4 addresses
#: to who listens or binds, and the loopback address to who connects (see :func:`destination`).
SPECIAL_HOSTS = {"": "0.0.0.0", "<broadcast>": "255.255.255.255"}  # noqa: S104

# The address to connect to where all addresses of this host are named; Windows refuses the latter
_LOOPBACK = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104


def preferred(addresses: Sequence[SocketAddress]) -> SocketAddress:
    """Return which of a host's addresses to use: the first for IPv4, else the first."""
    return next((address for address in addresses if len(address) == 2), addresses[0])


def is_any(host: str) -> bool:
    """Return True if a numeric address stands for all addresses of this host."""
    return host in _LOOPBACK


def is_loopback(host: str) -> bool:
    """Return True if a numeric address can be reached from this host only."""
    return host == "::1" or host.removeprefix("::ffff:").startswith("127.")


def destination(address: SocketAddress) -> SocketAddress:
    """Return what to connect to in order to reach an address."""
    host, *rest = address
    return (_LOOPBACK.get(host, host), *rest)  # type: ignore[return-value]  # as long as before


def address_text(address: SocketAddress) -> str:
    """Return an address as it is written in URLs: ``192.0.2.1:104``, ``[2001:db8::1]:104``."""
    host, port, *rest = address
    scope = f"%{rest[1]}" if rest and rest[1] else ""
    return f"[{host}{scope}]:{port}" if ":" in host else f"{host}:{port}"
