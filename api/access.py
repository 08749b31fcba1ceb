"""
Who may do what: the one table. A route that is not in it is not served.

`api.callers` asks it of every request, `docs/access.md` is drawn from it, and a test calls every route as everybody.
"""

from collections.abc import Mapping
from functools import partial

from api.rules import Door, May, Rule
from domain.accounts.api_keys import Scope

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

_SWITCH = _admins(scope=Scope.WRITE_VENDORS, refusal="only an admin may pause or resume a vendor; use an admin's key")
_OPERATIONS: Mapping[Route, Rule] = {
    ("GET", "/vendors"): _of_vendors(Scope.READ_VENDORS),
    ("GET", "/vendors/{name}"): _of_vendors(Scope.READ_VENDORS),
    ("POST", "/vendors/{name}/pause"): _SWITCH,
    ("POST", "/vendors/{name}/resume"): _SWITCH,
    ("GET", "/health"): _OPEN,
    ("GET", "/health/live"): _OPEN,
    ("GET", "/health/ready"): _OPEN,
    ("GET", "/health/{part}"): _OPEN,
    ("GET", "/docs"): _OPEN,
    ("GET", "/docs/static/{name}"): _OPEN,
    ("GET", "/openapi.json"): _OPEN,
    ("POST", "/webhooks/{vendor}"): Rule(Door.SIGNED),  # served by the receiver, which has no callers
}

ACCESS: Mapping[Route, Rule] = {**_JOBS, **_ACCOUNTS, **_COMMERCE, **_ORDERS, **_PAYMENTS, **_OPERATIONS}


def rule_of(method: str, template: str) -> Rule | None:
    """The route's row. OPTIONS tells no more than `Allow` of any 405 does."""
    return _OPEN if method == "OPTIONS" else ACCESS.get((method, template))
