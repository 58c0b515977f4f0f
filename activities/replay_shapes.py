"""What goes into the replaying process and what comes out of it, a JSON object a line."""

from typing import Literal

import msgspec

from axiru.domain.replay import ReplaySource
from ledger.acts.list_values import ListKind
from policies.history import Finding, Report


class ListInForce(msgspec.Struct, frozen=True):
    kind: ListKind
    values: tuple[str, ...]


class Job(msgspec.Struct, frozen=True):
    """The first line in; the file, or one stored decision or pulled refund a line, follows to the end of the input."""

    source: ReplaySource
    policy: str
    lists: dict[str, ListInForce]


class Progress(msgspec.Struct, frozen=True, tag=True):
    stage: Literal["reading", "deciding"]
    done: int
    total: int | None


class Found(msgspec.Struct, frozen=True, tag=True):
    """Some of the findings, in their order."""

    findings: tuple[Finding, ...]


class Done(msgspec.Struct, frozen=True, tag=True):
    """The last line of a replay that went through; its findings came before."""

    report: Report


class Refused(msgspec.Struct, frozen=True, tag=True):
    """The last line of a replay that cannot be made; `line` and `column` are 0 where no file is at fault."""

    code: str
    message: str
    line: int = 0
    column: int = 0


Told = Progress | Found | Done | Refused
