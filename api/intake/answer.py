"""A decision as its caller is told it, by either endpoint and in either vocabulary."""

from datetime import datetime

import msgspec
from msgspec import UNSET, UnsetType

from api.intake.decide import Decided
from api.intake.vocabulary import OutcomeStyle, OutcomeWord, word
from api.views.execution import ExecutionView
from axiru.domain.decision import DecisionReceipt, DecisionState, SurfaceMode
from axiru.domain.evaluation import Outcome
from axiru.domain.movement import Execute, Mode


class Audit(msgspec.Struct, frozen=True):
    """Where the ledger holds this decision."""

    logged_at: datetime
    ledger_id: str


class AdvisoryAnswer(msgspec.Struct, frozen=True):
    """What enforcement would have done; only on a surface in shadow."""

    outcome: OutcomeWord
    reason: str
    matched_rule: str
    policy_version: str | None


class DecisionAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The answer of `POST /api/v1/decisions`. `state` is the present one; everything else is as it was sealed."""

    decision_id: str
    outcome: OutcomeWord
    reason: str
    reason_code: str
    message: str
    matched_rule: str
    matched_rule_id: str | None
    rule_kind: str | None
    policy_version: str | None
    approver_role: str | None
    state: DecisionState
    mode: Mode
    surface_mode: SurfaceMode
    execute: Execute
    audit: Audit
    approval_id: str | UnsetType = UNSET
    approval_expires_at: datetime | UnsetType = UNSET
    advisory: AdvisoryAnswer | UnsetType = UNSET
    execution: ExecutionView | UnsetType = UNSET
    cached: bool | UnsetType = UNSET


class LandingDecision(msgspec.Struct, frozen=True, kw_only=True):
    """The inner part of `LandingAnswer`: `reason` is the sentence for people, `matched_rule` the rule's own id."""

    outcome: OutcomeWord
    reason: str
    reason_code: str
    policy_version: str | None
    matched_rule: str
    approver_role: str | None
    decision_id: str
    message: str
    state: DecisionState
    mode: Mode
    surface_mode: SurfaceMode
    audit: Audit
    approval_id: str | UnsetType = UNSET
    advisory: AdvisoryAnswer | UnsetType = UNSET


class LandingAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The answer of `POST /api/decision`. `intent_id` is the decision's id."""

    decision: LandingDecision
    intent_id: str
    received_at: datetime
    cached: bool | UnsetType = UNSET


def decision_answer(decided: Decided, style: OutcomeStyle, execution: ExecutionView | None = None) -> DecisionAnswer:
    told = told_now(decided)
    return DecisionAnswer(
        decision_id=told.decision_id,
        outcome=word(told.outcome, style),
        reason=told.reason,
        reason_code=told.reason,
        message=told.message,
        matched_rule=told.matched_rule,
        matched_rule_id=told.matched_rule_id,
        rule_kind=told.rule_kind,
        policy_version=told.policy_version,
        approver_role=told.approver_role,
        state=told.state,
        mode=told.mode,
        surface_mode=told.surface_mode,
        execute=told.execute,
        audit=Audit(told.logged_at, told.ledger_id),
        approval_id=told.approval_id or UNSET,
        approval_expires_at=told.approval_expires_at or UNSET,
        advisory=_advisory(told, style),
        execution=execution or UNSET,
        cached=True if decided.cached else UNSET,
    )


def landing_answer(decided: Decided, style: OutcomeStyle) -> LandingAnswer:
    told = told_now(decided)
    by_policy = told.matched_rule.startswith("policy:") and told.matched_rule_id is not None
    return LandingAnswer(
        decision=LandingDecision(
            outcome=word(told.outcome, style),
            reason=told.message,
            reason_code=told.reason,
            policy_version=told.policy_version,
            matched_rule=str(told.matched_rule_id) if by_policy else told.matched_rule,
            approver_role=told.approver_role,
            decision_id=told.decision_id,
            message=told.message,
            state=told.state,
            mode=told.mode,
            surface_mode=told.surface_mode,
            audit=Audit(told.logged_at, told.ledger_id),
            approval_id=told.approval_id or UNSET,
            advisory=_advisory(told, style),
        ),
        intent_id=told.decision_id,
        received_at=decided.received_at,
        cached=True if decided.cached else UNSET,
    )


def told_now(decided: Decided) -> DecisionReceipt:
    """The receipt; under a control that forbids it now, the denial which that control means."""
    if (hit := decided.forbidden) is None:
        return decided.receipt
    return msgspec.structs.replace(
        decided.receipt,
        outcome=Outcome.DENY,
        reason=hit.reason,
        message=hit.message,
        matched_rule=hit.rule,
        matched_rule_id=None,
        rule_kind=None,
    )


def _advisory(told: DecisionReceipt, style: OutcomeStyle) -> AdvisoryAnswer | UnsetType:
    if (advisory := told.advisory) is None:
        return UNSET
    return AdvisoryAnswer(
        word(advisory.outcome, style), advisory.reason, advisory.matched_rule, advisory.policy_version
    )
