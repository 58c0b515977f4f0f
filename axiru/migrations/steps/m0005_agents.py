"""Authorizations and their tokens, the keys that sign them, what agents may ask for, amounts of any size."""

from pathlib import Path

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from axiru.migrations.sql_file import migration

ID = "0005"
VERSION = "1.30.0"
DESCRIPTION = "Agents"


async def forwards() -> MigrationManager:
    return migration(ID, DESCRIPTION, Path(__file__).with_suffix(".sql"))
