"""`axiru policy check`: what the static checks find is told, errors refuse, warnings do not."""

from pathlib import Path

from click.testing import CliRunner, Result

from axiru.cli.policy import policy

HEAD = "policy: a\napplies_to: {rail: stripe}\nrules:\n"
NEVER = "  - {id: never, when: {amount: {currency: usd, gt: 500, lt: 400}}, effect: deny}\n"
SMALL = "  - {id: small, when: {amount: {currency: usd, lte: 10000}}, effect: allow}\n"
LARGE = "  - {id: large, when: {amount: {currency: usd, gt: 15000}}, effect: deny}\n"
LISTED = "  - {id: listed, when: {context: {customer_id: {in_list: anything}}}, effect: deny}\n"


def run(directory: Path, text: str, name: str = "a.yaml") -> Result:
    file = directory / name
    file.write_text(text)
    return CliRunner().invoke(policy, ["check", str(file)])


def test_an_error_is_told_with_its_place_and_exits_1(tmp_path: Path) -> None:
    result = run(tmp_path, HEAD + SMALL + NEVER)
    assert result.exit_code == 1
    assert f"{tmp_path / 'a.yaml'}:5:5: error: rule `never` can never match" in result.stderr
    assert result.stdout == ""


def test_a_warning_is_told_and_exits_0(tmp_path: Path) -> None:
    result = run(tmp_path, HEAD + SMALL + LARGE)
    assert result.exit_code == 0
    assert ":4:5: warning: rules `small` and `large` leave out 100.01 USD to 150.00 USD" in result.stderr
    assert result.stdout == f"{tmp_path / 'a.yaml'}: no errors, 1 to look at\n"


def test_plain_language_is_checked_as_well(tmp_path: Path) -> None:
    sentences = "Refunds over $150 require approval by controller.\nRefunds over $500 require approval by controller.\n"
    result = run(tmp_path, sentences, "a.policy")
    assert result.exit_code == 0, result.output
    assert ":2:1: warning: rule " in result.stderr
    assert "never decides" in result.stderr


def test_lists_are_not_looked_up_where_nothing_says_which_there_are(tmp_path: Path) -> None:
    result = run(tmp_path, HEAD + LISTED)
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.endswith(": no errors\n")
