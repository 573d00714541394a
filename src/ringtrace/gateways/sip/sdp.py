"""Session descriptions: what we accept of an offer, and what each side is told.

The node sits between both sides, so it writes descriptions anew instead of editing: addresses,
ICE candidates and keys of one side never reach the other.
"""

import ipaddress
import re
from dataclasses import dataclass, field, replace

_PCMU = 0
_PCMA = 8
_DYNAMIC = range(96, 128)
_DIRECTIONS = ("sendrecv", "sendonly", "recvonly", "inactive")
_ANSWERS = {"sendonly": "recvonly", "recvonly": "sendonly"}
_AUDIO = re.compile(r"audio (\d{1,5})(?:/\d+)? RTP/AVP((?: \d{1,3})+)")
_MEDIA = re.compile(r"([a-z]+) \d{1,5}(?:/\d+)? (\S+) (.+)")


class SdpError(ValueError):
    """A description without an audio stream that this node can relay."""


@dataclass(frozen=True)
class Audio:
    """One side's audio stream; `formats` are PCMU (0), PCMA (8) and telephone-events only.

    `layout` holds the m-lines of the whole description, `None` in the place of this stream.
    """

    ip: str
    port: int
    formats: tuple[int, ...]
    fmtp: dict[int, str]
    direction: str
    ptime: int | None
    layout: tuple[str | None, ...]

    @property
    def codec(self) -> int:
        """The preferred one of PCMU and PCMA."""
        return next(f for f in self.formats if f in (_PCMU, _PCMA))

    @property
    def events(self) -> int | None:
        """The payload type of telephone-events, `None` without."""
        return next((f for f in self.formats if f in _DYNAMIC), None)

    def narrowed(self, codec: int) -> "Audio":
        """The stream with `codec` alone; raises `SdpError` when it is not among the formats."""
        if codec not in self.formats:
            raise SdpError("the codec that was agreed is gone")
        kept = tuple(f for f in (codec, self.events) if f is not None)
        fmtp = {f: text for f, text in self.fmtp.items() if f in kept}
        return replace(self, formats=kept, fmtp=fmtp)

    def answered(self) -> "Audio":
        """The answer to this stream by somebody who accepts all of it."""
        direction = _ANSWERS.get(self.direction, self.direction)
        return replace(self, direction=direction, ptime=20, layout=(None,))


@dataclass
class _Draft:
    connection: str | None = None
    attributes: list[str] = field(default_factory=list)


def parse_audio(text: str) -> Audio:
    """The first usable audio stream of a description; raises `SdpError` when there is none."""
    session = _Draft()
    media: list[tuple[str, _Draft]] = []
    for line in text.splitlines():
        kind, _, value = line.strip().partition("=")
        if kind == "m":
            media.append((value, _Draft()))
        draft = media[-1][1] if media else session
        if kind == "c":
            draft.connection = value
        elif kind == "a":
            draft.attributes.append(value)
    for index, (line, draft) in enumerate(media):
        match = _AUDIO.fullmatch(line)
        if match is None or int(match[1]) == 0:
            continue
        layout = tuple(None if i == index else _refused(m) for i, (m, _) in enumerate(media))
        return _audio(match, session, draft, layout)
    raise SdpError("no plain RTP audio stream")


def _refused(line: str) -> str:
    match = _MEDIA.fullmatch(line)
    if match is None:
        raise SdpError("unreadable media line")
    return f"{match[1]} 0 {match[2]} {match[3]}"


def _audio(
    match: re.Match[str], session: _Draft, draft: _Draft, layout: tuple[str | None, ...]
) -> Audio:
    ip = _address(draft.connection or session.connection)
    attributes = session.attributes + draft.attributes
    events = {
        int(a.split()[0][7:])
        for a in draft.attributes
        if re.fullmatch(r"rtpmap:\d{1,3} telephone-event/8000", a)
    }
    offered = dict.fromkeys(int(f) for f in match[2].split())
    formats = tuple(f for f in offered if f in (_PCMU, _PCMA) or (f in events and f in _DYNAMIC))
    if not {_PCMU, _PCMA} & set(formats):
        raise SdpError("neither PCMU nor PCMA")
    direction = next((a for a in reversed(attributes) if a in _DIRECTIONS), "sendrecv")
    if ip == "0.0.0.0" and direction == "sendrecv":  # noqa: S104 - the old way of putting on hold
        direction = "sendonly"
    ptime = next((a[6:] for a in attributes if re.fullmatch(r"ptime:\d{1,3}", a)), None)
    fmtp = {
        int(m[1]): m[2]
        for a in draft.attributes
        if (m := re.fullmatch(r"fmtp:(\d{1,3}) ([0-9A-Za-z ,;=-]+)", a)) and int(m[1]) in formats
    }
    return Audio(
        ip=ip,
        port=int(match[1]),
        formats=formats,
        fmtp=fmtp,
        direction=direction,
        ptime=int(ptime) if ptime else None,
        layout=layout,
    )


def _address(connection: str | None) -> str:
    words = (connection or "").split()
    try:
        network, family, address = words
        ip = ipaddress.IPv4Address(address.split("/")[0])
    except ValueError:
        raise SdpError("no IPv4 connection address") from None
    if (network, family) != ("IN", "IP4"):
        raise SdpError("no IPv4 connection address")
    return str(ip)


@dataclass
class Author:
    """Writes the descriptions that one side receives; the version moves when the content does."""

    ip: str
    session: int
    _version: int = 0
    _last: str = ""

    def write(self, audio: Audio, port: int, layout: tuple[str | None, ...] = (None,)) -> str:
        """Describe the other side's `audio`, reachable at our `port`; `layout` as in the offer."""
        lines = ["s=-", f"c=IN IP4 {self.ip}", "t=0 0"]
        for media in layout:
            lines += [f"m={media}"] if media else _media_lines(audio, port)
        body = "".join(f"{line}\r\n" for line in lines)
        if body != self._last:
            self._version += 1
            self._last = body
        return f"v=0\r\no=- {self.session} {self._version} IN IP4 {self.ip}\r\n{body}"


def _media_lines(audio: Audio, port: int) -> list[str]:
    names = {_PCMU: "PCMU/8000", _PCMA: "PCMA/8000"}
    lines = [f"m=audio {port} RTP/AVP {' '.join(str(f) for f in audio.formats)}"]
    for number in audio.formats:
        lines.append(f"a=rtpmap:{number} {names.get(number, 'telephone-event/8000')}")
        if number in audio.fmtp:
            lines.append(f"a=fmtp:{number} {audio.fmtp[number]}")
    if audio.ptime is not None:
        lines.append(f"a=ptime:{audio.ptime}")
    lines.append(f"a={audio.direction}")
    return lines
