"""Forms with brackets, as Stripe's libraries send them: `metadata[order]=7`, `expand[]=charge`."""

import re
from itertools import pairwise
from urllib.parse import parse_qsl

from axiru.dev.sandbox.refusals import ParameterRefused

FORM = "application/x-www-form-urlencoded"
"""The only media type of a request body that Stripe's v1 API takes."""

Value = str | list["Value"] | dict[str, "Value"]

_NAME = re.compile(r"([^\[\]]+)((?:\[[^\[\]]*\])*)")
_MAX_FIELDS = 1000


def parse_form(encoded: bytes) -> dict[str, Value]:
    """Decode to nested dicts; `[]` appends to a list, and the last of two equal names wins.

    Raises ParameterRefused for text that is not UTF-8, for malformed names, and for a name used both as value and hash.
    """
    try:
        pairs = parse_qsl(
            encoded.decode("ascii"),
            keep_blank_values=True,
            encoding="utf-8",
            errors="strict",
            max_num_fields=_MAX_FIELDS,
        )
    except ValueError as error:
        raise ParameterRefused("Invalid request: the parameters are not a UTF-8 form.") from error
    form: dict[str, Value] = {}
    for name, value in pairs:
        _put(form, name, value)
    return form


def _put(form: dict[str, Value], name: str, value: str) -> None:
    match = _NAME.fullmatch(name)
    if match is None:
        raise ParameterRefused(f"Received unknown parameter: {name}", code="parameter_unknown", param=name)
    keys = [match[1], *re.findall(r"\[([^\[\]]*)\]", match[2])]
    place = form
    for key, following in pairwise(keys):
        if following == "":
            items = place.setdefault(key, [])
            if not isinstance(items, list):
                raise ParameterRefused("Invalid array", param=key)
            items.append(value)
            return
        inner = place.setdefault(key, {})
        if not isinstance(inner, dict):
            raise ParameterRefused("Invalid hash", param=key)
        place = inner
    place[keys[-1]] = value
