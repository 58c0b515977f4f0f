"""What somebody who can run any SQL as `axiru_app` cannot do: approve alone, for others, too late, or their own."""

# ruff: noqa: S608 - every name spliced in is the test's own

import asyncpg
import pytest

SETTING = """
INSERT INTO organizations VALUES ('org', 'Organization', now()), ('else', 'Elsewhere', now());
INSERT INTO members SELECT id, organization, id || '@b.example', id, 'none', roles::text[], now(), gone
    FROM (VALUES ('asker', 'org', '{controller}', NULL::timestamptz), ('one', 'org', '{controller}', NULL),
        ('two', 'org', '{admin}', NULL), ('three', 'org', '{controller}', NULL), ('owner', 'org', '{controller}', NULL),
        ('away', 'org', '{controller}', NULL), ('clerk', 'org', '{support}', NULL),
        ('gone', 'org', '{controller}', now()), ('stranger', 'else', '{controller}', NULL))
    AS person (id, organization, roles, gone);
INSERT INTO agents VALUES ('ag', 'org', 'bot', 'Bot', 'owner', 'two', now());
INSERT INTO requests VALUES ('ed', 'org', 'test', '/', 'f', '{"metadata": {"agent_id": "bot"}}', 'key', 'asker', now(),
    now());
INSERT INTO decisions VALUES ('ed', 'org', 'test', '/', 'f', 'pending_approval', 'review', 'r', 'm', 'x', NULL, NULL,
    NULL, NULL, NULL, 'ap', 'enforce', 'caller', NULL, '{}', 'stripe', 'refund', 1, 'usd', NULL, NULL, NULL, 'key',
    NULL, 'asker', false, 'lr', 1, now(), now(), now());
INSERT INTO approvals VALUES ('ap', 'org', 'test', 'ed', 'pending', '{"groups": [{"role": "controller", "count": 2}]}',
    'd', 'asker', now(), now() + interval '1 hour', NULL, '{asker}');
"""

REFUSED = asyncpg.RestrictViolationError


class App:
    """Runs SQL as the app, one statement after the other; what is refused leaves nothing."""

    def __init__(self, connection: asyncpg.Connection) -> None:
        self.connection = connection
        self._votes = 0

    async def run(self, *statements: str) -> None:
        async with self.connection.transaction():
            for statement in statements:
                await self.connection.execute(statement)

    async def refused(self, *statements: str, by: type[asyncpg.PostgresError] = REFUSED) -> None:
        with pytest.raises(by):
            await self.run(*statements)

    async def as_owner(self, statement: str) -> None:
        """Whoever owns the tables, triggers turned off: how time passes here."""
        await self.connection.execute("RESET ROLE; SET LOCAL session_replication_role = replica")
        await self.connection.execute(statement)
        await self.connection.execute("SET LOCAL session_replication_role = origin; SET LOCAL ROLE axiru_app")

    def vote(self, member: str, on_behalf_of: str | None = None, digest: str = "d", verdict: str = "approve") -> str:
        self._votes += 1
        absent = f"'{on_behalf_of}'" if on_behalf_of else "NULL"
        return (
            f"INSERT INTO votes VALUES ('v{self._votes}', 'org', 'test', 'ap', '{member}', '{verdict}', 'controller', "
            f"'{{controller}}', '{digest}', 'because', 'api', now(), {absent})"
        )


def delegation(
    to: str = "clerk", absent: str = "away", starts: str = "-1 hour", ends: str = "1 hour", ended: str = "NULL"
) -> str:
    return (
        f"INSERT INTO delegations VALUES ('{to}{absent}', 'org', '{absent}', '{to}', 'r', now() + interval '{starts}', "
        f"now() + interval '{ends}', '{absent}', now(), {ended})"
    )


def glass(
    opened_by: str = "one",
    confirmed_by: str | None = None,
    state: str = "open",
    alone: str = "false",
    digest: str = "d",
) -> str:
    second = f"'{confirmed_by}'" if confirmed_by else "NULL"
    return (
        f"INSERT INTO break_glass VALUES ('bg', 'org', 'test', 'ap', 'ed', '{state}', {alone}, '{digest}', 'fire', "
        f"'{opened_by}', now(), now() + interval '15 minutes', {second}, now())"
    )


APPROVE = "UPDATE approvals SET state = 'approved', closed_at = now() WHERE id = 'ap'"
ALONE_MAY = "INSERT INTO organization_settings VALUES ('org', 'one_with_alarm', 'two', now())"


@pytest.fixture
async def app(owner: asyncpg.Connection) -> App:
    """The owner makes the setting and becomes the app, in one transaction of which nothing is kept."""
    await owner.execute(SETTING)
    await owner.execute("SET LOCAL ROLE axiru_app")
    return App(owner)


async def test_what_the_acts_write_is_permitted(app: App) -> None:
    await app.run(delegation(), app.vote("one"), app.vote("clerk", "away"), APPROVE)


@pytest.mark.parametrize("member", ["asker", "owner", "gone", "stranger"])
async def test_no_requester_owner_of_an_agent_former_member_or_stranger_votes(app: App, member: str) -> None:
    await app.refused(app.vote(member))
    await app.refused(delegation(absent=member), app.vote("clerk", member))
    await app.refused(delegation(to=member), app.vote(member, "away"))


async def test_whoever_was_excluded_stays_so_when_the_agent_changes_hands(app: App) -> None:
    await app.as_owner("UPDATE approvals SET excluded_member_ids = '{asker,owner}'")
    await app.run("UPDATE agents SET owner_member_id = 'one'")

    for member in ("owner", "one"):
        await app.refused(app.vote(member))


async def test_retired_agent_keeps_its_owner_out(app: App) -> None:
    await app.run("UPDATE agents SET retired_at = now()")

    await app.refused(app.vote("owner"))


@pytest.mark.parametrize(
    "refused",
    [
        delegation(starts="1 minute"),
        delegation(starts="-2 hours", ends="-1 minute"),
        delegation(ended="now()"),
        delegation(to="three"),
        delegation(absent="three"),
    ],
    ids=["still to begin", "over", "ended", "to somebody else", "by somebody else"],
)
async def test_nobody_votes_for_another_without_a_delegation_in_force(app: App, refused: str) -> None:
    await app.refused(refused, app.vote("clerk", "away"))
    await app.refused(app.vote("clerk", "away"))


async def test_one_authority_votes_once(app: App) -> None:
    for first, second in (("clerk", "away"), ("away", None)), (("away", None), ("clerk", "away")):
        await app.refused(delegation(), app.vote(*first), app.vote(*second), by=asyncpg.UniqueViolationError)
    await app.refused(app.vote("one", "one"))


async def test_vote_on_another_digest_is_refused(app: App) -> None:
    await app.refused(app.vote("one", digest="x"))


async def test_nobody_votes_after_the_deadline(app: App) -> None:
    await app.as_owner("UPDATE approvals SET expires_at = clock_timestamp() - interval '1 second'")

    await app.refused(app.vote("one"))
    await app.refused(glass())


async def test_nothing_is_approved_without_the_votes_it_needs(app: App) -> None:
    await app.refused(APPROVE)
    await app.refused(app.vote("one"), APPROVE)
    await app.refused(app.vote("one"), app.vote("two", verdict="deny"), APPROVE)
    for groups in (
        "[]",
        '[{"role": "controller", "count": 3}]',
        '[{"role": "controller"}, {"role": "admin", "count": 2}]',
    ):
        await app.as_owner(f"""UPDATE approvals SET terms = '{{"groups": {groups}}}'""")
        await app.refused(app.vote("one"), app.vote("two"), APPROVE)


@pytest.mark.parametrize("ended", ["approved", "denied", "expired"])
async def test_approval_ends_once(app: App, ended: str) -> None:
    await app.run(app.vote("one"), app.vote("two"), f"UPDATE approvals SET state = '{ended}'")

    for state in {"pending", "approved", "denied", "expired"} - {ended}:
        await app.refused(f"UPDATE approvals SET state = '{state}'")
    await app.refused(app.vote("three"))
    await app.refused(glass())


@pytest.mark.parametrize(
    "change",
    [
        "digest = 'x'",
        "terms = '{}'",
        "requested_by = 'one'",
        "excluded_member_ids = '{asker,one}'",
        "expires_at = now() + interval '2 hours'",
    ],
)
async def test_what_was_asked_never_changes(app: App, owner: asyncpg.Connection, change: str) -> None:
    await app.refused(f"UPDATE approvals SET {change}", by=asyncpg.InsufficientPrivilegeError)
    await owner.execute("RESET ROLE")
    await app.refused(f"UPDATE approvals SET {change}")


_EXECUTION = (
    "INSERT INTO executions (decision_id, organization_id, mode, state, idempotency_key, call, attempts, intended_at) "
    "VALUES ('ed', 'org', 'test', '{}', 'k', '{{}}', 1, now())"
)


@pytest.mark.parametrize("state", ["allowed", "approved", "executing", "executed"])
async def test_decision_goes_on_only_once_people_have_approved_it(app: App, state: str) -> None:
    goes_on = f"UPDATE decisions SET state = '{state}'"
    for before in ("held", "pending_approval"):
        await app.run(f"UPDATE decisions SET state = '{before}'")
        await app.refused(goes_on)
    for end in ("denied", "expired"):
        await app.refused(app.vote("one", verdict="deny"), f"UPDATE approvals SET state = '{end}'", goes_on)

    await app.run(app.vote("one"), app.vote("two"), APPROVE, goes_on)


@pytest.mark.parametrize("state", ["intended", "calling", "succeeded"])
async def test_nothing_is_executed_that_people_have_not_approved(app: App, state: str) -> None:
    await app.refused(_EXECUTION.format(state))
    await app.refused(_EXECUTION.format("failed"), f"UPDATE executions SET state = '{state}'")

    await app.run(app.vote("one"), app.vote("two"), APPROVE, _EXECUTION.format(state))


async def test_no_approval_begins_approved(app: App) -> None:
    await app.as_owner("DELETE FROM approvals")

    for state in ("approved", "denied", "expired"):
        await app.refused(
            f"INSERT INTO approvals VALUES ('ap', 'org', 'test', 'ed', '{state}', '{{}}', 'd', 'asker', now(), "
            "now() + interval '1 hour', NULL, '{asker}')"
        )


LINK = "INSERT INTO password_links VALUES ('l', 'org', '{}', '{}', now(), now() + interval '1 day', now(), {})"


async def test_who_was_let_in_by_the_requester_since_neither_votes_nor_is_stood_in_for(app: App) -> None:
    opened = LINK.format("one", "asker", "clock_timestamp()")
    await app.refused(opened, app.vote("one"))
    await app.refused(opened, delegation(absent="one"), app.vote("clerk", "one"))
    await app.refused(opened, glass("one"))

    for harmless in (
        LINK.format("one", "asker", "NULL"),
        LINK.format("one", "two", "clock_timestamp()"),
        LINK.format("one", "asker", "now() - interval '1 second'"),
    ):
        await app.run(harmless, app.vote("one"))
        await app.as_owner("DELETE FROM votes; DELETE FROM password_links")


async def test_seat_that_the_requester_passed_on_since_is_nobodys(app: App) -> None:
    passed_on = delegation().replace("'away', now()", "'asker', clock_timestamp()")
    await app.refused(passed_on, app.vote("clerk", "away"))

    await app.run(passed_on.replace("clock_timestamp()", "now() - interval '1 second'"), app.vote("clerk", "away"))


async def test_two_people_break_the_glass(app: App) -> None:
    await app.run(glass())
    await app.refused("UPDATE break_glass SET state = 'used'", by=asyncpg.CheckViolationError)
    for second in ("one", "asker", "owner", "gone", "stranger", "clerk"):
        await app.refused(f"UPDATE break_glass SET state = 'used', confirmed_by = '{second}'")
    await app.refused(APPROVE)

    await app.run("UPDATE break_glass SET state = 'used', confirmed_by = 'two', confirmed_at = now()", APPROVE)


@pytest.mark.parametrize("member", ["asker", "owner", "gone", "stranger", "clerk"])
async def test_glass_is_not_broken_by_whom_it_would_serve_or_who_may_not(app: App, member: str) -> None:
    await app.run(ALONE_MAY)
    await app.refused(glass(member))
    await app.refused(glass(member, state="used", alone="true"))
    await app.refused(glass("one", member, state="used"))


async def test_one_person_alone_breaks_the_glass_only_where_that_was_chosen(app: App) -> None:
    alone = glass(state="used", alone="true")
    await app.refused(alone)
    await app.refused(ALONE_MAY.replace("one_with_alarm", "off"), alone)

    await app.run(ALONE_MAY, alone, APPROVE)


async def test_glass_is_broken_for_exactly_what_would_be_executed_and_in_time(app: App) -> None:
    await app.refused(glass(digest="x"))
    await app.run(glass())
    await app.as_owner("UPDATE break_glass SET expires_at = clock_timestamp() - interval '1 second'")

    await app.refused("UPDATE break_glass SET state = 'used', confirmed_by = 'two'")
    await app.run("UPDATE break_glass SET state = 'withdrawn'")


@pytest.mark.parametrize("table", ["approvals", "members", "delegations", "agents", "break_glass", "votes"])
async def test_temporary_table_of_the_same_name_fools_nobody(app: App, table: str) -> None:
    """Temporary tables come first wherever a name is looked up without its schema."""
    await app.run(
        f"CREATE TEMP TABLE {table} AS SELECT * FROM public.{table}", "SET LOCAL search_path = pg_temp, public"
    )
    forged = {
        "approvals": "UPDATE pg_temp.approvals SET excluded_member_ids = '{}'",
        "members": "UPDATE pg_temp.members SET disabled_at = NULL, roles = '{controller}'",
        "agents": "DELETE FROM pg_temp.agents",
        "delegations": delegation().replace("INTO ", "INTO pg_temp."),
        "break_glass": glass(state="used", alone="true").replace("INTO ", "INTO pg_temp."),
        "votes": "SELECT 1",
    }
    await app.run(forged[table])

    for member, absent in (("asker", None), ("owner", None), ("gone", None), ("clerk", "away")):
        await app.refused(app.vote(member, absent).replace("INTO ", "INTO public."))
    await app.refused(APPROVE.replace("approvals", "public.approvals"))
