"""A secret that is shown once: it stays on the page until the person says that they have it."""

from nicegui.element import Element

from console.components.button import Button
from console.components.code_value import code_value
from console.components.text import Text, block


class Arriving(Element, component="arriving.js"):
    """A section that takes the focus when it appears, so that it is seen however far the page was scrolled."""

    def __init__(self, label: str) -> None:
        super().__init__()
        self.props["label"] = label


class SecretOnce:
    """Empty until `show`; not a dialog, so that no stray click and no live update takes the secret away."""

    def __init__(self) -> None:
        self._place = block("div", "secret-place", role="status")

    def show(self, title: str, secret: str, label: str, *sentences: str) -> None:
        self._place.clear()
        with self._place, Arriving(title).classes("panel secret"):
            Text("h2", title)
            with block("div", "panel-body"):
                code_value(secret, label)
                for sentence in sentences:
                    Text("p", sentence, "muted")
                with block("div"):
                    Button("I have it", self._put_away)

    async def _put_away(self) -> None:
        self._place.clear()
