"""Bodies that two readers could read differently never become a request."""

import json

import pytest

from api.json_body import MAX_DEPTH, InvalidJson, parse_strictly

HOSTILE = {
    "nothing": b"",
    "white space only": b"  \n ",
    "not JSON": b"{amount: 1}",
    "two documents": b"{} {}",
    "trailing comma": b'{"a": 1,}',
    "single quotes": b"{'a': 1}",
    "comment": b'{"a": 1} // one',
    "byte order mark": b'\xef\xbb\xbf{"a": 1}',
    "UTF-16": '{"a": 1}'.encode("utf-16"),
    "invalid UTF-8": b'{"a": "\xff"}',
    "overlong UTF-8": b'{"a": "\xc0\xaf"}',
    "surrogate in UTF-8": b'{"a": "\xed\xa0\x80"}',
    "half an escaped surrogate": rb'{"a": "\ud800"}',
    "half a surrogate in a name": rb'{"\udfff": 1}',
    "raw control character": b'{"a": "\x01"}',
    "escaped NUL": rb'{"a": "\u0000"}',
    "escaped NUL in a name": rb'{"\u0000a": 1}',
    "escaped NUL in a list": rb'{"a": [["x\u0000"]]}',
    "duplicate names": b'{"a": 1, "a": 1}',
    "duplicate names deep inside": b'{"x": [{"a": 1, "b": 2, "a": 3}]}',
    "duplicate names by escape": rb'{"a": 1, "\u0061": 2}',
    "NaN": b'{"a": NaN}',
    "Infinity": b'{"a": Infinity}',
    "-Infinity": b'{"a": -Infinity}',
    "infinite by exponent": b'{"a": 1e999}',
    "2^53": b'{"a": 9007199254740992}',
    "-2^53": b'{"a": -9007199254740992}',
    "an integer of a million digits": b'{"a": ' + b"9" * 200_000 + b"}",
    "leading zero": b'{"a": 012}',
    "plus sign": b'{"a": +1}',
    "hexadecimal": b'{"a": 0x10}',
    "too deep lists": b"[" * (MAX_DEPTH + 1) + b"]" * (MAX_DEPTH + 1),
    "too deep objects": b'{"a":' * (MAX_DEPTH + 1) + b"1" + b"}" * (MAX_DEPTH + 1),
    "100,000 open brackets": b"[" * 100_000,
    "100,000 open objects": b'{"a":' * 50_000,
}


@pytest.mark.parametrize("raw", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_json_is_refused(raw: bytes) -> None:
    with pytest.raises(InvalidJson):
        parse_strictly(raw)


def test_json_up_to_every_limit_is_read_as_it_is() -> None:
    value = {"largest": 2**53 - 1, "smallest": -(2**53) + 1, "half": 0.5, "text": "né 💶 \u2028", "nothing": None}
    assert parse_strictly(json.dumps(value, ensure_ascii=False).encode()) == value


def test_nesting_up_to_the_limit_is_read() -> None:
    assert parse_strictly(b"[" * MAX_DEPTH + b"]" * MAX_DEPTH)


def test_escaped_surrogate_pair_is_one_character() -> None:
    assert parse_strictly(rb'{"a": "\ud83d\udcb6"}') == {"a": "💶"}
