"""The tables, grouped as the rooms speak of them. Triggers, roles and indexes are in migrations."""

from piccolo.table import Table

from axiru.tables.approvals import Approval, Vote
from axiru.tables.controls import Control
from axiru.tables.decisions import Decision, IdempotencyKey, Movement, Request
from axiru.tables.executions import Execution
from axiru.tables.ledger import ChainHead, LedgerEntry, Outbox, OutboxCursor, PersonalValue, SigningKey
from axiru.tables.lists import List, ListValue, ListVersion
from axiru.tables.organizations import ApiKey, Member, Organization, Session, StripeConnection, Surface
from axiru.tables.policies import Activation, Policy, PolicyDraft, PolicyVersion, ShadowResult
from axiru.tables.replays import Replay, ReplayFinding, ReplayUpload

ALL_TABLES: tuple[type[Table], ...] = (
    Organization,
    Member,
    Session,
    ApiKey,
    StripeConnection,
    Surface,
    Policy,
    PolicyDraft,
    PolicyVersion,
    Activation,
    ShadowResult,
    List,
    ListVersion,
    ListValue,
    Replay,
    ReplayUpload,
    ReplayFinding,
    Request,
    IdempotencyKey,
    Decision,
    Movement,
    Approval,
    Vote,
    Execution,
    Control,
    ChainHead,
    LedgerEntry,
    PersonalValue,
    SigningKey,
    Outbox,
    OutboxCursor,
)

__all__ = [
    "ALL_TABLES",
    "Activation",
    "ApiKey",
    "Approval",
    "ChainHead",
    "Control",
    "Decision",
    "Execution",
    "IdempotencyKey",
    "LedgerEntry",
    "List",
    "ListValue",
    "ListVersion",
    "Member",
    "Movement",
    "Organization",
    "Outbox",
    "OutboxCursor",
    "PersonalValue",
    "Policy",
    "PolicyDraft",
    "PolicyVersion",
    "Replay",
    "ReplayFinding",
    "ReplayUpload",
    "Request",
    "Session",
    "ShadowResult",
    "SigningKey",
    "StripeConnection",
    "Surface",
    "Vote",
]
