"""What policy said of a decision, or who else decided it: the rule, all that matched, and the facts that were read."""

from typing import Final

from axiru.domain.evaluation import RuleHit
from console.components.disclosure import more
from console.components.icon import icon
from console.components.key_value import key_value, key_values
from console.components.text import Text, block
from console.detail_views import DecisionDetail
from console.pages.decision_sections import plain
from console.pages.decision_shadows import shadows

_ABOVE_POLICY: Final = {"control": "the control {}, whatever policy says", "mandate": "the user's mandate"}
"""Who else decides, by what `matched_rule` begins with. The message and the reason are theirs then, not policy's."""


def policy(decision: DecisionDetail) -> None:
    Text("h2", "What policy said")
    with block("div", "panel-body"):
        with key_values("key-values-two"):
            key_value("Rule", decision.matched_rule_id or "none matched: the policy's default")
            if decision.evaluation is not None:
                key_value("Outcome", decision.evaluation.outcome)
                if decision.evaluation.judged_as:
                    key_value("Judged as", f"{decision.evaluation.judged_as}, above the agent that asked")
            by, _, named = (decision.matched_rule or "").partition(":")
            if by not in _ABOVE_POLICY:
                key_value("Message", decision.message)
                key_value("Reason", decision.reason)
            key_value("Decided by", _ABOVE_POLICY[by].format(named) if by in _ABOVE_POLICY else decision.matched_rule)
        shadows(decision.shadows)
        if decision.evaluation is None:
            return
        _hits("All rules that matched", decision.evaluation.hits)
        _flags(decision.evaluation.flags)
        if decision.evaluation.facts:
            count = len(decision.evaluation.facts)
            with more("1 fact was read" if count == 1 else f"{count} facts were read"), key_values("key-values-wide"):
                for name, value in sorted(decision.evaluation.facts.items()):
                    key_value(name, None if value is None else plain(value))


def _hits(title: str, hits: tuple[RuleHit, ...]) -> None:
    # One rule alone is told above already, unless a fact was missing to it.
    if len(hits) < 2 and not any(hit.missing for hit in hits):
        return
    with block("table", "plain"):
        Text("caption", title)
        with block("thead"), block("tr"):
            for heading in ("Rule", "Effect", "Says"):
                Text("th", heading).props["scope"] = "col"
        with block("tbody"):
            for hit in hits:
                with block("tr"):
                    with block("td"):
                        Text("code", hit.rule_id)
                    Text("td", hit.effect)
                    missing = f" Unknown: {', '.join(hit.missing)}." if hit.missing else ""
                    Text("td", f"{hit.message}{missing}")


def _flags(flags: tuple[RuleHit, ...]) -> None:
    for flag in flags:
        with block("p", "flag"):
            icon("flag")
            Text("strong", "Policy drift")
            Text("span", f"{flag.message} ({flag.rule_id})")
