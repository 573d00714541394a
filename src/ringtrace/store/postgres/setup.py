"""Writing who there is: accounts, users, sites, numbers, tokens."""

from collections.abc import Sequence
from typing import Final

from ringtrace.domain.account import Account
from ringtrace.domain.canary import published_until
from ringtrace.domain.flow import Flow
from ringtrace.domain.number import NumberKind, TrackingNumber
from ringtrace.services.commands import AddToken, ApplySetup, OpenAccount
from ringtrace.services.errors import FieldInvalidError, NumberTakenError
from ringtrace.store import rows
from ringtrace.store.postgres import pool_log, recipients
from ringtrace.store.postgres.connection import Connection
from ringtrace.store.postgres.handlers import Handlers, one_by_one

NEW_ACCOUNT = (
    "INSERT INTO accounts (account_id, name, region)"
    " SELECT 1 + coalesce(max(account_id), 0), $1, $2 FROM accounts"
    " ON CONFLICT DO NOTHING RETURNING account_id"
)
_PUT_ACCOUNT = (
    "INSERT INTO accounts (account_id, name, region) VALUES ($1, $2, $3)"
    " ON CONFLICT (account_id) DO UPDATE SET name = excluded.name, region = excluded.region"
)
_PUT_SITES = (
    "INSERT INTO sites (account_id, site_key, name, origins, swap, extensions_above)"
    " SELECT a.account_id, u.* FROM accounts a, unnest($2::text[], $3::text[], $4::json[],"
    " $5::json[], $6::double precision[]) u (site_key, name, origins, swap, extensions_above)"
    " WHERE a.account_id = $1"
    " ON CONFLICT (account_id, site_key) DO UPDATE SET name = excluded.name,"
    " origins = excluded.origins, swap = excluded.swap,"
    " extensions_above = excluded.extensions_above"
)
_PUT_POOLS = (
    "INSERT INTO pools (account_id, site_key, version)"
    " SELECT a.account_id, u.site_key, 0 FROM accounts a, unnest($2::text[]) u (site_key)"
    " WHERE a.account_id = $1 ON CONFLICT DO NOTHING"
)
_PUT_NUMBERS = (
    "INSERT INTO numbers (account_id, number, kind, name, flow, site_key, source, active,"
    " position, extensions, flow_name) SELECT a.account_id, u.* FROM accounts a,"
    " unnest($2::text[], $3::text[], $4::text[], $5::json[], $6::text[], $7::json[], $8::boolean[],"
    " $9::integer[], $10::json[], $11::text[]) u (number, kind, name, flow, site_key, source,"
    " active, position, extensions, flow_name) WHERE a.account_id = $1"
    " ON CONFLICT (account_id, number) DO UPDATE SET kind = excluded.kind,"
    " name = excluded.name, flow = excluded.flow, site_key = excluded.site_key,"
    " source = excluded.source, active = excluded.active, position = excluded.position,"
    " extensions = excluded.extensions, flow_name = excluded.flow_name"
)

ROUTE: Final = {
    kind: f"INSERT INTO {kind}_routes AS r ({column}, account_id)"
    " SELECT u.name, $1 FROM (SELECT DISTINCT unnest($2::text[]) AS name ORDER BY 1) u"
    f" ON CONFLICT ({column}) DO UPDATE SET account_id = r.account_id"
    f" WHERE r.account_id = excluded.account_id RETURNING {column}"
    for kind, column in (("number", "number"), ("site", "site_key"))
}
"""What every node knows is written on all of them."""


async def open_account(connection: Connection, command: OpenAccount) -> int:
    """Asked again because its answer got lost, it answers the account that it opened."""
    owner = await connection.fetchval(
        "SELECT account_id FROM login_routes WHERE login = $1", command.login
    )
    if owner is not None and await _has_user(connection, owner, command):
        return int(owner)
    account_id = await _new_account(connection, command)
    routed = await connection.fetchval(
        "INSERT INTO login_routes (login, account_id) VALUES ($1, $2) ON CONFLICT DO NOTHING"
        " RETURNING account_id",
        command.login,
        account_id,
    )
    if routed is None:
        raise FieldInvalidError("this login is taken", "login")
    await connection.execute(
        "INSERT INTO users (account_id, login, password_hash) VALUES ($1, $2, $3)",
        account_id,
        command.login,
        command.password_hash,
    )
    return account_id


async def _has_user(connection: Connection, account_id: int, command: OpenAccount) -> bool:
    password_hash = await connection.fetchval(
        "SELECT password_hash FROM users WHERE account_id = $1 AND login = $2",
        account_id,
        command.login,
    )
    return bool(password_hash == command.password_hash)


async def _new_account(connection: Connection, command: OpenAccount) -> int:
    """The next free id; another server that takes the same one is waited for and passed over."""
    while True:
        account_id = await connection.fetchval(NEW_ACCOUNT, command.name, command.region)
        if account_id is not None:
            return int(account_id)


async def apply_setup(connection: Connection, command: ApplySetup) -> None:
    """All or nothing. The account's row is taken first: its setups come one after the other."""
    await _put_account(connection, command.account)
    account_id, numbers, sites = command.account_id, command.numbers, command.sites
    if await _foreign(connection, "number", account_id, [one.number for one in numbers]):
        raise NumberTakenError("this number cannot be added", "number")
    taken = await _foreign(connection, "site", account_id, [one.key for one in sites])
    for i, site in enumerate(sites):
        if site.key in taken:
            raise FieldInvalidError("this key is taken", f"site[{i}].key")
    await connection.execute(
        _PUT_SITES,
        account_id,
        [one.key for one in sites],
        [one.name for one in sites],
        [rows.text(one.origins) for one in sites],
        [rows.text(one.swap) for one in sites],
        [one.extensions_above for one in sites],
    )
    await connection.execute(_PUT_POOLS, account_id, [one.key for one in sites])
    for flow in command.flows:
        await _put_flow(connection, command, flow)
    await _put_numbers(connection, command)
    await recipients.put(connection, account_id, command.recipients, command.at)
    await _put_spam_rules(connection, command)
    await pool_log.renew(connection, account_id, None)


async def _put_account(connection: Connection, account: Account) -> None:
    await connection.execute(_PUT_ACCOUNT, account.account_id, account.name, account.region)


async def _foreign(
    connection: Connection, kind: str, account_id: int, wanted: Sequence[str]
) -> set[str]:
    """Route to the account what is nobody's yet; answers what belongs to another."""
    owned = await connection.fetch(ROUTE[kind], account_id, list(wanted))
    return set(wanted) - {name for (name,) in owned}


async def _put_flow(connection: Connection, command: ApplySetup, flow: Flow) -> None:
    """A new version, unless it is what the newest one says already."""
    newest = await connection.fetchrow(
        "SELECT version, flow FROM flows WHERE account_id = $1 AND name = $2"
        " ORDER BY version DESC LIMIT 1",
        command.account_id,
        flow.name,
    )
    text = rows.text(flow)
    version, said = newest or (0, None)
    if said != text:
        await connection.execute(
            "INSERT INTO flows (account_id, name, version, flow, made_at)"
            " VALUES ($1, $2, $3, $4, $5)",
            command.account_id,
            flow.name,
            version + 1,
            text,
            command.at,
        )


async def _put_numbers(connection: Connection, command: ApplySetup) -> None:
    """The last of several that name the same number counts."""
    placed = {one.number: (place, one) for place, one in enumerate(command.numbers)}
    numbers = [one for _, one in placed.values()]
    await _keep_published(connection, command, numbers)
    await connection.execute(
        _PUT_NUMBERS,
        command.account_id,
        [one.number for one in numbers],
        [one.kind.value for one in numbers],
        [one.name for one in numbers],
        [rows.text(one.flow) for one in numbers],
        [one.site_key for one in numbers],
        [rows.text(one.source) if one.source else None for one in numbers],
        [one.active for one in numbers],
        [place for place, _ in placed.values()],
        [rows.text(one.extensions) for one in numbers],
        [one.flow_name for one in numbers],
    )
    # One that stays a canary has been one since it became one.
    await connection.execute(
        "DELETE FROM canaries WHERE account_id = $1 AND number = ANY($2) AND since <= $3",
        command.account_id,
        [one.number for one in numbers if one.kind is not NumberKind.CANARY or not one.active],
        command.at,
    )
    await connection.execute(
        "INSERT INTO canaries (account_id, number, since)"
        " SELECT a.account_id, u.number, $3 FROM accounts a, unnest($2::text[]) u (number)"
        " WHERE a.account_id = $1 ON CONFLICT DO NOTHING",
        command.account_id,
        [one.number for one in numbers if one.kind is NumberKind.CANARY and one.active],
        command.at,
    )


async def _keep_published(
    connection: Connection, command: ApplySetup, numbers: Sequence[TrackingNumber]
) -> None:
    """Of numbers that were static until now."""
    known = await connection.fetch(
        "SELECT number, kind FROM numbers WHERE account_id = $1 AND number = ANY($2)",
        command.account_id,
        [one.number for one in numbers],
    )
    was = {number: NumberKind(kind) for number, kind in known}
    until = {
        one.number: at
        for one in numbers
        if (at := published_until(was.get(one.number), one.kind, command.at)) is not None
    }
    await connection.execute(
        "INSERT INTO canaries (account_id, number, since) SELECT a.account_id, u.number, u.since"
        " FROM accounts a, unnest($2::text[], $3::bigint[]) u (number, since)"
        " WHERE a.account_id = $1"
        " ON CONFLICT (account_id, number) DO UPDATE SET since = excluded.since",
        command.account_id,
        list(until),
        list(until.values()),
    )


async def _put_spam_rules(connection: Connection, command: ApplySetup) -> None:
    if command.spam_rules is None:
        return
    # Of one millisecond the later ones count.
    newest = await connection.fetchval(
        "SELECT coalesce(max(made_at), 0) FROM spam_rules WHERE account_id = $1", command.account_id
    )
    await connection.execute(
        "INSERT INTO spam_rules (account_id, made_at, rules, made_by) VALUES ($1, $2, $3, $4)",
        command.account_id,
        max(command.at, 1 + newest),
        rows.text(command.spam_rules),
        command.made_by,
    )


async def add_token(connection: Connection, command: AddToken) -> None:
    """Asked again because its answer got lost, it changes nothing."""
    await connection.fetchval(
        "SELECT 1 FROM accounts WHERE account_id = $1 FOR UPDATE", command.account_id
    )
    token = (command.account_id, command.kind.value, command.token_hash)
    mine = "account_id = $1 AND kind = $2"
    if await connection.fetchval(f"SELECT 1 FROM tokens WHERE {mine} AND token_hash = $3", *token):
        return
    await connection.execute(
        f"DELETE FROM tokens WHERE {mine} AND token_hash NOT IN (SELECT token_hash FROM tokens"
        f" WHERE {mine} ORDER BY created_at DESC, token_hash LIMIT 1)",
        *token[:2],
    )
    # Tokens of one millisecond keep their order too: the newest two are the valid ones.
    newest = await connection.fetchval(
        f"SELECT coalesce(max(created_at), 0) FROM tokens WHERE {mine}", *token[:2]
    )
    await connection.execute(
        "INSERT INTO tokens (account_id, kind, token_hash, created_at) VALUES ($1, $2, $3, $4)",
        *token,
        max(command.created_at, 1 + newest),
    )


HANDLERS: Handlers = {
    OpenAccount: one_by_one(open_account),
    ApplySetup: one_by_one(apply_setup),
    AddToken: one_by_one(add_token),
}
