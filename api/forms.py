"""Forms as browsers send them, read as strictly as JSON is."""

from typing import Any, Final
from urllib.parse import parse_qsl

from litestar import Request

from api.errors import InvalidBody
from api.json_body import UnsupportedMediaType, read_bytes

FORM: Final = "application/x-www-form-urlencoded"
_MOST_FIELDS: Final = 10


async def read_form(request: Request[Any, Any, Any]) -> dict[str, str]:
    """The fields of a form, each sent once. Raises InvalidBody, PayloadTooLarge, UnsupportedMediaType."""
    if media_type(request) != FORM:
        raise UnsupportedMediaType(f"Send {FORM}, as the page does.")
    try:
        sent = parse_qsl(
            (await read_bytes(request)).decode(), keep_blank_values=True, errors="strict", max_num_fields=_MOST_FIELDS
        )
    except ValueError as error:
        raise InvalidBody.single("body", "malformed", "This is no form in UTF-8.") from error
    fields = dict(sent)
    if len(fields) != len(sent):
        raise InvalidBody.single("body", "malformed", "A field was sent twice.")
    for name, value in sent:
        if "\x00" in value:
            raise InvalidBody.single(name, "malformed", "This has no U+0000 in it.")
    return fields


def media_type(request: Request[Any, Any, Any]) -> str:
    """What the body is declared as, without parameters."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()
