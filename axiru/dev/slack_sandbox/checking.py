"""Whether Slack would take these blocks: the shapes, and the limits that depend on where a text stands."""

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from axiru.dev.slack_sandbox.shapes import (
    Actions,
    Block,
    Blocks,
    Button,
    Header,
    Input,
    Mrkdwn,
    Plain,
    Section,
    View,
)


def faults_of_message(blocks: Any) -> list[str]:
    """What Slack would complain of in the blocks of a message; empty for blocks it takes."""
    try:
        read = msgspec.convert({"blocks": blocks}, Blocks)
    except msgspec.ValidationError as error:
        return [str(error)]
    return [*_faults(read.blocks), *("input blocks belong to modals" for block in read.blocks if _is_input(block))]


def faults_of_view(view: Any) -> list[str]:
    """What Slack would complain of in a modal or an App Home."""
    try:
        read = msgspec.convert(view, View)
    except msgspec.ValidationError as error:
        return [str(error)]
    found = list(_faults(read.blocks))
    if read.type == "modal":
        if read.title is None:
            found.append("a modal needs a title")
        if read.submit is None and any(map(_is_input, read.blocks)):
            found.append("a modal with inputs needs a submit button")
        for name, text in (("title", read.title), ("submit", read.submit), ("close", read.close)):
            found += _too_long(name, text, 24)
    elif read.title or read.submit or read.close:
        found.append("an App Home has neither title nor submit nor close")
    return found


def _faults(blocks: list[Block]) -> Iterator[str]:
    yield from _twice("block_id", (block.block_id for block in blocks))
    for place, block in enumerate(blocks):
        match block:
            case Header(text=text):
                yield from _too_long(f"blocks[{place}].text", text, 150)
            case Section(text=None, fields=None):
                yield f"blocks[{place}]: a section needs a text or fields"
            case Section(fields=fields, accessory=accessory):
                for field in fields or ():
                    yield from _too_long(f"blocks[{place}].fields", field, 2_000)
                if accessory is not None:
                    yield from _button_faults(f"blocks[{place}].accessory", accessory)
            case Actions(elements=buttons):
                yield from _twice(f"blocks[{place}]: action_id", (button.action_id for button in buttons))
                for button in buttons:
                    yield from _button_faults(f"blocks[{place}]", button)
            case Input(label=label, element=element, hint=hint):
                yield from _too_long(f"blocks[{place}].label", label, 2_000)
                yield from _too_long(f"blocks[{place}].hint", hint, 2_000)
                yield from _too_long(f"blocks[{place}].placeholder", element.placeholder, 150)
            case _:
                pass


def _button_faults(place: str, button: Button) -> Iterator[str]:
    yield from _too_long(f"{place}.text", button.text, 75)
    if (confirm := button.confirm) is not None:
        yield from _too_long(f"{place}.confirm.title", confirm.title, 100)
        yield from _too_long(f"{place}.confirm.text", confirm.text, 300)
        yield from _too_long(f"{place}.confirm.confirm", confirm.confirm, 30)
        yield from _too_long(f"{place}.confirm.deny", confirm.deny, 30)


def _too_long(place: str, text: Plain | Mrkdwn | None, most: int) -> Iterator[str]:
    if text is not None and len(text.text) > most:
        yield f"{place}: must be less than {most + 1} characters"


def _twice(what: str, ids: Iterable[str | None]) -> Iterator[str]:
    for one, times in Counter(ids).items():
        if one is not None and times > 1:
            yield f"{what} {one!r} is there {times} times"


def _is_input(block: Block) -> bool:
    return isinstance(block, Input)
