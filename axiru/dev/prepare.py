"""`python -m axiru.dev.prepare`: get the programs a stack needs before anybody waits for one, the tests above all."""

import asyncio
import sys

from axiru.dev.binaries import find_stripe_mock, find_toxiproxy
from axiru.dev.refusal import StackRefused
from axiru.dev.temporal_binary import find_temporal


async def prepare() -> None:
    """Find or build the Temporal server, stripe-mock and toxiproxy. Raises PartMissing without a Temporal server."""
    await find_temporal()
    await find_stripe_mock()
    await find_toxiproxy()


if __name__ == "__main__":
    try:
        asyncio.run(prepare())
    except StackRefused as refusal:
        sys.exit(f"Error: {refusal.message}")
