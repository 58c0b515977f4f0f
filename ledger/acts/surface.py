"""Surface: whether one kind of movement is only looked at or enforced. Going to enforce is guarded by agreement."""

from datetime import datetime, timedelta
from typing import Final

import msgspec

from axiru.database import row, rows
from axiru.domain.decision import SurfaceMode
from axiru.domain.movement import Mode
from axiru.errors import AxiruError
from ledger.acts.chain import Act, act
from ledger.entry import EntrySigner

AGREEMENT_DAYS: Final = 7
AGREEMENT_PERCENT: Final = 98


class ConnectionUnknown(AxiruError):
    """The organization has no such connection in this mode."""

    code = "not_found"


class AgreementTooLow(AxiruError):
    """Too few decisions of the last days agreed, or nothing was compared; `override_reason` says why it goes ahead."""

    code = "conflict"


class Agreement(msgspec.Struct, frozen=True):
    """Of the decisions that a second version looked at, how many it would have made alike."""

    decisions: int
    agreed: int

    @property
    def rate_percent(self) -> float | None:
        """None where nothing was compared. Cut, not rounded: 97.99 is below 98."""
        return self.agreed * 10_000 // self.decisions / 100 if self.decisions else None

    @property
    def suffices(self) -> bool:
        return self.decisions > 0 and self.agreed * 100 >= self.decisions * AGREEMENT_PERCENT


class SurfaceReceipt(msgspec.Struct, frozen=True):
    """A surface as it was sealed; `changed` is False where it had this mode already and nothing was sealed."""

    surface: str
    stripe_connection_id: str | None
    mode: Mode
    surface_mode: SurfaceMode
    changed: bool
    at: datetime


async def set_surface(
    surface: str,
    surface_mode: SurfaceMode,
    *,
    organization_id: str,
    mode: Mode,
    member_id: str,
    stripe_connection_id: str | None,
    reason: str,
    override_reason: str | None,
    signer: EntrySigner,
) -> SurfaceReceipt:
    """Set `surface` (`rail.rail_action`), for one connection or (None) for all that have no word of their own.

    In force before it is acknowledged: decisions take the same lock. Raises ConnectionUnknown and AgreementTooLow.
    """
    rail, _, rail_action = surface.partition(".")
    async with act(signer, organization_id, mode) as setting:
        if stripe_connection_id is not None:
            await check_connection(stripe_connection_id, organization_id, mode)
        before = await _mode_of(setting, rail, rail_action, stripe_connection_id)
        receipt = SurfaceReceipt(surface, stripe_connection_id, mode, surface_mode, before != surface_mode, setting.now)
        if not receipt.changed:
            return receipt
        agreement = await read_agreement(
            organization_id, mode, rail, rail_action, stripe_connection_id, until=setting.now
        )
        if surface_mode == "enforce" and not agreement.suffices and not override_reason:
            raise AgreementTooLow(
                f"{_told(agreement)} Below {AGREEMENT_PERCENT} % in {AGREEMENT_DAYS} days it takes an override_reason.",
                state=before or "shadow",
                rate_percent=agreement.rate_percent,
                decisions=agreement.decisions,
            )
        setting.seal(
            "surface",
            {
                "surface": surface,
                "stripe_connection_id": stripe_connection_id,
                "surface_mode": surface_mode,
                "surface_mode_before": before,
                "reason": reason,
                "override_reason": override_reason,
                "agreement": {"decisions": agreement.decisions, "agreed": agreement.agreed, "days": AGREEMENT_DAYS},
                "member_id": member_id,
            },
        )
        await _write(setting, receipt, member_id, reason, override_reason)
        setting.tell(
            "surface",
            {"surface": surface, "stripe_connection_id": stripe_connection_id, "surface_mode": surface_mode},
        )
        return receipt


async def read_agreement(
    organization_id: str,
    mode: Mode,
    rail: str,
    rail_action: str,
    stripe_connection_id: str | None,
    *,
    until: datetime,
) -> Agreement:
    """Agreement over the days before `until`. A decision agrees if every version that looked on agrees."""
    found = await row(
        """
        SELECT count(*) AS decisions, count(*) FILTER (WHERE agreed) AS agreed FROM (
            SELECT bool_and(s.agrees) AS agreed FROM shadow_results s
            WHERE s.organization_id = {} AND s.mode = {} AND s.rail = {} AND s.rail_action = {}
                AND s.decided_at > {} AND s.decided_at <= {} AND ({}::text IS NULL OR EXISTS (
                    SELECT FROM decisions d WHERE d.id = s.decision_id AND d.stripe_connection_id = {}))
            GROUP BY s.decision_id) compared
        """,
        organization_id,
        mode,
        rail,
        rail_action,
        until - timedelta(days=AGREEMENT_DAYS),
        until,
        stripe_connection_id,
        stripe_connection_id,
    )
    assert found is not None  # noqa: S101 - an aggregate without groups has one row
    return Agreement(found["decisions"], found["agreed"])


async def check_connection(connection_id: str, organization_id: str, mode: Mode) -> None:
    """Raises ConnectionUnknown."""
    found = await row(
        "SELECT FROM stripe_connections WHERE id = {} AND organization_id = {} AND mode = {}",
        connection_id,
        organization_id,
        mode,
    )
    if found is None:
        raise ConnectionUnknown("There is no such connection in this mode.")


async def _mode_of(setting: Act, rail: str, rail_action: str, connection_id: str | None) -> SurfaceMode | None:
    """What was set for exactly this; None where nothing was. For all connections, nothing set means shadow."""
    found = await row(
        "SELECT surface_mode FROM surfaces WHERE organization_id = {} AND mode = {} AND rail = {} AND rail_action = {} "
        "AND stripe_connection_id = {}",
        setting.organization_id,
        setting.mode,
        rail,
        rail_action,
        connection_id or "",
    )
    if found is not None:
        set_before: SurfaceMode = found["surface_mode"]
        return set_before
    return None if connection_id else "shadow"


async def _write(
    setting: Act, receipt: SurfaceReceipt, member_id: str, reason: str, override_reason: str | None
) -> None:
    rail, _, rail_action = receipt.surface.partition(".")
    where = f"{receipt.stripe_connection_id}/" if receipt.stripe_connection_id else ""
    await rows(
        """
        INSERT INTO surfaces (id, organization_id, mode, stripe_connection_id, rail, rail_action, surface_mode,
            updated_at, updated_by, reason, override_reason)
        VALUES ({}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {})
        ON CONFLICT (organization_id, mode, stripe_connection_id, rail, rail_action) DO UPDATE
        SET surface_mode = excluded.surface_mode, updated_at = excluded.updated_at, updated_by = excluded.updated_by,
            reason = excluded.reason, override_reason = excluded.override_reason
        """,
        f"{setting.organization_id}/{setting.mode}/{where}{receipt.surface}",
        setting.organization_id,
        setting.mode,
        receipt.stripe_connection_id or "",
        rail,
        rail_action,
        receipt.surface_mode,
        setting.now,
        member_id,
        reason,
        override_reason,
    )


def _told(agreement: Agreement) -> str:
    if agreement.decisions == 0:
        return "No decision of this surface was compared with a second version."
    return f"{agreement.agreed} of {agreement.decisions} decisions agreed ({agreement.rate_percent} %)."
