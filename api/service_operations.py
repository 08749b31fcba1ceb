"""What the route of services takes and answers: whatever they do."""

from api.access import SERVICE_METHODS
from api.operation import Answer, Json, Operation, Operations

_NAME: Json = {
    "in": "path",
    "name": "name",
    "description": "The service's name in the tables.",
    "required": True,
    "schema": {"type": "string", "pattern": "^[a-z][a-z0-9_-]{0,63}$"},
}
_PATH: Json = {
    "in": "path",
    "name": "path",
    "description": "Passed on byte for byte, the query too; it may hold slashes, and no steps upwards.",
    "required": True,
    "schema": {"type": "string", "minLength": 1},
}
_WITH_BODY = frozenset({"POST", "PUT", "PATCH"})
_ANYTHING: Json = {}
_DESCRIPTION = (
    "The request goes to one of the service's instances, and its answer comes back as it is: any status, any type. "
    "Both are streamed. Who may ask is said by the service's table; `X-Gateway-Client` and `X-Gateway-Roles` tell the "
    "instance who did. Of the problems here, `service-unavailable` (503) means that nothing was done, "
    "`service-broken-off` (502) and `service-timeout` (504) that it may have been."
)


def _operation(method: str, path: str) -> Operation:
    below = path.endswith("{path}")
    return Operation(
        id=f"{method.lower()}_{'from' if below else 'at'}_service",
        tag="services",
        summary=f"Pass {method} on to a service",
        description=_DESCRIPTION,
        parameters=(_NAME, _PATH) if below else (_NAME,),
        answers=(Answer(200, "Whatever the service answers.", media_type="*/*", schema=_ANYTHING),),
        problems=(400, 401, 403, 404, 413, 500, 501, 502, 503, 504),
        body=_ANYTHING if method in _WITH_BODY else None,
        body_required=False,
        body_media_type="*/*",
    )


SERVICE_OPERATIONS: Operations = {
    (method.lower(), path): _operation(method, path)
    for path in ("/services/{name}/{path}", "/services/{name}")
    for method in SERVICE_METHODS
}
