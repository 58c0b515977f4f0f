"""The fingerprint: the caller and a verifier can compute it alone, and it holds no secret."""

import hashlib

from api.fingerprint import fingerprint
from api.json_body import parse_strictly


def test_fingerprint_is_sha256_of_the_canonical_body() -> None:
    body = {"idempotency_key": "k", "intent": {"currency": "usd", "amount_cents": 17500}}
    canonical = b'{"idempotency_key":"k","intent":{"amount_cents":17500,"currency":"usd"}}'
    assert fingerprint(body) == hashlib.sha256(canonical).hexdigest()


def test_spelling_of_the_same_body_does_not_matter() -> None:
    assert fingerprint(parse_strictly(b'{"a": 1.50, "b": "\\u00e9"}')) == fingerprint(
        parse_strictly('{ "b":"é","a":15e-1}'.encode())
    )


def test_every_value_and_name_counts() -> None:
    bodies = [{"a": 1}, {"a": 2}, {"b": 1}, {"a": "1"}, {"a": 1, "b": None}, {"a": [1]}, {}]
    assert len({fingerprint(body) for body in bodies}) == len(bodies)


def test_the_key_in_a_body_is_left_out() -> None:
    assert fingerprint({"org_api_key": "ak_test_1", "a": 1}) == fingerprint({"a": 1})
