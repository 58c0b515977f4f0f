"""What every act on a connection shares: who and what it is about, and how a change is sealed and told."""

from collections.abc import Mapping
from typing import Any, Literal

from axiru.database import row
from axiru.domain.movement import Mode
from axiru.errors import AxiruError
from ledger.acts.chain import Act, salted
from ledger.acts.vote import ReasonRequired

WriteAction = Literal["refund", "payout", "transfer", "app_fee_refund", "dispute"]

ConnectionChange = Literal[
    "connected",
    "reconnected",
    "revoked",
    "disconnected",
    "granted",
    "grant_revoked",
    "renamed",
    "made_default",
    "account_changed",
]


class ConnectionNotFound(AxiruError):
    """There is no such connection in this organization."""

    code = "not_found"


class ConnectionNotActive(AxiruError):
    """The connection was revoked or disconnected: nothing can be done with it before it is connected again."""

    code = "conflict"


def seal_change(
    acting: Act,
    connection_id: str,
    status: str,
    change: ConnectionChange,
    facts: Mapping[str, Any],
    personal: Mapping[str, Any] | None = None,
) -> None:
    """Seal one change and tell it; `personal` goes in as commitments."""
    data = {"connection_id": connection_id, "change": change, "status": status, **facts}
    acting.seal("connection", data, personal=salted(personal or {}))
    acting.tell("connection", {"connection_id": connection_id, "status": status, "change": change})


def check_reason(reason: str) -> None:
    """Raises ReasonRequired for one that says nothing."""
    if not reason.strip():
        raise ReasonRequired("Say why.", field="reason")


def check_active(found: Mapping[str, Any]) -> None:
    """Raises ConnectionNotActive."""
    if found["status"] != "active":
        raise ConnectionNotActive(
            f"This connection is {found['status']}. Connect the account again first.", state=found["status"]
        )


async def mode_of(connection_id: str, organization_id: str) -> Mode:
    """The mode of one of the organization's connections. Raises ConnectionNotFound."""
    found = await row(
        "SELECT mode FROM stripe_connections WHERE id = {} AND organization_id = {}", connection_id, organization_id
    )
    if found is None:
        raise ConnectionNotFound("There is no such connection.")
    mode: Mode = found["mode"]
    return mode


async def read_connection(connection_id: str) -> dict[str, Any]:
    """What a change depends on, as it is behind the lock of the chain. Raises ConnectionNotFound."""
    found = await row(
        "SELECT status, name, write_actions, is_default FROM stripe_connections WHERE id = {}", connection_id
    )
    if found is None:
        raise ConnectionNotFound("There is no such connection.")
    return found
