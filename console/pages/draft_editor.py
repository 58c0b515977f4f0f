"""The policy editor: one policy, written in plain language or in YAML, read again with every pause in typing."""

from collections.abc import Awaitable, Callable
from typing import Final, NamedTuple

from nicegui import context

from axiru.errors import AxiruError
from console.api_errors import ApiRefused, SessionEnded
from console.components.button import Button
from console.components.code_editor import CodeEditor, Place, TextKind
from console.components.confirm_dialog import ConfirmDialog
from console.components.icon import icon
from console.components.problem_list import ProblemList
from console.components.tabs import Tabs
from console.components.text import Text, block
from console.components.text_field import TextField
from console.policy_views import Draft, Reading, TextError, TextFormat
from console.refreshing import Refreshing
from console.sentences import replace_sentence
from console.sessions import Session

KINDS: Final = {"plain": "Plain language", "yaml": "YAML"}
_SAVED: Final = "Saved."


class Twin(NamedTuple):
    """A text and what it was converted to, so that switching there and back gives the very same text."""

    kind: TextFormat
    text: str
    other: str


class DraftEditor:
    """One open draft, saved or still to be."""

    def __init__(self, session: Session, draft: Draft | None) -> None:
        self._session = session
        self._draft = draft
        self._client = context.client
        self._kind: TextFormat = draft.format if draft else "plain"
        self._reading: Reading | None = None
        self._read_text: tuple[TextFormat, str] | None = None
        self._twin: Twin | None = None
        self._refreshing: Refreshing | None = None

    def build_actions(self) -> None:
        """The buttons of the page's head."""
        self._save_button = Button("Save draft", self._save_clicked)
        self._publish_button = Button("Publish to shadow…", self._ask_to_publish, "primary")
        if self._draft is not None:
            Button("Discard…", self._ask_to_discard, "danger")

    def build(self, text: str) -> None:
        """The editor with `text` in it, and beside it what is wrong with that."""
        self._notice = Text("p", "", "note page-note")
        self._notice.props["role"] = "status"
        self._refusal = Text("p", "", "note note-bad page-note")
        self._refusal.props["role"] = "alert"
        with block("div", "editor-page"):
            with block("section", "panel", aria_label="Policy"):
                with block("div", "editor-bar"):
                    self._tabs = Tabs("View", KINDS, self._switch)
                    self._checked = block("span", "checked", role="status")
                self._editor = CodeEditor(
                    "Policy text", on_change=self._text_changed, on_save=self._save_clicked, on_restored=self._restored
                )
            with block("div", "editor-side panels"):
                with block("section", "panel", aria_label="Problems"):
                    Text("h2", "What the compiler says")
                    with block("div", "panel-body"):
                        self._told = Text("p", "", "muted")
                        self._problems = ProblemList(self._editor.reveal, self._use_nearest)
                with block("section", "panel", aria_label="Note"):
                    Text("h2", "Note")
                    with block("div", "panel-body"):
                        self._note = TextField(
                            "What changes, and why",
                            value=self._draft.note if self._draft else "",
                            hint="Everybody who reviews this version sees it; it is sealed when you publish.",
                            rows=3,
                        )
        self._build_dialogs()
        self._keep_in_browser()
        self._show(text, self._kind)
        # What a new draft begins with can be had again; only what somebody wrote is worth keeping.
        self._editor.saved()

    def start(self) -> None:
        """Read the text once, then after every change."""
        self._refreshing = Refreshing(self._read)
        self._client.on_delete(self._refreshing.stop)
        self._refreshing.ask()

    def _build_dialogs(self) -> None:
        self._publishing = ConfirmDialog("Publish to shadow", "Publish", self._publish, "primary")
        with self._publishing.content:
            with block("ul", "plain-list"):
                Text("li", "It becomes the next version of its policy, with a number, and can never be changed.")
                Text("li", "It looks on: every decision is also asked of it, and nothing follows from its answer.")
                Text("li", "To put it in force, a second person promotes it. None of its authors can.")
            self._warned = Text("p", "", "refusal")
        self._discarding = ConfirmDialog("Discard this draft", "Discard draft", self._discard, "danger")
        with self._discarding.content:
            Text("p", "The draft goes away for everybody. Published versions stay as they are.")

    # What is written, and how it reads

    def _show(self, text: str, kind: TextFormat) -> None:
        self._kind = kind
        self._tabs.press(kind)
        self._editor.show(text, kind)

    def _text_changed(self) -> None:
        self._say("Checking…", "waiting")
        self._refusal.set_text("")
        if not self._editor.is_saved and self._notice.text == _SAVED:
            self._notice.set_text("")
        if self._refreshing is not None:
            self._refreshing.ask()

    def _restored(self, kind: TextKind, base: str) -> None:
        self._kind = "yaml" if kind == "yaml" else "plain"
        self._tabs.press(self._kind)
        newer = self._draft is not None and base != str(self._draft.revision)
        said = "Your unsaved text from before this page was loaded again is back."
        if newer:
            said += " Somebody has saved the draft since; copy your text and load the page again to see theirs."
        self._notice.set_text(said)
        self._text_changed()

    async def _read(self) -> None:
        asked = (self._kind, self._editor.text)
        try:
            reading = await self._session.policies.compile(asked[1], asked[0])
        except SessionEnded:
            self._session.end()
            raise
        except ApiRefused as refusal:
            if refusal.status == 429:
                raise
            self._say("Not checked", "bad")
            self._refusal.set_text(_told(refusal))
            return
        except AxiruError:
            self._say("The API does not answer; your text is safe here.", "waiting")
            raise
        if asked != (self._kind, self._editor.text):
            return
        self._reading, self._read_text = reading, asked
        self._show_reading(reading)

    def _show_reading(self, reading: Reading) -> None:
        self._editor.mark_wrong(Place(fault.line, fault.column) for fault in reading.faults)
        self._problems.show(reading.errors, reading.findings)
        errors, faults = len(reading.errors), len(reading.faults)
        warnings = len(reading.findings) - (faults - errors)
        if errors:
            self._say(f"{errors} {'error' if errors == 1 else 'errors'}", "bad")
        elif faults:
            self._say("Compiles, but cannot be published", "waiting")
        elif warnings:
            self._say(f"Compiles, with {warnings} {'warning' if warnings == 1 else 'warnings'}", "waiting")
        else:
            self._say("Compiles", "good")
        self._told.set_text("" if errors or reading.findings else "Nothing to object to.")
        self._save_button.block(
            bool(errors), "A draft can be saved once it compiles; until then this browser keeps it."
        )
        self._publish_button.block(bool(faults), "Correct the errors first." if faults else "")

    def _say(self, words: str, tone: str) -> None:
        self._checked.clear()
        self._checked.classes(replace=f"checked checked-{tone}")
        with self._checked:
            icon({"good": "check", "bad": "alert"}.get(tone, "clock"))  # type: ignore[arg-type]
            Text("span", words)

    def _use_nearest(self, error: TextError) -> None:
        corrected = replace_sentence(self._editor.text, line=error.line, column=error.column, by=error.nearest)
        self._show(corrected, self._kind)
        self._editor.reveal(Place(error.line, error.column))
        self._text_changed()

    # The other view

    async def _switch(self, name: str) -> None:
        kind: TextFormat = "yaml" if name == "yaml" else "plain"
        if kind == self._kind:
            return
        self._refusal.set_text("")
        text = self._editor.text
        converted: str | None
        if self._twin is not None and (self._twin.kind, self._twin.other) == (kind, text):
            converted = self._twin.text
        else:
            if self._read_text != (self._kind, text):
                try:
                    await self._read()
                except AxiruError as error:
                    self._refusal.set_text(error.message)
                    return
            reading = self._reading
            converted = (reading.plain if kind == "plain" else reading.yaml) if reading else None
            if self._read_text != (self._kind, text) or converted is None:
                self._refusal.set_text(
                    f"This text cannot be shown as {KINDS[kind]} yet: correct its errors first. Nothing was changed."
                )
                return
        was_saved = self._editor.is_saved
        self._twin = Twin(self._kind, text, converted)
        self._show(converted, kind)
        if was_saved:
            self._editor.saved()
        self._text_changed()

    # Saving and publishing

    async def _save_clicked(self) -> None:
        await self._attempt(self._save, self._refusal.set_text)

    async def _save(self) -> None:
        """Save, and go to the draft's own page where it had none."""
        first = self._draft is None
        draft = await self._save_text()
        self._notice.set_text(_SAVED)
        if first:
            self._client.open(f"/policies/drafts/{draft.id}")

    async def _save_text(self) -> Draft:
        self._draft = await self._session.policies.save_draft(
            self._draft, text=self._editor.text, format=self._kind, note=self._note.value.strip()
        )
        self._editor.saved()
        self._note.saved()
        self._keep_in_browser()
        return self._draft

    def _keep_in_browser(self) -> None:
        """Under the member's own name: another one may log in there next."""
        draft_id, revision = (self._draft.id, self._draft.revision) if self._draft else ("new", 0)
        name = f"{self._session.member.id}/{draft_id}"
        self._editor.keep_as(name, str(revision))
        self._note.keep_as(f"{name}/note")

    async def _ask_to_publish(self) -> None:
        reading = self._reading
        if reading is None or self._read_text != (self._kind, self._editor.text):
            return
        warnings = sum(finding.severity == "warning" for finding in reading.findings)
        self._warned.set_text(
            f"The checks warn of {warnings} {'thing' if warnings == 1 else 'things'} beside the text."
            if warnings
            else ""
        )
        self._publishing.open()

    async def _publish(self) -> None:
        async def publish() -> None:
            draft = self._draft if self._draft is not None and self._is_saved(self._draft) else await self._save_text()
            published = await self._session.policies.publish(draft.id)
            self._client.open(f"/policies/{published.slug}?v={published.version}")

        await self._attempt(publish, self._publishing.refuse)

    def _is_saved(self, draft: Draft) -> bool:
        written = (self._kind, self._note.value.strip())
        return self._editor.is_saved and written == (draft.format, draft.note)

    async def _ask_to_discard(self) -> None:
        self._discarding.open()

    async def _discard(self) -> None:
        async def discard() -> None:
            if self._draft is not None:
                await self._session.policies.discard_draft(self._draft.id)
                self._editor.saved()
                self._client.open("/policies")

        await self._attempt(discard, self._discarding.refuse)

    async def _attempt(self, act: Callable[[], Awaitable[None]], refuse: Callable[[str], object]) -> None:
        refuse("")
        try:
            await act()
        except SessionEnded:
            self._session.end()
        except ApiRefused as refusal:
            refuse(_told(refusal))
        except AxiruError as error:
            refuse(error.message)


def _told(refusal: ApiRefused) -> str:
    """The API's words, and what a conflict means for the text on the page."""
    kept = " Your text is still here; copy it before you load the page again." if refusal.status == 409 else ""
    return f"{refusal.sentences}{kept}"
