"""What goes to the compiling process and what comes back."""

from typing import Any, Literal

import msgspec

TextFormat = Literal["yaml", "plain"]


class TextError(msgspec.Struct, frozen=True, kw_only=True):
    """One place where the text does not say what a policy can say. Lines and columns count from 1.

    `expected` and `nearest` (the nearest sentence that would be understood) are empty where there is none to name.
    """

    line: int
    column: int
    expected: str
    nearest: str
    code: str
    message: str
    hint: str


class FindingView(msgspec.Struct, frozen=True, kw_only=True):
    """What the static checks say of a policy that compiles. An error keeps it from being published."""

    code: str
    severity: Literal["error", "warning"]
    message: str
    rules: list[str]
    line: int
    column: int
    hint: str


class RuleView(msgspec.Struct, frozen=True, kw_only=True):
    """One rule, and the sentence that states it."""

    id: str
    effect: str
    kind: str
    priority: int
    reason: str
    message: str
    plain: str


class Text(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """A text to read. The checks know the organization's `lists` by slug, with their kinds.

    Both views say what `shadow` says, where it is known: whether a version looks on is not for its text to tell.
    """

    text: str
    format: TextFormat
    lists: dict[str, str]
    shadow: bool | None = None


class Template(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """A shipped template to fill in with `values`, under a `slug` of its own where one is given."""

    name: str
    values: dict[str, Any]
    slug: str | None
    lists: dict[str, str]


Job = Text | Template


class PolicyReading(msgspec.Struct, frozen=True, kw_only=True):
    """A text as it was understood: both views of the one policy, or the errors that keep it from being one."""

    errors: list[TextError] = []
    findings: list[FindingView] = []
    slug: str | None = None
    description: str | None = None
    language: int | None = None
    content_hash: str | None = None
    yaml: str | None = None
    plain: str | None = None
    rules: list[RuleView] = []
