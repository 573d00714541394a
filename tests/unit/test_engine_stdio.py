"""The engine behind JSON lines."""

import io
import json
from typing import Any

from ringtrace.engine_stdio import run

INIT = {"ev": "init", "numbers": 2, "channels": ["ads", "organic"]}
LEASE = {"ev": "lease", "t": 0, "visit": 7, "cookie": 70, "ch": "ads", "kw": 5, "dev": 1}
CALL = {"ev": "call", "t": 20, "number": 1, "caller": 1}


def told(*events: dict[str, Any] | bytes) -> list[dict[str, Any]]:
    lines = [one if isinstance(one, bytes) else json.dumps(one).encode() for one in events]
    answers = io.BytesIO()
    run((line + b"\n" for line in lines), answers)
    return [json.loads(line) for line in answers.getvalue().splitlines()]


def test_a_lease_and_a_call_are_answered_the_rest_is_not() -> None:
    signs = [{"ev": ev, "t": 1, "visit": 7} for ev in ("seen", "contact", "tap", "leave")]

    lease, again, call = told(INIT, LEASE, LEASE, *signs, CALL)

    assert lease == again == {"number": 1}
    assert (call["visit"], call["channel"], call["keyword"]) == (7, "ads", 5)
    assert set(call) == {"visit", "conf", "channel", "keyword", "channels", "noise"}
    assert set(call["channels"]) == {"ads", "organic", "unknown"}
    assert abs(sum(call["channels"].values()) - 1) < 1e-9


def test_a_withheld_caller_to_a_number_never_shown_is_noise() -> None:
    (call,) = told(INIT, CALL | {"number": 0, "caller": -1})

    assert (call["visit"], call["noise"]) == (None, 1.0)


def test_a_line_nested_without_end_is_answered_like_any_bad_one() -> None:
    nested = b'{"ev": "lease", "x": ' + b"[" * 50_000 + b"]" * 50_000 + b"}"

    refused, lease = told(INIT, nested, LEASE)

    assert list(refused) == ["error"]
    assert lease == {"number": 1}


def test_a_bad_line_is_answered_in_its_place_and_the_next_one_goes_on() -> None:
    answers = told(
        LEASE,
        INIT,
        b"{",
        b"\xff",
        {"ev": "nothing"},
        LEASE | {"dev": 2},
        LEASE | {"t": -1},
        CALL | {"number": 2},
        LEASE,
    )

    errors = [str(one.get("error", "")) for one in answers]
    assert errors[0] == "ev: the first event must be init"
    assert all(errors[:-1])
    assert "dev" in errors[4]
    assert "number 2" in errors[6]
    assert answers[-1] == {"number": 1}
    assert len(answers) == 8


def test_a_second_init_begins_anew() -> None:
    answers = told(INIT, LEASE, INIT, CALL)

    assert answers[-1]["visit"] is None


class Watched(io.BytesIO):
    """Notes what was flushed."""

    flushed = 0

    def flush(self) -> None:
        self.flushed = len(self.getvalue())


def test_every_answer_is_flushed() -> None:
    answers = Watched()

    def events() -> Any:
        yield json.dumps(INIT).encode()
        yield json.dumps(LEASE).encode()
        assert answers.flushed == len(answers.getvalue()) > 0

    run(events(), answers)
