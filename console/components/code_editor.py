"""A text with line numbers, places marked as wrong, and a copy in the browser until it is saved."""

from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from typing import Final, Literal, NamedTuple

import nicegui
from nicegui.element import Element
from nicegui.events import GenericEventArguments

TextKind = Literal["plain", "yaml", "values"]
LONGEST_TEXT: Final = 240_000
"""In the units of JavaScript. More would not go through the API in one request; the editor says so."""

_CODEMIRROR: Final = Path(nicegui.__file__).parent / "elements" / "codemirror" / "dist"


class Place(NamedTuple):
    """Line and column, both counted from 1."""

    line: int
    column: int


class CodeEditor(Element, component="code_editor.js", esm={"nicegui-codemirror": str(_CODEMIRROR)}):
    """CodeMirror, from the copy that NiceGUI brings; NiceGUI's own element for it would need `unsafe-eval`.

    `text` is what the person has written, as of the last pause or the moment the field was left. `on_restored` is
    called with the text, its kind and its base when the browser still had unsaved text from before a reload.
    """

    def __init__(
        self,
        label: str,
        *,
        on_change: Callable[[], None],
        on_save: Callable[[], Awaitable[None]],
        on_restored: Callable[[TextKind, str], None],
    ) -> None:
        super().__init__()
        self.text = ""
        self._on_change = on_change
        self._on_save = on_save
        self._on_restored = on_restored
        self.props.update(
            {
                "label": label,
                "text": "",
                "edition": 0,
                "saved": "",
                "kind": "plain",
                "problems": [],
                "longest": LONGEST_TEXT,
            }
        )
        self.on("change", self._changed)
        self.on("restored", self._restored)
        self.on("save", self._save, args=[])

    def keep_as(self, backup: str, base: str) -> None:
        """Name the browser's copy, and say which revision of the draft the text goes on from."""
        self.props["backup"] = f"axiru-text:{backup}"
        self.props["base"] = base

    def show(self, text: str, kind: TextKind) -> None:
        """Replace the text; the person can undo it as any change of their own."""
        self.text = text
        self.props.update({"kind": kind, "text": text, "edition": self.props["edition"] + 1})

    def saved(self) -> None:
        """The text as it stands needs no copy in the browser any more."""
        self.props["saved"] = self.text

    @property
    def is_saved(self) -> bool:
        saved: str = self.props["saved"]
        return self.text == saved

    def mark_wrong(self, places: Iterable[Place]) -> None:
        self.props["problems"] = [place._asdict() for place in places]

    def reveal(self, place: Place) -> None:
        """Put the cursor there."""
        self.props["reveal"] = place._asdict()

    def _changed(self, event: GenericEventArguments) -> None:
        if isinstance(event.args, str) and len(event.args) <= LONGEST_TEXT:
            self.text = event.args
            self._on_change()

    def _restored(self, event: GenericEventArguments) -> None:
        match event.args:
            case {"text": str(text), "kind": ("plain" | "yaml" | "values") as kind, "base": str(base)} if (
                len(text) <= LONGEST_TEXT
            ):
                self.text = text
                # The browser shows it already; the server's props follow, so that a later update does not undo it.
                self.props.update({"kind": kind, "text": text})
                self._on_restored(kind, base)

    async def _save(self) -> None:
        await self._on_save()
