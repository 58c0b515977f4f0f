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
TOXIPROXY_MODULE = "github.com/Shopify/toxiproxy/v2/cmd/server@v2.12.0"
TOXIPROXY = "toxiproxy-server"
"""What its own packages call it; in its module it is plain `server`."""


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


async def go_install(module: str, *, name: str = "") -> Path | None:
    """Build a Go module's program into the cache, as `name` where its own says nothing.

    None without Go; raises PartFailed when the build fails.
    """
    go = shutil.which("go") or shutil.which("go", path=GO_DIRECTORY)
    if go is None:
        return None
    program = module.partition("@")[0].rpartition("/")[2]
    directory, kept_as = binary_directory(), name or program
    log = cache_directory() / "logs" / f"go-install-{kept_as}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    directory.mkdir(parents=True, exist_ok=True)
    # Built beside and renamed: an interrupted build leaves no broken program, and two builds do not meet.
    unfinished = directory / f".unfinished-{os.getpid()}"
    environment = {"GOBIN": str(unfinished), "GOFLAGS": ""}
    try:
        code = await run_to_end((go, "install", module), log=log, environment=environment)
        if code != 0:
            raise PartFailed(f"`go install {module}` failed; its log is {log}, the last line: {last_line(log)}")
        (unfinished / program).replace(directory / kept_as)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    return directory / kept_as


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


async def find_toxiproxy() -> Path | None:
    """The proxy that the contract suite cuts connections with; None where it cannot be had."""
    found = installed(TOXIPROXY)
    if found:
        return found[0]
    try:
        step("toxiproxy", f"not on PATH and not in {binary_directory()}; trying `go install` (half a minute, once)")
        return await go_install(TOXIPROXY_MODULE, name=TOXIPROXY)
    except PartFailed as error:
        step("toxiproxy", error.message)
        return None
