"""Hold: one decision stands still until it is released. People may go on voting; nothing is executed meanwhile.

The hold itself is a control, engaged and lifted as all of them are; here is what it does to its decision.
"""

from typing import Final, Literal

import msgspec

from axiru.database import row, rows
from axiru.domain.approval import ApprovalState
from axiru.domain.authorization import ENDPOINT as AUTHORIZATIONS
from axiru.domain.control import AppliesTo
from axiru.domain.execution import Objection
from axiru.domain.movement import Mode
from axiru.errors import AxiruError
from ledger.acts.chain import Act
from ledger.acts.recheck import objection_to


class DecisionUnknown(AxiruError):
    """There is no such decision in this organization and mode."""

    code = "not_found"


class NotHoldable(AxiruError):
    """The decision's state does not allow a hold; `state` says which it is."""

    code = "conflict"


class Released(msgspec.Struct, frozen=True):
    """The state that a held decision would have without its hold, and what forbids it now if that is a denial."""

    decision_id: str
    state: str
    objection: Objection | None = None


async def approval_outcome(decision_id: str) -> ApprovalState | Literal["held"] | None:
    """Where the approval of a decision leaves it: approved may still be held, or denied because of what came since.

    None where nobody was asked.
    """
    found = await row(
        "SELECT a.state, d.state AS decision_state FROM approvals a JOIN decisions d ON d.id = a.decision_id "
        "WHERE a.decision_id = {}",
        decision_id,
    )
    if found is None:
        return None
    approved_but = found["state"] == "approved" and found["decision_state"] in {"held", "denied"}
    outcome: ApprovalState | Literal["held"] = found["decision_state"] if approved_but else found["state"]
    return outcome


async def mode_to_hold_in(decision_id: str, organization_id: str, applies_to: AppliesTo) -> Mode:
    """The mode of the decision that is to be held. Raises DecisionUnknown, also where `applies_to` leaves it out."""
    found = await row("SELECT mode FROM decisions WHERE id = {} AND organization_id = {}", decision_id, organization_id)
    if found is None or applies_to not in {found["mode"], "both"}:
        raise DecisionUnknown("There is no such decision.")
    mode: Mode = found["mode"]
    return mode


async def check_holdable(decision_id: str) -> None:
    """Within the act that is to hold a decision. Raises NotHoldable."""
    found = await row("SELECT state, execute, surface_mode FROM decisions WHERE id = {}", decision_id)
    if found is None:
        raise DecisionUnknown("There is no such decision.")
    state, by_axiru = found["state"], found["execute"] == "axiru"
    if found["surface_mode"] == "shadow":
        raise NotHoldable("This was decided in shadow: its caller was told to go on.", state=state)
    if state in {"allowed", "approved"} and not by_axiru:
        raise NotHoldable(f"The caller was told that this is {state}; it can no longer be held.", state=state)
    if state not in {"pending_approval", "allowed", "approved", "executing"}:
        raise NotHoldable(f"This decision is {state}; there is nothing to hold.", state=state)


async def hold(holding: Act, decision_id: str) -> None:
    """Within the act that has sealed the control: the decision is held."""
    await set_state(holding, decision_id, "held")


async def state_behind(releasing: Act, decision_id: str) -> Released:
    """Where a decision stands without its hold. What a caller would now be told is approved is checked again first."""
    found = await row(
        """
        SELECT d.execute, a.state AS approval_state, x.state AS execution_state FROM decisions d
        LEFT JOIN approvals a ON a.decision_id = d.id LEFT JOIN executions x ON x.decision_id = d.id
        WHERE d.id = {}
        """,
        decision_id,
    )
    if found is None:
        raise DecisionUnknown("There is no such decision.")
    if found["execution_state"] is not None:
        return Released(decision_id, "executing")
    if found["approval_state"] != "approved":
        return Released(decision_id, "pending_approval" if found["approval_state"] else "allowed")
    objection = await objection_to(decision_id, releasing.now) if found["execute"] == "caller" else None
    return Released(decision_id, "denied" if objection else "approved", objection)


async def release(releasing: Act, released: Released, control_id: str) -> None:
    """Within the act that has sealed the lift: the decision goes on from where it would be; its workflow is told."""
    decision_id = released.decision_id
    await set_state(releasing, decision_id, released.state)
    if released.objection is not None:
        await deny(decision_id, released.objection)
    releasing.tell("release", {"decision_id": decision_id, "control_id": control_id})


async def deny(decision_id: str, objection: Objection) -> None:
    """Say why what was approved is denied, and give its budget back."""
    await rows(
        "UPDATE decisions SET reason = {}, message = {}, matched_rule = {} WHERE id = {}",
        objection.reason,
        objection.message,
        objection.matched_rule or "default_allow",
        decision_id,
    )
    await rows("UPDATE movements SET state = 'released' WHERE decision_id = {}", decision_id)


async def end_hold(ending: Act, decision_id: str, state: str) -> None:
    """Within the act that ends a decision: a hold on it is lifted, because there is nothing left to hold."""
    reason = f"The decision ended: {state}."
    found = await row(
        """
        UPDATE controls SET lifted_at = {}, lifted_reason = {}
        WHERE kind = 'hold' AND scope ->> 'decision_id' = {} AND lifted_at IS NULL RETURNING id
        """,
        ending.now,
        reason,
        decision_id,
    )
    if found is None:
        return
    ending.seal(
        "control",
        {
            "control_id": found["id"],
            "decision_id": decision_id,
            "kind": "hold",
            "action": "lift",
            "reason": reason,
            "member_id": None,
        },
    )
    ending.tell("control", {"control_id": found["id"], "kind": "hold", "in_force": False})


async def set_state(by: Act, decision_id: str, state: str) -> None:
    """Within an act: the decision is in this state from now on, and whoever listens is told.

    Once people have answered for an agent, its backend is told by a message of its own: to fetch the token or give up.
    """
    changed = await rows(
        "UPDATE decisions SET state = {}, updated_at = {} WHERE id = {} RETURNING endpoint", state, by.now, decision_id
    )
    by.tell("decision", {"decision_id": decision_id, "state": state})
    if state in _ANSWERED and any(decision["endpoint"] == AUTHORIZATIONS for decision in changed):
        by.tell("authorization", {"decision_id": decision_id, "state": state})


_ANSWERED: Final = frozenset({"approved", "denied", "expired"})
