"""A flow as a user writes it."""

import json
import tomllib
from typing import Any

import msgspec
import pytest

from ringtrace.domain.call import Reason
from ringtrace.domain.flow import (
    Announce,
    Branch,
    CallerId,
    Collect,
    Dial,
    Flow,
    FlowInvalidError,
    HangUp,
    How,
    Menu,
    Target,
    Voicemail,
    When,
    is_phone,
    is_target,
    places_of,
    read_flow,
    revision,
)
from ringtrace.domain.hours import Hours

TEXT = """
name = "sales"
language = "de-DE"
record = false
max_seconds = 600

[hours.office]
time_zone = "Europe/Berlin"
mon = ["09:00-12:00"]
holidays = ["2026-12-25"]

[[step]]
do = "branch"
when = { hours = "office", caller_prefix = ["+49"], withheld = false }

[[step.then]]
do = "announce"
play = "notice.wav"

[[step.otherwise]]
do = "hang_up"
code = 480
reason = "blacklisted"

[[step]]
do = "menu"
say = "One or two?"
seconds = 4.5
otherwise = [{ do = "voicemail", say = "Speak." }]

[[step.keys.1]]
do = "collect"

[[step.keys.1]]
do = "dial"
targets = ["+12025550199", { to = "sip:desk@pbx.example.com", hours = "office" }]
how = "round_robin"
caller_id = "caller"
whisper = "Call from {channel}"
accept = "1"
"""

FLOW = Flow(
    name="sales",
    language="de-DE",
    record=False,
    max_seconds=600,
    hours={
        "office": msgspec.convert(
            {"time_zone": "Europe/Berlin", "mon": ["09:00-12:00"], "holidays": ["2026-12-25"]},
            Hours,
        )
    },
    step=(
        Branch(
            When(hours="office", caller_prefix=("+49",), withheld=False),
            then=(Announce(play="notice.wav"),),
            otherwise=(HangUp(480, Reason.BLACKLISTED),),
        ),
        Menu(
            say="One or two?",
            seconds=4.5,
            keys={
                "1": (
                    Collect(),
                    Dial(
                        (
                            "+12025550199",
                            Target("sip:desk@pbx.example.com", hours="office"),
                        ),
                        how=How.ROUND_ROBIN,
                        caller_id=CallerId.CALLER,
                        whisper="Call from {channel}",
                        accept="1",
                    ),
                )
            },
            otherwise=(Voicemail(say="Speak."),),
        ),
    ),
)


def test_a_flow_is_read_from_toml() -> None:
    assert read_flow(tomllib.loads(TEXT)) == FLOW


def test_a_flow_that_is_written_as_json_is_read_again() -> None:
    assert read_flow(json.loads(msgspec.json.encode(FLOW))) == FLOW
    assert msgspec.json.decode(msgspec.json.encode(FLOW), type=Flow) == FLOW


def test_dates_may_be_those_of_toml() -> None:
    document = tomllib.loads(TEXT.replace('"2026-12-25"', "2026-12-25"))

    assert read_flow(document) == FLOW


def test_the_short_form_rings_its_targets_one_after_another() -> None:
    flow = Flow.ringing(["+12025550199", "sip:desk@pbx.example.com"], 10, record=False)

    assert flow.step == (
        Dial((Target("+12025550199", 10), Target("sip:desk@pbx.example.com", 10))),
    )
    assert not flow.record
    assert flow.language == "en-US"


def test_all_targets_of_a_flow_are_known_wherever_they_stand() -> None:
    assert [target.to for target in FLOW.targets] == ["+12025550199", "sip:desk@pbx.example.com"]
    assert FLOW.targets[0] == Target("+12025550199")


def test_every_step_has_a_path() -> None:
    assert [(place.path, place.depth) for place in places_of(FLOW.step)] == [
        ("step[0]", 1),
        ("step[0].then[0]", 2),
        ("step[0].otherwise[0]", 2),
        ("step[1]", 1),
        ("step[1].keys.1[0]", 2),
        ("step[1].keys.1[1]", 2),
        ("step[1].otherwise[0]", 2),
    ]


def step(**fields: object) -> dict[str, object]:
    return {"step": [{"do": "collect"}, fields]}


GOOD = {"do": "dial", "targets": ["+12025550199"]}


@pytest.mark.parametrize(
    ("document", "path"),
    [
        ([], ""),
        ({"steps": []}, "steps"),
        ({"step": {}}, "step"),
        ({"record": "yes"}, "record"),
        (step(), "step[1].do"),
        (step(do="sing"), "step[1].do"),
        (step(do="dial"), "step[1].targets"),
        (step(do="dial", targets="+12025550199"), "step[1].targets"),
        (step(do="dial", targets=[{"to": 7}]), "step[1].targets[0].to"),
        (step(do="dial", targets=["x", {"to": "x", "ring": 7}]), "step[1].targets[1].ring"),
        (step(do="dial", targets=[], how="randomly"), "step[1].how"),
        (step(do="announce", text="x"), "step[1].text"),
        (step(do="collect", say="x"), "step[1].say"),
        (step(do="hang_up", reason="moody"), "step[1].reason"),
        (step(do="branch", when={"moon": "full"}), "step[1].when.moon"),
        (step(do="branch", when={}, then=[GOOD, {"do": "menu"}]), "step[1].then[1].keys"),
        (step(do="menu", keys={"1": GOOD}), "step[1].keys.1"),
        (step(do="menu", keys={"1": [GOOD], "2": [{"do": "x"}]}), "step[1].keys.2[0].do"),
        (
            step(do="menu", keys={"*": [{"do": "menu", "keys": {"#": [GOOD, 1]}}]}),
            "step[1].keys.*[0].keys.#[1]",
        ),
        ({"hours": {"a": {"time_zone": "UTC"}, "b": {}}}, "hours.b.time_zone"),
        ({"hours": {"b": {"time_zone": "UTC", "mon": [9]}}}, "hours.b.mon[0]"),
        ({"hours": {"b": {"time_zone": "UTC", "holidays": ["1 May"]}}}, "hours.b.holidays[0]"),
        ({"hours": {"b": 5}}, "hours.b"),
    ],
)
def test_a_wrong_field_is_named_by_its_path(document: object, path: str) -> None:
    with pytest.raises(FlowInvalidError) as caught:
        read_flow(document)

    assert caught.value.path == path
    assert str(caught.value) == (
        f"{path}: {caught.value.message}" if path else caught.value.message
    )


def test_a_bottomless_flow_is_refused() -> None:
    nested: dict[str, Any] = {"do": "collect"}
    for _ in range(5_000):
        nested = {"do": "branch", "when": {}, "then": [nested]}

    with pytest.raises(FlowInvalidError) as caught:
        read_flow({"step": [nested]})

    assert caught.value.path == "step"


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
    "text",
    [
        "12025550199",
        "+0123",
        "sip:pbx.example.com",
        "sips:a@pbx.example",
        "sip:a b@x",
        "sip:a@x:0",
        "sip:a@x:99999",
        "sip:a@x;ttl=x",
        "sip:a@x;method=BYE",
        "sip:a\x00b@x",
        f"sip:{'a' * 129}@x",
        "",
    ],
)
def test_what_no_gateway_could_dial_is_no_target(text: str) -> None:
    assert not is_target(text)


def test_who_is_told_of_a_message_is_said_by_the_voicemail_that_has_it() -> None:
    sales = Voicemail(say="Speak.", notify=("mail:sales@example.com",))
    service = Voicemail(say="Speak.", notify=("mail:service@example.com", "https://x.example/"))
    made = Flow((Menu(say="Press.", keys={"1": (sales,), "2": (service,)}), Voicemail(say="Else.")))

    assert [made.notified_of(box) for box in range(3)] == [sales.notify, service.notify, ()]
    assert made.notified_of(None) == made.notified_of(3) == (*sales.notify, *service.notify)


def test_a_revision_stands_for_what_a_flow_says() -> None:
    flow = Flow.ringing(["+12025550191"])

    assert revision(flow) == revision(Flow.ringing(["+12025550191"]))
    assert revision(flow) != revision(Flow.ringing(["+12025550192"]))
    assert len(revision(flow)) == 16
