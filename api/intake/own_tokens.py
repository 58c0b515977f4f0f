"""What a key that is for an agent may do with tokens: use those of its agent, and give back nothing that counts."""

from api.auth import Caller
from api.errors import NotFound
from axiru.database import row
from ledger.acts.vote import NotEligible


async def check_own_token(jti: str, caller: Caller) -> int | None:
    """The units that the token is for, where the key is for its agent. Raises NotFound for another agent's.

    None for a key that is for no agent: it is for the act to say what it may do.
    """
    if caller.agent_id is None:
        return None
    found = await row(
        "SELECT m.units FROM authorization_tokens t JOIN decisions d ON d.id = t.decision_id "
        "JOIN movements m ON m.decision_id = d.id "
        "WHERE t.jti = {} AND t.organization_id = {} AND t.mode = {} AND d.initiator_id = {}",
        jti,
        caller.organization_id,
        caller.key_mode,
        caller.agent_id,
    )
    if found is None:
        raise NotFound
    return int(found["units"])


async def check_settles(jti: str, settlement: str, units: int | None, caller: Caller) -> None:
    """Raises NotEligible for an agent that would make room under its own ceiling by saying what it did not spend."""
    authorized = await check_own_token(jti, caller)
    if authorized is not None and (settlement == "failed" or (units is not None and units < authorized)):
        raise NotEligible(
            "A key that is for an agent reports payments as made in full. Report this one with another key.",
            because="agent",
        )
