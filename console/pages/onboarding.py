"""Onboarding: connect or drop a file, see what policy would have caught, tune it, enforce. Four steps on one page."""

import asyncio
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Final, NamedTuple

from fastapi import Request
from fastapi.responses import Response
from nicegui import ui
from nicegui.element import Element

from axiru.domain.movement import Mode
from console.components.icon import icon
from console.components.kept import Kept
from console.components.mode_switch import mode_switch
from console.components.text import Text, block
from console.entry import PAGE_TIMEOUT_SECONDS, Console
from console.following import Following
from console.onboarding_progress import STEPS, Progress, StepName, progress_of
from console.pages.onboarding_connect import ConnectStep
from console.pages.onboarding_enforce import EnforceStep
from console.pages.onboarding_replay import ReplayStep
from console.pages.onboarding_tune import TuneStep
from console.pages.policies import may_write
from console.pages.replays import POLL_SECONDS, judging_policies
from console.sessions import Session
from console.theme import Frame, frame


class Words(NamedTuple):
    """A step's name, and what it is for."""

    title: str
    purpose: str


_WORDS: Final[Mapping[StepName, Words]] = {
    "connect": Words("Connect", "Your Stripe account, or a file of its history."),
    "replay": Words("See what policy would have caught", "Your own history, judged by policy. Nothing is touched."),
    "tune": Words("Tune", "Change the rules until they catch what you would stop, and nothing else."),
    "enforce": Words("Enforce", "One kind of movement at a time, and back again at any time."),
}


def register(console: Console) -> None:
    @ui.page("/onboarding", title="Set up · Axiru", response_timeout=PAGE_TIMEOUT_SECONDS)
    async def onboarding(request: Request, mode: str = "") -> Response | None:
        session = await console.enter(request)
        if isinstance(session, Response):
            return session
        chosen: Mode = "live" if mode == "live" else "test"
        policies = await judging_policies(session) if may_write(session) else {}
        with frame(session, title="Set up", here="connectors", mode=chosen) as shell:
            page = OnboardingPage(session, shell, chosen, policies)
            page.build()
        await shell.start()
        await page.start()
        return None


class OnboardingPage:
    """The four steps, each with what is there of it."""

    def __init__(self, session: Session, shell: Frame, mode: Mode, policies: dict[str, str]) -> None:
        self._session = session
        self._shell = shell
        self._mode = mode
        self._policies = policies
        self._kept = Kept()

    def build(self) -> None:
        with block("div", "page-head"):
            with block("div"):
                Text("h1", "Set up Axiru")
                Text("p", "Nothing on Stripe is touched before the last step.", "sub")
            mode_switch(self._mode, "/onboarding")
        with block("div", "setup"):
            with block("nav", "setup-progress", aria_label="Progress"):
                self._told = Text("p", "", "muted")
                self._told.props["role"] = "status"
                self._bar = block("div", "setup-bar", aria_hidden="true")
                self._signposts = block("ol", "setup-steps")
            with block("div", "panels"):
                self._connect = ConnectStep(self._session, self._mode, self._policies, self._read_again)
                self._replay = ReplayStep(self._session, self._mode, self._policies, self._read_again)
                self._tune = TuneStep(self._session)
                self._enforce = EnforceStep(self._session, self._read_again)
                self._panels = {
                    "connect": _panel("connect", self._connect.build),
                    "replay": _panel("replay", self._replay.build),
                    "tune": _panel("tune", self._tune.build),
                    "enforce": _panel("enforce", self._enforce.build),
                }

    async def start(self) -> None:
        self._following = Following(
            self._session,
            self._mode,
            read=self._read,
            concerns=lambda event: event.event in {"connection", "surface", "policy"},
            problem=lambda sentence: self._shell.problem("onboarding", sentence),
        )
        await self._following.start()

    def _read_again(self) -> None:
        self._following.resync()

    async def _read(self) -> None:
        connections, replays, policies, surfaces = await asyncio.gather(
            self._session.stripe.connections(self._mode),
            self._session.replays.replays(self._mode),
            self._session.policies.policies(),
            self._session.stripe.surfaces(self._mode),
        )
        progress = progress_of(connections.items, replays.items, policies.items, surfaces.items)
        if progress.replay is not None and progress.replay.state == "done":
            # The list tells how a replay went, not all that it found.
            progress = progress.with_replay(await self._session.replays.replay(progress.replay.id))
        self._kept.show(progress, lambda: self._show(progress))
        self._enforce.show(progress, surfaces.items)
        under_way = progress.replay is not None and progress.replay.is_under_way
        if under_way or progress.awaits_replay(datetime.now(UTC)):
            asyncio.get_running_loop().call_later(POLL_SECONDS, self._following.resync)

    def _show(self, progress: Progress) -> None:
        current = progress.current
        for name in STEPS:
            done = progress.is_done(name)
            state = "step-done" if done else "step-current" if name == current else "step-later"
            self._panels[name].classes(replace=f"panel step {state}")
        for step in (self._connect, self._replay, self._tune):
            step.show(progress)
        self._told.set_text(f"{progress.done_count} of {len(STEPS)} done")
        self._bar.clear()
        with self._bar:
            for name in STEPS:
                block("span", "setup-part-done" if progress.is_done(name) else "")
        self._signposts.clear()
        with self._signposts:
            for name in STEPS:
                _signpost(name, progress, here=name == current)


def _panel(name: StepName, build: Callable[[], None]) -> Element:
    words = _WORDS[name]
    with block("section", "panel step", aria_label=words.title, id=name) as panel:
        with block("div", "step-head"):
            Text("span", str(STEPS.index(name) + 1), "step-number")
            with block("div"):
                Text("h2", words.title)
                Text("p", words.purpose, "muted")
        with block("div", "step-body"):
            build()
    return panel


def _signpost(name: StepName, progress: Progress, *, here: bool) -> None:
    done = progress.is_done(name)
    with block("li"), block("a", "step-link", href=f"#{name}") as anchor:
        if here:
            anchor.props["aria-current"] = "step"
        if done:
            icon("check-circle")
        else:
            Text("span", str(STEPS.index(name) + 1), "step-dot")
        Text("span", _WORDS[name].title)
        Text("span", ", done" if done else "", "visually-hidden")
