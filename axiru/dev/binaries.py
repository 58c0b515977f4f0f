"""Programs that are not Python packages: where they are looked for, and how they are built with Go."""

import os
import shutil
from pathlib import Path

from axiru.dev.part import last_line, run_to_end
from axiru.dev.progress import step
from axiru.dev.refusal import PartFailed

# Where Go's own installer puts it; a shell that is not a log-in shell often does not look there.
GO_DIRECTORY = "/usr/local/go/bin"
STRIPE_MOCK_MODULE = "github.com/stripe/stripe-mock@v0.203.0"


def cache_directory() -> Path:
    """Where built and downloaded programs are kept: `AXIRU_CACHE_DIR`, else `~/.cache/axiru` (XDG_CACHE_HOME)."""
    given = os.environ.get("AXIRU_CACHE_DIR")
    if given:
        return Path(given).expanduser().resolve()
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "axiru"


def binary_directory() -> Path:
    """The cache's `bin`."""
    return cache_directory() / "bin"


def installed(program: str) -> list[Path]:
    """The program on PATH and in the cache, in this order, as far as it is there."""
    found = (shutil.which(program), shutil.which(program, path=str(binary_directory())))
    return [Path(path) for path in found if path]


async def go_install(module: str) -> Path | None:
    """Build a Go module's program into the cache. None without Go; raises PartFailed when the build fails."""
    go = shutil.which("go") or shutil.which("go", path=GO_DIRECTORY)
    if go is None:
        return None
    program = module.partition("@")[0].rpartition("/")[2]
    directory = binary_directory()
    log = cache_directory() / "logs" / f"go-install-{program}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    directory.mkdir(parents=True, exist_ok=True)
    # Built beside and renamed: an interrupted build leaves no broken program, and two builds do not meet.
    unfinished = directory / f".unfinished-{os.getpid()}"
    environment = {"GOBIN": str(unfinished), "GOFLAGS": ""}
    try:
        code = await run_to_end((go, "install", module), log=log, environment=environment)
        if code != 0:
            raise PartFailed(f"`go install {module}` failed; its log is {log}, the last line: {last_line(log)}")
        (unfinished / program).replace(directory / program)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    return directory / program


async def find_stripe_mock() -> Path | None:
    """Stripe's own mock, which validates what is sent to the sandbox; None (and a line) where it cannot be had."""
    found = installed("stripe-mock")
    if found:
        return found[0]
    try:
        step("stripe-mock", f"not on PATH and not in {binary_directory()}; trying `go install` (a few seconds, once)")
        built = await go_install(STRIPE_MOCK_MODULE)
    except PartFailed as error:
        step("stripe-mock", error.message)
        built = None
    if built is None:
        step("stripe-mock", "not available: the sandbox does not validate requests against Stripe's API description")
    return built
