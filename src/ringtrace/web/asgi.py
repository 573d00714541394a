"""Reading requests and answering them without a framework, for the routes that must be fast."""

import logging
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any, TypeVar

import msgspec

from ringtrace.services.errors import (
    BodyInvalidError,
    BodyTooLargeError,
    FieldInvalidError,
    RefusedError,
    TokenUnknownError,
)

log = logging.getLogger(__name__)

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Asgi = Callable[[Scope, Receive, Send], Awaitable[None]]
Header = tuple[bytes, bytes]
T = TypeVar("T")

MOST_BODY = 64 * 1024
"""Bytes of a JSON or form body; the tag's and the gateways' are far smaller."""

JSON: Header = (b"content-type", b"application/json")
_encode = msgspec.json.Encoder().encode


async def read_body(receive: Receive, most: int = MOST_BODY) -> bytes:
    """The whole body. Raises BodyTooLargeError past `most` bytes."""
    message = await receive()
    body: bytes = message.get("body", b"")
    if not message.get("more_body") and len(body) <= most:
        return body
    chunks, size = [body], len(body)
    while message.get("more_body") and size <= most:
        message = await receive()
        chunks.append(message.get("body", b""))
        size += len(chunks[-1])
    if size > most:
        raise BodyTooLargeError(f"at most {most} bytes", "body")
    return b"".join(chunks)


def header(scope: Scope, name: bytes) -> str | None:
    for key, value in scope["headers"]:
        if key == name:
            return str(value, "latin-1")
    return None


def offered_token(scope: Scope) -> str | None:
    """The token of the Authorization header, if there is one."""
    scheme, _, token = (header(scope, b"authorization") or "").partition(" ")
    return token.strip() or None if scheme.lower() == "bearer" else None


def bearer(scope: Scope) -> str:
    """The token of the Authorization header. Raises TokenUnknownError."""
    token = offered_token(scope)
    if token is None:
        raise TokenUnknownError("Authorization: Bearer TOKEN is needed")
    return token


def decode(decoder: msgspec.json.Decoder[T], body: bytes) -> T:
    """A typed value from JSON. Raises BodyInvalidError, or FieldInvalidError with the field."""
    try:
        return decoder.decode(body)
    except msgspec.ValidationError as error:
        raise FieldInvalidError.read(str(error)) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BodyInvalidError("the body is not JSON", "body") from error


async def respond(
    send: Send, status: int, body: bytes = b"", headers: Iterable[Header] = ()
) -> None:
    length = [] if status == 204 else [(b"content-length", b"%d" % len(body))]  # noqa: PLR2004
    await send({"type": "http.response.start", "status": status, "headers": [*length, *headers]})
    await send({"type": "http.response.body", "body": body})


async def respond_json(
    send: Send, value: object, status: int = 200, headers: Iterable[Header] = ()
) -> None:
    await respond(send, status, _encode(value), (JSON, *headers))


async def respond_error(send: Send, error: RefusedError, headers: Iterable[Header] = ()) -> None:
    await respond_json(send, error.body(), error.status, headers)
