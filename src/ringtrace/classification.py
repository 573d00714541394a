"""`ringtrace classify`: what made each visit, for JSON lines of addresses.

One visit a line, one answer a line; a bad line is answered with {"error"} in its place.
"""

from collections.abc import Iterable
from typing import Any, BinaryIO

import msgspec

from ringtrace.domain.source import Source, UrlInvalidError, classify


class Visit(msgspec.Struct, frozen=True):
    """`rules` of an account's own would come first; there are none yet, so it must be empty."""

    url: str
    referrer: str | None = None
    rules: Any = None


class _Error(msgspec.Struct, frozen=True):
    error: str


def run(stdin: Iterable[bytes], stdout: BinaryIO) -> None:
    """Answer the lines of `stdin` until it ends."""
    decode = msgspec.json.Decoder(Visit).decode
    encode = msgspec.json.Encoder().encode
    for line in stdin:
        answer: Source | _Error
        try:
            answer = _classified(decode(line))
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            answer = _Error(str(error))
        except UrlInvalidError as error:
            answer = _Error(f"url: {error}")
        stdout.write(encode(answer) + b"\n")
        stdout.flush()


def _classified(visit: Visit) -> Source | _Error:
    if visit.rules:
        return _Error("rules: an account cannot have rules of its own yet")
    return classify(visit.url, visit.referrer)
