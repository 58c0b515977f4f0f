"""Block Kit as far as Axiru uses it, with Slack's documented limits (docs.slack.dev/reference/block-kit)."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

Id = Annotated[str, Meta(min_length=1, max_length=255)]


class Plain(msgspec.Struct, frozen=True, tag_field="type", tag="plain_text", forbid_unknown_fields=True):
    text: Annotated[str, Meta(min_length=1, max_length=3_000)]
    emoji: bool | None = None


class Mrkdwn(msgspec.Struct, frozen=True, tag_field="type", tag="mrkdwn", forbid_unknown_fields=True):
    text: Annotated[str, Meta(min_length=1, max_length=3_000)]
    verbatim: bool | None = None


class Confirm(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Lengths of its texts: see `checking`."""

    title: Plain
    text: Plain | Mrkdwn
    confirm: Plain
    deny: Plain
    style: Literal["primary", "danger"] | None = None


class Button(msgspec.Struct, frozen=True, tag_field="type", tag="button", forbid_unknown_fields=True):
    text: Plain
    action_id: Id
    value: Annotated[str, Meta(max_length=2_000)] | None = None
    url: Annotated[str, Meta(max_length=3_000, pattern="^https?://")] | None = None
    style: Literal["primary", "danger"] | None = None
    confirm: Confirm | None = None
    accessibility_label: Annotated[str, Meta(max_length=75)] | None = None


class TextInput(msgspec.Struct, frozen=True, tag_field="type", tag="plain_text_input", forbid_unknown_fields=True):
    action_id: Id
    multiline: bool = False
    min_length: Annotated[int, Meta(ge=0, le=3_000)] | None = None
    max_length: Annotated[int, Meta(ge=1, le=3_000)] | None = None
    placeholder: Plain | None = None
    initial_value: str | None = None


class Section(msgspec.Struct, frozen=True, tag_field="type", tag="section", forbid_unknown_fields=True):
    text: Plain | Mrkdwn | None = None
    fields: Annotated[list[Plain | Mrkdwn], Meta(min_length=1, max_length=10)] | None = None
    accessory: Button | None = None
    block_id: Id | None = None
    expand: bool | None = None


class Header(msgspec.Struct, frozen=True, tag_field="type", tag="header", forbid_unknown_fields=True):
    text: Plain
    block_id: Id | None = None


class Divider(msgspec.Struct, frozen=True, tag_field="type", tag="divider", forbid_unknown_fields=True):
    block_id: Id | None = None


class ContextBlock(msgspec.Struct, frozen=True, tag_field="type", tag="context", forbid_unknown_fields=True):
    elements: Annotated[list[Plain | Mrkdwn], Meta(min_length=1, max_length=10)]
    block_id: Id | None = None


class Actions(msgspec.Struct, frozen=True, tag_field="type", tag="actions", forbid_unknown_fields=True):
    elements: Annotated[list[Button], Meta(min_length=1, max_length=25)]
    block_id: Id | None = None


class Input(msgspec.Struct, frozen=True, tag_field="type", tag="input", forbid_unknown_fields=True):
    label: Plain
    element: TextInput
    block_id: Id | None = None
    hint: Plain | None = None
    optional: bool = False


Block = Section | Header | Divider | ContextBlock | Actions | Input


class View(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A modal or an App Home."""

    type: Literal["modal", "home"]
    blocks: Annotated[list[Block], Meta(max_length=100)]
    title: Plain | None = None
    submit: Plain | None = None
    close: Plain | None = None
    private_metadata: Annotated[str, Meta(max_length=3_000)] = ""
    callback_id: Annotated[str, Meta(max_length=255)] = ""
    external_id: Annotated[str, Meta(max_length=255)] = ""
    clear_on_close: bool = False
    notify_on_close: bool = False


class Blocks(msgspec.Struct, frozen=True):
    """The blocks of one message."""

    blocks: Annotated[list[Block], Meta(max_length=50)]
