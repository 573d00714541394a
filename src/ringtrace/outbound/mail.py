"""Notices by mail, handed in at the operator's own mail server (RFC 6409)."""

import asyncio
import ssl
from collections.abc import Callable
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP as WIRE
from email.utils import format_datetime
from typing import Final

import aiosmtplib

from ringtrace.config import MailSecurity, MailServer
from ringtrace.domain.sending import Failure
from ringtrace.services.notice_records import Letter, Notice, Sent

SECONDS: Final = 30.0
"""For the connection, signing in and the mail together."""

_MOST_DETAIL: Final = 200
_PERMANENT: Final = 500


class MailSender:
    """Without a `server` every notice fails and says that mail is not configured."""

    def __init__(
        self,
        server: MailServer | None,
        letter: Callable[[Notice], Letter],
        context: ssl.SSLContext,
        seconds: float = SECONDS,
    ) -> None:
        self._server = server
        self._letter = letter
        self._context = context
        self._seconds = seconds

    async def __call__(self, notice: Notice) -> Sent:
        server = self._server
        if server is None:
            detail = "this server sends no mail: start it with --smtp-host"
            return Sent(failure=Failure.MAIL_NOT_CONFIGURED, detail=detail)
        message = mail(server, notice, self._letter(notice))
        try:
            async with asyncio.timeout(self._seconds):
                return await self._hand_in(server, message, notice.recipient.mailbox)
        except (aiosmtplib.SMTPException, OSError, ValueError) as error:
            return _failed(error)

    async def _hand_in(self, server: MailServer, message: EmailMessage, mailbox: str) -> Sent:
        client = aiosmtplib.SMTP(
            hostname=server.host,
            port=server.port,
            timeout=self._seconds,
            use_tls=server.security is MailSecurity.TLS,
            # Asked for, never merely tried: without TLS nothing is sent.
            start_tls=server.security is MailSecurity.STARTTLS,
            tls_context=self._context,
        )
        try:
            await client.connect()
            if server.user is not None:
                await client.login(server.user, server.password or "")
            await client.send_message(message, sender=server.sender, recipients=[mailbox])
        finally:
            client.close()
        return Sent(250)


def mail(server: MailServer, notice: Notice, letter: Letter) -> EmailMessage:
    """Everybody's text is one line of printable letters in a header, however it came in."""
    delivery = notice.delivery
    host = server.sender.rpartition("@")[2]
    message = EmailMessage(policy=WIRE)
    message["From"] = Address("Ringtrace", addr_spec=server.sender)
    message["To"] = notice.recipient.mailbox
    message["Subject"] = _one_line(letter.subject)
    message["Date"] = format_datetime(datetime.fromtimestamp(delivery.occurred_at / 1_000, UTC))
    message["Message-ID"] = f"<{delivery.delivery_id}@{host}>"
    message["Auto-Submitted"] = "auto-generated"
    message["X-Auto-Response-Suppress"] = "All"
    message["List-Id"] = f"<account-{delivery.account_id}.notices.{host}>"
    message["List-Unsubscribe"] = f"<{letter.unsubscribe}>"
    if letter.unsubscribe.startswith("https://"):
        message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    message.set_content(letter.text)
    message.add_alternative(letter.html, subtype="html")
    return message


def _one_line(text: str) -> str:
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def _failed(error: Exception) -> Sent:
    if isinstance(error, aiosmtplib.SMTPRecipientsRefused):
        error = error.recipients[0]
    if isinstance(error, aiosmtplib.SMTPAuthenticationError):
        return Sent(error.code, Failure.MAIL_SIGN_IN, _detail(error.message))
    if isinstance(error, aiosmtplib.SMTPResponseException):
        final = error.code >= _PERMANENT
        failure = Failure.MAIL_REFUSED if final else Failure.MAIL_DEFERRED
        return Sent(error.code, failure, _detail(error.message))
    return Sent(failure=_no_answer(error), detail=_detail(str(error)))


def _no_answer(error: BaseException) -> Failure:
    """Why a mail server did not even say no."""
    causes = (error, error.__cause__, error.__context__)
    if any(isinstance(one, ssl.SSLError) for one in causes):
        return Failure.TLS_FAILED
    if isinstance(error, TimeoutError):
        return Failure.TIMED_OUT
    if isinstance(error, aiosmtplib.SMTPServerDisconnected):
        return Failure.BROKEN_OFF
    if isinstance(error, OSError):
        return Failure.NOT_CONNECTED
    # What is left of the library: the server lacks STARTTLS or a way of signing in that we know.
    return Failure.TLS_FAILED if "TLS" in str(error) else Failure.MAIL_SIGN_IN


def _detail(text: str) -> str | None:
    return _one_line(text)[:_MOST_DETAIL] or None
