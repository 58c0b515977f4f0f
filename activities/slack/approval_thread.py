"""One message an approval: posted once, updated to what is true now, with its events as replies."""

from typing import Final

import msgspec

from activities.slack.turns import Turns
from axiru.database import row, rows
from axiru.slack.approval_message import approval_message
from axiru.slack.installations import SlackInstallation
from axiru.slack.message import SlackText
from axiru.slack.web_api import SlackAnswer, SlackWebApi
from ledger.approval_sheet import read_sheet

CLAIM_SECONDS: Final = 60
_ROUNDS: Final = 4
_CLAIMED_ELSEWHERE: Final = SlackAnswer(
    outcome="away", error="another worker is posting this message", retry_after_seconds=2.0
)
_GONE: Final = frozenset({"message_not_found", "channel_not_found", "cant_update_message", "is_archived"})


class Posted(msgspec.Struct, frozen=True):
    """Where the message is."""

    channel_id: str
    ts: str


class ApprovalMessages:
    """Posts, updates and replies; one at a time for each approval."""

    def __init__(self, console_url: str) -> None:
        self._console_url = console_url
        self._turns = Turns()

    async def show(
        self, approval_id: str, installation: SlackInstallation, api: SlackWebApi, reply: SlackText | None
    ) -> SlackAnswer:
        """Bring the message up to date, then say `reply` below it."""
        async with self._turns.of(approval_id):
            return await self._show(approval_id, installation, api, reply)

    async def _show(
        self, approval_id: str, installation: SlackInstallation, api: SlackWebApi, reply: SlackText | None
    ) -> SlackAnswer:
        answer = SlackAnswer(outcome="refused", error="there is no such approval")
        shown: SlackText | None = None
        for _ in range(_ROUNDS):
            sheet = await read_sheet(approval_id)
            if sheet is None:
                return answer
            wanted = approval_message(sheet, self._console_url)
            if wanted == shown:
                break
            answer = await self._bring(approval_id, wanted, installation, api)
            if answer.outcome != "ok":
                return answer
            # Read again: a worker that was slower must not leave an older state standing.
            shown = wanted
        posted = await _posted(approval_id)
        if reply is None or posted is None:
            return answer
        where = {"channel": posted.channel_id, "thread_ts": posted.ts}
        return await api.call("chat.postMessage", {**where, **reply.arguments()})

    async def _bring(
        self, approval_id: str, wanted: SlackText, installation: SlackInstallation, api: SlackWebApi
    ) -> SlackAnswer:
        posted = await _posted(approval_id)
        if posted is not None:
            where = {"channel": posted.channel_id, "ts": posted.ts}
            answer = await api.call("chat.update", {**where, **wanted.arguments()})
            if answer.outcome != "refused" or answer.error not in _GONE:
                return answer
            await _let_go(approval_id, posted.ts)
        if not await _claim(approval_id, installation):
            return _CLAIMED_ELSEWHERE
        answer = await api.call("chat.postMessage", {"channel": installation.channel_id, **wanted.arguments()})
        if answer.outcome == "ok":
            await _keep(approval_id, str(answer.body.get("channel")), str(answer.body.get("ts")))
        else:
            await _let_go(approval_id, "")
        return answer


async def _posted(approval_id: str) -> Posted | None:
    found = await row("SELECT channel_id, ts FROM slack_messages WHERE approval_id = {} AND ts <> ''", approval_id)
    return msgspec.convert(found, Posted) if found else None


async def _claim(approval_id: str, installation: SlackInstallation) -> bool:
    """Take the right to post; a worker that died with it loses it after `CLAIM_SECONDS`."""
    claimed = await rows(
        """
        INSERT INTO slack_messages AS held (approval_id, organization_id, team_id, channel_id, ts, posted_at)
        VALUES ({}, {}, {}, {}, '', clock_timestamp())
        ON CONFLICT (approval_id) DO UPDATE SET team_id = excluded.team_id, channel_id = excluded.channel_id,
            ts = '', posted_at = excluded.posted_at
        WHERE held.ts = '' AND held.posted_at < clock_timestamp() - make_interval(secs => {})
        RETURNING approval_id
        """,
        approval_id,
        installation.organization_id,
        installation.team_id,
        installation.channel_id,
        CLAIM_SECONDS,
    )
    return bool(claimed)


async def _keep(approval_id: str, channel_id: str, ts: str) -> None:
    await rows(
        "UPDATE slack_messages SET channel_id = {}, ts = {}, posted_at = clock_timestamp() WHERE approval_id = {}",
        channel_id,
        ts,
        approval_id,
    )


async def _let_go(approval_id: str, ts: str) -> None:
    """Anybody may post it (again) at once."""
    await rows(
        "UPDATE slack_messages SET ts = '', posted_at = '-infinity' WHERE approval_id = {} AND ts = {}",
        approval_id,
        ts,
    )
