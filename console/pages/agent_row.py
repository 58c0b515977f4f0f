"""One agent of the registry: what it may, until when, by which keys, what it spent, and what may be done about it."""

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from urllib.parse import urlencode

from nicegui.element import Element

from axiru.domain.movement import Mode, folded_agent
from console.agent_views import Agent, line_of
from console.components.badge import badge
from console.components.button import Button
from console.components.kept import Kept
from console.components.key_value import fact
from console.components.money import asset_amount, in_short
from console.components.question import Question
from console.components.text import Text, block, link
from console.components.timestamp import Timestamp
from console.control_words import may_control
from console.pages.agent_form import AgentForm
from console.pages.agent_freeze import AgentFreeze
from console.sessions import Session
from console.views import ControlView


class AgentRow:
    """Builds rows; `know` tells it of all agents and freezes first, `update` of what they did, again and again."""

    def __init__(
        self, session: Session, mode: Mode, form: AgentForm, freeze: AgentFreeze, changed: Callable[[], None]
    ) -> None:
        self._session = session
        self._mode = mode
        self._form = form
        self._freeze = freeze
        self._question = Question(session, changed)
        self._by_id: dict[str, Agent] = {}
        self._freezes: dict[str, ControlView] = {}
        self._facts_of: dict[str, tuple[Element, Kept]] = {}

    def know(self, agents: Sequence[Agent], freezes: Sequence[ControlView]) -> None:
        self._by_id = {agent.id: agent for agent in agents}
        self._freezes = {folded_agent(one.scope["agent_id"]): one for one in freezes}
        self._facts_of = {}

    def update(self, agents: Sequence[Agent]) -> None:
        for agent in agents:
            if agent.id in self._facts_of:
                place, kept = self._facts_of[agent.id]
                kept.show(agent, partial(self._show_facts, place, agent))

    def build(self, agent: Agent) -> None:
        own = self._freezes.get(folded_agent(agent.agent_id))
        above = next((one for one in [*line_of(agent, self._by_id)][1:] if self._is_frozen(one)), None)
        with block("div", "row-acts agent-row"):
            with block("div", "row-head"):
                Text("strong", agent.name)
                Text("code", agent.agent_id, "chip")
                agent_badges(agent)
                if own is not None:
                    badge("Frozen", "waiting", "lock")
                elif above is not None:
                    badge(f"Frozen with {above.name}", "waiting", "lock")
            with block("p", "facts"):
                line = f"{agent.owner.shown} answers for it"
                if agent.parent is not None:
                    line += f"; its authority is from {self._name(agent.parent.id, agent.parent.agent_id)}"
                Text("span", line)
            self._facts_of[agent.id] = (block("dl", "agent-facts"), Kept())
            if own is not None:
                Text("p", own.reason, "quoted")
            with block("div", "row-buttons"):
                self._buttons(agent, own)

    def _is_frozen(self, agent: Agent) -> bool:
        return folded_agent(agent.agent_id) in self._freezes

    def _name(self, ident: str, agent_id: str) -> str:
        return self._by_id[ident].name if ident in self._by_id else agent_id

    def _show_facts(self, place: Element, agent: Agent) -> None:
        place.clear()
        with place:
            self._facts(agent)

    def _facts(self, agent: Agent) -> None:
        with fact("May claim"):
            _scopes(agent)
        with fact("Ends"):
            if agent.ends_at is None:
                Text("span", "when it is retired", "absent")
            else:
                Timestamp(agent.ends_at)
                if agent.ends_at != agent.expires_at:
                    Text("span", "with one above it", "muted agent-note")
        with fact("Keys of its own"):
            _keys(agent, self._mode)
        with fact("Last asked"):
            if agent.last_asked_at is None:
                Text("span", "not yet", "absent")
            else:
                Timestamp(agent.last_asked_at, "distance")
        with fact("Spent in 24 h"):
            self._spent(agent)

    def _spent(self, agent: Agent) -> None:
        spent = [one for one in agent.spent_24h if one.mode == self._mode]
        for one in spent:
            where = urlencode({"agent": agent.agent_id, "mode": self._mode})
            whole = asset_amount(int(one.units), one.asset)
            amount = link(in_short(whole), f"/?{where}", "money")
            amount.props["title"] = f"{whole}, {one.asset}"
        if not spent:
            Text("span", "nothing", "absent")

    def _buttons(self, agent: Agent, own: ControlView | None) -> None:
        if "members" in self._session.permissions or (
            "agent_owner" in self._session.member.roles and agent.owner.id == self._session.member.id
        ):
            _button("Change…", partial(self._change, agent), agent)
            if agent.over is None:
                _button("Delegate…", partial(self._delegate, agent), agent)
            _button("Retire…", partial(self._ask_to_retire, agent), agent)
        if may_control(self._session):
            if own is None:
                _button("Freeze…", partial(self._ask_to_freeze, agent), agent)
            else:
                _button("Lift the freeze…", partial(self._ask_to_lift, agent, own), agent)

    async def _change(self, agent: Agent) -> None:
        self._form.change(agent, self._above(agent))

    async def _delegate(self, agent: Agent) -> None:
        self._form.delegate(agent)

    def _above(self, agent: Agent) -> Agent | None:
        return self._by_id.get(agent.parent.id) if agent.parent is not None else None

    async def _ask_to_freeze(self, agent: Agent) -> None:
        self._freeze.ask(agent)

    async def _ask_to_lift(self, agent: Agent, control: ControlView) -> None:
        self._question.ask(
            f"Lift the freeze of {agent.name}",
            ("What it and the agents under it ask for is decided by policy again.",),
            "Lift the freeze",
            lambda reason: self._session.controls.lift(control.id, reason=reason),
            weight="primary",
            reason="required",
            hint="The ledger keeps it beside the reason for freezing.",
        )

    async def _ask_to_retire(self, agent: Agent) -> None:
        count = len(agent.children)
        under = (
            f"The {count} under it lose their authority, too."
            if count > 1
            else "The one under it loses its authority, too.",
        )
        self._question.ask(
            f"Retire {agent.name}",
            (
                "What it asks for from now on is refused, and a token it was given is not taken any more.",
                *(under if count else ()),
                "It can be registered again. What it did stays in the ledger under its id.",
            ),
            "Retire it",
            lambda _: self._session.agents.retire(agent.id),
        )


def agent_badges(agent: Agent) -> None:
    """Whether it is out of use, by itself or by one above it."""
    if agent.retired_at is not None:
        badge("Retired", "neutral", "pause")
    elif agent.over == "agent_retired":
        badge("One above it was retired", "failed", "alert")
    elif agent.over == "agent_expired":
        badge("Ended", "neutral", "clock")


def _button(label: str, act: Callable[[], Awaitable[None]], agent: Agent) -> None:
    """The name is said with it: a screen reader meets the same words in every row."""
    button = Button(label, act, "quiet")
    button.props["aria-label"] = f"{label} {agent.name}"


def _scopes(agent: Agent) -> None:
    lost = [scope for scope in agent.scopes if scope not in agent.effective_scopes]
    if not agent.scopes:
        Text("span", "no scope", "absent")
        return
    with block("span", "chips"):
        for scope in agent.effective_scopes:
            Text("code", scope, "chip")
        for scope in lost:
            with block("span", "chip chip-lost"):
                Text("code", scope)
                Text("span", " not passed on")


def _keys(agent: Agent, mode: Mode) -> None:
    keys = [key for key in agent.keys if key.mode == mode and key.revoked_at is None]
    for key in keys:
        with block("span", "agent-key"):
            Text("span", key.name)
            if key.last_used_at is None:
                Text("span", ", never used", "muted")
            else:
                Text("span", ", used ", "muted")
                Timestamp(key.last_used_at, "distance")
    if not keys:
        Text("span", "none", "absent")
