"""The whole product on one machine: starts every part in order, keeps them running, stops them in the reverse order."""

import asyncio
import os
import time
from pathlib import Path
from typing import Any

import msgspec

from axiru.dev import addresses, dev_json, processes, temporal_config
from axiru.dev.binaries import find_stripe_mock
from axiru.dev.home import Home
from axiru.dev.http_probe import answers
from axiru.dev.message_parts import mail, slack
from axiru.dev.ports import is_open
from axiru.dev.postgres import create_database, database, postgres
from axiru.dev.progress import say, step
from axiru.dev.refusal import PartFailed, PartMissing
from axiru.dev.schema import apply_migrations
from axiru.dev.stripe_parts import sandbox, stripe_mock
from axiru.dev.supervisor import Supervisor
from axiru.dev.temporal import temporal
from axiru.dev.temporal_binary import find_temporal
from axiru.dev.valkey import valkey

INFRASTRUCTURE = frozenset({"postgres", "valkey", "temporal", "stripe", "slack", "mail"})
EVERYTHING = INFRASTRUCTURE | {"api", "worker", "console"}
READY_TIMEOUT_SECONDS = 60.0


class StackOptions(msgspec.Struct, frozen=True, kw_only=True):
    """What `axiru dev` was asked for; port 0 is a free one."""

    home: Path
    api_port: int = 8400
    console_port: int = 8401
    fresh: bool = False
    only: frozenset[str] = EVERYTHING


class Stack:
    """One run of the stack in a home whose lock is held."""

    def __init__(self, home: Home, options: StackOptions) -> None:
        self._home = home
        self._only = options.only
        self._config = temporal_config.load()
        self._where = addresses.choose(options.api_port, options.console_port, self._config)
        self._secrets = home.secrets()
        self._database = database(self._where.postgres_port, self._secrets)
        self._settings = addresses.settings_for(
            self._where, home, self._secrets, self._database, self._config.namespace.name
        )
        self._supervisor = Supervisor(self._publish)
        self._announced: dev_json.DevJson | None = None

    async def start(self) -> None:
        """Start every part, then write `dev.json` and say `ready`. Raises StackRefused."""
        begun = time.monotonic()
        await self._start_stores()
        await self._start_temporal()
        await self._start_outside_parties()
        self._announced = await self._prepare_database()
        await self._start_processes()
        self._publish()
        step(
            "stack", f"started in {time.monotonic() - begun:.1f} s; keys, log-ins and pids are in {self._home.dev_json}"
        )
        say(self._ready_line())

    async def stop(self) -> None:
        """Stop every part in order; `dev.json` goes first, so that nobody finds a stack that is leaving."""
        self._announced = None
        self._home.dev_json.unlink(missing_ok=True)
        await self._supervisor.stop()

    async def _start_stores(self) -> None:
        if "postgres" in self._only:
            await self._supervisor.start(await postgres(self._home, self._database))
            await create_database(self._database)
        if "valkey" in self._only:
            await self._supervisor.start(valkey(self._home, self._where.valkey_port, self._secrets.redis_password))

    async def _start_temporal(self) -> None:
        if "temporal" not in self._only:
            return
        if self._where.temporal_external:
            step("temporal", f"the server at {self._where.temporal_external} is used (AXIRU_TEMPORAL_ADDRESS)")
            host, _, port = self._where.temporal_external.rpartition(":")
            if not port.isdecimal() or not await asyncio.to_thread(is_open, host, int(port)):
                raise PartMissing(
                    f"No Temporal server answers at {self._where.temporal_external} (AXIRU_TEMPORAL_ADDRESS)."
                )
            return
        binary = await find_temporal()
        ports = {"port": self._where.temporal_port, "ui_port": self._where.temporal_ui_port}
        await self._supervisor.start(temporal(self._home, binary, self._config, **ports))

    async def _start_stripe(self) -> None:
        if "stripe" not in self._only:
            return
        mock = await find_stripe_mock()
        if mock is not None:
            await self._supervisor.start(stripe_mock(self._home, mock, self._where.stripe_mock_port))
        await self._supervisor.start(
            sandbox(
                self._home,
                self._where.stripe_port,
                webhook_url=f"{self._where.api_url}/webhooks/stripe",
                webhook_secret=self._secrets.stripe_webhook_secret,
                redirect_uri=f"{self._where.api_url}/stripe/callback",
                validate_with=None if mock is None else self._where.stripe_mock_url,
            )
        )

    async def _start_outside_parties(self) -> None:
        """All at once: none needs another, and each spends most of its start on its imports."""
        where, secret = self._where, self._secrets.slack_signing_secret
        parts = {
            "slack": slack(self._home, where.slack_port, api_url=where.api_url, signing_secret=secret),
            "mail": mail(self._home, where.mail_port, where.smtp_port),
        }
        try:
            async with asyncio.TaskGroup() as starting:
                starting.create_task(self._start_stripe())
                for name in self._only & parts.keys():
                    starting.create_task(self._supervisor.start(parts[name]))
        except BaseExceptionGroup as failed:
            raise failed.exceptions[0] from failed

    async def _prepare_database(self) -> dev_json.DevJson:
        """Schema and demo organization, where processes of Axiru are to run on them."""
        announced = self._addresses()
        if not self._only - INFRASTRUCTURE:
            return announced
        await apply_migrations(self._home, self._database)
        step("database", "schema is up to date")
        from axiru.dev.demo import seed_demo  # noqa: PLC0415 - needs every room; infrastructure alone needs none

        demo = await seed_demo(self._settings, self._home.directory, admin_url=self._database.admin_url)
        step("demo", f"organization {demo.organization_id} is there")
        return msgspec.structs.replace(
            announced,
            organization_id=demo.organization_id,
            api_keys=demo.api_keys,
            agent_api_keys=demo.agent_api_keys,
            users=demo.users,
            slack_signing_secret=demo.slack_signing_secret,
            stripe_webhook_secret=demo.stripe_webhook_secret,
        )

    async def _start_processes(self) -> None:
        if "api" in self._only:
            await self._supervisor.start(processes.api(self._home, self._settings))
        if "worker" in self._only:
            await self._supervisor.start(processes.worker(self._home, self._settings))
        if "console" in self._only:
            await self._supervisor.start(processes.console(self._home, self._settings))
        if self._only >= EVERYTHING:
            await self._all_parts_ready()

    async def _all_parts_ready(self) -> None:
        readyz = answers(f"{self._where.api_url}/readyz")
        deadline = time.monotonic() + READY_TIMEOUT_SECONDS
        while not await readyz():
            if time.monotonic() > deadline:
                raise PartFailed(
                    f"The API is not ready after {READY_TIMEOUT_SECONDS:.0f} s: see {self._where.api_url}/readyz."
                )
            await asyncio.sleep(0.1)

    def _addresses(self) -> dev_json.DevJson:
        def where(part: str, address: str) -> str:
            return address if part in self._only else ""

        return dev_json.DevJson(
            home=str(self._home.directory),
            api_url=where("api", self._where.api_url),
            console_url=where("console", self._where.console_url),
            issuer=where("api", self._settings.issuer),
            temporal_address=where("temporal", self._where.temporal_address),
            temporal_namespace=where("temporal", self._settings.temporal_namespace),
            temporal_ui_url=where("temporal", self._where.temporal_ui_url),
            database_url=where("postgres", self._database.app_url),
            database_admin_url=where("postgres", self._database.admin_url),
            redis_url=where("valkey", self._settings.redis_url),
            stripe_api_base=where("stripe", self._where.stripe_url),
            slack_url=where("slack", self._where.slack_url),
            messages_url=where("mail", self._where.mail_url),
            slack_signing_secret=self._secrets.slack_signing_secret,
            stripe_webhook_secret=self._secrets.stripe_webhook_secret,
        )

    def _publish(self) -> None:
        if self._announced is not None:
            current = msgspec.structs.replace(self._announced, pids=_pids(self._supervisor.pids()))
            dev_json.write(self._home.dev_json, current)

    def _ready_line(self) -> str:
        shown = {
            "api": self._where.api_url,
            "console": self._where.console_url,
            "temporal": self._where.temporal_ui_url or self._where.temporal_address,
            "mail": self._where.mail_url,
            "slack": self._where.slack_url,
        }
        return "  ".join(["ready", *(f"{part} {url}" for part, url in shown.items() if part in self._only)])


def _pids(running: dict[str, int]) -> dev_json.Pids:
    """The supervisor's pids in the form of `dev.json`, where what may run several times is a list."""
    shaped: dict[str, Any] = {name.replace("-", "_"): pid for name, pid in running.items()}
    for name in ("api", "worker"):
        if name in shaped:
            shaped[name] = [shaped[name]]
    return dev_json.Pids(stack=os.getpid(), **shaped)
