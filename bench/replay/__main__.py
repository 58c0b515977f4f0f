"""`python -m bench.replay [--rows N] [--rounds N]`: writes an export, replays it with the command, prints JSON."""

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench.replay.export import payments

GOAL_SECONDS = 10.0


def main(rows: int, rounds: int, seed: int) -> None:
    with tempfile.TemporaryDirectory() as directory:
        file = Path(directory) / "payments.csv"
        with file.open("w", encoding="utf-8", newline="") as out:
            out.writelines(payments(rows, seed=seed))
        seconds = [_replay(file) for _ in range(rounds)]
        size = file.stat().st_size
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    peak, cpu_seconds = used.ru_maxrss // 1024, (used.ru_utime + used.ru_stime) / rounds
    measured = {"rows": rows, "file_mb": size >> 20, "cores": os.cpu_count(), "seed": seed, "peak_memory_mb": peak}
    measured |= {
        "seconds": [round(each, 2) for each in seconds],
        "median_seconds": round(statistics.median(seconds), 2),
    }
    json.dump({**measured, "cpu_seconds": round(cpu_seconds, 2), "goal_seconds": GOAL_SECONDS}, sys.stdout, indent=2)
    print()


def _replay(file: Path) -> float:
    """The whole command, the start of Python included; every row is a refund, which is the dearest file there is."""
    began = time.monotonic()
    command = [sys.executable, "-P", "-m", "axiru.cli", "replay", str(file), "--json"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)  # noqa: S603 - Axiru itself
    return time.monotonic() - began


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(prog="bench.replay", description=__doc__)
    arguments.add_argument("--rows", type=int, default=100_000)
    arguments.add_argument("--rounds", type=int, default=3)
    arguments.add_argument("--seed", type=int, default=1)
    options = arguments.parse_args()
    main(options.rows, options.rounds, options.seed)
