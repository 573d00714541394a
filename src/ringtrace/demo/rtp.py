"""A telephone's sound: a sine tone and keys out as PCMU over RTP, and what was heard in."""

import asyncio
import cmath
import math
import re
import secrets
import struct
import time
from collections import deque
from dataclasses import dataclass, field
from typing import cast

RATE = 8000
_FRAME = 160  # samples of a packet: 20 ms
_HEADER = struct.Struct("!BBHII")
_WINDOW = 1024
_AMPLITUDE = 8000
_BREATH = 10  # packets of silence before the tone, so that nothing of it is lost in the set-up
_FULL_SCALE = 32768.0


_EVENT = struct.Struct("!BBH")
_EVENT_TYPE = 101
_EVENT_END = 0x80
_KEY_PACKETS = 5  # a key is down for 100 ms
_ENDS = 3  # how often the end of an event is said
KEYS = "0123456789*#ABCD"
_LOW_HZ = (697, 770, 852, 941)
_HIGH_HZ = (1209, 1336, 1477, 1633)
_KEYPAD = ("123A", "456B", "789C", "*0#D")


@dataclass(frozen=True)
class Heard:
    """`rms` of full scale (0 to 1); `hz` the strongest frequency, `None` for silence.

    `samples` are linear, of 8 kHz and full scale 32768, as they came.
    """

    packets: int
    rms: float
    hz: float | None
    samples: tuple[int, ...] = field(default=(), repr=False, compare=False)


class RtpStream(asyncio.DatagramProtocol):
    """One RTP socket; open it, put its port into the SDP, then `speak`."""

    def __init__(self) -> None:
        self._transport: asyncio.DatagramTransport | None = None
        self._speaking: asyncio.Task[None] | None = None
        self._payloads: list[bytes] = []
        self._keys: deque[tuple[str, bool]] = deque()
        self.remote: tuple[str, int] | None = None
        self.tone_at: float | None = None
        self.keys_at: list[float] = []

    @classmethod
    async def open(cls, ip: str) -> "RtpStream":
        return await cls().bind(ip)

    async def bind(self, ip: str) -> "RtpStream":
        loop = asyncio.get_running_loop()
        await loop.create_datagram_endpoint(lambda: self, local_addr=(ip, 0))
        return self

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)

    @property
    def port(self) -> int:
        return 0 if self._transport is None else int(self._transport.get_extra_info("sockname")[1])

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:  # noqa: ARG002 - asyncio's signature
        if len(data) > _HEADER.size and data[0] >> 6 == 2 and data[1] & 0x7F == 0:  # noqa: PLR2004 - RTP version 2
            self._payloads.append(data[_HEADER.size :])

    def speak(self, remote: tuple[str, int], hz: float) -> None:
        """Send a tone of `hz` to `remote` until closed; 0 sends silence.

        `tone_at` is then when the tone began, `keys_at` when keys went down, in seconds of
        `time.monotonic`.
        """
        self.remote = remote
        self._speaking = asyncio.create_task(self._speak(hz))

    def press(self, key: str, *, as_tone: bool = False) -> None:
        """Put a key into the stream: a telephone-event (RFC 4733), or the two tones of a key."""
        self._keys.append((key, as_tone))

    async def close(self) -> Heard:
        """Stop, and tell what was heard."""
        if self._transport is not None:
            self._transport.close()
        if self._speaking is not None:
            self._speaking.cancel()
            await asyncio.gather(self._speaking, return_exceptions=True)
        return heard(self._payloads)

    async def _speak(self, hz: float) -> None:
        clock = asyncio.get_running_loop().time
        start = clock()
        ssrc, sequence = secrets.randbits(32), secrets.randbits(15)
        first = secrets.randbits(32)
        key, tone, since = "", False, 0
        for number in range(1 << 40):
            if number == _BREATH:
                self.tone_at = time.monotonic()
            if not key and self._keys:
                (key, tone), since = self._keys.popleft(), number
                self.keys_at.append(time.monotonic())
            kind, payload = 0, _tone(hz if number >= _BREATH else 0, number * _FRAME)
            stamp = number * _FRAME
            if key and tone:
                payload = _key_tones(key, (number - since) * _FRAME)
            elif key:
                kind, payload, stamp = _EVENT_TYPE, _event(key, number - since), since * _FRAME
            marked = 0x80 if number == 0 or (kind and number == since) else 0
            header = _HEADER.pack(
                0x80, marked | kind, (sequence + number) % 2**16, (first + stamp) % 2**32, ssrc
            )
            if self._transport is not None and self.remote is not None:
                self._transport.sendto(header + payload, self.remote)
            if key and number - since == _KEY_PACKETS + _ENDS - 1:
                key = ""
            await asyncio.sleep(max(0.0, start + (number + 1) * _FRAME / RATE - clock()))


def audio_sdp(ip: str, port: int, direction: str = "sendrecv", *, events: bool = True) -> str:
    """Our side of a call; without `events` keys can only be tones in the audio."""
    described = ["a=rtpmap:101 telephone-event/8000", "a=fmtp:101 0-15"] if events else []
    lines = [
        "v=0",
        f"o=- {port} {1 if direction == 'sendrecv' else 2} IN IP4 {ip}",
        "s=phone",
        f"c=IN IP4 {ip}",
        "t=0 0",
        f"m=audio {port} RTP/AVP 0{' 101' if events else ''}",
        "a=rtpmap:0 PCMU/8000",
        *described,
        "a=ptime:20",
        f"a={direction}",
    ]
    return "".join(f"{line}\r\n" for line in lines)


def audio_address(sdp: str) -> tuple[str, int]:
    """Where the other end wants its audio; raises `ValueError` when the SDP does not say."""
    ip = re.search(r"^c=IN IP4 ([0-9.]+)", sdp, re.MULTILINE)
    port = re.search(r"^m=audio (\d+) RTP/AVP", sdp, re.MULTILINE)
    if ip is None or port is None:
        raise ValueError("sdp: no IPv4 audio")
    return ip[1], int(port[1])


def heard(payloads: list[bytes]) -> Heard:
    samples = [_LINEAR[code] for payload in payloads for code in payload]
    if not samples:
        return Heard(0, 0.0, None)
    rms = math.sqrt(sum(s * s for s in samples) / len(samples)) / _FULL_SCALE
    middle = max(0, (len(samples) - _WINDOW) // 2)
    hz = _strongest(samples[middle : middle + _WINDOW])
    return Heard(len(payloads), rms, hz, tuple(samples))


def _strongest(samples: list[int]) -> float | None:
    if len(samples) < _WINDOW or not any(samples):
        return None
    window = [s * math.sin(math.pi * i / _WINDOW) ** 2 for i, s in enumerate(samples)]
    spectrum = [abs(v) for v in _fft([complex(v) for v in window])[: _WINDOW // 2]]
    peak = max(range(1, _WINDOW // 2 - 1), key=spectrum.__getitem__)
    left, centre, right = spectrum[peak - 1 : peak + 2]
    curve = left - 2 * centre + right
    shift = 0.5 * (left - right) / curve if curve else 0.0
    return (peak + shift) * RATE / _WINDOW


def _fft(values: list[complex]) -> list[complex]:
    half = len(values) // 2
    if half == 0:
        return values
    even, odd = _fft(values[::2]), _fft(values[1::2])
    turned = [cmath.exp(-1j * cmath.pi * k / half) * odd[k] for k in range(half)]
    return [e + t for e, t in zip(even, turned, strict=True)] + [
        e - t for e, t in zip(even, turned, strict=True)
    ]


def _to_linear(code: int) -> int:
    inverted = code ^ 0xFF
    level = ((inverted & 0x0F) * 2 + 33 << (inverted >> 4 & 7)) - 33
    return -4 * level if inverted & 0x80 else 4 * level


def _to_mulaw(sample: int) -> int:
    magnitude = min(abs(sample), 32635) // 4 + 33
    exponent = magnitude.bit_length() - 6
    code = exponent << 4 | magnitude >> exponent + 1 & 0x0F
    return (code | 0x80 if sample < 0 else code) ^ 0xFF


_LINEAR = [_to_linear(code) for code in range(256)]


def _tone(hz: float, first: int) -> bytes:
    if not hz:
        return b"\xff" * _FRAME
    step = 2 * math.pi * hz / RATE
    return bytes(_to_mulaw(round(_AMPLITUDE * math.sin(step * (first + i)))) for i in range(_FRAME))


def _event(key: str, packet: int) -> bytes:
    """The packet of an event, counted from 0; the last ones all say that it has ended."""
    flags = _EVENT_END if packet >= _KEY_PACKETS else 0
    duration = _FRAME * min(packet + 1, _KEY_PACKETS)
    return _EVENT.pack(KEYS.index(key), flags | 10, duration)


def _key_tones(key: str, first: int) -> bytes:
    if first >= _KEY_PACKETS * _FRAME:
        return b"\xff" * _FRAME
    row = next(number for number, keys in enumerate(_KEYPAD) if key in keys)
    turns = [2 * math.pi * hz / RATE for hz in (_LOW_HZ[row], _HIGH_HZ[_KEYPAD[row].index(key)])]
    return bytes(
        _to_mulaw(round(sum(_AMPLITUDE / 2 * math.sin(turn * (first + i)) for turn in turns)))
        for i in range(_FRAME)
    )
