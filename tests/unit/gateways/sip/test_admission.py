"""Whom the node listens to: by address, by digest, or by both."""

import itertools
import logging
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from ringtrace.gateways.sip.account import Account
from ringtrace.gateways.sip.admission import Admission, Admitted, Challenged, Refused, Verdict
from ringtrace.gateways.sip.digest import Algorithm
from ringtrace.gateways.sip.settings import NodeSettings

TRUNK, ELSEWHERE, BRANCH, EDGE = "192.0.2.7", "203.0.113.9", "198.51.100.20", "10.0.0.1"
ROAMING = Account(username="roaming", password="road word")
BOUND = Account(username="branch", password="branch word", networks=("198.51.100.0/24",))


def settings(**changes: Any) -> NodeSettings:
    defaults: dict[str, Any] = {
        "backend_url": "http://127.0.0.1",
        "token": "t",
        "spool_dir": Path("spool"),
        "trusted_networks": ("192.0.2.0/24",),
        "listen_ip": "127.0.0.1",
        "realm": "pbx.example",
    }
    return NodeSettings(**{**defaults, **changes})


@dataclass
class Asking:
    """Somebody at `source` who asks again when he is challenged, by httpx' digest."""

    admission: Admission
    source: str
    now: float = 100.0
    forwarded: str | None = None
    sent: list[str] = field(default_factory=list)

    def ask(self, *authorizations: str, method: str = "INVITE") -> Verdict:
        return self.admission.verdict(
            self.source,
            method,
            forwarded=self.forwarded,
            authorizations=authorizations,
            now=self.now,
        )

    def answer(self, header: str, user: str, password: str) -> str:
        """The Authorization header that answers a challenge."""
        flow = httpx.DigestAuth(user, password).auth_flow(httpx.Request("INVITE", "http://x/sip"))
        request = next(flow)
        headers = {"www-authenticate": header}
        answered = flow.send(httpx.Response(401, headers=headers, request=request))
        self.sent.append(answered.headers["authorization"])
        return self.sent[-1]

    def sign_in(self, user: str, password: str, nth: int = 0) -> Verdict:
        challenged = self.ask()
        assert isinstance(challenged, Challenged)
        return self.ask(self.answer(challenged.headers[nth], user, password))


def test_without_accounts_the_address_decides() -> None:
    admission = Admission(settings())
    assert Asking(admission, TRUNK).ask() == Admitted()
    assert Asking(admission, ELSEWHERE).ask() == Refused()


def test_either_a_trusted_address_or_a_password_is_enough() -> None:
    admission = Admission(settings(accounts=(ROAMING,)))
    assert Asking(admission, TRUNK).ask() == Admitted()
    for nth in range(2):
        assert Asking(admission, ELSEWHERE).sign_in("roaming", "road word", nth) == Admitted()


def test_both_are_needed_where_an_account_names_its_networks() -> None:
    trusted = ("192.0.2.0/24", "198.51.100.0/24")
    admission = Admission(settings(accounts=(BOUND,), trusted_networks=trusted))
    assert isinstance(Asking(admission, BRANCH).ask(), Challenged)
    assert Asking(admission, BRANCH).sign_in("branch", "branch word") == Admitted()
    assert Asking(admission, ELSEWHERE).ask() == Refused()


def test_a_bound_account_does_not_work_elsewhere() -> None:
    admission = Admission(settings(accounts=(BOUND, ROAMING)))
    assert isinstance(Asking(admission, ELSEWHERE).sign_in("branch", "branch word"), Challenged)


def test_only_the_algorithms_of_the_account_count() -> None:
    old = Account(username="old", password="p", algorithms=(Algorithm.MD5,))
    admission = Admission(settings(accounts=(ROAMING, old)))
    asking = Asking(admission, ELSEWHERE)
    challenged = asking.ask()
    assert isinstance(challenged, Challenged)
    found = [header.split("algorithm=")[1].split(",")[0] for header in challenged.headers]
    assert found == ["SHA-256", "MD5"]
    assert isinstance(asking.sign_in("old", "p", 0), Challenged)
    assert asking.sign_in("old", "p", 1) == Admitted()


def test_a_response_counts_once_and_for_one_method() -> None:
    asking = Asking(Admission(settings(accounts=(ROAMING,))), ELSEWHERE)
    assert asking.sign_in("roaming", "road word") == Admitted()
    replayed = asking.ask(asking.sent[0])
    assert isinstance(replayed, Challenged)
    assert "stale=true" in replayed.headers[0]
    assert isinstance(asking.ask(asking.sent[0], method="OPTIONS"), Challenged)


def test_a_response_is_worth_nothing_elsewhere_or_too_late() -> None:
    admission = Admission(settings(accounts=(ROAMING,)))
    asking = Asking(admission, ELSEWHERE)
    challenged = asking.ask()
    assert isinstance(challenged, Challenged)
    response = asking.answer(challenged.headers[0], "roaming", "road word")
    for verdict in (
        Asking(admission, BRANCH).ask(response),
        Asking(admission, ELSEWHERE, now=401.0).ask(response),
    ):
        assert isinstance(verdict, Challenged)
        assert "stale=true" in verdict.headers[0]
    assert asking.ask(response) == Admitted()


def test_a_wrong_password_is_challenged_anew_without_stale() -> None:
    asking = Asking(Admission(settings(accounts=(ROAMING,))), ELSEWHERE)
    for user in ("roaming", "nobody"):
        wrong = asking.sign_in(user, "wrong")
        assert isinstance(wrong, Challenged)
        assert "stale" not in wrong.headers[0]


def test_another_realms_credentials_are_ignored() -> None:
    asking = Asking(Admission(settings(accounts=(ROAMING,))), ELSEWHERE)
    challenged = asking.ask()
    assert isinstance(challenged, Challenged)
    ours = asking.answer(challenged.headers[0], "roaming", "road word")
    theirs = ours.replace("pbx.example", "proxy.example")
    assert asking.ask(theirs, "Basic abc", ours) == Admitted()


def test_guessing_is_slowed_down_for_one_source_and_named_without_secrets(
    caplog: pytest.LogCaptureFixture,
) -> None:
    admission = Admission(settings(accounts=(ROAMING,)))
    asking = Asking(admission, ELSEWHERE)
    with caplog.at_level(logging.WARNING):
        tries = list(
            itertools.takewhile(
                lambda verdict: isinstance(verdict, Challenged),
                (asking.sign_in("roaming", f"guess {n}") for n in range(50)),
            )
        )
        assert len(tries) == 10
        assert asking.sign_in("roaming", "road word") == Refused(), "not even the right one"
    assert Asking(admission, BRANCH).sign_in("roaming", "road word") == Admitted()
    asking.now += 6.0
    assert asking.sign_in("roaming", "road word") == Admitted()
    assert f"digest_failed source={ELSEWHERE}" in caplog.text
    assert "guess" not in caplog.text
    assert "roaming" not in caplog.text


def test_an_edge_tells_where_a_call_comes_from_and_nobody_else_does() -> None:
    admission = Admission(settings(edges=(f"{EDGE}/32",), accounts=(BOUND,)))
    assert Asking(admission, EDGE, forwarded=TRUNK).ask() == Admitted()
    assert Asking(admission, EDGE, forwarded=ELSEWHERE).ask() == Refused()
    assert isinstance(Asking(admission, EDGE, forwarded=BRANCH).ask(), Challenged)
    assert Asking(admission, ELSEWHERE, forwarded=TRUNK).ask() == Refused()


def test_an_edge_may_look_whether_we_are_there_and_not_call_by_itself() -> None:
    admission = Admission(settings(edges=(f"{EDGE}/32",)))
    assert Asking(admission, EDGE).ask(method="OPTIONS") == Admitted()
    assert Asking(admission, EDGE).ask() == Refused()
    assert Asking(admission, EDGE, forwarded="nowhere").ask() == Refused()
