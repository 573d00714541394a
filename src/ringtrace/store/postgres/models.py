"""Writing what was learnt of a site's callers."""

from collections.abc import Sequence

from ringtrace.services.commands import KeepModel
from ringtrace.store import rows
from ringtrace.store.postgres import pool_log
from ringtrace.store.postgres.connection import Connection
from ringtrace.store.postgres.handlers import Handlers


async def keep_models(connection: Connection, commands: Sequence[KeepModel]) -> list[None]:
    for one in commands:
        await connection.execute(
            "INSERT INTO models (account_id, site_key, made_at, name, model)"
            " VALUES ($1, $2, $3, $4, $5) ON CONFLICT (account_id, site_key, made_at)"
            " DO UPDATE SET name = excluded.name, model = excluded.model",
            one.account_id,
            one.site_key,
            one.made_at,
            one.model.name,
            rows.text(one.model.to_data()),
        )
        await pool_log.renew(connection, one.account_id, [one.site_key])
    return [None] * len(commands)


HANDLERS: Handlers = {KeepModel: keep_models}
