"""The whole house in a real browser: the demo site's visitor, and the marketer at the console."""

import time
import wave
from pathlib import Path
from typing import Any

import httpx
import pytest

from ringtrace.config import Settings
from ringtrace.demo.website import site_app
from tests.server import server
from tests.shop import REPORT, bearer, rfc, setup_of

OWN, POOL = "(202) 555-0100", ["+12025550111", "+12025550112"]
SHOWN = "document.querySelector('a[href^=\"tel:\"]').textContent.trim()"


def tone_free_wav(path: Path, seconds: int) -> bytes:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(8_000)
        file.writeframes(bytes(4 * 8_000 * seconds))
    return path.read_bytes()


@pytest.mark.browser
async def test_a_visitor_sees_his_number_keeps_it_and_is_known_when_he_calls(
    tmp_path: Path, browser: Any, serve: Any
) -> None:
    data = tmp_path / "data"
    async with server(data) as (_, url):
        site_port = await serve(site_app(f"{url}/t/tag.js", "shop", "+12025550100", OWN))
        site = f"http://bluebird.test:{site_port}"
        api = httpx.AsyncClient(
            base_url=url, headers=bearer(Settings(data).api_token_file.read_text().strip())
        )
        document = setup_of("shop", "+12025550101", POOL)
        document["site"][0]["origins"] = [site]  # type: ignore[index]
        (await api.put("/api/v1/setup", json=document)).raise_for_status()
        token = (await api.post("/api/v1/tokens", json={"kind": "sip"})).json()["token"]

        page = await browser.page()
        await page.goto(f"{site}/?utm_source=google&utm_medium=cpc&utm_campaign=implants&gclid=a")
        await page.wait_for(f"{SHOWN} === '(202) 555-0111'")
        link = await page.evaluate("document.querySelector('a[href^=\"tel:\"]').href")
        assert link == "tel:+12025550111"
        assert OWN not in await page.evaluate("document.body.innerText")

        await page.goto(f"{site}/prices.html")
        await page.wait_for(f"{SHOWN} === '(202) 555-0111'")

        other = await browser.page()
        await other.goto(f"{site}/", referrer="https://www.google.com/")
        await other.wait_for(f"{SHOWN} === '(202) 555-0112'")

        report = REPORT | {"number": POOL[0], "started_at": rfc(time.time_ns() // 10**6)}
        answer = await api.post("/gateway/v1/calls/c1/report", json=report, headers=bearer(token))
        assert answer.status_code == 200
        call = (await api.get("/api/v1/calls/sip/c1")).json()
        assert call["attribution"]["campaign"] == "implants"
        assert call["attribution"]["visit_probability"] > 0.9
        assert page.errors == other.errors == []
        await api.aclose()


@pytest.mark.browser
async def test_a_marketer_signs_in_finds_the_call_and_hears_it(
    tmp_path: Path, browser: Any
) -> None:
    data = tmp_path / "data"
    async with server(data) as (_, url):
        settings = Settings(data)
        api = httpx.AsyncClient(
            base_url=url, headers=bearer(settings.api_token_file.read_text().strip())
        )
        await api.put("/api/v1/setup", json=setup_of("shop", "+12025550101", POOL))
        token = (await api.post("/api/v1/tokens", json={"kind": "sip"})).json()["token"]
        now = rfc(time.time_ns() // 10**6)
        await api.post(
            "/gateway/v1/calls/c1/report",
            json=REPORT | {"started_at": now},
            headers=bearer(token),
        )
        audio = tone_free_wav(tmp_path / "call.wav", 3)
        put = await api.put("/gateway/v1/calls/c1/recording", content=audio, headers=bearer(token))
        assert put.status_code == 204
        await api.aclose()

        page = await browser.page()
        await page.goto(f"{url}/calls")
        await page.wait_for("location.pathname === '/login'")
        password = settings.password_file.read_text().strip()
        await page.evaluate(
            "document.querySelector('[name=login]').value = 'admin';"
            f"document.querySelector('[name=password]').value = '{password}'"
        )
        await page.click("button[type=submit]")
        await page.wait_for("location.pathname === '/calls'")
        await page.wait_for("document.body.innerText.includes('Morning show')")
        seconds = await page.evaluate(
            "new Promise((resolve, reject) => { const a = document.querySelector('audio');"
            " a.onloadedmetadata = () => resolve(a.duration);"
            " a.onerror = () => reject(new Error('audio')); a.load(); })"
        )
        assert seconds == pytest.approx(3, abs=0.1)
        assert page.errors == []
