"""placeholder"""

import click


@click.group()
def policy() -> None:
    """."""
