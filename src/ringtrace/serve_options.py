"""Options of `ringtrace serve`, and what they mean together."""

import os
from collections.abc import Callable
from ipaddress import ip_network
from pathlib import Path
from typing import Final

import click

from ringtrace.config import MailSecurity, MailServer, Retention
from ringtrace.domain.notice import is_mailbox
from ringtrace.domain.url import UrlInvalidError, read_url

MOST_WORKERS: Final = 64

_LEAST_DAYS: Final = 30
"""Attribution and learning look back four weeks."""

_MOST_DAYS: Final = 36_500


def mail_options(command: Callable[..., None]) -> Callable[..., None]:
    """Where the server hands its mail in."""
    for option in reversed(
        (
            click.option(
                "--smtp-host",
                envvar="RINGTRACE_SMTP_HOST",
                show_envvar=True,
                help="Server that takes mail.",
            ),
            click.option(
                "--smtp-port",
                envvar="RINGTRACE_SMTP_PORT",
                show_envvar=True,
                type=click.IntRange(1, 65535),
                help="Its port; 587, with tls 465.",
            ),
            click.option(
                "--smtp-security",
                envvar="RINGTRACE_SMTP_SECURITY",
                show_envvar=True,
                type=click.Choice([str(one) for one in MailSecurity]),
                default=str(MailSecurity.STARTTLS),
                show_default=True,
                help="TLS after STARTTLS, TLS from the first byte, or none.",
            ),
            click.option(
                "--smtp-user",
                envvar="RINGTRACE_SMTP_USER",
                show_envvar=True,
                help="Who signs in there.",
            ),
            click.option(
                "--smtp-password-file",
                envvar="RINGTRACE_SMTP_PASSWORD_FILE",
                show_envvar=True,
                type=click.Path(exists=True, dir_okay=False, path_type=Path),
                help="File with his password; else RINGTRACE_SMTP_PASSWORD has it.",
            ),
            click.option(
                "--mail-from",
                envvar="RINGTRACE_MAIL_FROM",
                show_envvar=True,
                help="Sender of the mail.",
            ),
        )
    ):
        command = option(command)
    return command


def retention_options(command: Callable[..., None]) -> Callable[..., None]:
    """For how long the server keeps what."""
    for option in reversed(
        (
            click.option(
                "--visits-in-store",
                default=90,
                show_default=True,
                type=click.IntRange(0, _MOST_DAYS),
                callback=_enough,
                help="Days until visits are in the lake alone; 0: never.",
            ),
            click.option(
                "--keep-visits",
                type=click.IntRange(_LEAST_DAYS, _MOST_DAYS),
                help="Delete visits, hits and exposures after so many days.",
            ),
            click.option(
                "--keep-calls",
                type=click.IntRange(_LEAST_DAYS, _MOST_DAYS),
                help="Delete calls, with their recordings, after so many days.",
            ),
            click.option(
                "--keep-recordings",
                type=click.IntRange(1, _MOST_DAYS),
                help="Delete recordings after so many days.",
            ),
        )
    ):
        command = option(command)
    return command


def _enough(_ctx: click.Context, _param: click.Parameter, days: int) -> int:
    if 0 < days < _LEAST_DAYS:
        raise click.BadParameter(f"0, or {_LEAST_DAYS} or more days are needed")
    return days


def retention(
    visits_in_store: int,
    keep_visits: int | None,
    keep_calls: int | None,
    keep_recordings: int | None,
) -> Retention:
    return Retention(visits_in_store or None, keep_visits, keep_calls, keep_recordings)


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
