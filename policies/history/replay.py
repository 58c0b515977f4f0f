"""A file of refunds through a policy: what would have been blocked, paused for approval, or let through as drift."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import BinaryIO, Final, Literal

from axiru.domain.movement import Amount, Context, Counterparty, Initiator, Merchant, Ovt, Target
from axiru.errors import AxiruError
from policies.compile import compile_policy
from policies.history.evaluable import evaluable
from policies.history.judging import NO_LISTS, Judge, Lists, outcome_of
from policies.history.metadata import metadata_read_by
from policies.history.refund import History, Refund
from policies.history.refunds import read_history
from policies.history.report import Report, Tally, by_rule, finding_of, told_time
from policies.syntax import Policy

Stage = Literal["reading", "deciding"]
Progress = Callable[[Stage, int, int | None], None]
"""Told now and then: the stage, how many rows are done, and of how many if that is known."""

TOLD_EVERY_REFUNDS: Final = 500
_NO_TIME: Final = datetime(1970, 1, 1, tzinfo=UTC)


class NothingAboutRefunds(AxiruError):
    """The policy does not apply to refunds on Stripe, so that a history of them cannot be held against it."""

    code = "nothing_about_refunds"


def silent(_stage: Stage, _done: int, _of: int | None) -> None:
    """Tell nobody."""


def replay(source: BinaryIO, policy: Policy, *, lists: Lists = NO_LISTS, progress: Progress = silent) -> Report:
    """Decide every refund of a Stripe export as `policy` would have, at its time, with windows as they then stood.

    Raises HistoryInvalid for a file that cannot be read in full and NothingAboutRefunds.
    """
    must_cover_refunds(policy)
    told = metadata_read_by(policy)
    history = read_history(source, metadata=told, told=lambda rows: progress("reading", rows, None))
    return decide(history, policy, lists=lists, progress=progress)


def must_cover_refunds(policy: Policy) -> None:
    """Raises NothingAboutRefunds."""
    scope = policy.applies_to
    if scope.rail != "stripe" or (scope.rail_actions and "refund" not in scope.rail_actions):
        raise NothingAboutRefunds(f"{policy.slug} says nothing of refunds on Stripe.", policy=policy.slug)


def decide(history: History, policy: Policy, *, lists: Lists = NO_LISTS, progress: Progress = silent) -> Report:
    """The refunds of `history` by time, each before those that follow. Refunds of one time go by line."""
    answerable, left_out = evaluable(policy, history.facts, frozenset(lists))
    judge = Judge(compile_policy(answerable), lists)
    ordered = sorted(history.refunds, key=lambda refund: (refund.at or _NO_TIME, refund.line))
    tally, findings = Tally(), []
    for done, refund in enumerate(ordered):
        if done % TOLD_EVERY_REFUNDS == 0:
            progress("deciding", done, len(ordered))
        evaluation = judge.judge(_movement(refund), refund.at or _NO_TIME)
        outcome = outcome_of(evaluation)
        tally.add(outcome, refund.units, refund.currency)
        if outcome != "allowed":
            findings.append(
                finding_of(
                    evaluation,
                    outcome,
                    line=refund.line,
                    identity=refund.id,
                    units=refund.units,
                    currency=refund.currency,
                    at=refund.at,
                )
            )
    progress("deciding", len(ordered), len(ordered))
    return Report(
        rows=history.rows,
        refunds=len(ordered),
        allowed=tally.of("allowed"),
        blocked=tally.of("blocked"),
        paused=tally.of("paused"),
        drift=tally.of("drift"),
        not_evaluable=left_out,
        findings=tuple(sorted(findings, key=lambda finding: finding.line or 0)),
        policy=policy.slug,
        policy_hash=compile_policy(policy).content_hash,
        by_rule=by_rule(findings),
        since=told_time(ordered[0].at) if ordered else None,
        until=told_time(ordered[-1].at) if ordered else None,
        caveats=history.caveats,
        ignored_columns=history.columns.not_understood,
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
