"""Addresses on the web that a user wrote and a server is going to ask."""

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

MOST_LETTERS: Final = 2_000
_PRINTABLE = re.compile(r"[!-\[\]-~]+")
"""ASCII without spaces, control characters and the backslash, which some read as a slash."""


class UrlInvalidError(ValueError):
    """The text is no URL that may be asked; the message says why."""


@dataclass(frozen=True, slots=True)
class Url:
    """`host` is a name or a bare IP address, without brackets; `text` is the whole."""

    scheme: str
    host: str
    port: int
    text: str

    @property
    def origin(self) -> tuple[str, str, int]:
        """What credentials belong to (RFC 6454)."""
        return self.scheme, self.host, self.port


def read_url(text: str) -> Url:
    """Raises UrlInvalidError.

    A user or password in front of the host is refused: it is no place for a secret, and what looks
    like a host there is none (`https://example.com@127.0.0.1/`).
    """
    if len(text) > MOST_LETTERS or not _PRINTABLE.fullmatch(text):
        raise UrlInvalidError(f"at most {MOST_LETTERS} printable ASCII characters, no backslash")
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError as error:
        raise UrlInvalidError("this is no URL") from error
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise UrlInvalidError("https://host/path is needed")
    if "@" in parts.netloc:
        raise UrlInvalidError("no user or password may stand in front of the host")
    if parts.fragment:
        raise UrlInvalidError("the part behind # is never sent")
    usual = 443 if parts.scheme == "https" else 80
    return Url(parts.scheme, parts.hostname, usual if port is None else port, text)
