"""One vector: a token, what it is held against, and what a verifier says of it."""

from collections.abc import Mapping
from typing import Any

from signing import NOW, OVT, fingerprint


def case(
    name: str,
    text: str,
    *,
    code: str | None = None,
    claim: str | None = None,
    offset: int = 0,
    ovt: Mapping[str, Any] = OVT,
    by: str | None = None,
    expected: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """`code` None: accepted. `by` is the fingerprint that is given instead of the OVT, or the right one."""
    bound: dict[str, Any] = {"ovt": ovt}
    if by is not None:
        bound = {"fingerprint": fingerprint(ovt) if by == "fingerprint" else by}
    return {
        "name": name,
        "token": text,
        "now": NOW + offset,
        **bound,
        "expected": expected or {},
        "code": code,
        "claim": claim,
    }
