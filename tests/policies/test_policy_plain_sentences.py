"""Sentences as people write them, and the policies they state."""

from typing import Any

import pytest

from policies import PolicyInvalid, parse, read, say
from policies.plain.amounts import money_text
from policies.plain.examples import EXAMPLES
from policies.write import document


def rule_of(text: str) -> dict[str, Any]:
    written = document(read(text, "plain").policy)["rules"]
    assert len(written) == 1
    return written[0]  # type: ignore[no-any-return]


def when(modifiers: str) -> Any:
    return rule_of(f"Movements {modifiers} are denied.")["when"]


def errors(text: str) -> list[tuple[int, int, str]]:
    with pytest.raises(PolicyInvalid) as caught:
        read(text, "plain")
    return [(each.line, each.column, each.code) for each in caught.value.errors]


def test_the_seed_sentence_is_a_whole_policy() -> None:
    text = "Refunds over $150 require approval by finance_manager."
    parsed = read(text, "plain")
    assert parsed.policy.slug == "policy"
    assert parsed.policy.applies_to.rail == "stripe"
    assert document(parsed.policy)["rules"] == [
        {
            "id": "refunds_over_150_usd_require_approval",
            "when": {"all": [{"rail_action": "refund"}, {"amount": {"currency": "usd", "gt": 15000}}]},
            "effect": "review",
            "approvers": {"role": "finance_manager"},
        }
    ]
    assert say(parsed.policy) == text + "\n"


@pytest.mark.parametrize(
    ("text", "effect", "condition"),
    [
        (
            "Refunds over $100 for customers of under 7 days are denied.",
            "deny",
            {
                "all": [
                    {"rail_action": "refund"},
                    {"amount": {"currency": "usd", "gt": 10000}},
                    {"context": {"customer_tenure_days": {"lt": 7}}},
                ]
            },
        ),
        (
            "DAA: deny any single agent_payment above $500.",
            "deny",
            {
                "all": [
                    {"rail": "stripe_daa"},
                    {"rail_action": "agent_payment"},
                    {"amount": {"currency": "usd", "gt": 50000}},
                ]
            },
        ),
        (
            "Deny once a given agent's rolling 24-hour spend exceeds $1,000.",
            "deny",
            {"rolling_window": {"measure": "sum", "per": "initiator", "within": "1d", "currency": "usd", "gt": 100000}},
        ),
        (
            "Deny agent_payout when the destination country is CU, IR, KP or SY.",
            "deny",
            {"all": [{"rail_action": "agent_payout"}, {"counterparty": {"country": ["CU", "IR", "KP", "SY"]}}]},
        ),
        (
            "Deny agent_payout when the destination country is on the list sanctioned.",
            "deny",
            {"all": [{"rail_action": "agent_payout"}, {"counterparty": {"country": {"in_list": "sanctioned"}}}]},
        ),
    ],
)
def test_the_sentences_of_the_product_pages_read_alone(text: str, effect: str, condition: Any) -> None:
    rule = rule_of(text)
    assert (rule["effect"], rule["when"]) == (effect, condition)


def test_a_text_without_a_head_is_on_the_rail_its_rules_begin_with() -> None:
    assert read("DAA: deny agent payments above $500.", "plain").policy.applies_to.rail == "stripe_daa"
    both = "On stripe_daa, agent payments over $5 are denied. On stripe, refunds over $5 are denied."
    assert read(both, "plain").policy.applies_to.rail == "stripe"


@pytest.mark.parametrize(
    ("modifiers", "condition"),
    [
        (
            "over $150 or €140",
            {"any": [{"amount": {"currency": "usd", "gt": 15000}}, {"amount": {"currency": "eur", "gt": 14000}}]},
        ),
        ("of $135 to $150", {"amount": {"currency": "usd", "gte": 13500, "lte": 15000}}),
        ("of at least £1,250.50 but under £2,000", {"amount": {"currency": "gbp", "gte": 125050, "lt": 200000}}),
        ("of $150 or more", {"amount": {"currency": "usd", "gte": 15000}}),
        ("between $5 and $10", {"amount": {"currency": "usd", "gte": 500, "lte": 1000}}),
        ("for customers of 7 or less days", {"context": {"customer_tenure_days": {"lte": 7}}}),
        ("over USD 150.00", {"amount": {"currency": "usd", "gt": 15000}}),
        ("over 12.500 KWD", {"amount": {"currency": "kwd", "gt": 12500}}),
        ("over 12.5 kwd", {"amount": {"currency": "kwd", "gt": 12500}}),
        ("under ¥5,000", {"amount": {"currency": "jpy", "lt": 5000}}),
        ("in a currency other than USD or EUR", {"currency": {"not_in": ["eur", "usd"]}}),
        ("that are not refunds or app fee refunds", {"rail_action": {"not_in": ["app_fee_refund", "refund"]}}),
        ("to the countries NO, IN or CU", {"counterparty": {"country": ["CU", "IN", "NO"]}}),
        ("for a customer on the list vip_customers", {"context": {"customer_id": {"in_list": "vip_customers"}}}),
        ("to an account not on the list known", {"counterparty": {"stripe_account_id": {"not_in_list": "known"}}}),
        ("at the merchant acct_1Abc", {"merchant": {"stripe_account_id": "acct_1Abc"}}),
        ("with metadata team not set to ops", {"context": {"metadata.team": {"not_in": "ops"}}}),
        ('with context "risk.score" of at least 70', {"context": {"extra.risk.score": {"gte": 70}}}),
        ("that are marked for review", {"context": {"marked_for_review": True}}),
        ("by an agent without the scope payments:write", None),
        ("with all the scopes (payments:read and payments:write)", None),
        (
            "for customers of under 7 days and with the reason code fraudulent",
            {"context": {"customer_tenure_days": {"lt": 7}, "reason_code": "fraudulent"}},
        ),
        ("on weekends (UTC time)", {"time_of_day": {"zone": "UTC", "days": ["sat", "sun"]}}),
        (
            "on weekdays and Saturday (UTC time)",
            {"time_of_day": {"zone": "UTC", "days": ["mon", "tue", "wed", "thu", "fri", "sat"]}},
        ),
        (
            "between 09:00 and 17:00 on Monday to Friday (America/New_York time)",
            {
                "time_of_day": {
                    "zone": "America/New_York",
                    "from": "09:00",
                    "until": "17:00",
                    "days": ["mon", "tue", "wed", "thu", "fri"],
                }
            },
        ),
        (
            "that are the third or later refund to one customer within 30 days",
            {
                "rolling_window": {
                    "measure": "count",
                    "per": "customer",
                    "within": "30d",
                    "rail_action": "refund",
                    "gte": 3,
                }
            },
        ),
        (
            "outside 22:00 to 24:00 (UTC time)",
            {"not": {"time_of_day": {"zone": "UTC", "from": "22:00", "until": "24:00"}}},
        ),
        (
            "except between 09:00 and 17:00 on weekdays (UTC time)",
            {
                "not": {
                    "time_of_day": {
                        "zone": "UTC",
                        "from": "09:00",
                        "until": "17:00",
                        "days": ["mon", "tue", "wed", "thu", "fri"],
                    }
                }
            },
        ),
        (
            "that are the 12th or later of one charge within 90 minutes",
            {"rolling_window": {"measure": "count", "per": "charge", "within": "90m", "gte": 12}},
        ),
        (
            "not (over $5; or in EUR by an agent)",
            {
                "not": {
                    "any": [
                        {"amount": {"currency": "usd", "gt": 500}},
                        {"all": [{"currency": "eur"}, {"initiator_kind": "agent"}]},
                    ]
                }
            },
        ),
        (
            'where the expression "metadata[\\"a\\"] == \'b\'" holds',
            {"custom_expression": "metadata[\"a\"] == 'b'"},
        ),
    ],
)
def test_modifiers_mean_what_yaml_states(modifiers: str, condition: Any) -> None:
    found = when(modifiers)
    assert condition is None or found == condition


def test_a_whole_rule_is_one_sentence() -> None:
    text = (
        "Policy refunds-eu governs credits and refunds on stripe.\n"
        'Purpose: "What Europe wants.".\n'
        "The policy only looks on.\n"
        "Everything else requires approval by controller.\n"
        "Where a fact is missing, admin decides.\n"
        "\n"
        "Rule big, priority 10:\n"
        "  Refunds over $150 or €140 require approval by 2 controllers and 1 finance_manager within 48 hours,\n"
        "  reminding after 1 hour and 90 minutes,\n"
        "  escalating to admin after 4 hours and to owner after 8 hours,\n"
        "  with reason big_refund,\n"
        '  saying "Refunds over $150 require approval",\n'
        "  and denied if a fact is missing.\n"
    )
    policy = read(text, "plain").policy
    assert say(policy) == text.replace("48 hours", "2 days")
    yaml = """
policy: refunds-eu
schema: 2
description: What Europe wants.
applies_to: {rail: stripe, rail_action: [credit, refund]}
shadow: true
missing_fact_approver: admin
default: {effect: review, approvers: {role: controller}}
rules:
  - id: big
    priority: 10
    when:
      all:
        - rail_action: refund
        - any:
            - amount: {currency: usd, gt: 15000}
            - amount: {currency: eur, gt: 14000}
    effect: review
    reason: big_refund
    message: Refunds over $150 require approval
    when_missing: deny
    approvers:
      groups: [{role: controller, count: 2}, {role: finance_manager}]
      deadline: 48h
      remind: [1h, 90m]
      escalate: [{after: 4h, role: admin}, {after: 8h, role: owner}]
"""
    assert policy == parse(yaml)


def test_approvers_may_be_counted_one_after_the_other() -> None:
    text = "Refunds over $1 require approval by any 2 of controller, and 1 of finance_manager within 8 hours."
    same = "Refunds over $1 require approval by 2 controllers and 1 finance_manager within 8 hours."
    assert read(text, "plain").policy == read(same, "plain").policy
    both = text.replace(" within 8 hours.", ", and 3 of admin within 8 hours, and denied if a fact is missing.")
    said = read(both, "plain").policy.rules[0]
    assert said.review is not None
    assert [(group.role, group.count) for group in said.review.groups] == [
        ("controller", 2),
        ("finance_manager", 1),
        ("admin", 3),
    ]


@pytest.mark.parametrize("text", EXAMPLES)
def test_every_example_reads_and_is_said_again(text: str) -> None:
    policy = read(
        text if " are " in text or " require " in text or "eny" in text else f"{text} Refunds are denied.", "plain"
    )
    assert read(say(policy.policy), "plain").policy == policy.policy


@pytest.mark.parametrize(
    ("amount", "column"),
    [
        ("$150.123", 21),
        ("¥150.5", 18),
        ("1.2345 KWD", 19),
        ("$1,50", 15),
        ("$12,34.50", 15),
        ("$007", 15),
        ("1,0000 KWD", 14),
    ],
)
def test_an_amount_that_is_none_is_refused_where_it_goes_wrong(amount: str, column: int) -> None:
    assert errors(f"Refunds over {amount} are denied.") == [(1, column, "invalid_amount")]


@pytest.mark.parametrize(
    ("units", "currency", "text"),
    [
        (15000, "usd", "$150"),
        (125050, "usd", "$1,250.50"),
        (5, "eur", "€0.05"),
        (5000, "jpy", "¥5,000"),
        (12500, "kwd", "12.500 KWD"),
        (12000, "kwd", "12 KWD"),
        (0, "gbp", "£0"),
    ],
)
def test_money_is_said_as_people_write_it(units: int, currency: str, text: str) -> None:
    assert money_text(units, currency) == text
    assert when(f"over {text}") == {"amount": {"currency": currency, "gt": units}}


def test_equal_policies_are_equal_however_they_are_worded() -> None:
    one = read("Deny every refund above $150 from the source chat.", "plain").policy
    assert (
        one
        == read(
            "# The same.\n\nRefunds more\nthan 150.00 USD from the source chat # or so\nare denied.", "plain"
        ).policy
    )
    assert one == read("refunds over USD 150 from the source chat is denied.", "plain").policy
