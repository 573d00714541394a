"""A lake beside a shop's data folder, and what of its days tests look at."""

from pathlib import Path
from typing import Any

import duckdb

from ringtrace.bootstrap import open_days
from ringtrace.config import DATABASE_URL, Settings
from ringtrace.domain.moment import day_of
from ringtrace.services.lake import Kind
from ringtrace.store.lake import manifest as manifests
from ringtrace.store.lake.place import LakeFolder, Place
from ringtrace.store.lake.seal import Sealed, Sealer


def place_of(settings: Settings) -> LakeFolder:
    assert settings.lake is not None
    return LakeFolder(settings.lake)


def environment(settings: Settings) -> dict[str, str | None]:
    """Of commands over the store that the settings name."""
    return {DATABASE_URL: settings.database_url}


def sealed(settings: Settings, at: int, place: Place | None = None) -> Sealed:
    """Seal all days before that of `at`, ms since 1970 UTC."""
    with open_days(settings) as days:
        sealer = Sealer(days, place or place_of(settings), settings.lake_scratch, lambda: at)
        return sealer.seal(day_of(at))


def files(settings: Settings, kind: Kind, account_id: int = 1) -> list[Path]:
    """Those that the manifests name, oldest day first."""
    place = place_of(settings)
    return [
        place.fetch(file.name)
        for manifest in manifests.read_all(place, account_id)
        for of, file in manifest.files()
        if of is kind
    ]


def columns(file: Path) -> list[str]:
    """As the file has them, without what DuckDB reads from the names of its folders."""
    with duckdb.connect() as database:
        found = database.execute("SELECT name FROM parquet_schema(?)", [str(file)]).fetchall()
    return [name for (name,) in found]


def rows(settings: Settings, kind: Kind, account_id: int = 1) -> list[dict[str, Any]]:
    """All that is sealed of a kind."""
    named = [str(one) for one in files(settings, kind, account_id)]
    if not named:
        return []
    with duckdb.connect() as database:
        found = database.execute("SELECT * FROM read_parquet(?)", [named])
        names = [one[0] for one in found.description or ()]
        return [dict(zip(names, row, strict=True)) for row in found.fetchall()]
