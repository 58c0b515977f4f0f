"""The one set of rules behind both clients: what is sent, when it is sent again, and what holds without an answer.

A rule is a generator that yields what is to be done (`Send`, `Pause`, `Local`, `Tell`) and is given the outcome; the
clients do it, one by blocking and one by awaiting, and know no rule of their own.
"""

import dataclasses
import json
import logging
import random
import time
from collections.abc import Awaitable, Callable, Generator, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeVar, assert_never
from urllib.parse import quote

from axiru_client.answers import Response, answer_in, decision_in
from axiru_client.errors import Conflict, IdempotencyMismatch, InvalidRequest, RequestRefused
from axiru_client.evidence import EvidencePacket
from axiru_client.fail_safe import FailSafe
from axiru_client.fail_safe_cache import FailSafeCache
from axiru_client.hold_file import HoldFile
from axiru_client.requests import Asked, asked_of
from axiru_client.results import Decision, Hold, Unreachable
from axiru_client.retry import Retry
from axiru_client.standing import Standing, standing_of

T = TypeVar("T")
_ROUND_SECONDS: Final = 60.0
_log = logging.getLogger("axiru_client")


@dataclass(frozen=True, slots=True)
class Send:
    """Make one HTTP request, within `seconds`. Gives a Response, or Unreachable for whatever goes wrong on the way."""

    method: str
    path: str
    body: bytes | None
    seconds: float


@dataclass(frozen=True, slots=True)
class Pause:
    """Wait."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Local:
    """Call a function that works on this machine's disk. Gives what it returns."""

    call: Callable[[], Any]


@dataclass(frozen=True, slots=True)
class Tell:
    """Call the caller's own function. Gives whether it returned without raising."""

    call: Callable[[], Awaitable[None] | None]


Effect = Send | Pause | Local | Tell
Flow = Generator[Effect, Any, T]
OnHold = Callable[[Hold], Awaitable[None] | None]
OnAnswer = Callable[[Hold, Decision], Awaitable[None] | None]


@dataclass(frozen=True, slots=True)
class Core:
    """The rules over one hold file and one fail-safe document."""

    holds: HoldFile
    fail_safe: FailSafeCache
    retry: Retry
    on_hold: OnHold | None

    def ask(self, asked: Asked) -> Flow[Decision]:
        """Axiru's decision, or what holds without one. Raises RequestRefused, HoldNotWritten."""
        kept = yield Local(lambda: self.holds.body_of(asked))
        if kept is not None and kept != json.loads(asked.payload):
            raise IdempotencyMismatch(
                "This idempotency key belongs to a request with another body, which still waits for Axiru.",
                code="idempotency_mismatch",
            )
        try:
            answer = yield from self.answer(asked)
        except (InvalidRequest, Conflict):
            yield Local(lambda: self.holds.refused(asked.endpoint, asked.idempotency_key))
            raise
        if isinstance(answer, Decision):
            decision = answer
            yield Local(lambda: self.holds.answered(asked, decision, now=time.time()))
            return decision
        return (yield from self._without_answer(asked, answer))

    def retry_holds(self, on_answer: OnAnswer | None) -> Flow[list[Decision]]:
        """Ask again for everything that waits, until Axiru is out of reach once more.

        What was tried longest ago comes first, so that a request nobody answers holds up the others once. A record is
        settled when `on_answer` has returned; where it raises, the record waits for the next time. What Axiru refuses
        to take is a denial. Raises NotAuthenticated, NotPermitted, HoldNotWritten.
        """
        seconds = self.retry.deadline_seconds + _ROUND_SECONDS
        leased: list[Hold] = yield Local(lambda: self.holds.lease(now=time.time(), seconds=seconds))
        answered: list[Decision] = []
        missing: set[str] = set()
        begun = time.monotonic()
        try:
            for hold in leased:
                if hold.endpoint in missing:
                    continue
                found = yield from self._again(hold, on_answer)
                if isinstance(found, Decision):
                    answered.append(found)
                elif found.cause == "endpoint_missing":
                    # That says nothing of the other endpoint, whose requests Axiru may well answer.
                    missing.add(hold.endpoint)
                else:
                    break
                if time.monotonic() - begun > _ROUND_SECONDS:
                    break
        finally:
            yield Local(lambda: self.holds.release(leased))
        return answered

    def refresh_fail_safe(self) -> Flow[FailSafe | None]:
        """Fetch the fail-safe document; None where there is none to rely on."""
        answer = yield from self._get("/api/v1/fail-safe")
        if isinstance(answer, Unreachable):
            return None
        document: FailSafe | None = yield Local(lambda: self.fail_safe.keep(answer, now=time.time()))
        return document

    def keep_packet(self, dispute: str) -> Flow[EvidencePacket | None]:
        """Fetch a dispute's last good packet and keep it; None, and the one before stays, where there is none."""
        answer = yield from self._get(f"/api/v1/disputes/{quote(dispute, safe='')}/packet")
        if isinstance(answer, Unreachable):
            return None
        packet = EvidencePacket.read(dispute, answer, fetched_at=time.time())
        if packet is not None:
            yield Local(lambda: self.holds.keep_packet(packet))
        return packet

    def afterwards(self, asked: Asked, decision: Decision) -> "list[Flow[Any]]":
        """What is worth fetching after a call, in the background of the caller's next steps."""
        due: list[Flow[Any]] = []
        if not decision.reachable:
            return due
        if self.fail_safe.take_turn(decision, asked, now=time.time()):
            due.append(self.refresh_fail_safe())
        if asked.dispute is not None and decision.outcome != "deny":
            due.append(self.keep_packet(asked.dispute))
        return due

    def answer(self, asked: Asked) -> Flow[Decision | Unreachable]:
        """Ask until there is an answer or the deadline is near; always with the same body and key.

        Nothing is written down. Raises RequestRefused.
        """
        deadline = time.monotonic() + self.retry.deadline_seconds
        attempt = 0
        while True:
            seconds = min(self.retry.attempt_seconds, deadline - time.monotonic())
            reply: Response | Unreachable = yield Send("POST", asked.endpoint, asked.payload, seconds)
            found = _decision(reply, asked)
            if isinstance(found, Decision) or found.cause == "endpoint_missing":
                return found
            pause = self.retry.pause_seconds(
                attempt,
                chance=random.random(),  # noqa: S311 - spreads retries, keeps no secret
                retry_after_seconds=found.retry_after_seconds,
            )
            # An attempt that would be cut off before anybody can answer tells nothing.
            if time.monotonic() + pause + self.retry.attempt_seconds / 4 > deadline:
                return found
            yield Pause(pause)
            attempt += 1

    def _without_answer(self, asked: Asked, cause: Unreachable) -> Flow[Decision]:
        """What holds now; where the request waits or goes alone, that is on the disk before anybody is told."""
        now = time.time()
        said: str | None = yield Local(lambda: self.holds.said_of(asked))
        document: FailSafe | None = yield Local(lambda: self.fail_safe.current(now=now))
        packet: EvidencePacket | None = None
        if (dispute := asked.dispute) is not None:
            packet = yield Local(lambda: self.holds.packet(dispute))
        standing = standing_of(asked, said=said, document=document, packet=packet, now=now)
        hold: Hold | None = None
        match standing:
            case Standing.SHADOW:
                pass
            case Standing.ALLOW | Standing.PACKET:
                yield Local(lambda: self.holds.went_alone(asked, cause, now=now))
            case Standing.HOLD:
                hold = written = yield Local(lambda: self.holds.hold(asked, cause, now=now))
                if (on_hold := self.on_hold) is not None:
                    yield Tell(lambda: on_hold(written))
            case never:
                assert_never(never)
        return Decision(
            outcome="hold" if standing is Standing.HOLD else "allow",
            reachable=False,
            action=asked.action,
            idempotency_key=asked.idempotency_key,
            execute=asked.execute,
            reason="axiru_unreachable",
            message=f"{standing.value} ({cause.detail})",
            unreachable=cause,
            hold=hold,
            advisory_failed=standing is Standing.SHADOW,
            degraded=standing is Standing.PACKET,
            packet=packet,
        )

    def _again(self, hold: Hold, on_answer: OnAnswer | None) -> Flow[Decision | Unreachable]:
        """The answer to one held request, settled; Unreachable, noted with the record, while there is none."""
        asked = asked_of(hold.endpoint, hold.body)
        try:
            found = yield from self.answer(asked)
        except (InvalidRequest, Conflict) as refusal:
            found = _refused(asked, refusal)
        if isinstance(found, Unreachable):
            cause = found
            yield Local(lambda: self.holds.tried(hold, cause, now=time.time()))
            return cause
        answer = found
        decision = dataclasses.replace(answer, went_alone=hold.went_alone)
        # What went on alone has been done: a caller who acts on the answer would do it twice.
        if on_answer is None or hold.went_alone or (yield Tell(lambda: on_answer(hold, decision))):
            yield Local(lambda: self.holds.answered(asked, answer, now=time.time()))
        return decision

    def _get(self, path: str) -> Flow[Mapping[str, Any] | Unreachable]:
        """One answer, asked for once; a refusal counts as none."""
        reply: Response | Unreachable = yield Send("GET", path, None, self.retry.attempt_seconds)
        if isinstance(reply, Unreachable):
            return reply
        try:
            return answer_in(reply)
        except RequestRefused as refusal:
            _log.warning("%s is refused: %s", path, refusal)
            return Unreachable("invalid_answer", refusal.code)


def _decision(reply: Response | Unreachable, asked: Asked) -> Decision | Unreachable:
    answer = reply if isinstance(reply, Unreachable) else answer_in(reply)
    return answer if isinstance(answer, Unreachable) else decision_in(answer, asked)


def _refused(asked: Asked, refusal: RequestRefused) -> Decision:
    return Decision(
        outcome="deny",
        reachable=True,
        action=asked.action,
        idempotency_key=asked.idempotency_key,
        execute=asked.execute,
        reason=refusal.code,
        message=str(refusal),
    )
