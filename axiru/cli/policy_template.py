"""`axiru policy templates` and `template`: policies to start from, with values of one's own."""

from collections.abc import Iterator
from typing import Any

import click

from axiru.cli.remote import AS_JSON, REFUSED, Remote, place_text, say

_INTEGERS = ("amount", "count")


@click.command()
@AS_JSON
def templates(as_json: bool) -> None:
    """List the templates with what each leaves open."""
    say(Remote.from_environment().get("policies", "templates"), _templates, as_json=as_json)


@click.command()
@click.argument("name")
@click.option("-p", "given", multiple=True, metavar="KEY=VALUE", help="a parameter; lists with commas between")
@click.option("--slug", help="what the policy is called; default: the template's name")
@click.option("--plain", is_flag=True, help="plain language instead of YAML")
@AS_JSON
def template(name: str, given: tuple[str, ...], slug: str | None, plain: bool, as_json: bool) -> None:
    """Print the policy that NAME comes to, ready to be saved as a file. Exit 1 with what is wrong with a value."""
    remote = Remote.from_environment()
    types = {each["name"]: each["type"] for each in remote.get("policies", "templates", name)["parameters"]}
    parameters = dict(_parameter(pair, types) for pair in given)
    told = remote.post("policies", "templates", name, body={"parameters": parameters, "slug": slug})
    if told["errors"] and not as_json:
        for error in told["errors"]:
            click.echo(place_text(error), err=True)
        raise SystemExit(REFUSED)
    say(told, lambda told: [told["plain" if plain else "yaml"].rstrip()], as_json=as_json)


def _parameter(pair: str, types: dict[str, str]) -> tuple[str, Any]:
    key, equals, value = pair.partition("=")
    if not equals:
        raise click.UsageError(f"{pair!r} is not KEY=VALUE.")
    kind = types.get(key, "")
    if kind.startswith("list_of_"):
        return key, [item.strip() for item in value.split(",")]
    whole = value.removeprefix("-")
    return key, int(value) if kind in _INTEGERS and whole.isascii() and whole.isdigit() and len(whole) < 16 else value


def _templates(told: dict[str, Any]) -> Iterator[str]:
    for shipped in told["items"]:
        yield f"{shipped['name']}: {shipped['description']}"
        for parameter in shipped["parameters"]:
            default = parameter["default"]
            shown = ",".join(map(str, default)) if isinstance(default, list) else default
            yield f"    {parameter['name']}={shown} ({parameter['type']}) {parameter['description']}"


COMMANDS = (templates, template)
