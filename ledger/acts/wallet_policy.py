"""Wallet policies: where a wallet asks before it signs, for one agent; set up by an admin and sealed."""

import msgspec

from axiru.database import row, rows
from axiru.domain.movement import Mode
from axiru.vault import sealed_for
from ledger.acts.chain import act
from ledger.acts.member_record import check_admin
from ledger.entry import EntrySigner


class WantedWalletPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """A wallet policy to be set up. It asks with the key `api_key_id`, and ends when that is revoked.

    `secret_ciphertext` holds what its messages are signed with and the key, sealed under the context of `id`.
    """

    id: str
    mode: Mode
    name: str
    api_key_id: str
    secret_ciphertext: bytes


def secret_context(organization_id: str, wallet_policy_id: str) -> bytes:
    """The context under which the vault seals a wallet policy's secrets."""
    return sealed_for(organization_id, "wallet_policies", wallet_policy_id)


async def create_wallet_policy(
    wanted: WantedWalletPolicy, *, organization_id: str, member_id: str, signer: EntrySigner
) -> None:
    """Set up a wallet policy. Raises NotEligible."""
    async with act(signer, organization_id, wanted.mode) as creating:
        await check_admin(member_id, organization_id)
        creating.seal(
            "wallet_policy",
            {
                "wallet_policy_id": wanted.id,
                "change": "created",
                "name": wanted.name,
                "key_id": wanted.api_key_id,
                "by_member_id": member_id,
            },
        )
        await rows(
            """
            INSERT INTO wallet_policies (id, organization_id, mode, name, api_key_id, secret_ciphertext, created_by,
                created_at) VALUES ({}, {}, {}, {}, {}, {}, {}, {})
            """,
            wanted.id,
            organization_id,
            wanted.mode,
            wanted.name,
            wanted.api_key_id,
            wanted.secret_ciphertext,
            member_id,
            creating.now,
        )


async def key_of(wallet_policy_id: str, organization_id: str) -> str | None:
    """The key that a wallet policy asks with; revoking it ends the policy. None where there is no such policy."""
    found = await row(
        "SELECT api_key_id FROM wallet_policies WHERE id = {} AND organization_id = {}",
        wallet_policy_id,
        organization_id,
    )
    return found["api_key_id"] if found else None
