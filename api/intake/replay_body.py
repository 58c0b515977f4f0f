"""What a replay is asked for with: whose policy judges, and what is judged."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final, Literal, NamedTuple

import msgspec
from litestar import Request
from litestar.exceptions import InternalServerException
from msgspec import Meta

from api.compiling import Text
from api.compiling.refused import PolicyRefused
from api.compiling.shapes import TextFormat
from api.errors import FieldError, InvalidBody, NotFound
from api.fields import decode
from api.intake.text import ShortText
from api.json_body import MAX_BODY_BYTES, PayloadTooLarge, UnsupportedMediaType
from api.services import services_of
from api.views.known_lists import list_kinds
from axiru.database import row
from axiru.domain.movement import Mode
from axiru.domain.replay import LONGEST_HISTORY_DAYS
from axiru.errors import AxiruError
from policies import PackUnknown, pack

MAX_FILE_BYTES: Final = 64 * 1024 * 1024
DEFAULT_PERIOD: Final = timedelta(days=90)
DEFAULT_PACK: Final = "refunds-starter"
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_READ_SECONDS: Final = 120
_LARGEST_VERSION: Final = 2**31 - 1


class PolicyChoice(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Exactly one of: a published version (`slug` and `version`), a `pack`, or a `text` with its `format`."""

    slug: ShortText | None = None
    version: Annotated[int, Meta(ge=1, le=_LARGEST_VERSION)] | None = None
    pack: ShortText | None = None
    text: Annotated[str, Meta(max_length=MAX_BODY_BYTES)] | None = None
    format: TextFormat | None = None


class WhatIfBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Stored decisions of a period. `until` left out is now, `since` left out 90 days before it."""

    source: Literal["decisions"]
    policy: PolicyChoice
    since: datetime | None = None
    until: datetime | None = None
    title: Annotated[str, Meta(max_length=200)] = ""


class StripeHistoryBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The refunds that Stripe knows of the last `days`, pulled with the token of a connection."""

    source: Literal["stripe"]
    stripe_connection_id: ShortText
    policy: PolicyChoice
    days: Annotated[int, Meta(ge=1, le=LONGEST_HISTORY_DAYS)] = LONGEST_HISTORY_DAYS
    title: Annotated[str, Meta(max_length=200)] = ""


class ConnectionNotActive(AxiruError):
    """The connection was revoked or disconnected: nothing can be pulled with it."""

    code = "conflict"


class ChosenPolicy(NamedTuple):
    """The policy's YAML as it is now; a replay keeps it. `name` is how people call it."""

    yaml: str
    name: str


def read_what_if(raw: dict[str, Any], now: datetime) -> tuple[WhatIfBody, datetime, datetime]:
    """The body and its period. Raises InvalidBody."""
    body = decode(raw, WhatIfBody)
    errors = [
        FieldError(name, "malformed", "A time needs its zone, such as Z.")
        for name, moment in (("since", body.since), ("until", body.until))
        if moment is not None and moment.tzinfo is None
    ]
    if errors:
        raise InvalidBody(errors)
    try:
        until = min((body.until or now).astimezone(UTC), now)
        # Nothing was decided before, and the driver reads the first moment of year 1 back as a time without a zone.
        since = max((body.since or until - DEFAULT_PERIOD).astimezone(UTC), _EPOCH)
    except OverflowError as error:
        raise InvalidBody.single("period", "out_of_range", "A time is beyond the years 1 to 9999 in UTC.") from error
    if since >= until:
        raise InvalidBody.single("since", "out_of_range", "This is not before `until`, or not in the past.")
    return body, since, until


async def read_stripe_history(
    raw: dict[str, Any], now: datetime, organization_id: str, mode: Mode
) -> tuple[StripeHistoryBody, datetime, datetime]:
    """The body and its period. Raises InvalidBody, also for a connection of the other mode, and ConnectionNotActive."""
    body = decode(raw, StripeHistoryBody)
    connection = await row(
        "SELECT status FROM stripe_connections WHERE id = {} AND organization_id = {} AND mode = {}",
        body.stripe_connection_id,
        organization_id,
        mode,
    )
    if connection is None:
        message = f"There is no such Stripe connection in {mode} mode."
        raise InvalidBody.single("stripe_connection_id", "unknown_connection", message)
    if connection["status"] != "active":
        raise ConnectionNotActive(f"This connection is {connection['status']}.", state=connection["status"])
    return body, now - timedelta(days=body.days), now


async def chosen(choice: PolicyChoice, request: Request[Any, Any, Any]) -> ChosenPolicy:
    """The policy that was chosen. Raises InvalidBody, PolicyRefused, NotFound."""
    organization_id = request.user.organization_id
    match choice:
        case PolicyChoice(slug=str(slug), version=int(version), pack=None, text=None, format=None):
            found = await row(
                "SELECT source FROM policy_versions WHERE organization_id = {} AND slug = {} AND version = {}",
                organization_id,
                slug,
                version,
            )
            if found is None:
                raise NotFound
            return ChosenPolicy(found["source"], f"{slug} v{version}")
        case PolicyChoice(slug=None, version=None, pack=str(name), text=None, format=None):
            try:
                return ChosenPolicy(pack(name), name)
            except PackUnknown as error:
                raise InvalidBody.single("policy.pack", "not_allowed", f"{error.message}.") from error
        case PolicyChoice(slug=None, version=None, pack=None, text=str(text), format=str(written)):
            job = Text(text=text, format=written, lists=await list_kinds(organization_id))
            reading = await services_of(request).compiler.read(job)
            if reading.errors or reading.yaml is None:
                raise PolicyRefused(reading)
            return ChosenPolicy(reading.yaml, reading.slug or "")
        case _:
            message = "Name a version by slug and version, or a pack, or give a text with its format."
            raise InvalidBody.single("policy", "not_allowed", message)


async def read_file(request: Request[Any, Any, Any]) -> bytes:
    """The body as a file of up to `MAX_FILE_BYTES`. Raises PayloadTooLarge, UnsupportedMediaType, InvalidBody."""
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise UnsupportedMediaType("The file must be sent without a content-encoding.")
    too_large = PayloadTooLarge(f"The file is larger than {MAX_FILE_BYTES} bytes.", max_bytes=MAX_FILE_BYTES)
    announced = request.headers.get("content-length", "")
    if announced.isascii() and announced.isdigit() and int(announced[:20]) > MAX_FILE_BYTES:
        raise too_large
    content = bytearray()
    try:
        async with asyncio.timeout(_READ_SECONDS):
            async for chunk in request.stream():
                content += chunk
                if len(content) > MAX_FILE_BYTES:
                    raise too_large
    except (TimeoutError, InternalServerException) as error:
        message = f"The file did not arrive whole within {_READ_SECONDS} s."
        raise InvalidBody.single("body", "malformed", message) from error
    return bytes(content)
