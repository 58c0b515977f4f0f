"""Keys of tokens rotate every minute by the schedule, at 50 requests a second: no token fails anybody."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx

from axiru.dev.dev_json import DevJson
from bench.tokens.rotation import run

LEAD_SECONDS = 15
MINUTES = 4


async def test_rotation_every_minute_under_load_fails_nobody(start_stack: Callable[..., Any], tmp_path: Path) -> None:
    process = start_stack(
        tmp_path / "home",
        environment={
            "AXIRU_TOKEN_ROTATION_HOURS": str(1 / 60),
            "AXIRU_TOKEN_KEY_LEAD_SECONDS": str(LEAD_SECONDS),
            "AXIRU_TOKEN_KEY_TAIL_SECONDS": "25",
            "AXIRU_TOKEN_SECONDS": "25",
        },
    )
    stack: DevJson = process.ready()
    headers = {"Authorization": f"Bearer {stack.api_keys['authorizations']}"}
    async with httpx.AsyncClient(base_url=stack.api_url, timeout=30, headers=headers) as http:
        done = await run(
            http, audience=stack.organization_id, seconds=MINUTES * 60, per_second=50, kept_seconds=LEAD_SECONDS
        )
        left = (await http.get("/axiru-jwks.json")).json()["keys"]

    assert not done.failures
    assert done.tokens == MINUTES * 60 * 50
    assert done.verified >= done.tokens * 3
    assert done.refused >= done.tokens * 2
    assert len(done.key_ids) >= MINUTES
    assert len(left) <= 3, "keys whose tokens are over have left the set"
    assert process.stop() == 0
