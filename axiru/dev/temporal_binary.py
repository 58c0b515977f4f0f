"""Finding the Temporal server: on this machine, by the SDK's downloader, or built with Go. Each step is told."""

import asyncio
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from axiru.dev.binaries import binary_directory, cache_directory, go_install, installed
from axiru.dev.part import last_line, run_to_end
from axiru.dev.progress import step
from axiru.dev.refusal import PartFailed, PartMissing

GO_MODULE = "github.com/temporalio/cli/cmd/temporal@v1.5.1"
DOWNLOAD_HOST = "temporal.download"
CONNECT_TIMEOUT_SECONDS = 5
DOWNLOAD_TIMEOUT_SECONDS = 300

# What the SDK is asked to do in a process of its own: download the server into a directory and start it once.
DOWNLOADER = """
import asyncio, sys
from temporalio.testing import WorkflowEnvironment

async def main() -> None:
    async with await WorkflowEnvironment.start_local(download_dest_dir=sys.argv[1]):
        pass

asyncio.run(main())
"""


async def find_temporal() -> Path:
    """A `temporal` that can start a dev server. Raises PartMissing naming every way there is."""
    for found in installed("temporal"):
        if await asyncio.to_thread(_is_temporal_cli, found):
            step("temporal", f"server found at {found}")
            return found
    step("temporal", f"no server on PATH or in {binary_directory()}; trying the Temporal SDK's downloader")
    downloaded = await _download()
    if downloaded is not None:
        step("temporal", f"server downloaded to {downloaded}")
        return downloaded
    step("temporal", f"no download possible; trying `go install {GO_MODULE}` (about 2.5 minutes, once)")
    try:
        built = await go_install(GO_MODULE)
        reason = "Go is not on this machine"
    except PartFailed as error:
        built, reason = None, error.message
    if built is None:
        raise PartMissing(
            "No Temporal server: set AXIRU_TEMPORAL_ADDRESS to a running one, or put `temporal` on PATH or into "
            f"{binary_directory()}, or allow the SDK to download it from {DOWNLOAD_HOST}, or install Go so that it "
            f"can be built ({reason})."
        )
    step("temporal", f"server built at {built}")
    return built


def _is_temporal_cli(program: Path) -> bool:
    """Whether this is Temporal's CLI with a dev server: other programs have the same name."""
    try:
        asked = subprocess.run(  # noqa: S603 - a program the user has on PATH
            [program, "server", "start-dev", "--help"],
            capture_output=True,
            timeout=20,
            check=False,
            stdin=subprocess.DEVNULL,
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return asked.returncode == 0 and b"--db-filename" in asked.stdout


def _servers_in(directory: Path) -> list[Path]:
    return [path for path in directory.iterdir() if path.is_file() and _is_temporal_cli(path)]


async def _download() -> Path | None:
    """The SDK's downloader, bounded in time; None when there is no way to it."""
    try:
        _, writer = await asyncio.wait_for(asyncio.open_connection(DOWNLOAD_HOST, 443), CONNECT_TIMEOUT_SECONDS)
        writer.close()
    except (OSError, TimeoutError):
        return None
    log = cache_directory() / "logs" / "download-temporal.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="axiru-temporal-") as directory:
        try:
            command = (sys.executable, "-c", DOWNLOADER, directory)
            code = await asyncio.wait_for(run_to_end(command, log=log), DOWNLOAD_TIMEOUT_SECONDS)
        except TimeoutError:
            return None
        files = await asyncio.to_thread(_servers_in, Path(directory))
        if code != 0 or not files:
            step("temporal", f"the SDK's downloader failed: {last_line(log)}")
            return None
        binary_directory().mkdir(parents=True, exist_ok=True)
        return Path(shutil.move(files[0], binary_directory() / "temporal"))
