"""What the route of short links answers."""

from api.operation import Answer, Json, Operation, Operations

_CODE: Json = {
    "in": "path",
    "name": "code",
    "description": "As a `short_url` ends.",
    "required": True,
    "schema": {"type": "string", "pattern": "^[A-Za-z0-9_-]{16}$"},
}

SHORT_LINK_OPERATIONS: Operations = {
    ("get", "/r/{code}"): Operation(
        id="follow",
        tag="orders",
        summary="Follow a short link",
        description="Sends a browser on to the payment page, for as long as the link is good. It leads to hosts that "
        "the operator lists (GATEWAY_SHORT_HOSTS) and to the payment processor's own, and nowhere else. A query is not "
        "looked at.",
        parameters=(_CODE,),
        answers=(Answer(302, "On to the page.", None, ("Location", "Cache-Control")),),
        problems=(404, 500, 503),
    ),
}
