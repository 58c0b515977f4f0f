"""What people say to each other about one approval before they decide it."""

from collections.abc import Callable
from typing import Final

from console.approval_views import ApprovalView, Comment, CommentKind
from console.carrying_out import carried_out
from console.components.badge import badge
from console.components.button import Button
from console.components.text import Text, block
from console.components.text_field import TextField
from console.components.timestamp import Timestamp
from console.detail_views import DecisionDetail
from console.sessions import Session

READ_ONLY_ROLES: Final = frozenset({"viewer", "auditor"})
LONGEST_COMMENT: Final = 2_000
_NOT_PERMITTED: Final = "Your role may read the discussion, not take part in it."


def may_take_part(session: Session) -> bool:
    return not READ_ONLY_ROLES.issuperset(session.member.roles)


class Discussion:
    """The thread and a field below it, in which a half-written sentence survives whatever happens meanwhile."""

    def __init__(self, session: Session, changed: Callable[[], None]) -> None:
        self._session = session
        self._changed = changed
        self._approval: ApprovalView | None = None
        self._read_for: tuple[str, int] | None = None
        self._panel = block("section", "panel discussion", aria_label="Discussion")
        with self._panel:
            Text("h2", "Discussion")
            self._thread = block("div", "panel-body thread", aria_live="polite")
            with block("div", "panel-body thread-form"):
                self._build_form()
        self._panel.set_visibility(False)

    def _build_form(self) -> None:
        if not may_take_part(self._session):
            Text("p", _NOT_PERMITTED, "muted")
            return
        self._text = TextField("Your words", rows=2, max_length=LONGEST_COMMENT)
        with block("div", "thread-buttons"):
            self._comment = Button("Comment", self._say_comment)
            self._question = Button("Ask for information", self._say_question)
            self._answer = Button("Answer", self._say_answer, "primary")
        self._refusal = Text("p", "", "refusal")
        self._refusal.props["role"] = "alert"

    async def show(self, decision: DecisionDetail) -> None:
        """Raises what reading the comments raises."""
        approval = self._approval = decision.approval
        self._panel.set_visibility(approval is not None)
        if approval is None:
            return
        if may_take_part(self._session):
            self._text.keep_as(f"discussion:{approval.approval_id}")
            asked = approval.info_requested_at is not None
            self._question.set_visibility(approval.can_vote and not asked)
            self._answer.set_visibility(asked)
        wanted = (approval.approval_id, approval.comments_count)
        if wanted == self._read_for:
            return
        comments = (await self._session.approvals.comments(approval.approval_id)).items
        self._thread.clear()
        with self._thread:
            for comment in comments:
                _comment(comment)
            if not comments:
                Text("p", "Nobody has said anything yet.", "muted")
        self._read_for = wanted

    async def _say_comment(self) -> None:
        await self._say("comment")

    async def _say_question(self) -> None:
        await self._say("question")

    async def _say_answer(self) -> None:
        await self._say("answer")

    async def _say(self, kind: CommentKind) -> None:
        text, approval = self._text.value.strip(), self._approval
        if approval is None:
            return
        if not text:
            self._text.refuse("Write something first.")
            return
        api = self._session.approvals
        if await carried_out(self._session, lambda: api.say(approval.approval_id, kind, text), self._refuse):
            self._text.clear_text()
            self._text.saved()
            self._changed()

    def _refuse(self, sentence: str) -> None:
        self._refusal.set_text(sentence)


def _comment(comment: Comment) -> None:
    with block("article", f"comment comment-{comment.kind}"):
        with block("p", "comment-head"):
            Text("strong", comment.member.shown)
            match comment.kind:
                case "question":
                    badge("Asks for information", "waiting")
                case "answer":
                    badge("Answer", "neutral")
                case "comment":
                    pass
            Timestamp(comment.written_at)
            if comment.door not in {None, "console", "api"}:
                Text("span", f"by {comment.door}", "muted")
        Text("p", comment.text, "comment-text")
