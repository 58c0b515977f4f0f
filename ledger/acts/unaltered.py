"""Whether a request is still what was sealed, so that nobody approves or executes what people were not shown."""

from typing import Any

import msgspec

from axiru.database import row, rows
from axiru.domain.movement import Ovt, for_account
from ledger.acts.personal import separated
from ledger.acts.question import ApprovalClosed, Question
from ledger.acts.ruling import execution_digest
from ledger.commitment import commitments, verify_commitment
from ledger.entry import canonical_json, parse_body


async def check_unaltered(question: Question, shown_digest: str | None) -> None:
    """What is approved is what was sealed, what doors show, and what the voter's door named if it named a digest.

    Raises ApprovalClosed.
    """
    sealed = parse_body(question.decision_body).data
    bound = execution_digest(sealed) == question.digest == sealed["approval"]["digest"]
    if not bound or not await is_as_sealed(question.decision_id):
        raise ApprovalClosed("What would be executed is not what was sealed; nobody can approve it.", state="altered")
    if shown_digest is not None and shown_digest != question.digest:
        raise ApprovalClosed("This is not what would be executed now.", state=question.state, digest=question.digest)


async def is_as_sealed(decision_id: str) -> bool:
    """Whether the request's row, which doors show and controls are asked about, is what the decision's entry sealed.

    A personal value that was erased has nothing to be compared with.
    """
    found = await row(
        """
        SELECT r.ovt, e.organization_id, e.mode, e.seq, e.body FROM requests r JOIN decisions d ON d.id = r.decision_id
        JOIN ledger_entries e ON e.organization_id = d.organization_id AND e.mode = d.mode AND e.seq = d.seq
        WHERE d.id = {}
        """,
        decision_id,
    )
    if found is None:
        return False
    sealed = parse_body(bytes(found["body"])).data
    try:
        ovt = msgspec.json.decode(found["ovt"], type=Ovt)
    except msgspec.ValidationError:
        return False
    asked = for_account(ovt, sealed["ovt"]["merchant"]["stripe_account_id"])
    clear, personal = separated({"ovt": msgspec.to_builtins(asked)})
    if canonical_json(_as_of_then(clear["ovt"], sealed["ovt"])) != canonical_json(sealed["ovt"]):
        return False
    committed = {path: said for path, said in commitments(sealed).items() if path.startswith("ovt.")}
    kept = await rows(
        "SELECT path, salt FROM personal_values WHERE organization_id = {} AND mode = {} AND seq = {}",
        *(found[name] for name in ("organization_id", "mode", "seq")),
    )
    salts = {one["path"]: bytes(one["salt"]) for one in kept}
    return personal.keys() <= committed.keys() and all(
        verify_commitment(said, salts[path], personal.get(path)) for path, said in committed.items() if path in salts
    )


def _as_of_then(ovt: dict[str, Any], sealed: dict[str, Any]) -> dict[str, Any]:
    """`ovt` without the parts of it that did not exist when it was sealed, as long as they say nothing."""
    parts = {
        part: {name: value for name, value in ovt[part].items() if value or name in sealed[part]}
        for part in ("target", "initiator")
    }
    whole = {name: value for name, value in ovt.items() if value is not None or name in sealed}
    return {**whole, **parts}
