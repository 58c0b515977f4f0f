"""Grant: which kinds of movement Axiru may make on an account, whatever Stripe would let it do.

Stripe gives an app every permission of its manifest at once. What Axiru may write on an account is what an admin
granted here, action by action, where the action is enforced; nothing else is ever used.
"""

from typing import Final

from axiru.database import row, rows
from axiru.domain.movement import Mode
from axiru.errors import AxiruError
from ledger.acts.chain import act
from ledger.acts.connection_record import (
    WriteAction,
    check_active,
    check_reason,
    mode_of,
    read_connection,
    seal_change,
)
from ledger.acts.member_record import check_admin
from ledger.entry import EntrySigner

_RAIL: Final = "stripe"


class SurfaceNotEnforced(AxiruError):
    """A write scope is granted where the action is enforced, and nowhere else."""

    code = "conflict"


async def grant_action(
    connection_id: str, action: WriteAction, *, organization_id: str, member_id: str, reason: str, signer: EntrySigner
) -> None:
    """Let Axiru make this kind of movement on the account; what is granted already is not sealed again.

    Raises NotEligible, ReasonRequired, ConnectionNotFound, ConnectionNotActive, SurfaceNotEnforced.
    """
    check_reason(reason)
    async with act(signer, organization_id, await mode_of(connection_id, organization_id)) as granting:
        await check_admin(member_id, organization_id)
        found = await read_connection(connection_id)
        check_active(found)
        if action in found["write_actions"]:
            return
        if await surface_mode(connection_id, action, organization_id, granting.mode) != "enforce":
            raise SurfaceNotEnforced(
                f"stripe.{action} is not enforced for this connection. A write scope is granted where its action is "
                "enforced: set the surface first.",
                surface=f"{_RAIL}.{action}",
                surface_mode="shadow",
            )
        await _write(connection_id, sorted({*found["write_actions"], action}))
        facts = {"member_id": member_id, "action": action, "reason": reason}
        seal_change(granting, connection_id, "active", "granted", facts)


async def revoke_grant(
    connection_id: str, action: WriteAction, *, organization_id: str, member_id: str, signer: EntrySigner
) -> None:
    """Use this permission no more, from now on; calls not made yet fail as `write_scope_missing`. Done twice, once.

    Raises NotEligible, ConnectionNotFound.
    """
    async with act(signer, organization_id, await mode_of(connection_id, organization_id)) as revoking:
        await check_admin(member_id, organization_id)
        found = await read_connection(connection_id)
        if action not in found["write_actions"]:
            return
        await _write(connection_id, sorted(set(found["write_actions"]) - {action}))
        facts = {"member_id": member_id, "action": action}
        seal_change(revoking, connection_id, found["status"], "grant_revoked", facts)


async def surface_mode(connection_id: str, action: str, organization_id: str, mode: Mode) -> str:
    """`enforce` or `shadow`: what was said of this connection, else of all; what was never set is in shadow."""
    found = await row(
        """
        SELECT surface_mode FROM surfaces WHERE organization_id = {} AND mode = {} AND rail = {} AND rail_action = {}
            AND stripe_connection_id = ANY({}::text[]) ORDER BY stripe_connection_id DESC LIMIT 1
        """,
        organization_id,
        mode,
        _RAIL,
        action,
        ["", connection_id],
    )
    return str(found["surface_mode"]) if found else "shadow"


async def _write(connection_id: str, actions: list[str]) -> None:
    await rows("UPDATE stripe_connections SET write_actions = {}::text[] WHERE id = {}", actions, connection_id)
