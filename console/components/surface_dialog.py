"""The question before a surface is enforced or goes back to shadow: what changes, how well policy agreed, and why."""

from collections.abc import Callable, Sequence

from console.api_errors import ApiRefused
from console.carrying_out import carried_out
from console.components.confirm_dialog import ConfirmDialog
from console.components.icon import icon
from console.components.text import Text, block
from console.components.text_field import TextField
from console.components.timestamp import Timestamp
from console.sessions import Session
from console.stripe_views import Surface
from console.stripe_words import LEAST_AGREEMENT_PERCENT, agreement_sentence, needs_override, percent_text

_REASON_MISSING = "Say why: the reason is kept in the ledger."


class SurfaceDialog:
    """Built once, beside what is built anew. `changed` is called after the API has set the surface."""

    def __init__(self, session: Session, changed: Callable[[], None]) -> None:
        self._session = session
        self._changed = changed
        self._dialog = ConfirmDialog("", "", self._set, "primary")
        self._surface: Surface | None = None

    def ask(self, surface: Surface, *, over: str) -> None:
        """Open for the other mode of `surface`; `over` says which connections it is about."""
        self._surface = surface
        enforcing = surface.surface_mode == "shadow"
        self._override: TextField | None = None
        self._dialog.content.clear()
        with self._dialog.content:
            with block("ul", "plain-list"):
                for sentence in consequences(surface, over=over):
                    Text("li", sentence)
            if enforcing:
                _agreement(surface)
            _standing(surface)
            self._reason = TextField("Reason", hint="Everyone sees it, and the ledger keeps it.", rows=2)
            self._more = block("div")
            if enforcing and needs_override(surface.agreement):
                self._ask_for_override()
        self._dialog.ask(
            f"Enforce {surface.surface}" if enforcing else f"Put {surface.surface} in shadow",
            "Enforce" if enforcing else "Put in shadow",
            "primary" if enforcing else "danger",
        )

    def _ask_for_override(self) -> None:
        with self._more:
            self._override = TextField(
                "Why enforce all the same", hint="It is sealed beside the reason, with your name.", rows=2
            )

    async def _set(self) -> None:
        surface = self._surface
        if surface is None:
            return
        reason = self._reason.value.strip()
        override = self._override.value.strip() if self._override else ""
        if not reason:
            self._reason.refuse(_REASON_MISSING)
        if self._override is not None and not override:
            self._override.refuse("Say why it is enforced although so few decisions are known to agree.")
        if not reason or (self._override is not None and not override):
            return

        enforcing = surface.surface_mode == "shadow"

        async def change() -> None:
            try:
                await self._session.stripe.set_surface(
                    surface.surface,
                    "enforce" if enforcing else "shadow",
                    mode=surface.mode,
                    reason=reason,
                    connection_id=surface.stripe_connection_id,
                    override_reason=override,
                )
            except ApiRefused as refusal:
                # Agreement may have sunk since the page was read, or be another one on this connection alone.
                if refusal.code == "conflict" and enforcing and self._override is None:
                    self._ask_for_override()
                raise

        if await carried_out(self._session, change, self._dialog.refuse):
            self._dialog.close()
            self._changed()


def consequences(surface: Surface, *, over: str) -> Sequence[str]:
    """What is different from the moment the button is pressed."""
    movement = surface.rail_action.replace("_", " ")
    where = f"{over}, {surface.mode} mode"
    if surface.surface_mode == "shadow":
        return (
            f"Every {movement} that asks Axiru is bound by its answer ({where}).",
            "What policy denies is refused; what it sends to people waits for them.",
            f"Every {movement} that no rule speaks of is allowed, unless the policy's own default says otherwise.",
            "While Axiru cannot be reached, callers submit the last good packet, or hold."
            if surface.rail_action == "dispute"
            else "While Axiru cannot be reached, callers hold it.",
        )
    return (
        f"Callers are told to go on with every {movement}, whatever policy says ({where}).",
        "Nothing waits for approval and Axiru executes nothing; what enforcement would have done is recorded.",
        "Freezes and the kill switch still bind.",
    )


def _agreement(surface: Surface) -> None:
    short = needs_override(surface.agreement)
    rate = surface.agreement.rate_percent
    with block("div", f"agreement{' agreement-short' if short else ''}"):
        if rate is not None:
            Text("strong", percent_text(rate), "agreement-rate")
        with block("div"):
            Text("p", agreement_sentence(surface.agreement))
            if short:
                with block("p", "agreement-note"):
                    icon("alert")
                    least = f"Less than {LEAST_AGREEMENT_PERCENT} %"
                    Text("span", f"{least} are known to agree: enforcing takes a reason of its own.")


def _standing(surface: Surface) -> None:
    """Who set what stands now, and why."""
    if surface.updated_at is None or surface.updated_by is None:
        return
    with block("p", "muted"):
        Text("span", f"In {surface.surface_mode} mode since ")
        Timestamp(surface.updated_at)
        Text("span", f", by {surface.updated_by.shown}" + (f": {surface.reason}" if surface.reason else ""))
