"""Versions that look on: what they would have said of each decision is kept beside what counted, and counts nothing."""

import asyncio
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import msgspec
import pytest

from axiru.database import rows
from axiru.domain.control import ControlKind
from axiru.domain.evaluation import Evaluation, Outcome, ReviewTerms
from axiru.domain.movement import Context, Counterparty, Initiator, Merchant, Ovt
from axiru.ids import POLICY_VERSION, new_id
from ledger.acts.activate import activate
from ledger.acts.canary import bucket_of, canary_of
from ledger.acts.chain import json
from ledger.acts.control import engage
from ledger.acts.evaluating import MOST_EXPRESSIONS, MOST_LOOKED_UP
from ledger.acts.lists import activate_list, propose_list
from ledger.acts.personal import PERSONAL_PATHS
from ledger.acts.standing import VersionInForce
from policies import compile_policy, evaluate, facts_of, parse

DENIES_FROM = """
policy: refunds
schema: 2
applies_to: {{rail: stripe}}
rules:
  - id: above_{limit}
    when: {{amount: {{currency: usd, gte: {limit}}}}}
    effect: deny
  - id: drifting
    when: {{amount: {{currency: usd, gte: 4000}}}}
    effect: flag
"""

EVERYTHING = """
policy: refunds
schema: 2
applies_to: {rail: stripe}
rules:
  - id: blocked
    when: {context: {customer_id: {in_list: blocked_customers}}}
    effect: deny
  - id: country
    when: {counterparty: {country: {not_in_list: home_countries}}}
    effect: review
    approvers: {role: controller}
  - id: often
    when: {rolling_window: {measure: count, per: customer, within: 24h, gte: 1}}
    effect: flag
  - id: at_night
    when: {time_of_day: {zone: America/New_York, from: "00:00", until: "12:00"}}
    effect: review
    approvers: {role: controller}
  - id: expression
    when: {custom_expression: "amount_cents > 4000 && metadata.ticket == 'T-1' && context.customer_id != ''"}
    effect: review
    approvers: {role: finance_manager}
  - id: marked
    when: {context: {marked_for_review: true}}
    effect: review
    approvers: {role: admin}
"""


async def test_five_versions_look_on_and_say_what_evaluating_them_says(house: Any, refund: Any) -> None:
    limits = (1_000, 4_000, 5_000, 6_000, 9_000)
    for limit in limits:
        await house.publish(DENIES_FROM.format(limit=limit))

    receipt = await house.decided(refund(house, 5_000))

    kept = await _results(receipt.decision_id)
    assert receipt.outcome is Outcome.ALLOW
    assert [(one["version"], one["outcome"], one["rule_id"], one["agrees"]) for one in kept] == [
        (2, "deny", "above_1000", False),
        (3, "deny", "above_4000", False),
        (4, "deny", "above_5000", False),
        (5, "allow", None, True),
        (6, "allow", None, True),
    ]
    assert {(one["live_outcome"], one["live_reason"], one["amount_cents"]) for one in kept} == {
        ("allow", "default_allow", 5_000)
    }
    (entry,) = await house.entries("decision")
    for limit, sealed, one in zip(limits, entry["data"]["shadows"], kept, strict=True):
        said = _evaluated(DENIES_FROM.format(limit=limit), entry["data"], {})
        assert (sealed["outcome"], sealed["reason"], sealed["matched_rule_id"]) == (
            said.outcome,
            said.reason,
            said.matched_rule_id,
        )
        assert (one["outcome"], one["reason"], one["rule_id"]) == (said.outcome, said.reason, said.matched_rule_id)
        assert sealed["flags"] == ["drifting"]


async def test_deciding_at_once_and_again_keeps_each_result_once(house: Any, refund: Any) -> None:
    await house.publish(DENIES_FROM.format(limit=1_000))
    decision_id = await house.ask(refund(house))

    await asyncio.gather(*(house.decide(decision_id) for _ in range(5)))

    assert len(await _results(decision_id)) == 1


async def test_version_that_looks_on_does_not_count_where_none_is_active(new_house: Any, refund: Any) -> None:
    house = await new_house()
    await house.enforce()
    await house.publish(DENIES_FROM.format(limit=9_000))

    receipt = await house.decided(refund(house))

    (kept,) = await _results(receipt.decision_id)
    assert (receipt.outcome, receipt.reason) == (Outcome.DENY, "no_active_policy")
    assert (kept["outcome"], kept["live_outcome"], kept["live_reason"], kept["live_version_id"]) == (
        *("allow", "deny", "no_active_policy"),
        None,
    )


async def test_version_is_compared_with_the_one_in_force_of_its_own_policy(house: Any, refund: Any) -> None:
    await house.activate(DENIES_FROM.format(limit=1_000).replace("policy: refunds", "policy: other"))
    await house.publish(DENIES_FROM.format(limit=9_000))
    await house.publish(DENIES_FROM.format(limit=9_000).replace("policy: refunds", "policy: third"))

    receipt = await house.decided(refund(house))

    assert receipt.matched_rule == "policy:other:v1"
    said = {one["slug"]: (one["live_outcome"], one["agrees"]) for one in await _results(receipt.decision_id)}
    assert said == {"refunds": ("allow", True), "third": ("deny", False)}


ASKS = """
policy: refunds
schema: 2
applies_to: {rail: stripe}
rules:
  - id: large
    when: {amount: {currency: usd, gte: 1000}}
    effect: review
    approvers: {APPROVERS}
"""


@pytest.mark.parametrize(
    ("approvers", "agrees"),
    [
        ("role: controller, count: 2, deadline: 4h, escalate: [{after: 1h, role: admin}]", True),
        ("groups: [{role: controller, count: 2}], deadline: 240m, escalate: [{after: 60m, role: admin}]", True),
        ("role: finance_manager, count: 2, deadline: 4h, escalate: [{after: 1h, role: admin}]", False),
        ("role: controller, deadline: 4h, escalate: [{after: 1h, role: admin}]", False),
        ("role: controller, count: 2, deadline: 3h, escalate: [{after: 1h, role: admin}]", False),
        ("role: controller, count: 2, deadline: 4h, escalate: [{after: 1h, role: finance_manager}]", False),
        ("role: controller, count: 2, deadline: 4h", False),
    ],
    ids=["same", "same in other words", "role", "quorum", "deadline", "escalation", "no escalation"],
)
async def test_version_that_asks_other_people_or_under_other_terms_does_not_agree(
    house: Any, refund: Any, approvers: str, agrees: bool
) -> None:
    await house.activate(
        ASKS.replace("APPROVERS", "role: controller, count: 2, deadline: 4h, escalate: [{after: 1h, role: admin}]")
    )
    # Another hash, so that the text is not the live one's whatever the approvers.
    text = ASKS.replace("APPROVERS", approvers).replace("id: large", "id: larger")
    await house.publish(text)

    receipt = await house.decided(refund(house, 5_000))

    (kept,) = await _results(receipt.decision_id)
    (entry,) = await house.entries("decision")
    (sealed,) = entry["data"]["shadows"]
    live, said = entry["data"]["evaluation"], _evaluated(text, entry["data"], {})
    assert (kept["live_outcome"], kept["outcome"], kept["agrees"]) == ("review", "review", agrees)
    assert (kept["outcome"], kept["reason"], kept["rule_id"]) == (
        *(sealed["outcome"], sealed["reason"]),
        sealed["matched_rule_id"],
    )
    assert (kept["live_reason"], kept["live_rule_id"]) == (live["reason"], live["matched_rule_id"])
    assert (said.review == msgspec.convert(live["review"], ReviewTerms)) is agrees


@pytest.mark.parametrize("change", ["replace(source, '1000', '2000')", "'policy: ['"])
async def test_version_looking_on_that_is_not_what_was_published_keeps_no_decision_from_being_made(
    house: Any, refund: Any, superuser: asyncpg.Connection, change: str
) -> None:
    version_id = await house.publish(DENIES_FROM.format(limit=1_000))
    await superuser.execute(f"UPDATE policy_versions SET source = {change} WHERE id = $1", version_id)  # noqa: S608

    receipt = await house.decided(refund(house))

    (entry,) = await house.entries("decision")
    assert (receipt.outcome, receipt.policy_version) == (Outcome.ALLOW, "v1")
    assert (entry["data"]["unread"], entry["data"]["shadows"]) == ([{"slug": "refunds", "version": 2}], [])


async def test_retired_version_does_not_look_on(house: Any, refund: Any) -> None:
    await house.activate(DENIES_FROM.format(limit=9_000))

    receipt = await house.decided(refund(house))

    assert await _results(receipt.decision_id) == []
    assert (await house.entries("decision"))[0]["data"]["shadows"] == []


async def test_canary_decides_for_its_customers_and_looks_on_for_the_others(house: Any, refund: Any) -> None:
    version_id = await house.publish(DENIES_FROM.format(limit=1_000))
    await activate(
        version_id,
        organization_id=house.id,
        member_id=house.members["controller"],
        signer=house.signer,
        percent=30,
    )

    for number in range(20):
        customer = f"cus_{number}"
        first, second = [
            await house.decided(refund(house, 5_000, charge=charge, customer_id=customer))
            for charge in ("ch_1", "ch_2")
        ]
        chosen = bucket_of(version_id, customer) < 30
        assert first.policy_version == second.policy_version == ("v2" if chosen else "v1")
        assert first.outcome is (Outcome.DENY if chosen else Outcome.ALLOW)
        (kept,) = await _results(first.decision_id)
        assert (kept["version"], kept["outcome"], kept["live_outcome"]) == (
            (1, "allow", "deny") if chosen else (2, "deny", "allow")
        )
    sealed = (await house.entries("decision"))[-1]["data"]
    assert sealed["canaries"] == [
        {
            "slug": "refunds",
            "version": 2,
            "percent": 30,
            "bucket": bucket_of(version_id, "cus_19"),
            "decides": bucket_of(version_id, "cus_19") < 30,
        }
    ]


def test_share_of_a_canary_is_what_was_asked_for_and_larger_shares_keep_the_smaller_ones() -> None:
    buckets = [bucket_of("pv_1", f"cus_{number}") for number in range(10_000)]
    other = [bucket_of("pv_2", f"cus_{number}") for number in range(10_000)]

    for percent in (1, 10, 50, 99):
        # Five standard deviations of a binomial share.
        tolerance = 5 * (10_000 * percent / 100 * (1 - percent / 100)) ** 0.5
        assert abs(sum(bucket < percent for bucket in buckets) - 100 * percent) < tolerance
    assert set(buckets) == set(range(100))
    assert max(Counter(buckets).values()) < 160
    assert sum(one == another for one, another in zip(buckets, other, strict=True)) < 160


@pytest.mark.parametrize(
    ("change", "subject"),
    [
        ({}, "cus_1"),
        ({"context": Context()}, "cp_1"),
        ({"context": Context(customer_id=""), "counterparty": Counterparty()}, "acct_1"),
        ({"context": Context(), "counterparty": Counterparty(), "merchant": Merchant()}, "key_1"),
    ],
    ids=["customer", "counterparty", "merchant", "initiator"],
)
def test_subject_of_a_canary_is_the_closest_that_is_known(refund: Any, change: Any, subject: str) -> None:
    ovt = msgspec.structs.replace(
        _OVT,
        **{
            "context": Context(customer_id="cus_1"),
            "counterparty": Counterparty(id="cp_1"),
            "merchant": Merchant(stripe_account_id="acct_1"),
            **change,
        },
    )
    version = VersionInForce("pv_1", "refunds", 2, "shadow", "hash", 10)

    assert canary_of(version, ovt).bucket == bucket_of("pv_1", subject)


async def test_decision_is_derived_again_from_its_entry_and_the_texts_alone(house: Any, refund: Any) -> None:
    await _list(house, "blocked_customers", "customer", ["cus_blocked"])
    await _list(house, "home_countries", "country", ["us", "CA"])
    await house.activate(EVERYTHING)
    await house.publish(EVERYTHING.replace("deny", "flag"))
    await _mark(house, "mark_for_review")
    texts = {
        (found["slug"], found["version"]): found["source"]
        for found in await rows(
            "SELECT slug, version, source FROM policy_versions WHERE organization_id = {}", house.id
        )
    }

    for customer, country in (("cus_blocked", "US"), ("cus_1", "DE"), ("cus_1", "ca"), (None, None)):
        ovt = refund(house, 4_500, metadata={"ticket": "T-1"}, customer_id=customer)
        await house.decided(msgspec.structs.replace(ovt, counterparty=Counterparty(country=country)))

    for entry in await house.entries("decision"):
        data, personal = entry["data"], await _personal(house, entry["seq"])
        said = _evaluated(texts["refunds", 2], data, personal, entry["sealed_at"])
        # What is personal left the evaluation's facts, too.
        kept = data["evaluation"]["facts"] | {
            path.removeprefix("evaluation.facts."): value
            for path, value in personal.items()
            if path.startswith("evaluation.facts.")
        }
        assert msgspec.json.decode(json(said)) == data["evaluation"] | {"facts": kept}
        for shadow in data["shadows"]:
            again = _evaluated(texts["refunds", shadow["version"]], data, personal, entry["sealed_at"])
            assert (again.outcome, again.reason, again.matched_rule_id, [flag.rule_id for flag in again.flags]) == (
                *(shadow["outcome"], shadow["reason"], shadow["matched_rule_id"]),
                shadow["flags"],
            )
    first, foreign, home, unknown = [entry["data"] for entry in await house.entries("decision")]
    assert [one["slug"] for one in first["lists"]] == ["blocked_customers", "home_countries"]
    assert (first["reason"], first["labels"]) == ("blocked", {"marked_for_review": True})
    assert first["listed"]["listed.blocked_customers.context.customer_id"] is True
    assert foreign["listed"]["listed.home_countries.counterparty.country"] is False
    assert home["listed"]["listed.home_countries.counterparty.country"] is True
    assert set(unknown["listed"].values()) == {None}
    assert "cus_blocked" not in json(first)


async def test_list_without_an_active_version_is_unknown_until_there_is_one(house: Any, refund: Any) -> None:
    await _list(house, "sources", "text", ["somewhere"], activated=False)
    await house.activate(
        "policy: refunds\nschema: 2\napplies_to: {rail: stripe}\nrules:\n  - id: blocked\n"
        "    when: {context: {source: {in_list: sources}}}\n    effect: deny\n"
    )

    before = await house.decided(refund(house, source="help desk"))
    await _list(house, "sources", "text", ["elsewhere"])
    outside = await house.decided(refund(house, source="help desk"))
    await _list(house, "sources", "text", ["Help Desk"])
    inside = await house.decided(refund(house, source="help desk"))

    assert [one.outcome for one in (before, outside, inside)] == [Outcome.REVIEW, Outcome.ALLOW, Outcome.DENY]
    assert before.reason == "missing_fact"
    assert (await house.entries("decision"))[0]["data"]["lists"] == []


async def test_mark_for_review_counts_for_its_account_and_while_it_is_in_force(house: Any, refund: Any) -> None:
    await house.activate(EVERYTHING[: EVERYTHING.index("  - id:")] + EVERYTHING[EVERYTHING.index("  - id: marked") :])

    unmarked = await house.decided(refund(house))
    await _mark(house, "mark_for_review", account="acct_elsewhere")
    elsewhere = await house.decided(refund(house))
    await _mark(house, "mark_for_review", expires_at=datetime.now(UTC) - timedelta(seconds=1))
    expired = await house.decided(refund(house))
    await _mark(house, "mark_for_review")
    marked = await house.decided(refund(house))

    assert [one.reason for one in (unmarked, elsewhere, expired, marked)] == [*["default_allow"] * 3, "marked"]
    assert marked.state == "pending_approval"


_OVT = msgspec.convert(
    {
        "rail": "stripe",
        "rail_action": "refund",
        "amount": {"units": "1", "asset": "usd"},
        "initiator": msgspec.to_builtins(Initiator("api_key", "key_1")),
    },
    Ovt,
)


def _evaluated(text: str, data: Any, personal: dict[str, Any], sealed_at: datetime | None = None) -> Evaluation:
    """As anybody could who has the entry, the personal values beside it and the text of the version."""
    ovt = dict(data["ovt"])
    for first, *path in PERSONAL_PATHS:
        value = personal.get(".".join((first, *path)))
        if value is None:
            continue
        if len(path) == 1:
            ovt[path[0]] = value
        else:
            ovt[path[0]] = {**ovt[path[0]], path[1]: value}
    facts = facts_of(msgspec.convert(ovt, Ovt), windows=data["windows"], labels=data["labels"], listed=data["listed"])
    return evaluate(compile_policy(parse(text)), facts, now=sealed_at or datetime.now(UTC))


async def _personal(house: Any, seq: int) -> dict[str, Any]:
    found = await rows(
        "SELECT path, value FROM personal_values WHERE organization_id = {} AND mode = 'test' AND seq = {}",
        house.id,
        seq,
    )
    return {one["path"]: msgspec.json.decode(one["value"]) for one in found}


async def _results(decision_id: str) -> list[dict[str, Any]]:
    return await rows("SELECT * FROM shadow_results WHERE decision_id = {} ORDER BY slug, version", decision_id)


async def _list(house: Any, slug: str, kind: str, values: list[str], *, activated: bool = True) -> None:
    author, activator = house.members["author"], house.members["controller"]
    proposed = await propose_list(
        slug, kind, values, "why", organization_id=house.id, member_id=author, signer=house.signer
    )
    if activated:
        await activate_list(proposed.version_id, organization_id=house.id, member_id=activator, signer=house.signer)


async def _mark(
    house: Any, kind: ControlKind, *, account: str = "acct_demo", expires_at: datetime | None = None
) -> None:
    await engage(
        organization_id=house.id,
        member_id=house.members["controller"],
        kind=kind,
        scope={"stripe_account_id": account},
        applies_to="both",
        reason="a test",
        expires_at=expires_at,
        signer=house.signer,
    )


def _looking_into(windows: int, lists: int = 0, expressions: int = 0) -> str:
    rules = [f"rolling_window: {{measure: count, per: customer, within: {n + 1}m, gte: 99}}" for n in range(windows)]
    rules += [f"context: {{customer_id: {{in_list: list_{n}}}}}" for n in range(lists)]
    rules += [f'custom_expression: "amount_cents > {n}"' for n in range(expressions)]
    told = "".join(f"\n  - {{id: r{n}, when: {{{rule}}}, effect: flag}}" for n, rule in enumerate(rules))
    return f"policy: costly\nschema: 2\napplies_to: {{rail: stripe}}\nrules:{told}\n"


@pytest.mark.parametrize(
    ("costly", "read"),
    [
        (_looking_into(windows=MOST_LOOKED_UP), True),
        (_looking_into(windows=MOST_LOOKED_UP + 1), False),
        (_looking_into(windows=5, expressions=MOST_EXPRESSIONS + 1), False),
    ],
    ids=["as much as may be", "too much to look up", "too many expressions"],
)
async def test_versions_looking_on_cost_a_decision_only_so_much(
    house: Any, refund: Any, costly: str, *, read: bool
) -> None:
    await _laid(house, costly)
    await house.publish(DENIES_FROM.format(limit=1_000))

    receipt = await house.decided(refund(house, customer_id="cus_1"))
    if house.compiled.reading is not None:
        await house.compiled.reading
        receipt = await house.decided(refund(house, customer_id="cus_1"))

    data = (await house.entries("decision"))[-1]["data"]
    assert (receipt.outcome, receipt.policy_version) == (Outcome.ALLOW, "v1")
    assert ("costly" in {each["slug"] for each in data["shadows"]}) is read
    assert data["unread"] == ([] if read else [{"slug": "costly", "version": 1}])
    assert "refunds" in {each["slug"] for each in data["shadows"]}


@pytest.mark.parametrize(
    "rule",
    [
        lambda n: f"{{initiator_id: {{in_list: list_{n}}}}}",
        lambda n: f"{{custom_expression: \"initiator.id == 'agent_{n}'\"}}",
    ],
    ids=["lists", "expressions"],
)
async def test_what_is_asked_about_agents_above_as_well_costs_as_often(
    house: Any, refund: Any, monkeypatch: pytest.MonkeyPatch, rule: Callable[[int], str]
) -> None:
    monkeypatch.setattr("ledger.acts.evaluating.MOST_LOOKED_UP", 5)
    monkeypatch.setattr("ledger.acts.evaluating.MOST_EXPRESSIONS", 5)
    rules = "".join(f"  - {{id: r{n}, when: {rule(n)}, effect: flag}}\n" for n in range(3))
    await _laid(house, f"policy: costly\nschema: 2\napplies_to: {{rail: stripe}}\nrules:\n{rules}")
    asked = refund(house, customer_id="cus_1")

    for above in ((), ("parent",)):
        agent = Initiator("agent", "child", lineage=above)
        await house.decided(msgspec.structs.replace(asked, initiator=agent))

    alone, passed_on = [entry["data"] for entry in await house.entries("decision")]
    assert ([each["slug"] for each in alone["shadows"]], alone["unread"]) == (["costly"], [])
    assert (passed_on["shadows"], passed_on["unread"]) == ([], [{"slug": "costly", "version": 1}])


async def test_no_decision_waits_for_a_long_text_that_only_looks_on(house: Any, refund: Any) -> None:
    rules = "".join(
        f"\n  - {{id: rule_number_{n}, when: {{context: {{customer_id: cus_{n}}}}}, effect: flag}}" for n in range(600)
    )
    await _laid(house, f"policy: long\nschema: 2\napplies_to: {{rail: stripe}}\nrules:{rules}\n")

    await house.decided(refund(house))
    (first,) = await house.entries("decision")
    assert (first["data"]["unread"], first["data"]["shadows"]) == ([{"slug": "long", "version": 1}], [])

    await house.compiled.reading
    await house.decided(refund(house))
    second = (await house.entries("decision"))[-1]
    assert (second["data"]["unread"], [each["slug"] for each in second["data"]["shadows"]]) == ([], ["long"])


async def _laid(house: Any, source: str) -> None:
    """A version that looks on, without the time that publishing takes to check it."""
    compiled = compile_policy(parse(source))
    await rows(
        "INSERT INTO policies (id, organization_id, slug, created_at) VALUES ({}, {}, {}, now())",
        f"{house.id}/{compiled.slug}",
        house.id,
        compiled.slug,
    )
    await rows(
        "INSERT INTO policy_versions (id, organization_id, slug, version, status, source, language, content_hash, "
        "author_member_id, author_member_ids, note, created_at, published_at) "
        "VALUES ({}, {}, {}, 1, 'shadow', {}, 2, {}, {}, ARRAY[{}::text], '', now(), now())",
        new_id(POLICY_VERSION),
        house.id,
        compiled.slug,
        source,
        compiled.content_hash,
        house.members["author"],
        house.members["author"],
    )
