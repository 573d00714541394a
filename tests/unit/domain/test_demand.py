"""A flow asks only for what it uses."""

from typing import Any

import pytest

from ringtrace.domain.demand import Demand, Demands, demand
from ringtrace.domain.flow import Flow, read_flow

NOTHING = Demand(visit=False, history=False)
VISIT = Demand(visit=True, history=False)
HISTORY = Demand(visit=False, history=True)


def flow(*steps: dict[str, Any]) -> Flow:
    return read_flow({"step": list(steps)})


def branch(**when: Any) -> dict[str, Any]:
    return {"do": "branch", "when": when, "then": [dial()]}


def dial(**more: Any) -> dict[str, Any]:
    return {"do": "dial", "targets": ["+12025550191"], **more}


@pytest.mark.parametrize(
    ("step", "wanted"),
    [
        (dial(), NOTHING),
        (dial(whisper="A call for {number}"), NOTHING),
        (dial(whisper="From {campaign}"), VISIT),
        (dial(sticky=True), HISTORY),
        (branch(hours="day", caller_prefix=["+1"], withheld=False), NOTHING),
        (branch(channel=["Email"]), VISIT),
        (branch(campaign=["c"]), VISIT),
        (branch(repeat_caller=False), HISTORY),
        (branch(tag=["vip"]), HISTORY),
        (
            {"do": "voicemail", "play": "bye.wav"},
            Demand(visit=False, history=False, sounds=frozenset({"bye.wav"})),
        ),
    ],
)
def test_what_a_step_needs_is_asked_for(step: dict[str, Any], wanted: Demand) -> None:
    assert demand(flow(step)) == wanted


def test_steps_at_any_depth_count() -> None:
    menu = {"do": "menu", "say": "?", "keys": {"1": [dial(sticky=True)]}, "otherwise": []}

    assert demand(flow(menu | {"otherwise": [branch(channel=["Email"])]})) == Demand(
        visit=True, history=True
    )


def test_a_flow_keeps_its_own_answer() -> None:
    demands = Demands()
    plain, sticky = flow(dial()), flow(dial(sticky=True))

    assert [demands.of(one) for one in (plain, sticky, plain)] == [NOTHING, HISTORY, NOTHING]


def test_flows_of_the_past_are_forgotten() -> None:
    demands = Demands(most_known=2)

    for _ in range(10):
        assert demands.of(flow(dial(sticky=True))) == HISTORY
        assert demands.of(flow(dial())) == NOTHING
    assert len(demands) <= 2
