"""Decisions by day as columns: those on which versions agree, and on top those on which they differ."""

from collections.abc import Sequence
from typing import Final

from console.agreement_views import AgreementOfDay
from console.components.disclosure import more
from console.components.text import Text, block
from console.stripe_words import percent_text

_HEIGHT: Final = 96
_MOST_NAMED: Final = 14
"""Of columns that have room for a name each."""


def day_chart(days: Sequence[AgreementOfDay]) -> None:
    """The columns are for the eye; the table below them says the same to everybody."""
    most = max((day.decisions for day in days), default=0) or 1
    many = len(days) > _MOST_NAMED
    with block("div", f"day-chart day-chart-{'long' if many else 'short'}", aria_hidden="true"):
        for day in days:
            _column(day, most)
    if many:
        with block("div", "day-ends", aria_hidden="true"):
            for day in (days[0], days[-1]):
                Text("span", _name(day), "day-name")
    with block("p", "share-words"):
        Text("span", "agree", "day-key day-key-agree")
        Text("span", "differ", "day-key day-key-differ")
    with more("Day by day in figures"), block("table", "plain days"):
        Text("caption", "Days in UTC")
        with block("thead"), block("tr"):
            for heading in ("Day", "Compared", "Differ", "Agree"):
                Text("th", heading, "" if heading == "Day" else "figure").props["scope"] = "col"
        with block("tbody"):
            for day in reversed(days):
                with block("tr"):
                    Text("td", f"{_name(day)} {day.date:%Y}")
                    Text("td", f"{day.decisions:,}", "figure")
                    Text("td", f"{day.decisions - day.agreed:,}", "figure")
                    Text("td", "—" if day.rate_percent is None else percent_text(day.rate_percent), "figure")


def _column(day: AgreementOfDay, most: int) -> None:
    # A day with anything on it shows something, however much there is on others.
    agreed = max(_HEIGHT * day.agreed // most, 2 if day.agreed else 0)
    differ = max(_HEIGHT * (day.decisions - day.agreed) // most, 3 if day.decisions > day.agreed else 0)
    with block("div", "day"):
        Text("span", "" if day.rate_percent is None else percent_text(day.rate_percent), "day-rate")
        with block("svg", "day-column", viewBox=f"0 0 10 {_HEIGHT}", preserveAspectRatio="none"):
            if not day.decisions:
                block("rect", "day-none", x="0", y=str(_HEIGHT - 1), width="10", height="1")
            top = max(_HEIGHT - agreed - differ, 0)
            block("rect", "day-differ", x="0", y=str(top), width="10", height=str(differ))
            block("rect", "day-agree", x="0", y=str(top + differ), width="10", height=str(agreed))
        Text("span", _name(day), "day-name")


def _name(day: AgreementOfDay) -> str:
    return f"{day.date.day} {day.date:%b}"
