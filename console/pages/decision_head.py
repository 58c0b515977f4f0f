"""The head of the decision page: how much, where it stands and why, and what stops it now."""

from typing import Final

from axiru.domain.call_words import movement_title
from axiru.domain.control import ControlHit
from axiru.domain.movement import Ovt, Target
from console.authorization_views import TokenState, is_authorization
from console.authorization_words import TOKEN_LOOKS
from console.components.badge import UNDONE, badge, look_badge, look_of_decision
from console.components.icon import icon
from console.components.money import amount_text, in_short
from console.components.text import Text, block, link
from console.components.wording import movement_name, payment_name
from console.detail_views import DecisionDetail, Observed
from console.pages import decision_context as context
from console.pages.decision_authorization import paid_to
from console.pages.decision_sections import sealed_call
from console.views import Execution, StripeApproval

_NOT_USABLE: Final[frozenset[TokenState]] = frozenset({"expired", "revoked", "withheld"})
"""What `Allowed` alone would not tell of: nothing settles with such a token."""

_MOST_LARGE: Final = 36
"""Characters of an amount that have room in large figures; a longer one is whole among what was asked for."""

_STRIPE_WAITS: Final = "Stripe waits for a person to approve this in its dashboard."
STRIPE_APPROVAL_WORDS: Final = {
    "approved": "It was approved in Stripe's dashboard.",
    "succeeded": "It was approved in Stripe's dashboard, and Stripe has made it.",
    "not_shown": "Stripe asks its own people first, and does not show Axiru how that stands.",
    "rejected": "It was rejected in Stripe's dashboard.",
    "failed": "It was approved in Stripe's dashboard, and then failed there.",
    "canceled": "The request for approval was cancelled at Stripe.",
    "expired": "Nobody approved it in Stripe's dashboard in time.",
}


def head(decision: DecisionDetail) -> None:
    """Amount, state and the reason in plain words."""
    with block("div", "headline"):
        _amount(amount_text(decision.amount))
        look_badge(look_of_decision(decision))
        if decision.token is not None and decision.token.status in _NOT_USABLE:
            look_badge(TOKEN_LOOKS[decision.token.status])
        if decision.undo is not None and decision.undo.state == "succeeded":
            badge(UNDONE.label, UNDONE.tone, UNDONE.icon)
        if decision.mode == "test":
            badge("Test mode", "neutral")
        if decision.surface_mode == "shadow" and not decision.bypass:
            badge("Shadow", "neutral", "eye")
    _heading(decision)
    Text("p", _told(decision), "decision-reason")
    if decision.execution.error is not None and decision.execution.error.message:
        Text("p", f"Stripe: {decision.execution.error.message}", "refusal")
    if decision.bypass and decision.observed is not None:
        _observed(decision.observed)
    if decision.execution.stripe_approval is not None:
        _stripe_approval(decision.execution.stripe_approval)
    # A hold has a banner of its own, with who and why and the way out.
    if decision.forbidden_by is not None and decision.forbidden_by.reason != "request_held":
        _forbidden(decision, decision.forbidden_by)


def _amount(whole: str) -> None:
    shown = Text("span", in_short(whole, _MOST_LARGE), "money money-large")
    if len(whole) > _MOST_LARGE:
        shown.props["title"] = whole


def _heading(decision: DecisionDetail) -> None:
    with block("h1", "decision-title"):
        Text("span", title(decision))
        if decision.charge:
            Text("span", " of ")
            Text("code", decision.charge)
        elif is_authorization(decision.ovt):
            _agents_payment(decision.ovt)
        elif (about := acted_on(decision.ovt.target)) is not None:
            preposition, identifier = about
            Text("span", f" {preposition} ")
            Text("code", identifier)
        if decision.customer_id:
            Text("span", " for ")
            Text("code", decision.customer_id)


def title(decision: DecisionDetail) -> str:
    """`Reversing a transfer`: what the sealed call does; of a caller's own, what was asked for."""
    call = sealed_call(decision)
    taken_back = decision.ovt.target.payout or decision.ovt.target.transfer
    if call is None and taken_back is not None:
        return f"Taking back a {movement_name(decision.rail_action).lower()}"
    if is_authorization(decision.ovt):
        return payment_name(decision.rail, decision.rail_action)
    return movement_title(decision.rail_action, call)


def _agents_payment(ovt: Ovt) -> None:
    payee = paid_to(ovt)
    if payee is not None:
        Text("span", " to ")
        Text("code", payee)
    Text("span", " by ")
    Text("code", ovt.initiator.id)


def acted_on(target: Target) -> tuple[str, str] | None:
    """What a movement without a charge is about, with the word that leads to it."""
    named = (
        ("of", target.payout or target.transfer or target.application_fee or target.dispute or target.payment_intent),
        ("to", target.destination),
    )
    return next(((word, identifier) for word, identifier in named if identifier is not None), None)


def _observed(observed: Observed) -> None:
    """What was seen on Stripe, of a movement that Axiru was never asked about."""
    with block("div", "flag forbidden", role="note"):
        icon("eye")
        with block("p"):
            Text("strong", "Seen on Stripe as ")
            Text("code", observed.stripe_object_id)
            Text("span", f". {observed.why}")


def _stripe_approval(approval: StripeApproval) -> None:
    """Stripe itself waits for a person, by the account's own rules there; Axiru does not ask twice."""
    with block("div", "flag forbidden", role="status"):
        icon("clock")
        with block("p"):
            Text("strong", STRIPE_APPROVAL_WORDS.get(approval.status or "", _STRIPE_WAITS))
            Text("span", " The call is not repeated; Axiru looks how it ends. ")
            if (approval.dashboard_url or "").startswith("https://"):
                anchor = link("Open it at Stripe", approval.dashboard_url or "")
                anchor.props["rel"] = "noopener noreferrer"
                anchor.props["target"] = "_blank"
            Text("code", f" {approval.id}")


def _forbidden(decision: DecisionDetail, control: ControlHit) -> None:
    """A control has come into force since the decision: what it keeps from happening, whatever the state says."""
    with block("div", "flag forbidden", role="status"):
        icon("pause")
        with block("p"):
            Text("strong", f"{stopped_text(decision, control)}.")
            Text("span", " ")
            link("Controls", "/controls")
            Text("code", f" {control.control_id}")


def stopped_text(decision: DecisionDetail, control: ControlHit) -> str:
    """What a control that came into force since means for this decision."""
    if is_authorization(decision.ovt):
        given = "its token cannot be used" if decision.token is not None else "no token is given"
        return f"{control.message.partition(':')[0].rstrip('.')}: {given}"
    return forbidden_text(control, decision.execution)


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
    if is_authorization(decision.ovt):
        return f"{message.rstrip('.')}. The surface is in shadow: the agent's backend was told so, and is not bound."
    if decision.bypass:
        return (
            f"It never asked, so nothing was stopped. Enforced, the outcome would have been "
            f"“{decision.advisory.outcome}” ({decision.advisory.reason.replace('_', ' ')})."
        )
    return (
        f"Decided in shadow, so the caller was told to go on. Enforced, the outcome would have been "
        f"“{decision.advisory.outcome}” ({decision.advisory.reason.replace('_', ' ')})."
    )
