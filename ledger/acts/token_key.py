"""Revoking a key of tokens, in an emergency: whoever has its private half could write tokens nobody decided.

The keys belong to the installation, and such tokens could name any organization. So a revocation is one act on every
chain there is: it is sealed in all of them, or it did not happen.
"""

from contextlib import AsyncExitStack
from typing import Final

import msgspec
import structlog

from axiru.database import rows, transaction
from axiru.vault import Vault
from ledger.acts.chain import Act, sealing
from ledger.acts.member_record import check_admin
from ledger.entry import EntrySigner
from ledger.token_keys import KeyTimes, RevokedKey, is_revoked, lock_keys, revoke

log = structlog.get_logger()

_CHAINS: Final = """
SELECT organization_id, array_agg(mode) AS modes FROM chain_heads GROUP BY organization_id ORDER BY organization_id
"""


class RevokingAdmin(msgspec.Struct, frozen=True):
    """An admin of the organization that operates the installation. Its own chains name them, those of others do not."""

    organization_id: str
    member_id: str


async def revoke_token_key(
    key_id: str, reason: str, *, by: RevokingAdmin | None, vault: Vault, times: KeyTimes, signer: EntrySigner
) -> RevokedKey:
    """Take a key out of use everywhere at once; where it signed, another does from then on.

    `by` None: whoever runs commands on the installation. Once it returns, no token of the key is being consumed by
    anybody. Revoking it again changes and seals nothing. Raises TokenKeyUnknown, NotEligible, ChainBusy.
    """
    async with transaction(), AsyncExitStack() as chains:
        await lock_keys()
        if await is_revoked(key_id):
            return RevokedKey(key_id, None, changed=False)
        # Behind the lock of every chain, where tokens are issued and consumed.
        revoking: list[Act] = []
        for chain in await rows(_CHAINS):
            revoking += await chains.enter_async_context(sealing(signer, chain["organization_id"], chain["modes"]))
        if by is not None:
            await check_admin(by.member_id, by.organization_id)
        revoked = await revoke(key_id, reason, vault, times)
        facts = {"kid": key_id, "change": "revoked", "reason": reason, "replaced_by": revoked.replaced_by}
        for one in revoking:
            by_member_id = by.member_id if by is not None and by.organization_id == one.organization_id else None
            one.seal("token_key", {**facts, "by_member_id": by_member_id})
    log.warning("token_key_revoked", kid=key_id, replaced_by=revoked.replaced_by, chains=len(revoking))
    return revoked
