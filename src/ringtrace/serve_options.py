"""Options of `ringtrace serve`, and what they mean together."""

import os
from collections.abc import Callable
from ipaddress import ip_network
from pathlib import Path
from typing import Final

import click

from ringtrace.config import MailSecurity, MailServer
from ringtrace.domain.notice import is_mailbox
from ringtrace.domain.url import UrlInvalidError, read_url

MOST_WORKERS: Final = 64


def mail_options(command: Callable[..., None]) -> Callable[..., None]:
    """Where the server hands its mail in."""
    for option in (
        click.option("--smtp-host", envvar="RINGTRACE_SMTP_HOST", help="Server that takes mail."),
        click.option(
            "--smtp-port",
            envvar="RINGTRACE_SMTP_PORT",
            type=click.IntRange(1, 65535),
            help="Its port; 587, with tls 465.",
        ),
        click.option(
            "--smtp-security",
            envvar="RINGTRACE_SMTP_SECURITY",
            type=click.Choice([str(one) for one in MailSecurity]),
            default=str(MailSecurity.STARTTLS),
            show_default=True,
            help="TLS after STARTTLS, TLS from the first byte, or none.",
        ),
        click.option("--smtp-user", envvar="RINGTRACE_SMTP_USER", help="Who signs in there."),
        click.option(
            "--smtp-password-file",
            envvar="RINGTRACE_SMTP_PASSWORD_FILE",
            type=click.Path(exists=True, dir_okay=False, path_type=Path),
            help="File with his password; else RINGTRACE_SMTP_PASSWORD has it.",
        ),
        click.option("--mail-from", envvar="RINGTRACE_MAIL_FROM", help="Sender of the mail."),
    ):
        command = option(command)
    return command


def mail_server(
    smtp_host: str | None,
    smtp_port: int | None,
    smtp_security: str,
    smtp_user: str | None,
    smtp_password_file: Path | None,
    mail_from: str | None,
) -> MailServer | None:
    """None: no mail is sent. Raises click.UsageError."""
    if smtp_host is None:
        return None
    if mail_from is None or not is_mailbox(mail_from):
        raise click.UsageError("--mail-from: a mail address like calls@example.com is needed")
    security = MailSecurity(smtp_security)
    password = (
        smtp_password_file.read_text().strip()
        if smtp_password_file
        else os.environ.get("RINGTRACE_SMTP_PASSWORD")
    )
    if smtp_user is not None and password is None:
        raise click.UsageError("--smtp-user: a password is needed, see --smtp-password-file")
    usual = 465 if security is MailSecurity.TLS else 587
    return MailServer(smtp_host, mail_from, smtp_port or usual, security, smtp_user, password)


def read_workers(workers: int, database_url: str | None) -> None:
    """Raises click.UsageError: several processes cannot share the file of the data folder."""
    if workers > 1 and not database_url:
        raise click.UsageError(
            f"--workers {workers}: several processes need a PostgreSQL database (--database-url or "
            "DATABASE_URL); the file in the data folder belongs to one, which --workers 1 runs"
        )


def read_public_url(text: str | None) -> str | None:
    """Without a slash at its end. Raises click.UsageError."""
    if text is None:
        return None
    try:
        return read_url(text).text.rstrip("/")
    except UrlInvalidError as error:
        raise click.UsageError(f"--public-url: {error}") from error


def read_networks(texts: tuple[str, ...]) -> tuple[str, ...]:
    """Raises click.UsageError."""
    for text in texts:
        try:
            ip_network(text)
        except ValueError as error:
            raise click.UsageError(f"--outbound-allow: {error}") from error
    return texts
