"""The Python verifier against the vectors that every verifier is held against."""

import json
import subprocess
import sys
from base64 import urlsafe_b64decode
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from axiru_verifier import Claims, VerificationError, Verifier, canonical_sha256_fingerprint, errors

ROOT = Path(__file__).parents[2]
VECTORS = json.loads((ROOT / "sdk" / "vectors" / "vectors.json").read_text("utf-8"))


def verify(vector: dict[str, Any]) -> Claims:
    verifier = Verifier(
        issuer=VECTORS["issuer"],
        audience=VECTORS["audience"],
        keys=VECTORS["jwks"],
        leeway_seconds=VECTORS["leeway_seconds"],
        now=lambda: vector["now"],
    )
    bound_to = {name: vector[name] for name in ("ovt", "fingerprint") if name in vector}
    return verifier.verify(vector["token"], **bound_to, **vector["expected"])


@pytest.mark.parametrize("vector", VECTORS["accepted"], ids=lambda vector: vector["name"])
def test_token_is_accepted(vector: dict[str, Any]) -> None:
    claims = asdict(verify(vector))
    signed = json.loads(urlsafe_b64decode(vector["token"].split(".")[1] + "=="))
    assert claims == {name: signed.get(name) for name in claims}
    assert claims["jti"].startswith("jti_vectors_")


@pytest.mark.parametrize("vector", VECTORS["refused"], ids=lambda vector: vector["name"])
def test_token_is_refused_for_its_cause(vector: dict[str, Any]) -> None:
    with pytest.raises(VerificationError) as refused:
        verify(vector)
    assert (refused.value.code, getattr(refused.value, "claim", None)) == (vector["code"], vector["claim"])


def test_claims_are_typed() -> None:
    vector = next(vector for vector in VECTORS["accepted"] if vector["name"] == "an asset that is no currency")
    claims = verify(vector)
    assert (claims.rail, claims.amount_cents, claims.mode) == ("x402", None, "test")
    assert claims.amount is not None
    assert int(claims.amount.units) == 2**128


@pytest.mark.parametrize("vector", VECTORS["fingerprints"], ids=lambda vector: vector["sent"][:20])
def test_fingerprint_is_that_of_the_canonical_form(vector: dict[str, Any]) -> None:
    assert canonical_sha256_fingerprint(json.loads(vector["sent"])) == vector["fingerprint"]


def test_vectors_have_every_cause_that_a_token_can_be_refused_for() -> None:
    causes = {error.code for error in errors.VerificationError.__subclasses__()}
    assert {vector["code"] for vector in VECTORS["refused"]} == causes - {"keys_unavailable", "ovt_invalid"}


def test_vectors_are_what_their_script_writes() -> None:
    generate = ROOT / "sdk" / "vectors" / "generate.py"
    command = [sys.executable, generate, "--check"]
    checked = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own script
    assert checked.returncode == 0, checked.stderr
