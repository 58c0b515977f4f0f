"""How far an organization has come, read off what is really there: nobody's clicks are remembered."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final, Literal

import msgspec

from console.policy_views import Policy
from console.replay_views import Replay
from console.stripe_views import Connection, Surface

StepName = Literal["connect", "replay", "tune", "enforce"]
BEGINS_WITHIN: Final = timedelta(seconds=30)
"""A replay of an account that was connected begins by itself, a moment later."""

STEPS: Final[tuple[StepName, ...]] = ("connect", "replay", "tune", "enforce")


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """What was found of each step. `replay` is the newest one of history."""

    connections: tuple[Connection, ...] = ()
    """Those that work."""
    revoked: tuple[Connection, ...] = ()
    """Those whose access was taken back at Stripe: they wait to be connected again."""
    replay: Replay | None = None
    failed: Replay | None = None
    """The newest one, where it failed and an earlier one is shown."""
    newest_at: datetime | None = None
    live: tuple[Policy, ...] = ()
    enforced: tuple[Surface, ...] = ()

    def is_done(self, step: StepName) -> bool:
        match step:
            case "connect":
                return bool(self.connections)
            case "replay":
                return self.replay is not None and self.replay.state == "done"
            case "tune":
                return bool(self.live)
            case "enforce":
                return bool(self.enforced)

    @property
    def current(self) -> StepName | None:
        """The first step that is not done. A file serves for a connection as long as there is none."""
        return next((step for step in STEPS if not self.is_done(step) and not self._is_skipped(step)), None)

    def awaits_replay(self, now: datetime) -> bool:
        """Whether an account was connected just now whose own replay is not there yet."""
        connected = [one.connected_at for one in self.connections if one.connected_at is not None]
        latest = max(connected, default=None)
        if latest is None or latest <= now - BEGINS_WITHIN:
            return False
        return self.newest_at is None or latest > self.newest_at

    def with_replay(self, replay: Replay) -> "Progress":
        """The same with its replay told in full."""
        return msgspec.structs.replace(self, replay=replay)

    @property
    def done_count(self) -> int:
        return sum(self.is_done(step) for step in STEPS)

    def _is_skipped(self, step: StepName) -> bool:
        return step == "connect" and self.replay is not None


def progress_of(
    connections: Sequence[Connection],
    replays: Sequence[Replay],
    policies: Sequence[Policy],
    surfaces: Sequence[Surface],
) -> Progress:
    """A replay of stored decisions is none of history; of a policy only a live version counts."""
    history = [replay for replay in replays if replay.source != "decisions"]
    finished = [replay for replay in history if replay.state == "done"]
    newest = max(history, key=lambda replay: replay.created_at, default=None)
    # One that failed or runs must not hide what an earlier one has found.
    shown = (
        newest
        if newest is None or newest.is_under_way or not finished
        else max(finished, key=lambda replay: replay.created_at)
    )
    return Progress(
        connections=tuple(connection for connection in connections if connection.status == "active"),
        revoked=tuple(connection for connection in connections if connection.status == "revoked"),
        replay=shown,
        newest_at=newest.created_at if newest is not None else None,
        failed=newest if newest is not None and newest.state == "failed" and newest is not shown else None,
        live=tuple(policy for policy in policies if policy.live is not None),
        enforced=tuple(one for one in surfaces if one.rail == "stripe" and one.surface_mode == "enforce"),
    )
