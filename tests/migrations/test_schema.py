"""The schema that `axiru migrate` makes: what the tables declare, and what no process of the product can undo."""

from typing import Any

import asyncpg
import pytest

from axiru.tables import ALL_TABLES

REFUSED = (asyncpg.InsufficientPrivilegeError, asyncpg.RestrictViolationError)
EVERY_TABLE = [table._meta.tablename for table in ALL_TABLES]
APPEND_ONLY = (
    "ledger_entries",
    "votes",
    "outbox",
    "policies",
    "activations",
    "lists",
    "list_values",
    "shadow_results",
    "replay_uploads",
    "replay_findings",
    "approval_comments",
    "delivery_attempts",
    "email_links",
    "replay_objects",
)
"""The app adds to these and never changes what is there."""

DELETED_FROM = {
    "personal_values",
    "replays",
    "replay_uploads",
    "replay_findings",
    "replay_pulls",
    "replay_objects",
    "received_messages",
    "deliveries",
    "stripe_installs",
    "stripe_events",
    "budget_exhaustions",
}

CHANGES = {
    "requests": {"asked_at"},
    "observed_movements": {"stripe_status", "told_at"},
    "decisions": {"state", "reason", "message", "matched_rule", "updated_at"},
    "movements": {"state", "units", "moved_at"},
    "authorization_tokens": {"consumed_at", "consumed_by", "settled_at", "settlement", "settled_units", "settled_by"},
    "approvals": {
        "state",
        "closed_at",
        "context",
        "context_read_at",
        "assignee_member_id",
        "assigned_by",
        "assigned_at",
        "info_requested_at",
    },
    "break_glass": {"state", "confirmed_by", "confirmed_at"},
    "delegations": {"ended_at"},
    "ap2_issuers": {"removed_by", "removed_at", "removed_reason"},
    "agents": {"name", "owner_member_id", "retired_at", "scopes", "delegated_by", "expires_at"},
    "organization_settings": {
        "break_glass",
        "bypass_alerts",
        "budget_alert_percent",
        "updated_by",
        "updated_at",
    },
    "budget_exhaustions": {"told_at"},
    "breakers": {
        "name",
        "window_seconds",
        "baseline_seconds",
        "factor_percent",
        "minimum",
        "response",
        "freeze_seconds",
        "updated_at",
        "retired_at",
    },
    "breaker_trips": {"state", "control_id", "resolved_by", "resolved_reason", "resolved_at"},
    "webhook_endpoints": {
        "url",
        "description",
        "events",
        "secret_ciphertext",
        "previous_secret_ciphertext",
        "previous_secret_until",
        "previous_secret_votes",
        "votes_as",
        "disabled_at",
        "removed_at",
    },
    "wallet_policies": {"secret_ciphertext"},
    "deliveries": {"state", "attempts", "next_attempt_at", "finished_at", "last_status", "last_detail"},
    "received_messages": {"answer"},
    "password_links": {"used_at", "opened_at"},
    "slack_link_codes": {"used_at"},
    "slack_installations": {"removed_at"},
    "slack_links": {"unlinked_at"},
    "slack_messages": {"team_id", "channel_id", "ts", "posted_at"},
    "controls": {"lifted_by", "lifted_reason", "lifted_at", "in_flight"},
    "chain_heads": {"seq", "entry_hash"},
    "signing_keys": set(),
    "organizations": set(),
    "sessions": {"revoked_at", "last_seen_at"},
    "api_keys": {"revoked_at", "revoked_by", "last_used_at"},
    "policy_versions": {"status", "canary_percent", "activation_id", "activated_at", "retired_at"},
    "policy_drafts": {
        "slug",
        "format",
        "source",
        "note",
        "author_member_ids",
        "revision",
        "updated_at",
        "published_version",
        "discarded_at",
    },
    "list_versions": {"status", "activation_id", "activated_at", "retired_at"},
    "stripe_connections": {
        "name",
        "scope",
        "token_ciphertext",
        "refresh_ciphertext",
        "token_expires_at",
        "refreshed_at",
        "refreshing_until",
        "write_actions",
        "default_currency",
        "is_default",
        "status",
        "status_reason",
        "status_changed_at",
        "profile",
        "reconciled_at",
        "missed_events",
    },
    "surfaces": {"surface_mode", "updated_at", "updated_by", "reason", "override_reason"},
    "stripe_installs": {"state_hash", "browser_hash", "verifier_ciphertext", "used_at"},
    "stripe_events": {"state", "attempts", "next_attempt_at", "processed_at", "detail"},
    "disputes": {
        "charge",
        "amount_cents",
        "currency",
        "reason",
        "status",
        "evidence_due_by",
        "submission_count",
        "updated_at",
        "notices",
    },
    "evidence_packets": {"staged_at", "submitted_at", "submitted_by_decision", "submitted_degraded"},
    "undoings": {
        "state",
        "call",
        "idempotency_key",
        "attempts",
        "reason",
        "requested_by",
        "requested_at",
        "last_call_at",
        "stripe_object_id",
        "stripe_status",
        "error_code",
        "error_message",
        "settled_at",
    },
    "payout_pauses": {
        "state",
        "schedule_before",
        "attempts",
        "next_attempt_at",
        "leased_until",
        "detail",
        "updated_at",
    },
    "fail_open_programmes": {"removed_by", "removed_at"},
    "replay_pulls": {"stage", "cursor", "pulled", "covered_from", "waited_seconds", "updated_at"},
    "replays": {"state", "rows_total", "rows_done", "result", "error", "finished_at"},
}
"""The columns the app may change, of tables whose other columns never change."""

ROWS = """
INSERT INTO organizations VALUES ('org', 'Organization', now());
INSERT INTO members VALUES ('mem', 'org', 'a@b.example', 'A', 'none', '{controller}', now()),
    ('asker', 'org', 'c@d.example', 'C', 'none', '{controller}', now());
INSERT INTO policies VALUES ('org/p', 'org', 'p', now());
INSERT INTO policy_versions VALUES ('org/p/v1', 'org', 'p', 1, 'shadow', 'source', 'hash', 'mem', '', now(), now(),
    NULL, '{mem}');
INSERT INTO requests VALUES ('ed', 'org', 'test', '/', 'f', '{}', 'key', 'asker', now(), now());
INSERT INTO decisions VALUES ('ed', 'org', 'test', '/', 'f', 'pending_approval', 'review', 'r', 'm', 'x', NULL, NULL,
    NULL, NULL, NULL, 'ap', 'enforce', 'caller', NULL, '{}', 'stripe', 'refund', 1, 'usd', NULL, NULL, NULL, 'key',
    NULL, 'asker', false, 'lr', 1, now(), now(), now());
INSERT INTO approvals VALUES ('ap', 'org', 'test', 'ed', 'pending', '{"groups": [{"role": "controller", "count": 2}]}',
    'd', 'asker', now(), now() + interval '1 hour', NULL, '{asker}');
INSERT INTO votes VALUES ('vt', 'org', 'test', 'ap', 'mem', 'approve', 'controller', '{controller}', 'd', '', 'api',
    now());
INSERT INTO ledger_entries VALUES ('org', 'test', 1, 'decision', 'ed', 'b', 'p', 'h', 's', now());
INSERT INTO outbox VALUES ('org', 'test', 1, 0, 'decision', '{}', now());
INSERT INTO personal_values VALUES ('org', 'test', 1, 'ovt.context.customer_id', 's', '"cus_1"');
SET CONSTRAINTS ALL IMMEDIATE;
"""


async def test_every_declared_column_is_in_the_database_and_no_other(owner: asyncpg.Connection) -> None:
    for table in ALL_TABLES:
        declared = {
            column._meta.db_column_name: (_family(type(column).__name__), column._meta.null)
            for column in table._meta.columns
        }
        assert await _columns(owner, table._meta.tablename) == declared, table._meta.tablename


async def test_every_table_of_the_database_is_declared(owner: asyncpg.Connection) -> None:
    found = await owner.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")

    assert {table["tablename"] for table in found} == {*EVERY_TABLE, "migration"}


async def test_migrating_again_changes_nothing(database: Any, owner: asyncpg.Connection) -> None:
    before = await _everything(owner)

    again = database.migrate()

    assert again.returncode == 0, again.stderr
    assert await _everything(owner) == before


@pytest.mark.parametrize("table", EVERY_TABLE)
async def test_app_neither_truncates_nor_drops_nor_owns(app: asyncpg.Connection, table: str) -> None:
    for statement in (
        f"TRUNCATE {table} CASCADE",
        f"DROP TABLE {table} CASCADE",
        f"ALTER TABLE {table} DISABLE TRIGGER ALL",
    ):
        await _refused(app, statement)


@pytest.mark.parametrize("table", [table for table in EVERY_TABLE if table not in DELETED_FROM])
async def test_app_deletes_only_what_may_be_forgotten(app: asyncpg.Connection, table: str) -> None:
    await _refused(app, f"DELETE FROM {table}")  # noqa: S608


@pytest.mark.parametrize("table", APPEND_ONLY)
async def test_app_changes_no_column_of_what_is_only_added_to(app: asyncpg.Connection, table: str) -> None:
    for column in await _columns(app, table):
        await _refused(app, f"UPDATE {table} SET {column} = {column}")  # noqa: S608


@pytest.mark.parametrize("table", CHANGES)
async def test_app_changes_only_what_an_act_changes(app: asyncpg.Connection, table: str) -> None:
    for column in await _columns(app, table):
        statement = f"UPDATE {table} SET {column} = {column}"  # noqa: S608
        if column in CHANGES[table]:
            await app.execute(statement)
        else:
            await _refused(app, statement)


@pytest.mark.parametrize("table", ["signing_keys", "organizations"])
async def test_app_adds_no_key_that_verification_would_trust(app: asyncpg.Connection, table: str) -> None:
    await _refused(app, f"INSERT INTO {table} DEFAULT VALUES")


async def test_app_cannot_turn_the_triggers_off(app: asyncpg.Connection) -> None:
    await _refused(app, "SET LOCAL session_replication_role = replica")


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE ledger_entries SET body = 'x'",
        "UPDATE ledger_entries SET sealed_at = now()",
        "DELETE FROM ledger_entries",
        "TRUNCATE ledger_entries CASCADE",
        "TRUNCATE organizations CASCADE",
    ],
)
async def test_ledger_refuses_even_its_owner(owner: asyncpg.Connection, statement: str) -> None:
    await owner.execute(ROWS)

    await _refused(owner, statement)


@pytest.mark.parametrize(
    "change",
    [
        "source = 'x'",
        "content_hash = 'x'",
        "author_member_id = 'asker'",
        "author_member_ids = '{mem,asker}'",
        "note = 'x'",
    ],
)
async def test_published_version_refuses_even_its_owner(owner: asyncpg.Connection, change: str) -> None:
    await owner.execute(ROWS)

    await _refused(owner, f"UPDATE policy_versions SET {change}")  # noqa: S608
    await owner.execute("UPDATE policy_versions SET status = 'retired'")


@pytest.mark.parametrize(
    ("member_id", "verdict", "reason", "refusal"),
    [
        ("asker", "approve", "", "RestrictViolationError"),
        ("mem", "approve", "", "UniqueViolationError"),
        ("nobody", "approve", "", "RestrictViolationError"),
        ("other", "deny", "", "CheckViolationError"),
        ("other", "perhaps", "x", "CheckViolationError"),
    ],
    ids=["by the requester", "twice", "by nobody", "a denial without a reason", "neither yes nor no"],
)
async def test_database_refuses_a_vote_that_no_act_would_cast(
    owner: asyncpg.Connection, member_id: str, verdict: str, reason: str, refusal: str
) -> None:
    await owner.execute(ROWS)
    await owner.execute("INSERT INTO members VALUES ('other', 'org', 'e@f.example', 'E', 'none', '{}', now())")

    with pytest.raises(getattr(asyncpg, refusal)):
        await owner.execute(
            "INSERT INTO votes VALUES ('v2', 'org', 'test', 'ap', $1, $2, 'controller', '{}', 'd', $3, 'api', now())",
            member_id,
            verdict,
            reason,
        )


async def _refused(connection: asyncpg.Connection, statement: str) -> None:
    """Fails unless the statement is refused; the transaction around it goes on."""
    savepoint = connection.transaction()
    await savepoint.start()
    try:
        with pytest.raises(REFUSED):
            await connection.execute(statement)
    finally:
        await savepoint.rollback()


async def _columns(connection: asyncpg.Connection, table: str) -> dict[str, tuple[str, bool]]:
    """Column name to family of its type, and whether it may be NULL."""
    found = await connection.fetch(
        "SELECT attname, format_type(atttypid, atttypmod) AS type, attnotnull FROM pg_attribute "
        "WHERE attrelid = $1::text::regclass AND attnum > 0 AND NOT attisdropped",
        table,
    )
    return {column["attname"]: (_family(column["type"]), not column["attnotnull"]) for column in found}


def _family(sql_type: str) -> str:
    """One name for what a column's class and PostgreSQL's catalog call differently."""
    name = sql_type.lower()
    return {"timestamp with time zone": "timestamptz", "array": "text[]"}.get(name, name)


async def _everything(connection: asyncpg.Connection) -> list[Any]:
    """Columns, constraints, indexes, triggers, functions and grants, as the catalog spells them."""
    found = await connection.fetch(
        """
        SELECT 'column', c.relname, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull::text
            FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
            WHERE c.relnamespace = 'public'::regnamespace AND a.attnum > 0
        UNION ALL SELECT 'constraint', conrelid::regclass::text, conname, pg_get_constraintdef(oid), ''
            FROM pg_constraint WHERE connamespace = 'public'::regnamespace
        UNION ALL SELECT 'index', tablename, indexname, indexdef, '' FROM pg_indexes WHERE schemaname = 'public'
        UNION ALL SELECT 'trigger', tgrelid::regclass::text, tgname, pg_get_triggerdef(oid), tgenabled::text
            FROM pg_trigger WHERE NOT tgisinternal
        UNION ALL SELECT 'function', proname, '', prosrc, '' FROM pg_proc WHERE pronamespace = 'public'::regnamespace
        UNION ALL SELECT 'grants', relname, '', relacl::text, '' FROM pg_class
            WHERE relnamespace = 'public'::regnamespace
        UNION ALL SELECT 'migration', name, '', '', '' FROM migration
        ORDER BY 1, 2, 3, 4
        """
    )
    return [tuple(row) for row in found]
