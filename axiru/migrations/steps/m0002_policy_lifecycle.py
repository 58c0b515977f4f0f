"""Drafts, lists, canaries, shadow results and replays; a second person puts versions in force, by a sealed act."""

from pathlib import Path

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from axiru.migrations.sql_file import migration

ID = "0002"
VERSION = "1.30.0"
DESCRIPTION = "Policy lifecycle"


async def forwards() -> MigrationManager:
    return migration(ID, DESCRIPTION, Path(__file__).with_suffix(".sql"))
