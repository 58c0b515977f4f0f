"""From lines to the records of a table: RFC 4180, with `,`, `;` or a tab between the fields."""

import csv
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from policies.history.errors import HistoryInvalid

DELIMITERS: Final = ",;\t"
_LAYOUT_LINE: Final = {f"sep={delimiter}": delimiter for delimiter in DELIMITERS}


class Record(NamedTuple):
    """One row, with the line of the file that it begins on."""

    line: int
    fields: list[str]


class Table(NamedTuple):
    """`header` is the first record; `records` yields the others, each as wide as the header. Blank lines are none."""

    header: Record
    delimiter: str
    records: Iterator[Record]


def read_table(lines: Iterable[str]) -> Table:
    """Begin to read a table. Raises HistoryInvalid, then and while the records are read."""
    source = _Lines(iter(lines))
    first = source.first_with_text()
    if first is None:
        raise HistoryInvalid(1, 1, "empty_file", "the file is empty")
    delimiter = _LAYOUT_LINE.get(first.strip().lower())
    if delimiter is None:
        source.put_back(first)
        delimiter = _delimiter_of(first)
    records = _records(source, delimiter)
    header = next(records, None)
    if header is None:
        raise HistoryInvalid(source.number, 1, "empty_file", "the file holds no header")
    return Table(header, delimiter, _as_wide(records, header))


def _as_wide(records: Iterator[Record], header: Record) -> Iterator[Record]:
    width = len(header.fields)
    for record in records:
        found = len(record.fields)
        if found != width and record.fields[0].isspace() and found == 1:
            continue
        if found != width:
            column = min(found, width) + 1
            named = f"; “{header.fields[found]}” and what follows is missing" if found < width else ""
            message = f"the row has {found} columns, the header {width}{named}"
            raise HistoryInvalid(record.line, column, "ragged_row", message)
        yield record


def _records(source: "_Lines", delimiter: str) -> Iterator[Record]:
    reader = csv.reader(source, delimiter=delimiter, strict=True)
    while True:
        source.begin()
        try:
            fields = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            column = _open_column(source.begun_text(), delimiter)
            message = {
                "unexpected end of data": "a quoted field begins here and never ends",
            }.get(str(error), f"the quotes do not follow RFC 4180: {error}")
            raise HistoryInvalid(source.begun, column, "quoting", message) from None
        if fields:
            yield Record(source.begun, fields)


class _Lines:
    """Lines handed to the CSV reader, remembered for as long as one record lasts, so that a fault can be placed."""

    def __init__(self, lines: Iterator[str]) -> None:
        self._lines = lines
        self._back: list[str] = []
        self._taken: list[str] = []
        self.number = 0
        self.begun = 1

    def __iter__(self) -> "_Lines":
        return self

    def __next__(self) -> str:
        line = self._back.pop() if self._back else next(self._lines)
        self.number += 1
        self._taken.append(line)
        return line

    def begin(self) -> None:
        self._taken = []
        self.begun = self.number + 1

    def begun_text(self) -> str:
        return "".join(self._taken)

    def first_with_text(self) -> str | None:
        return next((line for line in self if line.strip()), None)

    def put_back(self, line: str) -> None:
        self._back.append(line)
        self.number -= 1


def _delimiter_of(header: str) -> str:
    """The delimiter that divides the header most often outside quotes; a comma if none does."""
    outside = "".join(header.split('"')[::2])
    return max(DELIMITERS, key=outside.count)


def _open_column(text: str, delimiter: str) -> int:
    """The column in which the reader gave up: where quotes are left open or stand in the middle of a field."""
    column, position, size = 1, 0, len(text)
    while position < size:
        if text[position] == '"':
            end = text.find('"', position + 1)
            while end != -1 and text[end + 1 : end + 2] == '"':
                end = text.find('"', end + 2)
            if end == -1 or text[end + 1 : end + 2] not in {delimiter, "\r", "\n", ""}:
                return column
            position = end + 1
        following = text.find(delimiter, position)
        if following == -1:
            return column
        column, position = column + 1, following + 1
    return column
