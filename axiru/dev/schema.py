"""The schema: what must be in the database before the first process of Axiru starts."""

from axiru.dev.home import Home
from axiru.dev.part import last_line, run_to_end
from axiru.dev.postgres import Database
from axiru.dev.processes import axiru_command
from axiru.dev.refusal import PartFailed


async def apply_migrations(home: Home, where: Database) -> None:
    """Run `axiru migrate` as the owner of the tables, as an operator would. Raises PartFailed."""
    log = home.log("migrate")
    environment = {"AXIRU_DATABASE_ADMIN_URL": where.admin_url, "AXIRU_APP_ROLE_PASSWORD": where.app_password}
    if await run_to_end(axiru_command("migrate"), log=log, environment=environment) != 0:
        raise PartFailed(f"The migrations failed; their log is {log}, the last line: {last_line(log)}")
