"""The two ways to write a policy, and one door to both."""

from typing import Final, Literal, assert_never, get_args

from policies.parse import parse_with_positions
from policies.plain import read_plain
from policies.syntax import ParsedPolicy

Format = Literal["yaml", "plain"]
FORMATS: Final[tuple[Format, ...]] = get_args(Format)

SUFFIXES: Final[dict[str, Format]] = {".yaml": "yaml", ".yml": "yaml", ".policy": "plain"}
"""How files are called. Any other name is read as YAML."""


def read(text: str, format: Format) -> ParsedPolicy:
    """The policy that `text` states, with the place of each rule.

    Raises PolicyInvalid with every fault found; no other exception, whatever the text. The same policy is equal, and
    has the same hash, in both formats.
    """
    match format:
        case "yaml":
            return parse_with_positions(text)
        case "plain":
            return read_plain(text)
        case _:
            assert_never(format)


def format_of(file_name: str) -> Format:
    """The format that a file's name says it has."""
    return next((format for suffix, format in SUFFIXES.items() if file_name.endswith(suffix)), "yaml")
