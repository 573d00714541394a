"""How often one site and one address may send hits.

The limiter guards the pools against floods. It sits on the hit path only: no call is ever refused
by it. Addresses are kept as keyed hashes whose key changes every day, in memory alone.
"""

import secrets
from collections import OrderedDict
from dataclasses import dataclass, field
from hashlib import blake2b
from ipaddress import IPv6Address, ip_address

from ringtrace.domain.moment import DAY_MS, MINUTE_MS
from ringtrace.services.neighbours import NOBODY, HitsTaken, Neighbours

_TELL_MS = 250
_MOST_ADDRESSES = 100_000

PAGE = 1.0
SIGN = 0.25
"""What a page view and any other hit take of a bucket."""


@dataclass(slots=True)
class _Bucket:
    tokens: float
    filled_at: int

    def take(self, cost: float, per_minute: int, at: int) -> bool:
        self._fill(per_minute, at)
        if self.tokens < cost:
            return False
        self.tokens -= cost
        return True

    def owe(self, cost: float, per_minute: int, at: int) -> None:
        """What neighbours let through is taken even of an empty bucket: it is paid back."""
        self._fill(per_minute, at)
        self.tokens = max(-2.0 * per_minute, self.tokens - cost)

    def _fill(self, per_minute: int, at: int) -> None:
        elapsed = max(0, at - self.filled_at)
        self.tokens = min(2.0 * per_minute, self.tokens + elapsed * per_minute / MINUTE_MS)
        # A clock that went back starts anew from there: else nothing would be filled until it has
        # caught up.
        self.filled_at = at


@dataclass(slots=True)
class HitLimits:
    """Token buckets: `per_address` and `per_site` page views a minute, twice that in a burst.

    Neighbours have the same `seed`, and tell each other four times a second what they let through,
    which everybody takes of his own buckets as well: a burst over all of them can be as many times
    as big, and is paid back before more is let through.
    """

    per_address: int = 120
    per_site: int = 60_000
    seed: bytes = field(default_factory=lambda: secrets.token_bytes(32))
    neighbours: Neighbours = NOBODY
    _addresses: OrderedDict[bytes, _Bucket] = field(default_factory=OrderedDict)
    _sites: dict[str, _Bucket] = field(default_factory=dict)
    _taken: HitsTaken = field(default_factory=lambda: HitsTaken({}, {}))
    _told_at: int = 0
    _key: bytes = b""
    _day: int = -1

    def allow(self, site_key: str, address: str, at: int, cost: float = PAGE) -> bool:
        """Whether a hit at `at` (ms since 1970) counts. `site_key` is one that is known."""
        self._turn_to(at // DAY_MS)
        name = f"{site_key} {_sender(address)}".encode()
        pseudonym = blake2b(name, key=self._key, digest_size=16).digest()
        allowed = self._address(pseudonym, at).take(cost, self.per_address, at) and self._site(
            site_key, at
        ).take(cost, self.per_site, at)
        if self.neighbours is not NOBODY:
            self._note(pseudonym, site_key, cost if allowed else 0.0)
            self._tell(at)
        return allowed

    def hear_hits(self, taken: HitsTaken, at: int) -> None:
        """What neighbours have let through."""
        self._turn_to(at // DAY_MS)
        for pseudonym, cost in taken.addresses.items():
            self._address(pseudonym, at).owe(cost, self.per_address, at)
        for site_key, cost in taken.sites.items():
            self._site(site_key, at).owe(cost, self.per_site, at)

    def _note(self, pseudonym: bytes, site_key: str, cost: float) -> None:
        if cost:
            addresses, sites = self._taken.addresses, self._taken.sites
            addresses[pseudonym] = addresses.get(pseudonym, 0.0) + cost
            sites[site_key] = sites.get(site_key, 0.0) + cost

    def _tell(self, at: int) -> None:
        if self._taken.sites and not 0 <= at - self._told_at < _TELL_MS:
            self.neighbours.tell(self._taken)
            self._taken, self._told_at = HitsTaken({}, {}), at

    def _turn_to(self, day: int) -> None:
        if day != self._day:
            self._day = day
            self._key = blake2b(day.to_bytes(8, "big", signed=True), key=self.seed).digest()
            self._addresses.clear()

    def _site(self, site_key: str, at: int) -> _Bucket:
        site = self._sites.get(site_key)
        if site is None:
            site = self._sites[site_key] = _Bucket(2.0 * self.per_site, at)
        return site

    def _address(self, pseudonym: bytes, at: int) -> _Bucket:
        bucket = self._addresses.get(pseudonym)
        if bucket is None:
            bucket = self._addresses[pseudonym] = _Bucket(2.0 * self.per_address, at)
            if len(self._addresses) > _MOST_ADDRESSES:
                self._addresses.popitem(last=False)
        self._addresses.move_to_end(pseudonym)
        return bucket


def _sender(address: str) -> str:
    """One home has one IPv4 address, or a whole /64 of IPv6."""
    if ":" not in address:
        return address
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    return str(int(parsed) >> 64) if isinstance(parsed, IPv6Address) else address
