"""Set-up: sites with their line of code, numbers, and the tokens of gateways."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from litestar import get, post
from litestar.params import URLEncodedBody
from litestar.response import Template

from ringtrace.domain.account import ISSUED_KINDS, TokenKind
from ringtrace.domain.flow import Flow
from ringtrace.domain.number import NumberKind, TrackingNumber
from ringtrace.domain.site import Site
from ringtrace.domain.source import Source
from ringtrace.services.errors import FieldInvalidError
from ringtrace.services.sound_file import MOST_BYTES
from ringtrace.web.console import wording
from ringtrace.web.console.call_view import shown_target
from ringtrace.web.console.entry import NO_ENTRY, Entry
from ringtrace.web.console.flow_view import flow_view
from ringtrace.web.console.page import base_url, page
from ringtrace.web.console.session import AnyRequest, Viewer, viewer
from ringtrace.web.console.sound_view import sound_views
from ringtrace.web.uses import Uses


@dataclass(frozen=True, slots=True)
class TokenForm:
    kind: str = ""


@dataclass(frozen=True, slots=True)
class NumberView:
    number: str
    name: str
    stands_for: str
    detail: str
    targets: str
    flow: str | None
    record: bool
    active: bool
    extensions: tuple["ExtensionView", ...]


@dataclass(frozen=True, slots=True)
class ExtensionView:
    code: str
    stands_for: str
    detail: str
    targets: str


@dataclass(frozen=True, slots=True)
class SiteView:
    name: str
    key: str
    origins: tuple[str, ...]
    swap: tuple[str, ...]
    snippet: str
    pool: tuple[NumberView, ...]
    canaries: tuple[NumberView, ...]
    extensions_above: str | None


@dataclass(frozen=True, slots=True)
class TokenView:
    """A kind of token; `issued` is when each valid one was, newest first."""

    kind: str
    name: str
    use: str
    issued: tuple[datetime, ...]


@dataclass(frozen=True, slots=True)
class Issued:
    """A token that is shown this once."""

    kind: str
    token: str


@get("/setup")
async def show_setup(uses: Uses, request: AnyRequest) -> Template:
    return await setup_page(uses, request)


@post("/setup/tokens", status_code=200)
async def issue_token(
    uses: Uses,
    request: AnyRequest,
    data: URLEncodedBody[TokenForm],
) -> Template:
    """Answered by the page itself: a redirect would have to keep the token somewhere."""
    if data.kind not in ISSUED_KINDS:
        raise FieldInvalidError("no such kind of token", "kind")
    kind = TokenKind(data.kind)
    token = await uses.issue_token(viewer(request).account.account_id, kind)
    return await setup_page(uses, request, issued=Issued(kind.value, token))


async def setup_page(
    uses: Uses, request: AnyRequest, *, issued: Issued | None = None, entry: Entry = NO_ENTRY
) -> Template:
    """With what was just `issued`, or the `entry` that was refused."""
    who = viewer(request)
    account_id = who.account.account_id
    numbers = uses.directory.numbers_of(account_id)
    base = base_url(request)
    return page(
        "setup",
        who,
        section="setup",
        entry=entry,
        base=base,
        sites=[_site(uses, site, numbers, base) for site in uses.directory.sites_of(account_id)],
        static=[_number(uses, one) for one in numbers if one.kind is NumberKind.STATIC],
        flows=[flow_view(uses.directory, who, one) for one in uses.directory.flows_of(account_id)],
        sounds=sound_views(uses, who),
        tokens=await _tokens(uses, who),
        most_sound_bytes=MOST_BYTES,
        issued=issued,
    )


async def _tokens(uses: Uses, who: Viewer) -> Sequence[TokenView]:
    known = await uses.issue_token.issued(who.account.account_id)
    return [
        TokenView(
            kind=kind.value,
            name=name,
            use=use,
            issued=tuple(wording.moment(t.issued_at, who.zone) for t in known if t.kind is kind),
        )
        for kind, (name, use) in wording.TOKENS.items()
    ]


def _site(uses: Uses, site: Site, numbers: Sequence[TrackingNumber], base: str) -> SiteView:
    own = [one for one in numbers if one.site_key == site.key]
    above = site.extensions_above
    return SiteView(
        name=site.name,
        key=site.key,
        origins=site.origins,
        swap=tuple(uses.directory.written(number).international for number in site.swap),
        snippet=f'<script async src="{base}/t/tag.js" data-site="{site.key}"></script>',
        pool=tuple(_number(uses, one) for one in own if one.kind is NumberKind.POOL),
        canaries=tuple(_number(uses, one) for one in own if one.kind is NumberKind.CANARY),
        extensions_above=None if above is None else wording.percent(above),
    )


def _number(uses: Uses, one: TrackingNumber) -> NumberView:
    said = one.source
    return NumberView(
        number=uses.directory.written(one.number).international,
        name=one.name,
        stands_for=str(said.channel) if said else "",
        detail=_detail(said),
        targets=_targets(uses, one.flow),
        flow=one.flow_name,
        record=one.flow.record,
        active=one.active,
        extensions=tuple(
            ExtensionView(
                code=code.code,
                stands_for=str(code.source.channel),
                detail=_detail(code.source),
                targets=_targets(uses, one.flow_of(code)),
            )
            for code in one.extensions
        ),
    )


def _detail(said: Source | None) -> str:
    parts = (said.source, said.campaign, said.term) if said else ()
    return " · ".join(part for part in parts if part)


def _targets(uses: Uses, flow: Flow) -> str:
    return ", then ".join(shown_target(uses.directory, one.to) for one in flow.targets)
