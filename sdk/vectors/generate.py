"""`python sdk/vectors/generate.py`: writes `vectors.json`, what every verifier of authorization tokens is held against.

With `--check` it writes nothing and fails if the file is not what it would write.
"""

import hashlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import rfc8785
from case import case
from signing import (
    AUDIENCE,
    CLAIMS,
    HEADER,
    ISSUER,
    KEY,
    NOW,
    ORDER,
    OTHER_KEY,
    OVT,
    TOKEN_CLAIMS,
    UNPUBLISHED_KEY,
    b64,
    compact,
    fingerprint,
    mirrored,
    spelt_otherwise,
    token,
)

FILE: Final = Path(__file__).with_name("vectors.json")
EXPECTED: Final = {
    "rail": "stripe_daa",
    "rail_action": "agent_payment",
    "amount_cents": 25000,
    "currency": "usd",
    "mode": "test",
}


def without(claim: str) -> dict[str, Any]:
    return {name: value for name, value in CLAIMS.items() if name != claim}


def accepted() -> Iterator[dict[str, Any]]:
    good = token()
    yield case("a token as Axiru issues it", good)
    yield case("bound by the fingerprint", good, by="fingerprint")
    yield case("signed by the other published key", token({**HEADER, "kid": OTHER_KEY.kid}, key=OTHER_KEY))
    yield case("the mirrored signature says the same, of the same jti", mirrored(good))
    yield case("an asset that is no currency", token(claims=TOKEN_CLAIMS))
    yield case("before there was the claim amount", token(claims=without("amount")))
    yield case("claims of a later release", token(claims={**CLAIMS, "later": {"more": [1, None, True]}}))
    yield case("header parameters of a later release", token({**HEADER, "later": "x"}))
    yield case("claims nested as deep as may be", token(claims=nested(15)))
    yield case("the largest integer that all read alike", token(claims={**CLAIMS, "a": 2**53 - 1}))
    yield case("blanks between claims", token(claims=json.dumps(CLAIMS, indent=2).encode()))
    yield case("text beyond ASCII", token(claims={**CLAIMS, "sub": "agënt 🤖"}))
    yield case("every expectation met", good, expected=EXPECTED)
    yield case("a currency expected in capitals", good, expected={"currency": "USD"})
    yield case("the last second with leeway", good, offset=300 + 4)
    yield case("the first second with leeway", good, offset=-5)


def nested(deep: int) -> bytes:
    """Claims, themselves an object, with so many lists in each other."""
    return compact(CLAIMS)[:-1] + b',"a":' + b"[" * deep + b"]" * deep + b"}"


def refused() -> Iterator[dict[str, Any]]:
    good = token()
    header, claims, signature = good.split(".")
    for name, text in {
        "nothing": "",
        "no dots": header,
        "two parts": f"{header}.{claims}",
        "no signature": f"{header}.{claims}.",
        "detached claims (RFC 7515 appendix F)": f"{header}..{signature}",
        "an extra dot": f"{good}.",
        "a fourth part": f"{good}.{signature}",
        "padding": f"{good}==",
        "padding inside": f"{header}=.{claims}.{signature}",
        "a blank before": f" {good}",
        "a line end after": f"{good}\n",
        "a line end inside": f"{header}.{claims[:40]}\n{claims[40:]}.{signature}",
        "a null byte": f"{good}\0",
        "the alphabet of plain base64": f"{header}.{claims}.+/{signature[2:]}",
        "a letter that looks the same": good.replace("e", "е", 1),
        "spare bits in the last character": spelt_otherwise(good),
        "a part of impossible length": f"{header}.{claims}.{signature}AAA",
        "a DER signature's length": f"{header}.{claims}.{b64(bytes(71))}",
        "half a signature": f"{header}.{claims}.{signature[:43]}",
        "Bearer before it": f"Bearer {good}",
        "JSON serialization (RFC 7515 §7.2)": compact(
            {"protected": header, "payload": claims, "signature": signature}
        ).decode(),
        "a header that is no JSON": token(b"{alg:ES256}"),
        "a header that is no object": token([HEADER]),
        "a header with a name twice": token(compact(HEADER)[:-1] + b',"alg":"ES256"}'),
        "a header without kid": token({"alg": "ES256", "typ": HEADER["typ"]}),
        "a header with an empty kid": token({**HEADER, "kid": ""}),
        "a kid that is no text": token({**HEADER, "kid": 7}),
        "claims that are no JSON": token(claims=b"jti=1"),
        "claims that are no object": token(claims=[1]),
        "claims with a name twice": token(claims=compact(CLAIMS)[:-1] + b',"amount_cents":1}'),
        "a name twice, spelt otherwise": token(claims=compact(CLAIMS)[:-1] + b',"\\u0061mount_cents":1}'),
        "claims that are not UTF-8": token(claims=compact(CLAIMS)[:-1] + b',"a":"\xff"}'),
        "claims after a byte order mark": token(claims=b"\xef\xbb\xbf" + compact(CLAIMS)),
        "half of a surrogate pair": token(claims=compact(CLAIMS)[:-1] + b',"a":"\\ud800"}'),
        "half of a surrogate pair in a name": token(claims=compact(CLAIMS)[:-1] + b',"\\ud800":1}'),
        "a fraction": token(claims=compact(CLAIMS)[:-1] + b',"a":1.0}'),
        "an integer beyond 2^53": token(claims=compact(CLAIMS)[:-1] + b',"a":9007199254740993}'),
        "the first integer beyond": token(claims=compact(CLAIMS)[:-1] + b',"a":9007199254740992}'),
        "the first integer beyond, below zero": token(claims=compact(CLAIMS)[:-1] + b',"a":-9007199254740992}'),
        "not a number": token(claims=compact(CLAIMS)[:-1] + b',"a":NaN}'),
        "something after the claims": token(claims=compact(CLAIMS) + b"{}"),
        "claims nested too deep": token(claims=nested(40)),
        "claims nested one too deep": token(claims=nested(16)),
        "more than a token has": token(claims={**CLAIMS, "a": "x" * 20_000}),
    }.items():
        yield case(name, text, code="token_malformed")

    for name, value in {
        "jwk": UNPUBLISHED_KEY.jwk,
        "jku": "https://attacker.example/jwks.json",
        "x5c": ["MIIB"],
        "x5u": "https://attacker.example/x5u",
        "x5t": "AAAA",
        "x5t#S256": "AAAA",
        "enc": "A256GCM",
        "epk": UNPUBLISHED_KEY.jwk,
        "crit": ["exp"],
        "b64": False,
        "zip": "DEF",
    }.items():
        yield case(f"{name} in the header", token({**HEADER, name: value}), code="header_not_allowed")
    jwk_header = {**HEADER, "jwk": UNPUBLISHED_KEY.jwk}
    yield case("signed by the key it brings", token(jwk_header, key=UNPUBLISHED_KEY), code="header_not_allowed")

    for algorithm in ("none", "None", "HS256", "RS256", "PS256", "ES384", "ES256K", "EdDSA", "es256", "", None, 1):
        yield case(f"alg {algorithm!r}", token({**HEADER, "alg": algorithm}), code="algorithm_not_allowed")
    unsigned = f"{b64(compact({**HEADER, 'alg': 'none'}))}.{claims}"
    yield case("alg none without a signature", f"{unsigned}.", code="token_malformed")
    yield case("alg none with another's signature", f"{unsigned}.{signature}", code="algorithm_not_allowed")

    for name, typ in {"JWT": "JWT", "fail-safe": "axiru-fail-safe+jwt", "capitals": "AXIRU-AUTHZ+JWT"}.items():
        yield case(f"typ of another kind: {name}", token({**HEADER, "typ": typ}), code="type_mismatch")
    yield case("no typ", token({"alg": "ES256", "kid": KEY.kid}), code="type_mismatch")

    unknown = {**HEADER, "kid": UNPUBLISHED_KEY.kid}
    yield case("a key that is not published", token(unknown, key=UNPUBLISHED_KEY), code="kid_not_found")
    yield case("a kid that every object has", token({**HEADER, "kid": "__proto__"}), code="kid_not_found")

    other_claims = b64(compact({**CLAIMS, "amount_cents": 1}))
    for name, text in {
        "signed by another published key": token(key=OTHER_KEY),
        "claims exchanged": f"{header}.{other_claims}.{signature}",
        "a signature of zeros (CVE-2022-21449)": f"{header}.{claims}.{b64(bytes(64))}",
        "r is the order": f"{header}.{claims}.{b64(ORDER.to_bytes(32) + bytes(31) + bytes([1]))}",
        "a signature of ones": f"{header}.{claims}.{b64(bytes([255]) * 64)}",
    }.items():
        yield case(name, text, code="signature_invalid")

    yield from refused_claims()

    for name, issuer in {"another issuer": "https://api.example", "an issuer with a slash": f"{ISSUER}/"}.items():
        yield case(name, token(claims={**CLAIMS, "iss": issuer}), code="issuer_mismatch")
    for name, audience in {"another organization": "org_other", "one in capitals": AUDIENCE.upper()}.items():
        yield case(name, token(claims={**CLAIMS, "aud": audience}), code="audience_mismatch")
    yield case("expired", good, code="token_expired", offset=600)
    yield case("the second after the leeway", good, code="token_expired", offset=305)
    yield case("not valid yet", good, code="token_not_yet_valid", offset=-6)
    late = {**CLAIMS, "nbf": NOW + 60}
    yield case("nbf in the future", token(claims=late), code="token_not_yet_valid")
    yield case("iat in the future", token(claims={**CLAIMS, "iat": NOW + 60}), code="token_not_yet_valid")

    for name, ovt in {
        "another amount": {**OVT, "amount_cents": 25001},
        "another idempotency key": {**OVT, "idempotency_key": "other"},
        "a field more": {**OVT, "source": "x"},
        "nothing asked": {},
    }.items():
        yield case(f"asked otherwise: {name}", good, code="fingerprint_mismatch", ovt=ovt)
    yield case("an empty fingerprint", good, code="fingerprint_mismatch", by="")
    yield case("a fingerprint in capitals asked for", good, code="fingerprint_mismatch", by=fingerprint(OVT).upper())

    for claim, value in {
        "rail": "x402",
        "rail_action": "agent_payout",
        "amount_cents": 25001,
        "currency": "eur",
        "mode": "live",
    }.items():
        expected = {**EXPECTED, claim: value}
        yield case(f"another {claim} expected", good, code="expectation_mismatch", claim=claim, expected=expected)
    one_cent = {**CLAIMS, "amount_cents": 1, "amount": {"units": "1", "asset": "usd", "exponent": 2}}
    yield case(
        "true expected of one cent",
        token(claims=one_cent),
        code="expectation_mismatch",
        claim="amount_cents",
        expected={"amount_cents": True},
    )
    yield case(
        "cents expected of an asset that has none",
        token(claims=TOKEN_CLAIMS),
        code="expectation_mismatch",
        claim="amount_cents",
        expected={"amount_cents": 25000},
    )


def refused_claims() -> Iterator[dict[str, Any]]:
    """Claims that are missing, or not of their kind."""
    for claim in CLAIMS:
        if claim != "amount":
            yield case(f"without {claim}", token(claims=without(claim)), code="claim_invalid", claim=claim)
            code = {"code": "claim_invalid", "claim": claim}
            yield case(f"{claim} is a list", token(claims={**CLAIMS, claim: [CLAIMS[claim]]}), **code)
            yield case(f"{claim} is true", token(claims={**CLAIMS, claim: True}), **code)
    for name, claim, value in (
        ("an empty jti", "jti", ""),
        ("exp as text", "exp", str(NOW + 300)),
        ("a negative exp", "exp", -1),
        ("an amount as text", "amount_cents", "25000"),
        ("a negative amount", "amount_cents", -25000),
        ("a mode that there is not", "mode", "prod"),
        ("a fingerprint in capitals", "ovt_fingerprint", CLAIMS["ovt_fingerprint"].upper()),
        ("a fingerprint with a letter more", "ovt_fingerprint", f"{CLAIMS['ovt_fingerprint']}0"),
        ("a fingerprint with a line end", "ovt_fingerprint", f"{CLAIMS['ovt_fingerprint']}\n"),
        ("a fingerprint cut short", "ovt_fingerprint", CLAIMS["ovt_fingerprint"][:-1]),
        ("an amount that is another", "amount", {"units": "1", "asset": "usd", "exponent": 2}),
        ("an amount in another asset", "amount", {"units": "25000", "asset": "eur", "exponent": 2}),
        ("an amount with a leading zero", "amount", {"units": "025000", "asset": "usd", "exponent": 2}),
        ("an amount without digits", "amount", {"units": "", "asset": "usd", "exponent": 2}),
        ("an amount below zero", "amount", {"units": "-25000", "asset": "usd", "exponent": 2}),
        ("an amount as a number", "amount", {"units": 25000, "asset": "usd", "exponent": 2}),
        ("an amount with an exponent below zero", "amount", {"units": "25000", "asset": "usd", "exponent": -1}),
        ("an amount with true for an exponent", "amount", {"units": "25000", "asset": "usd", "exponent": True}),
        ("an amount with text for an exponent", "amount", {"units": "25000", "asset": "usd", "exponent": "2"}),
        ("an amount without an exponent", "amount", {"units": "25000", "asset": "usd"}),
        ("an amount that is a list", "amount", ["25000", "usd", 2]),
        ("an amount that is null", "amount", None),
    ):
        yield case(name, token(claims={**CLAIMS, claim: value}), code="claim_invalid", claim=claim)
    for name, units in {"leading zeros": "00034", "more digits than any has": "1" * 79, "other digits": "٣٤"}.items():
        spelt = {**TOKEN_CLAIMS, "amount": {**TOKEN_CLAIMS["amount"], "units": units}}
        yield case(f"no currency, and {name}", token(claims=spelt), code="claim_invalid", claim="amount")
    no_amount = {**without("amount"), "amount_cents": None}
    yield case("no amount at all", token(claims=no_amount), code="claim_invalid", claim="amount_cents")


def fingerprints() -> Iterator[dict[str, Any]]:
    """Bodies as they are sent, as text: their spelling is what canonical form is about."""
    for sent in (
        json.dumps(OVT),
        '{"b":1,"a":2,"":3}',
        '{ "a" : [ 1 , 2.50, 1e2, -0, 0.1e1, 1E-7, 123456.789e3 ] }',
        '{"€":1,"\\r":2,"דּ":3,"1":4,"😀":5,"\\u0080":6,"ö":7}',
        '{"text":"\\u20ac$\\u000F\\u000aA\'\\u0042\\u0022\\u005c\\\\\\"\\/ \\u2028 é e\\u0301"}',
        '{"nested":{"z":{"y":[{"b":null,"a":true}]}},"numbers":[9007199254740991,-9007199254740991,5e-324]}',
    ):
        canonical = rfc8785.dumps(json.loads(sent))
        yield {
            "sent": sent,
            "canonical": canonical.decode(),
            "fingerprint": hashlib.sha256(canonical).hexdigest(),
        }


def vectors() -> dict[str, Any]:
    return {
        "issuer": ISSUER,
        "audience": AUDIENCE,
        "leeway_seconds": 5,
        "jwks": {"keys": [KEY.jwk, OTHER_KEY.jwk]},
        "accepted": list(accepted()),
        "refused": list(refused()),
        "fingerprints": list(fingerprints()),
    }


def text() -> str:
    """The file's content."""
    return json.dumps(vectors(), indent=1, ensure_ascii=True) + "\n"


if __name__ == "__main__":
    if sys.argv[1:] == ["--check"]:
        sys.exit(None if FILE.read_text("utf-8") == text() else f"{FILE} is not what generate.py writes")
    FILE.write_text(text(), encoding="utf-8")
