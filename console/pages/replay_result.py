"""What a replay found, in the order in which people ask: how much money, by which rule, which rows."""

from collections.abc import Iterable
from typing import Final

from console.components.badge import Look, badge
from console.components.icon import icon
from console.components.money import money_text
from console.components.text import Text, block, link
from console.components.timestamp import Timestamp
from console.replay_views import FoundRow, Outcome, OutcomeChange, Replay, ReplayResult, RuleTotal, Total

OUTCOMES: Final[dict[Outcome, Look]] = {
    "blocked": Look("Blocked", "cross", "bad"),
    "paused": Look("Paused for approval", "clock", "waiting"),
    "drift": Look("Policy drift", "flag", "neutral"),
    "allowed": Look("Allowed", "check", "good"),
}


def totals(result: ReplayResult) -> None:
    """The four numbers, with their money."""
    with block("dl", "tiles"):
        for outcome, total in (
            ("blocked", result.blocked),
            ("paused", result.paused),
            ("drift", result.drift),
            ("allowed", result.allowed),
        ):
            _tile(OUTCOMES[outcome], total)  # type: ignore[index]
    counted = f"{result.refunds:,} {'movement was' if result.refunds == 1 else 'movements were'} judged"
    rows = f", of {result.rows:,} rows" if result.rows != result.refunds else ""
    Text("p", f"{counted}{rows}. Policy drift is a part of what is allowed.", "muted")


def _tile(look: Look, total: Total) -> None:
    with block("div", f"tile tile-{look.tone}"):
        with block("dt"):
            icon(look.icon)
            Text("span", look.label)
        with block("dd"):
            Text("span", f"{total.count:,}", "tile-count")
            for currency, amount in total.amount.items():
                Text("span", money_text(amount, currency), "money")


def reservations(replay: Replay, result: ReplayResult) -> None:
    """What the numbers do not say."""
    if result.not_evaluable:
        with block("div", "flag reserved"):
            icon("alert")
            with block("div"):
                Text(
                    "p",
                    "These rules ask for facts that the file cannot hold, so they took no part and nothing is counted "
                    "for them:"
                    if replay.source == "csv"
                    else "These rules ask for facts that were not stored, so they took no part:",
                )
                with block("p", "chips"):
                    for rule in result.not_evaluable:
                        Text("code", rule, "chip")
    for caveat in result.caveats:
        Text("p", caveat, "muted")
    if result.ignored_columns:
        Text("p", f"Columns that were not needed: {', '.join(result.ignored_columns)}.", "muted")


def changes(rows: tuple[OutcomeChange, ...]) -> None:
    """Of stored decisions: what would have been otherwise."""
    if not rows:
        return
    with block("table", "plain results"):
        Text("caption", "What would have been decided otherwise")
        _head("Was → becomes", "Decisions", "Money")
        with block("tbody"):
            for row in rows:
                with block("tr"):
                    with block("td"), block("span", "outcome-change"):
                        outcome_badge(row.was)
                        icon("arrow-right")
                        outcome_badge(row.becomes)
                    _numbers(row.count, row.amount)


def by_rule(rows: tuple[RuleTotal, ...]) -> None:
    if not rows:
        return
    with block("table", "plain results"):
        Text("caption", "By rule")
        _head("Rule", "Movements", "Money")
        with block("tbody"):
            for row in rows:
                with block("tr"):
                    with block("td"):
                        outcome_badge(row.outcome)
                        Text("code", row.rule or "the policy's default")
                        Text("span", row.message, "muted")
                    _numbers(row.count, row.amount)


def found_rows(replay: Replay, rows: Iterable[FoundRow]) -> None:
    """The rows concerned, one under the other."""
    compared = replay.source == "decisions"
    with block("table", "plain results found"):
        Text("caption", "The rows concerned", "visually-hidden")
        with block("thead"), block("tr"):
            for heading in ("Decision" if compared else "Row", "Outcome", "Why", "Amount"):
                Text("th", heading, "number" if heading == "Amount" else "").props["scope"] = "col"
        with block("tbody"):
            for row in rows:
                with block("tr"):
                    with block("td", "found-row"):
                        if compared:
                            link(row.id, f"/decisions/{row.id}", "mono")
                        else:
                            Text("code", row.id or "—")
                            Text("span", f"line {row.line}" if row.line else "", "muted")
                        if row.at is not None:
                            with block("span", "muted"):
                                Timestamp(row.at)
                    with block("td", "stacked found-outcome"):
                        outcome_badge(row.outcome)
                        if row.was is not None and row.was != row.outcome:
                            Text("span", f"was {OUTCOMES[row.was].label.lower()}", "muted")
                    with block("td", "found-why"):
                        Text("span", row.message or row.reason.replace("_", " "))
                        if row.rule:
                            Text("code", row.rule, "muted")
                    with block("td", "number found-amount"):
                        Text("span", money_text(row.amount_cents, row.currency), "money")


def outcome_badge(outcome: Outcome) -> None:
    look = OUTCOMES[outcome]
    badge(look.label, look.tone, look.icon)


def _head(*headings: str) -> None:
    with block("thead"), block("tr"):
        for place, heading in enumerate(headings):
            Text("th", heading, "number" if place else "").props["scope"] = "col"


def _numbers(count: int, amount: dict[str, int | str]) -> None:
    Text("td", f"{count:,}", "number")
    with block("td", "number"), block("span", "amounts"):
        for currency, units in amount.items():
            Text("span", money_text(units, currency), "money")
