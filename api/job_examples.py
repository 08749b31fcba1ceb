"""Jobs as the examples of the OpenAPI document show them."""

from api.operation import Json

_ID = "0198f0c2-7d00-7000-8000-3f1a5b2c4d6e"
_SELF = f"/jobs/{_ID}"

ACCEPTED: Json = {"request_id": _ID, "status": "pending", "links": {"self": _SELF}}
_TIMES: Json = {
    "created_at": "2026-11-21T09:00:00Z",
    "updated_at": "2026-11-21T09:00:00.420Z",
    "run_at": "2026-11-21T09:00:00Z",
    "deadline": "2026-11-22T09:00:00Z",
}
_JOB: Json = {"request_id": _ID, "vendorType": "sync", "priority": "normal", **_TIMES, "links": {"self": _SELF}}
COMPLETE: Json = {**_JOB, "status": "complete", "result": {"status": "success", "vendor": "syncVendor"}}
RUNNING: Json = {**_JOB, "status": "processing", "stage": "calling_vendor"}
FAILED: Json = {
    **_JOB,
    "status": "failed",
    "error": "the vendor said no (400)",
    "error_detail": {"code": "vendor_rejected", "vendor_status": 400, "attempts": 1, "retryable": True},
}
PENDING: Json = {**_JOB, "status": "pending", "stage": "queued"}
CANCELLED: Json = {**_JOB, "status": "cancelled"}
