"""Whether Stripe sent this: https://docs.stripe.com/webhooks#verify-manually, by Stripe's own library."""

import time
from typing import Any, Final

from litestar import Request
from stripe import SignatureVerificationError, WebhookSignature

from api.errors import NotFound
from api.json_body import read_bytes
from axiru.errors import AxiruError

TOLERANCE_SECONDS: Final = 300
_HEADER: Final = b"stripe-signature"
_LONGEST_HEADER: Final = 4_096


class InvalidStripeSignature(AxiruError):
    """The request was signed with none of the endpoint's secrets, or not within five minutes of now."""

    code = "invalid_signature"

    def __init__(self) -> None:
        super().__init__("The signature does not fit this request, or its time is not now.")


async def read_signed_by_stripe(request: Request[Any, Any, Any], secrets: str) -> bytes:
    """The body, once its signature was checked over the very bytes that came, by any of the comma-separated `secrets`.

    Raises NotFound where there is no secret, InvalidStripeSignature, PayloadTooLarge, InvalidJson where it breaks off.
    """
    known = [secret.strip() for secret in secrets.split(",") if secret.strip()]
    if not known:
        raise NotFound
    header = _header(request)
    raw = await read_bytes(request)
    if not any(_fits(raw, header, secret) for secret in known):
        raise InvalidStripeSignature
    return raw


def _header(request: Request[Any, Any, Any]) -> str:
    found = [value for key, value in request.scope["headers"] if key.lower() == _HEADER]
    if len(found) != 1 or not found[0].isascii() or len(found[0]) > _LONGEST_HEADER:
        raise InvalidStripeSignature
    return found[0].decode("ascii")


def _fits(raw: bytes, header: str, secret: str) -> bool:
    try:
        WebhookSignature.verify_header(raw, header, secret, TOLERANCE_SECONDS)
        signed_at = int(next(part for part in header.split(",") if part.startswith("t=")).removeprefix("t="))
    except (SignatureVerificationError, ValueError):
        # ValueError: a body that is not UTF-8, or a time that the library reads more of than there is.
        return False
    # The library looks back only. What is signed for tomorrow would be good until then, and five minutes longer.
    return signed_at <= time.time() + TOLERANCE_SECONDS
