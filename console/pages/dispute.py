"""One dispute: until when an answer is taken, its evidence in every version, what is missing, how it is sent."""

from fastapi import Request
from fastapi.responses import Response
from nicegui import ui

from axiru.domain.movement import Mode
from axiru.errors import AxiruError
from console.api_errors import ApiRefused
from console.components.badge import badge
from console.components.code_value import code_value
from console.components.empty_state import empty_state
from console.components.icon import icon
from console.components.kept import Kept
from console.components.key_value import fact, key_value, key_values
from console.components.money import money
from console.components.text import Text, block, link
from console.components.timestamp import Timestamp
from console.dispute_views import Dispute
from console.dispute_words import readable, status_look
from console.entry import PAGE_TIMEOUT_SECONDS, Console
from console.following import Following
from console.pages.connection_badges import mode_badge
from console.pages.dispute_answer import AnswerPanel
from console.pages.dispute_evidence import EvidencePanel
from console.pages.dispute_facts import FactsPanel
from console.pages.disputes import due
from console.sessions import Session
from console.theme import Frame, frame


def register(console: Console) -> None:
    @ui.page("/disputes/{dispute_id}", title="Dispute · Axiru", response_timeout=PAGE_TIMEOUT_SECONDS)
    async def dispute(request: Request, dispute_id: str) -> Response | None:
        session = await console.enter(request)
        if isinstance(session, Response):
            return session
        mode = await _mode_of(session, dispute_id)
        with frame(session, title="Dispute", here="disputes", mode=mode or "test") as shell:
            if mode is None:
                ui.context.client.status_code = 404
                empty_state("No such dispute", "It may belong to another organization, or the address is mistyped.")
            else:
                page = DisputePage(session, shell, dispute_id, mode)
                page.build()
        await shell.start()
        if mode is not None:
            await page.start()
        return None


async def _mode_of(session: Session, dispute_id: str) -> Mode | None:
    """None when there is no such dispute; test while the API is out of reach."""
    try:
        return (await session.disputes.dispute(dispute_id)).mode
    except ApiRefused as refusal:
        return None if refusal.status == 404 else "test"
    except AxiruError:
        return "test"


class DisputePage:
    """One open dispute page, true until its tab is closed."""

    def __init__(self, session: Session, shell: Frame, dispute_id: str, mode: Mode) -> None:
        self._session = session
        self._shell = shell
        self._dispute_id = dispute_id
        self._mode = mode
        self._head_kept, self._facts_kept = Kept(), Kept()

    def build(self) -> None:
        with block("a", "back", href=f"/disputes?mode={self._mode}"):
            icon("arrow-left")
            Text("span", "Disputes")
        self._whole = block("div")
        with self._whole:
            self._head = block("header", "dispute-head")
            with block("div", "policy-page actions-first"):
                with block("div", "panels"):
                    self._evidence = EvidencePanel()
                    self._facts = FactsPanel(self._session, self._read_again)
                with block("div", "panels"):
                    self._answer = AnswerPanel()
                    with block("section", "panel", aria_label="Facts"):
                        Text("h2", "Facts")
                        self._about = block("div", "panel-body")
        self._whole.set_visibility(False)

    async def start(self) -> None:
        self._following = Following(
            self._session,
            self._mode,
            read=self._read,
            # A decision about this dispute changes how it stands, too.
            concerns=lambda event: self._dispute_id in event.data or event.event in {"decision", "execution"},
            problem=lambda sentence: self._shell.problem("dispute", sentence),
        )
        await self._following.start()

    def _read_again(self) -> None:
        self._following.resync()

    async def _read(self) -> None:
        dispute = await self._session.disputes.dispute(self._dispute_id)
        self._head_kept.show((dispute.status, dispute.evidence_due_by), lambda: self._show_head(dispute))
        self._facts_kept.show(dispute, lambda: self._show_facts(dispute))
        self._evidence.show(dispute)
        self._facts.show(dispute)
        self._answer.show(dispute)
        self._whole.set_visibility(True)

    def _show_head(self, dispute: Dispute) -> None:
        self._head.clear()
        with self._head:
            with block("div", "headline"):
                money(dispute.amount_cents, dispute.currency, "money-large")
                look = status_look(dispute.status)
                badge(look.label, look.tone, look.icon)
                mode_badge(dispute.mode)
            with block("h1", "decision-title"):
                Text("span", f"{readable(dispute.reason)}: dispute ")
                Text("code", dispute.id)
                if dispute.charge:
                    Text("span", " of ")
                    Text("code", dispute.charge)
            with block("p", "decision-reason"):
                due(dispute, "Answer due")

    def _show_facts(self, dispute: Dispute) -> None:
        self._about.clear()
        with self._about, key_values():
            with fact("Opened"):
                Timestamp(dispute.opened_at, "full")
            if dispute.evidence_due_by is not None:
                with fact("Answer due"):
                    Timestamp(dispute.evidence_due_by, "full")
            if dispute.charge:
                with fact("Charge"):
                    code_value(dispute.charge, "charge id")
            if dispute.stripe_connection_id:
                with fact("Connection"):
                    link(dispute.stripe_connection_id, f"/connectors/{dispute.stripe_connection_id}", "mono")
            key_value("Account", dispute.stripe_account_id)
            key_value("Submitted", _times(dispute.submission_count))


def _times(count: int) -> str:
    return "not yet" if not count else "once" if count == 1 else f"{count} times"
