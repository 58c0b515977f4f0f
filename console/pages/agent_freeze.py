"""The freeze of one agent, from the registry."""

from collections.abc import Callable

from console.agent_views import Agent
from console.components.control_dialog import ControlDialog, Subject
from console.components.text import Text, block
from console.sessions import Session
from console.views import ControlView


class AgentFreeze:
    """One dialog for all agents; `changed` is called once the freeze is in force."""

    def __init__(self, session: Session, changed: Callable[[], None]) -> None:
        self._agent: Agent | None = None
        self._changed = changed
        self._dialog = ControlDialog(
            session,
            "freeze",
            title="Freeze an agent",
            confirm="Freeze it",
            sentences=(
                "Everything it and the agents under it ask for is denied, on surfaces in shadow too.",
                "Tokens it has are not consumed, and what was approved for it is not executed, while it is frozen.",
            ),
            subject=self._subject,
            engaged=self._frozen,
        )
        with self._dialog.about():
            self._named = block("p")

    def ask(self, agent: Agent) -> None:
        self._agent = agent
        self._named.clear()
        with self._named:
            Text("strong", agent.name)
            Text("span", " ")
            Text("code", agent.agent_id, "chip")
        self._dialog.open()

    async def _subject(self) -> Subject | None:
        return Subject({"agent_id": self._agent.agent_id}) if self._agent else None

    def _frozen(self, control: ControlView) -> None:
        del control
        self._changed()
