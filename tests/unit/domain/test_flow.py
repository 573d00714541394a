"""A flow becomes the plan of one call."""

import pytest

from ringtrace.domain.flow import Collect, Dial, Flow, Target, is_phone, is_target, resolve
from ringtrace.domain.prompt import for_extension


def test_the_targets_ring_in_their_order_and_see_the_tracking_number() -> None:
    targets = (Target("+12025550199"), Target("sip:desk@pbx.example.com", ring_seconds=10))

    plan = resolve(Flow(targets, record=False, max_seconds=60), "+12025550101")

    assert plan.steps == (Dial(targets, caller_id="+12025550101", record=False),)
    assert plan.max_seconds == 60
    assert plan.cacheable


def test_a_caller_who_may_have_an_extension_is_asked_first() -> None:
    ask = Collect(digits=4, seconds=6, prompt=for_extension("DE"))

    plan = resolve(Flow((Target("+12025550199"),)), "+12025550101", ask)

    assert plan.steps[0] == ask
    assert len(plan.steps) == 2
    assert plan.cacheable


@pytest.mark.parametrize(
    "text",
    [
        "+12025550199",
        "sip:desk@pbx.example.com",
        "sip:desk@192.0.2.1:5070;transport=udp",
    ],
)
def test_every_gateway_can_dial_a_target(text: str) -> None:
    assert is_target(text)
    assert is_phone(text) is text.startswith("+")


@pytest.mark.parametrize(
    "text", ["12025550199", "+0123", "sip:pbx.example.com", "sips:a@pbx.example", "sip:a b@x", ""]
)
def test_what_no_gateway_could_dial_is_no_target(text: str) -> None:
    assert not is_target(text)
