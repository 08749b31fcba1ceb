"""
The OpenAPI 3.1 document: the operations of `api.operations`, the schemas of the views themselves.

Litestar could draw the routes up, but not what most of the contract is about: raw bodies, header
semantics and problems. A test compares the operations with the routes that are really served.
"""

from typing import Any

import msgspec

from api.access import ACCESS
from api.account_views import ApiKeyList, ApiKeyView, AuditPage, SessionList, UserList, UserView
from api.auth_operations import AUTH_MODELS
from api.batches import BatchView
from api.configuration_views import ConfigurationHistory, ConfigurationVersionView
from api.exports import Export
from api.operation import Answer, Operation
from api.operations import OPERATIONS
from api.order_views import OrderList, OrderView, ShortProblem
from api.paying import OrderPaymentView
from api.payment_views import PaymentStatusView, PaymentView, RefundView, TransactionList, TryView
from api.product_views import ProductList, ProductView
from api.replays import ReplayView
from api.rules import Door, Rule
from api.shared_parts import HEADERS, LINKS, OF_EVERY_REQUEST, PROBLEMS
from api.submission_schema import SUBMISSION
from api.vendor_views import ControlView, VendorList, VendorView
from api.views import AcceptedView, JobList, JobView
from domain.edge.health import Health
from domain.edge.problems import MEDIA_TYPE, Problem

Json = dict[str, Any]

_MODELS = (
    *(AcceptedView, BatchView, ControlView, Health, JobList, JobView, Problem, ReplayView, VendorList, VendorView),
    *(ConfigurationHistory, ConfigurationVersionView),
    *(ProductList, ProductView),
    *(OrderList, OrderPaymentView, OrderView, ShortProblem),
    *(PaymentStatusView, PaymentView, RefundView, TransactionList, TryView),
    *(ApiKeyList, ApiKeyView, AuditPage, Export, SessionList, UserList, UserView, *AUTH_MODELS),
)
_OF_THE_GATE = (401, 403, 429, 503)
_FOR_SOME_WITHOUT = frozenset({Door.LENIENT, Door.SERVICE})  # as the operator has it
_REFERENCE = "#/components/schemas/{name}"
_DESCRIPTION = """Submit a job, get its id at once, and read the job until it has ended.

Every error is a problem (RFC 9457). `errors[].pointer` is a JSON Pointer into the body; what is not in the body is
pointed at under `/query/` and `/headers/`.

Where a rate holds, every answer tells it in `RateLimit-Policy` and `RateLimit`
(draft-ietf-httpapi-ratelimit-headers-11), a refusal too."""


def build_document() -> Json:
    _, schemas = msgspec.json.schema_components(_MODELS, ref_template=_REFERENCE)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Vendor gateway", "version": "1.0.0", "description": _DESCRIPTION},
        "paths": _paths(),
        "components": {
            "schemas": {"Submission": SUBMISSION, **schemas},
            "headers": HEADERS,
            "links": LINKS,
            "responses": {name: _problem_answer(description) for name, description in PROBLEMS.values()},
            "securitySchemes": {
                "bearer": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "The access token of a session, or an API key. Without one only where that is an "
                    "alternative and the operator allows it (GATEWAY_ANONYMOUS), and never through a proxy.",
                }
            },
        },
    }


def _paths() -> Json:
    paths: Json = {}
    for (method, path), operation in OPERATIONS.items():
        paths.setdefault(path, {})[method] = _operation(operation, ACCESS[method.upper(), path])
    return paths


def _operation(operation: Operation, rule: Rule) -> Json:
    responses: Json = {str(answer.status): _answer(answer) for answer in operation.answers}
    at_the_gate = () if rule.is_open else _OF_THE_GATE
    for status in sorted({*operation.problems, *OF_EVERY_REQUEST, *at_the_gate}):
        responses[str(status)] = {"$ref": f"#/components/responses/{PROBLEMS[status][0]}"}
    told: Json = {
        "operationId": operation.id,
        "tags": [operation.tag],
        "summary": operation.summary,
        "description": operation.description,
        "parameters": list(operation.parameters),
        "responses": responses,
        "security": _security(rule),
    }
    if operation.body is not None:
        content = {operation.body_media_type: operation.body}
        told["requestBody"] = {"required": operation.body_required, "content": content}
    if operation.callbacks is not None:
        told["callbacks"] = operation.callbacks
    return told


def _security(rule: Rule) -> list[Json]:
    """An empty object among them says that none is an alternative (OpenAPI 3.1.0, section 4.8.10)."""
    if rule.is_open:
        return []
    return [{"bearer": []}, {}] if rule.door in _FOR_SOME_WITHOUT else [{"bearer": []}]


def _answer(answer: Answer) -> Json:
    names = ("X-Request-ID", *answer.headers)
    told: Json = {"description": answer.description, "headers": {name: _header(name) for name in names}}
    schema = answer.schema if answer.model is None else {"$ref": _REFERENCE.format(name=answer.model.__name__)}
    if schema is not None:
        content: Json = {"schema": schema}
        if answer.examples:
            content["examples"] = {name: {"value": value} for name, value in answer.examples.items()}
        told["content"] = {answer.media_type: content}
    if answer.links:
        told["links"] = {name: {"$ref": f"#/components/links/{name}"} for name in answer.links}
    return told


def _problem_answer(description: str) -> Json:
    schema = {"$ref": _REFERENCE.format(name=Problem.__name__)}
    headers = {"X-Request-ID": _header("X-Request-ID")}
    if description == PROBLEMS[401][1]:
        headers["WWW-Authenticate"] = _header("WWW-Authenticate")
    if description == PROBLEMS[405][1]:
        headers["Allow"] = _header("Allow")
    if description == PROBLEMS[429][1]:
        headers |= {name: _header(name) for name in ("RateLimit-Policy", "RateLimit")}
    if description in {PROBLEMS[429][1], PROBLEMS[503][1]}:
        headers["Retry-After"] = _header("Retry-After")
    return {"description": description, "headers": headers, "content": {MEDIA_TYPE: {"schema": schema}}}


def _header(name: str) -> Json:
    return {"$ref": f"#/components/headers/{name}"}
