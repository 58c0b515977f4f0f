"""What a verifier refuses to be made of or asked: options that would be always met, and requests without a form."""

from typing import Any

import pytest
from axiru_verifier import (
    AuthorizationTokenError,
    KeysUnavailable,
    OvtInvalid,
    SettlementClient,
    Verifier,
    canonical_sha256_fingerprint,
)

NAMED: dict[str, Any] = {"issuer": "https://api.axiru.example", "audience": "org_1"}
NO_KEYS: dict[str, Any] = {"keys": []}
P256 = {
    "kty": "EC",
    "crv": "P-256",
    "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
    "y": "x0zX0DfPZqSGnzkP2r6VGZk8X0VaUZUX5P6Q6VlXw",
    "kid": "k",
}


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"keys": NO_KEYS, "jwks_url": "https://axiru.example/axiru-jwks.json"},
        {"jwks_url": "http://axiru.example/axiru-jwks.json"},
        {"jwks_url": "ftp://axiru.example/axiru-jwks.json"},
        {"jwks_url": "/axiru-jwks.json"},
        {"keys": NO_KEYS, "leeway_seconds": 31},
        {"keys": NO_KEYS, "leeway_seconds": -1},
        {"keys": NO_KEYS, "leeway_seconds": 0.5},
        {"keys": NO_KEYS, "leeway_seconds": True},
        {"keys": NO_KEYS, "refresh_cooldown_seconds": 0},
        {"keys": NO_KEYS, "timeout_seconds": 0},
        {"keys": NO_KEYS, "issuer": ""},
        {"keys": NO_KEYS, "audience": ""},
    ],
)
def test_verifier_cannot_be_made_with(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        Verifier(**(NAMED | options))


@pytest.mark.parametrize("keys", [{}, {"keys": {}}, {"keys": [1]}, {"keys": [P256]}, {"keys": [P256 | {"y": 1}]}])
def test_keys_that_are_none_are_refused(keys: dict[str, Any]) -> None:
    with pytest.raises(KeysUnavailable):
        Verifier(**NAMED, keys=keys)


def test_keys_of_other_uses_are_passed_over() -> None:
    others: list[dict[str, Any]] = [
        {"kty": "RSA", "kid": "k", "n": "AQAB", "e": "AQAB"},
        {"kty": "oct", "kid": "k", "k": "c2VjcmV0"},
        P256 | {"crv": "P-384"},
        P256 | {"use": "enc"},
        P256 | {"alg": "ES384"},
        P256 | {"key_ops": ["sign"]},
        {name: value for name, value in P256.items() if name != "kid"},
    ]
    Verifier(**NAMED, keys={"keys": others})


@pytest.mark.parametrize(
    "asked",
    [
        {},
        {"ovt": None, "fingerprint": None},
        {"ovt": {}, "fingerprint": "0" * 64},
        {"fingerprint": b"0" * 64},
        {"ovt": {}, "amount": 25_000},
        {"ovt": {}, "amount_cents": None},
    ],
)
def test_verification_that_would_bind_nothing_is_a_mistake(asked: dict[str, Any]) -> None:
    with pytest.raises(TypeError):
        Verifier(**NAMED, keys=NO_KEYS).verify("a.b.c", **asked)


@pytest.mark.parametrize(
    "ovt",
    [
        {"a": float("nan")},
        {"a": float("inf")},
        {"a": 2**53},
        {"a": "\ud800"},
        {"\udfff": 1},
        {1: "a"},
        {"a": b"bytes"},
        {"a": {1, 2}},
        {"a": object()},
        [],
        "{}",
        None,
    ],
)
def test_request_without_a_canonical_form_is_refused(ovt: Any) -> None:
    with pytest.raises(OvtInvalid):
        canonical_sha256_fingerprint(ovt)


def test_request_that_contains_itself_is_refused() -> None:
    ovt: dict[str, Any] = {}
    ovt["ovt"] = ovt
    with pytest.raises(OvtInvalid):
        canonical_sha256_fingerprint(ovt)


@pytest.mark.parametrize(
    "made",
    [("http://axiru.example", "ak_test_1"), ("https://axiru.example", "")],
)
def test_settlement_client_cannot_be_made_with(made: tuple[str, str]) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        SettlementClient(*made)


def test_every_error_has_a_code_of_its_own() -> None:
    def below(error: type[AuthorizationTokenError]) -> list[type[AuthorizationTokenError]]:
        return [error, *(deeper for direct in error.__subclasses__() for deeper in below(direct))]

    codes = [vars(error)["code"] for error in below(AuthorizationTokenError) if "code" in vars(error)]
    assert len(codes) == len(set(codes)) == 18
