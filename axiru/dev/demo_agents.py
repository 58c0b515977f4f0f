"""The demo organization's registered agents: one, one that it has passed a part of its authority on to, and a key."""

from axiru.database import row
from axiru.domain.movement import Mode
from ledger.acts.agent import WantedAgent, register
from ledger.acts.api_key import WantedKey, make_key
from ledger.entry import EntrySigner

AGENT, CHILD = "agent_procurement", "agent_procurement_travel"


async def register_agents(
    organization_id: str, *, owner_id: str, admin_id: str, mode: Mode, rate_per_minute: int, signer: EntrySigner
) -> dict[str, str]:
    """Register both, unless a start that was cut short did; returns the secret of a key by the agent that it is for."""
    for wanted in (
        WantedAgent(
            agent_id=AGENT,
            name="Procurement agent",
            owner_member_id=owner_id,
            scopes=["payments:write", "payouts:write"],
        ),
        WantedAgent(
            agent_id=CHILD,
            name="Travel agent",
            owner_member_id=owner_id,
            scopes=["payments:write"],
            delegated_by=AGENT,
        ),
    ):
        known = await row(
            "SELECT id FROM agents WHERE organization_id = {} AND agent_id = {}", organization_id, wanted.agent_id
        )
        if known is None:
            await register(wanted, organization_id=organization_id, by_member_id=admin_id, signer=signer)
    key = WantedKey(
        name="demo travel agent",
        mode=mode,
        scopes=["authorizations:write"],
        owner_member_id=admin_id,
        rate_per_minute=rate_per_minute,
        outcome_style="reference",
        expires_at=None,
        agent=CHILD,
    )
    made = await make_key(key, organization_id=organization_id, by_member_id=admin_id, signer=signer)
    return {CHILD: made.secret}
