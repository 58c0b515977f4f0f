"""Icons from the console's own sprite; decorative, so the text beside one says what it means."""

from typing import Literal

from nicegui.element import Element

IconName = Literal[
    "check",
    "check-circle",
    "cross",
    "clock",
    "pause",
    "alert",
    "spinner",
    "arrow-left",
    "arrow-right",
    "chevron",
    "stop",
    "eye",
    "copy",
    "flag",
    "link",
    "pencil",
    "lock",
]
SPRITE = "/static/icons.svg"


def icon(name: IconName) -> Element:
    with Element("svg").classes("icon") as svg:
        svg.props["aria-hidden"] = "true"
        Element("use").props["href"] = f"{SPRITE}#{name}"
    return svg
