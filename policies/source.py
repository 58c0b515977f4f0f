"""From text to YAML nodes that know their line and column, whatever the text.

Only the composer of PyYAML is used: no tag is ever constructed. Aliases are refused, so a text stays as large as it
looks ("billion laughs"), and nesting is bounded, so no reader of the nodes can run out of stack.
"""

import yaml

from policies.errors import PolicyError, PolicyInvalid
from policies.unseen import UNSEEN, unseen_message

MAX_CHARACTERS = 262_144
MAX_DEPTH = 40

REFUSED_TAG = "tag:axiru,2026:refused"
"""Stands where a fault was already reported; readers pass it by in silence."""


class _Refused(yaml.MarkedYAMLError):
    pass


class _Loader(yaml.SafeLoader):
    def __init__(self, text: str) -> None:
        self.faults: list[PolicyError] = []
        self._depth = 0
        super().__init__(text)

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        event = self.peek_event()  # type: ignore[no-untyped-call] # the stubs leave it untyped
        mark: yaml.Mark = event.start_mark
        if isinstance(event, yaml.AliasEvent):
            self.get_event()  # type: ignore[no-untyped-call] # the stubs leave it untyped
            hint = "write the value out where it is needed"
            self.faults.append(_fault(mark, "alias_refused", f"the alias *{event.anchor} is not allowed", hint))
            return yaml.ScalarNode(REFUSED_TAG, "", mark, mark)
        if self._depth >= MAX_DEPTH:
            raise _Refused(problem=f"nested deeper than {MAX_DEPTH}", problem_mark=mark)
        self._depth += 1
        try:
            return super().compose_node(parent, index)
        finally:
            self._depth -= 1


def compose(text: str) -> tuple[yaml.Node, list[PolicyError]]:
    """The document's root node, and faults that leave it readable.

    Raises PolicyInvalid where nothing can be read: not YAML, empty, too large, nested too deep. A syntax error hides
    what follows it, so it comes alone.
    """
    if len(text) > MAX_CHARACTERS:
        raise PolicyInvalid([PolicyError(1, 1, "too_large", f"the text is longer than {MAX_CHARACTERS} characters")])
    unseen = UNSEEN.search(text, pos=text.startswith("\ufeff"))
    if unseen is not None:
        line, column = _place(text, unseen.start())
        raise PolicyInvalid([PolicyError(line, column, "invalid_character", unseen_message(unseen[0]))])
    try:
        loader = _Loader(text)
    except yaml.reader.ReaderError as error:
        line, column = _place(text, error.position)
        message = f"the character U+{error.character:04X} is not allowed"
        raise PolicyInvalid([PolicyError(line, column, "invalid_character", message)]) from None
    try:
        root = loader.get_single_node()
    except yaml.MarkedYAMLError as error:
        code = "too_deep" if isinstance(error, _Refused) else "yaml_syntax"
        mark = error.problem_mark or error.context_mark or loader.get_mark()
        hint = error.context or ""
        raise PolicyInvalid([*loader.faults, _fault(mark, code, error.problem or "not YAML", hint)]) from None
    except (ValueError, OverflowError):
        # PyYAML passes \U escapes and %YAML versions on to chr() and int() unchecked.
        message = "an escape or a version number is out of range"
        raise PolicyInvalid([*loader.faults, _fault(loader.get_mark(), "yaml_syntax", message)]) from None
    finally:
        loader.dispose()
    if root is None:
        raise PolicyInvalid([PolicyError(1, 1, "empty", "there is nothing in this file")])
    return root, loader.faults


def _fault(mark: yaml.Mark, code: str, message: str, hint: str = "") -> PolicyError:
    return PolicyError(mark.line + 1, mark.column + 1, code, message, hint)


def _place(text: str, position: int) -> tuple[int, int]:
    before = text[:position]
    return before.count("\n") + 1, position - (before.rfind("\n") + 1) + 1
