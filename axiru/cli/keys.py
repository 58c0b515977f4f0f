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
@click.option("--vault", "is_vault", is_flag=True, help="the vault's master key and all it seals")
@click.option("--jwks", "is_jwks", is_flag=True, help="the key that signs tokens: publish the next one now")
@click.option("--revoke", metavar="KID", help="with --jwks: take this key out of use at once")
@click.option("--reason", default="", help="with --revoke: why")
@click.option("--rehearse", is_flag=True, help="go through it on a copy and change nothing")
@click.option(
    "--home", type=click.Path(path_type=Path, exists=True), help="the home of a local stack, instead of the settings"
)
def rotate(is_vault: bool, is_jwks: bool, revoke: str | None, reason: str, rehearse: bool, home: Path | None) -> None:
    """Rotate one kind of key, as the owner of the tables (AXIRU_DATABASE_ADMIN_URL).

    --vault seals every stored token and secret anew. With AXIRU_VAULT_KEY_FILE a new master key is drawn and put first
    in the file, unless an earlier run was cut short: then that one is finished. Running processes learn of it by
    themselves. With AXIRU_VAULT_KEY the first key named is the one to rotate to. Older keys are kept: backups are
    sealed with them.

    --jwks publishes the next key that signs tokens, before the Temporal Schedule would. It signs once it has been
    published for AXIRU_TOKEN_KEY_LEAD_SECONDS. With --revoke a key leaves the published set at once and no token of it
    is taken any more; where it signed, another signs from then on. It is sealed, with the reason, in the ledger of
    every organization.
    """
    import asyncpg  # noqa: PLC0415

    from axiru.settings import Settings  # noqa: PLC0415

    if is_vault == is_jwks:
        raise click.UsageError("Say which: --vault or --jwks.")
    if revoke is not None and (is_vault or rehearse):
        raise click.UsageError("--revoke goes with --jwks, and is not rehearsed.")
    if (revoke is not None) != bool(reason.strip()):
        raise click.UsageError("--revoke needs a --reason, and nothing else takes one.")
    settings = Settings.from_environment() if home is None else _settings_of(home)
    settings.require("database_admin_url")
    match is_jwks, revoke, rehearse:
        case True, str(key_id), _:
            rotation = _revoke_token_key(settings, key_id, reason.strip())
        case True, None, _:
            rotation = _publish_token_key(settings, rehearse=rehearse)
        case _:
            rotation = _rehearse(settings) if rehearse else _rotate(settings)
    try:
        asyncio.run(rotation)
    except (OSError, asyncpg.PostgresError) as error:
        raise click.ClickException(f"PostgreSQL could not be worked with, as the tables' owner: {error}") from error


def _settings_of(home: Path) -> "Settings":
    from axiru.dev.dev_json import DevJson  # noqa: PLC0415
    from axiru.dev.home import Home  # noqa: PLC0415
    from axiru.settings import Settings  # noqa: PLC0415

    directory = Home(home)
    try:
        told = msgspec.json.decode(directory.dev_json.read_bytes(), type=DevJson)
    except OSError as error:
        raise click.ClickException(f"No stack runs in {home}: {error.strerror}.") from error
    return msgspec.structs.replace(
        Settings.from_environment(),
        database_admin_url=told.database_admin_url,
        vault_key="",
        vault_key_file=str(directory.vault_key_file),
    )


async def _publish_token_key(settings: "Settings", *, rehearse: bool) -> None:
    from axiru.database import connected  # noqa: PLC0415
    from axiru.vault import Vault  # noqa: PLC0415
    from ledger.token_keys import KeyTimes, publish_next, rehearse_next  # noqa: PLC0415

    vault, times = Vault.from_settings(settings), KeyTimes.from_settings(settings)
    async with connected(msgspec.structs.replace(settings, database_url=settings.database_admin_url)):
        if rehearse:
            await rehearse_next(vault, times)
            click.echo("a key was made, sealed, published, and signed a token that it verifies")
            click.echo("rehearsed; nothing was changed")
            return
        key_id, active_from = await publish_next(vault, times)
    click.echo(f"the next key is {key_id}: published, and signs from {active_from.isoformat()} on")


async def _revoke_token_key(settings: "Settings", key_id: str, reason: str) -> None:
    from axiru.database import connected  # noqa: PLC0415
    from axiru.vault import Vault  # noqa: PLC0415
    from ledger.acts.token_key import revoke_token_key  # noqa: PLC0415
    from ledger.keys import load_signer  # noqa: PLC0415
    from ledger.token_keys import KeyTimes  # noqa: PLC0415

    vault, times = Vault.from_settings(settings), KeyTimes.from_settings(settings)
    async with connected(msgspec.structs.replace(settings, database_url=settings.database_admin_url)):
        signer = await load_signer(vault)
        revoked = await revoke_token_key(key_id, reason, by=None, vault=vault, times=times, signer=signer)
    done = "is revoked, sealed in every ledger here" if revoked.changed else "was revoked before"
    click.echo(f"{key_id} {done}: no token of it is taken any more")
    if revoked.replaced_by is not None:
        click.echo(f"{revoked.replaced_by} signs instead, from now on")


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
