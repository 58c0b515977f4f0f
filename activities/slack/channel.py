"""The channel that deliveries to Slack go through."""

from typing import Literal

from activities.slack.alarms import alarm_text
from activities.slack.approval_thread import ApprovalMessages
from activities.slack.homes import publish_home
from activities.slack.planning import ALARM, HOME, TOPICS, plan
from activities.slack.replies import reply_text
from activities.slack.turns import Turns
from axiru.domain.delivery import Happening, Outgoing, Planned, Sent
from axiru.settings import Settings
from axiru.slack.installations import SlackInstallation, installation_of
from axiru.slack.web_api import SlackAnswer, SlackWebApi
from axiru.vault import Vault, VaultKeyUnknown, VaultSealBroken


class SlackChannel:
    """One message an approval, updated with every change and replied to with every event.

    The message shows the sheet as it is when it is sent, so deliveries may come late, twice or in any order.
    """

    name: Literal["slack"] = "slack"

    def __init__(self, settings: Settings, vault: Vault) -> None:
        self._settings = settings
        self._vault = vault
        self._messages = ApprovalMessages(settings.console_url)
        self._homes = Turns()

    async def plan(self, happening: Happening) -> list[Planned]:
        """Whom to tell in Slack; nobody where the organization has no workspace."""
        if happening.topic not in TOPICS:
            return []
        installation = await installation_of(happening.organization_id)
        return [] if installation is None else await plan(happening, installation)

    async def send(self, outgoing: Outgoing) -> Sent:
        """Try once, in the workspace the organization has now."""
        installation = await installation_of(outgoing.organization_id)
        if installation is None:
            return Sent(outcome="failed", detail="Slack is not installed any more")
        try:
            api = SlackWebApi(self._settings, installation.bot_token(self._vault))
        except (VaultSealBroken, VaultKeyUnknown) as error:
            return Sent(outcome="failed", detail=f"the bot token cannot be opened: {error.code}")
        return sent(await self._send(outgoing, installation, api))

    async def close(self) -> None:
        """Nothing is kept open between two calls."""

    async def _send(self, outgoing: Outgoing, installation: SlackInstallation, api: SlackWebApi) -> SlackAnswer:
        match outgoing.event:
            case event if event == HOME:
                async with self._homes.of(outgoing.target):
                    return await publish_home(outgoing.body, installation, api, self._settings.console_url)
            case event if event == ALARM:
                text = await alarm_text(outgoing.body)
                return await api.call("chat.postMessage", {"channel": installation.channel_id, **text.arguments()})
            case _:
                reply = await reply_text(outgoing.body)
                return await self._messages.show(outgoing.body["approval_id"], installation, api, reply)


def sent(answer: SlackAnswer) -> Sent:
    """How an attempt went. What somebody can repair in Slack, such as inviting the bot, is tried again."""
    match answer.outcome:
        case "ok":
            return Sent(outcome="delivered", detail="ok", status=answer.status)
        case "away":
            return Sent(
                outcome="retry",
                detail=answer.error,
                status=answer.status,
                retry_after_seconds=answer.retry_after_seconds,
            )
        case "refused":
            detail = str(answer.body.get("told") or answer.error)
            return Sent(outcome="failed" if answer.is_for_good else "retry", detail=detail, status=answer.status)
