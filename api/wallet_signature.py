"""Whether a wallet policy's own wallet signed a request: Standard Webhooks, over the raw bytes."""

from collections.abc import Mapping

import msgspec

from api.webhook_signature import fits, signed_headers
from axiru.database import row
from axiru.errors import AxiruError
from axiru.vault import Vault
from ledger.acts.wallet_policy import secret_context


class NotSignedByWallet(AxiruError):
    """Not signed, too old, signed by nobody of this policy, or of a policy there is not: which is not told."""

    code = "invalid_signature"

    def __init__(self) -> None:
        super().__init__("This message is not signed with the secret of this wallet policy.")


class SignedRequest(msgspec.Struct, frozen=True):
    """A message of a wallet, and the key that its policy asks with."""

    id: str
    policy_id: str
    api_key: str

    @property
    def door(self) -> str:
        return f"wallet/{self.policy_id}"


async def signed_request(policy_id: str, body: bytes, headers: Mapping[str, str], vault: Vault) -> SignedRequest:
    """The message, if the policy's secret signed it in the last 5 minutes.

    Raises NotSignedByWallet, the same for every cause; VaultSealBroken, VaultKeyUnknown.
    """
    sent = signed_headers(headers)
    if sent is not None:
        found = await row(
            "SELECT w.* FROM wallet_policies w JOIN api_keys k ON k.id = w.api_key_id "
            "WHERE w.id = {} AND k.revoked_at IS NULL",
            policy_id,
        )
        if found is not None:
            context = secret_context(found["organization_id"], policy_id)
            opened = vault.open(bytes(found["secret_ciphertext"]), context=context).decode()
            secret, _, api_key = opened.partition("\n")
            if fits(secret, body, sent):
                return SignedRequest(sent["webhook-id"], policy_id, api_key)
    raise NotSignedByWallet
