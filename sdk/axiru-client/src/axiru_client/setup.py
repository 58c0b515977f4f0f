"""What both clients are made from."""

import os
from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from ssl import SSLContext
from typing import Any, TypedDict

from axiru_client.core import Core, OnHold
from axiru_client.fail_safe_cache import FailSafeCache
from axiru_client.hold_file import HoldFile
from axiru_client.requests import known_options
from axiru_client.retry import Retry
from axiru_client.vocabulary import Mode


class ClientOptions(TypedDict, total=False):
    """`directory` keeps holds and the fail-safe document; put it where it outlives the process and the host.

    `organization` and `fail_safe_keys` (JWKs) pin whose document is taken; without keys the first one that is shown is
    trusted from then on. `issuer` is `base_url` unless Axiru goes by another public URL.
    """

    directory: Path | str
    organization: str
    issuer: str
    fail_safe_keys: Sequence[Mapping[str, Any]]
    retry: Retry
    on_hold: OnHold
    verify: SSLContext | bool


def core_of(base_url: str, api_key: str, options: ClientOptions) -> Core:
    """The rules for one Axiru and one key.

    Raises ValueError for a key of no mode or an address that is none, TypeError for an unknown option, HoldNotWritten,
    FailSafeInvalid.
    """
    known_options(options, ClientOptions)
    if not base_url.startswith(("https://", "http://")):
        # Every request would be held, for a mistake that no waiting mends.
        raise ValueError("the address of Axiru begins with https:// (or http://)")
    mode, base_url = _mode(api_key), base_url.rstrip("/")
    directory = Path(options.get("directory") or _default_directory()).expanduser()
    holds = HoldFile(directory / "holds.sqlite3", scope=f"{mode} {base_url}")
    name = sha256(base_url.encode()).hexdigest()[:12]
    fail_safe = FailSafeCache(
        directory / f"fail-safe-{mode}-{name}.json",
        issuer=options.get("issuer", base_url),
        audience=options.get("organization"),
        mode=mode,
        pinned=options.get("fail_safe_keys", ()),
    )
    return Core(holds, fail_safe, options.get("retry", Retry()), options.get("on_hold"))


def headers_of(api_key: str) -> dict[str, str]:
    """What every request carries."""
    return {
        "Authorization": f"Bearer {api_key}",
        "Content-Type": "application/json",
        "Accept": "application/json",
        "Axiru-Outcome-Style": "integration",
    }


def _mode(api_key: str) -> Mode:
    for mode in ("test", "live"):
        if api_key.startswith(f"ak_{mode}_"):
            return mode
    raise ValueError("an API key of Axiru begins with ak_test_ or ak_live_")


def _default_directory() -> Path:
    state = os.environ.get("XDG_STATE_HOME")
    return (Path(state) if state else Path.home() / ".local" / "state") / "axiru-client"
