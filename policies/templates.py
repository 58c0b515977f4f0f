"""The template library: every pack, with what it leaves open."""

from collections.abc import Mapping
from typing import Any

import msgspec

from policies.parameters import Parameter, fill_in
from policies.parse import parse, parse_with_values
from policies.reading import Reader
from policies.shipped import pack, pack_names
from policies.source import compose
from policies.syntax import Policy

_TITLES = {
    "daa-agent-payment-cap": "DAA — Agent payment cap",
    "daa-country-blocklist": "DAA — Counterparty country blocklist",
    "daa-rolling-window": "DAA — Rolling 24h window",
    "daa-starter": "DAA — Starter",
}
"""The names that the guide to agent payments promises; a pack's own name says enough of the others."""


class Template(msgspec.Struct, frozen=True):
    """A pack as one to start from. `parameters` are in the order of the pack; some packs have none."""

    name: str
    title: str
    description: str
    parameters: tuple[Parameter, ...]


def template_names() -> tuple[str, ...]:
    return pack_names()


def template(name: str) -> Template:
    """The template of that name. Raises PackUnknown."""
    text = pack(name)
    root, _ = compose(text)
    parameters = fill_in(root, Reader())
    return Template(name, _TITLES.get(name, name.replace("-", " ").capitalize()), parse(text).description, parameters)


def instantiate(name: str, values: Mapping[str, Any]) -> Policy:
    """The template's policy with `values` for its parameters, the defaults for the others.

    Raises PackUnknown, or PolicyInvalid with every value that is unknown, missing or of the wrong type, by the place
    in the template's text that declares or uses it.
    """
    return parse_with_values(pack(name), values).policy
