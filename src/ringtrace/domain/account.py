"""An account (tenant): whose numbers, sites, calls and recordings these are."""

from dataclasses import dataclass
from enum import StrEnum


class TokenKind(StrEnum):
    """What a token opens: one gateway's requests, the original two paths, or the API.

    `command` is the API token of the `ringtrace` command on the server's own machine; it is a kind
    of its own so that nobody who issues API tokens locks the command out. So is `node`, of the SIP
    node that the server itself runs.
    """

    VOXIMPLANT = "voximplant"
    SIP = "sip"
    ROUTE = "route"
    API = "api"
    COMMAND = "command"
    NODE = "node"


ISSUED_KINDS = (TokenKind.VOXIMPLANT, TokenKind.SIP, TokenKind.ROUTE, TokenKind.API)
"""The kinds of tokens that people ask for."""


@dataclass(frozen=True, slots=True)
class Account:
    """`region` (ISO 3166 alpha-2) reads the national numbers that gateways deliver."""

    account_id: int
    name: str
    region: str


@dataclass(frozen=True, slots=True)
class TokenOwner:
    account_id: int
    kind: TokenKind


@dataclass(frozen=True, slots=True)
class User:
    """Somebody who may sign in to the console."""

    account_id: int
    login: str
    password_hash: str
