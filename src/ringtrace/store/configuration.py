"""What hits and calls are decided with, from what was read of it."""

from collections.abc import Iterable, Mapping
from typing import Final

from ringtrace.domain.account import Account, TokenKind, TokenOwner
from ringtrace.domain.number import NumberKind, TrackingNumber
from ringtrace.domain.site import Site
from ringtrace.services.setup_records import KeptFlow, SiteModel
from ringtrace.store import rows
from ringtrace.store.rows import Row

SITE_COLUMNS: Final = "account_id, site_key, name, origins, swap, extensions_above"
NUMBER_COLUMNS: Final = (
    "account_id, number, kind, name, flow, site_key, source, active, extensions, flow_name"
)

Flows = Mapping[tuple[int, str], KeptFlow]
"""By account and name."""


def accounts(found: Iterable[Row]) -> tuple[Account, ...]:
    return tuple(Account(account_id, name, region) for account_id, name, region in found)


def sites(found: Iterable[Row]) -> tuple[Site, ...]:
    """From SITE_COLUMNS."""
    return tuple(
        Site(account_id, key, name, rows.texts(origins), rows.texts(swap), above)
        for account_id, key, name, origins, swap, above in found
    )


def flows(found: Iterable[Row]) -> Flows:
    """From account_id, name, version, flow, made_at of the newest versions."""
    return {
        (account_id, name): KeptFlow(account_id, name, version, rows.flow(flow), made_at)
        for account_id, name, version, flow, made_at in found
    }


def numbers(found: Iterable[Row], known: Flows) -> tuple[TrackingNumber, ...]:
    """From NUMBER_COLUMNS."""
    return tuple(_number(row, known) for row in found)


def _number(row: Row, known: Flows) -> TrackingNumber:
    account_id, number, kind, name, flow, site_key, source, active, extensions, flow_name = row
    kept = known.get((account_id, flow_name))
    return TrackingNumber(
        account_id=account_id,
        number=number,
        kind=NumberKind(kind),
        name=name,
        flow=kept.flow if kept else rows.flow(flow),
        site_key=site_key,
        source=rows.source(source) if source else None,
        active=bool(active),
        extensions=rows.extensions(extensions),
        flow_name=kept.name if kept else None,
        flow_version=kept.version if kept else None,
    )


def tokens(found: Iterable[Row]) -> tuple[tuple[str, TokenOwner], ...]:
    """From token_hash, account_id, kind."""
    return tuple(
        (digest, TokenOwner(account_id, TokenKind(kind))) for digest, account_id, kind in found
    )


def models(found: Iterable[Row]) -> tuple[SiteModel, ...]:
    """From account_id, site_key, model, made_at of the newest ones."""
    return tuple(
        SiteModel(account_id, site_key, rows.model(model), made_at)
        for account_id, site_key, model, made_at in found
    )
