"""Finding stripe-mock, Stripe's own checker of requests. https://github.com/stripe/stripe-mock"""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

STRIPE_MOCK_MODULE = "github.com/stripe/stripe-mock@v0.203.0"
WHERE_STRIPE_MOCK_CAN_BE_HAD = (
    "stripe-mock was not found: put it on PATH (https://github.com/stripe/stripe-mock/releases, v0.203.0), or install "
    f"Go and it is built with `go install {STRIPE_MOCK_MODULE}`."
)
BUILD_TIMEOUT_SECONDS = 300


def stripe_mock_binary(say: Callable[[str], None] = print) -> Path | None:
    """The executable: on PATH, in Axiru's cache, or built into the cache by Go; None where there is none of these.

    The cache is `AXIRU_CACHE_DIR`, or `~/.cache/axiru`; each step that takes time is told to `say` in one line, and so
    is WHERE_STRIPE_MOCK_CAN_BE_HAD before None is returned.
    """
    if (on_path := shutil.which("stripe-mock")) is not None:
        return Path(on_path)
    cached = Path(os.environ.get("AXIRU_CACHE_DIR") or Path.home() / ".cache" / "axiru") / "bin" / "stripe-mock"
    if os.access(cached, os.X_OK):
        return cached
    if (go := shutil.which("go")) is not None:
        say(f"Building stripe-mock with {go}, once")
        failure = _build(go, cached)
        if failure is None:
            return cached
        say(f"stripe-mock could not be built: {failure}")
    say(WHERE_STRIPE_MOCK_CAN_BE_HAD)
    return None


def _build(go: str, target: Path) -> str | None:
    """Why the build failed; None when `target` is there."""
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        # Built aside and renamed: a second process never finds half a file.
        with tempfile.TemporaryDirectory(dir=target.parent) as aside:
            subprocess.run(  # noqa: S603 — a fixed command
                [go, "install", STRIPE_MOCK_MODULE],
                env=os.environ | {"GOBIN": aside},
                check=True,
                capture_output=True,
                text=True,
                timeout=BUILD_TIMEOUT_SECONDS,
            )
            (Path(aside) / "stripe-mock").replace(target)
    except subprocess.CalledProcessError as error:
        return str(error.stderr).strip().splitlines()[-1] if error.stderr else str(error)
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    return None
