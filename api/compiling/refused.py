"""A text that is not taken, with everything that is wrong with it."""

import msgspec

from api.compiling.shapes import PolicyReading
from api.errors import FieldError, InvalidBody


class PolicyRefused(InvalidBody):
    """The text does not load, or the static checks found an error in it.

    `field_errors` name each: `text` for what does not load, `rules.<id>` for every rule that a finding concerns and
    `policy` for a finding about the whole. `errors` and `findings` tell them with line, column and hint.
    """

    def __init__(self, reading: PolicyReading) -> None:
        not_loading = [
            FieldError("text", error.code, f"{error.line}:{error.column}: {error.message}") for error in reading.errors
        ]
        unsound = [
            FieldError(f"rules.{rule}" if rule else "policy", finding.code, finding.message)
            for finding in reading.findings
            if finding.severity == "error"
            for rule in finding.rules or [""]
        ]
        super().__init__([*not_loading, *unsound])
        self.facts = {
            "errors": msgspec.to_builtins(reading.errors),
            "findings": msgspec.to_builtins(reading.findings),
        }
