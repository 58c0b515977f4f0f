"""Agents: which there are, who answers for each, what each may claim and under whom, and what it spent."""

from collections.abc import Sequence
from typing import Final

from fastapi import Request
from fastapi.responses import Response
from nicegui import ui

from axiru.domain.movement import Mode
from console.agent_views import Agent, Branch, branches, standing
from console.components.agent_tabs import agent_tabs
from console.components.button import Button
from console.components.disclosure import more
from console.components.empty_state import empty_state
from console.components.kept import Kept
from console.components.mode_switch import mode_switch
from console.components.text import Text, block
from console.components.timestamp import Timestamp
from console.entry import PAGE_TIMEOUT_SECONDS, Console
from console.event_stream import StreamEvent
from console.following import Following
from console.pages.agent_form import AgentForm
from console.pages.agent_freeze import AgentFreeze
from console.pages.agent_row import AgentRow, agent_badges
from console.sessions import Session
from console.theme import Frame, frame
from console.views import ControlView

READ_AGAIN_SECONDS: Final = 2.0
"""Agents ask often; what each spent need not be read for every question."""
NOT_PERMITTED: Final = "Admins register agents, and agent owners those of their own. You may look at them."
OWN_ONLY: Final = "You register and change the agents that you answer for. Admins manage all of them."


def register(console: Console) -> None:
    @ui.page("/agents", title="Agents · Axiru", response_timeout=PAGE_TIMEOUT_SECONDS)
    async def agents(request: Request, mode: str = "") -> Response | None:
        session = await console.enter(request)
        if isinstance(session, Response):
            return session
        chosen: Mode = "live" if mode == "live" else "test"
        with frame(session, title="Agents", here="agents", mode=chosen) as shell:
            page = AgentsPage(session, shell, chosen)
            page.build()
        await shell.start()
        await page.start()
        return None


class AgentsPage:
    """One open registry. What each agent spent, and its keys, are those of one mode."""

    def __init__(self, session: Session, shell: Frame, mode: Mode) -> None:
        self._session = session
        self._shell = shell
        self._mode: Mode = mode
        self._kept = Kept()
        self._admin = "members" in session.permissions
        self._owner = "agent_owner" in session.member.roles

    def build(self) -> None:
        agent_tabs("agents", self._mode)
        with block("div", "page-head"):
            with block("div"):
                Text("h1", "Agents")
                Text("p", "Whoever answers for an agent never approves what it asked for.", "sub")
            with block("div", "page-actions"):
                mode_switch(self._mode, "/agents")
                if self._admin or self._owner:
                    Button("Register an agent…", self._register, "primary")
        if not self._admin:
            Text("p", OWN_ONLY if self._owner else NOT_PERMITTED, "muted page-note")
        self._form = AgentForm(self._session, self._read_again)
        self._freeze = AgentFreeze(self._session, self._read_again)
        self._row = AgentRow(self._session, self._mode, self._form, self._freeze, self._read_again)
        with block("div", "panels"):
            with block("section", "panel", aria_label="Registered agents"):
                self._rows = block("ul", "rows agents")
            self._old = block("section", "panel hidden", aria_label="Retired agents")

    async def start(self) -> None:
        self._following = Following(
            self._session,
            self._mode,
            read=self._read,
            concerns=_concerns,
            problem=lambda sentence: self._shell.problem("agents", sentence),
            shortest_interval_seconds=READ_AGAIN_SECONDS,
        )
        await self._following.start()

    def _read_again(self) -> None:
        self._following.resync()

    async def _register(self) -> None:
        self._form.register()

    async def _read(self) -> None:
        agents = (await self._session.agents.agents()).items
        members = (await self._session.people.members()).items
        controls = (await self._session.controls.controls()).items
        freezes = tuple(one for one in controls if one.in_force and one.kind == "freeze" and "agent_id" in one.scope)
        self._form.offer(members)
        # Agents ask all the time. A row whose buttons went away meanwhile would lose a click, and the keyboard's place.
        shown = ([standing(agent) for agent in agents], freezes)
        self._kept.show(shown, lambda: self._build_rows(agents, freezes))
        self._row.update(agents)

    def _build_rows(self, agents: Sequence[Agent], freezes: Sequence[ControlView]) -> None:
        self._row.know(agents, freezes)
        self._rows.clear()
        tree = branches(agents)
        with self._rows:
            for branch in tree:
                self._branch(branch)
            if not tree:
                with block("li"):
                    empty_state(
                        "No agent is registered",
                        "Agents may ask without being registered. Registered, they have an owner, and claim no more "
                        "than they were given.",
                    )
        self._show_retired([agent for agent in agents if agent.retired_at is not None])

    def _branch(self, branch: Branch) -> None:
        with block("li", "agent"):
            self._row.build(branch.agent)
            if branch.below:
                label = f"Under {branch.agent.name}"
                with block("ul", "agents-below", aria_label=label):
                    for one in branch.below:
                        self._branch(one)

    def _show_retired(self, retired: Sequence[Agent]) -> None:
        self._old.clear()
        self._old.classes(replace="panel" if retired else "panel hidden")
        with self._old, block("div", "panel-body"), more(f"Retired: {len(retired)}"), block("ul", "rows rows-flush"):
            for agent in retired:
                with block("li"):
                    with block("div", "row-head"):
                        Text("strong", agent.name)
                        Text("code", agent.agent_id, "chip")
                        agent_badges(agent)
                    with block("p", "facts"):
                        Text("span", f"{agent.owner.shown} answered for it")
                        if agent.retired_at is not None:
                            with block("span"):
                                Text("span", "retired ")
                                Timestamp(agent.retired_at)


def _concerns(event: StreamEvent) -> bool:
    return event.event in {"authorization", "decision", "control", "agent"}
