/**
 * A compact JWS in its only spelling (RFC 7515 §7.1).
 *
 * Libraries take spare bits in the last character or a key in the header. All of that is refused before one sees it.
 */

import { Buffer } from "node:buffer";

import { AlgorithmNotAllowed, HeaderNotAllowed, TokenMalformed, TypeMismatch } from "./errors.ts";
import { type JsonObject, strictObject } from "./strict-json.ts";

export const ALGORITHM = "ES256";
export const TYPE = "axiru-authz+jwt";

const FORBIDDEN_HEADERS = ["jwk", "jku", "x5c", "x5u", "x5t", "x5t#S256", "crit", "b64", "zip", "enc", "epk"];
const LONGEST_TOKEN = 16_384;
const SIGNATURE_BYTES = 64;
const PART = /^[A-Za-z0-9_-]+$/;

/** A token whose spelling, header and JSON are in order. Nothing in it is believed yet. */
export interface CompactJws {
  readonly text: string;
  readonly kid: string;
  readonly claims: JsonObject;
}

/** Throws TokenMalformed, HeaderNotAllowed, AlgorithmNotAllowed, TypeMismatch. */
export function readCompactJws(token: unknown): CompactJws {
  if (typeof token !== "string" || token.length > LONGEST_TOKEN) {
    throw new TokenMalformed("The token is not a text, or too long for one.");
  }
  const parts = token.split(".").map(bytesOf);
  const [rawHeader, rawClaims, signature] = parts;
  if (parts.length !== 3 || !rawHeader || !rawClaims || !signature) {
    throw new TokenMalformed("A compact JWS has three parts.");
  }
  const header = strictObject(rawHeader);
  const forbidden = FORBIDDEN_HEADERS.filter((name) => Object.hasOwn(header, name));
  if (forbidden.length > 0) {
    throw new HeaderNotAllowed(`The header has ${forbidden.join(", ")}, which no token of Axiru has.`);
  }
  if (header["alg"] !== ALGORITHM) throw new AlgorithmNotAllowed("The token is not signed with ES256.");
  if (header["typ"] !== TYPE) throw new TypeMismatch(`The token's typ is not ${TYPE}.`);
  const kid = header["kid"];
  if (typeof kid !== "string" || kid === "") throw new TokenMalformed("The header names no key.");
  if (signature.length !== SIGNATURE_BYTES) {
    throw new TokenMalformed("The signature does not have the 64 bytes of ES256 (RFC 7518 §3.4).");
  }
  return { text: token, kid, claims: strictObject(rawClaims) };
}

/** The bytes that `part` is the one base64url spelling of (RFC 7515 §2, RFC 4648 §3.5). Throws TokenMalformed. */
export function bytesOf(part: string): Uint8Array {
  const raw = Buffer.from(part, "base64url");
  if (!PART.test(part) || raw.toString("base64url") !== part) {
    throw new TokenMalformed("A part of the token is not base64url in its one spelling.");
  }
  return raw;
}
