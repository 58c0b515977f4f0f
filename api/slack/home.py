"""The App Home, published when somebody looks at it."""

from api.slack.person import SlackPerson
from axiru.slack.home import SHOWN, home_view, unlinked_home
from ledger.waiting_approvals import waiting_for


async def show_home(person: SlackPerson, console_url: str) -> None:
    """What waits for this person; how to link oneself for somebody nobody knows."""
    if person.member is None:
        view = unlinked_home()
    else:
        waiting = await waiting_for(person.installation.organization_id, person.member.member_id, most=SHOWN)
        view = home_view(*waiting, console_url)
    await person.api.call("views.publish", {"user_id": person.slack_user_id, "view": view})
