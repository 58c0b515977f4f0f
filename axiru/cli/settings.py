"""`axiru settings`: everything that can be set from the environment."""

import click


@click.command()
def settings() -> None:
    """List every AXIRU_* variable with its default and meaning."""
    from axiru.settings import described  # noqa: PLC0415

    for variable, default, description in described():
        click.echo(f"{variable}={default}\n    {description}")
