"""The kinds of stores that keep the port's promises, and what tests put into them."""

import inspect
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from typing import Any, Final

from ringtrace.domain.account import Account
from ringtrace.domain.attribution import Attribution, Basis, Credit
from ringtrace.domain.audio import Audio, AudioFormat
from ringtrace.domain.call import GatewayKind, Outcome, Report
from ringtrace.domain.flow import Flow
from ringtrace.domain.number import NumberKind, TrackingNumber
from ringtrace.domain.proof import Proof
from ringtrace.domain.site import Site
from ringtrace.domain.source import Source
from ringtrace.domain.visit import Device, HitKind, Visit
from ringtrace.services.commands import (
    ApplySetup,
    KeepReport,
    NoteArrival,
    NoteHit,
    NumberShown,
    ShowNumber,
)
from ringtrace.services.lake import LeavingRows
from ringtrace.services.ports import Store
from ringtrace.store.retention import OldRows
from tests import citus

KINDS: Final = ("citus",) if citus.URL else ("sqlite", "postgres", "partitioned")

NOW: Final = 1_790_000_000_000
POOL: Final = tuple(f"+1202555{n:04d}" for n in range(200, 205))
STATIC: Final = "+12025550299"
CALLER: Final = "+12025550177"
ADS, MAIL, RADIO = Source("Paid Search"), Source("Email"), Source("Radio")
FLOW: Final = Flow.ringing(["+12025550199"])
SIP: Final = GatewayKind.SIP
AUDIO: Final = Audio(AudioFormat.OPUS, "0" * 64)


@dataclass
class Place:
    """Where a store of one kind lies; every server over it has opened it for itself."""

    kind: str
    _opened: Callable[[], Awaitable[Any]]
    days: Callable[[], AbstractContextManager[Any]]
    """Opens what the lake reads."""
    importing: Callable[[], AbstractContextManager[Any]]
    """Opens what rows of an export go into; no store over it is open meanwhile."""
    leaving: Callable[[int], LeavingRows]
    old_rows: Callable[[], OldRows]
    url: str | None = None
    """Of a database."""
    _stores: list[Any] = field(default_factory=list)

    async def open(self) -> Store:
        store = await self._opened()
        self._stores.append(store)
        return store  # type: ignore[no-any-return]  # of a class that only its module knows

    async def close(self, store: Any) -> None:
        self._stores.remove(store)
        closing = store.close()
        if inspect.isawaitable(closing):
            await closing

    async def close_all(self) -> None:
        for store in list(self._stores):
            await self.close(store)


def setup(account_id: int = 1, numbers: tuple[str, ...] = POOL, **site: Any) -> ApplySetup:
    """A site with a pool; that of account 1 is `site1`."""
    key = f"site{account_id}"
    return ApplySetup(
        account_id,
        Account(account_id, f"Account {account_id}", "US"),
        (Site(account_id, key, "S", (), (), **site),),
        tuple(pool_number(one, account_id) for one in numbers),
        NOW,
    )


def pool_number(number: str, account_id: int = 1) -> TrackingNumber:
    key = f"site{account_id}"
    return TrackingNumber(account_id, number, NumberKind.POOL, number, FLOW, key, None, True)


def with_static(command: ApplySetup, number: str = STATIC) -> ApplySetup:
    account_id = command.account_id
    static = TrackingNumber(account_id, number, NumberKind.STATIC, "Radio", FLOW, None, RADIO, True)
    return replace(command, numbers=(*command.numbers, static))


def visit_id(number: int, made: int = NOW) -> str:
    return f"{made:012x}{number:020x}"


def view(
    number: int,
    at: int = NOW,
    *,
    visitor: int | None = None,
    made: int = NOW,
    account_id: int = 1,
    source: Source = ADS,
    path: str = "shop.example/",
) -> ShowNumber:
    """A page view of the visit of that number, which began when it was `made`."""
    visitor_id = f"{number if visitor is None else visitor:032x}"
    visit = Visit(
        visit_id(number, made), visitor_id, f"site{account_id}", at, Device.DESKTOP, source
    )
    return ShowNumber(account_id, visit, path, at)


def sign(kind: HitKind, number: int, at: int, *, made: int = NOW, account_id: int = 1) -> NoteHit:
    return NoteHit(account_id, f"site{account_id}", visit_id(number, made), kind, at)


def no_rest(_seconds: float) -> None:
    """For those who rest beside a server, where there is none."""


async def shown(store: Store, command: ShowNumber) -> NumberShown:
    number = await store.submit(command)
    assert number is not None
    return number


def shared(
    ads: float = 0.5, mail: float = 0.3, *, visit: str | None = "a" * 32, repeat: float = 0.0
) -> Attribution:
    """A call of one known visit by an ad and of several by mail."""
    named = (Credit(visit, ads, ADS), Credit(None, mail, MAIL))
    return Attribution(Basis.EXPOSURES, "m", named, 1 - ads - mail, repeat)


def said(**changes: Any) -> Report:
    """An answered call of a minute to the pool's first number."""
    report = Report(
        number=POOL[0], caller=CALLER, started_at=NOW, outcome=Outcome.ANSWERED, reason=None,
        code=200, target="+12025550191", ring_seconds=1.0, talk_seconds=60.0, legs=(),
        recording=None, session=None, plan_source=None,
    )  # fmt: skip
    return replace(report, **changes)


def report(
    call: str,
    attribution: Attribution | None = None,
    *,
    account_id: int = 1,
    proof: Proof | None = None,
    received_at: int = NOW,
    **changes: Any,
) -> KeepReport:
    kept = shared() if attribution is None else attribution
    return KeepReport(account_id, SIP, call, said(**changes), kept, received_at, proof)


def arrival(
    call: str, attribution: Attribution | None = None, *, account_id: int = 1, **changes: Any
) -> NoteArrival:
    kept = shared() if attribution is None else attribution
    return replace(NoteArrival(account_id, SIP, call, POOL[0], CALLER, NOW, kept), **changes)
