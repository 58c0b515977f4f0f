/**
 * What is thrown instead of an answer. Whatever is thrown: do not settle.
 *
 * Each cause has a class and a `code` that never changes; the Python package `axiru-verifier` has the same ones.
 */

/** Everything this package throws about a token. */
export abstract class AuthorizationTokenError extends Error {
  abstract readonly code: string;

  override get name(): string {
    return this.constructor.name;
  }
}

/** The token says nothing that may be relied on. */
export abstract class VerificationError extends AuthorizationTokenError {}

/** Not a compact JWS in its one spelling (RFC 7515 §7.1), or what is inside is not strict JSON. */
export class TokenMalformed extends VerificationError {
  readonly code = "token_malformed";
}

/** The header brings a key of its own or asks for an extension: `jwk`, `jku`, `x5c`, `crit` and the like. */
export class HeaderNotAllowed extends VerificationError {
  readonly code = "header_not_allowed";
}

/** Signed by another algorithm than ES256, or by none. */
export class AlgorithmNotAllowed extends VerificationError {
  readonly code = "algorithm_not_allowed";
}

/** A token of another kind: its `typ` is not `axiru-authz+jwt`. */
export class TypeMismatch extends VerificationError {
  readonly code = "type_mismatch";
}

/** No published key has this `kid`, asked for again just now or within the cooldown. */
export class KeyNotFound extends VerificationError {
  readonly code = "kid_not_found";
}

/** The published keys are too old to rely on, and newer ones cannot be fetched. */
export class KeysUnavailable extends VerificationError {
  readonly code = "keys_unavailable";
}

/** The key of this `kid` did not sign this token. */
export class SignatureInvalid extends VerificationError {
  readonly code = "signature_invalid";
}

/** A required claim is missing or of the wrong kind; `claim` names it. */
export class ClaimInvalid extends VerificationError {
  readonly code = "claim_invalid";
  readonly claim: string;

  constructor(claim: string) {
    super(`The claim ${claim} is missing or of the wrong kind.`);
    this.claim = claim;
  }
}

/** Issued by somebody else. */
export class IssuerMismatch extends VerificationError {
  readonly code = "issuer_mismatch";
}

/** Issued for another organization. */
export class AudienceMismatch extends VerificationError {
  readonly code = "audience_mismatch";
}

/** Its five minutes are over: ask for the authorization again, with the same idempotency key. */
export class TokenExpired extends VerificationError {
  readonly code = "token_expired";
}

/** Issued in the future: one of the two clocks is wrong. */
export class TokenNotYetValid extends VerificationError {
  readonly code = "token_not_yet_valid";
}

/** Issued for another request than the one that is about to be settled. */
export class FingerprintMismatch extends VerificationError {
  readonly code = "fingerprint_mismatch";
}

/** Signed for another payment than the one expected; `claim` says where they differ. */
export class ExpectationMismatch extends VerificationError {
  readonly code = "expectation_mismatch";
  readonly claim: string;

  constructor(claim: string) {
    super(`The token's ${claim} is not the one expected.`);
    this.claim = claim;
  }
}

/** The request has no canonical form (RFC 8785), so no token can be for it. */
export class OvtInvalid extends VerificationError {
  readonly code = "ovt_invalid";
}

/** Axiru did not take what the settling code reported. */
export abstract class SettlementError extends AuthorizationTokenError {}

/** Axiru may or may not have taken it: no answer came, or one that says so no more. */
export class AnswerLost extends SettlementError {
  readonly code = "answer_lost";
}

/** What Axiru says when it refuses. */
export interface Refusal {
  readonly status: number;
  readonly error: string;
  readonly state?: string | undefined;
}

/** Axiru refused: `status` is HTTP's, `error` Axiru's own code, such as `invalid_api_key` or `not_found`. */
export class RequestRefused extends SettlementError {
  readonly code: string = "request_refused";
  readonly status: number;
  readonly error: string;
  readonly state: string | undefined;

  constructor(message: string, refusal: Refusal) {
    super(message);
    this.status = refusal.status;
    this.error = refusal.error;
    this.state = refusal.state;
  }
}

/** 409: consumed before, over, revoked or withheld by a control; `state` says which. */
export class TokenNotUsable extends RequestRefused {
  override readonly code = "token_not_usable";
}
