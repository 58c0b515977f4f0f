"""`/axiru-jwks.json`: the public keys that tokens are verified with."""

from datetime import timedelta
from typing import Any

import msgspec
from litestar import Request, Response, get

from api.services import services_of
from ledger.token_keys import published


@get("/axiru-jwks.json", exclude_from_auth=True)
async def show_token_keys(request: Request[Any, Any, Any]) -> Response[bytes]:
    """A JWK set (RFC 7517). A key is in it before it signs, and stays for as long as a token of it may be met."""
    tail = timedelta(seconds=services_of(request).settings.token_key_tail_seconds)
    return Response(
        msgspec.json.encode({"keys": await published(tail)}),
        media_type="application/jwk-set+json",
        headers={"Cache-Control": "max-age=300"},
    )
