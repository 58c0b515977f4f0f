"""Both clients against the running product, and the README's examples as they are printed."""

import asyncio
import contextlib
import io
import re
import uuid
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from axiru_client import (
    Action,
    AsyncAxiru,
    Axiru,
    DecideOptions,
    IdempotencyMismatch,
    InvalidRequest,
    NotAuthenticated,
    Retry,
)

from axiru.dev.dev_json import DevJson

README = Path(__file__).parents[2] / "sdk" / "axiru-client" / "README.md"


@pytest.fixture
async def client(stack: DevJson, tmp_path: Path) -> AsyncIterator[AsyncAxiru]:
    async with AsyncAxiru(
        stack.api_url,
        stack.api_keys["decisions"],
        directory=tmp_path,
        issuer=stack.issuer,
        organization=stack.organization_id,
    ) as client:
        yield client


async def test_decisions_of_the_product_are_understood(client: AsyncAxiru) -> None:
    key = uuid.uuid4().hex
    known: dict[str, Any] = {"customer_tenure_days": 412, "reason_code": "duplicate_charge"}
    allowed = await client.decide("refund", 1_000, "usd", key, context=known)
    review = await client.decide("refund", 17_500, "usd", f"{key}r", context=known)
    denied = await client.decide("refund", 12_000, "usd", f"{key}d", context=known | {"customer_tenure_days": 1})
    again = await client.decide("refund", 1_000, "usd", key, context=known)

    assert (allowed.outcome, allowed.state, allowed.may_execute) == ("allow", "allowed", True)
    assert (review.outcome, review.approver_role, review.may_execute) == ("review", "controller", False)
    assert (denied.outcome, denied.reason, denied.may_execute) == ("deny", "new_customer_high_value", False)
    assert (again.cached, again.decision_id, again.surface_mode) == (True, allowed.decision_id, "enforce")


async def test_every_option_of_decide_is_one_that_the_product_takes(client: AsyncAxiru) -> None:
    decision = await client.decide(
        "payout",
        1_000,
        "usd",
        uuid.uuid4().hex,
        connection="stripe_conn_demo",
        destination="ba_1",
        stripe_account_id="acct_1",
        context={"customer_id": "cus_1"},
        metadata={"order": "1"},
        source="payroll",
        programme="weekly_sellers",
    )
    assert decision.reachable
    others: tuple[tuple[Action, DecideOptions], ...] = (
        ("refund", {"payment_intent": "pi_1"}),
        ("refund", {"charge": "ch_1", "kind": "adjustment"}),
        ("payout", {"payout": "po_1"}),
        ("transfer", {"transfer": "tr_1"}),
        ("app_fee_refund", {"application_fee": "fee_1"}),
        ("dispute", {"dispute": "du_1", "dispute_action": "close"}),
    )
    for action, options in others:
        assert (await client.decide(action, 1_000, "usd", uuid.uuid4().hex, **options)).reachable


async def test_refusals_of_the_product_are_typed(client: AsyncAxiru, stack: DevJson, tmp_path: Path) -> None:
    key = uuid.uuid4().hex
    with pytest.raises(InvalidRequest) as invalid:
        await client.decide("refund", 1_000, "usd", key, metadata={"n": 1})  # type: ignore[dict-item]
    assert [error["field"] for error in invalid.value.field_errors] == ["metadata.n"]
    await client.decide("refund", 1_000, "usd", key)
    with pytest.raises(IdempotencyMismatch):
        await client.decide("refund", 1_001, "usd", key)
    async with AsyncAxiru(stack.api_url, "ak_test_unknown", directory=tmp_path) as stranger:
        with pytest.raises(NotAuthenticated):
            await stranger.decide("refund", 1_000, "usd", key)
    assert await client.holds() == []


async def test_signed_document_of_the_product_lets_its_programmes_go(
    client: AsyncAxiru, stack: DevJson, nowhere: str, tmp_path: Path
) -> None:
    programme = f"sellers_{uuid.uuid4().hex[:8]}"
    listed = {
        "programme": programme,
        "currency": "usd",
        "max_amount_cents": 5_000,
        "reason": "sellers are paid on Fridays",
        "expires_at": (datetime.now(UTC) + timedelta(hours=1)).isoformat(),
    }
    async with _admin(stack) as admin, _enforced(admin, "stripe.payout"):
        found = (await admin.post("/api/v1/fail-open", json=listed)).raise_for_status().json()
        try:
            document = await client.refresh_fail_safe()
        finally:
            (await admin.delete(f"/api/v1/fail-open/{found['id']}")).raise_for_status()
    assert document is not None
    assert (document.audience, document.mode) == (stack.organization_id, "test")
    assert document.unreachable["dispute"] == "last_good_packet"

    # The same client, once nobody is there.
    soon = Retry(deadline_seconds=1.0)
    away = Axiru(stack.api_url, stack.api_keys["decisions"], directory=tmp_path, issuer=stack.issuer, retry=soon)
    away._http = httpx.Client(base_url=nowhere)
    outcomes = [
        await asyncio.to_thread(away.decide, "payout", amount, "usd", uuid.uuid4().hex, programme=programme)
        for amount in (5_000, 5_001)
    ]
    assert [(decision.outcome, decision.reachable) for decision in outcomes] == [("allow", False), ("hold", False)]


async def test_packet_of_the_product_can_be_kept(client: AsyncAxiru, stack: DevJson) -> None:
    async with httpx.AsyncClient(base_url=stack.stripe_api_base, timeout=30) as stripe:
        headers = {"Authorization": "Bearer sk_test_owner"}
        form = {"amount": "2500", "currency": "usd", "source": "tok_visa"}
        charge = (await stripe.post("/v1/charges", data=form, headers=headers)).raise_for_status().json()["id"]
        dispute = (await stripe.post("/_sandbox/disputes", json={"charge": charge})).raise_for_status().json()["id"]

    async with asyncio.timeout(30):
        while (packet := await client.keep_packet(dispute)) is None:  # noqa: ASYNC110 - another process builds it
            await asyncio.sleep(0.2)

    assert packet.dispute == dispute
    assert packet.facts["dispute_id"] == dispute


def test_readme_examples_run_as_they_are_printed(stack: DevJson, tmp_path: Path, monkeypatch: Any) -> None:
    examples = re.findall(r"```python\n(.*?)```", README.read_text("utf-8"), re.DOTALL)
    monkeypatch.setenv("AXIRU_URL", stack.api_url)
    monkeypatch.setenv("AXIRU_API_KEY", stack.api_keys["decisions"])
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))

    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        for example in examples:
            exec(compile(example, str(README), "exec"), {"__name__": "__main__"})  # noqa: S102 - our own README

    assert len(examples) == 3
    assert said.getvalue().splitlines() == ["refund it", "allow", "0 held"]


def _admin(stack: DevJson) -> httpx.AsyncClient:
    headers = {"Authorization": f"Bearer {stack.api_keys['admin']}"}
    return httpx.AsyncClient(base_url=stack.api_url, headers=headers, timeout=30)


@contextlib.asynccontextmanager
async def _enforced(admin: httpx.AsyncClient, surface: str) -> AsyncIterator[None]:
    """Other tests find the surface as it was."""
    found = (await admin.get("/api/v1/surfaces")).raise_for_status().json()["items"]
    before = next(one for one in found if one["surface"] == surface and one["stripe_connection_id"] is None)
    body = {"surface": surface, "reason": "a test", "override_reason": "a test"}
    (await admin.put("/api/v1/surfaces", json=body | {"surface_mode": "enforce"})).raise_for_status()
    try:
        yield
    finally:
        put_back = body | {"surface_mode": before["surface_mode"]}
        (await admin.put("/api/v1/surfaces", json=put_back)).raise_for_status()
