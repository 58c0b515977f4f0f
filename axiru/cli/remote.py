"""Commands that ask a running Axiru over HTTP: where it is, whose key, and how its answers look in a terminal."""

import json
import sys
from collections.abc import Callable, Iterable
from typing import Any, Final, NoReturn
from urllib.parse import quote

import click

REFUSED: Final = 1
CANNOT_RUN: Final = 2
_TIMEOUT_SECONDS: Final = 30.0


class Remote:
    """The API at `AXIRU_API_URL`, called with `AXIRU_API_KEY`: an API key, or the token of a log-in."""

    def __init__(self, url: str, key: str) -> None:
        self._url = url.rstrip("/")
        self._headers = {"Authorization": f"Bearer {key}", "Axiru-Outcome-Style": "integration"}

    @classmethod
    def from_environment(cls) -> "Remote":
        """Exits with 2 where no key is set."""
        from axiru.settings import Settings  # noqa: PLC0415

        settings = Settings.from_environment()
        if not settings.api_key:
            _cannot_run("AXIRU_API_KEY is not set: it is the API key, or the token of a log-in, that this acts for.")
        return cls(settings.api_url, settings.api_key)

    def get(self, *path: str, **query: Any) -> Any:
        """What the API answers; `path` is what follows /api/v1. Exits with 1 when it refuses, 2 out of reach."""
        given = {name: value for name, value in query.items() if value is not None}
        return self._call("GET", path, params=given)

    def post(self, *path: str, body: Any = None) -> Any:
        return self._call("POST", path, json={} if body is None else body)

    def put(self, *path: str, body: Any) -> Any:
        return self._call("PUT", path, json=body)

    def delete(self, *path: str) -> Any:
        return self._call("DELETE", path)

    def _call(self, method: str, path: tuple[str, ...], **options: Any) -> Any:
        import httpx  # noqa: PLC0415 - commands that need no server start without it

        url = "/".join([self._url, "api/v1", *(quote(segment, safe="") for segment in path)])
        try:
            answer = httpx.request(method, url, headers=self._headers, timeout=_TIMEOUT_SECONDS, **options)
            told = answer.json() if answer.content else None
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            _cannot_run(f"{self._url} cannot be reached: {error}.")
        except ValueError:
            _cannot_run(f"{self._url} is not Axiru's API: it answered {answer.status_code} without JSON.")
        if not answer.is_success:
            _say_refusal(told if isinstance(told, dict) else {})
            sys.exit(REFUSED)
        return told


AS_JSON = click.option("--json", "as_json", is_flag=True, help="print the API's answer as JSON")


def say(told: Any, lines: Callable[[Any], Iterable[str]], *, as_json: bool) -> None:
    """The API's own answer for other programs, or what people read of it."""
    if as_json:
        click.echo(json.dumps(told, indent=2, ensure_ascii=False))
        return
    for line in lines(told):
        click.echo(line)


def _say_refusal(told: dict[str, Any]) -> None:
    """The sentence, then everything that is wrong, one line each, on standard error."""
    click.echo(f"Error: {told.get('message', 'The API refused.')} [{told.get('error', 'unknown')}]", err=True)
    places = [*told.get("errors", ()), *told.get("findings", ())]
    for place in places:
        click.echo(f"  {place_text(place)}", err=True)
    for field in () if places else told.get("field_errors", ()):
        click.echo(f"  {field['field']}: {field['message']}", err=True)


def place_text(place: dict[str, Any]) -> str:
    """An error or a finding in a text: where, what, and what would be right."""
    where = f"{place['line']}:{place['column']}: "
    severity = f"{place['severity']}: " if "severity" in place else ""
    lines = [f"{where}{severity}{place['message']} [{place['code']}]"]
    for name in ("expected", "nearest", "hint"):
        if place.get(name):
            lines.append(f"      {name}: {place[name]}")
    return "\n".join(lines)


def _cannot_run(sentence: str) -> NoReturn:
    click.echo(f"Error: {sentence}", err=True)
    sys.exit(CANNOT_RUN)
