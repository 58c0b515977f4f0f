"""The fingerprint of a request: what tells a replay from another request under the same idempotency key."""

import hashlib
from collections.abc import Mapping
from typing import Any, Final

import rfc8785

SECRET_FIELDS: Final = frozenset({"org_api_key"})


def fingerprint(body: Mapping[str, Any]) -> str:
    """SHA-256 (hex) of the RFC 8785 form of the body as it was sent, `idempotency_key` included, secrets left out.

    The caller can compute it alone. `body` comes from `parse_strictly`, so it always has such a form.
    """
    public = {name: value for name, value in body.items() if name not in SECRET_FIELDS}
    return hashlib.sha256(rfc8785.dumps(public)).hexdigest()
