"""Addresses of the ends of connections, and the resolution of host names."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from typing import Any

from pynetdicom._address import SPECIAL_HOSTS, SocketAddress, address_text, preferred


class AddressInformation:
    """The address of one end of a connection.

    Parameters
    ----------
    addr : str
        A host name, which is resolved here and now (to an IPv4 address if it has any), or an IPv4
        or IPv6 address. ``""`` stands for this host: all its addresses to listen on, the loopback
        address to connect to. ``"<broadcast>"`` is 255.255.255.255.
    port : int
        The port, 0 to 65535.
    flowinfo : int, optional
        The flow information of an IPv6 address.
    scope_id : int, optional
        The scope of a link-local IPv6 address; an address like ``"fe80::1%eth0"`` names it itself.

    Attributes
    ----------
    port, flowinfo, scope_id : int
        As given.

    Raises
    ------
    TypeError
        If `addr` is not a str or `port` not an int.
    ValueError
        If there is no such port.
    socket.gaierror
        If the name cannot be resolved.
    """

    def __init__(self, addr: str, port: int, flowinfo: int = 0, scope_id: int = 0) -> None:
        if not isinstance(port, int):
            raise TypeError(f"the port must be an int, not {port!r}")
        if not 0 <= port <= 65535:
            raise ValueError(f"the port must be within 0 to 65535, it is {port}")
        self.port = port
        self.flowinfo = flowinfo
        self.scope_id = scope_id
        self.address = addr

    @classmethod
    def from_addr_port(cls, addr: str | tuple[str, int, int], port: int) -> AddressInformation:
        """Return the address for a host and a port.

        Parameters
        ----------
        addr : str or tuple of (str, int, int)
            The host, for IPv6 perhaps with flow information and scope.
        port : int
            The port.

        Raises
        ------
        TypeError
            If `addr` is neither.
        """
        if isinstance(addr, tuple) and len(addr) == 3:
            host, flowinfo, scope_id = addr
            return cls(host, port, flowinfo, scope_id)
        if isinstance(addr, str):
            return cls(addr, port)
        raise TypeError(f"the address must be a str or (str, flowinfo, scope_id), not {addr!r}")

    @classmethod
    def from_tuple(cls, address_info: SocketAddress) -> AddressInformation:
        """Return the address for (host, port), or (host, port, flowinfo, scope_id) with IPv6.

        Raises
        ------
        TypeError
            If `address_info` is neither.
        """
        # Nearly all are tuples, of which there is no need to ask the abstract class
        if not isinstance(address_info, (tuple, Sequence)) or len(address_info) not in (2, 4):
            raise TypeError(
                "the address must be (host, port) or (host, port, flowinfo, scope_id), "
                f"not {address_info!r}"
            )
        return cls(*address_info)

    @property
    def address(self) -> str:
        """The numeric address (str); a host name that is assigned is resolved."""
        return self._address

    @address.setter
    def address(self, host: str) -> None:
        if not isinstance(host, str):
            raise TypeError(f"the address must be a str, not {host!r}")
        if _is_ipv4(host):  # most often, and then there is nothing to be looked up
            self._address = host
            return
        try:
            found = socket.getaddrinfo(SPECIAL_HOSTS.get(host, host), 0, type=socket.SOCK_STREAM)
        except UnicodeError as exc:  # no host can have this name
            raise socket.gaierror(socket.EAI_NONAME, f"{host!r} is no host name") from exc
        addresses: list[Any] = [entry[4] for entry in found]
        self._address, _, *ipv6 = preferred(addresses)
        if ipv6 and ipv6[1]:
            self.scope_id = ipv6[1]

    @property
    def address_family(self) -> socket.AddressFamily:
        """The family of the address: ``AF_INET`` or ``AF_INET6``."""
        return socket.AF_INET6 if self.is_ipv6 else socket.AF_INET

    @property
    def as_tuple(self) -> SocketAddress:
        """The address as sockets take it: two items, or four with IPv6."""
        if self.is_ipv6:
            return (self.address, self.port, self.flowinfo, self.scope_id)
        return (self.address, self.port)

    @property
    def is_ipv4(self) -> bool:
        """True if this is an IPv4 address."""
        return not self.is_ipv6

    @property
    def is_ipv6(self) -> bool:
        """True if this is an IPv6 address."""
        return ":" in self.address

    def __str__(self) -> str:
        return address_text(self.as_tuple)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self}>"


def _is_ipv4(host: str) -> bool:
    """Return True for a numeric IPv4 address."""
    try:
        socket.inet_pton(socket.AF_INET, host)
    except (OSError, ValueError):
        return False
    return True
