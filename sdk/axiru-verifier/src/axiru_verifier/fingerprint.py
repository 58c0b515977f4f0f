"""The fingerprint that binds a token to the request it was issued for."""

import hashlib
from collections.abc import Mapping
from typing import Any

import rfc8785

from axiru_verifier.errors import OvtInvalid


def canonical_sha256_fingerprint(ovt: Mapping[str, Any]) -> str:
    """SHA-256 (hex) of the canonical form (RFC 8785) of the body that is sent to `POST /api/v1/authorizations`.

    All of it, `idempotency_key` included. Raises OvtInvalid for what JSON cannot say: NaN, integers beyond 2^53 - 1,
    half of a surrogate pair, names that are no text.
    """
    if not isinstance(ovt, Mapping):
        raise OvtInvalid("The request is not an object.")
    try:
        return hashlib.sha256(rfc8785.dumps(dict(ovt))).hexdigest()
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        raise OvtInvalid(f"The request has no canonical form: {error}") from error
