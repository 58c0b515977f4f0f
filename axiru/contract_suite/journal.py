"""What Stripe was asked to do with money: the sandbox's own record of received requests."""

import re
from typing import Any, Final

import httpx
import msgspec

MONEY_PATHS: Final = re.compile(
    r"/v1/(refunds|payouts|payouts/[^/]+/(cancel|reverse)|transfers|transfers/[^/]+/reversals"
    r"|application_fees/[^/]+/refunds|disputes/[^/]+(/close)?)"
)
"""POSTs that move money or give it up. Updates of a payout or a transfer move none, evidence that is staged neither."""

_HEADERS: Final = {"Authorization": "Bearer sk_test_contract_suite"}


class MoneyCall(msgspec.Struct, frozen=True):
    """One such request. `executed`: answered with success, and not from memory."""

    id: str
    path: str
    params: dict[str, Any]
    executed: bool


class Journal:
    """Reads the journal of the sandbox at `url`."""

    def __init__(self, url: str) -> None:
        self._http = httpx.AsyncClient(base_url=url, timeout=10, trust_env=False)

    async def close(self) -> None:
        await self._http.aclose()

    async def money_calls(self) -> list[MoneyCall]:
        """All that were received so far."""
        found = await self._http.get("/_sandbox/requests", params={"method": "POST"})
        return [
            MoneyCall(
                request["request_id"],
                request["path"],
                request["params"],
                request["status"] == 200 and not request["replayed"],
            )
            for request in found.raise_for_status().json()["data"]
            if MONEY_PATHS.fullmatch(request["path"]) and request["params"].get("submit") != "false"
        ]

    async def new_charge(self, amount_cents: int) -> str:
        """A charge to refund, on the account of the demo connection."""
        form = {"amount": str(amount_cents), "currency": "usd", "source": "tok_visa"}
        made = await self._http.post("/v1/charges", data=form, headers=_HEADERS)
        return str(made.raise_for_status().json()["id"])

    async def new_dispute(self, amount_cents: int) -> str:
        """A dispute of a new charge, with all its time before it."""
        dispute = {"charge": await self.new_charge(amount_cents), "reason": "product_not_received"}
        return str((await self._http.post("/_sandbox/disputes", json=dispute)).raise_for_status().json()["id"])

    async def fees(self, remaining_cents: int) -> list[str]:
        """Application fees of which so much can still be given back."""
        found = await self._http.get("/v1/application_fees", params={"limit": "100"}, headers=_HEADERS)
        return [
            fee["id"]
            for fee in found.raise_for_status().json()["data"]
            if fee["amount"] - fee["amount_refunded"] >= remaining_cents
        ]

    async def connected_account(self) -> str:
        """One that takes transfers in dollars. Raises LookupError where there is none."""
        found = await self._http.get("/v1/accounts", params={"limit": "100"}, headers=_HEADERS)
        accounts = found.raise_for_status().json()["data"]
        for account in accounts:
            if account["default_currency"] == "usd":
                return str(account["id"])
        raise LookupError("the sandbox has no connected account in dollars")
