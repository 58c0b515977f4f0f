"""Controls: hold, freeze and kill switch side by side; what is in force; breakers; break-glass; the whole history."""

from typing import Final

from fastapi import Request
from fastapi.responses import Response
from nicegui import ui

from axiru.domain.movement import Mode
from console.components.freeze_switch import FreezeSwitch
from console.components.hold_switch import HoldSwitch
from console.components.kill_switch import KillSwitch
from console.components.review_mark import ReviewMark
from console.components.text import Text, block
from console.entry import PAGE_TIMEOUT_SECONDS, Console
from console.following import Following
from console.pages.controls_break_glass import BreakGlassPanel
from console.pages.controls_breakers import Breakers
from console.pages.controls_fail_open import FailOpen
from console.pages.controls_history import History
from console.pages.controls_in_force import InForce
from console.pages.controls_trips import Proposals
from console.sessions import Session
from console.theme import Frame, frame
from console.views import ControlView

_MODES: Final[tuple[Mode, ...]] = ("test", "live")


def register(console: Console) -> None:
    @ui.page("/controls", title="Controls · Axiru", response_timeout=PAGE_TIMEOUT_SECONDS)
    async def controls(request: Request, state: str = "", q: str = "", hold: str = "") -> Response | None:
        session = await console.enter(request)
        if isinstance(session, Response):
            return session
        with frame(session, title="Controls", here="controls", mode="test") as shell:
            page = ControlsPage(session, shell)
            page.build(state, q[:200])
        await shell.start()
        await page.start(hold[:64])
        return None


class ControlsPage:
    """One open controls page."""

    def __init__(self, session: Session, shell: Frame) -> None:
        self._session = session
        self._shell = shell

    def build(self, kind: str, query: str) -> None:
        with block("div", "page-head"):
            Text("h1", "Controls")
        with block("div", "panels"):
            self._proposals = Proposals(self._session, self._read_again)
            self._glass = BreakGlassPanel(self._session, self._read_again)
            self._glass.build_requests()
            with block("div", "switches"):
                self._hold = HoldSwitch(self._session, self._engaged)
                self._freeze = FreezeSwitch(self._session, self._engaged)
                self._kill = KillSwitch(self._session, self._engaged)
            self._in_force = InForce(self._session, self._read_again)
            ReviewMark(self._session, self._engaged)
            self._breakers = Breakers(self._session, self._read_again)
            self._fail_open = FailOpen(self._session, self._read_again)
            self._glass.build_setting()
            self._history = History(kind, query)

    async def start(self, to_hold: str) -> None:
        # Controls of both modes stand on this page, and each mode has a feed of its own.
        self._following = tuple(
            Following(
                self._session,
                mode,
                read=self._read,
                concerns=lambda event: event.event in {"control", "fail_open"},
                problem=lambda sentence: self._shell.problem("controls page", sentence),
            )
            for mode in _MODES
        )
        for following in self._following:
            await following.start()
        await self._glass.start(self._shell)
        if to_hold:
            await self._hold.open_for(to_hold)

    def _engaged(self, _: ControlView) -> None:
        self._read_again()

    def _read_again(self) -> None:
        self._following[0].resync()
        self._glass.read_again()
        self._shell.read_again()

    async def _read(self) -> None:
        controls = (await self._session.controls.controls()).items
        in_force = [control for control in controls if control.in_force]
        self._hold.show([control for control in in_force if control.kind == "hold"])
        self._freeze.show([control for control in in_force if control.kind == "freeze"])
        self._kill.show([control for control in in_force if control.kind == "kill_switch"])
        self._in_force.show(in_force)
        self._history.show(controls)
        breakers = (await self._session.controls.breakers()).items
        trips = (await self._session.controls.trips()).items
        self._proposals.show([trip for trip in trips if trip.state == "proposed"], breakers)
        self._breakers.show(breakers, trips)
        programmes = [await self._session.controls.programmes(mode) for mode in _MODES]
        self._fail_open.show_programmes([programme for found in programmes for programme in found.items])
