"""`POST /webhooks/approvals/{id}`: a vote counts once, signed by the right endpoint, as a member who let it."""

import asyncio
import base64
import hashlib
import hmac
import json
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from standardwebhooks import Webhook

from axiru.dev.dev_json import DevJson

LogIn = Callable[[str], Awaitable[httpx.AsyncClient]]
Ask = Callable[..., Awaitable[str]]


class Voter:
    """A system that holds an endpoint's secret and answers for a member."""

    def __init__(self, http: httpx.AsyncClient, endpoint_id: str, secret: str) -> None:
        self._http = http
        self.endpoint_id = endpoint_id
        self.secret = secret

    async def vote(
        self,
        approval_id: str,
        body: dict[str, Any] | bytes | None = None,
        *,
        message_id: str | None = None,
        at: datetime | None = None,
        **headers: str,
    ) -> httpx.Response:
        """Send a vote as any Standard Webhooks library signs it; `headers` replace what it would send."""
        raw = body if isinstance(body, bytes) else json.dumps(body or {"verdict": "approve"}).encode()
        message_id = message_id or f"msg_{uuid.uuid4().hex}"
        at = at or datetime.now(UTC)
        sent = {
            "webhook-id": message_id,
            "webhook-timestamp": str(int(at.timestamp())),
            "webhook-signature": Webhook(self.secret).sign(message_id, at, raw.decode()),
            "content-type": "application/json",
            **{name.replace("_", "-"): value for name, value in headers.items()},
        }
        return await self._http.post(f"/webhooks/approvals/{approval_id}", content=raw, headers=sent)


NewVoter = Callable[..., Awaitable[Voter]]


@pytest.fixture
async def new_voter(http: httpx.AsyncClient, log_in: LogIn) -> AsyncIterator[NewVoter]:
    """An endpoint that votes as the first user of a role; None votes as nobody. Removed at the end."""
    admin, made = await log_in("admin"), []

    async def make(role: str | None = "controller", *, mode: str = "test") -> Voter:
        body = {"url": "https://hooks.example.com/", "events": ["breaker.tripped"], "mode": mode}
        endpoint = (await admin.post("/api/v1/webhooks", json=body)).raise_for_status().json()
        made.append(endpoint["id"])
        if role is None:
            return Voter(http, endpoint["id"], endpoint["secret"])
        member = await log_in(role)
        rotated = await member.post(f"/api/v1/webhooks/{endpoint['id']}/rotate", json={"votes_as_me": True})
        return Voter(http, endpoint["id"], rotated.raise_for_status().json()["secret"])

    yield make
    for endpoint_id in made:
        await admin.delete(f"/api/v1/webhooks/{endpoint_id}")


@pytest.fixture
def ask(caller: httpx.AsyncClient, refund: Callable[..., dict[str, Any]]) -> Ask:
    """Asks for a refund that a controller has to approve; returns the approval's id."""

    async def asked(amount_cents: int = 40_000, **body: Any) -> str:
        answer = (await caller.post("/api/v1/decisions", json=refund(amount_cents, **body))).json()
        assert answer["approval_id"], answer
        return str(answer["approval_id"])

    return asked


async def test_signed_vote_approves_as_the_member_and_names_its_door(
    new_voter: NewVoter, ask: Ask, log_in: LogIn
) -> None:
    approval_id = await ask()

    answer = await (await new_voter()).vote(approval_id)

    assert answer.status_code == 200, answer.text
    assert answer.json()["approval_state"] == "approved"
    approval = (await (await log_in("viewer")).get(f"/api/v1/approvals/{approval_id}")).json()
    assert approval["state"] == "approved"
    assert [vote["door"] for vote in approval["votes"]] == ["webhook"]


async def test_approved_by_webhook_goes_on_to_be_carried_out(
    new_voter: NewVoter, caller: httpx.AsyncClient, refund: Callable[..., dict[str, Any]]
) -> None:
    body = refund(20_000, execute="axiru", intent={"charge": "ch_demo_015"})
    asked = (await caller.post("/api/v1/decisions", json=body)).json()

    await (await new_voter()).vote(asked["approval_id"])

    settled = (await caller.get(f"/api/v1/decisions/{asked['decision_id']}", params={"wait": 30})).json()
    assert settled["state"] == "executed"


async def test_denial_needs_a_reason(new_voter: NewVoter, ask: Ask) -> None:
    voter, approval_id = await new_voter(), await ask()

    without = await voter.vote(approval_id, {"verdict": "deny"})
    with_one = await voter.vote(approval_id, {"verdict": "deny", "reason": "no receipt"})

    assert (without.status_code, without.json()["field_errors"][0]["field"]) == (400, "reason")
    assert with_one.json()["approval_state"] == "denied"


async def test_message_that_comes_again_gets_the_first_answer(new_voter: NewVoter, ask: Ask, log_in: LogIn) -> None:
    voter, approval_id = await new_voter(), await ask()

    answers = [await voter.vote(approval_id, message_id="msg_same_again") for _ in range(3)]

    assert [answer.status_code for answer in answers] == [200, 200, 200]
    assert answers[0].json() == answers[1].json() == answers[2].json()
    approval = (await (await log_in("viewer")).get(f"/api/v1/approvals/{approval_id}")).json()
    assert len(approval["votes"]) == 1


async def test_same_message_many_times_at_once_is_one_vote(new_voter: NewVoter, ask: Ask, log_in: LogIn) -> None:
    voter, approval_id = await new_voter(), await ask()
    message_id = f"msg_{uuid.uuid4().hex}"

    answers = await asyncio.gather(*(voter.vote(approval_id, message_id=message_id) for _ in range(12)))

    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.json()["vote_id"] for answer in answers}) == 1
    approval = (await (await log_in("viewer")).get(f"/api/v1/approvals/{approval_id}")).json()
    assert len(approval["votes"]) == 1


async def test_another_message_under_the_same_id_is_refused(new_voter: NewVoter, ask: Ask) -> None:
    voter, first, second = await new_voter(), await ask(), await ask()
    message_id = f"msg_{uuid.uuid4().hex}"
    await voter.vote(first, message_id=message_id)

    other_body = await voter.vote(first, {"verdict": "deny", "reason": "no"}, message_id=message_id)
    other_approval = await voter.vote(second, message_id=message_id)

    for answer in (other_body, other_approval):
        assert (answer.status_code, answer.json()["error"]) == (409, "conflict")


async def test_refused_message_sent_again_is_judged_again(new_voter: NewVoter, ask: Ask) -> None:
    voter, approval_id = await new_voter(), await ask()
    message_id = f"msg_{uuid.uuid4().hex}"

    answers = [await voter.vote(approval_id, {"verdict": "deny"}, message_id=message_id) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [400, 400]


async def test_second_vote_of_the_same_member_is_refused(new_voter: NewVoter, ask: Ask) -> None:
    voter, approval_id = await new_voter(), await ask()
    await voter.vote(approval_id)

    answer = await voter.vote(approval_id)

    assert (answer.status_code, answer.json()["error"]) == (409, "conflict")


async def test_vote_is_bound_to_what_the_voter_was_shown(new_voter: NewVoter, ask: Ask, log_in: LogIn) -> None:
    voter, approval_id = await new_voter(), await ask()
    digest = (await (await log_in("viewer")).get(f"/api/v1/approvals/{approval_id}")).json()["digest"]

    other = await voter.vote(approval_id, {"verdict": "approve", "digest": "0" * 64})
    shown = await voter.vote(approval_id, {"verdict": "approve", "digest": digest, "approval_id": approval_id})

    assert (other.status_code, other.json()["error"]) == (409, "conflict")
    assert shown.status_code == 200


async def test_message_about_another_approval_is_refused(new_voter: NewVoter, ask: Ask) -> None:
    voter, first, second = await new_voter(), await ask(), await ask()

    answer = await voter.vote(first, {"verdict": "approve", "approval_id": second})

    assert (answer.status_code, answer.json()["field_errors"][0]["field"]) == (400, "approval_id")


async def test_member_of_the_wrong_role_is_told_why_not(new_voter: NewVoter, ask: Ask) -> None:
    answer = await (await new_voter("finance_manager")).vote(await ask())

    assert (answer.status_code, answer.json()["error"]) == (403, "not_eligible")


async def test_whose_key_asked_cannot_approve_by_webhook_either(new_voter: NewVoter, ask: Ask) -> None:
    answer = await (await new_voter("admin")).vote(await ask())

    assert (answer.status_code, answer.json()["error"]) == (403, "not_eligible")


async def test_everything_unsigned_or_wrongly_signed_gets_one_answer(new_voter: NewVoter, ask: Ask) -> None:
    voter, stranger, approval_id = await new_voter(), await new_voter(None), await ask()
    other_mode = await new_voter("controller", mode="live")
    signature = Webhook(voter.secret).sign("msg_1", datetime.now(UTC), '{"verdict": "approve"}')
    now = time.time()
    refused = [
        await voter.vote("ap_" + "0" * 26),
        await voter.vote("nothing"),
        await voter.vote("%00"),
        await voter.vote("a" * 500),
        await stranger.vote(approval_id),
        await other_mode.vote(approval_id),
        await voter.vote(approval_id, webhook_signature=""),
        await voter.vote(approval_id, webhook_id=""),
        await voter.vote(approval_id, webhook_timestamp=""),
        await voter.vote(approval_id, webhook_signature=signature),
        await voter.vote(approval_id, webhook_id="msg_other"),
        await voter.vote(approval_id, message_id="with.full.stop"),
        await voter.vote(approval_id, message_id="m" * 256),
        await voter.vote(approval_id, at=datetime.fromtimestamp(now - 6 * 60, UTC)),
        await voter.vote(approval_id, at=datetime.fromtimestamp(now + 6 * 60, UTC)),
        *[
            await voter.vote(approval_id, webhook_timestamp=each)
            for each in ("nan", "inf", "-inf", "1e400", "yesterday", "-1", "0x10", "9" * 400)
        ],
        *[
            await voter.vote(approval_id, webhook_signature=each)
            for each in (
                "v1",
                "v1,",
                "v1,,",
                "v1,abc",
                "v1,!!!",
                "v2,AAAA",
                ",",
                "v1 v1",
                "v1,AAAA v1",
                "v1,A " * 600 + "v1,A",
            )
        ],
    ]

    assert {answer.status_code for answer in refused} == {401}
    bodies = [{name: value for name, value in answer.json().items() if name != "request_id"} for answer in refused]
    assert all(body == bodies[0] for body in bodies)
    assert bodies[0]["error"] == "invalid_signature"


async def test_changed_body_does_not_fit_its_signature(new_voter: NewVoter, ask: Ask) -> None:
    voter, approval_id = await new_voter(), await ask()
    denied = '{"verdict": "deny", "reason": "no"}'
    now = datetime.now(UTC)

    answer = await voter.vote(
        approval_id, message_id="msg_2", at=now, webhook_signature=Webhook(voter.secret).sign("msg_2", now, denied)
    )

    assert answer.status_code == 401


@pytest.mark.parametrize(
    "body",
    [
        *(
            b"",
            b"{",
            b"[]",
            b"null",
            b'"approve"',
            b"{}",
            b'{"verdict": "maybe"}',
            b'{"verdict": "approve", "as": "x"}',
        ),
        *(b'{"verdict": "deny", "verdict": "approve"}', b'{"verdict": "approve", "reason": 1}'),
        *(b'{"verdict": "approve", "reason": "\\u0000"}', b"[" * 5_000),
        b'{"verdict": "deny", "reason": "' + b"x" * 2_001 + b'"}',
    ],
)
async def test_signed_body_that_is_no_vote_is_refused_as_such(new_voter: NewVoter, ask: Ask, body: bytes) -> None:
    voter, approval_id = await new_voter(), await ask()

    answer = await voter.vote(approval_id, body)

    assert answer.status_code == 400
    assert answer.json()["error"] in {"invalid_json", "invalid_request"}


async def test_bytes_that_are_not_utf8_are_no_message(new_voter: NewVoter, ask: Ask, http: httpx.AsyncClient) -> None:
    voter, approval_id = await new_voter(), await ask()
    raw, at = b'{"verdict": "\xff"}', str(int(time.time()))
    key = base64.b64decode(voter.secret.removeprefix("whsec_"))
    signature = hmac.new(key, b"msg_3." + at.encode() + b"." + raw, hashlib.sha256).digest()

    answer = await http.post(
        f"/webhooks/approvals/{approval_id}",
        content=raw,
        headers={
            "webhook-id": "msg_3",
            "webhook-timestamp": at,
            "webhook-signature": "v1," + base64.b64encode(signature).decode(),
        },
    )

    assert answer.status_code == 401


async def test_body_over_the_limit_is_refused(new_voter: NewVoter, ask: Ask) -> None:
    answer = await (await new_voter()).vote(await ask(), b"x" * (256 * 1024 + 1))

    assert (answer.status_code, answer.json()["error"]) == (413, "payload_too_large")


async def test_member_who_rotates_votes_with_both_secrets_for_a_while(
    new_voter: NewVoter, ask: Ask, log_in: LogIn
) -> None:
    voter, controller = await new_voter(), await log_in("controller")

    await controller.post(f"/api/v1/webhooks/{voter.endpoint_id}/rotate")
    kept = await voter.vote(await ask())
    await controller.post(f"/api/v1/webhooks/{voter.endpoint_id}/rotate", json={"keep_previous_hours": 0})
    let_go = await voter.vote(await ask())

    assert (kept.status_code, let_go.status_code) == (200, 401)


@pytest.mark.parametrize("ended_by", ["admin rotates", "member ends it", "admin ends it", "disabled", "removed"])
async def test_votes_end_with_what_let_them(new_voter: NewVoter, ask: Ask, log_in: LogIn, ended_by: str) -> None:
    voter, approval_id = await new_voter(), await ask()
    admin, controller = await log_in("admin"), await log_in("controller")
    path = f"/api/v1/webhooks/{voter.endpoint_id}"
    secrets = [voter.secret]

    match ended_by:
        case "admin rotates":
            secrets.append((await admin.post(f"{path}/rotate")).json()["secret"])
        case "member ends it":
            await controller.patch(path, json={"votes_as_me": False})
        case "admin ends it":
            await admin.patch(path, json={"votes_as_me": False})
        case "disabled":
            await admin.patch(path, json={"enabled": False})
        case _:
            await admin.delete(path)

    for voter.secret in secrets:
        answer = await voter.vote(approval_id)
        assert (answer.status_code, answer.json()["error"]) == (401, "invalid_signature")


async def test_secret_the_admin_saw_does_not_vote_for_the_member_who_came_after(
    new_voter: NewVoter, ask: Ask, log_in: LogIn
) -> None:
    seen_by_admin = await new_voter(None)
    controller = await log_in("controller")

    rotated = await controller.post(
        f"/api/v1/webhooks/{seen_by_admin.endpoint_id}/rotate",
        json={"votes_as_me": True, "keep_previous_hours": 24},
    )

    # It still signs what goes out, so that the receiver has time to change over; it brings no votes.
    assert rotated.json()["previous_secret_until"]
    assert (await seen_by_admin.vote(await ask())).status_code == 401


async def test_member_who_is_disabled_votes_no_more_even_when_enabled_again(
    new_voter: NewVoter, ask: Ask, log_in: LogIn, stack: DevJson, http: httpx.AsyncClient
) -> None:
    admin = await log_in("admin")
    email = f"{uuid.uuid4().hex}@demo.example"
    invited = await admin.post("/api/v1/members", json={"email": email, "name": "New", "roles": ["controller"]})
    member_id = invited.raise_for_status().json()["member"]["id"]
    token = invited.json()["password_link"].rpartition("/")[2].rpartition("=")[2]
    await http.post("/api/v1/password", json={"token": token, "password": "a long enough one"})
    session = await http.post("/api/v1/sessions", json={"email": email, "password": "a long enough one"})
    voter = await new_voter(None)
    rotated = await http.post(
        f"/api/v1/webhooks/{voter.endpoint_id}/rotate",
        json={"votes_as_me": True},
        headers={"Authorization": f"Bearer {session.raise_for_status().json()['token']}"},
    )
    voter.secret = rotated.raise_for_status().json()["secret"]
    assert (await voter.vote(await ask())).status_code == 200

    (await admin.patch(f"/api/v1/members/{member_id}", json={"disabled": True})).raise_for_status()
    while_disabled = await voter.vote(await ask())
    (await admin.patch(f"/api/v1/members/{member_id}", json={"disabled": False})).raise_for_status()
    afterwards = await voter.vote(await ask())

    assert (while_disabled.status_code, afterwards.status_code) == (401, 401)


async def test_endpoint_that_sends_too_much_is_told_to_wait(new_voter: NewVoter, ask: Ask) -> None:
    voter, approval_id = await new_voter(), await ask()

    answers = [await voter.vote(approval_id, b"{}") for _ in range(101)]

    assert {answer.status_code for answer in answers[:100]} == {400}
    assert (answers[100].status_code, answers[100].json()["error"]) == (429, "rate_limited")
    assert int(answers[100].headers["retry-after"]) >= 1


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH"])
async def test_only_a_post_votes(ask: Ask, http: httpx.AsyncClient, method: str) -> None:
    answer = await http.request(method, f"/webhooks/approvals/{await ask()}")

    assert (answer.status_code, answer.json()["error"]) == (405, "method_not_allowed")
