"""How often one site and one address may send hits.

The limiter guards the pools against floods. It sits on the hit path only: no call is ever refused
by it. Addresses are kept as keyed hashes whose key changes every day, in memory alone.
"""

import secrets
from collections import OrderedDict
from dataclasses import dataclass, field
from hashlib import blake2b
from ipaddress import IPv6Address, ip_address

_DAY_MS = 86_400_000
_MOST_ADDRESSES = 100_000

PAGE = 1.0
SIGN = 0.25
"""What a page view and any other hit take of a bucket."""


@dataclass(slots=True)
class _Bucket:
    tokens: float
    filled_at: int

    def take(self, cost: float, per_minute: int, at: int) -> bool:
        elapsed = max(0, at - self.filled_at)
        self.tokens = min(2.0 * per_minute, self.tokens + elapsed * per_minute / 60_000)
        # A clock that went back starts anew from there: else nothing would be filled until it has
        # caught up.
        self.filled_at = at
        if self.tokens < cost:
            return False
        self.tokens -= cost
        return True


@dataclass(slots=True)
class HitLimits:
    """Token buckets: `per_address` and `per_site` page views a minute, twice that in a burst."""

    per_address: int = 120
    per_site: int = 60_000
    _addresses: OrderedDict[bytes, _Bucket] = field(default_factory=OrderedDict)
    _sites: dict[str, _Bucket] = field(default_factory=dict)
    _key: bytes = field(default_factory=lambda: secrets.token_bytes(32))
    _day: int = -1

    def allow(self, site_key: str, address: str, at: int, cost: float = PAGE) -> bool:
        """Whether a hit at `at` (ms since 1970) counts. `site_key` is one that is known."""
        if at // _DAY_MS != self._day:
            self._day, self._key = at // _DAY_MS, secrets.token_bytes(32)
            self._addresses.clear()
        site = self._sites.get(site_key)
        if site is None:
            site = self._sites[site_key] = _Bucket(2.0 * self.per_site, at)
        return self._bucket(site_key, address, at).take(cost, self.per_address, at) and site.take(
            cost, self.per_site, at
        )

    def _bucket(self, site_key: str, address: str, at: int) -> _Bucket:
        name = f"{site_key} {_sender(address)}".encode()
        pseudonym = blake2b(name, key=self._key, digest_size=16).digest()
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
