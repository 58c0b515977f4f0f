"""Authorizations in words: what was answered, what became of the token."""

from collections.abc import Mapping
from typing import Final

import msgspec

from axiru.domain.decision import AuthorizationOutcome, authorization_outcome
from console.authorization_views import TokenState
from console.components.badge import Look
from console.components.money import amount_text, asset_amount
from console.detail_views import DecisionDetail
from console.views import TimelineEvent

TOKEN_KINDS: Final = frozenset({"token", "token_consumed", "token_settled"})

OUTCOME_LOOKS: Final[Mapping[AuthorizationOutcome, Look]] = {
    "allow": Look("Allow", "check", "good"),
    "deny": Look("Deny", "cross", "bad"),
    "quarantine": Look("Quarantine", "clock", "waiting"),
}
TOKEN_LOOKS: Final[Mapping[TokenState, Look]] = {
    "issued": Look("Token issued", "check", "good"),
    "consumed": Look("Token used", "check-circle", "done"),
    "settled": Look("Settled", "check-circle", "done"),
    "failed": Look("Settlement failed", "alert", "failed"),
    "revoked": Look("Its key was revoked", "alert", "failed"),
    "expired": Look("Token expired", "clock", "neutral"),
    "withheld": Look("Token withheld", "pause", "waiting"),
}
TOKEN_SENTENCES: Final[Mapping[TokenState, str]] = {
    "issued": "Nobody has used it yet.",
    "consumed": "It was used. What came of it has not been reported, so its budget stays reserved.",
    "settled": "It was used, and what was moved is committed to its budget.",
    "failed": "It was used, and nothing was moved: its budget was released.",
    "revoked": "Its key was revoked, so nobody may use it. Asked again, Axiru issues another if nothing forbids it.",
    "expired": "Nobody used it in time. Its budget stays reserved: whoever held it may have settled.",
    "withheld": "A control forbids the payment now, so it cannot be used.",
}


def outcome_of(decision: DecisionDetail) -> AuthorizationOutcome:
    """What the agent's backend is told now."""
    return authorization_outcome(decision.outcome, decision.state, decision.approval_id)


def no_token_sentence(decision: DecisionDetail) -> str:
    """Why there is no token."""
    outcome = outcome_of(decision)
    if outcome == "quarantine" and decision.surface_mode == "shadow":
        return "Enforced, people would be asked. In shadow nobody is, and no token is issued."
    return {
        "allow": "No token was fetched yet. It is issued when it is asked for, within 24 hours.",
        "deny": "No token was issued, so nothing may settle.",
        "quarantine": "People are asked first; there is no token before they have approved.",
    }[outcome]


def agreement_sentence(decision: DecisionDetail) -> str:
    """Whether the versions that looked on would have said the same."""
    count, agrees = decision.agreement.compared, decision.agreement.agrees
    if agrees is None:
        return "No version looked on."
    if count == 1:
        return "The version that looked on agrees." if agrees else "The version that looked on differs."
    return f"All {count} versions that looked on agree." if agrees else f"Some of {count} that looked on differ."


def token_event(event: TimelineEvent, decision: DecisionDetail) -> TimelineEvent:
    """A step of a token's life, with what was moved in the payment's own asset. Its id stands beside its times."""
    return msgspec.structs.replace(event, summary=_token_summary(event, decision))


def _token_summary(event: TimelineEvent, decision: DecisionDetail) -> str:
    token, amount = decision.token, decision.ovt.amount
    if event.kind == "token":
        return "A token was issued"
    if event.kind == "token_consumed":
        return "The token was used"
    if token is None or token.settled_units is None:
        return event.summary
    if token.settlement == "failed":
        return "Settlement reported as failed: nothing was moved"
    moved = asset_amount(int(token.settled_units), amount.asset)
    whole = int(token.settled_units) == amount.minor_units
    return f"Settled: {moved} was moved" if whole else f"Settled: {moved} of {amount_text(amount)} was moved"
