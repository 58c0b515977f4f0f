"""When the contract suite cannot run, it says what is missing; and what its verdict is made of."""

from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner, Result

from axiru.cli.commands import axiru
from axiru.contract_suite.cases import ACTIONS, MANNERS, PARTS, SURFACE_MODES, Extent, windows
from axiru.contract_suite.verdict import Row, Told
from axiru.dev.dev_json import DevJson, write
from axiru.dev.ports import Ports

HELD = Told(outcome="hold", kept=True, cause="timed_out")


def _row(**changed: Any) -> Row:
    row = Row(
        part="PostgreSQL",
        manner="down",
        surface_mode="enforce",
        action="refund",
        execute="axiru",
        told=HELD,
        calls_while_cut=0,
        answers_after=1,
        outcome_after="allow",
        calls_after=1,
    )
    return msgspec.structs.replace(row, **changed)


BY_CALLER: dict[str, Any] = {"execute": "caller", "calls_after": 0}
SHADOW: dict[str, Any] = {"surface_mode": "shadow", "answers_after": 0, "outcome_after": "", "calls_after": 0}
DISPUTE: dict[str, Any] = {**BY_CALLER, "action": "dispute", "packet_known": True}
LAST_GOOD = Told(outcome="allow", may_execute=True, degraded=True, has_packet=True, cause="timed_out")
AGENT: dict[str, Any] = {**BY_CALLER, "action": "agent_payment"}
GOES_ON = Told(outcome="allow", may_execute=True, advisory_failed=True, cause="timed_out")
BY_AXIRU = Told(outcome="allow", reachable=True)

GOOD = {
    "held, executed once": {},
    "held for the caller": BY_CALLER,
    "denied after healing": {"outcome_after": "deny", "calls_after": 0},
    "dispute by its last good packet": {**DISPUTE, "told": LAST_GOOD},
    "dispute that Axiru submits": {"action": "dispute", "packet_known": True},
    "dispute without a packet": {**DISPUTE, "packet_known": False},
    "shadow goes on": {**SHADOW, "told": GOES_ON},
    "Stripe away, Axiru decided": {"part": "Stripe", "told": BY_AXIRU},
    "a token that is used once all is back": {**AGENT, "leaves_after": 1},
    "a token whose answer was lost": AGENT,
    "a token that is used without Temporal": {**AGENT, "part": "Temporal", "leaves_while_cut": 1},
}
BAD: dict[str, dict[str, Any]] = {
    "a call got through": {"calls_while_cut": 1},
    "a call got through in shadow": {**SHADOW, "told": GOES_ON, "calls_while_cut": 1},
    "the client failed open": {**BY_CALLER, "told": Told(outcome="allow", may_execute=True)},
    "allowed, though not to execute": {"told": Told(outcome="allow")},
    "allowed through the cut": {**BY_CALLER, "told": Told(outcome="allow", reachable=True, may_execute=True)},
    "decided through the cut": {"told": BY_AXIRU},
    "a hold that was not kept": {"told": Told(outcome="hold")},
    "an error instead": {"told": Told(raised="KeyError: 'x'")},
    "a dispute held in spite of its packet": DISPUTE,
    "a dispute let go without saying degraded": {**DISPUTE, "told": GOES_ON},
    "a dispute let go without a packet": {**DISPUTE, "packet_known": False, "told": LAST_GOOD},
    "a packet for a refund": {**BY_CALLER, "told": LAST_GOOD},
    "shadow held": {**SHADOW, "told": HELD},
    "shadow silent about the failed advice": {**SHADOW, "told": Told(outcome="allow", may_execute=True)},
    "lost after healing": {"answers_after": 0, "outcome_after": "", "calls_after": 0},
    "decided twice": {"answers_after": 2},
    "executed twice": {"calls_after": 2},
    "never executed": {"calls_after": 0},
    "executed for the caller": {**BY_CALLER, "calls_after": 1},
    "executed though denied": {"outcome_after": "deny"},
    "executed in shadow": {**SHADOW, "told": GOES_ON, "calls_after": 1},
    "a token used through the cut": {**AGENT, "leaves_while_cut": 1},
    "a token used twice": {**AGENT, "part": "Temporal", "leaves_while_cut": 1, "leaves_after": 1},
    "Stripe away and the caller let go": {
        "part": "Stripe",
        **BY_CALLER,
        "told": Told(outcome="allow", reachable=True, may_execute=True),
    },
}


@pytest.mark.parametrize("case", GOOD)
def test_row_that_keeps_the_contract(case: str) -> None:
    assert _row(**GOOD[case]).faults == ()


@pytest.mark.parametrize("case", BAD)
def test_row_that_breaks_the_contract(case: str) -> None:
    assert _row(**BAD[case]).faults


def test_every_cut_is_tried_for_every_action_and_mode() -> None:
    tried = {
        (window.part, window.manner, window.surface_mode, action)
        for window in windows(Extent.WHOLE)
        for action, _ in window.asked
    }

    assert tried == {
        (part, manner, surface_mode, action)
        for part in PARTS
        for manner in MANNERS
        for surface_mode in SURFACE_MODES
        for action in ACTIONS
        # Where agents pay, their own code calls Stripe, and not Axiru.
        if (part, action) != ("Stripe", "agent_payment")
    }


def test_reduced_run_cuts_every_part() -> None:
    assert {window.part for window in windows(Extent.REDUCED)} == set(PARTS)


def test_without_a_stack_it_cannot_run(tmp_path: Path) -> None:
    result = _run("--target", "http://127.0.0.1:8400", "--home", str(tmp_path))

    assert result.exit_code == 2
    assert "No stack runs in" in result.output


@pytest.mark.parametrize("url", ["http://127.0.0.1:{port}", "http://127.0.0.1", "nonsense", "http://127.0.0.1:99999"])
def test_url_of_no_stack_is_refused(url: str) -> None:
    result = _run("--target", url.format(port=Ports().free()))

    assert result.exit_code == 2
    assert "--home" in result.output


def test_home_of_another_stack_is_refused(tmp_path: Path) -> None:
    write(tmp_path / "dev.json", DevJson(home=str(tmp_path), api_url="http://127.0.0.1:1"))

    result = _run("--target", "http://127.0.0.1:2", "--home", str(tmp_path))

    assert result.exit_code == 2
    assert "is at http://127.0.0.1:1, not at http://127.0.0.1:2" in result.output


def test_damaged_dev_json_is_refused(tmp_path: Path) -> None:
    (tmp_path / "dev.json").write_text("{")

    result = _run("--target", "http://127.0.0.1:2", "--home", str(tmp_path))

    assert result.exit_code == 2
    assert "cannot be read" in result.output


def test_stack_that_has_ended_is_refused(tmp_path: Path) -> None:
    url = f"http://127.0.0.1:{Ports().free()}"
    keys = {"decisions": "ak_test_1", "authorizations": "ak_test_2", "admin": "ak_test_3"}
    write(tmp_path / "dev.json", DevJson(home=str(tmp_path), api_url=url, api_keys=keys))

    result = _run("--target", url, "--home", str(tmp_path))

    assert result.exit_code == 2
    assert "settings of the API" in result.output


def test_toxiproxy_that_does_not_answer_is_named(stack: DevJson) -> None:
    url = f"http://127.0.0.1:{Ports().free()}"

    result = _run("--target", stack.api_url, "--home", stack.home, "--toxiproxy", url)

    assert result.exit_code == 2
    assert f"No toxiproxy answers at {url}" in result.output


def _run(*arguments: str) -> Result:
    return CliRunner().invoke(axiru, ["contract-suite", *arguments])
