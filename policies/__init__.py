"""The policy room: parse → compile → evaluate. Pure: no clock, no randomness, no I/O but the packs shipped with it."""

from policies.compile import CompiledPolicy, compile_policy
from policies.errors import PolicyError, PolicyInvalid
from policies.evaluate import evaluate
from policies.facts import Facts, facts_of
from policies.formats import FORMATS, Format, format_of, read
from policies.line import evaluate_line
from policies.parse import parse, parse_with_positions
from policies.plain import say
from policies.shipped import PackUnknown, pack, pack_names, pack_tests
from policies.syntax import Policy
from policies.windows import WindowSpec
from policies.write import to_yaml

__all__ = [
    "FORMATS",
    "CompiledPolicy",
    "Facts",
    "Format",
    "PackUnknown",
    "Policy",
    "PolicyError",
    "PolicyInvalid",
    "WindowSpec",
    "compile_policy",
    "evaluate",
    "evaluate_line",
    "facts_of",
    "format_of",
    "pack",
    "pack_names",
    "pack_tests",
    "parse",
    "parse_with_positions",
    "read",
    "say",
    "to_yaml",
]
