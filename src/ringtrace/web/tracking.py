"""The tag, and the hits that it sends."""

import msgspec

from ringtrace.domain.visit import HitKind
from ringtrace.services.errors import MethodNotAllowedError, RefusedError
from ringtrace.services.track_hit import Hit, Shown, TrackHit
from ringtrace.tag.script import TagScript
from ringtrace.web.asgi import (
    Header,
    Receive,
    Scope,
    Send,
    decode,
    header,
    read_body,
    respond,
    respond_error,
    respond_json,
)


class HitForm(msgspec.Struct):
    """The body of `POST /t/hit` (docs/tracking.md)."""

    site: str
    kind: HitKind
    visitor: str
    visit: str
    url: str | None = None
    referrer: str | None = None


hit_decoder = msgspec.json.Decoder(HitForm)
_VARY: Header = (b"vary", b"Origin")


class HitDoor:
    """`POST /t/hit`: what the browser of a visitor sends.

    CORS lets any page read the answer, because what an origin may have is decided by the site's
    own list, not by the browser.
    """

    def __init__(self, track_hit: TrackHit) -> None:
        self._track_hit = track_hit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        origin = header(scope, b"origin")
        cors = _cors(origin)
        if scope["method"] == "OPTIONS":
            await respond(send, 204, headers=(*cors, *_PREFLIGHT))
            return
        try:
            if scope["method"] != "POST":
                raise MethodNotAllowedError("POST a hit")
            form = decode(hit_decoder, await read_body(receive))
            shown = await self._track_hit(_hit(form, scope, origin))
        except RefusedError as error:
            await respond_error(send, error, cors)
            return
        if shown is None:
            await respond(send, 204, headers=cors)
        else:
            await respond_json(send, _answer(shown), headers=cors)


_PREFLIGHT: tuple[Header, ...] = (
    (b"access-control-allow-methods", b"POST"),
    (b"access-control-allow-headers", b"content-type"),
    (b"access-control-max-age", b"86400"),
)


def _cors(origin: str | None) -> tuple[Header, ...]:
    if origin is None:
        return (_VARY,)
    return (_VARY, (b"access-control-allow-origin", origin.encode("latin-1")))


def _hit(form: HitForm, scope: Scope, origin: str | None) -> Hit:
    client = scope.get("client")
    return Hit(
        site=form.site,
        kind=form.kind,
        visitor=form.visitor,
        visit=form.visit,
        url=form.url,
        referrer=form.referrer,
        origin=origin,
        user_agent=header(scope, b"user-agent") or "",
        address=client[0] if client else "",
    )


def _answer(shown: Shown) -> dict[str, object]:
    return {"number": shown.number, "swap": shown.swap, "reason": shown.reason}


class TagDoor:
    """`GET /t/tag.js`: small, cached for an hour, never blocking the page."""

    def __init__(self, script: TagScript) -> None:
        self._script = script

    async def __call__(self, scope: Scope, _receive: Receive, send: Send) -> None:
        script = self._script
        etag = script.etag.encode()
        headers: list[Header] = [
            (b"content-type", b"text/javascript; charset=utf-8"),
            (b"cache-control", b"public, max-age=3600"),
            (b"etag", etag),
            (b"vary", b"Accept-Encoding"),
            (b"access-control-allow-origin", b"*"),
            (b"cross-origin-resource-policy", b"cross-origin"),
            (b"x-content-type-options", b"nosniff"),
        ]
        if (header(scope, b"if-none-match") or "").encode() == etag:
            await respond(send, 304, headers=headers)
        elif "gzip" in (header(scope, b"accept-encoding") or ""):
            await respond(send, 200, script.gzip, [*headers, (b"content-encoding", b"gzip")])
        else:
            await respond(send, 200, script.body, headers)
