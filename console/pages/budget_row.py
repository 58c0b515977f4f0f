"""One budget: whose, by which rule, how full, and when something of it comes back."""

from typing import Final
from urllib.parse import urlencode

from axiru.domain.movement import Mode
from console.budget_views import Budget
from console.budget_words import PER_NAMES, amount_of, asset_name, consequence, standing, what_counts
from console.components.badge import badge
from console.components.key_value import fact
from console.components.text import Text, block, link
from console.components.timestamp import Timestamp

_LENGTH: Final = 1_000


def budget_row(budget: Budget, mode: Mode, alert_percent: int) -> None:
    shadow = budget.surface_mode == "shadow"
    with block("li", "budget budget-shadow" if shadow else "budget"):
        with block("div", "row-head"):
            _whose(budget)
            look = standing(budget, alert_percent)
            if look is not None:
                badge(look.label, look.tone, look.icon)
            if shadow:
                badge("Shadow, counted apart", "neutral", "eye")
            with block("span", "row-end budget-percent"):
                Text("span", f"{budget.used_percent:,} % used")
        _bar(budget, alert_percent)
        with block("dl", "budget-figures"):
            for name, units, key in (
                ("Committed", budget.committed_units, "committed"),
                ("Reserved", budget.reserved_units, "reserved"),
                ("Remaining", budget.remaining_units, ""),
                ("Ceiling", budget.ceiling_units, ""),
            ):
                with block("div", f"budget-key budget-key-{key}" if key else ""):
                    Text("dt", name)
                    Text("dd", amount_of(budget, units), "money")
            with fact("Next release"):
                if budget.next_release_at is None:
                    Text("span", "nothing to release", "absent")
                else:
                    Timestamp(budget.next_release_at, "distance")
        with block("p", "facts"):
            Text("span", f"{what_counts(budget)}. {consequence(budget)}.")
            if budget.asset is not None:
                Text("span", f"Counts {asset_name(budget.asset)} only: nothing else that moves is under this ceiling.")
            if budget.when_else:
                Text("span", f"Only for movements {', '.join(budget.when_else)}.")
            with block("span"):
                link(budget.rule_id, f"/policies/{budget.policy}?v={budget.version}&mode={mode}")
                Text("span", f" of {budget.policy}, version {budget.version}")
            link("Decisions that count", decisions_of(budget, mode))


def decisions_of(budget: Budget, mode: Mode) -> str:
    """The queue with those that the window counts now, and no others."""
    of = {"window": budget.window, "subject": budget.subject or "", "surface": budget.surface_mode}
    return f"/?{urlencode({'mode': mode, **of})}"


def _whose(budget: Budget) -> None:
    Text("span", PER_NAMES[budget.per], "budget-per")
    if budget.subject is None:
        Text("strong", "All of it together")
        return
    if budget.subject_name:
        Text("strong", budget.subject_name)
    Text("code", budget.subject, "chip")


def _bar(budget: Budget, alert_percent: int) -> None:
    """Committed, reserved and left as parts of one line; the figures below say the same."""
    # Full is full: what went past the ceiling does not squeeze the parts, which stand in their proportion.
    whole = max(int(budget.ceiling_units), int(budget.used_units), 1)
    committed = _LENGTH * int(budget.committed_units) // whole
    reserved = _LENGTH * int(budget.reserved_units) // whole
    ceiling = _LENGTH * int(budget.ceiling_units) // whole
    with block("svg", "budget-bar", viewBox=f"0 0 {_LENGTH} 10", preserveAspectRatio="none") as bar:
        bar.props["aria-hidden"] = "true"
        for name, start, length in (("committed", 0, committed), ("reserved", committed, reserved)):
            block("rect", f"budget-{name}", x=str(start), y="0", width=str(length), height="10")
        for name, at in (("alert", ceiling * alert_percent // 100), ("ceiling", ceiling)):
            if 0 < at < _LENGTH:
                block("line", f"budget-{name}", x1=str(at), x2=str(at), y1="0", y2="10")
