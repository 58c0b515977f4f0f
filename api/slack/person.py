"""Who acts in Slack, and how they are spoken to."""

from typing import Final

import msgspec
import structlog

from api.permissions import Permission, of_roles
from api.services import Services
from axiru.slack.installations import (
    LinkedMember,
    SlackInstallation,
    installation_of_team,
    linked_member,
)
from axiru.slack.text import mrkdwn
from axiru.slack.web_api import SlackWebApi

LINK_HINT: Final = (
    "This Slack user is not linked to a member. Log in to the console, get a code under your account, "
    "and type `/axiru link CODE` here."
)
_log = structlog.get_logger("api")


class SlackPerson(msgspec.Struct, frozen=True, kw_only=True):
    """A Slack user of an installed workspace; `member` is None before they linked themselves."""

    installation: SlackInstallation
    slack_user_id: str
    channel_id: str | None
    member: LinkedMember | None
    api: SlackWebApi

    @property
    def permissions(self) -> frozenset[Permission]:
        return of_roles(self.member.roles) if self.member else frozenset()

    async def tell(self, text: str) -> None:
        """Say something, in mrkdwn, that only they see."""
        message = {"text": text, "blocks": [{"type": "section", "text": mrkdwn(text)}]}
        if self.channel_id is not None:
            whom = {"channel": self.channel_id, "user": self.slack_user_id}
            answer = await self.api.call("chat.postEphemeral", {**whom, **message})
            if answer.outcome != "refused":
                return
        # The App Home is no channel, and the bot is not in every one that people type commands in.
        answer = await self.api.call("chat.postMessage", {"channel": self.slack_user_id, **message})
        if answer.outcome != "ok":
            _log.warning("slack_person_not_told", error=answer.error)


async def person(team_id: str, slack_user_id: str, channel_id: str | None, services: Services) -> SlackPerson | None:
    """Who this is; None for a workspace that no organization is installed in. Raises VaultSealBroken."""
    installation = await installation_of_team(team_id)
    if installation is None:
        return None
    return SlackPerson(
        installation=installation,
        slack_user_id=slack_user_id,
        channel_id=channel_id,
        member=await linked_member(installation, slack_user_id),
        api=SlackWebApi(services.settings, installation.bot_token(services.vault)),
    )
