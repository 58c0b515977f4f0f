"""Slack: which workspace an organization is installed in, and which Slack user is which member; sealed in both modes.

A link needs both sides: a code shown to a member who is logged in, typed by the Slack user. An e-mail that matches
proves nothing.
"""

import hashlib
import secrets
from datetime import datetime, timedelta
from typing import Final

import asyncpg
import msgspec

from axiru import ids
from axiru.database import row, rows
from axiru.errors import AxiruError
from axiru.slack.installations import bot_token_context
from axiru.vault import Vault
from ledger.acts.chain import acts, salted
from ledger.acts.member_record import check_admin
from ledger.acts.second_person import BOTH_MODES
from ledger.entry import EntrySigner

LINK_CODE_MINUTES: Final = 10
_ALPHABET: Final = "0123456789abcdefghjkmnpqrstvwxyz"
_CODE_CHARACTERS: Final = 12
_GROUP: Final = 4
# Crockford's reading of what people type: https://www.crockford.com/base32.html
_READ_AS: Final = str.maketrans({"o": "0", "i": "1", "l": "1", "-": None, " ": None})


class SlackNotInstalled(AxiruError):
    """The organization has no workspace."""

    code = "not_found"


class SlackTeamTaken(AxiruError):
    """Another organization is installed in this workspace."""

    code = "conflict"


class LinkRefused(AxiruError):
    """The code does not link this Slack user; the message says what to do."""

    code = "conflict"


class LinkCode(msgspec.Struct, frozen=True):
    """Shown once, to the member who asked for it."""

    code: str
    expires_at: datetime


class Linked(msgspec.Struct, frozen=True):
    """The member that the Slack user is from now on."""

    member_id: str
    name: str


async def install_slack(
    *,
    organization_id: str,
    by_member_id: str,
    team_id: str,
    channel_id: str,
    bot_token: str,
    vault: Vault,
    signer: EntrySigner,
) -> str:
    """Install the organization in a workspace, in place of the one before; returns the installation's id.

    Raises NotEligible for all but admins, SlackTeamTaken.
    """
    installation_id = ids.new_id(ids.SLACK_INSTALLATION)
    try:
        async with acts(signer, organization_id, BOTH_MODES) as installing:
            await check_admin(by_member_id, organization_id)
            now = installing[0].now
            replaced = await rows(
                "UPDATE slack_installations SET removed_at = {} WHERE organization_id = {} AND removed_at IS NULL "
                "RETURNING id",
                now,
                organization_id,
            )
            await rows(
                """
                INSERT INTO slack_installations (id, organization_id, team_id, channel_id, bot_token_ciphertext,
                    installed_by, installed_at) VALUES ({}, {}, {}, {}, {}, {}, {})
                """,
                installation_id,
                organization_id,
                team_id,
                channel_id,
                vault.seal(bot_token.encode(), context=bot_token_context(organization_id, installation_id)),
                by_member_id,
                now,
            )
            facts = {"action": "install", "installation_id": installation_id, "by_member_id": by_member_id}
            replaces = {"replaces": replaced[0]["id"]} if replaced else {}
            for one in installing:
                one.seal("slack_installation", {**facts, "team_id": team_id, "channel_id": channel_id, **replaces})
    except asyncpg.UniqueViolationError as error:
        raise SlackTeamTaken("Another organization is installed in this workspace.", state="taken") from error
    return installation_id


async def remove_slack(*, organization_id: str, by_member_id: str, signer: EntrySigner) -> None:
    """Take the organization out of its workspace: nothing is posted there and nobody votes from there any more.

    Raises NotEligible for all but admins, SlackNotInstalled.
    """
    async with acts(signer, organization_id, BOTH_MODES) as removing:
        await check_admin(by_member_id, organization_id)
        removed = await rows(
            "UPDATE slack_installations SET removed_at = {} WHERE organization_id = {} AND removed_at IS NULL "
            "RETURNING id, team_id",
            removing[0].now,
            organization_id,
        )
        if not removed:
            raise SlackNotInstalled("Slack is not installed.")
        facts = {"action": "remove", "installation_id": removed[0]["id"], "team_id": removed[0]["team_id"]}
        for one in removing:
            one.seal("slack_installation", {**facts, "by_member_id": by_member_id})


async def issue_link_code(*, organization_id: str, member_id: str) -> LinkCode:
    """A code of 60 random bits, good once and for ten minutes; the member's earlier ones are void."""
    bare = "".join(secrets.choice(_ALPHABET) for _ in range(_CODE_CHARACTERS))
    await rows(
        "UPDATE slack_link_codes SET used_at = clock_timestamp() WHERE member_id = {} AND used_at IS NULL", member_id
    )
    issued = await row(
        """
        INSERT INTO slack_link_codes (code_hash, organization_id, member_id, created_at, expires_at)
        VALUES ({}, {}, {}, clock_timestamp(), clock_timestamp() + {}) RETURNING expires_at
        """,
        _hashed(bare),
        organization_id,
        member_id,
        timedelta(minutes=LINK_CODE_MINUTES),
    )
    if issued is None:
        raise RuntimeError("an INSERT that returned nothing")
    return LinkCode("-".join(bare[at : at + _GROUP] for at in range(0, len(bare), _GROUP)), issued["expires_at"])


async def link_slack(*, team_id: str, slack_user_id: str, code: str, signer: EntrySigner) -> Linked:
    """Tie a Slack user to the member whose code they typed; the member's earlier link ends. Raises LinkRefused."""
    issued = await row(
        """
        SELECT c.organization_id, c.member_id, m.name FROM slack_link_codes c
        JOIN members m ON m.id = c.member_id AND m.disabled_at IS NULL
        JOIN slack_installations i ON i.organization_id = c.organization_id AND i.team_id = {} AND i.removed_at IS NULL
        WHERE c.code_hash = {}
        """,
        team_id,
        _hashed(code),
    )
    if issued is None:
        raise _unknown_code()
    organization_id, member_id = issued["organization_id"], issued["member_id"]
    async with acts(signer, organization_id, BOTH_MODES) as linking:
        now = linking[0].now
        used = await rows(
            "UPDATE slack_link_codes SET used_at = {} WHERE code_hash = {} AND used_at IS NULL AND expires_at > {} "
            "RETURNING member_id",
            now,
            _hashed(code),
            now,
        )
        if not used:
            raise _unknown_code()
        await _make_room(team_id, slack_user_id, organization_id, member_id, now)
        link_id = ids.new_id(ids.SLACK_LINK)
        await rows(
            "INSERT INTO slack_links (id, organization_id, team_id, slack_user_id, member_id, linked_at) "
            "VALUES ({}, {}, {}, {}, {}, {})",
            link_id,
            organization_id,
            team_id,
            slack_user_id,
            member_id,
            now,
        )
        for one in linking:
            facts = {"action": "link", "link_id": link_id, "member_id": member_id, "team_id": team_id}
            one.seal("slack_link", facts, personal=salted({"slack_user_id": slack_user_id}))
            one.tell("member", {"member_id": member_id, "change": "slack_linked"})
    return Linked(member_id, issued["name"])


async def unlink_slack(*, organization_id: str, member_id: str, signer: EntrySigner) -> None:
    """End the member's own link. Raises SlackNotInstalled where there is none."""
    async with acts(signer, organization_id, BOTH_MODES) as unlinking:
        ended = await rows(
            "UPDATE slack_links SET unlinked_at = {} WHERE organization_id = {} AND member_id = {} "
            "AND unlinked_at IS NULL RETURNING id, team_id",
            unlinking[0].now,
            organization_id,
            member_id,
        )
        if not ended:
            raise SlackNotInstalled("No Slack user is linked.")
        facts = {"action": "unlink", "link_id": ended[0]["id"], "member_id": member_id, "team_id": ended[0]["team_id"]}
        for one in unlinking:
            one.seal("slack_link", facts)
            one.tell("member", {"member_id": member_id, "change": "slack_unlinked"})


async def _make_room(team_id: str, slack_user_id: str, organization_id: str, member_id: str, now: datetime) -> None:
    """End links that this one replaces: the member's own, and void ones of this Slack user. Raises LinkRefused."""
    await rows(
        """
        UPDATE slack_links l SET unlinked_at = {} FROM members m
        WHERE m.id = l.member_id AND l.unlinked_at IS NULL AND (
            (l.organization_id = {} AND l.member_id = {})
            OR (l.team_id = {} AND l.slack_user_id = {} AND (m.disabled_at IS NOT NULL OR l.organization_id <> {})))
        """,
        now,
        organization_id,
        member_id,
        team_id,
        slack_user_id,
        organization_id,
    )
    other = await row(
        "SELECT id FROM slack_links WHERE team_id = {} AND slack_user_id = {} AND unlinked_at IS NULL",
        team_id,
        slack_user_id,
    )
    if other is not None:
        raise LinkRefused("This Slack user is linked to another member, who has to unlink it first.", state="linked")


def _unknown_code() -> LinkRefused:
    return LinkRefused("This code is not valid (any more). Get a new one in the console.", state="unknown_code")


def _hashed(code: str) -> str:
    return hashlib.sha256(code.strip().lower().translate(_READ_AS).encode("utf-8", "surrogatepass")).hexdigest()
