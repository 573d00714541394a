"""The tracking tag as it goes over the wire."""

import gzip
import hashlib
from dataclasses import dataclass
from importlib.resources import files

import rjsmin


@dataclass(frozen=True, slots=True)
class TagScript:
    """`body` is minified UTF-8 JavaScript, `gzip` the same compressed, `etag` names both."""

    body: bytes
    gzip: bytes
    etag: str


def load() -> TagScript:
    """Minify and compress the tag; meant to be called once, at start.

    The same source gives the same bytes and etag in every process. The etag is a weak one,
    quotes included, because plain and compressed answers share it.
    """
    source = files("ringtrace.tag").joinpath("tag.js").read_text(encoding="utf-8")
    body = rjsmin.jsmin(source).encode()
    digest = hashlib.sha256(body).hexdigest()[:16]
    return TagScript(body, gzip.compress(body, 9, mtime=0), f'W/"{digest}"')
