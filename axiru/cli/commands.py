"""The group `axiru` and its commands."""

from typing import Any

import click

from axiru.cli import policy_comparison, policy_remote, policy_template
from axiru.cli.contract_suite import contract_suite
from axiru.cli.dev import dev
from axiru.cli.keys import keys
from axiru.cli.ledger import ledger
from axiru.cli.mcp import mcp
from axiru.cli.policy import policy
from axiru.cli.processes import api, console, migrate, worker
from axiru.cli.replay import replay
from axiru.cli.settings import settings
from axiru.errors import AxiruError


class OneSentence(click.Group):
    """Says a refusal as one sentence and exits with 1; a traceback is for what nobody foresaw."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command. Raises click.ClickException for an AxiruError."""
        try:
            return super().invoke(ctx)
        except AxiruError as error:
            raise click.ClickException(error.message) from error


@click.group(cls=OneSentence)
@click.version_option(package_name="axiru")
def axiru() -> None:
    """Axiru decides before money moves."""


for command in (*policy_remote.COMMANDS, *policy_comparison.COMMANDS, *policy_template.COMMANDS):
    policy.add_command(command)

for command in (dev, api, worker, console, mcp, migrate, policy, replay, ledger, keys, contract_suite, settings):
    axiru.add_command(command)
