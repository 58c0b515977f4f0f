"""A version that looks on, over real decisions: what it said beside what counted, and what promoting it would do."""

import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import httpx
import pytest

Refund = Callable[..., dict[str, Any]]
LogIn = Callable[[str], Awaitable[httpx.AsyncClient]]

INTEGRATION = {"Axiru-Outcome-Style": "integration"}


class Trial:
    """A policy of its own for the refunds of one customer: v1 decides, v2 looks on."""

    def __init__(self, caller: httpx.AsyncClient, author: httpx.AsyncClient, second: httpx.AsyncClient) -> None:
        self.caller, self.author, self.second = caller, author, second
        self.slug = f"trial-{uuid.uuid4().hex[:12]}"
        self.customer = f"cus_{uuid.uuid4().hex}"

    async def begin(self) -> "Trial":
        await self.publish({"deny": 9_000, "review": 5_000})
        (await self.second.post(self.path(1, "activate"))).raise_for_status()
        await self.publish({"deny": 8_000, "review": 2_000})
        return self

    async def publish(
        self, limits: dict[str, int], approvers: str = "role: controller", scope: str = "stripe, rail_action: refund"
    ) -> None:
        rules = "".join(
            f"""
  - id: {effect}_large
    when:
      all:
        - amount: {{currency: usd, gt: {limit}}}
        - context: {{customer_id: {self.customer}}}
    effect: {effect}
    when_missing: skip
    {f"approvers: {{{approvers}}}" if effect == "review" else ""}"""
            for effect, limit in limits.items()
        )
        text = f"policy: {self.slug}\napplies_to: {{rail: {scope}}}\nrules:{rules}\n"
        body = {"text": text, "format": "yaml"}
        draft = (await self.author.post("/api/v1/policies/drafts", json=body)).raise_for_status().json()
        (await self.author.post(f"/api/v1/policies/drafts/{draft['id']}/publish")).raise_for_status()

    def path(self, version: int, act: str) -> str:
        return f"/api/v1/policies/{self.slug}/versions/{version}/{act}"

    async def ask(self, body: dict[str, Any]) -> dict[str, Any]:
        answer = await self.caller.post("/api/v1/decisions", json=body, headers=INTEGRATION)
        told: dict[str, Any] = answer.raise_for_status().json()
        return told

    async def compared(self, act: str, version: int = 2, **query: Any) -> dict[str, Any]:
        answer = await self.author.get(self.path(version, act), params=query, headers=INTEGRATION)
        told: dict[str, Any] = answer.raise_for_status().json()
        return told


@pytest.fixture
async def trial(caller: httpx.AsyncClient, log_in: LogIn) -> AsyncIterator[Trial]:
    begun = await Trial(caller, await log_in("finance_manager"), await log_in("controller")).begin()
    yield begun
    for version in (1, 2):
        (await begun.second.post(begun.path(version, "retire"))).raise_for_status()


async def test_before_any_decision_there_is_nothing_to_compare(trial: Trial) -> None:
    diff, promotion = await trial.compared("diff"), await trial.compared("promotion")
    assert (diff["compared"], diff["agreement_rate"], diff["changes"], diff["agreeing"]) == (0, None, [], [])
    assert diff["live"]["name"] == "v1"
    (sentence,) = promotion["sentences"]
    assert sentence.startswith("There is nothing to compare: v2 looked on at no decision between ")
    assert set(promotion["counts"].values()) == {0}


async def test_the_difference_is_told_by_rule_reason_and_amount_with_examples(trial: Trial, refund: Refund) -> None:
    customer = {"customer_id": trial.customer}
    asked = {
        amount: [await trial.ask(refund(amount, context=customer)) for _ in range(times)]
        for amount, times in {1_000: 3, 3_000: 2, 6_000: 1, 8_500: 1, 9_500: 1}.items()
    }
    diff = await trial.compared("diff")
    assert (diff["compared"], diff["agreed"], diff["agreement_rate"]) == (8, 5, 0.625)
    assert diff["live_versions"] == ["v1"]
    first, second = diff["changes"]
    assert first == {
        "live_outcome": "allow",
        "outcome": "review",
        "live_rule": None,
        "rule": "review_large",
        "live_reason": "default_allow",
        "reason": "review_large",
        "count": 2,
        "amount": {"usd": 6_000},
        "examples": [decision["decision_id"] for decision in reversed(asked[3_000])],
    }
    assert (second["live_outcome"], second["outcome"], second["count"]) == ("review", "deny", 1)
    assert second["examples"] == [asked[8_500][0]["decision_id"]]
    assert sum(group["count"] for group in diff["agreeing"]) == 5
    assert sum(group["amount"]["usd"] for group in diff["agreeing"]) == 3_000 + 6_000 + 9_500

    promotion = await trial.compared("promotion")
    assert promotion["sentences"] == [
        "shadow: false — 2 would-be approvals will start going to the approvals queue.",
        "1 request that goes to approval now will be denied.",
    ]
    assert (promotion["counts"]["allow_to_review"], promotion["amounts"]["allow_to_review"]) == (2, {"usd": 6_000})
    assert (promotion["compared"], promotion["agreement_rate"]) == (8, 0.625)

    decision = asked[3_000][0]["decision_id"]
    detail = (await trial.caller.get(f"/api/v1/decisions/{decision}", headers=INTEGRATION)).json()
    (word,) = [said for said in detail["shadows"] if said["slug"] == trial.slug]
    assert (word["version"], word["outcome"], word["agrees"]) == (2, "review", False)
    assert (word["reason"], word["matched_rule_id"]) == ("review_large", "review_large")

    for disagrees, amounts in ((True, (3_000, 8_500)), (False, (1_000, 6_000, 9_500))):
        query = {"customer_id": trial.customer, "disagrees": disagrees}
        listed = (await trial.caller.get("/api/v1/decisions", params=query)).json()["items"]
        assert {item["decision_id"] for item in listed} == {
            decision["decision_id"] for amount in amounts for decision in asked[amount]
        }

    (shadow,) = (await trial.author.get(f"/api/v1/policies/{trial.slug}")).json()["shadows"]
    assert (shadow["compared"], shadow["agreement_rate"]) == (8, 0.625)


@pytest.fixture
async def other_approvers(trial: Trial) -> AsyncIterator[Trial]:
    """Its v3 looks on, too: the limits of v1, and finance managers to approve."""
    await trial.publish({"deny": 9_000, "review": 5_000}, approvers="role: finance_manager")
    yield trial
    (await trial.second.post(trial.path(3, "retire"))).raise_for_status()


async def test_a_version_that_only_asks_other_people_is_shown_to_differ(other_approvers: Trial, refund: Refund) -> None:
    trial, customer = other_approvers, {"customer_id": other_approvers.customer}
    asked, _ = [await trial.ask(refund(amount, context=customer)) for amount in (6_000, 1_000)]
    diff = await trial.compared("diff", 3)
    assert (diff["compared"], diff["agreed"]) == (2, 1)
    assert diff["changes"] == [
        {
            "live_outcome": "review",
            "outcome": "review",
            "live_rule": "review_large",
            "rule": "review_large",
            "live_reason": "review_large",
            "reason": "review_large",
            "count": 1,
            "amount": {"usd": 6_000},
            "examples": [asked["decision_id"]],
        }
    ]
    promotion = await trial.compared("promotion", 3)
    assert promotion["sentences"] == [
        "shadow: false — no would-be approvals will start going to the approvals queue.",
        "1 approval will be asked of other people or under other terms.",
    ]
    assert {change: count for change, count in promotion["counts"].items() if count} == {"review_by_others": 1}
    assert promotion["amounts"]["review_by_others"] == {"usd": 6_000}
    detail = (await trial.caller.get(f"/api/v1/decisions/{asked['decision_id']}")).json()
    said = {word["version"]: word["agrees"] for word in detail["shadows"] if word["slug"] == trial.slug}
    assert said == {2: True, 3: False}
    query = {**customer, "disagrees": True}
    (listed,) = (await trial.caller.get("/api/v1/decisions", params=query)).json()["items"]
    assert listed["decision_id"] == asked["decision_id"]


@pytest.mark.parametrize(("first", "stays"), [("a", True), ("z", False)])
async def test_of_two_policies_that_ask_the_one_whose_name_comes_first_says_whom(
    other_approvers: Trial, refund: Refund, first: str, stays: bool
) -> None:
    beside = Trial(other_approvers.caller, other_approvers.author, other_approvers.second)
    beside.slug, beside.customer = f"{first}-{beside.slug}", other_approvers.customer
    await beside.publish({"review": 5_000}, approvers="role: admin")
    (await beside.second.post(beside.path(1, "activate"))).raise_for_status()
    try:
        told = await beside.ask(refund(6_000, context={"customer_id": beside.customer}))
    finally:
        (await beside.second.post(beside.path(1, "retire"))).raise_for_status()
    assert told["approver_role"] == ("admin" if stays else "controller")
    word_stays = "This request was decided by a control or another policy, whose word stays."
    assert (word_stays in (await other_approvers.compared("promotion", 3))["sentences"]) is stays


@pytest.mark.parametrize(
    ("scope", "covers"),
    [
        ("stripe, rail_action: refund", True),
        ("stripe, rail_action: [payout, refund]", True),
        ("stripe", True),
        ("stripe, rail_action: payout", False),
        ("stripe_daa", False),
    ],
)
async def test_policies_that_a_new_one_would_not_replace_are_named(trial: Trial, scope: str, covers: bool) -> None:
    """And none is once a version of its own is active, as the other tests see of v2."""
    new = Trial(trial.caller, trial.author, trial.second)
    await new.publish({"deny": 2_500}, scope=scope)
    try:
        *_, last = (await new.compared("promotion", 1))["sentences"]
        assert (trial.slug in last) is covers
        if covers:
            assert last == f"It will stand beside refunds-starter and {trial.slug}; the severest answer counts."
    finally:
        (await new.second.post(new.path(1, "retire"))).raise_for_status()


async def test_what_another_policy_decided_more_strictly_is_said_to_stay(trial: Trial, refund: Refund) -> None:
    stricter = Trial(trial.caller, trial.author, trial.second)
    stricter.customer = trial.customer
    await stricter.publish({"deny": 2_500})
    (await stricter.second.post(stricter.path(1, "activate"))).raise_for_status()
    try:
        told = await trial.ask(refund(3_000, context={"customer_id": trial.customer}))
    finally:
        (await stricter.second.post(stricter.path(1, "retire"))).raise_for_status()
    assert told["outcome"] == "deny"
    assert (await trial.compared("promotion"))["sentences"] == [
        "shadow: false — 1 would-be approval will start going to the approvals queue.",
        "This request was decided by a control or another policy, whose word stays.",
    ]


async def test_a_period_takes_only_what_was_decided_in_it(trial: Trial, refund: Refund) -> None:
    told = [await trial.ask(refund(3_000, context={"customer_id": trial.customer})) for _ in range(2)]
    between = told[1]["audit"]["logged_at"]
    earlier = await trial.compared("diff", until=between)
    later = await trial.compared("diff", since=between)
    assert [diff["changes"][0]["examples"] for diff in (earlier, later)] == [
        [decision["decision_id"]] for decision in told
    ]
    assert (await trial.compared("diff", mode="live"))["compared"] == 0


@pytest.mark.parametrize("act", ["diff", "promotion"])
@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"since": "yesterday"}, "since"),
        ({"since": ""}, "since"),
        ({"since": "2026-01-01T00:00:00"}, "since"),
        ({"since": "2026-13-01T00:00:00Z"}, "since"),
        ({"until": "0001-01-01T00:00:00Z"}, "until"),
        ({"until": "0001-01-01T00:00:00+14:00"}, "until"),
        ({"since": "9999-12-31T23:59:59-14:00"}, "since"),
        ({"since": "2026-02-01T00:00:00Z", "until": "2026-01-01T00:00:00Z"}, "since"),
        ({"since": "1" * 50}, "since"),
        ({"mode": "prod"}, "mode"),
    ],
)
async def test_a_period_that_is_none_is_refused(
    caller: httpx.AsyncClient, act: str, query: dict[str, str], field: str
) -> None:
    answer = await caller.get(f"/api/v1/policies/refunds-starter/versions/1/{act}", params=query)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")
    assert [error["field"] for error in answer.json()["field_errors"]] == [field]
