"""What somebody who can run any SQL as the app cannot change of agents' money without the entry that says so."""

from datetime import timedelta
from typing import Any

import asyncpg
import pytest

from axiru import ids
from axiru.database import row, rows
from axiru.domain.authorization import ENDPOINT
from axiru.domain.movement import Amount, Initiator, Ovt
from ledger.acts.agent import AgentChange, WantedAgent, change_agent, register, retire_agent
from ledger.acts.ap2_issuer import WantedIssuer, distrust_issuer, trust_issuer
from ledger.acts.api_key import WantedKey, make_key
from ledger.acts.control import engage
from ledger.acts.wallet_policy import WantedWalletPolicy, create_wallet_policy

POLICY = """
policy: agents
schema: 2
applies_to: {rail: stripe_daa}
rules:
  - {id: too_much, when: {amount: {currency: usd, gt: 90000}}, effect: deny}
"""


async def _refused(sql: str, *arguments: Any) -> None:
    with pytest.raises(asyncpg.RestrictViolationError, match="sealed"):
        await rows(sql, *arguments)


@pytest.fixture
async def agent(house: Any) -> str:
    """A registered agent, by our id of it."""
    wanted = WantedAgent(agent_id="agent_1", name="Agent", owner_member_id=house.members["admin"], scopes=["pay"])
    return await register(wanted, organization_id=house.id, by_member_id=house.members["admin"], signer=house.signer)


async def test_no_agent_is_made_widened_or_brought_back_unsealed(house: Any, agent: str) -> None:
    acting = {"organization_id": house.id, "by_member_id": house.members["admin"], "signer": house.signer}
    await change_agent(agent, AgentChange(name="Other"), **acting)
    await retire_agent(agent, **acting)

    for change in ("retired_at = NULL", "scopes = ARRAY['everything']", "expires_at = NULL", "name = 'Mine'"):
        await _refused(f"UPDATE agents SET {change} WHERE id = {{}}", agent)  # noqa: S608 - from above
    await _refused(
        "INSERT INTO agents (id, organization_id, agent_id, name, owner_member_id, registered_by, registered_at) "
        "SELECT {}, organization_id, 'agent_2', name, owner_member_id, registered_by, now() FROM agents WHERE id = {}",
        ids.new_id(ids.AGENT),
        agent,
    )


async def test_an_entry_about_another_agent_or_of_an_earlier_act_seals_nothing(house: Any, agent: str) -> None:
    change = "UPDATE agents SET scopes = ARRAY['everything'] WHERE id = {}"
    with pytest.raises(asyncpg.RestrictViolationError):
        await house.sealed("agent", {"agent": "ag_another"}, change, agent)
    with pytest.raises(asyncpg.RestrictViolationError):
        await house.sealed("note", {"agent": agent}, change, agent)


async def test_no_control_is_lifted_unsealed(house: Any) -> None:
    engaged = await engage(
        organization_id=house.id,
        member_id=house.members["controller"],
        kind="kill_switch",
        scope={},
        applies_to="both",
        reason="a drill",
        expires_at=None,
        signer=house.signer,
    )

    await _refused("UPDATE controls SET lifted_at = now(), lifted_reason = 'mine' WHERE id = {}", engaged.control_id)


async def test_no_issuer_is_trusted_or_trusted_again_unsealed(house: Any) -> None:
    acting = {"organization_id": house.id, "by_member_id": house.members["admin"], "signer": house.signer}
    wanted = WantedIssuer(issuer="https://wallet.example", name="Wallet", jwk={"kty": "EC"}, thumbprint="print")
    issuer_id = await trust_issuer(wanted, **acting)
    await distrust_issuer(issuer_id, reason="gone", **acting)

    await _refused(
        "UPDATE ap2_issuers SET removed_at = NULL, removed_by = NULL, removed_reason = NULL WHERE id = {}", issuer_id
    )
    await _refused(
        "INSERT INTO ap2_issuers (id, organization_id, issuer, name, jwk, thumbprint, added_by, added_at) "
        "SELECT {}, organization_id, issuer, name, jwk, thumbprint, added_by, now() FROM ap2_issuers WHERE id = {}",
        ids.new_id(ids.AP2_ISSUER),
        issuer_id,
    )


async def test_no_wallet_policy_is_made_unsealed(house: Any, agent: str) -> None:
    admin = house.members["admin"]
    wanted = WantedKey(
        name="Wallet",
        mode="test",
        scopes=["authorizations:write"],
        owner_member_id=admin,
        rate_per_minute=None,
        outcome_style="reference",
        expires_at=None,
        agent=agent,
    )
    keys = [await make_key(wanted, organization_id=house.id, by_member_id=admin, signer=house.signer) for _ in range(2)]
    policy = WantedWalletPolicy(
        id=ids.new_id(ids.WALLET_POLICY), mode="test", name="W", api_key_id=keys[0].id, secret_ciphertext=b"sealed"
    )
    await create_wallet_policy(policy, organization_id=house.id, member_id=admin, signer=house.signer)

    await _refused(
        "INSERT INTO wallet_policies SELECT {}, organization_id, 'live', name, {}, secret_ciphertext, created_by, "
        "now() FROM wallet_policies WHERE id = {}",
        ids.new_id(ids.WALLET_POLICY),
        keys[1].id,
        policy.id,
    )


async def test_no_token_is_issued_used_or_settled_and_no_budget_given_back_unsealed(house: Any) -> None:
    await house.activate(POLICY)
    await rows(
        "INSERT INTO surfaces (id, organization_id, mode, stripe_connection_id, rail, rail_action, surface_mode, "
        "updated_at) VALUES ({}, {}, 'test', '', 'stripe_daa', 'agent_payment', 'enforce', now())",
        f"{house.id}/daa",
        house.id,
    )
    ovt = Ovt("stripe_daa", "agent_payment", Amount("5000", "usd"), Initiator("agent", "agent_1"))
    receipt = await house.decide(await house.ask(ovt, endpoint=ENDPOINT))
    jti = receipt.token.jti

    await _refused(
        "INSERT INTO authorization_tokens (jti, organization_id, mode, decision_id, key_id, ledger_id, issued_at, "
        "expires_at) SELECT {}, organization_id, mode, decision_id, key_id, ledger_id, now(), now() + {}::interval "
        "FROM authorization_tokens WHERE jti = {}",
        ids.new_id(ids.JTI),
        timedelta(minutes=5),
        jti,
    )
    key = await row("SELECT id FROM api_keys LIMIT 1")
    assert key is not None
    await _refused(
        "UPDATE authorization_tokens SET consumed_at = now(), consumed_by = {} WHERE jti = {}", key["id"], jti
    )
    for change in ("state = 'released'", "units = 0", "moved_at = now() + interval '10 years'"):
        await _refused(
            f"UPDATE movements SET {change} WHERE decision_id = {{}}",  # noqa: S608 - from above
            receipt.decision_id,
        )
