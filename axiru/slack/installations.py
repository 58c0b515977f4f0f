"""Which workspace belongs to which organization, and which Slack user is which member."""

from typing import Any

import msgspec

from axiru.database import row, rows
from axiru.vault import Vault, sealed_for


class SlackInstallation(msgspec.Struct, frozen=True, kw_only=True):
    """A workspace and the channel approvals go to. The bot's token stays sealed until it is used."""

    id: str
    organization_id: str
    team_id: str
    channel_id: str
    bot_token_ciphertext: bytes

    def bot_token(self, vault: Vault) -> str:
        """Raises VaultSealBroken, VaultKeyUnknown."""
        return vault.open(self.bot_token_ciphertext, context=bot_token_context(self.organization_id, self.id)).decode()


class LinkedMember(msgspec.Struct, frozen=True, kw_only=True):
    """A member as the Slack user they linked themselves to."""

    member_id: str
    name: str
    roles: tuple[str, ...]
    slack_user_id: str


def bot_token_context(organization_id: str, installation_id: str) -> bytes:
    """The context under which a bot token is sealed in `slack_installations`."""
    return sealed_for(organization_id, "slack_installations", installation_id)


async def installation_of(organization_id: str) -> SlackInstallation | None:
    """The workspace an organization is installed in now."""
    found = await row(
        "SELECT * FROM slack_installations WHERE organization_id = {} AND removed_at IS NULL", organization_id
    )
    return _installation(found)


async def installation_of_team(team_id: str) -> SlackInstallation | None:
    """The organization whose workspace this is now."""
    found = await row("SELECT * FROM slack_installations WHERE team_id = {} AND removed_at IS NULL", team_id)
    return _installation(found)


async def linked_members(installation: SlackInstallation) -> list[LinkedMember]:
    """Everybody of the organization who linked themselves; the links of disabled members are void."""
    found = await rows(f"{_LINKED} ORDER BY l.linked_at", installation.organization_id, installation.team_id)
    return [msgspec.convert(member, LinkedMember) for member in found]


async def linked_member(installation: SlackInstallation, slack_user_id: str) -> LinkedMember | None:
    """The member this Slack user is, or None."""
    found = await row(
        f"{_LINKED} AND l.slack_user_id = {{}}", installation.organization_id, installation.team_id, slack_user_id
    )
    return msgspec.convert(found, LinkedMember) if found else None


_LINKED = """
SELECT l.member_id, m.name, m.roles, l.slack_user_id FROM slack_links l
JOIN members m ON m.id = l.member_id AND m.organization_id = l.organization_id AND m.disabled_at IS NULL
WHERE l.organization_id = {} AND l.team_id = {} AND l.unlinked_at IS NULL
"""


def _installation(found: dict[str, Any] | None) -> SlackInstallation | None:
    if found is None:
        return None
    return SlackInstallation(
        id=found["id"],
        organization_id=found["organization_id"],
        team_id=found["team_id"],
        channel_id=found["channel_id"],
        bot_token_ciphertext=bytes(found["bot_token_ciphertext"]),
    )
