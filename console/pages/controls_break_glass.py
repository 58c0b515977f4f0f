"""Break-glass: whether one approval may be given past quorum and roles, and the requests that wait for a second one."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Final

from console.carrying_out import carried_out
from console.components.button import Button
from console.components.confirm_dialog import ConfirmDialog
from console.components.icon import icon
from console.components.kept import Kept
from console.components.money import amount_text
from console.components.question import Question
from console.components.select_field import SelectField
from console.components.text import Text, block, link
from console.components.timestamp import Timestamp
from console.components.wording import movement_name
from console.control_views import BreakGlassMode, BrokenGlass
from console.following import Following
from console.sessions import Session
from console.theme import Frame
from console.views import DecisionView

NEEDED_PERMISSION: Final = "break_glass"
SETTING_PERMISSION: Final = "members"
_NOT_PERMITTED: Final = "Controllers and admins may confirm it."
_MODES: Final[Mapping[BreakGlassMode, str]] = {
    "off": "Off",
    "two_people": "Two people together",
    "one_with_alarm": "One person, with an alarm",
}
_MEANINGS: Final[Mapping[BreakGlassMode, str]] = {
    "off": "Nobody gets past quorum and roles, whatever happens.",
    "two_people": (
        "A controller or admin asks with a reason, a second one confirms within 15 minutes. Neither may have asked "
        "for the money."
    ),
    "one_with_alarm": "A controller or admin may go alone. Everybody who may approve is alarmed at once.",
}
_ALWAYS: Final = "Controls, hard denies and the remaining refundable amount bind all the same, and it is always sealed."


class BreakGlassPanel:
    """Open requests on top of the page, the setting further down; both follow what others do."""

    def __init__(self, session: Session, changed: Callable[[], None]) -> None:
        self._session = session
        self._changed = changed
        self._kept = Kept()
        self._question = Question(session, changed)
        self._mode: BreakGlassMode | None = None

    def build_requests(self) -> None:
        self._requests = block("div", "attention", aria_live="polite")

    def build_setting(self) -> None:
        with block("section", "panel", aria_label="Break-glass"):
            with block("div", "panel-top"):
                Text("h2", "Break-glass")
                if SETTING_PERMISSION in self._session.permissions:
                    self._build_changing()
            with block("div", "panel-body"):
                self._words = Text("strong", "")
                self._meaning = Text("p", "")
                Text("p", _ALWAYS, "muted")

    def _build_changing(self) -> None:
        Button("Change…", self._ask_to_set)
        self._dialog = ConfirmDialog("Break-glass", "Set it", self._set, "danger")
        with self._dialog.content:
            names = {str(mode): name for mode, name in _MODES.items()}
            self._choice = SelectField("Who may go past quorum and roles", names, "off", on_change=self._explain)
            self._explanation = Text("p", "")
            Text("p", _ALWAYS, "muted")

    async def start(self, shell: Frame) -> None:
        self._following = Following(
            self._session,
            "test",
            read=self._read,
            concerns=lambda event: event.event in {"approval", "control"},
            problem=lambda sentence: shell.problem("break-glass", sentence),
        )
        await self._following.start()

    def read_again(self) -> None:
        self._following.resync()

    async def _read(self) -> None:
        settings = await self._session.controls.organization()
        if settings.break_glass != self._mode:
            self._mode = settings.break_glass
            self._words.set_text(_MODES[self._mode])
            self._meaning.set_text(_MEANINGS[self._mode])
        requests = (await self._session.controls.open_glasses()).items
        decisions = await asyncio.gather(*(self._session.api.decision(each.decision_id) for each in requests))
        # Of a decision only what never changes is shown, so a request stands as it is until it ends.
        self._kept.show(requests, lambda: self._build(requests, decisions))

    def _build(self, requests: Sequence[BrokenGlass], decisions: Sequence[DecisionView]) -> None:
        self._requests.clear()
        with self._requests:
            for request, decision in zip(requests, decisions, strict=True):
                self._request(request, decision)

    def _request(self, request: BrokenGlass, decision: DecisionView) -> None:
        with block("section", "panel panel-attention", aria_label="Break-glass request"):
            with block("h2", "version-title"):
                icon("alert")
                Text("span", f"Break glass: {_movement(decision)}?")
            with block("div", "panel-body"):
                with block("p"):
                    Text("span", f"{request.opened_by.shown} asks a second person to approve ")
                    link(request.decision_id, f"/decisions/{request.decision_id}", "mono")
                    Text("span", f" at once, in {request.mode} mode. Unanswered, it lapses ")
                    Timestamp(request.expires_at, "distance")
                    Text("span", ".")
                Text("p", request.reason, "quoted")
                with block("div", "page-actions"):
                    self._answers(request, decision)

    def _answers(self, request: BrokenGlass, decision: DecisionView) -> None:
        own = request.opened_by.id == self._session.member.id
        permitted = NEEDED_PERMISSION in self._session.permissions
        if own or permitted:
            if not own:
                Button("Confirm…", partial(self._ask_to_confirm, request, decision), "danger")
            Button("Withdraw…", partial(self._ask_to_withdraw, request))
        else:
            Text("p", _NOT_PERMITTED, "muted")

    async def _ask_to_confirm(self, request: BrokenGlass, decision: DecisionView) -> None:
        self._question.ask(
            "Confirm break-glass",
            (
                f"{request.opened_by.shown} and you together approve the {_movement(decision)}, past quorum and roles.",
                "A control, a hard deny or the remaining refundable amount may still forbid it.",
            ),
            "Approve it",
            lambda reason: self._session.controls.end_glass(request.id, "confirm", reason=reason),
            reason="optional",
        )

    async def _ask_to_withdraw(self, request: BrokenGlass) -> None:
        self._question.ask(
            "Withdraw the break-glass request",
            ("The approval goes on waiting for those who may approve it.",),
            "Withdraw it",
            lambda reason: self._session.controls.end_glass(request.id, "withdraw", reason=reason),
            weight="primary",
            reason="optional",
        )

    async def _ask_to_set(self) -> None:
        self._choice.choose(self._mode or "off")
        self._explain()
        self._dialog.open()

    def _explain(self) -> None:
        self._explanation.set_text(_MEANINGS[self._wanted])

    @property
    def _wanted(self) -> BreakGlassMode:
        return next(mode for mode in _MODES if mode == self._choice.value)

    async def _set(self) -> None:
        api, wanted = self._session.controls, self._wanted
        if await carried_out(self._session, lambda: api.set_break_glass(wanted), self._dialog.refuse):
            self._dialog.close()
            self._changed()


def _movement(decision: DecisionView) -> str:
    """`refund of $160.00 USD, ch_1, customer cus_1`."""
    amount = amount_text(decision.amount)
    customer = f"customer {decision.customer_id}" if decision.customer_id else None
    about = [each for each in (decision.charge, customer) if each]
    return ", ".join([f"{movement_name(decision.rail_action).lower()} of {amount}", *about])
