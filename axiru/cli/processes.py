"""The production processes, one command each; settings come from the environment."""

import asyncio

import click


@click.command()
def api() -> None:
    """Serve the HTTP API."""
    from api.app import serve  # noqa: PLC0415
    from axiru.settings import Settings  # noqa: PLC0415

    serve(Settings.from_environment())


@click.command()
def worker() -> None:
    """Run workflows and activities."""
    from axiru.cli.worker import serve  # noqa: PLC0415
    from axiru.settings import Settings  # noqa: PLC0415

    serve(Settings.from_environment())


@click.command()
@click.option("--desktop", is_flag=True, help="open a window of its own")
def console(desktop: bool) -> None:
    """Serve the web console."""
    from axiru.settings import Settings  # noqa: PLC0415
    from console.main import serve  # noqa: PLC0415

    serve(Settings.from_environment(), desktop=desktop)


@click.command()
@click.option(
    "--app-role-password",
    envvar="AXIRU_APP_ROLE_PASSWORD",
    help="let axiru_app log in with it [AXIRU_APP_ROLE_PASSWORD]; without one the role's password is left alone",
)
def migrate(app_role_password: str | None) -> None:
    """Bring the database to the newest schema, as the owner of the tables (AXIRU_DATABASE_ADMIN_URL)."""
    from axiru.migrations.run import migrate as apply  # noqa: PLC0415
    from axiru.settings import Settings  # noqa: PLC0415

    settings = Settings.from_environment()
    settings.require("database_admin_url")
    asyncio.run(apply(settings.database_admin_url, app_role_password))
