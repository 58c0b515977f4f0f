"""A thousand runs of the approval state machine, and three hundred of the acts alone, past every trigger."""

import asyncio
from collections import Counter

import pytest
from approval_machine import OFTEN, SELDOM, run_machine
from approval_world import ground

from axiru.dev.dev_json import DevJson

STEPS = 50


@pytest.mark.parametrize(
    ("runs", "triggers"), [(1_000, True), (300, False)], ids=["as deployed", "without the database's own refusals"]
)
async def test_nothing_is_executed_at_length_that_the_model_does_not_permit(
    infrastructure: DevJson, pytestconfig: pytest.Config, runs: int, triggers: bool
) -> None:
    seed = pytestconfig.getoption("--torture-seed")
    print(f"--torture-seed {seed}")

    seen = await asyncio.to_thread(_run, infrastructure, runs, triggers, seed)

    print(dict(seen))
    assert [what for what in (OFTEN + SELDOM if triggers else OFTEN) if not seen[what]] == []


def _run(infrastructure: DevJson, runs: int, triggers: bool, seed: int) -> Counter[str]:
    with ground(infrastructure, triggers=triggers) as on:
        return run_machine(on, runs=runs, steps=STEPS, seed=seed)
