"""Lists: proposed by one person, in force by another, and never other values than those whose hash was sealed."""

import asyncio
from typing import Any

import pytest

from axiru.database import rows
from ledger.acts.activate import VersionNotFound
from ledger.acts.list_values import MAX_VALUES, ListInvalid
from ledger.acts.lists import ListConflict, ListReceipt, activate_list, propose_list
from ledger.acts.vote import NotEligible
from ledger.verify_command import verify_database


async def test_list_comes_into_force_by_a_second_person_and_is_sealed_without_its_values(
    house: Any, settings: Any
) -> None:
    proposed = await _propose(house, ["cus_2", "cus_1", "cus_2", " cus_1 "])

    with pytest.raises(NotEligible) as refused:
        await _activate(house, proposed.version_id, "author")
    active = await _activate(house, proposed.version_id)
    again = await _activate(house, proposed.version_id)

    assert refused.value.facts["because"] == "author"
    assert (proposed.status, proposed.version, proposed.size) == ("proposed", 1, 2)
    assert (active.status, active.replaces, len(active.ledger_ids), again.ledger_ids) == ("active", None, 2, ())
    for mode in ("live", "test"):
        (sealed,) = await house.entries("list_activated", mode)
        assert sealed["data"]["content_hash"] == proposed.content_hash
        assert b"cus_1" not in bytes(sealed["body"])
    assert (await verify_database(settings.database_url, house.id, None)).intact


async def test_next_version_replaces_the_one_before_and_may_be_rolled_back(house: Any) -> None:
    first = await _activate(house, (await _propose(house, ["cus_1"])).version_id)
    second = await _activate(house, (await _propose(house, ["cus_1", "cus_2"])).version_id)
    back = await _activate(house, first.version_id)

    assert (second.version, second.replaces, second.rollback) == (2, 1, False)
    assert (back.version, back.replaces, back.rollback) == (1, 2, True)
    assert await _statuses(house) == ["active", "retired"]


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        ("country", ["US", "XX"]),
        ("country", ["USA"]),
        ("customer", ["cus 1"]),
        ("customer", [""]),
        ("account", ["é"]),
        ("account", ["a" * 201]),
        ("text", ["two\nlines"]),
        ("text", [7]),
        ("colour", ["red"]),
        ("customer", [str(number) for number in range(MAX_VALUES + 1)]),
    ],
)
async def test_list_with_a_wrong_value_does_not_load_even_in_part(house: Any, kind: str, values: list[Any]) -> None:
    with pytest.raises(ListInvalid) as refused:
        await _propose(house, values, kind=kind)

    assert refused.value.facts["field"] in {"values", "kind"}
    assert await _statuses(house) == []


async def test_countries_are_folded_and_lists_may_be_empty(house: Any) -> None:
    proposed = await _propose(house, ["us", " Xk", "US"], kind="country")

    found = await rows("SELECT value FROM list_values WHERE list_version_id = {} ORDER BY 1", proposed.version_id)
    emptied = await _activate(house, (await _propose(house, [], kind="country")).version_id)

    assert [one["value"] for one in found] == ["US", "XK"]
    assert (emptied.size, emptied.status) == (0, "active")


async def test_same_values_or_another_kind_make_no_version(house: Any) -> None:
    await _propose(house, ["cus_1", "cus_2"])

    with pytest.raises(ListConflict) as same:
        await _propose(house, ["cus_2", "cus_1"])
    with pytest.raises(ListConflict) as other:
        await _propose(house, ["US"], kind="country")

    assert (same.value.facts, other.value.facts) == ({"version": 1}, {"kind": "customer"})


async def test_versions_proposed_at_once_are_numbered_without_a_gap(house: Any) -> None:
    await asyncio.gather(*(_propose(house, [f"cus_{number}"]) for number in range(6)))

    assert len(await _statuses(house)) == 6
    sealed = [entry["data"]["version"] for entry in await house.entries("list_proposed")]
    assert sealed == [1, 2, 3, 4, 5, 6]


async def test_largest_list_is_proposed_and_activated(house: Any) -> None:
    proposed = await _propose(house, [f"cus_{number}" for number in range(MAX_VALUES)])

    assert (await _activate(house, proposed.version_id)).size == MAX_VALUES


async def test_list_of_another_organization_is_not_found(house: Any, new_house: Any) -> None:
    proposed = await _propose(house, ["cus_1"])

    with pytest.raises(VersionNotFound):
        await _activate(await new_house(), proposed.version_id)


async def _propose(house: Any, values: list[Any], *, kind: str = "customer", login: str = "author") -> ListReceipt:
    return await propose_list(
        "vip",
        kind,
        values,
        "why",
        organization_id=house.id,
        member_id=house.members[login],
        signer=house.signer,
    )


async def _activate(house: Any, version_id: str, login: str = "controller") -> ListReceipt:
    return await activate_list(
        version_id, organization_id=house.id, member_id=house.members[login], signer=house.signer
    )


async def _statuses(house: Any) -> list[str]:
    found = await rows("SELECT status FROM list_versions WHERE organization_id = {} ORDER BY version", house.id)
    return [one["status"] for one in found]
