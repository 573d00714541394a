"""Style sheet, scripts and icon: read once, named by their content, kept by browsers for good."""

import hashlib
from dataclasses import dataclass
from importlib import resources
from typing import Any

from litestar import MediaType, Request, Response, get
from litestar.datastructures import State
from litestar.params import FromPath

from ringtrace.services.errors import NotFoundError

_TYPES = {
    ".css": MediaType.CSS.value,
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
}


@dataclass(frozen=True, slots=True)
class Asset:
    url: str
    etag: str
    media_type: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Assets:
    by_url: dict[str, Asset]
    by_name: dict[str, Asset]

    @classmethod
    def load(cls) -> "Assets":
        folder = resources.files("ringtrace.web.console") / "static"
        found = {file.name: _asset(file.name, file.read_bytes()) for file in folder.iterdir()}
        return cls({one.url: one for one in found.values()}, found)

    def url(self, name: str) -> str:
        return self.by_name[name].url


def _asset(name: str, body: bytes) -> Asset:
    digest = hashlib.sha256(body).hexdigest()[:16]
    media_type = _TYPES[name[name.rindex(".") :]]
    return Asset(f"/static/{digest}/{name}", f'"{digest}"', media_type, body)


@get("/static/{digest:str}/{name:str}", include_in_schema=False)
async def serve_asset(
    request: Request[Any, Any, State], state: State, digest: FromPath[str], name: FromPath[str]
) -> Response[bytes]:
    assets: Assets = state.assets
    asset = assets.by_url.get(f"/static/{digest}/{name}")
    if asset is None:
        raise NotFoundError("no such file")
    headers = {"ETag": asset.etag, "Cache-Control": "public, max-age=31536000, immutable"}
    if asset.etag in request.headers.get("if-none-match", ""):
        return Response(b"", status_code=304, headers=headers, media_type=asset.media_type)
    return Response(asset.body, headers=headers, media_type=asset.media_type)
