"""`axiru contract-suite`: cut every connection of a running stack in turn, and see that nothing gets through."""

import contextlib
import sys
from pathlib import Path

import click

from axiru.contract_suite.cases import PARTS, Extent, Part

BROKEN = 1
CANNOT_RUN = 2
STOPPED = 130


@click.command("contract-suite")
@click.option("--target", metavar="URL", help="the API of a running `axiru dev`; without it a stack of its own")
@click.option(
    "--home", type=click.Path(path_type=Path, file_okay=False), help="the home of that stack; found by the URL's port"
)
@click.option("--toxiproxy", "toxiproxy_url", metavar="URL", help="a running toxiproxy; without it one is started")
@click.option(
    "--cut",
    "cuts",
    multiple=True,
    type=click.Choice(PARTS, case_sensitive=False),
    help="only this one; may be repeated",
)
@click.option("--reduced", is_flag=True, help="a part of the windows, in about a minute")
@click.option("--json", "as_json", is_flag=True, help="print every row as JSON instead of the table")
def contract_suite(
    target: str | None,
    home: Path | None,
    toxiproxy_url: str | None,
    cuts: tuple[Part, ...],
    reduced: bool,
    as_json: bool,
) -> None:
    """Exit 0 when the contract holds; 1 when a row breaks it; 2 when it cannot run, with what is missing."""
    import msgspec  # noqa: PLC0415
    from rich.console import Console  # noqa: PLC0415

    from axiru.contract_suite.run import SuiteOptions, run_suite  # noqa: PLC0415
    from axiru.contract_suite.table import summary_of, table_of  # noqa: PLC0415
    from axiru.contract_suite.verdict import Row  # noqa: PLC0415
    from axiru.errors import AxiruError  # noqa: PLC0415

    progress = Console(stderr=True)

    def on_rows(rows: list[Row]) -> None:
        first, faults = rows[0], sum(bool(row.faults) for row in rows)
        said = f"{faults} of {len(rows)} break the contract" if faults else f"{len(rows)} hold"
        progress.print(f"{first.part} {first.manner}, {first.surface_mode}: {said}", highlight=False)

    options = SuiteOptions(
        target=target,
        home=home,
        toxiproxy_url=toxiproxy_url,
        extent=Extent.REDUCED if reduced else Extent.WHOLE,
        parts=cuts or PARTS,
    )
    try:
        # What the parts of a stack say while they start is progress, not the result.
        with contextlib.redirect_stdout(sys.stderr):
            rows = run_suite(options, on_rows=on_rows)
    except KeyboardInterrupt:
        click.echo("Stopped; surfaces and connections are as they were.", err=True)
        sys.exit(STOPPED)
    except AxiruError as refusal:
        click.echo(f"Error: {refusal.message}", err=True)
        sys.exit(CANNOT_RUN)
    if as_json:
        shown = [msgspec.to_builtins(row) | {"faults": row.faults} for row in rows]
        click.echo(msgspec.json.encode(shown).decode())
    else:
        # A log is no terminal and has no width; 80 columns would fold every line.
        console = Console(width=None if sys.stdout.isatty() else 160)
        console.print(table_of(rows))
        console.print(summary_of(rows), highlight=False)
    sys.exit(BROKEN if any(row.faults for row in rows) else 0)
