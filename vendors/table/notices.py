"""What a webhook, or the answer to a poll, says of a job: one set of pointers for both."""

from domain.outcomes import Done, Failed
from domain.request_ids import read_request_id
from domain.webhooks import Notice, NotPromised
from vendors.json_slices import NothingThere, NotJson, read_pointer, slice_json
from vendors.table.pieces import reason_at, reference_at, scalar_at
from vendors.table.webhook_settings import WebhookTable

LONGEST_STATUS = 100  # characters: a job keeps fifty of them
SAID_NO = "The vendor says that it failed."


def read_notice(body: bytes, table: WebhookTable) -> Notice:
    """A webhook's body. Raises `NotPromised`, for a body that names no job too."""
    try:
        reference = None if table.reference is None else reference_at(body, read_pointer(table.reference))
        ours = None if table.request_id is None else scalar_at(body, read_pointer(table.request_id))
        request_id = None if ours is None else read_request_id(ours)
        if reference is None and request_id is None:
            raise NotPromised("it names no job: neither the table's reference nor its request_id is there")
        outcome, status = read_outcome(body, table)
    except NotJson:
        raise NotPromised("it is not JSON") from None
    return Notice(reference, request_id, outcome, status)


def read_outcome(body: bytes, table: WebhookTable) -> tuple[Done | Failed | None, str | None]:
    """What it came to, None while the vendor is at it, and the vendor's word. Raises `NotPromised`, `NotJson`."""
    if table.status is None:
        return Done(_result(body, table)), None
    status = scalar_at(body, read_pointer(table.status))
    if status is None:
        raise NotPromised("there is no status where the table's status points")
    if status in table.done:
        return Done(_result(body, table)), status
    if status in table.failed:
        reason = None if table.error is None else reason_at(body, read_pointer(table.error))
        return Failed("vendor_failed", reason or SAID_NO), status
    return None, status[:LONGEST_STATUS]


def _result(body: bytes, table: WebhookTable) -> str:
    try:
        result = slice_json(body, read_pointer(table.result))
    except NothingThere:
        raise NotPromised("it says done, and there is nothing where the table's result points") from None
    return result
