"""From what policy and controls say to what is answered. Pure."""

import hashlib
from collections.abc import Iterable
from typing import Any, NamedTuple

from axiru.domain.control import ControlHit
from axiru.domain.decision import Advisory, DecisionState
from axiru.domain.evaluation import Evaluation, Outcome
from ledger.acts.standing import Standing, VersionInForce
from ledger.entry import canonical_json


class Ruling(NamedTuple):
    """What is answered, after controls and the surface's mode have had their say over the evaluation."""

    outcome: Outcome
    state: DecisionState
    reason: str
    message: str
    matched_rule: str
    advisory: Advisory | None


class Evaluated(NamedTuple):
    """One version's word on the request."""

    version: VersionInForce
    evaluation: Evaluation

    @property
    def matched_rule(self) -> str:
        matched = self.evaluation.matched_rule_id is not None
        return f"policy:{self.version.slug}:v{self.version.version}" if matched else "default_allow"

    @property
    def message(self) -> str:
        """What people read; the agent is named where the word is about one above the one that asks."""
        said = self.evaluation
        if not said.judged_as:
            return said.message
        return f"{said.message.removesuffix('.')} (judged as {said.judged_as}, above the agent that asks)"


def severest(words: Iterable[Evaluated]) -> Evaluated | None:
    """The word that counts where several active policies cover one movement: deny over review over allow."""
    return min(words, key=lambda word: (word.evaluation.outcome.rank, word.version.slug), default=None)


def rule(live: Evaluated | None, control: ControlHit | None, standing: Standing) -> Ruling:
    """Controls bind in shadow too. A surface without an active policy denies. Shadow allows, and advises."""
    judged = _judged(live, control)
    if control is not None or standing.surface_mode == "enforce":
        return judged
    advisory = _advisory(judged, live)
    if judged.outcome is Outcome.ALLOW:
        return judged._replace(advisory=advisory)
    message = "This surface is in shadow: the decision is recorded and nothing is stopped."
    return Ruling(Outcome.ALLOW, "allowed", "surface_in_shadow", message, "default_allow", advisory)


def rule_alone(live: Evaluated | None, control: ControlHit | None, standing: Standing) -> Ruling:
    """Of what Axiru itself asks for before a deadline passes: as ever, but that it does not wait for people."""
    ruling = rule(live, control, standing)
    if ruling.outcome is not Outcome.REVIEW:
        return ruling
    message = "People would have to approve this, and the deadline does not wait for them."
    return ruling._replace(outcome=Outcome.ALLOW, state="allowed", reason="deadline_first", message=message)


def rule_authorization(live: Evaluated | None, control: ControlHit | None, standing: Standing) -> Ruling:
    """Of what an agent asks for: what was evaluated is answered in shadow too, where nobody is asked to approve."""
    judged = _judged(live, control)
    if control is not None or standing.surface_mode == "enforce":
        return judged
    advised = judged._replace(advisory=_advisory(judged, live))
    if judged.outcome is not Outcome.REVIEW:
        return advised
    message = "People would have to approve this; in shadow nobody is asked, and no token is issued."
    return advised._replace(state="denied", message=message)


def rule_observed(live: Evaluated | None, control: ControlHit | None) -> Ruling:
    """Of what was made without asking: nothing can be stopped any more; what would have been said is the advice."""
    message = "Seen on Stripe without ever having asked: it is recorded, with what policy would have said."
    advisory = _advisory(_judged(live, control), live)
    return Ruling(Outcome.ALLOW, "allowed", "observed_on_stripe", message, "default_allow", advisory)


def _judged(live: Evaluated | None, control: ControlHit | None) -> Ruling:
    """What enforcement says."""
    if control is not None:
        return Ruling(Outcome.DENY, "denied", control.reason, control.message, control.rule, None)
    if live is None:
        message = "No active policy covers this kind of movement."
        return Ruling(Outcome.DENY, "denied", "no_active_policy", message, "default_allow", None)
    said = live.evaluation
    return Ruling(said.outcome, _STATE_OF[said.outcome], said.reason, live.message, live.matched_rule, None)


def _advisory(judged: Ruling, live: Evaluated | None) -> Advisory:
    version = f"v{live.version.version}" if live else None
    return Advisory(judged.outcome, judged.reason, judged.matched_rule, version)


_STATE_OF: dict[Outcome, DecisionState] = {
    Outcome.ALLOW: "allowed",
    Outcome.REVIEW: "pending_approval",
    Outcome.DENY: "denied",
}


def execution_digest(data: dict[str, Any]) -> str:
    """SHA-256 (hex) of exactly what would be executed, taken of an entry's `data`: what every vote is bound to."""
    bound = {name: data[name] for name in ("decision_id", "ovt", "call")}
    # An entry without personal values has no member for them.
    bound["personal"] = data.get("personal", {})
    return hashlib.sha256(canonical_json(bound)).hexdigest()
