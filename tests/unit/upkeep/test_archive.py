"""An archive gives back what was put in, or nothing."""

import io
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from ringtrace.upkeep.archive import (
    MANIFEST,
    ArchiveInvalidError,
    Entry,
    Manifest,
    mode_of,
    seal,
    unpack,
    write,
)

CONTENT = {"ringtrace.db": b"rows" * 40_000, "recordings/1/sip/a.wav": b"RIFF", "empty": b""}


@pytest.fixture
def whole(tmp_path: Path) -> Path:
    target = tmp_path / "whole.tar"
    with tarfile.open(target, "w") as out:
        members = tuple(write(out, list(entries(tmp_path))))
        seal(out, Manifest("1", "2026-11-23T00:00:00+00:00", 9, members))
    return target


def entries(folder: Path) -> list[Entry]:
    found = []
    for name, body in CONTENT.items():
        source = folder / name.replace("/", "-")
        source.write_bytes(body)
        found.append(Entry(name, source))
    return found


def unpacked(archive: Path, folder: Path) -> dict[str, bytes]:
    with tarfile.open(archive) as found:
        unpack(found, folder, lambda _: None)
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_what_goes_in_comes_out_and_is_nobody_elses_business(whole: Path, tmp_path: Path) -> None:
    folder = tmp_path / "out"

    assert unpacked(whole, folder) == CONTENT
    assert {path.stat().st_mode & 0o077 for path in folder.rglob("*") if path.is_file()} == {0}


def test_a_file_that_is_gone_by_now_is_left_out(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "a.tar", "w") as out:
        assert list(write(out, [Entry("gone", tmp_path / "gone")])) == []


def rewritten(
    whole: Path, change: Callable[[str, bytes], tuple[str, bytes] | None], *more: str
) -> Path:
    """The archive with its members changed, or left out."""
    target = whole.with_name("changed.tar")
    with tarfile.open(whole) as source, tarfile.open(target, "w") as out:
        for facts in source:
            file = source.extractfile(facts)
            assert file is not None
            changed = change(facts.name, file.read())
            if changed is not None:
                put(out, *changed)
        for name in more:
            put(out, name, b"more")
    return target


def put(out: tarfile.TarFile, name: str, body: bytes) -> None:
    facts = tarfile.TarInfo(name)
    facts.size = len(body)
    out.addfile(facts, io.BytesIO(body))


def same(name: str, body: bytes) -> tuple[str, bytes]:
    return name, body


@pytest.mark.parametrize(
    ("change", "more", "words"),
    [
        (lambda name, body: None if name == MANIFEST else (name, body), (), "no manifest"),
        (lambda name, body: None if name == "empty" else (name, body), (), "empty is missing"),
        (
            lambda name, body: (name, body.replace(b"rowsrows", b"rowsrow!", 1)),
            (),
            "ringtrace.db is missing or is not what was backed up",
        ),
        (same, ("late",), "late comes after the manifest"),
        (
            lambda name, body: ("../outside" if name == "empty" else name, body),
            (),
            "no file of a backup",
        ),
        (
            lambda name, body: ("/etc/outside" if name == "empty" else name, body),
            (),
            "no file of a backup",
        ),
        (lambda name, body: (name, b"{" if name == MANIFEST else body), (), "the manifest: "),
    ],
)
def test_whatever_is_not_the_backup_is_refused(
    whole: Path,
    tmp_path: Path,
    change: Callable[[str, bytes], tuple[str, bytes] | None],
    more: tuple[str, ...],
    words: str,
) -> None:
    archive = rewritten(whole, change, *more)

    with pytest.raises(ArchiveInvalidError, match=words):
        unpacked(archive, tmp_path / "out")
    assert not (tmp_path / "outside").exists()


def test_a_link_is_no_file_of_a_backup(tmp_path: Path) -> None:
    archive = tmp_path / "link.tar"
    with tarfile.open(archive, "w") as out:
        facts = tarfile.TarInfo("secret.key")
        facts.type, facts.linkname = tarfile.SYMTYPE, "/etc/passwd"
        out.addfile(facts)

    with pytest.raises(ArchiveInvalidError, match="no file of a backup"):
        unpacked(archive, tmp_path / "out")


@pytest.mark.parametrize("share", [0.3, 0.6, 0.95])
def test_an_archive_that_was_cut_off_is_refused(whole: Path, tmp_path: Path, share: float) -> None:
    body = whole.read_bytes().rstrip(b"\0")
    whole.write_bytes(body[: int(len(body) * share)])

    with pytest.raises(ArchiveInvalidError):
        unpacked(whole, tmp_path / "out")


def test_the_name_says_how_it_is_written() -> None:
    assert mode_of(Path("a.tar")) == "w:"
    assert mode_of(Path("a.tar.gz")) == "w:gz"
    with pytest.raises(ValueError, match="must end in"):
        mode_of(Path("a.zip"))
