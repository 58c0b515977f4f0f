"""One field for each kind of value that a template leaves open, in the units people think in."""

import re
from collections.abc import Callable, Iterable
from typing import Any, Final, Protocol

from axiru.domain.currency import CURRENCIES, exponent_of
from axiru.domain.roles import ROLES
from console.components.money import decimal_text, minor_units
from console.components.select_field import SelectField
from console.components.text import block
from console.components.text_field import TextField
from console.components.wording import role_name
from console.policy_views import Parameter

_UNITS: Final = {"m": "minutes", "h": "hours", "d": "days"}
_IN_MINOR_UNITS: Final = re.compile(r",? in (?:cents of [A-Z]{3}|cents|the currency's smallest unit)$")
_DURATION: Final = re.compile(r"(?P<number>\d{1,6})(?P<unit>[mhd])")
_HINTS: Final = {
    "country": "A two-letter code (ISO 3166), such as DE.",
    "currency": "A three-letter code (ISO 4217), such as usd.",
    "list": "The name of one of your lists.",
    "zone": "A time zone by its name, such as America/New_York.",
    "time": "A time of day, such as 09:00.",
    "list_of_countries": "Two-letter codes (ISO 3166), parted by commas.",
    "list_of_currencies": "Three-letter codes (ISO 4217), parted by commas.",
    "list_of_words": "Parted by commas.",
}


class Unusable(Exception):
    """What the field holds is no value; the field itself says so."""


class ParameterField(Protocol):
    """`value` is what the API takes for the parameter. Raises Unusable."""

    def value(self) -> Any: ...


Currency = Callable[[], str | None]
"""The one that a policy's amounts are in as it stands, if it is only one."""


def parameter_field(parameter: Parameter, currency: Currency, changed: Callable[[], None]) -> ParameterField:
    """The field for `parameter`, in a policy of that `currency`."""
    if parameter.type == "amount":
        return _Amount(parameter, currency, changed)
    if parameter.type.startswith("list_of_"):
        return _Several(parameter, changed)
    return _FIELDS.get(parameter.type, _Words)(parameter, changed)


def _label(parameter: Parameter) -> str:
    return parameter.description or parameter.name.replace("_", " ").capitalize()


def chosen_currency(fields: Iterable[ParameterField]) -> str | None:
    """What the one field for a currency holds; None where there is none, or nothing that is one."""
    words = [field.text.lower() for field in fields if isinstance(field, _CurrencyField)]
    return words[0] if len(words) == 1 and words[0] in CURRENCIES else None


class _Words:
    def __init__(self, parameter: Parameter, changed: Callable[[], None], value: str | None = None) -> None:
        default = value if value is not None else "" if parameter.default is None else str(parameter.default)
        self._field = TextField(
            _label(parameter), value=default, hint=_HINTS.get(parameter.type, ""), max_length=2000, on_change=changed
        )

    def value(self) -> Any:
        text = self._field.value.strip()
        if not text:
            self._refuse("A value is needed here.")
        return text

    def _refuse(self, why: str) -> None:
        self._field.refuse(why)
        raise Unusable


class _CurrencyField(_Words):
    @property
    def text(self) -> str:
        return self._field.value.strip()

    def value(self) -> Any:
        return str(super().value()).lower()


class _Several(_Words):
    def __init__(self, parameter: Parameter, changed: Callable[[], None]) -> None:
        default = parameter.default
        words = ", ".join(map(str, default)) if isinstance(default, list) else str(default or "")
        super().__init__(parameter, changed, words)

    def value(self) -> Any:
        return [word for word in re.split(r"[,\s]+", super().value()) if word]


class _Count(_Words):
    def value(self) -> Any:
        text = super().value()
        if not (text.isascii() and text.isdigit() and len(text) < 10):
            self._refuse("A whole number is needed here.")
        return int(text)


class _Amount(_Words):
    """In major units where the currency is known, since nobody thinks in cents; else in minor units, and it says so."""

    def __init__(self, parameter: Parameter, currency: Currency, changed: Callable[[], None]) -> None:
        self._currency = currency
        default = parameter.default if isinstance(parameter.default, int) else None
        super().__init__(parameter, changed, "" if default is None else decimal_text(default, self._exponent()))
        if currency() is not None:
            # Templates tell of the units that policies are kept in; this field has a currency's own.
            self._field.props["label"] = _IN_MINOR_UNITS.sub("", _label(parameter))
        self._hint()

    def value(self) -> Any:
        self._hint()
        currency = self._currency()
        # A currency without decimals stands for none: what is counted in minor units has none either.
        units = minor_units(super().value(), currency or "jpy")
        if units is None:
            self._refuse(f"This is no amount in {currency.upper() if currency else 'minor units'}.")
        return units

    def _exponent(self) -> int:
        currency = self._currency()
        return exponent_of(currency) if currency else 0

    def _hint(self) -> None:
        currency = self._currency()
        self._field.props["hint"] = (
            f"In {currency.upper()}, such as {decimal_text(1250 * 10 ** self._exponent(), self._exponent())}."
            if currency
            else "In minor units (cents): its rules are in more than one currency."
        )


class _Duration:
    def __init__(self, parameter: Parameter, changed: Callable[[], None]) -> None:
        match = _DURATION.fullmatch(str(parameter.default or ""))
        with block("div", "field-row"):
            self._number = TextField(
                _label(parameter), value=match["number"] if match else "", max_length=6, on_change=changed
            )
            self._unit = SelectField("Unit", _UNITS, match["unit"] if match else "h", on_change=changed)

    def value(self) -> Any:
        number = self._number.value.strip()
        if not (number.isascii() and number.isdigit() and int(number) > 0):
            self._number.refuse("A whole number is needed here.")
            raise Unusable
        return f"{int(number)}{self._unit.value}"


class _Role:
    def __init__(self, parameter: Parameter, changed: Callable[[], None]) -> None:
        roles = {role: role_name(role) for role in sorted(ROLES)}
        chosen = parameter.default if parameter.default in roles else "controller"
        self._field = SelectField(_label(parameter), roles, chosen, on_change=changed)

    def value(self) -> Any:
        return self._field.value


_FIELDS: Final[dict[str, Callable[[Parameter, Callable[[], None]], ParameterField]]] = {
    "count": _Count,
    "currency": _CurrencyField,
    "duration": _Duration,
    "role": _Role,
}
