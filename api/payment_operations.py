"""What the routes of payments take and answer."""

from typing import Any

from api.job_examples import ACCEPTED
from api.operation import Answer, Json, Operation, Operations
from api.payment_bodies import LONGEST_DETAILS, METHOD_ID, Reason
from api.payment_views import PaymentStatusView, PaymentView, RefundView, TransactionList, TryView
from api.shared_parts import IDEMPOTENCY_KEY, IF_NONE_MATCH, PAYMENT_ID, TRANSACTION_QUERY
from api.views import AcceptedView
from domain.accounts.names import LONGEST_EMAIL
from domain.commerce.listing import LONGEST_NAME
from domain.money import MOST
from domain.payments.payments import Method

_ID = "0198f0c2-7d00-7000-8000-3f1a5b2c4d6f"
_JOB = "0198f0c2-7d00-7000-8000-3f1a5b2c4d70"
_REFUND_ID = "0198f0c2-7d00-7000-8000-3f1a5b2c4d71"
_CLIENT = "user:0198f0c2-7d00-7000-8000-0000000a11ce"
_AT = "2026-11-21T09:00:00Z"
_REFUND: dict[str, Any] = {
    "id": _REFUND_ID,
    "payment_id": _ID,
    "request_id": _REFUND_ID,
    "status": "pending",
    "amount": 500,
    "currency": "USD",
    "reason": "requested_by_customer",
    "failure": None,
    "by": "shop",
    "created_at": _AT,
}
_PENDING: dict[str, Any] = {
    "id": _ID,
    "client": _CLIENT,
    "status": "pending",
    "amount": 2000,
    "currency": "USD",
    "payment_method": "credit_card",
    "payment_method_id": None,
    "details": {"invoice": "A-17"},
    "order_id": None,
    "request_id": None,
    "captured": 0,
    "refunded": 0,
    "refunding": 0,
    "refundable": 0,
    "refunds": [],
    "failure": None,
    "next_action": None,
    "receipt_url": None,
    "created_at": _AT,
    "updated_at": _AT,
}
_PAID = {
    **_PENDING,
    "status": "completed",
    "payment_method_id": "pm_1NxYz",
    "request_id": _JOB,
    "captured": 2000,
    "refunding": 500,
    "refundable": 1500,
    "refunds": [_REFUND],
}
_STATUS = {
    "payment_id": _ID,
    "status": "failed",
    "request_id": _JOB,
    "failure": {"code": "card_declined", "message": "Your card was declined."},
    "next_action": None,
    "updated_at": _AT,
}
_TRY = {"payment_id": _ID, "request_id": _JOB, "status": "processing"}
_TRANSACTION = {
    "id": "0198f0c2-7d00-7000-8000-3f1a5b2c4d72",
    "payment_id": _ID,
    "client": _CLIENT,
    "type": "charge",
    "amount": 2000,
    "currency": "USD",
    "reference": "ch_3Nx",
    "created_at": _AT,
}
_CUSTOMER = {"id": "cus_Nx1", "object": "customer", "email": "jane@example.com", "name": "Jane Doe"}
_CHECKOUT = {"id": "cs_test_a1", "object": "checkout.session", "url": "https://checkout.stripe.com/c/pay/cs_test_a1"}

_AMOUNT: Json = {
    "type": "integer",
    "minimum": 1,
    "maximum": MOST,
    "description": "In minor units, and within the limits of its currency: of USD 50 to 99999999. Of a currency with "
    "three decimals (BHD) the last digit must be 0, of MGA the last two.",
}
_CURRENCY: Json = {"type": "string", "description": "ISO 4217, in any case.", "examples": ["USD"]}
_NAME: Json = {"type": "string", "minLength": 1, "maxLength": LONGEST_NAME}
_METHOD_ID: Json = {
    "type": "string",
    "pattern": f"^{METHOD_ID}$",
    "description": "The processor's id of a way to pay; never a card's number.",
}


def _body(example: Json, required: tuple[str, ...], **properties: Json) -> Json:
    schema: Json = {"type": "object", "additionalProperties": False, "properties": properties}
    if required:
        schema["required"] = list(required)
    return {"schema": schema, "examples": {"usual": {"value": example}}}


_MAKING = _body(
    {"amount": 2000, "currency": "USD", "payment_method": "credit_card", "details": {"invoice": "A-17"}},
    ("amount", "currency", "payment_method"),
    amount=_AMOUNT,
    currency=_CURRENCY,
    payment_method={"enum": [method.value for method in Method]},
    details={
        "type": ["object", "null"],
        "description": f"The client's own, kept as it is, at most {LONGEST_DETAILS} bytes. Data of cards is refused.",
    },
)
_TRYING = _body({"payment_method_id": "pm_1NxYz"}, ("payment_method_id",), payment_method_id=_METHOD_ID)
_TRYING_ONE = _body(
    {"payment_id": _ID, "payment_method_id": "pm_1NxYz"},
    ("payment_id", "payment_method_id"),
    payment_id={"type": "string", "format": "uuid"},
    payment_method_id=_METHOD_ID,
)
_REFUNDING = _body(
    {"amount": 500, "currency": "USD", "reason": "requested_by_customer"},
    (),
    amount={**_AMOUNT, "description": "In minor units; left out: all that is left."},
    currency={**_CURRENCY, "description": "If it is said, the payment's own."},
    reason={"enum": [*(reason.value for reason in Reason), None]},
)
_NEW_CUSTOMER = _body(
    {"name": "Jane Doe", "email": "jane@example.com"},
    ("name", "email"),
    name=_NAME,
    email={"type": "string", "format": "email", "maxLength": LONGEST_EMAIL},
)
_NEW_CHECKOUT = _body(
    {"currency": "USD", "product_name": "Red mug", "amount": 1999},
    ("currency", "product_name", "amount"),
    currency=_CURRENCY,
    product_name=_NAME,
    amount={**_AMOUNT, "type": ["integer", "string"], "pattern": "^[1-9][0-9]*$"},
)
_KEY: Json = {
    **IDEMPOTENCY_KEY,
    "description": "Printable ASCII. The same key with the same body gives the first payment, with another body 422.",
}
_KNOWN: Json = {**IF_NONE_MATCH, "description": "Tags that the client has: 304 while it is as one of them names it."}
_REFUND_KEY: Json = {
    **IDEMPOTENCY_KEY,
    "description": "Of one's own, for each refund of a payment. The same key with the same body gives the first "
    "refund, with another body 422; without one nothing is given back.",
    "required": True,
}
_SHOWN = ("ETag", "Cache-Control")
_BEGUN = ("Location", "Cache-Control", "Retry-After")
_OF_A_BODY = (400, 401, 403, 413, 415, 422, 500, 503)
_OF_ONE = (*_OF_A_BODY, 404, 409)
_TRIED = Answer(202, "It is on record, or was.", TryView, _BEGUN, {"begun": _TRY})
_UNCHANGED = Answer(304, "It is as If-None-Match has it.", headers=_SHOWN)
_HOW_IT_ENDS = (
    "It ends `completed` or `failed` by the processor's explicit word alone, or its buyer has to confirm it first "
    "(`requires_action`, `next_action`). While a try with the same way to pay is under way, that one is answered; with "
    "another, and for a payment that is completed or cancelled: 409. After an explicit no another try may be made."
)


def _made_there(what: str, example: Json, *more: str) -> tuple[Answer, ...]:
    headers = ("Gateway-Job-Id", *more, "Location", "Cache-Control")
    return (
        Answer(201, what, headers=headers, examples={"made": example}, schema={"type": "object"}),
        Answer(
            202,
            "Not made within 10 s, or nobody said no to it: its job tells what became of it.",
            AcceptedView,
            (*headers, "Retry-After"),
            {"accepted": ACCEPTED},
            links=("Show", "Watch"),
        ),
    )


PAYMENT_OPERATIONS: Operations = {
    ("post", "/payments/customers"): Operation(
        id="make_customer",
        tag="payments",
        summary="Make a customer at the processor",
        description="By a job, which is waited for up to 10 s. The answer is the processor's object as it gave it. Its "
        "explicit no is a 402 or 422 with its own code and words.",
        body=_NEW_CUSTOMER,
        answers=_made_there("The processor's customer.", _CUSTOMER),
        problems=(*_OF_A_BODY, 402),
    ),
    ("post", "/payments/checkout"): Operation(
        id="open_checkout",
        tag="payments",
        summary="Open a page to pay on",
        description="By a job, which is waited for up to 10 s. The answer is the processor's object as it gave it; "
        "its `url` is the page. It is a payment (`Gateway-Payment-Id`), which is shown, refunded and counted as the "
        "others are. Nobody is charged before a buyer pays there. The processor's explicit no is a 402 or 422 with its "
        "own code and words.",
        body=_NEW_CHECKOUT,
        answers=_made_there("The processor's checkout, with its `url`.", _CHECKOUT, "Gateway-Payment-Id"),
        problems=(*_OF_A_BODY, 402),
    ),
    ("post", "/payments"): Operation(
        id="make_payment",
        tag="payments",
        summary="Make a payment",
        description="Puts on record what is to be paid. Nobody is charged before it is processed.",
        parameters=(_KEY,),
        body=_MAKING,
        answers=(
            Answer(
                201,
                "It is pending.",
                PaymentView,
                ("Location", *_SHOWN, "Idempotency-Replayed"),
                {"pending": _PENDING},
            ),
        ),
        problems=_OF_A_BODY,
    ),
    ("post", "/payments/process"): Operation(
        id="process_named_payment",
        tag="payments",
        summary="Try a payment that the body names",
        description=_HOW_IT_ENDS,
        body=_TRYING_ONE,
        answers=(_TRIED,),
        problems=_OF_ONE,
    ),
    ("post", "/payments/{payment_id}/process"): Operation(
        id="process_payment",
        tag="payments",
        summary="Try a payment",
        description=_HOW_IT_ENDS,
        parameters=(PAYMENT_ID,),
        body=_TRYING,
        answers=(_TRIED,),
        problems=_OF_ONE,
    ),
    ("get", "/payments/{payment_id}"): Operation(
        id="show_payment",
        tag="payments",
        summary="Show a payment",
        description="With its refunds. One's own; for admins anybody's.",
        parameters=(PAYMENT_ID, _KNOWN),
        answers=(Answer(200, "The payment.", PaymentView, _SHOWN, {"payment": _PAID}), _UNCHANGED),
        problems=(401, 403, 404, 422, 500, 503),
    ),
    ("get", "/payments/{payment_id}/status"): Operation(
        id="show_payment_status",
        tag="payments",
        summary="Show how a payment stands",
        description="In short.",
        parameters=(PAYMENT_ID, _KNOWN),
        answers=(Answer(200, "How it stands.", PaymentStatusView, _SHOWN, {"declined": _STATUS}), _UNCHANGED),
        problems=(401, 403, 404, 422, 500, 503),
    ),
    ("post", "/payments/{payment_id}/refund"): Operation(
        id="refund_payment",
        tag="payments",
        summary="Give money back",
        description="All that is left, or a part. The sum of refunds, those that are pending and those made at the "
        "processor itself too, never exceeds what was captured: 409. It is reserved at once, and made by its job, "
        "whose id is the refund's. For admins, and for services of what was paid through them.",
        parameters=(PAYMENT_ID, _REFUND_KEY),
        body=_REFUNDING,
        body_required=False,
        answers=(Answer(202, "It is reserved.", RefundView, (*_BEGUN, "Idempotency-Replayed"), {"reserved": _REFUND}),),
        problems=_OF_ONE,
    ),
    ("get", "/transactions"): Operation(
        id="list_transactions",
        tag="payments",
        summary="List charges and refunds",
        description="One's own, newest first; an admin's list is everybody's. Their sum is what the processor holds: "
        "charges, less refunds, and with those that the bank would not take.",
        parameters=TRANSACTION_QUERY,
        answers=(
            Answer(
                200,
                "A page.",
                TransactionList,
                ("Link", "Cache-Control"),
                {"page": {"items": [_TRANSACTION], "next_cursor": None}},
            ),
        ),
        problems=(401, 403, 422, 500, 503),
    ),
}
