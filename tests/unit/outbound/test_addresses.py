"""No spelling of an address that is not public gets a connection."""

import socket
from ipaddress import IPv4Address, IPv6Address

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from ringtrace.outbound.addresses import may_reach, read_address, read_network, said_address

V4 = st.integers(0, 2**32 - 1).map(IPv4Address)
INNER = st.sampled_from(
    [
        *("10.0.0.1", "127.0.0.1", "169.254.169.254", "172.16.9.9", "192.168.1.1", "0.0.0.1"),
        *("100.64.0.1", "224.0.0.1", "255.255.255.255", "198.18.0.1", "192.0.0.170"),
    ]
).map(IPv4Address)


def _resolved(host: str) -> list[str]:
    """As the machine reads a host that is an address in whatever form; asks no name server."""
    found = socket.getaddrinfo(host, 80, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
    return [str(entry[4][0]) for entry in found]


def _spellings(address: IPv4Address) -> list[str]:
    a, b, c, d = address.packed
    number = int(address)
    return [
        str(address),
        str(number),
        hex(number),
        f"0{number:o}",
        f"{a}.{(b << 16) + (c << 8) + d}",
        f"{a}.{b}.{(c << 8) + d}",
        f"0x{a:x}.0x{b:x}.0x{c:x}.0x{d:x}",
        f"0{a:o}.0{b:o}.0{c:o}.0{d:o}",
        f"::ffff:{address}",
        f"64:ff9b::{address}",
    ]


@given(INNER)
def test_no_spelling_of_an_inner_address_passes(address: IPv4Address) -> None:
    for spelling in _spellings(address):
        for resolved in _resolved(spelling):
            assert not may_reach(read_address(resolved)), spelling


@given(V4)
def test_a_host_that_is_an_address_is_known_as_one_in_any_spelling(address: IPv4Address) -> None:
    for spelling in _spellings(address):
        said = said_address(spelling)
        assert said is not None, spelling
        assert said in [read_address(one) for one in _resolved(spelling)]


@pytest.mark.parametrize("host", ["localhost", "shop.localhost"])
def test_the_machine_itself_has_a_name(host: str) -> None:
    assert said_address(host) == IPv4Address("127.0.0.1")


@pytest.mark.parametrize("host", ["example.com", "localhost.example.com", "10.example.com", "a"])
def test_a_name_is_no_address(host: str) -> None:
    assert said_address(host) is None


@given(V4)
def test_what_the_standard_library_calls_not_global_is_refused(address: IPv4Address) -> None:
    """An oracle of its own: our table comes from the registry, not from it."""
    assume(not address.is_global or address.is_multicast or address.is_reserved)
    assume(address not in {IPv4Address("192.0.0.9"), IPv4Address("192.0.0.10")})

    assert not may_reach(address)


@given(V4)
def test_an_address_within_ipv6_is_judged_by_the_ipv4_address_it_stands_for(
    address: IPv4Address,
) -> None:
    expected = may_reach(address)

    assert may_reach(IPv6Address(f"::ffff:{address}")) is expected
    assert may_reach(IPv6Address(f"64:ff9b::{address}")) is expected
    assert not may_reach(IPv6Address(f"::{address}")), "IPv4-compatible: nobody is there"
    assert not may_reach(IPv6Address(int(IPv6Address("2002::")) | int(address) << 80)), "6to4"


@given(st.integers(0, 2**128 - 1).map(IPv6Address))
def test_of_ipv6_only_global_unicast_passes(address: IPv6Address) -> None:
    assume(address.ipv4_mapped is None)
    if may_reach(address):
        assert address.is_global
        assert not address.is_multicast
        assert int(address) >> 125 == 1


@pytest.mark.parametrize(
    "text",
    [
        "0.0.0.0",  # noqa: S104 - no socket is bound
        *("::", "::1", "fe80::1", "fe80::1%eth0", "fc00::1", "fd12:3456::1", "ff02::1"),
        *("64:ff9b:1::1", "100::1", "2001::1", "2001:db8::1", "3fff::1", "5f00::1", "fec0::1"),
    ],
)
def test_special_addresses_are_refused(text: str) -> None:
    assert not may_reach(read_address(text))


@pytest.mark.parametrize("text", ["1.1.1.1", "8.8.8.8", "2606:4700::1111", "64:ff9b::8.8.8.8"])
def test_public_addresses_pass(text: str) -> None:
    assert may_reach(read_address(text))


def test_what_the_operator_allows_passes_in_every_form_and_nothing_beside_it() -> None:
    allowed = [read_network("10.1.0.0/16"), read_network("fd00::/8")]

    assert may_reach(read_address("10.1.2.3"), allowed)
    assert may_reach(read_address("::ffff:10.1.2.3"), allowed)
    assert may_reach(read_address("fd00::7"), allowed)
    assert not may_reach(read_address("10.2.0.1"), allowed)
    assert not may_reach(read_address("::1"), allowed)
