"""Text in a plain HTML element. Always as text: what a caller wrote is never read as HTML or Markdown here."""

from nicegui.element import Element
from nicegui.elements.mixins.text_element import TextElement


class Text(TextElement):
    """`Text("h1", title)`; `text` may be set later and reaches the page by itself."""

    def __init__(self, tag: str, text: str, classes: str = "") -> None:
        super().__init__(tag=tag, text=text)
        self.classes(classes)


def block(tag: str = "div", classes: str = "", **attributes: str) -> Element:
    """A plain element to put others into; attributes by their HTML names, `aria_label` for `aria-label`."""
    element = Element(tag).classes(classes)
    for name, value in attributes.items():
        element.props[name.rstrip("_").replace("_", "-")] = value
    return element


def link(text: str, href: str, classes: str = "") -> Text:
    """An ordinary link."""
    anchor = Text("a", text, classes)
    anchor.props["href"] = href
    return anchor
