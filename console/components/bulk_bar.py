"""One reason and two buttons for several approvals at once, and what came of each."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence

from axiru.domain.approval import Verdict
from axiru.domain.movement import Amount
from console.approval_views import ApprovalView, BulkResult, Selected
from console.carrying_out import carried_out
from console.components.approval_table import LOOKS
from console.components.badge import badge
from console.components.button import Button
from console.components.confirm_dialog import ConfirmDialog
from console.components.money import amount_text
from console.components.text import Text, block, link
from console.components.text_field import TextField
from console.components.wording import movement_name
from console.payment_warnings import payment_warnings
from console.sessions import Session

MOST_AT_ONCE = 100


class BulkBar:
    """Shown while something is selected; `done` is called once votes have been sent.

    Every vote is cast for itself, for exactly the digest that was on the page when the dialog was opened.
    """

    def __init__(self, session: Session, done: Callable[[], None]) -> None:
        self._session = session
        self._done = done
        self._selected: tuple[ApprovalView, ...] = ()
        self._asked: tuple[ApprovalView, ...] = ()
        self._verdict: Verdict = "approve"
        self._results = block("section", "panel bulk-results", role="status", aria_label="What came of the votes")
        self._results.set_visibility(False)
        self._dialog = ConfirmDialog("", "", self._cast, "primary")

    def build_bar(self) -> None:
        """The bar itself, below what is selected, where it stays in sight."""
        self._bar = block("section", "bulk", aria_label="Selected approvals")
        with self._bar:
            self._count = Text("p", "", "bulk-count")
            self._reason = TextField("Reason", hint="One for all of them. Required to deny.")
            with block("div", "bulk-buttons"):
                self._approve = Button("Approve…", self._ask_to_approve, "primary")
                self._deny = Button("Deny…", self._ask_to_deny, "danger")
        self._bar.set_visibility(False)

    def select(self, approvals: Sequence[ApprovalView]) -> None:
        """Offer to vote on these, as they are shown now."""
        self._selected = tuple(approvals)
        self._bar.set_visibility(bool(approvals))
        too_many = f"At most {MOST_AT_ONCE} at once." if len(approvals) > MOST_AT_ONCE else ""
        counted = f"{len(approvals)} selected, {_total(approvals)}"
        self._count.set_text(f"{counted}. {too_many}" if too_many else counted)
        for button in (self._approve, self._deny):
            button.block(bool(too_many), too_many)

    async def _ask_to_approve(self) -> None:
        # Asked for by a denial that was not gone through with.
        self._reason.refuse("")
        self._ask("approve")

    async def _ask_to_deny(self) -> None:
        if not self._reason.value.strip():
            self._reason.refuse("Say why you deny these: the callers and the ledger are told.")
            return
        self._ask("deny")

    def _ask(self, verdict: Verdict) -> None:
        self._asked, self._verdict = self._selected, verdict
        verb, count = verdict.capitalize(), len(self._asked)
        noun = "movement" if count == 1 else "movements"
        self._dialog.ask(f"{verb} {count} {noun}?", f"{verb} {count}", "primary" if verdict == "approve" else "danger")
        self._dialog.content.clear()
        with self._dialog.content:
            Text("p", f"{_total(self._asked)} in all. Each is voted on for itself, and may be refused for itself.")
            if self._reason.value.strip():
                Text("p", self._reason.value.strip(), "quoted")
            with block("ul", "bulk-list"):
                for approval in self._asked:
                    _item(approval)

    async def _cast(self) -> None:
        asked = {approval.approval_id: approval for approval in self._asked}
        selected = [Selected(approval.approval_id, approval.digest) for approval in self._asked]

        async def cast() -> None:
            reason = self._reason.value.strip()
            answer = await self._session.approvals.vote_on_all(selected, self._verdict, reason=reason)
            self._show(answer.results, asked)

        if await carried_out(self._session, cast, self._dialog.refuse):
            self._reason.clear_text()
            self._dialog.close()
            self._done()

    def _show(self, results: Sequence[BulkResult], asked: Mapping[str, ApprovalView]) -> None:
        counted = sum(result.ok for result in results)
        refused = len(results) - counted
        self._results.clear()
        self._results.set_visibility(True)
        with self._results:
            with block("div", "panel-top"):
                votes = f"{counted} {'vote' if counted == 1 else 'votes'} counted"
                Text("h2", f"{votes}, {refused} refused" if refused else votes)
                Button("Dismiss", self._dismiss, "quiet")
            with block("ul", "rows"):
                # What did not work is what somebody has to look at.
                for result in sorted(results, key=lambda result: result.ok):
                    _result(result, asked.get(result.approval_id))

    async def _dismiss(self) -> None:
        self._results.set_visibility(False)


def _total(approvals: Iterable[ApprovalView]) -> str:
    totals: defaultdict[tuple[str, int], int] = defaultdict(int)
    for approval in approvals:
        amount = approval.diff.asked.amount
        totals[amount.asset, amount.exponent] += amount.minor_units
    return " and ".join(
        amount_text(Amount(str(units), asset, exponent)) for (asset, exponent), units in sorted(totals.items())
    )


def _item(approval: ApprovalView) -> None:
    asked = approval.diff.asked
    with block("li"):
        Text("span", amount_text(asked.amount), "money")
        Text("span", f" {movement_name(asked.action).lower()}")
        if asked.charge or asked.payment_intent:
            Text("code", f" {asked.charge or asked.payment_intent}")
        if asked.customer_id:
            Text("code", f" {asked.customer_id}")
        if approval.votes_on_behalf_of:
            Text("p", f"In the place of {approval.votes_on_behalf_of}.", "muted")
        for sentence in payment_warnings(approval):
            Text("p", sentence, "bulk-warning")


def _result(result: BulkResult, approval: ApprovalView | None) -> None:
    with block("li"), block("div", "row-head"):
        if result.ok:
            state = LOOKS[result.approval_state or "pending"]
            badge("Vote counted" if result.approval_state == "pending" else state.label, state.tone, state.icon)
        else:
            badge("Not counted", "failed", "alert")
        if approval is not None:
            asked = approval.diff.asked
            link(amount_text(asked.amount), f"/decisions/{approval.decision_id}", "money")
            Text("code", asked.charge or asked.payment_intent or approval.approval_id)
        if result.error is not None:
            Text("span", result.error.message)
        elif result.approval_state == "pending":
            Text("span", "It still needs others.", "muted")
