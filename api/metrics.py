"""`/metrics`: the figures of all processes, as Prometheus reads them. `docs/metrics.md` tells what each one is."""

from litestar import Response, get

from api.provided import Ports
from api.queries import read_query
from domain.edge.answers import AnyRequest
from domain.errors import NotFound

MEDIA_TYPE = "text/plain; version=0.0.4"  # Litestar adds the charset


@get("/metrics")
async def show_metrics(request: AnyRequest, ports: Ports) -> Response[bytes]:
    read_query(request.scope)
    if ports.exposition is None:
        raise NotFound("nothing is served under this path; /docs lists what is")
    headers = {"Cache-Control": "no-store"}
    return Response(await ports.exposition.text(), media_type=MEDIA_TYPE, headers=headers)
