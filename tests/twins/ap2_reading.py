"""One wallet, constraints that it likes to use, and what is read of what it shows."""

from datetime import UTC, datetime
from typing import Any

from ap2_wallet import AUDIENCE, NONCE, Wallet

from axiru.domain.ap2 import Presented, ReadMandate, read_mandate
from axiru.domain.ap2_chain import TrustedIssuer
from axiru.domain.movement import Amount

Json = dict[str, Any]
WALLET = Wallet()
RANGE = {"type": "payment.amount_range", "currency": "USD", "max": 20_000}
BUDGET = {"type": "payment.budget", "currency": "USD", "max": 300}
MONTHLY = {"type": "payment.agent_recurrence", "frequency": "MONTHLY", "max_occurrences": 3}


def read(shown: Json, units: int = 10_000, asset: str = "usd", wallet: Wallet = WALLET, **changed: Any) -> ReadMandate:
    presented = Presented(
        changed.pop("mandate", shown["mandate"]), AUDIENCE, NONCE, changed.pop("checkout", shown["checkout_mandate"])
    )._replace(**changed)
    trusted = [TrustedIssuer("ai_1", wallet.name, wallet.issuer.public)]
    return read_mandate(presented, Amount(str(units), asset), issuers=trusted, now=datetime.now(UTC))


def refusal(*constraints: Json, payment: Json | None = None, **opened: Any) -> str | None:
    return read(WALLET.shown(*constraints, payment=payment, **opened)).mandate.refusal
