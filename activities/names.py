"""Names that cross the border between workflows and activities."""

from typing import Final

REQUEST_STALE: Final = "RequestStale"
MOVEMENT_WORKFLOW: Final = "MoneyMovement"
VOTE_SIGNAL: Final = "vote_recorded"
RELEASE_SIGNAL: Final = "release_recorded"
CONTROL_SIGNAL: Final = "control_recorded"
DISPUTE_WORKFLOW: Final = "DisputeResponse"
DISPUTE_SIGNAL: Final = "changed"
UNDO_WORKFLOW: Final = "Undoing"
HISTORY_WORKFLOW: Final = "HistoryReplay"
