"""Controls: the kill switch, who has engaged it and why, and everything else that is in force."""

from typing import Final

from fastapi import Request
from fastapi.responses import Response
from nicegui import ui

from console.components.badge import badge
from console.components.empty_state import empty_state
from console.components.kill_switch import KillSwitch
from console.components.text import Text, block
from console.components.timestamp import Timestamp
from console.components.wording import MODE_NAMES
from console.entry import PAGE_TIMEOUT_SECONDS, Console
from console.following import Following
from console.sessions import Session
from console.theme import Frame, frame
from console.views import ControlView

_KINDS: Final = {"kill_switch": "Kill switch", "freeze": "Freeze", "hold": "Hold", "mark_for_review": "Mark for review"}


def register(console: Console) -> None:
    @ui.page("/controls", title="Controls · Axiru", response_timeout=PAGE_TIMEOUT_SECONDS)
    async def controls(request: Request) -> Response | None:
        session = await console.enter(request)
        if isinstance(session, Response):
            return session
        with frame(session, title="Controls", here="controls", mode="test") as shell:
            page = ControlsPage(session, shell)
            page.build()
        await shell.start()
        await page.start()
        return None


class ControlsPage:
    """One open controls page."""

    def __init__(self, session: Session, shell: Frame) -> None:
        self._session = session
        self._shell = shell

    def build(self) -> None:
        with block("div", "page-head narrow"):
            Text("h1", "Controls")
        with block("div", "panels narrow"):
            self._switch = KillSwitch(self._session, changed=self._read_again)
            with block("section", "panel", aria_label="History"):
                Text("h2", "History")
                self._history = block("div", "panel-body")

    async def start(self) -> None:
        self._following = Following(
            self._session,
            "test",
            read=self._read,
            concerns=lambda event: event.event == "control",
            problem=lambda sentence: self._shell.problem("controls page", sentence),
        )
        await self._following.start()

    def _read_again(self) -> None:
        self._following.resync()
        self._shell.read_again()

    async def _read(self) -> None:
        controls = (await self._session.api.controls()).items
        self._switch.show(tuple(c for c in controls if c.kind == "kill_switch" and c.in_force))
        self._history.clear()
        with self._history:
            if controls:
                _table(controls)
            else:
                empty_state("No control was ever used", "What is stopped, by whom and why, is kept here.")


def _table(controls: tuple[ControlView, ...]) -> None:
    with block("table", "plain history"):
        with block("thead"), block("tr"):
            for heading in ("Control", "Applies to", "Engaged", "Reason", "Lifted"):
                Text("th", heading).props["scope"] = "col"
        with block("tbody"):
            for control in sorted(controls, key=lambda control: control.engaged_at, reverse=True):
                _row(control)


def _row(control: ControlView) -> None:
    with block("tr"):
        with block("td"):
            Text("strong", _KINDS.get(control.kind, control.kind))
            for name, value in control.scope.items():
                Text("code", f"{name}: {value}")
        Text("td", MODE_NAMES.get(control.mode, control.mode).capitalize())
        with block("td", "stacked", data_label="Engaged"):
            Timestamp(control.engaged_at)
            Text("span", control.engaged_by.shown if control.engaged_by else "", "muted")
        Text("td", control.reason)
        with block("td", "stacked", data_label="Lifted"):
            if control.in_force:
                badge("In force", "waiting")
            elif control.lifted_at is None:
                Text("span", "Expired", "muted")
            else:
                Timestamp(control.lifted_at)
                Text("span", control.lifted_by.shown if control.lifted_by else "", "muted")
                Text("span", control.lifted_reason or "", "muted")
