"""What a place says when nothing is there: that this is so, and what would bring something."""

from console.components.text import Text, block


def empty_state(title: str, text: str) -> None:
    with block("div", "empty"):
        Text("p", title, "empty-title")
        Text("p", text)
