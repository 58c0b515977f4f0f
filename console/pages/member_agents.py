"""Agents and the members who answer for them: an owner never approves what the agent asked for."""

from collections.abc import Callable, Sequence
from functools import partial

from console.carrying_out import carried_out
from console.components.button import Button
from console.components.confirm_dialog import ConfirmDialog
from console.components.empty_state import empty_state
from console.components.question import Question
from console.components.select_field import SelectField
from console.components.text import Text, block
from console.components.text_field import TextField
from console.people_views import Agent, MemberView
from console.sessions import Session


class Agents:
    """The panel and its dialogs. Admins manage all agents, owners their own."""

    def __init__(self, session: Session, changed: Callable[[], None]) -> None:
        self._session = session
        self._changed = changed
        self._admin = "members" in session.permissions
        self._owners: dict[str, str] = {}
        self._agent: Agent | None = None
        self._question = Question(session, changed)
        self._dialog = ConfirmDialog("", "", self._submit, "primary")
        with block("section", "panel", aria_label="Agents"):
            with block("div", "panel-top"):
                Text("h2", "Agents")
                if self._admin or "agent_owner" in session.member.roles:
                    Button("Register an agent…", self._register)
            Text("p", "Whoever answers for an agent never approves what it asked for.", "muted panel-note")
            self._rows = block("ul", "rows")

    def show(self, agents: Sequence[Agent], members: Sequence[MemberView]) -> None:
        self._owners = {member.id: member.name for member in members if not member.disabled}
        self._rows.clear()
        with self._rows:
            known = [agent for agent in agents if agent.retired_at is None]
            for agent in known:
                self._row(agent)
            if not known:
                with block("li"):
                    empty_state("No agent is registered", "Register one by the id that requests name it with.")

    def _row(self, agent: Agent) -> None:
        with block("li", "row-acts"):
            with block("div", "row-head"):
                Text("strong", agent.name)
                Text("code", agent.agent_id, "chip")
            Text("p", f"{agent.owner.shown} answers for it", "facts")
            if self._admin or agent.owner.id == self._session.member.id:
                with block("div", "row-buttons"):
                    Button("Change…", partial(self._change, agent), "quiet")
                    Button("Retire…", partial(self._ask_to_retire, agent), "quiet")

    async def _register(self) -> None:
        self._open(None)

    async def _change(self, agent: Agent) -> None:
        self._open(agent)

    def _open(self, agent: Agent | None) -> None:
        self._agent = agent
        own = self._session.member
        owners = self._owners if self._admin else {own.id: own.name or own.email}
        if agent is not None and agent.owner.id == own.id:
            # Nobody hands over what they answer for: another admin does.
            owners = {own.id: agent.owner.shown}
        elif agent is not None:
            owners = {agent.owner.id: agent.owner.shown, **owners}
        self._dialog.content.clear()
        with self._dialog.content:
            if agent is None:
                self._id = TextField(
                    "Id", placeholder="refund-agent-1", max_length=255, hint="Exactly as requests name the agent."
                )
            self._name = TextField("Name", value=agent.name if agent else "", max_length=100)
            self._owner = SelectField("Who answers for it", owners, agent.owner.id if agent else next(iter(owners)))
        if agent is None:
            self._dialog.ask("Register an agent", "Register", "primary")
        else:
            self._dialog.ask(f"Change {agent.name}", "Change", "primary")

    async def _submit(self) -> None:
        agent, people = self._agent, self._session.people
        if agent is None and not self._id.value.strip():
            self._id.refuse("The id that requests name it with.")
            return
        name, owner = self._name.value.strip(), self._owner.value
        if not name:
            self._name.refuse("A name that people know it by.")
            return

        async def submit() -> None:
            if agent is None:
                await people.register_agent(agent_id=self._id.value.strip(), name=name, owner_member_id=owner)
            else:
                handed_over = {"owner_member_id": owner} if owner != agent.owner.id else {}
                await people.change_agent(agent.id, name=name, **handed_over)

        if await carried_out(self._session, submit, self._dialog.refuse):
            self._dialog.close()
            self._changed()

    async def _ask_to_retire(self, agent: Agent) -> None:
        self._question.ask(
            f"Retire {agent.name}",
            (
                "Nobody answers for it any more: what it asks for is decided by its key's owner alone.",
                "To stop it, freeze it on the page of controls.",
            ),
            "Retire it",
            lambda _: self._session.people.retire_agent(agent.id),
        )
