"""Whether what an address names is there, before a page is built for it."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from axiru.errors import AxiruError
from console.api_errors import ApiRefused

T = TypeVar("T")


async def exists(asked: Awaitable[T], has: Callable[[T], bool] = lambda _: True) -> bool:
    """Whether the API finds it, and it `has` what the address names further.

    Taken for true while the API is out of reach: the page itself says so and comes back with it.
    """
    try:
        return has(await asked)
    except ApiRefused as refusal:
        return refusal.status != 404
    except AxiruError:
        return True
