"""One organization on a real PostgreSQL, and the acts on it by people's names: what the model is compared with."""

import asyncio
import os
import secrets
import subprocess
import sys
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

import asyncpg
import msgspec

from axiru import ids
from axiru.database import connected, row, rows
from axiru.dev.dev_json import DevJson
from axiru.dev.home import Home
from axiru.domain.approval import Ballot, Verdict
from axiru.domain.execution import Blocked, ExecutionResult, Held, Intent
from axiru.domain.movement import Amount, Execute, Initiator, Merchant, Ovt, Target
from axiru.errors import AxiruError
from axiru.settings import Settings
from axiru.tables import ALL_TABLES, ChainHead
from axiru.vault import Vault
from ledger.acts.activate import activate
from ledger.acts.break_glass import confirm_glass, open_glass, withdraw_glass
from ledger.acts.chain import begin_chain
from ledger.acts.control import engage, lift
from ledger.acts.decide import decide
from ledger.acts.delegate import delegate, end_delegation
from ledger.acts.drafts import save_draft
from ledger.acts.intend import NotExecutable, intend
from ledger.acts.publish import publish
from ledger.acts.settle import settle
from ledger.acts.standing import CompiledVersions
from ledger.acts.vote import cast_vote, expire_approval
from ledger.eligibility import eligible_voters
from ledger.keys import ensure_signing_key, load_signer
from ledger.signing import Signer

AGENT = "agent_of_the_owner"
WITHOUT_TRIGGERS = "&session_replication_role=replica"
NO_WAIT_FOR_DISK = "?synchronous_commit=off"

_POLICY = """
policy: refunds
schema: 2
applies_to: {{rail: stripe}}
rules:
  - id: too_much
    when: {{amount: {{currency: usd, gt: {limit}}}}}
    effect: deny
  - id: three
    when: {{amount: {{currency: usd, gt: 60000}}}}
    effect: review
    approvers:
      groups: [{{role: controller, count: 2}}, {{role: finance_manager}}]
      deadline: 24h
      escalate: [{{after: 4h, role: admin}}]
  - id: two
    when: {{amount: {{currency: usd, gt: 40000, lte: 60000}}}}
    effect: review
    approvers:
      groups: [{{role: controller}}, {{role: finance_manager}}]
      deadline: 24h
      escalate: [{{after: 4h, role: admin}}]
  - id: one
    when: {{amount: {{currency: usd, gt: 20000, lte: 40000}}}}
    effect: review
    approvers: {{role: controller, deadline: 24h, escalate: [{{after: 4h, role: admin}}]}}
"""
LIMITS = {"usual": 90_000, "strict": 45_000}

_Result = TypeVar("_Result")


class Ground(msgspec.Struct, frozen=True):
    """What all worlds of one run share: a loop, the pool bound in it, the key, and a way past every trigger."""

    runner: asyncio.Runner
    signer: Signer
    owner: asyncpg.Connection

    def run(self, act: Coroutine[Any, Any, _Result]) -> _Result:
        return self.runner.run(act)


@contextmanager
def ground(infrastructure: DevJson, *, triggers: bool) -> Iterator[Ground]:
    """A migrated database with a signing key. Without `triggers` the acts are on their own."""
    _migrate(infrastructure)
    settings = Settings(
        database_url=infrastructure.database_url + NO_WAIT_FOR_DISK,
        vault_key_file=str(Home(Path(infrastructure.home)).vault_key()),
    )
    vault = Vault.from_settings(settings)
    as_owner = msgspec.structs.replace(settings, database_url=infrastructure.database_admin_url)
    past_triggers = infrastructure.database_admin_url + NO_WAIT_FOR_DISK + WITHOUT_TRIGGERS
    before = ChainHead._meta._db
    with asyncio.Runner() as runner:
        with _pool(runner, as_owner):
            runner.run(ensure_signing_key(vault))
        owner = runner.run(asyncpg.connect(past_triggers))
        with _pool(runner, settings if triggers else msgspec.structs.replace(settings, database_url=past_triggers)):
            yield Ground(runner, runner.run(load_signer(vault)), owner)
        runner.run(owner.close())
    for table in ALL_TABLES:
        table._meta._db = before


@contextmanager
def _pool(runner: asyncio.Runner, settings: Settings) -> Iterator[None]:
    pool = connected(settings)
    runner.run(pool.__aenter__())
    try:
        yield
    finally:
        runner.run(pool.__aexit__(None, None, None))


def _migrate(infrastructure: DevJson) -> None:
    subprocess.run(
        [sys.executable, "-P", "-m", "axiru.cli", "migrate"],
        check=True,
        capture_output=True,
        env=os.environ
        | {
            "AXIRU_DATABASE_ADMIN_URL": infrastructure.database_admin_url,
            "AXIRU_APP_ROLE_PASSWORD": urlsplit(infrastructure.database_url).password or "",
        },
    )


class World:
    """Every method is one act of one person; False where the act refused."""

    def __init__(self, ground: Ground, people: dict[str, set[str]], asker: str, owner: str) -> None:
        self.ground = ground
        self.id = f"org_{secrets.token_hex(6)}"
        self.members = {name: ids.new_id(ids.MEMBER) for name in people}
        # Puts policies in force and has no vote, so that the model need not know of it.
        self.officer = ids.new_id(ids.MEMBER)
        self.names = {self.officer: "officer", **{member_id: name for name, member_id in self.members.items()}}
        self.asker = asker
        self.compiled = CompiledVersions()
        self.kill_switch: str | None = None
        self.holds: dict[str, str] = {}
        ground.run(self._found(people, owner))

    async def _found(self, people: dict[str, set[str]], owner: str) -> None:
        await self.ground.owner.execute("INSERT INTO organizations VALUES ($1, 'Organization', now())", self.id)
        for name, member_id, roles in (
            *((name, self.members[name], roles) for name, roles in people.items()),
            ("officer", self.officer, {"viewer"}),
        ):
            await rows(
                "INSERT INTO members VALUES ({}, {}, {}, {}, 'none', {}, now(), NULL)",
                member_id,
                self.id,
                f"{name}@{self.id}.example",
                name,
                sorted(roles),
            )
        await rows(
            "INSERT INTO stripe_connections VALUES ({}, {}, 'test', 'acct_1', {}, {}, 'usd', true, 'active', "
            "jsonb_build_object(), now())",
            f"conn_{self.id}",
            self.id,
            b"",
            ["refund"],
        )
        await rows(
            "INSERT INTO surfaces VALUES ({}, {}, 'test', '', 'stripe', 'refund', 'enforce', now())",
            secrets.token_hex(8),
            self.id,
        )
        await self.ground.owner.execute(
            "INSERT INTO agents VALUES ($1, $2, $3, 'Agent', $4, $4, now())",
            ids.new_id(ids.AGENT),
            self.id,
            AGENT,
            self.members[owner],
        )
        for mode in ("live", "test"):
            await begin_chain(self.id, mode)
        self.versions = {name: await self._published(_POLICY.format(limit=limit)) for name, limit in LIMITS.items()}
        await self._activate("usual")

    async def _published(self, source: str) -> str:
        author = self.members[self.asker]
        draft = await save_draft(organization_id=self.id, member_id=author, text=source, format="yaml", note="why")
        published = await publish(draft.id, organization_id=self.id, member_id=author, signer=self.ground.signer)
        return published.version_id

    async def _activate(self, name: str) -> None:
        await activate(self.versions[name], organization_id=self.id, member_id=self.officer, signer=self.ground.signer)

    def _does(self, act: Coroutine[Any, Any, Any]) -> Any:
        """What the act returned, or False where it refused; anything else that goes wrong is a finding."""
        try:
            return self.ground.run(act)
        except AxiruError:
            return False

    # Asking

    def ask(self, amount: int, execute: Execute, by_agent: bool) -> str:
        return self.ground.run(self._ask(amount, execute, by_agent))

    async def _ask(self, amount: int, execute: Execute, by_agent: bool) -> str:
        decision_id = ids.new_id(ids.DECISION)
        ovt = Ovt(
            rail="stripe",
            rail_action="refund",
            amount=Amount(str(amount), "usd"),
            initiator=Initiator("api_key", "key_1"),
            merchant=Merchant(stripe_connection_id=f"conn_{self.id}"),
            target=Target(charge="ch_1"),
            metadata={"agent_id": AGENT} if by_agent else {},
            execute=execute,
        )
        await rows(
            "INSERT INTO requests VALUES ({}, {}, 'test', '/api/v1/decisions', {}, {}::jsonb, 'key_1', {}, "
            "clock_timestamp(), clock_timestamp())",
            decision_id,
            self.id,
            "f" * 64,
            msgspec.json.encode(ovt).decode(),
            self.members[self.asker],
        )
        await decide(decision_id, signer=self.ground.signer, compiled=self.compiled)
        return decision_id

    def stands(self) -> dict[str, tuple[str, str | None, int]]:
        """Of every decision its state, its approval's, and how many calls were intended for it."""
        found = self.ground.run(
            rows(
                """
                SELECT d.id, d.state, a.state AS approval, (SELECT count(*) FROM ledger_entries e
                    WHERE e.decision_id = d.id AND e.kind = 'execution_intent') AS intents
                FROM decisions d LEFT JOIN approvals a ON a.decision_id = d.id WHERE d.organization_id = {}
                """,
                self.id,
            )
        )
        return {one["id"]: (one["state"], one["approval"], one["intents"]) for one in found}

    # Voting

    def ballot(self, decision_id: str, name: str, verdict: Verdict, shown: str) -> Ballot:
        approval = self._approval(decision_id)
        digest = {"right": approval["digest"], "wrong": "0" * 64, "none": None}[shown]
        return Ballot(approval["id"], self.id, self.members[name], verdict, "because", "api", digest)

    def vote(self, ballot: Ballot) -> bool:
        return bool(self._does(cast_vote(ballot, signer=self.ground.signer)))

    def voters(self, decision_id: str) -> dict[str, str]:
        """Who may vote, and in whose seat."""
        found = self.ground.run(eligible_voters(self._approval(decision_id)["id"]))
        return {self.names[one.member_id]: self.names[one.on_behalf_of or one.member_id] for one in found}

    def expire(self, decision_id: str) -> None:
        approval_id = self._approval(decision_id)["id"]
        self.ground.run(expire_approval(approval_id, organization_id=self.id, mode="test", signer=self.ground.signer))

    def _approval(self, decision_id: str) -> dict[str, Any]:
        found = self.ground.run(row("SELECT id, digest FROM approvals WHERE decision_id = {}", decision_id))
        assert found is not None
        return found

    # Standing in

    def delegate(self, by: str, absent: str, to: str, starts_in_minutes: int, lasts_minutes: int) -> str | None:
        starts_at = datetime.now(UTC) + timedelta(minutes=starts_in_minutes)
        receipt = self._does(
            delegate(
                organization_id=self.id,
                member_id=self.members[by],
                from_member_id=self.members[absent],
                to_member_id=self.members[to],
                starts_at=starts_at if starts_in_minutes else None,
                ends_at=starts_at + timedelta(minutes=lasts_minutes),
                reason="away",
                signer=self.ground.signer,
            )
        )
        return str(receipt.delegation_id) if receipt else None

    def end_delegation(self, delegation_id: str, by: str) -> bool:
        ending = end_delegation(
            delegation_id, organization_id=self.id, member_id=self.members[by], signer=self.ground.signer
        )
        return bool(self._does(ending))

    # Breaking the glass

    def choose_glass(self, rule: str) -> None:
        self.ground.run(
            self.ground.owner.execute(
                "INSERT INTO organization_settings VALUES ($1, $2, $3, now()) ON CONFLICT (organization_id) DO UPDATE "
                "SET break_glass = excluded.break_glass",
                self.id,
                rule,
                self.members[self.asker],
            )
        )

    def open_glass(self, decision_id: str, name: str, alone: bool, shown: str) -> str | None:
        approval = self._approval(decision_id)
        receipt = self._does(
            open_glass(
                approval["id"],
                organization_id=self.id,
                member_id=self.members[name],
                reason="fire",
                alone=alone,
                digest=approval["digest"] if shown == "right" else "0" * 64,
                signer=self.ground.signer,
            )
        )
        return str(receipt.break_glass_id) if receipt else None

    def confirm_glass(self, break_glass_id: str, name: str) -> bool:
        acting = {"organization_id": self.id, "member_id": self.members[name], "signer": self.ground.signer}
        return bool(self._does(confirm_glass(break_glass_id, **acting)))

    def withdraw_glass(self, break_glass_id: str, name: str) -> bool:
        acting = {"organization_id": self.id, "member_id": self.members[name], "signer": self.ground.signer}
        return bool(self._does(withdraw_glass(break_glass_id, **acting)))

    # People, policy and time change

    def set_roles(self, name: str, roles: set[str]) -> None:
        self.ground.run(rows("UPDATE members SET roles = {} WHERE id = {}", sorted(roles), self.members[name]))

    def set_disabled(self, name: str, disabled: bool) -> None:
        disabled_at = datetime.now(UTC) if disabled else None
        self.ground.run(rows("UPDATE members SET disabled_at = {} WHERE id = {}", disabled_at, self.members[name]))

    def pass_agent_on(self, name: str) -> None:
        self.ground.run(
            self.ground.owner.execute(
                "UPDATE agents SET owner_member_id = $1 WHERE organization_id = $2", self.members[name], self.id
            )
        )

    def set_policy(self, name: str) -> None:
        self.ground.run(self._activate(name))

    def pass_time(self, minutes: int) -> None:
        """Everything that was written moves into the past; the app itself could move nothing."""
        for table, columns in {
            "approvals": ("asked_at", "expires_at"),
            "delegations": ("created_at", "starts_at", "ends_at"),
            "break_glass": ("opened_at", "expires_at"),
        }.items():
            earlier = ", ".join(f"{column} = {column} - make_interval(mins => $2)" for column in columns)
            self.ground.run(
                self.ground.owner.execute(
                    f"UPDATE {table} SET {earlier} WHERE organization_id = $1",  # noqa: S608
                    self.id,
                    minutes,
                )
            )

    def tamper(self, decision_id: str, amount: int) -> None:
        """Somebody who owns the tables changes what doors show."""
        self.ground.run(
            self.ground.owner.execute(
                "UPDATE requests SET ovt = jsonb_set(ovt, '{amount,units}', to_jsonb($2::text)) WHERE decision_id = $1",
                decision_id,
                str(amount),
            )
        )

    # Stopping and executing

    def engage_kill_switch(self, by: str) -> None:
        self.kill_switch = self._engage(by, "kill_switch", {})

    def lift_kill_switch(self, by: str) -> None:
        assert self.kill_switch is not None
        self._lift(by, self.kill_switch)

    def hold(self, by: str, decision_id: str) -> bool:
        held = self._engage(by, "hold", {"decision_id": decision_id})
        if held:
            self.holds[decision_id] = held
        return bool(held)

    def release(self, by: str, decision_id: str) -> bool:
        return self._lift(by, self.holds[decision_id])

    def _engage(self, by: str, kind: Any, scope: dict[str, str]) -> str | None:
        receipt = self._does(
            engage(
                organization_id=self.id,
                member_id=self.members[by],
                kind=kind,
                scope=scope,
                applies_to="test",
                reason="a test",
                expires_at=None,
                signer=self.ground.signer,
            )
        )
        return str(receipt.control_id) if receipt else None

    def _lift(self, by: str, control_id: str) -> bool:
        lifting = lift(
            organization_id=self.id,
            member_id=self.members[by],
            control_id=control_id,
            reason="over",
            signer=self.ground.signer,
        )
        return bool(self._does(lifting))

    def execute(self, decision_id: str) -> tuple[str, int | None]:
        """Ask for leave to call Stripe, and settle at once what was called; with the amount of the call."""
        return self.ground.run(self._execute(decision_id))

    async def _execute(self, decision_id: str) -> tuple[str, int | None]:
        acting: dict[str, Any] = {"organization_id": self.id, "mode": "test", "signer": self.ground.signer}
        try:
            intended = await intend(decision_id, uncertain_seconds=0, **acting)
        except NotExecutable:
            return "refused", None
        match intended:
            case Held():
                return "held", None
            case Blocked():
                return "blocked", None
            case Intent(call=call):
                await settle(decision_id, ExecutionResult(True, "re_1", "succeeded"), **acting)
                amount = call.parameters["amount"]
                assert isinstance(amount, int)
                return "call", amount
