"""Approvals as a state machine beside an independent model: nothing is executed but what the right people permit."""

import asyncio
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from approval_machine import OFTEN, run_machine
from approval_world import ground

import ledger.acts.break_glass
import ledger.acts.hold
import ledger.acts.intend
import ledger.acts.question
import ledger.acts.recheck
import ledger.acts.unaltered
import ledger.acts.vote
from axiru.dev.dev_json import DevJson
from axiru.domain import electorate
from axiru.domain.approval import Seats, seats
from axiru.domain.electorate import Electorate

SEED = 20_260_521
RUNS, STEPS = 20, 50
RUNS_UNTIL_FOUND = 50
"""At most; what is broken is found long before."""


async def test_nothing_is_executed_that_the_model_does_not_permit(infrastructure: DevJson) -> None:
    seen = await asyncio.to_thread(_run, infrastructure, RUNS, triggers=True)

    assert [what for what in OFTEN if not seen[what]] == [], seen


def any_role_will_do(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(electorate, "seats", lambda terms, _roles, **_when: Seats(tuple(one.role for one in terms.groups)))


def one_approval_is_enough(patch: pytest.MonkeyPatch) -> None:
    ends = {"approve": "approved", "deny": "denied"}
    patch.setattr(ledger.acts.vote, "tally", lambda _terms, cast: ends[cast[-1].verdict])


def no_approval_is_enough(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(ledger.acts.vote, "tally", lambda _terms, _cast: "pending")


def escalation_is_due_at_once(patch: pytest.MonkeyPatch) -> None:
    def early(terms: Any, roles: Any, *, asked_at: Any, now: Any) -> Seats:
        return seats(terms, roles, asked_at=asked_at, now=now + timedelta(hours=4))

    patch.setattr(electorate, "seats", early)


def nobody_is_excluded(patch: pytest.MonkeyPatch) -> None:
    _changed_electorate(patch, excluded=frozenset(), requested_by="")


def what_was_sealed_is_not_looked_at(patch: pytest.MonkeyPatch) -> None:
    async def fine(_decision_id: str) -> bool:
        return True

    patch.setattr(ledger.acts.unaltered, "is_as_sealed", fine)


def kill_switch_is_forgotten(patch: pytest.MonkeyPatch) -> None:
    for module in (ledger.acts.intend, ledger.acts.recheck):
        patch.setattr(module, "forbidding", lambda *_arguments: None)


def what_was_held_is_not_judged_again(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(ledger.acts.hold, "objection_to", _no_objection)


def broken_glass_is_past_every_rule(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(ledger.acts.break_glass, "objection_to", _no_objection)


def broken_glass_never_grows_old(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(ledger.acts.break_glass, "_check_open", lambda *_arguments: None)


def hold_is_forgotten(patch: pytest.MonkeyPatch) -> None:
    executable = ledger.acts.intend._executable

    async def as_if_released(decision_id: str) -> ledger.acts.intend.Executable:
        found = await executable(decision_id)
        return msgspec.structs.replace(found, state="approved") if found.state == "held" else found

    patch.setattr(ledger.acts.intend, "_executable", as_if_released)


async def _no_objection(*_arguments: Any) -> None:
    return None


@pytest.mark.parametrize(
    "broken",
    [
        any_role_will_do,
        one_approval_is_enough,
        no_approval_is_enough,
        escalation_is_due_at_once,
        nobody_is_excluded,
        what_was_sealed_is_not_looked_at,
        kill_switch_is_forgotten,
        what_was_held_is_not_judged_again,
        broken_glass_is_past_every_rule,
        broken_glass_never_grows_old,
        hold_is_forgotten,
    ],
)
async def test_a_broken_rule_is_found_out(
    infrastructure: DevJson, monkeypatch: pytest.MonkeyPatch, broken: Callable[[pytest.MonkeyPatch], None]
) -> None:
    broken(monkeypatch)

    with pytest.raises((AssertionError, ExceptionGroup)):
        await asyncio.to_thread(_run, infrastructure, RUNS_UNTIL_FOUND, triggers=False, shrink=False)


def _changed_electorate(patch: pytest.MonkeyPatch, **changes: Any) -> None:
    patch.setattr(ledger.acts.question, "Electorate", lambda **fields: Electorate(**{**fields, **changes}))


def _run(infrastructure: DevJson, runs: int, *, triggers: bool, shrink: bool = True) -> Counter[str]:
    with ground(infrastructure, triggers=triggers) as on:
        return run_machine(on, runs=runs, steps=STEPS, seed=SEED, shrink=shrink)
