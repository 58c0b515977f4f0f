"""Whether an approval still asks what was sealed, so that nobody approves what they were not shown."""

from typing import Any

import msgspec

from axiru.database import rows
from axiru.domain.movement import for_account
from ledger.acts.personal import separated
from ledger.acts.question import ApprovalClosed, Question
from ledger.acts.ruling import execution_digest
from ledger.commitment import commitments, verify_commitment
from ledger.entry import canonical_json, parse_body


async def check_unaltered(question: Question, shown_digest: str | None) -> None:
    """What is approved is what was sealed, what every door shows, and what the voter's door named if it named a digest.

    Raises ApprovalClosed.
    """
    sealed = parse_body(question.decision_body).data
    bound = execution_digest(sealed) == question.digest == sealed["approval"]["digest"]
    if not bound or not await _shows(question, sealed):
        raise ApprovalClosed("What would be executed is not what was sealed; nobody can approve it.", state="altered")
    if shown_digest is not None and shown_digest != question.digest:
        raise ApprovalClosed("This is not what would be executed now.", state=question.state, digest=question.digest)


async def _shows(question: Question, sealed: dict[str, Any]) -> bool:
    """Doors show the request as its row holds it. A personal value that was erased has nothing to be compared with."""
    asked = for_account(question.ovt, sealed["ovt"]["merchant"]["stripe_account_id"])
    clear, personal = separated({"ovt": msgspec.to_builtins(asked)})
    if canonical_json(clear["ovt"]) != canonical_json(sealed["ovt"]):
        return False
    committed = {path: said for path, said in commitments(sealed).items() if path.startswith("ovt.")}
    kept = await rows(
        "SELECT path, salt FROM personal_values WHERE organization_id = {} AND mode = {} AND seq = {}",
        question.organization_id,
        question.mode,
        question.seq,
    )
    salts = {one["path"]: bytes(one["salt"]) for one in kept}
    return personal.keys() <= committed.keys() and all(
        verify_commitment(said, salts[path], personal.get(path)) for path, said in committed.items() if path in salts
    )
