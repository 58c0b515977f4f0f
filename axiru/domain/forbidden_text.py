"""What a text must not hold: numbers of cards and bank accounts. Pure."""

import re
import unicodedata
from collections.abc import Iterator
from itertools import accumulate
from string import ascii_uppercase
from typing import Final

_GROUPED_DIGITS: Final = re.compile(r"[0-9]+(?:[ \t./_\-]{1,3}[0-9]+)*")
# Only looked ahead at, so that each beginning is found, also within what another begins.
_LIKE_AN_IBAN: Final = re.compile(r"(?<![A-Z0-9])(?=([A-Z]{2}[0-9]{2}[A-Z0-9]*(?:[ .\-]{1,3}[A-Z0-9]+){0,16}))")
_CARD_DIGITS: Final = range(13, 20)
_IBAN_LENGTHS: Final = range(15, 35)
_DOUBLED: Final = (0, 2, 4, 6, 8, 1, 3, 5, 7, 9)
_LETTERS: Final = {ord(letter): str(int(letter, 36)) for letter in ascii_uppercase}
_MINUS: Final = "\u2212"


def forbidden_in(text: str) -> str | None:
    """`card_number` or `bank_account` where the text seems to hold one, else None.

    Any 13 to 19 digits whose check digit is right (ISO/IEC 7812-1, Luhn) count as a card, however they are grouped, and
    so does now and then a number that is none: it is better left out than sent to a bank. A new line ends a number.
    """
    text = _plain(text)
    if any(_holds_card(found.group()) for found in _GROUPED_DIGITS.finditer(text)):
        return "card_number"
    if any(_mod_97(number) for number in _account_candidates(text.upper())):
        return "bank_account"
    return None


def _plain(text: str) -> str:
    """Digits of every script, and every space and dash, as ASCII has them; nothing invisible."""
    return "".join(map(_plain_character, unicodedata.normalize("NFKC", text)))


def _plain_character(character: str) -> str:
    if character == _MINUS:
        return "-"
    match unicodedata.category(character):
        case "Nd":
            return str(unicodedata.decimal(character))
        case "Pd":
            return "-"
        case "Zs":
            return " "
        case "Cf":
            return ""
        case _:
            return character


def _holds_card(written: str) -> bool:
    """Whether neighbouring groups of digits make a number of a card's length with the right check digit.

    The Luhn sum of any run is the difference of two running sums, so that a long text costs no more than its length.
    """
    digits = [int(digit) for digit in written if digit.isdigit()]
    ends = list(accumulate(len(group) for group in re.findall(r"[0-9]+", written)))
    # Doubled at the odd places, and at the even ones: which of the two counts, the place of the last digit says.
    sums = [
        list(accumulate((_DOUBLED[d] if place % 2 == odd else d for place, d in enumerate(digits)), initial=0))
        for odd in (0, 1)
    ]
    for first, begin in enumerate([0, *ends[:-1]]):
        for end in ends[first : first + _CARD_DIGITS[-1]]:
            if end - begin > _CARD_DIGITS[-1]:
                break
            luhn = sums[end % 2][end] - sums[end % 2][begin]
            if end - begin in _CARD_DIGITS and luhn > 0 and luhn % 10 == 0:
                return True
    return False


def _account_candidates(text: str) -> Iterator[str]:
    """What begins like an IBAN, up to every end of a group at which one could end; words may follow it."""
    for found in _LIKE_AN_IBAN.finditer(text):
        number = ""
        for group in re.findall(r"[A-Z0-9]+", found.group(1)):
            number += group
            if len(number) > _IBAN_LENGTHS[-1]:
                break
            if len(number) in _IBAN_LENGTHS:
                yield number


def _mod_97(iban: str) -> bool:
    """ISO 13616: the country and check digits behind the rest, letters as 10 to 35."""
    return int((iban[4:] + iban[:4]).translate(_LETTERS)) % 97 == 1
