"""What is said beside an approval: by whom, sealed without its text in the clear, and moving no deadline."""

from typing import Any

import pytest

from axiru.database import row, rows
from ledger.acts.discussion import assign, comment
from ledger.acts.question import ApprovalClosed, ApprovalNotFound
from ledger.acts.vote import NotEligible, ReasonRequired
from ledger.approval_sheet import read_sheet


@pytest.fixture
async def asked(house: Any, refund: Any) -> Any:
    return await house.decided(refund(house, 20_000))


async def test_question_asks_for_information_until_somebody_answers(house: Any, asked: Any) -> None:
    before = await _approval(asked)
    await _say(house, asked, "controller", "question", "Where is the receipt?")
    waiting = await _approval(asked)
    await _say(house, asked, "controller2", "comment", "I wonder as well.")
    still_waiting = await _approval(asked)
    await _say(house, asked, "requester", "answer", "Attached.")
    after = await _approval(asked)

    assert [one["info_requested_at"] is not None for one in (before, waiting, still_waiting, after)] == [
        *(False, True, True, False)
    ]
    assert {one["expires_at"] for one in (before, waiting, still_waiting, after)} == {before["expires_at"]}
    assert (await house.vote(asked.approval_id)).approval_state == "approved"


async def test_text_is_sealed_as_a_commitment_and_kept_beside(house: Any, asked: Any) -> None:
    said = await _say(house, asked, "support", "comment", "Jane Doe called twice.")

    (sealed,) = await house.entries("approval_comment")
    kept = await row("SELECT text, seq, door FROM approval_comments WHERE id = {}", said.comment_id)
    assert "Jane" not in str(sealed["data"])
    assert sealed["data"]["personal"].keys() == {"text"}
    assert kept == {"text": "Jane Doe called twice.", "seq": sealed["seq"], "door": "slack"}
    sheet = await read_sheet(asked.approval_id)
    assert sheet is not None
    assert sheet.comments_count == 1


@pytest.mark.parametrize(
    ("login", "kind"),
    [
        ("viewer", "comment"),
        ("viewer", "answer"),
        ("viewer", "question"),
        ("support", "question"),
        ("finance", "question"),
        ("requester", "question"),
        ("stranger", "comment"),
    ],
)
async def test_who_only_looks_on_says_nothing_and_only_voters_ask(
    house: Any, asked: Any, new_house: Any, login: str, kind: str
) -> None:
    house.members["stranger"] = (await new_house()).members["controller"]

    with pytest.raises(NotEligible):
        await _say(house, asked, login, kind, "text")

    assert await house.entries("approval_comment") == []


async def test_requester_answers_even_as_a_viewer(house: Any, asked: Any) -> None:
    await rows("UPDATE members SET roles = {} WHERE id = {}", ["viewer"], house.members["requester"])

    await _say(house, asked, "requester", "answer", "Attached.")
    with pytest.raises(NotEligible):
        await _say(house, asked, "requester", "comment", "And more.")


async def test_disabled_member_says_nothing(house: Any, asked: Any) -> None:
    await rows("UPDATE members SET disabled_at = now() WHERE id = {}", house.members["requester"])

    for kind in ("comment", "answer"):
        with pytest.raises(NotEligible):
            await _say(house, asked, "requester", kind, "text")


@pytest.mark.parametrize("text", ["", " \n\t"])
async def test_nothing_is_not_said(house: Any, asked: Any, text: str) -> None:
    with pytest.raises(ReasonRequired):
        await _say(house, asked, "controller", "comment", text)


async def test_after_its_end_an_approval_is_spoken_of_and_no_longer_asked_about(house: Any, asked: Any) -> None:
    await house.vote(asked.approval_id)

    await _say(house, asked, "controller2", "comment", "Well done.")
    with pytest.raises(ApprovalClosed):
        await _say(house, asked, "controller2", "question", "Why?")
    with pytest.raises(ApprovalClosed):
        await _assign(house, asked, "controller", "controller2")


async def test_approval_of_another_organization_is_not_found(house: Any, asked: Any, new_house: Any) -> None:
    stranger = await new_house()

    with pytest.raises(ApprovalNotFound):
        await _say(stranger, asked, "controller", "comment", "text")
    with pytest.raises(ApprovalNotFound):
        await _assign(stranger, asked, "controller", "controller2")


async def test_assignment_is_sealed_shown_taken_back_and_gives_no_vote(house: Any, asked: Any) -> None:
    await _assign(house, asked, "controller", "support")
    sheet = await read_sheet(asked.approval_id)
    assert sheet is not None
    assert sheet.assignee is not None
    assert sheet.assignee.name == "support"
    with pytest.raises(NotEligible):
        await house.vote(asked.approval_id, "support")

    await _assign(house, asked, "support", None)

    sheet = await read_sheet(asked.approval_id)
    assert sheet is not None
    assert sheet.assignee is None
    sealed = [entry["data"]["assignee_id"] for entry in await house.entries("approval_assigned")]
    assert sealed == [house.members["support"], None]


@pytest.mark.parametrize(("by", "to"), [("viewer", "controller"), ("controller", "viewer"), ("controller", "stranger")])
async def test_assignment_is_between_those_who_take_part(
    house: Any, asked: Any, new_house: Any, by: str, to: str
) -> None:
    house.members["stranger"] = (await new_house()).members["controller"]

    with pytest.raises(NotEligible):
        await _assign(house, asked, by, to)


async def test_what_was_said_is_told_behind_its_entry(house: Any, asked: Any) -> None:
    said = await _say(house, asked, "controller", "question", "Why?")
    await _assign(house, asked, "controller", "controller2")

    told = await rows(
        "SELECT payload ->> 'kind' AS kind, payload ->> 'comment_id' AS comment_id FROM outbox "
        "WHERE organization_id = {} AND topic = 'discussion' ORDER BY seq",
        house.id,
    )
    assert told == [
        {"kind": "question", "comment_id": said.comment_id},
        {"kind": "assignment", "comment_id": None},
    ]


async def _say(house: Any, asked: Any, login: str, kind: Any, text: str) -> Any:
    return await comment(
        asked.approval_id,
        organization_id=house.id,
        member_id=house.members[login],
        kind=kind,
        text=text,
        door="slack",
        signer=house.signer,
    )


async def _assign(house: Any, asked: Any, by: str, to: str | None) -> None:
    await assign(
        asked.approval_id,
        organization_id=house.id,
        member_id=house.members[by],
        assignee_id=house.members[to] if to else None,
        signer=house.signer,
    )


async def _approval(asked: Any) -> dict[str, Any]:
    found = await row("SELECT info_requested_at, expires_at FROM approvals WHERE id = {}", asked.approval_id)
    assert found is not None
    return found
