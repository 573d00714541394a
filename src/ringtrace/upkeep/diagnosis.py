"""What is wrong, how bad it is, and what to do about it. Pure: facts in, findings out."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from ringtrace.domain.moment import DAY_MS, HOUR_MS, MINUTE_MS
from ringtrace.services.inspection import Inspection
from ringtrace.services.recording_store import RecordingName

_MIB: Final = 1024**2
_LITTLE_ROOM: Final = 2 * 1024 * _MIB
_NO_ROOM: Final = 200 * _MIB
_CLOCK_MS: Final = MINUTE_MS
_QUIET_MS: Final = 7 * DAY_MS
_NAMED: Final = 3


class Level(StrEnum):
    OK = "ok"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Finding:
    """`advice` is what the operator can do; "" where there is nothing to do."""

    check: str
    level: Level
    message: str
    advice: str = ""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What was found around the database.

    `archived` is how many days have rows in the lake alone, `lost_days` those of them that the lake
    misses, None when it cannot be reached. `open_to_others` are files with secrets that others
    than their owner can read, `recordings` what is kept, `None` where that cannot be reached,
    `running` whether a server says it runs over it and `answers` whether it does. `now` is ms since
    1970 UTC, `free_bytes` the room on the disk.
    """

    now: int
    free_bytes: int
    writable: bool
    open_to_others: tuple[str, ...]
    recordings: frozenset[RecordingName] | None
    archived: int
    lost_days: tuple[str, ...] | None
    leftovers: int
    running: bool
    answers: bool


def diagnose(inspection: Inspection, around: Surroundings) -> Sequence[Finding]:
    """One finding or more for each check, in the order in which they are worth reading."""
    found = [_folder(around), _disk(around), _secrets(around), *_database(inspection)]
    if inspection.schema == inspection.newest_schema:
        found += [
            _clock(inspection, around),
            _routes(inspection),
            *_recordings(inspection, around),
            _lake(around),
            *_setup(inspection),
            *_gateways(inspection, around),
        ]
    return [*found, _server(around)]


def diagnose_closed(why: str, advice: str, around: Surroundings) -> Sequence[Finding]:
    """What can be said when the database does not open: `why`, and what to do about it.

    A disk that cannot be written to keeps a sound one from being opened.
    """
    if not around.writable:
        advice = "see to the folder first, then look again"
    closed = Finding("database", Level.ERROR, why, advice)
    return [_folder(around), _disk(around), _secrets(around), closed, _server(around)]


def _folder(around: Surroundings) -> Finding:
    if around.writable:
        return Finding("folder", Level.OK, "the data folder can be written to")
    return Finding(
        "folder", Level.ERROR, "the data folder cannot be written to",
        "give it to the user who runs `ringtrace serve`, or mount its disk for writing",
    )  # fmt: skip


def _disk(around: Surroundings) -> Finding:
    free = f"{_size(around.free_bytes)} free"
    if around.free_bytes >= _LITTLE_ROOM:
        return Finding("disk", Level.OK, free)
    level = Level.WARNING if around.free_bytes >= _NO_ROOM else Level.ERROR
    return Finding("disk", level, free, "make room: hits and reports are refused on a full disk")


def _secrets(around: Surroundings) -> Finding:
    if not around.open_to_others:
        return Finding("secrets", Level.OK, "keys and passwords are readable by their owner alone")
    names = ", ".join(around.open_to_others)
    return Finding("secrets", Level.ERROR, f"others can read {names}", f"chmod 600 {names}")


def _database(inspection: Inspection) -> Iterator[Finding]:
    if inspection.damage is not None:
        yield Finding(
            "database", Level.ERROR, f"damaged: {inspection.damage}",
            "stop the server, keep a copy of the folder, restore the last backup",
        )  # fmt: skip
    else:
        yield Finding("database", Level.OK, "sound")
    if inspection.not_durable:
        yield Finding(
            "database", Level.ERROR,
            f"its server may lose what was acknowledged: {', '.join(inspection.not_durable)}",
            "turn that on and restart the database",
        )  # fmt: skip
    have, want = inspection.schema, inspection.newest_schema
    if have == want:
        yield Finding("schema", Level.OK, f"version {have}")
    elif have < want:
        yield Finding(
            "schema", Level.WARNING, f"version {have} of {want}",
            "back up, then start the server: it brings the schema up to date",
        )  # fmt: skip
    else:
        yield Finding(
            "schema", Level.ERROR, f"version {have}, newer than this program's {want}",
            "run the newer Ringtrace that wrote it",
        )  # fmt: skip


def _clock(inspection: Inspection, around: Surroundings) -> Finding:
    ahead = (inspection.newest_moment or 0) - around.now
    if ahead <= _CLOCK_MS:
        return Finding("clock", Level.OK, "nothing kept lies in the future")
    return Finding(
        "clock", Level.ERROR, f"the newest entry lies {ahead // 1000} s in the future",
        "the clock was wrong then, or is now: let NTP keep it",
    )  # fmt: skip


def _routes(inspection: Inspection) -> Finding:
    if not inspection.stray_routes:
        return Finding("routes", Level.OK, "every number leads to the account that has it")
    return Finding(
        "routes", Level.ERROR, f"{_some(inspection.stray_routes)} lead to another account",
        "apply the set-up of the account that has them again",
    )  # fmt: skip


def _recordings(inspection: Inspection, around: Surroundings) -> Iterator[Finding]:
    if around.recordings is None:
        yield Finding(
            "recordings", Level.ERROR, "the place where they are kept cannot be reached",
            "look at the log, and at the environment if that is a bucket",
        )  # fmt: skip
        return
    missing, orphans = (
        inspection.recordings - around.recordings, around.recordings - inspection.recordings
    )  # fmt: skip
    if missing:
        yield Finding(
            "recordings", Level.ERROR, f"{len(missing)} calls miss their file: {_calls(missing)}",
            "restore the recordings folder from a backup",
        )  # fmt: skip
    if orphans:
        yield Finding(
            "recordings", Level.WARNING, f"{len(orphans)} files have no call: {_calls(orphans)}",
            "their upload was not finished, or the database is older than the files",
        )  # fmt: skip
    if inspection.awaited:
        yield Finding(
            "recordings", Level.WARNING,
            f"{len(inspection.awaited)} calls still wait for theirs: {_some(inspection.awaited)}",
            "look at the log and the spool of their gateway",
        )  # fmt: skip
    if around.leftovers:
        yield Finding(
            "recordings", Level.WARNING, f"{around.leftovers} uploads were not finished",
            "the server removes them at its next start",
        )  # fmt: skip
    if not (missing or orphans or inspection.awaited or around.leftovers):
        yield Finding("recordings", Level.OK, f"{len(inspection.recordings)}, each with its file")


def _lake(around: Surroundings) -> Finding:
    if around.lost_days is None:
        return Finding(
            "lake", Level.ERROR,
            f"cannot be reached, and has the only rows of {around.archived} days",
            "bring it back to where it was, or start the server with its new place: `--lake`",
        )  # fmt: skip
    if around.lost_days:
        return Finding(
            "lake", Level.ERROR,
            f"misses {len(around.lost_days)} days that it alone had: {_some(around.lost_days)}",
            "restore the lake from a backup",
        )  # fmt: skip
    return Finding("lake", Level.OK, f"{around.archived} days are in it alone, each with its files")


def _setup(inspection: Inspection) -> Iterator[Finding]:
    for site in inspection.sites_without_numbers:
        yield Finding(
            "setup", Level.WARNING, f"site {site} has no numbers to show",
            "give its pool numbers, or take the tag off the pages",
        )  # fmt: skip
    for account in inspection.accounts_without_gateway:
        yield Finding(
            "setup", Level.WARNING, f"account {account} has numbers but no gateway's token",
            "issue one: `ringtrace token sip` or `ringtrace token voximplant`",
        )  # fmt: skip


def _gateways(inspection: Inspection, around: Surroundings) -> Iterator[Finding]:
    for one in inspection.gateways:
        name = f"{one.kind} of account {one.account_id}"
        if one.heard_at is None:
            yield Finding(
                "gateways", Level.WARNING, f"{name} has never reported a call",
                "call one of its numbers",
            )  # fmt: skip
            continue
        quiet = around.now - one.heard_at
        level = Level.OK if quiet < _QUIET_MS else Level.WARNING
        advice = "" if level is Level.OK else "call one of its numbers"
        yield Finding("gateways", level, f"{name} reported {_ago(quiet)}", advice)


def _server(around: Surroundings) -> Finding:
    if not around.running:
        return Finding("server", Level.WARNING, "no server runs over this folder",
                       "start it: `ringtrace serve`")  # fmt: skip
    if around.answers:
        return Finding("server", Level.OK, "runs and answers")
    return Finding("server", Level.ERROR, "was started but does not answer", "look at its log")


def _size(count: int) -> str:
    return f"{count // _MIB} MiB" if count < _LITTLE_ROOM else f"{count / 1024**3:.1f} GiB"


def _ago(ms: int) -> str:
    hours = max(0, ms) // HOUR_MS
    if hours == 0:
        return "within the last hour"
    return f"{hours} h ago" if hours < 48 else f"{hours // 24} days ago"  # noqa: PLR2004 - two days


def _calls(found: frozenset[RecordingName]) -> str:
    return _some(sorted(f"{one.gateway}/{one.call}" for one in found))


def _some(names: Sequence[str]) -> str:
    more = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {more} more" if more > 0 else "")
