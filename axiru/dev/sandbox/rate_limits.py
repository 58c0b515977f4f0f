"""A rate limit that a test asks for. https://docs.stripe.com/rate-limits"""

from collections import deque

import msgspec


class RateLimit(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """At most so many requests in any second; for one key, or for each where `key` is None."""

    requests_per_second: int
    key: str | None = None
    retry_after_seconds: int | None = None


class RateLimits:
    """Limits in force and the moments of each key's requests in the last second. Not kept over a restart."""

    def __init__(self) -> None:
        self.limits: list[RateLimit] = []
        self._moments: dict[str, deque[float]] = {}

    def exceeded(self, key: str, *, now: float) -> RateLimit | None:
        """The limit that this request of a key exceeds at `now` (seconds); a request that exceeds none is counted."""
        limits = [limit for limit in self.limits if limit.key in (None, key)]
        if not limits:
            return None
        moments = self._moments.setdefault(key, deque())
        while moments and moments[0] <= now - 1:
            moments.popleft()
        for limit in limits:
            if len(moments) >= limit.requests_per_second:
                return limit
        moments.append(now)
        return None
