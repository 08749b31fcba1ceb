"""The API's app, from ports. Each route stands in the module of its subject."""

from functools import partial

from litestar.types import ASGIApp

from api.callers import CallerGate
from api.docs import docs_routes
from api.job_lists import list_jobs
from api.jobs import show_job, submit_job
from api.ports import ApiPorts
from api.provided import provide
from domain.edge.app import build_edge
from domain.edge.health import health_routes


def build_app(ports: ApiPorts) -> ASGIApp:
    gate = partial(CallerGate, directory=ports.callers, anonymous_allowed=ports.anonymous_allowed)
    return build_edge(
        [submit_job, show_job, list_jobs, health_routes(ports.health), *docs_routes()],
        dependencies=provide(ports),
        middleware=[gate],
    )
