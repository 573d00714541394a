"""SIP messages as text (RFC 3261 section 7), as much as a telephone needs."""

import re
import secrets
from dataclasses import dataclass

_COMPACT = {
    "v": "via",
    "f": "from",
    "t": "to",
    "i": "call-id",
    "m": "contact",
    "l": "content-length",
}
_COPIED = ("via", "from", "to", "call-id", "cseq")
_PHRASES = {100: "Trying", 180: "Ringing", 200: "OK", 486: "Busy Here", 487: "Request Terminated"}


class MessageError(ValueError):
    """Not a SIP message, or one without a header that every message has."""


@dataclass(frozen=True)
class Message:
    """`start` is the request or status line; header names are lower case, in their order."""

    start: str
    headers: tuple[tuple[str, str], ...]
    body: str = ""

    @property
    def method(self) -> str:
        """The request's method; for a response, that of the request it answers."""
        if self.code is None:
            return self.start.partition(" ")[0]
        return self.header("cseq").split()[1]

    @property
    def uri(self) -> str:
        return self.start.split(" ")[1]

    @property
    def code(self) -> int | None:
        """The status of a response; `None` for a request."""
        return int(self.start.split(" ")[1]) if self.start.startswith("SIP/2.0 ") else None

    @property
    def branch(self) -> str:
        match = re.search(r";branch=([^;,\s]+)", self.header("via"))
        if match is None:
            raise MessageError("via: no branch")
        return match[1]

    @property
    def sequence(self) -> int:
        return int(self.header("cseq").split()[0])

    def header(self, name: str) -> str:
        """The first header of this name; raises `MessageError` when there is none."""
        for key, value in self.headers:
            if key == name:
                return value
        raise MessageError(f"{name}: missing")

    def has(self, name: str) -> bool:
        return any(key == name for key, _ in self.headers)

    def encode(self) -> bytes:
        body = self.body.encode()
        lines = [self.start, *(f"{name.title()}: {value}" for name, value in self.headers)]
        head = "\r\n".join([*lines, f"Content-Length: {len(body)}", "", ""])
        return head.encode() + body


def parse(data: bytes) -> Message:
    """Raises `MessageError`."""
    head, _, body = data.decode(errors="replace").partition("\r\n\r\n")
    start, *lines = re.sub(r"\r\n[ \t]+", " ", head).split("\r\n")
    if not re.fullmatch(r"(SIP/2\.0 \d{3} .*|[A-Z]+ \S+ SIP/2\.0)", start):
        raise MessageError("not a SIP message")
    headers = []
    for line in lines:
        name, _, value = line.partition(":")
        key = name.strip().lower()
        headers.append((_COMPACT.get(key, key), value.strip()))
    kept = tuple(pair for pair in headers if pair[0] != "content-length")
    message = Message(start, kept, body)
    for name in _COPIED:
        message.header(name)
    return message


def response(request: Message, code: int, *, tag: str, contact: str = "", sdp: str = "") -> Message:
    """An answer to `request`; `tag` marks our end of the dialogue."""
    headers = []
    for name, value in request.headers:
        if name not in (*_COPIED, "record-route"):
            continue
        tagged = name == "to" and code > 100 and ";tag=" not in value  # noqa: PLR2004 - 100 has no tag
        headers.append((name, f"{value};tag={tag}" if tagged else value))
    if contact:
        headers.append(("contact", contact))
    if sdp:
        headers.append(("content-type", "application/sdp"))
    phrase = _PHRASES.get(code, "Answer")
    return Message(f"SIP/2.0 {code} {phrase}", tuple(headers), sdp)


def new_branch() -> str:
    return f"z9hG4bK{secrets.token_hex(8)}"


def new_tag() -> str:
    return secrets.token_hex(6)


def user_of(address: str) -> str:
    """The user part of the URI in a header such as `"Name" <sip:user@host>;tag=x`."""
    match = re.search(r"sips?:([^@;>]+)@", address)
    return match[1] if match else ""


def uri_of(address: str) -> str:
    match = re.search(r"<([^>]+)>", address)
    return match[1] if match else address.split(";", maxsplit=1)[0].strip()


def socket_address(uri: str) -> tuple[str, int]:
    """Host and port of a URI with a numeric host."""
    match = re.search(r"sips?:(?:[^@]*@)?([0-9.]+)(?::(\d+))?", uri)
    if match is None:
        raise MessageError(f"{uri!r}: the host must be an IPv4 address")
    return match[1], int(match[2] or 5060)
