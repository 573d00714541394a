"""Targets that take only so many calls at a time, on a real node with real telephones."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from ringtrace.demo.behaviour import Answers, Calling
from ringtrace.demo.phone import Phone
from tests.integration.sip.conftest import (
    AGENT,
    CALLER,
    SECOND_AGENT,
    Backend,
    Json,
    Node,
    dial,
    plan_of,
    until,
)

pytestmark = pytest.mark.phones
OpenAgents = Callable[[dict[str, Any]], Any]


def capped(most: int = 1) -> Json:
    desk = {"to": AGENT, "ring_seconds": 5, "most_calls": most}
    return plan_of(dial() | {"targets": [desk]}, dial((SECOND_AGENT, 5)))


def dialled(report: Json) -> list[tuple[str, str | None]]:
    return [(leg["target"], leg["reason"]) for leg in report["legs"]]


@pytest.mark.parametrize("free", [True, None], ids=["the backend lets both", "nobody says"])
async def test_the_node_rings_no_more_calls_of_its_own_than_a_target_takes(
    own_node: Callable[..., Node],
    backend: Backend,
    caller: Phone,
    agents: OpenAgents,
    free: bool | None,
) -> None:
    node = own_node()
    node.start()
    await agents({AGENT: Answers(after=0.1), SECOND_AGENT: Answers(after=0.1)})
    backend.plan, backend.free = capped(), free
    first = asyncio.create_task(caller.call(node.uri(), CALLER, Calling(talk_seconds=2.0)))
    await until(lambda: len(backend.legs) == 1)
    await caller.call(node.uri(), CALLER, Calling(talk_seconds=0.3))
    second = await backend.report()
    await first
    await until(lambda: len(backend.reports) == 2)
    third = await caller.call(node.uri(), CALLER, Calling(talk_seconds=0.3))
    await until(lambda: len(backend.reports) == 3)

    assert dialled(second) == [(AGENT, "operator_busy"), (SECOND_AGENT, None)]
    assert third.code == 200
    *_, last = backend.reports.values()
    assert dialled(last) == [(AGENT, None)], "there is room again"


async def test_what_others_have_at_the_target_counts_too(
    node: Node, backend: Backend, caller: Phone, agents: OpenAgents
) -> None:
    await agents({AGENT: Answers(after=0.1), SECOND_AGENT: Answers(after=0.1)})
    backend.plan, backend.free = capped(most=5), False
    result = await caller.call(node.uri(), CALLER, Calling(talk_seconds=0.3))
    report = await backend.report()

    assert result.code == 200
    assert dialled(report) == [(AGENT, "operator_busy"), (SECOND_AGENT, None)]
    assert backend.legs[0][1] == {"leg": 1, "target": AGENT, "most_calls": 5}


async def test_a_full_target_alone_is_busy(
    node: Node, backend: Backend, caller: Phone, agents: OpenAgents
) -> None:
    await agents({AGENT: Answers(after=0.1)})
    backend.plan, backend.free = plan_of(capped()["steps"][0]), False
    result = await caller.call(node.uri(), CALLER, Calling())
    report = await backend.report()

    assert result.code == 486
    assert (report["outcome"], report["reason"], report["code"]) == (
        "busy",
        "operator_busy",
        486,
    )


async def test_a_leg_that_is_over_is_told(
    node: Node, backend: Backend, caller: Phone, agents: OpenAgents
) -> None:
    await agents({AGENT: Answers(after=0.1)})
    backend.plan = capped()
    await caller.call(node.uri(), CALLER, Calling(talk_seconds=0.3))
    await backend.report()
    await until(lambda: len(backend.legs) == 2)

    assert [note for _, note in backend.legs] == [
        {"leg": 1, "target": AGENT, "most_calls": 1},
        {"leg": 1},
    ]
