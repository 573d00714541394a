"""How often one site and one address may ask for numbers.

The limiter guards the pools against floods. It sits on the hit path only: no call is ever refused
by it. Addresses are kept as keyed hashes whose key changes every day, in memory alone.
"""

import hashlib
import hmac
import secrets
from dataclasses import dataclass, field

_DAY_MS = 86_400_000
_MOST_ADDRESSES = 100_000


@dataclass(slots=True)
class _Bucket:
    tokens: float
    filled_at: int


@dataclass(slots=True)
class HitLimits:
    """Token buckets: `per_address` and `per_site` page views a minute, twice that in a burst."""

    per_address: int = 120
    per_site: int = 60_000
    _buckets: dict[bytes, _Bucket] = field(default_factory=dict)
    _key: bytes = field(default_factory=lambda: secrets.token_bytes(32))
    _day: int = -1

    def allow(self, site_key: str, address: str, at: int) -> bool:
        """Whether a page view at `at` (ms since 1970) may lease a number."""
        if at // _DAY_MS != self._day or len(self._buckets) > _MOST_ADDRESSES:
            self._day, self._key = at // _DAY_MS, secrets.token_bytes(32)
            self._buckets.clear()
        pseudonym = hmac.digest(self._key, f"{site_key} {address}".encode(), hashlib.sha256)
        return self._take(pseudonym, self.per_address, at) and self._take(
            site_key.encode(), self.per_site, at
        )

    def _take(self, key: bytes, per_minute: int, at: int) -> bool:
        bucket = self._buckets.get(key)
        most = 2.0 * per_minute
        if bucket is None:
            bucket = self._buckets[key] = _Bucket(most, at)
        elapsed = max(0, at - bucket.filled_at)
        bucket.tokens = min(most, bucket.tokens + elapsed * per_minute / 60_000)
        bucket.filled_at = max(bucket.filled_at, at)
        if bucket.tokens < 1:
            return False
        bucket.tokens -= 1
        return True
