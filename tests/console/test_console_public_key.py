"""What people paste for an issuer's public key: the key, or why it is none."""

import json
from typing import Any

import pytest

from console.public_key import NoPublicKey, read_public_key

KEY = {"kty": "EC", "crv": "P-256", "x": "A" * 43, "y": "B" * 43, "kid": "one"}


@pytest.mark.parametrize(
    "told",
    [KEY, {"keys": [KEY]}, {**KEY, "key_ops": ["verify"], "ext": True, "x5c": ["MII"]}],
)
def test_a_key_alone_in_its_set_or_as_browsers_export_it_is_read(told: dict[str, Any]) -> None:
    assert read_public_key(f"\n {json.dumps(told)}") == KEY


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "A JWK is a JSON object"),
        ("[]", "A JWK is a JSON object"),
        ("\ud800", "A JWK is a JSON object"),
        ("-----BEGIN PUBLIC KEY-----", "This is PEM"),
        (json.dumps({**KEY, "d": "C" * 43}), "This is a private key"),
        (json.dumps({"keys": [{**KEY, "d": "C" * 43}, KEY]}), "This is a private key"),
        (json.dumps({"keys": [KEY, KEY]}), "a set of 2 keys"),
        (json.dumps({"keys": []}), "a set of 0 keys"),
        (json.dumps({"keys": ["x"]}), "a set of 1 keys"),
        (json.dumps({**KEY, "crv": "P-384"}), "signed with ES256"),
        (json.dumps({"kty": "RSA", "n": "x", "e": "AQAB"}), "signed with ES256"),
        ("{}", "signed with ES256"),
    ],
)
def test_whatever_is_no_public_key_is_told_what_it_is(text: str, why: str) -> None:
    with pytest.raises(NoPublicKey, match=why):
        read_public_key(text)
