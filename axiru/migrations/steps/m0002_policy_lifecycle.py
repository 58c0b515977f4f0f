"""Drafts, lists, canaries, shadow results and replays; a second person puts versions in force, by a sealed act."""

from pathlib import Path
from typing import cast

from piccolo.apps.migrations.auto.migration_manager import MigrationManager
from piccolo.engine import engine_finder
from piccolo.engine.postgres import PostgresEngine, PostgresTransaction

ID = "0002"
VERSION = "1.30.0"
DESCRIPTION = "Policy lifecycle"


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="axiru", description=DESCRIPTION)

    async def apply() -> None:
        engine = cast(PostgresEngine, engine_finder())
        # Piccolo prepares what it runs, and a prepared statement is one statement; the file holds many.
        await cast(PostgresTransaction, engine.current_transaction.get()).connection.execute(
            Path(__file__).with_suffix(".sql").read_text()
        )

    manager.add_raw(apply)
    return manager
