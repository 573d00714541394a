"""Mail to a real SMTP server."""

import ssl
from dataclasses import replace

import pytest
import trustme

from ringtrace.config import MailSecurity, MailServer
from ringtrace.domain.notice import Delivery, DeliveryState, Event, Recipient
from ringtrace.domain.sending import Failure
from ringtrace.outbound.mail import MailSender
from ringtrace.services.notice_records import Letter, Notice, Sent
from tests.mailbox import PASSWORD, USER, Mailbox, mailbox

ID = "01938f6e-5c1a-7d3b-9c55-0c6a3f1e2b4d"
TEST = Delivery(1, ID, "r", Event.TEST, 1_795_419_000_000, DeliveryState.PENDING, 0)
NOTICE = Notice(TEST, Recipient(1, "mail:desk@example.com"), None)
LETTER = Letter("Missed call: +1 202", "Plain tëxt\n", "<p>Rich</p>", "https://x.example/u?s=1")
OPEN = MailServer("127.0.0.1", "calls@example.org", security=MailSecurity.NONE)


def at(box: Mailbox, server: MailServer = OPEN) -> MailServer:
    return replace(server, port=box.port)


async def send(
    server: MailServer | None,
    letter: Letter = LETTER,
    context: ssl.SSLContext | None = None,
    seconds: float = 5.0,
) -> Sent:
    context = context or ssl.create_default_context()
    return await MailSender(server, lambda _: letter, context, seconds)(NOTICE)


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def served(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    return context


@pytest.fixture
def trusting(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context


async def test_a_letter_arrives_as_text_and_html_with_the_headers_of_automatic_mail() -> None:
    async with mailbox() as box:
        sent = await send(at(box))

    (mail,), (envelope,) = box.mails, box.envelopes
    assert sent == Sent(250)
    assert (envelope.mail_from, envelope.rcpt_tos) == ("calls@example.org", ["desk@example.com"])
    assert (mail["From"], mail["To"]) == ("Ringtrace <calls@example.org>", "desk@example.com")
    assert mail["Subject"] == "Missed call: +1 202"
    assert mail["Message-ID"] == f"<{ID}@example.org>"
    assert mail["Date"] == "Mon, 23 Nov 2026 07:30:00 +0000"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["List-Unsubscribe"] == "<https://x.example/u?s=1>"
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    text, html = mail.iter_parts()
    assert (text.get_content().strip(), text.get_content_type()) == ("Plain tëxt", "text/plain")
    assert (html.get_content().strip(), html.get_content_type()) == ("<p>Rich</p>", "text/html")


async def test_no_header_and_no_recipient_can_be_smuggled_in() -> None:
    evil = replace(LETTER, subject="Call\r\nBcc: victim@example.com\r\n\r\nbody\x00\u2028 ä")
    async with mailbox() as box:
        await send(at(box), evil)

    (mail,), (envelope,) = box.mails, box.envelopes
    assert mail["Subject"] == "Call Bcc: victim@example.com body ä"
    assert "Bcc" not in mail
    assert envelope.rcpt_tos == ["desk@example.com"]


async def test_a_line_with_a_dot_does_not_end_a_letter() -> None:
    async with mailbox() as box:
        await send(at(box), replace(LETTER, text="one\n.\nRCPT TO:<a@b.c>\n"))

    (text, _) = box.mails[0].iter_parts()
    assert text.get_content().split() == ["one", ".", "RCPT", "TO:<a@b.c>"]


async def test_mail_goes_over_starttls_with_a_sign_in(
    served: ssl.SSLContext, trusting: ssl.SSLContext
) -> None:
    server = replace(OPEN, security=MailSecurity.STARTTLS, user=USER, password=PASSWORD)
    async with mailbox(starttls=served, auth=True) as box:
        sent = await send(at(box, server), context=trusting)

    assert (sent, box.was_safe) == (Sent(250), [True])


async def test_mail_goes_over_tls_from_the_first_byte(
    served: ssl.SSLContext, trusting: ssl.SSLContext
) -> None:
    async with mailbox(tls=served) as box:
        server = at(box, replace(OPEN, security=MailSecurity.TLS))
        assert await send(server, context=trusting) == Sent(250)
        strange = await send(server)

    assert strange.failure is Failure.TLS_FAILED
    assert len(box.mails) == 1


async def test_without_tls_nothing_is_sent_where_it_was_asked_for() -> None:
    async with mailbox() as box:
        sent = await send(at(box, replace(OPEN, security=MailSecurity.STARTTLS)))

    assert sent.failure is Failure.TLS_FAILED
    assert box.mails == []


async def test_a_wrong_password_is_told_as_such_and_worth_another_try(
    served: ssl.SSLContext, trusting: ssl.SSLContext
) -> None:
    server = replace(OPEN, security=MailSecurity.STARTTLS, user=USER, password="wrong")
    async with mailbox(starttls=served, auth=True) as box:
        sent = await send(at(box, server), context=trusting)

    assert (sent.failure, sent.code) == (Failure.MAIL_SIGN_IN, 535)
    assert not Failure.MAIL_SIGN_IN.is_final


@pytest.mark.parametrize("verb", ["RCPT", "DATA"])
@pytest.mark.parametrize(
    ("reply", "failure"),
    [
        ("450 4.2.0 greylisted, come back", Failure.MAIL_DEFERRED),
        ("550 5.1.1 no such user", Failure.MAIL_REFUSED),
    ],
)
async def test_later_and_never_are_told_apart(verb: str, reply: str, failure: Failure) -> None:
    async with mailbox() as box:
        box.replies = {verb: reply}
        sent = await send(at(box))

    assert (sent.code, sent.failure, sent.detail) == (int(reply[:3]), failure, reply[4:])
    assert box.mails == []


async def test_a_server_that_hangs_or_is_away_or_unknown_is_told_as_such() -> None:
    async with mailbox() as box:
        box.hangs = True
        hanging = await send(at(box), seconds=0.3)
    away = await send(at(box))

    assert hanging.failure is Failure.TIMED_OUT
    assert away.failure is Failure.NOT_CONNECTED


async def test_without_a_server_the_notice_says_what_is_missing() -> None:
    sent = await send(None)

    assert sent.failure is Failure.MAIL_NOT_CONFIGURED
    assert "--smtp-host" in str(sent.detail)


def test_a_password_is_in_no_representation() -> None:
    assert "secret" not in repr(replace(OPEN, password="secret"))
