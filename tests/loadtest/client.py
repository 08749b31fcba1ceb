"""A plain client of the simulated vendors."""

import json
import socket
from dataclasses import dataclass
from http.client import HTTPConnection
from typing import Any


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Vendors:
    """A client that opens a connection for each request, so that a cut one spoils no other."""

    port: int

    def ask(self, method: str, path: str, body: bytes | None = None, *, timeout: float = 5, **headers: str) -> Answer:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        try:
            connection.request(method, path, body, {name.replace("_", "-"): text for name, text in headers.items()})
            response = connection.getresponse()
            names = {name.lower(): text for name, text in response.getheaders()}
            return Answer(response.status, names, response.read())
        finally:
            connection.close()

    def call(self, payload: object, *, timeout: float = 5, **headers: str) -> Answer:
        return self.ask("POST", "/sync", json.dumps(payload).encode(), timeout=timeout, **headers)

    def tell(self, *script: dict[str, object], vendor: str = "sync") -> None:
        answer = self.ask("PUT", f"/control/{vendor}", json.dumps(script).encode())
        assert answer.status == 200, answer.body

    def stats(self, query: str = "") -> dict[str, Any]:
        return dict(self.ask("GET", f"/control/stats{query}").json)

    def calls(self, query: str = "") -> list[dict[str, Any]]:
        return list(self.ask("GET", f"/control/calls{query}").json["calls"])

    def raw_reply(self, request: bytes) -> bytes:
        """All bytes that come back on one connection until the vendor closes it."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=5) as line:
            line.sendall(request)
            return b"".join(iter(lambda: line.recv(65536), b""))
