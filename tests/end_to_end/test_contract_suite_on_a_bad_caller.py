"""The contract suite on a caller that breaks the contract. A file of its own, for it takes as long as many tests."""

from pathlib import Path
from typing import Any

import pytest
from axiru_client import AsyncAxiru, Decision

from axiru.contract_suite import cases
from axiru.contract_suite.cases import Extent
from axiru.contract_suite.run import SuiteOptions, run_suite
from axiru.contract_suite.verdict import Row
from axiru.dev.dev_json import DevJson


class FailsOpen(AsyncAxiru):
    """A client as somebody in a hurry writes it: no answer is an answer."""

    async def decide(self, *arguments: Any, **options: Any) -> Decision:
        decision = await super().decide(*arguments, **options)
        if decision.reachable:
            return decision
        known = {name: getattr(decision, name) for name in Decision.__dataclass_fields__}
        return Decision(**known | {"outcome": "allow", "hold": None})


def test_caller_that_fails_open_is_found(stack: DevJson, monkeypatch: pytest.MonkeyPatch) -> None:
    # The one window that tells such a caller; `make contract-suite` tries all of them.
    monkeypatch.setattr(cases, "_REDUCED", frozenset({("network", "down", "enforce")}))
    found: list[Row] = []
    options = SuiteOptions(target=stack.api_url, home=Path(stack.home), extent=Extent.REDUCED, parts=("network",))

    rows = run_suite(options, on_rows=found.extend, new_client=FailsOpen)

    broken = [row for row in rows if row.faults]
    assert rows == found
    assert {row.action for row in broken} == {"refund", "payout", "transfer", "app_fee_refund", "dispute"}
    assert any("the caller was allowed to execute" in row.faults for row in broken)
