"""Payments under AP2 mandates over HTTP: denied where a mandate does not cover them, and counted where it does."""

import asyncio
import json
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import asyncpg
import httpx
import pytest
from ap2_wallet import Json, Key, Mandated, Wallet

LogIn = Callable[[str], Awaitable[httpx.AsyncClient]]
PolicyInForce = Callable[..., Awaitable[dict[str, Any]]]
ISSUERS, AUTHORIZATIONS = "/api/v1/ap2-issuers", "/api/v1/authorizations"
RANGE = {"type": "payment.amount_range", "currency": "USD", "max": 100_000}
OFTEN = {"type": "payment.agent_recurrence", "frequency": "ON_DEMAND"}


def budget(dollars: int) -> Json:
    return {"type": "payment.budget", "currency": "USD", "max": dollars}


def body(shown: Json, cents: int = 10_000, **top: Any) -> Json:
    return {
        "rail": "ap2",
        "rail_action": "payment",
        "amount_cents": cents,
        "currency": "usd",
        "initiator": {"kind": "agent", "id": f"agent_{uuid.uuid4().hex}", "scopes": ["payments:write"]},
        "idempotency_key": uuid.uuid4().hex,
        **shown,
        **top,
    }


@pytest.fixture
async def admin(log_in: LogIn) -> httpx.AsyncClient:
    return await log_in("admin")


@pytest.fixture
async def wallet(admin: httpx.AsyncClient, policies_of: PolicyInForce) -> AsyncIterator[Wallet]:
    """An issuer that the organization trusts, under a policy that denies what one payee gets beyond a limit."""
    await policies_of(
        f"policy: ap2-{uuid.uuid4().hex}\nschema: 2\napplies_to: {{rail: ap2}}\nrules:\n  - id: payee_refused\n"
        "    when: {custom_expression: \"extra.ap2_payee == 'merchant_9'\"}\n    effect: deny\n"
    )
    made = Wallet()
    wanted = {"issuer": made.name, "name": "An issuer", "jwk": made.issuer.public}
    issuer = (await admin.post(ISSUERS, json=wanted)).raise_for_status().json()
    yield made
    (await admin.delete(f"{ISSUERS}/{issuer['id']}")).raise_for_status()


async def ask(backend: httpx.AsyncClient, told: Json) -> Json:
    answer = await backend.post(AUTHORIZATIONS, json=told)
    assert answer.status_code == 200, answer.text
    found: Json = answer.json()
    return found


async def test_a_mandate_is_for_one_payment_and_one_presentation_unless_it_says_more(
    wallet: Wallet, backend: httpx.AsyncClient
) -> None:
    once = Mandated(wallet, RANGE)
    first = body(once.shown())
    allowed = await ask(backend, first)
    assert (allowed["outcome"], allowed["state"]) == ("allow", "allowed")
    again = await ask(backend, first)
    assert (again["cached"], again["jti"]) == (True, allowed["jti"])
    assert (await ask(backend, body(once.shown())))["reason"] == "axiru.deny.mandate_used_up"
    often = Mandated(wallet, RANGE, OFTEN, budget(1_000))
    shown = often.shown()
    assert (await ask(backend, body(shown)))["outcome"] == "allow"
    assert (await ask(backend, body(shown)))["reason"] == "axiru.deny.mandate_already_presented"
    assert (await ask(backend, body(often.shown())))["outcome"] == "allow"


async def test_what_does_not_cover_a_payment_denies_it_and_is_sealed(
    wallet: Wallet, backend: httpx.AsyncClient, database: asyncpg.Connection
) -> None:
    for told, why in (
        (body(wallet.shown(RANGE, {"type": "payment.geofence"})), "constraint_unknown"),
        (body(wallet.shown({**RANGE, "per_day": 1})), "constraint_member_unknown"),
        (body(wallet.shown({**RANGE, "max": 9_999})), "amount_out_of_range"),
        (body(wallet.shown(RANGE), cents=9_999), "amount_mismatch"),
        (body(wallet.shown(RANGE), counterparty={"id": "somebody_else"}), "payee_mismatch"),
        (body(Wallet().shown(RANGE)), "issuer_not_trusted"),
        (body(wallet.shown(RANGE), checkout_mandate=None), "checkout_missing"),
    ):
        denied = await ask(backend, told)
        assert (denied["outcome"], denied["reason"]) == ("deny", f"axiru.deny.mandate_{why}")
        assert denied["matched_rule"].startswith("mandate:")
        assert "authorization_token" not in denied
        entry = await database.fetchval(
            "SELECT convert_from(e.body, 'UTF8') FROM ledger_entries e "
            "JOIN decisions d USING (organization_id, mode, seq) WHERE d.id = $1",
            denied["decision_id"],
        )
        assert json.loads(entry)["data"]["ovt"]["mandate"]["refusal"] == f"mandate_{why}"


async def test_rules_read_whom_a_mandate_pays(wallet: Wallet, backend: httpx.AsyncClient) -> None:
    payee = {"id": "merchant_9", "name": "Nine"}
    denied = await ask(backend, body(wallet.shown(RANGE, payment={"payee": payee})))
    assert (denied["outcome"], denied["matched_rule_id"]) == ("deny", "payee_refused")


@pytest.mark.parametrize(
    ("payee", "asked", "account"),
    [
        ("acct_1Shop", {}, "acct_1Shop"),
        ("acct_1Shop", {"id": "acct_1Shop", "stripe_account_id": "acct_1Shop"}, "acct_1Shop"),
        ("acct_1Shop", {"stripe_account_id": "acct_1Other"}, None),
        ("acct_1Shop", {"id": "merchant_1"}, None),
        ("merchant_1", {"stripe_account_id": "acct_1Other"}, "acct_1Other"),
    ],
)
async def test_an_account_that_the_mandate_names_is_the_one_that_is_paid(
    wallet: Wallet, backend: httpx.AsyncClient, admin: httpx.AsyncClient, payee: str, asked: Json, account: str | None
) -> None:
    shown = wallet.shown(RANGE, payment={"payee": {"id": payee, "name": "Shop"}})
    answer = await ask(backend, body(shown, counterparty=asked))
    if account is None:
        assert answer["reason"] == "axiru.deny.mandate_payee_mismatch"
        return
    told = (await admin.get(f"/api/v1/decisions/{answer['decision_id']}")).json()["ovt"]["counterparty"]
    assert (answer["outcome"], told["id"], told["stripe_account_id"]) == ("allow", payee, account)


async def test_a_rule_says_which_account_is_a_payees(
    wallet: Wallet, backend: httpx.AsyncClient, policies_of: PolicyInForce
) -> None:
    """As the documentation writes it: of most payees a mandate does not say where their money goes."""
    await policies_of(
        f"policy: ap2-accounts-{uuid.uuid4().hex}\nschema: 2\napplies_to: {{rail: ap2}}\nrules:\n"
        "  - id: account_of_the_shop\n    when:\n      all:\n"
        "        - counterparty: {id: merchant_1}\n"
        "        - not: {counterparty: {stripe_account_id: acct_1Shop}}\n"
        "    effect: deny\n"
    )
    for account, outcome in (("acct_1Shop", "allow"), ("acct_1Other", "deny")):
        told = body(wallet.shown(RANGE), counterparty={"stripe_account_id": account})
        assert (await ask(backend, told))["outcome"] == outcome
    # No account, no certainty.
    assert (await ask(backend, body(wallet.shown(RANGE))))["outcome"] == "quarantine"


async def test_sixteen_at_once_never_pay_more_than_the_budget(wallet: Wallet, backend: httpx.AsyncClient) -> None:
    made = Mandated(wallet, RANGE, {**OFTEN, "max_occurrences": 12}, budget(500))
    answers = await asyncio.gather(*(ask(backend, body(made.shown())) for _ in range(16)))
    reasons = [answer["reason"] for answer in answers if answer["outcome"] == "deny"]
    assert (len(answers) - len(reasons), set(reasons)) == (5, {"axiru.deny.mandate_budget_exceeded"})
    # What was given back may be spent again, and what was spent in part counts in part.
    paid = [answer for answer in answers if answer["outcome"] == "allow"][:2]
    for one, said in zip(paid, ({"settlement": "failed"}, {"settlement": "settled", "amount_units": "1"}), strict=True):
        (await backend.post(f"{AUTHORIZATIONS}/{one['jti']}/consume")).raise_for_status()
        (await backend.post(f"{AUTHORIZATIONS}/{one['jti']}/settlement", json=said)).raise_for_status()
    assert (await ask(backend, body(made.shown())))["outcome"] == "allow"
    assert (await ask(backend, body(made.shown(amount=9_999), cents=9_999)))["outcome"] == "allow"
    assert (await ask(backend, body(made.shown(amount=1), cents=1)))["outcome"] == "deny"


async def test_no_token_is_used_once_its_issuer_is_not_trusted(
    wallet: Wallet, backend: httpx.AsyncClient, admin: httpx.AsyncClient
) -> None:
    allowed = await ask(backend, body(wallet.shown(RANGE)))
    listed = (await admin.get(ISSUERS)).json()["items"]
    issuer = next(one for one in listed if one["issuer"] == wallet.name)
    for _ in range(2):
        assert (await admin.delete(f"{ISSUERS}/{issuer['id']}")).status_code == 204
    used = await backend.post(f"{AUTHORIZATIONS}/{allowed['jti']}/consume")
    assert (used.status_code, used.json()["reason"]) == (409, "mandate_issuer_not_trusted")
    assert (await ask(backend, body(wallet.shown(RANGE))))["reason"] == "axiru.deny.mandate_issuer_not_trusted"


@pytest.mark.parametrize(
    ("changes", "fields"),
    [
        ({"mandate": None, "mandate_audience": None}, {"mandate", "mandate_audience"}),
        ({"mandate": "not a mandate"}, {"mandate"}),
        ({"mandate": "a.b"}, {"mandate"}),
        ({"mandate": f"a.b.c~{'x' * 131_072}"}, {"mandate"}),
        ({"checkout_mandate": "é.b.c~"}, {"checkout_mandate"}),
        ({"context": {"ap2_payee": "merchant_1"}}, {"context.ap2_payee"}),
        ({"amount_cents": 0, "mandates": []}, {"amount_cents", "mandates"}),
    ],
)
async def test_a_body_that_cannot_be_read_is_refused(
    backend: httpx.AsyncClient, changes: Json, fields: set[str]
) -> None:
    told = {**body(Wallet().shown(RANGE)), **changes}
    answer = await backend.post(AUTHORIZATIONS, json={name: said for name, said in told.items() if said is not None})
    assert answer.status_code == 400, answer.text
    assert {error["field"] for error in answer.json()["field_errors"]} == fields


async def test_an_admin_says_whose_mandates_are_taken(
    log_in: LogIn, admin: httpx.AsyncClient, database: asyncpg.Connection
) -> None:
    key = Key()
    wanted = {"issuer": "https://issuer.example", "name": "An issuer", "jwk": key.public}
    assert (await (await log_in("controller")).post(ISSUERS, json=wanted)).status_code == 403
    made = await admin.post(ISSUERS, json=wanted)
    assert (made.status_code, made.json()["jwk"]["x"]) == (201, key.public["x"])
    assert (await admin.post(ISSUERS, json=wanted)).status_code == 409
    path = f"{ISSUERS}/{made.json()['id']}"
    for told in ({"reason": "x" * 2_001}, {"why": "x"}):
        assert (await admin.request("DELETE", path, json=told)).status_code == 400
    for reason in ("Its key leaked.", "Once more."):
        assert (await admin.request("DELETE", path, json={"reason": f" {reason} "})).status_code == 204
    removed = next(one for one in (await admin.get(ISSUERS)).json()["items"] if one["id"] == made.json()["id"])
    assert (removed["removed_reason"], removed["removed_at"] is not None) == ("Its key leaked.", True)
    found = await database.fetch(
        "SELECT convert_from(body, 'UTF8') AS told FROM ledger_entries WHERE kind = 'ap2_issuer'"
    )
    sealed = [told for one in found if (told := json.loads(one["told"])["data"])["issuer_id"] == made.json()["id"]]
    assert [one["reason"] for one in sealed if one["change"] == "removed"] == ["Its key leaked."] * 2
    for jwk in ({**key.public, "d": "A" * 43}, {**key.public, "x": "A" * 43}, {"kty": "RSA", "n": "1", "e": "AQAB"}):
        assert (await admin.post(ISSUERS, json={**wanted, "jwk": jwk})).status_code == 400
    assert (await admin.delete(f"{ISSUERS}/ai_unknown")).status_code == 404
