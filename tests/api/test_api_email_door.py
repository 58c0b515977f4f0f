"""The door behind links in mails, from real mails: who looks changes nothing, and who posts votes once."""

import asyncio
import os
import re
import signal
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest

from axiru.dev import dev_json
from axiru.dev.dev_json import DevJson

Refund = Callable[..., dict[str, Any]]
LogIn = Callable[[str], Awaitable[httpx.AsyncClient]]
JSON = {"Accept": "application/json"}
HTML = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
MAIL_SECONDS = 30


class Asked:
    """A refund that waits for a controller, and the links that were mailed about it, by login."""

    def __init__(self, approval_id: str, decision_id: str, links: dict[str, str]) -> None:
        self.approval_id = approval_id
        self.decision_id = decision_id
        self.links = links

    @property
    def link(self) -> str:
        return self.links["controller"]


Ask = Callable[..., Awaitable[Asked]]


@pytest.fixture
async def mails(stack: DevJson) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=stack.messages_url, timeout=30) as client:
        yield client


@pytest.fixture
def ask(caller: httpx.AsyncClient, mails: httpx.AsyncClient, refund: Refund) -> Ask:
    async def asked(amount_cents: int = 40_000, **body: Any) -> Asked:
        told = (await caller.post("/api/v1/decisions", json=refund(amount_cents, **body))).raise_for_status().json()
        assert told["outcome"] == "pending_approval"
        return Asked(told["approval_id"], told["decision_id"], await _links(mails, told["approval_id"]))

    return asked


async def _links(mails: httpx.AsyncClient, approval_id: str) -> dict[str, str]:
    async with asyncio.timeout(MAIL_SECONDS):
        while True:
            found = {
                mail["recipients"][0].partition("@")[0]: next(link for link in mail["links"] if "/email/" in link)
                for mail in (await mails.get("/_sandbox/mails")).json()["data"]
                if approval_id in mail["headers"]["References"]
            }
            if found.keys() >= {"controller", "controller2"}:
                return found
            await asyncio.sleep(0.2)


async def votes(caller: httpx.AsyncClient, asked: Asked) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await caller.get(f"/api/v1/approvals/{asked.approval_id}")).json()["votes"]
    return found


async def test_the_page_shows_the_sheet_escaped_and_is_safe_to_open(http: httpx.AsyncClient, ask: Ask) -> None:
    asked = await ask(
        context={"customer_email": "jane@customer.example"},
        metadata={"note": "<script>alert(1)</script>", "then": "\"'><img src=x onerror=alert(1)>"},
    )

    page = await http.get(asked.link, headers=HTML)

    assert page.status_code == 200
    for shown in ("$400.00", "Refunds over $150 require approval", "jane@customer.example", "duplicate_charge"):
        assert shown in page.text
    assert "<script" not in page.text
    assert "<img" not in page.text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page.text
    nonce = re.search(r'<style nonce="([^"]+)">', page.text)
    assert nonce is not None
    policy = page.headers["content-security-policy"]
    assert policy.startswith(f"default-src 'none'; style-src 'nonce-{nonce[1]}';")
    assert "frame-ancestors 'none'" in policy
    assert {name: page.headers[name] for name in ("referrer-policy", "cache-control", "x-content-type-options")} == {
        "referrer-policy": "no-referrer",
        "cache-control": "no-store",
        "x-content-type-options": "nosniff",
    }
    assert "noindex" in page.headers["x-robots-tag"]
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert not re.search(r"<[^>]+(src|href)=", page.text)


async def test_scanners_change_nothing_however_they_look(
    http: httpx.AsyncClient, caller: httpx.AsyncClient, ask: Ask
) -> None:
    asked = await ask()
    for method in ("GET", "HEAD", "OPTIONS", "PUT", "DELETE", "PATCH"):
        for query in ("", "?verdict=approve&reason=ok"):
            answer = await http.request(method, asked.link + query, headers={"Purpose": "prefetch"})
            assert answer.status_code in ({200} if method in {"GET", "HEAD"} else {200, 204, 405}), (method, answer)
    head = await http.head(asked.link)

    assert (head.status_code, head.content) == (200, b"")
    assert await votes(caller, asked) == []
    assert (await http.get(asked.link)).status_code == 200


async def test_the_form_votes_as_the_one_the_mail_was_sent_to(
    http: httpx.AsyncClient, caller: httpx.AsyncClient, ask: Ask, stack: DevJson
) -> None:
    asked = await ask()

    voted = await http.post(asked.link, data={"verdict": "approve", "reason": " looked into it "}, headers=HTML)

    assert voted.status_code == 200
    assert "You approved" in voted.text
    (vote,) = await votes(caller, asked)
    assert (vote["door"], vote["verdict"], vote["reason"]) == ("email", "approve", "looked into it")
    decision = (await caller.get(f"/api/v1/decisions/{asked.decision_id}", params={"wait": 10})).json()
    assert decision["state"] == "approved"


async def test_a_link_votes_once_even_for_twenty_at_a_time(
    http: httpx.AsyncClient, caller: httpx.AsyncClient, ask: Ask
) -> None:
    asked = await ask()

    answers = await asyncio.gather(
        *(http.post(asked.link, json={"verdict": "deny", "reason": f"no. {number}"}) for number in range(20))
    )

    assert sorted(answer.status_code for answer in answers) == [200] + [409] * 19
    assert {answer.json().get("error") for answer in answers} == {None, "conflict"}
    assert len(await votes(caller, asked)) == 1
    again = await http.post(asked.link, json={"verdict": "deny", "reason": "again"})
    assert (again.status_code, again.json()["state"]) == (409, "used")
    page = await http.get(asked.link, headers=HTML)
    assert (page.status_code, "This link is closed" in page.text, "$400.00" in page.text) == (409, True, False)


async def test_json_is_answered_with_json(http: httpx.AsyncClient, ask: Ask) -> None:
    asked = await ask()

    shown = await http.get(asked.link, headers=JSON)
    voted = await http.post(asked.link, json={"verdict": "approve"})

    assert (shown.json()["approval_id"], shown.json()["amount_cents"]) == (asked.approval_id, 40_000)
    assert (voted.status_code, voted.json()["approval_state"]) == (200, "approved")
    assert voted.json()["vote_id"].startswith("vt_")


@pytest.mark.parametrize("reason", ["", "   ", "\r\n\t"])
async def test_a_denial_without_a_reason_shows_the_form_again_and_leaves_the_link(
    http: httpx.AsyncClient, caller: httpx.AsyncClient, ask: Ask, reason: str
) -> None:
    asked = await ask()

    refused = await http.post(asked.link, data={"verdict": "deny", "reason": reason}, headers=HTML)
    as_json = await http.post(asked.link, json={"verdict": "deny", "reason": reason})

    assert (refused.status_code, "<form" in refused.text, 'role="alert"' in refused.text) == (400, True, True)
    assert (as_json.status_code, as_json.json()["field_errors"][0]["field"]) == (400, "reason")
    assert await votes(caller, asked) == []
    assert (await http.post(asked.link, data={"verdict": "deny", "reason": "not ours"})).status_code == 200


@pytest.mark.parametrize(
    ("content", "content_type", "status"),
    [
        (b"", "application/x-www-form-urlencoded", 400),
        (b"verdict=maybe", "application/x-www-form-urlencoded", 400),
        (b"verdict=approve&verdict=deny&reason=x", "application/x-www-form-urlencoded", 400),
        (b"verdict=approve&reason=%00", "application/x-www-form-urlencoded", 400),
        (b"verdict=approve&reason=%ff%fe", "application/x-www-form-urlencoded", 400),
        (b"verdict=approve&reason=" + b"x" * 2_001, "application/x-www-form-urlencoded", 400),
        (b"verdict=approve&member_id=mem_1", "application/x-www-form-urlencoded", 400),
        (b"verdict=approve&digest=0", "application/x-www-form-urlencoded", 400),
        (b"&".join(b"f%d=1" % number for number in range(50)), "application/x-www-form-urlencoded", 400),
        (b"x" * 300_000, "application/x-www-form-urlencoded", 413),
        (b'{"verdict": "approve"', "application/json", 400),
        (b'{"verdict": "approve", "verdict": "deny"}', "application/json", 400),
        (b'{"verdict": null}', "application/json", 400),
        (b"[]", "application/json", 400),
        (b"verdict=approve", "text/plain", 415),
        (b"verdict=approve", "multipart/form-data; boundary=x", 415),
        (b"verdict=approve", "", 415),
    ],
)
async def test_what_is_no_vote_votes_nothing_and_leaves_the_link(
    http: httpx.AsyncClient, one_asked: Asked, caller: httpx.AsyncClient, content: bytes, content_type: str, status: int
) -> None:
    answer = await http.post(one_asked.link, content=content, headers={"Content-Type": content_type, **HTML})

    assert answer.status_code == status, answer.text
    assert await votes(caller, one_asked) == []
    assert (await http.get(one_asked.link)).status_code == 200


@pytest.fixture(scope="module")
async def one_asked(stack: DevJson) -> Asked:
    """One approval for every refusal that has to leave it open."""
    headers = {"Authorization": f"Bearer {stack.api_keys['decisions']}"}
    intent = {"kind": "refund", "amount_cents": 40_000, "currency": "usd"}
    facts = {"customer_tenure_days": 400, "reason_code": "duplicate_charge"}
    body = {"intent": intent, "context": facts, "idempotency_key": uuid.uuid4().hex}
    async with (
        httpx.AsyncClient(base_url=stack.api_url, headers=headers, timeout=30) as client,
        httpx.AsyncClient(base_url=stack.messages_url, timeout=30) as mails,
    ):
        told = (await client.post("/api/v1/decisions", json=body)).raise_for_status().json()
        return Asked(told["approval_id"], told["decision_id"], await _links(mails, told["approval_id"]))


@pytest.mark.parametrize("token", ["lt_" + "0" * 32, "lt_", "x", "..%2F..%2Fetc", "%00", "lt_%ff", "a" * 5_000])
async def test_a_token_that_nobody_issued_is_one_page_whatever_it_is(http: httpx.AsyncClient, token: str) -> None:
    for send in (http.get, http.post):
        page = await send(f"/email/approvals/{token}", headers=HTML)
        assert page.status_code == 404
        if "text/html" in page.headers["content-type"]:
            assert "No such link" in page.text
    told = await http.get(f"/email/approvals/{token}", headers=JSON)
    assert (told.status_code, told.json()["error"]) == (404, "not_found")


async def test_link_of_a_closed_approval_says_its_state_and_no_more(
    http: httpx.AsyncClient, ask: Ask, log_in: LogIn
) -> None:
    asked = await ask()
    await http.post(asked.links["controller2"], json={"verdict": "deny", "reason": "no"})

    told = await http.get(asked.link, headers=JSON)
    page = await http.get(asked.link, headers=HTML)
    voted = await http.post(asked.link, json={"verdict": "approve"})

    assert (told.status_code, told.json()["state"]) == (409, "denied")
    assert (page.status_code, "already denied" in page.text, "$400.00" in page.text) == (409, True, False)
    assert voted.status_code == 409


async def test_link_that_is_too_old_says_so_and_votes_nothing(
    http: httpx.AsyncClient, caller: httpx.AsyncClient, ask: Ask, stack: DevJson
) -> None:
    asked = await ask()
    await _as_owner(stack, "UPDATE email_links SET expires_at = now() WHERE approval_id = $1", asked.approval_id)

    page = await http.get(asked.link, headers=HTML)
    voted = await http.post(asked.link, json={"verdict": "approve"})

    assert (page.status_code, "too old" in page.text, "$400.00" in page.text) == (409, True, False)
    assert (voted.status_code, voted.json()["state"]) == (409, "expired")
    assert await votes(caller, asked) == []


async def test_one_who_may_not_vote_any_more_sees_nothing(
    http: httpx.AsyncClient, caller: httpx.AsyncClient, ask: Ask, stack: DevJson
) -> None:
    asked = await ask()
    link = asked.links["controller2"]
    change = "UPDATE members SET roles = $2, disabled_at = $3::timestamptz WHERE email = $1"
    email = "controller2@demo.example"
    try:
        await _as_owner(stack, change, email, ["viewer"], None)
        page, told = await http.get(link, headers=HTML), await http.post(link, json={"verdict": "approve"})
        assert (page.status_code, told.status_code, told.json()["error"]) == (403, 403, "not_eligible")
        assert "$400.00" not in page.text

        await _as_owner(stack, "UPDATE members SET disabled_at = now() WHERE email = $1", email)
        page, told = await http.get(link, headers=HTML), await http.post(link, json={"verdict": "approve"})
        assert (page.status_code, told.status_code, told.json()["error"]) == (404, 404, "not_found")
        assert "No such link" in page.text
    finally:
        await _as_owner(stack, change, email, ["controller"], None)
    assert await votes(caller, asked) == []


async def test_who_voted_by_another_door_is_told_so(
    http: httpx.AsyncClient, ask: Ask, log_in: LogIn, stack: DevJson
) -> None:
    """The first demo controller votes in the console; their link is worth nothing after it."""
    asked = await ask()
    person = await log_in("controller")
    (await person.post(f"/api/v1/approvals/{asked.approval_id}/deny", json={"reason": "no"})).raise_for_status()

    told = await http.post(asked.link, json={"verdict": "approve"})

    assert (told.status_code, told.json()["state"]) == (409, "denied")


async def test_an_address_that_asks_too_often_is_told_to_wait(stack: DevJson) -> None:
    """Counted by address: from another one the door stays open."""
    elsewhere = httpx.AsyncHTTPTransport(local_address="127.0.0.77")
    async with httpx.AsyncClient(base_url=stack.api_url, transport=elsewhere, timeout=30) as client:
        statuses = []
        for _ in range(13):
            answers = await asyncio.gather(*(client.get("/email/approvals/lt_x", headers=HTML) for _ in range(20)))
            statuses += [answer.status_code for answer in answers]
        limited = await client.get("/email/approvals/lt_x", headers=HTML)
    assert statuses.count(404) == 240
    assert (limited.status_code, int(limited.headers["retry-after"]) >= 1) == (429, True)
    async with httpx.AsyncClient(base_url=stack.api_url, timeout=30) as client:
        assert (await client.get("/email/approvals/lt_x")).status_code == 404


async def test_mails_of_the_time_when_the_server_was_away_come_later(
    caller: httpx.AsyncClient, mails: httpx.AsyncClient, refund: Refund, stack: DevJson
) -> None:
    """Killed, and started again by the stack; the decision waited for neither."""
    os.kill(dev_json.read(Path(stack.home) / "dev.json").pids.mail or 0, signal.SIGKILL)
    told = (await caller.post("/api/v1/decisions", json=refund(40_000))).raise_for_status().json()
    async with asyncio.timeout(60):
        while True:
            try:
                await _links(mails, told["approval_id"])
            except httpx.TransportError:
                await asyncio.sleep(0.2)
            else:
                return


async def test_no_log_holds_a_token(http: httpx.AsyncClient, ask: Ask, stack: DevJson) -> None:
    asked = await ask()
    await http.get(asked.link)
    await http.post(asked.link, json={"verdict": "approve"})
    token = asked.link.rpartition("/")[2]
    for log in (Path(stack.home) / "logs").glob("*.log"):
        assert token not in log.read_text("utf-8", "replace"), log


async def _as_owner(stack: DevJson, statement: str, *arguments: Any) -> None:
    connection = await asyncpg.connect(stack.database_admin_url)
    await connection.execute(statement, *arguments)
    await connection.close()
