"""What a server makes when it starts for the first time, and sees to at each start."""

import asyncio
import fcntl
import logging
from pathlib import Path

from ringtrace.config import Settings, write_private
from ringtrace.domain.account import TokenKind
from ringtrace.services.errors import FieldInvalidError
from ringtrace.services.open_account import new_password
from ringtrace.services.use_cases import UseCases
from ringtrace.services.watch_callers import CallerWatch

log = logging.getLogger(__name__)

OWNER = 1
"""The account of a server's first start."""


async def open_up(settings: Settings, use_cases: UseCases, watch: CallerWatch) -> None:
    """One after the other, where several servers over one database and one folder start."""
    with (settings.data / "opening.lock").open("w") as lock:
        await asyncio.to_thread(fcntl.flock, lock, fcntl.LOCK_EX)
        await use_cases.directory.reload()
        await watch.load(use_cases.directory.account_ids(), use_cases.clock())
        if use_cases.directory.account(OWNER) is None:
            await _first_start(settings, use_cases)
        await standing_token(use_cases, TokenKind.COMMAND, settings.api_token_file)


async def _first_start(settings: Settings, use_cases: UseCases) -> None:
    # First the file: a password that nobody can read would lock everybody out.
    password = new_password()
    write_private(settings.password_file, password)
    try:
        await use_cases.open_account("My business", settings.region, "admin", password)
    except FieldInvalidError:
        # Another server over the same database was faster.
        settings.password_file.unlink()
        await use_cases.directory.reload()
        return
    log.info("first_start password_file=%s", settings.password_file)


async def standing_token(use_cases: UseCases, kind: TokenKind, path: Path) -> str:
    """The owner's token in `path`, a new one where that is not valid (any more)."""
    token = path.read_text().strip() if path.exists() else ""
    if use_cases.directory.owner(token, kind) is None:
        token = await use_cases.issue_token(OWNER, kind)
        write_private(path, token)
    return token
