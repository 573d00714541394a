"""Turns the packets of both directions into one stereo recording: caller left, agent right.

Both directions were stamped by one clock on arrival. Within a direction the RTP timestamps say
where a packet belongs, so loss leaves silence and late packets still find their place.
"""

import mmap
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ringtrace.gateways.sip import rtp
from ringtrace.gateways.sip.g711 import LEVELS, RATE
from ringtrace.gateways.sip.rtp import ticks

_FRAME = 4  # two channels of 16 bits
_WAV_HEADER = 44
_MAX_SECONDS = 12 * 3600  # a clock set forward during the call must not fill the disk
_PCAP_HEADER = struct.Struct("<IHHiIII")
_PCAP_PACKET = struct.Struct("<IIII")
_PCAP_MAGIC = 0xA1B2C3D4
_ETHERNET = 1
_SETTLE_PACKETS = 25  # half a second: among these, the fastest one shows where the stream begins
_STRAY_SECONDS = 0.5  # further off than this from its arrival, a stream has started anew


class RecordingError(ValueError):
    """The file is not a packet capture as the relay writes them."""


@dataclass(frozen=True)
class Packet:
    """`arrival` in epoch seconds; `payload_type` 0 is mu-law, 8 is A-law."""

    arrival: float
    payload_type: int
    ssrc: int
    timestamp: int
    payload: bytes


def write_wav(caller: Path, agent: Path, wav: Path) -> float | None:
    """Write both directions to `wav` (8 kHz, 16 bit, stereo) and return its length in seconds.

    A missing or torn capture counts as far as it goes; `None` and no file when neither direction
    has audio. Raises `RecordingError` or `OSError`.
    """
    spans = [span for path in (caller, agent) if (span := _span(path)) is not None]
    if not spans:
        return None
    start = min(first for first, _ in spans)
    length = max(last for _, last in spans) - start + 2 * _STRAY_SECONDS
    frames = int(min(length, _MAX_SECONDS) * RATE)
    with wav.open("wb+") as file:
        file.truncate(_WAV_HEADER + frames * _FRAME)
        with mmap.mmap(file.fileno(), 0) as samples:
            end = max(
                _write_channel(samples, channel, path, start, frames)
                for channel, path in enumerate((caller, agent))
            )
        file.truncate(_WAV_HEADER + end * _FRAME)
        file.seek(0)
        file.write(_header(end))
    return end / RATE


def recorded_files(folder: Path, call: str) -> tuple[Path, Path]:
    """Where the packets of the caller and of the agent were kept."""
    return folder / f"{call}=caller.o.rtp", folder / f"{call}=caller.a.rtp"


def discard_files(folder: Path, call: str) -> None:
    for path in folder.glob(f"{call}=*"):
        path.unlink(missing_ok=True)


def read_packets(path: Path) -> Iterator[Packet]:
    """The audio packets of one capture in the order of arrival; stops at a torn end."""
    with path.open("rb") as file:
        header = file.read(_PCAP_HEADER.size)
        if len(header) < _PCAP_HEADER.size:
            return
        magic, *_, link = _PCAP_HEADER.unpack(header)
        if magic != _PCAP_MAGIC or link != _ETHERNET:
            raise RecordingError(f"{path.name}: not an Ethernet packet capture")
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
    if packet is None or packet.payload_type not in _DECODE:
        return None
    return Packet(arrival, *packet)


def _span(path: Path) -> tuple[float, float] | None:
    """When the first and the last packet of a direction begin to sound."""
    moments = [moment for moment, _ in _placed(_packets(path))]
    return (min(moments), max(moments)) if moments else None


def _packets(path: Path) -> Iterator[Packet]:
    return read_packets(path) if path.exists() else iter(())


def _write_channel(samples: mmap.mmap, channel: int, path: Path, start: float, frames: int) -> int:
    """Returns the first frame behind the last sample."""
    end = 0
    for moment, packet in _placed(_packets(path)):
        first = round((moment - start) * RATE)
        low, high = _DECODE[packet.payload_type]
        skip = max(0, -first)
        payload = packet.payload[skip : max(0, frames - first)]
        if not payload:
            continue
        at = _WAV_HEADER + (first + skip) * _FRAME + channel * 2
        to = at + len(payload) * _FRAME
        # A last frame needs no neighbour, so the slice may end where the file does.
        samples[at : min(to, len(samples)) : _FRAME] = payload.translate(low)
        samples[at + 1 : min(to + 1, len(samples)) : _FRAME] = payload.translate(high)
        end = max(end, first + skip + len(payload))
    return end


def _placed(packets: Iterator[Packet]) -> Iterator[tuple[float, Packet]]:
    """Each packet with the moment of its first sample, on the clock of the arrivals."""
    segment: list[tuple[float, Packet]] = []  # moments on the sender's clock until it settles
    offset: float | None = None
    last: Packet | None = None
    sent = 0.0
    for packet in packets:
        if last is not None:
            sent += ticks(packet.timestamp - last.timestamp) / RATE
            expected = sent + (_offset(segment) if offset is None else offset)
            if packet.ssrc != last.ssrc or abs(expected - packet.arrival) > _STRAY_SECONDS:
                yield from _settled(segment)
                segment, offset, sent = [], None, 0.0
        last = packet
        if offset is not None:
            yield offset + sent, packet
            continue
        segment.append((sent, packet))
        if len(segment) == _SETTLE_PACKETS:
            offset = _offset(segment)
            yield from _settled(segment)
            segment = []
    yield from _settled(segment)


def _settled(segment: list[tuple[float, Packet]]) -> Iterator[tuple[float, Packet]]:
    if segment:
        offset = _offset(segment)
        yield from ((offset + sent, packet) for sent, packet in segment)


def _offset(segment: list[tuple[float, Packet]]) -> float:
    return min(packet.arrival - sent for sent, packet in segment)


def _header(frames: int) -> bytes:
    data = frames * _FRAME
    riff = struct.pack("<4sI4s", b"RIFF", 36 + data, b"WAVE")
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 2, RATE, RATE * _FRAME, _FRAME, 16)
    return riff + form + struct.pack("<4sI", b"data", data)


def _tables(levels: Sequence[int]) -> tuple[bytes, bytes]:
    """Tables of the low and the high bytes, for `bytes.translate`."""
    samples = [level & 0xFFFF for level in levels]
    return bytes(s & 0xFF for s in samples), bytes(s >> 8 for s in samples)


_DECODE = {kind: _tables(levels) for kind, levels in LEVELS.items()}
