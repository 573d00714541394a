"""`ringtrace replay`: how many numbers an account needs, from its own hits and calls."""

import math
from pathlib import Path
from typing import Final

import click
import msgspec
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeRemainingColumn,
)
from rich.table import Table

from ringtrace.bootstrap import (
    AccountUnknownError,
    DatabaseUnusableError,
    NoDataError,
    see_account,
)
from ringtrace.config import Settings
from ringtrace.domain.extension import THRESHOLDS
from ringtrace.domain.history import NoVisitsError
from ringtrace.domain.intervals import Share
from ringtrace.domain.keying import GIVES_UP
from ringtrace.domain.leasing import KEYED
from ringtrace.domain.sizing import Advice, Coded, NoCallsError, Target, effort
from ringtrace.listing import show, utc_text
from ringtrace.replay.chart import draw_chart
from ringtrace.replay.files import FileInvalidError
from ringtrace.replay.run import (
    Material,
    Plan,
    Result,
    SiteUnknownError,
    from_files,
    from_store,
    placed,
    run,
)
from ringtrace.services.errors import StoreAwayError
from ringtrace.shell import EXIT_BAD_INPUT, account_option, data_option, database_option, end

MOST_NUMBERS: Final = 20_000


def _sizes(_ctx: click.Context, _param: click.Parameter, said: str) -> tuple[int, ...]:
    parts = [part.strip() for part in said.split(",")]
    if not all(part.isdecimal() and 1 <= int(part) <= MOST_NUMBERS for part in parts):
        raise click.BadParameter(f"{said!r} is not made of whole numbers from 1 to {MOST_NUMBERS}")
    return tuple(sorted({int(part) for part in parts}))


def _targets(
    _ctx: click.Context, _param: click.Parameter, said: tuple[str, ...]
) -> dict[Target, float]:
    return dict(_target(one) for one in said)


def _target(said: str) -> tuple[Target, float]:
    name, _, share = said.partition("=")
    try:
        target, wanted = Target(name.strip()), float(share)
    except ValueError as error:
        raise click.BadParameter(f"{said!r} is not like keyword=0.9") from error
    if not 0 < wanted < 1:
        raise click.BadParameter(f"{said!r}: the share must be between 0 and 1")
    return target, wanted


@click.command()
@click.option("--hits", type=click.Path(exists=True, dir_okay=False, path_type=Path),
              help="What visitors did, CSV or Parquet.")  # fmt: skip
@click.option("--calls", type=click.Path(exists=True, dir_okay=False, path_type=Path),
              help="Who called, CSV or Parquet; without it calls are drawn.")  # fmt: skip
@click.option("--from-store", is_flag=True, help="Replay what the server's own store has kept.")
@data_option
@database_option
@account_option
@click.option("--site", help="Key of the site in the store (default: the only one).")
@click.option("--days", default=30, show_default=True, type=click.IntRange(1, 366),
              help="Days of the store, up to its newest visit.")  # fmt: skip
@click.option("--numbers", callback=_sizes, default="5,10,20,40", show_default=True,
              metavar="N,N,...", help="Pool sizes to replay.")  # fmt: skip
@click.option("--extensions", is_flag=True,
              help="Replay ours with extensions too.")  # fmt: skip
@click.option("--extensions-above", type=click.FloatRange(*THRESHOLDS), default=0.35,
              show_default=True, help="From which probability of a mix-up on.")  # fmt: skip
@click.option("--price", type=click.FloatRange(0, 1e6), default=3.0, show_default=True,
              help="Of a number and month, in any currency.")  # fmt: skip
@click.option("--target", "targets", callback=_targets, multiple=True,
              metavar="visit|channel|keyword=SHARE",
              help="Advise the fewest numbers for this; may be repeated.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
@click.option("--chart", type=click.Path(dir_okay=False, writable=True, path_type=Path),
              help="Also draw an SVG into this file.")  # fmt: skip
@click.option("--seed", default=1, show_default=True, type=click.IntRange(0),
              help="The same seed draws the same calls and samples.")  # fmt: skip
def replay(
    *,
    hits: Path | None,
    calls: Path | None,
    from_store: bool,
    data: Path,
    database_url: str | None,
    account_id: int,
    site: str | None,
    days: int,
    numbers: tuple[int, ...],
    extensions: bool,
    extensions_above: float,
    price: float,
    targets: dict[Target, float],
    as_json: bool,
    chart: Path | None,
    seed: int,
) -> None:
    """Replay own hits and calls under pools of several sizes, ours and as the trade runs them."""
    _check(hits, calls, chart, from_store=from_store)
    settings = Settings(data, database_url=database_url)
    plan = Plan(numbers, price, targets, seed, extensions_above if extensions else None)
    try:
        with _progress() as progress:
            material = (
                _of_files(progress, hits, calls)
                if hits is not None
                else _of_store(progress, settings, account_id, site, days)
            )
            result = _replayed(progress, material, plan)
        if chart is not None:
            chart.write_text(draw_chart(result.sizing, result.advice), "utf-8")
    except (
        FileInvalidError, SiteUnknownError, AccountUnknownError, NoDataError, DatabaseUnusableError
    ) as error:  # fmt: skip
        end(EXIT_BAD_INPUT, str(error))
    except NoVisitsError as error:
        end(EXIT_BAD_INPUT, f"{hits or data}: {error}")
    except NoCallsError as error:
        end(EXIT_BAD_INPUT, f"{calls or hits or data}: {error}")
    except (OSError, StoreAwayError) as error:
        raise click.ClickException(str(error)) from error
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(result.to_data())).decode())
        return
    show(_table(result))
    for line in _remarks(result):
        click.echo(line)


def _check(hits: Path | None, calls: Path | None, chart: Path | None, *, from_store: bool) -> None:
    if from_store == (hits is not None):
        raise click.UsageError("give either --hits FILE or --from-store")
    if from_store and calls is not None:
        raise click.UsageError("--calls goes with --hits; the store has its own calls")
    if chart is not None and not chart.parent.is_dir():
        raise click.UsageError(f"--chart: there is no folder {chart.parent}")


def _progress() -> Progress:
    console = Console(stderr=True)
    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=console,
        disable=not console.is_terminal,
    )


def _of_files(progress: Progress, hits: Path, calls: Path | None) -> Material:
    task = progress.add_task(f"reading {hits.name}", total=None)
    material = from_files(hits, calls, lambda lines: progress.advance(task, lines))
    progress.update(task, total=progress.tasks[task].completed)
    return material


def _of_store(
    progress: Progress, settings: Settings, account_id: int, site: str | None, days: int
) -> Material:
    task = progress.add_task("reading the store", total=None)
    see_account(settings, account_id)
    material = from_store(settings, account_id, site, days)
    progress.update(task, total=1, completed=1)
    return material


def _replayed(progress: Progress, material: Material, plan: Plan) -> Result:
    calls = placed(material, plan.seed)
    ways = 2 if plan.extensions_above is None else 3
    total = effort(material.history, calls, plan.numbers, ways)
    task = progress.add_task(f"replaying {len(plan.numbers)} sizes, {ways} ways", total=total)
    result = run(material, calls, plan, lambda events: progress.advance(task, events))
    progress.update(task, completed=total)
    return result


def _table(result: Result) -> Table:
    found = result.sizing
    table = Table(title=f"{len(result.history)} visits, {found.scored} calls scored")
    for name in ("numbers", "a month", "", "right visit", "right channel", "right keyword"):
        table.add_column(name, justify="right" if name else "left")
    table.add_column("unknown", justify="right")
    for one in found.sizes:
        with_codes = () if one.coded is None else (("ours, ext.", one.coded.outcome),)
        for name, outcome in (("ours", one.ours), *with_codes, ("trade", one.trade)):
            shares = (outcome.visit, outcome.channel, outcome.keyword, outcome.unknown)
            is_first = name == "ours"
            table.add_row(
                str(one.numbers) if is_first else "",
                f"{one.monthly_cost:.2f}" if is_first else "",
                name,
                *(_range(share) for share in shares),
                end_section=name == "trade",
            )
    return table


def _range(share: Share) -> str:
    low, high = math.floor(share.low * 100), math.ceil(share.high * 100)
    return f"{share.value:.1%} ({low}-{high})"


def _remarks(result: Result) -> list[str]:
    found = result.sizing
    said = result.assumptions()
    lines = [f"calls {how}: {result.calls.counts[how]} - {said[how]}" for how in said]
    lines.append(
        f"in brackets: 95 % intervals, {found.resampled} resampled; scored on {found.days} days,"
        " after a warm-up"
    )
    if result.history.beats_filled:
        lines.append("no beats: visitors are taken to have stayed on page between two hits")
    if result.complete_since is not None:
        lines.append(
            f"from {utc_text(result.complete_since)} on: earlier visits have left the database"
        )
    if result.history.left_out:
        lines.append(f"visits left out, no channel known: {result.history.left_out}")
    lines += [_price_of_codes(one.numbers, one.coded) for one in found.sizes if one.coded]
    return lines + [_advised(one) for one in result.advice]


def _price_of_codes(numbers: int, coded: Coded) -> str:
    return (
        f"extensions at {numbers} numbers: shown to {coded.shown:.1%} of visits,"
        f" {_range(coded.lost)} of calls lost to the question"
        f" (assumed: {KEYED:.0%} key them, {GIVES_UP:.0%} hang up)"
    )


def _advised(one: Advice) -> str:
    wanted = f"right {one.target} for {one.share * 100:.4g} % of calls"
    if one.numbers is not None:
        return f"{wanted}: {one.numbers} numbers"
    if one.likely is not None:
        return f"{wanted}: {one.likely} numbers reach it on average, none of these sizes surely"
    return f"{wanted}: none of these sizes reaches it"
