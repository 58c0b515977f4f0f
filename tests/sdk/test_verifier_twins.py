"""Both verifiers and the server agree: on what a request's fingerprint is, on every altered token, at every time.

The long forms are in `tests/torture`.
"""

import random
from collections.abc import Iterator

import pytest
from token_twins import (
    NOW,
    NodeVerifier,
    Signer,
    accepted_when_changed,
    code_differences,
    fingerprint_differences,
    node_verifier,
    python_codes,
)


@pytest.fixture(scope="module")
def node() -> Iterator[NodeVerifier]:
    with node_verifier() as running:
        yield running


def test_fingerprint_is_the_same_here_there_and_at_the_server(node: NodeVerifier) -> None:
    assert fingerprint_differences(400, seed=1, node=node) == []


def test_no_token_is_accepted_with_a_character_changed(node: NodeVerifier) -> None:
    assert accepted_when_changed(2, seed=1, node=node) == []


def test_claims_that_are_spoilt_are_refused_for_the_same_cause(node: NodeVerifier) -> None:
    assert code_differences(500, seed=1, node=node) == []


@pytest.mark.parametrize("leeway_seconds", [0, 30])
def test_token_is_accepted_in_its_time_and_leeway_and_not_a_second_more(
    leeway_seconds: int, node: NodeVerifier
) -> None:
    signer = Signer()
    token = signer.token(random.Random(1))  # noqa: S311 - a test's chance
    offsets = range(-600, 601)

    def expected(offset: int) -> str:
        if offset < -leeway_seconds:
            return "token_not_yet_valid"
        return "accepted" if offset < 300 + leeway_seconds else "token_expired"

    tried = [(token, NOW + offset) for offset in offsets]
    for codes in (python_codes(tried, signer.jwks, leeway_seconds), node.codes(tried, signer.jwks, leeway_seconds)):
        assert codes == [expected(offset) for offset in offsets]
