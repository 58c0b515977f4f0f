"""`axiru policy`: check, test, explain and say policies in files, `.yaml` or `.policy`. No server is needed."""

import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from policies import PolicyError
    from policies.checks import Finding

FILE = click.Path(path_type=Path, exists=True, dir_okay=False)
TESTS_SUFFIX = "_test.yaml"
SUFFIXES = (".yaml", ".policy")


@click.group()
def policy() -> None:
    """Check, test, explain and say policies, in YAML or in plain language (`.policy`)."""


@policy.command()
@click.argument("file", type=FILE)
def check(file: Path) -> None:
    """Compile FILE and look for what cannot be meant. Exit 0, or 1 with every error, its line, column and a hint.

    Warnings are told, too, and change no exit code. Lists are not looked up: they are the organization's.
    """
    from policies import format_of  # noqa: PLC0415
    from policies.commands import check_policy, policy_findings  # noqa: PLC0415

    text, format = _text(file), format_of(file.name)
    if errors := check_policy(text, format):
        _say_errors(file, errors)
        sys.exit(1)
    findings = policy_findings(text, format)
    _say_errors(file, findings)
    if any(finding.severity == "error" for finding in findings):
        sys.exit(1)
    click.echo(f"{file}: no errors" + (f", {len(findings)} to look at" if findings else ""))


@policy.command()
@click.argument("file", type=FILE)
def say(file: Path) -> None:
    """Print FILE in plain language, in its canonical form. Exit 0, or 1 with every error."""
    from policies import PolicyInvalid, format_of  # noqa: PLC0415
    from policies.commands import say_policy  # noqa: PLC0415

    try:
        click.echo(say_policy(_text(file), format_of(file.name)), nl=False)
    except PolicyInvalid as invalid:
        _say_errors(file, invalid.errors)
        sys.exit(1)


@policy.command()
@click.argument("path", type=click.Path(path_type=Path, exists=True), required=False)
def test(path: Path | None) -> None:
    """Run every *_test.yaml in PATH, or those of the packs that come with Axiru. Exit 0, or 1 when a case fails."""
    tests = _tests_in(path or _packs_directory())
    if not tests:
        raise click.ClickException(f"There is no {'*' + TESTS_SUFFIX} in {path}.")
    # All of them run, so that one look shows everything that is wrong.
    if not all([_holds(file) for file in tests]):
        sys.exit(1)


@policy.command()
@click.argument("file", type=FILE)
@click.argument("request", type=FILE)
@click.option("--at", type=click.DateTime(["%Y-%m-%dT%H:%M:%S%z"]), help="decide as of then, RFC 3339; default: now")
def explain(file: Path, request: Path, at: datetime | None) -> None:
    """Show which rules of FILE fire on REQUEST and why.

    REQUEST is the JSON body of POST /api/v1/decisions, or a movement as test cases state it. Windows count as empty.
    """
    from axiru.cli.policy_request import read_request  # noqa: PLC0415
    from policies import PolicyInvalid, format_of  # noqa: PLC0415
    from policies.commands import explain_policy  # noqa: PLC0415
    from policies.explain import explanation_text  # noqa: PLC0415

    movement = read_request(request)
    try:
        explanation = explain_policy(_text(file), movement, now=at or datetime.now(UTC), format=format_of(file.name))
    except PolicyInvalid as invalid:
        _say_errors(file, invalid.errors)
        sys.exit(1)
    click.echo(explanation_text(explanation))


def _holds(tests: Path) -> bool:
    """Run the cases of one file, say what fails, and return whether all passed."""
    from policies import PolicyInvalid, format_of  # noqa: PLC0415
    from policies.commands import check_policy, run_policy_tests  # noqa: PLC0415

    stem = tests.name.removesuffix(TESTS_SUFFIX)
    found = [about for suffix in SUFFIXES if (about := tests.with_name(stem + suffix)).is_file()]
    if len(found) != 1:
        names = " or ".join(stem + suffix for suffix in SUFFIXES)
        raise click.ClickException(f"{tests} needs {names} beside it, and {'both are' if found else 'none is'} there.")
    (about,) = found
    format = format_of(about.name)
    if errors := check_policy(_text(about), format):
        _say_errors(about, errors)
        return False
    try:
        results = run_policy_tests(_text(about), _text(tests), format)
    except PolicyInvalid as invalid:
        _say_errors(tests, invalid.errors)
        return False
    failed = [result for result in results if not result.passed]
    for result in failed:
        click.echo(f"{tests}: {result.name}", err=True)
        for difference in result.differences:
            click.echo(f"    {difference}", err=True)
    click.echo(f"{tests}: {len(results) - len(failed)} of {len(results)} cases hold")
    return not failed


def _say_errors(file: Path, errors: "Sequence[PolicyError | Finding]") -> None:
    for error in errors:
        click.echo(f"{file}:{error}", err=True)


def _tests_in(path: Path) -> list[Path]:
    if path.is_dir():
        return sorted(path.rglob(f"*{TESTS_SUFFIX}"))
    if path.name.endswith(TESTS_SUFFIX):
        return [path]
    beside = path.with_name(path.stem + TESTS_SUFFIX)
    return [beside] if beside.is_file() else []


def _packs_directory() -> Path:
    import policies  # noqa: PLC0415

    return Path(policies.__file__).parent / "packs"


def _text(file: Path) -> str:
    try:
        return file.read_text("utf-8")
    except UnicodeDecodeError as error:
        raise click.ClickException(f"{file} is not UTF-8: byte {error.start}.") from error
