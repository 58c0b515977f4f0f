/** Verification of Axiru's authorization tokens, for code that settles payments. */

export type { Amount, Claims, Expected, Mode } from "./claims.ts";
export * from "./errors.ts";
export { canonicalSha256Fingerprint, canonicalSha256FingerprintSync } from "./fingerprint.ts";
export { SettlementClient, type SettlementClientOptions, type TokenUse } from "./settlement-client.ts";
export { type BoundTo, Verifier, type VerifierOptions } from "./verifier.ts";
