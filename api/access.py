"""
Who may do what: the one table. A route that is not in it is not served.

`api.callers` asks it of every request, `docs/access.md` is drawn from it, and a test calls every route as everybody.
"""

from collections.abc import Mapping
from functools import partial

from api.rules import Door, May, Rule
from domain.accounts.api_keys import Scope
from domain.services import Access

Route = tuple[str, str]  # method, and path as the router's template spells it

_OPEN = Rule(Door.OPEN, May.ALL, May.ALL, May.ALL)
_admins = partial(Rule, Door.KNOWN, admin=May.ALL)
_of_jobs = partial(Rule, Door.LENIENT, May.OWN, May.OWN, May.ALL)
_of_keys = partial(Rule, Door.NO_API_KEY, May.OWN, admin=May.ALL, refusal="services make no keys; ask an admin")
_of_oneself = partial(Rule, user=May.OWN, admin=May.OWN, refusal="this is about a person's account; sign in as one")
_of_vendors = partial(Rule, Door.LENIENT, May.ALL, May.ALL, May.ALL)
_MINE = _of_oneself(Door.SESSION)

_JOBS: Mapping[Route, Rule] = {
    ("POST", "/jobs"): _of_jobs(Scope.WRITE_JOBS),
    ("POST", "/jobs/batch"): _of_jobs(Scope.WRITE_JOBS),
    ("GET", "/jobs"): _of_jobs(Scope.READ_JOBS),
    ("GET", "/jobs/{request_id}"): _of_jobs(Scope.READ_JOBS),
    ("GET", "/jobs/{request_id}/events"): _of_jobs(Scope.READ_JOBS),
    ("POST", "/jobs/{request_id}/cancel"): _of_jobs(Scope.WRITE_JOBS),
    ("POST", "/jobs/{request_id}/retry"): _of_jobs(Scope.WRITE_JOBS),
    ("DELETE", "/jobs/{request_id}"): _of_jobs(Scope.WRITE_JOBS),
    ("POST", "/jobs/replay"): _admins(
        scope=Scope.WRITE_JOBS, refusal="only an admin may replay jobs; retry your own one by one"
    ),
}

_ACCOUNTS: Mapping[Route, Rule] = {
    ("POST", "/auth/register"): _OPEN,
    ("PUT", "/auth/confirmation/{token}"): _OPEN,
    ("POST", "/auth/login"): _OPEN,
    ("POST", "/auth/refresh-token"): _OPEN,
    ("PUT", "/auth/logout"): _OPEN,  # who has the refresh token may end its session, with an access token or without
    ("PUT", "/auth/forgot-password"): _OPEN,
    ("PUT", "/auth/reset-password/{token}"): _OPEN,
    ("PUT", "/auth/change-password"): _MINE,
    ("GET", "/users/me"): _of_oneself(Door.USER, scope=Scope.READ_USERS),
    ("PATCH", "/users/me"): _MINE,
    ("DELETE", "/users/me"): _MINE,
    ("GET", "/users/me/export"): _MINE,
    ("GET", "/users/me/sessions"): _MINE,
    ("DELETE", "/users/me/sessions"): _MINE,
    ("DELETE", "/users/me/sessions/{session_id}"): _MINE,
    ("GET", "/users"): _admins(scope=Scope.READ_USERS, refusal="only an admin may list users; /users/me is you"),
    ("GET", "/users/{user_id}"): Rule(Door.KNOWN, May.OWN, May.ALL, May.ALL, Scope.READ_USERS),
    ("POST", "/users/{user_id}/lock"): _admins(refusal="only an admin may lock an account; ask one"),
    ("POST", "/users/{user_id}/unlock"): _admins(refusal="only an admin may unlock an account; ask one"),
    ("POST", "/api-keys"): _of_keys(),
    ("GET", "/api-keys"): _of_keys(),
    ("DELETE", "/api-keys/{key_id}"): _of_keys(),
    ("GET", "/audit"): _admins(refusal="only an admin may read the record of acts; ask one"),
}

_SELLING = _admins(
    scope=Scope.WRITE_PRODUCTS, refusal="only an admin may change what is sold; use an admin's session or key"
)
_COMMERCE: Mapping[Route, Rule] = {
    ("GET", "/products"): _OPEN,
    ("GET", "/products/{product_id}"): _OPEN,
    ("POST", "/products"): _SELLING,
    ("PATCH", "/products/{product_id}"): _SELLING,
    ("DELETE", "/products/{product_id}"): _SELLING,
    ("POST", "/products/{product_id}/images"): _SELLING,
    ("DELETE", "/products/{product_id}/images/{image_id}"): _SELLING,
    ("GET", "/media/{name}"): _OPEN,
}

_of_orders = partial(Rule, Door.KNOWN, May.OWN, May.OWN, May.ALL)
_ORDERS: Mapping[Route, Rule] = {
    ("POST", "/orders"): _of_orders(Scope.WRITE_ORDERS),
    ("GET", "/orders"): _of_orders(Scope.READ_ORDERS),
    ("GET", "/orders/{order_id}"): _of_orders(Scope.READ_ORDERS),
    ("POST", "/orders/{order_id}/cancel"): _of_orders(Scope.WRITE_ORDERS),
    ("POST", "/orders/{order_id}/pay"): _of_orders(Scope.WRITE_ORDERS),
    ("PATCH", "/orders/{order_id}"): _admins(
        scope=Scope.WRITE_ORDERS,
        refusal="only an admin may send an order on its way; cancel your own with POST /orders/{order_id}/cancel",
    ),
    ("POST", "/notifications"): Rule(
        Door.KNOWN,
        service=May.ALL,
        admin=May.ALL,
        scope=Scope.WRITE_NOTIFICATIONS,
        refusal="only a service or an admin may have mails sent; your orders tell you of themselves",
    ),
    ("GET", "/r/{code}"): _OPEN,
}

_of_payments = partial(Rule, Door.KNOWN, May.OWN, May.OWN, May.ALL)
_PAYMENTS: Mapping[Route, Rule] = {
    ("POST", "/payments/customers"): _of_payments(Scope.WRITE_PAYMENTS),
    ("POST", "/payments/checkout"): _of_payments(Scope.WRITE_PAYMENTS),
    ("POST", "/payments"): _of_payments(Scope.WRITE_PAYMENTS),
    ("POST", "/payments/process"): _of_payments(Scope.WRITE_PAYMENTS),
    ("POST", "/payments/{payment_id}/process"): _of_payments(Scope.WRITE_PAYMENTS),
    ("GET", "/payments/{payment_id}"): _of_payments(Scope.READ_PAYMENTS),
    ("GET", "/payments/{payment_id}/status"): _of_payments(Scope.READ_PAYMENTS),
    ("POST", "/payments/{payment_id}/refund"): Rule(  # it is the shop's money that goes
        Door.KNOWN,
        service=May.OWN,
        admin=May.ALL,
        scope=Scope.WRITE_REFUNDS,
        refusal="only the shop gives money back: an admin, or a service of what was paid through it; ask the shop",
    ),
    ("GET", "/transactions"): _of_payments(Scope.READ_PAYMENTS),
}

# Methods that instances see: HEAD goes with GET, and TRACE would show what the gateway adds to a request.
SERVICE_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
_SERVICE_PATHS = ("/services/{name}/{path}", "/services/{name}")
_of_service = Rule(Door.SERVICE, May.ALL, May.ALL, May.ALL, Scope.CALL_SERVICES)
_SERVICES: Mapping[Route, Rule] = {(method, path): _of_service for path in _SERVICE_PATHS for method in SERVICE_METHODS}
SERVICE_RULES: Mapping[Access, Rule] = {  # by the word in the service's table
    Access.PUBLIC: _OPEN,
    Access.AUTHENTICATED: Rule(Door.KNOWN, May.ALL, May.ALL, May.ALL, Scope.CALL_SERVICES),
    Access.SERVICE: Rule(
        Door.KNOWN,
        service=May.ALL,
        admin=May.ALL,
        scope=Scope.CALL_SERVICES,
        refusal="this service is for other services and for admins; use a service's key",
    ),
    Access.ADMIN: _admins(scope=Scope.CALL_SERVICES, refusal="this service is for admins; use an admin's session"),
}

SHOWN_TO_PUBLIC = Rule(Door.KNOWN, May.ALL, May.ALL, May.ALL)  # credentials that nobody asked for: no key is too narrow

_SWITCH = _admins(scope=Scope.WRITE_VENDORS, refusal="only an admin may pause or resume a vendor; use an admin's key")
_OPERATIONS: Mapping[Route, Rule] = {
    ("GET", "/vendors"): _of_vendors(Scope.READ_VENDORS),
    ("GET", "/vendors/{name}"): _of_vendors(Scope.READ_VENDORS),
    ("PATCH", "/vendors/{name}"): _admins(
        scope=Scope.WRITE_VENDORS, refusal="only an admin may change how a vendor is called; use an admin's key"
    ),
    ("POST", "/vendors/{name}/pause"): _SWITCH,
    ("POST", "/vendors/{name}/resume"): _SWITCH,
    ("GET", "/metrics"): Rule(  # how the shop and its machines do: no customer's business
        Door.LENIENT,
        service=May.ALL,
        admin=May.ALL,
        scope=Scope.READ_VENDORS,
        refusal="only an admin or a service reads the figures; use a service's key, narrowed to vendors:read",
    ),
    ("GET", "/health"): _OPEN,
    ("GET", "/health/live"): _OPEN,
    ("GET", "/health/ready"): _OPEN,
    ("GET", "/health/{part}"): _OPEN,
    ("GET", "/docs"): _OPEN,
    ("GET", "/docs/static/{name}"): _OPEN,
    ("GET", "/openapi.json"): _OPEN,
    ("POST", "/webhooks/{vendor}"): Rule(Door.SIGNED),  # served by the receiver, which has no callers
}

_of_configurations = partial(
    Rule,
    Door.KNOWN,
    service=May.OWN,
    admin=May.ALL,
    scope=Scope.READ_CONFIG,
    refusal="only a service reads its configuration, with a key of its own; ask an admin for one",
)
_configuring = partial(_admins, refusal="only an admin may change configurations and look back; use an admin's key")
_CONFIGURATIONS: Mapping[Route, Rule] = {
    ("GET", "/config/{service}"): _of_configurations(),
    ("PUT", "/config/{service}"): _configuring(scope=Scope.WRITE_CONFIG),
    ("GET", "/config/{service}/events"): _of_configurations(),
    # What stood in a former version may have been a mistake: it is not shown around.
    ("GET", "/config/{service}/history"): _configuring(scope=Scope.READ_CONFIG),
    ("GET", "/config/{service}/history/{version}"): _configuring(scope=Scope.READ_CONFIG),
}

ACCESS: Mapping[Route, Rule] = {
    **_JOBS,
    **_ACCOUNTS,
    **_COMMERCE,
    **_ORDERS,
    **_PAYMENTS,
    **_CONFIGURATIONS,
    **_SERVICES,
    **_OPERATIONS,
}


def rule_of(method: str, template: str) -> Rule | None:
    """The route's row. OPTIONS tells no more than `Allow` of any 405 does, but where a row says otherwise."""
    return ACCESS.get((method, template), _OPEN if method == "OPTIONS" else None)
