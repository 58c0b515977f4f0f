"""An authorization as its caller is told it: `allow` with its token, `deny`, or `quarantine` while people decide."""

from datetime import UTC, datetime
from typing import Literal

import msgspec
from msgspec import UNSET, UnsetType

from api.intake.answer import Audit
from api.services import Services
from axiru.domain.authorization import TokenStatus, claims_of
from axiru.domain.control import ControlHit
from axiru.domain.decision import (
    AuthorizationOutcome,
    DecisionReceipt,
    DecisionState,
    SurfaceMode,
    authorization_outcome,
)
from axiru.domain.movement import Mode, Ovt
from ledger.acts.token import TokenStanding


class WithheldBy(msgspec.Struct, frozen=True):
    """The control that keeps a token from being given out, or the agent, mandate or policy that gives no leave now;
    `ledger` where the decision is not what was sealed."""

    control_id: str
    reason: str
    message: str
    kind: Literal["control", "agent", "mandate", "policy", "ledger"]


class AuthorizationAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The answer of `POST /api/v1/authorizations` and `GET /api/v1/authorizations/{decision_id}`.

    Only `outcome` allow can come with an `authorization_token`, and without one nothing may settle: `token_status` says
    why there is none. `reason` is prefixed with `axiru.` and the outcome.
    """

    outcome: AuthorizationOutcome
    decision_id: str
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
    ovt_fingerprint: str
    audit: Audit
    authorization_token: str | UnsetType = UNSET
    jti: str | UnsetType = UNSET
    expires_at: datetime | UnsetType = UNSET
    token_status: TokenStatus | UnsetType = UNSET
    withheld_by: WithheldBy | UnsetType = UNSET
    approval_id: str | UnsetType = UNSET
    approval_expires_at: datetime | UnsetType = UNSET
    cached: bool | UnsetType = UNSET


async def authorization_answer(
    told: DecisionReceipt,
    ovt: Ovt,
    fingerprint: str,
    standing: TokenStanding | None,
    services: Services,
    *,
    organization_id: str,
    cached: bool,
) -> AuthorizationAnswer:
    """`told` as it stands now, with the token that `standing` gives."""
    outcome = authorization_outcome(told.outcome, told.state, told.approval_id)
    token = standing.token if standing else None
    signed: str | UnsetType = UNSET
    if token is not None:
        claims = claims_of(
            token,
            ovt,
            issuer=services.settings.issuer,
            organization_id=organization_id,
            decision_id=told.decision_id,
            fingerprint=fingerprint,
            mode=told.mode,
        )
        signed = await services.token_signer.sign(claims, token.key_id)
    reason = f"axiru.{outcome}.{told.reason}"
    return AuthorizationAnswer(
        outcome=outcome,
        decision_id=told.decision_id,
        reason=reason,
        reason_code=reason,
        message=told.message,
        matched_rule=told.matched_rule,
        matched_rule_id=told.matched_rule_id,
        rule_kind=told.rule_kind,
        policy_version=told.policy_version,
        approver_role=told.approver_role,
        state=told.state,
        mode=told.mode,
        surface_mode=told.surface_mode,
        ovt_fingerprint=fingerprint,
        audit=Audit(told.logged_at, told.ledger_id),
        authorization_token=signed,
        jti=token.jti if token else UNSET,
        expires_at=token.expires_at.astimezone(UTC) if token else UNSET,
        token_status=standing.status if standing else UNSET,
        withheld_by=_withheld(standing.withheld_by) if standing else UNSET,
        approval_id=told.approval_id or UNSET,
        approval_expires_at=told.approval_expires_at or UNSET,
        cached=True if cached else UNSET,
    )


def _withheld(hit: ControlHit | None) -> WithheldBy | UnsetType:
    return WithheldBy(hit.control_id, hit.reason, hit.message, hit.kind) if hit else UNSET
