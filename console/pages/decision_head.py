"""The head of the decision page: how much, where it stands and why, and what stops it now."""

from axiru.domain.control import ControlHit
from console.components.badge import badge, state_badge
from console.components.icon import icon
from console.components.money import money
from console.components.text import Text, block, link
from console.components.wording import movement_name
from console.detail_views import DecisionDetail
from console.pages import decision_context as context
from console.views import Execution


def head(decision: DecisionDetail) -> None:
    """Amount, state and the reason in plain words."""
    with block("div", "headline"):
        money(decision.amount_cents, decision.currency, "money-large")
        state_badge(decision.state)
        if decision.mode == "test":
            badge("Test mode", "neutral")
        if decision.surface_mode == "shadow":
            badge("Shadow", "neutral", "eye")
        if decision.bypass:
            badge("Bypass", "waiting", "alert")
    with block("h1", "decision-title"):
        Text("span", movement_name(decision.rail_action))
        if decision.charge:
            Text("span", " of ")
            Text("code", decision.charge)
        if decision.customer_id:
            Text("span", " for ")
            Text("code", decision.customer_id)
    Text("p", _told(decision), "decision-reason")
    if decision.execution.error is not None and decision.execution.error.message:
        Text("p", f"Stripe: {decision.execution.error.message}", "refusal")
    # A hold has a banner of its own, with who and why and the way out.
    if decision.forbidden_by is not None and decision.forbidden_by.reason != "request_held":
        _forbidden(decision, decision.forbidden_by)


def _forbidden(decision: DecisionDetail, control: ControlHit) -> None:
    """A control has come into force since the decision: what it keeps from happening, whatever the state says."""
    with block("div", "flag forbidden", role="status"):
        icon("pause")
        with block("p"):
            Text("strong", f"{forbidden_text(control, decision.execution)}.")
            Text("span", " ")
            link("Controls", "/controls")
            Text("code", f" {control.control_id}")


def warnings(decision: DecisionDetail) -> None:
    for sentence in context.warnings(decision):
        with block("p", "flag forbidden"):
            icon("alert")
            Text("span", sentence)


def forbidden_text(control: ControlHit, execution: Execution) -> str:
    """`The kill switch is engaged: this will not be executed`: what stands, and what that means for this decision."""
    stands = control.message.partition(":")[0].rstrip(".")
    if execution.by == "caller":
        return f"{stands}: a caller that asks is told not to execute this"
    begun = execution.status is not None
    return f"{stands}: {'no further attempt will be made' if begun else 'this will not be executed'}"


def _told(decision: DecisionDetail) -> str:
    message = decision.message or decision.reason.replace("_", " ").capitalize()
    if decision.advisory is None:
        return message
    return (
        f"Decided in shadow, so the caller was told to go on. Enforced, the outcome would have been "
        f"“{decision.advisory.outcome}” ({decision.advisory.reason.replace('_', ' ')})."
    )
