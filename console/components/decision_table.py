"""The queue as a table: dense rows at a desk, two-line cards on a phone, the same keys in both."""

from collections.abc import Iterable
from typing import Any

import msgspec
from nicegui.element import Element

from console.components.badge import look_of_decision
from console.components.money import amount_text, in_short
from console.components.timestamp import utc_text
from console.components.wording import payment_name
from console.views import DecisionView


class DecisionTable(Element, component="decision_table.js"):
    """j/k and the arrows move, Enter opens; rows that were not there before are shown as new."""

    def __init__(self, caption: str) -> None:
        super().__init__()
        self.props["caption"] = caption
        self.props["rows"] = []

    def show(self, decisions: Iterable[DecisionView], *, counting: bool = False) -> None:
        """`counting`: what counts as less than was asked for says as how much."""
        self.props["rows"] = [_row(decision, counting) for decision in decisions]


def _row(decision: DecisionView, counting: bool) -> dict[str, Any]:
    look = look_of_decision(decision)
    amount = amount_text(decision.amount)
    return {
        "id": decision.decision_id,
        "href": f"/decisions/{decision.decision_id}",
        "at": utc_text(decision.received_at),
        "amount": in_short(amount),
        "whole": amount,
        "state": look.label,
        "icon": look.icon,
        "tone": look.tone,
        "movement": payment_name(decision.rail, decision.rail_action),
        "target": decision.charge or decision.counterparty_id,
        "marks": _marks(decision) + (_counted(decision) if counting else []),
        "customer": decision.customer_id or (decision.initiator_id if decision.rail != "stripe" else None),
        "why": _why(decision),
        "source": decision.source,
    }


def _marks(decision: DecisionView) -> list[dict[str, str]]:
    marks = []
    if decision.surface_mode == "shadow" and not decision.bypass:
        would = f" Enforced, it would have been: {decision.advisory.outcome}." if decision.advisory else ""
        told = "the caller was told to go on." if decision.rail == "stripe" else "the answer does not bind."
        marks.append({"label": "Shadow", "title": f"Decided in shadow: {told}{would}"})
    return marks


def _why(decision: DecisionView) -> str:
    if decision.bypass and decision.advisory is not None:
        return f"Never asked; policy would have said {decision.advisory.outcome}"
    return decision.message or decision.reason


def _counted(decision: DecisionView) -> list[dict[str, str]]:
    counts, asked = decision.counts, decision.amount
    if counts is None or counts.units == asked.units:
        return []
    counted = msgspec.structs.replace(asked, units=counts.units)
    return [{"label": f"Counts {amount_text(counted)}", "title": "What was settled counts, less than was asked for."}]
