"""
How Stripe says no: one exception that carries the status and the body of the answer.

https://docs.stripe.com/api/errors and https://docs.stripe.com/error-codes
"""

from typing import Any

import msgspec

_DOCS = "https://docs.stripe.com/error-codes/"


class Refusal(Exception):
    """
    An answer that is an error. `details` are further members of `error`, such as `decline_code` or `payment_intent`.

    Nothing of it says whether anything was changed: a declined charge is on record.
    """

    def __init__(self, message: str, *, status: int = 400, kind: str = "invalid_request_error", **details: Any) -> None:
        super().__init__(message)
        self.status = status
        self.details = {"message": message, "type": kind, **details}

    def body(self, request_id: str) -> bytes:
        told = {name: value for name, value in self.details.items() if value is not None}
        if code := told.get("code"):
            told["doc_url"] = f"{_DOCS}{str(code).replace('_', '-')}"
        told["request_log_url"] = f"https://dashboard.stripe.com/test/logs/{request_id}"
        return msgspec.json.encode({"error": dict(sorted(told.items()))})


def missing(what: str, sought: str, param: str, status: int = 404) -> Refusal:
    """There is none of that id. 404 for the subject of the address, 400 for one that a parameter names."""
    return Refusal(f"No such {what}: '{sought}'", status=status, code="resource_missing", param=param)


def missing_param(param: str) -> Refusal:
    return Refusal(f"Missing required param: {param}.", code="parameter_missing", param=param)


def unexpected_state(message: str, **details: Any) -> Refusal:
    """The intent is not where it would have to be for that."""
    return Refusal(message, code="payment_intent_unexpected_state", **details)


def unknown_address(method: str, path: str) -> Refusal:
    return Refusal(
        f"Unrecognized request URL ({method}: {path}). "
        "Please see https://stripe.com/docs or we can help at https://support.stripe.com/.",
        status=404,
    )


def rate_limited() -> Refusal:
    return Refusal("Request rate limit exceeded. Learn more about rate limits.", status=429, code="rate_limit")


def lock_timeout(status: int) -> Refusal:
    return Refusal(
        "This object cannot be accessed right now because another API request or Stripe process is currently accessing "
        "it. If you see this error intermittently, retry the request.",
        status=status,
        code="lock_timeout",
    )


def trouble(status: int) -> Refusal:
    """Stripe's own fault."""
    return Refusal("An unknown error occurred. We have been notified of it.", status=status, kind="api_error")
