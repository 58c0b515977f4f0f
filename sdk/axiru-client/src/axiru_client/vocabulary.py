"""The words that callers and Axiru share."""

from typing import Final, Literal

Action = Literal["refund", "payout", "transfer", "app_fee_refund", "dispute"]
Outcome = Literal["allow", "review", "deny", "hold"]
Execute = Literal["caller", "axiru"]
Mode = Literal["test", "live"]
WhenUnreachable = Literal["hold", "allow", "last_good_packet"]

UnreachableCause = Literal[
    "connection_failed", "timed_out", "server_error", "rate_limited", "invalid_answer", "endpoint_missing"
]
"""Why there is no answer: no connection (TLS included), none in time, a 5xx, 429 until the deadline, something that is
no answer of Axiru's, or an Axiru without this endpoint."""

DEFAULTS: Final[dict[str, WhenUnreachable]] = {
    "refund": "hold",
    "payout": "hold",
    "transfer": "hold",
    "app_fee_refund": "hold",
    "dispute": "last_good_packet",
}
"""What becomes of an action when Axiru cannot be reached and nothing it signed says otherwise. All else holds."""

OUTCOMES: Final[dict[object, Outcome]] = {
    "allow": "allow",
    "allowed": "allow",
    "review": "review",
    "pending_approval": "review",
    "quarantine": "review",
    "deny": "deny",
    "denied": "deny",
}
"""Axiru's outcomes in each of its vocabularies. A word that is not here is no answer."""
