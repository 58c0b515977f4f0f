"""A policy file of any kind either loads whole or is refused with every fault named; nothing else ever happens."""

from typing import Any

import pytest
import yaml
from drawn_policies import policies
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from policies import Policy, PolicyError, PolicyInvalid, compile_policy, pack, pack_names, parse, to_yaml
from policies.cases import read_cases
from policies.write import document

HEAD = "policy: a-policy\napplies_to: {rail: stripe}\nrules:\n"


def faults(text: str) -> tuple[PolicyError, ...]:
    with pytest.raises(PolicyInvalid) as caught:
        parse(text)
    assert caught.value.code == "policy_invalid"
    assert caught.value.errors
    return caught.value.errors


def rule(when: str = "{rail: stripe}", effect: str = "deny", more: str = "") -> str:
    return f"{HEAD}  - id: a_rule\n    when: {when}\n    effect: {effect}\n{more}"


def faults_if_any(text: str) -> tuple[PolicyError, ...] | None:
    """None if the text loads. Any exception but PolicyInvalid fails the test."""
    try:
        assert isinstance(parse(text), Policy)
    except PolicyInvalid as refused:
        return refused.errors
    return None


def loads_or_is_refused(text: str) -> None:
    found = faults_if_any(text)
    if found is None:
        return
    breaks = sum(text.count(each) for each in "\n\r\x85\u2028\u2029")
    assert found
    for fault in found:
        assert 1 <= fault.line <= breaks + 2
        assert fault.column >= 1
        assert fault.code
        assert fault.message


def test_every_fault_is_named_with_place_and_hint() -> None:
    found = faults(
        "policy: Refunds\n"
        "applies_to: {rail: stripe}\n"
        "shadwo: true\n"
        "rules:\n"
        "  - id: one\n"
        "    when: {amount: {currency: usd, gt: 150.00}}\n"
        "    effect: review\n"
        "  - id: one\n"
        "    priority: -1\n"
        "    when: {amuont: {currency: usd}}\n"
        "    effect: alow\n"
    )
    assert [(each.line, each.column, each.code) for each in found] == [
        (1, 9, "invalid_value"),
        (3, 1, "unknown_key"),
        (5, 5, "missing_key"),
        (6, 40, "wrong_type"),
        (8, 5, "duplicate_rule"),
        (9, 15, "out_of_range"),
        (10, 12, "unknown_kind"),
        (11, 13, "invalid_value"),
    ]
    hints = [each.hint for each in found]
    assert hints[1] == "did you mean `shadow`?"
    assert hints[2] == "approvers: {role: controller}"
    assert "minor units" in hints[3]
    assert hints[4] == "the first is in line 5"
    assert hints[6] == "did you mean `amount`?"
    assert hints[7] == "did you mean `allow`?"


@pytest.mark.parametrize(
    ("text", "code", "line"),
    [
        ("", "empty", 1),
        ("# only a comment\n", "empty", 1),
        ("policy: [unclosed\n", "yaml_syntax", 2),
        ("policy: a\n\trules: b\n", "yaml_syntax", 2),
        ("policy: a\nb\x00c\n", "invalid_character", 2),
        ('policy: "\\U00110000"\n', "yaml_syntax", 1),
        ('policy: "\\UFFFFFFFF"\n', "yaml_syntax", 1),
        (f"%YAML {'9' * 5000}.1\n--- a\n", "yaml_syntax", 1),
        ("a: 1\n--- \nb: 2\n", "yaml_syntax", 2),
        ("[" * 100_000, "too_deep", 1),
        ("a:\n" + "- " * 5_000 + "b\n", "too_deep", 2),
        ("x" * 262_145, "too_large", 1),
        ("just a word\n", "wrong_type", 1),
        ("- a\n- b\n", "wrong_type", 1),
        (HEAD.replace("rules:\n", "rules: []\n"), "invalid_value", 3),
        (HEAD, "wrong_type", 3),
        (HEAD + "  - {id: a, id: b, when: {rail: s}, effect: deny}\n", "duplicate_key", 4),
        (rule("{}"), "empty_condition", 5),
        (rule("{all: []}"), "invalid_value", 5),
        (rule("{rail: stripe, currency: usd}"), "several_conditions", 5),
        (rule("{time_machine: {}}"), "unknown_kind", 5),
        (rule("{amount: {gt: 1}}"), "missing_key", 5),
        (rule("{amount: {currency: usd}}"), "missing_key", 5),
        (rule("{amount: {currency: usd, gt: 1, gte: 2}}"), "invalid_value", 5),
        (rule("{amount: {currency: usd, gt: 9007199254740992}}"), "out_of_range", 5),
        (rule(f"{{amount: {{currency: usd, gt: {'9' * 9000}}}}}"), "out_of_range", 5),
        (rule("{amount: {currency: usd, gt: 0x10}}"), "wrong_type", 5),
        (rule("{amount: {currency: usd, gt: 010}}"), "wrong_type", 5),
        (rule("{amount: {currency: usd, gt: 1:30}}"), "wrong_type", 5),
        (rule("{amount: {currency: usd, gt: .inf}}"), "wrong_type", 5),
        (rule("{amount: {currency: dollars, gt: 1}}"), "invalid_value", 5),
        (rule("{rolling_window: {measure: sum, per: initiator, within: 24h, gt: 1}}"), "missing_key", 5),
        (
            rule("{rolling_window: {measure: count, per: charge, within: 24h, currency: usd, gt: 1}}"),
            "invalid_value",
            5,
        ),
        (rule("{rolling_window: {measure: count, per: charge, within: 86400, gt: 1}}"), "invalid_value", 5),
        (rule("{rolling_window: {measure: count, per: charge, within: 9999d, gt: 1}}"), "out_of_range", 5),
        (rule("{context: {customer_tenure: {lt: 7}}}"), "unknown_key", 5),
        (rule("{context: {reason_code: {in: [a], not_in: [b]}}}"), "invalid_value", 5),
        (rule("{counterparty: {country: Cuba}}"), "invalid_value", 5),
        (rule("{time_of_day: {zone: Mars/Base, days: mon}}"), "unknown_zone", 5),
        (rule("{custom_expression: amount_cents}"), "invalid_expression", 5),
        (rule('{custom_expression: "amount_cents > $limit"}'), "invalid_expression", 5),
        (rule("{custom_expression: $limit}"), "unknown_parameter", 5),
        (rule("{initiator_id: {in_list: A-List}}"), "invalid_value", 5),
        (rule(more="    on_error: deny\n"), "invalid_value", 7),
        (rule(effect="review", more="    approvers: {count: 2}\n"), "missing_key", 7),
        (rule(effect="review", more="    approvers: {role: a, count: 0}\n"), "out_of_range", 7),
        (rule(effect="review", more="    approvers: {groups: []}\n"), "invalid_value", 7),
        (rule(effect="review", more="    approvers: {groups: [{role: a}, {role: a}]}\n"), "invalid_value", 7),
        (rule(effect="deny", more="    approvers: {role: controller}\n"), "invalid_value", 7),
        (rule(effect="flag", more="    when_missing: deny\n"), "invalid_value", 7),
        (rule(more='    message: "\\uD800"\n'), "invalid_character", 7),
        (rule(more="    message: 12\n"), "wrong_type", 7),
        (rule(more="shadow: yes\n"), "wrong_type", 7),
        (rule(more="schema: 3\n"), "out_of_range", 7),
    ],
)
def test_a_bad_file_is_refused_at_the_right_line(text: str, code: str, line: int) -> None:
    assert (code, line) in {(each.code, each.line) for each in faults(text)}


def test_a_billion_laughs_are_refused_at_once() -> None:
    laughs = "a: &a [lol]\n" + "".join(
        f"{chr(98 + i)}: &{chr(98 + i)} [*{chr(97 + i)}, *{chr(97 + i)}]\n" for i in range(20)
    )
    codes = [each.code for each in faults(laughs)]
    assert codes.count("alias_refused") == 40


def test_a_long_list_of_faults_is_not_held_up_by_guessing_at_each() -> None:
    clocks = ", ".join(f"{{time_of_day: {{zone: America/New_Yrok{number}, days: mon}}}}" for number in range(2000))
    found = faults(rule(f"{{any: [{clocks}]}}"))
    assert len(found) == 2000
    assert sum(each.hint == "did you mean `America/New_York`?" for each in found) == 50


def test_an_object_tag_constructs_nothing() -> None:
    assert faults('!!python/object/apply:os.system ["echo no"]\n')[0].code == "wrong_type"
    assert faults(rule(more="    message: !!python/name:os.system\n"))[0].code == "wrong_type"


def test_norway_is_a_country_and_not_a_falsehood() -> None:
    assert parse(rule("{counterparty: {country: [NO, se]}}")) == parse(rule('{counterparty: {country: ["SE", "no"]}}'))


@given(st.text(max_size=200))
@settings(max_examples=200, deadline=None)
def test_any_text_loads_or_is_refused(text: str) -> None:
    loads_or_is_refused(text)


TOKENS = (
    *"[]{}:,-?&*!|>%@`#'\"\n \t~",
    *(
        "- ",
        ": ",
        "\n  ",
        "\n    ",
        "policy: ",
        "rules:\n",
        "when: ",
        "all: ",
        "not: ",
        "amount: ",
        "<<: ",
        "schema: 1\n",
        "review_over: ",
        "parameters:\n",
        "$x",
        "time_of_day: ",
        "zone: ",
        "custom_expression: ",
        "in_list: ",
        "context: ",
        "extra.x: ",
        "escalate: ",
        "on_error: ",
        "&a ",
        "*a",
        "!!int ",
    ),
    *("1.5", "9" * 30, "null", "true", '"\\x', "usd", "\ufeff", "\x85", "---\n", "...\n", "? "),
)


@given(st.lists(st.sampled_from(TOKENS), max_size=40).map("".join))
@settings(max_examples=200, deadline=None)
def test_any_yaml_loads_or_is_refused(text: str) -> None:
    loads_or_is_refused(text)


@given(st.binary(max_size=200))
@settings(max_examples=100, deadline=None)
def test_any_bytes_read_as_text_load_or_are_refused(raw: bytes) -> None:
    loads_or_is_refused(raw.decode("utf-8", "surrogateescape"))
    loads_or_is_refused(raw.decode("utf-16", "replace"))


damages = st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 12), st.sampled_from(("", *TOKENS)))


@given(st.sampled_from(pack_names()), st.lists(damages, min_size=1, max_size=3))
@settings(max_examples=60, deadline=None)
def test_a_damaged_pack_loads_or_is_refused(name: str, damaged: list[tuple[float, int, str]]) -> None:
    text = pack(name)
    for place, length, replacement in damaged:
        start = int(place * len(text))
        text = text[:start] + replacement + text[start + length :]
    loads_or_is_refused(text)


scalars = st.sampled_from(
    (None, True, 0, -1, 10**30, 1.5, "", "usd", "24h", "25:00", "$x", "no such thing", "\u2028", "a" * 600)
)
strange = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=6), inner, max_size=2),
    max_leaves=3,
)


def damage(document: Any, data: st.DataObject) -> Any:
    """Somewhere in `document` a value is replaced, left out or called otherwise."""
    if isinstance(document, dict) and document and data.draw(st.integers(0, 4)):
        key = data.draw(st.sampled_from(sorted(document)))
        match data.draw(st.integers(0, 9)):
            case 0:
                return {name: value for name, value in document.items() if name != key}
            case 1:
                return {f"{name}s" if name == key else name: value for name, value in document.items()}
            case _:
                return {**document, key: damage(document[key], data)}
    if isinstance(document, list) and document and data.draw(st.integers(0, 4)):
        place = data.draw(st.integers(0, len(document) - 1))
        return [*document[:place], damage(document[place], data), *document[place + 1 :]]
    return data.draw(strange)


@given(policies(), st.data())
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_a_policy_of_any_kinds_damaged_anywhere_loads_whole_or_is_refused(policy: Policy, data: st.DataObject) -> None:
    text = yaml.safe_dump(damage(document(policy), data), sort_keys=False, allow_unicode=True)
    if faults_if_any(text) is None:
        loaded = parse(text)
        assert parse(to_yaml(loaded)) == loaded
        assert compile_policy(loaded).content_hash == compile_policy(parse(to_yaml(loaded))).content_hash
    else:
        loads_or_is_refused(text)


@given(st.lists(st.sampled_from((*TOKENS, "cases:\n", "- name: ", "movement: ", "now: ")), max_size=30).map("".join))
@settings(max_examples=100, deadline=None)
def test_any_case_file_loads_or_is_refused(text: str) -> None:
    try:
        read_cases(text)
    except PolicyInvalid as refused:
        assert refused.errors  # noqa: PT017 - loading is fine too
