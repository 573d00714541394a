"""A model is frozen, plain and ready to be kept."""

import msgspec
import numpy as np
import pytest

from ringtrace.domain.model import SHIPPED, Model, expected_calls


def test_a_model_survives_being_kept() -> None:
    learnt = Model(
        "site-1",
        tuple(np.array(SHIPPED.hazard)),
        SHIPPED.tap,
        np.float64(0.02),
        channels={"Email": np.float64(0.01)},
        keywords={"implants": 2.0},
    )

    kept = msgspec.json.decode(msgspec.json.encode(learnt.to_data()))

    assert Model.of_data(kept) == learnt


def test_what_is_not_known_of_a_channel_or_keyword_is_what_holds_for_all() -> None:
    learnt = Model("m", (), (), 0.02, channels={"Email": 0.01}, keywords={"implants": 2.0})

    assert learnt.channel_rate("Email") == 0.01
    assert learnt.channel_rate("Radio") == 0.02
    assert learnt.keyword_factor("implants") == 2.0
    assert learnt.keyword_factor("other") == learnt.keyword_factor(None) == 1.0


def test_a_pool_is_divided_by_calls_not_by_visits() -> None:
    learnt = Model("m", (), (), 0.02, channels={"Email": 0.01}, keywords={"implants": 2.0})
    traffic = {("Email", None): 100, ("Ads", "implants"): 50, ("Ads", "other"): 100}

    expected, rates = expected_calls(learnt, traffic)

    assert expected == pytest.approx({"Email": 1.0, "Ads": 2.0 + 2.0})
    assert rates == {"Email": 0.01, "Ads": 0.02}
