"""What the commands say and exit with, where no server is needed."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from axiru.cli.commands import axiru
from axiru.settings import described

BROKEN = "policy: two\napplies_to: {rail: stripe}\nrules:\n  - {id: a, when: {kind: nonsense}, effect: deny}\n"
REFUNDS = Path("policies/packs/refunds-starter.yaml")


@pytest.fixture
def packs() -> Path:
    return Path(__file__).resolve().parents[2] / REFUNDS


def test_shipped_packs_hold_their_cases() -> None:
    result = _run("policy", "test")

    assert result.exit_code == 0, result.output
    assert "refunds-starter_test.yaml" in result.output


def test_failing_case_is_named_and_exits_1(tmp_path: Path, packs: Path) -> None:
    (tmp_path / packs.name).write_text(packs.read_text())
    cases = packs.with_name("refunds-starter_test.yaml").read_text()
    (tmp_path / "refunds-starter_test.yaml").write_text(
        cases.replace("approver_role: controller", "approver_role: nobody", 1)
    )

    result = _run("policy", "test", str(tmp_path))

    assert result.exit_code == 1
    assert "the reference page's refund of $175 asks a controller" in result.output
    assert "approver_role: expected nobody, found controller" in result.output


def test_directory_without_cases_is_refused(tmp_path: Path) -> None:
    assert _run("policy", "test", str(tmp_path)).exit_code == 1


def test_broken_policy_is_told_with_line_and_column(tmp_path: Path) -> None:
    file = tmp_path / "broken.yaml"
    file.write_text(BROKEN)

    result = _run("policy", "check", str(file))

    assert result.exit_code == 1
    assert f"{file}:4:" in result.output


def test_file_that_is_not_text_is_one_sentence(tmp_path: Path) -> None:
    file = tmp_path / "image.yaml"
    file.write_bytes(b"\xff\xd8\xff")

    result = _run("policy", "check", str(file))

    assert result.exit_code == 1
    assert "is not UTF-8" in result.output


@pytest.mark.parametrize(
    "request_body",
    [
        {"intent": {"kind": "refund", "amount_cents": 17500, "currency": "usd", "charge": "ch_1"}, "execute": "axiru"},
        {"rail": "stripe", "rail_action": "refund", "amount_cents": 17500, "currency": "usd"},
        {"rail": "stripe", "rail_action": "refund", "amount_cents": 17500, "currency": "USD", "idempotency_key": "k"},
        {"org_api_key": "sk_live_x", "action": "refund", "amount_cents": 17500, "currency": "usd", "reason": "other"},
    ],
)
def test_explain_takes_a_request_of_the_api_and_a_stated_movement(
    tmp_path: Path, packs: Path, request_body: dict[str, object]
) -> None:
    file = tmp_path / "request.json"
    file.write_text(json.dumps(request_body))

    result = _run("policy", "explain", str(packs), str(file))

    assert result.exit_code == 0, result.output
    assert result.output.startswith("review: Refunds over $150 require approval")


def test_explain_names_every_wrong_field_of_a_request(tmp_path: Path, packs: Path) -> None:
    file = tmp_path / "request.json"
    file.write_text(json.dumps({"intent": {"kind": "refund", "amount_cents": -1, "currency": "dollars"}}))

    result = _run("policy", "explain", str(packs), str(file))

    assert result.exit_code == 1
    assert "intent.amount_cents" in result.output
    assert "intent.currency" in result.output


@pytest.mark.parametrize("command", [["verify"], ["export", "--format", "csv"]])
def test_ledger_without_a_database_cannot_run(command: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AXIRU_DATABASE_URL", raising=False)
    assert _run("ledger", *command).exit_code == 2
    monkeypatch.setenv("AXIRU_DATABASE_URL", "postgresql://axiru_app@127.0.0.1:1/axiru")
    assert _run("ledger", *command).exit_code == 2


def test_migrate_without_the_owners_url_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AXIRU_DATABASE_ADMIN_URL", raising=False)

    result = _run("migrate")

    assert result.exit_code == 1
    assert result.output.startswith("Error: AXIRU_DATABASE_ADMIN_URL is not set")


def test_settings_lists_every_variable() -> None:
    output = _run("settings").output
    assert all(variable in output for variable, _, _ in described())


def test_help_loads_no_room() -> None:
    script = "import sys, axiru.cli.commands; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.split()  # noqa: S603

    assert not {"api", "ledger", "workflows", "activities", "console", "piccolo", "temporalio", "asyncpg"} & set(loaded)


def _run(*arguments: str) -> Result:
    return CliRunner().invoke(axiru, arguments)
