"""What made a visit, behind JSON lines."""

import io
import json
from typing import Any

import pytest

from ringtrace.classification import run

PAGE = "https://bluebird.example/implants"


def told(*lines: dict[str, Any] | bytes) -> list[dict[str, Any]]:
    written = [one if isinstance(one, bytes) else json.dumps(one).encode() for one in lines]
    answers = io.BytesIO()
    run((line + b"\n" for line in written), answers)
    return [json.loads(line) for line in answers.getvalue().splitlines()]


def test_a_visit_is_answered_with_all_that_is_known_of_its_source() -> None:
    url = f"{PAGE}?utm_source=Google&utm_medium=CPC&utm_campaign=A%20B&utm_term=crown&gclid=x1"

    (answer,) = told({"url": url, "referrer": None, "rules": []})

    assert answer == {
        "channel": "Paid Search",
        "source": "google",
        "medium": "cpc",
        "campaign": "A B",
        "term": "crown",
        "content": None,
        "click_id": {"type": "gclid", "value": "x1"},
        "landing_page": "bluebird.example/implants",
        "reason": "utm",
    }


def test_the_referrer_decides_where_the_address_says_nothing() -> None:
    direct, searched = told({"url": PAGE}, {"url": PAGE, "referrer": "https://www.google.com/"})

    assert (direct["channel"], direct["source"], direct["medium"]) == (
        "Direct",
        "(direct)",
        "(none)",
    )
    assert searched["channel"] == "Organic Search"


@pytest.mark.parametrize(
    ("line", "named"),
    [
        (b"visit", "JSON"),
        (b"\xff", "JSON"),
        (b"", ""),
        (b"[]", "object"),
        (b"{}", "url"),
        (b'{"url": 5}', "url"),
        (b'{"url": "bluebird.example"}', "url"),
        (b'{"url": "https://bluebird.example", "rules": [{}]}', "rules"),
        (b'{"rules": ' + b"[" * 50_000 + b"]" * 50_000 + b"}", "recursion"),
    ],
)
def test_a_bad_line_is_answered_in_its_place_and_the_next_one_goes_on(
    line: bytes, named: str
) -> None:
    refused, answered = told(line, {"url": PAGE})

    assert list(refused) == ["error"]
    assert named in refused["error"]
    assert answered["channel"] == "Direct"
