"""Exclusions, delegation, discussion, holds, circuit breakers, break-glass, and the doors beside the console."""

from pathlib import Path

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from axiru.migrations.sql_file import migration

ID = "0003"
VERSION = "1.30.0"
DESCRIPTION = "People in control"


async def forwards() -> MigrationManager:
    return migration(ID, DESCRIPTION, Path(__file__).with_suffix(".sql"))
