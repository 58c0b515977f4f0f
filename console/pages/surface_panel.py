"""Surfaces: which movements are enforced and which only looked at, how well policy agreed, who said so and why."""

from collections.abc import Callable, Sequence
from functools import partial

from console.components.button import Button
from console.components.kept import Kept
from console.components.surface_dialog import SurfaceDialog
from console.components.text import Text, block, link
from console.components.timestamp import Timestamp
from console.components.wording import payment_name
from console.pages.connection_badges import surface_badge
from console.pages.policies import may_write
from console.sessions import Session
from console.stripe_views import Surface
from console.stripe_words import needs_override, percent_text


class SurfacePanel:
    """The panel and its dialog; `over` says which connections its surfaces are about."""

    def __init__(self, session: Session, changed: Callable[[], None], *, over: str) -> None:
        self._session = session
        self._over = over
        self._kept = Kept()
        self._dialog = SurfaceDialog(session, changed)
        with block("section", "panel", aria_label="Surfaces"):
            Text("h2", "Surfaces")
            Text(
                "p",
                "For every connection that has no word of its own. In shadow Axiru only looks; enforced, its answer "
                "binds.",
                "muted panel-note",
            )
            self._body = block("div", "panel-body")

    def show(self, surfaces: Sequence[Surface]) -> None:
        self._kept.show(surfaces, lambda: self._build(surfaces))

    def _build(self, surfaces: Sequence[Surface]) -> None:
        self._body.clear()
        with self._body, block("table", "plain surfaces"):
            Text("caption", "Surfaces, their modes and their agreement", "visually-hidden")
            with block("thead"), block("tr"):
                for heading in ("Movement", "Mode", "Live and shadow agree", "Set by"):
                    Text("th", heading).props["scope"] = "col"
                with block("th", scope="col"):
                    Text("span", "Change", "visually-hidden")
            with block("tbody"):
                for surface in surfaces:
                    self._row(surface)

    def _row(self, surface: Surface) -> None:
        with block("tr"):
            with block("td", "surface-name"):
                Text("strong", payment_name(surface.rail, surface.rail_action))
                Text("code", surface.surface, "muted")
            with block("td", "surface-mode"):
                surface_badge(surface.surface_mode)
            with block("td", data_label="Live and shadow agree"):
                agreement(surface)
                if surface.stripe_connection_id is None:
                    by_day = link("by day", f"/surfaces/{surface.surface}?mode={surface.mode}", "surface-days")
                    by_day.props["aria-label"] = f"Agreement of {surface.surface} by day"
            with block("td", "surface-by", data_label="Set by"):
                _set_by(surface)
            with block("td", "surface-act"):
                if may_write(self._session):
                    label = "Enforce…" if surface.surface_mode == "shadow" else "Put in shadow…"
                    button = Button(label, partial(self._ask, surface), "quiet")
                    button.props["aria-label"] = f"{label} {surface.surface}"

    async def _ask(self, surface: Surface) -> None:
        self._dialog.ask(surface, over=self._over)


def agreement(surface: Surface) -> None:
    """The rate with what it is made of; told as too low where it is."""
    compared = surface.agreement
    if compared.rate_percent is None:
        Text("span", "nothing compared", "absent")
        return
    Text("span", percent_text(compared.rate_percent), "agreement-low" if needs_override(compared) else "agreement-fair")
    Text("span", f" of {compared.decisions:,} in {compared.days} days", "muted")


def _set_by(surface: Surface) -> None:
    if surface.updated_at is None or surface.updated_by is None:
        Text("span", "as set up", "absent")
        return
    with block("span"):
        Text("span", f"{surface.updated_by.shown}, ")
        Timestamp(surface.updated_at)
    if surface.override_reason:
        Text("span", f"Although too few agreed: {surface.override_reason}", "muted surface-reason")
    if surface.reason and surface.reason != surface.override_reason:
        Text("span", surface.reason, "muted surface-reason")
