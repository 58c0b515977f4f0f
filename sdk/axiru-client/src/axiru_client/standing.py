"""What holds for a request that Axiru did not answer. Pure."""

from enum import Enum

from axiru_client.evidence import EvidencePacket
from axiru_client.fail_safe import FailSafe
from axiru_client.requests import DECISIONS, Asked
from axiru_client.vocabulary import DEFAULTS, WhenUnreachable


class Standing(Enum):
    """How a request stands; the value says so in words."""

    SHADOW = "Axiru could not be asked; this surface is in shadow, so nothing waits for it"
    ALLOW = "Axiru could not be asked; the organization lets this go on without it"
    PACKET = "Axiru could not be asked; the last good evidence packet goes out"
    HOLD = "Axiru could not be asked, so this is held"


def standing_of(
    asked: Asked, *, said: str | None, document: FailSafe | None, packet: EvidencePacket | None, now: float
) -> Standing:
    """Everything holds but what a document in force lets go, and a dispute that has a packet.

    What a control stopped when the document was signed holds, in shadow too.

    `said` is what Axiru answered to this very request before: an outage turns no denial or review into a permission.
    """
    if said == "deny" or (document is not None and document.stops(asked, now=now)):
        return Standing.HOLD
    if document is not None and document.in_shadow(asked.surface, asked.connection):
        return Standing.SHADOW
    if asked.execute == "axiru" or asked.endpoint != DECISIONS:
        # Axiru makes the call, or signs the token, once it is back: there is nothing the caller could do alone.
        return Standing.HOLD
    instructions = DEFAULTS if document is None else document.unreachable
    instruction: WhenUnreachable = instructions.get(asked.action, "hold")
    if instruction == "last_good_packet" and asked.dispute is not None and packet is not None:
        # Also while an approval is open: a response window that closes does not come back.
        return Standing.PACKET
    if said is not None or document is None:
        return Standing.HOLD
    payout = asked.action == "payout" and document.lets_go(
        asked.programme, amount_cents=asked.amount_cents, currency=asked.currency, now=now
    )
    return Standing.ALLOW if payout or instruction == "allow" else Standing.HOLD
