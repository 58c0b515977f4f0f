"""The product that is tried: a stack of `axiru dev`, found by its home, with the settings its API really runs with."""

from pathlib import Path
from urllib.parse import urlsplit

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
    if missing := [name for name in ("decisions", "authorizations", "admin") if not dev.api_keys.get(name)]:
        raise SuiteCannotRun(f"{home / 'dev.json'} names no API key for: {', '.join(missing)}.")
    return Target(dev, _settings_of_api(dev))


def home_of(url: str) -> Path:
    """The home of the stack on this machine whose API listens at `url`, by its vault key. Raises SuiteCannotRun."""
    try:
        port = urlsplit(url).port
        listening = {
            connection.pid
            for connection in psutil.net_connections("tcp")
            if connection.status == psutil.CONN_LISTEN and tuple(connection.laddr)[1:] == (port,) and connection.pid
        }
        keys = [psutil.Process(pid).environ().get("AXIRU_VAULT_KEY_FILE") for pid in listening]
    except (psutil.Error, ValueError) as error:
        raise SuiteCannotRun(f"Whose API is at {url} cannot be seen ({error}): name its home with --home.") from error
    homes = {Path(key).parent for key in keys if key}
    if len(homes) != 1:
        raise SuiteCannotRun(f"No `axiru dev` of this machine listens at {url}: name its home with --home.")
    return homes.pop()


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
