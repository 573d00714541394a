import shutil
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from benchmarks import chart
from benchmarks.results import RESULTS


def words(svg: str) -> list[str]:
    root = ET.fromstring(svg)  # noqa: S314 - our own file
    return ["".join(one.itertext()) for one in root.iter() if one.tag.endswith("}text")]


def test_the_committed_chart_says_what_the_committed_results_do() -> None:
    assert words(chart.OUTPUT.read_text("utf-8")) == words(chart.draw(RESULTS))


def test_the_same_results_make_the_same_file() -> None:
    assert chart.draw(RESULTS) == chart.draw(RESULTS)


def test_it_follows_the_scheme_of_the_reader() -> None:
    drawn = chart.draw(RESULTS)

    assert "prefers-color-scheme:dark" in drawn
    assert "currentColor" in drawn
    assert chart._INK not in drawn
    assert ET.fromstring(drawn).tag.endswith("svg")  # noqa: S314 - our own file


def test_what_was_not_measured_is_left_out(tmp_path: Path) -> None:
    shutil.copy(next(RESULTS.glob("hot_routes-*.json")), tmp_path)

    drawn = chart.draw(tmp_path)

    assert "the bar" in drawn
    assert "Memory" not in drawn


def test_without_results_nothing_is_drawn(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="run the benchmarks first"):
        chart.draw(tmp_path)


def test_the_newest_of_each_kind_is_drawn(tmp_path: Path) -> None:
    for day in ("2026-02-01", "2026-10-01"):
        (tmp_path / f"hot_routes-{day}.json").write_text(f'{{"at": "{day}"}}')
    (tmp_path / "hot_routes-postgresql-2027-01-01.json").write_text("{}")

    found = chart.newest(tmp_path, "hot_routes")

    assert found == {"at": "2026-10-01"}
