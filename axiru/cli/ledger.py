"""placeholder"""

import click


@click.group()
def ledger() -> None:
    """."""
