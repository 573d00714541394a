"""Commands that ask the running server: what they send, and what they print."""

import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import CliRunner

from ringtrace import asking, cli
from ringtrace.config import Settings


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """The folder of a server that runs."""
    settings = Settings(tmp_path)
    settings.address_file.write_text("http://ringtrace.test\n")
    settings.api_token_file.write_text("secret\n")
    return tmp_path


class Server:
    def __init__(self, monkeypatch: pytest.MonkeyPatch, status: int, answer: object) -> None:
        self.asked: list[tuple[str, str, Any, float]] = []
        self._answer = httpx.Response(status, json=answer)
        monkeypatch.setattr(httpx, "request", self)

    def __call__(
        self, method: str, url: str, *, content: bytes, timeout: float, **_: object
    ) -> httpx.Response:
        self.asked.append((method, url, json.loads(content), timeout))
        return self._answer


def run(data: Path, *words: str) -> tuple[int, str]:
    done = CliRunner().invoke(cli.main, [*words, "--data", str(data)])
    return done.exit_code, done.output


def test_learn_names_the_site_and_prints_the_rates(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = Server(monkeypatch, 200, {"name": "learnt-1", "channels": {"Email": 0.01}})

    code, said = run(data, "learn", "shop/a")

    url = "http://ringtrace.test/api/v1/sites/shop%2Fa/model"
    assert server.asked == [("POST", url, None, asking.LONG_SECONDS)]
    assert (code, json.loads(said)["channels"]) == (0, {"Email": 0.01})


@pytest.mark.parametrize("since", ["2026-11-01", "2026-11-01T00:00:00Z"])
def test_reattribute_begins_at_a_moment_in_utc(
    data: Path, monkeypatch: pytest.MonkeyPatch, since: str
) -> None:
    server = Server(monkeypatch, 200, {"since": "2026-11-01T00:00:00Z", "calls": 3, "changed": 2})

    code, said = run(data, "reattribute", "--since", since)

    url, form = "http://ringtrace.test/api/v1/attributions", {"since": "2026-11-01T00:00:00Z"}
    assert server.asked == [("POST", url, form, asking.LONG_SECONDS)]
    assert (code, json.loads(said)["changed"]) == (0, 2)


def test_a_refusal_is_bad_input(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    refusal = {"error_id": "not_found", "field": "site", "message": "no such site"}
    Server(monkeypatch, 404, refusal)

    code, said = run(data, "learn", "none")

    assert (code, said) == (2, "not_found: site: no such site\n")


def test_another_program_at_the_address_of_a_server_that_was_killed_is_no_server(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = httpx.Response(404, text="<h1>Not found</h1>")
    monkeypatch.setattr(httpx, "request", lambda *_, **__: page)

    code, said = run(data, "learn", "shop")

    assert code == 1
    assert "what answers at http://ringtrace.test" in said
    assert "is no Ringtrace server" in said


def test_a_moment_that_is_none_is_not_sent(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    server = Server(monkeypatch, 200, {})

    assert run(data, "reattribute", "--since", "soon")[0] == 2
    assert server.asked == []
