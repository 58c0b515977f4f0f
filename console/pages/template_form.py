"""A template with one's own values: fields on the left, the sentences they make on the right, as they are typed."""

import re
from typing import Any, Final

from nicegui import context

from axiru.errors import AxiruError
from console.api_errors import ApiRefused, SessionEnded
from console.components.button import Button
from console.components.rule_sentences import rule_sentences
from console.components.text import Text, block
from console.components.text_field import TextField
from console.pages.policies import NOT_PERMITTED, may_write
from console.pages.template_fields import ParameterField, Unusable, chosen_currency, parameter_field
from console.policy_views import Reading, Template
from console.refreshing import Refreshing
from console.sessions import Session

_CURRENCY: Final = re.compile(r"\bcurrency: ([a-z]{3})\b")
_SLUG: Final = re.compile(r"[a-z][a-z0-9-]{0,63}")


class TemplateForm:
    """One open template."""

    def __init__(self, session: Session, template: Template) -> None:
        self._session = session
        self._template = template
        self._client = context.client
        self._fields: dict[str, ParameterField] | None = None
        self._reading: Reading | None = None

    def build(self) -> None:
        with block("div", "editor-page template-page"):
            with block("section", "panel", aria_label="What it says"):
                Text("h2", "What it says")
                self._sentences = block("div", "panel-body", aria_live="polite")
            with block("div", "panels"), block("section", "panel", aria_label="Values"):
                Text("h2", "Your values")
                with block("div", "panel-body form"):
                    self._slug = TextField(
                        "Name of the policy",
                        value=self._template.name,
                        hint="The name of a policy that you have makes this a new version of it.",
                        max_length=64,
                        on_change=self._changed,
                    )
                    self._values = block("div", "form")
                    self._use = Button("Use as draft", self._use_as_draft, "primary")
                    self._refusal = Text("p", "", "refusal")
                    self._refusal.props["role"] = "alert"
        self._use.block(True, "" if may_write(self._session) else NOT_PERMITTED)

    def start(self) -> None:
        """Show what the defaults make, then what every change makes."""
        self._refreshing = Refreshing(self._fill_in)
        self._client.on_delete(self._refreshing.stop)
        self._refreshing.ask()

    def _changed(self) -> None:
        self._use.block(True)
        self._refreshing.ask()

    async def _fill_in(self) -> None:
        try:
            values, slug = self._asked()
        except Unusable:
            return
        try:
            reading = await self._session.policies.fill_in(self._template.name, values, slug=slug)
        except SessionEnded:
            self._session.end()
            raise
        except ApiRefused as refusal:
            if refusal.status == 429:
                raise
            self._refusal.set_text(refusal.sentences)
            return
        except AxiruError as error:
            self._refusal.set_text(error.message)
            raise
        self._refusal.set_text(" ".join(f"{error.message}." for error in reading.errors))
        if self._fields is None:
            self._build_fields(reading)
        if not reading.errors:
            self._show(reading)

    def _asked(self) -> tuple[dict[str, Any], str]:
        slug = self._slug.value.strip()
        if not _SLUG.fullmatch(slug):
            self._slug.refuse("Lower-case letters, digits and hyphens, beginning with a letter.")
            raise Unusable
        return {name: field.value() for name, field in (self._fields or {}).items()}, slug

    def _build_fields(self, reading: Reading) -> None:
        """After the first answer, since only the policy tells in which currency its amounts are."""
        currencies = set(_CURRENCY.findall(reading.yaml or ""))
        written = currencies.pop() if len(currencies) == 1 else None
        fields: dict[str, ParameterField] = {}
        with self._values:
            # A currency that can be chosen is asked for first, since the amounts are in it.
            for parameter in sorted(self._template.parameters, key=lambda each: each.type != "currency"):
                fields[parameter.name] = parameter_field(
                    parameter, lambda: chosen_currency(fields.values()) or written, self._changed
                )
        self._fields = fields

    def _show(self, reading: Reading) -> None:
        self._reading = reading
        self._sentences.clear()
        with self._sentences:
            rule_sentences(reading.rules)
        permitted = may_write(self._session)
        self._use.block(not permitted, "" if permitted else NOT_PERMITTED)

    async def _use_as_draft(self) -> None:
        reading = self._reading
        if reading is None or reading.yaml is None:
            return
        try:
            draft = await self._session.policies.save_draft(
                None,
                text=reading.plain or reading.yaml,
                format="plain" if reading.plain else "yaml",
                note=f"From the template {self._template.title}",
            )
        except SessionEnded:
            self._session.end()
        except AxiruError as error:
            self._refusal.set_text(error.message)
        else:
            self._client.open(f"/policies/drafts/{draft.id}")
