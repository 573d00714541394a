"""One ASGI app: the hot routes by path, before any framework; everything else to Litestar."""

import logging
import time

from ringtrace.services.errors import RefusedError
from ringtrace.services.neighbours import Neighbours
from ringtrace.services.ports import Store
from ringtrace.services.use_cases import UseCases
from ringtrace.tag.script import TagScript
from ringtrace.web.asgi import Asgi, Message, Receive, Scope, Send, respond_error, respond_json
from ringtrace.web.metrics import Meter, MetricsDoor
from ringtrace.web.original import OriginalDoor
from ringtrace.web.recordings import ListenDoor, UploadDoor
from ringtrace.web.sounds import SoundDoor
from ringtrace.web.telephony import ALIVE, PREFIX, AliveDoor, GatewayDoor
from ringtrace.web.tracking import HitDoor, TagDoor

log = logging.getLogger(__name__)


class InternalError(RefusedError):
    status, error_id = 500, "internal_error"


class App:
    """`pages` is the ASGI app for all that is not hot."""

    def __init__(
        self,
        use_cases: UseCases,
        script: TagScript,
        pages: Asgi,
        meter: Meter,
        neighbours: Neighbours,
    ) -> None:
        directory, signs = use_cases.directory, use_cases.gateway_signs
        self._answered = meter.answered
        gateway = GatewayDoor(
            directory,
            use_cases.route_call,
            use_cases.record_call,
            use_cases.occupy_target,
            signs,
        )
        original = OriginalDoor(use_cases.directory, use_cases.record_call)
        self._exact: dict[str, Asgi] = {
            "/t/hit": HitDoor(use_cases.track_hit),
            "/t/tag.js": TagDoor(script),
            PREFIX: gateway,
            ALIVE: AliveDoor(directory, signs),
            "/api": original.target,
            "/api/report": original.report,
            "/health": HealthDoor(use_cases.store, neighbours),
            "/metrics": MetricsDoor(directory, meter, neighbours),
        }
        upload = UploadDoor(use_cases.directory, use_cases.keep_recording, use_cases.recordings)
        listen = ListenDoor(use_cases.recording_links, use_cases.store, use_cases.recordings)
        # How a path begins and ends, the first that fits.
        self._below: tuple[tuple[str, str, Asgi], ...] = (
            (f"{PREFIX}/", "/recording", upload),
            (f"{PREFIX}/", "/digits", gateway),
            (f"{PREFIX}/", "/legs", gateway),
            (f"{PREFIX}/", "/report", gateway),
            (f"{PREFIX}/", "", gateway),
            ("/recordings/", "", listen),
            ("/sounds/", "", SoundDoor(use_cases.sound_links)),
        )
        self._pages = pages

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._pages(scope, receive, send)
            return
        route, door = self._door(scope["path"])
        began = time.perf_counter()
        status = InternalError.status

        async def noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await door(scope, receive, noting)
        except Exception:
            log.exception("request_failed route=%s", _route(scope["path"]))
            await respond_error(send, InternalError("the server has failed; the log says why"))
        finally:
            self._answered(route, status, time.perf_counter() - began)

    def _door(self, path: str) -> tuple[str, Asgi]:
        """With the route's name, which says nothing of the call."""
        door = self._exact.get(path)
        if door is not None:
            return path, door
        for beginning, end, below in self._below:
            if path.startswith(beginning) and path.endswith(end):
                return f"{beginning}*{end}", below
        return "pages", self._pages


def _route(path: str) -> str:
    """The first part of a path: the rest may name a caller or a token."""
    return "/" + path.lstrip("/").partition("/")[0]


class HealthDoor:
    """`GET /health`: answered with 200 as long as callers get their plans, which needs no store.

    With workers it says how many of them take requests now.
    """

    def __init__(self, store: Store, neighbours: Neighbours) -> None:
        self._store = store
        self._neighbours = neighbours

    async def __call__(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        crew = self._neighbours.crew
        workers = {} if crew is None else {"workers": crew}
        store = "away" if self._store.away else "ok"
        await respond_json(send, {"status": "ok", "store": store, **workers})
