"""`/axiru …`: who one is, what waits, and the kill switch."""

import uuid
from typing import Any

import httpx
import pytest


async def controls_in_force(http: httpx.AsyncClient) -> list[dict[str, Any]]:
    found = (await http.get("/api/v1/controls", params={"in_force": True})).raise_for_status().json()["items"]
    return [control for control in found if control["kind"] == "kill_switch"]


def said(reply: dict[str, Any]) -> str:
    assert reply["status"] == 200, reply
    assert reply["body"]["response_type"] == "ephemeral"
    return str(reply["body"]["text"])


async def test_code_links_the_member_who_was_shown_it(slack: Any, log_in: Any) -> None:
    support = await log_in("support")
    issued = (await support.post("/api/v1/slack/link-codes")).raise_for_status().json()

    assert "You are linked: here you are Demo support" in said(
        await slack.command("U_SUPPORT", f"LINK  {issued['code'].upper()} ")
    )

    linked = (await support.get("/api/v1/slack/link")).json()
    assert (linked["team_id"], linked["slack_user_id"]) == ("T_DEMO", "U_SUPPORT")
    assert "not valid" in said(await slack.command("U_STRANGER", f"link {issued['code']}"))


async def test_code_works_once_and_only_the_newest_one(slack: Any, log_in: Any) -> None:
    viewer = await log_in("viewer")
    codes = [(await viewer.post("/api/v1/slack/link-codes")).raise_for_status().json()["code"] for _ in range(2)]

    assert "not valid" in said(await slack.command("U_VIEWER", f"link {codes[0]}"))
    assert "You are linked" in said(await slack.command("U_VIEWER", f"link {codes[1]}"))
    assert "not valid" in said(await slack.command("U_VIEWER", f"link {codes[1]}"))


@pytest.mark.parametrize("code", ["", "0000-0000-0000", "mem_1", "' OR 1=1 --", "é" * 500])
async def test_guessed_code_links_nobody(slack: Any, code: str) -> None:
    text = said(await slack.command("U_STRANGER", f"link {code}"))

    assert "not valid" in text or "Type `/axiru link CODE`" in text or "in a minute" in text


async def test_guessing_codes_is_slowed_down(slack: Any) -> None:
    answers = [said(await slack.command("U_AGENTS", f"link guess-{number}")) for number in range(12)]

    assert any("At most 10 in a minute" in answer for answer in answers)


async def test_slack_user_of_one_member_is_not_taken_by_another(slack: Any, link: Any, log_in: Any) -> None:
    taken = await link("controller")
    finance = await log_in("finance_manager")
    code = (await finance.post("/api/v1/slack/link-codes")).raise_for_status().json()["code"]

    assert "linked to another member" in said(await slack.command(taken, f"link {code}"))
    assert "linked to another member" not in said(await slack.command("U_FINANCE", f"link {code}"))


async def test_unlinking_takes_every_right_away(slack: Any, link: Any, log_in: Any) -> None:
    user = await link("viewer")
    viewer = await log_in("viewer")
    assert "Nothing waits for you" in said(await slack.command(user, "queue"))

    (await viewer.delete("/api/v1/slack/link")).raise_for_status()

    assert "not linked" in said(await slack.command(user, "queue"))
    assert (await viewer.get("/api/v1/slack/link")).json()["slack_user_id"] is None
    assert (await viewer.delete("/api/v1/slack/link")).status_code == 404


async def test_key_gets_no_code(admin_key: httpx.AsyncClient) -> None:
    """A key has not shown that it is the member it acts for."""
    for answer in (
        await admin_key.post("/api/v1/slack/link-codes"),
        await admin_key.get("/api/v1/slack/link"),
        await admin_key.delete("/api/v1/slack/link"),
    ):
        assert (answer.status_code, answer.json()["error"]) == (403, "insufficient_scope")


async def test_queue_lists_what_waits_for_the_reader_alone(slack: Any, link: Any, asked: Any, log_in: Any) -> None:
    controller, viewer = await link("controller"), await link("viewer")
    await asked()
    mine = (await (await log_in("controller")).get("/api/v1/approvals?mine=true&limit=100")).json()["items"]

    listed = said(await slack.command(controller, "queue"))

    assert listed.count("needs approval") == min(len(mine), 10)
    assert (f"and {len(mine) - 10} more" in listed) == (len(mine) > 10)
    assert "Nothing waits for you" in said(await slack.command(viewer, "queue"))


async def test_unknown_words_are_answered_with_help(slack: Any, link: Any) -> None:
    user = await link("viewer")

    for text in ("", "help", "HELP", "please", "kill-switch off", "<!channel>"):
        assert "/axiru queue" in said(await slack.command(user, text))


@pytest.mark.parametrize("text", ["kill", "kill  ", "kill test", "kill both   ", "release", "release "])
async def test_kill_and_release_need_a_reason(slack: Any, link: Any, admin_key: httpx.AsyncClient, text: str) -> None:
    user = await link("controller")

    assert "A reason is needed" in said(await slack.command(user, text))
    assert await controls_in_force(admin_key) == []


@pytest.mark.parametrize("role", ["viewer", "support"])
async def test_role_without_controls_stops_nothing(
    slack: Any, link: Any, admin_key: httpx.AsyncClient, role: str
) -> None:
    user = await link(role)

    assert "may not stop" in said(await slack.command(user, "kill because I can"))
    assert "may not stop" in said(await slack.command(user, "release because I can"))
    assert await controls_in_force(admin_key) == []


async def test_stranger_stops_nothing(slack: Any, admin_key: httpx.AsyncClient) -> None:
    assert "not linked" in said(await slack.command("U_STRANGER", "kill because I can"))
    assert await controls_in_force(admin_key) == []


@pytest.mark.parametrize(
    ("text", "mode"), [("kill a drill", "both"), ("kill test a drill", "test"), ("KILL Live a drill", "live")]
)
async def test_kill_switch_is_engaged_and_released_by_command(
    slack: Any, link: Any, log_in: Any, caller: httpx.AsyncClient, refund: Any, text: str, mode: str
) -> None:
    user = await link("finance_manager")
    finance = await log_in("finance_manager")

    try:
        engaged = said(await slack.command(user, text))

        assert "is engaged" in engaged
        (control,) = await controls_in_force(finance)
        assert (control["mode"], control["reason"]) == (mode, "a drill")
        assert control["engaged_by"]["name"] == "Demo finance"
        decision = (await caller.post("/api/v1/decisions", json=refund())).json()
        assert decision["outcome"] == ("allowed" if mode == "live" else "denied")
        await slack.told(user, "No call to Stripe is under way any more")
    finally:
        released = said(await slack.command(user, "release the drill is over"))
    assert control["id"] in released
    assert await controls_in_force(finance) == []
    assert "No kill switch is engaged" in said(await slack.command(user, "release again"))


async def test_kill_command_that_comes_twice_engages_once(
    slack: Any, link: Any, http: httpx.AsyncClient, admin_key: httpx.AsyncClient, log_in: Any
) -> None:
    user = await link("controller")
    finance = await log_in("finance_manager")
    try:
        first = await slack.command(user, "kill live a drill")
        sent = first["sent"]

        again = await http.post(sent["path"], content=sent["body"], headers=sent["headers"])

        assert again.json() == first["body"]
        assert len(await controls_in_force(finance)) == 1
    finally:
        await slack.command(user, "release the drill is over")


async def test_kill_switch_is_announced_in_the_channel(slack: Any, link: Any) -> None:
    user = await link("controller")
    drill = f"a drill {uuid.uuid4().hex}"
    try:
        await slack.command(user, f"kill both {drill} for <!here> & all")

        async def announced() -> list[str] | None:
            texts = [one["text"] for one in (await slack.state())["messages"]]
            return [text for text in texts if f"{drill} for &lt;!here&gt; &amp; all" in text] or None

        found = await slack.eventually(announced)
        assert "Kill switch engaged* for test and live by Demo controller" in found[0]
        assert len(found) == 1
    finally:
        await slack.command(user, "release the drill is over")


async def test_what_is_told_later_reaches_people_in_channels_the_bot_is_not_in(slack: Any, link: Any) -> None:
    user = await link("controller")
    try:
        assert "is engaged" in said(await slack.command(user, "kill live a drill", channel="C_PRIVATE"))

        async def told() -> bool | None:
            direct = [one["text"] for one in (await slack.state())["messages"] if one["channel"] == user]
            return any("No call to Stripe is under way" in text for text in direct) or None

        await slack.eventually(told)
    finally:
        await slack.command(user, "release the drill is over")
