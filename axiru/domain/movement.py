"""The OVT: one movement of money, as every room knows it, whichever door it came in by."""

from typing import Any, Literal

import msgspec

from axiru.domain.currency import CURRENCIES
from axiru.domain.mandate import RAIL as MANDATED
from axiru.domain.mandate import Mandate

Mode = Literal["test", "live"]
Execute = Literal["caller", "axiru"]

SURFACES: frozenset[str] = frozenset(
    {
        "stripe.refund",
        "stripe.credit",
        "stripe.adjustment",
        "stripe.payout",
        "stripe.transfer",
        "stripe.app_fee_refund",
        "stripe.dispute",
        "stripe_daa.agent_payment",
        "stripe_daa.agent_payout",
        "x402.payment",
        "ap2.payment",
    }
)
"""Every `rail.rail_action` there is. `credit` and `adjustment` are decided and sealed, and never executed."""


class Amount(msgspec.Struct, frozen=True):
    """A quantity of an asset in its smallest unit.

    `units` is a decimal string, not an integer, because assets with 18 decimals pass the 2^53 that JSON readers agree
    on (RFC 8785 §3.2.2.3). `asset` is a lower-case ISO 4217 code or a CAIP-19 id; `exponent` counts its decimals.
    """

    units: str
    asset: str
    exponent: int = 2

    @property
    def minor_units(self) -> int:
        return int(self.units)

    @property
    def cents(self) -> int | None:
        """As `amount_cents` of answers: minor units of a currency; None for any other asset, whose units may be more
        than a JSON number can hold."""
        return self.minor_units if self.asset in CURRENCIES else None


class Initiator(msgspec.Struct, frozen=True):
    """Who asks: an agent, a service holding an API key, or a person.

    `lineage` are the agents above the one that asks, nearest first; `named_lineage` are those above other agents that
    the request names. Both are looked up when the request comes in.
    """

    kind: str
    id: str
    scopes: tuple[str, ...] = ()
    lineage: tuple[str, ...] = ()
    named_lineage: tuple[str, ...] = ()

    @property
    def root(self) -> str:
        """Whose windows count: those below share them, so that nobody has more by passing authority on. Another
        spelling of an id has no window of its own."""
        root = self.lineage[-1] if self.lineage else self.id
        return folded_agent(root) or root

    @property
    def counted(self) -> tuple[str, ...]:
        """Those whose movements count in a window per initiator, as `root` was written of them at the time.

        What an agent spent before it was put under another counts as well, for it and for those below it.
        """
        line = (self.id, *self.lineage)
        return tuple(dict.fromkeys((self.root, *line, *map(folded_agent, line))))


class Counterparty(msgspec.Struct, frozen=True):
    """Who receives. Absent facts stay None: a rule that needs one sees it as unknown, never as empty."""

    id: str | None = None
    stripe_account_id: str | None = None
    country: str | None = None


class Merchant(msgspec.Struct, frozen=True):
    """On whose account the money moves."""

    stripe_connection_id: str | None = None
    stripe_account_id: str | None = None


class Target(msgspec.Struct, frozen=True):
    """The object on the rail that the movement acts on.

    What the border found out about it when Axiru is to execute is part of what is decided: how a payout is taken back
    (`payout_action`: cancel or reverse), and which evidence (`packet`, by id and digest) is submitted.
    """

    charge: str | None = None
    payment_intent: str | None = None
    destination: str | None = None
    payout: str | None = None
    transfer: str | None = None
    dispute: str | None = None
    dispute_action: str | None = None
    application_fee: str | None = None
    payout_action: str | None = None
    packet: str | None = None
    packet_digest: str | None = None


class Context(msgspec.Struct, frozen=True):
    """What the caller knows about the case."""

    customer_id: str | None = None
    customer_email: str | None = None
    customer_tenure_days: int | None = None
    reason_code: str | None = None
    source: str | None = None
    extra: dict[str, Any] = msgspec.field(default_factory=dict)


class Ovt(msgspec.Struct, frozen=True):
    """One requested movement of money, complete: what is decided, shown to approvers and built into the Stripe call."""

    rail: str
    rail_action: str
    amount: Amount
    initiator: Initiator
    idempotency_key: str | None = None
    counterparty: Counterparty = Counterparty()
    merchant: Merchant = Merchant()
    target: Target = Target()
    context: Context = Context()
    metadata: dict[str, str] = msgspec.field(default_factory=dict)
    execute: Execute = "caller"
    mandate: Mandate | None = None

    @property
    def surface(self) -> str:
        """`rail.rail_action`, the name under which a surface is set to shadow or enforce and may be frozen."""
        return f"{self.rail}.{self.rail_action}"

    @property
    def payee(self) -> str | None:
        """Whose windows count as the receiver's."""
        return payee_of(self.rail, self.counterparty)


def payee_of(rail: str, paid: Counterparty) -> str | None:
    """Who is paid: whom the mandate names, or else the account.

    A name that is only said beside an account is another one each time, if its caller wants more than one window.
    """
    names = (paid.id, paid.stripe_account_id) if rail == MANDATED else (paid.stripe_account_id, paid.id)
    return names[0] or names[1] or None


def account_said(rail: str, paid: Counterparty) -> str | None:
    """The account beside a payee whom a mandate names: it is the agent's word, no mandate says that it is theirs."""
    return paid.stripe_account_id if rail == MANDATED and paid.stripe_account_id != paid.id else None


def named_agents(ovt: Ovt) -> tuple[str, ...]:
    """The agents that a request names beside who asks. An id that came as a number is the same id."""
    found = (ovt.context.extra.get("agent_id"), ovt.metadata.get("agent_id"))
    return tuple(str(one) for one in found if isinstance(one, str | int))


def folded_agent(agent_id: str) -> str:
    """An agent's id as ids are compared: another spelling is no other agent."""
    return agent_id.strip().lower()


def for_account(ovt: Ovt, connection_account_id: str | None) -> Ovt:
    """`ovt` with the connection's own account as its merchant where the request names none."""
    if ovt.merchant.stripe_account_id or not connection_account_id:
        return ovt
    merchant = msgspec.structs.replace(ovt.merchant, stripe_account_id=connection_account_id)
    return msgspec.structs.replace(ovt, merchant=merchant)
