"""What Slack sends, as far as it is read here. Slack adds fields as it likes; those are passed over."""

from typing import Any, TypeVar
from urllib.parse import parse_qsl

import msgspec

from api.errors import InvalidBody
from api.json_body import parse_strictly

_MOST_FIELDS = 100


class Id(msgspec.Struct, frozen=True):
    id: str


class Action(msgspec.Struct, frozen=True):
    action_id: str
    value: str | None = None


class Container(msgspec.Struct, frozen=True):
    """Where the button stood: a message, or the App Home."""

    type: str = ""
    message_ts: str | None = None
    channel_id: str | None = None


class Typed(msgspec.Struct, frozen=True):
    value: str | None = None


class ViewState(msgspec.Struct, frozen=True):
    """What was typed, by block id and action id."""

    values: dict[str, dict[str, Typed]] = {}


class SubmittedView(msgspec.Struct, frozen=True):
    callback_id: str = ""
    private_metadata: str = ""
    state: ViewState = ViewState()


class Interaction(msgspec.Struct, frozen=True):
    """A pressed button (`block_actions`) or a submitted modal (`view_submission`); others say nothing."""

    type: str
    user: Id
    team: Id | None = None
    trigger_id: str = ""
    actions: list[Action] = []
    container: Container = Container()
    view: SubmittedView = SubmittedView()

    @property
    def team_id(self) -> str:
        return self.team.id if self.team else ""


class SlashCommand(msgspec.Struct, frozen=True):
    """https://docs.slack.dev/interactivity/implementing-slash-commands#app_command_handling"""

    team_id: str
    user_id: str
    channel_id: str
    text: str = ""


class Event(msgspec.Struct, frozen=True):
    type: str
    user: str | None = None
    tab: str | None = None


class EventEnvelope(msgspec.Struct, frozen=True):
    """An event, or (`url_verification`) the question whether anybody is here, answered with its `challenge`."""

    type: str
    team_id: str = ""
    challenge: str = ""
    event: Event | None = None


Shape = TypeVar("Shape", bound=msgspec.Struct)


def read_interaction(body: str) -> Interaction:
    """The JSON in the form's field `payload`. Raises InvalidBody, InvalidJson."""
    return _shaped(parse_strictly(_form(body).get("payload", "").encode()), Interaction)


def read_command(body: str) -> SlashCommand:
    """Raises InvalidBody."""
    return _shaped(_form(body), SlashCommand)


def read_event(body: str) -> EventEnvelope:
    """Raises InvalidBody, InvalidJson."""
    return _shaped(parse_strictly(body.encode()), EventEnvelope)


def _form(body: str) -> dict[str, str]:
    try:
        fields = parse_qsl(body, keep_blank_values=True, max_num_fields=_MOST_FIELDS, errors="strict")
    except ValueError:
        raise InvalidBody.single("body", "malformed", "The body is not a form in UTF-8.") from None
    form = dict(fields)
    if len(form) != len(fields):
        raise InvalidBody.single("body", "malformed", "A field is there twice.")
    if any("\x00" in value for value in form.values()):
        raise InvalidBody.single("body", "malformed", "A form has no U+0000 in it.")
    return form


def _shaped(parsed: Any, shape: type[Shape]) -> Shape:
    try:
        return msgspec.convert(parsed, shape)
    except msgspec.ValidationError as error:
        raise InvalidBody.single("body", "invalid", f"{error}.") from error
