"""Slack's Web API: the seven methods Axiru calls, refusing what Slack refuses with Slack's own words."""

import json
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

from axiru.dev.slack_sandbox.checking import faults_of_message, faults_of_view
from axiru.dev.slack_sandbox.faults import Faults
from axiru.dev.slack_sandbox.people import BOT_USER_ID, CHANNELS, TEAM_ID, USERS
from axiru.dev.slack_sandbox.state import Ephemeral, Message, OpenView, StateFile

TRIGGER_SECONDS: Final = 3.0
_LONGEST_TEXT: Final = 40_000

Arguments = Mapping[str, Any]


class Refused(Exception):
    """Slack's `{"ok": false, "error": …}`."""

    def __init__(self, error: str, messages: list[str] | None = None) -> None:
        super().__init__(error)
        self.error = error
        self.messages = messages or []


class WebApi:
    """Every method by its name; `calls` is what came, oldest first."""

    def __init__(self, state: StateFile, bot_token: str) -> None:
        self.state = state
        self.faults = Faults()
        self.calls: list[dict[str, Any]] = []
        self._bot_token = bot_token
        self._triggers: dict[str, tuple[str, float]] = {}
        self._methods: dict[str, Callable[[Arguments], dict[str, Any]]] = {
            "auth.test": self._auth_test,
            "chat.postMessage": self._post_message,
            "chat.update": self._update,
            "chat.postEphemeral": self._post_ephemeral,
            "views.open": self._open_view,
            "views.publish": self._publish_view,
            "users.info": self._user_info,
        }

    def answer(self, method: str, authorization: str, arguments: Arguments) -> dict[str, Any]:
        """What Slack would answer with status 200."""
        self.calls.append({"method": method, "arguments": dict(arguments), "at": time.time()})
        try:
            if method not in self._methods:
                raise Refused("unknown_method")
            self._check_token(authorization)
            answer = self._methods[method](arguments)
        except Refused as refused:
            metadata = {"response_metadata": {"messages": refused.messages}} if refused.messages else {}
            return {"ok": False, "error": refused.error, **metadata}
        self.state.keep()
        return {"ok": True, **answer}

    def new_trigger(self, user: str) -> str:
        """The permission to open one modal for this person, within three seconds."""
        trigger_id = f"{self.state.next_number()}.{time.time_ns()}"
        self._triggers[trigger_id] = (user, time.monotonic() + TRIGGER_SECONDS)
        return trigger_id

    def _check_token(self, authorization: str) -> None:
        scheme, _, token = authorization.partition(" ")
        if not token:
            raise Refused("not_authed")
        if scheme.lower() != "bearer" or token != self._bot_token:
            raise Refused("invalid_auth")

    def _auth_test(self, _: Arguments) -> dict[str, Any]:
        return {
            "url": "https://demo.slack.example/",
            "team": "Demo organization",
            "user": "axiru",
            "team_id": TEAM_ID,
            "user_id": BOT_USER_ID,
            "bot_id": "B_AXIRU",
        }

    def _post_message(self, arguments: Arguments) -> dict[str, Any]:
        channel, text, blocks = _channel(arguments), _text(arguments), _blocks(arguments)
        thread_ts = arguments.get("thread_ts")
        if thread_ts is not None and self.state.message(channel, str(thread_ts)) is None:
            raise Refused("thread_not_found")
        ts = f"{int(time.time())}.{self.state.next_number():06d}"
        message = Message(channel=channel, ts=ts, text=text, blocks=blocks, thread_ts=thread_ts)
        self.state.workspace.messages.append(message)
        return {"channel": channel, "ts": ts, "message": {"text": text, "blocks": blocks, "ts": ts}}

    def _update(self, arguments: Arguments) -> dict[str, Any]:
        channel, text, blocks = _channel(arguments), _text(arguments), _blocks(arguments)
        message = self.state.message(channel, str(arguments.get("ts")))
        if message is None:
            raise Refused("message_not_found")
        message.text, message.blocks = text, blocks
        message.edited += 1
        return {"channel": channel, "ts": message.ts, "text": text}

    def _post_ephemeral(self, arguments: Arguments) -> dict[str, Any]:
        channel, text, blocks = _channel(arguments), _text(arguments), _blocks(arguments)
        if arguments.get("user") not in USERS:
            raise Refused("user_not_in_channel")
        told = Ephemeral(channel=channel, user=str(arguments["user"]), text=text, blocks=blocks)
        self.state.workspace.ephemerals.append(told)
        return {"message_ts": f"{int(time.time())}.{self.state.next_number():06d}"}

    def _open_view(self, arguments: Arguments) -> dict[str, Any]:
        user, until = self._triggers.pop(str(arguments.get("trigger_id")), ("", 0.0))
        if not user:
            raise Refused("invalid_trigger_id")
        if time.monotonic() > until:
            raise Refused("expired_trigger_id")
        view = _view(arguments, "modal")
        opened = OpenView(id=f"V{self.state.next_number()}", user=user, view=view)
        self.state.workspace.views.append(opened)
        return {"view": {"id": opened.id, **view}}

    def _publish_view(self, arguments: Arguments) -> dict[str, Any]:
        user = str(arguments.get("user_id"))
        if user not in USERS:
            raise Refused("user_not_found")
        view = _view(arguments, "home")
        self.state.workspace.homes[user] = view
        return {"view": view}

    def _user_info(self, arguments: Arguments) -> dict[str, Any]:
        user = str(arguments.get("user"))
        if user not in USERS:
            raise Refused("user_not_found")
        return {"user": {"id": user, "team_id": TEAM_ID, "real_name": USERS[user], "is_bot": False}}


def _channel(arguments: Arguments) -> str:
    channel = arguments.get("channel")
    # A user's id opens the conversation between the app and that user.
    if channel not in CHANNELS and channel not in USERS:
        raise Refused("channel_not_found")
    return str(channel)


def _text(arguments: Arguments) -> str:
    text = str(arguments.get("text") or "")
    if len(text) > _LONGEST_TEXT:
        raise Refused("msg_too_long")
    if not text and not arguments.get("blocks"):
        raise Refused("no_text")
    return text


def _blocks(arguments: Arguments) -> list[dict[str, Any]]:
    given = _parsed(arguments.get("blocks") or [], "invalid_blocks_format")
    if faults := faults_of_message(given):
        raise Refused("invalid_blocks", faults)
    blocks: list[dict[str, Any]] = given
    return blocks


def _view(arguments: Arguments, kind: str) -> dict[str, Any]:
    given = _parsed(arguments.get("view") or {}, "invalid_arguments")
    faults = faults_of_view(given)
    if not faults and given["type"] != kind:
        faults = [f"this method takes a view of type {kind}"]
    if faults:
        raise Refused("invalid_arguments", faults)
    view: dict[str, Any] = given
    return view


def _parsed(given: Any, error: str) -> Any:
    """Slack's clients send nested values as JSON text where the body is a form."""
    if not isinstance(given, str):
        return given
    try:
        return json.loads(given)
    except ValueError:
        raise Refused(error) from None
