"""What is learnt from calls nobody claims."""

from dataclasses import replace

import numpy as np
import pytest

from ringtrace.domain import hazard
from ringtrace.domain.evidence import CallEvidence
from ringtrace.domain.exposure import CELLS, Segments
from ringtrace.domain.hazard import Floats
from ringtrace.domain.learning import MAX_CALLS, Canaries, Season, learn
from ringtrace.domain.model import DAY_SECONDS, SHIPPED
from ringtrace.domain.moment import HOUR_MS

DAYS = 14
VISITS = 20_000
ADS, ORGANIC = 0, CELLS


def segments() -> Segments:
    found = Segments()
    found.code("ads", None)
    found.code("organic", "boots")
    return found


def call(*candidates: tuple[int, int, int], at: int = 0, gold: int = -1) -> CallEvidence:
    """A call with candidates of these cells, states and tap bins."""
    columns = np.array(candidates, dtype=np.int64).reshape(-1, 3)
    return CallEvidence(
        at=at,
        cells=columns[:, 0].astype(np.int32),
        states=columns[:, 1].astype(np.uint8),
        taps=columns[:, 2].astype(np.uint8),
        factors=np.ones(len(columns)),
        repeats=np.zeros(0),
        repeated=np.zeros((0, 3)),
        noise_factor=1.0,
        gold=gold,
    )


def season(calls: list[CallEvidence], **changes: object) -> Season:
    """Half of the visits in each segment, their time spent as shipped, all on desktops."""
    seconds: Floats = np.zeros((2 * CELLS, hazard.STATES))
    seconds[[ADS, ORGANIC]] = VISITS / 2 * hazard.PRIOR_SECONDS
    plain = Season(
        calls=calls,
        segments=segments(),
        seconds=seconds,
        tap_seconds=np.append(200 * hazard.TAP_SECONDS, 0.0),
        hours=np.full((hazard.STATES, hazard.HOURS), 1 / hazard.HOURS),
        number_seconds=20 * DAYS * DAY_SECONDS,
        callbacks=float(len(calls)),
        withheld=0,
    )
    return replace(plain, **changes)  # type: ignore[arg-type]  # fields by their names


def on_page(cell: int) -> CallEvidence:
    return call((cell, 1, hazard.NO_TAP))


def spread_out(cells: list[int], count: int) -> list[CallEvidence]:
    """Calls as the shipped table spreads them over states and the hours over the day."""
    states = np.repeat(np.arange(hazard.STATES), np.round(hazard.PRIOR_SHARES * count).astype(int))
    return [
        call((cells[n % len(cells)], int(state), hazard.NO_TAP), at=n * HOUR_MS)
        for n, state in enumerate(np.random.default_rng(1).permutation(states))
    ]


def test_without_calls_a_site_stays_with_what_is_shipped() -> None:
    nothing = replace(
        season([]), seconds=np.zeros((2 * CELLS, hazard.STATES)), number_seconds=0.0,
        tap_seconds=np.zeros(hazard.TAPS),
    )  # fmt: skip

    model = learn(nothing, "new")

    assert model.name == "new"
    assert model.hazard == pytest.approx(SHIPPED.hazard)
    assert model.noise == pytest.approx(SHIPPED.noise)
    assert model.tap == pytest.approx(SHIPPED.tap)
    assert model.channel_rate("ads") == pytest.approx(SHIPPED.calls_per_visit)


def test_a_few_calls_move_a_site_little() -> None:
    model = learn(season(spread_out([ADS], 30), seconds=season([]).seconds / 10), "few")

    ratio = np.array(model.hazard) / np.array(SHIPPED.hazard)
    assert ratio == pytest.approx(np.ones(hazard.STATES), abs=0.5)


def test_channels_are_told_apart_by_who_calls() -> None:
    model = learn(season(spread_out([ADS, ADS, ADS, ORGANIC], 800)), "learnt")

    assert model.channel_rate("ads") / model.channel_rate("organic") > 2
    assert model.keyword_factor("boots") < 1
    assert model.keyword_factor("never seen") == 1
    assert "boots" in model.keywords
    assert None not in model.keywords


def test_a_site_whose_callers_stay_on_page_learns_it() -> None:
    model = learn(season([on_page(ADS) for _ in range(1_000)]), "learnt")

    assert model.hazard[1] > 2 * SHIPPED.hazard[1]
    late = hazard.AGES + hazard.EARLY_BINS
    assert model.hazard[late] < 0.5 * SHIPPED.hazard[late]


def test_calls_to_canaries_raise_the_noise() -> None:
    quiet = learn(season(spread_out([ADS], 300)), "learnt").noise
    canaries = Canaries(number_seconds=14 * DAY_SECONDS, calls=60)

    assert learn(season(spread_out([ADS], 300), canaries=canaries), "learnt").noise > 1.4 * quiet


def test_false_taps_are_learnt_to_be_false() -> None:
    tapped = [call((ADS, 6, 2), (ORGANIC, 6, hazard.NO_TAP)) for _ in range(100)]
    rarely = np.append(10_000 * hazard.TAP_SECONDS, 0.0)

    assert (
        learn(season(tapped), "learnt").tap[2]
        > 5 * learn(season(tapped, tap_seconds=rarely), "learnt").tap[2]
    )


def test_a_proven_candidate_teaches_as_he_is() -> None:
    """Of two alike the proof names the one of the channel that is not thought to call."""
    both = ((ADS, 1, hazard.NO_TAP), (ORGANIC, 1, hazard.NO_TAP))
    proven = [call(*both, gold=1) for _ in range(400)]

    model = learn(season(proven), "learnt")

    assert model.channel_rate("organic") > 10 * model.channel_rate("ads")


def test_hours_in_which_nobody_calls_late_are_learnt() -> None:
    late = hazard.AGES + 40
    crowd = [(ADS, late, hazard.NO_TAP)] * 500
    calls = [call(*crowd, at=10 * HOUR_MS) for _ in range(800)]

    model = learn(season(calls), "learnt")

    assert model.hours[1][10] > 3 * model.hours[1][22]
    assert np.mean(model.hours[1]) == pytest.approx(1.0)


def test_withheld_numbers_are_counted() -> None:
    calls = spread_out([ADS], 300)

    assert learn(season(calls, withheld=150), "learnt").withheld > 0.3


def test_of_very_many_calls_a_part_teaches_the_same() -> None:
    few = season(spread_out([ADS, ORGANIC], 2_000))
    copies = 4
    many = replace(
        few,
        calls=[one for one in few.calls for _ in range(copies)],
        seconds=copies * few.seconds,
        tap_seconds=copies * few.tap_seconds,
        number_seconds=copies * few.number_seconds,
        callbacks=copies * few.callbacks,
    )
    assert len(many.calls) > MAX_CALLS

    ratio = learn(many, "many").channel_rate("ads") / learn(few, "few").channel_rate("ads")

    assert ratio == pytest.approx(1.0, rel=0.1)


def test_what_is_learnt_says_how_sure_it_is() -> None:
    few = np.array(learn(season(spread_out([ADS, ORGANIC], 100)), "few").covariance)
    more = np.array(learn(season(spread_out([ADS, ORGANIC], 1_000)), "more").covariance)

    assert (np.linalg.eigvalsh(more) > 0).all()
    assert np.trace(more) < np.trace(few)
