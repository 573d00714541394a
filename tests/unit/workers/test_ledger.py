"""The figures of several workers are those of one server, and counters never fall."""

import random

from hypothesis import given
from hypothesis import strategies as st

from ringtrace.services.figures import Family, Joint, Sample
from ringtrace.workers.ledger import Ledger

ROUTE = {"route": "/t/hit"}


def answers(count: float) -> Family:
    return Family("answers", "", "counter", Joint.SUM, [Sample("answers_total", ROUTE, count)])


def waiting(count: float) -> Family:
    return Family("waiting", "", "gauge", Joint.SUM, [Sample("waiting", {}, count)])


def heard(at: float) -> Family:
    return Family("heard", "", "gauge", Joint.GREATEST, [Sample("heard", {}, at)])


def memory(size: float) -> Family:
    return Family("memory", "", "gauge", Joint.EACH, [Sample("memory", {}, size)])


def told(ledger: Ledger) -> dict[tuple[str, str], float]:
    return {
        (one.name, one.labels.get("worker", "")): one.value
        for family in ledger.sum()
        for one in family.samples
    }


def test_figures_are_added_up_compared_or_told_for_each() -> None:
    ledger = Ledger()
    ledger.note("a", "1", [answers(3), waiting(1), heard(50), memory(7)])
    ledger.note("b", "2", [answers(4), waiting(2), heard(40), memory(8)])

    assert told(ledger) == {
        ("answers_total", ""): 7,
        ("waiting", ""): 3,
        ("heard", ""): 50,
        ("memory", "1"): 7,
        ("memory", "2"): 8,
    }


def test_of_a_worker_that_is_gone_only_what_it_counted_stays() -> None:
    ledger = Ledger()
    ledger.note("a", "1", [answers(3), waiting(1), memory(7)])
    ledger.close("a")
    ledger.close("never heard of")
    ledger.note("b", "1", [answers(2), waiting(4), memory(9)])

    assert told(ledger) == {("answers_total", ""): 5, ("waiting", ""): 4, ("memory", "1"): 9}


@given(st.lists(st.sampled_from(["count", "tell", "die"]), max_size=60), st.integers())
def test_a_counter_never_falls_whoever_dies(events: list[str], seed: int) -> None:
    ledger, draw, last = Ledger(), random.Random(seed), 0.0  # noqa: S311 - no secret
    counts = dict.fromkeys(range(3), 0)
    runs = dict.fromkeys(range(3), 0)
    for event in events:
        worker = draw.randrange(3)
        if event == "count":
            counts[worker] += 1
        elif event == "die":
            ledger.close((worker, runs[worker]))
            counts[worker], runs[worker] = 0, runs[worker] + 1
        else:
            for one, count in counts.items():
                ledger.note((one, runs[one]), str(one), [answers(count)])
            now = told(ledger)["answers_total", ""]
            assert now >= last
            last = now
