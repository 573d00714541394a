"""Which plans the node follows, and what it needs to know of them beforehand."""

from typing import Any

import msgspec
import pytest

from ringtrace.domain.prompt import Prompt
from ringtrace.gateways.sip.plans import (
    PlanInvalidError,
    fallback_plan,
    has_one_target,
    parse_plan,
    prompts_of,
)

Json = dict[str, Any]
PROMPT = {"text": "Press one.", "language": "en-US"}
WHISPER = {"text": "A call.", "language": "en-US"}
WORDS = {"text": "x", "language": "en"}
TARGET = {"to": "+15550199001", "ring_seconds": 20}
DIAL = {"do": "dial", "targets": [TARGET], "caller_id": "+15550100101", "record": True}
MENU = {"do": "menu", "prompt": PROMPT, "keys": {"1": [DIAL]}, "seconds": 5, "tries": 2}
VOICEMAIL = {"do": "voicemail", "prompt": PROMPT, "seconds": 60}


def plan(*steps: Json, **changes: Any) -> bytes:
    document = {"number": "+15550100101", "steps": steps, "max_seconds": 600, "cacheable": True}
    return msgspec.json.encode({**document, **changes})


@pytest.mark.parametrize(
    ("step", "field"),
    [
        ({**DIAL, "caller_id": "a\r\nb"}, "caller_id"),
        ({**DIAL, "targets": [{**TARGET, "to": "5"}]}, "to:"),
        ({**DIAL, "targets": [{**TARGET, "ring_seconds": 301}]}, "ring_seconds"),
        ({**DIAL, "targets": [{**TARGET, "most_calls": 0}]}, "most_calls"),
        ({**DIAL, "targets": [TARGET] * 21, "at_once": True}, "targets"),
        ({**DIAL, "accept": "A"}, "accept"),
        ({**DIAL, "whisper": {"text": "x", "language": "e n"}}, "language"),
        ({**DIAL, "whisper": {**WORDS, "link": "//evil.example/x.wav"}}, "link"),
        ({**DIAL, "whisper": {**WORDS, "link": "https://evil.example/x.wav"}}, "link"),
        ({**MENU, "keys": {"12": []}}, "keys"),
        ({**MENU, "seconds": 0}, "seconds"),
        ({**MENU, "tries": 0}, "tries"),
        ({**MENU, "keys": {"1": [{**DIAL, "caller_id": ""}]}}, "caller_id"),
        ({**MENU, "otherwise": [{"do": "hang_up", "code": 200}]}, "code"),
        ({**VOICEMAIL, "seconds": 3601}, "seconds"),
        ({"do": "collect", "prompt": PROMPT, "digits": 21, "seconds": 5}, "digits"),
        ({"do": "announce", "prompt": {**PROMPT, "text": "x" * 2001}}, "text"),
        ({"do": "announce", "prompt": {**PROMPT, "file": "../x.wav"}}, "file"),
        ({"do": "announce", "prompt": {**PROMPT, "file": ".hidden"}}, "file"),
        ({"do": "dance"}, "dance"),
    ],
)
def test_what_cannot_be_done_is_named_at_any_depth(step: Json, field: str) -> None:
    with pytest.raises(PlanInvalidError, match=field):
        parse_plan(plan(step))


def test_a_plan_that_never_ends_is_refused() -> None:
    with pytest.raises(PlanInvalidError, match="max_seconds"):
        parse_plan(plan(DIAL, max_seconds=0))
    with pytest.raises(PlanInvalidError, match="steps"):
        parse_plan(plan(*[VOICEMAIL] * 501))
    with pytest.raises(PlanInvalidError):
        parse_plan(b'{"steps": [' * 3000)


def test_prompts_of_all_steps_are_known_beforehand() -> None:
    found = prompts_of(parse_plan(plan({**DIAL, "whisper": WHISPER}, VOICEMAIL, MENU)))
    assert found == {Prompt("Press one.", "en-US"): True, Prompt("A call.", "en-US"): False}


@pytest.mark.parametrize(
    ("steps", "has_one"),
    [
        ([DIAL], True),
        ([DIAL, {"do": "hang_up", "code": 486}], True),
        ([{**DIAL, "at_once": True}], True),
        ([{**DIAL, "targets": [TARGET, TARGET]}], False),
        ([DIAL, DIAL], False),
        ([DIAL, VOICEMAIL], False),
        ([{**DIAL, "whisper": WHISPER}], False),
        ([{**DIAL, "accept": "1"}], False),
        ([MENU], False),
        ([], False),
    ],
)
def test_a_target_is_alone_with_the_caller_only_where_nobody_else_speaks(
    steps: list[Json], has_one: bool
) -> None:
    assert has_one_target(parse_plan(plan(*steps))) is has_one


def test_the_nodes_own_plan_records_nothing_and_passes() -> None:
    made = fallback_plan("15550100101", "sip:desk@127.0.0.5", 25)
    assert parse_plan(msgspec.json.encode(made)) == made
    assert not made.cacheable
