"""The relay's packet captures: a file for each direction of a call."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ringtrace.gateways.sip import rtp
from ringtrace.gateways.sip.g711 import LEVELS

_PCAP_HEADER = struct.Struct("<IHHiIII")
_PCAP_PACKET = struct.Struct("<IIII")
_PCAP_MAGIC = 0xA1B2C3D4
_ETHERNET = 1


class CaptureError(ValueError):
    """The file is not a packet capture as the relay writes them."""


@dataclass(frozen=True, slots=True)
class Packet:
    """`arrival` in epoch seconds; `payload_type` 0 is mu-law, 8 is A-law, a byte a sample."""

    arrival: float
    payload_type: int
    ssrc: int
    timestamp: int
    payload: bytes


def captured_files(folder: Path, call: str) -> tuple[Path, Path]:
    """Where the packets of the caller and of the agent were kept."""
    return folder / f"{call}=caller.o.rtp", folder / f"{call}=caller.a.rtp"


def discard_files(folder: Path, call: str) -> None:
    for path in folder.glob(f"{call}=*"):
        path.unlink(missing_ok=True)


def read_packets(path: Path) -> Iterator[Packet]:
    """The audio packets of one capture in the order of arrival; stops at a torn end.

    Raises `CaptureError`.
    """
    with path.open("rb") as file:
        header = file.read(_PCAP_HEADER.size)
        if len(header) < _PCAP_HEADER.size:
            return
        magic, *_, link = _PCAP_HEADER.unpack(header)
        if magic != _PCAP_MAGIC or link != _ETHERNET:
            raise CaptureError(f"{path.name}: not an Ethernet packet capture")
        while len(head := file.read(_PCAP_PACKET.size)) == _PCAP_PACKET.size:
            seconds, micros, size, _ = _PCAP_PACKET.unpack(head)
            data = file.read(size)
            if len(data) < size:
                return
            packet = _rtp(seconds + micros / 1e6, data)
            if packet is not None:
                yield packet


def _rtp(arrival: float, frame: bytes) -> Packet | None:
    ip = frame[14:]
    if len(ip) < 20 or ip[0] >> 4 != 4:  # noqa: PLR2004 - an IPv4 header
        return None
    packet = rtp.parse(ip[(ip[0] & 0x0F) * 4 + 8 :])
    if packet is None or packet.payload_type not in LEVELS:
        return None
    return Packet(arrival, *packet)
