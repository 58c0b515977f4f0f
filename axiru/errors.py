"""The root of the domain's errors: a stable code, a sentence, and the facts. `api/errors.py` alone knows HTTP."""

from typing import Any


class AxiruError(Exception):
    """A refusal that a caller can act on. Subclasses live beside the code that raises them and set `code`."""

    code = "internal_error"

    def __init__(self, message: str, **facts: Any) -> None:
        super().__init__(message)
        self.message = message
        self.facts = facts


class ConfigurationInvalid(AxiruError):
    """A setting is missing or malformed; the process refuses to start."""

    code = "configuration_invalid"
