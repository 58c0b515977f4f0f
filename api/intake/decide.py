"""The hot path: reserve, start, answer. A replay of what was sealed needs neither Temporal nor a worker."""

from datetime import datetime
from time import perf_counter
from typing import Final, NamedTuple

import msgspec
import structlog

from api.auth import Caller
from api.deadline import within
from api.intake.agent_identity import checked_asker
from api.intake.executability import executable
from api.intake.request import Asked
from api.intake.reserve import Reservation, ask_again, find_reservation, give_up, reserve
from api.intake.start import start, tell_asked_again
from api.observation import DECIDE_SECONDS
from api.services import Services
from axiru.domain.authorization import ENDPOINT as AUTHORIZATIONS
from axiru.domain.control import ControlHit
from axiru.domain.decision import FINAL_STATES, DecisionReceipt, MovementInput
from axiru.errors import AxiruError
from ledger.acts.in_force import forbidden_now
from ledger.acts.projection import receipt_of

_TIDY_SECONDS: Final = 2.0
_log = structlog.get_logger("api")


class DecisionFailed(AxiruError):
    """No decision could be sealed or told. Nothing was allowed; asking again with the same idempotency key is safe."""

    code = "decision_failed"


class Decided(NamedTuple):
    """What to answer: the sealed receipt, whether it is a replay, and the control that forbids it now."""

    receipt: DecisionReceipt
    received_at: datetime
    cached: bool
    forbidden: ControlHit | None = None


async def decide(asked: Asked, caller: Caller, services: Services, request_id: str) -> Decided:
    """Decide one request once, however often and by however many connections it is asked.

    Raises IdempotencyMismatch, InvalidBody where Axiru is to execute and could not, and DecisionFailed for everything
    that is not the caller's fault.
    """
    began = perf_counter()
    try:
        decided = await within(
            services.settings.decide_timeout_seconds + _TIDY_SECONDS, _decide(asked, caller, services)
        )
    except AxiruError:
        raise
    except Exception as error:
        _log.error("decision_failed", request_id=request_id, organization_id=caller.organization_id, exc_info=error)
        raise DecisionFailed(
            "No decision was made, so nothing is allowed. Ask again with the same idempotency key."
        ) from error
    DECIDE_SECONDS.labels(decided.receipt.outcome.value).observe(perf_counter() - began)
    return decided


async def _decide(asked: Asked, caller: Caller, services: Services) -> Decided:
    if asked.endpoint != AUTHORIZATIONS:
        asked = await checked_asker(asked, caller)
    reserved = await _reserved(asked, caller, services)
    if reserved.sealed:
        return await _replayed(reserved)
    if not reserved.fresh and await ask_again(reserved.decision_id):
        await tell_asked_again(reserved.decision_id, services)
    movement = MovementInput(reserved.decision_id, caller.organization_id, caller.key_mode)
    try:
        starting = start(movement, services, asked_before=not reserved.fresh)
        receipt = await within(services.settings.decide_timeout_seconds, starting)
    except Exception:
        # The answer may have been lost on its way, or the workflow have ended since: what is sealed counts. What is not
        # sealed by now stays undecided until the caller asks again.
        if not await give_up(reserved.decision_id):
            raise
        return await _replayed(reserved)
    return Decided(receipt, reserved.received_at, cached=not reserved.fresh)


async def _reserved(asked: Asked, caller: Caller, services: Services) -> Reservation:
    """Reserve; where Axiru is to execute, only what it could execute. A replay is never checked again."""
    if asked.ovt.execute == "axiru" and await find_reservation(asked, caller) is None:
        asked = msgspec.structs.replace(asked, ovt=await executable(asked.ovt, caller, services.payments))
    return await reserve(asked, caller)


async def _replayed(reserved: Reservation) -> Decided:
    """The decision as it was sealed, with its present state, unless a control has come between."""
    receipt = await receipt_of(reserved.decision_id)
    cached = not reserved.fresh
    if receipt.state in FINAL_STATES:
        return Decided(receipt, reserved.received_at, cached)
    return Decided(receipt, reserved.received_at, cached, await forbidden_now(reserved.decision_id))
