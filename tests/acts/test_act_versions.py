"""From draft to retirement: who wrote it, what number it got, who put it in force, and what the ledger says of it."""

import asyncio
from typing import Any

import asyncpg
import pytest

from axiru.database import row, rows
from axiru.domain.evaluation import Outcome
from ledger.acts.activate import ActivationRefused, VersionReceipt, activate, retire, shadow_again
from ledger.acts.drafts import Draft, DraftChanged, DraftNotFound, discard_draft, read_draft, save_draft
from ledger.acts.evaluating import MOST_LOOKED_UP
from ledger.acts.publish import AlreadyPublished, ChecksFailed, Published, publish
from ledger.acts.vote import NotEligible
from ledger.verify_command import verify_database
from policies import PolicyInvalid, compile_policy, parse
from policies.formats import Format
from policies.plain import say

ALLOWS = """
policy: payouts
schema: 2
applies_to: {rail: stripe, rail_action: payout}
rules:
  - id: small
    when: {amount: {currency: usd, lt: 1000}}
    effect: allow
"""
ALLOWS_MORE = ALLOWS.replace("1000", "2000")


async def test_everybody_who_saves_a_draft_is_one_of_its_authors(house: Any) -> None:
    draft = await _save(house, ALLOWS)
    saved = await _save(house, ALLOWS_MORE, login="controller", draft=draft)
    saved = await _save(house, ALLOWS, login="author", draft=saved)

    assert (saved.revision, saved.slug) == (3, "payouts")
    assert saved.author_member_ids == (house.members["author"], house.members["controller"])


async def test_nobodys_change_to_a_draft_is_overwritten_unseen(house: Any) -> None:
    draft = await _save(house, ALLOWS)
    await _save(house, ALLOWS_MORE, draft=draft)

    with pytest.raises(DraftChanged) as refused:
        await _save(house, ALLOWS, draft=draft)

    assert refused.value.facts == {"state": "open", "revision": 2}


async def test_of_two_who_save_over_one_revision_one_is_refused(house: Any) -> None:
    draft = await _save(house, ALLOWS)

    saved = await asyncio.gather(*(_save(house, ALLOWS, draft=draft) for _ in range(4)), return_exceptions=True)

    assert sorted(type(one).__name__ for one in saved) == ["Draft", *["DraftChanged"] * 3]


@pytest.mark.parametrize("text", ["policy: [", "policy: payouts\nrules: []\n", "", ALLOWS + "surprise: 1\n"])
async def test_text_that_does_not_load_is_no_draft(house: Any, text: str) -> None:
    with pytest.raises(PolicyInvalid):
        await _save(house, text)

    assert await rows("SELECT id FROM policy_drafts WHERE organization_id = {} AND slug <> 'refunds'", house.id) == []


@pytest.mark.parametrize("slug", ["compile", "drafts", "templates"])
async def test_words_of_the_api_are_no_names_of_policies(house: Any, slug: str) -> None:
    with pytest.raises(PolicyInvalid) as refused:
        await _save(house, ALLOWS.replace("policy: payouts", f"policy: {slug}"))

    assert [error.code for error in refused.value.errors] == ["reserved_name"]


async def test_discarded_and_published_drafts_are_over(house: Any, new_house: Any) -> None:
    discarded, published = await _save(house, ALLOWS), await _save(house, ALLOWS)
    await discard_draft(discarded.id, organization_id=house.id)
    await _publish(house, published)

    await discard_draft(discarded.id, organization_id=house.id)
    for over in (discarded, published):
        with pytest.raises(DraftChanged):
            await _save(house, ALLOWS, draft=over)
        with pytest.raises(DraftChanged):
            await _publish(house, over)
    with pytest.raises(DraftChanged):
        await discard_draft(published.id, organization_id=house.id)
    with pytest.raises(DraftNotFound):
        await read_draft(discarded.id, organization_id=(await new_house()).id)
    assert (await read_draft(published.id, organization_id=house.id)).published_version == 1


async def test_published_version_looks_on_and_is_sealed_in_both_modes(house: Any) -> None:
    published = await _publish(house, await _save(house, "# why not\n" + ALLOWS, note="small ones"))

    found = await _version(house, "payouts", 1)
    assert (found["status"], found["canary_percent"], found["note"]) == ("shadow", 0, "small ones")
    assert (found["source"], found["plain_source"]) == ("# why not\n" + ALLOWS, None)
    for mode in ("live", "test"):
        sealed = (await house.entries("policy_published", mode))[-1]
        assert sealed["data"]["version_id"] == published.version_id
        assert sealed["data"]["author_member_ids"] == [house.members["author"]]
        assert f'"policy_hash":"{published.content_hash}"'.encode() in bytes(sealed["body"])


async def test_plain_language_is_kept_as_it_was_written_beside_the_yaml_that_decides(house: Any, refund: Any) -> None:
    plain = say(parse(ALLOWS))

    published = await _publish(house, await _save(house, plain, format="plain"))

    found = await _version(house, "payouts", 1)
    assert found["plain_source"] == plain
    assert compile_policy(parse(found["source"])).content_hash == published.content_hash == found["content_hash"]
    with pytest.raises(AlreadyPublished):
        await _publish(house, await _save(house, ALLOWS))
    await _activate(house, published.version_id)
    receipt = await house.decided(refund(house, 500, rail_action="payout"))
    assert receipt.advisory is not None
    assert receipt.advisory.matched_rule == "policy:payouts:v1"


async def test_plain_language_too_long_as_yaml_is_not_published(house: Any) -> None:
    suppliers = " or ".join(f"supplier_{number}" for number in range(12_000))
    draft = await _save(house, f"Payouts to the counterparties {suppliers} are denied.", format="plain")

    with pytest.raises(PolicyInvalid):
        await _publish(house, draft)

    assert (await read_draft(draft.id, organization_id=house.id)).published_version is None


async def test_what_the_newest_version_says_already_is_not_published_again(house: Any) -> None:
    await _publish(house, await _save(house, ALLOWS))
    again = await _save(house, "# another comment\n" + ALLOWS)

    with pytest.raises(AlreadyPublished) as refused:
        await _publish(house, again)
    await _publish(house, await _save(house, ALLOWS_MORE))
    third = await _publish(house, again)

    assert refused.value.facts == {"slug": "payouts", "version": 1}
    assert third.version == 3


async def test_policy_that_cannot_mean_what_it_says_is_not_published(house: Any) -> None:
    text = ALLOWS.replace("effect: allow", "effect: review\n    approvers: {role: tooth_fairy}")
    draft = await _save(house, text)

    with pytest.raises(ChecksFailed) as refused:
        await _publish(house, draft)

    assert [finding.code for finding in refused.value.findings] == ["unknown_role"]
    assert (await read_draft(draft.id, organization_id=house.id)).state == "open"


async def test_policy_that_looks_up_too_much_before_each_decision_is_not_published(house: Any) -> None:
    rules = "".join(
        f"\n  - {{id: r{n}, when: {{rolling_window: {{measure: count, per: customer, within: {n + 1}m, gt: 99}}}}, "
        "effect: flag}"
        for n in range(MOST_LOOKED_UP + 1)
    )
    draft = await _save(house, f"policy: payouts\nschema: 2\napplies_to: {{rail: stripe}}\nrules:{rules}\n")

    with pytest.raises(ChecksFailed) as refused:
        await _publish(house, draft)

    assert [finding.code for finding in refused.value.findings] == ["too_costly"]


async def test_versions_published_at_once_are_numbered_without_a_gap(house: Any) -> None:
    drafts = [await _save(house, ALLOWS.replace("1000", str(1_000 + number))) for number in range(6)]

    published = await asyncio.gather(*(_publish(house, draft) for draft in drafts))

    assert sorted(one.version for one in published) == [1, 2, 3, 4, 5, 6]


async def test_one_draft_published_by_many_at_once_is_one_version(house: Any) -> None:
    draft = await _save(house, ALLOWS)

    published = await asyncio.gather(*(_publish(house, draft) for _ in range(4)), return_exceptions=True)

    assert sum(isinstance(one, Published) for one in published) == 1
    assert all(isinstance(one, Published | DraftChanged | AlreadyPublished) for one in published)


async def test_no_author_and_no_stranger_puts_a_version_in_force_or_takes_it_out(house: Any, new_house: Any) -> None:
    draft = await _save(house, ALLOWS, login="finance")
    draft = await _save(house, ALLOWS_MORE, login="author", draft=draft)
    version_id = (await _publish(house, draft)).version_id
    stranger = await new_house()

    for login in ("finance", "author"):
        for percent in (10, 100):
            with pytest.raises(NotEligible):
                await _activate(house, version_id, login, percent)
    with pytest.raises(NotEligible):
        await activate(
            version_id, organization_id=house.id, member_id=stranger.members["controller"], signer=house.signer
        )
    await _activate(house, version_id, "controller")
    for login in ("finance", "author"):
        with pytest.raises(NotEligible):
            await _act(retire, house, version_id, login)
    assert (await _act(retire, house, version_id, "controller2")).status == "retired"


async def test_member_who_left_changes_nothing(house: Any) -> None:
    version_id = (await _publish(house, await _save(house, ALLOWS))).version_id
    await rows("UPDATE members SET disabled_at = now() WHERE id = {}", house.members["controller"])

    with pytest.raises(NotEligible) as refused:
        await _activate(house, version_id)

    assert refused.value.facts["because"] == "member"


async def test_two_versions_activated_at_once_leave_one_active_and_both_sealed(house: Any, settings: Any) -> None:
    first, second = [
        (await _publish(house, await _save(house, ALLOWS.replace("1000", limit)))).version_id for limit in ("5", "7")
    ]

    receipts = await asyncio.gather(_activate(house, first), _activate(house, second, "controller2"))

    statuses = [found["status"] for found in await _versions(house, "payouts")]
    assert sorted(statuses) == ["active", "retired"]
    assert sorted(receipt.replaces or 0 for receipt in receipts) in ([0, 1], [0, 2])
    sealed = [entry["data"] for entry in await house.entries("policy_activated") if entry["data"]["slug"] == "payouts"]
    assert {one["version"] for one in sealed} == {1, 2}
    assert sealed[1]["replaces"] == sealed[0]["version"]
    assert (await verify_database(settings.database_url, house.id, None)).intact


async def test_one_version_activated_by_two_at_once_is_sealed_once(house: Any) -> None:
    version_id = (await _publish(house, await _save(house, ALLOWS))).version_id

    receipts = await asyncio.gather(_activate(house, version_id), _activate(house, version_id, "controller2"))

    assert sorted(len(receipt.ledger_ids) for receipt in receipts) == [0, 2]


async def test_rollback_is_a_new_activation(house: Any, refund: Any, settings: Any) -> None:
    (before,) = await _versions(house, "refunds")
    stricter = await house.activate(
        "policy: refunds\nschema: 2\napplies_to: {rail: stripe}\n"
        "rules:\n  - id: none_at_all\n    when: {rail_action: refund}\n    effect: deny\n"
    )
    denied = await house.decided(refund(house))

    back = await _activate(house, before["id"], "controller2")
    allowed = await house.decided(refund(house))

    assert (denied.outcome, allowed.outcome) == (Outcome.DENY, Outcome.ALLOW)
    assert (back.version, back.replaces, back.rollback) == (1, 2, True)
    assert [found["status"] for found in await _versions(house, "refunds")] == ["active", "retired"]
    assert (await house.entries("policy_activated"))[-1]["data"]["rollback"] is True
    again = await _activate(house, stricter)
    assert (again.replaces, again.rollback) == (1, True)
    assert (await verify_database(settings.database_url, house.id, None)).intact


async def test_retired_version_looks_on_again_and_nothing_else_of_it_changes(house: Any) -> None:
    version_id = (await _publish(house, await _save(house, ALLOWS))).version_id

    retired = [await _act(retire, house, version_id, "author") for _ in range(2)]
    with pytest.raises(ActivationRefused):
        await _activate(house, version_id, percent=10)
    shadowed = [await _act(shadow_again, house, version_id, "author") for _ in range(2)]

    assert [(one.status, len(one.ledger_ids)) for one in retired] == [("retired", 2), ("retired", 0)]
    assert [(one.status, len(one.ledger_ids)) for one in shadowed] == [("shadow", 2), ("shadow", 0)]
    assert [entry["data"]["was"] for entry in await house.entries("policy_retired")] == ["shadow"]
    assert [entry["data"]["was"] for entry in await house.entries("policy_shadowed")] == ["retired"]


async def test_active_version_gets_no_share_and_does_not_just_look_on(house: Any) -> None:
    (active,) = await _versions(house, "refunds")

    with pytest.raises(ActivationRefused):
        await _activate(house, active["id"], "controller2", 50)
    with pytest.raises(ActivationRefused):
        await _act(shadow_again, house, active["id"], "controller2")
    for percent in (0, 101, -1):
        with pytest.raises(ActivationRefused):
            await _activate(house, active["id"], "controller2", percent)


async def test_canary_grows_ends_and_gives_way(house: Any, settings: Any) -> None:
    one, two = [
        (await _publish(house, await _save(house, ALLOWS.replace("1000", limit)))).version_id for limit in ("5", "7")
    ]
    await _activate(house, one)

    shares = [await _activate(house, two, percent=percent) for percent in (10, 10, 50, 20)]
    ended = await _act(shadow_again, house, two, "author")
    await _activate(house, two, percent=5)
    full = await _activate(house, two)

    assert [(share.status, share.canary_percent, len(share.ledger_ids)) for share in shares] == [
        ("shadow", 10, 2),
        ("shadow", 10, 0),
        ("shadow", 50, 2),
        ("shadow", 20, 2),
    ]
    assert (ended.status, ended.canary_percent, full.replaces) == ("shadow", 0, 1)
    assert [entry["data"]["percent"] for entry in await house.entries("policy_canary")] == [10, 50, 20, 5]
    assert [entry["data"]["was"] for entry in await house.entries("policy_shadowed")] == ["canary"]
    assert [(found["status"], found["canary_percent"]) for found in await _versions(house, "payouts")] == [
        ("retired", 0),
        ("active", 0),
    ]
    assert (await verify_database(settings.database_url, house.id, None)).intact


async def test_author_does_not_end_a_canary_that_nothing_active_stands_behind(house: Any) -> None:
    only = (await _publish(house, await _save(house, ALLOWS))).version_id
    await _activate(house, only, percent=99)

    for act in (shadow_again, retire):
        with pytest.raises(NotEligible):
            await _act(act, house, only, "author")

    assert (await _act(shadow_again, house, only, "controller2")).canary_percent == 0


async def test_version_whose_stored_text_is_damaged_is_not_put_in_force(
    house: Any, superuser: asyncpg.Connection
) -> None:
    damaged = (await _publish(house, await _save(house, ALLOWS))).version_id
    await superuser.execute("UPDATE policy_versions SET source = 'policy: [' WHERE id = $1", damaged)

    for percent in (5, 100):
        with pytest.raises(ActivationRefused):
            await _activate(house, damaged, percent=percent)

    assert (await _version(house, "payouts", 1))["status"] == "shadow"


async def test_another_canary_and_another_activation_end_the_canary_before(house: Any) -> None:
    one, two, three = [
        (await _publish(house, await _save(house, ALLOWS.replace("1000", limit)))).version_id
        for limit in ("5", "7", "9")
    ]
    await _activate(house, one)
    await _activate(house, two, percent=10)

    await _activate(house, three, percent=20)
    between = [(found["status"], found["canary_percent"]) for found in await _versions(house, "payouts")]
    await _activate(house, two)

    assert between == [("active", 0), ("shadow", 0), ("shadow", 20)]
    assert [(found["status"], found["canary_percent"]) for found in await _versions(house, "payouts")] == [
        ("retired", 0),
        ("active", 0),
        ("shadow", 0),
    ]
    sealed = await house.entries("policy_activated")
    assert sealed[-1]["data"]["ends_canary_of"] == [3]


async def _save(
    house: Any,
    text: str,
    *,
    login: str = "author",
    draft: Draft | None = None,
    note: str = "why",
    format: Format = "yaml",
) -> Draft:
    return await save_draft(
        organization_id=house.id,
        member_id=house.members[login],
        text=text,
        format=format,
        note=note,
        draft_id=draft.id if draft else None,
        revision=draft.revision if draft else 0,
    )


async def _publish(house: Any, draft: Draft) -> Published:
    return await publish(draft.id, organization_id=house.id, member_id=house.members["author"], signer=house.signer)


async def _activate(house: Any, version_id: str, login: str = "controller", percent: int = 100) -> VersionReceipt:
    return await activate(
        version_id,
        organization_id=house.id,
        member_id=house.members[login],
        signer=house.signer,
        percent=percent,
    )


async def _act(act: Any, house: Any, version_id: str, login: str) -> VersionReceipt:
    receipt: VersionReceipt = await act(
        version_id, organization_id=house.id, member_id=house.members[login], signer=house.signer
    )
    return receipt


async def _versions(house: Any, slug: str) -> list[dict[str, Any]]:
    return await rows(
        "SELECT * FROM policy_versions WHERE organization_id = {} AND slug = {} ORDER BY version", house.id, slug
    )


async def _version(house: Any, slug: str, version: int) -> dict[str, Any]:
    found = await row(
        "SELECT * FROM policy_versions WHERE organization_id = {} AND slug = {} AND version = {}",
        house.id,
        slug,
        version,
    )
    assert found is not None
    return found
