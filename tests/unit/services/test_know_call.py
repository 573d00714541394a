"""A caller does not wait for what his flow asks, whatever the store does with the question."""

import asyncio
import time
from typing import cast

import pytest

from ringtrace.domain.flow import Branch, Dial, Flow, How, When
from ringtrace.domain.number import NumberKind, TrackingNumber
from ringtrace.services.call_records import CallerHistory
from ringtrace.services.directory import Directory
from ringtrace.services.errors import StoreAwayError
from ringtrace.services.keep_sound import SoundLinks
from ringtrace.services.know_call import LOOK_SECONDS, KnowCall
from ringtrace.services.neighbours import News, NoNeighbour, TurnTaken
from ringtrace.services.ports import Store

NOW = 1_790_000_000_000
TARGET = "+12025550191"
FLOW = Flow((
    Branch(When(repeat_caller=True)),
    Dial((TARGET,), whisper="From {channel}"),
))  # fmt: skip
NUMBER = TrackingNumber(
    1, "+12025550101", NumberKind.POOL, "Pool", FLOW, "shop", None, active=True
)  # fmt: skip


class Slow:
    """A store that knows the caller, and takes its time over his visit even when told to stop."""

    def __init__(self) -> None:
        self.let_go = asyncio.Event()
        self.broken: Exception | None = None

    async def caller_history(self, *_: object) -> CallerHistory:
        return CallerHistory(called_before=True, last_target=TARGET)

    async def evidence(self, *_: object) -> None:
        if self.broken is not None:
            raise self.broken
        try:
            await asyncio.Event().wait()
        finally:
            await self.let_go.wait()


@pytest.fixture
async def slow() -> Slow:
    return Slow()


async def ask(slow: Slow) -> tuple[bool, str | None]:
    """What is known of the caller and of his visit."""
    store = cast(Store, slow)
    directory = Directory(store)
    know = KnowCall(store, directory, SoundLinks(b"k", directory, store, lambda: NOW), lambda: 0.5)
    known = await know(NUMBER, NOW, "+12025550177", FLOW, None)
    return known.called_before, known.channel


async def test_a_store_that_does_not_let_go_keeps_nobody_waiting(slow: Slow) -> None:
    began = time.monotonic()
    known = await ask(slow)
    took = time.monotonic() - began
    slow.let_go.set()

    assert known == (True, None)
    assert took < LOOK_SECONDS + 0.5


@pytest.mark.parametrize("error", [StoreAwayError("away"), ZeroDivisionError()])
async def test_what_fails_is_unknown_and_the_rest_is_known(slow: Slow, error: Exception) -> None:
    slow.broken = error

    assert await ask(slow) == (True, None)


class Told(NoNeighbour):
    def __init__(self) -> None:
        self.seed = b""
        self.news: list[News] = []

    def tell(self, news: News) -> None:
        self.news.append(news)


async def test_turns_are_taken_together_with_the_neighbours(slow: Slow) -> None:
    """A flow that takes no turns tells nobody."""
    store = cast(Store, slow)
    directory = Directory(store)
    links, told = SoundLinks(b"k", directory, store, lambda: NOW), Told()
    know = KnowCall(store, directory, links, lambda: 0.5, told)
    in_turn = Flow((Dial((TARGET, "+12025550192"), how=How.ROUND_ROBIN),))

    turns = [(await know(NUMBER, NOW, None, in_turn, None)).turn]
    know.hear_turn(TurnTaken(1, NUMBER.number, 5))
    know.hear_turn(TurnTaken(1, NUMBER.number, 3))
    turns.append((await know(NUMBER, NOW, None, in_turn, None)).turn)
    await know(NUMBER, NOW, None, Flow((Dial((TARGET,)),)), None)

    assert turns == [0, 5]
    assert told.news == [TurnTaken(1, NUMBER.number, 1), TurnTaken(1, NUMBER.number, 6)]
