"""What is wrong with a policy's text, said so that its author can mend it without asking anybody."""

from collections.abc import Iterable

import msgspec

from axiru.errors import AxiruError


class PolicyError(msgspec.Struct, frozen=True):
    """One fault. `line` and `column` count from 1; `code` is stable; `hint` says what would be right, or is empty.

    A sentence in plain language also has what was `expected` there, and the `nearest` sentence that would be right.
    """

    line: int
    column: int
    code: str
    message: str
    hint: str = ""
    expected: str = ""
    nearest: str = ""

    def __str__(self) -> str:
        lines = [f"{self.line}:{self.column}: {self.message} [{self.code}]"]
        for name in ("hint", "expected", "nearest"):
            text = getattr(self, name)
            if text and not (name == "expected" and text == self.hint):
                lines.append(f"    {name}: {text}")
        return "\n".join(lines)


class PolicyInvalid(AxiruError):
    """The text does not load, not even in part. `errors` holds every fault found, in the order of the text."""

    code = "policy_invalid"

    def __init__(self, errors: Iterable[PolicyError]) -> None:
        self.errors = tuple(sorted(errors, key=lambda error: (error.line, error.column)))
        first = str(self.errors[0]) if self.errors else "the policy is invalid"
        super().__init__(first, errors=self.errors)
