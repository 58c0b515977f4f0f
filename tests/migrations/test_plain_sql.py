"""What somebody who can run any SQL as `axiru_app` cannot do: change what decides alone, or without a sealed entry."""

# ruff: noqa: S608 - every name spliced in is the test's own

import itertools
from typing import Any

import asyncpg
import msgspec
import pytest

SETTING = """
INSERT INTO organizations VALUES ('org', 'Organization', now()), ('else', 'Elsewhere', now());
INSERT INTO members VALUES ('author', 'org', 'a@b.example', 'A', 'none', '{admin}', now(), NULL),
    ('second', 'org', 'c@d.example', 'C', 'none', '{admin}', now(), NULL),
    ('gone', 'org', 'e@f.example', 'E', 'none', '{admin}', now(), now()),
    ('stranger', 'else', 'g@h.example', 'G', 'none', '{admin}', now(), NULL);
INSERT INTO policies VALUES ('org/p', 'org', 'p', now()), ('org/q', 'org', 'q', now());
INSERT INTO policy_versions SELECT slug || version, 'org', slug, version, 'shadow', 'source', 'hash', 'author', '',
    now(), now(), NULL, '{author}' FROM (VALUES ('p'), ('q')) AS policy (slug), generate_series(1, 3) AS version;
INSERT INTO lists VALUES ('org/l', 'org', 'l', 'country', '', now());
INSERT INTO list_versions SELECT 'l' || version, 'org', 'l', version, 'proposed',
    encode(sha256(convert_to('CA' || E'\\n' || 'US', 'UTF8')), 'hex'), 2, '{author}', '', now()
    FROM generate_series(1, 2) AS version;
INSERT INTO list_values SELECT 'l' || version, value FROM generate_series(1, 2) AS version,
    (VALUES ('US'), ('CA')) AS listed (value);
SET CONSTRAINTS ALL IMMEDIATE;
SET CONSTRAINTS ALL DEFERRED;
"""

REFUSED = asyncpg.RestrictViolationError
FORBIDDEN = asyncpg.InsufficientPrivilegeError


class Writer:
    """Runs SQL as the app, and checks what is checked at the end of a transaction after every change."""

    def __init__(self, connection: asyncpg.Connection) -> None:
        self.connection = connection
        self._seqs = itertools.count(1)

    async def run(self, *statements: str) -> None:
        savepoint = self.connection.transaction()
        await savepoint.start()
        try:
            for statement in statements:
                await self.connection.execute(statement)
            await self.connection.execute("SET CONSTRAINTS ALL IMMEDIATE")
            await self.connection.execute("SET CONSTRAINTS ALL DEFERRED")
        except asyncpg.PostgresError:
            await savepoint.rollback()
            raise
        await savepoint.commit()

    async def refused(self, *statements: str, by: Any = REFUSED) -> None:
        with pytest.raises(by):
            await self.run(*statements)

    def entry(
        self, version_id: str, percent: int, member: str = "second", *, kind: str = "", mode: str = "live"
    ) -> str:
        """An INSERT of an entry; without `kind` the one that an act would seal."""
        of_list = "list_activated" if version_id.startswith("l") else "policy_activated"
        named = kind or {0: "policy_retired", 100: of_list}.get(percent, "policy_canary")
        body = msgspec.json.encode(
            {"data": {"version_id": version_id, "percent": percent, "member_id": member}}
        ).decode()
        self.seq = next(self._seqs)
        return (
            f"INSERT INTO ledger_entries VALUES ('org', '{mode}', {self.seq}, '{named}', NULL, "
            f"convert_to('{body}', 'UTF8'), 'p', 'h', 's', now())"
        )

    def activation(
        self, version_id: str, percent: int, member: str = "second", *, seq: int = 0, mode: str = "live", id: str = ""
    ) -> str:
        """An INSERT of an activation that names the last entry, or `seq`."""
        self.id = id or f"av{self.seq}"
        return (
            f"INSERT INTO activations VALUES ('{self.id}', 'org', '{mode}', '{version_id}', '{member}', {percent}, "
            f"{seq or self.seq}, now())"
        )

    async def in_force(self, version_id: str, percent: int = 100, member: str = "second") -> None:
        """As the act does it."""
        entry = self.entry(version_id, percent, member)
        activation = self.activation(version_id, percent, member)
        displaced = (
            f"UPDATE policy_versions SET status = CASE status WHEN 'active' THEN 'retired' ELSE status END, "
            f"canary_percent = 0, activation_id = '{self.id}' WHERE slug = left('{version_id}', 1) "
            f"AND id <> '{version_id}' AND (canary_percent > 0 OR (status = 'active' AND {percent} = 100))"
        )
        await self.run(entry, activation, displaced, self.share(version_id, percent))

    def share(self, version_id: str, percent: int, activation_id: str | None = None) -> str:
        table = "list_versions" if version_id.startswith("l") else "policy_versions"
        status = "active" if percent == 100 else "shadow"
        canary = "" if version_id.startswith("l") else f"canary_percent = {percent % 100}, "
        return (
            f"UPDATE {table} SET status = '{status}', {canary}activation_id = '{activation_id or self.id}' "
            f"WHERE id = '{version_id}'"
        )


@pytest.fixture
async def writer(owner: asyncpg.Connection) -> Writer:
    """The owner makes the setting and becomes the app, in one transaction of which nothing is kept."""
    await owner.execute(SETTING)
    await owner.execute("SET LOCAL ROLE axiru_app")
    return Writer(owner)


async def test_what_the_acts_write_is_permitted(writer: Writer) -> None:
    await writer.in_force("p1")
    await writer.in_force("p2", 10)
    await writer.in_force("p2", 50)
    await writer.in_force("p3", 5)
    await writer.in_force("p2")
    await writer.in_force("p1")
    await writer.run(
        writer.entry("p1", 0),
        writer.activation("p1", 0),
        f"UPDATE policy_versions SET status = 'retired', activation_id = '{writer.id}' WHERE id = 'p1'",
    )
    await writer.run("UPDATE policy_versions SET status = 'shadow' WHERE id = 'p1'")


@pytest.mark.parametrize("version_id", ["p1", "l1"])
async def test_nothing_comes_into_force_by_an_update_alone(writer: Writer, version_id: str) -> None:
    await writer.refused(f"{writer.share(version_id, 100, 'none')}")
    if version_id == "p1":
        await writer.refused(writer.share(version_id, 10, "none"))
        await writer.refused("UPDATE policy_versions SET canary_percent = 1 WHERE id = 'p1'")


async def test_nothing_is_inserted_in_force(writer: Writer) -> None:
    await writer.in_force("p1")
    version = "'p9', 'org', 'p', 9, '{}', 's', 'h', 'author', '', now(), now(), NULL, '{{author}}', NULL, 2"
    for status, rest in (("active", "0, NULL"), ("shadow", "10, NULL"), ("retired", "0, NULL"), ("shadow", "0, 'av1'")):
        await writer.refused(f"INSERT INTO policy_versions VALUES ({version.format(status)}, {rest}, NULL)")
    for status in ("active", "retired"):
        await writer.refused(
            f"INSERT INTO list_versions VALUES ('l9', 'org', 'l', 9, '{status}', 'h', 0, '{{author}}', '', now())"
        )


@pytest.mark.parametrize("member", ["author", "gone", "stranger"])
@pytest.mark.parametrize("version_id", ["p1", "l1"])
async def test_no_author_stranger_or_former_member_activates(writer: Writer, version_id: str, member: str) -> None:
    entry = writer.entry(version_id, 100, member)

    await writer.refused(entry, writer.activation(version_id, 100, member), writer.share(version_id, 100))


@pytest.mark.parametrize(
    "sealed",
    [
        {"version_id": "p2"},
        {"percent": 10},
        {"member": "author"},
        {"kind": "decision"},
        {"kind": "policy_published"},
        {"kind": "list_activated", "version_id": "l1"},
        {"mode": "test"},
    ],
    ids=str,
)
async def test_activation_names_the_entry_that_seals_it(writer: Writer, sealed: dict[str, Any]) -> None:
    entry = writer.entry(**{"version_id": "p1", "percent": 100, **sealed})

    await writer.refused(
        entry, writer.activation("p1", 100), writer.share("p1", 100), by=(REFUSED, asyncpg.ForeignKeyViolationError)
    )


async def test_activation_without_an_entry_or_of_another_chain_is_refused(writer: Writer) -> None:
    writer.entry("p1", 100)
    await writer.refused(
        writer.activation("p1", 100), writer.share("p1", 100), by=(REFUSED, asyncpg.ForeignKeyViolationError)
    )
    entry = writer.entry("p1", 100, mode="test")
    await writer.refused(entry, writer.activation("p1", 100, mode="test"), by=asyncpg.CheckViolationError)


async def test_entry_counts_once_and_an_old_activation_never_again(writer: Writer) -> None:
    await writer.in_force("p1")
    first, seq = writer.id, writer.seq
    await writer.in_force("p2")
    second = writer.id

    # Version 1 again, by what put it in force before; and version 2 out of force by what put it in.
    for activation_id in (first, second):
        await writer.refused(
            f"UPDATE policy_versions SET status = 'retired', activation_id = '{activation_id}' WHERE id = 'p2'",
            writer.share("p1", 100, activation_id),
        )
    await writer.refused("UPDATE policy_versions SET activation_id = NULL WHERE id = 'p1'")
    await writer.refused(
        writer.activation("p1", 100, seq=seq, id="again"), writer.share("p1", 100), by=asyncpg.UniqueViolationError
    )


async def test_activation_that_is_not_carried_out_is_refused(writer: Writer) -> None:
    await writer.in_force("p1")
    entry, activation = writer.entry("p2", 100), writer.activation("p2", 100)

    await writer.refused(entry, activation)
    # Nor does it only take the other one out of force.
    await writer.refused(
        entry,
        activation,
        f"UPDATE policy_versions SET status = 'retired', activation_id = '{writer.id}' WHERE id = 'p1'",
    )


async def test_active_version_is_not_taken_out_alone(writer: Writer) -> None:
    await writer.in_force("p1")
    for status in ("retired", "shadow"):
        await writer.refused(f"UPDATE policy_versions SET status = '{status}' WHERE id = 'p1'")
    retire = "UPDATE policy_versions SET status = 'retired', activation_id = '{}' WHERE id = 'p1'"

    entry = writer.entry("p1", 0, "author")
    await writer.refused(entry, writer.activation("p1", 0, "author"), retire.format(writer.id))
    # Neither by the canary of another version, nor by the activation of another policy.
    for version_id, percent in (("p2", 10), ("q1", 100)):
        entry, activation = writer.entry(version_id, percent), writer.activation(version_id, percent)
        await writer.refused(entry, activation, retire.format(writer.id), writer.share(version_id, percent))


async def test_author_ends_their_canary_and_does_not_begin_or_widen_it(writer: Writer) -> None:
    await writer.in_force("p1")
    await writer.in_force("p2", 10)

    for percent in (5, 20, 100):
        entry = writer.entry("p2", percent, "author")
        await writer.refused(entry, writer.activation("p2", percent, "author"), writer.share("p2", percent))
    entry = writer.entry("p2", 0, "author", kind="policy_shadowed")
    await writer.run(entry, writer.activation("p2", 0, "author"), writer.share("p2", 0))


async def test_share_is_the_one_that_was_sealed(writer: Writer) -> None:
    entry = writer.entry("p1", 10)

    await writer.refused(entry, writer.activation("p1", 10), writer.share("p1", 20))
    await writer.refused(entry, writer.activation("p1", 10), writer.share("p1", 100))


@pytest.mark.parametrize("table", ["activations", "policy_versions", "members", "ledger_entries", "list_versions"])
async def test_temporary_table_of_the_same_name_fools_nobody(writer: Writer, table: str) -> None:
    """Temporary tables come first wherever a name is looked up without its schema."""
    await writer.connection.execute(f"CREATE TEMP TABLE {table} AS SELECT * FROM public.{table} WITH NO DATA")
    await writer.connection.execute("SET LOCAL search_path = pg_temp, public")
    for fake in (
        "INSERT INTO pg_temp.activations VALUES ('fake', 'org', 'live', 'p1', 'second', 100, 9, now())",
        "INSERT INTO pg_temp.policy_versions (id, organization_id, slug, author_member_ids, activation_id) "
        "VALUES ('p1', 'org', 'p', '{second}', 'av1')",
        "INSERT INTO pg_temp.members (id, organization_id) VALUES ('author', 'org')",
    ):
        if f".{table} " in fake:
            await writer.connection.execute(fake)

    await writer.refused(
        "UPDATE public.policy_versions SET status = 'active', activation_id = 'fake' WHERE id = 'p1'",
        by=(REFUSED, asyncpg.ForeignKeyViolationError),
    )
    await writer.refused(
        writer.entry("p1", 100, "author").replace("INTO ", "INTO public."),
        writer.activation("p1", 100, "author").replace("INTO ", "INTO public."),
        writer.share("p1", 100).replace("UPDATE ", "UPDATE public."),
    )


async def test_list_comes_into_force_as_it_was_proposed(writer: Writer) -> None:
    entry = writer.entry("l1", 100)
    in_force = (entry, writer.activation("l1", 100), writer.share("l1", 100))
    more = "INSERT INTO list_values VALUES ('l1', 'XX')"

    await writer.refused(more, *in_force)
    await writer.run(*in_force)
    await writer.refused(more)
    for change in ("UPDATE list_values SET value = 'XX'", "DELETE FROM list_values"):
        await writer.refused(change, by=FORBIDDEN)
    for change in ("status = 'retired'", "status = 'proposed'", "activation_id = NULL", "activation_id = 'x'"):
        await writer.refused(f"UPDATE list_versions SET {change} WHERE id = 'l1'")


async def test_list_is_replaced_and_never_only_retired(writer: Writer) -> None:
    entry = writer.entry("l1", 100)
    await writer.run(entry, writer.activation("l1", 100), writer.share("l1", 100))
    entry, activation = writer.entry("l2", 100), writer.activation("l2", 100)
    retire = f"UPDATE list_versions SET status = 'retired', activation_id = '{writer.id}' WHERE id = 'l1'"

    await writer.refused(entry, activation, retire)
    await writer.run(entry, activation, retire, writer.share("l2", 100))


@pytest.mark.parametrize(
    "change",
    [
        "author_member_ids = '{second}'",
        "author_member_ids = '{}'",
        "source = 'x', published_version = NULL",
        "discarded_at = NULL",
    ],
)
async def test_draft_keeps_its_authors_and_its_end(writer: Writer, change: str) -> None:
    await writer.run(
        "INSERT INTO policy_drafts VALUES "
        "('pd', 'org', 'p', 'yaml', 's', '', '{author}', 1, now(), now(), NULL, NULL), "
        "('over', 'org', 'p', 'yaml', 's', '', '{author}', 1, now(), now(), 1, NULL), "
        "('away', 'org', 'p', 'yaml', 's', '', '{author}', 1, now(), now(), NULL, now())"
    )

    for draft in ("over", "away", *(["pd"] if "author" in change else [])):
        await writer.refused(
            f"UPDATE policy_drafts SET {change} WHERE id = '{draft}'",
            by=(REFUSED, asyncpg.CheckViolationError),
        )
