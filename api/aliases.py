"""
The paths of earlier clients, and what they stand for: the one table. `docs/earlier-clients.md` tells their owners.

A row opens nothing: its request becomes one of ours before anybody looks at it (see `api.alias_calls`), so that the
access, the limits and the record are those of the route that it stands for. A method without a row is a 405, a path
without one a 404, whatever there is under ours.
"""

from functools import partial

from api.alias_rows import Alias, Spelling

_VENDORS, _PAYMENTS = "/api/v1/auth", "/api/auth"

_REGISTRATION = Spelling(parts={"firstName": "name", "lastName": "name"}, repeated={"confirmPassword": "password"})
_NEW_PASSWORD = Spelling(repeated={"confirmPassword": "password"})
_OTHER_PASSWORD = Spelling(
    names={
        "currentPassword": "old_password",
        "oldPassword": "old_password",
        "newPassword": "new_password",
        "password": "new_password",
    },
    repeated={"confirmPassword": "new_password"},
)
_TOKEN = Spelling(names={"refreshToken": "refresh_token"})

_NOT_THE_CLIENTS = "is not the client's to say: what an order costs follows from its products; leave it out"
_ON_THE_PAGE = "is chosen on the payment page; leave it out, and send the buyer to redirect_url"
_TEMPLATES_ONLY = "is not taken: mails say what their template says, to the address of the account; leave it out"
_ORDER = Spelling(
    names={"products": "items"},
    inner={"items": Spelling(names={"productId": "product_id", "product": "product_id", "qty": "quantity"})},
    own=("userId",),
    refused=dict.fromkeys(("total", "totalPrice", "totalAmount", "amount", "price"), _NOT_THE_CLIENTS),
)
_PAYMENT = Spelling(
    names={"orderId": "order_id"},
    own=("userId",),
    refused={
        **dict.fromkeys(("amount", "total", "totalAmount", "currency"), _NOT_THE_CLIENTS),
        **dict.fromkeys(("paymentMethod", "cardNumber", "token"), _ON_THE_PAGE),
    },
)
_NOTICE = Spelling(
    names={"userId": "user_id", "orderId": "order_id", "type": "template"},
    refused=dict.fromkeys(("message", "subject", "text", "email", "to"), _TEMPLATES_ONLY),
)

_CHECKOUT = Spelling(names={"productName": "product_name"})
_NEW_PAYMENT = Spelling(names={"paymentMethod": "payment_method"}, own=("userId",), whole=("amount",))
_TRY = Spelling(names={"paymentId": "payment_id", "paymentMethodId": "payment_method_id"})
_TRY_OF_ONE = Spelling(names={"paymentMethodId": "payment_method_id"})
_REFUND = Spelling(whole=("amount",))

_SERVICE = ("GET", "/services/{name}/{path}")

_of_vendors = partial(Alias, cookie=_VENDORS)
_of_payments = partial(Alias, cookie=_PAYMENTS)

HEALTH_ALIASES = (
    Alias("GET", "/api/v1/health", ("GET", "/health")),
    Alias("GET", "/api/v1/health/live", ("GET", "/health/live")),
    Alias("GET", "/api/v1/health/ready", ("GET", "/health/ready")),
    Alias("GET", "/api/v1/health/{part}", ("GET", "/health/{part}")),
)
ACCOUNT_ALIASES = (
    _of_vendors("POST", f"{_VENDORS}/register", ("POST", "/auth/register"), _REGISTRATION),
    _of_vendors("PUT", f"{_VENDORS}/confirmation/{{token}}", ("PUT", "/auth/confirmation/{token}")),
    _of_vendors("POST", f"{_VENDORS}/login", ("POST", "/auth/login")),
    _of_vendors("POST", f"{_VENDORS}/refresh-token", ("POST", "/auth/refresh-token"), _TOKEN),
    _of_vendors("PUT", f"{_VENDORS}/logout", ("PUT", "/auth/logout"), _TOKEN),
    _of_vendors("POST", f"{_VENDORS}/logout", ("PUT", "/auth/logout"), _TOKEN),
    _of_vendors("PUT", f"{_VENDORS}/forgot-password", ("PUT", "/auth/forgot-password")),
    _of_vendors("PUT", f"{_VENDORS}/reset-password/{{token}}", ("PUT", "/auth/reset-password/{token}"), _NEW_PASSWORD),
    _of_vendors("PUT", f"{_VENDORS}/change-password", ("PUT", "/auth/change-password"), _OTHER_PASSWORD),
    _of_payments("POST", f"{_PAYMENTS}/register", ("POST", "/auth/register"), _REGISTRATION),
    _of_payments("POST", f"{_PAYMENTS}/login", ("POST", "/auth/login")),
    _of_payments("POST", f"{_PAYMENTS}/refresh", ("POST", "/auth/refresh-token"), _TOKEN),
    _of_payments("POST", f"{_PAYMENTS}/refresh-token", ("POST", "/auth/refresh-token"), _TOKEN),
    _of_payments("POST", f"{_PAYMENTS}/logout", ("PUT", "/auth/logout"), _TOKEN),
    _of_payments("GET", f"{_PAYMENTS}/profile", ("GET", "/users/me")),
    _of_payments("GET", f"{_PAYMENTS}/me", ("GET", "/users/me")),
    # The shop knew no refresh: its cookie is ours, for /auth, and not one that all of /api would be sent.
    Alias("POST", "/api/user", ("POST", "/auth/register"), _REGISTRATION),
    Alias("GET", "/api/user", ("GET", "/users/me")),
    Alias("POST", "/api/login", ("POST", "/auth/login")),
)
SHOP_ALIASES = (
    Alias("POST", "/api/order", ("POST", "/orders"), _ORDER),
    Alias("GET", "/api/order", ("GET", "/orders")),
    Alias("GET", "/api/order/{order_id}", ("GET", "/orders/{order_id}")),
    Alias("POST", "/api/pay-order", ("POST", "/orders/{order_id}/pay"), _PAYMENT, named="order_id"),
    Alias("POST", "/api/notify", ("POST", "/notifications"), _NOTICE),
)
PAYMENT_ALIASES = (
    Alias("POST", "/payment/create-customer", ("POST", "/payments/customers")),
    Alias("POST", "/payment/checkout", ("POST", "/payments/checkout"), _CHECKOUT),
    Alias("POST", "/api/payments", ("POST", "/payments"), _NEW_PAYMENT),
    Alias("POST", "/api/payments/process", ("POST", "/payments/process"), _TRY),
    Alias("GET", "/api/payments/{payment_id}", ("GET", "/payments/{payment_id}")),
    Alias("GET", "/api/payments/{payment_id}/status", ("GET", "/payments/{payment_id}/status")),
    Alias("POST", "/api/payments/{payment_id}/process", ("POST", "/payments/{payment_id}/process"), _TRY_OF_ONE),
    Alias("POST", "/api/payments/{payment_id}/refund", ("POST", "/payments/{payment_id}/refund"), _REFUND),
    Alias("GET", "/api/transactions", ("GET", "/transactions")),
)
SERVICE_ALIASES = (
    Alias("GET", "/user/profile", _SERVICE, filled={"name": "user", "path": "profile"}),
    Alias("GET", "/product/list", _SERVICE, filled={"name": "product", "path": "list"}),
)
ALIASES = (*HEALTH_ALIASES, *ACCOUNT_ALIASES, *SHOP_ALIASES, *PAYMENT_ALIASES, *SERVICE_ALIASES)
