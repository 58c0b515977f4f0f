"""`python -m axiru.dev.prepare`: get the programs a stack needs before anybody waits for one, the tests above all."""

import asyncio
import sys

from axiru.dev.binaries import find_stripe_mock
from axiru.dev.refusal import StackRefused
from axiru.dev.temporal_binary import find_temporal


async def prepare() -> None:
    """Find or build the Temporal server and stripe-mock. Raises PartMissing without a Temporal server."""
    await find_temporal()
    await find_stripe_mock()


if __name__ == "__main__":
    try:
        asyncio.run(prepare())
    except StackRefused as refusal:
        sys.exit(f"Error: {refusal.message}")
