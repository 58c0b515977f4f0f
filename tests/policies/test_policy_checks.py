"""What the static checks find, whom they name, and what they leave alone."""

import time

import pytest

from policies import pack, pack_names
from policies.checks import Finding, Known, check
from policies.parse import parse_with_positions

HEAD = "policy: a-policy\napplies_to: {rail: stripe}\n"


def findings(*rules: str, head: str = HEAD, known: Known | None = None) -> tuple[Finding, ...]:
    text = f"{head}rules:\n" + "".join(f"  - {{{rule}}}\n" for rule in rules)
    return check(parse_with_positions(text), known or Known())


def deny(rule_id: str, when: str, more: str = "") -> str:
    return f"id: {rule_id}, when: {{{when}}}, effect: deny{more}"


def allow(rule_id: str, when: str, more: str = "") -> str:
    return f"id: {rule_id}, when: {{{when}}}, effect: allow{more}"


def review(rule_id: str, when: str, more: str = "", role: str = "controller") -> str:
    return f"id: {rule_id}, when: {{{when}}}, effect: review, approvers: {{role: {role}}}{more}"


def over(amount: int, currency: str = "usd") -> str:
    return f"amount: {{currency: {currency}, gt: {amount}}}"


@pytest.mark.parametrize(
    ("when", "named"),
    [
        ("amount: {currency: usd, gt: 500, lt: 400}", "`amount_cents`"),
        ("all: [{amount: {currency: usd, gt: 500}}, {amount: {currency: usd, lt: 501}}]", "`amount_cents`"),
        ("amount: {currency: usd, lt: 1}", "`amount_cents`"),
        ("all: [{amount: {currency: usd, gt: 5}}, {amount: {currency: eur, gt: 5}}]", "`currency`"),
        ("all: [{currency: usd}, {amount: {currency: eur, gt: 5}}]", "`currency`"),
        ("all: [{not: {currency: {not_in: [usd]}}}, {amount: {currency: eur, gt: 5}}]", "`currency`"),
        ("all: [{rail_action: refund}, {rail_action: [payout, transfer]}]", "`rail_action`"),
        ("all: [{context: {reason_code: a}}, {context: {reason_code: b}}]", "`context.reason_code`"),
        ("all: [{not: {not: {initiator_kind: agent}}}, {not: {initiator_kind: agent}}]", "`initiator.kind`"),
        ("not: {any: [{context: {source: a}}, {not: {context: {source: a}}}]}", "`context.source`"),
        ("any: [{all: [{initiator_id: a}, {initiator_id: b}]}, {amount: {currency: usd, lt: 1}}]", "`initiator.id`"),
        ("all: [{agent_scope: {all_of: [a, b]}}, {agent_scope: {none_of: [b]}}]", "`initiator.scopes b`"),
        ("all: [{agent_scope: {any_of: [a, b]}}, {agent_scope: {none_of: [a, b]}}]", "`initiator.scopes a`"),
        ("context: {customer_tenure_days: {lt: 0}}", "`context.customer_tenure_days`"),
        (
            "all: [{context: {customer_id: {in_list: vip}}}, {context: {customer_id: {not_in_list: vip}}}]",
            "`listed.vip.context.customer_id`",
        ),
        ("rolling_window: {measure: count, per: customer, within: 1d, rail_action: refund, lt: 0}", "`window.count"),
        (
            "all: [{amount: {currency: usd, gt: 500}}, "
            "{rolling_window: {measure: sum, per: customer, within: 1d, currency: usd, lte: 500}}]",
            "`window.sum",
        ),
        (
            'all: [{time_of_day: {zone: UTC, from: "09:00", until: "17:00"}}, '
            '{time_of_day: {zone: UTC, from: "17:00", until: "09:00"}}]',
            "`the time in UTC`",
        ),
        (
            "all: [{time_of_day: {zone: UTC, days: [mon]}}, "
            '{time_of_day: {zone: UTC, from: "22:00", until: "06:00", days: [mon, tue]}}, '
            '{time_of_day: {zone: UTC, from: "00:00", until: "06:00"}}]',
            "`the time in UTC`",
        ),
        (
            'all: [{custom_expression: "amount_cents > 5"}, {not: {custom_expression: "amount_cents > 5"}}]',
            "`custom_expression: amount_cents > 5`",
        ),
        ('custom_expression: "1 > 2"', "`custom_expression: 1 > 2`"),
        ('not: {custom_expression: "2 > 1"}', "`custom_expression: 2 > 1`"),
    ],
)
def test_a_rule_that_can_never_match_is_an_error_that_says_what_contradicts(when: str, named: str) -> None:
    (found,) = findings(deny("fine", over(5)), deny("never", when))
    assert (found.code, found.severity, found.rules) == ("never_fires", "error", ("never",))
    assert (found.line, found.column) == (5, 5)
    assert named in found.message


@pytest.mark.parametrize(
    ("scope", "when"),
    [
        ("rail: stripe", "rail: stripe_daa"),
        ("rail: stripe", "rail_action: agent_payment"),
        ("rail: stripe", "not: {rail: stripe}"),
        ("rail: stripe, rail_action: refund", "all: [{rail_action: payout}, {initiator_kind: agent}]"),
        ("rail: stripe, rail_action: [refund, payout]", "rail_action: {not_in: [payout, refund]}"),
    ],
)
def test_a_rule_about_what_the_policy_does_not_apply_to_is_an_error(scope: str, when: str) -> None:
    (found,) = findings(deny("never", when), head=f"policy: a-policy\napplies_to: {{{scope}}}\n")
    assert (found.code, found.severity) == ("never_fires", "error")
    assert "applies to rail stripe" in found.message


@pytest.mark.parametrize(
    "when",
    [
        "amount: {currency: usd, gt: 500, lt: 502}",
        "amount: {currency: usd, lte: 1}",
        "not: {amount: {currency: usd, gt: 500, lt: 400}}",
        "any: [{all: [{currency: usd}, {currency: eur}]}, {currency: gbp}]",
        "all: [{currency: {not_in: [usd]}}, {currency: {not_in: [eur]}}]",
        "all: [{agent_scope: {any_of: [a, b]}}, {agent_scope: {none_of: [a]}}]",
        "all: [{context: {metadata.a: x}}, {context: {metadata.b: y}}]",
        "all: [{context: {customer_id: {in_list: vip}}}, {context: {customer_id: {not_in_list: banned}}}]",
        'custom_expression: "2 > 1"',
        # What another policy or another rail has moved may be nothing.
        "rolling_window: {measure: count, per: initiator, within: 1d, rail: stripe_daa, lt: 1}",
        "all: [{time_of_day: {zone: UTC, days: [mon]}}, {time_of_day: {zone: Asia/Tokyo, days: [tue]}}]",
        'all: [{time_of_day: {zone: UTC, from: "22:00", until: "06:00", days: [sun]}}, '
        "{time_of_day: {zone: UTC, days: [mon]}}]",
    ],
)
def test_a_rule_that_can_match_is_left_alone(when: str) -> None:
    assert findings(deny("fine", when)) == ()


@pytest.mark.parametrize(
    ("first", "second", "why"),
    [
        (deny("wide", over(100)), deny("narrow", over(500), ", priority: 200"), "lower priority number"),
        (deny("a_wide", over(100)), deny("narrow", over(500)), "first by its id"),
        (deny("wide", over(100)), review("narrow", over(500), ", priority: 1"), "heavier effect deny"),
        (review("wide", over(100)), allow("narrow", f"all: [{{{over(500)}}}, {{initiator_kind: agent}}]"), "review"),
        (
            review("wide", "context: {reason_code: [a, b]}"),
            review("narrow", "all: [{context: {reason_code: a}}, {initiator_kind: agent}]", ", priority: 200"),
            "lower priority number",
        ),
        (
            deny("wide", "time_of_day: {zone: UTC, days: [sat, sun]}"),
            allow("narrow", 'time_of_day: {zone: UTC, from: "09:00", until: "12:00", days: [sun]}'),
            "heavier effect deny",
        ),
    ],
)
def test_a_rule_that_another_one_always_outranks_is_a_warning_that_names_both(
    first: str, second: str, why: str
) -> None:
    for rules in ((first, second), (second, first)):
        (found,) = findings(*rules)
        assert (found.code, found.severity) == ("never_fires", "warning")
        assert found.rules[0] == "narrow"
        assert found.rules[1].endswith("wide")
        assert why in found.message


@pytest.mark.parametrize(
    ("first", "second"),
    [
        # The narrower one comes first, or is heavier.
        (deny("wide", over(100)), deny("narrow", over(500), ", priority: 1")),
        (review("wide", over(100)), deny("narrow", over(500))),
        # A flag decides nothing.
        ("id: wide, when: {" + over(100) + "}, effect: flag", deny("narrow", over(500))),
        (deny("wide", over(100)), "id: narrow, when: {" + over(500) + "}, effect: flag"),
        # Without a tenure the wide one is skipped, and the narrow one asks.
        (
            deny("wide", "context: {customer_tenure_days: {lt: 30}}", ", when_missing: skip"),
            review("narrow", "context: {customer_tenure_days: {lt: 7}}"),
        ),
        # Without a source the narrow one denies, whatever the wide one says.
        (
            review("wide", "context: {reason_code: a}"),
            review("narrow", "context: {reason_code: a, source: b}", ", when_missing: deny, priority: 200"),
        ),
        # An expression that fails denies.
        (
            review("wide", over(100)),
            review(
                "narrow", "all: [{" + over(500) + "}, {custom_expression: \"metadata.a == 'b'\"}]", ", priority: 200"
            ),
        ),
        (deny("wide", over(100)), deny("narrow", over(500, "eur"), ", priority: 200")),
    ],
)
def test_a_rule_that_may_yet_decide_is_left_alone(first: str, second: str) -> None:
    assert findings(first, second) == ()


@pytest.mark.parametrize("other", [deny("no", over(100)), review("no", "not: {not: {" + over(100) + "}}")])
def test_allowing_exactly_what_is_denied_or_reviewed_is_an_error_that_names_both(other: str) -> None:
    (found,) = findings(allow("yes", f"all: [{{rail: stripe}}, {{{over(100)}}}]"), other)
    assert (found.code, found.severity, found.rules) == ("contradiction", "error", ("yes", "no"))


def test_reviews_of_the_same_movements_by_different_people_are_a_warning() -> None:
    (found,) = findings(review("one", over(100)), review("two", over(100), role="admin"))
    assert (found.code, found.severity, found.rules) == ("contradiction", "warning", ("two", "one"))
    assert "`one` decides" in found.message


@pytest.mark.parametrize(
    ("rules", "said"),
    [
        (
            (allow("small", "amount: {currency: usd, lte: 10000}"), review("large", over(15000))),
            "leave out 100.01 USD to 150.00 USD: there the default decides (allow)",
        ),
        (
            (allow("small", "amount: {currency: jpy, lt: 10000}"), review("large", over(10000, "jpy"))),
            "leave out 10000 JPY: ",
        ),
        (
            (
                deny("some", "all: [{rail_action: refund}, {amount: {currency: kwd, lt: 1000}}]"),
                review("large", "all: [{amount: {currency: kwd, gte: 2000}}, {rail_action: refund}]"),
                deny("middle", "all: [{rail_action: refund}, {amount: {currency: kwd, gte: 1500, lt: 2000}}]"),
            ),
            "`some` and `middle` leave out 1.000 KWD to 1.499 KWD",
        ),
        (
            (
                allow("small", "amount: {currency: usd, lte: 100}"),
                deny("part", "currency: usd", ", priority: 1").replace(
                    "currency: usd", "amount: {currency: usd, gt: 150}"
                ),
                review("large", "amount: {currency: usd, gte: 120, lte: 150}"),
            ),
            "leave out 1.01 USD to 1.19 USD",
        ),
    ],
)
def test_a_hole_between_bands_is_a_warning_in_major_units(rules: tuple[str, ...], said: str) -> None:
    (found,) = findings(*rules)
    assert (found.code, found.severity) == ("band_gap", "warning")
    assert said in found.message


def test_bands_that_overlap_in_part_are_a_warning_in_major_units() -> None:
    (found,) = findings(allow("small", "amount: {currency: usd, lte: 20000}"), review("large", over(10000)))
    assert (found.code, found.severity, found.rules) == ("band_overlap", "warning", ("small", "large"))
    assert "both cover 100.01 USD to 200.00 USD" in found.message


@pytest.mark.parametrize(
    "rules",
    [
        # Bands that meet, and a band within another.
        (allow("small", "amount: {currency: usd, lte: 100}"), review("large", over(100))),
        (review("large", over(100)), deny("larger", over(500))),
        # Another currency, other conjuncts, a flag.
        (allow("small", "amount: {currency: usd, lte: 100}"), review("large", over(200, "eur"))),
        (
            allow("small", "all: [{amount: {currency: usd, lte: 100}}, {initiator_kind: agent}]"),
            review("large", over(200)),
        ),
        ("id: mark, when: {amount: {currency: usd, lte: 300}}, effect: flag", review("large", over(200))),
    ],
)
def test_bands_without_hole_or_overlap_are_left_alone(rules: tuple[str, ...]) -> None:
    assert [each.code for each in findings(*rules) if each.code.startswith("band")] == []


def test_a_hole_that_a_wider_rule_speaks_of_is_none() -> None:
    refunds = "all: [{rail_action: refund}, {%s}]"
    rules = (
        review("small", refunds % "amount: {currency: usd, lte: 100}"),
        review("large", refunds % over(200)),
    )
    assert [each.code for each in findings(*rules)] == ["band_gap"]
    assert [each.code for each in findings(*rules, allow("all", "currency: usd"))] == []


@pytest.mark.parametrize(
    ("rule", "head", "rules", "hint"),
    [
        (review("r", over(5), role="controler"), HEAD, ("r",), "did you mean `controller`?"),
        (
            "id: r, when: {currency: usd}, effect: review, "
            "approvers: {groups: [{role: admin}, {role: finance_manger}]}",
            HEAD,
            ("r",),
            "did you mean `finance_manager`?",
        ),
        (
            "id: r, when: {currency: usd}, effect: review, "
            "approvers: {role: admin, escalate: [{after: 4h, role: cfo}]}",
            HEAD,
            ("r",),
            "known here: admin,",
        ),
        (deny("r", over(5)), f"{HEAD}missing_fact_approver: boss\n", (), "known here: admin,"),
        (
            deny("r", over(5)),
            f"{HEAD}default: {{effect: review, approvers: {{role: admni}}}}\n",
            (),
            "did you mean `admin`?",
        ),
    ],
)
def test_a_role_that_there_is_not_is_an_error(rule: str, head: str, rules: tuple[str, ...], hint: str) -> None:
    (found,) = findings(rule, head=head)
    assert (found.code, found.severity, found.rules) == ("unknown_role", "error", rules)
    assert found.hint.startswith(hint)


def test_roles_are_those_that_are_handed_in() -> None:
    roles = frozenset({"treasurer", "controller"})
    known = Known(roles=roles, voting_roles=roles)
    assert findings(review("r", over(5), role="treasurer"), known=known) == ()


@pytest.mark.parametrize(
    "when",
    [
        over(5, "usb"),
        "currency: {not_in: [eur, usb]}",
        "not: {any: [{initiator_kind: agent}, {currency: usb}]}",
        "rolling_window: {measure: sum, per: customer, within: 1d, currency: usb, gt: 5}",
    ],
)
def test_a_currency_that_there_is_not_is_an_error(when: str) -> None:
    (found,) = findings(deny("r", when))
    assert (found.code, found.severity, found.rules) == ("unknown_currency", "error", ("r",))
    assert "`usb`" in found.message
    assert found.hint == "did you mean `usd`?"


def test_an_asset_beside_the_currencies_is_not_looked_up() -> None:
    usdc = "eip155:8453/erc20:0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913"
    assert findings(deny("r", f'amount: {{currency: "{usdc}", gt: 5}}')) == ()


def test_a_list_that_there_is_not_is_an_error_where_lists_are_known() -> None:
    rule = deny("r", "context: {customer_id: {in_list: vip_custommers}}")
    assert findings(rule) == ()
    (found,) = findings(rule, known=Known(lists={"vip_customers": "customer"}))
    assert (found.code, found.severity, found.rules) == ("unknown_list", "error", ("r",))
    assert found.hint == "did you mean `vip_customers`?"


@pytest.mark.parametrize(
    ("kind", "subject", "fits"),
    [
        ("customer", "context: {customer_id", True),
        ("country", "context: {customer_id", False),
        ("country", "counterparty: {country", True),
        ("account", "counterparty: {country", False),
        ("account", "merchant: {stripe_account_id", True),
        ("customer", "merchant: {stripe_account_id", False),
        ("country", "context: {extra.destination_country", True),
        ("country", "context: {reason_code", False),
        ("text", "context: {reason_code", True),
    ],
)
def test_a_list_of_the_wrong_kind_is_an_error(kind: str, subject: str, fits: bool) -> None:
    found = findings(deny("r", f"{subject}: {{in_list: a_list}}}}"), known=Known(lists={"a_list": kind}))
    assert [each.code for each in found] == ([] if fits else ["list_kind"])


def test_a_condition_too_large_to_look_at_is_left_alone() -> None:
    def ways(fact: str) -> str:
        return "any: [" + ", ".join(f"{{context: {{{fact}: a{n}, source: b{n}}}}}" for n in range(9)) + "]"

    both = "{currency: usd}, {currency: eur}"
    product = f"all: [{{{ways('reason_code')}}}, {{not: {{{ways('metadata.a')}}}}}, {both}]"
    never = f"all: [{{{ways('reason_code')}}}, {both}]"
    assert [each.rules for each in findings(deny("huge", product), deny("never", never))] == [("never",)]


@pytest.mark.parametrize(
    "when",
    [
        "amount: {{currency: usd, gt: {0}, lt: {1}}}",
        "amount: {{currency: usd, gt: {0}}}",
        "all: [{{context: {{reason_code: a}}}}, {{currency: usd}}]",
        "any: [{{initiator_id: i{0}}}, {{context: {{source: s{0}}}}}, {{context: {{reason_code: r}}}}]",
        "not: {{all: [{{amount: {{currency: usd, gt: {0}, lt: {1}}}}}, {{initiator_kind: agent}}]}}",
    ],
)
def test_a_thousand_rules_are_checked_in_seconds(when: str) -> None:
    rules = [deny(f"r{n}", when.format(n * 10, n * 10 + 500)) for n in range(1000)]
    parsed = parse_with_positions(f"{HEAD}rules:\n" + "".join(f"  - {{{rule}}}\n" for rule in rules))
    start = time.process_time()
    check(parsed, Known())
    # About one; the rest is room for a slower machine.
    assert time.process_time() - start < 10


@pytest.mark.parametrize("name", pack_names())
def test_nothing_is_wrong_with_a_pack(name: str) -> None:
    # It caps dollars, as it is named; what it leaves open is said.
    expected = ["currency_without_cap"] if name == "daa-starter" else []
    assert [found.code for found in check(parse_with_positions(pack(name)), Known())] == expected
