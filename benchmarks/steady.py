"""Hits at a steady rate, whatever becomes of them: what others do to those who wait."""

import asyncio
import os
import statistics
import time
from typing import Final

import httpx

from benchmarks.business import BUSY, ORIGIN

HITS_A_SECOND: Final = 150
_BROWSER: Final = {
    "Origin": ORIGIN,
    "User-Agent": "Mozilla/5.0 (X11; Linux x86_64) Chrome/142.0.0.0",
}


async def hits(client: httpx.AsyncClient, seconds: float) -> list[float]:
    """Latencies in ms, each from when the hit was due: a stall counts for all it held up."""
    began = time.perf_counter()

    async def hit(number: int) -> float:
        due = began + number / HITS_A_SECOND
        await asyncio.sleep(due - time.perf_counter())
        visit = f"{time.time_ns() // 10**6:012x}{os.urandom(10).hex()}"
        body = {"site": BUSY, "kind": "page", "visitor": visit, "visit": visit, "url": ORIGIN}
        answer = await client.post("/t/hit", json=body, headers=_BROWSER)
        assert answer.json()["number"] is not None
        return 1_000 * (time.perf_counter() - due)

    return list(await asyncio.gather(*(hit(n) for n in range(int(seconds * HITS_A_SECOND)))))


def p99(latencies: list[float]) -> float:
    return sorted(latencies)[int(0.99 * len(latencies))]


def spread(values: list[float]) -> dict[str, float]:
    return {
        "median": round(statistics.median(values), 3),
        "min": round(min(values), 3),
        "max": round(max(values), 3),
    }
