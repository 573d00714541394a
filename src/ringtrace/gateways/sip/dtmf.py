"""Keys that a caller presses, in the ways in which networks carry them."""

import re
import struct
from dataclasses import dataclass

from ringtrace.gateways.sip.g711 import LEVELS, decode
from ringtrace.gateways.sip.inband import ToneReader
from ringtrace.gateways.sip.rtp import RtpPacket, ticks

_KEYS = "0123456789*#ABCD"  # in the order of their event codes, RFC 4733 section 3.2
_EVENT = struct.Struct("!BBH")
_END = 0x80
_SEGMENT = 0xFFFF  # section 2.5.1.3: a longer event goes on in a new segment
_SHORTEST_PERIOD = 400  # 50 ms; nobody presses a key again sooner


@dataclass
class _Event:
    ssrc: int
    code: int
    onset: int
    ended: bool


class EventReader:
    """Telephone-events (RFC 4733): one key an event, whichever of its packets arrive."""

    def __init__(self) -> None:
        self._last: _Event | None = None

    def read(self, packet: RtpPacket) -> str:
        """The key that begins with this packet, "" when none does."""
        if len(packet.payload) < _EVENT.size:
            return ""
        code, flags, duration = _EVENT.unpack_from(packet.payload)
        # Section 2.3.5: an event that is no state lasts; some senders begin with a zero.
        if code >= len(_KEYS) or not duration:
            return ""
        event = _Event(packet.ssrc, code, packet.timestamp, bool(flags & _END))
        last = self._last
        if last is not None and last.ssrc == event.ssrc:
            later = ticks(event.onset - last.onset)
            if later < 0:
                return ""  # overtaken by the next event
            if later == 0 or _continues(last, event, later):
                event.ended = event.ended or last.ended
                self._last = event
                return ""
        self._last = event
        return _KEYS[code]


def _continues(last: _Event, event: _Event, later: int) -> bool:
    if event.code != last.code:
        return False
    # Senders that stamp every packet of an event anew are met in the field.
    return later < _SHORTEST_PERIOD or (not last.ended and later % _SEGMENT == 0)


class KeyReader:
    """Keys in an RTP stream: telephone-events where negotiated, else the tones in the audio."""

    def __init__(self, event_type: int | None) -> None:
        self._event_type = event_type
        self._events = EventReader()
        self._tones = ToneReader()

    def read(self, packet: RtpPacket) -> str:
        """The keys that begin with this packet."""
        # A sender of events may leave a rest of the tone in its audio: one way only.
        if self._event_type is not None:
            return self._events.read(packet) if packet.payload_type == self._event_type else ""
        if packet.payload_type not in LEVELS:
            return ""
        return self._tones.read(decode(packet.payload, packet.payload_type))


def info_key(content_type: str, body: str) -> str:
    """The key in a SIP INFO of type application/dtmf-relay or application/dtmf, else ""."""
    if content_type == "application/dtmf-relay":
        match = re.search(r"^\s*Signal\s*=\s*(\S+)\s*$", body, re.MULTILINE | re.IGNORECASE)
        text = match[1] if match else ""
    elif content_type == "application/dtmf":
        text = body.strip()
    else:
        return ""
    key = {"10": "*", "11": "#"}.get(text, text).upper()
    return key if len(key) == 1 and key in _KEYS else ""
