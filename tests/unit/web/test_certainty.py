from ringtrace.domain.attribution import Attribution, Basis, Credit
from ringtrace.domain.source import Source
from ringtrace.web.certainty import certainty


def _attribution(*shares: tuple[str, float]) -> Attribution:
    credits_ = tuple(
        Credit(f"visit {i}", share, Source(channel=name)) for i, (name, share) in enumerate(shares)
    )
    return Attribution(Basis.EXPOSURES, "model", credits_, 1 - sum(share for _, share in shares))


def test_a_channel_is_as_sure_as_all_its_visits_together() -> None:
    known = certainty(_attribution(("Email", 0.4), ("Direct", 0.3), ("Direct", 0.25)))

    assert known.channel == "Direct"
    assert known.channel_probability is not None
    assert abs(known.channel_probability - 0.55) < 1e-9
    assert (known.visit_id, known.visit_probability) == ("visit 0", 0.4)


def test_what_stays_unknown_has_no_probability_of_a_channel_or_visit() -> None:
    unknown = certainty(_attribution(("Email", 0.2), ("Direct", 0.1)))

    assert (unknown.channel, unknown.channel_probability) == (None, None)
    assert (unknown.visit_id, unknown.visit_probability) == (None, None)
    assert abs(unknown.unknown - 0.7) < 1e-9
