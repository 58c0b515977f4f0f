"""The product that is tried: a stack of `axiru dev`, found by its home, with the settings its API really runs with."""

from pathlib import Path

import msgspec
import psutil

from axiru.contract_suite.refusal import SuiteCannotRun
from axiru.dev import dev_json
from axiru.dev.dev_json import DevJson
from axiru.errors import ConfigurationInvalid
from axiru.settings import Settings


class Target(msgspec.Struct, frozen=True):
    """What the suite is told about itself by a stack, and the settings of its API."""

    dev: DevJson
    settings: Settings


def find_target(home: Path, url: str | None = None) -> Target:
    """The stack in `home`, whose API has to be at `url` where that is given. Raises SuiteCannotRun."""
    try:
        dev = dev_json.read(home / "dev.json")
    except FileNotFoundError as error:
        raise SuiteCannotRun(
            f"No stack runs in {home} (there is no dev.json): name its home with --home, or leave out --target."
        ) from error
    except (OSError, msgspec.DecodeError) as error:
        raise SuiteCannotRun(f"{home / 'dev.json'} cannot be read: {error}") from error
    if url is not None and dev.api_url.rstrip("/") != url.rstrip("/"):
        raise SuiteCannotRun(f"The stack in {home} is at {dev.api_url or 'no URL'}, not at {url}.")
    if missing := [name for name in ("decisions", "admin") if not dev.api_keys.get(name)]:
        raise SuiteCannotRun(f"{home / 'dev.json'} names no API key for: {', '.join(missing)}.")
    return Target(dev, _settings_of_api(dev))


def _settings_of_api(dev: DevJson) -> Settings:
    """From the environment of its process: the twin is to differ from it in addresses only."""
    try:
        environment = psutil.Process((dev.pids.api or [0])[0]).environ()
        settings = Settings.from_environment(environment)
    except (psutil.Error, OSError, ConfigurationInvalid) as error:
        raise SuiteCannotRun(f"The settings of the API at {dev.api_url} cannot be read: {error}") from error
    if not settings.database_url:
        raise SuiteCannotRun(f"The process of the API at {dev.api_url} has no settings of Axiru.")
    return settings
