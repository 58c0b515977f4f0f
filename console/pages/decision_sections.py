"""The parts of the decision page: each shows one thing a reader of a decision asks for."""

import json
from typing import Any

import msgspec

from axiru.domain.call_words import call_sentence
from axiru.domain.execution import StripeCall
from axiru.domain.movement import Amount, Ovt
from console.api_errors import ApiAnswerUnreadable
from console.authorization_views import is_authorization
from console.authorization_words import TOKEN_KINDS, token_event
from console.components.code_value import code_block, code_value
from console.components.diff import DiffRow, diff_table
from console.components.disclosure import more
from console.components.icon import icon
from console.components.key_value import fact, key_value, key_values
from console.components.money import amount_text, decimal_text
from console.components.text import Text, block
from console.components.timeline import timeline
from console.components.timestamp import Timestamp
from console.detail_views import DecisionDetail, Observed
from console.pages.decision_authorization import READ_BY_AXIRU
from console.views import Execution, LedgerEntryView


def asked(decision: DecisionDetail) -> None:
    ovt = decision.ovt
    Text("h2", "What was seen" if decision.bypass else "What was asked")
    with block("div", "panel-body"), key_values("key-values-two"):
        key_value("Amount", amount_text(ovt.amount))
        key_value("Movement", f"{ovt.rail}.{ovt.rail_action}")
        for name, value in _target(ovt):
            key_value(name, value)
        key_value("Customer", ovt.context.customer_id)
        key_value("Tenure", _days(ovt.context.customer_tenure_days))
        key_value("Reason given", ovt.context.reason_code)
        key_value("Source", ovt.context.source)
        key_value("Stripe connection", ovt.merchant.stripe_connection_id)
        if ovt.merchant.stripe_account_id:
            key_value("Stripe account", ovt.merchant.stripe_account_id)
        if not decision.bypass:
            key_value("Executed by", "Axiru" if ovt.execute == "axiru" else "the caller")


def said_by_caller(ovt: Ovt) -> None:
    """Names chosen by the caller stand apart: one called “Amount” must not pass for the amount."""
    read = READ_BY_AXIRU if is_authorization(ovt) else frozenset()
    said = {name: plain(value) for name, value in ovt.context.extra.items() if name not in read}
    texts = {**said, **ovt.metadata}
    if not texts:
        return
    with block("div", "panel-body"), block("div", "said-by-caller"):
        Text("p", "Metadata, as the caller wrote it")
        with key_values("key-values-wide"):
            for name, text in texts.items():
                key_value(name, text)


def execution(decision: DecisionDetail) -> None:
    begun = decision.execution.status is not None
    Text("h2", "On Stripe" if decision.bypass else "The call to Stripe" if begun else "What Stripe will be told")
    call = sealed_call(decision)
    with block("div", "panel-body"):
        if call is not None:
            Text("p", call_sentence(call))
            diff_table(
                "Asked and executed, side by side",
                "Call" if begun else "Would be executed",
                compared(decision.ovt, call),
            )
            with more("The exact call to Stripe"):
                code_block(call_text(call), "call")
        elif decision.bypass:
            Text("p", "It was made there, not by Axiru and not after asking.", "muted")
        elif decision.execution.by == "caller":
            Text("p", "The caller executes: Axiru decides and calls nobody.", "muted")
        else:
            Text("p", f"Axiru executes on {decision.stripe_connection_id or 'the default connection'}.", "muted")
        with key_values("key-values-wide"):
            if decision.approval is not None:
                with fact("Digest"):
                    code_value(decision.approval.digest, "digest")
            _result(decision.execution)
            if decision.observed is not None:
                _observed(decision.observed, known=decision.execution.stripe_object_id)


def _result(result: Execution) -> None:
    if result.status is not None:
        key_value("Status", f"{result.status}, {result.attempts} {'attempt' if result.attempts == 1 else 'attempts'}")
    if result.stripe_object_id:
        with fact("On Stripe"):
            code_value(result.stripe_object_id, "Stripe id")
    if result.error is not None:
        key_value("Error", result.error.message or result.error.code)


def _observed(observed: Observed, *, known: str | None) -> None:
    """What Stripe itself says of it, whoever made the call; `known` is the id that is told already."""
    with fact("Seen on Stripe"):
        if observed.stripe_object_id != known:
            code_value(observed.stripe_object_id, "Stripe id seen")
            Text("span", " ")
        Text("span", observed.status or "")
        if observed.observed_at is not None:
            # The status is the newest one; the time is that of the first.
            Text("span", ", first seen " if observed.status else "first seen ")
            Timestamp(observed.observed_at)
        Text("p", observed.why, "muted")


def sealed_call(decision: DecisionDetail) -> StripeCall | None:
    """The call as the decision's own ledger entry holds it; None where the caller executes.

    Raises ApiAnswerUnreadable for one this console cannot read: better no page than a wrong one under a vote.
    """
    sealed: dict[str, Any] = next((entry.body["data"] for entry in decision.ledger if entry.kind == "decision"), {})
    try:
        return msgspec.convert(sealed.get("call"), StripeCall | None)
    except msgspec.ValidationError as error:
        raise ApiAnswerUnreadable("The sealed call to Stripe could not be read.", cause=str(error)) from error


def compared(ovt: Ovt, call: StripeCall) -> list[DiffRow]:
    """What was asked beside the call's parameters, in the units of both."""
    parameters = {name: value for name, value in call.parameters.items() if name != "metadata"}
    rows = [
        DiffRow("amount", _units(ovt.amount.units, ovt.amount), _units(_parameter(parameters, "amount"), ovt.amount)),
        *_targets(ovt, parameters),
        DiffRow("reason", ovt.context.reason_code, _parameter(parameters, "reason")),
        DiffRow("account", ovt.merchant.stripe_account_id, call.stripe_account_id),
    ]
    rows += [DiffRow(name, None, plain(value)) for name, value in sorted(parameters.items())]
    return [row for row in rows if row.asked is not None or row.executed is not None]


def _targets(ovt: Ovt, parameters: dict[str, Any]) -> list[DiffRow]:
    """What the call acts on, and its currency where the call names one: Stripe takes a refund's from its charge."""
    target = ovt.target
    source = "source_transaction" if "source_transaction" in parameters else "charge"
    asked = {
        source: target.charge,
        "payment_intent": target.payment_intent,
        "destination": target.destination,
        "payout": target.payout,
        "transfer": target.transfer,
        "application_fee": target.application_fee,
        "dispute": target.dispute,
        "packet": target.packet,
        "digest": target.packet_digest,
    }
    if "currency" in parameters:
        asked["currency"] = ovt.amount.asset
    return [DiffRow(name, value, _parameter(parameters, name)) for name, value in asked.items()]


def _parameter(parameters: dict[str, Any], name: str) -> str | None:
    value = parameters.pop(name, None)
    return None if value is None else plain(value)


def _units(units: str | None, amount: Amount) -> str | None:
    """Minor units as they are sent, and what they are worth to a reader."""
    if units is None or not units.isdecimal():
        return units
    return f"{units} = {decimal_text(int(units), amount.exponent)} {amount.asset.upper()}"


def call_text(call: StripeCall) -> str:
    lines = [f"{call.operation}  on {call.stripe_connection_id} for {call.stripe_account_id}"]
    return "\n".join([*lines, json.dumps(call.parameters, indent=2, ensure_ascii=False)])


def facts(decision: DecisionDetail) -> None:
    Text("h2", "Facts")
    with block("div", "panel-body"), key_values():
        with fact("Decision"):
            code_value(decision.decision_id, "decision id")
        with fact("Received"):
            Timestamp(decision.received_at, "full")
        if decision.requested_by is not None:
            label = "With a key of" if is_authorization(decision.ovt) else "Requested by"
            key_value(label, "nobody" if decision.bypass else decision.requested_by.shown)
        with fact("Initiator"):
            Text("code", decision.ovt.initiator.id)
        key_value("Policy", decision.policy_name)
        stands = "not asked" if decision.bypass else decision.surface_mode
        key_value("Surface", f"{decision.rail}.{decision.rail_action}, {stands}")
        if decision.audit is not None:
            with fact("Sealed as"):
                code_value(decision.audit.ledger_id, "ledger id")


def happened(decision: DecisionDetail) -> None:
    Text("h2", "Timeline")
    with block("div", "panel-body"):
        timeline(
            event if event.kind not in TOKEN_KINDS else token_event(event, decision) for event in decision.timeline
        )


def ledger(decision: DecisionDetail) -> None:
    Text("h2", "Ledger entries")
    for entry in decision.ledger:
        _entry(entry)


def _entry(entry: LedgerEntryView) -> None:
    with block("details", "entry"):
        with block("summary"):
            icon("chevron")
            Text("span", str(entry.seq), "entry-seq")
            Text("span", entry.kind)
            Text("code", entry.entry_hash[:16] + "…")
            Timestamp(entry.sealed_at)
        with key_values("key-values-wide"):
            for name, value in (
                ("Entry hash", entry.entry_hash),
                ("Previous hash", entry.prev_hash),
                ("Signature", entry.signature),
            ):
                with fact(name):
                    code_value(value, name.lower())
        code_block(json.dumps(entry.body, indent=2, ensure_ascii=False, sort_keys=True), "sealed body")


def plain(value: Any) -> str:
    """A fact as text: strings as they are, everything else as JSON."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _days(days: int | None) -> str | None:
    return None if days is None else f"{days} day" if days == 1 else f"{days} days"


def _target(ovt: Ovt) -> list[tuple[str, str | None]]:
    named = {
        "Charge": ovt.target.charge,
        "Payment intent": ovt.target.payment_intent,
        "Destination": ovt.target.destination,
        "Payout": ovt.target.payout,
        "Transfer": ovt.target.transfer,
        "Dispute": ovt.target.dispute,
        "Application fee": ovt.target.application_fee,
    }
    return [(name, value) for name, value in named.items() if value is not None]
