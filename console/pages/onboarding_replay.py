"""The second step: history through policy, how far it is, and what would have been stopped."""

from collections.abc import Callable

from axiru.domain.movement import Mode
from console.carrying_out import carried_out
from console.components.button import Button
from console.components.select_field import SelectField
from console.components.text import Text, block, link
from console.onboarding_progress import Progress
from console.pages import replay_progress, replay_result
from console.pages.replays import first_choice, replay_badge
from console.replay_api import JudgingPolicy
from console.replay_views import Replay
from console.sessions import Session
from console.stripe_words import default_of


class ReplayStep:
    """The newest replay of history, and the button that reads the last 90 days of a connected account."""

    def __init__(self, session: Session, mode: Mode, policies: dict[str, str], started: Callable[[], None]) -> None:
        self._session = session
        self._mode = mode
        self._policies = policies
        self._started = started
        self._connection_id = self._shown = ""

    def build(self) -> None:
        self._found = block("div", "step-found", aria_live="polite")
        self._start: Button | None = None
        if self._policies:
            with block("div", "step-again") as self._again:
                self._policy = SelectField("Judged by", self._policies, first_choice(self._policies))
                self._start = Button("Replay the last 90 days", self._begin, "primary")
            self._again.set_visibility(False)
        self._refusal = Text("p", "", "refusal")
        self._refusal.props["role"] = "alert"

    def show(self, progress: Progress) -> None:
        connection = default_of(progress.connections)
        self._connection_id, self._shown = (connection.id, connection.shown) if connection else ("", "")
        replay = progress.replay
        under_way = replay is not None and replay.is_under_way
        if self._start is not None:
            self._again.set_visibility(connection is not None and not under_way)
            self._start.set_text("Replay the last 90 days again" if replay else "Replay the last 90 days")
            self._start.classes(replace=f"button button-{'plain' if replay else 'primary'}")
        self._found.clear()
        with self._found:
            if progress.failed is not None:
                _replay(progress.failed)
            if replay is not None:
                _replay(replay)
            elif connection is None:
                Text("p", "It begins by itself once there is an account or a file to look at.", "muted")
            else:
                Text("p", f"Nothing of {connection.shown} has been replayed yet.", "muted")

    async def _begin(self) -> None:
        judge = JudgingPolicy.parse(self._policy.value)
        if judge is None or not self._connection_id:
            return

        async def begin() -> None:
            title = f"The last 90 days of {self._shown}"
            await self._session.replays.of_history(judge, self._connection_id, mode=self._mode, title=title)

        if await carried_out(self._session, begin, self._refusal.set_text):
            self._started()


def _replay(replay: Replay) -> None:
    with block("p", "row-head"):
        link(replay.name, f"/replays/{replay.id}")
        replay_badge(replay)
        Text("span", f"through {replay.policy}", "muted")
    if replay.error is not None:
        replay_progress.failure(replay)
    elif replay.result is None:
        replay_progress.progress(replay)
    elif not replay.result.refunds:
        # Four noughts would read as if policy had let something pass.
        Text("p", "There was no movement in it to judge.", "muted")
    else:
        replay_result.totals(replay.result)
        link("Every row it found", f"/replays/{replay.id}")
