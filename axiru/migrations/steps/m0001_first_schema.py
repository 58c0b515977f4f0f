"""The first schema: tables, indexes, the ledger's triggers, and the grants of `axiru_app`."""

from pathlib import Path

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from axiru.migrations.sql_file import migration

ID = "0001"
VERSION = "1.30.0"
DESCRIPTION = "First schema"


async def forwards() -> MigrationManager:
    return migration(ID, DESCRIPTION, Path(__file__).with_suffix(".sql"))
