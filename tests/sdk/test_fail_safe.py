"""What callers may do alone comes from a document that Axiru signed, and from nothing else."""

import asyncio
import base64
import json
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from axiru_client import Decision, IdempotencyMismatch
from axiru_client.fail_safe import FailSafeInvalid
from joserfc.jwk import ECKey, OctKey, OKPKey

DECISIONS = "/api/v1/decisions"
FAIL_SAFE = "/api/v1/fail-safe"
HOUR = 3_600
WEEKLY = {"programme": "weekly_sellers"}


def _programme(**changed: Any) -> dict[str, Any]:
    entry = {"programme": "weekly_sellers", "currency": "usd", "max_amount_cents": 50_000}
    return {"programmes": [entry | {"expires_at": "2999-01-01T00:00:00Z"} | changed]}


async def _known(connect: Any, axiru: Any, scripted: Any, document: Any, **options: Any) -> Any:
    """A client that has fetched a document, and an Axiru that is down since."""
    axiru.says(FAIL_SAFE, scripted(body=document))
    axiru.says(DECISIONS, scripted(503))
    client = connect(axiru.url, **options)
    await client.refresh_fail_safe()
    return client


async def _payout(client: Any, amount_cents: int = 50_000, key: str = "key", **options: Any) -> Decision:
    decision: Decision = await client.decide("payout", amount_cents, "usd", key, **(WEEKLY | options))
    return decision


async def test_listed_payout_programme_goes_on_and_axiru_hears_of_it_later(
    connect: Any, axiru: Any, scripted: Any, authority: Any
) -> None:
    client = await _known(connect, axiru, scripted, authority.document(axiru.url))

    decision = await _payout(client)

    assert (decision.outcome, decision.reachable, decision.may_execute) == ("allow", False, True)
    assert await client.holds() == []
    axiru.says(DECISIONS, scripted())
    acted: list[Any] = []
    answers = await client.retry_holds(lambda *answered: acted.append(answered))
    assert [answer.idempotency_key for answer in answers] == ["key"]
    assert axiru.decisions()[-1]["context"] == {"programme": "weekly_sellers"}
    assert await client.retry_holds() == []
    # It was paid out already: nobody is to be told a second time that it may be.
    assert acted == []
    assert [(answer.outcome, answer.went_alone, answer.may_execute) for answer in answers] == [("allow", True, False)]


@pytest.mark.parametrize(
    "case",
    {
        "one cent too much": {"amount_cents": 50_001},
        "another programme": {"programme": "daily_sellers"},
        "no programme": {"programme": None},
        "axiru executes": {"execute": "axiru"},
    }.items(),
    ids=lambda case: case[0],
)
async def test_everything_beside_the_programme_holds(
    connect: Any, axiru: Any, scripted: Any, authority: Any, case: Any
) -> None:
    client = await _known(connect, axiru, scripted, authority.document(axiru.url))

    assert (await _payout(client, **case[1])).outcome == "hold"


async def test_programme_is_for_its_currency_for_payouts_and_for_its_time(
    connect: Any, axiru: Any, scripted: Any, authority: Any
) -> None:
    client = await _known(connect, axiru, scripted, authority.document(axiru.url))
    assert (await client.decide("payout", 100, "eur", "key_1", **WEEKLY)).outcome == "hold"
    assert (await client.decide("refund", 100, "usd", "key_2", **WEEKLY)).outcome == "hold"

    over = authority.document(axiru.url, **_programme(expires_at="2020-01-01T00:00:00Z"))
    client = await _known(connect, axiru, scripted, over)
    assert (await _payout(client, 100, "key_3")).outcome == "hold"


Forgery = Callable[[Any, str], dict[str, Any]]
NO_DOCUMENTS: dict[str, Forgery] = {
    "signed by another key": lambda by, url: by.document(url) | {"document": by.sign(by.claims(url), key=_other())},
    "another key's id": lambda by, url: by.document(url) | {"document": by.sign(by.claims(url), kid="other")},
    "no type": lambda by, url: by.document(url) | {"document": by.sign(by.claims(url), typ="JWT")},
    "a token of another kind": lambda by, url: (
        by.document(url) | {"document": by.sign(by.claims(url), typ="axiru-authz+jwt")}
    ),
    "no algorithm": lambda by, url: by.document(url) | {"document": _unsigned(by, url)},
    "a symmetric key": lambda by, url: (
        by.document(url) | {"document": by.sign(by.claims(url), key=OctKey.import_key(by.jwk["x"]), alg="HS256")}
    ),
    "an elliptic key": lambda by, url: (
        by.document(url) | {"document": by.sign(by.claims(url), key=ECKey.generate_key("P-256"), alg="ES256")}
    ),
    "claims changed": lambda by, url: by.document(url) | {"document": _with_other_claims(by, url)},
    "padded": lambda by, url: by.document(url) | {"document": by.document(url)["document"] + "=="},
    "expired": lambda by, url: by.document(url, iat=int(time.time()) - 25 * HOUR, exp=int(time.time()) - HOUR),
    "from the future": lambda by, url: by.document(url, iat=int(time.time()) + HOUR),
    "valid for a week": lambda by, url: by.document(url, exp=int(time.time()) + 7 * 24 * HOUR),
    "never ends": lambda by, url: by.document(url, exp=None),
    "ends at a float": lambda by, url: by.document(url, exp=time.time() + HOUR),
    "live mode": lambda by, url: by.document(url, mode="live"),
    "no mode": lambda by, url: by.document(url, mode="any"),
    "another issuer": lambda by, url: by.document(f"{url}.example"),
    "no issuer": lambda by, url: by.document(url, iss=None),
    "audience is a list": lambda by, url: by.document(url, aud=["org_demo"]),
    "no surfaces": lambda by, url: by.document(url, surfaces=None),
    "a programme without end": lambda by, url: by.document(url, **_programme(expires_at=None)),
    "a programme without a zone": lambda by, url: by.document(url, **_programme(expires_at="2999-01-01T00:00:00")),
    "a stop of nobody knows what": lambda by, url: by.document(url, stopped=[{"expires_at": None}]),
    "a stop that names a number": lambda by, url: by.document(url, stopped=[{"scope": {"a": 1}, "expires_at": None}]),
    "a limit as text": lambda by, url: by.document(url, **_programme(max_amount_cents="50000")),
    "claims are a list": lambda by, url: by.document(url) | {"document": by.sign([1])},
    "not a JWS": lambda by, url: by.document(url) | {"document": "x.y"},
    "document is an object": lambda by, url: by.document(url) | {"document": {}},
    "no key": lambda by, url: {"document": by.document(url)["document"]},
    "key is private and of another kind": lambda by, url: (
        by.document(url) | {"public_key": ECKey.generate_key("P-256").as_dict(private=True)}
    ),
    "key under another id": lambda by, url: by.document(url) | {"public_key": by.jwk | {"kid": "other"}},
    "nothing": lambda _by, _url: {},
}


@pytest.mark.parametrize("case", NO_DOCUMENTS)
async def test_what_is_no_document_leaves_the_defaults(
    connect: Any, axiru: Any, scripted: Any, authority: Any, case: str
) -> None:
    client = await _known(connect, axiru, scripted, NO_DOCUMENTS[case](authority, axiru.url))

    assert (await _payout(client, 100)).outcome == "hold"
    assert (await client.decide("transfer", 100, "usd", "key_2")).outcome == "hold"


@pytest.mark.parametrize("case", [case for case in NO_DOCUMENTS if case not in {"no key"}])
async def test_what_is_no_document_does_not_replace_the_one_there_is(
    connect: Any, axiru: Any, scripted: Any, authority: Any, case: str
) -> None:
    client = await _known(connect, axiru, scripted, authority.document(axiru.url))
    axiru.says(FAIL_SAFE, scripted(body=NO_DOCUMENTS[case](authority, axiru.url)))

    assert case.startswith("key") or await client.refresh_fail_safe() is None
    assert (await _payout(client, 100)).outcome == "allow"


async def test_document_that_ends_while_axiru_is_away_lets_nothing_go(
    connect: Any, axiru: Any, scripted: Any, authority: Any
) -> None:
    soon = int(time.time()) + 2
    client = await _known(connect, axiru, scripted, authority.document(axiru.url, exp=soon))
    assert (await _payout(client, 100, "key_1")).outcome == "allow"

    await asyncio.sleep(soon - time.time())

    assert (await _payout(client, 100, "key_2")).outcome == "hold"


async def test_surface_in_shadow_goes_on_without_advice(
    connect: Any, axiru: Any, scripted: Any, authority: Any
) -> None:
    client = await _known(connect, axiru, scripted, authority.document(axiru.url))

    decision = await client.decide("transfer", 100, "usd", "key_1")

    assert (decision.outcome, decision.advisory_failed, decision.may_execute) == ("allow", True, True)
    assert await client.holds() == []
    assert not (await client.decide("transfer", 100, "usd", "key_2", execute="axiru")).may_execute


async def test_connection_that_enforces_is_not_in_shadow(
    connect: Any, axiru: Any, scripted: Any, authority: Any
) -> None:
    surfaces = {
        "stripe.transfer": "shadow",
        "conn_a/stripe.transfer": "enforce",
        "stripe.refund": "enforce",
        "conn_a/stripe.refund": "shadow",
    }
    client = await _known(connect, axiru, scripted, authority.document(axiru.url, surfaces=surfaces))

    async def outcome(action: str, key: str, **options: Any) -> str:
        return str((await client.decide(action, 100, "usd", key, **options)).outcome)

    assert await outcome("transfer", "1", connection="conn_a") == "hold"
    assert await outcome("transfer", "2", connection="conn_b") == "allow"
    assert await outcome("transfer", "3") == "hold"  # nobody here knows which connection is the default one
    assert await outcome("refund", "4", connection="conn_a") == "allow"
    assert await outcome("refund", "5", connection="conn_b") == "hold"
    assert await outcome("payout", "6") == "hold"  # a surface that is not named is not in shadow


async def test_policy_may_let_an_action_go_and_no_other(
    connect: Any, axiru: Any, scripted: Any, authority: Any
) -> None:
    unreachable = {"refund": "allow", "payout": "last_good_packet", "app_fee_refund": "whatever_comes_next"}
    client = await _known(connect, axiru, scripted, authority.document(axiru.url, unreachable=unreachable))

    assert (await client.decide("refund", 100, "usd", "key_1")).outcome == "allow"
    assert (await client.decide("payout", 100, "usd", "key_2")).outcome == "hold"
    assert (await client.decide("app_fee_refund", 100, "usd", "key_3")).outcome == "hold"
    assert (await client.decide("dispute", 100, "usd", "key_4", dispute="du_1")).outcome == "hold"


STOPS: dict[str, dict[str, str]] = {
    "the kill switch": {},
    "a freeze of the surface": {"surface": "stripe.transfer"},
    "a freeze of the connection": {"stripe_connection_id": "conn_a"},
    "a freeze of the customer": {"customer_id": "cus_1"},
    "a freeze of the account": {"stripe_account_id": "acct_1"},
    "a freeze of the source": {"source": "nightly"},
    "a freeze of the agent": {"agent_id": "bot"},
    "a freeze of what a later release names": {"device": "till_7"},
}


@pytest.mark.parametrize("case", STOPS)
async def test_what_a_control_stopped_holds_in_shadow_too(
    connect: Any, axiru: Any, scripted: Any, authority: Any, case: str
) -> None:
    async def outcome(key: str, scope: dict[str, str], until: str | None = None) -> str:
        document = authority.document(axiru.url, stopped=[{"scope": scope, "expires_at": until}])
        client = await _known(connect, axiru, scripted, document)
        decision = await client.decide(
            "transfer",
            100,
            "usd",
            key,
            connection="conn_a",
            destination="acct_1",
            source="nightly",
            context={"customer_id": "cus_1", "till": {"names": ["till_7"]}},
            metadata={"agent_id": "bot"},
        )
        return str(decision.outcome)

    assert await outcome("1", STOPS[case]) == "hold"
    assert await outcome("2", STOPS[case], "2999-01-01T00:00:00Z") == "hold"
    assert await outcome("3", STOPS[case], "2020-01-01T00:00:00Z") == "allow"
    if STOPS[case]:
        assert await outcome("4", {name: "another" for name in STOPS[case]}) == "allow"


async def test_kill_switch_holds_a_listed_programme(connect: Any, axiru: Any, scripted: Any, authority: Any) -> None:
    stopped = [{"scope": {}, "expires_at": None}]
    client = await _known(connect, axiru, scripted, authority.document(axiru.url, stopped=stopped))

    assert (await _payout(client)).outcome == "hold"


@pytest.mark.parametrize("said", ["denied", "pending_approval"])
async def test_outage_turns_no_denial_and_no_review_into_a_permission(
    connect: Any, axiru: Any, scripted: Any, authority: Any, said: str
) -> None:
    client = await _known(connect, axiru, scripted, authority.document(axiru.url))
    answer = {"decision_id": "ed_1", "outcome": said, "reason": "too_much", "state": said}
    axiru.says(DECISIONS, scripted(body=answer), scripted(503))
    assert not (await _payout(client)).may_execute

    assert (await _payout(client)).outcome == "hold"
    assert (await _payout(client, key="another")).outcome == "allow"
    mismatch = {"error": "idempotency_mismatch", "message": "another body"}
    axiru.says(DECISIONS, scripted(409, mismatch), scripted(503))
    with pytest.raises(IdempotencyMismatch):
        await _payout(client)
    assert (await _payout(client)).outcome == "hold"


async def test_first_key_is_trusted_and_no_other_after_it(
    connect: Any, axiru: Any, scripted: Any, authority: Any, tmp_path: Path
) -> None:
    await _known(connect, axiru, scripted, authority.document(axiru.url))
    other = type(authority)()
    axiru.says(FAIL_SAFE, scripted(body=other.document(axiru.url, **_programme(max_amount_cents=10_000_000))))

    client = connect(axiru.url)

    assert await client.refresh_fail_safe() is None
    assert (await _payout(client, 100_000)).outcome == "hold"
    (kept,) = (tmp_path / "state").glob("fail-safe-test-*.json")
    assert kept.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"{}", b"null", b"\xff\xfe", b'{"document": "x"}'])
async def test_damaged_cache_is_no_document_and_trusts_no_new_key(
    connect: Any, axiru: Any, scripted: Any, authority: Any, tmp_path: Path, content: bytes
) -> None:
    client = await _known(connect, axiru, scripted, authority.document(axiru.url))
    (kept,) = (tmp_path / "state").glob("fail-safe-test-*.json")
    kept.write_bytes(content)

    assert (await _payout(client, 100)).outcome == "hold"
    assert await client.refresh_fail_safe() is None


async def test_pinned_key_is_the_only_one(connect: Any, axiru: Any, scripted: Any, authority: Any) -> None:
    other = type(authority)()

    client = await _known(connect, axiru, scripted, authority.document(axiru.url), fail_safe_keys=[other.jwk])
    assert (await _payout(client, 100, "key_1")).outcome == "hold"

    client = await _known(
        connect, axiru, scripted, authority.document(axiru.url), fail_safe_keys=[other.jwk, authority.jwk]
    )
    assert (await _payout(client, 100, "key_2")).outcome == "allow"

    with pytest.raises(FailSafeInvalid):
        connect(axiru.url, fail_safe_keys=[{"kty": "RSA"}])


async def test_document_of_another_organization_is_none(
    connect: Any, axiru: Any, scripted: Any, authority: Any
) -> None:
    client = await _known(connect, axiru, scripted, authority.document(axiru.url), organization="org_other")

    assert (await _payout(client, 100)).outcome == "hold"


async def test_document_is_fetched_behind_the_first_call(
    connect: Any, axiru: Any, scripted: Any, authority: Any
) -> None:
    axiru.says(DECISIONS, scripted(), scripted(), scripted(503))
    axiru.says(FAIL_SAFE, scripted(body=authority.document(axiru.url), hangs=0.1))
    client = connect(axiru.url)
    for number in range(2):
        assert (await client.decide("refund", 100, "usd", f"key_{number}")).reachable

    async with asyncio.timeout(30):
        while True:
            if (await _payout(client, 100, f"key_{uuid.uuid4().hex}")).outcome == "allow":
                break
            await asyncio.sleep(0.01)

    assert [path for path, _ in axiru.asked].count(FAIL_SAFE) == 1


async def test_answer_that_contradicts_the_document_has_it_fetched_anew(
    connect: Any, axiru: Any, scripted: Any, authority: Any
) -> None:
    await _known(connect, axiru, scripted, authority.document(axiru.url))
    client = connect(axiru.url)  # another process, which has the document from the disk
    enforced = {"decision_id": "ed_1", "outcome": "allow", "state": "allowed", "surface_mode": "enforce"}
    axiru.says(DECISIONS, scripted(body=enforced))
    axiru.says(FAIL_SAFE, scripted(body=authority.document(axiru.url, surfaces={"stripe.transfer": "enforce"})))

    for number in range(3):
        await client.decide("transfer", 100, "usd", f"key_{number}")
    await client.close()

    assert [path for path, _ in axiru.asked].count(FAIL_SAFE) == 2
    axiru.says(DECISIONS, scripted(503))
    assert (await connect(axiru.url).decide("transfer", 100, "usd", "key_9")).outcome == "hold"


async def test_denial_by_a_control_that_is_news_has_the_document_fetched_anew(
    connect: Any, axiru: Any, scripted: Any, authority: Any
) -> None:
    await _known(connect, axiru, scripted, authority.document(axiru.url))
    client = connect(axiru.url)
    denied = {"decision_id": "ed_1", "outcome": "deny", "state": "denied", "matched_rule": "control:ct_1"}
    axiru.says(DECISIONS, scripted(body=denied))
    stopped = [{"scope": {}, "expires_at": None}]
    axiru.says(FAIL_SAFE, scripted(body=authority.document(axiru.url, stopped=stopped)))

    for number in range(3):
        await client.decide("transfer", 100, "usd", f"key_{number}")
    await client.close()

    assert [path for path, _ in axiru.asked].count(FAIL_SAFE) == 2
    axiru.says(DECISIONS, scripted(503))
    assert (await connect(axiru.url).decide("transfer", 100, "usd", "key_9")).outcome == "hold"


async def test_what_went_alone_stays_done_when_it_is_asked_for_again_and_held(
    connect: Any, axiru: Any, scripted: Any, authority: Any
) -> None:
    client = await _known(connect, axiru, scripted, authority.document(axiru.url))
    assert (await _payout(client)).may_execute
    stopped = [{"scope": {}, "expires_at": None}]
    axiru.says(FAIL_SAFE, scripted(body=authority.document(axiru.url, stopped=stopped)))
    await client.refresh_fail_safe()
    again = await _payout(client)
    assert (again.outcome, again.hold.went_alone) == ("hold", True)
    axiru.says(DECISIONS, scripted())
    acted: list[Any] = []

    answers = await client.retry_holds(lambda *answered: acted.append(answered))

    assert [(answer.went_alone, answer.may_execute) for answer in answers] == [(True, False)]
    assert acted == []


def _other() -> OKPKey:
    return OKPKey.generate_key("Ed25519")


def _unsigned(by: Any, url: str) -> str:
    header = json.dumps({"alg": "none", "typ": "axiru-fail-safe+jwt", "kid": by.jwk["kid"]}).encode()
    claims = by.document(url)["document"].split(".")[1]
    return f"{base64.urlsafe_b64encode(header).decode().rstrip('=')}.{claims}."


def _with_other_claims(by: Any, url: str) -> str:
    head, _, signature = by.document(url)["document"].split(".")
    _, claims, _ = by.document(url, **_programme(max_amount_cents=10**9))["document"].split(".")
    return f"{head}.{claims}.{signature}"


@pytest.mark.parametrize(("default", "outcome"), [("conn_a", "hold"), ("conn_b", "allow")])
async def test_without_a_connection_the_default_one_counts(
    connect: Any, axiru: Any, scripted: Any, authority: Any, default: str, outcome: str
) -> None:
    surfaces = {"stripe.transfer": "shadow", "conn_a/stripe.transfer": "enforce"}
    document = authority.document(axiru.url, surfaces=surfaces, default_connection=default)
    client = await _known(connect, axiru, scripted, document)

    assert (await client.decide("transfer", 100, "usd", "key_1")).outcome == outcome
