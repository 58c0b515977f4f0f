"""Activation: a second person puts a published version in force, and a published version never changes."""

from typing import Any

import asyncpg
import pytest

from axiru.database import rows
from axiru.domain.evaluation import Outcome
from ledger.acts.activate import VersionNotFound, activate
from ledger.acts.standing import PolicyVersionMissing
from ledger.acts.vote import NotEligible

DENIES = (
    "policy: refunds\nschema: 2\napplies_to: {rail: stripe}\n"
    "rules:\n  - id: none_at_all\n    when: {rail_action: refund}\n    effect: deny\n"
)


async def test_author_does_not_activate_their_own_version(house: Any) -> None:
    version_id = await house.publish(DENIES)

    with pytest.raises(NotEligible) as refused:
        await _activate(house, version_id, "author")

    assert refused.value.facts["because"] == "author"
    assert len(await house.entries("policy_activated")) == 1


async def test_activation_retires_the_version_before_and_is_sealed_in_both_modes(house: Any, refund: Any) -> None:
    version_id = await house.publish(DENIES)
    await _activate(house, version_id)
    await _activate(house, version_id)

    statuses = await rows(
        "SELECT version, status FROM policy_versions WHERE organization_id = {} ORDER BY version", house.id
    )
    assert [one["status"] for one in statuses] == ["retired", "active"]
    for mode in ("live", "test"):
        sealed = [entry["data"] for entry in await house.entries("policy_activated", mode)]
        assert [(entry["version"], entry["replaces"]) for entry in sealed] == [(1, None), (2, 1)]
    assert (await house.decided(refund(house))).outcome is Outcome.DENY


async def test_unknown_version_is_not_activated(house: Any, new_house: Any) -> None:
    version_id = await house.publish(DENIES)
    stranger = await new_house()

    with pytest.raises(VersionNotFound):
        await _activate(stranger, version_id)


async def test_shadow_version_is_recorded_beside_the_active_one(house: Any, refund: Any) -> None:
    await house.publish(DENIES)

    receipt = await house.decided(refund(house))

    (sealed,) = await house.entries("decision")
    assert (receipt.outcome, receipt.policy_version) == (Outcome.ALLOW, "v1")
    assert [(one["version"], one["outcome"]) for one in sealed["data"]["shadows"]] == [(2, "deny")]


@pytest.mark.parametrize("change", ["source = 'x'", "content_hash = 'x'", "note = 'x'", "slug = 'other'"])
async def test_published_version_does_not_change(house: Any, change: str) -> None:
    version_id = await house.publish(DENIES)

    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await rows(f"UPDATE policy_versions SET {change} WHERE id = {{}}", version_id)  # noqa: S608


async def test_nothing_is_decided_by_a_version_that_is_not_what_was_published(
    house: Any, refund: Any, superuser: asyncpg.Connection
) -> None:
    await superuser.execute(
        "UPDATE policy_versions SET source = replace(source, '15000', '25000') WHERE organization_id = $1", house.id
    )

    with pytest.raises(PolicyVersionMissing):
        await house.decided(refund(house, 20_000))

    assert await house.entries("decision") == []


async def _activate(house: Any, version_id: str, login: str = "controller") -> None:
    await activate(version_id, organization_id=house.id, member_id=house.members[login], signer=house.signer)
