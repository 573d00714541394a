"""How sure an attribution is of the channel it names: what both API and console show."""

from dataclasses import dataclass

from ringtrace.domain.attribution import Attribution, verdict


@dataclass(frozen=True, slots=True)
class Certainty:
    """The most probable answers. A probability is None where its answer is."""

    channel: str | None
    channel_probability: float | None
    campaign: str | None
    keyword: str | None
    visit_id: str | None
    visit_probability: float | None
    unknown: float


def certainty(attribution: Attribution) -> Certainty:
    best = verdict(attribution)
    return Certainty(
        channel=best.channel,
        channel_probability=None if best.channel is None else _share(attribution, best.channel),
        campaign=best.campaign,
        keyword=best.keyword,
        visit_id=best.visit_id,
        visit_probability=None if best.visit_id is None else best.probability,
        unknown=attribution.unknown,
    )


def _share(attribution: Attribution, channel: str) -> float:
    """All candidates of one channel together: the channel can be surer than any single visit."""
    return min(1.0, sum(c.probability for c in attribution.credits if c.source.channel == channel))


def shown_repeat(attribution: Attribution) -> float | None:
    """The share that continues an earlier call; None where nobody looked for one."""
    if attribution.repeat > 0 or any(one.why for one in attribution.credits):
        return attribution.repeat
    return None
