"""Reading one request's parameters, with Stripe's refusals for those that do not fit."""

from collections.abc import Mapping
from typing import TypeVar

import msgspec

from axiru.dev.sandbox.forms import Value
from axiru.dev.sandbox.refusals import ParameterRefused

T = TypeVar("T")

MAX_METADATA_KEYS = 50
MAX_METADATA_KEY_CHARACTERS = 40
MAX_METADATA_VALUE_CHARACTERS = 500
MAX_PAGE = 100


class Period(msgspec.Struct, frozen=True):
    """A filter on `created`: seconds since the epoch, each bound optional. https://docs.stripe.com/api/refunds/list"""

    gt: int | None = None
    gte: int | None = None
    lt: int | None = None
    lte: int | None = None


class Page(msgspec.Struct, frozen=True):
    """A place in a list, newest first. https://docs.stripe.com/api/pagination"""

    limit: int = 10
    starting_after: str | None = None
    ending_before: str | None = None


class Parameters:
    """Each name is read once by the operation that knows it; `finish` refuses what nobody read."""

    def __init__(
        self, values: Mapping[str, Value], *, object_id: str = "", parent_id: str = "", within: str = ""
    ) -> None:
        """`object_id` is the last id in the path, `parent_id` the first; `within` is the hash these values are in."""
        self.object_id = object_id
        self.parent_id = parent_id
        self._within = within
        self._unread = {name: value for name, value in values.items() if within or name != "expand"}

    def text(self, name: str) -> str | None:
        value = self.text_or_unset(name)
        if value == "":
            param = self._param(name)
            raise ParameterRefused(
                f"You passed an empty string for '{param}'. We assume empty values are an attempt to unset a "
                f"parameter; however '{param}' cannot be unset. You should remove '{param}' from your request or "
                "supply a non-empty value.",
                code="parameter_invalid_empty",
                param=param,
            )
        return value

    def text_or_unset(self, name: str) -> str | None:
        """None when not sent; empty when the caller unsets it."""
        value = self._unread.pop(name, None)
        if value is not None and not isinstance(value, str):
            raise ParameterRefused("Invalid string", param=self._param(name))
        return value

    def integers(self, name: str) -> dict[str, int]:
        """A hash of numbers, none below 0; empty when it was not sent."""
        inner = self.inner(name)
        if inner is None:
            return {}
        return {key: inner.integer(key, minimum=0) or 0 for key in tuple(inner._unread)}

    def inner(self, name: str) -> "Parameters | None":
        """The parameters inside the hash `name`, to be finished on their own; None when it was not sent."""
        value = self._unread.pop(name, None)
        if value is None:
            return None
        if not isinstance(value, dict):
            raise ParameterRefused("Invalid hash", param=self._param(name))
        return Parameters(value, within=self._param(name))

    def required_text(self, name: str) -> str:
        return self._required(name, self.text(name))

    def integer(self, name: str, *, minimum: int, maximum: int | None = None) -> int | None:
        text = self.text(name)
        return None if text is None else _integer(self._param(name), text, minimum=minimum, maximum=maximum)

    def required_integer(self, name: str, *, minimum: int) -> int:
        return self._required(name, self.integer(name, minimum=minimum))

    def choice(self, name: str, options: tuple[str, ...]) -> str | None:
        text = self.text(name)
        if text is not None and text not in options:
            raise ParameterRefused(
                f"Invalid {name}: must be one of {', '.join(options[:-1])}, or {options[-1]}", param=self._param(name)
            )
        return text

    def boolean(self, name: str) -> bool | None:
        text = self.text(name)
        if text is None:
            return None
        if text not in ("true", "false"):
            raise ParameterRefused(f"Invalid boolean: {text}", param=self._param(name))
        return text == "true"

    def texts(self, name: str) -> tuple[str, ...]:
        """A list, sent as `name[]=a&name[]=b` or `name[0]=a&name[1]=b`."""
        value = self._unread.pop(name, [])
        items = list(value.values()) if isinstance(value, dict) else value
        if not isinstance(items, list) or not all(isinstance(item, str) for item in items):
            raise ParameterRefused("Invalid array", param=self._param(name))
        return tuple(str(item) for item in items)

    def metadata(self) -> dict[str, str] | None:
        """None when not sent; an empty value unsets a key, and `metadata=` unsets all. https://docs.stripe.com/api/metadata"""
        value = self._unread.pop("metadata", None)
        if value is None:
            return None
        if value == "":
            return {}
        if not isinstance(value, dict):
            raise ParameterRefused("Invalid hash", param="metadata")
        metadata: dict[str, str] = {}
        for key, item in value.items():
            if not isinstance(item, str):
                raise ParameterRefused(
                    f"Invalid value for metadata key {key}: must be a string", param=f"metadata[{key}]"
                )
            if len(key) > MAX_METADATA_KEY_CHARACTERS:
                raise ParameterRefused(
                    f"Metadata keys must be under {MAX_METADATA_KEY_CHARACTERS} characters, but you passed in a key "
                    f"that is {len(key)} characters: {key}",
                    param="metadata",
                )
            if len(item) > MAX_METADATA_VALUE_CHARACTERS:
                raise ParameterRefused(
                    f"Metadata values must be under {MAX_METADATA_VALUE_CHARACTERS} characters, but you passed in a "
                    f"value that is {len(item)} characters.",
                    param=f"metadata[{key}]",
                )
            metadata[key] = item
        if len(metadata) > MAX_METADATA_KEYS:
            raise ParameterRefused(f"Metadata can have at most {MAX_METADATA_KEYS} keys.", param="metadata")
        return metadata

    def created(self) -> Period:
        return self.period("created")

    def period(self, field: str) -> Period:
        value = self._unread.pop(field, None)
        if value is None:
            return Period()
        if isinstance(value, str):
            exactly = _integer(field, value, minimum=0)
            return Period(gte=exactly, lte=exactly)
        if not isinstance(value, dict):
            raise ParameterRefused("Invalid hash", param=field)
        bounds: dict[str, int] = {}
        for name, bound in value.items():
            param = f"{field}[{name}]"
            if name not in Period.__struct_fields__:
                raise ParameterRefused(f"Received unknown parameter: {param}", code="parameter_unknown", param=param)
            bounds[name] = _integer(param, str(bound), minimum=0)
        return Period(**bounds)

    def page(self) -> Page:
        page = Page(
            limit=self.integer("limit", minimum=1, maximum=MAX_PAGE) or 10,
            starting_after=self.text("starting_after"),
            ending_before=self.text("ending_before"),
        )
        if page.starting_after is not None and page.ending_before is not None:
            raise ParameterRefused("You may only specify one of these parameters: starting_after, ending_before.")
        return page

    def refuse_unsupported(self, *names: str) -> None:
        """Refuse by name what Stripe knows and the sandbox does not, so that nothing is silently left out."""
        for name in names:
            if name in self._unread:
                raise ParameterRefused(
                    f"The Stripe sandbox of Axiru does not offer the parameter '{self._param(name)}'.",
                    param=self._param(name),
                )

    def finish(self) -> None:
        for name in self._unread:
            param = self._param(name)
            raise ParameterRefused(f"Received unknown parameter: {param}", code="parameter_unknown", param=param)

    def _param(self, name: str) -> str:
        return f"{self._within}[{name}]" if self._within else name

    def _required(self, name: str, value: T | None) -> T:
        if value is None:
            param = self._param(name)
            raise ParameterRefused(f"Missing required param: {param}.", code="parameter_missing", param=param)
        return value


def _integer(param: str, text: str, *, minimum: int, maximum: int | None = None) -> int:
    # int() would also take "1_000", " 7 " and digits of other scripts.
    if not (text.removeprefix("-").isascii() and text.removeprefix("-").isdigit() and len(text) <= 18):
        raise ParameterRefused(f"Invalid integer: {text}", code="parameter_invalid_integer", param=param)
    value = int(text)
    if value < minimum:
        raise ParameterRefused(
            f"This value must be greater than or equal to {minimum}.", code="parameter_invalid_integer", param=param
        )
    if maximum is not None and value > maximum:
        raise ParameterRefused(
            f"This value must be less than or equal to {maximum}.", code="parameter_invalid_integer", param=param
        )
    return value
