"""What only people here know of a disputed payment: one fact at a time, each making the next version."""

from collections.abc import Callable, Sequence
from typing import Final

from axiru.domain.evidence import FIELDS
from console.carrying_out import carried_out
from console.components.button import Button
from console.components.kept import Kept
from console.components.select_field import SelectField
from console.components.text import Text, block
from console.components.text_field import TextField
from console.control_words import may_control
from console.dispute_views import Dispute
from console.dispute_words import field_name
from console.sessions import Session

_NOT_PERMITTED: Final = "Finance managers, controllers and admins may add to the evidence."


class FactsPanel:
    """The form. It is gone once the bank takes no answer any more."""

    def __init__(self, session: Session, changed: Callable[[], None]) -> None:
        self._session = session
        self._changed = changed
        self._dispute: Dispute | None = None
        self._begun = False
        self._kept = Kept()
        with block("section", "panel", aria_label="What you know") as self._panel:
            Text("h2", "What you know")
            Text(
                "p",
                "Goes to the bank as you write it. No card or bank account numbers, no identity documents: those are "
                "refused.",
                "muted panel-note",
            )
            with block("div", "panel-body form"):
                if may_control(session):
                    self._build_form()
                else:
                    Text("p", _NOT_PERMITTED, "muted")
        self._panel.set_visibility(False)

    def _build_form(self) -> None:
        self._field = SelectField(
            "What it is", {name: field_name(name) for name in FIELDS}, next(iter(FIELDS)), on_change=self._picked
        )
        self._text = TextField("In words", rows=4, max_length=max(FIELDS.values()), on_change=self._written)
        with block("div", "page-actions"):
            Button("Add to the evidence", self._give, "primary")
            self._back = Button("Take it back", self._take_back)
        self._refusal = Text("p", "", "refusal")
        self._refusal.props["role"] = "alert"

    def show(self, dispute: Dispute) -> None:
        self._dispute = dispute
        self._panel.set_visibility(dispute.is_open)
        if may_control(self._session):
            missing = dispute.packets[0].missing if dispute.packets else dispute.wanted
            self._kept.show((missing, _given(dispute)), lambda: self._offer(fields_in_need_order(missing)))

    def _offer(self, fields: Sequence[str]) -> None:
        self._field.offer({name: field_name(name) for name in fields})
        # What somebody has begun stays theirs, whatever arrives meanwhile.
        if not self._begun:
            self._field.choose(fields[0])
            self._show_given()
        self._back.set_visibility(self._field.value in _given(self._dispute))

    def _picked(self) -> None:
        self._begun = True
        self._show_given()

    def _written(self) -> None:
        self._begun = True

    def _show_given(self) -> None:
        """What was given before stands in the field, to be changed."""
        given = _given(self._dispute)
        self._text.set_text(given.get(self._field.value, ""))
        self._back.set_visibility(self._field.value in given)

    async def _give(self) -> None:
        text = self._text.value.strip()
        if not text:
            self._text.refuse("Write what you know.")
            return
        await self._send(text)

    async def _take_back(self) -> None:
        await self._send(None)

    async def _send(self, text: str | None) -> None:
        dispute, field = self._dispute, self._field.value
        if dispute is None:
            return

        async def give() -> None:
            await self._session.disputes.give_fact(dispute.id, field, text)

        if await carried_out(self._session, give, self._refusal.set_text):
            self._begun = False
            self._text.clear_text()
            self._changed()


def fields_in_need_order(missing: Sequence[str]) -> list[str]:
    """Every text field of the evidence, those first that would help against the reason and are not there."""
    wanted = [name for field in missing for name in field.split("|") if name in FIELDS]
    return [*dict.fromkeys(wanted), *(name for name in FIELDS if name not in wanted)]


def _given(dispute: Dispute | None) -> dict[str, str]:
    return dispute.packets[0].facts if dispute is not None and dispute.packets else {}
