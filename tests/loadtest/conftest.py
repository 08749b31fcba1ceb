"""The simulated vendors on a free port of this process, and a plain client for them."""

import json
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from http.client import HTTPConnection
from typing import Any

import pytest

from loadtest.vendors.app import build_server


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

    def tell(self, *script: dict[str, object]) -> None:
        answer = self.ask("PUT", "/control/sync", json.dumps(script).encode())
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


@pytest.fixture(scope="session")
def running_vendors() -> Iterator[Vendors]:
    listener = socket.create_server(("127.0.0.1", 0))
    server = build_server()
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    yield Vendors(listener.getsockname()[1])
    server.should_exit = True
    thread.join(timeout=5)
    assert not thread.is_alive()


@pytest.fixture
def vendors(running_vendors: Vendors) -> Vendors:
    """The running vendors, well again and with nothing on record."""
    running_vendors.tell()
    running_vendors.ask("PUT", "/control/sync/idempotency", b'{"honoured": true}')
    running_vendors.ask("DELETE", "/control/calls")
    return running_vendors
