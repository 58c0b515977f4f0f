"""10,000 requests before two verifiers and the server, and every character of 1,000 tokens changed.

Each part names its seed, so that one can be run again alone.
"""

import pytest
from token_twins import accepted_when_changed, code_differences, fingerprint_differences, node_verifier

PARTS = 20


@pytest.mark.parametrize("part", range(PARTS))
def test_fingerprints_of_ten_thousand_requests_agree(part: int, pytestconfig: pytest.Config) -> None:
    seed = pytestconfig.getoption("--torture-seed") + part
    print(f"--torture-seed {seed} -k 'ten_thousand_requests_agree[0]'")
    with node_verifier() as node:
        assert fingerprint_differences(10_000 // PARTS, seed, node) == []


@pytest.mark.parametrize("part", range(PARTS))
def test_no_changed_token_of_a_thousand_is_accepted(part: int, pytestconfig: pytest.Config) -> None:
    seed = pytestconfig.getoption("--torture-seed") + part
    print(f"--torture-seed {seed} -k 'changed_token_of_a_thousand_is_accepted[0]'")
    with node_verifier() as node:
        assert accepted_when_changed(1_000 // PARTS, seed, node) == []


@pytest.mark.parametrize("part", range(PARTS))
def test_a_hundred_thousand_spoilt_claims_are_refused_for_the_same_cause(
    part: int, pytestconfig: pytest.Config
) -> None:
    seed = pytestconfig.getoption("--torture-seed") + part
    print(f"--torture-seed {seed} -k 'spoilt_claims_are_refused_for_the_same_cause[0]'")
    with node_verifier() as node:
        assert code_differences(100_000 // PARTS, seed, node) == []
