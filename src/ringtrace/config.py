"""Settings of the server, and the files of its data folder."""

import contextlib
import secrets
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

import msgspec

SECRET_BYTES = 32

DATABASE_URL = "DATABASE_URL"
"""Of the environment: names the database for every command."""


class MailSecurity(StrEnum):
    """How mail goes to its server: TLS asked for, TLS from the first byte, or open."""

    STARTTLS = "starttls"
    TLS = "tls"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class MailServer:
    """Where mail is handed in, and from whom it is. Without a `user` nobody signs in."""

    host: str
    sender: str
    port: int = 587
    security: MailSecurity = MailSecurity.STARTTLS
    user: str | None = None
    password: str | None = None

    def __repr__(self) -> str:
        return f"MailServer({self.host}:{self.port})"


@dataclass(frozen=True, slots=True)
class Retention:
    """Days that things are kept; None: for ever.

    `visits` are those with their hits and exposures, `calls` everything known of calls, recordings
    too. `visits_in_store`: for so long visits stay in the database; after it, where there is a
    lake, they are there alone.
    """

    visits_in_store: int | None = 90
    visits: int | None = None
    calls: int | None = None
    recordings: int | None = None


@dataclass(frozen=True, slots=True)
class Settings:
    """`trusted_proxies`: addresses whose X-Forwarded-For is believed, comma separated.

    `hits_per_address`, `hits_per_site`: page views a minute that one address, or all together, may
    lease numbers with. `recordings_at`: another folder for recordings, or s3://BUCKET/PREFIX;
    `lake_at`: the same for sealed days, or "off".
    `public_url`: where people and their programs reach the server. `outbound_networks`: networks in
    CIDR that webhooks may lead to though they are not public. `notice_days`: how long the log of
    notices goes back. `database_url`: of a PostgreSQL database; None: the file in the folder.
    """

    data: Path
    host: str = "127.0.0.1"
    port: int = 8080
    region: str = "US"
    trusted_proxies: str = ""
    hits_per_address: int = 120
    hits_per_site: int = 60_000
    recordings_at: str = ""
    lake_at: str = ""
    public_url: str | None = None
    outbound_networks: tuple[str, ...] = ()
    notice_days: int = 30
    mail: MailServer | None = None
    database_url: str | None = field(default=None, repr=False)
    retention: Retention = field(default_factory=Retention)

    @property
    def database(self) -> Path:
        return self.data / "ringtrace.db"

    @property
    def recordings(self) -> Path:
        """The folder of recordings, or of those on their way to a bucket."""
        if self.recordings_at and not self.recordings_in_bucket:
            return Path(self.recordings_at)
        return self.data / "recordings"

    @property
    def recordings_in_bucket(self) -> bool:
        return self.recordings_at.startswith("s3:")

    @property
    def recordings_note(self) -> Path:
        """Says where else the server keeps recordings, for the commands that look after them."""
        return self.data / "recordings-at"

    @classmethod
    def of(cls, data: Path, database_url: str | None = None) -> "Settings":
        """Of the server that runs over `data`, or did so last, as far as the folder tells."""
        here = cls(data)
        return cls(
            data,
            recordings_at=_noted(here.recordings_note),
            lake_at=_noted(here.lake_note),
            database_url=database_url,
            retention=_retention(_noted(here.retention_note)),
        )

    @property
    def lake(self) -> Path | None:
        """The folder of sealed days; None: they are in a bucket."""
        if self.lake_at.startswith("s3:"):
            return None
        return Path(self.lake_at) if self.lake_at else self.data / "lake"

    @property
    def lake_note(self) -> Path:
        """Says where else the server has its lake, for the commands that use it."""
        return self.data / "lake-at"

    @property
    def retention_note(self) -> Path:
        """Says for how long the server keeps what, for the command that deletes."""
        return self.data / "retention.json"

    @property
    def lake_lock(self) -> Path:
        return self.data / "lake-lock"

    @property
    def lake_scratch(self) -> Path:
        """The folder of sealed files that are being made."""
        return self.data / "lake-work"

    @property
    def report_scratch(self) -> Path:
        """The folder of reports that are being made; nothing is left in it."""
        return self.data / "lake-reports"

    @property
    def lake_cache(self) -> Path:
        """The folder of copies from the lake's bucket."""
        return self.data / "lake-cache"

    @property
    def sessions(self) -> Path:
        return self.data / "sessions"

    @property
    def password_file(self) -> Path:
        return self.data / "admin-password"

    @property
    def api_token_file(self) -> Path:
        return self.data / "api-token"

    @property
    def node_token_file(self) -> Path:
        return self.data / "sip-node-token"

    @property
    def node_spool(self) -> Path:
        """Of the SIP node that runs beside the server."""
        return self.data / "sip-node"

    @property
    def address_file(self) -> Path:
        """The URL of the server that runs over this folder."""
        return self.data / "server-url"


def _noted(note: Path) -> str:
    return note.read_text().strip() if note.exists() else ""


def _retention(said: str) -> Retention:
    return msgspec.json.decode(said, type=Retention) if said else Retention()


def secret_key(data: Path) -> bytes:
    """Signs links and sessions; made once, kept in the data folder."""
    return _key(data / "secret.key")


def forget_key(data: Path) -> bytes:
    """Names forgotten callers; whoever deletes it makes sure that no name is ever traced back."""
    return _key(data / "forget.key")


def _key(path: Path) -> bytes:
    """Servers that share the folder share it, whoever makes it first."""
    if not path.exists():
        own = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
        write_private(own, secrets.token_hex(SECRET_BYTES))
        with contextlib.suppress(FileExistsError):
            path.hardlink_to(own)
        own.unlink()
    return bytes.fromhex(path.read_text().strip())


def write_private(path: Path, text: str) -> None:
    """Whole or not at all, readable by the owner alone."""
    part = path.with_suffix(path.suffix + ".part")
    part.touch(mode=0o600)
    part.write_text(text + "\n")
    part.replace(path)
