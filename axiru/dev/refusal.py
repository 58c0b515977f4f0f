"""Why the local stack does not start: always one sentence, never a traceback."""

from axiru.errors import AxiruError


class StackRefused(AxiruError):
    """The stack cannot start or go on as asked; the message says what to do."""

    code = "stack_refused"


class PartMissing(StackRefused):
    """A program the stack needs is not on this machine and cannot be fetched."""

    code = "part_missing"


class PartFailed(StackRefused):
    """A part ended or did not become ready while the stack was starting."""

    code = "part_failed"
