"""Notices by mail, from the report to the letter and the way out of it."""

import re
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import httpx
import pytest

from ringtrace.bootstrap import House, open_house
from ringtrace.config import MailSecurity, MailServer, Settings
from ringtrace.domain.account import TokenKind
from ringtrace.services.setup_form import read_setup
from tests.mailbox import Mailbox, mailbox
from tests.shop import RADIO, REPORT, Clock, bearer, setup_of

BASE = "https://calls.example.com"
MESSAGE = REPORT | {"outcome": "voicemail", "talk_seconds": 0.0, "legs": [], "target": None}
EVIL = "<script>alert(1)</script>\r\nBcc: a@b.c"


@dataclass
class Office:
    """A house that sends mail, and the mailbox that gets it."""

    house: House
    clock: Clock
    client: httpx.AsyncClient
    box: Mailbox
    token: str

    async def report(self, call: str, body: dict[str, Any]) -> None:
        answer = await self.client.post(
            f"/gateway/v1/calls/{call}/report", json=body, headers=bearer(self.token)
        )
        assert answer.status_code == 200, answer.text

    async def subscribe(self, *events: str, channel: str = "Radio") -> None:
        document = setup_of("shop", RADIO, []) | {
            "recipient": [{"to": "mail:desk@example.com", "events": list(events)}]
        }
        numbers: Any = document["number"]
        numbers[0]["channel"] = channel
        await self.house.use_cases.apply_setup(1, read_setup(document))

    async def deliver(self) -> Sequence[EmailMessage]:
        await self.house.deliver.look()
        await self.house.deliver.settle()
        return self.box.mails


@pytest.fixture
async def office(tmp_path: Path) -> AsyncIterator[Office]:
    async with mailbox() as box:
        server = MailServer("127.0.0.1", "calls@example.com", box.port, MailSecurity.NONE)
        clock = Clock()
        house = await open_house(Settings(tmp_path, public_url=BASE, mail=server), clock)
        token = await house.use_cases.issue_token(1, TokenKind.SIP)
        transport = httpx.ASGITransport(house.app)
        async with httpx.AsyncClient(transport=transport, base_url=BASE) as client:
            yield Office(house, clock, client, box, token)
        await house.close()


def parts(mail: EmailMessage) -> tuple[str, str]:
    """Text and HTML."""
    text, html = mail.iter_parts()
    return str(text.get_content()), str(html.get_content())


async def test_a_message_comes_with_a_link_to_listen_and_who_called(office: Office) -> None:
    await office.subscribe("call.voicemail")
    await office.report("c", MESSAGE)
    await office.client.put(
        "/gateway/v1/calls/c/recording", content=b"RIFFaudio", headers=bearer(office.token)
    )

    (mail,) = await office.deliver()

    text, html = parts(mail)
    assert mail["Subject"] == "Voicemail: +1 202-555-0177 (Radio)"
    for said in (text, html):
        assert "+1 202-555-0177" in said
        assert "Radio · Morning show" in said
        assert "23 Nov 2026, 01:30 (America/New_York)" in said, "the number is at home there"
        assert f"{BASE}/calls/sip/c" in said
    link = re.search(rf"{BASE}(/recordings/\S+)", text)
    assert link is not None
    assert (await office.client.get(link[1])).content == b"RIFFaudio"
    assert link[1].replace("&", "&amp;") in html


async def test_a_message_without_its_audio_says_so(office: Office) -> None:
    await office.subscribe("call.voicemail")
    await office.report("c", MESSAGE)
    office.clock.now += 10 * 60_000

    (mail,) = await office.deliver()

    assert all("has not arrived yet" in said for said in parts(mail))


async def test_nothing_loads_from_outside_and_no_text_becomes_markup(office: Office) -> None:
    await office.subscribe("call.answered", channel=EVIL)
    await office.report("c", REPORT)

    (mail,) = await office.deliver()

    text, html = parts(mail)
    assert "<script" not in html
    assert "&lt;script&gt;" in html
    assert not re.search(r"<img|<link|url\(|src=", html)
    assert "\nBcc:" not in text
    assert mail["Bcc"] is None


async def test_one_click_ends_the_mails_and_looking_does_not(office: Office) -> None:
    await office.subscribe("call.answered")
    await office.report("a", REPORT)
    (mail,) = await office.deliver()
    path = str(mail["List-Unsubscribe"]).strip("<>").removeprefix(BASE)

    looked = await office.client.get(path)
    await office.report("b", REPORT)
    assert len(await office.deliver()) == 2
    clicked = await office.client.post(path, data={"List-Unsubscribe": "One-Click"})
    await office.report("c", REPORT)

    assert len(await office.deliver()) == 2
    assert "Send no more" in looked.text
    assert (clicked.status_code, "No more notices" in clicked.text) == (200, True)
    await office.subscribe("call.answered", "call.busy")
    await office.report("d", REPORT)
    assert len(await office.deliver()) == 2, "set-up that is sent again subscribes nobody"
    forged = path[:-1] + ("0" if path[-1] != "0" else "1")
    for method in ("GET", "POST"):
        assert (await office.client.request(method, forged)).status_code == 404


async def test_a_test_arrives(office: Office) -> None:
    await office.subscribe()
    (recipient,) = office.house.use_cases.directory.recipients_of(1)
    await office.house.use_cases.change_recipients.test(1, recipient.recipient_id)

    (mail,) = await office.deliver()

    assert mail["Subject"] == "Test"
    assert all("Nobody called: this is a test." in said for said in parts(mail))


async def test_mail_that_is_put_off_is_sent_later(office: Office) -> None:
    await office.subscribe("call.answered")
    office.box.replies = {"RCPT": "450 4.2.0 greylisted"}
    await office.report("c", REPORT)
    assert await office.deliver() == []

    office.box.replies = {}
    office.clock.now += 12_000

    assert len(await office.deliver()) == 1
