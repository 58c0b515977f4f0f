"""What the contract says of one row of the table. Pure."""

from collections.abc import Iterator

import msgspec

from axiru.contract_suite.cases import Action, Execute, Manner, Part, SurfaceMode


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """What the caller was told while the connection was cut; `raised` names an error it got instead."""

    outcome: str = ""
    reachable: bool = False
    may_execute: bool = False
    advisory_failed: bool = False
    degraded: bool = False
    has_packet: bool = False
    kept: bool = False
    cause: str = ""
    raised: str = ""

    @property
    def words(self) -> str:
        """For the table."""
        if self.raised:
            return self.raised
        if self.degraded:
            return "last good packet, degraded"
        if self.advisory_failed:
            return "goes on, advice failed"
        if not self.reachable:
            return f"{self.outcome} ({self.cause})"
        return f"{self.outcome}, by Axiru"


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One request in one window. `calls_after` are those Stripe executed once everything was back.

    An agent's payment is settled by a token that was issued before: `leaves_…` count how often it could be consumed.
    """

    part: Part
    manner: Manner
    surface_mode: SurfaceMode
    action: Action
    execute: Execute
    told: Told
    calls_while_cut: int
    packet_known: bool = False
    answers_after: int = 0
    outcome_after: str = ""
    calls_after: int = 0
    leaves_while_cut: int = 0
    leaves_after: int = 0

    @property
    def faults(self) -> tuple[str, ...]:
        """What of the contract this row breaks; nothing where it holds."""
        return tuple(_faults(self))


def _faults(row: Row) -> Iterator[str]:
    if row.calls_while_cut:
        yield f"{row.calls_while_cut} calls reached Stripe"
    if row.told.raised:
        yield "the caller got an error instead of an answer"
    elif row.surface_mode == "shadow":
        yield from _shadow_faults(row)
    else:
        yield from _enforced_faults(row)
    if row.leaves_while_cut and row.part != "Temporal":
        yield "a token was consumed through the cut"
    if row.leaves_while_cut + row.leaves_after > 1:
        yield "a token gave leave more than once"
    yield from _faults_after(row)


def _shadow_faults(row: Row) -> Iterator[str]:
    if row.told.outcome != "allow":
        yield "a surface in shadow made the caller wait"
    elif not row.told.reachable and not row.told.advisory_failed:
        yield "the caller was not told that the advice failed"


def _enforced_faults(row: Row) -> Iterator[str]:
    told = row.told
    if row.action == "dispute" and row.execute == "caller" and row.packet_known and row.part != "Stripe":
        if not (told.outcome == "allow" and told.degraded and told.has_packet):
            yield "the last good packet did not go out, or not as degraded"
        return
    if told.may_execute:
        yield "the caller was allowed to execute"
    if told.reachable and row.part != "Stripe":
        yield "an answer came through the cut"
    if not told.reachable and told.outcome != "hold":
        yield "it was not held"
    if told.outcome == "hold" and not told.kept:
        yield "the hold is not on the disk"


def _faults_after(row: Row) -> Iterator[str]:
    if row.surface_mode == "shadow":
        expected = 0
    else:
        if row.answers_after != 1:
            yield f"{row.answers_after} decisions after healing"
        expected = 1 if row.execute == "axiru" and row.outcome_after == "allow" else 0
    if row.calls_after != expected:
        yield f"{row.calls_after} calls after healing instead of {expected}"
