"""What a decision is made from, read behind the lock: controls, surface, policy versions and lists."""

import asyncio
from collections.abc import Iterable
from datetime import datetime
from typing import Final

import msgspec
import structlog

from axiru.database import row, rows
from axiru.domain.control import Control
from axiru.domain.decision import SurfaceMode
from axiru.domain.movement import Mode, Ovt
from axiru.errors import AxiruError
from ledger.acts.list_values import ListKind
from policies import CompiledPolicy, PolicyInvalid, compile_policy, parse
from policies.budgets import DEFAULT_ALERT_PERCENT

CHARACTERS_AT_ONCE: Final = 32_768
"""How much of what only looks on one decision waits to have read: some tenths of a second, once a process."""

_log = structlog.get_logger()


class PolicyVersionMissing(AxiruError):
    """A version that is in force cannot be found or no longer has the content it was published with."""

    code = "policy_version_missing"


class VersionInForce(msgspec.Struct, frozen=True):
    id: str
    slug: str
    version: int
    status: str
    content_hash: str
    canary_percent: int = 0


class ActiveList(msgspec.Struct, frozen=True):
    """The version of a list that is in force."""

    id: str
    slug: str
    kind: ListKind
    version: int
    content_hash: str


class Standing(msgspec.Struct, frozen=True):
    """The organization's state of the moment, as far as one movement is concerned."""

    decided: bool
    asked_at: datetime
    surface_mode: SurfaceMode
    versions: tuple[VersionInForce, ...]
    lists: tuple[ActiveList, ...]
    controls: tuple[Control, ...]
    budget_alert_percent: int = DEFAULT_ALERT_PERCENT


_STANDING = """
SELECT json_build_object(
    'decided', EXISTS (SELECT FROM decisions WHERE id = {}),
    'asked_at', (SELECT asked_at FROM requests WHERE decision_id = {} FOR SHARE),
    'surface_mode', coalesce((SELECT surface_mode FROM surfaces WHERE organization_id = {} AND mode = {}
        AND rail = {} AND rail_action = {} AND (NOT {}::boolean OR stripe_connection_id IN ('', {}))
        ORDER BY CASE WHEN {}::boolean THEN stripe_connection_id END DESC NULLS LAST, surface_mode LIMIT 1), 'shadow'),
    'versions', (SELECT coalesce(json_agg(json_build_object('id', id, 'slug', slug, 'version', version,
        'status', status, 'content_hash', content_hash, 'canary_percent', canary_percent) ORDER BY slug, version), '[]')
        FROM policy_versions WHERE organization_id = {} AND status IN ('active', 'shadow')),
    'lists', (SELECT coalesce(json_agg(json_build_object('id', v.id, 'slug', v.slug, 'kind', l.kind,
        'version', v.version, 'content_hash', v.content_hash)), '[]')
        FROM list_versions v JOIN lists l USING (organization_id, slug)
        WHERE v.organization_id = {} AND v.status = 'active'),
    'controls', (SELECT coalesce(json_agg(json_build_object('id', id, 'kind', kind, 'scope', scope, 'reason', reason,
        'expires_at', expires_at)), '[]') FROM controls
        WHERE organization_id = {} AND lifted_at IS NULL AND applies_to IN ({}, 'both') AND kind <> 'hold'),
    'budget_alert_percent', coalesce((SELECT budget_alert_percent FROM organization_settings
        WHERE organization_id = {}), {}::integer)
)::text AS standing
"""


async def read_standing(
    decision_id: str, organization_id: str, mode: Mode, ovt: Ovt, *, connection_known: bool
) -> Standing:
    """Everything but what is counted and looked up, in one statement. A surface that was never set is in shadow.

    For a connection that the organization does not have, the strictest mode of any of its own counts: a misspelt name
    must not be a way out of enforcement.
    """
    found = await rows(
        _STANDING,
        decision_id,
        decision_id,
        organization_id,
        mode,
        ovt.rail,
        ovt.rail_action,
        connection_known,
        ovt.merchant.stripe_connection_id or "",
        connection_known,
        organization_id,
        organization_id,
        organization_id,
        mode,
        organization_id,
        DEFAULT_ALERT_PERCENT,
    )
    return msgspec.json.decode(found[0]["standing"], type=Standing)


def subject_of(ovt: Ovt, per: str) -> str | None:
    """Whose window it is; None when the request does not say, which leaves the fact unknown."""
    subject = {
        "initiator": ovt.initiator.root,
        "counterparty": ovt.payee,
        "customer": ovt.context.customer_id,
        "merchant": ovt.merchant.stripe_account_id or ovt.merchant.stripe_connection_id,
        "charge": ovt.target.charge or ovt.target.payment_intent,
    }[per]
    return subject or None


class CompiledVersions:
    """Compiled policies by content hash. A published version never changes, so an entry never goes stale."""

    def __init__(self, most: int = 512) -> None:
        self._compiled: dict[str, CompiledPolicy] = {}
        self._most = most
        self._unreadable: set[str] = set()
        self.reading: asyncio.Task[CompiledPolicy | None] | None = None
        """The long text that is being read for the decisions to come, one at a time."""

    async def get(self, version: VersionInForce) -> CompiledPolicy:
        """Compile once a process. Raises PolicyVersionMissing when the stored text is not what was published."""
        compiled = self._known(version) or await self._keep(version, await _source(version))
        if compiled is None:
            raise PolicyVersionMissing(
                "A policy version in force is not what was published.", slug=version.slug, version=version.version
            )
        return compiled

    async def at_hand(self, versions: Iterable[VersionInForce]) -> dict[str, CompiledPolicy]:
        """Those of versions that only look on, by id, that are compiled or take no longer than a decision may wait.

        One text that takes longer is compiled meanwhile, for the decisions to come.
        """
        found: dict[str, CompiledPolicy] = {}
        left = CHARACTERS_AT_ONCE
        for version in versions:
            compiled = self._known(version)
            if compiled is None and self.reading is None and version.id not in self._unreadable:
                source = await _source(version)
                if len(source) <= left:
                    left -= len(source)
                    compiled = await self._keep(version, source)
                else:
                    self.reading = asyncio.create_task(self._keep(version, source))
                    self.reading.add_done_callback(self._ended)
            if compiled is not None:
                found[version.id] = compiled
        return found

    def _known(self, version: VersionInForce) -> CompiledPolicy | None:
        """The one that nobody has asked for the longest is the first to go."""
        compiled = self._compiled.pop(version.content_hash, None)
        if compiled is not None:
            self._compiled[version.content_hash] = compiled
        return compiled

    async def _keep(self, version: VersionInForce, source: str) -> CompiledPolicy | None:
        # In a thread, so that other organizations' decisions go on; None for what is not what was published.
        compiled = await asyncio.to_thread(as_published, source, version.content_hash)
        if compiled is None:
            self._unreadable.add(version.id)
            return None
        if len(self._compiled) >= self._most:
            self._compiled.pop(next(iter(self._compiled)))
        self._compiled[version.content_hash] = compiled
        return compiled

    def _ended(self, reading: asyncio.Task[CompiledPolicy | None]) -> None:
        self.reading = None
        if not reading.cancelled() and (error := reading.exception()) is not None:
            _log.error("policy_version_unreadable", exc_info=error)


async def _source(version: VersionInForce) -> str:
    stored = await row("SELECT source FROM policy_versions WHERE id = {}", version.id)
    return str(stored["source"]) if stored else ""


def as_published(source: str, content_hash: str) -> CompiledPolicy | None:
    """The policy of a stored text; None where it no longer loads, or is not what was published under this hash."""
    try:
        compiled = compile_policy(parse(source))
    except PolicyInvalid:
        return None
    return compiled if compiled.content_hash == content_hash else None
