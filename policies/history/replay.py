"""A file of refunds through a policy: what would have been blocked, paused for approval, or let through as drift."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import BinaryIO, Final, Literal

from axiru.domain.evaluation import Evaluation, Outcome
from axiru.domain.movement import Amount, Context, Counterparty, Initiator, Merchant, Ovt, Target
from axiru.errors import AxiruError
from policies.compile import compile_policy
from policies.evaluate import evaluate
from policies.facts import facts_of
from policies.history.evaluable import evaluable
from policies.history.refunds import History, Refund, read_history
from policies.history.report import Finding, FindingOutcome, Report, Sum
from policies.history.windows import SlidingWindows
from policies.syntax import Policy

Stage = Literal["reading", "deciding"]
Progress = Callable[[Stage, int, int | None], None]
"""Told now and then: the stage, how many rows are done, and of how many if that is known."""

TOLD_EVERY_REFUNDS: Final = 500
_METADATA: Final = "metadata."
_NO_TIME: Final = datetime(1970, 1, 1, tzinfo=UTC)


class NothingAboutRefunds(AxiruError):
    """The policy does not apply to refunds on Stripe, so that a history of them cannot be held against it."""

    code = "nothing_about_refunds"


def _silent(_stage: Stage, _done: int, _of: int | None) -> None:
    pass


def replay(source: BinaryIO, policy: Policy, *, progress: Progress = _silent) -> Report:
    """Decide every refund of a Stripe export as `policy` would have, at its time, with windows as they then stood.

    Raises HistoryInvalid for a file that cannot be read in full and NothingAboutRefunds.
    """
    scope = policy.applies_to
    if scope.rail != "stripe" or (scope.rail_actions and "refund" not in scope.rail_actions):
        raise NothingAboutRefunds(f"{policy.slug} says nothing of refunds on Stripe.", policy=policy.slug)
    wanted = frozenset(
        name.removeprefix(_METADATA)
        for rule in policy.rules
        for name in rule.when.fact_names(scope)
        if name.startswith(_METADATA)
    )
    history = read_history(source, metadata=wanted, told=lambda rows: progress("reading", rows, None))
    return decide(history, policy, progress=progress)


def decide(history: History, policy: Policy, *, progress: Progress = _silent) -> Report:
    """The refunds of `history` by time, each before those that follow. Refunds of one time go by line."""
    answerable, left_out = evaluable(policy, history.facts)
    compiled = compile_policy(answerable)
    windows = SlidingWindows(compiled.windows)
    ordered = sorted(history.refunds, key=lambda refund: (refund.at or _NO_TIME, refund.line))
    sums = {name: Sum() for name in ("allowed", "blocked", "paused", "drift")}
    findings: list[Finding] = []
    for done, refund in enumerate(ordered):
        if done % TOLD_EVERY_REFUNDS == 0:
            progress("deciding", done, len(ordered))
        ovt, at = _movement(refund), refund.at or _NO_TIME
        evaluation = evaluate(compiled, facts_of(ovt, windows=windows.before(ovt, at)), now=at)
        if evaluation.outcome is not Outcome.DENY:
            windows.let_through(ovt, at)
        outcome = outcome_of(evaluation)
        sums["allowed" if outcome in {None, "drift"} else outcome or ""].add(refund.units, refund.currency)
        if outcome is not None:
            findings.append(_finding(refund, outcome, evaluation))
        if outcome == "drift":
            sums["drift"].add(refund.units, refund.currency)
    progress("deciding", len(ordered), len(ordered))
    return Report(
        rows=history.rows,
        refunds=len(ordered),
        **{name: each.total() for name, each in sums.items()},
        not_evaluable=left_out,
        findings=tuple(sorted(findings, key=lambda finding: finding.line)),
        policy=policy.slug,
        policy_hash=compile_policy(policy).content_hash,
        since=_told(ordered[0].at) if ordered else None,
        until=_told(ordered[-1].at) if ordered else None,
        caveats=history.caveats,
        ignored_columns=history.columns.not_understood,
    )


def outcome_of(evaluation: Evaluation) -> FindingOutcome | None:
    """The evaluation in the words of a replay; None if the movement is allowed and nothing is to be said of it."""
    if evaluation.outcome is Outcome.DENY:
        return "blocked"
    if evaluation.outcome is Outcome.REVIEW:
        return "paused"
    return "drift" if evaluation.flags else None


def _finding(refund: Refund, outcome: FindingOutcome, evaluation: Evaluation) -> Finding:
    named = evaluation.flags[0] if outcome == "drift" else None
    return Finding(
        line=refund.line,
        id=refund.id,
        outcome=outcome,
        rule=named.rule_id if named else evaluation.matched_rule_id,
        reason=named.reason if named else evaluation.reason,
        message=named.message if named else evaluation.message,
        amount_cents=refund.units,
        currency=refund.currency,
        at=_told(refund.at),
        flags=tuple(flag.rule_id for flag in evaluation.flags),
    )


def _movement(refund: Refund) -> Ovt:
    others = refund.others
    return Ovt(
        rail="stripe",
        rail_action="refund",
        amount=Amount(str(refund.units), refund.currency),
        initiator=Initiator(others.get("initiator.kind", ""), others.get("initiator.id", "")),
        counterparty=Counterparty(
            others.get("counterparty.id"),
            others.get("counterparty.stripe_account_id"),
            others.get("counterparty.country"),
        ),
        merchant=Merchant(stripe_account_id=others.get("merchant.stripe_account_id")),
        target=Target(charge=refund.charge or None, payment_intent=refund.payment_intent or None),
        context=Context(
            customer_id=refund.customer or None,
            customer_tenure_days=refund.tenure_days,
            reason_code=refund.reason or None,
            source=others.get("context.source"),
        ),
        metadata=refund.metadata,
    )


def _told(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat().replace("+00:00", "Z")
