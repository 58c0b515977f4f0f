"""`/slack/…`: what Slack sends, signed. Answered within its three seconds."""

from typing import Any, Final

import msgspec
from litestar import Request, Response, post

from api.services import Services, services_of
from api.slack.background import UNCERTAIN, answer_in_time, go_on
from api.slack.commands import answer_command, spoken
from api.slack.home import show_home
from api.slack.payloads import Interaction, SlashCommand, read_command, read_event, read_interaction
from api.slack.person import person
from api.slack.received import once
from api.slack.signature import SignedRequest, read_signed
from api.slack.voting import late_vote, pressed, submitted
from axiru.slack.buttons import APPROVE, DENY
from axiru.slack.deny_modal import CALLBACK

_NOTHING: Final[dict[str, Any]] = {}


@post("/slack/interactions", status_code=200)
async def slack_interaction(request: Request[Any, Any, Any]) -> Response[bytes]:
    """A button that was pressed, or a modal that was submitted."""
    services = services_of(request)
    signed = await read_signed(request, services.settings.slack_signing_secret)
    interaction = read_interaction(signed.body)
    return _answer(await answer_in_time(_interact(interaction, signed, services), late_vote(interaction)))


@post("/slack/commands", status_code=200)
async def slack_command(request: Request[Any, Any, Any]) -> Response[bytes]:
    """`/axiru …`, answered to the person who typed it alone."""
    services = services_of(request)
    signed = await read_signed(request, services.settings.slack_signing_secret)
    command = read_command(signed.body)
    return _answer(await answer_in_time(_command(command, signed, services), spoken(UNCERTAIN)))


@post("/slack/events", status_code=200)
async def slack_event(request: Request[Any, Any, Any]) -> Response[bytes]:
    """Somebody looks at the App Home, or Slack asks whether anybody is here."""
    services = services_of(request)
    signed = await read_signed(request, services.settings.slack_signing_secret)
    envelope = read_event(signed.body)
    if envelope.type == "url_verification":
        return _answer({"challenge": envelope.challenge})
    event = envelope.event
    if event is not None and event.type == "app_home_opened" and event.user and event.tab in {None, "home"}:
        go_on(_home(envelope.team_id, event.user, services))
    return _answer(_NOTHING)


async def _home(team_id: str, slack_user_id: str, services: Services) -> None:
    reader = await person(team_id, slack_user_id, None, services)
    if reader is not None:
        await show_home(reader, services.settings.console_url)


async def _command(command: SlashCommand, signed: SignedRequest, services: Services) -> dict[str, Any]:
    typist = await person(command.team_id, command.user_id, command.channel_id, services)
    return await answer_command(command, typist, signed, services)


async def _interact(interaction: Interaction, signed: SignedRequest, services: Services) -> dict[str, Any]:
    someone = await person(interaction.team_id, interaction.user.id, interaction.container.channel_id, services)
    if someone is None:
        return _NOTHING
    match interaction.type:
        case "block_actions" if interaction.actions and interaction.actions[0].action_id in {APPROVE, DENY}:
            await once(signed, lambda: pressed(interaction, someone, services))
            return _NOTHING
        case "view_submission" if interaction.view.callback_id == CALLBACK:
            answer = await once(signed, lambda: submitted(interaction, someone, services))
            return answer if isinstance(answer, dict) else _NOTHING
        case _:
            return _NOTHING


def _answer(body: dict[str, Any]) -> Response[bytes]:
    """Slack takes an empty body for "done": an empty object would be a message without text."""
    content = msgspec.json.encode(body) if body else b""
    return Response(content, status_code=200, media_type="application/json")
