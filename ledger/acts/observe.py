"""Observe: a movement seen on Stripe is told apart once: made for a decision, or made without asking."""

import hashlib
from datetime import datetime, timedelta
from typing import Final, Literal

import msgspec

from axiru import ids
from axiru.database import row, rows, transaction
from axiru.domain.decision import MovementInput
from axiru.domain.movement import Amount, Context, Counterparty, Initiator, Merchant, Mode, Ovt
from axiru.domain.seen_movement import SeenMovement, came_to_nothing, status_rank
from ledger.acts.belonging import Belongs, Unasked, Undecided, belonging
from ledger.acts.chain import json, sealing
from ledger.entry import EntrySigner, canonical_json

ENDPOINT: Final = "/webhooks/stripe"
SOURCE: Final = "stripe_event"
REQUESTER: Final = "stripe"
"""Who asked, where nobody did."""

GRACE: Final = timedelta(seconds=2)
"""So long a movement may wait for its decision: whoever makes it may have been told `allowed` a moment ago."""


class SeenOn(msgspec.Struct, frozen=True, kw_only=True):
    """The connection through which it was seen, when the event arrived, and when it happened by Stripe's clock."""

    organization_id: str
    mode: Mode
    connection_id: str
    account_id: str
    received_at: datetime
    told_at: datetime


class Observed(msgspec.Struct, frozen=True, kw_only=True):
    """What came of looking at a movement. `to_decide` is the bypass that still has to be decided.

    `waiting` says that it is too early to tell: look again.
    """

    outcome: Literal["matched", "bypass", "known", "history", "waiting"]
    to_decide: MovementInput | None = None


async def observe(seen: SeenMovement, on: SeenOn, *, signer: EntrySigner) -> Observed:
    """Write down once whose movement it is, and every time what Stripe says of it now; in any order of events."""
    async with transaction():
        # Not the chain's lock: decisions go on while it is found out whose movement this is.
        await rows("SELECT pg_advisory_xact_lock(hashtextextended({}, 0))", f"observed/{on.organization_id}/{on.mode}")
        known = await row(
            "SELECT * FROM observed_movements WHERE organization_id = {} AND mode = {} AND stripe_object_id = {}",
            *(on.organization_id, on.mode, seen.stripe_object_id),
        )
        if known is not None:
            await _update(seen, on, known, signer)
            return Observed(outcome="known", to_decide=await _undecided(known, on))
        connection = await row(
            "SELECT created_at, clock_timestamp() AS now FROM stripe_connections WHERE id = {}", on.connection_id
        )
        if connection is None or seen.made_at < connection["created_at"].replace(microsecond=0):
            return Observed(outcome="history")
        whose = await belonging(seen, organization_id=on.organization_id, mode=on.mode, connection_id=on.connection_id)
        match whose:
            case Undecided():
                return Observed(outcome="waiting")
            case Belongs():
                await _keep(seen, on, whose.decision_id, whose.why, bypass=False)
                if whose.execute == "caller":
                    await _seal(seen, on, whose.decision_id, whose.why, signer)
                return Observed(outcome="matched")
            case Unasked() if connection["now"] < on.received_at + GRACE:
                return Observed(outcome="waiting")
            case Unasked():
                return Observed(outcome="bypass", to_decide=await _record(seen, on, whose.why))


async def _record(seen: SeenMovement, on: SeenOn, why: str) -> MovementInput:
    """The request that nobody made."""
    decision_id = ids.new_id(ids.DECISION)
    ovt = Ovt(
        rail="stripe",
        rail_action=seen.kind,
        amount=Amount(str(seen.amount_cents), seen.currency),
        initiator=Initiator(SOURCE, on.account_id),
        counterparty=Counterparty(stripe_account_id=seen.target.destination if seen.kind == "transfer" else None),
        merchant=Merchant(stripe_connection_id=on.connection_id, stripe_account_id=on.account_id),
        target=seen.target,
        context=Context(customer_id=seen.customer_id, reason_code=seen.reason, source=SOURCE),
    )
    seen_as = {"stripe_object_id": seen.stripe_object_id, "ovt": msgspec.to_builtins(ovt)}
    await rows(
        """
        INSERT INTO requests (decision_id, organization_id, mode, endpoint, fingerprint, ovt, api_key_id, requested_by,
            received_at, asked_at, observed_object_id)
        VALUES ({}, {}, {}, {}, {}, {}::jsonb, '', {}, {}, clock_timestamp(), {})
        """,
        *(decision_id, on.organization_id, on.mode, ENDPOINT),
        hashlib.sha256(canonical_json(seen_as)).hexdigest(),
        json(ovt),
        *(REQUESTER, on.received_at, seen.stripe_object_id),
    )
    await _keep(seen, on, decision_id, why, bypass=True)
    return MovementInput(decision_id, on.organization_id, on.mode)


async def _keep(seen: SeenMovement, on: SeenOn, decision_id: str, why: str, *, bypass: bool) -> None:
    await rows(
        """
        INSERT INTO observed_movements (organization_id, mode, stripe_object_id, stripe_connection_id, kind,
            decision_id, bypass, why, observed_at, stripe_status, told_at)
        VALUES ({}, {}, {}, {}, {}, {}, {}, {}, clock_timestamp(), {}, {})
        """,
        *(on.organization_id, on.mode, seen.stripe_object_id, on.connection_id, seen.kind, decision_id),
        *(bypass, why, seen.status, on.told_at),
    )


async def _seal(seen: SeenMovement, on: SeenOn, decision_id: str, why: str, signer: EntrySigner) -> None:
    """What a caller made of its decision, or what became of a movement later; at the end of the transaction."""
    async with sealing(signer, on.organization_id, (on.mode,)) as (observing,):
        about = {"decision_id": decision_id, "stripe_object_id": seen.stripe_object_id, "stripe_status": seen.status}
        observing.seal("observation", {**about, "stripe_connection_id": on.connection_id, "why": why})
        observing.tell("observation", about)
        if came_to_nothing(seen.status):
            # The money has not moved after all, whoever was to move it.
            await rows("UPDATE movements SET state = 'released' WHERE decision_id = {}", decision_id)


async def _update(seen: SeenMovement, on: SeenOn, known: dict[str, object], signer: EntrySigner) -> None:
    """The newest word counts, in whatever order words come."""
    newest = (known["told_at"], status_rank(str(known["stripe_status"])))
    if (on.told_at, status_rank(seen.status)) <= newest:
        return
    await rows(
        "UPDATE observed_movements SET stripe_status = {}, told_at = {} "
        "WHERE organization_id = {} AND mode = {} AND stripe_object_id = {}",
        *(seen.status, on.told_at, on.organization_id, on.mode, seen.stripe_object_id),
    )
    if came_to_nothing(seen.status) and seen.status != known["stripe_status"]:
        await _seal(seen, on, str(known["decision_id"]), "Stripe says that it came to nothing.", signer)


async def _undecided(known: dict[str, object], on: SeenOn) -> MovementInput | None:
    """A bypass whose decision was not made yet: a worker may have been lost before it could start it."""
    if not known["bypass"]:
        return None
    decided = await row("SELECT 1 AS decided FROM decisions WHERE id = {}", known["decision_id"])
    return None if decided else MovementInput(str(known["decision_id"]), on.organization_id, on.mode)
