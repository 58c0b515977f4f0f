"""One decision: what was asked, what policy said, what would be executed, what happened; and the vote."""

from collections.abc import Callable
from typing import Any

from fastapi import Request
from fastapi.responses import Response
from nicegui import ui
from nicegui.element import Element

from axiru.domain.movement import Mode
from axiru.errors import AxiruError
from console.api_errors import ApiRefused
from console.authorization_views import is_authorization
from console.components.empty_state import empty_state
from console.components.icon import icon
from console.components.text import Text, block
from console.detail_views import DecisionDetail
from console.entry import PAGE_TIMEOUT_SECONDS, Console
from console.event_stream import StreamEvent
from console.following import Following
from console.pages import decision_authorization as authorization
from console.pages import decision_context as context
from console.pages import decision_head
from console.pages import decision_sections as sections
from console.pages.decision_discussion import Discussion
from console.pages.decision_glass import Glass
from console.pages.decision_hold import Hold
from console.pages.decision_mandate import mandate
from console.pages.decision_policy import policy as what_policy_said
from console.pages.decision_undo import UndoPanel
from console.pages.vote import VotePanel
from console.sessions import Session
from console.theme import Frame, frame


def register(console: Console) -> None:
    @ui.page("/decisions/{decision_id}", title="Decision · Axiru", response_timeout=PAGE_TIMEOUT_SECONDS)
    async def decision(request: Request, decision_id: str) -> Response | None:
        session = await console.enter(request)
        if isinstance(session, Response):
            return session
        mode = await _mode_of(session, decision_id)
        with frame(session, title="Decision", here="decisions", mode=mode or "test") as shell:
            if mode is None:
                ui.context.client.status_code = 404
                empty_state("No such decision", "It may belong to another organization, or the address is mistyped.")
            else:
                page = DecisionPage(session, shell, decision_id, mode)
                page.build()
        await shell.start()
        if mode is not None:
            await page.start()
        return None


async def _mode_of(session: Session, decision_id: str) -> Mode | None:
    """Which of the two event streams concerns this decision; None when there is no such decision.

    Unknown while the API is out of reach: test then, and the page opens itself again if that proves wrong.
    """
    try:
        return (await session.api.decision(decision_id)).mode
    except ApiRefused as refusal:
        return None if refusal.status == 404 else "test"
    except AxiruError:
        return "test"


class Part:
    """A piece of the page that is built again only when what it shows has changed: open details stay open."""

    def __init__(self, container: Element, show: Callable[[DecisionDetail], None], of: Callable[[DecisionDetail], Any]):
        self._container = container
        self._show = show
        self._of = of
        self._shown: Any = None

    def update(self, decision: DecisionDetail) -> None:
        wanted = self._of(decision)
        if wanted == self._shown:
            return
        self._container.clear()
        with self._container:
            self._show(decision)
        self._shown = wanted


def _asked(decision: DecisionDetail) -> None:
    if is_authorization(decision.ovt):
        authorization.asked(decision.ovt)
        mandate(decision)
    else:
        sections.asked(decision)
    sections.said_by_caller(decision.ovt)


def _execution(decision: DecisionDetail) -> None:
    if is_authorization(decision.ovt):
        authorization.authorization(decision)
    else:
        sections.execution(decision)


def _of_execution(decision: DecisionDetail) -> object:
    told = (decision.ledger[:1], decision.execution, decision.observed)
    return told, decision.state, decision.token, decision.agreement, decision.approval_id


class DecisionPage:
    """One open decision page, true until its tab is closed."""

    def __init__(self, session: Session, shell: Frame, decision_id: str, mode: Mode) -> None:
        self._session = session
        self._shell = shell
        self._decision_id = decision_id
        self._mode = mode

    def build(self) -> None:
        with block("div", "decision-top"):
            with block("a", "back", href=f"/?mode={self._mode}"):
                icon("arrow-left")
                Text("span", "Decisions")
            actions = block("div", "decision-actions")
        self._whole = block("div", "decision")
        with self._whole:
            with block("header", "decision-head"):
                head, warnings = (block("div", "head-lines") for _ in range(2))
                self._hold = Hold(self._session, changed=self._read_again)
                with actions:
                    self._hold.build_button()
            with block("div", "decision-main panels"):
                asked, policy, execution = (block("section", "panel") for _ in range(3))
                self._context = block("div", "two-panels context")
                with self._context:
                    payment, customer = (block("section", "panel") for _ in range(2))
                ledger = block("section", "panel")
            with block("div", "decision-side"):
                with block("div", "decision-vote"):
                    self._vote = VotePanel(self._session, changed=self._read_again)
                    self._glass = Glass(self._session, changed=self._read_again)
                    self._undo = UndoPanel(self._session, changed=self._read_again)
                self._discussion = Discussion(self._session, changed=self._read_again)
                facts, timeline = (block("section", "panel") for _ in range(2))
        self._whole.set_visibility(False)
        self._parts = (
            Part(
                head,
                decision_head.head,
                lambda d: (d.state, d.message, d.execution, d.advisory, d.observed, d.forbidden_by, d.undo, d.token),
            ),
            Part(warnings, decision_head.warnings, context.warnings),
            Part(asked, _asked, lambda d: d.ovt),
            Part(policy, what_policy_said, lambda d: (d.evaluation, d.message, d.matched_rule, d.shadows)),
            Part(execution, _execution, _of_execution),
            Part(payment, context.payment, lambda d: d.approval and (d.approval.payment, d.approval.diff.asked)),
            Part(customer, context.customer, lambda d: (d.ovt.context, d.approval and d.approval.earlier)),
            Part(facts, sections.facts, lambda d: (d.decided_at, d.execution, d.audit)),
            Part(timeline, sections.happened, lambda d: d.timeline),
            Part(ledger, sections.ledger, lambda d: d.ledger),
        )

    async def start(self) -> None:
        self._following = Following(
            self._session,
            self._mode,
            read=self._read,
            concerns=self._concerns,
            problem=lambda sentence: self._shell.problem("decision", sentence),
        )
        await self._following.start()

    async def _read(self) -> None:
        decision = await self._session.api.decision(self._decision_id)
        if decision.mode != self._mode:
            self._whole.client.open(f"/decisions/{self._decision_id}")
            return
        for part in self._parts:
            part.update(decision)
        self._context.set_visibility(decision.approval is not None and context.is_about_a_payment(decision))
        self._vote.show(decision)
        self._undo.show(decision)
        self._whole.set_visibility(True)
        # Beside the decision itself: the page stands even while these cannot be read.
        await self._hold.show(decision)
        await self._glass.show(decision)
        await self._discussion.show(decision)

    def _read_again(self) -> None:
        self._following.resync()

    def _concerns(self, event: StreamEvent) -> bool:
        return self._decision_id in event.data or event.event == "control"
