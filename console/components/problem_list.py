"""What is wrong with a text, place by place, with the sentence that would be understood one click away."""

from collections.abc import Callable, Sequence

from console.components.badge import badge
from console.components.button import Button
from console.components.code_editor import Place
from console.components.text import Text, block
from console.policy_views import Finding, TextError

MOST_SHOWN = 20


class ProblemList:
    """`reveal` puts the cursor at a place; `use` takes an error's nearest sentence over into the text."""

    def __init__(self, reveal: Callable[[Place], None], use: Callable[[TextError], None]) -> None:
        self._reveal = reveal
        self._use = use
        self._list = block("ol", "problems", aria_live="polite", id="problems")

    def show(self, errors: Sequence[TextError], findings: Sequence[Finding]) -> None:
        self._list.clear()
        with self._list:
            for error in errors[:MOST_SHOWN]:
                self._error(error)
            for finding in sorted(findings, key=lambda finding: finding.severity)[:MOST_SHOWN]:
                self._finding(finding)
            unseen = sum(max(len(all_of_them) - MOST_SHOWN, 0) for all_of_them in (errors, findings))
            if unseen:
                Text("li", f"and {unseen} more", "muted")

    def _error(self, error: TextError) -> None:
        with block("li"):
            with block("p", "problem-head"):
                badge("Error", "failed", "alert")
                self._place(error.line, error.column)
            Text("p", error.message)
            if error.expected not in {"", error.hint}:
                Text("p", f"Expected {error.expected}.".replace("..", "."), "muted")
            if error.hint:
                Text("p", error.hint, "muted")
            if error.nearest:
                Text("p", error.nearest, "nearest")

                async def use() -> None:
                    self._use(error)

                Button("Use the nearest sentence", use)

    def _finding(self, finding: Finding) -> None:
        with block("li"):
            with block("p", "problem-head"):
                if finding.severity == "error":
                    badge("Error", "failed", "alert")
                else:
                    badge("Warning", "waiting", "alert")
                self._place(finding.line, finding.column)
            Text("p", finding.message)
            if finding.rules:
                with block("p", "chips"):
                    for rule in finding.rules:
                        Text("code", rule, "chip")
            if finding.hint:
                Text("p", finding.hint, "muted")

    def _place(self, line: int, column: int) -> None:
        if line < 1:
            return

        async def reveal() -> None:
            self._reveal(Place(line, column))

        Button(f"Line {line}, column {column}", reveal, "quiet")
