"""What the operator decides about one SIP node."""

import ipaddress
import re
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path

import msgspec

from ringtrace.domain.audio import AudioFormat
from ringtrace.domain.flow import is_target
from ringtrace.domain.refusal import joined, refusal
from ringtrace.gateways.sip.account import Account, check_networks
from ringtrace.gateways.sip.plans import RING_SECONDS
from ringtrace.gateways.sip.trunk import Trunk

_PORT_MAX = 65535
_RTP_PORTS_NEEDED = 4  # two legs, RTP and RTCP each
_OURS = re.compile(r"[a-z_]+: ")
_IP_PORT = re.compile(r"([0-9.]+):([0-9]{1,5})")
_NODE = re.compile(r"[A-Za-z0-9._-]{1,64}")
OFF = "off"


def _host_name() -> str:
    return re.sub(r"[^A-Za-z0-9._-]", "-", socket.gethostname())[:64] or "node"


@dataclass(frozen=True, kw_only=True)
class NodeSettings:
    """Settings of one node; every field is checked on construction (`ValueError` names the field).

    `advertised_ip` is what trunks and targets are told to send to (needed behind NAT or when
    listening on 0.0.0.0). `trusted_networks` are the trunks' networks in CIDR notation, `accounts`
    those who may call with a password (digest, in `realm`), `edges` the networks of proxies of
    ours, which tell the caller's address; anybody else gets 403. `node` is the name by which
    reports know this node. `trunks` take the calls to phone numbers, the first one first; without
    any only `sip:` targets can be dialled. `fallback_target` rings when the backend is away
    and the number has no cached plan. `health_listen` ("IP:PORT", port 0 picks a free one, or
    "off") is where health and metrics are asked for. Times are in seconds.
    """

    backend_url: str
    token: str = field(repr=False)
    spool_dir: Path
    trusted_networks: tuple[str, ...] = ()
    accounts: tuple[Account, ...] = ()
    realm: str = "ringtrace"
    edges: tuple[str, ...] = ()
    node: str = field(default_factory=_host_name)
    listen_ip: str = "127.0.0.1"
    listen_port: int = 5060
    advertised_ip: str | None = None
    trunks: tuple[Trunk, ...] = ()
    fallback_target: str | None = None
    rtp_port_min: int = 20000
    rtp_port_max: int = 29999
    backend_timeout: float = 2.0
    ring_seconds: int = 25
    no_reply_seconds: float = 5.0
    media_timeout: int = 180
    max_calls: int = 200
    max_calls_per_second: float = 50.0
    max_calls_per_number: int | None = None
    max_calls_per_second_per_number: float | None = None
    drain_seconds: float = 30.0
    keep_days: int = 30
    health_listen: str = "127.0.0.1:9516"
    ready_file: Path | None = None
    prompt_file: Path | None = None
    prompt_dir: Path | None = None
    tts_command: tuple[str, ...] = ()
    recording_format: AudioFormat = AudioFormat.WAV

    def __post_init__(self) -> None:
        if not re.fullmatch(r"https?://[^\s/]+(/[^\s]*)?", self.backend_url):
            raise ValueError("backend_url: must be an http:// or https:// address")
        if not self.token or not self.token.isascii() or any(c.isspace() for c in self.token):
            raise ValueError("token: must be a non-empty word of ASCII characters")
        self._check_addresses()
        self._check_ports()
        self._check_limits()
        self._check_prompts()

    def _check_prompts(self) -> None:
        if self.prompt_dir is not None and not self.prompt_dir.is_dir():
            raise ValueError(f"prompt_dir: {self.prompt_dir} is not a folder")
        if not self.tts_command:
            return
        for name in ("{text}", "{file}"):
            if not any(name in argument for argument in self.tts_command):
                raise ValueError(f"tts_command: no argument holds {name}")

    def _check_addresses(self) -> None:
        _ipv4("listen_ip", self.listen_ip)
        if self.advertised_ip is not None:
            _ipv4("advertised_ip", self.advertised_ip)
        if self.advertised_ip is None and ipaddress.IPv4Address(self.listen_ip).is_unspecified:
            raise ValueError("advertised_ip: needed when listen_ip is 0.0.0.0")
        self._check_callers()
        self._check_health()
        self._check_targets()

    def _check_callers(self) -> None:
        if not self.trusted_networks and not self.accounts:
            raise ValueError("trusted_networks: name at least one trunk network, or accounts")
        check_networks("trusted_networks", self.trusted_networks)
        check_networks("edges", self.edges)
        if len({account.username for account in self.accounts}) < len(self.accounts):
            raise ValueError("accounts: two have the same username")
        if not self.realm or not self.realm.isprintable() or set(self.realm) & set('"\\'):
            raise ValueError("realm: must be printable, without quotation marks")
        if not _NODE.fullmatch(self.node):
            raise ValueError("node: must be 1 to 64 letters, digits or ._-")

    def _check_health(self) -> None:
        if self.health_listen == OFF:
            return
        said = _IP_PORT.fullmatch(self.health_listen)
        if said is None or int(said[2]) > _PORT_MAX:
            raise ValueError("health_listen: must be IP:PORT, or off")
        _ipv4("health_listen", said[1])

    def _check_targets(self) -> None:
        if self.fallback_target is None:
            return
        if not is_target(self.fallback_target):
            raise ValueError("fallback_target: must be +E.164 or sip:user@host")
        if self.fallback_target.startswith("+") and not self.trunks:
            raise ValueError("trunks: needed to ring a fallback_target that is a number")

    def _check_ports(self) -> None:
        if not 0 <= self.listen_port <= _PORT_MAX:
            raise ValueError("listen_port: must be 0 to 65535 (0 picks a free one)")
        if not 1024 <= self.rtp_port_min <= self.rtp_port_max <= _PORT_MAX:  # noqa: PLR2004 - privileged ports end at 1023
            raise ValueError("rtp_port_min: 1024 <= rtp_port_min <= rtp_port_max <= 65535")
        if self.rtp_port_max - self.rtp_port_min + 1 < _RTP_PORTS_NEEDED * self.max_calls:
            raise ValueError(f"rtp_port_max: {self.max_calls} calls need 4 ports each")

    def _check_limits(self) -> None:
        for name in (
            "backend_timeout",
            "ring_seconds",
            "no_reply_seconds",
            "max_calls",
            "max_calls_per_second",
            "max_calls_per_number",
            "max_calls_per_second_per_number",
            "keep_days",
        ):
            value = getattr(self, name)
            if value is not None and value <= 0:
                raise ValueError(f"{name}: must be positive")
        if self.ring_seconds > RING_SECONDS:
            raise ValueError(f"ring_seconds: must be at most {RING_SECONDS}")
        if self.media_timeout < 1:
            raise ValueError("media_timeout: must be at least 1 second")
        if self.drain_seconds < 0:
            raise ValueError("drain_seconds: must not be negative")

    @property
    def health_address(self) -> tuple[str, int] | None:
        """Where health is asked for; `None`: nowhere."""
        ip, _, port = self.health_listen.partition(":")
        return None if self.health_listen == OFF else (ip, int(port))

    @property
    def public_ip(self) -> str:
        return self.advertised_ip or self.listen_ip


def settings_of(fields: Mapping[str, object]) -> NodeSettings:
    """Raises `ValueError` naming the field that is missing, unknown, ill-typed or out of range."""
    _refuse_unknown(fields, NodeSettings, "")
    for name, kind in (("trunks", Trunk), ("accounts", Account)):
        rows = fields.get(name, ())
        for index, row in enumerate(rows if isinstance(rows, list) else ()):
            _refuse_unknown(row if isinstance(row, dict) else {}, kind, f"{name}[{index}].")
    try:
        return msgspec.convert(fields, NodeSettings, dec_hook=_path)
    except msgspec.ValidationError as error:
        raise ValueError(_named(str(error))) from None


def _refuse_unknown(
    fields: Mapping[str, object],
    kind: type[NodeSettings] | type[Trunk] | type[Account],
    at: str,
) -> None:
    known = kind.__dataclass_fields__
    for name in fields:
        if name not in known:
            close = get_close_matches(name, known, 1)
            hint = f", did you mean {close[0]}?" if close else ""
            raise ValueError(f"{at}{name}: unknown setting{hint}")


def _named(said: str) -> str:
    """What msgspec says, led by the path of the field."""
    message, path = refusal(said)
    if _OURS.match(message):
        return joined(path, message)
    if message.startswith("Object missing"):
        message = "needed"
    return f"{path or 'settings'}: {message[0].lower()}{message[1:]}"


def _path(kind: type, value: object) -> Path:
    if kind is not Path or not isinstance(value, str):
        raise TypeError("expected a path")
    return Path(value)


def _ipv4(name: str, value: str) -> None:
    try:
        ipaddress.IPv4Address(value)
    except ValueError:
        raise ValueError(f"{name}: {value!r} is not an IPv4 address") from None
