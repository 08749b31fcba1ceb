"""The API's app, from ports. Each route stands in the module of its subject."""

from collections.abc import Callable
from functools import partial

from litestar.types import ASGIApp

from api.alias_calls import Aliases
from api.aliases import ACCOUNT_ALIASES, HEALTH_ALIASES, PAYMENT_ALIASES, SERVICE_ALIASES, SHOP_ALIASES
from api.api_keys import list_keys, make_key, revoke_key
from api.audit import list_acts
from api.auth import confirm, refresh, register, sign_in, sign_out
from api.auth_passwords import change_password, forget_password, reset_password
from api.batches import submit_batch
from api.brakes import Brake
from api.callers import CallerGate
from api.checkouts import make_customer, open_checkout
from api.configuration_events import watch_configuration
from api.configurations import list_versions, put_configuration, show_configuration, show_version
from api.docs import docs_routes
from api.events import watch_job
from api.exports import export_me
from api.images import image_routes
from api.job_actions import cancel_job, delete_job, retry_job
from api.job_lists import list_jobs
from api.jobs import show_job, submit_job
from api.leaving import delete_me
from api.limits import Limits
from api.metrics import show_metrics
from api.notifications import notify
from api.orders import advance, cancel, list_orders, place, show_order
from api.own_sessions import end_other_sessions, end_session, list_sessions
from api.paying import pay
from api.payments import make, process, process_named, show_payment, show_payment_status
from api.ports import ApiPorts
from api.products import change_product, delete_product, list_products, make_product, show_product
from api.provided import provide
from api.refunds import refund
from api.replays import replay_jobs
from api.services import pass_on
from api.short_links import follow
from api.transactions import list_transactions
from api.users import change_me, list_users, lock_user, show_me, show_user, unlock_user
from api.vendors import change_vendor, list_vendors, pause_vendor, resume_vendor, show_vendor
from domain.edge.app import build_edge
from domain.edge.health import health_routes

JOB_ROUTES = (
    *(submit_job, submit_batch, list_jobs, show_job, watch_job),
    *(cancel_job, retry_job, delete_job, replay_jobs),
)
ACCOUNT_ROUTES = (
    *(show_me, change_me, delete_me, export_me, list_sessions, end_session, end_other_sessions),
    *(show_user, list_users, lock_user, unlock_user),
    *(make_key, list_keys, revoke_key, list_acts),
)
COMMERCE_ROUTES = (list_products, show_product, make_product, change_product, delete_product)
ORDER_ROUTES = (place, list_orders, show_order, cancel, advance, pay)
PAYMENT_ROUTES = (
    *(make_customer, open_checkout, make, process_named, process),
    *(show_payment, show_payment_status, refund, list_transactions),
)
VENDOR_ROUTES = (list_vendors, show_vendor, pause_vendor, resume_vendor)
CONFIGURATION_ROUTES = (show_configuration, put_configuration, watch_configuration, list_versions, show_version)
AUTH_ROUTES = (
    *(register, confirm, sign_in, refresh, sign_out),
    *(forget_password, reset_password, change_password),
)


def build_app(ports: ApiPorts) -> ASGIApp:
    of_accounts = () if ports.accounts is None else (*AUTH_ROUTES, *ACCOUNT_ROUTES)
    of_shop = () if ports.commerce is None else (*COMMERCE_ROUTES, *image_routes())
    of_orders = () if ports.orders is None else ORDER_ROUTES
    of_payments = () if ports.payments is None else PAYMENT_ROUTES
    of_notices = () if ports.notices is None else (notify,)
    of_links = () if ports.short_links is None else (follow,)
    of_configurations = () if ports.configurations is None else CONFIGURATION_ROUTES
    of_vendors = VENDOR_ROUTES if ports.vendor_controls is None else (*VENDOR_ROUTES, change_vendor)
    of_figures = () if ports.exposition is None else (show_metrics,)
    of_services = () if ports.services is None else (pass_on,)
    app = build_edge(
        [
            *(*JOB_ROUTES, *of_vendors, *of_accounts, *of_shop, *of_orders, *of_notices, *of_links, *of_payments),
            *(*of_configurations, *of_services, *of_figures, *health_routes(ports.health), *docs_routes()),
        ],
        dependencies=provide(ports),
        middleware=[_gate(ports), partial(Brake, pause=ports.brake), partial(Limits, limits=ports.limits)],
        browsers=ports.browsers,
        counts=ports.counts,
    )
    of_people = () if ports.accounts is None else ACCOUNT_ALIASES
    of_sales = () if ports.orders is None or ports.notices is None else SHOP_ALIASES
    of_money = () if ports.payments is None else PAYMENT_ALIASES
    of_old_services = () if ports.services is None else SERVICE_ALIASES
    rows = (*HEALTH_ALIASES, *of_people, *of_sales, *of_money, *of_old_services)
    return Aliases(app, rows, ports.browsers)


def _gate(ports: ApiPorts) -> Callable[..., CallerGate]:
    services = None if ports.services is None else ports.services.services
    gate = partial(CallerGate, directory=ports.callers, anonymous_allowed=ports.anonymous_allowed, services=services)
    if ports.accounts is None:
        return gate
    hosts = frozenset(origin.partition("://")[2] for origin in ports.accounts.origins)
    return partial(gate, trusted_hops=ports.accounts.trusted_hops, own_hosts=hosts)
