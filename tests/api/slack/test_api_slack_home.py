"""The App Home: what waits for its reader, with buttons that work there."""

from typing import Any

import httpx

from axiru.slack.buttons import APPROVE


async def home(slack: Any, user: str, text: str, *, gone: bool = False) -> dict[str, Any]:
    async def look() -> dict[str, Any] | None:
        view: dict[str, Any] = (await slack.state())["homes"].get(user, {"blocks": []})
        return view if view["blocks"] and (text in str(view)) != gone else None

    found: dict[str, Any] = await slack.eventually(look)
    return found


async def answer_all(controller: httpx.AsyncClient) -> None:
    """Leave nothing that waits, so that what is asked next stands in the App Home."""
    while waiting := (await controller.get("/api/v1/approvals?mine=true&limit=100")).json()["items"]:
        for approval in waiting:
            answer = await controller.post(
                f"/api/v1/approvals/{approval['approval_id']}/deny", json={"reason": "making room"}
            )
            answer.raise_for_status()


async def test_stranger_is_shown_how_to_link_and_nothing_else(slack: Any, asked: Any) -> None:
    await asked()

    reply = await slack.open_home("U_STRANGER")

    assert reply["status"] == 200
    view = await home(slack, "U_STRANGER", "/axiru link CODE")
    assert len(view["blocks"]) == 1


async def test_open_approval_appears_and_goes_with_the_vote_that_closes_it(
    slack: Any, asked: Any, link: Any, log_in: Any, admin_key: httpx.AsyncClient
) -> None:
    user = await link("controller")
    await answer_all(await log_in("controller"))
    decision = await asked()

    view = await home(slack, user, decision["approval_id"])
    value = next(
        element["value"]
        for block in view["blocks"]
        if block["type"] == "actions"
        for element in block["elements"]
        if element["action_id"] == APPROVE
    )
    reply = await slack.press_at_home(user, APPROVE, value)

    assert reply["status"] == 200
    seen = (await admin_key.get(f"/api/v1/approvals/{decision['approval_id']}")).json()
    assert (seen["state"], seen["votes"][0]["door"]) == ("approved", "slack")
    await home(slack, user, decision["approval_id"], gone=True)


async def test_home_is_published_when_it_is_opened(slack: Any, link: Any, asked: Any, log_in: Any) -> None:
    user = await link("controller")
    await answer_all(await log_in("controller"))
    decision = await asked()
    await home(slack, user, decision["approval_id"])
    published = len([one for one in (await slack.state())["calls"] if one["method"] == "views.publish"])

    reply = await slack.open_home(user)

    assert (reply["status"], reply["body"]) == (200, "")

    async def again() -> bool | None:
        calls = [one for one in (await slack.state())["calls"] if one["method"] == "views.publish"]
        return len(calls) > published or None

    await slack.eventually(again)
