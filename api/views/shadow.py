"""What the versions that only looked on would have said of one decision."""

import msgspec

from api.intake.vocabulary import OutcomeStyle, OutcomeWord, word
from axiru.database import rows


class ShadowWord(msgspec.Struct, frozen=True, kw_only=True):
    """One version's word beside the live one. `matched_rule_id` is null where its default decided."""

    slug: str
    version: int
    outcome: OutcomeWord
    reason: str
    matched_rule_id: str | None
    agrees: bool
    live_outcome: OutcomeWord
    live_reason: str
    live_rule_id: str | None


async def shadow_words(decision_id: str, style: OutcomeStyle) -> list[ShadowWord]:
    """By policy and version."""
    found = await rows("SELECT * FROM shadow_results WHERE decision_id = {} ORDER BY slug, version DESC", decision_id)
    return [
        ShadowWord(
            slug=said["slug"],
            version=said["version"],
            outcome=word(said["outcome"], style),
            reason=said["reason"],
            matched_rule_id=said["rule_id"],
            agrees=said["agrees"],
            live_outcome=word(said["live_outcome"], style),
            live_reason=said["live_reason"],
            live_rule_id=said["live_rule_id"],
        )
        for said in found
    ]
