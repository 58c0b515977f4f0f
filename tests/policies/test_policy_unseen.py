"""What is approved is what was read: no text holds what cannot be seen or turns its letters round."""

import pytest

from policies import Policy, PolicyInvalid
from policies.formats import Format, read
from policies.plain import say
from policies.templates import instantiate

YAML = "policy: a\napplies_to: {rail: stripe}\nrules:\n"
RULE = "- {id: a, when: {rail: stripe}, effect: deny}\n"


def codes(text: str, format: Format) -> list[tuple[str, int, int]]:
    with pytest.raises(PolicyInvalid) as caught:
        read(text, format)
    return [(fault.code, fault.line, fault.column) for fault in caught.value.errors]


@pytest.mark.parametrize("line_end", ["\u2028", "\u2029", "\x85", "\r"])
def test_no_rule_begins_at_a_line_end_that_only_some_readers_show(line_end: str) -> None:
    assert codes(f"{YAML}# kept{line_end}{RULE}{RULE}", "yaml") == [("invalid_character", 4, 7)]
    assert codes(f"# kept{line_end}Refunds are denied.\nPayouts are denied.\n", "plain") == [
        ("invalid_character", 1, 7)
    ]


@pytest.mark.parametrize(
    "character", ["\u202e", "\u2066", "\u200b", "\u200f", "\u00ad", "\u2060", "\U000e0041", "\ufeff"]
)
def test_no_text_holds_a_character_that_cannot_be_seen(character: str) -> None:
    assert codes(f"Refunds over $9 are denied,\n  saying “no{character}t”.", "plain") == [("invalid_character", 2, 13)]
    assert codes(f"Refunds are denied. # no{character}t", "plain") == [("invalid_character", 1, 25)]
    assert codes(f"{YAML}# no{character}t\n{RULE}", "yaml") == [("invalid_character", 4, 5)]


@pytest.mark.parametrize("written", ["\\u202e", "\\u200b", "\\u2028"])
def test_an_escape_is_no_way_round(written: str) -> None:
    rule = RULE.replace("deny}", f'deny, message: "no{written}t"}}')
    assert codes(YAML + rule, "yaml") == [("invalid_character", 4, 56)]
    condition = RULE.replace("rail: stripe", f'context: {{reason_code: "fraudulent{written}"}}')
    assert [code for code, *_ in codes(YAML + condition, "yaml")] == ["invalid_value"]


@pytest.mark.parametrize("space", ["\u00a0", "\u2003", "\u3000", "\u2800", "\u200d"])
def test_a_word_that_facts_are_compared_with_holds_no_space_but_the_plain_one(space: str) -> None:
    assert [code for code, *_ in codes(f'Refunds from the source "chat{space}bot" are denied.', "plain")] == [
        "invalid_value"
    ]


def test_a_value_of_a_template_holds_nothing_unseen_either() -> None:
    with pytest.raises(PolicyInvalid):
        instantiate("daa-agent-payment-cap", {"currency": "us\u200bd"})


def test_other_scripts_emoji_and_the_line_ends_of_windows_are_read() -> None:
    message = "नहीं می‌خواهم 👩‍👩‍👧 ❤️"
    text = f'Refunds over $9 are denied,\r\nsaying "{message}".\r\n'
    policy = read(text, "plain").policy
    assert policy.rules[0].message == message
    assert read(say(policy), "plain").policy == policy
    windows = read((YAML + RULE).replace("\n", "\r\n"), "yaml").policy
    assert isinstance(windows, Policy)
    assert read("\ufeff" + YAML + RULE, "yaml").policy == windows
