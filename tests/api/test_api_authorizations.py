"""Authorizations over HTTP: a token for what an agent may pay, none for what it may not, and repeats count once."""

import asyncio
import json
import uuid
from collections.abc import Callable
from typing import Any

import asyncpg
import httpx
import pytest
import rfc8785
from joserfc import jws
from joserfc.jwk import KeySet

from api.fingerprint import fingerprint
from axiru.dev.dev_json import DevJson

PATH = "/api/v1/authorizations"
Payment = Callable[..., dict[str, Any]]


async def ask(client: httpx.AsyncClient, body: dict[str, Any], path: str = PATH) -> dict[str, Any]:
    answer = await client.post(path, json=body)
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


async def claims_of(client: httpx.AsyncClient, token: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Header and claims of a token whose signature was checked against the published keys."""
    keys = KeySet.import_key_set((await client.get("/axiru-jwks.json")).json())
    verified = jws.deserialize_compact(token, keys, algorithms=["ES256"])
    return dict(verified.headers()), json.loads(verified.payload)


async def test_what_may_be_paid_is_answered_with_a_token_bound_to_the_request(
    backend: httpx.AsyncClient, payment: Payment, stack: DevJson
) -> None:
    body = payment()

    told = await ask(backend, body)

    assert (told["outcome"], told["state"], told["surface_mode"], told["mode"]) == (
        "allow",
        "allowed",
        "enforce",
        "test",
    )
    assert (told["reason"], told["reason_code"]) == ("axiru.allow.default_allow",) * 2
    assert (told["matched_rule"], told["policy_version"], told["token_status"]) == ("default_allow", "v1", "issued")
    assert told["audit"]["ledger_id"].startswith("lr_")
    assert "cached" not in told
    header, claims = await claims_of(backend, told["authorization_token"])
    assert (header["alg"], header["typ"]) == ("ES256", "axiru-authz+jwt")
    assert claims == {
        "jti": told["jti"],
        "iss": stack.issuer,
        "iat": claims["iat"],
        "nbf": claims["iat"],
        "exp": claims["iat"] + 300,
        "sub": body["initiator"]["id"],
        "aud": stack.organization_id,
        "ovt_fingerprint": told["ovt_fingerprint"],
        "rail": "stripe_daa",
        "rail_action": "agent_payment",
        "amount_cents": 25_000,
        "currency": "usd",
        "amount": {"units": "25000", "asset": "usd", "exponent": 2},
        "decision_id": told["decision_id"],
        "mode": "test",
    }
    assert told["ovt_fingerprint"] == fingerprint(body)
    assert told["expires_at"].endswith("Z")


async def test_the_fingerprint_is_of_the_canonical_body_whatever_its_order_and_spacing(
    backend: httpx.AsyncClient, payment: Payment
) -> None:
    body = payment(metadata={"b": "ü", "a": "1"})
    spaced = json.dumps(dict(reversed(body.items())), indent=3, ensure_ascii=True)

    first = await ask(backend, body)
    again = await backend.post(PATH, content=spaced, headers={"Content-Type": "application/json"})

    assert again.json()["decision_id"] == first["decision_id"]
    assert again.json()["ovt_fingerprint"] == first["ovt_fingerprint"]
    assert rfc8785.dumps(body) == rfc8785.dumps(json.loads(spaced))


async def test_what_may_not_be_paid_is_denied_with_the_rule_that_says_so_and_no_token(
    backend: httpx.AsyncClient, payment: Payment
) -> None:
    agent = f"agent_{uuid.uuid4().hex}"
    over_cap = await ask(backend, payment(50_001, agent_id=agent))
    blocked = await ask(backend, payment(rail_action="agent_payout", counterparty={"country": "KP"}))
    for _ in range(2):
        assert (await ask(backend, payment(50_000, agent_id=agent)))["outcome"] == "allow"
    over_window = await ask(backend, payment(1, agent_id=agent))

    for told, reason, kind in (
        (over_cap, "agent_payment_cap_exceeded", "amount"),
        (blocked, "counterparty_country_blocked", "counterparty"),
        (over_window, "rolling_window_exceeded", "rolling_window"),
    ):
        assert (told["outcome"], told["state"]) == ("deny", "denied")
        assert told["reason"] == told["reason_code"] == f"axiru.deny.{reason}"
        assert (told["matched_rule"], told["matched_rule_id"]) == ("policy:daa-starter:v1", reason)
        assert told["rule_kind"] == kind
        assert told["audit"]["ledger_id"].startswith("lr_")
        assert not {"authorization_token", "jti", "expires_at", "token_status"} & told.keys()


async def test_a_country_in_small_letters_is_the_same_country(backend: httpx.AsyncClient, payment: Payment) -> None:
    told = await ask(backend, payment(rail_action="agent_payout", counterparty={"country": "kp"}))

    assert told["reason"] == "axiru.deny.counterparty_country_blocked"


async def test_a_replay_answers_the_same_token_signed_anew_and_counts_no_window_twice(
    backend: httpx.AsyncClient, payment: Payment
) -> None:
    agent = f"agent_{uuid.uuid4().hex}"
    body = payment(40_000, agent_id=agent)
    first = await ask(backend, body)

    replays = [await ask(backend, body) for _ in range(4)]

    for told in replays:
        token = {"authorization_token": told["authorization_token"]}
        assert told == {**first, **token, "cached": True}
        assert (await claims_of(backend, told["authorization_token"]))[1] == (
            (await claims_of(backend, first["authorization_token"]))[1]
        )
    assert (await ask(backend, payment(50_000, agent_id=agent)))["outcome"] == "allow"
    over = await ask(backend, payment(10_001, agent_id=agent))
    assert over["reason"] == "axiru.deny.rolling_window_exceeded"
    denied_again = await ask(backend, body)
    assert (denied_again["outcome"], denied_again["jti"]) == ("allow", first["jti"])


async def test_a_denial_is_replayed_as_it_was(backend: httpx.AsyncClient, payment: Payment) -> None:
    body = payment(50_001)
    first = await ask(backend, body)

    assert await ask(backend, body) == {**first, "cached": True}


async def test_one_request_by_many_at_once_is_decided_once_with_one_token(
    backend: httpx.AsyncClient, payment: Payment, database: asyncpg.Connection
) -> None:
    body = payment()

    told = await asyncio.gather(*(ask(backend, body) for _ in range(16)))

    assert len({one["decision_id"] for one in told}) == len({one["jti"] for one in told}) == 1
    assert sum("cached" not in one for one in told) == 1
    decision_id = told[0]["decision_id"]
    assert await database.fetchval("SELECT count(*) FROM movements WHERE decision_id = $1", decision_id) == 1
    assert await database.fetchval("SELECT count(*) FROM authorization_tokens WHERE decision_id = $1", decision_id) == 1


async def test_an_idempotency_key_is_good_for_one_body(backend: httpx.AsyncClient, payment: Payment) -> None:
    body = payment()
    await ask(backend, body)

    other = await backend.post(PATH, json={**body, "amount_cents": 25_001})

    assert (other.status_code, other.json()["error"]) == (409, "idempotency_mismatch")
    assert "authorization_token" not in other.text


async def test_a_key_of_decisions_and_one_of_authorizations_do_not_meet(
    admin_key: httpx.AsyncClient, payment: Payment, refund: Callable[..., dict[str, Any]]
) -> None:
    body = payment()
    told = await ask(admin_key, body)
    decision = await admin_key.post("/api/v1/decisions", json=refund(idempotency_key=body["idempotency_key"]))

    assert decision.status_code == 200
    assert decision.json()["decision_id"] != told["decision_id"]


async def test_a_decision_id_gives_its_authorization_and_its_token(
    backend: httpx.AsyncClient, payment: Payment, caller: httpx.AsyncClient
) -> None:
    told = await ask(backend, payment())

    found = (await backend.get(f"{PATH}/{told['decision_id']}")).json()

    assert {name: found[name] for name in told if name != "authorization_token"} == (
        {name: told[name] for name in told if name != "authorization_token"}
    )
    assert (await claims_of(backend, found["authorization_token"]))[1]["jti"] == told["jti"]
    refused = await caller.get(f"{PATH}/{told['decision_id']}")
    assert (refused.status_code, refused.json()["error"]) == (403, "insufficient_scope")
    assert refused.json()["required_scope"] == "authorizations:write"


async def test_every_missing_field_is_named_at_once(backend: httpx.AsyncClient) -> None:
    answer = await backend.post(PATH, json={})

    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")
    assert {(error["field"], error["code"]) for error in answer.json()["field_errors"]} == {
        (field, "missing")
        for field in ("rail", "rail_action", "initiator", "amount_cents", "currency", "idempotency_key")
    }


@pytest.mark.parametrize(
    ("change", "errors"),
    [
        ({"rail": None}, {"rail"}),
        ({"rail": "stripe"}, {"rail"}),
        ({"rail": "sepa"}, {"rail"}),
        ({"rail": 7}, {"rail"}),
        ({"rail": {"a": []}}, {"rail"}),
        ({"rail_action": "refund"}, {"rail_action"}),
        ({"rail_action": ["agent_payment"]}, {"rail_action"}),
        ({"initiator": {}}, {"initiator.id", "initiator.kind"}),
        ({"initiator": "agent"}, {"initiator"}),
        ({"initiator": {"kind": "agent", "id": " \u2003\t"}}, {"initiator.id"}),
        (
            {"initiator": {"kind": "agent", "id": "", "scopes": "all", "x": 1}},
            {"initiator.id", "initiator.scopes", "initiator.x"},
        ),
        (
            {"initiator": {"kind": "agent", "id": "a", "scopes": ["", 1]}},
            {"initiator.scopes[0]", "initiator.scopes[1]"},
        ),
        ({"amount_cents": 0}, {"amount_cents"}),
        ({"amount_cents": -1}, {"amount_cents"}),
        ({"amount_cents": 100_000_000_000}, {"amount_cents"}),
        ({"amount_cents": "25000"}, {"amount_cents"}),
        ({"amount_cents": True}, {"amount_cents"}),
        ({"currency": "dollars"}, {"currency"}),
        ({"currency": "u$d"}, {"currency"}),
        ({"counterparty": {"country": "KP\n"}}, {"counterparty.country"}),
        ({"counterparty": {"country": "USA", "iban": "x"}}, {"counterparty.country", "counterparty.iban"}),
        ({"idempotency_key": ""}, {"idempotency_key"}),
        ({"idempotency_key": "k" * 256}, {"idempotency_key"}),
        ({"metadata": {"": "x", "a": 1}}, {"metadata", "metadata.a"}),
        ({"execute": "axiru"}, {"execute"}),
        ({"amount": 25_000}, {"amount"}),
        (
            {"rail": "sepa", "rail_action": 1, "initiator": None, "amount_cents": 0, "currency": "", "more": 1},
            {"rail", "rail_action", "initiator", "amount_cents", "currency", "more"},
        ),
    ],
)
async def test_every_wrong_field_is_named_and_nothing_is_recorded(
    backend: httpx.AsyncClient, payment: Payment, database: asyncpg.Connection, change: dict[str, Any], errors: set[str]
) -> None:
    body = payment() | change

    answer = await backend.post(PATH, json=body)

    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request"), answer.text
    named = {error["field"] for error in answer.json()["field_errors"]}
    assert {field for field in named if not field.startswith("metadata")} == (
        {field for field in errors if not field.startswith("metadata")}
    )
    assert any(field.startswith("metadata") for field in named) == any(field.startswith("metadata") for field in errors)
    if body["idempotency_key"]:
        key = "SELECT count(*) FROM idempotency_keys WHERE key = $1"
        assert await database.fetchval(key, body["idempotency_key"]) == 0


async def test_a_movement_on_stripe_itself_is_pointed_to_decisions(
    backend: httpx.AsyncClient, payment: Payment
) -> None:
    (error,) = (await backend.post(PATH, json=payment(rail="stripe", rail_action="refund"))).json()["field_errors"]

    assert (error["field"], error["code"]) == ("rail", "not_allowed")
    assert "/api/v1/decisions" in error["message"]


@pytest.mark.parametrize(
    ("content", "kind", "status", "error"),
    [
        (b"", "application/json", 400, "invalid_json"),
        (b"[]", "application/json", 400, "invalid_request"),
        (b"null", "application/json", 400, "invalid_request"),
        (b'{"rail": "x402", "rail": "stripe_daa"}', "application/json", 400, "invalid_json"),
        (b'{"rail": "\\u0000"}', "application/json", 400, "invalid_json"),
        (b'{"amount_cents": 9007199254740993}', "application/json", 400, "invalid_json"),
        (b'{"amount_cents": NaN}', "application/json", 400, "invalid_json"),
        (b"\xff\xfe{}", "application/json", 400, "invalid_json"),
        (b"[" * 65 + b"]" * 65, "application/json", 400, "invalid_json"),
        (b'{"a": "' + b"x" * 300_000 + b'"}', "application/json", 413, "payload_too_large"),
        (b"rail=stripe_daa", "application/x-www-form-urlencoded", 415, "unsupported_media_type"),
        (b"{}", "text/plain", 415, "unsupported_media_type"),
    ],
)
async def test_what_is_no_json_object_is_refused(
    backend: httpx.AsyncClient, content: bytes, kind: str, status: int, error: str
) -> None:
    answer = await backend.post(PATH, content=content, headers={"Content-Type": kind})

    assert (answer.status_code, answer.json()["error"]) == (status, error), answer.text


async def test_text_that_is_meant_for_a_database_or_a_page_is_text(
    backend: httpx.AsyncClient, payment: Payment
) -> None:
    agent = "a'; DROP TABLE decisions; -- <script>{}{0}%s\u202e"

    told = await ask(backend, payment(agent_id=agent, metadata={"note": "{}%s{'"}))

    assert (await claims_of(backend, told["authorization_token"]))[1]["sub"] == agent
    assert (await backend.get(f"/api/v1/decisions/{told['decision_id']}")).json()["initiator_id"] == agent


async def test_who_would_be_paid_and_which_agent_asked_are_told_and_found(
    backend: httpx.AsyncClient, payment: Payment
) -> None:
    payee = f"acct_{uuid.uuid4().hex}"
    told = await ask(backend, payment(counterparty={"stripe_account_id": payee, "country": "US"}))

    found = (await backend.get("/api/v1/decisions", params={"q": payee[8:].upper()})).raise_for_status().json()["items"]
    read = (await backend.get(f"/api/v1/decisions/{told['decision_id']}")).json()

    assert [(one["decision_id"], one["counterparty_id"]) for one in found] == [(told["decision_id"], payee)]
    assert [one["summary"] for one in read["timeline"]] == [
        f"Asked by {read['initiator_id']}",
        f"Decided: {told['message']}; a token was issued",
    ]


async def test_other_methods_are_refused(backend: httpx.AsyncClient) -> None:
    for answer in (await backend.get(PATH), await backend.put(PATH, json={}), await backend.get(f"{PATH}/x/consume")):
        assert (answer.status_code, answer.json()["error"]) == (405, "method_not_allowed")


async def test_without_a_key_of_the_scope_nothing_is_read(
    http: httpx.AsyncClient, caller: httpx.AsyncClient, payment: Payment
) -> None:
    for path in (PATH, f"{PATH}/jti_x/consume", f"{PATH}/jti_x/settlement"):
        missing = await http.post(path, content=b"no json")
        assert (missing.status_code, missing.json()["error"]) == (401, "missing_authorization")
        wrong = await http.post(path, json={}, headers={"Authorization": "Bearer ak_test_nobody"})
        assert (wrong.status_code, wrong.json()["error"]) == (401, "invalid_api_key")
        other = await caller.post(path, content=b"no json")
        assert (other.status_code, other.json()["error"]) == (403, "insufficient_scope")
        assert other.json()["required_scope"] == "authorizations:write"


async def test_a_log_in_asks_for_no_authorization(log_in: Any, payment: Payment) -> None:
    answer = await (await log_in("admin")).post(PATH, json=payment())

    assert (answer.status_code, answer.json()["error"]) == (403, "insufficient_scope")


async def test_ids_that_are_nobodys_are_told_alike(
    backend: httpx.AsyncClient, payment: Payment, caller: httpx.AsyncClient, refund: Callable[..., dict[str, Any]]
) -> None:
    """A decision that is no authorization, an id of another kind, and none at all."""
    decision = (await caller.post("/api/v1/decisions", json=refund())).json()["decision_id"]
    told = await ask(backend, payment())
    answers = [
        await backend.get(f"{PATH}/{decision}"),
        await backend.get(f"{PATH}/{told['jti']}"),
        await backend.get(f"{PATH}/ed_nobody"),
        await backend.post(f"{PATH}/{told['decision_id']}/consume"),
        await backend.post(f"{PATH}/jti_nobody/consume"),
        await backend.post(f"{PATH}/jti_nobody/settlement", json={"settlement": "settled"}),
        await backend.post(f"{PATH}/%00/consume"),
        await backend.post(f"{PATH}/{'j' * 5_000}/consume"),
    ]

    bodies = [{**answer.json(), "request_id": ""} for answer in answers]
    assert [answer.status_code for answer in answers] == [404] * len(answers)
    assert {body["error"] for body in bodies} == {"not_found"}
    assert all(body == bodies[0] for body in bodies)


async def test_another_organizations_and_the_other_modes_ids_are_nobodys(
    backend: httpx.AsyncClient, payment: Payment, database: asyncpg.Connection
) -> None:
    """The token and its decision as the other's, for a moment: the answer is that of an id that is nobody's."""
    told = await ask(backend, payment())
    nobody = await backend.post(f"{PATH}/jti_nobody/consume")
    await database.execute("INSERT INTO organizations VALUES ('org_other', 'Other', now()) ON CONFLICT DO NOTHING")
    for column, others, own in (("organization_id", "org_other", "org_demo"), ("mode", "live", "test")):
        belong = (
            (f"UPDATE authorization_tokens SET {column} = $1 WHERE jti = $2", told["jti"]),  # noqa: S608 - from above
            (f"UPDATE decisions SET {column} = $1 WHERE id = $2", told["decision_id"]),  # noqa: S608 - from above
        )
        for statement, ident in belong:
            await database.execute(statement, others, ident)
        try:
            answers = [
                await backend.post(f"{PATH}/{told['jti']}/consume"),
                await backend.post(f"{PATH}/{told['jti']}/settlement", json={"settlement": "settled"}),
                await backend.get(f"{PATH}/{told['decision_id']}"),
            ]
        finally:
            for statement, ident in belong:
                await database.execute(statement, own, ident)
        for answer in answers:
            assert answer.status_code == 404
            assert {**answer.json(), "request_id": ""} == {**nobody.json(), "request_id": ""}


async def test_a_key_of_the_other_mode_decides_apart(
    backend: httpx.AsyncClient, payment: Payment, log_in: Any, http: httpx.AsyncClient, database: asyncpg.Connection
) -> None:
    """Live keys see no test tokens, share no idempotency key, and meet the surfaces of their own mode."""
    admin = await log_in("admin")
    made = await admin.post("/api/v1/keys", json={"name": "live", "scopes": ["authorizations:write"], "mode": "live"})
    assert made.status_code == 201, made.text
    live = {"Authorization": f"Bearer {made.json()['key']}"}
    body = payment()
    told = await ask(backend, body)
    try:
        same = (await http.post(PATH, json=body, headers=live)).json()

        assert made.json()["key"].startswith("ak_live_")
        assert (same["mode"], same["surface_mode"], told["surface_mode"]) == ("live", "shadow", "enforce")
        assert same["decision_id"] != told["decision_id"]
        assert (await claims_of(backend, same["authorization_token"]))[1]["mode"] == "live"
        assert (await http.post(f"{PATH}/{told['jti']}/consume", headers=live)).status_code == 404
        assert (await backend.post(f"{PATH}/{same['jti']}/consume")).status_code == 404
        assert (await http.post(f"{PATH}/{same['jti']}/consume", headers=live)).status_code == 200
    finally:
        # While there is a live key, keys of test mode change nothing that counts in both modes.
        await admin.delete(f"/api/v1/keys/{made.json()['id']}")


async def test_a_key_that_asks_too_often_is_told_when_to_come_back(
    payment: Payment, log_in: Any, http: httpx.AsyncClient
) -> None:
    admin = await log_in("admin")
    body = {"name": "slow", "scopes": ["authorizations:write"], "mode": "test", "rate_per_minute": 2}
    key = (await admin.post("/api/v1/keys", json=body)).raise_for_status().json()["key"]
    headers = {"Authorization": f"Bearer {key}"}

    answers = [await http.post(PATH, json=payment(), headers=headers) for _ in range(4)]

    assert answers[0].status_code == 200
    assert (answers[-1].status_code, answers[-1].json()["error"]) == (429, "rate_limited")
    assert int(answers[-1].headers["Retry-After"]) > 0
    assert "authorization_token" not in answers[-1].text
