"""A replay of history on the server: what its workflow is started with, and when it is deleted."""

from datetime import timedelta
from typing import Final, Literal

import msgspec

ReplaySource = Literal["csv", "decisions"]
ReplayState = Literal["waiting", "running", "done", "failed"]

KEPT_FOR: Final = timedelta(days=30)
"""Then the upload, the result and the findings are deleted."""


class ReplayInput(msgspec.Struct, frozen=True):
    """An id only: files and findings live in tables, where they can be deleted."""

    replay_id: str
