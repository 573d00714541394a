"""A site's past as learning wants it: visits with their signs, and calls, of the window."""

from ringtrace.domain.attribution import WINDOW_MS
from ringtrace.domain.number import NumberKind
from ringtrace.domain.past import Past
from ringtrace.store.past import CALL_COLUMNS, VISIT_COLUMNS, calls, canaries, first_id, visits
from ringtrace.store.postgres.connection import Connection
from ringtrace.store.postgres.rowset import of_account

_NUMBERS = (
    "SELECT number FROM numbers WHERE account_id = $1 AND site_key = $2 AND kind = 'pool'"
    " AND active ORDER BY position, number"
)
_VISITS = (
    f"SELECT {VISIT_COLUMNS} FROM visits"
    " WHERE account_id = $1 AND visit_id >= $2 AND site_key = $3 AND number IS NOT NULL"
    " ORDER BY visit_id"
)
_SIGNS = (
    "SELECT visit_id, at, kind FROM hits WHERE account_id = $1 AND visit_id >= $2"
    " ORDER BY visit_id, at, kind"
)
_CALLS = (
    f"SELECT {of_account(CALL_COLUMNS)} FROM calls c LEFT JOIN corrections k"
    " ON k.account_id = c.account_id AND k.gateway = c.gateway AND k.call_id = c.call_id"
    " WHERE c.account_id = $1 AND c.started_at >= $2 AND c.number IN"
    " (SELECT number FROM numbers WHERE account_id = $1 AND site_key = $3)"
    " ORDER BY c.started_at, c.gateway, c.call_id"
)
# A number that was in the pool before is one once nobody of then is a candidate any more.
_CANARIES = (
    "SELECT n.number, greatest(k.since, coalesce((SELECT max(e.shown_at) FROM exposures e"
    "  WHERE e.account_id = $1 AND e.number = n.number) + $4::bigint, 0))"
    " FROM numbers n JOIN canaries k ON k.account_id = n.account_id AND k.number = n.number"
    " WHERE n.account_id = $1 AND n.site_key = $2 AND n.kind = $3 AND n.active ORDER BY n.number"
)


async def past(connection: Connection, account_id: int, site_key: str, at: int) -> Past:
    """What happened at the site and on its pool's numbers in the window before `at`."""
    since = at - WINDOW_MS
    first, fetch = first_id(since), connection.fetch
    return Past(
        tuple(number for (number,) in await fetch(_NUMBERS, account_id, site_key)),
        visits(
            await fetch(_VISITS, account_id, first, site_key),
            await fetch(_SIGNS, account_id, first),
        ),
        calls(await fetch(_CALLS, account_id, since, site_key)),
        canaries(await fetch(_CANARIES, account_id, site_key, NumberKind.CANARY.value, WINDOW_MS)),
    )
