"""Trunks: where calls to phone numbers go, as the operator configures them."""

import re
from dataclasses import dataclass, field
from enum import StrEnum

from ringtrace.domain.flow import is_port

_HOST_PORT = re.compile(r"[A-Za-z0-9.-]+(?::([0-9]{1,5}))?")
_HOST = re.compile(r"[A-Za-z0-9.-]+")
_USER = re.compile(r"[A-Za-z0-9._~+*#-]{1,64}")
_SHORTEST, _LONGEST = 30, 86_400


def is_host_port(text: str) -> bool:
    """Whether `text` is a host, or host:port."""
    said = _HOST_PORT.fullmatch(text)
    return said is not None and is_port(said[1] or "5060")


def _host_port(text: str) -> tuple[str, int]:
    host, _, port = text.partition(":")
    return host, int(port or 5060)


class NumberFormat(StrEnum):
    """How a number is dialled: with its plus, or without."""

    E164 = "e164"
    DIGITS = "digits"


@dataclass(frozen=True, kw_only=True)
class Trunk:
    """Every field is checked on construction (`ValueError` names the field).

    `host` ("host" or "host:port") takes the calls. `username` and `password` answer its challenges
    (401, 407); with `register` they are also registered there, for `register_seconds` at a time.
    `domain` is the right side of our addresses, where it is not ours. `keep_alive_seconds` lie
    between two OPTIONS (0: none); a trunk that does not answer them is asked last. At most
    `channels` calls go out at once. `edge` ("host" or "host:port") is a proxy of ours that messages
    to the trunk are sent through.
    """

    host: str
    username: str | None = None
    password: str = field(default="", repr=False)
    domain: str | None = None
    register: bool = False
    register_seconds: int = 300
    keep_alive_seconds: float = 0.0
    channels: int | None = None
    number_format: NumberFormat = NumberFormat.E164
    edge: str | None = None

    def __post_init__(self) -> None:
        if not is_host_port(self.host):
            raise ValueError("host: must be host or host:port")
        if self.edge is not None and not is_host_port(self.edge):
            raise ValueError("edge: must be host or host:port")
        if self.username is not None and not _USER.fullmatch(self.username):
            raise ValueError("username: must be 1 to 64 letters, digits or ._~+*#-")
        if not self.password.isprintable() or '"' in self.password:
            raise ValueError("password: must be printable, without quotation marks")
        if self.domain is not None and not _HOST.fullmatch(self.domain):
            raise ValueError("domain: must be a host name")
        if self.register and self.username is None:
            raise ValueError("username: needed to register")
        if not _SHORTEST <= self.register_seconds <= _LONGEST:
            raise ValueError(f"register_seconds: must be {_SHORTEST} to {_LONGEST}")
        if not 0 <= self.keep_alive_seconds <= _LONGEST:
            raise ValueError(f"keep_alive_seconds: must be 0 to {_LONGEST}")
        if self.channels is not None and self.channels < 1:
            raise ValueError("channels: must be positive")

    @property
    def address(self) -> tuple[str, int]:
        """Host and port of the trunk itself."""
        return _host_port(self.host)

    @property
    def next_hop(self) -> tuple[str, int]:
        """Host and port that messages to the trunk are sent to."""
        return _host_port(self.edge) if self.edge else self.address

    @property
    def realm(self) -> str:
        """Whose subscriber we are."""
        return self.domain or self.address[0]

    def dialled(self, number: str) -> str:
        """`number` (E.164) as this trunk wants it."""
        return number if self.number_format is NumberFormat.E164 else number.removeprefix("+")


class Route:
    """A trunk and how it stands with it."""

    def __init__(self, trunk: Trunk) -> None:
        self.trunk = trunk
        self.is_up = True
        self.is_registered: bool | None = False if trunk.register else None
        self.calls = 0

    @property
    def has_room(self) -> bool:
        return self.trunk.channels is None or self.calls < self.trunk.channels


class Routes:
    """The trunks in the operator's order."""

    def __init__(self, trunks: tuple[Trunk, ...]) -> None:
        self.all = tuple(Route(trunk) for trunk in trunks)

    def in_order(self) -> list[Route]:
        """Those that have room, one after another to be tried; those believed down come last."""
        return sorted((one for one in self.all if one.has_room), key=lambda one: not one.is_up)
