"""Digest credentials, read and computed: RFC 7616 as SIP uses it (RFC 3261 22.4, RFC 8760)."""

import hashlib
import re
from dataclasses import dataclass
from enum import StrEnum

_PARAMETER = re.compile(r'\s*([\w-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))\s*(?:,|$)')
_ESCAPED = re.compile(r"\\(.)")
_COUNT = re.compile(r"[0-9a-fA-F]{8}")
_LONGEST = 4096
_SCHEME = "digest"


class Algorithm(StrEnum):
    """How a password is hidden in a response."""

    SHA_256 = "SHA-256"
    MD5 = "MD5"


@dataclass(frozen=True)
class Credentials:
    """What an Authorization header claims; `nc` counts the uses of the nonce, in hex."""

    username: str
    realm: str
    nonce: str
    uri: str
    cnonce: str
    nc: str
    response: str
    algorithm: Algorithm

    @property
    def count(self) -> int:
        return int(self.nc, 16)

    def expected(self, method: str, password: str) -> str:
        """The response that `password` makes of these claims, qop `auth` (RFC 7616 3.4.1)."""
        secret = self._hash(f"{self.username}:{self.realm}:{password}")
        request = self._hash(f"{method}:{self.uri}")
        proof = f"{secret}:{self.nonce}:{self.nc}:{self.cnonce}:auth:{request}"
        return self._hash(proof)

    def _hash(self, text: str) -> str:
        # MD5 is what most trunks can do; nothing here needs it to be free of collisions.
        name = "md5" if self.algorithm is Algorithm.MD5 else "sha256"
        return hashlib.new(name, text.encode(), usedforsecurity=False).hexdigest()


def read_credentials(header: str) -> Credentials | None:
    """The value of an Authorization header; `None` for what cannot be checked.

    That is another scheme or algorithm, a missing parameter, and the forms without a count, which
    could be replayed (RFC 2069) and which nobody who was challenged with qop `auth` has to use.
    """
    scheme, _, rest = header.strip().partition(" ")
    if scheme.lower() != _SCHEME or len(rest) > _LONGEST:
        return None
    found = _parameters(rest)
    if found is None or found.get("qop") != "auth" or not _COUNT.fullmatch(found.get("nc", "")):
        return None
    try:
        return Credentials(
            username=found["username"],
            realm=found["realm"],
            nonce=found["nonce"],
            uri=found["uri"],
            cnonce=found["cnonce"],
            nc=found["nc"],
            response=found["response"].lower(),
            algorithm=Algorithm(found.get("algorithm", "MD5").upper()),
        )
    except (KeyError, ValueError):
        return None


def challenge(realm: str, nonce: str, algorithm: Algorithm, *, is_stale: bool) -> str:
    """The value of a WWW-Authenticate header."""
    stale = ", stale=true" if is_stale else ""
    return f'Digest realm="{realm}", nonce="{nonce}", algorithm={algorithm}, qop="auth"{stale}'


def _parameters(text: str) -> dict[str, str] | None:
    found: dict[str, str] = {}
    place = 0
    while place < len(text):
        match = _PARAMETER.match(text, place)
        if match is None:
            return None
        name, quoted, plain = match.groups()
        found[name.lower()] = plain if quoted is None else _ESCAPED.sub(r"\1", quoted)
        place = match.end()
    return found
