"""`axiru replay`: a Stripe export through a policy. No server is needed."""

import gc
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click

if TYPE_CHECKING:
    from policies import Policy
    from policies.history import Progress, Report, Stage, Total

BAD_FILE = 2
_SHOWN_FINDINGS = 20
_FILE = click.Path(path_type=Path, exists=True, dir_okay=False)
_OUT = click.Path(path_type=Path, dir_okay=False)


@click.command()
@click.argument("file", type=_FILE)
@click.option("--pack", "pack_name", default="refunds-starter", show_default=True, help="a pack, or a policy's file")
@click.option("--json", "as_json", is_flag=True, help="print the result as JSON")
@click.option("--findings", type=_OUT, help="write every row concerned to this CSV file", metavar="OUT.csv")
@click.option("--html", type=_OUT, help="write a page to pass round to this file", metavar="OUT.html")
def replay(file: Path, pack_name: str, as_json: bool, findings: Path | None, html: Path | None) -> None:
    """Show what a policy would have blocked, paused or marked in FILE, a CSV export from Stripe.

    Exit 0; 2 for a file, or a policy, that cannot be read, with line and column.
    """
    from axiru.errors import AxiruError  # noqa: PLC0415
    from policies.history import HistoryInvalid  # noqa: PLC0415
    from policies.history import replay as run  # noqa: PLC0415
    from policies.history.findings_csv import findings_csv  # noqa: PLC0415
    from policies.history.page import report_page  # noqa: PLC0415
    from policies.history.told import report_json  # noqa: PLC0415

    policy = _policy(pack_name)
    try:
        with file.open("rb") as source, _progress(file, source.tell) as progress, _nothing_collected():
            report = run(source, policy, progress=progress)
    except HistoryInvalid as invalid:
        _refuse(f"{file}:{invalid.line}:{invalid.column}: {invalid}")
    except AxiruError as error:
        _refuse(error.message)
    except OSError as error:
        _refuse(f"{file} cannot be read: {error.strerror}.")
    if findings is not None:
        _write(findings, findings_csv(report.findings))
    if html is not None:
        _write(html, report_page(report, title=file.name))
    if as_json:
        click.echo(report_json(report))
    else:
        _print(report, file, findings)


def _policy(name: str) -> "Policy":
    """The pack of that name, or the policy in that file; exits with 2 if it cannot be had."""
    from policies import PackUnknown, PolicyInvalid, format_of, pack, parse, read  # noqa: PLC0415

    path = Path(name)
    try:
        if not path.suffix and not path.is_file():
            return parse(pack(name))
        return read(path.read_text("utf-8"), format_of(path.name)).policy
    except PackUnknown as error:
        _refuse(f"{error.message[0].upper()}{error.message[1:]}.")
    except PolicyInvalid as invalid:
        _refuse("\n".join(f"{name}:{error}" for error in invalid.errors))
    except OSError as error:
        _refuse(f"{name} cannot be read: {error.strerror}.")
    except UnicodeDecodeError as error:
        _refuse(f"{name} is not UTF-8: byte {error.start}.")


@contextmanager
def _nothing_collected() -> Iterator[None]:
    """What a replay makes stays until its end, none of it in circles; looking for some takes a quarter of the time."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


@contextmanager
def _progress(file: Path, position: Callable[[], int]) -> "Iterator[Progress]":
    """A bar on standard error while somebody looks at it, and nothing in pipes and files."""
    from rich.console import Console  # noqa: PLC0415
    from rich.progress import BarColumn, TaskProgressColumn, TextColumn, TimeRemainingColumn  # noqa: PLC0415
    from rich.progress import Progress as Bar  # noqa: PLC0415

    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Bar(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("Reading", total=file.stat().st_size)

        def told(stage: "Stage", done: int, of: int | None) -> None:
            if stage == "reading":
                bar.update(task, completed=position())
            else:
                bar.update(task, description="Deciding", completed=done, total=of)

        yield told


def _print(report: "Report", file: Path, findings: Path | None) -> None:
    from rich.console import Console  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    from policies.history.told import money  # noqa: PLC0415

    console = Console()
    span = f", {report.since[:10]} to {report.until[:10]}" if report.since and report.until else ""
    click.echo(f"{file}: {report.rows:,} rows, {report.refunds:,} refunds{span}, through {report.policy}")
    table = Table()
    table.add_column("Outcome")
    table.add_column("Refunds", justify="right")
    table.add_column("Amount", justify="right")
    for label, total in _outcomes(report):
        amount = "\n".join(money(units, currency) for currency, units in total.amount.items())
        table.add_row(label, f"{total.count:,}", amount)
    console.print(table)
    if report.findings:
        rows = Table(title="Refunds concerned", title_justify="left")
        for name in ("Line", "Refund", "Outcome", "Amount", "Rule", "Why"):
            rows.add_column(name, justify="right" if name in {"Line", "Amount"} else "left", overflow="fold")
        for each in report.findings[:_SHOWN_FINDINGS]:
            told = money(each.amount_cents, each.currency)
            cells = (str(each.line), each.id, each.outcome, told, each.rule or "default", each.message)
            rows.add_row(*(Text(_printable(cell)) for cell in cells))
        console.print(rows)
    if (more := len(report.findings) - _SHOWN_FINDINGS) > 0:
        where = f"in {findings}" if findings else "with --findings OUT.csv or --json"
        click.echo(f"… and {more:,} more, {where}.")
    if report.not_evaluable:
        click.echo(f"Not evaluable from this file: {', '.join(report.not_evaluable)}")
    for caveat in report.caveats:
        click.echo(caveat)
    if report.ignored_columns:
        click.echo(f"Columns not understood, and not needed: {_printable(', '.join(report.ignored_columns))}")


def _outcomes(report: "Report") -> "tuple[tuple[str, Total], ...]":
    return (
        ("blocked", report.blocked),
        ("paused for approval", report.paused),
        ("allowed", report.allowed),
        ("  of these, policy drift", report.drift),
    )


def _printable(text: str) -> str:
    """A cell of a stranger's file must not steer the terminal it is shown on."""
    return "".join(character if character.isprintable() else "�" for character in text)


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, "utf-8", newline="")
    except OSError as error:
        _refuse(f"{path} cannot be written: {error.strerror}.")


def _refuse(sentence: str) -> NoReturn:
    click.echo(sentence, err=True)
    sys.exit(BAD_FILE)
