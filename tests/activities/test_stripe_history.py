"""History pulled from Stripe: every refund once however often it is cut off, and judged as an export of it is."""

import asyncio
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import msgspec
import pytest
from temporalio.testing import ActivityEnvironment

from activities import stripe_history
from activities.history import Replays
from activities.stripe_client import StripeClients
from activities.stripe_history import StripeHistory
from axiru.database import row, rows
from axiru.domain.replay import ReplayInput
from axiru.settings import Settings
from axiru.vault import Vault, token_context
from bench.stripe.past import Past, write_past
from policies import pack

REFUNDS = 430
UNTIL = datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=1)
SAME = (
    *("refunds", "allowed", "blocked", "paused", "drift", "by_rule", "not_evaluable", "since", "until"),
    *("policy", "policy_hash"),
)
"""What is told of the same refunds alike, whether a file or Stripe's API holds them."""

METADATA_POLICY = """
policy: by-metadata
schema: 2
applies_to: {rail: stripe}
rules:
  - id: has_ticket
    when: {context: {metadata.ticket: T-1}}
    effect: review
    approvers: {role: controller}
    when_missing: skip
"""


class PastStripe:
    """A sandbox that has a past, the connection's account, and its faults."""

    def __init__(self, url: str, past: Past) -> None:
        self.url = url
        self.past = past
        self._http = httpx.Client(base_url=url, headers={"Authorization": "Bearer sk_test_owner"}, timeout=10)

    def plan_fault(self, kind: str, *, times: int = 1, **more: Any) -> None:
        fault = {"kind": kind, "path": "/v1/refunds", "method": "GET", "times": times, **more}
        self._http.post("/_sandbox/faults", json=fault).raise_for_status()

    def limit(self, requests_per_second: int) -> None:
        limit = {"requests_per_second": requests_per_second}
        self._http.post("/_sandbox/rate_limits", json=limit).raise_for_status()

    def describe(self, refund: str, form: dict[str, str]) -> None:
        self._http.post(f"/v1/refunds/{refund}", data=form).raise_for_status()

    def requests(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self._http.get("/_sandbox/requests?path=/v1/refunds").json()["data"]
        return found

    def forget(self) -> None:
        self._http.delete("/_sandbox/faults").raise_for_status()
        self._http.delete("/_sandbox/rate_limits").raise_for_status()
        self._http.delete("/_sandbox/requests").raise_for_status()


class Histories:
    """Replays of the demo organization, and attempts of the activities that make them."""

    def __init__(self, settings: Settings, vault: Vault) -> None:
        self.settings = settings
        self._vault = vault
        self._clients = StripeClients(settings, vault)
        self.pulling = StripeHistory(settings, self._clients)

    async def close(self) -> None:
        await self._clients.close()

    def at_pace(self, per_second: int) -> None:
        self.pulling = StripeHistory(
            msgspec.structs.replace(self.settings, stripe_reads_per_second=per_second), self._clients
        )

    async def asked(
        self,
        *,
        source: str = "stripe",
        policy: str = "",
        days: int = 90,
        connection: str = "stripe_conn_demo",
        days_kept: int = 30,
    ) -> str:
        """A replay as the API writes it."""
        replay_id = f"rp_{secrets.token_hex(8)}"
        await rows(
            "INSERT INTO replays (id, organization_id, mode, source, title, state, policy_source, policy_name, since, "
            "until, requested_by, created_at, expires_at, stripe_connection_id) SELECT {}, 'org_demo', 'test', {}, '', "
            "'waiting', {}, 'refunds-starter', {}, {}, id, now(), now() + make_interval(days => {}), {} FROM members "
            "WHERE email = 'admin@demo.example'",
            replay_id,
            source,
            policy or pack("refunds-starter"),
            UNTIL - timedelta(days=days),
            UNTIL,
            days_kept,
            connection if source == "stripe" else None,
        )
        return replay_id

    async def set_token(self, connection: str, token: str) -> None:
        """As an exchange of tokens would, between two pages."""
        sealed = self._vault.seal(token.encode(), context=token_context("org_demo", connection))
        await rows("UPDATE stripe_connections SET token_ciphertext = {} WHERE id = {}", sealed, connection)

    async def pull(self, replay_id: str) -> str:
        """One attempt to pull, as Temporal would make it."""
        state: str = await ActivityEnvironment().run(self.pulling.pull, ReplayInput(replay_id, pulls=True))
        return state

    async def judge(self, replay_id: str) -> str:
        state: str = await ActivityEnvironment().run(Replays().replay, ReplayInput(replay_id, pulls=True))
        return state

    async def pulled(self, replay_id: str) -> dict[str, Any]:
        found = await row("SELECT * FROM replay_pulls WHERE replay_id = {}", replay_id)
        assert found is not None
        return found

    async def kept(self, replay_id: str, kind: str) -> list[str]:
        found = await rows(
            "SELECT id FROM replay_objects WHERE replay_id = {} AND kind = {} ORDER BY happened_at, id", replay_id, kind
        )
        return [each["id"] for each in found]

    async def result(self, replay_id: str) -> dict[str, Any]:
        found = await row("SELECT result, state, error FROM replays WHERE id = {}", replay_id)
        assert found is not None
        assert found["state"] == "done", found["error"]
        decoded: dict[str, Any] = msgspec.json.decode(found["result"])
        return decoded

    async def error(self, replay_id: str) -> dict[str, Any]:
        found = await row("SELECT error FROM replays WHERE id = {} AND state = 'failed'", replay_id)
        assert found is not None
        decoded: dict[str, Any] = msgspec.json.decode(found["error"])
        return decoded

    async def findings(self, replay_id: str) -> list[dict[str, Any]]:
        return await rows(
            "SELECT subject, outcome, rule, reason, message, amount_cents, currency, moved_at, flags "
            "FROM replay_findings WHERE replay_id = {} ORDER BY subject",
            replay_id,
        )


@pytest.fixture(scope="module")
def stripe_past(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PastStripe]:
    state = tmp_path_factory.mktemp("past")
    past = write_past(state, refunds=REFUNDS, until=UNTIL)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    command = [sys.executable, "-m", "axiru.dev.sandbox", "--port", str(port), "--state", str(state)]
    process = subprocess.Popen(command)  # noqa: S603
    try:
        _answers(f"http://127.0.0.1:{port}/_sandbox/health")
        yield PastStripe(f"http://127.0.0.1:{port}", past)
    finally:
        process.terminate()
        process.wait(10)


@pytest.fixture
async def histories(settings: Settings, executions: Any, stripe_past: PastStripe) -> AsyncIterator[Histories]:
    stripe_past.forget()
    here = msgspec.structs.replace(
        settings, stripe_api_base=stripe_past.url, stripe_reads_per_second=25, stripe_timeout_seconds=10
    )
    made = Histories(here, Vault.from_settings(here))
    yield made
    await made.close()


async def test_history_from_stripe_is_judged_as_an_export_of_it(histories: Histories, stripe_past: PastStripe) -> None:
    pulled, filed = await histories.asked(), await histories.asked(source="csv")
    await rows("INSERT INTO replay_uploads VALUES ({}, {})", filed, stripe_past.past.export.encode())

    assert await histories.pull(pulled) == "pulled"
    assert [await histories.judge(each) for each in (pulled, filed)] == ["done", "done"]

    of_stripe, of_file = await histories.result(pulled), await histories.result(filed)
    assert {name: of_stripe[name] for name in SAME} == {name: of_file[name] for name in SAME}
    assert of_stripe["refunds"] == len(stripe_past.past.refunds)
    assert min(of_stripe[outcome]["count"] for outcome in ("allowed", "blocked", "paused", "drift")) > 0
    assert of_stripe["not_evaluable"] == []
    assert await histories.findings(pulled) == await histories.findings(filed)


async def test_every_refund_comes_once_however_often_pulling_is_cut_off(
    histories: Histories, stripe_past: PastStripe
) -> None:
    replay_id = await histories.asked()
    histories.at_pace(4)
    cut_off, seen = 0, 0
    while True:
        attempt = asyncio.create_task(histories.pull(replay_id))
        found = await _progressed(replay_id, attempt, beyond=seen)
        if attempt.done():
            assert await attempt == "pulled"
            break
        seen, cut_off = found, cut_off + 1
        attempt.cancel()
        await asyncio.gather(attempt, return_exceptions=True)

    assert cut_off >= len(stripe_past.past.refunds) // 100
    assert await histories.kept(replay_id, "refund") == stripe_past.past.refunds
    assert (await histories.pulled(replay_id))["pulled"] == len(stripe_past.past.refunds)


async def test_a_pull_that_is_done_asks_stripe_nothing_more(histories: Histories, stripe_past: PastStripe) -> None:
    replay_id = await histories.asked()
    assert [await histories.pull(replay_id), await histories.pull(replay_id)] == ["pulled", "pulled"]
    assert len(stripe_past.requests()) == -(-len(stripe_past.past.refunds) // 100)


async def test_only_the_days_asked_for_are_pulled(histories: Histories, stripe_past: PastStripe) -> None:
    replay_id = await histories.asked(days=30)
    assert await histories.pull(replay_id) == "pulled"
    kept = await histories.kept(replay_id, "refund")
    assert 0 < len(kept) < len(stripe_past.past.refunds)
    assert kept == stripe_past.past.refunds[-len(kept) :]
    covered = (await histories.pulled(replay_id))["covered_from"]
    assert UNTIL - timedelta(days=30) <= covered < UNTIL - timedelta(days=25)


async def test_what_stripe_does_not_answer_is_raised_and_goes_on_where_it_was(
    histories: Histories, stripe_past: PastStripe
) -> None:
    replay_id = await histories.asked()
    stripe_past.plan_fault("status_500_before")
    with pytest.raises(Exception, match=r"(?i)error"):
        await histories.pull(replay_id)
    assert await histories.pull(replay_id) == "pulled"
    assert await histories.kept(replay_id, "refund") == stripe_past.past.refunds


async def test_pulling_waits_as_long_as_stripe_asks(histories: Histories, stripe_past: PastStripe) -> None:
    replay_id = await histories.asked()
    stripe_past.plan_fault("status_429", seconds=2)
    began = time.monotonic()
    assert await histories.pull(replay_id) == "pulled"
    assert time.monotonic() - began >= 2
    assert (await histories.pulled(replay_id))["waited_seconds"] == 2
    assert await histories.kept(replay_id, "refund") == stripe_past.past.refunds


async def test_pulling_slows_down_where_stripe_says_only_that_it_was_too_much(
    histories: Histories, stripe_past: PastStripe
) -> None:
    replay_id = await histories.asked()
    stripe_past.limit(requests_per_second=2)
    assert await histories.pull(replay_id) == "pulled"
    assert (await histories.pulled(replay_id))["waited_seconds"] > 0
    assert await histories.kept(replay_id, "refund") == stripe_past.past.refunds


async def test_two_attempts_at_once_keep_everything_once(histories: Histories, stripe_past: PastStripe) -> None:
    replay_id = await histories.asked()
    await asyncio.gather(histories.pull(replay_id), histories.pull(replay_id), return_exceptions=True)
    assert await histories.pull(replay_id) == "pulled"
    assert await histories.kept(replay_id, "refund") == stripe_past.past.refunds
    assert (await histories.pulled(replay_id))["pulled"] == len(stripe_past.past.refunds)


async def test_the_pace_is_kept_by_all_pulls_of_a_worker_together(
    histories: Histories, stripe_past: PastStripe
) -> None:
    histories.at_pace(5)
    began = time.monotonic()
    await asyncio.gather(*[histories.pull(await histories.asked(days=40)) for _ in range(2)])
    requests = len(stripe_past.requests())
    assert requests >= 4
    assert time.monotonic() - began >= (requests - 1) / 5


async def test_a_replay_that_is_deleted_while_it_pulls_ends(histories: Histories) -> None:
    replay_id = await histories.asked()
    histories.at_pace(4)
    attempt = asyncio.create_task(histories.pull(replay_id))
    await _progressed(replay_id, attempt)
    await rows("DELETE FROM replays WHERE id = {}", replay_id)
    assert await attempt == "deleted"
    assert await histories.kept(replay_id, "refund") == []


async def test_a_connection_that_is_not_active_fails_the_replay_and_says_so(histories: Histories) -> None:
    connection = f"stripe_conn_{secrets.token_hex(6)}"
    await _connect(connection)
    replay_id = await histories.asked(connection=connection)
    await rows(
        "UPDATE stripe_connections SET status = 'revoked', status_reason = 'Taken back in Stripe.' WHERE id = {}",
        connection,
    )
    assert await histories.pull(replay_id) == "failed"
    error = await histories.error(replay_id)
    assert error["code"] == "connection_not_active"
    assert "revoked: Taken back in Stripe." in error["message"]


async def test_access_taken_back_while_pulling_fails_the_replay_and_keeps_what_there_was(
    histories: Histories, stripe_past: PastStripe
) -> None:
    connection = f"stripe_conn_{secrets.token_hex(6)}"
    await _connect(connection)
    await histories.set_token(connection, "sk_test_before")
    replay_id = await histories.asked(connection=connection)
    histories.at_pace(4)
    attempt = asyncio.create_task(histories.pull(replay_id))
    await _progressed(replay_id, attempt)

    await histories.set_token(connection, "taken_back_0000")

    assert await attempt == "failed"
    error = await histories.error(replay_id)
    assert error["code"] == "connection_not_active"
    assert "is revoked" in error["message"]
    kept = await histories.kept(replay_id, "refund")
    assert 0 < len(kept) < len(stripe_past.past.refunds)


async def test_only_what_the_policy_reads_of_metadata_is_kept(histories: Histories, stripe_past: PastStripe) -> None:
    refund = stripe_past.past.refunds[-1]
    stripe_past.describe(refund, {"metadata[ticket]": "T-1", "metadata[card]": "4242424242424242"})
    read, unread = await histories.asked(policy=METADATA_POLICY, days=30), await histories.asked(days=30)

    for replay_id in (read, unread):
        assert await histories.pull(replay_id) == "pulled"
        assert await histories.judge(replay_id) == "done"

    found = await rows("SELECT body::text AS body FROM replay_objects WHERE replay_id IN ({}, {})", read, unread)
    assert not any("4242424242424242" in each["body"] for each in found)
    assert sum("T-1" in each["body"] for each in found) == 1
    assert [each["subject"] for each in await histories.findings(read)] == [refund]
    stripe_past.describe(refund, {"metadata": ""})


async def test_rules_that_read_what_stripe_does_not_know_are_not_evaluable(histories: Histories) -> None:
    replay_id = await histories.asked(
        policy=METADATA_POLICY.replace("metadata.ticket", "metadata.nobody_writes_this"), days=20
    )
    assert await histories.pull(replay_id) == "pulled"
    assert await histories.judge(replay_id) == "done"
    assert (await histories.result(replay_id))["not_evaluable"] == ["has_ticket"]


async def test_what_was_pulled_goes_with_its_replay(histories: Histories) -> None:
    expired, kept = await histories.asked(days=20, days_kept=-1), await histories.asked(days=20)
    for replay_id in (expired, kept):
        assert await histories.pull(replay_id) == "pulled"
    assert await histories.kept(expired, "customer") != []

    await ActivityEnvironment().run(Replays().delete_expired)

    assert await histories.kept(expired, "refund") == await histories.kept(expired, "customer") == []
    assert await row("SELECT FROM replay_pulls WHERE replay_id = {}", expired) is None
    assert await histories.kept(kept, "refund") != []


@pytest.mark.parametrize(("header", "waits"), [("3", 3), ("0", None), ("soon", None), ("-1", None), ("99999", 600)])
def test_retry_after_is_read_as_stripe_may_write_it(header: str, waits: int | None) -> None:
    error = stripe_history.stripe.RateLimitError("slow down", headers={"Retry-After": header})
    assert (stripe_history._retry_after(error) or None) == waits


async def _progressed(replay_id: str, attempt: asyncio.Task[str], *, beyond: int = 0) -> int:
    """How many were pulled, once there are more than `beyond` or the attempt is over."""
    while True:
        found = await row("SELECT pulled FROM replay_pulls WHERE replay_id = {}", replay_id)
        if attempt.done() or (found and found["pulled"] > beyond):
            return int(found["pulled"]) if found else 0
        await asyncio.sleep(0.01)


async def _connect(connection: str) -> None:
    await rows(
        "INSERT INTO stripe_connections (id, organization_id, mode, stripe_account_id, token_ciphertext, "
        "write_actions, default_currency, is_default, status, created_at, profile) VALUES ({}, 'org_demo', 'test', {}, "
        "'x'::bytea, ARRAY[]::text[], 'usd', false, 'active', now(), jsonb_build_object())",
        connection,
        f"acct_{connection}",
    )


def _answers(url: str) -> None:
    deadline = time.monotonic() + 15
    while time.monotonic() < deadline:
        try:
            httpx.get(url)
        except httpx.TransportError:
            time.sleep(0.05)
        else:
            return
    raise AssertionError(f"nothing answers at {url}")
