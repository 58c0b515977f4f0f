"""Who is mailed and who is not, what a link in a mail is worth, and what happens to a mail whose moment has passed."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import asyncpg
import msgspec
import pytest
from aiosmtpd.smtp import SMTP

from activities.email import EmailChannel
from axiru import ids
from axiru.database import connected, row, rows
from axiru.dev.dev_json import DevJson
from axiru.dev.mail_sandbox.mailbox import Mail, Mailbox
from axiru.domain.approval import Ballot
from axiru.domain.breaker import BreakerTerms, Reading
from axiru.domain.delivery import Happening, Outgoing
from axiru.domain.movement import Amount, Context, Initiator, Merchant, Ovt, Target
from axiru.email_links import LIFETIME, find_link
from axiru.ids import hash_secret
from axiru.settings import Settings
from axiru.tables import ALL_TABLES, ChainHead
from axiru.vault import Vault
from ledger.acts.break_glass import open_glass
from ledger.acts.breaker import arm
from ledger.acts.connection import mark_revoked
from ledger.acts.decide import decide
from ledger.acts.standing import CompiledVersions
from ledger.acts.trip import trip
from ledger.acts.vote import cast_vote
from ledger.breaker_readings import armed
from ledger.keys import load_signer

ORGANIZATION = "org_demo"


class Post:
    """The channel, the mailbox it sends to, and approvals of the demo organization to mail about."""

    def __init__(self, channel: EmailChannel, mailbox: Mailbox, signer: Any) -> None:
        self.channel = channel
        self.mailbox = mailbox
        self.signer = signer

    async def asked(self, amount_cents: int = 40_000) -> str:
        """An approval that waits for a controller."""
        key = await row("SELECT id, owner_member_id FROM api_keys WHERE name = 'demo decisions'")
        assert key is not None
        ovt = Ovt(
            rail="stripe",
            rail_action="refund",
            amount=Amount(str(amount_cents), "usd"),
            initiator=Initiator("api_key", key["id"]),
            merchant=Merchant(stripe_connection_id="stripe_conn_demo"),
            target=Target(charge=f"ch_{secrets.token_hex(8)}"),
            context=Context(
                customer_tenure_days=412, reason_code="duplicate_charge", customer_email="jane@customer.example"
            ),
            metadata={"note": "private words of the caller"},
        )
        decision_id = ids.new_id(ids.DECISION)
        await rows(
            "INSERT INTO requests VALUES ({}, 'org_demo', 'test', '/api/v1/decisions', {}, {}::jsonb, {}, {}, "
            "clock_timestamp(), clock_timestamp())",
            decision_id,
            "f" * 64,
            msgspec.json.encode(ovt).decode(),
            key["id"],
            key["owner_member_id"],
        )
        receipt = await decide(decision_id, signer=self.signer, compiled=CompiledVersions())
        assert receipt.approval_id is not None
        return receipt.approval_id

    async def planned(self, topic: str, payload: dict[str, Any], mode: Any = "test") -> dict[str, str]:
        """Logins → events of what the channel would send of one happening."""
        happening = Happening(
            organization_id=ORGANIZATION,
            mode=mode,
            seq=1,
            position=0,
            topic=topic,
            payload=payload,
            written_at=datetime.now(UTC),
        )
        found = await self.channel.plan(happening)
        logins = {member["id"]: member["email"].partition("@")[0] for member in await members()}
        return {logins[one.target]: one.event for one in found}

    async def sent(self, approval_id: str, login: str = "controller", event: str = "approval.requested") -> Any:
        return await self.channel.send(outgoing(event, {"approval_id": approval_id}, await member_id(login)))

    def newest(self) -> Mail:
        return self.mailbox.mails()[0]

    async def vote(self, approval_id: str, login: str = "controller") -> None:
        ballot = Ballot(approval_id, ORGANIZATION, await member_id(login), "approve", "", "api")
        await cast_vote(ballot, signer=self.signer)


def outgoing(event: str, body: dict[str, Any], target: str) -> Outgoing:
    return Outgoing(
        id=ids.new_id(ids.DELIVERY),
        organization_id=ORGANIZATION,
        mode="test",
        target=target,
        event=event,
        body=body,
        attempt=1,
    )


async def members() -> list[dict[str, Any]]:
    return await rows("SELECT id, email FROM members WHERE organization_id = {}", ORGANIZATION)


async def member_id(login: str) -> str:
    return next(str(member["id"]) for member in await members() if member["email"] == f"{login}@demo.example")


@pytest.fixture(scope="module")
async def post(settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Post]:
    before = ChainHead._meta._db
    mailbox = Mailbox(tmp_path_factory.mktemp("mails"))
    server = await asyncio.get_running_loop().create_server(
        lambda: SMTP(mailbox, hostname="localhost", enable_SMTPUTF8=True), "127.0.0.1", 0
    )
    told = msgspec.structs.replace(
        settings,
        smtp_host="127.0.0.1",
        smtp_port=server.sockets[0].getsockname()[1],
        smtp_security="none",
        mail_from="Axiru <axiru@house.example>",
        issuer="https://api.house.example",
        console_url="https://console.house.example",
    )
    vault = Vault.from_settings(told)
    async with connected(told):
        yield Post(EmailChannel(told, vault), mailbox, await load_signer(vault))
    server.close()
    for table in ALL_TABLES:
        table._meta.db = before


@pytest.fixture
async def owner(infrastructure: DevJson) -> AsyncIterator[asyncpg.Connection]:
    """Somebody who may change members."""
    connection = await asyncpg.connect(infrastructure.database_admin_url)
    yield connection
    await connection.execute(
        "UPDATE members SET notify_by_email = true, disabled_at = NULL WHERE organization_id = $1", ORGANIZATION
    )
    await connection.close()


@pytest.mark.parametrize(
    ("topic", "payload", "event"),
    [
        ("approval", {"state": "pending"}, "approval.requested"),
        ("notice", {"kind": "reminder"}, "approval.reminder"),
        ("notice", {"kind": "escalation", "role": "admin"}, "approval.escalated"),
    ],
)
async def test_everybody_who_may_vote_is_mailed_and_nobody_else(
    post: Post, topic: str, payload: dict[str, Any], event: str
) -> None:
    approval_id = await post.asked()

    told = await post.planned(topic, {"approval_id": approval_id, **payload})

    assert told == {"controller": event, "controller2": event}


@pytest.mark.parametrize("state", ["approved", "denied", "expired"])
async def test_the_end_of_an_approval_is_no_mail(post: Post, state: str) -> None:
    assert await post.planned("approval", {"approval_id": await post.asked(), "state": state}) == {}


async def test_who_wants_no_mails_gets_alarms_alone(post: Post, owner: asyncpg.Connection) -> None:
    approval_id = await post.asked()
    await owner.execute("UPDATE members SET notify_by_email = false WHERE email = 'controller@demo.example'")

    told = await post.planned("approval", {"approval_id": approval_id, "state": "pending"})
    alarmed = await post.planned("breaker", {"breaker_id": "br_1", "trip_id": "bt_1", "state": "proposed"})

    assert set(told) == {"controller2"}
    assert set(alarmed) == {"controller", "controller2", "admin"}


async def test_a_question_reaches_who_asked_for_the_money_without_a_vote(post: Post) -> None:
    approval_id = await post.asked()

    told = await post.planned("discussion", {"approval_id": approval_id, "kind": "question"})
    sent = await post.sent(approval_id, "admin", "approval.question")

    assert set(told) == {"controller", "controller2", "admin"}
    assert sent.outcome == "delivered"
    assert "/email/approvals/" not in post.newest().text
    assert "https://console.house.example/decisions/" in post.newest().text


@pytest.mark.parametrize(
    ("topic", "payload"),
    [
        ("break_glass", {"state": "open", "alone": False}),
        ("break_glass", {"state": "used", "alone": True}),
        ("breaker", {"state": "engaged"}),
    ],
)
async def test_alarms_go_to_every_admin_and_controller(post: Post, topic: str, payload: dict[str, Any]) -> None:
    assert set(await post.planned(topic, payload)) == {"admin", "controller", "controller2"}


async def test_roles_and_locks_are_told_once_though_sealed_in_both_modes(post: Post) -> None:
    for change in ("role_granted", "locked"):
        payload = {"member_id": await member_id("viewer"), "change": change}
        assert len(await post.planned("member", payload, "live")) == 3
        assert await post.planned("member", payload, "test") == {}
    quiet = {"member_id": await member_id("viewer"), "change": "renamed"}
    assert await post.planned("member", quiet, "live") == {}


async def test_who_has_a_password_is_told_of_a_link_that_replaces_it(post: Post) -> None:
    payload = {"member_id": await member_id("controller"), "change": "password_link"}
    assert set(await post.planned("member", payload, "live")) == {"controller"}
    assert await post.planned("member", payload, "test") == {}
    sent = await post.channel.send(outgoing("member.password_link", payload, payload["member_id"]))
    assert sent.outcome == "delivered"
    assert post.newest().subject == "ALARM: A link was made that sets a new password for Demo controller"
    assert "password?token=" not in post.newest().text

    await rows(
        "INSERT INTO members (id, organization_id, email, name, password_hash, roles, created_at) "
        "VALUES ('mem_invited', {}, 'invited@demo.example', 'Invited', '', {}, now())",
        ORGANIZATION,
        ["viewer"],
    )
    invited = {"member_id": "mem_invited", "change": "password_link"}
    assert await post.planned("member", invited, "live") == {}


async def test_what_is_planned_holds_no_token_and_no_address(post: Post) -> None:
    happening = Happening(
        organization_id=ORGANIZATION,
        mode="test",
        seq=1,
        position=0,
        topic="approval",
        payload={"approval_id": await post.asked(), "state": "pending"},
        written_at=datetime.now(UTC),
    )
    planned = msgspec.json.encode(await post.channel.plan(happening))

    assert b"lt_" not in planned
    assert b"@" not in planned


async def test_mail_shows_the_sheet_without_what_is_personal(post: Post) -> None:
    approval_id = await post.asked()

    assert (await post.sent(approval_id)).outcome == "delivered"

    mail = post.newest()
    assert mail.recipients == ["controller@demo.example"]
    assert mail.subject == "Approval wanted: Refund of $400.00 (test), amount_above_default_threshold"
    for text in (mail.text, mail.html):
        assert "duplicate_charge" in text
        assert "jane@customer.example" not in text
        assert "private words" not in text
    assert "jane@" not in mail.subject


async def test_the_link_is_kept_as_a_hash_and_ends_with_the_approval_or_after_a_day(
    post: Post, owner: asyncpg.Connection
) -> None:
    approval_id = await post.asked()
    await post.sent(approval_id)
    token = post.newest().links[0].rpartition("/")[2]

    link = await row("SELECT * FROM email_links WHERE token_hash = {}", hash_secret(token))

    assert link is not None
    assert token not in str(link)
    assert (link["approval_id"], link["member_id"]) == (approval_id, await member_id("controller"))
    approval = await row("SELECT digest, expires_at FROM approvals WHERE id = {}", approval_id)
    assert approval is not None
    assert link["digest"] == approval["digest"]
    assert link["expires_at"] == min(approval["expires_at"], link["created_at"] + LIFETIME)
    assert post.newest().links[0].startswith("https://api.house.example/email/approvals/lt_")


async def test_a_stand_in_is_mailed_and_told_whose_seat_it_is(post: Post, owner: asyncpg.Connection) -> None:
    approval_id = await post.asked()
    await owner.execute(
        "INSERT INTO delegations (id, organization_id, from_member_id, to_member_id, reason, starts_at, ends_at, "
        "created_by, created_at) VALUES ($1, $2, $3, $4, 'away', now() - interval '1 minute', "
        "now() + interval '1 day', $3, now())",
        *(ids.new_id(ids.DELEGATION), ORGANIZATION, await member_id("controller"), await member_id("finance")),
    )
    try:
        told = await post.planned("approval", {"approval_id": approval_id, "state": "pending"})
        sent = await post.sent(approval_id, "finance")
    finally:
        await owner.execute("DELETE FROM delegations WHERE organization_id = $1", ORGANIZATION)

    assert set(told) == {"controller", "controller2", "finance"}
    assert sent.outcome == "delivered"
    assert "You vote in the place of Demo controller, who is out of office." in post.newest().text
    # The delegation ended meanwhile: there is nothing left to vote on.
    assert (await post.sent(approval_id, "finance")).outcome == "failed"


async def test_an_address_beyond_ascii_is_given_up_and_says_so(post: Post, owner: asyncpg.Connection) -> None:
    approval_id = await post.asked()
    rename = "UPDATE members SET email = $2, name = $3 WHERE email = $1"
    controller = "controller2@demo.example", "Demo controller2"
    await owner.execute(rename, controller[0], "jürgen@demo.example", "Jürgen 张")
    try:
        sent = await post.channel.send(
            outgoing("approval.requested", {"approval_id": approval_id}, await member_id("jürgen"))
        )
    finally:
        await owner.execute(rename, "jürgen@demo.example", *controller)

    assert (sent.outcome, "non-ASCII" in sent.detail) == ("failed", True)


async def test_every_mail_has_a_link_of_its_own(post: Post) -> None:
    approval_id = await post.asked()
    links = set()
    for login in ("controller", "controller2", "controller"):
        await post.sent(approval_id, login)
        links.add(post.newest().links[0])
    assert len(links) == 3


async def test_link_of_somebody_who_was_disabled_is_no_link(post: Post, owner: asyncpg.Connection) -> None:
    await post.sent(await post.asked(), "controller2")
    token = post.newest().links[0].rpartition("/")[2]
    assert await find_link(token) is not None

    await owner.execute("UPDATE members SET disabled_at = now() WHERE email = 'controller2@demo.example'")

    assert await find_link(token) is None


async def test_mail_whose_moment_has_passed_is_not_sent(post: Post, owner: asyncpg.Connection) -> None:
    approval_id = await post.asked()
    before = len(post.mailbox.mails())
    await post.vote(approval_id)

    late = await post.sent(approval_id)
    await owner.execute("UPDATE members SET disabled_at = now() WHERE email = 'controller2@demo.example'")
    gone = await post.sent(await post.asked(), "controller2")
    not_asked = await post.sent(await post.asked(), "viewer")

    assert [late.outcome, gone.outcome, not_asked.outcome] == ["failed"] * 3
    assert late.detail == "Not sent: the approval is already approved."
    assert "approval is for controller" in not_asked.detail
    assert len(post.mailbox.mails()) == before


async def test_without_a_mail_server_nothing_is_planned(post: Post, settings: Settings) -> None:
    channel = EmailChannel(settings, Vault.from_settings(settings))
    happening = Happening(
        organization_id=ORGANIZATION,
        mode="test",
        seq=1,
        position=0,
        topic="approval",
        payload={"approval_id": await post.asked(), "state": "pending"},
        written_at=datetime.now(UTC),
    )
    assert await channel.plan(happening) == []


async def test_alarm_of_a_breaker_says_what_was_measured(post: Post) -> None:
    terms = BreakerTerms(
        metric="amount",
        rail="stripe",
        rail_action="payout",
        currency="usd",
        window_seconds=600,
        baseline_seconds=86_400,
        factor_percent=300,
        minimum=1_000_000_000,
        response="propose",
    )
    acting = {"organization_id": ORGANIZATION, "member_id": await member_id("controller"), "signer": post.signer}
    breaker_id = await arm(mode="test", name="Payouts\r\nBcc: x@y.z", terms=terms, **acting)
    (breaker,) = [breaker for breaker in await armed() if breaker.id == breaker_id]
    tripped = await trip(breaker, Reading(2_000_000_000, 150_000, 1_000_000_000), signer=post.signer)
    assert tripped is not None
    body = {"breaker_id": breaker_id, "trip_id": tripped.trip_id, "state": "proposed"}

    sent = await post.channel.send(outgoing("breaker.tripped", body, await member_id("admin")))

    assert sent.outcome == "delivered"
    mail = post.newest()
    assert mail.subject == (
        "ALARM: circuit breaker Payouts Bcc: x@y.z proposes a freeze: $20,000,000.00, usually $1,500.00"
    )
    assert "Bcc" not in mail.headers
    assert "Nothing is frozen until somebody accepts the proposal." in mail.text
    assert "https://console.house.example/controls" in mail.text


async def test_alarm_of_a_broken_glass_says_who_and_why(post: Post) -> None:
    approval_id = await post.asked()
    question = await row("SELECT digest FROM approvals WHERE id = {}", approval_id)
    assert question is not None
    opened = await open_glass(
        approval_id=approval_id,
        organization_id=ORGANIZATION,
        member_id=await member_id("controller"),
        reason="The customer's flight leaves",
        alone=False,
        digest=question["digest"],
        signer=post.signer,
    )
    body = {"break_glass_id": opened.break_glass_id, "approval_id": approval_id, "alone": False, "state": "open"}

    sent = await post.channel.send(outgoing("break_glass.open", body, await member_id("controller2")))

    assert sent.outcome == "delivered"
    mail = post.newest()
    assert mail.subject == "ALARM: break-glass is open, by two people: Refund of $400.00 (test)"
    assert "Opened by Demo controller: The customer's flight leaves" in mail.text
    assert "/email/approvals/" not in mail.text


async def test_lock_and_role_letters_name_who_and_what(post: Post) -> None:
    viewer = await member_id("viewer")
    granted = {"member_id": viewer, "change": "role_granted", "roles": ["controller"]}
    sent = await post.channel.send(outgoing("member.role_granted", granted, await member_id("admin")))

    assert sent.outcome == "delivered"
    assert post.newest().subject == "ALARM: Demo viewer now holds: controller"
    locked = outgoing("member.locked", {"member_id": viewer, "change": "locked"}, await member_id("admin"))
    await post.channel.send(locked)
    assert post.newest().subject == "ALARM: The log-in of Demo viewer was locked"


async def test_access_that_was_taken_back_is_mailed_to_admins_and_controllers(post: Post) -> None:
    connection_id = ids.new_id(ids.STRIPE_CONNECTION)
    await rows(
        "INSERT INTO stripe_connections (id, organization_id, mode, stripe_account_id, token_ciphertext, "
        "write_actions, default_currency, is_default, status, profile, created_at, name) "
        "VALUES ({}, {}, 'test', {}, '', ARRAY[]::text[], 'usd', false, 'active', jsonb_build_object(), now(), {})",
        connection_id,
        ORGANIZATION,
        f"acct_{connection_id[-8:]}",
        "Shop\r\nBcc: x@y.z",
    )
    told = {"connection_id": connection_id, "status": "revoked", "change": "revoked"}
    alarm = outgoing("connection.revoked", told, await member_id("admin"))
    assert (await post.channel.send(alarm)).outcome == "failed"  # it is not revoked

    await mark_revoked(connection_id, "Access was taken back.", post.signer)

    assert set(await post.planned("connection", told)) == {"admin", "controller", "controller2"}
    assert await post.planned("connection", {**told, "change": "granted", "status": "active"}) == {}
    assert (await post.channel.send(alarm)).outcome == "delivered"
    mail = post.newest()
    assert mail.subject == (
        f"ALARM: no access to Shop Bcc: x@y.z (acct_{connection_id[-8:]}, test mode) at Stripe any more"
    )
    assert "Bcc" not in mail.headers
    assert "Access was taken back." in mail.text
    assert f"https://console.house.example/connectors/{connection_id}" in mail.text
