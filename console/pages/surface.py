"""One surface: how far the versions that look on agree with what counted, and putting it in shadow or enforcing it."""

import asyncio
from collections.abc import Sequence
from typing import Final
from urllib.parse import urlencode

from fastapi import Request
from fastapi.responses import Response
from nicegui import ui

from axiru.domain.movement import SURFACES, Mode
from console.agreement_views import AgreementOfVersion, SurfaceAgreement
from console.components.button import Button
from console.components.day_chart import day_chart
from console.components.icon import icon
from console.components.kept import Kept
from console.components.mode_switch import mode_switch
from console.components.surface_dialog import SurfaceDialog
from console.components.text import Text, block, link
from console.components.wording import payment_name
from console.entry import PAGE_TIMEOUT_SECONDS, Console
from console.event_stream import StreamEvent
from console.following import Following
from console.pages.connection_badges import surface_badge
from console.pages.policies import may_write
from console.sessions import Session
from console.stripe_views import Surface
from console.stripe_words import percent_text
from console.theme import Frame, frame

SPANS: Final = {7: "7 days", 30: "30 days", 90: "90 days"}
READ_AGAIN_SECONDS: Final = 3.0
OVER: Final = "all connections"


def register(console: Console) -> None:
    @ui.page("/surfaces/{surface}", title="Surface · Axiru", response_timeout=PAGE_TIMEOUT_SECONDS)
    async def one_surface(request: Request, surface: str, mode: str = "", days: int = 7) -> Response | None:
        session = await console.enter(request)
        if isinstance(session, Response):
            return session
        chosen: Mode = "live" if mode == "live" else "test"
        known = surface in SURFACES
        with frame(session, title=surface if known else "Surface", here="connectors", mode=chosen) as shell:
            if known:
                page = SurfacePage(session, shell, surface, chosen, days if days in SPANS else 7)
                page.build()
            else:
                ui.context.client.status_code = 404
                _back(chosen)
                Text("h1", "No such surface", "empty-title")
                Text("p", "A surface is a rail and what is done on it, such as stripe_daa.agent_payment.", "muted")
        await shell.start()
        if known:
            await page.start()
        return None


class SurfacePage:
    """One open surface in one mode."""

    def __init__(self, session: Session, shell: Frame, surface: str, mode: Mode, days: int) -> None:
        self._session = session
        self._shell = shell
        self._name = surface
        self._mode: Mode = mode
        self._days = days
        self._kept, self._flip_kept = Kept(), Kept()
        self._surface: Surface | None = None

    def build(self) -> None:
        rail, _, action = self._name.partition(".")
        _back(self._mode)
        with block("div", "page-head"):
            with block("div"):
                Text("h1", payment_name(rail, action))
                with block("p", "sub row-head"):
                    Text("code", self._name)
                    self._standing = block("span")
            with block("div", "page-actions"):
                mode_switch(self._mode, f"/surfaces/{self._name}", days=str(self._days))
                self._flip = Button("", self._ask, "primary")
                self._flip.classes("hidden")
        self._dialog = SurfaceDialog(self._session, self._read_again)
        with block("section", "panel", aria_label="Agreement"):
            with block("div", "panel-top"):
                Text("h2", "Live and shadow")
                self._spans()
            self._body = block("div", "panel-body")

    def _spans(self) -> None:
        with block("nav", "modes", aria_label="Over how many days"):
            for days, label in SPANS.items():
                anchor = link(label, f"/surfaces/{self._name}?{urlencode({'mode': self._mode, 'days': days})}")
                if days == self._days:
                    anchor.props["aria-current"] = "true"

    async def start(self) -> None:
        self._following = Following(
            self._session,
            self._mode,
            read=self._read,
            concerns=_concerns,
            problem=lambda sentence: self._shell.problem("surface", sentence),
            shortest_interval_seconds=READ_AGAIN_SECONDS,
        )
        await self._following.start()

    def _read_again(self) -> None:
        self._following.resync()

    async def _read(self) -> None:
        surfaces, agreement = await asyncio.gather(
            self._session.stripe.surfaces(self._mode),
            self._session.stripe.agreement(self._name, mode=self._mode, days=self._days),
        )
        self._surface = next(
            (one for one in surfaces.items if one.surface == self._name and one.stripe_connection_id is None), None
        )
        mode = self._surface.surface_mode if self._surface else None
        self._flip_kept.show(mode, self._show_flip)
        self._kept.show((agreement, mode), lambda: self._build_body(agreement))

    def _show_flip(self) -> None:
        self._standing.clear()
        if self._surface is None:
            return
        with self._standing:
            surface_badge(self._surface.surface_mode)
        enforcing = self._surface.surface_mode == "shadow"
        self._flip.set_text("Enforce…" if enforcing else "Put in shadow…")
        hidden = "" if may_write(self._session) else " hidden"
        self._flip.classes(replace=f"button button-{'primary' if enforcing else 'plain'}{hidden}")

    async def _ask(self) -> None:
        if self._surface is not None:
            self._dialog.ask(self._surface, over=OVER)

    def _build_body(self, agreement: SurfaceAgreement) -> None:
        self._body.clear()
        with self._body:
            enforced = self._surface is not None and self._surface.surface_mode == "enforce"
            for sentence in in_words(agreement, enforced=enforced):
                Text("p", sentence)
            if not agreement.decisions:
                Text("p", "Publish a version in shadow, and it is compared with the live one from then on.", "muted")
                return
            differing = agreement.decisions - agreement.agreed
            if differing:
                rail, _, _ = self._name.partition(".")
                address = urlencode({"state": "differs", "rail": rail, "mode": self._mode})
                link(f"See where they differ ({differing:,})", f"/?{address}", "differing")
            day_chart(agreement.series)
            _versions(agreement.versions)


def _back(mode: Mode) -> None:
    with block("a", "back", href=f"/connectors?mode={mode}"):
        icon("arrow-left")
        Text("span", "Connectors")


def in_words(agreement: SurfaceAgreement, *, enforced: bool) -> Sequence[str]:
    """The rate, what it is of, and whether it is enough to enforce."""
    guard = agreement.guard
    if not agreement.decisions or agreement.rate_percent is None:
        said = f"Nothing was compared in the last {agreement.days} days."
    else:
        noun = "decision" if agreement.decisions == 1 else "decisions"
        said = (
            f"{agreement.agreed:,} of {agreement.decisions:,} {noun} in {agreement.days} days came out the same in "
            f"every version that looked on: {percent_text(agreement.rate_percent)}."
        )
    if enforced:
        return said, "The surface is enforced: the live version's word counts, whatever the versions in shadow say."
    if guard.suffices:
        return said, f"That is enough to enforce, which needs {guard.needed_percent} % over {guard.days} days."
    rate = "nothing was compared" if guard.rate_percent is None else f"they agree on {percent_text(guard.rate_percent)}"
    needed = f"Enforcing needs {guard.needed_percent} % agreement over the last {guard.days} days, and {rate}."
    return said, f"{needed} Enforcing all the same takes a reason, which is sealed."


def _versions(versions: Sequence[AgreementOfVersion]) -> None:
    with block("table", "plain versions-agree"):
        Text("caption", "By version")
        with block("thead"), block("tr"):
            for heading in ("Version", "Now", "Compared", "Agrees"):
                Text("th", heading, "figure" if heading in {"Compared", "Agrees"} else "").props["scope"] = "col"
        with block("tbody"):
            for one in versions:
                with block("tr"):
                    with block("td"):
                        link(f"{one.slug} v{one.version}", f"/policies/{one.slug}?v={one.version}")
                    Text("td", one.status)
                    Text("td", f"{one.decisions:,}", "figure")
                    Text("td", "—" if one.rate_percent is None else percent_text(one.rate_percent), "figure")


def _concerns(event: StreamEvent) -> bool:
    return event.event in {"decision", "surface", "policy"}
