"""App Homes: what waits for one person, published anew after every change."""

from collections.abc import Mapping
from typing import Any

from axiru.slack.home import SHOWN, home_view, unlinked_home
from axiru.slack.installations import SlackInstallation, linked_member
from axiru.slack.web_api import SlackAnswer, SlackWebApi
from ledger.waiting_approvals import waiting_for


async def publish_home(
    body: Mapping[str, Any], installation: SlackInstallation, api: SlackWebApi, console_url: str
) -> SlackAnswer:
    """Show the App Home of one Slack user as it is now; who unlinked themselves meanwhile is shown nothing."""
    member = await linked_member(installation, body["slack_user_id"])
    if member is None:
        view = unlinked_home()
    else:
        waiting = await waiting_for(installation.organization_id, member.member_id, most=SHOWN)
        view = home_view(*waiting, console_url)
    return await api.call("views.publish", {"user_id": body["slack_user_id"], "view": view})
