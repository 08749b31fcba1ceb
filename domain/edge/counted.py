"""HTTP counted: answers by route, and the problems among them. Routes are named as the router spells them."""

import time

from litestar.types import Scope

from domain.metrics import HTTP_ANSWERS, HTTP_SECONDS, PROBLEMS
from domain.tallies import Tallies

METHODS = frozenset({"DELETE", "GET", "OPTIONS", "PATCH", "POST", "PUT"})  # HEAD is seen as GET here
OTHER = "other"
NO_ROUTE = "none"
_KEY = "gateway.problem"


def count_answer(counts: Tallies, scope: Scope, status: int, begun: float) -> None:
    """When its head is sent; `begun` is by the performance counter."""
    told = str(status)
    sent = scope["method"]  # type: ignore[typeddict-item]  # HTTP: all we serve
    method = sent if sent in METHODS else OTHER
    route = scope.get("path_template") or NO_ROUTE
    counts.add(HTTP_ANSWERS, method, route, told)
    counts.observe(HTTP_SECONDS, time.perf_counter() - begun, method, route)
    if _KEY in scope:
        counts.add(PROBLEMS, told, str(scope[_KEY]))  # type: ignore[literal-required]  # as below


def note_problem(scope: Scope, code: str) -> None:
    """Have the answer that follows counted as an operational error."""
    scope[_KEY] = code  # type: ignore[literal-required]  # ASGI lets an app add keys of its own
