"""A decision in a list, and the filters of that list."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, Literal

import msgspec

from api.errors import NotFound
from api.intake.answer import AdvisoryAnswer, Audit
from api.intake.vocabulary import OutcomeStyle, OutcomeWord, word
from api.views.decision_window import WindowView, WindowWanted
from api.views.execution import EXECUTION_COLUMNS, ExecutionView, execution_view
from api.views.observed import OBSERVED_COLUMNS, ObservedView, observed_view
from api.views.page import Cursor
from api.views.people import Person
from axiru.database import row, rows
from axiru.domain.decision import Advisory, DecisionState, SurfaceMode
from axiru.domain.evaluation import Outcome
from axiru.domain.movement import Amount, Execute, Mode


class CountsView(msgspec.Struct, frozen=True):
    """How a decision counts in windows: from when on, and as how much. Less than was asked for if less was settled."""

    state: Literal["reserved", "committed", "released"]
    units: str
    since: datetime


class DecisionView(msgspec.Struct, frozen=True, kw_only=True):
    """One decision: what was asked, what was said, how far it is now.

    `amount_cents` is null where `currency` names an asset that is no currency: `amount` says it in units of any size.
    `bypass`: nobody had asked, it was seen on Stripe. `observed` is what was seen there, asked for or not; it changes
    no state: what a caller executes stays `allowed` or `approved`. `counts` is null for what was denied at once.
    `counterparty_id` is who would be paid: whom the mandate names, or else the account or the id that was said.
    """

    decision_id: str
    mode: Mode
    state: DecisionState
    outcome: OutcomeWord
    reason: str
    reason_code: str
    message: str
    matched_rule: str
    matched_rule_id: str | None
    rule_kind: str | None
    policy_version: str | None
    approver_role: str | None
    approval_id: str | None
    surface_mode: SurfaceMode
    execute: Execute
    advisory: AdvisoryAnswer | None
    action: str
    rail: str
    rail_action: str
    amount_cents: int | None
    currency: str
    amount: Amount
    stripe_connection_id: str | None
    charge: str | None
    customer_id: str | None
    initiator_id: str
    counterparty_id: str | None
    source: str | None
    requested_by: Person
    bypass: bool
    observed: ObservedView | None
    counts: CountsView | None
    received_at: datetime
    decided_at: datetime
    updated_at: datetime
    audit: Audit
    execution: ExecutionView


class DecisionPage(msgspec.Struct, frozen=True):
    """`window` is what the window that was asked for holds, null without one."""

    items: list[DecisionView]
    next_cursor: str | None
    window: WindowView | None = None


class DecisionFilter(msgspec.Struct, frozen=True):
    """Every part narrows the list; None does not. `text` is looked for in ids, charge, customer, payee and reason.

    `disagrees`: whether some version that looked on would have said something else.
    `window`: those that count in it now.
    """

    state: DecisionState | None = None
    outcome: Outcome | None = None
    surface_mode: SurfaceMode | None = None
    source: str | None = None
    customer_id: str | None = None
    charge: str | None = None
    text: str | None = None
    disagrees: bool | None = None
    bypass: bool | None = None
    rail: str | None = None
    rail_action: str | None = None
    initiator_id: str | None = None
    window: WindowWanted | None = None


_PAYEE: Final = """
CASE WHEN r.ovt ->> 'mandate' IS NULL
    THEN coalesce(r.ovt -> 'counterparty' ->> 'stripe_account_id', r.ovt -> 'counterparty' ->> 'id')
    ELSE coalesce(r.ovt -> 'counterparty' ->> 'id', r.ovt -> 'counterparty' ->> 'stripe_account_id') END
"""
_SELECT: Final = f"""
SELECT d.*, (r.ovt -> 'amount' ->> 'exponent')::integer AS exponent, {_PAYEE} AS counterparty_id,
    m.name AS requested_by_name,
    w.state AS counts_state, w.units::numeric AS counts_units, w.moved_at AS counts_since,
    {EXECUTION_COLUMNS}, {OBSERVED_COLUMNS}
FROM decisions d
JOIN requests r ON r.decision_id = d.id
LEFT JOIN executions x ON x.decision_id = d.id
LEFT JOIN observed_movements o ON o.decision_id = d.id
LEFT JOIN movements w ON w.decision_id = d.id
LEFT JOIN members m ON m.id = d.requested_by
WHERE d.organization_id = {{}}
"""  # noqa: S608 - only constants of the API are spliced in
_TEXT_CONDITION: Final = (
    "strpos(lower(concat_ws(' ', d.id, d.approval_id, d.charge, d.customer_id, d.initiator_id, d.reason, d.source, "
    f"{_PAYEE})), lower({{}})) > 0"
)

_DISAGREES: Final = (
    "EXISTS (SELECT FROM shadow_results s WHERE s.decision_id = d.id AND s.organization_id = {} AND s.mode = {} "
    "AND NOT s.agrees)"
)


_EQUAL: Final = (
    *("state", "outcome", "surface_mode", "source", "customer_id", "charge", "bypass"),
    *("rail", "rail_action", "initiator_id"),
)


async def find_decisions(
    organization_id: str, mode: Mode, wanted: DecisionFilter, *, limit: int, after: Cursor | None, style: OutcomeStyle
) -> DecisionPage:
    """One page of an organization's decisions in one mode, newest first."""
    conditions = ["d.mode = {}"]
    arguments: list[Any] = [mode]
    for column in _EQUAL:
        if (value := getattr(wanted, column)) is not None:
            conditions.append(f"d.{column} = {{}}")
            arguments.append(value)
    if wanted.text:
        conditions.append(_TEXT_CONDITION)
        arguments.append(wanted.text)
    if wanted.disagrees is not None:
        conditions.append(_DISAGREES if wanted.disagrees else f"NOT {_DISAGREES}")
        arguments += [organization_id, mode]
    if wanted.window is not None:
        counted = wanted.window.counted(organization_id, mode)
        conditions.append(f"d.id IN (SELECT decision_id FROM movements WHERE {counted.sql})")  # noqa: S608 - conditions of constants
        arguments += counted.arguments
    if after is not None:
        conditions.append("(d.decided_at, d.id) < ({}::timestamptz, {}::text)")
        arguments += [after.at, after.id]
    found = await rows(
        f"{_SELECT} AND {' AND '.join(conditions)} ORDER BY d.decided_at DESC, d.id DESC LIMIT {{}}",
        organization_id,
        *arguments,
        limit + 1,
    )
    shown = found[:limit]
    more = Cursor(shown[-1]["decided_at"], shown[-1]["id"]).text() if len(found) > limit else None
    held = await wanted.window.held(organization_id, mode) if wanted.window is not None else None
    return DecisionPage([decision_view(decision, style) for decision in shown], more, held)


async def find_decision(decision_id: str, organization_id: str, mode: Mode | None) -> dict[str, Any]:
    """The row behind a `DecisionView`; `mode` None looks in both. Raises NotFound."""
    found = await row(f"{_SELECT} AND d.id = {{}}", organization_id, decision_id)
    if found is None or mode not in {None, found["mode"]}:
        raise NotFound
    return found


def decision_view(found: Mapping[str, Any], style: OutcomeStyle) -> DecisionView:
    action = "refund" if found["rail_action"] in {"credit", "adjustment"} else found["rail_action"]
    amount = Amount(str(found["amount_cents"]), found["currency"], found["exponent"])
    return DecisionView(
        **{name: found[name] for name in _PLAIN},
        decision_id=found["id"],
        outcome=word(found["outcome"], style),
        reason_code=found["reason"],
        advisory=_advisory(found["advisory"], style),
        action=action,
        amount=amount,
        amount_cents=amount.cents,
        requested_by=Person(found["requested_by"], found["requested_by_name"] or found["requested_by"]),
        audit=Audit(found["decided_at"], found["ledger_id"]),
        execution=execution_view(found),
        observed=observed_view(found),
        counts=_counts(found),
    )


_PLAIN: Final = (
    *("mode", "state", "reason", "message", "matched_rule", "matched_rule_id", "rule_kind", "policy_version"),
    *("approver_role", "approval_id", "surface_mode", "execute", "rail", "rail_action", "currency"),
    *("stripe_connection_id", "charge", "customer_id", "initiator_id", "counterparty_id", "source", "bypass"),
    *("received_at", "decided_at", "updated_at"),
)


def _counts(found: Mapping[str, Any]) -> CountsView | None:
    if found["counts_state"] is None:
        return None
    return CountsView(found["counts_state"], str(found["counts_units"]), found["counts_since"])


def _advisory(stored: str | None, style: OutcomeStyle) -> AdvisoryAnswer | None:
    if stored is None:
        return None
    said = msgspec.json.decode(stored, type=Advisory)
    return AdvisoryAnswer(word(said.outcome, style), said.reason, said.matched_rule, said.policy_version)
