"""Votes from Slack: the same act as at every other door, bound to the digest that the button stood beside."""

from typing import Any, Final

from api.services import Services
from api.slack.background import UNCERTAIN, go_on, text_in_time
from api.slack.payloads import Interaction
from api.slack.person import LINK_HINT, SlackPerson
from api.telling import tell_workflow
from axiru.database import row
from axiru.domain.approval import Ballot, Verdict
from axiru.slack.approval_message import approval_message
from axiru.slack.buttons import APPROVE, DENY, Shown
from axiru.slack.deny_modal import LONGEST_REASON, REASON_BLOCK, REASON_INPUT, deny_modal, told_modal
from axiru.slack.text import said
from ledger.acts.question import mode_of
from ledger.acts.vote import cast_vote
from ledger.approval_sheet import read_sheet
from ledger.eligibility import may_vote
from workflows.money_movement import MoneyMovement

OPEN_SECONDS: Final = 1.5
"""Slack takes the trigger of a modal for three seconds and waits as long for the answer to the press itself."""

_NO_MODAL: Final = "Slack could not show the question why. Please deny it in the console."
_STILL: Final = "This is being done; you will be told here."


async def pressed(interaction: Interaction, person: SlackPerson, services: Services) -> None:
    """A button was pressed. Slack is answered with nothing; the person is told what came of it."""
    action = interaction.actions[0]
    shown = Shown.parse(action.value or "")
    if shown is None or action.action_id not in {APPROVE, DENY}:
        return
    if person.member is None:
        go_on(person.tell(LINK_HINT))
    else:
        if action.action_id == DENY:
            work = _ask_why(shown, interaction.trigger_id, person, person.member.member_id)
        else:
            work = _vote(shown, "approve", "", person, services, interaction.trigger_id)
        if told := await text_in_time(work, meanwhile=_STILL, later=person.tell):
            go_on(person.tell(told))
    go_on(_refresh_stray(interaction, shown, person, services))


async def submitted(interaction: Interaction, person: SlackPerson, services: Services) -> dict[str, Any]:
    """The reason to deny was given. What is wrong with it is said beside it, what is wrong otherwise instead of it."""
    shown = Shown.parse(interaction.view.private_metadata)
    if shown is None:
        return {"response_action": "clear"}
    if person.member is None:
        return _instead(LINK_HINT)
    typed = interaction.view.state.values.get(REASON_BLOCK, {}).get(REASON_INPUT)
    reason = ((typed.value if typed else None) or "").strip()
    if not reason:
        return _beside("A denial needs a reason.")
    if len(reason) > LONGEST_REASON:
        return _beside(f"At most {LONGEST_REASON} characters.")
    vote = _vote(shown, "deny", reason, person, services, interaction.trigger_id)
    return _instead(await text_in_time(vote, meanwhile=_STILL, later=person.tell))


def late_vote(interaction: Interaction) -> dict[str, Any]:
    """Until the vote is known: words in a modal; a press is answered with nothing, and told once it is."""
    return _instead(UNCERTAIN) if interaction.type == "view_submission" else {}


async def _ask_why(shown: Shown, trigger_id: str, person: SlackPerson, member_id: str) -> str:
    """Open the modal; the text is why that is not possible, or empty. Raises ApprovalNotFound."""
    await mode_of(shown.approval_id, person.installation.organization_id)
    obstacle = await may_vote(shown.approval_id, member_id)
    if obstacle is not None:
        return said(obstacle)
    view = {"trigger_id": trigger_id, "view": deny_modal(shown)}
    opened = await person.api.call("views.open", view, seconds=OPEN_SECONDS)
    return "" if opened.outcome == "ok" else _NO_MODAL


async def _vote(
    shown: Shown, verdict: Verdict, reason: str, person: SlackPerson, services: Services, trigger_id: str
) -> str:
    if person.member is None:
        return LINK_HINT
    receipt = await cast_vote(
        Ballot(
            approval_id=shown.approval_id,
            organization_id=person.installation.organization_id,
            member_id=person.member.member_id,
            verdict=verdict,
            reason=reason,
            door="slack",
            digest=shown.digest,
            door_ref=trigger_id or None,
        ),
        signer=services.signer,
    )
    tell_workflow(receipt.decision_id, MoneyMovement.vote_recorded, receipt.vote_id, services)
    standing = "others still have to approve" if receipt.approval_state == "pending" else receipt.approval_state
    return f"Your vote is sealed ({receipt.ledger_id}); the request is now: {standing}."


async def _refresh_stray(interaction: Interaction, shown: Shown, person: SlackPerson, services: Services) -> None:
    """Bring a message up to date that nobody else will: one that was posted without Slack's answer coming through."""
    where = interaction.container
    if where.message_ts is None or where.channel_id is None:
        return
    kept = await row("SELECT ts FROM slack_messages WHERE approval_id = {}", shown.approval_id)
    sheet = await read_sheet(shown.approval_id)
    foreign = sheet is None or sheet.organization_id != person.installation.organization_id
    if sheet is None or foreign or (kept is not None and kept["ts"] == where.message_ts):
        return
    message = approval_message(sheet, services.settings.console_url)
    place = {"channel": where.channel_id, "ts": where.message_ts}
    await person.api.call("chat.update", {**place, **message.arguments()})


def _beside(text: str) -> dict[str, Any]:
    return {"response_action": "errors", "errors": {REASON_BLOCK: text}}


def _instead(text: str) -> dict[str, Any]:
    return {"response_action": "update", "view": told_modal(text)}
