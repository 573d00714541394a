"""A real PostgreSQL server of the tests' own, in a folder that goes with it.

Needs the programs of Debian's `postgresql` package; root runs them as another user, because they
refuse to run as root. The language of the databases is not "C", so that a statement that counts on
the order of bytes without saying so is found out.
"""

import contextlib
import itertools
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import quote

import asyncpg

from ringtrace.store.postgres.migration import migrate

START_SECONDS: Final = 30.0
_OWNER: Final = "ringtrace"
_UNPRIVILEGED: Final = "nobody"
_ENDS_WITH_US: Final = ("setpriv", "--pdeathsig", "INT")
"""A test run that is killed leaves no server behind."""


_SHARD_OF: Final = """
CREATE FUNCTION get_shard_id_for_distribution_column(text, bigint) RETURNS bigint LANGUAGE sql AS $$
  SELECT n::bigint
  FROM (SELECT count(*)::integer FROM pg_inherits WHERE inhparent = $1::regclass) p (parts),
    generate_series(0, parts - 1) n
  WHERE satisfies_hash_partition($1::regclass, parts, n, $2)$$
"""
"""A partition is to a database that is only divided what a shard is to Citus."""


@dataclass
class Postgres:
    """A server, reached through a socket in its folder. Only a `durable` one waits for the disk."""

    folder: Path
    durable: bool
    _process: "subprocess.Popen[bytes] | None" = None
    _names: Iterator[int] = field(default_factory=lambda: itertools.count(1))
    _templates: set[str] = field(default_factory=set)

    def url(self, database: str) -> str:
        return f"postgresql://{_OWNER}@/{database}?host={quote(str(self.folder), safe='')}"

    async def database(self, *, partitioned: bool = False) -> str:
        """The URL of a new database with the newest schema and nothing in it."""
        template = "partitioned_template" if partitioned else "plain_template"
        if template not in self._templates:
            await self._create(template)
            connection = await asyncpg.connect(self.url(template))
            await migrate(connection, partitioned=partitioned)
            if partitioned:
                await connection.execute(_SHARD_OF)
            await connection.close()
            self._templates.add(template)
        name = f"test_{next(self._names)}"
        await self._create(name, template)
        return self.url(name)

    async def empty_database(self) -> str:
        """The URL of a new database without a schema."""
        name = f"test_{next(self._names)}"
        await self._create(name)
        return self.url(name)

    async def _create(self, name: str, template: str = "template0") -> None:
        connection = await asyncpg.connect(self.url("postgres"))
        try:
            await connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        finally:
            await connection.close()

    def start(self) -> None:
        """Returns when connections are taken."""
        options = [] if self.durable else ["-F", "-c", "full_page_writes=off"]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 - our own arguments
                [*_ENDS_WITH_US, _program("postgres"),
                 "-D", self.folder / "data", "-k", self.folder, "-h", "",
                 "-c", "max_connections=200", "-c", "log_min_messages=fatal", *options],
                user=_user(), start_new_session=True, cwd=self.folder,
                stdout=subprocess.DEVNULL, stderr=log,
            )  # fmt: skip
        deadline = time.monotonic() + START_SECONDS
        while not self._takes_connections():
            assert self._process.poll() is None, (self.folder / "log").read_text()
            assert time.monotonic() < deadline
            time.sleep(0.05)

    def _takes_connections(self) -> bool:
        asked = [_program("pg_isready"), "-q", "-h", str(self.folder), "-d", "postgres"]
        return subprocess.run(asked, check=False).returncode == 0  # noqa: S603 - our own arguments

    def kill(self) -> None:
        """End all its processes as a power switch would, without a chance to write anything."""
        process, children = self._held()
        for one in children:
            _signal(one, signal.SIGKILL)
        self._killed(process, children)

    def kill_postmaster(self) -> None:
        """Its first process alone; the others see that it is gone and end by themselves."""
        process, children = self._held()
        self._killed(process, children)

    def _held(self) -> "tuple[subprocess.Popen[bytes], list[int]]":
        """The first process, which starts no more of them, and its children."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)
        return self._process, _children(self._process.pid)

    def _killed(self, process: "subprocess.Popen[bytes]", children: list[int]) -> None:
        """A new server takes the folder when nobody of the old one has its memory any more."""
        process.kill()
        process.wait(START_SECONDS)
        self._process = None
        deadline = time.monotonic() + START_SECONDS
        while any(map(_runs, children)):
            assert time.monotonic() < deadline
            time.sleep(0.01)

    def freeze(self) -> None:
        """It hangs: nobody is refused, and nobody is answered."""
        _, children = self._held()
        for one in children:
            _signal(one, signal.SIGSTOP)

    def thaw(self) -> None:
        assert self._process is not None
        for one in (self._process.pid, *_children(self._process.pid)):
            _signal(one, signal.SIGCONT)

    def restart_immediately(self) -> None:
        """As `pg_ctl restart -m immediate`: end without a checkpoint, then recover."""
        self._end(signal.SIGQUIT)
        self.start()

    def stop(self) -> None:
        self._end(signal.SIGINT)

    def _end(self, how: signal.Signals) -> None:
        if self._process is None:
            return
        self._process.send_signal(how)
        self._process.wait(START_SECONDS)
        self._process = None


@contextlib.contextmanager
def postgres_server(*, durable: bool = False) -> Iterator[Postgres]:
    # Not pytest's own folder, which another user may not enter; a socket's path must be short.
    folder = Path(tempfile.mkdtemp(prefix="ringtrace-pg-"))
    try:
        user = _user()
        if user is not None:
            shutil.chown(folder, user)
        subprocess.run(  # noqa: S603 - our own arguments
            [_program("initdb"), "-D", folder / "data", "-U", _OWNER, "-A", "trust", "-E", "UTF8",
             "--no-sync", "--no-instructions", "--locale=C.UTF-8",
             "--locale-provider=icu", "--icu-locale=en-US"],
            user=user, cwd=folder, check=True, stdout=subprocess.DEVNULL,
        )  # fmt: skip
        server = Postgres(folder, durable)
        server.start()
        try:
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _children(parent: int) -> list[int]:
    """Process ids. Each is a session of its own, so no group has them all."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            if _stat(stat)[1] == str(parent):
                found.append(int(stat.parent.name))
    return found


def _runs(process: int) -> bool:
    """Whether it has anything in its hands; who is dead may wait to be told of for a while."""
    try:
        return _stat(Path(f"/proc/{process}/stat"))[0] not in {"Z", "X"}
    except (FileNotFoundError, ProcessLookupError):
        return False


def _stat(file: Path) -> list[str]:
    """State, parent, …: what follows the name, which may hold anything (proc_pid_stat(5))."""
    return file.read_text().rpartition(")")[2].split()


def _signal(process: int, how: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(process, how)


def dumped(url: str) -> bytes:
    """All that a database holds, as text."""
    return subprocess.run(  # noqa: S603 - our own arguments
        [_program("pg_dump"), url], check=True, stdout=subprocess.PIPE
    ).stdout


def _user() -> str | None:
    return _UNPRIVILEGED if os.geteuid() == 0 else None


def _program(name: str) -> str:
    """Debian keeps the server's programs out of the way of those who only need a client."""
    versions = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    found = str(versions[-1]) if versions else shutil.which(name)
    assert found, f"{name} is missing: `make test` installs the package postgresql"
    return found
