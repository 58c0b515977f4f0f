"""Ask Axiru before money moves, and hold safely when it cannot be reached."""

from axiru_client.async_client import AsyncAxiru
from axiru_client.client import Axiru
from axiru_client.errors import (
    AxiruClientError,
    Conflict,
    HoldNotWritten,
    IdempotencyMismatch,
    InvalidRequest,
    NotAuthenticated,
    NotPermitted,
    RequestRefused,
)
from axiru_client.evidence import EvidencePacket
from axiru_client.fail_safe import FailSafe, Programme
from axiru_client.requests import AuthorizeOptions, DecideOptions
from axiru_client.results import Authorization, Decision, Hold, Unreachable
from axiru_client.retry import Retry
from axiru_client.vocabulary import Action, Outcome, UnreachableCause

__all__ = [
    "Action",
    "AsyncAxiru",
    "Authorization",
    "AuthorizeOptions",
    "Axiru",
    "AxiruClientError",
    "Conflict",
    "DecideOptions",
    "Decision",
    "EvidencePacket",
    "FailSafe",
    "Hold",
    "HoldNotWritten",
    "IdempotencyMismatch",
    "InvalidRequest",
    "NotAuthenticated",
    "NotPermitted",
    "Outcome",
    "Programme",
    "RequestRefused",
    "Retry",
    "Unreachable",
    "UnreachableCause",
]
