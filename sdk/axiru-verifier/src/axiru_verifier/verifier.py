"""The verifier: a token and the request it was issued for in, its claims out, or an error that says why not."""

import time
from collections.abc import Callable, Mapping
from typing import Any, Final, Unpack

from joserfc import jws
from joserfc.errors import JoseError

from axiru_verifier.claims import EXPECTABLE, Claims, Expected, check_claims, read_claims
from axiru_verifier.compact_jws import ALGORITHM, read_compact_jws
from axiru_verifier.errors import SignatureInvalid
from axiru_verifier.fingerprint import canonical_sha256_fingerprint
from axiru_verifier.published_keys import GivenKeys, Keys, PublishedKeys

MOST_LEEWAY_SECONDS: Final = 30

_REGISTRY: Final = jws.JWSRegistry(algorithms=[ALGORITHM], strict_check_header=False)
"""Header parameters that nobody knows are passed over (RFC 7515 §4); those that matter were refused before."""


class Verifier:
    """Verifies authorization tokens of one issuer for one organization.

    Make one for the whole process; threads may share it.
    """

    def __init__(
        self,
        *,
        issuer: str,
        audience: str,
        jwks_url: str | None = None,
        keys: Mapping[str, Any] | None = None,
        leeway_seconds: int = 5,
        refresh_cooldown_seconds: float = 10,
        timeout_seconds: float = 5,
        now: Callable[[], float] = time.time,
    ) -> None:
        """Either `jwks_url`, where the keys are published, or `keys`, a JWK set. `audience` is the organization's id.

        `leeway_seconds` (0 to 30) is for clocks that differ. Raises ValueError, and KeysUnavailable for `keys` that are
        none.
        """
        if not issuer or not audience:
            raise ValueError("issuer and audience have to be named.")
        if type(leeway_seconds) is not int or not 0 <= leeway_seconds <= MOST_LEEWAY_SECONDS:
            raise ValueError(f"leeway_seconds has to be 0 to {MOST_LEEWAY_SECONDS}.")
        if refresh_cooldown_seconds < 1 or timeout_seconds <= 0:
            raise ValueError("refresh_cooldown_seconds has to be 1 or more, timeout_seconds more than 0.")
        self._issuer = issuer
        self._audience = audience
        self._leeway_seconds = leeway_seconds
        self._now = now
        self._keys: Keys
        if keys is not None and jwks_url is None:
            self._keys = GivenKeys(keys)
        elif jwks_url is not None and keys is None:
            self._keys = PublishedKeys(
                jwks_url, cooldown_seconds=refresh_cooldown_seconds, timeout_seconds=timeout_seconds, now=now
            )
        else:
            raise ValueError("Name either jwks_url or keys.")

    def verify(
        self,
        token: str,
        *,
        ovt: Mapping[str, Any] | None = None,
        fingerprint: str | None = None,
        **expected: Unpack[Expected],
    ) -> Claims:
        """The claims of a token that Axiru signed for this request, and that is valid now.

        The request is the body that was sent (`ovt`) or its `fingerprint`; one of them is required. Raises
        VerificationError, of the class that names the cause; TypeError for arguments that are none.
        """
        _check_expected(expected)
        bound_to = _fingerprint(ovt, fingerprint)
        read = read_compact_jws(token)
        key = self._keys.key(read.kid)
        try:
            jws.deserialize_compact(read.text, key, registry=_REGISTRY)
        except (JoseError, ValueError) as error:
            raise SignatureInvalid("The signature is not by the key that the token names.") from error
        claims = read_claims(read.claims)
        check_claims(
            claims,
            issuer=self._issuer,
            audience=self._audience,
            fingerprint=bound_to,
            expected=expected,
            now=self._now(),
            leeway_seconds=self._leeway_seconds,
        )
        return claims


def _fingerprint(ovt: Mapping[str, Any] | None, fingerprint: str | None) -> str:
    if ovt is not None and fingerprint is None:
        return canonical_sha256_fingerprint(ovt)
    if isinstance(fingerprint, str) and ovt is None:
        return fingerprint
    raise TypeError("A token is verified for a request: name either ovt or fingerprint.")


def _check_expected(expected: Expected) -> None:
    """An expectation that is misspelt or empty would be one that is always met."""
    for name, value in expected.items():
        if name not in EXPECTABLE:
            raise TypeError(f"{name} is nothing that can be expected.")
        if value is None:
            raise TypeError(f"{name} is expected to be nothing.")
