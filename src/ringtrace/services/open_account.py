"""A new tenant with somebody who may sign in, and that somebody signing in."""

import asyncio
import secrets
from collections.abc import Sequence
from dataclasses import dataclass

import argon2

from ringtrace.domain.account import ISSUED_KINDS, TokenKind, User
from ringtrace.domain.number import is_region
from ringtrace.services.commands import AddToken, OpenAccount
from ringtrace.services.directory import Directory, token_hash
from ringtrace.services.errors import FieldInvalidError, SignInFailedError
from ringtrace.services.ports import Clock, Store
from ringtrace.services.setup_records import ValidToken


@dataclass(frozen=True, slots=True)
class Opened:
    """Shown once: only digests are kept."""

    account_id: int
    login: str
    password: str


def new_password() -> str:
    return secrets.token_urlsafe(12)


class OpenTheAccount:
    def __init__(self, store: Store, directory: Directory, hasher: argon2.PasswordHasher) -> None:
        self._store = store
        self._directory = directory
        self._hasher = hasher

    async def __call__(
        self, name: str, region: str, login: str, password: str | None = None
    ) -> Opened:
        """With a new password unless one is given. Raises FieldInvalidError: the login is taken."""
        if not name.strip():
            raise FieldInvalidError("a name is needed", "name")
        if not is_region(region.upper()):
            raise FieldInvalidError("two letters of a country are needed", "region")
        password = password or new_password()
        digest = await asyncio.to_thread(self._hasher.hash, password)
        account_id = await self._store.submit(
            OpenAccount(0, name.strip(), region.upper(), login, digest)
        )
        await self._directory.refresh()
        return Opened(account_id, login, password)


class IssueToken:
    def __init__(self, store: Store, directory: Directory, clock: Clock) -> None:
        self._store = store
        self._directory = directory
        self._clock = clock

    async def asked(self, account_id: int, kind: TokenKind) -> str:
        """As `__call__`, for people. Raises FieldInvalidError on a kind that is not for them."""
        if kind not in ISSUED_KINDS:
            raise FieldInvalidError("voximplant, sip, route or api", "kind")
        return await self(account_id, kind)

    async def issued(self, account_id: int) -> Sequence[ValidToken]:
        """The valid tokens that people asked for, newest first: the command's own is not theirs."""
        known = await self._store.tokens(account_id)
        return [token for token in known if token.kind in ISSUED_KINDS]

    async def __call__(self, account_id: int, kind: TokenKind) -> str:
        """A new token, shown once. Of the older ones of its kind only the newest stays valid."""
        token = f"rt_{kind}_{secrets.token_urlsafe(24)}"
        await self._store.submit(AddToken(account_id, kind, token_hash(token), self._clock()))
        await self._directory.refresh()
        return token


class SignIn:
    def __init__(self, store: Store, hasher: argon2.PasswordHasher) -> None:
        self._store = store
        self._hasher = hasher
        self._nobody: str | None = None

    async def __call__(self, login: str, password: str) -> User:
        """Raises SignInFailedError without saying which of the two was wrong."""
        user = await self._store.user(login)
        try:
            # In a thread: it is slow on purpose, and a ringing call must not wait for it.
            await asyncio.to_thread(self._verify, user, password)
        except argon2.exceptions.VerifyMismatchError:
            user = None
        if user is None:
            raise SignInFailedError("login or password is wrong")
        return user

    def _verify(self, user: User | None, password: str) -> None:
        """Takes as long for an unknown login as for a known one."""
        if self._nobody is None:
            self._nobody = self._hasher.hash(secrets.token_urlsafe(12))
        self._hasher.verify(user.password_hash if user else self._nobody, password)
