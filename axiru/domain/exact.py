"""Numbers that JSON readers do not agree on, as text."""

from collections.abc import Mapping
from typing import Any, Final

_LARGEST: Final = 2**53 - 1


def exact(value: Any) -> Any:
    """`value` with every integer past 2^53 in it as a decimal string, since no other has a form of RFC 8785
    (§3.2.2.3): amounts of assets with 18 decimals, and sums of them."""
    match value:
        case bool():
            return value
        case int():
            return value if -_LARGEST <= value <= _LARGEST else str(value)
        case Mapping():
            return {key: exact(each) for key, each in value.items()}
        case list() | tuple():
            return [exact(each) for each in value]
        case _:
            return value
