"""What the route of mails of orders takes and answers."""

from api.job_examples import ACCEPTED
from api.notification_bodies import TEMPLATES
from api.operation import Answer, Json, Operation, Operations
from api.shared_parts import IDEMPOTENCY_KEY
from api.views import AcceptedView

_ID = "0198f0c2-7d00-7000-8000-3f1a5b2c4d6e"
_BODY: Json = {
    "schema": {
        "type": "object",
        "additionalProperties": False,
        "required": ["user_id", "order_id", "template"],
        "properties": {
            "user_id": {"type": "string", "format": "uuid", "description": "Who is told: whose the order is."},
            "order_id": {"type": "string", "format": "uuid"},
            "template": {"enum": list(TEMPLATES), "description": "What happened to the order, some time."},
        },
    },
    "examples": {
        "shipped": {
            "value": {
                "user_id": "0198f0c2-7d00-7000-8000-0000000a11ce",
                "order_id": _ID,
                "template": "order_shipped",
            }
        }
    },
}
_KEY = {**IDEMPOTENCY_KEY, "description": "Printable ASCII. The same key with another body is a 422, for a day."}

NOTIFICATION_OPERATIONS: Operations = {
    ("post", "/notifications"): Operation(
        id="notify",
        tag="orders",
        summary="Have a mail of an order sent",
        description="One mail for each event of an order, ever: what was asked for before, by whomever, or went out by "
        "itself (order_paid, order_shipped, order_cancelled do), is answered with that mail's job, and "
        "`Idempotency-Replayed`. What has not happened to the order is a 409. The job is the gateway's own: admins "
        "read it under its `Location`; who repeats the request is told its `status`. Services and admins only.",
        parameters=(_KEY,),
        body=_BODY,
        answers=(
            Answer(
                202,
                "The mail's job is stored, or was before.",
                AcceptedView,
                ("Location", "Retry-After", "Idempotency-Replayed"),
                {"accepted": ACCEPTED},
                links=("Show", "Watch"),
            ),
        ),
        problems=(400, 401, 403, 409, 413, 415, 422, 500, 503),
    ),
}
