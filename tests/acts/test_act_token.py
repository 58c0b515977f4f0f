"""Tokens: issued once while valid, used once of however many at once, settled once, and none behind a control."""

import asyncio
from datetime import timedelta
from typing import Any

import asyncpg
import msgspec
import pytest
from piccolo.engine.postgres import PostgresEngine

from axiru.database import row, rows
from axiru.domain.authorization import ENDPOINT
from axiru.domain.control import ControlKind
from axiru.domain.evaluation import Outcome
from axiru.domain.movement import Amount, Counterparty, Initiator, Ovt
from ledger.acts.control import engage, lift
from ledger.acts.token import (
    SettlementRefused,
    TokenNotUsable,
    TokenStanding,
    TokenUnknown,
    Used,
    consume,
    settle_token,
    token_of,
)
from ledger.acts.vote import expire_approval

POLICY = """
policy: agents
schema: 2
applies_to: {rail: stripe_daa}
rules:
  - id: too_much
    when: {amount: {currency: usd, gt: 90000}}
    effect: deny
  - id: large
    when: {amount: {currency: usd, gt: 15000}}
    effect: review
    approvers: {role: controller, deadline: 1h}
  - id: window
    when: {rolling_window: {measure: sum, currency: usd, per: initiator, within: 24h, gt: 80000}}
    effect: deny
"""
KEY = "key_of_tokens"


class Paying:
    """An organization whose agents pay; what a test asks of it, in short."""

    def __init__(self, house: Any) -> None:
        self.house = house
        self.key = f"{KEY}_{house.id}"

    async def pay(self, cents: int = 5_000, agent: str = "agent_1") -> Any:
        ovt = Ovt(
            rail="stripe_daa",
            rail_action="agent_payment",
            amount=Amount(str(cents), "usd"),
            initiator=Initiator("agent", agent, ("payments:write",)),
            counterparty=Counterparty(stripe_account_id="acct_1", country="US"),
        )
        return await self.house.decide(await self.house.ask(ovt, endpoint=ENDPOINT))

    async def standing(self, decision_id: str) -> TokenStanding | None:
        return await token_of(decision_id, organization_id=self.house.id, mode="test", signer=self.house.signer)

    async def consume(self, jti: str) -> Used:
        return await consume(
            jti, organization_id=self.house.id, mode="test", api_key_id=self.key, signer=self.house.signer
        )

    async def settle(self, jti: str, settlement: Any = "settled", units: int | None = None) -> Used:
        return await settle_token(
            jti,
            settlement,
            units,
            organization_id=self.house.id,
            mode="test",
            api_key_id=self.key,
            signer=self.house.signer,
        )

    async def engage(self, kind: ControlKind, scope: dict[str, str]) -> str:
        receipt = await engage(
            organization_id=self.house.id,
            member_id=self.house.members["controller"],
            kind=kind,
            scope=scope,
            applies_to="test",
            reason="odd",
            expires_at=None,
            signer=self.house.signer,
        )
        return receipt.control_id

    async def lift(self, control_id: str) -> None:
        await lift(
            organization_id=self.house.id,
            member_id=self.house.members["controller"],
            control_id=control_id,
            reason="fine",
            signer=self.house.signer,
        )


@pytest.fixture
async def paying(new_house: Any) -> Paying:
    """An organization in which agents' payments are enforced, with a key."""
    house = await new_house()
    await house.activate(POLICY)
    await rows(
        "INSERT INTO surfaces (id, organization_id, mode, stripe_connection_id, rail, rail_action, surface_mode, "
        "updated_at) VALUES ({}, {}, 'test', '', 'stripe_daa', 'agent_payment', 'enforce', now())",
        f"{house.id}/daa",
        house.id,
    )
    made = Paying(house)
    await rows(
        "INSERT INTO api_keys (id, organization_id, mode, name, secret_hash, hint, scopes, owner_member_id, "
        "outcome_style, created_at) VALUES ({}, {}, 'test', 'k', {}, 'k', {}, {}, 'reference', now())",
        made.key,
        house.id,
        made.key,
        ["authorizations:write"],
        house.members["requester"],
    )
    return made


async def _older(superuser: asyncpg.Connection, decision_id: str, by: timedelta) -> None:
    """The decision, its approval and its tokens are that much further back."""
    await superuser.execute(
        "UPDATE authorization_tokens SET issued_at = issued_at - $1::interval, expires_at = expires_at - $1::interval "
        "WHERE decision_id = $2",
        by,
        decision_id,
    )
    await superuser.execute(
        "UPDATE decisions SET decided_at = decided_at - $1::interval WHERE id = $2", by, decision_id
    )
    await superuser.execute(
        "UPDATE approvals SET closed_at = closed_at - $1::interval WHERE decision_id = $2", by, decision_id
    )


async def _jtis(decision_id: str) -> list[str]:
    found = await rows("SELECT jti FROM authorization_tokens WHERE decision_id = {} ORDER BY issued_at", decision_id)
    return [token["jti"] for token in found]


def _jti(standing: TokenStanding | None) -> str:
    assert standing is not None
    assert standing.token is not None
    return standing.token.jti


async def test_what_is_allowed_has_its_token_sealed_with_the_decision(paying: Paying) -> None:
    receipt = await paying.pay()

    (entry,) = await paying.house.entries("decision")
    assert receipt.token is not None
    assert entry["data"]["token"]["jti"] == receipt.token.jti
    assert entry["data"]["token"]["key_id"] == receipt.token.key_id
    assert (receipt.token.expires_at - receipt.token.issued_at).total_seconds() == 300
    assert receipt.token.issued_at.microsecond == 0
    assert "signature" not in entry["data"]["token"]
    assert (entry["data"]["fingerprint"], entry["data"]["surface_mode"]) == ("f" * 64, "enforce")
    sealed = msgspec.json.decode(bytes(entry["body"]))
    assert sealed["policy_hash"] == entry["data"]["policy"]["content_hash"]
    assert entry["data"]["agreement"] == {"compared": 0, "agrees": None}


async def test_deciding_again_says_the_token_that_was_sealed_at_first(paying: Paying) -> None:
    """A worker that ends between its commit and its answer is followed by another, which finds what was decided."""
    first = await paying.pay()

    assert first.token is not None
    assert await paying.house.decide(first.decision_id) == first


async def test_denials_and_questions_are_sealed_without_a_token(paying: Paying) -> None:
    denied, asked = await paying.pay(90_001), await paying.pay(20_000)

    assert (denied.outcome, asked.outcome) == (Outcome.DENY, Outcome.REVIEW)
    for receipt, entry in zip((denied, asked), await paying.house.entries("decision"), strict=True):
        assert "token" not in entry["data"]
        assert entry["data"]["evaluation"]["rule_kind"] == receipt.rule_kind == "amount"
        assert await paying.standing(receipt.decision_id) is None
        assert await _jtis(receipt.decision_id) == []


async def test_asking_again_gives_the_token_that_is_valid(paying: Paying) -> None:
    receipt = await paying.pay()

    for _ in range(3):
        standing = await paying.standing(receipt.decision_id)
        assert standing is not None
        assert standing.token == receipt.token
    assert await paying.house.entries("token") == []


async def test_after_it_is_over_another_is_issued_once_by_however_many(
    paying: Paying, superuser: asyncpg.Connection
) -> None:
    receipt = await paying.pay()
    await _older(superuser, receipt.decision_id, timedelta(seconds=300))

    standings = await asyncio.gather(*(paying.standing(receipt.decision_id) for _ in range(8)))

    assert len({_jti(standing) for standing in standings}) == 1
    assert len(await _jtis(receipt.decision_id)) == 2
    (entry,) = await paying.house.entries("token")
    assert entry["data"]["token"]["jti"] == _jti(standings[0])
    counted = await row("SELECT count(*) AS n FROM movements WHERE decision_id = {}", receipt.decision_id)
    assert counted is not None
    assert counted["n"] == 1
    with pytest.raises(TokenNotUsable) as refused:
        await paying.consume(receipt.token.jti)
    assert refused.value.facts["state"] == "expired"
    await paying.consume(_jti(standings[0]))


async def test_a_day_after_the_decision_none_is_issued(paying: Paying, superuser: asyncpg.Connection) -> None:
    receipt = await paying.pay()
    await _older(superuser, receipt.decision_id, timedelta(hours=24))

    assert await paying.standing(receipt.decision_id) == TokenStanding("expired")


async def test_after_an_approval_the_day_begins_with_it(paying: Paying, superuser: asyncpg.Connection) -> None:
    asked = await paying.pay(20_000)
    await superuser.execute(
        "UPDATE decisions SET decided_at = decided_at - interval '30 hours' WHERE id = $1", asked.decision_id
    )
    await paying.house.vote(asked.approval_id)

    first = _jti(await paying.standing(asked.decision_id))
    await _older(superuser, asked.decision_id, timedelta(minutes=6))
    second = _jti(await paying.standing(asked.decision_id))
    await _older(superuser, asked.decision_id, timedelta(hours=24))

    assert first != second
    assert await paying.standing(asked.decision_id) == TokenStanding("expired")


async def test_of_many_at_once_one_uses_the_token(paying: Paying) -> None:
    receipt = await paying.pay()

    told = await asyncio.gather(*(paying.consume(receipt.token.jti) for _ in range(16)), return_exceptions=True)

    used = [one for one in told if isinstance(one, Used)]
    refused = [one for one in told if isinstance(one, TokenNotUsable)]
    assert (len(used), len(refused)) == (1, 15)
    assert {one.facts["state"] for one in refused} == {"consumed"}
    (entry,) = await paying.house.entries("token_consumed")
    assert (entry["data"]["jti"], entry["data"]["api_key_id"]) == (receipt.token.jti, paying.key)
    assert await paying.standing(receipt.decision_id) == TokenStanding("consumed")


async def test_a_used_decision_gives_no_other_token_however_late(paying: Paying, superuser: asyncpg.Connection) -> None:
    receipt = await paying.pay()
    await paying.consume(receipt.token.jti)
    await _older(superuser, receipt.decision_id, timedelta(minutes=10))

    assert await paying.standing(receipt.decision_id) == TokenStanding("consumed")
    assert await _jtis(receipt.decision_id) == [receipt.token.jti]


async def test_two_tokens_of_one_decision_are_one_use(paying: Paying, superuser: asyncpg.Connection) -> None:
    """The first is over and comes back within its leeway, after the second was used."""
    receipt = await paying.pay()
    await _older(superuser, receipt.decision_id, timedelta(seconds=301))
    await paying.consume(_jti(await paying.standing(receipt.decision_id)))
    await superuser.execute(
        "UPDATE authorization_tokens SET expires_at = now() + interval '1 minute' WHERE jti = $1", receipt.token.jti
    )

    with pytest.raises(TokenNotUsable) as refused:
        await paying.consume(receipt.token.jti)
    assert refused.value.facts["state"] == "consumed"


@pytest.mark.parametrize(
    ("kind", "scope", "reason"),
    [
        ("kill_switch", {}, "kill_switch_engaged"),
        ("freeze", {"agent_id": "agent_1"}, "agent_frozen"),
        ("freeze", {"agent_id": " AGENT_1"}, "agent_frozen"),
        ("freeze", {"stripe_account_id": "acct_1"}, "merchant_frozen"),
        ("freeze", {"surface": "stripe_daa.agent_payment"}, "surface_frozen"),
    ],
)
async def test_a_control_withholds_and_stops_the_token_until_it_is_lifted(
    paying: Paying, superuser: asyncpg.Connection, kind: ControlKind, scope: dict[str, str], reason: str
) -> None:
    receipt = await paying.pay()
    control_id = await paying.engage(kind, scope)

    standing = await paying.standing(receipt.decision_id)
    assert standing is not None
    assert (standing.status, standing.token) == ("withheld", None)
    assert standing.withheld_by is not None
    assert (standing.withheld_by.reason, standing.withheld_by.control_id) == (reason, control_id)
    with pytest.raises(TokenNotUsable) as refused:
        await paying.consume(receipt.token.jti)
    assert (refused.value.facts["state"], refused.value.facts["reason"]) == ("withheld", reason)
    # Nor is a new one issued while it is in force.
    await _older(superuser, receipt.decision_id, timedelta(minutes=6))
    assert (await paying.standing(receipt.decision_id)) == standing

    await paying.lift(control_id)
    await paying.consume(_jti(await paying.standing(receipt.decision_id)))


async def test_a_control_between_use_and_settlement_stops_no_report(paying: Paying) -> None:
    receipt = await paying.pay()
    await paying.consume(receipt.token.jti)
    await paying.engage("kill_switch", {})

    await paying.settle(receipt.token.jti)

    assert await paying.house.movement(receipt.decision_id) == "committed"


async def test_the_token_of_a_revoked_key_is_replaced(paying: Paying, superuser: asyncpg.Connection) -> None:
    receipt = await paying.pay()
    await superuser.execute(
        "INSERT INTO signing_keys SELECT key_id || '-old', purpose, public_jwk, private_ciphertext, created_at, "
        "retired_at, active_from - interval '1 day', now(), 'leaked' FROM signing_keys WHERE key_id = $1",
        receipt.token.key_id,
    )
    await superuser.execute(
        "UPDATE authorization_tokens SET key_id = key_id || '-old' WHERE jti = $1", receipt.token.jti
    )
    try:
        with pytest.raises(TokenNotUsable) as refused:
            await paying.consume(receipt.token.jti)
        assert refused.value.facts["state"] == "revoked"
        replaced = await paying.standing(receipt.decision_id)
        assert _jti(replaced) != receipt.token.jti
        await paying.consume(_jti(replaced))
    finally:
        await superuser.execute(
            "UPDATE authorization_tokens SET key_id = $1 WHERE jti = $2", receipt.token.key_id, receipt.token.jti
        )
        await superuser.execute("DELETE FROM signing_keys WHERE key_id = $1", f"{receipt.token.key_id}-old")


@pytest.mark.parametrize(
    ("settlement", "units", "kept", "movement", "state"),
    [
        ("settled", None, 5_000, "committed", "executed"),
        ("settled", 5_000, 5_000, "committed", "executed"),
        ("settled", 1_234, 1_234, "committed", "executed"),
        ("settled", 0, 0, "committed", "executed"),
        ("failed", None, 5_000, "released", "execution_failed"),
    ],
)
async def test_settlement_commits_what_was_moved_or_releases_it(
    paying: Paying, settlement: str, units: int | None, kept: int, movement: str, state: str
) -> None:
    receipt = await paying.pay()
    await paying.consume(receipt.token.jti)

    used = await paying.settle(receipt.token.jti, settlement, units)

    found = await row("SELECT units, state FROM movements WHERE decision_id = {}", receipt.decision_id)
    assert found == {"units": kept, "state": movement}
    assert await paying.house.state(receipt.decision_id) == state
    (entry,) = await paying.house.entries("token_settled")
    assert (entry["data"]["settlement"], entry["data"]["reserved_units"]) == (settlement, "5000")
    assert entry["data"]["units"] == ("0" if settlement == "failed" else str(kept))
    assert used.decision_id == receipt.decision_id
    # Said again it is as it was; said otherwise it is refused.
    assert (await paying.settle(receipt.token.jti, settlement, units)).at == used.at
    other = "failed" if settlement == "settled" else "settled"
    with pytest.raises(TokenNotUsable):
        await paying.settle(receipt.token.jti, other)
    assert len(await paying.house.entries("token_settled")) == 1


async def test_never_more_is_settled_than_was_reserved(paying: Paying) -> None:
    receipt = await paying.pay()
    await paying.consume(receipt.token.jti)

    with pytest.raises(SettlementRefused):
        await paying.settle(receipt.token.jti, "settled", 5_001)

    assert await paying.house.movement(receipt.decision_id) == "reserved"
    assert await paying.house.state(receipt.decision_id) == "allowed"


async def test_only_a_used_token_is_settled_and_only_once_of_many(paying: Paying) -> None:
    receipt = await paying.pay()
    with pytest.raises(TokenNotUsable):
        await paying.settle(receipt.token.jti)
    await paying.consume(receipt.token.jti)

    told = await asyncio.gather(
        *(paying.settle(receipt.token.jti, "settled", units) for units in range(100, 108)), return_exceptions=True
    )

    assert sum(isinstance(one, Used) for one in told) == 1
    assert sum(isinstance(one, TokenNotUsable) for one in told) == 7


async def test_what_is_released_is_free_for_the_agents_next_payment(paying: Paying) -> None:
    """Failed, less than reserved, and never because a token ran out."""
    first = [await paying.pay(15_000) for _ in range(5)]
    assert (await paying.pay(15_000)).reason == "window"
    await paying.consume(first[0].token.jti)
    await paying.settle(first[0].token.jti, "failed")
    again = await paying.pay(15_000)
    assert again.outcome is Outcome.ALLOW
    await paying.consume(again.token.jti)
    await paying.settle(again.token.jti, "settled", 10_000)

    assert (await paying.pay(10_000)).outcome is Outcome.ALLOW
    assert (await paying.pay(1)).outcome is Outcome.DENY


async def test_a_token_that_runs_out_gives_no_budget_back(paying: Paying, superuser: asyncpg.Connection) -> None:
    receipt = await paying.pay()
    await _older(superuser, receipt.decision_id, timedelta(hours=25))

    assert await paying.standing(receipt.decision_id) == TokenStanding("expired")
    assert await paying.house.movement(receipt.decision_id) == "reserved"


async def test_nobody_deciding_in_time_is_a_denial_that_releases(paying: Paying, superuser: asyncpg.Connection) -> None:
    asked = await paying.pay(20_000)
    await superuser.execute(
        "UPDATE approvals SET expires_at = now() - interval '1 second' WHERE id = $1", asked.approval_id
    )

    await expire_approval(asked.approval_id, organization_id=paying.house.id, mode="test", signer=paying.house.signer)

    assert await paying.house.state(asked.decision_id) == "expired"
    assert await paying.house.movement(asked.decision_id) == "released"
    assert await paying.standing(asked.decision_id) is None
    assert "expired" in await _told(paying, asked.decision_id)


async def test_another_organization_knows_no_such_token(paying: Paying, new_house: Any) -> None:
    receipt = await paying.pay()
    stranger = Paying(await new_house())

    for attempt in (stranger.consume(receipt.token.jti), stranger.settle(receipt.token.jti)):
        with pytest.raises(TokenUnknown):
            await attempt


async def test_the_database_itself_keeps_a_token_to_one_use(paying: Paying) -> None:
    """Whatever the code says: consumed and settled once, and none for what is not allowed."""
    receipt, denied = await paying.pay(), await paying.pay(90_001)
    await paying.consume(receipt.token.jti)
    await paying.settle(receipt.token.jti)

    again = "UPDATE authorization_tokens SET {} WHERE jti = {{}}"
    for change in ("consumed_at = now()", "settled_units = 9", "settlement = 'failed'"):
        with pytest.raises(asyncpg.RestrictViolationError):
            await rows(again.format(change), receipt.token.jti)
    with pytest.raises(asyncpg.RestrictViolationError):
        await rows("UPDATE movements SET units = units + 1 WHERE decision_id = {}", receipt.decision_id)
    with pytest.raises(asyncpg.RestrictViolationError):
        await rows(
            "UPDATE movements SET moved_at = moved_at - interval '1 day' WHERE decision_id = {}", receipt.decision_id
        )
    with pytest.raises(asyncpg.RestrictViolationError):
        await rows(
            "INSERT INTO authorization_tokens (jti, organization_id, mode, decision_id, key_id, ledger_id, issued_at, "
            "expires_at) VALUES ('jti_forged', {}, 'test', {}, {}, 'lr_x', now(), now() + interval '5 minutes')",
            paying.house.id,
            denied.decision_id,
            receipt.token.key_id,
        )
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await rows("DELETE FROM authorization_tokens WHERE jti = {}", receipt.token.jti)


async def test_the_database_takes_no_token_that_outlives_five_minutes(paying: Paying) -> None:
    receipt = await paying.pay()
    with pytest.raises(asyncpg.RestrictViolationError):
        await rows(
            _LIKE_ANOTHER, f"jti_{paying.house.id}", receipt.decision_id, timedelta(days=3_650), receipt.token.jti
        )


async def test_what_was_denied_has_no_token_whatever_its_row_says(
    paying: Paying, superuser: asyncpg.Connection
) -> None:
    """Whoever can write rows cannot write what was sealed."""
    allowed, denied = await paying.pay(), await paying.pay(90_001)
    for state in ("allowed", "approved", "executing", "executed"):
        with pytest.raises(asyncpg.RestrictViolationError):
            await rows("UPDATE decisions SET state = {} WHERE id = {}", state, denied.decision_id)
    await superuser.execute("UPDATE decisions SET state = 'allowed' WHERE id = $1", denied.decision_id)

    standing = await paying.standing(denied.decision_id)

    assert standing is not None
    assert (standing.status, standing.token) == ("withheld", None)
    assert standing.withheld_by is not None
    assert (standing.withheld_by.reason, standing.withheld_by.kind) == ("request_altered", "ledger")
    forged = f"jti_forged_{paying.house.id}"
    await superuser.execute(
        _LIKE_ANOTHER.format("$1", "$2", "$3", "$4"),
        *(forged, denied.decision_id, timedelta(minutes=5), allowed.token.jti),
    )
    standing = await paying.standing(denied.decision_id)
    assert standing is not None
    assert standing.token is None
    await rows(_MOVEMENT_LIKE, denied.decision_id, allowed.decision_id)
    with pytest.raises(TokenNotUsable) as refused:
        await paying.consume(forged)
    assert refused.value.facts["reason"] == "request_altered"


async def test_what_waits_for_its_token_leaves_no_window_meanwhile(
    paying: Paying, superuser: asyncpg.Connection
) -> None:
    """A day of payments that were allowed and kept for later makes no room for another day of them."""
    kept = [await paying.pay(15_000) for _ in range(5)]
    for receipt in kept:
        await _waited(superuser, receipt.decision_id, timedelta(hours=24, seconds=-5))
    again = [_jti(await paying.standing(receipt.decision_id)) for receipt in kept]
    await superuser.execute(
        "UPDATE movements SET moved_at = moved_at - interval '6 seconds' WHERE decision_id = ANY($1::text[])",
        [receipt.decision_id for receipt in kept],
    )

    another = await paying.pay(15_000)

    assert (another.outcome, another.reason) == (Outcome.DENY, "window")
    for jti in again:
        await paying.consume(jti)


async def test_no_other_token_comes_where_others_have_taken_the_room(
    paying: Paying, superuser: asyncpg.Connection
) -> None:
    kept = await paying.pay(15_000)
    await _waited(superuser, kept.decision_id, timedelta(minutes=10))
    await superuser.execute(
        "UPDATE movements SET moved_at = moved_at - interval '24 hours' WHERE decision_id = $1", kept.decision_id
    )
    for _ in range(5):
        assert (await paying.pay(15_000)).outcome is Outcome.ALLOW

    standing = await paying.standing(kept.decision_id)

    assert standing is not None
    assert (standing.status, standing.token) == ("withheld", None)
    assert standing.withheld_by is not None
    assert (standing.withheld_by.reason, standing.withheld_by.kind) == ("window", "policy")
    assert await _jtis(kept.decision_id) == [kept.token.jti]


async def test_in_shadow_another_token_has_the_room_that_shadow_leaves(
    paying: Paying, superuser: asyncpg.Connection
) -> None:
    for _ in range(5):
        assert (await paying.pay(15_000)).outcome is Outcome.ALLOW
    await rows("UPDATE surfaces SET surface_mode = 'shadow' WHERE organization_id = {}", paying.house.id)
    receipt = await paying.pay(15_000)
    assert (receipt.outcome, receipt.surface_mode) == (Outcome.ALLOW, "shadow")
    await _older(superuser, receipt.decision_id, timedelta(seconds=300))

    assert _jti(await paying.standing(receipt.decision_id)) != receipt.token.jti


async def test_windows_count_a_payment_from_when_its_token_is_used(
    paying: Paying, superuser: asyncpg.Connection
) -> None:
    receipt = await paying.pay()
    await superuser.execute(
        "UPDATE movements SET moved_at = moved_at - interval '4 minutes' WHERE decision_id = $1", receipt.decision_id
    )

    used = await paying.consume(receipt.token.jti)

    counted = await row("SELECT moved_at FROM movements WHERE decision_id = {}", receipt.decision_id)
    assert counted is not None
    assert counted["moved_at"] == used.at


_LIKE_ANOTHER = (
    "INSERT INTO authorization_tokens (jti, organization_id, mode, decision_id, key_id, ledger_id, issued_at, "
    "expires_at) SELECT {}, organization_id, mode, {}, key_id, ledger_id, now(), now() + {}::interval "
    "FROM authorization_tokens WHERE jti = {}"
)
_MOVEMENT_LIKE = (
    "INSERT INTO movements (decision_id, organization_id, mode, surface_mode, state, rail, rail_action, asset, units, "
    "initiator_id, moved_at) SELECT {}, organization_id, mode, surface_mode, state, rail, rail_action, asset, units, "
    "initiator_id, moved_at FROM movements WHERE decision_id = {}"
)


async def _waited(superuser: asyncpg.Connection, decision_id: str, by: timedelta) -> None:
    """As `_older`, and what it reserved was reserved that much earlier."""
    await _older(superuser, decision_id, by)
    await superuser.execute(
        "UPDATE movements SET moved_at = moved_at - $1::interval WHERE decision_id = $2", by, decision_id
    )


async def _told(paying: Paying, decision_id: str) -> list[str]:
    found = await rows(
        "SELECT payload ->> 'state' AS state FROM outbox WHERE organization_id = {} AND topic = 'authorization' "
        "AND payload ->> 'decision_id' = {} ORDER BY seq, position",
        paying.house.id,
        decision_id,
    )
    return [one["state"] for one in found]


async def test_a_token_costs_two_statements_behind_the_lock(paying: Paying, monkeypatch: pytest.MonkeyPatch) -> None:
    """The key it is signed with, and its row; signing waits until the lock is free."""
    statements: list[str] = []
    run = PostgresEngine.run_querystring

    async def counted(engine: PostgresEngine, querystring: Any, *rest: Any, **named: Any) -> Any:
        statements.append(str(querystring))
        return await run(engine, querystring, *rest, **named)

    monkeypatch.setattr(PostgresEngine, "run_querystring", counted)
    await paying.pay()
    statements.clear()

    await paying.pay()
    with_token = len(statements)
    statements.clear()
    await paying.pay(90_001)

    denied_has_no_reservation = 1
    assert with_token == len(statements) + 2 + denied_has_no_reservation
