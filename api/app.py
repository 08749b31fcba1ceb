"""The API's app, from ports. Each route stands in the module of its subject."""

from functools import partial

from litestar.types import ASGIApp

from api.batches import submit_batch
from api.callers import CallerGate
from api.docs import docs_routes
from api.events import watch_job
from api.job_actions import cancel_job, delete_job, retry_job
from api.job_lists import list_jobs
from api.jobs import show_job, submit_job
from api.ports import ApiPorts
from api.provided import provide
from api.replays import replay_jobs
from api.vendors import list_vendors, pause_vendor, resume_vendor, show_vendor
from domain.edge.app import build_edge
from domain.edge.health import health_routes

JOB_ROUTES = (
    *(submit_job, submit_batch, list_jobs, show_job, watch_job),
    *(cancel_job, retry_job, delete_job, replay_jobs),
)
VENDOR_ROUTES = (list_vendors, show_vendor, pause_vendor, resume_vendor)


def build_app(ports: ApiPorts) -> ASGIApp:
    gate = partial(CallerGate, directory=ports.callers, anonymous_allowed=ports.anonymous_allowed)
    return build_edge(
        [*JOB_ROUTES, *VENDOR_ROUTES, *health_routes(ports.health), *docs_routes()],
        dependencies=provide(ports),
        middleware=[gate],
    )
