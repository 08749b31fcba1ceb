"""What the route that begins an order's payment takes and answers."""

from typing import Any

from api.operation import Answer, Operation, Operations
from api.paying import OrderPaymentView
from api.shared_parts import ORDER_ID

_ID = "0198f0c2-7d00-7000-8000-3f1a5b2c4d6f"
_PAYMENT: dict[str, Any] = {
    "request_id": _ID,
    "payment_id": _ID,
    "redirect_url": "https://pay.example/checkouts/co_1",
    "short_url": "https://gateway.example/r/Zx8bQ0n3L1vKp2Td",
}
_HEADERS = ("Location", "Cache-Control")

PAYING_OPERATIONS: Operations = {
    ("post", "/orders/{order_id}/pay"): Operation(
        id="pay_order",
        tag="orders",
        summary="Pay an order",
        description="Begins the payment of the order's total, and waits up to 10 s for the processor's page. The order "
        "itself is the idempotency key: while its payment is under way, that one is answered, to two who ask at once "
        "as well. It is paid when the processor says so; a payment that fails ends the order, and its stock "
        "goes back. An order that is paid, cancelled or too old: 409; one whose total nobody can be charged: 409 "
        "(`amount-not-chargeable`), and it stays as it is. A gateway without a processor: 503 "
        "(`payments-not-configured`).",
        parameters=(ORDER_ID,),
        answers=(
            Answer(200, "Where to pay.", OrderPaymentView, _HEADERS, {"payment": _PAYMENT}),
            Answer(
                202,
                "Begun; the processor has not said yet where to pay. Ask again.",
                OrderPaymentView,
                (*_HEADERS, "Retry-After"),
                {"begun": {**_PAYMENT, "redirect_url": None, "short_url": None}},
            ),
        ),
        problems=(400, 401, 403, 404, 409, 413, 415, 422, 500, 503),
    ),
}
