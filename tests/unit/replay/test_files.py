"""Hits and calls from files: what is read, and what a bad cell is told."""

import builtins
import importlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ringtrace.domain.history import Hit
from ringtrace.domain.placing import RealCall
from ringtrace.domain.visit import Device, HitKind
from ringtrace.replay.files import FileInvalidError, read_calls, read_hits

AT = 1_795_419_000_000
HEAD = "at,visit,visitor,kind,channel,keyword,device,url,referrer\n"


def write(tmp_path: Path, text: str, name: str = "hits.csv") -> Path:
    path = tmp_path / name
    path.write_text(text, "utf-8")
    return path


def test_a_hit_is_read_with_all_its_columns(tmp_path: Path) -> None:
    path = write(
        tmp_path, HEAD + f"{AT},v1,p1,page,Radio,morning,mobile,,\n{AT},v1,p1,Leave,,,,,\n"
    )

    assert list(read_hits(path)) == [
        Hit(AT, "v1", "p1", HitKind.PAGE, ("Radio", "morning"), Device.MOBILE),
        Hit(AT, "v1", "p1", HitKind.LEAVE),
    ]


@pytest.mark.parametrize(
    "at", ["2026-11-23T07:30:00Z", "2026-11-23T08:30:00.000+01:00", "2026-11-23 07:30:00+00"]
)
def test_a_moment_is_rfc_3339(tmp_path: Path, at: str) -> None:
    path = write(tmp_path, f"at,visit,channel\n{at},v1,Direct\n")

    assert [hit.at for hit in read_hits(path)] == [AT]


def test_what_is_absent_has_a_default(tmp_path: Path) -> None:
    path = write(tmp_path, f"\ufeffvisit,at,channel\nv1,{AT},Direct\n\n")

    assert list(read_hits(path)) == [Hit(AT, "v1", "v1", HitKind.PAGE, ("Direct", None))]


def test_channel_and_keyword_are_classified_from_url_and_referrer(tmp_path: Path) -> None:
    shop = "https://shop.example/"
    path = write(
        tmp_path,
        "at,visit,keyword,url,referrer\n"
        f"{AT},v1,,{shop}?utm_source=google&utm_medium=cpc&utm_campaign=c&utm_term=boots,\n"
        f"{AT},v2,,{shop}?utm_source=google&utm_medium=cpc&utm_campaign=c,\n"
        f"{AT},v3,own,{shop},https://www.google.com/\n",
    )

    assert [hit.segment for hit in read_hits(path)] == [
        ("Paid Search", "boots"),
        ("Paid Search", "c"),
        ("Organic Search", "own"),
    ]


def test_a_call_may_name_its_visit_or_nothing(tmp_path: Path) -> None:
    path = write(tmp_path, f"at,visit,number,caller\n{AT},v1,1,c1\n{AT},,,\n")

    assert list(read_calls(path)) == [RealCall(AT, "c1", "v1"), RealCall(AT)]


@pytest.mark.parametrize(
    ("text", "line", "column"),
    [
        ("visit\nv1\n", 1, "at"),
        ("", 1, "at"),
        (f"at\n{AT}\n", 1, "visit"),
        (HEAD + "yesterday,v1,,,,,,,\n", 2, "at"),
        (HEAD + "2026-11-23T07:30:00,v1,,,,,,,\n", 2, "at"),
        (HEAD + "1795419000,v1,,,,,,,\n", 2, "at"),
        (HEAD + "9" * 30 + ",v1,,,,,,,\n", 2, "at"),
        (HEAD + ",v1,,,,,,,\n", 2, "at"),
        (HEAD + f"{AT},,p1,,Direct,,,,\n", 2, "visit"),
        (HEAD + f"{AT},v1,,page,Direct,,,,\n{AT},v1,,jump,,,,,\n", 3, "kind"),
        (HEAD + f"{AT},v1,,page,Direct,,fridge,,\n", 2, "device"),
        (HEAD + f"{AT},v1,,page,,,,,\n", 2, "channel"),
        (HEAD + f"{AT},v1,,page,,,,not a url,\n", 2, "url"),
        (HEAD + f"{AT},v1,,page,Direct,,,,,,\n", 2, "referrer"),
        (HEAD + f'{AT},v1,,page,Direct,"two\nlines",,,\nx,v1,,,,,,,\n', 4, "at"),
    ],
)
def test_a_bad_cell_is_named_with_file_line_and_column(
    tmp_path: Path, text: str, line: int, column: str
) -> None:
    path = write(tmp_path, text)

    with pytest.raises(FileInvalidError, match=rf"hits\.csv: line {line}, column {column}: "):
        list(read_hits(path))


@pytest.mark.parametrize("content", [b"at,visit\n\xff\xff,v\n", b'at,visit\n1,"v\n'])
def test_what_is_no_csv_is_refused_with_its_line(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "hits.csv"
    path.write_bytes(content)

    with pytest.raises(FileInvalidError, match=r"hits\.csv: line \d"):
        list(read_hits(path))


def parquet(path: Path, query: str) -> Path:
    duckdb: Any = importlib.import_module("duckdb")
    with duckdb.connect() as connection:
        connection.execute(f"COPY ({query}) TO '{path}' (FORMAT parquet)")
    return path


def test_parquet_is_read_like_csv_and_its_timestamps_are_utc(tmp_path: Path) -> None:
    pytest.importorskip("duckdb")
    path = parquet(
        tmp_path / "hits.parquet",
        "SELECT TIMESTAMP '2026-11-23 07:30:00' AS at, 'v1' AS visit, NULL AS visitor,"
        " 'Direct' AS channel UNION ALL"
        " SELECT TIMESTAMP '2026-11-23 07:30:01', 'v1', 'p1', NULL ORDER BY \"at\"",
    )

    hits = read_hits(path)
    assert next(hits) == Hit(AT, "v1", "v1", HitKind.PAGE, ("Direct", None))
    with pytest.raises(FileInvalidError, match=r"hits\.parquet: line 2, column channel: "):
        next(hits)


@pytest.mark.parametrize(
    "at", [str(AT), "TIMESTAMPTZ '2026-11-23 08:30:00+01'", "'2026-11-23T07:30:00Z'"]
)
def test_parquet_may_hold_moments_of_any_kind(tmp_path: Path, at: str) -> None:
    pytest.importorskip("duckdb")
    path = parquet(tmp_path / "calls.parquet", f"SELECT {at} AS at, 7 AS caller")

    assert list(read_calls(path)) == [RealCall(AT, "7")]


def test_what_is_no_parquet_is_refused(tmp_path: Path) -> None:
    pytest.importorskip("duckdb")
    path = write(tmp_path, "at,visit\n", "hits.parquet")

    with pytest.raises(FileInvalidError, match=r"hits\.parquet: .*\Z"):
        list(read_hits(path))


@pytest.fixture
def without_duckdb(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    found = importlib.import_module

    def missing(name: str, *args: Any) -> Any:
        if name == "duckdb":
            raise builtins.ModuleNotFoundError(name)
        return found(name, *args)

    with monkeypatch.context() as patch:
        patch.setattr(importlib, "import_module", missing)
        yield


@pytest.mark.usefixtures("without_duckdb")
def test_without_duckdb_it_is_said_how_to_get_it(tmp_path: Path) -> None:
    path = write(tmp_path, "", "hits.parquet")

    with pytest.raises(FileInvalidError, match=r"pip install 'ringtrace\[lake\]'"):
        list(read_hits(path))
