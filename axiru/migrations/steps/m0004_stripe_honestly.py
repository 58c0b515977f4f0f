"""Connections by OAuth, what is observed on Stripe, evidence for disputes, undoing, and what callers may do alone."""

from pathlib import Path

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from axiru.migrations.sql_file import migration

ID = "0004"
VERSION = "1.30.0"
DESCRIPTION = "Connect, observe, enforce"


async def forwards() -> MigrationManager:
    return migration(ID, DESCRIPTION, Path(__file__).with_suffix(".sql"))
