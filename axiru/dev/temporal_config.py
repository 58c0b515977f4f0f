"""`temporal-dev.yaml` as a struct and as flags of `temporal server start-dev`."""

import json
from pathlib import Path

import msgspec

from axiru.dev.refusal import StackRefused

FILE = Path(__file__).resolve().parents[2] / "temporal-dev.yaml"


class Server(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The listening side. Ports are preferences: a taken one is replaced by a free one."""

    ip: str
    port: int
    ui_port: int
    database_file: str
    log_level: str


class Namespace(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The one namespace of the dev server; `retention` is a duration as Temporal writes it (`168h`)."""

    name: str
    retention: str


class TemporalConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The whole file. Unknown fields do not load, so a misspelt setting is not silently without effect."""

    server: Server
    namespace: Namespace
    search_attributes: dict[str, str] = {}
    sqlite_pragmas: dict[str, str] = {}
    dynamic_config: dict[str, bool | int | float | str] = {}


def load(file: Path = FILE) -> TemporalConfig:
    """Read the file. Raises StackRefused naming what does not fit."""
    try:
        return msgspec.yaml.decode(file.read_bytes(), type=TemporalConfig)
    except FileNotFoundError as error:
        raise StackRefused(f"{file} is not there: `axiru dev` runs from a checkout of the repository.") from error
    except msgspec.DecodeError as error:
        raise StackRefused(f"{file} does not fit: {error}.") from error


def flags(config: TemporalConfig, *, port: int, ui_port: int, directory: Path) -> tuple[str, ...]:
    """Arguments after `temporal server start-dev`."""
    server = config.server
    return (
        *("--ip", server.ip, "--port", str(port), "--ui-port", str(ui_port)),
        *("--db-filename", str(directory / server.database_file)),
        *("--log-level", server.log_level),
        *("--namespace", config.namespace.name),
        *_repeated("--search-attribute", config.search_attributes),
        *_repeated("--sqlite-pragma", config.sqlite_pragmas),
        *_repeated("--dynamic-config-value", {key: json.dumps(value) for key, value in config.dynamic_config.items()}),
    )


def _repeated(flag: str, values: dict[str, str]) -> tuple[str, ...]:
    return tuple(argument for key, value in values.items() for argument in (flag, f"{key}={value}"))
