"""One authorization from a read request to its answer, by whichever door it came."""

from api.auth import Caller
from api.intake.authorization_answer import AuthorizationAnswer, authorization_answer
from api.intake.decide import decide
from api.intake.request import Asked
from api.services import Services
from api.waiting import until_settled
from axiru.domain.decision import DecisionReceipt
from ledger.acts.projection import read_request, receipt_of
from ledger.acts.token import TokenStanding, token_of
from ledger.token_keys import TokenKeyRevoked


async def authorize(
    asked: Asked, caller: Caller, services: Services, request_id: str, *, wait_seconds: int = 0
) -> AuthorizationAnswer:
    """Decide once, however often it is asked, and answer with the token there is to give. Raises what `decide` does."""
    decided = await decide(asked, caller, services, request_id)
    receipt, ovt = decided.receipt, asked.ovt
    if decided.cached or receipt.state == "pending_approval":
        # Who asked may be registered otherwise by now: the token says again what it said first.
        ovt = (await read_request(receipt.decision_id)).ovt
        receipt, standing = await as_it_stands(receipt.decision_id, caller, services, wait_seconds)
    else:
        standing = TokenStanding("issued", receipt.token) if receipt.token else None

    async def answer(receipt: DecisionReceipt, standing: TokenStanding | None) -> AuthorizationAnswer:
        return await authorization_answer(
            receipt,
            ovt,
            asked.fingerprint,
            standing,
            services,
            organization_id=caller.organization_id,
            cached=decided.cached,
        )

    try:
        return await answer(receipt, standing)
    except TokenKeyRevoked:
        # The key went while this was being answered. The decision stands, and there is another key.
        return await answer(*await as_it_stands(receipt.decision_id, caller, services, 0))


async def as_it_stands(
    decision_id: str, caller: Caller, services: Services, wait_seconds: int
) -> tuple[DecisionReceipt, TokenStanding | None]:
    """A decision as it is now, once it has settled or the seconds are over, and what there is to give of a token."""
    if wait_seconds:
        await until_settled(decision_id, caller.organization_id, wait_seconds, services)
    standing = await token_of(
        decision_id, organization_id=caller.organization_id, mode=caller.key_mode, signer=services.signer
    )
    return await receipt_of(decision_id), standing
