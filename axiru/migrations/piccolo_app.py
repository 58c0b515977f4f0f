"""Tells Piccolo where the migrations are."""

from pathlib import Path

from piccolo.conf.apps import AppConfig

from axiru.tables import ALL_TABLES

APP_CONFIG = AppConfig(
    app_name="axiru",
    migrations_folder_path=str(Path(__file__).parent / "steps"),
    table_classes=list(ALL_TABLES),
)
