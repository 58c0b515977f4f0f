"""The table that is printed."""

from collections.abc import Sequence

from rich.table import Table

from axiru.contract_suite.verdict import Row


def table_of(rows: Sequence[Row]) -> Table:
    """One line a request, a rule between two windows."""
    table = Table(title="Fail-closed contract", title_justify="left")
    for heading in ("cut", "surface", "action", "executes", "caller was told", "calls", "after healing", "verdict"):
        table.add_column(heading, justify="right" if heading == "calls" else "left", overflow="fold")
    for number, row in enumerate(rows):
        last_of_window = number + 1 == len(rows) or _window(rows[number + 1]) != _window(row)
        table.add_row(
            f"{row.part} {row.manner}",
            row.surface_mode,
            row.action,
            row.execute,
            _told(row),
            str(row.calls_while_cut),
            _after(row),
            f"[red]{'; '.join(row.faults)}[/red]" if row.faults else "[green]holds[/green]",
            end_section=last_of_window,
        )
    return table


def summary_of(rows: Sequence[Row]) -> str:
    """One sentence for the end."""
    broken = sum(bool(row.faults) for row in rows)
    calls = sum(row.calls_while_cut for row in rows)
    allowed = sum(row.surface_mode == "enforce" and row.told.may_execute and not row.told.degraded for row in rows)
    return f"{len(rows)} requests: {calls} calls to Stripe and {allowed} allows on an enforced action while cut; " + (
        "the contract holds." if not broken else f"{broken} rows break the contract."
    )


def _window(row: Row) -> tuple[str, str, str]:
    return row.part, row.manner, row.surface_mode


def _told(row: Row) -> str:
    by_axiru = row.execute == "axiru" and row.surface_mode == "enforce" and row.told.reachable
    return f"{row.told.outcome}: Axiru will execute" if by_axiru and row.told.outcome == "allow" else row.told.words


def _after(row: Row) -> str:
    if row.surface_mode == "shadow":
        return "—"
    calls = f", {row.calls_after} call" if row.execute == "axiru" else ""
    leaves = ", token used" if row.leaves_while_cut + row.leaves_after else ""
    return f"{row.outcome_after or 'no answer'}{calls}{leaves}"
