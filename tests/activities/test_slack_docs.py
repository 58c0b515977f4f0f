"""The manifest in the documentation is one that Slack could take, of what is served here."""

from pathlib import Path
from urllib.parse import urlsplit

import yaml

from api.app import ROUTES
from api.slack.commands import HELP

PAGE = (Path(__file__).parents[2] / "docs" / "slack.md").read_text("utf-8")
MANIFEST = yaml.safe_load(PAGE.split("```yaml\n")[1].split("```")[0])


def test_every_address_in_the_manifest_is_served_and_the_other_way_round() -> None:
    (command,) = MANIFEST["features"]["slash_commands"]
    settings = MANIFEST["settings"]
    urls = [command["url"], settings["event_subscriptions"]["request_url"], settings["interactivity"]["request_url"]]

    served = {path for route in ROUTES for path in route.paths if path.startswith("/slack/")}
    assert {urlsplit(url).path for url in urls} == served


def test_commands_on_the_page_are_those_that_help_names() -> None:
    named = {line.split("`")[1].split()[1] for line in HELP.splitlines()}

    assert {line.split("`")[1].split()[1] for line in PAGE.splitlines() if line.startswith("| `/axiru ")} == named
