"""Whom the node listens to: by address, by digest, or by both."""

import hmac
import ipaddress
import logging
import secrets
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from ringtrace.gateways.sip.account import Account
from ringtrace.gateways.sip.digest import Credentials, challenge, read_credentials
from ringtrace.gateways.sip.nonces import Nonces, NonceState
from ringtrace.gateways.sip.rate import Rate
from ringtrace.gateways.sip.settings import NodeSettings
from ringtrace.gateways.sip.throttle import Throttle

_log = logging.getLogger(__name__)
_NONCE_SECONDS: Final = 300.0
_FAILURES: Final = 10
"""So many wrong passwords of a source are answered at once, then one every `_FAILURE_SECONDS`."""

_FAILURE_SECONDS: Final = 6.0
_SOURCES: Final = 10_000


@dataclass(frozen=True)
class Admitted:
    """May call."""


@dataclass(frozen=True)
class Refused:
    """Nobody we know, or one who tried too many passwords."""


@dataclass(frozen=True)
class Challenged:
    """Has to prove who it is: the values of the WWW-Authenticate headers, the best one first."""

    headers: tuple[str, ...]


Verdict = Admitted | Refused | Challenged


class Admission:
    """Decides on requests outside of known dialogues; moments are seconds of a monotonic clock."""

    def __init__(self, settings: NodeSettings) -> None:
        self._realm = settings.realm
        self._edges = _networks(settings.edges)
        self._trusted = _networks(settings.trusted_networks)
        self._accounts = [(account, _networks(account.networks)) for account in settings.accounts]
        self._nonces = Nonces(_NONCE_SECONDS)
        self._failures = _Failures()
        self._noise = Throttle()

    def verdict(
        self,
        source: str,
        method: str,
        *,
        forwarded: str | None,
        authorizations: Sequence[str],
        now: float,
    ) -> Verdict:
        """On a request from the address `source`, with its Authorization headers.

        `forwarded` is the address from which an edge of ours says it has got it; from anybody else
        it says nothing.
        """
        address = ipaddress.IPv4Address(source)
        if _is_in(address, self._edges):
            caller = _address(forwarded)
            if caller is None:
                return self._edge_itself(method)
            address = caller
        accounts = self._accounts_at(address)
        if accounts is None:
            return Admitted()
        if not accounts:
            return self._refuse("request_untrusted", address)
        return self._identify(accounts, address, method, authorizations, now)

    def _edge_itself(self, method: str) -> Verdict:
        """An edge looks whether we are there; calls are somebody's."""
        return Admitted() if method == "OPTIONS" else Refused()

    def _accounts_at(self, address: ipaddress.IPv4Address) -> list[Account] | None:
        """Those that may sign in from `address`; `None` where the address is enough."""
        bound = [a for a, networks in self._accounts if _is_in(address, networks)]
        if not bound and _is_in(address, self._trusted):
            return None
        return bound + [account for account, networks in self._accounts if not networks]

    def _identify(
        self,
        accounts: list[Account],
        address: ipaddress.IPv4Address,
        method: str,
        authorizations: Sequence[str],
        now: float,
    ) -> Verdict:
        source = str(address)
        credentials = self._ours(authorizations)
        if credentials is None:
            return self._challenge(accounts, source, now)
        if self._failures.are_too_many(source, now):
            return self._refuse("digest_blocked", address)
        state = self._nonces.state(credentials.nonce, source, now)
        if state is NonceState.FOREIGN:
            # Perhaps of the time before our last start: who can compute will compute again.
            return self._challenge(accounts, source, now, is_stale=True)
        if not _is_right(accounts, credentials, method):
            self._failures.note(source, now)
            self._say("digest_failed", address)
            return self._challenge(accounts, source, now)
        is_fresh = state is NonceState.FRESH
        if is_fresh and not self._nonces.use(credentials.nonce, source, credentials.count, now):
            self._say("digest_replayed", address)
            is_fresh = False
        return Admitted() if is_fresh else self._challenge(accounts, source, now, is_stale=True)

    def _ours(self, authorizations: Sequence[str]) -> Credentials | None:
        for header in authorizations:
            credentials = read_credentials(header)
            if credentials is not None and credentials.realm == self._realm:
                return credentials
        return None

    def _challenge(
        self, accounts: list[Account], source: str, now: float, *, is_stale: bool = False
    ) -> Challenged:
        nonce = self._nonces.make(source, now)
        offered = dict.fromkeys(one for account in accounts for one in account.algorithms)
        headers = (challenge(self._realm, nonce, one, is_stale=is_stale) for one in offered)
        return Challenged(tuple(headers))

    def _refuse(self, event: str, address: ipaddress.IPv4Address) -> Refused:
        self._say(event, address)
        return Refused()

    def _say(self, event: str, address: ipaddress.IPv4Address) -> None:
        if (suppressed := self._noise.admit()) is not None:
            _log.warning("%s source=%s suppressed=%d", event, address, suppressed)


class _Failures:
    """Wrong passwords of each source; only who has got our challenge there can add to them."""

    def __init__(self) -> None:
        self._sources: OrderedDict[str, Rate] = OrderedDict()

    def are_too_many(self, source: str, now: float) -> bool:
        rate = self._sources.get(source)
        return rate is not None and not rate.has_room(now)

    def note(self, source: str, now: float) -> None:
        rate = self._sources.pop(source, None) or Rate(1 / _FAILURE_SECONDS, now, most=_FAILURES)
        self._sources[source] = rate
        if rate.has_room(now):
            rate.take()
        if len(self._sources) > _SOURCES:
            self._sources.popitem(last=False)


def _is_right(accounts: list[Account], credentials: Credentials, method: str) -> bool:
    known = next((a for a in accounts if a.username == credentials.username), None)
    # Somebody unknown takes as long as a wrong password: names cannot be found out by the clock.
    password = secrets.token_hex(8) if known is None else known.password
    expected = credentials.expected(method, password).encode()
    is_same = hmac.compare_digest(expected, credentials.response.encode())
    return known is not None and is_same and credentials.algorithm in known.algorithms


def _networks(texts: Sequence[str]) -> list[ipaddress.IPv4Network]:
    return [ipaddress.IPv4Network(text) for text in texts]


def _is_in(address: ipaddress.IPv4Address, networks: list[ipaddress.IPv4Network]) -> bool:
    return any(address in network for network in networks)


def _address(text: str | None) -> ipaddress.IPv4Address | None:
    try:
        return ipaddress.IPv4Address(text or "")
    except ValueError:
        return None
