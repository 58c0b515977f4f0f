"""The kill switch by command. It is in force when Slack is answered; calls under way are told as they end."""

from collections.abc import Sequence
from typing import Final

from api.permissions import Permission
from api.services import Services
from api.slack.background import go_on
from api.slack.person import LINK_HINT, SlackPerson
from axiru.database import rows
from axiru.domain.control import AppliesTo, Control
from axiru.errors import AxiruError
from axiru.slack.installations import LinkedMember
from ledger.acts.chain import Act, acts
from ledger.acts.control import MODES, SETTLE_SECONDS, lift, list_in_flight, put_in_force

KILL_USAGE: Final = "/axiru kill [test|live|both] REASON"
RELEASE_USAGE: Final = "/axiru release REASON"
_LONGEST_REASON: Final = 2_000
_NOT_ALLOWED: Final = "Your role may not stop or release money: that takes a finance manager, a controller or an admin."
_SAID_MODES: Final[dict[AppliesTo, str]] = {"test": "test mode", "live": "live mode", "both": "test and live mode"}
_CALLS_TOLD: Final = 20


class CommandRefused(AxiruError):
    """The command does nothing; the message says why."""

    code = "not_eligible"


async def engage_kill_switch(text: str, person: SlackPerson, services: Services) -> str:
    """Engage it, for both modes unless the text begins with one. Raises CommandRefused."""
    first, _, rest = text.strip().partition(" ")
    named = next((mode for mode in _SAID_MODES if mode == first.lower()), None)
    applies_to: AppliesTo = named or "both"
    reason = (rest if named else text).strip()
    member = _permitted(person, reason, KILL_USAGE)
    async with acts(services.signer, person.installation.organization_id, MODES[applies_to]) as engaging:
        control, _ = await put_in_force(
            engaging,
            kind="kill_switch",
            scope={},
            applies_to=applies_to,
            reason=reason,
            expires_at=None,
            member_id=member.member_id,
        )
    go_on(_tell_calls(control, engaging, person, services))
    return (
        f"The kill switch is engaged for {_SAID_MODES[applies_to]} ({control.id}): no call to Stripe begins any more. "
        f"Calls that began before are told here within {SETTLE_SECONDS:.0f} seconds."
    )


async def release_kill_switch(text: str, person: SlackPerson, services: Services) -> str:
    """Lift every kill switch in force. Raises CommandRefused."""
    reason = text.strip()
    member = _permitted(person, reason, RELEASE_USAGE)
    organization_id = person.installation.organization_id
    engaged = await rows(
        """
        SELECT id, applies_to FROM controls WHERE organization_id = {} AND kind = 'kill_switch' AND lifted_at IS NULL
            AND (expires_at IS NULL OR expires_at > clock_timestamp()) ORDER BY engaged_at
        """,
        organization_id,
    )
    for control in engaged:
        await lift(
            organization_id=organization_id,
            member_id=member.member_id,
            control_id=control["id"],
            reason=reason,
            signer=services.signer,
        )
    if not engaged:
        return "No kill switch is engaged."
    released = ", ".join(f"{_SAID_MODES[control['applies_to']]} ({control['id']})" for control in engaged)
    return f"The kill switch is released: {released}."


def _permitted(person: SlackPerson, reason: str, usage: str) -> LinkedMember:
    if person.member is None:
        raise CommandRefused(LINK_HINT)
    if Permission.CONTROLS not in person.permissions:
        raise CommandRefused(_NOT_ALLOWED)
    if not reason:
        raise CommandRefused(f"A reason is needed: {usage}")
    if len(reason) > _LONGEST_REASON:
        raise CommandRefused(f"At most {_LONGEST_REASON} characters.")
    return person.member


async def _tell_calls(control: Control, engaging: Sequence[Act], person: SlackPerson, services: Services) -> None:
    open_calls = await list_in_flight(control, engaging, services.signer)
    if not open_calls:
        await person.tell("No call to Stripe is under way any more.")
        return
    listed = ", ".join(open_calls[:_CALLS_TOLD])
    await person.tell(f"{len(open_calls)} calls to Stripe began before and have not ended: {listed}")
