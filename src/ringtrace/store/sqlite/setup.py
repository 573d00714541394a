"""Writing who there is: accounts, users, sites, numbers, tokens."""

import sqlite3

from ringtrace.domain.account import Account
from ringtrace.domain.canary import published_until
from ringtrace.domain.flow import Flow
from ringtrace.domain.number import NumberKind, TrackingNumber
from ringtrace.services.commands import AddToken, ApplySetup, OpenAccount
from ringtrace.services.errors import FieldInvalidError, NumberTakenError
from ringtrace.store import rows
from ringtrace.store.sqlite import notices


class SetupWriter:
    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def open_account(self, command: OpenAccount) -> int:
        execute = self._connection.execute
        login = command.login
        if execute("SELECT 1 FROM login_routes WHERE login = ?", (login,)).fetchone():
            raise FieldInvalidError("this login is taken", "login")
        row = execute("SELECT 1 + coalesce(max(account_id), 0) FROM accounts").fetchone()
        account_id: int = row[0]
        self._put_account(Account(account_id, command.name, command.region))
        execute("INSERT INTO login_routes VALUES (?, ?)", (login, account_id))
        execute("INSERT INTO users VALUES (?, ?, ?)", (account_id, login, command.password_hash))
        return account_id

    def apply_setup(self, command: ApplySetup) -> None:
        execute = self._connection.execute
        # The owners are checked before anything is written: all or nothing.
        for number in command.numbers:
            if self._is_foreign("number_routes", "number", number.number, command.account_id):
                raise NumberTakenError("this number cannot be added", "number")
        for i, site in enumerate(command.sites):
            if self._is_foreign("site_routes", "site_key", site.key, command.account_id):
                raise FieldInvalidError("this key is taken", f"site[{i}].key")
        self._put_account(command.account)
        for site in command.sites:
            execute("INSERT OR REPLACE INTO site_routes VALUES (?, ?)", (site.key, site.account_id))
            execute(
                "INSERT OR REPLACE INTO sites VALUES (?, ?, ?, ?, ?, ?)",
                (site.account_id, site.key, site.name, rows.text(site.origins),
                 rows.text(site.swap), site.extensions_above),
            )  # fmt: skip
        for flow in command.flows:
            self._put_flow(command, flow)
        for recipient in command.recipients:
            notices.put_recipient(self._connection, recipient, command.at)
        for position, number in enumerate(command.numbers):
            execute(
                "INSERT OR REPLACE INTO number_routes VALUES (?, ?)",
                (number.number, number.account_id),
            )
            self._keep_canary(number, command.at)
            execute(
                "INSERT OR REPLACE INTO numbers VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (number.account_id, number.number, number.kind.value, number.name,
                 rows.text(number.flow), number.site_key,
                 rows.text(number.source) if number.source else None, number.active, position,
                 rows.text(number.extensions), number.flow_name),
            )  # fmt: skip
        if command.spam_rules is not None:
            # Of one millisecond the later ones count.
            execute(
                "INSERT INTO spam_rules SELECT ?1, max(?2, 1 + coalesce(max(made_at), 0)), ?3, ?4"
                " FROM spam_rules WHERE account_id = ?1",
                (command.account_id, command.at, rows.text(command.spam_rules), command.made_by),
            )

    def _put_flow(self, command: ApplySetup, flow: Flow) -> None:
        """A new version, unless it is what the newest one says already."""
        newest = self._connection.execute(
            "SELECT version, flow FROM flows WHERE account_id = ? AND name = ?"
            " ORDER BY version DESC LIMIT 1",
            (command.account_id, flow.name),
        ).fetchone()
        text = rows.text(flow)
        version, said = newest or (0, None)
        if said != text:
            self._connection.execute(
                "INSERT INTO flows VALUES (?, ?, ?, ?, ?)",
                (command.account_id, flow.name, version + 1, text, command.at),
            )

    def _keep_canary(self, number: TrackingNumber, at: int) -> None:
        """One that stays a canary has been one since it became one; asks what it was before."""
        key = (number.account_id, number.number)
        was = self._connection.execute(
            "SELECT kind FROM numbers WHERE account_id = ? AND number = ?", key
        ).fetchone()
        until = published_until(NumberKind(was[0]) if was else None, number.kind, at)
        if until is not None:
            self._connection.execute("INSERT OR REPLACE INTO canaries VALUES (?, ?, ?)",
                                     (*key, until))  # fmt: skip
        if number.kind is NumberKind.CANARY and number.active:
            self._connection.execute("INSERT OR IGNORE INTO canaries VALUES (?, ?, ?)", (*key, at))
        else:
            self._connection.execute(
                "DELETE FROM canaries WHERE account_id = ? AND number = ? AND since <= ?",
                (*key, at),
            )

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

    def _is_foreign(self, table: str, column: str, value: str, account_id: int) -> bool:
        row = self._connection.execute(
            f"SELECT account_id FROM {table} WHERE {column} = ?", (value,)
        ).fetchone()
        return row is not None and row[0] != account_id
