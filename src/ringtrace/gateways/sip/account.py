"""Accounts: who may call in with a password, as the operator configures them."""

import ipaddress
from dataclasses import dataclass, field

from ringtrace.gateways.sip.digest import Algorithm

_LONGEST = 64


@dataclass(frozen=True, kw_only=True)
class Account:
    """Every field is checked on construction (`ValueError` names the field).

    Whoever knows `username` and `password` may call, from `networks` alone where any are named.
    What comes from these is challenged even where its address would be trusted. `algorithms` are
    offered in this order.
    """

    username: str
    password: str = field(repr=False)
    networks: tuple[str, ...] = ()
    algorithms: tuple[Algorithm, ...] = (Algorithm.SHA_256, Algorithm.MD5)

    def __post_init__(self) -> None:
        if not 1 <= len(self.username) <= _LONGEST or not _is_quotable(self.username):
            raise ValueError("username: must be 1 to 64 printable characters, no quotation marks")
        if not self.password or not _is_quotable(self.password):
            raise ValueError("password: must be printable, without quotation marks")
        check_networks("networks", self.networks)
        if not self.algorithms:
            raise ValueError("algorithms: name at least one")


def check_networks(name: str, networks: tuple[str, ...]) -> None:
    """Raises `ValueError` naming the field for what is not IPv4 in CIDR notation."""
    for network in networks:
        try:
            ipaddress.IPv4Network(network)
        except ValueError as error:
            raise ValueError(f"{name}: {error}") from None


def _is_quotable(text: str) -> bool:
    return text.isprintable() and '"' not in text and "\\" not in text
