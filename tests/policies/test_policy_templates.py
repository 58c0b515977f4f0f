"""Templates: packs with parameters. Every value is typed and used, and no `$name` ever becomes part of a policy."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from policies import PolicyInvalid, compile_policy, pack, pack_names, parse, to_yaml
from policies.parameters import TYPES, fill_in
from policies.parse import parse_with_values
from policies.reading import Reader
from policies.source import compose
from policies.templates import instantiate, template, template_names

TEXT = """policy: a-template
parameters:
  cap: {type: amount, default: 50000, description: The most that one payment may be}
  countries: {type: list_of_countries, default: [CU, NO]}
  who: {type: role, default: controller}
  span: {type: duration, default: 24h}
  zone: {type: zone, default: America/New_York}
  start: {type: time, default: 09:00}
  vips: {type: list, default: vip_customers}
  said: {type: text, default: Too much}
applies_to: {rail: stripe}
rules:
  - id: one
    when:
      all:
        - amount: {currency: usd, gt: $cap}
        - counterparty: {country: $countries}
        - context: {customer_id: {not_in_list: $vips}}
        - time_of_day: {zone: $zone, from: $start, until: "17:00"}
    effect: review
    message: $said
    approvers: {role: $who, deadline: $span}
"""
RULE = "{{id: a, when: {{amount: {{currency: usd, gt: {place}}}}}, effect: deny}}"
SHORT = f"policy: a\n{{block}}applies_to: {{{{rail: stripe}}}}\nrules:\n  - {RULE}\n"


def faults(text: str, values: dict[str, Any] | None = None) -> list[tuple[int, str]]:
    with pytest.raises(PolicyInvalid) as caught:
        parse_with_values(text, values or {})
    return [(each.line, each.code) for each in caught.value.errors]


def test_defaults_stand_where_no_value_is_given() -> None:
    plain = TEXT.partition("parameters:")[0] + "applies_to" + TEXT.partition("applies_to")[2]
    for name, value in {
        "cap": "50000", "countries": "[CU, NO]", "who": "controller", "span": "24h", "zone": "America/New_York",
        "start": "09:00", "vips": "vip_customers", "said": "Too much",
    }.items():  # fmt: skip
        plain = plain.replace(f"${name}", value)
    assert parse(TEXT) == parse(plain)
    assert compile_policy(parse(TEXT)).content_hash == compile_policy(parse(plain)).content_hash


def test_values_take_their_places() -> None:
    values = {
        "cap": 1,
        "countries": ["no"],
        "who": "admin",
        "span": "2h",
        "zone": "UTC",
        "start": "16:59",
        "said": "No: $5",
    }
    policy = parse_with_values(TEXT, values).policy
    written = to_yaml(policy)
    for each in ("gt: 1", "'NO'", "role: admin", "deadline: 2h", "zone: UTC", "16:59", "'No: $5'"):
        assert each in written
    assert "parameters" not in written
    assert parse(written) == policy


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"cpa": 1}, [(3, "unknown_parameter")]),
        ({"cap": "1"}, [(3, "wrong_type")]),
        ({"cap": 1.5}, [(3, "wrong_type")]),
        ({"cap": True}, [(3, "wrong_type")]),
        ({"cap": None}, [(3, "wrong_type")]),
        ({"cap": -1}, [(3, "out_of_range")]),
        ({"cap": 2**53}, [(3, "out_of_range")]),
        ({"cap": 10**5000}, [(3, "out_of_range")]),
        ({"cap": [1]}, [(3, "wrong_type")]),
        ({"cap": {"gt": 1}}, [(3, "wrong_type")]),
        ({"countries": "NO"}, [(4, "wrong_type")]),
        ({"countries": []}, [(4, "invalid_value")]),
        ({"countries": ["Norway"]}, [(4, "invalid_value")]),
        ({"countries": [["NO"]]}, [(4, "wrong_type")]),
        ({"who": "Finance Manager"}, [(5, "invalid_value")]),
        ({"who": "$cap"}, [(5, "invalid_value")]),
        ({"span": 24}, [(6, "invalid_value")]),
        ({"zone": "Mars/Olympus"}, [(19, "unknown_zone")]),
        ({"start": "9"}, [(8, "invalid_value")]),
        ({"said": ""}, [(10, "invalid_value")]),
        ({"said": "\x00"}, [(10, "invalid_character")]),
        ({"said": "\ud800"}, [(10, "invalid_character")]),
        ({"said": "x" * 501}, [(10, "out_of_range")]),
        ({"cap": "1", "who": 1, "said": 1}, [(3, "wrong_type"), (5, "invalid_value"), (10, "wrong_type")]),
    ],
)
def test_a_value_that_does_not_fit_is_told_where_it_is_declared_or_used(
    values: dict[str, Any], expected: list[tuple[int, str]]
) -> None:
    assert faults(TEXT, values) == expected


def test_a_wrong_value_is_told_by_the_name_of_its_parameter() -> None:
    with pytest.raises(PolicyInvalid) as refused:
        parse_with_values(TEXT, {"cap": "$750"})
    assert [error.message for error in refused.value.errors] == [
        "parameter `cap`: expected a whole number, found `$750`"
    ]


@pytest.mark.parametrize(
    ("block", "place", "expected"),
    [
        ("", "$cap", [(4, "unknown_parameter")]),
        ("parameters: {cap: {type: amount}}\n", "$cap", [(2, "missing_parameter")]),
        ("parameters: {cap: {type: amount, default: 1}}\n", "1", [(2, "unused_parameter")]),
        (
            "parameters: {cap: {type: amount, default: 1}}\n",
            "$cpa",
            [(2, "unused_parameter"), (5, "unknown_parameter")],
        ),
        ("parameters: {cap: {type: money, default: 1}}\n", "$cap", [(2, "invalid_value")]),
        ("parameters: {cap: {default: 1}}\n", "$cap", [(2, "missing_key")]),
        ("parameters: {cap: {type: amount, default: usd}}\n", "$cap", [(2, "wrong_type")]),
        ("parameters: {cap: {type: amount, default: 1, unit: usd}}\n", "$cap", [(2, "unknown_key")]),
        ("parameters: {cap: {type: role, default: a}}\n", "$cap", [(5, "wrong_type")]),
        ("parameters: {Cap: {type: amount, default: 1}}\n", "1", [(2, "unused_parameter"), (2, "invalid_value")]),
        ("parameters: {cap: 1}\n", "$cap", [(2, "wrong_type")]),
        ("parameters: []\n", "$cap", [(2, "wrong_type"), (5, "unknown_parameter")]),
        (
            f"parameters: {{{', '.join(f'p{number}: {{type: amount, default: 1}}' for number in range(51))}}}\n",
            "$p50",
            [(2, "out_of_range")],
        ),
        ("parameters: {}\nparameters: {}\n", "1", [(3, "unknown_key")]),
        ("parameters: {cap: {type: amount, default: $cap}}\n", "$cap", [(2, "wrong_type")]),
    ],
)
def test_a_declaration_at_fault_loads_nothing(block: str, place: str, expected: list[tuple[int, str]]) -> None:
    found = faults(SHORT.format(block=block, place=place))
    assert [each for each in found if each in expected] == expected


@pytest.mark.parametrize("text", ["$cap", "$$cap", "$$$cap"])
def test_a_text_that_looks_like_a_parameter_is_written_so_that_it_is_none(text: str) -> None:
    policy = parse(SHORT.format(block="", place="1").replace("effect: deny", f"effect: deny, message: ${text}"))
    assert policy.rules[0].message == text
    assert parse(to_yaml(policy)) == policy


def test_money_in_a_text_is_no_parameter() -> None:
    for message in ("$150 is a lot", "$150", "over $cap", "$"):
        policy = parse(SHORT.format(block="", place="1").replace("effect: deny", f"effect: deny, message: '{message}'"))
        assert policy.rules[0].message == message


def test_every_pack_is_a_template() -> None:
    assert template_names() == pack_names()
    for name in template_names():
        found = template(name)
        assert (found.name, bool(found.title), bool(found.description)) == (name, True, True)
        assert instantiate(name, {}) == parse(pack(name))
        assert instantiate(name, {each.name: each.default for each in found.parameters}) == parse(pack(name))
        assert all(each.type in TYPES and each.description for each in found.parameters)
        with pytest.raises(PolicyInvalid):
            instantiate(name, {"no_such_parameter": 1})


def test_parameters_are_told_in_the_order_of_the_text() -> None:
    root, _ = compose(TEXT)
    parameters = fill_in(root, Reader())
    assert [each.name for each in parameters][:3] == ["cap", "countries", "who"]
    assert (parameters[0].type, parameters[0].default) == ("amount", 50000)
    assert parameters[1].default == ["CU", "NO"]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=2),
    max_leaves=5,
)
NAMES = ("cap", "countries", "who", "span", "zone", "start", "vips", "said", "other")


@given(
    st.dictionaries(
        st.sampled_from(NAMES), json_values | st.sampled_from(("$cap", "admin", "UTC", "10:00", 7)), max_size=4
    )
)
@settings(max_examples=300, deadline=None)
def test_any_values_make_a_whole_policy_or_are_refused(values: dict[str, Any]) -> None:
    try:
        policy = parse_with_values(TEXT, values).policy
    except PolicyInvalid as refused:
        assert refused.errors  # noqa: PT017 - values that fit are fine too
        return
    assert parse(to_yaml(policy)) == policy


def test_the_guide_s_templates_have_the_names_it_gives_them() -> None:
    titles = {template(name).title for name in template_names()}
    assert titles >= {
        "DAA — Agent payment cap",
        "DAA — Rolling 24h window",
        "DAA — Counterparty country blocklist",
    }
