"""What a text must not hold: numbers of cards and bank accounts. Pure."""

import re
from collections.abc import Iterator
from typing import Final

_GROUPED_DIGITS: Final = re.compile(r"[0-9]+(?:[ .\-][0-9]+)*")
_IBAN: Final = re.compile(r"(?<![A-Z0-9])[A-Z]{2}[0-9]{2}(?: ?[A-Z0-9]){11,30}(?![A-Z0-9])")
_CARD_DIGITS: Final = range(13, 20)


def forbidden_in(text: str) -> str | None:
    """`card_number` or `bank_account` where the text seems to hold one, else None.

    Any 13 to 19 digits whose check digit is right (ISO/IEC 7812-1, Luhn) count as a card, however they are grouped, and
    so does now and then a number that is none: it is better left out than sent to a bank.
    """
    if any(_luhn(digits) for digits in _candidates(text)):
        return "card_number"
    if any(_mod_97(found.group().replace(" ", "")) for found in _IBAN.finditer(text)):
        return "bank_account"
    return None


def _candidates(text: str) -> Iterator[str]:
    """Every run of neighbouring groups of digits that is as long as a card's number."""
    for found in _GROUPED_DIGITS.finditer(text):
        groups = re.findall(r"[0-9]+", found.group())
        for first in range(len(groups)):
            digits = ""
            for group in groups[first:]:
                digits += group
                if len(digits) > _CARD_DIGITS[-1]:
                    break
                if len(digits) in _CARD_DIGITS:
                    yield digits


def _luhn(digits: str) -> bool:
    doubled = (int(digit) * (1 + place % 2) for place, digit in enumerate(reversed(digits)))
    return any(digit != "0" for digit in digits) and sum(number - 9 * (number > 9) for number in doubled) % 10 == 0


def _mod_97(iban: str) -> bool:
    """ISO 13616: the country and check digits behind the rest, letters as 10 to 35."""
    return int("".join(str(int(character, 36)) for character in iban[4:] + iban[:4])) % 97 == 1
