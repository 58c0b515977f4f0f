"""How Temporal is reached, and how frozen structs travel through it.

Temporal's own JSON converter cannot encode `msgspec.Struct`; this one encodes whatever msgspec can, under the same
`json/plain` encoding, so that histories stay legible in Temporal's UI.
"""

from typing import Any

import msgspec
from temporalio.api.common.v1 import Payload
from temporalio.client import Client
from temporalio.converter import (
    BinaryNullPayloadConverter,
    BinaryPlainPayloadConverter,
    CompositePayloadConverter,
    DataConverter,
    EncodingPayloadConverter,
)

from axiru.settings import Settings

DECIDE_UPDATE_ID = "decide"
"""Fixed, so that every duplicate of a request attaches to the same update and gets the same answer."""


class MsgspecPayloadConverter(EncodingPayloadConverter):
    """JSON by msgspec, typed on the way in."""

    @property
    def encoding(self) -> str:
        return "json/plain"

    def to_payload(self, value: Any) -> Payload | None:
        return Payload(metadata={"encoding": self.encoding.encode()}, data=msgspec.json.encode(value))

    def from_payload(self, payload: Payload, type_hint: type | None = None) -> Any:
        return msgspec.json.decode(payload.data, type=Any if type_hint is None else type_hint)


class AxiruPayloadConverter(CompositePayloadConverter):
    def __init__(self) -> None:
        super().__init__(BinaryNullPayloadConverter(), BinaryPlainPayloadConverter(), MsgspecPayloadConverter())


data_converter = DataConverter(payload_converter_class=AxiruPayloadConverter)


async def connect(settings: Settings, *, lazy: bool = False) -> Client:
    """A client for the configured namespace. `lazy` connects at the first call, so that a process can start without."""
    return await Client.connect(
        settings.temporal_address,
        namespace=settings.temporal_namespace,
        data_converter=data_converter,
        api_key=settings.temporal_api_key or None,
        tls=settings.temporal_tls or bool(settings.temporal_api_key),
        lazy=lazy,
    )
