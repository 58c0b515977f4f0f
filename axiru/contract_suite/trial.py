"""One window: ask while the connection is cut, count, heal, and see everything held go through once."""

import asyncio
import contextlib
import time
from collections.abc import Sequence
from typing import Any, Final

import httpx
import msgspec
from axiru_client import AxiruClientError, Decision

from axiru.contract_suite.callers import Callers
from axiru.contract_suite.cases import AGENT_PAYMENT, Window
from axiru.contract_suite.journal import Journal, MoneyCall
from axiru.contract_suite.movements import Movement, Movements
from axiru.contract_suite.target import Target
from axiru.contract_suite.twin import Twin
from axiru.contract_suite.verdict import Row, Told

_PREPARED_SECONDS: Final = 60.0
_HEALED_SECONDS: Final = 90.0
_POLL_SECONDS: Final = 0.3


class Outcome(msgspec.Struct):
    """What is known of one movement so far. `jti`: a token that its agent had before the cut."""

    movement: Movement
    packet_known: bool = False
    told: Told = Told()
    calls_while_cut: int = 0
    answers: dict[str, str] = {}
    jti: str = ""
    leaves_while_cut: int = 0
    leaves_after: int = 0


class Trial:
    """Holds what every window needs."""

    def __init__(self, target: Target, twin: Twin, journal: Journal, movements: Movements, callers: Callers) -> None:
        self._target = target
        self._twin = twin
        self._journal = journal
        self._movements = movements
        self._callers = callers

    async def run(self, window: Window) -> list[Row]:
        """The rows of one window. Whatever happens, the connection is whole again afterwards."""
        outcomes = await self._prepared(window)
        before = {call.id for call in await self._journal.money_calls()}
        try:
            await self._twin.cut(window.part, window.manner)
            told = await asyncio.gather(*(self._ask_and_settle(outcome) for outcome in outcomes))
            # Whatever was set off in the background has its chance to do wrong before anybody counts.
            await asyncio.sleep(1.0)
            calls = await self._calls_since(before)
        finally:
            await self._twin.heal(window.part)
        for outcome, one in zip(outcomes, told, strict=True):
            outcome.told = one
            outcome.calls_while_cut = sum(outcome.movement.made(call) for call in calls)
        await self._healed()
        for outcome in outcomes:
            outcome.leaves_after = sum([await self._may_settle(outcome) for _ in range(2)])
        if window.surface_mode == "enforce":
            await self._settle(outcomes)
        after = await self._calls_since(before)
        return [_row(window, outcome, after) for outcome in outcomes]

    async def _prepared(self, window: Window) -> list[Outcome]:
        outcomes = [Outcome(await self._movements.make(*asked)) for asked in window.asked]
        await self._know_surfaces(window)
        await asyncio.gather(*(self._keep_packet(outcome) for outcome in outcomes if outcome.movement.dispute))
        for outcome in outcomes:
            if outcome.movement.action == AGENT_PAYMENT:
                before = await self._callers.ask(outcome.movement, f"{outcome.movement.key}_before")
                outcome.jti = str(before.raw.get("jti", ""))
        return outcomes

    async def _ask_and_settle(self, outcome: Outcome) -> Told:
        told, settled = await asyncio.gather(self._ask(outcome.movement), self._may_settle(outcome))
        outcome.leaves_while_cut = int(settled)
        return told

    async def _may_settle(self, outcome: Outcome) -> bool:
        return bool(outcome.jti) and await self._callers.may_settle(outcome.jti)

    async def _know_surfaces(self, window: Window) -> None:
        """Until the clients have the documents that say how surfaces are now. Raises TimeoutError."""
        actions = {action for action, _ in window.asked}
        async with asyncio.timeout(_PREPARED_SECONDS):
            while True:
                if await self._callers.know(actions, window.surface_mode):
                    return
                await asyncio.sleep(_POLL_SECONDS)

    async def _keep_packet(self, outcome: Outcome) -> None:
        """Wait for the packet that Axiru builds from Stripe's event, as a caller does who is told of disputes."""
        deadline = time.monotonic() + _PREPARED_SECONDS
        while not outcome.packet_known and time.monotonic() < deadline:
            outcome.packet_known = await self._callers.keep_packet(outcome.movement.dispute or "") is not None
            await asyncio.sleep(0 if outcome.packet_known else _POLL_SECONDS)

    async def _ask(self, movement: Movement) -> Told:
        try:
            decision = await self._callers.ask(movement)
        except AxiruClientError as error:
            return Told(raised=f"{type(error).__name__}: {error}")
        return _told(decision, kept=movement.key in await self._callers.held_keys())

    async def _calls_since(self, before: set[str]) -> list[MoneyCall]:
        return [call for call in await self._journal.money_calls() if call.id not in before]

    async def _healed(self) -> None:
        """Until the twin says that every part is there. Raises TimeoutError."""
        async with asyncio.timeout(_HEALED_SECONDS), httpx.AsyncClient(timeout=5, trust_env=False) as http:
            while True:
                with contextlib.suppress(httpx.HTTPError):
                    if (await http.get(f"{self._twin.direct_url}/readyz")).status_code == 200:
                        return
                await asyncio.sleep(_POLL_SECONDS)

    async def _settle(self, outcomes: Sequence[Outcome]) -> None:
        """Ask again for what was held until all of it is answered, twice over, and wait for what Axiru executes."""
        deadline = time.monotonic() + _HEALED_SECONDS
        waiting = {outcome.movement.key: outcome for outcome in outcomes}
        while any(not outcome.answers for outcome in waiting.values()) and time.monotonic() < deadline:
            for decision in await self._callers.retry_holds():
                _note(waiting, decision)
            unanswered = [outcome for outcome in waiting.values() if not outcome.answers]
            for outcome in unanswered if not await self._callers.held_keys() else ():
                await self._again(outcome, waiting)
            await asyncio.sleep(0 if not unanswered else _POLL_SECONDS)
        for outcome in waiting.values():
            await self._again(outcome, waiting)
        await asyncio.gather(
            *(self._until_final(decision_id, deadline) for outcome in outcomes for decision_id in outcome.answers)
        )

    async def _again(self, outcome: Outcome, waiting: dict[str, Outcome]) -> None:
        """The same request once more: it has to be the same decision."""
        with contextlib.suppress(AxiruClientError):
            _note(waiting, await self._callers.ask(outcome.movement))

    async def _until_final(self, decision_id: str, deadline: float) -> None:
        key = self._target.dev.api_keys["decisions"]
        async with httpx.AsyncClient(
            base_url=self._target.dev.api_url, headers={"Authorization": f"Bearer {key}"}, timeout=40, trust_env=False
        ) as http:
            while time.monotonic() < deadline:
                found: dict[str, Any] = (await http.get(f"/api/v1/decisions/{decision_id}", params={"wait": 10})).json()
                if found.get("execute") != "axiru" or found.get("state") not in ("allowed", "approved", "executing"):
                    return


def _note(waiting: dict[str, Outcome], decision: Decision) -> None:
    if decision.reachable and decision.decision_id and decision.idempotency_key in waiting:
        waiting[decision.idempotency_key].answers[decision.decision_id] = decision.outcome


def _told(decision: Decision, *, kept: bool) -> Told:
    return Told(
        outcome=decision.outcome,
        reachable=decision.reachable,
        may_execute=decision.may_execute,
        advisory_failed=decision.advisory_failed,
        degraded=decision.degraded,
        has_packet=decision.packet is not None,
        kept=kept,
        cause=decision.unreachable.cause if decision.unreachable else "",
    )


def _row(window: Window, outcome: Outcome, calls: Sequence[MoneyCall]) -> Row:
    mine = [call for call in calls if outcome.movement.made(call)]
    return Row(
        part=window.part,
        manner=window.manner,
        surface_mode=window.surface_mode,
        action=outcome.movement.action,
        execute=outcome.movement.execute,
        told=outcome.told,
        calls_while_cut=outcome.calls_while_cut,
        packet_known=outcome.packet_known,
        answers_after=len(outcome.answers),
        outcome_after=next(iter(outcome.answers.values()), ""),
        calls_after=sum(call.executed for call in mine),
        leaves_while_cut=outcome.leaves_while_cut,
        leaves_after=outcome.leaves_after,
    )
