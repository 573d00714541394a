"""Hits become visits and events, in whatever order and however incomplete they come."""

import pytest

from ringtrace.domain.history import History, Hit, Kind, NoVisitsError, gather
from ringtrace.domain.moment import MINUTE_MS
from ringtrace.domain.visit import Device, HitKind

SEARCH = ("Paid Search", "boots")
DIRECT = ("Direct", None)


def events(history: History) -> list[tuple[int, Kind, int]]:
    columns = zip(history.at, history.kind, history.row, strict=True)
    return [(int(at), Kind(kind), int(row)) for at, kind, row in columns]


def test_visits_are_in_order_of_their_first_hit_whatever_the_order_of_the_hits() -> None:
    history = gather(
        [
            Hit(900, "b", "p", HitKind.LEAVE),
            Hit(500, "b", "p", HitKind.PAGE, DIRECT),
            Hit(700, "b", "p", HitKind.BEAT),
            Hit(100, "a", "q", HitKind.PAGE, SEARCH, Device.MOBILE),
        ]
    )

    assert history.rows == {"a": 0, "b": 1}
    assert history.shown_at.tolist() == [100, 500]
    assert history.mobile.tolist() == [True, False]
    assert [history.segments.names[code] for code in history.segment] == [SEARCH, DIRECT]
    assert events(history) == [
        (100, Kind.PAGE, 0),
        (500, Kind.PAGE, 1),
        (700, Kind.BEAT, 1),
        (900, Kind.LEAVE, 1),
    ]
    assert history.channels == ("Direct", "Paid Search")
    assert not history.beats_filled


def test_a_visit_belongs_to_the_first_channel_known_of_it() -> None:
    history = gather(
        [Hit(1, "a", "p"), Hit(2, "a", "p", segment=SEARCH), Hit(3, "a", "p", segment=DIRECT)]
    )

    assert [history.segments.names[code] for code in history.segment] == [SEARCH]
    assert history.channels == ("Paid Search",)


def test_two_visits_of_one_visitor_share_his_code() -> None:
    history = gather([Hit(n, visit, who, segment=DIRECT) for n, (visit, who) in
                      enumerate([("a", "p"), ("b", "q"), ("c", "p")])])  # fmt: skip

    first, other, again = history.visitor.tolist()
    assert first == again != other


def test_a_visit_cut_off_at_its_beginning_begins_with_a_page() -> None:
    history = gather([Hit(5, "a", "p", HitKind.BEAT, DIRECT)])

    assert events(history) == [(5, Kind.PAGE, 0), (5, Kind.BEAT, 0)]


def test_visits_of_no_known_channel_are_left_out_and_counted() -> None:
    history = gather([Hit(1, "a", "p", HitKind.LEAVE), Hit(2, "b", "q", segment=DIRECT)])

    assert history.rows == {"b": 0}
    assert history.left_out == 1
    assert events(history) == [(2, Kind.PAGE, 0)]


def test_without_any_beat_a_visitor_stays_on_page_between_hits_of_one_session() -> None:
    history = gather(
        [
            Hit(0, "a", "p", segment=DIRECT),
            Hit(70_000, "a", "p"),
            Hit(70_000 + 31 * MINUTE_MS, "a", "p"),
            Hit(70_000 + 32 * MINUTE_MS, "a", "p", HitKind.LEAVE),
            Hit(70_000 + 33 * MINUTE_MS, "a", "p"),
        ]
    )

    assert history.beats_filled
    beats = [at for at, kind, _ in events(history) if kind is Kind.BEAT]
    assert beats == [30_000, 60_000, 70_000 + 31 * MINUTE_MS + 30_000]


def test_a_gap_is_filled_as_far_as_it_is_told() -> None:
    hits = [
        Hit(0, "a", "p", segment=DIRECT),
        Hit(90_000, "a", "p", HitKind.BEAT),
        Hit(200_000, "a", "p", HitKind.BEAT),
    ]

    history = gather(hits, fill_ms=100_000)

    beats = [at for at, kind, _ in events(history) if kind is Kind.BEAT]
    assert beats == [30_000, 60_000, 90_000, 200_000]


@pytest.mark.parametrize("hits", [[], [Hit(1, "a", "p")]])
def test_hits_without_a_visit_to_replay_are_refused(hits: list[Hit]) -> None:
    with pytest.raises(NoVisitsError):
        gather(hits)
