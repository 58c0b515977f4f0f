"""Ids, hashes and JSON: monospaced, whole, and one click from the clipboard."""

from nicegui.element import Element

from console.components.text import Text, block


class CopyButton(Element, component="copy_button.js"):
    def __init__(self, text: str, label: str) -> None:
        super().__init__()
        self.props["text"] = text
        self.props["label"] = label


def code_value(text: str, label: str) -> None:
    """`text` in full, to be broken anywhere, with a button that copies it; `label` names it for screen readers."""
    with block("span", "code-value"):
        Text("code", text)
        CopyButton(text, label)


def code_block(text: str, label: str) -> None:
    """Several lines that keep their breaks, with a button that copies them."""
    with block("div", "code-block"):
        Text("pre", text)
        CopyButton(text, label)
