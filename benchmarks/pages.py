"""The pages of the console that somebody waits for, as a signed-in marketer asks for them."""

import re
import statistics
import time
from pathlib import Path
from typing import Final

import httpx

from benchmarks.rounds import Figures

_TOKEN: Final = re.compile(r'name="_csrf_token" value="([^"]+)"')
_CALL: Final = re.compile(r'href="(/calls/[^"?]+/[^"?]+)"')
EVER: Final = "/channels?from=2000-01-01"


class Marketer:
    """Signed in to the console of a server over `data`. `close` it."""

    def __init__(self, url: str, data: Path) -> None:
        self._client = httpx.Client(base_url=url, timeout=120.0, trust_env=False)
        form = {
            "login": "admin",
            "password": (data / "admin-password").read_text("utf-8").strip(),
            "next": "/",
            "_csrf_token": _found(_TOKEN, self._client.get("/login").text),
        }
        answer = self._client.post("/login", data=form)
        assert answer.status_code == 303, answer.text
        call = _found(_CALL, self._client.get("/calls").raise_for_status().text)
        self.paths = {"overview": "/", "calls": "/calls", "call": call, "channels": "/channels",
                      "channels_ever": EVER}  # fmt: skip

    def close(self) -> None:
        self._client.close()

    def look(self, page: str, times: int) -> Figures:
        """Median milliseconds until the page is there."""
        took = []
        for _ in range(times):
            began = time.perf_counter()
            self._client.get(self.paths[page]).raise_for_status()
            took.append(1_000 * (time.perf_counter() - began))
        return {"p50_ms": statistics.median(took)}


def _found(what: re.Pattern[str], text: str) -> str:
    found = what.search(text)
    assert found is not None, f"the page has no {what.pattern}"
    return found[1]
