"""What an HTTP answer means for a call, a report and a recording."""

import base64
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path

import httpx
import msgspec
import pytest

from ringtrace.domain.audio import AudioFormat
from ringtrace.domain.plan import Collect, Dial
from ringtrace.gateways.sip.backend import (
    Arrival,
    Backend,
    BackendAwayError,
    Delivery,
    LegNote,
    NumberUnknownError,
)
from ringtrace.gateways.sip.outgoing import OutgoingRecording

DIAL = {
    "do": "dial",
    "targets": [{"to": "+15550199001", "ring_seconds": 25}],
    "caller_id": "+15550100101",
    "record": True,
}
ARRIVAL = Arrival("c1", "15550100101", None, "2026-11-23T06:30:00.120Z")
PLAN = {
    "call": "c1",
    "number": "+15550100101",
    "steps": [DIAL],
    "max_seconds": 7200,
    "cacheable": True,
}
Answer = Callable[[httpx.Request], httpx.Response]
Make = Callable[[Answer], Backend]


@pytest.fixture
def backend() -> Iterator[Make]:
    made: list[Backend] = []

    def make(answer: Answer) -> Backend:
        backend = Backend("http://backend.example/", "secret", 2.0, node="sip-2")
        backend._client.close()
        headers = {"Authorization": "Bearer secret"}
        backend._client = httpx.Client(transport=httpx.MockTransport(answer), headers=headers)
        made.append(backend)
        return backend

    yield make
    for each in made:
        each.close()


def test_every_request_tells_the_node() -> None:
    made = Backend("http://backend.example/", "secret", 2.0, node="sip-2")
    assert made._client.headers["user-agent"] == "ringtrace-sip (sip-2)"
    made.close()


def test_plan_is_asked_for_as_the_contract_says(backend: Make) -> None:
    asked: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(200, json=PLAN)

    plan = backend(answer).plan(ARRIVAL)
    (request,) = asked
    assert (request.method, str(request.url)) == (
        "POST",
        "http://backend.example/gateway/v1/calls",
    )
    assert request.headers["authorization"] == "Bearer secret"
    assert msgspec.json.decode(request.content) == {
        "call": "c1",
        "number": "15550100101",
        "caller": None,
        "started_at": "2026-11-23T06:30:00.120Z",
    }
    (dial,) = plan.steps
    assert isinstance(dial, Dial)
    assert dial.targets[0].to == "+15550199001"
    assert (plan.max_seconds, plan.cacheable, dial.record) == (7200, True, True)


COLLECT = {
    "do": "collect",
    "digits": 4,
    "seconds": 8,
    "prompt": {"text": "Key it.", "language": "en-US"},
}


def test_a_plan_may_begin_with_digits(backend: Make) -> None:
    answer = PLAN | {"steps": [COLLECT, DIAL]}
    plan = backend(lambda _: httpx.Response(200, json=answer)).plan(ARRIVAL)
    collect, dial = plan.steps
    assert isinstance(collect, Collect)
    assert (collect.digits, collect.seconds, collect.prompt.language) == (4, 8, "en-US")
    assert isinstance(dial, Dial)


def test_digits_are_posted_as_the_contract_says(backend: Make) -> None:
    asked: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(200, json=PLAN)

    plan = backend(answer).plan_for_digits("c1", "4217", 3.0)
    (request,) = asked
    assert (request.method, str(request.url)) == (
        "POST",
        "http://backend.example/gateway/v1/calls/c1/digits",
    )
    assert request.headers["authorization"] == "Bearer secret"
    assert request.extensions["timeout"] == dict.fromkeys(("connect", "read", "write", "pool"), 3.0)
    assert msgspec.json.decode(request.content) == {"digits": "4217"}
    (dial,) = plan.steps
    assert isinstance(dial, Dial)
    assert dial.targets[0].to == "+15550199001"


def test_a_plan_for_digits_may_ask_for_digits(backend: Make) -> None:
    again = httpx.Response(200, json=PLAN | {"steps": [COLLECT, DIAL]})
    plan = backend(lambda _: again).plan_for_digits("c1", "4217", 3.0)
    assert isinstance(plan.steps[0], Collect)


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(404, json={"error_id": "call_unknown"}),
        httpx.Response(422, json={"error_id": "field_invalid", "field": "digits"}),
        httpx.Response(503),
        httpx.Response(200, text="<html>"),
    ],
)
def test_any_other_answer_to_the_digits_is_no_plan(backend: Make, answer: httpx.Response) -> None:
    with pytest.raises(BackendAwayError):
        backend(lambda _: answer).plan_for_digits("c1", "4217", 3.0)


def test_unknown_number_is_told_from_an_absent_backend(backend: Make) -> None:
    unknown = backend(lambda _: httpx.Response(404, json={"error_id": "number_unknown"}))
    with pytest.raises(NumberUnknownError):
        unknown.plan(ARRIVAL)
    with pytest.raises(BackendAwayError, match="status_404"):
        backend(lambda _: httpx.Response(404, text="<html>")).plan(ARRIVAL)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"max_seconds": 0}, "max_seconds"),
        ({"steps": [{"do": "dance"}]}, "dance"),
        ({"steps": [{**COLLECT, "digits": 0}, DIAL]}, "digits"),
        ({"steps": [{**COLLECT, "seconds": 61}, DIAL]}, "seconds"),
        ({"steps": [{"do": "collect", "digits": 4, "seconds": 8}, DIAL]}, "prompt"),
        ({"steps": [{**DIAL, "caller_id": "a\r\nb"}]}, "caller_id"),
        ({"steps": [{**DIAL, "targets": [{"to": "5", "ring_seconds": 5}]}]}, "to"),
        (
            {"steps": [{**DIAL, "targets": [{"to": "+15550199001", "ring_seconds": 0}]}]},
            "ring_seconds",
        ),
    ],
)
def test_answer_that_is_no_plan_counts_as_absence(
    backend: Make, change: dict[str, object], field: str
) -> None:
    with pytest.raises(BackendAwayError, match=field):
        backend(lambda _: httpx.Response(200, json={**PLAN, **change})).plan(ARRIVAL)


@pytest.mark.parametrize("status", [301, 401, 422, 429, 500, 503])
def test_other_answers_count_as_absence(backend: Make, status: int) -> None:
    with pytest.raises(BackendAwayError, match=f"status_{status}"):
        backend(lambda _: httpx.Response(status)).plan(ARRIVAL)


def test_time_out_counts_as_absence(backend: Make) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        raise httpx.ReadTimeout("slow", request=request)

    with pytest.raises(BackendAwayError, match="ReadTimeout"):
        backend(answer).plan(ARRIVAL)
    assert backend(answer).send_report("c1", b"{}") is Delivery.AWAY


@pytest.mark.parametrize(
    ("status", "error_id", "delivery"),
    [
        (200, "", Delivery.TAKEN),
        (201, "", Delivery.TAKEN),
        (409, "report_contradicts", Delivery.TAKEN),
        (404, "number_unknown", Delivery.NOT_OURS),
        (404, "call_unknown", Delivery.LATER),
        (401, "token_unknown", Delivery.LATER),
        (422, "field_invalid", Delivery.LATER),
        (503, "", Delivery.LATER),
    ],
)
def test_delivery(backend: Make, status: int, error_id: str, delivery: Delivery) -> None:
    sender = backend(lambda _: httpx.Response(status, json={"error_id": error_id}))
    assert sender.send_report("c1", b"{}") is delivery


def test_recording_is_put_as_what_it_is_with_its_digest(backend: Make, tmp_path: Path) -> None:
    asked: list[tuple[str, str, dict[str, str], bytes]] = []

    def answer(request: httpx.Request) -> httpx.Response:
        wanted = ("content-type", "content-length", "content-digest")
        headers = {name: request.headers[name] for name in wanted}
        asked.append((request.method, request.url.path, headers, request.read()))
        return httpx.Response(204)

    file = tmp_path / "c1.flac"
    file.write_bytes(b"fLaC")
    digest = sha256(b"fLaC").digest()
    recording = OutgoingRecording(file, AudioFormat.FLAC, digest.hex())
    assert backend(answer).send_recording("c1", recording) is Delivery.TAKEN
    headers = {
        "content-type": "audio/flac",
        "content-length": "4",
        "content-digest": f"sha-256=:{base64.b64encode(digest).decode()}:",
    }
    assert asked == [("PUT", "/gateway/v1/calls/c1/recording", headers, b"fLaC")]


@pytest.mark.parametrize("free", [True, False])
def test_whether_a_target_has_room_is_asked_as_the_contract_says(
    backend: Make, *, free: bool
) -> None:
    asked: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(200, json={"free": free})

    assert backend(answer).has_room("c1", LegNote(2, "+15550199001", 3), 1.0) is free
    (request,) = asked
    assert str(request.url) == "http://backend.example/gateway/v1/calls/c1/legs"
    assert msgspec.json.decode(request.content) == {
        "leg": 2,
        "target": "+15550199001",
        "most_calls": 3,
    }


@pytest.mark.parametrize(
    "answer",
    [httpx.Response(503), httpx.Response(404, json={}), httpx.Response(200, content=b"<html>")],
)
def test_a_backend_that_does_not_say_whether_there_is_room_is_away(
    backend: Make, answer: httpx.Response
) -> None:
    with pytest.raises(BackendAwayError):
        backend(lambda _: answer).has_room("c1", LegNote(1, "+15550199001", 1), 1.0)


def test_a_lost_connection_leaves_open_whether_there_is_room(backend: Make) -> None:
    def lost(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused", request=request)

    with pytest.raises(BackendAwayError):
        backend(lost).has_room("c1", LegNote(1), 1.0)


def test_a_sound_is_fetched_by_its_link(backend: Make) -> None:
    asked: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(200, content=b"RIFF")

    assert backend(answer).sound("/sounds/1/a.wav?expires=1") == b"RIFF"
    (request,) = asked
    assert (request.method, str(request.url)) == (
        "GET",
        "http://backend.example/sounds/1/a.wav?expires=1",
    )


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(404),
        httpx.Response(302, headers={"Location": "https://elsewhere.example/"}),
        httpx.Response(200, content=bytes(10 * 1024 * 1024 + 1)),
    ],
    ids=["missing", "elsewhere", "too large"],
)
def test_what_is_no_sound_of_the_backend_is_not_taken(
    backend: Make, answer: httpx.Response
) -> None:
    with pytest.raises(BackendAwayError):
        backend(lambda _: answer).sound("/sounds/1/a.wav")


def test_a_lost_connection_brings_no_sound(backend: Make) -> None:
    def lost(request: httpx.Request) -> httpx.Response:
        raise httpx.ReadError("reset", request=request)

    with pytest.raises(BackendAwayError):
        backend(lost).sound("/sounds/1/a.wav")
