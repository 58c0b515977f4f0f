"""`axiru replay`: what it prints, writes and exits with."""

import csv
import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from axiru.cli.commands import axiru

HEADER = "id,Created (UTC),Amount,Amount Refunded,Currency,Refunded date (UTC),Customer ID,Reason\n"
ROWS = (
    "ch_1,2024-01-01 10:00,200.00,200.00,usd,2024-02-01 10:00,cus_1,duplicate\n"
    "ch_2,2024-01-02 10:00,200.00,0.00,usd,,cus_2,\n"
    "ch_3,2024-01-03 10:00,140.00,140.00,usd,2024-02-01 10:00,cus_3,duplicate\n"
    "ch_4,2024-01-04 10:00,20.00,20.00,usd,2024-02-01 10:00,cus_4,duplicate\n"
    "ch_5,2024-01-05 10:00,120.00,120.00,usd,2024-01-06 10:00,cus_5,duplicate\n"
    "ch_6,2024-01-05 10:00,500,500,jpy,2024-01-16 10:00,cus_6,duplicate\n"
)
HOSTILE = "<script>alert(1)</script>"


@pytest.fixture
def export(tmp_path: Path) -> Path:
    file = tmp_path / "payments.csv"
    file.write_text(HEADER + ROWS)
    return file


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(axiru, ["replay", *map(str, arguments)])


def test_json_is_what_the_contract_says(export: Path) -> None:
    result = run(export, "--json")
    assert result.exit_code == 0, result.output
    report = json.loads(result.stdout)
    assert {name: report[name] for name in ("rows", "refunds", "allowed", "blocked", "paused", "drift")} == {
        "rows": 6,
        "refunds": 5,
        "allowed": {"count": 2, "amount": {"usd": 16000}},
        "blocked": {"count": 1, "amount": {"usd": 12000}},
        "paused": {"count": 2, "amount": {"jpy": 500, "usd": 20000}},
        "drift": {"count": 1, "amount": {"usd": 14000}},
    }
    assert report["not_evaluable"] == []
    wanted = ("line", "id", "outcome", "rule", "reason")
    assert [tuple(finding[name] for name in wanted) for finding in report["findings"]] == [
        (2, "ch_1", "paused", "high_value_refund_review", "amount_above_default_threshold"),
        (4, "ch_3", "drift", "just_under_approval_threshold", "just_under_approval_threshold"),
        (6, "ch_5", "blocked", "new_customer_high_value", "new_customer_high_value"),
        (7, "ch_6", "paused", "currency_not_covered", "currency_not_covered"),
    ]


def test_standard_output_holds_the_json_and_nothing_else(export: Path) -> None:
    command = [sys.executable, "-P", "-m", "axiru.cli", "replay", str(export), "--json"]
    done = subprocess.run(command, capture_output=True, check=True)  # noqa: S603 - Axiru itself
    assert json.loads(done.stdout)["refunds"] == 5
    assert done.stderr == b""


def test_people_get_a_table_and_the_rows_concerned(export: Path) -> None:
    output = run(export).output
    assert "6 rows, 5 refunds" in output
    for told in ("blocked", "paused for approval", "policy drift", "120.00 USD", "500 JPY", "ch_5"):
        assert told in output


@pytest.mark.parametrize(
    ("content", "place"),
    [
        ("", "1:1"),
        (HEADER + "ch_1,2024-01-01,5\n", "2:4"),
        (HEADER + ROWS + "ch_7,2024-01-01 10:00,5,five,usd,,,\n", "8:4"),
        ("Reference,Value\n1,2\n", "1:1"),
    ],
)
def test_bad_file_exits_2_with_line_and_column(tmp_path: Path, content: str, place: str) -> None:
    file = tmp_path / "bad.csv"
    file.write_text(content)
    result = run(file, "--json")
    assert result.exit_code == 2
    assert result.stdout == ""
    assert f"{file}:{place}: " in result.stderr
    line, column = place.split(":")
    assert f"line {line}, column {column}" in result.stderr


def test_file_that_is_not_there_exits_2(tmp_path: Path) -> None:
    assert run(tmp_path / "nowhere.csv").exit_code == 2


@pytest.mark.parametrize("pack", ["no-such-pack", "daa-starter", "nowhere.yaml"])
def test_policy_that_cannot_judge_refunds_exits_2(export: Path, pack: str) -> None:
    result = run(export, "--pack", pack)
    assert result.exit_code == 2
    assert "Traceback" not in result.output


def test_policy_of_ones_own_in_a_file(export: Path, tmp_path: Path) -> None:
    policy = tmp_path / "own.yaml"
    policy.write_text(
        "policy: own\napplies_to: {rail: stripe}\nrules:\n"
        "  - {id: nothing_goes, when: {rail_action: refund}, effect: deny}\n"
        "  - {id: by_agents, when: {initiator_kind: agent}, effect: review, approvers: {role: controller}}\n"
    )
    report = json.loads(run(export, "--pack", policy, "--json").stdout)
    assert (report["blocked"]["count"], report["not_evaluable"], report["policy"]) == (5, ["by_agents"], "own")
    policy.write_text("policy: own\nrules: 1\n")
    refused = run(export, "--pack", policy)
    assert refused.exit_code == 2
    assert f"{policy}:2:8:" in refused.stderr


def test_plain_language_policy_judges_as_its_yaml_does(export: Path, tmp_path: Path) -> None:
    policy = tmp_path / "own.policy"
    policy.write_text("Policy own governs refunds on stripe.\nRefunds over $150 require approval by controller.\n")
    result = run(export, "--pack", policy, "--json")
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["paused"] == {"count": 1, "amount": {"usd": 20000}}


def test_findings_are_written_as_csv_in_which_no_cell_is_a_formula(tmp_path: Path) -> None:
    file, out = tmp_path / "payments.csv", tmp_path / "findings.csv"
    file.write_text(HEADER + '"=HYPERLINK(""http://x"")",2024-01-01 10:00,200.00,200.00,usd,,cus_1,duplicate\n')
    assert run(file, "--findings", out, "--json").exit_code == 0
    with out.open(newline="") as source:
        [row] = csv.DictReader(source)
    assert row["id"] == '\'=HYPERLINK("http://x")'
    assert (row["line"], row["outcome"], row["amount"], row["currency"]) == ("2", "blocked", "200.00", "usd")


def test_page_escapes_what_came_from_the_file(tmp_path: Path) -> None:
    file, out = tmp_path / f"{'x' * 8}&.csv", tmp_path / "page.html"
    file.write_text(HEADER.replace("Reason", HOSTILE) + f'"{HOSTILE}",2024-01-01 10:00,200.00,200.00,usd,,cus_1,\n')
    assert run(file, "--html", out).exit_code == 0
    page = out.read_text()
    assert HOSTILE not in page
    assert page.count("&lt;script&gt;alert(1)&lt;/script&gt;") == 2
    assert "xxxxxxxx&amp;.csv" in page
    assert "<script" not in page
    assert "src=" not in page
    assert "http" not in page.replace("http-equiv", "")


def test_cells_of_the_file_do_not_steer_the_terminal(tmp_path: Path) -> None:
    file = tmp_path / "payments.csv"
    file.write_text(HEADER + "\x1b[2J[red]ch_1,2024-01-01 10:00,200.00,200.00,usd,,cus_1,duplicate\n")
    output = run(file).output
    assert "\x1b" not in output
    assert "[red]ch" in output


def test_output_that_cannot_be_written_is_one_sentence(export: Path, tmp_path: Path) -> None:
    result = run(export, "--findings", tmp_path / "no" / "such" / "directory.csv")
    assert result.exit_code == 2
    assert "cannot be written" in result.stderr
