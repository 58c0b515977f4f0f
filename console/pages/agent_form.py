"""The form of an agent: registered, changed, or given a part of another agent's authority."""

import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Literal

from console.agent_views import Agent
from console.carrying_out import carried_out
from console.components.check_group import CheckGroup
from console.components.confirm_dialog import ConfirmDialog
from console.components.select_field import SelectField
from console.components.text import Text
from console.components.text_field import TextField
from console.components.timestamp import utc_text
from console.people_views import MemberView
from console.sessions import Session

_SPANS: Final = {"2592000": "In 30 days", "7776000": "In 90 days", "31536000": "In a year"}
_KEEP: Final = "keep"
_NEVER: Final = "never"
_LONGEST_SCOPE: Final = 100
_MOST_SCOPES: Final = 50
_SEPARATORS: Final = re.compile(r"[\s,]+")


class AgentForm:
    """One dialog; `changed` is called after the API has done it. Admins name any owner, owners themselves."""

    def __init__(self, session: Session, changed: Callable[[], None]) -> None:
        self._session = session
        self._changed = changed
        self._admin = "members" in session.permissions
        self._members: dict[str, str] = {}
        self._dialog = ConfirmDialog("", "", self._submit, "primary")
        self._doing: Literal["register", "change"] = "register"
        self._agent: Agent | None = None
        self._above: Agent | None = None

    def offer(self, members: Sequence[MemberView]) -> None:
        """Who may answer for an agent."""
        self._members = {member.id: member.name for member in members if not member.disabled}

    def register(self) -> None:
        self._open("register", None, None)
        self._dialog.ask("Register an agent", "Register", "primary")

    def change(self, agent: Agent, above: Agent | None) -> None:
        self._open("change", agent, above)
        self._dialog.ask(f"Change {agent.name}", "Change", "primary")

    def delegate(self, above: Agent) -> None:
        """Register an agent under `above`."""
        self._open("register", None, above)
        self._dialog.ask(f"Delegate from {above.name}", "Register it", "primary")

    def _open(self, doing: Literal["register", "change"], agent: Agent | None, above: Agent | None) -> None:
        self._doing, self._agent, self._above = doing, agent, above
        self._dialog.content.clear()
        with self._dialog.content:
            if above is not None and agent is None:
                Text(
                    "p",
                    f"It has no more than {above.name} has, and ends no later. Whatever stops {above.name} stops it, "
                    "too, and both share one budget.",
                )
            if agent is None:
                self._id = TextField(
                    "Id", placeholder="refund-agent-1", max_length=255, hint="Exactly as requests name the agent."
                )
            self._name = TextField("Name", value=agent.name if agent else "", max_length=100)
            owners = self._owners()
            likely = agent or above
            answers = likely.owner.id if likely and likely.owner.id in owners else next(iter(owners))
            self._owner = SelectField("Who answers for it", owners, answers)
            self._build_scopes()
            self._ends = SelectField("Its authority ends", self._ends_options(), _KEEP if agent else _NEVER)

    def _owners(self) -> dict[str, str]:
        own, agent = self._session.member, self._agent
        if agent is not None and agent.owner.id == own.id:
            # Nobody hands over what they answer for: another admin does.
            return {own.id: agent.owner.shown}
        owners = self._members if self._admin else {own.id: own.name or own.email}
        return {agent.owner.id: agent.owner.shown, **owners} if agent is not None else owners

    def _build_scopes(self) -> None:
        """Under another agent, what that one has is all there is to choose from."""
        scopes = self._agent.scopes if self._agent else ()
        self._typed: TextField | None = None
        self._picked: CheckGroup | None = None
        if self._above is None:
            self._typed = TextField(
                "It may claim",
                value=" ".join(scopes),
                placeholder="payments:write payouts:write",
                hint="Scopes, parted by blanks or commas. It cannot claim what is not here.",
                max_length=6_000,
            )
        elif self._above.effective_scopes:
            offered = {scope: (scope, "") for scope in self._above.effective_scopes}
            self._picked = CheckGroup("It may claim", offered, scopes)
        else:
            Text("p", f"{self._above.name} has no scope to pass on.", "muted")

    def _ends_options(self) -> dict[str, str]:
        never = f"With {self._above.name}" if self._above else "When it is retired"
        if self._agent is None:
            return {_NEVER: never, **_SPANS}
        stands = self._agent.expires_at and self._agent.expires_at.astimezone(UTC)
        kept = f"As it is: {stands.day} {stands:%B %Y}" if stands else f"As it is: {never[0].lower()}{never[1:]}"
        return {_KEEP: kept, **({_NEVER: never} if stands else {}), **_SPANS}

    async def _submit(self) -> None:
        wanted = self._read()
        if wanted is None:
            return
        agents, agent = self._session.agents, self._agent

        async def submit() -> None:
            if agent is None:
                await agents.register(wanted)
            else:
                await agents.change(agent.id, wanted)

        if await carried_out(self._session, submit, self._dialog.refuse):
            self._dialog.close()
            self._changed()

    def _read(self) -> dict[str, Any] | None:
        """What was filled in, as the API takes it; of a change only what is different. None once a field is refused."""
        name, scopes = self._name.value.strip(), self._scopes()
        if self._agent is None and not self._id.value.strip():
            self._id.refuse("Give the id that requests name it with.")
            return None
        if not name:
            self._name.refuse("Give a name that people know it by.")
            return None
        if scopes is None:
            return None
        ends = self._end()
        if self._agent is None:
            body: dict[str, Any] = {
                "agent_id": self._id.value.strip(),
                "name": name,
                "owner_member_id": self._owner.value,
                "scopes": scopes,
            }
            if self._above is not None:
                body["delegated_by"] = self._above.id
            return {**body, "expires_at": ends} if ends is not None else body
        was = self._agent
        changes = {"name": name, "owner_member_id": self._owner.value, "scopes": scopes}
        stood = {"name": was.name, "owner_member_id": was.owner.id, "scopes": sorted(was.scopes)}
        body = {field: value for field, value in changes.items() if value != stood[field]}
        return body if self._ends.value == _KEEP else {**body, "expires_at": ends}

    def _scopes(self) -> list[str] | None:
        if self._picked is not None:
            return sorted(self._picked.chosen)
        if self._typed is None:
            return []
        scopes = sorted({scope for scope in _SEPARATORS.split(self._typed.value) if scope})
        if len(scopes) > _MOST_SCOPES or any(len(scope) > _LONGEST_SCOPE for scope in scopes):
            self._typed.refuse(f"{_MOST_SCOPES} scopes at most, each of {_LONGEST_SCOPE} characters at most.")
            return None
        return scopes

    def _end(self) -> str | None:
        if self._ends.value in {_KEEP, _NEVER}:
            return None
        return utc_text(datetime.now(UTC) + timedelta(seconds=int(self._ends.value)))
