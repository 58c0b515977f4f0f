"""From a parsed body to the struct an endpoint takes, or to every field of it that is wrong.

msgspec is fast and stops at the first error; only when it has found one does jsonschema go over the same schema again
and list them all.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from itertools import islice
from typing import Any, Final, TypeVar
from unicodedata import is_normalized

import msgspec
from jsonschema import Draft202012Validator, FormatChecker
from jsonschema.validators import extend

from api.errors import FieldError, InvalidBody
from api.intake.text import Moment

Body = TypeVar("Body", bound=msgspec.Struct)

MAX_FIELD_ERRORS: Final = 100
_LONGEST_NAME: Final = 100
_TYPE_NAMES: Final = {
    "string": "a string",
    "integer": "an integer",
    "number": "a number",
    "object": "an object",
    "array": "a list",
    "boolean": "true or false",
    "null": "null",
}
# JSON Schema counts 1.0 as an integer; amounts of money do not.
_TYPES: Final = Draft202012Validator.TYPE_CHECKER.redefine(
    "integer", lambda _, value: isinstance(value, int) and not isinstance(value, bool)
)
_FORMATS: Final = FormatChecker(formats=())
_Validator: Final[Any] = extend(Draft202012Validator, type_checker=_TYPES)  # type: ignore[no-untyped-call]


def decode(body: Mapping[str, Any], shape: type[Body]) -> Body:
    """`body` as `shape`. Raises InvalidBody naming every field that does not fit."""
    return decode_by_rules(body, shape, ())


def decode_by_rules(body: Mapping[str, Any], shape: type[Body], broken: Iterable[FieldError]) -> Body:
    """`body` as `shape`, unless a rule beyond its shape is `broken`. Raises InvalidBody naming every field of both.

    Of a field that does not fit its shape, only that is said.
    """
    decoded: Body | None = None
    found: list[FieldError] = []
    try:
        decoded = msgspec.convert(body, shape)
    except msgspec.ValidationError as error:
        found = field_errors(body, shape) or [_whole(error)]
    else:
        found = list(_beyond_the_calendar(decoded))
    named = {error.field for error in found}
    found += [error for error in broken if error.field not in named]
    if found or decoded is None:
        raise InvalidBody(found)
    return decoded


def _beyond_the_calendar(decoded: msgspec.Struct) -> Iterator[FieldError]:
    """Times whose zone carries them out of the years 1 to 9999 of UTC, which no table holds."""
    for name in decoded.__struct_fields__:
        value = getattr(decoded, name)
        if isinstance(value, datetime):
            try:
                value.astimezone(UTC)
            except OverflowError:
                yield FieldError(name, "out_of_range", "This is not within the years 1 to 9999 of UTC.")


def past_time(body: Mapping[str, Any], field: str) -> Iterator[FieldError]:
    """That `field` names a time which has passed; what is no time at all is wrong by its shape."""
    try:
        moment = msgspec.convert(body.get(field), Moment)
    except msgspec.ValidationError:
        return
    if moment <= datetime.now(UTC):
        yield FieldError(field, "out_of_range", "This time has passed.")


def unseen(body: Mapping[str, Any], field: str) -> Iterator[FieldError]:
    """A name that looks like another to those who read it: with characters that nobody sees, or other forms of them."""
    value = body.get(field)
    if isinstance(value, str) and not (value.strip().isprintable() and is_normalized("NFKC", value.strip())):
        yield FieldError(field, "malformed", "This has characters that nobody sees, or that look like others.")


def blank_reason(body: Mapping[str, Any], text: str) -> Iterator[FieldError]:
    """That the reason says nothing."""
    reason = body.get("reason")
    if isinstance(reason, str) and not reason.strip():
        yield FieldError("reason", "missing", text)


def field_errors(body: Mapping[str, Any], shape: type[msgspec.Struct]) -> list[FieldError]:
    """Every way in which `body` is not a `shape`, in the order of the paths; empty when it is one.

    Past `MAX_FIELD_ERRORS` nobody reads on, and a body of nothing but mistakes would cost more than a right one.
    """
    told = (error for problem in _validator(shape).iter_errors(body) for error in _told(problem))
    found = {error.field: error for error in islice(told, MAX_FIELD_ERRORS)}
    return [found[field] for field in sorted(found)]


@lru_cache(maxsize=64)
def _validator(shape: type[msgspec.Struct]) -> Any:
    return _Validator(msgspec.json.schema(shape), format_checker=_FORMATS)


@_FORMATS.checks("date-time", raises=msgspec.ValidationError)
def _is_date_time(value: object) -> bool:
    """By msgspec's own reading, so that both say the same of a time."""
    return not isinstance(value, str) or bool(msgspec.convert(value, Moment))


def _told(problem: Any) -> Iterator[FieldError]:
    """The field errors in one `jsonschema.ValidationError`."""
    path = _path(problem.absolute_path)
    match problem.validator:
        case "anyOf":
            # An optional field is "this or null": what is wrong with the value is said by the branch that is not null.
            for inner in problem.context:
                if not (inner.validator == "type" and inner.validator_value == "null"):
                    yield from _told(inner)
        case "required":
            for name in problem.validator_value:
                if name not in problem.instance:
                    yield FieldError(_join(path, name), "missing", "This field is required.")
        case "additionalProperties" if problem.validator_value is False:
            for name in problem.instance:
                if name not in problem.schema.get("properties", {}):
                    yield FieldError(_join(path, name), "unknown_field", "This field is not known here.")
        case "pattern" if "description" in problem.schema:
            # Said in words rather than as an expression.
            yield FieldError(path, "malformed", f"Expected here: {problem.schema['description']}.")
        case _:
            code, text = _EXPLANATIONS.get(problem.validator, ("invalid", "This value is not valid."))
            yield FieldError(path or "body", code, text.format(_limit(problem.validator, problem.validator_value)))


_EXPLANATIONS: Final[Mapping[str, tuple[str, str]]] = {
    "type": ("wrong_type", "This must be {}."),
    "enum": ("not_allowed", "This must be one of: {}."),
    "minimum": ("out_of_range", "This must be at least {}."),
    "maximum": ("out_of_range", "This must be at most {}."),
    "minLength": ("too_short", "This needs a length of at least {}."),
    "maxLength": ("too_long", "This has more than {} characters."),
    "minProperties": ("too_few", "This needs at least {} entries."),
    "maxProperties": ("too_many", "This has more than {} entries."),
    "minItems": ("too_few", "This needs at least {} entries."),
    "maxItems": ("too_many", "This has more than {} entries."),
    "pattern": ("malformed", "This does not have the form {}."),
    "format": ("malformed", "This must be a {}, with its zone."),
}


def _limit(validator: str, value: Any) -> str:
    listed = [
        entry for entry in (value if isinstance(value, list) else [value]) if entry is not None and entry != "null"
    ]
    if validator == "type":
        return " or ".join(_TYPE_NAMES[name] for name in listed)
    return ", ".join(map(str, listed))


def _whole(error: msgspec.ValidationError) -> FieldError:
    """What only msgspec checks (a date that does not exist): its own words, with its path in our spelling."""
    reason, _, place = str(error).partition(" - at `$")
    return FieldError(place.rstrip("`").lstrip(".") or "body", "invalid", f"{reason}.")


def _path(parts: Iterable[str | int]) -> str:
    path = ""
    for part in parts:
        path = f"{path}[{part}]" if isinstance(part, int) else _join(path, part)
    return path


def _join(path: str, name: str) -> str:
    shown = name[:_LONGEST_NAME] or '""'
    return f"{path}.{shown}" if path else shown
