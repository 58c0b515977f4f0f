"""A policy's rules as plain sentences, one under the other, each with what it does."""

from collections.abc import Iterable

from console.components.effect import effect_badge
from console.components.text import Text, block
from console.policy_views import Rule


def rule_sentences(rules: Iterable[Rule]) -> None:
    with block("ol", "sentences"):
        for rule in rules:
            with block("li"):
                effect_badge(rule.effect)
                with block("div"):
                    Text("p", rule.plain or rule.message, "sentence")
                    Text("code", rule.id, "muted")
