"""`axiru policy list`, `show`, `draft`, `publish`, `activate` and so on: the policies of a running Axiru."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from axiru.cli.remote import AS_JSON, Remote, place_text, say

FILE = click.Path(path_type=Path, exists=True, dir_okay=False)


class VersionNumber(click.ParamType[str]):
    """`3` or `v3`."""

    name = "version"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        digits = str(value).removeprefix("v")
        if not (digits.isascii() and digits.isdigit()):
            self.fail(f"{value!r} is not the number of a version, such as 3 or v3.", param, ctx)
        return digits


VERSION = VersionNumber()


@click.command("list")
@AS_JSON
def list_policies(as_json: bool) -> None:
    """List the policies: what is live, what looks on, what is being written."""
    say(Remote.from_environment().get("policies"), _policies, as_json=as_json)


@click.command()
@click.argument("slug")
@click.argument("version", type=VERSION, required=False)
@click.option("--yaml", "form", flag_value="yaml", help="only the YAML of VERSION")
@click.option("--plain", "form", flag_value="plain", help="only the plain language of VERSION")
@AS_JSON
def show(slug: str, version: str | None, form: str | None, as_json: bool) -> None:
    """Show the versions of SLUG, or what VERSION of it says."""
    remote = Remote.from_environment()
    if version is None:
        say(remote.get("policies", slug), _overview, as_json=as_json)
        return
    told = remote.get("policies", slug, "versions", version)
    say(told, (lambda told: [told[form].rstrip()]) if form else _in_full, as_json=as_json)


@click.command()
@click.argument("file", type=FILE)
@click.option("--note", default=None, help="why, for whoever is asked to activate it")
@click.option("--draft", "draft_id", help="save over this draft instead of beginning one", metavar="ID")
@AS_JSON
def draft(file: Path, note: str | None, draft_id: str | None, as_json: bool) -> None:
    """Save FILE as a draft: `.policy` is plain language, everything else YAML."""
    remote = Remote.from_environment()
    body = {"text": _text(file), "format": "plain" if file.suffix == ".policy" else "yaml"}
    if draft_id is None:
        told = remote.post("policies", "drafts", body={**body, "note": note or ""})
    else:
        kept = remote.get("policies", "drafts", draft_id)
        change = {**body, "note": kept["note"] if note is None else note, "revision": kept["revision"]}
        told = remote.put("policies", "drafts", draft_id, body=change)
    say(told, _draft, as_json=as_json)


@click.command()
@click.argument("draft_id", metavar="DRAFT")
def discard(draft_id: str) -> None:
    """End DRAFT without publishing it."""
    Remote.from_environment().delete("policies", "drafts", draft_id)
    click.echo(f"{draft_id}: discarded")


@click.command()
@click.argument("draft_id", metavar="DRAFT")
@AS_JSON
def publish(draft_id: str, as_json: bool) -> None:
    """Publish DRAFT as the next version of its policy. It looks on until somebody else activates it."""
    say(Remote.from_environment().post("policies", "drafts", draft_id, "publish"), _version, as_json=as_json)


@click.command()
@click.argument("slug")
@click.argument("version", type=VERSION)
@click.option("--percent", type=click.IntRange(1, 100), default=100, help="a share of the customers; default: all")
@AS_JSON
def activate(slug: str, version: str, percent: int, as_json: bool) -> None:
    """Put VERSION of SLUG in force. Its authors cannot; a retired version is a roll-back."""
    path = ("policies", slug, "versions", version, "activate")
    say(Remote.from_environment().post(*path, body={"percent": percent}), _version, as_json=as_json)


@click.command()
@click.argument("slug")
@click.argument("version", type=VERSION)
@AS_JSON
def retire(slug: str, version: str, as_json: bool) -> None:
    """Take VERSION of SLUG out: it neither decides nor looks on."""
    path = ("policies", slug, "versions", version, "retire")
    say(Remote.from_environment().post(*path), _version, as_json=as_json)


@click.command()
@click.argument("slug")
@click.argument("version", type=VERSION)
@AS_JSON
def shadow(slug: str, version: str, as_json: bool) -> None:
    """Let VERSION of SLUG, retired or a canary, only look on."""
    path = ("policies", slug, "versions", version, "shadow")
    say(Remote.from_environment().post(*path), _version, as_json=as_json)


def _policies(told: dict[str, Any]) -> Iterator[str]:
    for policy in told["items"]:
        active = f"active {policy['live']['name']}" if policy["live"] else "none active"
        shadows = ", ".join(f"{shadow['name']}{_share(shadow)}" for shadow in policy["shadows"])
        yield f"{policy['slug']}: {active}{f', shadow {shadows}' if shadows else ''}"
        yield from _drafts(policy)


def _overview(told: dict[str, Any]) -> Iterator[str]:
    for version in told["versions"]:
        yield from _version(version)
    yield from _drafts(told)


def _in_full(told: dict[str, Any]) -> Iterator[str]:
    yield from _version(told)
    yield ""
    yield told["plain"].rstrip()
    yield from map(place_text, told["findings"])


def _version(told: dict[str, Any]) -> Iterator[str]:
    by = f", activated by {told['activated_by']['name']}" if told["activated_by"] else ""
    authors = _names(told["authors"])
    yield f"{told['slug']} {told['name']}: {told['status']}{_share(told)}, written by {authors}{by}"
    if told["note"]:
        yield f"    {told['note']}"


def _drafts(policy: dict[str, Any]) -> Iterator[str]:
    for kept in policy["drafts"]:
        yield f"    draft {kept['id']} by {_names(kept['authors'])}, saved {kept['updated_at']}"


def _draft(told: dict[str, Any]) -> Iterator[str]:
    yield f"{told['id']}: draft of {told['slug']}, revision {told['revision']}"
    yield from (f"  {place_text(finding)}" for finding in told["findings"])


def _share(version: dict[str, Any]) -> str:
    return f" ({version['canary_percent']} %)" if version["canary_percent"] else ""


def _names(people: list[dict[str, str]]) -> str:
    return ", ".join(person["name"] for person in people)


def _text(file: Path) -> str:
    try:
        return file.read_text("utf-8")
    except UnicodeDecodeError as error:
        raise click.ClickException(f"{file} is not UTF-8: byte {error.start}.") from error


COMMANDS = (list_policies, show, draft, discard, publish, activate, retire, shadow)
