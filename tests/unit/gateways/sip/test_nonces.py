"""Nonces: whose they are, how long they hold, and that a use counts once."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringtrace.gateways.sip import nonces as module
from ringtrace.gateways.sip.nonces import Nonces, NonceState

HERE, ELSEWHERE = "192.0.2.1", "192.0.2.2"


def test_a_nonce_is_fresh_for_its_source_until_it_is_old() -> None:
    nonces = Nonces(300)
    nonce = nonces.make(HERE, 1_000.0)
    assert nonces.state(nonce, HERE, 1_300.0) is NonceState.FRESH
    assert nonces.state(nonce, HERE, 1_300.1) is NonceState.STALE
    assert nonces.state(nonce, ELSEWHERE, 1_000.0) is NonceState.FOREIGN
    assert nonces.make(HERE, 1_000.0) != nonce


@given(st.text(max_size=60))
def test_what_we_never_made_is_foreign(text: str) -> None:
    assert Nonces(300).state(text, HERE, 0.0) is NonceState.FOREIGN
    assert not Nonces(300).use(text, HERE, 1, 0.0)


def test_another_process_has_other_nonces() -> None:
    nonce = Nonces(300).make(HERE, 0.0)
    assert Nonces(300).state(nonce, HERE, 0.0) is NonceState.FOREIGN


@given(st.lists(st.integers(1, 200), max_size=120))
def test_no_count_is_taken_twice_and_late_ones_pass_within_the_window(counts: list[int]) -> None:
    nonces = Nonces(300)
    nonce = nonces.make(HERE, 0.0)
    taken: set[int] = set()
    for count in counts:
        is_new = count not in taken and count > max(taken, default=0) - 64
        assert nonces.use(nonce, HERE, count, 1.0) is is_new
        if is_new:
            taken.add(count)


def test_a_count_begins_at_one() -> None:
    nonces = Nonces(300)
    assert not nonces.use(nonces.make(HERE, 0.0), HERE, 0, 0.0)


def test_what_is_forgotten_for_want_of_room_is_stale_and_no_replay(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "_KEPT", 2)
    nonces = Nonces(300)
    made = [nonces.make(HERE, float(moment)) for moment in range(3)]
    assert all(nonces.use(nonce, HERE, 1, 3.0) for nonce in made)
    states = [nonces.state(nonce, HERE, 3.0) for nonce in made]
    assert states == [NonceState.STALE, NonceState.FRESH, NonceState.FRESH]


def test_old_nonces_are_forgotten() -> None:
    nonces = Nonces(300)
    for moment in range(1_000):
        assert nonces.use(nonces.make(HERE, float(moment)), HERE, 1, float(moment))
    assert len(nonces._uses) <= 301
