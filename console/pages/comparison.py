"""A shadow beside what counted: how often they agree, what a promotion would change, and every kind of difference."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final

from axiru.domain.movement import Mode
from console.components.effect import effect_badge
from console.components.empty_state import empty_state
from console.components.icon import icon
from console.components.mode_switch import mode_switch
from console.components.money import money_text
from console.components.tabs import Tabs
from console.components.text import Text, block, link
from console.components.version_badge import rate_text
from console.event_stream import StreamEvent
from console.following import Following
from console.policy_views import Change, Diff, Promotion, VersionSummary
from console.sessions import Session

WINDOWS: Final = {"24h": "24 h", "7d": "7 days", "30d": "30 days"}
_LENGTHS: Final = {"24h": timedelta(hours=24), "7d": timedelta(days=7), "30d": timedelta(days=30)}
PACE_SECONDS: Final = 5.0
"""Decisions may come faster than anybody reads; adding up a month of them is not free."""


class Comparison:
    """One version's comparison, kept current while its page is open. `promotion` is what was last shown."""

    def __init__(self, session: Session, mode: Mode, version: VersionSummary, problem: Callable[[str], None]) -> None:
        self._session = session
        self._mode = mode
        self._version = version
        self._problem = problem
        self._window = "7d"
        self._shown: tuple[Diff, Promotion] | None = None
        self.promotion: Promotion | None = None

    def build(self) -> None:
        with block("section", "panel", aria_label="Live beside shadow"):
            with block("div", "panel-top"):
                Text("h2", "Live beside shadow")
                version = self._version
                with block("div", "panel-tools"):
                    mode_switch(self._mode, f"/policies/{version.slug}", v=str(version.version))
                    self._tabs = Tabs("Window", WINDOWS, self._choose)
            self._tabs.press(self._window)
            self._body = block("div", "panel-body", aria_live="polite")

    async def start(self) -> None:
        self._following = Following(
            self._session,
            self._mode,
            read=self._read,
            concerns=_adds_a_decision,
            problem=self._problem,
            shortest_interval_seconds=PACE_SECONDS,
        )
        await self._following.start()

    def stop(self) -> None:
        self._following.stop()

    async def _choose(self, window: str) -> None:
        self._window = window
        self._tabs.press(window)
        await self._read()

    async def _read(self) -> None:
        asked = self._window
        since = datetime.now(UTC) - _LENGTHS[asked]
        policies, slug, version = self._session.policies, self._version.slug, self._version.version
        diff, promotion = await asyncio.gather(
            policies.diff(slug, version, mode=self._mode, since=since),
            policies.promotion(slug, version, mode=self._mode, since=since),
        )
        if asked != self._window:
            return
        self.promotion = promotion
        if (diff, promotion) == self._shown:
            return
        self._shown = (diff, promotion)
        self._body.clear()
        with self._body:
            if diff.compared:
                _figures(diff)
                promise(promotion)
                if diff.changes:
                    _changes(diff.changes)
            else:
                empty_state(
                    "Nothing to compare yet",
                    "Every decision is also asked of this version; its answers appear here beside the live ones.",
                )


def promise(promotion: Promotion) -> None:
    """What a promotion would change, in the API's own sentences."""
    with block("div", "promise"):
        for sentence in promotion.sentences:
            setting, dash, rest = sentence.partition(" — ")
            with block("p"):
                if dash:
                    Text("code", setting)
                    Text("span", f" — {rest}")
                else:
                    Text("span", sentence)


def _figures(diff: Diff) -> None:
    rate = diff.agreement_rate
    with block("dl", "figures"):
        for name, value in (
            ("agreement", rate_text(rate) if rate is not None else "—"),
            ("decisions compared", f"{diff.compared:,}"),
            ("would differ", f"{diff.compared - diff.agreed:,}"),
        ):
            with block("div"):
                Text("dt", name)
                Text("dd", value)


def _changes(changes: tuple[Change, ...]) -> None:
    with block("table", "plain changes"):
        Text("caption", "What would change, by rule and reason")
        with block("thead"), block("tr"):
            for heading in ("Live → this version", "Why", "Decisions", "Money", "Examples"):
                number = "number" if heading in {"Decisions", "Money"} else ""
                Text("th", heading, number).props["scope"] = "col"
        with block("tbody"):
            for change in changes:
                _change(change)


def _change(change: Change) -> None:
    with block("tr"):
        with block("td"), block("span", "outcome-change"):
            effect_badge(change.live_outcome)
            icon("arrow-right")
            effect_badge(change.outcome)
            if change.outcome == change.live_outcome:
                Text("span", "other approvers", "muted")
        with block("td", "why"):
            _because("live", change.live_rule, change.live_reason)
            _because("then", change.rule, change.reason)
        Text("td", f"{change.count:,}", "number").props["data-label"] = "Decisions"
        with block("td", "number", data_label="Money"), block("span", "amounts"):
            for currency, amount in change.amount.items():
                Text("span", money_text(amount, currency), "money")
        with block("td", data_label="Examples"), block("span", "chips"):
            for place, decision_id in enumerate(change.examples, start=1):
                example = link(str(place), f"/decisions/{decision_id}", "chip")
                example.props["title"] = decision_id
                example.props["aria-label"] = f"Example {place}: {decision_id}"


def _because(which: str, rule: str | None, reason: str) -> None:
    with block("p"):
        Text("span", f"{which} ", "muted")
        if rule is None:
            Text("span", "by default: no rule matched", "muted")
            return
        Text("code", rule, "inline")
        if reason != rule:
            Text("span", f" {reason.replace('_', ' ')}", "muted")


def _adds_a_decision(event: StreamEvent) -> bool:
    return event.event == "decision"
