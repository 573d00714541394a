"""A browser says what its visitor does; a page view is answered with the number to show."""

import re
from dataclasses import dataclass
from functools import lru_cache

from ringtrace.domain import source, visit
from ringtrace.domain.number import Written, with_extension
from ringtrace.domain.site import Site
from ringtrace.domain.visit import HitKind, NoNumber, Visit
from ringtrace.services.commands import NoteHit, ShowNumber
from ringtrace.services.directory import Directory
from ringtrace.services.errors import FieldInvalidError, SiteUnknownError, StoreAwayError
from ringtrace.services.limits import SIGN, HitLimits
from ringtrace.services.ports import Clock, Store

_ID = re.compile(r"[0-9a-f]{32}").fullmatch
_MAX_URL = 4_096
_MAX_USER_AGENT = 1_024

# A few user agents send nearly all hits, and reading one takes longer than the rest of a hit.
_device = lru_cache(maxsize=4_096)(visit.device)
_is_robot = lru_cache(maxsize=4_096)(visit.is_robot)


@dataclass(frozen=True, slots=True)
class Hit:
    """One message of the tag, with what the door knows of its sender."""

    site: str
    kind: HitKind
    visitor: str
    visit: str
    url: str | None
    referrer: str | None
    origin: str | None
    user_agent: str
    address: str


@dataclass(frozen=True, slots=True)
class Shown:
    """What the page is to show; without a number it stays as it is, and `reason` says why."""

    number: Written | None
    swap: tuple[str, ...]
    reason: NoNumber | None


class TrackHit:
    def __init__(self, store: Store, directory: Directory, limits: HitLimits, clock: Clock) -> None:
        self._store = store
        self._directory = directory
        self._limits = limits
        self._clock = clock

    async def __call__(self, hit: Hit) -> Shown | None:
        """Answers None to everything but a page view. Raises a RefusedError on bad input."""
        site = self._site(hit)
        refusal = self._refusal(hit, site)
        at = self._clock()
        if hit.kind is not HitKind.PAGE:
            if refusal is None and self._limits.allow(site.key, hit.address, at, SIGN):
                note = NoteHit(site.account_id, site.key, hit.visit, hit.kind, at)
                await self._store.submit(note)
            return None
        view = self._view(hit, site, at)
        if refusal is None and not self._limits.allow(site.key, hit.address, at):
            refusal = NoNumber.RATE_LIMITED
        if refusal is not None:
            return Shown(None, (), refusal)
        try:
            shown = await self._store.submit(view)
        except StoreAwayError:
            return Shown(None, (), NoNumber.STORE_AWAY)
        if shown is None:
            return Shown(None, (), NoNumber.NO_POOL)
        number = self._directory.written(shown.number)
        if shown.extension is not None:
            self._directory.extension_shown(shown.number, at)
            number = with_extension(number, shown.extension)
        return Shown(number, site.swap, None)

    def _site(self, hit: Hit) -> Site:
        if not _ID(hit.visitor):
            raise FieldInvalidError("32 lower-case hex digits are needed", "visitor")
        if not _ID(hit.visit):
            raise FieldInvalidError("32 lower-case hex digits are needed", "visit")
        site = self._directory.site(hit.site)
        if site is None:
            raise SiteUnknownError("no site has this key", "site")
        return site

    def _refusal(self, hit: Hit, site: Site) -> NoNumber | None:
        if hit.origin not in site.origins:
            return NoNumber.ORIGIN_NOT_ALLOWED
        if _is_robot(hit.user_agent[:_MAX_USER_AGENT]):
            return NoNumber.ROBOT
        return None

    def _view(self, hit: Hit, site: Site, at: int) -> ShowNumber:
        if hit.url is None or len(hit.url) > _MAX_URL:
            raise FieldInvalidError(f"a page's URL of up to {_MAX_URL} characters is needed", "url")
        try:
            origin = source.classify(hit.url, hit.referrer)
        except source.UrlInvalidError as error:
            raise FieldInvalidError(str(error), "url") from error
        begun = Visit(
            visit_id=hit.visit,
            visitor_id=hit.visitor,
            site_key=site.key,
            started_at=at,
            device=_device(hit.user_agent[:_MAX_USER_AGENT]),
            source=origin,
        )
        return ShowNumber(site.account_id, begun, origin.landing_page or "", at)
