"""Replays: history, or stored decisions, through any policy. Nothing is enforced by them."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Final
from urllib.parse import urlencode

from fastapi import Request
from fastapi.responses import Response
from nicegui import context, ui
from nicegui.element import Element

from axiru.domain.movement import Mode
from axiru.errors import AxiruError
from console.api_errors import ApiRefused, SessionEnded
from console.components.badge import Look, badge
from console.components.button import Button
from console.components.empty_state import empty_state
from console.components.file_drop import FileDrop
from console.components.mode_switch import mode_switch
from console.components.select_field import SelectField
from console.components.text import Text, block, link
from console.components.timestamp import Timestamp
from console.entry import PAGE_TIMEOUT_SECONDS, Console
from console.following import Following
from console.pages.policies import NOT_PERMITTED, may_write
from console.replay_api import JudgingPolicy
from console.replay_views import Replay
from console.sessions import Session
from console.theme import Frame, frame

POLL_SECONDS: Final = 1.0
"""Replays tell of themselves in tables only."""

_WINDOWS: Final = {"7": "the last 7 days", "30": "the last 30 days", "90": "the last 90 days"}
_LOOKS: Final = {
    "waiting": Look("Waiting", "clock", "neutral"),
    "running": Look("Running", "spinner", "busy"),
    "done": Look("Done", "check-circle", "done"),
    "failed": Look("Failed", "alert", "failed"),
}


def register(console: Console) -> None:
    @ui.page("/replays", title="Replays · Axiru", response_timeout=PAGE_TIMEOUT_SECONDS)
    async def replays(request: Request, mode: str = "test") -> Response | None:
        session = await console.enter(request)
        if isinstance(session, Response):
            return session
        chosen: Mode = "live" if mode == "live" else "test"
        policies = await judging_policies(session) if may_write(session) else {}
        with frame(session, title="Replays", here="replays", mode=chosen) as shell:
            page = ReplaysPage(session, shell, chosen, policies)
            page.build()
        await shell.start()
        await page.start()
        return None


def replay_badge(replay: Replay) -> Element:
    look = _LOOKS[replay.state]
    return badge(look.label, look.tone, look.icon)


async def judging_policies(session: Session) -> dict[str, str]:
    """What may judge: every version that decides or looks on, then the templates. Empty while the API is away."""
    try:
        policies, library = await asyncio.gather(session.policies.policies(), session.policies.templates())
    except AxiruError:
        return {}
    versions = [
        version for policy in policies.items for version in (policy.live, *policy.shadows) if version is not None
    ]
    standing = {"active": "live", "shadow": "shadow"}
    return {
        **{
            JudgingPolicy(each.slug, each.version).text: f"{each.slug} {each.name} ({standing.get(each.status, '')})"
            for each in versions
        },
        **{
            JudgingPolicy(template.name, 0).text: f"Template: {template.title}"
            for template in library.items
            if all(parameter.default is not None for parameter in template.parameters)
        },
    }


def first_choice(policies: dict[str, str]) -> str:
    """What Stripe exports most is refunds, so a policy that is called after them comes first."""
    return next((name for name in policies if "refund" in name), next(iter(policies)))


class ReplaysPage:
    """One open page of all replays, and the two ways to start one."""

    def __init__(self, session: Session, shell: Frame, mode: Mode, policies: dict[str, str]) -> None:
        self._session = session
        self._shell = shell
        self._mode = mode
        self._policies = policies
        self._client = context.client

    def build(self) -> None:
        with block("div", "page-head"):
            with block("div"):
                Text("h1", "Replays")
                Text("p", "What a policy would have done with your history. Nothing is enforced.", "sub")
            mode_switch(self._mode, "/replays")
        if not may_write(self._session):
            Text("p", NOT_PERMITTED.replace("write them", "run replays"), "muted page-note")
        elif self._policies:
            with block("div", "two-panels"):
                self._build_file_form()
                self._build_decisions_form()
        with block("section", "panel", aria_label="Replays"):
            self._rows = block("ul", "rows")
        Text("p", "Each replay is deleted 30 days after it was started, with its file and all it found.", "muted below")

    def _build_file_form(self) -> None:
        with block("section", "panel", aria_label="A file"):
            Text("h2", "A CSV file from Stripe")
            with block("div", "panel-body form"):
                self._file_policy = SelectField(
                    "Policy", self._policies, first_choice(self._policies), on_change=self._file_policy_chosen
                )
                self._drop = FileDrop(
                    "Drop a CSV file here, or choose one",
                    hint="Refunds, payments or balance reports, as Stripe exports them; up to 64 MiB.",
                    action=self._action(),
                    accept=".csv,text/csv",
                    on_started=self._open,
                )

    def _build_decisions_form(self) -> None:
        with block("section", "panel", aria_label="Decisions"):
            Text("h2", "Decisions that Axiru has made")
            with block("div", "panel-body form"):
                self._judge = SelectField("Policy", self._policies, first_choice(self._policies))
                self._window = SelectField("Decisions of", _WINDOWS, "30")
                Button("Replay decisions", self._start, "primary")
                self._refusal = Text("p", "", "refusal")
                self._refusal.props["role"] = "alert"

    def _action(self) -> str:
        return f"/replays/files?{urlencode({'judge': self._file_policy.value, 'mode': self._mode})}"

    def _file_policy_chosen(self) -> None:
        self._drop.send_to(self._action())

    def _open(self, replay_id: str) -> None:
        self._client.open(f"/replays/{replay_id}")

    async def _start(self) -> None:
        judge = JudgingPolicy.parse(self._judge.value)
        if judge is None:
            return
        self._refusal.set_text("")
        since = datetime.now(UTC) - timedelta(days=int(self._window.value))
        title = f"Decisions of {_WINDOWS[self._window.value]}"
        try:
            started = await self._session.replays.of_decisions(judge, since=since, title=title, mode=self._mode)
        except SessionEnded:
            self._session.end()
        except ApiRefused as refusal:
            self._refusal.set_text(refusal.sentences)
        except AxiruError as error:
            self._refusal.set_text(error.message)
        else:
            self._open(started.id)

    async def start(self) -> None:
        self._following = Following(
            self._session,
            self._mode,
            read=self._read,
            concerns=lambda event: False,  # noqa: ARG005 - no event tells of replays
            problem=lambda sentence: self._shell.problem("replays", sentence),
        )
        await self._following.start()

    async def _read(self) -> None:
        replays = (await self._session.replays.replays(self._mode)).items
        self._rows.clear()
        with self._rows:
            for replay in replays:
                _row(replay)
            if not replays:
                with block("li"):
                    empty_state("No replay yet", "See what a policy would have caught before you let it decide.")
        if any(replay.is_under_way for replay in replays):
            asyncio.get_running_loop().call_later(POLL_SECONDS, self._following.resync)


def _row(replay: Replay) -> None:
    with block("li"):
        with block("div", "row-head"):
            link(replay.name, f"/replays/{replay.id}")
            replay_badge(replay)
            with block("span", "row-end"):
                Timestamp(replay.created_at)
        with block("p", "facts"):
            Text("span", f"through {replay.policy}")
            Text("span", f"by {replay.requested_by.shown}")
            if replay.result is not None:
                found = replay.result
                Text(
                    "span",
                    f"{found.blocked.count:,} blocked, {found.paused.count:,} paused, {found.drift.count:,} drift, "
                    f"{found.allowed.count:,} allowed",
                )
            elif replay.error is not None:
                Text("span", replay.error.message)
