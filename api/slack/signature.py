"""Whether Slack sent this: https://docs.slack.dev/authentication/verifying-requests-from-slack."""

import hashlib
from typing import Any

import msgspec
from litestar import Request
from slack_sdk.signature import SignatureVerifier

from api.errors import NotFound
from api.json_body import read_bytes
from axiru.errors import AxiruError

_TIMESTAMP = b"x-slack-request-timestamp"
_SIGNATURE = b"x-slack-signature"
_LONGEST_TIMESTAMP = 12


class InvalidSignature(AxiruError):
    """The request was not signed with the app's secret, or not within the last five minutes."""

    code = "invalid_signature"

    def __init__(self) -> None:
        super().__init__("The signature does not fit this request, or is too old.")


class SignedRequest(msgspec.Struct, frozen=True):
    """A body as Slack sent it; `id` is the same only for the very same request sent again."""

    body: str
    id: str


async def read_signed(request: Request[Any, Any, Any], signing_secret: str) -> SignedRequest:
    """The body, once its signature was checked over the bytes that came.

    Raises NotFound where there is no Slack, InvalidSignature, PayloadTooLarge, InvalidJson for a body that breaks off.
    """
    if not signing_secret:
        raise NotFound
    timestamp, signature = _only(request, _TIMESTAMP), _only(request, _SIGNATURE)
    raw = await read_bytes(request)
    try:
        body = raw.decode("utf-8")
    except UnicodeDecodeError:
        raise InvalidSignature from None
    if not SignatureVerifier(signing_secret).is_valid(body=body, timestamp=timestamp, signature=signature):
        raise InvalidSignature
    return SignedRequest(body, hashlib.sha256(f"{timestamp}:{signature}".encode()).hexdigest())


def _only(request: Request[Any, Any, Any], name: bytes) -> str:
    """The one header of this name, in ASCII; a timestamp is digits, for which the verifier calls `int`."""
    found = [value for key, value in request.scope["headers"] if key.lower() == name]
    if len(found) != 1 or not found[0].isascii():
        raise InvalidSignature
    text = found[0].decode("ascii")
    if name == _TIMESTAMP and not (text.isdigit() and len(text) <= _LONGEST_TIMESTAMP):
        raise InvalidSignature
    return text
