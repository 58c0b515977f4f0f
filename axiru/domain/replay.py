"""A replay of history on the server: what its workflow is started with, and when it is deleted."""

from datetime import timedelta
from typing import Final, Literal

import msgspec

ReplaySource = Literal["csv", "decisions", "stripe"]
ReplayState = Literal["waiting", "running", "done", "failed"]

KEPT_FOR: Final = timedelta(days=30)
"""Then the upload, what was pulled, the result and the findings are deleted."""

LONGEST_HISTORY_DAYS: Final = 90
"""So far back is history pulled from Stripe."""

PullStage = Literal["refunds", "pulled"]
"""What is being listed at Stripe; `pulled` once nothing is left."""


class ReplayInput(msgspec.Struct, frozen=True):
    """An id: files and findings live in tables, where they can be deleted. `pulls`: from Stripe, before all else."""

    replay_id: str
    pulls: bool = False
