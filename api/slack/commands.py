"""`/axiru …`: link, queue, kill, release, help. Every answer is for the person who typed alone."""

from collections.abc import Callable, Coroutine
from typing import Any, Final

from api.services import Services
from api.slack.background import text_in_time
from api.slack.controls import KILL_USAGE, RELEASE_USAGE, engage_kill_switch, release_kill_switch
from api.slack.payloads import SlashCommand
from api.slack.person import LINK_HINT, SlackPerson
from api.slack.received import once
from api.slack.signature import SignedRequest
from axiru.slack.home import waiting_line
from axiru.slack.text import said
from ledger.acts.slack import link_slack
from ledger.waiting_approvals import waiting_for

NOT_INSTALLED: Final = "Axiru is not installed in this workspace."
HELP: Final = (
    "`/axiru queue` what waits for your vote\n"
    f"`{KILL_USAGE}` stop all money now; both modes unless you say one\n"
    f"`{RELEASE_USAGE}` let money move again\n"
    "`/axiru link CODE` say which member you are; the code is in the console, under your account\n"
    "`/axiru help` this text"
)
LINKS_A_MINUTE: Final = 10
_QUEUE_SHOWN: Final = 10
_STILL: Final = "This is being done; you will be told here."


async def answer_command(
    command: SlashCommand, person: SlackPerson | None, signed: SignedRequest, services: Services
) -> dict[str, Any]:
    """The answer to one command; a request that comes again does nothing again."""
    word, _, rest = command.text.strip().partition(" ")
    word = word.lower()
    if person is None:
        return spoken(NOT_INSTALLED)
    if person.member is None and word not in {"", "help", "link"}:
        return spoken(LINK_HINT)
    if word == "queue":
        return await _done(_queue(person), person)
    if word in _ACTING:
        answer = await once(signed, lambda: _done(_ACTING[word](rest, person, services), person))
        return answer if isinstance(answer, dict) else {}
    return spoken(HELP if word in {"", "help"} else f"There is no such command.\n{HELP}")


async def _done(work: Coroutine[Any, Any, str], person: SlackPerson) -> dict[str, Any]:
    return spoken(await text_in_time(work, meanwhile=_STILL, later=person.tell))


async def _link(code: str, person: SlackPerson, services: Services) -> str:
    if not code.strip():
        return "Type `/axiru link CODE` with the code that the console shows you."
    team_id, user_id = person.installation.team_id, person.slack_user_id
    await services.rate_limit.hit(f"slack/link/{team_id}/{user_id}", per_minute=LINKS_A_MINUTE)
    linked = await link_slack(team_id=team_id, slack_user_id=user_id, code=code, signer=services.signer)
    return f"You are linked: here you are {said(linked.name, 200)}. You can unlink yourself in the console at any time."


async def _queue(person: SlackPerson) -> str:
    if person.member is None:
        return LINK_HINT
    waiting = await waiting_for(person.installation.organization_id, person.member.member_id, most=_QUEUE_SHOWN)
    lines = [waiting_line(sheet) for sheet in waiting.sheets]
    if waiting.others:
        lines.append(f"and {waiting.others} more, in the console")
    return "\n\n".join(lines) or f"Nothing waits for you, {said(person.member.name, 100)}."


def spoken(text: str) -> dict[str, Any]:
    """What the person who typed alone reads."""
    return {"response_type": "ephemeral", "text": text}


_ACTING: Final[dict[str, Callable[[str, SlackPerson, Services], Coroutine[Any, Any, str]]]] = {
    "link": _link,
    "kill": engage_kill_switch,
    "release": release_kill_switch,
}
"""Commands that change something."""
