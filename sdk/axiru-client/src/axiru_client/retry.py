"""How long Axiru is asked, and how often."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Retry:
    """Limits in seconds. One attempt may take `attempt_seconds`, all of them and their pauses `deadline_seconds`."""

    attempt_seconds: float = 6.0
    deadline_seconds: float = 15.0
    first_pause_seconds: float = 0.2
    longest_pause_seconds: float = 3.0

    def pause_seconds(self, attempt: int, *, chance: float, retry_after_seconds: float | None) -> float:
        """How long to wait after the failed `attempt` (from 0): doubling, half of it by `chance` (0 to 1).

        Never shorter than what the server asked for.
        """
        longest = min(self.longest_pause_seconds, self.first_pause_seconds * 2.0 ** min(attempt, 30))
        return max(longest * (0.5 + chance / 2), retry_after_seconds or 0.0)
