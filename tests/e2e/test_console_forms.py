"""A person at the console types what cannot be taken, and puts it right where it stands."""

from pathlib import Path
from typing import Any

import pytest

from ringtrace.config import Settings
from tests.server import server

FOCUSED = "document.activeElement.name"
MESSAGE = "document.querySelector('.wrong')?.textContent"


async def sign_in(page: Any, url: str, password: str) -> None:
    await page.goto(f"{url}/login")
    await fill(page, "login", "admin")
    await fill(page, "password", password)
    await page.click("button[type=submit]")
    await page.wait_for("document.querySelector('h1')?.textContent === 'Overview'")


async def fill(page: Any, name: str, text: str) -> None:
    await page.evaluate(f"document.querySelector('[name={name}]').focus()")
    await page.send("Input.insertText", {"text": text})


@pytest.mark.browser
async def test_what_was_refused_has_the_focus_and_is_put_right_there(
    tmp_path: Path, browser: Any
) -> None:
    data = tmp_path / "data"
    async with server(data) as (_, url):
        page = await browser.page()
        await sign_in(page, url, Settings(data).password_file.read_text().strip())

        await page.goto(f"{url}/blocklist")
        await fill(page, "callers", "+1900*\nnonsense")
        await page.click("form[action='/blocklist'][method=post] button[type=submit]")
        said = await page.wait_for(MESSAGE)
        assert "nonsense" in said
        await page.wait_for(f"{FOCUSED} === 'callers'")
        assert await page.evaluate("document.activeElement.value") == "+1900*\nnonsense"
        status = "performance.getEntriesByType('navigation')[0].responseStatus"
        assert await page.evaluate(status) == 422

        await page.evaluate("document.activeElement.value = '+1900*'")
        await page.click("form[action='/blocklist'][method=post] button[type=submit]")
        await page.wait_for("document.querySelector('#list').textContent === '1 entry'")

        await page.goto(f"{url}/notices")
        await fill(page, "to", "desk at example")
        await page.click(".recipient-new button[type=submit]")
        assert "mail:NAME@HOST or a URL" in await page.wait_for(MESSAGE)
        await page.wait_for(f"{FOCUSED} === 'to'")
        assert await page.evaluate("document.activeElement.value") == "desk at example"
        box = "document.activeElement.getBoundingClientRect()"
        assert await page.evaluate(f"{box}.top >= 0 && {box}.bottom <= innerHeight"), (
            "it is in sight"
        )


@pytest.mark.browser
async def test_a_file_that_is_too_large_is_said_before_it_is_sent(
    tmp_path: Path, browser: Any
) -> None:
    data, large = tmp_path / "data", tmp_path / "large.wav"
    with large.open("wb") as file:
        file.truncate(11 * 1024 * 1024)
    async with server(data) as (_, url):
        page = await browser.page()
        await sign_in(page, url, Settings(data).password_file.read_text().strip())
        await page.goto(f"{url}/setup")
        root = (await page.send("DOM.getDocument"))["root"]["nodeId"]
        selector = {"nodeId": root, "selector": "input[type=file]"}
        node = (await page.send("DOM.querySelector", selector))["nodeId"]
        await page.send("DOM.setFileInputFiles", {"nodeId": node, "files": [str(large)]})

        said = "document.querySelector('input[type=file]').validationMessage"
        assert await page.wait_for(said) == "At most 10 MB."


@pytest.mark.browser
async def test_a_browser_reads_that_a_body_is_too_large(tmp_path: Path, browser: Any) -> None:
    data = tmp_path / "data"
    send = """
    (async token => {
      const body = new Blob([new Uint8Array(30 * 1024 * 1024)]);
      const headers = {Authorization: `Bearer ${token}`};
      const answer = await fetch("/api/v1/sounds/x", {method: "PUT", body, headers});
      return [answer.status, (await answer.json()).error_id];
    })
    """
    async with server(data) as (_, url):
        token = Settings(data).api_token_file.read_text().strip()
        page = await browser.page()
        await page.goto(f"{url}/health")

        assert await page.evaluate(f"{send}({token!r})") == [413, "body_too_large"]
