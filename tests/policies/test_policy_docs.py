"""The page on policies: whatever it shows loads, parses, holds or exists."""

import re
from pathlib import Path

import pytest

from policies import Policy, PolicyInvalid, compile_policy, pack, pack_names, parse, read
from policies.commands import run_policy_tests
from policies.plain import say
from policies.templates import instantiate, template

PAGE = (Path(__file__).parents[2] / "docs" / "policies.md").read_text()
SUBJECTS = ("", "Refunds ", "Movements ", "Transfers ")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def phrases(heading: str) -> list[str]:
    """What stands in backticks in the second column of the table under `heading`."""
    table = PAGE.split(f"| {heading} | write |\n")[1].split("\n\n")[0]
    rows = table.splitlines()[1:]
    return [phrase for row in rows for phrase in re.findall(r"`([^`]+)`", row.split(" | ", 1)[1])]


def loads(text: str) -> bool:
    try:
        read(text, "plain")
    except PolicyInvalid:
        return False
    return True


@pytest.mark.parametrize("text", blocks("policy"))
def test_plain_examples_load_and_are_said_again(text: str) -> None:
    policy = read(text, "plain").policy
    assert read(say(policy), "plain").policy == policy


@pytest.mark.parametrize("text", [text for text in blocks("yaml") if "cases:" not in text])
def test_yaml_examples_load(text: str) -> None:
    compile_policy(parse(text))


def test_the_cases_shown_hold_for_the_policy_shown() -> None:
    (policy,) = (text for text in blocks("yaml") if text.startswith("policy: my-refunds\nschema"))
    (cases,) = (text for text in blocks("yaml") if "cases:" in text)
    assert [result.differences for result in run_policy_tests(policy, cases)] == [(), ()]


@pytest.mark.parametrize("phrase", phrases("to say"))
def test_every_phrase_of_the_table_is_part_of_a_sentence(phrase: str) -> None:
    assert any(loads(f"{subject}{phrase} are flagged.") for subject in SUBJECTS)


@pytest.mark.parametrize("phrase", phrases("effect"))
def test_every_effect_of_the_table_ends_a_sentence(phrase: str) -> None:
    assert any(loads(f"Refunds over $1 {start}{phrase}.") for start in ("", "require approval "))


def test_a_phrase_that_is_not_in_the_language_would_be_found() -> None:
    assert not any(loads(f"{subject}over a lot are flagged.") for subject in SUBJECTS)


def test_the_mistake_shown_has_the_nearest_sentence_shown() -> None:
    mistake, nearest = re.findall(r"^    (Refunds above.*)\n    nearest: (.*)$", PAGE, re.MULTILINE)[0]
    with pytest.raises(PolicyInvalid) as refused:
        read(mistake, "plain")
    assert [error.nearest for error in refused.value.errors] == [nearest]


def test_every_pack_is_named_and_every_name_is_a_pack() -> None:
    table = PAGE.split("| pack | |\n")[1].split("\n\n")[0]
    assert set(re.findall(r"`([a-z0-9-]+)`", table)) == set(pack_names())


def test_every_template_shown_takes_the_values_shown() -> None:
    lines = re.findall(r"^    axiru policy template (\S+) ((?:-p \S+ ?)+)", PAGE, re.MULTILINE)
    assert len(lines) == PAGE.count("    axiru policy template daa-")
    for name, options in lines:
        assert run_template(name, re.findall(r"-p (\w+)=(\S+)", options)).slug == name


def run_template(name: str, given: list[tuple[str, str]]) -> Policy:
    types = {parameter.name: parameter.type for parameter in template(name).parameters}
    values = {
        key: value.split(",") if types[key].startswith("list_of_") else int(value) if types[key] == "amount" else value
        for key, value in given
    }
    return instantiate(name, values)


def test_the_windows_shown_have_the_names_that_policies_read() -> None:
    read_by_packs = {window.name for name in pack_names() for window in compile_policy(parse(pack(name))).windows}
    shown = set(re.findall(r'"((?:sum|count):[^"]+)":', PAGE))
    assert shown
    assert shown <= read_by_packs
