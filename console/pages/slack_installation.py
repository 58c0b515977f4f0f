"""Slack: which workspace and channel approvals are told in, and installing or removing it."""

from collections.abc import Callable
from typing import Final

from console.carrying_out import carried_out
from console.components.badge import badge
from console.components.button import Button
from console.components.confirm_dialog import ConfirmDialog
from console.components.key_value import fact, key_value, key_values
from console.components.question import Question
from console.components.text import Text, block, link
from console.components.text_field import TextField
from console.components.timestamp import Timestamp
from console.outgoing_views import Slack
from console.sessions import Session

_FIELDS: Final = (
    ("team_id", "Workspace", "T0123456789", "Its id begins with T."),
    ("channel_id", "Channel", "C0123456789", "Approvals are posted there. Invite the app to it first."),
    ("bot_token", "Bot token", "xoxb-…", "From the app's page at Slack. It is stored encrypted and never shown."),
)


class SlackPanel:
    """The panel and its dialogs."""

    def __init__(self, session: Session, changed: Callable[[], None]) -> None:
        self._session = session
        self._changed = changed
        self._shown: Slack | None = None
        self._question = Question(session, changed)
        self._dialog = ConfirmDialog("Install Slack", "Install it", self._install, "primary")
        with self._dialog.content:
            self._fields = {
                name: TextField(label, placeholder=example, hint=hint, max_length=255)
                for name, label, example, hint in _FIELDS
            }
        with block("section", "panel", aria_label="Slack"):
            with block("div", "panel-top"):
                Text("h2", "Slack")
                self._actions = block("div", "page-actions")
            self._state = block("div", "panel-body")

    def show(self, slack: Slack) -> None:
        if slack == self._shown:
            return
        self._shown = slack
        installed = slack.team_id is not None
        self._actions.clear()
        with self._actions:
            Button("Replace…" if installed else "Install…", self._open)
            if installed:
                Button("Remove…", self._ask_to_remove)
        self._state.clear()
        with self._state:
            if installed:
                badge("Installed", "good", "check")
                _installation(slack)
            else:
                Text("p", "Not installed. With it, approvers are asked in a channel and vote there.", "muted")
            with block("p", "muted"):
                Text("span", "Nobody votes in Slack before linking their own user on ")
                link("their account's page", "/account")
                Text("span", ".")

    async def _open(self) -> None:
        self._dialog.open()

    async def _install(self) -> None:
        values = {name: field.value.strip() for name, field in self._fields.items()}
        for name, label, _, hint in _FIELDS:
            if not values[name]:
                self._fields[name].refuse(f"{label} is needed. {hint}")
                return
        outgoing = self._session.outgoing
        if await carried_out(self._session, lambda: outgoing.install_slack(**values), self._dialog.refuse):
            self._fields["bot_token"].clear_text()
            self._dialog.close()
            self._changed()

    async def _ask_to_remove(self) -> None:
        self._question.ask(
            "Remove Slack",
            ("Nothing more is posted, and no vote is taken from Slack. The other doors stay open.",),
            "Remove it",
            lambda _: self._session.outgoing.remove_slack(),
        )


def _installation(slack: Slack) -> None:
    with key_values():
        key_value("Workspace", slack.team_id)
        key_value("Channel", slack.channel_id)
        if slack.installed_at is not None:
            with fact("Installed"):
                Timestamp(slack.installed_at, "full")
                Text("span", f" by {slack.installed_by.shown}" if slack.installed_by else "")
