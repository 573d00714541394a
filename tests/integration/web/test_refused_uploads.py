"""Whoever sends too much is told so, however he sends it, although nobody reads it to its end."""

import asyncio
import json
import urllib.error
import urllib.request
from pathlib import Path

import httpx
import pytest

from ringtrace.config import Settings
from tests.server import server
from tests.shop import bearer

LARGE = bytes(40 * 1024 * 1024)
ROUTES = [("PUT", "/api/v1/sounds/x"), ("PUT", "/api/v1/setup"), ("POST", "/t/hit")]


@pytest.mark.parametrize(("method", "path"), ROUTES)
async def test_a_client_that_closes_after_its_request_reads_the_answer(
    tmp_path: Path, method: str, path: str
) -> None:
    """Python's urllib sends all of it, with Connection: close, before it reads anything."""

    def send(url: str, token: str) -> tuple[int, str]:
        headers = bearer(token) | {"Content-Type": "application/json"}
        request = urllib.request.Request(url, LARGE, headers, method=method)  # noqa: S310 - our own server
        direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            direct.open(request)
        except urllib.error.HTTPError as error:
            return error.code, json.loads(error.read())["error_id"]
        raise AssertionError("it was taken")

    async with server(tmp_path / "data") as (_, url):
        token = Settings(tmp_path / "data").api_token_file.read_text().strip()
        said = await asyncio.to_thread(send, url + path, token)

    assert said == (413, "body_too_large")


async def test_a_connection_that_is_kept_is_good_for_the_next_request(tmp_path: Path) -> None:
    async with server(tmp_path / "data") as (_, url):
        token = Settings(tmp_path / "data").api_token_file.read_text().strip()
        async with httpx.AsyncClient(
            base_url=url, headers=bearer(token), trust_env=False
        ) as client:
            refused = await client.put("/api/v1/sounds/x", content=LARGE)
            unknown = await client.put("/api/v1/sounds/x", content=LARGE, headers=bearer("no"))
            sounds = await client.get("/api/v1/sounds")

    assert (refused.status_code, refused.json()["error_id"]) == (413, "body_too_large")
    assert (unknown.status_code, unknown.json()["error_id"]) == (401, "token_unknown")
    assert sounds.json() == {"sounds": []}
