"""Writing who there is: accounts, users, sites, numbers, tokens."""

import sqlite3

from ringtrace.domain.account import Account
from ringtrace.domain.number import TrackingNumber
from ringtrace.services.commands import AddToken, ApplySetup, OpenAccount
from ringtrace.services.errors import NumberTakenError
from ringtrace.store.sqlite import rows


class SetupWriter:
    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def open_account(self, command: OpenAccount) -> None:
        execute = self._connection.execute
        self._put_account(command.account)
        user = command.user
        execute("INSERT INTO login_routes VALUES (?, ?)", (user.login, user.account_id))
        execute(
            "INSERT INTO users VALUES (?, ?, ?)", (user.account_id, user.login, user.password_hash)
        )

    def apply_setup(self, command: ApplySetup) -> None:
        execute = self._connection.execute
        # The owners are checked before anything is written: all or nothing.
        for number in command.numbers:
            self._refuse_foreign(number)
        self._put_account(command.account)
        for site in command.sites:
            execute("INSERT OR REPLACE INTO site_routes VALUES (?, ?)", (site.key, site.account_id))
            execute(
                "INSERT OR REPLACE INTO sites VALUES (?, ?, ?, ?, ?)",
                (site.account_id, site.key, site.name, rows.text(site.origins),
                 rows.text(site.swap)),
            )  # fmt: skip
        for position, number in enumerate(command.numbers):
            execute(
                "INSERT OR REPLACE INTO number_routes VALUES (?, ?)",
                (number.number, number.account_id),
            )
            execute(
                "INSERT OR REPLACE INTO numbers VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (number.account_id, number.number, number.kind.value, number.name,
                 rows.text(number.flow), number.site_key,
                 rows.text(number.source) if number.source else None, number.active, position),
            )  # fmt: skip

    def add_token(self, command: AddToken) -> None:
        owner = (command.account_id, command.kind.value)
        self._connection.execute(
            "DELETE FROM tokens WHERE account_id = ?1 AND kind = ?2 AND token_hash NOT IN"
            " (SELECT token_hash FROM tokens WHERE account_id = ?1 AND kind = ?2"
            "  ORDER BY created_at DESC, token_hash LIMIT 1)",
            owner,
        )
        # Tokens of one millisecond keep their order too: the newest two are the valid ones.
        self._connection.execute(
            "INSERT INTO tokens SELECT ?1, ?2, ?3, max(?4, 1 + coalesce(max(created_at), 0))"
            " FROM tokens WHERE account_id = ?1 AND kind = ?2",
            (*owner, command.token_hash, command.created_at),
        )

    def _put_account(self, account: Account) -> None:
        self._connection.execute(
            "INSERT OR REPLACE INTO accounts VALUES (?, ?, ?)",
            (account.account_id, account.name, account.region),
        )

    def _refuse_foreign(self, number: TrackingNumber) -> None:
        row = self._connection.execute(
            "SELECT account_id FROM number_routes WHERE number = ?", (number.number,)
        ).fetchone()
        if row is not None and row[0] != number.account_id:
            raise NumberTakenError("this number cannot be added", "number")
