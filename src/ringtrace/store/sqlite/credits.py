"""The shares of a call: written with it, read with it."""

import sqlite3

import msgspec

from ringtrace.domain.attribution import Attribution, Basis, Credit, Why
from ringtrace.store.sqlite import rows

Key = tuple[int, str, str]
"""Account, gateway, call."""

_why = msgspec.json.Decoder(Why)


def columns(attribution: Attribution) -> tuple[str, str, float, float]:
    """basis, model, unknown, repeat: what of an attribution stands in the call's own row."""
    return (attribution.basis.value, attribution.model, attribution.unknown, attribution.repeat)


def write(connection: sqlite3.Connection, key: Key, attribution: Attribution) -> None:
    """Of a call whose own row is there."""
    connection.executemany(
        "INSERT INTO credits VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [
            (*key, position, one.visit_id, one.probability, str(one.source.channel),
             one.source.campaign, one.source.term, rows.text(one.source),
             rows.text(one.why) if one.why else None)
            for position, one in enumerate(attribution.credits)
        ],
    )  # fmt: skip
    shares: dict[str, float] = {}
    for one in attribution.credits:
        channel = str(one.source.channel)
        shares[channel] = shares.get(channel, 0.0) + one.probability
    connection.execute(
        "UPDATE calls SET shares = ? WHERE account_id = ? AND gateway = ? AND call_id = ?",
        (rows.text(shares), *key),
    )


def replace(connection: sqlite3.Connection, key: Key, attribution: Attribution) -> None:
    """The call is attributed otherwise from now on."""
    connection.execute(
        "DELETE FROM credits WHERE account_id = ? AND gateway = ? AND call_id = ?", key
    )
    connection.execute(
        "UPDATE calls SET basis = ?, model = ?, unknown = ?, repeat = ?"
        " WHERE account_id = ? AND gateway = ? AND call_id = ?",
        (*columns(attribution), *key),
    )
    write(connection, key, attribution)


def read(
    connection: sqlite3.Connection, key: Key, said: tuple[str, str, float, float]
) -> Attribution:
    """`said` are the `columns` of the call's row."""
    basis, model, unknown, repeat = said
    found = connection.execute(
        "SELECT visit_id, probability, source, why FROM credits"
        " WHERE account_id = ? AND gateway = ? AND call_id = ? ORDER BY position",
        key,
    )
    return Attribution(
        basis=Basis(basis),
        model=model,
        credits=tuple(
            Credit(visit, share, rows.source(source), _why.decode(why) if why else None)
            for visit, share, source, why in found
        ),
        unknown=unknown,
        repeat=repeat,
    )
