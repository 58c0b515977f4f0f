"""What is wrong with a file of history, and where."""

from axiru.errors import AxiruError


class HistoryInvalid(AxiruError):
    """The file cannot be read as refunds; nothing of it is counted.

    `line` counts the lines of the file from 1, `column` the columns of the table from 1. `reason` is stable:
    empty_file, not_text, null_byte, line_too_long, quoting, ragged_row, duplicate_column, missing_column,
    invalid_amount, ambiguous_amount, invalid_currency, invalid_time, ambiguous_time, invalid_number, unknown_refund.
    """

    code = "history_invalid"

    def __init__(self, line: int, column: int, reason: str, message: str) -> None:
        super().__init__(message, line=line, column=column, reason=reason)
        self.line = line
        self.column = column
        self.reason = reason

    def __str__(self) -> str:
        return f"line {self.line}, column {self.column}: {self.message} [{self.reason}]"
