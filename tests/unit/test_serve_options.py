"""What the options of `ringtrace serve` about sending mean together."""

from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from ringtrace.cli import main
from ringtrace.config import MailSecurity, MailServer
from ringtrace.serve_options import mail_server, read_networks, read_public_url


def server(
    host: str | None = "mail.example.com",
    port: int | None = None,
    security: str = "starttls",
    user: str | None = None,
    password_file: Path | None = None,
    mail_from: str | None = "calls@example.com",
) -> MailServer | None:
    return mail_server(host, port, security, user, password_file, mail_from)


def test_without_a_host_no_mail_is_sent() -> None:
    assert server(host=None, mail_from=None) is None


@pytest.mark.parametrize(
    ("port", "security", "used"), [(None, "starttls", 587), (None, "tls", 465), (25, "none", 25)]
)
def test_the_port_is_the_usual_one_unless_told_otherwise(
    port: int | None, security: str, used: int
) -> None:
    made = server(port=port, security=security)

    assert made is not None
    assert (made.port, made.security) == (used, MailSecurity(security))


def test_the_password_is_read_from_a_file_or_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "password"
    file.write_text("from the file\n")
    monkeypatch.setenv("RINGTRACE_SMTP_PASSWORD", "from outside")

    from_file, from_outside = server(user="me", password_file=file), server(user="me")

    assert from_file is not None
    assert from_outside is not None
    assert (from_file.password, from_outside.password) == ("from the file", "from outside")


def test_what_is_missing_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RINGTRACE_SMTP_PASSWORD", raising=False)

    with pytest.raises(click.UsageError, match="--mail-from"):
        server(mail_from=None)
    with pytest.raises(click.UsageError, match="--mail-from"):
        server(mail_from="no address")
    with pytest.raises(click.UsageError, match="--smtp-password-file"):
        server(user="me")


def test_networks_and_the_public_url_are_checked() -> None:
    assert read_networks(("10.0.0.0/8", "fd00::1")) == ("10.0.0.0/8", "fd00::1")
    with pytest.raises(click.UsageError, match="--outbound-allow"):
        read_networks(("10.0.0.1/8",))
    assert read_public_url(None) is None
    assert read_public_url("https://calls.example.com/") == "https://calls.example.com"
    with pytest.raises(click.UsageError, match="--public-url"):
        read_public_url("calls.example.com")


def test_the_command_refuses_what_is_wrong_before_it_starts(tmp_path: Path) -> None:
    refused = CliRunner().invoke(
        main, ["serve", "--data", str(tmp_path / "data"), "--smtp-host", "mail.example.com"]
    )

    assert refused.exit_code == 2
    assert "--mail-from" in refused.output
    assert not (tmp_path / "data").exists()
