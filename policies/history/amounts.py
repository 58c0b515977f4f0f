"""From what an export writes to minor units, exactly: `12.50`, `1.234,56 €`, `(1,000.00)`, `¥500`.

Whether a point or a comma stands before the decimals is decided once for a file, from the amounts that leave no doubt:
both signs, one sign several times, or one sign not followed by exactly three digits. What is left open then (`1,234`)
is read the same way. Where a file never says, `1,234` is a thousand if commas also divide the columns, `1.250` is a
decimal in a currency with three decimals, and everything else is refused rather than guessed.
"""

import re
from decimal import Decimal
from typing import Final, Literal, NamedTuple

from axiru.domain.currency import CURRENCIES, exponent_of

MAX_UNITS: Final = 99_999_999_999

DecimalSign = Literal[".", ","]

_PLAIN: Final = re.compile(r"[0-9]+\.[0-9]{1,2}")
_SPACES: Final = re.compile("[\\s\u00a0\u2007\u2009\u202f'’]")
_OPEN: Final = re.compile(r"[1-9][0-9]{0,2}[.,][0-9]{3}")
_MARKED: Final = re.compile(
    r"(?P<before>[^0-9.,\-−()\s]*)\s*(?P<sign>[-−]?)\s*(?P<symbol>[^0-9.,\-−()]*?)\s*(?P<digits>[0-9.,][0-9., \u00a0"
    r"\u2007\u2009\u202f'’]*?)\s*(?P<trailing>[-−]?)\s*(?P<after>[^0-9.,\-−()]*)"
)
_SYMBOL: Final = re.compile(
    r"[A-Za-z]{0,3}[$€£¥₹₩₽₺₫₪₱฿₦₴₡₲₵₸₭₮₼₾]|kr\.?|zł|Fr\.?|Kč|Ft|lei|R|S/\.?|B/\.?|RM|Rp|Rs\.?|₨"
)
_GROUPED: Final = {
    ".": re.compile(r"[0-9]{1,3}(?:,[0-9]{2,3})*,[0-9]{3}"),
    ",": re.compile(r"[0-9]{1,3}(?:\.[0-9]{2,3})*\.[0-9]{3}"),
}


class AmountUnreadable(ValueError):
    """Why the text is no amount; `code` is `invalid_amount` or `ambiguous_amount`."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class Bare(NamedTuple):
    """An amount without its sign, currency and spaces. `currency` is the ISO code beside it, or empty."""

    digits: str
    negative: bool
    currency: str


def bare(text: str) -> Bare:
    """Take the digits out of `text`. Raises AmountUnreadable."""
    if _PLAIN.fullmatch(text):
        return Bare(text, False, "")
    stripped = text.strip()
    inner = stripped[1:-1] if stripped.startswith("(") and stripped.endswith(")") else stripped
    found = _MARKED.fullmatch(inner)
    if found is None:
        raise AmountUnreadable("invalid_amount", f"“{_shown(text)}” is not an amount")
    marks = [mark for mark in (found["before"].strip(), found["symbol"].strip(), found["after"].strip()) if mark]
    codes = [mark.lower() for mark in marks if mark.lower() in CURRENCIES]
    signs = (inner is not stripped) + bool(found["sign"]) + bool(found["trailing"])
    if signs > 1 or len(marks) > 2 or any(m.lower() not in CURRENCIES and not _SYMBOL.fullmatch(m) for m in marks):
        raise AmountUnreadable("invalid_amount", f"“{_shown(text)}” is not an amount")
    digits = _SPACES.sub("", found["digits"])
    return Bare(digits, bool(signs), codes[0] if codes else "")


def sign_in(digits: str) -> DecimalSign | None:
    """The decimal sign that these digits prove to be in use; None where they prove nothing."""
    points, commas = digits.count("."), digits.count(",")
    if not points and not commas:
        return None
    if points and commas:
        return "," if digits.rindex(",") > digits.rindex(".") else "."
    if points > 1:
        return ","
    if commas > 1:
        return "."
    if _OPEN.fullmatch(digits):
        return None
    return "." if points else ","


def minor_units(digits: str, currency: str, sign: DecimalSign | None, delimiter: str) -> int:
    """The amount in the smallest unit of `currency`, where the file's decimal sign is `sign` (None: it never says).

    Raises AmountUnreadable; never rounds.
    """
    exponent = exponent_of(currency)
    if sign is None:
        sign = _sign_by_convention(digits, exponent, delimiter)
    whole, mark, decimals = digits.rpartition(sign)
    if not mark:
        whole, decimals = digits, ""
    if whole.isdecimal() or (not whole and decimals):
        plain = whole or "0"
    elif _GROUPED[sign].fullmatch(whole):
        plain = whole.replace(",", "").replace(".", "")
    else:
        raise AmountUnreadable("invalid_amount", f"“{_shown(digits)}” is not an amount with “{sign}” before decimals")
    if decimals and not decimals.isdecimal():
        raise AmountUnreadable("invalid_amount", f"“{_shown(digits)}” is not an amount with “{sign}” before decimals")
    if len(plain) > 15 or len(decimals) > 15:
        raise AmountUnreadable("invalid_amount", f"“{_shown(digits)}” is too long for an amount")
    units = Decimal(f"{plain}.{decimals or 0}").scaleb(exponent)
    if units != int(units):
        message = f"“{_shown(digits)}” has more decimals than {currency} ({exponent}); nothing is rounded"
        raise AmountUnreadable("invalid_amount", message)
    if units > MAX_UNITS:
        raise AmountUnreadable("invalid_amount", f"“{_shown(digits)}” is more than a payment can be")
    return int(units)


def whole_units(digits: str) -> int:
    """An amount that the file gives in the smallest unit already. Raises AmountUnreadable."""
    if not digits.isdecimal() or len(digits) > 15 or int(digits) > MAX_UNITS:
        raise AmountUnreadable("invalid_amount", f"“{_shown(digits)}” is not an amount in whole minor units")
    return int(digits)


def _sign_by_convention(digits: str, exponent: int, delimiter: str) -> DecimalSign:
    proved = sign_in(digits)
    if proved is not None or not {".", ","} & set(digits):
        return proved or "."
    if "." in digits and exponent == 3:
        return "."
    if "," in digits and exponent != 3 and delimiter != ";":
        return "."
    message = f"“{_shown(digits)}” may mean thousands or decimals, and no other amount of the file tells which"
    raise AmountUnreadable("ambiguous_amount", message)


def _shown(text: str) -> str:
    return text if len(text) <= 40 else f"{text[:40]}…"
