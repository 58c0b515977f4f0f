"""`axiru keys`: rotation of what Axiru seals with."""

import asyncio
import base64
import secrets
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

if TYPE_CHECKING:
    from axiru.settings import Settings


@click.group()
def keys() -> None:
    """Rotate keys."""


@keys.command()
@click.option("--vault", "is_vault", is_flag=True, required=True, help="the vault's master key and all it seals")
@click.option("--rehearse", is_flag=True, help="go through it on a copy and change nothing")
@click.option(
    "--home", type=click.Path(path_type=Path, exists=True), help="the home of a local stack, instead of the settings"
)
def rotate(is_vault: bool, rehearse: bool, home: Path | None) -> None:  # noqa: ARG001 - one kind so far, named on purpose
    """Seal every stored token and secret anew, as the owner of the tables (AXIRU_DATABASE_ADMIN_URL).

    With AXIRU_VAULT_KEY_FILE a new master key is drawn and put first in the file, unless an earlier run was cut short:
    then that one is finished. Running processes learn of it by themselves. With AXIRU_VAULT_KEY the first key named is
    the one to rotate to. Older keys are kept: backups are sealed with them.
    """
    from axiru.settings import Settings  # noqa: PLC0415

    settings = Settings.from_environment() if home is None else _settings_of(home)
    settings.require("database_admin_url")
    asyncio.run(_rehearse(settings) if rehearse else _rotate(settings))


def _settings_of(home: Path) -> "Settings":
    from axiru.dev.dev_json import DevJson  # noqa: PLC0415
    from axiru.dev.home import Home  # noqa: PLC0415
    from axiru.settings import Settings  # noqa: PLC0415

    directory = Home(home)
    try:
        told = msgspec.json.decode(directory.dev_json.read_bytes(), type=DevJson)
    except OSError as error:
        raise click.ClickException(f"No stack runs in {home}: {error.strerror}.") from error
    return Settings(database_admin_url=told.database_admin_url, vault_key_file=str(directory.vault_key_file))


async def _rotate(settings: "Settings") -> None:
    from axiru.database import connected  # noqa: PLC0415
    from axiru.vault import Vault  # noqa: PLC0415
    from ledger.vault_rotation import left_under_other_keys, reseal  # noqa: PLC0415

    vault = Vault.from_settings(settings)
    async with connected(msgspec.structs.replace(settings, database_url=settings.database_admin_url)):
        if settings.vault_key_file and not await left_under_other_keys(vault.current_key_id):
            _put_first(Path(settings.vault_key_file))
            click.echo(f"a new master key {vault.current_key_id} is the first in {settings.vault_key_file}")
        done = await reseal(vault)
    for place, count in done.resealed.items():
        click.echo(f"{place}: {count} sealed anew")
    for key_id, count in done.left.items():
        click.echo(f"under {key_id} there are still {count}, written meanwhile: run this again")
    if done.left:
        raise SystemExit(1)
    click.echo(f"everything is sealed under {done.current_key_id}; keep older keys for as long as you keep backups")


async def _rehearse(settings: "Settings") -> None:
    from axiru.database import connected  # noqa: PLC0415
    from axiru.vault import Vault  # noqa: PLC0415
    from ledger.vault_rotation import rehearse  # noqa: PLC0415

    async with connected(msgspec.structs.replace(settings, database_url=settings.database_admin_url)):
        done = await rehearse(Vault.from_settings(settings))
    for place, count in done.values.items():
        click.echo(f"{place}: {count} rotated on a copy, each reads back as it was")
    click.echo("rehearsed; nothing was changed")


def _put_first(file: Path) -> None:
    """The file is exchanged in one step; a kill leaves the old one or the new."""
    from axiru.dev.files import write_private  # noqa: PLC0415

    write_private(file, base64.b64encode(secrets.token_bytes(32)) + b"\n" + file.read_bytes())
