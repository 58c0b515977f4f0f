"""The callers that are tried: a backend that asks for decisions, and an agent's with the code that settles."""

import httpx
from axiru_client import AsyncAxiru, Decision, EvidencePacket

from axiru.contract_suite.cases import AGENT_PAYMENT, AGENT_RAIL, Action, SurfaceMode, surface_of
from axiru.contract_suite.movements import Movement

CONNECTION = "stripe_conn_demo"


class Callers:
    """What asks, by way of the twin: each with a key, holds and a fail-safe document of its own."""

    def __init__(self, backend: AsyncAxiru, agents: AsyncAxiru, settling: httpx.AsyncClient) -> None:
        self._backend = backend
        self._agents = agents
        self._settling = settling

    async def ask(self, movement: Movement, key: str | None = None) -> Decision:
        """Ask, under the movement's key unless another is named. Raises AxiruClientError."""
        if movement.action == AGENT_PAYMENT:
            return await self._agents.authorize(
                AGENT_RAIL,
                movement.action,
                movement.amount_cents,
                "usd",
                initiator=movement.options["initiator"],
                idempotency_key=key or movement.key,
            )
        return await self._backend.decide(
            movement.action,
            movement.amount_cents,
            "usd",
            key or movement.key,
            **movement.decide_options(CONNECTION),
        )

    async def may_settle(self, jti: str) -> bool:
        """Whether the token gave leave; without an answer there is none."""
        try:
            return (await self._settling.post(f"/api/v1/authorizations/{jti}/consume")).status_code == 200
        except httpx.HTTPError:
            return False

    async def held_keys(self) -> set[str]:
        return {hold.idempotency_key for client in self._both for hold in await client.holds()}

    async def retry_holds(self) -> list[Decision]:
        """Raises AxiruClientError."""
        return [decision for client in self._both for decision in await client.retry_holds()]

    async def know(self, actions: set[Action], surface_mode: SurfaceMode) -> bool:
        """Fetch the fail-safe documents; whether both say that these surfaces are so."""
        for client in self._both:
            document = await client.refresh_fail_safe()
            named = {surface_of(action) for action in actions}
            if document is None or {document.surfaces.get(name) for name in named} != {surface_mode}:
                return False
        return True

    async def keep_packet(self, dispute: str) -> EvidencePacket | None:
        return await self._backend.keep_packet(dispute)

    @property
    def _both(self) -> tuple[AsyncAxiru, AsyncAxiru]:
        return self._backend, self._agents
