"""API keys: made and revoked, sealed in the chain of their mode. The secret is in the answer and nowhere else."""

from collections.abc import Collection
from datetime import datetime
from typing import Final

import msgspec

from axiru import ids
from axiru.database import row, rows
from axiru.domain.movement import Mode
from axiru.errors import AxiruError
from ledger.acts.chain import act
from ledger.acts.lineage import find_line
from ledger.acts.member_record import check_admin
from ledger.entry import EntrySigner

OWN_SCOPES: Final = frozenset({"approvals:vote", "controls:write", "policies:write", "admin"})
"""Scopes of keys that act in their owner's name: nobody makes such a key for somebody else."""

AGENT_SCOPES: Final = frozenset({"authorizations:write", "decisions:write"})
"""Scopes of keys that are for one agent: it asks, and does nothing else."""

_HINT_CHARACTERS: Final = 4


class KeyNotFound(AxiruError):
    """There is no such key in this organization, or none in a mode that the caller sees."""

    code = "not_found"


class OwnerRefused(AxiruError):
    """The key cannot belong to that member."""

    code = "invalid_request"


class AgentRefused(AxiruError):
    """The key cannot be for that agent."""

    code = "invalid_request"


class WantedKey(msgspec.Struct, frozen=True, kw_only=True):
    """A key to be made. Its owner can never approve what it asks for.

    `agent` is the one it is for, by either of its ids.
    """

    name: str
    mode: Mode
    scopes: Collection[str]
    owner_member_id: str
    rate_per_minute: int | None
    outcome_style: str
    expires_at: datetime | None
    agent: str | None = None


class MadeKey(msgspec.Struct, frozen=True):
    id: str
    secret: str


async def make_key(wanted: WantedKey, *, organization_id: str, by_member_id: str, signer: EntrySigner) -> MadeKey:
    """Make a key. Raises NotEligible, OwnerRefused, AgentRefused."""
    issued, key_id, scopes = ids.new_api_key(wanted.mode), ids.new_id(ids.API_KEY), sorted(set(wanted.scopes))
    if wanted.owner_member_id != by_member_id and not OWN_SCOPES.isdisjoint(scopes):
        told = ", ".join(sorted(OWN_SCOPES))
        raise OwnerRefused(f"A key of somebody else has none of the scopes {told}.", field="owner_member_id")
    if wanted.agent is not None and not AGENT_SCOPES.issuperset(scopes):
        told = ", ".join(sorted(AGENT_SCOPES))
        raise AgentRefused(f"A key that is for an agent has none but the scopes {told}.", field="scopes")
    async with act(signer, organization_id, wanted.mode) as making:
        await check_admin(by_member_id, organization_id)
        owner = await row(
            "SELECT id FROM members WHERE id = {} AND organization_id = {} AND disabled_at IS NULL",
            wanted.owner_member_id,
            organization_id,
        )
        if owner is None:
            raise OwnerRefused("There is no such member.", field="owner_member_id")
        agent = await _agent(wanted.agent, organization_id, making.now) if wanted.agent is not None else None
        making.seal(
            "api_key",
            {
                "key_id": key_id,
                "change": "created",
                "name": wanted.name,
                "scopes": scopes,
                "owner_member_id": wanted.owner_member_id,
                "rate_per_minute": wanted.rate_per_minute,
                "expires_at": wanted.expires_at.isoformat() if wanted.expires_at else None,
                "agent": agent,
                "by_member_id": by_member_id,
            },
        )
        await rows(
            """
            INSERT INTO api_keys (id, organization_id, mode, name, secret_hash, hint, scopes, owner_member_id,
                rate_per_minute, outcome_style, created_at, expires_at, created_by, agent)
            VALUES ({}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {})
            """,
            key_id,
            organization_id,
            wanted.mode,
            wanted.name,
            issued.secret_hash,
            issued.secret[-_HINT_CHARACTERS:],
            scopes,
            wanted.owner_member_id,
            wanted.rate_per_minute,
            wanted.outcome_style,
            making.now,
            wanted.expires_at,
            by_member_id,
            agent,
        )
    return MadeKey(key_id, issued.secret)


async def revoke_key(
    key_id: str, *, organization_id: str, by_member_id: str, modes: Collection[Mode], signer: EntrySigner
) -> None:
    """Refuse a key from now on; revoking it again changes nothing. Raises KeyNotFound, NotEligible."""
    found = await row(
        "SELECT mode FROM api_keys WHERE id = {} AND organization_id = {} AND mode = ANY({}::text[])",
        key_id,
        organization_id,
        list(modes),
    )
    if found is None:
        raise KeyNotFound("There is no such key.")
    async with act(signer, organization_id, found["mode"]) as revoking:
        await check_admin(by_member_id, organization_id)
        revoked = await row(
            "UPDATE api_keys SET revoked_at = {}, revoked_by = {} WHERE id = {} AND revoked_at IS NULL RETURNING id",
            revoking.now,
            by_member_id,
            key_id,
        )
        if revoked is not None:
            revoking.seal("api_key", {"key_id": key_id, "change": "revoked", "by_member_id": by_member_id})


async def _agent(wanted: str, organization_id: str, now: datetime) -> str:
    """The id of the agent that a key is to be for. Raises AgentRefused."""
    line = await find_line(organization_id, wanted)
    if line is None:
        raise AgentRefused("There is no such agent.", field="agent")
    if line.over(now) is not None:
        raise AgentRefused("This agent, or one above it, has no authority any more.", field="agent")
    return line.agent.id
