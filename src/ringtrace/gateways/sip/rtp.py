"""RTP packets (RFC 3550 section 5.1)."""

import secrets
import struct
from typing import NamedTuple

_HEADER = struct.Struct("!BBHII")
_VERSION = 2
_MARKER = 0x80


class RtpPacket(NamedTuple):
    """`timestamp` counts samples of the sender's clock."""

    payload_type: int
    ssrc: int
    timestamp: int
    payload: bytes


def parse(data: bytes) -> RtpPacket | None:
    """`None` for what is no RTP packet, or an empty one."""
    if len(data) < _HEADER.size:
        return None
    flags, kind, _, timestamp, ssrc = _HEADER.unpack_from(data)
    start = _HEADER.size + 4 * (flags & 0x0F)
    if flags & 0x10 and len(data) >= start + 4:
        start += 4 + 4 * int.from_bytes(data[start + 2 : start + 4], "big")
    end = len(data) - data[-1] if flags & 0x20 else len(data)
    payload = data[start:end]
    if flags >> 6 != _VERSION or not payload:
        return None
    return RtpPacket(kind & 0x7F, ssrc, timestamp, payload)


def ticks(difference: int) -> int:
    """How much later one timestamp is than another, across the wrap at 2**32."""
    return (difference + 0x80000000) % 0x100000000 - 0x80000000


class RtpWriter:
    """Numbers the packets of one stream."""

    def __init__(self) -> None:
        self._ssrc = secrets.randbits(32)
        self._sequence = secrets.randbits(15)
        self._timestamp = secrets.randbits(31)
        self._marker = _MARKER

    def packet(self, payload_type: int, payload: bytes) -> bytes:
        """The next packet; each sample is one byte, as in G.711."""
        header = _HEADER.pack(
            _VERSION << 6, self._marker | payload_type, self._sequence, self._timestamp, self._ssrc
        )
        self._marker = 0
        self._sequence = (self._sequence + 1) % 2**16
        self._timestamp = (self._timestamp + len(payload)) % 2**32
        return header + payload
