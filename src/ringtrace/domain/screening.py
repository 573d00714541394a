"""What makes a caller suspect, which rule says so, and what came of asking him.

Rules only suspect: a suspect has to press a key and then gets through. Nobody is rejected but by
what a person wrote into the blocklist. A caller who withholds his number, or of whom nothing is
known, is never suspected.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import msgspec

from ringtrace.domain.blocklist import Listing, Treatment
from ringtrace.domain.call import Outcome, PlanSource, Reason, Report
from ringtrace.domain.fault import Fault
from ringtrace.domain.moment import DAY_MS, MINUTE_MS

MEMORY_MS: Final = 90 * DAY_MS
"""So long it is held against a caller that he pressed no key or that a call of his was spam."""


class Rule(StrEnum):
    """`blocked` rejects; all others let the caller press a key."""

    BLOCKED = "blocked"
    KNOWN_ROBOT = "known_robot"
    SILENT = "silent"
    TOO_MANY_CALLS = "too_many_calls"
    MANY_NUMBERS = "many_numbers"


class SpamRules(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which rules are on, and from when on each suspects a caller.

    Rules that judge a caller by how he calls are off until somebody switches them on.
    `silent`: `silent_calls` answered calls in `silent_days`, each under `silent_seconds`.
    `too_many`: `too_many_calls` in `too_many_minutes`, over all numbers of the account.
    `many_numbers`: `many_numbers_called` different ones in `many_numbers_minutes`.
    """

    blocked: bool = True
    known_robots: bool = True
    silent: bool = False
    silent_calls: int = 3
    silent_seconds: float = 5.0
    silent_days: int = 7
    too_many: bool = False
    too_many_calls: int = 8
    too_many_minutes: int = 10
    many_numbers: bool = False
    many_numbers_called: int = 4
    many_numbers_minutes: int = 60


BOUNDS: Final = {
    "silent_calls": (2, 20),
    "silent_seconds": (1, 30),
    "silent_days": (1, 30),
    "too_many_calls": (3, 50),
    "too_many_minutes": (1, 1440),
    "many_numbers_called": (2, 50),
    "many_numbers_minutes": (1, 1440),
}


def rule_faults(rules: SpamRules) -> Iterator[Fault]:
    for name, (low, high) in BOUNDS.items():
        value = getattr(rules, name)
        if not low <= value <= high:
            yield Fault(name, f"{value} is not from {low} to {high}")


@dataclass(frozen=True, slots=True)
class PastCall:
    """An earlier call of the caller to `number`, `at` ms since 1970 UTC.

    `talk_seconds` is None where nobody answered. `kept_silent`: he was asked to press a key and
    did not; `marked`: a user says it was spam.
    """

    number: str
    at: int
    talk_seconds: float | None = None
    kept_silent: bool = False
    marked: bool = False


@dataclass(frozen=True, slots=True)
class Finding:
    """The `rule` that acts on a call and why, in words; `listing` where a list says so."""

    rule: Rule
    evidence: str
    listing: Listing | None = None


def screen(
    rules: SpamRules, listing: Listing | None, past: Collection[PastCall], number: str, at: int
) -> Finding | None:
    """What is held against the caller of a call to `number`, `at` ms since 1970 UTC.

    `past` are his other calls to any number of the account; later ones do not count.
    """
    if listing is not None:
        return _listed(rules, listing)
    past = [one for one in past if one.at <= at]
    if not past:
        return None
    found = (
        _known_robot(past, at) if rules.known_robots else None,
        _silent(rules, past, at) if rules.silent else None,
        _too_many(rules, past, at) if rules.too_many else None,
        _many_numbers(rules, past, number, at) if rules.many_numbers else None,
    )
    return next((one for one in found if one is not None), None)


def _listed(rules: SpamRules, listing: Listing) -> Finding | None:
    note = f" ({listing.note})" if listing.note else ""
    if listing.treatment is Treatment.BLOCK and rules.blocked:
        return Finding(Rule.BLOCKED, f"on the blocklist as {listing.pattern}{note}", listing)
    if listing.treatment is Treatment.ASK and rules.known_robots:
        said = f"on the list of known robots as {listing.pattern}{note}"
        return Finding(Rule.KNOWN_ROBOT, said, listing)
    return None


def _known_robot(past: Collection[PastCall], at: int) -> Finding | None:
    known = [one for one in past if at - one.at <= MEMORY_MS]
    if any(one.marked for one in known):
        return Finding(Rule.KNOWN_ROBOT, "an earlier call was marked as spam")
    if any(one.kept_silent for one in known):
        return Finding(Rule.KNOWN_ROBOT, "pressed no key when asked before")
    return None


def _silent(rules: SpamRules, past: Collection[PastCall], at: int) -> Finding | None:
    """Somebody who ever talked is no robot, however often he was cut off."""
    since = at - rules.silent_days * DAY_MS
    talks = [one.talk_seconds for one in past if one.at >= since and one.talk_seconds is not None]
    if len(talks) < rules.silent_calls or max(talks) >= rules.silent_seconds:
        return None
    seconds, days = _counted(rules.silent_seconds, "second"), _counted(rules.silent_days, "day")
    return Finding(
        Rule.SILENT, f"{len(talks)} answered calls within {days}, all shorter than {seconds}"
    )


def _too_many(rules: SpamRules, past: Collection[PastCall], at: int) -> Finding | None:
    since = at - rules.too_many_minutes * MINUTE_MS
    calls = 1 + sum(one.at > since for one in past)
    if calls < rules.too_many_calls:
        return None
    minutes = _counted(rules.too_many_minutes, "minute")
    return Finding(Rule.TOO_MANY_CALLS, f"{calls} calls within {minutes}")


def _many_numbers(
    rules: SpamRules, past: Collection[PastCall], number: str, at: int
) -> Finding | None:
    since = at - rules.many_numbers_minutes * MINUTE_MS
    numbers = {number} | {one.number for one in past if one.at > since}
    if len(numbers) < rules.many_numbers_called:
        return None
    minutes = _counted(rules.many_numbers_minutes, "minute")
    return Finding(Rule.MANY_NUMBERS, f"called {len(numbers)} of your numbers within {minutes}")


def _counted(count: float, name: str) -> str:
    return f"{count:g} {name}{'' if count == 1 else 's'}"


class Passage(StrEnum):
    """What came of it.

    `stopped` by the blocklist; or at the gate, where a caller `passed`, `failed` (he pressed
    nothing) or `left` (he hung up).
    """

    STOPPED = "stopped"
    PASSED = "passed"
    FAILED = "failed"
    LEFT = "left"


def refusal_reason(rule: Rule) -> Reason:
    """Why a caller is turned away on whom `rule` acts."""
    if rule is Rule.BLOCKED:
        return Reason.BLACKLISTED
    if rule in {Rule.TOO_MANY_CALLS, Rule.MANY_NUMBERS}:
        return Reason.TOO_MANY_IDENTICAL_INCOMING_CALLS
    return Reason.SPAM_LIST


def passage(rule: Rule, report: Report) -> Passage | None:
    """None where that cannot be told: the plan never reached the gateway, or the gateway failed."""
    if report.plan_source in {PlanSource.CACHE, PlanSource.FALLBACK}:
        return None
    refused = report.outcome is Outcome.REJECTED and report.reason is refusal_reason(rule)
    if rule is Rule.BLOCKED:
        return Passage.STOPPED if refused else None
    if report.legs or report.digits or report.outcome in {Outcome.ANSWERED, Outcome.VOICEMAIL}:
        return Passage.PASSED
    if report.outcome is Outcome.REJECTED:
        # Behind the gate a flow may still turn a caller away, for a reason of its own.
        return Passage.FAILED if refused else Passage.PASSED
    return Passage.LEFT if report.outcome is Outcome.ABANDONED else None


def is_spam(rule: Rule | None, came: Passage | None, marked: bool | None) -> bool:
    """Whether reports leave the call out; what a user says of it (`marked`) decides."""
    if marked is not None:
        return marked
    return rule is Rule.BLOCKED or came in {Passage.FAILED, Passage.LEFT}
