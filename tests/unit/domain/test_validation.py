"""What is wrong with a flow is said before a call meets it, and where."""

import pytest

from ringtrace.domain.call import GatewayKind
from ringtrace.domain.fault import Severity
from ringtrace.domain.flow import (
    Announce,
    Branch,
    Collect,
    Dial,
    Flow,
    HangUp,
    How,
    Menu,
    Step,
    Target,
    Voicemail,
    When,
)
from ringtrace.domain.hours import Hours
from ringtrace.domain.validation import faults

A, B, OWN = "+12025550191", "+12025550192", "+12025550100"
OFFICE = {"office": Hours("UTC", mon=("09:00-17:00",))}
HELLO = Announce(say="Hello.")
MESSAGE = Voicemail(say="Speak.")


def errors(*steps: Step, hours: dict[str, Hours] | None = None) -> dict[str, str]:
    """Messages by paths, of a flow that is good but for `steps`."""
    flow = Flow((HELLO, *steps), hours=OFFICE if hours is None else hours)
    found = faults(flow, {OWN}, [GatewayKind.SIP])
    return {fault.path: fault.message for fault in found if fault.severity is Severity.ERROR}


def warnings(*steps: Step) -> list[str]:
    return [fault.path for fault in faults(Flow(steps)) if fault.severity is Severity.WARNING]


def test_a_good_flow_has_no_faults() -> None:
    flow = Flow(
        (
            Branch(
                When(hours="office", caller_prefix=("+49",), tag=("vip",), caller_country=("DE",)),
                then=(Dial((Target(A, hours="office"), "sip:a@example.com")),),
                otherwise=(HangUp(),),
            ),
            Menu(play="menu.wav", keys={"1": (Collect(), Dial((A,))), "#": (HELLO,)}),
            Dial((A, B), whisper="{channel} {campaign} {keyword} {number}", accept="*"),
            MESSAGE,
        ),
        language="en",
        hours=OFFICE,
    )

    assert faults(flow, {OWN}, [GatewayKind.SIP]) == []


def test_the_short_form_has_no_faults() -> None:
    assert faults(Flow.ringing([A, B])) == []


def test_the_fields_of_a_flow_have_bounds() -> None:
    found = faults(Flow((HELLO,), language="German, please", max_seconds=9))

    assert [fault.path for fault in found] == ["language", "max_seconds"]


def test_faults_of_opening_hours_are_named() -> None:
    hours = {"office": Hours("Mars/Base", mon=("9-5",)), "never": Hours("UTC")}

    assert list(errors(hours=hours)) == [
        "hours.office.time_zone",
        "hours.office.mon[0]",
        "hours.never.mon",
    ]


def test_hours_that_do_not_exist_are_named_where_they_are_used() -> None:
    found = errors(
        Branch(When(hours="night"), then=(Dial((Target(A, hours="holiday"),)),)),
    )

    assert list(found) == ["step[1].when.hours", "step[1].then[0].targets[0].hours"]
    assert "there are: office" in found["step[1].when.hours"]
    assert (
        "there are: none"
        in errors(Branch(When(hours="x"), then=(HELLO,)), hours={})["step[1].when.hours"]
    )


def test_a_target_that_cannot_be_dialled_is_named_at_any_depth() -> None:
    menu = Menu(say="?", keys={"1": (Dial((A, Target("202 555 0191"))),)})

    assert list(errors(HELLO, menu)) == ["step[2].keys.1[0].targets[1].to"]
    assert list(errors(Dial(("nobody",)))) == ["step[1].targets[0]"]


def test_a_tracking_number_of_ours_is_no_target() -> None:
    found = errors(Dial((A, OWN)))

    assert list(found) == ["step[1].targets[1]"]
    assert "tracking number" in found["step[1].targets[1]"]


@pytest.mark.parametrize(
    ("target", "field"),
    [
        (Target(A, ring_seconds=4), "ring_seconds"),
        (Target(A, ring_seconds=121), "ring_seconds"),
        (Target(A, weight=0), "weight"),
        (Target(A, weight=1_001), "weight"),
        (Target(A, most_calls=0), "most_calls"),
        (Target(A, most_calls=1_001), "most_calls"),
    ],
)
def test_the_figures_of_a_target_have_bounds(target: Target, field: str) -> None:
    assert list(errors(Dial((target,)))) == [f"step[1].targets[0].{field}"]


@pytest.mark.parametrize("most", [5, 120])
def test_bounds_are_allowed(most: int) -> None:
    assert errors(Dial((Target(A, ring_seconds=most, most_calls=most),))) == {}


@pytest.mark.parametrize(
    ("step", "path"),
    [
        (Dial(()), "targets"),
        (Dial((A,) * 21), "targets"),
        (Dial((A,), whisper=" "), "whisper"),
        (Dial((A,), whisper="x" * 1_001), "whisper"),
        (Dial((A,), whisper="from {source}"), "whisper"),
        (Dial((A,), whisper="from {}"), "whisper"),
        (Dial((A,), whisper="x", accept="12"), "accept"),
        (Dial((A,), whisper="x", accept=""), "accept"),
        (Announce(), "say"),
        (Announce(say=""), "say"),
        (Announce(say="x" * 1_001), "say"),
        (Announce(play="../x.wav"), "play"),
        (Announce(play=""), "play"),
        (Voicemail(say="x", seconds=4), "seconds"),
        (Voicemail(say="x", seconds=601), "seconds"),
        (Voicemail(), "say"),
        (Voicemail(say="x", notify=("mail:a@b.c", "nobody")), "notify[1]"),
        (Voicemail(say="x", notify=("mail:a@b.c",) * 11), "notify"),
        (HangUp(399), "code"),
        (HangUp(700), "code"),
        (Menu(keys={"1": (HELLO,)}), "say"),
        (Menu(say="?", keys={}), "keys"),
        (Menu(say="?", keys={"a": (HELLO,)}), "keys.a"),
        (Menu(say="?", keys={"10": (HELLO,)}), "keys.10"),
        (Menu(say="?", keys={"1": (HELLO,)}, seconds=0.5), "seconds"),
        (Menu(say="?", keys={"1": (HELLO,)}, seconds=float("nan")), "seconds"),
        (Menu(say="?", keys={"1": (HELLO,)}, tries=0), "tries"),
        (Menu(say="?", keys={"1": (HELLO,)}, tries=6), "tries"),
        (Branch(When(), then=(HELLO,)), "when"),
        (Branch(When(channel=()), then=(HELLO,)), "when.channel"),
        (Branch(When(caller_prefix=("+1", "49")), then=(HELLO,)), "when.caller_prefix[1]"),
        (Branch(When(caller_country=("de",)), then=(HELLO,)), "when.caller_country[0]"),
        (Branch(When(tag=()), then=(HELLO,)), "when.tag"),
        (Branch(When(tag=("vip", "two words")), then=(HELLO,)), "when.tag[1]"),
        (Branch(When(tag=("VIP",)), then=(HELLO,)), "when.tag[0]"),
        (Branch(When(withheld=True)), ""),
    ],
)
def test_a_wrong_field_is_named(step: Step, path: str) -> None:
    assert list(errors(step)) == [f"step[1].{path}".removesuffix(".")]


def test_a_flow_asks_once() -> None:
    found = errors(Collect(), Branch(When(withheld=True), then=(Collect(),)))

    assert list(found) == ["step[2].then[0]"]
    assert "step[1]" in found["step[2].then[0]"]


def test_a_flow_has_so_many_steps() -> None:
    assert errors(*[HELLO] * 99) == {}
    assert list(errors(*[HELLO] * 100)) == ["step"]


def nested(depth: int) -> Step:
    step: Step = HELLO
    for _ in range(depth - 1):
        step = Branch(When(withheld=True), then=(step,))
    return step


def test_a_flow_is_nested_so_deep() -> None:
    assert errors(nested(8)) == {}
    assert list(errors(nested(9))) == ["step[1]" + ".then[0]" * 8]
    assert next(iter(errors(nested(99)))) == "step[1]" + ".then[0]" * 8


def test_a_key_that_nobody_is_told_to_press_is_warned_of() -> None:
    assert warnings(Dial((A,), accept="1")) == ["step[0].accept"]


def test_a_first_target_of_those_that_ring_at_once_is_warned_of() -> None:
    assert warnings(Dial((A, B), how=How.AT_ONCE, sticky=True)) == ["step[0].sticky"]


def test_the_wait_for_an_answer_matters_where_voximplant_carries_it_out() -> None:
    flow = Flow.ringing([A, B], 40)

    assert [fault.path for fault in faults(flow)] == ["step[0]"]
    assert faults(flow, gateways=[GatewayKind.SIP]) == []


def test_a_file_that_a_gateway_would_not_play_is_an_error() -> None:
    """Else a notice that calls are recorded would be heard by nobody."""
    flow = Flow((Announce(play="notice.wav"), Dial((A,))))

    assert [fault.path for fault in faults(flow)] == ["step[0].play"]
    assert not faults(flow, sounds={"notice.wav"}), "it was uploaded"
    instead = Flow((Announce(play="notice.wav", say="Notice."), Dial((A,))))
    assert not faults(instead), "it is said"
    assert faults(flow, gateways=[GatewayKind.SIP]) == []


def test_all_targets_together_have_room_in_a_report() -> None:
    many = tuple(f"+120255501{n:02}" for n in range(20))
    flow = Flow(tuple(Dial(many, how=How.AT_ONCE) for _ in range(6)))

    assert [fault.path for fault in faults(flow, gateways=[GatewayKind.SIP])] == ["step"]
