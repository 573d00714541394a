"""The configuration in memory: what a ringing call and a hit are answered from, without I/O."""

import asyncio
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from ringtrace.domain.account import Account, TokenKind, TokenOwner
from ringtrace.domain.blocklist import Listing, listing_of
from ringtrace.domain.call import GatewayKind
from ringtrace.domain.extension import ASK_MS, DIGITS, KEYING_SECONDS
from ringtrace.domain.flow import revision
from ringtrace.domain.model import SHIPPED, Model
from ringtrace.domain.notice import Recipient
from ringtrace.domain.number import (
    NumberInvalidError,
    NumberKind,
    TrackingNumber,
    Written,
    national_digits,
    normalise,
    written,
)
from ringtrace.domain.plan import Collect
from ringtrace.domain.prompt import for_extension, language_of
from ringtrace.domain.screening import SpamRules
from ringtrace.domain.site import Site
from ringtrace.services.neighbours import NOBODY, ConfigurationChanged, Neighbours
from ringtrace.services.ports import Store
from ringtrace.services.setup_records import Configuration, KeptFlow, KeptSound, SiteModel

_USUAL_RULES = SpamRules()
_NEIGHBOURS_SECONDS = 2.0
_GATEWAY_TOKENS = {
    GatewayKind.VOXIMPLANT: (TokenKind.VOXIMPLANT,),
    GatewayKind.SIP: (TokenKind.SIP, TokenKind.NODE),
}


def token_hash(token: str) -> str:
    """Tokens are random and long, so a plain digest keeps them secret at rest."""
    return hashlib.sha256(token.encode()).hexdigest()


@dataclass(frozen=True)
class _Snapshot:
    accounts: dict[int, Account] = field(default_factory=dict)
    sites: dict[str, Site] = field(default_factory=dict)
    pools: dict[str, int] = field(default_factory=dict)
    numbers: dict[str, TrackingNumber] = field(default_factory=dict)
    tokens: dict[str, TokenOwner] = field(default_factory=dict)
    spellings: dict[int, dict[str, str]] = field(default_factory=dict)
    written: dict[str, Written] = field(default_factory=dict)
    models: dict[str, SiteModel] = field(default_factory=dict)
    flows: dict[tuple[int, str], KeptFlow] = field(default_factory=dict)
    recipients: dict[int, dict[str, Recipient]] = field(default_factory=dict)
    listings: dict[int, dict[str, Listing]] = field(default_factory=dict)
    spam_rules: dict[int, SpamRules] = field(default_factory=dict)
    sounds: dict[int, list[KeptSound]] = field(default_factory=dict)


class Directory:
    """A snapshot, replaced whole whenever the configuration changes."""

    def __init__(self, store: Store, neighbours: Neighbours = NOBODY) -> None:
        self._store = store
        self._neighbours = neighbours
        self._now = _Snapshot()
        self._shown_at: dict[str, int] = {}
        self._turn = asyncio.Lock()

    async def refresh(self) -> None:
        """After a change of ours; the neighbours know of it, too, or have had the time to.

        Who is told that something is changed may come to any of them with his next request.
        """
        await self.reload()
        await self._neighbours.ask(ConfigurationChanged(), _NEIGHBOURS_SECONDS)

    async def reload(self) -> None:
        """What is kept now, whoever changed it. Raises StoreAwayError."""
        # One after the other: what was read earlier must not replace what was read later.
        async with self._turn:
            configuration = await self._store.configuration()
            # In a thread: thousands of numbers take a while, and a ringing call must not wait.
            self._now = await asyncio.to_thread(_snapshot, configuration)
        for number, at in configuration.extensions_shown:
            self.extension_shown(number, at)

    def extension_shown(self, number: str, at: int) -> None:
        """A visitor was shown an extension of a pool number at `at`, ms since 1970 UTC."""
        self._shown_at[number] = max(at, self._shown_at.get(number, 0))

    def ask(self, number: TrackingNumber, at: int) -> Collect | None:
        """The question for an extension, where callers of `number` may have one at `at`."""
        shown_at = self._shown_at.get(number.number)
        if not number.extensions and (shown_at is None or at - shown_at > ASK_MS):
            return None
        account = self.account(number.account_id)
        prompt = for_extension(account.region if account else "")
        return Collect(prompt, DIGITS, KEYING_SECONDS)

    def language(self, number: TrackingNumber) -> str:
        """What callers of the number are spoken to in (BCP 47): its flow's, else its country's."""
        if number.flow_name is not None:
            return number.flow.language
        account = self.account(number.account_id)
        return language_of(account.region if account else "")

    def listing(self, account_id: int, caller: str) -> Listing | None:
        """What the account's list says of a caller."""
        return listing_of(self._now.listings.get(account_id, {}), caller)

    def spam_rules(self, account_id: int) -> SpamRules:
        return self._now.spam_rules.get(account_id) or _USUAL_RULES

    def account_ids(self) -> list[int]:
        return list(self._now.accounts)

    def account(self, account_id: int) -> Account | None:
        return self._now.accounts.get(account_id)

    def accounts(self) -> list[Account]:
        return list(self._now.accounts.values())

    def site(self, key: str) -> Site | None:
        return self._now.sites.get(key)

    def pool_size(self, site_key: str) -> int:
        return self._now.pools.get(site_key, 0)

    def owner(self, token: str, *kinds: TokenKind) -> TokenOwner | None:
        """Whose token this is, when it is of one of the `kinds`."""
        owner = self._now.tokens.get(token_hash(token))
        return owner if owner and owner.kind in kinds else None

    def has_token(self, account_id: int, kind: TokenKind) -> bool:
        return TokenOwner(account_id, kind) in self._now.tokens.values()

    def gateways(self, account_id: int) -> list[GatewayKind]:
        """Those that hold a token."""
        return [
            gateway
            for gateway, kinds in _GATEWAY_TOKENS.items()
            if any(self.has_token(account_id, kind) for kind in kinds)
        ]

    def number(self, account_id: int, dialled: str) -> TrackingNumber | None:
        """The account's number, active or not, that the network delivered as `dialled`.

        Raises NumberInvalidError when `dialled` is no telephone number.
        """
        now = self._now
        known = now.spellings.get(account_id, {}).get(dialled)
        if known is None:
            account = now.accounts.get(account_id)
            known = normalise(dialled, account.region if account else None)
        number = now.numbers.get(known)
        return number if number is not None and number.account_id == account_id else None

    def number_anywhere(self, dialled: str) -> TrackingNumber | None:
        """The number of any account, with its country code: for the original contract.

        Its token is optional, and without an account nobody knows how to read national digits.
        """
        return self._now.numbers.get("+" + dialled.strip().removeprefix("+"))

    def written(self, number: str) -> Written:
        return self._now.written.get(number) or written(number)

    def model(self, site_key: str | None) -> Model:
        """What was learnt of the site's callers; the shipped model where nothing was."""
        learnt = self._now.models.get(site_key or "")
        return learnt.model if learnt else SHIPPED

    def learnt(self, site_key: str) -> SiteModel | None:
        """The newest model of the site and when it was made; None before the first."""
        return self._now.models.get(site_key)

    def sites(self) -> list[Site]:
        return list(self._now.sites.values())

    def sites_of(self, account_id: int) -> list[Site]:
        return [site for site in self._now.sites.values() if site.account_id == account_id]

    def flow(self, account_id: int, name: str) -> KeptFlow | None:
        """The newest version of the account's flow."""
        return self._now.flows.get((account_id, name))

    def flows_of(self, account_id: int) -> list[KeptFlow]:
        return [one for one in self._now.flows.values() if one.account_id == account_id]

    def recipient(self, account_id: int, recipient_id: str) -> Recipient | None:
        return self._now.recipients.get(account_id, {}).get(recipient_id)

    def recipients_of(self, account_id: int) -> list[Recipient]:
        return list(self._now.recipients.get(account_id, {}).values())

    def sounds_of(self, account_id: int) -> Sequence[KeptSound]:
        """In alphabetical order."""
        return self._now.sounds.get(account_id, ())

    def numbers_of(self, account_id: int) -> list[TrackingNumber]:
        return [one for one in self._now.numbers.values() if one.account_id == account_id]


def _snapshot(configuration: Configuration) -> _Snapshot:
    listings: dict[int, dict[str, Listing]] = {}
    for account_id, listing in configuration.listings:
        listings.setdefault(account_id, {})[listing.pattern] = listing
    spellings: dict[int, dict[str, str]] = {}
    pools: dict[str, int] = {}
    for one in configuration.numbers:
        spellings.setdefault(one.account_id, {}).update(
            dict.fromkeys((one.number, one.number.removeprefix("+")), one.number)
        )
        if one.active and one.kind is NumberKind.POOL and one.site_key:
            pools[one.site_key] = pools.get(one.site_key, 0) + 1
    recipients: dict[int, dict[str, Recipient]] = {}
    for recipient in configuration.recipients:
        recipients.setdefault(recipient.account_id, {})[recipient.recipient_id] = recipient
    sounds: dict[int, list[KeptSound]] = {}
    for sound in configuration.sounds:
        sounds.setdefault(sound.account_id, []).append(sound)
    regions = {account.account_id: account.region for account in configuration.accounts}
    for one in configuration.numbers:
        national = national_digits(one.number)
        try:
            if normalise(national, regions.get(one.account_id)) == one.number:
                spellings[one.account_id].setdefault(national, one.number)
        except NumberInvalidError:
            continue
    return _Snapshot(
        accounts={account.account_id: account for account in configuration.accounts},
        sites={site.key: site for site in configuration.sites},
        pools=pools,
        numbers={one.number: one for one in _revised(configuration.numbers)},
        tokens=dict(configuration.tokens),
        spellings=spellings,
        written={one.number: written(one.number) for one in configuration.numbers},
        models={one.site_key: one for one in configuration.models},
        flows={(one.account_id, one.name): one for one in configuration.flows},
        recipients=recipients,
        listings=listings,
        spam_rules=dict(configuration.spam_rules),
        sounds=sounds,
    )


def _revised(numbers: Sequence[TrackingNumber]) -> list[TrackingNumber]:
    """The numbers with the revisions of their flows; those of one flow share the work."""
    known: dict[int, str] = {}
    for one in numbers:
        if id(one.flow) not in known:
            known[id(one.flow)] = revision(one.flow)
    return [replace(one, revision=known[id(one.flow)]) for one in numbers]
