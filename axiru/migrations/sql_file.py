"""A migration that is one file of SQL, applied in the transaction that Piccolo opens for it."""

from pathlib import Path
from typing import cast

from piccolo.apps.migrations.auto.migration_manager import MigrationManager
from piccolo.engine import engine_finder
from piccolo.engine.postgres import PostgresEngine, PostgresTransaction


def migration(migration_id: str, description: str, sql: Path) -> MigrationManager:
    """The migration that executes the file `sql`."""
    statements = sql.read_text()
    manager = MigrationManager(migration_id=migration_id, app_name="axiru", description=description)

    async def apply() -> None:
        engine = cast(PostgresEngine, engine_finder())
        # Piccolo prepares what it runs, and a prepared statement is one statement; the file holds many.
        await cast(PostgresTransaction, engine.current_transaction.get()).connection.execute(statements)

    manager.add_raw(apply)
    return manager
