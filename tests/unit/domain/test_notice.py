"""Who is told, and what becomes of each telling."""

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringtrace.domain.call import Outcome
from ringtrace.domain.moment import DAY_MS, HOUR_MS
from ringtrace.domain.notice import (
    CALL_EVENTS,
    LONGEST_PAUSE_MS,
    MOST_TRIES,
    SECRET_OVERLAP_MS,
    AddressInvalidError,
    Delivery,
    DeliveryState,
    Event,
    Recipient,
    RecipientKind,
    Secret,
    Try,
    again,
    event_of,
    failing,
    gives_up,
    pause,
    read_recipient_address,
    tried,
)
from ringtrace.domain.sending import Failure

CHANCE = st.floats(0, 1)
NEW = Delivery(1, "id", "r", Event.MISSED, 1_000, DeliveryState.PENDING, 1_000)


def missed(at: int, failure: Failure = Failure.NOT_CONNECTED, seconds: float = 1.0) -> Try:
    return Try(at, seconds, failure=failure)


def exhausted(chance: float = 0.5) -> Delivery:
    """All tries have failed, each made as soon as it was due."""
    delivery = NEW
    while delivery.next_try_at is not None:
        delivery = tried(delivery, missed(delivery.next_try_at), chance)
    return delivery


def test_every_outcome_has_its_event_and_the_test_is_of_no_call() -> None:
    assert [*map(event_of, Outcome), Event.SPAM] == list(CALL_EVENTS)
    assert {event_of(outcome, is_spam=True) for outcome in Outcome} == {Event.SPAM}
    assert Event.TEST not in CALL_EVENTS


@pytest.mark.parametrize(
    ("text", "kept", "kind"),
    [
        ("mail:desk@example.com", "mail:desk@example.com", RecipientKind.MAIL),
        ("mail:J.Doe+a@EXAMPLE.com", "mail:J.Doe+a@example.com", RecipientKind.MAIL),
        ("mail:root@localhost", "mail:root@localhost", RecipientKind.MAIL),
        ("https://example.com/hook?k=1", "https://example.com/hook?k=1", RecipientKind.WEBHOOK),
        ("http://10.0.0.1:81/", "http://10.0.0.1:81/", RecipientKind.WEBHOOK),
    ],
)
def test_a_recipient_is_a_mail_address_or_a_url(text: str, kept: str, kind: RecipientKind) -> None:
    address = read_recipient_address(text)

    assert address == kept
    assert Recipient(1, address).kind is kind
    assert Recipient(1, address).recipient_id == Recipient(2, kept).recipient_id


def test_the_mailbox_is_the_address_without_its_scheme() -> None:
    assert Recipient(1, "mail:desk@example.com").mailbox == "desk@example.com"


@pytest.mark.parametrize(
    "text",
    [
        *("", "desk@example.com", "mail:", "mail:desk", "mail:@example.com", "mail:a@b@c.com"),
        *("mail:a b@example.com", "mail:a@example.com\r\nBcc: b@example.com", "mail:a@-x.com"),
        *("mail:.a@example.com", "mail:a..b@example.com", "mail:a@exa_mple.com", "mail:a@x..com"),
        *("mail:<a@example.com>", "mail:ä@example.com", "mail:a@example.com,b@example.com"),
        *(f"mail:{'a' * 65}@example.com", f"mail:a@{'b.' * 126}com", "ftp://example.com"),
        "https://a:b@example.com/",
    ],
)
def test_what_is_no_recipient_is_refused(text: str) -> None:
    with pytest.raises(AddressInvalidError):
        read_recipient_address(text)


def test_after_a_change_of_the_secret_both_sign_for_a_day() -> None:
    old, new = Secret("old", 0), Secret("new", 5 * DAY_MS)
    recipient = Recipient(1, "https://example.com/").with_secret(old).with_secret(new)

    assert recipient.signing(5 * DAY_MS) == (new, old)
    assert recipient.signing(5 * DAY_MS + SECRET_OVERLAP_MS) == (new,)
    assert recipient.with_secret(Secret("newer", 6 * DAY_MS)).secrets == (
        Secret("newer", 6 * DAY_MS),
        new,
    )
    assert Recipient(1, "https://example.com/").signing(0) == ()


def test_a_success_ends_a_delivery() -> None:
    after = tried(NEW, Try(1_000, 0.2, 204), 0.5)

    assert (after.state, after.next_try_at, after.count) == (DeliveryState.DELIVERED, None, 1)


@given(st.integers(1, MOST_TRIES), CHANCE)
def test_pauses_grow_fourfold_up_to_half_a_day_and_are_spread(count: int, chance: float) -> None:
    usual = min(10_000 * 4 ** (count - 1), LONGEST_PAUSE_MS)

    assert 0.8 * usual - 1 <= pause(count, chance) <= 1.2 * usual + 1
    assert pause(count, 0.5) == usual


@given(CHANCE)
def test_a_delivery_is_tried_for_two_to_four_days_and_then_is_dead(chance: float) -> None:
    delivery = exhausted(chance)

    assert (delivery.state, delivery.count) == (DeliveryState.DEAD, MOST_TRIES)
    assert 2 * DAY_MS < delivery.tries[-1].at - delivery.tries[0].at < 4 * DAY_MS


def test_a_recipient_may_ask_for_a_longer_pause_within_bounds() -> None:
    failed = missed(1_000, Failure.STATUS, 0.5)

    assert tried(NEW, failed, 0.5, 3_600).next_try_at == 1_500 + HOUR_MS
    assert tried(NEW, failed, 0.5, 1).next_try_at == 1_500 + 10_000
    assert tried(NEW, failed, 0.5, 1e9).next_try_at == 1_500 + LONGEST_PAUSE_MS
    assert tried(NEW, failed, 0.5, math.inf).next_try_at == 1_500 + LONGEST_PAUSE_MS


@pytest.mark.parametrize("failure", list(Failure))
def test_what_would_fail_the_same_again_is_not_tried_again(failure: Failure) -> None:
    after = tried(NEW, missed(1_000, failure), 0.5)

    assert (after.state is DeliveryState.DEAD) is failure.is_final
    assert (after.next_try_at is None) is failure.is_final


def test_a_recipient_fails_from_the_first_failure_after_a_success() -> None:
    assert failing(None, missed(5)) == 5
    assert failing(5, missed(9)) == 5
    assert failing(5, Try(9, 0.1, 200)) is None


def test_a_recipient_whom_nothing_reached_for_days_is_stopped() -> None:
    delivery = exhausted()
    last = delivery.tries[-1].at

    assert gives_up(delivery, delivery.tries[0].at)
    assert gives_up(delivery, last - 2 * DAY_MS)
    assert not gives_up(delivery, last - 2 * DAY_MS + 1), "something else got through meanwhile"
    assert not gives_up(delivery, None)
    assert not gives_up(tried(NEW, missed(1_000), 0.5), -9 * DAY_MS), "it is tried again"


def test_a_recipient_who_says_that_he_is_gone_is_stopped_at_once() -> None:
    assert gives_up(tried(NEW, Try(1_000, 0.1, 410, Failure.GONE), 0.5), 1_000)


def test_a_mailbox_that_refuses_everything_for_days_is_stopped() -> None:
    refused = tried(NEW, missed(5 * DAY_MS, Failure.MAIL_REFUSED), 0.5)

    assert not gives_up(refused, 4 * DAY_MS)
    assert gives_up(refused, 3 * DAY_MS)


def test_a_call_that_was_forgotten_is_no_failure_of_the_recipient() -> None:
    assert failing(None, missed(9, Failure.CALL_FORGOTTEN)) is None
    assert failing(5, missed(9, Failure.CALL_FORGOTTEN)) == 5


def test_a_delivery_that_is_sent_again_has_all_its_tries_before_it() -> None:
    dead = exhausted()
    anew = again(dead, 9 * DAY_MS)

    assert (anew.state, anew.next_try_at, anew.count) == (DeliveryState.PENDING, 9 * DAY_MS, 0)
    assert (anew.delivery_id, anew.tries) == (dead.delivery_id, dead.tries)
    assert tried(anew, missed(9 * DAY_MS), 0.5).state is DeliveryState.PENDING


@given(st.integers(0, 60))
def test_the_latest_tries_are_kept(count: int) -> None:
    delivery = NEW
    for at in range(count):
        delivery = tried(replace(delivery, count=0), missed(at), 0.5)

    assert [one.at for one in delivery.tries] == list(range(max(0, count - 20), count))
