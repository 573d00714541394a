"""A flow becomes the plan of one call."""

from ringtrace.domain.flow import Flow, Target, resolve


def test_the_targets_ring_in_their_order_and_see_the_tracking_number() -> None:
    targets = (Target("+12025550199"), Target("sip:desk@pbx.example.com", ring_seconds=10))

    plan = resolve(Flow(targets, record=False, max_seconds=60), "+12025550101")

    assert plan.steps[0].targets == targets
    assert plan.steps[0].caller_id == "+12025550101"
    assert not plan.steps[0].record
    assert plan.max_seconds == 60
    assert plan.cacheable
