"""The nearest sentence goes exactly where the wrong one stood."""

import pytest

from console.sentences import replace_sentence

NEW = "Refunds over $150 are denied."


@pytest.mark.parametrize(
    ("text", "line", "column", "becomes"),
    [
        ("Refunds ovr $150 are denied.", 1, 9, NEW),
        ("Refunds ovr $150 are denied", 1, 9, NEW),
        ("First one. Refunds ovr $150\nare denied. Last one.", 1, 20, f"First one. {NEW} Last one."),
        ("First one.\n\n  Refunds ovr $150\n  are denied.\n\nLast one.", 4, 3, f"First one.\n\n  {NEW}\n\nLast one."),
        ("First one\n\nRefunds ovr $150\n\nLast one", 3, 9, f"First one\n\n{NEW}\n\nLast one"),
        ("# Why. Because.\nRefunds ovr $150.", 2, 9, f"# Why. Because.\n{NEW}"),
        ('Refunds ovr $1.50 are denied, saying "No. Never". Last one.', 1, 9, f"{NEW} Last one."),
        ("Refunds over $150 are dnied.", 1, 28, NEW),
        ("Refunds over", 9, 99, NEW),
    ],
)
def test_the_sentence_at_a_place_is_replaced_and_nothing_else(text: str, line: int, column: int, becomes: str) -> None:
    assert replace_sentence(text, line=line, column=column, by=NEW) == becomes
