"""Who signed a webhook that came in: the endpoint whose secret it was, by Standard Webhooks, over the raw bytes."""

import base64
import re
import secrets
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Final

import msgspec
from standardwebhooks import Webhook, WebhookVerificationError

from axiru.database import rows
from axiru.errors import AxiruError
from axiru.vault import Vault
from ledger.acts.webhook_endpoint import secret_context

_SECRET_BYTES: Final = 32
_LONGEST_HEADER: Final = 2_048
_MESSAGE_ID: Final = re.compile(r"[!-\-/-~]{1,255}")
"""Visible ASCII without the full stop, which parts the id from the timestamp in what is signed."""

_APPROVAL_ID: Final = re.compile(r"[a-z0-9_]{1,64}")


class InvalidSignature(AxiruError):
    """Not signed, too old, signed by nobody who may vote on this, or on nothing there is: which is not told."""

    code = "invalid_signature"

    def __init__(self) -> None:
        super().__init__("This message is not signed by a webhook endpoint that may vote on this approval.")


class SignedMessage(msgspec.Struct, frozen=True):
    """A message, the endpoint that signed it, and the member whose vote it brings."""

    id: str
    endpoint_id: str
    organization_id: str
    member_id: str


async def signed_by(approval_id: str, body: bytes, headers: Mapping[str, str], vault: Vault) -> SignedMessage:
    """The one endpoint of the approval's organization and mode that signed this in the last 5 minutes.

    Raises InvalidSignature, the same for every cause; VaultSealBroken, VaultKeyUnknown.
    """
    sent = signed_headers(headers)
    if sent is not None and _APPROVAL_ID.fullmatch(approval_id):
        for endpoint in await rows(_ENDPOINTS, approval_id):
            if any(fits(secret, body, sent) for secret in _secrets(endpoint, vault)):
                return SignedMessage(
                    sent["webhook-id"], endpoint["id"], endpoint["organization_id"], endpoint["votes_as"]
                )
    raise InvalidSignature


_ENDPOINTS: Final = """
SELECT w.* FROM approvals a JOIN webhook_endpoints w ON w.organization_id = a.organization_id AND w.mode = a.mode
JOIN members m ON m.id = w.votes_as AND m.organization_id = a.organization_id AND m.disabled_at IS NULL
WHERE a.id = {} AND w.disabled_at IS NULL AND w.removed_at IS NULL ORDER BY w.id
"""


def _secrets(endpoint: Mapping[str, Any], vault: Vault) -> Iterator[str]:
    """The current one and, where it still votes, the previous one."""
    context = secret_context(endpoint["organization_id"], endpoint["id"])
    yield vault.open(bytes(endpoint["secret_ciphertext"]), context=context).decode()
    until = endpoint["previous_secret_until"]
    if endpoint["previous_secret_votes"] and until is not None and datetime.now(UTC) < until:
        yield vault.open(bytes(endpoint["previous_secret_ciphertext"]), context=context).decode()


def new_secret() -> str:
    """`whsec_` and the base64 of random bytes, as Standard Webhooks has it (24 to 64 bytes)."""
    return "whsec_" + base64.b64encode(secrets.token_bytes(_SECRET_BYTES)).decode()


def signed_headers(headers: Mapping[str, str]) -> dict[str, str] | None:
    """The three headers of a signed message; None where they cannot be those of one."""
    sent = {name: headers.get(name, "") for name in ("webhook-id", "webhook-timestamp", "webhook-signature")}
    lengths = (len(each) <= _LONGEST_HEADER for each in sent.values())
    return sent if _MESSAGE_ID.fullmatch(sent["webhook-id"]) is not None and all(lengths) else None


def fits(secret: str, body: bytes, sent: dict[str, str]) -> bool:
    """Whether `secret` signed these bytes under these headers in the last 5 minutes."""
    try:
        Webhook(secret).verify(body, sent, json_parse=False)
    except (WebhookVerificationError, ValueError):
        # The library lets ValueError out of headers and bodies that are malformed (base64, commas, UTF-8).
        return False
    return True
