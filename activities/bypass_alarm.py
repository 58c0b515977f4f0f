"""What the alarms say of a movement that was made without asking, in Slack and by mail."""

import msgspec

from axiru.database import row
from axiru.domain.decision import Advisory
from axiru.domain.evaluation import Outcome
from axiru.domain.money import money_text


class BypassAlarm(msgspec.Struct, frozen=True, kw_only=True):
    """Nothing that names a customer is in it; `advised` is what would have become of it, had somebody asked."""

    decision_id: str
    mode: str
    movement: str
    amount: str
    stripe_object_id: str
    stripe_account_id: str
    why: str
    advised: str


async def read_bypass(decision_id: str) -> BypassAlarm | None:
    """None where the decision is no bypass."""
    found = await row(
        """
        SELECT d.id, d.mode, d.rail_action, d.amount_cents, d.currency, d.advisory, o.stripe_object_id, o.why,
            c.stripe_account_id
        FROM decisions d JOIN observed_movements o ON o.decision_id = d.id AND o.bypass
        JOIN stripe_connections c ON c.id = o.stripe_connection_id WHERE d.id = {} AND d.bypass
        """,
        decision_id,
    )
    if found is None:
        return None
    return BypassAlarm(
        decision_id=found["id"],
        mode=found["mode"],
        movement=found["rail_action"].replace("app_fee", "application fee").replace("_", " "),
        amount=money_text(found["amount_cents"], found["currency"]),
        stripe_object_id=found["stripe_object_id"],
        stripe_account_id=found["stripe_account_id"],
        why=found["why"],
        advised=_advised(msgspec.json.decode(found["advisory"], type=Advisory | None)),
    )


def _advised(advisory: Advisory | None) -> str:
    match advisory.outcome if advisory else None:
        case Outcome.ALLOW:
            return "It would have been allowed."
        case Outcome.REVIEW:
            return f"It would have needed approval ({advisory.reason})." if advisory else ""
        case Outcome.DENY:
            return f"It would have been denied ({advisory.reason})." if advisory else ""
        case None:
            return "What would have been said of it is not known."
