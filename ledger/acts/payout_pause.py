"""Payouts of a frozen account: asked for in the freeze's own act, stopped at Stripe after it, given back when it ends.

The schedule as it was is kept before it is switched, so that whatever stops a worker, the way back is known.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal

import msgspec

from axiru.database import row, rows
from axiru.domain.movement import Mode
from ledger.acts.chain import Act, act
from ledger.entry import EntrySigner

PauseState = Literal["pausing", "paused", "restoring", "restored", "failed"]
NO_CONNECTION: Final = "No active Stripe connection of this mode may make payouts, so their schedule cannot be changed."


class PayoutPause(msgspec.Struct, frozen=True):
    """What a freeze does to an account's automatic payouts."""

    control_id: str
    organization_id: str
    mode: Mode
    stripe_connection_id: str | None
    stripe_account_id: str
    state: PauseState
    schedule_before: dict[str, Any] | None = None
    detail: str | None = None


async def plan_pause(engaging: Sequence[Act], control_id: str, account_id: str, asked: bool | None) -> None:
    """Write what is to be done at Stripe, within the act that freezes the account.

    `asked` None: where a connection may. It is the account's own, or else the default one, whose connected account it
    then has to be. A freeze of both modes stops live payouts before those of test mode, which pay nobody.
    """
    if asked is False:
        return
    found = await row(
        "SELECT id, mode FROM stripe_connections WHERE organization_id = {} AND mode = ANY({}::text[]) "
        "AND status = 'active' AND 'payout' = ANY(write_actions) "
        "ORDER BY stripe_account_id = {} DESC, mode, is_default DESC, created_at, id LIMIT 1",
        engaging[0].organization_id,
        [one.mode for one in engaging],
        account_id,
    )
    if found is None and not asked:
        return
    freezing = next(one for one in engaging if found is None or one.mode == found["mode"])
    planned = PayoutPause(
        control_id=control_id,
        organization_id=freezing.organization_id,
        mode=freezing.mode,
        stripe_connection_id=found["id"] if found else None,
        stripe_account_id=account_id,
        state="pausing" if found else "failed",
        detail=None if found else NO_CONNECTION,
    )
    await rows(
        "INSERT INTO payout_pauses (control_id, organization_id, mode, stripe_connection_id, stripe_account_id, state, "
        "detail, next_attempt_at, updated_at) VALUES ({}, {}, {}, {}, {}, {}, {}, {}, {})",
        control_id,
        planned.organization_id,
        planned.mode,
        planned.stripe_connection_id,
        account_id,
        planned.state,
        planned.detail,
        freezing.now if found else None,
        freezing.now,
    )
    _seal(freezing, planned)


async def settle_pause(pause: PayoutPause, was: PauseState, signer: EntrySigner) -> bool:
    """Write and seal what became of it, unless it is no longer what it `was`: its freeze has ended meanwhile."""
    async with act(signer, pause.organization_id, pause.mode) as settling:
        settled = await row(
            "UPDATE payout_pauses SET state = {}, detail = {}, next_attempt_at = NULL, leased_until = NULL, "
            "updated_at = {} WHERE control_id = {} AND state = {} RETURNING control_id",
            pause.state,
            pause.detail,
            settling.now,
            pause.control_id,
            was,
        )
        if settled is not None:
            _seal(settling, pause)
    return settled is not None


def _seal(sealing: Act, pause: PayoutPause) -> None:
    told: Mapping[str, Any] = {
        "control_id": pause.control_id,
        "stripe_account_id": pause.stripe_account_id,
        "state": pause.state,
        "detail": pause.detail,
    }
    way_back = {"stripe_connection_id": pause.stripe_connection_id, "schedule_before": pause.schedule_before}
    sealing.seal("payout_pause", {**told, **way_back})
    sealing.tell("payout_pause", told)
