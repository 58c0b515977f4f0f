"""Reading what came back over HTTP: an answer, a refusal of the caller's own making, or nothing that counts."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from axiru_client.errors import (
    Conflict,
    IdempotencyMismatch,
    InvalidRequest,
    NotAuthenticated,
    NotPermitted,
    RequestRefused,
)
from axiru_client.requests import Asked
from axiru_client.results import Authorization, Decision, Unreachable
from axiru_client.vocabulary import OUTCOMES

_REFUSALS: Final[dict[int, type[RequestRefused]]] = {
    400: InvalidRequest,
    401: NotAuthenticated,
    403: NotPermitted,
    405: InvalidRequest,
    409: Conflict,
    413: InvalidRequest,
    415: InvalidRequest,
}


@dataclass(frozen=True, slots=True)
class Response:
    """A response, read to its end."""

    status: int
    body: bytes
    retry_after: str | None = None


def answer_in(response: Response) -> Mapping[str, Any] | Unreachable:
    """The JSON object of a 200; Unreachable for everything that is no answer.

    Raises RequestRefused for a 4xx of the caller's own making, provided that it is Axiru who says so: a proxy's page
    says nothing about the request.
    """
    match response.status:
        case 200:
            found = _json_object(response.body)
            return found if found is not None else Unreachable("invalid_answer", "200 without a JSON object")
        case 404:
            return Unreachable("endpoint_missing", "404: wrong base_url, or an Axiru that does not have this endpoint")
        case 429:
            return Unreachable("rate_limited", "429", _seconds(response.retry_after))
        case status if status >= 500:
            said = _json_object(response.body) or {}
            return Unreachable(
                "server_error", f"{status} {said.get('error', '')}".strip(), _seconds(response.retry_after)
            )
        case status if (kind := _REFUSALS.get(status)) is not None:
            said = _json_object(response.body) or {}
            if not isinstance(said.get("error"), str):
                return Unreachable("invalid_answer", f"{status} that is not Axiru's")
            raise _refusal(kind, status, said)
        case status:
            return Unreachable("invalid_answer", f"status {status}")


def decision_in(answer: Mapping[str, Any], asked: Asked) -> Decision | Unreachable:
    """The decision that an answer holds; Unreachable where it does not say one, or one about something else."""
    outcome, decision_id = OUTCOMES.get(_text(answer, "outcome")), _text(answer, "decision_id")
    if outcome is None or decision_id is None:
        return Unreachable("invalid_answer", "200 without an outcome and a decision_id")
    if any(not isinstance(answer.get(name), str | None) for name in ("state", "surface_mode")):
        # Taken for none, a state that cannot be read would leave the outcome alone to decide.
        return Unreachable("invalid_answer", "200 with a state that is no text")
    if answer.get("execute", asked.execute) != asked.execute:
        return Unreachable("invalid_answer", "an answer to another request")
    advisory = answer.get("advisory")
    return Decision(
        outcome=outcome,
        reachable=True,
        action=asked.action,
        idempotency_key=asked.idempotency_key,
        execute=asked.execute,
        reason=_text(answer, "reason") or "",
        message=_text(answer, "message") or "",
        decision_id=decision_id,
        state=_text(answer, "state"),
        mode=_text(answer, "mode"),
        surface_mode=_text(answer, "surface_mode"),
        policy_version=_text(answer, "policy_version"),
        matched_rule=_text(answer, "matched_rule"),
        approver_role=_text(answer, "approver_role"),
        approval_id=_text(answer, "approval_id"),
        cached=answer.get("cached") is True,
        advisory=advisory if isinstance(advisory, dict) else None,
        raw=answer,
    )


def authorization_of(decision: Decision) -> Authorization:
    """The same decision with the token that came with it."""
    known = {name: getattr(decision, name) for name in Decision.__dataclass_fields__}
    return Authorization(
        **known,
        token=_text(decision.raw, "authorization_token"),
        expires_at=_text(decision.raw, "expires_at"),
    )


def _refusal(kind: type[RequestRefused], status: int, said: Mapping[str, Any]) -> RequestRefused:
    code, fields = str(said["error"]), said.get("field_errors")
    if code == "idempotency_mismatch":
        kind = IdempotencyMismatch
    return kind(
        _text(said, "message") or code,
        status=status,
        code=code,
        field_errors=[entry for entry in fields if isinstance(entry, dict)] if isinstance(fields, list) else (),
        request_id=_text(said, "request_id"),
    )


def _json_object(body: bytes) -> dict[str, Any] | None:
    try:
        found = json.loads(body, object_pairs_hook=_each_once)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An answer that says two things of one name says nothing."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name is there twice")
    return found


def _text(found: Mapping[str, Any], name: str) -> str | None:
    value = found.get(name)
    return value if isinstance(value, str) else None


def _seconds(retry_after: str | None) -> float | None:
    """Axiru sends whole seconds; a date is ignored, as if there were none."""
    if retry_after is None or not (retry_after.isascii() and retry_after.isdigit()) or len(retry_after) > 9:
        return None
    return float(retry_after)
