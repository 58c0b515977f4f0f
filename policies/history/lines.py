"""From bytes to lines of text: UTF-8 with or without a byte order mark, or UTF-16 with one."""

import codecs
import io
import re
from collections.abc import Iterator
from typing import BinaryIO, Final

from policies.history.errors import HistoryInvalid

MAX_LINE_CHARACTERS: Final = 1 << 20
"""A line of a table is never this long; a file without line ends must not fill the memory."""

_AFTER_LONE_RETURN: Final = re.compile(r"(?<=\r)(?!\n)")


def text_lines(source: BinaryIO) -> Iterator[str]:
    """The lines of `source` with their ends (LF, CRLF or CR). Reads as it goes. Raises HistoryInvalid."""
    start = source.read(3)
    if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raw_lines = _utf16(io.TextIOWrapper(io.BufferedReader(_Rest(start, source)), "utf-16", newline=""))
    else:
        ahead = b"" if start == codecs.BOM_UTF8 else start
        raw_lines = _utf8(io.BufferedReader(_Rest(ahead, source)))
    for number, line in enumerate(raw_lines, start=1):
        if len(line) > MAX_LINE_CHARACTERS:
            raise HistoryInvalid(number, 1, "line_too_long", "the line is longer than a row of a table can be")
        if "\0" in line:
            raise HistoryInvalid(number, _column_at(line, line.index("\0")), "null_byte", "the line holds a NUL byte")
        yield line


def _utf8(source: io.BufferedReader) -> Iterator[str]:
    number = 0
    # A character takes up to four bytes.
    while raw := source.readline(4 * MAX_LINE_CHARACTERS + 1):
        number += 1
        try:
            line = raw.decode("utf-8")
        except UnicodeDecodeError as error:
            column = _column_at(raw[: error.start].decode("utf-8"), error.start)
            message = f"byte 0x{raw[error.start]:02x} is not UTF-8; save the file as “CSV UTF-8”"
            raise HistoryInvalid(number, column, "not_text", message) from None
        if "\r" in line[:-2]:
            parts = [part for part in _AFTER_LONE_RETURN.split(line) if part]
            number += len(parts) - 1
            yield from parts
        else:
            yield line


def _utf16(text: io.TextIOWrapper) -> Iterator[str]:
    number = 0
    try:
        while line := text.readline(MAX_LINE_CHARACTERS + 1):
            number += 1
            yield line
    except UnicodeError:
        raise HistoryInvalid(number + 1, 1, "not_text", "the file is not UTF-16 from here on") from None


def _column_at(line: str, position: int) -> int:
    """The column of the table that a character of a line stands in, if nothing before it is quoted."""
    before = line[:position]
    return 1 + max(before.count(delimiter) for delimiter in ",;\t")


class _Rest(io.RawIOBase):
    """What was read ahead, then the source. The source stays open: whoever opened it closes it."""

    def __init__(self, ahead: bytes, source: BinaryIO) -> None:
        self._ahead = ahead
        self._source = source

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """As io.RawIOBase says."""
        found = self._ahead or self._source.read(len(buffer))
        taken, self._ahead = found[: len(buffer)], found[len(buffer) :]
        buffer[: len(taken)] = taken
        return len(taken)
