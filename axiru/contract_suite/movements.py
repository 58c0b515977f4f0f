"""The movements that are asked for: each with a target of its own, so that its calls to Stripe can be told apart."""

import itertools
from typing import Any, assert_never

import msgspec
from axiru_client import DecideOptions

from axiru.contract_suite.cases import Action, Execute
from axiru.contract_suite.journal import Journal, MoneyCall
from axiru.contract_suite.refusal import SuiteCannotRun

_FEE_CENTS = 1


class Movement(msgspec.Struct, frozen=True, kw_only=True):
    """One request, and how its calls look in the sandbox's journal."""

    action: Action
    execute: Execute
    amount_cents: int
    key: str
    options: dict[str, Any]
    path: str
    marks: dict[str, str]
    dispute: str | None = None

    def made(self, call: MoneyCall) -> bool:
        """Whether a money call belongs to this movement."""
        return call.path in {self.path, f"{self.path}/close"} and all(
            call.params.get(name) == value for name, value in self.marks.items()
        )

    def decide_options(self, connection_id: str) -> DecideOptions:
        """What the client is given beside action, amount and key."""
        options: DecideOptions = {
            "connection": connection_id,
            "execute": self.execute,
            "source": "contract_suite",
            "context": {"customer_tenure_days": 400, "reason_code": "requested_by_customer"},
            **self.options,  # type: ignore[typeddict-item]
        }
        return options


class Movements:
    """Makes movements; no two of one run have the same amount, but for fees, of which there are few."""

    def __init__(self, journal: Journal, run_id: str) -> None:
        self._journal = journal
        self._run_id = run_id
        self._numbers = itertools.count(1)
        self._fees: dict[Execute, str] = {}
        self._account = ""

    async def prepare(self) -> None:
        """Find what can be acted on. Raises SuiteCannotRun, httpx.HTTPError."""
        fees = await self._journal.fees(100)
        if len(fees) < 2:
            raise SuiteCannotRun("The sandbox has no two application fees left to give back: start a --fresh stack.")
        self._fees = {"caller": fees[0], "axiru": fees[1]}
        try:
            self._account = await self._journal.connected_account()
        except LookupError as error:
            raise SuiteCannotRun(f"There is nobody to transfer to: {error}.") from error

    async def make(self, action: Action, execute: Execute) -> Movement:
        """A movement that Stripe would take. Raises httpx.HTTPError."""
        number = next(self._numbers)
        amount = 1_000 + number
        match action:
            case "refund":
                charge = await self._journal.new_charge(amount)
                named: dict[str, Any] = {"charge": charge}
                path, marks = "/v1/refunds", {"charge": charge}
            case "payout":
                named, path, marks = {}, "/v1/payouts", {"amount": str(amount)}
            case "transfer":
                named = {"destination": self._account}
                path, marks = "/v1/transfers", {"amount": str(amount), "destination": self._account}
            case "app_fee_refund":
                amount, fee = _FEE_CENTS, self._fees[execute]
                named, path, marks = {"application_fee": fee}, f"/v1/application_fees/{fee}/refunds", {}
            case "dispute":
                dispute = await self._journal.new_dispute(amount)
                named, path, marks = {"dispute": dispute}, f"/v1/disputes/{dispute}", {}
            case "agent_payment":
                # An agent of its own: the windows of another say nothing about this one.
                agent = {"kind": "agent", "id": f"agent_contract_suite_{self._run_id}_{number}"}
                named, path, marks = {"initiator": agent}, "/v1/payment_intents", {"amount": str(amount)}
            case never:
                assert_never(never)
        return Movement(
            action=action,
            execute=execute,
            amount_cents=amount,
            key=f"contract_suite_{self._run_id}_{number}",
            options=named,
            path=path,
            marks=marks,
            dispute=named.get("dispute"),
        )
