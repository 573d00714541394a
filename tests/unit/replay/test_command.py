"""`ringtrace replay` over files, as somebody at a shell meets it."""

import csv
import json
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from ringtrace.domain.moment import HOUR_MS
from ringtrace.replay.command import replay

AT = 1_795_392_000_000
SVG = "{http://www.w3.org/2000/svg}"


def run(*arguments: object) -> Result:
    return CliRunner().invoke(replay, [str(one) for one in arguments])


def write(path: Path, rows: list[dict[str, object]]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        out = csv.DictWriter(file, list(rows[0]), restval="")
        out.writeheader()
        out.writerows(rows)
    return path


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Two days of 300 visits, of which every tenth calls 5 minutes after it came."""
    folder = tmp_path_factory.mktemp("replay")
    rng = np.random.default_rng(1)
    hits: list[dict[str, object]] = []
    calls: list[dict[str, object]] = []
    for n in range(300):
        at = AT + int(rng.uniform(0, 48 * HOUR_MS))
        query = ("", "?utm_source=google&utm_medium=cpc&utm_term=boots")[n % 2]
        url = f"https://shop.example/{query}"
        hits.append({"at": at, "visit": f"v{n}", "kind": "page", "device": "mobile", "url": url})
        hits.append({"at": at + 60_000, "visit": f"v{n}", "kind": "leave"})
        if n % 10 == 0:
            calls.append({"at": at + 300_000, "visit": f"v{n}", "caller": f"+1202555{n:04}"})
    calls.append({"at": AT + HOUR_MS, "visit": "unheard of", "caller": ""})
    return write(folder / "hits.csv", hits), write(folder / "calls.csv", calls)


def test_json_holds_shares_with_intervals_cost_and_advice(files: tuple[Path, Path]) -> None:
    hits, calls = files

    result = run("--hits", hits, "--calls", calls, "--numbers", "20,1", "--price", "2.5",
                 "--target", "channel=0.5", "--target", "visit=0.999", "--json")  # fmt: skip

    assert result.exit_code == 0, result.stderr
    found = json.loads(result.stdout)
    assert found["hits"]["visits"] == 300
    assert found["hits"]["beats"] == "filled"
    assert found["calls"]["placed"] == {"given": 30, "left_out": 1}
    assert set(found["calls"]["assumptions"]) == {"given", "left_out"}
    assert found["interval"] == {"level": 0.95, "resampled": "calls"}
    small, large = found["sizes"]
    assert (small["numbers"], large["numbers"]) == (1, 20)
    assert (small["monthly_cost"], large["monthly_cost"]) == (2.5, 50.0)
    assert small["extensions"] is None
    assert small["trade"]["unknown"]["share"] > large["trade"]["unknown"]["share"]
    shares = large["ours"]["right_channel"]
    assert shares["low"] <= shares["share"] <= shares["high"]
    sure, never = found["advice"]
    assert (sure["target"], sure["share"]) == ("channel", 0.5)
    assert sure["numbers"] in {1, 20}
    assert never["numbers"] is None


def test_extensions_are_replayed_when_asked_for(files: tuple[Path, Path]) -> None:
    hits, calls = files
    asked = ("--hits", hits, "--calls", calls, "--numbers", "1", "--extensions")

    data = json.loads(run(*asked, "--extensions-above", "0.1", "--json").stdout)
    read = run(*asked)

    assert data["extensions_above"] == 0.1
    coded = data["sizes"][0]["extensions"]
    assert 0 < coded["visits_shown"] <= 1
    assert coded["right_visit"]["share"] > data["sizes"][0]["ours"]["right_visit"]["share"]
    assert coded["calls_lost"]["low"] <= coded["calls_lost"]["share"]
    assert "ours, ext." in read.stdout
    assert "extensions at 1 numbers: shown to " in read.stdout
    assert read.stderr == ""


def test_without_calls_they_are_drawn_and_that_is_said(files: tuple[Path, Path]) -> None:
    hits, _ = files
    arguments = ("--hits", hits, "--numbers", 3, "--json", "--seed")

    first, again, other = (run(*arguments, seed) for seed in (5, 5, 6))

    assert first.exit_code == 0, first.stderr
    assert first.stdout == again.stdout != other.stdout
    calls = json.loads(first.stdout)["calls"]
    assert list(calls["placed"]) == ["drawn"]
    assert "drawn from the shipped hazard" in calls["assumptions"]["drawn"]


def test_a_person_reads_a_table_the_assumptions_and_the_advice(
    files: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")  # rich takes it for a terminal
    hits, calls = files

    result = run("--hits", hits, "--calls", calls, "--numbers", "1,20",
                 "--target", "channel=0.5", "--target", "visit=0.999")  # fmt: skip

    assert result.exit_code == 0, result.stderr
    assert "right keyword" in result.stdout
    assert "the visit behind the call was given" in result.stdout
    assert "no beats" in result.stdout
    assert "right channel for 50 % of calls: " in result.stdout
    assert "right visit for 99.9 % of calls: " in result.stdout
    assert "replaying 2 sizes" in result.stderr
    assert "replaying" not in result.stdout


def test_the_chart_shows_both_ways_with_bands_and_the_target(
    files: tuple[Path, Path], tmp_path: Path
) -> None:
    hits, calls = files
    chart = tmp_path / "chart.svg"

    result = run("--hits", hits, "--calls", calls, "--numbers", "1,5,20", "--target",
                 "channel=0.5", "--chart", chart)  # fmt: skip

    assert result.exit_code == 0, result.stderr
    root = ET.fromstring(chart.read_text("utf-8"))  # noqa: S314 - our own file
    classes = [one.get("class") for one in root.iter()]
    assert classes.count("ours band") == classes.count("trade band") == 3
    assert classes.count("target") == 1
    titles = [one.text or "" for one in root.iter(f"{SVG}title")]
    assert sum(title.startswith("20 numbers: ") for title in titles) == 6
    assert "prefers-color-scheme: dark" in chart.read_text("utf-8")


def test_a_single_size_has_a_chart_too(files: tuple[Path, Path], tmp_path: Path) -> None:
    chart = tmp_path / "chart.svg"

    assert run("--hits", files[0], "--numbers", "5", "--chart", chart).exit_code == 0
    ET.fromstring(chart.read_text("utf-8"))  # noqa: S314 - our own file


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("at,visit\nnever,v1\n", "line 2, column at"),
        ("at,visit,kind\n1795419000000,v1,beat\n", "no visit with a known channel"),
        ("at,visit,channel\n1795419000000,v1,Direct\n", "no call after the warm-up"),
    ],
)
def test_a_bad_file_ends_with_2_and_says_where(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "bad.csv"
    path.write_text(text)

    result = run("--hits", path)

    assert result.exit_code == 2
    assert f"{path}: " in result.stderr
    assert said in result.stderr
    assert result.stderr.count("\n") == 1
    assert result.stdout == ""


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "--hits"),
        (("--hits", "{hits}", "--from-store"), "--from-store"),
        (("--from-store", "--calls", "{hits}"), "--calls"),
        (("--hits", "{hits}", "--numbers", "5,x"), "5,x"),
        (("--hits", "{hits}", "--numbers", "0"), "'0'"),
        (("--hits", "{hits}", "--extensions-above", "1"), "--extensions-above"),
        (("--hits", "{hits}", "--target", "luck=0.9"), "luck=0.9"),
        (("--hits", "{hits}", "--target", "visit=1.5"), "visit=1.5"),
        (("--hits", "{hits}", "--target", "visit=nan"), "visit=nan"),
        (("--hits", "{hits}", "--chart", "{hits}.d/chart.svg"), "--chart"),
        (("--hits", "{hits}.missing"), "--hits"),
    ],
)
def test_bad_options_end_with_2_and_name_the_option(
    files: tuple[Path, Path], arguments: tuple[str, ...], said: str
) -> None:
    result = run(*(one.format(hits=files[0]) for one in arguments))

    assert result.exit_code == 2
    assert said in result.stderr


def test_a_folder_without_a_store_is_said(tmp_path: Path) -> None:
    result = run("--from-store", "--data", tmp_path)

    assert result.exit_code == 2
    assert "no data in" in result.stderr
