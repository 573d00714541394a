"""Settings of the server, and the files of its data folder."""

import contextlib
import secrets
from dataclasses import dataclass, field
from pathlib import Path

SECRET_BYTES = 32


@dataclass(frozen=True, slots=True)
class Settings:
    """`trusted_proxies`: addresses whose X-Forwarded-For is believed, comma separated.

    `hits_per_address`, `hits_per_site`: page views a minute that one address, or all together, may
    lease numbers with. `database_url`: of a PostgreSQL database; None: the file in the folder.
    """

    data: Path
    host: str = "127.0.0.1"
    port: int = 8080
    region: str = "US"
    trusted_proxies: str = ""
    hits_per_address: int = 120
    hits_per_site: int = 60_000
    database_url: str | None = field(default=None, repr=False)

    @property
    def database(self) -> Path:
        return self.data / "ringtrace.db"

    @property
    def recordings(self) -> Path:
        return self.data / "recordings"

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
    def address_file(self) -> Path:
        """The URL of the server that runs over this folder."""
        return self.data / "server-url"


def secret_key(data: Path) -> bytes:
    """Signs links and sessions; made once, kept in the data folder, which servers may share."""
    path = data / "secret.key"
    if not path.exists():
        own = data / f"secret.key.{secrets.token_hex(4)}"
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
