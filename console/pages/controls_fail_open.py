"""What callers may do while Axiru cannot be reached: they hold, except for payout programmes that are named here."""

import re
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

from console.carrying_out import carried_out
from console.components.button import Button
from console.components.choice import Choice
from console.components.confirm_dialog import ConfirmDialog
from console.components.empty_state import empty_state
from console.components.expiry_field import ExpiryField
from console.components.kept import Kept
from console.components.money import minor_units, money
from console.components.question import Question
from console.components.text import Text, block
from console.components.text_field import TextField
from console.components.timestamp import Timestamp
from console.pages.connection_badges import mode_badge
from console.pages.policies import may_write
from console.safety_views import Programme
from console.sessions import Session

_SPANS: Final = {"604800": "For 7 days", "2592000": "For 30 days", "7689600": "For 89 days"}
"""The longest is ninety days, by the API's clock when it arrives there."""
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9_.-]{0,99}")
_CURRENCY: Final = re.compile(r"[a-z]{3}")
_PROMISE: Final = (
    "Without Axiru's answer, a payout of this programme goes on up to the amount, once for each request.",
    "All else stays as it is: refunds, transfers, application fee refunds and other payouts hold, unless a policy says "
    "otherwise.",
    "Callers learn of it by a signed document that they fetch while Axiru answers, good for 24 hours.",
)


class FailOpen(Kept):
    """The panel, and the two dialogs that change the list."""

    def __init__(self, session: Session, changed: Callable[[], None]) -> None:
        super().__init__()
        self._session = session
        self._changed = changed
        self._question = Question(session, changed)
        self._build_form()
        with block("section", "panel", aria_label="When Axiru cannot be reached"):
            with block("div", "panel-top"):
                Text("h2", "When Axiru cannot be reached")
                if may_write(session):
                    Button("Let a programme go on…", self._open)
            Text(
                "p",
                "Enforced movements hold, and disputes go out with their last good packet. Only the payout programmes "
                "named here may go on, each up to its amount and for a time.",
                "muted panel-note",
            )
            self._rows = block("ul", "rows", aria_live="polite")

    def _build_form(self) -> None:
        self._form = ConfirmDialog("Let a payout programme go on", "Put it on the list", self._add, "danger")
        with self._form.content:
            with block("ul", "plain-list"):
                for sentence in _PROMISE:
                    Text("li", sentence)
            with block("div", "form"):
                self._name = TextField(
                    "Programme", placeholder="driver-payouts", hint="As requests name it.", max_length=100
                )
                with block("div", "two-fields"):
                    self._amount = TextField("Each payout up to", placeholder="250.00", max_length=20)
                    self._currency = TextField("Currency", value="usd", max_length=3)
                with block("div", "two-fields"):
                    self._mode = Choice("Mode", {"test": "Test", "live": "Live"}, "test")
                    self._until = ExpiryField("In force", _SPANS, "2592000")
                self._reason = TextField("Reason", hint="Everyone sees it, and the ledger keeps it.", rows=2)

    def show_programmes(self, programmes: Sequence[Programme]) -> None:
        in_force = [programme for programme in programmes if programme.in_force]
        self.show(in_force, lambda: self._build(in_force))

    def _build(self, programmes: Sequence[Programme]) -> None:
        self._rows.clear()
        with self._rows:
            for programme in programmes:
                self._row(programme)
            if not programmes:
                with block("li"):
                    empty_state(
                        "No programme is listed",
                        "Without Axiru's answer, no payout goes on by its name.",
                    )

    def _row(self, programme: Programme) -> None:
        with block("li", "row-acts"):
            with block("div", "row-head"):
                Text("code", programme.programme)
                with block("span"):
                    Text("span", "each payout up to ")
                    money(programme.max_amount_cents, programme.currency)
                mode_badge(programme.mode)
            Text("p", programme.reason, "quoted")
            with block("p", "facts"):
                Text("span", programme.added_by.shown)
                with block("span"):
                    Text("span", "listed ")
                    Timestamp(programme.added_at)
                with block("span"):
                    Text("span", "until ")
                    Timestamp(programme.expires_at)
            if may_write(self._session):
                with block("div", "row-buttons"):
                    Button("Take off the list…", partial(self._ask_to_remove, programme), "quiet")

    async def _open(self) -> None:
        self._form.open()

    async def _add(self) -> None:
        name = self._name.value.strip()
        currency, reason = self._currency.value.strip().lower(), self._reason.value.strip()
        amount = minor_units(self._amount.value, currency) if _CURRENCY.fullmatch(currency) else None
        for field, good, refusal in (
            (self._name, _NAME.fullmatch(name), "Small letters, digits, dots, dashes and underscores."),
            (self._currency, _CURRENCY.fullmatch(currency), "Three letters, such as usd."),
            (self._amount, amount, "An amount of this currency, such as 250.00."),
            (self._reason, reason, "Say why: the reason is kept in the ledger."),
        ):
            if not good:
                field.refuse(refusal)
        if not (_NAME.fullmatch(name) and amount and reason and self._until.at):
            return
        body = {
            "programme": name,
            "currency": currency,
            "max_amount_cents": amount,
            "reason": reason,
            "mode": self._mode.value,
        }
        allow = partial(self._session.controls.allow_programme, body, expires_at=self._until.at)
        if await carried_out(self._session, allow, self._form.refuse):
            for field in (self._name, self._amount, self._reason):
                field.clear_text()
            self._form.close()
            self._changed()

    async def _ask_to_remove(self, programme: Programme) -> None:
        self._question.ask(
            f"Take {programme.programme} off the list",
            (
                "From now on its payouts hold like all others while Axiru cannot be reached.",
                "A caller that has fetched the list before may go by it until it fetches it again, 24 hours at most.",
            ),
            "Take it off",
            lambda _: self._session.controls.remove_programme(programme.id),
            weight="primary",
        )
