"""A decision as it is told: to the caller, to the workflow, to the console."""

from datetime import datetime
from typing import Literal

import msgspec

from axiru.domain.authorization import Token
from axiru.domain.evaluation import Outcome
from axiru.domain.movement import Execute, Mode
from axiru.domain.notice import Notice

SurfaceMode = Literal["shadow", "enforce"]
DecisionState = Literal[
    "allowed",
    "denied",
    "pending_approval",
    "approved",
    "expired",
    "held",
    "executing",
    "executed",
    "execution_failed",
]

AuthorizationOutcome = Literal["allow", "deny", "quarantine"]

FINAL_STATES: frozenset[str] = frozenset({"denied", "expired", "executed", "execution_failed"})
"""Nothing changes any more, whoever executes."""


def is_settled(state: str, execute: str, surface_mode: str) -> bool:
    """Whether nothing more will happen by itself: what `?wait=` waits for. In shadow Axiru executes nothing."""
    return state in FINAL_STATES or (
        state in {"allowed", "approved"} and (execute == "caller" or surface_mode == "shadow")
    )


def authorization_outcome(outcome: str, state: DecisionState, approval_id: str | None) -> AuthorizationOutcome:
    """What an agent's backend is told of a decision: what people decided is the outcome of what was put to them."""
    match outcome, state:
        case "review", "approved" | "executed" | "execution_failed":
            return "allow"
        case "review", "denied" | "expired" if approval_id is not None:
            return "deny"
        case "review", _:
            return "quarantine"
        case "allow", _:
            return "allow"
        case _:
            return "deny"


class MovementInput(msgspec.Struct, frozen=True):
    """What a workflow is started with: ids only, so that its history holds nothing personal."""

    decision_id: str
    organization_id: str
    mode: Mode


class NoticeInput(msgspec.Struct, frozen=True):
    """One notice that is due in a movement's approval."""

    movement: MovementInput
    notice: Notice


class Advisory(msgspec.Struct, frozen=True):
    """What enforcement would have done, told on a surface in shadow."""

    outcome: Outcome
    reason: str
    matched_rule: str
    policy_version: str | None


class DecisionReceipt(msgspec.Struct, frozen=True):
    """The sealed answer. `outcome` is the policy's word; each door puts it into its own vocabulary.

    `approval_id` and `approval_expires_at` are set while people have to decide; `ledger_id` and `logged_at` name the
    entry that sealed it. `approval_notices` are what approvers, and those who may stand in for them, are told
    meanwhile. `token` is what an authorization was allowed with at once.
    """

    decision_id: str
    mode: Mode
    outcome: Outcome
    state: DecisionState
    reason: str
    message: str
    matched_rule: str
    surface_mode: SurfaceMode
    execute: Execute
    ledger_id: str
    logged_at: datetime
    matched_rule_id: str | None = None
    rule_kind: str | None = None
    policy_version: str | None = None
    approver_role: str | None = None
    approval_id: str | None = None
    approval_expires_at: datetime | None = None
    advisory: Advisory | None = None
    approval_notices: tuple[Notice, ...] = ()
    token: Token | None = None
