"""What was asked beside what would be executed, row by row, with every difference said in words."""

from collections.abc import Sequence
from typing import NamedTuple

from console.components.text import Text, block


class DiffRow(NamedTuple):
    """One fact on both sides; None where a side does not have it."""

    name: str
    asked: str | None
    executed: str | None

    @property
    def differs(self) -> bool:
        return self.asked is not None and self.executed is not None and self.asked != self.executed


def diff_table(caption: str, executed: str, rows: Sequence[DiffRow], *, asked: str = "Asked") -> None:
    """`asked` and `executed` head the two sides."""
    with block("table", "diff"):
        Text("caption", caption, "visually-hidden")
        with block("thead"), block("tr"):
            for heading in ("", asked, executed):
                Text("th", heading).props["scope"] = "col"
        with block("tbody"):
            for row in rows:
                _row(row)


def _row(row: DiffRow) -> None:
    with block("tr", "diff-differs" if row.differs else ""):
        Text("th", row.name).props["scope"] = "row"
        _cell(row.asked)
        with block("td"):
            _value(row.executed)
            if row.differs:
                Text("span", "differs", "diff-mark")


def _cell(value: str | None) -> None:
    with block("td"):
        _value(value)


def _value(value: str | None) -> None:
    Text("span", "—" if value is None else value, "absent" if value is None else "")
