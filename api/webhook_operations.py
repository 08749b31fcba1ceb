"""What the webhook receiver takes and answers. The route is another app's, described here all the same."""

from api.operation import Answer, Json, Operation, Operations


def _status(word: str) -> Json:
    return {"type": "object", "required": ["status"], "properties": {"status": {"const": word}}}


_VENDOR: Json = {
    "in": "path",
    "name": "vendor",
    "description": "The vendor's name in the tables.",
    "required": True,
    "schema": {"type": "string"},
}

RECEIVE = Operation(
    id="receive_webhook",
    tag="webhooks",
    summary="Take in a vendor's webhook",
    description="For vendors, not for clients. Signed as the vendor's table says: by Standard Webhooks 1.0, in "
    "`webhook-id`, `webhook-timestamp` and `webhook-signature`, or in the vendor's own header. The body is read as it "
    "comes and stored durably before the answer; a worker applies it. One that nobody can understand is kept for a "
    "person. In a minute an address may fail twenty times at one vendor; further failures are a 429, and a good "
    "signature always passes.",
    parameters=(_VENDOR,),
    body={"schema": {"description": "What the vendor's table says of its webhooks."}},
    answers=(
        Answer(202, "Stored, once for each id.", schema=_status("accepted"), examples={"new": {"status": "accepted"}}),
        Answer(
            200,
            "The id came before: nothing was stored, whatever the body says.",
            schema=_status("duplicate"),
            examples={"repeated": {"status": "duplicate"}},
        ),
    ),
    problems=(401, 404, 413, 429, 500, 503),
)

WEBHOOK_OPERATIONS: Operations = {("post", "/webhooks/{vendor}"): RECEIVE}
