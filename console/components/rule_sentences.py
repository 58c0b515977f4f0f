"""A policy's rules as plain sentences, one under the other, each with what it does."""

import re
from collections.abc import Iterable
from typing import Final

from console.components.effect import effect_badge
from console.components.text import Text, block
from console.policy_views import Rule

_LABEL: Final = re.compile(r"\ARule [^\n]*:\n\s*")
"""`Rule some_id, priority 10:` on a line of its own; the id stands beside the sentence anyway."""


def rule_sentences(rules: Iterable[Rule]) -> None:
    with block("ol", "sentences"):
        for rule in rules:
            sentence, details = parted(rule.plain or rule.message)
            with block("li"):
                effect_badge(rule.effect)
                with block("div"):
                    Text("p", sentence, "sentence")
                    if details:
                        Text("p", details, "muted sentence")
                    Text("code", rule.id, "muted")


def parted(plain: str) -> tuple[str, str]:
    """What a rule does, and what else it says: the canonical text gives each a line of its own."""
    first, _, rest = _LABEL.sub("", plain).partition(",\n")
    return first, " ".join(line.strip() for line in rest.split("\n"))
