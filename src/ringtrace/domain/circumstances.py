"""What is known of one call when its flow is resolved, and which conditions that meets."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

import phonenumbers

from ringtrace.domain.flow import When
from ringtrace.domain.hours import Hours, is_open
from ringtrace.domain.plan import Collect


@dataclass(frozen=True, slots=True)
class Circumstances:
    """One call to `number` (E.164), `at` ms since 1970 UTC; `caller` None: withheld.

    `called_before`, `last_target` (whom he talked to last) and `tags` (of his earlier calls) are
    the caller's history; `channel`, `campaign` and `keyword` those of the attributed visit. `ask`
    is the question for an extension, when there can be one. `turn` counts the calls of a round
    robin; `chance` (0 to 1, drawn for the call) decides the order of weighted targets. `sounds` are
    links to those that the account has uploaded, by name.
    """

    number: str
    at: int
    caller: str | None = None
    called_before: bool = False
    last_target: str | None = None
    tags: tuple[str, ...] = ()
    channel: str | None = None
    campaign: str | None = None
    keyword: str | None = None
    ask: Collect | None = None
    turn: int = 0
    chance: float = 0.0
    sounds: Mapping[str, str] = field(default_factory=dict)


def meets(now: Circumstances, when: When, hours: Mapping[str, Hours]) -> bool:
    """Whether all that `when` asks for holds. Raises KeyError for hours that are not there."""
    asked = (
        when.hours is None or is_open(hours[when.hours], now.at),
        when.caller_prefix is None or (now.caller or "").startswith(when.caller_prefix),
        when.caller_country is None or country_of(now.caller) in when.caller_country,
        when.withheld is None or when.withheld == (now.caller is None),
        when.repeat_caller is None or when.repeat_caller == now.called_before,
        when.channel is None or _is_among(now.channel, when.channel),
        when.campaign is None or _is_among(now.campaign, when.campaign),
        when.tag is None or not set(when.tag).isdisjoint(now.tags),
    )
    return all(asked)


def is_personal(now: Circumstances, when: When) -> bool:
    """Whether the answer of `meets` is for this caller, this visit or this moment alone.

    What only depends on an unknown visit is the same for any other unknown one, and so are all
    callers without tags.
    """
    of_the_moment = (
        when.hours,
        when.caller_prefix,
        when.caller_country,
        when.withheld,
        when.repeat_caller,
        when.channel and now.channel,
        when.campaign and now.campaign,
        (when.tag and now.tags) or None,
    )
    return any(one is not None for one in of_the_moment)


def country_of(caller: str | None) -> str | None:
    """ISO 3166 alpha-2 of an E.164 number; None where it is withheld or of no country."""
    try:
        return phonenumbers.region_code_for_number(phonenumbers.parse(caller or "", None))
    except phonenumbers.NumberParseException:
        return None


def _is_among(value: str | None, wanted: Collection[str]) -> bool:
    """Upper and lower case are the same: campaigns are typed by people."""
    return value is not None and value.casefold() in {one.casefold() for one in wanted}
