"""What the stand-in remembers: messages, ephemeral ones, modals and App Homes, in one JSON file."""

from pathlib import Path
from typing import Any

import msgspec

from axiru.dev.files import write_private


class Message(msgspec.Struct, kw_only=True):
    """`ts` names it within its channel; `edited` counts its updates."""

    channel: str
    ts: str
    text: str
    blocks: list[dict[str, Any]]
    thread_ts: str | None = None
    edited: int = 0


class Ephemeral(msgspec.Struct, frozen=True, kw_only=True):
    """A message that one person sees."""

    channel: str
    user: str
    text: str
    blocks: list[dict[str, Any]]


class OpenView(msgspec.Struct, frozen=True, kw_only=True):
    """A modal that was opened for a person and not submitted yet."""

    id: str
    user: str
    view: dict[str, Any]


class Workspace(msgspec.Struct, kw_only=True):
    """All of it. `counter` makes timestamps and ids unique over restarts."""

    counter: int = 0
    messages: list[Message] = msgspec.field(default_factory=list)
    ephemerals: list[Ephemeral] = msgspec.field(default_factory=list)
    views: list[OpenView] = msgspec.field(default_factory=list)
    homes: dict[str, dict[str, Any]] = msgspec.field(default_factory=dict)


class StateFile:
    """The workspace, and the file it is kept in. Raises msgspec.DecodeError when opened on a damaged file."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._path = directory / "slack-sandbox.json"
        try:
            self.workspace = msgspec.json.decode(self._path.read_bytes(), type=Workspace)
        except FileNotFoundError:
            self.workspace = Workspace()

    def next_number(self) -> int:
        self.workspace.counter += 1
        return self.workspace.counter

    def keep(self) -> None:
        """Write what changed."""
        write_private(self._path, msgspec.json.encode(self.workspace))

    def forget(self) -> None:
        """An empty workspace; numbers go on, so that no timestamp comes twice."""
        self.workspace = Workspace(counter=self.workspace.counter)
        self.keep()

    def message(self, channel: str, ts: str) -> Message | None:
        found = (one for one in self.workspace.messages if (one.channel, one.ts) == (channel, ts))
        return next(found, None)
