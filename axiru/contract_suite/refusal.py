"""Why the suite cannot run: one sentence that names what is missing."""

from axiru.errors import AxiruError


class SuiteCannotRun(AxiruError):
    """Something the suite needs is not there; nothing was cut or changed."""

    code = "suite_cannot_run"
