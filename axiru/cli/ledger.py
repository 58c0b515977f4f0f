"""`axiru ledger`: verify and export what was sealed. `AXIRU_DATABASE_URL` is all it needs."""

import sys
from pathlib import Path

import click

CANNOT_RUN = 2

DATABASE_URL = click.option(
    "--database-url", envvar="AXIRU_DATABASE_URL", help="the database to read [AXIRU_DATABASE_URL]", metavar="URL"
)
ORGANIZATION = click.option("--org", "organization_id", help="only this organization", metavar="ID")


@click.group()
def ledger() -> None:
    """Verify and export the ledger."""


@ledger.command()
@DATABASE_URL
@ORGANIZATION
@click.option(
    "--public-keys",
    type=click.Path(path_type=Path),
    help="file with the JWK or JWK set to trust, instead of the keys in the database",
)
def verify(database_url: str | None, organization_id: str | None, public_keys: Path | None) -> None:
    """Check every entry, hash and signature. Exit 0 intact; 1 tampered, naming the first bad seq; 2 cannot run."""
    from ledger.verify_command import verify as run  # noqa: PLC0415

    sys.exit(run(_required(database_url), organization_id, str(public_keys) if public_keys else None))


@ledger.command()
@DATABASE_URL
@ORGANIZATION
@click.option("--format", "form", type=click.Choice(["ndjson", "csv"]), required=True)
def export(database_url: str | None, organization_id: str | None, form: str) -> None:
    """Write the sealed entries to standard output. Exit 0; 1 an entry is broken; 2 cannot run."""
    from ledger.exports import export as run  # noqa: PLC0415

    try:
        code = run(_required(database_url), "csv" if form == "csv" else "ndjson", sys.stdout.buffer, organization_id)
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader (`head`) has enough. Python would complain once more when it closes standard output.
        sys.stderr.close()
        code = 0
    sys.exit(code)


@ledger.command()
@DATABASE_URL
def keys(database_url: str | None) -> None:
    """Print the ledger's public keys as a JWK set, to keep for `verify --public-keys`. Exit 0; 2 cannot run."""
    from ledger.public_keys import print_public_keys  # noqa: PLC0415

    sys.exit(print_public_keys(_required(database_url)))


def _required(database_url: str | None) -> str:
    if not database_url:
        click.echo("AXIRU_DATABASE_URL is not set: it names the database whose ledger is read.", err=True)
        sys.exit(CANNOT_RUN)
    return database_url
