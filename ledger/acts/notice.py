"""Notice: that people were reminded of an approval, or that others may now stand in for them, sealed once each."""

from typing import Final

from axiru.database import rows
from axiru.domain.movement import Mode
from axiru.domain.notice import Notice, NoticeKind
from ledger.acts.chain import act
from ledger.acts.question import Question, read_question
from ledger.entry import EntrySigner, parse_body

_ENTRY_KINDS: Final[dict[NoticeKind, str]] = {"reminder": "approval_reminder", "escalation": "approval_escalated"}


async def give_notice(
    approval_id: str, notice: Notice, *, organization_id: str, mode: Mode, signer: EntrySigner
) -> None:
    """Seal and tell one notice of an approval, as long as that is open and its deadline to come.

    Giving it again changes nothing. Raises ApprovalNotFound.
    """
    async with act(signer, organization_id, mode) as noticing:
        question = await read_question(approval_id)
        late = noticing.now >= question.expires_at
        if question.state != "pending" or late or await _was_given(question, notice):
            return
        about = {"approval_id": approval_id, "decision_id": question.decision_id}
        role = {"role": notice.role} if notice.role else {}
        noticing.seal(
            _ENTRY_KINDS[notice.kind], {**about, "number": notice.number, "due_at": notice.due_at.isoformat(), **role}
        )
        noticing.tell("notice", {**about, "kind": notice.kind, **role})


async def _was_given(question: Question, notice: Notice) -> bool:
    entries = await rows(
        "SELECT body FROM ledger_entries WHERE organization_id = {} AND mode = {} AND decision_id = {} AND kind = {}",
        question.organization_id,
        question.mode,
        question.decision_id,
        _ENTRY_KINDS[notice.kind],
    )
    return any(parse_body(bytes(entry["body"])).data["number"] == notice.number for entry in entries)
