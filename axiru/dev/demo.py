"""The demo organization: what a local stack starts with, so that the product pages' requests work unchanged."""

import secrets
from datetime import UTC, datetime
from pathlib import Path

import msgspec
from argon2 import PasswordHasher

from axiru import ids
from axiru.database import connected, row, rows
from axiru.dev.demo_agents import register_agents
from axiru.dev.dev_json import DEMO_ORGANIZATION_ID, DevUser
from axiru.dev.files import write_private
from axiru.dev.home import Home
from axiru.dev.slack_sandbox.people import BOT_TOKEN, CHANNEL_ID, TEAM_ID
from axiru.domain.movement import Mode
from axiru.settings import Settings
from axiru.vault import Vault, token_context
from ledger.acts.activate import activate
from ledger.acts.chain import begin_chain
from ledger.acts.drafts import save_draft
from ledger.acts.publish import publish
from ledger.acts.slack import install_slack
from ledger.keys import ensure_signing_key, load_signer
from ledger.signing import Signer
from ledger.token_keys import KeyTimes, ensure_token_key
from policies import pack, parse

MODES: tuple[Mode, ...] = ("live", "test")
PACKS = ("refunds-starter", "daa-starter")
ENFORCED = (("stripe", "refund"), ("stripe_daa", "agent_payment"), ("stripe_daa", "agent_payout"))
WRITE_ACTIONS = ["refund", "payout", "transfer", "app_fee_refund", "dispute"]
KEY_RATE_PER_MINUTE = 6_000

ROLES = {
    "viewer": "viewer",
    "support": "support",
    "finance": "finance_manager",
    "controller": "controller",
    "controller2": "controller",
    "admin": "admin",
    "agents": "agent_owner",
}
"""Log-in name → role. Two controllers, so that one of them is never the person who asked."""

KEY_SCOPES = {"decisions": ["decisions:write"], "authorizations": ["authorizations:write"], "admin": ["admin"]}


class DemoOrganization(msgspec.Struct, frozen=True):
    """What a person or a test needs to use the demo organization; kept in the home with mode 0600."""

    organization_id: str
    api_keys: dict[str, str]
    users: list[DevUser]
    slack_signing_secret: str
    stripe_webhook_secret: str
    agent_api_keys: dict[str, str] = {}


async def seed_demo(settings: Settings, home: Path, *, admin_url: str) -> DemoOrganization:
    """Make the organization on the first start; later starts find it with the same keys and passwords.

    Works as the owner of the tables: signing keys and organizations are not for processes to add.
    """
    kept = home / "demo.json"
    if kept.exists():
        return msgspec.json.decode(kept.read_bytes(), type=DemoOrganization)
    secrets_of_home = Home(home).secrets()
    vault = Vault.from_settings(settings)
    async with connected(msgspec.structs.replace(settings, database_url=admin_url)):
        await ensure_signing_key(vault)
        await ensure_token_key(vault, KeyTimes.from_settings(settings))
        signer = await load_signer(vault)
        demo = await _make(vault, signer)
        if settings.slack_signing_secret:
            await install_slack(
                organization_id=demo.organization_id,
                by_member_id=await _member_id("admin@demo.example"),
                team_id=TEAM_ID,
                channel_id=CHANNEL_ID,
                bot_token=BOT_TOKEN,
                vault=vault,
                signer=signer,
            )
    demo = msgspec.structs.replace(
        demo,
        slack_signing_secret=secrets_of_home.slack_signing_secret,
        stripe_webhook_secret=secrets_of_home.stripe_webhook_secret,
    )
    write_private(kept, msgspec.json.format(msgspec.json.encode(demo)))
    return demo


async def _make(vault: Vault, signer: Signer) -> DemoOrganization:
    organization_id = DEMO_ORGANIZATION_ID
    now = datetime.now(UTC)
    # A start that was cut short left a part of it behind; nobody has its keys, so it is completed under new ones.
    await rows(
        "INSERT INTO organizations (id, name, created_at) VALUES ({}, 'Demo organization', {}) ON CONFLICT DO NOTHING",
        organization_id,
        now,
    )
    for mode in MODES:
        await begin_chain(organization_id, mode)
    users = [await _member(organization_id, login, role, now) for login, role in ROLES.items()]
    admin_id = await _member_id("admin@demo.example")
    api_keys = {
        name: await _api_key(organization_id, name, scopes, admin_id, now) for name, scopes in KEY_SCOPES.items()
    }
    await _connection(organization_id, "stripe_conn_demo", "acct_demo", WRITE_ACTIONS, vault, now, is_default=True)
    await _connection(organization_id, "stripe_conn_abc123", "acct_abc123", [], vault, now, is_default=False)
    agent_api_keys = await register_agents(
        organization_id,
        owner_id=await _member_id("agents@demo.example"),
        admin_id=admin_id,
        mode="test",
        rate_per_minute=KEY_RATE_PER_MINUTE,
        signer=signer,
    )
    for rail, rail_action in ENFORCED:
        await _enforce(organization_id, rail, rail_action, now)
    author_id, activator_id = await _member_id("finance@demo.example"), await _member_id("controller@demo.example")
    for name in PACKS:
        await _in_force(organization_id, pack(name), author_id, activator_id, signer)
    return DemoOrganization(organization_id, api_keys, users, "", "", agent_api_keys)


async def _member(organization_id: str, login: str, role: str, now: datetime) -> DevUser:
    user = DevUser(email=f"{login}@demo.example", password=secrets.token_urlsafe(12), roles=[role])
    await rows(
        "INSERT INTO members (id, organization_id, email, name, password_hash, roles, created_at) "
        "VALUES ({}, {}, {}, {}, {}, {}, {}) ON CONFLICT (email) DO UPDATE SET password_hash = excluded.password_hash",
        ids.new_id(ids.MEMBER),
        organization_id,
        user.email,
        f"Demo {login}",
        PasswordHasher().hash(user.password),
        user.roles,
        now,
    )
    return user


async def _member_id(email: str) -> str:
    found = await row("SELECT id FROM members WHERE email = {}", email)
    if found is None:
        raise LookupError(email)
    return str(found["id"])


async def _api_key(organization_id: str, name: str, scopes: list[str], owner_id: str, now: datetime) -> str:
    issued = ids.new_api_key("test")
    await rows(
        "INSERT INTO api_keys (id, organization_id, mode, name, secret_hash, hint, scopes, owner_member_id, "
        "rate_per_minute, outcome_style, created_at) VALUES ({}, {}, 'test', {}, {}, {}, {}, {}, {}, 'reference', {})",
        ids.new_id(ids.API_KEY),
        organization_id,
        f"demo {name}",
        issued.secret_hash,
        issued.secret[-4:],
        scopes,
        owner_id,
        KEY_RATE_PER_MINUTE,
        now,
    )
    return issued.secret


async def _connection(
    organization_id: str,
    connection_id: str,
    account_id: str,
    write_actions: list[str],
    vault: Vault,
    now: datetime,
    *,
    is_default: bool,
) -> None:
    token = f"sk_test_{secrets.token_hex(12)}"
    await rows(
        "INSERT INTO stripe_connections (id, organization_id, mode, stripe_account_id, token_ciphertext, "
        "write_actions, default_currency, is_default, status, profile, created_at) "
        "VALUES ({}, {}, 'test', {}, {}, {}, 'usd', {}, 'active', jsonb_build_object(), {}) ON CONFLICT DO NOTHING",
        connection_id,
        organization_id,
        account_id,
        vault.seal(token.encode(), context=token_context(organization_id, connection_id)),
        write_actions,
        is_default,
        now,
    )


async def _enforce(organization_id: str, rail: str, rail_action: str, now: datetime) -> None:
    await rows(
        "INSERT INTO surfaces (id, organization_id, mode, stripe_connection_id, rail, rail_action, surface_mode, "
        "updated_at) VALUES ({}, {}, 'test', '', {}, {}, 'enforce', {}) ON CONFLICT DO NOTHING",
        f"{organization_id}/test/{rail}.{rail_action}",
        organization_id,
        rail,
        rail_action,
        now,
    )


async def _in_force(organization_id: str, source: str, author_id: str, activator_id: str, signer: Signer) -> None:
    """One member publishes, another activates. A start that was cut short between the two is taken up there."""
    newest = await row(
        "SELECT id FROM policy_versions WHERE organization_id = {} AND slug = {} ORDER BY version DESC LIMIT 1",
        organization_id,
        parse(source).slug,
    )
    if newest is None:
        draft = await save_draft(
            organization_id=organization_id,
            member_id=author_id,
            text=source,
            format="yaml",
            note="The starter pack as shipped",
        )
        published = await publish(draft.id, organization_id=organization_id, member_id=author_id, signer=signer)
        version_id = published.version_id
    else:
        version_id = newest["id"]
    await activate(version_id, organization_id=organization_id, member_id=activator_id, signer=signer)
