"""From the record of a call to its report."""

import time

import msgspec
import pytest

from ringtrace.domain.attempt import Attempt
from ringtrace.domain.call import Outcome, PlanSource, Reason
from ringtrace.domain.plan import Target
from ringtrace.gateways.sip.record import CallRecord, new_call_id, report

START = 1_795_415_400_120


def ringing() -> CallRecord:
    return CallRecord(
        call=new_call_id(),
        session="abc@192.0.2.1",
        node="sip-2",
        number="+15550100101",
        caller=None,
        started_at=START,
        plan_source=PlanSource.CACHE,
        flow="office 3",
        attempts=[Attempt(Target("+15550199001", 25), START + 200)],
    )


def talking() -> CallRecord:
    record = ringing()
    record.attempts[0].answer(START + 3_200)
    record.attempts[0].join(START + 3_200)
    return record


def test_call_ids_sort_by_time_and_differ() -> None:
    ids = [new_call_id() for _ in range(1000)]
    assert len(set(ids)) == 1000
    assert all(len(i) == 32 and i[12] == "7" and i[16] in "89ab" for i in ids)
    time.sleep(0.002)
    assert new_call_id() > max(ids)
    assert int(ids[0][:12], 16) == pytest.approx(time.time() * 1000, abs=10_000)


def test_digits_and_state_survive_the_journal() -> None:
    record = talking()
    record.digits = "4217"
    again = msgspec.json.decode(msgspec.json.encode(record), type=CallRecord)
    again.cut_off(START + 5_200, 500)
    made = report(again, None)
    assert (made.digits, made.outcome, made.talk_seconds) == ("4217", Outcome.ANSWERED, 2.0)


def test_answered_call() -> None:
    record = talking()
    record.cut_off(START + 44_200, 500)
    document = msgspec.json.decode(msgspec.json.encode(report(record, 40.98)))
    assert document == {
        "number": "+15550100101",
        "caller": None,
        "started_at": "2026-11-23T06:30:00.120Z",
        "outcome": "answered",
        "reason": None,
        "code": 200,
        "target": "+15550199001",
        "ring_seconds": 3.2,
        "talk_seconds": 41.0,
        "legs": [
            {
                "target": "+15550199001",
                "started_at": "2026-11-23T06:30:00.320Z",
                "ring_seconds": 3.0,
                "talk_seconds": 41.0,
                "code": 200,
                "reason": None,
            }
        ],
        "recording": {"seconds": 40.98, "channels": 2, "url": None},
        "session": "abc@192.0.2.1",
        "plan_source": "cache",
        "digits": None,
        "box": None,
        "node": "sip-2",
        "flow": "office 3",
    }


def test_caller_who_left_before_there_was_a_plan() -> None:
    record = ringing()
    record.attempts = ()
    record.abandoned(START + 5_000)
    made = report(record, None)
    assert (made.outcome, made.reason, made.code) == (
        Outcome.ABANDONED,
        Reason.CALLER_DISCONNECTS,
        487,
    )
    assert (made.ring_seconds, made.talk_seconds, made.recording) == (5.0, 0.0, None)
    assert (made.target, made.legs) == (None, ())


def test_what_fails_without_a_leg_has_no_target() -> None:
    record = ringing()
    record.attempts = ()
    record.failed(START + 1_000, 500)
    made = report(record, None)
    assert (made.target, made.legs, made.reason) == (None, (), Reason.INTERNAL_ERROR)


def test_a_message_under_way_is_a_message() -> None:
    record = ringing()
    record.attempts[0].fail(START + 1_000, 486)
    record.message_at = START + 4_000
    record.cut_off(START + 9_000, 500)
    made = report(record, 5.0)
    assert (made.outcome, made.code, made.ring_seconds) == (Outcome.VOICEMAIL, 200, 4.0)
    assert (made.legs[0].code, made.legs[0].reason) == (486, Reason.OPERATOR_BUSY)


def test_a_leg_that_rang_when_the_node_died_failed_with_it() -> None:
    record = ringing()
    record.lost(START + 5_000)
    made = report(record, None)
    assert (made.outcome, made.reason, made.code) == (
        Outcome.FAILED,
        Reason.GATEWAY_FAILURE,
        None,
    )
    assert (made.legs[0].code, made.legs[0].reason) == (None, Reason.GATEWAY_FAILURE)
    assert made.legs[0].ring_seconds == 4.8


def test_death_before_the_last_heartbeat_counts_no_negative_time() -> None:
    record = talking()
    record.lost(START + 2_500)
    assert report(record, None).talk_seconds == 0


def test_a_talk_that_the_node_died_in_stays_answered_and_says_why_it_ended() -> None:
    record = talking()
    record.lost(START + 8_200)
    made = report(record, None)
    assert (made.outcome, made.reason, made.code) == (
        Outcome.ANSWERED,
        Reason.GATEWAY_FAILURE,
        200,
    )
    assert (made.talk_seconds, made.legs[0].reason) == (5.0, None)


def test_call_under_way_has_no_report() -> None:
    with pytest.raises(ValueError, match="has not ended"):
        report(ringing(), None)
