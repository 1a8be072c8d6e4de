"""Tests of addresses: the rules, and the resolution of names."""

import socket
from typing import Any

import pytest

from pynetdicom import _address
from pynetdicom.transport import AddressInformation

V4 = ("192.0.2.1", 104)
V6 = ("2001:db8::1", 104, 0, 0)


class TestRules:
    def test_ipv4_is_preferred(self) -> None:
        assert _address.preferred([V6, V4]) == V4
        assert _address.preferred([V4, ("192.0.2.2", 104)]) == V4

    def test_ipv6_if_there_is_nothing_else(self) -> None:
        assert _address.preferred([V6, ("2001:db8::2", 104, 0, 0)]) == V6

    @pytest.mark.parametrize("host", ["127.0.0.1", "127.255.0.9", "::1", "::ffff:127.0.0.1"])
    def test_loopback(self, host: str) -> None:
        assert _address.is_loopback(host)

    @pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.127", "::127", "1.127.0.0"])
    def test_not_loopback(self, host: str) -> None:
        assert not _address.is_loopback(host)

    def test_any(self) -> None:
        assert _address.is_any("0.0.0.0")
        assert _address.is_any("::")
        assert not _address.is_any("127.0.0.1")

    def test_destination(self) -> None:
        assert _address.destination(("0.0.0.0", 104)) == ("127.0.0.1", 104)
        assert _address.destination(("::", 104, 1, 2)) == ("::1", 104, 1, 2)
        assert _address.destination(V4) == V4
        assert _address.destination(V6) == V6

    def test_text(self) -> None:
        assert _address.address_text(V4) == "192.0.2.1:104"
        assert _address.address_text(V6) == "[2001:db8::1]:104"
        assert _address.address_text(("fe80::1", 104, 0, 3)) == "[fe80::1%3]:104"


def resolver(monkeypatch: pytest.MonkeyPatch, *addresses: tuple[Any, ...]) -> list[str]:
    """Let every host have some addresses; return where the names asked for are noted."""
    asked = []

    def getaddrinfo(host: str, port: object, **kwargs: object) -> list[tuple[Any, ...]]:
        asked.append(host)
        return [(0, socket.SOCK_STREAM, 6, "", address) for address in addresses]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    return asked


class TestAddressInformation:
    def test_ipv4(self) -> None:
        info = AddressInformation("192.0.2.1", 104)
        assert (info.address, info.port, info.flowinfo, info.scope_id) == ("192.0.2.1", 104, 0, 0)
        assert info.as_tuple == ("192.0.2.1", 104)
        assert info.address_family == socket.AF_INET
        assert info.is_ipv4
        assert not info.is_ipv6

    def test_ipv6(self) -> None:
        info = AddressInformation("2001:db8::1", 104, 3, 2)
        assert info.as_tuple == ("2001:db8::1", 104, 3, 2)
        assert info.address_family == socket.AF_INET6
        assert info.is_ipv6
        assert not info.is_ipv4

    @pytest.mark.parametrize(
        ("host", "address"),
        [
            ("", "0.0.0.0"),
            ("<broadcast>", "255.255.255.255"),
            ("::0", "::"),
            ("0:0:0:0:0:0:0:1", "::1"),
            ("2001:DB8::0001", "2001:db8::1"),
            ("localhost", "127.0.0.1"),
        ],
    )
    def test_address(self, host: str, address: str) -> None:
        assert AddressInformation(host, 104).address == address

    def test_numeric_scope(self) -> None:
        assert AddressInformation("fe80::1%1", 104).as_tuple == ("fe80::1", 104, 0, 1)

    def test_given_scope_is_kept(self) -> None:
        assert AddressInformation("fe80::1", 104, 0, 5).scope_id == 5

    def test_name_resolves_to_ipv4(self, monkeypatch: pytest.MonkeyPatch) -> None:
        asked = resolver(monkeypatch, ("2001:db8::9", 0, 0, 0), ("192.0.2.9", 0))
        assert AddressInformation("pacs.example", 104).as_tuple == ("192.0.2.9", 104)
        assert asked == ["pacs.example"]

    def test_name_resolves_to_ipv6(self, monkeypatch: pytest.MonkeyPatch) -> None:
        resolver(monkeypatch, ("fe80::9", 0, 0, 7))
        assert AddressInformation("pacs.example", 104).as_tuple == ("fe80::9", 104, 0, 7)

    def test_unknown_name(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def getaddrinfo(*args: object, **kwargs: object) -> None:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

        monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
        with pytest.raises(socket.gaierror, match="not known"):
            AddressInformation("nowhere.example", 104)

    @pytest.mark.parametrize("host", ["a" * 64, "pacs..example"])
    def test_impossible_name(self, host: str) -> None:
        with pytest.raises(socket.gaierror, match="no host name"):
            AddressInformation(host, 104)

    def test_assignment_resolves(self) -> None:
        info = AddressInformation("::1", 104)
        info.address = "localhost"
        info.port = 105
        assert info.as_tuple == ("127.0.0.1", 105)

    @pytest.mark.parametrize("host", [None, 1, b"localhost", ("127.0.0.1",)])
    def test_host_of_wrong_type(self, host: Any) -> None:
        with pytest.raises(TypeError, match="must be a str"):
            AddressInformation(host, 104)

    @pytest.mark.parametrize("port", [None, "104", 104.0])
    def test_port_of_wrong_type(self, port: Any) -> None:
        with pytest.raises(TypeError, match="port must be an int"):
            AddressInformation("127.0.0.1", port)

    @pytest.mark.parametrize("port", [-1, 65536])
    def test_impossible_port(self, port: int) -> None:
        with pytest.raises(ValueError, match=f"0 to 65535, it is {port}"):
            AddressInformation("127.0.0.1", port)

    def test_from_addr_port(self) -> None:
        assert AddressInformation.from_addr_port("::1", 5).as_tuple == ("::1", 5, 0, 0)
        assert AddressInformation.from_addr_port(("::1", 1, 2), 5).as_tuple == ("::1", 5, 1, 2)
        assert AddressInformation.from_addr_port(("127.0.0.1", 1, 2), 5).as_tuple == (
            "127.0.0.1",
            5,
        )

    @pytest.mark.parametrize("addr", [None, 5, ("::1", 1), ["::1", 1, 2]])
    def test_from_addr_port_of_wrong_type(self, addr: Any) -> None:
        with pytest.raises(TypeError, match="flowinfo, scope_id"):
            AddressInformation.from_addr_port(addr, 104)

    def test_from_tuple(self) -> None:
        assert AddressInformation.from_tuple(("", 0)).as_tuple == ("0.0.0.0", 0)
        assert AddressInformation.from_tuple(("::1", 104, 3, 2)).as_tuple == ("::1", 104, 3, 2)

    @pytest.mark.parametrize("address", [("127.0.0.1",), ("::1", 104, 0), None, 104])
    def test_from_tuple_of_wrong_type(self, address: Any) -> None:
        with pytest.raises(TypeError, match="the address must be"):
            AddressInformation.from_tuple(address)

    def test_text(self) -> None:
        info = AddressInformation("::1", 104)
        assert str(info) == "[::1]:104"
        assert repr(info) == "<AddressInformation [::1]:104>"
