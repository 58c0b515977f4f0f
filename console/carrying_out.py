"""Doing what a person asked for, and saying why when the API does not."""

from collections.abc import Awaitable, Callable

from axiru.errors import AxiruError
from console.api_errors import ApiRefused, SessionEnded
from console.sessions import Session


async def carried_out(session: Session, act: Callable[[], Awaitable[object]], refuse: Callable[[str], object]) -> bool:
    """Whether the API did it; if not, `refuse` has been told why, or the log-in is over and the page is left."""
    refuse("")
    try:
        await act()
    except SessionEnded:
        session.end()
        return False
    except ApiRefused as refusal:
        refuse(refusal.sentences)
        return False
    except AxiruError as error:
        refuse(error.message)
        return False
    return True
