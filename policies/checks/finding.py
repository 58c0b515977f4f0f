"""What the static checks are told and what they answer."""

from collections.abc import Mapping
from typing import Literal

import msgspec

from axiru.domain.roles import ROLES, VOTING_ROLES

Severity = Literal["error", "warning"]


class Known(msgspec.Struct, frozen=True):
    """What exists outside the policy. `lists` says the kind of each list by slug; None where no lists can be looked up.

    Where `lists` is None nothing is said about lists. `voting_roles` are those of the `roles` that may approve.
    """

    roles: frozenset[str] = ROLES
    voting_roles: frozenset[str] = VOTING_ROLES
    lists: Mapping[str, str] | None = None


class Finding(msgspec.Struct, frozen=True):
    """Something that is wrong with a policy that loads. An error keeps it from being published, a warning does not.

    `rules` are the ids concerned, first the one that stands at `line` and `column`; none for what the policy itself
    says, which is found at line 1.
    """

    code: str
    severity: Severity
    message: str
    rules: tuple[str, ...]
    line: int
    column: int
    hint: str = ""

    def __str__(self) -> str:
        sentence = f"{self.line}:{self.column}: {self.severity}: {self.message} [{self.code}]"
        return f"{sentence}\n    hint: {self.hint}" if self.hint else sentence
