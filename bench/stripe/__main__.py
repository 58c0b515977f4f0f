"""`python -m bench.stripe [--refunds N] [--per-second N]`: pulls a history from the sandbox and judges it, prints JSON.

All parts are real: PostgreSQL of a stack of its own, the sandbox as a process, the activities as a worker runs them.
"""

import argparse
import asyncio
import json
import os
import resource
import socket
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import httpx
from temporalio.testing import ActivityEnvironment

from activities.history import Replays
from activities.stripe_client import StripeClients
from activities.stripe_history import StripeHistory
from axiru.database import connected, row, rows
from axiru.dev.demo import seed_demo
from axiru.dev.home import Home
from axiru.domain.replay import ReplayInput
from axiru.settings import Settings
from axiru.vault import Vault
from bench.stripe.past import write_past
from policies import pack

REPLAY = "rp_bench"
READY_SECONDS = 400


def main(refunds: int, per_second: int) -> None:
    with tempfile.TemporaryDirectory() as directory:
        home, until = Path(directory) / "home", datetime.now(UTC).replace(microsecond=0)
        past = write_past(Path(directory) / "stripe", refunds=refunds, until=until)
        port = _free_port()
        started = [
            _python("axiru.cli", "dev", "--home", str(home), "--only", "postgres"),
            _python("axiru.dev.sandbox", "--port", str(port), "--state", str(Path(directory) / "stripe")),
        ]
        try:
            _wait_for(home / "dev.json", f"http://127.0.0.1:{port}/_sandbox/health")
            dev = json.loads((home / "dev.json").read_text())
            settings = Settings(
                database_url=dev["database_url"],
                vault_key_file=str(Home(home).vault_key()),
                stripe_api_base=f"http://127.0.0.1:{port}",
                stripe_reads_per_second=per_second,
            )
            measured = asyncio.run(_measured(settings, home, dev["database_admin_url"], until))
        finally:
            for process in reversed(started):
                process.terminate()
                process.wait(60)
    print(json.dumps({"refunds": len(past.refunds), "cores": os.cpu_count(), "per_second": per_second, **measured}))


async def _measured(settings: Settings, home: Path, admin_url: str, until: datetime) -> dict[str, object]:
    password = urlsplit(settings.database_url).password or ""
    environment = {"AXIRU_DATABASE_ADMIN_URL": admin_url, "AXIRU_APP_ROLE_PASSWORD": password}
    migrating = await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-m", "axiru.cli", "migrate"), env=os.environ | environment, stdout=sys.stderr
    )
    if await migrating.wait():
        sys.exit("The database could not be migrated.")
    await seed_demo(settings, home, admin_url=admin_url)
    clients = StripeClients(settings, Vault.from_settings(settings))
    async with connected(settings):
        await _ask(until)
        pulling = StripeHistory(settings, clients)
        asked = ReplayInput(REPLAY, pulls=True)
        began, before = time.monotonic(), time.process_time()
        await ActivityEnvironment().run(pulling.pull, asked)
        pulled = time.monotonic() - began
        cpu = time.process_time() - before
        await ActivityEnvironment().run(Replays().replay, asked)
        judged = time.monotonic() - began - pulled
        found = await row("SELECT pulled FROM replay_pulls WHERE replay_id = {}", REPLAY)
        await clients.close()
    count = int(found["pulled"]) if found else 0
    return {
        "pull_seconds": round(pulled, 1),
        "refunds_a_second": round(count / pulled),
        "pull_cpu_seconds": round(cpu, 1),
        "judge_seconds": round(judged, 1),
        "peak_memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        "peak_memory_of_judge_mb": resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024,
    }


async def _ask(until: datetime) -> None:
    await rows(
        "INSERT INTO replays (id, organization_id, mode, source, title, state, policy_source, policy_name, since, "
        "until, requested_by, created_at, expires_at, stripe_connection_id) SELECT {}, 'org_demo', 'test', 'stripe', "
        "'', 'waiting', {}, 'refunds-starter', {}, {}, id, now(), now() + interval '1 day', 'stripe_conn_demo' "
        "FROM members WHERE email = 'admin@demo.example'",
        REPLAY,
        pack("refunds-starter"),
        until - timedelta(days=90),
        until,
    )


def _python(module: str, *arguments: str) -> "subprocess.Popen[bytes]":
    return subprocess.Popen([sys.executable, "-P", "-m", module, *arguments], stdout=sys.stderr)  # noqa: S603


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_for(file: Path, url: str) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline:
        try:
            httpx.get(url)
        except httpx.TransportError:
            time.sleep(0.1)
            continue
        if file.exists():
            return
        time.sleep(0.1)
    sys.exit("The parts did not start in time.")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m bench.stripe", description=__doc__)
    parser.add_argument("--refunds", type=int, default=10_000)
    parser.add_argument("--per-second", type=int, default=25, help="requests; 10 is what a worker does by itself")
    options = parser.parse_args()
    main(options.refunds, options.per_second)
