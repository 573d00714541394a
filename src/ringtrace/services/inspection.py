"""What a database says of itself when somebody looks after it."""

from dataclasses import dataclass

from ringtrace.services.recording_store import RecordingName


@dataclass(frozen=True, slots=True)
class GatewayLife:
    """A gateway that has a token, and when its last report came (ms since 1970 UTC, or never)."""

    account_id: int
    kind: str
    heard_at: int | None


@dataclass(frozen=True, slots=True)
class Inspection:
    """`damage` is what the database found first, None of a sound one.

    `not_durable` are settings of its server by which acknowledged rows may be lost. Of another
    schema no more is said.

    `newest_moment` is ms since 1970 UTC, `stray_routes` the numbers whose owner by the route table
    is another than by their row. `recordings` are those that calls claim to have, `awaited` the
    calls ("sip/4711") begun a day ago or earlier whose gateway promised one that has not come.
    """

    schema: int
    newest_schema: int
    damage: str | None
    not_durable: tuple[str, ...] = ()
    newest_moment: int | None = None
    stray_routes: tuple[str, ...] = ()
    gateways: tuple[GatewayLife, ...] = ()
    sites_without_numbers: tuple[str, ...] = ()
    accounts_without_gateway: tuple[str, ...] = ()
    recordings: frozenset[RecordingName] = frozenset()
    awaited: tuple[str, ...] = ()
