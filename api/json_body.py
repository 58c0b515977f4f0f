"""Where bytes become JSON. What could mean two things to two readers is refused here, before anything is decided.

RFC 8259 leaves duplicate names, lone surrogates and large numbers open; RFC 7493 (I-JSON) closes them, and RFC 8785
needs them closed.
"""

import asyncio
import json
import math
from typing import Any, Final, NoReturn

from litestar import Request
from litestar.exceptions import InternalServerException

from api.errors import InvalidBody
from axiru.errors import AxiruError

MAX_BODY_BYTES: Final = 256 * 1024
MAX_DEPTH: Final = 64
LARGEST_INTEGER: Final = 2**53 - 1
_LONGEST_INTEGER_TEXT: Final = 17
_READ_SECONDS: Final = 30


class InvalidJson(AxiruError):
    """The body is not JSON, or JSON that different readers would read differently."""

    code = "invalid_json"


class PayloadTooLarge(AxiruError):
    """The body has more than `MAX_BODY_BYTES`, announced or not."""

    code = "payload_too_large"


class UnsupportedMediaType(AxiruError):
    """The body is not declared as `application/json` in UTF-8."""

    code = "unsupported_media_type"


async def read_object(request: Request[Any, Any, Any]) -> dict[str, Any]:
    """The request's body as a JSON object.

    Raises UnsupportedMediaType, PayloadTooLarge, InvalidJson, and InvalidBody for JSON that is not an object.
    """
    _require_json(request)
    value = parse_strictly(await read_bytes(request))
    if not isinstance(value, dict):
        raise InvalidBody.single("body", "wrong_type", "The body must be a JSON object.")
    return value


async def read_optional_object(request: Request[Any, Any, Any]) -> dict[str, Any]:
    """As `read_object`, but no body at all is an empty object."""
    if request.headers.get("content-length", "0") == "0" and "transfer-encoding" not in request.headers:
        return {}
    return await read_object(request)


def parse_strictly(raw: bytes) -> Any:
    """Parse RFC 8259 JSON that is also I-JSON, no deeper than `MAX_DEPTH`. Raises InvalidJson, saying what is wrong."""
    try:
        value = json.loads(
            raw.decode("utf-8"),
            object_pairs_hook=_object,
            parse_int=_integer,
            parse_float=_float,
            parse_constant=_refuse_constant,
        )
    except UnicodeDecodeError as error:
        raise InvalidJson(f"The body is not UTF-8: byte {error.start} cannot be read.") from error
    except json.JSONDecodeError as error:
        raise InvalidJson(f"The body is not JSON: {error.msg} at line {error.lineno}, column {error.colno}.") from error
    except RecursionError as error:
        raise InvalidJson(f"The body is nested deeper than {MAX_DEPTH} levels.") from error
    _check(value, depth=0)
    return value


def _require_json(request: Request[Any, Any, Any]) -> None:
    media_type, _, parameters = request.headers.get("content-type", "").partition(";")
    charset = parameters.strip().lower().removeprefix("charset=").strip('"')
    if media_type.strip().lower() != "application/json" or charset not in {"", "utf-8", "utf8"}:
        raise UnsupportedMediaType("The body must be sent as content-type: application/json, in UTF-8.")
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise UnsupportedMediaType("The body must be sent without a content-encoding.")


async def read_bytes(request: Request[Any, Any, Any]) -> bytes:
    """The body as it was sent: what signatures are over. Raises PayloadTooLarge, InvalidJson where it breaks off."""
    too_large = PayloadTooLarge(f"The body is larger than {MAX_BODY_BYTES} bytes.", max_bytes=MAX_BODY_BYTES)
    announced = request.headers.get("content-length", "")
    if announced.isascii() and announced.isdigit() and int(announced) > MAX_BODY_BYTES:
        raise too_large
    body = bytearray()
    try:
        async with asyncio.timeout(_READ_SECONDS):
            async for chunk in request.stream():
                body += chunk
                if len(body) > MAX_BODY_BYTES:
                    raise too_large
    except (TimeoutError, InternalServerException) as error:
        # Litestar's word for a caller who hung up; a body that never ends would hold its connection for ever.
        raise InvalidJson(f"The body did not arrive whole within {_READ_SECONDS} s.") from error
    return bytes(body)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        seen: set[str] = set()
        twice = next(name for name, _ in pairs if name in seen or seen.add(name))  # type: ignore[func-returns-value]
        raise InvalidJson(f"The name {twice[:80]!a} appears twice in one object.")
    return members


def _integer(digits: str) -> int:
    # Checked as text first: turning a million digits into an integer is work no caller may order.
    if len(digits) > _LONGEST_INTEGER_TEXT or abs(number := int(digits)) > LARGEST_INTEGER:
        raise InvalidJson("An integer is beyond 2^53 - 1, the largest that every JSON reader keeps exactly.")
    return number


def _float(text: str) -> float:
    number = float(text)
    # Every double beyond 2^53 is an integer, and is stored and read back as one.
    if not math.isfinite(number) or abs(number) > LARGEST_INTEGER:
        raise InvalidJson("A number is beyond 2^53 - 1, the largest that every JSON reader keeps exactly.")
    return number


def _refuse_constant(name: str) -> NoReturn:
    raise InvalidJson(f"{name} is not JSON.")


def _check(value: Any, *, depth: int) -> None:
    match value:
        case str():
            _check_text(value)
        case dict():
            _check_depth(depth)
            for name, member in value.items():
                _check_text(name)
                _check(member, depth=depth + 1)
        case list():
            _check_depth(depth)
            for item in value:
                _check(item, depth=depth + 1)


def _check_depth(depth: int) -> None:
    if depth >= MAX_DEPTH:
        raise InvalidJson(f"The body is nested deeper than {MAX_DEPTH} levels.")


def _check_text(text: str) -> None:
    if "\x00" in text:
        raise InvalidJson("The body contains \\u0000, which cannot be stored as text.")
    if not text.isascii() and any("\ud800" <= character <= "\udfff" for character in text):
        raise InvalidJson("The body contains half of a surrogate pair.")
