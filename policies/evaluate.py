"""The decision of a policy about one movement: pure, total, and independent of the order of the rules."""

from datetime import datetime

from axiru.domain.evaluation import Evaluation, Outcome, ReviewTerms, RuleHit
from policies.candidates import candidates
from policies.compile import CompiledPolicy, Weight
from policies.facts import Facts

_OUTCOMES = {Weight.ALLOW: Outcome.ALLOW, Weight.REVIEW: Outcome.REVIEW, Weight.DENY: Outcome.DENY}


def evaluate(compiled: CompiledPolicy, facts: Facts, *, now: datetime) -> Evaluation:
    """What the policy wants done with the movement that `facts` describe, decided at `now` (with a time zone).

    Deny beats review beats allow; among equals the lowest priority number, then the rule id, names the rule.
    Undecidable rules count as `when_missing` and `on_error` say. Of those that do not say, deny and review rules that
    miss a fact ask for a review, and rules whose expression fails deny: leaving a fact out is never a way past a rule.
    `facts` of the result are all facts the policy reads, None where unknown, so that evaluating them again gives the
    same result. Raises ValueError if `now` is naive.
    """
    if now.tzinfo is None:
        raise ValueError("now needs a time zone")
    heaviest: Weight = Weight.NONE
    deciding: RuleHit | None = None
    review: ReviewTerms | None = None
    hits: list[RuleHit] = []
    flags: list[RuleHit] = []
    rules = compiled.rules
    # The rules are sorted, so the first of the heaviest is the one that names the outcome.
    for entry in candidates(compiled.index, facts.get):
        rule = rules[entry >> 1]
        test = rule.rest if entry & 1 else rule.test
        answer = True if test is None else test(facts, now)
        if answer is False:
            continue
        if answer is True:
            hit, weight, terms = rule.hit, rule.weight, rule.review
            if not weight:
                flags.append(hit)
                continue
        elif rule.undecided_weight or rule.error_weight:
            hit, weight = rule.undecided(facts)
            if not weight:
                continue
            terms = rule.undecided_review if weight is Weight.REVIEW else None
        else:
            continue
        hits.append(hit)
        if weight > heaviest:
            heaviest, deciding, review = weight, hit, terms
    read = {name: facts.get(name) for name in compiled.fact_names}
    unmatched = compiled.unmatched
    if deciding is None:
        return Evaluation(
            outcome=unmatched.outcome,
            reason=unmatched.reason,
            message=unmatched.message,
            policy_slug=unmatched.policy_slug,
            policy_hash=unmatched.policy_hash,
            review=unmatched.review,
            flags=tuple(flags),
            facts=read,
        )
    return Evaluation(
        outcome=_OUTCOMES[heaviest],
        reason=deciding.reason,
        message=deciding.message,
        policy_slug=unmatched.policy_slug,
        policy_hash=unmatched.policy_hash,
        matched_rule_id=deciding.rule_id,
        rule_kind=deciding.rule_kind,
        review=review,
        hits=tuple(hits),
        flags=tuple(flags),
        facts=read,
    )
