"""`ringtrace export`: an account's own data for other programs."""

import os
import sqlite3
from datetime import datetime
from pathlib import Path

import click
import msgspec

from ringtrace.bootstrap import AccountUnknownError, open_days, open_lake, see_account
from ringtrace.config import Settings
from ringtrace.domain.moment import day_number
from ringtrace.lake.command import UNUSABLE, progress_bar
from ringtrace.services.errors import StoreAwayError
from ringtrace.services.lake import Kind
from ringtrace.shell import (
    EXIT_BAD_INPUT,
    EXIT_FAILED,
    Folder,
    account_option,
    data_option,
    database_option,
    end,
)

_FORMATS = ("parquet", "csv", "jsonl")


def _day(_ctx: click.Context, _param: click.Parameter, said: datetime | None) -> int | None:
    return None if said is None else day_number(said.date().isoformat())


@click.command()
@data_option
@database_option
@account_option
@click.option("--kind", "kinds", multiple=True, type=click.Choice([kind.value for kind in Kind]),
              help="May be repeated; all kinds unless told otherwise.")  # fmt: skip
@click.option("--since", type=click.DateTime(["%Y-%m-%d"]), callback=_day,
              help="First day (UTC).")  # fmt: skip
@click.option("--until", type=click.DateTime(["%Y-%m-%d"]), callback=_day,
              help="First day that is not wanted any more (UTC).")  # fmt: skip
@click.option("--format", "form", default="parquet", show_default=True,
              type=click.Choice(_FORMATS), help="Of the files.")  # fmt: skip
@click.option("--to", "folder", required=True, type=Folder(),
              help="Folder, which is made; files of the same name are replaced.")  # fmt: skip
def export(
    *,
    data: Path,
    database_url: str | None,
    account_id: int,
    kinds: tuple[str, ...],
    since: int | None,
    until: int | None,
    form: str,
    folder: Path,
) -> None:
    """Write visits, hits, exposures, calls and credits as files, a file for each kind and day.

    Open days are as of now. The files hold callers' numbers: keep them as you keep the data folder.
    """
    os.umask(0o077)
    settings = Settings.of(data, database_url)
    if since is not None and until is not None and since >= until:
        end(EXIT_BAD_INPUT, "--until: must be after --since: it is the first day not wanted")
    try:
        see_account(settings, account_id)
        place, days = open_lake(settings), open_days(settings)
    except (*UNUSABLE, AccountUnknownError) as error:
        end(EXIT_BAD_INPUT, str(error))
    except StoreAwayError as error:
        end(EXIT_FAILED, f"nothing was exported: {error}")
    # DuckDB is an extra, and the other commands need not wait until it is loaded.
    import duckdb  # noqa: PLC0415

    from ringtrace.store.lake import export as exports  # noqa: PLC0415
    from ringtrace.store.lake.manifest import ManifestInvalidError  # noqa: PLC0415
    from ringtrace.store.lake.parquet import SealMismatchError  # noqa: PLC0415
    from ringtrace.store.lake.seal import RowsLostError  # noqa: PLC0415

    wanted = exports.Wanted(
        account_id, {Kind(one) for one in kinds} or set(Kind), exports.Format(form), since, until
    )
    with days, progress_bar() as bar:
        task = bar.add_task("exporting", total=None)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            contents = exports.Exporter(days, place, folder).export(
                wanted,
                folder,
                lambda done, total: bar.update(task, completed=done, total=max(done, total)),
            )
        except (
            ManifestInvalidError, SealMismatchError, StoreAwayError, OSError, sqlite3.Error,
            duckdb.Error,  # a full disk, for one
        ) as error:  # fmt: skip
            end(EXIT_FAILED, f"the export is not complete, run this again: {error}")
        except RowsLostError as error:
            end(EXIT_FAILED, f"the lake misses these days, bring it back: {error}")
    rows = dict.fromkeys((kind.value for kind in Kind if kind in wanted.kinds), 0)
    for file in contents.files:
        rows[file.name.partition("/")[0]] += file.rows
    click.echo(msgspec.json.encode({
        "account": account_id, "files": len(contents.files),
        "bytes": sum(one.bytes for one in contents.files), "rows": rows,
    }).decode())  # fmt: skip
