"""What is raised instead of an answer. Whatever is raised: do not settle.

Each cause has a class and a `code` that never changes; `@axiru/auth-token-verifier` has the same ones.
"""

from typing import ClassVar


class AuthorizationTokenError(Exception):
    """Everything this package raises about a token."""

    code: ClassVar[str]


class VerificationError(AuthorizationTokenError):
    """The token says nothing that may be relied on."""


class TokenMalformed(VerificationError):
    """Not a compact JWS in its one spelling (RFC 7515 §7.1), or what is inside is not strict JSON."""

    code = "token_malformed"


class HeaderNotAllowed(VerificationError):
    """The header brings a key of its own or asks for an extension: `jwk`, `jku`, `x5c`, `crit` and the like."""

    code = "header_not_allowed"


class AlgorithmNotAllowed(VerificationError):
    """Signed by another algorithm than ES256, or by none."""

    code = "algorithm_not_allowed"


class TypeMismatch(VerificationError):
    """A token of another kind: its `typ` is not `axiru-authz+jwt`."""

    code = "type_mismatch"


class KeyNotFound(VerificationError):
    """No published key has this `kid`, asked for again just now or within the cooldown."""

    code = "kid_not_found"


class KeysUnavailable(VerificationError):
    """The published keys are too old to rely on, and newer ones cannot be fetched."""

    code = "keys_unavailable"


class SignatureInvalid(VerificationError):
    """The key of this `kid` did not sign this token."""

    code = "signature_invalid"


class ClaimInvalid(VerificationError):
    """A required claim is missing or of the wrong kind; `claim` names it."""

    code = "claim_invalid"

    def __init__(self, claim: str) -> None:
        super().__init__(f"The claim {claim} is missing or of the wrong kind.")
        self.claim = claim


class IssuerMismatch(VerificationError):
    """Issued by somebody else."""

    code = "issuer_mismatch"


class AudienceMismatch(VerificationError):
    """Issued for another organization."""

    code = "audience_mismatch"


class TokenExpired(VerificationError):
    """Its five minutes are over: ask for the authorization again, with the same idempotency key."""

    code = "token_expired"


class TokenNotYetValid(VerificationError):
    """Issued in the future: one of the two clocks is wrong."""

    code = "token_not_yet_valid"


class FingerprintMismatch(VerificationError):
    """Issued for another request than the one that is about to be settled."""

    code = "fingerprint_mismatch"


class ExpectationMismatch(VerificationError):
    """Signed for another payment than the one expected; `claim` says where they differ."""

    code = "expectation_mismatch"

    def __init__(self, claim: str) -> None:
        super().__init__(f"The token's {claim} is not the one expected.")
        self.claim = claim


class OvtInvalid(VerificationError):
    """The request has no canonical form (RFC 8785), so no token can be for it."""

    code = "ovt_invalid"


class SettlementError(AuthorizationTokenError):
    """Axiru did not take what the settling code reported."""


class AnswerLost(SettlementError):
    """Axiru may or may not have taken it: no answer came, or one that says so no more."""

    code = "answer_lost"


class RequestRefused(SettlementError):
    """Axiru refused: `status` is HTTP's, `error` Axiru's own code, such as `invalid_api_key` or `not_found`."""

    code = "request_refused"

    def __init__(self, message: str, *, status: int, error: str, state: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.error = error
        self.state = state


class TokenNotUsable(RequestRefused):
    """409: consumed before, over, revoked or withheld by a control; `state` says which."""

    code = "token_not_usable"
