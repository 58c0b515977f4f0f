"""How far the automatic payouts of a frozen account are stopped or restored, and what their schedule was."""

from console.components.badge import Look, badge
from console.components.text import Text, block
from console.payout_words import PAUSE_LOOKS, schedule_text
from console.views import PayoutPause


def payout_pause(pause: PayoutPause) -> None:
    """A state this console has no look for is shown as it is."""
    look = PAUSE_LOOKS.get(pause.state) or Look(pause.state.replace("_", " ").capitalize(), "pause", "neutral")
    with block("div", "payout-pause"):
        badge(look.label, look.tone, look.icon)
        if pause.schedule_before is not None:
            Text("span", f"Schedule before: {schedule_text(pause.schedule_before)}", "muted")
        if pause.detail:
            Text("span", pause.detail, "refusal" if pause.state == "failed" else "muted")
