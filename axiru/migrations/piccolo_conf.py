"""Piccolo's own configuration, read by its migration runner: the owner's connection and the one app."""

from piccolo.conf.apps import AppRegistry

from axiru.database import engine_for
from axiru.settings import Settings

DB = engine_for(Settings.from_environment().database_admin_url)
APP_REGISTRY = AppRegistry(apps=["axiru.migrations.piccolo_app"])
