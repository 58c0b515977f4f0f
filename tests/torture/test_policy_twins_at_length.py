"""A million generated cases before two evaluators. Each part names its seed, so that one can be run again alone."""

import pytest
from twin_comparison import differences

CASES = 50_000
PARTS = 20


@pytest.mark.parametrize("part", range(PARTS))
def test_two_evaluators_agree_on_a_million_cases(part: int, pytestconfig: pytest.Config) -> None:
    seed = pytestconfig.getoption("--torture-seed") + part
    print(f"--torture-seed {seed} -k 'million_cases[0]'")
    assert differences(seed, CASES) == []
