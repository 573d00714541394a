"""The shares of a call: how they lie in columns."""

from collections.abc import Iterable
from typing import Final

import msgspec

from ringtrace.domain.attribution import Attribution, Basis, Credit, Why
from ringtrace.store import rows

Key = tuple[int, str, str]
"""Account, gateway, call."""

Said = tuple[str, str, float, float]
"""basis, model, unknown, repeat: what of an attribution stands in the call's own row."""

Kept = tuple[str | None, float, str, str | None]
"""visit_id, probability, source, why: what of a credit is read."""

CREDIT_COLUMNS: Final = (
    "account_id, gateway, call_id, position, visit_id, probability, channel, campaign, keyword,"
    " source, why"
)

_why = msgspec.json.Decoder(Why)


def columns(attribution: Attribution) -> Said:
    return (attribution.basis.value, attribution.model, attribution.unknown, attribution.repeat)


def credit_rows(key: Key, attribution: Attribution) -> list[tuple[object, ...]]:
    """In the order of CREDIT_COLUMNS."""
    return [
        (*key, position, one.visit_id, one.probability, str(one.source.channel),
         one.source.campaign, one.source.term, rows.text(one.source),
         rows.text(one.why) if one.why else None)
        for position, one in enumerate(attribution.credits)
    ]  # fmt: skip


def shares(attribution: Attribution) -> str:
    """The credits summed by channel, as reports add them up."""
    summed: dict[str, float] = {}
    for one in attribution.credits:
        channel = str(one.source.channel)
        summed[channel] = summed.get(channel, 0.0) + one.probability
    return rows.text(summed)


def attribution(said: Said, kept: Iterable[Kept]) -> Attribution:
    """`kept` are the credits by position."""
    basis, model, unknown, repeat = said
    return Attribution(
        basis=Basis(basis),
        model=model,
        credits=tuple(
            Credit(visit, share, rows.source(source), _why.decode(why) if why else None)
            for visit, share, source, why in kept
        ),
        unknown=unknown,
        repeat=repeat,
    )
