"""The live answer next to the answer of every version that only looked on."""

from collections.abc import Iterable

from console.components.badge import badge
from console.components.effect import effect_badge
from console.components.text import Text, block, link
from console.detail_views import ShadowWord


def shadows(words: Iterable[ShadowWord]) -> None:
    """One row a version, the live answer on the left; nothing where no version looked on."""
    words = tuple(words)
    if not words:
        return
    with block("table", "plain shadows"):
        Text("caption", "Live beside shadow")
        with block("thead"), block("tr"):
            for heading in ("Version", "Live", "This version", ""):
                Text("th", heading).props["scope"] = "col"
        with block("tbody"):
            for word in words:
                _row(word)


def _row(word: ShadowWord) -> None:
    with block("tr"):
        with block("td"):
            link(f"{word.slug} v{word.version}", f"/policies/{word.slug}?v={word.version}")
        _answer("Live", word.live_outcome, word.live_rule_id, word.live_reason)
        _answer("This version", word.outcome, word.matched_rule_id, word.reason)
        with block("td"):
            if word.agrees:
                Text("span", "agrees", "muted")
            else:
                badge("Differs" if word.outcome != word.live_outcome else "Other approvers", "waiting")


def _answer(label: str, outcome: str, rule: str | None, reason: str) -> None:
    with block("td", "answer", data_label=label):
        effect_badge(outcome)
        if rule is None:
            Text("span", "by default: no rule matched", "muted")
            return
        Text("code", rule)
        if reason != rule:
            Text("span", reason.replace("_", " "), "muted")
