"""Acts on Slack: who is installed, who is linked; sealed, and void where they ought to be."""

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from axiru.database import row, rows
from axiru.settings import Settings
from axiru.slack.installations import installation_of, installation_of_team, linked_member, linked_members
from axiru.vault import Vault, VaultSealBroken
from ledger.acts.slack import (
    LinkRefused,
    SlackNotInstalled,
    SlackTeamTaken,
    install_slack,
    issue_link_code,
    link_slack,
    remove_slack,
    unlink_slack,
)
from ledger.acts.vote import NotEligible

TOKEN = "xoxb-a-secret-token"


class Workspace:
    """A workspace of its own for one organization, installed by an admin of it."""

    def __init__(self, house: Any, vault: Vault, team_id: str) -> None:
        self.house = house
        self.vault = vault
        self.team_id = team_id

    async def install(self, login: str = "admin", team_id: str | None = None) -> str:
        return await install_slack(
            organization_id=self.house.id,
            by_member_id=self.house.members[login],
            team_id=team_id or self.team_id,
            channel_id="C_1",
            bot_token=TOKEN,
            vault=self.vault,
            signer=self.house.signer,
        )

    async def code(self, login: str) -> str:
        return (await issue_link_code(organization_id=self.house.id, member_id=self.house.members[login])).code

    async def link(self, code: str, user: str, team_id: str | None = None) -> str:
        linked = await link_slack(
            team_id=team_id or self.team_id, slack_user_id=user, code=code, signer=self.house.signer
        )
        return linked.member_id

    async def member(self, user: str) -> str | None:
        installation = await installation_of(self.house.id)
        assert installation is not None
        member = await linked_member(installation, user)
        return member.member_id if member else None


NewWorkspace = Callable[[], Awaitable[Workspace]]


@pytest.fixture
def new_workspace(new_house: Any, settings: Settings) -> NewWorkspace:
    async def make() -> Workspace:
        return Workspace(await new_house(), Vault.from_settings(settings), f"T{secrets.token_hex(6).upper()}")

    return make


@pytest.fixture
async def workspace(new_workspace: NewWorkspace) -> Workspace:
    made = await new_workspace()
    await made.install()
    return made


async def test_token_is_sealed_for_its_own_installation(workspace: Workspace) -> None:
    found = await installation_of(workspace.house.id)
    assert found is not None

    assert found.bot_token(workspace.vault) == TOKEN
    assert TOKEN.encode() not in found.bot_token_ciphertext
    assert TOKEN not in repr(found)
    await workspace.install()
    other = await installation_of(workspace.house.id)
    assert other is not None
    moved = type(other)(
        id=other.id,
        organization_id=other.organization_id,
        team_id=other.team_id,
        channel_id=other.channel_id,
        bot_token_ciphertext=found.bot_token_ciphertext,
    )
    with pytest.raises(VaultSealBroken):
        moved.bot_token(workspace.vault)


async def test_installing_again_replaces_and_both_are_sealed_in_both_modes(workspace: Workspace) -> None:
    first = await installation_of(workspace.house.id)
    second = await workspace.install()

    assert first is not None
    assert (await installation_of_team(workspace.team_id)).id == second  # type: ignore[union-attr]
    for mode in ("test", "live"):
        sealed = [entry["data"] for entry in await workspace.house.entries("slack_installation", mode)]
        assert [entry["action"] for entry in sealed] == ["install", "install"]
        assert sealed[1]["replaces"] == first.id
        assert TOKEN not in str(sealed)


async def test_workspace_of_one_organization_is_not_taken_by_another(
    workspace: Workspace, new_workspace: NewWorkspace
) -> None:
    other = await new_workspace()

    with pytest.raises(SlackTeamTaken):
        await other.install(team_id=workspace.team_id)

    assert await installation_of(other.house.id) is None
    assert await other.house.entries("slack_installation") == []


@pytest.mark.parametrize("login", ["controller", "finance", "viewer"])
async def test_only_an_admin_installs_and_removes(workspace: Workspace, login: str) -> None:
    before = await installation_of(workspace.house.id)

    with pytest.raises(NotEligible):
        await workspace.install(login)
    with pytest.raises(NotEligible):
        await remove_slack(
            organization_id=workspace.house.id,
            by_member_id=workspace.house.members[login],
            signer=workspace.house.signer,
        )

    assert await installation_of(workspace.house.id) == before


async def test_removal_frees_the_workspace(workspace: Workspace, new_workspace: NewWorkspace) -> None:
    admin = workspace.house.members["admin"]
    await remove_slack(organization_id=workspace.house.id, by_member_id=admin, signer=workspace.house.signer)

    assert await installation_of_team(workspace.team_id) is None
    with pytest.raises(SlackNotInstalled):
        await remove_slack(organization_id=workspace.house.id, by_member_id=admin, signer=workspace.house.signer)
    other = await new_workspace()
    await other.install(team_id=workspace.team_id)


async def test_code_links_once_however_many_type_it_at_once(workspace: Workspace) -> None:
    code = await workspace.code("controller")

    typed = await asyncio.gather(*(workspace.link(code, f"U{n}") for n in range(6)), return_exceptions=True)

    linked = [one for one in typed if one == workspace.house.members["controller"]]
    assert len(linked) == 1
    assert sum(isinstance(one, LinkRefused) for one in typed) == 5
    assert len(await workspace.house.entries("slack_link")) == 1


async def test_code_is_good_for_its_time_and_its_workspace(workspace: Workspace, new_workspace: NewWorkspace) -> None:
    other = await new_workspace()
    await other.install()
    code = await workspace.code("controller")
    with pytest.raises(LinkRefused):
        await workspace.link(code, "U1", team_id=other.team_id)

    kept = await row(
        "SELECT code_hash, expires_at - created_at AS life FROM slack_link_codes WHERE organization_id = {}",
        workspace.house.id,
    )
    assert kept is not None
    assert kept["life"].total_seconds() == 600
    assert code.replace("-", "") not in kept["code_hash"]


async def test_link_of_a_disabled_member_is_void_and_their_slack_user_free(workspace: Workspace) -> None:
    await workspace.link(await workspace.code("controller"), "U1")
    assert await workspace.member("U1") == workspace.house.members["controller"]

    await rows("UPDATE members SET disabled_at = now() WHERE id = {}", workspace.house.members["controller"])

    assert await workspace.member("U1") is None
    assert await workspace.link(await workspace.code("controller2"), "U1") == workspace.house.members["controller2"]


async def test_code_of_a_member_who_was_disabled_links_nobody(workspace: Workspace) -> None:
    code = await workspace.code("controller")
    await rows("UPDATE members SET disabled_at = now() WHERE id = {}", workspace.house.members["controller"])

    with pytest.raises(LinkRefused):
        await workspace.link(code, "U1")


async def test_member_moves_to_another_slack_user_and_the_first_is_nobody(workspace: Workspace) -> None:
    await workspace.link(await workspace.code("controller"), "U1")
    await workspace.link(await workspace.code("controller"), "U2")

    assert (await workspace.member("U1"), await workspace.member("U2")) == (
        None,
        workspace.house.members["controller"],
    )
    with pytest.raises(LinkRefused):
        await workspace.link(await workspace.code("finance"), "U2")


async def test_e_mail_that_matches_links_nobody(workspace: Workspace) -> None:
    installation = await installation_of(workspace.house.id)
    assert installation is not None

    assert await linked_members(installation) == []


async def test_unlinking_ends_it_and_is_sealed(workspace: Workspace) -> None:
    await workspace.link(await workspace.code("viewer"), "U1")
    viewer = workspace.house.members["viewer"]

    await unlink_slack(organization_id=workspace.house.id, member_id=viewer, signer=workspace.house.signer)

    assert await workspace.member("U1") is None
    sealed = [entry["data"]["action"] for entry in await workspace.house.entries("slack_link")]
    assert sealed == ["link", "unlink"]
    with pytest.raises(SlackNotInstalled):
        await unlink_slack(organization_id=workspace.house.id, member_id=viewer, signer=workspace.house.signer)


async def test_slack_user_is_sealed_as_a_commitment(workspace: Workspace) -> None:
    await workspace.link(await workspace.code("viewer"), "U_PERSONAL")

    (entry,) = await workspace.house.entries("slack_link")
    assert b"U_PERSONAL" not in bytes(entry["body"])
    assert list(entry["data"]["personal"]) == ["slack_user_id"]
