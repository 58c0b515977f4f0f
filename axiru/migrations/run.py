"""Apply every migration that is still to come, as the owner, and let `axiru_app` in."""

import os

import asyncpg
from piccolo.apps.migrations.commands.forwards import run_forwards

from axiru.errors import ConfigurationInvalid


async def migrate(admin_url: str, app_role_password: str | None = None) -> None:
    """Bring the database at `admin_url` to the newest schema; applying it again changes nothing.

    With a password, `axiru_app` may log in with it. Without one the role keeps whatever the operator gave it.
    Raises ConfigurationInvalid when the database cannot be reached or a migration fails.
    """
    os.environ["AXIRU_DATABASE_ADMIN_URL"] = admin_url
    os.environ["PICCOLO_CONF"] = "axiru.migrations.piccolo_conf"
    try:
        connection = await asyncpg.connect(admin_url)
    except (OSError, asyncpg.PostgresError) as error:
        raise ConfigurationInvalid(f"The database cannot be reached as its owner: {error}") from error
    try:
        result = await run_forwards(app_name="axiru", migration_id="all")
        if not result.success:
            raise ConfigurationInvalid(f"A migration failed: {result.message}")
        if app_role_password:
            literal = await connection.fetchval("SELECT quote_literal($1::text)", app_role_password)
            await connection.execute(f"ALTER ROLE axiru_app LOGIN PASSWORD {literal}")
    finally:
        await connection.close()
