"""Visitors and callers who go on while a server or its store is killed, and what they were told.

Every request is sent until it is taken, as the tag's next hit, a SIP node's spool or a platform's
retry would. So when all have ended, what the store must hold is known to the row.
"""

import asyncio
import contextlib
import random
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import httpx

from ringtrace.domain.visit import ON_PAGE_MS
from tests.promise import Judgement, Told, judge
from tests.shop import BROWSER, ORIGIN, REPORT, bearer, rfc, setup_of

CLIENTS: Final = 24
NUMBERS: Final = [f"+1202555{n:04d}" for n in range(1_000, 1_400)]
"""More than are ever on page, so that a number is always free and nobody has to share."""

ANSWER_SECONDS: Final = 20.0
_AGAIN_SECONDS: Final = 0.05
_RETURNING: Final = 0.3
_SILENT: Final = 0.05

Rows = Mapping[str, list[tuple[Any, ...]]]

QUERIES: Final = {
    "visits": "SELECT visit_id, number FROM visits",
    "exposures": "SELECT visit_id, number, shown_at FROM exposures",
    "contacts": "SELECT DISTINCT visit_id FROM hits WHERE kind = 'contact'",
    "calls": "SELECT call_id FROM calls WHERE report IS NOT NULL",
    "reports": "SELECT call_id FROM call_reports",
    "shares": "SELECT c.call_id, c.unknown + coalesce(sum(k.probability), 0) FROM calls c"
    " LEFT JOIN credits k ON k.account_id = c.account_id AND k.gateway = c.gateway"
    " AND k.call_id = c.call_id GROUP BY c.call_id, c.unknown",
}
"""What the store holds; `expect_kept` compares it with what was acknowledged."""


class Traffic:
    """Many browsers against one server; between `stop` and `go_on` nobody asks again."""

    def __init__(self, client: httpx.AsyncClient, token: str) -> None:
        self.told: list[Told] = []
        self.contacts: set[str] = set()
        self.reports: set[str] = set()
        self.acknowledged: Counter[str] = Counter()
        self.repeated = 0
        """Requests that found nobody or were told to come again."""
        self._client = client
        self._gateway = bearer(token)
        self._back = asyncio.Event()
        self._back.set()
        self._ending = False

    def stop(self) -> None:
        self._back.clear()

    def go_on(self) -> None:
        self._back.set()

    async def until_acknowledged(self, more: int) -> None:
        """Until so many more requests are acknowledged than now."""
        wanted = self.acknowledged.total() + more
        deadline = time.monotonic() + ANSWER_SECONDS
        while self.acknowledged.total() < wanted:
            assert time.monotonic() < deadline, f"{self.repeated} requests are asked in vain"
            await asyncio.sleep(0.005)

    @contextlib.asynccontextmanager
    async def flowing(self) -> AsyncIterator[None]:
        """While entered; then everybody ends what he began."""
        async with asyncio.TaskGroup() as tasks:
            for index in range(CLIENTS):
                tasks.create_task(self._browse(random.Random(index)))  # noqa: S311 - no secret
            yield
            self._ending = True

    async def _browse(self, chance: random.Random) -> None:
        """One visitor after the other."""
        visitors: list[str] = []
        while not self._ending:
            returning = visitors and chance.random() < _RETURNING
            visitor = (
                chance.choice(visitors[-4:]) if returning else f"{chance.getrandbits(128):032x}"
            )
            visitors.append(visitor)
            one = Told("shop", f"{now():012x}{chance.getrandbits(80):020x}", visitor)
            self.told.append(one)
            one.asked = await self._view(one)
            await self._view(one)
            await self._sign(one, "contact")
            self.contacts.add(one.visit)
            await self._report(one)
            if chance.random() < _SILENT:
                one.fell_silent()
            else:
                one.went(*(await self._taken("leave", self._hit(one, "leave")))[:2])

    async def _view(self, one: Told) -> tuple[int, int]:
        sent, answered, answer = await self._taken("page", self._hit(one, "page"))
        one.numbers.add(str(answer.json()["number"]["e164"]))
        assert len(one.numbers) == 1, f"the visit lost its number: {one}"
        self._signed(one, sent, answered)
        return sent, answered

    async def _sign(self, one: Told, kind: str) -> None:
        sent, answered, _ = await self._taken(kind, self._hit(one, kind))
        self._signed(one, sent, answered)

    @staticmethod
    def _signed(one: Told, sent: int, answered: int) -> None:
        lapsed = one.last[0] and answered - one.last[0] >= ON_PAGE_MS
        assert not lapsed, "too slow a machine: the visit has lapsed"
        one.signed(sent, answered)

    async def _report(self, one: Told) -> None:
        body = REPORT | {"number": one.number, "started_at": rfc(now())}

        def send() -> Awaitable[httpx.Response]:
            path = f"/gateway/v1/calls/{one.visit}/report"
            return self._client.post(path, json=body, headers=self._gateway)

        await self._taken("report", send)
        self.reports.add(one.visit)

    def _hit(self, one: Told, kind: str) -> Callable[[], Awaitable[httpx.Response]]:
        body = {"site": one.site, "kind": kind, "visitor": one.visitor, "visit": one.visit}
        headers = {"Origin": ORIGIN, "User-Agent": BROWSER}
        return lambda: self._client.post("/t/hit", json=body | {"url": ORIGIN}, headers=headers)

    async def _taken(
        self, kind: str, send: Callable[[], Awaitable[httpx.Response]]
    ) -> tuple[int, int, httpx.Response]:
        """When it was first sent, when it was acknowledged, and how."""
        sent = now()
        while True:
            with contextlib.suppress(httpx.TransportError):
                answer = await send()
                if _is_taken(answer):
                    self.acknowledged[kind] += 1
                    return sent, now(), answer
            self.repeated += 1
            await asyncio.sleep(_AGAIN_SECONDS)
            await self._back.wait()


def _is_taken(answer: httpx.Response) -> bool:
    if answer.status_code == 503:
        assert answer.json()["error_id"] == "store_away"
        return False
    assert answer.status_code in {200, 204}, answer.text
    if answer.status_code == 200 and answer.json().get("number", "") is None:
        assert answer.json()["reason"] == "store_away"
        return False
    return True


async def set_up(client: httpx.AsyncClient, api_token: str) -> str:
    """The shop; answers a gateway's token."""
    api = bearer(api_token)
    document = setup_of("shop", "+12025550101", NUMBERS)
    (await client.put("/api/v1/setup", json=document, headers=api)).raise_for_status()
    answer = await client.post("/api/v1/tokens", json={"kind": "sip"}, headers=api)
    answer.raise_for_status()
    return str(answer.json()["token"])


@dataclass(frozen=True)
class Findings:
    """What the store holds beside what was acknowledged, once all traffic has ended."""

    acknowledged: Mapping[str, int]
    visits: int
    reports: int
    repeated: int
    missing: Mapping[str, int]
    doubled: Mapping[str, int]
    promise: Judgement = field(repr=False)

    def expect_kept(self) -> None:
        assert not any(self.missing.values()), self
        assert not any(self.doubled.values()), self
        assert self.promise.broken == []
        assert self.promise.kept > 0
        assert self.promise.apart > 0

    def figures(self) -> dict[str, object]:
        promise = {
            "leases_judged": {"kept": self.promise.kept, "apart": self.promise.apart},
            "broken": len(self.promise.broken),
        }
        return {
            "acknowledged": dict(self.acknowledged),
            "leases": self.visits,
            "reports": self.reports,
            "requests_repeated": self.repeated,
            "missing": dict(self.missing),
            "doubled": dict(self.doubled),
            "promise": promise,
        }


def found(traffic: Traffic, rows: Rows) -> Findings:
    """`rows` are the answers to QUERIES."""
    shown = {(one.visit, one.number) for one in traffic.told}
    exposed = [(visit, number) for visit, number, _ in rows["exposures"]]
    calls = [call for (call,) in rows["calls"]]
    missing = {
        "visits": len(shown - set(rows["visits"])),
        "exposures": len(shown - set(exposed)),
        "contacts": len(traffic.contacts - {visit for (visit,) in rows["contacts"]}),
        "reports": len(traffic.reports - set(calls)),
    }
    doubled = {
        "exposures": len(exposed) - len(shown),
        "calls": len(calls) - len(traffic.reports),
        "reports": len(rows["reports"]) - len(traffic.reports),
        "shares": sum(abs(total - 1) > 1e-6 for _, total in rows["shares"]),
    }
    leased_at = {visit: at for visit, _, at in rows["exposures"]}
    known = [one for one in traffic.told if one.visit in leased_at]
    return Findings(
        traffic.acknowledged,
        len(traffic.told),
        len(traffic.reports),
        traffic.repeated,
        missing,
        doubled,
        judge(known, leased_at, len(NUMBERS)),
    )


def now() -> int:
    """Ms since 1970 UTC, as the server reads it."""
    return time.time_ns() // 1_000_000
