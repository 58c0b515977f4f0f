"""`dev.json`: what a running stack tells programs that want to use it. Its form is promised to the outside."""

from pathlib import Path

import msgspec

from axiru.dev.files import write_private

DEMO_ORGANIZATION_ID = "org_demo"


class DevUser(msgspec.Struct, frozen=True):
    """A member of the demo organization who can log in."""

    email: str
    password: str
    roles: list[str]


class Pids(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Process ids by part; a part that does not run here is left out."""

    postgres: int | None = None
    valkey: int | None = None
    temporal: int | None = None
    stripe_mock: int | None = None
    stripe: int | None = None
    slack: int | None = None
    mail: int | None = None
    api: list[int] | None = None
    worker: list[int] | None = None
    console: int | None = None
    stack: int | None = None


class DevJson(msgspec.Struct, frozen=True, kw_only=True):
    """Addresses, keys and process ids of a running stack; an empty string is a part that was not asked for.

    `messages_url` shows the mails that were sent, `slack_url` the workspace. `agent_api_keys` are keys for one agent
    each, by its id.
    """

    home: str
    api_url: str = ""
    console_url: str = ""
    issuer: str = ""
    temporal_address: str = ""
    temporal_namespace: str = ""
    temporal_ui_url: str = ""
    database_url: str = ""
    database_admin_url: str = ""
    redis_url: str = ""
    stripe_api_base: str = ""
    slack_url: str = ""
    messages_url: str = ""
    organization_id: str = ""
    api_keys: dict[str, str] = {}
    agent_api_keys: dict[str, str] = {}
    users: list[DevUser] = []
    slack_signing_secret: str = ""
    stripe_webhook_secret: str = ""
    pids: Pids = Pids()


def write(path: Path, content: DevJson) -> None:
    """Replace the file in one step, mode 0600: readers see the old or the new one, never a half."""
    write_private(path, msgspec.json.format(msgspec.json.encode(content)) + b"\n")


def read(path: Path) -> DevJson:
    """The file of a running stack. Raises FileNotFoundError when none runs."""
    return msgspec.json.decode(path.read_bytes(), type=DevJson)
