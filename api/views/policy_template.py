"""The template library: policies to start from, with what each leaves open."""

from functools import cache
from typing import Any

import msgspec

from api.compiling.shapes import FindingView, RuleView, TextError
from policies.templates import template, template_names


class ParameterView(msgspec.Struct, frozen=True, kw_only=True):
    """What a template leaves open. `default` is a text, a whole number or a list of texts; null where one is needed."""

    name: str
    type: str
    description: str
    default: Any


class TemplateSummary(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    title: str
    description: str
    parameters: list[ParameterView]


class TemplateView(TemplateSummary, frozen=True, kw_only=True):
    """The template as its defaults make it."""

    yaml: str | None
    plain: str | None
    errors: list[TextError]
    findings: list[FindingView]
    rules: list[RuleView]


class TemplateList(msgspec.Struct, frozen=True):
    items: list[TemplateSummary]


@cache
def templates() -> dict[str, TemplateSummary]:
    """Every template by name. They come with the code, so they are read once a process."""
    return {name: _summary(name) for name in template_names()}


def _summary(name: str) -> TemplateSummary:
    shipped = template(name)
    return TemplateSummary(
        name=shipped.name,
        title=shipped.title,
        description=shipped.description,
        parameters=[
            ParameterView(name=each.name, type=each.type, description=each.description, default=each.default)
            for each in shipped.parameters
        ],
    )
