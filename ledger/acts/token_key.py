"""Revoking a key of tokens, in an emergency: whoever has its private half could write tokens nobody decided.

The keys belong to the whole installation. What is sealed is who revoked one and why, in both chains of the organization
that did; every other organization finds its tokens refused and is given new ones.
"""

import structlog

from axiru.vault import Vault
from ledger.acts.chain import acts
from ledger.acts.member_record import check_admin
from ledger.entry import EntrySigner
from ledger.token_keys import KeyTimes, RevokedKey, lock_keys, revoke

log = structlog.get_logger()


async def revoke_token_key(
    key_id: str,
    reason: str,
    *,
    organization_id: str,
    by_member_id: str,
    vault: Vault,
    times: KeyTimes,
    signer: EntrySigner,
) -> RevokedKey:
    """Take a key out of use everywhere at once; where it signed, another does from then on.

    Revoking it again changes nothing. Raises TokenKeyUnknown, NotEligible.
    """
    async with acts(signer, organization_id, ("live", "test")) as revoking:
        await check_admin(by_member_id, organization_id)
        await lock_keys()
        revoked = await revoke(key_id, reason, vault, times)
        if revoked.changed:
            facts = {"kid": key_id, "change": "revoked", "reason": reason, "replaced_by": revoked.replaced_by}
            for one in revoking:
                one.seal("token_key", {**facts, "by_member_id": by_member_id})
    if revoked.changed:
        log.warning("token_key_revoked", kid=key_id, replaced_by=revoked.replaced_by, organization_id=organization_id)
    return revoked
