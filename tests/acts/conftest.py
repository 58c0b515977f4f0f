"""Acts on a real PostgreSQL. Every test has an organization of its own, so none sees what another sealed."""

import os
import secrets
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import msgspec
import pytest

from axiru import ids
from axiru.database import connected, row, rows
from axiru.dev.demo import seed_demo
from axiru.dev.dev_json import DevJson
from axiru.dev.home import Home
from axiru.domain.approval import Ballot, Verdict, VoteReceipt
from axiru.domain.decision import DecisionReceipt
from axiru.domain.movement import Amount, Context, Initiator, Merchant, Mode, Ovt, Target
from axiru.settings import Settings
from axiru.tables import ALL_TABLES, ChainHead
from axiru.vault import Vault
from ledger.acts.activate import activate
from ledger.acts.chain import act, begin_chain
from ledger.acts.decide import decide
from ledger.acts.drafts import save_draft
from ledger.acts.publish import publish
from ledger.acts.standing import CompiledVersions
from ledger.acts.vote import cast_vote
from ledger.keys import load_signer
from ledger.signing import Signer

POLICY = """
policy: refunds
schema: 2
applies_to: {rail: stripe}
rules:
  - id: too_much
    when: {amount: {currency: usd, gt: 90000}}
    effect: deny
  - id: large
    when: {amount: {currency: usd, gt: 15000}}
    effect: review
    approvers: {role: controller, deadline: 1h}
"""

ROLES = {
    "author": ["finance_manager"],
    "requester": ["controller"],
    "controller": ["controller"],
    "controller2": ["controller"],
    "finance": ["finance_manager"],
    "viewer": ["viewer"],
    "admin": ["admin"],
    "support": ["support"],
}
"""Every member the tests know by login; the requester owns the key and would be eligible but for that."""


@pytest.fixture(scope="session")
def migrated(infrastructure: DevJson) -> DevJson:
    """The infrastructure with the product's schema in its database."""
    subprocess.run(
        [sys.executable, "-P", "-m", "axiru.cli", "migrate"],
        check=True,
        env=os.environ
        | {
            "AXIRU_DATABASE_ADMIN_URL": infrastructure.database_admin_url,
            "AXIRU_APP_ROLE_PASSWORD": urlsplit(infrastructure.database_url).password or "",
        },
    )
    return infrastructure


@pytest.fixture(scope="session")
async def settings(migrated: DevJson) -> Settings:
    """Settings of a database that has a signing key."""
    home = Home(Path(migrated.home))
    settings = Settings(database_url=migrated.database_url, vault_key_file=str(home.vault_key()))
    await seed_demo(settings, home.directory, admin_url=migrated.database_admin_url)
    return settings


@pytest.fixture(scope="module", autouse=True)
async def signer(settings: Settings) -> AsyncIterator[Signer]:
    """The pool of this module, and the key its acts seal with. The tables are bound back when it closes."""
    before = ChainHead._meta._db
    async with connected(settings):
        yield await load_signer(Vault.from_settings(settings))
    for table in ALL_TABLES:
        table._meta._db = before


@pytest.fixture
async def superuser(infrastructure: DevJson) -> AsyncIterator[asyncpg.Connection]:
    """A connection as the owner of the tables, with triggers turned off: somebody who means harm."""
    connection = await asyncpg.connect(infrastructure.database_admin_url)
    await connection.execute("SET session_replication_role = replica")
    yield connection
    await connection.close()


class House:
    """One organization and the acts on it."""

    def __init__(self, organization_id: str, signer: Signer, members: dict[str, str]) -> None:
        self.id = organization_id
        self.signer = signer
        self.members = members
        self.compiled = CompiledVersions()

    async def enforce(self, rail_action: str = "refund", mode: Mode = "test") -> None:
        await rows(
            "INSERT INTO surfaces (id, organization_id, mode, stripe_connection_id, rail, rail_action, surface_mode, "
            "updated_at) VALUES ({}, {}, {}, '', 'stripe', {}, 'enforce', now())",
            secrets.token_hex(8),
            self.id,
            mode,
            rail_action,
        )

    async def publish(self, source: str, login: str = "author") -> str:
        """A published version, not active yet; returns its id."""
        draft = await save_draft(
            organization_id=self.id, member_id=self.members[login], text=source, format="yaml", note="why"
        )
        published = await publish(draft.id, organization_id=self.id, member_id=self.members[login], signer=self.signer)
        return published.version_id

    async def sealed(self, kind: str, data: dict[str, Any], sql: str, *arguments: Any) -> None:
        """Run `sql` with an entry about it, as acts do."""
        async with act(self.signer, self.id, "test") as sealing:
            sealing.seal(kind, data)
            await rows(sql, *arguments)

    async def activate(self, source: str) -> str:
        version_id = await self.publish(source)
        await activate(version_id, organization_id=self.id, member_id=self.members["controller"], signer=self.signer)
        return version_id

    async def ask(self, ovt: Ovt, mode: Mode = "test", endpoint: str = "/api/v1/decisions") -> str:
        """Record a request as intake does; returns its decision id."""
        decision_id = ids.new_id(ids.DECISION)
        await rows(
            "INSERT INTO requests VALUES ({}, {}, {}, {}, {}, {}::jsonb, {}, {}, clock_timestamp(), clock_timestamp())",
            decision_id,
            self.id,
            mode,
            endpoint,
            "f" * 64,
            msgspec.json.encode(ovt).decode(),
            "key_1",
            self.members["requester"],
        )
        return decision_id

    async def decide(self, decision_id: str) -> DecisionReceipt:
        return await decide(decision_id, signer=self.signer, compiled=self.compiled)

    async def decided(self, ovt: Ovt, mode: Mode = "test") -> DecisionReceipt:
        return await self.decide(await self.ask(ovt, mode))

    async def vote(
        self,
        approval_id: str | None,
        login: str = "controller",
        verdict: Verdict = "approve",
        reason: str = "",
        digest: str | None = None,
    ) -> VoteReceipt:
        assert approval_id is not None
        ballot = Ballot(approval_id, self.id, self.members[login], verdict, reason, "api", digest)
        return await cast_vote(ballot, signer=self.signer)

    async def entries(self, kind: str | None = None, mode: Mode = "test") -> list[dict[str, Any]]:
        """Sealed entries in order, each with its `data` beside the columns."""
        found = await rows(
            "SELECT * FROM ledger_entries WHERE organization_id = {} AND mode = {} ORDER BY seq", self.id, mode
        )
        read = [{**entry, "data": msgspec.json.decode(bytes(entry["body"]))["data"]} for entry in found]
        return [entry for entry in read if kind in {None, entry["kind"]}]

    async def state(self, decision_id: str) -> str:
        found = await row("SELECT state FROM decisions WHERE id = {}", decision_id)
        assert found is not None
        return str(found["state"])

    async def movement(self, decision_id: str) -> str | None:
        """The state of what the budget counts."""
        found = await row("SELECT state FROM movements WHERE decision_id = {}", decision_id)
        return str(found["state"]) if found else None


NewHouse = Callable[[], Awaitable[House]]


@pytest.fixture
def new_house(signer: Signer, infrastructure: DevJson) -> NewHouse:
    """Makes an organization with members and chains; no policy, every surface in shadow."""

    async def make() -> House:
        organization_id = f"org_{secrets.token_hex(6)}"
        now = datetime.now(UTC)
        owner = await asyncpg.connect(infrastructure.database_admin_url)
        await owner.execute("INSERT INTO organizations VALUES ($1, 'Organization', $2)", organization_id, now)
        await owner.close()
        members = {login: ids.new_id(ids.MEMBER) for login in ROLES}
        for login, roles in ROLES.items():
            await rows(
                "INSERT INTO members VALUES ({}, {}, {}, {}, 'none', {}, {}, NULL)",
                members[login],
                organization_id,
                f"{login}@{organization_id}.example",
                login,
                roles,
                now,
            )
        await rows(
            "INSERT INTO stripe_connections VALUES ({}, {}, 'test', 'acct_demo', {}, {}, 'usd', true, 'active', "
            "jsonb_build_object(), {})",
            f"stripe_conn_{organization_id}",
            organization_id,
            b"",
            ["refund"],
            now,
        )
        for mode in ("live", "test"):
            await begin_chain(organization_id, mode)
        return House(organization_id, signer, members)

    return make


@pytest.fixture
async def house(new_house: NewHouse) -> House:
    """An organization that enforces refunds under `POLICY`."""
    made = await new_house()
    await made.activate(POLICY)
    await made.enforce()
    return made


MakeRefund = Callable[..., Ovt]


@pytest.fixture
def refund() -> MakeRefund:
    """The OVT of a refund; by default Axiru executes it on the organization's own connection."""

    def make(
        house: House,
        amount_cents: int = 5_000,
        *,
        execute: str = "axiru",
        rail_action: str = "refund",
        charge: str = "ch_1",
        metadata: dict[str, str] | None = None,
        **context: Any,
    ) -> Ovt:
        return Ovt(
            rail="stripe",
            rail_action=rail_action,
            amount=Amount(str(amount_cents), "usd"),
            initiator=Initiator("api_key", "key_1"),
            merchant=Merchant(stripe_connection_id=f"stripe_conn_{house.id}"),
            target=Target(charge=charge),
            context=msgspec.convert(context, Context),
            metadata=metadata or {},
            execute="caller" if execute == "caller" else "axiru",
        )

    return make
