"""The benchmark runs, and its engines agree: it refuses to compare engines that answer different questions."""

import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]


def test_the_benchmark_prints_every_engine_and_the_stored_requests() -> None:
    arguments = ["--sizes", "10", "20", "--rounds", "1", "--seconds", "0.01", "--requests", "1000"]
    run = subprocess.run(  # noqa: S603 - our own interpreter and module
        [sys.executable, "-m", "bench.policy", *arguments], capture_output=True, text=True, check=False, cwd=REPOSITORY
    )
    assert run.returncode == 0, run.stderr
    for word in ("axiru", "zen-engine", "cedarpy", "cel", "not matching", "1,000 stored requests"):
        assert word in run.stdout
