"""The production processes, one command each; settings come from the environment."""

import asyncio
from typing import TYPE_CHECKING

import click
import msgspec

if TYPE_CHECKING:
    from axiru.settings import Settings


@click.command()
def api() -> None:
    """Serve the HTTP API."""
    from api.app import serve  # noqa: PLC0415
    from axiru.settings import Settings  # noqa: PLC0415

    serve(Settings.from_environment())


@click.command()
@click.option("--tasks-only", is_flag=True, hidden=True, help="take tasks from the queue, watch over nothing else")
def worker(tasks_only: bool) -> None:
    """Run workflows and activities."""
    from axiru.cli.worker import serve  # noqa: PLC0415
    from axiru.settings import Settings  # noqa: PLC0415

    serve(Settings.from_environment(), tasks_only=tasks_only)


@click.command()
@click.option("--desktop", is_flag=True, help="open a window of its own")
def console(desktop: bool) -> None:
    """Serve the web console."""
    from axiru.settings import Settings  # noqa: PLC0415
    from console.main import serve  # noqa: PLC0415

    serve(Settings.from_environment(), desktop=desktop)


@click.command()
@click.option(
    "--app-role-password",
    envvar="AXIRU_APP_ROLE_PASSWORD",
    help="let axiru_app log in with it [AXIRU_APP_ROLE_PASSWORD]; without one the role's password is left alone",
)
def migrate(app_role_password: str | None) -> None:
    """Bring the database to the newest schema, as the owner of the tables (AXIRU_DATABASE_ADMIN_URL).

    With the vault's master key in the settings it also makes the first signing keys, once.
    """
    from axiru.migrations.run import migrate as apply  # noqa: PLC0415
    from axiru.settings import Settings  # noqa: PLC0415

    settings = Settings.from_environment()
    settings.require("database_admin_url")
    asyncio.run(apply(settings.database_admin_url, app_role_password))
    if settings.vault_key or settings.vault_key_file:
        asyncio.run(_ensure_signing_key(settings))


async def _ensure_signing_key(settings: "Settings") -> None:
    """The first keys of the ledger and of tokens, by the owner: processes may not add any to the ledger's."""
    from axiru.database import connected  # noqa: PLC0415
    from axiru.vault import Vault  # noqa: PLC0415
    from ledger.keys import ensure_signing_key  # noqa: PLC0415
    from ledger.token_keys import KeyTimes, ensure_token_key  # noqa: PLC0415

    vault = Vault.from_settings(settings)
    async with connected(msgspec.structs.replace(settings, database_url=settings.database_admin_url)):
        await ensure_signing_key(vault)
        await ensure_token_key(vault, KeyTimes.from_settings(settings))
