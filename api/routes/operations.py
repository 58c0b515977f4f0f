"""For whoever runs Axiru: liveness, readiness by part, Prometheus metrics. No authentication, and nothing secret."""

from typing import Any

from litestar import Request, Response, get
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from api.health import Readiness, readiness
from api.services import services_of


@get("/healthz")
async def healthz() -> dict[str, str]:
    """This process is alive; says nothing about the parts behind it."""
    return {"status": "ok"}


@get("/readyz")
async def readyz(request: Request[Any, Any, Any]) -> Response[Readiness]:
    """200 when every part is up, else 503 with the part that is not."""
    found = await readiness(services_of(request))
    return Response(found, status_code=200 if found.status == "ready" else 503)


@get("/metrics")
async def metrics() -> Response[bytes]:
    """Prometheus' text format."""
    return Response(generate_latest(), headers={"content-type": CONTENT_TYPE_LATEST})
