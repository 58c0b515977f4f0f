"""`axiru policy diff` and `preview`: what a version would have said, and what activating it would change."""

from collections.abc import Iterator
from typing import Any

import click

from axiru.cli.policy_remote import VERSION
from axiru.cli.remote import AS_JSON, Remote, say
from axiru.domain.currency import exponent_of

SINCE = click.option("--since", help="RFC 3339; default: seven days before --until", metavar="TIME")
UNTIL = click.option("--until", help="RFC 3339, exclusive; default: now", metavar="TIME")
MODE = click.option("--mode", type=click.Choice(["test", "live"]), help="for log-ins; a key sees its own mode")


@click.command()
@click.argument("slug")
@click.argument("version", type=VERSION)
@SINCE
@UNTIL
@MODE
@AS_JSON
def diff(slug: str, version: str, as_json: bool, **period: str | None) -> None:
    """Show where VERSION of SLUG would have said something else than what was live, by rule and reason."""
    say(Remote.from_environment().get("policies", slug, "versions", version, "diff", **period), _diff, as_json=as_json)


@click.command()
@click.argument("slug")
@click.argument("version", type=VERSION)
@SINCE
@UNTIL
@MODE
@AS_JSON
def preview(slug: str, version: str, as_json: bool, **period: str | None) -> None:
    """Say what activating VERSION of SLUG would change, as far as the decisions it looked on at tell."""
    told = Remote.from_environment().get("policies", slug, "versions", version, "promotion", **period)
    say(told, lambda told: told["sentences"], as_json=as_json)


def _diff(told: dict[str, Any]) -> Iterator[str]:
    if not told["compared"]:
        yield f"{told['slug']} {told['name']} looked on at no decision from {told['since']} to {told['until']}."
        return
    yield f"{told['agreed']:,} of {told['compared']:,} decisions agree ({told['agreement_rate']:.1%})."
    for change in told["changes"]:
        before, after = change["live_rule"] or "default", change["rule"] or "default"
        outcomes = f"{change['live_outcome']} ({before}) → {change['outcome']} ({after})"
        # Reviews on both sides differ in who is asked, or until when.
        why = "other approvers" if change["live_outcome"] == change["outcome"] else change["reason"]
        yield f"{change['count']:>7,}  {outcomes}: {why}, {_money(change['amount'])}"
        yield f"         such as {', '.join(change['examples'])}"


def _money(amounts: dict[str, int]) -> str:
    return " + ".join(f"{_decimal(units, currency)} {currency.upper()}" for currency, units in amounts.items())


def _decimal(units: int, currency: str) -> str:
    decimals = exponent_of(currency)
    whole, rest = divmod(units, 10**decimals)
    return f"{whole:,}.{rest:0{decimals}}" if decimals else f"{whole:,}"


COMMANDS = (diff, preview)
