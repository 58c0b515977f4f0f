"""Circuit breakers: armed, changed and retired by people, each as a sealed act."""

from datetime import datetime
from typing import Any

import msgspec

from axiru import ids
from axiru.database import row, rows
from axiru.domain.breaker import BreakerTerms
from axiru.domain.movement import Mode
from axiru.errors import AxiruError
from ledger.acts.chain import act
from ledger.entry import EntrySigner


class BreakerNotFound(AxiruError):
    """There is no such breaker in this organization."""

    code = "not_found"


class BreakerRetired(AxiruError):
    """The breaker was retired before; it neither trips nor changes any more."""

    code = "conflict"


class BaselineTooShort(AxiruError):
    """A baseline shorter than the window it is compared with."""

    code = "invalid_request"


async def arm(
    *, organization_id: str, member_id: str, mode: Mode, name: str, terms: BreakerTerms, signer: EntrySigner
) -> str:
    """Arm a new breaker; returns its id. Raises BaselineTooShort."""
    _check(terms)
    breaker_id = ids.new_id(ids.BREAKER)
    async with act(signer, organization_id, mode) as arming:
        arming.seal("breaker", _sealed("arm", breaker_id, member_id, name, terms))
        await rows(
            """
            INSERT INTO breakers (id, organization_id, mode, name, metric, rail, rail_action, source, currency,
                window_seconds, baseline_seconds, factor_percent, minimum, response, freeze_seconds, created_by,
                created_at, updated_at)
            VALUES ({}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {})
            """,
            *(breaker_id, organization_id, mode, name, terms.metric, terms.rail, terms.rail_action, terms.source),
            *(terms.currency, terms.window_seconds, terms.baseline_seconds, terms.factor_percent, terms.minimum),
            *(terms.response, terms.freeze_seconds, member_id, arming.now, arming.now),
        )
    return breaker_id


async def change(
    breaker_id: str,
    changes: dict[str, Any],
    *,
    organization_id: str,
    member_id: str,
    signer: EntrySigner,
) -> None:
    """Change a breaker's name or terms; what it watches stays.

    `changes` are fields of `BreakerTerms` by name, and `name`.
    Raises BreakerNotFound, BreakerRetired, BaselineTooShort.
    """
    async with act(signer, organization_id, await _mode_of(breaker_id, organization_id)) as changing:
        found = await _in_use(breaker_id)
        name = changes.get("name", found["name"])
        terms = msgspec.convert({**found, **changes}, BreakerTerms)
        _check(terms)
        changing.seal("breaker", _sealed("change", breaker_id, member_id, name, terms))
        await rows(
            """
            UPDATE breakers SET name = {}, window_seconds = {}, baseline_seconds = {}, factor_percent = {},
                minimum = {}, response = {}, freeze_seconds = {}, updated_at = {} WHERE id = {}
            """,
            *(name, terms.window_seconds, terms.baseline_seconds, terms.factor_percent, terms.minimum),
            *(terms.response, terms.freeze_seconds, changing.now, breaker_id),
        )


async def retire(breaker_id: str, *, organization_id: str, member_id: str, signer: EntrySigner) -> datetime:
    """Disarm a breaker for good; a freeze it set stays in force. Raises BreakerNotFound, BreakerRetired."""
    async with act(signer, organization_id, await _mode_of(breaker_id, organization_id)) as retiring:
        await _in_use(breaker_id)
        retiring.seal("breaker", {"action": "retire", "breaker_id": breaker_id, "member_id": member_id})
        await rows("UPDATE breakers SET retired_at = {} WHERE id = {}", retiring.now, breaker_id)
        return retiring.now


async def _in_use(breaker_id: str) -> dict[str, Any]:
    """The breaker behind the lock. Raises BreakerRetired."""
    found = await row("SELECT * FROM breakers WHERE id = {}", breaker_id)
    if found is None or found["retired_at"] is not None:
        raise BreakerRetired("This breaker was retired.", state="retired")
    return found


async def _mode_of(breaker_id: str, organization_id: str) -> Mode:
    found = await row("SELECT mode FROM breakers WHERE id = {} AND organization_id = {}", breaker_id, organization_id)
    if found is None:
        raise BreakerNotFound("There is no such breaker.")
    mode: Mode = found["mode"]
    return mode


def _check(terms: BreakerTerms) -> None:
    if terms.baseline_seconds < terms.window_seconds:
        raise BaselineTooShort("A baseline is at least as long as the window.", field="baseline_seconds")


def _sealed(action: str, breaker_id: str, member_id: str, name: str, terms: BreakerTerms) -> dict[str, Any]:
    return {
        "action": action,
        "breaker_id": breaker_id,
        "member_id": member_id,
        "name": name,
        "terms": msgspec.to_builtins(terms),
    }
