"""What people write of agents' payments, in the words of the grammar: rails, addresses, assets, agents and budgets.

Only what a sentence says is said again. What is left over here was meant somehow too, so nothing is proposed then.
"""

import re
from collections.abc import Callable
from typing import Final

from axiru.domain.assets import known_asset
from axiru.domain.currency import CURRENCIES

CONCERNED: Final = re.compile(
    r"\b(?:agents?|x402|ap2|daa|stripe_daa|payments?|spend|counterpart(?:y|ies)|0x\w+)\b", re.I
)

COUNTRY_BY_NAME: Final = re.compile(r"\bto [A-Z][a-z]{3,}\b")

_QUOTED: Final = re.compile(r'"[^"]*"|“[^”]*”')
_FIGURES: Final = r"[0-9]+(?:,[0-9]{3})*(?:\.[0-9]+)?"
_LIMIT: Final = r"over|above|more than|at least|under|below|less than|at most|exactly|of"
_CAIP: Final = re.compile(r'(?<!["\w])[a-z0-9-]{3,8}:[-_A-Za-z0-9]{1,32}/[-a-z0-9]{3,8}:[-.%A-Za-z0-9]{1,128}(?!["\w])')
_ADDRESS: Final = re.compile(r'(?<!["\w:])0x[0-9a-fA-F]+(?!["\w])')
_MOVES: Final = r"(?:any |every |each |all |single )*(?:agents?|payments?|payouts?|movements?|deny|allow|flag)\b"
_WITH_CONDITION_LAST: Final = re.compile(
    r"(?P<moved>.+?),? (?P<effect>(?:are|is|get|gets|requires?|needs?|must have)\b[^,]*?),? (?:if|when|once) "
    r"(?P<when>[^,]+)"
)
_NO_AGENT: Final = (
    r"(?!(?:owner|over|above|of|that|to|on|in|at|by|with|without|for|from|are|is|requires?|needs?|and|or|may)\b)"
)


def reworded(text: str) -> str:
    """`text` in the grammar's words as far as it is known which are meant; itself where it is about something else."""
    kept: list[str] = []

    def keep(quoted: re.Match[str]) -> str:
        kept.append(quoted[0])
        return f"\x00{len(kept) - 1}\x00"

    said = _QUOTED.sub(keep, text)
    for pattern, instead in _REWORDINGS:
        said = pattern.sub(instead, said)
    for wording in (_in_one_asset, _of_its_rail, _condition_first):
        said = wording(said)
    return re.sub(r"\x00(\d+)\x00", lambda place: kept[int(place[1])], " ".join(said.split()))


def _on_rail(found: re.Match[str]) -> str:
    rail = found["rail"].lower()
    return f"On {rail if rail in {'x402', 'ap2'} else 'stripe_daa'}, "


def _code_money(found: re.Match[str]) -> str:
    name = found[2].lower()
    return f"{found[1]} {found[2]}" if name in CURRENCIES or known_asset(name) else found[0]


_REWORDINGS: Final[tuple[tuple[re.Pattern[str], str | Callable[[re.Match[str]], str]], ...]] = (
    (_CAIP, r'"\g<0>"'),
    (_ADDRESS, r'"\g<0>"'),
    (re.compile(r"\bto (?=\"0x)", re.I), "to the counterparty "),
    (re.compile(r"^(deny|allow|flag) (x402|ap2) (?=payment)", re.I), lambda found: f"{found[2]} {found[1].lower()} "),
    (re.compile(rf"^(?:on )?(?P<rail>x402|ap2|stripe[ _]daa|daa)(?:(?<!daa):|,)? (?={_MOVES})", re.I), _on_rail),
    (re.compile(r"\b(?:via|using|through|over) (?=(?:x402|ap2|stripe_daa)\b)", re.I), "on "),
    (re.compile(rf"\b(?:by|for|from|of) (?:the )?agent (?={_NO_AGENT}[\w\"\x00])", re.I), "by the initiator "),
    (re.compile(r"\b(?:by|for|from) (?=agent[_-]\w)", re.I), "by the initiator "),
    (re.compile(r"\bby (?:any )?agents\b", re.I), "by an agent"),
    (re.compile(r"\b(?:in|of|with) (?:the )?(?:asset|currency|token) (?=[\w\"\x00])", re.I), "in "),
    (re.compile(rf"[$€£¥] ?({_FIGURES}) ([A-Za-z]{{3,5}})\b"), _code_money),
)


def _in_one_asset(text: str) -> str:
    """`in usdc over 5` as `over 5 usdc`: a limit without an asset has the one that is named."""
    named = re.findall(r"\bin (?!a\b|the\b|one\b)([A-Za-z]{3,5}|\"[^\"]+/[^\"]+\")(?= |$)", text)
    assets = [each for each in named if "/" in each or each.lower() in CURRENCIES or known_asset(each.lower())]
    if len(assets) != 1:
        return text
    asset = assets[0]
    bare = re.compile(rf"\b({_LIMIT}) ({_FIGURES})(?= (?:are|is|to|by|requires?|needs?|that|on)\b|,|$| in )")
    limit = rf"\1 \2 units of {asset}" if "/" in asset else rf"\1 \2 {asset}"
    limited = re.search(rf"{_FIGURES} {re.escape(asset)}\b", text) is not None
    said = text if limited else bare.sub(limit, text)
    return said.replace(f" in {asset}", "", 1) if limited or said != text else text


def _of_its_rail(text: str) -> str:
    """Payments are called agent payments on Stripe, and only there."""
    if text.startswith("On stripe_daa, "):
        return re.sub(r"(?<!agent )\b(?=(?:payment|payout)s?\b(?!:))", "agent ", text, flags=re.I)
    if text.startswith(("On x402, ", "On ap2, ")):
        return re.sub(r"\bagent (?=payments?\b)", "", text, flags=re.I)
    return text


def _condition_first(text: str) -> str:
    """`… are denied if over $500` as `… over $500 are denied`."""
    found = _WITH_CONDITION_LAST.fullmatch(text)
    if found is None or "fact" in found["when"]:
        return text
    when = re.sub(r"^(?:they|it|these|the amount|their amount)(?: (?:is|are))?\s+", "", found["when"])
    return f"{found['moved']} {re.sub('^exceeds? ', 'over ', when)} {found['effect']}"
