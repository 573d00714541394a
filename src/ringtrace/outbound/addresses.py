"""Which IP addresses users may have the server connect to (server-side request forgery).

Sources: the IANA special-purpose address registries for IPv4 and IPv6, RFC 6890; addresses that
carry an IPv4 address inside are judged by it (RFC 4291 2.5.5.2 mapped, RFC 6052 NAT64).
"""

import socket
from collections.abc import Sequence
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)
from typing import Final, TypeAlias

Address: TypeAlias = IPv4Address | IPv6Address
Network: TypeAlias = IPv4Network | IPv6Network

_NOT_PUBLIC_4: Final = tuple(
    IPv4Network(text)
    for text in (
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16",
        "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16",
        "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
    )
)  # fmt: skip
_PUBLIC_6: Final = IPv6Network("2000::/3")
"""All that is given out as global unicast; what is special within it follows."""

_NOT_PUBLIC_6: Final = tuple(
    IPv6Network(text) for text in ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20")
)
_MAPPED: Final = IPv6Network("::ffff:0:0/96")
_LOCALHOST: Final = "localhost"
_NAT64: Final = IPv6Network("64:ff9b::/96")


def read_network(text: str) -> Network:
    """A network in CIDR, or one address. Raises ValueError."""
    return ip_network(text.strip())


def read_address(text: str) -> Address:
    """As a resolver writes it, with or without a zone (`fe80::1%eth0`). Raises ValueError."""
    return ip_address(text.partition("%")[0])


def said_address(host: str) -> Address | None:
    """The address that a host in a URL is, in whatever spelling; None for a name.

    `localhost` and what is below it is the machine itself (RFC 6761 6.3).
    """
    if host == _LOCALHOST or host.endswith(f".{_LOCALHOST}"):
        return IPv4Address("127.0.0.1")
    try:
        return read_address(host)
    except ValueError:
        pass
    try:  # forms that resolvers know as well: 127.1, 0x7f000001, 2130706433
        return IPv4Address(socket.inet_aton(host))
    except OSError:
        return None


def may_reach(address: Address, allowed: Sequence[Network] = ()) -> bool:
    """A public address, or one of the networks that the operator allows."""
    inner = _inner(address)
    return _is_public(inner) or any(
        one.version == network.version and one in network
        for one in (address, inner)
        for network in allowed
    )


def _inner(address: Address) -> Address:
    """The IPv4 address that an IPv6 address stands for, where it does."""
    if isinstance(address, IPv6Address) and (address in _MAPPED or address in _NAT64):
        return IPv4Address(int(address) & 0xFFFF_FFFF)
    return address


def _is_public(address: Address) -> bool:
    if isinstance(address, IPv4Address):
        return not any(address in network for network in _NOT_PUBLIC_4)
    return address in _PUBLIC_6 and not any(address in network for network in _NOT_PUBLIC_6)
