"""`?wait=`: not answering before nothing more will happen by itself, or the seconds are over. Reads tables only."""

from time import monotonic
from typing import Annotated

from litestar.params import QueryParameter

from api.feed import POLL_SECONDS
from api.services import Services
from axiru.database import row
from axiru.domain.decision import is_settled

WaitSeconds = Annotated[
    int,
    QueryParameter(name="wait", ge=0, le=60, description="Wait up to so many seconds until all is settled"),
]


async def until_settled(decision_id: str, organization_id: str, seconds: int, services: Services) -> None:
    """Return when the decision is settled, when the time is over, or when this process is about to stop."""
    deadline = monotonic() + seconds
    with services.watch.waiting(organization_id) as waiter:
        while (left := deadline - monotonic()) > 0 and not services.closing.is_set():
            found = await row("SELECT state, execute, surface_mode FROM decisions WHERE id = {}", decision_id)
            if found is None or is_settled(**found):
                return
            await waiter.growth(at_most_seconds=min(left, POLL_SECONDS))
