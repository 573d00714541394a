"""The cases themselves: enough of them, told apart, and possible on a real network."""

from collections.abc import Iterator, Sequence

from ringtrace.domain.plan import Collect, Dial, Menu, Step, Voicemail
from tests.conformance.case import Case, cases

SHORTEST = 5.0
"""Waiting times below this become too short where a case is played on a faster clock."""


def steps_of(steps: Sequence[Step]) -> Iterator[Step]:
    for step in steps:
        yield step
        if isinstance(step, Menu):
            for below in (*step.keys.values(), step.otherwise):
                yield from steps_of(below)


def waits(case: Case) -> Iterator[float]:
    for step in steps_of((*case.steps, *(case.then or ()))):
        if isinstance(step, Dial):
            yield from (target.ring_seconds for target in step.targets)
        elif isinstance(step, Menu | Collect | Voicemail):
            yield step.seconds


def test_there_are_sixty_cases_on_twelve_subjects_at_least() -> None:
    assert len(cases()) >= 60
    assert len({case.subject for case in cases()}) >= 12


def test_every_case_has_a_name_of_its_own() -> None:
    assert len({case.name for case in cases()}) == len(cases())


def test_no_time_is_too_short_for_a_gateway_on_a_faster_clock() -> None:
    short = [case.id for case in cases() if any(wait < SHORTEST for wait in waits(case))]
    assert short == []


def test_every_step_is_in_some_case() -> None:
    met = {type(step) for case in cases() for step in steps_of(case.steps)}
    assert met == set(Step.__args__)
