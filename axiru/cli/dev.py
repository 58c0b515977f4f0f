"""`axiru dev`: the whole product on one machine."""

from pathlib import Path

import click


@click.command()
@click.option(
    "--home",
    type=click.Path(path_type=Path, file_okay=False),
    default=".axiru",
    show_default=True,
    help="where data is kept",
)
@click.option("--api-port", type=click.IntRange(0, 65535), default=8400, show_default=True, help="0 for a free one")
@click.option("--console-port", type=click.IntRange(0, 65535), default=8401, show_default=True, help="0 for a free one")
@click.option("--fresh", is_flag=True, help="empty the home first")
@click.option("--only", default="", hidden=True, help="parts, separated by commas; for tests of a single room")
def dev(home: Path, api_port: int, console_port: int, fresh: bool, only: str) -> None:
    """Start every part on this machine, with a demo organization; Ctrl-C stops them in order."""
    from axiru.dev.run import run  # noqa: PLC0415
    from axiru.dev.stack import EVERYTHING, StackOptions  # noqa: PLC0415

    parts = frozenset(only.split(",")) if only else EVERYTHING
    if parts - EVERYTHING:
        raise click.BadParameter(f"no such part: {', '.join(sorted(parts - EVERYTHING))}", param_hint="--only")
    run(StackOptions(home=home, api_port=api_port, console_port=console_port, fresh=fresh, only=parts))
