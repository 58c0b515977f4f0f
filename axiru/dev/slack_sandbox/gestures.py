"""What people do in Slack: press a button, submit a modal, type a command, open the App Home; signed as Slack signs."""

import json
import secrets
import time
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlencode

import httpx
import msgspec
from slack_sdk.signature import SignatureVerifier

from axiru.dev.slack_sandbox.checking import faults_of_view
from axiru.dev.slack_sandbox.people import CHANNEL_ID, TEAM_ID, USERS
from axiru.dev.slack_sandbox.state import OpenView
from axiru.dev.slack_sandbox.web_api import WebApi

SLACK_WAITS_SECONDS: Final = 3.0
_FORM: Final = "application/x-www-form-urlencoded"


class NoSuchThing(Exception):
    """The message, the button or the modal is not there (any more)."""


class Press(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A button of a message, or of the person's App Home where no `ts` is named."""

    user: str
    action_id: str
    channel: str = CHANNEL_ID
    ts: str | None = None
    value: str | None = None
    times: int = 1


class Submit(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A modal with what was typed into its inputs, by action id."""

    view_id: str
    values: dict[str, str]


class Command(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What was typed behind `/axiru`."""

    user: str
    text: str
    channel: str = CHANNEL_ID


class OpenHome(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    user: str


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """How the app answered, and the signed request itself, so that a test can send it once more.

    `in_time` is what Slack shows people an error for, as it does for `faults` in a view it was answered with.
    """

    status: int
    body: Any
    seconds: float
    in_time: bool
    sent: dict[str, Any]
    faults: list[str] = []


class Gestures:
    """Sends what Slack would send to the app at `api_url`."""

    def __init__(self, api: WebApi, *, api_url: str, signing_secret: str) -> None:
        self._api = api
        self._signer = SignatureVerifier(signing_secret)
        self._http = httpx.AsyncClient(base_url=api_url, timeout=30, trust_env=False)

    async def close(self) -> None:
        await self._http.aclose()

    async def press(self, press: Press) -> Reply:
        """Press a button. `times` presses are separate requests, as a double click's are. Raises NoSuchThing."""
        button, blocks = self._button(press)
        container: dict[str, Any] = {"type": "view", "view_id": "V0"}
        if press.ts is not None:
            message = {"ts": press.ts, "type": "message", "blocks": blocks}
            container = {"type": "message", "message_ts": press.ts, "channel_id": press.channel, "is_ephemeral": False}
            extra: dict[str, Any] = {
                "channel": {"id": press.channel, "name": "approvals"},
                "message": message,
                "response_url": "https://hooks.slack.example/actions/none",
            }
        else:
            extra = {"view": {"id": "V0", "type": "home"}}
        replies = []
        for _ in range(press.times):
            action = {
                "type": "button",
                "action_id": press.action_id,
                "block_id": "b",
                "value": button.get("value") if press.value is None else press.value,
                "action_ts": str(time.time()),
            }
            payload = {
                "type": "block_actions",
                **_who(press.user),
                "api_app_id": "A_AXIRU",
                "trigger_id": self._api.new_trigger(press.user),
                "container": container,
                "actions": [action],
                **extra,
            }
            replies.append(await self._interact(payload))
        return replies[-1]

    async def submit(self, submit: Submit) -> Reply:
        """Submit a modal; an answer with errors leaves it open, as in Slack. Raises NoSuchThing."""
        workspace = self._api.state.workspace
        opened = next((one for one in workspace.views if one.id == submit.view_id), None)
        if opened is None:
            raise NoSuchThing("There is no such open modal.")
        payload = {
            "type": "view_submission",
            **_who(opened.user),
            "api_app_id": "A_AXIRU",
            "trigger_id": self._api.new_trigger(opened.user),
            "view": {"id": opened.id, "hash": "1", **opened.view, "state": {"values": _typed(opened, submit.values)}},
        }
        reply = await self._interact(payload)
        answered = reply.body if isinstance(reply.body, dict) else {}
        match answered.get("response_action"):
            case "errors":
                return reply
            case "update":
                view = answered.get("view")
                if faults := faults_of_view(view):
                    return msgspec.structs.replace(reply, faults=faults)
                workspace.views[workspace.views.index(opened)] = msgspec.structs.replace(opened, view=view)
            case _ if reply.status == 200:
                workspace.views.remove(opened)
        self._api.state.keep()
        return reply

    async def command(self, command: Command) -> Reply:
        """Type `/axiru …`, the command's name with it or not."""
        form = {
            "token": "deprecated",
            "team_id": TEAM_ID,
            "team_domain": "demo",
            "channel_id": command.channel,
            "channel_name": "approvals",
            "user_id": command.user,
            "user_name": USERS.get(command.user, command.user),
            "command": "/axiru",
            "text": command.text.strip().removeprefix("/axiru").lstrip(),
            "api_app_id": "A_AXIRU",
            "response_url": "https://hooks.slack.example/commands/none",
            "trigger_id": self._api.new_trigger(command.user),
        }
        return await self._send("/slack/commands", urlencode(form).encode(), _FORM)

    async def open_home(self, opening: OpenHome) -> Reply:
        """Look at the App Home."""
        event = {
            "token": "deprecated",
            "team_id": TEAM_ID,
            "api_app_id": "A_AXIRU",
            "type": "event_callback",
            "event": {"type": "app_home_opened", "user": opening.user, "channel": "D1", "tab": "home"},
            "event_id": f"Ev{secrets.token_hex(8)}",
            "event_time": int(time.time()),
        }
        return await self._send("/slack/events", json.dumps(event).encode(), "application/json")

    async def _interact(self, payload: Mapping[str, Any]) -> Reply:
        return await self._send("/slack/interactions", urlencode({"payload": json.dumps(payload)}).encode(), _FORM)

    async def _send(self, path: str, body: bytes, content_type: str) -> Reply:
        timestamp = str(int(time.time()))
        headers = {
            "Content-Type": content_type,
            "X-Slack-Request-Timestamp": timestamp,
            "X-Slack-Signature": self._signer.generate_signature(timestamp=timestamp, body=body) or "",
        }
        began = time.monotonic()
        answer = await self._http.post(path, content=body, headers=headers)
        seconds = time.monotonic() - began
        is_json = answer.headers.get("content-type", "").startswith("application/json")
        return Reply(
            status=answer.status_code,
            body=answer.json() if is_json and answer.content else answer.text,
            seconds=seconds,
            in_time=seconds <= SLACK_WAITS_SECONDS,
            sent={"path": path, "headers": headers, "body": body.decode()},
        )

    def _button(self, press: Press) -> tuple[dict[str, Any], list[dict[str, Any]]]:
        state = self._api.state
        if press.ts is None:
            blocks = state.workspace.homes.get(press.user, {}).get("blocks", [])
        else:
            message = state.message(press.channel, press.ts)
            blocks = [] if message is None else message.blocks
        buttons = [
            element
            for block in blocks
            if block["type"] == "actions"
            for element in block["elements"]
            if element["action_id"] == press.action_id and press.value in {None, element.get("value")}
        ]
        # What somebody else's client sends is not bound to what is shown: a value may name anything.
        if not buttons and press.value is None:
            raise NoSuchThing("There is no such button.")
        return (buttons[0] if buttons else {}), blocks


def _who(user: str) -> dict[str, Any]:
    return {
        "user": {"id": user, "username": USERS.get(user, user), "team_id": TEAM_ID},
        "team": {"id": TEAM_ID, "domain": "demo"},
        "token": "deprecated",
    }


def _typed(opened: OpenView, values: Mapping[str, str]) -> dict[str, Any]:
    """Slack's shape of what was typed; an input left empty has the value null."""
    inputs = [block for block in opened.view["blocks"] if block["type"] == "input"]
    return {
        block["block_id"]: {
            block["element"]["action_id"]: {
                "type": "plain_text_input",
                "value": values.get(block["element"]["action_id"]),
            }
        }
        for block in inputs
    }
