"""A gateway as the command line meets it: requests that the test answers, and what a command said and came to."""

import json
from collections.abc import Callable
from typing import Any

import httpx
from click.testing import CliRunner, Result

from cli.api_options import Wiring
from cli.main import gateway

Answer = Callable[[httpx.Request], httpx.Response]

ID = "0198f0c2-7d00-7000-8000-3f1a5b2c4d6e"
JOB: dict[str, Any] = {
    "request_id": ID,
    "status": "pending",
    "vendorType": "sync",
    "priority": "normal",
    "created_at": "2026-11-21T09:00:00Z",
    "links": {"self": f"/jobs/{ID}"},
    "stage": "queued",
}


class Double:
    """Answers with what the test says; remembers the requests."""

    def __init__(self, *answers: httpx.Response | BaseException) -> None:
        self.requests: list[httpx.Request] = []
        self._answers = [*answers]

    def run(self, *args: str, stdin: bytes | None = None) -> Result:
        wiring = Wiring(httpx.MockTransport(self._answer), pause=lambda seconds: None)
        return CliRunner().invoke(gateway, list(args), obj=wiring, input=stdin)

    @property
    def body(self) -> Any:
        return json.loads(self.requests[-1].content)

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        answer = self._answers.pop(0)
        if isinstance(answer, BaseException):
            raise answer
        return answer


def ok(value: Any, status: int = 200) -> httpx.Response:
    return httpx.Response(status, json=value)


def problem(status: int, detail: str, **fields: Any) -> httpx.Response:
    return httpx.Response(status, json={"detail": detail, "trace_id": "t-1", "errors": [], **fields})
